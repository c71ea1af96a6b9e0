"""Two creates that were given the same issue: one of their answers is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Dialect, bindparam, literal_column, select, true

from importer.errors import RunStopped
from importer.ledger.schema import HAS_NUMBER, State, operations, unindexed_source
from importer.records import Act

if TYPE_CHECKING:
    from importer.ledger.journal import Decision


class SharedIssue(RunStopped):
    """Two creates were given the same issue."""

    def __init__(self, key: str, other: str, triage_id: str) -> None:
        super().__init__(
            f"Triage gave {key} and {other} the same issue, {triage_id}: one of them has none.",
            hint="A proxy or a cache may answer in its place. Run the same command again: it looks for both first.",
        )
        self.keys = (key, other)


def refuse_shared(connection: Connection, source_id: int, decisions: Sequence[Decision]) -> None:
    """Raise SharedIssue if an issue would become that of two keys: one of their creates was answered wrongly."""
    last = {decision.key: decision for decision in decisions if decision.operation is None}
    done = [decision for decision in last.values() if decision.state is State.DONE and decision.issue_id]
    made = {decision.issue_id: decision for decision in done}
    if len(made) < len(done):
        one, other = next((each, made[each.issue_id]) for each in done if made[each.issue_id] is not each)
        raise SharedIssue(one.key, other.key, other.triage_id)
    for key, issue_id in find_owners(connection, source_id, [each.triage_id for each in done]):
        if issue_id in made and key != made[issue_id].key and key not in last:
            raise SharedIssue(key, made[issue_id].key, made[issue_id].triage_id)


def find_owners(connection: Connection, source_id: int, triage_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return key and issue id of those creates of a source whose issue has one of these numbers, the `T-…`."""
    if not triage_ids:
        return []
    length = 1 << (len(triage_ids) - 1).bit_length()  # few lengths, so that few statements are compiled
    padded = (*triage_ids, *[triage_ids[-1]] * (length - len(triage_ids)))
    statement = _compile_owners(connection.dialect, length, "" not in triage_ids)
    return [(key, issue_id) for key, issue_id in connection.exec_driver_sql(statement, (source_id, *padded))]


@lru_cache
def _compile_owners(dialect: Dialect, length: int, have_numbers: bool) -> str:
    """Compile the query for so many numbers: SQLAlchemy's own list of values takes as long as all else of a commit."""
    names = [f"number_{place}" for place in range(length)]
    statement = select(operations.c.key, operations.c.issue_id).where(
        unindexed_source == bindparam("its_source"),
        operations.c.act == literal_column(f"'{Act.CREATE}'"),
        operations.c.state == literal_column(f"'{State.DONE}'"),
        operations.c.triage_id.in_(map(bindparam, names)),
        HAS_NUMBER if have_numbers else true(),
    )
    compiled = statement.compile(dialect=dialect)
    assert compiled.positiontup == ["its_source", *names]  # every engine here takes parameters by position
    return str(compiled)
