"""`triage-import run`: the whole import, or with `--dry-run` its check."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from importer.cli.options import (
    INPUT_OPTIONS,
    SELECT_OPTIONS,
    answers_with_summary,
    open_job,
    sources_argument,
    with_options,
)
from importer.cli.share import FiniteRange, Share, ShareType
from importer.errors import UsageError
from importer.records import Outcome

if TYPE_CHECKING:
    from importer.check import Checked
    from importer.client import ApiKey
    from importer.console import Console
    from importer.examine import Job
    from importer.pipeline import Forecast, Target
    from importer.report import Summary

DEFAULT_URL = "https://api.bland.ai"
DEFAULT_RATE = 5.0
"""The only figure that Bland publishes for an organisation (`org_rate_limit`), without a unit."""
SANDBOX_RATE = 0.0
DEFAULT_MAX_REJECTED = Share(5, percent=True)

TARGET_OPTIONS = (
    click.option("--sandbox", is_flag=True, help="Send to a Triage of your own, which this command starts."),
    click.option("--api-url", envvar="TRIAGE_API_URL", metavar="URL", help=f"The target.  [default: {DEFAULT_URL}]"),
    click.option(
        "--api-key-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Where the API key is; without it BLAND_API_KEY holds it.",
    ),
    click.option("-n", "--dry-run", is_flag=True, help="Check only, against the ledger; send nothing."),
    click.option("--ledger", type=click.Path(path_type=Path), metavar="PATH", help="The memory of what was sent."),
)
SENDING_OPTIONS = (
    click.option("--rate", type=FiniteRange(min=0), metavar="N",
                 help="Requests a second; 0 sets no limit of ours.  [default: 5; with --sandbox: 0]"),
    click.option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True, metavar="N",
                 help="Requests at a time."),
    click.option("--settle-seconds", type=FiniteRange(min=0), default=30.0, show_default=True, metavar="N",
                 help="How long an issue whose fate is unknown may still appear, before it is sent again."),
    click.option("--max-rejected", type=ShareType(), metavar="N|N%",
                 help="Send nothing if more rows would be rejected.  [default with --yes: 5%]"),
    click.option("--max-errors", type=click.IntRange(min=0), default=100, show_default=True, metavar="N",
                 help="Stop when Triage has refused more rows than this; 0 never stops."),
    click.option("--yes", is_flag=True, help="Ask nothing: for scripts."),
)  # fmt: skip
CHANGE_OPTIONS = (
    click.option("--on-change", type=click.Choice(["report", "update", "overwrite", "skip"]), default="report",
                 show_default=True, help="What happens to an issue whose row has changed since it was sent."),
    click.option("--fields", metavar="NAME,...", help="Only these fields count as changed.  [default: all]"),
    click.option("--accept-mapping-change", is_flag=True,
                 help="Update issues, too, of which only the mapping has changed since."),
)  # fmt: skip


@click.command()
@sources_argument
@with_options(*INPUT_OPTIONS, *TARGET_OPTIONS, *SENDING_OPTIONS, *CHANGE_OPTIONS, *SELECT_OPTIONS)
@answers_with_summary
def run(
    sources: tuple[str, ...],
    sandbox: bool,
    api_url: str | None,
    api_key_file: Path | None,
    dry_run: bool,
    ledger: Path | None,
    rate: float | None,
    concurrency: int,
    settle_seconds: float,
    max_rejected: Share | None,
    max_errors: int,
    on_change: str,
    fields: str | None,
    accept_mapping_change: bool,
    yes: bool,
    out: Path | None,
    **given: Any,
) -> Summary:
    """Import a source: check every row, ask, send what is left, and account for all of it.

    The same command again continues where it stopped, and creates nothing twice. It writes its reports to
    ./triage-import-RUN/.
    """
    if sandbox and _is_typed("api_url"):
        raise UsageError("--sandbox and --api-url are two targets.", hint="Take one of them.")
    asks = not (sandbox or yes or dry_run)
    if asks and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "There is no terminal to ask on before anything is sent.",
            hint="--yes sends without asking, --dry-run sends nothing, --sandbox rehearses.",
        )

    from importer.check import run_check
    from importer.console import Console
    from importer.ledger import default_path, open_ledger, read_ledger
    from importer.pipeline import Settings, run_import
    from importer.standing import ChangePolicy, OnChange, Standings, read_fields

    changes = ChangePolicy(OnChange(on_change), read_fields(fields), accept_mapping_change)
    path = ledger or default_path()
    url = api_url or DEFAULT_URL
    with Console() as console, open_job(sources, **given) as job:
        if dry_run:
            name = target_name(sandbox, url)
            with read_ledger(path) as known:
                console.show_opening(name, path, known.read_facts(name, job.source_name))
                ask = Standings(known, name, job.source_name, changes)
                checked, summary = run_check(job, ask, out, console, target=name)
            console.show_check(job, checked)
        else:
            confirm = make_confirm(console, job, max_rejected, asks=asks, threshold=yes and not sandbox)
            if rate is None:
                rate = SANDBOX_RATE if sandbox else DEFAULT_RATE
            settings = Settings(rate, concurrency, max_errors, settle_seconds, changes)
            with open_ledger(path) as book, open_target(sandbox, url, api_key_file) as target:
                console.show_opening(target.name, path, book.read_facts(target.name, job.source_name))
                summary = run_import(job, target, book, settings, out, console, confirm)
    if summary.run_id:  # a check has said its sum already
        console.show_summary(summary)
    console.show_reports(summary)
    return summary


def _is_typed(option: str) -> bool:
    """Whether an option stands on the command line, rather than in the environment."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def make_confirm(
    console: Console, job: Job, max_rejected: Share | None, *, asks: bool, threshold: bool
) -> Callable[[Checked, Forecast], str]:
    """What decides whether a checked import is sent: `--max-rejected`, then the person."""
    limit = max_rejected or (DEFAULT_MAX_REJECTED if threshold else None)

    def confirm(checked: Checked, forecast: Forecast) -> str:
        console.show_check(job, checked)
        meant = checked.tally.rows - checked.tally.outcomes[Outcome.SKIPPED]
        if limit is not None and limit.is_exceeded(checked.rejected, meant):
            return (
                f"{checked.rejected:,} of {meant:,} rows would be rejected, and --max-rejected allows {limit}.\n"
                "Settle the causes above, or send the others all the same with a higher --max-rejected (up to 100%)."
            )
        if asks and checked.planned and not console.ask(forecast, checked):
            return "The answer was no."
        return ""

    return confirm


def target_name(sandbox: bool, url: str) -> str:
    """What the ledger calls the target."""
    from importer.client import normalise_target

    return f"sandbox:{sandbox_file()}" if sandbox else normalise_target(url)


def sandbox_file() -> Path:
    """Where `--sandbox` keeps its issues, so that a second run finds those of the first."""
    from importer.ledger import default_path

    return default_path().with_name("sandbox.db")


@contextmanager
def open_target(sandbox: bool, url: str, api_key_file: Path | None) -> Iterator[Target]:
    """The target to send to; with `--sandbox` it runs until the block ends."""
    from importer.client import ApiKey, normalise_target
    from importer.pipeline import Target

    if not sandbox:
        normalised = normalise_target(url)
        yield Target(normalised, normalised, read_api_key(api_key_file))
        return
    try:
        from importer.sandbox.server import SandboxError, SandboxOptions, serve_in_thread
    except ImportError as error:
        raise UsageError("The sandbox is not installed.", hint="pip install 'triage-importer[sandbox]'") from error
    file = sandbox_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        raise UsageError(
            f"The sandbox can't keep its issues in {file}: {error.strerror}.",
            hint="Set XDG_STATE_HOME to a folder that can be written.",
        ) from error
    try:
        with serve_in_thread(SandboxOptions(db=file)) as running:
            yield Target(running.url, f"sandbox:{file}", ApiKey("sandbox"))
    except SandboxError as error:
        raise UsageError(str(error)) from error


def read_api_key(file: Path | None) -> ApiKey:
    """The key, from a file or the environment, never from an argument. Raises UsageError."""
    from importer.client import ApiKey

    if file is not None:
        try:
            return ApiKey(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise UsageError(
                f"--api-key-file {file}: {reason}.", hint="Name a file that holds the key alone."
            ) from error
    key = os.environ.get("BLAND_API_KEY", "")
    if not key:
        raise UsageError(
            "There is no API key.",
            hint="Set BLAND_API_KEY, or name a file with --api-key-file FILE, or rehearse with --sandbox.",
        )
    return ApiKey(key)
