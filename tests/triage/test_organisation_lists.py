"""What is read of an organisation: its members and its categories."""

from __future__ import annotations

from itertools import cycle

import httpx
import pytest

from importer.api import BUILT_IN_CATEGORIES
from importer.errors import TargetUnreachable
from importer.triage import pages
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Member, Page
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.organisation_lists import find_categories
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey, Target
from tests.conftest import Serve
from tests.harness.raw_server import call, envelope
from tests.harness.running import KEY


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


def find(url: str) -> object:
    """What is found in a sandbox."""
    return find_categories(Target(url, url, ApiKey(KEY)), PacedCalls(Limiter(), Breaker()))


def test_all_pages(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of every page, the next of which begins behind the last name."""
    monkeypatch.setattr(pages, "PAGE_LIMIT", 3)
    assert find(serve().url) == set(BUILT_IN_CATEGORIES)


def test_where_they_are_not_listed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence before sending then goes by what every organisation has."""

    def refuse(client: TriageClient, **query: str) -> None:
        raise CallFailed(Action.REFUSE, "403")

    monkeypatch.setattr(TriageClient, "list_categories", refuse)
    assert find(serve().url) == BUILT_IN_CATEGORIES


@pytest.mark.parametrize("cursors", ["a", "ab", "abcdefghijklmnop"], ids=["the same", "in a circle", "always new"])
def test_pages_that_never_end(serve: Serve, monkeypatch: pytest.MonkeyPatch, cursors: str) -> None:
    """They are noticed, whatever their cursors look like."""
    leading = cycle(cursors)

    async def lead_on(client: TriageClient, **query: str) -> Page[str]:
        return Page(("Bug",), next(leading))

    monkeypatch.setattr(TriageClient, "list_categories", lead_on)
    with pytest.raises(TargetUnreachable, match="list of categories in Triage never ends"):
        find(serve().url)
