"""Targets that behave as nobody promised they wouldn't, or store other texts and ids: each row is there once."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import orjson
import pytest

from importer.api import ISSUES_PATH
from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import Door, serve_door
from tests.harness.following import WHOLE, Nights, Row
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.rewriting import WAYS
from tests.harness.running import Program, finish, listen_for, read_csv, write_csv, write_issues
from tests.harness.short_waits import SOON

pytestmark = pytest.mark.slow
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Loud(Door):
    """Carries every request out, and shouts the ids in every other answer."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._answers = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, whatever letters its ids have."""
        with self._lock:
            self._answers += 1
            loud = self._answers % 2 == 0
            done = self._target.request(method, path, headers=headers, content=body)
        return done.status_code, UUID.sub(lambda id_: id_[0].upper(), done.content) if loud else done.content


def test_everything_is_there_once(program: Program, serve: Serve) -> None:
    """Issues are known by their ids in lists, answers and the ledger, and so is what hangs on them."""
    nights = Nights(
        program, serve(faults=tuple(map(parse_fault, ("500-after:create@req=2", "500-after:comment@req=2"))))
    )
    door = Loud(nights.sandbox.url)
    with serve_door(door):
        first = nights.run(WHOLE, "--api-url", door.url)
        assert (first.code, first.outcomes()) == (0, {"created": 3}), first.err
        before, writes = nights.everything(), nights.writes()
        assert before["relations"] == [("D-1", "blocks", "D-2")]
        assert program("verify", "last", "--rate", "0").code == 0
        program.ledger.unlink()
        again = nights.run(None, "--api-url", door.url)
        assert (again.code, again.outcomes()) == (0, {"unchanged": 3}), again.err
        assert (nights.everything(), nights.writes()) == (before, writes)


class Odd(Door):
    """Gives each issue another id and number, by which alone it knows it."""

    def __init__(self, target: str, before: str) -> None:
        super().__init__(target)
        self._before = before
        self.paths = list[str]()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Translate the ids of a request, and those of its answer."""
        self.paths.append(path)
        path, _, query = path.partition("?")
        plain = unquote(path).replace(self._before, "") + f"?{query}"
        if path.endswith("/relations"):
            body = body.replace(json.dumps(self._before)[1:-1].encode(), b"")
        done = self._target.request(method, plain, headers=headers, content=body)
        return done.status_code, json.dumps(json.loads(done.content, object_hook=self._rename)).encode()

    def _rename(self, found: dict[str, object]) -> dict[str, object]:
        names = ("id", "triage_id", "issue_id", "related_issue_id")
        return found | {name: f"{self._before}{found[name]}" for name in names if found.get(name)}


@pytest.mark.parametrize("before", ["=", "+", "@", "-!", "\t", "=cmd|' /C calc'!A0\n,\"/../ "])
def test_ids_are_cells_like_others(program: Program, serve: Serve, before: str) -> None:
    """No spreadsheet takes one for a formula, and no address that has one in it is another."""
    nights = Nights(program, serve())
    door = Odd(nights.sandbox.url, before)
    with serve_door(door):
        first = nights.run(WHOLE, "--api-url", door.url)
        assert (first.code, first.outcomes()) == (0, {"created": 3}), first.err
        assert program("verify", "last", "--rate", "0").code == 0
        assert program("report", "--source", "demo", "--api-url", door.url).code == 0
        assert all(quote(before, safe="") in path for path in door.paths if "/resources" in path)
    tables = [file for file in Path().rglob("*.csv") if file.parent != Path()]
    assert {"results.csv", "migration.csv"} <= {file.name for file in tables}
    for file in tables:
        cells = [cell for row in read_csv(file) for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], file
        assert file.name == "losses.csv" or any(cell.startswith(f"'{before}") for cell in cells), file


ROWS = (
    Row("D-1", ('a <b> & "c"', "it's  🎧 ﬁne \n\n---\n\n too", 'a <b> & "c"')),
    Row("D-2", ("one <i>", "two  &"), state="Closed", call="c-2", flag="Rude <!>", text="As D-1 <b>  says & 🎧"),
    Row("D-3", ("word & <b> 🎧 " * 400,), blocks="D-1"),
)


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("faults", [(), ("500-after:comment", "500-after:flag")], ids=["quiet", "unknown"])
def test_nothing_comes_twice(program: Program, serve: Serve, way: str, faults: tuple[str, ...]) -> None:
    """Comments of unknown outcome come once, nothing is missed or touched, and a lost ledger doubles none."""
    nights = Nights(program, serve(rewrite_texts=way, faults=tuple(map(parse_fault, faults))))
    first = nights.run(ROWS)
    assert (first.code, first.outcomes()) == (ExitCode.DONE, {"created": 3}), first.err
    before, writes = nights.comments(), nights.writes()
    number = nights.issue("D-1")["triage_id"]
    assert nights.issue("D-2")["description"].startswith(f"As D-1 ({number}) "), "escaped once, as it would be anyway"
    assert "amp;lt" not in nights.issue("D-2")["description"]
    assert {key: len(said) for key, said in before.items()} == {"D-1": 3, "D-2": 1, "D-3": 2}
    options = ("--rate", "0", "--json")
    verified = program("verify", "last", *options)
    assert verified.summary["fields"].keys() <= {"description"}, "which is not as it was sent, and says so"
    undo = program("undo", "last", "--delete", *options)
    assert undo.outcomes() == {"planned": 3}, undo.err
    program.ledger.unlink()
    again = nights.run()
    assert again.code == ExitCode.DONE, again.err
    assert (nights.comments(), nights.writes()) == (before, writes)
    assert len(nights.sandbox.flags()) == 1


RUN = ("run", "export.csv", "--yes", "--json", "--rate", "0", "--no-canary", "--settle-seconds", "1")
ATTEMPTS = 4
EVIDENCE = """
extends: jira
resource_links:
  - {type: call, column: Call}
"""


class Hostile(Door):
    """Carries every request out; some creates, by number, are answered with `status`, and times as `shows` says.

    `refuses` says of the path of any other request whether it is answered so, too.
    """

    def __init__(self, target: str, struck: set[int], status: int) -> None:
        super().__init__(target)
        self._struck, self._status, self._creates = struck, status, 0
        self.shows: Callable[[str], str] = lambda time: time
        self.refuses: Callable[[str], bool] = lambda path: False
        self.ids: dict[int, str] = {}  # number of a create → id that its answer has

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, and answer otherwise."""
        with self._lock:
            done = self._target.request(method, path, headers=headers, content=body)
            is_create = (method, path) == ("POST", ISSUES_PATH)
            self._creates += is_create
            if (is_create and self._creates in self._struck) or self.refuses(path):
                error = {"error": "not_found", "message": "Resource not found"}
                return self._status, orjson.dumps({"data": None, "errors": [error]})
            if is_create and self._creates in self.ids:
                shown = orjson.loads(done.content)
                shown["data"]["id"] = self.ids[self._creates]
                return done.status_code, orjson.dumps(shown)
            pattern = rb'("(?:created|updated|last_activity)_at":)"([^"]*)"'
            shown = re.sub(pattern, lambda found: found[1] + orjson.dumps(self.shows(found[2].decode())), done.content)
            return done.status_code, shown


@contextmanager
def hostile(sandbox: RunningSandbox, struck: set[int], status: int) -> Iterator[Hostile]:
    """Put a hostile door before a sandbox."""
    door = Hostile(sandbox.url, struck, status)
    with serve_door(door):
        yield door


def import_to_the_end(program: Program, sandbox: RunningSandbox, rows: int, *arguments: str) -> int:
    """Run an import until it says that it has finished; gives how many requests its attempts took."""
    requests = 0
    for _ in range(ATTEMPTS):
        ended = program(*RUN, *arguments)
        requests += ended.summary["requests"]
        there = Counter(issue["title"] for issue in sandbox.issues())
        assert not there or max(there.values()) == 1, "doubled"
        assert ended.code != 0 or len(there) == rows, "exit 0, and not all is there"
        if ended.code in (0, 1):
            break
    assert ended.code == 0, ended.err
    return requests


@pytest.mark.parametrize("calls", [False, True], ids=["no links", "links"])
@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_created_and_refused(program: Program, serve: Serve, status: int, calls: bool) -> None:
    """A create that is carried out and answered with a refusal makes one issue, with its evidence or without."""
    sandbox = serve()
    if calls:
        header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", "Call")
        rows = [(f"PROJ-{n}", f"Title {n}", "High", "To Do", "Bug", "Text", f"call-{n}") for n in range(1, 13)]
        write_csv(Path("export.csv"), rows, header)
        Path("mine.yaml").write_text(EVIDENCE, encoding="utf-8")
    else:
        write_issues(Path("export.csv"), 12)
    with hostile(sandbox, {2, 5, 9}, status) as door:
        import_to_the_end(program, sandbox, 12, "-m", "mine.yaml" if calls else "jira", "--api-url", door.url)
    if calls:
        assert len(sandbox.resources()) == 12


def test_carried_out_and_answered_429(program: Program, serve: Serve) -> None:
    """Creates and comments that are carried out, and all of them answered 429, are there once."""
    sandbox = serve()
    nights, rows = Nights(program, sandbox), [Row(f"D-{number}", ("one", "two")) for number in range(1, 6)]
    with hostile(sandbox, set(range(12)), 429) as door:
        door.refuses = lambda path: path.endswith("/comments")
        ended = nights.run(rows, "--api-url", door.url)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"created": 5}), ended.err
    assert nights.comments() == {row.key: ["one", "two"] for row in rows}


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("there", [True, False], ids=["a person's issue", "nobody's issue"])
def test_the_id_of_another_issue(program: Program, serve: Serve, there: bool) -> None:
    """A create whose answer has an id that isn't its issue's: no other issue gets its comments, and none is lost."""
    sandbox = serve()
    url = f"{sandbox.url}{ISSUES_PATH}"
    body = {"title": "A person's", "severity": "low", "category": "Bug"}
    theirs = httpx.post(url, json=body, headers={"Authorization": "person"}).json()["data"]["id"]
    nights = Nights(program, sandbox)
    rows = [Row(f"D-{number}", ("one", "two")) for number in range(1, 6)]
    with hostile(sandbox, set(), 0) as door:
        door.ids = {2: theirs if there else "00000000-0000-4000-8000-000000000000"}
        options = ("--api-url", door.url, "--concurrency", "1", *SOON)
        ended = nights.run(rows, *options)
        if not there:
            assert (ended.code, ended.summary["findings"]["incomplete"]) == (ExitCode.PARTLY, 1), ended.err
            assert "Triage answered the create of demo:D-2 with the id of another issue" in ended.err
            ended = nights.run(rows, *options)
        assert ended.code == ExitCode.DONE, ended.err
        assert nights.run(rows, *options).outcomes() == {"unchanged": 5}
    issues = {issue["id"]: issue["title"] for issue in sandbox.issues()}
    said = Counter(issues[comment["issue_id"]] for comment in sandbox.comments())
    assert said == {f"D-{number}": 2 for number in range(1, 6)}


def shifted(hours: float) -> Callable[[str], str]:
    """Times of a clock that is so many hours ahead."""
    return lambda time: (datetime.fromisoformat(time) + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


CLOCKS: dict[str, Callable[[str], str]] = {
    "an hour ahead": shifted(1),
    "an hour behind": shifted(-1),
    "a minute ahead": shifted(1 / 60),
    "without a zone": lambda time: time.removesuffix("Z"),
    "in words": lambda time: f"on {time[8:10]}/{time[5:7]} at {time[11:16]}",
    "none": lambda time: "",
}


@pytest.mark.parametrize("shows", CLOCKS.values(), ids=CLOCKS)
def test_another_clock(program: Program, serve: Serve, shows: Callable[[str], str]) -> None:
    """Whatever the target's clock shows, creates without an answer are found where they are, behind many others."""
    sandbox = serve(search_lag=3600.0)
    write_issues(Path("export.csv"), 250)
    with hostile(sandbox, {3, 60, 130, 249}, 500) as door:
        door.shows = shows
        requests = import_to_the_end(program, sandbox, 250, "-m", "jira", "--api-url", door.url)
        program.ledger.unlink()
        assert program(*RUN, "-m", "jira", "--api-url", door.url).outcomes() == {"unchanged": 250}
    assert len(sandbox.issues()) == 250
    assert requests < 1.4 * 250


UNDO = ("undo", "last", "--close", "--apply", "--yes", "--rate", "0", "--json")


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("all@req=1 all@req=2", (*RUN, "-m", "jira")),  # before anything is known
        ("create@req=3", (*RUN, "-m", "jira")),
        ("read@req=6", ("verify", "last", "--rate", "0", "--json")),
        ("update@req=1", UNDO),
    ],
)
def test_a_pause_for_years(program: Program, serve: Serve, where: str, command: tuple[str, ...]) -> None:
    """A Retry-After of 3,000 years is waited for in pieces, which is said, and Ctrl-C ends the wait."""
    sandbox = serve(faults=tuple(parse_fault(f"429=99999999999:{each}") for each in where.split()))
    write_issues(Path("export.csv"), 5)
    to = ("--api-url", sandbox.url)
    if command[0] != "run":
        program(*RUN, "-m", "jira", *to)
    process = program.start(*command, *(to if command[0] == "run" else ()))
    listen_for("nothing is sent until", process)
    assert "Triage doesn't take requests now (429" in process.err
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.code == ExitCode.INTERRUPTED, ended.err


class Terse(Door):
    """Carries every request out, and answers those that write with the fields `keeps` alone.

    `hides` says of a path whether reading it fails.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.keeps: tuple[str, ...] = ("id",)
        self.hides: Callable[[str], bool] = lambda path: False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, and answer with less."""
        with self._lock:
            if method == "GET" and self.hides(path):
                return 400, b""
            done = self._target.request(method, path, headers=headers, content=body)
            if done.is_success and method in ("POST", "PATCH"):
                shown = orjson.loads(done.content)["data"]
                return done.status_code, orjson.dumps(
                    {"data": {name: shown[name] for name in self.keeps if name in shown}}
                )
            return done.status_code, done.content


@pytest.mark.parametrize("lag", [0.0, 0.5], ids=["at once", "reads lag"])
@pytest.mark.parametrize("keeps", [("id",), ("id", "triage_id", "created_at")], ids=["an id", "and a number"])
def test_answers_with_little_in_them(program: Program, serve: Serve, keeps: tuple[str, ...], lag: float) -> None:
    """What the answer to a create or a change lacks is read, and is nobody's edit."""
    sandbox = serve(read_lag=lag)
    nights, door = Nights(program, sandbox), Terse(sandbox.url)
    door.keeps = keeps
    with serve_door(door):
        options = ("--api-url", door.url, "--settle-seconds", "3")
        made = nights.run(WHOLE, *options)
        assert made.code == ExitCode.DONE, made.err
        time.sleep(2 * lag)
        ended = program("verify", "last", "--rate", "0", "--json", "--out", "verified")
        assert (ended.code, ended.summary["same"]) == (ExitCode.DONE, 3), ended.err
        changed = [row._replace(severity="P1") for row in WHOLE]
        ended = nights.run(changed, *options, "--on-change", "update", "--max-changes", "3")
        assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 3}), ended.err
        assert not ended.summary["findings"]
        time.sleep(2 * lag)
        ended = program("undo", made.summary["run_id"], "--close", "--apply", "--yes", "--rate", "0", "--json")
        assert (ended.code, ended.summary["findings"]) == (ExitCode.DONE, {"closed": 3}), ended.err
    assert {issue["status"] for issue in sandbox.issues()} == {"closed"}


def test_answers_with_little_where_reading_fails(program: Program, serve: Serve) -> None:
    """An id that nothing shows to be the row's is not believed: its outcome is unknown, and the next run settles it."""
    sandbox = serve()
    nights, door = Nights(program, sandbox), Terse(sandbox.url)
    with serve_door(door):
        door.hides = lambda path: len(path) > len(ISSUES_PATH) + 30 and path.count("/") == 4
        assert nights.run([Row("D-1"), Row("D-2")], "--api-url", door.url).code == ExitCode.UNKNOWN
        door.hides = lambda path: False
        assert nights.run(None, "--api-url", door.url).code == ExitCode.DONE
        ended = program("verify", "last", "--rate", "0", "--json")
        assert (ended.code, ended.summary["same"]) == (ExitCode.DONE, 2), ended.err
    assert {row["triage_id"] for row in read_csv(Path("reports/results.csv"))} == {"T-1001", "T-1002"}


class Deaf(Door):
    """Answers each PATCH with the issue as it was before; `obeys` says whether it carries it out all the same."""

    def __init__(self, target: str, *, obeys: bool) -> None:
        super().__init__(target)
        self.obeys = obeys

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, or not."""
        with self._lock:
            before = self._target.request("GET", path, headers=headers)
            if method == "PATCH" and not self.obeys:
                return before.status_code, before.content
            done = self._target.request(method, path, headers=headers, content=body)
            shown = before if method == "PATCH" else done
            return shown.status_code, shown.content


@pytest.mark.parametrize("obeys", [True, False], ids=["done", "not done"])
def test_changes_that_are_answered_with_what_was_before(program: Program, serve: Serve, obeys: bool) -> None:
    """An answer of success that shows the old values is believed as little as a refusal: the issue is read again."""
    sandbox = serve()
    nights, door = Nights(program, sandbox), Deaf(sandbox.url, obeys=obeys)
    with serve_door(door):
        options = ("--api-url", door.url, "--on-change", "update", "--max-changes", "3")
        made = nights.run(WHOLE, *options)
        assert (made.code, made.summary["findings"]) == ((0, {}) if obeys else (1, {"incomplete": 2})), made.err
        changed = [row._replace(state="Closed") for row in WHOLE[:2]]
        ended = nights.run([*changed, WHOLE[2]], *options)
        assert ended.outcomes() == ({"updated": 2, "unchanged": 1} if obeys else {"failed": 3}), ended.err
        door.obeys = True
        assert nights.run(None, *options).code == ExitCode.DONE
    assert nights.issue("D-1")["status"] == "done"
    assert "See D-2 (T-" in nights.issue("D-1")["description"]
