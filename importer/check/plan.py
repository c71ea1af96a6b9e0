"""Examined chunk + ledger → plan: the outcome of each row before sending, its operation, and its additions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

from importer.check.duplicates import Verdict
from importer.check.knowledge import Knows, LedgerStatus
from importer.check.rows import Examined
from importer.codes import CODES, COMMENT_EDITED
from importer.phrases import counted
from importer.records import PASSED_OVER, Addition, AlreadyAdded, Finding, IssueParts, Operation, Outcome, Row
from importer.transform.addition_plan import count_edited, plan_additions

_NOTHING_ADDED = AlreadyAdded()


class Plan(NamedTuple):
    """The rows of a chunk with their outcome before sending.

    operations  place of a planned row in the chunk → its create or update
    notes       (place, finding) of change detection on a row that is not passed over, and of comments that were edited
    additions   place → what is still to be added to the row's issue; places without any are absent
    ledger      key → what the ledger says of it; keys of which it has nothing to say are absent
    """

    rows: list[Row]
    operations: dict[int, Operation]
    notes: list[tuple[int, Finding]]
    additions: dict[int, list[Addition]]
    ledger: Mapping[str, LedgerStatus]


def plan_rows(examined: Examined, verdicts: Mapping[int, Verdict], known: Knows) -> Plan:
    """The rows of a chunk as they stand before sending: planned, rejected, skipped, or what the ledger says."""
    chunk, keys = examined.records.chunk, examined.records.keys
    creates = dict[int, Operation]()

    def ask() -> Iterator[Operation]:
        # Only one row of a key is compared with the ledger: the one that wins against its duplicates.
        for row in examined.bodies:
            if examined.first + row not in verdicts:
                creates[row] = examined.create(row)
                yield creates[row]

    ledger = _hold_partial(examined, known(ask()), known)  # without a ledger nothing is asked: `creates` stays empty
    notes = list[tuple[int, Finding]]()
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
            outcome, finding, _, issue_id, triage_id, *_ = ledger[keys[row]]
            if finding is not None:
                own = examined.findings.by_row.get(row, []) if outcome is Outcome.PLANNED else []
                rows[row] = _with_findings(rows[row], [*own, finding])
                if outcome not in PASSED_OVER:
                    notes.append((row, finding))
            rows[row] = rows[row]._replace(outcome=outcome, issue_id=issue_id, triage_id=triage_id)
    for row, origin in chunk.origins.items():
        rows[row] = rows[row]._replace(origin=origin)
    for leader, *others in examined.groups.values():
        if leader in examined.bodies:  # else each row has its own finding
            for row in others:
                rows[row] = _follow(rows[row], rows[leader])
    takers = [
        row for row in examined.bodies if examined.first + row not in verdicts and _may_be_added_to(ledger, keys[row])
    ]
    planned = plan_chunk(examined, takers, known)
    for row, (additions, earlier, edited) in planned.items():
        if edited:
            notes.append((row, edited))
            rows[row] = _with_another(rows[row], edited)
        # A relation may be the other issue's: it is counted with the row that has that key.
        of_its_key = sum(addition.key == keys[row] for addition in additions)
        rows[row] = rows[row]._replace(additions_planned=of_its_key + earlier)
    operations = {}
    for place, plan in enumerate(rows):
        if plan.outcome is Outcome.REJECTED:
            rows[place] = _as_mended(plan, known) or plan._replace(raw=chunk.raw[place])
        elif plan.outcome is Outcome.PLANNED and place in examined.bodies:
            change = ledger[plan.key].change if plan.key in ledger else None
            operations[place] = change or creates.get(place) or examined.create(place)  # `creates`: see above
    return Plan(rows, operations, notes, {row: each[0] for row, each in planned.items() if each[0]}, ledger)


def _hold_partial(examined: Examined, statuses: Mapping[str, LedgerStatus], known: Knows) -> Mapping[str, LedgerStatus]:
    """Hold back updates of issues that were written from more rows than the source has of them now.

    The text of the rows that are absent would be taken away, and a delta need not have them. What its rows add, such as
    comments, is added all the same.
    """
    keys = examined.records.keys
    sizes = {keys[leader]: len(members) for leader, members in examined.groups.items()}
    changes = [key for key in sizes if key in statuses and statuses[key].change is not None]
    if examined.is_whole or not changes:
        return statuses
    written = known.written_rows(changes)
    held = dict[str, LedgerStatus]()
    for key in changes:
        status, rows, before = statuses[key], sizes[key], written.get(key, 0)
        if rows < before:
            differs = None if status.differs is None else status.differs._replace(written=())
            finding = _partial(rows, before)
            held[key] = status._replace(outcome=Outcome.CHANGED, finding=finding, change=None, differs=differs)
    return {**statuses, **held}


def _partial(rows: int, before: int) -> Finding:
    message = f"the issue was written from {counted(before, 'row')}, and the source has {rows:,} of them"
    hint = "give all rows of the issue together; where each export has all there are: input: {kind: snapshot}"
    return Finding("group-partial", "description", message, hint, rejects=False)


def _as_mended(row: Row, known: Knows) -> Row | None:
    """Return a rejected row as one that is passed over, if its issue was made from the corrected row."""
    status = known.mended(row) if row.key else None
    if status is None or status.finding is None:
        return None
    row = _with_findings(row, [status.finding])
    return row._replace(outcome=status.outcome, issue_id=status.issue_id, triage_id=status.triage_id)


def _may_be_added_to(ledger: Mapping[str, LedgerStatus], key: str) -> bool:
    return key not in ledger or ledger[key].takes


def _follow(row: Row, leader: Row) -> Row:
    """Give a row of a group the outcome of its first row; its own warnings stay where that row is sent."""
    row = row._replace(outcome=leader.outcome, issue_id=leader.issue_id, triage_id=leader.triage_id, follows=True)
    if leader.outcome is Outcome.PLANNED:
        return row
    return row._replace(codes=leader.codes, fields=leader.fields, messages=leader.messages, hints=leader.hints)


def plan_chunk(
    examined: Examined, rows: Iterable[int], known: Knows
) -> dict[int, tuple[list[Addition], int, Finding | None]]:
    """Row → what is still to be added to its issue, how much was, and what of that was edited in the source since.

    Rows that never have anything to add are absent.
    """
    records, keys = examined.records, examined.records.keys
    rows = [row for row in rows if row in records.parts]
    if not rows:
        return {}
    # Relations that another issue owns are in the ledger under that issue's key.
    owners = (relation.owner for row in rows for relation in records.parts[row].relations)
    had = known.had(dict.fromkeys([*(keys[row] for row in rows), *owners]))
    planned = {}
    for row in rows:
        key, mine = keys[row], had.get(keys[row], _NOTHING_ADDED)
        parts, referred = _without_referred(records.parts[row], examined.bodies[row], mine)
        additions = plan_additions(
            key,
            parts,
            records.bundlings[row],
            mine,
            description=records.descriptions[row],
            find_mentions=partial(records.references.find, own_key=key),
        )
        left = [each for each in additions if (each.act, each.name) not in had.get(each.key, _NOTHING_ADDED).names]
        edited = count_edited(parts.comments, mine) if mine.covered else 0
        planned[row] = left, len(mine.names) + referred, _note_edited(edited) if edited else None
    return planned


def _without_referred(parts: IssueParts, body: bytes, had: AlreadyAdded) -> tuple[IssueParts, bool]:
    """Take out the mentions whose numbers are in the description already; True if there were some and none is left."""
    if not parts.mentions or not had.referred:
        return parts, False
    sha = hashlib.sha256(body).digest()
    mentions = tuple(mention for mention in parts.mentions if (sha, mention.key) not in had.referred)
    return replace(parts, mentions=mentions), not mentions


@lru_cache
def _note(code: str) -> Finding:
    """Make the finding of a skip code; one that codes.py doesn't have is named by the mapping."""
    return Finding(code, "", CODES.get(code, "Left out by the mapping's rule; skipped."), rejects=False)


def _note_edited(count: int) -> Finding:
    message = f"{count} of its comments {'was' if count == 1 else 'were'} edited in the source"
    hint = "Triage has no way to change a comment: correct it there, or add a comment by hand"
    return Finding(COMMENT_EDITED, "comments", message, hint, rejects=False)


def _with_another(row: Row, finding: Finding) -> Row:
    """Append a finding to those that a row has already."""
    return row._replace(
        codes=(*row.codes, finding.code),
        fields=(*row.fields, finding.field),
        messages=(*row.messages, finding.message),
        hints=(*row.hints, finding.hint),
    )


def _with_findings(row: Row, findings: Sequence[Finding]) -> Row:
    return row._replace(
        outcome=Outcome.REJECTED if any(finding.rejects for finding in findings) else row.outcome,
        codes=tuple(finding.code for finding in findings),
        fields=tuple(finding.field for finding in findings),
        messages=tuple(finding.message for finding in findings),
        hints=tuple(finding.hint for finding in findings),
    )
