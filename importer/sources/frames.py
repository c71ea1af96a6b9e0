"""Cells → frames: object columns of plain text, labelled by integers."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pandas as pd


def frame_cells(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> pd.DataFrame:
    """Frame the given columns of rows that are all wide enough; each column's label is its index in the row."""
    return frame_columns({column: list(map(itemgetter(column), rows)) for column in columns}, len(rows))


def frame_columns(columns: dict[int, list[str]], length: int) -> pd.DataFrame:
    """Frame columns of `length` texts each under their labels."""
    cells = np.empty((len(columns), length), dtype=object)
    for index, column in enumerate(columns.values()):
        cells[index] = column
    # One block, not copied; without the dtype pandas would look at each cell and take its own text type.
    return pd.DataFrame(cells.T, columns=list(columns), dtype=object, copy=False)
