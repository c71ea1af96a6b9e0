"""The mapping's model of scorecards: where the answers of a call are, and which of them is a finding."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from importer.mapping.patterns import is_pattern
from importer.mapping.scalars import OF_PRESET, OneOrMany, RecordsPath, Scalar, Scalars, as_list, check_pattern
from importer.mapping.texts import Strict, Text, error_at
from importer.phrases import plain_name

NAME, ANSWER, NOTE, RECORD = "_name", "_answer", "_note", "_record"
"""The columns of a row that is an answer: the criterion, its answer, its note; in JSON what stands around the array."""
VERDICTS = ("failed", "passed", "not_applicable")
"""What an answer may mean, as the vocabulary and a mapping call it."""
NEXT = "next"
"""As `note`: the column behind the criterion's, whatever it is called."""


class ColumnRange(Strict):
    """Columns that follow each other."""

    from_: Scalar = Field(alias="from", description="The header of the first.")
    to: Scalar | None = Field(None, description="The header of the last; without it all that follow are criteria.")
    before: Scalar | None = Field(None, description="Instead of `to`: the header of the column behind the last.")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.to is not None and self.before is not None:
            raise ValueError("ends with one of `to` and `before`, not with both")
        return self


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
        None,
        description="Where a criterion's note is: `next`, the column behind it; `Comment`, the same if that is its "
        "header; or `{name} Comment`, wherever that is.",
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
        return self


def _decimal(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"\d+(\.\d+)?", value):
            raise ValueError(f"{value!r} is not a number, like 80 or 0.5")
        return float(value)
    return value


class Answer(Text):
    """What an answer of a scorecard says: a row is a finding where it failed, and is left out where it didn't.

    Its lists come before the vocabulary's words. A file without the column has findings alone.
    """

    failed: Scalars = Field([], description="Answers that are findings; case and spaces don't count.")
    passed: Scalars = Field([], description="Answers that are none: their rows are skipped.")
    not_applicable: Scalars = Field(
        [], description="Answers that say nothing: their rows are skipped, as with an empty one."
    )
    below: Annotated[float, BeforeValidator(_decimal), Field(ge=0)] | None = Field(
        None, description="A number or percentage below this one is a finding; without it nobody knows."
    )
    inverted: Scalars = Field([], description="Criteria that ask for what shouldn't be: there `yes` is a finding.")
    criterion: Text | None = Field(
        None, description="The criterion, for `inverted` and to report new ones; `_name` by default."
    )
    words: Annotated[list[Literal["answers"]], BeforeValidator(as_list), OneOrMany()] = Field(
        ["answers"], description="`answers`: what the vocabulary says of answers in all languages; `[]`: nothing."
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        is_open = isinstance(value, dict) and value.get("inverted") and "criterion" not in value
        return {**value, "criterion": NAME} if is_open else value

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        seen = dict[str, str]()
        for name in VERDICTS:
            for number, word in enumerate(getattr(self, name)):
                if seen.setdefault(plain_name(word).casefold(), name) != name:
                    hint = "an answer means one thing: delete it here or there"
                    raise error_at((name, number), f"{word!r} is under `{seen[plain_name(word).casefold()]}` too", hint)
        return self
