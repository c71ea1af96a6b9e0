"""Occurrences as rows say them."""

from __future__ import annotations

import pytest

from importer.row.compiler import Compiler
from importer.row.occurrence_reader import OccurrenceReader
from importer.row.transform import Transform
from tests.harness.making import HEADER, mapping_of, source_rows_of


@pytest.mark.parametrize(
    ("texts", "are_one"),
    [
        (["2.12.2026", "02.12.2026", "2026-12-02", " 2026-12-02 00:00:00"], True),
        (["2026-12-02T09:00:00Z", "2026-12-02 10:00:00+01:00"], True),
        (["20261202", "2026-12-02", "2.12.26", "2.12.2026 09:00"], False),
    ],
)
def test_a_date_in_another_form(texts: list[str], *, are_one: bool) -> None:
    """Is the same occurrence: by the mapping's formats and ISO 8601; a number is none, nor what no format fits."""
    recurring = {"occurrence": ["Text"], "finished": {"done": "add", "closed": "add"}}
    mapping = mapping_of(group=["ID"], recurring=recurring)
    rows = [("P-1", "Title", text, "P1", "Open") for text in texts]
    source = source_rows_of(HEADER, rows, dates=["%d.%m.%Y"])
    reader = OccurrenceReader(mapping, Compiler(source.layout), source.layout)
    comments = []
    for row in source.rows:
        occurrence, findings = reader.read(row, "", [])
        assert occurrence is not None
        assert not findings
        comments.append(occurrence.comment)
    assert len({comment.id for comment in comments}) == (1 if are_one else len(texts))
    assert [comment.author for comment in comments] == [text.strip() for text in texts]


def test_what_it_says_does_not_depend_on_other_rows() -> None:
    """Nor on whether any row has a text in a column that the answer or the note may be made of."""
    recurring = {"occurrence": ["Text"], "finished": {"done": "add", "closed": "add"}}
    mapping = mapping_of(group=["Key"], recurring=recurring, answer="Priority", description=["Title", "State"])
    row, other = ("P-1", "Title", "call", "P1", ""), ("P-2", "Title", "call", "P1", "Open")
    alone, beside = (
        Transform(mapping, "demo")(source_rows_of(HEADER, rows)).issues[0] for rows in ([row], [row, other])
    )
    assert alone.parts.occurrences[0].comment.content == beside.parts.occurrences[0].comment.content


@pytest.mark.parametrize(("header", "skip"), [(HEADER, "answer-not-applicable"), (HEADER[:4], "")])
def test_empty_answers_and_none(header: tuple[str, ...], skip: str) -> None:
    """Where a file has a column of answers, empty ones are no findings; without the column all rows are."""
    mapping = mapping_of(answer="State", status={"value": "todo"})
    (issue,) = Transform(mapping, "demo")(
        source_rows_of(header, [("P-1", "Title", "", "P1", "")[: len(header)]])
    ).issues
    assert issue.skip == skip


def test_what_is_no_occurrence_and_what_says_nothing() -> None:
    """A row that is empty has none; a comment without a text says that it has no note."""
    recurring = {"occurrence": ["Text"], "finished": {"done": "add", "closed": "add"}}
    mapping = mapping_of(group=["Key"], recurring=recurring, description=None)
    rows = [("P-1", "Title", "call", "P1", "Open"), ("",) * len(HEADER)]
    filled, empty = Transform(mapping, "demo")(source_rows_of(HEADER, rows)).issues
    assert [occurrence.comment.text for occurrence in filled.parts.occurrences] == ["No note."]
    assert empty.parts.occurrences == ()
