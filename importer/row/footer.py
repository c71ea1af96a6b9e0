"""The footer of a description: where the issue comes from, lines that the mapping asks for, and the import marker."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from importer.api import PERSON_FIELDS
from importer.codes import FOOTER_CONTINUED
from importer.mapping.identities import Identity
from importer.mapping.model import MappingModel, key_of_holder
from importer.records import Comment, Finding, Ref
from importer.row.compiler import Compiler, ReadCells, no_cells
from importer.row.remembered import Remembered
from importer.sources.source_rows import SourceRow
from importer.transform.footers import FOOTER_OPENING
from importer.transform.lengths import is_longer
from importer.transform.markers import MARKER_NOTE, short_digest
from importer.transform.plain_text import is_filled, one_line
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
_ADDRESS = re.compile(rf"{LINK}: (https?://\S+?),?\s")


class Label(NamedTuple):
    """A label of a footer, with the text behind it.

    number  its place among all labels of the mapping
    text    what is behind it, as the source has it
    line    the line that the footer has of both, sanitised, with its end
    refs    the columns and paths that the text is made of
    """

    number: int
    name: str
    text: str
    line: str
    refs: frozenset[Ref] = frozenset()


class Footer(NamedTuple):
    """The footer of an issue.

    text       `Imported from <key>`, a line for each label with a text, and the import marker
    link       the address in the line `Link`, the first of several; "" where it has none
    continued  label → its whole text, of lines that are too long: each goes on in a comment
    """

    text: str
    link: str = ""
    continued: Mapping[str, str] = {}

    def comments(self) -> tuple[Comment, ...]:
        """The comments that the footer goes on in: of a label the same one if its text changes."""
        if not self.continued:  # as nearly always
            return ()
        return tuple(
            Comment(short_digest(f"footer\n{label}"), "", "", f"{label}:\n\n{text}", content=short_digest(text))
            for label, text in self.continued.items()
        )

    def findings(self) -> list[Finding]:
        """The warnings that a line goes on in a comment."""
        return [
            Finding(FOOTER_CONTINUED, "description", f"{label} is too long for the footer", value=label, rejects=False)
            for label in self.continued
        ]


class _LabelCells(NamedTuple):
    """Where a label has its text, and what is made of it.

    place   the one cell that has it, if it is a single one, as it is; else None
    reader  reads its cells
    labels  cells that have a text → the label
    """

    place: int | None
    reader: ReadCells
    labels: Remembered[tuple[str, ...], Label]


class LabelReader:
    """Reads the labels of a mapping's footer, and names people beside them; `clean_line` sanitises a line."""

    def __init__(
        self,
        mapping: MappingModel,
        compiler: Compiler,
        shown_people: ShownPeople,
        clean_line: Callable[[str], str],
    ) -> None:
        self._shown, self._clean_line = shown_people, clean_line
        self._person_refs = [
            frozenset(ref for text in person.texts for ref in text.refs) if person else frozenset[Ref]()
            for person in mapping.holders.values()
        ]
        self._level_refs = frozenset(mapping.restricted.level.refs if mapping.restricted else ())
        self._names = Remembered[tuple[str, ...], list[str]](self._list_names)
        self._labels = list[_LabelCells]()
        persons = person_refs(mapping)
        for name, spec in mapping.footer.items():
            reader = compiler.cells(spec)
            if reader is no_cells:
                continue
            place = compiler.single_place(spec)
            refs = frozenset(spec.refs)
            role = name if persons.isdisjoint(refs) else "Owner"
            labeller = self._labeller(len(self._labels), name, role, refs)
            self._labels.append(_LabelCells(place, reader, Remembered(labeller)))

    def read(self, row: SourceRow) -> list[Label]:
        """The labels of a row that have any text, in the order of the mapping."""
        labels, row_cells = [], row.cells
        for place, reader, known in self._labels:
            if place is None:
                cells = reader(row)
                has_text = any(cells)
            else:
                text = row_cells[place]
                cells = (text,)
                has_text = text != ""
            # Most of a file's columns are empty in most rows.
            if has_text and (label := known[cells]).text:
                labels.append(label)
        return labels

    def name_people(self, labels: list[Label], unmatched: Sequence[Identity]) -> None:
        """Add a label for each of the owner and the assignee whom Triage doesn't know and no label names."""
        for place, who in enumerate(unmatched):
            if who.shown:
                self._name_person(labels, place, who)

    def add_attachments(self, labels: list[Label], attachments: str) -> None:
        """Add a label for the attachments."""
        self._add(labels, len(PERSON_FIELDS), "Attachments", attachments)

    def add_level(self, labels: list[Label], level: str) -> None:
        """Add a label that says who may read the issue in the source, unless one of the same cells does."""
        if level and all(label.refs.isdisjoint(self._level_refs) for label in labels):
            self._add(labels, len(PERSON_FIELDS) + 1, "Restricted", level)

    def merge(self, labels_of_rows: Sequence[Sequence[Label]]) -> list[Label]:
        """The labels of an issue that several rows make: of each its distinct texts, in order."""
        texts_of = defaultdict[tuple[int, str], dict[str, None]](dict)
        for label in sorted(chain.from_iterable(labels_of_rows), key=attrgetter("number")):
            texts_of[label.number, label.name][label.text] = None
        return [self._label(number, name, ", ".join(texts)) for (number, name), texts in texts_of.items()]

    def _labeller(self, number: int, name: str, role: str, refs: frozenset[Ref]) -> Callable[[tuple[str, ...]], Label]:
        """What makes a label of the cells that are filled; a list such as labels is the same in many rows."""

        def make(cells: tuple[str, ...]) -> Label:
            text = ", ".join(filter(str.strip, cells))
            if not self._shown.are_named:
                text = self._shown.show_cell(role, text)
            return self._label(number, name, text, refs)

        return make

    def _name_person(self, labels: list[Label], place: int, who: Identity) -> None:
        """Add a label for somebody unless one names them: by name, or where they have none by account or mail."""
        refs, names = self._person_refs[place], self._names[who]
        for label in labels:
            is_same = not label.refs.isdisjoint(refs)
            for name in names:
                if name in label.text and (is_same or _is_named(label.text, name)):
                    return
        label_name = key_of_holder(PERSON_FIELDS[place]).capitalize()
        self._add(labels, place, label_name, self._shown.show(who))

    def _list_names(self, who: tuple[str, ...]) -> list[str]:
        """What a text has that names somebody: their name, or where they have none their account or mail address."""
        name, *extras = who
        names = [name] if name else [extra for extra in extras if extra]
        shown_people = self._shown.show(Identity(*who))
        return [*names, shown_people] if shown_people else names

    def _add(self, labels: list[Label], place: int, name: str, text: str) -> None:
        """Add a label behind those of the mapping."""
        if is_filled(text):
            labels.append(self._label(len(self._labels) + place, name, text))

    def _label(self, number: int, name: str, text: str, refs: frozenset[Ref] = frozenset()) -> Label:
        return Label(number, name, text, f"{self._clean_line(f'{name}: {one_line(text)}')}\n", refs)


def _is_named(text: str, name: str) -> bool:
    """Whether a text of other cells names somebody: a number may be anything there, and a part of a word is nobody."""
    return not name.isdecimal() and _stands_alone(text, name)


def _stands_alone(text: str, name: str) -> bool:
    """Whether a name stands somewhere in a text, and not within a word."""
    start = text.find(name)  # without a pattern: those of many people would be compiled again and again
    while start >= 0:
        end = start + len(name)
        neighbours = text[max(0, start - 1) : start] + text[end : end + 1]
        if not any(sign == "_" or sign.isalnum() for sign in neighbours):
            return True
        start = text.find(name, start + 1)
    return False


def write_footer(labels: Sequence[Label], key: str, source_marker: str, marker: str) -> Footer:
    """Write the footer of an issue; what is too long for it goes on in comments. `key` is a sanitised line."""
    opening, ending = f"{FOOTER_OPENING}{key}\n", f"{source_marker} {marker} {MARKER_NOTE}"
    lines = [label.line for label in labels]
    text = "".join([opening, *lines, ending])
    link = _find_link(labels)
    if len(text) <= LINE_LIMIT:  # as nearly all
        return Footer(text, link)
    continued = dict[str, str]()
    for number, line in enumerate(lines):
        if len(line) > LINE_LIMIT:
            lines[number] = _shorten(line, LINE_LIMIT)
            continued[labels[number].name] = labels[number].text
    text = "".join([opening, *lines, ending])
    # Each line fits by now, but all of them together may not.
    if is_longer(text, FOOTER_LIMIT):
        for number in _shorten_longest(lines):
            continued[labels[number].name] = labels[number].text
        text = "".join([opening, *lines, ending])
    return Footer(text, link, continued)


def _find_link(labels: Sequence[Label]) -> str:
    for label in labels:
        if label.name == LINK:
            match = _ADDRESS.match(label.line)
            return "" if match is None else match[1]
    return ""


def _shorten_longest(lines: list[str]) -> list[int]:
    """Shorten the longest lines until the others fit; return which these are."""
    total = sum(map(len, lines))
    shortened = []
    for number in sorted(range(len(lines)), key=lambda number: -len(lines[number])):
        if total <= LINES_LIMIT or len(lines[number]) <= SHORT_LINE:
            break
        total -= len(lines[number])
        lines[number] = _shorten(lines[number], SHORT_LINE)
        total += len(lines[number])
        shortened.append(number)
    return shortened


def _shorten(line: str, limit: int) -> str:
    return f"{line[: limit - len(GOES_ON) - 1].rstrip()}{GOES_ON}\n"
