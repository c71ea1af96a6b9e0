"""Commands to be pasted, which name the ledger and the target unless these are the default ones."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

from importer.api import DEFAULT_URL
from importer.errors import UsageError
from importer.phrases import shell_join
from importer.records import SANDBOX_PREFIX

PUT_OFF_FOR = timedelta(days=7)
ABSENT, ADDED, NOT_ADDED = "absent", "added", "not-added"
"""Answers to what became of a key: it has no issue; all that belongs to it is in Triage, or none of that."""


def default_path() -> Path:
    """Return the default path of a ledger: `$XDG_STATE_HOME/triage-importer/ledger.db`.

    Raises UsageError for a user without a home folder, as in a container that sets only a number for them.
    """
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError as error:
        message = f"There is no folder for ledger and locks: HOME isn't set, and nobody knows user {os.getuid()}."
        raise UsageError(message, hint='Name one: export XDG_STATE_HOME="$PWD"') from error
    return Path(state) / "triage-importer" / "ledger.db"


def say_target(target: str) -> list[str]:
    """Return the options that name a target on the command line."""
    return ["--sandbox"] if target.startswith(SANDBOX_PREFIX) else ["--api-url", target]


def run_command(ledger: str, *words: str) -> str:
    """Return a command about a run, of which the ledger of this name, or the usual one, knows the target itself."""
    name = ledger if "://" in ledger else str(Path(ledger).resolve())
    try:
        is_usual = not ledger or name == str(default_path().resolve())
    except UsageError:  # there is no usual one
        is_usual = False
    book = [] if is_usual else ["--ledger", name]
    return shell_join(["triage-import", *words, *book])


def source_command(ledger: str, target: str, *words: str) -> str:
    """Return a command about a source or a key of it."""
    return run_command(ledger, *words, *([] if target == DEFAULT_URL else say_target(target)))


def put_off_command(ledger: str, target: str, source_name: str, cause: str) -> str:
    """Return the command that puts off what stands of a source for a week."""
    day = date.today() + PUT_OFF_FOR
    return source_command(ledger, target, "sources", "put-off", source_name, cause, f"{day:%Y-%m-%d}")


def settle_command(ledger: str, target: str, key: str, answer: str) -> str:
    """Return the command that records the outcome of a key by hand."""
    return source_command(ledger, target, "settle", key, answer)
