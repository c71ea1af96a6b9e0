"""The options of an import, and what they decide: whether a person is asked, and what is not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.codes import KEY_RESPELLED
from importer.errors import ImporterError, LimitPassed, Unusable, UsageError
from importer.library.declared import deciding
from importer.library.options import (
    Changes,
    Concurrency,
    Input,
    IssueUrls,
    KeyFile,
    LedgerFile,
    Nightly,
    Out,
    Place,
    RowLimit,
    Selection,
    Sending,
    Ways,
)
from importer.library.shortage import check_connections
from importer.library.targets import choose_rate, target_name
from importer.phrases import counted, listed
from importer.records import Outcome

if TYPE_CHECKING:
    from importer.check.check_pass import Checked
    from importer.check.knowledge import ChangePolicy
    from importer.load.context import Settings

DEFAULT_MAX_REJECTED = RowLimit.read("5%")
DEFAULT_MAX_CHANGES = RowLimit(10, percent=True, least=20)
CAUSES_SHOWN = 3


class RunOptions(
    Input, Place, KeyFile, LedgerFile, Ways, Concurrency, Sending, Changes, Nightly, Selection, Out, IssueUrls
):
    """The options of `run`; `asks` is whether a person is asked before anything is sent."""

    asks: bool = True

    def check(self) -> None:
        """Raise UsageError for options that exclude each other."""
        self.check_expected()
        if self.sandbox and self.api_url:
            raise UsageError("--sandbox and --api-url can't be used together.", hint="Take one of them.")
        check_connections(self.concurrency * (2 if self.sandbox else 1))  # a sandbox has their other ends
        self.changes()

    @property
    def may_be_empty(self) -> bool:
        """Whether a source without rows is one: where somebody has said so, and not only by default."""
        return self.min_rows == 0

    @property
    def chosen_rate(self) -> float:
        """The rate that was given, else the default of the target, see `choose_rate`."""
        return choose_rate(self.rate, target_name(self.sandbox, self.api_url))

    @property
    def rejected_limit(self) -> RowLimit | None:
        """How many rejected rows are allowed; None is any number: a person who is asked sees how many there are."""
        return self.max_rejected or (None if self.asks or self.sandbox else DEFAULT_MAX_REJECTED)

    def doubts(self, checked: Checked) -> list[str]:
        """Say why the rows are not believed, see `check.observers.drift`; nothing with `--max-changes 100%`."""
        limit = self.max_changes or DEFAULT_MAX_CHANGES
        return [] if limit.is_everything else checked.drift.doubts(limit)

    def refusal(self, checked: Checked) -> ImporterError | None:
        """Return why nothing may be sent for want of columns, or by `--strict` and `--max-changes`, or None.

        Without `--max-changes` a person who is asked sees the doubts beside the question.
        """
        if refusal := checked.held.refusal(self.accept_missing) or (checked.refusal if self.strict else ""):
            return Unusable(refusal)
        believes = self.asks and self.max_changes is None
        doubts = [] if believes else self.doubts(checked)
        return LimitPassed(doubts[0]) if doubts else None

    def refusal_to_send(self, checked: Checked) -> ImporterError | None:
        """Return the same, and by `--max-rejected`, too."""
        if refusal := self.refusal(checked):
            return refusal
        from importer.check.observers.causes import Weight

        limit, meant = self.rejected_limit, checked.tally.rows - checked.tally.outcomes[Outcome.SKIPPED]
        held = checked.tally.causes.kinds(Weight.HELD)
        waits_alone = checked.criteria.excused + sum(cause.rows for cause in held if cause.code == KEY_RESPELLED)
        if limit is None or not limit.is_exceeded(checked.rejected - waits_alone, meant):
            return None
        causes = [f"{cause.rows:,} × {cause.code}" for cause in held]
        return LimitPassed(
            f"{checked.rejected:,} of {counted(meant, 'row')} would be rejected, and --max-rejected allows {limit}: "
            f"{listed(causes, CAUSES_SHOWN)}.\n"
            "Resolve these, or send the other rows with a higher --max-rejected (up to 100%)."
        )

    def changes(self) -> ChangePolicy:
        """Make the policy for changed rows. Raises UsageError for a name in `--fields` that is no field."""
        from importer.check.knowledge import ChangePolicy, OnChange, read_fields
        from importer.mapping.model import fold

        let_go = frozenset(map(fold, self.empty))
        return ChangePolicy(
            OnChange(self.on_change), read_fields(self.fields), self.accept_mapping_change, let_go=let_go
        )

    def settings(self) -> Settings:
        """Make the settings of the import. Raises UsageError as `changes`."""
        from importer.load.context import FailOn, Settings

        return Settings(
            self.chosen_rate,
            self.concurrency,
            self.max_errors,
            self.settle_seconds,
            self.changes(),
            self.min_rows or 0,
            FailOn(self.fail_on or ("any" if self.asks or self.sandbox else "new")),
            self.expect_org or "",
            self.order,
            self.max_duration,
            check_users=not self.sandbox,
            canary=not (self.sandbox or self.no_canary),
            deciding=deciding(self),
        )
