"""The calls and what they make of answers."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Entry, Flagged, Related
from importer.triage.client import TriageClient
from tests.harness.fake_triage import make_issue
from tests.harness.raw_server import KEY, Answer, call, envelope


def test_create() -> None:
    """The body leaves as it is, with the raw key; unknown keys of the answer are ignored."""
    seen: list[httpx.Request] = []
    issue = make_issue(1, "text") | {"dispatch_id": "old"}
    made = call(envelope(issue, 201), lambda client: client.create_issue(b'{"title": "x"}'), seen)
    assert (made.id, made.triage_id, made.org_id) == (issue["id"], "T-1001", issue["org_id"])
    assert "dispatch_id" not in made.fields
    assert (made.title, made.description) == ("x", "text")
    (request,) = seen
    assert request.read() == b'{"title": "x"}'
    assert request.headers["Authorization"] == KEY
    assert request.headers["User-Agent"].startswith("triage-importer/")
    assert str(request.url) == "https://t.example/v1/triage/issues"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(201, text="<html>"),
        httpx.Response(201, json=[]),
        httpx.Response(201, json={"data": None, "errors": None}),
        httpx.Response(201, json={"data": {"id": True}, "errors": None}),
        httpx.Response(201, json={"data": {"id": "x" * 5000}, "errors": None}),
        httpx.Response(201, json={"data": make_issue(1, ""), "errors": [{"error": "x"}]}),
        httpx.Response(204),
    ],
)
def test_success_that_says_something_else(answer: httpx.Response) -> None:
    """A create whose 2xx is not the expected JSON may have been executed."""
    with pytest.raises(CallFailed, match=r"^20\d, an answer that can't be read") as caught:
        call(answer, lambda client: client.create_issue(b"{}"))
    assert caught.value.action is Action.SETTLE


def test_ids_that_are_numbers() -> None:
    """They are texts from here on, as cursors are."""
    assert call(envelope({"id": 5}), lambda client: client.create_issue(b"{}")).id == "5"
    page = call(envelope({"items": [{"id": 1}], "next_cursor": 2}), lambda client: client.list_activity("i"))
    assert (page.items[0].id, page.next_cursor) == ("1", "2")


@pytest.mark.parametrize("cursor", [{"after": "x"}, ["x"], True, 0.5, "x" * 70_000])
def test_cursors_that_are_none(cursor: object) -> None:
    """A page is not read, in part, whose cursor can't be asked for."""
    with pytest.raises(CallFailed, match=r"^200, an answer that can't be read \(.*\): ") as caught:
        call(envelope({"items": [], "next_cursor": cursor}), lambda client: client.list_categories())
    assert caught.value.action is Action.RETRY


def test_an_id_that_fits_into_no_address() -> None:
    """Nothing was sent, and it is no bug."""
    with pytest.raises(CallFailed, match="the address can't be used: URL too long") as caught:
        call(envelope({}), lambda client: client.get_issue("x" * 70_000))
    assert caught.value.action is Action.REFUSE


def test_issue_with_little_in_it() -> None:
    """An issue needs no more than its id: an answer that lacks the rest still says that it was made."""
    made = call(envelope({"id": "1"}, 201), lambda client: client.create_issue(b"{}"))
    assert (made.id, made.triage_id, made.org_id, made.created_at, made.description) == ("1", "", "", "", "")


def test_page() -> None:
    """A list gives its issues and the cursor of the next page."""
    seen: list[httpx.Request] = []
    data = {"items": [make_issue(1, "a"), make_issue(2, "b")], "next_cursor": "c"}
    page = call(envelope(data), lambda client: client.list_issues(search="tir0 x", limit="2"), seen)
    assert [issue.description for issue in page.items] == ["a", "b"]
    assert call(envelope({"items": None}), lambda client: client.list_issues()).items == ()
    assert page.next_cursor == "c"
    assert seen[0].url.params["search"] == "tir0 x"


ADDITIONS: dict[str, Callable[[TriageClient, bytes], Awaitable[Entry | Flagged | Related]]] = {
    "comments": lambda client, body: client.add_comment("i/1", body),
    "flags": lambda client, body: client.add_flag("i/1", body),
    "relations": lambda client, body: client.add_relation("i/1", body),
}


@pytest.mark.parametrize("what", ADDITIONS)
def test_addition(what: str) -> None:
    """A comment, a flag, a relation: the body leaves as it is, below its issue, and the answer says what was made."""
    seen: list[httpx.Request] = []
    made = call(envelope({"id": "made", "more": 1}, 201), lambda client: ADDITIONS[what](client, b'{"a": 1}'), seen)
    assert made.id == "made"
    (request,) = seen
    assert (request.method, request.read()) == ("POST", b'{"a": 1}')
    assert str(request.url) == f"https://t.example/v1/triage/issues/i%2F1/{what}"


@pytest.mark.parametrize("what", ADDITIONS)
@pytest.mark.parametrize(
    ("answer", "action"),
    [
        (httpx.Response(201, json={"data": {}, "errors": None}), Action.SETTLE),
        (httpx.Response(404, json={"errors": [{"error": "not_found", "message": "Issue not found"}]}), Action.REFUSE),
        (httpx.Response(404, text="<html>"), Action.SETTLE),
        (httpx.Response(409, json={"errors": [{"error": "call_not_attached"}]}), Action.REFUSE),
        (httpx.Response(429), Action.RETRY),
        (httpx.Response(500), Action.SETTLE),
        (httpx.ReadTimeout("late"), Action.SETTLE),
        (httpx.ConnectError("down"), Action.RETRY),
    ],
)
def test_addition_that_failed(what: str, answer: Answer, action: Action) -> None:
    """It is never repeated blindly, and an issue that is gone is no reason to stop."""
    with pytest.raises(CallFailed) as caught:
        call(answer, lambda client: ADDITIONS[what](client, b"{}"))
    assert caught.value.action is action


@pytest.mark.parametrize(
    ("work", "action"),
    [
        (lambda client: client.get_issue("1"), Action.RETRY),
        (lambda client: client.update_issue("1", b"{}"), Action.SETTLE),
        (lambda client: client.add_comment("1", b"{}"), Action.SETTLE),
        (lambda client: client.add_flag("1", b"{}"), Action.SETTLE),
        (lambda client: client.add_relation("1", b'{"related_issue_id": "3"}'), Action.SETTLE),
    ],
)
def test_the_answer_to_another_request(work: Callable[[TriageClient], Awaitable[Any]], action: Action) -> None:
    """An answer that is about another issue than the request says nothing of what became of it."""
    other = {"id": "2", "issue_id": "2", "related_issue_id": "3"}
    with pytest.raises(CallFailed) as caught:
        call(envelope(other), work)
    assert caught.value.action is action


@pytest.mark.parametrize(
    "work",
    [
        lambda client: client.list_activity("1"),
        lambda client: client.list_flags("1"),
        lambda client: client.list_resources("1"),
        lambda client: client.list_relations("1"),
    ],
)
def test_the_list_of_another_issue(work: Callable[[TriageClient], Awaitable[Any]]) -> None:
    """It is read again: what it doesn't show may be at the right one all the same."""
    other = {"id": "2", "issue_id": "2", "related_issue_id": "3", "direction": "outgoing"}
    with pytest.raises(CallFailed, match="it is about another issue") as caught:
        call(envelope({"items": [other], "next_cursor": None}), work)
    assert caught.value.action is Action.RETRY


ONE, OTHER = "00000000-0000-4000-8000-00000000001b", "00000000-0000-4000-8000-00000000002c"


@pytest.mark.parametrize("ends", [(ONE.upper(), OTHER), (OTHER.upper(), ONE.upper()), ("", "")])
def test_ends_of_a_relation(ends: tuple[str, str]) -> None:
    """An answer may name them in either order and in other letters, or not at all."""
    data = {"id": "made", "issue_id": ends[0], "related_issue_id": ends[1]}
    body = orjson.dumps({"related_issue_id": OTHER})
    made = call(envelope(data), lambda client: client.add_relation(ONE, body))
    assert made.related_issue_id in (OTHER, "")


def test_activity() -> None:
    """An entry needs no more than its id; agents' entries are among them."""
    comment = {"id": "1", "type": "comment", "detail": "d", "created_at": "2026-01-01T00:00:00.000Z", "actor": None}
    data = {"items": [comment, {"id": "2", "entry_kind": "agent", "detail": None}], "next_cursor": "2"}
    seen: list[httpx.Request] = []
    page = call(envelope(data), lambda client: client.list_activity("i", limit="2"), seen)
    assert page == ((("1", "comment", "d", "2026-01-01T00:00:00.000Z", ""), ("2", "", "", "", "")), "2")
    assert str(seen[0].url) == "https://t.example/v1/triage/issues/i/activity?limit=2"


def test_what_hangs_on_an_issue() -> None:
    """Resources, flags and relations: what tells them apart."""
    link = {"id": "1", "resource_type": "call", "resource_id": "c", "title": "A call", "status": "unavailable"}
    page = call(envelope({"items": [link], "next_cursor": None}), lambda client: client.list_resources("i"))
    assert page.items == (("1", "call", "c"),)
    flags = [{"id": "1", "call_id": "c", "type": "t", "note": "n", "message_index": 0}, {"id": "2", "note": None}]
    page = call(envelope({"items": flags}), lambda client: client.list_flags("i"))
    assert page.items == (("1", "c", "t", 0), ("2", "", "", None))
    relation = {"id": "1", "related_issue_id": "o", "relation_type": "blocks", "direction": "incoming"}
    page = call(envelope({"items": [relation]}), lambda client: client.list_relations("i"))
    assert page.items == (("1", "o", "blocks", "incoming"),)
    as_stored = relation | {"issue_id": "o", "related_issue_id": "i"}
    page = call(envelope({"items": [as_stored]}), lambda client: client.list_relations("i"))
    assert page.items == (("1", "o", "blocks", "incoming"),)


def test_organisation() -> None:
    """The organisation is read from a category."""
    data = {"items": [{"id": "built-in:bug", "org_id": "org-1", "name": "Bug"}], "next_cursor": "Bug"}
    assert call(envelope(data), lambda client: client.find_org_id()) == "org-1"


def test_no_category() -> None:
    """Without categories the organisation is not known."""
    assert call(envelope({"items": [], "next_cursor": None}), lambda client: client.find_org_id()) == ""


def test_attach_again() -> None:
    """A resource that is attached already is no failure."""
    assert call(envelope({"id": "l"}), lambda client: client.attach_resource("i", "call", "c")) is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, text=f"you sent {KEY}"),
        httpx.Response(401, json={"data": None, "errors": [{"error": "AUTH_FAILURE", "message": KEY}]}),
        httpx.ConnectError(f"cannot send {KEY}"),
    ],
)
def test_key_that_is_echoed(answer: Answer) -> None:
    """The key is in no message and no traceback, even where the target sends it back."""
    with pytest.raises(CallFailed) as caught:
        call(answer, lambda client: client.create_issue(b"{}"))
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in caught.value.message


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("nothing listens on t:1"), "no connection: nothing listens on t:1"),
        (httpx.ConnectTimeout(""), "no connection in time"),
        (httpx.ProxyError("403"), "the proxy lets nothing through: 403"),
        (httpx.ReadTimeout(""), "no answer in time"),
        (httpx.RemoteProtocolError("Server disconnected"), "the connection broke off: Server disconnected"),
        (httpx.DecodingError("too long"), "the answer can't be read: too long"),
        (httpx.UnsupportedProtocol("ftp"), "the address can't be used: ftp"),
    ],
)
def test_what_ended_a_call_is_said_in_words(error: httpx.RequestError, said: str) -> None:
    """A class's name would tell its reader nothing."""
    with pytest.raises(CallFailed) as caught:
        call(error, lambda client: client.create_issue(b"{}"))
    assert caught.value.message == said


def test_rate_limited() -> None:
    """A 429 carries what the target asks for."""
    with pytest.raises(CallFailed) as caught:
        call(httpx.Response(429, headers={"Retry-After": "7"}), lambda client: client.find_org_id())
    assert caught.value.rate_limited
    assert caught.value.retry_after == 7
