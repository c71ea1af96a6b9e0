"""What is asked before anything is changed in Triage, and the answer without a question."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

from importer.errors import UsageError

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
