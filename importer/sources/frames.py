"""Making pandas frames of cells: object columns of plain text, labelled by integers."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pandas as pd


def frame_cells(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> pd.DataFrame:
    """Return a frame of these columns of the rows, which must be wide enough; labels are the indexes in a row."""
    return frame_columns({column: list(map(itemgetter(column), rows)) for column in columns}, len(rows))


def frame_columns(columns: dict[int, list[str]], length: int) -> pd.DataFrame:
    """Return a frame of columns of `length` texts each, by label."""
    cells = np.empty((len(columns), length), dtype=object)
    for index, column in enumerate(columns.values()):
        cells[index] = column
    # One block, not copied; without the dtype pandas would inspect each cell and choose its own string type.
    return pd.DataFrame(cells.T, columns=list(columns), dtype=object, copy=False)
