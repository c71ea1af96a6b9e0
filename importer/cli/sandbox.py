"""`triage-import sandbox`: runs the stand-in for Triage's API as a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.numbers import FiniteRange
from importer.errors import how_to_install

if TYPE_CHECKING:
    from importer.sandbox.server import RunningSandbox

DEFAULT_PORT = 8899

_EPILOG = """
\b
Faults: KIND[=SECONDS][:WHERE][@WHEN]
  500-before, 500-after    does nothing, or executes the request, then answers 500
  hang-before, hang-after  doesn't answer for SECONDS (60), then drops the connection
  reset-before, reset-after
                           resets the connection
  late-commit              answers 500 at once and executes it SECONDS (1.5) later
  not-json                 executes it, then answers with an HTML page
  slow                     executes it SECONDS (0.2) late
  429, 503                 does nothing; Retry-After: SECONDS (1)
  gateway-404, gateway-html
                           does nothing; answers 404 like a gateway, in JSON or HTML
  400-after, 403-after, 404-after, 409-after, 422-after
                           executes it, then answers with an error
  endless                  gives lists a cursor that leads back
  edit                     a person edits an issue SECONDS (0.3) after it was read
WHERE: create, update, comment, resource, flag, relation, write (default: all
       of these and more), read, all
WHEN:  2% at random, req=7 for the seventh such request; without it, always
Example: --fault 500-after:create@2% --fault hang-before=5:read@req=3
"""


DECADE = 10 * 365 * 86_400
"""Seconds; a clock that is much further off shows times that can't be written."""


@click.command(epilog=_EPILOG)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port on 127.0.0.1; 0 for any free one.",
)
@click.option(
    "--db",
    type=click.Path(dir_okay=False, path_type=Path),
    help="SQLite file for the issues, to continue later.  [default: in memory]",
)
@click.option(
    "--rate-limit",
    type=FiniteRange(min=0, min_open=True),
    metavar="N",
    help="Answer 429 above N requests a second, with a burst of up to N.",
)
@click.option("--fault", "specs", multiple=True, metavar="SPEC", help="Simulate a fault, see below; may be repeated.")
@click.option("--seed", type=int, metavar="N", help="Seed for random faults; printed at the start.")
@click.option(
    "--search-lag",
    type=FiniteRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Delay until `search` finds a new or changed issue.  [default: 0]",
)
@click.option(
    "--read-lag",
    type=FiniteRange(0, DECADE),
    default=0.0,
    metavar="SECONDS",
    help="Delay until an issue or addition is visible to other requests.  [default: 0]",
)
@click.option(
    "--clock-offset",
    type=FiniteRange(-DECADE, DECADE),
    default=0.0,
    metavar="SECONDS",
    help="Its clock is ahead by this much, or behind if negative.  [default: 0]",
)
@click.option("--times-without-zone", is_flag=True, help="Timestamps have no time zone.")
@click.option("--cut-descriptions", is_flag=True, help="Lists return only the beginning of descriptions.")
@click.option(
    "--invalid-status",
    type=click.Choice(["400", "422"]),
    default="400",
    show_default=True,
    help="Status for a create with an invalid body.",
)
@click.option(
    "--norm-everywhere", is_flag=True, help="`@norm` also starts the agent in titles, descriptions and flags."
)
@click.option(
    "--rewrite-texts",
    type=click.Choice(["escape", "blanks", "emoji", "trim", "polish"]),
    help="Store titles, descriptions, comments and notes differently.",
)
@click.option(
    "--api-key",
    envvar="TRIAGE_SANDBOX_KEY",
    show_envvar=True,
    metavar="KEY",
    help="Accept only this key.  [default: any non-empty key]",
)
def sandbox(
    port: int,
    db: Path | None,
    rate_limit: float | None,
    specs: tuple[str, ...],
    seed: int | None,
    search_lag: float,
    read_lag: float,
    clock_offset: float,
    times_without_zone: bool,
    cut_descriptions: bool,
    invalid_status: str,
    norm_everywhere: bool,
    rewrite_texts: str | None,
    api_key: str | None,
) -> None:
    """Run a local simulation of Triage's API. Ctrl-C ends it."""
    try:
        from importer.sandbox.faults import parse_fault
        from importer.sandbox.refusals import SandboxError
        from importer.sandbox.server import serve
        from importer.sandbox.settings import SandboxOptions
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"The sandbox needs {error.name}, which is not installed. {how_to_install('sandbox')}"
        ) from error

    try:
        options = SandboxOptions(
            db=db,
            rate_limit=rate_limit,
            faults=tuple(parse_fault(spec) for spec in specs),
            search_lag=search_lag,
            read_lag=read_lag,
            clock_offset=clock_offset,
            no_zone=times_without_zone,
            cut_descriptions=cut_descriptions,
            invalid_status=int(invalid_status),
            norm_everywhere=norm_everywhere,
            rewrite_texts=rewrite_texts,
            api_key=api_key,
            seed=seed,
        )
        serve(options, port, lambda running: _announce(running, options.db))
    except SandboxError as error:
        raise click.UsageError(str(error)) from error


def _announce(running: RunningSandbox, db: Path | None) -> None:
    click.echo(
        f"{running.url}  imitates Triage's API (api.bland.ai, as documented in August 2026).\n"
        f"Issues: {db or 'in memory, gone at the end'}. Seed of the faults: {running.seed}.\n"
        f"Try: BLAND_API_KEY=org_rehearsal triage-import run SOURCE -m MAPPING --api-url {running.url}",
        err=True,
    )
