"""Maps what a row says to its severity, status and category; what the same cells say is decided once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from importer.api import VALUE_FIELDS
from importer.mapping.model import TARGETS, UNDECIDED, Category, MappingModel, Value, fold
from importer.mapping.patterns import Searcher, compile_pattern, is_pattern
from importer.mapping.texts import Condition, KeyPath, Text
from importer.mapping.vocabulary import BY_TITLE, category_of, is_denied, meaning
from importer.records import Finding
from importer.row.compiler import Compiler, Holds
from importer.row.remembered import Remembered
from importer.row.same_cells import SameCells
from importer.sources.source_rows import Layout, SourceRow
from importer.transform.plain_text import is_filled, single_line

How = Literal[
    "rule", "constant", "mapped", "word", "same", "fallback", "kept", "default", "unknown", "missing", "undecided"
]


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
    fault   what there is to say of it, as a finding of its row
    """

    source: str
    target: str | None
    how: How
    path: KeyPath
    neutral: bool = False
    hidden: bool = False
    fault: Finding | None = None


class ValueReader:
    """Reads a value field of a file's rows: rules in order, the value map, the texts beside it, words of the title.

    `change` is applied once to each step that comes of it: it may hide a person, or clean a category.
    """

    def __init__(
        self,
        value_map: ValueMap,
        compiler: Compiler,
        layout: Layout,
        change: Callable[[Step], Step] = lambda step: step,
    ) -> None:
        spec = value_map.spec
        self._map, self._change = value_map, change
        conditions = [condition for rule in spec.rules for condition in rule.when]
        texts: list[Text] = [spec, *conditions, *spec.beside.values()]
        self._steps = SameCells[Step](layout, texts, self._compile)
        # The title is none of these: with it hardly any cells would come again.
        titles = spec.titles if isinstance(spec, Category) else None
        self._title = None if titles is None else compiler.text(titles)
        self._by_title = Remembered[str, Step](self._name_by_title)

    def read(self, row: SourceRow) -> Step:
        """The step of a row's value; dates in the way of a rule, and markup that was lost, are noted in the row."""
        step = self._steps.read(row)
        if self._title is not None and step.how in ("default", "missing"):
            category = category_of(self._title(row))
            if category:
                return self._by_title[category]
        return step

    def _compile(self, compiler: Compiler) -> Callable[[SourceRow], Step]:
        """Compile what decides without the title."""
        rules = list(self._compile_rules(compiler))
        reader = compiler.written.text(self._map.spec)
        beside = [(key, compiler.written.text(text)) for key, text in self._map.spec.beside.items()]

        def find_step(row: SourceRow) -> Step:
            for holds, step in rules:
                if holds(row):
                    return self._change(step)
            step = self._map.resolve(reader(row))
            for key, read_text in beside:
                if step.how in ("unknown", "kept") or _is_by_words(step, key):
                    step = self._fall_back(step, key, read_text(row))
            return self._change(step)

        return find_step

    def _fall_back(self, step: Step, key: str, text: str) -> Step:
        """The step by another text, where the value map knows that one; a stage counts before words of another one."""
        if not is_filled(text):
            return step
        second = self._map.resolve(text)
        if second.how not in ("mapped", "word", "same"):
            return step
        # Within one stage the words say more.
        if _is_by_words(step, key) and stage_of(second.target) == stage_of(step.target):
            return step
        return Step(step.source, second.target, "fallback", (self._map.field, key), second.neutral)

    def _name_by_title(self, category: str) -> Step:
        return self._change(Step(BY_TITLE, category, "rule", (self._map.field, "titles")))

    def _compile_rules(self, compiler: Compiler) -> Iterator[tuple[Holds, Step]]:
        for number, rule in enumerate(self._map.spec.rules):
            path = (self._map.field, "rules", number)
            step = Step(rule.name or describe(rule.when), rule.then, "rule", path)
            yield compiler.holds(rule.when), _decided(step)


def _is_by_words(step: Step, key: str) -> bool:
    """Whether words decided, over which a stage counts."""
    return key == "stage" and step.path[-1] == "words"


class ValueMap:
    """One value field of a mapping, ready to map texts."""

    def __init__(self, field: str, spec: Value[Any]) -> None:
        self.field = field
        self.spec = spec
        self._exact = {fold(name): name for name in spec.values if not is_pattern(name)}
        self._targets = set(TARGETS[field])
        self._steps = Remembered[str, Step](self._look_up)

    def resolve(self, text: str) -> Step:
        """Map one source text, without regard to a fallback."""
        return self._steps[text]

    def _look_up(self, text: str) -> Step:
        return _decided(self._map(text.strip()))

    def _map(self, text: str) -> Step:
        spec, field = self.spec, self.field
        folded = fold(text)
        if not folded:
            if spec.missing is None:
                return Step("", None, "missing", (field,))
            return Step("", spec.missing, "default", (field, "missing"), "" in spec.undecided)
        if spec.value is not None:
            return Step(text, text, "constant", (field, "value"))
        name = self._exact.get(folded) or self._match(text)
        if name is not None:
            return Step(text, spec.values[name], "mapped", (field, "values", name), folded in spec.undecided)
        if folded in self._targets:
            return Step(text, folded, "same", (field,))
        word = meaning(field, text, spec.languages) if spec.words else None
        if word is not None:
            return Step(text, word.target, "mapped" if word.is_whole else "word", (field, "words"))
        if isinstance(spec, Category) and spec.keep_unknown:
            return Step(text, single_line(text), "kept", (field, "keep_unknown"))
        if spec.unknown is not None:
            return Step(text, spec.unknown, "unknown", (field, "unknown"))
        return Step(text, None, "unknown", (field,))

    @cached_property
    def _patterns(self) -> list[tuple[str, Searcher]]:
        return [(name, compile_pattern(name[1:-1], re.IGNORECASE)) for name in self.spec.values if is_pattern(name)]

    def _match(self, text: str) -> str | None:
        """The first pattern that a text has, but for one whose target it denies: `Almost done`, `Not urgent`.

        A pattern that itself has the words that deny it is believed: `/almost done/`.
        """
        for name, pattern in self._patterns:
            match = pattern.search(text)
            if match is None:
                continue
            target = self.spec.values[name]
            if not is_denied(self.field, target, text):
                return name
            if is_denied(self.field, target, match[0]) and is_denied(self.field, target, _bare(name)):
                return name
        return None


def _bare(pattern: str) -> str:
    """The words of a pattern."""
    return re.sub(r"[\\^$.|?*+(){}/\[\]]+", " ", pattern)


def _decided(step: Step) -> Step:
    if step.target != UNDECIDED:
        return step
    return replace(step, target=None, how="undecided")


def stage_of(status: str | None) -> str | None:
    """The plainest status of the same stage."""
    return {"backlog": "todo", "in_review": "in_progress", "closed": "done"}.get(status or "", status)


def value_maps(mapping: MappingModel) -> list[ValueMap]:
    """The mapping's value fields, in the order of `VALUE_FIELDS`."""
    return [ValueMap(field, getattr(mapping, field)) for field in VALUE_FIELDS]


def describe(conditions: Sequence[Condition]) -> str:
    """A rule in a few words: `labels[].name is bug, defect`."""
    return " and ".join(map(_describe, conditions))


def _describe(condition: Condition) -> str:
    names = " or ".join(ref.name for ref in condition.refs) or "text"
    if condition.is_ is not None:
        return f"{names} is {', '.join(condition.is_)}"
    if condition.matches is not None:
        return f"{names} matches {condition.matches}"
    if condition.filled is not None:
        return f"{names} is {'filled' if condition.filled else 'empty'}"
    if condition.before:
        return f"{names} before {condition.before}"
    return f"{names} after {condition.after}"
