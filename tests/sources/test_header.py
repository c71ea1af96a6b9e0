"""CSV headers: what stands above them, where they come again, and files that have none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.mapping.model import MappingModel
from importer.records import Finding, Ref
from importer.row.transform import Transform
from importer.sources.detect import DELIMITERS
from importer.sources.header import (
    FURTHER_DOWN,
    NOTES_MOST,
    count_above,
    find_notes,
    find_repeated_headers,
    is_data,
    least_width,
)
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.making import findings_of
from tests.harness.read_rows import cells_of, defects_of, lines_of, raws_of, records_of
from tests.harness.source_files import MakeSource, table_of

NAME = Ref("column", "Name")
BOARD = """My board,,,
"A text
about it",,,
Group A,,,
Name,Person,Status,Date
a,p,Done,2024-01-01
,,,
Group B,,,
Name,Person,Status,Date
b,q,Done,2024-01-02
"""


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_titles_above_the_header(make_source: MakeSource, delimiter: str, padded: bool, line_end: str) -> None:
    """Rows of one cell above the header are passed over and named, whatever the delimiter and the line ends."""
    text = BOARD.replace(",", delimiter)
    if not padded:
        text = text.replace(delimiter * 3, "")
    source = make_source(text.replace("\n", line_end))
    file = table_of(source)
    assert (file.header, file.delimiter) == (("Name", "Person", "Status", "Date"), delimiter)
    assert (file.above, file.rows_above) == (("My board", "A text about it", "Group A"), 3)
    [source_rows] = source.read([NAME])
    kept = [row for row in range(len(source_rows)) if row not in defects_of(source_rows)]
    assert [source_rows.column(0)[row] for row in kept if source_rows.column(0)[row]] == ["a", "b"]
    assert lines_of(source_rows)[0] == 6


@pytest.mark.parametrize("size", range(1, 7))
def test_the_header_again(make_source: MakeSource, size: int) -> None:
    """The header further down, and a row of one cell right above it, are no records; wherever a run of rows ends."""
    found: dict[int, Finding] = {}
    for source_rows in make_source(BOARD).read([NAME], size=size):
        found |= {records_of(source_rows)[row]: finding for row, finding in defects_of(source_rows).items()}
    assert {record: (finding.code, finding.rejects) for record, finding in found.items()} == {
        3: ("row-header", False),
        4: ("row-header", False),
    }


def test_such_rows_are_skipped(make_source: MakeSource) -> None:
    """They end as skipped rows with their code, and no rule of the mapping finds anything wrong with them."""
    values = {"severity": {"value": "low"}, "status": {"value": "todo"}, "category": {"value": "x"}}
    mapping = MappingModel.model_validate({"input": {"name": "n", "key": "Name"}, "title": "Name", **values})
    transform = Transform(mapping, "n")
    [source_rows] = make_source(BOARD).read(transform.refs)
    batch = transform(source_rows)
    assert [issue.skip for issue in batch.issues] == ["", "row-empty", "row-header", "row-header", ""]
    assert not any(findings_of(mapping, batch))


def test_a_word_of_one_column_is_no_header(make_source: MakeSource) -> None:
    """In a table of one column a cell may say what the header says."""
    [source_rows] = make_source("Name\nName\nx\n").read([NAME])
    assert not defects_of(source_rows)
    assert source_rows.column(0) == ["Name", "x"]


@pytest.mark.parametrize(
    ("rows", "above"),
    [
        ([], 0),
        ([["a", "b"], ["1", "2"]], 0),
        ([["a"], ["1"], ["2"]], 0),
        ([["Title"], ["a", "b", "c"], ["1", "2", "3"]], 1),
        ([["Title"], ["a", "b", "c"]], 1),
        ([["Title", "", ""], ["", "", ""], ["a", "b", "c"], ["1", "2", "3"]], 2),
        ([["", "", ""], ["a", "b", "c"], ["1", "2", "3"]], 1),
        ([["", ""], ["a", ""], ["1", "2"]], 1),
        ([["summary"], ["one", " two", " three"], ["four"], ["five", " six"]], 0),
        ([["summary"], ["one", "two"], ["three", "four"]], 0),
        ([["summary"], ["one", "two", "three"], ["four"], ["five"]], 0),
        ([["a;b"], ["1", "5;2", "5"]], 0),
        ([["Title"], ["a", "b", "c"], ["1", "2", "3", "4", "5", "6", "7"]], 0),
        ([["a", "", ""], ["1", "x", ""], ["2", "", ""]], 0),
        ([["sep=", ""], ["a", "b"], ["1", "2"]], 1),
        ([["sep=^"], ["Report"], ["a", "b", "c"], ["1", "2", "3"]], 2),
    ],
)
def test_what_stands_above(rows: list[list[str]], above: int) -> None:
    """A title needs a header of three cells below it that the other rows fit; prose with commas is none."""
    assert count_above(rows) == above


@given(st.lists(st.lists(st.text("ab", min_size=1), min_size=2, max_size=4), min_size=1, max_size=5))
def test_a_full_first_row_is_the_header(rows: list[list[str]]) -> None:
    """Nothing is above a row of several filled cells."""
    assert count_above(rows) == 0


@pytest.mark.parametrize(
    ("row", "data"),
    [
        (["unity8", "https://api.launchpad.net/1.0/bugs/1", "1211595", "76", "None"], True),
        (["ann@example.org", "Bug", "Open"], True),
        (["2024-01-02 10:00", "Bug", "Open"], True),
        (["3/Jan/24 9:05 AM", "Bug", "Open"], True),
        (["02.01.2024", "Bug", "Open"], True),
        (["1", "Crash"], True),
        (["ID", "Title", "State"], False),
        (["#", "% Done", "Sprint 1", "2nd owner"], False),
        (["number", "1", "title", "state"], False),
        (["", ""], False),
    ],
)
def test_what_is_a_row_of_data(row: list[str], data: bool) -> None:
    """Addresses, numbers and dates in a third of the cells are no header; one odd column doesn't make it one."""
    assert is_data(row) is data


def test_a_file_without_a_header(make_source: MakeSource) -> None:
    """It is refused with its first row and what to do, instead of losing that row."""
    with pytest.raises(
        SourceError, match=r"issues\.csv:2: has no header; .* data: 1, https://x\.y, 2024-01-01, Crash$"
    ) as error:
        make_source("\n1,https://x.y,2024-01-01,Crash\n2,https://x.y,2024-01-01,Hang\n")
    assert error.value.hint == f"Add a line above it that names the columns, such as ID,Title,Status. {FURTHER_DOWN}"


def test_a_header_without_names(make_source: MakeSource) -> None:
    """A file whose rows are all empty has no header that can be used."""
    with pytest.raises(SourceError, match=r"issues\.csv:1: the header is empty"):
        make_source(",,\n,,\n")


@pytest.mark.parametrize(
    ("header", "width"),
    [
        ("a,b,c", 3),
        ("a,c,c", 1),
        ("a,b,c,c", 2),
        ("Id,T,Comment,Owned By,Comment,Owned By", 2),
        ("a,c,b,c", 3),
        ("a,c,b,d,c", 4),
        ("c,c", 1),
    ],
)
def test_the_least_width(header: str, width: int) -> None:
    """Only columns at the end that repeat may be left out."""
    assert least_width(header.split(",")) == width


STORY = "Id,Title,Current State,Requested By,Description,URL,Owned By"


@pytest.mark.parametrize(
    ("header", "width"),
    [
        (f"{STORY},Comment,Task,Task Status", 7),
        (f"{STORY},Blocker,Blocker Status,Comment,Comment,Task,Task Status,Review Type,Reviewer,Review Status", 7),
        (f"{STORY},Owned By,Task,Task Status,Pull Request,Git Branch", 6),
        (STORY, 7),
        ("Id,Title,URL,Comment", 4),
    ],
)
def test_the_least_width_of_a_story(header: str, width: int) -> None:
    """Pivotal Tracker's rows end with their last comment or task, however many there are; not before these."""
    assert least_width(header.split(",")) == width


def test_rows_that_end_after_their_last_comment(make_source: MakeSource) -> None:
    """A row that lacks repeated columns only is filled up; one that lacks more is ragged."""
    text = "Id,Title,Comment,Owned By,Comment,Owned By\n1,a,c,o\n2,b\n3,c,d,p,e,q\n4\n"
    refs = [Ref("column", "Id"), Ref("column", "Comment")]
    source = make_source(text)
    [source_rows] = source.read(refs)
    assert table_of(source).delimiter == ","
    assert {row: finding.code for row, finding in defects_of(source_rows).items()} == {3: "row-ragged"}
    assert cells_of(source_rows) == [["1", "c", ""], ["2", "", ""], ["3", "d", "e"], ["", "", ""]]
    assert raws_of(source_rows)[1] == ["2", "b"]


def test_repeated_headers_are_found_by_all_cells() -> None:
    """A row that only begins as the header does is a record; a title counts right above the header alone."""
    rows = [["t", ""], ["a", "b"], ["a", "c"], ["t", ""], ["a", ""], ["a", "b"]]
    assert sorted(find_repeated_headers(rows, ["a", "b"])) == [0, 1, 4, 5]


HEADER = "Task ID,Task Name,Progress,Bucket\n"
PLAN = f"Plan name,Voice Bot Rollout,,\nPlan ID,x-7,,\nDate of export,5/3/2026,,\n,,,\n{HEADER}"


@pytest.mark.parametrize(
    ("text", "above"),
    [
        (PLAN, 4),
        (f"Plan name,Voice bots,,\n,,,\n{HEADER}", 2),
        (f"Plan name,Voice Bot Rollout\nPlan ID,x-7\n\n{HEADER}", 2),
        (f"Plan name,Voice bots\n{HEADER}", 0),  # it may be the header of a table that is torn
    ],
    ids=["Planner", "short", "not padded", "none below"],
)
def test_facts_above_the_header(make_source: MakeSource, text: str, above: int) -> None:
    """Lines that say something of the whole table, as Planner writes them, are passed over, and named."""
    rows = text + "1,Call,Open,Later\n2,Ring,Open,Later\n"
    if above:
        file = table_of(make_source(rows))
        assert file.rows_above == above
        assert file.header[:2] == ("Task ID", "Task Name")
        assert file.above[0].startswith("Plan name Voice")
    else:
        assert count_above([line.split(",") for line in rows.splitlines()]) == 0


@pytest.mark.parametrize("again", ["\ufeffName,Status", '\ufeff"Name",Status'])
def test_the_header_of_a_file_that_was_put_behind_another(make_source: MakeSource, again: str) -> None:
    """Its byte order mark stands in front of it."""
    [source_rows] = make_source(f"Name,Status\na,Open\n{again}\nb,Open\n").read([NAME])
    assert [defects_of(source_rows)[row].code for row in defects_of(source_rows)] == ["row-header"]
    assert list(defects_of(source_rows)) == [1]


WIDE = ["Case", "Title", "State", "Owner"]


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        ([["1", "One", "", ""], ["Open cases"], ["Copyright (c) 2026 Acme"], ["Acme"]], {1, 2, 3}),
        ([["1", "One", "", ""], ["", "", "", ""], ["Open", "", "", ""], ["Generated by Ann", "", "", ""]], {2, 3}),
        ([["1", "", "", ""], ["Total: 12", "", "", ""]], {1}),
        ([["1", "One", "", ""], ["", "", "", ""], ["Grand Totals", "(2 records)", "", ""]], {2}),
        ([["1", "One", "", ""], ["Grand Totals (2 records)", "", "", ""]], {1}),
        ([["1", "One", "", ""], ["", "", "Summe:", "25"], ["", "", "", ""]], {1}),
        ([["1", "One", "", ""], ["Total", "Recall", "", "25"]], set()),
        ([["Total", "25", "", ""], ["2", "Two", "", ""]], set()),
        ([["1", "One", "", ""], ["Confidential", "Two", "", ""]], set()),
        ([["1", "One", "", ""], ["2"]], set()),
        ([["Total recall", "", "", ""]], set()),
    ],
)
def test_notes_below_a_table(rows: list[list[str]], notes: set[int]) -> None:
    """A report says below its table whose it is; a row that was cut off is none, nor is one with a number alone."""
    assert set(find_notes(rows, WIDE)) == notes
    assert find_notes(rows, WIDE[:2]) == {}


ROWS = st.sampled_from(["1,One,x,y", "Acme", "Acme,,,", ",,,", "Copyright Acme", "Total,,,3", "2,,,"])


@given(table=st.lists(ROWS, min_size=1, max_size=12), size=st.integers(1, 5))
def test_notes_wherever_a_chunk_ends(tmp_path_factory: pytest.TempPathFactory, table: list[str], size: int) -> None:
    """Whether a row is a note is a matter of the file: of no run's last rows, and of no part's."""
    path = tmp_path_factory.mktemp("notes") / "a.csv"
    path.write_text("\n".join(["Case,Title,State,Owner", *table, ""]), encoding="utf-8")
    with open_source([str(path)], SourceOptions()) as source:
        [whole] = source.read([])
        expected = {records_of(whole)[row]: finding for row, finding in defects_of(whole).items()}
        found: dict[int, Finding] = {}
        for source_rows in source.read([], size=size):
            assert len(source_rows) <= size
            found |= {records_of(source_rows)[row]: finding for row, finding in defects_of(source_rows).items()}
    assert found == expected


def test_rows_are_no_notes() -> None:
    """An issue that has a title alone stays one, whatever its title is: above other rows, and among many like it."""
    alone = ["Copyright notice is wrong", "", ""]
    assert find_notes([alone, ["a", "b", "c"]], WIDE) == {}
    assert find_notes([alone, *[["A title", "", ""]] * NOTES_MOST], WIDE) == {}
    assert find_notes([], WIDE) == {}
