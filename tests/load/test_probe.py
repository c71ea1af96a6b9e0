"""The probe: each misbehaviour of a target turns the line of the table that it should, and no other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import pytest

from importer.errors import KeyRefused, RunStopped, TargetUnreachable
from importer.load.context import Settings
from importer.load.probe_calls import MOST_REQUESTS
from importer.load.probe_texts import fill
from importer.load.probed import Answers
from importer.triage.assumptions import ASSUMPTIONS, BY_ID
from tests.conftest import Serve
from tests.harness import fake_triage, rewriting
from tests.harness.doors import FORMS, Door, serve_door
from tests.harness.hostile import EDITED_TITLE, KINDS, HostileOptions, RunningSandbox, parse_fault
from tests.harness.probing import probe_target

pytestmark = pytest.mark.slow
LISTS = "/v1/triage/issues?"
Answer = tuple[int, bytes]
Change = Callable[["Odd", str, str, dict[str, Any], Answer], Answer | None]
"""Makes of the method, the path, the body that was sent, and the answer, another answer; None leaves it."""


class Odd(Door):
    """Passes requests on, and changes some answers; `send` changes what is sent."""

    def __init__(self, target: str, change: Change, send: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__(target)
        self._change, self._send = change, send
        self.headers = {}
        self.created: dict[str, bytes] = {}
        self.asked: list[str] = []

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """Answer with what is left of the target's own answer."""
        fields = json.loads(body) if body else {}
        self.asked.append(f"{method} {path}")
        changed = json.dumps(self._send(fields)).encode() if body else body
        passed = super().answer(method, path, headers, changed)
        assert passed is not None
        return self._change(self, method, path, fields, passed) or passed


def nothing(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
    """Leave the answer as it is."""
    return None


def items(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], part: str, method: str = "GET") -> Change:
    """Change the items of a list, or the one thing of an answer, whose path has this part."""

    def changed(door: Odd, its: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
        if its != method or part not in path or answer[0] >= 300:
            return None
        document = json.loads(answer[1])
        if "items" in document["data"]:
            document["data"]["items"] = change(document["data"]["items"])
        else:
            (document["data"],) = change([document["data"]])
        return answer[0], json.dumps(document).encode()

    return changed


def each(part: str, method: str = "GET", **values: Callable[[Any], Any]) -> Change:
    """Change values of each item."""
    return items(
        lambda those: [
            {**one, **{name: make(one.get(name)) for name, make in values.items() if name in one}} for one in those
        ],
        part,
        method,
    )


def doubling(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
    """Each POST of an issue is executed twice."""
    if method == "POST" and path.endswith("/issues") and answer[0] < 300:
        headers = {"Authorization": "key-key-key", "Content-Type": "application/json"}
        door.pass_on(method, path, headers, json.dumps(sent).encode())
    return None


def limiting(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
    """The first create is answered with 429 although it is done."""
    if method == "POST" and not door.created:
        door.created[""] = b""
        return 429, b"{}"
    return None


def patching(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
    """A PATCH resets the severity."""
    if method == "PATCH" and "severity" not in sent:
        headers = {"Authorization": "key-key-key", "Content-Type": "application/json"}
        return door.pass_on(method, path, headers, b'{"severity": "critical"}')
    return None


def keeping(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
    """Deleted issues are shown by the list once more."""
    if method == "DELETE":
        return None
    if LISTS in path and "search" not in path and answer[0] == 200:
        listed = json.loads(answer[1])
        if listed["data"]["items"]:
            door.created["list"] = answer[1]
        elif "list" in door.created:
            return 200, door.created.pop("list")
    return None


def absent(form: str) -> Change:
    """An issue that isn't there is answered in a form of a gateway's."""

    def changed(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
        return FORMS[form] if method == "GET" and answer[0] == 404 else None

    return changed


def cutting(name: str, limit: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Of a text so many bytes are kept."""
    return lambda body: {
        **body,
        **({name: body[name].encode()[:limit].decode(errors="ignore")} if isinstance(body.get(name), str) else {}),
    }


SWITCHES: dict[str, tuple[dict[str, Any], set[str]]] = {
    # Options of the sandbox, and of the hostile one: the lines that turn.
    "search_lag": ({"search_lag": 1.0}, {"search-at-once"}),
    "search_lag, for good": ({"search_lag": 99.0}, {"search"}),
    "read_lag": ({"read_lag": 0.4}, {"reads"}),
    "rate_limit": ({"rate_limit": 10}, {"rate"}),
    "rewrite_texts=escape": ({"rewrite_texts": "escape"}, {"signs"}),
    # What no line notices, and why.
    **{  # white space never counts, and what else is rewritten is named by the canary
        f"rewrite_texts={way}": ({"rewrite_texts": way}, set()) for way in ("blanks", "emoji", "trim", "polish")
    },
    "no_zone": ({"no_zone": True}, set()),  # UTC is assumed
    "cut_descriptions": ({"cut_descriptions": True}, set()),  # issues in question are read one by one
    "clock_offset": ({"clock_offset": 3600.0}, set()),  # clocks are never compared
    "norm_everywhere": ({"norm_everywhere": True}, set()),  # a real mention is never sent
    "seed": ({"seed": 1}, set()),  # is for faults by chance
}
KEY_ONLY = {"db", "api_key", "faults"}
"""Options that say where and for whom a sandbox works; a key that it refuses ends the probe. Faults are below."""
FAULTS: dict[str, set[str]] = {
    **{
        kind: {"answers"}
        for kind in (
            *("500-before", "hang-before=9", "reset-before", "reset-after", "late-commit=0.9", "not-json", "503=1"),
            *("gateway-404", "gateway-html", "500-after", "hang-after=9", "400-after", "409-after", "422-after"),
        )
    },
    "429=1": {"rate"},
    "endless:read": {"pages"},
    "slow": set(),  # an answer in time is as assumed
    "edit:read": set(),  # a person's change is no behaviour of the target
}
ENDING = {"403-after": KeyRefused, "404-after": TargetUnreachable}
"""Faults of a create that end a probe, as they end a run: nothing is seen."""
DOORS: dict[str, tuple[set[str], Change, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "titles are cut": ({"title"}, nothing, cutting("title", 150)),
    "descriptions are cut": ({"description"}, nothing, cutting("description", 10_000)),
    "comments are cut": ({"comment"}, nothing, cutting("detail", 3000)),
    "markers are lost": (
        {"marker"},
        each("", description=lambda text: text.replace("---\ntip", "---\ntop")),
        dict,
    ),
    "comments lose theirs": (
        {"comment-marker"},
        each("/activity", detail=lambda text: text.replace("tic", "t")),
        dict,
    ),
    "no comments": ({"activity", "reads"}, items(lambda those: [], "/activity"), dict),
    "oldest comments first": ({"activity"}, items(lambda those: those[::-1], "/activity"), dict),
    "severity": ({"fields"}, each("/issues/", severity=lambda _: "high"), dict),
    "each POST is done twice": ({"once"}, doubling, dict),
    "an unlisted issue": ({"list"}, items(lambda those: those[1:], "limit=100&sort"), dict),
    "another order": ({"list"}, items(lambda those: those[::-1], "limit=100&sort"), dict),
    "no search": ({"search"}, items(lambda those: [], "search=tip"), dict),
    "updated_at stands": ({"moved"}, each("", updated_at=lambda _: "2026-01-01T00:00:00.000Z"), dict),
    "a PATCH resets": ({"patch"}, patching, dict),
    "429, and done": ({"rate"}, limiting, dict),
    **{f"404 of a {form}": ({"answers"}, absent(form), dict) for form in FORMS if form != "own"},
    "deleted issues are listed": ({"delete"}, keeping, dict),
    "an agent": ({"norm"}, each("/activity", type=lambda text: text.replace("created", "session_started")), dict),
}


@contextmanager
def odd_door(
    sandbox: RunningSandbox, change: Change, send: Callable[[dict[str, Any]], dict[str, Any]]
) -> Iterator[Odd]:
    door = Odd(sandbox.url, change, send)
    with serve_door(door):
        yield door


def turned(answers: Answers) -> set[str]:
    return set(answers.otherwise)


def test_a_target_as_the_reference_describes_it(serve: Serve) -> None:
    """Each line that can be asked is as assumed, and nothing is left."""
    sandbox = serve()
    answers, probe, calls = probe_target(sandbox.url)
    assert turned(answers) == set()
    seen = {name for name, (is_so, _) in answers.seen.items() if is_so}
    asked = {line.id for line in ASSUMPTIONS if line.is_asked}
    assert seen == asked
    assert (sandbox.issues(), probe.created, answers.refuses) == ([], {}, [])
    assert calls.requests == len(probe.recorder.exchanges) <= 31 < MOST_REQUESTS
    assert len(answers.numbers) == 2
    assert sandbox.norm_dispatches() == 0
    assert not [body for body in sandbox.create_bodies() if b"@norm" in body]


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_turns_its_line(serve: Serve, switch: str) -> None:
    """Of the sandbox's options and the hostile one's each turns one line, or is named as one that turns none."""
    options, lines = SWITCHES[switch]
    sandbox = serve(**options)
    answers, _, calls = probe_target(sandbox.url)
    assert turned(answers) == lines, answers.seen
    assert sandbox.issues() == []
    assert sandbox.norm_dispatches() == 0
    assert calls.requests <= MOST_REQUESTS


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_turns_its_line(serve: Serve, fault: str) -> None:
    """The first create meets it, or, where it is about reads, all of them."""
    where = "" if ":" in fault else ":create@req=1"
    sandbox = serve(faults=(parse_fault(f"{fault}{where}"),))
    answers, _, calls = probe_target(sandbox.url, answer_seconds=2.0 if fault.startswith("hang") else 30.0)
    assert turned(answers) == FAULTS[fault], answers.seen
    left = {issue["title"] for issue in sandbox.issues()}
    assert left <= {EDITED_TITLE}, "only what a person has changed in time is left"
    assert calls.requests <= MOST_REQUESTS


@pytest.mark.parametrize(
    ("where", "asked"), [("create", "POST issue"), ("comment", "POST comments"), ("update", "PATCH issue")]
)
def test_what_is_refused_and_done(serve: Serve, where: str, asked: str) -> None:
    """It is looked for, found and named, with the answer that shows it."""
    answers, probe, _ = probe_target(serve(faults=(parse_fault(f"400-after:{where}"),)).url)
    assert turned(answers) == {"answers"}, answers.seen
    assert answers.seen["answers"][1].startswith(f"{asked} → 400, though it was done")
    assert (probe.shown["answers"].name, probe.shown["answers"].status) == (asked, 400)


@pytest.mark.parametrize("fault", ENDING)
def test_a_fault_that_ends_it(serve: Serve, fault: str) -> None:
    """As it ends a run; what was made is deleted all the same."""
    sandbox = serve(faults=(parse_fault(f"{fault}:create@req=1"),))
    with pytest.raises(ENDING[fault]):
        probe_target(sandbox.url)
    assert sandbox.issues() == []
    assert turned(probe_target(sandbox.url)[0]) == set()


@pytest.mark.parametrize("oddity", DOORS)
def test_a_door_turns_its_line(serve: Serve, oddity: str) -> None:
    """What no option of a sandbox does."""
    lines, change, send = DOORS[oddity]
    sandbox = serve()
    with odd_door(sandbox, change, send) as door:
        answers, _, calls = probe_target(door.url)
    assert turned(answers) == lines, {name: answers.seen[name] for name in {*turned(answers), *lines} & {*answers.seen}}
    assert sandbox.issues() == []
    assert calls.requests <= MOST_REQUESTS


@pytest.mark.parametrize("when", ["/comments", "search=tip", "PATCH", "DELETE"])
def test_somebody_else_deletes_its_issues(serve: Serve, when: str) -> None:
    """It ends with a sentence wherever it meets that; it has no answers, and nothing is left."""
    sandbox = serve()

    def deleting(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
        if when not in f"{method} {path}" or len(sandbox.issues()) != 2 or door.created:
            return None
        door.created[""] = b""
        for issue in sandbox.issues():
            door.pass_on("DELETE", f"/v1/triage/issues/{issue['id']}", {"Authorization": "key-key-key"}, b"")
        return None

    def before(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
        return deleting(door, "DELETE", path, sent, answer) if "limit=1&" in f"{path}&" else None

    with (
        odd_door(sandbox, before if when == "DELETE" else deleting, dict) as door,
        pytest.raises(RunStopped, match="another probe deletes the issues of this probe"),
    ):
        probe_target(door.url)
    assert sandbox.issues() == []


def test_another_probe_at_work(serve: Serve) -> None:
    """Its issues are spared and named; once it has long ended they are deleted."""
    sandbox = serve()
    _, first, _ = probe_target(sandbox.url, keep=True)
    _, second, _ = probe_target(sandbox.url, spared_seconds=600.0)
    assert {issue["id"] for issue in sandbox.issues()} == {*first.created}
    assert set(second.earlier.left.values()) == {"another probe may be at work on it"}
    assert sorted(second.earlier.left) == sorted(first.created.values())
    probe_target(sandbox.url)
    assert sandbox.issues() == []


def test_deletions_that_are_done_and_answered_with_an_error(serve: Serve) -> None:
    """What isn't there any more isn't named as left."""
    sandbox = serve()

    def failing(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
        return (500, b"{}") if method == "DELETE" else None

    with odd_door(sandbox, failing, dict) as door:
        answers, probe, _ = probe_target(door.url)
    assert (sandbox.issues(), probe.created, turned(answers)) == ([], {}, {"answers"})


@pytest.mark.parametrize(("slow", "lag", "is_so"), [(0.0, 1.5, False), (1.2, 0.0, None), (0.0, 0.0, True)])
def test_how_long_a_search_lags(serve: Serve, slow: float, lag: float, is_so: bool | None) -> None:
    """It is asked while an issue is new; of one that is older its age is all that is known, and is waited for."""
    sandbox = serve(search_lag=lag)

    def waiting(door: Odd, method: str, path: str, sent: dict[str, Any], answer: Answer) -> Answer | None:
        if method == "GET" and "/issues/" in path and not door.created:
            door.created[""] = b""
            time.sleep(slow)
        return None

    with odd_door(sandbox, waiting, dict) as door:
        answers, _, _ = probe_target(door.url, rate=5.0 if lag else 0.0)
    status, text = answers.seen["search-at-once"]
    assert (status, text == "at once") == (is_so, is_so is True), text
    if is_so is None:
        assert text.startswith("within ")
        assert answers.settle > 1
    assert answers.settle >= lag
    assert answers.limit(Settings(rate=5.0, settle_seconds=0.0)).settle_seconds >= 3 * lag
    assert sandbox.issues() == []


def test_a_target_that_answers_429_to_all(serve: Serve) -> None:
    """The wait ends with the probe's time, and is told meanwhile."""
    said, started = list[str](), time.monotonic()
    limited = lambda door, method, path, sent, answer: (429, b"{}") if "limit=100" in path else None  # noqa: E731
    with odd_door(serve(), limited, dict) as door:
        door.headers = {"Retry-After": "60"}
        with pytest.raises(RunStopped, match="it answers 429"):
            probe_target(door.url, seconds=3.0, say=said.append)
    assert time.monotonic() - started < 10
    assert any("The probe waits" in text for text in said)


def test_no_category_is_created(serve: Serve) -> None:
    """An issue is only made in a category that is listed, of Triage's own if there is one."""
    sandbox = serve()
    none = items(lambda those: [], "/categories?limit=100")
    with odd_door(sandbox, none, dict) as door, pytest.raises(RunStopped, match="lists no category"):
        probe_target(door.url)
    assert sandbox.create_bodies() == []
    with odd_door(sandbox, each("/categories", name=lambda name: f"My {name}"), dict) as door:
        probe_target(door.url)
        posted = {json.loads(body)["category"] for body in sandbox.create_bodies()}
    assert posted == {"My Bug"}


def test_each_switch_and_each_line_is_in_a_table() -> None:
    """No switch of the harness is forgotten, and each line that is asked is turned by something."""
    options = {each.name for each in fields(HostileOptions)} - KEY_ONLY
    assert options == {name.partition("=")[0].partition(",")[0] for name in SWITCHES}
    ways = {name.partition("=")[2] for name in SWITCHES if name.startswith("rewrite_texts=")}
    assert ways == set(rewriting.WAYS)
    kinds = {name.partition(":")[0].partition("=")[0] for name in FAULTS} | set(ENDING)
    assert kinds == set(KINDS)
    assert {*fake_triage.REFUSALS} <= {kind.removesuffix("-after") for kind in kinds} | {"401"}
    lines = [lines for _, lines in SWITCHES.values()] + [*FAULTS.values()] + [lines for lines, *_ in DOORS.values()]
    assert set().union(*lines) == {line.id for line in ASSUMPTIONS if line.is_asked}


def test_what_is_kept_of_long_texts(serve: Serve) -> None:
    """The unit that a target counts is known after a text of each kind."""
    with odd_door(serve(), nothing, cutting("description", 10_000)) as door:
        keeping = probe_target(door.url)[0].keeping().descriptions
    assert keeping.takes("x" * 9_990)
    assert keeping.takes("ж" * 4_990)
    assert not keeping.takes("ж" * 5_100)


@pytest.mark.parametrize(("limit", "lines"), [(10_000, {"description"}), (4_000, {"description"}), (9, {"answers"})])
def test_a_target_that_refuses_long_texts(serve: Serve, limit: int, lines: set[str]) -> None:
    """It is tried with a shorter one, and what is taken is known; where nothing is taken, that is said."""

    class Refusing(Odd):
        def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
            text = json.loads(body).get("description") if body else ""
            if text and len(text.encode()) > limit:
                return 400, b'{"data": null, "errors": [{"error": "bad_request", "message": "description: too long"}]}'
            return super().answer(method, path, headers, body)

    sandbox = serve()
    door = Refusing(sandbox.url, nothing, dict)
    with serve_door(door):
        answers, _, _ = probe_target(door.url)
    assert turned(answers) == lines
    assert answers.keeping().descriptions.takes("ж" * 5_100) is (limit == 9)
    assert sandbox.issues() == []


def test_a_text_has_the_size_that_was_asked_for() -> None:
    """In units and in bytes, to the last one."""
    assert len(fill("begin ", "word ", " end", 200)) == 200
    assert len(fill("begin ", "жд漢 ", " end", 203, lambda text: len(text.encode())).encode()) == 203


def test_ids_stand_once() -> None:
    """Each assumption has a name of its own, and what refuses names others."""
    assert len(BY_ID) == len(ASSUMPTIONS)
    assert {name for line in ASSUMPTIONS for name in line.refuses} <= set(BY_ID)
