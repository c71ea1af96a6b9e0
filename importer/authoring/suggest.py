"""`suggested-mapping.yaml`: extends a mapping with proposals for what it rejects, usable as it is. Pure text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from importer.api import VALUE_FIELDS, FieldName
from importer.authoring.proposals import Proposal, Proposer, propose_answer
from importer.check.observers.value_flow import find_neutral
from importer.codes import (
    DESCRIPTION_TOO_LONG,
    PRIVATE_UNDECIDED,
    RESTRICTED_UNDECIDED,
    TITLE_TOO_LONG,
    UNDECIDED_CODES,
)
from importer.mapping.model import exact_key, fold
from importer.mapping.presets import is_preset
from importer.mapping.reader import LoadedMapping
from importer.mapping.scorecards import Answer
from importer.mapping.yaml_tree import quote
from importer.phrases import counted
from importer.records import Evidence, Unknown
from importer.row.verdicts import number_in

if TYPE_CHECKING:
    from importer.check.check_pass import Checked

_LONGEST_SIMPLE_KEY = 1000
"""YAML allows 1024 characters before the colon, the quotes included; a longer key takes the `? key` form."""

_NEUTRAL_KEY = "  neutral:"
HERE = Path()
NO_OTHERS: Mapping[str, int] = {}
SCALES = (1, 5, 10, 100)
"""What the best number of an answer may be."""
NEUTRAL = "which nobody has decided: change it or leave it"

_HEAD = "# Suggested for what {name} rejects or leaves undecided. {usable}"
_USABLE = "It can be used as it stands."
_LEFT_OPEN = "Decide first what has `?`."
_OF_NEUTRAL = """\
# Values under `neutral` are guesses: their rows are imported, each with a warning. Decide what each value becomes,
# then delete its line under `neutral`."""


PROPOSALS = {
    TITLE_TOO_LONG: """\
# {rows} with a title over Triage's limit. `shorten` cuts it, the full title opens the description, and each such row
# gets a warning; `reject` leaves the rows out, and errors.csv has them.
title: {{too_long: shorten}}""",
    DESCRIPTION_TOO_LONG: """\
# {rows} with a description over Triage's limit. `continue` lets it go on in comments, nothing lost; `shorten` cuts it;
# `reject` leaves the rows out, and errors.csv has them.
description: {{too_long: continue}}""",
    RESTRICTED_UNDECIDED: """\
# {rows} that not everybody may read in the source. In Triage everybody reads them: `send`, or `skip` leaves them out.
# Until you put one of them in place of `?`, they are rejected.
restricted: {{issues: '?'}}""",
    PRIVATE_UNDECIDED: """\
# {rows} with comments for the team alone. In Triage whoever reads the issue reads them: `keep` sends them, marked
# `private`; `drop` leaves them out. Until you put one of them in place of `?`, these rows are rejected.
comments: {{private: '?'}}""",
}
"""What there is to propose for findings that aren't about values, by their code."""


def suggest_for(mapping: LoadedMapping, checked: Checked, beside: Path) -> str:
    """Return what `suggest` has to say after a check, "" if there is nothing to propose."""
    codes, model = checked.tally.by_code(), mapping.model
    kept = {TITLE_TOO_LONG: model.title, DESCRIPTION_TOO_LONG: model.description}  # `too_long` may say so already
    others = {
        code: codes[code]
        for code in PROPOSALS
        if codes.get(code) and (code not in kept or ((spec := kept[code]) and spec.too_long == "reject"))
    }
    # Whoever wrote a mapping decides there; a preset can't be written into.
    neutral = find_neutral(checked.flow) if is_preset(mapping.files[0]) else []
    if not (checked.unknowns or checked.answers or others or neutral):
        return ""
    return suggest(mapping, checked.unknowns, others, answers=checked.answers, neutral=neutral, beside=beside)


def suggest(
    mapping: LoadedMapping,
    unknowns: Iterable[Unknown],
    others: Mapping[str, int] = NO_OTHERS,
    *,
    answers: Mapping[str, int] = NO_OTHERS,
    neutral: Sequence[tuple[Unknown, str]] = (),
    beside: Path = HERE,
) -> str:
    """Return the YAML of a mapping that extends the one in use, accepts all of `unknowns`, and names what others say.

    others   code of `PROPOSALS` → number of rows that have it
    answers  answers that the mapping doesn't know → number of rows
    neutral  values for which the mapping has a target that nobody has decided, each with that
    beside   the folder that the text will be written to, to which the path under `extends` is relative

    Values that are equal but for case and outer white space become one. `load_mapping` accepts the result whatever the
    values are.
    """
    groups = list(_grouped(unknowns))
    known = {(unknown.field, fold(unknown.value)) for unknown in groups}
    targets = {(unknown.field, fold(unknown.value)): target for unknown, target in neutral}
    left = [
        (unknown, Proposal(targets[name], NEUTRAL, neutral=True))
        for unknown in _grouped(unknown for unknown, _ in neutral)
        if (name := (unknown.field, fold(unknown.value))) not in known
    ]
    proposer = Proposer(mapping.model)
    lines: list[str] = []
    for field in VALUE_FIELDS:
        proposals = [(unknown, proposer.propose(unknown)) for unknown in groups if unknown.field == field]
        proposals += [each for each in left if each[0].field == field]
        if proposals:
            lines += _field_lines(field, proposals, getattr(mapping.model, field).neutral)
    if answers and mapping.model.answer is not None:
        lines += _answer_lines(mapping.model.answer, answers)
    for code, rows in others.items():
        lines.append(PROPOSALS[code].format(rows=counted(rows, "row")))
    usable = _USABLE if UNDECIDED_CODES.isdisjoint(others) else _LEFT_OPEN
    head = [_HEAD.format(name=quote(mapping.name), usable=usable), *([_OF_NEUTRAL] if _NEUTRAL_KEY in lines else [])]
    return "\n".join([*head, "", f"extends: {_scalar(_extends(mapping, beside))}", *lines]) + "\n"


def _field_lines(field: FieldName, proposals: list[tuple[Unknown, Proposal]], neutral: list[str]) -> Iterator[str]:
    yield f"{field}:"
    mapped = [(unknown, proposal) for unknown, proposal in proposals if fold(unknown.value)]
    if mapped:
        yield "  values:"
    for unknown, proposal in mapped:
        yield f"    {entry(unknown.value, _scalar(proposal.target))}{_comment(unknown, proposal)}"
    for unknown, proposal in proposals:
        if not fold(unknown.value):
            yield f"  missing: {_scalar(proposal.target)}{_comment(unknown, proposal)}"
    # A list replaces the one below it, so values that are still undecided there are named again.
    undecided = [*neutral, *(unknown.value for unknown, proposal in proposals if proposal.neutral)]
    if undecided:
        yield _NEUTRAL_KEY
    for value in {fold(value): value for value in undecided}.values():
        yield f"    - {quote(value)}"


def _answer_lines(spec: Answer, answers: Mapping[str, int]) -> Iterator[str]:
    """The lines under `answer`; a list replaces the one below it, so what it has is named again."""
    numbers = {text: number for text in answers if (number := number_in(text)) is not None}
    added: dict[str, list[str]] = {}
    for text, rows in sorted(answers.items(), key=lambda each: (-each[1], each[0])):
        if text not in numbers and _is_text(text):
            verdict, reason = propose_answer(text)
            added.setdefault(verdict, []).append(f"    - {quote(text)}  # {counted(rows, 'row')}, {reason}")
    yield "answer:"
    for verdict in added:
        yield f"  {verdict}:"
        yield from (f"    - {quote(word)}" for word in getattr(spec, verdict))
        yield from added[verdict]
    if numbers:
        most, count = max(numbers.values()), counted(sum(map(answers.__getitem__, numbers)), "row")
        scales = SCALES[-1:] if any(text.endswith("%") for text in numbers) else SCALES
        best = next((scale for scale in scales if most <= scale), most)
        yield f"  below: {best:g}  # {count} with numbers up to {most:g}: all but the best is a finding, until you say"


def _grouped(unknowns: Iterable[Unknown]) -> Iterable[Unknown]:
    """Merge unknown values that a value map treats as equal, in order of first occurrence."""
    groups: dict[tuple[str, str], Unknown] = {}
    for unknown in filter(_can_be_written, unknowns):
        first = groups.setdefault((unknown.field, fold(unknown.value)), unknown)
        if first is not unknown:
            both = replace(first, count=first.count + unknown.count, evidence=_sum(first.evidence, unknown.evidence))
            groups[unknown.field, fold(unknown.value)] = both
    return groups.values()


def _can_be_written(unknown: Unknown) -> bool:
    return _is_text(unknown.value)


def _is_text(value: str) -> bool:
    """Whether a value is valid text: a lone surrogate fits neither YAML nor Triage, so its rows stay rejected."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _sum(one: Evidence, other: Evidence) -> Evidence:
    return Evidence(
        one.status_category + other.status_category, one.resolution + other.resolution, one.closed + other.closed
    )


def entry(value: str, target: str) -> str:
    """A line of a group in YAML: what maps just this value to a target, which is YAML already."""
    name = quote(exact_key(value))
    return f"? {name}\n    : {target}" if len(name) > _LONGEST_SIMPLE_KEY else f"{name}: {target}"


def _scalar(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z./][A-Za-z0-9_./-]*(?: [A-Za-z0-9-]+)*", text) else quote(text)


def _comment(unknown: Unknown, proposal: Proposal) -> str:
    return f"  # {counted(unknown.count, 'row')}, {as_comment(proposal.reason)}"


def as_comment(text: str) -> str:
    """A text that can't end the comment that it stands in."""
    return "".join(character if character.isprintable() else " " for character in text)


def _extends(mapping: LoadedMapping, beside: Path) -> str:
    path = mapping.files[0]
    if is_preset(path):
        return path.stem
    relative = os.path.relpath(path.resolve(), beside.resolve())
    return relative if relative.startswith(os.pardir) else f"{os.curdir}{os.sep}{relative}"
