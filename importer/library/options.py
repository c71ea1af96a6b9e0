"""The options of the library's functions, which are those of the command line, too: its sections, and who has which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le, Lt

from importer.api import DEFAULT_URL, SeverityName
from importer.errors import UsageError
from importer.library.declared import Section, option
from importer.records import Format
from importer.triage.redaction import Secret

if TYPE_CHECKING:
    from importer.library.targets import Key


LEAST = 10
"""Rows that every share of them allows, but that of 0%."""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """A limit of rows: a number of them, or a percentage of all; `least` are allowed in any case."""

    amount: float
    percent: bool
    least: int = 0

    def __str__(self) -> str:
        least = f", at least {self.least}" if self.least and not self.is_everything else ""
        return (f"{self.amount:.10g}%" if self.percent else f"{self.amount:.10g}") + least

    @classmethod
    def read(cls, value: RowLimit | int | str) -> RowLimit:
        """Read a number of rows or a share of them, `20` or `5%`; a share has a floor, as few rows have no shares.

        Raises ValueError for anything else.
        """
        if isinstance(value, RowLimit):
            return value
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+(?=%))?)(%?)\s*", str(value))
        if found is None or (found[2] and float(found[1]) > 100):
            raise ValueError(f"{value!r} is neither a number of rows nor a share like 5%")
        amount, is_share = float(found[1]), bool(found[2])
        return cls(amount, percent=is_share, least=LEAST if is_share and amount else 0)

    @property
    def is_everything(self) -> bool:
        """Whether it is 100 %."""
        return self.percent and self.amount >= 100

    def is_exceeded(self, rows: int, total: int) -> bool:
        """Whether `rows` of `total` are more than this limit."""
        return rows > max(self.least, self.amount * total / 100 if self.percent else self.amount)


Positive = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
Connections = Annotated[int, Ge(1), Le(256)]
Seconds = Annotated[float, Ge(0), Lt(inf)]
Duration = Annotated[float, Ge(0), Lt(inf), "duration"]
"""Seconds, which are typed as 90s, 10m, 2h or 90d."""
Rate = Annotated[float, Ge(0), Lt(inf), "rate"]
"""Requests a second; 0 is no limit on our side."""
Order = Literal["source", "open-first", "oldest-first"]
OnChange = Literal["report", "update", "overwrite", "skip"]
FailOn = Literal["new", "any"]
# What the words mean to the command line: `cli.options.TYPES`.
File = Annotated[str, "file"]
MappingName = Annotated[str, "mapping"]
Folder = Annotated[Path, "folder"]
NewFile = Annotated[Path, "new-file"]
IssueUrl = Annotated[str, "issue-url"]


# fmt: off
class Reading(Section):
    """How a source is read, and by which mapping."""

    title = "Input"
    mapping: MappingName | None = option("-m", "--mapping", metavar="NAME_OR_PATH",
        help="A preset or a YAML file.  [default: recognised by the columns]")
    source_name: str | None = option("--source-name", metavar="NAME",
        help="Part of every key.  [default: the mapping's]")
    encoding: str | None = option("--encoding", metavar="E",
        help="Needed unless the file is UTF-8, or UTF-16 with a byte order mark.")
    delimiter: str | None = option("--delimiter", metavar="D", help="One character, or `tab`.  [default: detected]")
    skip_lines: Natural | None = option("--skip-lines", metavar="N",
        help="Number of lines above the table.  [default: titles above a header are detected]")
    format: Format | None = option("--format", help="[default: detected]")
    fixes: Path | None = option("--fixes", metavar="FILE", help="Corrected values: a filled-in fixes.csv.")
    comments: tuple[File, ...] = option("--comments", default=(), metavar="FILE",
        help="Separate file of comments, joined by the mapping; may be repeated.")


class Severity(Section):
    """What the source doesn't say."""

    title = "Input"
    severity: SeverityName | None = option("--severity", help="Of the issues whose source says none.")


class Matched(Reading):
    """The same, and who is who."""

    title = "Input"
    users: Path | None = option("--users", metavar="FILE",
        help="Matches people with Triage's users: a filled-in users.csv.")


class Input(Severity, Matched):
    """All of the input."""

    title = "Input"


class Place(Section):
    """Which target."""

    title = "Target"
    sandbox: bool = option("--sandbox", default=False,
        help="Use a local sandbox, started by this command, as the target.")
    api_url: str | None = option("--api-url", also="TRIAGE_API_URL", metavar="URL",
        help=f"The target.  [default: {DEFAULT_URL}]")


class KeyFile(Section):
    """Who asks it."""

    title = "Target"
    api_key_file: Path | None = option("--api-key-file", metavar="FILE", decides=False,
        help="File with the API key.  [default: the key in BLAND_API_KEY]")
    api_key: Secret | None = None

    @property
    def key(self) -> Key:
        """The API key, or the file that has it alone; None takes that of the environment."""
        if self.api_key is None:
            return self.api_key_file
        from importer.triage.target import ApiKey

        return ApiKey(self.api_key, "api_key")


class LedgerFile(Section):
    """Which ledger."""

    title = "Target"
    ledger: File | None = option("--ledger", metavar="PATH|URL", decides=False,
        help="The record of what was sent: a file, or PostgreSQL.")


class Ways(Section):
    """How the target and its ledger are used."""

    title = "Target"
    dry_run: bool = option("-n", "--dry-run", default=False, help="Check against the ledger and send nothing.")
    wait: Duration = option("--wait", default=0.0, metavar="TIME", decides=False,
        help="How long to wait if the ledger or source is in use: 90s, 10m, 2h.  [default: no wait]")


class Paced(Section):
    """How fast."""

    title = "Sending and limits"
    rate: Rate | None = option("--rate", metavar="N", decides=False,
        help="Requests a second, at least 0.01; 0 for no limit on our side.  [default: 5; with --sandbox: 0]")


class Concurrency(Paced):
    """How fast, and how many at a time."""

    title = "Sending and limits"
    concurrency: Connections = option("--concurrency", default=8, show_default=True, metavar="N", decides=False,
        help="Maximum requests at a time.")


class Expected(Section):
    """Whose key it must be."""

    title = "Sending and limits"
    expect_org: str | None = option("--expect-org", metavar="ID", decides=False,
        help="Send nothing unless the API key belongs to this organisation.")

    def check_expected(self) -> None:
        """Raise UsageError for an organisation that isn't named after all."""
        if self.expect_org == "":
            raise UsageError("--expect-org is empty.", hint="Perhaps a variable is not set: --expect-org ID")


class Sending(Expected):
    """How it is sent, and what stops it."""

    title = "Sending and limits"
    settle_seconds: Seconds = option("--settle-seconds", default=30.0, show_default=True, metavar="N", decides=False,
        help="How long to wait for an issue with an unknown outcome to appear before it is sent again.")
    max_rejected: RowLimit | None = option("--max-rejected", metavar="N|N%",
        help="Send nothing if more rows than this would be rejected.  [default with --yes: 5%, at least 10]")
    max_changes: RowLimit | None = option("--max-changes", metavar="N|N%", variable=False,
        help="Send nothing if more issues than this would change, or if rows look like another site's or have "
        "new keys; 100% turns this off.  [default: 10%, at least 20; on a terminal you are asked]")
    max_errors: Natural = option("--max-errors", default=100, show_default=True, metavar="N", decides=False,
        help="Stop when Triage has refused more rows than this; 0 for no limit.")
    no_canary: bool = option("--no-canary", default=False, variable=False, configurable=False, decides=False,
        help="Don't send a canary (a few issues, which are read back before the rest) to a new target.")
    order: Order = option("--order", default="source", show_default=True, decides=False,
        help="Which issues to send first. Triage lists recently changed issues "
        "first, so `open-first` puts open work at the bottom of its list.")
    max_duration: Duration | None = option("--max-duration", metavar="TIME", decides=False,
        help="Stop sending after this time, such as 6h or 90m; the same command continues.")


class Changes(Section):
    """What happens to issues that are there."""

    title = "Issues already in Triage"
    on_change: OnChange = option("--on-change", default="report", show_default=True,
        help="What to do with issues whose row has changed.")
    fields: str | None = option("--fields", metavar="NAME,...",
        help="Only these fields count as changed.  [default: all]")
    accept_missing: tuple[str, ...] = option("--accept-missing", default=(), metavar="NAME", variable=False,
        configurable=False,
        help="Go on without this column, which the last run of the source had; may be repeated.")
    empty: tuple[str, ...] = option("--empty", default=(), metavar="FIELD", variable=False, configurable=False,
        help="Empty this field, or line of the footer, where the source has it no more; may be repeated.")
    accept_mapping_change: bool = option("--accept-mapping-change", default=False, variable=False, configurable=False,
        help="Also update issues for which only the mapping has changed.")


class Nightly(Section):
    """What a schedule refuses."""

    title = "Scheduled imports"
    min_rows: Natural | None = option("--min-rows", metavar="N",
        help="Send nothing if the source has fewer rows than this.  [default: 0, but not without rows]")
    max_source_age: Duration | None = option("--max-source-age", metavar="TIME",
        help="Send nothing if the source's newest date, or its files, are older: 36h.  [default: any age]")
    max_file_age: Duration | None = option("--max-file-age", metavar="TIME",
        help="Send nothing if the source's files are older, whatever dates are in them: 36h.  [default: any age]")
    fail_on: FailOn | None = option("--fail-on",
        help="Which rejected rows cause exit code 1: any, or only those not rejected for the same reason "
        "in the last run.  [default with --yes: new]")


class Selection(Section):
    """Which rows, and what is said of them."""

    title = "Selection and output"
    strict: bool = option("--strict", default=False,
        help="Refuse if a column that the mapping doesn't name under `drop` would be lost, or if the source counts "
        "comments or issues that the files don't have.")
    limit: Positive | None = option("--limit", metavar="N", help="Only the first N rows.")
    only: File | None = option("--only", metavar="KEY,...|FILE",
        help="Only these keys: a list, or a file with one per line.")
    show: str | None = option("--show", metavar="KEY,...",
        help="The issues that report.html shows before and after.  [default: five]")


class Out(Section):
    """Where the reports go."""

    title = "Selection and output"
    out: Folder | None = option("--out", metavar="DIR", decides=False, help="Folder for the reports.")


class IssueUrls(Section):
    """Where a person looks at an issue."""

    title = "Selection and output"
    issue_url: IssueUrl | None = option("--issue-url", also="TRIAGE_ISSUE_URL", metavar="URL", decides=False,
        help="Web address of an issue, with {number} or {id} in it, so that reports link to issues.")


class Back(Section):
    """How far back."""

    title = "What is done"
    close: bool = option("--close", default=False, variable=False, configurable=False,
        help="Close created issues (recommended): they count as imported.")
    delete: bool = option("--delete", default=False, variable=False, configurable=False,
        help="Delete created issues permanently; their keys can be imported again.")
    expect: Natural | None = option("--expect", metavar="N", variable=False, configurable=False,
        help="Do nothing unless this many issues are affected.")
# fmt: on


class ValidateOptions(Input, Selection, Out):
    """The options of `validate`."""


class VerifyOptions(KeyFile, LedgerFile, Paced, Out, IssueUrls):
    """The options of `verify`."""


class ChangeOptions(KeyFile, LedgerFile, Concurrency, Out):
    """The options of what changes issues that are there; without `apply` the ledger is only read."""

    apply: bool = False


class UndoOptions(Back, ChangeOptions):
    """The options of `undo`."""
