"""Completeness: what the source counts of its issues, beside what the file has of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from importer.check.examine import RowRun
from importer.mapping.model import MappingModel
from importer.phrases import counted
from importer.records import Act, Addition
from importer.row.issue import Issue
from importer.sources.paging import Pages

ISSUES, COMMENTS, ATTACHMENTS, EVIDENCE, ASSIGNMENTS = "issues", "comments", "attachments", "evidence", "assignments"
OTHER_PAGES = "give all pages to one command, or accept it in the mapping: `input: {partial: expected}`"
_READ_ON = "see `Comments and the rest of the issue` in mappings/README.md"


class Completeness:
    """Counts what rows that are sent, or are in Triage, have: comments and attachments, as counted by the source and as
    found, and evidence; and records that the source says it has beyond those of the file.

    `in_file` of attachments is known to the column coverage.
    """

    def __init__(self, mapping: MappingModel, *, beside: bool) -> None:
        sources = [] if mapping.comments is None else mapping.comments.from_
        has_table = any(source.beside is not None and not source.beside.in_ for source in sources)
        self._may_join = has_table and not beside
        self._says = Counter[str]()
        self._has = Counter[str]()
        self._planned = Counter[str]()
        self._absent = self._issues = 0  # comments that the file lacks, and issues that lack any
        self._is_partial = mapping.input.partial == "expected"
        self._left = ""

    def add(self, run: RowRun) -> None:
        for row in run.rows:
            if not row.is_left_out:
                self._count(row.issue)
            if row.additions:
                self._count_planned(row.additions)

    def _count_planned(self, additions: Sequence[Addition]) -> None:
        self._planned[EVIDENCE] += sum(addition.act is Act.EVIDENCE for addition in additions)
        # By the comments' ids, as each part of a long one covers the same.
        covered = {name for addition in additions for name in addition.covers}
        self._planned[COMMENTS] += sum("=" not in name for name in covered)  # some have their content beside it

    def _count(self, issue: Issue) -> None:
        """Count what an issue has, and what the source counts of it."""
        self._has[EVIDENCE] += len(issue.parts.evidence)
        self._has[COMMENTS] += issue.discussed
        for name, number in issue.source_counts.items():
            self._says[name] += number
            if name == COMMENTS and number > issue.discussed:
                self._absent += number - issue.discussed
                self._issues += 1

    def add_pages(self, pages: Pages) -> None:
        """Add what the whole source says of its pages, unless the mapping expects no more of them."""
        if self._is_partial:
            return
        other_pages = pages.left()
        if other_pages is None:
            return
        total, key = other_pages
        self._says[ISSUES] = total
        self._has[ISSUES] = pages.records
        records = counted(pages.records, "record")
        if key:
            self._left = f"the files have {records}, and others follow: see `{key}`"
        else:
            self._left = f"the files have {records} of {total:,} that the source counts"

    def warnings(self, attachments: int) -> list[str]:
        """Say where the source counts more than the file has; `attachments` are those that the file names."""
        warnings = list[str]()
        if self._left:
            warnings.append(f"{self._left}: {OTHER_PAGES}")
        if self._absent:
            remedy = "export them, too"
            if self._may_join:
                remedy = "fetch them from its API and add them with --comments FILE"
            warnings.append(f"{self._describe()}: {remedy}; {_READ_ON}")
        if self._says[ATTACHMENTS] > attachments:
            number = counted(self._says[ATTACHMENTS], "attachment")
            warning = f"the source counts {number}, but the file names {attachments:,}: download them before it ends"
            warnings.append(warning)
        return warnings

    @property
    def refusal(self) -> str:
        reasons = [self._left]
        if self._absent:
            reasons.append(self._describe())
        return "; ".join(filter(None, reasons))

    def _describe(self) -> str:
        comments = counted(self._says[COMMENTS], "comment")
        issues = counted(self._issues, "issue")
        are = "is" if self._absent == 1 else "are"
        return f"the source counts {comments}; {self._absent:,} of them, on {issues}, {are} not in the file"

    def as_json(self, attachments: int, sent_additions: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """The figures, as `counted` of summary.json has them; `sent_additions` are those of COMMENTS and EVIDENCE."""
        has = {**self._has, ATTACHMENTS: attachments}
        counts = dict[str, dict[str, int]]()
        for name in (ISSUES, COMMENTS, ATTACHMENTS, EVIDENCE):
            figures = {
                "source_says": self._says[name],
                "file_has": has.get(name, 0),
                "planned": self._planned[name],
                "sent": sent_additions.get(name, 0),
            }
            if any(figures.values()):
                counts[name] = figures
        return counts
