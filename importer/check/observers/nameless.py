"""Rows without a key: their content is the key, so one that is edited in the source becomes a new issue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.check.job import Job
from importer.check.knowledge import KnownIssue, Knows
from importer.check.observers.drift import MOST, has_few, letters, title_of
from importer.mapping.presets import is_shipped
from importer.mapping.texts import Text
from importer.mapping.yaml_tree import as_source
from importer.phrases import clip, counted, listed
from importer.records import Act, Ref
from importer.sources.header import count_filled
from importer.transform.aliases import CONTENT_KEY

BARE = ". {rows:,} have a single cell, as titles of groups: `skip: [{{name: group, when: [{empty}]}}]` leaves them out"
NAMELESS = "rows without a key: {rows:,}. Their content is the key, so an edited row becomes a new issue"
IDLE = "; `duplicates` does nothing for them, as no two have one key"
NO_COLUMN = (
    "no column has a value of its own in each row: a column of numbers that stay, added to the list, would be a key, "
    "`input: {key: COLUMN}`"
)
LOOKED_AT = 10_000
"""Rows without a key whose columns are compared."""
LONGEST_KEY = 40
NAMED = 3


class Edited(NamedTuple):
    """A row that is new tonight with the title of a known one that is gone: the keys of both, and the title."""

    new: str
    former: str
    title: str


def find_edited(new: Mapping[str, str], absent: Iterable[KnownIssue]) -> list[Edited]:
    """Pair new rows without a key (key → title) with those that are gone, by titles that come once among each."""
    issues = defaultdict[str, list[KnownIssue]](list)  # by the letters of the title
    for issue in absent:
        if issue.key.partition(":")[2].startswith(CONTENT_KEY):
            issues[letters(issue.title)].append(issue)
    times = Counter(map(letters, new.values()))
    pairs = list[Edited]()
    for key, title in new.items():
        spelling = letters(title)
        if not spelling or times[spelling] != 1:
            continue
        formers = issues.get(spelling, ())
        if len(formers) == 1:
            pairs.append(Edited(key, formers[0].key, title))
    return pairs


class KeyColumns:
    """Finds the columns of a table that may be the key: one word in each row, which no other row has."""

    def __init__(self) -> None:
        self._values: dict[str, set[str]] | None = None
        self._rows = 0

    def add(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not rows:
            return
        if self._values is None:
            times = Counter(header)
            self._values = {name: set() for name in header if times[name] == 1}
        values = self._values
        for row in rows:
            if self._rows == LOOKED_AT:
                return
            self._rows += 1
            cells = dict(zip(header, row, strict=False))
            for name, before in list(values.items()):
                cell = cells.get(name, "").strip()
                if not cell or len(cell) > LONGEST_KEY or cell in before or " " in cell:
                    del values[name]
                else:
                    before.add(cell)

    def found(self) -> list[str]:
        return list(self._values or ()) if self._rows > 1 else []


class Nameless:
    """Collects the rows without a key in the first reading of a source."""

    def __init__(self, job: Job, knowledge: Knows) -> None:
        self._job = job
        sample = knowledge.sample()
        self._known = sample.total
        self._absent = {issue.key: issue for issue in sample.issues}
        self._sampled = len(self._absent)
        self._rows = self._nameless = self._bare = self._created = 0
        self._columns = KeyColumns()
        self._new = dict[str, str]()  # key → title

    def add(self, run: RowRun) -> None:
        header = self._job.source.files[run.source.file].header or ()
        for row in run.rows:
            if self._absent:
                self._absent.pop(row.key, None)
            if row.body:
                self._rows += 1
                if row.issue.key.is_nameless:
                    self._add_nameless(header, row)

    def _add_nameless(self, header: Sequence[str], row: CheckedRow) -> None:
        """Add a row without a key."""
        cells, operation = row.issue.row.raw, row.operation
        self._nameless += 1
        if not isinstance(cells, str):
            self._bare += count_filled(cells) == 1
            self._columns.add(header, [cells])
        if operation is not None and operation.act is Act.CREATE:
            self._created += 1
            if self._known and len(self._new) < MOST:
                self._new[operation.key] = title_of(operation)

    def edited(self) -> list[Edited]:
        """Return the rows that were edited, it seems; of many known issues, those of a sample. A delta says nothing."""
        present = self._sampled - len(self._absent)
        if has_few(present, self._sampled) or not self._job.is_whole:
            return []
        return find_edited(self._new, self._absent.values())

    def warnings(self) -> Iterator[str]:
        """Say what becomes of edited rows; of a source that isn't in Triage yet, also which column may be the key."""
        if not self._nameless:
            return
        yield f"{NAMELESS.format(rows=self._nameless)}{self._say_idle()}{self._say_bare()}"
        # Once its issues are there, another key would make all of them anew.
        if not self._known:
            yield self._ask_for_key()
        elif self._created:
            yield self._say_edited(self.edited())

    def _say_idle(self) -> str:
        is_shipped_line = is_shipped(self._job.mapping.place("duplicates").file)
        if is_shipped_line or self._job.mapping.model.duplicates == "reject":
            return ""
        return IDLE

    def _say_bare(self) -> str:
        if not 0 < 2 * self._bare <= self._rows:
            return ""
        model = self._job.mapping.model
        names = {name for file in self._job.source.files for name in file.header or ()}
        texts: list[Text | None] = [model.input.key, model.severity, model.status, model.description]
        for person in reversed(model.holders.values()):
            if person:
                texts += person.texts
        empty = list[str]()
        for text in filter(None, texts):
            refs = [ref for ref in text.refs if ref.name in names]
            if refs:
                empty.append(as_source(refs[0]))
        if len(empty) < 2:
            return ""
        conditions = [f"{{{source}, filled: false}}" for source in dict.fromkeys(empty)]
        return BARE.format(rows=self._bare, empty=", ".join(conditions))

    def _ask_for_key(self) -> str:
        title_names = {ref.name for ref in self._job.mapping.model.title.refs}
        names = [name for name in self._columns.found() if name not in title_names]
        if not names:
            return f"before the first import, choose a key that stays: {NO_COLUMN}"
        line = f"`input: {{key: {{{as_source(Ref('column', names[0]))}}}}}`"
        return f"before the first import, choose a key that stays: {listed(names, NAMED)} may be one, {line}"

    def _say_edited(self, edited: Sequence[Edited]) -> str:
        new = f"new tonight without a key: {counted(self._created, 'row')}"
        if not edited:
            return f"{new}; of a row that was edited the former issue stays in Triage"
        names = [f"“{clip(row.title, 40)}” ({row.new} was {row.former})" for row in edited]
        seem = counted(len(edited), "seems", "seem")
        return f"{new}, of which {seem} to be edited: {listed(names, NAMED)}. The former issues stay in Triage"
