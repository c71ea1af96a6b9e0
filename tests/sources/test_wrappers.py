"""Records that come wrapped, in every format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.records import Ref
from importer.sources.source_rows import SourceRows
from importer.sources.wrappers import ANSWER, find_answered, find_envelope, open_envelope, open_pair, stream_of
from tests.harness.read_rows import defects_of, lines_of, raws_of, texts_of
from tests.harness.source_files import MakeSource, json_of

REFS = [Ref("column", name) for name in ("id", "_stream", "_category")]
PERCEVAL: list[Any] = [
    {"backend_name": "github", "category": "issue", "data": {"id": 1.50}},
    {"backend_name": "github", "category": "pull_request", "data": {"id": 2}, "uuid": "x"},
]
PAIRS = '[["acme/issues", {"id": 1.50, "a": [1e5]}],\n["acme/users", {"id": 2}]]'
EDGES = '{"data": {"issues": {"edges": [{"cursor": "x", "node": {"id": 1.50}}, {"node": {"id": 2}}], "page": {}}}}'


KEYS = st.sampled_from(
    [
        *("type", "record", "node", "cursor", "backend_name", "data", "category", "_index", "_source", "result"),
        *("error", "id", "title", "stream", "schema", "_stream", "other"),
    ]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.sampled_from(["RECORD", "STATE"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def cells(source_rows: SourceRows) -> list[list[str]]:
    columns = [texts_of(source_rows, ref) for ref in REFS]
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("lines", [False, True])
def test_perceval_envelopes(make_source: MakeSource, lines: bool) -> None:
    """The record is what the envelope's `data` holds, and knows the envelope's category; its text is the envelope's."""
    texts = [json.dumps(envelope) for envelope in PERCEVAL]
    source = make_source("\n".join(texts) if lines else f"[{', '.join(texts)}]", "a.jsonl" if lines else "a.json")
    [source_rows] = source.read(REFS)
    assert cells(source_rows) == [["1.5", "", "issue"], ["2", "", "pull_request"]]
    assert raws_of(source_rows) == texts
    assert json_of(source).envelope == "Perceval envelope"


@pytest.mark.parametrize("lines", [False, True])
def test_pairs(make_source: MakeSource, lines: bool) -> None:
    """A pair's record knows its stream, and its text is one object, with numbers as they were written."""
    text = PAIRS[1:-1].replace("],\n", "]\n") if lines else PAIRS
    source = make_source(text, "a.jsonl" if lines else "a.json")
    [source_rows] = source.read(REFS)
    assert cells(source_rows) == [["1.50", "acme/issues", ""], ["2", "acme/users", ""]]
    assert raws_of(source_rows) == ['{"_stream":"acme/issues","id":1.50,"a":[1e5]}', '{"_stream":"acme/users","id":2}']
    assert list(lines_of(source_rows)) == [1, 2]
    assert json_of(source).envelope == "[stream, record] pairs"


TICKET = '[31, {"__jsonclass__": ["datetime", "2026-01-02T10:00:00"]}, "2026-01-03", {"summary": "One", "ids": [1.50]}]'
OPENED = '{"id":31,"time":"2026-01-02T10:00:00","changetime":"2026-01-03","summary":"One","ids":[1.50]}'


@pytest.mark.parametrize(
    ("text", "name", "raw"),
    [
        (f"[{TICKET}]", "a.json", OPENED),
        (f'{{"error": null, "result": [{TICKET}]}}', "a.json", OPENED),
        (TICKET, "a.jsonl", OPENED),
        (f'{{"id": 7, "error": null, "result": {TICKET}}}', "a.json", None),
        (f'{{"id": 7, "error": null, "result": {TICKET}}}', "a.jsonl", None),
        (f'{{"result": [{{"error": null, "result": {TICKET}}}], "error": null}}', "a.json", None),
    ],
)
def test_tuples(make_source: MakeSource, text: str, name: str, raw: str | None) -> None:
    """A ticket as Trac's remote calls answer it is a record, by itself or in an answer, which stays its text."""
    source = make_source(text, name)
    refs = [Ref("column", name) for name in ("id", "time", "changetime", "summary", "ids")]
    [source_rows] = source.read(refs)
    row = [texts_of(source_rows, ref)[0] for ref in refs[:4]]
    assert row == ["31", "2026-01-02T10:00:00", "2026-01-03", "One"]
    assert raws_of(source_rows)[0] == raw or (raw is None and TICKET in str(raws_of(source_rows)[0]))
    assert json_of(source).envelope == "[id, created, changed, fields] tuples"


def test_edges(make_source: MakeSource) -> None:
    """The edges of a GraphQL answer are found within its objects, and each is its node."""
    source = make_source(EDGES, "a.json")
    [source_rows] = source.read(REFS)
    assert [row[0] for row in cells(source_rows)] == ["1.50", "2"]
    assert raws_of(source_rows) == ['{"cursor": "x", "node": {"id": 1.50}}', '{"node": {"id": 2}}']
    assert json_of(source).records == ("data", "issues", "edges")


def test_what_is_not_wrapped_among_pairs(make_source: MakeSource) -> None:
    """An object among pairs is a record, anything else is malformed."""
    pairs = ", ".join(['["s", {"id": 1}]'] * 20)
    [source_rows] = make_source(f'[{pairs}, {{"id": 2}}, ["s", 3], ["s"]]', "a.json").read(REFS)
    assert [row[0] for row in cells(source_rows)][19:] == ["1", "2", "", ""]
    assert [finding.code for finding in defects_of(source_rows).values()] == ["row-malformed"] * 2


@pytest.mark.parametrize(
    ("values", "envelope"),
    [
        ([], ""),
        ([1, None], ""),
        ([["s", {}]], "[stream, record] pairs"),
        ([["s", {}], None], "[stream, record] pairs"),
        ([["s", {}], {}], ""),
        ([["s", {}, 1]], ""),
        ([[1, {}]], ""),
        ([{"backend_name": "x", "data": {}}], "Perceval envelope"),
        ([{"backend_name": "x", "data": []}], ""),
        ([{"data": {}}], ""),
        ([{"node": {}}], "GraphQL edges"),
        ([{"node": {}, "id": 1}], ""),
        ([{"node": {}}, {"id": 1}], ""),
        ([{"type": {"id": 5, "name": "Bug"}, "title": "as GitHub's issues have it"}], ""),
    ],
)
def test_an_envelope_is_one_that_all_have(values: list[Any], envelope: str) -> None:
    """One record without it, or with more in it, and nothing is unwrapped."""
    assert find_envelope(values) == envelope


@given(st.lists(VALUES, max_size=3))
def test_any_value_is_in_an_envelope_or_not(values: list[Any]) -> None:
    """Whatever stands where an envelope has something else; what is in one can be taken out."""
    envelope = find_envelope(values)
    for value in values if envelope else ():
        if isinstance(value, dict):
            assert isinstance(open_envelope(envelope, value), dict)
            assert isinstance(stream_of(value), str)


def test_what_the_record_has_itself_stays() -> None:
    """The keys that an envelope adds: the stream is the pair's, the category the record's own if it has one."""
    assert open_pair(["s", {"_stream": "t", "a": 1}]) == {"_stream": "s", "a": 1}
    wrapped = {"backend_name": "x", "category": "c", "data": {"_category": "own"}}
    assert open_envelope("Perceval envelope", wrapped) == {"_category": "own"}
    assert open_envelope("Perceval envelope", {"a": 1}) == {"a": 1}


MESSAGES = [
    {"type": "SCHEMA", "stream": "tickets", "schema": {}},
    {"type": "RECORD", "stream": "tickets", "record": {"id": 1}},
    {"type": "RECORD", "record": {"stream": "tickets", "data": {"id": 2}}},
    {"type": "STATE", "value": {}},
]


def test_messages_of_connectors() -> None:
    """Singer's and Airbyte's records lose their message; what is no record has its type as stream."""
    assert find_envelope(MESSAGES) == "connector messages"
    opened = [open_envelope("connector messages", message) for message in MESSAGES]
    assert opened == [
        {"_stream": "SCHEMA"},
        {"_stream": "tickets", "id": 1},
        {"_stream": "tickets", "id": 2},
        {"_stream": "STATE"},
    ]
    assert find_envelope([{"type": "RECORD"}, {"type": "RECORD"}]) == ""


def test_hits_of_a_search() -> None:
    """Elasticsearch keeps the record under a key of its own, and Perceval's envelope within it."""
    plain = {"_index": "issues", "_source": {"id": 1}}
    wrapped = {"_index": "issues", "_source": {"backend_name": "Jira", "category": "issue", "data": {"id": 2}}}
    assert find_envelope([plain, wrapped]) == "Elasticsearch hits"
    assert open_envelope("Elasticsearch hits", plain) == {"id": 1}
    assert open_envelope("Elasticsearch hits", wrapped) == {"_category": "issue", "id": 2}


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ({"data": {"id": 1, "title": "a", "b": []}, "errors": None}, ["data"]),
        ({"data": {"issue": {"id": 1, "title": "a", "labels": [{"id": 2}]}}}, ["data", "issue"]),
        ({"id": 1, "data": {"id": 1, "title": "a", "b": 1}}, []),
        ({"data": {"id": 1, "title": "a", "b": 1}, "included": [{"id": 2}]}, []),
        ({"data": [{"id": 1, "title": "a", "b": 1}]}, []),
        ({"data": {"page": 1}}, []),
        ([1], []),
    ],
)
def test_an_answer_of_one_record(value: Any, keys: list[str]) -> None:
    """An object that has nothing beside the record but scalars and what is empty."""
    assert find_answered(value) == keys
    assert (find_envelope([value]) == ANSWER) is bool(keys)
    if keys:
        assert open_envelope(ANSWER, value)["id"] == 1


@pytest.mark.parametrize("lines", [False, True])
def test_answers_of_one_record_are_rows(make_source: MakeSource, lines: bool) -> None:
    """One in a file, though it has arrays within, or several one after another."""
    texts = [json.dumps({"issue": {"id": number, "title": "a", "links": [{"id": 7}]}}) for number in (1, 2)]
    source = make_source("\n".join(texts) if lines else texts[0], "a.jsonl" if lines else "a.json")
    [source_rows] = source.read(REFS)
    assert [row[0] for row in cells(source_rows)] == (["1", "2"] if lines else ["1"])
    assert json_of(source).envelope == ANSWER


def test_what_an_answer_says_beside_its_record_is_kept_apart() -> None:
    """It is no field of the record, whose status it might be taken for, and is listed like all that nothing reads."""
    record = {"id": 1, "title": "a", "links": []}
    answer = {"status": "success", "page": 1, "errors": [], "data": {"hook": 7, "type": "opened", "issue": record}}
    opened = {**record, "_line": {"status": "success", "hook": 7, "type": "opened"}}
    assert open_envelope(ANSWER, answer) == opened


def test_a_list_within_an_object_is_no_answer(make_source: MakeSource) -> None:
    """A project that has issues is no issue."""
    source = make_source(json.dumps({"project": {"id": 1, "path": "p", "issues": [{"id": 7, "title": "a"}]}}), "a.json")
    [source_rows] = source.read(REFS)
    assert cells(source_rows)[0][0] == "7"
