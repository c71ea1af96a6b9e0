"""From a row of a source to an issue, step by step: the page to read first.

A mapping is compiled once for each file: see `IssueMapper`. Each of its steps reads something of one row and writes it
into the row's issue. Where several rows are one issue, `row.groups` merges what they say, between reading and writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from importer.api import FINISHED, PERSON_FIELDS, TEXT_FIELDS, count_units
from importer.mapping.identities import Identity
from importer.mapping.issue_parts import Bundling
from importer.mapping.model import Duplicates, MappingModel
from importer.records import NO_PARTS, Comment, Finding, IssueParts, Mention
from importer.row.attachment_list import AttachmentLister
from importer.row.clean import Cleaner
from importer.row.comments import SILENCE, CommentReader, Discussion
from importer.row.compiler import Compiler
from importer.row.decisions import PRIVATE, Decisions
from importer.row.description import Shortened, fit_description, fit_title, open_with_title
from importer.row.footer import Footer, Label, LabelReader, write_footer
from importer.row.groups import merge_parts, merge_people, merge_texts, merge_values
from importer.row.keys import KeyReader, RowKey, find_groups
from importer.row.occurrence_reader import OccurrenceReader
from importer.row.part_reader import FindKeys
from importer.row.parts import PartSetting, part_readers
from importer.row.people import NO_PEOPLE, FindName, People, PeopleReader
from importer.row.remembered import Remembered
from importer.row.source_counts import SourceCounter
from importer.row.value_faults import compile_shown
from importer.row.value_maps import Step, ValueReader, value_maps
from importer.sources.source_rows import Layout, SourceRow
from importer.transform.aliases import NO_ALIASES, Aliases
from importer.transform.dates import read_time
from importer.transform.formats.convert import dropped_finding
from importer.transform.markers import source_marker
from importer.transform.plain_text import one_line, single_line
from importer.transform.references import References
from importer.transform.sanitise import Sanitized
from importer.transform.shown_people import ShownPeople

_NO_KEY = RowKey("", "", "")
_NO_FOOTER = Footer("")


@dataclass(slots=True)
class Issue:
    """An issue as a row of the source says it. Of several rows that are one issue, the first has what all of them say.

    skip           code of the rule that leaves the row out, or ""
    level          what says that not everybody may read it in the source, "" where everybody may
    newest         the date that `duplicates: {newest: …}` compares, if the mapping says so
    created        when the issue was created, if the mapping says so
    steps          how severity, status and category came about, in the order of `VALUE_FIELDS`
    severity       its target, None where the mapping has none; so are `status` and `category`
    texts          field of `TEXT_FIELDS` → its text
    people         owner and assignee as the source names them
    unmatched      the same people, as far as Triage doesn't know them
    user_ids       the Triage users of owner and assignee, "" for nobody
    bundling       how its comments are sent
    key_line       the key, as the footer has it
    text           the text above the footer, whole; `description` has what fits
    labels         the labels of the footer
    discussion     what people have said
    notes          comments that say what its parts had no room for
    parts          what it has beside the create
    source_counts  what the source itself counts → how many
    discussed      how many comments the source has, those left out among them
    findings       what there is to say of the row, in the order of the steps; the rules of the check add theirs
    secrets        field → the kinds of secrets in it
    neutralised    how many mentions and markers were neutralised
    """

    row: SourceRow
    skip: str = ""
    level: str = ""
    key: RowKey = _NO_KEY
    newest: datetime | None = None
    created: datetime | None = None
    steps: Sequence[Step] = ()
    severity: str | None = None
    status: str | None = None
    category: str | None = None
    texts: dict[str, str] = field(default_factory=dict)
    people: People = NO_PEOPLE
    unmatched: tuple[Identity, ...] = NO_PEOPLE.named
    user_ids: Sequence[str] = ("",) * len(PERSON_FIELDS)
    person_findings: Sequence[Finding] = ()
    bundling: Bundling = "separate"
    title: str = ""
    key_line: str = ""
    text: str = ""
    labels: Sequence[Label] = ()
    footer: Footer = _NO_FOOTER
    description: str = ""
    rest: tuple[str, ...] = ()
    shortened: Sequence[Shortened] = ()
    discussion: Discussion = field(default_factory=lambda: SILENCE)
    comments: tuple[Comment, ...] = ()
    notes: tuple[Comment, ...] = ()
    parts: IssueParts = NO_PARTS
    source_counts: dict[str, int] = field(default_factory=dict)
    discussed: int = 0
    findings: list[Finding] = field(default_factory=list)
    secrets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    neutralised: int = 0


Reader = TypeVar("Reader", AttachmentLister, CommentReader, SourceCounter)


def _needed(reader: Reader | None) -> Reader | None:
    """A reader; None where the file has nothing for it, as a preset names what exports of all kinds have."""
    return reader if reader is not None and reader.reads_anything else None


class IssueMapper:
    """A mapping for one file: rows → issues.

    layout        where the file has what the mapping names
    shown_people  how people are shown
    find_name     the name that the source has for an account
    find_keys     finds the rows that relations name by another text than their key
    aliases       the key that an issue has by now → the one that it had first
    """

    def __init__(
        self,
        mapping: MappingModel,
        layout: Layout,
        source_name: str,
        shown_people: ShownPeople,
        find_name: FindName,
        find_keys: FindKeys,
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        self.layout, self._mapping = layout, mapping
        self._shown, self._find_name = shown_people, find_name
        compiler = Compiler(layout)
        self._decisions = Decisions(mapping, compiler)
        self._keys = KeyReader(mapping, source_name, compiler, aliases)
        self._newest = compiler.text(mapping.duplicates.newest if isinstance(mapping.duplicates, Duplicates) else None)
        self._created = compiler.text(mapping.created)
        self._values = [
            ValueReader(value_map, compiler, layout, compile_shown(mapping, value_map, shown_people))
            for value_map in value_maps(mapping)
        ]
        self._texts = [(each.name, compiler.stripped(mapping.text_of(each.name))) for each in TEXT_FIELDS]
        self._people = PeopleReader(mapping, layout, shown_people)
        self._title, self._description = compiler.text(mapping.title), compiler.text(mapping.description)
        self._cleaner = Cleaner(mapping, shown_people, find_name, compiler)
        self._labels = LabelReader(mapping, compiler, shown_people, self._cleaner.line)
        attachments = None if mapping.attachments is None else AttachmentLister(mapping.attachments, compiler)
        self._attachments = _needed(attachments)
        self._source_marker = source_marker(source_name)
        self._part_readers = part_readers(PartSetting(mapping, compiler, source_name, find_keys, aliases))
        comments = None if mapping.comments is None else CommentReader(mapping.comments, compiler, layout)
        self._comments = _needed(comments)
        self._occurrences = None if mapping.recurring is None else OccurrenceReader(mapping, compiler, layout)
        self._references = References(mapping.references, source_name, aliases)
        self._counter = _needed(SourceCounter(mapping.counted, compiler))
        self._authors = Remembered[str, str](self._show_author)

    def map_rows(self, rows: Sequence[SourceRow]) -> tuple[list[Issue], list[list[int]]]:
        """Make the issues of a run of rows, one for each row, and say which rows are one issue: the places of each.

        All rows of an issue have to be among them.
        """
        # What lies beside the records is looked up for many rows at once.
        for reader in self._part_readers:
            reader.prepare(rows)
        if self._comments is not None:
            self._comments.prepare(rows)
        issues = [self._read(row) for row in rows]
        groups = self._group(issues)
        for places in groups:
            self._complete([issues[place] for place in places])
        # Skipped rows are in no group.
        alone = [issue for issue in issues if issue.key.group is None] if groups else issues
        for issue in alone:
            self._complete([issue])
        return issues, groups

    def group_keys(self, rows: Sequence[SourceRow]) -> list[str | None]:
        """The key of each row's group, None where the row is skipped; "" where it may belong to any issue."""
        return [self._keys.group_key(row, self._find_skip(row)) for row in rows]

    def name_rows(self, rows: Sequence[SourceRow]) -> list[str]:
        """The native key of each row, "" where it has none; it needs no more columns than `collect_key_refs` names."""
        has_groups = bool(self._mapping.group)
        return [self._keys.read_native(row, self._find_skip(row) if has_groups else "") for row in rows]

    def _find_skip(self, row: SourceRow) -> str:
        return self._decisions.find_skip(row, self._decisions.read_level(row))

    def _group(self, issues: Sequence[Issue]) -> list[list[int]]:
        """The rows of each issue that several may make; occurrences are single until it is known which are sent."""
        if not self._mapping.group or self._mapping.recurring is not None:
            return []
        return find_groups([issue.key.group for issue in issues])

    # What a row says, in the order in which a person would look at it.

    def _read(self, row: SourceRow) -> Issue:
        """Read what a row says by itself."""
        issue = Issue(row)
        issue.level = self._decisions.read_level(row)
        issue.skip = self._decisions.find_skip(row, issue.level)
        issue.key = self._keys.read(row, issue.skip)
        self._read_dates(issue)
        self._map_values(issue)
        issue.texts = {name: read_text(row) for name, read_text in self._texts}
        issue.people = self._people.read(row)
        self._read_texts(issue)
        self._read_parts(issue)
        if self._comments is not None:
            self._read_discussion(issue, self._comments)
        if self._counter is not None:
            issue.source_counts = self._counter.read(row)
        return issue

    def _read_dates(self, issue: Issue) -> None:
        """Times in UTC, None if unreadable: they only decide which row comes first, or counts."""
        if text := self._newest(issue.row):
            issue.newest = read_time(text, self.layout.dates)
        if text := self._created(issue.row):
            issue.created = read_time(text, self.layout.dates)

    def _map_values(self, issue: Issue) -> None:
        """Map severity, status and category."""
        issue.steps = severity, status, category = [reader.read(issue.row) for reader in self._values]
        issue.severity, issue.status, issue.category = severity.target, status.target, category.target

    def _read_texts(self, issue: Issue) -> None:
        """Read key, title and description; what must not be sent is looked for in all three at once."""
        row, cleaner = issue.row, self._cleaner
        issue.key_line = cleaner.prepare_line(one_line(issue.key.own))
        issue.title = cleaner.prepare(row, single_line(self._title(row)))
        issue.text = cleaner.prepare(row, self._description(row))
        texts = [issue.key_line, issue.title, issue.text]
        if cleaner.is_harmless(texts):  # as nearly all; a plain row takes a twentieth less by it
            return
        key, title, text = cleaner.sanitise(texts)
        issue.key_line, issue.title, issue.text = key.text, title.text, text.text
        _note(issue, "title", title)
        _note(issue, "description", text)

    def _read_parts(self, issue: Issue) -> None:
        """Read the issue parts of a row: see `row.parts`."""
        for reader in self._part_readers:
            parts, notes, findings = reader.read(issue.row, issue.key.full, partial(self._clean, issue))
            issue.parts = issue.parts.joined(parts)
            issue.notes += notes
            issue.findings += findings

    def _read_discussion(self, issue: Issue, reader: CommentReader) -> None:
        """Read what people have said."""
        issue.discussion = reader.read(issue.row)
        issue.discussed = len(issue.discussion.comments) + issue.discussion.left_out

    # What an issue becomes, once all of its rows are known.

    def _complete(self, members: list[Issue]) -> None:
        """Write what an issue becomes; of several rows, the first one gets what all of them say."""
        are_several = len(members) > 1
        if are_several:
            merge_values(members)
        for issue in members:
            self._match_people(issue)
            self._choose_bundling(issue)
            self._read_labels(issue)
        if are_several:
            merge_people(members)
            merge_texts(members)
            members[0].labels = self._labels.merge([issue.labels for issue in members])
        for issue in members:
            self._write_description(issue)
            self._gather_comments(issue, leads=issue is members[0])
        if are_several:
            merge_parts(members)
        for issue in members:
            self._write_parts(issue)
            self._add_findings(issue, leads=issue is members[0])

    def _match_people(self, issue: Issue) -> None:
        """Find the Triage users of owner and assignee; one whom users.csv lacks may depend on whether it is closed."""
        matched = issue.people.match(issue.status)
        issue.user_ids, issue.unmatched, issue.person_findings = matched.user_ids, matched.unmatched, matched.findings

    def _choose_bundling(self, issue: Issue) -> None:
        """Choose how the comments are bundled, which depends on whether the issue is finished."""
        comments = self._mapping.comments
        if self._occurrences is not None:
            issue.bundling = "fold"
        elif comments is not None:
            issue.bundling = comments.closed if issue.status in FINISHED else comments.open

    def _read_labels(self, issue: Issue) -> None:
        """Read the lines of the footer; whom Triage doesn't know, and who may read the issue, is always named."""
        labels = self._labels.read(issue.row)
        self._labels.name_people(labels, issue.unmatched)
        if self._attachments is not None:
            self._labels.add_attachments(labels, self._attachments.read(issue.row))
        if issue.level:
            self._labels.add_level(labels, issue.level)
        issue.labels = labels

    def _write_description(self, issue: Issue) -> None:
        """Write the footer, and fit title and description into their limits."""
        issue.footer = write_footer(issue.labels, issue.key_line, self._source_marker, issue.key.marker)
        title = fit_title(self._mapping, issue.title)
        if title != issue.title:
            issue.shortened = (Shortened("title", count_units(issue.title)),)
            issue.text = open_with_title(issue.title, issue.text)
            issue.title = title
        fitted = fit_description(self._mapping, issue.text, issue.footer.text)
        issue.description, issue.rest = fitted.text, fitted.rest
        if fitted.shortened is not None:
            issue.shortened = (*issue.shortened, fitted.shortened)

    def _gather_comments(self, issue: Issue, *, leads: bool) -> None:
        """Gather the comments: what the footer and the issue parts had no room for, and what people said.

        What is too long for the footer or a flag's note is a comment also where the discussion is dropped.
        """
        notes, continued = issue.notes, issue.footer.comments() if leads else ()
        discussion, is_sent = issue.discussion, issue.bundling != "drop"
        # Where all comments are dropped, nobody has to decide about the private ones.
        if discussion.is_undecided and is_sent:
            issue.findings.append(PRIVATE)
        issue.findings += discussion.findings
        if self._occurrences is not None:
            labels = self._labels.read(issue.row)
            notes, continued = self._occurrences.add(issue, labels, partial(self._clean_comments, issue)), ()
        # Before what people have said, the footer's first.
        issue.comments = (*continued, *notes, *(discussion.comments if is_sent else ()))

    def _write_parts(self, issue: Issue) -> None:
        """Put together what an issue has beside its create."""
        mentions: tuple[Mention, ...] = ()
        if self._mapping.references:  # not in the footer, which names the issue itself
            text = issue.description.removesuffix(issue.footer.text)
            mentions = self._references.find(text, issue.key.own)
        comments = self._clean_comments(issue, issue.comments)
        if issue.rest or comments or mentions:  # as of few plain rows
            issue.parts = issue.parts._replace(rest=issue.rest, comments=comments, mentions=mentions)

    def _add_findings(self, issue: Issue, *, leads: bool) -> None:
        """Add what there is to say of the row, in the order of its fields."""
        issue.findings += self._decisions.findings(issue.row, issue.created, issue.level)
        for name, kinds in issue.secrets.items():
            issue.findings += self._cleaner.findings(name, kinds)
        if leads and issue.footer.continued:
            issue.findings += issue.footer.findings()
        if issue.row.dropped:
            issue.findings.append(dropped_finding("description", issue.row.dropped))
        if issue.discussion.dropped:
            issue.findings.append(dropped_finding("comments", issue.discussion.dropped))
        issue.findings += issue.person_findings

    def _clean_comments(self, issue: Issue, comments: tuple[Comment, ...]) -> tuple[Comment, ...]:
        """The comments with their texts, authors and dates sanitised."""
        if not comments:
            return comments
        texts = self._clean(issue, "comments", [comment.text for comment in comments])
        cleaned = []
        for comment, text in zip(comments, texts, strict=True):
            author, date = self._authors[comment.author], self._cleaner.line(comment.date)
            if (author, date, text) != (comment.author, comment.date, comment.text):
                comment = comment._replace(author=author, date=date, text=text)
            cleaned.append(comment)
        return tuple(cleaned)

    def _clean(self, issue: Issue, name: str, texts: Sequence[str]) -> list[str]:
        """Sanitise texts that go into a field, and note what was found in them."""
        every = self._cleaner.sanitise([self._cleaner.prepare(issue.row, text) for text in texts])
        for sanitized in every:
            _note(issue, name, sanitized)
        return [sanitized.text for sanitized in every]

    def _show_author(self, author: str) -> str:
        """The author of a comment as people are shown: by the name in users.csv, or the one that the source has."""
        name = self._shown.roster.name_of(author) or self._find_name(author) or author
        return self._cleaner.line(self._shown.show_author(name))


def _note(issue: Issue, name: str, sanitized: Sanitized) -> None:
    """Note what was found in a text of a field."""
    issue.neutralised += sanitized.neutralised
    if sanitized.secrets:
        issue.secrets[name] = tuple(dict.fromkeys((*issue.secrets.get(name, ()), *sanitized.secrets)))
