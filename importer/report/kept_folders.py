"""Folders of reports that an import makes anew at each start, of which only the newest are kept."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from fnmatch import translate
from pathlib import Path

from importer.errors import LedgerInUse, StorageFull
from importer.ledger.lock import lock_folder
from importer.report.folder import MORE_ERRORS, NAMES, SUMMARY

_MADE = re.compile(r"(.+)-\d{8}T\d{6}\.\d{6}Z")
_REPORT = re.compile("|".join(map(translate, (*NAMES, *MORE_ERRORS))))


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
