"""What a mapping is recognised by, and the examples that it is tried with."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from importer.api import SeverityName, StatusName
from importer.mapping.scalars import Flag, RecordsPath, Scalars
from importer.mapping.texts import Strict


class Shape(Strict):
    """One form of a tracker's export, by the columns that it has. A name is a header's cell or a JSON record's key.

    A key within an object is dotted: `fields.summary`. Of a list of names one is expected.
    """

    name: str = Field(min_length=1, description="What the form is called: `CSV`, `REST JSON`.")
    needs: list[Scalars] = Field(min_length=1, description="Names that it always has, and together no other form.")
    columns: list[Scalars] = Field([], description="Names that it usually has: at least half.")
    records: RecordsPath | None = Field(
        None, description="Where in a JSON object its records are, if it has other arrays too."
    )
    only: Flag = Field(False, description="`true`: it has no other columns.")
    last: Flag = Field(
        False, description="`true`: it counts only where no other form fits, and the mapping reads half of the columns."
    )


class Expected(Strict):
    """What a row of an example becomes; what isn't named isn't compared."""

    key: str | None = Field(None, description="The native key.")
    title: str | None = Field(None, description="The title.")
    description: str | None = Field(None, description="The description without its footer.")
    severity: SeverityName | None = Field(None, description="The severity.")
    status: StatusName | None = Field(None, description="The status.")
    category: str | None = Field(None, description="The category.")
    skip: str | None = Field(None, description="The name of the rule that leaves the row out.")
    code: str | None = Field(None, description="A code that the row is found to have: `status-unknown`.")


class Example(Strict):
    """A row and what it must become; `triage-import mappings test` tries it."""

    given: dict[str, Any] = Field(description="The row: header → cell, or the keys of a JSON record.")
    expect: Expected = Field(description="What it becomes.")
