"""`verify`: reads back what a run created or changed, field by field, and names issues that no ledger row explains.

Most issues are confirmed by the list of issues; only those that differ there, or are missing, are read one by one.
Additions are in no list of issues: comments, evidence, flags and relations cost one request for each kind that was
added to an issue. They are always read, since nobody else would notice a lost comment. Nothing is changed in Triage.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from itertools import islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from importer import __version__
from importer.api import PERSON_FIELDS
from importer.errors import ExitCode
from importer.ledger.added import Added
from importer.ledger.journal import Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import State
from importer.ledger.statements import portions
from importer.load.acts import LISTS, Held
from importer.load.addition_reader import AdditionReader, count_own
from importer.phrases import counted
from importer.records import Act
from importer.report.folder import ReportFolder
from importer.report.from_ledger import kept_details
from importer.report.results import IssueUrl
from importer.report.summary import ASSIGNMENT, ISSUE, KINDS
from importer.report.tables import VERIFY_FILES, Verdict, Verified, VerifyFile, VerifySummary
from importer.report.work_page import IssueVerdict, WorkRows, write_work_page
from importer.runs.change_set import values_written
from importer.scratch import Scratch
from importer.transform.markers import find_marker, find_marker_lines, record_marker, source_marker
from importer.triage.absence import Absence, when_sure
from importer.triage.actions import CallFailed
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.listing import ELLIPSES, WORD, NewestFirst, search_issues
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import DESCRIPTION_KEPT, Snapshot, is_like, values_in
from importer.triage.target import Target

if TYPE_CHECKING:
    from importer.progress import Progress

AT_ONCE, PAGE = 8, 200
"""Requests at a time, and issues that are read in one go; some of them may have to be looked for twice."""
RESOURCES = "resource_count"
_SCHEMA = """
CREATE TABLE expected (
    issue_id TEXT PRIMARY KEY, is_confirmed INTEGER NOT NULL DEFAULT 0, returned BLOB NOT NULL, pending BLOB NOT NULL
);
CREATE TABLE unknown (
    place INTEGER PRIMARY KEY, issue_id TEXT NOT NULL UNIQUE, triage_id TEXT NOT NULL, length REAL NOT NULL,
    has_marker INTEGER NOT NULL, marker TEXT, key TEXT NOT NULL DEFAULT '', own TEXT NOT NULL DEFAULT ''
);
CREATE INDEX by_marker ON unknown (marker);
"""
"""The issues that the run made, and listed ones that the ledger doesn't know: on disk, as both are many.

Of these `has_marker` says whether the list shows one; `length` is the least that the whole description may have,
`marker` the one of the source that it has, `key` what this stands for, and `own` the number of that key's issue.
"""
_NOTE_UNKNOWN = """
INSERT INTO unknown (issue_id, triage_id, length, has_marker) VALUES (?, ?, ?, ?)
ON CONFLICT (issue_id) DO UPDATE SET length = excluded.length, has_marker = excluded.has_marker
"""
MEANINGS = {
    Verdict.SAME: "in Triage as it was sent",
    Verdict.DIFFERENT: "changed in Triage since, or something that was added to it is lost",
    Verdict.MISSING: "deleted in Triage",
    Verdict.STRANGER: "has this source's marker but is not in the ledger: perhaps a duplicate",
    Verdict.UNSETTLED: "has the marker of a row whose outcome is not known yet; the same import settles it",
}


def verify_run(
    run: Run, target: Target, rate: float, out: Path, progress: Progress, issue_url: str = ""
) -> VerifySummary:
    """Read back what a run created or changed, and write verify.csv and summary.json to `out`.

    `issue_url` is the pattern of an issue's address; "" takes the one that was kept with the run.

    Raises:
        RunStopped: the target can't be read, or a report can't be written.
        UsageError: the folder `out` can't be used.
    """
    started = time.monotonic()
    folder = ReportFolder(out)
    folder.prepare(VERIFY_FILES)
    calls = PacedCalls.at(rate, progress.say)
    issue_url = issue_url or kept_details(run).issue_url
    rows = WorkRows(run.find_titles, IssueUrl(issue_url))
    with folder.open("verify.csv") as file:
        verifying = _verify(run, target, calls, VerifyFile(file), progress, rows)
        verifier = run_loop(verifying)
    progress.finish()
    verdicts = rows.verdicts
    to_look_at = verdicts.total() - verdicts[Verdict.SAME]
    code = ExitCode.DONE
    if verdicts[Verdict.UNSETTLED]:
        code = ExitCode.UNKNOWN
    elif to_look_at:
        code = ExitCode.PARTLY
    read_back = dict[str, dict[str, int]]()
    for kind, number in verifier.sent.items():
        if number:
            read_back[kind] = {"sent": number, "found": verifier.found[kind]}
    summary = VerifySummary(
        run_id=run.name,
        exit_code=int(code),
        **{verdict.value: verdicts[verdict] for verdict in Verdict},
        fields=dict(verifier.fields.most_common()),
        read_back=read_back,
        requests=calls.requests,
        elapsed_seconds=round(time.monotonic() - started, 3),
        target=run.target,
        source_name=run.source_name,
        out=str(out),
        version=__version__,
    )
    issues = summary.same + summary.different + summary.missing
    are = "is in Triage as it was sent" if summary.same == 1 else "are in Triage as they were sent"
    need = "nothing is missing, and nothing is there twice"
    if to_look_at:
        need = counted(to_look_at, "needs you", "need you")
    commands = [("Read everything back once more", run.command("verify", run.name))]
    if summary.stranger:
        settle = run.settle_command("KEY", "ISSUE")
        commands.insert(0, ("Record which of two issues is the right one", settle))
    sums = dict[str, tuple[int, int]]()
    for kind, figures in summary.read_back.items():
        sums[KINDS[kind]] = (figures["sent"], figures["found"])
    write_work_page(
        folder,
        summary,
        rows,
        name=f"Verification of {run.name}",
        verdict=f"{summary.same:,} of {counted(issues, 'issue')} {are}; {need}.",
        table="verify.csv",
        meanings={str(verdict): meaning for verdict, meaning in MEANINGS.items()},
        commands=commands,
        sums=sums,
    )
    return summary


def _judge(lines: Sequence[Verified]) -> IssueVerdict:
    """Make one line of the page of those that an issue has in verify.csv."""
    first = lines[0]
    if first.verdict is Verdict.STRANGER and first.ours:
        message = f"the issue of its key is {first.ours}"
    else:
        differences = list[str]()
        for line in lines:
            if line.field:
                differences.append(f"{line.field}: {line.ours!r} was sent, {line.theirs!r} is there")
        message = "\n".join(differences)
    return IssueVerdict(first.key, first.triage_id, first.verdict, message, first.issue_id)


async def _verify(
    run: Run, target: Target, calls: PacedCalls, file: VerifyFile, progress: Progress, rows: WorkRows
) -> Verifier:
    async with TriageClient(target.url, target.api_key) as client:
        verifier = Verifier(client, run, calls, progress)
        judged = list[IssueVerdict]()
        try:
            async for lines in verifier.verify():
                file.write(lines)
                judged.append(_judge(lines))
                if len(judged) == PAGE:  # titles are asked for together: one by one takes as long as to verify
                    rows.add(judged)
                    judged = []
        except CallFailed as error:
            raise error.as_stop() from error
    rows.add(judged)
    return verifier


class Verifier:
    """Verifies one run, once.

    `sent` and `found` count the issues, and the additions of each kind, that it has read, and `fields` those that
    differ.
    """

    def __init__(self, client: TriageClient, run: Run, calls: PacedCalls, progress: Progress) -> None:
        self._client = client
        self._run = run
        self._calls = calls
        self._progress = progress
        self._reader = AdditionReader(client, calls)
        self._source_marker = source_marker(run.source_name)
        self._absence = Absence(client, calls)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._scratch = Scratch(_SCHEMA)
        self._read_back = 0
        self.sent = Counter[str]()
        self.found = Counter[str]()
        self.fields = Counter[str]()
        self._ends: Mapping[bytes, str] = {}  # of the comments of the issues at hand
        self._shown_whole = 0  # characters of the longest description that a list has shown whole

    async def verify(self) -> AsyncIterator[list[Verified]]:
        """Yield the lines of verify.csv for each issue: first the run's in input order, then unexplained ones.

        Raises:
            CallFailed: an issue or a page can't be read.
            TargetUnreachable: the target is down.
            StorageFull: the temporary disk takes no more.
        """
        expected = ((create.issue_id, create.returned, create.pending) for create in self._run.written_creates())
        self._scratch.write("INSERT OR REPLACE INTO expected (issue_id, returned, pending) VALUES (?, ?, ?)", expected)
        (count,) = self._scratch.row("SELECT count(*) FROM expected")
        self._progress.start("reading back", count, "issue")
        newest_first = NewestFirst(self._client, self._calls, self._run.first_mark())
        async for page in newest_first:
            self._see(page)
        async for page in search_issues(self._client, self._calls, self._source_marker):
            self._see(page)
        creates = self._run.written_creates()
        while portion := list(islice(creates, PAGE)):
            additions = dict[str, list[Added]]()
            ends = dict[bytes, str]()
            for key, added in self._run.additions.of(create.key for create in portion).items():
                additions[key] = [addition for addition in added if addition.state is State.DONE]
                ends |= {addition.sha: addition.end for addition in additions[key]}
            self._ends = ends
            issues = self._find_expected([create.issue_id for create in portion])
            confirmed = {issue_id for issue_id, unconfirmed in issues.items() if unconfirmed is None}
            judging = list[Awaitable[list[Verified]]]()
            for create in portion:
                sent_additions = count_own(additions.get(create.key, ()))
                is_listed = create.issue_id in confirmed
                judging.append(self._judge_when_sure(create, sent_additions, is_listed=is_listed))
            for lines in await asyncio.gather(*judging):
                self.fields.update(line.field for line in lines if line.field)
                yield lines
        await self._read_unknown()
        for line in self._strangers():
            yield [line]

    def _find_expected(self, issue_ids: Sequence[str]) -> dict[str, KnownCreate | None]:
        """Return those of a page's issues that the run made, by id; None for those that were confirmed."""
        marks = ", ".join("?" * len(issue_ids))
        rows = self._scratch.rows(f"SELECT * FROM expected WHERE issue_id IN ({marks})", issue_ids)
        creates = dict[str, KnownCreate | None]()
        for issue_id, is_confirmed, returned, pending in rows:
            creates[issue_id] = None if is_confirmed else KnownCreate("", returned=returned, pending=pending)
        return creates

    def _see(self, page: tuple[Issue, ...]) -> None:
        """Confirm the issues that are as they were sent, and keep those that the ledger doesn't know."""
        expected = self._find_expected([issue.id for issue in page])
        confirmed = list[Issue]()
        unexpected = dict[str, str]()
        for issue in page:
            create = expected.get(issue.id)
            if create is not None and not any(find_differences(create, issue)):
                confirmed.append(issue)
            if issue.id not in expected:
                unexpected[issue.id] = issue.triage_id
        confirmed_ids = ((issue.id,) for issue in confirmed)
        self._scratch.write("UPDATE expected SET is_confirmed = 1 WHERE issue_id = ?", confirmed_ids)
        self._advance(len(confirmed))
        for issue in confirmed:
            self._shown_whole = max(self._shown_whole, len(issue.description))
        in_ledger = self._run.find_issues(unexpected) if unexpected else set()
        for issue in page:
            if issue.id in unexpected and issue.id not in in_ledger:
                description = issue.description
                length = inf if description.endswith(ELLIPSES) else len(description) + WORD
                unknown = issue.id, issue.triage_id, length, self._has_marker(description)
                self._scratch.execute(_NOTE_UNKNOWN, unknown)

    def _advance(self, issues: int = 1) -> None:
        self._read_back += issues
        self._progress.reach(self._read_back)

    async def _judge_when_sure(self, create: KnownCreate, additions: Held, *, is_listed: bool) -> list[Verified]:
        """Return the lines of an issue, once it is sure whether it is gone; others are read meanwhile."""

        async def judge() -> list[Verified]:
            async with self._slots:
                return await self._judge(create, additions, is_listed=is_listed)

        lines = await when_sure(judge, self._calls.sleep)
        self._count(create, additions, lines)
        return lines

    def _count(self, create: KnownCreate, additions: Held, lines: Sequence[Verified]) -> None:
        """Count what an issue should have, and what of it is there."""
        lists = list(map(str, LISTS))
        numbers_there = dict[str, int]()
        for line in lines:
            if line.field in lists:
                numbers_there[line.field] = int(line.theirs)
        is_there = lines[0].verdict is not Verdict.MISSING
        assigned = Snapshot.parse(create.returned).assignments
        changed = sum(1 for line in lines if line.field in PERSON_FIELDS and line.ours)
        numbers_there[ASSIGNMENT] = assigned - changed
        numbers = {ISSUE: 1, ASSIGNMENT: assigned}
        for act in LISTS:
            numbers[str(act)] = additions[act].total()
        for kind, number in numbers.items():
            self.sent[kind] += number
            if is_there:
                self.found[kind] += numbers_there.get(kind, number)

    async def _judge(self, create: KnownCreate, additions: Held, *, is_listed: bool) -> list[Verified]:
        """Return the lines of an issue; `own` is what the import added to it. Raises NotYet as `Absence.read_once`.

        `is_listed`: the list of issues has shown its fields as they are expected.
        """
        name = (create.key, create.triage_id, create.issue_id)
        differences: list[tuple[str, str, str]] = []
        if not is_listed:
            issue = await self._absence.read_once(create.issue_id, create.since)
            self._advance()
            if issue is None:
                return [Verified(*name, Verdict.MISSING)]
            # Evidence is compared one by one below, unless the ledger is of a version that kept only its count.
            fields = find_differences(create, issue)
            for field in fields:
                if field[0] != RESOURCES or not additions[Act.EVIDENCE]:
                    differences.append(field)
        try:
            differences += await self._find_miscounts(create.issue_id, additions)
        except CallFailed as error:
            if not error.is_gone:
                raise
            await self._absence.weigh(error, create.issue_id, create.since)
            return [Verified(*name, Verdict.MISSING)]
        if not differences:
            return [Verified(*name, Verdict.SAME)]
        return [Verified(*name, Verdict.DIFFERENT, *difference) for difference in differences]

    async def _find_miscounts(self, issue_id: str, additions: Held) -> list[tuple[str, str, str]]:
        """Return the kinds of additions of which some are lost or doubled: act, how many were sent, how many are there.

        Evidence and flags that are there twice may be a person's, a comment with our marker or a relation is ours. A
        comment that has lost its end is lost.
        """
        acts = [act for act in LISTS if additions[act]]
        present = await self._reader.read_held(issue_id, acts, self._ends)
        miscounts = []
        for act, marks in present.items():
            counts = additions[act]
            # Of what may be a person's no more counts than was sent.
            limits = marks if act in (Act.COMMENT, Act.RELATION) else counts
            is_miscounted = False
            number_there = 0
            for mark, number in counts.items():
                there_of_mark = min(marks[mark], limits[mark])
                number_there += there_of_mark
                if there_of_mark != number:
                    is_miscounted = True
            if is_miscounted:
                miscounts.append((str(act), str(counts.total()), str(number_there)))
        return miscounts

    async def _read_unknown(self) -> None:
        """Note which unknown issues have this source's marker, which only a whole description shows for certain."""
        query = "SELECT issue_id FROM unknown WHERE has_marker OR length > ? ORDER BY place"
        for (issue_id,) in self._scratch.rows(query, (self._shown_whole,)):
            issue = await self._absence.read(issue_id)
            if issue is not None and self._has_marker(issue.description):
                marker = find_marker(issue.description)
                self._scratch.execute("UPDATE unknown SET marker = ? WHERE issue_id = ?", (marker, issue_id))

    def _strangers(self) -> Iterator[Verified]:
        """Yield the unknown issues with this source's marker."""
        # Read in this order: an issue that another process settles in between is undecided here or known below.
        undecided = {operation.marker: operation.key for operation in self._run.find_undecided()}
        query = "SELECT issue_id, triage_id, marker, key, own FROM unknown WHERE marker IS NOT NULL ORDER BY place"
        if next(self._scratch.rows(query), None) is None:
            return
        owners = ((row.key, row.triage_id, record_marker(row.key)) for row in self._run.results() if row.key)
        self._scratch.write("UPDATE unknown SET key = ?, own = ? WHERE marker = ?", owners)
        for portion in portions(self._scratch.rows(query)):
            issue_numbers = {issue_id: triage_id for issue_id, triage_id, *_ in portion}
            in_ledger = self._run.find_issues(issue_numbers)
            for issue_id, triage_id, marker, key, key_number in portion:
                if issue_id in in_ledger:
                    continue
                verdict = Verdict.UNSETTLED if marker in undecided else Verdict.STRANGER
                key = key or undecided.get(marker, "")
                yield Verified(key, triage_id, issue_id, verdict, "", key_number)

    def _has_marker(self, description: str) -> bool:
        last_lines = find_marker_lines(description)[-1:]
        return any(source == self._source_marker for source, _ in last_lines)


def find_differences(create: KnownCreate, issue: Issue) -> Iterator[tuple[str, str, str]]:
    """Yield each field that is not as it was sent: name, value sent, value found.

    After a change of unknown outcome, the value before and the one after are both as expected.
    """
    snapshot = Snapshot.parse(create.returned)
    if create.pending:
        snapshot = snapshot.merge(issue, {}, create.pending).snapshot
    written = values_written(snapshot)
    for name, value in values_in(issue, snapshot.numbers).items():
        sent_value = written.get(name)
        if is_like(sent_value, value):
            continue
        if name == "description":
            yield name, DESCRIPTION_KEPT, issue.description
        else:
            yield name, str(sent_value or ""), str(value or "")
    if issue.resource_count < snapshot.counts.get(RESOURCES, 0):
        yield RESOURCES, str(snapshot.counts[RESOURCES]), str(issue.resource_count)
