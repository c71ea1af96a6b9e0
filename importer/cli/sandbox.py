"""`triage-import sandbox`: runs the stand-in for Triage's API as a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.option_types import FiniteRange
from importer.library.targets import sandbox_missing

if TYPE_CHECKING:
    from importer.sandbox.server import RunningSandbox

DEFAULT_PORT = 8899

_EPILOG = """
\b
Faults: KIND[=SECONDS][:WHERE][@WHEN]
  500-after   executes the request, then answers 500
  hang-after  executes it and doesn't answer; after SECONDS (60) it drops the
              connection
  429         does nothing; Retry-After: SECONDS (1)
WHERE: create, update, comment, resource, flag, relation, write (default: all
       of these and more), read, all
WHEN:  2% at random, req=7 for the seventh such request; without it, always
Example: --fault 500-after:create@2% --fault hang-after=5:comment@req=3
"""


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
    api_key: str | None,
) -> None:
    """Run a local simulation of Triage's API. Ctrl-C ends it."""
    try:
        from importer.sandbox.gate import SandboxOptions, parse_fault
        from importer.sandbox.server import serve
        from importer.sandbox.storage import SandboxError
    except ModuleNotFoundError as error:
        raise sandbox_missing() from error
    try:
        faults = tuple(map(parse_fault, specs))
        options = SandboxOptions(db=db, rate_limit=rate_limit, faults=faults, api_key=api_key, seed=seed)
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
