"""Ledgers and issues from before comments had markers: what is there stays, and nothing is added twice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import orjson
import pytest

from importer.codes import FOUND_AT_TARGET, OUTCOME_UNKNOWN, REFUSED
from importer.ledger.added import encode_details
from importer.ledger.journal import Decision
from importer.ledger.schema import UNDECIDED, State
from importer.records import Act, Comment, Flag, IssueParts, Operation
from importer.sandbox.flags import all_flags
from importer.sandbox.storage import Store
from importer.transform.unmarked import plan_unmarked
from tests.harness.addition_bench import Following, item, sha_source
from tests.harness.bench import opened, real_time
from tests.harness.unmarked import unmarked

KEY = "demo:P-1"
RULE = "\n\n---\n\n"
LONG = "A long story. " * 700
COMMENTS = tuple(
    Comment(f"{number:016x}", "Ann", f"{number}/3/26", LONG if number == 1 else f"text {number}") for number in range(8)
)
REST = ("the rest " * 400, "the end")
FLAGS = (Flag("c1", "Wrong Tone", "one", 3), Flag("c1", "Wrong Tone", "two", 3), Flag("c1", "late", "three", None))
PARTS = IssueParts(rest=REST, comments=COMMENTS, evidence=(("call", "c1"),), flags=FLAGS)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Following]:
    """Give a ledger and a target with an issue."""
    time_, store = real_time(), Store(None)
    with opened(tmp_path, time_) as ledger:
        made = Following(ledger, store, time_)
        made.create(KEY)
        yield made
    store.close()


def hashed(*identity: object) -> bytes:
    """By what the version before knew an addition."""
    return hashlib.sha256(orjson.dumps(identity)).digest()


class Before:
    """What the version before left behind: additions at the target, and in the ledger, if that is kept."""

    def __init__(self, bench: Following, *, kept: bool) -> None:
        self._bench, self._kept = bench, kept
        self.texts = {one.name: orjson.loads(one.body)["detail"] for one in plan_unmarked(KEY, PARTS)}

    def comment(self, *names: str, state: State = State.DONE, arrived: bool = True) -> None:
        """A comment, or several folded into one."""
        text = RULE.join(self.texts[name] for name in names)
        ids = tuple(name.partition("/")[0] for name in names if not name.startswith("rest/"))
        name = names[0] if len(names) == 1 else hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
        identity = hashed("comment", hashlib.sha256(text.strip().encode()).hexdigest())
        self._add(Operation(KEY, "POST", "", orjson.dumps({"detail": text}), "", act=Act.COMMENT, name=name),
                  identity, ids, state, arrived)  # fmt: skip

    def flag(self, flag: Flag, *, state: State = State.DONE, arrived: bool = True) -> None:
        """A flag, which was known by its note, too."""
        whole = {"call_id": flag.call, "type": flag.type, "note": flag.note, "message_index": flag.message_index}
        body = orjson.dumps({name: value for name, value in whole.items() if value is not None})
        note = hashlib.sha256(flag.note.encode()).hexdigest()
        identity = hashed("flag", flag.call, flag.type.lower().replace(" ", ""), note, flag.message_index)
        name = hashlib.sha256(body).hexdigest()[:16]
        self._add(Operation(KEY, "POST", "", body, "", act=Act.FLAG, name=name), identity, (), state, arrived)

    def _add(self, operation: Operation, identity: bytes, covers: tuple[str, ...], state: State, arrived: bool) -> None:
        issue = self._bench.issues[KEY]
        if arrived:
            self._bench.person("POST", f"/{issue}/{operation.act}s", orjson.loads(operation.body))
        if not self._kept:
            return
        operation = operation._replace(whole_sha=identity, issue_id=issue)
        body = operation.body if state in UNDECIDED else b""
        details = None if state is State.REFUSED else encode_details(covers, body=body)
        code = {State.UNKNOWN: OUTCOME_UNKNOWN, State.REFUSED: REFUSED}.get(state, "")
        since = self._bench.time.now - 3600
        self._bench.begin().decide(
            [Decision(KEY, state, 1, since, issue, details=details, code=code, operation=operation)]
        )


def leave_behind(before: Before) -> None:
    """Whole, folded, half-arrived, unknown and refused comments, parts of a description, and flags."""
    rest, ids = [name for name in before.texts if name.startswith("rest/")], [one.id for one in COMMENTS]
    before.comment(rest[0])
    before.comment(rest[1], state=State.UNKNOWN)
    before.comment(f"{ids[0]}/1/1")
    before.comment(f"{ids[1]}/1/3")
    before.comment(f"{ids[2]}/1/1", f"{ids[3]}/1/1")
    before.comment(f"{ids[4]}/1/1", state=State.UNKNOWN)
    before.comment(f"{ids[5]}/1/1", state=State.SENT, arrived=False)
    before.comment(f"{ids[6]}/1/1", state=State.REFUSED)
    before.flag(FLAGS[0])
    before.flag(FLAGS[1], state=State.UNKNOWN)
    before.flag(FLAGS[2], state=State.SENT, arrived=False)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("bundling", ["separate", "fold"])
def test_nothing_is_added_twice(bench: Following, kept: bool, bundling: Literal["separate", "fold"]) -> None:
    """Whether its ledger is there or lost: what is missing is added, a part of a long comment as it was split then."""
    before = Before(bench, kept=kept)
    bench.person("POST", f"/{bench.issues[KEY]}/resources", {"resource_type": "call", "resource_id": "c1"})
    if not kept:
        found = Decision(KEY, State.DONE, 1, 0.0, bench.issues[KEY], "T-1001", returned=b"{}", code=FOUND_AT_TARGET)
        bench.begin().decide([found], [Operation(KEY, "POST", "", sha_source(""), "")])
    leave_behind(before)
    bench.follow(item(KEY, PARTS, bundling=bundling))
    there = [piece for detail in bench.details(KEY) for piece in detail.split(RULE)]
    assert Counter(map(unmarked, there)) == Counter(before.texts.values())
    assert {text for text in there if text == unmarked(text)} >= {before.texts[f"{1:016x}/{part}/3"] for part in (2, 3)}
    assert len(all_flags(bench.store)) == 3
    assert {state for _, state, _ in bench.states(KEY)} <= {State.DONE, State.SAME}
    bench.follow(item(KEY, PARTS, bundling=bundling))
    assert not bench.triage.sent
