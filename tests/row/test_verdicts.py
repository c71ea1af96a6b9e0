"""Which answers are findings: words, points, percentages, and a mapping's own; what nobody knows is never decided."""

from __future__ import annotations

from typing import Any

import pytest

from importer.mapping.scorecards import Answer
from importer.records import Finding
from importer.row.compiler import Compiler
from importer.row.verdicts import AnswerReader, AnswerRule, unknown_finding
from tests.harness.making import source_rows_of

FAILED, PASSED, NOT_APPLICABLE, UNKNOWN = "failed", "passed", "not_applicable", "unknown"
BUILT_IN = {
    FAILED: "No; FAIL; nein; n; Nicht erfüllt; teilweise; Non; échoué; No cumple; não; fallito; nee; ✗; false; 3/5; "
    "0 / 1; 2 von 5; 2,5 von 5 Punkten; 4 out of 5; 1 de 2; 3 sur 5 points; 3 su 5; 4 van 5; Auto-Fail",
    PASSED: "Yes; y; Pass; Ja; erfüllt; Oui; Sí; si; SIM; Sì; ✓; true; 5/5; 6/5; 5 von 5; 1 de 1; in Ordnung; Yes.",
    NOT_APPLICABLE: "; N/A; n.a.; Entfällt; sans objet; no aplica; não se aplica; n.v.t.; -; —; nan; /",
    UNKNOWN: "80; 80 %; 0.75; 0/0; 3/5/2024; maybe; Yes, but late; godkänd; ?; !; 👍; Q3; 5.5.5; -3/5",
}


def rule(**keys: Any) -> AnswerRule:
    """The `answer` of a mapping with these keys."""
    return AnswerRule(Answer.model_validate({"column": "_answer", **keys}))


@pytest.mark.parametrize("verdict", BUILT_IN)
def test_what_is_built_in(verdict: str) -> None:
    """Words of seven languages and more, and points; whatever else there is, nobody knows."""
    texts = BUILT_IN[verdict].split("; ")
    assert {text: rule().judge(text) for text in texts} == dict.fromkeys(texts, verdict)


@pytest.mark.parametrize(
    ("keys", "answers"),
    [
        (
            {"below": "80"},
            {
                "79,9 %": FAILED,
                "80": PASSED,
                "100%": PASSED,
                "3/5": FAILED,
                "-1": UNKNOWN,
                "0.9": UNKNOWN,
                "0": FAILED,
                "0.9 %": FAILED,
            },
        ),
        ({"below": "0.5"}, {"0.49": FAILED, "1": PASSED}),
        ({"failed": ["n. erf."], "passed": "No"}, {"N. ERF.": FAILED, "no": PASSED, "nein": FAILED, "erf": UNKNOWN}),
        ({"not_applicable": ["5/5"]}, {"5/5": NOT_APPLICABLE, "4/5": FAILED}),
        ({"words": []}, {"No": UNKNOWN, "": NOT_APPLICABLE, "3/5": FAILED}),
        ({"failed": [""]}, {"": FAILED, "  ": FAILED}),
    ],
)
def test_what_a_mapping_says(keys: dict[str, Any], answers: dict[str, str]) -> None:
    """Its words come before all others."""
    assert {text: rule(**keys).judge(text) for text in answers} == answers


def test_inverted_criteria() -> None:
    """There an answer is a finding that is none elsewhere; nothing is made of what doesn't apply or isn't known."""
    judged = rule(below="80", passed=["done"])
    answers = {"Yes": FAILED, "no": PASSED, "done": FAILED, "0/5": PASSED, "1/5": FAILED, "90": FAILED, "70 %": PASSED}
    answers |= {"Partially": FAILED, "Auto-fail": FAILED, "n/a": NOT_APPLICABLE, "": NOT_APPLICABLE, "maybe": UNKNOWN}
    assert {text: judged.judge(text, inverted=True) for text in answers} == answers


def test_numbers_are_one_finding() -> None:
    """One key decides them all; of other answers each is a finding of its own."""
    assert unknown_finding("80", "Result") == unknown_finding("72,5 %", "Result")
    assert "below: 80" in unknown_finding("80", "Result").hint
    assert "below: 0.8" in unknown_finding("0.9", "Result").hint
    maybe = unknown_finding("maybe", "Result")
    assert (maybe.value, "'maybe' in Result" in maybe.message) == ("maybe", True)


@pytest.mark.parametrize(
    "keys", [{"below": "much"}, {"below": "-1"}, {"failed": ["Ja"], "passed": ["ja "]}, {"words": ["de"]}]
)
def test_what_can_not_be_meant(keys: dict[str, Any]) -> None:
    """A limit that is no number, an answer that would be two things, words that there are none of."""
    with pytest.raises(ValueError, match=r"answer|number|words|greater"):
        rule(**keys)


def answers_of(header: list[str], *rows: list[str], **keys: Any) -> list[tuple[str, str, str]]:
    """Of each row its verdict, the code that leaves it out, and the value of its finding."""
    source_rows = source_rows_of(header, rows, defects={len(rows) - 1: Finding("row-ragged", "", "")})
    spec = Answer.model_validate({"column": "Result", **keys})
    reader = AnswerReader(spec, Compiler(source_rows.layout))
    answers = list[tuple[str, str, str]]()
    for row in source_rows.rows:
        finding = reader.finding(row)
        answers.append((reader.verdict(row), reader.skip(row), "" if finding is None else finding.value))
    return answers


def test_rows() -> None:
    """What is none leaves its row out, what nobody knows is a finding; a row with a defect is left to that."""
    assert answers_of(["Result"], ["No"], ["Yes"], ["nan"], [" maybe "], [""]) == [
        (FAILED, "", ""),
        (PASSED, "answer-passed", ""),
        (NOT_APPLICABLE, "answer-not-applicable", ""),
        (UNKNOWN, "", "maybe"),
        (NOT_APPLICABLE, "", ""),
    ]


def test_rows_of_an_inverted_criterion() -> None:
    """The criterion is the row's; its case doesn't count."""
    header, rows = ["Result", "_name"], [["Yes", "RUDE"], ["No", "Rude"], ["Yes", "Greeting"], ["", ""]]
    verdicts = [verdict for verdict, _, _ in answers_of(header, *rows, inverted=["rude"])]
    assert verdicts == [FAILED, PASSED, PASSED, NOT_APPLICABLE]


def test_a_file_without_the_column() -> None:
    """Has findings alone."""
    assert answers_of(["Other"], ["Yes"], [""]) == [(FAILED, "", ""), (FAILED, "", "")]
