"""How well a column suits each field of a draft, by its name and its contents. Pure.

A score is the weight of the column's header, and points for and against it; 0 says that it can't be chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache

from importer.api import CATEGORY_LIMIT, FieldName
from importer.authoring.draft.profile import Column
from importer.mapping.header_names import ENDS, IS, has, is_internal, leaves, names_of, weigh, words_under
from importer.mapping.vocabulary import UNSPACED
from importer.phrases import tokens_of

MARK_LENGTH = 20
"""The most characters of a flag's value."""
_FLATTENED = re.compile(r"\w+(?:\.\w+)+")
"""A path that became the name of a column: `fields.status.statusCategory.name`."""


def header_tokens(column: Column) -> tuple[str, ...]:
    """Return the words that name a column: `status.name` is the status, `fields.summary` the summary."""
    parts = [part.removesuffix("[]") for part in column.place.parts]
    if _FLATTENED.fullmatch(parts[0]):
        parts[:1] = parts[0].split(".")
    tokens = [token for part in parts for token in [tokens_of(part)] if token]
    while len(tokens) > 1 and tokens[0][0] in names_of("wrappers") and len(tokens[0]) == 1:
        tokens = tokens[1:]
    if parts[-1] == "__text__" and len(parts) > 1:  # XML's text
        return tokens_of(parts[-2])
    if len(parts) > 1 and len(tokens) == 1:  # `fields."System.Title"` is one key of several words
        return _unwrapped(tokens[0])
    if len(tokens) > 1 and " ".join(tokens[-1]) in leaves():
        return tokens[-2]
    return tuple(token for part in tokens for token in part)


def _unwrapped(tokens: tuple[str, ...]) -> tuple[str, ...]:
    while len(tokens) > 1 and tokens[0] in names_of("wrappers"):
        tokens = tokens[1:]
    return tokens


def is_leaf(column: Column) -> bool:
    """Whether a column is a field of an object in the record, which is a value and no title."""
    parts = [part for part in column.place.parts if part != "__text__"]
    return len(parts) > 2 or (len(parts) == 2 and not has(tokens_of(parts[0])[:1], "wrappers"))


def is_far_within(column: Column) -> bool:
    """Whether a column is a field of an object in another one: `limits.perCard.status` is no status of the issue."""
    parts = list(column.place.parts)
    while len(parts) > 1 and has(tokens_of(parts[0])[:1], "wrappers"):
        parts = parts[1:]
    return len(parts) > 2 and " ".join(tokens_of(parts[-1])) not in leaves()


def has_leaf(column: Column) -> bool:
    """Whether a column is the field of an object that names the object: `assignee.name`."""
    return len(column.place.parts) > 1 and leaf_rank(column) < len(leaves())


def leaf_rank(column: Column) -> int:
    """Return how well the last key of a column names its object, the best first."""
    leaf = " ".join(tokens_of(column.place.parts[-1]))
    return leaves().index(leaf) if leaf in leaves() else len(leaves())


def holds_internal(column: Column) -> bool:
    """Whether a column has texts for the team alone; `Internal` is one of them if it has more than yes and no."""
    is_flag = column.is_boolean or column.is_number
    return not is_flag and is_internal(column.place.name, alone=column.longest > MARK_LENGTH)


def is_of_another(tokens: Sequence[str], but: Collection[str] = ()) -> bool:
    """Whether the words before the last make it the name, id or type of something else: `assignees type`."""
    things = names_of("other_things").difference(but)
    return any(token in things or token.removesuffix("s") in things for token in tokens[:-1])


VALUES_LISTED = 200
"""The most values that a draft lists one by one; a category with more is kept as written."""
SEVERAL_WEIGHT = 8
"""Columns with a lower weight are tags and the like, several of which may be in one cell."""
NAMED = 10
"""The weight of the words that name the field itself, and not a substitute for it."""
NAMED_AT_END, NAMED_EXACTLY = NAMED + ENDS, NAMED + IS
"""The weights of a header that ends with such a word, and of one that is such a word."""
DONE_WEIGHT = 7
"""The most weight of a header that only says that something is done."""
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
"""Points against values of yes and no under a name that says more than that something is done."""
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


def says_done(column: Column) -> bool:
    """Whether a column is called `Done`, `Fixed?` and the like: a mark in it is the end of the issue."""
    return 0 < weigh(header_tokens(column), "status") <= DONE_WEIGHT


def score_title(column: Column, rows: int) -> float:
    """Score a column as the title; `rows` is the number of all rows."""
    tokens = header_tokens(column)
    score = float(weigh(tokens, "title"))
    if not score or is_leaf(column) or column.is_list or column.is_link or column.is_boolean:
        return 0.0
    if is_of_another(tokens) and score < NAMED_AT_END:
        return 0.0
    if has(tokens, "no_title") or (column.is_number and column.filled > 1):
        return 0.0
    if score < NAMED and looks_like_ids(column) and column.filled > 1:  # `Ticket` of a table with names beside it
        return 0.0
    score += FILLED * column.filled / max(1, rows)
    score -= RARE_TITLE * (column.filled < 0.5 * rows and score < NAMED_EXACTLY)
    score -= PROSE * (column.multiline > 0.2 * column.filled) + PROSE * (column.average > 300)
    if column.filled <= FEW_CELLS:
        return score
    repeats = REPEATING_TITLE * (1 - variety(column)) if score < NAMED_EXACTLY else 0
    return score - max(repeats, FEW_TITLES * (variety(column) < 0.3))


def variety(column: Column) -> float:
    """The share of cells that differ from each other, among the first ones: 1 where all do."""
    return min(column.distinct, VARIETY_CELLS) / min(column.filled, VARIETY_CELLS)


def _is_different_each_time(column: Column) -> bool:
    """Whether nearly all rows have another text, as no field of values has."""
    return column.distinct > 0.8 * column.filled and column.filled > MANY_CELLS


def score_key(column: Column, whole: Column, *, may_repeat: bool = False) -> float:
    """Score a column as the key; `whole` profiles the rows as if each were a cell."""
    score = float(key_weight(column, header_tokens(column)))
    if not score or is_leaf(column) or column.is_list or column.longest > 255 or column.multiline:
        return 0.0
    named = score >= NAMED_KEY  # a key with duplicates is still the key: the check reports the rows
    is_same_row = column.distinct >= 0.99 * whole.distinct  # it repeats where the whole row does
    is_one = column.is_unique or is_same_row or (named and column.distinct >= 0.95 * column.filled)
    if not (is_one or may_repeat) or column.filled < (0.5 if named else 0.99) * whole.filled:
        return 0.0
    return score + FILLED * column.filled / max(1, whole.filled) + READABLE_KEY * (column.share(_READABLE) == 1)


def score_value(column: Column, name: FieldName, judge: Judge) -> float:
    """Score a column as a field of values, by the words for its header and by how many of its values are known."""
    tokens = header_tokens(column)
    score = float(weigh(tokens, name))
    if column.is_free or column.distinct > VALUES_LISTED or column.longest > 200 or column.is_list or column.multiline:
        return 0.0
    if has(tokens, "no_value") or (len(tokens) > 1 and "category" in tokens) or is_far_within(column):
        return 0.0
    if column.date_format() is not None:
        return 0.0
    known = judge(name, column.samples)
    if not score:  # by its values alone
        sure = known >= 0.8 and column.distinct >= 2 and not column.is_boolean and not column.is_number
        return SURE if sure and not is_leaf(column) else 0.0
    score -= YES_OR_NO * (column.is_boolean and score > DONE_WEIGHT)
    score += KNOWN_VALUES * known - UNKNOWN_NUMBERS * (column.is_number and known == 0 and name == "status")
    return score - DIFFERENT_VALUES * _is_different_each_time(column)


def score_category(column: Column, rows: int) -> float:
    """Score a column as the category; `rows` is the number of all rows."""
    tokens = header_tokens(column)
    score = float(weigh(tokens, "category"))
    if not score or has(tokens, "no_value") or column.is_list or column.multiline or column.is_boolean:
        return 0.0
    if column.average > CATEGORY_LIMIT or column.is_link or column.is_number or column.date_format() is not None:
        return 0.0
    if is_of_another(tokens, but=("category", "type")) and score < NAMED_EXACTLY:
        return 0.0
    if score < SEVERAL_WEIGHT and any(separator in text for text in column.samples for separator in ",;|"):
        return 0.0
    score += FILLED_CATEGORY * column.filled / max(1, rows) + LISTED_CATEGORY * (2 <= column.distinct <= VALUES_LISTED)
    score -= LONG_CATEGORY * (column.longest > CATEGORY_LIMIT)
    return score - DIFFERENT_VALUES * _is_different_each_time(column)


def score_description(column: Column) -> float:
    """Score a column as the description."""
    tokens = header_tokens(column)
    score = float(weigh(tokens, "description"))
    if not score or column.is_link or column.is_number or column.is_boolean or has(tokens, "no_description"):
        return 0.0
    listed = any(part.endswith("[]") for part in column.place.parts) and column.place.parts[-1] != "__text__"
    repeated = column.is_list and column.place.ref.kind == "column"  # `Notes` and `Notes` again: comments
    if listed or repeated or (is_leaf(column) and score < NAMED_EXACTLY):
        return 0.0
    score += LONG_DESCRIPTION * (column.average > 40) + LINES_OF_DESCRIPTION * bool(column.multiline)
    return score - OTHER_FORM * has(tokens, "other_form")


def score_named(column: Column, field: str) -> float:
    """Score a column of values by its header alone, which has to name the field."""
    score = weigh(header_tokens(column), field)
    return float(score) if score >= NAMED_AT_END and not column.is_free and not column.is_list else 0.0


def score_date(column: Column, field: str) -> float:
    """Score a column of dates by its header, which has to name the field."""
    score = weigh(header_tokens(column), field)
    is_one = not any(part.endswith("[]") for part in column.place.parts)  # a comment's date is not the issue's
    return float(score) if score >= NAMED_AT_END and is_one and column.date_format() is not None else 0.0


SAYS_IT = 9
"""The weight of a name such as `Legacy ID`, `bug #` or `Ticket`, which the list of words doesn't have."""
NAMED_KEY = 12
"""The least weight of a header that is a usual name for keys, and doesn't merely end with one."""
_LOOKS_LIKE_AN_ID = re.compile(r"(?=\S*\d)[\w#№./:-]{1,64}")


def key_weight(column: Column, tokens: tuple[str, ...]) -> int:
    """How much the name of a column says that it is the key: 0 for none, and for ids of calls, people and the like."""
    words = _words(column, tokens)
    named = " ".join(words)
    if _call().search(named):  # a call is evidence of an issue, and no issue
        return 0
    weight = weigh(words, "key")
    if weight >= NAMED_KEY:
        return weight
    if any(has((word, word.removesuffix("s")), "other_things", "elsewhere") for word in words[:-1]):
        return 0
    if named in names_of("issues"):
        return SAYS_IT if column.share(_LOOKS_LIKE_AN_ID) == 1 else 0
    if not words or words[-1] in names_of("ids"):
        return max(weight, SAYS_IT) if words else 0
    ends = names_of("ids", "id_ends")
    if any(words[-1].endswith(end) and _is_issue(words[-1].removesuffix(end)) for end in ends):
        return SAYS_IT
    is_about = has(words[:1], "ids") and has(words[1:], "issues")  # `Número de caso`, but not `Number of calls`
    return max(weight, SAYS_IT) if is_about else 0


def looks_like_ids(column: Column) -> bool:
    """Whether all texts of a column are one word with a digit: `PROJ-12`, `00017`."""
    return column.share(_LOOKS_LIKE_AN_ID) == 1


def _words(column: Column, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name; `#` is one, and so is the beginning of `N° ticket`, as if it stood behind."""
    name = column.place.parts[-1]
    if begin := re.match(r"(?:[Nn][°º]|[#№])\s*(?=\w)", name):
        return (*tokens_of(name[begin.end() :]), "number")
    return (*tokens, "number") if re.search(r"[#№°º]\s*$", name) else tokens


def _is_issue(word: str) -> bool:
    """Whether the rest of a compound is an issue: `Vorgangs` of `Vorgangsnummer`, `ticket` of `ticketid`."""
    return has((word,), "issues") or (len(word) > 3 and has((word.removesuffix("s"),), "issues"))


@cache
def _call() -> re.Pattern[str]:
    """What makes a column that of ids of calls: words, which those of scripts without spaces may stand within."""
    words = words_under("names", "called")
    spaced = "|".join(word.replace("*", r"\w+") for word in words if not UNSPACED.search(word))
    return re.compile("|".join([rf"(?:^|\s)(?:{spaced})(?:\s|id|$)", *filter(UNSPACED.search, words)]))
