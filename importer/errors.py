"""The error tree: an error's class says what the program does with it, and with which exit code it ends.

ImporterError
├── Unusable          2  nothing was sent
│   ├── UsageError         an option, the key, the target
│   ├── MappingError       the mapping, with every problem in it
│   └── SourceError        a source that cannot be read as what it claims to be
├── SourceNotReady    6  missing, empty, too old, or still being written
├── LedgerInUse       5  another process works on it
└── RunStopped        3  the same command continues
    ├── TargetUnreachable, SourceChanged, StorageFull
    ├── TimeOver           8  ended as it was told
    └── DecisionNeeded     7  repeating it before somebody has looked may do harm
        └── KeyRefused, TargetMismatch, TargetDoubted, TooManyFailures, LimitPassed
"""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

ENDING_SIGNALS: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""By which a person, a terminal or a service manager asks a process to end; Windows has no SIGHUP, and is refused."""


class ExitCode(IntEnum):
    """How a command ended: all that is known of an exit code, so that a new one is a line here and one in the README.

    rank             which of several counts: the lowest
    sentence         what `--help` and the README say of it
    how              what report.html says of an attempt that ended so
    may_be_repeated  whether a script may type the same command again, later, without asking anybody
    is_complete      whether all rows of the source are accounted for
    stops_others     whether the next file would end with it, too
    """

    rank: int
    sentence: str
    how: str
    may_be_repeated: bool
    is_complete: bool
    stops_others: bool

    def __new__(cls, value: int, rank: int, sentence: str, how: str, *more: str) -> ExitCode:
        """Make a member that is its number; `more` names what is true of it."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.rank, member.sentence, member.how = rank, sentence, how
        for name in ("may_be_repeated", "is_complete", "stops_others"):
            setattr(member, name, name in more)
        return member

    @classmethod
    def of(cls, number: int) -> ExitCode:
        """The member with this number."""
        return next(code for code in cls if code == number)

    # fmt: off
    DONE = (0, 9, "All rows are valid, or in Triage with all their additions, or there was nothing to do.",
        "to its end", "is_complete")
    PARTLY = (1, 8, "Finished, but some rows are rejected, failed or incomplete.",
        "to its end, some rows need you", "is_complete")
    UNUSABLE = (2, 4, "Nothing was sent: usage, mapping or source is invalid, a column is gone that the last run read, "
        "or, with --strict, a column, comments or issues would be lost.",
        "not at all")
    STOPPED = (3, 1, "Stopped by what passes (target, network, disk); the same command continues.",
        "stopped", "may_be_repeated", "stops_others")
    UNKNOWN = (4, 7, "Finished, but the outcome of some rows is unknown; the same command settles them.",
        "to its end, the outcome of some rows is not known", "may_be_repeated")
    LEDGER_IN_USE = (5, 6, "The ledger, the source or the report folder is in use by another process.",
        "not at all", "may_be_repeated", "stops_others")
    NOT_READY = (6, 5, "The source is missing, empty, too old or still being written.",
        "not at all", "may_be_repeated")
    DECIDE = (7, 2, "Somebody has to decide first: the key is refused or another organisation's, a canary isn't in "
        "Triage as it was sent, a marker fits several issues, or --max-changes, --max-rejected, --max-errors or "
        "--min-rows says no.",
        "until somebody decides")
    TIME_OVER = (8, 3, "--max-duration is reached; the same command continues.",
        "to the end of its time", "may_be_repeated", "stops_others")
    INTERRUPTED = (130, 0, "Interrupted; the same command continues.",
        "interrupted", "stops_others")
    # fmt: on


INTERRUPTED = "It was interrupted, by Ctrl-C or by a signal."
"""Why a run ended that nothing else has stopped."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where: what a person needs to mend it.

    `line` is the physical line (1 is the first), `key` the dotted path of a mapping key or the name of a column;
    each is empty or 0 where it does not apply.
    """

    message: str
    file: str = ""
    line: int = 0
    key: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line or "", self.key) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  {self.hint}" if self.hint else text


INSTALLERS = (
    ("pipx_metadata.json", "", ["pipx", "inject", "triage-importer"]),
    ("pyvenv.cfg", "\nuv = ", ["uv", "pip", "install", "--python", sys.executable]),
)
"""A file of the program's environment, a text in it, and what then installs more there: else it is pip."""


def how_to_install(extra: str, environment: Path = Path(sys.prefix)) -> str:
    """What to type for a part that is missing: its packages, as the clone that this one came from may be gone."""
    from importlib.metadata import PackageNotFoundError, requires

    needed, command = [f"{Path(__file__).parents[1]}[{extra}]"], [sys.executable, "-m", "pip", "install"]
    with suppress(PackageNotFoundError):  # else it runs in its clone, and isn't installed
        needed = [each.partition(";")[0] for each in requires("triage-importer") or () if f"extra == '{extra}'" in each]
    for name, text, words in reversed(INSTALLERS):
        with suppress(OSError):
            command = words if text in (environment / name).read_text("utf-8") else command
    return f"To install it, type: {shlex.join([*command, *needed])}"


class ImporterError(Exception):
    """Anything that ends a command with a sentence instead of a traceback."""

    exit_code: ExitCode = ExitCode.UNUSABLE

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)

    @property
    def told(self) -> str:
        """All that it says: the message, each problem, and what helps, a line each."""
        return "\n".join(filter(None, (self.message, *map(str, self.problems), self.hint)))

    @property
    def retryable(self) -> bool:
        """Whether the same call, or command, may succeed later without anybody's doing."""
        return self.exit_code.may_be_repeated


class Unusable(ImporterError):
    """Nothing was sent, and the same command would fail again."""


class UsageError(Unusable):
    """An option, the API key or the target can't be used."""


class MappingError(Unusable):
    """The mapping can't be used; `problems` lists everything that is wrong with it."""


class SourceError(Unusable):
    """The source can't be read as what it claims to be."""


class SourceNotReady(ImporterError):
    """The source is missing, empty, too old or still being written."""

    exit_code = ExitCode.NOT_READY


class LedgerInUse(ImporterError):
    """Another process holds the ledger, the source, or the report folder."""

    exit_code = ExitCode.LEDGER_IN_USE


class RunStopped(ImporterError):
    """The run stopped before its end; the same command continues it."""

    exit_code = ExitCode.STOPPED


class TargetUnreachable(RunStopped):
    """The target is plainly down, or what answers is not Triage."""


class SourceChanged(RunStopped):
    """The source is not what the check pass read."""


class StorageFull(RunStopped):
    """The ledger or a report can't be written, or what the ledger holds can't be read."""


class TimeOver(RunStopped):
    """The time of `--max-duration` is over."""

    exit_code = ExitCode.TIME_OVER


class DecisionNeeded(RunStopped):
    """A person has to decide something before the same command continues."""

    exit_code = ExitCode.DECIDE


class KeyRefused(DecisionNeeded):
    """The target refuses the API key (401, 403), or wants to be paid (402)."""


class TargetMismatch(DecisionNeeded):
    """The target belongs to another organisation than the ledger remembers."""


class TargetDoubted(DecisionNeeded):
    """The target does something else with what it is sent than it should, so that issues could be lost or doubled."""


class TooManyFailures(DecisionNeeded):
    """More rows failed than `--max-errors` allows."""


class LimitPassed(DecisionNeeded):
    """Nothing is sent, as the rows pass `--max-changes` or `--max-rejected`, or fall short of `--min-rows`."""
