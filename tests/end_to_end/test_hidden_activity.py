"""Activities that show less than there is, and comments that were edited: none is sent again, or taken for done."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import Door, serve_door
from tests.harness.following import PERSON, Nights, Row
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import Ended, Program, read_csv
from tests.harness.unmarked import unmarked

MAPPING = """
input: {name: demo, key: {path: key}}
title: {path: title}
severity: {value: low}
status: {value: todo}
category: {value: General}
comments: {open: OPEN, from: [{path: comments, each: {text: text, author: author, id: id}}]}
"""


@pytest.mark.parametrize("bundling", ["separate", "fold"])
def test_what_was_edited_is_reported_and_not_added_again(program: Program, serve: Serve, bundling: str) -> None:
    """Its row says so in each run; a new comment beside it is added, and a lost ledger takes in what is there."""
    sandbox = serve()
    Path("demo.yaml").write_text(MAPPING.replace("OPEN", bundling), encoding="utf-8")

    def run(*comments: dict[str, Any]) -> tuple[Ended, dict[str, str]]:
        records = [{"key": "D-1", "title": "One", "comments": comments}, {"key": "D-2", "title": "Two"}]
        Path("demo.json").write_text(json.dumps(records), encoding="utf-8")
        ended = program("run", "demo.json", "-m", "demo.yaml", "--api-url", sandbox.url, "--yes", "--json", "--rate",
                        "0", "--no-canary", "--out", "reports")  # fmt: skip
        assert ended.code == ExitCode.DONE, ended.err
        return ended, read_csv(Path("reports/results.csv"))[0]

    def there() -> list[str]:
        return [text for each in sandbox.comments() for text in unmarked(each["detail"]).split("\n\n---\n\n")]

    one, two = {"id": 1, "author": "Ann", "text": "one"}, {"id": 2, "author": "Bob", "text": "two"}
    run(one, two)
    assert there() == ["Ann\n\none", "Bob\n\ntwo"]
    edited = one | {"text": "one, I mean"}
    ended, row = run(edited, two)
    assert (row["outcome"], row["code"]) == ("unchanged", "comment-edited")
    assert ended.summary["findings"] == {"comment-edited": 1}
    _, row = run(edited, two, {"id": 3, "author": "Ann", "text": "three"})
    assert (row["outcome"], row["code"]) == ("updated", "comment-edited")
    assert there() == ["Ann\n\none", "Bob\n\ntwo", "Ann\n\nthree"]
    program.ledger.unlink()
    run(edited, two, {"id": 3, "author": "Ann", "text": "three"})
    assert len(there()) == 3


pytestmark = pytest.mark.slow
UNDO = ("undo", "last", "--close", "--apply", "--yes", "--rate", "0", "--json")


class Forgetful(Door):
    """Carries every request out and shows no activity; comments, by number, are answered with 500 all the same.

    `shows` says of an item of the activity whether it is shown after all; `stores` what it has for a text. `about` are
    the ends of the paths of what it hides, and of what it strikes.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.struck: set[int] = set()
        self.shows: Callable[[dict[str, str]], bool] = lambda item: False
        self.stores: Callable[[str], str] = lambda text: text
        self.about = "activity", "comments"
        self._comments = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, and answer otherwise."""
        with self._lock:
            done = self._target.request(method, path, headers=headers, content=body)
            hidden, strikes = self.about
            if method == "GET" and f"/{hidden}" in path:
                shown = orjson.loads(done.content)
                items = [item for item in shown["data"]["items"] if self.shows(item)]
                shown["data"]["items"] = [{**item, "detail": self.stores(item.get("detail", ""))} for item in items]
                return done.status_code, orjson.dumps(shown)
            self._comments += (method, path.rpartition("/")[2]) == ("POST", strikes)
            is_struck = method == "POST" and self._comments in self.struck
            return (500, b"") if is_struck else (done.status_code, done.content)


SHOWN: dict[str, Callable[[dict[str, str]], bool]] = {
    "nothing": lambda item: False,
    "no comments": lambda item: item["type"] != "comment",
}


@contextmanager
def forgetful(sandbox: RunningSandbox, shows: str) -> Iterator[Forgetful]:
    """Put a forgetful door before a sandbox."""
    door = Forgetful(sandbox.url)
    door.shows = SHOWN[shows]
    with serve_door(door):
        yield door


TWO_NOTES = [Row(f"D-{number}", ("one", "two")) for number in range(1, 6)]


@pytest.mark.parametrize("shows", SHOWN)
@pytest.mark.parametrize(("struck", "there"), [(5, 1), (6, 2)], ids=["the first of an issue", "the second"])
def test_an_activity_that_shows_nothing(program: Program, serve: Serve, struck: int, there: int, shows: str) -> None:
    """A comment of unknown outcome isn't sent again because it isn't shown, where others aren't shown either."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    with forgetful(sandbox, shows) as door:
        door.struck = {struck}
        options = ("--api-url", door.url, "--concurrency", "1")
        for rows in (TWO_NOTES, None):
            ended = nights.run(rows, *options)
            assert (ended.code, ended.summary["findings"].get("addition-unproven")) == (ExitCode.PARTLY, 1), ended.err
        assert nights.comments() == {f"D-{n}": ["one", "two"][: there if n == 3 else 2] for n in range(1, 6)}
        (row,) = (row for row in read_csv(Path("reports/results.csv")) if "addition-unproven" in row["code"])
        assert f"triage-import settle demo:D-3 added --api-url {door.url}, otherwise" in row["message"]
        ended = program("settle", "demo:D-3", "added", "--api-url", door.url)
        assert ended.err == "1 comment of demo:D-3: in Triage.\n"
        assert nights.run(None, *options).code == ExitCode.DONE
    assert nights.comments() == {f"D-{number}": ["one", "two"] for number in range(1, 6)}


STORED: dict[str, Callable[[str], str]] = {
    "with a line before": lambda text: f"Sent by mail:\n\n{text}",
    "without long words": lambda text: re.sub(r"\w{12,}", "***", text),
}


@pytest.mark.parametrize("stores", STORED.values(), ids=STORED)
@pytest.mark.parametrize("struck", [5, 6], ids=["the first of an issue", "the second"])
def test_comments_that_are_not_recognised(
    program: Program, serve: Serve, struck: int, stores: Callable[[str], str]
) -> None:
    """Where a target stores comments so that none is known again, one of unknown outcome isn't sent again, either."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    with forgetful(sandbox, "nothing") as door:
        door.struck, door.shows, door.stores = {struck}, lambda item: True, stores
        ended = nights.run(TWO_NOTES, "--api-url", door.url, "--concurrency", "1")
        assert (ended.code, ended.summary["findings"]["addition-unproven"]) == (ExitCode.PARTLY, 1), ended.err
        assert len(sandbox.comments()) == 8 + struck - 4
        program.ledger.unlink()
        ended = nights.run(None, "--api-url", door.url, "--concurrency", "1")
        assert (ended.code, ended.summary["findings"]["addition-unproven"]) == (ExitCode.PARTLY, 4), ended.err
    assert len(sandbox.comments()) == 10 + struck - 4, "those of one issue come twice before anybody can know"


def test_it_was_not_added(program: Program, serve: Serve) -> None:
    """What a person says that Triage doesn't have is sent, without another look."""
    sandbox = serve(faults=(parse_fault("500-before:comment@req=5"),))
    nights = Nights(program, sandbox)
    with forgetful(sandbox, "nothing") as door:
        options = ("--api-url", door.url, "--concurrency", "1")
        assert nights.run(TWO_NOTES, *options).code == ExitCode.PARTLY
        ended = program("settle", "demo:D-3", "not-added", "--api-url", door.url)
        assert ended.err == "1 comment of demo:D-3: not in Triage: the next run sends it.\n"
        assert nights.run(None, *options).code == ExitCode.DONE
    assert nights.comments() == {f"D-{number}": ["one", "two"] for number in range(1, 6)}


def test_a_lost_ledger_where_nothing_is_shown(program: Program, serve: Serve) -> None:
    """Comments that Triage has, and doesn't show, aren't sent again by a new ledger."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    with forgetful(sandbox, "nothing") as door:
        options = ("--api-url", door.url)
        assert nights.run(TWO_NOTES, *options).code == ExitCode.DONE
        program.ledger.unlink()
        for _ in range(2):
            ended = nights.run(None, *options)
            assert (ended.code, ended.summary["findings"]["addition-unproven"]) == (ExitCode.PARTLY, 5), ended.err
        assert program("settle", "demo:D-3", "added", "--api-url", door.url).code == ExitCode.DONE
        assert nights.run(None, *options).summary["findings"]["addition-unproven"] == 4
    assert nights.run(None).code == ExitCode.DONE, "once it is shown, it is taken in"
    assert nights.comments() == {f"D-{number}": ["one", "two"] for number in range(1, 6)}


def test_undo_where_nothing_is_shown(program: Program, serve: Serve) -> None:
    """An issue whose activity lacks our own comments is left alone: a person's may be hidden there, too."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    with forgetful(sandbox, "nothing") as door:
        nights.run([*TWO_NOTES, Row("D-6")], "--api-url", door.url)
        nights.post("D-2", "comments", detail="Mine")
        ended = program(*UNDO, "--out", "undone")
        assert ended.code == ExitCode.DONE, ended.err
    verdicts = {row["key"]: row["verdict"] for row in read_csv(Path("undone/results.csv"))}
    assert verdicts == {f"demo:D-{number}": "touched" for number in range(1, 6)} | {"demo:D-6": "closed"}


@pytest.mark.parametrize("kind", ["flags", "relations"])
def test_a_list_that_shows_nothing(program: Program, serve: Serve, kind: str) -> None:
    """A flag or a relation of which nobody can tell is sent once, and holds no comment back."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    rows = [
        Row(f"D-{n}", ("one",), call=f"c-{n}", flag="rude", blocks=f"D-{n + 1}" if n < 4 else "") for n in range(1, 5)
    ]
    with forgetful(sandbox, "nothing") as door:
        door.about, door.struck = (kind, kind), {2}
        for night in (rows, None):
            ended = nights.run(night, "--api-url", door.url, "--concurrency", "1")
            assert (ended.code, ended.summary["findings"]) == (ExitCode.PARTLY, {"addition-unproven": 1}), ended.err
    assert (len(sandbox.flags()), len(sandbox.relations()), len(sandbox.comments())) == (4, 3, 4)
    assert nights.run().code == ExitCode.DONE, "once it is shown, it is done"


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("control", ["of the issue itself", "of another"])
def test_relations_that_went_with_their_other_issue(program: Program, serve: Serve, control: str) -> None:
    """What an issue lacks because the other one was deleted says nothing against its list: the relation is sent."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    rows = [Row("D-1", blocks="D-2"), Row("D-2")]
    if control == "of another":
        rows = [Row("D-1"), *rows[1:], Row("D-3", blocks="D-2")]
    assert nights.run(rows).code == ExitCode.DONE
    program.ledger.unlink()
    assert nights.run().code == ExitCode.DONE
    assert httpx.delete(nights.url("D-2"), headers=PERSON).is_success
    assert program("settle", "demo:D-2", "absent", "--api-url", sandbox.url).code == ExitCode.DONE
    rows[0] = Row("D-1", blocks="D-2")
    ended = nights.run(rows)
    assert (ended.code, ended.summary["findings"]) == (ExitCode.DONE, {}), ended.err
    assert len(nights.everything()["relations"]) == sum(bool(row.blocks) for row in rows)
