"""The picture of the value flow: where its bands and labels are, for a template that draws them as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

VALUES_DRAWN = 12
"""Source values of a field that have a band of their own; the others with the same target share one."""
LEAST = 18
"""Height of a label, and so the least of a value."""
HEIGHT = 240
WIDTH, INSET = 760, 250
"""Of the picture, and of the labels on each side."""
GAP = 4

UNDECIDED_WAYS = ("unknown", "undecided")
DEFAULT_WAYS = ("default", "fallback", "missing", "word")


class Flow(NamedTuple):
    """A line of the value flow: source value, target ("" if its rows are rejected), how, rows, and two keys."""

    source: str
    target: str
    how: str
    rows: int
    samples: Sequence[str]

    @property
    def kind(self) -> str:
        """What a person has to see first: `rejected`, `undecided`, `default`, or else `mapped`."""
        return find_kind(self.target, self.how)


def find_kind(target: str | None, how: str) -> str:
    """Return what a person has to know of a line of the value flow, one of KINDS; no target rejects."""
    if not target:
        return "rejected"
    if how in UNDECIDED_WAYS:
        return "undecided"
    return "default" if how in DEFAULT_WAYS else "mapped"


KINDS = ("rejected", "undecided", "default", "mapped")


@dataclass(frozen=True)
class Label:
    """A value beside the bands: its text, rows, and the middle of its height."""

    text: str
    rows: int
    middle: float
    kind: str = "mapped"


@dataclass(frozen=True)
class Band:
    """The rows that go from a source value to a target: an SVG path."""

    path: str
    kind: str
    title: str


@dataclass(frozen=True)
class Picture:
    """The flow of one field."""

    height: float
    sources: Sequence[Label]
    targets: Sequence[Label]
    bands: Sequence[Band]


def read_flow(lines: Any) -> list[Flow]:
    """Read a field's lines of summary.json: rejected ones first, then undecided, defaults, and the widest."""
    flows = [
        Flow(line["source"] or "(empty)", line["target"] or "", line["how"], line["rows"], line["samples"])
        for line in lines
    ]
    return sorted(flows, key=lambda flow: (KINDS.index(flow.kind), -flow.rows, flow.source))


def draw_flow(flows: Sequence[Flow]) -> Picture:
    """Lay out the bands of a field, in the order of `flows`."""
    drawn = [*flows[:VALUES_DRAWN], *_gather(flows[VALUES_DRAWN:])]
    targets: dict[str, int] = {}
    for flow in drawn:
        targets[flow.target] = targets.get(flow.target, 0) + flow.rows
    total = max(sum(targets.values()), 1)
    scale = HEIGHT / total
    left, left_height = _stack([flow.rows for flow in drawn], scale)
    right, right_height = _stack(list(targets.values()), scale)
    tops = {target: top for target, (top, _) in zip(targets, right, strict=True)}
    bands = []
    for flow, (top, height) in zip(drawn, left, strict=True):
        thick = max(flow.rows * scale, 1.5)
        end = tops[flow.target]
        tops[flow.target] = end + thick
        start = top + (height - thick) / 2
        bands.append(Band(_path(start, end, thick), flow.kind, f"{flow.source} → {flow.target or 'rejected'}"))
    return Picture(
        max(left_height, right_height),
        [Label(flow.source, flow.rows, top + h / 2, flow.kind) for flow, (top, h) in zip(drawn, left, strict=True)],
        [
            Label(target or "rejected", rows, top + height / 2, "mapped" if target else "rejected")
            for (target, rows), (top, height) in zip(targets.items(), right, strict=True)
        ],
        bands,
    )


def _gather(flows: Iterable[Flow]) -> list[Flow]:
    """Make one line of those with the same target and kind."""
    together: dict[tuple[str, str], list[Flow]] = {}
    for flow in flows:
        together.setdefault((flow.target, flow.kind), []).append(flow)
    return [
        some[0] if len(some) == 1 else some[0]._replace(source=f"{len(some):,} others", rows=sum(f.rows for f in some))
        for some in together.values()
    ]


def _stack(rows: Sequence[int], scale: float) -> tuple[list[tuple[float, float]], float]:
    """Stack boxes of so many rows from the top; returns the top and height of each, and the height of all."""
    boxes, top = [], 0.0
    for number in rows:
        height = max(number * scale, LEAST)
        boxes.append((top, height))
        top += height + GAP
    return boxes, top


def _path(start: float, end: float, thick: float) -> str:
    left, right, middle = INSET, WIDTH - INSET, WIDTH / 2
    return (
        f"M{left},{start:.1f} C{middle:.0f},{start:.1f} {middle:.0f},{end:.1f} {right},{end:.1f} "
        f"V{end + thick:.1f} C{middle:.0f},{end + thick:.1f} {middle:.0f},{start + thick:.1f} "
        f"{left},{start + thick:.1f} Z"
    )
