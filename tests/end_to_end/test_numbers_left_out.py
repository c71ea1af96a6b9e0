"""Numbers for descriptions that aren't as the row has them: put in where nobody else can have written, or reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.harness.following import MAPPING, Nights, Row
from tests.harness.running import Ended, Program, read_csv

NAMING = (Row("D-1"), Row("D-2", text="As D-1 says"))
CODE = "numbers-left-out"


@pytest.fixture
def nights(program: Program, serve: Serve) -> Nights:
    """Give a target that rewrites the footer of each description, and has two issues without numbers."""
    made = Nights(program, serve(rewrite_texts="polish"))
    Path("demo.yaml").write_text(MAPPING.replace(r"references: [{pattern: 'D-\d+'}]", ""), encoding="utf-8")
    assert made.run(NAMING).outcomes() == {"created": 2}
    Path("demo.yaml").write_text(MAPPING, encoding="utf-8")
    return made


def lose_ledger(nights: Nights) -> None:
    """Take the ledger away, as after damage."""
    nights.program.ledger.unlink()


def plans_numbers(ended: Ended) -> bool:
    """Whether a run says that numbers are to be put into a description."""
    return "numbered description" in ended.err


def text(nights: Nights, key: str = "D-2") -> str:
    """The first line of an issue's description."""
    return str(nights.issue(key)["description"]).partition("\n")[0]


def told(nights: Nights, key: str = "D-2") -> str:
    """What the last run's report says of a row that lacks numbers; "" if it says nothing."""
    (row,) = [row for row in read_csv(Path("reports/results.csv")) if row["key"] == f"demo:{key}"]
    said = dict(zip(row["code"].split("\n"), row["message"].split("\n"), strict=True))
    return said.get(CODE, "")


def test_a_description_that_only_the_target_wrote(nights: Nights) -> None:
    """After the ledger was lost it gets its numbers: the issue wasn't changed since it was created."""
    lose_ledger(nights)
    ended = nights.run()
    assert text(nights) == f"As D-1 ({nights.issue('D-1')['triage_id']}) says", ended.err
    assert not told(nights)
    assert not plans_numbers(nights.run())


def test_a_description_that_a_person_may_have_written(nights: Nights) -> None:
    """It stays; the report names the numbers that it lacks, and the command that writes them, which does."""
    nights.edit("D-2", description=nights.issue("D-2")["description"].replace("As D-1 says", "As D-1 says!"))
    lose_ledger(nights)
    ended = nights.run()
    assert text(nights) == "As D-1 says!", ended.err
    number = nights.issue("D-1")["triage_id"]
    assert f"D-1 ({number})" in told(nights)
    assert "--on-change overwrite --fields description" in told(nights)
    again = nights.run()
    assert not plans_numbers(again), again.err
    assert text(nights) == "As D-1 says!"
    nights.run(None, "--on-change", "overwrite", "--fields", "description")
    assert text(nights) == f"As D-1 ({number}) says"
    assert not plans_numbers(nights.run())


def test_a_text_that_the_source_has_changed(nights: Nights) -> None:
    """Other letters are another text, which a run that only reports changes doesn't write."""
    lose_ledger(nights)
    nights.run([NAMING[0], NAMING[1]._replace(text="As D-1 said")])
    assert text(nights) == "As D-1 says"
    assert told(nights)


def test_a_row_that_has_changed(nights: Nights) -> None:
    """Its issue is left as it is, and so are its numbers; they come with the update, and are not planned before."""
    nights.run([NAMING[0], NAMING[1]._replace(text="After D-1")])
    assert text(nights).startswith("As D-1")
    assert "--on-change update" in told(nights)
    again = nights.run()
    assert not plans_numbers(again), again.err
    updated = nights.run(None, "--on-change", "update")
    assert text(nights) == f"After D-1 ({nights.issue('D-1')['triage_id']})", updated.err
    assert not plans_numbers(nights.run())
