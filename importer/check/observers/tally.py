"""The tally of a check: rows counted by outcome, and findings grouped by the change that would settle them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from importer.check.duplicates import NO_VERDICTS, DuplicateVerdict
from importer.check.examine import Examined
from importer.check.observers.causes import Causes, SampleRow, Weight
from importer.check.plan import Plan
from importer.codes import OPEN, by_frequency
from importer.phrases import row_name
from importer.records import PASSED_OVER, Finding, Outcome, Rows
from importer.transform.groups import find_leaders


class Tally:
    """Counts the rows of a pass by outcome, those passed over also by code, and findings by cause.

    `verdicts` has why rows lose against others with their key, by place in the input.
    """

    def __init__(self, verdicts: Mapping[int, DuplicateVerdict] = NO_VERDICTS) -> None:
        self._verdicts = verdicts
        self.rows = 0
        self.outcomes = Counter[Outcome]()
        self.passed_over = Counter[tuple[Outcome, str]]()
        self.causes = Causes()
        self._codes = Counter[str]()

    def add(self, examined: Examined, plan: Plan) -> None:
        """Count the rows of a chunk and their findings."""
        of = plan.rows.columns
        self.count(plan.rows)
        said: dict[int, list[Finding]] = {}
        leaders = find_leaders(examined.records.keys.groups.values())
        for place, outcome in enumerate(of["outcome"]) if self._verdicts else ():
            verdict = self._verdicts.get(examined.first + leaders.get(place, place))
            if verdict is not None and outcome is Outcome.REJECTED:
                said[place] = [verdict.finding]
        for place, found in examined.findings.by_row.items():
            if of["outcome"][place] not in PASSED_OVER:  # one that `--only` doesn't select is skipped
                said.setdefault(place, []).extend(found)
        for place, note in plan.notes:
            said.setdefault(place, []).append(note)
        for place in sorted(said):
            self.find(said[place], row_name(of["key"][place], of["file_name"][place], of["line"][place]))

    def count(self, rows: Rows) -> None:
        """Count rows by their outcome."""
        of = rows.columns
        outcomes = Counter(of["outcome"])
        self.rows += outcomes.total()
        self.outcomes += outcomes
        if any(map(outcomes.__contains__, PASSED_OVER)):
            coded = zip(of["outcome"], of["codes"], strict=True)
            self.passed_over.update((outcome, codes[0]) for outcome, codes in coded if outcome in PASSED_OVER)

    def find(self, findings: Sequence[Finding], name: str) -> None:
        """Count the findings of a row; it may have several of one code, as one that names several absent issues."""
        self._codes.update({finding.code for finding in findings})
        weights = (Weight.HELD if finding.rejects else Weight.NOTED for finding in findings)
        self.causes.add(zip(weights, findings, strict=True), SampleRow(name))

    @property
    def holds_any(self) -> bool:
        """Whether a row waits for a person's answer."""
        return not set(OPEN).isdisjoint(code for _, code in self.passed_over)

    def by_code(self) -> dict[str, int]:
        """Code → rows, most frequent first; a row with two codes counts for both."""
        codes = self._codes.copy()
        for (_, code), rows in self.passed_over.items():
            codes[code] += rows
        return by_frequency(codes)
