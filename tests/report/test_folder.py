"""The folder of reports, and the mark by which spreadsheets know UTF-8."""

from __future__ import annotations

import codecs
import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from importer.errors import StorageFull, UsageError
from importer.records import Outcome, Row
from importer.report import folder
from importer.report.error_files import Columns, open_errors
from importer.report.folder import NAMES, ReportFolder
from tests.harness.running import ROOT, Program, issue_row, read_csv, write_csv

FULL = Path("/dev/full")


def test_private_folder(tmp_path: Path) -> None:
    """The folder is only for its owner, and so are its files."""
    folder = ReportFolder(tmp_path / "new" / "reports")
    folder.prepare()
    with folder.open("results.csv") as file:
        file.write("é\n")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.file("results.csv").stat().st_mode & 0o777 == 0o600
    assert folder.file("results.csv").read_bytes() == "\ufeffé\n".encode()


def test_only_reports_are_replaced(tmp_path: Path) -> None:
    """Reports of an earlier run go; what somebody else has put there stays."""
    for name in ("results.csv", "errors.jsonl", "notes.txt"):
        (tmp_path / name).write_text("old")
    ReportFolder(tmp_path).prepare()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_files_that_are_being_read(tmp_path: Path) -> None:
    """A file that this import reads is not replaced; the new one is written beside it."""
    source = tmp_path / "errors.csv"
    source.write_text("source")
    folder = ReportFolder(tmp_path, in_use=[tmp_path / "." / "errors.csv"])
    folder.prepare()
    assert source.read_text() == "source"
    assert folder.file("errors.csv") == tmp_path / "errors-2.csv"
    assert folder.file("results.csv") == tmp_path / "results.csv"


def test_what_somebody_has_changed_is_spared(tmp_path: Path) -> None:
    """Decisions in a suggested mapping outlive the next check; a report that nobody touched does not."""
    folder = ReportFolder(tmp_path)
    folder.prepare()
    for name in ("errors.csv", "suggested-mapping.yaml", "summary.json"):
        with folder.open(name) as file:
            file.write("ours")
    finished = (tmp_path / "summary.json").stat().st_mtime_ns
    (tmp_path / "suggested-mapping.yaml").write_text("decided")
    os.utime(tmp_path / "suggested-mapping.yaml", ns=(finished + 1, finished + 1))
    again = ReportFolder(tmp_path)
    again.prepare()
    assert (tmp_path / "suggested-mapping.yaml").read_text() == "decided"
    assert again.file("suggested-mapping.yaml").name == "suggested-mapping-2.yaml"
    assert not (tmp_path / "errors.csv").exists()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Where a file stands in the way, the option to change is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as raised:
        ReportFolder(tmp_path / "file").prepare()
    assert "--out" in raised.value.hint


def test_half_a_character(tmp_path: Path) -> None:
    """Text that can't be encoded is written as its escape, not as a crash."""
    folder = ReportFolder(tmp_path)
    with folder.open("results.csv") as file:
        file.write("\ud83d")
    assert folder.file("results.csv").read_text() == "\\ud83d"


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_full_disk(tmp_path: Path) -> None:
    """A full disk stops the run with a sentence that names the file."""
    (tmp_path / "errors.csv").symlink_to(FULL)
    row = Row(0, "f", 1, 2, "k", Outcome.REJECTED, ("a",), ("b",), ("c",), ("d",), ["x" * 100_000])
    with (
        pytest.raises(StorageFull, match=r"errors\.csv"),
        open_errors(ReportFolder(tmp_path), [Columns(("A",))]) as errors,
    ):
        errors.write([row])


def test_a_folder_where_a_report_goes(tmp_path: Path) -> None:
    """It is named, as making room helps nothing."""
    folder = ReportFolder(tmp_path)
    folder.prepare()
    (tmp_path / "results.csv").mkdir()
    with (
        pytest.raises(StorageFull, match=r"results\.csv can't be written: Is a directory") as caught,
        folder.open("results.csv"),
    ):
        pass
    advice = f"{tmp_path}/results.csv is a folder: move it away, or name another folder with --out"
    assert caught.value.hint.startswith(advice)
    with pytest.raises(UsageError, match=r"results\.csv can't be written: Is a directory") as refused:
        folder.prepare()
    assert refused.value.hint.startswith(advice)


def test_a_pipe_where_a_report_goes(tmp_path: Path) -> None:
    """It is named, and stays."""
    os.mkfifo(tmp_path / "results.csv")
    with pytest.raises(UsageError, match=r"results\.csv can't be written") as refused:
        ReportFolder(tmp_path).prepare()
    assert refused.value.hint.startswith(f"{tmp_path}/results.csv is no regular file: move it away")
    assert (tmp_path / "results.csv").is_fifo()


def test_a_file_where_the_folder_goes(tmp_path: Path) -> None:
    """The same, before an import and in its midst."""
    folder = ReportFolder(tmp_path / "o")
    folder.prepare()
    folder.path.rmdir()
    folder.path.touch()
    advice = f"{folder.path} is a file: move it away, or name another folder with --out"
    with (
        pytest.raises(StorageFull, match=r"results\.csv can't be written: Not a directory") as caught,
        folder.open("results.csv"),
    ):
        pass
    assert caught.value.hint.startswith(advice)
    with pytest.raises(UsageError, match=r"/o can't be written: File exists") as refused:
        folder.prepare()
    assert refused.value.hint.startswith(advice)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a place where nobody can make a folder")
def test_a_folder_that_nobody_can_make() -> None:
    """The same command can't, either: another one helps."""
    with pytest.raises(UsageError, match=r"^/proc/x can't be written: No such file") as caught:
        ReportFolder(Path("/proc/x")).prepare()
    assert caught.value.hint.startswith("No folder can be made there: name another with --out")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """The same command makes it again."""
    folder = ReportFolder(tmp_path / "o")
    with (
        pytest.raises(StorageFull, match="can't be written: No such file") as caught,
        folder.open_bytes("planned.jsonl"),
    ):
        pass
    assert caught.value.hint == (
        "The folder isn't there: run the same command again to create it, or name another with --out."
    )


TABLES = [name for name in (*NAMES, "verify.csv") if name.endswith(".csv")]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(("text", "is_plain"), [("plain", True), ("M\u00fcller", False), ("\ud83d", True)])
def test_where_a_table_has_a_mark(tmp_path: Path, name: str, text: str, is_plain: bool) -> None:
    """Where it needs one; what people mend has one in any case. Half a character is written as its escape."""
    with ReportFolder(tmp_path).open(name) as file:
        csv.writer(file).writerows([["key"], [text]])
    written = (tmp_path / name).read_bytes()
    plain = written.removeprefix(codecs.BOM_UTF8)
    assert plain.decode() == f"key\r\n{text.encode(errors='backslashreplace').decode()}\r\n"
    assert written.startswith(codecs.BOM_UTF8) is (not is_plain or name in ("errors.csv", "fixes.csv"))
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("rows", [0, 1, 1000])
@pytest.mark.parametrize("block_bytes", [3, 100, 1 << 20])
def test_what_was_written_before_it(
    tmp_path: Path, rows: int, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much it is, it stands behind the mark as it was."""
    monkeypatch.setattr(folder, "BLOCK_BYTES", block_bytes)
    lines = [[str(number), "x" * (number % 300)] for number in range(rows)]
    with ReportFolder(tmp_path).open("results.csv") as file:
        csv.writer(file).writerows([*lines, ["\u00e9", ""], *lines])
    text = (tmp_path / "results.csv").read_text(encoding="utf-8-sig")
    assert list(csv.reader(text.splitlines())) == [*lines, ["\u00e9", ""], *lines]
    assert "\ufeff" not in text


def test_other_reports_have_none(tmp_path: Path) -> None:
    """JSON and YAML are read by programs."""
    for name in ("planned.jsonl", "summary.json", "errors.jsonl", "suggested-mapping.yaml"):
        with ReportFolder(tmp_path).open(name) as file:
            file.write("M\u00fcller\n")
        assert (tmp_path / name).read_bytes() == "M\u00fcller\n".encode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    """It is a sentence, and nothing stays open."""
    (tmp_path / "results.csv").symlink_to("/dev/full")
    with (
        pytest.raises(StorageFull, match="No space left on device"),
        ReportFolder(tmp_path).open("results.csv") as file,
    ):
        file.write("plain\n" * 10_000)


def test_memory_is_flat(tmp_path: Path) -> None:
    """A mark that comes at the end of 60 MB takes no more memory than a block."""
    code = (
        "import resource, sys; from pathlib import Path; from importer.report.folder import ReportFolder\n"
        "with ReportFolder(Path(sys.argv[1])).open('results.csv') as file:\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    for _ in range(60_000): file.write('x' * 999 + '\\n')\n"
        "    file.write(chr(252))\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print((after - before) // (1 << 20 if sys.platform == 'darwin' else 1 << 10))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (tmp_path / "results.csv").stat().st_size == len(codecs.BOM_UTF8) + 60_000_000 + 2
    assert int(done.stdout) < 20


def test_reports_of_a_check(program: Program) -> None:
    """Names from everywhere show in a spreadsheet; a plain export leaves plain files; a script reads both."""
    for name, is_marked in (("Plain", False), ("M\u00fcller", True)):
        header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", name, "Attachment")
        row = (*issue_row(1), "1", f"01/Aug/26 10:00 AM;kim;{name}.png;https://files.example/{name}.png")
        write_csv(Path("export.csv"), [row, (*issue_row(2, title=""), "", "")], header)
        Path("mine.yaml").write_text("extends: jira\nrest: {csv: drop}\n", encoding="utf-8")
        ended = program("validate", "export.csv", "-m", "mine.yaml", "--source-name", name, "--out", name)
        assert ended.code == 1, ended.err
        for report in ("results.csv", "losses.csv", "attachments.csv"):
            written = (Path(name) / report).read_bytes()
            assert written.startswith(codecs.BOM_UTF8) is not written.isascii(), report
            assert read_csv(Path(name) / report)
        assert (Path(name) / "results.csv").read_bytes().isascii() is not is_marked
        assert (Path(name) / "errors.csv").read_bytes().startswith(codecs.BOM_UTF8)
