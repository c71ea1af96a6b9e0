"""Whether an addition of unknown outcome was made: found soon, and missed only once that is sure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import KeyRefused, TargetUnreachable
from importer.ledger.added import Added
from importer.ledger.schema import State
from importer.load.acts import LISTS, fingerprint
from importer.load.addition_reader import AdditionReader, Unproven, find_marked_comments, find_miscounts
from importer.mapping.issue_parts import Bundling
from importer.records import ADDITIONS, Act, Addition, AlreadyAdded, Comment, IssueParts
from importer.sandbox.storage import Store
from importer.transform.addition_plan import Due, plan_additions
from importer.transform.markers import comment_marker
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import FIELDS, Issue
from importer.triage.client import TriageClient
from importer.triage.paced import Interrupted, Undecidable
from importer.triage.snapshot import Snapshot
from importer.triage.target import ApiKey
from tests.harness.addition_reading import ISSUE, ReadingBench, operation_of
from tests.harness.bench import paced, real_time
from tests.harness.hostile import HostileOptions, RunningSandbox, parse_fault, serve_in_thread
from tests.harness.rewriting import WAYS
from tests.harness.sandbox_inside import end_waits

COMMENT = {"detail": f"Ann · 2026-03-02 · {comment_marker('s:1', '1')}\n\nIt broke again."}
FLAG = {"call_id": "c1", "type": "Wrong Tone", "note": "at 0:42", "message_index": 3}
CALL = {"resource_type": "call", "resource_id": "c1"}


@pytest.fixture
def bench() -> Iterator[ReadingBench]:
    """Give a lookback's surroundings."""
    store = Store(None)
    yield ReadingBench(store)
    store.close()


def bodies(other: str) -> dict[Act, dict[str, Any]]:
    """One addition of each kind that can't be repeated."""
    return {
        Act.COMMENT: COMMENT,
        Act.FLAG: FLAG,
        Act.RELATION: {"related_issue_id": other, "relation_type": "blocks"},
    }


@pytest.mark.parametrize("act", [Act.COMMENT, Act.FLAG, Act.RELATION])
def test_found_at_once(bench: ReadingBench, act: Act) -> None:
    """What was made is found in the first look, long before the deadline."""
    issue, other = bench.issue(), bench.issue()
    body, begun = bodies(other)[act], bench.time.now
    bench.add(act, issue, body)
    assert bench.was_made(act, issue, body)
    assert bench.time.now - begun < 2
    assert bench.triage.reads == 1


@pytest.mark.parametrize("act", [Act.COMMENT, Act.FLAG, Act.RELATION, Act.EVIDENCE])
def test_absent_after_two_looks_beyond_the_deadline(bench: ReadingBench, act: Act) -> None:
    """Absence is believed after 30 seconds and two looks made after that."""
    issue, other = bench.issue(), bench.issue()
    body: dict[str, Any] = (bodies(other) | {Act.EVIDENCE: CALL | {"resource_id": "c2"}})[act]
    begun = bench.time.now
    assert not bench.was_made(act, issue, body)
    assert 31 <= bench.time.now - begun < 40
    assert bench.triage.reads <= 10, "two of them read the count of these, as nothing else is known to be there"


NAMES = {Act.COMMENT: "detail", Act.FLAG: "message_index", Act.RELATION: "related_issue_id"}


def three(bench: ReadingBench, act: Act) -> list[dict[str, Any]]:
    """Three additions of a kind, which differ in the field of NAMES."""
    match act:
        case Act.COMMENT:
            return [{"detail": f"Ann · {comment_marker('s:1', name)}\n\nIt broke."} for name in "123"]
        case Act.FLAG:
            return [{**FLAG, "message_index": turn} for turn in (1, 2, 3)]
        case _:
            return [bodies(bench.issue())[act] for _ in range(3)]


@pytest.mark.parametrize("act", NAMES)
@pytest.mark.parametrize("shown", [[], [0], [1]], ids=["none", "the older one", "the newer one"])
def test_a_list_that_lacks_what_is_there(bench: ReadingBench, act: Act, shown: list[int]) -> None:
    """A reading that doesn't show all that the issue is known to have proves nothing."""
    issue, (*others, body) = bench.issue(), three(bench, act)
    for each in (*others, body):
        bench.add(act, issue, each)
    names = [others[place][NAMES[act]] for place in shown]
    bench.triage.hides = lambda item: item.get(NAMES[act]) not in names
    begun = bench.time.now
    with pytest.raises(Unproven):
        bench.was_made(act, issue, body, others=others)
    assert 31 <= bench.time.now - begun < 40
    bench.triage.hides = lambda item: False
    assert bench.was_made(act, issue, body, others=others)


@pytest.mark.parametrize("act", NAMES)
def test_a_list_that_lacks_what_another_issue_has(bench: ReadingBench, act: Act) -> None:
    """Where nothing of ours is known on the issue, another one's list must show what Triage has acknowledged there."""
    issue, other, (body, another, _) = bench.issue(), bench.issue(), three(bench, act)
    bench.add(act, issue, body)
    bench.add(act, other, another)
    bench.acknowledged[act] = other, operation_of(act, other, another).whole_sha
    bench.triage.hides = lambda item: item.get(NAMES[act]) == body[NAMES[act]]
    assert not bench.was_made(act, issue, body), "nobody could know better"
    bench.triage.hides = lambda item: NAMES[act] in item
    with pytest.raises(Unproven):
        bench.was_made(act, issue, body)


@pytest.mark.parametrize("act", NAMES)
def test_items_that_do_not_say_what_they_are(bench: ReadingBench, act: Act) -> None:
    """Where one lacks what it would be recognised by, it may be what is looked for."""
    issue, (other, _, body) = bench.issue(), three(bench, act)
    name = "call_id" if act is Act.FLAG else NAMES[act]
    for each in (other, body):
        bench.add(act, issue, each)

    def empty(item: dict[str, Any]) -> bool:
        if item.get(NAMES[act]) == body[NAMES[act]]:
            item[name] = None
        return False

    bench.triage.hides = empty
    with pytest.raises(Unproven):
        bench.was_made(act, issue, body, others=[other])


@pytest.mark.parametrize("act", NAMES)
def test_a_list_that_lags_behind(bench: ReadingBench, act: Act) -> None:
    """What was acknowledged last must be shown: that it shows what was acknowledged long ago proves nothing."""
    issue, other, (body, another, third) = bench.issue(), bench.issue(), three(bench, act)
    for old_or_new in (another, third):
        bench.add(act, other, old_or_new)
    controls = [(other, operation_of(act, other, each).whole_sha) for each in (another, *[third] * 9)]
    bench.triage.hides = lambda item: item.get(NAMES[act]) == third[NAMES[act]]
    bench.acknowledge = lambda act: controls.pop(0)
    with pytest.raises(Unproven):
        bench.was_made(act, issue, body)


@pytest.mark.parametrize("act", NAMES)
def test_a_list_without_anything(bench: ReadingBench, act: Act) -> None:
    """Where nothing is known at all, an empty activity proves nothing, nor does a list of fewer than are counted."""
    issue, body = bench.issue(), three(bench, act)[0]
    bench.add(act, issue, body)
    bench.acknowledged[act] = "deleted", b""
    bench.triage.hides = lambda item: True
    with pytest.raises(Unproven):
        bench.was_made(act, issue, body)


def test_evidence(bench: ReadingBench) -> None:
    """What is attached is found, too, though attaching it again would do no harm."""
    assert bench.was_made(Act.EVIDENCE, bench.issue(), CALL)


@pytest.mark.parametrize("late", [3.0, 15.0, 30.5])
def test_late_commit(bench: ReadingBench, late: float) -> None:
    """What the target makes before the second look that decides is found."""
    assert bench.was_made(Act.COMMENT, bench.issue(), COMMENT, late=late)


def test_deadline_counts_from_the_attempt(bench: ReadingBench) -> None:
    """After a restart the wait does not start anew."""
    begun = bench.time.now
    assert not bench.was_made(Act.COMMENT, bench.issue(), COMMENT, since=begun - 3600)
    assert bench.time.now - begun < 5


def test_equal_ones_that_are_ours_already(bench: ReadingBench) -> None:
    """Of two equal comments the second was made only if the issue has two of them, however old the first is."""
    issue = bench.issue()
    bench.add(Act.COMMENT, issue, COMMENT)
    bench.time.now += 3600
    assert not bench.was_made(Act.COMMENT, issue, COMMENT, ours=1)
    bench.add(Act.COMMENT, issue, COMMENT)
    assert bench.was_made(Act.COMMENT, issue, COMMENT, ours=1)


@pytest.mark.parametrize("text", ["Ann · 2026-03-02\n\nIt broke again.", "> {}", "As {} says", "It was {}, I think"])
def test_a_person_who_says_the_same(bench: ReadingBench, text: str) -> None:
    """What a person wrote is not taken for ours, though it says or quotes the same."""
    issue = bench.issue()
    quoted = text.format(COMMENT["detail"].partition("\n")[0])
    bench.add(Act.COMMENT, issue, {"detail": f"{quoted}\n\nI saw it, too."})
    assert not bench.was_made(Act.COMMENT, issue, COMMENT)


@pytest.mark.parametrize("ahead", [60.0, 86_400.0, -86_400.0])
def test_a_clock_that_is_not_the_target_s(bench: ReadingBench, ahead: float) -> None:
    """How far back is looked doesn't depend on what time it is here."""
    issue = bench.issue()
    bench.add(Act.COMMENT, issue, COMMENT)
    bench.time.now += ahead
    assert bench.was_made(Act.COMMENT, issue, COMMENT)


def test_as_far_back_as_the_comment_before(bench: ReadingBench) -> None:
    """No page is read that lies behind an entry which was there before."""
    issue = bench.issue()

    async def ask(client: TriageClient, lookback: AdditionReader) -> bool:
        bodies = [orjson.dumps({"detail": f"{number}"}) for number in range(250)]
        ids = [(await client.add_comment(issue, body)).id for body in bodies]
        operation = operation_of(Act.COMMENT, issue, COMMENT)
        before = operation_of(Act.COMMENT, issue, {"detail": "120"}).whole_sha
        return await lookback.was_made(
            operation, own_marks=Counter([before]), since=bench.time.now - 60, after=ids[120]
        )

    assert not bench.run(ask)
    assert bench.triage.reads == 4, "two looks of two pages"


def test_many_entries(bench: ReadingBench) -> None:
    """The activity is read page by page, as far back as the attempt."""
    issue = bench.issue()
    bench.add(Act.COMMENT, issue, COMMENT)

    async def talk(client: TriageClient, lookback: AdditionReader) -> None:
        for number in range(250):
            await client.add_comment(issue, orjson.dumps({"detail": f"{number}"}))

    bench.run(talk)
    assert bench.was_made(Act.COMMENT, issue, COMMENT)
    assert bench.triage.reads == 3


def test_incoming_relation_is_another(bench: ReadingBench) -> None:
    """That the other issue blocks this one says nothing of this one's blocking it."""
    issue, other = bench.issue(), bench.issue()
    bench.add(Act.RELATION, other, {"related_issue_id": issue, "relation_type": "blocks"})
    assert not bench.was_made(Act.RELATION, issue, {"related_issue_id": other, "relation_type": "blocks"})


def test_looks_that_fail(bench: ReadingBench) -> None:
    """If three looks in a row fail, the outcome stays open, and the reason is said."""
    issue = bench.issue()
    bench.triage.fails = 400
    with pytest.raises(Undecidable, match="not today"):
        bench.was_made(Act.COMMENT, issue, COMMENT)
    assert bench.triage.reads == 3


@pytest.mark.parametrize("hides", [False, True], ids=["entries", "empty"])
@pytest.mark.parametrize("cursors", ["a", "ab", "abcdefghijklmnop"], ids=["the same", "in a circle", "always new"])
def test_pages_that_never_end(bench: ReadingBench, cursors: str, hides: bool) -> None:
    """They end the command with a sentence, whatever their cursors look like."""
    issue, leading = bench.issue(), cycle(cursors)
    bench.triage.leads, bench.triage.hides = lambda: next(leading), lambda item: hides
    with pytest.raises(TargetUnreachable, match=f"additions to issue {issue} .* never ends"):
        bench.was_made(Act.COMMENT, issue, COMMENT)
    with pytest.raises(TargetUnreachable, match="never ends"):
        bench.run(lambda client, lookback: lookback.read_entries(issue))
    assert bench.triage.reads <= 8


def test_issue_that_is_gone(bench: ReadingBench) -> None:
    """Of an issue that was deleted meanwhile that is said at once."""
    with pytest.raises(CallFailed) as caught:
        bench.was_made(Act.COMMENT, "none", COMMENT)
    assert caught.value.is_gone
    assert bench.triage.reads == 1


def test_key_that_is_refused(bench: ReadingBench) -> None:
    """What would end a run ends the look."""
    issue = bench.issue()
    bench.triage.fails = 401
    with pytest.raises(KeyRefused):
        bench.was_made(Act.COMMENT, issue, COMMENT)


def test_interrupted(bench: ReadingBench) -> None:
    """A wait between looks ends with everything."""
    issue = bench.issue()

    async def ask(client: TriageClient, lookback: AdditionReader) -> None:
        asking = asyncio.create_task(
            lookback.was_made(operation_of(Act.COMMENT, issue, COMMENT), own_marks=Counter(), since=bench.time.now)
        )
        await bench.time.sleep(4)
        bench.calls.interrupt()
        await asking

    begun = bench.time.now
    with pytest.raises(Interrupted):
        bench.run(ask)
    assert bench.time.now - begun < 5


def test_held(bench: ReadingBench) -> None:
    """All that hangs on an issue is read, with the fingerprints of what was sent; a relation has one on both ends."""
    issue, other = bench.issue(), bench.issue()
    sent = bodies(other)
    for act, body in (*sent.items(), (Act.COMMENT, COMMENT)):
        bench.add(act, issue, body)
    expected = {act: Counter([fingerprint(act, issue, orjson.dumps(body))]) for act, body in sent.items()}
    expected[Act.COMMENT] += expected[Act.COMMENT]
    expected[Act.EVIDENCE] = Counter([fingerprint(Act.EVIDENCE, issue, orjson.dumps(CALL))])
    assert bench.run(lambda client, lookback: lookback.read_held(issue, LISTS)) == expected
    seen = bench.run(lambda client, lookback: lookback.read_held(other, [Act.RELATION]))
    assert seen == {Act.RELATION: expected[Act.RELATION]}


@pytest.mark.parametrize(("fault", "made"), [("late-commit=3600", True), ("500-after", True), ("500-before", False)])
def test_at_a_sandbox(fault: str, made: bool) -> None:
    """Over the wire: a comment whose answer was 500 is found if it was made, even late, and then it is there once."""

    time_ = real_time()

    async def comment(sandbox: RunningSandbox) -> bool:
        async with TriageClient(sandbox.url, ApiKey("org_rehearsal")) as client:
            issue = await client.create_issue(orjson.dumps(ISSUE))
            body = orjson.dumps(COMMENT)
            with pytest.raises(CallFailed) as caught:
                await client.add_comment(issue.id, body)
            assert caught.value.action is Action.SETTLE
            late = asyncio.create_task(commit(sandbox))
            lookback = AdditionReader(client, paced(time_), settle_seconds=2, now=time_.clock)
            found = await lookback.was_made(
                operation_of(Act.COMMENT, issue.id, COMMENT), own_marks=Counter(), since=time_.now
            )
            late.cancel()
            return found

    async def commit(sandbox: RunningSandbox) -> None:
        await time_.sleep(1.5)
        end_waits(sandbox)

    with serve_in_thread(HostileOptions(faults=(parse_fault(f"{fault}:comment"),))) as sandbox:
        assert time_.run(comment(sandbox)) is made
        assert len(sandbox.comments()) == made


KEY = "s:1"
TEXTS = st.lists(st.sampled_from(("a", "b", "---", "\n\n---\n\n", "- ", "\n", " ", "ticaaaaaaaaaa")), min_size=1).map(
    "".join
)


def plan(comments: Sequence[Comment], bundling: Bundling, rest: Sequence[str] = ()) -> list[Addition]:
    """What is sent of an issue's comments."""
    parts = IssueParts(rest=tuple(rest), comments=tuple(comments))
    return plan_additions(Due(KEY, parts, bundling, AlreadyAdded()), lambda text, key: ())


def details(additions: Sequence[Addition]) -> list[str]:
    return [orjson.loads(addition.body)["detail"] for addition in additions]


def comments_of(texts: Sequence[str]) -> list[Comment]:
    """Comments of a source, some of them equal."""
    return [Comment(f"{number:016x}", "Ann", "", text) for number, text in enumerate(texts)]


@given(st.lists(TEXTS, max_size=8), st.integers(0, 8), st.sets(st.integers(0, 8)), st.sampled_from(sorted(WAYS)))
def test_whatever_was_folded_then(texts: list[str], folded: int, gone: set[int], way: str) -> None:
    """Of comments sent apart and then folded, what the source still has is covered, whatever the target made of it."""
    comments = comments_of(texts)
    sent = [*plan(comments[:folded], "separate"), *plan(comments[folded:], "fold")]
    there = [WAYS[way](detail) for detail in details(sent)]
    left = [comment for place, comment in enumerate(comments) if place not in gone]
    found = list(find_marked_comments(plan(left, "separate"), ["A person's", *there, *there]))
    covered = Counter(name for addition in found for name in addition.covers)
    assert covered == Counter(name for addition in plan(left, "separate") for name in addition.covers)


def test_another_rendering() -> None:
    """A comment in two parts is whole, though a changed mapping would make three of it, or one."""
    comment = Comment("0" * 16, "Ann", "", "word " * 1000)
    there = details(plan([comment], "separate"))
    assert len(there) == 2
    for text in ("word " * 2000, "short"):
        found = find_marked_comments(plan([comment._replace(text=text)], "separate"), there)
        assert [addition.name for addition in found] == [f"{'0' * 16}/1 of 2", f"{'0' * 16}/2 of 2"]


def test_parts_of_a_long_one() -> None:
    """Each part is found by itself, also of a description; the one that never left is missing."""
    planned = plan(comments_of(["word " * 2000]), "separate", ["more", "and more"])
    assert len(planned) == 5
    found = list(find_marked_comments(planned, details([planned[0], planned[2], planned[4]])))
    assert [addition.name for addition in found] == [planned[0].name, planned[2].name, planned[4].name]


def test_what_is_new_is_not_there() -> None:
    """What a person quotes, another issue's comment and an equal one more than there are is none of ours."""
    planned = plan(comments_of(["same", "same", "new"]), "separate")
    said = [details(planned[:1])[0], f"No: {details(planned[1:2])[0].split()[-2]}, not {planned[0].name}", "Ann\n\nnew"]
    said += [one.replace("Ann", "> Ann") for one in details(planned[2:])]
    assert [addition.name for addition in find_marked_comments(planned, said)] == [planned[0].name]


def added(act: Act, state: State, sha: bytes = b"1") -> Added:
    """An addition as the ledger knows it."""
    return Added(act, "n", state, b"", (), 0.0, 0.0, sha, "", "")


def issue_of(resources: int, flags: int, relations: int) -> Issue:
    """An issue on which so much hangs."""
    return Issue("id", "T-1", "org", "", dict.fromkeys(FIELDS), "t", "t", resources, flags, relations, False)


@pytest.mark.parametrize(
    ("resources", "flags", "relations", "miscounts"),
    [
        (1, 0, 0, []),
        (2, 1, 0, []),
        (3, 1, 0, ["resources"]),
        (0, 2, 1, ["resources", "flags", "relations"]),
    ],
)
def test_counts_that_can_t_be_ours(resources: int, flags: int, relations: int, miscounts: list[str]) -> None:
    """At least what came along with the create, at most that or all that we added: the create's is among it."""
    ours = {act: Counter[bytes]() for act in ADDITIONS} | {
        Act.EVIDENCE: Counter((b"1", b"2")),
        Act.FLAG: Counter((b"3",)),
    }
    snapshot = Snapshot({}, counts={"resource_count": 1})
    assert find_miscounts(snapshot, issue_of(resources, flags, relations), ours) == miscounts
