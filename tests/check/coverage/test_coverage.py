"""Losses: of each column how many filled cells arrive nowhere, and the keys of the first rows that lose one."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.check.coverage import leaves
from importer.check.coverage.coverage import Coverage
from importer.check.coverage.lines import OTHERS, CoverageLines
from importer.check.plan import DISTINCT_LIMIT
from importer.mapping.model import MappingModel
from importer.row.transform import Transform
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.coverage import losses_of, lost_of
from tests.harness.making import HEADER, SOURCE_NAME, mapping_of

ROW = ("1", "Title", "Text", "P1", "Open")


def lose(
    folder: Path, mapping: MappingModel, header: tuple[str, ...], *rows: tuple[str, ...], left_out: tuple[str, ...] = ()
) -> dict[str, int]:
    """Column → lost cells."""
    return lost_of(table(folder, mapping, header, *rows, left_out=left_out))


def table(
    folder: Path, mapping: MappingModel, header: tuple[str, ...], *rows: tuple[str, ...], left_out: tuple[str, ...] = ()
) -> Coverage:
    path = folder / "f.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return losses_of(path, mapping, left_out=left_out)[0]


def json_losses(folder: Path, mapping: MappingModel, *records: Any) -> Coverage:
    """The losses of a JSON lines file."""
    path = folder / "f.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return losses_of(path, mapping)[0]


def json_mapping(**changes: Any) -> MappingModel:
    """A mapping that reads little more than it must."""
    plain: dict[str, Any] = {"title": "t", "input": {"name": "demo", "key": "id"}, "description": None}
    plain |= {name: {"value": value} for name, value in (("severity", "low"), ("status", "todo"), ("category", "C"))}
    return mapping_of(**(plain | changes))


def test_a_column_that_nothing_reads(tmp_path: Path) -> None:
    """All of its cells are lost, but white space and a program's word for nothing; the first keys are kept."""
    rows = [
        ("1", "T", "", "P1", "", "ann", "5"),
        ("2", "T", "", "P2", "", "", " "),
        ("3", "T", "", "P1", "", "", "nan"),
    ]
    rows += [(str(number), "T", "", "P1", "", "", "7") for number in range(4, 8)]
    losses = table(tmp_path, mapping_of(footer={"Reporter": "Who"}), (*HEADER, "Who", "Points"), *rows)
    assert losses.table() == [("Points", "5", "6", "", "demo:1, demo:4, demo:5", "5")]
    assert {line.column: line.filled for line in losses.lines()} == {
        **{"Points": 6, "Key": 7, "Priority": 7, "Title": 7, "Who": 1},
    }


def test_rows_that_are_not_sent(tmp_path: Path) -> None:
    """Nothing of them is lost that a column loses: they come again once they are corrected."""
    rows = [(*ROW, "a"), ("2", "Two", "", "", "", "b"), (*ROW, "c", "y")]
    losses = table(tmp_path, mapping_of(), (*HEADER, "Odd"), *rows, left_out=("2",))
    assert losses.table() == [("Odd", "1", "3", "", "demo:1", "a")]


@pytest.mark.parametrize(
    ("changes", "header", "rows", "lost"),
    [
        # Of `first` only the cell that was taken arrives, row by row.
        ({"title": ["Title", "Alias"]}, ("Alias",), [(*ROW, "lost"), ("2", "", "", "", "", "kept")], {"Alias": 1}),
        # A choice behind a constant is never read.
        ({"description": {"first": ["Text", {"value": "-"}, "Alias"]}}, ("Alias",), [(*ROW, "lost")], {"Alias": 1}),
        # A text takes the first filled cell of a column that repeats, the footer all.
        (
            {"footer": {"Tags": "Tag"}, "description": "Note"},
            ("Tag", "Tag", "Note", "Note"),
            [("1", "T", "", "P1", "Open", "a", "b", "c", "d"), ("2", "T", "", "", "", "", "e", "", "f")],
            {"Note": 1},
        ),
        # That a rule asks for a column makes no use of another one with the same header.
        (
            {
                "status": {
                    "column": "State",
                    "values": {"Open": "todo"},
                    "rules": [{"when": {"column": "State", "filled": False}, "then": "done"}],
                }
            },
            ("State", "state"),
            [(*ROW, "Waiting", "x")],
            {"State": 1, "state": 1},
        ),
        # A flag takes its cells only where its condition holds.
        (
            {"flags": [{"call": "Call", "type": "What", "when": [{"column": "What", "filled": True}]}]},
            ("Call", "What"),
            [(*ROW, "c-1", "late"), (*ROW, "c-2", "")],
            {"Call": 1},
        ),
        # A cell in which a pattern finds nothing is lost, one of which it takes a part is not.
        (
            {"footer": {"Sprint": {"column": "Sprint", "pattern": r"\d+"}}},
            ("Sprint",),
            [(*ROW, "Sprint 7"), ("2", "T", "", "", "", "none")],
            {"Sprint": 1},
        ),
        # A template takes all of its columns.
        ({"description": {"template": "{Text}: {Two}"}}, ("Two",), [(*ROW, "x")], {}),
        # What the source counts decides whether comments are missing.
        ({"counted": {"comments": {"column": "Hot"}}}, ("Hot",), [(*ROW, "3")], {}),
        # A rule takes the place of the value map; what it looks at is read.
        (
            {
                "severity": {
                    "column": "Priority",
                    "values": {"P1": "low"},
                    "rules": [{"when": {"column": "Hot", "is": "yes"}, "then": "critical"}],
                }
            },
            ("Hot",),
            [(*ROW, "yes"), ("2", "T", "", "P1", "", "no")],
            {"Priority": 1},
        ),
        # A fallback is looked at.
        (
            {"status": {"column": "State", "values": {"Open": "todo", "Done": "done"}, "fallback": "Group"}},
            ("Group",),
            [(*ROW, "Done"), ("2", "T", "", "", "?", "Done")],
            {},
        ),
        # Comments of closed issues are lost where the mapping says `closed: drop`.
        (
            {"comments": {"from": ["Note"], "closed": "drop"}},
            ("Note",),
            [(*ROW, "kept"), ("2", "T", "", "", "Closed", "lost")],
            {"Note": 1},
        ),
        # A cell without an id is no evidence.
        (
            {"resource_links": [{"column": "Calls", "type": "call", "find": r"call-\d+"}]},
            ("Calls",),
            [(*ROW, "see call-1, call-2"), ("2", "T", "", "", "", "none")],
            {"Calls": 1},
        ),
        # Who is only known by name is read once.
        ({"people": {"known": [{"name": "Watcher"}]}}, ("Watcher", "Watcher"), [(*ROW, "Ann", "Ben")], {"Watcher": 1}),
    ],
    ids=(
        *("choices", "constant", "repeated", "rule", "flag", "pattern", "template", "counter", "overruled"),
        *("fallback", "closed", "find", "known"),
    ),
)
def test_what_a_column_loses(
    tmp_path: Path,
    changes: dict[str, Any],
    header: tuple[str, ...],
    rows: list[tuple[str, ...]],
    lost: dict[str, int],
) -> None:
    """Row by row, whatever reads the column in others."""
    assert lose(tmp_path, mapping_of(**changes), (*HEADER, *header), *rows) == lost


def test_columns_that_may_be_dropped(tmp_path: Path) -> None:
    """`drop` names columns, with `*`, and all below a name; `--strict` asks for the others."""
    row = {"id": "1", "t": "T", "links": {"self": "u", "x": [{"y": 1}]}, "custom_1": 1, "custom_2": 2, "other": 0}
    losses = json_losses(tmp_path, json_mapping(drop=["links", "custom_*"]), row)
    assert [(line[0], line[3]) for line in losses.table()] == [
        ("other", ""),
        *((name, "yes") for name in ("custom_1", "custom_2", "links.self", "links.x[].y")),
    ]
    assert [line.column for line in losses.dropped()] == ["other"]
    assert (
        losses.refusal == "--strict: 1 column would be lost, and the mapping has neither `drop` nor `rest` for: other"
    )
    assert not json_losses(tmp_path, json_mapping(drop=["links", "custom_*", "other"]), row).refusal


def test_leaves_of_json(tmp_path: Path) -> None:
    """Null, white space and empty lists are not filled; false and 0 are. Arrays are collapsed."""
    mapping = json_mapping(footer={"Labels": {"path": "labels[].name"}})
    record = {
        "id": 1,
        "t": "T",
        "labels": [{"name": "a", "color": "f"}, {"name": "b", "color": None}],
        "e": [],
        "w": " ",
    }
    losses = json_losses(tmp_path, mapping, record, {"id": 0, "t": "T", "draft": False})
    assert lost_of(losses) == {"labels[].color": 1, "draft": 1}
    assert {line.column: line.filled for line in losses.lines()} == {
        **{"id": 2, "t": 2, "labels[].name": 2, "labels[].color": 1, "draft": 1},
    }


def test_a_rule_reads_what_its_expression_chooses(tmp_path: Path) -> None:
    """Of a list of which a rule reads the first item, the others are lost; where it asks for any, all are read."""
    rules = [{"name": "later", "when": {"path": "steps[].name | [0]", "is": "Later"}, "then": "backlog"}]
    rules += [{"name": "hot", "when": {"path": "tags[].name", "is": "hot"}, "then": "todo"}]
    record = {
        "id": 7,
        "t": "T",
        "steps": [{"name": "Doing"}, {"name": "Later"}],
        "tags": [{"name": "a"}, {"name": "b"}],
    }
    mapping = json_mapping(status={"rules": rules, "value": "todo"})
    assert lost_of(json_losses(tmp_path, mapping, record)) == {"steps[].name": 1}


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        ("labels[].not_null(name, title)", {"labels[].title": 1, "labels[].color": 2}),
        ("labels[?name=='bug'].color", {"labels[].title": 1, "labels[].color": 1}),
        ("join(', ', labels[].color)", {"labels[].name": 2, "labels[].title": 1}),
        ("labels[0].not_null(none, color)", {"labels[].name": 2, "labels[].title": 1, "labels[].color": 1}),
        ("author.name || author.login", {"author.login": 1}),
        ("author", {}),
    ],
)
def test_an_expression_that_chooses(tmp_path: Path, path: str, lost: dict[str, int]) -> None:
    """All leaves are lost whose text doesn't arrive, whatever the expression reads to decide."""
    record = {
        "id": "1",
        "t": "T",
        "labels": [{"name": "bug", "title": "Bug!", "color": "ff0000"}, {"name": "ui", "color": "00ff00"}],
        "author": {"name": "Ann", "login": "ann5"},
    }
    part = "labels" if path.startswith(("labels", "join")) else "author"
    found = lost_of(json_losses(tmp_path, json_mapping(footer={"Text": {"path": path}}), record))
    assert {name: cells for name, cells in found.items() if name.startswith(part)} == lost


def test_parts_of_a_comment(tmp_path: Path) -> None:
    """Of a comment's object only what the mapping reads of it arrives."""
    source = {"column": "comments", "each": {"text": "body", "author": "user.login"}}
    record = {"id": "1", "t": "T", "comments": [{"body": "Hi", "user": {"login": "ann", "id": 7}}]}
    assert lost_of(json_losses(tmp_path, json_mapping(comments={"from": [source]}), record)) == {
        "comments[].user.id": 1
    }


def test_a_record_that_cannot_be_read(tmp_path: Path) -> None:
    """It is rejected, and nothing is counted."""
    path = tmp_path / "f.jsonl"
    path.write_text('{"id": "1", "t": "T"}\n{"id": nonsense}\n')
    assert lost_of(losses_of(path, json_mapping())[0]) == {}


def test_records_that_are_nested_deeply(tmp_path: Path) -> None:
    """They are counted as long as they can be read, in every source_rows."""
    path = tmp_path / "f.jsonl"
    path.write_text("".join(f'{{"id": "{number}", "t": "T", "d": {"[" * 700}1{"]" * 700}}}\n' for number in range(2)))
    assert lost_of(losses_of(path, json_mapping(), size=1)[0]) == {"d" + "[]" * 700: 2}


def test_an_envelope_is_no_part_of_the_record(tmp_path: Path) -> None:
    """The leaves are those of the record within, under the paths that the mapping reads."""
    record = {"backend_name": "GitHub", "uuid": "u", "category": "issue", "data": {"id": "1", "t": "T"}}
    losses = json_losses(tmp_path, json_mapping(), record)
    assert lost_of(losses) == {"_category": 1}
    assert {line.column for line in losses.lines()} == {"_category", "id", "t"}


def test_a_record_in_a_column(tmp_path: Path) -> None:
    """The leaves of the object, and the cells beside it; the cell that holds it is not counted again."""
    path = tmp_path / "f.csv"
    record = json.dumps({"id": "1", "t": "A long enough title", "x": {"y": 2}})
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("n", "data"), ("7", record)])
    losses = losses_of(path, json_mapping())[0]
    assert lost_of(losses) == {"x.y": 1, "n": 1}
    assert {line.column for line in losses.lines()} == {"id", "t", "x.y", "n"}


def test_what_people_are_told(tmp_path: Path) -> None:
    """The widest loss first, with a sample; eight columns at most, and where the rest is."""
    names = tuple(f"C{number}" for number in range(10))
    losses = table(
        tmp_path, mapping_of(), (*HEADER, *names), (*ROW, *map(str, range(10))), ("2", "T", "", "", "", *[""] * 9, "x")
    )
    said = losses.show()
    assert said[:2] == ["lost columns (11 cells):", "  C9  2 cells, e.g. 9"]
    assert said[-1] == "  and 2 more: losses.csv"
    assert len(said) == 10
    assert losses.as_json()["dropped_cells"] == 11
    assert losses.as_json()["dropped_columns"][0] == "C9"


def test_attachments_that_begin_with_a_date(tmp_path: Path) -> None:
    """They are no dates of the issue."""
    mapping = mapping_of(footer={"Created": "On"}, attachments={"name": "Files"})
    losses = table(tmp_path, mapping, (*HEADER, "On", "Files"), (*ROW, "12/Sep/25", "12/Sep/25 9:05 AM;ann;a.png"))
    assert losses.warnings()[0].endswith(" by its import: On")


def test_a_file_that_a_record_names_twice(tmp_path: Path) -> None:
    """Backlog's history has each once more: it is listed once, and files that nothing tells apart are all listed."""
    files = [{"id": 7, "name": "a.png"}, {"name": "b.png"}, {"name": "b.png"}]
    history = [{"attachmentInfo": {"id": 7, "name": "a.png"}}]
    losses = json_losses(tmp_path, json_mapping(), {"id": 1, "t": "T", "attachments": files, "changeLog": history})
    assert sorted(each.name for each in losses.attachments) == ["a.png (id 7)", "b.png", "b.png"]


def test_what_triage_has_no_place_for(tmp_path: Path) -> None:
    """Dates and authors that are kept in the footer, and attachments, each with a sentence."""
    mapping = mapping_of(footer={"Created": "On", "Reporter": "Who", "Sprint": "Sprint"}, drop=["Attachment"])
    header = (*HEADER, "On", "Who", "Sprint", "Attachment")
    losses = table(tmp_path, mapping, header, (*ROW, "12/Sep/25 9:05 AM", "ann", "7", "https://x.test/a.png"))
    assert losses.warnings() == [
        "dates are kept as text in the footer, because Triage dates an issue by its import: On",
        "authors are kept as text in the footer: Who",
        "1 attachment of 1 issue can't be sent, and their addresses stop working once the old tracker is gone: see attachments.csv",  # noqa: E501
    ]


CELLS = st.sampled_from(["", " ", "a", "b"])


@given(
    rows=st.lists(st.tuples(*[CELLS] * 4), min_size=1, max_size=8),
    description=st.sampled_from(["Text", ["A", "Text"], {"template": "{A} {B}"}, {"column": "A", "pattern": "b.*"}]),
    every=st.sampled_from(["A", ["B", "A"], {"first": ["A", "B"], "pattern": "a.*"}]),
    size=st.integers(1, 5),
    left_out=st.sets(st.integers(0, 7)),
)
def test_what_is_lost_is_not_in_the_issue(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    description: Any,
    every: Any,
    size: int,
    left_out: set[int],
) -> None:
    """Whatever the mapping and the runs: lost are the cells of rows that are sent whose text isn't in the issue."""
    names = ("Text", "A", "B", "A")
    table = [
        [f"{cell}{number}-{place}z" if cell.strip() else cell for place, cell in enumerate(row)]
        for number, row in enumerate(rows)
    ]
    path = tmp_path_factory.mktemp("cells") / "f.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("Key", "Title", *names), *((number, "T", *row) for number, row in enumerate(table))]
        )
    plain = {"severity": {"value": "low"}, "status": {"value": "todo"}, "category": {"value": "C"}}
    mapping = mapping_of(description=description, footer={"Every": every}, **plain)
    with open_source([str(path)], SourceOptions()) as source:
        transform = Transform(mapping, SOURCE_NAME)
        issues = [
            issue
            for source_rows in source.read(transform.refs, size=size, tables=transform.tables)
            for issue in (each.description for each in transform(source_rows).issues)
        ]
    lost = Counter(
        name
        for number, (row, issue) in enumerate(zip(table, issues, strict=True))
        for name, cell in zip(names, row, strict=True)
        if number not in left_out and cell.strip() and cell not in issue
    )
    assert lost_of(losses_of(path, mapping, left_out=set(map(str, left_out)), size=size)[0]) == lost


def test_many_labels_are_not_compared_with_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expression that chooses among 50,000 labels of one issue gives 50,000 cells, and each is found at once."""
    looked = Counter[int]()
    is_part = leaves._Consumer._is_part
    count = 0

    def look(*args: Any) -> bool:
        looked[count] += 1
        return is_part(*args)

    monkeypatch.setattr(leaves._Consumer, "_is_part", look)
    mapping = json_mapping(footer={"Labels": {"path": "labels[?name != 'x'].name"}})
    for count in (100, 200):
        record = {"id": "1", "t": "T", "labels": [{"name": f"l{number}"} for number in range(count)]}
        assert lost_of(json_losses(tmp_path, mapping, record)) == {}
    assert looked[200] <= 2.5 * looked[100]


def test_samples_differ_and_are_short() -> None:
    """Of a column that says that a row is no issue: two different texts on one line each, cut where they are long."""
    line = CoverageLines([]).line("Deleted")
    for text in ("x\ny", "x y", "z" * 100):
        assert line.is_open
        line.show(text)
    assert (line.is_open, line.samples) == (False, ["x y", "z" * 40 + "…"])


def test_columns_without_number() -> None:
    """Keys that are data are counted together from the limit on."""
    lines = CoverageLines([])
    for number in range(DISTINCT_LIMIT + 5):
        lines.line(str(number)).lost += 1
    assert len(list(lines)) == DISTINCT_LIMIT + 1
    assert lines.line(OTHERS).lost == 5


@pytest.mark.parametrize(
    ("column", "may_drop"),
    [
        *[(name, True) for name in ("Votes", "a.b", "a.b.c", "a.b[].c", "fields.customfield_1[].x", "x[].y")],
        *[(name, False) for name in ("votes", "Votes 2", "a", "a.bc", "fields.custom", "x")],
    ],
)
def test_names_of_drop(column: str, may_drop: bool) -> None:
    """A name is a whole one and means all below it; `*` is anything, brackets are themselves."""
    assert CoverageLines(["Votes", "a.b", "fields.customfield_*", "x[].y"]).line(column).may_drop is may_drop
