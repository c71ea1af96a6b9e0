"""`triage-import report`: writes a run's reports again, from the ledger alone."""

from __future__ import annotations

from pathlib import Path

import click

from importer.cli.completion import RunType
from importer.cli.options import JSON_OPTION, print_data, with_options
from importer.cli.target_options import LEDGER_OPTION
from importer.errors import ExitCode

OPTIONS = (
    LEDGER_OPTION,
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
                 help="For the reports.  [default: where the run wrote them]"),
    JSON_OPTION,
)  # fmt: skip


@click.command()
@click.argument("name", type=RunType(), metavar="RUN")
@with_options(*OPTIONS)
def report(name: str, ledger: str | None, out: Path | None, as_json: bool) -> int:
    """Write the reports of an import again, from the ledger alone. RUN may be `last`.

    They are results.csv, the errors files and summary.json; no source and no network are needed. Files that somebody
    has changed since are spared, as by `run`.
    """
    from importer.cli.console import Console
    from importer.ledger.opening import default_path, read_ledger
    from importer.ledger.overview import find_import
    from importer.report.from_ledger import write_again

    with Console() as console, read_ledger(ledger or default_path()) as book:
        run, is_running, _ = find_import(book, name, "report")
        summary = write_again(run, out or run.out, is_running=is_running)
        console.show_summary(summary)
        console.say(f"Reports: {summary.out}")
        if not is_running and run.is_open:
            console.say(f"{run.name} is not finished: the same command continues it.")
    if as_json:
        print_data(summary.as_text())
    return ExitCode.DONE
