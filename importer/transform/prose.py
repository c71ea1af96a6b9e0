"""Writes titles and descriptions as they are sent: sanitised, and shortened where the mapping says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from importer.api import DESCRIPTION_LIMIT, TITLE_LIMIT, count_units
from importer.mapping.model import MappingModel
from importer.records import Finding
from importer.transform.columns import Columns
from importer.transform.groups import Groups, merge_descriptions
from importer.transform.lengths import REST_LIMIT, cut, find_longer, split_text
from importer.transform.plain_text import is_filled, single_line
from importer.transform.sanitise import Sanitizer
from importer.transform.shown_people import ShownPeople

CONTINUED = "[… goes on in the comments]"


class ColumnSanitizer:
    """Sanitises the texts of one chunk: puts names for accounts, neutralises mentions, treats secrets.

    complete     makes addresses in texts whole; a text is of its row, or of that in the rows beside it
    shown        how people are shown in them
    secrets      row → field → kinds of the secrets found in it
    neutralised  how many mentions and markers were neutralised
    """

    def __init__(
        self,
        sanitizer: Sanitizer,
        name: Callable[[Sequence[str]], Sequence[str]],
        shown: ShownPeople,
        complete: Callable[[Sequence[str], Sequence[int] | None], Sequence[str]],
    ) -> None:
        self._sanitizer, self._name, self.shown, self._complete = sanitizer, name, shown, complete
        self.secrets: dict[int, dict[str, tuple[str, ...]]] = {}
        self.neutralised = 0

    def findings(self) -> Iterator[tuple[int, Finding]]:
        """(row, finding) for each kind of secret in a field."""
        for row, fields in self.secrets.items():
            for name, kinds in fields.items():
                yield from ((row, finding) for finding in self._sanitizer.findings(name, kinds))

    def column(self, field: str, texts: Sequence[str], rows: Sequence[int] | None = None) -> list[str]:
        """Sanitise texts that go into `field`: one for each row of the chunk, or for each of `rows`."""
        cleaned, secrets, neutralised = self._sanitizer.clean_column(
            self.shown.clean(self._name(self._complete(texts, rows)))
        )
        self.neutralised += neutralised
        for place, kinds in secrets.items():
            fields = self.secrets.setdefault(place if rows is None else rows[place], {})
            fields[field] = tuple(dict.fromkeys((*fields.get(field, ()), *kinds)))
        return cleaned

    def lines(self, texts: Sequence[str]) -> list[str]:
        """Sanitise short lines, such as a footer's, without noting their secrets."""
        return self._sanitizer.clean_column(self.shown.clean(texts))[0]


@dataclass
class Prose:
    """The titles and descriptions of a chunk, and the footers that these end with.

    rests      row → the parts of its description that go on in comments
    shortened  row → fields that were cut, with their length in UTF-16 units
    """

    titles: list[str] = field(default_factory=list)
    descriptions: list[str] = field(default_factory=list)
    footers: Sequence[str] = ()
    rests: dict[int, tuple[str, ...]] = field(default_factory=dict)
    shortened: dict[int, list[tuple[str, int]]] = field(default_factory=dict)

    def note_shortened(self, row: int, name: str, text: str) -> None:
        """Note that a text was shortened."""
        self.shortened.setdefault(row, []).append((name, count_units(text)))

    def fit(self, row: int, text: str, footer: str, *, goes_on: bool) -> str:
        """Shorten a description to the limit; its rest goes to comments or is lost. "" if the footer leaves no room."""
        note = CONTINUED if goes_on else f"[… cut at import: {count_units(text):,} characters in the source]"
        ending = f"\n\n{note}\n\n{footer}"
        room = DESCRIPTION_LIMIT - count_units(ending)
        if room <= 0:
            return ""
        if not goes_on:
            self.note_shortened(row, "description", text)
            return cut(text, room) + ending
        first, *rest = split_text(text, room, REST_LIMIT)
        self.rests[row] = tuple(rest)
        return first + ending


def write_prose(
    mapping: MappingModel, columns: Columns, footers: Sequence[str], groups: Groups, clean: ColumnSanitizer
) -> Prose:
    """Write titles and descriptions with their footers; the first row of a group gets the texts of all its rows."""
    prose = Prose(footers=footers)
    prose.titles = clean.column("title", list(map(single_line, columns.text(mapping.title))))
    texts = [""] * len(columns) if mapping.description is None else columns.text(mapping.description)
    texts = clean.column("description", texts)
    if groups:
        texts = merge_descriptions(texts, prose.titles, groups)
    for row in find_longer(prose.titles, TITLE_LIMIT) if mapping.title.too_long == "shorten" else ():
        title = prose.titles[row]
        texts[row] = f"Full title: {title}\n\n{texts[row]}"
        prose.note_shortened(row, "title", title)
        prose.titles[row] = cut(title, TITLE_LIMIT - 1).rstrip() + "…"
    too_long = "reject" if mapping.description is None else mapping.description.too_long
    pairs = zip(texts, footers, strict=True)
    prose.descriptions = [f"{text}\n\n{footer}" if is_filled(text) else footer for text, footer in pairs]
    if too_long != "reject":
        for row in find_longer(prose.descriptions, DESCRIPTION_LIMIT):
            # Where the footer leaves no room, the description stays too long, and the check rejects it.
            fitting = prose.fit(row, texts[row], footers[row], goes_on=too_long == "continue")
            prose.descriptions[row] = fitting or prose.descriptions[row]
    return prose
