"""The change set of `repair`: value fields of imported issues, mapped anew from the cells that the ledger kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from typing import Any, NamedTuple

import orjson

from importer.api import CATEGORY_LIMIT, VALUE_FIELDS, count_units, issue_path
from importer.check.change_policy import parse_fields
from importer.codes import CONFLICT
from importer.errors import UsageError
from importer.ledger.journal import Run
from importer.ledger.results import Made
from importer.ledger.schema import RunKind
from importer.load.connection import RunConnection
from importer.load.provenance import Provenance, find_miscounts
from importer.load.updates import Updater
from importer.mapping.reader import LoadedMapping
from importer.mapping.reads import collect_refs, collect_tables
from importer.records import Act, Chunk, Operation, Outcome, Ref
from importer.runs.change_set import (
    CORRECTED,
    EDITED,
    GONE,
    UNTOUCHED,
    Apply,
    ChangeVerdict,
    Left,
    find_unsettled,
    read_and_assess,
    values_written,
)
from importer.transform.columns import Columns
from importer.transform.value_maps import Step, value_maps
from importer.triage.answers import Issue
from importer.triage.snapshot import Snapshot, is_like, pending_fields

AT_ONCE = 1000
"""The number of issues whose cells are mapped together."""
UNKNOWN_VALUE = "value-unknown"


class Turn(NamedTuple):
    """A kind of correction: a field, the value that was sent, and the one that the mapping gives now."""

    field: str
    before: str
    after: str


class Repair:
    """Sets value fields to what a mapping says now; what a person changed is left alone. See `change_set.ChangeSet`.

    `turns` counts the issues of each kind of correction.
    """

    kind = RunKind.REPAIR
    done = "patched"
    outcomes: Mapping[str, Outcome] = {
        UNTOUCHED: Outcome.PLANNED,
        EDITED: Outcome.PLANNED,
        CORRECTED: Outcome.UNCHANGED,
        CONFLICT: Outcome.SKIPPED,
        GONE: Outcome.SKIPPED,
    }

    def __init__(self, run: Run, mapping: LoadedMapping, fields: Collection[str]) -> None:
        self.fields = tuple(name for name in VALUE_FIELDS if name in fields)
        self.typed: Sequence[str] = ("-m", mapping.name, "--fields", ",".join(self.fields))
        self.digest = hashlib.sha256(f"{mapping.digest} {self.fields}".encode()).hexdigest()
        self.operations: dict[str, Operation] = {}
        self.left: list[Left] = []
        self.unsettled = find_unsettled(run)
        self.turns = Counter[Turn]()
        self._provenance = Provenance(run.additions)
        self._refs = _check_refs(run, mapping, self.fields)
        self._maps = [each for each in value_maps(mapping.model) if each.field in self.fields]
        self._dates = mapping.model.input.dates
        made = run.made()
        while some := list(islice(made, AT_ONCE)):
            for each, steps in self._apply(some):
                self._plan(each, steps)

    def _apply(self, some: Sequence[Made]) -> Iterator[tuple[Made, list[Step | str]]]:
        """Yield each issue with the mapping's step for each field, or with the reason why there is none."""
        cells = ((each, orjson.loads(each.cells or b"[]")) for each in some)
        for _, alike in groupby(cells, key=lambda each: [len(column) for column in each[1]]):
            group = list(alike)
            columns = Columns(_chunk([row for _, row in group], self._refs), self._dates)
            mapped = [value_map.apply(columns) for value_map in self._maps]
            for place, (made, row) in enumerate(group):
                steps: list[Step | str] = [each.steps[each.codes[place]] for each in mapped]
                if len(row) != len(self._refs):
                    steps = ["the ledger has no cells for its row"]
                elif place in columns.unreadable:
                    steps = [f"the date {columns.unreadable[place]!r} can't be read"]
                yield made, steps

    def _plan(self, made: Made, steps: Sequence[Step | str]) -> None:
        before = values_written(Snapshot.parse(made.returned))
        pending = pending_fields(made.pending)
        body: dict[str, Any] = {}
        for name, step in zip(self.fields, steps, strict=False):
            problem = step if isinstance(step, str) else _find_problem(name, step)
            if problem:
                self.left.append(Left(made.key, made.issue_id, made.triage_id, UNKNOWN_VALUE, name, problem))
                return
            assert isinstance(step, Step)
            if not is_like(step.target, before.get(name)) or name in pending:
                body[name] = step.target
        if body:
            self.turns.update(Turn(name, str(before.get(name) or ""), value) for name, value in body.items())
            self.operations[made.issue_id] = Operation(
                made.key,
                "PATCH",
                issue_path(made.issue_id),
                orjson.dumps(body),
                made.marker,
                made.content,
                Act.UPDATE,
                issue_id=made.issue_id,
                triage_id=made.triage_id,
                returned=made.returned,
                pending=made.pending,
                since=made.since,
            )

    def assess(self, operation: Operation, issue: Issue, *, is_whole: bool = False) -> ChangeVerdict | None:
        """Return the verdict on an issue; None where only a cut description in a list may be an edit."""
        new = orjson.loads(operation.body)
        merged = Snapshot.parse(operation.returned).merge(issue, new, operation.pending)
        elsewhere = [name for name in merged.snapshot.edits(issue) if name not in new]
        if "description" in elsewhere and not is_whole:
            if issue.updated_at != issue.created_at:
                return None
            elsewhere.remove("description")
        own = self._provenance.of(operation.key)
        elsewhere += find_miscounts(merged.snapshot, issue, own)
        # Additions of ours change `updated_at` too, and their answers don't say to what: then it proves nothing.
        is_as_we_left_it = issue.updated_at == merged.snapshot.updated_at
        if not (elsewhere or any(own.values()) or is_as_we_left_it):
            elsewhere = ["activity"]
        conflicts = tuple(merged.conflicts)
        message = f"edited since: {', '.join(elsewhere)}" if elsewhere else ""
        if merged.patch:
            edited = elsewhere or conflicts
            return ChangeVerdict(EDITED if edited else UNTOUCHED, tuple(merged.patch), conflicts, message)
        if conflicts:
            return ChangeVerdict(CONFLICT, tuple(each.field for each in conflicts), conflicts, message)
        return ChangeVerdict(CORRECTED, tuple(merged.already), (), message)

    async def read(self, connection: RunConnection, operation: Operation) -> ChangeVerdict:
        """Read an issue whole and return the verdict on it. Raises CallFailed, and NotYet as `Absence.read_once`."""
        return await read_and_assess(connection, operation, partial(self.assess, is_whole=True))

    def name(self, verdict: str, outcome: Outcome) -> str:
        """Return the code in results.csv of an issue that was changed, or needed no change."""
        return self.done if outcome is Outcome.UPDATED else CORRECTED

    def applier(self, connection: RunConnection) -> Apply:
        """Return what patches one issue."""
        return Updater(connection).update


def _check_refs(run: Run, mapping: LoadedMapping, fields: Sequence[str]) -> list[Ref]:
    """Return the references whose cells the ledger kept. Raises UsageError if the mapping reads others."""
    kept = [Ref(*each) for each in run.options.get("refs", ())]
    read = dict.fromkeys(ref for name in fields for ref in collect_refs(getattr(mapping.model, name)))
    tables = [table for name in fields for table in collect_tables(getattr(mapping.model, name))]
    missing = [*(str(ref) for ref in read if ref not in kept), *(table.array for table in tables)]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise UsageError(
            f"{mapping.name} reads {names}, but {run.name} kept no cells of these columns.",
            hint=f"With the export file, use: triage-import run SOURCE... -m {mapping.name} --on-change update "
            f"--fields {','.join(fields)} --accept-mapping-change",
        )
    return kept


def _chunk(rows: Sequence[list[list[str]]], refs: Sequence[Ref]) -> Chunk:
    """Make a chunk of kept cells: rows → references → cells, the same number of them in each row."""
    positions: dict[Ref, tuple[int, ...]] = {}
    width = 0
    for ref, cells in zip(refs, rows[0], strict=False):
        positions[ref] = tuple(range(width, width + len(cells)))
        width += len(cells)
    flat = [[cell for cells in row for cell in cells] for row in rows]
    columns = dict(enumerate(map(list, zip(*flat, strict=True))))
    records = range(1, len(rows) + 1)
    return Chunk(0, "", records, records, flat, columns, positions)


def _find_problem(name: str, step: Step) -> str:
    """Return why a value can't be sent, "" if it can."""
    if step.how == "missing":
        return f"no {name}, and the mapping has no default"
    if step.target is None:
        return f"the mapping doesn't know {name} {step.source!r}"
    if name == "category" and not 1 <= count_units(step.target) <= CATEGORY_LIMIT:
        return f"category {step.target!r} has {count_units(step.target)} characters, {CATEGORY_LIMIT} allowed"
    return ""


def read_value_fields(names: str) -> tuple[str, ...]:
    """Parse the option `--fields` of a repair. Raises UsageError for a name that is no value field."""
    return parse_fields(names, VALUE_FIELDS, "repaired", "; for others: run SOURCE... --on-change update")
