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
        known: Knows,
        *,
        has_comments_beside: bool = False,
        recurs: bool = False,
        line_of_project: str = "",
    ) -> None:
        sample = known.sample()
        self._line_of_project = line_of_project
        self.known = self.changed = self.newer = 0
        self._source_name, self._total = source_name, sample.total
        self._fields = Counter[str]()
        self._recast = 0  # titles that are the same words in another form
        self._strange = self._renamed = 0  # quite other titles, with other differences and without
        self._lost = defaultdict[str, LostValues](LostValues)  # name → values that are blank in newer rows
        self._changes: list[str] = []
        self._edits: list[str] = []
        self._strangers: list[str] = []
        self._strange_keys: list[str] = []
        respelled = () if recurs else (RespelledKeys(known),)  # these rows are rejected one by one
        self._again = (*respelled, MovedKeys(sample)) if sample.total else ()
        self._others = OtherSources(known)
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
        before, now = (str(text or "") for text in differs.fields.get("title", ("", "")))
        if before and not differs.is_certain and likeness(before, now) < UNLIKE:
            if len(differs.fields) > 1:
                self._strange += 1
            else:
                self._renamed += 1
            _keep(self._strange_keys, key.partition(":")[2])
            _keep(self._strangers, f"{key}: {_describe('title', before, now)}")
        if not differs.written:
            return
        self.changed += 1
        self._fields.update(differs.written)
        self._recast += "title" in differs.written and before != "" and letters(before) == letters(now)
        field = next((name for name in differs.written if name != "description"), "description")
        self.newer += differs.is_newer
        for name, value in status.emptied.items() if differs.is_newer else ():
            self._lost[name].add(value)
        samples = self._edits if differs.is_newer and not status.emptied else self._changes
        if len(samples) < SAMPLES and field in differs.fields:
            samples.append(f"{key}: {_describe(field, *differs.fields[field])}")

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
        moved = next(filter(None, (again.doubt() for again in self._again)), "")
        found = [self._other_site(), moved, self._other_form() or self._too_many(limit)]
        found += [self._other_comments(), *self._others.doubts()]
        return list(filter(None, found))

    def _other_site(self) -> str:
        strange = self._strange + self._renamed
        if not (2 * strange > self.known and (self._strange >= FEW or strange >= MANY)):
            return ""
        what = f"Of {counted(self.known, 'row')} whose keys are in Triage, {strange:,} have very different titles"
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
            f"{what}: this looks like {looks_like}.",
            self._strangers,
            f"{hint}\nIf these issues were rewritten: {GO_ON}",
        )

    def _other_form(self) -> str:
        if self._recast >= FEW * 2 and self._recast >= NEARLY_ALL * self.changed:
            field, rows = "title", self._recast
        else:
            field, rows = next(iter(self._fields.most_common(1)), ("", 0))
            if rows < MANY or rows < NEARLY_ALL * self._total:
                return ""
        what = f"The {field} would change in {rows:,} of {counted(self._total, 'issue')}"
        samples = [*self._changes, *self._edits][:SAMPLES]
        return with_samples(
            f"{what}: a column seems to have changed its format.", samples, f"If this is intended: {GO_ON}"
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
        total = self._total if self.is_delta else min(self._total, self.known)
        doubtful = count_doubtful(self.changed, self.newer, [lost.decisions for lost in self._lost.values()])
        if not limit.is_exceeded(doubtful, total):
            return ""
        how = "change without a newer date, or lose a value" if self.newer else "change"
        what = f"{doubtful:,} of {counted(total, 'issue')} would {how}, but --max-changes allows {limit}"
        return with_samples(f"{what}.", self._changes, f"If this is intended: {GO_ON}")


def count_doubtful(changed: int, newer: int, lost: Iterable[int]) -> int:
    """Count the changes that nobody seems to have made in the source.

    changed  issues that would be written
    newer    of these, the ones that the source dates later than before: no damage to an export does that
    lost     of each name, how many values are blank in such a row, see `LostValues.decisions`: somebody has taken them
             away, or the exporting account may not read them any more
    """
    return changed - newer + max(lost, default=0)


def has_few(known: int, total: int) -> bool:
    """Whether a source with so many of `total` known keys has only what has changed: fewer than half of them."""
    return 2 * known < total


def likeness(one: str, other: str) -> float:
    """Compare two titles by their pairs of letters, in any language: 0 is nothing in common, 1 the same."""
    pairs, others = _pairs(one), _pairs(other)
    if not pairs or not others:
        return float(letters(one) == letters(other))
    return 2 * len(pairs & others) / (len(pairs) + len(others))


def _pairs(text: str) -> set[str]:
    its_letters = letters(text)
    return {its_letters[place : place + 2] for place in range(len(its_letters) - 1)}


def _describe(field: str, before: object, now: object) -> str:
    if field == "description":  # the ledger has its digest only, and what changes in all of them is in the footer
        text = str(now or "")
        return f"description is different, with the footer {_show(text[find_footer(text) :] or text)}"
    pairs = zip(_on_one_line(before), _on_one_line(now), strict=False)
    same = next((place for place, (one, other) in enumerate(pairs) if one != other), 0)
    return f"{field} was {_show(before, same)}, would be {_show(now, same)}"


def _on_one_line(value: object) -> str:
    return " ".join(str(value or "").split())


def _show(value: object, same: int = 0) -> str:
    """Quote a text; one that is like another for so long begins shortly before they differ."""
    text, left_out = _on_one_line(value), max(0, same - TEXT_SHOWN // 2)
    return json.dumps(f"{'…' if left_out else ''}{clip(text[left_out:], TEXT_SHOWN)}", ensure_ascii=False)


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
        self._step, self._size = sample.step, len(sample.issues)
        titles = Counter(letters(issue.title) for issue in sample.issues)
        self._absent = {issue.key for issue in sample.issues}
        self._by_content = {issue.content: issue.key for issue in sample.issues if issue.content}
        # What alerts are called comes again with each: only a title that one issue has says whose it is.
        self._by_title = {
            title: issue.key for issue in sample.issues if titles[title := letters(issue.title)] == 1 and title
        }
        self._same_content = dict[str, str]()  # old key → new key
        self._same_title = dict[str, str]()
        self._new = 0

    def add(self, keys: Iterable[str], creates: Collection[Operation]) -> None:
        self._absent.difference_update(keys)
        self._new += len(creates)
        for create in creates:
            if (old := self._by_content.get(create.content)) is not None:
                self._same_content.setdefault(old, create.key)
            if (old := self._by_title.get(letters(title_of(create)))) is not None:
                self._same_title.setdefault(old, create.key)

    def doubt(self) -> str:
        """Say that rows are in Triage already under other keys, or nothing."""
        content, title = (
            {old: new for old, new in found.items() if old in self._absent}
            for found in (self._same_content, self._same_title)
        )
        both = title | content
        # A delta has few new rows: that some have an older issue's title is no sign, unless most issues come again.
        is_moved = len(content) >= FEW and 2 * len(content) * self._step >= self._new
        if not is_moved and not (len(both) >= MANY / 2 and 2 * len(both) > self._size):
            return ""
        return _say_there(
            self._new,
            "content" if is_moved else "titles",
            "under other keys: the key seems to come from another column.",
            (f"{new} was {old}" for old, new in both.items()),
            "With the column that the mapping's `input: {key: …}` named before, they are recognised.",
        )


class _New(NamedTuple):
    """A row to be created: its key, the digest of its content, and the letters of its title."""

    key: str
    content: bytes
    title: str


class RespelledKeys:
    """Finds rows whose key and title, or content, are those of a row in Triage whose key is spelled otherwise.

    It is absent under its own spelling. All known keys are compared, in flat memory, where anything is to be created.
    """

    def __init__(self, known: Knows) -> None:
        self._known = known
        self._new = dict[str, _New]()  # by the letters of the key
        with temporary_files():
            self._seen = TemporaryFile()  # noqa: SIM115 - hashes of all keys
        weakref.finalize(self, self._seen.close)

    def add(self, keys: Iterable[str], creates: Iterable[Operation]) -> None:
        with temporary_files():
            self._seen.write(array("q", map(hash, keys)).tobytes())
        for create in creates if len(self._new) < MOST else ():
            self._new[letters(create.key)] = _New(create.key, create.content, letters(title_of(create)))

    def doubt(self) -> str:
        """Say that keys come in another spelling, or nothing; one is enough: chance gives no row such a key and title.

        Raises StorageFull if the temporary disk is full.
        """
        spelled = dict[str, _New]()
        for page in self._known.all_keys() if self._new else ():
            for old, its_letters in zip(page, letters("\0".join(page)).split("\0"), strict=True):
                new = self._new.get(its_letters)
                if new is not None and new.key != old:
                    spelled[old] = new
        alike = {
            issue.key: new.key
            for issue in (self._known.issues(spelled) if spelled else ())
            if (new := spelled[issue.key]).content == issue.content or (new.title and new.title == letters(issue.title))
        }
        there = self._find_seen({hash(old) for old in alike}) if alike else ()
        respelled = {old: new for old, new in alike.items() if hash(old) not in there}
        if not respelled:
            return ""
        return with_samples(
            f"{counted(len(respelled), 'row')} would be created whose key is that of a row in Triage in another "
            "spelling: other capitals, blanks or marks.",
            [f"{new} was {old}" for old, new in list(respelled.items())[:SAMPLES]],
            f"With the key as it was, they are recognised. To create them again anyway: {GO_ON}",
        )

    def _find_seen(self, wanted: set[int]) -> set[int]:
        found = set[int]()
        with temporary_files():
            self._seen.seek(0)
            while some := self._seen.read(AT_ONCE):
                found |= wanted.intersection(array("q", some))
        return found


class OtherSources:
    """Finds rows that another source of the ledger has in the target: the tracker's key is the same, and the title."""

    def __init__(self, known: Knows) -> None:
        self._known = known
        # By the name of the other source: rows that have its content, and those that have that or its title.
        self._content, self._both = Counter[str](), Counter[str]()
        self._pairs = defaultdict[str, list[str]](list)
        self._new = 0

    def add(self, creates: Collection[Operation]) -> None:
        self._new += len(creates)
        of = {create.key.partition(":")[2]: create for create in creates}
        for name, issues in self._known.in_other_sources(of) if of else ():
            for issue in issues:
                new = of[issue.key.partition(":")[2]]
                # Two sites may share numbers, and alerts that recur; two issues without a title are not alike for that.
                is_same = bool(new.content) and new.content == issue.content
                if is_same or letters(issue.title) == letters(title_of(new)) != "":
                    self._content[name] += is_same
                    self._both[name] += 1
                    _keep(self._pairs[name], f"{new.key} is {issue.key}")

    def doubts(self) -> Iterator[str]:
        """Say of each other source that has most of the rows, or most of whose issues come again, that it is so."""
        for name, both in self._both.items():
            is_moved = self._content[name] >= FEW and 2 * self._content[name] >= self._new
            is_named = both >= MANY / 2 and (2 * both >= self._new or 2 * both > self._known.count_issues(name))
            if is_moved or is_named:
                yield _say_there(
                    self._new,
                    "content" if is_moved else "titles",
                    f"from the source {name!r}: each issue would be there twice.",
                    self._pairs[name],
                    f"To go on with that source: the same command with --source-name {shell_join([name])}",
                )


def _say_there(new: int, what: str, where: str, pairs: Iterable[str], hint: str) -> str:
    return with_samples(
        f"{counted(new, 'row')} would be created, with the {what} of rows that are in Triage {where}",
        list(pairs)[:SAMPLES],
        f"{hint}\nTo create them again anyway: {GO_ON}",
    )


def with_samples(what: str, samples: Sequence[str], hint: str) -> str:
    """A sentence, a few samples below it, and what to do."""
    return "\n".join([what, *(f"  {sample}" for sample in samples), hint])


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
