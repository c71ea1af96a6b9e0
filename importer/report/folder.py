"""The folder of reports: private, replaced file by file, and careful with files that people have edited.

All that writes a report raises StorageFull where it can't be written. A table has a byte order mark where one is
needed: without it spreadsheets show "Müller" as "MÃ¼ller". Of folders that each start makes anew, the newest are kept.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from fnmatch import translate
from itertools import chain, count, islice
from pathlib import Path
from typing import IO, Any, BinaryIO

from importer.check.job import Job
from importer.errors import LedgerInUse, StorageFull, UsageError
from importer.ledger.lock import hold_folder, lock_folder
from importer.mapping.edited_tables import Fixes, read_fixes
from importer.outputs import open_private, remove, storing
from importer.triage.redaction import redact

FIXES, SUGGESTION, SUMMARY = "fixes.csv", "suggested-mapping.yaml", "summary.json"
REHEARSAL = "rehearsal.html"
ERRORS, ERRORS_JSON = "errors.csv", "errors.jsonl"
MORE_ERRORS = [f"errors-{number}.{suffix}" for number in ("[2-9]", "[1-9][0-9]") for suffix in ("csv", "jsonl")]
"""Patterns of the errors files beside those two."""
FOR_PEOPLE = (ERRORS, ERRORS_JSON, SUGGESTION, FIXES)
"""Reports that people edit, and give back to a command."""
NAMES = (
    "results.csv",
    "planned.jsonl",
    "conflicts.csv",
    "vanished.csv",
    "recurring.csv",
    "losses.csv",
    "attachments.csv",
    "report.html",
    "summary.html",
    REHEARSAL,
    SUMMARY,
    *FOR_PEOPLE,
)

AT_ONCE = 1 << 18
"""Bytes that are written, or copied, at once of a report without a table, which may have gigabytes."""


class ReportFolder:
    """A folder for the files of `NAMES`, made with mode 0700, its files with 0600.

    Two kinds of files are never replaced, and the new report is written beside them as `errors-2.csv`: those `in_use`,
    which this import reads, and those FOR_PEOPLE that were changed after the summary, which is written last.
    """

    def __init__(self, path: Path, in_use: Iterable[Path] = ()) -> None:
        self.path = path
        self._spared = {file.resolve() for file in in_use}
        self._written: dict[Path, str] = {}

    def make(self) -> bool:
        """Make the folder, with mode 0700, unless it is there; returns whether it is there now."""
        with suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.path.is_dir()

    def prepare(self, names: Collection[str] = NAMES, *, is_shared: bool = False) -> None:
        """Make the folder, and remove the reports of an earlier run that are to be written again.

        Raises UsageError if that can't be done, and unless it `is_shared` LedgerInUse if another process writes there.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_shared:
                hold_folder(self.path)
            self._spared |= self._edited()
            for name in names:
                remove(self.file(name))
            for path in chain.from_iterable(map(self.path.glob, MORE_ERRORS if ERRORS in names else ())):
                if path.resolve() not in self._spared:
                    remove(path)
            self._written.clear()
        except FileNotFoundError as error:  # nor can it be made
            hint = "No folder can be made there: name another with --out; then run the same command again."
            raise UsageError(f"{self.path} can't be written: {error.strerror}.", hint=hint) from error
        except OSError as error:
            path = Path(os.fsdecode(error.filename or self.path))
            raise UsageError(f"{path} can't be written: {error.strerror}.", hint=_advise(path, error)) from error

    def _edited(self) -> set[Path]:
        with suppress(FileNotFoundError):
            finished = (self.path / SUMMARY).stat().st_mtime_ns
            # With `errors-2.csv` and the like, which an earlier run has put beside a spared file.
            files = [file for name in FOR_PEOPLE for file in self.path.glob(name.replace(".", "*."))]
            return {file.resolve() for file in files if file.stat().st_mtime_ns > finished}
        return set()

    def file(self, name: str, place: int = 0) -> Path:
        """Return the path of a report, or of one of several: with a number where files of this name are spared."""
        names = chain([name], (name.replace(".", f"-{number}.", 1) for number in count(2)))
        free = (path for path in map(self.path.joinpath, names) if path.resolve() not in self._spared)
        return next(islice(free, place, None))

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(path.name for path, name in self._written.items() if name in (ERRORS, ERRORS_JSON))

    @contextmanager
    def open(self, name: str, place: int = 0) -> Iterator[IO[str]]:
        """Write one report, or one of several of this name. Raises StorageFull if it can't be written.

        It is UTF-8; what can't be encoded (half a character out of a JSON escape) is written as its escape. A table
        that people edit has a byte order mark, so that spreadsheets save it as UTF-8; others have it only where
        something in them is not ASCII.
        """
        path = self.file(name, place)
        self._written[path] = name
        with (
            storing(path, "", _advise),
            _writing(path, is_table=path.suffix == ".csv", for_people=name in FOR_PEOPLE) as file,
        ):
            yield file

    def recode(self, name: str, place: int, encoding: str) -> None:
        """Write a table once more in another encoding, if that can hold all of it. Raises StorageFull."""
        path, other = self.file(name, place), self.file(f"{name}.recoded")
        if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
            return
        try:
            with (
                storing(other, "", _advise),
                path.open(encoding="utf-8-sig", newline="") as text,
                suppress(UnicodeEncodeError),
            ):
                with open_private(other, "w", encoding=encoding, newline="") as file:
                    shutil.copyfileobj(text, file)
                other.replace(path)
        finally:
            other.unlink(missing_ok=True)

    def write(self, name: str, text: str) -> None:
        with self.open(name) as file:
            file.write(text)

    @contextmanager
    def open_bytes(self, name: str) -> Iterator[IO[bytes]]:
        """Write one report that is UTF-8 already and no table. Raises StorageFull if it can't be written."""
        path = self.file(name)
        with storing(path, "", _advise), _RedactingBytes(open_private(path, "wb", buffering=0), AT_ONCE) as file:
            yield file


def _advise(path: Path, error: OSError) -> str:
    """Say what helps where a report, or the folder of all, can't be written."""
    in_the_way = next((place for place in (path, *path.parents) if place.exists()), path)
    match error:
        case IsADirectoryError() | NotADirectoryError() | FileExistsError():
            kind = "a folder" if in_the_way.is_dir() else "a file" if in_the_way.is_file() else "no regular file"
            what = f"{in_the_way} is {kind}"
            return f"{what}: move it away, or name another folder with --out; then run the same command again."
        case FileNotFoundError():
            return "The folder isn't there: run the same command again to create it, or name another with --out."
    return "Make room, correct the permissions, or name another folder with --out; then run the same command again."


class _Redacting(io.TextIOWrapper):
    """A text file without the API key, if a target has echoed it."""

    def write(self, text: str) -> int:
        return super().write(redact(text))


class _RedactingBytes(io.BufferedWriter):
    """A binary file without the API key, if a target has echoed it."""

    def write(self, data: Any) -> int:
        return super().write(redact(data))


def _writing(path: Path, *, is_table: bool, for_people: bool) -> IO[str]:
    if is_table and not for_people:
        bare: Any = MarkWhereNeeded(open_private(path, "w+b"))
    else:
        bare = open_private(path, "wb")
    encoding = "utf-8-sig" if is_table and for_people else "utf-8"
    return _Redacting(bare, encoding=encoding, errors="backslashreplace", newline="")


BLOCK_BYTES = 1 << 20


class MarkWhereNeeded(io.BufferedIOBase):
    """A binary file whose UTF-8 gets a byte order mark in front exactly if something in it is not ASCII.

    So spreadsheets show what people wrote, and scripts that know nothing of such marks can read all other files. `file`
    is new, and open for reading and writing. What was written before the first text that is not ASCII is moved by the
    length of the mark, once: a block at a time, so that memory stays flat.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.name = file.name
        self._is_marked = False

    def writable(self) -> bool:
        """Return True: it can be written, and not be read."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # TextIOWrapper hands bytes over, no other buffer
        if not self._is_marked and not data.isascii():
            self._mark()
        return self._file.write(data)

    def _mark(self) -> None:
        for end in range(self._file.tell(), 0, -BLOCK_BYTES):  # backwards: no block is overwritten unread
            start = max(0, end - BLOCK_BYTES)
            self._file.seek(start)
            block = self._file.read(end - start)
            self._file.seek(start + len(codecs.BOM_UTF8))
            self._file.write(block)
        self._file.seek(0)
        self._file.write(codecs.BOM_UTF8)
        self._file.seek(0, io.SEEK_END)
        self._is_marked = True

    def flush(self) -> None:
        if not self.closed:
            self._file.flush()

    def close(self) -> None:
        """Close the file, too, even if flushing fails because its disk is full."""
        try:
            super().close()
        finally:
            self._file.close()


def report_folder(job: Job, path: Path) -> ReportFolder:
    """Make the folder of an import's reports, which spares the files that the import reads."""
    files = [*(Path(file.name) for file in job.source.every_file), *job.mapping.files, *filled_in(path, job.fixes)]
    tables = [path for path in (job.fixes.path, Path(job.people.file) if job.people.file else None) if path is not None]
    return ReportFolder(path, [*files, *tables])


def filled_in(folder: Path, given: Fixes) -> list[Path]:
    """List the fixes tables of a folder not to be replaced: that of `--fixes`, and those with values of a person."""
    values = {fix[:3] for fix in given}
    return [path for path in folder.glob(FIXES.replace(".", "*.")) if path == given.path or _is_filled_in(path, values)]


def _is_filled_in(path: Path, given: Collection[tuple[str, ...]]) -> bool:
    """Whether a table has corrections besides those given, which the new table will have, too."""
    try:
        return any(fix[:3] not in given for fix in read_fixes(path))
    except UsageError:
        return True  # edited so that it can't be read: certainly a person's


_MADE = re.compile(r"(.+)-\d{8}T\d{6}\.\d{6}Z")
_REPORT = re.compile("|".join(map(translate, (*NAMES, *MORE_ERRORS))))


def is_report(path: Path, folder: Path) -> bool:
    """Whether a path is that of a report in a folder, or in one within it."""
    return path.parent.resolve().is_relative_to(folder.resolve()) and _REPORT.match(path.name) is not None


def new_folder(parent: Path, name: str) -> Path:
    """Return the folder of a start that begins now, by the name of its import."""
    plain = re.sub(r"[^\w.-]", lambda found: f"%{ord(found[0]):x}", name)  # two names stay two
    return parent / f"{plain}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def remove_old(newest: Path, keep: int, configuration: str) -> None:
    """Of the folders that starts of the import of `newest` have made beside it, leave `keep`, and what is needed.

    Those of refused starts, which have a summary alone, don't count. What is needed is a folder with anything that is
    no report, that a person has changed, that the text of the configuration names, or that another process writes.
    Raises StorageFull if one can't be removed.
    """
    try:
        made = {each: _MADE.fullmatch(each.name) for each in newest.parent.iterdir()}
        own = made.get(newest)
        its = sorted(each for each, name in made.items() if own and name and name[1] == own[1] and each.is_dir())
        whole = [each for each in its if any(file.name != SUMMARY for file in each.iterdir())]
        for folder in its[: its.index(whole[-keep])] if len(whole) > keep else []:
            with ExitStack() as locks, suppress(LedgerInUse, FileNotFoundError):  # another start removes it
                if folder.name not in configuration and _has_only_reports(folder, locks):
                    shutil.rmtree(folder)
    except OSError as error:
        raise StorageFull(f"Reports of an earlier run can't be removed: {error.filename}: {error.strerror}.") from error


def _has_only_reports(folder: Path, locks: ExitStack) -> bool:
    """Whether there is nothing but reports as they were written; `--files each-once` makes folders of them in it."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    locks.callback(os.close, lock_folder(folder))
    summary = folder / SUMMARY  # which is written last; nobody edits a page, and `verify` writes it again
    finished = summary.stat().st_mtime_ns if summary.is_file() else 0

    def is_report(file: Path) -> bool:
        is_own = _REPORT.match(file.name) and file.is_file() and not file.is_symlink()
        return bool(is_own) and (file.stat().st_mtime_ns <= finished or file.suffix == ".html")

    return all(is_report(each) or _has_only_reports(each, locks) for each in folder.iterdir())
