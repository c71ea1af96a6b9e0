"""Drafts, and what a later export adds to them."""

from __future__ import annotations

import codecs
import resource
from pathlib import Path
from textwrap import dedent

import pytest

from importer.authoring.draft.draft import UpdateResult, source_name, update_draft, write_new
from importer.errors import MappingError, StorageFull, UsageError
from importer.mapping.reader import load_mapping
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.drafts import SILENT, save, write_table
from tests.harness.running import read_csv

UNDATED = [{"Title": f"It broke {n} times"} for n in range(3)]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("exports/Acme Jira.csv", "Acme Jira"),
        ("a.csv.gz", "a"),
        ("a.b.JSON", "a.b"),
        ("x: y\n.csv", "x y"),
        ("-", "import"),
        ("exports/Acme.xlsx/Sheet1", "Acme"),
        ("Acme.zip/issues.csv", "issues"),
        (".csv", "import"),
    ],
)
def test_a_source_is_called_by_its_file(file: str, name: str) -> None:
    """Without its end, and without what a key can't hold."""
    assert source_name(file) == name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("qa-2026-11-30.csv", "qa"),
        ("exports/night-01.xlsx/Calls", "night"),
        ("20261130T021500Z_call_qa.jsonl.gz", "call_qa"),
        ("QA 30.11.2026 (2).csv", "QA"),
        ("night7.csv", "night"),
        ("v2 calls.csv", "v2 calls"),
        ("2026-11-30.csv", "import"),
    ],
)
def test_a_nightly_file_is_called_like_the_next_one(file: str, name: str) -> None:
    """Without the date or number that only tells one from the other."""
    assert source_name(file, undated=True) == name


def test_two_drafts_in_one_folder_have_two_tables(tmp_path: Path) -> None:
    """Both are called values.csv, the second in a folder of the mapping's name; what is there stays as it is."""
    source = write_table(tmp_path / "a.csv", UNDATED)
    save(source, tmp_path / "one.yaml")
    assert save(source, tmp_path / "two.yaml").model.decisions == "two/values.csv"
    table = tmp_path / "three" / "values.csv"
    table.parent.mkdir()
    table.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"three/values\.csv exists already") as caught:
        save(source, tmp_path / "three.yaml")
    assert "--update" not in caught.value.hint, "which takes a mapping"
    assert not (tmp_path / "three.yaml").exists()
    assert table.read_text(encoding="utf-8") == "mine"
    assert save(source, tmp_path / "four").model.decisions == "four-values/values.csv"
    named_after = tmp_path / f"{source.name}.yaml"
    assert save(source, named_after).model.decisions == f"{source.name}-values/values.csv"


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    """Else the same command would take it for a mapping that is there."""
    path, limits = tmp_path / "new.yaml", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageFull, match="File too large"):
            write_new(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not path.exists()


ROWS = [{"Key": f"P-{n}", "Summary": f"It broke {n} times", "Status": ("Done", "Limbo")[n % 2]} for n in range(6)]
LATER = [*ROWS, *({"Key": f"Q-{n}", "Summary": "Again", "Status": ("Nowhere", "Fertig", "")[n]} for n in range(3))]


def update(source: Path, mapping: Path) -> UpdateResult:
    """Update a mapping, nobody being asked."""
    with open_source([str(source)], SourceOptions()) as opened:
        return update_draft(opened, load_mapping(str(mapping)), SILENT, lambda values: values)


@pytest.fixture
def drafted(tmp_path: Path) -> Path:
    save(write_table(tmp_path / "a.csv", ROWS), tmp_path / "mine.yaml")
    return tmp_path / "mine.yaml"


def test_nothing_new_changes_nothing(drafted: Path, tmp_path: Path) -> None:
    """Both files stay as they are."""
    before = drafted.read_bytes(), (tmp_path / "values.csv").read_bytes()
    assert update(tmp_path / "a.csv", drafted) == UpdateResult([], [], None)
    assert (drafted.read_bytes(), (tmp_path / "values.csv").read_bytes()) == before


def test_new_values_go_behind_the_table(drafted: Path, tmp_path: Path) -> None:
    """Known words are decided there with their word, others are open; what a person wrote is kept byte for byte."""
    table = tmp_path / "values.csv"
    table.write_bytes(table.read_bytes().replace(b"todo,?", b"todo,in_review"))
    drafted.write_text("# mine\n" + drafted.read_text(encoding="utf-8"), encoding="utf-8")
    before = drafted.read_bytes(), table.read_bytes()
    added = update(write_table(tmp_path / "b.csv", LATER), drafted)
    assert drafted.read_bytes() == before[0]
    assert table.read_bytes().startswith(before[1])
    assert [(line["value"], line["rows"], line["decision"]) for line in read_csv(table)[-3:]] == [
        ("", "1", "?"),
        ("Fertig", "1", "done"),
        ("Nowhere", "1", "?"),
    ]
    assert len(added.values) == 3
    status = load_mapping(str(drafted)).model.status
    assert (status.values["Fertig"], status.values["Nowhere"], status.missing) == ("done", "?", "?")
    assert status.values["Limbo"] == "in_review"
    assert update(tmp_path / "b.csv", drafted) == UpdateResult([], [], None)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
@pytest.mark.parametrize("end", ["\r\n", ""])
def test_lines_are_added_as_the_table_is_written(drafted: Path, tmp_path: Path, encoding: str, end: str) -> None:
    """Encoding and delimiter of the spreadsheet that saved it, its own columns, with or without a last line end."""
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, codecs.BOM_UTF8)
    saved = mark + f"decision;note;value;field\r\nclosed;ask Ann;Limbo;status{end}".encode(encoding)
    (tmp_path / "values.csv").write_bytes(saved)
    update(write_table(tmp_path / "b.csv", LATER), drafted)
    assert (tmp_path / "values.csv").read_bytes().startswith(saved)
    values = load_mapping(str(drafted)).model.status.values
    assert (values["Limbo"], values["Nowhere"], values["Fertig"]) == ("closed", "?", "done")


def test_new_columns_are_named_behind_the_mapping(drafted: Path, tmp_path: Path) -> None:
    """As a comment, once; what stood there is kept."""
    before = drafted.read_bytes()
    later = write_table(tmp_path / "b.csv", [{**row, "Team: x": "A"} for row in ROWS])
    assert update(later, drafted).columns == ["Team: x"]
    assert drafted.read_bytes().startswith(before)
    assert '#   "Team: x": not used. Filled, 1 value; "A"' in drafted.read_text(encoding="utf-8").splitlines()
    assert update(later, drafted) == UpdateResult([], [], None)


def test_a_mapping_of_one_s_own_gets_a_table(tmp_path: Path) -> None:
    """One that never was a draft names its table at its end; a preset's below it isn't touched."""
    mapping = tmp_path / "mine.yaml"
    text = dedent("""\
        extends: jira
        input: {name: mine, key: Key} # my own
        severity: {missing: low}""")
    mapping.write_text(text, encoding="utf-8")
    added = update(write_table(tmp_path / "b.csv", LATER), mapping)
    assert added.table == tmp_path / "values.csv"
    assert mapping.read_text(encoding="utf-8").startswith(text + "\n")
    assert load_mapping(str(mapping)).model.status.values["Limbo"] == "?"
    assert {value.value for value in added.values} == {"Limbo", "Nowhere", ""}


def test_another_mapping_s_table_is_left_alone(drafted: Path, tmp_path: Path) -> None:
    """The table that a mapping of the same name has, which this one extends, and one that lies in the way."""
    mapping = tmp_path / "voice" / "mine.yaml"
    mapping.parent.mkdir()
    mapping.write_text("extends: ../mine.yaml\ninput: {name: voice}\n", encoding="utf-8")
    tables = (tmp_path / "values.csv", mapping.with_name("values.csv"))
    tables[1].write_bytes(tables[0].read_bytes())
    before = [table.read_bytes() for table in tables]
    added = update(write_table(tmp_path / "b.csv", LATER), mapping)
    assert added.table == tmp_path / "voice" / "mine" / "values.csv"
    assert load_mapping(str(mapping)).model.status.values["Nowhere"] == "?"
    assert [table.read_bytes() for table in tables] == before


def test_a_mapping_without_room_behind_it_is_refused(tmp_path: Path) -> None:
    """With braces around everything nothing can be put behind them, and nothing is."""
    mapping = tmp_path / "mine.yaml"
    text = "{extends: jira, input: {name: mine, key: Key}, severity: {missing: low}}\n"
    mapping.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match="Nothing can be put behind the end"):
        update(write_table(tmp_path / "b.csv", LATER), mapping)
    assert mapping.read_text(encoding="utf-8") == text
    assert not (tmp_path / "values.csv").exists()
