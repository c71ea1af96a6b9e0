"""What columns or titles may say of issues whose category, severity or status is a default, or that are none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any

from importer.api import FINISHED, VALUE_FIELDS
from importer.check.coverage.lines import CoverageLine
from importer.check.coverage.uses import RULE
from importer.check.examine import RowRun
from importer.check.observers.value_flow import ValueFlow
from importer.mapping.header_names import has, weigh
from importer.mapping.model import Category, MappingModel, Value
from importer.mapping.texts import walk_texts
from importer.mapping.vocabulary import TitleCount, meaning
from importer.mapping.yaml_tree import as_source, quote
from importer.phrases import counted, listed, tokens_of
from importer.records import Ref

COLUMNS_SHOWN = 4
CALLED = 7
"""The weight from which on a name says that a column is a severity or a status."""
DIGITS_OF_A_DATE = 6
ENOUGH = 0.5
"""The share of rows without a type from which on it is said."""


CATEGORY = VALUE_FIELDS.index("category")


class Untyped:
    """Counts, of the issues whose category is a default, those that have a word in the title that may say more."""

    def __init__(self, spec: Category) -> None:
        self.titles = TitleCount()
        self._is_asked = spec.titles is None

    def add(self, run: RowRun) -> None:
        if not self._is_asked or self.titles.is_full:
            return
        for row in run.rows:
            is_default = row.is_counted and row.issue.steps[CATEGORY].how == "default"
            if is_default and not self.titles.is_full:
                self.titles.add(row.issue.title)


def propose_category(
    mapping: MappingModel, flow: ValueFlow, lines: Iterable[CoverageLine], titles: TitleCount
) -> Iterator[str]:
    """Say how many issues have a default in place of a category, and what may say more, with what to write."""
    streams = flow.streams("category")
    every = sum(stream.rows for stream in streams)
    defaults = [stream for stream in streams if stream.step.how == "default"]
    rows = sum(stream.rows for stream in defaults)
    if not rows or rows < ENOUGH * every:
        return
    ordered = sorted(lines, key=lambda line: -line.filled)
    fullest, names = _unread(ordered, mapping.category, category_source)
    has, becomes = ("has", "becomes") if rows == 1 else ("have", "become")
    figures = f"category: {rows:,} of {counted(every, 'issue')} {has} no type and {becomes} {defaults[0].target}; "
    if fullest:
        category_columns = [line.column for line in ordered if "category" in line.uses]
        wording = category_source(fullest, category_columns)
        yield f"{figures}to take it from a column, write `category: {{{wording}}}`; there are {names}"
    if titles.found:
        title = next((line.column for line in ordered if "title" in line.uses), "title")
        yield f"{figures}{titles}; to use them, write `category: {{titles: {{{text_of(title)}}}}}`"


def propose_columns(mapping: MappingModel, flow: ValueFlow, lines: Sequence[CoverageLine]) -> Iterator[str]:
    """Name the columns that are called a severity or a status, where no issue has what the mapping reads for it."""
    for spec, field in ((mapping.severity, "severity"), (mapping.status, "status")):
        if field == "status" and mapping.answer is not None:  # a scorecard has sections and states of calls
            continue
        default = _default_of_all(flow, field)
        if not default:
            continue
        column, names = _unread(lines, spec, partial(_is_called, field))
        if column:
            line = f"{field}: {{first: [{{{text_of(column)}}}]}}"
            loss = f"{field}: no issue has what the mapping reads, and all become {default}"
            yield f"{loss}; to take it from a column, write `{line}`; there are {names}"


def name_finished_files(flow: ValueFlow, files: Iterable[str]) -> Iterator[str]:
    """Name the files and sheets that are called like finished work, where no issue has a status."""
    default = _default_of_all(flow, "status")
    if not default:
        return
    for name in files:
        status = meaning("status", PurePath(name).stem)
        if status and status.target in FINISHED and status.target != default:
            loss = f"status: no issue has one, and all become {default}, though {name} is called"
            line = f"`status: {{value: {status.target}}}`"
            yield f"{loss} {status.target}: give it by itself, with {line} in its mapping"


def _default_of_all(flow: ValueFlow, field: str) -> str:
    """What every issue becomes for want of a value, "" if one of them has a value."""
    streams = flow.streams(field)
    ways = {stream.step.how for stream in streams}
    return streams[0].target if ways == {"default"} else ""


def name_marks(lines: Iterable[CoverageLine]) -> Iterator[str]:
    """Name the columns that say of some rows that they are no issues, as deleted ones, where no rule asks for that."""
    marks = dict[str, str]()
    rules = list[str]()
    for line in lines:
        if not line.is_mark or line.may_drop or RULE in line.uses:
            continue
        sample = next(filter(_says_yes, line.samples), "")
        if sample:
            test = f"is: {quote(sample)}" if meaning("answer", sample) else "filled: true"
            marks[line.column] = f"{line.column} ({sample})"
            rules.append(f"{{name: marked, when: {{{text_of(line.column)}, {test}}}}}")
    if marks:
        names = listed(list(marks.values()), COLUMNS_SHOWN)
        yield f"rows are imported though they are marked: {names}; to skip them, write `skip: [{', '.join(rules)}]`"


def _says_yes(text: str) -> bool:
    """Whether a text says yes, or when: `true`, `1`, `2026-03-01`."""
    answer = meaning("answer", text)
    if answer:
        return answer.target == "passed"
    digits = sum(map(str.isdigit, text))
    return text == "1" or digits >= DIGITS_OF_A_DATE


def _is_called(field: str, column: str) -> bool:
    words = tokens_of(column)
    return weigh(words, field) >= CALLED and not has(words, "no_value")


def _unread(lines: Iterable[CoverageLine], spec: Value[Any], may_say: Callable[[str], object]) -> tuple[str, str]:
    """The fullest column that may say it and isn't read, and all of them, each with its cells; "" if there is none."""
    names_read = set[str]()
    for _, text in walk_texts(spec, choices=True):
        names_read.update(ref.name for ref in text.refs)
    cells = Counter[str]()
    for line in lines:
        if line.may_drop or _is_read(line.column, names_read):
            continue
        if may_say(line.column):
            cells[line.column] += line.filled
    fullest = max(cells, key=cells.__getitem__, default="")
    names = [f"{column} ({number:,})" for column, number in cells.most_common()]
    return fullest, listed(names, COLUMNS_SHOWN)


def _is_read(column: str, names_read: set[str]) -> bool:
    if column in names_read:
        return True
    top = column.partition("[")[0].partition(".")[0]
    return any(top == re.split(r"\W", name)[0] for name in names_read)


def category_source(column: str, before: Iterable[str] = ()) -> str:
    """What a mapping says to take the category from a column behind others, "" for one that says no kind."""
    name = re.sub(r"(?:\[\])?(?:[. ](?:name|value|title))?$|/s$", "", column, flags=re.IGNORECASE)
    words = tokens_of(name)
    ends = (*words[-1:], " ".join(words[-2:]))
    if has(ends, "labels"):
        return f"labels: {{{text_of(column)}}}"
    if not has(ends, "kinds"):
        return ""
    texts = [f"{{{text_of(source)}}}" for source in (*before, column)]
    return f"first: [{', '.join(texts)}]"


def text_of(column: str) -> str:
    """What a mapping says to read a column, by its header or its path."""
    is_path = "[" in column or "." in column
    return as_source(Ref("path" if is_path else "column", column))
