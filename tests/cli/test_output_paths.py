"""Outputs onto each kind of path: nothing is overwritten, and what can't be written is said in a sentence."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.disks import may_mount, mounted
from tests.harness.running import Program, issue_row, write_csv

__all__ = ["may_mount"]

FOREIGN = b"Something of somebody's\n"
NOT_READ, NO_FOLDER = "No such device", "No such file"
OTHERWISE, USED = "has been written by something else", "is used by this command already"
REPORT = "has the place of a report"


def _file(path: Path) -> None:
    path.write_bytes(FOREIGN)


def _link(path: Path) -> None:
    _file(Path("notes"))
    path.symlink_to("notes")


@contextmanager
def read(path: Path) -> Iterator[None]:
    """A pipe that somebody reads."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield
    assert os.read(reader, 1 << 16)
    os.close(reader)


KINDS: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    # kind → the path, what makes it, what is said; "" where it is written
    "new": ("new", lambda path: None, ""),
    "empty": ("empty", Path.touch, ""),
    "in a folder that isn't there": ("gone/file", lambda path: None, NO_FOLDER),
    "a folder": ("folder", Path.mkdir, "is a directory"),
    "somebody's file": ("notes", _file, OTHERWISE),
    "a link to somebody's file": ("link", _link, OTHERWISE),
    "a link to nothing": ("dangling", lambda path: path.symlink_to("made"), ""),
    "a pipe that is read": ("pipe", read, ""),
    "a pipe that nobody reads": ("pipe", os.mkfifo, NOT_READ),
    "a device": ("/dev/null", lambda path: None, ""),
    "a full device": ("/dev/full", lambda path: None, "No space left"),
    "the source": ("export.csv", lambda path: None, USED),
    "the mapping": ("mapping.yaml", lambda path: None, USED),
    "the ledger": ("ledger.db", lambda path: None, USED),
    "the other output": ("other", lambda path: None, USED),
    "a report": ("out/report.html", lambda path: None, REPORT),
    "a report to come": ("out/conflicts.csv", lambda path: None, REPORT),
    "a report of one of several files": ("out/export.csv/report.html", lambda path: path.parent.mkdir(), REPORT),
    "a pipe in place of a report": ("out/errors-2.csv", os.mkfifo, REPORT),
}


@pytest.mark.parametrize("option", ["--log-file", "--metrics-file"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_of_an_import(program: Program, serve: Serve, option: str, kind: str) -> None:
    """Only what is new or this program's own is written; the way of a device, a pipe and a link stays."""
    name, make, says = KINDS[kind]
    other = "--metrics-file" if option == "--log-file" else "--log-file"
    write_csv(Path("export.csv"), [issue_row(1)])
    Path("mapping.yaml").write_text("extends: jira\n", encoding="utf-8")
    command = ("run", "export.csv", "-m", "mapping.yaml", "--api-url", serve().url, "--rate", "0", "--yes",
               "--ledger", "ledger.db", "--out", "out", other, "other")  # fmt: skip
    assert program(*command).code == ExitCode.DONE
    path, kept = Path(name), {each: each.read_bytes() for each in map(Path, ("export.csv", "mapping.yaml"))}
    made = make(path)
    before = path.lstat() if os.path.lexists(path) else None
    with made if hasattr(made, "__exit__") else nullcontext():
        ended = program(*command, option, name)
    assert says in ended.err, ended.err
    assert "bug" not in ended.err
    assert "Traceback" not in ended.err
    assert ended.code == (ExitCode.DONE if not says else ended.code)
    assert {each: each.read_bytes() for each in kept} == kept
    assert not Path("notes").exists() or Path("notes").read_bytes() == FOREIGN
    assert program("runs", "--ledger", "ledger.db").code == ExitCode.DONE
    if before is not None:
        assert stat.S_IFMT(path.lstat().st_mode) == stat.S_IFMT(before.st_mode)
    if not says and path.is_file():
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if option == "--log-file" else 0o644)


@pytest.mark.parametrize("option", ["--log-file", "--metrics-file"])
def test_a_full_disk(program: Program, serve: Serve, may_mount: None, tmp_path: Path, option: str) -> None:
    """It is said, and stops nothing; what was there stays whole."""
    write_csv(Path("export.csv"), [issue_row(1)])
    command = ("run", "export.csv", "-m", "jira", "--api-url", serve().url, "--rate", "0", "--yes")
    with mounted(tmp_path / "disk") as disk:
        output = disk.folder / "output"
        assert program(*command, option, output).code == ExitCode.DONE
        with output.open("ab") as file:  # to the end of its page
            file.write(b"\n" * (4096 - output.stat().st_size % 4096))
        before = output.read_bytes()
        disk.fill(0)
        ended = program(*command, option, output)
        assert output.read_bytes().startswith(before)
    assert (ended.code, f"warning: {option} {output} can't be written: No space left" in ended.err) == (0, True)


@pytest.mark.parametrize("command", ["users", "draft"])
@pytest.mark.parametrize(("name", "code"), [("/dev/null", 2), ("/dev/full", 2), ("export.csv", 2), ("gone/x/y", 3)])
def test_a_file_for_a_person(program: Program, command: str, name: str, code: int) -> None:
    """A device stays one, and the source what it was."""
    write_csv(Path("export.csv"), [issue_row(1)])
    before = Path("export.csv").read_bytes()
    mapping = ("-m", "jira") if command == "users" else ()
    ended = program(command, "export.csv", *mapping, "-o", name)
    assert ended.code == code, ended.err
    assert "Error: " in ended.err
    assert Path("export.csv").read_bytes() == before
    assert Path("/dev/null").is_char_device()
