"""A month of deltas with bad rows: files come late, twice, are undone, or pile up while nothing is run.

A judge that shares no code with the program says what Triage should hold after each night, which rows wait for
somebody, and what a scheduler may mail: each bad row once, and nothing in any other night.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from importer.errors import ExitCode
from tests.harness.hostile import RunningSandbox
from tests.harness.running import LONG, SEED, Ended, Program, write_csv

pytestmark = pytest.mark.slow(seconds=30)

NIGHTS, FILES, DOWN, UNDONE, MENDED = 30, 2, range(13, 17), (8, 22), 28
"""Nights, files of each, nights in which nothing runs, after which a run is undone, and when the mapping is mended."""
SHARE = 10
"""One file in so many has a bad row."""
HEADER = ("Id", "Title", "Status", "Updated")
MAPPING = """
input: {name: desk, key: Id, kind: delta}
duplicates: {newest: Updated}
title: Title
status: {column: Status, values: {Open: todo}}
severity: {value: low}
category: {value: Bug}
"""
FATES = ("newer", "corrected", "dismissed", "mended")


@dataclass(eq=False)
class Row:
    """A version of an issue, as a file has it."""

    key: str
    title: str
    updated: str
    status: str = "Open"

    @property
    def cells(self) -> tuple[str, ...]:
        return self.key, self.title, self.status, self.updated


@dataclass(eq=False)
class Bad:
    """A row that the mapping doesn't take, where it is, and what people do about it from one night on."""

    row: Row
    file: str
    place: int
    fate: str
    night: int

    @property
    def name(self) -> str:
        """What `sources rejected` calls it."""
        return f"desk:{self.row.key}" if self.row.key else f"{self.file} row {self.place}"

    @property
    def mailed(self) -> str:
        """What a mail calls it, by its line below the header."""
        return f"  rejected desk:{self.row.key}: " if self.row.key else f"  rejected {self.file}:{self.place + 1}: "


@dataclass
class File:
    """A delta: when it was written, and from which night on it is there."""

    name: str
    night: int
    due: int
    rows: list[Row]
    bad: Bad | None = None


@dataclass
class Tracker:
    """Writes the files, one after the other."""

    random: Random
    keys: int = 0
    moment: int = 0
    again: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)

    def deliver(self, night: int) -> None:
        """Write a file of a few edited and a few new issues, some time with a bad row."""
        random, number = self.random, len(self.files) + 1
        known = [f"D-{each}" for each in range(1, self.keys + 1)]
        edited = sorted({*random.sample(known, min(len(known), 2)), *self.again})
        self.again = []
        rows = [self.edit(key) for key in edited] + [self._create() for _ in range(random.randint(1, 3))]
        late = random.randint(1, 3) if random.random() < 0.15 else 0
        file = File(f"f{number:03}.csv", night, night + late, rows)
        if number % SHARE == 3:
            place, fate = random.randrange(len(rows)), FATES[number // SHARE % len(FATES)]
            rows[place].status = "Odd"
            if fate in ("corrected", "dismissed") and place >= len(edited):  # nobody knows it by a key yet
                rows[place].key = ""
            file.bad = Bad(rows[place], file.name, place + 1, fate, file.due + random.randint(2, 4))
        self.files.append(file)

    def edit(self, key: str) -> Row:
        self.moment += 1
        updated = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_760_000_000 + 60 * self.moment))
        return Row(key, f"{key}, version {self.moment}", updated)

    def _create(self) -> Row:
        self.keys += 1
        return self.edit(f"D-{self.keys}")


@dataclass
class Judge:
    """Works out what Triage should hold, and which rows wait for somebody."""

    rows: dict[str, Row] = field(default_factory=dict)
    waiting: list[Bad] = field(default_factory=list)

    def take(self, file: File) -> None:
        for row in file.rows:
            if file.bad is None or row is not file.bad.row:
                self.take_row(row)
        if file.bad is not None:
            self._settle(file.bad.row)
            self.waiting.append(file.bad)

    def take_row(self, row: Row) -> None:
        """Take a good row: the newest of a key counts."""
        if row.key not in self.rows or row.updated >= self.rows[row.key].updated:
            self.rows[row.key] = row
        self._settle(row)

    def _settle(self, row: Row) -> None:
        """Let no older row of the same key wait any longer."""
        self.waiting = [
            each
            for each in self.waiting
            if each.row.key != row.key or not each.row.key or each.row.updated > row.updated
        ]

    def titles(self) -> list[str]:
        return sorted(row.title for row in self.rows.values())


class Operator:
    """Runs the line of a crontab each night, and deals with what it mails."""

    def __init__(self, program: Program, sandbox: RunningSandbox) -> None:
        self._program, self._where = program, ("--api-url", sandbox.url)
        self.words = (
            "-m",
            "desk.yaml",
            "--yes",
            "-q",
            "--rate",
            "0",
            "--no-canary",
            "--on-change",
            "update",
            *self._where,
        )
        Path("desk.yaml").write_text(MAPPING)

    def run(self, files: Sequence[str], night: int) -> Ended:
        more = ("--files", "each-once", "--max-file-age", "36h", "--out", f"reports/{night}")
        return self._program("run", *files, *self.words, *more)

    def waiting(self) -> list[str]:
        """Return the rows that `sources rejected` lists."""
        shown = self._program("sources", "rejected", "desk", *self._where).out
        return sorted(line.partition(": since")[0] for line in shown.splitlines() if ": since" in line)

    def undo(self, file: str) -> None:
        """Undo the last run of a file."""
        last = next(each for each in self._program.starts() if each["files"] == [file])
        words = ("--delete", "--apply", "--yes", "--expect", str(last["new"] + last["updated"]))
        ended = self._program("undo", last["run"]["name"], *words)
        assert ended.code == ExitCode.DONE, ended.err

    def dismiss(self, bad: Bad) -> None:
        assert self._program("sources", "dismiss", "desk", bad.name, *self._where).code == ExitCode.DONE

    def correct(self, bad: Bad, key: str) -> None:
        """Put the right status and the key into what `sources rejected` writes, and import that row."""
        assert self._program("sources", "rejected", "desk", *self._where, "--out", "given").code == ExitCode.DONE
        with Path("given/errors.csv").open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        (own,) = [row for row in rows if row[1] == bad.row.title]
        write_csv(Path("corrected.csv"), [[key, own[1], "Open", *own[3:]]], header=header)
        ended = self._program("run", "corrected.csv", *self.words)
        assert ended.code == ExitCode.DONE, ended.err


@pytest.mark.parametrize("seed", range(3 if LONG else 1))
def test_a_month(program: Program, sandbox: RunningSandbox, seed: int) -> None:
    """Every good row is in within its night, every bad one is named once and counted until it is dealt with."""
    tracker, judge, operator = Tracker(Random(f"{SEED} {seed} month")), Judge(), Operator(program, sandbox)
    arrived, mails, named = list[File](), list[tuple[int, str]](), list[Bad]()
    for night in range(1, NIGHTS + 1):
        for _ in range(FILES):
            tracker.deliver(night)
        tonight = [file for file in tracker.files if file.due <= night and file not in arrived]
        if night in DOWN:
            continue
        for file in tonight:
            write_csv(Path(file.name), [row.cells for row in file.rows], header=HEADER)
        if night % 5 == 0:  # one of them comes twice
            twice = tracker.random.choice(arrived)
            Path(f"again-{night}.csv").write_bytes(Path(twice.name).read_bytes())
        if night == MENDED:
            Path("desk.yaml").write_text(MAPPING.replace("Open: todo", "Open: todo, Odd: todo"))
        for each in tracker.files:  # a file is as old as the nights since
            if Path(each.name).exists():
                os.utime(each.name, (time.time() - 86_400 * (night - each.night) - 3600 + int(each.name[1:4]),) * 2)
        arrived += tonight
        for file in tonight:
            judge.take(file)
        ended = operator.run(sorted(map(str, Path().glob("[fa]*.csv"))), night)
        if night >= MENDED:
            for bad in [*judge.waiting]:
                if bad.row.key:
                    judge.take_row(bad.row)
        news = [file.bad for file in tonight if file.bad is not None and not (night >= MENDED and file.bad.row.key)]
        mails.append((len(ended.err.splitlines()), f"night {night}: {ended.err}"))
        assert ended.code == (ExitCode.PARTLY if news else ExitCode.DONE), mails[-1]
        assert bool(news) == bool(ended.err), mails[-1]
        for bad in news:
            assert ended.err.count(bad.mailed) == 1, mails[-1]
        named += news
        assert sorted(issue["title"] for issue in sandbox.issues()) == judge.titles(), f"night {night}"
        assert operator.waiting() == sorted(bad.name for bad in judge.waiting), f"night {night}"
        for bad in [each for each in judge.waiting if each.night <= night]:
            match bad.fate:
                case "newer":
                    tracker.again.append(bad.row.key)
                case "dismissed":
                    operator.dismiss(bad)
                    judge.waiting.remove(bad)
                case "corrected":
                    tracker.keys += not bad.row.key
                    key = bad.row.key or f"D-{tracker.keys}"
                    operator.correct(bad, key)
                    judge.waiting.remove(bad)
                    judge.take_row(Row(key, bad.row.title, bad.row.updated))
        if night in UNDONE:
            operator.undo(tonight[-1].name)
    lines = [number for number, _ in mails]
    assert len(named) == sum(file.bad is not None for file in arrived) > NIGHTS * FILES // SHARE // 2
    assert sum(lines) <= 8 * len(named), mails
    assert sum(map(bool, lines)) <= len(named), "no mail in any other night"
