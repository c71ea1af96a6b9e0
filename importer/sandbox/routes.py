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

from importer.sandbox import agent as norm
from importer.sandbox import flags, issues, organisation, resources, timeline
from importer.sandbox import issue_list as listing
from importer.sandbox import issue_relations as relations
from importer.sandbox.faults import ISSUES_PATH
from importer.sandbox.refusals import Refusal
from importer.sandbox.request import Answer, Call
from importer.sandbox.storage import Store

Endpoint = Callable[[Call], Answer]
Endpoints = Sequence[tuple[str, str, Endpoint]]
ISSUE = f"{ISSUES_PATH}/{{id}}"

# The busiest first: Starlette tries them in this order.
ENDPOINTS: Endpoints = (
    ("POST", ISSUES_PATH, issues.create_issue),
    ("GET", ISSUES_PATH, listing.list_issues),
    ("GET", ISSUE, issues.get_issue),
    ("PATCH", ISSUE, issues.patch_issue),
    ("DELETE", ISSUE, issues.delete_issue),
    ("POST", f"{ISSUE}/comments", timeline.add_comment),
    ("GET", f"{ISSUE}/activity", timeline.list_activity),
    ("PUT", f"{ISSUE}/view", issues.view_issue),
    ("POST", f"{ISSUE}/resources", resources.attach_resource),
    ("GET", f"{ISSUE}/resources", resources.list_resources),
    ("DELETE", f"{ISSUE}/resources/{{resource_link_id}}", resources.remove_resource),
    ("PUT", f"{ISSUE}/calls/{{call_id}}", issues.attach_call),
    ("DELETE", f"{ISSUE}/calls/{{call_id}}", resources.detach_call),
    ("GET", f"{ISSUE}/affected", resources.list_affected),
    ("POST", f"{ISSUE}/flags", flags.add_flag),
    ("GET", f"{ISSUE}/flags", flags.list_flags),
    ("DELETE", f"{ISSUE}/flags/{{flag_id}}", flags.remove_flag),
    ("POST", f"{ISSUE}/relations", relations.add_relation),
    ("GET", f"{ISSUE}/relations", relations.list_relations),
    ("DELETE", f"{ISSUE}/relations/{{relation_id}}", relations.remove_relation),
    ("POST", f"{ISSUE}/agent-sessions", norm.start_session),
    ("POST", f"{ISSUE}/agent-sessions/{{session_id}}/prompts", norm.prompt_norm),
    ("GET", "/v1/triage/flag-types", flags.list_flag_types),
    ("GET", "/v1/triage/categories", organisation.list_categories),
    ("POST", "/v1/triage/categories", organisation.create_category),
    ("GET", "/v1/triage/agents", organisation.agents),
    ("GET", "/v1/orgs/self/memberships", organisation.memberships),
    ("GET", "/v1/orgs/{org_id}/members", organisation.members),
    ("GET", "/v1/me", organisation.me),
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
    return storage_failed(error)


def storage_failed(error: Exception) -> Response:
    """Return the 500 for a database that can't be written, for example on a full disk."""
    return error_response(500, "internal_error", f"The sandbox's database can't be used: {error}")
