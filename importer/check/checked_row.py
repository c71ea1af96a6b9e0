"""A row on its way through the check: what it says, then what becomes of it before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.api import ISSUES_PATH
from importer.mapping.edited_tables import content_of
from importer.records import LEFT_OUT, Addition, Finding, Lesson, Occurrence, Operation, Outcome, Row
from importer.row.issue import Issue
from importer.transform.dates import seconds_of

if TYPE_CHECKING:
    from importer.check.duplicates import DuplicateVerdict
    from importer.check.knowledge import LedgerStatus


NO_RESULT = Row(0, "", 0, 0, "", Outcome.PLANNED)


@dataclass(slots=True, eq=False)
class CheckedRow:
    """A row of the source, with all that the check finds out about it.

    What `check.examine` says of it:

    place      its place in the whole input, from 0
    issue      what it says; not used where a rule leaves the row out
    skip       the code of that rule, or ""
    findings   the rules that it violates, in the order of the fields
    body       the JSON of its create, b"" where it can't be sent
    leads      whether it speaks for an issue that several rows may make
    followers  the other rows of that issue
    follows    whether another row speaks for it

    Where issues recur, `check.leaders`:

    occurrence     what it says of the issue, of a row that is left out, too
    is_joined      whether it leads rows of an issue whose first row came earlier, and has the create
    is_withdrawal  whether it leads rows that only withdraw occurrences
    decisive       digest of the row that the severity comes from

    `check.plan`:

    loss         why it is left out, in favour of another row
    status       what the ledger says of it; None where it has nothing to say
    outcome      what becomes of it before anything is sent
    told         the findings that reports show
    notes        findings of change detection on a row that is not passed over, and of comments that were edited
    issue_id     its issue in Triage, "" if there is none
    triage_id    the number of that
    operation    its create or update, None where nothing is sent
    additions    what is still to be added to its issue
    additions_planned  how many additions it has, those that were made before included
    is_reread    whether other comments are read of it than those that its issue has from it
    lesson       what it says of its issue that the ledger doesn't know
    result       the row as the ledger and the reports know it
    """

    place: int
    issue: Issue
    skip: str = ""
    findings: list[Finding] = field(default_factory=list)
    body: bytes = b""
    leads: bool = False
    followers: Sequence[CheckedRow] = ()
    follows: bool = False
    occurrence: Occurrence | None = None
    is_joined: bool = False
    is_withdrawal: bool = False
    decisive: bytes = b""
    loss: DuplicateVerdict | None = None
    status: LedgerStatus | None = None
    outcome: Outcome = Outcome.PLANNED
    told: Sequence[Finding] = ()
    notes: Sequence[Finding] = ()
    issue_id: str = ""
    triage_id: str = ""
    operation: Operation | None = None
    additions: Sequence[Addition] = ()
    is_reread: bool = False
    additions_planned: int = 0
    lesson: Lesson | None = None
    result: Row = NO_RESULT

    @property
    def key(self) -> str:
        """The full key of its issue."""
        return self.issue.key.full

    @property
    def members(self) -> Sequence[CheckedRow]:
        """The rows for which it speaks, itself first."""
        return (self, *self.followers)

    @property
    def is_rejected(self) -> bool:
        """Whether a finding keeps it from being sent."""
        return any(finding.rejects for finding in self.findings)

    @property
    def is_counted(self) -> bool:
        """Whether figures of values and people count it: it can be read, and no rule leaves it out."""
        # Of rows with one key and the same content one counts: the others are not another issue.
        return not self.skip and self.issue.row.defect is None and self.outcome is not Outcome.SKIPPED

    @property
    def is_left_out(self) -> bool:
        """Whether nothing is sent for it."""
        return self.outcome in LEFT_OUT

    @property
    def is_new(self) -> bool:
        """Whether an issue is to be created for it."""
        return self.outcome is Outcome.PLANNED and not self.issue_id

    def lead(self, followers: Sequence[CheckedRow]) -> None:
        """Let it speak for the other rows of its issue."""
        self.leads, self.followers = True, followers
        for follower in followers:
            follower.follows = True

    def make_create(self, *, hashed: bool) -> Operation:
        """Make its create, which may have no body; its `content`, if wanted, hashes all rows of its issue.

        Where issues recur, it hashes the row that the severity comes from: nothing else of them is compared.
        """
        issue = self.issue
        is_single = issue.key.group is None  # rows of one issue may have several dates
        return Operation(
            key=issue.key.full,
            method="POST",
            path=ISSUES_PATH,
            body=self.body,
            marker=issue.key.marker,
            content=(self.decisive or self._hash_members()) if hashed else b"",
            link=issue.footer.link,
            dated=seconds_of(issue.newest),
            fixed_id=issue.key.fixed_id,
            born=seconds_of(issue.created) if is_single else 0.0,
        )

    def hash(self) -> bytes:
        """Make the digest of the row with its corrections."""
        row = self.issue.row
        return hash_content(row.raw, content_of(row.fixes) if row.fixes else "")

    def _hash_members(self) -> bytes:
        if not self.followers:
            return self.hash()
        fixes = "".join(content_of(member.issue.row.fixes) for member in self.members)
        # \x1d between the rows of a group, \x1e before corrections, \x1f between cells: no text should have these.
        whole = hash_content("\x1d".join(raw_text(member.issue.row.raw) for member in self.members), fixes)
        return whole + b"".join(member.hash() for member in self.members)


def hash_content(raw: Sequence[str] | str, fixed: str = "") -> bytes:
    """Hash a row of the source, to tell a changed row from a changed mapping: 8 bytes.

    `fixed` is the text of the corrections in it: a correction that changes is a change of the row.
    """
    text = f"{raw_text(raw)}\x1e{fixed}" if fixed else raw_text(raw)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def raw_text(raw: Sequence[str] | str) -> str:
    """Join the cells of a row as they came; a JSON record is one text already."""
    return raw if isinstance(raw, str) else "\x1f".join(raw)
