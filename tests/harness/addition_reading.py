"""An addition reader at a sandbox in this process, whose lists may hide something."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import httpx
import orjson

from importer.load.acts import fingerprint
from importer.load.addition_reader import AdditionReader
from importer.records import Act, Operation
from importer.sandbox.storage import Store
from importer.triage.client import TriageClient
from tests.harness.bench import Bench, SandboxTransport, paced, real_time, refusal

T = TypeVar("T")
ISSUE = {"title": "t", "severity": "low", "category": "Bug"}
LISTS_OF_ISSUES = ("activity", "flags", "relations")


class Watched(SandboxTransport):
    """A sandbox whose reads are counted.

    fails  the status of every answer, if it is set
    hides  says of an item of any list but that of issues whether it is left out
    leads  gives the next cursor of each page of such a list, which then shows its first page whatever it is asked for
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.fails = self.reads = 0
        self.hides: Callable[[dict[str, Any]], bool] = lambda item: False
        self.leads: Callable[[], str] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the sandbox does, or not."""
        self.reads += request.method == "GET"
        if self.fails:
            return refusal(self.fails, "not today")
        is_list = request.url.path.rpartition("/")[2] in LISTS_OF_ISSUES and request.method == "GET"
        if is_list and self.leads is not None:
            request = httpx.Request("GET", request.url.copy_remove_param("cursor"), headers=request.headers)
        answer = await super().handle_async_request(request)
        if is_list and answer.is_success:
            shown = orjson.loads(await answer.aread())
            shown["data"]["items"] = [item for item in shown["data"]["items"] if not self.hides(item)]
            if self.leads is not None:
                shown["data"]["next_cursor"] = self.leads()
            return httpx.Response(200, json=shown)
        return answer


class ReadingBench(Bench):
    """An addition reader at a sandbox in this process."""

    def __init__(self, store: Store) -> None:
        super().__init__(real_time())
        self.transport = self.triage = Watched(store)
        self.calls = paced(self.time)
        self.acknowledged: dict[Act, tuple[str, bytes]] = {}
        self.acknowledge: Callable[[Act], tuple[str, bytes] | None] = self.acknowledged.get

    def run(self, use: Callable[[TriageClient, AdditionReader], Coroutine[Any, Any, T]]) -> T:
        """Give a client and a lookback to what uses them."""
        return self.with_client(
            lambda client, _: use(
                client,
                AdditionReader(
                    client, self.calls, now=self.time.clock, acknowledged=lambda act, before: self.acknowledge(act)
                ),
            ),
        )

    def issue(self) -> str:
        """Make an issue with a call, and give its id."""

        async def make(client: TriageClient, lookback: AdditionReader) -> str:
            issue = await client.create_issue(orjson.dumps(ISSUE))
            await client.attach_resource(issue.id, "call", "c1")
            return issue.id

        return self.run(make)

    def add(self, act: Act, issue_id: str, body: object) -> None:
        self.run(lambda client, lookback: add(client, act, issue_id, body))

    def was_made(
        self,
        act: Act,
        issue_id: str,
        body: object,
        *,
        ours: int = 0,
        others: Sequence[object] = (),
        since: float | None = None,
        late: float = 0.0,
    ) -> bool:
        """Ask whether an addition was made; with `late` the target makes it so many seconds later.

        The issue has so many equal ones of ours, and these others.
        """
        begun = self.time.now if since is None else since
        operation = operation_of(act, issue_id, body)
        known = Counter({operation.whole_sha: ours})
        known.update(operation_of(act, issue_id, other).whole_sha for other in others)

        async def ask(client: TriageClient, lookback: AdditionReader) -> bool:
            async def commit() -> None:
                await self.time.sleep(late)
                await add(client, act, issue_id, body)

            committing = asyncio.create_task(commit()) if late else None
            made = await lookback.was_made(operation, own_marks=known, since=begun)
            if committing is not None:
                committing.cancel()
            return made

        return self.run(ask)


def operation_of(act: Act, issue_id: str, body: object) -> Operation:
    """An addition as it is sent."""
    raw = orjson.dumps(body)
    return Operation("s:1", "POST", "", raw, "", act=act, whole_sha=fingerprint(act, issue_id, raw), issue_id=issue_id)


async def add(client: TriageClient, act: Act, issue_id: str, body: object) -> None:
    ways: dict[Act, Callable[[str, bytes], Awaitable[object]]] = {
        Act.COMMENT: client.add_comment,
        Act.FLAG: client.add_flag,
        Act.RELATION: client.add_relation,
    }
    await ways[act](issue_id, orjson.dumps(body))
