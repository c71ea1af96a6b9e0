"""Writes verify.csv, and holds the figures of a verification for its summary.json."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import IO, NamedTuple

from importer.report.folder import SUMMARY
from importer.spreadsheet import escape_cell

COLUMNS = ("key", "triage_id", "issue_id", "verdict", "field", "ours", "theirs")
NAMES = ("verify.csv", "report.html", SUMMARY)


class Verdict(StrEnum):
    """The state of an issue compared with what we last wrote to it; the worst first."""

    STRANGER = "stranger"  # has the source's marker, and the ledger doesn't know it: perhaps a double
    MISSING = "missing"  # deleted in Triage
    DIFFERENT = "different"  # in a field, or in what was added to it
    UNSETTLED = "unsettled"  # has the marker of a row whose outcome is not known yet
    SAME = "same"


class Verified(NamedTuple):
    """One line of verify.csv; an issue that differs has one for each field.

    `ours` is what we sent, `theirs` what is there now. Of a stranger `ours` is the number (`T-…`) of its key's issue.
    """

    key: str
    triage_id: str
    issue_id: str
    verdict: Verdict
    field: str = ""
    ours: str = ""
    theirs: str = ""


class VerifyFile:
    """Writes verify.csv, a few lines at a time."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(COLUMNS)

    def write(self, lines: Iterable[Verified]) -> None:
        """Append lines."""
        self._writer.writerows(map(escape_cell, line) for line in lines)


@dataclass(frozen=True, slots=True)
class VerifySummary:
    """The figures of a verification: issues by verdict, and `fields`: field → issues that differ in it.

    `read_back` has how many issues, and additions of each kind, were `sent`, and how many of these were `found`.
    """

    run_id: str
    exit_code: int
    same: int
    different: int
    missing: int
    stranger: int
    unsettled: int
    fields: Mapping[str, int] = field(default_factory=dict)
    read_back: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    requests: int = 0
    elapsed_seconds: float = 0.0
    target: str = ""
    source_name: str = ""
    out: str = ""
    version: str = ""

    def as_text(self) -> str:
        """The summary as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"
