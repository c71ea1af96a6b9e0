"""What is deleted from a ledger for good, and never anything that prevents duplicates.

Forgetting deletes the texts of issues. Of an issue it keeps the key, its marker, its digests and which issue of Triage
it is. Its title, its address in the old tracker, the cells of rejected rows, what was replaced in it and what messages
say of it go. So does what may say something of it without its key: rows that have none, and what the runs of its source
keep for their pages and say in sentences. Pruning drops what reports, repairs and undos of old runs need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
    found_issues,
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
    files = (Path(ledger.name), Path(f"{ledger.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def find_prunable(ledger: Ledger, keep: int, before: float) -> list[Run]:
    """Return the finished runs to prune, the oldest first: those that ended before a time, in seconds since 1970.

    Of each source the newest `keep` stay in any case, and the last import of a whole input, which the next one is
    compared with. So do imports that a repair or an undo is still working on.
    """
    runs_newest_first = ledger.list_runs()
    busy = {run.options.get("of") for run in runs_newest_first if run.is_open}
    counts = Counter[tuple[str, str]]()
    compared = set[tuple[str, str]]()
    prunable = list[Run]()
    for run in runs_newest_first:
        source = (run.target, run.source_name)
        counts[source] += 1
        is_compared = run.kind is RunKind.IMPORT and not run.is_open and bool(run.options.get(WHOLE))
        stays = run.is_open or run.name in busy or (is_compared and source not in compared)
        if is_compared:
            compared.add(source)
        if stays or run.options.get(PRUNED):
            continue
        has_ended_before = (run.ended_at or before) < before
        if has_ended_before and counts[source] > keep:
            prunable.append(run)
    return prunable[::-1]


def prune(ledger: Ledger, old: Iterable[Run]) -> None:
    """Drop the rows of runs, and the values that an undo would give back; their summaries stay.

    Rows stay, without texts, that change detection asks for: those of errors files, and rejected ones whose issue was
    made since. The file gets smaller.
    """
    create = operations.c
    for run in old:
        with ledger.transaction() as connection:
            statement = select(runs.c.id, runs.c.source_id).where(runs.c.name == run.name)
            run_id, source_id = connection.execute(statement).one()
            is_of_run = rows.c.run_id == run_id
            has_issue = exists().where(create.source_id == source_id, create.key == rows.c.key)
            has_issue = has_issue.where(create.act == Act.CREATE, create.state == State.DONE)
            is_corrected = and_(rows.c.outcome == Outcome.REJECTED, has_issue)
            is_needed = or_(rows.c.origin != "", is_corrected)
            connection.execute(delete(rows).where(is_of_run, not_(is_needed)))
            connection.execute(update(rows).where(is_of_run).values(raw=None, cells=None, conflicts=None))
            drop_packed(connection, run_id)
            options = orjson.dumps({**run.options, PRUNED: True})
            connection.execute(update(runs).where(runs.c.id == run_id).values(options=options))
            # An undo of an older run must still see what this one has written later.
            older = select(OLDER.c.options).where(OLDER.c.source_id == source_id, OLDER.c.id < run_id)
            if all(orjson.loads(older_options).get(PRUNED) for older_options in connection.scalars(older)):
                connection.execute(delete(replaced).where(replaced.c.run_id == run_id))
    compact(ledger)


def compact(ledger: Ledger) -> None:
    """Take what was deleted out of a ledger's file."""
    with ledger.transaction() as connection:
        if connection.dialect.name != "postgresql":  # a server does it by itself
            connection.exec_driver_sql("VACUUM")


def lost_ways(old: Sequence[Run]) -> list[str]:
    """Return the names of the imports that can't be undone or repaired after they were pruned."""
    imports = [run for run in old if run.kind is RunKind.IMPORT]
    return [run.name for run in imports if run.summary.get("created") or run.summary.get("updated")]


PLACE = (rows.c.run_id, rows.c.file, rows.c.record)
ROW_TEXTS = (rows.c.raw, rows.c.cells, rows.c.conflicts, rows.c.title, rows.c.link)
"""Columns of a row with texts of a source, beside the messages in its findings."""
HAS_TEXTS = operations.c.act.in_((Act.UPDATE, Act.FLAG))
TEXTS = {
    # Details of other additions than flags say which comments of the source they cover, by their marks.
    operations: (case((HAS_TEXTS, operations.c.details)), operations.c.message, operations.c.link),
    found_issues: (found_issues.c.title,),
}
"""Columns whose values go with an issue, beside the titles in its snapshot."""
SENTENCES = frozenset({"warnings", "stopped_because"})
"""What a run's summary says in words; all else in it are figures, names of files and digests."""


@dataclass(frozen=True)
class Traces:
    """Where a ledger has texts of issues.

    unknown         keys that the ledger doesn't know
    sources         ids of the sources that have the others
    keys            (id of the source, key) of issues with texts
    rows            (id of the run, number of the file, number of the record) of rows with texts that are theirs, or
                    nobody's
    runs            names of the runs of these sources that have any texts → folder of their reports
    replacing_runs  names of the runs that can't give back then what they have replaced in these issues
    """

    unknown: list[str] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)
    keys: set[tuple[int, str]] = field(default_factory=set)
    rows: set[tuple[int, int, int]] = field(default_factory=set)
    runs: dict[str, str] = field(default_factory=dict)
    replacing_runs: set[str] = field(default_factory=set)


def find_traces(ledger: Ledger, keys: Sequence[str], page: str) -> Traces:
    """Find the texts of issues, by their keys with or without their source's name.

    `page` is the option of a run that its page is kept in.

    Raises:
        UsageError: it is not decided yet whether something that was sent for one of the issues has arrived.
    """
    traces = Traces()
    with ledger.transaction() as connection:
        names = connection.scalars(select(sources.c.name).distinct()).all()
        forms = dict[str, str]()
        for key in filter(None, keys):
            forms[key] = key
            forms |= {f"{name}:{key}": key for name in names}
        forms |= {alias: forms[form] for form, alias in _find_other_keys(connection, forms)}
        known_keys = set[str]()
        for portion in portions(forms):
            known_keys.update(forms[form] for form in _find_issues(connection, traces, portion))
        traces.unknown.extend(key for key in keys if key not in known_keys)
        _find_rows(connection, traces, rows.c.key == "", runs.c.source_id.in_(traces.sources))
        _refuse_undecided(connection, traces)
        _find_runs(connection, traces, page)
    return traces


def _find_other_keys(connection: Connection, keys: Iterable[str]) -> list[tuple[str, str]]:
    """Find what issues with these keys are called besides, as the source has moved them: pairs of keys."""
    pairs = list[tuple[str, str]]()
    key, first = aliases.c.key, aliases.c.first
    for portion in portions(keys):
        for column, counterpart in ((key, first), (first, key)):
            statement = select(column, counterpart).where(column.in_(portion))
            pairs += map(tuple, connection.execute(statement))
    return pairs


def _find_issues(connection: Connection, traces: Traces, forms: Sequence[str]) -> Iterator[str]:
    """Find the texts of issues by what their keys may be; yields those that the ledger knows, with texts or without."""
    for table, columns in TEXTS.items():
        statement = select(table.c.source_id, table.c.key, table.c.returned, *columns).where(table.c.key.in_(forms))
        for source_id, key, returned, *texts in connection.execute(statement):
            traces.sources.add(source_id)
            has_title = bool(returned) and _without_titles(returned) != orjson.loads(returned)
            if has_title or any(texts):
                traces.keys.add((source_id, key))
            yield key
    for table, condition in ((replaced, true()), (operations, operations.c.state.in_(UNDECIDED))):
        statement = select(table.c.source_id, table.c.key).where(table.c.key.in_(forms), condition)
        traces.keys.update((source_id, key) for source_id, key in connection.execute(statement))
    yield from _find_rows(connection, traces, rows.c.key.in_(forms))


def _find_rows(connection: Connection, traces: Traces, *conditions: ColumnElement[bool]) -> list[str]:
    """Find rows with texts; returns the keys of all that there are."""
    columns = (rows.c.key, runs.c.source_id, *PLACE, rows.c.findings, *ROW_TEXTS)
    statement = select(*columns).join(runs, runs.c.id == rows.c.run_id).where(*conditions)
    keys = list[str]()
    for key, source_id, run_id, file, record, findings, *texts in connection.execute(statement):
        keys.append(key)
        traces.sources.add(source_id)
        if findings:
            _, _, messages, hints = orjson.loads(findings)
            texts += [*messages, *hints]
        if any(texts):
            traces.rows.add((run_id, file, record))
    return keys


def _refuse_undecided(connection: Connection, traces: Traces) -> None:
    """Raise UsageError where what was sent is needed to find out whether it arrived."""
    for keys in portions(traces.keys):
        is_of_keys = tuple_(operations.c.source_id, operations.c.key).in_(keys)
        statement = select(operations.c.key).where(is_of_keys, operations.c.state.in_(UNDECIDED))
        if key := connection.scalar(statement):
            raise UsageError(
                f"It is not decided yet whether what was sent for {key} has arrived; its texts are needed for that.",
                hint="The next import of its source decides it, or `triage-import settle`.",
            )


def _find_runs(connection: Connection, traces: Traces, page: str) -> None:
    with_rows = {run_id for run_id, _, _ in traces.rows}
    for keys in portions(traces.keys):
        is_of_keys = tuple_(replaced.c.source_id, replaced.c.key).in_(keys)
        names = select(runs.c.name).join(replaced, replaced.c.run_id == runs.c.id).where(is_of_keys)
        traces.replacing_runs.update(connection.scalars(names))
    for run in connection.execute(select(runs).where(runs.c.source_id.in_(traces.sources))):
        options = orjson.loads(run.options)
        summary = orjson.loads(run.summary or b"{}")
        is_worded = bool(options.get(page)) or any(map(summary.get, SENTENCES))
        if is_worded or run.id in with_rows or run.name in traces.replacing_runs:
            traces.runs[run.name] = run.out


def forget(ledger: Ledger, traces: Traces, page: str) -> None:
    """Delete the texts that were found. `page` is the option of a run that its page is kept in, which goes whole."""
    with ledger.transaction() as connection:
        for places in portions(traces.rows):
            statement = select(*PLACE, rows.c.findings).where(tuple_(*PLACE).in_(places))
            for row in connection.execute(statement).all():
                values: dict[str, Any] = dict.fromkeys(("raw", "cells", "conflicts", "findings"))
                values |= {"title": "", "link": ""}
                if row.findings is not None:  # the next run still knows that it was rejected, and by which rule
                    codes, fields, messages, hints = orjson.loads(row.findings)
                    values["findings"] = orjson.dumps((codes, fields, [""] * len(messages), [""] * len(hints)))
                is_at_place = tuple_(*PLACE) == tuple_(row.run_id, row.file, row.record)
                connection.execute(update(rows).where(is_at_place).values(values))
        for keys in portions(traces.keys):
            _forget_issues(connection, keys)
        runs_of_sources = select(runs.c.id, runs.c.options, runs.c.summary)
        runs_of_sources = runs_of_sources.where(runs.c.source_id.in_(traces.sources))
        for run_id, options, summary in connection.execute(runs_of_sources).all():
            options_without_page = orjson.loads(options)
            options_without_page.pop(page, None)
            values = {"options": orjson.dumps(options_without_page)}
            if summary is not None:
                figures = orjson.loads(summary)
                for name in SENTENCES & figures.keys():
                    figures[name] = type(figures[name])()  # an empty list for a list, an empty text for a text
                values["summary"] = orjson.dumps(figures)
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))
        names = select(sources.c.name).where(sources.c.id.in_(traces.sources))
        connection.execute(update(starts).where(starts.c.source_name.in_(names)).values(why=""))
    compact(ledger)


def _forget_issues(connection: Connection, keys: list[tuple[int, str]]) -> None:
    for table in (operations, found_issues):
        place = (table.c.source_id, table.c.key, table.c.issue_id)
        has_snapshot = table.c.returned != b""
        snapshots = select(*place, table.c.returned).where(tuple_(*place[:2]).in_(keys), has_snapshot)
        for *values, returned in connection.execute(snapshots).all():
            statement = update(table).where(tuple_(*place) == tuple_(*values), has_snapshot)
            connection.execute(statement.values(returned=orjson.dumps(_without_titles(returned))))
    operations_of_keys = tuple_(operations.c.source_id, operations.c.key).in_(keys)
    connection.execute(update(operations).where(operations_of_keys, HAS_TEXTS).values(details=None))
    connection.execute(update(operations).where(operations_of_keys).values(message="", link=""))
    found_of_keys = tuple_(found_issues.c.source_id, found_issues.c.key).in_(keys)
    connection.execute(update(found_issues).where(found_of_keys).values(title=""))
    replaced_of_keys = tuple_(replaced.c.source_id, replaced.c.key).in_(keys)
    connection.execute(delete(replaced).where(replaced_of_keys))


def _without_titles(returned: bytes) -> dict[str, Any]:
    """Return a snapshot without the issue's title, the one that was sent, and digests of lines as short as a name."""
    snapshot: dict[str, Any] = orjson.loads(returned)
    snapshot.pop("parts", None)
    for values in (snapshot, snapshot.get("sent", {})):
        values.pop("title", None)
    return snapshot
