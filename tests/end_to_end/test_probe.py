"""`triage-import probe`, as people type it: what it shows and keeps, what a run makes of it, that nothing stays."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from importer.errors import ExitCode, KeyRefused
from importer.ledger.opening import open_ledger
from importer.load.probed import KEPT, PROBE, VALID_SECONDS
from tests.conftest import Serve
from tests.harness.doors import Door, Trouble, serve_door
from tests.harness.hostile import RunningSandbox
from tests.harness.probing import probe_target
from tests.harness.running import KEY, LONG, Ended, Program, issue_row, read_csv, write_csv, write_issues

pytestmark = pytest.mark.slow
SECRET = "words of somebody else"
MARKED = "triage-import probe tip0123456789abcdef0123 - may be deleted"


def probe(program: Program, url: str, *more: str) -> Ended:
    """Probe a target without asking."""
    return program("probe", "--api-url", url, "--yes", "--rate", "0", "--json", "--out", "probed", *more)


def statuses(ended: Ended) -> dict[str, str]:
    return {line["id"]: line["status"] for line in ended.summary["assumptions"]}


class Cutting(Door):
    """Keeps 10,000 bytes of a description."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.headers = {}
        self.cuts = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Cut, and carry out."""
        fields = json.loads(body) if body else {}
        if text := fields.get("description"):
            kept = text.encode()[:10_000].decode(errors="ignore")
            self.cuts += kept != text
            body = json.dumps({**fields, "description": kept}).encode()
        return super().answer(method, path, headers, body)


class Listing(Door):
    """Shows the issues of every list as `change` makes of them."""

    def __init__(self, target: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = list) -> None:
        super().__init__(target)
        self.headers, self.change = {}, change

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Change a list."""
        answer = super().answer(method, path, headers, body)
        if answer is None or "/issues?" not in path or answer[0] != 200:
            return answer
        document = json.loads(answer[1])
        document["data"]["items"] = self.change(document["data"]["items"])
        return 200, json.dumps(document).encode()


@contextmanager
def cutting(sandbox: RunningSandbox) -> Iterator[Cutting]:
    door = Cutting(sandbox.url)
    with serve_door(door):
        yield door


def test_it_asks_first(program: Program, serve: Serve) -> None:
    """It names the organisation and what it makes; after a no nothing was sent, and without a terminal nothing is."""
    sandbox = serve()
    refused = program.apart("probe", "--api-url", sandbox.url)
    assert (refused.code, sandbox.create_bodies()) == (ExitCode.UNUSABLE, [])
    assert "There is no terminal" in refused.err
    assert "--dry-run" not in refused.err
    with program.on_terminal("probe", "--api-url", sandbox.url) as terminal:
        terminal.read_until("Probe it?")
        assert sandbox.org_id in terminal.shown
        assert "Two closed issues" in terminal.shown
        terminal.type("n\n")
        ended = terminal.end()
    assert (ended.code, sandbox.create_bodies()) == (ExitCode.STOPPED, [])
    wrong = probe(program, sandbox.url, "--expect-org", "another")
    assert (wrong.code, sandbox.create_bodies()) == (ExitCode.DECIDE, [])


def test_what_it_shows_and_keeps(program: Program, serve: Serve) -> None:
    """Screen, page and data have each assumption; what contradicts one is there with its request and its answer."""
    sandbox = serve(rewrite_texts="escape")
    write_issues(Path("export.csv"), 1)
    ended = probe(program, sandbox.url)
    assert ended.code == ExitCode.PARTLY
    assert [name for name, status in statuses(ended).items() if status == "otherwise"] == ["signs"]
    assert ended.summary["requests"] <= 80
    assert ended.summary["left"] == []
    assert "T-1001, T-1002 are deleted" in ended.err
    assert "otherwise: signs: `<`, `>` and `&` are stored as they are" in ended.err
    assert json.loads(Path("probed/probe.json").read_text(encoding="utf-8")) == ended.summary
    page = Path("probed/probe.html").read_text(encoding="utf-8")
    assert all(name in page for name in statuses(ended))
    (copied,) = re.findall('data-text="([^"]*)"', page)
    assert json.loads(html.unescape(copied)) == next(
        line["exchange"] for line in ended.summary["assumptions"] if "exchange" in line
    )
    with open_ledger(str(program.ledger)) as ledger:
        kept = ledger.find_contact(sandbox.url)
    assert kept[PROBE]["organisation"] == sandbox.org_id
    assert kept[KEPT] == {}


def test_findings_have_no_key_and_no_text_of_others(program: Program, serve: Serve) -> None:
    """Of a list only what is the probe's own is shown."""
    sandbox = serve()
    write_csv(Path("export.csv"), [(*issue_row(number)[:-1], SECRET) for number in (1, 2, 3)])
    assert program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0").code == 0
    door = Listing(sandbox.url, lambda those: those[::-1])
    with serve_door(door):
        ended = probe(program, door.url)
    (line,) = (line for line in ended.summary["assumptions"] if line["status"] == "otherwise")
    assert line["exchange"]["request"].startswith("GET /v1/triage/issues?")
    assert line["exchange"]["answer"]["data"]["left_out"] == 3
    assert line["exchange"]["answer"]["data"]["items"]
    for name in ("probe.json", "probe.html"):
        text = Path("probed", name).read_text(encoding="utf-8")
        assert SECRET not in text
        assert KEY not in text


def test_issues_that_are_kept(program: Program, serve: Serve) -> None:
    """They stay to be looked at, and the next probe deletes them; no import takes one for its own."""
    sandbox = serve()
    kept = probe(program, sandbox.url, "--keep")
    assert (kept.code, len(sandbox.issues())) == (0, 2), kept.err
    write_issues(Path("export.csv"), 3)
    ended = program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
    assert (ended.code, ended.outcomes()) == (0, {"created": 3})
    assert probe(program, sandbox.url).code == 0
    assert len(sandbox.issues()) == 3
    program.lose_ledger()
    again = program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
    assert again.outcomes() == {"unchanged": 3}, again.err


def test_issues_that_quote_a_probe(program: Program, serve: Serve) -> None:
    """What a person or an import has made is never deleted, whatever its title says."""
    sandbox = serve()
    write_csv(Path("export.csv"), [(*issue_row(1, title=MARKED)[:-1], f"{MARKED}\nquoted")])
    assert program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0").code == 0
    assert probe(program, sandbox.url).code == 0
    assert [issue["title"] for issue in sandbox.issues()] == [MARKED]


def send(sandbox: RunningSandbox, method: str, path: str, **fields: Any) -> Any:
    """Do what a person does in Triage."""
    done = httpx.request(method, f"{sandbox.url}/v1/triage/issues{path}", headers={"Authorization": KEY}, json=fields)
    assert done.status_code < 300, done.text
    return done.json()["data"] if done.content else None


EDITS: dict[str, tuple[str, str, dict[str, str]]] = {
    "a comment": ("POST", "/comments", {"detail": "Please keep this."}),
    "another status": ("PATCH", "", {"status": "todo"}),
    "another severity": ("PATCH", "", {"severity": "high"}),
}


@pytest.mark.parametrize("has_ledger", [True, False])
@pytest.mark.parametrize("edit", EDITS)
def test_what_people_have_touched(program: Program, serve: Serve, edit: str, has_ledger: bool) -> None:
    """A kept issue that somebody works on is left and named, with or without the ledger; the others are deleted."""
    sandbox = serve()
    assert probe(program, sandbox.url, "--keep").code == 0
    method, path, fields = EDITS[edit]
    touched = next(issue for issue in sandbox.issues() if issue["triage_id"] == "T-1001")
    send(sandbox, method, f"/{touched['id']}{path}", **fields)
    if not has_ledger:
        program.lose_ledger()
    with later(sandbox) as url:
        ended = probe(program, url)
    assert [issue["triage_id"] for issue in sandbox.issues()] == ["T-1001"], ended.err
    assert "T-1001 of an earlier probe is left: " in ended.err
    assert "T-1002 of an earlier probe is deleted." in ended.err
    earlier = ended.summary["earlier"]
    assert (earlier["deleted"], [*earlier["left"]]) == (["T-1002"], ["T-1001"])
    assert "left of earlier probes" in Path("probed/probe.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["above", "within", "below"])
def test_a_copy_by_a_person(program: Program, serve: Serve, where: str) -> None:
    """With title and first line of a kept issue, and notes of its own, it is somebody's: it is left and named."""
    sandbox = serve()
    assert probe(program, sandbox.url, "--keep").code == 0
    kept = send(sandbox, "GET", f"/{sandbox.issues()[0]['id']}")
    first, _, rest = kept["description"].partition("\n")
    notes = {
        "above": f"{first}\nmy notes",
        "within": f"{first}\nmy notes\n{rest[:5000]}",
        "below": kept["description"][:5000] + "\nmine",
    }
    names = ("title", "severity", "status", "category", "source")
    copy = send(sandbox, "POST", "", **{name: kept[name] for name in names}, description=notes[where])
    with later(sandbox) as url:
        ended = probe(program, url)
    assert [issue["id"] for issue in sandbox.issues()] == [copy["id"]], ended.err
    assert f"{copy['triage_id']} of an earlier probe is left: " in ended.err


@contextmanager
def later(sandbox: RunningSandbox) -> Iterator[str]:
    """A door at which all that is there by now was made an hour earlier."""
    door = Later(sandbox.url, {issue["id"] for issue in sandbox.issues()})
    with serve_door(door):
        yield door.url


class Later(Door):
    """Shows some issues as an hour older."""

    def __init__(self, target: str, older: set[str]) -> None:
        super().__init__(target)
        self.headers, self._older = {}, older

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Change the times."""
        answer = super().answer(method, path, headers, body)
        if answer is None or method != "GET" or answer[0] != 200:
            return answer
        data = json.loads(answer[1])["data"]
        for issue in data.get("items", [data]):
            if issue.get("id") in self._older:
                moved = datetime.fromisoformat(issue["created_at"]) - timedelta(hours=1)
                issue["created_at"] = moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return 200, json.dumps({"data": data, "errors": None}).encode()


@pytest.mark.slow(seconds=100)
def test_a_probe_that_is_killed(program: Program, serve: Serve) -> None:
    """After each of its requests, here every fourth; probed again, without what it knew, nothing is left."""
    sandbox, left = serve(), set[int]()
    door = Door(sandbox.url)
    with serve_door(door):
        requests = probe_target(sandbox.url)[2].requests + 1
        for number in range(1, requests + 1, 1 if LONG else 4):
            crash = Trouble("crash-after", number, writes=False)
            with door.troubled(crash, crash=lambda: None, edit=lambda: None) as has_met, suppress(KeyRefused):
                probe_target(door.url)
            assert has_met(), number
            left.add(len(sandbox.issues()))
            probe_target(door.url)
            assert sandbox.issues() == [], number
    assert left == {0, 1, 2} if LONG else {0, 2} <= left


@pytest.mark.parametrize("number", [5, 12, 22])
def test_a_command_that_is_killed(program: Program, serve: Serve, number: int) -> None:
    """The ledger knows what it has made, and the next one deletes it where neither list nor search shows it."""
    sandbox = serve()
    door = Listing(sandbox.url)
    with serve_door(door):
        with door.troubled(Trouble("crash-after", number, writes=False), crash=lambda: None, edit=lambda: None):
            assert probe(program, door.url).code == ExitCode.DECIDE
        assert sandbox.issues()
        made = {issue["id"] for issue in sandbox.issues()}
        door.change = lambda those: [each for each in those if each["id"] not in made]
        assert probe(program, door.url).code == 0
    assert sandbox.issues() == []


def test_ctrl_c(program: Program, serve: Serve) -> None:
    """What was made is deleted before it ends."""
    sandbox = serve()
    with program.on_terminal("probe", "--api-url", sandbox.url, "--yes", "--rate", "10") as terminal:
        while len(sandbox.issues()) < 2:
            time.sleep(0.02)
        terminal.interrupt()
        ended = terminal.end()
    assert ended.code == ExitCode.INTERRUPTED
    assert sandbox.issues() == []


def draw_rows(rows: int, long: int) -> list[tuple[str, ...]]:
    """Rows of which the first ones have long Cyrillic texts."""
    random = Random(1)
    texts = [
        " ".join(f"слово{random.randrange(10**6):06}" for _ in range(700 if place < long else 4))
        for place in range(rows)
    ]
    return [(f"D-{place}", f"D-{place}", text, "Open") for place, text in enumerate(texts, 1)]


MAPPING = """
input: {name: demo, key: Key}
title: Title
description: {column: Text, too_long: continue}
severity: {value: low}
status: {column: State, values: {Open: todo}}
category: {value: Bug}
"""


def test_an_import_into_a_target_that_cuts(program: Program, serve: Serve) -> None:
    """Once it was probed, no text is cut: what is too long goes on in comments, nothing is held, nothing is doubled."""
    sandbox, rows = serve(), draw_rows(1000, 200)
    write_csv(Path("issues.csv"), rows, ("Key", "Title", "Text", "State"))
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    with cutting(sandbox) as door:
        probed = probe(program, door.url)
        assert [name for name, status in statuses(probed).items() if status == "otherwise"] == ["description"]
        door.cuts = 0
        command = ("run", "issues.csv", "-m", "mapping.yaml", "--api-url", door.url, "--yes", "--rate", "0", "--json")
        ended = program(*command, "--out", "reports")
        assert (ended.code, ended.outcomes(), door.cuts) == (0, {"created": 1000}, 0), ended.err
    assert {row["code"] for row in read_csv(Path("reports/results.csv"))} == {""}
    issues = {issue["title"]: issue for issue in sandbox.issues()}
    assert len(issues) == len(sandbox.issues()) == 1000
    said: dict[str, str] = {}
    for comment in sandbox.comments():
        said[comment["issue_id"]] = said.get(comment["issue_id"], "") + comment["detail"]
    for _, title, text, _ in rows:
        whole = issues[title]["description"] + said.get(issues[title]["id"], "")
        assert all(whole.count(word) == text.count(word) for word in text.split()), title


def age(program: Program, url: str, **values: Any) -> None:
    """Change what the ledger keeps of a probe."""
    with open_ledger(str(program.ledger)) as ledger:
        ledger.keep_contact(url, {PROBE: {**ledger.find_contact(url)[PROBE], **values}})


def test_an_old_probe(program: Program, serve: Serve) -> None:
    """After 90 days a run asks for another one, with the command."""
    sandbox = serve()
    probe(program, sandbox.url)
    write_issues(Path("export.csv"), 1)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    assert "ask again" not in program(*command).err
    age(program, sandbox.url, at=time.time() - VALID_SECONDS - 1)
    write_issues(Path("export.csv"), 2)
    assert f"ask again: triage-import probe --api-url {sandbox.url}" in program(*command).err


def test_answers_of_an_earlier_version(program: Program, serve: Serve) -> None:
    """A run goes by them; what nobody asks any more doesn't count."""
    from importer.load.probed import find_answers

    sandbox = serve()
    probe(program, sandbox.url)
    with open_ledger(str(program.ledger)) as ledger:
        seen = ledger.find_contact(sandbox.url)[PROBE]["seen"]
    age(program, sandbox.url, author="user-1", settle=20.0, seen={**seen, "whole-items": [False, "cut"]})
    with open_ledger(str(program.ledger)) as ledger:
        answers = find_answers(ledger, sandbox.url)
    assert answers is not None
    assert (answers.settle, answers.otherwise, answers.refuses) == (20.0, [], [])
    age(program, sandbox.url, seen={**seen, "once": [False, "T-1"]})
    write_issues(Path("export.csv"), 1)
    ended = program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    assert ended.code == ExitCode.DECIDE
    assert "found that an import can't work" in ended.err


def test_a_canary_that_contradicts(program: Program, serve: Serve) -> None:
    """What was so when it was probed, and isn't any more, is said, with the command."""
    sandbox = serve(search_lag=2.5)
    probe(program, sandbox.url)
    with open_ledger(str(program.ledger)) as ledger:
        seen = ledger.find_contact(sandbox.url)[PROBE]["seen"]
    age(program, sandbox.url, seen={**seen, "search-at-once": [True, "at once"]})
    write_issues(Path("export.csv"), 1)
    ended = program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    assert "warning: search-at-once: after " in ended.err
    assert f"ask again: triage-import probe --api-url {sandbox.url}" in ended.err


@pytest.mark.parametrize("wrong", [("marker",), ("once",), ("norm",), ("search", "list")])
def test_an_import_that_can_t_work(program: Program, serve: Serve, wrong: tuple[str, ...]) -> None:
    """It is refused with a sentence, before anything is sent; one of search and list is enough to go on."""
    sandbox = serve()
    probe(program, sandbox.url)
    with open_ledger(str(program.ledger)) as ledger:
        seen = ledger.find_contact(sandbox.url)[PROBE]["seen"]
    write_issues(Path("export.csv"), 1)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    made = len(sandbox.create_bodies())
    age(program, sandbox.url, seen={**seen, **{name: [False, "seen"] for name in wrong}})
    ended = program(*command)
    assert (ended.code, len(sandbox.create_bodies())) == (ExitCode.DECIDE, made)
    assert "found that an import can't work" in ended.err
    assert f"triage-import probe --api-url {sandbox.url}" in ended.err
    if len(wrong) > 1:
        age(program, sandbox.url, seen={**seen, wrong[0]: [False, "seen"]})
        assert program(*command).code == 0


def test_a_search_that_lags_is_waited_for(program: Program, serve: Serve) -> None:
    """The longest lag that was seen, three times; and the rate is that which was taken."""
    from importer.load.context import Settings
    from importer.load.probed import find_answers

    sandbox = serve(search_lag=2.5)
    probe(program, sandbox.url)
    age(program, sandbox.url, settle=20.0, rate=2.0)
    with open_ledger(str(program.ledger)) as ledger:
        answers = find_answers(ledger, sandbox.url)
    assert answers is not None
    limited = answers.limit(Settings(rate=5.0))
    assert (limited.settle_seconds, limited.rate) == (60.0, 2.0)
    assert answers.limit(Settings(rate=0.0)).rate == 2.0
