"""`triage-import draft`: writes a mapping for a source that no preset fits, or adds what is new in a later export."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.console import Console
from importer.cli.options import Command, sources_argument, takes
from importer.cli.terminal import can_ask
from importer.errors import ExitCode, SourceError, UsageError
from importer.library.declared import option
from importer.library.options import Input, NewFile
from importer.phrases import counted, listed

if TYPE_CHECKING:
    from importer.authoring.draft.draft_yaml import Draft
    from importer.authoring.draft.values import Value
    from importer.authoring.recognise import Match
    from importer.library.inputs import InputOptions
    from importer.sources.survey import Sample

VALUES_SHOWN = 20


# fmt: off
class DraftOptions(Input):
    """The options of `draft`."""

    output: NewFile | None = option("-o", "--output", metavar="FILE",
        help="The mapping to write, next to its values.csv.  [default: mapping.yaml]")
    update: NewFile | None = option("--update", metavar="FILE",
        help="Append what is new in the source to this mapping.")
    records: str | None = option("--records", metavar="PATH",
        help="Path of the records in a JSON object with several arrays.")
# fmt: on


@click.command(cls=Command)
@sources_argument
@takes(DraftOptions)
def draft(options: DraftOptions, sources: tuple[str, ...]) -> int:
    """Draft a mapping for a source that no preset knows.

    Comments in it say what was found in the source. Whatever the source doesn't reveal is `?`; on a terminal you are
    asked. Existing files are not overwritten. With -m, values mean what they mean in that mapping.
    """
    from importer.library.inputs import InputOptions, check_source_name, reading_of
    from importer.mapping.edited_tables import read_users

    inputs = InputOptions(**reading_of(options))
    update = options.update
    output = options.output
    if update is not None and (output is not None or inputs.mapping is not None):
        excluded = "-o" if output is not None else "-m"
        raise UsageError(
            f"--update and {excluded} can't be used together.",
            hint="--update changes a mapping, -o writes a new one.",
        )
    if options.source_name is not None:
        check_source_name(options.source_name)
    if options.users is not None:
        read_users(options.users)  # it says nothing that a draft needs; but it is part of the next command
    if update:
        return _update(sources, update, inputs, options.records)
    return _draft(sources, output or Path("mapping.yaml"), inputs, options.records)


def _draft(sources: tuple[str, ...], out: Path, inputs: InputOptions, records: str | None) -> int:
    from importer.authoring.draft.draft import NO_FIXES, check_free, look_at, make_draft, save_draft
    from importer.authoring.recognise import has_title
    from importer.check.headers import how_to_title
    from importer.library.inputs import choose_reading, open_comments
    from importer.mapping.edited_tables import read_fixes
    from importer.mapping.reader import load_mapping
    from importer.sources.command_line import ANY_SEVERITY, READING
    from importer.sources.source import JsonFile
    from importer.sources.survey import survey_files

    check_free(out)
    typed = inputs.typed(sources)
    reading = choose_reading(inputs, None, records)
    fixes = NO_FIXES if inputs.fixes is None else read_fixes(inputs.fixes)
    preset = None
    if inputs.mapping is not None:
        preset = load_mapping(inputs.mapping).model
    with ExitStack() as stack:
        console = stack.enter_context(Console())
        survey = stack.enter_context(survey_files(sources, reading))
        match = _who_knows(survey.samples) if preset is None else None
        places = {sample.records for sample in survey.samples if not sample.within}
        chosen = records
        if match is not None and records is None and len(places) > 1:
            chosen = match.sample.records or None
        beside = stack.enter_context(open_comments(inputs.comments, None, reading.encoding))
        source = stack.enter_context(survey.open(chosen, beside))
        look = look_at(source, console)
        if match is not None and look[1] is None:
            preset = load_mapping(match.preset).model
            if records is None and not has_title(match):
                message = f"{sources[0]}: {match}, and none of its columns is called as titles are there."
                raise SourceError(message, hint=how_to_title(match.preset, preset))
            if has_title(match) and not match.shape.last:
                command = typed.repeat("validate", "-m", match.preset)
                console.say(f"A preset knows this file, {match}. Use it, as it knows more than a draft: {command}")
        ask = partial(_ask, console, severity=inputs.severity)
        new_draft = make_draft(source, look, console, ask, preset, fixes)
        # The array in each line that was taken for the records: where `each` has a path, none is looked for.
        arrays = (file.array for file in source.files if isinstance(file, JsonFile) and file.are_lines)
        settings = {
            "encoding": inputs.encoding,
            "delimiter": inputs.delimiter,
            "skip_lines": inputs.skip_lines,
            "format": inputs.format,
            "records": chosen or next(arrays, None),
        }
        options = {name: str(value) for name, value in settings.items() if value is not None}
        mapping, table = save_draft(new_draft, source, out, options, inputs.source_name)
        _show(console, new_draft, mapping, table)
        in_mapping = (*READING, "--source-name")
        is_asked = [(value.field, value.value) for value in new_draft.open] == [("severity", "")]
        severity = ANY_SEVERITY if is_asked else ()
        command = typed.repeat("validate", "-m", str(mapping), *severity, without=in_mapping)
        console.say(f"Next: {command}")
    return ExitCode.DONE


def _update(sources: tuple[str, ...], path: Path, inputs: InputOptions, records: str | None) -> int:
    from importer.authoring.draft.draft import update_draft
    from importer.library.inputs import choose_reading
    from importer.mapping.presets import is_preset
    from importer.mapping.reader import load_mapping
    from importer.sources.survey import survey_files

    mapping = load_mapping(str(path))
    if is_preset(mapping.files[0]):
        hint = "Make it yours first, with `extends: " + mapping.files[0].stem + "` in a file, and update that."
        raise UsageError(f"{path} is a preset, and presets stay as they are.", hint=hint)
    reading = choose_reading(inputs, mapping, records)
    with Console() as console, survey_files(sources, reading) as survey, survey.open() as source:
        if mapping.model.each is not None:
            source.unfold(mapping.model.each)
        added = update_draft(source, mapping, console, partial(_ask, console))
        if not added.values and not added.columns:
            console.say(f"{path} knows all values and columns of {' '.join(sources)}; nothing was added.")
            return ExitCode.DONE
        if added.columns:
            columns = ", ".join(added.columns[:VALUES_SHOWN])
            console.say(f"{path}: {_are(added.columns, 'column')} new: {columns}")
        if added.table is not None:
            console.say(f"{added.table}: {_are(added.values, 'value')} new.")
            _show_values(console, added.values)
    return ExitCode.DONE


def _who_knows(samples: Sequence[Sample]) -> Match | None:
    """The preset that would read the source as it is: a draft of such a file knows less."""
    from importer.authoring.recognise import preset_shapes, recognise

    with suppress(SourceError):  # none does, as of most files that are drafted
        return recognise(samples, preset_shapes())[0]
    return None


def _ask(console: Console, values: Sequence[Value], severity: str | None = None) -> Sequence[Value]:
    """Ask about each open value on a terminal, where `?` leaves it open; not about the severity that is given."""
    from importer.authoring.draft.values import decide

    answers = list(values)
    if severity is not None:
        for place, value in enumerate(values):
            if (value.field, value.value) == ("severity", ""):
                answers[place] = decide(value, severity)
    if not can_ask() or all(value.decided for value in answers):
        return answers
    console.say("Enter takes what is in brackets; ? leaves it open.")
    return [value if value.decided else _decide(console, value) for value in answers]


def _decide(console: Console, value: Value) -> Value:
    from importer.authoring.draft.values import decide
    from importer.cli.terminal import printable
    from importer.mapping.model import TARGETS, UNDECIDED

    text = repr(value.value[:80]) if value.value else "empty"
    rows = "1 row"
    if value.rows != 1:
        rows = f"{value.rows:,} rows, {value.open_rows:,} open"
    console.say(f"{value.field} {text}: {rows}, for example {value.sample}")
    names = TARGETS[value.field]
    kind = None
    if names:
        kind = click.Choice([*names, UNDECIDED], case_sensitive=False)
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


def _show(console: Console, new_draft: Draft, mapping: Path, table: Path) -> None:
    from importer.authoring.draft.draft_yaml import unsure_dates

    choice = new_draft.choice
    for name in ("key", "title", "description", "severity", "status", "category"):
        pick = getattr(choice, name)
        source = f"{pick.column.place.name} ({pick.reason})" if pick else "no column"
        console.say(f"{name:>12}  {source}")
    _show_values(console, new_draft.values)
    if new_draft.titles.found:
        console.say(f"category: {new_draft.titles}; {mapping} has the line that takes them, if you agree.")
    if new_draft.untitled:
        console.say(f"{counted(new_draft.untitled, 'row')} without a title: rejected until they have one.")
    if (dates := unsure_dates(new_draft)) is not None:
        console.say(
            f"Dates such as {next(iter(dates.samples))} are read as {dates.date_format()}; if the day is first, write "
            f"{dates.other_date_format()} under `dates` in {mapping}."
        )
    if (card := choice.card) is not None:
        if card.warning:
            console.say(f"Warning: {card.warning}")
        console.say(
            f"A `yes` passes: name the criteria that ask for what shouldn't be under `inverted` in {mapping}, if there "
            "are any."
        )
        if card.has_percentages:
            console.say(f"Percentages are findings below 100: correct `below` in {mapping} if less is good enough.")
        if card.agent is None:
            console.say(
                "No column is called like the agent's: findings of a criterion are one issue for all. Name it under "
                f"`group` and `title` in {mapping}, before the first night."
            )
        if card.recurs:
            console.say(
                f"`finished` under `recurring` in {mapping} is undecided: what a new finding does to an issue that is "
                "done or closed. `reopen` sets it to `todo`, `add` only adds: finished: {done: reopen, closed: add}"
            )
    console.say(f"{mapping} and {table} are written.")


def _are(entries: Sequence[object], noun: str) -> str:
    return counted(len(entries), f"{noun} is", f"{noun}s are")


def _show_values(console: Console, values: Sequence[Value]) -> None:
    from importer.authoring.proposals import BY_A_WORD

    if guessed := [value for value in values if value.reason == BY_A_WORD]:
        pairs = [f"{value.value[:80]!r} → {value.proposal}" for value in guessed]
        guesses = listed(pairs, VALUES_SHOWN)
        console.say(f"{_are(guessed, 'value')} decided by one word, which somebody should check: {guesses}")
    opened = [value for value in values if not value.decided]
    if opened:
        they = "it is" if len(opened) == 1 else "they are"
        console.say(f"{_are(opened, 'value')} undecided; `run` refuses to start until {they} decided:")
        for value in opened[:VALUES_SHOWN]:
            text = repr(value.value[:80]) if value.value else "the empty cell"
            rows = counted(value.rows, "row")
            console.say(f"  {value.field}: {text}, {rows}; proposal: {value.proposal}")
        if len(opened) > VALUES_SHOWN:
            console.say(f"  … and {len(opened) - VALUES_SHOWN:,} more")
