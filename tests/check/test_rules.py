"""Validate: which findings a row has, and what they tell a person to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.check.rules import is_unicode
from importer.codes import CODES
from importer.mapping.model import MappingModel
from importer.records import Finding
from importer.row.transform import Transform
from tests.harness.making import HEADER, SOURCE_NAME, mapping_of, run_of, source_rows_of
from tests.harness.making import findings_of as rule_findings

GOOD = ("P-1", "Title", "Text", "P1", "Open")


def findings_of(mapping: MappingModel, *row: str, name_given: bool = True) -> list[Finding]:
    batch = Transform(mapping, SOURCE_NAME)(source_rows_of(HEADER, [row]))
    return rule_findings(mapping, batch, name_given=name_given)[0]


def test_good_row() -> None:
    """A row that breaks no rule has no findings."""
    assert findings_of(mapping_of(), *GOOD) == []


CASES: list[tuple[str, dict[str, Any], Sequence[str]]] = [
    ("key-missing", {}, ("", *GOOD[1:])),
    ("key-needs-name", {"input": {"name": "demo", "key": "Text", "local_key": "Key"}}, ("7", "T", "", "P1", "Open")),
    ("title-missing", {}, ("P-1", " \t", "Text", "P1", "Open")),
    ("title-too-long", {}, ("P-1", "🎧" * 101, "Text", "P1", "Open")),
    ("title-shortened", {"title": {"column": "Title", "too_long": "shorten"}}, ("P-1", "t" * 300, "", "P1", "Open")),
    ("description-too-long", {}, ("P-1", "T", "x" * 10_000, "P1", "Open")),
    (
        "description-shortened",
        {"description": {"column": "Text", "too_long": "shorten"}},
        ("P-1", "T", "x" * 10_000, "P1", "Open"),
    ),
    ("severity-missing", {}, ("P-1", "T", "", " ", "Open")),
    ("severity-unknown", {}, ("P-1", "T", "", 'P"3\\', "Open")),
    ("severity-unknown", {"severity": {"column": "Priority", "unknown": "low"}}, ("P-1", "T", "", "P3", "Open")),
    (
        "severity-undecided",
        {"severity": {"column": "Priority", "values": {"P3": "low"}, "neutral": ["P3"]}},
        ("P-1", "T", "", "p3", "Open"),
    ),
    (
        "severity-undecided",
        {"severity": {"column": "Priority", "missing": "low", "neutral": [""]}},
        ("P-1", "T", "", "", "Open"),
    ),
    ("status-missing", {}, ("P-1", "T", "", "P1", "")),
    ("status-unknown", {}, ("P-1", "T", "", "P1", "Wontfix")),
    ("category-missing", {"category": {"column": "Text"}}, ("P-1", "T", "", "P1", "Open")),
    ("category-unknown", {"category": {"column": "Text"}}, ("P-1", "T", "Bug, UI", "P1", "Open")),
    (
        "category-too-long",
        {"category": {"column": "Text", "keep_unknown": "true"}},
        ("P-1", "T", "🎧" * 33, "P1", "Open"),
    ),
    ("source-invalid", {"source": "Text"}, ("P-1", "T", "robot", "P1", "Open")),
    (
        "date-unreadable",
        {"skip": [{"name": "old", "when": {"column": "Text", "before": "2020-01-01"}}]},
        ("P-1", "T", "31.12.19", "P1", "Open"),
    ),
    ("text-not-unicode", {}, ("P-1", "T \ud83d", "", "P1", "Open")),
    ("text-has-nul", {}, ("P-1", "T", "a\0b", "P1", "Open")),
    ("text-has-nul", {"resource_links": [{"type": "call", "column": "Text"}]}, ("P-1", "T\0", "", "P1", "Open")),
    (
        "text-not-unicode",
        {"description": None, "resource_links": [{"type": "call", "column": "Text"}]},
        ("P-1", "T", "c\udc00", "P1", "Open"),
    ),
    ("key-too-long", {}, ("é" * 500, *GOOD[1:])),
    (
        "text-has-nul",
        {"description": {"column": "Text", "too_long": "continue"}},
        ("P-1", "T", "x " * 6000 + "\0", "P1", "Open"),
    ),
    (
        "text-has-nul",
        {
            "group": ["Key"],
            "recurring": {"occurrence": ["Text"], "finished": {"done": "add", "closed": "add"}},
            "description": None,
        },
        ("P-1", "T", "call\0", "P1", "Open"),
    ),
]


@pytest.mark.parametrize(("code", "changes", "row"), CASES, ids=[f"{n}-{code}" for n, (code, _, _) in enumerate(CASES)])
def test_finding(code: str, changes: dict[str, Any], row: Sequence[str], snapshot: SnapshotAssertion) -> None:
    """Each rule that a row breaks is one finding, in words on which a person can act."""
    (finding,) = findings_of(mapping_of(**changes), *row, name_given=False)
    assert finding.code == code
    assert code in CODES
    assert finding.hint or not finding.rejects
    assert {name: getattr(finding, name) for name in ("rejects", "field", "message", "hint", "value")} == snapshot


def test_all_findings_of_a_row() -> None:
    """A row has all its findings at once, in the order of the fields."""
    codes = [finding.code for finding in findings_of(mapping_of(), "", "", "x" * 10_001, "?", "")]
    assert codes == ["key-missing", "title-missing", "description-too-long", "severity-unknown", "status-missing"]


def test_causes_are_what_one_change_would_settle() -> None:
    """Findings are of one cause if the same line of the mapping, or the same deed, settles them."""
    old = [{"name": "old", "when": {"column": "Text", "before": "2020-01-01"}}]
    rows = [("1", "T", "soon", "P3", "Open"), ("2", "T", "later", "P3", "Open"), ("3", "T", "", "P4", "Open")]
    mapping = mapping_of(skip=old)
    by_row = rule_findings(mapping, Transform(mapping, SOURCE_NAME)(source_rows_of(HEADER, rows)))
    causes = {(finding.code, finding.field, finding.value) for findings in by_row for finding in findings}
    assert len(causes) == 3  # P3, P4, the dates


def test_named_source_may_use_the_local_key() -> None:
    """A key that is only unique within one project is good once a person has named the source."""
    mapping = mapping_of(input={"name": "demo", "key": "Text", "local_key": "Key"})
    assert findings_of(mapping, "7", "T", "", "P1", "Open", name_given=True) == []


def test_skipped_row() -> None:
    """A row that is left out breaks no rule."""
    mapping = mapping_of(skip=[{"name": "all", "when": {"column": "Key", "filled": "true"}}])
    assert findings_of(mapping, "P-1", "", "", "?", "?") == []


def test_defective_row() -> None:
    """A row that can't be read has that finding and none that follows from it."""
    defect = Finding("row-ragged", "", "3 cells, 5 columns")
    source_rows = source_rows_of(HEADER, [("", "", "", "", ""), GOOD], defects={0: defect})
    source_rows.rows[0].raw = ["a", "b", "c"]
    assert rule_findings(mapping_of(), Transform(mapping_of(), SOURCE_NAME)(source_rows)) == [[defect], []]


def test_warnings_do_not_reject() -> None:
    """A row with nothing but warnings is sent."""
    (row,) = run_of(mapping_of(), [GOOD]).rows
    row.findings = [Finding("a", "", "", rejects=False)]
    assert not row.is_rejected
    row.findings.append(Finding("b", "", ""))
    assert row.is_rejected


@given(st.text(st.characters(codec=None)))
def test_is_unicode(text: str) -> None:
    """Half a character anywhere makes a text unsendable."""
    assert is_unicode(text) is not any("\ud800" <= character <= "\udfff" for character in text)


def test_codes_are_stable_words() -> None:
    """Codes are kebab-case and each has a sentence."""
    assert all(code == code.lower() and " " not in code and sentence.endswith(".") for code, sentence in CODES.items())


def test_sources_codes_are_listed() -> None:
    """What a source finds about a row has its sentence too."""
    assert {"row-ragged", "row-malformed", "row-path-failed"} <= CODES.keys()
