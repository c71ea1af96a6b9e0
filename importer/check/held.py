"""What a row doesn't have any more, issue by issue and value by value: absent isn't empty.

Trackers leave out what is empty, and people export fewer columns. Where nothing of an issue came from a column that is
absent now, there is nothing to protect. A value that did stays as it is in Triage, and it alone: a field, the text of
the description, or a line of its footer. So does one that is there and blank, where too many are at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from importer.api import ISSUE_FIELDS, VALUE_FIELDS
from importer.check.brake import Emptied
from importer.check.coverage.paths import Chain, read_ref
from importer.mapping.model import MappingModel, fold, key_of_holder
from importer.mapping.reads import collect_refs, with_rest
from importer.mapping.scorecards import RECORD
from importer.mapping.texts import Text, walk_texts
from importer.records import Ref
from importer.sources.header import find_columns
from importer.sources.json_outline import SAMPLED_RECORDS
from importer.sources.source import Source, SourceFile, read_record
from importer.transform.description_parts import TEXT, Digests, digest_label, digest_parts
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.check.job import Job

Refs = Set[Ref]
ColumnsRead = Mapping[str, Sequence[Iterable[Iterable[str]]]]
"""File name → the columns that a run read of it, those of earlier runs that it lacked, and those accepted as lost."""
NOTHING_EMPTIED: Mapping[str, object] = {}
DESCRIPTION = "description"


class Part(NamedTuple):
    """A value of an issue that can stay by itself, and what it is made from.

    name   as people know it: the field, or the label of a line in the footer
    label  of a line, TEXT for what stands above the footer, None for a field
    texts  the columns of each text whose absence counts, and whether it is the first of them that is filled
    rules  those of rules that decide about it, which a record may lack at any time
    cells  the columns that are all blank where the value is empty in the source
    """

    name: str
    label: str | None
    texts: Sequence[tuple[Sequence[Ref], bool]]
    rules: Sequence[Ref]
    cells: Sequence[Ref]


class Held(NamedTuple):
    """A value that stays as it is in Triage, and the columns for want of which it does; none if they are all blank.

    stored  the value, as far as it is known: of a line or the text of the description, the digest
    """

    name: str
    columns: Sequence[str] = ()
    stored: object = None


@dataclass(frozen=True)
class FileAbsence:
    """What is to be known of a file before the absence of something in one of its rows can be judged.

    fields    field → the part that it is
    lines     digest of a label → the part that its lines are; that of TEXT, too
    earlier   columns that an earlier run of the source had
    accepted  columns of a table whose absence was accepted
    watched   columns that are gone, and decide more than a value: which rows count, what is added; of JSON, where the
              answers of a scorecard are
    refuses   whether the file is refused for what it lacks
    """

    name: str
    is_table: bool
    fields: Mapping[str, Part]
    lines: Mapping[bytes, Part]
    earlier: Refs = frozenset()
    accepted: Collection[str] = ()
    watched: Sequence[str] = ()
    refuses: bool = False


@dataclass(frozen=True)
class Absence:
    """What the files of a source lack, in their order, and what of it the next run compares with.

    columns  file name → the columns that it has, those of earlier runs that it lacks, and those accepted as lost
    braked   (project, name) of the values of which too many are blank at once: they stay, too
    emptied  (project, name) → what the runs of the last week have emptied
    """

    files: Sequence[FileAbsence] = ()
    columns: Mapping[str, Sequence[Sequence[tuple[str, str]]]] = field(default_factory=dict)
    braked: Collection[tuple[str, str]] = ()
    emptied: Mapping[tuple[str, str], Emptied] = field(default_factory=dict)


class RowAbsence(NamedTuple):
    """What is to be known of a row.

    lacks     whether its file, or its record, has no such column
    is_blank  whether its cells of some columns are all blank, or not there
    braked    names of the values that stay if they are blank
    """

    file: FileAbsence
    lacks: Callable[[Ref], bool]
    is_blank: Callable[[Sequence[Ref]], bool]
    braked: Collection[str] = ()


class Judged(NamedTuple):
    """What becomes of the fields in which a row differs from its issue.

    changes  field → value of those that don't stay
    labels   of the parts of the description that stay in it, while others of it change
    staying  all values that stay
    emptied  name → what is stored of each that is blank in the source now, and doesn't stay
    is_sure  whether the ledger knows the parts of the issue's description; else it may be the same
    """

    changes: dict[str, Any]
    labels: Sequence[str] = ()
    staying: Sequence[Held] = ()
    emptied: Mapping[str, object] = NOTHING_EMPTIED
    is_sure: bool = True


def judge(
    row: RowAbsence,
    stored: Mapping[str, Any],
    parts: Digests | None,
    changes: Mapping[str, Any],
    *,
    let_go: Collection[str] = (),
    writes: bool = True,
) -> Judged:
    """Judge the fields in which a row differs from what is stored of its issue, as we last sent it.

    parts   the digests of the description's parts, None where nobody knows them
    let_go  names of values that somebody lets be emptied
    writes  whether differing issues are written
    """
    values = _Values(row, let_go)
    remaining = dict(changes)
    for name in changes.keys() - {DESCRIPTION}:
        if values.field_stays(name, stored.get(name)):
            del remaining[name]
    if DESCRIPTION not in changes:
        return Judged(remaining, (), values.staying, values.emptied)
    present = digest_parts(changes[DESCRIPTION] or "")
    if parts is None:
        labels = values.stay_if_any(present)
        if labels and not writes:
            del remaining[DESCRIPTION]
        return Judged(remaining, labels, values.staying, values.emptied, is_sure=not labels)
    differing = [label for label in {**parts, **present} if parts.get(label) != present.get(label)]
    staying = [label for label in differing if label in parts and values.part_stays(label, parts[label], present)]
    if len(staying) == len(differing):
        del remaining[DESCRIPTION]
        return Judged(remaining, (), values.staying, values.emptied)
    lines = row.file.lines
    return Judged(remaining, [lines[label].label or TEXT for label in staying], values.staying, values.emptied)


class _Values:
    """Judges the values of a row that differ from those of its issue, one by one.

    staying  those that stay
    emptied  name → what is stored of each that is blank in the source now, and doesn't stay
    """

    def __init__(self, row: RowAbsence, let_go: Collection[str]) -> None:
        self._row, self._let_go = row, let_go
        self.staying: list[Held] = []
        self.emptied: dict[str, object] = {}

    def field_stays(self, name: str, stored: object) -> bool:
        """Whether a field stays as it is `stored`; one without a value has nothing that could be lost."""
        part = self._row.file.fields.get(name)
        if part is None or not stored:
            return False
        return self._stays(part, stored, is_empty=_is_empty(part, self._row))

    def part_stays(self, label: bytes, stored: object, present: Digests) -> bool:
        """Whether a part of the description stays, known by the digest of its label.

        stored   the digest of the part as the issue has it
        present  the digests of the parts that the row makes
        """
        part = self._row.file.lines.get(label)
        is_empty = label not in present
        if part is not None and label != digest_label(TEXT):
            # A line may name a person's account where the name is blank.
            is_empty = is_empty or _is_empty(part, self._row)
        return self._stays(part, stored, is_empty=is_empty)

    def stay_if_any(self, present: Digests) -> list[str]:
        """Return the labels of the parts that stay in a description of which nobody knows what parts it has.

        An older version of the program sent it, or discovery found it: any line may be in it.
        """
        parts = self._row.file.lines
        text = parts.get(digest_label(TEXT))
        lacking = [part for part in parts.values() if _find_gone(part, self._row)]
        if text is not None and text not in lacking:
            is_blank = digest_label(TEXT) not in present
            if is_blank or find_lost(text, self._row):
                lacking.append(text)
        return [part.label or TEXT for part in lacking if self._stays(part, is_empty=part is text)]

    def _stays(self, part: Part | None, stored: object = None, *, is_empty: bool) -> bool:
        if part is None or fold(part.name) in self._let_go:
            return False
        columns = find_lost(part, self._row)
        is_braked = is_empty and part.name in self._row.braked
        if columns or is_braked:
            self.staying.append(Held(part.name, columns, stored))
            return True
        if is_empty:
            self.emptied[part.name] = stored
        return False


def find_lost(part: Part, row: RowAbsence) -> Sequence[str]:
    """Find the columns of a part that a row lacks, by their names; none where others have taken their place.

    These are columns that an earlier run had; or else all that the part is made from, if the row has none of them.
    """
    absent = _find_gone(part, row)
    if not absent and part.texts:
        all_refs = [*chain.from_iterable(refs for refs, _ in part.texts), *part.rules]
        if all(map(row.lacks, all_refs)):
            refs_of_first, _ = part.texts[0]
            absent = [refs_of_first[0]]
    if not absent:
        return ()
    columns = [ref.name for ref in absent if ref.kind == "column"]
    return columns or [part.name]


def _find_gone(part: Part, row: RowAbsence) -> list[Ref]:
    """Find the columns of a part that an earlier run had and a row lacks, where no others have taken their place."""
    earlier = row.file.earlier
    absent: list[Ref] = []
    for refs, is_choice in part.texts:
        lacking = [ref for ref in refs if row.lacks(ref)]
        if is_choice:
            # In a table another column of several names counts if it is new; of a record any key that it has.
            replacing = {*refs}.difference(lacking, earlier if row.file.is_table else ())
            if replacing:
                continue
        absent += [ref for ref in lacking if ref in earlier]
    return absent


def _is_empty(part: Part, row: RowAbsence) -> bool:
    """Whether a value is blank in the source, which has, or had, a column for it."""
    has_column = any(ref in row.file.earlier or not row.lacks(ref) for ref in part.cells)
    return has_column and row.is_blank(part.cells)


def kept_labels(values: Iterable[Held]) -> Sequence[str]:
    """Return the labels of values that stay, as `description_parts` has them."""
    return [TEXT if value.name == DESCRIPTION else value.name for value in values]


def find_absence(job: Job, last: ColumnsRead | None, *, is_own: bool) -> Absence:
    """Prepare the files of a source, with what its last run read of them; None: there was no run.

    Another mapping may be for another layout: if the run was not `is_own`, only columns that this mapping names count.
    """
    model = job.mapping.model
    named = frozenset(collect_refs(model)) | _find_array(model)
    last_read = {name: _LastRead.of(columns) for name, columns in (last or {}).items()}
    if not is_own:
        last_read = {name: columns.among(named) for name, columns in last_read.items()}
    of_all_files = _LastRead.joined(last_read.values())
    files: list[FileAbsence] = []
    columns_read: dict[str, Sequence[Sequence[tuple[str, str]]]] = {}
    for place, file in enumerate(job.source.files):
        before = last_read.get(file.name, of_all_files)
        earlier = before.had | before.lacked
        present = _find_present(job.source, place, named | earlier, model)
        if not file.is_table:
            earlier |= present
        absent = earlier - present
        accepted = before.accepted & absent
        absent_columns = [ref.name for ref in sorted(absent) if ref.kind == "column"]
        # What the mapping would read if they were there.
        complete = with_rest(model, absent_columns, is_table=file.is_table)
        files.append(describe_file(file, complete, model, earlier, absent, accepted))
        columns_read[file.name] = [_list_columns(refs) for refs in (present, absent, accepted)]
    return Absence(files, columns_read)


class _LastRead(NamedTuple):
    """What the last run read of a file: the columns it had, those of earlier runs it lacked, those accepted as lost."""

    had: Refs
    lacked: Refs
    accepted: Refs

    @classmethod
    def of(cls, columns: Sequence[Iterable[Iterable[str]]]) -> Self:
        refs = [frozenset(map(Ref._make, names)) for names in columns]
        # An earlier version of the program kept only two: of what was lost what had been accepted.
        had, lacked, accepted = refs[0], refs[1], refs[-1]
        return cls(had, lacked, accepted)

    @classmethod
    def joined(cls, files: Collection[Self]) -> Self:
        had, lacked, accepted = (frozenset(chain.from_iterable(file[kind] for file in files)) for kind in range(3))
        return cls(had, lacked, accepted)

    def among(self, refs: Refs) -> Self:
        return type(self)(self.had & refs, self.lacked & refs, self.accepted & refs)


def _list_columns(refs: Refs) -> list[tuple[str, str]]:
    """List columns as the ledger keeps them: without those that have the API key in their name.

    Masked it would be no column's name.
    """
    return [(ref.kind, ref.name) for ref in sorted(refs) if redact(ref.name) == ref.name]


def describe_file(
    file: SourceFile, complete: MappingModel, model: MappingModel, earlier: Refs, absent: Refs, accepted: Refs
) -> FileAbsence:
    """Describe a file that lacks columns which an earlier run had; `complete` is the mapping as if it had them.

    In rows to be corrected, and in a table without a column that its format always has, as one that was cut by hand,
    nothing is empty for being absent.
    """
    keeping = {ref for text in _texts_of(model) for ref in keeping_refs(text, model, is_table=file.is_table)}
    is_cut = file.is_table and not keeping.isdisjoint(absent - accepted)
    is_for_corrections = bool(file.errors_file)
    fields, lines = find_parts(complete, is_table=file.is_table, believes=not (is_cut or is_for_corrections))
    if is_for_corrections:
        watched = []
    else:
        deciding = _deciding_refs(model, file, (*fields.values(), *lines.values()), absent)
        watched = sorted(ref.name for ref in deciding & absent)
    return FileAbsence(
        file.name,
        file.is_table,
        fields,
        lines,
        earlier,
        {ref.name for ref in accepted},
        watched,
        # Columns of no tracker come and go: nothing is refused for them, what they gave stays.
        file.is_table and not is_for_corrections and not model.is_plain,
    )


def _deciding_refs(model: MappingModel, file: SourceFile, parts: Iterable[Part], absent: Refs) -> Refs:
    """Return the columns that decide more than a value; of JSON where the answers of a scorecard are."""
    if not file.is_table:
        array = _find_array(model) & absent
        # Without the array there is no answer that could lack a key.
        return array or {ref for ref in collect_refs(model.answer) if ref.kind == "column"}
    deciding: list[Any] = [model.skip, model.answer, model.group, model.duplicates]
    deciding += [model.comments, model.relations, model.resource_links, model.flags]
    refs = {ref for text in _texts_of(deciding) for ref in keeping_refs(text, model, is_table=True)}
    for part in parts:
        refs.difference_update(part.cells, *(text_refs for text_refs, _ in part.texts))
    return refs


def find_parts(
    model: MappingModel, *, is_table: bool, believes: bool
) -> tuple[Mapping[str, Part], Mapping[bytes, Part]]:
    """Find the parts of an issue that a mapping makes: the fields, and by their labels' digests text and lines.

    `believes` says whether a text that is `empty` for being absent is.
    """
    people = model.holders
    fields: dict[str, list[Any]] = {name: [model.text_of(name)] for name in ISSUE_FIELDS if name != DESCRIPTION}
    for name, person in people.items():
        fields[name].append(person)
    lines: dict[str, list[Any]] = {label: [text] for label, text in model.footer.items()}
    lines[TEXT] = [model.description]
    for name, person in people.items():
        lines.setdefault(key_of_holder(name).capitalize(), []).append(person)
    lines.setdefault("Attachments", []).append(model.attachments)
    lines.setdefault("Restricted", []).append(model.restricted)

    parts = _Parts(model, is_table, believes)
    part_of_field = {name: parts.of_field(name, sources) for name, sources in fields.items()}
    part_of_line = {digest_label(label): parts.of_line(label, sources) for label, sources in lines.items()}
    return part_of_field, part_of_line


@dataclass(frozen=True)
class _Parts:
    """Makes the parts of an issue from what a mapping says of their texts; see `find_parts`."""

    model: MappingModel
    is_table: bool
    believes: bool

    def of_field(self, name: str, sources: Sequence[Any]) -> Part:
        texts = _texts_of(sources)
        value_texts = texts[:1] if name in VALUE_FIELDS else texts
        return self._make(name, None, texts, value_texts, value_texts)

    def of_line(self, label: str, sources: Sequence[Any]) -> Part:
        texts = _texts_of(sources)
        cells = texts[:1] if label in self.model.footer else texts
        return self._make(label or DESCRIPTION, label, texts, texts, cells)

    def _make(
        self, name: str, label: str | None, texts: Sequence[Text], value_texts: Sequence[Text], cells: Sequence[Text]
    ) -> Part:
        """Make a part from its texts: of its value, of rules, and those whose cells are blank if it is empty."""
        counting = texts if self.is_table else value_texts
        choices = []
        for text in counting:
            refs = self._find_refs(text)
            if refs:
                choices.append((refs, text.first is not None))
        rules = [ref for text in texts[len(counting) :] for ref in self._find_refs(text)]
        return Part(name, label, choices, rules, [ref for text in cells for ref in text.refs])

    def _find_refs(self, text: Text) -> Sequence[Ref]:
        return keeping_refs(text, self.model, is_table=self.is_table) if self.believes else text.refs


def keeping_refs(text: Text, model: MappingModel, *, is_table: bool) -> Sequence[Ref]:
    """Return the columns and paths of a text whose absence isn't an empty value."""
    place = model.absent.csv if is_table else model.absent.json_
    return list(dict.fromkeys(_keeping_refs(text, place or "keep")))


def _keeping_refs(text: Text, inherited: str) -> Iterable[Ref]:
    absent = text.absent or inherited
    if text.first is not None:
        return chain.from_iterable(_keeping_refs(choice, absent) for choice in text.first)
    return text.refs if absent == "keep" else ()


def _texts_of(part: Any) -> list[Text]:
    return [] if part is None else [text for _, text in walk_texts(part, choices=False) if text.refs]


def _find_array(model: MappingModel) -> Refs:
    """Find where the answers of a JSON record are, as if it were a column."""
    path = model.each and model.each.path
    return frozenset([Ref("column", path)] if path else [])


def _find_present(source: Source, place: int, refs: Refs, model: MappingModel) -> Refs:
    """Find which columns a file has; of JSON, which its first records have."""
    file = source.files[place]
    if file.is_table:
        places_of = find_columns(file.header or (), list(refs))
        return frozenset(ref for ref, places in places_of.items() if places)
    present = set[Ref]()
    for record in islice(source.records(place), SAMPLED_RECORDS):
        present |= {ref for ref in refs - present if has_keys(record, ref)}
        if RECORD in record:  # an answer, which was in that array
            present |= _find_array(model)
    return frozenset(present)


def has_keys(record: Any, ref: Ref) -> bool:
    """Whether a record has the keys that a column or path names, with whatever value."""
    return any(_has(record, keys) for keys in read_ref(ref).taken)


def _has(value: Any, keys: Chain) -> bool:
    """Whether a value has these keys: something empty lacks none that would be in it."""
    for place, key in enumerate(keys):
        if isinstance(value, list):
            return not value or any(_has(item, keys[place:]) for item in value)
        if key is None or not isinstance(value, dict):
            return True
        if key not in value:
            return False
        value = value[key]
    return True


class RecordKeys:
    """Says which keys the records of an issue lack. Their text is read again for this: few rows come here."""

    def __init__(self, file: SourceFile, raws: Sequence[Sequence[str] | str]) -> None:
        self._file, self._raws = file, raws

    def __call__(self, ref: Ref) -> bool:
        return not any(has_keys(record, ref) for record in self._records)

    @cached_property
    def _records(self) -> list[Any]:
        return [read_record(self._file, raw) for raw in self._raws]
