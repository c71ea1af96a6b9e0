"""The mark by which spreadsheets know UTF-8."""

from __future__ import annotations

import codecs
import csv
import subprocess
import sys
from pathlib import Path

import pytest

from importer.errors import StorageFull
from importer.report import folder
from importer.report.folder import NAMES, ReportFolder
from tests.harness.running import ROOT, Program, issue_row, read_csv, write_csv

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
        ended = program("validate", "export.csv", "-m", "jira", "--source-name", name, "--out", name)
        assert ended.code == 1, ended.err
        for report in ("results.csv", "losses.csv", "attachments.csv"):
            written = (Path(name) / report).read_bytes()
            assert written.startswith(codecs.BOM_UTF8) is not written.isascii(), report
            assert read_csv(Path(name) / report)
        assert (Path(name) / "results.csv").read_bytes().isascii() is not is_marked
        assert (Path(name) / "errors.csv").read_bytes().startswith(codecs.BOM_UTF8)
