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
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.api import PERSON_FIELDS, VALUE_FIELDS
from importer.check.brake import Emptied
from importer.check.coverage.paths import Chain, read_ref
from importer.mapping.model import MappingModel, fold
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
    own    the columns that are all blank where the value is empty in the source
    """

    name: str
    label: str | None
    texts: Sequence[tuple[Sequence[Ref], bool]]
    rules: Sequence[Ref]
    own: Sequence[Ref]


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
    known     columns that an earlier run of the source had
    accepted  columns of a table whose absence was accepted
    watched   columns that are gone, and decide more than a value: which rows count, what is added; of JSON, where the
              answers of a scorecard are
    refuses   whether the file is refused for what it lacks
    """

    name: str
    is_table: bool
    fields: Mapping[str, Part]
    lines: Mapping[bytes, Part]
    known: Refs = frozenset()
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

    changes  field → value of those that aren't held
    kept     labels of the parts of the description that stay in it, while others of it change
    held     all values that stay
    emptied  name → what is stored of each that is blank in the source now, and isn't held
    is_sure  whether the ledger knows the parts of the issue's description; else it may be the same
    """

    changes: dict[str, Any]
    kept: Sequence[str] = ()
    held: Sequence[Held] = ()
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
    left, held, emptied = dict(changes), list[Held](), dict[str, object]()

    def stays(part: Part | None, value: object = None, *, is_empty: bool) -> bool:
        if part is None or fold(part.name) in let_go:
            return False
        columns = find_lost(part, row)
        if columns or (is_empty and part.name in row.braked):
            held.append(Held(part.name, columns, value))
            return True
        if is_empty:
            emptied[part.name] = value
        return False

    for name in changes.keys() - {DESCRIPTION}:
        part = row.file.fields.get(name)
        if part is not None and stored.get(name) and stays(part, stored[name], is_empty=_is_empty(part, row)):
            del left[name]
    if DESCRIPTION not in changes:
        return Judged(left, (), held, emptied)
    now, lines = digest_parts(changes[DESCRIPTION] or ""), row.file.lines
    if parts is None:  # what an older version or discovery knows: a line may be there
        text = lines.get(digest_label(TEXT))
        may_lack = [part for part in lines.values() if _find_gone(part, row) or (part is text and find_lost(part, row))]
        may_lack += [text] if text and text not in may_lack and digest_label(TEXT) not in now else []
        kept = [part.label or TEXT for part in may_lack if stays(part, is_empty=part is text)]
        if kept and not writes:
            del left[DESCRIPTION]
        return Judged(left, kept, held, emptied, is_sure=not kept)
    differing = [label for label in {**parts, **now} if parts.get(label) != now.get(label)]

    def is_empty(label: bytes) -> bool:  # a line may name a person's account where the name is blank
        return label not in now or (label in lines and label != digest_label(TEXT) and _is_empty(lines[label], row))

    staying = [
        label
        for label in differing
        if label in parts and stays(lines.get(label), parts[label], is_empty=is_empty(label))
    ]
    if len(staying) == len(differing):
        del left[DESCRIPTION]
        return Judged(left, (), held, emptied)
    return Judged(left, [lines[label].label or TEXT for label in staying], held, emptied)


def find_lost(part: Part, row: RowAbsence) -> Sequence[str]:
    """Find the columns of a part that a row lacks, by their names; none where others have taken their place.

    These are columns that an earlier run had; or else all that the part is made from, if the row has none of them.
    """
    lost = _find_gone(part, row)
    every = [*chain.from_iterable(refs for refs, _ in part.texts), *part.rules]
    if not lost and part.texts and all(map(row.lacks, every)):
        lost = [part.texts[0][0][0]]
    columns = [ref.name for ref in lost if ref.kind == "column"]
    return columns or [part.name] if lost else ()


def _find_gone(part: Part, row: RowAbsence) -> list[Ref]:
    """Find the columns of a part that an earlier run had and a row lacks, where no others have taken their place."""
    known, gone = row.file.known, list[Ref]()
    for refs, is_choice in part.texts:
        lacking = [ref for ref in refs if row.lacks(ref)]
        # In a table another column of several names counts if it is new; of a record any key that it has.
        others = {*refs}.difference(lacking, known if row.file.is_table else ())
        gone += [] if is_choice and others else [ref for ref in lacking if ref in known]
    return gone


def _is_empty(part: Part, row: RowAbsence) -> bool:
    """Whether a value is blank in the source, which has, or had, a column for it."""
    is_there = any(ref in row.file.known or not row.lacks(ref) for ref in part.own)
    return is_there and row.is_blank(part.own)


def kept_labels(held: Iterable[Held]) -> Sequence[str]:
    """Return the labels of values that stay, as `description_parts` has them."""
    return [TEXT if each.name == DESCRIPTION else each.name for each in held]


def find_absence(job: Job, last: ColumnsRead | None, *, is_own: bool) -> Absence:
    """Prepare the files of a source, with what its last run read of them; None: there was no run.

    Another mapping may be for another layout: if the run was not `is_own`, only columns that this mapping names count.
    """
    model = job.mapping.model
    read = frozenset(collect_refs(model)) | _find_array(model)
    before = {name: [frozenset(map(Ref._make, some)) for some in kept] for name, kept in (last or {}).items()}
    before = before if is_own else {name: [some & read for some in kept] for name, kept in before.items()}
    # An earlier version kept of what was lost only what had been accepted.
    before = {name: [*kept[:2], kept[-1]] for name, kept in before.items()}
    every = [frozenset(chain.from_iterable(kept[place] for kept in before.values())) for place in range(3)]
    files, columns = list[FileAbsence](), dict[str, Sequence[Sequence[tuple[str, str]]]]()
    for place, file in enumerate(job.source.files):
        had, lacked, accepted = before.get(file.name, every)
        known = had | lacked
        here = _find_here(job.source, place, read | known, model)
        known |= frozenset() if file.is_table else here
        lost = known - here
        names = [ref.name for ref in sorted(lost) if ref.kind == "column"]
        whole = with_rest(model, names, is_table=file.is_table)  # as it would be if they were there
        files.append(describe_file(file, whole, model, known, lost, accepted & lost))
        # A name that has the API key in it isn't kept: masked it would be no column's name.
        columns[file.name] = [
            [(ref.kind, ref.name) for ref in sorted(refs) if redact(ref.name) == ref.name]
            for refs in (here, lost, accepted & lost)
        ]
    return Absence(files, columns)


def describe_file(
    file: SourceFile, whole: MappingModel, model: MappingModel, known: Refs, lost: Refs, accepted: Refs
) -> FileAbsence:
    """Describe a file that lacks columns which an earlier run had.

    In rows to be corrected, and in a table without a column that its format always has, as one that was cut by hand,
    nothing is empty for being absent.
    """
    keeping = {ref for text in _texts_of(model) for ref in keeping_refs(text, model, is_table=file.is_table)}
    is_cut = file.is_table and not keeping.isdisjoint(lost - accepted)
    fields, lines = find_parts(whole, is_table=file.is_table, believes=not (is_cut or file.errors_file))
    every = (*fields.values(), *lines.values())
    made = {ref for part in every for refs in (part.own, *(refs for refs, _ in part.texts)) for ref in refs}
    deciding: list[Any] = [model.skip, model.answer, model.group, model.duplicates]
    deciding += [model.comments, model.relations, model.resource_links, model.flags]
    decides: Refs = {ref for text in _texts_of(deciding) for ref in keeping_refs(text, model, is_table=True)} - made
    if not file.is_table:
        # Without the array there is no answer that could lack a key.
        decides = (_find_array(model) & lost) or {ref for ref in collect_refs(model.answer) if ref.kind == "column"}
    watched = () if file.errors_file else sorted(ref.name for ref in decides & lost)
    return FileAbsence(
        file.name,
        file.is_table,
        fields,
        lines,
        known,
        {ref.name for ref in accepted},
        watched,
        # Columns of no tracker come and go: nothing is refused for them, what they gave stays.
        file.is_table and not file.errors_file and not model.is_plain,
    )


def find_parts(
    model: MappingModel, *, is_table: bool, believes: bool
) -> tuple[Mapping[str, Part], Mapping[bytes, Part]]:
    """Find the parts of an issue that a mapping makes: the fields, and by their labels' digests text and lines.

    `believes` says whether a text that is `empty` for being absent is.
    """

    def make(name: str, label: str | None, sources: Sequence[Any]) -> Part:
        texts = [text for source in sources for text in _texts_of(source)]
        own = texts[:1] if label is None and name in VALUE_FIELDS else texts
        cells = texts[:1] if label in model.footer else own

        def find_refs(text: Text) -> Sequence[Ref]:
            return keeping_refs(text, model, is_table=is_table) if believes else text.refs

        counting = texts if is_table else own
        refs = [(those, text.first is not None) for text in counting if (those := find_refs(text))]
        rules = [ref for text in texts[len(counting) :] for ref in find_refs(text)]
        return Part(name, label, refs, rules, [ref for text in cells for ref in text.refs])

    people = dict(zip(PERSON_FIELDS, (model.owner, model.assignee), strict=True))
    fields = {name: [getattr(model, name)] for name in ("title", *VALUE_FIELDS, "source")}
    fields |= {name: [getattr(model, name), person] for name, person in people.items()}
    labels: dict[str, list[Any]] = {label: [text] for label, text in model.footer.items()}
    labels[TEXT] = [model.description]
    for name, person in people.items():
        labels.setdefault(name.removesuffix("_id").capitalize(), []).append(person)
    labels.setdefault("Attachments", []).append(model.attachments)
    labels.setdefault("Restricted", []).append(model.restricted)
    return (
        {name: make(name, None, sources) for name, sources in fields.items()},
        {digest_label(label): make(label or DESCRIPTION, label, sources) for label, sources in labels.items()},
    )


def keeping_refs(text: Text, model: MappingModel, *, is_table: bool) -> Sequence[Ref]:
    """Return the columns and paths of a text whose absence isn't an empty value."""
    place = model.absent.csv if is_table else model.absent.json_
    return list(dict.fromkeys(_keeping_refs(text, place or "keep")))


def _keeping_refs(text: Text, inherited: str) -> Iterable[Ref]:
    absent = text.absent or inherited
    if text.first is not None:
        return chain.from_iterable(_keeping_refs(choice, absent) for choice in text.first)
    return text.refs if absent == "keep" else ()


def _texts_of(part: Any) -> Iterable[Text]:
    return [] if part is None else [text for _, text in walk_texts(part, choices=False) if text.refs]


def _find_array(model: MappingModel) -> Refs:
    """Find where the answers of a JSON record are, as if it were a column."""
    path = model.each and model.each.path
    return frozenset([Ref("column", path)] if path else [])


def _find_here(source: Source, place: int, refs: Refs, model: MappingModel) -> Refs:
    """Find which columns a file has; of JSON, which its first records have."""
    file = source.files[place]
    if file.is_table:
        return frozenset(ref for ref, places in find_columns(file.header or (), list(refs)).items() if places)
    here = set[Ref]()
    for record in islice(source.records(place), SAMPLED_RECORDS):
        here |= {ref for ref in refs - here if has_keys(record, ref)}
        if RECORD in record:  # an answer, which was in that array
            here |= _find_array(model)
    return frozenset(here)


def has_keys(record: Any, ref: Ref) -> bool:
    """Whether a record has the keys that a column or path names, with whatever value."""
    return any(_has(record, keys) for keys in read_ref(ref).taken)


def _has(value: Any, keys: Chain) -> bool:
    """Whether a value has these keys: something empty lacks none that would be in it."""
    for place, key in enumerate(keys):
        if isinstance(value, list):
            return not value or any(_has(item, keys[place:]) for item in value)
        if key is None or not isinstance(value, dict) or key not in value:
            return key is None or not isinstance(value, dict)
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
