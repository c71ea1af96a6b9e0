"""Which answers of a scorecard are findings: by a mapping's own words, the vocabulary's, points, and numbers."""

from __future__ import annotations

import re
from functools import cache, partial

from importer.codes import ANSWER_NOT_APPLICABLE, ANSWER_PASSED, ANSWER_UNKNOWN
from importer.mapping.model import fold
from importer.mapping.scorecards import VERDICTS, Answer
from importer.mapping.vocabulary import meaning, normalised, words_for_nothing, words_of
from importer.phrases import clip
from importer.records import Finding
from importer.row.compiler import Compiler, read_nothing
from importer.row.remembered import Remembered
from importer.sources.source_rows import SourceRow

FAILED, PASSED, NOT_APPLICABLE = VERDICTS
UNKNOWN = "unknown"
PARTLY = "partly"
"""What the vocabulary calls an answer that is a finding whatever its criterion asks for."""
CODES = {FAILED: "", PASSED: ANSWER_PASSED, NOT_APPLICABLE: ANSWER_NOT_APPLICABLE, UNKNOWN: ""}
"""Verdict → the code of a row that it leaves out, or ""."""
SHOWN = 60

_NUMBER = r"\d{1,9}(?:[.,]\d{1,9})?"
_NOTHING = re.compile(r"[-–—/.\s]*")
_ALONE = re.compile(rf"({_NUMBER})\s*%?")
_EXCHANGED = {FAILED: PASSED, PASSED: FAILED}


class AnswerReader:
    """Reads the answers of a file's rows."""

    def __init__(self, spec: Answer, compiler: Compiler) -> None:
        rule = AnswerRule(spec)
        self._columns = ", ".join(ref.name for ref in spec.refs)
        self._has_answers = not compiler.present.isdisjoint(spec.refs)
        self._text = compiler.written.text(spec)
        self._criterion = compiler.text(spec.criterion) if spec.inverted else read_nothing
        self._is_inverted = Remembered[str, bool](rule.is_inverted)
        self._verdicts = Remembered[str, str](rule.judge)
        self._inverted_verdicts = Remembered[str, str](partial(rule.judge, inverted=True))

    def verdict(self, row: SourceRow) -> str:
        """What the answer of a row means; a file without the column has findings alone."""
        if not self._has_answers:
            return FAILED
        if self._is_inverted[self._criterion(row)]:
            return self._inverted_verdicts[self._text(row)]
        return self._verdicts[self._text(row)]

    def skip(self, row: SourceRow) -> str:
        """The code of a row that is left out; "" for findings, answers that nobody knows, and rows with a defect."""
        if row.defect is not None:  # its cells are unknown rather than empty
            return ""
        return CODES[self.verdict(row)]

    def finding(self, row: SourceRow) -> Finding | None:
        """The finding for an answer that nobody knows."""
        if self.verdict(row) != UNKNOWN:
            return None
        return unknown_finding(self._text(row).strip(), self._columns)


class AnswerRule:
    """A mapping's `answer`, ready to judge texts."""

    def __init__(self, spec: Answer) -> None:
        self._spec = spec
        self._words = dict[str, str]()
        for verdict in VERDICTS:
            for word in getattr(spec, verdict):
                self._words[fold(word)] = verdict
        self._inverted = set(map(fold, spec.inverted))

    def is_inverted(self, criterion: str) -> bool:
        """Whether a criterion asks for what shouldn't be."""
        return fold(criterion) in self._inverted

    def judge(self, text: str, *, inverted: bool = False) -> str:
        """What an answer means, as `VERDICTS` call it, or UNKNOWN.

        Of an inverted criterion passed and failed are exchanged, and points are bad ones.
        """
        verdict = self._words.get(fold(text))
        if verdict is None:
            if _NOTHING.fullmatch(text) or text in words_for_nothing():
                return NOT_APPLICABLE
            verdict = self._by_vocabulary(text)
        if verdict == PARTLY:
            return FAILED
        if verdict is None:
            points = points_in(text)
            if points is not None:
                return _judge_points(*points, inverted=inverted)
            verdict = self._by_number(text)
        if inverted:
            return _EXCHANGED.get(verdict, verdict)
        return verdict

    def _by_vocabulary(self, text: str) -> str | None:
        if not self._spec.words or not normalised(text):
            return None
        word = meaning("answer", text.strip())
        if word is None or not word.is_whole:
            return None
        return word.target

    def _by_number(self, text: str) -> str:
        limit, number = self._spec.below, number_in(text)
        if limit is None or number is None:
            return UNKNOWN
        if _is_share(text) and limit > 1:
            return UNKNOWN
        return _verdict(failed=number < limit)


@cache
def _points() -> re.Pattern[str]:
    """`3/5`, `2 von 5 Punkten`."""
    words = {part: "|".join(_words_for(part)) for part in ("of", "unit")}
    expression = rf"({_NUMBER})\s*(?:/|{words['of']})\s*({_NUMBER})(?:\s*(?:{words['unit']}))?"
    return re.compile(expression, re.IGNORECASE)


def _words_for(part: str) -> list[str]:
    words = list[str]()
    for listed in words_of("points")[part].values():
        words += listed.split(", ")
    return words


def points_in(text: str) -> tuple[float, float] | None:
    """The points that an answer is, and the most that there are: `3/5`, `2 von 5 Punkten`; None if it is none."""
    match = _points().fullmatch(text.strip())
    if match is None:
        return None
    return _to_number(match[1]), _to_number(match[2])


def _judge_points(points: float, limit: float, *, inverted: bool) -> str:
    if not limit:
        return UNKNOWN
    if inverted:
        return _verdict(failed=points > 0)
    return _verdict(failed=points < limit)


def number_in(text: str) -> float | None:
    """The number that an answer is, or its percentage: `80`, `72,5 %`; None if it is none."""
    match = _ALONE.fullmatch(text.strip())
    if match is None:
        return None
    return _to_number(match[1])


def _to_number(digits: str) -> float:
    return float(digits.replace(",", "."))


def _is_share(text: str) -> bool:
    """Whether a number is a part of one, as a workbook has `80%` as 0.8."""
    number = number_in(text)
    return number is not None and 0 < number < 1 and "%" not in text


def _verdict(*, failed: bool) -> str:
    return FAILED if failed else PASSED


def unknown_finding(text: str, column: str) -> Finding:
    """The finding for an answer that nobody knows, in a column; all numbers are one, as one key decides them."""
    if _is_share(text):
        message = f"an answer in {column} is a part of 1, as a workbook has 80% as 0.8"
        return Finding(ANSWER_UNKNOWN, "answer", message, "`answer: {below: 0.8}` makes a lower one a finding")
    if number_in(text) is not None:
        message = f"the mapping doesn't say from which number on an answer in {column} is good"
        return Finding(ANSWER_UNKNOWN, "answer", message, "`answer: {below: 80}` makes a lower one a finding")
    message = f"the mapping doesn't know whether the answer {clip(text, SHOWN)!r} in {column} is a finding"
    hint = "put it under `failed`, `passed` or `not_applicable` of `answer`, or take suggested-mapping.yaml"
    return Finding(ANSWER_UNKNOWN, "answer", message, hint, text)
