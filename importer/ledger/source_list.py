"""The sources that a ledger knows: how much of each is in Triage, when it last ran, and whether it is retired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, and_, cast, func, select, update

from importer.errors import UsageError
from importer.ledger.commands import say_target
from importer.ledger.schema import UNDECIDED, RunKind, State, operations, runs, sources, targets
from importer.ledger.store import Ledger, find_source
from importer.phrases import listed, shell_join
from importer.records import Act

NAMES_SHOWN = 5
PAGE = 10_000
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
    its, last = operations.c, ""
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
    statement = select(its.key).where(its.source_id == source_id, its.act == Act.CREATE).order_by(its.key).limit(PAGE)
    while True:
        with ledger.transaction() as connection:
            page = connection.scalars(statement.where(its.key > last)).all()
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1]


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
