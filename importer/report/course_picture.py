"""The picture of how a run went: issues and requests by minute as bars, pauses below them, and where attempts ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from importer.errors import ExitCode
from importer.phrases import counted, format_duration, format_time

if TYPE_CHECKING:
    from importer.ledger.course import AttemptTimes, Course

MINUTE = 60
BARS = 120
WIDTH, HEIGHT = 760, 120
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440)
"""Minutes of a bar: the first of these with which there are no more than BARS."""
HOW: Mapping[int, str] = {
    ExitCode.DONE: "to its end",
    ExitCode.PARTLY: "to its end, some rows need you",
    ExitCode.STOPPED: "stopped",
    ExitCode.UNKNOWN: "to its end, the outcome of some rows is not known",
    ExitCode.INTERRUPTED: "interrupted",
}
"""Exit code → how an attempt ended."""
FAINTEST = 0.3
"""How dark the shortest pause is."""
CUT_SHORT = (ExitCode.STOPPED, ExitCode.INTERRUPTED)
FIGURES = ("issues", "requests", "retries", "rate_limited", "paused_seconds")


class Tried(NamedTuple):
    """An attempt: when it began and ended, how long it took, and how it ended; `is_cut_off` if nothing says that."""

    began: str
    ended: str
    took: str
    how: str
    is_cut_off: bool


class Bar(NamedTuple):
    """A bar, and what it says."""

    x: float
    y: float
    width: float
    height: float
    said: str


class Pause(NamedTuple):
    """A piece of the strip of pauses, the darker the longer nothing could leave in its time."""

    x: float
    width: float
    darkness: float
    said: str


class End(NamedTuple):
    """The end of an attempt before all was done."""

    x: float
    said: str


class Line(NamedTuple):
    """A line of the table that says the same as the picture."""

    time: str
    issues: int
    requests: int
    retries: int
    rate_limited: int
    paused: str


@dataclass(frozen=True)
class CoursePicture:
    """What the page shows of the course of a run.

    sentence  how many attempts, how fast, and what held them up
    bars      issues, which stand before `requests`
    first     the time at the left end, and `last` at the right one
    """

    sentence: str
    bars: Sequence[Bar]
    requests: Sequence[Bar]
    pauses: Sequence[Pause]
    ends: Sequence[End]
    lines: Sequence[Line]
    first: str
    last: str
    attempts: Sequence[Tried]


def draw_course(course: Course) -> CoursePicture | None:
    """Lay out the picture, None where there is nothing to see: no issue was made, and it took no more than a minute."""
    known = sorted({*course.made, *(each.minute for each in course.minutes)})
    if not course.made and len(known) < 2:
        return None
    first, last = known[0], known[-1]
    step = next((step for step in STEPS if (last - first) // step < BARS), STEPS[-1])
    places = _add_up(course, first, step)
    count = (last - first) // step + 1
    width = WIDTH / count
    most = max(max(place["issues"], place["requests"]) for place in places.values())

    def draw(what: str) -> list[Bar]:
        return [
            Bar(
                round(place * width, 1),
                round(HEIGHT * (1 - counts[what] / most), 1),
                round(width * 0.85, 1),
                round(HEIGHT * counts[what] / most, 1),
                f"{_name(first, place, step)}: {counted(round(counts[what]), what.removesuffix('s'))}",
            )
            for place, counts in places.items()
            if counts[what]
        ]

    def pause(place: int, seconds: float) -> Pause:
        said = f"{_name(first, place, step)}: nothing could be sent for {format_duration(seconds)}"
        share = FAINTEST + (1 - FAINTEST) * min(1.0, seconds / (step * MINUTE))
        return Pause(round(place * width, 1), round(width, 1), round(share, 2), said)

    per_second = width / (step * MINUTE)
    return CoursePicture(
        _say(course, max((place["issues"] for place in places.values()), default=0), step),
        draw("issues"),
        draw("requests"),
        [pause(place, counts["paused_seconds"]) for place, counts in places.items() if counts["paused_seconds"]],
        [
            End(min(WIDTH, max(0.0, round((end - first * MINUTE) * per_second, 1))), f"{format_time(end)}: {how}")
            for end, how in _find_ends(course, known)
        ],
        [_tell(_name(first, place, step), counts) for place, counts in places.items()],
        format_time(first * MINUTE),
        format_time((last + 1) * MINUTE),
        list(map(_describe, course.attempts)),
    )


def _add_up(course: Course, first: int, step: int) -> dict[int, dict[str, float]]:
    """Place of a bar → its figures, in order."""
    places = defaultdict[int, dict[str, float]](lambda: dict.fromkeys(FIGURES, 0.0))
    for minute, issues in course.made.items():
        places[(minute - first) // step]["issues"] += issues
    for minute, *counts in course.minutes:
        for name, number in zip(FIGURES[1:], counts, strict=True):
            places[(minute - first) // step][name] += number
    return dict(sorted(places.items()))


def _name(first: int, place: int, step: int) -> str:
    return format_time((first + place * step) * MINUTE)


def _say(course: Course, most: float, step: int) -> str:
    unit = "a minute" if step == 1 else f"in {step} minutes"
    fastest = f"at most {counted(round(most), 'issue')} {unit}" if most else "no issues"
    said = [f"{counted(len(course.attempts), 'attempt')}, {fastest}"]
    if cut_off := sum(each.ended is None for each in course.attempts):
        said.append(f"{cut_off:,} of them ended unexpectedly")
    if course.minutes:
        again = sum(each.retries for each in course.minutes)
        requests = counted(sum(each.requests for each in course.minutes), "request")
        said.append(f"{requests}, {again:,} of them sent again" if again else requests)
    if limited := sum(each.rate_limited for each in course.minutes):
        said.append(f"{counted(limited, 'answer')} said to wait")
    seconds = sum(each.paused_seconds for each in course.minutes)
    paused = f", and for {format_duration(seconds)} nothing could be sent" if seconds else ""
    return f"{'; '.join(said)}{paused}."


def _find_ends(course: Course, known: Sequence[int]) -> list[tuple[float, str]]:
    """Find the ends before all was done: of an attempt that was killed, the last minute before the next one began."""
    found = []
    for each, later in zip_longest(course.attempts, course.attempts[1:]):
        if each.ended is not None and each.exit_code in CUT_SHORT:
            found.append((each.ended, HOW[each.exit_code]))
        elif each.ended is None and later is not None:
            last = max((minute for minute in known if minute * MINUTE < later.began), default=known[0])
            found.append((min(later.began, (last + 1) * MINUTE), "ended without a word"))
    return found


def _tell(time: str, counts: Mapping[str, float]) -> Line:
    issues, requests, retries, limited = (int(counts[name]) for name in FIGURES[:-1])
    paused = counts["paused_seconds"]
    return Line(time, issues, requests, retries, limited, format_duration(paused) if paused else "")


def _describe(attempt: AttemptTimes) -> Tried:
    began, ended, code = attempt
    if ended is None:
        return Tried(format_time(began), "not known", "", "unexpectedly, or still running", is_cut_off=True)
    how = "" if code is None else HOW[code]
    return Tried(format_time(began), format_time(ended), format_duration(ended - began), how, is_cut_off=False)
