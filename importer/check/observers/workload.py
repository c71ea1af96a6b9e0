"""The workload: how many requests an import takes, counted by operation, and how folding comments would change it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from math import ceil

from importer.api import FINISHED, PAGE_LIMIT
from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.check.relation_targets import SendableLinks
from importer.mapping.issue_parts import Bundling
from importer.records import NEVER_TWICE, Act, AlreadyAdded, IssueParts
from importer.transform.addition_plan import Due, plan_comments
from importer.transform.comment_texts import count_parts

REQUESTS = {Act.UPDATE: 2, Act.REFER: 2, Act.RECALL: 0}
"""Requests of operations that don't take one: an issue is read before it is changed; a recall rarely reads anything."""
READ_FIRST = tuple(act for act in NEVER_TWICE if act is not Act.RELATION)
"""Additions before which their list is read; of relations most are left, as their other issue isn't in Triage yet."""
WAYS: tuple[Bundling, ...] = ("separate", "fold")
OPEN, CLOSED = "open", "closed"


@dataclass
class Workload:
    """The operations of a send pass, and how many comments it would send with another bundling.

    open, closed  the bundling that the mapping has for the comments of open and of closed issues
    operations    by what they do
    comments      (`open` or `closed` issue, bundling) → comments that would be sent
    lists         lists of issues from earlier runs, each read before something is added that must not be there twice
    """

    open: Bundling = "separate"
    closed: Bundling = "separate"
    operations: Counter[Act] = field(default_factory=Counter)
    comments: Counter[tuple[str, Bundling]] = field(default_factory=Counter)
    lists: int = 0

    @property
    def requests(self) -> int:
        """Requests of all operations, if each is sent once, and of the looks before and after them."""
        return self.looks + sum(number * REQUESTS.get(act, 1) for act, number in self.operations.items())

    @property
    def looks(self) -> int:
        """Requests that change nothing, if nobody else makes issues or comments: what is in Triage isn't known."""
        return self._scans + self.lists

    @property
    def _scans(self) -> int:
        return 1 + ceil(self.operations[Act.CREATE] / PAGE_LIMIT) if self.operations[Act.CREATE] else 0

    @property
    def issues(self) -> int:
        """Requests of creates and updates, and of discovery and the closing scan."""
        return self._scans + sum(self.operations[act] * REQUESTS.get(act, 1) for act in (Act.CREATE, Act.UPDATE))

    @property
    def discussion(self) -> int:
        return self.comments[OPEN, self.open] + self.comments[CLOSED, self.closed]

    def as_json(self) -> dict[str, int]:
        figures = {str(act): number for act, number in self.operations.items() if number}
        if self.looks:
            figures["looks"] = self.looks
        return {**figures, "requests": self.requests}

    def choices(self) -> list[tuple[Bundling, Bundling, int]]:
        """Other bundlings that need another number of requests: of open issues, of closed ones, requests in all."""
        requests = self.requests
        without_comments = requests - self.discussion
        choices = []
        for open_, closed in product(WAYS, WAYS):
            if (open_, closed) in ((self.open, self.closed), ("fold", "separate")):
                continue
            number = without_comments + self.comments[OPEN, open_] + self.comments[CLOSED, closed]
            if number != requests:
                choices.append((open_, closed, number))
        return choices

    def add(self, run: RowRun) -> None:
        for row in run.rows:
            if row.operation is not None:
                self.operations[row.operation.act] += 1
            if row.additions:
                self._add_additions(row)

    def _add_additions(self, row: CheckedRow) -> None:
        """Count what is added to a row's issue."""
        acts = Counter([addition.act for addition in row.additions])
        if row.is_new:
            acts[Act.EVIDENCE] = 0  # it is part of the create
        else:
            self.lists += sum(acts[act] > 0 for act in READ_FIRST)
        acts[Act.RELATION] = acts[Act.REFER] = 0  # these are counted at the end
        self.operations += acts
        if row.issue.parts.comments:
            self._count_ways(row)

    def _count_ways(self, row: CheckedRow) -> None:
        """Count the comments still to be sent in either bundling; one alone takes as many requests in both."""
        state = CLOSED if row.issue.status in FINISHED else OPEN
        names = {name: addition.name for addition in row.additions for name in addition.covers}
        unsent = [comment for comment in row.issue.parts.comments if comment.id in names]
        for way in WAYS if unsent else ():
            if len(unsent) == 1:
                self.comments[state, way] += count_parts(names[unsent[0].id])
            else:
                parts = IssueParts(comments=tuple(unsent))
                self.comments[state, way] += sum(1 for _ in plan_comments(Due("", parts, way, AlreadyAdded())))

    def count_links(self, links: SendableLinks) -> None:
        """Add the relations and references that can be sent, once all rows are read."""
        self.operations[Act.RELATION] = links.relations
        self.operations[Act.REFER] = links.refers
