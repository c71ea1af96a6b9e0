"""What a fresh interpreter loads: help is instant, and a check needs no client."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from importer import __version__
from importer.cli.main import COMMANDS
from importer.errors import ExitCode, how_to_install
from tests.conftest import Serve
from tests.harness.running import PROGRAM, ROOT, SAMPLES, WAIT_SECONDS, Program, write_issues

HEAVY = (
    "pandas",
    "numpy",
    "httpx",
    "aiohttp",
    "sqlalchemy",
    "pydantic",
    "starlette",
    "uvicorn",
    "tenacity",
    "yaml",
    "jinja2",
)
PROBE = """
import sys
from importer.cli.main import main
try:
    main()
finally:
    print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """The top-level packages that a command has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False, timeout=WAIT_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments", [(), ("run",), ("validate",), ("explain",), ("mappings",), ("mappings", "check"), ("sandbox",)]
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """`--help` is read by somebody who waits for it."""
    assert set(COMMANDS) >= set(arguments[:1])
    assert not loaded(*arguments, "--help").intersection(HEAVY)


def test_version_loads_nothing_heavy() -> None:
    """Neither does `--version`."""
    assert not loaded("--version").intersection(HEAVY)


def test_a_check_loads_neither_client_nor_sandbox(program: Program) -> None:
    """`validate` has no network, so it needs none; nor does a short file need pandas or numpy."""
    for named in ((), ("-m", "jira")):
        found = loaded("validate", str(SAMPLES / "jira.csv"), *named)
        assert not found.intersection({*HEAVY, "requests", "urllib3"} - {"pydantic", "yaml", "jinja2"})


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted where Linux lists them")
def test_a_check_is_one_thread_and_ends_without_a_search() -> None:
    """No library starts threads that nothing here uses, and nothing is looked for in what the end frees anyway."""
    end = "lambda: print(threading.active_count(), len(os.listdir('/proc/self/task')), gc.get_freeze_count() > 0)"
    code = f"import atexit, gc, os, sys, threading\natexit.register({end})\n{PROBE}"
    command = [sys.executable, "-c", code, "validate", str(SAMPLES / "jira.csv"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WAIT_SECONDS)
    assert done.stdout.splitlines()[-1] == "1 1 True"


# What differs on Windows, as far as this program is concerned: its libraries are there, and loaded as on this machine.
WINDOWS = """
import json, signal, sys
import click, pandas, orjson, pydantic
sys.platform = "win32"
sys.modules["fcntl"] = None
del signal.SIGHUP
from importer.cli.main import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as ended:
        print(ended.code, file=sys.stderr)
"""


def test_windows_is_a_sentence(program: Program) -> None:
    """Where nobody has tested it, it says so, whatever is typed: exit code 2 and no traceback."""
    typed = [[], ["--help"], ["--version"], ["runs", "--json"], ["rum"], ["validate", str(SAMPLES / "jira.csv")]]
    command = [sys.executable, "-c", WINDOWS, json.dumps(typed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WAIT_SECONDS)
    said = "Error: triage-import runs on Linux and macOS. It has not been tested on Windows and does not run there."
    assert done.stderr.splitlines() == [said, "2"] * len(typed)
    assert json.loads(done.stdout)["exit_code"] == 2, "with --json alone"
    assert not list(program.folder.iterdir())


@pytest.mark.parametrize("arguments", [("sandbox",), ("run", "export.csv", "-m", "jira", "--sandbox", "--yes")])
def test_without_the_sandbox_s_libraries(program: Program, arguments: tuple[str, ...]) -> None:
    """What is missing, and what installs it."""
    write_issues(program.folder / "export.csv", 1)
    prelude = "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + PROBE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 2
    assert how_to_install("sandbox") in done.stderr


@pytest.mark.slow
def test_a_checkout_that_is_not_installed(program: Program) -> None:
    """With its libraries beside it, an import runs from the clone as it is; the client says the same version."""
    libraries = program.folder / "libraries"
    libraries.mkdir()
    for found in Path(sysconfig.get_path("purelib")).iterdir():
        if "triage_importer" not in found.name:
            (libraries / found.name).symlink_to(found)
    write_issues(program.folder / "export.csv", 1)
    code = f"import sys; sys.path[:0] = {[str(ROOT), str(libraries)]!r}\nfrom importer.cli.main import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, "run", "export.csv", "-m", "jira", "--sandbox", "--yes"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == __version__


@pytest.mark.slow
def test_the_tests_without_psycopg(tmp_path: Path) -> None:
    """It is an extra: tests that need a PostgreSQL server are skipped and say why, all others are run."""
    code = "import sys; sys.modules['psycopg'] = None\nimport pytest; sys.exit(pytest.main(sys.argv[1:]))"
    tests = [str(ROOT / "tests" / "ledger" / name) for name in ("test_overview.py", "test_postgres.py")]
    done = subprocess.run(
        # A folder of its own: else it would remove those of the tests before, which takes minutes on a busy disk.
        [sys.executable, "-c", code, "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}", "-rs", *tests],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d+ passed, \d+ skipped", done.stdout, re.MULTILINE)
    assert f"PostgreSQL's driver is not installed. {how_to_install('postgres')}" in done.stdout


UNKNOWN_USER = ("unshare", "--user", "--map-user=54321", "env", "-u", "HOME", "-u", "XDG_STATE_HOME")
"""Runs a command as a user that no table of users has, as containers do."""


def test_a_user_without_a_home(program: Program, serve: Serve) -> None:
    """What needs a folder says so, and what to type; with --ledger, or the folder, everything works to its end."""
    if shutil.which("unshare") is None or subprocess.run([*UNKNOWN_USER, "true"], check=False).returncode:
        pytest.skip("Nobody may be an unknown user here.")
    source = write_issues(Path("export.csv"), 2)

    def run(*words: str, **environment: str) -> tuple[int, str]:
        given = os.environ | environment
        named = [f"{name}={value}" for name, value in environment.items()]
        done = subprocess.run(
            [*UNKNOWN_USER, *named, *PROGRAM, *words],
            capture_output=True,
            text=True,
            env=given,
            check=False,
            timeout=WAIT_SECONDS,
        )
        return done.returncode, done.stderr

    sending = ("run", str(source), "-m", "jira", "--api-url", serve().url, "--yes", "--rate", "0")
    for words in (("runs",), sending, ("run", str(source), "-m", "jira", "--sandbox", "--yes")):
        code, said = run(*words)
        assert (code, len(said.splitlines())) == (ExitCode.UNUSABLE, 2), said
        assert "nobody knows user 54321" in said
        assert 'export XDG_STATE_HOME="$PWD"' in said
    code, said = run(*sending, "--ledger", "ledger.db")
    assert code == ExitCode.DONE, said
    assert "Set XDG_STATE_HOME to a folder" in said  # two ledgers can't see each other
    code, said = run("verify", "last", "--ledger", "ledger.db")
    assert code == ExitCode.DONE, said
    assert run("runs", XDG_STATE_HOME=str(Path.cwd())) == (ExitCode.DONE, "")
