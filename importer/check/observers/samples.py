"""Few rows that have most of what there is: those of a canary, and those that the page shows before and after."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from importer.api import PERSON_FIELDS, TEXT_FIELDS, VALUE_FIELDS
from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.phrases import clip_counted, listed
from importer.records import Act
from importer.row.issue import Issue
from importer.transform.plain_text import is_filled
from importer.transform.secrets import find_secrets, mask

if TYPE_CHECKING:
    from importer.sources.source import SourceFile

ISSUES = 5
CANDIDATES = 80
"""Rows that are kept to choose from: each is the first with some value."""
CELLS, CELL, TEXT, COMMENTS = 60, 600, 3000, 3
"""The most cells of a row, characters of a cell and of a text, and comments that are kept of an issue."""


class BeforeAfter(NamedTuple):
    """A row of the source, and the issue that is sent for it. Secrets in its cells are masked.

    cells     header and cell of each filled column; of JSON the record as one text
    fields    field and value of the issue, without title and description
    comments  author, date and text of the first ones
    unshown   the number of comments beside these
    """

    key: str
    cells: Sequence[tuple[str, str]]
    title: str
    description: str
    fields: Sequence[tuple[str, str]]
    comments: Sequence[tuple[str, str, str]]
    unshown: int


class Showcase:
    """Chooses the issues to show: those of these `keys`, else few that together have most values of each field.

    Where the mapping `hides` something of people, the row of the source is not shown.
    """

    def __init__(self, files: Sequence[SourceFile], hides: bool, keys: Collection[str] = ()) -> None:
        self._files, self._hides = files, hides
        self._keys, self._missing = keys, set(keys)
        self._values_shown = set[tuple[object, ...]]()
        self._traits = set[tuple[str, object]]()
        self._candidates: list[tuple[frozenset[tuple[str, object]], BeforeAfter]] = []

    def add(self, run: RowRun) -> None:
        """Add those of a run of rows that would be sent, or are in Triage unchanged, as candidates."""
        # There is no room for more, or all that were asked for are there.
        is_full = not self._missing if self._keys else len(self._candidates) >= CANDIDATES
        if is_full:
            return
        for row in run.rows:
            if not row.body or row.is_left_out:
                continue
            values = _values_of(row.issue)
            if values in self._values_shown and not self._keys:
                continue
            names = {row.key, row.key.partition(":")[2]}
            if self._keys and self._missing.isdisjoint(names):
                continue
            self._missing -= names
            self._values_shown.add(values)
            traits = frozenset(zip((*VALUE_FIELDS, "comments", "links", "flags"), values, strict=True))
            if self._keys or traits - self._traits:
                self._traits |= traits
                self._candidates.append((traits, self._show(run, row)))

    def warnings(self) -> Iterator[str]:
        if self._missing:
            yield f"--show: no row that could be sent has {listed(sorted(self._missing), ISSUES)}"
        if self._keys and len(self._candidates) > ISSUES:
            yield f"--show: report.html has {ISSUES} of these {len(self._candidates):,} issues, and no room for more"

    def _show(self, run: RowRun, row: CheckedRow) -> BeforeAfter:
        body = orjson.loads(row.body)
        title, description = body.pop("title"), body.pop("description")
        fields = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in body.items()]
        comments = row.issue.parts.comments
        first_comments = comments[:COMMENTS]
        return BeforeAfter(
            row.key,
            self._show_cells(row.issue.row.raw, self._files[run.source.file].header),
            title,
            clip_counted(description, TEXT),
            fields,
            [(comment.author, comment.date, clip_counted(comment.text, CELL)) for comment in first_comments],
            len(comments) - len(first_comments),
        )

    def _show_cells(self, raw: Sequence[str] | str, header: Sequence[str] | None) -> list[tuple[str, str]]:
        # Names of people may stand in any of them.
        if self._hides:
            return []
        limit = TEXT if isinstance(raw, str) else CELL
        cells: Iterable[tuple[str, str]]
        if isinstance(raw, str) or header is None:
            cells = _record(raw)
        else:
            filled = ((name, cell) for name, cell in zip(header, raw, strict=False) if is_filled(cell))
            cells = islice(filled, CELLS)
        shown_cells = []
        for name, cell in cells:
            # What is behind isn't shown, and looking for secrets in it takes its time.
            beginning = cell[: 2 * TEXT]
            masked = mask(beginning, find_secrets(beginning))
            shown_cells.append((clip_counted(name, CELL), clip_counted(masked, limit)))
        return shown_cells

    def chosen(self) -> tuple[BeforeAfter, ...]:
        """Choose the issues to show: each adds the most values not shown yet."""
        candidates = list(self._candidates)
        missing = set(self._traits)
        chosen = list[BeforeAfter]()
        while candidates and len(chosen) < ISSUES:
            best = max(range(len(candidates)), key=lambda place: len(candidates[place][0] & missing))
            traits, issue = candidates.pop(best)
            missing -= traits
            chosen.append(issue)
        return tuple(chosen)


def _values_of(issue: Issue) -> tuple[object, ...]:
    """What tells an issue from others on the page: its values, and whether it has comments, links and flags."""
    parts = issue.parts
    has_links = bool(parts.relations or parts.evidence)
    return issue.severity, issue.status, issue.category, bool(parts.comments), has_links, bool(parts.flags)


def _record(raw: Sequence[str] | str) -> list[tuple[str, str]]:
    text = raw if isinstance(raw, str) else "\n".join(raw)
    try:
        return [("", json.dumps(json.loads(text), ensure_ascii=False, indent=1))]
    except (ValueError, RecursionError):  # an integer of thousands of digits is a ValueError too
        return [("", text)]


CANARY_LIMIT = 21
"""Issues of a canary: one alone, then up to twenty."""

LONGEST = ("title", "description", "description in bytes", "comment")
"""Of what a target may keep less than is sent: the row with the most of each is among them."""

Trait = tuple[str, str]
"""A property that creates are sampled by: a field and its value, or a kind of text and ""."""


class CanarySample:
    """Chooses, in the check pass, few creates that together have every trait: a greedy set cover.

    Only the first row of each trait is kept, and no more categories than can be chosen, so that memory stays flat.
    """

    def __init__(self, limit: int = CANARY_LIMIT) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget all rows: the source is read again."""
        self._candidates: dict[str, frozenset[Trait]] = {}
        self._traits: set[Trait] = set()
        self._categories = 0
        self._longest = {name: (0, "", frozenset[Trait]()) for name in LONGEST}

    def add(self, run: RowRun) -> None:
        for row in run.rows:
            if row.body and row.is_new:
                comments = (len(addition.body) for addition in row.additions if addition.act is Act.COMMENT)
                self._add(row.key, orjson.loads(row.body), max(comments, default=0))

    def _add(self, key: str, body: dict[str, Any], comment: int) -> None:
        traits = _traits_of(body)
        new_traits = traits - self._traits
        names = [name for name, _ in new_traits]
        has_category = "category" in names
        has_others = len(names) > has_category
        if has_others or (has_category and self._categories < self._limit):
            self._candidates[key] = traits
            self._traits |= new_traits
            self._categories += has_category
        text = body["description"]
        lengths = (len(body["title"]), len(text), len(text.encode()), comment)
        for name, length in zip(LONGEST, lengths, strict=True):
            if length > self._longest[name][0]:
                self._longest[name] = (length, key, traits)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the chosen rows, the one with the most traits first. Categories give way to everything else."""
        candidates = dict(self._candidates)
        for name, (_, key, traits) in self._longest.items():
            if key:
                candidates[key] = candidates.get(key, traits) | {(f"longest {name}", "")}
        missing = frozenset[Trait]().union(*candidates.values())
        chosen = list[str]()

        def worth(key: str) -> tuple[int, int]:
            new = candidates[key] & missing
            return sum(name != "category" for name, _ in new), len(new)

        # Greedy: the row with the most missing traits comes next.
        while missing and len(chosen) < self._limit:
            chosen.append(max(candidates, key=worth))
            missing -= candidates[chosen[-1]]
        return tuple(chosen)


def _traits_of(body: dict[str, Any]) -> frozenset[Trait]:
    text = body["title"] + body["description"]
    kinds = {
        **{name: name in body for name in PERSON_FIELDS},
        "links": "resource_links" in body,
        "non-ASCII text": not text.isascii(),
        "markup": any(sign in text for sign in "<>&"),
    }
    named = (*VALUE_FIELDS, *(field.name for field in TEXT_FIELDS))
    values = [(name, body[name]) for name in named if name in body]
    return frozenset([*values, *((kind, "") for kind, has in kinds.items() if has)])
