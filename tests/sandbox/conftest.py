"""The sandbox's API in the process, without sockets, and on a real port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from importer.sandbox.routes import build_application
from importer.sandbox.storage import Store
from tests.harness.hostile import HostileOptions, HostileStore, RunningSandbox, hostile_endpoints, serve_in_thread

ISSUES = "/v1/triage/issues"
KEY = {"Authorization": "any key"}
Json = dict[str, Any]


class InProcess(httpx.BaseTransport):
    """Hands requests to an ASGI application and waits for its answer."""

    def __init__(self, application: Any) -> None:
        self._transport = httpx.ASGITransport(application)
        self._runner = asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._runner.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def close(self) -> None:
        self._runner.close()


class Api:
    """A client of a sandbox, with shortcuts."""

    def __init__(self, client: httpx.Client, store: Store) -> None:
        self.client = client
        self.store = store

    def send(self, method: str, path: str, body: object = None, /, **query: Any) -> httpx.Response:
        content: Json = {} if body is None else {"json": body}
        return self.client.request(method, path, params=query, **content)

    def data(self, method: str, path: str, body: object = None, /, *, expect: int = 200, **query: Any) -> Any:
        """Send one request and return the data of its answer, which has this status."""
        answer = self.send(method, path, body, **query)
        assert answer.status_code == expect, answer.text
        envelope = answer.json()
        assert envelope["errors"] is None
        return envelope["data"]

    def error(self, method: str, path: str, body: object = None, /, **query: Any) -> tuple[int, str, str]:
        """Send one request that is refused; return status, code and message."""
        answer = self.send(method, path, body, **query)
        envelope = answer.json()
        assert envelope["data"] is None
        (error,) = envelope["errors"]
        return answer.status_code, error["error"], error["message"]

    def create(self, **fields: Any) -> Json:
        """Create an issue; what isn't said has a default."""
        body = {"title": "A title", "severity": "high", "category": "Bug"} | fields
        created: Json = self.data("POST", ISSUES, body, expect=201)
        return created

    def path(self, rest: str = "", **fields: Any) -> str:
        return f"{ISSUES}/{self.create(**fields)['id']}{rest}"

    def titles(self, **query: Any) -> list[str]:
        return [issue["title"] for issue in self.data("GET", ISSUES, **query)["items"]]


MakeApi = Callable[..., Api]
MakeSandbox = Callable[..., RunningSandbox]


@pytest.fixture
def make_api() -> Iterator[MakeApi]:
    """Return a function that opens an API in memory with the options that it is given."""
    with ExitStack() as stack:

        def make(**options: Any) -> Api:
            wanted = HostileOptions(**options)
            store = HostileStore(None, wanted)
            stack.callback(store.close)
            transport = InProcess(build_application(store, hostile_endpoints(store, wanted)))
            client = stack.enter_context(httpx.Client(transport=transport, base_url="http://sandbox"))
            return Api(client, store)

        yield make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api()


@pytest.fixture
def make_sandbox() -> Iterator[MakeSandbox]:
    """Return a function that starts a sandbox on a free port with the options that it is given."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(serve_in_thread(HostileOptions(**options)))


BODY: Json = {"title": "A title", "severity": "high", "category": "Bug"}


def post(sandbox: RunningSandbox, body: Json | None = None, timeout: float = 60) -> httpx.Response:
    """Create an issue over a connection of its own."""
    return httpx.post(sandbox.url + ISSUES, json=body or BODY, headers=KEY, timeout=timeout)
