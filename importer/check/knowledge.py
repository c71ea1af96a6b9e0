"""What a check asks the ledger of a source's keys, and the answers where there is no ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from importer.records import AlreadyAdded, Finding, Operation, Outcome


class LedgerStatus(NamedTuple):
    """How a row that could be sent stands in the ledger: its outcome, what there is to say, and how to change it.

    `issue_id` and `triage_id` are those of the key's issue, if it has one; `takes` says whether more may be added.
    """

    outcome: Outcome
    finding: Finding | None = None
    change: Operation | None = None
    issue_id: str = ""
    triage_id: str = ""
    takes: bool = True


class Knows(Protocol):
    """What a ledger knows of a source: of its rows, of what was added to their issues, and of other keys."""

    def __call__(self, operations: Iterable[Operation]) -> Mapping[str, LedgerStatus]:
        """Say how these creates stand, by key; keys of which there is nothing to say are absent: they are created."""

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        """Say what was added to the issues of these keys, by key; keys without anything are absent."""

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        """Say which of these keys have an issue in Triage."""


class NoLedger:
    """Knows of no row, no addition and no issue: a check without a ledger. Implements `Knows`."""

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
