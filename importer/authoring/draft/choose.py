"""Choosing the columns of a draft: title, status and so on, by their names and contents. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from importer.api import BUILT_IN_CATEGORIES, FieldName
from importer.authoring.draft.column_scores import (
    NAMED,
    SURE,
    VARIETY_CELLS,
    Judge,
    has_leaf,
    header_tokens,
    holds_internal,
    is_leaf,
    leaf_rank,
    score_category,
    score_date,
    score_description,
    score_key,
    score_named,
    score_title,
    score_value,
    variety,
)
from importer.authoring.draft.profile import Column, Profile
from importer.authoring.draft.scorecard import Scorecard, says_changed
from importer.check.duplicates import Repeats
from importer.errors import SourceError
from importer.mapping.header_names import has, names_of, weigh
from importer.phrases import listed
from importer.sources.detect import DELIMITERS
from importer.sources.wrappers import LINE_KEY

FOOTER_LINES = 25
COLUMNS_SHOWN = 40


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
    key_part: Column | None = None
    newest: Column | None = None
    description: Pick | None = None
    severity: Pick | None = None
    status: Pick | None = None
    category: Pick | None = None
    status_category: Pick | None = None
    resolution: Pick | None = None
    closed: Pick | None = None
    created: Pick | None = None
    footer: list[Column] = field(default_factory=list)
    card: Scorecard | None = None

    @property
    def closing_rule(self) -> Pick | None:
        """The column of closing dates, if it tells better than the status whether a row is done.

        Sections and lists say where a card is, and done cards often stay there.
        """
        if self.closed is None or (self.status and weigh(header_tokens(self.status.column), "status") >= NAMED):
            return None
        return self.closed

    def uses(self) -> dict[int, str]:
        """Return column number → use, in words."""
        fields = ("title", "key", "description", "severity", "status", "category", "status_category")
        named = {pick.column.number: name.replace("_", " ") for name in fields if (pick := getattr(self, name))}
        return {**{column.number: "footer" for column in self.footer}, **named}

    def value_pick(self, name: FieldName) -> Pick | None:
        """Return the column chosen for a value field."""
        pick: Pick | None = getattr(self, name)
        return pick


def choose(profile: Profile, judge: Judge, name: str) -> Choice:
    """Choose the columns of a draft; `name` is the source's. Raises SourceError if no column can be the title."""
    columns = _usable(profile)
    rows = profile.rows
    title = _best(columns, lambda column: score_title(column, rows), "title")
    if title is None and len(profile.columns) == 1 and any(map(profile.columns[0].place.name.count, DELIMITERS)):
        raise SourceError(
            f"{name} has a single column, {profile.columns[0].place.name!r}, which looks like several.",
            hint="If the header is further down: the same command with --skip-lines N. If the lines have another "
            "delimiter: with --delimiter CHARACTER",
        )
    title = title or _by_content(columns, rows)
    if title is None:
        raise _no_title(columns, name)
    choice = Choice(title)
    around = {column.number for column in columns if column.place.parts[0] == LINE_KEY}  # of no issue: for the footer
    taken = {title.column.number, *around}

    def pick(role: str, score: Callable[[Column], float]) -> Pick | None:
        found = _best([column for column in columns if column.number not in taken], score, role)
        if found is not None:
            taken.add(found.column.number)
        return found

    def pick_value(name: FieldName) -> Pick | None:
        found = pick(name, lambda column: score_value(column, name, judge))
        by_values = found is not None and not weigh(header_tokens(found.column), name)
        return replace(found, reason="by its values, not by its name") if found and by_values else found

    choice.key = pick("key", lambda column: score_key(column, profile.whole))
    choice.severity = pick_value("severity")
    choice.status_category = pick("status category", lambda column: score_named(column, "status_category"))
    choice.status = pick_value("status")
    choice.category = pick("category", lambda column: score_category(column, rows))
    choice.description = pick("description", lambda column: score_description(column))
    # These are evidence, and stay in the footer as well.
    evidence = [column for column in columns if column.number not in taken - around]
    choice.resolution = _best(evidence, lambda column: score_named(column, "resolution"), "resolution")
    choice.closed = _best(evidence, lambda column: score_date(column, "closed"), "closing date")
    choice.created = _best(evidence, lambda column: score_date(column, "created"), "creation date")
    choice.footer = _footer(evidence)
    return choice


def _usable(profile: Profile) -> list[Column]:
    return [column for column in profile.columns if column.filled and not holds_internal(column)]


def choose_of_card(profile: Profile, judge: Judge, card: Scorecard) -> Choice:
    """Choose the columns of a draft of a scorecard: the criterion decides the title and the category."""
    columns = _usable(profile)
    others = [column for column in columns if column not in card.parts]

    def pick(name: FieldName) -> Pick | None:
        named = [column for column in others if weigh(header_tokens(column), name) >= NAMED]
        return _best(named, lambda column: score_value(column, name, judge), name)

    choice = Choice(Pick(card.criterion, "the criterion, and whose call it was"), card=card)
    choice.key = Pick(card.record, "a call's answer to a criterion") if card.record else None
    choice.description = Pick(card.note, "why it failed") if card.note else None
    choice.severity, choice.status = pick("severity"), pick("status")
    ours = pick("category")
    has_ours = ours is not None and {*map(str.casefold, ours.column.samples)} <= {
        *map(str.casefold, BUILT_IN_CATEGORIES)
    }
    choice.category = ours if has_ours else Pick(card.criterion, "the criterion decides")
    used = [each.column for each in (choice.severity, choice.status, choice.category) if each]
    choice.created = Pick(card.date, "when the call was") if card.date else None
    changed = _best(others, says_changed, "change")
    choice.newest = changed.column if changed else None
    choice.footer = _footer([card.answer, *(column for column in others if column not in used)])
    return choice


def _best(columns: Sequence[Column], score: Callable[[Column], float], role: str) -> Pick | None:
    scored = [(score(column), -column.number, column) for column in columns]
    best = max(scored, key=lambda entry: entry[:2], default=None)
    if best is None or best[0] < SURE:
        return None
    return Pick(best[2], f"its name says {role}")


def _by_content(columns: Sequence[Column], rows: int) -> Pick | None:
    """Choose a column of short, varied texts with spaces as the title, if no column is named like one."""

    def score(column: Column) -> float:
        spaced = sum(" " in text for text in column.samples) / max(1, len(column.samples))
        fits = 8 <= column.average <= 200 and not (
            column.multiline or column.is_list or column.is_link or is_leaf(column)
        )
        if not fits or column.date_format() is not None or spaced < 0.5 or column.filled < 0.8 * rows:
            return 0.0
        is_varied = column.distinct > 0.5 * min(column.filled, VARIETY_CELLS)
        return SURE + variety(column) if is_varied else 0.0

    found = _best(columns, score, "title")
    return Pick(found.column, "by its values alone: no column has a usual name for titles") if found else None


def _no_title(columns: Sequence[Column], name: str) -> SourceError:
    names = [repr(column.place.name) for column in columns]
    return SourceError(
        f"No column of {name} can be the title: none has a usual name for it, or enough short texts that differ.\n"
        f"The columns that are filled: {listed(names, COLUMNS_SHOWN) or 'none'}.",
        hint="If one of them is the title all the same, write two lines into mine.yaml, `extends: bug-list` and\n"
        "`title: {column: NAME}`, and give it with -m mine.yaml to `validate`.",
    )


def settle_key(choice: Choice, profile: Profile, find: Callable[[Pick], Repeats]) -> None:
    """Say what it means that the values of the key repeat, as `find` sees it, or choose a column whose values do."""
    used = {number for number, use in choice.uses().items() if use not in ("footer", "key")}
    others = [column for column in profile.columns if not (column.number in used or holds_internal(column))]
    pick = choice.key or _best(others, lambda column: score_key(column, profile.whole, may_repeat=True), "key")
    if pick is None or pick.column.is_unique:
        choice.key = pick and replace(pick, reason=f"{pick.reason}; no value occurs twice")
        return
    found, by_name = find(pick), {column.place.name: column for column in profile.columns if column.place.name}
    choice.key_part = by_name.get(found.part)
    if choice.key is None and found.are_issues and choice.key_part is None:
        return  # each row is an issue: its content is the key
    if not choice.description or choice.description.column.distinct <= pick.column.distinct:
        choice.newest = by_name.get(found.newest)
    more = f", {found.others:,} with another title" if found.others else ""
    said = f"{found.rows:,} of its values occurred before{more}"
    choice.key = replace(pick, reason=f"{pick.reason}; {said}")
    choice.footer = [column for column in choice.footer if column is not pick.column]


def _footer(columns: Sequence[Column]) -> list[Column]:
    """Choose up to 25 footer columns: people, dates, links, then other short texts; one field of each object."""
    ranked = [(rank, column) for column in columns if (rank := _footer_rank(column)) is not None]
    best: dict[tuple[str, ...], tuple[tuple[int, int], Column]] = {}
    for _, column in ranked:
        group = column.place.parts[:-1] or column.place.parts
        order = (leaf_rank(column), column.number)
        if not has_leaf(column) or group not in best or order < best[group][0]:
            best[group if has_leaf(column) else column.place.parts] = (order, column)
    kept = {column.number for _, column in best.values()}
    chosen = sorted((rank, column.number, column) for rank, column in ranked if column.number in kept)[:FOOTER_LINES]
    return [column for _, _, column in sorted(chosen, key=lambda entry: entry[1])]


def _footer_rank(column: Column) -> int | None:
    """Return the priority of a column in the footer, lowest first; None for what is of no use to people."""
    tokens = header_tokens(column)
    nested, leaf = len(column.place.parts), has_leaf(column)
    if column.longest > 500 or column.multiline > 0.1 * column.filled or nested > 3:
        return None
    if column.is_link:
        own = nested == 1 and " ".join(tokens) in names_of("addresses")
        return 2 if own or leaf else (None if nested > 1 or tokens[-1] in names_of("other_addresses") else 5)
    if nested > 1 and not leaf and column.place.parts[0].removesuffix("[]") not in names_of("wrappers"):
        return None
    if has(tokens, "people"):
        return None if has(tokens, "no_person") else 0
    if column.date_format() is not None:
        return 1
    if column.is_boolean or has(tokens, "little_use"):
        return 6 if nested == 1 and not column.is_boolean else None
    return 3 if column.average <= 100 else 4
