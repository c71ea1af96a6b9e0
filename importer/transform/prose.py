"""Titles, descriptions and footers as they will be sent: harmless, and cut where the mapping says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from importer.api import DESCRIPTION_LIMIT, TITLE_LIMIT, count_units
from importer.mapping.model import Mapping as Model
from importer.records import Finding
from importer.transform.columns import Columns, is_filled, single_line
from importer.transform.groups import Groups, merge_descriptions
from importer.transform.lengths import REST_LIMIT, cut, is_longer, split_text
from importer.transform.sanitise import Sanitizer

CONTINUED = "[… goes on in the comments]"


class ColumnSanitizer:
    """Makes texts that may leave: people are named, agents and people not called.

    `secrets` is row → field → kinds of the secrets in its text; `neutralised` counts the mentions that call nobody now.
    """

    def __init__(self, harmless: Sanitizer, name: Callable[[Sequence[str]], Sequence[str]]) -> None:
        self._harmless, self._name = harmless, name
        self.secrets: dict[int, dict[str, tuple[str, ...]]] = {}
        self.neutralised = 0

    def findings(self) -> Iterator[tuple[int, Finding]]:
        """What there is to say of secrets, by row."""
        for row, fields in self.secrets.items():
            for name, kinds in fields.items():
                yield from ((row, finding) for finding in self._harmless.findings(name, kinds))

    def __call__(self, row: int, field: str, text: str) -> str:
        """A text of a row; `field` is where it goes to."""
        return self.column(field, [text], [row])[0]

    def column(self, field: str, texts: Sequence[str], rows: Sequence[int] | None = None) -> list[str]:
        """Texts that go to a field: one a row, or those of `rows`."""
        cleaned, secrets, neutralised = self._harmless.clean_column(self._name(texts))
        self.neutralised += neutralised
        for place, kinds in secrets.items():
            fields = self.secrets.setdefault(place if rows is None else rows[place], {})
            fields[field] = tuple(dict.fromkeys((*fields.get(field, ()), *kinds)))
        return cleaned

    def lines(self, texts: Sequence[str]) -> list[str]:
        """Lines of which nobody asks whether they have secrets: those of a footer."""
        return self._harmless.clean_column(texts)[0]


@dataclass
class Prose:
    """The texts of a chunk.

    rests      row → what of its description goes on in comments
    shortened  row → fields that were cut, with their length in UTF-16 units
    """

    titles: list[str] = field(default_factory=list)
    descriptions: list[str] = field(default_factory=list)
    rests: dict[int, tuple[str, ...]] = field(default_factory=dict)
    shortened: dict[int, list[tuple[str, int]]] = field(default_factory=dict)

    def shorten(self, row: int, name: str, text: str) -> None:
        """Keep that a text was cut."""
        self.shortened.setdefault(row, []).append((name, count_units(text)))

    def fit(self, row: int, text: str, footer: str, *, goes_on: bool) -> str:
        """A description that fits, its rest lost or left for comments; "" where the footer alone leaves no room."""
        note = CONTINUED if goes_on else f"[… cut at import: {count_units(text):,} characters in the source]"
        ending = f"\n\n{note}\n\n{footer}"
        room = DESCRIPTION_LIMIT - count_units(ending)
        if room <= 0:
            return ""
        if not goes_on:
            self.shorten(row, "description", text)
            return cut(text, room) + ending
        first, *rest = split_text(text, room, REST_LIMIT)
        self.rests[row] = tuple(rest)
        return first + ending


def write_prose(
    mapping: Model, columns: Columns, footers: Sequence[str], groups: Groups | None, clean: ColumnSanitizer
) -> Prose:
    """Titles and descriptions, footer included; of a group its first row has what all say."""
    prose = Prose()
    titles = columns.text(mapping.title)
    titles = [text.strip() if text.isprintable() else single_line(text) for text in titles]  # printable: one line
    prose.titles = clean.column("title", titles)
    texts = [""] * len(columns) if mapping.description is None else columns.text(mapping.description)
    texts = clean.column("description", texts)
    if groups is not None:
        texts = merge_descriptions(texts, prose.titles, groups)
    openings = _shorten_titles(prose) if mapping.title.too_long == "shorten" else {}
    too_long = "reject" if mapping.description is None else mapping.description.too_long
    for row, (text, footer) in enumerate(zip(texts, footers, strict=True)):
        text = openings.get(row, "") + text
        whole = f"{text}\n\n{footer}" if is_filled(text) else footer
        if too_long != "reject" and is_longer(whole, DESCRIPTION_LIMIT):
            # What has no room because of its footer stays as it is, and validate rejects it.
            whole = prose.fit(row, text, footer, goes_on=too_long == "continue") or whole
        prose.descriptions.append(whole)
    return prose


def _shorten_titles(prose: Prose) -> Mapping[int, str]:
    """Cut titles that are too long; give, by row, what the description opens with instead."""
    openings = {}
    for row, title in enumerate(prose.titles):
        if is_longer(title, TITLE_LIMIT):
            openings[row] = f"Full title: {title}\n\n"
            prose.shorten(row, "title", title)
            prose.titles[row] = cut(title, TITLE_LIMIT - 1).rstrip() + "…"
    return openings
