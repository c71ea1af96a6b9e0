"""Reads the comments of one source of them as they are written there, whatever form they have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from jmespath.exceptions import JMESPathError

from importer.mapping.header_names import find_flags, has_internal_header, is_internal
from importer.mapping.issue_parts import CommentSource, Each
from importer.mapping.patterns import compile_pattern
from importer.mapping.texts import Text, walk_texts
from importer.records import Finder, Finding
from importer.row.compiler import Compiler, Holds, no_cells
from importer.row.remembered import Remembered
from importer.sources.source_rows import Layout, SourceRow
from importer.transform.cell_parts import compile_parts, find_parts, read_items, to_text, write_json
from importer.transform.formats.convert import Converted, convert, is_marked
from importer.transform.plain_text import is_filled

INTERNAL = "internal"
"""What stands under `private` if a column's name or a flag says it, not what the mapping reads."""

LINES = "lines"
"""In place of the source's id of a comment that is made of the row's columns."""


class Entry(NamedTuple):
    """A comment as the source has it.

    source   what has read it
    private  what says who may read it
    id       the source's own id of it
    problem  why it could not be read as the mapping says; the text then is the whole cell or object
    """

    text: str
    source: EntryReader
    author: str = ""
    date: str = ""
    private: str = ""
    id: str = ""
    problem: str = ""

    @property
    def is_private(self) -> bool:
        """Whether it is for the team alone."""
        if self.private:
            return is_internal("visibility", self.private)
        # An object says by its flags who may read it; of a plain text only what stands above it can.
        return self.source.has_headers and has_internal_header(self.text)


_ReadEntries = Callable[[str], Iterable[Entry]]
"""The comments in a cell, or in an object beside the records."""


class EntryReader:
    """Reads the comments of one source in `comments: from`; `find` finds those beside the records."""

    def __init__(self, spec: CommentSource, compiler: Compiler, layout: Layout, find: Finder | None) -> None:
        self._spec, self._find = spec, find
        self._objects = dict[str, Sequence[str]]()
        self._read_key = compiler.stripped(spec.beside.key if spec.beside is not None else None)
        self._read_cells = self._cells_reader(compiler)
        self._read_entries = self._entries_reader()
        self._is_internal = _compile_internal(spec, layout)
        self._conversions = Remembered[str, Converted](self._convert_marked)
        self.has_headers = spec.each is None

    @property
    def is_present(self) -> bool:
        """Whether the file has what is read here: a preset names what exports of all kinds have."""
        return self._read_cells is not no_cells

    def prepare(self, rows: Iterable[SourceRow]) -> None:
        """Fetch the objects beside the records of these rows."""
        if self._find is None:
            return
        keys = dict.fromkeys(map(self._read_key, rows))
        keys.pop("", None)
        self._objects = dict(self._find(list(keys)))

    def read(self, row: SourceRow) -> list[Entry]:
        """The comments that say anything, in the order of the file."""
        entries: list[Entry] = []
        for cell in self._read_cells(row):
            # An export has as many columns as its longest discussion has comments.
            if cell and not cell.isspace():
                entries += [entry for entry in self._read_entries(cell) if is_filled(entry.text)]
        if entries and self._is_internal(row):
            # What a comment says of itself goes before.
            return [entry if entry.private else entry._replace(private=INTERNAL) for entry in entries]
        return entries

    def convert(self, entry: Entry) -> Converted:
        """The text with its markup converted; what could not be read is left as it is."""
        form, text = self._spec.format, entry.text
        if form is None or entry.problem or not is_marked(text, form):
            return Converted(text)
        return self._conversions[text]

    def warn(self, problem: str) -> Finding:
        """The finding that a comment could not be read as the mapping says."""
        beside = self._spec.beside
        place = ", ".join(ref.name for ref in self._spec.refs)
        if beside is not None:
            place = beside.in_ or "--comments"
        message = f"a comment in {place} {problem}; it is used as plain text"
        return Finding(
            "comment-unreadable", "comments", message, "compare `each` with the source", place, rejects=False
        )

    def _convert_marked(self, text: str) -> Converted:
        assert self._spec.format is not None
        return convert(text, self._spec.format, self._spec.as_)

    def _cells_reader(self, compiler: Compiler) -> Callable[[SourceRow], Sequence[str]]:
        if self._spec.beside is not None:
            if self._find is None:
                return no_cells
            return lambda row: self._objects.get(self._read_key(row), ())
        if self._spec.lines is not None:
            return _compile_lines(self._spec.lines, compiler)
        # Its markup is that of the comments within.
        return compiler.cells(self._spec.model_copy(update={"format": None}))

    def _entries_reader(self) -> _ReadEntries:
        if self._spec.each is not None:
            return self._compile_json(self._spec.each)
        if self._spec.parse is not None:
            return self._compile_pattern(self._spec.parse)
        # What the lines of a comment say may change, and it is the same comment.
        id_ = LINES if self._spec.lines is not None else ""
        return lambda cell: (Entry(cell, self, id=id_),)

    def _compile_pattern(self, expression: str) -> _ReadEntries:
        """Make a comment of each match, and one without author and date of each text between them."""
        pattern = compile_pattern(expression)
        # Behind the groups of a match stand the text of a group that the pattern doesn't have, and the source.
        no_group, source = pattern.groups, pattern.groups + 1
        places = {name: number - 1 for name, number in pattern.groupindex.items()} | {"source": source}
        parts_of = itemgetter(*(places.get(name, no_group) for name in Entry._fields))
        behind = ("", self)

        def read(cell: str) -> list[Entry]:
            entries: list[Entry] = []
            end = 0
            for match in pattern.finditer(cell):
                start, after = match.span()
                if start > end:
                    entries.append(Entry(cell[end:start], self))
                entries.append(Entry._make(parts_of(match.groups("") + behind)))
                end = after
            if end < len(cell):
                entries.append(Entry(cell[end:], self))
            return entries

        return read

    def _compile_json(self, each: Each) -> _ReadEntries:
        """Make comments of a JSON array of objects or texts, or of a single object; other values are ignored."""
        paths = compile_parts(each)

        def read_object(item: dict[str, Any]) -> Entry:
            try:
                entry = Entry(source=self, **find_parts(item, paths))
            except JMESPathError as error:
                problem = f"is an object that a path can't be applied to: {error}"
                entry = Entry(write_json(item), self, problem=problem)
            # If the mapping doesn't find who may read it, the object's flags say it.
            if not entry.private and _is_flagged(item):
                return entry._replace(private=INTERNAL)
            return entry

        def read(cell: str) -> Iterator[Entry]:
            items = read_items(cell)
            if items is None:
                yield Entry(cell, self, problem="is not JSON")
                return
            for item in items:
                if isinstance(item, dict):
                    yield read_object(item)
                elif isinstance(item, str):
                    yield Entry(item, self)
                elif isinstance(item, list):
                    yield Entry(write_json(item), self, problem="is a list")

        return read


def _is_flagged(item: dict[str, Any]) -> bool:
    """Whether a flag of an object says that it is for the team alone."""
    return any(is_internal(name, to_text(item[name])) for name in find_flags(tuple(item)))


def _compile_internal(spec: CommentSource, layout: Layout) -> Holds:
    """Compile whether a row's comments are for the team alone by the names of what they are made of."""
    names = list[str]()
    if spec.each is not None:
        names.append(spec.each.text)
    if spec.beside is not None:
        names.append(spec.beside.in_ or "")
    if any(is_internal(name, alone=True) for name in names):
        return lambda row: True
    refs = {ref for _, text in walk_texts(spec, choices=False) for ref in text.refs}
    places = layout.places_of(ref for ref in refs if is_internal(ref.name, alone=True))
    return lambda row: any(is_filled(row.cells[place]) for place in places)


def _compile_lines(lines: dict[str, Text], compiler: Compiler) -> Callable[[SourceRow], Sequence[str]]:
    """Compile the one text of a row that has a line for each label with a text."""
    labelled = [(label, compiler.cells(text)) for label, text in lines.items()]

    def read(row: SourceRow) -> Sequence[str]:
        written: list[str] = []
        for label, cells in labelled:
            filled = [cell.strip() for cell in cells(row) if is_filled(cell)]
            if filled:
                written.append(f"{label}: {', '.join(filled)}")
        return ("\n".join(written),)

    return read
