"""A Triage in memory behind httpx.MockTransport, which misbehaves on request."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
import orjson

from importer.api import ISSUE_FIELDS
from importer.records import Operation

ORG = "9a1f7c52-0f2b-4a4e-8a63-6f0a8f2f3c77"
Fault = Literal["500-before", "500-after", "reset-after", "429", "connect", "400", "401", "404", "409", "422", "late"]

REFUSALS = ("400", "401", "404", "409", "422")


def make_issue(number: int, description: str, at: float | None = None) -> dict[str, Any]:
    """Build an issue as the API shows it."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    created = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return dict.fromkeys((*ISSUE_FIELDS, "author_id"), "x") | {
        "id": str(uuid.UUID(int=number)),
        "triage_id": f"T-{1000 + number}",
        "org_id": ORG,
        "description": description,
        "created_at": created,
        "updated_at": created,
        "resource_count": 0,
    }


def footer(number: int) -> str:
    """Write the last line of a description as an import does."""
    return f"tis{0:012x} tir{number:020x} (leave this line: it identifies the import)"


def make_operation(number: int, **more: object) -> Operation:
    """Make the create of a row."""
    marker = f"tir{number:020x}"
    body = {"title": "x", "description": f"row {number}\n{footer(number)}"} | more
    return Operation(f"k{number}", "POST", "/v1/triage/issues", orjson.dumps(body), marker)


def operations(count: int) -> list[Operation]:
    return [make_operation(number) for number in range(1, count + 1)]


def answer_bytes(number: int) -> bytes:
    """Build the raw answer to a create."""
    body = orjson.dumps({"data": make_issue(number, "x"), "errors": None})
    return b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class FakeTriage:
    """Keeps issues; `faults` gives the misbehaviour of the n-th create (from 1), `reads_fail` that of reads."""

    def __init__(self, faults: dict[int, Fault] | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.faults = faults or {}
        self.now = now
        self.issues: list[dict[str, Any]] = []
        self.late: list[dict[str, Any]] = []
        self.creates = self.reads = 0
        self.running = self.most_at_once = 0
        self.reads_fail = self.refuse_links = False
        self.cut_at: int | None = None  # where lists cut descriptions
        self.shows: Callable[[str], str] = lambda text: text[: self.cut_at]  # what lists show of a description
        self.searchable = True
        self.unlisted: set[str] = set()  # ids that only the search finds
        self.attached: list[tuple[str, str]] = []
        self.foreign: dict[int, int] = {}  # number of a create → of the issue whose ids it is answered with
        self.foreign_names: tuple[str, ...] = ("id", "triage_id")
        self.mistakes = range(0)  # the numbers of the creates that are answered with the first issue
        self.exchanged = range(0)  # the numbers of two creates at the same time that get each other's answer
        self._held: tuple[asyncio.Future[httpx.Response], httpx.Response] | None = (
            None  # the first of them, and its own
        )
        self.turns = 0  # of the event loop that a reading takes
        self.obeys = False  # whether it makes an issue all the same when it answers with 400 to 422

    @property
    def transport(self) -> httpx.MockTransport:
        """Give what stands in for the network."""
        return httpx.MockTransport(self._handle)

    def descriptions(self) -> list[str]:
        return sorted(issue["description"] for issue in self.issues)

    def commit_late(self) -> None:
        """Let the creates appear that were late."""
        self.issues, self.late = self.issues + self.late, []

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            for _ in range(self.turns):
                await asyncio.sleep(0)
            return self._read(request)
        if request.url.path.endswith("/resources"):
            return self._attach(request)
        self.creates += 1
        place, fault = self.creates, self.faults.get(self.creates)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(0)
            answer = self._create(request, fault, place)
            return await self._exchange(answer) if place in self.exchanged else answer
        finally:
            self.running -= 1

    async def _exchange(self, answer: httpx.Response) -> httpx.Response:
        if self._held is None:
            waiting: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
            self._held = waiting, answer
            return await waiting
        waiting, other = self._held
        waiting.set_result(answer)
        return other

    def _create(self, request: httpx.Request, fault: Fault | None, place: int) -> httpx.Response:
        if fault == "connect":
            raise httpx.ConnectError("refused", request=request)
        if fault == "429":
            return httpx.Response(429, headers={"Retry-After": "0"}, json={"status": "error", "message": "slow down"})
        if fault == "500-before":
            return httpx.Response(500)
        if fault in REFUSALS and not self.obeys:
            return _refuse(int(fault))
        body = orjson.loads(request.content)
        if self.refuse_links and "resource_links" in body:
            return httpx.Response(404, json={"data": None, "errors": [{"error": "not_found", "message": "Resource"}]})
        number = len(self.issues) + len(self.late) + 1
        issue = make_issue(number, body["description"], self.now())
        issue["resource_count"] = len(body.get("resource_links", ()))
        (self.late if fault == "late" else self.issues).append(issue)
        if fault == "reset-after":
            raise httpx.ReadError("reset", request=request)
        if fault in REFUSALS:
            return _refuse(int(fault))
        if fault in ("500-after", "late"):
            return httpx.Response(500)
        shown, first = issue, self.issues[0]
        if place in self.mistakes:
            shown = first
        elif place in self.foreign:
            other = make_issue(self.foreign[place], "")
            shown = issue | {name: other[name] for name in self.foreign_names}
        return httpx.Response(201, json={"data": shown, "errors": None})

    def _attach(self, request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        if body["resource_id"].startswith("missing"):
            return httpx.Response(404, json={"data": None, "errors": [{"error": "not_found", "message": "no such"}]})
        self.attached.append((request.url.path.split("/")[-2], body["resource_id"]))
        return httpx.Response(201, json={"data": {"id": "link"}, "errors": None})

    def _read(self, request: httpx.Request) -> httpx.Response:
        self.reads += 1
        if self.reads_fail:
            return httpx.Response(400, text="no reading today")
        last = request.url.path.rsplit("/", 1)[1]
        if last != "issues":
            found = [issue for issue in self.issues if issue["id"] == last]
            return httpx.Response(200, json={"data": found[0], "errors": None}) if found else _refuse(404)
        word = request.url.params.get("search", "")
        found = [issue for issue in reversed(self.issues) if word in issue["description"]]
        found = [issue for issue in found if word or issue["id"] not in self.unlisted]
        start, limit = int(request.url.params.get("cursor", 0)), int(request.url.params["limit"])
        page = [] if word and not self.searchable else found[start : start + limit]
        page = [issue | {"description": self.shows(issue["description"])} for issue in page]
        cursor = str(start + limit) if start + limit < len(found) else None
        return httpx.Response(200, json={"data": {"items": page, "next_cursor": cursor}, "errors": None})


def _refuse(status: int) -> httpx.Response:
    return httpx.Response(status, json={"data": None, "errors": [{"error": "no", "message": "because"}]})
