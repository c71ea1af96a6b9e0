"""Issues of a source at a sandbox in this process, to which their rest is added."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from importer.ledger.journal import Decision
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.load.addition_log import AdditionLog
from importer.load.additions import DAY, AdditionLoader
from importer.load.driver import RunConnection
from importer.load.queue import QueueItem
from importer.load.workers import FailureCap
from importer.mapping.issue_parts import Bundling, Reference
from importer.records import Act, Comment, Flag, IssueParts, Operation, Outcome
from importer.sandbox.storage import Store
from importer.transform.references import References
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls
from tests.harness.bench import TARGET, Bench, SandboxTransport, opened, real_time, refusal
from tests.harness.sandbox_contents import all_comments, all_issues
from tests.harness.unmarked import unmarked
from tests.harness.virtual_time import VirtualTime

HEADERS = {"Authorization": "person"}


CALL = ("call", "c1")


FLAG = Flag("c1", "wrong tone", "at 0:42", 3)


class Faulty(SandboxTransport):
    """A sandbox that misbehaves, but not to people.

    faults  number of an addition's request, from 1 → what becomes of it: `after` and `before` answer 500, `lost` never
            arrives, `stale` is answered as the one before and not carried out, a number is a status, as `made-404` of
            what is made all the same
    fails   the status of every look, if it is set
    sent    requests by method and what they are about: `POST comments`
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.faults: dict[int, str | int] = {}
        self.fails = self.stop_at = self.passed = 0
        self.sent = Counter[str]()
        self.answered = b""  # the last addition
        self.interrupt: Callable[[], None]  # ends the follow under way

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the sandbox does, or not."""
        if request.headers["Authorization"] == HEADERS["Authorization"]:
            return await super().handle_async_request(request)
        *_, above, last = request.url.path.split("/")
        self.sent[f"{request.method} {'issue' if above == 'issues' else last}"] += 1
        if request.method == "GET":
            return refusal(self.fails) if self.fails else await super().handle_async_request(request)
        self.passed += 1
        if self.passed == self.stop_at:
            self.interrupt()
        fault = self.faults.get(self.passed)
        if fault == "lost":
            raise httpx.ConnectError("refused", request=request)
        if isinstance(fault, int):
            return refusal(fault)
        if fault == "stale":
            return httpx.Response(201, content=self.answered)
        answer = None if fault == "before" else await super().handle_async_request(request)
        self.answered = await answer.aread() if answer else self.answered
        if isinstance(fault, str) and fault.startswith("made-"):
            return refusal(int(fault.removeprefix("made-")))
        return refusal(500) if fault or answer is None else answer


class Following(Bench):
    """Issues of a source at a sandbox in this process, and a ledger that knows them; several follows are several runs.

    It misbehaves as `triage` is told.
    """

    source = "demo"

    def __init__(self, ledger: Ledger, store: Store, time_: VirtualTime) -> None:
        super().__init__(time_, ledger)
        self.store = store
        self.transport = self.triage = Faulty(store)
        self.issues: dict[str, str] = {}
        self.seen: list[Outcome] = []
        self.unsure = False

    def person(self, method: str, path: str, *bodies: object) -> list[Any]:
        """Let a person do something at the target, once for each body; gives what it answers."""

        async def act() -> list[Any]:
            async with httpx.AsyncClient(transport=self.transport, headers=HEADERS) as one:
                url = f"{TARGET}/v1/triage/issues{path}"
                answers = [await one.request(method, url, json=body) for body in bodies or (None,)]
            assert all(answer.is_success for answer in answers)
            return [answer.json()["data"] for answer in answers if answer.content]

        return self.time.run(act())

    def create(self, *keys: str, description: str = "") -> None:
        """Make the issues of these keys, as phase 1 does."""
        plain = {"severity": "low", "category": "Bug", "description": description}
        made = self.person("POST", "", *(plain | {"title": key} for key in keys))
        self.issues |= {key: issue["id"] for key, issue in zip(keys, made, strict=True)}
        self.begin().decide(
            [
                Decision(issue["title"], State.DONE, 1, 0.0, issue["id"], issue["triage_id"], returned=b"{}")
                for issue in made
            ],
            [Operation(key, "POST", "", sha_source(description), "") for key in keys],
        )

    def follow(self, *items: QueueItem, max_errors: int | None = None, wait_days: float = 7) -> PacedCalls:
        """Add what belongs to issues."""
        clock = self.time.clock
        self.triage.passed, self.seen = 0, []
        self.triage.sent.clear()

        async def follow(client: TriageClient, calls: PacedCalls) -> PacedCalls:
            run = self.begin()
            self.triage.interrupt = calls.interrupt
            cap = FailureCap(max_errors, "rows and additions")
            connection = RunConnection(client, run, calls, settle_seconds=2, concurrency=1, cap=cap, now=clock)
            references = References([Reference(pattern=r"P-\d+")], "demo")
            log = AdditionLog(run, cap)
            sender = AdditionLoader(connection, references, log, wait_seconds=wait_days * DAY)
            try:
                await sender.add_all(iter(items))
            finally:
                self.seen = list(log.outcomes.elements())
                self.unsure = run.additions.count_undecided() > 0
            return calls

        return self.with_client(follow)

    def crash_after_intent(self, operation: Operation, details: bytes) -> None:
        """Leave an attempt's intent behind, and no more."""
        run = self.begin()

        async def crash() -> None:
            async with run.sending(1):
                await run.intend(operation, details)

        asyncio.run(crash())

    def comments(self, key: str) -> list[str]:
        """The comments of an issue, in order, without their markers."""
        return [unmarked(detail) for detail in self.details(key)]

    def details(self, key: str) -> list[str]:
        """The comments of an issue as they are, in order."""
        here = (comment for comment in all_comments(self.store) if comment["issue_id"] == self.issues[key])
        return [comment["detail"] for comment in here]

    def description(self, key: str) -> str:
        (issue,) = [issue for issue in all_issues(self.store) if issue["id"] == self.issues[key]]
        return str(issue["description"])

    def states(self, key: str) -> Counter[tuple[Act, State, str]]:
        """What the ledger says became of an issue's additions."""
        return Counter((each.act, each.state, each.code) for each in self.begin().additions.of([key]).get(key, ()))


@contextmanager
def two_issues(folder: Path) -> Iterator[Following]:
    """Give a ledger in a folder and a target with the issues demo:P-1 and demo:P-2."""
    time_, store = real_time(), Store(None)
    with opened(folder, time_) as ledger:
        made = Following(ledger, store, time_)
        made.create("demo:P-1", "demo:P-2")
        yield made
    store.close()


def sha_source(description: str) -> bytes:
    """The body of a create, as far as anybody asks here."""
    return description.encode()


def said(*texts: str) -> IssueParts:
    """What has these comments; each has an id of its own."""
    return IssueParts(comments=tuple(Comment(f"{number:016x}", "", "", text) for number, text in enumerate(texts)))


def item(key: str, parts: IssueParts, description: str = "", bundling: Bundling = "separate") -> QueueItem:
    """What is to be added to an issue of which nothing else is to be done."""
    sha = hashlib.sha256(sha_source(description)).digest()
    return QueueItem(key, parts, bundling, description, sha, is_all=True)
