"""Maps source values to severity, status and category, each distinct value once."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from importer.api import VALUE_FIELDS
from importer.mapping.model import TARGETS, UNDECIDED, Category, MappingModel, Value, fold
from importer.mapping.patterns import Searcher, compile_pattern, is_pattern
from importer.mapping.texts import Condition, KeyPath, Text
from importer.mapping.vocabulary import BY_TITLE, category_of, is_denied, meaning
from importer.transform.columns import Columns
from importer.transform.masks import Mask
from importer.transform.plain_text import is_filled, single_line

How = Literal[
    "rule", "constant", "mapped", "word", "same", "fallback", "kept", "default", "unknown", "missing", "undecided"
]
KNOWN_LIMIT = 10_000
"""How many distinct values are remembered from chunk to chunk."""


@dataclass(frozen=True, slots=True)
class Step:
    """How a source value got its target.

    source  the text as written without outer white space, or the rule that matched
    target  None if the mapping has none: such a row is rejected
    how     `word`: by a word of the vocabulary; `missing`: empty and no default; `default`: empty, with one; `unknown`:
            outside the map (target: the mapping's `unknown`, or None); `undecided`: the mapping has `?`; `fallback`: by
            the fallback's text; `neutral` marks a value that nobody has decided yet
    path    the keys that lead to the deciding line of the mapping
    hidden  whether the text names a person who is not shown by name: `source` then is what stands in its place
    """

    source: str
    target: str | None
    how: How
    path: KeyPath
    neutral: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class Mapped:
    """A value field of a chunk: the distinct steps, and for each row the index of its step."""

    steps: list[Step]
    codes: list[int]

    @cached_property
    def targets(self) -> list[str | None]:
        """The target of each row."""
        targets = [step.target for step in self.steps]
        return [targets[code] for code in self.codes]

    def rows_by(self, how: How) -> Mask:
        """A mask of the rows whose target came in this way."""
        found = {code for code, step in enumerate(self.steps) if step.how == how}
        return Mask(map(found.__contains__, self.codes)) if found else Mask(len(self.codes))


class ValueMap:
    """One value field of a mapping, ready to be applied to chunks."""

    def __init__(self, field: str, spec: Value[Any]) -> None:
        self.field = field
        self.spec = spec
        self._exact = {fold(name): name for name in spec.values if not is_pattern(name)}
        self._same = set(TARGETS[field])
        self._known: dict[str, Step] = {}

    def apply(self, columns: Columns) -> Mapped:
        """Map a chunk: rules first, in order, then the value map."""
        steps: list[Step] = []
        codes, left = [-1] * len(columns), Mask.full(len(columns))
        for number, rule in enumerate(self.spec.rules):
            matched = columns.holds(rule.when, among=left)
            if matched:
                left &= ~matched
                for row in matched.rows:
                    codes[row] = len(steps)
                path = (self.field, "rules", number)
                steps.append(_decided(Step(rule.name or describe(rule.when), rule.then, "rule", path)))
        if rows := left.rows:
            texts = columns.as_written.text(self.spec)
            wanted = [texts[row] for row in rows] if steps else texts
            numbers = {text: number for number, text in enumerate(dict.fromkeys(wanted), start=len(steps))}
            for row, text in zip(rows, wanted, strict=True):
                codes[row] = numbers[text]
            steps += map(self.resolve, numbers)
            for key in self.spec.beside:
                self._fall_back(columns, key, steps, codes)
            if isinstance(self.spec, Category) and self.spec.titles is not None:
                self._read_titles(columns, self.spec.titles, steps, codes)
        return Mapped(steps, codes)

    def _fall_back(self, columns: Columns, key: str, steps: list[Step], codes: list[int]) -> None:
        """Map the rows whose text the value map lacks by another text; a stage counts before words of another one."""
        by_words = {code for code, step in enumerate(steps) if key == "stage" and step.path[-1] == "words"}
        lacking = by_words | {code for code, step in enumerate(steps) if step.how in ("unknown", "kept")}
        if not lacking:
            return
        others = columns.as_written.text(self.spec.beside[key])
        index: dict[tuple[int, str], int] = {}
        for row, code in enumerate(codes):
            if code in lacking and is_filled(others[row]):
                pair = code, others[row]
                if pair not in index:
                    found = self.resolve(others[row])
                    agrees = code in by_words and stage_of(found.target) == stage_of(steps[code].target)
                    index[pair] = code
                    if found.how in ("mapped", "word", "same") and not agrees:
                        index[pair] = len(steps)
                        path = (self.field, key)
                        steps.append(Step(steps[code].source, found.target, "fallback", path, found.neutral))
                codes[row] = index[pair]

    def _read_titles(self, columns: Columns, titles: Text, steps: list[Step], codes: list[int]) -> None:
        """Take the category from a word of the title, for rows that say none."""
        lacking = {code for code, step in enumerate(steps) if step.how in ("default", "missing")}
        if not lacking:
            return
        places: dict[str, int] = {}
        texts = columns.text(titles)
        for row, code in enumerate(codes):
            if code in lacking and (target := category_of(texts[row])):
                if target not in places:
                    places[target] = len(steps)
                    steps.append(Step(BY_TITLE, target, "rule", (self.field, "titles")))
                codes[row] = places[target]

    def resolve(self, text: str) -> Step:
        """Map one source text, without regard to a fallback."""
        step = self._known.get(text)
        if step is None:
            step = _decided(self._look_up(text.strip()))
            if len(self._known) < KNOWN_LIMIT:  # free text in a value column must not fill the memory
                self._known[text] = step
        return step

    def _look_up(self, text: str) -> Step:
        spec, field = self.spec, self.field
        folded = fold(text)
        if not folded:
            if spec.missing is not None:
                return Step("", spec.missing, "default", (field, "missing"), "" in spec.undecided)
            return Step("", None, "missing", (field,))
        if spec.value is not None:
            return Step(text, text, "constant", (field, "value"))
        name = self._exact.get(folded) or self._match(text)
        if name is not None:
            return Step(text, spec.values[name], "mapped", (field, "values", name), folded in spec.undecided)
        if folded in self._same:
            return Step(text, folded, "same", (field,))
        if spec.words and (found := meaning(field, text, spec.languages)) is not None:
            return Step(text, found.target, "mapped" if found.is_whole else "word", (field, "words"))
        if isinstance(spec, Category) and spec.keep_unknown:
            return Step(text, single_line(text), "kept", (field, "keep_unknown"))
        return Step(text, spec.unknown, "unknown", (field, "unknown") if spec.unknown is not None else (field,))

    @cached_property
    def _patterns(self) -> list[tuple[str, Searcher]]:
        return [(name, compile_pattern(name[1:-1], re.IGNORECASE)) for name in self.spec.values if is_pattern(name)]

    def _match(self, text: str) -> str | None:
        """The first pattern that a text has, but for one whose target it denies: `Almost done`, `Not urgent`.

        A pattern that itself has the words that deny it is believed: `/almost done/`.
        """
        for name, found in self._patterns:
            match = found.search(text)
            if match is not None:
                target = self.spec.values[name]
                if not is_denied(self.field, target, text) or all(
                    is_denied(self.field, target, said) for said in (match[0], _bare(name))
                ):
                    return name
        return None


def _bare(pattern: str) -> str:
    """The words of a pattern."""
    return re.sub(r"[\\^$.|?*+(){}/\[\]]+", " ", pattern)


def _decided(step: Step) -> Step:
    return replace(step, target=None, how="undecided") if step.target == UNDECIDED else step


def stage_of(status: str | None) -> str | None:
    """The plainest status of the same stage."""
    return {"backlog": "todo", "in_review": "in_progress", "closed": "done"}.get(status or "", status)


def value_maps(mapping: MappingModel) -> list[ValueMap]:
    """The mapping's value fields, in the order of `VALUE_FIELDS`."""
    return [ValueMap(field, getattr(mapping, field)) for field in VALUE_FIELDS]


def describe(conditions: list[Condition]) -> str:
    """A rule in a few words: `labels[].name is bug, defect`."""
    return " and ".join(_describe(condition) for condition in conditions)


def _describe(condition: Condition) -> str:
    what = " or ".join(ref.name for ref in condition.refs) or "text"
    if condition.is_ is not None:
        return f"{what} is {', '.join(condition.is_)}"
    if condition.matches is not None:
        return f"{what} matches {condition.matches}"
    if condition.filled is not None:
        return f"{what} is {'filled' if condition.filled else 'empty'}"
    return f"{what} before {condition.before}" if condition.before else f"{what} after {condition.after}"
