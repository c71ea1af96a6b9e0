"""Opens the target that options name, the sandbox included, with its API key and rate."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from importer.api import DEFAULT_URL
from importer.errors import UsageError, how_to_install
from importer.mapping.yaml_tree import read_small
from importer.phrases import shell_join
from importer.records import SANDBOX_PREFIX
from importer.triage.redaction import KEY_VARIABLE, Secret, note_echo

if TYPE_CHECKING:
    from importer.triage.target import ApiKey, Target

    Key = ApiKey | Path | None
    """The API key, or the file that has it alone; None takes that of the environment."""

DEFAULT_RATE = 5.0
"""The only figure that Bland publishes for an organisation (`org_rate_limit`), without a unit."""
SANDBOX_RATE = 0.0
LEAST_RATE = 0.01
"""Requests a second: a slower import would never end, and 1e-320 is no time that a computer can wait."""

KEY_SECONDS = 60.0
KEY_FILE_HINT = "Name a file that holds the key alone."


def find_slow(rate: float) -> str:
    """Say why a rate can't be used; "" if it can."""
    return f"{rate:g} is less than {LEAST_RATE:g}; 0 is no limit" if 0 < rate < LEAST_RATE else ""


def choose_rate(rate: float | None, target: str) -> float:
    """Return the rate that was given, else the default of the target; in requests a second, 0 for no limit."""
    if rate is not None:
        return rate
    return SANDBOX_RATE if target.startswith(SANDBOX_PREFIX) else DEFAULT_RATE


@contextmanager
def open_target_named(name: str, key: Key) -> Iterator[Target]:
    """Open the target with this name in a ledger; a sandbox is started on the file in its name."""
    if name.startswith(SANDBOX_PREFIX):
        with _open_sandbox(Path(name.removeprefix(SANDBOX_PREFIX))) as target:
            yield target
    else:
        with open_target(False, name, key) as target:
            yield target


def target_name(sandbox: bool, url: str | None) -> str:
    """Return the target's name in the ledger: its normalised URL, or `sandbox:` and the sandbox's file."""
    from importer.triage.target import normalise_target

    return f"{SANDBOX_PREFIX}{sandbox_file()}" if sandbox else normalise_target(url or DEFAULT_URL)


def sandbox_file() -> Path:
    """Return the file in which `--sandbox` keeps its issues, so that a second run finds those of the first."""
    from importer.ledger.commands import default_path

    return default_path().with_name("sandbox.db")


@contextmanager
def open_target(sandbox: bool, url: str | None, key: Key, key_command: Sequence[str] = ()) -> Iterator[Target]:
    """Open the target to send to; a sandbox runs until the block ends. For the key see `read_api_key`."""
    from importer.triage.proxies import find_proxy
    from importer.triage.target import Target, normalise_target

    if not sandbox:
        normalised = normalise_target(url or DEFAULT_URL)
        address = urlsplit(normalised)
        find_proxy(address.scheme, address.hostname or "")  # one that can't be used is told before anything is read
        api_key = read_api_key(key, key_command) if key is None or isinstance(key, Path) else key
        api_key.hide()
        yield Target(normalised, normalised, api_key)
        return
    with _open_sandbox(sandbox_file()) as target:
        yield target


@contextmanager
def _open_sandbox(file: Path) -> Iterator[Target]:
    from secrets import token_hex

    from importer.triage.target import ApiKey, Target

    try:
        from importer.sandbox.gate import SandboxOptions
        from importer.sandbox.server import serve_in_thread
        from importer.sandbox.storage import SandboxError
    except ImportError as error:
        raise sandbox_missing() from error
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)  # SQLite would make it readable for everybody
    except OSError as error:
        raise UsageError(
            f"The sandbox can't keep its issues in {file}: {error.strerror}.",
            hint="Set XDG_STATE_HOME to a folder that can be written.",
        ) from error
    try:
        with serve_in_thread(SandboxOptions(db=file)) as running:
            yield Target(running.url, f"{SANDBOX_PREFIX}{file}", ApiKey(f"sandbox-{token_hex(8)}"))
    except SandboxError as error:
        raise UsageError(
            error.message,
            hint="Wait until whoever has it has ended, or move it away; with XDG_STATE_HOME set to another folder, "
            "ledger and sandbox are there.",
        ) from error


def sandbox_missing() -> UsageError:
    """Return the error of a command that needs the sandbox's extra."""
    return UsageError("The sandbox is not installed.", hint=how_to_install("sandbox"))


def read_api_key(file: Path | None, command: Sequence[str] = ()) -> ApiKey:
    """Read the API key from a file, else from BLAND_API_KEY, else from what a command prints. Raises UsageError.

    It is never an argument: everybody on the machine can read those.
    """
    from importer.triage.target import ApiKey

    if file is not None:
        try:
            secret = Secret(read_small(file).decode("utf-8-sig"))
        except UnicodeDecodeError:  # it has the bytes that it is about
            raise UsageError(f"--api-key-file {file}: it is not text.", hint=KEY_FILE_HINT) from None
        except OSError as error:
            if isinstance(error, FileNotFoundError) and file.stem == str(file):
                note_echo(Secret(file.name))  # perhaps the key itself, in place of its file
            raise UsageError(f"--api-key-file {file}: {error.strerror}.", hint=KEY_FILE_HINT) from error
        if not secret:
            raise UsageError(f"--api-key-file {file}: it is empty.", hint=KEY_FILE_HINT)
        try:
            return ApiKey(secret, f"--api-key-file {file}")
        except UsageError as error:
            raise UsageError(f"--api-key-file {file}: {error.message}", hint=KEY_FILE_HINT) from error
    secret = Secret(os.environ.get(KEY_VARIABLE, ""))
    if not secret and command:
        secret = _ask_for_key(command)
    if not secret:
        raise UsageError(
            "There is no API key.",
            hint="Set BLAND_API_KEY, or name a file with --api-key-file FILE, or rehearse with --sandbox.",
        )
    return ApiKey(secret)


def _ask_for_key(command: Sequence[str]) -> Secret:
    """Return what a command prints. Raises UsageError where it fails, or takes more than a minute."""
    import subprocess

    try:
        return Secret(
            subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=KEY_SECONDS, check=True).stdout
        )
    except UnicodeDecodeError:  # it has the bytes that it is about
        because = "it prints what is not text"
    except (OSError, subprocess.SubprocessError) as error:
        because = str(error.strerror if isinstance(error, OSError) else error)
    raise UsageError(f"api-key-command: {because}.", hint=f"By hand: {shell_join(command)}")
