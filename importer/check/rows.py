"""Examine: what both passes do with every row of a source, up to the point where it could be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from importer.check.duplicates import Verdict
from importer.check.grouping import regroup, take_rows
from importer.check.rules import CODES, Findings, validate
from importer.mapping.fixes_table import Fixed, Fixes, content_of
from importer.mapping.reader import LoadedMapping
from importer.records import Addition, Chunk, Extras, Finding, Operation, Outcome, Row
from importer.transform.addition_plan import Had, plan_additions
from importer.transform.groups import end_of_group, hold_back
from importer.transform.people import Roster
from importer.transform.relations import FindKeys, find_no_keys
from importer.transform.transform import Records, Transform, encode_bodies

if TYPE_CHECKING:
    from importer.sources.source import Source

HAD_NOTHING = Had()
CREATE_PATH = "/v1/triage/issues"
"""Source: post/triage-issues."""


class Standing(NamedTuple):
    """What the ledger makes of a row that could be sent: its outcome, what there is to say, and how to change it.

    `issue_id` and `triage_id` are those of the key's issue, if it has one; `takes` says whether more may be added.
    """

    outcome: Outcome
    finding: Finding | None = None
    change: Operation | None = None
    issue_id: str = ""
    triage_id: str = ""
    takes: bool = True


Ask = Callable[[Iterable[Operation]], Mapping[str, Standing]]
"""Asks a ledger about creates, by key; keys of which there is nothing to say are absent: they are created."""


class Knows(Protocol):
    """What a ledger knows of a source: of its rows, of what was added to their issues, and of other keys."""

    def __call__(self, operations: Iterable[Operation]) -> Mapping[str, Standing]:
        """See Ask."""

    def had(self, keys: Iterable[str]) -> Mapping[str, Had]:
        """See AskHad."""

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        """Say which of these keys have an issue in Triage."""


AskHad = Callable[[Iterable[str]], Mapping[str, Had]]
"""Asks a ledger what was added to the issues of these keys, by key; those without anything are absent."""


class Judged(NamedTuple):
    """The rows of a chunk with their outcome before sending.

    By place: the operation of each planned row, what the ledger has to say of rows that are not skipped, and what is
    still to be added to the row's issue.
    """

    rows: list[Row]
    operations: dict[int, Operation]
    notes: dict[int, Finding]
    additions: dict[int, list[Addition]]


@dataclass(frozen=True)
class Job:
    """One import: a source, a mapping, and which of its rows are meant.

    `only` are native or full keys; `limit` counts rows of the input as it stands; `warnings` are what the headers
    alone make one ask; `recognised` is the evidence for the mapping, if nobody named it; `people` is who is who in
    Triage, `learned` the source's own name of each account that a text may mention, and `find_keys` finds the rows that
    relations name by another text than the key.
    """

    source: Source
    mapping: LoadedMapping
    source_name: str
    name_given: bool
    limit: int | None = None
    only: frozenset[str] | None = None
    warnings: tuple[str, ...] = ()
    recognised: str = ""
    fixes: Fixes = field(default_factory=Fixes)
    people: Roster = field(default_factory=Roster)
    learned: Mapping[str, str] = field(default_factory=dict)
    find_keys: FindKeys = find_no_keys


@dataclass(frozen=True, slots=True)
class Examined:
    """A chunk after transform and validate. `first` is the place of its first row in the whole input, from 0.

    `fixed` are its rows of which `--fixes` has corrected a cell, with what was corrected; `groups` is row that leads →
    all rows of its issue, where several are one.
    """

    first: int
    records: Records
    findings: Findings
    skips: Sequence[str]
    bodies: Mapping[int, bytes]
    fixed: Fixed = field(default_factory=dict)
    groups: Mapping[int, list[int]] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int]:
        """The place of its first row, and the one behind its last."""
        return self.first, self.first + len(self.records.chunk)

    def digest(self, row: int) -> bytes:
        """What two rows with one key are compared by: 16 bytes of what would be sent, additions too."""
        extras = self.records.extras.get(row)
        added = b"" if extras is None else repr(extras).encode()
        return hashlib.blake2b(self.bodies[row] + added, digest_size=16).digest()

    def create(self, row: int) -> Operation:
        """The create of a row that has a body."""
        records = self.records
        members = self.groups.get(row, [row])
        fixed = "".join(content_of(self.fixed.get(member, ())) for member in members) if self.fixed else ""
        content = hash_content("\x1d".join(map(as_text, (records.chunk.raw[member] for member in members))), fixed)
        return Operation(records.keys[row], "POST", CREATE_PATH, self.bodies[row], records.markers[row], content)

    def flowing(self) -> list[int]:
        """The rows that the value flow counts: all but skipped and defective ones."""
        defects = self.records.chunk.defects
        return [row for row, code in enumerate(self.skips) if not code and row not in defects]


def examine(job: Job) -> Iterator[Examined]:
    """Read a source once, whole chunks at a time. Both passes run exactly this."""
    transform = Transform(job.mapping.model, job.source_name, job.people, job.learned, job.find_keys)
    chunks = job.source.chunks(transform.refs, tables=transform.tables, annexes=transform.annexes)
    if job.mapping.model.group:  # with the fixes: a corrected cell may decide the group
        chunks = regroup(chunks, lambda chunk: transform.find_groups(job.fixes.apply(chunk)[0]))
    first = 0
    for chunk in _limited(chunks, job.limit, transform if job.mapping.model.group else None):
        chunk, fixed = job.fixes.apply(chunk)
        records = transform(chunk)
        findings = validate(records, name_given=job.name_given)
        groups = {group[0]: group for group in records.groups or ()}
        followers = {row for _, *others in groups.values() for row in others}
        if records.groups is not None:
            for row, finding in list(hold_back(records.groups, records.group_keys, findings.by_row, chunk.lines)):
                findings.add(row, finding)
        skips = records.skips if job.only is None else _select(records, job.only, job.source_name)
        sendable = [
            row for row, code in enumerate(skips) if not code and row not in followers and not findings.rejects(row)
        ]
        yield Examined(first, records, findings, skips, encode_bodies(records, sendable), fixed, groups)
        first += len(chunk)


def hash_content(raw: Sequence[str] | str, fixed: str = "") -> bytes:
    """What tells whether a row is as it was: 8 bytes. `fixed` is what was corrected in it since it was read.

    A corrected row is another row, so that a changed correction is a change of the row and not of the mapping alone.
    """
    text = f"{as_text(raw)}\x1e{fixed}" if fixed else as_text(raw)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def as_text(raw: Sequence[str] | str) -> str:
    """A row as it came, in one text."""
    return raw if isinstance(raw, str) else "\x1f".join(raw)


def had_nothing(keys: Iterable[str]) -> Mapping[str, Had]:
    """What was added to issues, as far as anybody knows without a ledger."""
    return {}


def judge(examined: Examined, verdicts: Mapping[int, Verdict], known: Ask, ask_had: AskHad = had_nothing) -> Judged:
    """The rows of a chunk as they stand before sending: planned, rejected, skipped, or what the ledger says."""
    chunk, keys = examined.records.chunk, examined.records.keys
    creates = dict[int, Operation]()

    def ask() -> Iterator[Operation]:
        # A row that a verdict leaves out says nothing of its key: the one that stays does.
        for row in examined.bodies:
            if examined.first + row not in verdicts:
                creates[row] = examined.create(row)
                yield creates[row]

    ledger = known(ask())
    notes: dict[int, Finding] = {}
    places = zip(chunk.records, chunk.lines, keys, strict=True)
    rows = [Row(chunk.file, chunk.file_name, record, line, key, Outcome.PLANNED) for record, line, key in places]
    for row, code in enumerate(examined.skips):
        if code:
            rows[row] = _with_findings(rows[row], [_note(code)])._replace(outcome=Outcome.SKIPPED)
    for row, found in examined.findings.by_row.items():
        if not examined.skips[row]:
            rows[row] = _with_findings(rows[row], found)
    for row in range(len(rows)):
        verdict = verdicts.get(examined.first + row)
        if verdict is not None:
            findings = examined.findings.by_row.get(row, []) if verdict.outcome is Outcome.REJECTED else []
            rows[row] = _with_findings(rows[row], [*findings, verdict.finding])._replace(outcome=verdict.outcome)
        elif row in examined.bodies and keys[row] in ledger:
            outcome, finding, _, issue_id, triage_id, _ = ledger[keys[row]]
            if finding is not None:
                own = examined.findings.by_row.get(row, []) if outcome is Outcome.PLANNED else []
                rows[row] = _with_findings(rows[row], [*own, finding])
                if outcome is not Outcome.SKIPPED:
                    notes[row] = finding
            rows[row] = rows[row]._replace(outcome=outcome, issue_id=issue_id, triage_id=triage_id)
    for row, origin in chunk.origins.items():
        rows[row] = rows[row]._replace(origin=origin)
    for leader, *others in examined.groups.values():
        if leader in examined.bodies:  # else each row says itself why not
            for row in others:
                rows[row] = _follow(rows[row], rows[leader])
    takers = [row for row in examined.bodies if examined.first + row not in verdicts and _takes(ledger, keys[row])]
    planned = plan_chunk(examined, takers, ask_had)
    for row, (additions, earlier) in planned.items():
        its = sum(addition.key == keys[row] for addition in additions)
        rows[row] = rows[row]._replace(additions_planned=its + earlier)
    operations = {}
    for place, judged in enumerate(rows):
        if judged.outcome is Outcome.REJECTED:
            rows[place] = judged._replace(raw=chunk.raw[place])
        elif judged.outcome is Outcome.PLANNED and place in examined.bodies:
            change = ledger[judged.key].change if judged.key in ledger else None
            operations[place] = change or creates.get(place) or examined.create(place)  # not all who know ask
    return Judged(rows, operations, notes, {row: additions for row, (additions, _) in planned.items() if additions})


def _takes(ledger: Mapping[str, Standing], key: str) -> bool:
    return key not in ledger or ledger[key].takes


def _follow(row: Row, leader: Row) -> Row:
    """A row of a group is as its leader, in whose issue it is; what was found in the row itself stays beside it."""
    row = row._replace(outcome=leader.outcome, issue_id=leader.issue_id, triage_id=leader.triage_id, follows=True)
    if leader.outcome is Outcome.PLANNED:
        return row
    return row._replace(codes=leader.codes, fields=leader.fields, messages=leader.messages, hints=leader.hints)


def plan_chunk(examined: Examined, rows: Iterable[int], ask_had: AskHad) -> dict[int, tuple[list[Addition], int]]:
    """Row → what is still to be added to its issue, and how much was; rows with nothing to add are absent."""
    records, keys = examined.records, examined.records.keys
    rows = [row for row in rows if row in records.extras]
    if not rows:
        return {}
    owners = (relation.owner for row in rows for relation in records.extras[row].relations)
    had = ask_had(dict.fromkeys([*(keys[row] for row in rows), *owners]))
    planned = {}
    for row in rows:
        key, mine = keys[row], had.get(keys[row], HAD_NOTHING)
        extras, referred = _without_referred(records.extras[row], examined.bodies[row], mine)
        additions = plan_additions(
            key,
            extras,
            records.bundlings[row],
            mine,
            description=records.descriptions[row],
            find_mentions=partial(records.references.find, own_key=key),
        )
        left = [each for each in additions if (each.act, each.name) not in had.get(each.key, HAD_NOTHING).names]
        planned[row] = left, len(mine.names) + referred
    return planned


def _without_referred(extras: Extras, body: bytes, had: Had) -> tuple[Extras, bool]:
    """What a row says but for mentions whose numbers are in its description, and whether that leaves none of them."""
    if not extras.mentions or not had.referred:
        return extras, False
    sha = hashlib.sha256(body).digest()
    mentions = tuple(mention for mention in extras.mentions if (sha, mention.key) not in had.referred)
    return replace(extras, mentions=mentions), not mentions


@lru_cache
def _note(code: str) -> Finding:
    """A code that is all there is to say, with its sentence."""
    return Finding(code, "", CODES.get(code, "Left out by the mapping's rule; skipped."), rejects=False)


def _with_findings(row: Row, findings: Sequence[Finding]) -> Row:
    return row._replace(
        outcome=Outcome.REJECTED if any(finding.rejects for finding in findings) else row.outcome,
        codes=tuple(finding.code for finding in findings),
        fields=tuple(finding.field for finding in findings),
        messages=tuple(finding.message for finding in findings),
        hints=tuple(finding.hint for finding in findings),
    )


def _limited(chunks: Iterator[Chunk], limit: int | None, grouping: Transform | None) -> Iterator[Chunk]:
    """The first rows; an issue that is begun is wanted whole."""
    left = limit
    for chunk in chunks:
        if left is None or len(chunk) <= left:
            yield chunk
        elif left > 0:
            end = left if grouping is None else end_of_group(grouping.find_groups(chunk), left)
            yield take_rows(chunk, 0, end)
        if left is not None:
            left -= len(chunk)
            if left <= 0:
                return


def _select(records: Records, only: frozenset[str], source_name: str) -> list[str]:
    prefix = len(source_name) + 1
    return [
        skip or ("" if key in only or key[prefix:] in only else "not-selected")
        for skip, key in zip(records.skips, records.keys, strict=True)
    ]
