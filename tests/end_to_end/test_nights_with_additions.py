"""Night after night with all that belongs to issues: what is new is added once, whatever was lost or taken back."""

from __future__ import annotations

import shutil

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import ISSUE, PERSON, WHOLE, Nights, Row
from tests.harness.hostile import parse_fault
from tests.harness.running import Program, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def nights(program: Program, serve: Serve) -> Nights:
    """Give a target, and a source that was never imported."""
    return Nights(program, serve())


def test_everything_arrives_and_a_second_night_sends_nothing(nights: Nights) -> None:
    """The whole issue, once; the same export again changes nothing, and every row is unchanged."""
    first = nights.run(WHOLE)
    assert (first.code, first.outcomes()) == (ExitCode.DONE, {"created": 3}), first.err
    numbers = {key: nights.issue(key)["triage_id"] for key in ("D-1", "D-2", "D-3")}
    assert nights.everything() == {
        "issues": ["D-1", "D-2", "D-3"],
        "comments": {
            "D-1": ["one", "two"],
            "D-2": [f"two, to D-1 ({numbers['D-1']})"],
            "D-3": ["three a\n\n---\n\nthree b\n\n---\n\nthree c"],
        },
        "relations": [("D-1", "blocks", "D-2")],
        "flags": [("D-2", "rude")],
        "calls": [("D-2", "c-2")],
        "texts": {
            "D-1": f"See D-2 ({numbers['D-2']}) and D-3 ({numbers['D-3']}).",
            "D-2": "Text",
            "D-3": f"After D-1 ({numbers['D-1']})",
        },
    }
    before = nights.writes()
    second = nights.run()
    assert (second.code, second.outcomes(), nights.writes()) == (ExitCode.DONE, {"unchanged": 3}, before), second.err


@pytest.mark.parametrize("policy", ["report", "update", "overwrite", "skip"])
def test_a_new_comment_is_added_once(nights: Nights, policy: str) -> None:
    """Its row is `updated`; also to an issue whose row changed, whatever becomes of the change, but for `skip`."""
    nights.run(WHOLE)
    changed = WHOLE[1]._replace(severity="P1", notes=("two, to D-1", "new too"))
    tonight = (WHOLE[0]._replace(notes=("one", "two", "new")), changed, WHOLE[2])
    ended = nights.run(tonight, "--on-change", policy)
    assert ended.code == ExitCode.DONE, ended.err
    outcomes = {key: outcome for key, (outcome, _) in nights.results().items()}
    is_followed = policy in ("update", "overwrite")
    assert outcomes == {"D-1": "updated", "D-2": "updated" if is_followed else "changed", "D-3": "unchanged"}
    said = nights.comments()
    assert said["D-1"] == ["one", "two", "new"]
    assert said["D-2"][1:] == ([] if policy == "skip" else ["new too"])
    before = nights.everything()
    again = nights.run(None, "--on-change", policy)
    assert again.outcomes() == ({"unchanged": 3} if is_followed else {"unchanged": 2, "changed": 1})
    assert nights.everything() == before


def test_an_issue_closed_in_the_source_keeps_its_comments_apart(nights: Nights) -> None:
    """What was sent apart isn't folded again; only what is new is."""
    nights.run(WHOLE)
    closed = WHOLE[0]._replace(state="Closed", notes=("one", "two", "last", "very last"))
    nights.run((closed, *WHOLE[1:]), "--on-change", "update")
    assert nights.comments()["D-1"] == ["one", "two", "last\n\n---\n\nvery last"]
    assert nights.issue("D-1")["status"] == "done"


def test_a_changed_description_gets_its_numbers_again(nights: Nights) -> None:
    """The update is no conflict with the numbers that we put there, and another PATCH puts them into the new text."""
    nights.run(WHOLE)
    ended = nights.run((WHOLE[0]._replace(text="Now after D-3."), *WHOLE[1:]), "--on-change", "update")
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 1, "unchanged": 2}), ended.err
    assert nights.issue("D-1")["description"].startswith(f"Now after D-3 ({nights.issue('D-3')['triage_id']}).")


def test_numbers_beside_a_conflict(nights: Nights) -> None:
    """A person's edit of another field keeps no numbers out of the new text; they are put there once."""
    nights.run(WHOLE)
    nights.edit("D-1", severity="critical")
    changed = WHOLE[0]._replace(text="Now after D-3.", severity="P3")
    for code in (ExitCode.PARTLY, ExitCode.DONE):  # it is news in its first night
        ended = nights.run((changed, *WHOLE[1:]), "--on-change", "update")
        assert (ended.code, nights.results()["D-1"][1]) == (code, "conflict"), ended.err
        number = nights.issue("D-3")["triage_id"]
        assert nights.issue("D-1")["description"].startswith(f"Now after D-3 ({number}).")
        assert nights.issue("D-1")["severity"] == "critical"
    assert ended.summary["additions"] == {}


def test_what_texts_name_comes_later(nights: Nights) -> None:
    """A reference and a relation to an issue that isn't there yet are no failure, and follow once it is."""
    early = nights.run(WHOLE[:1])
    assert (early.code, early.outcomes()) == (ExitCode.DONE, {"created": 1}), early.err
    assert nights.issue("D-1")["description"].startswith("See D-2 and D-3.")
    late = nights.run(WHOLE)
    assert (late.code, late.outcomes()) == (ExitCode.DONE, {"created": 2, "updated": 1}), late.err
    assert nights.everything()["relations"] == [("D-1", "blocks", "D-2")]
    assert f"See D-2 ({nights.issue('D-2')['triage_id']}) and" in nights.issue("D-1")["description"]


def test_a_deleted_issue_gets_nothing(nights: Nights) -> None:
    """Each night says so; the one that finds out and the next one ask, and none after them."""
    nights.run(WHOLE)
    httpx.delete(nights.url("D-2"), headers=PERSON)
    tonight = (WHOLE[0], WHOLE[1]._replace(notes=("two, to D-1", "new")), WHOLE[2])
    for night in range(3):
        ended = nights.run(tonight)
        code, said = (ExitCode.DONE, "gone-at-target") if night else (ExitCode.PARTLY, "perhaps-gone")
        assert (ended.code, ended.outcomes()) == (code, {"unchanged": 2, "skipped": 1}), ended.err
        assert nights.results()["D-2"] == ("skipped", said)
    assert ended.summary["requests"] == 0


@pytest.mark.usefixtures("short_waits")
def test_a_relation_to_a_deleted_issue(nights: Nights) -> None:
    """It is sent once: that the other issue is gone is noted there, and the next nights don't ask for it again."""
    nights.run([Row("D-1"), Row("D-2")])
    httpx.delete(nights.url("D-2"), headers=PERSON)
    tonight, posted = (Row("D-1", blocks="D-2"), Row("D-2")), f"POST {ISSUE}/relations"
    for code, said in ((ExitCode.PARTLY, "perhaps-gone"), *[(ExitCode.DONE, "gone-at-target")] * 2):
        ended = nights.run(tonight)
        assert (ended.code, ended.outcomes()) == (code, {"unchanged": 1, "skipped": 1}), ended.err
        assert nights.results() == {"D-1": ("unchanged", "relation-end-missing"), "D-2": ("skipped", said)}
        assert nights.writes()[posted] == 1
    assert ended.summary["requests"] <= 1


@pytest.mark.parametrize("rebuild", [False, True])
def test_a_lost_ledger_doubles_nothing(nights: Nights, rebuild: bool) -> None:
    """What hangs on the issues that are found is taken in: nothing is sent, and what is new is added once."""
    nights.run(WHOLE)
    nights.post("D-1", "comments", detail="A person's")
    before, writes = nights.everything(), nights.writes()
    nights.program.ledger.unlink()
    if rebuild:
        command = ("rebuild-ledger", *nights.command[1:6], "--rate", "0", "--json")
        rebuilt = nights.program(*command)
        assert (rebuilt.code, rebuilt.outcomes()) == (ExitCode.DONE, {"unchanged": 3}), rebuilt.err
    ended = nights.run()
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": 3}), ended.err
    assert (nights.everything(), nights.writes()) == (before, writes)
    again = nights.run()
    assert (again.outcomes(), nights.writes()) == ({"unchanged": 3}, writes)


def test_a_lost_ledger_and_a_source_that_went_on(nights: Nights) -> None:
    """Folded comments are known by their own texts: one in between is gone from the source, two are new."""
    nights.run(WHOLE)
    nights.program.ledger.unlink()
    tonight = (
        WHOLE[0]._replace(state="Closed", notes=("zero", "one", "two")),
        WHOLE[1],
        WHOLE[2]._replace(notes=("three a", "three c", "three d"), state="Open"),
    )
    ended = nights.run(tonight)
    assert ended.code == ExitCode.DONE, ended.err
    said = nights.comments()
    assert said["D-1"] == ["one", "two", "zero"]
    assert said["D-3"] == ["three a\n\n---\n\nthree b\n\n---\n\nthree c", "three d"]
    assert nights.everything()["relations"] == [("D-1", "blocks", "D-2")]


def test_an_equal_comment_after_a_lost_ledger(nights: Nights) -> None:
    """A comment that says what an older one says is another one, also where what is there was taken in."""
    nights.run([Row("D-1", ("same",))])
    nights.program.ledger.unlink()
    nights.run()
    nights.run([Row("D-1", ("same", "same"))])
    assert nights.comments()["D-1"] == ["same", "same"]


def test_an_older_copy_of_the_ledger_doubles_nothing(nights: Nights) -> None:
    """Comments that it doesn't know are found on the issues that it knows."""
    nights.run(WHOLE)
    shutil.copy(nights.program.ledger, "copy.db")
    tonight = (WHOLE[0]._replace(notes=("one", "two", "new")), *WHOLE[1:])
    nights.run(tonight)
    before = nights.everything()
    shutil.copy("copy.db", nights.program.ledger)
    ended = nights.run()
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": 3}), ended.err
    assert nights.everything() == before


def test_undone_and_imported_again(nights: Nights) -> None:
    """What an import put on its issues is no person's touch; after their deletion all of it is made again."""
    run = nights.run(WHOLE).summary["run_id"]
    whole = nights.everything()
    preview = nights.program("undo", run, "--delete", "--rate", "0", "--json")
    assert preview.outcomes() == {"planned": 3}, preview.err
    undone = nights.program("undo", run, "--delete", "--apply", "--yes", "--expect", "3", "--rate", "0", "--json")
    assert (undone.code, undone.outcomes()) == (ExitCode.DONE, {"updated": 3}), undone.err
    assert nights.sandbox.issues() == []
    ended = nights.run()
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"created": 3}), ended.err
    again = nights.everything()
    assert {name: again[name] for name in again if name not in ("comments", "texts")} == {
        name: whole[name] for name in whole if name not in ("comments", "texts")
    }
    assert [len(said) for said in again["comments"].values()] == [2, 1, 1]
    assert again["texts"]["D-3"] == f"After D-1 ({nights.issue('D-1')['triage_id']})"


@pytest.mark.parametrize(
    ("fault", "hanging"),
    [
        ("hang-before=3600:comment@req=1", f"POST {ISSUE}/comments"),
        ("hang-after=3600:comment@req=2", f"POST {ISSUE}/comments"),
        ("hang-after=3600:flag@req=1", f"POST {ISSUE}/flags"),
        ("hang-after=3600:relation@req=1", f"POST {ISSUE}/relations"),
        ("hang-after=3600:update@req=1", f"PATCH {ISSUE}"),
    ],
)
def test_a_killed_run(program: Program, serve: Serve, fault: str, hanging: str) -> None:
    """Between the issues and what is added to them, or within: the same command sends the rest, and nothing twice."""
    clean = Nights(program, serve())
    clean.run(WHOLE, "--concurrency", "1")
    nights = Nights(program, serve(faults=(parse_fault(fault),)))
    process = program.start(*nights.command, "--out", "reports", "--concurrency", "1")
    times = parse_fault(fault).request
    try:
        wait_for(lambda: nights.sandbox.requests()[hanging] >= times)
    finally:
        process.kill()
    ended = nights.run(None, "--concurrency", "1")
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"created": 3}), ended.err
    assert nights.everything() == clean.everything()
    writes = nights.writes()
    assert nights.run().outcomes() == {"unchanged": 3}
    assert nights.writes() == writes


def test_an_update_that_was_killed_is_no_person_s(program: Program, serve: Serve) -> None:
    """Our comments have moved the issue's time since it was made, and a field still has its old value: it's updated."""
    nights = Nights(program, serve(faults=(parse_fault("hang-before=3600:update@req=3"),)))
    nights.run(WHOLE)
    tonight = ("--on-change", "update", "--concurrency", "1", "--out", "reports")
    nights.write((WHOLE[0], WHOLE[1]._replace(severity="P1"), WHOLE[2]))
    process = program.start(*nights.command, *tonight)
    try:
        wait_for(lambda: nights.sandbox.requests()[f"PATCH {ISSUE}"] == 3)
    finally:
        process.kill()
    ended = nights.run(None, *tonight)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 1, "unchanged": 2}), ended.err
    assert nights.issue("D-2")["severity"] == "critical"
