"""report.html of what is done about a run: `verify`, `repair` and `undo`, issue by issue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from importer.phrases import counted, format_duration
from importer.report.folder import ReportFolder
from importer.report.issue_urls import NO_URL, IssueUrl
from importer.report.page import REPORT
from importer.report.page_rows import CUT, FindTitles, PackedRows
from importer.report.rendering import lay_out_bar, mark_whole, render

BLOCK = 1000
Line = TypeVar("Line")


@dataclass(frozen=True)
class Judged:
    """An issue, the verdict on it, and what differs."""

    key: str
    triage_id: str
    verdict: str
    reason: str = ""
    issue_id: str = ""


@dataclass
class WorkRows:
    """Takes lines of a report as they pass; `verdicts` counts them in the order in which they are shown.

    With a `url` each line has the address of its issue behind it.
    """

    find_titles: FindTitles
    url: IssueUrl = NO_URL
    verdicts: Counter[str] = field(default_factory=Counter)
    packed: PackedRows = field(default_factory=PackedRows)
    left_out: int = 0

    def add(self, issues: Sequence[Judged]) -> None:
        """Add issues."""
        first = self.verdicts.total() + 1
        self.verdicts.update(issue.verdict for issue in issues)
        shown = issues[: self.packed.left]
        self.left_out += len(issues) - len(shown)
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

    def watch(self, lines: Iterable[Line], judge: Callable[[Line], Judged]) -> Iterator[Line]:
        """Pass lines on, and take what `judge` makes of them."""
        remaining = iter(lines)
        while block := list(islice(remaining, BLOCK)):
            self.add([judge(line) for line in block])
            yield from block


@dataclass(frozen=True)
class Work:
    """What was done about a run.

    name      a heading: `Verification of RUN`
    verdict   what was found, in a sentence
    table     the report that has all lines
    meanings  verdict → its meaning
    stopped   why it ended early, or ""
    commands  what to type next: why, and the command
    sums      kind → how many were sent, and how many of these are in Triage; {} where that wasn't looked at
    """

    name: str
    verdict: str
    table: str
    meanings: Mapping[str, str]
    target: str
    source_name: str
    requests: int
    seconds: float
    version: str
    stopped: str = ""
    commands: Sequence[tuple[str, str]] = ()
    sums: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def write_work_page(folder: ReportFolder, work: Work, rows: WorkRows) -> None:
    """Write report.html.

    Raises:
        StorageFull: it can't be written.
    """
    view = {
        "name": work.name,
        "verdict": work.verdict,
        "stopped": work.stopped,
        "bar": lay_out_bar(rows.verdicts),
        "total": rows.verdicts.total(),
        "noun": "line",
        "whole": True,
        "facts": [
            ("Source", work.source_name),
            ("Target", work.target),
            ("Requests", counted(work.requests, "request")),
            ("Duration", format_duration(work.seconds)),
            ("triage-import", work.version),
        ],
        "meanings": work.meanings,
        "verdicts": list(rows.verdicts),
        "rows": rows,
        "table": work.table,
        "packed": mark_whole(rows.packed.packed()),
        "commands": work.commands,
        "sums": work.sums,
    }
    render(folder, REPORT, "work.html", view)
