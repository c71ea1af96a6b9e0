"""Snapshots of issues and the three-way merge: which fields a person has changed in Triage since our last write.

The ledger keeps a snapshot for each issue, as JSON in its column `returned`. A field whose value in Triage differs from
the snapshot was changed by a person; so, to be safe, was a field that the snapshot doesn't have. Triage may trim texts
and rewrite line ends, so such differences never count. Nor do the numbers that references get, as ` (T-1042)` after the
key of another issue: a text with those that we put in is the same text.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from importer.api import ISSUE_FIELDS, PERSON_FIELDS
from importer.codes import GONE_AT_TARGET, PERHAPS_GONE
from importer.records import ADDITION_KINDS, GONE_MARK, NUMBER_BESIDE
from importer.triage.answers import Issue
from importer.triage.redaction import redact

Values = Mapping[str, Any]
NOTHING: Values = {}
COUNTS = tuple(kind.count_field for kind in ADDITION_KINDS.values() if kind.counted)
DESCRIPTION_KEPT = "(kept as its digest only)"
SEEN_AT, HELD = "seen_at", "held"
Numbers = Collection[str] | None
"""Numbers of issues, `T-1042`, that count as ours in a description; None where nobody knows which are."""
RUNS_THAT_AGREE = 2
"""So many runs must have found an issue deleted before none asks for it again."""
NOT_LISTED = "-"
"""In place of a run's name: a list of issues didn't show it, which decides nothing, but has the next run read it."""
END = 16
"""Letters and digits by which the end of a text is known."""
TAIL = 200
"""Characters in which these are looked for."""
LEAST_LEFT = 64
"""Letters and digits by which the beginning of a text is known where a target has cut it."""
BEGINNING = 8
"""Characters of a description's digest that stand for it."""
_TOUCHED, _MOVED = b'"touched":true', b'"moved":'  # within a JSON text their quotes would be escaped
_EMOJI = re.compile("[\U0001f000-\U0001ffff\u2600-\u27bf]")
_SIGNS = re.compile(r"[\W_]+")


class Conflict(NamedTuple):
    """A field that a person changed: the value that we wrote, the one that is there, and the one we would write now."""

    field: str
    ours: str
    theirs: str
    new: str


class Merged(NamedTuple):
    """The result of a merge.

    patch      field → value to send
    already    field → value that the issue has already
    conflicts  fields that a person changed, which are left alone
    snapshot   the snapshot after this reading, in which an earlier change of unknown outcome is resolved
    """

    patch: dict[str, Any]
    already: dict[str, Any]
    conflicts: list[Conflict]
    snapshot: Snapshot


class Snapshot(NamedTuple):
    """An issue after our last write.

    fields      its values as the target returned them, the description as a digest
    sent        those that we sent otherwise than the target returned them
    numbers     the numbers of other issues that we put into its description; None where nobody knows, as of an issue
                that discovery found: then none counts as an edit
    counts      how many links, flags and relations it had: one of COUNTS → number
    writes      field → how often we may have changed it since the issue was made
    updated_at  its time of change, as the target writes it; "" if it isn't known
    is_touched  whether it was changed before we saw it first, nobody knows by whom
    gone        names of the runs that have found it deleted since
    moved       the parts of our description that the target doesn't keep in the issue: they are in comments
    parts       the digests of our description's parts, and before a colon the beginning of that of the whole one, by
                which it is seen that another was written since; "" where nobody knows them
    length      characters of the description of an issue without a marker that discovery found, as they are compared
    repaired    field that repairs have corrected → its values before them, which the mapping of the import gives
    """

    fields: Values
    sent: Values = NOTHING
    numbers: Numbers = None
    counts: Mapping[str, int] = NOTHING
    writes: Mapping[str, int] = NOTHING
    updated_at: str = ""
    is_touched: bool = False
    gone: Collection[str] = ()
    moved: Sequence[str] = ()
    parts: str = ""
    length: int = 0
    repaired: Mapping[str, Sequence[str]] = NOTHING

    @classmethod
    def parse(cls, stored: bytes, *, was_found: bool = False) -> Snapshot:
        """Read a snapshot as the ledger keeps it; with `was_found` we may have written to its issue since."""
        document = orjson.loads(stored)
        numbers = document.pop("numbers", None)
        return cls(
            sent=document.pop("sent", {}),
            numbers=None if was_found or numbers is None else tuple(numbers),
            counts={name: document.pop(name) for name in COUNTS if name in document},
            writes=document.pop("writes", {}),
            updated_at=document.pop("updated_at", ""),
            is_touched=document.pop("touched", False),
            gone=tuple(document.pop("gone", ())),
            moved=tuple(document.pop("moved", ())),
            parts=document.pop("parts", ""),
            length=document.pop("length", 0),
            repaired=document.pop("repaired", {}),
            fields=document,
        )

    def dump(self) -> bytes:
        """Write it for the ledger."""
        figures = {
            "updated_at": self.updated_at,
            **self.counts,
            "sent": self.sent,
            "touched": self.is_touched,
            "writes": self.writes,
            "gone": self.gone,
            "moved": self.moved,
            "parts": self.parts,
            "length": self.length,
            "repaired": self.repaired,
        }
        document = {**self.fields, **{name: value for name, value in figures.items() if value or name in COUNTS}}
        return orjson.dumps(document if self.numbers is None else document | {"numbers": self.numbers})

    @classmethod
    def take(cls, issue: Issue, body: bytes | None = None) -> Snapshot:
        """Make the snapshot of an issue from the API's answer and, if it is known, the body that created it.

        If the issue was changed since it was created (its times differ), a field that is not as sent was changed by a
        person: the snapshot has it as sent, so that it counts as changed. Without a body `adopt` decides that later.
        What the answer lacks counts as sent.
        """
        counts = {name: getattr(issue, name) for name in COUNTS}
        is_touched = bool(issue.created_at) and issue.updated_at not in ("", issue.created_at)
        if body is None:
            return cls(values_in(issue, None), counts=counts, updated_at=issue.updated_at, is_touched=is_touched)
        sent_fields = orjson.loads(body)
        issue = issue.completed(sent_fields)
        fields = values_in(issue, ())
        values = {**issue.fields, "description": issue.description}
        # Nearly all come back as they were sent, and need no digest and no comparison of what counts as equal.
        differing = {
            name: keep_value(name, sent_fields.get(name))
            for name in ISSUE_FIELDS
            if sent_fields.get(name) != values[name]
        }
        unlike = {name: value for name, value in differing.items() if not is_like(value, fields[name])}
        if is_touched:
            return cls(fields | unlike, {}, (), counts, updated_at=issue.updated_at)
        return cls(fields, unlike, (), counts, updated_at=issue.updated_at)

    def with_repaired(self, before: Mapping[str, str]) -> Snapshot:
        """Note the values that a repair is to correct: field → what was sent."""
        values = {name: [*dict.fromkeys((*self.repaired.get(name, ()), value))] for name, value in before.items()}
        return self._replace(repaired={**self.repaired, **values})

    def without_repaired(self, fields: Collection[str]) -> Snapshot:
        """Forget what repairs have corrected in these fields, as other values of the source take its place."""
        return self._replace(repaired={name: old for name, old in self.repaired.items() if name not in fields})

    def find_repaired(self, changes: Values) -> list[str]:
        """Return the fields to which a row would give a value back that a repair has corrected."""
        return [name for name, value in changes.items() if value in self.repaired.get(name, ())]

    def with_length(self, description: str) -> Snapshot:
        """Note how long the description is, by which `has_beginning_of` knows of what it is the beginning."""
        return self._replace(length=len(_without(description, None)))

    def has_beginning_of(self, description: str) -> bool:
        """Whether the issue's description is what is left of this one where it was cut off."""
        text = _without(description, None)
        beginning = text[: self.length] if LEAST_LEFT <= self.length < len(text) else ""
        return beginning != "" and digest(beginning, ()) == self.fields.get("description")

    def adopt(self, body: bytes) -> Snapshot:
        """Complete the snapshot of an issue that discovery found, now that the body of its row is known.

        If the issue was changed since it was created, nobody knows who changed the fields that differ from the body:
        they are left out of the snapshot, and so count as a person's.
        """
        changes = self.changes(body) if self.is_touched else {}
        fields = {name: value for name, value in self.fields.items() if name not in changes}
        return self._replace(fields=fields, is_touched=False, length=0)

    @property
    def ours(self) -> dict[str, Any]:
        """The fields as we last sent them."""
        return {**self.fields, **self.sent}

    def with_parts(self, parts: str) -> Snapshot:
        """Note the digests of the parts of the description that was written last."""
        return self._replace(parts=f"{self._beginning}:{parts}")

    @property
    def known_parts(self) -> str | None:
        """The digests of the parts of our description; None where nobody knows them, or another was written since."""
        beginning, is_known, parts = self.parts.partition(":")
        return parts if is_known and beginning == self._beginning else None

    @property
    def _beginning(self) -> str:
        return str(self.ours.get("description") or "")[:BEGINNING]

    @property
    def assignments(self) -> int:
        """How many of owner and assignee we last sent."""
        values = self.ours
        return sum(1 for name in PERSON_FIELDS if values.get(name))

    def changes(self, body: bytes, fields: Collection[str] = ISSUE_FIELDS) -> dict[str, Any]:
        """Return which of `fields` differ in a create's body from what we last sent: field → value, texts whole."""
        sent_values = self.ours
        new = orjson.loads(body)
        values = values_of(body, self.numbers)
        differing = (
            name for name in ISSUE_FIELDS if name in fields and not is_like(values[name], sent_values.get(name))
        )
        return {name: new.get(name) for name in differing}

    def edits(self, issue: Issue) -> list[str]:
        """Return the compared fields of an issue that are no longer as the target returned them for our last write."""
        values = values_in(issue, self.numbers)
        return [
            name for name in ISSUE_FIELDS if name not in self.fields or not is_like(values[name], self.fields[name])
        ]

    def values_before(self, issue: Issue, fields: Collection[str]) -> dict[str, Any]:
        """Return the values of fields before a change: what we last sent, or what a person has put since."""
        values = values_in(issue, self.numbers)
        sent_values = self.ours
        edited = self.edits(issue)
        return {name: values[name] if name in edited else sent_values[name] for name in fields}

    def wrote_description(self, description: str) -> bool:
        """Whether this is the description that we last sent, but for numbers that we put in."""
        return digest(description, self.numbers) == self.ours.get("description")

    def is_as_it_was(self, issue: Issue, description: str) -> bool:
        """Whether an issue has the description of its snapshot, or this one, but for numbers that we put in."""
        description_digest = digest(issue.description, self.numbers)
        return description_digest in (self.fields.get("description"), digest(description, self.numbers))

    def is_only_rewritten(self, issue: Issue, description: str) -> bool:
        """Whether an issue that discovery found has this description in the target's form, and surely from no person.

        So it is if the issue wasn't changed between its creation and its snapshot, nor its description since, and its
        letters and digits are the same.
        """
        is_ours = digest(issue.description, self.numbers) == self.fields.get("description")
        return is_ours and letters_of(_without(issue.description, self.numbers)) == letters_of(description)

    def merge(self, issue: Issue, new: Values, pending: bytes = b"") -> Merged:
        """Merge new values into an issue, field by field: what a person changed is a conflict, unless it is equal.

        After a change of unknown outcome, which `record_pending_patch` has written as `pending`, its fields may have
        the old or the new value.
        """
        change = _Pending.parse(pending, self.numbers)
        snapshot = self._resolve(change, issue)
        reverted = self._find_reverted(change, issue)
        values = values_in(issue, self.numbers)
        merged = Merged({}, {}, [], snapshot)
        for name, value in new.items():
            if is_like(values[name], keep_value(name, value, self.numbers)):
                merged.already[name] = value
            elif name in snapshot.fields and is_like(values[name], snapshot.fields[name]) and name not in reverted:
                merged.patch[name] = value
            elif name == "description" and self.numbers is None and _reads_like(issue.description, value):
                merged.already[name] = value
            else:
                value_there = values[name]
                value_sent = snapshot.fields.get(name)
                if name == "description":
                    value_there = issue.description
                    value_sent = DESCRIPTION_KEPT
                texts = (str(text or "") for text in (value_sent, value_there, value))
                merged.conflicts.append(Conflict(name, *texts))
        return merged

    def _find_reverted(self, change: _Pending, issue: Issue) -> set[str]:
        """Return the fields of a pending change that have their old value, if somebody wrote to the issue meanwhile.

        A person may have reverted them, so they must not be sent again. Our own comments move `updated_at` as well:
        what counts is whether it moved since the issue was read right before the change.
        """
        values = values_in(issue, self.numbers)
        if issue.updated_at == (self.updated_at if change.seen_at is None else change.seen_at):
            return set()
        return {name for name in change.values if name in self.fields and is_like(values[name], self.fields[name])}

    def _resolve(self, change: _Pending, issue: Issue) -> Snapshot:
        """Resolve a pending change: see which of its values, or of those before it, the issue has."""
        values = values_in(issue, self.numbers)
        snapshot = self
        for name in self.edits(issue):
            possible = [fields[name] for fields in (change.values, change.held) if name in fields]
            if any(is_like(values[name], value) for value in possible):
                snapshot = snapshot._put(name, values[name], values[name])
        return snapshot

    def _put(self, name: str, value: Any, value_sent: Any) -> Snapshot:
        """Set a field to the target's value; where the one that we sent differs, it is kept under `sent`."""
        values_sent = {field: kept_value for field, kept_value in self.sent.items() if field != name}
        if not is_like(value, value_sent):
            values_sent[name] = value_sent
        return self._replace(fields={**self.fields, name: value}, sent=values_sent)

    def after_write(self, issue: Issue, written: Values, moved: Sequence[str] = ()) -> Snapshot:
        """Return the snapshot after a write: only the written fields are taken from the issue, ours beside them."""
        values = values_in(issue, self.numbers)
        after = self._replace(gone=(), updated_at=issue.updated_at)
        if "description" in written:
            after = after._replace(moved=moved)
        for name, value in written.items():
            after = after._put(name, values[name], keep_value(name, value, self.numbers))
        return after

    def with_numbers(self, issue: Issue, description: str, numbers: Collection[str]) -> Snapshot:
        """Return the snapshot of an issue, which was just read, into whose description these numbers are to be put.

        `description` is the one without them that we sent.
        """
        after = self._replace(numbers=tuple(sorted({*(self.numbers or ()), *numbers})))
        if "description" in self.fields:
            after = after._put(
                "description", *(digest(text, after.numbers) for text in (issue.description, description))
            )
        return after

    def with_writes(self, fields: Iterable[str]) -> Snapshot:
        """Count that we changed these fields once more, since Triage logs each change of a field."""
        return self._replace(writes=dict(Counter(self.writes) + Counter(fields)))

    def without_issue(self, run: str) -> Snapshot:
        """Mark it as that of an issue which a run has found deleted in Triage."""
        return self._replace(gone=tuple(sorted({*self.gone, run})))

    @property
    def gone_code(self) -> str:
        """The code of an issue that was just found deleted: only once runs agree is it decided."""
        return GONE_AT_TARGET if len({*self.gone} - {NOT_LISTED}) >= RUNS_THAT_AGREE else PERHAPS_GONE


class _Pending(NamedTuple):
    """A change of unknown outcome: its values as a snapshot has them, and what was read right before it.

    seen_at  the issue's time of change at that reading; None if there is no such change
    held     what that reading has taught, beside the snapshot that the ledger has
    """

    values: Values
    seen_at: str | None
    held: Values

    @classmethod
    def parse(cls, pending: bytes, numbers: Numbers) -> _Pending:
        document = orjson.loads(pending) if pending else {}
        seen_at = document.pop(SEEN_AT, None)
        values_held = document.pop(HELD, {})
        return cls({name: keep_value(name, value, numbers) for name, value in document.items()}, seen_at, values_held)


def record_pending_patch(before: Snapshot, learned: Snapshot, patch: Values, seen_at: str) -> bytes:
    """Return the JSON that the ledger keeps while a change is under way: its fields, and what reading back taught.

    before   the snapshot that the ledger has
    learned  the snapshot after the issue was read for this change; where it differs, it is kept, too
    seen_at  the issue's time of change at that reading
    """
    values_held = {
        name: learned.fields[name]
        for name in ISSUE_FIELDS
        if name in learned.fields and learned.fields[name] != before.fields.get(name)
    }
    return orjson.dumps({**patch, SEEN_AT: seen_at, **({HELD: values_held} if values_held else {})})


def pending_fields(pending: bytes) -> frozenset[str]:
    """Return the fields that a change of unknown outcome was to write; none for b""."""
    return frozenset(orjson.loads(pending)).intersection(ISSUE_FIELDS) if pending else frozenset()


def values_of(body: bytes, numbers: Numbers = ()) -> dict[str, Any]:
    """Return the compared fields of a create's body as a snapshot holds them: the description as its digest."""
    document = orjson.loads(body)
    return {name: keep_value(name, document.get(name), numbers) for name in ISSUE_FIELDS}


def values_in(issue: Issue, numbers: Numbers = ()) -> dict[str, Any]:
    """Return the fields of an issue as a snapshot holds them."""
    return {**issue.fields, "description": digest(issue.description, numbers)}


def keep_value(name: str, value: Any, numbers: Numbers = ()) -> Any:
    """Return the value of a field as a snapshot holds it: of a description the digest."""
    return digest(value or "", numbers) if name == "description" else value


def digest(text: str, numbers: Numbers = ()) -> str:
    """Return what a snapshot holds instead of a description: SHA-256 in hex of the text, without our numbers in it."""
    return hashlib.sha256(_without(text, numbers).encode()).hexdigest()


def _without(text: str, numbers: Numbers) -> str:
    text = text.strip()  # first, as a target that trims it may take away the blank before a bracket
    if numbers is None or numbers:
        written = NUMBER_BESIDE
        if numbers is not None:
            escaped = "|".join(map(re.escape, numbers))
            written = re.compile(rf" \((?:{escaped})\)")
        while (shorter := written.sub("", text)) != text:  # again: what is left may make another
            text = shorter
    return normalise(text)


def is_like(first: Any, second: Any) -> bool:
    """Whether two values are equal but for outer white space, line ends and Unicode composition."""
    return bool(first == second) or normalise(first) == normalise(second)


def find_other_changes(before_write: Issue, answered: Issue, patch: Collection[str]) -> list[str]:
    """Return the fields that were not written and are not in the answer to a write as they were read right before."""
    before, after = values_in(before_write), values_in(answered)
    return [name for name in ISSUE_FIELDS if name not in patch and not is_like(before[name], after[name])]


def find_ignored(before_write: Issue, answered: Issue, patch: Values) -> list[str]:
    """Return the fields of a patch that its answer has as they were read before it, and not as they were sent.

    A text of the same letters and digits was stored before as the target stores it, with other signs.
    """
    before = {**before_write.fields, "description": before_write.description}
    after = {**answered.fields, "description": answered.description}
    ignored = list[str]()
    for name, value in patch.items():
        if name in answered.unanswered or is_like(after[name], value):
            continue
        if is_like(after[name], before[name]) and letters_of(after[name]) != letters_of(value):
            ignored.append(name)
    return ignored


def _reads_like(text: str, description: str) -> bool:
    """Whether we may have written a text: it is ours but for numbers, and what a target makes of other signs."""
    return letters_of(_without(text, None)) == letters_of(_without(description, None))


def is_touched(stored: bytes) -> bool:
    """Whether an issue that discovery found was changed since it was created, by whomever."""
    return _TOUCHED in stored


def is_missing(stored: bytes) -> bool:
    """Whether the issue was found deleted when it was last read; see `is_gone`."""
    return GONE_MARK in stored


def find_moved(stored: bytes) -> Sequence[str]:
    """Return the parts of a description that go on in comments because the target keeps less of it."""
    return Snapshot.parse(stored).moved if _MOVED in stored else ()


def is_gone(stored: bytes) -> bool:
    """Whether the issue is deleted for good, as enough runs have found: it is not requested again."""
    return is_missing(stored) and Snapshot.parse(stored).gone_code == GONE_AT_TARGET


def find_left(text: str, text_there: str) -> str | None:
    """Return the beginning of a text that is left of it where it was cut; None where its end is there.

    The target may rewrite what it stores, and add an ellipsis: then its letters and digits say how much that is.
    """
    long, short = text, text_there
    if long != short:
        long = normalise(long)
        short = normalise(short)
    if long == short:
        return None
    if long.startswith(short):
        return short
    long = letters_of(long)
    short = letters_of(short)
    if len(short) >= len(long) or short.endswith(long[-END:]):
        return None
    end = bisect_left(range(len(text)), len(short) - END, key=lambda end: len(letters_of(text[:end])))
    return text[:end]


def is_left_of(text: str, text_there: str) -> bool:
    """Whether a text is the one that was sent, or what a target has left of it: a long beginning.

    Of what was sent the beginning is enough. The target may have added a note that it has cut the text.
    """
    if is_like(text, text_there):
        return True
    letters = letters_of(text)
    letters_there = letters_of(text_there)
    if letters == letters_there:
        return letters != ""
    compared = max(LEAST_LEFT, min(len(letters), len(letters_there)) - END)
    return len(letters_there) >= LEAST_LEFT and letters_there[:compared] == letters[:compared]


def find_end(text: str) -> str:
    """Return the last letters and digits of a text, by which it is seen later whether its end is there.

    Only those behind the last emoji, which a target may write as a word.
    """
    return letters_of(_EMOJI.split(text[-TAIL:])[-1])[-END:]


def normalise(value: Any) -> str:
    """Return a value as it is compared."""
    # What is kept was redacted, and what was just read was not.
    text = redact(str(value or "")).replace("\r\n", "\n")
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()  # ASCII is composed as it is


def letters_of(text: Any) -> str:
    """Return the letters and digits of a text."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", html.unescape(str(text or ""))))
