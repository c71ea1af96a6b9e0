"""Replaced values: what fields of issues were before a run changed them, so that `undo` can give them back.

A repair writes into what the import that it corrects has replaced: both are taken back together.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, and_, delete, literal_column, or_, select, update

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
        is_create = and_(
            operations.c.source_id == replaced.c.source_id,
            operations.c.key == replaced.c.key,
            operations.c.act == Act.CREATE,
            operations.c.state == State.DONE,
            operations.c.issue_id == replaced.c.issue_id,  # the key may have another issue since
        )
        joined = replaced.join(operations, is_create)
        in_order = select(operations.c.id).select_from(joined)
        in_order = in_order.where(replaced.c.run_id == self._run_id).order_by(operations.c.id)
        stood_for = replaced.c.body_sha.label("sha"), replaced.c.content.label("row")
        statement = select(PENDING.c.details, replaced.c.wrote, *stood_for, *COLUMNS)
        statement = statement.select_from(joined.outerjoin(PENDING, IS_PENDING))
        # The sum hides the index of the run, from which each page would go through all of it.
        statement = statement.where(replaced.c.run_id + literal_column("0") == self._run_id)
        statement = statement.where(operations.c.id.in_(PORTION)).order_by(operations.c.id)
        with self._transaction() as connection:
            ids = array("q", connection.scalars(in_order))
        for portion in portions(ids):
            with self._transaction() as connection:
                page = connection.execute(statement, {"portion": portion}).all()
                later = find_later(connection, self._source_id, self._run_id, [issue.key for issue in page])
            for issue in page:
                create = as_known(issue[4:], pending=issue.details or b"")
                create = create._replace(body_sha=issue.sha, content=issue.row)
                yield Replaced(create, orjson.loads(issue.wrote), later.get(issue.key, {}))

    def before(self, key: str) -> dict[str, Any]:
        """Return field → value that the key's issue had before the run, texts whole."""
        statement = select(replaced.c.before).where(*_is_entry(self._source_id, key, self._run_id))
        with self._transaction() as connection:
            before = connection.scalar(statement)
        return {} if before is None else _decode(before)

    def later(self, keys: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return key → field → the last other run that replaced it since this run created or updated the issue."""
        creates, entries = operations.alias("its_create"), replaced.alias("own")
        create, entry, later_entry = creates.c, entries.c, LATER.c
        is_create = and_(create.source_id == later_entry.source_id, create.key == later_entry.key)
        is_create = and_(is_create, create.act == Act.CREATE, create.issue_id == later_entry.issue_id)
        is_same_issue = and_(entry.source_id == later_entry.source_id, entry.key == later_entry.key)
        is_same_issue = and_(is_same_issue, entry.run_id == self._run_id, entry.issue_id == later_entry.issue_id)
        is_later = or_(create.run_id == self._run_id, later_entry.attempt_id > entry.attempt_id)
        joined = LATER.join(creates, is_create).outerjoin(entries, is_same_issue)
        joined = joined.join(runs, runs.c.id == later_entry.run_id)
        statement = select(later_entry.key, later_entry.wrote, runs.c.name).select_from(joined)
        statement = statement.where(later_entry.source_id == self._source_id, later_entry.run_id != self._run_id)
        statement = statement.where(is_later, later_entry.key.in_(PORTION)).order_by(later_entry.attempt_id)
        later: dict[str, dict[str, str]] = {}
        with self._transaction() as connection:
            _name_fields(later, find_in_portions(connection, statement, keys))
        return later


def find_later(connection: Connection, source_id: int, run_id: int, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return key → field → the last run that has replaced it after this run did, the newest run at the end."""
    entry, later_entry = replaced.c, LATER.c
    is_later = and_(
        later_entry.source_id == entry.source_id,
        later_entry.key == entry.key,
        later_entry.issue_id == entry.issue_id,
        later_entry.attempt_id > entry.attempt_id,  # of this process or a later one: one at a time has a ledger
    )
    joined = replaced.join(LATER, is_later).join(runs, runs.c.id == later_entry.run_id)
    statement = select(later_entry.key, later_entry.wrote, runs.c.name).select_from(joined)
    statement = statement.where(entry.source_id == source_id, entry.run_id == run_id, entry.key.in_(PORTION))
    statement = statement.order_by(later_entry.attempt_id)
    later: dict[str, dict[str, str]] = {}
    _name_fields(later, find_in_portions(connection, statement, keys))
    return later


def _name_fields(later: dict[str, dict[str, str]], writes: Iterable[Any]) -> None:
    """Add (key, what was written, run) to key → field → run, the newest run at the end."""
    for key, wrote, name in writes:
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
    create, entry = operations.c, replaced.c
    is_entry = and_(entry.source_id == source_id, entry.key == create.key, entry.run_id == run_id)
    is_entry = and_(is_entry, entry.issue_id == create.issue_id)
    entry_columns = (
        entry.attempt_id,
        entry.wrote,
        entry.before,
        entry.body_sha.label("sha"),
        entry.content.label("row"),
    )
    statement = select(create.key, create.body_sha, create.content, *entry_columns)
    statement = statement.select_from(operations.outerjoin(replaced, is_entry))
    statement = statement.where(create.source_id == source_id, create.key.in_([key for key, *_ in writes]))
    statement = statement.where(create.act == Act.CREATE)
    stored_by_key = {stored.key: stored for stored in connection.execute(statement)}
    rows = []
    for key, issue_id, write in writes:
        stored = stored_by_key[key]
        before, wrote = dict(write.before), dict(write.wrote)
        body_sha, content = stored.body_sha, stored.content
        if stored.before is not None:
            first_values, earlier_writes = _decode(stored.before), orjson.loads(stored.wrote)
            for name, value in first_values.items():
                # What stands there by this run's own earlier write is not what it was before the run.
                if name not in before or earlier_writes[name] == write.stood_for[name]:
                    before[name] = value
            wrote = earlier_writes | wrote
            body_sha, content = stored.sha, stored.row
        attempt = max(attempt_id, stored.attempt_id or 0)
        values = (orjson.dumps(wrote), zlib.compress(orjson.dumps(before)), body_sha, content)
        rows.append((source_id, key, run_id, attempt, issue_id, *values))
    RECORD.execute(connection, rows)


def forget(connection: Connection, source_id: int, run_id: int, key: str, keep: Collection[str]) -> None:
    """Forget what fields were before a run, as they have been given back; not those to keep, nor what runs wrote later.

    The numbers of other issues that a description got by this run are not in the one that it has again.
    """
    is_entry = _is_entry(source_id, key, run_id)
    statement = select(replaced.c.wrote, replaced.c.before).where(*is_entry)
    entry = connection.execute(statement).one_or_none()
    if entry is None:
        return
    later = find_later(connection, source_id, run_id, [key])
    kept_fields = {*keep, *later.get(key, {})}
    wrote, before = orjson.loads(entry.wrote), _decode(entry.before)
    remaining = [name for name in wrote if name in kept_fields]
    if remaining:
        values = {
            "wrote": orjson.dumps({name: wrote[name] for name in remaining}),
            "before": zlib.compress(orjson.dumps({name: before[name] for name in remaining})),
        }
        connection.execute(update(replaced).where(*is_entry).values(values))
    else:
        connection.execute(delete(replaced).where(*is_entry))
    if "description" in wrote and "description" not in kept_fields:
        numbers = (operations.c.source_id == source_id, operations.c.key == key, operations.c.act == Act.REFER)
        connection.execute(update(operations).where(*numbers).values(state=State.UNSENT.value))


def _is_entry(source_id: int, key: str, run_id: int) -> Sequence[ColumnElement[bool]]:
    return replaced.c.source_id == source_id, replaced.c.key == key, replaced.c.run_id == run_id


def _decode(before: bytes) -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads(zlib.decompress(before))
    return values
