"""What the state machine works with: a door before the target, a ledger that is lost or restored, people who edit.

A crash is exact without a process: at the fatal request the ledger's files are copied, as SIGKILL would leave them, and
from then on the door refuses everything, so that nothing more reaches the target; the copy is put back afterwards.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx

CRASHES = ("crash-before", "crash-after")
ANY = ("500-before", "500-after", "reset-before", "reset-after", "429", *CRASHES)
KINDS = (*ANY, "late-commit", "edit")
READ_ONLY = ("GET", "POST")
REFUSAL = b'{"data": null, "errors": [{"error": "AUTH_FAILURE", "message": "Unauthorized"}]}'


class Trouble(NamedTuple):
    """What goes wrong with the `request`th request of a command, or of those that write.

    `500-before` and `reset-before` do nothing, `-after` do it; `late-commit` answers 500 and does it before the next
    request; `edit` lets a person in, where no change of ours is on its way; the crashes end everything.
    """

    kind: str
    request: int
    writes: bool


@dataclass
class _Plan:
    """What a command is to meet, and how far it has come."""

    trouble: Trouble | None = None
    passed: int = 0
    late: Callable[[], object] | None = None
    struck: bool = False


class Door:
    """Passes requests on to a target, and lets one of a command's requests go wrong. It answers at `url`."""

    def __init__(self, target: str) -> None:
        self._target = httpx.Client(base_url=target, timeout=None)
        self._lock = threading.RLock()
        self._plan = _Plan()
        self._crash: Callable[[], object] = lambda: None
        self._edit: Callable[[], object] = lambda: None
        self.url = ""
        self.headers: dict[str, str] = {"Retry-After": "0"}  # of every answer

    @contextmanager
    def troubled(
        self, trouble: Trouble | None, *, crash: Callable[[], object], edit: Callable[[], object]
    ) -> Iterator[Callable[[], bool]]:
        """Let a command meet trouble; gives what says whether it has met it."""
        with self._lock:
            plan = self._plan = _Plan(trouble)
            self._crash, self._edit = crash, edit
        yield lambda: plan.struck
        with self._lock:
            self._carry_out_late()
            self._plan = _Plan()

    def close(self) -> None:
        self._target.close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer a request, one at a time; None is a reset."""

        def carry_out() -> tuple[int, bytes]:
            done = self._target.request(method, path, headers=headers, content=body)
            return done.status_code, done.content

        with self._lock:
            plan = self._plan
            self._carry_out_late()
            if plan.struck and plan.trouble is not None and plan.trouble.kind in CRASHES:
                return 401, REFUSAL
            kind = self._meet(method)
            match kind:
                case "edit":
                    self._edit()
                    return carry_out()
                case "late-commit":
                    plan.late = carry_out
                    return 500, b""
                case "crash-before":
                    self._crash()
                    return 401, REFUSAL
                case "429":
                    return 429, b""
                case "500-before":
                    return 500, b""
                case "reset-before":
                    return None
            answer = carry_out()
            if kind == "crash-after":
                self._crash()
                return 401, REFUSAL
            return {"500-after": (500, b""), "reset-after": None}.get(kind, answer)

    def _meet(self, method: str) -> str:
        """Count a request, and say which kind of trouble it meets."""
        plan, trouble = self._plan, self._plan.trouble
        if trouble is None or plan.struck or (trouble.writes and method == "GET"):
            return ""
        if trouble.kind == "edit" and method not in READ_ONLY:
            return ""  # between our look and our change nobody can be seen
        plan.passed += 1
        plan.struck = plan.passed == trouble.request
        return trouble.kind if plan.struck else ""

    def _carry_out_late(self) -> None:
        late, self._plan.late = self._plan.late, None
        if late is not None:
            late()


@contextmanager
def serve_door(door: Door) -> Iterator[None]:
    """Let a door answer at its `url`, on a real socket."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = door.answer(self.command, self.path, headers, body)
            if answer is None:
                self.close_connection = True
                return
            status, content = answer
            self.send_response(status)
            for name, value in door.headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    for method in ("POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.do_GET)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that was killed is no error
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    door.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        door.close()


@dataclass
class LedgerFiles:
    """A ledger as files: what a person or a crash may do to it. Copies are numbered folders beside it."""

    path: Path
    copies: list[Path] = field(default_factory=list)

    def copy(self) -> Path:
        """Copy the files as they are at this moment."""
        folder = self.path.parent / f"copy-{len(self.copies)}"
        folder.mkdir()
        for name in self._names():
            if (self.path.parent / name).exists():
                shutil.copy(self.path.parent / name, folder / name)
        self.copies.append(folder)
        return folder

    def put_back(self, folder: Path, *, side_file: bool, wal_share: float = 1.0) -> None:
        """Replace the ledger by a copy, of whose journal only a share is left; the side file may stay as it is."""
        self.lose(side_file=side_file)
        for copied in folder.iterdir():
            if side_file or not copied.name.endswith(".generation"):
                shutil.copy(copied, self.path.parent / copied.name)
        wal = self.path.with_name(f"{self.path.name}-wal")
        if wal.exists():
            with wal.open("r+b") as file:
                file.truncate(int(wal.stat().st_size * wal_share))

    def lose(self, *, side_file: bool) -> None:
        """Delete the files, with or without the side file."""
        for name in (*self._names(), f"{self.path.name}-shm"):
            if side_file or not name.endswith(".generation"):
                (self.path.parent / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        return [f"{self.path.name}{end}" for end in ("", "-wal", ".generation")]


class People:
    """People at work in the target, and what they have done there.

    edits    issue and field → what was written there; no row ever says the same
    touched  issues that somebody has had a hand in
    removed  issues that are gone
    """

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/v1/triage/issues", headers={"Authorization": "person"})
        self._count = 0
        self.edits: dict[tuple[str, str], str] = {}
        self.touched: set[str] = set()
        self.removed: set[str] = set()
        self.wrote: set[tuple[str, str, str]] = set()

    def close(self) -> None:
        """Close their connections."""
        self._client.close()

    def edit(self, issue: Mapping[str, Any], field: str) -> None:
        """Write something new into a field; a description keeps its footer."""
        self._count += 1
        number = self._count
        value = {
            "title": f"People's title {number}",
            "description": f"People's text {number}. {issue['description']}",
            "severity": ("medium", "low")[number % 2],
            "status": ("backlog", "in_progress", "in_review")[number % 3],
            "category": f"People's {number}",
            "owner_id": f"person-{number}",
            "assignee_id": f"person-{number}",
        }[field]
        assert self._client.patch(f"/{issue['id']}", json={field: value}).is_success
        self.edits[issue["id"], field] = value
        self.wrote.add((issue["id"], field, value))
        self.touched.add(issue["id"])

    def comment(self, issue: Mapping[str, Any]) -> None:
        assert self._client.post(f"/{issue['id']}/comments", json={"detail": REMARK}).is_success
        self.touched.add(issue["id"])

    def delete(self, issue: Mapping[str, Any]) -> None:
        assert self._client.delete(f"/{issue['id']}").is_success
        self.miss(issue["id"])

    def miss(self, issue_id: str) -> None:
        """An issue is gone, and what was written there with it."""
        self.removed.add(issue_id)
        self.edits = {place: value for place, value in self.edits.items() if place[0] != issue_id}


@dataclass
class SourceRow:
    """A row of the source: its title and text carry its version, so that they say who wrote them.

    It names the row before it, in its text and as one that it blocks. Every comment is another.
    """

    number: int
    version: int = 1
    comments: int = 1
    urgent: bool = False
    done: bool = False
    kind: str = "Bug"
    repeated: bool = False
    is_bad: bool = False

    @property
    def key(self) -> str:
        return f"demo:P-{self.number}"

    @property
    def text(self) -> str:
        """Its description without a footer, and without numbers of other issues."""
        return f"Text {self.number} version {self.version}, after P-{self.number - 1}"

    @property
    def said(self) -> list[str]:
        """Its comments, without numbers of other issues."""
        return [f"Comment {count} on P-{self.number} and P-1" for count in range(1, self.comments + 1)]

    def cells(self) -> tuple[str, ...]:
        """The cells of `HEADER`."""
        priority = "No such priority" if self.is_bad else "Urgent" if self.urgent else "High"
        title = f"Title {self.number} version {self.version}"
        issue = (f"P-{self.number}", title, priority, "Done" if self.done else "Open", self.kind, self.text)
        return (*issue, f"P-{self.number - 1}", "|".join(self.said))

    def values(self) -> dict[str, str]:
        """The fields of its issue, the description aside."""
        return {
            "title": self.cells()[1],
            "severity": "critical" if self.urgent else "high",
            "status": "done" if self.done else "todo",
            "category": self.kind,
        }


NUMBER = re.compile(r" \(T-\d+\)")
"""What stands behind the name of another issue once that is known."""
REMARK = "I know more."
"""What people say."""
FIELDS = ("title", "description", "severity", "status", "category", "owner_id", "assignee_id")
HEADER = ("Key", "Title", "Priority", "State", "Type", "Text", "Blocks", "Comments")
MAPPING = """\
input: {name: demo, key: Key}
title: Title
description: Text
severity: {column: Priority, values: {High: high, Urgent: critical}}
status: {column: State, values: {Open: todo, Done: done}}
category: {column: Type, keep_unknown: true}
comments: {from: [{column: Comments, parse: '(?P<text>[^|]+)(?:[|]|$)'}]}
relations: [{column: Blocks, type: blocks}]
references: [{pattern: 'P-[0-9]+'}]
"""
CORRECTED = "extends: demo.yaml\nseverity: {values: {High: critical, Urgent: high}}\n"
"""A mapping that makes the severity of every row another one."""
