"""Changes to issues that are in: no fault and no crash overwrites what a person did, or takes ours for a person's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from importer.api import issue_path
from importer.errors import KeyRefused, RunStopped
from importer.ledger.journal import Decision, Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.load.driver import RunConnection
from importer.load.updates import Updated, Updater
from importer.records import Act, Operation, Outcome, Row, is_same_row
from importer.triage.client import TriageClient
from importer.triage.paced import Interrupted, PacedCalls
from importer.triage.redaction import Secret, note_echo
from importer.triage.snapshot import Snapshot, is_gone, is_missing, pending_fields
from tests.harness.bench import TARGET, Bench, opened
from tests.harness.one_issue import ROW, OneIssue
from tests.harness.virtual_time import VirtualTime

SOURCE, KEY = Bench.source, "s:1"
NEW_SHA = b"n" * 32


class Updating(Bench):
    """A ledger that knows the issue, and changes to it; each run is another night's."""

    def __init__(self, ledger: Ledger, time: VirtualTime) -> None:
        super().__init__(time, ledger)
        self.triage = OneIssue()
        self.transport = self.triage.transport
        self.nights = 0
        create = Operation(KEY, "POST", "/v1/triage/issues", orjson.dumps(ROW), "tir0", b"row-0001")
        done = Decision(KEY, State.DONE, issue_id=self.triage.issue["id"], triage_id="T-1001")
        self.run = self.turn()
        made = self.with_client(lambda client, _: client.get_issue(self.triage.issue["id"]))
        self.run.decide([done._replace(returned=Snapshot.take(made, orjson.dumps(ROW)).dump())], [create])

    def turn(self) -> Run:
        """Begin the next night."""
        self.nights += 1
        self.run = self.begin(f"night {self.nights}")
        self.run.register([Row(0, "a.csv", 1, 2, KEY, Outcome.PLANNED)])
        return self.run

    def known(self) -> KnownCreate:
        """Say what the ledger knows of the issue."""
        return self.ledger.find_known(TARGET, SOURCE, [KEY])[KEY]

    def operation(self, **fields: Any) -> Operation:
        """Make the change to these fields from what the ledger knows."""
        kept = self.known()
        return Operation(
            KEY,
            "PATCH",
            issue_path(kept.issue_id),
            orjson.dumps(fields),
            "tir0",
            b"row-0002",
            Act.UPDATE,
            NEW_SHA,
            kept.issue_id,
            kept.triage_id,
            kept.returned,
            kept.pending,
        )

    def update(self, *, force: bool = False, interrupt_after: int | None = None, **fields: Any) -> Updated:
        """Carry out the change to these fields; the calls may be interrupted after so many seconds."""

        async def interrupt(calls: PacedCalls, seconds: int) -> None:
            await self.time.sleep(seconds)
            calls.interrupt()

        async def update(client: TriageClient, calls: PacedCalls) -> Updated | BaseException:
            async with self.run.sending(1):
                updater = Updater(RunConnection(client, self.run, calls, now=self.time.clock), force=force)
                task = asyncio.create_task(interrupt(calls, interrupt_after)) if interrupt_after is not None else None
                (amended,) = await asyncio.gather(updater.update(self.operation(**fields)), return_exceptions=True)
                if task is not None:
                    task.cancel()
                return amended  # an error leaves only once what was handed in is durable, as in the loader

        amended = self.with_client(update)
        if isinstance(amended, BaseException):
            raise amended
        return amended

    def left(self) -> list[list[list[str]]]:
        """Give what this night's changes left alone."""
        return [conflicts for _, _, conflicts in self.run.conflicts()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Updating]:
    time = VirtualTime()
    with opened(tmp_path, time) as ledger:
        yield Updating(ledger, time)


def test_an_update(bench: Updating) -> None:
    """Only what differs is written, and the issue stands for its new row."""
    bench.triage.change(severity="high")
    assert bench.update(title="new", severity="high").outcome is Outcome.UPDATED
    assert bench.triage.patches == [{"title": "new"}]
    known = bench.known()
    assert (known.body_sha, known.content, known.pending) == (NEW_SHA, b"row-0002", b"")
    assert bench.update(title="new", severity="high").outcome is Outcome.UNCHANGED
    assert len(bench.triage.patches) == 1


def test_a_conflict_stays_until_it_is_solved(bench: Updating) -> None:
    """What a person changed is left alone, tonight and every night, while the other fields follow their row."""
    bench.triage.change(title="theirs")
    assert bench.update(title="new", severity="high") == (Outcome.UPDATED, "title was changed in Triage")
    for _ in range(2):
        assert bench.triage.issue | {"title": "theirs", "severity": "high"} == bench.triage.issue
        assert bench.left() == [[["title", "old", "theirs", "new"]]]
        known = bench.known()
        assert known.body_sha == b""
        assert not is_same_row(known.content, b"row-0002"), "it stands for no row"
        bench.turn()
        assert bench.update(title="new", severity="high").outcome is Outcome.SKIPPED
    bench.triage.change(title="new")
    bench.turn()
    assert bench.update(title="new", severity="high").outcome is Outcome.UNCHANGED
    assert (bench.left(), bench.known().body_sha) == ([], NEW_SHA)
    assert len(bench.triage.patches) == 1


def test_overwriting(bench: Updating) -> None:
    """With force a person's change goes; it was asked for."""
    bench.triage.change(title="theirs")
    assert bench.update(force=True, title="new").outcome is Outcome.UPDATED
    assert (bench.triage.issue["title"], bench.left()) == ("new", [])


@pytest.mark.parametrize(
    ("fault", "outcome", "patches"),
    [
        ("500-before", Outcome.UPDATED, 2),
        ("500-after", Outcome.UPDATED, 1),
        ("reset-before", Outcome.UPDATED, 2),
        ("reset-after", Outcome.UPDATED, 1),
        ("408", Outcome.UPDATED, 2),
        ("429", Outcome.UPDATED, 2),
        ("connect", Outcome.UPDATED, 2),
        ("400", Outcome.FAILED, 1),
        ("422", Outcome.FAILED, 1),
        ("404", Outcome.UPDATED, 2),
        ("410", Outcome.UPDATED, 2),
        ("400-after", Outcome.UPDATED, 1),
        ("404-after", Outcome.UPDATED, 1),
        ("409-after", Outcome.UPDATED, 1),
        ("422-after", Outcome.UPDATED, 1),
    ],
)
def test_what_a_write_meets(bench: Updating, fault: str, outcome: Outcome, patches: int) -> None:
    """Every answer that leaves it open, a refusal too, is followed by a look: what was executed is not sent again."""
    bench.triage.faults = [fault]
    assert bench.update(title="new").outcome is outcome
    assert len(bench.triage.patches) == patches
    assert (bench.triage.issue["title"] == "new") is (outcome is Outcome.UPDATED)
    known = bench.known()
    assert known.pending == b""
    assert (known.body_sha == NEW_SHA) is (outcome is not Outcome.FAILED)
    assert not is_missing(known.returned)


def test_a_look_that_finds_nothing(bench: Updating) -> None:
    """An issue that was deleted is not written to, and that is remembered: two runs are believed for good."""
    bench.triage.exists = False
    assert bench.update(title="new") == (Outcome.SKIPPED, "the issue is no longer in Triage")
    assert bench.triage.patches == []
    assert (is_missing(bench.known().returned), is_gone(bench.known().returned)) == (True, False)
    bench.turn()
    assert bench.update().outcome is Outcome.SKIPPED
    assert is_gone(bench.known().returned)
    bench.triage.exists = True
    assert bench.update(title="newer").outcome is Outcome.UPDATED, "a wrong answer heals with the row's next change"
    assert not is_missing(bench.known().returned)


@pytest.mark.parametrize("fault", ["401", "403", "403-after"])
@pytest.mark.parametrize("row", ["new", "newer"])
def test_a_key_that_is_refused_now(bench: Updating, fault: str, row: str) -> None:
    """The run stops, and the next one sees whether the write was executed; if it was, that is no person's edit."""
    bench.triage.faults = [fault]
    with pytest.raises(KeyRefused):
        bench.update(title="new")
    assert pending_fields(bench.known().pending) == {"title"}
    bench.turn()
    assert bench.update(title=row) == (Outcome.UPDATED, "")
    assert (bench.triage.issue["title"], bench.left()) == (row, [])
    assert len(bench.triage.patches) == (1 if fault == "403-after" and row == "new" else 2)


def test_a_refusal_is_sent_once(bench: Updating) -> None:
    """What the look after it doesn't find has failed; a read that is refused as well leaves it open."""
    bench.triage.faults, bench.triage.reads = ["400"], ["", "400"]
    assert bench.update(title="new").outcome is Outcome.UNKNOWN
    bench.triage.faults, bench.triage.reads = ["422", "422"], []
    assert bench.update(title="new") == (Outcome.FAILED, "422 no: because")
    assert len(bench.triage.patches) == 2


def test_interrupted_while_everybody_waits(bench: Updating) -> None:
    """After a 429 the write waits for its turn; what ends it then leaves nothing open."""
    bench.triage.faults = ["429"] * 9
    with pytest.raises(Interrupted):
        bench.update(title="new", interrupt_after=1)
    assert bench.known().pending == b""


@pytest.mark.parametrize("executed", [True, False])
def test_nobody_knows_what_became_of_it(bench: Updating, executed: bool) -> None:
    """A target that answers no write: unknown, until a later look tells; a person's edit since counts as theirs."""
    bench.triage.faults = ["500-after" if executed else "500-before", *["500-before"] * 9]
    bench.triage.reads = ["", *["400"] * 9]
    assert bench.update(title="new").outcome is Outcome.UNKNOWN
    assert pending_fields(bench.known().pending) == {"title"}
    bench.triage.faults, bench.triage.reads = [], []
    bench.turn()
    assert bench.update(title="new").outcome is Outcome.UPDATED
    assert len(bench.triage.patches) == (1 if executed else 2)
    assert bench.known().pending == b""


def test_a_target_that_answers_no_write(bench: Updating) -> None:
    """After some attempts it is left for the next run."""
    bench.triage.faults = ["500-before"] * 99
    assert bench.update(title="new").outcome is Outcome.UNKNOWN
    assert len(bench.triage.patches) == 5
    assert pending_fields(bench.known().pending) == {"title"}


def test_nothing_leaves_without_its_intent(bench: Updating) -> None:
    """When a write arrives, the ledger knows already what it may do."""
    intents: list[bytes] = []
    bench.triage.watch = lambda: intents.append(bench.known().pending)
    bench.update(title="new")
    assert [orjson.loads(intent)["title"] for intent in intents] == ["new"]


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("row", ["new", "newer", "old"])
def test_killed_between_intent_and_answer(bench: Updating, executed: bool, row: str) -> None:
    """The next attempt takes the issue to the row as it is then, whatever became of the write, without a conflict."""

    async def begin() -> None:
        async with bench.run.sending(1):
            await bench.run.intend(bench.operation(title="new"), orjson.dumps({"title": "new"}))

    asyncio.run(begin())
    if executed:
        bench.triage.change(title="new")
    bench.turn()
    amended = bench.update(title=row)
    there = "new" if executed else "old"
    changed = executed or row != "old"
    assert amended == (Outcome.UPDATED if changed else Outcome.UNCHANGED, "")
    assert (bench.triage.issue["title"], bench.left()) == (row, [])
    assert len(bench.triage.patches) == (row != there)
    assert (bench.known().pending, bench.known().body_sha) == (b"", NEW_SHA)


def test_a_person_takes_a_write_of_unknown_outcome_back(bench: Updating) -> None:
    """Where the old value is there again and somebody wrote since, that is a person's word, and is left alone."""

    async def begin() -> None:
        async with bench.run.sending(1):
            await bench.run.intend(bench.operation(title="new"), orjson.dumps({"title": "new"}))

    asyncio.run(begin())
    bench.triage.change(title="new")
    bench.triage.change(title="old")
    bench.turn()
    assert bench.update(title="new") == (Outcome.SKIPPED, "title was changed in Triage")
    assert bench.left() == [[["title", "old", "old", "new"]]]


def test_a_person_comes_between(bench: Updating) -> None:
    """Between a write without an answer and the look after it a person changes the same field: that stays."""
    bench.triage.faults = ["500-after"]
    bench.triage.reads = ["", "400"]
    assert bench.update(title="new").outcome is Outcome.UNKNOWN
    bench.triage.change(title="theirs")
    assert bench.update(title="new").outcome is Outcome.SKIPPED
    assert (bench.triage.issue["title"], len(bench.triage.patches)) == ("theirs", 1)
    assert bench.left() == [[["title", "old", "theirs", "new"]]]


@pytest.mark.parametrize("second", ["500-before", "500-after", "401", "400"])
def test_two_writes_without_an_answer(bench: Updating, second: str) -> None:
    """What the first has written is known as ours, though the second, of another row, ends badly as well."""
    bench.triage.faults, bench.triage.reads = ["500-after"], ["", "400"]
    assert bench.update(title="new").outcome is Outcome.UNKNOWN
    bench.triage.faults, bench.triage.reads = [second], ["", "400"]
    try:
        bench.update(title="newer")
    except RunStopped:
        assert second == "401"
    bench.triage.faults, bench.triage.reads = [], []
    assert bench.update(title="newest") == (Outcome.UPDATED, "")
    assert (bench.triage.issue["title"], bench.left()) == ("newest", [])


def test_the_replaced_values_are_kept(bench: Updating) -> None:
    """As they were before the run's first write, whatever became of its answer, and whole."""
    bench.triage.faults, bench.triage.reads = ["500-after"], ["", "400"]
    assert bench.update(title="new", description="new text").outcome is Outcome.UNKNOWN
    assert bench.update(title="new", description="new text").outcome is Outcome.UPDATED
    assert bench.run.replaced.before(KEY) == {"title": "old", "description": "text"}


def test_a_person_s_value_that_is_overwritten_is_kept(bench: Updating) -> None:
    """It is what was there before, also where the run had written the field already."""
    bench.update(title="new")
    bench.triage.change(title="theirs")
    assert bench.update(force=True, title="new").outcome is Outcome.UPDATED
    assert bench.run.replaced.before(KEY) == {"title": "theirs"}


def test_the_key_in_an_old_value_is_not_kept(bench: Updating) -> None:
    """The ledger may not have it, compressed or not."""
    bench.triage.change(description="The key is org_x_and_more.", category="Old")
    bench.update(force=True, description="new", category="New")
    before = bench.run.replaced.before(KEY)
    assert before == {"description": "The key is org_x_and_more.", "category": "Old"}, "that is another text"
    note_echo(Secret("org_x_and_more"))
    bench.turn()
    bench.triage.change(description="The key is org_x_and_more.", category="Old")
    bench.update(force=True, description="newer", category="Newer")
    assert bench.run.replaced.before(KEY) == {"category": "Old"}


def test_what_another_has_changed_meanwhile(bench: Updating) -> None:
    """A field that we didn't send and that the answer has otherwise than it was read is named, and stays theirs."""
    bench.triage.watch = lambda: bench.triage.change(severity="critical")
    assert bench.update(title="new") == (
        Outcome.UPDATED,
        "severity was changed in Triage during the update",
    )
    (row,) = bench.run.results()
    assert row.codes == ("edited-meanwhile",)
    bench.triage.watch = lambda: None
    bench.turn()
    assert bench.update(severity="high").outcome is Outcome.SKIPPED


def test_a_write_that_waited_reads_again(bench: Updating) -> None:
    """While everybody pauses after a 429 a person edits the same field: what was read before is not written over it."""
    bench.triage.faults = ["429"]
    bench.triage.watch = lambda: bench.triage.change(title="theirs")
    assert bench.update(title="new").outcome is Outcome.SKIPPED
    assert (bench.triage.issue["title"], len(bench.triage.patches)) == ("theirs", 1)
