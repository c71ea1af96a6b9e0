"""Options that name the target and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from importer.api import DEFAULT_URL
from importer.cli.completion import FILE
from importer.cli.declared import Section, option
from importer.cli.numbers import RateType
from importer.report.issue_urls import find_fault


class IssueUrlType(click.ParamType[str]):
    """Reads the pattern of an issue's address."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it. Raises BadParameter for one that gives no address."""
        if fault := find_fault(str(value)):
            self.fail(f"{fault}. For example: --issue-url 'https://HOST/issues/{{number}}'", param, ctx)
        return str(value)


# fmt: off
@dataclass(frozen=True)
class Place(Section):
    """Which target."""

    title = "Target"
    sandbox: bool = option("--sandbox", is_flag=True,
        help="Use a local sandbox, started by this command, as the target.")
    api_url: str | None = option("--api-url", also="TRIAGE_API_URL", metavar="URL",
        help=f"The target.  [default: {DEFAULT_URL}]")


@dataclass(frozen=True)
class KeyFile(Section):
    """Who asks it."""

    title = "Target"
    api_key_file: Path | None = option("--api-key-file", type=click.Path(path_type=Path), metavar="FILE",
        decides=False, help="File with the API key.  [default: the key in BLAND_API_KEY]")


@dataclass(frozen=True)
class LedgerFile(Section):
    """Which ledger."""

    title = "Target"
    ledger: str | None = option("--ledger", type=FILE, metavar="PATH|URL", decides=False,
        help="The record of what was sent: a file, or PostgreSQL.")


@dataclass(frozen=True)
class Rate(Section):
    """How fast."""

    title = "Sending and limits"
    rate: float | None = option("--rate", type=RateType(min=0), metavar="N", decides=False,
        help="Requests a second, at least 0.01; 0 for no limit on our side.  [default: 5; with --sandbox: 0]")


@dataclass(frozen=True)
class Concurrency(Rate):
    """How fast, and how many at a time."""

    title = "Sending and limits"
    concurrency: int = option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True, metavar="N",
        decides=False, help="Maximum requests at a time.")


@dataclass(frozen=True)
class IssueUrls(Section):
    """Where a person looks at an issue."""

    title = "Selection and output"
    issue_url: str | None = option("--issue-url", type=IssueUrlType(), also="TRIAGE_ISSUE_URL", metavar="URL",
        decides=False,
        help="Web address of an issue, with {number} or {id} in it, so that reports link to issues.")
# fmt: on


def chosen_ledger(options: LedgerFile) -> str | None:
    """Return the ledger of a subcommand: `--ledger` is taken before its name, too."""
    parent = click.get_current_context().parent
    return options.ledger or (parent.params.get("ledger") if parent is not None else None)
