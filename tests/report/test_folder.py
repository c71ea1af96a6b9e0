"""The folder of reports."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from importer.errors import StorageFull, UsageError
from importer.records import Outcome, Row, Rows
from importer.report.error_files import Columns, ErrorFiles
from importer.report.folder import ReportFolder

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
        ErrorFiles(ReportFolder(tmp_path), [Columns(("A",))]) as errors,
    ):
        errors.write(Rows.of([row]))


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
