"""What a check asks the ledger of a source's keys, and what it is to do about rows that have changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from importer.api import ISSUE_FIELDS, PATCHABLE_FIELDS, SEVERITIES
from importer.check.held import NOTHING_EMPTIED, Held, RowAbsence
from importer.errors import UsageError
from importer.mapping.model import MappingModel
from importer.records import AlreadyAdded, Finding, Operation, Outcome, Row


class OnChange(StrEnum):
    """What happens to an issue whose row has changed since it was sent."""

    REPORT = "report"
    UPDATE = "update"
    OVERWRITE = "overwrite"
    SKIP = "skip"


@dataclass(frozen=True)
class ChangePolicy:
    """What to do about changed rows.

    on_change       what happens to their issues
    fields          the only fields that are compared
    accept_mapping  whether issues are updated of which only the mapping changed, and not the row
    let_go          names of values that are emptied where the source has them no more, in small letters
    recurring       of issues that recur: whether their severity is raised or kept; nothing else is written
    """

    on_change: OnChange = OnChange.REPORT
    fields: frozenset[str] = frozenset(ISSUE_FIELDS)
    accept_mapping: bool = False
    recurring: Literal["", "raise", "keep"] = ""
    let_go: frozenset[str] = frozenset()

    @property
    def writes(self) -> bool:
        """Whether changed issues are updated."""
        return self.on_change in (OnChange.UPDATE, OnChange.OVERWRITE) or self.recurring != ""

    def limit(self, ours: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes that count: of an issue that recurs a worse severity than the one that we last sent."""
        if not self.recurring:
            return dict(changes)
        known, new = ours.get("severity"), changes.get("severity")
        is_worse = new is not None and known in SEVERITIES and SEVERITIES.index(new) < SEVERITIES.index(known)
        return {"severity": new} if is_worse and self.recurring == "raise" else {}


def policy_of(changes: ChangePolicy, mapping: MappingModel) -> ChangePolicy:
    """Complete what is to be done about changed rows with what the mapping says of issues that recur."""
    return changes if mapping.recurring is None else replace(changes, recurring=mapping.recurring.severity)


def read_fields(names: str | None) -> frozenset[str]:
    """Read `--fields`. Raises UsageError for a name that is no field."""
    if names is None:
        return frozenset(ISSUE_FIELDS)
    return frozenset(parse_fields(names, PATCHABLE_FIELDS, "changed", "."))


def parse_fields(names: str, known: Sequence[str], can_be: str, beside: str) -> tuple[str, ...]:
    """Parse field names with commas between them; `beside` ends the sentence that lists the known ones.

    Raises UsageError if one isn't known, or there is none.
    """
    fields = tuple(name.strip() for name in names.split(",") if name.strip())
    unknown = sorted(set(fields).difference(known))
    if unknown or not fields:
        raise UsageError(
            f"--fields {names}: there is no field {', '.join(unknown) or 'in it'} that can be {can_be}.",
            hint=f"Fields are {', '.join(known)}{beside}",
        )
    return fields


class Difference(NamedTuple):
    """How a row, and not only its mapping, differs from what was last sent for its issue.

    fields      field → (what was sent, what the row says now); of a description that was sent, its digest
    written     the fields that an update would write
    is_newer    whether the source dates the row later than what was sent
    is_certain  whether it is certain which issue the row is, whatever its title says
    """

    fields: Mapping[str, tuple[Any, Any]]
    written: Sequence[str] = ()
    is_certain: bool = False
    is_newer: bool = False


class KnownIssue(NamedTuple):
    """A key that has an issue, with the digest of its row, b"" if that isn't known, and the title that was sent."""

    key: str
    content: bytes
    title: str


class KnownSample(NamedTuple):
    """Every `step`-th of the `total` keys of a source that have an issue."""

    total: int
    step: int
    issues: Sequence[KnownIssue]


class LedgerStatus(NamedTuple):
    """How a row that could be sent stands in the ledger: its outcome, what there is to say, and how to change it.

    `issue_id` and `triage_id` are those of the key's issue, if it has one, and `attempts` the requests that its create
    took; `takes_additions` says whether more may be added, and `differs` how the row has changed, if it has. `content`
    is the digest of the row that the issue stands for, and `moved` what goes on in comments of the description, as the
    target keeps less of it. `fixed_id` and `born` are what is known of the issue, see `Operation`. `held` are values
    that stay although the row has none, and `emptied` those that the row takes away: name → what is stored of it.
    """

    outcome: Outcome
    finding: Finding | None = None
    change: Operation | None = None
    issue_id: str = ""
    triage_id: str = ""
    takes_additions: bool = True
    differs: Difference | None = None
    attempts: int = 0
    content: bytes = b""
    moved: Sequence[str] = ()
    fixed_id: str = ""
    born: float = 0.0
    held: Sequence[Held] = ()
    emptied: Mapping[str, object] = NOTHING_EMPTIED


Create = Callable[[str], Operation]
"""Makes the create of a key."""
FindAbsence = Callable[[str], RowAbsence | None]
"""Says what is to be known of a key's row to judge what it lacks."""


def find_no_absence(_: str) -> None:
    """Nothing is lacking."""


class Knows:
    """What a ledger knows of a source: of its rows, of what was added to their issues, and of other keys.

    As it stands here it knows nothing.
    """

    @property
    def moves(self) -> Mapping[str, str]:
        """The new keys of issues that the source has moved, as far as rows were asked for → their first keys."""
        return {}

    def __call__(
        self, bodies: Iterable[tuple[str, bytes]], create: Create, find_absence: FindAbsence = find_no_absence
    ) -> Mapping[str, LedgerStatus]:
        """Say how rows stand, by key; those of which there is nothing to say are absent: they are created.

        `bodies` are their keys and bodies; where more is to be known of a row, `create` makes its operation, and
        `find_absence` says what it lacks. A row that only withdraws an occurrence has an empty body: of its issue, only
        what is known is asked.
        """
        return {}

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        """Say what was added to the issues of these keys, by key; keys without anything are absent."""
        return {}

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        """Say which of these keys have an issue in Triage."""
        return ()

    def elsewhere(self, keys: Collection[str]) -> Mapping[str, int]:
        """Say how many other sources in the target have an issue of each of these keys, if any."""
        return {}

    def find_corrected(self, row: Row) -> LedgerStatus | None:
        """Say how a rejected row stands that is as it was, and whose issue is from a corrected row; None otherwise."""
        return None

    def sample(self) -> KnownSample:
        """Give some of the keys that have an issue, and how many there are."""
        return KnownSample(0, 1, ())

    def all_keys(self) -> Iterator[Sequence[str]]:
        """Yield all keys that have an issue, and perhaps others that were to get one, some at a time."""
        return iter(())

    def count_stored(self, scope: str, name: str) -> int:
        """Count the issues of a scope, see `scopes_of`, that have a value of this name."""
        return 0

    def issues(self, keys: Iterable[str]) -> Iterable[KnownIssue]:
        """Give those of these keys that have an issue."""
        return ()

    def in_other_sources(self, native_keys: Collection[str]) -> Iterable[tuple[str, Iterable[KnownIssue]]]:
        """Give the issues of these keys of the tracker in each other source in the target, with its name."""
        return ()

    def count_issues(self, source_name: str) -> int:
        """Count the issues of a source in the target."""
        return 0


class NoLedger(Knows):
    """Knows of no row, no addition and no issue: a check without a ledger."""
