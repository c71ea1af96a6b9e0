"""What stands before the API, over real sockets: key, rate, faults."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.harness.hostile import EDITED_TITLE, NO_ANSWER, RunningSandbox, parse_fault
from tests.harness.running import WAIT_SECONDS, wait_for
from tests.harness.sandbox_inside import end_waits
from tests.sandbox.conftest import BODY, ISSUES, KEY, MakeSandbox, post


@pytest.mark.parametrize(
    ("api_key", "sent", "status"),
    [
        (None, "anything", 200),
        (None, "", 401),
        (None, None, 401),
        ("secret", "secret", 200),
        ("secret", "Bearer secret", 200),
        ("secret", "other", 401),
    ],
)
def test_key(make_sandbox: MakeSandbox, api_key: str | None, sent: str | None, status: int) -> None:
    """Any key will do unless one is asked for; `Bearer` in front is allowed."""
    headers = {} if sent is None else {"Authorization": sent}
    answer = httpx.get(make_sandbox(api_key=api_key).url + "/v1/triage/categories", headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == {"data": None, "errors": [{"error": "AUTH_FAILURE", "message": "Unauthorized"}]}


def test_rate_limit_answers_429_with_retry_after(make_sandbox: MakeSandbox) -> None:
    """Above the rate nothing is done and the wait is named."""
    sandbox = make_sandbox(rate_limit=0.01)
    assert post(sandbox).status_code == 201
    refused = post(sandbox)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "100")
    assert refused.json()["errors"][0]["error"] == "Rate Limit Exceeded"
    assert len(sandbox.issues()) == 1


def faulty(make_sandbox: MakeSandbox, *specs: str) -> RunningSandbox:
    return make_sandbox(faults=tuple(map(parse_fault, specs)))


@pytest.mark.parametrize(
    ("spec", "status", "issues"),
    [("500-before", 500, 0), ("500-after", 500, 1), ("slow=0.1", 201, 1), ("not-json", 201, 1)],
)
def test_faults_that_answer(make_sandbox: MakeSandbox, spec: str, status: int, issues: int) -> None:
    """The answer, and whether the issue is there."""
    sandbox = faulty(make_sandbox, spec)
    answer = post(sandbox)
    assert (answer.status_code, len(sandbox.issues())) == (status, issues)
    assert ("html" in answer.headers["content-type"]) == (spec == "not-json")


@pytest.mark.parametrize(("spec", "status"), [("429=2.5", 429), ("503=3", 503)])
def test_faults_that_ask_to_wait(make_sandbox: MakeSandbox, spec: str, status: int) -> None:
    """Nothing is done, and the wait is in whole seconds."""
    sandbox = faulty(make_sandbox, spec)
    answer = post(sandbox)
    assert (answer.status_code, answer.headers["retry-after"], sandbox.issues()) == (status, "3", [])


def connect(sandbox: RunningSandbox) -> socket.socket:
    """Open a connection and send a create."""
    address = urlsplit(sandbox.url)
    body = b'{"title":"t","severity":"low","category":"c"}'
    head = f"POST {ISSUES} HTTP/1.1\r\nHost: x\r\nAuthorization: k\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    connection = socket.create_connection((address.hostname, address.port), timeout=WAIT_SECONDS)
    connection.sendall(head + body)
    return connection


@pytest.mark.parametrize(("spec", "issues"), [("hang-before", 0), ("hang-after", 1)])
def test_hang_lasts_until_the_client_goes(make_sandbox: MakeSandbox, spec: str, issues: int) -> None:
    """The client gets no answer as long as it stays."""
    sandbox = faulty(make_sandbox, spec)
    with connect(sandbox) as connection:
        wait_for(lambda: sandbox.statuses() == {NO_ANSWER: 1})
        assert len(sandbox.issues()) == issues
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert (len(sandbox.issues()), sandbox.statuses()) == (issues, {NO_ANSWER: 1})


def test_hang_is_bounded(make_sandbox: MakeSandbox) -> None:
    """After its seconds the connection is dropped."""
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        post(faulty(make_sandbox, "hang-before=0.1"))


@pytest.mark.parametrize(("spec", "issues"), [("reset-before", 0), ("reset-after", 1)])
def test_reset_is_a_real_one(make_sandbox: MakeSandbox, spec: str, issues: int) -> None:
    """The socket sees ECONNRESET, not an end of file."""
    sandbox = faulty(make_sandbox, spec)
    with connect(sandbox) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)
    assert (len(sandbox.issues()), sandbox.statuses()) == (issues, {NO_ANSWER: 1})


def test_late_commit_comes_after_its_answer(make_sandbox: MakeSandbox) -> None:
    """The issue is there some time after the 500."""
    sandbox = faulty(make_sandbox, "late-commit=3600")
    assert post(sandbox).status_code == 500
    assert sandbox.issues() == []
    end_waits(sandbox)
    wait_for(lambda: len(sandbox.issues()) == 1)


def test_late_commit_comes_by_itself(make_sandbox: MakeSandbox) -> None:
    """It comes when its seconds have passed."""
    sandbox = faulty(make_sandbox, "late-commit=0.1")
    assert post(sandbox).status_code == 500
    wait_for(lambda: len(sandbox.issues()) == 1)


ADDITIONS: dict[str, object] = {
    "comment": {"detail": "x"},
    "resource": {"resource_type": "call", "resource_id": "c2"},
    "flag": {"call_id": "c", "type": "x"},
}


@pytest.mark.parametrize("what", [*ADDITIONS, "relation"])
@pytest.mark.parametrize(
    ("kind", "at_once", "later"),
    [("500-before", 0, 0), ("500-after", 1, 1), ("reset-after", 1, 1), ("not-json", 1, 1), ("late-commit=3600", 0, 1)],
)
def test_faults_of_additions(make_sandbox: MakeSandbox, what: str, kind: str, at_once: int, later: int) -> None:
    """Each fault works on each addition as it does on creates; all others are left alone."""
    sandbox = faulty(make_sandbox, f"{kind}:{what}@req=1")
    with_call = BODY | {"resource_links": [{"resource_type": "call", "resource_id": "c"}]}
    issues = [post(sandbox, with_call).json()["data"]["id"] for _ in range(2)]
    relation = {"relation_type": "blocks", "related_issue_id": issues[1]}
    with httpx.Client(base_url=sandbox.url + f"{ISSUES}/{issues[0]}", headers=KEY) as client:
        before = len(getattr(sandbox, f"{what}s")())
        with suppress(httpx.TransportError):
            client.post(f"/{what}s", json=ADDITIONS.get(what, relation))
    assert len(getattr(sandbox, f"{what}s")()) == before + at_once
    end_waits(sandbox)
    wait_for(lambda: len(getattr(sandbox, f"{what}s")()) >= before + later)


def test_fault_strikes_what_it_names(make_sandbox: MakeSandbox) -> None:
    """The second create goes wrong; reads and the third are fine."""
    sandbox = faulty(make_sandbox, "503:create@req=2")
    statuses = []
    with httpx.Client(base_url=sandbox.url, headers=KEY) as client:
        for _ in range(3):
            statuses += [client.post(ISSUES, json=BODY).status_code, client.get(ISSUES).status_code]
    assert statuses == [201, 200, 503, 200, 201, 200]
    assert sandbox.statuses() == {200: 3, 201: 2, 503: 1}


@pytest.mark.parametrize("spec", ["gateway-404", "gateway-html"])
def test_a_gateway_answers(make_sandbox: MakeSandbox, spec: str) -> None:
    """Nothing is done, and the answer is not in the API's own form."""
    sandbox = faulty(make_sandbox, f"{spec}:all")
    answer = post(sandbox)
    assert (answer.status_code, sandbox.issues()) == (404, [])
    assert "errors" not in answer.text
    assert httpx.get(sandbox.url + ISSUES, headers=KEY).status_code == 404


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_refused_after_it_was_done(make_sandbox: MakeSandbox, status: int) -> None:
    """The issue is there, though the answer says no in the API's own form."""
    sandbox = faulty(make_sandbox, f"{status}-after:create")
    answer = post(sandbox)
    assert (answer.status_code, len(sandbox.issues())) == (status, 1)
    assert answer.json()["errors"][0]["error"]


def test_a_person_edits_what_was_read(make_sandbox: MakeSandbox) -> None:
    """The reader gets the title as it was; a moment later it is another one. A list is no reading of an issue."""
    sandbox = faulty(make_sandbox, "edit=0.05:read")
    issue = post(sandbox).json()["data"]
    assert httpx.get(sandbox.url + ISSUES, headers=KEY).status_code == 200
    shown = httpx.get(f"{sandbox.url}{ISSUES}/{issue['id']}", headers=KEY).json()["data"]
    assert shown["title"] == issue["title"]
    wait_for(lambda: sandbox.issues()[0]["title"] == EDITED_TITLE)


def test_pages_that_come_again(make_sandbox: MakeSandbox) -> None:
    """A list leads back to where it was; what is no list is as ever."""
    sandbox = faulty(make_sandbox, "endless:all")
    ids = [post(sandbox).json()["data"]["id"] for _ in range(3)]
    assert httpx.get(f"{sandbox.url}{ISSUES}/{ids[0]}", headers=KEY).json()["data"]["id"] == ids[0]
    asked = {"limit": "2", "sort": "created_at"}
    for places in ((2, 1), (1, 0), (1, 0)):
        shown = httpx.get(sandbox.url + ISSUES, headers=KEY, params=asked).json()["data"]
        assert [issue["id"] for issue in shown["items"]] == [ids[place] for place in places]
        asked["cursor"] = shown["next_cursor"]
