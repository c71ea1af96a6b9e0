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
from sqlalchemy import CompoundSelect, Connection, Subquery, and_, except_, func, or_, select, true, union_all, update

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

    def __init__(self, transaction: Transaction, this: Any, before: Any, snapshots: Sequence[int] = ()) -> None:
        self._transaction, self._source_id = transaction, this.source_id
        self._this, self._before, self._snapshots = this.id, before.id, snapshots
        self.name, self.last_at = before.name, before.repeated_at or before.started_at
        self.notices = read_notices(orjson.loads(before.summary or b"{}"))
        has_all = _says(this.options, {SNAPSHOT})
        self.lasting = [] if has_all else [each for each in self.notices if each.cause in LASTING]

    def find_vanished(self) -> tuple[array[int], array[int]]:
        """Return the creates of issues whose keys this run no longer has, in the order of their creation.

        Those that the previous run had, and those that an earlier snapshot did.
        """
        with packed_keys(self._transaction, (self._before, self._this)) as (connection, packed):

            def keys_of(run_id: int) -> Subquery:
                every = (select(each.c.key).where(each.c.run_id == run_id, each.c.key != "") for each in (rows, packed))
                return union_all(*every).subquery()

            this, before = select(keys_of(self._this)), select(keys_of(self._before))
            earlier = select(operations.c.key).where(
                operations.c.source_id == self._source_id,
                operations.c.run_id.in_(self._snapshots),
                operations.c.key != "",
            )
            gone = self._find_issues(connection, except_(before, this))
            return gone, self._find_issues(connection, except_(earlier, this, before))

    def read_issues(self, creates: array[int]) -> Iterator[tuple[str, str, str]]:
        """Yield key, number and id of the issues of these creates."""
        columns = (operations.c.key, operations.c.triage_id, operations.c.issue_id)
        page = select(*columns).where(operations.c.id.in_(PORTION)).order_by(operations.c.id)
        for some in portions(creates):
            with self._transaction() as connection:
                found = connection.execute(page, {"portion": some}).all()
            yield from map(tuple, found)

    def _find_issues(self, connection: Connection, keys: CompoundSelect[Any]) -> array[int]:
        """Return the ids of the creates of these keys' issues, in the order of their creation."""
        gone = keys.subquery("gone")
        issue = and_(
            operations.c.source_id == self._source_id,
            operations.c.key == gone.c.key,
            operations.c.act == Act.CREATE,
            operations.c.state == State.DONE,
        )
        statement = select(operations.c.id).select_from(gone.join(operations, issue)).order_by(operations.c.id)
        return array("q", connection.scalars(statement, execution_options={"yield_per": PAGE}))

    def read_reasons(self, *, recurs: bool = False) -> set[int]:
        """Return why rows of the previous run needed somebody, see `hash_reasons`.

        With `recurs` a key has many rows: then what a row says counts, too.
        """
        its = select(rows.c.key, rows.c.outcome, rows.c.findings, rows.c.raw, rows.c.conflicts)
        its = its.where(rows.c.run_id == self._before, rows.c.key != "", rows.c.findings.is_not(None))
        with self._transaction() as connection:
            found = connection.execute(its, execution_options={"yield_per": PAGE})
            reasons = set[int]()
            for key, outcome, findings, raw, conflicts in found:
                said = _read_said(findings, raw if recurs else None)
                reasons.update(*hash_reasons(key, outcome, *said, conflicts).values())
            return reasons


def is_told_again(put_off: Iterable[str], last: float, now: float) -> bool:
    """Whether what stands is said again: once a week, and on a day until which something of it was put off."""
    before, at = map(datetime.fromtimestamp, (last, now))
    return at.isocalendar()[:2] != before.isocalendar()[:2] or any(
        f"{before:%Y-%m-%d}" < day <= f"{at:%Y-%m-%d}" for day in put_off
    )


def count_rows(transaction: Transaction, name: str) -> int:
    """Count the registered rows of the run of this name."""
    with transaction() as connection:
        run_id = connection.execute(select(runs.c.id).where(runs.c.name == name)).scalar_one()
        stored = connection.scalar(select(func.count()).where(rows.c.run_id == run_id)) or 0
        return stored + count_packed(connection, run_id)


def find_pair(transaction: Transaction, name: str, *, snapshots: bool = False) -> Pair | None:
    """Pair the run of this name with the previous one, None if there is none to compare with.

    Both must have read their whole input; with `snapshots`, the inputs must be snapshots of all records.
    """
    with transaction() as connection:
        refresh_statistics(connection)
        this = connection.execute(select(runs).where(runs.c.name == name)).one()
        earlier = (
            select(runs.c.id, runs.c.name, runs.c.options, runs.c.started_at, runs.c.repeated_at, runs.c.summary)
            .where(runs.c.source_id == this.source_id, runs.c.kind == RunKind.IMPORT)
            .where(runs.c.state == "finished", runs.c.id < this.id)
            .order_by(runs.c.id.desc())
        )
        kept = connection.execute(earlier).all()
    wanted = {WHOLE, SNAPSHOT} if snapshots else {WHOLE}
    last = next((run for run in kept if _says(run.options, wanted)), None)
    if last is None or not _says(this.options, wanted):
        return None
    return Pair(transaction, this, last, [run.id for run in kept if snapshots and _says(run.options, {SNAPSHOT})])


def read_recent(transaction: Transaction, target: str, source_name: str, name: str, since: float) -> list[Any]:
    """Return what a source's imports that began since then, in seconds since 1970, have kept under a name."""
    recent = select(runs.c.options).join(sources, sources.c.id == runs.c.source_id).join(targets)
    its = [targets.c.url == target, sources.c.name == source_name, runs.c.kind == RunKind.IMPORT]
    with transaction() as connection:
        kept = connection.scalars(recent.where(*its, runs.c.started_at >= since)).all()
    return [options[name] for options in map(orjson.loads, kept) if name in options]


def read_kept(
    transaction: Transaction, target: str, source_name: str, name: str, *, mapping: str = "", is_finished: bool = False
) -> Any | None:
    """Return what a source's last import has kept for the next under a name: {} if nothing, None if there was none.

    Only imports with the mapping of this name count, if one is given, and only those that finished, with `is_finished`.
    """
    last = select(runs.c.options).join(sources, sources.c.id == runs.c.source_id).join(targets)
    its = [targets.c.url == target, sources.c.name == source_name, runs.c.kind == RunKind.IMPORT]
    its += [runs.c.state == "finished"] if is_finished else []
    with transaction() as connection:
        newest = last.where(*its).order_by(runs.c.id.desc())
        with connection.scalars(newest, execution_options={"yield_per": 1}) as every:
            for options in map(orjson.loads, every):
                if not mapping or options.get(MAPPING, mapping) == mapping:
                    return options.get(name, {})
    return None


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
        reasons[cause] = frozenset({hash((key, cause)), *(hash((key, cause, str(part))) for part in parts)})
    return reasons


def reasons_of(codes: Sequence[str], fields: Sequence[str], messages: Sequence[str], raw: Raw = None) -> Reasons:
    """Return why a row is rejected: codes, fields and messages; the value that was rejected is in the message.

    `raw` is the whole row, where its key alone doesn't say which one it is.
    """
    found = zip(codes, fields, messages, strict=True)
    said = [(code, field, "" if code in PLACED_CODES else message) for code, field, message in found]
    return tuple(said) if raw is None else (*said, raw if isinstance(raw, str) else tuple(raw))


def _read_said(findings: bytes, raw: bytes | None) -> tuple[list[str], list[str], list[str], Raw]:
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
    its_runs = and_(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT)
    create = and_(
        operations.c.source_id == source_id,
        operations.c.key == rows.c.key,
        operations.c.act == Act.CREATE,
        operations.c.state == State.DONE,
    )
    update = and_(
        UPDATES.c.source_id == source_id,
        UPDATES.c.key == rows.c.key,
        UPDATES.c.act == Act.UPDATE,
        UPDATES.c.state == State.DONE,
    )
    last = func.coalesce(UPDATES.c.run_id, operations.c.run_id)
    written = (
        select(rows.c.key, runs.c.name, operations.c.issue_id, operations.c.triage_id)
        # Outer, though `last` leaves only rows with a create: else SQLite goes through the rows once for each create.
        .select_from(
            rows.join(runs, runs.c.id == rows.c.run_id).outerjoin(operations, create).outerjoin(UPDATES, update)
        )
        .where(its_runs, rows.c.origin != "", true() if recurs else last == rows.c.run_id)
        .where(or_(rows.c.outcome == Outcome.CREATED, rows.c.outcome == Outcome.UPDATED))
    )
    rejected = (
        select(rows.c.key, rows.c.findings, rows.c.raw)
        .select_from(rows.join(runs, runs.c.id == rows.c.run_id))
        .where(its_runs, rows.c.outcome == Outcome.REJECTED, rows.c.key.in_(PORTION))
    )
    with transaction() as connection:
        corrected = {each.key: CorrectedRow(each.name, *each[2:], set()) for each in connection.execute(written)}
        for key, findings, raw in find_in_portions(connection, rejected, corrected):
            corrected[key].reasons.add(reasons_of(*_read_said(findings, raw if recurs else None)))
    return corrected


def find_fingerprint(transaction: Transaction, target: str, source_name: str) -> tuple[str, str]:
    """Return name and fingerprint of the newest run of a source, whatever it did; "" for each that doesn't exist."""
    newest = (
        select(runs.c.name, runs.c.fingerprint)
        .select_from(runs.join(sources, sources.c.id == runs.c.source_id).join(targets))
        .where(targets.c.url == target, sources.c.name == source_name)
        .order_by(runs.c.id.desc())
        .limit(1)
    )
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
    its = runs.c.source_id == source_id
    if creates:
        target_id = select(sources.c.target_id).where(sources.c.id == source_id).scalar_subquery()
        its = runs.c.source_id.in_(select(sources.c.id).where(sources.c.target_id == target_id))
    connection.execute(update(runs).where(its, runs.c.fingerprint != "").values(fingerprint=""))


def note_repeat(transaction: Transaction, run: str, at: float) -> tuple[int, float]:
    """Count a repetition of a run; return how many there are by now, and when the last one before this one was."""
    this = runs.c.name == run
    last = select(runs.c.repeats, func.coalesce(runs.c.repeated_at, runs.c.started_at)).where(this)
    with transaction() as connection:
        repeats, last_at = connection.execute(last).one()
        connection.execute(update(runs).where(this).values(repeats=repeats + 1, repeated_at=at))
    return repeats + 1, last_at
