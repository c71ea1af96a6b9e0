"""Drafting a mapping and its table of values from a source, as new files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from importer.authoring.draft.choose import COLUMNS_SHOWN, choose, settle_key
from importer.authoring.draft.column_scores import says_done
from importer.authoring.draft.draft_contents import Draft
from importer.authoring.draft.draft_yaml import write_mapping
from importer.authoring.draft.profile import profile_source
from importer.authoring.draft.table import FILE_NAME, new_table
from importer.authoring.draft.values import Value, count_values, propose_values, text_of
from importer.authoring.proposals import Proposer
from importer.check.duplicates import find_repeats
from importer.errors import SourceError, StorageFull, UsageError
from importer.mapping.edited_tables import Fixes
from importer.mapping.model import MappingModel
from importer.mapping.reader import LoadedMapping, load_mapping
from importer.mapping.reads import find_left
from importer.mapping.vocabulary import TitleCount, meaning
from importer.phrases import listed, shell_join
from importer.progress import Progress, Unseen
from importer.sources.archives import WORKBOOKS

if TYPE_CHECKING:
    from importer.sources.command_line import CommandLine
    from importer.sources.source import Source

NO_FIXES = Fixes()
ROWS_LOOKED_AT = 1_000
"""How many rows say whether a draft would use more columns."""
Ask = Callable[[Sequence[Value]], Sequence[Value]]
"""Asks the user about values; returns them with the decisions."""


def make_draft(
    source: Source, progress: Progress, ask: Ask, preset: MappingModel | None = None, fixes: Fixes = NO_FIXES
) -> Draft:
    """Profile a source and draft a mapping; the values of a preset that knows the source mean what they mean in it.

    Values are counted as `fixes` corrects them. Raises SourceError if no column can be the title.
    """
    proposer = Proposer(preset)
    profile = profile_source(source, progress)
    choice = choose(profile, proposer.judge, ", ".join(file.name for file in source.files))
    texts = {each.place.name: text_of(each) for each in profile.columns if "{" not in each.place.name}
    settle_key(
        choice, profile, lambda key: find_repeats(source, text_of(key.column), text_of(choice.title.column), texts)
    )
    titles = TitleCount()
    values = propose_values(count_values(source, choice, progress, titles, fixes), choice, proposer)
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
    text = write_mapping(draft, files, str(out), named, name or source_name(files[0]), options)
    write_new(table, new_table(draft.values))
    write_new(out, text.encode("utf-8"))
    load_mapping(str(out))
    return out, table


def place_table(mapping: Path) -> Path:
    """Where the table of a mapping's values goes: beside it, or if that place is taken, into a folder of its name."""
    table = mapping.with_name(FILE_NAME)
    folder = mapping.stem if mapping.suffix else f"{mapping.stem}-values"
    return mapping.with_name(folder) / FILE_NAME if table.exists() else table


def source_name(file: str) -> str:
    """Return a source name for a file name: without colons and without an extension like `.csv.gz`.

    That of a sheet is the workbook's: many a sheet is called Sheet1.
    """
    path = Path(file)
    name = path.parent.name if path.parent.suffix.lower() in WORKBOOKS else path.name
    stem = re.sub(r"(?:\.(?:csv|tsv|txt|jsonl?|ndjson|gz|zst|xlsx|xls|ods))+$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[\s:]+", " ", "".join(filter(str.isprintable, stem))).strip(" -") or "import"


def write_new(path: Path, data: bytes) -> None:
    """Write a new file. Raises UsageError if it exists, StorageFull if it can't be written."""
    try:
        if not path.parent.exists():
            path.parent.mkdir()
        with path.open("xb") as file, _whole(path):
            file.write(data)
            file.flush()
    except FileExistsError:
        check_free(path)
    except OSError as error:
        raise StorageFull(f"{path} can't be written: {error.strerror}.", hint="Name another with -o FILE.") from error


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Remove a new file that could not be written to its end: half a mapping is none."""
    try:
        yield
    except BaseException:
        path.unlink()
        raise
