"""Replaced values: what fields of issues were before a run changed them, so that `undo` can give them back.

A repair writes into what the import that it corrects has replaced: both are taken back together.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, and_, delete, literal_column, or_, select, update

from importer.ledger.known_create import COLUMNS, IS_PENDING, PENDING, KnownCreate, as_known
from importer.ledger.schema import State, operations, replaced, runs
from importer.ledger.statements import PORTION, Transaction, find_in_portions, portions, upsert
from importer.records import Act

LATER = replaced.alias("later")
RECORD = upsert(replaced, ("source_id", "key", "run_id"))


class Replacement(NamedTuple):
    """The values of an issue that an update is about to replace, by field.

    before     the issue's values, texts whole
    stood_for  what they are by our last write, as a snapshot holds it; the issue's own where a person changed them
    wrote      the new values, as a snapshot holds them
    """

    before: Mapping[str, Any]
    stood_for: Mapping[str, Any]
    wrote: Mapping[str, Any]


class Replaced(NamedTuple):
    """An issue of which a run replaced values, if it still is the key's issue.

    create  its create, with body and content that it stood for before
    wrote   field → value that the run wrote, as a snapshot holds it
    later   field → the last run that wrote it later
    """

    create: KnownCreate
    wrote: Mapping[str, Any]
    later: Mapping[str, str]


class ReplacedValues:
    """Reads the values that one run has replaced. See `Run.replaced`."""

    def __init__(self, transaction: Transaction, source_id: int, run_id: int) -> None:
        self._transaction, self._source_id, self._run_id = transaction, source_id, run_id

    def issues(self) -> Iterator[Replaced]:
        """Yield the issues of which the run replaced values, in the order in which they were made.

        In memory are eight bytes of each, and a page.
        """
        create = and_(
            operations.c.source_id == replaced.c.source_id,
            operations.c.key == replaced.c.key,
            operations.c.act == Act.CREATE,
            operations.c.state == State.DONE,
            operations.c.issue_id == replaced.c.issue_id,  # the key may have another issue since
        )
        its = operations.c
        stood_for = replaced.c.body_sha.label("sha"), replaced.c.content.label("row")
        joined = replaced.join(operations, create)
        in_order = select(its.id).select_from(joined).where(replaced.c.run_id == self._run_id).order_by(its.id)
        statement = (
            select(PENDING.c.details, replaced.c.wrote, *stood_for, *COLUMNS)
            .select_from(joined.outerjoin(PENDING, IS_PENDING))
            # The sum hides the index of the run, from which each page would go through all of it.
            .where(replaced.c.run_id + literal_column("0") == self._run_id, its.id.in_(PORTION))
            .order_by(its.id)
        )
        with self._transaction() as connection:
            ids = array("q", connection.scalars(in_order))
        for some in portions(ids):
            with self._transaction() as connection:
                page = connection.execute(statement, {"portion": some}).all()
                later = find_later(connection, self._source_id, self._run_id, [each.key for each in page])
            for each in page:
                its_create = as_known(each[4:], pending=each.details or b"")
                its_create = its_create._replace(body_sha=each.sha, content=each.row)
                yield Replaced(its_create, orjson.loads(each.wrote), later.get(each.key, {}))

    def before(self, key: str) -> dict[str, Any]:
        """Return field → value that the key's issue had before the run, texts whole."""
        its = (replaced.c.source_id == self._source_id, replaced.c.key == key, replaced.c.run_id == self._run_id)
        with self._transaction() as connection:
            kept = connection.scalar(select(replaced.c.before).where(*its))
        return {} if kept is None else _decode(kept)

    def later(self, keys: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return key → field → the last other run that replaced it since this run created or updated the issue."""
        create, own = operations.alias("its_create"), replaced.alias("own")
        its_create = and_(
            create.c.source_id == LATER.c.source_id, create.c.key == LATER.c.key, create.c.act == Act.CREATE,
            create.c.issue_id == LATER.c.issue_id,
        )  # fmt: skip
        its_own = and_(
            own.c.source_id == LATER.c.source_id, own.c.key == LATER.c.key, own.c.run_id == self._run_id,
            own.c.issue_id == LATER.c.issue_id,
        )  # fmt: skip
        is_later = or_(create.c.run_id == self._run_id, LATER.c.attempt_id > own.c.attempt_id)
        statement = (
            select(LATER.c.key, LATER.c.wrote, runs.c.name)
            .select_from(LATER.join(create, its_create).outerjoin(own, its_own).join(runs, runs.c.id == LATER.c.run_id))
            .where(
                LATER.c.source_id == self._source_id, LATER.c.run_id != self._run_id, is_later, LATER.c.key.in_(PORTION)
            )
            .order_by(LATER.c.attempt_id)
        )
        later: dict[str, dict[str, str]] = {}
        with self._transaction() as connection:
            _name_fields(later, find_in_portions(connection, statement, keys))
        return later


def find_later(connection: Connection, source_id: int, run_id: int, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return key → field → the last run that has replaced it after this run did, the newest run at the end."""
    statement = (
        select(LATER.c.key, LATER.c.wrote, runs.c.name)
        .select_from(replaced.join(LATER, and_(
            LATER.c.source_id == replaced.c.source_id,
            LATER.c.key == replaced.c.key,
            LATER.c.issue_id == replaced.c.issue_id,
            LATER.c.attempt_id > replaced.c.attempt_id,  # of this process or a later one: one at a time has a ledger
        )).join(runs, runs.c.id == LATER.c.run_id))
        .where(replaced.c.source_id == source_id, replaced.c.run_id == run_id, replaced.c.key.in_(PORTION))
        .order_by(LATER.c.attempt_id)
    )  # fmt: skip
    later: dict[str, dict[str, str]] = {}
    _name_fields(later, find_in_portions(connection, statement, keys))
    return later


def _name_fields(later: dict[str, dict[str, str]], found: Iterable[Any]) -> None:
    """Add (key, what was written, run) to key → field → run, the newest run at the end."""
    for key, wrote, name in found:
        fields = later.setdefault(key, {})
        for field in orjson.loads(wrote):
            fields.pop(field, None)
            fields[field] = name


def record(
    connection: Connection, source_id: int, run_id: int, attempt_id: int, writes: Sequence[tuple[str, str, Replacement]]
) -> None:
    """Record values that are about to be replaced, with keys and issue ids; of each field the first one.

    `attempt_id` is an attempt of the run itself. A repair of it gives the first one: it maps the run's cells anew, so
    what it writes is no newer than what the run has written.
    """
    create = and_(
        operations.c.source_id == source_id, operations.c.key.in_([key for key, *_ in writes]),
        operations.c.act == Act.CREATE,
    )  # fmt: skip
    its = and_(
        replaced.c.source_id == source_id, replaced.c.key == operations.c.key, replaced.c.run_id == run_id,
        replaced.c.issue_id == operations.c.issue_id,
    )  # fmt: skip
    now = (operations.c.key, operations.c.body_sha, operations.c.content)
    then = (
        replaced.c.attempt_id, replaced.c.wrote, replaced.c.before,
        replaced.c.body_sha.label("sha"), replaced.c.content.label("row"),
    )  # fmt: skip
    statement = select(*now, *then).select_from(operations.outerjoin(replaced, its)).where(create)
    known = {each.key: each for each in connection.execute(statement)}
    rows = []
    for key, issue_id, write in writes:
        before, kept = dict(write.before), known[key]
        earlier: dict[str, Any] = {}
        if kept.before is not None:
            first, earlier = _decode(kept.before), orjson.loads(kept.wrote)
            # What stands there by this run's own earlier write is not what it was before the run.
            ours = (name for name in first if name not in before or earlier[name] == write.stood_for[name])
            before |= {name: first[name] for name in ours}
        rows.append(
            (
                source_id,
                key,
                run_id,
                max(attempt_id, kept.attempt_id or 0),
                issue_id,
                orjson.dumps({**earlier, **write.wrote}),
                zlib.compress(orjson.dumps(before)),
                kept.body_sha if kept.before is None else kept.sha,
                kept.content if kept.before is None else kept.row,
            )
        )
    RECORD.execute(connection, rows)


def forget(connection: Connection, source_id: int, run_id: int, key: str, kept: Collection[str]) -> None:
    """Forget what fields were before a run, as they have been given back; not those kept, nor what runs wrote later.

    The numbers of other issues that a description got by this run are not in the one that it has again.
    """
    its = (replaced.c.source_id == source_id, replaced.c.key == key, replaced.c.run_id == run_id)
    found = connection.execute(select(replaced.c.wrote, replaced.c.before).where(*its)).one_or_none()
    if found is None:
        return
    left = {*kept, *find_later(connection, source_id, run_id, [key]).get(key, {})}
    wrote, before = orjson.loads(found.wrote), _decode(found.before)
    remaining = [name for name in wrote if name in left]
    if remaining:
        values = {
            "wrote": orjson.dumps({name: wrote[name] for name in remaining}),
            "before": zlib.compress(orjson.dumps({name: before[name] for name in remaining})),
        }
        connection.execute(update(replaced).where(*its).values(values))
    else:
        connection.execute(delete(replaced).where(*its))
    if "description" in wrote and "description" not in left:
        numbers = (operations.c.source_id == source_id, operations.c.key == key, operations.c.act == Act.REFER)
        connection.execute(update(operations).where(*numbers).values(state=State.UNSENT.value))


def _decode(before: bytes) -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads(zlib.decompress(before))
    return values
