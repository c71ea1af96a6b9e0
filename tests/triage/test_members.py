"""The calls that read an organisation's members."""

from __future__ import annotations

import httpx
import pytest

from importer.triage.actions import CallFailed
from importer.triage.answers import Member
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
