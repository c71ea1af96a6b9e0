"""Anything in any order: crashes, faults, lost and restored ledgers, a changing source, people, and the way back.

HYPOTHESIS_PROFILE=long python -m pytest tests/end_to_end/test_machine.py      as long as it takes, some minutes
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from importer.errors import ExitCode
from importer.ledger.opening import read_ledger
from importer.ledger.schema import UNDECIDED, RunKind, State
from importer.ledger.store import Known
from importer.records import Outcome
from importer.sandbox.server import RunningSandbox, serve_in_thread
from importer.sandbox.settings import SandboxOptions
from importer.transform.addition_plan import SEPARATOR
from importer.transform.markers import find_marker, record_marker
from importer.triage.target import normalise_target
from tests.harness.machine import (
    CORRECTED,
    CRASHES,
    FIELDS,
    HEADER,
    KINDS,
    MAPPING,
    NUMBER,
    REMARK,
    Door,
    LedgerFiles,
    People,
    SourceRow,
    Trouble,
    serve_door,
)
from tests.harness.promises import FINISHED, check_end
from tests.harness.running import KEY, Ended, Program, read_csv, write_csv

pytestmark = pytest.mark.slow

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
PROFILE = settings(
    max_examples=400 if LONG else 12,
    stateful_step_count=30 if LONG else 15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
PICKS = st.integers(0, 50)
CHANGES = ("version", "urgent", "done", "kind", "repeated", "is_bad", "vanish", "add", "add", "comments", "comments")
DEEDS = (*FIELDS, "comment", "delete")
POLICIES = st.sampled_from(("report", "update", "update", "overwrite", "skip"))
TROUBLES = (
    st.none()
    | st.builds(Trouble, st.sampled_from(KINDS), st.integers(1, 12), st.just(False))
    | st.builds(Trouble, st.sampled_from(KINDS), st.integers(1, 8), st.just(True))
)
CUTS = st.sampled_from((None, None, 0.0, 0.3, 0.6, 0.9))
SKIPPED = {"changed", "mapping-changed", "found-changed", "conflict", "gone-at-target", "undo-open"}
WRITING = ("update", "overwrite")


class ImportMachine(RuleBasedStateMachine):
    """An import, its target, its ledger and its people; each finished command is checked against what it may do."""

    def __init__(self, sandbox: RunningSandbox, door: Door) -> None:
        super().__init__()
        self.sandbox, self.door = sandbox, door
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.program = Program(self.folder, self.folder)
        (self.folder / "state").mkdir()
        self.ledger = LedgerFiles(self.folder / "state" / "ledger.db")
        for name, text in (("demo.yaml", MAPPING), ("corrected.yaml", CORRECTED), ("key", KEY)):
            (self.folder / name).write_text(text, encoding="utf-8")
        self.people = People(sandbox.url)
        self.rows: dict[int, SourceRow] = {}
        self.keys: set[str] = set()
        self.unsure: set[str] = set()  # issues of which the ledger may have forgotten what we wrote
        self.closed: set[str] = set()  # by an undo
        self.deleted: dict[str, str] = {}  # key → its issue, that a person deleted and the ledger knows
        self.ids: set[str] = set()
        self.added: dict[Path, int] = {}  # copy of the ledger → what hung on issues then

    def teardown(self) -> None:
        """Leave the target empty."""
        for issue in self.sandbox.issues():
            self.people.delete(issue)
        self.people.close()
        shutil.rmtree(self.folder)

    # What happens between two commands

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        """Begin with an import of a few rows."""
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
        row = _pick(list(self.rows.values()), pick)
        if what == "vanish":
            if len(self.rows) > 1:
                del self.rows[row.number]
        elif what in ("version", "comments"):
            setattr(row, what, getattr(row, what) + 1)
        elif what == "kind":
            row.kind = "Task" if row.kind == "Bug" else "Bug"
        else:
            setattr(row, what, not getattr(row, what))

    def _let_in(self, pick: int, deed: str) -> None:
        """A person edits a field of an issue, comments on it, or deletes it."""
        issues = self._issues()
        if not issues:
            return
        issue = _pick(list(issues.values()), pick)
        if deed == "comment":
            self.people.comment(issue)
        elif deed == "delete":
            self.people.delete(issue)
            self.deleted |= {key: kept.issue_id for key, kept in self._known().items() if kept.issue_id == issue["id"]}
        else:
            self.people.edit(issue, deed)

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
            copy = _pick(self.ledger.copies, pick)
            self.ledger.put_back(copy, side_file=side_file and self.added.get(copy) == self._count_added())
        else:
            self.ledger.lose(side_file=side_file)
        self._forget_some()

    @precondition(lambda self: self.deleted)
    @rule(pick=PICKS)
    def say_absent(self, pick: int) -> None:
        """A person says that an issue which was deleted is to be made again."""
        key = _pick(sorted(self.deleted), pick)
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
    ) -> None:
        """The source changes, people are at work, and it is imported; something may go wrong."""
        for pick, what in changes:
            self._change_row(pick, what)
        for pick, deed in deeds:
            self._let_in(pick, deed)
        self._run(policy, trouble, cut, concurrency, contact)

    @rule(policy=POLICIES, rebuilt=st.sampled_from((False, False, True)))
    def again(self, policy: str, rebuilt: bool) -> None:
        """The import once more, or its continuation; nothing goes wrong. The ledger may be rebuilt before."""
        if rebuilt:
            self._rebuild()
        self._run(policy, None, None, 4, False)

    def _run(self, policy: str, trouble: Trouble | None, cut: float | None, concurrency: int, contact: bool) -> None:
        rows = [row for row in self.rows.values() for _ in range(1 + row.repeated)]
        source = write_csv(self.folder / "export.csv", [row.cells() for row in rows], HEADER)
        more = ["--on-change", policy, "--accept-mapping-change"] if policy != "report" else []
        more += [] if contact else ["--no-first-contact"]
        more += ["--concurrency", "1" if _is_exact(trouble) else str(concurrency)]
        before = self._issues()
        ended = self._command(
            *("run", source, "-m", self.folder / "demo.yaml", "--api-url", self.door.url, "--settle-seconds", "0"),
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
        """An import's issues are closed."""
        before, touched = self._issues(), set(self.people.touched)
        ended = self._go_back("undo", pick, trouble, cut, "--close")
        after = self._issues()
        assert before.keys() == after.keys()
        for issue_id, field in _changes(before, after):
            if (issue_id, field) not in self.people.edits:
                assert (field, after[issue_id][field]) == ("status", "closed")
                assert issue_id not in touched, "a touched issue is closed"
                self.closed.add(issue_id)
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
        assert all(place in self.people.edits for place in _changes(before, after)), "it changes nothing"
        for issue_id in gone:
            self.people.miss(issue_id)
        if ended is not None and _check_sum(ended):
            for line in self._lines():
                assert line["issue_id"] in after or line["verdict"] in ("deleted", "gone-at-target"), line
        self._forget_deleted()

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

    # How

    def _issues(self) -> dict[str, dict[str, Any]]:
        """All issues, as they are without numbers of others."""
        issues = self.sandbox.issues()
        return {issue["id"]: issue | {"description": NUMBER.sub("", issue["description"])} for issue in issues}

    def _count_added(self) -> int:
        return len(self.sandbox.comments()) + len(self.sandbox.relations())

    def _said(self, issue_id: str) -> list[str]:
        """The comments on an issue that are not people's, in order."""
        said = (comment["detail"] for comment in self.sandbox.comments() if comment["issue_id"] == issue_id)
        return [NUMBER.sub("", text) for detail in said for text in detail.split(SEPARATOR) if text != REMARK]

    def _options(self) -> tuple[str | Path, ...]:
        return ("--ledger", self.ledger.path, "--api-key-file", self.folder / "key", "--rate", "0")

    def _forget_some(self) -> None:
        """The ledger may know less than before."""
        self.unsure |= self.ids | self._issues().keys()
        self._forget_deleted()

    def _forget_deleted(self) -> None:
        known = self._known()
        self.deleted = {
            key: issue_id for key, issue_id in self.deleted.items() if key in known and known[key].issue_id == issue_id
        }

    def _known(self, states: Collection[State] = (State.DONE,)) -> dict[str, Known]:
        """What the ledger knows to be in Triage, or of the creates that are in another state."""
        with read_ledger(self.ledger.path) as ledger:
            known = ledger.find_known(normalise_target(self.door.url), "demo", self.keys)
        return {key: kept for key, kept in known.items() if kept.state in states}

    def _command(
        self, *arguments: str | Path, trouble: Trouble | None = None, cut: float | None = None
    ) -> Ended | None:
        """Give how a command ended, None if it crashed or its ledger is damaged; a crash may cut the journal."""
        copies = len(self.ledger.copies)
        meanwhile = partial(self._let_in, trouble.request if trouble else 0, "title")
        with self.door.troubled(trouble, crash=self.ledger.copy, edit=meanwhile) as struck:
            ended = self.program(*arguments, *self._options(), "--out", self.folder / "out", "--json")
        assert "Traceback" not in ended.err, ended.err
        assert "This is a bug" not in ended.err, ended.err
        if trouble is not None and trouble.kind in CRASHES and struck():
            self.ledger.put_back(self.ledger.copies[copies], side_file=True, wal_share=1.0 if cut is None else cut)
            if cut is not None:
                self._forget_some()
            return None
        if ended.code == ExitCode.UNUSABLE and "is damaged" in ended.err:  # after a cut; it says what to do
            assert f"Move {self.ledger.path} away" in ended.err, ended.err
            self.ledger.lose(side_file=False)
            self._forget_some()
            return None
        return ended

    def _runs(self) -> list[str]:
        with read_ledger(self.ledger.path) as ledger:
            return [run.name for run in ledger.list_runs() if run.kind is RunKind.IMPORT]

    def _made(self, pick: int) -> set[str]:
        with read_ledger(self.ledger.path) as ledger:
            rows = ledger.find_run(_pick(self._runs(), pick)).results()
            return {row.issue_id for row in rows if row.outcome is Outcome.CREATED}

    def _go_back(
        self, command: str, pick: int, trouble: Trouble | None, cut: float | None, *more: str | Path
    ) -> Ended | None:
        runs = self._runs()
        if not runs:
            return None
        arguments = (command, _pick(runs, pick), *more, "--apply", "--yes")
        return self._command(*arguments, "--concurrency", "1", trouble=trouble, cut=cut)

    def _lines(self) -> list[dict[str, str]]:
        file = self.folder / "out" / "results.csv"
        return read_csv(file) if file.exists() else []  # a way back with nothing to do has none

    def _check_known(self, issues: dict[str, dict[str, Any]]) -> None:
        """The ledger knows the issue of each good row; it is there, unless somebody deleted it."""
        known = self._known()
        for row in self.rows.values():
            if row.is_bad and row.key not in known:
                continue
            assert row.key in known, f"{row.key} is lost"
            issue_id = known[row.key].issue_id
            if issue_id in issues:
                assert find_marker(issues[issue_id]["description"]) == record_marker(row.key)
                assert issues[issue_id]["triage_id"] == known[row.key].triage_id
            else:
                assert issue_id in self.people.removed, f"{row.key} is lost"
        for key, issue_id in self.deleted.items():
            assert known[key].issue_id == issue_id, f"{key} was deleted by a person, and is made again"

    def _check_results(self, rows: list[SourceRow], issues: dict[str, dict[str, Any]], policy: str) -> None:
        """Each row has its result, which is true."""
        lines = self._lines()
        assert [line["key"] for line in lines] == [row.key for row in rows]
        seen = set[str]()
        for row, line in zip(rows, lines, strict=True):
            outcome, issue_id = line["outcome"], line["issue_id"]
            codes = {code for code in line["code"].splitlines() if not code.startswith("relation-end")}
            if row.is_bad or row.key in seen:
                assert outcome == ("rejected" if row.is_bad else "skipped"), line
            elif outcome in ("created", "updated", "unchanged"):
                assert issue_id in issues or issue_id in self.people.removed, line
                if issue_id in issues and issue_id not in self.unsure and not codes:
                    self._check_fields(row, issues[issue_id])
            else:
                assert outcome == "skipped", line
                assert codes & SKIPPED, line
                assert policy not in WRITING or not codes & {"changed", "mapping-changed"}, line
            seen.add(row.key)

    def _check_additions(self) -> None:
        """All that belongs to the issues of rows that are in is there, where nothing else is said."""
        known = self._known()
        ids = {key: kept.issue_id for key, kept in known.items() if kept.issue_id in self.ids | self._issues().keys()}
        related = {(relation["issue_id"], relation["related_issue_id"]) for relation in self.sandbox.relations()}
        lines = {line["key"]: line for line in self._lines() if line["outcome"] in ("created", "updated", "unchanged")}
        for row in self.rows.values():
            if row.key not in lines or "incomplete" in lines[row.key]["code"] or ids[row.key] in self.people.removed:
                continue
            assert set(row.said) <= set(self._said(ids[row.key])), f"lost: {row.said} of {row.key}"
            before = f"demo:P-{row.number - 1}"
            if before in ids and not self.people.removed:
                assert (ids[row.key], ids[before]) in related, f"lost: the relation of {row.key}"

    def _check_fields(self, row: SourceRow, issue: dict[str, Any]) -> None:
        for field, value in {**row.values(), "description": row.text}.items():
            if (issue["id"], field) in self.people.edits or (field == "status" and issue["id"] in self.closed):
                continue
            there = issue[field].partition("\n")[0] if field == "description" else issue[field]
            assert there == value, f"{field} of {row.key} is said to be {value!r} and is {there!r}"


def _pick(things: list[Any], pick: int) -> Any:
    return things[pick % len(things)]


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
    assert ended.code in (*FINISHED, ExitCode.UNUSABLE, ExitCode.STOPPED, ExitCode.UNKNOWN), ended.err
    summary = ended.summary
    assert sum(ended.outcomes().values()) == summary["rows"], summary
    assert (summary["unknown"] > 0) == (ended.code == ExitCode.UNKNOWN) or ended.code == ExitCode.STOPPED, summary
    return ended.code in FINISHED and bool(summary["run_id"])


@pytest.mark.parametrize("cut", [0.0, 0.6])
def test_a_ledger_that_lost_its_end_while_adding(cut: float) -> None:
    """No issue at the target tells that it did; its side file does, so that nothing is added twice."""
    with serve_in_thread(SandboxOptions(cut_descriptions=True)) as sandbox:
        door = Door(sandbox.url)
        with serve_door(door):
            machine = ImportMachine(sandbox, door)
            machine.begin(2)
            for row in machine.rows.values():
                row.comments += 3
            machine.night([], [], "report", Trouble("crash-after", 5, False), cut, 1, False)
            assert len(sandbox.comments()) == 6
            machine.again("report", False)
            machine.nothing_is_added_twice()
            assert len(sandbox.comments()) == 8
            machine.teardown()


def test_anything_in_any_order() -> None:
    """Nothing is doubled, lost or overwritten, and what is said of it is true."""
    with serve_in_thread(SandboxOptions(cut_descriptions=True)) as sandbox:
        door = Door(sandbox.url)

        class Machine(ImportMachine):
            def __init__(self) -> None:
                super().__init__(sandbox, door)

        with serve_door(door):
            run_state_machine_as_test(Machine, settings=PROFILE)
