"""Look-up tables beside the records of a JSON document."""

from __future__ import annotations

import pytest

from importer.errors import SourceNotReady
from importer.records import Ref, Table
from importer.sources.annexes import read_tables
from tests.harness.source_files import MakeSource

LISTS = Table("lists", "id", "name")
LOOKED_UP = (
    '{"lists": [{"id": "l1", "name": "Doing"}, 5, {"id": 2.0, "name": null}, {"id": "l1", "name": "again"}, {"x": 1}],'
    ' "cards": [{"id": "c", "idList": "l1"}], "data": {"people": {"edges": [{"node": {"id": "p", "name": "Ann"}}]}}}'
)


def test_every_chunk_has_the_tables(make_source: MakeSource) -> None:
    """A table is read from the records' own document, wherever it stands; of an id that repeats the first counts."""
    people = Table("data.people.edges", "id", "name")
    absent = Table("none.lists", "id", "name")
    source = make_source(LOOKED_UP, "a.json", records="cards")
    [chunk] = source.chunks([Ref("column", "id")], tables=[LISTS, people, absent])
    assert chunk.tables == {LISTS: {"l1": "Doing", "2.0": ""}, people: {"p": "Ann"}, absent: {}}


def test_two_tables_of_one_array(make_source: MakeSource) -> None:
    """One array can be looked up by several keys."""
    by_name = Table("lists", "name", "id")
    [chunk] = make_source(LOOKED_UP, "a.json", records="cards").chunks([], tables=[LISTS, by_name])
    assert chunk.tables[by_name] == {"Doing": "l1", "": "2.0", "again": "l1"}


@pytest.mark.parametrize(("text", "name"), [('[{"id": 1}]', "a.json"), ('{"id": 1}', "a.jsonl"), ("id\n1\n", "a.csv")])
def test_other_files_have_none(make_source: MakeSource, text: str, name: str) -> None:
    """Where nothing stands beside the records, a table has no texts."""
    [chunk] = make_source(text, name).chunks([], tables=[LISTS])
    assert not chunk.tables.get(LISTS)


def test_tables_of_several_pages(make_source: MakeSource) -> None:
    """Of documents in a series, each adds its own."""
    page = '{"users": [{"id": %d, "name": "%s"}], "issues": [{"id": 1}]}\n'
    source = make_source(page % (1, "a") + page % (2, "b"), "a.json", records="issues", format="json")
    users = Table("users", "id", "name")
    [chunk] = source.chunks([], tables=[users])
    assert chunk.tables[users] == {"1": "a", "2": "b"}


def test_a_document_that_is_cut(make_source: MakeSource) -> None:
    """A table that is cut off is a source that isn't ready."""
    source = make_source('{"cards": [{"id": 1}], "lists": [{"id": 1, "na', "a.json", records="cards")
    with pytest.raises(SourceNotReady, match=r"a\.json ends inside its JSON document"):
        read_tables(source.files[0].stored, "utf-8", [LISTS])
