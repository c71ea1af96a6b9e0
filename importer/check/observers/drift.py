"""Drift: how far a source has moved from what the ledger knows of it, so that much at once is not believed.

A dead or damaged export, another site with the same keys, or another column for the key look like work to be done: all
issues rewritten, or all made again. Each reading of the check counts the signs, and a person or an option decides.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import orjson

from importer.check.examine import Examined
from importer.check.knowledge import KnownSample, LedgerStatus
from importer.check.plan import Plan
from importer.phrases import clip, counted, shell_join
from importer.records import Act, Operation
from importer.transform.footers import find_footer

SAMPLES = 3
TEXT_SHOWN = 80
UNLIKE = 0.3
"""Most that two titles have in common, from 0 to 1, where one is no edit of the other."""
FEW, MANY = 2, 10
"""Least rows that are a sign: of one that hardly comes by chance, and of one that may."""
NEARLY_ALL = 0.9
GO_ON = "the same command with --max-changes 100%"


class Limit(Protocol):
    """How many of the known rows may change."""

    def is_exceeded(self, rows: int, total: int) -> bool:
        """Whether so many of `total` are more than that."""


class Drift:
    """Counts what speaks against a source, row by row; `doubts` says what it comes to.

    known    rows whose key has an issue
    changed  of these, rows whose issue would be written, not only because the mapping changed
    """

    def __init__(
        self,
        source_name: str,
        sample: KnownSample,
        find_others: Callable[[], Mapping[str, KnownSample]] = dict,
        *,
        has_comments_beside: bool = False,
    ) -> None:
        self.known = self.changed = 0
        self._source_name, self._total = source_name, sample.total
        self._fields = Counter[str]()
        self._recast = 0  # titles that are the same words in another form
        self._strange = self._renamed = 0  # quite other titles, with other differences and without
        self._changes: list[str] = []
        self._strangers: list[str] = []
        self._moved = _MovedKeys(sample)
        self._find_others: Callable[[], Mapping[str, KnownSample]] | None = find_others
        self._others = dict[str, _MovedKeys]()  # read once there is something to create
        self._has_comments_beside = has_comments_beside
        self._reread = 0  # rows that are as they were, and have other comments than they had
        self._rereads: list[str] = []

    def add(self, examined: Examined, plan: Plan) -> None:
        """Count a chunk: all keys in it, and its plan."""
        for key, status in plan.ledger.items():
            if status.issue_id:
                self._add(key, status)
        operations = plan.operations.values()
        if self._find_others is not None and any(operation.act is Act.CREATE for operation in operations):
            others, self._find_others = self._find_others().items(), None
            self._others = {name: _MovedKeys(sample, of_other_source=True) for name, sample in others}
        for moved in (self._moved, *self._others.values()):
            moved.add(plan.rows.columns["key"], operations)
        # A table beside the rows may have new comments alone: that the row is as it was says nothing of them.
        for place in () if self._has_comments_beside else plan.reread:
            key = plan.rows.columns["key"][place]
            content = plan.ledger[key].content if key in plan.ledger else b""
            if content and content == examined.create(place, hashed=True).content:
                self._reread += 1
                _keep(self._rereads, key)

    def _add(self, key: str, status: LedgerStatus) -> None:
        self.known += 1
        differs = status.differs
        if differs is None:
            return
        before, now = (str(text or "") for text in differs.fields.get("title", ("", "")))
        if before and _likeness(before, now) < UNLIKE:
            if len(differs.fields) > 1:
                self._strange += 1
            else:
                self._renamed += 1
            _keep(self._strangers, f"{key}: title was {_show(before)}, would be {_show(now)}")
        if not differs.written:
            return
        self.changed += 1
        self._fields.update(differs.written)
        self._recast += "title" in differs.written and before != "" and _letters(before) == _letters(now)
        field = next((name for name in differs.written if name != "description"), "description")
        if len(self._changes) < SAMPLES and field in differs.fields:
            self._changes.append(f"{key}: {_describe(field, *differs.fields[field])}")

    def doubts(self, limit: Limit) -> list[str]:
        """Say why the rows are not believed, each reason with samples and what to type; nothing where they are."""
        found = [self._other_site(), self._moved_keys(), self._other_form() or self._too_many(limit)]
        found += [self._other_comments(), *(_other_name(name, moved) for name, moved in self._others.items())]
        return list(filter(None, found))

    def _other_site(self) -> str:
        strange = self._strange + self._renamed
        if not (2 * strange > self.known and (self._strange >= FEW or strange >= MANY)):
            return ""
        what = f"Of {counted(self.known, 'row')} whose keys are in Triage, {strange:,} have very different titles"
        return _with_samples(
            f"{what}: this looks like a different site with the same keys.",
            self._strangers,
            "If it is a different site, give it its own name: the same command with --source-name "
            f"{self._source_name}-2\n"
            f"If these issues were rewritten: {GO_ON}",
        )

    def _other_form(self) -> str:
        if self._recast >= FEW * 2 and self._recast >= NEARLY_ALL * self.changed:
            field, rows = "title", self._recast
        else:
            field, rows = next(iter(self._fields.most_common(1)), ("", 0))
            if rows < MANY or rows < NEARLY_ALL * self._total:
                return ""
        what = f"The {field} would change in {rows:,} of {counted(self._total, 'issue')}"
        return _with_samples(
            f"{what}: a column seems to have changed its format.", self._changes, f"If this is intended: {GO_ON}"
        )

    def _other_comments(self) -> str:
        if self._reread < FEW:
            return ""
        rows = counted(self._reread, "row")
        return _with_samples(
            f"{rows} in Triage are unchanged, but their comments are read differently than before: their issues would "
            "have them twice.",
            self._rereads,
            f"With the mapping that was used before, they are recognised.\nTo add them again anyway: {GO_ON}",
        )

    def _moved_keys(self) -> str:
        return self._moved.doubt(
            "under other keys: the key seems to come from another column.",
            "was",
            "With the column that the mapping's `input: {key: …}` named before, they are recognised.",
        )

    def _too_many(self, limit: Limit) -> str:
        if not limit.is_exceeded(self.changed, self._total):
            return ""
        what = f"{self.changed:,} of {counted(self._total, 'issue')} would change, but --max-changes allows {limit}"
        return _with_samples(f"{what}.", self._changes, f"If this is intended: {GO_ON}")


class _MovedKeys:
    """Finds rows that come again under another key: their content, or their title, is that of a key that is absent."""

    def __init__(self, sample: KnownSample, *, of_other_source: bool = False) -> None:
        self._step, self._size, self._of_other_source = sample.step, len(sample.issues), of_other_source
        titles = Counter(self._name(issue.key, issue.title) for issue in sample.issues)
        self._absent = {issue.key for issue in sample.issues}
        self._by_content = {issue.content: issue.key for issue in sample.issues if issue.content}
        # What alerts are called comes again with each: only a title that one issue has says whose it is.
        self._by_title = {
            name: issue.key
            for issue in sample.issues
            if titles[name := self._name(issue.key, issue.title)] == 1 and name
        }
        self._same_content = dict[str, str]()  # old key → new key
        self._same_title = dict[str, str]()
        self._new = 0

    def add(self, keys: Iterable[str], operations: Iterable[Operation]) -> None:
        """Look at all keys of a chunk, and at the creates among its operations."""
        if not self._size:
            return
        self._absent.difference_update(keys)
        for operation in operations:
            if operation.act is not Act.CREATE:
                continue
            self._new += 1
            if (old := self._by_content.get(operation.content)) is not None:
                self._same_content.setdefault(old, operation.key)
            title = self._name(operation.key, orjson.loads(operation.body)["title"])
            if (old := self._by_title.get(title)) is not None:
                self._same_title.setdefault(old, operation.key)

    def _name(self, key: str, title: str) -> str:
        """The letters of a title; for another source, which may have the same titles, with the tracker's own key."""
        letters = _letters(title)
        return f"{key.partition(':')[2]} {letters}" if self._of_other_source and letters else letters

    def doubt(self, where: str, verb: str, hint: str) -> str:
        """Say that rows are in Triage already, and where, or nothing; `verb` is between the new key and the old one."""
        content, title = (
            {old: new for old, new in found.items() if old in self._absent}
            for found in (self._same_content, self._same_title)
        )
        both = title | content
        respelled = [(old, new) for old, new in both.items() if _letters(old) == _letters(new)]
        # One is enough: chance gives no row the key and the title of another.
        if respelled and not self._of_other_source:
            return _with_samples(
                f"{counted(len(respelled), 'row')} would be created whose key is that of a row in Triage in another "
                "spelling: other capitals, blanks or marks.",
                [f"{new} was {old}" for old, new in respelled[:SAMPLES]],
                f"With the key as it was, they are recognised. To create them again anyway: {GO_ON}",
            )
        # A delta has few new rows: that some have an older issue's title is no sign, unless most issues come again.
        is_moved = len(content) >= FEW and 2 * len(content) * self._step >= self._new
        if not is_moved and not (len(both) >= MANY / 2 and 2 * len(both) > self._size):
            return ""
        what = "content" if is_moved else "titles"
        return _with_samples(
            f"{counted(self._new, 'row')} would be created, with the {what} of rows that are in Triage {where}",
            [f"{new} {verb} {old}" for old, new in list(both.items())[:SAMPLES]],
            f"{hint}\nTo create them again anyway: {GO_ON}",
        )


def _other_name(name: str, moved: _MovedKeys) -> str:
    return moved.doubt(
        f"from the source {name!r}: each issue would be there twice.",
        "is",
        f"To go on with that source: the same command with --source-name {shell_join([name])}",
    )


def _likeness(one: str, other: str) -> float:
    """Compare two titles by their pairs of letters, in any language: 0 is nothing in common, 1 the same."""
    pairs, others = _pairs(one), _pairs(other)
    if not pairs or not others:
        return float(_letters(one) == _letters(other))
    return 2 * len(pairs & others) / (len(pairs) + len(others))


def _pairs(text: str) -> set[str]:
    letters = _letters(text)
    return {letters[place : place + 2] for place in range(len(letters) - 1)}


def _letters(text: str) -> str:
    """Return the letters and digits of a text, in one case and without accents."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text.casefold())))


def _describe(field: str, before: object, now: object) -> str:
    if field == "description":  # the ledger has its digest only, and what changes in all of them is in the footer
        text = str(now or "")
        return f"description is different, with the footer {_show(text[find_footer(text) :] or text)}"
    return f"{field} was {_show(before)}, would be {_show(now)}"


def _show(value: object) -> str:
    text = " ".join(str(value or "").split())
    return json.dumps(clip(text, TEXT_SHOWN), ensure_ascii=False)


def _keep(samples: list[str], text: str) -> None:
    if len(samples) < SAMPLES:
        samples.append(text)


def _with_samples(what: str, samples: Sequence[str], hint: str) -> str:
    return "\n".join(_lines(what, samples, hint))


def _lines(what: str, samples: Sequence[str], hint: str) -> Iterator[str]:
    yield what
    yield from (f"  {sample}" for sample in samples)
    yield hint
