"""Reads the comments of a chunk: from repeated columns, journals in one cell, JSON, and objects beside the records."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from jmespath.exceptions import JMESPathError

from importer.mapping.issue_parts import Comments, CommentSource
from importer.mapping.model import UNDECIDED
from importer.mapping.texts import Text
from importer.records import Comment, Finder, Finding
from importer.transform.columns import Columns, is_filled, read_date
from importer.transform.formats.convert import Converted, convert_all
from importer.transform.json_parts import PartPaths, compile_parts, find_parts, read_items, write_json
from importer.transform.watched_patterns import Searcher, compile_pattern

_PUBLIC = frozenset({"", "false", "no", "0", "public", "comments", "additional comments"})
"""Texts under `private` that mean a public comment, folded; the last two are ServiceNow's."""

_EPOCH = re.compile(r"([0-9]{10}|[0-9]{13})(?:\.[0-9]{1,9})?")

_quote = json.encoder.encode_basestring_ascii

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
        read = _make_reader(source, place)
        for row, cell in _find_cells(source, columns, beside.get(place)):
            said[row] += [one for one in read(cell) if is_filled(one.text)]
    rows = [row for row in sorted(said) for _ in said[row]]
    return _finish(rows, [one for row in sorted(said) for one in _in_order(said[row], columns.date_formats)], spec)


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
        yield from ((row, text) for row, key in enumerate(keys) for text in objects.get(key, ()))
        return
    if source.lines is not None:
        yield from _join_lines(source.lines, columns)
        return
    cells = source.model_copy(update={"format": None})  # its markup is that of the comments within
    for column in columns.every_cell(cells):
        if any(column):  # an export has as many columns as its longest discussion has comments
            yield from ((row, cell) for row, cell in enumerate(column) if is_filled(cell))


def _join_lines(lines: Mapping[str, Text], columns: Columns) -> Iterator[tuple[int, str]]:
    """(row, text) of a comment with a line for each label that has a text."""
    said: defaultdict[int, list[str]] = defaultdict(list)
    for label, text in lines.items():
        for row, cells in enumerate(zip(*columns.every_cell(text), strict=True)):
            if filled := [cell.strip() for cell in cells if is_filled(cell)]:
                said[row].append(f"{label}: {', '.join(filled)}")
    yield from ((row, "\n".join(texts)) for row, texts in sorted(said.items()))


def _make_reader(source: CommentSource, place: int) -> Callable[[str], Iterable[_Said]]:
    """The function that finds the comments in a cell, or in an object beside the records."""
    if source.each is not None:
        paths = compile_parts(source.each)
        return lambda cell: _read_json(cell, paths, place)
    if source.parse is not None:
        pattern = compile_pattern(source.parse)
        groups = itemgetter(*(pattern.groupindex.get(name, 0) for name in _Said._fields[:5]))
        return lambda cell: _read_text(cell, pattern, groups, place)
    id_ = LINES if source.lines is not None else ""  # what its lines say may change, and it is the same comment
    return lambda cell: (_Said(cell, id=id_, place=place),)


def _read_text(
    cell: str, pattern: Searcher, groups: Callable[[Sequence[str]], Iterable[str]], place: int
) -> Iterator[_Said]:
    """A comment for each match, and one without author and date for each text between them.

    `groups` picks the parts of a comment, in order, from the groups of the pattern, of which number 0 is "".
    """
    end = 0
    for match in pattern.finditer(cell):
        if match.start() > end:
            yield _Said(cell[end : match.start()], place=place)
        text, author, date, private, id_ = groups(("", *match.groups("")))
        yield _Said(text, author, date, private, id_, place)
        end = match.end()
    if end < len(cell):
        yield _Said(cell[end:], place=place)


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


def _finish(rows: Sequence[int], said: Sequence[_Said], spec: Comments) -> Discussions:
    """The comments of these rows with their markup converted, and what there is to note of them."""
    unread = [(row, one) for row, one in zip(rows, said, strict=True) if one.problem]
    findings = dict.fromkeys((row, _unreadable(one, spec.from_[one.place])) for row, one in unread)
    found = Discussions(findings=list(findings))
    converted = [_convert(source, place, said) for place, source in enumerate(spec.from_)]
    comments: defaultdict[int, list[Comment]] = defaultdict(list)
    shared = dict[str, str]()  # a discussion has few authors, and days
    for row, (name, content), one in zip(rows, _identify(rows, said), said, strict=True):
        text, author, date, private, _, place, problem = one
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
        author, date = author.strip(), date.strip()
        author, date = shared.setdefault(author, author), shared.setdefault(date, date)
        comments[row].append(Comment(name, author, date, text, is_private, content))
    found.comments.update((row, tuple(its)) for row, its in comments.items())
    return found


def _convert(source: CommentSource, place: int, said: Iterable[_Said]) -> Mapping[str, Converted]:
    """The conversions of a source's texts that could be read as the mapping says."""
    if source.format is None:
        return {}
    return convert_all((one.text for one in said if one.place == place and not one.problem), source.format, source.as_)


def _identify(rows: Sequence[int], said: Sequence[_Said]) -> Iterable[tuple[str, str]]:
    """For each comment an id, and its content where the id is not made from that.

    A content is made from author, date, text in the source, and its number among equal ones of its row; so is an id
    from the source's own.
    """
    contents = _hash_each(zip(rows, [(one.author, one.date, one.text) for one in said], strict=True))
    own = [one.id.strip() for one in said]
    named = iter(_hash_each((row, (each,)) for row, each in zip(rows, own, strict=True) if each))
    return [(next(named), content) if each else (content, "") for each, content in zip(own, contents, strict=True)]


def _hash_each(several: Iterable[tuple[int, tuple[str, ...]]]) -> list[str]:
    """The first digits of a hash of each, and of its number among equal ones of its row."""
    equal, hashes = dict[tuple[int, tuple[str, ...]], int](), []
    for each in several:
        number = equal[each] = equal.get(each, 0) + 1
        named = f"[{', '.join(map(_quote, each[1]))}, {number}]"  # JSON in ASCII, lone surrogates included
        hashes.append(hashlib.sha256(named.encode()).hexdigest()[:16])
    return hashes


def _unreadable(one: _Said, source: CommentSource) -> Finding:
    beside = source.beside
    place = ", ".join(ref.name for ref in source.refs) if beside is None else beside.in_ or "--comments"
    message = f"a comment in {place} {one.problem}; it is taken as it is"
    return Finding("comment-unreadable", "comments", message, "compare `each` with the source", place, rejects=False)
