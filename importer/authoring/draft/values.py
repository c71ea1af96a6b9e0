"""The values of a draft: every severity, status and category, counted, each with a proposal; values.csv."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from importer.api import BUILT_IN_CATEGORIES, CATEGORY_LIMIT, FINISHED, VALUE_FIELDS, FieldName, count_units
from importer.authoring.draft.choose import Choice, Pick
from importer.authoring.draft.column_scores import VALUES_LISTED, says_done
from importer.authoring.draft.profile import ROWS_AT_ONCE, Column
from importer.authoring.proposals import DEFAULT_CATEGORY, KNOWN, Proposal, Proposer
from importer.check.examine import correct_cells
from importer.mapping.edited_tables import VALUE_COLUMNS, EditedTable, Fixes
from importer.mapping.model import UNDECIDED, fold
from importer.mapping.texts import Text
from importer.mapping.vocabulary import TitleCount, category_of, ends_of_scale, meaning
from importer.phrases import clip, plain_name
from importer.progress import Progress
from importer.records import Evidence, Unknown
from importer.row.compiler import Compiler
from importer.spreadsheet import escape_cell
from importer.transform.plain_text import single_line

if TYPE_CHECKING:
    from importer.sources.source import Source


SAMPLE_LENGTH = 80
RANKS = {
    3: ("high", "medium", "low"),
    4: ("critical", "high", "medium", "low"),
    5: ("critical", "high", "medium", "low", "low"),
}
"""How many numbers a scale has → what they mean, the most urgent first."""
OPEN_AND_DATED = 0.1
"""The share of open rows that may have a closing date."""


@dataclass(frozen=True, slots=True)
class Value:
    """A source value with its proposed target.

    value      "" is the empty cell
    rows       number of rows that have it
    open_rows  number of those rows that are neither closed nor done
    sample     key and title of one of them
    proposal   the proposed target
    reason     why it is proposed
    decided    whether the reason is good enough; otherwise the user must decide
    """

    field: FieldName
    value: str
    rows: int
    open_rows: int
    sample: str
    proposal: str
    reason: str
    decided: bool


@dataclass
class _ValueRows:
    """The rows of one value; `states` counts them by status and whether they have a closing date."""

    value: str
    rows: int = 0
    sample: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    states: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def add(self, count: int, status: str, status_category: str, resolution: str, closed: bool) -> None:
        """Count equal rows."""
        self.rows += count
        self.states[status, closed] += count
        self.evidence.status_category[status_category] += count
        self.evidence.resolution[resolution] += count
        self.evidence.closed[closed] += count


CountedValues = Mapping[FieldName, Mapping[str, _ValueRows]]


def text_of(column: Column) -> Text:
    """Return the mapping's text for a column."""
    return Text.model_validate({column.place.ref.kind: column.place.ref.name})


def _text_of(pick: Pick | None) -> Text:
    return text_of(pick.column) if pick else Text(value="")


def is_listed(choice: Choice, name: FieldName) -> bool:
    """Whether the values of a field are listed one by one; a category with too many is kept as written."""
    pick = choice.value_pick(name)
    return pick is None or not (pick.column.is_free or pick.column.distinct > VALUES_LISTED)


def count_values(source: Source, choice: Choice, progress: Progress, titles: TitleCount, fixes: Fixes) -> CountedValues:
    """Read a source again and count the values of the chosen columns as a mapping reads them.

    `titles` gets those of the rows that say no category.
    """
    fields = [name for name in VALUE_FIELDS if is_listed(choice, name)]
    texts = {name: _text_of(choice.value_pick(name)) for name in fields}
    others = {
        name: _text_of(getattr(choice, name)) for name in ("key", "title", "status_category", "resolution", "closed")
    }
    refs = list(dict.fromkeys(ref for text in [*texts.values(), *others.values()] for ref in text.refs))
    counted: dict[FieldName, dict[str, _ValueRows]] = {name: {} for name in VALUE_FIELDS}
    progress.start("counting", source.total_bytes, "B")
    category = fields.index("category") if "category" in fields else None
    for source_rows in source.read(refs, ROWS_AT_ONCE):
        correct_cells(fixes, source_rows)
        compiler = Compiler(source_rows.layout)
        written = compiler.written
        read = {name: list(map(compiler.stripped(text), source_rows.rows)) for name, text in others.items()}
        facts = zip(read["status_category"], read["resolution"], map(bool, read["closed"]), strict=True)
        own = zip(*(map(written.text(texts[name]), source_rows.rows) for name in fields), strict=True)
        rows = [*zip(own, facts, strict=True)]
        # Rows without a title are rejected, so their values don't count.
        titled = [place for place, title in enumerate(read["title"]) if title]
        first = {rows[place]: place for place in reversed(titled)}
        for row, count in Counter(rows[place] for place in titled).items():
            sample = clip_line(f"{read['key'][first[row]]} {read['title'][first[row]]}", SAMPLE_LENGTH)
            values = {name: plain_name(value) for name, value in zip(fields, row[0], strict=True)}
            for name, value in values.items():
                if name != "status" or not (
                    choice.closing_rule and row[1][-1]
                ):  # a date decides whatever its cell says
                    found = counted[name].setdefault(fold(value), _ValueRows(value, sample=sample))
                    found.add(count, fold(values.get("status", "")), *row[1])
        for (own_values, _), title in zip(rows, read["title"], strict=True):
            if category is not None and not titles.is_full and title and not plain_name(own_values[category]):
                titles.add(title)
        progress.reach(source.bytes_read)
    progress.finish()
    return counted


def propose_values(counted: CountedValues, choice: Choice, proposer: Proposer) -> list[Value]:
    """Return all values with their proposals, by field, the most frequent first, the empty cell last."""
    states = counted["status"].values()
    sure = [(found, said) for found in states if (said := meaning("status", found.value)) and said.is_whole]
    dates = sum((found.evidence.closed for found, said in sure if said.target not in FINISHED), Counter[bool]())
    if dates[True] > OPEN_AND_DATED * dates.total():  # a closing date proves nothing
        choice.closed = None
        for found in states:
            found.evidence.closed.clear()
    values = [_propose(name, found, choice, proposer) for name in VALUE_FIELDS for found in counted[name].values()]
    values = _ranked(values, choice.severity.column.place.name if choice.severity else "")
    over = {fold(value.value) for value in values if value.field == "status" and value.proposal in FINISHED}
    by_name = {(value.field, fold(value.value)): value for value in values}
    values = [
        replace(by_name[name, key], open_rows=_open_rows(found.states, over))
        for name in VALUE_FIELDS
        for key, found in counted[name].items()
    ]
    return sorted(
        values, key=lambda value: (VALUE_FIELDS.index(value.field), not value.value, -value.rows, value.value)
    )


def _ranked(values: list[Value], header: str) -> list[Value]:
    """Propose what numbers from 0 or 1 on mean; they stay open unless the header's scale has them."""
    filled = [value for value in values if value.field == "severity" and value.value]
    numbers = {value: int(value.value) for value in filled if re.fullmatch("[0-9]{1,2}", value.value)}
    said = ends_of_scale(header)
    if not numbers or (not said and (len(numbers) < len(filled) or max(numbers.values()) > max(RANKS))):
        return values
    first = min({1, *(said or numbers.values())})
    last = max(said.keys() - {first}, default=max(numbers.values()))
    worst_first = next(((number == last) is is_low for number, is_low in said.items()), True)
    why = f"the header says so: {header}" if said else f"if {first} is the most urgent"
    targets = RANKS.get(last - first + 1, ())[:: 1 if worst_first else -1]
    scale = {rank: (target, why) for rank, target in enumerate(targets, first)}
    ranked: dict[Value, Value] = {}
    for value, rank in numbers.items():
        if said or (rank in scale and not value.decided):
            target, reason = scale.get(rank, ("medium", f"the header doesn't say it: {header}"))
            ranked[value] = replace(value, proposal=target, reason=reason, decided=bool(said and rank in scale))
    return [ranked.get(value, value) for value in values]


def _open_rows(states: Counter[tuple[str, bool]], over: Iterable[str]) -> int:
    return sum(count for (status, closed), count in states.items() if not closed and status not in over)


def _propose(name: FieldName, found: _ValueRows, choice: Choice, proposer: Proposer) -> Value:
    unknown = Unknown(name, found.value, found.rows, (found.sample,), found.evidence)
    if not found.value and choice.value_pick(name) is None:
        proposal = _without_column(unknown, choice, proposer)
        return _as_value(unknown, proposal, 0)
    is_criterion = choice.card is not None and choice.category and choice.category.column is choice.card.criterion
    if name == "category" and is_criterion and found.value:
        return propose_criterion(unknown, 0)
    if name == "status" and choice.status and says_done(choice.status.column):
        if not fold(found.value.strip("-")):
            return _as_value(unknown, Proposal("todo", "nothing says that it is done"), 0)
        if marked := meaning("mark", found.value):
            reason = f"what stands in a column {choice.status.column.place.name!r}"
            return _as_value(unknown, Proposal(marked.target, reason), 0)
    return propose_unknown(unknown, 0, proposer)


def propose_unknown(unknown: Unknown, open_rows: int, proposer: Proposer) -> Value:
    """Return a value with a proposal from its words or its rows; a category is Triage's own or the source's."""
    if not unknown.value and unknown.field == "severity":
        return _as_value(unknown, Proposal("medium", "nobody has ranked it"), open_rows)
    if not unknown.value and unknown.field == "category":
        return _as_value(unknown, Proposal(DEFAULT_CATEGORY, "it has none"), open_rows)
    proposal = proposer.propose(unknown)
    text = single_line(unknown.value)
    is_ours = proposal.target in BUILT_IN_CATEGORIES and not proposal.neutral
    if unknown.field == "category" and not is_ours and text and count_units(text) <= CATEGORY_LIMIT:
        proposal = Proposal(text, "as it is written")
    return _as_value(unknown, proposal, open_rows)


def propose_criterion(unknown: Unknown, open_rows: int) -> Value:
    """Return a criterion with the one of Triage's own categories that a word of it tells; else it stays open."""
    target = category_of(unknown.value)
    why = "a word of it tells" if target else "no word of it tells"
    return _as_value(unknown, Proposal(target or DEFAULT_CATEGORY, why, neutral=not target), open_rows)


def _without_column(unknown: Unknown, choice: Choice, proposer: Proposer) -> Proposal:
    if unknown.field == "severity":
        return Proposal("medium", "no column says it", neutral=True)
    if unknown.field == "category":
        return Proposal(DEFAULT_CATEGORY, "no column says it")
    if choice.closed is not None:
        return Proposal("todo", "no closing date")
    proposal = proposer.propose(unknown)
    return Proposal("todo", "no column says it: Triage's own default") if proposal.neutral else proposal


def _as_value(unknown: Unknown, proposal: Proposal, open_rows: int) -> Value:
    sample, reason = ", ".join(unknown.samples), proposal.reason.removesuffix(": decide")
    reason = KNOWN if fold(reason) == f'near "{fold(unknown.value)}"' else reason
    decided = not proposal.neutral and proposal.target != UNDECIDED
    return Value(unknown.field, unknown.value, unknown.count, open_rows, sample, proposal.target, reason, decided)


def decide(value: Value, word: str) -> Value:
    """Return the value with the target that the user decided."""
    reason = value.reason if word == value.proposal else "decided by you"
    return replace(value, proposal=word, reason=reason, decided=True)


def clip_line(text: str, length: int) -> str:
    """Return a text on one line, cut to `length` characters with `…`."""
    return clip(single_line(text[: 4 * length]), length)


FILE_NAME = "values.csv"


def new_table(values: Iterable[Value]) -> bytes:
    """Return the table of a new draft: undecided values first, with `?`; decided ones have an empty cell."""
    ordered = sorted(values, key=lambda value: value.decided)
    lines = [_cells(value, UNDECIDED if not value.decided else "") for value in ordered]
    return codecs.BOM_UTF8 + _csv([VALUE_COLUMNS, *lines], ",").encode()


def added_lines(values: Iterable[Value], layout: EditedTable, before: bytes) -> bytes:
    """Return lines to append to an existing table in its own layout, for values that are nowhere else."""
    rows = []
    for value in values:
        cells = dict(zip(VALUE_COLUMNS, _cells(value, value.proposal if value.decided else UNDECIDED), strict=True))
        rows.append([cells.get(name, "") for name in map(fold, layout.header)])
    text = _csv(rows, layout.delimiter)
    if layout.encoding == "utf-16":
        little = before.startswith(codecs.BOM_UTF16_LE)
        encoding, end = ("utf-16-le", b"\n\0") if little else ("utf-16-be", b"\0\n")
        return ("" if before.endswith(end) else "\r\n").encode(encoding) + text.encode(encoding)
    return (b"" if before.endswith((b"\n", b"\r")) else b"\r\n") + text.encode()


def _cells(value: Value, decision: str) -> list[str]:
    return [
        value.field,
        escape_cell(value.value),
        str(value.rows),
        str(value.open_rows),
        escape_cell(value.sample),
        escape_cell(value.proposal),
        escape_cell(decision),
    ]


def _csv(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()
