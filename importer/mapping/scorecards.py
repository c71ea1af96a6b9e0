"""The mapping's model of scorecards: where the answers of a call are, and which of them is a finding."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from importer.mapping.patterns import is_pattern
from importer.mapping.scalars import OF_PRESET, RecordsPath, Scalar, Scalars, check_pattern
from importer.mapping.texts import Strict

NAME, ANSWER, NOTE, RECORD = "_name", "_answer", "_note", "_record"
"""The columns of a row that is an answer: the criterion, its answer, its note; in JSON what stands around the array."""
NEXT = "next"
"""As `note`: the column behind the criterion's."""


class ColumnRange(Strict):
    """Columns that follow each other."""

    from_: Scalar = Field(alias="from", description="The header of the first.")
    to: Scalar = Field(description="The header of the last.")


def _columns_tag(value: Any) -> str:
    return "~range" if isinstance(value, dict | ColumnRange) else "~names"


class Each(Strict):
    """One record, several rows: one for each criterion's column, or for each object of an array."""

    columns: (
        Annotated[
            Annotated[ColumnRange, Tag("~range")] | Annotated[Scalars, Tag("~names")], Discriminator(_columns_tag)
        ]
        | None
    ) = Field(
        None,
        description="The criteria of a table: headers, `/patterns/` that a header contains, or `{from: …, to: …}`.",
    )
    note: Scalar | None = Field(
        None, description="Where a criterion's note is: `next`, the column behind it, or a header: `{name} Comment`."
    )
    path: RecordsPath | None = Field(None, description="The dotted path of an array of objects in a JSON record.")

    @field_validator("columns", mode="after")
    @classmethod
    def _patterns(cls, columns: ColumnRange | list[str] | None, info: ValidationInfo) -> ColumnRange | list[str] | None:
        if isinstance(columns, list):
            if not columns:
                raise ValueError("is empty; name the criteria's columns")
            for name in columns if info.context != OF_PRESET else ():
                if is_pattern(name):
                    check_pattern(name[1:-1])
        return columns

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.columns is None) == (self.path is None):
            raise ValueError("needs one of `columns`, for a table, and `path`, for JSON")
        if self.note is not None and self.path is not None:
            raise ValueError("`note` belongs to `columns`; the objects of an array have keys of their own")
        if self.note is not None and self.note != NEXT and "{name}" not in self.note:
            raise ValueError("`note` is `next`, or a header with `{name}` in it, which stands for the criterion's")
        return self
