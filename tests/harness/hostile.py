"""A sandbox that misbehaves more than one for rehearsals: other faults, lag, clocks, texts that are stored differently.

KIND[=SECONDS][:WHERE][@WHEN], as `importer/sandbox/gate.py` reads it; every kind works on every write.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

import orjson
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from importer.sandbox import gate, issues, server
from importer.sandbox.activity import add_flag
from importer.sandbox.agent import listen
from importer.sandbox.body_rules import Shape
from importer.sandbox.gate import Fault, Gate, GateRequest, SandboxOptions
from importer.sandbox.issues import list_issues
from importer.sandbox.request import Answer, Call, Json
from importer.sandbox.routes import ENDPOINTS, ISSUES_PATH, Endpoint, Endpoints, build_application, error_response
from importer.sandbox.storage import Store, timestamp
from tests.harness.rewriting import rewrite
from tests.harness.sandbox_contents import all_comments, all_flags, all_issues, all_relations, all_resources

_CUT_DESCRIPTION = 100
_PAGE = "<html><body>This is not the answer that you expected.</body></html>"
_REFUSALS = {
    400: ("bad_request", "description: must be something else"),
    403: ("forbidden", "Not allowed"),
    404: ("not_found", "Issue not found"),
    409: ("conflict", "It is being changed by somebody else"),
    422: ("unprocessable", "It can't be processed"),
}
NO_ANSWER = 0
"""Counted as the status of a request that got no answer."""
EDITED_TITLE = "Edited by a person"
REFUSED_AFTER = {f"{status}-after": status for status in _REFUSALS}
"""Executes the request, then refuses it in the API's own form."""
KINDS: dict[str, float | None] = {
    "500-before": None,  # does nothing and answers 500
    "hang-before": 60.0,  # does nothing and doesn't answer, then drops the connection
    "reset-before": None,  # does nothing and resets the connection (TCP RST)
    "reset-after": None,  # executes it, then resets the connection
    "late-commit": 1.5,  # answers 500 at once and executes it later
    "not-json": None,  # executes it, then answers with an HTML page
    "slow": 0.2,  # executes it late
    "503": 1.0,  # does nothing; Retry-After is SECONDS, rounded up
    "gateway-404": None,  # does nothing and answers 404 in a gateway's JSON
    "gateway-html": None,  # does nothing and answers 404 with an HTML page
    **dict.fromkeys(REFUSED_AFTER),
    "endless": None,  # executes it; a list gets a cursor that leads back, so that its pages repeat
    "edit": 0.3,  # executes it; after a read of an issue, a person changes that issue's title later
    **gate.KINDS,
}
Result = TypeVar("Result")
_WORDS = {word for _, path, _ in ENDPOINTS for word in path.split("/") if not word.startswith("{")}
parse_fault = partial(gate.parse_fault, kinds=KINDS)


@dataclass(frozen=True)
class HostileOptions(SandboxOptions):
    """The options of a sandbox, and how it differs from one for rehearsals.

    search_lag        seconds until `search` finds a new or changed text
    read_lag          seconds until an issue, and what is added to one, is there for requests after its own
    clock_offset      seconds by which its clock is ahead, or with a minus behind
    no_zone           whether times are shown without their zone
    cut_descriptions  whether list items have only the first 100 characters of a description
    norm_everywhere   whether `@norm` in titles, descriptions and notes of flags dispatches Norm, too
    rewrite_texts     how texts are changed before they are stored, one of `rewriting.WAYS`; None keeps them
    """

    search_lag: float = 0.0
    read_lag: float = 0.0
    clock_offset: float = 0.0
    no_zone: bool = False
    cut_descriptions: bool = False
    norm_everywhere: bool = False
    rewrite_texts: str | None = None


class HostileStore(Store):
    """A database with a clock of its own, in which what is new is not there yet."""

    def __init__(self, path: Path | None, options: HostileOptions) -> None:
        super().__init__(path)
        self._offset, self._lag = options.clock_offset, options.read_lag
        # The exact body of every create, in the order of arrival, refused ones too.
        self.db.execute("CREATE TABLE IF NOT EXISTS creates (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    def now(self) -> str:
        """Return the time by its clock."""
        return self.ago(0)

    def ago(self, seconds: float) -> str:
        """Return the time that was so long ago by its clock."""
        return timestamp(datetime.now(UTC) + timedelta(seconds=self._offset - seconds))

    def is_there(self, created_at: str) -> bool:
        """Whether what was created then is visible to a request that comes now."""
        return not self._lag or created_at <= self.ago(self._lag)

    def number_or_none(self, issue_id: str) -> int | None:
        """Return the number of the issue with this id, None if there is none, or if it isn't there yet."""
        row = self.row_or_none("SELECT number, created_at FROM issues WHERE id = ?", issue_id)
        return row["number"] if row and self.is_there(row["created_at"]) else None


@dataclass(frozen=True, slots=True)
class _OddCall(Call):
    options: HostileOptions

    def fields(self, shape: Shape) -> Json:
        return rewrite(Call.fields(self, shape), self.options.rewrite_texts)


def hostile_endpoints(store: HostileStore, options: HostileOptions) -> Endpoints:
    """Return the endpoints with all that `options` change in what they store and answer."""
    texts: dict[str, str] = {}
    changed: dict[str, str] = {}
    """Id of an issue → its text, and since when it has it."""

    def after_write(endpoint: Endpoint, answer: Any) -> None:
        if endpoint is add_flag:
            issue_id, text, at = answer["issue_id"], answer["note"], answer["created_at"]
        else:
            issue_id, text, at = answer["id"], f"{answer['title']}\n{answer['description']}", answer["updated_at"]
            if texts.get(issue_id) == text:
                return
            texts[issue_id], changed[issue_id] = text, at
        if options.norm_everywhere:
            number = store.row("SELECT number FROM issues WHERE id = ?", issue_id)["number"]
            with store.writing():
                listen(store, number, at, text)

    def is_shown(call: Call, item: Json) -> bool:
        if "search" in call.query and changed.get(item["id"], "") > store.ago(options.search_lag):
            return False
        return store.is_there(item["created_at"])

    def around(endpoint: Endpoint) -> Endpoint:
        def answer_oddly(call: Call) -> Answer:
            answer = endpoint(_OddCall(call.store, call.path, call.query, call.body, options))
            data: Any = answer.data
            if endpoint in (issues.create_issue, issues.patch_issue, add_flag):
                after_write(endpoint, data)
            elif (endpoint is list_issues or "id" in call.path) and isinstance(data, dict) and "items" in data:
                data["items"] = [item for item in data["items"] if is_shown(call, item)]
            if endpoint is list_issues and options.cut_descriptions:
                for item in data["items"]:
                    if len(item["description"]) > _CUT_DESCRIPTION:
                        item["description"] = item["description"][:_CUT_DESCRIPTION] + "..."
            return answer._replace(data=_without_zone(data)) if options.no_zone else answer

        return answer_oddly

    return [(method, path, around(endpoint)) for method, path, endpoint in ENDPOINTS]


def _without_zone(data: object) -> object:
    if isinstance(data, list):
        return [_without_zone(each) for each in data]
    if not isinstance(data, dict):
        return data
    return {
        name: value.removesuffix("Z") if name.endswith("_at") and isinstance(value, str) else _without_zone(value)
        for name, value in data.items()
    }


class HostileGate(Gate):
    """A gate that knows all KINDS of faults."""

    def __init__(self, store: Store, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._store = store
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count the answer."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses[message["status"]] += 1
            await send(message)

        await super().__call__(scope, receive, counting)

    def _refuse(self, request: GateRequest) -> Response | None:
        kind = f"{request.scope['method']} {_path_kind(request.scope['path'])}"
        self.requests[kind] += 1
        if kind == f"POST {ISSUES_PATH}":
            self._store.insert("creates", body=request.body)
        return super()._refuse(request)

    async def _drop_after(self, seconds: float, request: GateRequest) -> None:
        self.statuses[NO_ANSWER] += 1
        await super()._drop_after(seconds, request)

    async def finish(self) -> None:
        """Wait for the late commits."""
        await asyncio.gather(*self._late)

    async def _misbehave(self, fault: Fault, request: GateRequest) -> None:
        if fault.kind in gate.KINDS:
            await super()._misbehave(fault, request)
        elif answer := await self._odd_answer(fault, request):
            await self._answer(request, answer)

    async def _odd_answer(self, fault: Fault, request: GateRequest) -> Response | None:
        """Carry out a fault; return what is to be answered, None if that is done."""
        wait = {"Retry-After": str(math.ceil(fault.seconds))}
        match fault.kind:
            case "500-before":
                return _internal_error()
            case "503":
                return error_response(503, "service_unavailable", "Try again later", wait)
            case "gateway-404":
                return JSONResponse({"message": "no Route matched with those values"}, 404)
            case "gateway-html":
                return HTMLResponse(_PAGE, 404)
            case "not-json":
                status = await self._carry_out_unseen(request)
                return HTMLResponse(_PAGE, 200 if status == 204 else status)
            case "late-commit":
                self._carry_out_later(fault.seconds, request)
                return _internal_error()
            case kind if kind in REFUSED_AFTER:
                await self._carry_out_unseen(request)
                return error_response(REFUSED_AFTER[kind], *_REFUSALS[REFUSED_AFTER[kind]])
            case "hang-before" | "reset-before":
                await self._drop_after(fault.seconds, request)
            case "reset-after":
                await self._carry_out_unseen(request)
                await self._drop_after(0, request)
            case "slow":
                await self._wait(fault.seconds)
                await self._carry_out(request, request.send)
            case "endless":
                await self._carry_out(request, _leading_back(request))
            case "edit":
                await self._carry_out(request, request.send)
                self._edit_later(fault.seconds, request)
        return None

    def _carry_out_later(self, seconds: float, request: GateRequest) -> None:
        async def later() -> None:
            await self._wait(seconds)
            await self._carry_out_unseen(request)

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _edit_later(self, seconds: float, request: GateRequest) -> None:
        """Let a person change the title of the issue that a request has read, if it has read one."""
        method, path = request.scope["method"], request.scope["path"]
        if method == "GET" and _path_kind(path) == f"{ISSUES_PATH}/{{id}}":
            body = orjson.dumps({"title": EDITED_TITLE})
            self._carry_out_later(seconds, request._replace(scope={**request.scope, "method": "PATCH"}, body=body))

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _path_kind(path: str) -> str:
    """Return a path with `{id}` in place of each id, for counting."""
    return "/".join(word if word in _WORDS else "{id}" for word in path.split("/"))


def _leading_back(request: GateRequest) -> Send:
    """Return a `send` whose lists never end: the first page leads into itself, each other one back to itself."""
    begun: list[Message] = []
    asked = parse_qs(request.scope["query_string"]).get(b"cursor")

    async def send_back(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.append(message)
            return
        with suppress(orjson.JSONDecodeError, TypeError, KeyError, IndexError):
            answer = orjson.loads(message["body"])
            answer["data"]["next_cursor"] = asked[0].decode() if asked else answer["data"]["items"][0]["id"]
            message = {**message, "body": orjson.dumps(answer)}
        headers = [(name, value) for name, value in begun[0]["headers"] if name != b"content-length"]
        length = (b"content-length", b"%d" % len(message["body"]))
        await request.send({**begun[0], "headers": [*headers, length]})
        await request.send(message)

    return send_back


def _internal_error() -> Response:
    return error_response(500, "internal_error", "Something went wrong")


class RunningSandbox(server.RunningSandbox):
    """A sandbox with these options that answers at `url`; its methods tell what it received, while it runs."""

    _store: Store
    _gate: HostileGate

    def _build(self, options: SandboxOptions) -> tuple[Store, HostileGate]:
        assert isinstance(options, HostileOptions)
        store = HostileStore(options.db, options)
        self.org_id = store.org_id
        application = build_application(store, hostile_endpoints(store, options))
        return store, HostileGate(store, application, options, self.seed, self._drop)

    async def _serve(self) -> None:
        await super()._serve()
        await self._gate.finish()

    def ask(self, question: Callable[[], Result]) -> Result:
        """Evaluate a question in the server's thread, where no request is half done."""

        async def answer() -> Result:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result()

    def requests(self) -> Counter[str]:
        """Count the requests by method and path, with `{id}` for each id: `GET /v1/triage/issues/{id}`."""
        return self.ask(lambda: self._gate.requests.copy())

    def statuses(self) -> Counter[int]:
        """Count the answers by status; 0 stands for a request that got none."""
        return self.ask(lambda: self._gate.statuses.copy())

    def create_bodies(self) -> list[bytes]:
        """Return the exact bodies of all creates in the database, refused ones too, in the order of arrival."""
        return self.ask(lambda: [row["body"] for row in self._store.rows("SELECT body FROM creates ORDER BY seq")])

    def issues(self) -> list[Json]:
        return self.ask(lambda: all_issues(self._store))

    def comments(self) -> list[Json]:
        return self.ask(lambda: all_comments(self._store))

    def resources(self) -> list[Json]:
        return self.ask(lambda: all_resources(self._store))

    def flags(self) -> list[Json]:
        return self.ask(lambda: all_flags(self._store))

    def relations(self) -> list[Json]:
        """Return all relations as seen from their sources."""
        return self.ask(lambda: all_relations(self._store))

    def norm_dispatches(self) -> int:
        """Count how often Norm was dispatched."""
        return self.ask(lambda: int(self._store.row("SELECT count(*) AS times FROM dispatches")["times"]))


@contextmanager
def serve_in_thread(options: HostileOptions, port: int = 0) -> Iterator[RunningSandbox]:
    """Run a sandbox with these options in a thread of its own while the block runs; port 0 takes a free one."""
    with server.serve_in_thread(options, port, RunningSandbox) as running:
        assert isinstance(running, RunningSandbox)
        yield running
