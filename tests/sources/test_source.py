"""Sources as a whole: several files, passes, changes, standard input, real exports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from importer.errors import SourceError, SourceNotReady, UsageError
from importer.records import Ref
from importer.sources import csv
from importer.sources import json as json_source
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.read_rows import records_of, texts_of
from tests.harness.source_files import MakeSource

HEADLESS = "launchpad/jfoote__fuzzy-stack-hash-analysis__bugs.csv"
EXPORTS = Path(__file__).parents[2].parent / "shared" / "exports"


def test_several_files_are_one_source(tmp_path: Path) -> None:
    """Headers, delimiters and formats may differ; records and lines count from 1 in each file."""
    contents = {"1.csv": "id,b\n1,2\n", "2.csv": "b;id\n2;1\n", "3.json": '[{"id": 1}]'}
    paths = [tmp_path / name for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_text(content)
    ref = Ref("column", "id")
    with open_source([str(path) for path in paths], SourceOptions()) as source:
        runs = list(source.read([ref]))
        assert [file.header for file in source.files] == [("id", "b"), ("b", "id"), None]
    assert [(source_rows.file, source_rows.file_name) for source_rows in runs] == list(enumerate(map(str, paths)))
    assert [texts_of(source_rows, ref) for source_rows in runs] == [["1"]] * 3
    assert [list(records_of(source_rows)) for source_rows in runs] == [[1]] * 3


@pytest.mark.parametrize("change", [b"3,4\n", b""])
def test_a_file_that_changes_while_it_is_read(make_source: MakeSource, tmp_path: Path, change: bytes) -> None:
    """A file that grows, or is replaced, is not ready."""
    source = make_source("a,b\n" + "1,2\n" * 10)
    runs = source.read([], size=2)
    next(runs)
    with (tmp_path / "issues.csv").open("ab" if change else "wb") as file:
        file.write(change)
    with pytest.raises(SourceNotReady, match="changed while it was read"):
        list(runs)


@pytest.mark.parametrize("grown", [0, 1])
def test_a_file_that_changed_since_the_source_was_opened(tmp_path: Path, grown: int) -> None:
    """Whichever file of a source is written to after it was opened, before, while or after it is read: not ready."""
    paths = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path in paths:
        path.write_text("a\n1\n")
    with open_source([str(path) for path in paths], SourceOptions()) as source:
        source.check_unchanged()
        with paths[grown].open("a") as file:
            file.write("2\n")
        assert len(list(source.read([]))) == 2
        with pytest.raises(SourceNotReady, match=rf"{grown + 1}\.csv changed while it was read. It is still being"):
            source.check_unchanged()


def test_a_file_that_is_written_again_with_the_same_size(make_source: MakeSource, tmp_path: Path) -> None:
    """The time of change counts too."""
    source = make_source("a\n1\n")
    os.utime(tmp_path / "issues.csv", (0, 0))
    with pytest.raises(SourceNotReady, match="It is still being written"):
        source.check_unchanged()


def test_the_age_is_that_of_the_youngest_file(tmp_path: Path) -> None:
    """The age counts from the last change of any file, in parts of a second; a time that lies ahead is negative."""
    paths = [tmp_path / "old.csv", tmp_path / "young.csv"]
    for path, changed in zip(paths, (1_000.0, 4_000.5), strict=True):
        path.write_text("a\n1\n")
        os.utime(path, (0, changed))
    with open_source([str(path) for path in paths], SourceOptions()) as source:
        assert source.age_seconds(now=4_010.0) == 9.5
        assert source.age_seconds(now=4_000.0) == -0.5


def test_closed_while_it_is_read(tmp_path: Path) -> None:
    """An error may keep the reading alive; it doesn't keep the file open."""
    export = tmp_path / "export.csv"
    export.write_text("a\n" + "1\n" * 100_000, encoding="utf-8")  # more than is read ahead
    with open_source([str(export)], SourceOptions()) as source:
        runs = source.read([], size=1)
        next(runs)
    with pytest.raises(ValueError, match="closed file"):
        list(runs)


@pytest.mark.parametrize("content", [" \n\r\n", "\ufeff", "\ufeff\n"])
def test_nothing_but_space(make_source: MakeSource, content: str) -> None:
    """A file of blank lines or a byte order mark is empty."""
    with pytest.raises(SourceNotReady, match="is empty"):
        make_source(content)


@pytest.mark.parametrize("options", [{"encoding": "utf-9"}, {"delimiter": ";;"}])
def test_options_are_checked_first(make_source: MakeSource, options: dict[str, str]) -> None:
    """A wrong option is a usage error, whatever the files are."""
    with pytest.raises(UsageError):
        make_source("", **options)


def test_a_web_page_under_a_csv_name(make_source: MakeSource) -> None:
    """A login page that was saved instead of the export says so."""
    with pytest.raises(SourceError, match=r"issues\.csv is HTML"):
        make_source("<html><title>Log in</title></html>")


def test_standard_input(tmp_path: Path) -> None:
    """`-` is spooled to a private file that is gone afterwards, is read twice, and has no age."""
    code = (
        "from importer.sources.survey import *\n"
        "with open_source(['-'], SourceOptions()) as source:\n"
        "    file = source.files[0]\n"
        "    print(file.name, oct(file.stored.path.stat().st_mode & 0o777), source.age_seconds(0))\n"
        "    print([[[row.raw for row in part.rows] for part in source.read([])] for _ in range(2)])\n"
        "print(file.stored.path.exists())"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], input="a\n1\n", env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == ["- 0o600 inf", "[[[['1']]], [[['1']]]]", "False"]


def test_pandas_is_loaded_late() -> None:
    """Opening a source doesn't load pandas, which takes longer than all the rest."""
    code = "import sys, importer.sources.survey; print(sorted({'pandas', 'numpy', 'zstandard'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("form", ["a.csv", "a.jsonl", "a.json", "embedded.csv"])
def test_a_chunk_is_bounded_in_text(make_source: MakeSource, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of long rows few are read together, at least one, and none is lost, also of text in many small cells."""
    for module in (csv, json_source):
        monkeypatch.setattr(module, "CHARACTERS_TOGETHER", 1_000)
    texts = [*["x" * 400] * 10, "y" * 5_000, *["z"] * 3]
    records = [json.dumps({"a": text}) for text in texts]
    content = {
        "a.csv": "a,b\n" + "".join(f"{text},\n" for text in texts),
        "a.jsonl": "\n".join(records),
        "a.json": f"[{','.join(records)}]",
        "embedded.csv": "a,b\n" + "".join(f'"{{""a"": ""{text}""}}",\n' for text in texts),
    }[form]
    ref = Ref("column", "a")
    runs = [texts_of(source_rows, ref) for source_rows in make_source(content, form).read([ref])]
    assert [text for run in runs for text in run] == texts
    assert max(map(len, runs)) <= 4
    assert all(sum(map(len, run[:-1])) < 1_000 for run in runs)


@pytest.mark.skipif(not EXPORTS.exists(), reason="The collection of real exports is not beside this checkout.")
def test_rows_of_real_exports() -> None:
    """Every real export has as many rows as its description says, but for one without a header, which is refused."""
    entries = (EXPORTS / "README.md").read_text().split("\n### ")[1:]
    described: dict[str, int] = {}
    for entry in entries:
        name = entry.partition("\n")[0].strip()
        count = re.search(r"bytes; ([\d,]+) rows", entry)
        if count and not name.endswith(".xml"):
            described[name] = int(count[1].replace(",", ""))
    counted: dict[str, int] = {}
    for name in described:
        options = SourceOptions(records="cards" if "trelloJson" in name else None)
        if name == HEADLESS:
            with pytest.raises(SourceError, match="has no header"):
                open_source([str(EXPORTS / name)], options)
            continue
        with open_source([str(EXPORTS / name)], options) as source:
            counted[name] = sum(len(source_rows) for source_rows in source.read([Ref("column", "id")]))
    del described[HEADLESS]
    assert counted == described
