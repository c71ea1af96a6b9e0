"""The distinct texts of a column: what depends on a text alone is done once for each of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item", bound=Hashable)
Made = TypeVar("Made")

FEW = 1_000
"""Up to so many texts pandas isn't asked: loading it takes longer than a check of them."""


def map_distinct(make: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """What is made of each item of a column, made once for equal ones."""
    made = {item: make(item) for item in set(items)}
    return list(map(made.__getitem__, items))


def number_texts(texts: Sequence[str]) -> tuple[NDArray[np.intp], Sequence[str]]:
    """For each text the place of its first equal among the distinct ones, and these in the order of the column."""
    if len(texts) <= FEW or "\0" in "".join(texts):  # before pandas 3.1 a NUL ended a text for it
        numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        return np.fromiter(map(numbers.__getitem__, texts), dtype=np.intp, count=len(texts)), list(numbers)
    import pandas as pd

    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    codes, distinct = pd.factorize(column)
    return codes, distinct.tolist()
