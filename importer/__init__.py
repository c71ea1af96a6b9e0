"""Moves issues out of other trackers into Triage: as a library, of which the command line is one user.

>>> import importer
>>> importer.validate("sample_data/jira.csv", mapping="jira").summary.rows
14
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from importer.errors import ExitCode, ImporterError
    from importer.library.caller import YES, Question, UndoQuestion
    from importer.library.public import run, undo, validate, verify
    from importer.library.result import NotDone, Result, ResultRow

__all__ = [
    "YES",
    "ExitCode",
    "ImporterError",
    "NotDone",
    "Question",
    "Result",
    "ResultRow",
    "UndoQuestion",
    "__version__",
    "run",
    "undo",
    "validate",
    "verify",
]
_PLACES = {
    **dict.fromkeys(("ExitCode", "ImporterError"), "importer.errors"),
    **dict.fromkeys(("YES", "Question", "UndoQuestion"), "importer.library.caller"),
    **dict.fromkeys(("run", "undo", "validate", "verify"), "importer.library.public"),
    **dict.fromkeys(("NotDone", "Result", "ResultRow"), "importer.library.result"),
}
"""Where each name is. It is loaded when it is used: `triage-import --help` needs none of them."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return __all__
