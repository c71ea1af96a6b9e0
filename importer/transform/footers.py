"""The footer of a description: where the issue comes from, lines that the mapping asks for, and the import marker."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import NamedTuple
from urllib.parse import quote

from importer.api import PERSON_FIELDS
from importer.codes import FOOTER_CONTINUED
from importer.mapping.identities import Identity
from importer.mapping.issue_parts import NAME_HERE, Attachments, Person
from importer.mapping.model import MappingModel
from importer.mapping.texts import Text
from importer.records import Comment, Finding, Ref
from importer.transform.columns import Columns, map_distinct
from importer.transform.groups import merge_texts
from importer.transform.lengths import find_longer
from importer.transform.markers import MARKER_NOTE, hex_digest, record_marker
from importer.transform.plain_text import is_filled, one_line
from importer.transform.prose import ColumnSanitizer
from importer.transform.row_keys import RowKeys
from importer.transform.shown_people import ShownPeople, person_refs

LINE_LIMIT = 1000
"""Characters of a footer's line: what is longer goes on in a comment."""
LINES_LIMIT = 5000
"""Characters of all lines that the mapping asks for: more than half of a description is the description's."""
SHORT_LINE = 120
"""Characters of a line that is shortened because all of them are too long."""
FOOTER_LIMIT = LINES_LIMIT + 1000  # with the key and the marker
GOES_ON = "… (all of it in a comment)"
LINK = "Link"
"""The label of the line that has the issue's address in the old tracker."""

_NAMING = "Imported from "
_OPENING = f"---\n{_NAMING}"
_KEY = re.compile(f"^{_NAMING}(.+)$", re.MULTILINE)
_FOOTER = re.compile(rf"^{_OPENING}.*\n(?:.+\n)*tis[0-9a-f]{{12}} tir[0-9a-f]{{20}}\b", re.MULTILINE)


def find_footer(text: str) -> int:
    """Where the footer begins, or the end of a text that has none."""
    # The last one: the text above may quote the footer of another issue.
    start = text.rfind(_OPENING)
    return start if start >= 0 and _FOOTER.match(text, start) else len(text)


def find_key(description: str, marker: str) -> str:
    """The key that the footer of an issue names, "" if it isn't the one of its record marker."""
    keys = _KEY.findall(description)
    return keys[-1] if keys and record_marker(keys[-1]) == marker else ""


@dataclass(frozen=True)
class Footers:
    """The footers of a chunk, and what of them goes on in comments.

    texts  `Imported from <key>`, a line for each filled label of the mapping, and the import marker
    links  the address in the line `Link`, the first of several; "" where it has none
    rests  row → a comment for each label whose text is too long for the footer
    """

    texts: list[str]
    links: list[str]
    rests: dict[int, tuple[Comment, ...]] = field(default_factory=dict)

    def findings(self) -> Iterator[tuple[int, Finding]]:
        """(row, finding) for each label that goes on in a comment."""
        for row, comments in self.rests.items():
            for label in (comment.text.partition(":")[0] for comment in comments):
                message = f"{label} is too long for the footer"
                yield row, Finding(FOOTER_CONTINUED, "description", message, value=label, rejects=False)


class _Label(NamedTuple):
    """A label, for each row the text behind it, "" for none, and the cells that the texts are made of."""

    name: str
    texts: list[str]
    refs: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class _Line:
    """A label's lines: for each row its text, and the line that the footer has of it, "" for none."""

    label: str
    texts: list[str]
    written: list[str]
    has_long: bool


def write_footers(
    mapping: MappingModel,
    columns: Columns,
    keys: RowKeys,
    clean: ColumnSanitizer,
    unmatched: Mapping[str, Sequence[Identity]],
    levels: Sequence[str],
) -> Footers:
    """Write the footers of a chunk; what is too long for them becomes comments.

    `unmatched` are the people of a row that Triage doesn't know, by field, and `levels` who may read it in the source:
    each is named, whatever the mapping names.
    """
    labels = list(read_labels(mapping, columns, clean.shown))
    for name, person in zip(PERSON_FIELDS, (mapping.owner, mapping.assignee), strict=True):
        if person is not None:
            named = _name_people(unmatched[name], person, labels, clean.shown)
            labels.append(_Label(name.removesuffix("_id").capitalize(), named))
    if mapping.attachments is not None:
        labels.append(_Label("Attachments", list_attachments(mapping.attachments, columns)))
    if mapping.restricted is not None:
        labels.append(_Label("Restricted", _leave_named(levels, labels, mapping.restricted.level.refs)))
    opening, lines = _write_lines(labels, keys, clean)
    links = next((_find_addresses(line) for line in lines if line.label == LINK), [""] * len(columns))
    longer = {(row, line.label): line for line in lines if line.has_long for row in _shorten_long(line)}
    ending = [f"{keys.source_marker} {marker} {MARKER_NOTE}" for marker in keys.markers]
    columns_of_lines = [opening, *(line.written for line in lines), ending]
    texts = list(map("".join, zip(*columns_of_lines, strict=True)))
    # Each line fits by now, but all of them together may not.
    for row in find_longer(texts, FOOTER_LIMIT):
        longer |= {(row, line.label): line for line in _shorten_longest(lines, row)}
        texts[row] = "".join(column[row] for column in columns_of_lines)
    followers = keys.followers()  # the first row of an issue has all its texts
    rests: defaultdict[int, list[Comment]] = defaultdict(list)
    for (row, _), line in longer.items():
        if row not in followers:
            rests[row].append(_continue(line.label, line.texts[row]))
    return Footers(texts, links, {row: tuple(comments) for row, comments in rests.items()})


def read_labels(mapping: MappingModel, columns: Columns, shown: ShownPeople) -> Iterator[_Label]:
    """Read the lines of the footer that the mapping names: of each its label, and the text of each row."""
    persons = person_refs(mapping)
    for label, spec in mapping.footer.items():
        cells = columns.cells_with_text(spec)
        if not cells:
            continue
        texts = cells[0] if len(cells) == 1 else _join_cells(cells)
        if not shown.are_named:
            role = "Owner" if not persons.isdisjoint(spec.refs) else label
            texts = [shown.show_cell(role, text) for text in texts]
        yield _Label(label, texts, spec.refs)


def _join_cells(cells: Sequence[Sequence[str]]) -> list[str]:
    """Of each row the cells that are filled; a list such as labels is the same in many rows."""
    return map_distinct(lambda row: ", ".join(filter(str.strip, row)), list(zip(*cells, strict=True)))


def _write_lines(labels: Iterable[_Label], keys: RowKeys, clean: ColumnSanitizer) -> tuple[list[str], list[_Line]]:
    """Write the opening of each row, and the lines of all labels that have any text.

    All are sanitised at once, as a label has few texts and a file many.
    """
    if keys.groups:
        labels = [each._replace(texts=merge_texts(each.texts, keys.groups.values(), ", ")) for each in labels]
    distinct = ((each, list(filter(is_filled, dict.fromkeys(each.texts)))) for each in labels)
    found = [(each, texts) for each, texts in distinct if texts]
    labelled = [f"{each.name}: {one_line(text)}" for each, texts in found for text in texts]
    whole = "".join(keys.own)  # which hardly ever has white space
    shown_keys = keys.own if whole.split(None, 1) == [whole] else map(one_line, keys.own)
    cleaned = iter(clean.lines([*shown_keys, *labelled]))
    opening = [f"{_OPENING}{key}\n" for key in islice(cleaned, len(keys.own))]
    lines = []
    for each, texts in found:
        line = defaultdict(str, [(text, f"{next(cleaned)}\n") for text in texts])
        has_long = any(len(written) > LINE_LIMIT for written in line.values())
        lines.append(_Line(each.name, each.texts, list(map(line.__getitem__, each.texts)), has_long))
    return opening, lines


def _name_people(who: Sequence[Identity], person: Person, labels: Sequence[_Label], shown: ShownPeople) -> list[str]:
    """Of each row the person, "" where a line names them: by name, or where they have none by account or mail."""
    refs = {ref for text in person.texts for ref in text.refs}
    parts = {one: list(filter(None, ((one.name,) if one.name else one) + (shown.show(one),))) for one in set(who)}
    left: Sequence[int] = range(len(who))
    for label in sorted(labels, key=lambda label: refs.isdisjoint(label.refs)):  # the same cells first
        pairs = [(who[row], label.texts[row]) for row in left]
        is_same, distinct = not refs.isdisjoint(label.refs), set(pairs)
        unnamed = {
            (one, text)
            for one, text in distinct
            if parts[one] and not any(_names(text, part, is_same) for part in parts[one])
        }
        if len(unnamed) < len(distinct):
            left = [row for row, pair in zip(left, pairs, strict=True) if pair in unnamed] if unnamed else ()
    names = [""] * len(who)
    for row in left:
        names[row] = shown.show(who[row])
    return names


def _names(text: str, part: str, is_same: bool) -> bool:
    """Whether a text names somebody; in one of other cells a number may be anything, and a part of a word is nobody."""
    if is_same or part not in text:
        return part in text
    return not part.isdecimal() and _stands_alone(text, part)


def _stands_alone(text: str, part: str) -> bool:
    """Whether a part stands somewhere in a text, and not within a word."""
    at = text.find(part)  # without a pattern: those of many people would be compiled again and again
    while at >= 0:
        end = at + len(part)
        if not any(sign == "_" or sign.isalnum() for sign in text[max(0, at - 1) : at] + text[end : end + 1]):
            return True
        at = text.find(part, at + 1)
    return False


def _find_addresses(line: _Line) -> list[str]:
    found = map(re.compile(rf"{LINK}: (https?://\S+?),?\s").match, line.written)
    return ["" if match is None else match[1] for match in found]


def _leave_named(texts: Sequence[str], labels: Sequence[_Label], refs: Sequence[Ref]) -> list[str]:
    """The texts, "" where a line made of the same cells has one already."""
    if not any(texts):
        return list(texts)
    same = [label.texts for label in labels if not set(refs).isdisjoint(label.refs)]
    return ["" if any(column[row] for column in same) else text for row, text in enumerate(texts)]


def _shorten_long(line: _Line) -> list[int]:
    """Shorten a label's lines that are too long by themselves; returns their rows."""
    rows = [row for row, text in enumerate(line.written) if len(text) > LINE_LIMIT]
    for row in rows:
        _shorten(line, row, LINE_LIMIT)
    return rows


def _shorten_longest(lines: Sequence[_Line], row: int) -> list[_Line]:
    """Shorten the longest lines of a row until the others fit; returns them."""
    left = sum(len(line.written[row]) for line in lines)
    shortened = []
    for line in sorted(lines, key=lambda line: -len(line.written[row])):
        if left <= LINES_LIMIT or len(line.written[row]) <= SHORT_LINE:
            break
        left -= len(line.written[row])
        _shorten(line, row, SHORT_LINE)
        left += len(line.written[row])
        shortened.append(line)
    return shortened


def _shorten(line: _Line, row: int, limit: int) -> None:
    line.written[row] = f"{line.written[row][: limit - len(GOES_ON) - 1].rstrip()}{GOES_ON}\n"


def _continue(label: str, text: str) -> Comment:
    """The comment of a label's whole text: the same one if the text changes."""
    return Comment(hex_digest(f"footer\n{label}")[:16], "", "", f"{label}:\n\n{text}", content=hex_digest(text)[:16])


def list_attachments(spec: Attachments, columns: Columns) -> list[str]:
    """Of each row its attachments, each with its name and address, as far as the source has them."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    nothing = [""] * len(columns)
    # A file may have more columns of names than of addresses, or the other way round.
    for names, addresses in zip_longest(*(_cells(text, columns) for text in (spec.name, spec.url)), fillvalue=nothing):
        for row, (name, address) in enumerate(zip(names, addresses, strict=True)):
            if is_filled(name) or is_filled(address):
                found[row].append(_describe(name.strip(), address.strip(), spec.base))
    return [", ".join(found.get(row, ())) for row in range(len(columns))] if found else nothing


def _cells(text: Text | None, columns: Columns) -> list[list[str]]:
    return [] if text is None else columns.every_cell(text)


def _describe(name: str, address: str, base: str | None) -> str:
    name = name or address.rpartition("/")[2]
    if base is not None and name:
        address = base.replace(NAME_HERE, quote(name))
    return " ".join(filter(None, (name, address)))
