"""The draft as YAML with a reason on each line. Pure text; everything that comes from the source is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from importer.api import DESCRIPTION_LIMIT, TITLE_LIMIT, VALUE_FIELDS, FieldName
from importer.authoring.draft.belongings import find_belongings, markup_of, source_of
from importer.authoring.draft.choose import Choice, Pick
from importer.authoring.draft.header_words import header_tokens
from importer.authoring.draft.profile import Column, Profile
from importer.authoring.draft.values import Value, clip_line, is_listed
from importer.check.observers.untyped import category_source
from importer.mapping.model import UNDECIDED, exact_key
from importer.mapping.title_words import TitleCount
from importer.mapping.yaml_text import quote
from importer.phrases import counted
from importer.sources.command_line import CommandLine

LABEL_LENGTH = 60
SAMPLES_SHOWN = 3
SAMPLE_LENGTH = 40
COLUMN_LINES = 400
COLUMN_LENGTH = 120
_LONGEST_SIMPLE_KEY = 1000
"""YAML allows 1024 characters before the colon; a longer key takes the `? key` form."""

_HEAD = """\
# Drafted from {files}: {rows}, {columns}.
# The comments give the reason for each choice, as the file shows it; correct what is wrong.{open}
# Then: {command}
"""
_OPEN = """
# {count} targets are `?`: the file doesn't say what they become. `run` refuses to start until each is decided: here,
# or in the column `decision` of {table}, which wins over this file."""
_ONE_OPEN = """
# One target is `?`: the file doesn't say what it becomes. `run` refuses to start until it is decided: here,
# or in the column `decision` of {table}, which wins over this file."""


class Draft:
    """A draft: the profile of the source, the chosen columns, and the values with their proposals."""

    def __init__(self, profile: Profile, choice: Choice, values: Sequence[Value], titles: TitleCount) -> None:
        self.profile = profile
        self.choice = choice
        self.values = values
        self.titles = titles
        chosen = {number for number, use in choice.uses().items() if use != "footer"}
        others = [column for column in profile.columns if column.number not in chosen]
        prose = [choice.description.column] if choice.description else []
        self._belongings = find_belongings(others, choice.key.column.samples if choice.key else (), prose)
        self._texts = {name: _text(pick) for name in VALUE_FIELDS if (pick := choice.value_pick(name))}

    @property
    def open(self) -> list[Value]:
        """The undecided values."""
        return [value for value in self.values if not value.decided]

    @property
    def untitled(self) -> int:
        """How many rows have no title: a check rejects them."""
        return max(0, self.profile.rows - self.choice.title.column.filled)

    def text(self, files: Sequence[str], mapping: str, table: str, name: str, options: dict[str, str]) -> str:
        """Return the YAML of the mapping. `options` are keys of `input` that were given on the command line."""
        count = len(self.open)
        opened = (_ONE_OPEN if count == 1 else _OPEN).format(count=count, table=_comment(table)) if count else ""
        shown = ", ".join(map(_comment, files))
        head = _HEAD.format(
            files=shown,
            rows=counted(self.profile.rows, "row"),
            columns=counted(len(self.profile.columns), "column"),
            open=opened,
            command=_comment(CommandLine(tuple(files)).repeat("validate", "-m", mapping)),
        )
        blocks = [
            [f"decisions: {quote(table)}"],
            self._input(name, options),
            self._title(),
            self._description(),
            *(list(self._field(field)) for field in VALUE_FIELDS),
            self._evidence(),
            self._created(),
            *self._belongings.lines,
            ["rest: footer # each column, or key of a record, that nothing else in this file reads"],
            self._footer(),
            column_lines(
                self.profile, {**dict.fromkeys((each.number for each in self._half_read()), "footer"), **self._uses()}
            ),
        ]
        return head + "\n" + "\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def _uses(self) -> dict[int, str]:
        belongings = self._belongings
        return {**belongings.uses, **self.choice.uses(), **dict.fromkeys(belongings.taken, "comment")}

    def _input(self, name: str, options: dict[str, str]) -> list[str]:
        lines = ["input:", f"  name: {quote(name)} # part of every key: keep it for later exports of the same tracker"]
        key = self.choice.key
        if key is None:
            lines += ["  key: {content: true} # no column that is called as keys are is different in every row"]
        elif key.column.filled < self.profile.rows:
            empty = counted(self.profile.rows - key.column.filled, "row")
            lines += ["  key:", f"    {_text(key)} # {key.reason}", f"    content: true # {empty} without it"]
        else:
            lines += [f"  key: {{{_text(key)}}} # {key.reason}"]
        lines += [f"  {option}: {quote(value)}" for option, value in options.items()]
        formats = dict.fromkeys(form for column in self._dated() if (form := column.date_format()))
        return lines + (["  dates:", *(f"    - {quote(form)}" for form in formats)] if formats else [])

    def _dated(self) -> list[Column]:
        picks = (self.choice.closed, self.choice.created)
        return [*(pick.column for pick in picks if pick is not None), *self.choice.footer]

    def _title(self) -> list[str]:
        pick = self.choice.title
        empty = f"; {counted(self.untitled, 'row')} without one, to be rejected" if self.untitled else ""
        lines = ["title:", f"  {_text(pick)} # {pick.reason}{empty}"]
        if pick.column.longest > TITLE_LIMIT:
            note = f"up to {pick.column.longest:,} characters; the full title opens the description"
            lines.append(f"  too_long: shorten # {note}")
        return lines

    def _description(self) -> list[str]:
        pick = self.choice.description
        if pick is None:
            return []
        lines = ["description:", f"  {_text(pick)} # {pick.reason}"]
        if form := markup_of(pick.column):
            lines.append(f"  format: {form} # its texts contain such markup")
        if pick.column.longest > DESCRIPTION_LIMIT - 1000:
            lines.append(
                f"  too_long: continue # up to {pick.column.longest:,} characters; the rest goes on in comments"
            )
        return lines

    def _field(self, field: FieldName) -> Iterator[str]:
        pick, own = self.choice.value_pick(field), [value for value in self.values if value.field == field]
        yield f"{field}:"
        if pick is not None:
            yield f"  {self._texts[field]} # {pick.reason}; {counted(pick.column.distinct, 'value')}"
        if field == "status" and self.choice.closing_rule is not None:
            why = "where a card lies says less than its closing date" if pick else "no column says the status"
            yield f"  rules: # {why}"
            yield f"    - when: {{{_text(self.choice.closing_rule)}, filled: true}}"
            yield "      then: done"
        if not is_listed(self.choice, field):
            yield "  keep_unknown: true # too many to list"
        listed = [value for value in own if value.value]
        if listed:
            yield "  values:"
        for value in listed:
            yield f"    {entry(value.value, target_of(value))} # {reason_of(value)}"
        nothing = next((value for value in own if not value.value), None)
        if nothing is not None:
            yield f"  missing: {scalar(target_of(nothing))} # {reason_of(nothing)}"
        elif field == "category" and not is_listed(self.choice, field):
            yield "  missing: General"
        if field == "category":
            yield from self._other_categories()

    def _other_categories(self) -> Iterator[str]:
        """What else may say a category, for a person to decide on."""
        uses = {number for number, use in self.choice.uses().items() if use != "footer"}
        others = [column for column in self.profile.columns if column.filled and column.number not in uses]
        places = [column for column in others if category_source(column.place.name)]
        if self.choice.category is None and places:
            said = category_source(places[0].place.name)
            yield "  # A column may say it; without its `#` the next line takes it from there."
            yield f"  #{_comment(said)}"
        if self.titles.found:
            yield f"  # {_comment(str(self.titles))}."
            yield "  # Without its `#` the next line takes them."
            yield f"  #titles: {{{_comment(_text(self.choice.title))}}}"

    def _evidence(self) -> list[str]:
        found = {"resolution": self.choice.resolution, "closed": self.choice.closed}
        lines = [f"  {name}: {{{_text(pick)}}}" for name, pick in found.items() if pick is not None]
        return ["evidence: # read only to propose what a new status becomes", *lines] if lines else []

    def _created(self) -> list[str]:
        pick = self.choice.created
        return [f"created: {{{_text(pick)}}} # for `run --order oldest-first`"] if pick else []

    def _half_read(self) -> Iterator[Column]:
        """The unused columns in objects of which something is used, which `rest` passes over; not those in comments."""
        uses = self._uses()
        filled = [column for column in self.profile.columns if column.filled and len(column.place.parts) > 1]
        discussed = {column.place.parts[0] for column in filled if uses.get(column.number) == "comment"}
        read = {column.place.parts[0] for column in filled if column.number in uses} - discussed
        yield from (column for column in filled if column.number not in uses and column.place.parts[0] in read)

    def _footer(self) -> list[str]:
        labels: set[str] = set()
        lines = []
        for column in [*self.choice.footer, *self._half_read()]:
            if column.number in self._belongings.taken:
                continue
            label = _label(column, labels)
            labels.add(label.casefold())
            lines.append(f"  {entry(label, None)} {{{source_of(column)}}}")
        return ["footer:", *lines] if lines else []


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


def target_of(value: Value) -> str:
    """Return the target in the mapping: `?` as long as it is undecided."""
    return value.proposal if value.decided else UNDECIDED


def reason_of(value: Value) -> str:
    """Return how often a value occurs, and the reason for its target."""
    rows = counted(value.rows, "row") + (" with an empty cell" if not value.value else "")
    if value.decided:
        return f"{rows}; {_comment(value.reason)}"
    return f"{rows}; proposal: {_comment(value.proposal)}, {_comment(value.reason)}"


def entry(key: str, target: str | None) -> str:
    """A line of a group: the key as YAML, a colon, and the target."""
    name = quote(exact_key(key) if target is not None else key)
    word = "" if target is None else f" {scalar(target)}"
    return f"? {name}\n    :{word}" if len(name) > _LONGEST_SIMPLE_KEY else f"{name}:{word}"


def scalar(text: str) -> str:
    """A target as YAML: bare where that is safe."""
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(?: [A-Za-z0-9]+)*", text) else quote(text)


def _text(pick: Pick) -> str:
    return source_of(pick.column)


def _label(column: Column, taken: set[str]) -> str:
    """A footer line's label: the header, or the key of the object whose name is read."""
    parts = [part.removesuffix("[]") for part in column.place.parts]
    words = header_tokens(column)
    chosen = parts[0] if len(parts) == 1 else " ".join(words).capitalize()
    label = clip_line(re.sub(r"[:\s]+", " ", chosen).strip(), LABEL_LENGTH) or f"Column {column.number + 1}"
    return label if label.casefold() not in taken else f"{label} ({column.number + 1})"


def _comment(text: str) -> str:
    """A text that can't end the comment that it stands in."""
    return "".join(character if character.isprintable() else " " for character in text)
