"""The table of statuses and exceptions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import httpx
import pytest

from importer.errors import KeyRefused, TargetUnreachable
from importer.triage.actions import EXCEPTIONS, Action, CallFailed, Kind, action_for, error_message, parse_retry_after

WORTH_STOPPING = {*range(300, 400), 401, 402, 403, 407}


def expected(status: int) -> tuple[Action, Action]:
    """Say the table again, in other words: for a create, for what can be repeated."""
    if status < 200 or status >= 500:
        return Action.SETTLE, Action.RETRY
    if status < 300:
        return Action.DONE, Action.DONE
    if status in WORTH_STOPPING:
        return Action.STOP, Action.STOP
    if status in (404, 405, 410):
        return Action.STOP, Action.REFUSE
    if status in (408, 425):
        return Action.SETTLE, Action.RETRY
    return (Action.RETRY, Action.RETRY) if status == 429 else (Action.REFUSE, Action.REFUSE)


def test_every_status() -> None:
    """Each status of HTTP has one action for a create, and one for what can be repeated, as the reading of an issue is.

    What changes an issue, or adds to it, is as little repeatable as a create; of its issue a 404 may well speak.
    """
    kinds = (Kind.CREATE, Kind.REPEATABLE, Kind.READ, Kind.CHANGE)
    found = {status: tuple(action_for(status, kind) for kind in kinds) for status in range(100, 600)}
    for status, actions in found.items():
        create, repeatable = expected(status)
        change = repeatable if status in (404, 405, 410) else create
        assert actions == (create, repeatable, repeatable, change), status


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_gateway(status: int) -> None:
    """What is not in the API's own form is an outage: it says nothing of an issue, and a write may have been done."""
    actions = [action_for(status, kind, is_foreign=True) for kind in (Kind.CREATE, Kind.CHANGE, Kind.REPEATABLE)]
    assert actions == [Action.SETTLE, Action.SETTLE, Action.RETRY]
    look = action_for(status, Kind.READ, is_foreign=True)
    assert look is (Action.RETRY if status == 405 else Action.REFUSE), "whether it is gone is decided by `absence`"


def test_unheard_of_status() -> None:
    """A number that isn't HTTP may have been executed."""
    assert action_for(999, Kind.CREATE) is Action.SETTLE


def leaves(base: type[Exception]) -> Iterator[type[Exception]]:
    """Give the classes that are raised: those without subclasses."""
    subclasses = base.__subclasses__()
    for subclass in subclasses:
        yield from leaves(subclass)
    if not subclasses:
        yield base


def test_every_exception_of_httpx_is_in_the_table() -> None:
    """An exception class that httpx gets one day fails here, so that somebody decides about it."""
    raised = {
        leaf
        for base in (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
        for leaf in leaves(base)
        if leaf.__module__.startswith("httpx")
    }
    assert raised == set(EXCEPTIONS)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (httpx.ConnectError, Action.RETRY),
        (httpx.ConnectTimeout, Action.RETRY),
        (httpx.PoolTimeout, Action.RETRY),
        (httpx.ReadError, Action.SETTLE),
        (httpx.ReadTimeout, Action.SETTLE),
        (httpx.WriteError, Action.SETTLE),
        (httpx.WriteTimeout, Action.SETTLE),
        (httpx.RemoteProtocolError, Action.SETTLE),
        (RuntimeError, Action.SETTLE),
    ],
)
def test_create_that_broke(error: type[Exception], action: Action) -> None:
    """A create is sent again only if it surely never arrived."""
    assert action_for(error("broke"), Kind.CREATE) is action


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"data":null,"errors":[{"error":"not_found","message":"Issue not found"}]}', "not_found: Issue not found"),
        (b'{"errors":[{"message":"a"},{"error":"b"}]}', "a; b"),
        (b'{"errors":["plain"]}', "plain"),
        (b'{"status":"error","message":"Rate limit exceeded"}', "Rate limit exceeded"),
        (b"<html>\n  Bad   gateway</html>", "<html> Bad gateway</html>"),
        (b"[1, 2]", "[1, 2]"),
        (b"x" * 5000, "x" * 300),
        (b"", ""),
    ],
)
def test_error_message(raw: bytes, message: str) -> None:
    """Every shape of error is read; what isn't the API's JSON is cut."""
    assert error_message(raw) == message


@pytest.mark.parametrize(("value", "seconds"), [("3", 3.0), ("0", 0.0), ("soon", None), ("", None), ("1.5", 1.5)])
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    """Seconds are read; nonsense is as good as nothing."""
    assert parse_retry_after(value) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400),
        ("Mon, 1 Jan 2030 25:99:99 GMT", None),
        ("Fri, 31 Dec 0001 00:00:00", 0),
        ("99999999999", 86_400),
        ("9" * 400, 86_400),
        ("-5", None),
        ("1e400", None),
        ("nan", None),
        ("\u00b2", None),
    ],
)
def test_an_absurd_retry_after(value: str, seconds: float | None) -> None:
    """It is a day at most, or nothing."""
    assert parse_retry_after(value) == seconds


def test_retry_after_as_a_date() -> None:
    """An HTTP date becomes the seconds until then, never negative ones."""
    assert 3000 < (parse_retry_after(formatdate(time.time() + 3600, usegmt=True)) or 0) <= 3600
    assert parse_retry_after(formatdate(0, usegmt=True)) == 0


def test_stops() -> None:
    """A refused key and a stranger at the address end a run with errors of their own."""
    assert isinstance(CallFailed(Action.STOP, "401", status=401).as_stop(), KeyRefused)
    assert isinstance(CallFailed(Action.STOP, "404", status=404).as_stop(), TargetUnreachable)


def test_stop_of_a_busy_target() -> None:
    """A target that is only busy is not called a stranger."""
    error = CallFailed(Action.RETRY, "503 later", status=503).as_stop()
    assert isinstance(error, TargetUnreachable)
    assert error.message == "The target can't be used at the moment: 503 later"
