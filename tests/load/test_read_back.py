"""Issues read back: what is said of them, in the sandbox and from targets that are worse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import httpx
import orjson
import pytest

from importer.errors import KeyRefused
from importer.load.read_back import Findings, MadeIssue, read_back
from tests.harness.bench import Bench
from tests.harness.fake_triage import ORG, make_issue
from tests.harness.virtual_time import VirtualTime

URL = "https://t.example"
TEXT = "A caller heard nothing. " * 8


def marker_of(number: int) -> str:
    return f"tir{number:020x}"


def body_of(number: int, **more: Any) -> dict[str, Any]:
    """What is sent for an issue."""
    footer = f"---\ntis{0:012x} {marker_of(number)} (leave this line: it identifies the import)"
    values = {"severity": "high", "status": "todo", "category": "Bug", "source": "client"}
    return {"title": f" Title {number}", "description": f"{TEXT}\n\n{footer}", **values, **more}


class OddTriage:
    """A target that stores, lists and finds as a test wants it; its clock is the test's.

    keep    what is stored of a body
    order   the list of issues, oldest first → as it is listed
    lists   whether the list shows anything without a search
    lag     seconds until search finds an issue
    refuse  parts of an address that are answered with 400
    unreadable  id of an issue that reading it by itself doesn't find
    """

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.keep: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body
        self.order: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda issues: issues[::-1]
        self.lists = True
        self.lag = 0.0
        self.cut_at: int | None = None
        self.refuse: Sequence[str] = ()
        self.status = 200
        self.unreadable = ""
        self.issues: list[dict[str, Any]] = []
        self.asked: list[str] = []

    def make(self, number: int, **more: Any) -> MadeIssue:
        body = body_of(number, **more)
        issue = make_issue(number, "", self.time.now) | dict.fromkeys(("owner_id", "assignee_id"))
        issue |= self.keep(body) | {"resource_count": len(body.get("resource_links", ())), "at": self.time.now}
        self.issues.append(issue)
        return MadeIssue(f"jira:{number}", issue["id"], issue["triage_id"], marker_of(number), orjson.dumps(body))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.status != 200 or any(part in str(request.url) for part in self.refuse):
            status = 400 if self.status == 200 else self.status
            return httpx.Response(status, json={"data": None, "errors": [{"error": "no", "message": "not today"}]})
        last = request.url.path.rsplit("/", 1)[1]
        if last != "issues":
            found = [issue for issue in self.issues if issue["id"] == last != self.unreadable]
            return (
                httpx.Response(200, json={"data": found[0], "errors": None})
                if found
                else httpx.Response(404, json={"data": None, "errors": [{"error": "not_found", "message": "no such"}]})
            )
        word = request.url.params.get("search")
        shown = self.order(self.issues) if self.lists or word else []
        if word is not None:
            due = self.time.now - self.lag
            shown = [issue for issue in shown if word in issue["description"] and issue["at"] <= due]
        items = [issue | {"description": issue["description"][: self.cut_at]} for issue in shown]
        return httpx.Response(200, json={"data": {"items": items, "next_cursor": None}, "errors": None})


class Contact(Bench):
    """A canary for an odd target."""

    def __init__(self) -> None:
        super().__init__(VirtualTime())
        self.triage = OddTriage(self.time)
        self.transport = httpx.MockTransport(self.triage.answer)

    def read_back(self, *sent: MadeIssue, refusal: str = "") -> Findings:
        clock = self.time.clock
        return self.with_client(lambda client, calls: read_back(client, calls, sent, refusal=refusal, clock=clock))

    def say(self, *sent: MadeIssue) -> str:
        return "\n".join(self.read_back(*sent).sentences())


@pytest.fixture
def bench() -> Contact:
    """Give a target and the way to it."""
    return Contact()


def test_a_target_that_stores_and_finds_everything(bench: Contact) -> None:
    """All is said to be well, with the organisation and the figures, and nobody waits."""
    found = bench.read_back(*map(bench.triage.make, (1, 2, 3)))
    assert not found.lost
    assert (found.organisation, found.issues) == (ORG, ("T-1001", "T-1002", "T-1003"))
    assert list(found.sentences()) == [
        f"Canary in organisation {ORG}: T-1001, T-1002, T-1003, created by user x, read back.",
        "Every field is stored as it was sent.",
        "All are in the list of issues.",
        "A search for the marker finds them at once.",
        f"Lists show descriptions whole (up to {len(body_of(1)['description'])} characters seen).",
    ]
    assert bench.time.now == 1000.0


def stored(**fields: Callable[[str], str]) -> dict[str, Any]:
    """A target that makes something else of these fields."""
    return {"keep": lambda body: body | {name: change(body.get(name, "")) for name, change in fields.items()}}


OTHERWISE = "is stored differently from what was sent"
FOUND = {  # what a target does -> what is said of it, while its issue can be found again
    f"warning: title {OTHERWISE} (trimmed): T-1001": stored(title=str.strip),
    f"warning: title {OTHERWISE} (cut after 5 characters): T-1001": stored(title=lambda text: text[:5]),
    f"warning: category {OTHERWISE} (changed): T-1001": stored(category=str.lower),
    f"warning: owner_id {OTHERWISE} (filled in): T-1001": stored(owner_id=lambda _: "u1"),
    f"warning: source {OTHERWISE} (left out): T-1001": stored(source=lambda _: ""),
    f"warning: description {OTHERWISE} (other white space): T-1001": stored(
        description=lambda text: text.replace("\n\n", "\n")
    ),
    "warning: a search for the marker does not find, within 10 s: T-1001": {"lag": 11.0},
    "warning: not in the list of issues: T-1001": {"lists": False},
    "Lists cut descriptions after 120 characters; issues in question are read individually.": {"cut_at": 120},
    "warning: the search can't be used: 400 no: not today": {"refuse": ("search=",)},
    "warning: the list of the newest issues can't be read: 400 no: not today": {"refuse": ("sort=",)},
}
LOST = {
    "warning: the marker is not in the stored description: T-1001": stored(
        description=lambda text: text.replace("tir", "")
    ),
    "warning: T-1001 can't be read: it is not there": {"unreadable": make_issue(1, "")["id"]},
}


@pytest.mark.parametrize("said", FOUND | LOST)
def test_what_an_odd_target_does(bench: Contact, said: str) -> None:
    """It is said plainly; it is fatal where nobody could tell whether a create was executed."""
    vars(bench.triage).update((FOUND | LOST)[said])
    found = bench.read_back(bench.triage.make(1))
    assert said in list(found.sentences())
    assert found.lost == (("T-1001",) if said in LOST else ())
    assert OTHERWISE not in said or "Every field is stored as it was sent." not in found.sentences()


def test_links_that_are_not_attached(bench: Contact) -> None:
    """The target says how many an issue has."""
    link = {"resource_type": "call", "resource_id": "c1"}
    sent = bench.triage.make(1, resource_links=[link, link])
    bench.triage.issues[0]["resource_count"] = 1
    assert "Of the evidence 1 of 2 is attached so far: T-1001" in bench.say(sent)


@pytest.mark.parametrize("lists", [True, False])
def test_an_issue_that_is_there_twice(bench: Contact, lists: bool) -> None:
    """What was sent once and has two issues is found in the list or by search, whichever shows it."""
    sent = bench.triage.make(1)
    bench.triage.make(2)
    bench.triage.issues[1]["description"] = bench.triage.issues[0]["description"]
    bench.triage.lists = lists
    assert bench.read_back(sent).twice == ("T-1002",)


@pytest.mark.parametrize(("lag", "after"), [(0.0, 0.0), (2.0, 3.0), (9.0, 10.0)])
def test_a_search_that_lags(bench: Contact, lag: float, after: float) -> None:
    """It is asked again after 3 and 10 seconds, and only for those that it has not found."""
    sent = bench.triage.make(1)
    bench.triage.lag = lag
    found = bench.read_back(sent)
    assert (found.found_after, found.unsearched, bool(found.lost)) == (after, (), False)
    assert bench.time.now == 1000.0 + after
    assert sum("sort=created_at" in url for url in bench.triage.asked) == 1, "found in the list at the first look"


def test_neither_list_nor_search(bench: Contact) -> None:
    """Without either nobody could tell whether a create was done: that is fatal, after the last look."""
    sent = bench.triage.make(1)
    bench.triage.lists, bench.triage.lag = False, 11.0
    found = bench.read_back(sent)
    assert found.lost == ("T-1001",)
    assert bench.time.now == 1010.0


def test_a_list_in_another_order(bench: Contact) -> None:
    """What it shows is no proof of what it doesn't: with a search that lags too long it counts as none."""
    first = bench.triage.make(1)
    bench.time.now += 5
    second = bench.triage.make(2)
    bench.triage.order = lambda issues: issues
    found = bench.read_back(first, second)
    assert (found.in_order, found.unlisted, bool(found.lost)) == (False, ("T-1001", "T-1002"), False)
    assert "not ordered by creation" in "\n".join(found.sentences())
    bench.triage.lag = 99.0
    assert bench.read_back(first, second).lost


def test_an_issue_that_is_gone(bench: Contact) -> None:
    """404 for what was made a moment ago, and for all the time that it may take to be seen: fatal."""
    sent = bench.triage.make(1)
    bench.triage.issues.clear()
    found = bench.read_back(sent)
    assert (bool(found.lost), found.gone) == (True, ("T-1001",))


def test_a_key_that_is_refused_meanwhile(bench: Contact) -> None:
    """It ends the run, as everywhere."""
    sent = bench.triage.make(1)
    bench.triage.status = 401
    with pytest.raises(KeyRefused):
        bench.read_back(sent)


def test_nothing_was_made(bench: Contact) -> None:
    """Then there is only the refusal to show, and nothing is asked."""
    found = bench.read_back(refusal="400 bad_request: title")
    assert list(found.sentences()) == [
        "Canary in an organisation whose id is unknown: no issue was created.",
        "This is how Triage refuses: 400 bad_request: title",
    ]
    assert bench.triage.asked == []
    assert not found.lost


def test_findings_are_json(bench: Contact) -> None:
    """What the ledger keeps reads back as it was."""
    bench.triage.keep = lambda body: body | {"title": body["title"].strip()}
    kept = orjson.loads(orjson.dumps(asdict(bench.read_back(bench.triage.make(1)))))
    assert kept["otherwise"] == {"title": {"trimmed": ["T-1001"]}}
    assert kept["organisation"] == ORG
