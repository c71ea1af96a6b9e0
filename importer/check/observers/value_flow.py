"""The value flow: which source value became which severity, status or category, how often, and which are suspicious."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from importer.api import FINISHED, SEVERITIES, STATUSES, VALUE_FIELDS
from importer.check.examine import RowRun
from importer.check.plan import DISTINCT_LIMIT, SAMPLES
from importer.mapping.model import fold
from importer.mapping.patterns import is_pattern
from importer.mapping.texts import KeyPath
from importer.mapping.vocabulary import meaning
from importer.mapping.yaml_tree import quote
from importer.phrases import counted
from importer.records import Evidence, Unknown
from importer.row.value_maps import Step

OTHERS = "(other values)"

WORDS_SHOWN, NAME_SHOWN = 6, 60
DOMINANT_SHARE = 0.95
DOMINANT_ROWS = 20
RARE_ISSUES, RARE_NAMES = 5, 10
"""A category of fewer than RARE_ISSUES issues is rare; from RARE_NAMES rare ones on a warning says so."""


@dataclass(slots=True)
class Stream:
    """One line of the value flow: the rows with the same source value, target and rule; `samples` are keys of two."""

    step: Step
    rows: int = 0
    samples: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        return "rejected" if self.step.target is None else self.step.target

    @property
    def source(self) -> str:
        return self.step.source or "(empty)"

    @property
    def how(self) -> str:
        """How the target was found: as its step, `word` by a pattern, `undecided` where a neutral one stands in."""
        if self.step.neutral and self.step.target:
            return "undecided"
        return "word" if self.by_word else self.step.how

    @property
    def way(self) -> str:
        """What gave the target, if it wasn't the value map."""
        ways = {
            "undecided": " undecided",
            "word": " by a word",
            "default": " by default",
            "rule": " by rule",
            "fallback": " by its fallback",
            "unknown": " as unknown" if self.step.target else "",
        }
        return ways.get(self.how, "")

    @property
    def by_word(self) -> bool:
        """Whether a word or a pattern found it in a longer name, which somebody should look at."""
        if self.step.how == "word":
            return True
        field, *keys = self.step.path
        if field != "status" or self.step.how != "mapped":
            return False
        return is_pattern(str(keys[-1]))

    def __str__(self) -> str:
        return f"{self.source} → {self.target} {self.rows:,}{self.way}"


class ValueFlow:
    """Counts, for each value field, the rows that took each step from source value to target.

    `is_shipped` says of a key of the mapping whether a preset has it: a tracker's own ranks begin where they begin.
    `has_scale` says whether the header of the severity says which rank is the worst.
    """

    def __init__(self, is_shipped: Callable[[KeyPath], bool] = lambda _: False, *, has_scale: bool = False) -> None:
        self._streams: dict[str, dict[Step, Stream]] = {name: {} for name in VALUE_FIELDS}
        self._is_shipped = is_shipped
        self._has_scale = has_scale

    def add(self, run: RowRun) -> None:
        """Count the rows of a run that are neither skipped nor defective."""
        issues = [row.issue for row in run.rows if row.is_counted]
        for place, streams in enumerate(self._streams.values()):
            by_step: dict[int, Stream] = {}  # rows with the same cells have the same step
            for issue in issues:
                step, key = issue.steps[place], issue.key.full
                stream = by_step.get(id(step))
                if stream is None:
                    stream = by_step[id(step)] = _find_stream(streams, step)
                stream.rows += 1
                # Rows of one issue share its key.
                if len(stream.samples) < SAMPLES and key and key not in stream.samples:
                    stream.samples.append(key)

    def streams(self, name: str) -> list[Stream]:
        streams = self._streams[name].values()
        return sorted(streams, key=lambda stream: (-stream.rows, stream.step.source))

    def suspicious_mappings(self) -> list[str]:
        """Warn of what is valid but suspicious: inverted ranks, contradicting words, one target for nearly all rows."""
        warnings = list[str]()
        if not self._has_scale:
            ranked = [stream for stream in self.streams("severity") if not self._is_shipped(stream.step.path)]
            warnings += _inversion(ranked)
        for name in VALUE_FIELDS:
            streams = self.streams(name)
            ranks = RANKS.get(name, {})
            warnings += _dominance(name, streams)
            warnings += _undeclared(name, streams)
            warnings += _contradictions(name, ranks, streams)
        return warnings

    def as_json(self) -> dict[str, list[dict[str, object]]]:
        """Field → its lines, widest first, as objects of summary.json: source, target, how, rows, samples."""
        lines: dict[str, list[dict[str, object]]] = {name: [] for name in VALUE_FIELDS}
        for name in VALUE_FIELDS:
            for stream in self.streams(name):
                line: dict[str, object] = {
                    "source": stream.step.source,
                    "target": stream.step.target,
                    "how": stream.how,
                    "rows": stream.rows,
                    "samples": stream.samples,
                }
                lines[name].append(line)
        return lines


def _undeclared(name: str, streams: list[Stream]) -> Iterator[str]:
    """Name the values that words in them, or another column, have decided, with the line that would: a person knows."""
    by_word = [stream for stream in streams if stream.by_word]
    by_fallback = [stream for stream in streams if stream.step.how == "fallback"]
    for wording, undeclared in (
        ("words in {} decide", by_word),
        ("{} fall back on another column, which decides", by_fallback),
    ):
        if not undeclared:
            continue
        names = counted(len(undeclared), "name")
        rows = counted(sum(stream.rows for stream in undeclared), "row")
        warning = f"{name}: {wording.format(names)} {rows}; check them"
        pairs = list[str]()
        for stream in undeclared:
            source = stream.step.source
            if len(source) <= NAME_SHOWN and not stream.step.hidden:
                pairs.append(f"{quote(source)}: {stream.target}")
        if pairs:
            line = ", ".join(pairs[:WORDS_SHOWN])
            warning += f", and settle them in the mapping or in one that extends it: `{name}: {{values: {{{line}}}}}`"
        yield warning


def _dominance(name: str, streams: list[Stream]) -> Iterator[str]:
    targets = Counter[str]()
    for stream in streams:
        if stream.step.how != "constant":  # that one value is what the mapping asks for
            targets[stream.target] += stream.rows
    total = targets.total()
    if total < DOMINANT_ROWS:
        return
    [(target, rows)] = targets.most_common(1)
    if rows >= DOMINANT_SHARE * total and target != "rejected":
        yield f"{name}: {rows:,} of {total:,} rows become {target}"


def _inversion(streams: list[Stream]) -> Iterator[str]:
    """Warn where a higher number becomes the more urgent severity: in nearly every tracker 1 is more urgent than 2.

    A bare 0 is left aside: it means "no priority" as often as the first one.
    """
    ranks: dict[tuple[str, int], Stream] = {}
    for stream in streams:
        match = re.fullmatch(r"(\D*?)(\d{1,2})\b.*", fold(stream.step.source))
        if match is None or stream.step.how != "mapped":
            continue
        prefix, number = match[1], int(match[2])
        if prefix or number:
            ranks.setdefault((prefix.strip(), number), stream)
    for (first_prefix, first_number), (prefix, number) in pairwise(sorted(ranks)):
        if first_prefix != prefix:
            continue
        first = ranks[first_prefix, first_number]
        second = ranks[prefix, number]
        if _severity_rank(first) <= _severity_rank(second):
            continue
        if _says_its_target(first) and _says_its_target(second):
            continue
        ways = f"{first.step.source} → {first.target} but {second.step.source} → {second.target}"
        yield f"severity: the ranks look inverted: {ways}"
        return


def _says_its_target(stream: Stream) -> bool:
    """Whether a word beside the number says nearly the same severity: of `1-Low` and `3-High` no rank is inverted."""
    word = meaning("severity", stream.step.source)
    if word is None:
        return False
    distance = SEVERITIES.index(word.target) - _severity_rank(stream)
    return abs(distance) <= 1


def _severity_rank(stream: Stream) -> int:
    return RANKS["severity"].get(stream.target, 0)


RANKS = {
    "severity": {name: rank for rank, name in enumerate(SEVERITIES)},
    "status": {name: 2 * (name in FINISHED) for name in STATUSES},
}


def _contradictions(name: str, ranks: Mapping[str, int], streams: Iterable[Stream]) -> Iterator[str]:
    """Warn where a source value is a known word, and its target is at least two ranks away from what that means."""
    for stream in streams:
        if stream.target not in ranks:
            continue
        word = meaning(name, stream.step.source)
        if word is None or not word.is_whole:
            continue
        distance = ranks[word.target] - ranks[stream.target]
        if abs(distance) > 1:
            rows = counted(stream.rows, "row")
            yield f"{name}: {stream.step.source} → {stream.target} ({rows})"


def find_neutral(flow: ValueFlow) -> list[tuple[Unknown, str]]:
    """Return the values whose target nobody has decided, each with that, by field."""
    neutral = list[tuple[Unknown, str]]()
    for name in VALUE_FIELDS:
        for stream in flow.streams(name):
            if stream.how != "undecided" or stream.step.hidden or stream.step.source == OTHERS:
                continue
            unknown = Unknown(name, stream.step.source, stream.rows, tuple(stream.samples), Evidence())
            neutral.append((unknown, stream.target))
    return neutral


def rare_categories(flow: ValueFlow) -> str:
    """Return a sentence on categories of few issues; `""` if there are fewer than RARE_NAMES of them."""
    issues: Counter[str] = Counter()
    for stream in flow.streams("category"):
        if stream.step.target is not None:
            issues[stream.step.target] += stream.rows
    rare = [rows for rows in issues.values() if rows < RARE_ISSUES]
    if len(rare) < RARE_NAMES:
        return ""
    names = counted(len(rare), "name")
    in_all = counted(sum(rare), "issue")
    return f"category: {names} of fewer than {RARE_ISSUES} issues each, {in_all} in all"


def new_categories(flow: ValueFlow, category_names: Collection[str]) -> list[str]:
    """Return categories that are not among the known ones, each with its issues, most first: `Story 3`."""
    known_categories = {fold(name) for name in category_names}
    issues = Counter[str]()
    for stream in flow.streams("category"):
        category = stream.step.target
        if category and fold(category) not in known_categories:
            issues[category] += stream.rows
    return [f"{name} {rows:,}" for name, rows in issues.most_common()]


def _find_stream(streams: dict[Step, Stream], step: Step) -> Stream:
    """The stream of a step; new ones are counted together once there are too many."""
    if step in streams:
        return streams[step]
    if len(streams) >= DISTINCT_LIMIT:
        target = OTHERS if step.how == "kept" else step.target
        step = Step(OTHERS, target, step.how, step.path[:1])
    return streams.setdefault(step, Stream(step))
