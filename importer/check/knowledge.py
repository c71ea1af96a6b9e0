"""The questions that a check asks a ledger, as a protocol, and the answers where there is no ledger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from importer.records import AlreadyAdded, Finding, Operation, Outcome


class NoLedger:
    """Stands in for a ledger that nothing was ever sent from; it implements `Knows`."""

    def __call__(self, operations: Iterable[Operation]) -> Mapping[str, LedgerStatus]:
        """No row was sent: all are to be created."""
        return {}

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        """Nothing was added."""
        return {}

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        """No key has an issue in Triage."""
        return ()


know_nothing = NoLedger()


HAD_NOTHING = AlreadyAdded()


class LedgerStatus(NamedTuple):
    """The result of comparing a row with the ledger.

    outcome    of the row before sending: planned, unchanged or skipped
    finding    why, if that isn't plain; it never rejects
    change     the update that brings the issue to its row, of a planned row whose issue is in Triage
    issue_id   of the key's issue, or ""
    triage_id  its number, `T-…`
    takes      whether additions may be sent to the issue
    """

    outcome: Outcome
    finding: Finding | None = None
    change: Operation | None = None
    issue_id: str = ""
    triage_id: str = ""
    takes: bool = True


Ask = Callable[[Iterable[Operation]], Mapping[str, LedgerStatus]]
"""Creates → key → status; keys to be created without any remark are absent."""


class Knows(Protocol):
    """Answers what a ledger knows of a source. As a protocol it keeps SQLAlchemy out of a check without a ledger."""

    def __call__(self, operations: Iterable[Operation]) -> Mapping[str, LedgerStatus]:
        """Compare creates with the ledger; see `Ask`."""

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        """Give what was added to the issues of these keys; see `AskHad`."""

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        """Give those of these full keys that have an issue in Triage."""


AskHad = Callable[[Iterable[str]], Mapping[str, AlreadyAdded]]
"""Full keys → key → what was added to its issue; keys without anything are absent."""


def had_nothing(keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
    """Answer `AskHad` without a ledger: nothing was added to any issue."""
    return {}
