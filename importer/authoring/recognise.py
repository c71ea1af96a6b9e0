"""Recognising the preset for a source by the columns of its files, without guessing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from importer.errors import SourceError
from importer.mapping.model import Shape
from importer.mapping.presets import preset_names, preset_path
from importer.mapping.reader import load_mapping
from importer.mapping.reads import can_read, find_left
from importer.mapping.yaml_tree import read_own
from importer.phrases import listed
from importer.sources.command_line import CommandLine
from importer.sources.detect import NAME_FORMAT
from importer.sources.header import FURTHER_DOWN, HEADER_CELLS
from importer.sources.survey import Sample

# Loading and checking thirty presets takes seconds, and only this block of each is needed.
_BLOCK = re.compile(r"^recognise:\n(?:(?:[ #-].*)?\n)*", re.MULTILINE)


ENOUGH = 0.5
"""The least share of a shape's columns that a source must have."""
LEAD = 2
"""By how many columns a shape must lead over those of other presets; less is a tie."""
CANDIDATES, CANDIDATES_SHOWN = 8, 4
"""Presets whose columns are compared with a file that none knows, and those that are named."""
NAMES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Match:
    """A preset's shape compared with a sample: `found` of `expected` columns, and required ones that it `lacks`."""

    preset: str
    shape: Shape
    sample: Sample
    found: int
    expected: int
    lacks: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether no required column is missing, and enough of all columns were found."""
        return not self.lacks and self.found >= ENOUGH * self.expected

    @property
    def strength(self) -> tuple[bool, bool, int, float]:
        """The sort key of matches."""
        return (self.fits, not self.shape.last, self.found, self.found / self.expected)

    def __str__(self) -> str:
        wrapped = f" ({self.sample.envelope})" if self.sample.envelope else ""
        return f"{self.preset} {self.shape.name}{wrapped}: {self.found} of {self.expected} expected columns"


def match_shapes(samples: Iterable[Sample], shapes: Mapping[str, Sequence[Shape]]) -> list[Match]:
    """Compare every shape with every sample; return the strongest match of each preset, strongest first."""
    best: dict[str, Match] = {}
    for sample in samples:
        for preset, forms in shapes.items():
            for shape in forms:
                match = _match(preset, shape, sample)
                if preset not in best or match.strength > best[preset].strength:
                    best[preset] = match
    return sorted(best.values(), key=lambda match: match.strength, reverse=True)


def _match(preset: str, shape: Shape, sample: Sample) -> Match:
    lacks = tuple(names[0] for names in shape.needs if not sample.names.intersection(names))
    expected = [*shape.needs, *shape.columns]
    found = sum(not sample.names.isdisjoint(names) for names in expected)
    if shape.records is not None and sample.records != shape.records:
        lacks = (f"an array {shape.records}", *lacks)
    if shape.only and not sample.names <= {name for names in expected for name in names}:
        lacks = ("a header of these alone", *lacks)
    return Match(preset, shape, sample, found, len(expected), lacks)


def recognise(
    samples: Sequence[Sample], shapes: Mapping[str, Sequence[Shape]], typed: CommandLine | None = None
) -> list[Match]:
    """Return the matching presets, strongest first: one if it is certain, several if it is a tie.

    All files must come from one tracker; `typed` is how they were named, for the command in a hint. Raises SourceError
    if nothing fits, if there are no records, or if files come from several trackers.
    """
    if not samples:
        raise SourceError(
            "Nothing in the source can be read as a record.",
            hint=f"Look at its first line. {NAME_FORMAT}",
        )
    by_file = {name: _match_file(found, shapes) for name, found in _by_file(samples)}
    unknown = [name for name, matches in by_file.items() if not (matches and matches[0].fits)]
    if unknown:
        own = [sample for sample in samples if sample.file_name == unknown[0]]
        raise _unrecognised(
            unknown[0], own, by_file[unknown[0]], (typed or CommandLine())._replace(sources=(unknown[0],))
        )
    tied = {name: _tied(matches) for name, matches in by_file.items()}
    common = set.intersection(*({match.preset for match in matches} for matches in tied.values()))
    if not common:
        lines = "\n".join(f"  {name}: {matches[0]}" for name, matches in tied.items())
        raise SourceError(
            f"The files come from several trackers:\n{lines}",
            hint="Import them one after another, or name the preset: -m NAME",
        )
    first = next(iter(tied.values()))
    return [match for match in first if match.preset in common]


def _by_file(samples: Sequence[Sample]) -> Iterable[tuple[str, list[Sample]]]:
    return [(name, list(found)) for name, found in groupby(samples, key=lambda sample: sample.file_name)]


def _match_file(samples: Sequence[Sample], shapes: Mapping[str, Sequence[Shape]]) -> list[Match]:
    """The matches of a file; of arrays that lie in the records of others only where nothing else fits."""
    matches = _believed(match_shapes([sample for sample in samples if not sample.within], shapes))
    if matches and matches[0].fits:
        return matches
    inner = match_shapes([sample for sample in samples if sample.within], shapes)
    return [match for match in inner if match.fits and not match.shape.last] or matches


def _believed(matches: list[Match]) -> list[Match]:
    """The matches; of those that count last the one that reads most, if it is enough and no other has a title."""
    others = [match for match in matches if not match.shape.last]
    last = [match for match in matches if match.shape.last and match.fits]
    if not last or (others and others[0].fits and has_title(others[0])):
        return others
    best = max(filter(None, map(_read_share, last)), key=lambda each: each[0], default=None)
    return [best[1]] if best else others


def _tied(matches: Sequence[Match]) -> list[Match]:
    """Return the strongest match, and those that come too close to it."""
    best = matches[0]
    return [match for match in matches if match.fits and (match is best or match.found > best.found - LEAD)]


def _unrecognised(name: str, samples: Sequence[Sample], matches: Sequence[Match], typed: CommandLine) -> SourceError:
    samples = [sample for sample in samples if not sample.within]
    columns = sorted(frozenset().union(*(sample.names for sample in samples)))
    streams = sorted({sample.stream for sample in samples if sample.stream})
    arrays = sorted({sample.records for sample in samples if sample.records})
    what = f"Its columns are {listed(columns, NAMES_SHOWN)}."
    if streams or len(arrays) > 1:
        what = f"It holds {listed(streams or arrays, NAMES_SHOWN)}; no preset reads issues from these."
    near = sorted(filter(None, map(_read_share, matches[:CANDIDATES])), key=lambda each: -each[0])
    candidates = "".join(
        f"\n  {match.preset}: reads {share:.0%} of the columns" for share, match in near[:CANDIDATES_SHOWN]
    )
    nearest = f"\nNearest:{candidates}" if candidates else ""
    return SourceError(
        f"{name} is not recognised by any preset. {what}{nearest}",
        hint=f"Draft a mapping of your own: {typed.draft_command()}"
        + (f"\nOr name the preset that fits: -m {near[0][1].preset}" if near else "")
        + (f"\n{FURTHER_DOWN}" if samples[0].format == "csv" and (len(columns) < HEADER_CELLS or not near) else ""),
    )


def has_title(match: Match) -> bool:
    """Whether a preset can read a title from the columns of a file."""
    return preset_path(match.preset) is None or can_read(load_mapping(match.preset).model.title, *_columns_of(match))


def _columns_of(match: Match) -> tuple[list[str], bool]:
    """A file's columns or the topmost keys of its records, and whether it is a table."""
    is_table = match.sample.format == "csv" and not match.sample.envelope
    return sorted(match.sample.names if is_table else {name.partition(".")[0] for name in match.sample.names}), is_table


def _read_share(match: Match) -> tuple[float, Match] | None:
    """The share of a file's columns that a preset reads; None if that is less than half, or without key or title."""
    if preset_path(match.preset) is None:
        return None
    names, is_table = _columns_of(match)
    model = load_mapping(match.preset).model
    has_key = model.input.key.content or can_read(model.input.key, names, is_table)
    if not (has_key and can_read(model.title, names, is_table)):
        return None
    share = 1 - len(find_left(model.model_copy(update={"drop": []}), names, is_table)) / max(1, len(names))
    return (share, match) if share > ENOUGH else None


def preset_shapes() -> dict[str, list[Shape]]:
    """Return preset → its shapes; presets without any are absent."""
    return {name: shapes for name in preset_names() if (shapes := _read_shapes(name))}


def _read_shapes(name: str) -> list[Shape]:
    path = preset_path(name)
    block = _BLOCK.search(path.read_text(encoding="utf-8")) if path else None
    return [Shape.model_validate(shape) for shape in read_own(block[0])["recognise"]] if block else []
