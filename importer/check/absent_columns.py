"""Columns that a source had before and its files lack now: what they gave an issue that is in Triage stays as it is.

Absent isn't empty: without `Description` each description would be emptied, without `Priority` a default would replace
each severity. Of JSON a column is a key that some record has, with or without a value; the few records of an errors
file may lack what others of their export have, so that it loses none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.api import VALUE_FIELDS
from importer.check.coverage.paths import Chain, read_ref
from importer.mapping.model import MappingModel, fold
from importer.mapping.reads import collect_refs, with_rest
from importer.mapping.texts import walk_texts
from importer.phrases import shell_join
from importer.records import Ref
from importer.sources.header import find_columns
from importer.sources.json_outline import SAMPLED_RECORDS
from importer.sources.source import Source
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.check.job import Job

Refs = Set[Ref]
ColumnsRead = Mapping[str, Sequence[Iterable[Iterable[str]]]]
"""File name → the columns that a run read of it, and those of earlier runs that it lacked, each as a `Ref`."""


class Absent(NamedTuple):
    """What the files of a source lack; by file what of that the last run read, and what the next run compares with."""

    held: list[dict[str, list[str]]]
    lost: dict[str, list[str]]
    columns: dict[str, list[list[tuple[str, str]]]]

    def refusal(self, accepted: Collection[str]) -> str:
        """Say which columns are lost and not accepted, and what to type; "" if there are none."""
        known = {fold(name) for name in accepted}
        lost = {file: [each for each in names if fold(each) not in known] for file, names in self.lost.items()}
        said = [f"{file} has no {', '.join(names)}, which the last run read." for file, names in lost.items() if names]
        more = shell_join(f"--accept-missing={name}" for name in dict.fromkeys(chain.from_iterable(lost.values())))
        if not said:
            return ""
        other = "If it is another list, give it a name of its own with --source-name NAME."
        return "\n".join([*said, other, f"Export it again; if this is right: the same command with {more}"])


def find_absent(job: Job, last: ColumnsRead | None, *, is_own: bool, knows_issues: bool) -> Absent:
    """Compare the columns of a source with those that its last run read; None: there was no run.

    Another mapping may be for another layout: if the run was not `is_own`, only columns that this mapping names count.

    If its issues are known, a field of which a file has no column isn't compared where another file had one, as its
    rows may have come from there; nor if there is no last run, as after a lost ledger.
    """
    before = {name: [frozenset(map(Ref._make, some)) for some in both] for name, both in (last or {}).items()}
    read = collect_refs(job.mapping.model)
    before = before if is_own else {name: [some.intersection(read) for some in both] for name, both in before.items()}
    every = [frozenset(ref for both in before.values() for ref in both[place]) for place in (0, 1)]
    elsewhere = every[0] | every[1]
    absent = Absent([], {}, {})
    for place, file in enumerate(job.source.files):
        had, lacked, *_ = before.get(file.name, every)
        here = _find_here(job.source, place, {*read, *had, *lacked}, had)
        names = [ref.name for ref in (had | lacked) - here if ref.kind == "column"]
        model = with_rest(job.mapping.model, names, is_table=file.is_table)  # as it would be if they were there
        parts = _parts_of(model)
        if knows_issues:
            own = [next((text.refs for _, text in walk_texts(part, choices=False)), ()) for part in parts.values()]
            gone_from = (
                refs if last is None else elsewhere.intersection(refs) for refs in own if here.isdisjoint(refs)
            )
            lacked |= {min(refs) for refs in gone_from if refs}
        gone = {name: sorted(_find_lost(part, had | lacked, here)) for name, part in parts.items()}
        absent.held.append({name: [ref.name for ref in refs] for name, refs in gone.items() if refs})
        if file.errors_file and not file.is_table:
            here |= had
        every_lost = _find_lost(model, had | lacked, here)
        absent.lost[file.name] = sorted(ref.name for ref in every_lost & had)
        # A name that has the API key in it isn't kept: masked it would be no column's name.
        absent.columns[file.name] = [
            [(ref.kind, ref.name) for ref in sorted(refs) if redact(ref.name) == ref.name]
            for refs in (here, every_lost)
        ]
    return absent


def _parts_of(model: MappingModel) -> dict[str, Any]:
    """The parts of a mapping that each field of an issue is made from, its own text first."""
    people = {"owner_id": model.owner, "assignee_id": model.assignee}
    return {
        "description": [model.description, model.footer, model.attachments, model.restricted, *people.values()],
        **{name: getattr(model, name) for name in ("title", *VALUE_FIELDS, "source")},
        **{name: [getattr(model, name), person] for name, person in people.items()},
    }


def _find_lost(part: Any, known: Refs, here: Refs) -> Refs:
    """Find the known columns that a part of a mapping lacks, but for those whose text has a new one instead."""
    return {
        ref
        for _, text in walk_texts(part, choices=False)
        if text.first is None or not any(each in here and each not in known for each in text.refs)
        for ref in known & {*text.refs} - here
    }


def _find_here(source: Source, place: int, refs: Refs, wanted: Refs) -> Refs:
    """Find which columns a file has: `wanted` ones in all records of JSON, which lacks none if it has no records."""
    file, here, number = source.files[place], set[Ref](), -1
    if file.is_table:
        return {ref for ref, positions in find_columns(file.header or (), list(refs)).items() if positions}
    for number, record in enumerate(source.records(place)):
        if number >= SAMPLED_RECORDS and here >= wanted:
            break
        left = (refs if number < SAMPLED_RECORDS else wanted) - here
        here |= {ref for ref in left if any(_has(record, keys) for keys in read_ref(ref).taken)}
    return wanted if number < 0 else here


def _has(value: Any, keys: Chain) -> bool:
    """Whether a value has these keys: something empty lacks none that would be in it."""
    for place, key in enumerate(keys):
        if isinstance(value, list):
            return not value or any(_has(item, keys[place:]) for item in value)
        if key is None or not isinstance(value, dict) or key not in value:
            return key is None or not isinstance(value, dict)
        value = value[key]
    return True
