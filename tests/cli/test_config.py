"""The configuration file, and the commands about it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import ExitCode
from importer.ledger.lock import hold_folder, holding_folders
from importer.report.folder import new_folder
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.running import KEY, SAMPLES, Ended, Program, read_csv

GOOD = """\
[defaults]
ledger = "state/ledger.db"
rate = 0

[imports.nightly]
sources = ["inbox/qa-*.csv"]
mapping = "own/qa.yaml"
on-change = "update"
unattended = true
fields = ["severity", "status"]
no-such-table = { a = 1 }
"""
BAD = """\
[defaults]
ledgr = "x"
rate = "fast"
yes = true
sources = ["a"]
max-source-age = "often"
strict = "yes"
apply = true
[imports.a]
mapping = 5
accept-missing = ["x"]
concurrency = 900
unattended = "yes"
on-change = "overwritten"
[imports.b]
sources = "x.csv"
api-key-command = 7
no-canary = true
order = { first = "open" }
reports = { dir = "x", keep = true }
[imports.c]
sources = ["x.csv"]
reports = { dir = "x", keep = 1 }
out = "y"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration, an export and a mapping, in which nobody is."""
    place = tmp_path / "etc"
    for name in ("inbox", "own", "state"):
        (place / name).mkdir(parents=True)
    shutil.copy(SAMPLES / "jira.csv", place / "inbox" / "qa-1.csv")
    (place / "own" / "qa.yaml").write_text("extends: jira\n")
    write(place, GOOD.replace("no-such-table = { a = 1 }\n", ""))
    return place


def write(folder: Path, text: str) -> Path:
    """Write the configuration, for its owner alone."""
    path = folder / "triage-import.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture
def run(program: Program, serve: Serve, folder: Path) -> tuple[Callable[..., Ended], RunningSandbox]:
    """Run the import of the night, from elsewhere."""
    sandbox = serve()
    config = ("--config", folder / "triage-import.toml")
    return lambda *more: program(*config, "run", "@nightly", "--api-url", sandbox.url, "--no-canary", *more), sandbox


def test_an_import_by_its_name(run: tuple[Callable[..., Ended], RunningSandbox], folder: Path) -> None:
    """Its files, mapping and ledger are where the file says, wherever the command is typed; nobody is asked."""
    start, sandbox = run
    first = start("--out", "reports", "-q")
    assert (first.code, first.err) == (ExitCode.DONE, ""), first.err
    outcomes = [row["outcome"] for row in read_csv(Path("reports/results.csv"))]
    assert len(sandbox.issues()) == outcomes.count("created") > 10
    assert (folder / "state" / "ledger.db").is_file()
    assert start("--json").summary["unchanged"] == len(sandbox.issues())


def test_it_is_found_upwards(program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder above, but not above the home folder, and not if anybody can write it."""
    monkeypatch.chdir(folder / "inbox")
    assert "qa-1.csv" in program("validate", "@nightly").out
    monkeypatch.setenv("HOME", str(folder / "inbox"))
    assert "There is no triage-import.toml here" in program("validate", "@nightly").err
    monkeypatch.delenv("HOME")
    (folder / "triage-import.toml").chmod(0o606)
    ended = program("validate", "@nightly")
    assert (ended.code, "anybody can write it" in ended.err) == (ExitCode.UNUSABLE, True)
    assert program("--config", "../triage-import.toml", "validate", "@nightly").code == ExitCode.DONE


def test_where_a_value_is_from(program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed counts more than the variable, that more than the import, and that more than the defaults."""
    monkeypatch.setenv("TRIAGE_IMPORT_CONCURRENCY", "4")
    monkeypatch.setenv("TRIAGE_IMPORT_ON_CHANGE", "skip")
    path = folder / "triage-import.toml"
    ended = program("--config", path, "config", "show", "run", "@nightly", "--order", "open-first")
    shown = {
        option: (value, where) for option, value, where in (line.split(None, 2) for line in ended.out.splitlines())
    }
    assert shown["--order"] == ("open-first", "command line")
    assert shown["--concurrency"] == ("4", "TRIAGE_IMPORT_CONCURRENCY")
    assert shown["--on-change"] == ("skip", "TRIAGE_IMPORT_ON_CHANGE")
    assert shown["--rate"] == ("0.0", f"{path}:3")
    assert shown["--yes"] == ("true", f"{path}:9")
    assert shown["--fields"] == ("severity,status", f"{path}:10")
    assert shown["--max-errors"] == ("100", "default")
    assert Path(shown["--mapping"][0]).resolve() == folder / "own" / "qa.yaml"


def test_all_that_is_wrong(program: Program, folder: Path) -> None:
    """Each problem with its line; no command begins with such a file."""
    path = write(folder, BAD)
    ended = program("--config", path, "config", "check")
    assert ended.code == ExitCode.UNUSABLE
    lines = {int(line.removeprefix(f"  {path}:").split(":")[0]) for line in ended.err.splitlines()[1:]}
    assert lines == {*range(2, 21), 24} - {15}, ended.err
    assert "ledgr: is no option; is it ledger?" in ended.err
    assert program("--config", path, "run", "@a").err == ended.err


def test_files_that_are_not_there(program: Program, folder: Path) -> None:
    """The check names them; other imports go on without."""
    path = folder / "triage-import.toml"
    assert program("--config", path, "config", "check").out == f"{path} can be used: 1 import.\n"
    write(folder, path.read_text() + '\n[imports.other]\nsources = ["x.csv"]\nmapping = "gone.yaml"\n')
    ended = program("--config", path, "config", "check")
    assert (ended.code, f"{path}:14:imports.other.mapping: " in ended.err) == (ExitCode.UNUSABLE, True)
    assert program("--config", path, "validate", "@nightly").code == ExitCode.DONE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[defaults", "is not TOML"),
        ("defaults = 3", "is a table"),
        ("[import.a]", "is neither"),
        (f"[defaults]\nmapping = {'[' * 3000}{']' * 3000}", "is nested too deeply"),
        (f"[defaults]\nrate = {'9' * 5000}", "is not TOML: Exceeds the limit"),
        (f"[defaults]\nrate = {'9' * 400}", "can't be 9999"),
        ('[defaults]\napi-key-command = "pass \'key"', "with each quote closed"),
        (None, "can't be read"),
    ],
)
def test_a_file_that_is_none(program: Program, folder: Path, text: str | None, said: str) -> None:
    """It is said, in a sentence."""
    path = write(folder, text or "")
    if text is None:
        path.unlink()
        path.symlink_to("nowhere")
    ended = program("--config", path, "validate", SAMPLES / "jira.csv")
    assert (ended.code, said in ended.err) == (ExitCode.UNUSABLE, True), ended.err


def test_a_byte_order_mark(program: Program, folder: Path) -> None:
    """Windows' editor writes one."""
    path = folder / "marked.toml"
    path.write_text('[defaults]\nmapping = "jira"\n', encoding="utf-8-sig")
    assert program("--config", path, "validate", SAMPLES / "jira.csv").code == ExitCode.DONE


def test_an_import_that_is_none(program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are named; a file may be called so."""
    monkeypatch.chdir(folder)
    ended = program("validate", "@weekly")
    assert (ended.code, "It has nightly. A file of this name is ./@weekly" in ended.err) == (ExitCode.UNUSABLE, True)
    shutil.copy("inbox/qa-1.csv", "@weekly")
    assert "@weekly" in program("validate", "./@weekly", "-m", "jira").out
    assert program("validate", "inbox/qa-2.csv").code == ExitCode.NOT_READY


def test_a_folder_of_reports_each_night(
    run: tuple[Callable[..., Ended], RunningSandbox], folder: Path, program: Program
) -> None:
    """Also of a night without news, and of a refused one, which doesn't count; the newest stay, whatever was typed."""
    start, _ = run
    path = write(folder, (folder / "triage-import.toml").read_text() + "reports = {dir = 'reports', keep = 3}\n")
    shown = program("--config", path, "config", "show", "run", "@nightly").out
    assert any(line.split()[0] == "--out" and line.endswith(f"{path}:11") for line in shown.splitlines())
    nights = list[str]()
    for more, code in [((), 0), ((), 0), (("--min-rows", "999"), 7), (("--dry-run",), 0), (("--out", "x"), 0), ((), 0)]:
        assert start(*more).code == code
        made = sorted(each.name for each in (folder / "reports").iterdir())
        nights += [name for name in made if name not in nights]
        assert made == (nights[-4:] if not more else nights)
    assert [each.is_file() for each in sorted((folder / "reports").glob("*/summary.json"))] == [True] * 4
    assert len(nights) == 5
    write(folder, path.read_text() + "files = 'each-once'\n")
    assert [start().code, start().code] == [ExitCode.DONE] * 2, "in a folder of its own each, and then nothing is new"
    *others, last = sorted((folder / "reports").iterdir())
    assert [each.name for each in others] == nights[-2:]
    assert {each.name for each in last.iterdir()} == {"qa-1.csv"}


def test_folders_that_stay(run: tuple[Callable[..., Ended], RunningSandbox], folder: Path) -> None:
    """Only what starts of this import have written is removed, and nothing of it that anybody has a use for."""
    start, _ = run
    write(folder, (folder / "triage-import.toml").read_text() + "reports = {dir = 'reports', keep = 1}\n")

    def make(name: str, *files: str) -> Path:
        place = folder / "reports" / name
        for each in ("errors.csv", "results.csv", "report.html", *files, "summary.json"):
            (place / each).parent.mkdir(parents=True, exist_ok=True)
            (place / each).write_text("extends: jira\n")
        return place

    stamps = (f"nightly-20260101T{number:06}.000000Z" for number in range(100))
    gone = [
        make(next(stamps)),
        make(next(stamps), "errors-2.csv"),
        make(next(stamps), "a/results.csv", "a/summary.json"),
    ]
    stay = [
        make(next(stamps), "notes.txt"),
        make(next(stamps), "results-2.csv"),
        make(next(stamps), "qa.csv/notes.txt"),
        make(next(stamps), "copies/errors.csv"),
        make(next(stamps).replace("nightly", "nightly-too")),
        make(next(stamps).replace("nightly", "weekly")),
        make("nightly-2026"),
        make("triage-import-2026-01-01-jira-1"),
        edited := make(next(stamps)),
        noted := make(next(stamps)),
        killed := make(next(stamps)),
        named := make(next(stamps), "suggested-mapping.yaml"),
        written := make(next(stamps)),
        link := folder / "reports" / next(stamps),
        refused := make("nightly-20301231T000000.000000Z"),
    ]
    for each in refused.glob("[!s]*"):
        each.unlink()
    (folder / "reports" / next(stamps)).write_text("a file of somebody's")
    path = folder / "triage-import.toml"
    write(folder, path.read_text().replace("own/qa.yaml", f"reports/{named.name}/suggested-mapping.yaml"))
    os.utime(edited / "errors.csv", (2e9, 2e9))
    os.utime(noted / "results.csv", (2e9, 2e9))
    (killed / "summary.json").unlink()
    link.symlink_to(make("elsewhere"))
    with holding_folders():
        hold_folder(written)
        assert start("-q").err == ""
    assert [each.name for each in gone if each.exists()] == []
    assert [each.name for each in stay if not each.exists()] == []


def test_a_command_that_prints_the_key(
    run: tuple[Callable[..., Ended], RunningSandbox], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is run where nothing else gives the key, and only if nobody but the user could have written it."""
    start, sandbox = run
    monkeypatch.delenv("BLAND_API_KEY")
    path = write(folder, (folder / "triage-import.toml").read_text() + f"api-key-command = ['echo', '{KEY}']\n")
    assert start().code == ExitCode.DONE
    assert sandbox.issues()
    path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IWGRP)
    ended = start()
    assert (ended.code, "others than you can write it" in ended.err) == (ExitCode.UNUSABLE, True)
    write(folder, path.read_text().replace(f"['echo', '{KEY}']", '"false"'))
    ended = start("--max-changes", "5")
    assert (ended.code, "api-key-command: " in ended.err) == (ExitCode.UNUSABLE, True)


def test_names_of_folders() -> None:
    """Two imports never share one, so that neither removes the other's."""
    names = [new_folder(Path("reports"), name).name.rpartition("-")[0] for name in ("qa 1", "qa_1", "qa%201")]
    assert len(set(names)) == 3


def test_what_only_the_file_says(program: Program, folder: Path) -> None:
    """An option that isn't meant for this use of a command is refused where somebody has typed it."""
    path = write(folder, "[defaults]\nsandbox = true\n")
    program("run", str(SAMPLES / "jira.csv"), "-m", "jira", "--sandbox")
    assert program("--config", path, "report", "last").code == ExitCode.DONE
    assert program("--config", path, "report", "last", "--sandbox").code == ExitCode.UNUSABLE
