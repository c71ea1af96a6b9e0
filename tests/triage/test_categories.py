"""The categories that an organisation has."""

from __future__ import annotations

from itertools import cycle

import pytest

from importer.api import BUILT_IN_CATEGORIES
from importer.errors import TargetUnreachable
from importer.triage import pages
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Page
from importer.triage.breaker import Breaker
from importer.triage.categories import find_categories
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey, Target
from tests.conftest import Serve
from tests.harness.running import KEY


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
