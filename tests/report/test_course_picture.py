"""The picture of how a run went."""

from __future__ import annotations

from importer.ledger.course import AttemptTimes, Course
from importer.records import Minute
from importer.report.course_picture import BARS, HEIGHT, WIDTH, draw_course

BEGAN = 29_925_360 * 60.0
MINUTE = int(BEGAN // 60)


def test_a_run_with_a_pause() -> None:
    """A bar for each minute in which issues were made; an attempt whose process was killed has no end."""
    picture = draw_course(
        Course(
            [AttemptTimes(BEGAN, None, None), AttemptTimes(BEGAN + 600, BEGAN + 660, 0)],
            {MINUTE: 50, MINUTE + 1: 100, MINUTE + 10: 1},
        )
    )
    assert picture is not None
    assert picture.sentence == "2 attempts, at most 100 issues a minute; 1 of them ended unexpectedly."
    assert [(bar.y, bar.height) for bar in picture.bars] == [(HEIGHT / 2, HEIGHT / 2), (0, HEIGHT), (118.8, 1.2)]
    assert [attempt.took for attempt in picture.attempts] == ["", "1 min 0 s"]


def test_a_long_night_fits() -> None:
    """Minutes are put together where there are more than there is room for; no issue is left out."""
    picture = draw_course(Course([AttemptTimes(BEGAN, BEGAN + 36_000, 0)], {MINUTE + n: 10 for n in range(600)}))
    assert picture is not None
    assert len(picture.bars) <= BARS
    assert picture.sentence == "1 attempt, at most 50 issues in 5 minutes."
    assert max(bar.x + bar.width for bar in picture.bars) <= WIDTH


def test_what_held_it_up() -> None:
    """Requests stand behind the issues; a strip below shows the pauses, a line each end before the end of all."""
    minutes = [Minute(MINUTE, 200, 3, 2, 30.0), Minute(MINUTE + 1, 0, 0, 0, 60.0), Minute(MINUTE + 3, 10)]
    attempts = [AttemptTimes(BEGAN, BEGAN + 90, 130), AttemptTimes(BEGAN + 180, BEGAN + 200, 0)]
    picture = draw_course(Course(attempts, {MINUTE: 100, MINUTE + 3: 10}, minutes))
    assert picture is not None
    assert picture.sentence == (
        "2 attempts, at most 100 issues a minute; 210 requests, 3 of them sent again; "
        "2 answers said to wait, and for 1 min 30 s nothing could be sent."
    )
    assert [bar.height for bar in picture.requests] == [HEIGHT, HEIGHT * 10 / 200]
    assert [bar.height for bar in picture.bars] == [HEIGHT / 2, HEIGHT * 10 / 200]
    assert [(mark.x, mark.darkness) for mark in picture.pauses] == [(0, 0.65), (WIDTH / 4, 1.0)]
    assert [(end.x, end.said.partition(": ")[2]) for end in picture.ends] == [(WIDTH * 1.5 / 4, "interrupted")]
    assert [tuple(line)[1:] for line in picture.lines] == [
        (100, 200, 3, 2, "30.0 s"),
        (0, 0, 0, 0, "1 min 0 s"),
        (10, 10, 0, 0, ""),
    ]
    assert [attempt.how for attempt in picture.attempts] == ["interrupted", "to its end"]


def test_a_run_that_made_nothing() -> None:
    """A night without anything to send has no picture; one that only added comments has."""
    attempts = [AttemptTimes(BEGAN, BEGAN + 1, 0)]
    assert draw_course(Course(attempts, {}, [Minute(MINUTE, 2)])) is None
    busy = draw_course(Course(attempts, {}, [Minute(MINUTE, 90), Minute(MINUTE + 1, 80)]))
    assert busy is not None
    assert busy.sentence == "1 attempt, no issues; 170 requests."
