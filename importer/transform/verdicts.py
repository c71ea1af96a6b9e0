"""Which answers of a scorecard are findings: by a mapping's own words, the vocabulary's, points, and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from importer.codes import ANSWER_NOT_APPLICABLE, ANSWER_PASSED, ANSWER_UNKNOWN
from importer.mapping.model import fold
from importer.mapping.scorecards import VERDICTS, Answer
from importer.mapping.vocabulary import meaning, normalised, words_for_nothing, words_of
from importer.phrases import clip
from importer.records import Finding
from importer.transform.columns import Columns, map_distinct

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


@cache
def _points() -> re.Pattern[str]:
    """`3/5`, `2 von 5 Punkten`."""
    said = words_of("points")
    of, unit = ("|".join(word for words in said[key].values() for word in words.split(", ")) for key in ("of", "unit"))
    return re.compile(rf"({_NUMBER})\s*(?:/|{of})\s*({_NUMBER})(?:\s*(?:{unit}))?", re.IGNORECASE)


def number_in(text: str) -> float | None:
    """The number that an answer is, or its percentage: `80`, `72,5 %`; None if it is none."""
    found = _ALONE.fullmatch(text.strip())
    return None if found is None else float(found[1].replace(",", "."))


def points_in(text: str) -> tuple[float, float] | None:
    """The points that an answer is, and the most that there are: `3/5`, `2 von 5 Punkten`; None if it is none."""
    found = _points().fullmatch(text.strip())
    return None if found is None else (float(found[1].replace(",", ".")), float(found[2].replace(",", ".")))


def _is_share(text: str) -> bool:
    """Whether a number is a part of one, as a workbook has `80%` as 0.8."""
    number = number_in(text)
    return number is not None and 0 < number < 1 and "%" not in text


class AnswerRule:
    """A mapping's `answer`, ready to read columns."""

    def __init__(self, spec: Answer) -> None:
        self._spec = spec
        self._own = {fold(word): verdict for verdict in VERDICTS for word in getattr(spec, verdict)}
        self._inverted = {fold(name) for name in spec.inverted}

    def skips(self, columns: Columns) -> list[str]:
        """The code of each row that is left out, "" for findings, answers that nobody knows, and rows with a defect."""
        codes = list(map(CODES.__getitem__, self.verdicts(columns)))
        for row in columns.chunk.defects:  # whose cells are unknown rather than empty
            codes[row] = ""
        return codes

    def findings(self, columns: Columns) -> Iterator[tuple[int, Finding]]:
        """(row, finding) for each answer that nobody knows."""
        verdicts = self.verdicts(columns)
        if UNKNOWN not in verdicts:
            return
        texts = self._texts(columns)
        for row, verdict in enumerate(verdicts):
            if verdict == UNKNOWN:
                yield row, unknown_finding(texts[row].strip(), ", ".join(ref.name for ref in self._spec.refs))

    def judge(self, text: str, *, inverted: bool = False) -> str:
        """What an answer means, as `VERDICTS` call it, or UNKNOWN.

        Of an inverted criterion passed and failed are exchanged, and points are bad ones.
        """
        said = self._own.get(fold(text))
        if said is None and (_NOTHING.fullmatch(text) or text in words_for_nothing()):
            return NOT_APPLICABLE
        if said is None and self._spec.words and normalised(text):
            word = meaning("answer", text.strip())
            said = word.target if word is not None and word.is_whole else None
            if said == PARTLY:
                return FAILED
        if said is None and (points := points_in(text)) is not None:
            got, most = points
            return UNKNOWN if not most else _verdict(failed=got > 0 if inverted else got < most)
        below, number = self._spec.below, number_in(text)
        if said is None and below is not None and number is not None and not (_is_share(text) and below > 1):
            said = _verdict(failed=number < below)
        exchanged = {FAILED: PASSED, PASSED: FAILED} if inverted else {}
        return UNKNOWN if said is None else exchanged.get(said, said)

    def verdicts(self, columns: Columns) -> Sequence[str]:
        """The verdict of each row; a file without the column has findings alone."""
        if columns.present.isdisjoint(self._spec.refs):
            return [FAILED] * len(columns)
        texts = self._texts(columns)
        verdicts = map_distinct(self.judge, texts)
        if self._inverted and self._spec.criterion is not None:
            names = map_distinct(fold, columns.text(self._spec.criterion))
            for row in [row for row, name in enumerate(names) if name in self._inverted]:
                verdicts[row] = self.judge(texts[row], inverted=True)
        return verdicts

    def _texts(self, columns: Columns) -> list[str]:
        return columns.as_written.text(self._spec)


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
