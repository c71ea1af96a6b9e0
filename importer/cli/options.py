"""Options that several commands share, and how they become a job."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from importer import __version__
from importer.errors import ExitCode, ImporterError, StorageFull, UsageError

if TYPE_CHECKING:
    from importer.check.rows import Job
    from importer.report.summary import Summary

F = TypeVar("F", bound=Callable[..., Any])

SOURCE_OPTIONS = (
    click.option(
        "-m",
        "--mapping",
        "mapping_name",
        metavar="NAME_OR_PATH",
        help="A preset or a YAML file.  [default: the preset that knows the columns]",
    ),
    click.option("--source-name", metavar="NAME", help="Part of every key.  [default: the mapping's]"),
    click.option("--encoding", metavar="E", help="Only where it is not UTF-8, or UTF-16 with a byte order mark."),
    click.option("--delimiter", metavar="D", help="One character, or `tab`.  [default: found by structure]"),
    click.option("--format", "format_", type=click.Choice(["csv", "jsonl", "json"]), help="By content if unset."),
    click.option(
        "--fixes", type=click.Path(path_type=Path), metavar="FILE", help="Corrected values: a report's fixes.csv."
    ),
    click.option(
        "--comments", multiple=True, metavar="FILE", help="Comments that the mapping joins by key; may be repeated."
    ),
)
INPUT_OPTIONS = (
    *SOURCE_OPTIONS,
    click.option("--users", type=click.Path(path_type=Path), metavar="FILE", help="Who is who: a filled-in users.csv."),
)
OUT_OPTION = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="For the reports."
)
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on stdout.")
SELECT_OPTIONS = (
    click.option(
        "--strict", is_flag=True, help="Refuse if a column goes nowhere that the mapping doesn't name under `drop`."
    ),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows."),
    click.option("--only", metavar="KEY,...|FILE", help="Only these keys: a list, or a file with one a line."),
    OUT_OPTION,
    JSON_OPTION,
)
sources_argument = click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")


def with_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Apply several click options, keeping their order in `--help`."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class Answer(Protocol):
    """A summary, whatever of."""

    @property
    def exit_code(self) -> int:
        """How the command ends."""

    def as_text(self) -> str:
        """What `--json` prints."""


def answers_with_summary(command: Callable[..., Answer]) -> Callable[..., int]:
    """Make a command end with its summary's exit code; with `--json` stdout gets the summary, of an error too."""

    @functools.wraps(command)
    def answer(*arguments: Any, as_json: bool, **given: Any) -> int:
        try:
            summary = command(*arguments, **given)
        except (Exception, KeyboardInterrupt) as error:
            if as_json:
                print_data(_summary_of(error).as_text())
            raise
        if as_json:
            print_data(summary.as_text())
        return summary.exit_code

    return answer


def _summary_of(error: Exception | KeyboardInterrupt) -> Summary:
    from importer.report.summary import Summary

    match error:
        case KeyboardInterrupt() | click.Abort():
            code, because = ExitCode.INTERRUPTED, "Interrupted before anything was sent."
        case ImporterError():
            code = error.exit_code
            because = "\n".join(filter(None, (error.message, *map(str, error.problems), error.hint)))
        case _:
            code, because = ExitCode.STOPPED, describe_bug(error)
    return Summary(run_id="", exit_code=int(code), rows=0, stopped_because=because, version=__version__)


def describe_bug(error: Exception) -> str:
    """What a person needs to report a bug: where it is, and that nothing is lost by it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__} in {frame.filename}:{frame.lineno}: {error}\n"
        "This is a bug in triage-import. What is done is recorded: the same command continues."
    )


def print_data(text: str) -> None:
    """Print to stdout. If its reader has gone (`| head`), that changes nothing in how the command ends.

    Raises StorageFull if stdout takes no more.
    """
    try:
        click.echo(text, nl=False)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered ends there
        if not isinstance(error, BrokenPipeError):
            raise StorageFull(
                f"stdout can't be written: {error.strerror}.", hint="The reports are complete."
            ) from error


@contextmanager
def open_job(
    sources: tuple[str, ...],
    *,
    mapping_name: str | None,
    source_name: str | None,
    encoding: str | None,
    delimiter: str | None,
    format_: str | None,
    limit: int | None = None,
    only: str | None = None,
    fixes: Path | None = None,
    comments: tuple[str, ...] = (),
    users: Path | None = None,
) -> Iterator[Job]:
    """Load or recognise the mapping, load the tables, open the source, and make sure that they fit together."""
    from importer.authoring.users import learn_names
    from importer.check.headers import check_fit
    from importer.check.key_aliases import learn_keys
    from importer.check.rows import Job
    from importer.cli.comments import open_comments, warn_of_absent
    from importer.cli.recognition import find_array, find_preset
    from importer.mapping.fixes_table import Fixes, read_fixes
    from importer.mapping.reader import load_mapping
    from importer.mapping.users_table import read_users
    from importer.sources.source import SourceOptions
    from importer.sources.survey import survey_files
    from importer.transform.people import Roster
    from importer.transform.transform import collect_refs

    mapping = load_mapping(mapping_name) if mapping_name is not None else None
    said = SourceOptions() if mapping is None else mapping.model.input
    options = SourceOptions(
        format=format_ or said.format,  # type: ignore[arg-type] # click has checked the choice
        encoding=encoding or said.encoding,
        delimiter=delimiter or said.delimiter,
        records=said.records,
    )
    table = Fixes() if fixes is None else read_fixes(fixes)
    roster = Roster() if users is None else read_users(users)
    evidence = ""
    with survey_files(sources, options) as survey:
        if mapping is None:
            match = find_preset(survey.samples)
            evidence = str(match)
            click.echo(f"{match.sample.file_name}: {evidence}", err=True)
            mapping = load_mapping(match.preset)
        records = options.records or find_array(survey.samples, mapping.model)
        mapping = replace(mapping, digest=roster.mark(table.mark(mapping.digest)))  # with other tables, another run
        with open_comments(comments, mapping, options.encoding) as beside, survey.open(records, beside) as source:
            headers = [file.header if file.is_table else None for file in source.files]
            table.check_columns(collect_refs(mapping.model), headers)
            job = Job(
                source=source,
                mapping=mapping,
                source_name=mapping.model.input.name if source_name is None else check_source_name(source_name),
                name_given=source_name is not None or mapping.named_by_user,
                limit=limit,
                only=read_only_list(only),
                fixes=table,
                people=roster,
                recognised=evidence,
            )
            warnings = (*check_fit(job), *warn_of_absent(mapping, source))
            with learn_keys(job) as find_keys:
                yield replace(job, warnings=warnings, learned=learn_names(job), find_keys=find_keys)


def check_source_name(name: str) -> str:
    """A source's name is the part of a key before the colon, so it has none itself. Raises UsageError."""
    if not name.strip() or ":" in name or "\n" in name or name != name.strip():
        raise UsageError(
            f"--source-name {name!r} can't be part of a key.",
            hint="A name has no colon, no line break and no outer white space: --source-name jira-acme",
        )
    return name


def read_only_list(only: str | None) -> frozenset[str] | None:
    """The keys of `--only`: those of a file, one a line, if there is one of that name, else a list with commas."""
    if only is None:
        return None
    path = Path(only)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines() if path.is_file() else only.split(",")
    except UnicodeDecodeError as error:
        raise UsageError(f"--only {only}: the file is not UTF-8.", hint="Save it as text, one key a line.") from error
    except OSError as error:
        raise UsageError(f"--only {only}: {error.strerror}.", hint="Name keys, or a file with one a line.") from error
    keys = frozenset(key.strip() for key in lines if key.strip())
    if not keys:
        raise UsageError(f"--only {only} names no key.", hint="Name keys with commas, or a file with one a line.")
    return keys
