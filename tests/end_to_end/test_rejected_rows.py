"""A rejected row of a delta is gone with its file: it is counted until somebody deals with it, and tried again."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from importer.errors import ExitCode
from importer.ledger.opening import read_ledger
from importer.ledger.rejected import DAYS, find_rejected
from tests.harness.doors import Door, serve_door
from tests.harness.hostile import RunningSandbox
from tests.harness.postgres import PostgresServer, postgres
from tests.harness.running import Ended, Program, write_csv

__all__ = ["postgres"]

MAPPING = """
input: {name: desk, key: Id, kind: delta}
title: Title
status: {column: Status, values: {Open: todo}}
severity: {value: low}
category: {value: Bug}
"""
MENDED = MAPPING.replace("Open: todo", "Open: todo, Odd: todo")
HEADER = ("Id", "Title", "Status")
TRIED_AGAIN = "they are tried again"
Night = Callable[..., Ended]


@pytest.fixture(params=["file", "server"])
def ledger(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the ledger be the usual file, or be in PostgreSQL."""
    if request.param == "server":
        server: PostgresServer = request.getfixturevalue("postgres")
        monkeypatch.setenv("TRIAGE_IMPORT_LEDGER", server.make_ledger())


@pytest.fixture
def night(program: Program, sandbox: RunningSandbox) -> Night:
    """Give a night: a file of rows, each an id, a title and a status; without rows the files that are there."""
    Path("desk.yaml").write_text(MAPPING)
    options = ("-m", "desk.yaml", "--yes", "--rate", "0", "--no-canary", "--on-change", "update", "--concurrency", "1")

    def run(
        *rows: tuple[str, ...], header: tuple[str, ...] = HEADER, url: str = sandbox.url, more: tuple[str, ...] = ()
    ) -> Ended:
        number = len(list(Path().glob("f*.csv"))) + (1 if rows else 0)
        if rows:
            path = write_csv(Path(f"f{number}.csv"), rows, header=header)
            os.utime(path, (1_700_000_000 + number,) * 2)
        files = sorted(map(str, Path().glob("f*.csv")))
        return program("run", *files, *options, "--out", "reports", "--files", "each-once", "--api-url", url, *more)

    return run


@pytest.fixture
def waiting(program: Program, sandbox: RunningSandbox) -> Callable[..., list[str]]:
    """Give the names of the rows that wait for somebody."""

    def names(*more: str) -> list[str]:
        shown = program("sources", "rejected", "desk", "--api-url", sandbox.url, *more).out
        return [line.partition(": since")[0] for line in shown.splitlines() if ": since" in line]

    return names


def titles(sandbox: RunningSandbox) -> list[str]:
    return sorted(issue["title"] for issue in sandbox.issues())


@pytest.mark.usefixtures("ledger")
def test_counted_until_the_mapping_is_mended(
    night: Night, waiting: Callable[..., list[str]], sandbox: RunningSandbox
) -> None:
    """It is news once, counted each night, and tried again with another mapping alone, also without a new file."""
    assert night(("1", "A", "Open"), ("2", "B", "Odd"), ("", "C", "Odd")).code == ExitCode.PARTLY
    ended = night(("3", "D", "Open"))
    assert (ended.code, "2 rows of earlier runs, rejected or refused and not dealt with" in ended.err) == (
        ExitCode.DONE,
        True,
    )
    assert len(waiting()) == 2
    assert "that earlier runs rejected" not in night(("4", "E", "Open")).err
    Path("desk.yaml").write_text(MAPPING.replace("low", "high"))
    ended = night(("5", "F", "Open"))
    assert "2 rows that earlier runs rejected, or Triage refused: they are tried again." in ended.err
    assert (ended.code, len(waiting())) == (ExitCode.DONE, 2), "they were said before"
    Path("desk.yaml").write_text(MENDED)
    ended = night()
    assert (ended.code, waiting()) == (ExitCode.PARTLY, ["f1.csv row 3"]), "now for want of a key: that is news"
    assert titles(sandbox) == ["A", "B", "D", "E", "F"]


def test_what_deals_with_a_row(
    night: Night, waiting: Callable[..., list[str]], sandbox: RunningSandbox, program: Program
) -> None:
    """A newer row, a corrected one, and a command."""
    night(*((number, f"T{number}", "Odd") for number in "1234"))
    assert waiting("--out", "given") == ["desk:1", "desk:2", "desk:3", "desk:4"]
    night(("1", "Newer", "Open"))
    assert waiting() == ["desk:2", "desk:3", "desk:4"]
    with Path("given/errors.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    corrected = [[*row[:2], "Open", *row[3:]] for row in rows if row[0] == "2"]
    write_csv(Path("corrected.csv"), corrected, header=tuple(header))
    words = ("-m", "desk.yaml", "--yes", "--rate", "0", "--no-canary", "--api-url", sandbox.url)
    assert program("run", "corrected.csv", *words).code == ExitCode.DONE
    assert waiting() == ["desk:3", "desk:4"]
    where = ("--api-url", sandbox.url)
    assert program("sources", "dismiss", "desk", "9", *where).code == ExitCode.UNUSABLE
    assert program("sources", "dismiss", "desk", "3", *where).code == ExitCode.DONE
    assert waiting() == ["desk:4"]
    night(("5", "E", "Open"))
    assert (waiting(), titles(sandbox)) == (["desk:4"], ["E", "Newer", "T2"])
    assert program("runs", "forget", "desk:4", "--apply").code == ExitCode.DONE
    assert waiting() == []


def test_an_older_row_that_comes_late(night: Night, waiting: Callable[..., list[str]], sandbox: RunningSandbox) -> None:
    """It says nothing of the newer one that was rejected; one that is as new does."""
    Path("desk.yaml").write_text(MAPPING + "duplicates: {newest: Updated}\n")
    header = (*HEADER, "Updated")
    night(("1", "A", "Odd", "2026-03-02"), ("2", "B", "Odd", "2026-03-02"), header=header)
    night(("1", "A, before", "Open", "2026-03-01"), ("2", "B", "Open", "2026-03-02"), header=header)
    assert waiting() == ["desk:1"]
    night(("3", "C", "Odd", "2026-03-03"), ("3", "C, after", "Open", "2026-03-04"), header=header)
    assert waiting() == ["desk:1"], "a newer row in the same file is an answer, too"
    night(("2", "B, before", "Odd", "2026-03-01"), header=header)
    assert waiting() == ["desk:1", "desk:2"]
    Path("desk.yaml").write_text(MENDED + "duplicates: {newest: Updated}\n")
    assert (TRIED_AGAIN in night().err, waiting()) == (True, []), "of the second the issue has a newer row"
    assert titles(sandbox) == ["A", "B", "C, after"]


def test_the_same_row_in_other_columns(night: Night, waiting: Callable[..., list[str]]) -> None:
    """A row without a key is known by what it says, wherever its cells are: tried again, it is counted once."""
    night(("", "A", "Odd"), ("1", "B", "Open"))
    night(("Odd", "C", "", "x"), ("Open", "D", "2", "y"), header=("Status", "Title", "Id", "More"))
    before = waiting()
    Path("desk.yaml").write_text(MAPPING.replace("low", "high"))
    assert (len(before), TRIED_AGAIN in night().err, len(waiting())) == (2, True, 2)


def test_json_lines(program: Program, sandbox: RunningSandbox, waiting: Callable[..., list[str]]) -> None:
    """However a record is written, it is the same; stdout has the summary of what was asked for."""
    Path("desk.yaml").write_text(MAPPING)
    options = ("-m", "desk.yaml", "--yes", "--rate", "0", "--no-canary", "--json", "--api-url", sandbox.url)
    records = [{"Title": "A", "Id": None, "Status": "Odd"}, {"Id": 2, "Title": "B", "Status": "Odd"}]
    Path("one.jsonl").write_text("".join(f"{json.dumps(each, indent=None)}\n" for each in records))
    assert program("run", "one.jsonl", *options, "--max-rejected", "100%").code == ExitCode.PARTLY
    Path("desk.yaml").write_text(MENDED)
    Path("two.jsonl").write_text(json.dumps({"Id": 3, "Title": "C", "Status": "Open"}))
    ended = program("run", "two.jsonl", *options)
    assert (ended.summary["created"], len(sandbox.issues())) == (1, 2)
    assert (ended.code, waiting(), titles(sandbox)) == (ExitCode.PARTLY, ["one.jsonl row 1"], ["B", "C"])


def test_rows_of_one_issue(night: Night, waiting: Callable[..., list[str]], sandbox: RunningSandbox) -> None:
    """They wait together, and come in together."""
    Path("desk.yaml").write_text(MAPPING + "group: [Id]\n")
    night(("1", "A", "Open"), ("1", "A", "Odd"), ("2", "B", "Open"), more=("--max-rejected", "100%"))
    assert (waiting(), titles(sandbox)) == (["desk:1", "desk:1"], ["B"])
    Path("desk.yaml").write_text(MENDED + "group: [Id]\n")
    assert (night().code, waiting(), titles(sandbox)) == (ExitCode.DONE, [], ["A", "B"])


def test_gone_from_a_whole_file(program: Program, sandbox: RunningSandbox, waiting: Callable[..., list[str]]) -> None:
    """A snapshot without the row says that it is gone from the tracker."""
    Path("desk.yaml").write_text(MAPPING.replace("delta", "snapshot"))
    rows, old = [(str(number), f"T{number}", "Open") for number in range(5)], (1_700_000_000, 1_700_000_000)
    options = ("-m", "desk.yaml", "--yes", "--rate", "0", "--no-canary", "--api-url", sandbox.url, "--out", "reports")
    seen = []
    for more in ([("9", "Bad", "Odd")], [("9", "Bad", "Odd")], []):
        os.utime(write_csv(Path("all.csv"), [*rows, *more], header=HEADER), old)
        ended = program("run", "all.csv", *options, "--max-rejected", "50%")
        seen.append((ended.code, waiting()))
    assert seen == [(ExitCode.PARTLY, ["desk:9"]), (ExitCode.DONE, ["desk:9"]), (ExitCode.DONE, [])]


class Refusing(Door):
    """Refuses the issue of one title, or the key."""

    status = 422

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        if self.status and method == "POST" and b'"Refused"' in body:
            return self.status, b'{"data": null, "errors": [{"error": "refused", "message": "not this one"}]}'
        return self.pass_on(method, path, headers, body)


@pytest.mark.slow
def test_a_row_that_triage_refuses(night: Night, sandbox: RunningSandbox, program: Program) -> None:
    """Each run tries it again, as is said of it; that it is refused again is no news."""
    door = Refusing(sandbox.url)
    with serve_door(door):
        show = partial(program, "sources", "rejected", "desk", "--api-url", door.url)
        assert night(("1", "Refused", "Open"), ("2", "B", "Open"), url=door.url).code == ExitCode.PARTLY
        for number in (3, 4):
            ended = night((str(number), f"T{number}", "Open"), url=door.url)
            assert (ended.code, TRIED_AGAIN in ended.err) == (ExitCode.DONE, True), ended.err
        assert show().out.startswith("desk:1: since ")
        door.status = 0
        assert night(url=door.url).code == ExitCode.DONE
        assert (show().out, titles(sandbox)) == ("No row of 'desk' waits for anybody.\n", ["B", "Refused", "T3", "T4"])


def test_what_is_pruned_or_old(
    night: Night, waiting: Callable[..., list[str]], program: Program, sandbox: RunningSandbox
) -> None:
    """A row is forgotten 30 days after it was rejected first, even if it was tried again since, and with its run."""
    night(("1", "A", "Odd"), ("2", "B", "Odd"))
    Path("desk.yaml").write_text(MAPPING.replace("low", "high"))
    night()
    for number in (3, 4):
        night((str(number), "C", "Open"))
    with read_ledger(program.ledger) as book:
        first = book.list_runs()[-1]
        ends = first.started_at + DAYS * 86_400
        left = [len(find_rejected(book.transaction, first.target, "desk", ends + late)) for late in (-1, 0.001)]
    assert (left, waiting()) == ([2, 0], ["desk:1", "desk:2"])
    assert program("runs", "prune", "--keep", "1", "--apply").code == ExitCode.DONE
    assert waiting() == []
    assert night(("5", "D", "Open")).code == ExitCode.DONE


@pytest.mark.slow
def test_a_run_that_goes_on_after_another(night: Night, sandbox: RunningSandbox, program: Program) -> None:
    """What one that was stopped has rejected is news when it ends, and what has ended since is remembered, too."""
    door = Refusing(sandbox.url)
    door.status = 401
    with serve_door(door):
        assert night(("1", "Refused", "Open"), ("2", "B", "Odd"), url=door.url).code == ExitCode.DECIDE
        write_csv(Path("other.csv"), [("3", "C", "Odd"), ("4", "D", "Open")], header=HEADER)
        words = ("-m", "desk.yaml", "--yes", "--rate", "0", "--no-canary", "--api-url", door.url)
        assert program("run", "other.csv", *words).code == ExitCode.PARTLY
        door.status = 0
        assert night(url=door.url).code == ExitCode.PARTLY
        shown = program("sources", "rejected", "desk", "--api-url", door.url).out
    assert [line.partition(": since")[0] for line in shown.splitlines()] == ["desk:2", "desk:3"]
