"""A Triage with one issue, which misbehaves on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson

from tests.harness.fake_triage import make_issue

ROW = {"title": "old", "severity": "low", "description": "text"}


class OneIssue:
    """A Triage with one issue. `faults` are the answers to the next writes, `reads` to the next looks; "" is none.

    A write that ends in `-after` is executed.
    """

    def __init__(self) -> None:
        self.issue = make_issue(1, "text", 1000.0) | ROW | {"owner_id": None, "assignee_id": None}
        self.exists = True
        self.faults: list[str] = []
        self.reads: list[str] = []
        self.patches: list[dict[str, Any]] = []
        self.watch: Callable[[], object] = lambda: None  # is called when a write arrives

    @property
    def transport(self) -> httpx.MockTransport:
        """Give what stands in for the network."""
        return httpx.MockTransport(self._handle)

    def change(self, **fields: Any) -> None:
        self.issue |= fields | {"updated_at": "2030-01-01T00:00:00.000Z"}

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            fault = self.reads.pop(0) if self.reads else ""
        else:
            self.watch()
            self.patches.append(orjson.loads(request.content))
            fault = self.faults.pop(0) if self.faults else ""
            if fault.endswith("-after") or not fault:
                self.change(**self.patches[-1])
        if fault.startswith("reset"):
            raise httpx.ReadError("reset", request=request)
        if fault == "connect":
            raise httpx.ConnectError("refused", request=request)
        if fault:
            return httpx.Response(int(fault[:3]), json={"errors": [{"error": "no", "message": "because"}]})
        if not self.exists:
            return httpx.Response(404, json={"errors": [{"error": "not_found", "message": "Issue not found"}]})
        return httpx.Response(200, json={"data": self.issue, "errors": None})
