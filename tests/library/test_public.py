"""The library: from a script, a thread, a running loop, a notebook; what it refuses, hides, returns and leaves."""

from __future__ import annotations

import ast
import doctest
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import importer
from importer.errors import ExitCode, ImporterError, UsageError
from importer.library import public
from importer.library.arguments import InputArguments, RunArguments, UndoArguments, VerifyArguments
from importer.library.declared import Section, declared
from importer.library.options import UndoOptions, ValidateOptions, VerifyOptions
from importer.library.run_options import RunOptions
from tests.conftest import Serve
from tests.harness.running import (
    KEY,
    ROOT,
    SAMPLES,
    WAIT_SECONDS,
    Program,
    issue_row,
    read_csv,
    write_csv,
    write_issues,
)

JIRA = str(SAMPLES / "jira.csv")
WORK = f"""
import importer, os, tempfile
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(dir=os.getcwd())
source = {JIRA!r}
checked = importer.validate(source, mapping="jira")
sent = importer.run(source, mapping="jira", sandbox=True, confirm=importer.YES)
read = importer.verify(sent.summary.run_id)
undone = importer.undo(sent.summary.run_id, close=True, confirm=lambda question: question.closes == 11)
assert (checked.summary.planned, sent.summary.created, read.summary.same, undone.summary.updated) == (12, 12, 12, 11)
assert len(checked.rows) == len(sent.to_frame()) == 14
assert undone.exit_code == 0
"""
AROUND = f"""
import asyncio, os, signal, sys, threading

def work():
    exec({WORK!r})

def left():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    return handlers, threading.active_count(), len(os.listdir("/proc/self/fd"))

async def within():
    work()

work()  # what libraries keep for good is there now
before = left()
"""
WAYS = {
    "script": "work()",
    "thread": "thread = threading.Thread(target=work)\nthread.start()\nthread.join()",
    "loop": "asyncio.run(within())",
}
NOTEBOOK = """
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel()
try:
    show = lambda message: message["msg_type"] in ("status", "execute_input") or print(message["content"])
    answer = client.execute_interactive(open("work.py").read(), timeout=300, output_hook=show)
    assert answer["content"]["status"] == "ok", answer["content"]
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


def run_script(text: str) -> subprocess.CompletedProcess[str]:
    """Run a script, every warning an error."""
    Path("script.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-W", "error", "script.py"]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_printed_and_nothing_left(program: Program, way: str) -> None:
    """No output, no exit, the same handlers of signals, threads and open files."""
    done = run_script(f"{AROUND}\n{WAYS[way]}\nassert left() == before, (left(), before)\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_notebook(program: Program) -> None:
    """Its kernel runs a loop in the thread that calls; nothing is shown in the cell."""
    pytest.importorskip("ipykernel")
    cell = f"{AROUND}\nassert asyncio.get_running_loop()\n{WAYS['script']}\nassert left() == before"
    Path("work.py").write_text(cell, encoding="utf-8")
    done = run_script(NOTEBOOK)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("module", [importer, public], ids=lambda module: module.__name__)
def test_the_examples_of_the_functions(program: Program, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has one, which runs as it stands, in a state of its own."""
    (program.folder / "sample_data").symlink_to(SAMPLES)
    found = [each for each in doctest.DocTestFinder().find(module) if each.examples]
    assert len(found) == {importer: 1, public: 4}[module]
    for number, each in enumerate(found):
        monkeypatch.setenv("XDG_STATE_HOME", str(program.state / str(number)))
        assert doctest.DocTestRunner().run(each).failed == 0


def test_the_examples_of_the_page(program: Program) -> None:
    """One after another."""
    (program.folder / "sample_data").symlink_to(SAMPLES)
    page = str(ROOT / "importer" / "library" / "README.md")
    assert doctest.testfile(page, module_relative=False, encoding="utf-8").failed == 0


@pytest.mark.slow
def test_types(tmp_path: Path) -> None:
    """A strict check of a user's script finds what is wrong in it, and nothing else."""
    script = tmp_path / "user.py"
    script.write_text(
        "import importer\n"
        "def small(question: importer.Question) -> bool:\n"
        "    return question.creates < 10\n"
        "result = importer.run('a.csv', mapping='jira', on_change='update', confirm=small)\n"
        "keys: list[str] = [row.key for row in result.rows]\n"
        "rows: int = importer.validate('a.csv', limit=3).to_frame().shape[0]\n"
        "importer.verify().rows[0].verdict\n"
        "importer.run('a.csv', on_change='sometimes')\n"
        "importer.undo('last', confirm=small)\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--follow-imports",
        "silent",
        "--cache-dir",
        str(tmp_path),
        "user.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
    wrong = [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line]
    assert wrong == ["8", "9"], done.stdout + done.stderr


def test_importing_it_loads_nothing(program: Program) -> None:
    """Neither pandas nor any module of its own, until a name is used."""
    done = run_script("import sys, importer\nprint([m for m in sys.modules if m.startswith(('importer.', 'pandas'))])")
    assert done.stdout == "[]\n"
    assert {name for name in importer.__all__ if getattr(importer, name, None) is None} == set()


def test_nobody_has_confirmed(program: Program, serve: Serve) -> None:
    """Without `confirm` nothing is sent, and a function that says no is the same; one that says yes sends."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    where: Any = {"mapping": "jira", "api_url": sandbox.url, "no_canary": True, "rate": 0}
    asked = list[importer.Question]()
    for confirm, because in ((None, "Nobody has confirmed it"), (lambda question: False, "The answer was no.")):
        refused = importer.run("export.csv", confirm=confirm, **where)
        assert refused.exit_code is ExitCode.UNUSABLE
        assert because in refused.summary.stopped_because
        with pytest.raises(importer.NotDone, match=because):
            refused.raise_for_status()
    assert sandbox.create_bodies() == []

    def confirm_all(question: importer.Question) -> bool:
        asked.append(question)
        return True

    sent = importer.run("export.csv", confirm=confirm_all, **where)
    assert sent.summary.created == 3
    [question] = asked
    assert (question.creates, question.rows, question.target) == (3, 3, sandbox.url)
    sent.raise_for_status()


def test_a_canary_asks_again(program: Program, serve: Serve) -> None:
    """The second question has what was found, and a no stops there."""
    sandbox = serve()
    write_issues(Path("export.csv"), 40)
    asked = list[importer.Question]()

    def confirm(question: importer.Question) -> bool:
        asked.append(question)
        return not question.canary

    stopped = importer.run("export.csv", mapping="jira", api_url=sandbox.url, rate=0, confirm=confirm)
    assert stopped.exit_code == ExitCode.STOPPED
    assert [bool(each.canary) for each in asked] == [False, True]
    assert asked[1].left == 40 - len(sandbox.create_bodies()) == stopped.summary.planned


def test_the_rows_are_those_of_the_table(program: Program) -> None:
    """Cell by cell, without the apostrophes for spreadsheets; a table that was replaced isn't taken for it."""
    rows = [issue_row(1, title="=1+1"), issue_row(2, priority="Pressing"), issue_row(3, title="")]
    write_csv(Path("export.csv"), rows)
    result = importer.validate("export.csv", mapping="jira")
    frame = result.to_frame()
    table = read_csv(Path("triage-import-check/results.csv"))
    assert list(frame) == list(table[0])
    assert [str(code) for code in frame["code"]] == [line["code"] for line in table]
    assert [row.title for row in result.rows] == ["=1+1", "Title 2", ""]
    assert [row.codes for row in result.rows] == [(), *(tuple(line["code"].split("\n")) for line in table[1:])]
    other = importer.validate("export.csv", mapping="jira")
    assert result.rows, "what was read stays"
    importer.validate(JIRA, mapping="jira")
    with pytest.raises(UsageError, match="no longer what this call wrote"):
        _ = other.rows


def test_each_start_of_a_program_is_recorded(program: Program) -> None:
    """As those that were typed: with the run that came of it, or the reason why there was none."""
    sent = importer.run(JIRA, mapping="jira", sandbox=True, confirm=importer.YES)
    importer.undo(sent.summary.run_id, close=True)
    with pytest.raises(ImporterError):
        importer.run("missing.csv", mapping="jira", sandbox=True, confirm=importer.YES)
    missing, undo, run = program.starts()
    assert (run["command"], run["run"]["name"], run["source_name"], run["new"]) == (
        "run --sandbox", sent.summary.run_id, "jira", 12,
    )  # fmt: skip
    assert (undo["command"], undo["files"], undo["exit_code"]) == ("undo", [sent.summary.run_id], 0)
    assert (missing["exit_code"], missing["why"]) == (ExitCode.NOT_READY, "missing.csv does not exist.")


def test_the_key_is_hidden(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as an argument it is in no line, error, result or file."""
    monkeypatch.delenv("BLAND_API_KEY")
    sandbox, lines = serve(), list[str]()
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority=f"very {KEY}")])
    where: Any = {"mapping": "jira", "api_url": sandbox.url, "api_key": KEY, "max_rejected": "100%", "rate": 0}
    result = importer.run("export.csv", confirm=importer.YES, progress=lines.append, **where)
    assert result.summary.created == 1
    written = [path.read_bytes() for path in Path(result.summary.out).iterdir()]
    said = "\n".join([*lines, repr(result), repr(result.rows)]).encode()
    assert not [each for each in (said, program.ledger.read_bytes(), *written) if KEY.encode() in each]
    with pytest.raises(ImporterError) as caught:
        importer.validate("export.csv", mapping=f"{KEY}.yaml")
    assert KEY not in f"{caught.value} {caught.value.hint} {caught.value.problems}"


@pytest.mark.parametrize(
    ("arguments", "options", "own"),
    [
        (InputArguments, ValidateOptions, set()),
        (RunArguments, RunOptions, {"api_key"}),
        (VerifyArguments, VerifyOptions, {"api_key"}),
        (UndoArguments, UndoOptions, {"api_key"}),
    ],
)
def test_arguments_are_the_options(arguments: Any, options: type[Section], own: set[str]) -> None:
    """What a program can write is what the command line can; the key alone is never on a command line."""
    assert set(arguments.__annotations__) == declared(options).keys() | own


def test_arguments_are_checked(program: Program) -> None:
    """All that are wrong are named at once, without their values; those that exclude each other are refused, too."""
    wrong: Any = {"on_change": "sometimes", "rate": 0.001, "mistyped": KEY, "limit": 0}
    with pytest.raises(UsageError) as caught:
        importer.run(JIRA, **wrong)
    assert {problem.key for problem in caught.value.problems} == set(wrong)
    assert KEY not in str(caught.value.problems)
    with pytest.raises(UsageError, match="--sandbox and --api-url"):
        importer.run(JIRA, sandbox=True, api_url="https://example.org")
    with pytest.raises(UsageError, match="neither a number of rows nor a share"):
        importer.run(JIRA, max_changes="many")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: importer.run([JIRA]), "A source is a path"),  # type: ignore[arg-type]
        (lambda: importer.validate("a\0b"), "A source is a path"),
        (lambda: importer.run(JIRA, confirm=True), "Pass importer.YES"),  # type: ignore[arg-type]
        (lambda: importer.run(JIRA, onchange="update"), "onchange: Unexpected keyword argument"),  # type: ignore[call-arg]
        (lambda: importer.run(JIRA, max_rejected="0.5"), "neither a number of rows nor a share"),
        (lambda: importer.undo(close=True, delete=True), "can't be used together"),
        (lambda: importer.undo(close="perhaps", expect="many"), "close: Input should be a valid boolean"),  # type: ignore[arg-type]
        (lambda: importer.verify(rate="fast"), "rate: Input should be a valid number"),  # type: ignore[arg-type]
        (lambda: importer.verify(rate="0.001"), "0.001 is less than 0.01"),  # type: ignore[arg-type]
        (lambda: importer.run(JIRA, api_key=KEY, source_name=f"{KEY}:x"), r"--source-name '\*\*\*:x'"),
        (lambda: importer.run(JIRA, mapping="jira", api_key_file=KEY, confirm=importer.YES), r"\*\*\*: No such file"),
    ],
)
def test_slips_are_told(program: Program, call: Callable[[], object], said: str) -> None:
    """A call that can't be used raises an error whose text says what is wrong, and is no traceback of another kind."""
    with pytest.raises(UsageError, match=said) as caught:
        call()
    assert KEY not in str(caught.value)
    assert KEY not in str(program.starts()) + str(sorted(Path().rglob("*.jsonl")))


def test_what_may_be_tried_again(program: Program) -> None:
    """An error says whether the same call may succeed later by itself."""
    with pytest.raises(ImporterError) as caught:
        importer.validate("absent.csv", mapping="jira")
    assert (caught.value.exit_code, caught.value.retryable) == (ExitCode.NOT_READY, True)
    with pytest.raises(ImporterError) as caught:
        importer.validate(JIRA, mapping="absent.yaml")
    assert (caught.value.exit_code, caught.value.retryable) == (ExitCode.UNUSABLE, False)
    with pytest.raises(ImporterError) as caught:
        importer.run(JIRA, mapping="jira", api_url="http://127.0.0.1:9", confirm=importer.YES)
    assert (caught.value.exit_code, caught.value.retryable) == (ExitCode.STOPPED, True)


@pytest.mark.parametrize("command", ["run", "validate", "verify", "undo"])
def test_the_commands_use_nothing_else(command: str) -> None:
    """Each calls the function of its name, and no room that reads, sends or keeps."""
    tree = ast.parse((ROOT / "importer" / "cli" / f"{command}.py").read_text(encoding="utf-8"))
    assert f"importer.{command}(" in ast.unparse(tree)
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    rooms = {module.split(".")[1] for module in modules if module.startswith("importer.")}
    assert rooms.isdisjoint({"pipeline", "sources", "check", "ledger", "load", "triage", "mapping"})


def test_an_api_key_is_found_in_the_environment(program: Program, serve: Serve) -> None:
    """As on the command line."""
    assert os.environ["BLAND_API_KEY"] == KEY
    result = importer.run(JIRA, mapping="jira", api_url=serve().url, rate=0, confirm=importer.YES)
    assert result.summary.created == 12
