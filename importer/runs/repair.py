"""Repair: the value fields of issues that are in, as another mapping makes them of the source cells that were kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from typing import Any, NamedTuple

import orjson

from importer.errors import UsageError
from importer.ledger.journal import Run
from importer.ledger.results import Made
from importer.ledger.schema import RunKind
from importer.load.provenance import Provenance, find_miscounts
from importer.load.updates import Updater
from importer.mapping.reader import LoadedMapping
from importer.mapping.reads import collect_refs, collect_tables
from importer.mapping.scalars import CATEGORY_LIMIT
from importer.records import Act, Chunk, Operation, Outcome, Ref
from importer.runs.change_set import GONE, UNTOUCHED, Apply, ChangeVerdict, Left
from importer.sources.frames import frame_cells
from importer.transform.columns import Columns
from importer.transform.lengths import count_units
from importer.transform.value_maps import VALUE_FIELDS, Step, value_maps
from importer.triage.answers import Issue
from importer.triage.client import TriageClient, issue_path
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import assume_applied, find_edits, is_gone, is_like, merge, pending_fields

AT_ONCE = 1000
"""Issues whose cells are mapped together."""
EDITED, CORRECTED, CONFLICT = "edited-elsewhere", "corrected", "conflict"
UNKNOWN_VALUE = "value-unknown"


class Turn(NamedTuple):
    """What a repair turns into what: a field, the value that was sent, the one that should have been."""

    field: str
    before: str
    after: str


class Repair:
    """Brings value fields to what a mapping says now; what a person changed is left alone. See `change_set.ChangeSet`.

    `turns` counts what it turns into what.
    """

    kind = RunKind.REPAIR
    done, same = "patched", CORRECTED
    verdicts: Mapping[str, Outcome] = {
        UNTOUCHED: Outcome.PLANNED,
        EDITED: Outcome.PLANNED,
        CORRECTED: Outcome.UNCHANGED,
        CONFLICT: Outcome.SKIPPED,
        GONE: Outcome.SKIPPED,
    }

    def __init__(self, run: Run, mapping: LoadedMapping, fields: Collection[str]) -> None:
        self.fields = tuple(name for name in VALUE_FIELDS if name in fields)
        self.digest = hashlib.sha256(f"{mapping.digest} {self.fields}".encode()).hexdigest()
        self.operations: dict[str, Operation] = {}
        self.left: list[Left] = []
        self.turns = Counter[Turn]()
        self._ours = Provenance(run.additions)
        self._refs = _check_refs(run, mapping, self.fields)
        self._maps = [each for each in value_maps(mapping.model) if each.field in self.fields]
        self._dates = mapping.model.input.dates
        made = run.made()
        while some := list(islice(made, AT_ONCE)):
            for each, steps in self._apply(some):
                self._plan(each, steps)

    def _apply(self, some: Sequence[Made]) -> Iterator[tuple[Made, list[Step | str]]]:
        """Give each issue with the step of each field, or why there is none."""
        cells = ((each, orjson.loads(each.cells or b"[]")) for each in some)
        for _, alike in groupby(cells, key=lambda each: [len(column) for column in each[1]]):
            group = list(alike)
            columns = Columns(_chunk([row for _, row in group], self._refs), self._dates)
            mapped = [value_map.apply(columns) for value_map in self._maps]
            for place, (made, row) in enumerate(group):
                steps: list[Step | str] = [each.steps[each.codes[place]] for each in mapped]
                if len(row) != len(self._refs):
                    steps = ["the ledger has no cells of its row"]
                elif place in columns.unreadable:
                    steps = [f"the date {columns.unreadable[place]!r} can't be read"]
                yield made, steps

    def _plan(self, made: Made, steps: Sequence[Step | str]) -> None:
        memory = orjson.loads(made.returned)
        sent = memory | memory.get("sent", {})
        pending = pending_fields(made.pending)
        body: dict[str, Any] = {}
        for name, step in zip(self.fields, steps, strict=False):
            problem = step if isinstance(step, str) else _find_problem(name, step)
            if problem:
                self.left.append(Left(made.key, made.issue_id, made.triage_id, UNKNOWN_VALUE, name, problem))
                return
            assert isinstance(step, Step)
            if not is_like(step.target, sent.get(name)) or name in pending:
                body[name] = step.target
        if body:
            self.turns.update(Turn(name, str(sent.get(name) or ""), value) for name, value in body.items())
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
            )

    def assess(self, operation: Operation, issue: Issue, *, whole: bool = False) -> ChangeVerdict | None:
        """Say what would become of an issue; a list's item isn't enough where it may have cut the description."""
        new = orjson.loads(operation.body)
        merged = merge(assume_applied(operation.returned, operation.pending), issue, new)
        elsewhere = [name for name in find_edits(merged.returned, issue) if name not in new]
        if "description" in elsewhere and not whole:
            if issue.updated_at != issue.created_at:
                return None
            elsewhere.remove("description")
        ours = self._ours.of(operation.key)
        elsewhere += find_miscounts(merged.returned, issue, ours)
        # What we add to an issue moves its time, and no answer says to when.
        is_as_we_left_it = issue.updated_at == orjson.loads(merged.returned).get("updated_at")
        if not (elsewhere or any(ours.values()) or is_as_we_left_it):
            elsewhere = ["activity"]
        conflicts = tuple(merged.conflicts)
        message = f"edited since: {', '.join(elsewhere)}" if elsewhere else ""
        if merged.patch:
            edited = elsewhere or conflicts
            return ChangeVerdict(EDITED if edited else UNTOUCHED, tuple(merged.patch), conflicts, message)
        if conflicts:
            return ChangeVerdict(CONFLICT, tuple(each.field for each in conflicts), conflicts, message)
        return ChangeVerdict(CORRECTED, tuple(merged.already), (), message)

    async def read(self, client: TriageClient, calls: PacedCalls, operation: Operation) -> ChangeVerdict:
        """Read an issue whole and say what would become of it. Raises CallFailed."""
        if is_gone(operation.returned):
            return ChangeVerdict(GONE)
        issue = await calls.call(partial(client.get_issue, operation.issue_id))
        look = self.assess(operation, issue, whole=True)
        assert look is not None  # nothing is missing in a whole issue
        return look

    def carrier(self, client: TriageClient, run: Run, calls: PacedCalls) -> Apply:
        """Give what brings one issue to its new values."""
        return Updater(client, run, calls).update


def _check_refs(run: Run, mapping: LoadedMapping, fields: Sequence[str]) -> list[Ref]:
    """Make sure that the mapping reads only what was kept. Raises UsageError."""
    kept = [Ref(*each) for each in run.options.get("refs", ())]
    read = dict.fromkeys(ref for name in fields for ref in collect_refs(getattr(mapping.model, name)))
    tables = [table for name in fields for table in collect_tables(getattr(mapping.model, name))]
    missing = [*(str(ref) for ref in read if ref not in kept), *(table.array for table in tables)]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise UsageError(
            f"{mapping.name} reads {names}, of which {run.name} kept no cells.",
            hint=f"With the file there is a way: triage-import run SOURCE... -m {mapping.name} --on-change update "
            f"--fields {','.join(fields)} --accept-mapping-change",
        )
    return kept


def _chunk(rows: Sequence[list[list[str]]], refs: Sequence[Ref]) -> Chunk:
    """Make a chunk of kept cells, all of one shape: a list of cells for each reference."""
    positions: dict[Ref, tuple[int, ...]] = {}
    width = 0
    for ref, cells in zip(refs, rows[0], strict=False):
        positions[ref] = tuple(range(width, width + len(cells)))
        width += len(cells)
    flat = [[cell for cells in row for cell in cells] for row in rows]
    records = range(1, len(rows) + 1)
    return Chunk(0, "", records, records, flat, frame_cells(flat, range(width)), positions)


def _find_problem(name: str, step: Step) -> str:
    """Say why a value can't be sent, or give an empty text."""
    if step.how == "missing":
        return f"no {name}, and the mapping has no default"
    if step.target is None:
        return f"the mapping doesn't know {name} {step.source!r}"
    if name == "category" and not 1 <= count_units(step.target) <= CATEGORY_LIMIT:
        return f"category {step.target!r} has {count_units(step.target)} characters, {CATEGORY_LIMIT} allowed"
    return ""


def read_value_fields(names: str) -> tuple[str, ...]:
    """Read `--fields` of a repair. Raises UsageError for a name that is no value field."""
    fields = tuple(name.strip() for name in names.split(",") if name.strip())
    unknown = sorted(set(fields).difference(VALUE_FIELDS))
    if unknown or not fields:
        raise UsageError(
            f"--fields {names}: there is no field {', '.join(unknown) or 'in it'} that can be repaired.",
            hint=f"Fields are {', '.join(VALUE_FIELDS)}; for others: run SOURCE... --on-change update",
        )
    return fields
