"""The table of endpoints and the API's envelope, as a Starlette application."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from importer.sandbox import activity, agent, issues, organisation
from importer.sandbox.body_rules import Refusal
from importer.sandbox.request import Answer, Call
from importer.sandbox.storage import Store

ISSUES_PATH = "/v1/triage/issues"
Endpoint = Callable[[Call], Answer]
Endpoints = Sequence[tuple[str, str, Endpoint]]
ISSUE = f"{ISSUES_PATH}/{{id}}"

# The busiest first: Starlette tries them in this order.
ENDPOINTS: Endpoints = (
    ("POST", ISSUES_PATH, issues.create_issue),
    ("GET", ISSUES_PATH, issues.list_issues),
    ("GET", ISSUE, issues.get_issue),
    ("PATCH", ISSUE, issues.patch_issue),
    ("DELETE", ISSUE, issues.delete_issue),
    ("POST", f"{ISSUE}/comments", activity.add_comment),
    ("GET", f"{ISSUE}/activity", activity.list_activity),
    ("POST", f"{ISSUE}/resources", activity.attach_resource),
    ("GET", f"{ISSUE}/resources", activity.list_resources),
    ("POST", f"{ISSUE}/flags", activity.add_flag),
    ("GET", f"{ISSUE}/flags", activity.list_flags),
    ("POST", f"{ISSUE}/relations", activity.add_relation),
    ("GET", f"{ISSUE}/relations", activity.list_relations),
    ("DELETE", f"{ISSUE}/resources/{{resource_link_id}}", activity.remove_part),
    ("DELETE", f"{ISSUE}/flags/{{flag_id}}", activity.remove_part),
    ("DELETE", f"{ISSUE}/relations/{{relation_id}}", activity.remove_part),
    ("POST", f"{ISSUE}/agent-sessions", agent.start_session),
    ("GET", "/v1/triage/categories", organisation.list_categories),
    ("GET", "/v1/orgs/self/memberships", organisation.memberships),
    ("GET", "/v1/orgs/{org_id}/members", organisation.members),
)


def build_application(store: Store, endpoints: Endpoints = ENDPOINTS) -> Starlette:
    """Return the API without key check, rate limit and faults, which are the gate's."""
    return Starlette(
        routes=[Route(path, _handler(store, endpoint), methods=[method]) for method, path, endpoint in endpoints],
        exception_handlers={HTTPException: _no_such_path, sqlite3.OperationalError: _not_stored},
    )


def _handler(store: Store, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        call = Call(store, request.path_params, request.query_params, await request.body())
        try:
            answer = endpoint(call)
        except Refusal as refusal:
            return error_response(refusal.status, refusal.code, refusal.message)
        return Response(status_code=204) if answer.status == 204 else _envelope(answer.status, answer.data, None)

    return handle


def error_response(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error in the API's envelope."""
    return _envelope(status, None, [{"error": code, "message": message}], headers)


def _envelope(status: int, data: object, errors: object, headers: dict[str, str] | None = None) -> Response:
    body = orjson.dumps({"data": data, "errors": errors})
    return Response(body, status, headers, media_type="application/json")


async def _no_such_path(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = "not_found" if status == 404 else "method_not_allowed"
    return error_response(status, code, f"{request.method} {request.url.path} is not an endpoint")


async def _not_stored(request: Request, error: Exception) -> Response:
    # For example because the disk is full.
    return error_response(500, "internal_error", f"The sandbox's database can't be used: {error}")
