"""`triage-import draft`: writes a mapping for a source that no preset fits, or adds what is new in a later export."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.options import INPUT_OPTIONS, sources_argument, with_options
from importer.errors import ExitCode, SourceError, UsageError
from importer.phrases import counted

if TYPE_CHECKING:
    from importer.authoring.draft.draft_contents import Draft
    from importer.authoring.draft.values import Value
    from importer.authoring.recognise import Match
    from importer.cli.console import Console
    from importer.mapping.reader import LoadedMapping
    from importer.sources.survey import Sample, Survey

VALUES_SHOWN = 20
READING = {"encoding", "delimiter", "skip_lines", "format_"}
# The options of other commands by these names; which one has which name only click knows, once it has applied them.
READING_OPTIONS = [
    option
    for option in INPUT_OPTIONS
    if READING & {parameter.name for parameter in getattr(option(lambda: None), "__click_params__", ())}
]


@click.command()
@sources_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The mapping to write, next to its values.csv.  [default: mapping.yaml]",
)
@click.option(
    "--update",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append what is new in the source to this mapping.",
)
@with_options(*READING_OPTIONS)
@click.option("--records", metavar="PATH", help="Path of the records in a JSON object with several arrays.")
def draft(
    sources: tuple[str, ...],
    output: Path | None,
    update: Path | None,
    encoding: str | None,
    delimiter: str | None,
    skip_lines: int | None,
    format_: str | None,
    records: str | None,
) -> int:
    """Draft a mapping for a source that no preset knows.

    Comments in it say what was found in the source. Whatever the source doesn't reveal is `?`; on a terminal you are
    asked. Existing files are not overwritten.
    """
    given = {
        "encoding": encoding,
        "delimiter": delimiter,
        "skip_lines": skip_lines,
        "format": format_,
        "records": records,
    }
    if update is not None and output is not None:
        raise UsageError(
            "--update and -o can't be used together.", hint="--update changes a mapping, -o writes a new one."
        )
    return _update(sources, update, given) if update else _draft(sources, output or Path("mapping.yaml"), given)


def _draft(sources: tuple[str, ...], out: Path, given: dict[str, Any]) -> int:
    from importer.authoring.draft.draft import check_free, make_draft, save_draft
    from importer.cli.console import Console
    from importer.mapping.reader import load_mapping
    from importer.sources.command_line import CommandLine

    check_free(out)
    with ExitStack() as stack:
        console, survey = stack.enter_context(Console()), stack.enter_context(_survey(sources, given, None))
        known = _who_knows(survey.samples)
        if known is not None:
            command = CommandLine(sources).repeat("validate", "-m", known.preset)
            console.say(f"A preset knows this file, {known}. Use it, as it knows more than a draft: {command}")
            if given["records"] is None and len({each.records for each in survey.samples if not each.within}) > 1:
                given["records"] = known.sample.records or None
        source = stack.enter_context(survey.open(given["records"]))
        preset = load_mapping(known.preset).model if known is not None else None
        made = make_draft(source, console, lambda values: _ask(console, values), preset)
        mapping, table = save_draft(
            made, source, out, {name: str(value) for name, value in given.items() if value is not None}
        )
        _show(console, made, mapping, table, sources)
    return ExitCode.DONE


def _update(sources: tuple[str, ...], path: Path, given: dict[str, Any]) -> int:
    from importer.authoring.draft.update import update_draft
    from importer.cli.console import Console
    from importer.mapping.presets import is_preset
    from importer.mapping.reader import load_mapping

    mapping = load_mapping(str(path))
    if is_preset(mapping.files[0]):
        hint = "Make it yours first, with `extends: " + mapping.files[0].stem + "` in a file, and update that."
        raise UsageError(f"{path} is a preset, and presets stay as they are.", hint=hint)
    with Console() as console, _survey(sources, given, mapping) as survey, survey.open() as source:
        added = update_draft(source, mapping, console, lambda values: _ask(console, values))
        if not added.values and not added.columns:
            console.say(f"{path} knows all values and columns of {' '.join(sources)}; nothing was added.")
            return ExitCode.DONE
        if added.columns:
            console.say(f"{path}: {_are(added.columns, 'column')} new: {', '.join(added.columns[:VALUES_SHOWN])}")
        if added.table is not None:
            console.say(f"{added.table}: {_are(added.values, 'value')} new.")
            _show_values(console, added.values)
    return ExitCode.DONE


def _survey(
    sources: tuple[str, ...], given: dict[str, Any], mapping: LoadedMapping | None
) -> AbstractContextManager[Survey]:
    from importer.sources.source import SourceOptions
    from importer.sources.survey import survey_files

    said = mapping.model.input if mapping else None
    found: Any = {name: getattr(said, name, None) if value is None else value for name, value in given.items()}
    return survey_files(sources, SourceOptions(**found))


def _who_knows(samples: Sequence[Sample]) -> Match | None:
    """The preset that would read the source as it is: a draft of such a file knows less."""
    from importer.authoring.recognise import preset_shapes, recognise

    with suppress(SourceError):  # none does, as of most files that are drafted
        return recognise(samples, preset_shapes())[0]
    return None


def _ask(console: Console, values: Sequence[Value]) -> Sequence[Value]:
    """Ask about each open value on a terminal: Enter accepts the proposal, `?` leaves the value open."""
    if not (sys.stdin is not None and sys.stdin.isatty() and console.terminal) or all(each.decided for each in values):
        return values
    console.say("Enter takes what is in brackets; ? leaves it open.")
    return [each if each.decided else _decide(console, each) for each in values]


def _decide(console: Console, value: Value) -> Value:
    from importer.authoring.draft.values import decide
    from importer.cli.sentences import printable
    from importer.mapping.model import TARGETS, UNDECIDED

    shown = repr(value.value[:80]) if value.value else "empty"
    rows = "1 row" if value.rows == 1 else f"{value.rows:,} rows, {value.open_rows:,} open"
    console.say(f"{value.field} {shown}: {rows}, for example {value.sample}")
    names = TARGETS[value.field]
    kind = click.Choice([*names, UNDECIDED], case_sensitive=False) if names else None
    word = click.prompt(
        f"  {value.field} becomes",
        type=kind,
        default=printable(value.proposal),
        value_proc=None if names else _category,
        err=True,
    )
    return value if word == UNDECIDED else decide(value, word)


def _category(text: str) -> str:
    """Strip a category, and check its length. Raises BadParameter, upon which click asks again."""
    from importer.api import CATEGORY_LIMIT, count_units

    name = text.strip()
    if not name or count_units(name) > CATEGORY_LIMIT:
        raise click.BadParameter(f"a category has 1 to {CATEGORY_LIMIT} characters")
    return name


def _show(console: Console, made: Draft, mapping: Path, table: Path, sources: tuple[str, ...]) -> None:
    from importer.sources.command_line import CommandLine

    choice = made.choice
    for name in ("key", "title", "description", "severity", "status", "category"):
        pick = getattr(choice, name)
        said = f"{pick.column.place.name} ({pick.reason})" if pick else "no column"
        console.say(f"{name:>12}  {said}")
    _show_values(console, made.values)
    if made.titles.found:
        console.say(f"category: {made.titles}; {mapping} has the line that takes them, if you agree.")
    if made.untitled:
        console.say(f"{counted(made.untitled, 'row')} without a title: rejected until they have one.")
    console.say(f"{mapping} and {table} are written.")
    console.say(f"Next: {CommandLine(sources).repeat('validate', '-m', str(mapping))}")


def _are(things: Sequence[object], noun: str) -> str:
    return counted(len(things), f"{noun} is", f"{noun}s are")


def _show_values(console: Console, values: Sequence[Value]) -> None:
    opened = [value for value in values if not value.decided]
    if opened:
        they = "it is" if len(opened) == 1 else "they are"
        console.say(f"{_are(opened, 'value')} undecided; `run` refuses to start until {they} decided:")
        for value in opened[:VALUES_SHOWN]:
            what = repr(value.value[:80]) if value.value else "the empty cell"
            console.say(f"  {value.field}: {what}, {counted(value.rows, 'row')}; proposal: {value.proposal}")
        if len(opened) > VALUES_SHOWN:
            console.say(f"  … and {len(opened) - VALUES_SHOWN:,} more")
