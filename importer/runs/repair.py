"""The change set of `repair`: value fields of imported issues, mapped anew from the cells that the ledger kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain, islice
from typing import Any

import orjson

from importer.api import CATEGORY_LIMIT, VALUE_FIELDS, count_units
from importer.errors import UsageError
from importer.ledger.journal import Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import RunKind
from importer.load.acts import Held
from importer.load.addition_reader import Provenance, find_miscounts
from importer.mapping.reader import LoadedMapping
from importer.mapping.reads import collect_refs, collect_tables
from importer.records import Ref
from importer.row.compiler import Compiler
from importer.row.issue_batch import decode_cells
from importer.row.value_maps import Step, ValueReader, value_maps
from importer.runs.change_set import (
    LATER,
    NO_LATER,
    UNKNOWN_VALUE,
    UNTOUCHED,
    ChangeSet,
    ChangeVerdict,
    PlannedChange,
    Turn,
    change_of,
    judge,
    values_written,
)
from importer.sources.source_rows import Layout, row_of_cells
from importer.triage.answers import Issue
from importer.triage.snapshot import Snapshot, is_like, pending_fields

FIELDS = "fields"
"""Option of a repair: the names of the fields that it corrects."""
AT_ONCE = 1000
"""The number of issues for which later runs are asked together."""
WIDTHS_KEPT = 64
"""Different widths of rows for which what reads them is kept."""


class Repair(ChangeSet):
    """Sets value fields to what a mapping says now; what a person changed is left alone.

    `turns` counts the issues of each kind of correction.
    """

    kind = RunKind.REPAIR

    def __init__(self, run: Run, mapping: LoadedMapping, fields: Collection[str]) -> None:
        self.fields = tuple(name for name in VALUE_FIELDS if name in fields)
        digested = f"{mapping.digest} {self.fields}"
        digest = hashlib.sha256(digested.encode()).hexdigest()
        names = ",".join(self.fields)
        super().__init__(digest, "patched", ("-m", mapping.name, "--fields", names))
        self.options = {FIELDS: self.fields}
        self.turns = Counter[Turn]()
        self._provenance = Provenance(run.additions)
        self._replaced = run.replaced
        self._refs = _check_refs(run, mapping, self.fields)
        maps = value_maps(mapping.model)
        self._maps = [value_map for value_map in maps if value_map.field in self.fields]
        self._dates = mapping.model.input.dates
        self._readers_of = lru_cache(WIDTHS_KEPT)(self._make_readers)
        plans = self._plan_all(run.written_creates())
        self.plan(plans)
        self.leave_unsettled(run)

    def goes_on(self, attempt: Run) -> bool:
        """Whether the mapping says the same of all issues that a repair of these fields has corrected."""
        fields = [*self.fields]
        if attempt.options.get(FIELDS, fields) != fields:  # an earlier version kept none
            return False
        return not any(self.find_turns(create.key) for create in attempt.written_creates())

    def _plan_all(self, creates: Iterator[KnownCreate]) -> Iterator[PlannedChange]:
        """Yield the change of each issue that differs."""
        while portion := list(islice(creates, AT_ONCE)):
            later = self._replaced.later([create.key for create in portion])
            for create in portion:
                written = later.get(create.key, NO_LATER)
                change = self._plan(create, self._map(create), written)
                if change is not None:
                    yield change

    def _map(self, create: KnownCreate) -> list[Step | str]:
        """The mapping's step for each field of an issue, or the reason why there is none."""
        cells = decode_cells(create.cells or b"[]")
        if len(cells) != len(self._refs):
            return ["the ledger has no cells for its row"]
        written = tuple(chain.from_iterable(cells))
        row = row_of_cells(written)
        readers = self._readers_of(*map(len, cells))
        steps: list[Step | str] = [reader.read(row) for reader in readers]
        if row.unreadable:
            return [f"the date {row.unreadable!r} can't be read"]
        return steps

    def _make_readers(self, *widths: int) -> list[ValueReader]:
        """What reads the fields of rows whose columns and paths have so many cells each."""
        ends = accumulate(widths)
        places = dict[Ref, tuple[int, ...]]()
        for ref, width, end in zip(self._refs, widths, ends, strict=True):
            places[ref] = tuple(range(end - width, end))
        layout = Layout(places, dates=tuple(self._dates))
        compiler = Compiler(layout)
        return [ValueReader(value_map, compiler, layout) for value_map in self._maps]

    def _plan(
        self, create: KnownCreate, steps: Sequence[Step | str], written: Mapping[str, str]
    ) -> PlannedChange | None:
        """Plan what the mapping makes of an issue's cells, but for fields that later runs have `written`."""
        snapshot = Snapshot.parse(create.returned)
        before = values_written(snapshot)
        pending = pending_fields(create.pending)
        body: dict[str, Any] = {}
        later: dict[str, str] = {}
        for name, step in zip(self.fields, steps, strict=False):
            if name in written:
                if not isinstance(step, Step) or not is_like(step.target, before.get(name)):
                    later[name] = written[name]
                continue
            problem = step if isinstance(step, str) else _find_problem(name, step)
            if problem:
                verdict = ChangeVerdict(UNKNOWN_VALUE, (name,), (), problem)
                return PlannedChange(change_of(create, {}), verdict)
            assert isinstance(step, Step)
            if not is_like(step.target, before.get(name)) or name in pending:
                body[name] = step.target
        if not body:
            if not later:
                return None
            verdict = ChangeVerdict(LATER, tuple(later), (), _name_later(later))
            return PlannedChange(change_of(create, {}), verdict)
        turns = list[Turn]()
        for field, value in body.items():
            value_before = str(before.get(field) or "")
            turns.append(Turn(field, value_before, value))
        self.turns.update(turns)
        replaced = {turn.field: turn.before for turn in turns}
        snapshot = snapshot.with_repaired(replaced)
        # With this digest the issue equals no row that an import has read.
        create = create._replace(body_sha=b"", returned=snapshot.dump())
        return PlannedChange(change_of(create, body), turns=tuple(turns), later=later)

    def assess(
        self, listed: Sequence[tuple[PlannedChange, Issue]], *, is_whole: bool = False
    ) -> list[ChangeVerdict | None]:
        """Return the verdicts on issues; None where only a cut description in a list may be an edit."""
        keys = [change.operation.key for change, _ in listed]
        additions = self._provenance.find(keys)
        verdicts = list[ChangeVerdict | None]()
        for change, issue in listed:
            sent_additions = additions[change.operation.key].sent
            verdicts.append(self._assess(sent_additions, change, issue, is_whole=is_whole))
        return verdicts

    def _assess(self, additions: Held, change: PlannedChange, issue: Issue, *, is_whole: bool) -> ChangeVerdict | None:
        """Return the verdict on an issue that has these additions of ours."""
        operation = change.operation
        new = orjson.loads(operation.body)
        merged = Snapshot.parse(operation.returned).merge(issue, new, operation.pending)
        elsewhere = [name for name in merged.snapshot.edits(issue) if name not in new]
        if "description" in elsewhere and not is_whole:
            if issue.updated_at != issue.created_at:
                return None
            elsewhere.remove("description")
        elsewhere += find_miscounts(merged.snapshot, issue, additions)
        # Additions of ours change `updated_at` too, and their answers don't say to what: then it proves nothing.
        is_as_we_left_it = issue.updated_at == merged.snapshot.updated_at
        if not elsewhere and not any(additions.values()) and not is_as_we_left_it:
            elsewhere = ["activity"]
        edited_since = f"edited since: {', '.join(elsewhere)}" if elsewhere else ""
        reasons = (edited_since, _name_later(change.later))
        message = "; ".join(filter(None, reasons))
        return judge(merged, UNTOUCHED, message, is_edited=bool(elsewhere))


def _name_later(later: Mapping[str, str]) -> str:
    """Name the fields of an issue that later runs wrote, and the newest of them; "" if there are none."""
    if not later:
        return ""
    newest = [*later.values()][-1]
    return f"{', '.join(later)} changed by a later run: repair that one, {newest}"


def _check_refs(run: Run, mapping: LoadedMapping, fields: Sequence[str]) -> list[Ref]:
    """Return the references whose cells the ledger kept. Raises UsageError if the mapping reads others."""
    refs = [Ref(*parts) for parts in run.options.get("refs", ())]
    missing_refs = dict[Ref, None]()
    arrays = list[str]()
    for name in fields:
        value = getattr(mapping.model, name)
        for ref in collect_refs(value):
            if ref not in refs:
                missing_refs[ref] = None
        arrays += [table.array for table in collect_tables(value)]
    missing = [*map(str, missing_refs), *arrays]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise UsageError(
            f"{mapping.name} reads {names}, but {run.name} kept no cells of these columns.",
            hint=f"With the export file, use: triage-import run SOURCE... -m {mapping.name} --on-change update "
            f"--fields {','.join(fields)} --accept-mapping-change",
        )
    return refs


def _find_problem(name: str, step: Step) -> str:
    """Return why a value can't be sent, "" if it can."""
    if step.how == "missing":
        return f"no {name}, and the mapping has no default"
    if step.target is None:
        return f"the mapping doesn't know {name} {step.source!r}"
    if name == "category" and not 1 <= count_units(step.target) <= CATEGORY_LIMIT:
        return f"category {step.target!r} has {count_units(step.target)} characters, {CATEGORY_LIMIT} allowed"
    return ""
