"""The sandbox as a running server."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
import warnings
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from importer.sandbox.storage import SandboxError
from tests.harness.hostile import HostileOptions, parse_fault, serve_in_thread
from tests.harness.running import WAIT_SECONDS, wait_for
from tests.harness.sandbox_inside import make_old
from tests.sandbox.conftest import BODY, ISSUES, KEY, MakeSandbox, post


def test_door_tells_what_was_seen(make_sandbox: MakeSandbox) -> None:
    """Requests by kind, answers by status, issues, exact bodies, dispatches."""
    sandbox = make_sandbox(faults=(parse_fault("503@req=3"),))
    bodies = [b'{"title": "t" ,"severity":"low","category":"c"}', b"{}", b"no json"]
    with httpx.Client(base_url=sandbox.url, headers=KEY) as client:
        for body in bodies:
            client.post(ISSUES, content=body)
        (issue,) = sandbox.issues()
        client.post(f"{ISSUES}/{issue['id']}/comments", json={"detail": "@norm"})
        client.get(f"{ISSUES}/{issue['id']}")
    assert sandbox.create_bodies() == bodies
    assert sandbox.requests() == {
        f"POST {ISSUES}": 3,
        f"POST {ISSUES}/{{id}}/comments": 1,
        f"GET {ISSUES}/{{id}}": 1,
    }
    assert sandbox.statuses() == {200: 1, 201: 2, 400: 1, 503: 1}
    assert sandbox.norm_dispatches() == 1
    assert [(comment["issue_id"], comment["detail"]) for comment in sandbox.comments()] == [(issue["id"], "@norm")]
    assert sandbox.resources() == sandbox.flags() == sandbox.relations() == []
    assert (issue["number"], issue["org_id"]) == (1001, sandbox.org_id)


def test_file_continues_with_its_issues(tmp_path: Path) -> None:
    """Started again on the same file, the numbers go on; the organisation is the same."""
    options = HostileOptions(db=tmp_path / "s.db")
    with serve_in_thread(options) as first:
        post(first)
    with serve_in_thread(options) as second:
        post(second)
        assert [issue["number"] for issue in second.issues()] == [1001, 1002]
        assert (second.org_id, len(second.create_bodies())) == (first.org_id, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_end_commits_what_is_late_and_drops_what_hangs(tmp_path: Path) -> None:
    """The end waits neither for a hang nor for a delay, and loses no late commit."""
    options = HostileOptions(
        db=tmp_path / "s.db", faults=(parse_fault("late-commit=3600@req=1"), parse_fault("hang-before@req=2"))
    )
    errors: list[BaseException] = []

    def hang() -> None:
        try:
            post(sandbox, timeout=WAIT_SECONDS)
        except httpx.TransportError as error:
            errors.append(error)

    with serve_in_thread(options) as sandbox:
        assert post(sandbox).status_code == 500
        client = threading.Thread(target=hang)
        client.start()
        while sum(sandbox.requests().values()) < 2:
            pass
    client.join(WAIT_SECONDS)
    assert [type(error) for error in errors] in ([httpx.ReadError], [httpx.RemoteProtocolError])
    with serve_in_thread(HostileOptions(db=tmp_path / "s.db")) as sandbox:
        assert len(sandbox.issues()) == 1


def test_port_in_use_is_explained() -> None:
    """A sentence says what to type instead."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(SandboxError, match=r"Port \d+ can't be used \(.*\)\. Name another one with --port\."),
        serve_in_thread(HostileOptions(), other.getsockname()[1]),
    ):
        pass


def test_runs_beside_a_loop_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A program with its own event loop can use it; no socket, loop or file stays open."""

    async def create(url: str) -> list[int]:
        async with httpx.AsyncClient(base_url=url, headers=KEY) as client:
            answers = await asyncio.gather(*(client.post(ISSUES, json=BODY) for _ in range(8)))
            return [answer.status_code for answer in answers]

    before = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with serve_in_thread(HostileOptions(db=tmp_path / "s.db")) as sandbox:
            assert asyncio.run(create(sandbox.url)) == [201] * 8
            assert sorted(issue["number"] for issue in sandbox.issues()) == list(range(1001, 1009))
        del sandbox
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    assert set(threading.enumerate()) <= before  # that of an earlier test may end meanwhile


def test_seed_is_drawn_or_given(make_sandbox: MakeSandbox) -> None:
    """A seed that is given is kept; else there is one to be printed."""
    assert make_sandbox(seed=7).seed == 7
    assert make_sandbox().seed >= 0


def test_what_is_not_there_yet() -> None:
    """With a read lag an issue is there for other requests after a while, and what hangs on it as well."""
    with (
        serve_in_thread(HostileOptions(read_lag=3600)) as sandbox,
        httpx.Client(headers=KEY, base_url=sandbox.url) as client,
    ):
        made = client.post(ISSUES, json=BODY).json()["data"]
        path = f"{ISSUES}/{made['id']}"
        assert client.get(path).json()["errors"] == [{"error": "not_found", "message": "Issue not found"}]
        assert client.get(ISSUES).json()["data"]["items"] == []
        assert client.post(f"{path}/comments", json={"detail": "x"}).status_code == 404
        assert client.patch(path, json={"title": "x"}).status_code == 404
        make_old(sandbox)
        assert client.get(path).status_code == 200
        assert len(client.get(ISSUES).json()["data"]["items"]) == 1
        assert client.post(f"{path}/comments", json={"detail": "x"}).status_code == 201
        assert len(client.get(f"{path}/activity").json()["data"]["items"]) == 1
        make_old(sandbox)
        assert len(client.get(f"{path}/activity").json()["data"]["items"]) == 2


def test_what_is_there_soon() -> None:
    """The lag has an end."""
    with serve_in_thread(HostileOptions(read_lag=0.1)) as sandbox:
        path = f"{ISSUES}/{post(sandbox).json()['data']['id']}"
        wait_for(lambda: httpx.get(sandbox.url + path, headers=KEY).status_code == 200)


@pytest.mark.parametrize("offset", [-60.0, 60.0])
def test_another_clock(offset: float) -> None:
    """Its times are by its own clock, and without a zone where that is asked for."""
    with serve_in_thread(HostileOptions(clock_offset=offset, no_zone=True)) as sandbox:
        made = httpx.post(sandbox.url + ISSUES, json=BODY, headers=KEY).json()["data"]
    assert not made["created_at"].endswith("Z")
    moment = datetime.fromisoformat(made["created_at"]).replace(tzinfo=UTC)
    assert abs((moment - datetime.now(UTC)).total_seconds() - offset) < 20


def test_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """On asyncio's own loop it answers, and resets what is to be reset, all the same."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with (
        serve_in_thread(HostileOptions(faults=(parse_fault("reset-before:create@req=1"),))) as sandbox,
        httpx.Client(base_url=sandbox.url, headers=KEY) as client,
    ):
        with pytest.raises(httpx.ReadError):
            client.post(ISSUES, json=BODY)
        assert client.post(ISSUES, json=BODY).status_code == 201
