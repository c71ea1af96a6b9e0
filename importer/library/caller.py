"""Who calls a function of the library: a program, of which nobody is asked, or the command line, with a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

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


class Seen(NamedTuple):
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
    """

    progress: Progress = field(default_factory=Unseen)
    command: str = "validate"
    options: Callable[[], Sequence[str]] = tuple
    key_command: Callable[[], Sequence[str]] = tuple
    choose: Callable[[Sequence[Match]], Match] | None = None
    named: Callable[[str], None] = lambda name: None
    ready: Callable[[], None] = lambda: None
    show: Callable[[Seen], None] = lambda seen: None
    changes: Callable[[ChangeRunner, Summary | None], None] = lambda way, summary: None


PROGRAM = Caller()


class Lines(Unseen):
    """Passes lines on, without the API key."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell

    def say(self, text: str = "") -> None:
        """Pass lines on, one by one."""
        for line in redact(text).split("\n"):
            self._tell(line)
