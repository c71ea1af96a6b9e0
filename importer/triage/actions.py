"""The table of answers: for each status and exception whether to retry, settle, refuse the row or stop the run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import httpx
import orjson

from importer.codes import GAVE_UP, REFUSED
from importer.errors import KeyRefused, RunStopped, TargetUnreachable
from importer.triage.redaction import KEY_VARIABLE

MESSAGE_LIMIT = 300
"""Characters that are kept of an answer that isn't the API's JSON."""

DAY_SECONDS = 86_400.0


class Action(StrEnum):
    """What the caller must do after an answer, or after none came."""

    DONE = "done"
    RETRY = "retry"  # never executed: the same request may be sent again; the first 429s are looked behind before
    SETTLE = "settle"  # may have been executed: read back before anything is sent again
    REFUSE = "refuse"  # the target says no to this row; a create may have been executed all the same, and is looked for
    STOP = "stop"  # the next row would fail in the same way


class Kind(StrEnum):
    """What a call does to the target."""

    CREATE = "create"  # creates an issue: never repeated without reading back, as the API has no idempotency key
    CHANGE = "change"  # changes, deletes or adds to an issue: repeated only after the issue was read again
    REPEATABLE = "repeatable"  # a read, or a write that the API repeats without effect (attaching a resource)
    READ = "read"  # reads one issue, or what hangs on it: a 404 may say that it isn't there


D, R, S, F, X = Action.DONE, Action.RETRY, Action.SETTLE, Action.REFUSE, Action.STOP

# First match wins: status codes, then the action for a CREATE, a CHANGE, a REPEATABLE call and a READ. A number in none
# of the ranges is not an HTTP status, and is taken for an answer that got lost.
STATUSES: tuple[tuple[Sequence[int], Action, Action, Action, Action], ...] = (
    (range(200, 300), D, D, D, D),
    (range(300, 400), X, X, X, X),  # an API does not redirect: what answers is not Triage
    ((401, 402, 403, 407), X, X, X, X),
    ((404, 405, 410), X, F, F, F),  # the path of a create holds no id: what answers is not Triage
    ((408, 425), S, S, R, R),
    ((429,), R, R, R, R),
    (range(400, 500), F, F, F, F),
    (range(100, 600), S, S, R, R),
)
FOREIGN = {404: (S, S, R, F), 405: (S, S, R, R), 410: (S, S, R, F)}
"""The same for answers that are not in the API's own form: a gateway's, which are taken for an outage.

What a 404 or 410 to a READ says of its issue, in either form, is decided by `absence`.
"""
BY_STATUS = {status: tuple(actions) for codes, *actions in reversed(STATUSES) for status in codes}
EXCEPTIONS: dict[type[Exception], tuple[Action, Action, Action]] = {
    httpx.ConnectError: (R, R, R),
    httpx.ConnectTimeout: (R, R, R),
    httpx.PoolTimeout: (R, R, R),
    httpx.ProxyError: (R, R, R),  # no tunnel, no request
    httpx.ReadError: (S, S, R),
    httpx.ReadTimeout: (S, S, R),
    httpx.WriteError: (S, S, R),
    httpx.WriteTimeout: (S, S, R),
    httpx.CloseError: (S, S, R),
    httpx.RemoteProtocolError: (S, S, R),
    httpx.DecodingError: (S, S, R),
    httpx.LocalProtocolError: (S, S, F),
    httpx.HTTPStatusError: (S, S, F),
    httpx.StreamConsumed: (S, S, F),
    httpx.StreamClosed: (S, S, F),
    httpx.ResponseNotRead: (S, S, F),
    httpx.RequestNotRead: (S, S, F),
    httpx.CookieConflict: (S, S, F),
    httpx.TooManyRedirects: (X, X, X),
    httpx.UnsupportedProtocol: (X, X, X),
    httpx.InvalidURL: (X, X, X),
}
FAILURE_CODES = {Action.REFUSE: REFUSED, Action.RETRY: GAVE_UP}
"""The code of an operation that ended without being executed, by the action of its last answer."""
COLUMN = {Kind.CREATE: 0, Kind.CHANGE: 1, Kind.REPEATABLE: 2, Kind.READ: 3}


def action_for(cause: int | Exception, kind: Kind, *, is_foreign: bool = False) -> Action:
    """Return the action for a status or an exception; after an unlisted exception the call may have been executed.

    `is_foreign` says that the answer is none of the API's: its status is then one of FOREIGN.
    """
    if isinstance(cause, Exception):
        return EXCEPTIONS.get(type(cause), (S, S, R))[COLUMN[Kind.REPEATABLE if kind is Kind.READ else kind]]
    return (FOREIGN if is_foreign else BY_STATUS).get(cause, (S, S, R, R))[COLUMN[kind]]


class CallFailed(Exception):
    """A call without the expected answer.

    `status` is 0 if there was no answer at all, `retry_after` is in seconds, and `is_foreign` says that it is one of
    FOREIGN in another form than the API's own. `key_from` is where the API key was read.
    """

    def __init__(
        self,
        action: Action,
        message: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
        is_foreign: bool = False,
        key_from: str = KEY_VARIABLE,
    ) -> None:
        super().__init__(message)
        self.action = action
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.is_foreign = is_foreign
        self.key_from = key_from

    @property
    def rate_limited(self) -> bool:
        """Whether the answer was 429, which makes all workers pause."""
        return self.status == 429

    @property
    def is_gone(self) -> bool:
        """Whether the answer says that the issue, or what it names, isn't there; `absence` decides if that is so."""
        return self.status in (404, 410)

    @property
    def is_own_absence(self) -> bool:
        """Whether it says so in the API's own form, as no gateway does."""
        return self.is_gone and not self.is_foreign

    def as_stop(self) -> RunStopped:
        """Return the error that ends the run, for a failure that the next call would meet as well."""
        if self.status in (401, 402, 403):
            hint = f"Triage needs a full-access key: check {self.key_from}, then run the same command again."
            return KeyRefused(f"Triage refuses the API key: {self.message}", hint=hint)
        if self.is_foreign:
            hint = (
                "Run the same command again once Triage itself answers;"
                " if it never did, check --api-url and the proxy settings."
            )
            return TargetUnreachable(f"What answers there is not Triage: {self.message}", hint=hint)
        if self.action in (Action.RETRY, Action.SETTLE):
            hint = "Run the same command again once the target answers as it should."
            return TargetUnreachable(f"The target can't be used at the moment: {self.message}", hint=hint)
        hint = "Check --api-url and the proxy settings, then run the same command again."
        return TargetUnreachable(f"What answers there is not Triage: {self.message}", hint=hint)


def error_message(raw: bytes) -> str:
    """Return what a refusal says, in any shape that the API uses; anything but its JSON is cut to 300 characters."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return " ".join(raw.decode("utf-8", "replace").split())[:MESSAGE_LIMIT]
    errors = document.get("errors") if isinstance(document, dict) else None
    texts = [_one_error(error) for error in errors if error] if isinstance(errors, list) else []
    if not texts and isinstance(document, dict) and isinstance(document.get("message"), str):
        texts = [document["message"]]
    return "; ".join(texts) or raw.decode("utf-8", "replace")[:MESSAGE_LIMIT]


def is_own_form(raw: bytes) -> bool:
    """Whether a body reports errors in the API's own form: JSON with a list `errors`. Source: get/triage-issues-id."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    errors = document.get("errors") if isinstance(document, dict) else None
    return isinstance(errors, list) and bool(errors)


def _one_error(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return ": ".join(str(error[name]) for name in ("error", "message") if error.get(name)) or str(error)


def parse_retry_after(value: str) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date, as seconds from now; None where it is neither.

    It is 0 for times that have passed, and a day at most.
    """
    try:
        seconds = float(value) if value.strip().replace(".", "", 1).isdigit() else _seconds_until(value)
    except (ValueError, OverflowError, OSError, LookupError, TypeError):  # what the parser makes of absurd dates
        return None
    return min(max(0.0, seconds), DAY_SECONDS)


def _seconds_until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()


def stop_of(error: CallFailed) -> RunStopped:
    """Return the error that ends a command when Triage could not be read."""
    if error.action is not Action.REFUSE:
        return error.as_stop()
    return TargetUnreachable(
        f"What is in Triage can't be read: {error.message}.",
        hint="Nothing is sent without a search first. Run the same command again once it can.",
    )
