"""What belongs to issues is added, whatever the target does: each thing once, comments in their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from importer.errors import KeyRefused, RunStopped, TooManyFailures
from importer.ledger.added import encode_details
from importer.ledger.schema import State
from importer.load.acts import fingerprint
from importer.load.queue import QueueItem
from importer.records import Act, Flag, IssueParts, Mention, Operation, Outcome, Relation
from importer.transform.markers import comment_marker
from importer.triage.paced import LIMITS_TRIED, Interrupted
from tests.harness.addition_bench import CALL, FLAG, Following, item, said, two_issues
from tests.harness.sandbox_contents import all_flags, all_relations, all_resources
from tests.harness.unmarked import unmarked


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Following]:
    with two_issues(tmp_path) as made:
        yield made


MARKED = f"{comment_marker('demo:P-1', f'{0:016x}/1')}\n\na"
"""The first comment of `said` as it is sent."""
REFUSALS = (400, 403, 404, 409, 422)
ALL = IssueParts(
    rest=("the rest",),
    comments=said("first, see P-2", "second").comments,
    evidence=(CALL, ("file", "f1")),
    flags=(FLAG,),
    relations=(Relation("demo:P-1", "blocks", "demo:P-2"),),
)


def test_everything_once(bench: Following) -> None:
    """Evidence, flags, comments, relations are there, a request each; the next run has nothing to ask."""
    bench.follow(item("demo:P-1", ALL))
    assert bench.comments("demo:P-1") == ["Description, part 2 of 2\n\nthe rest", "first, see P-2 (T-1002)", "second"]
    assert [(link["resource_type"], link["resource_id"]) for link in all_resources(bench.store)] == [
        CALL,
        ("file", "f1"),
    ]
    assert [(flag["call_id"], flag["type"], flag["message_index"]) for flag in all_flags(bench.store)] == [
        ("c1", "wrong_tone", 3)
    ]
    (relation,) = all_relations(bench.store)
    assert relation["issue_id"] == bench.issues["demo:P-1"]
    assert bench.triage.sent == {"POST resources": 2, "POST flags": 1, "POST comments": 3, "POST relations": 1}
    assert bench.seen == [Outcome.UPDATED]
    bench.follow(item("demo:P-1", ALL))
    assert not bench.triage.sent
    assert bench.seen == []


def test_an_issue_that_is_not_there(bench: Following) -> None:
    """What belongs to a row whose create failed is not sent."""
    bench.follow(item("demo:P-9", said("hello")), item("demo:P-1", said("hello")))
    assert bench.triage.sent == {"POST comments": 1}


@pytest.mark.parametrize("fault", ["before", "after", "lost", "stale", *(f"made-{status}" for status in REFUSALS)])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_whatever_is_answered(bench: Following, fault: str, number: int) -> None:
    """Nothing, another's answer, or a refusal of what was made: each addition is there once, comments in their order.

    The target writes it in another way, as a flag's type. What was refused is found by the next run.
    """
    parts = IssueParts(comments=said("a", "b", "a").comments, flags=(FLAG,), relations=ALL.relations, evidence=(CALL,))
    bench.follow(item("demo:P-2", said("before")))
    bench.triage.faults = {number: fault}
    with suppress(KeyRefused):
        bench.follow(item("demo:P-1", parts))
    if fault.startswith("made-"):
        bench.triage.faults = {}
        bench.follow(item("demo:P-1", parts))
    assert bench.comments("demo:P-1") == ["a", "b", "a"]
    assert [len(found(bench.store)) for found in (all_flags, all_relations, all_resources)] == [1, 1, 1]
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE}
    assert not bench.unsure


def test_looks_that_fail(bench: Following) -> None:
    """While nobody knows whether a comment was made none follows it; other issues go on, and the next run settles."""
    items = item("demo:P-1", said("a", "b", "c")), item("demo:P-2", said("d"))
    bench.triage.faults, bench.triage.fails = {2: "before"}, 400
    bench.follow(*items)
    assert bench.comments("demo:P-1") == ["a"]
    assert bench.comments("demo:P-2") == ["d"]
    assert bench.states("demo:P-1")[Act.COMMENT, State.UNKNOWN, "outcome-unknown"] == 1
    assert bench.unsure
    bench.triage.faults, bench.triage.fails = {}, 0
    bench.follow(*items)
    assert bench.comments("demo:P-1") == ["a", "b", "c"]
    assert bench.triage.sent["POST comments"] == 2
    assert not bench.unsure


def test_looks_that_fail_again(bench: Following) -> None:
    """What an earlier run could not settle, and this one can't either, still keeps the others back."""
    bench.triage.faults, bench.triage.fails = {1: "after"}, 400
    bench.follow(item("demo:P-1", said("a", "b")))
    bench.follow(item("demo:P-1", said("a", "b")))
    assert bench.unsure
    assert not bench.triage.sent["POST comments"]
    assert bench.seen == [Outcome.FAILED]


@pytest.mark.parametrize("fault", ["before", "lost"])
def test_no_answer_again_and_again(bench: Following, fault: str) -> None:
    """A comment that can't be sent keeps those after it back, so that the next run sends all in order."""
    bench.triage.faults = dict.fromkeys(range(2, 20), fault)
    bench.follow(item("demo:P-1", said("a", "b", "c")))
    assert bench.comments("demo:P-1") == ["a"]
    assert 2 < bench.triage.sent["POST comments"] < 10
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE, State.REFUSED}
    bench.triage.faults = {}
    bench.follow(item("demo:P-1", said("a", "b", "c")))
    assert bench.comments("demo:P-1") == ["a", "b", "c"]


def test_a_comment_that_is_refused(bench: Following) -> None:
    """It is kept with its reason, the others go on, and the next run tries it again."""
    bench.triage.faults = {2: 400}
    bench.follow(item("demo:P-1", said("a", "b", "c")))
    assert bench.comments("demo:P-1") == ["a", "c"]
    assert bench.states("demo:P-1")[Act.COMMENT, State.REFUSED, "refused"] == 1
    assert bench.seen == [Outcome.UPDATED]
    bench.triage.faults = {1: 400}
    bench.time.now += 60
    bench.follow(item("demo:P-1", said("a", "b", "c")))
    assert bench.triage.sent == {"GET activity": 2, "POST comments": 1}
    assert bench.seen == [Outcome.FAILED]


def test_an_issue_that_is_gone(bench: Following) -> None:
    """A person has deleted it: that is noted, and nothing else is sent to it."""
    bench.person("DELETE", f"/{bench.issues['demo:P-1']}")
    bench.time.now += 60
    bench.follow(item("demo:P-1", IssueParts(comments=said("a", "b").comments, relations=ALL.relations)))
    assert bench.triage.sent == {"POST comments": 1, "GET issue": 2}
    assert bench.seen == [Outcome.SKIPPED]
    assert bench.states("demo:P-1") == {(Act.COMMENT, State.LEFT, "gone-at-target"): 1}


@pytest.mark.parametrize(("status", "error"), [(401, KeyRefused), (403, KeyRefused)])
def test_what_ends_a_run(bench: Following, status: int, error: type[RunStopped]) -> None:
    """A refused key ends it at once; whether the addition was made is looked for by the next run."""
    bench.triage.faults = {2: status}
    with pytest.raises(error):
        bench.follow(item("demo:P-1", said("a", "b")), item("demo:P-2", said("c")))
    assert bench.triage.sent == {"POST comments": 2}
    assert bench.states("demo:P-1")[Act.COMMENT, State.UNKNOWN, "outcome-unknown"] == 1
    bench.triage.faults = {}
    bench.follow(item("demo:P-1", said("a", "b")))
    assert bench.comments("demo:P-1") == ["a", "b"]


def test_too_many_failures(bench: Following) -> None:
    """More refused additions than allowed end it."""
    bench.triage.faults = dict.fromkeys(range(1, 20), 400)
    with pytest.raises(TooManyFailures, match="3 rows and additions failed, the last with: 400 no: because"):
        bench.follow(item("demo:P-1", said(*"abcdef")), max_errors=2)
    assert bench.triage.sent == {"POST comments": 3}


def test_stop(bench: Following) -> None:
    """After a stop nothing leaves any more; what was on its way is recorded, and the next run sends the rest."""
    bench.triage.stop_at = 2
    bench.follow(item("demo:P-1", said("a", "b", "c")), item("demo:P-2", said("d")))
    assert bench.comments("demo:P-1") == ["a", "b"]
    assert bench.states("demo:P-1") == {(Act.COMMENT, State.DONE, ""): 2}
    bench.triage.stop_at = 0
    bench.follow(item("demo:P-1", said("a", "b", "c")), item("demo:P-2", said("d")))
    assert bench.comments("demo:P-1") == ["a", "b", "c"]
    assert bench.comments("demo:P-2") == ["d"]


def test_stop_while_an_outcome_is_open(bench: Following) -> None:
    """A stop doesn't wait for a look; the outcome stays open for the next run."""
    bench.triage.faults, bench.triage.stop_at = {1: "after"}, 1
    begun = bench.time.now
    bench.follow(item("demo:P-1", said("a", "b")))
    assert bench.time.now - begun < 2
    assert bench.states("demo:P-1") == {(Act.COMMENT, State.UNKNOWN, "outcome-unknown"): 1}


def test_stop_while_others_wait_for_their_turn(bench: Following) -> None:
    """Who looks for what became of a request has given up its turn, and needs none to end."""
    bench.create("demo:P-3")
    bench.triage.faults, bench.triage.stop_at = {1: "before"}, 2
    bench.follow(*(item(f"demo:P-{number}", said("a")) for number in (1, 2, 3)))
    assert bench.triage.sent["POST comments"] == 2
    assert [bench.comments(f"demo:P-{number}") for number in (1, 2, 3)] == [[], ["a"], []]


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize(("act", "text"), [(Act.COMMENT, MARKED), (Act.RELATION, "")])
def test_a_crash_after_the_intent(bench: Following, act: Act, text: str, arrived: bool) -> None:
    """What a dead attempt may have sent is looked for first: it is there once, whether it had arrived or not."""
    issue, other = bench.issues["demo:P-1"], bench.issues["demo:P-2"]
    parts = said("a", "b") if act is Act.COMMENT else IssueParts(relations=ALL.relations)
    body = {"detail": text} if act is Act.COMMENT else {"related_issue_id": other, "relation_type": "blocks"}
    name = f"{0:016x}/1/1" if act is Act.COMMENT else "blocks/demo:P-2"
    path = f"/{issue}/{act}s"
    if arrived:
        bench.person("POST", path, body)
    raw = orjson.dumps(body)
    operation = Operation(
        "demo:P-1", "POST", path, raw, "", act=act, whole_sha=fingerprint(act, issue, raw), issue_id=issue, name=name
    )
    covers = (f"{0:016x}",) if act is Act.COMMENT else ()
    bench.crash_after_intent(operation, encode_details(covers, body=raw) or b"")
    bench.follow(item("demo:P-1", parts))
    if act is Act.COMMENT:
        first, second = bench.details("demo:P-1")
        assert (first, unmarked(second)) == (MARKED, "b")
    else:
        assert len(all_relations(bench.store)) == 1
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE}


def test_folded_comments(bench: Following) -> None:
    """What was folded is one comment, and isn't sent again however it would be bundled now."""
    bench.follow(item("demo:P-1", said("a", "b"), bundling="fold"))
    assert bench.comments("demo:P-1") == ["a\n\n---\n\nb"]
    bench.follow(item("demo:P-1", said("a", "b", "c"), bundling="separate"))
    assert bench.comments("demo:P-1") == ["a\n\n---\n\nb", "c"]


def test_evidence_that_comes_late(bench: Following) -> None:
    """A call that Triage doesn't know is pending, and its flag with it; both are there once it does."""
    call = item("demo:P-1", IssueParts(evidence=(("call", "late-1"),), flags=(Flag("late-1", "tone", "", None),)))
    bench.follow(call)
    assert bench.states("demo:P-1") == {
        (Act.EVIDENCE, State.LEFT, "evidence-pending"): 1,
        (Act.FLAG, State.LEFT, "evidence-pending"): 1,
    }
    assert bench.triage.sent == {"POST resources": 1, "GET issue": 1}
    assert bench.seen == []
    bench.store.db.execute("UPDATE late SET is_there = 1")
    bench.time.now += 86_400
    bench.follow(call)
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE}
    assert len(all_flags(bench.store)) == 1


@pytest.mark.parametrize("end", ["crash", "interrupt", "unknown", "gave-up"])
def test_a_flag_that_waited_is_cut_off(bench: Following, end: str) -> None:
    """However its request ends, later runs go on with it, though its row doesn't come again; it is there once."""
    parts = IssueParts(evidence=(("call", "late-1"),), flags=(Flag("late-1", "tone", "", None),))
    bench.follow(item("demo:P-1", parts))
    bench.store.db.execute("UPDATE late SET is_there = 1")
    bench.time.now += 86_400
    (flag,) = [each for each in bench.begin().additions.of(["demo:P-1"])["demo:P-1"] if each.act is Act.FLAG]
    again = item("demo:P-1", IssueParts())
    match end:
        case "crash":
            issue = bench.issues["demo:P-1"]
            sent = Operation("demo:P-1", "POST", f"/v1/triage/issues/{issue}/flags", flag.body, "", act=Act.FLAG)
            sent = sent._replace(name=flag.name, whole_sha=flag.sha, issue_id=issue)
            bench.crash_after_intent(sent, encode_details((), body=flag.body) or b"")
        case "interrupt":
            bench.triage.stop_at, bench.triage.faults = 2, {2: "lost"}
            with suppress(Interrupted):
                bench.follow(again)
        case "unknown":
            bench.triage.faults, bench.triage.fails = {2: "after"}, 500
            with suppress(RunStopped):
                bench.follow(again)
        case _:
            bench.triage.faults = dict.fromkeys(range(2, 20), "before")
            bench.follow(again)
    bench.triage.faults, bench.triage.fails, bench.triage.stop_at = {}, 0, 0
    bench.time.now += 86_400
    assert [*bench.begin().additions.find_waiting()] == ["demo:P-1"]
    bench.follow(again)
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE}
    assert len(all_flags(bench.store)) == 1
    assert not bench.begin().additions.find_waiting()


def test_evidence_that_never_comes(bench: Following) -> None:
    """After the wait, in which one request was refused, it is missing, its flag too, and no later run asks again."""
    call = item("demo:P-1", IssueParts(evidence=(("call", "missing-1"),), flags=(Flag("missing-1", "tone", "", None),)))
    bench.follow(call)
    bench.time.now += 3 * 86_400
    bench.triage.faults = {1: 409}
    bench.follow(call)
    assert bench.states("demo:P-1")[Act.EVIDENCE, State.REFUSED, "evidence-pending"] == 1
    bench.triage.faults = {}
    bench.time.now += 3 * 86_400
    bench.follow(call)
    assert {code for _, _, code in bench.states("demo:P-1")} == {"evidence-pending"}
    bench.time.now += 2 * 86_400
    bench.follow(call)
    assert {code for _, _, code in bench.states("demo:P-1")} == {"evidence-missing"}
    bench.follow(call)
    assert not bench.triage.sent


def test_relation_whose_end_comes_later(bench: Following) -> None:
    """It is left without a request, and sent by the run that finds the other issue in Triage."""
    related = item("demo:P-1", IssueParts(relations=(Relation("demo:P-1", "blocks", "demo:P-3"),)))
    bench.follow(related)
    assert not bench.triage.sent
    assert bench.states("demo:P-1") == {(Act.RELATION, State.LEFT, "relation-end-missing"): 1}
    bench.create("demo:P-3")
    bench.follow(related)
    assert bench.states("demo:P-1") == {(Act.RELATION, State.DONE, ""): 1}
    assert [relation["related_issue_id"] for relation in all_relations(bench.store)] == [bench.issues["demo:P-3"]]


def test_relation_whose_end_is_gone(bench: Following) -> None:
    """A person has deleted the other issue: that fails nobody's row."""
    bench.person("DELETE", f"/{bench.issues['demo:P-2']}")
    bench.time.now += 60
    bench.follow(item("demo:P-1", IssueParts(relations=ALL.relations, comments=said("a").comments)))
    assert bench.states("demo:P-1")[Act.RELATION, State.LEFT, "relation-end-missing"] == 1
    assert bench.triage.sent == {"POST comments": 1, "POST relations": 1, "GET issue": 3}, (
        "its own, and twice the other"
    )
    assert bench.seen == [Outcome.UPDATED]


TEXT = "See P-1, P-2 and P-4."


def refers(key: str = "demo:P-3", text: str = TEXT) -> QueueItem:
    """An issue whose description names others."""
    mentions = tuple(Mention(name, f"demo:{name}") for name in ("P-1", "P-2", "P-4"))
    return item(key, IssueParts(mentions=mentions), text)


def test_numbers_in_a_description(bench: Following) -> None:
    """They are put in by one change; again only when another issue is there."""
    bench.create("demo:P-3", description=TEXT)
    bench.follow(refers())
    assert bench.description("demo:P-3") == "See P-1 (T-1001), P-2 (T-1002) and P-4."
    assert bench.triage.sent == {"GET issue": 1, "PATCH issue": 1}
    bench.follow(refers())
    assert not bench.triage.sent
    bench.create("demo:P-4")
    bench.follow(refers())
    assert bench.description("demo:P-3") == "See P-1 (T-1001), P-2 (T-1002) and P-4 (T-1004)."
    assert bench.triage.sent == {"GET issue": 1, "PATCH issue": 1}


@pytest.mark.parametrize(("fault", "patches"), [("after", 1), ("before", 2), ("made-400", 1), ("made-404", 1)])
def test_numbers_whose_answer_is_lost(bench: Following, fault: str, patches: int) -> None:
    """The description is read before it is changed again, or refused: if the numbers are in, nothing is changed."""
    bench.create("demo:P-3", description=TEXT)
    bench.triage.faults = {1: fault}
    bench.follow(refers())
    assert bench.description("demo:P-3") == "See P-1 (T-1001), P-2 (T-1002) and P-4."
    assert bench.triage.sent["PATCH issue"] == patches
    assert bench.states("demo:P-3") == {(Act.REFER, State.DONE, ""): 1}


def test_numbers_that_are_refused(bench: Following) -> None:
    """What the reading after a refusal doesn't find has failed, after one request."""
    bench.create("demo:P-3", description=TEXT)
    bench.triage.faults = {1: 400}
    bench.follow(refers())
    assert bench.triage.sent == {"GET issue": 2, "PATCH issue": 1}
    assert bench.states("demo:P-3") == {(Act.REFER, State.REFUSED, "refused"): 1}


def test_a_description_that_a_person_edited(bench: Following) -> None:
    """It stays as the person wrote it, and no later run asks again."""
    bench.create("demo:P-3", description=TEXT)
    bench.person("PATCH", f"/{bench.issues['demo:P-3']}", {"description": "P-1 it is."})
    bench.follow(refers())
    assert bench.description("demo:P-3") == "P-1 it is."
    assert bench.states("demo:P-3") == {(Act.REFER, State.LEFT, "description-edited"): 1}
    bench.follow(refers())
    assert not bench.triage.sent


def test_a_description_of_another_row(bench: Following) -> None:
    """While the issue stands for a row as it was before, its description is left alone."""
    bench.create("demo:P-3", description="as it was")
    bench.follow(refers())
    assert not bench.triage.sent
    assert bench.description("demo:P-3") == "as it was"


def test_a_description_that_names_nobody_here(bench: Following) -> None:
    """Without any of the issues that it names there is nothing to do, and nothing is missing."""
    mention = Mention("UTF-8", "demo:UTF-8")
    bench.create("demo:P-3", description="in UTF-8")
    bench.follow(item("demo:P-3", IssueParts(mentions=(mention,)), "in UTF-8"))
    assert not bench.triage.sent
    assert bench.states("demo:P-3") == {(Act.REFER, State.SAME, ""): 1}


def test_many_issues(bench: Following) -> None:
    """More issues than a page of the ledger's knowledge, with doubts among them: each comment is there once."""
    keys = [f"demo:P-{number}" for number in range(10, 240)]
    bench.create(*keys)
    bench.triage.faults = dict.fromkeys(range(5, 400, 40), "after")
    bench.follow(*(item(key, said("a", "b")) for key in keys))
    assert {key: bench.comments(key) for key in keys} == {key: ["a", "b"] for key in keys}


def test_made_and_answered_429(bench: Following) -> None:
    """Comments, flags and relations that are carried out and answered 429, all of them, are there once."""
    relations = (Relation("demo:P-1", "blocks", "demo:P-2"),)
    bench.triage.faults = dict.fromkeys(range(2, 20), "made-429")
    texts = ["a", "b", "a", "c", "d", "e"]
    bench.follow(item("demo:P-1", IssueParts((), said(*texts).comments, (CALL,), (FLAG,), relations)))
    assert bench.comments("demo:P-1") == texts
    assert (len(all_flags(bench.store)), len(all_relations(bench.store))) == (1, 1)
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE}
    assert bench.triage.sent["POST comments"] == len(texts)


def test_what_is_looked_for_after_429(bench: Following) -> None:
    """Where nothing was done, as is usual, a few looks show it; then a 429 costs no look any more."""
    bench.triage.faults = dict.fromkeys(range(1, 40, 2), 429)
    texts = [str(number) for number in range(12)]
    bench.follow(item("demo:P-1", said(*texts)))
    assert bench.comments("demo:P-1") == texts
    assert bench.triage.sent == {"POST comments": 24, "GET activity": LIMITS_TRIED}
