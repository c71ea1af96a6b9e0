"""JSON lines, and arrays in JSON documents."""

from __future__ import annotations

import pytest

from importer.errors import SourceError, SourceNotReady
from importer.records import Ref
from tests.harness.read_rows import cells_of, defects_of, lines_of, origins_of, raws_of, records_of, texts_of
from tests.harness.source_files import MakeSource

ID = Ref("column", "id")


def test_lines_are_records(make_source: MakeSource) -> None:
    """Each line that isn't blank is a record with its own text."""
    [source_rows] = make_source('{"id": 1}\n\n {"id": 2.0}\r\n', "a.jsonl").read([ID])
    assert list(zip(records_of(source_rows), lines_of(source_rows), raws_of(source_rows), strict=True)) == [
        (1, 1, '{"id": 1}'),
        (2, 3, '{"id": 2.0}'),
    ]
    assert texts_of(source_rows, ID) == ["1", "2.0"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id" 1}', "Line 2, column 7 is not valid JSON"),
        ("{'id': 1}", "Line 2, column 2 is not valid JSON: it is as Python prints it: write it with json.dumps"),
        ("[1]", "Line 2 holds a list"),
        ("null", "Line 2 holds null"),
        ('"x"', "Line 2 holds a text"),
        ("5", "Line 2 holds a number"),
        ("true", "Line 2 holds true or false"),
        (r'{"id": "\ud83d"}', "Line 2 has half a character"),
        ("[" * 100_000, "Line 2 is nested too deeply"),
        ('{"id": 1, "id": 2}', "Line 2 has the key 'id' twice, with different values"),
        ('{"id": 1, "a": [{"b": "", "c": 1, "b": {}}]}', "Line 2 has the key 'b' twice, with different values"),
    ],
)
def test_a_line_that_is_no_object(make_source: MakeSource, line: str, message: str) -> None:
    """Such a line is malformed, keeps its text, and the next one is read."""
    [source_rows] = make_source(f'{{"id": 1}}\n{line}\n{{"id": 3}}\n', "a.ndjson").read([ID])
    assert defects_of(source_rows)[1].code == "row-malformed"
    assert defects_of(source_rows)[1].message.startswith(message)
    assert raws_of(source_rows)[1] == line
    assert texts_of(source_rows, ID) == ["1", "", "3"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_key_that_comes_twice(make_source: MakeSource, name: str) -> None:
    """Nobody knows which of its values is right, unless they are the same; the other records are read."""
    records = ['{"id": 1, "a": {"b": 2, "b": 2}}', '{"id": 2, "id": 3}', '{"id": 4}']
    text = "\n".join(records) if name == "a.jsonl" else f"[{','.join(records)}]"
    [source_rows] = make_source(text, name).read([ID])
    assert {row: finding.code for row, finding in defects_of(source_rows).items()} == {1: "row-malformed"}
    assert texts_of(source_rows, ID) == ["1", "", "4"]
    assert list(raws_of(source_rows)) == records


RECORD = r'{"id": 2, "a": [true, null, -1.5e+10], "b": "\u00e9\\"}'


@pytest.mark.parametrize("end", range(1, len(RECORD)))
def test_a_last_line_that_is_half(make_source: MakeSource, end: int) -> None:
    """Wherever the last record is cut, the file is not ready and its line is named; with a line end it is a finding."""
    text = '{"id": 1}\n\n' + RECORD[:end]
    with pytest.raises(SourceNotReady, match=r"a\.jsonl ends in the middle of a record \(line 3\)") as raised:
        list(make_source(text, "a.jsonl").read([ID]))
    assert "add a line break at its end" in raised.value.hint
    [source_rows] = make_source(text + "\n", "a.jsonl").read([ID])
    assert {row: finding.code for row, finding in defects_of(source_rows).items()} == {1: "row-malformed"}


@pytest.mark.parametrize("line", ['{"id": 2}', '{"id" 2}', '{"id": truth}', '{"id": 1}}', "[1]", "x"])
def test_a_last_line_without_line_end(make_source: MakeSource, line: str) -> None:
    """A last record needs no line end; one that is damaged otherwise than by a cut stays a finding."""
    [source_rows] = make_source('{"id": 1}\n' + line, "a.jsonl").read([ID])
    assert [finding.code for finding in defects_of(source_rows).values()] == ["row-malformed"] * (line != '{"id": 2}')


def test_a_whole_character_in_escapes(make_source: MakeSource) -> None:
    """A pair of surrogate escapes is one character."""
    [source_rows] = make_source(r'{"id": "\ud83d\ude00"}', "a.jsonl").read([ID])
    assert texts_of(source_rows, ID) == ["😀"]


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ('[{"id": "x"}]', None),
        ('[{"id": "x"}]', "issues"),
        ('{"total": 1, "issues": [{"id": "x"}], "names": ["y"]}', None),
        ('{"other": [{"id": "y"}], "data": {"skip": [{}], "items": [{"id": "x"}]}}', "data.items"),
        ('{"empty": [], "issues": [{"id": "x"}]}', None),
    ],
)
def test_where_the_records_are(make_source: MakeSource, text: str, records: str | None) -> None:
    """The records are the document's array, the one at the path, or the only one that holds objects."""
    [source_rows] = make_source(text, "a.json", records=records).read([ID])
    assert texts_of(source_rows, ID) == ["x"]
    assert raws_of(source_rows) == ['{"id": "x"}']


@pytest.mark.parametrize(
    ("text", "records", "message"),
    [
        ('{"a": [{}], "b": [{}]}', None, "several arrays of records: a, b"),
        ('{"a": [1], "b": {}}', None, "no array of records; its keys are a, b"),
        ('{"a": {"b": [{}]}}', "a.c", r"has no a\.c\."),
        ('{"a": {"b": [{}]}}', "a", "has no array at a"),
        ('{"a": [{}]}', "a.b", r"has no a\.b\."),
        ("5", None, "is not a JSON array or object"),
    ],
)
def test_where_no_records_are(make_source: MakeSource, text: str, records: str | None, message: str) -> None:
    """Where the array can't be chosen, the error names what there is and the next thing to say."""
    with pytest.raises(SourceError, match=message) as raised:
        make_source(text, "a.json", records=records, format="json")
    assert "input.records" in raised.value.hint or "--format" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "line"), [('[{"id": 1}]\n5', 2), ('{"issues": [{"id": 1}]}\n\nx', 3), ('[{"id": 1}]]', 1)]
)
def test_something_else_behind_the_end(make_source: MakeSource, text: str, line: int) -> None:
    """What is neither an array nor an object is refused with its line, once the records before it are read."""
    source = make_source(text, "a.json")
    with pytest.raises(SourceError, match=rf"a\.json:{line}: has more text after the end") as raised:
        list(source.read([ID]))
    assert "Remove what follows" in raised.value.hint


@pytest.mark.parametrize("text", ["[]", '{"issues": []}', '{"issues": [], "total": 0}'])
def test_no_records(make_source: MakeSource, text: str) -> None:
    """An array without records is an export that is not ready."""
    with pytest.raises(SourceNotReady, match="has no records"):
        make_source(text, "a.json")


def test_elements_that_are_no_objects(make_source: MakeSource) -> None:
    """An element that is no object is malformed and named by its line."""
    [source_rows] = make_source('[\n["stream", {}],\n{"id": "x"}]', "a.json").read([ID])
    assert defects_of(source_rows)[0].message.startswith("Line 2 holds a list")
    assert texts_of(source_rows, ID) == ["", "x"]


def test_lists_become_columns(make_source: MakeSource) -> None:
    """A list of scalars has as many columns as the longest in the run; a missing key has the empty one."""
    refs = [Ref("path", "labels[].name"), Ref("column", "none"), ID]
    text = '[{"id": 1, "labels": [{"name": "a"}, {"name": "b"}]}, {"id": 2, "labels": []}]'
    [source_rows] = make_source(text, "a.json").read(refs)
    assert source_rows.layout.places == {refs[0]: (1, 2), refs[1]: (0,), refs[2]: (3,)}
    assert cells_of(source_rows) == [["a", "b", "", "1"], ["", "", "", "2"]]
    assert {type(cell) for row in cells_of(source_rows) for cell in row} == {str}


def test_a_path_that_fails_costs_its_row(make_source: MakeSource) -> None:
    """A record that a JMESPath can't be applied to is a defect; the others are read."""
    ref = Ref("path", "join(',', labels)")
    [source_rows] = make_source('[{"labels": null}, {"labels": ["a", "b"]}]', "a.json").read([ref])
    assert defects_of(source_rows)[0].code == "row-path-failed"
    assert texts_of(source_rows, ref) == ["", "a,b"]


def test_a_document_that_is_cut_while_chunks_are_read(make_source: MakeSource) -> None:
    """A cut document gives the runs before the cut, then the error with its line."""
    runs = make_source('[{"id": 1},\n{"id": 2},\n{"id', "a.json").read([ID], size=1)
    assert [raws_of(next(runs)), raws_of(next(runs))] == [['{"id": 1}'], ['{"id": 2}']]
    with pytest.raises(SourceNotReady, match=r"a\.json ends inside its JSON document \(line 3\)"):
        next(runs)


def test_an_errors_file_given_back(make_source: MakeSource) -> None:
    """The import keys lead to the first file's rows and are dropped from record and text, numbers as written."""
    keys = '"import_code": "c", "import_field": "f", "import_message": "m", "import_hint": ""'
    source = make_source(f'{{"id": 1e5, "import_row": "a.json:7", {keys}}}\n{{"id": "new"}}\n', "errors.jsonl")
    assert source.files[0].errors_file
    [source_rows] = source.read([ID, Ref("column", "import_row")])
    assert raws_of(source_rows) == ['{"id":1e5}', '{"id": "new"}']
    assert origins_of(source_rows) == {0: "a.json:7"}
    assert cells_of(source_rows) == [["1e5", ""], ["new", ""]]


def test_a_record_that_is_half_mended(make_source: MakeSource) -> None:
    """A record that has keys of its own beside `import_raw` is refused, and nothing of it is lost."""
    keys = '"import_row": "a.json:7", "import_code": "c", "import_field": "f", "import_message": "m", "import_hint": ""'
    [source_rows] = make_source(f'{{"id": 1, "import_raw": "{{", {keys}}}\n{{"id": 2, {keys}}}', "errors.jsonl").read(
        [ID]
    )
    assert {row: finding.code for row, finding in defects_of(source_rows).items()} == {0: "row-malformed"}
    assert raws_of(source_rows) == ['{"id":1,"import_raw":"{"}', '{"id":2}']
    assert texts_of(source_rows, ID) == ["", "2"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_nul_costs_its_row(make_source: MakeSource, name: str) -> None:
    """In an array the text keeps its NUL, for the validation to refuse; a line with one is malformed."""
    records = ['{"id": "1"}', '{"id": "2\0"}', '{"id": "3"}']
    content = f"[{', '.join(records)}]" if name == "a.json" else "\n".join(records)
    [source_rows] = make_source(content, name).read([ID])
    assert raws_of(source_rows) == records
    assert texts_of(source_rows, ID) == ["1", "2\0" if name == "a.json" else "", "3"]
    assert [finding.code for finding in defects_of(source_rows).values()] == ["row-malformed"] * (name == "a.jsonl")


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ('{"a": [{"b": {"c": [{"id": 1}]}}, {"name": "empty"}, 5, {"b": {"c": [{"id": 2}]}}]}', "a.b.c"),
        ('{"boards": [{"items": null}, {"items": [{"id": 1}, {"id": 2}]}]}', "boards.items"),
        ('{"bugs": {"7": {"comments": [{"id": 1}]}, "8": {"comments": [{"id": 2}]}}}', "bugs.*.comments"),
        ('{"issues": {"1": {"title": "One"}, "2": {"id": 2, "title": "Two"}, "next": null}}', "issues.*"),
    ],
)  # fmt: skip
def test_a_path_leads_through_arrays_and_objects(make_source: MakeSource, text: str, records: str) -> None:
    """Each record is one that the path leads to; one that stands under its id, and has none within, gets that."""
    [source_rows] = make_source(text, "a.json", records=records).read([ID])
    assert texts_of(source_rows, ID) == ["1", "2"]


def test_what_records_lie_in(make_source: MakeSource) -> None:
    """A record has the scalars of the objects around it, those that stand before the array; its text has them, too."""
    boards = """{"total": 2, "boards": [
 {"id": 7, "name": "Voice", "owner": {"id": 3}, "groups": [{"title": "Now", "page": {"size": 1, "items": [{"id": 1}]}}], "late": true},
 {"groups": [{"page": {"items": [{"id": 2.50}]}}]}]}"""  # noqa: E501
    paths = ("id", "_boards.name", "_groups.title", "_boards.late", "_page.size", "_boards.owner")
    refs = [Ref("path", path) for path in paths]
    [source_rows] = make_source(boards, "a.json", records="boards.groups.page.items").read(refs)
    cells = [texts_of(source_rows, ref) for ref in refs]
    assert list(zip(*cells, strict=True)) == [("1", "Voice", "Now", "", "", ""), ("2.50", "", "", "", "", "")]
    assert raws_of(source_rows) == [
        '{"_boards":{"id":7,"name":"Voice"},"_groups":{"title":"Now"},"id":1}',
        '{"id": 2.50}',
    ]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('{"101": {"title": "One"}, "102": {"title": "Two"}}', ["101", "102"]),
        ('{"data": {"VOICE-1": {"title": "One"}}}', ["VOICE-1"]),
        ('{"bugs": {"7": {"comments": [{"id": 1}]}, "8": {"comments": [{"id": 2}]}}, "comments": {}}', ["1", "2"]),
        ('{"users": {"7": {"name": "Ann"}}, "issues": [{"id": 5}]}', ["5"]),
        ('{"id": 5, "title": "One", "fields": {"10001": {"value": "x"}}}', ["5"]),
    ],
)
def test_records_that_stand_under_their_ids(make_source: MakeSource, text: str, ids: list[str]) -> None:
    """They are found where nothing else is an array of records, and the object is no record itself."""
    [source_rows] = make_source(text, "a.json").read([ID])
    assert texts_of(source_rows, ID) == ids
