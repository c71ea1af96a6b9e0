"""The sources that a ledger knows: how much of each is in Triage, whether it is retired, and where each key stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Select, and_, cast, func, or_, select, update

from importer.errors import UsageError
from importer.ledger.commands import say_target
from importer.ledger.schema import (
    UNDECIDED,
    RunKind,
    State,
    aliases,
    operations,
    rows,
    runs,
    sources,
    targets,
    unindexed_source,
)
from importer.ledger.statements import find_source, read_pages
from importer.ledger.store import Ledger
from importer.ledger.stored_rows import STORED, decode_row
from importer.phrases import listed, shell_join
from importer.records import Act, Outcome

NAMES_SHOWN = 5
KEYS_AT_ONCE = 10_000
SPREAD_OVER = 1 << 32
SPREAD = 2_654_435_761
"""SPREAD_OVER by the golden ratio: the multiples of it, modulo SPREAD_OVER, are spread evenly, and so are those of
every second or third number. So the ids of which that is small are, too, whatever else has ids between them.
"""


class KnownSource(NamedTuple):
    """A source in a target. Times are seconds since 1970.

    issues           keys that have an issue
    imports          runs that imported it
    last_run         name of the newest of them, "" if there is none
    last_started_at  0 if there is none
    retired_at       since when every `run` of it refuses, None if none does
    """

    target: str
    name: str
    issues: int
    imports: int
    last_run: str
    last_started_at: float
    retired_at: float | None


def list_sources(ledger: Ledger) -> list[KnownSource]:
    """Return all sources that the ledger knows, by target and name."""
    is_create = and_(operations.c.act == Act.CREATE, operations.c.state == State.DONE)
    issues = select(func.count()).where(operations.c.source_id == sources.c.id, is_create)
    issue_count = issues.correlate(sources).scalar_subquery()
    is_import = and_(runs.c.source_id == sources.c.id, runs.c.kind == RunKind.IMPORT)
    import_count = select(func.count()).where(is_import).correlate(sources).scalar_subquery()
    last_id = select(func.max(runs.c.id)).where(is_import).correlate(sources).scalar_subquery()
    newest = runs.alias("newest")
    of_newest = (newest.c.name, newest.c.started_at)
    statement = select(targets.c.url, sources.c.name, issue_count, import_count, *of_newest, sources.c.retired_at)
    statement = statement.select_from(sources.join(targets).outerjoin(newest, newest.c.id == last_id))
    statement = statement.order_by(targets.c.url, sources.c.name)
    known_sources = list[KnownSource]()
    with ledger.transaction() as connection:
        for *figures, last_run, started_at, retired_at in connection.execute(statement):
            known_sources.append(KnownSource._make((*figures, last_run or "", started_at or 0.0, retired_at)))
    return known_sources


def list_names(ledger: Ledger, target: str) -> list[str]:
    """Return the names of the sources that the ledger knows in a target, in order."""
    statement = select(sources.c.name).join(targets).where(targets.c.url == target).order_by(sources.c.name)
    with ledger.transaction() as connection:
        return list(connection.scalars(statement))


class IssueSample(NamedTuple):
    """Some of the keys of a source that have an issue.

    total      all of these keys
    undecided  keys of which nobody knows whether they have one
    step       one key in so many was chosen
    issues     key, content and snapshot of each, spread evenly over the order in which the issues were made
    """

    total: int
    undecided: int
    step: int
    issues: Sequence[tuple[str, bytes, bytes]]


def sample_issues(ledger: Ledger, target: str, name: str, limit: int) -> IssueSample:
    """Choose at most so many keys of a source."""
    create = operations.c
    is_done, is_undecided = create.state == State.DONE, create.state.in_(UNDECIDED)
    issues = list[tuple[str, bytes, bytes]]()
    with ledger.transaction() as connection:
        is_create = (create.source_id == find_source(connection, target, name), create.act == Act.CREATE)
        # Counted in one go: to read the state of each takes most of the time.
        counts = select(func.count().filter(is_done), func.count().filter(is_undecided)).where(*is_create)
        total, undecided = connection.execute(counts).one()
        step = max(1, -(-total // limit))
        if total:
            is_chosen = cast(create.id, BigInteger) * SPREAD % SPREAD_OVER < SPREAD_OVER // step
            statement = select(create.key, create.content, create.returned).where(*is_create, is_done, is_chosen)
            statement = statement.order_by(create.id).limit(limit)
            issues += [(key, content, returned) for key, content, returned in connection.execute(statement)]
    return IssueSample(total, undecided, step, issues)


def read_keys(ledger: Ledger, target: str, name: str) -> Iterator[Sequence[str]]:
    """Yield the keys of a source whose issues were or were to be created, a page at a time, from an index."""
    create = operations.c
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
    statement = select(create.key).where(create.source_id == source_id, create.act == Act.CREATE)
    for page in read_pages(ledger.transaction, statement, create.key, limit=KEYS_AT_ONCE):
        yield [key for (key,) in page]


def no_source(ledger: Ledger, target: str, name: str) -> UsageError:
    """Return the error for a source that a ledger doesn't know in a target; its hint names those that it knows."""
    known_sources = [f"{source.name} in {source.target}" for source in list_sources(ledger)]
    hint = "It knows no source yet."
    if known_sources:
        names = listed(known_sources, NAMES_SHOWN)
        hint = f"Known sources: {names}. Choose the target with --sandbox or --api-url URL."
    return UsageError(f"{ledger.name} knows no source {name!r} in {target}.", hint=hint)


def set_retired(ledger: Ledger, target: str, name: str, retired_at: float | None) -> KnownSource:
    """Retire a source, or with None take that back; returns it as it was before.

    Raises:
        UsageError: the ledger knows no source of this name in this target.
    """
    before = None
    for source in list_sources(ledger):
        if (source.target, source.name) == (target, name):
            before = source
    if before is None:
        raise no_source(ledger, target, name)
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
        connection.execute(update(sources).where(sources.c.id == source_id).values(retired_at=retired_at))
    return before


def refuse_retired(ledger: Ledger, target: str, name: str) -> None:
    """Make sure that a source isn't retired.

    Raises:
        UsageError: it is; the hint has the command that lifts it.
    """
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
        retired_at = connection.scalar(select(sources.c.retired_at).where(sources.c.id == source_id))
    if retired_at is not None:
        raise UsageError(
            f"The source {name!r} was retired on {datetime.fromtimestamp(retired_at):%Y-%m-%d}: "
            f"nothing of it is sent to {target} any more.",
            hint=f"An old schedule may be at work. If this import is meant: {how_to_resume(ledger, target, name)}",
        )


def how_to_resume(ledger: Ledger, target: str, name: str) -> str:
    """Return the command that takes the retirement of a source back."""
    return shell_join(["triage-import", "sources", "resume", name, *say_target(target), "--ledger", ledger.name])


PAGE = 1000


class KeyState(StrEnum):
    """The state of a key over all runs."""

    IN_TRIAGE = "in Triage"
    UNDONE = "undone"  # its issue was deleted or closed by `undo`
    UNKNOWN = "unknown"
    FAILED = "failed"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    PLANNED = "planned"  # still to be sent


OF_CREATES = {
    State.DONE: KeyState.IN_TRIAGE,
    State.DELETED: KeyState.UNDONE,
    State.SENT: KeyState.UNKNOWN,
    State.UNKNOWN: KeyState.UNKNOWN,
    State.REFUSED: KeyState.FAILED,
}
"""State of a create → what it says of its key; in any other its row says it."""
OF_ROWS = {
    Outcome.UNKNOWN: KeyState.UNKNOWN,
    Outcome.FAILED: KeyState.FAILED,
    Outcome.REJECTED: KeyState.REJECTED,
    Outcome.SKIPPED: KeyState.SKIPPED,
}


class CrosswalkEntry(NamedTuple):
    """A key; `run` is the one that last worked on it, `returned` the snapshot of its issue, `link` its old address.

    Of an issue that has moved it is the key that the source has it under now; `earlier_keys` are the others.
    """

    key: str
    title: str
    link: str
    state: KeyState
    triage_id: str
    issue_id: str
    code: str
    message: str
    run: str
    returned: bytes
    earlier_keys: Sequence[str] = ()


def walk(ledger: Ledger, target: str, name: str) -> Iterator[CrosswalkEntry]:
    """Yield every key of a source: first those that have or had an issue, in the order of their creation.

    Raises:
        UsageError: the ledger knows no source of this name in this target.
    """
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
    if not source_id:
        raise no_source(ledger, target, name)
    creates = _creates().where(unindexed_source == source_id, operations.c.act == Act.CREATE)
    has_issue = operations.c.state.in_((State.DONE, State.DELETED))
    moved = _find_moved(ledger, source_id)
    for entry in _walk_issues(ledger, creates.where(has_issue)):
        key, *earlier_keys = moved.get(entry.key, (entry.key,))
        yield entry._replace(key=key, earlier_keys=earlier_keys)
    row_keys = set[str]()
    keys_of_moved = set(chain.from_iterable(moved.values()))
    with ledger.transaction() as connection:
        for row in connection.execute(_rows_without_issue(source_id), execution_options={"yield_per": PAGE}):
            row_keys.add(row.key)
            if row.key not in keys_of_moved:
                yield _of_row(row)
    # Of a run that was pruned there are no rows.
    for entry in _walk_issues(ledger, creates.where(~has_issue)):
        if entry.key not in row_keys:
            yield entry


def _find_moved(ledger: Ledger, source_id: int) -> dict[str, list[str]]:
    """Find all keys of each issue that the source has moved, by the one that it had first; the present one leads."""
    is_of_source = aliases.c.source_id == source_id
    newest_last = select(rows.c.key, rows.c.alias).select_from(rows.join(runs, runs.c.id == rows.c.run_id))
    newest_last = newest_last.where(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT)
    newest_last = newest_last.where(rows.c.key.in_(select(aliases.c.first).where(is_of_source)))
    newest_last = newest_last.order_by(rows.c.run_id)
    keys = dict[str, list[str]]()
    with ledger.transaction() as connection:
        for alias in connection.execute(select(aliases).where(is_of_source).order_by(aliases.c.key)):
            keys.setdefault(alias.first, [alias.first]).append(alias.key)
        # Of a key whose runs were pruned the ledger has the keys alone.
        present = {first: keys_of_issue[-1] for first, keys_of_issue in keys.items()}
        if keys:
            for key, alias in connection.execute(newest_last, execution_options={"yield_per": PAGE}):
                present[key] = alias or key
    for first, keys_of_issue in keys.items():
        present_key = present[first]
        keys[first] = [present_key, *(key for key in keys_of_issue if key != present_key)]
    return keys


def _creates() -> Select[Any]:
    return select(operations, runs.c.name.label("run")).join(runs, runs.c.id == operations.c.run_id)


def _walk_issues(ledger: Ledger, statement: Select[Any]) -> Iterator[CrosswalkEntry]:
    for create in chain.from_iterable(read_pages(ledger.transaction, statement, operations.c.id)):
        key, link, returned = create.key, create.link, create.returned
        issue = orjson.loads(returned) if returned else {}
        title = issue.get("title") or ""
        state = OF_CREATES.get(State(create.state), KeyState.PLANNED)
        row_status = issue.get("sent", {}).get("status", "closed")  # which an undo keeps beside what it has done
        if state is KeyState.IN_TRIAGE and issue.get("status") == "closed" != row_status:
            state = KeyState.UNDONE
        code, message = create.code, create.message
        if state is KeyState.IN_TRIAGE:
            code = message = ""
        number = create.triage_id
        yield CrosswalkEntry(key, title, link, state, number, create.issue_id, code, message, create.run, returned)


def _rows_without_issue(source_id: int) -> Select[Any]:
    """Select the newest row of each key that has and had no issue, with its create, if there is one."""
    row, create = rows.c, operations.c
    newest_first = (row.run_id.desc(), row.outcome == Outcome.SKIPPED, row.file, row.record)
    place = func.row_number().over(partition_by=row.key, order_by=newest_first).label("place")
    create_columns = (create.state, create.code.label("create_code"), create.message.label("create_message"))
    is_create = and_(create.source_id == source_id, create.key == row.key, create.act == Act.CREATE)
    joined = rows.join(runs, runs.c.id == row.run_id).outerjoin(operations, is_create)
    statement = select(*STORED, row.run_id, runs.c.name.label("run"), *create_columns, place).select_from(joined)
    statement = statement.where(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT, row.key != "")
    statement = statement.where(or_(create.id.is_(None), create.state.not_in((State.DONE, State.DELETED))))
    numbered = statement.subquery()
    columns = numbered.c
    return select(numbered).where(columns.place == 1).order_by(columns.run_id, columns.file, columns.record)


def _of_row(stored: Any) -> CrosswalkEntry:
    row = decode_row(stored)
    code, message = (row.codes[0], "; ".join(row.messages)) if row.codes else ("", "")
    state = OF_ROWS.get(row.outcome, KeyState.PLANNED)
    if stored.state in (*UNDECIDED, State.REFUSED):
        state = OF_CREATES[State(stored.state)]
        code, message = stored.create_code, stored.create_message
    link = "" if row.is_withheld else row.link
    return CrosswalkEntry(row.key, row.shown_title, link, state, "", "", code, message, stored.run, b"")
