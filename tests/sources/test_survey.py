"""Surveys: what a source has before anything is chosen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from importer.errors import SourceError, SourceNotReady, UsageError
from importer.records import Ref
from importer.sources.source import SourceOptions
from importer.sources.survey import Sample, open_source, survey_files
from importer.spreadsheet import IMPORT_COLUMNS
from tests.harness.read_rows import defects_of, lines_of, raws_of, texts_of
from tests.harness.source_files import table_of

ID = Ref("column", "id")
BOARD = {
    "id": "b",
    "name": "Board",
    "lists": [{"id": "l", "name": "Doing"}],
    "cards": [{"id": "1", "badges": {"due": {"on": {"deep": 1}}}}, {"id": "2", "labels": [{"name": "x"}]}],
    "prefs": {"switches": [1, 2]},
}


def write(folder: Path, content: str, name: str = "a.json") -> str:
    """Write a file; give its path."""
    path = folder / name
    path.write_text(content, encoding="utf-8", newline="")
    return str(path)


def survey(*paths: str, **options: str | int) -> tuple[Sample, ...]:
    with survey_files(paths, SourceOptions(**options)) as surveyed:  # type: ignore[arg-type]
        return surveyed.samples


def test_a_table(tmp_path: Path) -> None:
    """The names are the header's filled cells, without outer white space."""
    path = write(tmp_path, "A title\nid,Key,,x y,id\n1,2,3,4,5\n2,2,3,4,5\n", "a.csv")
    assert survey(path) == (Sample(path, "csv", "", "", "", frozenset({"id", "Key", "x y"}), 2),)
    path = write(tmp_path, "id, Key ,\n1,2,3\n", "b.csv")
    assert survey(path) == (Sample(path, "csv", "", "", "", frozenset({"id", "Key"}), 1),)


def test_records(tmp_path: Path) -> None:
    """The names are those of all sampled records, dotted through objects to three keys; lists are not entered."""
    records = [{"a": {"b": {"c": {"d": 1}}}}, {"e": [{"f": 1}]}]
    names = frozenset({"a", "a.b", "a.b.c", "e"})
    for name, text in {"a.json": json.dumps(records), "b.jsonl": "\n".join(map(json.dumps, records))}.items():
        path = write(tmp_path, text, name)
        assert survey(path) == (Sample(path, "jsonl" if name == "b.jsonl" else "json", "", "", "", names, 2),)


def test_what_lies_beside_the_records_is_not_held(tmp_path: Path) -> None:
    """A history in one element of an array is read part by part, though it might have been the records."""
    history = [{"events": [{"at": "2024-01-02", "note": "x" * 80}] * 30_000}]
    path = write(tmp_path, json.dumps({"history": history, "issues": [{"id": 1, "title": "x"}]}))
    tracemalloc.start()
    try:
        samples = survey(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {(sample.records, sample.rows) for sample in samples} >= {("issues", 1)}
    assert peak < 5_000_000  # all of it takes 20 MB


def test_an_object_with_several_arrays(tmp_path: Path) -> None:
    """Each array of objects is a sample, and the document itself is one if it can be told apart; each can be opened."""
    path = write(tmp_path, json.dumps(BOARD))
    with survey_files([path], SourceOptions()) as surveyed:
        samples = {sample.records: sample for sample in surveyed.samples if not sample.within}
        assert sorted(samples) == ["", "cards", "lists"]
        assert [sample.records for sample in surveyed.samples if sample.within] == ["cards.labels"]
        assert samples["cards"].names == {"id", "badges", "badges.due", "badges.due.on", "labels"}
        assert samples["cards"].rows == 2
        assert {"name", "prefs.switches"} <= samples[""].names
        with pytest.raises(SourceError, match="several arrays of records: lists, cards") as raised:
            surveyed.open()
        assert "input.records" in raised.value.hint
        with surveyed.open("cards") as source:
            assert [texts_of(source_rows, ID) for source_rows in source.read([ID])] == [["1", "2"]]
    with survey_files([path], SourceOptions()) as surveyed, surveyed.open("") as source:
        assert [texts_of(source_rows, ID) for source_rows in source.read([ID])] == [["b"]]


def test_comments_within_issues_are_no_answers(tmp_path: Path) -> None:
    """What stands around an array is known in its records, and is no record that a comment has."""
    comments = [{"body": "Again", "author": "ann"}]
    issue = {"key": "P-1", "summary": "Echo", "status": "Open", "priority": "High", "comments": comments}
    path = write(tmp_path, json.dumps({"projects": [{"key": "P", "issues": [issue]}], "links": [{"name": "blocks"}]}))
    samples = {sample.records: sample for sample in survey(path)}
    assert samples["projects.issues.comments"].envelope == ""
    assert "summary" not in samples["projects.issues.comments"].names


def test_a_place_that_only_one_file_has(tmp_path: Path) -> None:
    """What is chosen counts for the files that have it; the others have their only array."""
    paths = [write(tmp_path, json.dumps(BOARD)), write(tmp_path, '[{"id": 9}]', "b.json")]
    with survey_files(paths, SourceOptions()) as surveyed, surveyed.open("cards") as source:
        assert [texts_of(source_rows, ID) for source_rows in source.read([ID])] == [["1", "2"], ["9"]]


def test_streams(tmp_path: Path) -> None:
    """Each stream is a sample with its own names, also where the pairs came back from an errors file."""
    text = '[["x/issues", {"id": 1, "a": 1}], ["x/users", {"id": 2}], ["x/issues", {"b": 1}]]'
    path = write(tmp_path, text)
    kinds = [("x/issues", {"_stream", "id", "a", "b"}, 2), ("x/users", {"_stream", "id"}, 1)]
    assert [(sample.stream, set(sample.names), sample.rows) for sample in survey(path)] == kinds
    path = write(tmp_path, '{"_stream": "x/issues", "id": 1}\n{"_stream": "x/users", "id": 2}', "b.jsonl")
    assert [sample.stream for sample in survey(path)] == ["x/issues", "x/users"]


def test_a_stream_far_down(tmp_path: Path) -> None:
    """A stream that begins behind thousands of pairs of another is seen."""
    pairs = [["x/users", {"id": number}] for number in range(3000)] + [["x/issues", {"title": "t"}]]
    assert [sample.stream for sample in survey(write(tmp_path, json.dumps(pairs)))] == ["x/users", "x/issues"]


def test_only_the_beginning_is_read(tmp_path: Path) -> None:
    """A key behind the first hundred records is not known, and damage there is found when it is read."""
    text = "[" + ", ".join('{"id": 1}' for _ in range(150)) + ', {"late": 1}, oops'
    [sample] = survey(write(tmp_path, text))
    assert (set(sample.names), sample.rows) == ({"id"}, 100)
    with open_source([write(tmp_path, text)], SourceOptions()) as source, pytest.raises(SourceError, match="not valid"):
        list(source.read([ID]))


def test_records_in_a_column(tmp_path: Path) -> None:
    """The names are those of the objects and of the columns beside them."""
    path = write(tmp_path, 'no,data\n1,"{""id"": 1, ""fields"": {""summary"": ""A title""}}"\n', "a.csv")
    [sample] = survey(path)
    assert sample.names == {"no", "data", "id", "fields", "fields.summary"}
    assert sample.envelope == "JSON in column data"


@pytest.mark.parametrize(
    ("content", "records", "ids"),
    [
        ('{"data": {"issues": {"nodes": [{"id": "x"}]}}, "extensions": {"cost": 1}}', "data.issues.nodes", ["x"]),
        ('{"result": [{"id": "x"}], "status": "ok", "code": 0}', "result", ["x"]),
        ('{"a": {"b": {"c": {"d": [{"id": "x"}]}}}}', "a.b.c.d", ["x"]),
        (
            '{"total": 2, "issues": [{"id": "x"}]}\n{"total": 2, "issues": [{"id": "y"}], "more": {}}',
            "issues",
            ["x", "y"],
        ),
        ('{"count": 1, "tickets": [{"id": "x"}]}\n\n{"count": 1, "tickets": []}\n', "tickets", ["x"]),
        ('[{"id": "x"},\n{"id": "y"}]\n[{"id": "z"}]', "", ["x", "y", "z"]),
        ('[[{"id": "x"}, {"id": "y"}], [], [{"id": "z"}]]', "", ["x", "y", "z"]),
        ('[{"total": 2, "items": [{"id": "x"}]}, {"total": 2, "items": [{"id": "y"}]}]', "items", ["x", "y"]),
        ('[{"data": {"nodes": [{"id": "x"}]}}, {"data": {"nodes": []}}]', "data.nodes", ["x"]),
        ('{\n"id": "x", "title": "t"}\n{\n"id": "y"}', "", ["x", "y"]),
        ('{"key": "x", "id": "x", "fields": {"summary": "s", "links": [{"id": "no"}]}}', "", ["x"]),
        ('{"id": "x", "title": "t", "labels": [{"id": "no", "name": "l"}]}', "", ["x"]),
        ('{"id": "x", "fields": {"summary": "s"}}', "", ["x"]),
    ],
)
def test_where_the_records_are(tmp_path: Path, content: str, records: str, ids: list[str]) -> None:
    """They are the only array within objects, in every page of it, or the document itself where it is a record."""
    for name in ("a.json", "b.jsonl") if "\n{\n" not in content and content[0] == "{" else ("a.json",):
        with survey_files([write(tmp_path, content, name)], SourceOptions()) as surveyed, surveyed.open() as source:
            assert surveyed.samples[-1].records == records
            assert [cell for source_rows in source.read([ID]) for cell in texts_of(source_rows, ID)] == ids


@pytest.mark.parametrize(
    "content",
    [
        '{"id": 1, "title": ["a", "b"], "labels": ["c", "d"], "by": ["e", "f"]}',
        '{"issues": [{"id": 1}, {"id": 2}], "users": [{"n": 1}, {"n": 2}], "ids": [1, 2], "names": [3, 4]}',
        '{"VOICE": {"1": {"id": 1}}, "TEXT": {"2": {"id": 2}}, "MAIL": {"3": {"id": 3}}}',
        '{"columns": ["id"], "index": [0], "data": [{"id": 1}]}',
    ],
)
def test_records_that_are_no_columns(tmp_path: Path, content: str) -> None:
    """Lists of one length are columns only where there is nothing else; of objects they are records."""
    assert survey(write(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [
        '[{"ticket": 5, "notes": [{"text": "x"}]}]',
        '[{"ticket": "5", "headline": "t", "notes": [{"text": "x"}]}]',
        '[{"node": {"id": "x", "labels": [{"name": "l"}]}}]',
    ],
)
def test_an_array_of_records_that_are_no_pages(tmp_path: Path, content: str) -> None:
    """What says more than which page it is, or is an edge, is a record that has an array."""
    [sample] = survey(write(tmp_path, content))
    assert (sample.records, sample.rows) == ("", 1)


@pytest.mark.parametrize("labels", ['[{"name": "x"}]', '[{"name": "x"}, {"name": "y"}]'])
def test_parts_of_an_object_with_a_title_are_no_records(tmp_path: Path, labels: str) -> None:
    """A message is one record, however many labels its issue has; one whose issue has none was lost."""
    lines = [
        f'{{"n": {number}, "bug": {{"title": "t", "labels": {some}}}}}' for number, some in ((1, labels), (2, "[]"))
    ]
    with (
        survey_files([write(tmp_path, "\n".join(lines), "a.jsonl")], SourceOptions()) as surveyed,
        surveyed.open() as source,
    ):
        assert [record["n"] for record in source.records(0)] == [1, 2]


def test_json_lines_that_look_like_pages(tmp_path: Path) -> None:
    """A record with a list of objects is no page, and --format jsonl settles it."""
    line = '{"title": "t", "labels": [{"name": "x"}]}\n'
    assert [sample.format for sample in survey(write(tmp_path, line * 2, "a.jsonl"))] == ["jsonl"]
    page = '{"issues": [{"id": 1}]}\n'
    assert [sample.format for sample in survey(write(tmp_path, page * 2, "a.jsonl"), format="jsonl")] == ["jsonl"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("{}", SourceNotReady, "has no records"),
        ("[]", SourceNotReady, "has no records"),
        ("[]\n[]", SourceNotReady, "has no records"),
        ("[[], []]", SourceNotReady, "has no records"),
        ('{"issues": [], "total": 0}', SourceNotReady, "has no records"),
        ('{"data": {"issues": {"nodes": []}}}', SourceNotReady, "has no records"),
        ('"x"', SourceError, "is not a JSON array or object"),
        ("var data = [\n{}]", SourceError, r"is not a JSON array or object: it begins with “var data = \[ {}\]”"),
        ("null", SourceError, "is not a JSON array or object"),
        ('{"error": "unauthorized"}', SourceError, "an error response from a service, not an export: “unauthorized”"),
        ('{"message": "Not Found", "documentation_url": "https://x"}', SourceError, "“Not Found”"),
        ('{"errorMessages": ["No such issue"], "errors": {}}', SourceError, "“No such issue”"),
        ('{"data": null, "errors": [{"message": "Bad query", "path": ["a"]}]}', SourceError, "“Bad query”"),
        ('{"error": {"code": 401, "message": "Who?"}, "request": 5}', SourceError, r"“Who\?”"),
        ('{"a": {"b": 1}}', SourceError, "has no array of records; its keys are a"),
        ('{"id": [1, 2], "title": ["a", "b"], "done": [1, 0]}', SourceError, "a list of values for each column"),
        ('{"id": {"0": 1}, "title": {"0": "a"}, "by": {"0": "x"}}', SourceError, "a list of values for each column"),
        ('{"columns": ["id"], "index": [0], "data": [[1]]}', SourceError, "a list of values for each column"),
        ('[["id", "title"], [1, "a"]]', SourceError, "lists or single values instead of objects"),
        ("[null, 1]", SourceError, "lists or single values instead of objects"),
        ('{"a":' * 100_000, SourceError, "nested too deeply"),
        ('{"issues": [{"id": 1}], "more": {"x": ', SourceNotReady, "ends inside its JSON document"),
    ],
)
def test_documents_without_records(tmp_path: Path, content: str, error: type[Exception], message: str) -> None:
    """Each says what it is: an empty export may come yet, an answer that says an error is quoted."""
    with pytest.raises(error, match=message):
        survey(write(tmp_path, content))


def test_lines_of_which_none_can_be_read(tmp_path: Path) -> None:
    """The reason of the first is said, as it is that of all."""
    path = write(tmp_path, '{"id": 1},\n{"id": 2},\n', "a.jsonl")
    with survey_files([path], SourceOptions()) as surveyed:
        assert surveyed.samples == ()
        with pytest.raises(SourceError, match=r"a\.jsonl has nothing that .* Line 1, column 10 is not valid JSON"):
            surveyed.refuse_unreadable()


def test_a_page_without_its_array(tmp_path: Path) -> None:
    """A later page that is an error names its line."""
    path = write(tmp_path, '{"issues": [{"id": 1}]}\n{"error": "rate limit"}\n')
    with open_source([path], SourceOptions()) as source, pytest.raises(SourceError, match=r"a\.json:2: has no issues"):
        list(source.read([ID]))


def test_standard_input_is_spooled_once(tmp_path: Path) -> None:
    """What is piped in is surveyed and read from one private copy without a name, of which nothing can be left."""
    code = (
        "import os\nfrom importer.sources.survey import *\n"
        "with survey_files(['-'], SourceOptions()) as surveyed:\n"
        "    print([sample.records for sample in surveyed.samples], len(os.listdir(os.environ['TMPDIR'])))\n"
        "    with surveyed.open('b') as source:\n"
        "        parts = [[row.raw for row in part.rows] for part in source.read([])]\n"
        "        print(parts, len(os.listdir(os.environ['TMPDIR'])))\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code],
        input='{"a": [{"x": 1}], "b": [{"y": 1}]}',
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines() == ["['a', 'b'] 0", "[['{\"y\": 1}']] 0"]


SKIPPED = 'Report "all, of, it, ever\n\nby me,1,2,3\n'
"""Lines that no reader of CSV could tell from a table: an open quote, and more commas than the header has."""


def test_lines_that_the_user_leaves_out(tmp_path: Path) -> None:
    """The delimiter is sought below them, and rows keep their physical lines, in findings and in errors too."""
    path = write(tmp_path, f'{SKIPPED}id;name\n1;a\n2\n3;b"c"\n"4"x;d\n5;e\n6', "a.csv")
    with open_source([path], SourceOptions(skip_lines=3)) as source:
        assert (table_of(source).delimiter, table_of(source).rows_above) == (";", 0)
        runs = source.read([ID])
        with pytest.raises(SourceNotReady, match="in the middle of a row \\(line 10\\)"):
            list(runs)
    path = write(tmp_path, f'{SKIPPED}id;name\n1;a\n2\n3;b"c"\n"4"x;d\n5;"e\n"\n6;f\n', "a.csv")
    with open_source([path], SourceOptions(skip_lines=3)) as source:
        [source_rows] = source.read([ID])
        assert list(lines_of(source_rows)) == [5, 6, 7, 8, 9, 11]
        assert {row: finding.message.split(" can't")[0] for row, finding in defects_of(source_rows).items()} == {
            1: "The row has 1 cell, the header 2.",
            3: "Line 8",
        }
    with pytest.raises(SourceError, match=r"a\.csv:5: has no header; its first row is data: 1") as raised:
        survey(write(tmp_path, f"{SKIPPED}id\n1\n", "a.csv"), skip_lines=4)
    assert "--skip-lines N" in raised.value.hint


def test_an_errors_file_has_no_lines_to_leave_out(tmp_path: Path) -> None:
    """The same command takes it as its source: its header is the first line, and its delimiter its own."""
    header = ",".join(("id", *IMPORT_COLUMNS))
    for text in (header, header.replace(",", ";")):
        path = write(tmp_path, text + "\n1" + text[2] * len(IMPORT_COLUMNS) + "\n", "errors.csv")
        with open_source([path], SourceOptions(skip_lines=3, delimiter="|")) as source:
            assert source.files[0].errors_file
            assert [raws_of(source_rows) for source_rows in source.read([ID])] == [[["1"]]]


def test_lines_to_leave_out_that_are_not_there(tmp_path: Path) -> None:
    """A file that is too short may still be written; JSON has no such lines."""
    with pytest.raises(SourceNotReady, match="has nothing below its first 2 lines"):
        survey(write(tmp_path, "a title\nid,name\n", "a.csv"), skip_lines=10**20)
    with pytest.raises(UsageError, match="JSON"):
        survey(write(tmp_path, '[\n{"id": 1}]'), skip_lines=1)
