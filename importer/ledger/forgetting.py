"""What is deleted from a ledger for good, and never anything that prevents duplicates.

Forgetting deletes the texts of issues. Of an issue it keeps the key, its marker, its digests and which issue of Triage
it is. Its title, its address in the old tracker, the cells of rejected rows, what was replaced in it and what messages
say of it go. So does what may say something of it without its key: rows that have none, and what the runs of its source
keep for their pages and say in sentences. Pruning drops what reports, repairs and undos of old runs need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, not_, or_, select, true, tuple_, update

from importer.errors import UsageError
from importer.ledger.journal import Run
from importer.ledger.previous_run import WHOLE
from importer.ledger.schema import (
    UNDECIDED,
    RunKind,
    State,
    aliases,
    found,
    operations,
    replaced,
    rows,
    runs,
    sources,
    starts,
)
from importer.ledger.statements import portions
from importer.ledger.store import Ledger
from importer.ledger.stored_rows import drop_packed
from importer.records import Act, Outcome

PRUNED = "pruned"
"""Option of a run whose rows were dropped."""
OLDER = runs.alias("older")


def measure(ledger: Ledger) -> int:
    """Return the size of a ledger in bytes."""
    with ledger.transaction() as connection:
        if connection.dialect.name == "postgresql":
            sizes = (
                "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE schemaname = current_schema()"
            )
            return int(connection.exec_driver_sql(sizes).scalar() or 0)
    path = Path(ledger.name)
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.exists())


def find_prunable(ledger: Ledger, keep: int, before: float) -> list[Run]:
    """Return the finished runs to prune, the oldest first: those that ended before a time, in seconds since 1970.

    Of each source the newest `keep` stay in any case, and the last import of a whole input, which the next one is
    compared with. So do imports that a repair or an undo is still working on.
    """
    known = ledger.list_runs()
    busy = {run.options.get("of") for run in known if run.is_open}
    seen, compared, found = dict[tuple[str, str], int](), set[tuple[str, str]](), list[Run]()
    for run in known:
        source = (run.target, run.source_name)
        seen[source] = seen.get(source, 0) + 1
        is_compared = run.kind is RunKind.IMPORT and not run.is_open and bool(run.options.get(WHOLE))
        stays = run.is_open or run.name in busy or (is_compared and source not in compared)
        if is_compared:
            compared.add(source)
        if not stays and seen[source] > keep and (run.ended_at or before) < before and not run.options.get(PRUNED):
            found.append(run)
    return found[::-1]


def prune(ledger: Ledger, old: Iterable[Run]) -> None:
    """Drop the rows of runs, and the values that an undo would give back; their summaries stay.

    Rows stay, without texts, that change detection asks for: those of errors files, and rejected ones whose issue was
    made since. The file gets smaller.
    """
    for run in old:
        with ledger.transaction() as connection:
            run_id, source_id = connection.execute(
                select(runs.c.id, runs.c.source_id).where(runs.c.name == run.name)
            ).one()
            its_rows, its_create = rows.c.run_id == run_id, operations.c.key == rows.c.key
            made = exists().where(operations.c.source_id == source_id, its_create, operations.c.act == Act.CREATE)
            corrected = and_(rows.c.outcome == Outcome.REJECTED, made.where(operations.c.state == State.DONE))
            needed = or_(rows.c.origin != "", corrected)
            connection.execute(delete(rows).where(its_rows, not_(needed)))
            connection.execute(update(rows).where(its_rows).values(raw=None, cells=None, conflicts=None))
            drop_packed(connection, run_id)
            options = orjson.dumps({**run.options, PRUNED: True})
            connection.execute(update(runs).where(runs.c.id == run_id).values(options=options))
            # An undo of an older run must still see what this one has written later.
            older = select(OLDER.c.options).where(OLDER.c.source_id == source_id, OLDER.c.id < run_id)
            if all(orjson.loads(each).get(PRUNED) for each in connection.scalars(older)):
                connection.execute(delete(replaced).where(replaced.c.run_id == run_id))
    compact(ledger)


def compact(ledger: Ledger) -> None:
    """Take what was deleted out of a ledger's file."""
    with ledger.transaction() as connection:
        if connection.dialect.name != "postgresql":  # a server does it by itself
            connection.exec_driver_sql("VACUUM")


def lost_ways(old: Sequence[Run]) -> list[str]:
    """Return the names of the imports that can't be undone or repaired after they were pruned."""
    return [
        run.name
        for run in old
        if run.kind is RunKind.IMPORT and (run.summary.get("created") or run.summary.get("updated"))
    ]


PLACE = (rows.c.run_id, rows.c.file, rows.c.record)
ROW_TEXTS = (rows.c.raw, rows.c.cells, rows.c.conflicts, rows.c.title, rows.c.link)
"""Columns of a row with texts of a source, beside the messages in its findings."""
HAS_TEXTS = operations.c.act.in_((Act.UPDATE, Act.FLAG))
OWN_TEXTS = {
    # Details of other additions than flags say which comments of the source they cover, by their marks.
    operations: (case((HAS_TEXTS, operations.c.details)), operations.c.message, operations.c.link),
    found: (found.c.title,),
}
"""Columns whose values go with an issue, beside the titles in its snapshot."""
SENTENCES = frozenset({"warnings", "stopped_because"})
"""What a run's summary says in words; all else in it are figures, names of files and digests."""


@dataclass(frozen=True)
class Traces:
    """Where a ledger has texts of issues.

    unknown  keys that the ledger doesn't know
    sources  ids of the sources that have the others
    keys     (id of the source, key) of issues with texts
    rows     (id of the run, number of the file, number of the record) of rows with texts that are theirs, or nobody's
    runs     names of the runs of these sources that have any texts → folder of their reports
    given    names of the runs that can't give back then what they have replaced in these issues
    """

    unknown: list[str] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)
    keys: set[tuple[int, str]] = field(default_factory=set)
    rows: set[tuple[int, int, int]] = field(default_factory=set)
    runs: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)


def find_traces(ledger: Ledger, keys: Sequence[str], page: str) -> Traces:
    """Find the texts of issues, by their keys with or without their source's name.

    `page` is the option of a run that its page is kept in.

    Raises:
        UsageError: it is not decided yet whether something that was sent for one of the issues has arrived.
    """
    traces = Traces()
    with ledger.transaction() as connection:
        names = [*connection.scalars(select(sources.c.name).distinct())]
        forms = {form: key for key in keys if key for form in (key, *(f"{name}:{key}" for name in names))}
        forms |= {form: forms[given] for given, form in _find_other_keys(connection, forms)}
        known = {forms[form] for some in portions(forms) for form in _find_issues(connection, traces, some)}
        traces.unknown.extend(key for key in keys if key not in known)
        _find_rows(connection, traces, rows.c.key == "", runs.c.source_id.in_(traces.sources))
        _refuse_undecided(connection, traces)
        _find_runs(connection, traces, page)
    return traces


def _find_other_keys(connection: Connection, keys: Iterable[str]) -> list[tuple[str, str]]:
    """Find what issues with these keys are called besides, as the source has moved them: pairs of keys."""
    pairs = list[tuple[str, str]]()
    for some in portions(keys):
        for one, other in ((aliases.c.key, aliases.c.first), (aliases.c.first, aliases.c.key)):
            pairs += map(tuple, connection.execute(select(one, other).where(one.in_(some))))
    return pairs


def _find_issues(connection: Connection, traces: Traces, forms: Sequence[str]) -> Iterator[str]:
    """Find the texts of issues by what their keys may be; yields those that the ledger knows, with texts or without."""
    for table, texts in OWN_TEXTS.items():
        statement = select(table.c.source_id, table.c.key, table.c.returned, *texts).where(table.c.key.in_(forms))
        for source_id, key, returned, *own in connection.execute(statement):
            traces.sources.add(source_id)
            if any(own) or (returned and _without_titles(returned) != orjson.loads(returned)):
                traces.keys.add((source_id, key))
            yield key
    for table, those in ((replaced, true()), (operations, operations.c.state.in_(UNDECIDED))):
        statement = select(table.c.source_id, table.c.key).where(table.c.key.in_(forms), those)
        traces.keys.update((each.source_id, each.key) for each in connection.execute(statement))
    yield from _find_rows(connection, traces, rows.c.key.in_(forms))


def _find_rows(connection: Connection, traces: Traces, *those: ColumnElement[bool]) -> list[str]:
    """Find rows with texts; returns the keys of all that there are."""
    columns = (rows.c.key, runs.c.source_id, *PLACE, rows.c.findings, *ROW_TEXTS)
    keys = list[str]()
    for key, source_id, run_id, file, record, findings, *own in connection.execute(
        select(*columns).join(runs, runs.c.id == rows.c.run_id).where(*those)
    ):
        keys.append(key)
        traces.sources.add(source_id)
        _, _, *said = orjson.loads(findings) if findings else ("", "")
        if any((*own, *chain.from_iterable(said))):
            traces.rows.add((run_id, file, record))
    return keys


def _refuse_undecided(connection: Connection, traces: Traces) -> None:
    """Raise UsageError where what was sent is needed to find out whether it arrived."""
    for keys in portions(traces.keys):
        its = tuple_(operations.c.source_id, operations.c.key).in_(keys)
        if key := connection.scalar(select(operations.c.key).where(its, operations.c.state.in_(UNDECIDED))):
            raise UsageError(
                f"It is not decided yet whether what was sent for {key} has arrived; its texts are needed for that.",
                hint="The next import of its source decides it, or `triage-import settle`.",
            )


def _find_runs(connection: Connection, traces: Traces, page: str) -> None:
    with_rows = {run_id for run_id, _, _ in traces.rows}
    for keys in portions(traces.keys):
        its = tuple_(replaced.c.source_id, replaced.c.key).in_(keys)
        named = select(runs.c.name).join(replaced, replaced.c.run_id == runs.c.id).where(its)
        traces.given.update(connection.scalars(named))
    for each in connection.execute(select(runs).where(runs.c.source_id.in_(traces.sources))):
        options, summary = orjson.loads(each.options), orjson.loads(each.summary or b"{}")
        is_worded = bool(options.get(page)) or any(map(summary.get, SENTENCES))
        if is_worded or each.id in with_rows or each.name in traces.given:
            traces.runs[each.name] = each.out


def forget(ledger: Ledger, traces: Traces, page: str) -> None:
    """Delete the texts that were found. `page` is the option of a run that its page is kept in, which goes whole."""
    with ledger.transaction() as connection:
        for places in portions(traces.rows):
            its_rows = tuple_(*PLACE).in_(places)
            for each in connection.execute(select(*PLACE, rows.c.findings).where(its_rows)).all():
                values: dict[str, Any] = dict.fromkeys(("raw", "cells", "conflicts", "findings"))
                values |= {"title": "", "link": ""}
                if each.findings is not None:  # the next run still knows that it was rejected, and by which rule
                    codes, fields, messages, hints = orjson.loads(each.findings)
                    values["findings"] = orjson.dumps((codes, fields, [""] * len(messages), [""] * len(hints)))
                place = tuple_(*PLACE) == tuple_(each.run_id, each.file, each.record)
                connection.execute(update(rows).where(place).values(values))
        for keys in portions(traces.keys):
            _forget_issues(connection, keys)
        of_sources = runs.c.source_id.in_(traces.sources)
        kept = select(runs.c.id, runs.c.options, runs.c.summary).where(of_sources)
        for run_id, options, summary in connection.execute(kept).all():
            others = {name: value for name, value in orjson.loads(options).items() if name != page}
            values = {"options": orjson.dumps(others)}
            if summary is not None:
                figures = orjson.loads(summary)
                # An empty list for a list, an empty text for a text.
                silence = {name: type(figures[name])() for name in SENTENCES & figures.keys()}
                values["summary"] = orjson.dumps(figures | silence)
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))
        names = select(sources.c.name).where(sources.c.id.in_(traces.sources))
        connection.execute(update(starts).where(starts.c.source_name.in_(names)).values(why=""))
    compact(ledger)


def _forget_issues(connection: Connection, keys: list[tuple[int, str]]) -> None:
    for table in (operations, found):
        place = (table.c.source_id, table.c.key, table.c.issue_id)
        is_kept = table.c.returned != b""
        kept = select(*place, table.c.returned).where(tuple_(*place[:2]).in_(keys), is_kept)
        for *one, returned in connection.execute(kept).all():
            its_own = update(table).where(tuple_(*place) == tuple_(*one), is_kept)
            connection.execute(its_own.values(returned=orjson.dumps(_without_titles(returned))))
    its = tuple_(operations.c.source_id, operations.c.key).in_(keys)
    connection.execute(update(operations).where(its, HAS_TEXTS).values(details=None))
    connection.execute(update(operations).where(its).values(message="", link=""))
    connection.execute(update(found).where(tuple_(found.c.source_id, found.c.key).in_(keys)).values(title=""))
    connection.execute(delete(replaced).where(tuple_(replaced.c.source_id, replaced.c.key).in_(keys)))


def _without_titles(returned: bytes) -> dict[str, Any]:
    """Return a snapshot without the issue's title, the one that was sent, and digests of lines as short as a name."""
    snapshot: dict[str, Any] = orjson.loads(returned)
    snapshot.pop("parts", None)
    for values in (snapshot, snapshot.get("sent", {})):
        values.pop("title", None)
    return snapshot
