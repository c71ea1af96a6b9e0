"""Change detection: compares each row with the ledger: unchanged, changed, deleted at the target, or not sent yet."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property, partial
from hashlib import sha256
from typing import Any

import orjson

from importer.api import ISSUE_FIELDS, PATCHABLE_FIELDS, issue_path
from importer.check.brake import add_up, scopes_of
from importer.check.held import DESCRIPTION, NOTHING_EMPTIED, Held, Judged, find_absence, judge
from importer.check.job import Job
from importer.check.knowledge import (
    ChangePolicy,
    Create,
    Difference,
    FindAbsence,
    KnownIssue,
    KnownSample,
    Knows,
    LedgerStatus,
    OnChange,
    find_no_absence,
)
from importer.check.sameness import Facts, Move, describe_stranger, is_certain, weigh_move
from importer.codes import (
    CODES,
    COLUMN_MISSING,
    FOUND_AT_TARGET,
    GONE_AT_TARGET,
    KEY_TAKEN,
    MARKER_AMBIGUOUS,
    MOVE_UNSURE,
    NEWER_FILE_IN,
    REPAIR_KEPT,
    ROW_CORRECTED,
    VALUE_HELD,
)
from importer.ledger.added import AddedOperations, find_already_added, relation_targets
from importer.ledger.commands import settle_command
from importer.ledger.journal import Decision, Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.previous_run import (
    EMPTIED,
    CorrectedRow,
    find_corrected_rows,
    read_kept,
    read_recent,
    reasons_of,
)
from importer.ledger.rejected import find_rejected
from importer.ledger.schema import UNDECIDED, State
from importer.ledger.source_list import IssueSample, list_names, read_keys, sample_issues
from importer.ledger.store import Ledger
from importer.ledger.target_scan import Found
from importer.phrases import listed
from importer.records import Act, AlreadyAdded, Finding, Operation, Outcome, Row, is_same_row, unlike_rows
from importer.transform.description_parts import Digests, decode_parts, digest_label, digest_parts
from importer.transform.markers import record_marker
from importer.transform.occurrences import read_covered
from importer.triage.snapshot import Snapshot, find_moved, is_gone, is_missing, pending_fields


def _finding(code: str, message: str) -> Finding:
    return Finding(code, "", message, rejects=False)


UNCHANGED = LedgerStatus(Outcome.UNCHANGED)
GONE = LedgerStatus(Outcome.SKIPPED, _finding(GONE_AT_TARGET, CODES[GONE_AT_TARGET]), takes_additions=False)
OLDER = LedgerStatus(
    Outcome.SKIPPED, _finding("older-than", "its issue has a newer row, by their dates"), takes_additions=False
)
NO_ROW = bytes(32)
"""In place of a body's SHA-256: no row equals the issue as it is, so that the next run finds a change."""


UNSURE = (
    "it may be that issue under a new key. If it is, an export with the date of creation shows it; if it is another "
    "site's issue, the mapping should say of which site an id is: `input: {id: {site: COLUMN}}`"
)
SAMPLE = 1000
"""Most known issues that are held in memory, to recognise rows that come under new keys."""
WEEK = 7 * 24 * 3600
"""Seconds in which emptied values are added up."""
NEAR = 0.8
"""Least similarity, from 0 to 1, at which a title in Triage is shown beside that of a row; see `difflib`."""


def with_last_run(job: Job, ledger: Ledger, target: str) -> Job:
    """Give a job what its source's last import kept: its columns, compared with those of now, and its criteria.

    Of the rows that it holds for what a newer file has brought, those stay whose issues are in Triage.
    """
    last = partial(read_kept, ledger.transaction, target, job.source_name)
    own = last("columns", mapping=job.mapping.short_name)
    absence = find_absence(job, last("columns") if own is None else own, is_own=own is not None)
    recent = read_recent(ledger.transaction, target, job.source_name, EMPTIED, time.time() - WEEK)
    absence = replace(absence, emptied=add_up(recent))
    # An import that was broken off is continued: the criteria that were new to it still are.
    holds = job.holds
    if held := [key for key, code in holds.items() if code == NEWER_FILE_IN]:
        # The newer file's row may have been rejected: an issue that isn't there is made from the older one.
        missing = set(held).difference(ledger.additions(target, job.source_name).places(held))
        holds = {key: code for key, code in holds.items() if key not in missing}
    return replace(
        job,
        aliases=ledger.read_aliases(target, job.source_name),
        absence=absence,
        criteria=last("criteria", is_finished=True) or {},
        holds=holds,
        rejected=find_rejected(ledger.transaction, target, job.source_name),
    )


TakenIn = tuple[list[Decision], list[Operation]]
"""Issues that discovery found, as their rows' own: what `Run.decide` records of them."""


class LedgerHistory(Knows):
    """Asks a ledger about rows.

    With a `run`, issues found by discovery are recorded in the ledger as soon as their row comes by; otherwise `taken`
    has what is to be recorded of the last rows. With `near`, an issue without a marker is named beside rows with a
    similar title, not only with the same one. `matched` counts the rows whose issue only discovery knows.
    """

    def __init__(
        self,
        ledger: Ledger,
        target: str,
        source_name: str,
        policy: ChangePolicy,
        run: Run | None = None,
        *,
        near: bool = False,
    ) -> None:
        self._ledger, self._target, self._source_name = ledger, target, source_name
        self._policy, self._run = policy, run
        self._seen = ledger.seen(target, source_name)
        # A key comes to one chunk alone: what is sent meanwhile changes nothing of those that are asked for later.
        self._open_changes = ledger.find_open_changes(target, source_name)
        self._titles = self._read_unmarked()
        self._any_found = self._seen.count() > 0
        self._knows_ids = ledger.knows_fixed_ids(target, source_name)
        self._near = near
        self._corrected_rows: Mapping[str, CorrectedRow] | None = None  # read once there is a rejected row
        self.matched = 0
        self.taken: TakenIn = [], []
        self._moves = dict[str, str]()
        # Conflicts of an earlier attempt of this run are not tried again before the next run.
        self._conflicting = {key for key, *_ in run.conflicts()} if run is not None and run.attempts > 1 else set[str]()

    def _read_unmarked(self) -> dict[str, list[Found]]:
        """Read the issues without a marker that no row has, by title."""
        issues = self._seen.unmarked()
        known = self._seen.known({issue.issue_id: issue.triage_id for issue in issues}) if issues else set[str]()
        titles = dict[str, list[Found]]()
        for issue in issues:
            if issue.issue_id not in known:
                titles.setdefault(_fold(issue.title), []).append(issue)
        return titles

    @property
    def moves(self) -> Mapping[str, str]:
        return self._moves

    def __call__(
        self, bodies: Iterable[tuple[str, bytes]], create: Create, find_absence: FindAbsence = find_no_absence
    ) -> Mapping[str, LedgerStatus]:
        own, self.taken = dict(bodies), ([], [])
        statuses = dict[str, LedgerStatus]()
        # Most rows of a night are as they were last sent, with nothing open: these need no more of the ledger.
        for each in self._ledger.find_standing(self._target, self._source_name, own):
            key, returned, issue = each.key, each.returned, (each.issue_id, each.triage_id)
            is_same = not own[key] or each.body_sha == sha256(own[key]).digest()
            is_same &= key not in self._open_changes
            if is_same and not is_missing(returned):
                same = LedgerStatus(Outcome.UNCHANGED, None, None, *issue, True, None, each.attempts, each.content)
                statuses[key] = same._replace(moved=find_moved(returned), fixed_id=each.fixed_id, born=each.born)
        others = [key for key in own if key not in statuses] if len(statuses) < len(own) else ()
        known = self._ledger.find_known(self._target, self._source_name, others, self._open_changes)
        made = ((key, kept) for key, kept in known.items() if kept.state is State.DONE)
        statuses |= {key: _with_issue(self._compare(create(key), kept, find_absence), kept) for key, kept in made}
        if self._knows_ids and len(known) < len(others):
            statuses |= self._find_moved([create(key) for key in others if key not in known])
        if self._any_found or self._titles:
            open_ = {key for key, kept in known.items() if kept.state in UNDECIDED}  # the settler reads these back
            absent = own.keys() - statuses.keys() - open_
            statuses |= self._match_discovered(list(map(create, absent)))
        return statuses

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        additions, keys = self._ledger.additions(self._target, self._source_name), dict.fromkeys(keys)
        known = additions.of(keys)
        # A relation whose other issue was deleted and made anew is to be added again.
        ends = additions.ends(relation_targets(each for added in known.values() for each in added))
        had = {key: find_already_added(added, ends) for key, added in known.items()}
        for key in self._find_lost(keys, additions) if self._policy.recurring else ():
            had[key] = had.get(key, AlreadyAdded())._replace(was_lost=True)
        return had

    def _find_lost(self, keys: Iterable[str], additions: AddedOperations) -> Iterator[str]:
        """Find the keys whose issues were found by discovery: they may have additions that the ledger doesn't know."""
        places = additions.places(keys)
        yield from (key for key, place in places.items() if place.was_found)
        markers = {record_marker(key): key for key in keys if key not in places} if self._any_found else {}
        yield from (markers[marker] for marker in self._seen.find(markers))

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        return self._ledger.additions(self._target, self._source_name).places(keys).keys()

    def elsewhere(self, keys: Collection[str]) -> Mapping[str, int]:
        others = self._ledger.additions(self._target, self._source_name).elsewhere(keys)
        return {key: len(known) for key, known in others.items() if len(known) > 1 or not is_gone(known[0].returned)}

    def find_corrected(self, row: Row) -> LedgerStatus | None:
        if self._corrected_rows is None:
            self._corrected_rows = find_corrected_rows(
                self._ledger.transaction, self._target, self._source_name, recurs=bool(self._policy.recurring)
            )
        corrected = self._corrected_rows.get(row.key)
        raw = row.raw if self._policy.recurring else None
        if corrected is None or reasons_of(row.codes, row.fields, row.messages, raw) not in corrected.reasons:
            return None
        finding = _finding(
            ROW_CORRECTED,
            f"its issue, {corrected.triage_id}, comes from the corrected row, imported in {corrected.run}",
        )
        return LedgerStatus(
            Outcome.SKIPPED, finding, None, corrected.issue_id, corrected.triage_id, takes_additions=False
        )

    def is_complete(self) -> bool:
        """Whether discovery has looked for all issues of the source since the ledger was last found to lack any."""
        return self._seen.is_complete()

    @cached_property
    def _sampled(self) -> IssueSample:
        return sample_issues(self._ledger, self._target, self._source_name, SAMPLE)

    @property
    def undecided(self) -> int:
        """The creates whose outcome was unknown when the sample was taken."""
        return self._sampled.undecided

    def sample(self) -> KnownSample:
        return KnownSample(self._sampled.total, self._sampled.step, list(_read_issues(self._sampled.issues)))

    def all_keys(self) -> Iterator[Sequence[str]]:
        return read_keys(self._ledger, self._target, self._source_name)

    def count_stored(self, scope: str, name: str) -> int:
        field, label = name.casefold(), digest_label("" if name == DESCRIPTION else name)
        count = 0
        for page in self.all_keys():
            own = [key for key in page if scope in scopes_of(key)]
            for each in self._ledger.find_standing(self._target, self._source_name, own):
                snapshot = Snapshot.parse(each.returned)
                has_part = snapshot.known_parts is not None and label in decode_parts(snapshot.known_parts)
                count += has_part or (field in ISSUE_FIELDS and name != DESCRIPTION and bool(snapshot.ours.get(field)))
        return count

    def issues(self, keys: Iterable[str]) -> Iterator[KnownIssue]:
        return self._issues_of(self._source_name, keys)

    def in_other_sources(self, native_keys: Collection[str]) -> Iterator[tuple[str, Iterator[KnownIssue]]]:
        for name in self._other_names:
            yield name, self._issues_of(name, (f"{name}:{key}" for key in native_keys))

    def count_issues(self, source_name: str) -> int:
        return sample_issues(self._ledger, self._target, source_name, 1).total

    @cached_property
    def _other_names(self) -> list[str]:
        return [name for name in list_names(self._ledger, self._target) if name != self._source_name]

    def _issues_of(self, source_name: str, keys: Iterable[str]) -> Iterator[KnownIssue]:
        standing = self._ledger.find_standing(self._target, source_name, keys)
        return _read_issues((each.key, each.content, each.returned) for each in standing)

    def _compare(self, create: Operation, kept: KnownCreate, find_absence: FindAbsence) -> LedgerStatus:
        """Compare a row with the last body that was sent for its issue, field by field but for those that are held."""
        if kept.is_leaving:
            return LedgerStatus(Outcome.SKIPPED, _finding("undo-open", CODES["undo-open"]), takes_additions=False)
        if 0 < create.dated < kept.dated and not self._policy.recurring:
            return OLDER
        certain = False
        if create.body and not self._policy.recurring:
            row, known = _facts(create), _known(kept)
            certain = is_certain(row, known)
            if why := describe_stranger(row, known):
                return self._hold_stranger(create, kept, why, certain=certain)
        settled = GONE if is_gone(kept.returned) else UNCHANGED
        if not create.body:
            return settled
        to_read = bool(kept.pending) or (is_missing(kept.returned) and settled is not GONE)
        is_settled = kept.body_sha == sha256(create.body).digest() or create.key in self._conflicting
        # Each night has other rows of an issue that recurs: that is no reason to read a deleted one again.
        if not to_read and (is_settled or (settled is GONE and self._policy.recurring)):
            return settled
        # Of an issue that discovery found, what a person changed is only known with the row's body.
        snapshot = Snapshot.parse(kept.returned, was_found=kept.was_found).adopt(create.body)
        kept = kept._replace(returned=snapshot.dump())
        changes = self._policy.limit(snapshot.ours, snapshot.changes(create.body))
        parts = None if snapshot.known_parts is None else decode_parts(snapshot.known_parts)
        if DESCRIPTION in changes and digest_parts(changes[DESCRIPTION] or "") == parts:
            del changes[DESCRIPTION]  # its lines are in another order, or there is other white space around its text
        differing = pending_fields(kept.pending).union(changes)
        # A person has corrected them: until the mapping agrees, or the source says something else, they stay.
        repaired = [] if self._policy.on_change is OnChange.OVERWRITE else snapshot.find_repaired(changes)
        changes = {name: value for name, value in changes.items() if name not in repaired}
        judged = self._judge(create.key, snapshot.ours, parts, changes, find_absence)
        stays = _say_held(judged.held) or _say_repaired(repaired)
        staying = changes.keys() - judged.changes.keys()
        changes = judged.changes
        compared = self._policy.fields - staying - set(repaired)
        wanted = [name for name in ISSUE_FIELDS if name in differing and name in compared]
        # The same cells make another body: not the row has changed, but the mapping.
        is_told = self._policy.recurring and wanted and self._has_told(create)
        only_mapping = is_told or is_same_row(kept.content, create.content)
        sure = {name: value for name, value in changes.items() if judged.is_sure or name != DESCRIPTION}
        differs = None if only_mapping or self._policy.recurring else _difference(snapshot, sure, certain=certain)
        if differs is not None:
            differs = differs._replace(is_newer=0 < kept.dated < create.dated)
        if not wanted and not to_read:
            return settled._replace(finding=settled.finding or stays, differs=differs, held=judged.held)
        if self._policy.writes:
            if to_read or not only_mapping or self._policy.accept_mapping:
                written = [name for name in wanted if name in PATCHABLE_FIELDS]
                is_kept = DESCRIPTION in written and judged.kept
                create = create._replace(kept=tuple(judged.kept) if is_kept else ())
                if snapshot.repaired:
                    kept = kept._replace(returned=snapshot.without_repaired(wanted).dump())
                change = self._change(create, kept, wanted, differing, repaired, to_read=to_read)
                change = change._replace(finding=change.finding or stays, held=judged.held, emptied=judged.emptied)
                written = [name for name in written if name in sure]
                return change._replace(differs=differs and differs._replace(written=written))
        elif settled is GONE:
            return GONE._replace(differs=differs)
        elif to_read and not kept.pending:
            return self._change(create, kept, [], differing, repaired, to_read=True)._replace(differs=differs)
        code = "mapping-changed" if only_mapping else "changed"
        if self._policy.on_change is OnChange.SKIP and not self._policy.recurring:
            left = LedgerStatus(Outcome.CHANGED, _finding(code, CODES[code]), takes_additions=False, differs=differs)
            return left._replace(held=judged.held)
        finding = _finding(code, f"{CODES[code]} It differs in: {', '.join(wanted)}.")
        # What becomes of the rows of an issue that recurs is decided by what they add to it.
        outcome = Outcome.UNCHANGED if self._policy.recurring else Outcome.CHANGED
        return LedgerStatus(outcome, finding, differs=differs, held=judged.held)

    def _hold_stranger(self, create: Operation, kept: KnownCreate, why: str, *, certain: bool) -> LedgerStatus:
        """Hold a row whose key has another issue in Triage, as far as anybody can see."""
        same = settle_command(self._ledger.name, self._target, create.key, kept.triage_id)
        finding = _finding(
            KEY_TAKEN,
            f"{kept.triage_id} has this key, and seems to be another issue: {why}. Another site, or another product's "
            f"list, needs a source of its own: --source-name NAME. If it is {kept.triage_id} all the same, type this:\n"
            f"{same}",
        )
        snapshot = Snapshot.parse(kept.returned)
        changes = self._policy.limit(snapshot.ours, snapshot.changes(create.body))
        differs = _difference(snapshot, changes, certain=certain)
        return LedgerStatus(Outcome.SKIPPED, finding, takes_additions=False, differs=differs)

    def _find_moved(self, creates: Sequence[Operation]) -> dict[str, LedgerStatus]:
        """Hold new rows whose issue is in Triage under another key, by their id: it would be there twice.

        Those that were surely moved go on once the source is read with what `moves` has of them.
        """
        rows = {each.fixed_id: each for each in creates if each.fixed_id and each.body}
        held = dict[str, LedgerStatus]()
        for kept in self._ledger.find_by_fixed_ids(self._target, self._source_name, rows):
            row = rows[kept.fixed_id]
            move = weigh_move(_facts(row), _known(kept))
            if move is Move.NONE:
                continue
            if move is Move.SURE:
                self._moves[row.key] = kept.key
            message = f"its id, {row.fixed_id}, is that of {kept.key}, which is {kept.triage_id} in Triage: {UNSURE}"
            held[row.key] = LedgerStatus(Outcome.SKIPPED, _finding(MOVE_UNSURE, message), takes_additions=False)
        return held

    def _judge(
        self,
        key: str,
        stored: Mapping[str, Any],
        parts: Digests | None,
        changes: Mapping[str, Any],
        find_absence: FindAbsence,
    ) -> Judged:
        """Judge what becomes of the fields that differ and are compared; the others stay as they are."""
        compared = {name: value for name, value in changes.items() if name in self._policy.fields}
        row = find_absence(key) if compared else None
        if row is None:
            return Judged(dict(changes))
        judged = judge(row, stored, parts, compared, let_go=self._policy.let_go, writes=self._policy.writes)
        left = {name: value for name, value in changes.items() if name in judged.changes or name not in compared}
        return judged._replace(changes=left, emptied=judged.emptied if self._policy.writes else NOTHING_EMPTIED)

    def _has_told(self, create: Operation) -> bool:
        """Whether an issue that recurs has the deciding row already, with another severity: the mapping has changed."""
        had = self.had([create.key]).get(create.key, AlreadyAdded())
        row, severity = create.content.hex(), orjson.loads(create.body)["severity"]
        return any(word.row == row and word.severity != severity for word in read_covered(had.covered).values())

    def _change(
        self,
        create: Operation,
        kept: KnownCreate,
        wanted: list[str],
        differing: Collection[str],
        repaired: Collection[str],
        *,
        to_read: bool,
    ) -> LedgerStatus:
        """Make the update of an issue to its row; `wanted` are the fields to change, `differing` all that differ.

        Those of them that a repair has corrected stay as they are: the next run compares them again.

        With `to_read` it gets one in any case, as carrying it out reads the issue first: its last update has no known
        outcome, or one run alone has found it deleted.
        """
        row = orjson.loads(create.body)
        patch = {name: row.get(name) for name in wanted if name in PATCHABLE_FIELDS}
        note = _finding("source-fixed", CODES["source-fixed"]) if "source" in wanted else None
        if not patch and not to_read:
            return LedgerStatus(Outcome.UNCHANGED, note)
        # Not with `--fields`, nor where `source` differs: it can't be patched.
        is_of_row = patch.keys() == set(differing).difference(repaired)
        whole = is_of_row and not repaired
        change = create._replace(
            method="PATCH",
            path=issue_path(kept.issue_id),
            body=orjson.dumps(patch),
            # An issue that gets only some of the changes equals neither the old row nor the new one.
            content=create.content
            if (is_of_row and not create.kept) or is_same_row(kept.content, create.content)
            else unlike_rows(create.content),
            act=Act.UPDATE,
            # Once its columns are back, and empty, a row that is as this one takes away what stays now.
            whole_sha=sha256(create.body).digest() if whole and not create.kept else b"",
            issue_id=kept.issue_id,
            triage_id=kept.triage_id,
            returned=kept.returned,
            pending=kept.pending,
            since=kept.since,
        )
        return LedgerStatus(Outcome.PLANNED, note, change)

    def _match_discovered(self, creates: list[Operation]) -> dict[str, LedgerStatus]:
        """Match creates that the ledger doesn't know with issues that discovery found: by marker, or only by title."""
        found = self._seen.find(create.marker for create in creates)
        for create in creates if self._titles else ():
            if create.marker not in found and create.body and (cut := self._find_cut(create)):
                found[create.marker] = cut
        alone = {marker: issue for marker, (issue, *others) in found.items() if not others}
        certain = {marker: issue for marker, issue in alone.items() if issue.marker in (marker, "")}
        self.taken = _take_in([(create, certain[create.marker]) for create in creates if create.marker in certain])
        if self._run is not None and certain:
            self._run.decide(*self.taken)
        statuses = {}
        self.matched += len(found)
        for create in creates:
            issue = certain.get(create.marker)
            if issue is not None:
                snapshot = Snapshot.parse(issue.returned)
                changes = self._policy.limit(snapshot.ours, snapshot.changes(create.body)) if create.body else {}
                code = "found-changed" if changes else FOUND_AT_TARGET
                outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
                message = f"{CODES[code]} It differs in: {', '.join(changes)}." if changes else CODES[code]
                finding = _finding(code, message)
                status = LedgerStatus(outcome, finding, None, issue.issue_id, issue.triage_id)
                statuses[create.key] = status._replace(differs=_difference(snapshot, changes))
            elif create.marker in found:
                statuses[create.key] = self._ask(create.key, found[create.marker])
            elif self._titles and create.body:
                title = self._nearest(_fold(orjson.loads(create.body)["title"]))
                if title is not None:
                    number = self._titles[title][-1].triage_id
                    message = (
                        f'{number} "{title}" has the same or a similar title and no marker; if it is this row\'s issue:'
                    )
                    hint = settle_command(self._ledger.name, self._target, create.key, number)
                    statuses[create.key] = LedgerStatus(
                        Outcome.PLANNED, Finding("title-in-triage", "title", message, hint, rejects=False)
                    )
        return statuses

    def _find_cut(self, create: Operation) -> list[Found]:
        """Find the issues with a row's title whose description is the beginning of its own: their marker was cut off.

        One alone is the row's, and no other one's.
        """
        row = orjson.loads(create.body)
        issues, text = self._titles.get(title := _fold(row["title"]), []), row.get("description") or ""
        cut = [issue for issue in issues if Snapshot.parse(issue.returned).has_beginning_of(text)]
        if len(cut) == 1:
            issues.remove(cut[0])
            if not issues:
                del self._titles[title]
        return cut

    def _ask(self, key: str, issues: Sequence[Found]) -> LedgerStatus:
        """Hold a row back until a person has said which of these issues is its own."""
        numbers = [issue.triage_id for issue in issues]
        commands = [settle_command(self._ledger.name, self._target, key, number) for number in numbers]
        finding = _finding(
            MARKER_AMBIGUOUS,
            f"{listed(numbers, len(numbers))} may be the row's issue by marker, or by title and text, and only a "
            "person can say whose it is. Take the marker's line out where it doesn't belong, or type one of these:\n"
            + "\n".join(commands),
        )
        return LedgerStatus(Outcome.SKIPPED, finding, takes_additions=False)

    def _nearest(self, title: str) -> str | None:
        if title in self._titles or not self._near:
            return title if title in self._titles else None
        return next(iter(get_close_matches(title, self._titles, n=1, cutoff=NEAR)), None)


def _take_in(pairs: list[tuple[Operation, Found]]) -> TakenIn:
    """Take the issues that were found for their keys' own; one that differs from its row will count as changed."""
    decisions, intents = [], []
    for create, issue in pairs:
        snapshot = Snapshot.parse(issue.returned)
        same = create.body != b"" and not snapshot.changes(create.body)
        intent = create._replace(body=b"", whole_sha=sha256(create.body).digest())
        intents.append(intent if same else intent._replace(whole_sha=NO_ROW, content=b"", dated=0.0))
        decisions.append(
            Decision(
                create.key,
                State.DONE,
                0,
                issue_id=issue.issue_id,
                triage_id=issue.triage_id,
                returned=snapshot.adopt(create.body).dump() if create.body else issue.returned,
                code=FOUND_AT_TARGET,
                message=CODES[FOUND_AT_TARGET],
            )
        )
    return decisions, intents


def _with_issue(status: LedgerStatus, kept: KnownCreate) -> LedgerStatus:
    return status._replace(
        issue_id=kept.issue_id,
        triage_id=kept.triage_id,
        attempts=kept.attempts,
        content=kept.content,
        moved=find_moved(kept.returned),
        fixed_id=kept.fixed_id,
        born=kept.born,
    )


def _say_held(held: Sequence[Held]) -> Finding | None:
    """Say which values stay as they are in Triage, and why; None if none does."""
    absent = [each for each in held if each.columns]
    if not held:
        return None
    names = list(dict.fromkeys(each.name for each in absent or held))
    code = COLUMN_MISSING if absent else VALUE_HELD
    columns = sorted({column for each in absent for column in each.columns})
    why = f"the source has no {', '.join(columns)}" if absent else "too many would be emptied at once"
    return _finding(code, f"{why}: {', '.join(names)} {'stays as it is' if len(names) == 1 else 'stay as they are'}")


def _say_repaired(fields: Sequence[str]) -> Finding | None:
    """Say which values a repair has corrected and the mapping still gives as before; None if there are none."""
    return _finding(REPAIR_KEPT, f"{CODES[REPAIR_KEPT]} It has: {', '.join(fields)}.") if fields else None


def _difference(snapshot: Snapshot, changes: Mapping[str, Any], *, certain: bool = False) -> Difference | None:
    """Put what was last sent beside what differs from it: field → new value."""
    if not changes:
        return None
    ours = snapshot.ours
    return Difference({name: (ours.get(name), new) for name, new in changes.items()}, is_certain=certain)


def _facts(create: Operation) -> Facts:
    return Facts(create.fixed_id, create.born, str(orjson.loads(create.body)["title"]), create.content)


def _known(kept: KnownCreate) -> Facts:
    title = Snapshot.parse(kept.returned).ours.get("title") if kept.returned else ""
    return Facts(kept.fixed_id, kept.born, str(title or ""), kept.content, kept.dated)


def _fold(title: str) -> str:
    return " ".join(title.casefold().split())


def _read_issues(kept: Iterable[tuple[str, bytes, bytes]]) -> Iterator[KnownIssue]:
    for key, content, returned in kept:
        if not is_gone(returned):
            yield KnownIssue(key, content, str(Snapshot.parse(returned).ours.get("title") or ""))
