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
    made = and_(operations.c.act == Act.CREATE, operations.c.state == State.DONE)
    issues = (
        select(func.count()).where(operations.c.source_id == sources.c.id, made).correlate(sources).scalar_subquery()
    )
    its_imports = and_(runs.c.source_id == sources.c.id, runs.c.kind == RunKind.IMPORT)
    imports = select(func.count()).where(its_imports).correlate(sources).scalar_subquery()
    last = select(func.max(runs.c.id)).where(its_imports).correlate(sources).scalar_subquery()
    newest = runs.alias("newest")
    statement = (
        select(targets.c.url, sources.c.name, issues, imports, newest.c.name, newest.c.started_at, sources.c.retired_at)
        .select_from(sources.join(targets).outerjoin(newest, newest.c.id == last))
        .order_by(targets.c.url, sources.c.name)
    )
    with ledger.transaction() as connection:
        found = connection.execute(statement).all()
    return [KnownSource(*each[:4], each[4] or "", each[5] or 0.0, each[6]) for each in found]


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


def sample_issues(ledger: Ledger, target: str, name: str, most: int) -> IssueSample:
    """Choose at most so many keys of a source."""
    with ledger.transaction() as connection:
        its = (operations.c.source_id == find_source(connection, target, name), operations.c.act == Act.CREATE)
        done, undecided = operations.c.state == State.DONE, operations.c.state.in_(UNDECIDED)
        # Counted in one go: to read the state of each takes most of the time.
        counts = select(func.count().filter(done), func.count().filter(undecided)).where(*its)
        total, unsure = connection.execute(counts).one()
        step = max(1, -(-total // most))
        columns = (operations.c.key, operations.c.content, operations.c.returned)
        chosen = cast(operations.c.id, BigInteger) * SPREAD % SPREAD_OVER < SPREAD_OVER // step
        statement = select(*columns).where(*its, done, chosen).order_by(operations.c.id).limit(most)
        found = connection.execute(statement).all() if total else []
    return IssueSample(total, unsure, step, [(each.key, each.content, each.returned) for each in found])


def read_keys(ledger: Ledger, target: str, name: str) -> Iterator[Sequence[str]]:
    """Yield the keys of a source whose issues were or were to be created, a page at a time, from an index."""
    its = operations.c
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
    statement = select(its.key).where(its.source_id == source_id, its.act == Act.CREATE)
    for page in read_pages(ledger.transaction, statement, its.key, most=KEYS_AT_ONCE):
        yield [key for (key,) in page]


def no_source(ledger: Ledger, target: str, name: str) -> UsageError:
    """Return the error for a source that a ledger doesn't know in a target; its hint names those that it knows."""
    known = [f"{each.name} in {each.target}" for each in list_sources(ledger)]
    hint = f"Known sources: {listed(known, NAMES_SHOWN)}. Choose the target with --sandbox or --api-url URL."
    return UsageError(
        f"{ledger.name} knows no source {name!r} in {target}.", hint=hint if known else "It knows no source yet."
    )


def set_retired(ledger: Ledger, target: str, name: str, retired_at: float | None) -> KnownSource:
    """Retire a source, or with None take that back; returns it as it was before.

    Raises:
        UsageError: the ledger knows no source of this name in this target.
    """
    found = next((each for each in list_sources(ledger) if (each.target, each.name) == (target, name)), None)
    if found is None:
        raise no_source(ledger, target, name)
    with ledger.transaction() as connection:
        this = sources.c.id == find_source(connection, target, name)
        connection.execute(update(sources).where(this).values(retired_at=retired_at))
    return found


def refuse_retired(ledger: Ledger, target: str, name: str) -> None:
    """Make sure that a source isn't retired.

    Raises:
        UsageError: it is; the hint has the command that lifts it.
    """
    with ledger.transaction() as connection:
        this = sources.c.id == find_source(connection, target, name)
        retired_at = connection.scalar(select(sources.c.retired_at).where(this))
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
    creates = (unindexed_source == source_id, operations.c.act == Act.CREATE)
    has_issue = operations.c.state.in_((State.DONE, State.DELETED))
    moved = _find_moved(ledger, source_id)
    for each in _walk_issues(ledger, _creates().where(*creates, has_issue)):
        now, *earlier = moved.get(each.key, (each.key,))
        yield each._replace(key=now, earlier_keys=earlier)
    seen, their_keys = set[str](), set(chain.from_iterable(moved.values()))
    with ledger.transaction() as connection:
        for row in connection.execute(_rows_without_issue(source_id), execution_options={"yield_per": PAGE}):
            seen.add(row.key)
            if row.key not in their_keys:
                yield _of_row(row)
    # Of a run that was pruned there are no rows.
    yield from (each for each in _walk_issues(ledger, _creates().where(*creates, ~has_issue)) if each.key not in seen)


def _find_moved(ledger: Ledger, source_id: int) -> dict[str, list[str]]:
    """Find all keys of each issue that the source has moved, by the one that it had first; the present one leads."""
    keys, its = dict[str, list[str]](), (aliases.c.source_id == source_id,)
    with ledger.transaction() as connection:
        for each in connection.execute(select(aliases).where(*its).order_by(aliases.c.key)):
            keys.setdefault(each.first, [each.first]).append(each.key)
        newest_last = (
            select(rows.c.key, rows.c.alias)
            .select_from(rows.join(runs, runs.c.id == rows.c.run_id))
            .where(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT)
            .where(rows.c.key.in_(select(aliases.c.first).where(*its)))
            .order_by(rows.c.run_id)
        )
        found = connection.execute(newest_last, execution_options={"yield_per": PAGE}) if keys else ()
        # Of a key whose runs were pruned the ledger has the keys alone.
        now = {first: every[-1] for first, every in keys.items()} | {each.key: each.alias or each.key for each in found}
    return {first: [now[first], *(key for key in every if key != now[first])] for first, every in keys.items()}


def _creates() -> Select[Any]:
    return select(operations, runs.c.name.label("run")).join(runs, runs.c.id == operations.c.run_id)


def _walk_issues(ledger: Ledger, statement: Select[Any]) -> Iterator[CrosswalkEntry]:
    for each in chain.from_iterable(read_pages(ledger.transaction, statement, operations.c.id)):
        issue = orjson.loads(each.returned) if each.returned else {}
        state, title = OF_CREATES.get(State(each.state), KeyState.PLANNED), issue.get("title") or ""
        row_says = issue.get("sent", {}).get("status", "closed")  # which an undo keeps beside what it has done
        if state is KeyState.IN_TRIAGE and issue.get("status") == "closed" != row_says:
            state = KeyState.UNDONE
        code, message = ("", "") if state is KeyState.IN_TRIAGE else (each.code, each.message)
        place = each.triage_id, each.issue_id
        yield CrosswalkEntry(each.key, title, each.link, state, *place, code, message, each.run, each.returned)


def _rows_without_issue(source_id: int) -> Select[Any]:
    """Select the newest row of each key that has and had no issue, with its create, if there is one."""
    newest_first = (rows.c.run_id.desc(), rows.c.outcome == Outcome.SKIPPED, rows.c.file, rows.c.record)
    create = and_(operations.c.source_id == source_id, operations.c.key == rows.c.key, operations.c.act == Act.CREATE)
    numbered = (
        select(
            *STORED,
            rows.c.run_id,
            runs.c.name.label("run"),
            operations.c.state,
            operations.c.code.label("create_code"),
            operations.c.message.label("create_message"),
            func.row_number().over(partition_by=rows.c.key, order_by=newest_first).label("place"),
        )
        .select_from(rows.join(runs, runs.c.id == rows.c.run_id).outerjoin(operations, create))
        .where(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT, rows.c.key != "")
        .where(or_(operations.c.id.is_(None), operations.c.state.not_in((State.DONE, State.DELETED))))
        .subquery()
    )
    return select(numbered).where(numbered.c.place == 1).order_by(numbered.c.run_id, numbered.c.file, numbered.c.record)


def _of_row(found: Any) -> CrosswalkEntry:
    row = decode_row(found)
    code, message = (row.codes[0], "; ".join(row.messages)) if row.codes else ("", "")
    state = OF_ROWS.get(row.outcome, KeyState.PLANNED)
    if found.state in (*UNDECIDED, State.REFUSED):
        state, code, message = OF_CREATES[State(found.state)], found.create_code, found.create_message
    link = "" if row.is_withheld else row.link
    return CrosswalkEntry(row.key, row.shown_title, link, state, "", "", code, message, found.run, b"")
