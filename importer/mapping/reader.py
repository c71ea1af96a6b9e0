"""Loads a mapping: reads, merges and checks the files of its `extends` chain, and reports all problems at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from importer.api import CATEGORY_LIMIT, VALUE_FIELDS
from importer.errors import MappingError, Problem
from importer.mapping.edited_tables import DecidedValue, read_decisions
from importer.mapping.merge import apply_decisions, apply_open, merge, spell_out
from importer.mapping.model import TARGETS, UNDECIDED, MappingModel, fold
from importer.mapping.patterns import is_pattern
from importer.mapping.presets import SUFFIX, is_preset, preset_names, preset_path
from importer.mapping.problems import UNKNOWN_KEY, hint_for_colon, model_problems, nearest, value_problems
from importer.mapping.scalars import OF_PRESET
from importer.mapping.texts import KeyPath, Text
from importer.mapping.vocabulary import digest_of_words, words_of
from importer.mapping.yaml_tree import Node, Place, parse, plain, read_small
from importer.phrases import clip

LARGEST = 4 * 2**20
"""Bytes of a mapping: the largest preset has a hundredth of that."""
OF_ONE_FILE = ("examples",)
"""Keys that are not inherited through `extends`."""


@dataclass(frozen=True)
class LoadedMapping:
    """A valid mapping, with the file and line of each of its keys.

    name           the preset's name, or the path as it was typed
    digest         SHA-256 of the merged mapping in hex; files that are written differently and mean the same share it
    named_by_user  `input.name` is set by a file that is not one of our presets
    files          the file and those that it extends, in that order
    """

    model: MappingModel
    name: str
    digest: str
    named_by_user: bool
    files: tuple[Path, ...]
    tree: Node = field(repr=False)

    @property
    def short_name(self) -> str:
        """The name without its folders: by it one schedule's mapping is told from another's."""
        return Path(self.name).name

    def place(self, *path: str | int) -> Place:
        """The line of a key, or of the nearest key above it, in the file of the chain that decides it."""
        return self.tree.place_of(path)


@dataclass(frozen=True, slots=True)
class Preset:
    """A preset and one sentence about it."""

    name: str
    about: str


def load_mapping(name_or_path: str) -> LoadedMapping:
    """Load a preset by its name, or a file. Raises MappingError with all problems of all files in the chain."""
    return _load_preset(name_or_path) if name_or_path in preset_names() else _load(name_or_path)


@lru_cache(maxsize=8)
def _load_preset(name: str) -> LoadedMapping:
    """A preset, which no run changes: a recognised one is wanted twice, and `draft` asks several for their words."""
    return _load(name)


@lru_cache(maxsize=64)
def _parse_preset(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """The tree of a preset, which own mappings extend: to parse it again would take half of the time to load one."""
    return parse(text, file)


def _load(name_or_path: str) -> LoadedMapping:
    chain = _Chain(name_or_path)
    problems = list(chain.problems)
    if not chain.files:
        raise _unusable(name_or_path, problems)
    tree = chain.files[-1].spelled_out()
    for file in reversed(chain.files[:-1]):
        tree = merge(without_keys(tree, OF_ONE_FILE), file.spelled_out())
    tree = apply_open(with_labels(tree), [decision for file in chain.files for decision in file.decisions])
    try:
        is_ours = all(is_preset(file.path) for file in chain.files)
        model = MappingModel.model_validate(plain(tree), context=OF_PRESET if is_ours else None)
    except ValidationError as error:
        problems = _join(problems, model_problems(error, tree, whole=chain.whole))
    if problems:
        raise _unusable(name_or_path, problems)
    named_by_user = any(not is_preset(file.path) and file.tree.child("input", "name") for file in chain.files)
    return LoadedMapping(
        model, name_or_path, _digest(model), named_by_user, tuple(file.path for file in chain.files), tree
    )


def _join(of_files: list[Problem], of_model: list[Problem]) -> list[Problem]:
    """All problems; what a file's YAML was complained of is not named again for what is left of it.

    Where a key is empty and there is no such key, that there is none says more.
    """
    unknown = {(problem.file, problem.line, problem.key) for problem in of_model if problem.message == UNKNOWN_KEY}
    kept = [problem for problem in of_files if (problem.file, problem.line, problem.key) not in unknown]

    def is_named(problem: Problem) -> bool:
        keys = (other.key for other in kept if (other.file, other.line) == (problem.file, problem.line))
        return any(f"{problem.key}.".startswith(f"{key}.") or f"{key}.".startswith(f"{problem.key}.") for key in keys)

    return kept + [problem for problem in of_model if not is_named(problem)]


def list_presets() -> list[Preset]:
    """All presets, by name."""
    return [Preset(name, load_mapping(name).model.about) for name in preset_names()]


def preset_text(name: str) -> str:
    """The YAML text of a preset. Raises MappingError if there is none, with the most similar name."""
    path = preset_path(name)
    if path is None:
        raise MappingError(f"There is no preset {name!r}.", hint=_hint_for_name(name))
    return path.read_text(encoding="utf-8")


def _unusable(name: str, problems: list[Problem]) -> MappingError:
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    in_order = sorted(problems, key=lambda problem: (problem.file, problem.line))
    return MappingError(f"The mapping {name} has {count}.", problems=in_order)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    shown: str
    tree: Node
    decisions: tuple[DecidedValue, ...] = ()

    def spelled_out(self) -> Node:
        """The file's tree in long forms, with the decisions of its table."""
        return apply_decisions(spell_out(self.tree), self.decisions)


_HINT_FOR_EXTENDS = "a path under `extends` is relative to the mapping that names it"
_HINT_FOR_SUGGESTED = "a check writes suggested-mapping.yaml only if there is something to decide"


class _Chain:
    """The files of a mapping's `extends` chain, its own first; `whole` is false if one of them can't be read."""

    def __init__(self, name_or_path: str) -> None:
        self.files: list[_File] = []
        self.problems: list[Problem] = []
        self.whole = True
        reference: str | None = name_or_path
        asked: Place | None = None
        folder = Path()
        while reference is not None:
            path, shown = _find(reference, folder)
            tree = self._read(path, shown, reference, asked)
            if tree is None:
                return
            folder = path.parent
            asked = tree.place_of(["extends"])
            decisions = self._decisions(tree.child("decisions"), path)
            self.files.append(_File(path, shown, without_keys(tree, ("extends",)), decisions))
            reference = self._extends(tree.child("extends"))

    def _read(self, path: Path, shown: str, reference: str, asked: Place | None) -> Node | None:
        try:
            text = read_small(path, LARGEST).decode("utf-8-sig")
        except FileNotFoundError:
            if reference.endswith(SUFFIX) or "/" in reference:
                what, hint = "file", _hint_for_file(reference, is_extended=asked is not None)
            else:
                what, hint = "preset", _hint_for_name(reference)
            self._break(f"there is no {what} {reference!r}", asked, hint)
            return None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self._break("is not UTF-8", Place(shown, line), "save it as UTF-8")
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self._break(f"{shown!r} can't be read: {reason}", asked)
            return None
        if any(file.path.samefile(path) for file in self.files):
            way = " → ".join([*(file.shown for file in self.files), shown])
            self._break(f"extends itself: {way}", asked)
            return None
        tree, problems = _parse_preset(text, shown) if is_preset(path) else parse(text, shown)
        self.problems += problems
        if tree is not None and not isinstance(tree.value, dict):
            self._break("holds no keys", tree.place, _hint_for_no_keys(tree))
            return None
        if tree is None:
            self.whole = False
            return None
        self.problems += value_problems(tree)
        return tree

    def _decisions(self, node: Node | None, path: Path) -> tuple[DecidedValue, ...]:
        """The decisions in the table that a file names; the path is relative to that file."""
        if node is None or not isinstance(node.value, str) or not node.value:
            return ()
        table = path.parent / node.value
        if not table.is_file():
            hint = "the path is relative to the mapping; if there is no table, delete this line"
            self.problems.append(
                Problem(f"there is no file {node.value!r}", node.place.file, node.place.line, "decisions", hint)
            )
            return ()
        decisions, problems = read_decisions(table)
        self.problems += problems
        return tuple(decisions)

    def _extends(self, node: Node | None) -> str | None:
        """The name or path that a file extends, if any."""
        if node is None:
            return None
        if isinstance(node.value, str) and node.value:
            return node.value
        if any(problem.key == "extends" for problem in self.problems):  # it is said already that it is empty
            self.whole = False
            return None
        self._break("must be the name of a preset or a path", node.place, "a mapping extends exactly one other")
        return None

    def _break(self, message: str, place: Place | None, hint: str = "") -> None:
        self.whole = False
        where = (place.file, place.line) if place else ("", 0)
        key = "extends" if place and self.files and place.file == self.files[-1].shown else ""
        self.problems.append(Problem(message, *where, key, hint))


def _find(reference: str, folder: Path) -> tuple[Path, str]:
    """The file for a preset's name or a path, and how messages call it."""
    preset = preset_path(reference)
    if preset is not None:
        return preset, preset.name
    path = folder / Path(reference)
    return path, reference if folder == Path() else str(path)


def without_keys(tree: Node, names: Iterable[str]) -> Node:
    """A tree without some of its top-level keys."""
    return Node({key: child for key, child in tree.keys.items() if key not in names}, tree.place)


def _hint_for_no_keys(tree: Node) -> str:
    first = tree.value.partition(" ")[0] if isinstance(tree.value, str) else ""
    return hint_for_colon(first) if ":" in first[:-1] else "a mapping begins with `extends: jira` or `input:`"


def _hint_for_file(reference: str, *, is_extended: bool) -> str:
    name = Path(reference).stem
    if name in preset_names():
        return f"the preset is called `{name}`"
    if name.startswith("suggested-mapping"):
        return _HINT_FOR_SUGGESTED
    return _HINT_FOR_EXTENDS if is_extended else ""


def _hint_for_name(reference: str) -> str:
    return nearest(reference, preset_names()) or f"the presets are {', '.join(preset_names())}"


def _digest(model: MappingModel) -> str:
    """SHA-256 of the mapping, without defaults, `about`, and case where case is ignored.

    The order of footer lines, rules and patterns is significant; that of exact values is not.
    """
    silent = {"about", "decisions", "recognise", *OF_ONE_FILE}  # what is decided in a table stands in the values
    meaning = model.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=silent)
    if model.answer is not None and model.answer.words:
        meaning["answer"]["vocabulary"] = digest_of_words()
    for name in VALUE_FIELDS:
        spec = meaning.get(name, {})
        exact = {fold(value): target for value, target in spec.pop("values", {}).items() if not is_pattern(value)}
        spec.pop("labels", None)  # they are among the rules
        if spec.get("words"):
            spec["vocabulary"] = digest_of_words()
        patterns = [(value, target) for value, target in getattr(model, name).values.items() if is_pattern(value)]
        spec |= {
            "exact": sorted(exact.items()),
            "patterns": patterns,
            "neutral": sorted(getattr(model, name).undecided),
        }
    return hashlib.sha256(json.dumps(meaning, ensure_ascii=True).encode()).hexdigest()


_LABEL = r"(?i)(?:^|[,;])\s*(?:(?:type|kind)\s*[:/_-]\s*)?(?:%s)\s*(?:\([^)]*\)\s*)?(?:[,;]|$)"


def with_labels(tree: Node) -> Node:
    """A merged tree with the rules that its `category: {labels: …}` stands for, before those of its files."""
    group, labels = tree.child("category"), tree.child("category", "labels")
    if group is None or labels is None:
        return tree
    try:
        Text.model_validate(plain(labels))
    except ValidationError:  # which is said of `labels` itself
        return tree
    names: dict[str, list[str]] = {}
    for words in map(words_of, ("category", "label")):
        for target, languages in words.items():
            names.setdefault(target, []).extend(name for listed in languages.values() for name in listed.split(", "))
    place, text = labels.place, labels.keys or {"column" if isinstance(labels.value, str) else "first": labels}
    rules: list[Node] = []
    for target, every in names.items():
        pattern = _LABEL % "|".join(name.replace(" ", "[ -]") for name in every)
        when = Node(text | {"matches": Node(pattern, place)}, place)
        name = Node(f"label {target.casefold()}", place)
        rules.append(Node({"name": name, "when": when, "then": Node(target, place)}, place))
    own = group.child("rules")
    rules += own.value if own and isinstance(own.value, list) else []
    return tree.with_child("category", group.with_child("rules", Node(rules, place)))


NAME_SHOWN = 60
CHOICES: dict[KeyPath, tuple[str, str]] = {
    ("restricted", "issues"): ("whether to send restricted issues", "send or skip"),
    ("comments", "private"): ("whether to keep private comments", "keep or drop"),
}


def open_targets(mapping: LoadedMapping) -> list[Problem]:
    """A problem for each target that nobody has decided, at the line where it has to be filled in."""
    targets = [(path, what, _hint(field)) for field in TARGETS for path, what in _open_paths(mapping.model, field)]
    # Of the other choices those that are written so: what no mapping names is left open row by row.
    written = ((path, mapping.tree.child(*path), said) for path, said in CHOICES.items())
    choices = [(path, *said) for path, node, said in written if node is not None and node.value == UNDECIDED]
    return [
        Problem(f"{what} is undecided", place.file, place.line, ".".join(map(str, path)), hint)
        for path, what, hint in (*targets, *choices)
        for place in [mapping.place(*path)]
    ]


def _open_paths(model: MappingModel, field: str) -> Iterator[tuple[KeyPath, str]]:
    spec = getattr(model, field)
    for name, target in spec.values.items():
        if target == UNDECIDED:
            yield (field, "values", name), f"what {clip(name, NAME_SHOWN)!r} becomes"
    for number, rule in enumerate(spec.rules):
        if rule.then == UNDECIDED:
            yield (field, "rules", number, "then"), "what the rule gives its rows"
    for key, what in (("missing", "what an empty cell becomes"), ("unknown", "what an unknown value becomes")):
        if getattr(spec, key) == UNDECIDED:
            yield (field, key), what


def _hint(field: str) -> str:
    return f"one of {', '.join(TARGETS[field])}" if TARGETS[field] else f"a text of 1 to {CATEGORY_LIMIT} characters"
