"""What the ledger makes of rows whose keys are in, under each policy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from importer.api import ISSUE_FIELDS
from importer.check.history import LedgerHistory
from importer.check.knowledge import ChangePolicy, LedgerStatus, OnChange, read_fields
from importer.errors import UsageError
from importer.ledger.commands import settle_command
from importer.ledger.journal import Decision, Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import State
from importer.ledger.store import Ledger, RunIdentity
from importer.ledger.target_scan import Found
from importer.records import Act, Operation, Outcome, Row, is_same_row, rows_in
from importer.triage.answers import FIELDS, Issue
from importer.triage.snapshot import Snapshot
from tests.harness.bench import TARGET, Bench, opened
from tests.harness.virtual_time import VirtualTime

SOURCE, KEY, MARKER = Bench.source, "s:1", "tir" + "1" * 20
ROW: dict[str, Any] = {
    "title": "Old",
    "description": f"text\n{MARKER}",
    "severity": "low",
    "status": "todo",
    "category": "Bug",
    "source": "client",
}
MADE, LATER = "2026-11-24T10:00:00.000Z", "2026-11-24T11:00:00.000Z"
OLD, NEW = b"row-0001", b"row-0002"


def create(content: bytes = NEW, key: str = KEY, **changes: Any) -> Operation:
    """Make the create that the row stands for now."""
    body = orjson.dumps(ROW | changes)
    return Operation(key, "POST", "/v1/triage/issues", body, MARKER, content)


def issue(updated_at: str = MADE, **changes: Any) -> Issue:
    """Show the issue as the target has it."""
    values: dict[str, Any] = {**dict.fromkeys(FIELDS), **ROW, **changes}
    fields = {name: values[name] for name in FIELDS}
    return Issue("id-1", "T-1", "org", values["description"], fields, MADE, updated_at, 0, 0, 0, False)


class Remembering(Bench):
    """A ledger that knows one issue of one row."""

    def __init__(self, ledger: Ledger, time: VirtualTime) -> None:
        super().__init__(time, ledger)
        self.run = self.begin()

    def keep(self, returned: bytes | None = None, row: Operation | None = None) -> None:
        """Let the ledger know that the issue was made of a row."""
        made = row or create(OLD)
        memory = returned or Snapshot.take(issue(), made.body).dump()
        done = Decision(KEY, State.DONE, issue_id="id-1", triage_id="T-1", returned=memory)
        self.run.decide([done], [made])

    def leave_open(self, **fields: Any) -> None:
        """Let an update of these fields have left, and nobody know what became of it."""
        standing = self.ask(create(**fields), ChangePolicy(OnChange.UPDATE))
        assert standing is not None
        assert standing.change is not None
        change = standing.change

        async def intend() -> None:
            async with self.run.sending(1):
                await self.run.intend(change, change.body)

        asyncio.run(intend())

    def ask(self, row: Operation, policy: ChangePolicy, run: Run | None = None) -> LedgerStatus | None:
        """Ask how a row stands; None is that there is nothing to say."""
        history = LedgerHistory(self.ledger, TARGET, SOURCE, policy, run)
        return history([(row.key, row.body)], lambda _: row).get(row.key)

    def shown(self, row: Operation, policy: ChangePolicy) -> tuple[str, str]:
        """Give a row's outcome and its code."""
        standing = self.ask(row, policy)
        assert standing is not None
        return standing.outcome.value, standing.finding.code if standing.finding else ""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Remembering]:
    time = VirtualTime()
    with opened(tmp_path, time) as ledger:
        yield Remembering(ledger, time)


def policy(name: str, *fields: str, accept: bool = False) -> ChangePolicy:
    return ChangePolicy(OnChange(name), frozenset(fields or ISSUE_FIELDS), accept)


ALL = [policy(name, accept=accept) for name in OnChange for accept in (False, True)]


@pytest.mark.parametrize("each", ALL)
def test_a_new_and_an_unchanged_row(bench: Remembering, each: ChangePolicy) -> None:
    """A key that isn't in has nothing to be said; one that is, as it was sent, is unchanged, whatever the policy."""
    assert bench.ask(create(), each) is None
    bench.keep()
    assert bench.shown(create(), each) == ("unchanged", "")


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [
        ("report", "changed", "changed"),
        ("skip", "changed", "changed"),
        ("update", "planned", ""),
        ("overwrite", "planned", ""),
    ],
)
def test_a_changed_row(bench: Remembering, name: str, outcome: str, code: str) -> None:
    """Reported or skipped, or a change of the fields that differ."""
    bench.keep()
    assert bench.shown(create(title="New", severity="high"), policy(name)) == (outcome, code)


def test_the_report_names_the_fields(bench: Remembering) -> None:
    """A person can see what differs without looking at both."""
    bench.keep()
    standing = bench.ask(create(title="New", severity="high"), policy("report"))
    assert standing is not None
    assert standing.finding is not None
    assert standing.finding.message.endswith(" It differs in: title, severity.")


def test_the_change_itself(bench: Remembering) -> None:
    """It has the fields that differ alone, null for what the row doesn't say any more, and what it has to know."""
    bench.keep(row=create(OLD, owner_id="u1"))
    standing = bench.ask(create(title="New"), policy("update"))
    assert standing is not None
    change = standing.change
    assert change is not None
    assert orjson.loads(change.body) == {"title": "New", "owner_id": None}
    assert (change.act, change.method, change.issue_id, change.triage_id) == (Act.UPDATE, "PATCH", "id-1", "T-1")
    assert change.path.endswith("/id-1")
    assert change.content == NEW
    assert change.whole_sha


def test_outer_white_space_is_no_change(bench: Remembering) -> None:
    """What targets trim is not updated every night."""
    bench.keep()
    row = create(title=" Old ", description=f"text\r\n{MARKER}\n")
    assert bench.shown(row, policy("update")) == ("unchanged", "")


@pytest.mark.parametrize(
    ("name", "accept", "outcome", "code"),
    [
        ("report", False, "changed", "mapping-changed"),
        ("skip", False, "changed", "mapping-changed"),
        ("update", False, "changed", "mapping-changed"),
        ("update", True, "planned", ""),
        ("overwrite", False, "changed", "mapping-changed"),
        ("overwrite", True, "planned", ""),
    ],
)
def test_only_the_mapping_has_changed(bench: Remembering, name: str, accept: bool, outcome: str, code: str) -> None:
    """The row is the same, its issue would be another one: only on purpose."""
    bench.keep()
    assert bench.shown(create(OLD, severity="high"), policy(name, accept=accept)) == (outcome, code)


def test_narrowed_to_fields(bench: Remembering) -> None:
    """A change elsewhere doesn't count; a narrowed update doesn't make the issue stand for the whole row."""
    bench.keep()
    row = create(title="New", severity="high")
    assert bench.shown(create(title="New"), policy("update", "severity")) == ("unchanged", "")
    standing = bench.ask(row, policy("update", "severity"))
    assert standing is not None
    change = standing.change
    assert change is not None
    assert (orjson.loads(change.body), change.whole_sha) == ({"severity": "high"}, b"")
    assert not is_same_row(change.content, row.content)
    assert rows_in(change.content) == {row.content}, "of several rows, those that are in it are known still"
    severity = Snapshot.take(issue(severity="high"), create(severity="high").body).dump()
    bench.run.decide([Decision(KEY, State.DONE, operation=change, remember=KnownCreate(KEY, returned=severity))])
    assert bench.shown(row, policy("update", "severity")) == ("unchanged", "")
    standing = bench.ask(row, policy("update"))
    assert standing is not None
    assert standing.change is not None
    assert orjson.loads(standing.change.body) == {"title": "New"}, "and not for the mapping's, either"


def test_the_source_of_an_issue_stays(bench: Remembering) -> None:
    """It can't be changed: the other fields are, with a warning; alone it is a warning on an unchanged row."""
    bench.keep()
    assert bench.shown(create(source="manual"), policy("report")) == ("changed", "changed")
    assert bench.shown(create(source="manual"), policy("update")) == ("unchanged", "source-fixed")
    standing = bench.ask(create(source="manual", title="New"), policy("update"))
    assert standing is not None
    assert standing.finding is not None
    assert standing.finding.code == "source-fixed"
    assert standing.change is not None
    assert orjson.loads(standing.change.body) == {"title": "New"}
    assert standing.change.whole_sha == b""


def test_deleted_at_the_target(bench: Remembering) -> None:
    """It is said every night, without a request; only a row that changes once more is a reason to look again."""
    bench.keep(Snapshot.take(issue(), create().body).without_issue("one").without_issue("two").dump())
    for name in OnChange:
        assert bench.shown(create(), policy(name)) == ("skipped", "gone-at-target")
    assert bench.shown(create(title="New"), policy("report")) == ("skipped", "gone-at-target")
    assert bench.shown(create(title="New"), policy("update", "severity")) == ("skipped", "gone-at-target")
    assert bench.shown(create(title="New"), policy("update")) == ("planned", "")


def test_deleted_as_one_run_has_found(bench: Remembering) -> None:
    """The next run looks once more, whatever it does about changes; that look writes nothing but what it may."""
    bench.keep(Snapshot.take(issue(), create().body).without_issue("one").dump())
    for name in OnChange:
        standing = bench.ask(create(), policy(name))
        assert standing is not None
        assert (standing.outcome, standing.change and standing.change.body) == ("planned", b"{}")
    changed = bench.ask(create(title="New"), policy("report"))
    assert changed is not None
    assert (changed.outcome, changed.change and changed.change.body) == ("planned", b"{}")


@pytest.mark.parametrize("title", ["Old", "New", "Newer"])
def test_a_change_of_unknown_outcome(bench: Remembering, title: str) -> None:
    """It is looked at by the next update, and its fields are taken to what the row says now, or back."""
    bench.keep()
    bench.leave_open(title="New")
    assert bench.shown(create(title=title), policy("report")) == ("changed", "changed")
    standing = bench.ask(create(title=title), policy("update"))
    assert standing is not None
    change = standing.change
    assert change is not None
    assert orjson.loads(change.body) == {"title": title}
    assert orjson.loads(change.pending) == {"title": "New"}
    assert change.whole_sha


def test_a_change_of_unknown_outcome_outside_the_fields(bench: Remembering) -> None:
    """It is looked at all the same, and nothing but the fields that are meant is written."""
    bench.keep()
    bench.leave_open(title="New")
    standing = bench.ask(create(title="New"), policy("update", "severity"))
    assert standing is not None
    assert standing.change is not None
    assert (orjson.loads(standing.change.body), standing.change.whole_sha) == ({}, b"")


def test_a_conflict_of_an_earlier_attempt(bench: Remembering) -> None:
    """A run that continues doesn't look again at what it has left alone; the next run does."""
    bench.keep()
    bench.run.register([Row(0, "a.csv", 1, 2, KEY, Outcome.PLANNED)])
    row, updating = create(title="New"), policy("update")
    standing = bench.ask(row, updating)
    assert standing is not None
    left = Decision(
        KEY,
        State.LEFT,
        code="conflict",
        details=b'[["title","Old","theirs","New"]]',
        operation=standing.change,
        remember=KnownCreate(KEY, returned=Snapshot.take(issue(), create().body).dump()),
    )
    bench.run.decide([left])
    continued = bench.ledger.begin_run(RunIdentity(TARGET, SOURCE, "d", "m"))
    following = bench.ledger.begin_run(RunIdentity(TARGET, SOURCE, "next night", "m"))
    outcomes = [bench.ask(row, updating, run) for run in (continued, following)]
    assert [each.outcome for each in outcomes if each] == [Outcome.UNCHANGED, Outcome.PLANNED]


def found(updated_at: str = MADE, marker: str = MARKER, **changes: Any) -> Found:
    """Make what a look has seen of the issue."""
    there = issue(updated_at, **changes)
    return Found(there.id, there.triage_id, marker, there.title, 1000.0, Snapshot.take(there).dump())


@pytest.mark.parametrize(
    ("changes", "shown"),
    [({}, ("unchanged", "found-at-target")), ({"title": "Other"}, ("changed", "found-changed"))],
)
def test_found_at_the_target(bench: Remembering, changes: dict[str, Any], shown: tuple[str, str]) -> None:
    """An issue that the ledger had lost is taken in; from then on it is an issue like any other."""
    bench.ledger.target_scan(TARGET, SOURCE, writable=True).note([found(**changes)])
    assert bench.shown(create(), policy("report")) == shown
    assert bench.ledger.find_known(TARGET, SOURCE, [KEY]) == {}, "a check takes nothing in"
    bench.ask(create(), policy("report"), bench.run)
    assert bench.ledger.find_known(TARGET, SOURCE, [KEY])[KEY].issue_id == "id-1"
    expected = ("changed", "changed") if changes else ("unchanged", "")
    assert bench.shown(create(), policy("report")) == expected


def test_found_with_a_title_alone(bench: Remembering) -> None:
    """An issue without a marker may be the row's: the row is sent, with a warning that names the other one."""
    bench.ledger.target_scan(TARGET, SOURCE, writable=True).note([found(marker="", title="  OLD")])
    standing = bench.ask(create(), policy("report"))
    assert standing is not None
    assert standing.outcome is Outcome.PLANNED
    assert standing.finding is not None
    command = settle_command(bench.ledger.name, TARGET, KEY, "T-1")
    assert (standing.finding.code, standing.finding.hint) == ("title-in-triage", command)
    assert bench.ask(create(title="Quite another"), policy("report")) is None


LONG = "".join(f"word {number}, " for number in range(40))


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        ([LONG[:200]], ("changed", "found-changed")),
        ([LONG[:200], LONG[:100]], ("skipped", "marker-ambiguous")),
        ([LONG[:60]], ("planned", "title-in-triage")),
        ([LONG[:100] + "!"], ("planned", "title-in-triage")),
        (["Another text, which is long enough to be the beginning of something."], ("planned", "title-in-triage")),
    ],
)
def test_found_by_title_and_beginning(bench: Remembering, left: list[str], shown: tuple[str, str]) -> None:
    """An issue whose marker was cut off is the row's, if it is the only one; it is no other row's then."""
    issues = [found(marker="", description=text)._replace(issue_id=f"id-{n}") for n, text in enumerate(left, 1)]
    snapshots = [Snapshot.parse(each.returned).with_length(text) for each, text in zip(issues, left, strict=True)]
    noted = [each._replace(returned=its.dump()) for each, its in zip(issues, snapshots, strict=True)]
    bench.ledger.target_scan(TARGET, SOURCE, writable=True).note(noted)
    row = create(description=LONG)
    assert bench.shown(row, policy("report")) == shown
    if shown[0] == "changed":
        bench.ask(row, policy("report"), bench.run)
        assert bench.ledger.find_known(TARGET, SOURCE, [KEY])[KEY].issue_id == "id-1"
        other = create(key=f"{KEY}0", description=LONG)._replace(marker="tir" + "0" * 20)
        assert bench.ask(other, policy("report")) is None


def test_names_of_fields() -> None:
    """A list with commas; what no update can change is refused by name."""
    assert read_fields(None) == frozenset(ISSUE_FIELDS)
    assert read_fields("severity, status,") == {"severity", "status"}
    for wrong in ("source", "severity,prio", " , "):
        with pytest.raises(UsageError, match="--fields"):
            read_fields(wrong)
