"""What a check asks a ledger, and the answers where there is none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from importer.records import AlreadyAdded, Finding, Operation, Outcome


class NoLedger:
    """What there is to know without a ledger; it implements `examine.Knows`."""

    def __call__(self, operations: Iterable[Operation]) -> Mapping[str, LedgerStatus]:
        """No row was sent."""
        return {}

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        """Nothing was added."""
        return {}

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        """No issue is there."""
        return ()


know_nothing = NoLedger()


HAD_NOTHING = AlreadyAdded()


class LedgerStatus(NamedTuple):
    """What the ledger makes of a row that could be sent: its outcome, what there is to say, and how to change it.

    `issue_id` and `triage_id` are those of the key's issue, if it has one; `takes` says whether more may be added.
    """

    outcome: Outcome
    finding: Finding | None = None
    change: Operation | None = None
    issue_id: str = ""
    triage_id: str = ""
    takes: bool = True


Ask = Callable[[Iterable[Operation]], Mapping[str, LedgerStatus]]
"""Asks a ledger about creates, by key; keys of which there is nothing to say are absent: they are created."""


class Knows(Protocol):
    """What a ledger knows of a source: of its rows, of what was added to their issues, and of other keys."""

    def __call__(self, operations: Iterable[Operation]) -> Mapping[str, LedgerStatus]:
        """See Ask."""

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        """See AskHad."""

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        """Say which of these keys have an issue in Triage."""


AskHad = Callable[[Iterable[str]], Mapping[str, AlreadyAdded]]
"""Asks a ledger what was added to the issues of these keys, by key; those without anything are absent."""


def had_nothing(keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
    """What was added to issues, as far as anybody knows without a ledger."""
    return {}
