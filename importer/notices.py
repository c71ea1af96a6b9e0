"""What somebody must know of a run: one list, from which headline and exit code follow.

A cause is a line in `CAUSES`. Screen, mail, page, log, `runs`, summary.json and the library show the same notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    NEWER_FILE_IN,
    OLDER_FILE_OPEN,
    PERHAPS_GONE,
    REPAIR_KEPT,
    TEXT_CUT,
    VALUE_HELD,
)
from importer.errors import ExitCode, ImporterError
from importer.phrases import counted
from importer.records import Outcome

KEYS_KEPT = 100
"""Keys that a notice has at most."""


class Who(StrEnum):
    """Who must act."""

    NOBODY = "nobody"
    SOMEBODY = "somebody, some time"  # said when it begins and when it changes
    NOW = "somebody, now"  # said by every run


class Cause(NamedTuple):
    """Why somebody must know of something.

    who       must act
    sentence  what is said of it, after how many there are
    noun      what is counted
    code      the exit code of a run in which it is news
    lasts     whether it stands for the keys, too, that the source of a later run doesn't have
    """

    who: Who
    sentence: str
    noun: str = "issue"
    code: ExitCode = ExitCode.PARTLY
    lasts: bool = False


VANISHED, STILL_REJECTED, ROW_EDITED = "vanished", "still-rejected", "row-edited"
UNKNOWN, REJECTED, FAILED, PLANNED = map(str, (Outcome.UNKNOWN, Outcome.REJECTED, Outcome.FAILED, Outcome.PLANNED))

# fmt: off
CAUSES: Mapping[str, Cause] = {
    UNKNOWN: Cause(Who.SOMEBODY, "with an outcome that is not known yet: the same command settles it.", "request",
        ExitCode.UNKNOWN),
    MARKER_AMBIGUOUS: Cause(Who.NOW,
        "held back: markers in Triage may be another row's; results.csv has a command for each choice.",
        code=ExitCode.DECIDE),
    OLDER_FILE_OPEN: Cause(Who.NOW,
        "waiting for an older file that isn't in yet: the same command goes on once it is.", code=ExitCode.DECIDE),
    KEY_TAKEN: Cause(Who.SOMEBODY,
        "held back: the key is another issue's in Triage; results.csv says why, and what to type.", lasts=True),
    MOVE_UNSURE: Cause(Who.SOMEBODY,
        "held back: perhaps an issue that is in Triage under another key; see results.csv.", lasts=True),
    REJECTED: Cause(Who.SOMEBODY, "rejected: results.csv says why.", "row"),
    FAILED: Cause(Who.SOMEBODY, "failed: results.csv has Triage's words; the next run tries again.", "row"),
    PLANNED: Cause(Who.SOMEBODY, "still to be sent: the same command continues.", "row"),
    INCOMPLETE: Cause(Who.SOMEBODY,
        "in Triage with additions missing: see results.csv; the same command sends the rest."),
    ADDITION_UNPROVEN: Cause(Who.NOW,
        "with additions that Triage may or may not have: results.csv has a command for each, to record what is there."),
    EVIDENCE_PENDING: Cause(Who.SOMEBODY,
        "with a call, conversation or file that Triage doesn't know yet: see results.csv; later runs try again."),
    EVIDENCE_MISSING: Cause(Who.SOMEBODY,
        "with a call, conversation or file that Triage never knew: see results.csv."),
    DUPLICATE_IN_TRIAGE: Cause(Who.NOW,
        "in Triage twice, or created by somebody else with this import's marker: see results.csv."),
    PERHAPS_GONE: Cause(Who.SOMEBODY,
        "not in Triage: the same command looks once more before that counts as a deletion."),
    TEXT_CUT: Cause(Who.SOMEBODY, "with a text that Triage has cut: see results.csv."),
    MARKER_CUT: Cause(Who.SOMEBODY,
        "with a marker that Triage cuts off: see results.csv; such rows may be created twice if the ledger is lost."),
    CONFLICT: Cause(Who.SOMEBODY,
        "changed in Triage, too, or perhaps: nothing was overwritten, see conflicts.csv; this ends once both sides "
        "have the same value.", lasts=True),
    VANISHED: Cause(Who.SOMEBODY,
        "no longer in the source, but still in Triage: see vanished.csv; nothing is done about this.", "key",
        lasts=True),
    STILL_REJECTED: Cause(Who.SOMEBODY,
        "of earlier runs, rejected or refused and not dealt with: `triage-import sources rejected NAME` lists them.",
        "row", ExitCode.DONE),
    GONE_AT_TARGET: Cause(Who.NOBODY, "deleted in Triage: not created again.", code=ExitCode.DONE),
    ISSUE_MOVED: Cause(Who.NOBODY, "moved to another key in the source, and followed.", code=ExitCode.DONE),
    ROW_EDITED: Cause(Who.NOBODY,
        "without a key new in Triage, edited as it seems: the former issues stay; see the warnings.", "row",
        ExitCode.DONE),
    NEWER_FILE_IN: Cause(Who.NOBODY, "skipped: a newer file with the issue is in already.", "row", ExitCode.DONE),
    VALUE_HELD: Cause(Who.SOMEBODY,
        "with a value that stays, as too many would be emptied: the same command with --empty FIELD lets it go."),
    REPAIR_KEPT: Cause(Who.NOBODY,
        "with a repaired value that the mapping doesn't give: schedule the mapping of the repair.", code=ExitCode.DONE),
    COLUMN_MISSING: Cause(Who.NOBODY, "with a value left as it is, for lack of a column.", "row", ExitCode.DONE),
}
# fmt: on
"""Code → what is known of it, in the order in which notices are shown."""

DUE = frozenset(code for code, cause in CAUSES.items() if cause.who is not Who.NOBODY)
"""Causes for which somebody must act."""
OPEN = DUE - {UNKNOWN, REJECTED, FAILED, PLANNED, CONFLICT, VANISHED, STILL_REJECTED}
"""Codes of rows that are neither done nor decided, whatever their outcome."""
LASTING = frozenset(code for code, cause in CAUSES.items() if cause.lasts)
CAN_WAIT = frozenset(code for code in DUE if CAUSES[code].code in (ExitCode.DONE, ExitCode.PARTLY)) - {PLANNED}
"""Causes that can be put off; with another one, the exit code says that a file isn't in yet."""
COMMAND_DOES = {REJECTED: "Once they are corrected", STILL_REJECTED: "To see them"}
UNFINISHED = (UNKNOWN, PLANNED, INCOMPLETE)
"""Causes that another attempt of the same run would still do something about."""
WORST_FIRST = (ExitCode.UNKNOWN, ExitCode.DECIDE, ExitCode.PARTLY)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody must know.

    cause    its code, a line of `CAUSES`
    count    how many rows, issues or keys it is about
    new      of these, how many were not said before, by a run over the whole source
    who      must act
    text     a sentence with the count
    since    when it began, ISO 8601
    put_off  until which day a person doesn't want to be told what stands, "" where they do
    keys     of the rows, at most `KEYS_KEPT`
    command  what to paste about it, "" if there is nothing
    """

    cause: str
    count: int
    new: int
    who: Who
    text: str
    since: str = ""
    put_off: str = ""
    keys: tuple[str, ...] = ()
    command: str = ""

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Notice:
        """Return a notice as a summary has it in JSON."""
        return cls(**{**kept, "who": Who(kept["who"]), "keys": tuple(kept.get("keys", ()))})

    @property
    def is_due(self) -> bool:
        """Whether somebody must act."""
        return self.cause in DUE

    @property
    def is_news(self) -> bool:
        """Whether it counts for the exit code of this run."""
        return self.new > 0 or (self.who is Who.NOW and not self.put_off)

    @property
    def line(self) -> str:
        """The notice as a line: what there is of it, since when, and until when it is put off."""
        stands = self.since and self.new < self.count
        since = f"Since {self.since[:10]}" if stands else ""
        put_off = f"put off until {self.put_off}" if self.put_off else ""
        more = ", ".join(filter(None, (since, put_off)))
        return f"{self.text} {more[0].upper()}{more[1:]}." if more else self.text

    @property
    def lines(self) -> tuple[str, ...]:
        """The line, and below it what to paste."""
        what = COMMAND_DOES.get(self.cause, "To put it off")
        return (self.line, f"  {what}: {self.command}") if self.command else (self.line,)


class Earlier(NamedTuple):
    """What is known of a cause beside the count of this run.

    known    of those counted, how many were so in the last run over the whole source
    keys     whose rows they are, some of them
    missing  how many it lasts for that this run's source doesn't have
    """

    known: int = 0
    keys: Sequence[str] = ()
    missing: int = 0


def read_notices(summary: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Return the list of a run's summary, as it is kept; a version before this one has kept none."""
    return tuple(map(Notice.read, summary.get("notices", ())))


def find_causes(outcome: str, codes: Iterable[str]) -> list[str]:
    """Return the causes that a row has; that it is still to be sent is one of the whole run."""
    return [code for code in dict.fromkeys((str(outcome), *codes)) if code in CAUSES and code != PLANNED]


def find_notices(
    counts: Mapping[str, int] | Mapping[Outcome, int],
    earlier: Mapping[str, Earlier] | None = None,
    *,
    before: Iterable[Notice] = (),
    now: str = "",
    put_off: Mapping[str, str] | None = None,
    command: Callable[[str], str] = lambda cause: "",
) -> tuple[Notice, ...]:
    """Make the list of a run.

    counts   cause → how many there are; other codes are left out
    earlier  cause → what else is known of it
    before   the list of the last run over the whole source
    now      when this run began, ISO 8601
    put_off  cause → until which day, which is to come, a person has put it off
    command  returns what to paste about a cause
    """
    every = {str(code): count for code, count in counts.items()}
    last, notices = {each.cause: each for each in before}, list[Notice]()
    for code, cause in CAUSES.items():
        known, keys, missing = (earlier or {}).get(code, Earlier())
        count = every.get(code, 0) + missing
        if count <= 0:
            continue
        stands = last.get(code)
        if code not in DUE and stands is not None:  # of these no row is compared
            known = stands.count
        notices.append(
            Notice(
                code,
                count,
                max(0, count - known - missing),
                cause.who,
                f"{counted(count, cause.noun)} {cause.sentence}",
                stands.since if stands is not None and stands.since else now,
                (put_off or {}).get(code, ""),
                tuple(keys),
                command(code) if code in CAN_WAIT else "",
            )
        )
    return tuple(notices)


def decide_exit_code(
    notices: Sequence[Notice], *, stopped: ImporterError | None, interrupted: bool = False, standing: bool = False
) -> ExitCode:
    """Decide how a run ends, by what somebody must know of it: 0 means that everything is there.

    stopped      what ended it early
    interrupted  whether a signal did
    standing     whether what isn't news counts, too, unless it is put off
    """
    # A signal that came when all was done has ended nothing.
    if interrupted and (stopped or any(each.cause in UNFINISHED for each in notices)):
        return ExitCode.INTERRUPTED
    if stopped:
        return stopped.exit_code
    codes = {CAUSES[each.cause].code for each in notices if each.is_news or (standing and not each.put_off)}
    return next((code for code in WORST_FIRST if code in codes), ExitCode.DONE)


def describe_need(notices: Sequence[Notice]) -> str:
    """Say in a few words who is needed: the headline's end."""
    number = sum(each.count for each in notices if each.is_due and each.cause != PLANNED)
    return f"{f'{number:,}' if number else 'none'} {'needs' if number < 2 else 'need'} you"
