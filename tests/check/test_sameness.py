"""Whether a row and an issue in Triage are one, from their ids, dates of creation and titles."""

from __future__ import annotations

import pytest

from importer.check.sameness import Facts, Move, describe_stranger, is_certain, weigh_move

HOUR, DAY = 3600.0, 86_400.0
BORN = 1_700_000_000.0
KNOWN = Facts("10015", BORN, "Calls drop after a minute", b"12345678")
OTHER = KNOWN._replace(content=b"87654321")
OTHER_TITLE = "Invoice lists two numbers"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (KNOWN, ""),
        (OTHER._replace(title=OTHER_TITLE, born=BORN + 9 * DAY), ""),  # the id is the same: rewritten
        (OTHER._replace(fixed_id="20400"), ""),  # from Server to Cloud
        (OTHER._replace(fixed_id="20400", title="Calls drop, after a Minute!"), ""),
        (OTHER._replace(fixed_id="20400", born=BORN - 5 * HOUR), ""),  # exported in another time zone
        (OTHER._replace(fixed_id="20400", born=0.0), ""),
        (OTHER._replace(fixed_id="20400", title=OTHER_TITLE), "its id is 20400"),
        (OTHER._replace(fixed_id="20400", born=BORN + 400 * DAY), "its id is 20400"),
        (OTHER._replace(fixed_id="20400", born=BORN + 7 * 60), "its id is 20400"),
        # Without ids both title and date must speak against it.
        (OTHER._replace(fixed_id="", title=OTHER_TITLE, born=BORN + 400 * DAY), "it was created at another time"),
        (OTHER._replace(fixed_id="", title=OTHER_TITLE), ""),
        (OTHER._replace(fixed_id="", title=OTHER_TITLE, born=0.0), ""),
        (OTHER._replace(fixed_id="", born=BORN + 400 * DAY), ""),
        # The same row, of which another mapping reads title and date elsewhere.
        (KNOWN._replace(fixed_id="", title=OTHER_TITLE, born=BORN + 400 * DAY), ""),
        # One with its site is comparable with none without.
        (OTHER._replace(fixed_id="https://a.example 20400", title=OTHER_TITLE), ""),
    ],
)
def test_a_row_under_a_known_key(row: Facts, why: str) -> None:
    """It is the key's issue unless its id, or title and date of creation together, say that it is another."""
    assert describe_stranger(row, KNOWN).startswith(why)
    assert bool(describe_stranger(row, KNOWN)) == bool(why)


def test_an_issue_whose_title_was_forgotten() -> None:
    """Nothing is known that could speak against it."""
    assert describe_stranger(Facts("", BORN + 400 * DAY, "New"), Facts("", BORN, "")) == ""


@pytest.mark.parametrize(
    ("row", "known", "move"),
    [
        (KNOWN, KNOWN, Move.SURE),
        (KNOWN._replace(title=OTHER_TITLE), KNOWN, Move.SURE),
        (KNOWN._replace(born=BORN + 5 * HOUR), KNOWN, Move.SURE),  # exported in another time zone
        (KNOWN._replace(born=BORN + 5 * HOUR, title=OTHER_TITLE), KNOWN, Move.UNSURE),
        (KNOWN._replace(born=0.0), KNOWN, Move.SURE),
        (KNOWN._replace(born=0.0, title=OTHER_TITLE), KNOWN, Move.UNSURE),
        (KNOWN._replace(born=0.0, title=""), KNOWN._replace(title=""), Move.UNSURE),  # its title was forgotten
        (KNOWN._replace(born=BORN + 400 * DAY), KNOWN, Move.NONE),  # another site's number
        (KNOWN._replace(fixed_id="https://a.example 10015"), KNOWN, Move.NONE),
        (KNOWN._replace(fixed_id=""), KNOWN, Move.NONE),
        (Facts(), Facts(), Move.NONE),
    ],
)
def test_a_row_under_a_new_key(row: Facts, known: Facts, move: Move) -> None:
    """It is an issue that was moved if it has its id, and date or title say so, too: an id alone is no reason."""
    assert weigh_move(row, known) is move


@pytest.mark.parametrize(
    ("row", "certain"),
    [
        (Facts("10015", BORN + DAY, OTHER_TITLE), True),  # the same, rewritten
        (Facts("", BORN, OTHER_TITLE), True),
        (Facts("20400", BORN + 400 * DAY, OTHER_TITLE), True),  # of a project made anew
        (Facts("20400", BORN + 20 * DAY, OTHER_TITLE), False),  # the known one was still changed
        (Facts("20400", BORN - 400 * DAY, OTHER_TITLE), False),  # another site's
        (Facts("", 0.0, OTHER_TITLE), False),
    ],
)
def test_whether_a_title_still_says_anything(row: Facts, certain: bool) -> None:
    """Where id or dates say what a row is, another title is no sign of another site."""
    assert is_certain(row, KNOWN._replace(dated=BORN + 30 * DAY)) == certain
