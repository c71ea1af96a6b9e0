"""Issues that recur, and whose ledger was lost: what was said of their occurrences is known by its markers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from importer.codes import FOUND_AT_TARGET, TEXT_CUT
from importer.ledger.journal import Decision
from importer.ledger.schema import State
from importer.load.queue import QueueItem
from importer.records import Act, Comment, IssueParts, Occurrence, Operation
from importer.transform.markers import hex_digest
from tests.harness.addition_bench import Faulty, Following, item, two_issues
from tests.harness.bench import opened

KEY = "demo:P-1"
LONG = "A" * 9000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Following]:
    with two_issues(tmp_path) as made:
        yield made


@contextmanager
def lose_ledger(bench: Following, folder: Path) -> Iterator[Following]:
    """A new ledger, to which discovery has added the issue."""
    (folder / "new").mkdir()
    with opened(folder / "new", bench.time) as ledger:
        again = Following(ledger, bench.store, bench.time)
        again.issues = bench.issues
        found = Decision(KEY, State.DONE, 0, 0.0, again.issues[KEY], "T-1", returned=b"{}", code=FOUND_AT_TARGET)
        again.begin().decide([found], [Operation(KEY, "POST", "", b"", "")])
        yield again


class Cutting(Faulty):
    """A sandbox that keeps the first 1,000 characters of a comment."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Cut, and carry out."""
        if request.method == "POST" and request.url.path.endswith("/comments"):
            detail = orjson.loads(await request.aread())["detail"]
            body = orjson.dumps({"detail": detail[:1000]})
            request = httpx.Request("POST", request.url, headers={"Authorization": "a key"}, content=body)
        return await super().handle_async_request(request)


def night(*answers: str) -> QueueItem:
    """The occurrences of a night, in order: a capital is a finding, `-` isn't in the file, all else has passed."""
    occurrences = []
    for number, answer in enumerate(answers):
        id_, content = f"{number:016x}", hex_digest(f"{number} {answer}")[:16]
        said = Comment(id_, "", "", f"{number} {answer}", content=content)
        occurrences += [Occurrence(said, is_withdrawn=not answer.isupper())] if answer != "-" else []
    return item(KEY, IssueParts(occurrences=tuple(occurrences)), bundling="fold")


@pytest.mark.parametrize(
    ("before", "first", "second", "told"),
    [
        ("A", "A", "A", []),
        ("Ap", "p", "n", []),
        ("p", "p", "A", ["0 A"]),
        ("A", "p", "n", ["Withdrawn: 0 p"]),
        ("A", "B", "C", ["Corrected: 0 C"]),  # what it says first counts as what was said
        ("ApA", "A", "p", ["Withdrawn: 0 p"]),
        ("ABA", "A", "B", ["Corrected: 0 B"]),
        ("Ap", "A", "A", ["Corrected: 0 A"]),
        ("ApA", "p", "A", ["Withdrawn: 0 p", "Corrected: 0 A"]),
        ("A", "-", "p", ["Withdrawn: 0 p"]),
        ("ApA", "-", "p", ["Withdrawn: 0 p"]),
    ],
)
def test_a_lost_ledger(bench: Following, tmp_path: Path, before: str, first: str, second: str, told: list[str]) -> None:
    """Nothing is said twice, and nothing in vain; one that stands beside it comes again two nights later."""
    for answer in before:
        bench.follow(night(answer, "X"))
    there = len(bench.comments(KEY))
    with lose_ledger(bench, tmp_path) as again:
        for answers in ((first, "-", "y"), (second, "X", "y")):
            again.follow(night(*answers))
        assert again.comments(KEY)[there:] == told
        again.follow(night(second, "X", "y"))
        assert again.triage.sent.keys() <= {"GET issue"}


def test_a_long_note_that_was_cut_off(bench: Following, tmp_path: Path) -> None:
    """What a killed attempt hasn't sent of it is sent, whoever remembers."""
    bench.triage.stop_at = 2
    bench.follow(night(LONG))
    with lose_ledger(bench, tmp_path) as again:
        again.follow(night(LONG))
        assert len(again.comments(KEY)) == 3
        again.follow(night("p"))
        assert again.comments(KEY)[3:] == ["Withdrawn: 0 p"]


def test_a_target_that_keeps_less(bench: Following) -> None:
    """What is cut off the night's comment is sent in others, but for the rest of one that was there in part."""
    bench.transport = bench.triage = Cutting(bench.store)
    every = night(*(letter * 300 for letter in "ABCDEFGH"))
    bench.follow(every)
    there = "\n\n---\n\n".join(bench.comments(KEY)).split("\n\n---\n\n")
    assert [text[:3] for text in there] == [f"{number} {letter}" for number, letter in enumerate("ABCDEFGH")]
    assert sum(len(text) < 302 for text in there) == 1
    assert bench.states(KEY)[Act.COMMENT, State.DONE, TEXT_CUT] == 1
    bench.follow(every)
    assert "POST comments" not in bench.triage.sent
