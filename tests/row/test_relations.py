"""What rows say that their issues are to others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.issue_parts import Relation as Spec
from importer.records import Finding, Ref, Relation
from importer.row.part_reader import FindKeys
from importer.row.relations import RelationReader, compile_names, find_no_keys, relate
from importer.sources.source_rows import SourceRows
from tests.harness.making import SOURCE_NAME, json_rows_of, source_rows_of
from tests.harness.read_rows import rows_and_compiler

HEADER = ("Key", "Blocks", "Blocked by", "Relates", "Relates", "Duplicates")
SPECS = (
    {"column": "Blocks", "type": "blocks"},
    {"column": "Blocked by", "type": "blocks", "inverse": True},
    {"column": "Relates", "type": "related_to", "split": ","},
    {"column": "Duplicates", "type": "duplicate_of"},
)
KINDS = ("related_to", "blocks", "duplicate_of")


def read_relations(
    specs: Sequence[Spec],
    source_rows: SourceRows,
    keys: Sequence[str],
    source_name: str,
    find_keys: FindKeys = find_no_keys,
    aliases: Mapping[str, str] | None = None,
) -> list[tuple[tuple[Relation, ...], list[Finding]]]:
    """The relations of each row, and its findings."""
    rows, compiler = rows_and_compiler(source_rows)
    reader = RelationReader(specs, compiler, source_name, find_keys, aliases or {})
    reader.prepare(rows)
    read = [reader.read(row, key, lambda field, texts: list(texts)) for row, key in zip(rows, keys, strict=True)]
    return [(row_parts.parts.relations, list(row_parts.findings)) for row_parts in read]


def relations_of(
    *rows: tuple[str, ...], specs: tuple[dict[str, Any], ...] = SPECS, aliases: Mapping[str, str] | None = None
) -> tuple[list[list[tuple[str, str, str]]], list[tuple[int, str, str]]]:
    """Of each row its relations by native keys; and the findings as (row, code, value)."""
    keys = [f"{SOURCE_NAME}:{row[0]}" if row[0] else "" for row in rows]
    made, source_rows = [Spec.model_validate(spec) for spec in specs], source_rows_of(HEADER, rows)
    prefix = len(SOURCE_NAME) + 1
    plain, findings = list[list[tuple[str, str, str]]](), list[tuple[int, str, str]]()
    for row, (relations, noted) in enumerate(read_relations(made, source_rows, keys, SOURCE_NAME, aliases=aliases)):
        plain.append([(one.owner[prefix:], one.type, one.other[prefix:]) for one in relations])
        findings += [(row, finding.code, finding.value) for finding in noted]
    return plain, findings


def test_each_direction() -> None:
    """The owner blocks, the owner is the duplicate; `inverse` swaps; a row may have no relations."""
    found, findings = relations_of(("B", "C", "A", "", "", "D"), ("C", "", " ", "", "", ""))
    assert found == [[("B", "blocks", "C"), ("A", "blocks", "B"), ("B", "duplicate_of", "D")], []]
    assert findings == []


def test_related_from_both_sides() -> None:
    """What is related to what is one relation, whichever row says it: its owner is the lesser key."""
    found, _ = relations_of(("A", "", "", "B", "", ""), ("B", "", "", "A", "", ""))
    assert found == [[("A", "related_to", "B")], [("A", "related_to", "B")]]


def test_several_in_cells_that_repeat() -> None:
    """Every filled cell counts, `split` takes one apart, and what comes twice is once."""
    found, _ = relations_of(("A", "", "", " B ,, C", "D,B", ""))
    assert [other for _, _, other in found[0]] == ["B", "C", "D"]


def test_to_itself() -> None:
    """A row that names itself has a warning, once, and the relation isn't sent."""
    found, findings = relations_of(("A", "A", "A", "B", "", ""))
    assert found == [[("A", "related_to", "B")]]
    assert findings == [(0, "relation-to-itself", "A")]


def test_pairs() -> None:
    """Where the cells name both ends, this row among them is neither sent nor warned of."""
    specs = ({"column": "Blocks", "type": "blocks", "split": ",", "pairs": True},)
    assert relations_of(("A", "A,B", "", "", "", ""), specs=specs) == ([[("A", "blocks", "B")]], [])


def test_keys_found_in_words() -> None:
    """All that `find` finds in a cell, its group 1, are keys; what else the cell says is passed over."""
    specs = ({"column": "Blocks", "type": "blocks", "find": r"Blocks #(\w+)"},)
    found, _ = relations_of(("A", "Blocks #B, Relates to #C, Blocks #D", "", "", "", ""), specs=specs)
    assert found == [[("A", "blocks", "B"), ("A", "blocks", "D")]]


def test_related_beside_what_says_more() -> None:
    """`related_to` is implied by another relation of the same two in the same row; two that say more both stay."""
    found, _ = relations_of(("B", "A", "", "A,C", "", "A"))
    assert found == [[("B", "blocks", "A"), ("B", "related_to", "C"), ("B", "duplicate_of", "A")]]


def test_row_without_key() -> None:
    """A row without a key, which is rejected, has no relations."""
    assert relations_of(("", "A", "", "", "", "")) == ([[]], [])


def test_columns_that_the_file_lacks() -> None:
    """A preset's column that this file doesn't have says nothing."""
    assert relations_of(("A", "", "", "", "", ""), specs=({"column": "Parent", "type": "related_to"},)) == ([[]], [])


def test_key_in_a_url() -> None:
    """The mapping's pattern takes the key out of a URL or of a text; a cell without one says nothing."""
    spec = {"column": "Blocks", "type": "blocks", "pattern": r"[A-Z]+-\d+"}
    found, _ = relations_of(
        ("A", "https://acme.example/browse/PROJ-1?x=1", "", "", "", ""),
        ("B", "PROJ-2 Summary", "", "", "", ""),
        ("C", "none", "", "", "", ""),
        specs=(spec,),
    )
    assert found == [[("A", "blocks", "PROJ-1")], [("B", "blocks", "PROJ-2")], []]


def test_lists_in_json() -> None:
    """A JSON list of keys is as many relations as it has."""
    ref = Ref("path", "links[].key")
    source_rows = json_rows_of(['{"links": [{"key": "B"}, {"key": "C"}]}', '{"links": []}'], [ref])
    spec = Spec.model_validate({"path": ref.name, "type": "blocks"})
    assert read_relations([spec], source_rows, ["s:A", "s:Z"], "s") == [
        ((Relation("s:A", "blocks", "s:B"), Relation("s:A", "blocks", "s:C")), []),
        ((), []),
    ]


def test_what_has_moved() -> None:
    """An issue is named by the key that it had first, as the ledger has it; so is the row itself."""
    aliases = {f"{SOURCE_NAME}:B2": f"{SOURCE_NAME}:B", f"{SOURCE_NAME}:A2": f"{SOURCE_NAME}:A"}
    found, findings = relations_of(("A", "B2", "A2", "", "", ""), aliases=aliases)
    assert (found, findings) == ([[("A", "blocks", "B")]], [(0, "relation-to-itself", "A2")])


def test_names() -> None:
    """Every text that names another issue, of all cells and as often as it stands there."""
    rows, compiler = rows_and_compiler(source_rows_of(HEADER, [("A", "", "", "B, C", "B", "")]))
    spec = Spec.model_validate({"column": "Relates", "type": "related_to", "split": ","})
    assert compile_names(spec, compiler)(rows[0]) == ["B", "C", "B"]
    lacking = Spec.model_validate({"column": "Parent", "type": "related_to"})
    assert compile_names(lacking, compiler)(rows[0]) == []


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
    found, unknown, several, itself = read_relations(specs, source_rows_of(HEADER, rows), ["s:A"] * 4, "s", find)
    assert found == ((Relation("s:A", "blocks", "s:P"),), [])
    assert unknown == ((Relation("s:A", "blocks", "s:B"),), [])
    assert [(one.code, one.value, one.rejects) for one in several[1]] == [("relation-ambiguous", "Twins", False)]
    assert [(one.code, one.value, one.rejects) for one in itself[1]] == [("relation-to-itself", "A", False)]
    assert several[0] == itself[0] == ()


def test_names_are_looked_up_once_for_a_run_of_rows() -> None:
    """Only those that aren't keys, and those of another run anew."""
    asked = list[tuple[int, set[str]]]()

    def find(place: int, texts: Collection[str]) -> dict[str, str]:
        asked.append((place, set(texts)))
        return {text: f"key of {text}" for text in texts}

    specs = [{"column": "Duplicates", "type": "duplicate_of"}, {"column": "Blocks", "type": "blocks", "by": "Id"}]
    texts = ("1", "2", "3")
    rows, compiler = rows_and_compiler(source_rows_of(HEADER, [("A", text, "", "", "", "X") for text in texts]))
    reader = RelationReader(list(map(Spec.model_validate, specs)), compiler, "s", find)
    others = list[list[str]]()
    for run in (rows[:2], rows[2:]):
        reader.prepare(run)
        read = [reader.read(row, "s:A", lambda field, texts: list(texts)) for row in run]
        others += ([relation.other for relation in row_parts.parts.relations] for row_parts in read)
    assert asked == [(1, {"1", "2"}), (1, {"3"})]
    assert others == [["s:X", f"s:key of {text}"] for text in texts]
