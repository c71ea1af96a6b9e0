"""Reads the comments of a chunk: from repeated columns, journals in one cell, JSON, and objects beside the records."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain, groupby, islice
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeVar

import orjson
from jmespath.exceptions import JMESPathError

from importer.mapping.issue_parts import Comments, CommentSource
from importer.mapping.model import UNDECIDED
from importer.mapping.texts import Text
from importer.records import Comment, Finder, Finding
from importer.transform.columns import Columns, is_filled, read_date
from importer.transform.formats.convert import Converted, convert_all
from importer.transform.json_parts import PartPaths, compile_parts, find_parts, read_items, write_json
from importer.transform.watched_patterns import Searcher, compile_pattern, find_each

_PUBLIC = frozenset({"", "false", "no", "0", "public", "comments", "additional comments"})
"""Texts under `private` that mean a public comment, folded; the last two are ServiceNow's."""

_EPOCH = re.compile(r"([0-9]{10}|[0-9]{13})(?:\.[0-9]{1,9})?")

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
    said: defaultdict[int, list[_Said]] = defaultdict(list)
    for place, source in enumerate(spec.from_):
        cells = _find_cells(source, columns, beside.get(place))
        while some := list(islice(cells, CELLS)):
            read = _read_cells(source, place, [cell for _, cell in some])
            for (row, _), found in zip(some, read, strict=True):
                said[row] += [one for one in found if is_filled(one.text)]
    ordered = {row: _in_order(said[row], columns.date_formats) for row in sorted(said)}
    return _finish(ordered, spec) if ordered else Discussions()


def read_epoch(text: str) -> datetime | None:
    """A Unix time in seconds (10 digits) or milliseconds (13); None for any other text."""
    match = _EPOCH.fullmatch(text.strip())
    if match is None:
        return None
    return datetime.fromtimestamp(float(match[0]) / (1 if len(match[1]) == 10 else 1000), UTC)


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
    filled = filter(any, columns.every_cell(cells))
    return ((row, cell) for column in filled for row, cell in enumerate(column) if is_filled(cell))


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
    parts = itemgetter(*(pattern.groupindex.get(name, 0) for name in _Said._fields[:5]))
    for cell, matches in zip(cells, find_each(pattern, cells), strict=True):
        said: list[_Said] = []
        end = 0
        for match in matches:
            start, after = match.span()
            if start > end:
                said.append(_Said(cell[end:start], place=place))
            said.append(_Said._make((*parts(("", *match.groups(""))), place, "")))  # a part without a group is ""
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
    try:
        return _Said(**find_parts(item, paths), place=place)
    except JMESPathError as error:
        return _Said(write_json(item), problem=f"is an object that a path can't be applied to: {error}", place=place)


def _in_order(said: list[_Said], date_formats: tuple[str, ...]) -> list[_Said]:
    if len(said) < 2:
        return said
    dates = [read_epoch(one.date) or read_date(one.date, date_formats) for one in said]
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
    found, findings = Discussions(), dict[tuple[int, Finding], None]()
    converted = [_convert(source, place, chain.from_iterable(said.values())) for place, source in enumerate(spec.from_)]
    quoted, stripped = _Once(_quote), _Once(str.strip)
    for row, its in said.items():
        comments: list[Comment] = []
        equal: dict[str, int] = {}
        for text, author, date, private, id_, place, problem in its:
            content = _hash(b"%b, %b, %b" % (quoted[author], quoted[date], _quote(text)), equal)
            own = id_ and id_.strip()
            name, content = (_hash(_quote(own), equal), content) if own else (content, "")
            if problem:
                findings[row, _unreadable(problem, spec.from_[place])] = None
            is_private = bool(private) and private.strip().casefold() not in _PUBLIC
            if is_private and spec.private == "drop":
                found.private[row] += 1
                continue
            if is_private and spec.private == UNDECIDED:
                found.undecided.add(row)
            if not problem and (changed := converted[place].get(text)) is not None:
                text = changed.text
                if changed.dropped:
                    found.dropped.setdefault(row, Counter()).update(changed.dropped)
            comments.append(Comment._make((name, stripped[author], stripped[date], text, is_private, content)))
        if comments:
            found.comments[row] = tuple(comments)
    found.findings.extend(findings)
    return found


def _convert(source: CommentSource, place: int, said: Iterable[_Said]) -> Mapping[str, Converted]:
    """The conversions of a source's texts that could be read as the mapping says."""
    if source.format is None:
        return {}
    return convert_all((one.text for one in said if one.place == place and not one.problem), source.format, source.as_)


def _quote(text: str) -> bytes:
    """A text in JSON, in ASCII; what is ASCII already orjson writes in the same way, but for DEL, and far faster."""
    if text.isascii() and "\x7f" not in text:
        return orjson.dumps(text)
    return json.encoder.encode_basestring_ascii(text).encode()


def _hash(written: bytes, equal: dict[str, int]) -> str:
    """The first digits of a hash of texts in JSON, and of their number among equal ones of their row.

    A comment's content is one of its author, date and text in the source, its id one of the source's own. `equal` has
    how many there are by now of each, by the hash of the first.
    """
    first = sha256(b"[%b, 1]" % written).hexdigest()[:16]
    number = equal[first] = equal.get(first, 0) + 1
    return first if number == 1 else sha256(b"[%b, %d]" % (written, number)).hexdigest()[:16]


def _unreadable(problem: str, source: CommentSource) -> Finding:
    beside = source.beside
    place = ", ".join(ref.name for ref in source.refs) if beside is None else beside.in_ or "--comments"
    message = f"a comment in {place} {problem}; it is taken as it is"
    return Finding("comment-unreadable", "comments", message, "compare `each` with the source", place, rejects=False)
