"""Anything in any order: crashes, faults, lost and restored ledgers, a changing source, people, and the way back.

HYPOTHESIS_PROFILE=long python -m pytest tests/end_to_end/test_machine.py      other examples each time, for minutes
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from importer.errors import ExitCode
from importer.ledger.schema import UNDECIDED
from importer.transform.markers import find_marker, record_marker
from tests.end_to_end.checked_import import WRITING, CheckedImport, choose
from tests.harness.doors import KINDS, Door, Trouble, serve_door
from tests.harness.hostile import HostileOptions, serve_in_thread
from tests.harness.machine import FIELDS, HEADER, SourceRow
from tests.harness.promises import FINISHED, TO_BE_CONTINUED, check_end
from tests.harness.running import LONG, Ended, write_csv

pytestmark = pytest.mark.slow(seconds=80)

PROFILE = settings(
    max_examples=400 if LONG else 8,
    stateful_step_count=30 if LONG else 15,
    phases=tuple(Phase) if LONG else (Phase.explicit, Phase.generate),  # shrinking takes five minutes more
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
PICKS = st.integers(0, 50)
DELETED = ("deleted", "gone-at-target", "perhaps-gone")
CHANGES = ("version", "urgent", "done", "kind", "repeated", "is_bad", "vanish", "add", "add", "comments", "comments")
DEEDS = (*FIELDS, "comment", "delete")
POLICIES = st.sampled_from(("report", "update", "update", "overwrite", "skip"))
TROUBLES = (
    st.none()
    | st.builds(Trouble, st.sampled_from(KINDS), st.integers(1, 12), st.just(False))
    | st.builds(Trouble, st.sampled_from(KINDS), st.integers(1, 8), st.just(True))
)
CUTS = st.sampled_from((None, None, 0.0, 0.3, 0.6, 0.9))


class ImportMachine(CheckedImport):
    """An import, its target, its ledger and its people; each finished command is checked against what it may do."""

    # What happens between two commands

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        for _ in range(count):
            self._change_row(0, "add")
        self._run("report", None, None, 1, False)

    def _change_row(self, pick: int, what: str) -> None:
        """A row is added or gone, changes, is commented on, comes twice, or can't be used."""
        if what == "add" or not self.rows:
            number = len(self.keys) + 1
            self.rows[number] = SourceRow(number)
            self.keys.add(self.rows[number].key)
            return
        row = choose(list(self.rows.values()), pick)
        if what == "vanish":
            if len(self.rows) > 1:
                del self.rows[row.number]
        elif what in ("version", "comments"):
            setattr(row, what, getattr(row, what) + 1)
        elif what == "kind":
            row.kind = "Task" if row.kind == "Bug" else "Bug"
        else:
            setattr(row, what, not getattr(row, what))

    @rule(what=st.sampled_from(("keep", "lose", "restore", "restore")), pick=PICKS, side_file=st.booleans())
    def harm(self, what: str, pick: int, side_file: bool) -> None:
        """The ledger is copied, lost, or replaced by an older copy, with or without its side file.

        With its side file a copy doesn't look older. Issues that were made since show that, while what was added to
        others doesn't: then the side file stays.
        """
        if what == "keep":
            self.added[self.ledger.copy()] = self._count_added()
            return
        if what == "restore" and self.ledger.copies:
            copy = choose(self.ledger.copies, pick)
            self.ledger.put_back(copy, side_file=side_file and self.added.get(copy) == self._count_added())
        else:
            self.ledger.lose(side_file=side_file)
        self._forget_some()

    @precondition(lambda self: self.deleted)
    @rule(pick=PICKS)
    def say_absent(self, pick: int) -> None:
        """A person says that an issue which was deleted is to be made again."""
        key = choose(sorted(self.deleted), pick)
        ended = self.program("settle", key, "absent", "--api-url", self.door.url, *self._options())
        assert ended.code == ExitCode.DONE, ended.err
        del self.deleted[key]

    # The commands

    @rule(
        changes=st.lists(st.tuples(PICKS, st.sampled_from(CHANGES)), max_size=3),
        deeds=st.lists(st.tuples(PICKS, st.sampled_from(DEEDS)), max_size=3),
        policy=POLICIES,
        trouble=TROUBLES,
        cut=CUTS,
        concurrency=st.sampled_from((1, 4)),
        contact=st.booleans(),
        split=PICKS,
    )
    def night(
        self,
        changes: list[tuple[int, str]],
        deeds: list[tuple[int, str]],
        policy: str,
        trouble: Trouble | None,
        cut: float | None,
        concurrency: int,
        contact: bool,
        split: int,
    ) -> None:
        """The source changes, people are at work, and it is imported; something may go wrong.

        A part of the rows, another one each night, comes in a file of its own.
        """
        for pick, what in changes:
            self._change_row(pick, what)
        for pick, deed in deeds:
            self._let_in(pick, deed)
        self._run(policy, trouble, cut, concurrency, contact, split)

    @rule(policy=POLICIES, rebuilt=st.sampled_from((False, False, True)))
    def again(self, policy: str, rebuilt: bool) -> None:
        """The import once more, or its continuation; nothing goes wrong. The ledger may be rebuilt before."""
        if rebuilt:
            self._rebuild()
        self._run(policy, None, None, 4, False)

    def _run(
        self,
        policy: str,
        trouble: Trouble | None,
        cut: float | None,
        concurrency: int,
        contact: bool,
        split: int = 0,
    ) -> None:
        rows = [row for row in self.rows.values() for _ in range(1 + row.repeated)]
        parts = rows[: split % len(rows)], rows[split % len(rows) :]
        sources = [
            write_csv(self.folder / f"export-{place}.csv", [row.cells() for row in part], HEADER)
            for place, part in enumerate(parts)
            if part
        ]
        more = ["--on-change", policy, "--accept-mapping-change"] if policy != "report" else []
        more += [] if contact else ["--no-canary"]
        more += ["--concurrency", "1" if _is_exact(trouble) else str(concurrency)]
        before = self._issues()
        ended = self._command(
            "run",
            *sources,
            *("-m", self.folder / "demo.yaml", "--api-url", self.door.url, "--settle-seconds", "0"),
            *("--max-rejected", "100%", "--yes", *more),
            trouble=trouble,
            cut=cut,
        )
        after = self._issues()
        assert before.keys() <= after.keys(), "an import deletes nothing"
        for issue_id, field in _changes(before, after):
            if policy == "overwrite" and after[issue_id][field] != self.people.edits.get((issue_id, field)):
                self.people.edits.pop((issue_id, field), None)
            assert policy in WRITING or (issue_id, field) in self.people.edits, f"{policy} changed {field}"
        if ended is None:
            return
        check_end(ended, len(rows))
        if ended.code in FINISHED:
            self._check_known(after)
            self._check_results(rows, after, policy)
            self._check_additions()

    @rule(trouble=TROUBLES, cut=CUTS, pick=PICKS)
    def repair(self, trouble: Trouble | None, cut: float | None, pick: int) -> None:
        """An import's severities are repaired with another mapping."""
        before = self._issues()
        ended = self._go_back(
            "repair", pick, trouble, cut, "-m", self.folder / "corrected.yaml", "--fields", "severity"
        )
        after = self._issues()
        assert before.keys() == after.keys()
        for issue_id, field in _changes(before, after):
            assert field == "severity" or (issue_id, field) in self.people.edits, f"a repair changed {field}"
        if ended is not None:
            _check_sum(ended)

    @rule(trouble=TROUBLES, cut=CUTS, pick=PICKS)
    def undo_close(self, trouble: Trouble | None, cut: float | None, pick: int) -> None:
        """An import's issues are closed, and fields that it updated get a value that they had."""
        before, touched = self._issues(), set(self.people.touched)
        made = self._made(pick) if self._runs() else set()
        ended = self._go_back("undo", pick, trouble, cut, "--close")
        after = self._issues()
        assert before.keys() == after.keys()
        for issue_id, field in _changes(before, after):
            if (issue_id, field) in self.people.edits:
                continue
            if issue_id in made:
                assert (field, after[issue_id][field]) == ("status", "closed")
                assert issue_id not in touched, "a touched issue is closed"
                self.closed.add(issue_id)
            else:
                self._check_value(after[issue_id], field)
        if ended is not None and _check_sum(ended):
            for line in self._lines():
                if line["verdict"] == "closed" and line["issue_id"] not in self.unsure:
                    assert after[line["issue_id"]]["status"] == "closed", line

    @rule(trouble=TROUBLES, cut=CUTS, pick=PICKS)
    def undo_delete(self, trouble: Trouble | None, cut: float | None, pick: int) -> None:
        """An import's issues are deleted."""
        before, touched = self._issues(), set(self.people.touched)
        asked = self._go_back("undo", pick, None, None, "--delete", "--expect", "0")
        if asked is None or "it would be" not in asked.err:
            return
        count = asked.err.rpartition("it would be ")[2].partition(".")[0]
        made = self._made(pick)
        ended = self._go_back("undo", pick, trouble, cut, "--delete", "--expect", count)
        after = self._issues()
        gone = before.keys() - after.keys()
        assert gone <= made, "an undo deletes only what its run created"
        assert not gone & touched, "a touched issue is deleted"
        for issue_id, field in _changes(before, after):
            if (issue_id, field) not in self.people.edits:
                assert issue_id not in made
                self._check_value(after[issue_id], field)
        for issue_id in gone:
            self.people.miss(issue_id)
        if ended is not None and _check_sum(ended):
            for line in self._lines():
                assert line["issue_id"] in after or line["verdict"] in DELETED, line
        self._forget_deleted()

    def _check_value(self, issue: dict[str, Any], field: str) -> None:
        """What an undo has given back was there once."""
        assert (issue["id"], field, issue[field]) in self.values | self.people.wrote, f"{field} was never so"

    def _rebuild(self) -> None:
        """What is in Triage is taken into the ledger on purpose."""
        rows = [row.cells() for row in self.rows.values()]
        source = write_csv(self.folder / "export.csv", rows, HEADER)
        before = self._issues()
        ended = self._command("rebuild-ledger", source, "-m", self.folder / "demo.yaml", "--api-url", self.door.url)
        assert self._issues() == before
        if ended is None:
            return
        assert ended.code in FINISHED, ended.err
        known = self._known()
        for row in self.rows.values():
            own = [
                issue["id"] for issue in before.values() if find_marker(issue["description"]) == record_marker(row.key)
            ]
            open_ = row.key in self._known(UNDECIDED)  # the next import settles it
            assert not own or row.is_bad or open_ or row.key in known, f"{row.key} is not taken in"

    # What always holds

    @invariant()
    def nothing_is_doubled_or_lost(self) -> None:
        """Each record has one issue at most, and none disappears."""
        issues = self._issues()
        markers = Counter(find_marker(issue["description"]) for issue in issues.values())
        assert not {marker: times for marker, times in markers.items() if times > 1}, "doubled"
        assert markers.keys() <= set(map(record_marker, self.keys)), "nobody asked for it"
        assert self.ids - issues.keys() <= self.people.removed, "lost"
        self.ids |= issues.keys()

    @invariant()
    def remember_values(self) -> None:
        """An undo may only bring back what was there."""
        self.values |= {(issue["id"], field, issue[field]) for issue in self._issues().values() for field in FIELDS}

    @invariant()
    def nothing_is_added_twice(self) -> None:
        """Each comment is there once at most, each relation and each number beside a name, too."""
        for issue in self.sandbox.issues():
            said = self._said(issue["id"])
            assert len(said) == len(set(said)), f"doubled: {said}"
            assert said == sorted(said, key=_number_of), f"out of order: {said}"
            assert ") (T-" not in issue["description"], "doubled numbers"
        relations = [(relation["issue_id"], relation["related_issue_id"]) for relation in self.sandbox.relations()]
        assert len(relations) == len(set(relations)), "doubled"

    @invariant()
    def edits_of_people_survive(self) -> None:
        """What a person wrote is as the person wrote it."""
        issues = self._issues()
        for (issue_id, field), value in self.people.edits.items():
            assert issues[issue_id][field] == value, f"a person's {field} is overwritten"


def _number_of(comment: str) -> int:
    return int(comment.split()[1])


def _is_exact(trouble: Trouble | None) -> bool:
    """Whether it must not meet requests that are on their way at the same time."""
    return trouble is not None and trouble.kind == "edit"


def _changes(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Say which fields of which issues have changed."""
    for issue_id in before.keys() & after.keys():
        for field in FIELDS:
            if before[issue_id][field] != after[issue_id][field]:
                yield issue_id, field


def _check_sum(ended: Ended) -> bool:
    """The counts of a way back add up; say whether it has finished."""
    assert ended.code in (*FINISHED, ExitCode.UNUSABLE, *TO_BE_CONTINUED), ended.err
    summary = ended.summary
    assert sum(ended.outcomes().values()) == summary["rows"], summary
    is_stopped = ended.code in (ExitCode.STOPPED, ExitCode.DECIDE)
    assert (summary["unknown"] > 0) == (ended.code == ExitCode.UNKNOWN) or is_stopped, summary
    return ended.code in FINISHED and bool(summary["run_id"])


@pytest.mark.parametrize("cut", [0.0, 0.6])
def test_a_ledger_that_lost_its_end_while_adding(cut: float) -> None:
    """No issue at the target tells that it did; its side file does, so that nothing is added twice."""
    with serve_in_thread(HostileOptions(cut_descriptions=True)) as sandbox:
        door = Door(sandbox.url)
        with serve_door(door):
            machine = ImportMachine(sandbox, door)
            machine.begin(2)
            for row in machine.rows.values():
                row.comments += 3
            machine.night([], [], "report", Trouble("crash-after", 7, False), cut, 1, False, 0)
            assert len(sandbox.comments()) == 6
            machine.again("report", False)
            machine.nothing_is_added_twice()
            assert len(sandbox.comments()) == 8
            machine.teardown()


def test_anything_in_any_order() -> None:
    """Nothing is doubled, lost or overwritten, and what is said of it is true."""
    with serve_in_thread(HostileOptions(cut_descriptions=True)) as sandbox:
        door = Door(sandbox.url)

        class Machine(ImportMachine):
            def __init__(self) -> None:
                super().__init__(sandbox, door)

        with serve_door(door):
            run_state_machine_as_test(Machine, settings=PROFILE)
