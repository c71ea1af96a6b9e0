"""The command."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from importer.cli.sandbox import sandbox
from importer.sandbox.gate import KINDS, WHERES
from tests.harness.running import WAIT_SECONDS
from tests.sandbox.conftest import KEY

COMMAND = [sys.executable, "-c", "from importer.cli.sandbox import sandbox; sandbox()"]


def run(*arguments: str) -> Result:
    """Run the command in the process."""
    return CliRunner().invoke(sandbox, arguments)


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command as a process; give it and its URL, which it prints with what it is and its seed."""
    with subprocess.Popen([*COMMAND, "--port", "0", *arguments], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            announcement = "".join(process.stderr.readline() for _ in range(3))
            found = re.match(r"(http://127\.0\.0\.1:\d+)  imitates .*\n.*Seed of the faults: \d+", announcement)
            assert found, announcement
            yield process, found[1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """It answers, and ends with 0, no words and a closed file."""
    with started("--db", str(tmp_path / "s.db")) as (process, url):
        assert httpx.get(f"{url}/v1/triage/categories", headers=KEY).status_code == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, errors) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_its_files_are_private(tmp_path: Path) -> None:
    """Rehearsals are with real issues: only the owner may read the file and those beside it."""
    with started("--db", str(tmp_path / "s.db")) as (_, url):
        httpx.get(f"{url}/v1/triage/categories", headers=KEY)
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    assert modes.pop("s.db") == "0o600"
    assert modes
    assert set(modes.values()) == {"0o600"}


def test_file_of_another_process_is_refused(tmp_path: Path) -> None:
    """A second process on the same file gets a sentence and exit code 2."""
    path = str(tmp_path / "s.db")
    with started("--db", path):
        result = run("--port", "0", "--db", path)
    assert result.exit_code == 2
    assert "is in use by another sandbox" in result.stderr


def test_file_outlives_a_killed_process(tmp_path: Path) -> None:
    """What was answered is there after a kill, and the file is free again."""
    body = {"title": "t", "severity": "low", "category": "c"}
    path = str(tmp_path / "s.db")
    with started("--db", path) as (process, url):
        assert httpx.post(f"{url}/v1/triage/issues", json=body, headers=KEY).status_code == 201
        process.kill()
    with started("--db", path) as (_, url):
        assert len(httpx.get(f"{url}/v1/triage/issues", headers=KEY).json()["data"]["items"]) == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--fault", "500-befor@1%"], "KIND is one of 500-after, hang-after, 429 "),
        (["--rate-limit", "0"], "--rate-limit"),
        (["--port", "70000"], "--port"),
    ],
)
def test_bad_options_are_explained(arguments: list[str], problem: str) -> None:
    """Exit code 2 and a sentence."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_help_explains_every_fault() -> None:
    """The grammar's words are all in the help."""
    text = run("--help").stdout
    assert [word for word in (*KINDS, *WHERES) if word not in text] == []


def test_help_is_light() -> None:
    """Help needs neither the server nor what it is built on."""
    script = "import sys, importer.cli.sandbox; print(*{'starlette', 'uvicorn', 'httpx', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_sandbox_stands_alone() -> None:
    """The server loads nothing else of the importer, so that it shares no code with what it checks."""
    script = "import sys, importer.sandbox.server; print(*(m for m in sys.modules if m.startswith('importer')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    others = [name for name in done.stdout.split() if not name.startswith("importer.sandbox")]
    assert others == ["importer"]
