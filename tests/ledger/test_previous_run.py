"""A run beside the one before it, in ledgers of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from importer.ledger.journal import Decision, Run
from importer.ledger.previous_run import find_pair
from importer.ledger.schema import State
from importer.ledger.store import Ledger, RunIdentity
from importer.records import Operation, Outcome, Row
from importer.report.folder import ReportFolder
from importer.report.from_ledger import NEWS_SHOWN, Comparison, News, find_last, find_vanished
from tests.harness.running import read_csv

TARGET, SOURCE = "https://t.example", "s"
WHOLE = {"whole": True, "snapshot": True}


def row(record: int, key: str, outcome: Outcome = Outcome.PLANNED, findings: Sequence[tuple[str, ...]] = ()) -> Row:
    """Make a row; a finding is code, field, message, hint."""
    codes, fields, messages, hints = zip(*findings, strict=True) if findings else ((), (), (), ())
    return Row(0, "a.csv", record, record + 1, key, outcome, codes, fields, messages, hints)


def rejected(record: int, key: str, *findings: tuple[str, ...]) -> Row:
    return row(record, key, Outcome.REJECTED, findings)


class Nights:
    """A ledger, and one run after another."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.folder = ReportFolder(folder)
        self.folder.prepare()
        self.count = self.rows = 0

    def run(
        self,
        rows: Iterable[Row],
        *,
        source: str = SOURCE,
        code: ExitCode = ExitCode.DONE,
        options: dict[str, Any] = WHOLE,
    ) -> Run:
        """Let a night pass in which every planned row is created."""
        self.count += 1
        run = self.ledger.begin_run(RunIdentity(TARGET, source, f"night {self.count}", "m"), options=options)
        kept = list(rows)
        self.rows = len(kept)
        run.register(kept)
        creates = [Operation(each.key, "POST", "/", b"{}", f"tir-{each.key}") for each in kept if not each.codes]
        run.decide(
            [Decision(each.key, State.DONE, issue_id=f"id-{each.key}", triage_id=f"T-{each.key}") for each in creates],
            creates,
        )
        run.finish(code, {})
        return run

    def compare(self, run: Run) -> Comparison:
        """Compare a night, the last that has passed, with the one before."""
        return find_vanished(find_last(self.ledger, run, self.rows, snapshots=True), self.folder)

    def news(self, run: Run) -> News:
        news = News(find_last(self.ledger, run, self.rows))
        for rows in run.result_blocks():
            news.add(rows)
        return news

    def vanished(self) -> list[tuple[str, ...]]:
        return [tuple(line.values()) for line in read_csv(self.folder.path / "vanished.csv")]


@pytest.fixture
def nights(ledger: Ledger, tmp_path: Path) -> Nights:
    """Give a ledger in which nothing has happened yet."""
    return Nights(ledger, tmp_path / "reports")


def test_the_first_night_has_nothing_to_compare_with(nights: Nights) -> None:
    """No run before: nothing is known, nothing has vanished."""
    assert nights.compare(nights.run([row(1, "k1")])) == Comparison()
    assert not (nights.folder.path / "vanished.csv").exists()


def test_vanished_keys(nights: Nights) -> None:
    """Issues whose keys are in no row any more, not even a rejected one; keys without an issue are nobody's loss."""
    first = nights.run([row(1, "k1"), row(2, "k2"), row(3, "=k3"), rejected(4, "k4", ("c", "f", "m", "h")), row(5, "")])
    second = nights.run([rejected(1, "k1", ("c", "f", "m", "h")), row(2, "k5")])
    assert nights.compare(second) == Comparison(2, 2, first.name, ("k2", "=k3"))
    assert nights.vanished() == [("k2", "T-k2", "id-k2"), ("'=k3", "T-=k3", "id-=k3")]
    third = nights.run([row(1, "k5"), row(2, "k2")])
    assert nights.compare(third) == Comparison(2, 1, second.name, ("k1", "=k3")), "one is new, one stands, one is back"
    fourth = nights.run([row(1, "k5"), row(2, "k2")])
    assert nights.compare(fourth) == Comparison(2, 0, third.name, ("k1", "=k3"))


def test_what_was_never_in_a_snapshot_has_not_vanished(nights: Nights) -> None:
    """A delta's issues, in the same source, may be another project's."""
    nights.run([row(1, "k1")])
    nights.run([row(1, "other")], options={"whole": True, "snapshot": False})
    last = nights.run([row(1, "k1")])
    assert nights.compare(nights.run([row(1, "k1")])) == Comparison(0, 0, last.name)


@pytest.mark.slow
def test_many_vanished_keys(nights: Nights) -> None:
    """More than a query takes, in the order in which they were made; between two of them the ledger can be asked."""
    first = nights.run(row(number, f"k{number}") for number in range(1, 1203))
    second = nights.run([row(1, "k1")])
    pair = find_pair(nights.ledger.transaction, second.name, snapshots=True)
    assert pair is not None
    keys = []
    for key, *_ in pair.read_issues(pair.find_vanished()[0]):
        keys.append(key)
        if len(keys) % 50 == 1:
            assert nights.ledger.find_run("last").name == second.name
    assert (pair.name, keys) == (first.name, [f"k{number}" for number in range(2, 1203)])


@pytest.mark.parametrize(
    "between",
    [
        {"code": ExitCode.STOPPED},
        {"code": ExitCode.UNKNOWN},
        {"options": {"whole": False, "snapshot": True}},
        {"options": {"whole": True, "snapshot": False}},
        {"options": {}},
        {"source": "another"},
    ],
)
def test_which_run_counts(nights: Nights, between: dict[str, Any]) -> None:
    """The last finished one over the whole of the same snapshot: what lies between is passed over."""
    first = nights.run([row(1, "k1"), row(2, "k2")])
    nights.run([row(1, "k1")], **between)
    assert nights.compare(nights.run([row(1, "k1")])) == Comparison(1, 1, first.name, ("k2",))


@pytest.mark.parametrize("options", [{"whole": False, "snapshot": True}, {"whole": True, "snapshot": False}])
def test_only_a_whole_snapshot_misses_keys(nights: Nights, options: dict[str, Any]) -> None:
    """A part of a source, and one that holds only what is new, says nothing of the rest."""
    nights.run([row(1, "k1")])
    assert nights.compare(nights.run([row(1, "k2")], options=options)) == Comparison()


def test_rows_that_are_not_registered(nights: Nights) -> None:
    """After a stop in the middle of the source nothing has vanished that may only not have been read."""
    nights.run([row(1, "k1"), row(2, "k2")])
    run = nights.run([row(1, "k1")])
    nights.rows += 1
    assert nights.compare(run) == Comparison()


def test_known_rejections(nights: Nights) -> None:
    """The same key for the same reasons, value included; the hint and the place of a repeated key don't count."""
    reason = ("severity-unknown", "severity", "the value 'P9' is unknown", "settle it in a.yaml")
    other = ("severity-unknown", "severity", "the value 'P8' is unknown", "settle it in a.yaml")
    title = ("title-missing", "title", "the title is empty", "fill it")
    twice = ("key-duplicate", "key", "this key came in a.csv:3", "delete one")
    nights.run(
        [
            rejected(1, "same", reason),
            rejected(2, "another value", reason),
            rejected(3, "one more reason", reason),
            rejected(4, "mended in part", reason, title),
            rejected(5, "", reason),
            rejected(6, "twice", twice),
            rejected(7, "twice", twice),
            row(8, "was good"),
        ]
    )
    tonight = [
        rejected(1, "same", (*reason[:3], "settle it in b.yaml")),
        rejected(2, "another value", other),
        rejected(3, "one more reason", reason, title),
        rejected(4, "mended in part", title),
        rejected(5, "", reason),
        rejected(6, "twice", (*twice[:2], "this key came in a.csv:4", twice[3])),
        rejected(7, "twice", (*twice[:2], "this key came in a.csv:4", twice[3])),
        rejected(8, "was good", reason),
        rejected(9, "new", reason),
    ]
    news = nights.news(nights.run(tonight))
    assert (news.known, news.new) == ({"rejected": 3}, 6)
    assert [each["key"] for each in news.first] == [
        "another value",
        "one more reason",
        "mended in part",
        "",
        "was good",
        "new",
    ]


def test_a_part_of_the_source_knows_nothing(nights: Nights) -> None:
    """Who gives some rows back, or names some, wants to hear of each that is rejected still."""
    reason = ("c", "f", "m", "h")
    nights.run([rejected(1, "k1", reason)])
    part = nights.run([rejected(1, "k1", reason)], options={"whole": False, "snapshot": False})
    assert not nights.news(part).known


def test_many_rejections(nights: Nights) -> None:
    """More than a page of them, each counted once."""
    reason = ("c", "f", "m", "h")
    nights.run(rejected(number, f"k{number}", reason) for number in range(1, 2101))
    news = nights.news(nights.run(rejected(number, f"k{number}", reason) for number in range(1, 2501)))
    assert (news.known.total(), news.new, len(news.first)) == (2100, 400, NEWS_SHOWN)
