"""Drift: how far a source has moved from what the ledger knows of it, so that much at once is not believed.

A dead or damaged export, another site with the same keys, or another column for the key look like work to be done: all
issues rewritten, or all made again. Each reading of the check counts the signs, and a person or an option decides.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Protocol

from importer.check.examine import Examined
from importer.check.knowledge import Knows, LedgerStatus
from importer.check.observers.known_rows import (
    FEW,
    GO_ON,
    MANY,
    SAMPLES,
    MovedKeys,
    OtherSources,
    RespelledKeys,
    letters,
    with_samples,
)
from importer.check.plan import Plan
from importer.phrases import clip, counted
from importer.records import Act, is_same_row
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
    """

    def __init__(
        self, source_name: str, known: Knows, *, has_comments_beside: bool = False, is_delta: bool = False
    ) -> None:
        sample = known.sample()
        self.known = self.changed = 0
        self._source_name, self._total = source_name, sample.total
        self._fields = Counter[str]()
        self._recast = 0  # titles that are the same words in another form
        self._strange = self._renamed = 0  # quite other titles, with other differences and without
        self._changes: list[str] = []
        self._strangers: list[str] = []
        self._again = (RespelledKeys(known), MovedKeys(sample)) if sample.total else ()
        self._others = OtherSources(known)
        self._has_comments_beside, self._is_delta = has_comments_beside, is_delta
        self._reread = 0  # rows that are as they were, and have other comments than they had
        self._rereads: list[str] = []

    def add(self, examined: Examined, plan: Plan) -> None:
        """Count a chunk: all keys in it, and its plan."""
        for key, status in plan.ledger.items():
            if status.issue_id:
                self._add(key, status)
        creates = [operation for operation in plan.operations.values() if operation.act is Act.CREATE]
        for again in self._again:
            again.add(plan.rows.columns["key"], creates)
        self._others.add(creates)
        # A table beside the rows may have new comments alone: that the row is as it was says nothing of them.
        for place in () if self._has_comments_beside else plan.reread:
            key = plan.rows.columns["key"][place]
            content = plan.ledger[key].content if key in plan.ledger else b""
            if is_same_row(content, examined.create(place, hashed=True).content):
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
            _keep(self._strangers, f"{key}: {_describe('title', before, now)}")
        if not differs.written:
            return
        self.changed += 1
        self._fields.update(differs.written)
        self._recast += "title" in differs.written and before != "" and letters(before) == letters(now)
        field = next((name for name in differs.written if name != "description"), "description")
        if len(self._changes) < SAMPLES and field in differs.fields:
            self._changes.append(f"{key}: {_describe(field, *differs.fields[field])}")

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
        return with_samples(
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
        return with_samples(
            f"{what}: a column seems to have changed its format.", self._changes, f"If this is intended: {GO_ON}"
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
        # In a file of some records, as long as nobody calls it a delta, all that it has of them is all that there is.
        total = self._total if self._is_delta else min(self._total, self.known)
        if not limit.is_exceeded(self.changed, total):
            return ""
        what = f"{self.changed:,} of {counted(total, 'issue')} would change, but --max-changes allows {limit}"
        return with_samples(f"{what}.", self._changes, f"If this is intended: {GO_ON}")


def _likeness(one: str, other: str) -> float:
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
