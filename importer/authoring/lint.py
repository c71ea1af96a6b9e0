"""Linting a mapping: lines that are valid but can never have an effect. Only certain cases are reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, get_args

from importer.api import VALUE_FIELDS
from importer.errors import Problem
from importer.mapping.model import MappingModel, Skip, Value, fold
from importer.mapping.patterns import is_pattern
from importer.mapping.reader import LoadedMapping
from importer.mapping.texts import TEXT_SOURCES, Condition, KeyPath, Text, walk_texts
from importer.mapping.yaml_tree import Node
from importer.records import RecordFormat

_TEXT_KEYS = {*TEXT_SOURCES, "pattern", "to", "lookup"}
_DELETE = "delete it, or move it up"


def lint(loaded: LoadedMapping) -> list[Problem]:
    """Return the lines of the mapping's own file that can never have an effect, in order.

    Lines of a mapping that it extends are not reported: overriding them is what `extends` is for.
    """
    own = loaded.tree.place.file
    found = []
    for path, message, hint in _all(loaded):
        place = loaded.place(*path)
        if place.file == own:
            found.append(Problem(message, place.file, place.line, ".".join(map(str, path)), hint))
    return sorted(found, key=lambda problem: problem.line)


def _all(loaded: LoadedMapping) -> Iterator[Remark]:
    model = loaded.model
    yield from _dead_conditions(loaded, [(("skip", number), rule.when) for number, rule in enumerate(model.skip)])
    for path, conditions in _conditions(model):
        yield from _contradictions(path, conditions)
    for field in VALUE_FIELDS:
        spec: Value[Any] = getattr(model, field)
        rules: list[tuple[KeyPath, Sequence[Condition]]]
        rules = [((field, "rules", number), rule.when) for number, rule in enumerate(spec.rules)]
        yield from _dead_conditions(loaded, rules)
        yield from _skipped_rules(loaded, model.skip, rules)
        yield from _dead_patterns(loaded, field, spec)
        yield from _values_of_rules(loaded, field, spec)
        yield from _idle_keys(field, spec)
    for path, text in walk_texts(model, choices=True):
        yield from _repeated_choices(path, text)
    yield from _repeated_footers(loaded, model.footer)
    yield from _repeated_dates(model)
    yield from _of_other_formats(model)
    yield from find_idle_texts(loaded.tree, model)
    for number, example in enumerate(model.examples):
        if not example.expect.model_fields_set:
            yield (
                ("examples", number),
                "expects nothing, so it can't fail",
                "write under `expect` what the row must become",
            )


def _identity(text: Text) -> str:
    """Return what is equal for two texts exactly if they always read the same."""
    return repr(text.model_dump(include=_TEXT_KEYS))


def _conditions(model: MappingModel) -> Iterator[tuple[KeyPath, Sequence[Condition]]]:
    for number, skip in enumerate(model.skip):
        yield ("skip", number), skip.when
    for field in VALUE_FIELDS:
        for number, rule in enumerate(getattr(model, field).rules):
            yield (field, "rules", number), rule.when


def _implies(premise: Condition, conclusion: Condition) -> bool:
    """Whether the conclusion certainly holds for each row for which the premise holds."""
    if _identity(premise) != _identity(conclusion):
        return False
    if premise.model_dump() == conclusion.model_dump():
        return True
    if conclusion.filled:
        dated = premise.before is not None or premise.after is not None
        return dated or (premise.is_ is not None and all(map(fold, premise.is_)))
    if premise.is_ is not None and conclusion.is_ is not None:
        return set(map(fold, premise.is_)) <= set(map(fold, conclusion.is_))
    if premise.before is not None and conclusion.before is not None:
        return premise.before <= conclusion.before
    return premise.after is not None and conclusion.after is not None and premise.after >= conclusion.after


def _covers(weaker: Sequence[Condition], stronger: Sequence[Condition]) -> bool:
    """Whether the weaker rule holds wherever the stronger one does."""
    return all(any(_implies(premise, conclusion) for premise in stronger) for conclusion in weaker)


def _dead_conditions(loaded: LoadedMapping, rules: Sequence[tuple[KeyPath, Sequence[Condition]]]) -> Iterator[Remark]:
    for number, (path, when) in enumerate(rules):
        taker = next((earlier for earlier, weaker in rules[:number] if _covers(weaker, when)), None)
        if taker is not None:
            yield path, f"is never reached: the rule at {loaded.place(*taker)} matches whatever this one does", _DELETE


def _skipped_rules(
    loaded: LoadedMapping, skips: Sequence[Skip], rules: Iterable[tuple[KeyPath, Sequence[Condition]]]
) -> Iterator[Remark]:
    for path, when in rules:
        skip = next((number for number, rule in enumerate(skips) if _covers(rule.when, when)), None)
        if skip is not None:
            place = loaded.place("skip", skip)
            yield path, f"is never reached: the rule at {place} leaves all of its rows out", "delete one of the two"


def _contradictions(path: KeyPath, conditions: Sequence[Condition]) -> Iterator[Remark]:
    empty = {_identity(condition) for condition in conditions if condition.filled is False}
    for condition in conditions:
        filled = condition.filled or condition.before is not None or condition.after is not None
        if _identity(condition) in empty and (filled or (condition.is_ is not None and all(map(fold, condition.is_)))):
            what = " or ".join(ref.name for ref in condition.refs) or "the text"
            yield (
                path,
                f"never holds: {what} would have to be empty and filled",
                "all conditions of a list must hold: delete one, or make two rules",
            )
            return


def _dead_patterns(loaded: LoadedMapping, field: str, spec: Value[Any]) -> Iterator[Remark]:
    exact = {fold(name): name for name in spec.values if not is_pattern(name)}
    earlier: list[str] = []
    for name in filter(is_pattern, spec.values):
        takers = [_taker(text, exact, earlier) for text in _literals(name)]
        same = next((other for other in earlier if _canonical(other) == _canonical(name)), None)
        taker = same or (takers[0] if takers and all(takers) else None)
        if taker is not None:
            place = loaded.place(field, "values", taker)
            message = f"is never reached: {taker} at {place} matches everything that it does"
            yield (field, "values", name), message, "delete it, or put it before that line if both are patterns"
        earlier.append(name)


def _taker(text: str, exact: dict[str, str], patterns: Iterable[str]) -> str | None:
    """Return the value or pattern that takes a text before later patterns are tried, None if none does."""
    if fold(text) in exact:
        return exact[fold(text)]
    plain = (name for name in patterns if "(?" not in name.replace("(?:", ""))  # flags may make case count
    return next((name for name in plain if re.search(name[1:-1], text, re.IGNORECASE)), None)


def _canonical(name: str) -> str:
    """Return a pattern in lower case, except its escapes, since `\\d` is not `\\D`."""
    body = name[1:-1].removeprefix("(?i)")
    return re.sub(r"\\.|[^\\]", lambda part: part[0] if part[0].startswith("\\") else part[0].lower(), body)


def _literals(name: str) -> list[str]:
    """Return the only texts that a pattern matches, if it is `^Text$` or `^(One|Two)$`; else nothing."""
    anchored = re.fullmatch(r"(?:\(\?i\))?\^(.+)\$", name[1:-1])
    if anchored is None:
        return []
    group = re.fullmatch(r"\((?:\?:)?([^()]+)\)", anchored[1])
    texts = group[1].split("|") if group else [anchored[1]]
    if not all(re.fullmatch(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^\w\s])+", text) for text in texts):
        return []
    return [re.sub(r"\\(.)", r"\1", text) for text in texts]


def _values_of_rules(loaded: LoadedMapping, field: str, spec: Value[Any]) -> Iterator[Remark]:
    """Yield exact values that a rule always takes first; none where another text may still reach them."""
    if spec.beside:
        return
    for number, rule in enumerate(spec.rules):
        (condition, *more) = rule.when
        if more or condition.is_ is None or _identity(condition) != _identity(spec):
            continue
        taken = set(map(fold, condition.is_))
        for name in spec.values:
            if not is_pattern(name) and fold(name) in taken:
                place = loaded.place(field, "rules", number)
                yield (field, "values", name), f"is never looked up: the rule at {place} takes it", _DELETE


def _idle_keys(field: str, spec: Value[Any]) -> Iterator[Remark]:
    """Yield keys that can't have an effect because of the text that they belong to."""
    for key, text in spec.beside.items():
        if _identity(text) == _identity(spec):
            yield (field, key), "is the same text again", "name another text, or delete it"
    if spec.missing is not None and _is_never_empty(spec):
        yield (field, "missing"), "can't happen: the text has a constant, so it is never empty", "delete it"
    empty_rules = [number for number, rule in enumerate(spec.rules) if _takes_empty(rule.when, spec)]
    if spec.missing is not None and empty_rules:
        yield (field, "missing"), f"can't happen: rule {empty_rules[0] + 1} takes the empty cells", "delete one of them"
    if _is_constant(spec):
        for key in ("values", "stage", "fallback", "unknown", "keep_unknown"):
            if getattr(spec, key, None):
                yield (field, key), "is never read: the text is a constant", "delete it, or name a column"


def _takes_empty(when: Sequence[Condition], spec: Text) -> bool:
    return len(when) == 1 and when[0].filled is False and _identity(when[0]) == _identity(spec)


def _is_constant(text: Text) -> bool:
    return text.value is not None and bool(text.value.strip()) and text.pattern is None and text.lookup is None


def _is_never_empty(text: Text) -> bool:
    plain = text.pattern is None and text.lookup is None
    return _is_constant(text) or (plain and any(map(_is_never_empty, text.first or ())))


def _repeated_choices(path: KeyPath, text: Text) -> Iterator[Remark]:
    seen: dict[str, int] = {}
    for number, choice in enumerate(text.first or ()):
        if seen.setdefault(_identity(choice), number) != number:
            what = " and ".join(ref.name for ref in choice.refs) or "a constant"
            yield (*path, "first", number), f"names {what} a second time", "delete it"


def _repeated_footers(loaded: LoadedMapping, footer: dict[str, Text]) -> Iterator[Remark]:
    own = loaded.tree.place.file
    for (first, text), (second, other) in combinations(footer.items(), 2):
        if (text.value is None or text.value.strip()) and _identity(text) == _identity(other):
            later, earlier = (second, first) if loaded.place("footer", second).file == own else (first, second)
            place = loaded.place("footer", earlier)
            yield ("footer", later), f"says the same as {earlier!r} at {place}", "one label is enough; delete one"


def _repeated_dates(model: MappingModel) -> Iterator[Remark]:
    for number, form in enumerate(model.input.dates):
        if form in model.input.dates[:number]:
            yield ("input", "dates", number), f"{form!r} is in the list already", "delete it"


def _of_other_formats(model: MappingModel) -> Iterator[Remark]:
    """Yield keys that are about tables where the mapping says that its source has records."""
    if model.input.format in get_args(RecordFormat):
        for key in ("delimiter", "skip_lines"):
            if getattr(model.input, key) is not None:
                message = f"is never read: `format: {model.input.format}` has none"
                yield ("input", key), message, "delete one of the two"


Remark = tuple[KeyPath, str, str]
"""KeyPath of the key, what is wrong with it, and what to do."""

_PATTERNS = frozenset({"pattern", "matches", "find", "check", "parse", "within", "mentions"})
_BETWEEN_SLASHES = re.compile(r"/\^|.*(?<!\\)\$/\Z", re.DOTALL)
_DOLLAR_GROUP = re.compile(r"\$(\d)")
_WITH_FLAGS = re.compile(r"(/.+/)[gimsuy]{1,3}\Z", re.DOTALL)


def find_idle_texts(tree: Node, model: MappingModel) -> Iterator[Remark]:
    """The texts of a merged mapping that certainly never find, replace or drop anything."""
    yield from _foreign_signs(tree, ())
    for field in VALUE_FIELDS:
        for name in getattr(model, field).values:
            flagged = None if is_pattern(name) else _WITH_FLAGS.match(name)
            if flagged is not None:
                message = "is this text itself: a pattern stands between slashes, without anything behind them"
                yield (field, "values", name), message, f"write {flagged[1]}, which ignores case"
    yield from _dropped_and_read(model)


def _foreign_signs(node: Node, path: KeyPath) -> Iterator[Remark]:
    """Patterns between slashes where none belong, and groups that are called `$1`."""
    if isinstance(node.value, str):
        key = path[-1] if path else ""
        if key in _PATTERNS and _BETWEEN_SLASHES.match(node.value):
            yield path, "never finds anything: its slashes are a part of it", "only under `values` are there slashes"
        is_replacement = key == "to" or (key == "key" and path[0] == "references")
        group = _DOLLAR_GROUP.search(node.value) if is_replacement else None
        if group is not None and "\\" not in node.value:
            yield path, f"`{group[0]}` stays as it is written", f"the group is called `\\{group[1]}` here"
        return
    for part, child in node.children:
        if part != "given":  # a row of an example may have any keys
            yield from _foreign_signs(child, (*path, part))


def _dropped_and_read(model: MappingModel) -> Iterator[Remark]:
    """Columns under `drop` of which every cell goes somewhere: dropping says of the others that they may be lost."""
    whole = {
        text.column: path
        for path, text in walk_texts(model, choices=False)
        if path[0] in ("title", "description", "footer") and _is_whole_column(text)
    }
    for number, name in enumerate(model.drop):
        if name in whole:
            key = ".".join(map(str, whole[name]))
            hint = f"delete one of the two; `{whole[name][-1]}: {{value: ''}}` takes a line of the footer away"
            yield ("drop", number), f"{name!r} is not dropped: `{key}` takes it", hint


def _is_whole_column(text: Text) -> bool:
    return text.column is not None and text.pattern is None and text.lookup is None
