"""An import with its target, its ledger and its people, and what must be so after each of its commands."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis.stateful import (
    RuleBasedStateMachine,
)

from importer.errors import ExitCode
from importer.ledger.known_create import KnownCreate
from importer.ledger.opening import read_ledger
from importer.ledger.schema import RunKind, State
from importer.records import Outcome
from importer.transform.comment_texts import SEPARATOR
from importer.transform.markers import find_marker, record_marker
from importer.triage.target import normalise_target
from tests.harness.doors import CRASHES, Door, Trouble
from tests.harness.hostile import RunningSandbox
from tests.harness.machine import CORRECTED, MAPPING, NUMBER, REMARK, LedgerFiles, People, SourceRow
from tests.harness.running import KEY, Ended, Program, read_csv
from tests.harness.unmarked import unmarked

PASSED_OVER = {
    "changed": {"changed", "mapping-changed", "found-changed"},
    "skipped": {"conflict", "gone-at-target", "perhaps-gone", "undo-open"},
}
WRITING = ("update", "overwrite")


class CheckedImport(RuleBasedStateMachine):
    """What a state machine works on: commands that are checked against what they may do."""

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
        self.values: set[tuple[str, str, str]] = set()  # issue, field and value, as they were after each command
        self.added: dict[Path, int] = {}  # copy of the ledger → what hung on issues then

    def teardown(self) -> None:
        """Leave the target empty."""
        for issue in self.sandbox.issues():
            self.people.delete(issue)
        self.people.close()
        shutil.rmtree(self.folder)

    def _let_in(self, pick: int, deed: str) -> None:
        """A person edits a field of an issue, comments on it, or deletes it."""
        issues = self._issues()
        if not issues:
            return
        issue = choose(list(issues.values()), pick)
        if deed == "comment":
            self.people.comment(issue)
        elif deed == "delete":
            self.people.delete(issue)
            self.deleted |= {key: kept.issue_id for key, kept in self._known().items() if kept.issue_id == issue["id"]}
        else:
            self.people.edit(issue, deed)

    def _issues(self) -> dict[str, dict[str, Any]]:
        """All issues, as they are without numbers of others."""
        issues = self.sandbox.issues()
        return {issue["id"]: issue | {"description": NUMBER.sub("", issue["description"])} for issue in issues}

    def _count_added(self) -> int:
        return len(self.sandbox.comments()) + len(self.sandbox.relations())

    def _said(self, issue_id: str) -> list[str]:
        """The comments on an issue that are not people's, in order."""
        said = (unmarked(comment["detail"]) for comment in self.sandbox.comments() if comment["issue_id"] == issue_id)
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

    def _known(self, states: Collection[State] = (State.DONE,)) -> dict[str, KnownCreate]:
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
            rows = ledger.find_run(choose(self._runs(), pick)).results()
            return {row.issue_id for row in rows if row.outcome is Outcome.CREATED}

    def _go_back(
        self, command: str, pick: int, trouble: Trouble | None, cut: float | None, *more: str | Path
    ) -> Ended | None:
        runs = self._runs()
        if not runs:
            return None
        arguments = (command, choose(runs, pick), *more, "--apply", "--yes")
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
                assert codes & PASSED_OVER[outcome], line
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


def choose(things: list[Any], pick: int) -> Any:
    return things[pick % len(things)]
