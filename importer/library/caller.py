"""Who calls a function of the library, a program or the command line, and what is asked before a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeVar

from importer.errors import UsageError
from importer.progress import Progress, Unseen
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.authoring.recognise import Match
    from importer.check.check_pass import Checked
    from importer.check.job import Job
    from importer.errors import ImporterError
    from importer.load.questions import Destination
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner


Q = TypeVar("Q")
NO = "The answer was no."


class Yes(Enum):
    """The type of `YES`."""

    YES = "yes"


YES: Final = Yes.YES
"""Send, or change, without asking: what `--yes` is on the command line."""


class Question(NamedTuple):
    """Whether to send what was checked: the first question; after a canary there is a second one.

    organisation  id of the organisation that the API key belongs to
    rows          of the source; of them `rejected` are not sent
    requests      of all creates, updates and additions; `rate` is how many are made a second, 0 is no limit
    doubts        why the rows may be the wrong ones, each with what to do
    page          report.html of the check, with every row; None in the second question
    canary        what was found when the canary was read back; () in the first question
    left          issues that are not sent yet
    """

    target: str
    organisation: str
    rows: int
    rejected: int
    creates: int
    updates: int
    requests: int
    rate: float
    doubts: tuple[str, ...]
    page: Path | None
    canary: tuple[str, ...] = ()
    left: int = 0
    way_back: str = ""


class UndoQuestion(NamedTuple):
    """Whether to undo a run: of how many issues old values are restored, and how many are closed or deleted."""

    run: str
    restores: int
    closes: int
    deletes: int


Answer = bool | str
"""Whether to do it; a text is why not."""
Confirm = Callable[[Question], Answer] | Literal[Yes.YES] | None
ConfirmUndo = Callable[[UndoQuestion], Answer] | Literal[Yes.YES] | None


def check_confirm(confirm: object) -> None:
    """Raise UsageError for what is neither an answer nor a function."""
    if not (confirm is None or confirm is YES or callable(confirm)):
        raise UsageError(f"confirm can't be {confirm!r}.", hint="Pass importer.YES, or a function that returns True.")


def ask(confirm: Callable[[Q], Answer] | Literal[Yes.YES] | None, question: Q) -> str:
    """Return why something is not done, or ""."""
    if confirm is YES:
        return ""
    if confirm is None:
        return "Nobody has confirmed it: pass confirm=importer.YES, or a function that returns True."
    answer = confirm(question)
    return answer if isinstance(answer, str) else "" if answer else NO


class CheckView(NamedTuple):
    """A check, to be shown to a person.

    summary      of a check alone, once its reports are written
    destination  where its rows would be sent to; None where nothing is
    page         the report of the check, "" if nobody is asked
    doubts       what speaks against sending, where somebody is asked
    refusal      why nothing is sent, or None
    asks         whether a question follows
    """

    job: Job
    checked: Checked
    rate: float
    summary: Summary | None = None
    destination: Destination | None = None
    page: str = ""
    doubts: Sequence[str] = ()
    refusal: ImporterError | None = None
    asks: bool = False


@dataclass(frozen=True)
class Caller:
    """Who calls.

    progress  is told what is found and done
    command   the command of the line that is to be typed again, where an error says so
    options   gives its options, as they were typed
    key_command  gives the command that prints the API key, if there is one
    choose    asks which of several presets a source is for; None where nobody can be asked
    named     is told the name of the source as soon as it is known
    ready     called once the source of an import is open; raises UsageError where nobody can be asked
    show      shows a check
    changes   shows what an undo or a repair would do, and with its summary how it ended
    holds     keys whose rows aren't sent because of what other files have of them: key → code
    tries_again  whether the rows are those that earlier runs rejected
    """

    progress: Progress = field(default_factory=Unseen)
    command: str = "validate"
    options: Callable[[], Sequence[str]] = tuple
    key_command: Callable[[], Sequence[str]] = tuple
    choose: Callable[[Sequence[Match]], Match] | None = None
    named: Callable[[str], None] = lambda name: None
    ready: Callable[[], None] = lambda: None
    show: Callable[[CheckView], None] = lambda view: None
    changes: Callable[[ChangeRunner, Summary | None], None] = lambda way, summary: None
    holds: Mapping[str, str] = field(default_factory=dict)
    tries_again: bool = False


PROGRAM = Caller()


class Lines(Unseen):
    """Passes lines on, without the API key."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell

    def say(self, text: str = "") -> None:
        """Pass lines on, one by one."""
        for line in redact(text).split("\n"):
            self._tell(line)
