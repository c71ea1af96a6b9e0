"""The frozen types that the packages pass to each other, from a row of the source to its outcome."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Literal, NamedTuple

import orjson

from importer.api import COMMENTS, FLAGS, RELATIONS, RESOURCES, FieldName

SANDBOX_PREFIX = "sandbox:"
"""The prefix of targets that are a sandbox inside this process; others are URLs."""

RecordFormat = Literal["jsonl", "json"]
"""What a file of records may be."""
Format = Literal["csv", RecordFormat]
"""What a file of a source may be; what another one takes is in `importer/README.md`, under “Changes”."""


class Ref(NamedTuple):
    """Something that a mapping reads: a column by its header (in JSON: a top-level key), or a JMESPath expression."""

    kind: Literal["column", "path"]
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "column" else f"path {self.name}"


class Table(NamedTuple):
    """A look-up table beside the records of a JSON document, made from an array of objects: text → text.

    array  the dotted path of the array in the document
    by     the key whose value is looked up
    take   the key whose value is the result
    """

    array: str
    by: str
    take: str


Finder = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""Texts that name records → the JSON of the objects of each, in the order of the file; those without are absent."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a row violates. A rejecting finding prevents its row from being sent, a warning does not.

    Findings of one code, field and value are one group in every summary.
    """

    code: str
    field: str
    message: str
    hint: str = ""
    value: str = ""
    rejects: bool = True


class _Word(StrEnum):
    """A word of a fixed set."""

    __hash__ = str.__hash__  # that of an enum is written in Python, and rows and operations are counted by these


class Outcome(_Word):
    """The outcome of a row: exactly one each. In a dry run or an unfinished run, `planned` rows are left."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CHANGED = "changed"  # in Triage, otherwise than its row says now, and left so
    SKIPPED = "skipped"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PLANNED = "planned"


PASSED_OVER = (Outcome.SKIPPED, Outcome.CHANGED)
"""Outcomes of rows that send no create and no update; their code says why."""

NEEDS_SOMEBODY = frozenset((Outcome.REJECTED, Outcome.FAILED, Outcome.UNKNOWN))
LEFT_OUT = (*PASSED_OVER, Outcome.REJECTED)
"""Outcomes of rows for which nothing is sent."""


Report = Callable[[Outcome], None]
"""Called with the outcome of a row as soon as it is known."""


class Act(_Word):
    """What an operation does. A record has at most one create, one update, one delete and one refer."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    EVIDENCE = "evidence"  # attaches a call, conversation or file
    FLAG = "flag"  # flags an attached call
    COMMENT = "comment"
    RELATION = "relation"
    REFER = "refer"  # puts the new numbers of other issues into the description
    RECALL = "recall"  # notes what is known of an issue's occurrences; if the ledger was lost, reads their markers
    REOPEN = "reopen"  # looks whether an issue with a new occurrence is finished, and may set it to `todo`


class AdditionKind(NamedTuple):
    """What is known of one kind of addition; how it is requested and recognised is in `load.acts`.

    path     the part of the issue's path that it is sent to, "" for what changes the issue itself or only looks at it
    doubles  whether a second request would duplicate it
    counted  the things that an issue counts in its field `…_count`, as `flag`; "" for none
    noun     what one of them is called in a list of what is added, "" if it isn't listed
    heading  what all of them are called in the sums of a page, "" likewise
    """

    path: str = ""
    doubles: bool = False
    counted: str = ""
    noun: str = ""
    heading: str = ""

    @property
    def count_field(self) -> str:
        """The field in which an issue counts them, of a kind that it counts."""
        return f"{self.counted}_count"


ADDITION_KINDS: Mapping[Act, AdditionKind] = {
    Act.RECALL: AdditionKind(),
    Act.EVIDENCE: AdditionKind(
        path=RESOURCES, counted="resource", noun="evidence link", heading="Calls, conversations and files"
    ),
    Act.FLAG: AdditionKind(path=FLAGS, doubles=True, counted="flag", noun="flag", heading="Flags"),
    Act.COMMENT: AdditionKind(path=COMMENTS, doubles=True, noun="comment", heading="Requests for comments"),
    Act.RELATION: AdditionKind(path=RELATIONS, doubles=True, counted="relation", noun="relation", heading="Relations"),
    Act.REFER: AdditionKind(noun="numbered description", heading="Numbers in descriptions"),
    Act.REOPEN: AdditionKind(noun="reopened issue", heading="Looks at the status"),
}
"""What is sent after all creates, in this order for each issue."""
ADDITIONS = tuple(ADDITION_KINDS)
NEVER_TWICE = tuple(act for act, kind in ADDITION_KINDS.items() if kind.doubles)


class Comment(NamedTuple):
    """A comment of the source. Its `id` is unique in its record, and the same under every mapping.

    `date` is as the source writes it; `author` and `date` are "" if the source has none. If the source has an id for
    it, `id` is derived from that, and `content` from author, date and text. One that says what has become of another
    names that one and its own number among those that do so: see `transform.occurrences`.
    """

    id: str
    author: str
    date: str
    text: str
    is_private: bool = False
    content: str = ""
    about: str = ""

    @property
    def covers(self) -> tuple[str, ...]:
        """The ids that an addition with this comment covers: its id and, if that is the source's, also its content."""
        return (self.id, f"{self.about or self.id}={self.content}") if self.content else (self.id,)


class Flag(NamedTuple):
    """A flag on a call, as the API takes it; `message_index` counts from 0."""

    call: str
    type: str
    note: str
    message_index: int | None


class Relation(NamedTuple):
    """A relation between two issues, given by their full keys; `owner` is the API's outgoing side.

    It is the same whichever of the two rows states it: the owner of a `related_to` is the lesser key.
    """

    owner: str
    type: str
    other: str


class Mention(NamedTuple):
    """The name of another issue in a text, and that issue's full key."""

    text: str
    key: str


GONE_MARK = b'"gone":'
"""What the snapshot of an issue has in it that was found deleted; within a JSON text its quotes would be escaped."""
NUMBER_BESIDE = re.compile(r" \(T-\d+\)")
"""The new number of another issue, as it is written after a text's reference to it."""
_OF_PROJECT = re.compile(r"[A-Z][A-Z0-9_]*-\d+|[^\s/#]+/[^\s#]+#\d+")


def names_project(native_key: str) -> bool:
    """Whether a key is one of a project that it names, as VOICE-15 or acme/shop#12: a number may be any project's."""
    return _OF_PROJECT.fullmatch(native_key) is not None


class Occurrence(NamedTuple):
    """A row of an issue that recurs: see the mapping's `recurring`.

    comment       what it says; `id` is that of the occurrence, `content` the digest of its note and answer
    flags         the flags that it has
    is_withdrawn  whether it is no finding any more
    at            when it was, in seconds since 1970; 0 if nobody knows
    dated         the date that `duplicates: {newest: …}` compares, likewise
    reopens       the statuses from which it reopens its issue, if the call came later
    worded        the digest of what it says as the mapping words it, which an earlier version compared
    row           the digest of its row, see `rows_in`, in hex; "" until rows are gathered
    severity      its severity; "" until rows are gathered
    """

    comment: Comment
    flags: tuple[Flag, ...] = ()
    is_withdrawn: bool = False
    at: float = 0.0
    dated: float = 0.0
    reopens: tuple[str, ...] = ()
    worded: str = ""
    row: str = ""
    severity: str = ""


class IssueParts(NamedTuple):
    """Everything that a row has for its issue besides the fields of the create.

    rest         the parts of a long description that go on in comments, in order
    evidence     (resource type, resource id) of each resource to attach
    mentions     other issues that the description names, in its order
    occurrences  of an issue that recurs: they become comments, and say which flags are new
    """

    rest: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()
    flags: tuple[Flag, ...] = ()
    relations: tuple[Relation, ...] = ()
    mentions: tuple[Mention, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()

    def joined(self, other: IssueParts) -> IssueParts:
        """All of these and of another row's, each once, in order."""
        if self is NO_PARTS:  # as of most rows
            return other
        if other is NO_PARTS:
            return self
        return IssueParts._make(tuple(dict.fromkeys((*own, *its))) for own, its in zip(self, other, strict=True))


NO_PARTS = IssueParts()


class Addition(NamedTuple):
    """One operation on a record's issue after its create.

    key       the record's full key
    name      unique among those of the same record and act, and stable: the same row gives the same name
    body      the JSON that is sent, without what only the target can give: issue ids and numbers
    covers    ids of the source's comments that are in this comment
    mentions  other issues that the body's text names; of a comment they are found when it is sent
    other     full key of the issue at the other end of a relation
    """

    key: str
    act: Act
    name: str
    body: bytes
    covers: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    other: str = ""


class Operation(NamedTuple):
    """One thing to do to the target.

    body       the JSON that is sent; of an update, the fields that the source has changed
    marker     finds the issue again at the target
    content    digest of the row that it comes from, see `rows_in`; empty where there is none
    whole_sha  SHA-256 of the create that the row would give now, if that isn't `body`
    issue_id   the issue that is changed; empty in a create
    triage_id  its number, T-…
    returned   of a change: the issue's snapshot after our last write, see `triage.snapshot`
    pending    of a change: the body of an earlier change that may or may not have been executed
    name       of an addition: its name, see Addition
    since      of a change: when the answer to the issue's create came, in seconds since 1970; 0 is long ago
    link       of a create: the address of its row in the old tracker, "" where there is none
    dated      the date of its row, in seconds since 1970; 0 if none is known
    fixed_id   of a create: what `input.id` says of its row, "" where it says nothing
    born       of a create: when the source made its issue, in seconds since 1970; 0 if that isn't known
    kept       of an update: labels of the parts of the description that stay as the issue has them
    """

    key: str
    method: str
    path: str
    body: bytes
    marker: str
    content: bytes = b""
    act: Act = Act.CREATE
    whole_sha: bytes = b""
    issue_id: str = ""
    triage_id: str = ""
    returned: bytes = b""
    pending: bytes = b""
    name: str = ""
    since: float = 0.0
    link: str = ""
    dated: float = 0.0
    fixed_id: str = ""
    born: float = 0.0
    kept: tuple[str, ...] = ()


DIGEST = 8
"""Bytes of a row's digest."""


def is_same_row(content: bytes, other: bytes) -> bool:
    """Whether two digests are of the same row, or of the same rows in the same order."""
    return bool(content) and content[:DIGEST] == other[:DIGEST]


def rows_in(content: bytes) -> set[bytes]:
    """Give the digests of all rows that an issue comes from: of several they follow that of the whole."""
    single = content[DIGEST:] or content
    return {single[start : start + DIGEST] for start in range(0, len(single), DIGEST)}


def unlike_rows(content: bytes) -> bytes:
    """Make the digest of an issue that comes from these rows, but isn't as any of them says."""
    return bytes(DIGEST) + (content[DIGEST:] or content)


WITHHELD = "(not shown: a secret was found in the row)"


class Row(NamedTuple):
    """One row of the source after the check, as the ledger and the reports know it.

    `codes`, `fields`, `messages` and `hints` list its findings in one order; `raw` is kept for rows that a person has
    to correct, `cells` (see `bodies.encode_cells`) for `repair`, and `origin` is `FILE row N` of the first file where
    the source is an errors file given back. A planned row with an `issue_id` is an update of that issue; `conflicts` is
    JSON of what such an update left alone: [[field, ours, theirs, new], …]. Additions of all runs are counted. A row
    that `follows` is in the issue of another one. `title` is the one that is sent, or the beginning of a long one, and
    `link` the row's address in the old tracker; an unchanged row from the ledger has neither. `alias` is the key that
    the row has, if its issue had another one first, which is `key`.
    """

    file: int
    file_name: str
    record: int
    line: int
    key: str
    outcome: Outcome
    codes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    raw: Sequence[str] | str | None = None
    cells: bytes | None = None
    origin: str = ""
    attempts: int = 0
    issue_id: str = ""
    triage_id: str = ""
    conflicts: bytes | None = None
    additions_planned: int = 0
    additions_done: int = 0
    additions_failed: int = 0
    follows: bool = False
    title: str = ""
    link: str = ""
    alias: str = ""

    @property
    def place(self) -> str:
        """Where it comes from: file and row; behind a colon would be a line."""
        return self.origin or f"{self.file_name} row {self.record}"

    @property
    def shown_key(self) -> str:
        """The key as the source has it."""
        return self.alias or self.key

    @property
    def is_withheld(self) -> bool:
        """Whether it is not sent because a secret was found in it."""
        return self.outcome is Outcome.REJECTED and "secret-found" in self.codes

    @property
    def shown_title(self) -> str:
        """The title, or a note if the row is withheld."""
        return WITHHELD if self.codes and self.is_withheld else self.title


class Rejected(NamedTuple):
    """A row that was rejected, or that Triage refused, and that isn't dealt with.

    digest     of what it says
    key        its key, "" without one
    place      where it came from
    reason     see `hash_reasons`
    since      in seconds since 1970
    date       of its last change, likewise, None without one
    run        name of the run that has it
    judged_by  mapping and version that this one judged it by
    """

    digest: str
    key: str
    place: str
    outcome: Outcome
    reason: frozenset[int]
    since: float
    date: float | None
    run: str
    judged_by: str

    @property
    def name(self) -> str:
        """Its key, or where it came from."""
        return self.key or self.place


DEALT_WITH = 0.0
"""In place of since when a row is rejected: for so long that it counts no more."""
KeptRejected = Mapping[str, tuple[float | None, str, float | None]]
"""Digest of a rejected row → since when, the run that has it, "" for this one, and its date of change."""


def digest_row(raw: Sequence[str] | str) -> str:
    """Make the digest by which a row is known, whether or not it has a key: in whichever columns and order it comes."""
    if isinstance(raw, str):
        try:
            text = orjson.dumps(orjson.loads(raw), option=orjson.OPT_SORT_KEYS).decode()
        except orjson.JSONDecodeError:
            text = raw
    else:
        text = "\x1f".join(sorted(filter(None, raw)))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Lesson(NamedTuple):
    """What a row says of its key's issue that the ledger doesn't know yet: see `Operation`."""

    key: str
    fixed_id: str
    born: float


class AttemptTimes(NamedTuple):
    """When an attempt began and ended, in seconds since 1970, and how.

    It has no end where its process was killed or is still running, and no exit code then.
    """

    began: float
    ended: float | None
    exit_code: int | None


class AlreadyAdded(NamedTuple):
    """Additions to a record's issue that are in the ledger already, and are not planned again.

    names     act and name of each of the record's own additions, except for numbers in the description
    covered   ids of the source's comments that are in any of them, in whole or in part, and markers found in comments
    referred  SHA-256 of a create, and a key whose number was put into its description
    is_over   whether all of its comments were made by runs that are finished, so that none of theirs was left
    was_lost  whether the issue may have additions that the ledger doesn't know
    begun     those of `covered` that were added by a run that isn't finished
    """

    names: frozenset[tuple[Act, str]] = frozenset()
    covered: frozenset[str] = frozenset()
    referred: frozenset[tuple[bytes, str]] = frozenset()
    is_over: bool = False
    was_lost: bool = False
    begun: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Other columns of the rows with an unknown status: text → rows that have it, empty texts included."""

    status_category: Counter[str] = dataclasses.field(default_factory=Counter)
    resolution: Counter[str] = dataclasses.field(default_factory=Counter)
    closed: Counter[bool] = dataclasses.field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A source value that the mapping doesn't know, and in how many rows it is; `""` is an empty cell."""

    field: FieldName
    value: str
    count: int
    samples: tuple[str, ...] = ()
    evidence: Evidence = dataclasses.field(default_factory=Evidence)
