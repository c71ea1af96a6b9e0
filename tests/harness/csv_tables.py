"""Tables of any cells, and how csv.writer writes them."""

from __future__ import annotations

import csv
import io
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from importer.sources.detect import DELIMITERS


class Dialect(NamedTuple):
    """How a table is written."""

    delimiter: str
    line_end: str
    quote_all: bool


# Python 3.11 quotes a lone carriage return only where it is part of the line end.
DIALECTS = st.one_of(
    st.builds(Dialect, st.sampled_from(DELIMITERS), st.just("\r\n"), st.booleans()),
    st.builds(Dialect, st.sampled_from(DELIMITERS), st.sampled_from(["\n", "\r"]), st.just(True)),
)
CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8) | st.text('",;\t|\r\na ', max_size=8)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)


def write_row(row: list[str], dialect: Dialect) -> str:
    """Write one row as Python's csv.writer does."""
    text = io.StringIO(newline="")
    form: Literal[0, 1] = csv.QUOTE_ALL if dialect.quote_all else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=dialect.delimiter, lineterminator=dialect.line_end, quoting=form).writerow(row)
    return text.getvalue()
