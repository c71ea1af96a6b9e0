"""A draft, and its YAML with a reason on each line. Pure text; everything that comes from the source is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from importer.api import DESCRIPTION_LIMIT, TITLE_LIMIT, VALUE_FIELDS, FieldName
from importer.authoring.draft.belongings import Belongings, find_belongings, markup_of, source_of
from importer.authoring.draft.choose import Choice
from importer.authoring.draft.column_scores import header_tokens
from importer.authoring.draft.profile import Column, Profile
from importer.authoring.draft.values import Value, clip_line, is_listed
from importer.authoring.proposals import DEFAULT_CATEGORY
from importer.authoring.suggest import as_comment, entry
from importer.check.observers.untyped import category_source
from importer.mapping.model import UNDECIDED
from importer.mapping.scorecards import ANSWER, NAME, NOTE, RECORD
from importer.mapping.vocabulary import TitleCount, meaning
from importer.mapping.yaml_tree import as_placeholder, quote
from importer.phrases import counted
from importer.sources.command_line import CommandLine


@dataclass(frozen=True)
class Draft:
    """What is written into a drafted mapping, and the use of each column; `beside` are columns of `--comments`."""

    profile: Profile
    choice: Choice
    values: Sequence[Value]
    titles: TitleCount
    beside: Sequence[Column] = ()

    @property
    def open(self) -> list[Value]:
        """The undecided values."""
        return [value for value in self.values if not value.decided]

    @property
    def untitled(self) -> int:
        """How many rows have no title: a check rejects them."""
        return max(0, self.profile.rows - self.choice.title.column.filled)

    @cached_property
    def belongings(self) -> Belongings:
        """People, comments, relations and calls, in columns that are no fields."""
        choice = self.choice
        chosen = {number for number, use in choice.uses().items() if use != "footer"}
        others = [column for column in self.profile.columns if column.number not in chosen]
        prose = [choice.description.column] if choice.description else []
        return find_belongings(others, choice.key.column if choice.key else None, prose, self.beside)

    @cached_property
    def uses(self) -> dict[int, str]:
        """Column number → use, in words; not that of the columns that are half read."""
        belongings = self.belongings
        return {**belongings.uses, **self.choice.uses(), **dict.fromkeys(belongings.taken, "comment")}

    def half_read(self) -> Iterator[Column]:
        """Yield unused columns of objects of which something is used, which `rest` passes over; not of comments."""
        filled = [column for column in self.profile.columns if column.filled and len(column.place.parts) > 1]
        read = {column.place.parts[0] for column in filled if self.uses.get(column.number, "comment") != "comment"}
        yield from (column for column in filled if column.number not in self.uses and column.place.parts[0] in read)


SAMPLES_SHOWN = 3
SAMPLE_LENGTH = 40
COLUMN_LINES = 400
COLUMN_LENGTH = 120


def column_lines(profile: Profile, uses: dict[int, str]) -> list[str]:
    """Return comment lines, one for each column: its use and its contents."""
    lines = ["# The columns, with what is in them:"]
    for column in profile.columns[:COLUMN_LINES]:
        use = uses.get(column.number, "not used")
        lines.append(f"{column_line(column)}: {use}. {describe(column, profile.rows)}")
    more = len(profile.columns) - COLUMN_LINES
    if more > 0 or profile.left:
        lines.append(f"# … and {counted(max(more, 0) + profile.left, 'more column')}")
    return lines


def column_line(column: Column) -> str:
    """Return the beginning of the comment line of a column."""
    return f"#   {quote(clip_line(column.place.name, COLUMN_LENGTH))}"


def describe(column: Column, rows: int) -> str:
    """Return the contents of a column on one line: `98 % filled, 12 values; "Open", "Done"`."""
    if not column.filled:
        return "Empty"
    share = "filled" if column.filled >= rows else f"{max(1, int(100 * column.filled / rows))} % filled"
    many = f"over {column.distinct:,} values" if column.is_free and not column.is_unique else None
    texts = "all different" if column.is_unique and column.filled > 1 else many or counted(column.distinct, "value")
    form = column.date_format()
    kind = "dates" if form == "" else f"dates like {form}" if form else "numbers" if column.is_number else ""
    kind = "links" if column.is_link else "lists" if column.is_list else kind
    length = f"up to {counted(column.longest, 'character')}" if column.longest > SAMPLE_LENGTH else ""
    samples = [quote(clip_line(text, SAMPLE_LENGTH)) for text in list(column.samples)[:SAMPLES_SHOWN]]
    said = ", ".join(filter(None, (share, kind, texts, length)))
    return f"{said[:1].upper()}{said[1:]}; {', '.join(samples)}"


LABEL_LENGTH = 60
ORDER_USE = "for `run --order oldest-first`"
_HEAD = """\
# Drafted from {files}: {rows}, {columns}.
# The comments give the reason for each choice, as the file shows it; correct what is wrong.{open}
# Then: {command}
"""
_OPEN = """
# {} `?`: the file doesn't say what {}. `run` refuses to start until {} decided: here,
# or in the column `decision` of {}, which wins over this file."""


def write_mapping(
    draft: Draft, files: Sequence[str], mapping: str, table: str, name: str, options: Mapping[str, str]
) -> str:
    """Return the YAML of the mapping. `options` are keys of `input` that were given on the command line."""
    count, newest, card = len(draft.open), draft.choice.newest, draft.choice.card
    states = "two answers to the same may differ: the newer one counts" if card else "its rows are states of one issue"
    said = (
        ("One target is", "it becomes", "it is") if count == 1 else (f"{count} targets are", "they become", "each is")
    )
    opened = _OPEN.format(*said, as_comment(table)) if count else ""
    shown = ", ".join(map(as_comment, files))
    head = _HEAD.format(
        files=shown,
        rows=counted(draft.profile.rows, "row"),
        columns=counted(len(draft.profile.columns), "column"),
        open=opened,
        command=as_comment(CommandLine(tuple(files)).repeat("validate", "-m", mapping)),
    )
    blocks = [
        [f"decisions: {quote(table)}"],
        _input(draft, name, options),
        *([[f"duplicates: {{newest: {{{source_of(newest)}}}}} # {states}"]] if newest else []),
        list(card.head_lines()) if card else [],
        card.recurring_lines() if card else [],
        _title(draft),
        _description(draft),
        *(list(_field(draft, field)) for field in VALUE_FIELDS),
        _evidence(draft),
        _created(draft),
        *([card.evidence_lines()] if card else draft.belongings.lines),
        ["rest: footer # each column, or key of a record, that nothing else in this file reads"],
        _footer(draft),
        column_lines(
            draft.profile, {**dict.fromkeys((each.number for each in draft.half_read()), "footer"), **draft.uses}
        ),
    ]
    return head + "\n" + "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _input(draft: Draft, name: str, options: Mapping[str, str]) -> list[str]:
    key, card = draft.choice.key, draft.choice.card
    later = "the files of all nights" if card and card.recurs else "later exports of the same tracker"
    lines = ["input:", f"  name: {quote(name)} # part of every key: keep it for {later}"]
    if card is not None and card.recurs:
        lines += ["  key: {content: true} # not used: the texts under `group` are the key"]
    elif key is None:
        lines += ["  key: {content: true} # no column with a usual name for keys differs in every row"]
    else:
        both = " ".join(as_placeholder(column.place.ref) for column in (draft.choice.key_part, key.column) if column)
        text = f"template: {quote(both)}" if draft.choice.key_part else source_of(key.column)
        empty = draft.profile.rows - key.column.filled
        lines += ["  key:", f"    {text} # {key.reason}"] if empty > 0 else [f"  key: {{{text}}} # {key.reason}"]
        lines += [f"    content: true # {counted(empty, 'row')} without it"] if empty > 0 else []
    lines += [f"  {option}: {quote(value)}" for option, value in options.items()]
    formats = {form: column.other_date_format() for column in _dated(draft) if (form := column.date_format())}
    notes = {form: f" # or {quote(other)}: of no date is it sure" for form, other in formats.items() if other}
    return lines + (["  dates:", *(f"    - {quote(form)}{notes.get(form, '')}" for form in formats)] if formats else [])


def unsure_dates(draft: Draft) -> Column | None:
    """The first column of dates that are read, but don't show whether the day or the month comes first."""
    return next((column for column in _dated(draft) if column.other_date_format()), None)


def _dated(draft: Draft) -> list[Column]:
    picks = (draft.choice.closed, draft.choice.created)
    newest = filter(None, [draft.choice.newest])
    return [*(pick.column for pick in picks if pick is not None), *newest, *draft.choice.footer]


def _title(draft: Draft) -> list[str]:
    pick, card = draft.choice.title, draft.choice.card
    if card is not None:
        return ["title:", f"  template: {quote(card.title())} # {pick.reason}", "  too_long: shorten"]
    empty = f"; {counted(draft.untitled, 'row')} without one, to be rejected" if draft.untitled else ""
    lines = ["title:", f"  {source_of(pick.column)} # {pick.reason}{empty}"]
    if pick.column.longest > TITLE_LIMIT:
        note = f"up to {pick.column.longest:,} characters; the full title opens the description"
        lines.append(f"  too_long: shorten # {note}")
    return lines


def _description(draft: Draft) -> list[str]:
    pick = draft.choice.description
    if pick is None:
        return []
    lines = ["description:", f"  {source_of(pick.column)} # {pick.reason}"]
    if form := markup_of(pick.column):
        lines.append(f"  format: {form} # its texts contain such markup")
    if draft.choice.card is not None:
        lines.append("  too_long: continue # in comments: a later night's note may be long")
    elif pick.column.longest > DESCRIPTION_LIMIT - 1000:
        lines.append(f"  too_long: continue # up to {pick.column.longest:,} characters; the rest goes on in comments")
    return lines


def _field(draft: Draft, field: FieldName) -> Iterator[str]:
    pick, own = draft.choice.value_pick(field), [value for value in draft.values if value.field == field]
    yield f"{field}:"
    if pick is not None:
        yield f"  {source_of(pick.column)} # {pick.reason}; {counted(pick.column.distinct, 'value')}"
    if field == "severity" and draft.choice.card is not None:
        yield from draft.choice.card.severity_rules()
    if field == "status" and draft.choice.closing_rule is not None:
        why = "where a card lies says less than its closing date" if pick else "no column says the status"
        yield f"  rules: # {why}"
        yield f"    - when: {{{source_of(draft.choice.closing_rule.column)}, filled: true}}"
        yield "      then: done"
    if not is_listed(draft.choice, field):
        yield "  keep_unknown: true # too many to list"
    listed = [value for value in own if value.value]
    if listed:
        yield "  values:"
    for value in listed:
        yield f"    {entry(value.value, scalar(target_of(value)))} # {reason_of(value)}"
    if field == "severity" and draft.choice.card is not None and listed and all(map(_is_a_word, listed)):
        yield "  words: all # a later night may have others"
    nothing = next((value for value in own if not value.value), None)
    if nothing is not None:
        yield f"  missing: {scalar(target_of(nothing))} # {reason_of(nothing)}"
    elif field == "category" and not is_listed(draft.choice, field):
        yield f"  missing: {DEFAULT_CATEGORY}"
    if field == "category":
        yield from _other_categories(draft)


def _is_a_word(value: Value) -> bool:
    """Whether a severity is decided by nothing but the vocabulary."""
    word = meaning("severity", value.value)
    return value.decided and word is not None and word.target == value.proposal


def _other_categories(draft: Draft) -> Iterator[str]:
    """What else may say a category, for a person to decide on."""
    uses = {number for number, use in draft.choice.uses().items() if use != "footer"}
    others = [column for column in draft.profile.columns if column.filled and column.number not in uses]
    places = [column for column in others if category_source(column.place.name)]
    if draft.choice.category is None and places:
        said = category_source(places[0].place.name)
        yield "  # A column may say it; without its `#` the next line takes it from there."
        yield f"  #{as_comment(said)}"
    if draft.titles.found:
        yield f"  # {as_comment(str(draft.titles))}."
        yield "  # Without its `#` the next line takes them."
        yield f"  #titles: {{{as_comment(source_of(draft.choice.title.column))}}}"


def _evidence(draft: Draft) -> list[str]:
    found = {"resolution": draft.choice.resolution, "closed": draft.choice.closed}
    lines = [f"  {name}: {{{source_of(pick.column)}}}" for name, pick in found.items() if pick is not None]
    return ["evidence: # read only to propose what a new status becomes", *lines] if lines else []


def _created(draft: Draft) -> list[str]:
    pick, card = draft.choice.created, draft.choice.card
    use = "a finding from after the end of its issue may reopen it" if card and card.recurs else ORDER_USE
    return [f"created: {{{source_of(pick.column)}}} # {use}"] if pick else []


def _footer(draft: Draft) -> list[str]:
    labels: set[str] = set()
    lines = []
    for column in [*draft.choice.footer, *draft.half_read()]:
        if column.number in draft.belongings.taken:
            continue
        label = _label(column, labels)
        labels.add(label.casefold())
        lines.append(f"  {quote(label)}: {{{source_of(column)}}}")
    return ["footer:", *lines] if lines else []


def target_of(value: Value) -> str:
    """Return the target in the mapping: `?` as long as it is undecided."""
    return value.proposal if value.decided else UNDECIDED


def reason_of(value: Value) -> str:
    """Return how often a value occurs, and the reason for its target."""
    rows = counted(value.rows, "row") + (" with an empty cell" if not value.value else "")
    if value.decided:
        return f"{rows}; {as_comment(value.reason)}"
    return f"{rows}; proposal: {as_comment(value.proposal)}, {as_comment(value.reason)}"


def scalar(text: str) -> str:
    """A target as YAML: bare where that is safe."""
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(?: [A-Za-z0-9]+)*", text) else quote(text)


def _label(column: Column, taken: set[str]) -> str:
    """A footer line's label: the header, or the key of the object whose name is read."""
    parts = [part.removesuffix("[]") for part in column.place.parts if part != RECORD]
    words = [word for word in header_tokens(column) if column.place.parts[0] != RECORD or word != RECORD[1:]]
    chosen = parts[0] if len(parts) == 1 else " ".join(words).capitalize()
    chosen = chosen[1:].capitalize() if chosen in (ANSWER, NAME, NOTE) else chosen
    label = clip_line(re.sub(r"[:\s]+", " ", chosen).strip(), LABEL_LENGTH) or f"Column {column.number + 1}"
    return label if label.casefold() not in taken else f"{label} ({column.number + 1})"
