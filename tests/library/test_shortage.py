"""Too little memory or too few files end in a sentence that says what to raise."""

from __future__ import annotations

import errno
import resource
import subprocess
from pathlib import Path

import pytest

from importer.cli.main import end_with
from importer.errors import ExitCode
from importer.library.shortage import LEAST_MEMORY, check_limits, find_shortage
from tests.harness.running import PROGRAM, WAIT_SECONDS, Program, write_issues


def limited(limits: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell with limits."""
    script = f'ulimit {limits}; exec "$@"'
    return subprocess.run(
        ["bash", "-c", script, "bash", *PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ("-n 20", "Only 20 files may be open at a time, and 128 are needed.\nRaise it, then run the same command"),
        ("-v 300000", "Only 292 MB of memory may be used, and 512 MB are needed."),
    ],
)
def test_limits_that_are_too_low(program: Program, limits: str, says: str) -> None:
    """Before anything is opened or sent, and nothing else is said."""
    write_issues(Path("export.csv"), 3)
    ended = limited(limits, "run", "export.csv", "-m", "jira", "--sandbox")
    assert ended.returncode == ExitCode.UNUSABLE
    assert ended.stderr.startswith(f"Error: {says}")
    assert len(ended.stderr.splitlines()) == 2
    assert not program.ledger.exists()


@pytest.mark.parametrize(("concurrency", "code"), [("8", 0), ("100", ExitCode.UNUSABLE)])
def test_more_connections_than_files(program: Program, concurrency: str, code: int) -> None:
    """Those that can't be opened would be waited for, as in an outage."""
    write_issues(Path("export.csv"), 3)
    ended = limited("-n 128", "run", "export.csv", "-m", "jira", "--sandbox", "--concurrency", concurrency)
    assert ended.returncode == code, ended.stderr
    assert ("or give a lower --concurrency" in ended.stderr) == (code != 0)


def test_a_limit_that_can_be_raised(program: Program) -> None:
    """What a shell allows at first is often less than it allows at all."""
    write_issues(Path("export.csv"), 3)
    ended = limited("-S -n 20", "run", "export.csv", "-m", "jira", "--sandbox", "--json")
    assert ended.returncode == 0, ended.stderr


def test_limits_of_this_process() -> None:
    """They are enough, or are made so."""
    check_limits()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft in (hard, resource.RLIM_INFINITY) or soft >= 1024
    assert LEAST_MEMORY < 2**30


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "There is not enough memory."),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "There is not enough memory."),
        (RuntimeError("can't start new thread"), "There is not enough memory."),
        (ImportError("numpy.so: failed to map segment from shared object"), "There is not enough memory."),
        (OSError(errno.EMFILE, "Too many open files"), "Too many files are open."),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a.csv"), "a.csv: File name too long."),
        (RuntimeError("Symlink loop from 'a'"), "Symlink loop from 'a'."),
        (PermissionError(errno.EACCES, "Permission denied", "b.csv"), "b.csv: Permission denied."),
    ],
)
def test_what_runs_out_later(error: Exception, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no bug, and the same command continues; `--json` has the same sentence."""
    assert end_with(error, ["--json"]) == ExitCode.STOPPED
    shown = capsys.readouterr()
    assert shown.err.startswith(f"Error: {says}\n")
    assert "the same command continues" in shown.err
    assert "bug" not in shown.err + shown.out
    assert says in shown.out


def test_anything_else() -> None:
    """Other errors are bugs."""
    assert find_shortage(OSError(errno.EIO, "I/O error")) is None
    assert find_shortage(ValueError("memory")) is None
