"""The command line as a whole: every way out is an exit code with a sentence, never a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from importer.cli.answers import Answer, answers_with_summary
from importer.cli.main import COMMANDS, PRECEDENCE, cli, exit_codes_help, main
from importer.cli.options import Json, takes
from importer.errors import ExitCode
from tests.harness.running import PROGRAM, ROOT, SAMPLES, Program, issue_row, write_csv, write_issues

JIRA = str(SAMPLES / "jira.csv")


def test_help_has_every_command_and_exit_code(program: Program) -> None:
    """A sentence for each code, and the precedence."""
    ended = program("--help")
    assert ended.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in ended.out
    for code in ExitCode:
        assert f"  {int(code):>3}  {code.sentence}\n" in exit_codes_help()
    assert PRECEDENCE in ended.out
    assert PRECEDENCE in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "may repeat the same command after 3, 4, 5, 6, 8." in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(program: Program, name: str) -> None:
    """And each option in it a text."""
    assert program(name, "--help").code == 0
    command = cli.get_command(None, name)  # type: ignore[arg-type]  # the group doesn't look at it
    assert command is not None
    assert command.help
    for option in command.params:
        assert option.param_type_name == "argument" or getattr(option, "help", None), option.name


# What is wrong → the exit code, and what stderr says of it.
SLIPS: dict[str, tuple[list[str], int, str]] = {
    "no such command": (["rum"], 2, "No such command 'rum'"),
    "no preset": (["validate", "people.csv"], 2, "Its columns are City, Name."),
    "unknown preset": (["validate", JIRA, "-m", "jra"], 2, "did you mean `jira`?"),
    "mapping is a folder": (["validate", JIRA, "-m", "."], 2, "can't be read: Is a directory"),
    "mapping is binary": (["validate", JIRA, "-m", "/bin/sh"], 2, "is not UTF-8"),
    "another tracker's": (["validate", JIRA, "-m", "github"], 2, "The mapping github doesn't fit the source."),
    "source is missing": (["validate", "none.csv", "-m", "jira"], 6, "none.csv does not exist."),
    "source is empty": (["validate", "empty.csv", "-m", "jira"], 6, "empty.csv is empty: 0 bytes."),
    "source is a folder": (["validate", ".", "-m", "jira"], 2, ". is a directory."),
    "source is binary": (["validate", "/bin/sh", "-m", "jira"], 2, "is not text"),
    "source is cut off": (["validate", "cut.csv.gz", "-m", "jira"], 6, "ends in the middle of its compressed data"),
    "out is a file": (["validate", JIRA, "-m", "jira", "--out", JIRA], 2, "is a file"),
    "out can't be made": (["validate", JIRA, "-m", "jira", "--out", f"{JIRA}/out"], 2, "--out"),
    "ledger can't be made": (["run", JIRA, "-m", "jira", "--sandbox", "--ledger", f"{JIRA}/l.db"], 2, "--ledger PATH"),
    "ledger in /proc": (["run", JIRA, "-m", "jira", "--sandbox", "--ledger", "/proc/l.db"], 2, "--ledger PATH"),
    "ledger is none": (["run", JIRA, "-m", "jira", "--sandbox", "--ledger", "other.db"], 2, "is not a ledger"),
    "dry run, no ledger": (["run", JIRA, "-m", "jira", "-n", "--ledger", "other.db"], 2, "is not a ledger"),
    "no key file": (
        ["run", JIRA, "-m", "jira", "--yes", "--api-key-file", "key"],
        2,
        "--api-key-file key: No such file",
    ),
    "key file is binary": (["run", JIRA, "-m", "jira", "--yes", "--api-key-file", "/bin/sh"], 2, "it is not text"),
    "key file is empty": (
        ["run", JIRA, "-m", "jira", "--yes", "--api-key-file", "empty.csv"],
        2,
        "--api-key-file empty.csv: it is empty. Name a file that holds the key alone.",
    ),
    "key file has more": (
        ["run", JIRA, "-m", "jira", "--yes", "--api-key-file", "people.csv"],
        2,
        "--api-key-file people.csv: The API key is empty or not one word of ASCII.",
    ),
    "unencrypted": (["run", JIRA, "-m", "jira", "--yes", "--api-url", "http://a.example"], 2, "https://a.example"),
    "not a URL": (["run", JIRA, "-m", "jira", "--yes", "--api-url", "triage"], 2, "--api-url https://api.bland.ai"),
    "two targets": (["run", JIRA, "--sandbox", "--api-url", "https://a.example"], 2, "can't be used together"),
    "ledger is the root": (["verify", "last", "--ledger", "/"], 2, "The ledger / can't be written: Is a directory."),
    "mapping is endless": (["validate", JIRA, "-m", "/dev/zero"], 2, "'/dev/zero' can't be read: File too large"),
    "name is too long": (["validate", "x" * 5000], 3, "x: File name too long."),
    "no terminal": (["run", JIRA, "-m", "jira"], 2, "Add --yes to send without asking"),
    "bad share": (["run", JIRA, "-m", "jira", "--max-rejected", "lots"], 2, "share like 5%"),
    "bad name": (["validate", JIRA, "-m", "jira", "--source-name", "a:b"], 2, "A name has no colon"),
    "bad encoding": (["validate", JIRA, "-m", "jira", "--encoding", "latin-99"], 2, "latin-99"),
    "bad delimiter": (["validate", JIRA, "-m", "jira", "--delimiter", "::"], 2, "--delimiter"),
    "bad format": (["validate", JIRA, "-m", "jira", "--format", "jsonl"], 1, "row-malformed"),
    "only is empty": (["validate", JIRA, "-m", "jira", "--only", ","], 2, "names no key"),
    "only is binary": (["validate", JIRA, "-m", "jira", "--only", "/bin/sh"], 2, "one key per line"),
    "no such row": (["explain", JIRA, "-m", "jira", "VOICE-999"], 2, "No row has the key 'VOICE-999'"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_a_sentence(program: Program, slip: str) -> None:
    """What is wrong, where, and what to type: never a traceback, and nothing on stdout but what a check has found."""
    Path("empty.csv").touch()
    Path("people.csv").write_text("Name,City\nAda,London\n", encoding="utf-8")
    Path("cut.csv.gz").write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b")
    Path("other.db").write_text("my other notes, longer than a header of SQLite would be: " * 20, encoding="utf-8")
    arguments, code, sentence = SLIPS[slip]
    ended = program(*arguments)
    said = ended.out if code == ExitCode.PARTLY else ended.err
    assert (ended.code, ended.out + ended.err) == (code, said)
    assert sentence in " ".join(said.split())
    assert "Traceback" not in said
    assert "This is a bug" not in said


# What can't be meant → what is said of it.
NONSENSE: dict[str, tuple[list[str], str]] = {
    "unknown option": (["run", JIRA, "--limt", "3", "--json"], "No such option '--limt'."),
    "missing argument": (["validate", "--json"], "Missing argument 'SOURCE...'."),
    "missing option": (["repair", "last", "--json"], "Missing option '-m' / '--mapping'."),
    "bad value": (["run", JIRA, "--json", "--limit", "none"], "Invalid value for '--limit'"),
    "no such command": (["rum", "--json"], "No such command 'rum'."),
    "no such run": (["report", "jay-1", "--json"], "ledger"),
    "no ledger": (["runs", "--json", "--ledger", "."], "ledger"),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_usage_error_as_json(program: Program, nonsense: str) -> None:
    """With `--json` stdout has one object with the error and the exit code, whatever else was typed."""
    arguments, sentence = NONSENSE[nonsense]
    ended = program(*arguments)
    assert ended.code == ended.summary["exit_code"] == ExitCode.UNUSABLE
    assert sentence in ended.summary["stopped_because"]
    assert sentence in ended.err


def test_json_that_is_a_name(program: Program) -> None:
    """What stands behind `--` is no option."""
    ended = program("validate", "-m", "jira", "--", "--json")
    assert (ended.code, ended.out) == (ExitCode.NOT_READY, "")


def test_exit_codes_without_a_terminal(program: Program) -> None:
    """A process that nobody watches is told at once, whatever its standard input is."""
    write_issues(Path("export.csv"), 1)
    ended = program.apart("run", "export.csv", "-m", "jira")
    assert ended.code == ExitCode.UNUSABLE
    assert ended.err.startswith("Error: There is no terminal to ask for confirmation")


def test_all_that_is_wrong_without_a_terminal(program: Program) -> None:
    """A name that no mapping has is told as well."""
    write_issues(Path("export.csv"), 1)
    ended = program.apart("run", "export.csv", "-m", "jirra")
    assert ended.code == ExitCode.UNUSABLE
    assert ended.err.index("jirra") < ended.err.index("Error: There is no terminal to ask for confirmation")


def test_a_reader_who_has_gone(program: Program) -> None:
    """`run --json | head -0` ends as the run did; `explain … | head -1` ends well; neither says a word of pipes."""
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, title="")])
    for command, code in (
        (("run", "export.csv", "-m", "jira", "--sandbox", "--json"), 1),
        (("explain", "export.csv", "-m", "jira", "PROJ-1"), 0),
    ):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([*program.command, *command], stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert (done.returncode, b"ipe" in done.stderr) == (code, False), done.stderr


def test_nobody_listens_to_stderr(program: Program) -> None:
    """`run … 2>&1 | head` doesn't end the import."""
    write_issues(Path("export.csv"), 3)
    reading, writing = os.pipe()
    os.close(reading)
    command = [*program.command, "run", "export.csv", "-m", "jira", "--sandbox", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, check=False)
    os.close(writing)
    assert done.returncode == 0
    assert b'"created": 3' in done.stdout


def test_text_that_a_terminal_can_t_show(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown as an escape, and nothing ends."""
    monkeypatch.setenv("PYTHONIOENCODING", "iso-8859-1")
    write_csv(Path("export.csv"), [issue_row(1, title="Bye 👋")])
    ended = program.apart("explain", "export.csv", "-m", "jira", "PROJ-1")
    assert ended.code == 0
    assert "Bye \\U0001f44b" in ended.out


def test_a_bug_is_a_sentence_too(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it happened, and how to see more; the traceback only comes when it is asked for."""
    write_issues(Path("export.csv"), 1)
    monkeypatch.setenv("TMPDIR", "/")
    monkeypatch.setitem(sys.modules, "importer.cli.validate", None)
    ended = program("validate", "export.csv")
    assert ended.code == ExitCode.STOPPED
    assert ended.err.startswith("Error: ModuleNotFoundError in ")
    assert "This is a bug in triage-import" in ended.err
    assert "Traceback" not in ended.err
    monkeypatch.setenv("TRIAGE_IMPORT_DEBUG", "1")
    assert "Traceback" in program("validate", "export.csv").err


@click.command()
@takes(Json)
@answers_with_summary
def broken(options: Json) -> Answer:
    raise ZeroDivisionError("by nothing")


def test_a_bug_is_a_summary_too(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--json` a script is told: the exit code, and where it happened."""
    monkeypatch.setitem(COMMANDS, "broken", "Divide by nothing.")
    monkeypatch.setitem(sys.modules, "importer.cli.broken", sys.modules[__name__])
    ended = program("broken", "--json")
    assert ended.code == ended.summary["exit_code"] == ExitCode.STOPPED
    assert ended.err.startswith(f"Error: ZeroDivisionError in {__file__}:")
    assert ended.summary["stopped_because"] in ended.err
    assert program("broken").out == ""


def test_main_is_the_module_and_the_script(program: Program) -> None:
    """`python -m importer` is `triage-import`, under its name."""
    ended = program.apart("--version")
    assert (ended.code, ended.out.startswith("triage-import, version ")) == (0, True)
    assert callable(main)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_streams_that_are_closed_or_full(program: Program) -> None:
    """Without stderr the work is done all the same; a summary that can't be printed is a sentence."""
    write_issues(Path("export.csv"), 1)
    command = f"{PROGRAM[0]} -m importer validate export.csv -m jira"
    assert subprocess.run(f"{command} 2>&-", shell=True, check=False).returncode == 0
    assert Path("triage-import-check/results.csv").exists()
    done = subprocess.run(f"{command} --json >/dev/full", shell=True, check=False, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert "stdout can't be written" in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("validat", "export.csv"), "No such command 'validat'. Did you mean 'validate'?"),
        (("frobnicate",), "No such command 'frobnicate'."),
        (("export.csv",), "'export.csv' is a file: name a command first, as in `triage-import validate export.csv`."),
        (
            ("-m", "jira", "validate", "export.csv"),
            "-m is an option of the command, so put it after the command: triage-import validate export.csv -m jira",
        ),
        (("--jsn", "export.csv"), "No such option '--jsn'."),
    ],
)
def test_a_command_that_there_is_not(program: Program, words: tuple[str, ...], sentence: str) -> None:
    """The nearest is shown, and what a file's name alone may have meant."""
    Path("export.csv").touch()
    ended = program(*words)
    assert ended.code == 2
    assert f"Error: {sentence}\n" in ended.err


@pytest.mark.parametrize(
    ("words", "long"), [(("help",), ("--help",)), (("help", "undo"), ("undo", "--help")), (("-V",), ("--version",))]
)
def test_short_ways(program: Program, words: tuple[str, ...], long: tuple[str, ...]) -> None:
    """`help` and `-V` are what people type first."""
    assert program(*words) == program(*long)


def test_options_of_run_are_in_groups(program: Program) -> None:
    """Each option once, under a title that says what it is for, and the environment behind them."""
    text = program("run", "--help").out
    titles = re.findall(r"^\S.*:$", text, re.MULTILINE)
    assert titles == ["Input:", "Target:", "Sending and limits:", "Issues already in Triage:", "Scheduled imports:",
                      "Selection and output:", "Other options:"]  # fmt: skip
    options = re.findall(r"^  (?:-., )?(--[a-z-]+)", text, re.MULTILINE)
    assert len(options) == len(set(options)) > 30
    assert "\n  Environment:\n    BLAND_API_KEY " in text


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"], ["mappings", "list"], ["runs"]])
def test_stdout_that_takes_nothing(program: Program, words: list[str]) -> None:
    """A full disk is said, without reports that there are none of; a reader that has gone is nothing to speak of."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (3, "Error: stdout can't be written: No space left on device.\n")
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run([*PROGRAM, *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_stderr_that_takes_nothing(program: Program) -> None:
    """A slip ends with 2 all the same."""
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([*PROGRAM, "run", "--nope"], stderr=full, check=False).returncode == ExitCode.UNUSABLE


IN_EXEC = "import importer.cli.main as m; m.cli.main = lambda *_, **__: exec('{}'); m.main([])"


@pytest.mark.parametrize("statement", ["raise KeyboardInterrupt", "raise RuntimeError from KeyboardInterrupt()"])
def test_interrupted_while_a_library_loads(tmp_path: Path, statement: str) -> None:
    """Whatever a library makes of a Ctrl-C, and wherever it was: 130, and a word of it."""
    (tmp_path / "begun.py").write_text(IN_EXEC.format(statement), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "begun"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "Interrupted. The same command continues.\n")


def test_a_time_zone_that_there_is_not(program: Program) -> None:
    """Times are those of UTC then."""
    write_issues(Path("export.csv"), 1)
    ended = subprocess.run(
        [*PROGRAM, "run", "export.csv", "-m", "jira", "--sandbox"],
        env={**os.environ, "TZ": "UTC+99:99"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Said before anything else, as every path belongs to it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["bash", "-c", 'rmdir "$PWD"; exec "$@"', "bash", *PROGRAM, "runs"]
    ended = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
    assert ended.returncode == ExitCode.UNUSABLE
    assert ended.stderr.startswith("Error: The present folder can't be used: No such file or directory.")


def test_a_key_that_is_no_utf_8(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check needs none; an import refuses it with a sentence."""
    monkeypatch.setenv("BLAND_API_KEY", "org_\udcff\udcfe_canary")
    assert program.apart("validate", SAMPLES / "jira.csv").code == ExitCode.DONE
    ended = program.apart("run", SAMPLES / "jira.csv", "--api-url", "http://127.0.0.1:9", "--yes")
    assert ended.code == ExitCode.UNUSABLE
    assert "not one word of ASCII" in ended.err
    assert "Traceback" not in ended.err
