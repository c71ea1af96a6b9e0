"""The picture of how a run went."""

from __future__ import annotations

from importer.ledger.course import Course
from importer.report.course_picture import BARS, HEIGHT, WIDTH, draw_course

BEGAN = 29_925_360 * 60.0


def test_a_run_with_a_pause() -> None:
    """A bar for each minute in which issues were made; an attempt whose process was killed has no end."""
    minute = int(BEGAN // 60)
    picture = draw_course(
        Course([(BEGAN, None), (BEGAN + 600, BEGAN + 660)], {minute: 50, minute + 1: 100, minute + 10: 1})
    )
    assert picture is not None
    assert picture.sentence == "2 attempts, at most 100 issues a minute; 1 of them ended without a word."
    assert [(bar[1], bar[3]) for bar in picture.bars] == [(HEIGHT / 2, HEIGHT / 2), (0, HEIGHT), (118.8, 1.2)]
    assert [attempt.took for attempt in picture.attempts] == ["", "1 min 0 s"]


def test_a_long_night_fits() -> None:
    """Minutes are put together where there are more than there is room for; no issue is left out."""
    minute = int(BEGAN // 60)
    picture = draw_course(Course([(BEGAN, BEGAN + 36_000)], {minute + n: 10 for n in range(600)}))
    assert picture is not None
    assert len(picture.bars) <= BARS
    assert picture.sentence == "1 attempt, at most 50 issues in 5 minutes."
    assert max(bar[0] + bar[2] for bar in picture.bars) <= WIDTH


def test_nothing_was_made() -> None:
    """A run that only had unchanged rows has no picture."""
    assert draw_course(Course([(BEGAN, BEGAN + 1)], {})) is None
