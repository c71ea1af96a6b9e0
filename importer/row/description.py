"""Fits titles and descriptions into Triage's limits, as the mapping says."""

from __future__ import annotations

from typing import NamedTuple

from importer.api import DESCRIPTION_LIMIT, TITLE_LIMIT, count_units
from importer.mapping.model import MappingModel
from importer.transform.lengths import CONTINUED, REST_LIMIT, cut, is_longer, split_text
from importer.transform.plain_text import is_filled


class Shortened(NamedTuple):
    """A text that was cut: its field, and the length that it had, in UTF-16 units."""

    field: str
    units: int


class Fitted(NamedTuple):
    """A description with its footer; what of it goes on in comments, in order; and whether any of it is lost."""

    text: str
    rest: tuple[str, ...] = ()
    shortened: Shortened | None = None


def fit_title(mapping: MappingModel, title: str) -> str:
    """A title within Triage's limit, if the mapping wants it shortened: the whole one then opens the description."""
    if mapping.title.too_long != "shorten" or not is_longer(title, TITLE_LIMIT):
        return title
    return cut(title, TITLE_LIMIT - 1).rstrip() + "…"


def open_with_title(title: str, text: str) -> str:
    """A description that opens with a title that was shortened."""
    return f"Full title: {title}\n\n{text}"


def fit_description(mapping: MappingModel, text: str, footer: str) -> Fitted:
    """Put the footer behind a text, and fit both into Triage's limit: the text goes on in comments, or is cut.

    Where the footer leaves no room, the description stays too long, and the check rejects it.
    """
    whole = f"{text}\n\n{footer}" if is_filled(text) else footer
    too_long = "reject" if mapping.description is None else mapping.description.too_long
    if too_long == "reject" or not is_longer(whole, DESCRIPTION_LIMIT):
        return Fitted(whole)
    note = CONTINUED
    if too_long == "shorten":
        note = f"[… cut at import: {count_units(text):,} characters in the source]"
    ending = f"\n\n{note}\n\n{footer}"
    room = DESCRIPTION_LIMIT - count_units(ending)
    if room <= 0:
        return Fitted(whole)
    if too_long == "shorten":
        return Fitted(cut(text, room) + ending, (), Shortened("description", count_units(text)))
    first, *rest = split_text(text, room, REST_LIMIT)
    return Fitted(first + ending, tuple(rest))
