"""What is made of a few cells of a row, made once for all rows in which these cells are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from importer.mapping.texts import Text
from importer.row.compiler import Compiler
from importer.row.remembered import Remembered
from importer.sources.source_rows import Layout, SourceRow, pick_cells, row_of_cells

Made = TypeVar("Made")


class _Outcome(NamedTuple, Generic[Made]):
    """What was made of cells, and what was noted in their row on the way to it."""

    made: Made
    unreadable: str
    dropped: Counter[str] | None


class SameCells(Generic[Made]):
    """Makes something of the cells that some texts read: see `read`.

    `compile_reader` compiles what makes it. It gets a compiler that sees no other cells, so that what is remembered
    can't depend on them.
    """

    def __init__(
        self, layout: Layout, texts: Iterable[Text], compile_reader: Callable[[Compiler], Callable[[SourceRow], Made]]
    ) -> None:
        places = layout.places_of(ref for text in texts for ref in text.refs)
        self._pick = pick_cells(places)
        self._read = compile_reader(Compiler(layout.narrowed(places)))
        self._outcomes = Remembered[tuple[str, ...], _Outcome[Made]](self._make)

    def read(self, row: SourceRow) -> Made:
        """What the cells of a row make; dates that can't be read, and markup that was lost, are noted in each row."""
        outcome = self._outcomes[self._pick(row.written)]
        if outcome.unreadable:
            row.unreadable = outcome.unreadable
        if outcome.dropped:
            row.note_dropped(outcome.dropped)
        return outcome.made

    def _make(self, written: tuple[str, ...]) -> _Outcome[Made]:
        row = row_of_cells(written)
        made = self._read(row)
        return _Outcome(made, row.unreadable, row.dropped)
