"""The loss ledger: every filled cell in exactly one class."""

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
from importer.check.coverage.lines import DROP, DROPPED, OTHERS, CoverageLines
from importer.check.plan import DISTINCT_LIMIT
from importer.mapping.model import MappingModel
from tests.harness.coverage import cells_of, losses_of
from tests.harness.making import HEADER, mapping_of

ROW = ("1", "Title", "Text", "P1", "Open")


def count(
    folder: Path, mapping: MappingModel, header: tuple[str, ...], *rows: tuple[str, ...], left_out: tuple[str, ...] = ()
) -> dict[tuple[str, str], int]:
    return cells_of(table(folder, mapping, header, *rows, left_out=left_out))


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


def test_each_column_goes_to_its_field(tmp_path: Path) -> None:
    """A column is counted under the field that takes it, in the footer under its label, or as dropped."""
    mapping = mapping_of(footer={"Reporter": "Who"})
    assert count(
        tmp_path, mapping, (*HEADER, "Who", "Points"), (*ROW, "ann", "5"), ("2", "Two", " ", "P2", "", "", "")
    ) == {
        ("Points", "dropped"): 1,
        ("Key", "key"): 2,
        ("Priority", "severity"): 2,
        ("State", "status"): 1,
        ("Text", "description"): 1,
        ("Title", "title"): 2,
        ("Who", "footer: Reporter"): 1,
    }


def test_rows_that_are_not_sent(tmp_path: Path) -> None:
    """All cells of such a row are a class of their own, those of a ragged row without a header too."""
    lines = count(tmp_path, mapping_of(), HEADER, ROW, ("2", "Two", "", "", ""), (*ROW, "x", "y"), left_out=("2",))
    assert lines["Title", "not sent"] == 2
    assert lines["Title", "title"] == 1
    assert lines["(column 6)", "not sent"] == lines["(column 7)", "not sent"] == 1


def test_a_second_choice_is_lost_where_the_first_is_filled(tmp_path: Path) -> None:
    """Of `first` only the cell that was taken counts, row by row."""
    lines = count(
        tmp_path,
        mapping_of(title=["Title", "Alias"]),
        (*HEADER, "Alias"),
        (*ROW, "lost"),
        ("2", "", "", "", "", "kept"),
    )
    assert lines["Alias", "title"] == lines["Alias", "dropped"] == lines["Title", "title"] == 1


def test_what_follows_a_constant_is_never_read(tmp_path: Path) -> None:
    """A choice behind a constant is lost, even though the mapping names it."""
    mapping = mapping_of(description={"first": ["Text", {"value": "-"}, "Alias"]})
    lines = count(tmp_path, mapping, (*HEADER, "Alias"), ("2", "Two", "", "", "", "lost"))
    assert lines["Alias", "dropped"] == 1


def test_repeated_columns(tmp_path: Path) -> None:
    """A text takes the first filled cell of a column that repeats, the footer all; they are one line with a count."""
    header, row = (*HEADER, "Tag", "Tag", "Note", "Note"), (*ROW, "a", "b", "c", "d")
    losses = table(
        tmp_path,
        mapping_of(footer={"Tags": "Tag"}, description="Note"),
        header,
        row,
        ("2", "T", "", "", "", "", "e", "", "f"),
    )
    lines = cells_of(losses)
    assert lines["Tag", "footer: Tags"] == 3
    assert lines["Note", "description"] == 2
    assert lines["Note", "dropped"] == 1
    assert {row[4] for row in losses.table() if row[0] == "Note"} == {"2"}


def test_a_second_column_that_a_rule_asks_for_too(tmp_path: Path) -> None:
    """That a rule asks whether a status is filled makes no use of another column with the same header: it is lost."""
    rules = [{"when": {"column": "State", "filled": False}, "then": "done"}]
    mapping = mapping_of(status={"column": "State", "values": {"Open": "todo"}, "rules": rules})
    lines = count(tmp_path, mapping, (*HEADER, "State", "state"), (*ROW, "Waiting", "x"))
    assert (lines["State", "status"], lines["State", "dropped"], lines["state", "dropped"]) == (1, 1, 1)


def test_a_call_whose_flag_is_not_wanted(tmp_path: Path) -> None:
    """A flag consumes its cells only in the rows where its condition holds: elsewhere nothing of them is sent."""
    rule = {"call": "Call", "type": "What", "when": [{"column": "What", "filled": True}]}
    lines = count(
        tmp_path, mapping_of(flags=[rule]), (*HEADER, "Call", "What"), (*ROW, "c-1", "late"), (*ROW, "c-2", "")
    )
    assert (lines["Call", "flag"], lines["Call", "dropped"], lines["What", "flag"]) == (1, 1, 1)


def test_a_pattern_takes_or_leaves_a_cell(tmp_path: Path) -> None:
    """A cell in which the pattern finds nothing is lost; one of which it takes a part counts as taken."""
    mapping = mapping_of(footer={"Sprint": {"column": "Sprint", "pattern": r"\d+"}})
    lines = count(tmp_path, mapping, (*HEADER, "Sprint"), (*ROW, "Sprint 7"), ("2", "T", "", "", "", "none"))
    assert lines["Sprint", "footer: Sprint"] == lines["Sprint", "dropped"] == 1


def test_a_template_takes_all_of_its_columns(tmp_path: Path) -> None:
    """Both placeholders count."""
    lines = count(
        tmp_path,
        mapping_of(title="T", description={"template": "{A}: {B}"}),
        ("Key", "T", "A", "B"),
        ("1", "t", "a", "b"),
    )
    assert lines["A", "description"] == lines["B", "description"] == 1


def test_a_counter_is_read(tmp_path: Path) -> None:
    """What the source counts decides whether comments are missing: it doesn't go nowhere."""
    mapping = mapping_of(counted={"comments": {"column": "Hot"}})
    assert count(tmp_path, mapping, (*HEADER, "Hot"), (*ROW, "3"))["Hot", "rule"] == 1


def test_a_value_is_lost_where_a_rule_decides(tmp_path: Path) -> None:
    """A rule takes the place of the value map; what it looks at is read, and nothing of it arrives."""
    rules = [{"when": {"column": "Hot", "is": "yes"}, "then": "critical"}]
    mapping = mapping_of(severity={"column": "Priority", "values": {"P1": "low"}, "rules": rules})
    lines = count(tmp_path, mapping, (*HEADER, "Hot"), (*ROW, "yes"), ("2", "T", "", "P1", "", "no"))
    assert lines["Priority", "severity"] == lines["Priority", "dropped"] == 1
    assert lines["Hot", "rule"] == 2


def test_a_fallback_counts_where_it_is_needed(tmp_path: Path) -> None:
    """Elsewhere it has only been looked at."""
    status = {"column": "State", "values": {"Open": "todo", "Done": "done"}, "fallback": "Group"}
    lines = count(
        tmp_path, mapping_of(status=status), (*HEADER, "Group"), (*ROW, "Done"), ("2", "T", "", "", "?", "Done")
    )
    assert lines["Group", "status"] == lines["Group", "rule"] == 1


def test_comments_that_the_mapping_drops(tmp_path: Path) -> None:
    """Comments of closed issues are lost where the mapping says `closed: drop`."""
    mapping = mapping_of(comments={"from": ["Note"], "closed": "drop"})
    lines = count(tmp_path, mapping, (*HEADER, "Note"), (*ROW, "kept"), ("2", "T", "", "", "Closed", "lost"))
    assert lines["Note", "comment"] == lines["Note", "dropped"] == 1


def test_ids_that_are_found_in_a_text(tmp_path: Path) -> None:
    """A cell without an id is no evidence."""
    mapping = mapping_of(resource_links=[{"column": "Calls", "type": "call", "find": r"call-\d+"}])
    lines = count(tmp_path, mapping, (*HEADER, "Calls"), (*ROW, "see call-1, call-2"), ("2", "T", "", "", "", "none"))
    assert lines["Calls", "evidence"] == lines["Calls", "dropped"] == 1


def test_columns_that_may_be_dropped(tmp_path: Path) -> None:
    """`drop` names columns, with `*`, and all below a name; `--strict` asks for the others."""
    row = {"id": "1", "t": "T", "links": {"self": "u", "x": [{"y": 1}]}, "custom_1": 1, "custom_2": 2, "other": 0}
    losses = json_losses(tmp_path, json_mapping(drop=["links", "custom_*"]), row)
    lines = cells_of(losses)
    assert lines["links.self", "drop"] == lines["links.x[].y", "drop"] == lines["custom_2", "drop"] == 1
    assert [line.column for line in losses.dropped()] == ["other"]
    assert [line.column for line in losses.lines()][:2] == ["other", "custom_1"], "what goes nowhere comes first"
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
    assert cells_of(json_losses(tmp_path, mapping, record, {"id": 0, "t": "T", "draft": False})) == {
        ("id", "key"): 2,
        ("t", "title"): 2,
        ("labels[].name", "footer: Labels"): 2,
        ("labels[].color", "dropped"): 1,
        ("draft", "dropped"): 1,
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
    lines = cells_of(json_losses(tmp_path, mapping, record))
    assert lines["steps[].name", "rule"] == lines["steps[].name", "dropped"] == 1
    assert lines["tags[].name", "rule"] == 2


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("labels[].not_null(name, title)", {"labels[].name"}),
        ("labels[?name=='bug'].color", {"labels[].color"}),
        ("join(', ', labels[].color)", {"labels[].color"}),
        ("labels[0].not_null(none, color)", {"labels[].color"}),
        ("author.name || author.login", {"author.name"}),
        ("author", {"author.name", "author.login"}),
    ],
)
def test_an_expression_that_chooses(tmp_path: Path, path: str, taken: set[str]) -> None:
    """Only the leaves whose text arrives count, whatever else the expression reads."""
    record = {
        "id": "1",
        "t": "T",
        "labels": [{"name": "bug", "title": "Bug!", "color": "ff0000"}, {"name": "ui", "color": "00ff00"}],
        "author": {"name": "Ann", "login": "ann5"},
    }
    lines = cells_of(json_losses(tmp_path, json_mapping(footer={"Text": {"path": path}}), record))
    assert {column for column, label in lines if label == "footer: Text"} == taken
    if path.startswith("labels[?"):
        assert lines["labels[].color", "footer: Text"] == lines["labels[].color", "dropped"] == 1
        assert lines["labels[].name", "rule"] == 2


def test_parts_of_a_comment(tmp_path: Path) -> None:
    """Of a comment's object only what the mapping reads of it arrives."""
    source = {"column": "comments", "each": {"text": "body", "author": "user.login"}}
    record = {"id": "1", "t": "T", "comments": [{"body": "Hi", "user": {"login": "ann", "id": 7}}]}
    lines = cells_of(json_losses(tmp_path, json_mapping(comments={"from": [source]}), record))
    assert lines["comments[].body", "comment"] == lines["comments[].user.login", "comment"] == 1
    assert lines["comments[].user.id", "dropped"] == 1


def test_a_record_that_cannot_be_read(tmp_path: Path) -> None:
    """It is one cell that is not sent."""
    path = tmp_path / "f.jsonl"
    path.write_text('{"id": "1", "t": "T"}\n{"id": nonsense}\n')
    assert cells_of(losses_of(path, json_mapping())[0])["(record)", "not sent"] == 1


def test_records_that_are_nested_deeply(tmp_path: Path) -> None:
    """They are counted as long as they can be read, in every chunk."""
    path = tmp_path / "f.jsonl"
    path.write_text("".join(f'{{"id": "{number}", "t": "T", "d": {"[" * 700}1{"]" * 700}}}\n' for number in range(2)))
    lines = cells_of(losses_of(path, json_mapping(), size=1)[0])
    assert lines["d" + "[]" * 700, "dropped"] == 2


def test_an_envelope_is_no_part_of_the_record(tmp_path: Path) -> None:
    """The leaves are those of the record within, under the paths that the mapping reads."""
    record = {"backend_name": "GitHub", "uuid": "u", "category": "issue", "data": {"id": "1", "t": "T"}}
    lines = cells_of(json_losses(tmp_path, json_mapping(), record))
    assert lines == {("_category", "dropped"): 1, ("id", "key"): 1, ("t", "title"): 1}


def test_a_record_in_a_column(tmp_path: Path) -> None:
    """The leaves of the object, and the cells beside it; the cell that holds it is not counted again."""
    path = tmp_path / "f.csv"
    record = json.dumps({"id": "1", "t": "A long enough title", "x": {"y": 2}})
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("n", "data"), ("7", record)])
    lines = cells_of(losses_of(path, json_mapping())[0])
    assert lines == {("id", "key"): 1, ("t", "title"): 1, ("x.y", "dropped"): 1, ("n", "dropped"): 1}


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


CELLS = st.sampled_from(["", " ", "a", "b", "P1", "Open", "x1"])


@given(
    rows=st.lists(st.tuples(*[CELLS] * 8), min_size=1, max_size=12),
    description=st.sampled_from(["Text", ["A", "Text"], {"template": "{A} {B}"}, {"column": "A", "pattern": "x."}]),
    every=st.sampled_from(["A", ["B", "A"], {"first": ["A", "B"], "pattern": "[ab]"}]),
    size=st.integers(1, 5),
    left_out=st.sets(CELLS),
)
def test_every_filled_cell_is_in_one_class(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    description: Any,
    every: Any,
    size: int,
    left_out: set[str],
) -> None:
    """Whatever the mapping: the classes of a column add up to its filled cells, in whatever chunks it is read."""
    header = (*HEADER, "A", "B", "A")
    path = tmp_path_factory.mktemp("cells") / "f.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    mapping = mapping_of(description=description, footer={"Every": every})
    losses, _ = losses_of(path, mapping, left_out=left_out, size=size)
    filled = Counter(name for row in rows for name, cell in zip(header, row, strict=True) if cell.strip())
    found: Counter[str] = Counter()
    for (column, _), cells in cells_of(losses).items():
        found[column] += cells
    assert found == filled
    assert cells_of(losses) == cells_of(losses_of(path, mapping, left_out=left_out)[0])


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
        counted = cells_of(json_losses(tmp_path, mapping, record))
        assert counted["labels[].name", "footer: Labels"] == count
    assert looked[200] <= 2.5 * looked[100]


def test_samples_differ_and_are_short() -> None:
    """Two different texts on one line each, cut where they are long."""
    lines = CoverageLines([])
    lines.add_filled("A", "title", ["", "x\ny", "x y", "z" * 100, "w"], 4)
    lines.end_chunk()
    (line,) = lines
    assert line.samples == ["x y", "z" * 40 + "…"]


def test_columns_without_number() -> None:
    """Keys that are data are counted together from the limit on."""
    lines = CoverageLines([])
    for number in range(DISTINCT_LIMIT + 5):
        lines.line(str(number), DROPPED).cells += 1
    assert len(list(lines)) == DISTINCT_LIMIT + 1
    assert lines.line(OTHERS, DROPPED).cells == 5


@pytest.mark.parametrize(
    ("column", "label"),
    [
        *[(name, DROP) for name in ("Votes", "a.b", "a.b.c", "a.b[].c", "fields.customfield_1[].x", "x[].y")],
        *[(name, DROPPED) for name in ("votes", "Votes 2", "a", "a.bc", "fields.custom", "x")],
    ],
)
def test_names_of_drop(column: str, label: str) -> None:
    """A name is a whole one and means all below it; `*` is anything, brackets are themselves."""
    assert CoverageLines(["Votes", "a.b", "fields.customfield_*", "x[].y"]).line(column, DROPPED).label == label
