"""What rows say that their issues are to others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.issue_parts import Relation as Spec
from importer.records import Ref, Relation
from importer.transform.columns import Columns
from importer.transform.relations import read_relations, relate
from tests.harness.making import SOURCE_NAME, chunk_of, json_chunk_of

HEADER = ("Key", "Blocks", "Blocked by", "Relates", "Relates", "Duplicates")
SPECS = (
    {"column": "Blocks", "type": "blocks"},
    {"column": "Blocked by", "type": "blocks", "inverse": True},
    {"column": "Relates", "type": "related_to", "split": ","},
    {"column": "Duplicates", "type": "duplicate_of"},
)
KINDS = ("related_to", "blocks", "duplicate_of")


def relations_of(
    *rows: tuple[str, ...], specs: tuple[dict[str, Any], ...] = SPECS
) -> tuple[dict[int, list[tuple[str, str, str]]], list[tuple[int, str, str]]]:
    """Row → its relations by native keys; and the findings as (row, code, value)."""
    keys = [f"{SOURCE_NAME}:{row[0]}" if row[0] else "" for row in rows]
    columns = Columns(chunk_of(HEADER, rows))
    found, findings = read_relations([Spec.model_validate(spec) for spec in specs], columns, keys, SOURCE_NAME)
    prefix = len(SOURCE_NAME) + 1
    plain = {
        row: [(one.owner[prefix:], one.type, one.other[prefix:]) for one in relations]
        for row, relations in found.items()
    }
    return plain, [(row, finding.code, finding.value) for row, finding in findings]


def test_each_direction() -> None:
    """The owner blocks, the owner is the duplicate; `inverse` swaps; rows without relations are absent."""
    found, findings = relations_of(("B", "C", "A", "", "", "D"), ("C", "", " ", "", "", ""))
    assert found == {0: [("B", "blocks", "C"), ("A", "blocks", "B"), ("B", "duplicate_of", "D")]}
    assert findings == []


def test_related_from_both_sides() -> None:
    """What is related to what is one relation, whichever row says it: its owner is the lesser key."""
    found, _ = relations_of(("A", "", "", "B", "", ""), ("B", "", "", "A", "", ""))
    assert found == {0: [("A", "related_to", "B")], 1: [("A", "related_to", "B")]}


def test_several_in_cells_that_repeat() -> None:
    """Every filled cell counts, `split` takes one apart, and what comes twice is once."""
    found, _ = relations_of(("A", "", "", " B ,, C", "D,B", ""))
    assert [other for _, _, other in found[0]] == ["B", "C", "D"]


def test_to_itself() -> None:
    """A row that names itself has a warning, once, and the relation isn't sent."""
    found, findings = relations_of(("A", "A", "A", "B", "", ""))
    assert found == {0: [("A", "related_to", "B")]}
    assert findings == [(0, "relation-to-itself", "A")]


def test_pairs() -> None:
    """Where the cells name both ends, this row among them is neither sent nor warned of."""
    specs = ({"column": "Blocks", "type": "blocks", "split": ",", "pairs": True},)
    assert relations_of(("A", "A,B", "", "", "", ""), specs=specs) == ({0: [("A", "blocks", "B")]}, [])


def test_keys_found_in_words() -> None:
    """All that `find` finds in a cell, its group 1, are keys; what else the cell says is passed over."""
    specs = ({"column": "Blocks", "type": "blocks", "find": r"Blocks #(\w+)"},)
    found, _ = relations_of(("A", "Blocks #B, Relates to #C, Blocks #D", "", "", "", ""), specs=specs)
    assert found == {0: [("A", "blocks", "B"), ("A", "blocks", "D")]}


def test_related_beside_what_says_more() -> None:
    """`related_to` is implied by another relation of the same two in the same row; two that say more both stay."""
    found, _ = relations_of(("B", "A", "", "A,C", "", "A"))
    assert found == {0: [("B", "blocks", "A"), ("B", "related_to", "C"), ("B", "duplicate_of", "A")]}


def test_row_without_key() -> None:
    """A row without a key, which is rejected, has no relations."""
    assert relations_of(("", "A", "", "", "", "")) == ({}, [])


def test_columns_that_the_file_lacks() -> None:
    """A preset's column that this file doesn't have says nothing."""
    assert relations_of(("A", "", "", "", "", ""), specs=({"column": "Parent", "type": "related_to"},)) == ({}, [])


def test_key_in_a_url() -> None:
    """The mapping's pattern takes the key out of a URL or of a text; a cell without one says nothing."""
    spec = {"column": "Blocks", "type": "blocks", "pattern": r"[A-Z]+-\d+"}
    found, _ = relations_of(
        ("A", "https://acme.example/browse/PROJ-1?x=1", "", "", "", ""),
        ("B", "PROJ-2 Summary", "", "", "", ""),
        ("C", "none", "", "", "", ""),
        specs=(spec,),
    )
    assert found == {0: [("A", "blocks", "PROJ-1")], 1: [("B", "blocks", "PROJ-2")]}


def test_lists_in_json() -> None:
    """A JSON list of keys is as many relations as it has."""
    ref = Ref("path", "links[].key")
    chunk = json_chunk_of(['{"links": [{"key": "B"}, {"key": "C"}]}', '{"links": []}'], [ref])
    spec = Spec.model_validate({"path": ref.name, "type": "blocks"})
    found, _ = read_relations([spec], Columns(chunk), ["s:A", "s:Z"], "s")
    assert found == {0: (Relation("s:A", "blocks", "s:B"), Relation("s:A", "blocks", "s:C"))}


@given(st.text(), st.sampled_from(KINDS), st.text())
def test_one_form(one: str, kind: str, other: str) -> None:
    """A relation keeps its two ends; only `related_to` is the same said from the other side."""
    relation = relate(one, kind, other)
    assert {relation.owner, relation.other} == {one, other}
    assert (relation == relate(other, kind, one)) is (kind == "related_to" or one == other)


def test_named_by_another_text() -> None:
    """What rows are named by is looked up; what no row has is a key, and what several have is nobody's."""

    def find(place: int, texts: Collection[str]) -> dict[str, str]:
        assert (place, set(texts)) == (0, {"10061", "B", "Twins", "10001"})
        return {"10061": "P", "Twins": "", "10001": "A"}

    specs = [Spec.model_validate({"column": "Blocks", "type": "blocks", "by": "Id"})]
    rows = [("A", text, "", "", "", "") for text in ("10061", "B", "Twins", "10001")]
    found, findings = read_relations(specs, Columns(chunk_of(HEADER, rows)), ["s:A"] * 4, "s", find)
    assert found == {0: (Relation("s:A", "blocks", "s:P"),), 1: (Relation("s:A", "blocks", "s:B"),)}
    assert [(row, one.code, one.value, one.rejects) for row, one in findings] == [
        (2, "relation-ambiguous", "Twins", False),
        (3, "relation-to-itself", "A", False),
    ]
