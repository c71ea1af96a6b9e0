"""report.html of what is done about a run: `verify`, `repair` and `undo`, issue by issue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from importer.check.observers.causes import CUT
from importer.phrases import counted, format_duration
from importer.report.folder import SUMMARY, ReportFolder
from importer.report.page import REPORT
from importer.report.page_rows import FindTitles, PackedRows, Printed
from importer.report.rendering import lay_out_bar, mark_whole, render
from importer.report.results import NO_URL, IssueUrl
from importer.report.summary import Summary
from importer.report.tables import VerifySummary

NO_SUMS: Mapping[str, tuple[int, int]] = {}
TO_BE_SEEN = 100
"""Issues that a person has to look at, that are in a table of their own above all others."""
QUIET = frozenset(
    ("same", "untouched", "restorable", "corrected", "patched", "given-back", "closed", "closed-already", "deleted")
)
"""Verdicts on issues that nobody has to look at."""
OPEN_VERDICTS = frozenset(("perhaps-gone", "refused", "gave-up", "outcome-unknown", "planned"))
"""Verdicts of a repair or an undo after which the same command goes on."""
CHANGED_MEANINGS = {
    "untouched": "as our last write left it",
    "restorable": "its fields are as the run left them",
    "edited-elsewhere": "something else in it was changed since; these fields are still changed",
    "touched": "a person has worked on it: it stays",
    "corrected": "it has these values already, or what the run wrote is no longer there",
    "conflict": "a person changed this field: left alone, see conflicts.csv",
    "changed-later": "a later run wrote these fields: left alone; undo or repair that run",
    "gone-at-target": "deleted in Triage",
    "perhaps-gone": "not in Triage: it counts as deleted once a second run agrees",
    "value-unknown": "the mapping doesn't know the value: left alone",
    "patched": "changed",
    "given-back": "its fields have their old values again",
    "closed": "closed",
    "closed-already": "was closed before",
    "deleted": "deleted",
    "refused": "Triage refused the change",
    "gave-up": "not changed: Triage didn't respond",
    "outcome-unknown": "sent, but it is not known yet whether it was done",
    "planned": "not done yet",
    "unsettled": "it is not known yet whether the run created an issue for the row: left alone; settle it first",
}
"""What a verdict of `repair` and `undo` means."""
PREVIEW_MEANINGS = {
    "untouched": "as our last write left it: it would be changed",
    "restorable": "its fields are as the run left them: they would get their old values back",
}
"""The same before anything is done."""


@dataclass(frozen=True)
class IssueVerdict:
    """An issue, the verdict on it, and what differs."""

    key: str
    triage_id: str
    verdict: str
    reason: str = ""
    issue_id: str = ""


@dataclass
class WorkRows:
    """Takes issues as they pass; `verdicts` counts them in the order in which they are shown.

    With a `url` each has its address behind it. Of those that somebody has to look at, `to_see` in number, `seen` has
    the first.
    """

    find_titles: FindTitles
    url: IssueUrl = NO_URL
    verdicts: Counter[str] = field(default_factory=Counter)
    packed: PackedRows = field(default_factory=PackedRows)
    left_out: int = 0
    seen: list[Printed] = field(default_factory=list)
    to_see: int = 0

    def add(self, issues: Sequence[IssueVerdict]) -> None:
        first = self.verdicts.total() + 1
        self.verdicts.update(issue.verdict for issue in issues)
        shown = issues[: self.packed.left]
        self.left_out += len(issues) - len(shown)
        self._keep_seen([issue for issue in issues if issue.verdict not in QUIET])
        if shown:
            titles, places = self.find_titles([issue.key for issue in shown]), list(self.verdicts)
            self.packed.add(
                [
                    (
                        place,
                        each.key[:CUT],
                        titles.get(each.key, ""),
                        places.index(each.verdict),
                        each.reason[:CUT],
                        each.triage_id,
                        *([self.url.of(each.triage_id, each.issue_id)] if self.url.pattern else []),
                    )
                    for place, each in enumerate(shown, first)
                ]
            )

    def _keep_seen(self, issues: Sequence[IssueVerdict]) -> None:
        some = issues[: TO_BE_SEEN - len(self.seen)]
        self.to_see += len(issues)
        titles = self.find_titles([each.key for each in some]) if some else {}
        self.seen += [
            Printed(
                each.key[:CUT],
                titles.get(each.key, ""),
                each.verdict,
                each.reason[:CUT],
                each.triage_id,
                self.url.of(each.triage_id, each.issue_id),
            )
            for each in some
        ]


def write_work_page(
    folder: ReportFolder,
    summary: Summary | VerifySummary,
    rows: WorkRows,
    *,
    name: str,
    verdict: str,
    table: str,
    meanings: Mapping[str, str],
    stopped: str = "",
    commands: Sequence[tuple[str, str]] = (),
    sums: Mapping[str, tuple[int, int]] = NO_SUMS,
) -> None:
    """Write report.html and summary.json.

    name      a heading: `Verification of RUN`
    verdict   what was found, in a sentence
    table     the report that has all lines
    meanings  verdict → its meaning
    stopped   why it ended early, or ""
    commands  what to type next: why, and the command
    sums      kind → how many were sent, and how many of these are in Triage; {} where that wasn't looked at
    """
    view = {
        "name": name,
        "verdict": verdict,
        "stopped": stopped,
        "bar": lay_out_bar(rows.verdicts),
        "total": rows.verdicts.total(),
        "noun": "issue",
        "whole": True,
        "facts": [
            ("Source", summary.source_name),
            ("Target", summary.target),
            ("Requests", counted(summary.requests, "request")),
            ("Duration", format_duration(summary.elapsed_seconds)),
            ("triage-import", summary.version),
        ],
        "meanings": meanings,
        "verdicts": list(rows.verdicts),
        "rows": rows,
        "table": table,
        "packed": map(mark_whole, rows.packed.packed()),
        "commands": commands,
        "sums": sums,
    }
    render(folder, REPORT, "work.html", view)
    folder.write(SUMMARY, summary.as_text())
