"""The options of `triage-import run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from importer.cli.declared import Section, option
from importer.cli.deliveries import EACH_ONCE, NEWEST
from importer.cli.numbers import DurationType, FiniteRange, RowLimitType
from importer.cli.options import Input, Json, Out, Selection, Workers
from importer.cli.person import arguments_of
from importer.cli.target_options import Concurrency, IssueUrls, KeyFile, LedgerFile, Place
from importer.errors import UsageError
from importer.library.row_limit import RowLimit

if TYPE_CHECKING:
    from importer.load.context import Order


# fmt: off
@dataclass(frozen=True)
class Ways(Section):
    """How the target and its ledger are used."""

    title = "Target"
    dry_run: bool = option("-n", "--dry-run", is_flag=True, help="Check against the ledger and send nothing.")
    wait_seconds: float = option("--wait", type=DurationType(), default=0.0, metavar="TIME", decides=False,
        help="How long to wait if the ledger or source is in use: 90s, 10m, 2h.  [default: no wait]")


@dataclass(frozen=True)
class Sending(Section):
    """How it is sent, and what stops it."""

    title = "Sending and limits"
    settle_seconds: float = option("--settle-seconds", type=FiniteRange(min=0), default=30.0, show_default=True,
        metavar="N", decides=False,
        help="How long to wait for an issue with an unknown outcome to appear before it is sent again.")
    max_rejected: RowLimit | None = option("--max-rejected", type=RowLimitType(), metavar="N|N%",
        help="Send nothing if more rows than this would be rejected.  [default with --yes: 5%]")
    max_changes: RowLimit | None = option("--max-changes", type=RowLimitType(), metavar="N|N%", variable=False,
        help="Send nothing if more issues than this would change, or if rows look like another site's or have "
        "new keys; 100% turns this off.  [default: 10%, at least 20; on a terminal you are asked]")
    max_errors: int = option("--max-errors", type=click.IntRange(min=0), default=100, show_default=True, metavar="N",
        decides=False, help="Stop when Triage has refused more rows than this; 0 for no limit.")
    no_canary: bool = option("--no-canary", is_flag=True, variable=False, configurable=False, decides=False,
        help="Don't send a canary (a few issues, which are read back before the rest) to a new target.")
    order: Order = option("--order", type=click.Choice(["source", "open-first", "oldest-first"]), default="source",
        show_default=True, decides=False,
        help="Which issues to send first. Triage lists recently changed issues "
        "first, so `open-first` puts open work at the bottom of its list.")
    max_duration: float | None = option("--max-duration", type=DurationType(), metavar="TIME", decides=False,
        help="Stop sending after this time, such as 6h or 90m; the same command continues.")
    expect_org: str | None = option("--expect-org", metavar="ID", decides=False,
        help="Send nothing unless the API key belongs to this organisation.")
    yes: bool = option("--yes", is_flag=True, variable=False, configurable=False, help="Don't ask, for scripts.")


@dataclass(frozen=True)
class Changes(Section):
    """What happens to issues that are there."""

    title = "Issues already in Triage"
    on_change: str = option("--on-change", type=click.Choice(["report", "update", "overwrite", "skip"]),
        default="report", show_default=True, help="What to do with issues whose row has changed.")
    fields: str | None = option("--fields", metavar="NAME,...",
        help="Only these fields count as changed.  [default: all]")
    accept_missing: tuple[str, ...] = option("--accept-missing", multiple=True, metavar="NAME", variable=False,
        configurable=False,
        help="Go on without this column, which the last run of the source had; may be repeated.")
    accept_mapping_change: bool = option("--accept-mapping-change", is_flag=True, variable=False, configurable=False,
        help="Also update issues for which only the mapping has changed.")


@dataclass(frozen=True)
class Nightly(Section):
    """What a schedule refuses, and what it says."""

    title = "Scheduled imports"
    min_rows: int = option("--min-rows", type=click.IntRange(min=0), default=0, metavar="N",
        help="Send nothing if the source has fewer rows than this.")
    max_source_age: float | None = option("--max-source-age", type=DurationType(), metavar="TIME",
        help="Send nothing if the source's newest date, or its files, are older: 36h.  [default: any age]")
    fail_on: str | None = option("--fail-on", type=click.Choice(["new", "any"]),
        help="Which rejected rows cause exit code 1: any, or only those not rejected for the same reason "
        "in the last run.  [default with --yes: new]")
    quiet: bool = option("-q", "--quiet", is_flag=True, decides=False,
        help="Print nothing as long as nobody is needed.")
    files: str = option("--files", type=click.Choice(["together", EACH_ONCE, NEWEST]), default="together",
        show_default=True, help="Whether the files are one source, or are imported each once, the oldest first: then "
        f"a newer one waits for an older one that isn't in yet, or with `{NEWEST}` doesn't.")
    log_file: Path | None = option("--log-file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
        decides=False, help="Also write a log of JSON lines, rotated at 10 MB.")
    metrics_file: Path | None = option("--metrics-file", type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE", decides=False, help="Write figures for node_exporter's textfile collector.")
# fmt: on


@dataclass(frozen=True)
class RunOptions(
    Input, Workers, Place, KeyFile, LedgerFile, Ways, Concurrency, Sending, Changes, Nightly, Selection, Out, Json,
    IssueUrls,
):  # fmt: skip
    """The options of `run`."""

    def __post_init__(self) -> None:
        """Raise UsageError for options that exclude each other."""
        if self.sandbox and _source_of("api_url") is ParameterSource.COMMANDLINE:
            raise UsageError("--sandbox and --api-url can't be used together.", hint="Take one of them.")
        if self.quiet and self.asks:
            raise UsageError("-q shows no question.", hint="Add --yes, or leave -q out.")
        if self.metrics_file is not None:
            from importer.report.metrics import find_client

            find_client()

    @property
    def asks(self) -> bool:
        """Whether a person is asked before anything is sent."""
        return not (self.sandbox or self.yes or self.dry_run)

    @property
    def key_command(self) -> list[str]:
        """The words of the configuration's command that prints the API key. Raises UsageError if it isn't safe."""
        found, _, given = click.get_current_context().find_root().obj or (None, "", {})
        return found.key_command(given) if found is not None else []

    def arguments(self) -> dict[str, Any]:
        """The arguments of `importer.run`; `min_rows` only where somebody has said it, and not by default."""
        given = arguments_of(self)
        if _source_of("min_rows") is ParameterSource.DEFAULT:
            del given["min_rows"]
        if self.sandbox:  # the variable is meant for what goes to Triage
            given.pop("api_url", None)
        return given | ({"fail_on": self.fail_on or "new"} if self.yes else {})


def _source_of(option: str) -> ParameterSource | None:
    """Where the value of an option is from: the command line, its variable, the configuration, or its default."""
    return click.get_current_context().get_parameter_source(option)
