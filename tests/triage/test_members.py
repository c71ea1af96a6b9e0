"""The calls that read an organisation's members."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from importer.triage.actions import CallFailed
from importer.triage.answers import Member
from importer.triage.breaker import Breaker
from importer.triage.limiter import Limiter
from importer.triage.members import fetch_members
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey, Target
from tests.conftest import Serve
from tests.harness.one_answer import call, envelope


def test_organisations() -> None:
    """Those that the key's user belongs to."""
    assert call(envelope([{"org_id": "o-1", "permissions": []}]), lambda client: client.list_org_ids()) == ("o-1",)


def test_members() -> None:
    """With a name, where they have one; ids are part of the path and never more."""
    seen: list[httpx.Request] = []
    data = [
        {
            "user_id": "u-1",
            "member_email": "ann@x.example",
            "first_name": "Ann",
            "last_name": "Meyer",
            "permissions": [],
        },
        {"user_id": "u-2", "member_email": None, "first_name": None, "last_name": "Ott"},
    ]
    found = call(envelope(data), lambda client: client.list_members("o/1"), seen)
    assert found == (Member("u-1", "Ann Meyer", "ann@x.example"), Member("u-2", "Ott", ""))
    assert str(seen[0].url) == "https://t.example/v1/orgs/o%2F1/members"


@pytest.mark.parametrize("data", [{"items": []}, [{"member_email": "x"}], None])
def test_members_that_are_none(data: object) -> None:
    """An answer of another shape is a failed call."""
    with pytest.raises(CallFailed):
        call(envelope(data), lambda client: client.list_members("o-1"))


def test_members_of_a_real_sandbox(serve: Serve) -> None:
    """Of all organisations of the key's user, where nobody says which."""
    kim = Member("5a9d0000-0000-4000-8000-000000000002", "Kim Shore", "kim.shore@example.com")
    sandbox = serve()
    found = asyncio.run(
        fetch_members(Target(sandbox.url, sandbox.url, ApiKey("org_canary")), PacedCalls(Limiter(), Breaker()))
    )
    assert kim in found
