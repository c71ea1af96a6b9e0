"""Two ledgers in turn for one source, as after a restored backup: what the other one has added is taken in."""

from __future__ import annotations

import shutil

import httpx
import pytest

from importer.load.additions import PROBED
from importer.sandbox.faults import parse_fault
from tests.conftest import Serve
from tests.harness.following import Nights, Row
from tests.harness.running import Program

HOSTS = ("127.0.0.1", "localhost")


@pytest.mark.parametrize("copied", ["the file alone", "with its side file", "none: two addresses"])
def test_two_memories_that_take_turns(program: Program, serve: Serve, copied: str) -> None:
    """As a ledger restored on a new machine, or used on two: what the other has added is taken in, night by night."""
    nights = Nights(program, serve())
    rows = [Row("D-1", ("one",), call="c-1"), Row("D-2", ("one",), blocks="D-1")]
    nights.run(rows)
    folder = program.ledger.parent
    shutil.copytree(folder, "other", ignore=shutil.ignore_patterns("*.generation" if "alone" in copied else ""))
    ways = [("--ledger", str(folder / "ledger.db")), ("--ledger", "other/ledger.db")]
    if "none" in copied:
        ways = [("--api-url", nights.sandbox.url.replace(HOSTS[0], host)) for host in HOSTS]
    for number, note in enumerate(("two", "three", "four")):
        rows = [row._replace(notes=(*row.notes, note)) for row in rows]
        rows[0] = rows[0]._replace(flag="rude", blocks="D-2" if number else "")
        for way in (ways, ways[::-1])[number % 2]:
            ended = nights.run(rows, *way)
            assert ended.code == 0, ended.err
    assert nights.comments() == {row.key: list(row.notes) for row in rows}
    there = nights.everything()
    assert there["relations"] == [("D-1", "blocks", "D-2"), ("D-2", "blocks", "D-1")]
    assert there["flags"] == [("D-1", "rude")]


def test_the_same_words_of_a_person(program: Program, serve: Serve) -> None:
    """Where nothing says that the ledger lacks anything, they are no sign that the source's comment is there."""
    nights = Nights(program, serve())
    nights.run([Row("D-1", ("one",))])
    nights.post("D-1", "comments", detail="Fixed.")
    assert nights.run([Row("D-1", ("one", "Fixed."))]).outcomes() == {"updated": 1}
    assert nights.comments() == {"D-1": ["one", "Fixed.", "Fixed."]}


def test_what_a_person_took_away_stops_nothing(program: Program, serve: Serve) -> None:
    """A comment that isn't shown any more makes no other one doubtful, where nothing speaks against the ledger."""
    nights = Nights(program, serve())
    nights.run([Row("D-1", ("one",)), Row("D-2", blocks="D-1")])
    url = f"{nights.url('D-2')}/relations"
    (relation,) = httpx.get(url, headers={"Authorization": "x"}).json()["data"]["items"]
    assert httpx.delete(f"{url}/{relation['id']}", headers={"Authorization": "x"}).is_success
    ended = nights.run([Row("D-1", ("one",)), Row("D-2", blocks="D-1"), Row("D-3")])
    assert ended.code == 0, ended.err
    ended = nights.run([Row("D-1", ("one",)), Row("D-2", blocks="D-3"), Row("D-3")])
    assert (ended.code, ended.outcomes()) == (0, {"updated": 1, "unchanged": 2}), ended.err
    assert nights.everything()["relations"] == [("D-2", "blocks", "D-3")]


def test_a_run_that_another_ledger_has_ended(program: Program, serve: Serve) -> None:
    """A run that was broken off between its comments, went on elsewhere, and goes on here: nothing is doubled."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:comment@req=3"),)))
    rows = [Row(f"D-{number}", ("one", "two"), blocks=f"D-{number - 1}") for number in range(1, 60)]
    broken = nights.run(rows, "--concurrency", "1")
    assert broken.code == 3, broken.err
    assert nights.run(rows, "--ledger", "other.db").code == 0
    ended = nights.run(rows)
    assert ended.code == 0, ended.err
    assert nights.comments() == {row.key: ["one", "two"] for row in rows}
    assert len(nights.sandbox.relations()) == 58


def test_a_run_that_another_ledger_has_ended_while_issues_were_made(program: Program, serve: Serve) -> None:
    """Only one create was on its way, so that nothing new shows that the other ledger went on: nothing is doubled."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:create@req=3"),)))
    rows = [Row(f"D-{number}", ("one",), call=f"c-{number}", flag="rude", blocks="D-1") for number in range(1, 4)]
    assert nights.run(rows, "--concurrency", "1").code == 3
    assert nights.run(rows, "--ledger", "other.db").code == 0
    before, writes = nights.everything(), nights.writes()
    ended = nights.run(rows)
    assert ended.code == 0, ended.err
    assert (nights.everything(), nights.writes()) == (before, writes)


def test_an_issue_of_unknown_outcome_that_another_ledger_went_on_with(program: Program, serve: Serve) -> None:
    """The row comes again with others, in another run: what the other ledger has added to its issue is taken in."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:create@req=2"),)))
    rows = [Row("D-1", ("one",)), Row("D-2", ("one",), blocks="D-1")]
    assert nights.run(rows, "--concurrency", "1").code == 3
    assert nights.run(rows, "--ledger", "other.db").code == 0
    ended = nights.run([*rows, Row("D-3", ("one",))])
    assert ended.code == 0, ended.err
    assert nights.comments() == {"D-1": ["one"], "D-2": ["one"], "D-3": ["one"]}
    assert nights.everything()["relations"] == [("D-2", "blocks", "D-1")]


def test_a_run_that_another_ledger_has_ended_behind_evidence_that_waits(program: Program, serve: Serve) -> None:
    """Where nothing was looked for, nothing was found: that is no reason to trust the ledger."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:comment@req=3"),)))
    rows = [Row(f"D-{number}", call="late-1") for number in range(1, PROBED + 2)]
    rows += [Row(key, ("one", "two")) for key in ("D-97", "D-98", "D-99")]
    assert nights.run(rows, "--concurrency", "25").code == 3
    assert nights.run(rows, "--ledger", "other.db").code == 1
    assert nights.run(rows, "--concurrency", "1").code == 1
    assert [nights.comments()[row.key] for row in rows[-3:]] == [["one", "two"]] * 3
