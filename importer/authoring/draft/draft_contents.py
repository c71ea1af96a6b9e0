"""What a draft knows of a source: the profile, the chosen columns, and the values with their proposals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from importer.authoring.draft.belongings import Belongings, find_belongings
from importer.authoring.draft.choose import Choice
from importer.authoring.draft.profile import Column, Profile
from importer.authoring.draft.values import Value
from importer.mapping.vocabulary import TitleCount


@dataclass(frozen=True)
class Draft:
    """What is written into a drafted mapping, and the use of each column; `beside` are columns of `--comments`."""

    profile: Profile
    choice: Choice
    values: Sequence[Value]
    titles: TitleCount
    beside: Sequence[Column] = ()

    @property
    def open(self) -> list[Value]:
        """The undecided values."""
        return [value for value in self.values if not value.decided]

    @property
    def untitled(self) -> int:
        """How many rows have no title: a check rejects them."""
        return max(0, self.profile.rows - self.choice.title.column.filled)

    @cached_property
    def belongings(self) -> Belongings:
        """People, comments, relations and calls, in columns that are no fields."""
        choice = self.choice
        chosen = {number for number, use in choice.uses().items() if use != "footer"}
        others = [column for column in self.profile.columns if column.number not in chosen]
        prose = [choice.description.column] if choice.description else []
        return find_belongings(others, choice.key.column if choice.key else None, prose, self.beside)

    @cached_property
    def uses(self) -> dict[int, str]:
        """Column number → use, in words; not that of the columns that are half read."""
        belongings = self.belongings
        return {**belongings.uses, **self.choice.uses(), **dict.fromkeys(belongings.taken, "comment")}

    def half_read(self) -> Iterator[Column]:
        """Yield unused columns of objects of which something is used, which `rest` passes over; not of comments."""
        filled = [column for column in self.profile.columns if column.filled and len(column.place.parts) > 1]
        read = {column.place.parts[0] for column in filled if self.uses.get(column.number, "comment") != "comment"}
        yield from (column for column in filled if column.number not in self.uses and column.place.parts[0] in read)
