"""What somebody must know of a run: one list, from which headline and exit code follow.

A cause is a line in `CAUSES`. Screen, mail, page, log, `runs`, summary.json and the library show the same notices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from importer.codes import (
    ADDITION_UNPROVEN,
    COLUMN_MISSING,
    CONFLICT,
    DUPLICATE_IN_TRIAGE,
    EVIDENCE_MISSING,
    EVIDENCE_PENDING,
    GONE_AT_TARGET,
    INCOMPLETE,
    ISSUE_MOVED,
    KEY_TAKEN,
    MARKER_AMBIGUOUS,
    MARKER_CUT,
    MOVE_UNSURE,
    OLDER_FILE_OPEN,
    PERHAPS_GONE,
    TEXT_CUT,
    VALUE_HELD,
)
from importer.errors import ExitCode, ImporterError
from importer.phrases import counted
from importer.records import Outcome


class Who(StrEnum):
    """Who must act."""

    NOBODY = "nobody"
    SOMEBODY = "somebody, some time"
    NOW = "somebody, now"


class Cause(NamedTuple):
    """Why somebody must know of something.

    who       must act
    sentence  what is said of it, after how many there are
    noun      what is counted
    code      the exit code of a run in which it is news
    """

    who: Who
    sentence: str
    noun: str = "issue"
    code: ExitCode = ExitCode.PARTLY


VANISHED, STILL_REJECTED = "vanished", "still-rejected"
UNKNOWN, REJECTED, FAILED, PLANNED = map(str, (Outcome.UNKNOWN, Outcome.REJECTED, Outcome.FAILED, Outcome.PLANNED))

# fmt: off
CAUSES: Mapping[str, Cause] = {
    UNKNOWN: Cause(Who.NOBODY, "with an outcome that is not known yet: the same command settles it.", "request",
        ExitCode.UNKNOWN),
    MARKER_AMBIGUOUS: Cause(Who.NOW,
        "held back: markers in Triage may be another row's; results.csv has a command for each choice.",
        code=ExitCode.DECIDE),
    OLDER_FILE_OPEN: Cause(Who.NOW,
        "waiting for an older file that isn't in yet: the same command goes on once it is.", code=ExitCode.DECIDE),
    KEY_TAKEN: Cause(Who.SOMEBODY,
        "held back: the key is another issue's in Triage; results.csv says why, and what to type."),
    MOVE_UNSURE: Cause(Who.SOMEBODY,
        "held back: perhaps an issue that is in Triage under another key; see results.csv."),
    REJECTED: Cause(Who.SOMEBODY, "rejected: results.csv says why.", "row"),
    FAILED: Cause(Who.SOMEBODY, "failed: results.csv has Triage's words; the next run tries again.", "row"),
    PLANNED: Cause(Who.SOMEBODY, "still to be sent: the same command continues.", "row"),
    INCOMPLETE: Cause(Who.SOMEBODY,
        "in Triage with additions missing: see results.csv; the same command sends the rest."),
    ADDITION_UNPROVEN: Cause(Who.SOMEBODY,
        "with additions that Triage may or may not have: results.csv has a command for each, to record what is there."),
    EVIDENCE_PENDING: Cause(Who.SOMEBODY,
        "with a call, conversation or file that Triage doesn't know yet: see results.csv; later runs try again."),
    EVIDENCE_MISSING: Cause(Who.SOMEBODY,
        "with a call, conversation or file that Triage never knew: see results.csv."),
    DUPLICATE_IN_TRIAGE: Cause(Who.SOMEBODY,
        "in Triage twice, or created by somebody else with this import's marker: see results.csv."),
    PERHAPS_GONE: Cause(Who.SOMEBODY,
        "not in Triage: the same command looks once more before that counts as a deletion."),
    TEXT_CUT: Cause(Who.SOMEBODY, "with a text that Triage has cut: see results.csv."),
    MARKER_CUT: Cause(Who.SOMEBODY,
        "with a marker that Triage cuts off: see results.csv; such rows may be created twice if the ledger is lost."),
    CONFLICT: Cause(Who.SOMEBODY,
        "changed in Triage, too, or perhaps: nothing was overwritten, see conflicts.csv; this ends once both sides "
        "have the same value."),
    VANISHED: Cause(Who.SOMEBODY,
        "no longer in the source, but still in Triage: see vanished.csv; nothing is done about this.", "key"),
    STILL_REJECTED: Cause(Who.SOMEBODY,
        "of earlier runs, rejected or refused and not dealt with: `triage-import sources rejected NAME` lists them.",
        "row", ExitCode.DONE),
    GONE_AT_TARGET: Cause(Who.NOBODY, "deleted in Triage: not created again.", code=ExitCode.DONE),
    ISSUE_MOVED: Cause(Who.NOBODY, "moved to another key in the source, and followed.", code=ExitCode.DONE),
    VALUE_HELD: Cause(Who.SOMEBODY,
        "with a value that stays, as too many would be emptied: the same command with --empty FIELD lets it go."),
    COLUMN_MISSING: Cause(Who.NOBODY, "with a value left as it is, for lack of a column.", "row", ExitCode.DONE),
}
# fmt: on
"""Code → what is known of it, in the order in which notices are shown."""

OPEN = frozenset(code for code, cause in CAUSES.items() if cause.who is not Who.NOBODY) - {
    REJECTED,
    FAILED,
    PLANNED,
    CONFLICT,
    VANISHED,
    STILL_REJECTED,
}
"""Codes of rows that are neither done nor decided, whatever their outcome."""
UNFINISHED = (UNKNOWN, PLANNED, INCOMPLETE)
"""Causes that another attempt of the same run would still do something about."""
WORST_FIRST = (ExitCode.UNKNOWN, ExitCode.DECIDE, ExitCode.PARTLY)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody must know.

    cause  its code, a line of `CAUSES`
    count  how many rows, issues or keys it is about
    new    of these, how many were not said before, by a run over the whole source
    who    must act
    text   a sentence with the count
    since  when it began, ISO 8601
    """

    cause: str
    count: int
    new: int
    who: Who
    text: str
    since: str = ""

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Notice:
        """Return a notice as a summary has it in JSON."""
        return cls(**{**kept, "who": Who(kept["who"])})

    @property
    def is_due(self) -> bool:
        """Whether somebody must act."""
        return self.who is not Who.NOBODY

    @property
    def line(self) -> str:
        """The notice as a line: what there is of it, and since when."""
        return f"{self.text} Since {self.since[:10]}." if self.since and self.new < self.count else self.text


def find_notices(
    counts: Mapping[str, int] | Mapping[Outcome, int],
    known: Mapping[str, int] | None = None,
    *,
    before: Iterable[Notice] = (),
    now: str = "",
) -> tuple[Notice, ...]:
    """Make the list of a run.

    counts  cause → how many there are; other codes are left out
    known   cause → how many of these were so before
    before  the list of the last run over the whole source
    now     when this run began, ISO 8601
    """
    every = {str(code): count for code, count in counts.items()}
    last, notices = {each.cause: each for each in before}, list[Notice]()
    for code, cause in CAUSES.items():
        count = every.get(code, 0)
        if count <= 0:
            continue
        new, earlier = max(0, count - (known or {}).get(code, 0)), last.get(code)
        since = earlier.since if earlier is not None and earlier.since else now
        notices.append(Notice(code, count, new, cause.who, f"{counted(count, cause.noun)} {cause.sentence}", since))
    return tuple(notices)


def decide_exit_code(
    notices: Sequence[Notice], *, stopped: ImporterError | None, interrupted: bool = False, standing: bool = False
) -> ExitCode:
    """Decide how a run ends, by what somebody must know of it: 0 means that everything is there.

    stopped      what ended it early
    interrupted  whether a signal did
    standing     whether what isn't news counts, too
    """
    # A signal that came when all was done has ended nothing.
    if interrupted and (stopped or any(each.cause in UNFINISHED for each in notices)):
        return ExitCode.INTERRUPTED
    if stopped:
        return stopped.exit_code
    codes = {CAUSES[each.cause].code for each in notices if each.new or standing}
    return next((code for code in WORST_FIRST if code in codes), ExitCode.DONE)


def describe_need(notices: Sequence[Notice]) -> str:
    """Say in a few words who is needed: the headline's end."""
    number = sum(each.count for each in notices if each.cause == UNKNOWN or (each.is_due and each.cause != PLANNED))
    return f"{f'{number:,}' if number else 'none'} {'needs' if number < 2 else 'need'} you"
