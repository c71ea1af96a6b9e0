"""Reads the comments of a chunk: from repeated columns, journals in one cell, JSON, and objects beside the records."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, groupby, islice
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeVar

import orjson
from jmespath.exceptions import JMESPathError

from importer.mapping.header_names import find_flags, has_internal_header, is_internal
from importer.mapping.issue_parts import Comments, CommentSource
from importer.mapping.model import UNDECIDED
from importer.mapping.patterns import Searcher, compile_pattern
from importer.mapping.texts import Text, walk_texts
from importer.records import Comment, Finder, Finding, from_columns
from importer.transform.cell_parts import PartPaths, compile_parts, find_parts, read_items, to_text, write_json
from importer.transform.columns import Columns
from importer.transform.dates import read_time
from importer.transform.formats.convert import Converted, convert_all
from importer.transform.plain_text import is_filled

INTERNAL = "internal"
"""What stands under `private` if a column's name or a flag says it, not what the mapping reads."""

CELLS = 512
"""Cells that are read at a time: a row may have any number of comments."""

Changed = TypeVar("Changed")

LINES = "lines"
"""In place of the source's id of a comment that is made of the row's columns."""


@dataclass(frozen=True, slots=True)
class Discussions:
    """The comments of a chunk; rows without any are absent everywhere.

    comments   row → its comments in order
    findings   rows with a comment that could not be read as the mapping says; it is taken as it is
    private    row → how many of its comments were left out because they are for the team alone
    undecided  rows with such comments, where the mapping doesn't say whether they are sent
    dropped    row → the parts of markup that a conversion could not keep, and how often
    """

    comments: dict[int, tuple[Comment, ...]] = field(default_factory=dict)
    findings: list[tuple[int, Finding]] = field(default_factory=list)
    private: Counter[int] = field(default_factory=Counter)
    undecided: set[int] = field(default_factory=set)
    dropped: dict[int, Counter[str]] = field(default_factory=dict)


class _Said(NamedTuple):
    """A comment as the source has it.

    id       the source's own id of it
    place    index of its source in `comments: from`
    problem  why it could not be read as the mapping says; the text then is the whole cell or object
    """

    text: str
    author: str = ""
    date: str = ""
    private: str = ""
    id: str = ""
    place: int = 0
    problem: str = ""


def read_comments(spec: Comments, columns: Columns, beside: Mapping[int, Finder]) -> Discussions:
    """Read the comments of a chunk from all sources; `beside` has the finders of those beside the records.

    A row's comments are sorted by date if all of its dates can be read; otherwise each source's are, and if that fails
    too they stay in the order of the file.
    """
    said: dict[int, list[_Said]] = {}
    for place, source in enumerate(spec.from_):
        cells, internal = _find_cells(source, columns, beside.get(place)), _find_internal(source, columns)
        while some := list(islice(cells, CELLS)):
            read = _read_cells(source, place, [cell for _, cell in some])
            for (row, _), found in zip(some, read, strict=True):
                filled = [one for one in found if is_filled(one.text)]
                if row in internal:
                    filled = [one if one.private else one._replace(private=INTERNAL) for one in filled]
                if row in said:
                    said[row] += filled
                elif filled:
                    said[row] = filled
    ordered = {row: _in_order(said[row], columns.date_formats) for row in sorted(said)}
    return _finish(ordered, spec) if ordered else Discussions()


def _find_cells(source: CommentSource, columns: Columns, finder: Finder | None) -> Iterator[tuple[int, str]]:
    """(row, text) of each filled cell, or of each object beside the records, in the order of the file."""
    if source.beside is not None:
        keys = [text.strip() for text in columns.text(source.beside.key)]
        objects = finder(list(dict.fromkeys(filter(None, keys)))) if finder is not None else {}
        return ((row, text) for row, key in enumerate(keys) for text in objects.get(key, ()))
    if source.lines is not None:
        return _join_lines(source.lines, columns)
    cells = source.model_copy(update={"format": None})  # its markup is that of the comments within
    # An export has as many columns as its longest discussion has comments.
    filled = columns.cells_with_text(cells)
    return ((row, cell) for column in filled for row, cell in enumerate(column) if cell and not cell.isspace())


def _find_internal(source: CommentSource, columns: Columns) -> Collection[int]:
    """The rows whose comments are for the team alone by the names of what they are made of.

    What a comment says of itself goes before.
    """
    names = [source.each.text if source.each else "", source.beside.in_ or "" if source.beside else ""]
    if any(is_internal(name, alone=True) for name in names):
        return range(len(columns))
    refs = {ref for _, text in walk_texts(source, choices=False) for ref in text.refs}
    cells = [column for ref in refs if is_internal(ref.name, alone=True) for column in columns.cells(ref)]
    return {row for column in cells for row, text in enumerate(column) if is_filled(text)}


def _join_lines(lines: Mapping[str, Text], columns: Columns) -> Iterator[tuple[int, str]]:
    """(row, text) of a comment with a line for each label that has a text."""
    said: defaultdict[int, list[str]] = defaultdict(list)
    for label, text in lines.items():
        for row, cells in enumerate(zip(*columns.every_cell(text), strict=True)):
            if filled := [cell.strip() for cell in cells if is_filled(cell)]:
                said[row].append(f"{label}: {', '.join(filled)}")
    return ((row, "\n".join(texts)) for row, texts in sorted(said.items()))


def _read_cells(source: CommentSource, place: int, cells: Sequence[str]) -> Iterable[Iterable[_Said]]:
    """The comments in each cell, or in each object beside the records."""
    if source.each is not None:
        paths = compile_parts(source.each)
        return (_read_json(cell, paths, place) for cell in cells)
    if source.parse is not None:
        return _read_texts(cells, compile_pattern(source.parse), place)
    id_ = LINES if source.lines is not None else ""  # what its lines say may change, and it is the same comment
    return ((_Said(cell, id=id_, place=place),) for cell in cells)


def _read_texts(cells: Sequence[str], pattern: Searcher, place: int) -> Iterator[Iterable[_Said]]:
    """Of each cell a comment for each match, and one without author and date for each text between them."""
    rest = "", place, ""  # of a part without a group, of the place, and of the problem
    groups = [pattern.groupindex.get(name, pattern.groups + 1) - 1 for name in _Said._fields[:5]]
    parts = itemgetter(*groups, pattern.groups + 1, pattern.groups + 2)
    for cell in cells:
        said: list[_Said] = []
        end = 0
        for match in pattern.finditer(cell):
            start, after = match.span()
            if start > end:
                said.append(_Said(cell[end:start], place=place))
            said.append(_Said._make(parts(match.groups("") + rest)))
            end = after
        if end < len(cell):
            said.append(_Said(cell[end:], place=place))
        yield said


def _read_json(cell: str, paths: PartPaths, place: int) -> Iterator[_Said]:
    """The comments in a JSON array of objects or texts, or in a single object; other values are ignored."""
    items = read_items(cell)
    if items is None:
        yield _Said(cell, problem="is not JSON", place=place)
        return
    for item in items:
        if isinstance(item, dict):
            yield _read_object(item, paths, place)
        elif isinstance(item, str):
            yield _Said(item, place=place)
        elif isinstance(item, list):
            yield _Said(write_json(item), problem="is a list", place=place)


def _read_object(item: dict[str, Any], paths: PartPaths, place: int) -> _Said:
    """A comment in an object; if the mapping doesn't find who may read it, the object's flags say it."""
    try:
        said = _Said(**find_parts(item, paths), place=place)
    except JMESPathError as error:
        problem = f"is an object that a path can't be applied to: {error}"
        said = _Said(write_json(item), problem=problem, place=place)
    is_flagged = any(is_internal(name, to_text(item[name])) for name in find_flags(tuple(item)))
    return said._replace(private=INTERNAL) if is_flagged and not said.private else said


def _in_order(said: list[_Said], date_formats: tuple[str, ...]) -> list[_Said]:
    if len(said) < 2:
        return said
    dates = [read_time(one.date, date_formats) for one in said]
    known = [date for date in dates if date is not None]
    if len(known) < len(said):
        sources = [list(same) for _, same in groupby(said, key=attrgetter("place"))]
        return [one for same in sources for one in _in_order(same, date_formats)] if len(sources) > 1 else said
    return [said[place] for place in sorted(range(len(said)), key=known.__getitem__)]


class _Once(dict[str, Changed]):
    """What becomes of a text, made once: a discussion has few authors, and days."""

    def __init__(self, change: Callable[[str], Changed]) -> None:
        self._change = change

    def __missing__(self, text: str) -> Changed:
        self[text] = changed = self._change(text)
        return changed


def _finish(said: Mapping[int, Sequence[_Said]], spec: Comments) -> Discussions:
    """The comments of these rows with their markup converted, and what there is to note of them."""
    rows, every = [row for row, its in said.items() for _ in its], list(chain.from_iterable(said.values()))
    its_texts, authors, dates, privates, ids, places, problems = zip(*every, strict=True)
    texts, found, is_dropped = list(its_texts), Discussions(), spec.private == "drop"
    # An object says by its flags who may read it; of a plain text only what stands above it can.
    cells = [source.each is None for source in spec.from_]
    is_private = [
        is_internal("visibility", own) if own else cells[place] and has_internal_header(text)
        for own, place, text in zip(privates, places, its_texts, strict=True)
    ]
    for number, (text, dropped) in sorted(_convert(spec, its_texts, places, problems).items()):
        texts[number] = text
        # Nobody misses the markup of a comment that isn't sent.
        if dropped and not (is_dropped and is_private[number]):
            found.dropped.setdefault(rows[number], Counter()).update(dropped)
    if any(problems):
        told = ((row, place, problem) for row, place, problem in zip(rows, places, problems, strict=True) if problem)
        findings = ((row, _unreadable(problem, spec.from_[place])) for row, place, problem in told)
        found.findings.extend(dict.fromkeys(findings))
    quoted = _Once(_quote)
    said_so = zip(authors, dates, its_texts, strict=True)
    # By the text as the source has it: a better conversion must not make another comment of it.
    written = [b"[%b, %b, %b" % (quoted[author], quoted[date], _quote(text)) for author, date, text in said_so]
    names, contents = _identify(ids, _hash(written, rows), rows)
    stripped = _Once(str.strip).__getitem__
    columns: dict[str, Iterable[object]] = {"id": names, "text": texts, "is_private": is_private, "content": contents}
    columns |= {"author": map(stripped, authors), "date": map(stripped, dates)}
    comments = from_columns(len(every), Comment("", "", "", ""), columns)
    for row, its in said.items():
        found.comments[row] = tuple(islice(comments, len(its)))
    if any(is_private):
        _sort_out_private(found, spec)
    return found


def _sort_out_private(found: Discussions, spec: Comments) -> None:
    """Leave comments for the team alone out where the mapping says so, or note their rows where it doesn't."""
    for row, its in list(found.comments.items()):
        public = tuple(comment for comment in its if not comment.is_private)
        if len(public) == len(its):
            continue
        if spec.private == UNDECIDED:
            found.undecided.add(row)
        elif spec.private == "drop":
            found.private[row] = len(its) - len(public)
            found.comments[row] = public
            if not public:
                del found.comments[row]


def _convert(
    spec: Comments, texts: Sequence[str], places: Sequence[int], problems: Sequence[str]
) -> dict[int, Converted]:
    """The comments of which a conversion changes the text, by number; what could not be read is left as it is."""
    changes = dict[int, Converted]()
    for place in set(places):
        source = spec.from_[place]
        if source.format is not None:
            each = enumerate(zip(places, problems, strict=True))
            numbers = [number for number, (its_place, problem) in each if its_place == place and not problem]
            changed = convert_all([texts[number] for number in numbers], source.format, source.as_)
            changes |= {numbers[index]: converted for index, converted in changed.items()}
    return changes


def _identify(ids: Sequence[str], contents: list[str], rows: Sequence[int]) -> tuple[list[str], list[str]]:
    """The id of each comment, and its content where that is another.

    `contents` identify a comment by what it says, who says it, and when.
    """
    own = {number: id_ for number, id_ in enumerate(map(str.strip, ids)) if id_}
    if not own:
        return contents, [""] * len(ids)
    hashed = _hash([b"[" + _quote(id_) for id_ in own.values()], [rows[number] for number in own])
    named = dict(zip(own, hashed, strict=True))
    names = [named.get(number, content) for number, content in enumerate(contents)]
    return names, [content if number in named else "" for number, content in enumerate(contents)]


def _quote(text: str) -> bytes:
    """A text in JSON, in ASCII; what is ASCII already orjson writes in the same way, but for DEL, and far faster."""
    if text.isascii() and "\x7f" not in text:
        return orjson.dumps(text)
    return json.encoder.encode_basestring_ascii(text).encode()


def _hash(written: Sequence[bytes], rows: Sequence[int]) -> list[str]:
    """The first digits of a hash of each of these texts in JSON, and of its number among equal ones of its row.

    A comment's content is one of its author, date and text in the source, its id one of the source's own.
    """
    hashes = [sha256(each + b", 1]").hexdigest()[:16] for each in written]
    if len(set(hashes)) == len(hashes):  # as nearly always
        return hashes
    equal = Counter[tuple[int, str]]()
    for place, pair in enumerate(zip(rows, hashes, strict=True)):
        equal[pair] += 1
        if equal[pair] > 1:
            hashes[place] = sha256(b"%b, %d]" % (written[place], equal[pair])).hexdigest()[:16]
    return hashes


def _unreadable(problem: str, source: CommentSource) -> Finding:
    beside = source.beside
    place = ", ".join(ref.name for ref in source.refs) if beside is None else beside.in_ or "--comments"
    message = f"a comment in {place} {problem}; it is used as plain text"
    return Finding("comment-unreadable", "comments", message, "compare `each` with the source", place, rejects=False)
