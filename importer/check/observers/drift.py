"""Drift: how far a source has moved from what the ledger knows of it, so that much at once is not believed.

A dead or damaged export, another site with the same keys, or another column for the key look like work to be done: all
issues rewritten, or all made again. Each reading of the check counts the signs, and a person or an option decides.
"""

from __future__ import annotations

import json
import unicodedata
import weakref
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from tempfile import TemporaryFile
from typing import NamedTuple, Protocol

import orjson

from importer.check.brake import LostValues
from importer.check.examine import RowRun
from importer.check.knowledge import KnownSample, Knows, LedgerStatus
from importer.phrases import clip, counted, shell_join
from importer.records import Act, Operation, is_same_row, names_project
from importer.scratch import temporary_files
from importer.transform.footers import find_footer

TEXT_SHOWN = 80
UNLIKE = 0.3
"""Most that two titles have in common, from 0 to 1, where one is no edit of the other."""
NEARLY_ALL = 0.9


class Limit(Protocol):
    """How many of the known rows may change."""

    def is_exceeded(self, rows: int, total: int) -> bool:
        """Whether so many of `total` are more than that."""


class Drift:
    """Counts what speaks against a source, row by row; `doubts` says what it comes to.

    known    rows whose key has an issue
    changed  of these, rows whose issue would be written, not only because the mapping changed
    newer    of these, rows that the source dates later than what was sent
    """

    def __init__(
        self,
        source_name: str,
        knowledge: Knows,
        *,
        has_comments_beside: bool = False,
        recurs: bool = False,
        line_of_project: str = "",
    ) -> None:
        sample = knowledge.sample()
        self._line_of_project = line_of_project
        self.known = self.changed = self.newer = 0
        self._source_name = source_name
        self._total = sample.total
        self._fields = Counter[str]()
        self._recast = 0  # titles that are the same words in another form
        self._strange = self._renamed = 0  # quite other titles, with other differences and without
        self._lost = defaultdict[str, LostValues](LostValues)  # name → values that are blank in newer rows
        self._changes: list[str] = []
        self._edits: list[str] = []
        self._strangers: list[str] = []
        self._strange_keys: list[str] = []
        respelled = () if recurs else (RespelledKeys(knowledge),)  # these rows are rejected one by one
        self._again = (*respelled, MovedKeys(sample)) if sample.total else ()
        self._others = OtherSources(knowledge)
        self._has_comments_beside = has_comments_beside
        self._reread = 0  # rows that are as they were, and have other comments than they had
        self._rereads: list[str] = []

    def add(self, run: RowRun) -> None:
        for row, status in run.known_rows():
            if status.issue_id:
                self._add(row.key, status)
        operations = [row.operation for row in run.rows if row.operation is not None]
        creates = [operation for operation in operations if operation.act is Act.CREATE]
        for again in self._again:
            again.add([row.key for row in run.rows], creates)
        self._others.add(creates)
        # A table beside the rows may have new comments alone: that the row is as it was says nothing of them.
        for row in () if self._has_comments_beside else run.rows:
            if not row.is_reread or row.status is None:
                continue
            if is_same_row(row.status.content, row.make_create(hashed=True).content):
                self._reread += 1
                _keep(self._rereads, row.key)

    def _add(self, key: str, status: LedgerStatus) -> None:
        self.known += 1
        differs = status.differs
        if differs is None:
            return
        titles = differs.fields.get("title", ("", ""))
        before, after = (str(title or "") for title in titles)
        if before and not differs.is_certain and likeness(before, after) < UNLIKE:
            if len(differs.fields) > 1:
                self._strange += 1
            else:
                self._renamed += 1
            native_key = key.partition(":")[2]
            _keep(self._strange_keys, native_key)
            _keep(self._strangers, f"{key}: {_describe('title', before, after)}")
        if not differs.written:
            return
        self.changed += 1
        self._fields.update(differs.written)
        if "title" in differs.written and before:
            self._recast += letters(before) == letters(after)
        field = next((name for name in differs.written if name != "description"), "description")
        self.newer += differs.is_newer
        if differs.is_newer:
            for name, value in status.emptied.items():
                self._lost[name].add(value)
        samples = self._changes
        if differs.is_newer and not status.emptied:
            samples = self._edits
        if len(samples) < SAMPLES and field in differs.fields:
            description = _describe(field, *differs.fields[field])
            samples.append(f"{key}: {description}")

    @property
    def is_delta(self) -> bool:
        """Whether the source has few of the known keys, see `has_few`."""
        return has_few(self.known, self._total)

    def warnings(self) -> Iterator[str]:
        """Say that what a mapping calls a snapshot is none, a sentence."""
        if self.is_delta:
            few = f"{self.known:,} of {counted(self._total, 'key')} that are in Triage"
            yield f"this is no snapshot: it has {few}, so none counts as vanished; look whether the export is complete"

    def doubts(self, limit: Limit) -> list[str]:
        """Say why the rows are not believed, each reason with samples and what to type; nothing where they are."""
        moved = next(filter(None, (finder.doubt() for finder in self._again)), "")
        reasons = [self._other_site(), moved, self._other_form() or self._too_many(limit)]
        reasons += [self._other_comments(), *self._others.doubts()]
        return list(filter(None, reasons))

    def _other_site(self) -> str:
        strange = self._strange + self._renamed
        if 2 * strange <= self.known:
            return ""
        # A title alone may have been edited: so few of them say nothing.
        if self._strange < FEW and strange < MANY:
            return ""
        sentence = f"Of {counted(self.known, 'row')} whose keys are in Triage, {strange:,} have very different titles"
        own_name = f"give it its own name: the same command with --source-name {self._source_name}-2"
        # A key that names its project is no other project's of the same site; a number may be.
        if any(map(names_project, self._strange_keys)):
            looks_like, hint = "a different site with the same keys", f"If it is a different site, {own_name}"
        else:
            looks_like = "another project, or a different site, with the same keys"
            hint = (
                "If it is another project of the same tracker, let its mapping name the project in each key, under the "
                f"same source name: {self._line_of_project}\nIf it is a different site or another list, {own_name}"
            )
        return with_samples(
            f"{sentence}: this looks like {looks_like}.",
            self._strangers,
            f"{hint}\nIf these issues were rewritten: {GO_ON}",
        )

    def _other_form(self) -> str:
        if self._recast >= FEW * 2 and self._recast >= NEARLY_ALL * self.changed:
            field = "title"
            rows = self._recast
        elif self._fields:
            [(field, rows)] = self._fields.most_common(1)
            if rows < MANY or rows < NEARLY_ALL * self._total:
                return ""
        else:
            return ""
        sentence = f"The {field} would change in {rows:,} of {counted(self._total, 'issue')}"
        samples = [*self._changes, *self._edits][:SAMPLES]
        return with_samples(
            f"{sentence}: a column seems to have changed its format.", samples, f"If this is intended: {GO_ON}"
        )

    def _other_comments(self) -> str:
        if self._reread < FEW:
            return ""
        rows = counted(self._reread, "row")
        return with_samples(
            f"{rows} in Triage are unchanged, but their comments are read differently than before: their issues would "
            "have them twice.",
            self._rereads,
            f"With the mapping that was used before, they are recognised.\nTo add them again anyway: {GO_ON}",
        )

    def _too_many(self, limit: Limit) -> str:
        # A file of some rows is measured by the ledger.
        total = self._total if self.is_delta else min(self._total, self.known)
        blanks = [values.decisions for values in self._lost.values()]
        doubtful = count_doubtful(self.changed, self.newer, blanks)
        if not limit.is_exceeded(doubtful, total):
            return ""
        verb = "change without a newer date, or lose a value" if self.newer else "change"
        issues = counted(total, "issue")
        sentence = f"{doubtful:,} of {issues} would {verb}, but --max-changes allows {limit}"
        return with_samples(f"{sentence}.", self._changes, f"If this is intended: {GO_ON}")


def count_doubtful(changed: int, newer: int, blanks: Iterable[int]) -> int:
    """Count the changes that nobody seems to have made in the source.

    changed  issues that would be written
    newer    of these, the ones that the source dates later than before: no damage to an export does that
    blanks   of each name, how many values are blank in such a row, see `LostValues.decisions`: somebody has taken them
             away, or the exporting account may not read them any more
    """
    return changed - newer + max(blanks, default=0)


def has_few(present: int, total: int) -> bool:
    """Whether a source with so many of `total` known keys has only what has changed: fewer than half of them."""
    return 2 * present < total


def likeness(first: str, second: str) -> float:
    """Compare two titles by their pairs of letters, in any language: 0 is nothing in common, 1 the same."""
    first_pairs = _pairs(first)
    second_pairs = _pairs(second)
    if not first_pairs or not second_pairs:
        return float(letters(first) == letters(second))
    shared = first_pairs & second_pairs
    return 2 * len(shared) / (len(first_pairs) + len(second_pairs))


def _pairs(text: str) -> set[str]:
    return {first + second for first, second in pairwise(letters(text))}


def _describe(field: str, before: object, after: object) -> str:
    if field == "description":  # the ledger has its digest only, and what changes in all of them is in the footer
        text = str(after or "")
        footer = text[find_footer(text) :]
        return f"description is different, with the footer {_show(footer or text)}"
    pairs = zip(_on_one_line(before), _on_one_line(after), strict=False)
    differs_at = 0
    for place, (sign_before, sign_after) in enumerate(pairs):
        if sign_before != sign_after:
            differs_at = place
            break
    return f"{field} was {_show(before, differs_at)}, would be {_show(after, differs_at)}"


def _on_one_line(value: object) -> str:
    return " ".join(str(value or "").split())


def _show(value: object, differs_at: int = 0) -> str:
    """Quote a text; one that is like another for so long begins shortly before they differ."""
    start = max(0, differs_at - TEXT_SHOWN // 2)
    excerpt = clip(_on_one_line(value)[start:], TEXT_SHOWN)
    if start:
        excerpt = f"…{excerpt}"
    return json.dumps(excerpt, ensure_ascii=False)


def _keep(samples: list[str], text: str) -> None:
    if len(samples) < SAMPLES:
        samples.append(text)


SAMPLES = 3
FEW, MANY = 2, 10
"""Least rows that are a sign: of one that hardly comes by chance, and of one that may."""
MOST = 100_000
"""New rows whose spelling is compared. Where there are more, and most are respelled, a sample of the known shows it."""
AT_ONCE = 1 << 16
"""Bytes of the spool that are read at once."""
GO_ON = "the same command with --max-changes 100%"


class MovedKeys:
    """Finds rows that come again under another key: their content, or their title, is that of a key that is absent."""

    def __init__(self, sample: KnownSample) -> None:
        self._step = sample.step
        self._size = len(sample.issues)
        titles = Counter(letters(issue.title) for issue in sample.issues)
        self._absent = {issue.key for issue in sample.issues}
        self._by_content = {issue.content: issue.key for issue in sample.issues if issue.content}
        self._by_title = dict[str, str]()
        for issue in sample.issues:
            title = letters(issue.title)
            # What alerts are called comes again with each: only a title that one issue has says whose it is.
            if title and titles[title] == 1:
                self._by_title[title] = issue.key
        self._same_content = dict[str, str]()  # old key → new key
        self._same_title = dict[str, str]()
        self._new = 0

    def add(self, keys: Iterable[str], creates: Collection[Operation]) -> None:
        self._absent.difference_update(keys)
        self._new += len(creates)
        for create in creates:
            old = self._by_content.get(create.content)
            if old is not None:
                self._same_content.setdefault(old, create.key)
            title = letters(title_of(create))
            old = self._by_title.get(title)
            if old is not None:
                self._same_title.setdefault(old, create.key)

    def doubt(self) -> str:
        """Say that rows are in Triage already under other keys, or nothing."""
        by_content = {old: new for old, new in self._same_content.items() if old in self._absent}
        by_title = {old: new for old, new in self._same_title.items() if old in self._absent}
        moved = by_title | by_content
        rows = len(by_content) * self._step
        is_moved = len(by_content) >= FEW and 2 * rows >= self._new
        # A delta has few new rows: that some have an older issue's title is no sign, unless most issues come again.
        are_most = len(moved) >= MANY / 2 and 2 * len(moved) > self._size
        if not is_moved and not are_most:
            return ""
        shared_part = "content" if is_moved else "titles"
        where = "under other keys: the key seems to come from another column."
        pairs = [f"{new} was {old}" for old, new in moved.items()]
        hint = "With the column that the mapping's `input: {key: …}` named before, they are recognised."
        return _say_there(self._new, shared_part, where, pairs, hint)


class _New(NamedTuple):
    """A row to be created: its key, the digest of its content, and the letters of its title."""

    key: str
    content: bytes
    title: str


class RespelledKeys:
    """Finds rows whose key and title, or content, are those of a row in Triage whose key is spelled otherwise.

    It is absent under its own spelling. All known keys are compared, in flat memory, where anything is to be created.
    """

    def __init__(self, knowledge: Knows) -> None:
        self._knowledge = knowledge
        self._new = dict[str, _New]()  # by the letters of the key
        with temporary_files():
            self._seen = TemporaryFile()  # noqa: SIM115 - hashes of all keys
        weakref.finalize(self, self._seen.close)

    def add(self, keys: Iterable[str], creates: Iterable[Operation]) -> None:
        with temporary_files():
            self._seen.write(array("q", map(hash, keys)).tobytes())
        if len(self._new) >= MOST:
            return
        for create in creates:
            title = letters(title_of(create))
            self._new[letters(create.key)] = _New(create.key, create.content, title)

    def doubt(self) -> str:
        """Say that keys come in another spelling, or nothing; one is enough: chance gives no row such a key and title.

        Raises StorageFull if the temporary disk is full.
        """
        if not self._new:
            return ""
        spelled = dict[str, _New]()
        for page in self._knowledge.all_keys():
            spellings = letters("\0".join(page)).split("\0")
            for old, spelling in zip(page, spellings, strict=True):
                new = self._new.get(spelling)
                if new is not None and new.key != old:
                    spelled[old] = new
        if not spelled:
            return ""
        alike = dict[str, str]()
        for issue in self._knowledge.issues(spelled):
            new = spelled[issue.key]
            if new.content == issue.content or (new.title and new.title == letters(issue.title)):
                alike[issue.key] = new.key
        if not alike:
            return ""
        present = self._find_seen({hash(old) for old in alike})
        respelled = [f"{new} was {old}" for old, new in alike.items() if hash(old) not in present]
        if not respelled:
            return ""
        rows = counted(len(respelled), "row")
        return with_samples(
            f"{rows} would be created whose key is that of a row in Triage in another spelling: other capitals, blanks "
            "or marks.",
            respelled[:SAMPLES],
            f"With the key as it was, they are recognised. To create them again anyway: {GO_ON}",
        )

    def _find_seen(self, hashes: set[int]) -> set[int]:
        present = set[int]()
        with temporary_files():
            self._seen.seek(0)
            while block := self._seen.read(AT_ONCE):
                present |= hashes.intersection(array("q", block))
        return present


class OtherSources:
    """Finds rows that another source of the ledger has in the target: the tracker's key is the same, and the title."""

    def __init__(self, knowledge: Knows) -> None:
        self._knowledge = knowledge
        # By the name of the other source: rows that have its content, and those that have that or its title.
        self._content = Counter[str]()
        self._both = Counter[str]()
        self._pairs = defaultdict[str, list[str]](list)
        self._new = 0

    def add(self, creates: Collection[Operation]) -> None:
        self._new += len(creates)
        if not creates:
            return
        by_native_key = {create.key.partition(":")[2]: create for create in creates}
        for name, issues in self._knowledge.in_other_sources(by_native_key):
            for issue in issues:
                native_key = issue.key.partition(":")[2]
                new = by_native_key[native_key]
                # Two sites may share numbers, and alerts that recur; two issues without a title are not alike for that.
                is_same = bool(new.content) and new.content == issue.content
                if is_same or letters(issue.title) == letters(title_of(new)) != "":
                    self._content[name] += is_same
                    self._both[name] += 1
                    _keep(self._pairs[name], f"{new.key} is {issue.key}")

    def doubts(self) -> Iterator[str]:
        """Say of each other source that has most of the rows, or most of whose issues come again, that it is so."""
        for name, rows in self._both.items():
            same_content = self._content[name]
            is_moved = same_content >= FEW and 2 * same_content >= self._new
            is_named = rows >= MANY / 2
            if is_named and 2 * rows < self._new:  # few of its new rows: then most issues of the other one come again
                is_named = 2 * rows > self._knowledge.count_issues(name)
            if is_moved or is_named:
                shared_part = "content" if is_moved else "titles"
                where = f"from the source {name!r}: each issue would be there twice."
                hint = f"To go on with that source: the same command with --source-name {shell_join([name])}"
                yield _say_there(self._new, shared_part, where, self._pairs[name], hint)


def _say_there(new: int, shared_part: str, where: str, pairs: Sequence[str], hint: str) -> str:
    rows = counted(new, "row")
    sentence = f"{rows} would be created, with the {shared_part} of rows that are in Triage {where}"
    return with_samples(sentence, pairs[:SAMPLES], f"{hint}\nTo create them again anyway: {GO_ON}")


def with_samples(sentence: str, samples: Sequence[str], hint: str) -> str:
    """A sentence, a few samples below it, and what to do."""
    indented = [f"  {sample}" for sample in samples]
    return "\n".join([sentence, *indented, hint])


def letters(text: str) -> str:
    """The letters and digits of a text, in one case and without accents; NUL stays, which parts texts."""
    text = unicodedata.normalize("NFKD", text.casefold())
    for sign in set(text):  # of a page of keys there are few: five times as fast as looking at each place
        if not sign.isalnum() and sign != "\0":
            text = text.replace(sign, "")
    return text


def title_of(create: Operation) -> str:
    """Return the title that is sent."""
    return str(orjson.loads(create.body)["title"])
