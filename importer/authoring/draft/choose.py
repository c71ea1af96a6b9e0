"""Choosing the columns of a draft: title, status and so on, by their names and contents. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from importer.api import CATEGORY_LIMIT, FieldName
from importer.authoring.draft import words
from importer.authoring.draft.keys import key_weight, looks_like_ids
from importer.authoring.draft.profile import Column, Profile
from importer.authoring.draft.words import LEAVES, NOT_A_VALUE, OTHER_THINGS, WRAPPERS, Weights, tokens_of, weigh
from importer.errors import SourceError
from importer.phrases import listed

VALUES_LISTED = 200
"""The most values that a draft lists one by one; a category with more is kept as written."""
FOOTER_LINES = 25
SEVERAL_WEIGHT = 8
"""Columns with a lower weight are tags and the like, several of which may be in one cell."""
COLUMNS_SHOWN = 40
NAMED = 10
"""The weight of the words that name the field itself, and not a substitute for it."""
NAMED_AT_END, NAMED_EXACTLY = NAMED + words.ENDS, NAMED + words.IS
"""The weights of a header that ends with such a word, and of one that is such a word."""
DONE_WEIGHT = 7
"""The most weight of a header that only says that something is done."""
NAMED_KEY = 12
"""The least weight of a header that is called as keys are, and not merely ends so."""
SURE = 4.0
"""The least score of a column that is chosen. A score is the weight of its header, and points for and against it."""

FILLED, FILLED_CATEGORY = 4, 3
"""Points for a column that is filled in all rows, fewer in proportion: it tells a column from its empty namesake."""
RARE_TITLE = 6
"""Points against a title that less than half of the rows have, such as `Request`."""
PROSE = 4
"""Points against a title whose texts have several lines, and as many if they are long."""
REPEATING_TITLE, FEW_TITLES = 8, 6
"""Points against a title by the share of texts that repeat (`Name`, which is the customer's), or if few differ."""
READABLE_KEY = 2
"""Points for keys that people use, before the numbers of a database."""
KNOWN_VALUES, UNKNOWN_NUMBERS = 3, 3
"""Points for a column by the share of its values that are known words, and against numbers without a known one."""
YES_OR_NO = 6
"""Points against a status of yes and no whose name says more than that something is done."""
DIFFERENT_VALUES = 3
"""Points against a field of values if nearly all rows have another one."""
LISTED_CATEGORY, LONG_CATEGORY = 2, 3
"""Points for a category with few enough values to be listed, and against one that is longer than Triage allows."""
LONG_DESCRIPTION, LINES_OF_DESCRIPTION, OTHER_FORM = 2, 2, 4
"""Points for a description of long texts, and of several lines; against one that is another's HTML or short form."""

VARIETY_CELLS = 50
"""The number of cells whose variety is looked at."""
FEW_CELLS, MANY_CELLS = 5, 20
"""Up to FEW_CELLS say nothing of repeated titles, up to MANY_CELLS nothing of values that all differ."""

_READABLE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z]+)*-?\d+")
"""A key that people use: `PROJ-12`, `DE7`."""

Judge = Callable[[FieldName, Iterable[str]], float]
"""The share of some values that are known words of a field."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The column chosen for a field, and why."""

    column: Column
    reason: str


@dataclass
class Choice:
    """The columns chosen for a draft; None where no column is suitable."""

    title: Pick
    key: Pick | None = None
    description: Pick | None = None
    severity: Pick | None = None
    status: Pick | None = None
    category: Pick | None = None
    status_category: Pick | None = None
    resolution: Pick | None = None
    closed: Pick | None = None
    created: Pick | None = None
    footer: list[Column] = field(default_factory=list)

    @property
    def closing_rule(self) -> Pick | None:
        """The column of closing dates, if it tells better than the status whether a row is done.

        Sections and lists say where a card is, and done cards often stay there.
        """
        if self.closed is None or (self.status and weigh(header_tokens(self.status.column), words.STATUS) >= NAMED):
            return None
        return self.closed

    def uses(self) -> dict[int, str]:
        """Return column number → use, in words."""
        named = {
            name: getattr(self, name)
            for name in ("title", "key", "description", "severity", "status", "category", "status_category")
        }
        used = {column.number: "footer" for column in self.footer}
        for name, pick in named.items():
            if pick is not None:
                used[pick.column.number] = name.replace("_", " ")
        return used

    def value_pick(self, name: FieldName) -> Pick | None:
        """Return the column chosen for a value field."""
        pick: Pick | None = getattr(self, name)
        return pick


def choose(profile: Profile, judge: Judge, name: str) -> Choice:
    """Choose the columns of a draft; `name` is the source's. Raises SourceError if no column can be the title."""
    columns = [column for column in profile.columns if column.filled]
    rows = profile.rows
    title = _best(columns, lambda column: _title(column, rows), "title") or _by_content(columns, rows)
    if title is None:
        raise _no_title(columns, name)
    choice = Choice(title)
    taken = {title.column.number}

    def pick(role: str, score: Callable[[Column], float]) -> Pick | None:
        found = _best([column for column in columns if column.number not in taken], score, role)
        if found is not None:
            taken.add(found.column.number)
        return found

    def pick_value(name: FieldName, weights: Weights) -> Pick | None:
        found = pick(name, lambda column: _value(column, weights, name, judge))
        by_values = found is not None and not weigh(header_tokens(found.column), weights)
        return replace(found, reason="by its values, not by its name") if found and by_values else found

    choice.key = _with_repeats(pick("key", lambda column: _key(column, profile.whole)))
    choice.severity = pick_value("severity", words.SEVERITY)
    choice.status_category = pick("status category", lambda column: _named(column, words.STATUS_CATEGORY))
    choice.status = pick_value("status", words.STATUS)
    choice.category = pick("category", lambda column: _category(column, rows))
    choice.description = pick("description", lambda column: _description(column))
    # These are evidence, and stay in the footer as well.
    evidence = [column for column in columns if column.number not in taken]
    choice.resolution = _best(evidence, lambda column: _named(column, words.RESOLUTION), "resolution")
    choice.closed = _best(evidence, lambda column: _dated(column, words.CLOSED), "closing date")
    choice.created = _best(evidence, lambda column: _dated(column, words.CREATED), "creation date")
    choice.footer = _footer(evidence)
    return choice


def says_done(column: Column) -> bool:
    """Whether a column is called `Done`, `Fixed?` and the like: a mark in it is the end of the issue."""
    return 0 < weigh(header_tokens(column), words.STATUS) <= DONE_WEIGHT


def header_tokens(column: Column) -> tuple[str, ...]:
    """Return the words that name a column: `status.name` is the status, `fields.summary` the summary."""
    parts = [part.removesuffix("[]") for part in column.place.parts]
    tokens = [token for part in parts for token in [tokens_of(part)] if token]
    while len(tokens) > 1 and tokens[0][0] in WRAPPERS and len(tokens[0]) == 1:
        tokens = tokens[1:]
    if parts[-1] == "__text__" and len(parts) > 1:  # XML's text
        return tokens_of(parts[-2])
    if len(parts) > 1 and len(tokens) == 1:  # `fields."System.Title"` is one key of several words
        return _unwrapped(tokens[0])
    if len(tokens) > 1 and " ".join(tokens[-1]) in LEAVES:
        return tokens[-2]
    return tuple(token for part in tokens for token in part)


def _unwrapped(tokens: tuple[str, ...]) -> tuple[str, ...]:
    while len(tokens) > 1 and tokens[0] in WRAPPERS:
        tokens = tokens[1:]
    return tokens


def _is_leaf(column: Column) -> bool:
    """Whether a column is a field of an object in the record, which is a value and no title."""
    parts = [part for part in column.place.parts if part != "__text__"]
    return len(parts) > 2 or (len(parts) == 2 and not WRAPPERS.intersection(tokens_of(parts[0])[:1]))


def _is_far_within(column: Column) -> bool:
    """Whether a column is a field of an object in another one: `limits.perCard.status` is no status of the issue."""
    parts = list(column.place.parts)
    while len(parts) > 1 and WRAPPERS.intersection(tokens_of(parts[0])[:1]):
        parts = parts[1:]
    return len(parts) > 2 and " ".join(tokens_of(parts[-1])) not in LEAVES


def _is_of_another(tokens: Sequence[str], things: frozenset[str] = OTHER_THINGS) -> bool:
    """Whether the words before the last make it the name, id or type of something else: `assignees type`."""
    return any(token in things or token.removesuffix("s") in things for token in tokens[:-1])


def _best(columns: Sequence[Column], score: Callable[[Column], float], role: str) -> Pick | None:
    scored = [(score(column), -column.number, column) for column in columns]
    best = max(scored, key=lambda entry: entry[:2], default=None)
    if best is None or best[0] < SURE:
        return None
    return Pick(best[2], f"its name says {role}")


def _title(column: Column, rows: int) -> float:
    tokens = header_tokens(column)
    score = float(weigh(tokens, words.TITLE))
    if not score or _is_leaf(column) or column.is_list or column.is_link or column.is_boolean:
        return 0.0
    if _is_of_another(tokens) and score < NAMED_AT_END:
        return 0.0
    if set(tokens) & {"id", "url", "date", "count", "number"} or (column.is_number and column.filled > 1):
        return 0.0
    if score < NAMED and looks_like_ids(column) and column.filled > 1:  # `Ticket` of a table with names beside it
        return 0.0
    score += FILLED * column.filled / max(1, rows)
    score -= RARE_TITLE * (column.filled < 0.5 * rows and score < NAMED_EXACTLY)
    score -= PROSE * (column.multiline > 0.2 * column.filled) + PROSE * (column.average > 300)
    if column.filled <= FEW_CELLS:
        return score
    repeats = REPEATING_TITLE * (1 - _variety(column)) if score < NAMED_EXACTLY else 0
    return score - max(repeats, FEW_TITLES * (_variety(column) < 0.3))


def _variety(column: Column) -> float:
    """The share of cells that differ from each other, among the first ones: 1 where all do."""
    return min(column.distinct, VARIETY_CELLS) / min(column.filled, VARIETY_CELLS)


def _is_different_each_time(column: Column) -> bool:
    """Whether nearly all rows have another text, as no field of values has."""
    return column.distinct > 0.8 * column.filled and column.filled > MANY_CELLS


def _by_content(columns: Sequence[Column], rows: int) -> Pick | None:
    """Choose a column of short, varied texts with spaces as the title, if no column is named like one."""

    def score(column: Column) -> float:
        spaced = sum(" " in text for text in column.samples) / max(1, len(column.samples))
        fits = 8 <= column.average <= 200 and not (
            column.multiline or column.is_list or column.is_link or _is_leaf(column)
        )
        if not fits or column.date_format() is not None or spaced < 0.5 or column.filled < 0.8 * rows:
            return 0.0
        is_varied = column.distinct > 0.5 * min(column.filled, VARIETY_CELLS)
        return SURE + _variety(column) if is_varied else 0.0

    found = _best(columns, score, "title")
    return Pick(found.column, "by its values alone: no column has a usual name for titles") if found else None


def _no_title(columns: Sequence[Column], name: str) -> SourceError:
    names = [repr(column.place.name) for column in columns]
    return SourceError(
        f"No column of {name} can be the title: none has a usual name for it, and none holds short texts that differ.\n"
        f"The columns that are filled: {listed(names, COLUMNS_SHOWN) or 'none'}.",
        hint="If one of them is the title all the same, write a mapping by hand, for example like the one that\n"
        "`triage-import mappings show linear` prints.",
    )


def _key(column: Column, whole: Column) -> float:
    score = float(key_weight(column, header_tokens(column)))
    if not score or _is_leaf(column) or column.is_list or column.longest > 255 or column.multiline:
        return 0.0
    named = score >= NAMED_KEY  # a key with duplicates is still the key: the check reports the rows
    is_same_row = column.distinct >= 0.99 * whole.distinct  # it repeats where the whole row does
    is_one = column.is_unique or is_same_row or (named and column.distinct >= 0.95 * column.filled)
    if not is_one or column.filled < (0.5 if named else 0.99) * whole.filled:
        return 0.0
    return score + FILLED * column.filled / max(1, whole.filled) + READABLE_KEY * (column.share(_READABLE) == 1)


def _with_repeats(pick: Pick | None) -> Pick | None:
    """Add to the reason for the key whether its values repeat."""
    if pick is None:
        return None
    repeats = pick.column.filled - pick.column.distinct
    said = f"{repeats:,} of its values occurred before" if not pick.column.is_unique else "no value occurs twice"
    return replace(pick, reason=f"{pick.reason}; {said}")


def _value(column: Column, weights: Weights, name: FieldName, judge: Judge) -> float:
    tokens = header_tokens(column)
    score = float(weigh(tokens, weights))
    if column.is_free or column.distinct > VALUES_LISTED or column.longest > 200 or column.is_list or column.multiline:
        return 0.0
    if NOT_A_VALUE.intersection(tokens) or (len(tokens) > 1 and "category" in tokens) or _is_far_within(column):
        return 0.0
    if column.date_format() is not None:
        return 0.0
    known = judge(name, column.samples)
    if not score:  # by its values alone
        sure = known >= 0.8 and column.distinct >= 2 and not column.is_boolean and not column.is_number
        return SURE if sure and not _is_leaf(column) else 0.0
    score -= YES_OR_NO * (column.is_boolean and score > DONE_WEIGHT)
    score += KNOWN_VALUES * known - UNKNOWN_NUMBERS * (column.is_number and known == 0 and name == "status")
    return score - DIFFERENT_VALUES * _is_different_each_time(column)


def _category(column: Column, rows: int) -> float:
    tokens = header_tokens(column)
    score = float(weigh(tokens, words.CATEGORY))
    if not score or NOT_A_VALUE.intersection(tokens) or column.is_list or column.multiline or column.is_boolean:
        return 0.0
    if column.average > CATEGORY_LIMIT or column.is_link or column.is_number or column.date_format() is not None:
        return 0.0
    if _is_of_another(tokens, OTHER_THINGS - {"category", "type"}) and score < NAMED_EXACTLY:
        return 0.0
    if score < SEVERAL_WEIGHT and any(separator in text for text in column.samples for separator in ",;|"):
        return 0.0
    score += FILLED_CATEGORY * column.filled / max(1, rows) + LISTED_CATEGORY * (2 <= column.distinct <= VALUES_LISTED)
    score -= LONG_CATEGORY * (column.longest > CATEGORY_LIMIT)
    return score - DIFFERENT_VALUES * _is_different_each_time(column)


def _description(column: Column) -> float:
    tokens = header_tokens(column)
    score = float(weigh(tokens, words.DESCRIPTION))
    if not score or column.is_link or column.is_number or column.is_boolean or {"id", "url", "count"} & set(tokens):
        return 0.0
    listed = any(part.endswith("[]") for part in column.place.parts) and column.place.parts[-1] != "__text__"
    repeated = column.is_list and column.place.ref.kind == "column"  # `Notes` and `Notes` again: comments
    if listed or repeated or (_is_leaf(column) and score < NAMED_EXACTLY):
        return 0.0
    score += LONG_DESCRIPTION * (column.average > 40) + LINES_OF_DESCRIPTION * bool(column.multiline)
    return score - OTHER_FORM * bool({"html", "short"} & set(tokens))


def _named(column: Column, weights: Weights) -> float:
    score = weigh(header_tokens(column), weights)
    return float(score) if score >= NAMED_AT_END and not column.is_free and not column.is_list else 0.0


def _dated(column: Column, weights: Weights) -> float:
    score = weigh(header_tokens(column), weights)
    is_one = not any(part.endswith("[]") for part in column.place.parts)  # a comment's date is not the issue's
    return float(score) if score >= NAMED_AT_END and is_one and column.date_format() is not None else 0.0


def _footer(columns: Sequence[Column]) -> list[Column]:
    """Choose up to 25 footer columns: people, dates, links, then other short texts; one field of each object."""
    ranked = [(rank, column) for column in columns if (rank := _footer_rank(column)) is not None]
    best: dict[tuple[str, ...], tuple[tuple[int, int], Column]] = {}
    for _, column in ranked:
        group = column.place.parts[:-1] or column.place.parts
        order = (_leaf_rank(column), column.number)
        if not _has_leaf(column) or group not in best or order < best[group][0]:
            best[group if _has_leaf(column) else column.place.parts] = (order, column)
    kept = {column.number for _, column in best.values()}
    chosen = sorted((rank, column.number, column) for rank, column in ranked if column.number in kept)[:FOOTER_LINES]
    return [column for _, _, column in sorted(chosen, key=lambda entry: entry[1])]


def _has_leaf(column: Column) -> bool:
    return len(column.place.parts) > 1 and _leaf_rank(column) < len(LEAVES)


def _leaf_rank(column: Column) -> int:
    leaf = " ".join(tokens_of(column.place.parts[-1]))
    return LEAVES.index(leaf) if leaf in LEAVES else len(LEAVES)


def _footer_rank(column: Column) -> int | None:
    """Return the priority of a column in the footer, lowest first; None for what is of no use to people."""
    tokens = header_tokens(column)
    nested, leaf = len(column.place.parts), _has_leaf(column)
    if column.longest > 500 or column.multiline > 0.1 * column.filled or nested > 3:
        return None
    if column.is_link:
        own = nested == 1 and " ".join(tokens) in (
            "url",
            "html url",
            "link",
            "web url",
            "permalink",
            "permalink url",
            "issue url",
        )
        return 2 if own or leaf else (None if nested > 1 or tokens[-1] in ("url", "uri", "href") else 5)
    if nested > 1 and not leaf and column.place.parts[0].removesuffix("[]") not in WRAPPERS:
        return None
    if words.PEOPLE.intersection(tokens):
        return None if {"id", "avatar", "count"} & set(tokens) else 0
    if column.date_format() is not None:
        return 1
    if column.is_boolean or {"id", "hash", "position", "order", "color"} & set(tokens):
        return 6 if nested == 1 and not column.is_boolean else None
    return 3 if column.average <= 100 else 4
