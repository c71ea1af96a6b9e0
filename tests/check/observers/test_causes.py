"""The tally of a check."""

from __future__ import annotations

from importer.check.observers.causes import Tally, Weight
from importer.check.plan import DISTINCT_LIMIT
from importer.records import Finding, Outcome, Row


def row_of(outcome: Outcome, *codes: str) -> Row:
    return Row(0, "f", 1, 2, "k", outcome, codes)


def test_outcomes_add_up() -> None:
    """Every row is counted once by its outcome, skipped ones by their reason too."""
    tally = Tally()
    for row in (row_of(Outcome.PLANNED), row_of(Outcome.SKIPPED, "row-empty"), row_of(Outcome.REJECTED, "a", "b")):
        tally.count(row)
    assert tally.rows == sum(tally.outcomes.values()) == 3
    assert tally.passed_over == {(Outcome.SKIPPED, "row-empty"): 1}


def test_causes() -> None:
    """Findings of one cause are one group with its first samples; rejections and warnings are apart, worst first."""
    tally = Tally()
    for number, value in enumerate(["x", "y", "y", "y", "x"]):
        tally.find([Finding("severity-unknown", "severity", f"unknown {value}", "", value)], f"k:{number}")
    tally.find([Finding("title-shortened", "title", "cut", rejects=False)], "k:1")
    tally.find([Finding("key-missing", "key", "no key")], "f:7")
    rejections = tally.causes.all(Weight.HELD)
    assert [(cause.value, cause.rows, [sample.name for sample in cause.samples]) for cause in rejections] == [
        ("y", 3, ["k:1", "k:2", "k:3"]),
        ("x", 2, ["k:0", "k:4"]),
        ("", 1, ["f:7"]),
    ]
    assert [cause.code for cause in tally.causes.all(Weight.NOTED)] == ["title-shortened"]


def test_by_code() -> None:
    """Rows by the codes of their findings and by why they are skipped, most frequent first."""
    tally = Tally()
    for value in "xyz":
        tally.find([Finding("severity-unknown", "severity", "", "", value)], "k")
    tally.count(row_of(Outcome.SKIPPED, "same-as"))
    assert list(tally.by_code().items()) == [("severity-unknown", 3), ("same-as", 1)]


def test_a_row_with_several_findings_of_a_code_is_one_row() -> None:
    """A row may name two issues that are nowhere, and have a secret in two fields."""
    tally = Tally()
    ends = [Finding("relation-end-missing", "relations", f"blocks {n}", "", str(n), rejects=False) for n in (1, 2, 3)]
    tally.find(ends[:2], "k:1")
    tally.find(ends[1:], "k:2")
    secrets = [Finding("secret-found", name, "a key", rejects=False) for name in ("title", "description")]
    tally.find(secrets, "k:3")
    assert tally.by_code() == {"relation-end-missing": 2, "secret-found": 1}
    assert [(cause.value, cause.rows) for cause in tally.causes.all(Weight.NOTED)[:2]] == [("2", 2), ("1", 1)]
    assert [kind.rows for kind in tally.causes.kinds(Weight.NOTED)] == [2, 1, 1]


def test_memory_is_flat() -> None:
    """Beyond a limit of distinct values their findings are counted together."""
    tally = Tally()
    for number in range(DISTINCT_LIMIT + 3):
        tally.find([Finding("severity-unknown", "severity", "", "decide", str(number))], "k")
    causes = tally.causes.all(Weight.HELD)
    assert len(causes) == DISTINCT_LIMIT + 1
    assert (causes[0].rows, causes[0].message) == (3, "(other values)")
    assert tally.by_code() == {"severity-unknown": DISTINCT_LIMIT + 3}
