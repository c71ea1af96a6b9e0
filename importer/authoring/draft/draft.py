"""Drafting a mapping and its table of values as new files, and adding to them what a later export has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from importer.api import FINISHED, VALUE_FIELDS
from importer.authoring.draft.choose import COLUMNS_SHOWN, choose, choose_of_card, settle_key
from importer.authoring.draft.column_scores import says_done
from importer.authoring.draft.draft_yaml import Draft, column_line, column_lines, write_mapping
from importer.authoring.draft.profile import ROWS_AT_ONCE, Column, Profile, profile_source
from importer.authoring.draft.scorecard import Scorecard, find_each, find_scorecard
from importer.authoring.draft.values import (
    FILE_NAME,
    Value,
    added_lines,
    count_values,
    new_table,
    propose_criterion,
    propose_unknown,
    propose_values,
    text_of,
)
from importer.authoring.proposals import Proposer
from importer.check.duplicates import find_repeats
from importer.check.examine import RowRun, examine
from importer.check.job import Job
from importer.check.observers.bad_values import Unknowns
from importer.errors import MappingError, SourceError, UsageError
from importer.mapping.edited_tables import VALUES_NEED, Fixes, read_table
from importer.mapping.model import MappingModel
from importer.mapping.reader import LoadedMapping, load_mapping
from importer.mapping.reads import collect_refs, find_left
from importer.mapping.vocabulary import TitleCount, meaning
from importer.mapping.yaml_tree import parse, quote, read_small
from importer.outputs import append, create, storing
from importer.phrases import counted, listed, plain_name, shell_join
from importer.progress import Progress, Unseen
from importer.row.compiler import Compiler
from importer.sources.archives import NESTED, WORKBOOKS
from importer.sources.formats import EXTENSIONS

if TYPE_CHECKING:
    from importer.sources.command_line import CommandLine
    from importer.sources.source import Source


NO_FIXES = Fixes()
_NUMBER = re.compile(r"[\W_]*(?:(?<![^\W\d_])\d[\d\W_TZ]*(?![^\W_])|\d+$)")
"""A date, a time or a number that is a word of its own, with the signs around it; or digits at the end."""
ROWS_LOOKED_AT = 1_000
"""How many rows say whether a draft would use more columns."""
TURNS_LOOKED_AT = 100_000
"""How many answers are looked at, to see whether turns tell those of a call apart."""
Ask = Callable[[Sequence[Value]], Sequence[Value]]
"""Asks the user about values; returns them with the decisions."""


def look_at(source: Source, progress: Progress) -> tuple[Profile, Scorecard | None]:
    """Profile a source, and unfold it if it is a scorecard: as such it is drafted, even if a preset would read it."""
    profile = profile_source(source, progress)
    before, each = profile, find_each(source, profile)
    if each is not None:
        profile = profile_source(source, progress)
    card = find_scorecard(profile, each, before)
    return profile, card if card is None else replace(card, has_turns=_tells_answers_apart(source, card))


def _tells_answers_apart(source: Source, card: Scorecard) -> bool:
    """Whether the turn tells occurrences apart: each answer has one, or some of a record and criterion differ in it."""
    if card.turn is None:
        return False
    texts = [text_of(column) for column in (card.date, card.record, card.criterion, card.answer, card.turn) if column]
    seen, all_have_one = dict[int, str](), True
    for rows in source.read([ref for text in texts for ref in text.refs], ROWS_AT_ONCE):
        compiler = Compiler(rows.layout)
        readers = [compiler.stripped(text) for text in texts]
        for row in rows.rows:
            *own, answer, turn = [reader(row) for reader in readers]
            all_have_one &= bool(turn or not answer)
            if turn and seen.setdefault(hash(tuple(own)), turn) != turn:
                return True
        if len(seen) > TURNS_LOOKED_AT:
            break
    return all_have_one


def make_draft(
    source: Source,
    seen: tuple[Profile, Scorecard | None],
    progress: Progress,
    ask: Ask,
    preset: MappingModel | None = None,
    fixes: Fixes = NO_FIXES,
) -> Draft:
    """Draft a mapping of a source that was looked at; values of a preset that knows it mean what they mean in it.

    Values are counted as `fixes` corrects them. Raises SourceError if no column can be the title.
    """
    proposer, titles = Proposer(preset), TitleCount()
    profile, card = seen
    if card is not None:
        choice = choose_of_card(profile, proposer.judge, card)
    else:
        choice = choose(profile, proposer.judge, ", ".join(file.name for file in source.files))
        texts = {each.place.name: text_of(each) for each in profile.columns if "{" not in each.place.name}
        settle_key(
            choice, profile, lambda key: find_repeats(source, text_of(key.column), text_of(choice.title.column), texts)
        )
    values = propose_values(count_values(source, choice, progress, titles, fixes), choice, proposer)
    if card is not None:
        return Draft(profile, choice, ask(values), TitleCount())
    beside = () if source.comments is None else profile_source(source.comments, progress).columns
    return Draft(profile, choice, ask(values), titles, beside)


def give_way(mapping: LoadedMapping, source: Source, typed: CommandLine) -> None:
    """Make sure that a plain list is read as well as by a draft, by its first rows, and that these are no test results.

    Raises SourceError with the columns that a draft would use.
    """
    profile = profile_source(source, Unseen(), ROWS_LOOKED_AT)
    try:
        choice = choose(profile, Proposer(mapping.model).judge, "")
    except SourceError:  # no column can be the title of a draft
        return
    drafted = Draft(profile, choice, (), TitleCount())
    uses = {**drafted.uses, **drafted.belongings.uses}
    names = {column.place.name.replace("[]", ""): uses.get(column.number, "footer") for column in profile.columns}
    left = find_left(mapping.model, names, is_table=all(file.is_table for file in source.files))
    unread = {name: names[name] for name in left if names[name] not in ("footer", "status category")}
    status = choice.status.column if choice.status else None
    answers = sum(meaning("answer", text) is not None for text in status.samples) if status else 0
    if status and not says_done(status) and 2 * answers > len(status.samples):
        unread[status.place.name] = "results of tests"
    if unread:
        columns = listed([f"{name} ({use})" for name, use in unread.items()], COLUMNS_SHOWN)
        raise SourceError(
            f"{source.files[0].name}: {mapping.name} reads less than a draft would: {columns}.",
            hint=f"Draft a mapping of your own: {typed.draft_command()}\nOr take it as it is: -m {mapping.name}",
        )


def check_free(out: Path) -> None:
    """Raise UsageError if a file would be overwritten."""
    if out.exists():
        update = shell_join(["triage-import", "draft", "SOURCE", "--update", str(out)])
        hint = f"Add what is new in the source: {update}. Or name another: -o FILE"
        if out.name == FILE_NAME:
            hint = "It has the values of another draft. Remove it if that is no longer there, or name another: -o FILE"
        raise UsageError(f"{out} exists already, and a draft overwrites nothing.", hint=hint)


def save_draft(
    draft: Draft, source: Source, out: Path, options: Mapping[str, str], name: str | None = None
) -> tuple[Path, Path]:
    """Write the mapping, and the table beside it; return their paths. Existing files are not overwritten.

    `options` are keys of `input` beside the source's `name`, which is by default that of its first file.
    """
    check_free(out)
    table = place_table(out)
    check_free(table)
    files = [file.name for file in source.files]
    named = table.relative_to(out.parent).as_posix()
    is_nightly = draft.choice.card is not None and draft.choice.card.recurs
    text = write_mapping(draft, files, str(out), named, name or source_name(files[0], undated=is_nightly), options)
    write_new(table, new_table(draft.values))
    write_new(out, text.encode("utf-8"))
    load_mapping(str(out))
    return out, table


def place_table(mapping: Path) -> Path:
    """Where the table of a mapping's values goes: beside it, or if that place is taken, into a folder of its name.

    That of `export.csv.yaml` can't be `export.csv`, which is the source: then the folder's name ends in `-values`.
    """
    table = mapping.with_name(FILE_NAME)
    if not table.exists():
        return table
    first = [mapping.stem] if mapping.suffix else []
    names = chain([*first, f"{mapping.stem}-values"], (f"{mapping.stem}-values-{number}" for number in count(2)))
    folders = map(mapping.with_name, names)
    return next(folder for folder in folders if folder.is_dir() or not folder.exists()) / FILE_NAME


def source_name(file: str, *, undated: bool = False) -> str:
    """Return a source name for a file name: without colons and without an extension like `.csv.gz`.

    That of a sheet is the workbook's: many a sheet is called Sheet1. `undated` leaves out the date or number that tells
    a night's file from the next one's.
    """
    path = Path(file)
    name = path.parent.name if path.parent.suffix.lower() in WORKBOOKS else path.name
    while name.lower().endswith((*EXTENSIONS, *WORKBOOKS, *NESTED)):
        name = name.rpartition(".")[0]
    name = _NUMBER.sub("", name).strip("_") if undated else name
    return re.sub(r"[\s:]+", " ", "".join(filter(str.isprintable, name))).strip(" -") or "import"


def write_new(path: Path, data: bytes) -> None:
    """Write a new file. Raises UsageError if it exists, StorageFull if it can't be written."""
    try:
        with storing(path):
            path.parent.mkdir(exist_ok=True)
        create(path, data)
    except FileExistsError:
        check_free(path)


@dataclass(frozen=True)
class UpdateResult:
    """The result of an update: values that the mapping didn't know, and columns that it doesn't mention.

    `table` is the file that the values were appended to, None if there were none.
    """

    values: Sequence[Value]
    columns: Sequence[str]
    table: Path | None


def update_draft(source: Source, mapping: LoadedMapping, progress: Progress, ask: Ask) -> UpdateResult:
    """Append what is new in a source to a mapping's files; existing lines are not changed."""
    path = mapping.files[0]
    text = read_small(path).decode("utf-8-sig")
    profile = profile_source(source, progress)
    columns = _new_columns(profile, mapping, text)
    values = ask(_new_values(source, mapping, progress))
    table = _table_of(mapping, path)
    named = table.relative_to(path.parent).as_posix() if values and not table.exists() else ""
    behind = _behind(profile, columns, named)
    if behind:
        _check_room(path, text + behind)
    if values:
        _append_values(table, values)
    if behind:
        _append(path, behind.encode())
    return UpdateResult(values, [column.place.name for column in columns], table if values else None)


def _new_values(source: Source, mapping: LoadedMapping, progress: Progress) -> list[Value]:
    unknowns = Unknowns(mapping.model.evidence, mapping.model.status.stage)
    open_rows: Counter[tuple[str, str]] = Counter()
    # A criterion needs its line before an answer to it fails.
    whole = {"answer": None} if mapping.model.criterion is not None else {}
    every = replace(mapping, model=mapping.model.model_copy(update=whole))
    progress.start("counting", source.total_bytes, "B")
    for run in examine(Job(source, every, mapping.model.input.name, name_given=True)):
        unknowns.add(run)
        _count_open(run, open_rows)
        progress.reach(source.bytes_read)
    progress.finish()
    proposer = Proposer(mapping.model)
    return [
        propose_criterion(found, open_rows[found.field, found.value])
        if found.field == "category" and found.value and mapping.model.answer is not None
        else propose_unknown(found, open_rows[found.field, found.value], proposer)
        for found in unknowns.as_list()
    ]


def _count_open(run: RowRun, open_rows: Counter[tuple[str, str]]) -> None:
    """Count the rows of unknown values whose status is neither done nor closed."""
    for row in run.rows:
        is_open = row.is_counted and row.issue.status not in FINISHED
        for name, step in zip(VALUE_FIELDS, row.issue.steps, strict=True) if is_open else ():
            if step.target is None:
                open_rows[name, step.source] += 1


def _new_columns(profile: Profile, mapping: LoadedMapping, text: str) -> list[Column]:
    """Return the filled columns that the mapping neither reads nor mentions in a comment."""
    read = {plain_name(ref.name) for ref in collect_refs(mapping.model)}
    return [
        column
        for column in profile.columns
        if column.filled and column.place.ref.name not in read and f"{column_line(column)}:" not in text
    ]


def _table_of(mapping: LoadedMapping, path: Path) -> Path:
    """Return the table for new values: the one that this file names, else a new one beside it."""
    place = mapping.place("decisions")
    if mapping.model.decisions is not None and Path(place.file) == path:
        return path.parent / mapping.model.decisions
    return place_table(path)


def _behind(profile: Profile, columns: Sequence[Column], table: str) -> str:
    """Return the lines to append to a mapping; `table` is the path of a new one, "" for none."""
    lines = []
    if table:
        lines += ["", "# What became known later is decided in a table:", f"decisions: {quote(table)}"]
    if columns:
        found = Profile(tuple(columns), profile.whole, 0)
        lines += [
            "",
            f"# Columns that this file says nothing of, of {counted(profile.rows, 'row')}:",
            *column_lines(found, {})[1:],
        ]
    return "\n".join(["", *lines, ""]) if lines else ""


def _append_values(table: Path, values: Sequence[Value]) -> None:
    if not table.exists():
        write_new(table, new_table([]))
    before, layout = read_small(table), read_table(table, VALUES_NEED)
    if layout.problems:
        raise MappingError(f"{table} can't be read as a table of values.", problems=layout.problems)
    _append(table, added_lines(values, layout, before))


def _append(path: Path, data: bytes) -> None:
    append(path, data, "Let it be written, or make room, and give the command again.")


def _check_room(path: Path, text: str) -> None:
    """Raise MappingError if nothing can be appended to the file: it is all in `{…}`, or ends in `...`."""
    tree, problems = parse(text, str(path))
    if tree is None or problems:
        raise MappingError(
            f"Nothing can be put behind the end of {path}.",
            problems=problems,
            hint="Write its topmost keys one a line, without { } around them.",
        )
