"""The picture of how a run went: issues by minute as bars, and its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.phrases import counted, format_duration, format_time

if TYPE_CHECKING:
    from importer.ledger.course import Course

BARS = 120
WIDTH, HEIGHT = 760, 120
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440)
"""Minutes of a bar: the first of these with which there are no more than BARS."""


@dataclass(frozen=True)
class Tried:
    """An attempt: when it began and ended, and how long it took; `is_cut_off` if nothing says that it ended."""

    began: str
    ended: str
    took: str
    is_cut_off: bool


@dataclass(frozen=True)
class CoursePicture:
    """What the page shows of the course of a run.

    sentence  how many attempts, and how fast
    bars      of each: x, y, width, height, and what it says
    first     the time at the left end, and `last` at the right one
    """

    sentence: str
    bars: Sequence[tuple[float, float, float, float, str]]
    first: str
    last: str
    attempts: Sequence[Tried]


def draw_course(course: Course) -> CoursePicture | None:
    """Lay out the bars, None where the run has made no issue."""
    if not course.made:
        return None
    first, last = min(course.made), max(course.made)
    step = next((step for step in STEPS if (last - first) // step < BARS), STEPS[-1])
    bars: dict[int, int] = {}
    for minute, issues in course.made.items():
        place = (minute - first) // step
        bars[place] = bars.get(place, 0) + issues
    count, most = (last - first) // step + 1, max(bars.values())
    width = WIDTH / count
    unit = "a minute" if step == 1 else f"in {step} minutes"
    drawn = [
        (
            round(place * width, 1),
            round(HEIGHT * (1 - issues / most), 1),
            round(width * 0.85, 1),
            round(HEIGHT * issues / most, 1),
            f"{format_time((first + place * step) * 60)}: {counted(issues, 'issue')}",
        )
        for place, issues in sorted(bars.items())
    ]
    tries = [_describe(began, ended) for began, ended in course.attempts]
    cut_off = sum(attempt.is_cut_off for attempt in tries)
    said = f"{counted(len(tries), 'attempt')}, at most {counted(most, 'issue')} {unit}"
    ended = f"; {cut_off:,} of them ended without a word" if cut_off else ""
    return CoursePicture(f"{said}{ended}.", drawn, format_time(first * 60), format_time((last + 1) * 60), tries)


def _describe(began: float, ended: float | None) -> Tried:
    if ended is None:
        return Tried(format_time(began), "not known", "", is_cut_off=True)
    return Tried(format_time(began), format_time(ended), format_duration(ended - began), is_cut_off=False)
