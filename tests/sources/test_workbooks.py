"""Workbooks as sources: which sheet is read, and what is refused."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from shlex import split

import pytest

from importer.errors import SourceError, SourceNotReady, StorageFull, how_to_install
from importer.records import Ref
from importer.sources import workbooks
from importer.sources.source import Source, SourceOptions
from importer.sources.survey import open_source
from tests.harness.read_rows import lines_of, texts_of
from tests.harness.source_files import table_of
from tests.harness.workbooks import Rows, write_ods, write_xlsx

ID, WHEN = Ref("column", "id"), Ref("column", "when")
ROWS: Rows = [["id", "when", "title"], [1, datetime(2026, 3, 1), "One"], [2, datetime(2026, 3, 1, 10, 30), "Two"]]


def read(*sources: str | Path, **options: int | str) -> list[tuple[str, ...]]:
    """The rows of the columns `id` and `when`, each with the number of the row in its sheet."""
    with open_source([str(source) for source in sources], SourceOptions(**options)) as source:  # type: ignore[arg-type]
        return rows_of(source)


def rows_of(source: Source) -> list[tuple[str, ...]]:
    return [
        row
        for source_rows in source.read([ID, WHEN])
        for row in zip(
            map(str, lines_of(source_rows)), *(texts_of(source_rows, ref) for ref in (ID, WHEN)), strict=True
        )
    ]


def test_the_only_sheet_with_rows_is_read(tmp_path: Path) -> None:
    """Hidden sheets and empty ones are none; rows have the numbers that a person sees, whatever is in their cells."""
    path = tmp_path / "export.xlsx"
    rows: Rows = [["A title"], [], *ROWS[:2], [], ["a\nb\n\nc", "", "Three"], *ROWS[2:]]
    write_xlsx(path, {"Lists": ROWS, "Issues": rows, "Sheet2": []}, hidden=["Lists"], merged=["A2:C2"], first=2)
    expected = [("5", "1", "2026-03-01"), ("7", "a\nb\n\nc", ""), ("8", "2", "2026-03-01 10:30:00")]
    with open_source([str(path)], SourceOptions(encoding="cp1252", delimiter=";")) as source:
        assert source.files[0].name == f"{path}/Issues"
        assert table_of(source).above == ("A title",)
        assert rows_of(source) == expected
        assert source.total_bytes == source.bytes_read
        assert source.age_seconds(path.stat().st_mtime) == pytest.approx(0, abs=0.01)
    assert read(path, skip_lines=3) == expected
    assert read(path / "Lists")[0] == ("3", "1", "2026-03-01")


def test_a_spreadsheet_of_another_kind(tmp_path: Path) -> None:
    """OpenDocument is read as Excel is."""
    write_ods(tmp_path / "a.ods", [["id", "when"], [1, "now"], [2.5, "a & b"]])
    assert read(tmp_path / "a.ods") == [("2", "1", "now"), ("3", "2.5", "a & b")]


def test_of_several_sheets_the_command_names_them(tmp_path: Path) -> None:
    """What is to be typed reads all of them as one source; a name that no sheet has gets the names that there are."""
    path = tmp_path / "export.xlsx"
    write_xlsx(path, {"Open issues": ROWS, "Closed": ROWS[:2]})
    with pytest.raises(SourceError, match="has 2 sheets with rows: Open issues, Closed") as raised:
        read(path)
    program, command, *sources = split(raised.value.hint.partition(": ")[2])
    assert (program, command) == ("triage-import", "validate")
    assert [row[1] for row in read(*sources)] == ["1", "2", "1"]
    with pytest.raises(SourceError, match="has no sheet Old: Open issues, Closed"):
        read(path / "Old")


def test_a_workbook_in_an_archive(tmp_path: Path) -> None:
    """It is read where nothing else can be an export; a sheet is named behind it, as behind a workbook by itself."""
    book = io.BytesIO()
    write_xlsx(book, {"Open": ROWS, "Closed": ROWS[:2]})
    single = io.BytesIO()
    write_xlsx(single, {"Tasks": ROWS})
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tasks.xlsm", single.getvalue())
    assert [row[1] for row in read(path)] == ["1", "2"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Plan/tasks.xlsx", single.getvalue())
        archive.writestr("readme.txt", "See the workbook.")
    with open_source([str(path)], SourceOptions()) as source:
        assert source.files[0].name == f"{path}/Plan/tasks.xlsx/Tasks"
        assert [row[1] for row in rows_of(source)] == ["1", "2"]
        assert source.age_seconds(path.stat().st_mtime) == pytest.approx(0, abs=0.01)
    assert read(path / "Plan" / "tasks.xlsx" / "Tasks") == read(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Plan/issues.xlsx", book.getvalue())
    with pytest.raises(SourceError, match="has 2 files that may be exports"):
        read(path)
    with pytest.raises(SourceError, match=r"issues\.xlsx has 2 sheets with rows: Open, Closed") as raised:
        read(path / "Plan" / "issues.xlsx")
    assert [row[1] for row in read(*split(raised.value.hint.partition(": ")[2])[2:])] == ["1", "2", "1"]
    with pytest.raises(SourceError, match="has no sheet Old: Open, Closed"):
        read(path / "Plan" / "issues.xlsx" / "Old")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("issues.csv", "id,when\n7,now\n")
    assert read(path) == [("2", "7", "now")]


def test_what_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook without rows, one that is none, one that is larger than memory may be."""
    path = tmp_path / "a.xlsx"
    write_xlsx(path, {"A": [], "B": []})
    with pytest.raises(SourceNotReady, match="has no visible rows"):
        read(path)
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    for name, data in {"a.docx": b"", "a.xls": workbooks.OLE_MAGIC + bytes(600)}.items():
        if data:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(SourceError, match="can't be read as a workbook") as raised:
            read(tmp_path / name)
        assert raised.value.hint == "Save the sheet as CSV, and give that file."
    path.write_bytes(workbooks.OLE_MAGIC + bytes(600) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(SourceError, match="is protected by a password"):
        read(path)
    write_xlsx(path, {"A": [["id", "when"]]})
    with zipfile.ZipFile(tmp_path / "far.xlsx", "w") as archive, zipfile.ZipFile(path) as parts:
        # All cells between the first and the last one are held.
        far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        for part in parts.namelist():
            archive.writestr(part, parts.read(part).replace(b"</sheetData>", far))
    with pytest.raises(SourceError, match="needs more than 2 GB of memory"):
        read(tmp_path / "far.xlsx")
    write_xlsx(path, {"A": ROWS})
    monkeypatch.setattr(workbooks, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match="needs a library") as raised:
        read(path)
    assert raised.value.hint.startswith(how_to_install("excel"))


def test_a_full_disk(tmp_path: Path) -> None:
    """It is said as such."""
    write_xlsx(tmp_path / "a.xlsx", {"A": [["x" * 30_000] * 9]})
    with (
        (tmp_path / "a.xlsx").open("rb") as workbook,
        Path("/dev/full").open("wb") as full,
        pytest.raises(StorageFull, match="No space left"),
    ):
        workbooks.convert_sheet("a.xlsx", workbook, "", full)


def test_nothing_is_left(tmp_path: Path) -> None:
    """Piped in or not, workbook and sheet are in files without a name."""
    write_xlsx(tmp_path / "a.xlsx", {"A": ROWS})
    spools = tmp_path / "spools"
    spools.mkdir()
    code = (
        "import os\nfrom importer.sources.survey import *\n"
        "with open_source(['-'], SourceOptions()) as source:\n"
        "    [part] = source.read([])\n"
        "    print(source.files[0].name, part.rows[0].raw, os.listdir(os.environ['TMPDIR']))\n"
    )
    with ExitStack() as stack:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdin=stack.enter_context((tmp_path / "a.xlsx").open("rb")),
            env={**os.environ, "TMPDIR": str(spools)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "- ['1', '2026-03-01', 'One'] []\n"
