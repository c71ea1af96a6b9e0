"""Transforms a chunk of rows into records, whole columns at a time. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from importer.api import FINISHED, PERSON_FIELDS
from importer.codes import PRIVATE_UNDECIDED, RESTRICTED_UNDECIDED, SKIP_PREFIX, VALUE_REFUSED
from importer.mapping.identities import Roster
from importer.mapping.issue_parts import Bundling, Counted
from importer.mapping.model import UNDECIDED, Duplicates, MappingModel
from importer.mapping.reads import collect_annexes, collect_refs, collect_tables, narrow
from importer.mapping.texts import Text
from importer.phrases import clip
from importer.records import Chunk, Comment, Finding, IssueParts, Mention, Occurrence, Ref
from importer.transform.aliases import NO_ALIASES, Aliases
from importer.transform.chunk_records import Records, SourceCounts, merge_targets
from importer.transform.columns import Columns, map_distinct
from importer.transform.comments import Discussions, read_comments
from importer.transform.dates import read_time
from importer.transform.evidence import attach_flagged, leave_said, read_evidence, read_flags
from importer.transform.file_addresses import FileAddresses
from importer.transform.footers import Footers, write_footers
from importer.transform.formats.convert import dropped_finding
from importer.transform.groups import Groups, find_leaders, merge_firsts, merge_sets
from importer.transform.occurrences import complete_occurrences, find_undated, read_occurrences
from importer.transform.people import FindName, RowPeople, find_no_name, identify, name_mentions, person_maps
from importer.transform.plain_text import single_line
from importer.transform.prose import ColumnSanitizer, Prose, write_prose
from importer.transform.references import References
from importer.transform.relations import FindKeys, find_no_keys, read_relations
from importer.transform.row_keys import RowKeys, identify_rows, join_group, name_rows
from importer.transform.sanitise import Sanitizer
from importer.transform.shown_people import SOMEBODY, ShownPeople, person_refs
from importer.transform.value_maps import Mapped, Step, ValueMap, value_maps
from importer.transform.verdicts import AnswerRule

_NOTHING = re.compile(r'\{\s*(?:"(?:[^"\\]|\\.)*+"\s*+:\s*+(?:null|"\s*+"|\[\s*+\]|\{\s*+\})\s*+,?\s*+)*+\}')

_NUMBER = re.compile(r"\s*([0-9]{1,9})(?:\.0+)?\s*")  # a spreadsheet makes 7.0 of 7
SKIPPED = "skip-restricted"
PRIVATE = Finding(
    PRIVATE_UNDECIDED,
    "comments",
    "it has comments for the team alone, but in Triage whoever reads the issue can read them",
    "decide in the mapping: `comments: {private: keep}` sends them, marked `private`; `drop` leaves them out",
)
REFUSED_HINT = "put a word that it knows into fixes.csv, or add this one to a rule under `skip` in the mapping"


class Transform:
    """A mapping, ready to turn chunks of one source into records.

    refs     every column and path that it reads: what a source has to put into its chunks
    tables   the look-up tables beside the records that it reads
    annexes  place in `comments: from` → the objects beside the records that are read there
    shown    how people are shown
    """

    def __init__(
        self,
        mapping: MappingModel,
        source_name: str,
        people: Roster | None = None,
        find_name: FindName = find_no_name,
        find_keys: FindKeys = find_no_keys,
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        self.mapping = mapping
        self.refs = collect_refs(mapping)
        self.tables = collect_tables(mapping)
        self.annexes = collect_annexes(mapping)
        self.shown = ShownPeople(mapping.people, people or Roster())
        self._of_file = partial(
            _FileTransform,
            source_name=source_name,
            shown=self.shown,
            find_name=find_name,
            find_keys=find_keys,
            aliases=aliases,
        )
        self._newest: tuple[Set[Ref], _FileTransform] | None = None

    def __call__(self, chunk: Chunk) -> Records:
        """Transform a chunk. Defective rows become empty records; the chunk has their findings already."""
        columns = Columns(chunk, self.mapping.input.dates)
        return self._narrowed(columns).transform(columns)

    def group_keys(self, chunk: Chunk) -> list[str | None]:
        """The key of each row's group, which the check asks for so that no group is divided between chunks."""
        columns = Columns(chunk, self.mapping.input.dates)
        return join_group(self.mapping, columns, self._narrowed(columns).find_skips(columns))

    def name_rows(self, chunk: Chunk) -> list[str]:
        """The native key of each row, "" where it has none; it needs no more columns than `collect_key_refs` names."""
        columns = Columns(chunk, self.mapping.input.dates)
        skips = self._narrowed(columns).find_skips(columns) if self.mapping.group else ()
        return name_rows(self.mapping, columns, skips)

    def _narrowed(self, columns: Columns) -> _FileTransform:
        """What transforms the file of these columns; one file follows another, so that only the newest is kept."""
        if self._newest is None or self._newest[0] != columns.present:
            self._newest = columns.present, self._of_file(narrow(self.mapping, columns.present))
        return self._newest[1]


class _FileTransform:
    """A mapping as it concerns one file, ready to turn columns of its chunks into records."""

    def __init__(
        self,
        mapping: MappingModel,
        *,
        source_name: str,
        shown: ShownPeople,
        find_name: FindName,
        find_keys: FindKeys,
        aliases: Aliases,
    ) -> None:
        self._mapping, self._source_name, self._shown = mapping, source_name, shown
        self._find_name, self._find_keys, self._aliases = find_name, find_keys, aliases
        self._value_maps = value_maps(mapping)
        self._answers = None if mapping.answer is None else AnswerRule(mapping.answer)
        self._references = References(mapping.references, source_name, aliases)
        self._person_maps = person_maps(mapping, shown.roster)
        self._files = FileAddresses(mapping.attachments)
        self._sanitizer = Sanitizer(mapping.norm, mapping.mentions, mapping.secrets)

    def transform(self, columns: Columns) -> Records:
        """Make the records of a chunk's rows."""
        mapping = self._mapping
        skips = self.find_skips(columns)
        keys = identify_rows(mapping, self._source_name, columns, skips, self._aliases)
        rule = mapping.duplicates
        newest = read_times(columns, rule.newest) if isinstance(rule, Duplicates) else None
        name = partial(
            name_mentions,
            pattern=mapping.people.mentions,
            roster=self._shown.roster,
            find_name=self._find_name,
        )
        cleaner = ColumnSanitizer(self._sanitizer, name, self._shown, partial(self._files.complete, columns))
        values = {value_map.field: self._map_values(value_map, columns) for value_map in self._value_maps}
        statuses = merge_targets(values, keys.groups.values(), "status")
        # After the values: whom users.csv lacks may be treated otherwise once an issue is closed.
        people, unmatched = self._read_people(columns, statuses, keys.groups.values())
        levels = read_levels(mapping, columns)
        # Before the descriptions, whose room depends on it.
        footers = write_footers(mapping, columns, keys, cleaner, people.unmatched, levels)
        prose = write_prose(mapping, columns, footers.texts, keys.groups.values(), cleaner)
        bundlings = find_bundlings(mapping, statuses)
        created = None if mapping.created is None else read_times(columns, mapping.created)
        parts, discussions, findings = self._read_parts(
            columns, keys, prose, footers, bundlings, cleaner, skips, created, newest
        )
        return Records(
            chunk=columns.chunk,
            columns=columns,
            keys=keys,
            skips=skips,
            texts=prose,
            links=footers.links,
            values=values,
            sources=columns.stripped(mapping.source),
            people=people,
            parts=parts,
            newest=newest,
            created=created,
            source_counts=read_source_counts(mapping.counted, columns),
            discussed=count_discussed(discussions, keys.groups.values()),
            bundlings=bundlings,
            noted=[
                *findings,
                *find_refused(mapping, columns),
                *find_undated(mapping, columns, created),
                *(self._answers.findings(columns) if self._answers is not None else ()),
                *find_restricted(mapping, levels),
                *cleaner.findings(),
                *footers.findings(),
                *find_dropped(columns, discussions),
                *unmatched,
            ],
            private=discussions.private,
            neutralised=cleaner.neutralised,
        )

    def _read_parts(
        self,
        columns: Columns,
        keys: RowKeys,
        prose: Prose,
        footers: Footers,
        bundlings: Sequence[Bundling],
        clean: ColumnSanitizer,
        skips: Sequence[str],
        created: Sequence[datetime | None] | None,
        newest: Sequence[datetime | None] | None,
    ) -> tuple[dict[int, IssueParts], Discussions, list[tuple[int, Finding]]]:
        """Read what rows say of their issues beside the create; of a group its first row has it.

        What is too long for a flag's note or the footer is a comment also where the discussion is dropped.
        """
        mapping = self._mapping
        evidence, malformed = read_evidence(mapping.resource_links, columns)
        flagged = read_flags(mapping.flags, mapping.resource_links, columns, clean)
        evidence = attach_flagged(evidence, flagged.flags)
        relations, to_itself = read_relations(
            mapping.relations, columns, keys.full, self._source_name, self._find_keys, self._aliases
        )
        discussions = Discussions()
        if mapping.comments is not None:
            discussions = read_comments(mapping.comments, columns, columns.chunk.beside)
        # Where all comments are dropped, nobody has to decide about the private ones.
        undecided = [(row, PRIVATE) for row in sorted(discussions.undecided) if bundlings[row] != "drop"]
        comments: Mapping[int, Sequence[Comment]] = {
            row: said for row, said in discussions.comments.items() if bundlings[row] != "drop"
        }
        occurrences: Mapping[int, Sequence[Occurrence]] = {}
        unnamed: Sequence[tuple[int, Finding]] = ()
        notes, rests = flagged.notes, footers.rests
        if mapping.recurring is not None:
            read, unnamed = read_occurrences(mapping, columns, skips, clean.shown)
            said = self._clean_comments({row: (each.comment,) for row, each in read.items()}, clean)
            occurrences = complete_occurrences(read, said, flagged.flags, created, newest)
            # An occurrence says all that its footer does, and as a rule its note is the flag's.
            notes = {row: new for row, each in notes.items() if (new := leave_said(each, said.get(row, ())))}
            rests = {}
        for ours in (notes, rests):  # before what people have said, the footer's first
            if ours:
                comments = {row: (*ours.get(row, ()), *comments.get(row, ())) for row in {**ours, **comments}}
        if groups := keys.groups.values():
            evidence, relations = merge_sets(evidence, groups), merge_sets(relations, groups)
            comments = merge_sets(comments, groups)
            flagged = flagged._replace(flags=merge_sets(flagged.flags, groups))
        mentions: Mapping[int, Sequence[Mention]] = {}
        if mapping.references:  # not in the footer, which names the issue itself
            texts = list(map(str.removesuffix, prose.descriptions, prose.footers))
            mentions = self._references.find_all(texts, keys.own)
        parts: tuple[Mapping[int, Sequence[Any]], ...] = (  # in the order of IssueParts
            prose.rests,
            self._clean_comments(comments, clean),
            evidence,
            flagged.flags,
            relations,
            mentions,
            occurrences,
        )
        rows = sorted(set[int]().union(*parts))
        each = ([tuple(has.get(row, ())) for row in rows] if has else [()] * len(rows) for has in parts)
        found = dict(zip(rows, map(IssueParts._make, zip(*each, strict=True)), strict=True))
        noted = [*malformed, *flagged.findings, *to_itself, *undecided, *discussions.findings, *unnamed]
        return found, discussions, noted

    def _clean_comments(
        self, comments: Mapping[int, Sequence[Comment]], clean: ColumnSanitizer
    ) -> Mapping[int, Sequence[Comment]]:
        """The comments with their texts, authors and dates sanitised."""
        if not comments:
            return comments
        rows = [row for row, said in comments.items() for _ in said]
        every = [comment for said in comments.values() for comment in said]
        texts = [comment.text for comment in every]
        cleaned = clean.column("comments", texts, rows)
        authors, dates = list({comment.author for comment in every}), list({comment.date for comment in every})
        people = self._shown.roster
        whose = (self._shown.show_author(people.name_of(each) or self._find_name(each) or each) for each in authors)
        lines = clean.lines([*whose, *dates])  # at once, as each is a text of its own
        names, days = dict(zip(authors, lines, strict=False)), dict(zip(dates, lines[len(authors) :], strict=True))
        if cleaned == texts and all(each == shown for each, shown in chain(names.items(), days.items())):
            return comments
        changed: defaultdict[int, list[Comment]] = defaultdict(list)
        for row, comment, text in zip(rows, every, cleaned, strict=True):
            id_, author, date, _, is_private, content, about = comment
            changed[row].append(Comment._make((id_, names[author], days[date], text, is_private, content, about)))
        return changed

    def _read_people(
        self, columns: Columns, statuses: Sequence[str | None], groups: Groups
    ) -> tuple[RowPeople, list[tuple[int, Finding]]]:
        """Read the people of a chunk, and find their Triage users where the source has no user id."""
        texts = zip(PERSON_FIELDS, (self._mapping.owner_id, self._mapping.assignee_id), strict=True)
        ids = {name: columns.stripped(text) for name, text in texts}
        named, unmatched, findings = {}, {}, list[tuple[int, Finding]]()
        for name, person_map in self._person_maps.items():
            named[name] = identify(person_map.person, columns)
            unmatched[name] = person_map.find_unmatched(named[name], ids[name])
            ids[name], found = person_map.apply(named[name], ids[name], statuses)
            findings += found.items()
        if groups:
            ids = {name: merge_firsts(each, groups) for name, each in ids.items()}
        owners, assignees = ids.values()
        return RowPeople(owners, assignees, named, unmatched), findings

    def _map_values(self, value_map: ValueMap, columns: Columns) -> Mapped:
        """Map a value field, and show in findings, reports and the ledger no person by name who isn't to be shown.

        A category may be a cell as it is written, with mentions.
        """
        mapped, hides = value_map.apply(columns), self._mapping.people.hides
        is_person = hides and not person_refs(self._mapping).isdisjoint(value_map.spec.refs)
        steps = [self._hide_person(step, is_person=is_person) if hides else step for step in mapped.steps]
        if value_map.field == "category":
            steps = [replace(step, target=self._clean(step.target)) if step.target else step for step in steps]
        return replace(mapped, steps=steps)

    def _clean(self, target: str) -> str:
        (shown,) = self._shown.clean([single_line(target)])
        return self._sanitizer.clean(shown).text

    def _hide_person(self, step: Step, *, is_person: bool) -> Step:
        # What a rule read is shown as the rule's own words, and these name nobody.
        role = "Owner" if is_person and step.how != "rule" else ""
        shown = (self._shown.show_cell(role, step.source) or SOMEBODY) if step.source else ""
        if shown == step.source:
            return step
        return replace(step, source=shown, target=shown if step.how == "kept" else step.target, hidden=True)

    def find_skips(self, columns: Columns) -> list[str]:
        """The code of each row that is skipped, "" for the others.

        Skip rules don't apply to defective rows, whose cells are unknown rather than empty. A defect that doesn't
        reject is itself the reason to skip its row.
        """
        skips = [""] * len(columns)
        for row in find_empty(columns.chunk.raw):
            skips[row] = "row-empty"
        for row, finding in columns.chunk.defects.items():
            if not finding.rejects:
                skips[row] = finding.code
        for rule in (each for each in self._mapping.skip if not each.reject):
            code = SKIP_PREFIX + rule.name
            for row in columns.holds(rule.when).rows:
                if row not in columns.chunk.defects:
                    skips[row] = skips[row] or code
        if self._answers is not None:
            skips = [skip or code for skip, code in zip(skips, self._answers.skips(columns), strict=True)]
        if self._mapping.restricted is not None and self._mapping.restricted.issues == "skip":
            levels = read_levels(self._mapping, columns)
            skips = [skip or (SKIPPED if level else "") for skip, level in zip(skips, levels, strict=True)]
        return skips


def find_dropped(columns: Columns, discussions: Discussions) -> list[tuple[int, Finding]]:
    """(row, finding) for each text whose markup could not be kept."""
    lost = {"description": columns.dropped, "comments": discussions.dropped}
    return [(row, dropped_finding(name, names)) for name, rows in lost.items() for row, names in rows.items()]


def find_refused(mapping: MappingModel, columns: Columns) -> Iterator[tuple[int, Finding]]:
    """(row, finding) for each row that a rule under `skip` rejects."""
    for rule in (each for each in mapping.skip if each.reject):
        texts = columns.stripped(rule.when[0])
        for row in columns.holds(rule.when).rows:
            message = f"the mapping knows no {rule.name} {clip(texts[row], 60)!r}"
            yield row, Finding(VALUE_REFUSED, rule.name, message, REFUSED_HINT, texts[row])


def find_bundlings(mapping: MappingModel, statuses: Sequence[str | None]) -> list[Bundling]:
    """How the comments of each row's issue are bundled, which depends on whether the issue is finished."""
    comments = mapping.comments
    if mapping.recurring is not None:
        return ["fold"] * len(statuses)
    if comments is None:
        return ["separate"] * len(statuses)
    return [comments.closed if status in FINISHED else comments.open for status in statuses]


def count_discussed(discussions: Discussions, groups: Groups) -> Mapping[int, int]:
    """Row → how many comments it has, those that are left out among them; the first row of a group has those of all."""
    counts = {row: len(said) for row, said in discussions.comments.items()}
    for row, number in discussions.private.items():
        counts[row] = counts.get(row, 0) + number
    if not groups:
        return counts
    leaders, merged = find_leaders(groups), Counter[int]()
    for row, count in counts.items():
        merged[leaders.get(row, row)] += count
    return merged


def read_times(columns: Columns, text: Text) -> list[datetime | None]:
    """Times in UTC, None if unreadable: they only decide which row comes first, or counts."""
    return map_distinct(lambda each: read_time(each, columns.date_formats), columns.text(text))


def find_empty(raws: Sequence[Sequence[str]] | Sequence[str]) -> list[int]:
    """Rows whose cells are all empty; in JSON, all values null or empty texts, lists or objects."""
    if raws and isinstance(raws[0], str):
        return [row for row, raw in enumerate(raws) if _NOTHING.fullmatch(str(raw).strip())]
    # Of nearly all rows the first cell shows that they aren't.
    return [row for row, raw in enumerate(raws) if not (raw and raw[0].strip()) and not any(map(str.strip, raw))]


def read_levels(mapping: MappingModel, columns: Columns) -> list[str]:
    """Of each row what says that not everybody may read it; "" of those that everybody may."""
    if mapping.restricted is None:
        return [""] * len(columns)
    return map_distinct(single_line, columns.text(mapping.restricted.level))


def find_restricted(mapping: MappingModel, levels: Sequence[str]) -> Iterator[tuple[int, Finding]]:
    """(row, finding) for each restricted row of which the mapping doesn't say whether it is sent."""
    if mapping.restricted is None or mapping.restricted.issues != UNDECIDED:
        return
    for row, level in enumerate(levels):
        if level:
            message = f"not everybody may read it in the source ({level}), but in Triage everybody could"
            hint = "decide in the mapping: `restricted: {issues: send}` sends them, `{issues: skip}` leaves them out"
            yield row, Finding(RESTRICTED_UNDECIDED, "restricted", message, hint, level)


def read_source_counts(counted: Counted, columns: Columns) -> SourceCounts:
    """Read the counters of a chunk; a cell that is no whole number counts nothing."""
    counts: dict[str, dict[int, int]] = {}
    for name in type(counted).model_fields:
        counter = getattr(counted, name)
        if counter is None:
            continue
        cells = [(row, cell) for row, cell in enumerate(columns.text(counter)) if cell]
        numbers = ((row, int(match[1]) - counter.less) for row, cell in cells if (match := _NUMBER.fullmatch(cell)))
        if found := {row: number for row, number in numbers if number > 0}:
            counts[name] = found
    return counts
