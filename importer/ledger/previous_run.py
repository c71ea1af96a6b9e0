"""A source's runs before this one: which keys vanished since, which rejections are known already, what was corrected.

A run that had nothing to do has a fingerprint of all that decides what is written: one of the same would do nothing
again. Whatever writes an operation of the source takes it away: where there is one, the ledger is as the run left it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    Subquery,
    and_,
    except_,
    func,
    or_,
    select,
    true,
    union_all,
    update,
)

from importer.codes import CONFLICT
from importer.ledger.schema import RunKind, State, operations, rows, runs, sources, targets
from importer.ledger.statements import PORTION, Transaction, find_in_portions, find_source, portions, refresh_statistics
from importer.ledger.stored_rows import count_packed, packed_keys
from importer.notices import DUE, LASTING, find_causes, read_notices
from importer.records import Act, Outcome

WHOLE, SNAPSHOT = "whole", "snapshot"
"""Options of a run: that it read its whole input, and that the input was a snapshot of all records."""
MAPPING = "mapping"
"""Option of a run: the name of its mapping's file, or of the preset."""
EMPTIED = "emptied-of"
"""Option of a run: the project and name of the values that it emptied, and how many, see `check.brake.Emptied`."""
PAGE = 1000
Reasons = tuple[object, ...]
Raw = Sequence[str] | str | None
PLACED_CODES = ("key-duplicate", "group-rejected")
"""Codes whose message names the place of another row: it changes from run to run and is not compared."""


class Pair:
    """A run whose rows are all registered, and the last run before it that finished over its whole input.

    name      of the previous run
    notices   of the previous run
    last_at   when the previous run was, or was repeated
    lasting   of these notices, those that stand for keys, too, that this run doesn't have
    """

    def __init__(self, transaction: Transaction, run: Any, previous: Any, snapshots: Sequence[int] = ()) -> None:
        self._transaction, self._source_id = transaction, run.source_id
        self._run_id, self._previous_id, self._snapshots = run.id, previous.id, snapshots
        self.name = previous.name
        self.last_at = previous.repeated_at or previous.started_at
        self.notices = read_notices(orjson.loads(previous.summary or b"{}"))
        has_all = _says(run.options, {SNAPSHOT})
        self.lasting = [] if has_all else [notice for notice in self.notices if notice.cause in LASTING]

    def find_vanished(self) -> tuple[array[int], array[int]]:
        """Return the creates of issues whose keys this run no longer has, in the order of their creation.

        Those that the previous run had, and those that an earlier snapshot did.
        """
        with packed_keys(self._transaction, (self._previous_id, self._run_id)) as (connection, packed):

            def keys_of(run_id: int) -> Subquery:
                tables = (rows, packed)
                keys = [select(table.c.key).where(table.c.run_id == run_id, table.c.key != "") for table in tables]
                return union_all(*keys).subquery()

            keys = select(keys_of(self._run_id))
            previous_keys = select(keys_of(self._previous_id))
            operation = operations.c
            earlier_keys = select(operation.key).where(operation.source_id == self._source_id)
            earlier_keys = earlier_keys.where(operation.run_id.in_(self._snapshots), operation.key != "")
            vanished = self._find_issues(connection, except_(previous_keys, keys))
            vanished_earlier = self._find_issues(connection, except_(earlier_keys, keys, previous_keys))
            return vanished, vanished_earlier

    def read_issues(self, creates: array[int]) -> Iterator[tuple[str, str, str]]:
        """Yield key, number and id of the issues of these creates."""
        columns = (operations.c.key, operations.c.triage_id, operations.c.issue_id)
        page = select(*columns).where(operations.c.id.in_(PORTION)).order_by(operations.c.id)
        for portion in portions(creates):
            with self._transaction() as connection:
                issues = connection.execute(page, {"portion": portion}).all()
            yield from map(tuple, issues)

    def _find_issues(self, connection: Connection, keys: CompoundSelect[Any]) -> array[int]:
        """Return the ids of the creates of these keys' issues, in the order of their creation."""
        vanished = keys.subquery("gone")
        create = operations.c
        is_create = and_(create.source_id == self._source_id, create.key == vanished.c.key)
        is_create = and_(is_create, create.act == Act.CREATE, create.state == State.DONE)
        statement = select(create.id).select_from(vanished.join(operations, is_create)).order_by(create.id)
        return array("q", connection.scalars(statement, execution_options={"yield_per": PAGE}))

    def read_reasons(self, *, recurs: bool = False) -> set[int]:
        """Return why rows of the previous run needed somebody, see `hash_reasons`.

        With `recurs` a key has many rows: then what a row says counts, too.
        """
        statement = select(rows.c.key, rows.c.outcome, rows.c.findings, rows.c.raw, rows.c.conflicts)
        statement = statement.where(rows.c.run_id == self._previous_id, rows.c.key != "")
        statement = statement.where(rows.c.findings.is_not(None))
        reasons = set[int]()
        with self._transaction() as connection:
            previous_rows = connection.execute(statement, execution_options={"yield_per": PAGE})
            for key, outcome, findings, raw, conflicts in previous_rows:
                parts = _read_findings(findings, raw if recurs else None)
                reasons.update(*hash_reasons(key, outcome, *parts, conflicts).values())
        return reasons


def is_told_again(put_off: Iterable[str], last: float, at: float) -> bool:
    """Whether what stands is said again: once a week, and on a day until which something of it was put off."""
    last_time, time = datetime.fromtimestamp(last), datetime.fromtimestamp(at)
    if time.isocalendar()[:2] != last_time.isocalendar()[:2]:
        return True
    last_day, today = f"{last_time:%Y-%m-%d}", f"{time:%Y-%m-%d}"
    return any(last_day < day <= today for day in put_off)


def count_rows(transaction: Transaction, name: str) -> int:
    """Count the registered rows of the run of this name."""
    of_name = select(runs.c.id).where(runs.c.name == name)
    with transaction() as connection:
        run_id = connection.execute(of_name).scalar_one()
        stored = connection.scalar(select(func.count()).where(rows.c.run_id == run_id)) or 0
        return stored + count_packed(connection, run_id)


def find_pair(transaction: Transaction, name: str, *, snapshots: bool = False) -> Pair | None:
    """Pair the run of this name with the previous one, None if there is none to compare with.

    Both must have read their whole input; with `snapshots`, the inputs must be snapshots of all records.
    """
    with transaction() as connection:
        refresh_statistics(connection)
        run = connection.execute(select(runs).where(runs.c.name == name)).one()
        columns = runs.c
        earlier = select(
            columns.id, columns.name, columns.options, columns.started_at, columns.repeated_at, columns.summary
        )
        earlier = earlier.where(columns.source_id == run.source_id, columns.kind == RunKind.IMPORT)
        earlier = earlier.where(columns.state == "finished", columns.id < run.id).order_by(columns.id.desc())
        earlier_runs = connection.execute(earlier).all()
    required = {WHOLE, SNAPSHOT} if snapshots else {WHOLE}
    previous = next((earlier_run for earlier_run in earlier_runs if _says(earlier_run.options, required)), None)
    if previous is None or not _says(run.options, required):
        return None
    snapshot_ids = list[int]()
    if snapshots:
        snapshot_ids += [earlier_run.id for earlier_run in earlier_runs if _says(earlier_run.options, {SNAPSHOT})]
    return Pair(transaction, run, previous, snapshot_ids)


def read_recent(transaction: Transaction, target: str, source_name: str, name: str, since: float) -> list[Any]:
    """Return what a source's imports that began since then, in seconds since 1970, have kept under a name."""
    recent = _select_import_options(target, source_name).where(runs.c.started_at >= since)
    with transaction() as connection:
        options_of_runs = connection.scalars(recent).all()
    return [options[name] for options in map(orjson.loads, options_of_runs) if name in options]


def read_kept(
    transaction: Transaction, target: str, source_name: str, name: str, *, mapping: str = "", is_finished: bool = False
) -> Any | None:
    """Return what a source's last import has kept for the next under a name: {} if nothing, None if there was none.

    Only imports with the mapping of this name count, if one is given, and only those that finished, with `is_finished`.
    """
    imports = _select_import_options(target, source_name)
    if is_finished:
        imports = imports.where(runs.c.state == "finished")
    newest_first = imports.order_by(runs.c.id.desc())
    with transaction() as connection, connection.scalars(newest_first, execution_options={"yield_per": 1}) as texts:
        for options in map(orjson.loads, texts):
            if not mapping or options.get(MAPPING, mapping) == mapping:
                return options.get(name, {})
    return None


def _select_import_options(target: str, source_name: str) -> Select[Any]:
    statement = select(runs.c.options).join(sources, sources.c.id == runs.c.source_id).join(targets)
    return statement.where(targets.c.url == target, sources.c.name == source_name, runs.c.kind == RunKind.IMPORT)


def _says(options: bytes, names: set[str]) -> bool:
    return names <= {name for name, value in orjson.loads(options).items() if value}


def hash_reasons(
    key: str,
    outcome: str,
    codes: Sequence[str],
    fields: Sequence[str],
    messages: Sequence[str],
    raw: Raw = None,
    conflicts: bytes | str | None = None,
) -> dict[str, frozenset[int]]:
    """Hash why a row needs somebody, by cause: the cause itself, and each part of what is known of it.

    Of a row that was refused these are its codes, as Triage's words may have a time in them.
    """
    reasons = dict[str, frozenset[int]]()
    for cause in DUE.intersection(find_causes(outcome, codes)):
        match cause:
            case Outcome.REJECTED:
                parts: Iterable[object] = [reasons_of(codes, fields, messages, raw)]
            case Outcome.FAILED:
                parts = [sorted(codes)]
            case _ if cause == CONFLICT:
                parts = [field for field, *_ in orjson.loads(conflicts or b'[[""]]')]
            case _:
                parts = [field for code, field in zip(codes, fields, strict=True) if code == cause]
        hashes = {hash((key, cause, str(part))) for part in parts}
        reasons[cause] = frozenset({hash((key, cause)), *hashes})
    return reasons


def reasons_of(codes: Sequence[str], fields: Sequence[str], messages: Sequence[str], raw: Raw = None) -> Reasons:
    """Return why a row is rejected: codes, fields and messages; the value that was rejected is in the message.

    `raw` is the whole row, where its key alone doesn't say which one it is.
    """
    reasons = list[object]()
    for code, field, message in zip(codes, fields, messages, strict=True):
        reasons.append((code, field, "" if code in PLACED_CODES else message))
    if raw is not None:
        reasons.append(raw if isinstance(raw, str) else tuple(raw))
    return tuple(reasons)


def _read_findings(findings: bytes, raw: bytes | None) -> tuple[list[str], list[str], list[str], Raw]:
    """Codes, fields and messages of a row's findings, and the row itself, as `reasons_of` takes them."""
    codes, fields, messages, _ = orjson.loads(findings)
    return codes, fields, messages, None if raw is None else orjson.loads(raw)


UPDATES = operations.alias("updates")


class CorrectedRow(NamedTuple):
    """A key whose issue was last written from a corrected row.

    run      name of the run that did
    reasons  why its row was rejected before, in any run
    """

    run: str
    issue_id: str
    triage_id: str
    reasons: set[Reasons]


def find_corrected_rows(
    transaction: Transaction, target: str, name: str, *, recurs: bool = False
) -> dict[str, CorrectedRow]:
    """Return the corrected keys of a source: few, as somebody has corrected each of them by hand.

    With `recurs` a key has many rows: then what a row says counts, too, and a later one of its key doesn't replace it.
    """
    with transaction() as connection:
        source_id = find_source(connection, target, name)
    create, update, row = operations.c, UPDATES.c, rows.c
    is_import = and_(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT)
    is_create = and_(create.source_id == source_id, create.key == row.key)
    is_create = and_(is_create, create.act == Act.CREATE, create.state == State.DONE)
    is_update = and_(update.source_id == source_id, update.key == row.key)
    is_update = and_(is_update, update.act == Act.UPDATE, update.state == State.DONE)
    last = func.coalesce(update.run_id, create.run_id)
    of_runs = rows.join(runs, runs.c.id == row.run_id)
    # Outer, though `last` leaves only rows with a create: else SQLite goes through the rows once for each create.
    with_operations = of_runs.outerjoin(operations, is_create).outerjoin(UPDATES, is_update)
    written = select(row.key, runs.c.name, create.issue_id, create.triage_id).select_from(with_operations)
    written = written.where(is_import, row.origin != "", true() if recurs else last == row.run_id)
    written = written.where(or_(row.outcome == Outcome.CREATED, row.outcome == Outcome.UPDATED))
    rejected = select(row.key, row.findings, row.raw).select_from(of_runs)
    rejected = rejected.where(is_import, row.outcome == Outcome.REJECTED, row.key.in_(PORTION))
    corrected = dict[str, CorrectedRow]()
    with transaction() as connection:
        for key, run, issue_id, triage_id in connection.execute(written):
            corrected[key] = CorrectedRow(run, issue_id, triage_id, set())
        for key, findings, raw in find_in_portions(connection, rejected, corrected):
            parts = _read_findings(findings, raw if recurs else None)
            corrected[key].reasons.add(reasons_of(*parts))
    return corrected


def find_fingerprint(transaction: Transaction, target: str, source_name: str) -> tuple[str, str]:
    """Return name and fingerprint of the newest run of a source, whatever it did; "" for each that doesn't exist."""
    newest = select(runs.c.name, runs.c.fingerprint)
    newest = newest.select_from(runs.join(sources, sources.c.id == runs.c.source_id).join(targets))
    newest = newest.where(targets.c.url == target, sources.c.name == source_name)
    newest = newest.order_by(runs.c.id.desc()).limit(1)
    with transaction() as connection:
        name, fingerprint = connection.execute(newest).one_or_none() or ("", "")
    return name, fingerprint


def keep_fingerprint(transaction: Transaction, run: str, fingerprint: str) -> None:
    """Store the fingerprint of a run that had nothing to do."""
    with transaction() as connection:
        connection.execute(update(runs).where(runs.c.name == run).values(fingerprint=fingerprint))


def forget_fingerprint(connection: Connection, source_id: int, *, creates: bool = True) -> None:
    """Delete a source's fingerprint: called before anything of the source is written.

    If it `creates` issues, rows of the target's other sources may have waited for them: theirs are deleted, too.
    """
    is_stale = runs.c.source_id == source_id
    if creates:
        target_id = select(sources.c.target_id).where(sources.c.id == source_id).scalar_subquery()
        is_stale = runs.c.source_id.in_(select(sources.c.id).where(sources.c.target_id == target_id))
    statement = update(runs).where(is_stale, runs.c.fingerprint != "")
    connection.execute(statement.values(fingerprint=""))


def note_repeat(transaction: Transaction, run: str, at: float) -> tuple[int, float]:
    """Count a repetition of a run; return how many there are by now, and when the last one before this one was."""
    is_run = runs.c.name == run
    last = select(runs.c.repeats, func.coalesce(runs.c.repeated_at, runs.c.started_at)).where(is_run)
    with transaction() as connection:
        earlier_repeats, last_at = connection.execute(last).one()
        repeats = earlier_repeats + 1
        connection.execute(update(runs).where(is_run).values(repeats=repeats, repeated_at=at))
    return repeats, last_at
