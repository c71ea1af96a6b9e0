"""The tally of a check: rows by outcome, and findings by cause, the one change that settles them; for the page, too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from importer.check.examine import RowRun
from importer.check.plan import DISTINCT_LIMIT
from importer.codes import CODES, by_frequency
from importer.notices import OPEN
from importer.phrases import row_name
from importer.records import PASSED_OVER, Finding, Outcome, Row

OTHERS = "(other values)"
SAMPLES, CUT = 3, 300
VARIED, ALIKE = 20, 1
"""A code with more messages than this, hardly two of which are equal, is one cause: each row has its own figures.
Where all of them have the same hint, which no value needs a line of its own for, the second is enough."""

_ONLY_WARNS = re.compile(
    r"(?:the value |an empty cell ).*becomes '.*|users\.csv has no user .*: their \w+ issues get .*", re.DOTALL
)
"""Messages that warn, of codes that reject in other mappings."""


class Weight(Enum):
    """What a finding means for its row: it is held back; it is in Triage, and something is left to do; it is noted."""

    HELD = "held"
    OPEN = "open"
    NOTED = "noted"


class SampleRow(NamedTuple):
    """A row that stands for others: its key, or where it is, and its title."""

    name: str
    title: str = ""


@dataclass(slots=True)
class Cause:
    """Findings that one change would settle, say of one unknown value: how many rows have it, and a few of them."""

    code: str
    field: str
    message: str = ""
    hint: str = ""
    value: str = ""
    rows: int = 0
    samples: tuple[SampleRow, ...] = ()

    @property
    def steps(self) -> list[tuple[str, bool]]:
        """The hint in parts, each with whether it is to be typed: what stands between backticks."""
        parts = self.hint.split("`")
        return [(part, place % 2 == 1) for place, part in enumerate(parts) if part]

    @property
    def typed(self) -> str:
        """What the hint says to type first, to be copied; "" where that is a sign alone."""
        for part, is_typed in self.steps:
            if is_typed and len(part) > 1:
                return part
        return ""

    @property
    def sentence(self) -> str:
        """What the code means, without any text of the source."""
        return CODES.get(self.code, "Skipped by a rule of the mapping.")


class Causes:
    """Groups findings by weight, code, field, and value or message; in flat memory: later ones count by code."""

    def __init__(self) -> None:
        self._found = dict[tuple[Weight, str, str, str], Cause]()
        self._rows = Counter[tuple[Weight, str, str]]()

    def add(self, findings: Iterable[tuple[Weight, Finding]], sample: SampleRow) -> None:
        """Add the findings of a row, which may have several of one kind, and is one row of it."""
        kinds = set[tuple[Weight, str, str]]()
        for weight, finding in findings:
            kind = (weight, finding.code, finding.field)
            kinds.add(kind)
            cause = self._found.get((*kind, finding.value or finding.message))
            if cause is None:
                if len(self._found) >= DISTINCT_LIMIT:
                    finding = replace(finding, value="", message=OTHERS)
                key = (*kind, finding.value or finding.message)
                new = Cause(finding.code, finding.field, finding.message[:CUT], finding.hint, finding.value)
                cause = self._found.setdefault(key, new)
            cause.rows += 1
            if len(cause.samples) < SAMPLES and sample not in cause.samples:
                cause.samples = (*cause.samples, sample)
        self._rows.update(kinds)

    def kinds(self, weight: Weight) -> list[Cause]:
        """A cause for each code and field, without values, most rows first."""
        causes = list[Cause]()
        for (kind_weight, code, name), rows in self._rows.items():
            if kind_weight is weight:
                causes.append(Cause(code, name, rows=rows))
        return sorted(causes, key=lambda cause: (-cause.rows, cause.code, cause.field))

    def of_kind(self, weight: Weight, kind: Cause) -> list[Cause]:
        """The causes of a code and field, most rows first; one, if nearly each row has a message of its own."""
        kind_key = (weight, kind.code, kind.field)
        causes = [cause for key, cause in self._found.items() if key[:3] == kind_key]
        ordered = sorted(causes, key=lambda cause: (-cause.rows, cause.value or cause.message))
        hints = {cause.hint for cause in causes}
        fewest = ALIKE if len(hints) == 1 else VARIED
        if len(causes) <= fewest or kind.rows > 2 * len(causes):
            return ordered
        if any(cause.value for cause in causes):
            return ordered
        samples = list[SampleRow]()
        for cause in causes[:SAMPLES]:
            samples += cause.samples[:1]
        first = ordered[0]
        message = f"for example: {first.message}"
        return [Cause(first.code, first.field, message, first.hint, first.value, kind.rows, tuple(samples))]

    def all(self, weight: Weight) -> list[Cause]:
        causes = list[Cause]()
        for kind in self.kinds(weight):
            causes += self.of_kind(weight, kind)
        return sorted(causes, key=lambda cause: (-cause.rows, cause.code, cause.message))


def weigh_finding(outcome: Outcome, finding: Finding) -> Weight:
    """What a finding means of which only text is left: its code's sentence tells, or the message if that may warn."""
    sentence = CODES.get(finding.code, "")
    if outcome is Outcome.REJECTED:
        warns = sentence.endswith("(warning).") or _ONLY_WARNS.fullmatch(finding.message)
        holds = not warns
    else:
        holds = outcome in (Outcome.FAILED, Outcome.UNKNOWN) and "warning" not in sentence
    if holds:
        return Weight.HELD
    return Weight.OPEN if finding.code in OPEN else Weight.NOTED


class Tally:
    """Counts the rows of a pass by outcome, those passed over also by code, and findings by cause."""

    def __init__(self) -> None:
        self.rows = 0
        self.outcomes = Counter[Outcome]()
        self.passed_over = Counter[tuple[Outcome, str]]()
        self.causes = Causes()
        self._codes = Counter[str]()

    def add(self, run: RowRun) -> None:
        for row in run.rows:
            self.count(row.result)
            findings = [row.loss.finding] if row.loss is not None and row.outcome is Outcome.REJECTED else []
            if row.outcome not in PASSED_OVER:  # one that `--only` doesn't select is skipped
                findings += row.findings
            findings += row.notes
            if findings:
                self.find(findings, row_name(row.key, row.result.file_name, row.result.line))

    def count(self, row: Row) -> None:
        self.rows += 1
        self.outcomes[row.outcome] += 1
        if row.outcome in PASSED_OVER:
            self.passed_over[row.outcome, row.codes[0]] += 1

    def find(self, findings: Sequence[Finding], name: str) -> None:
        """Count the findings of a row; it may have several of one code, as one that names several absent issues."""
        self._codes.update({finding.code for finding in findings})
        weighed = [(Weight.HELD if finding.rejects else Weight.NOTED, finding) for finding in findings]
        self.causes.add(weighed, SampleRow(name))

    @property
    def holds_any(self) -> bool:
        """Whether a row waits for a person's answer."""
        return not OPEN.isdisjoint(code for _, code in self.passed_over)

    def by_code(self) -> dict[str, int]:
        """Code → rows, most frequent first; a row with two codes counts for both."""
        codes = self._codes.copy()
        for (_, code), rows in self.passed_over.items():
            codes[code] += rows
        return by_frequency(codes)
