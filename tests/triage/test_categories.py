"""The categories that an organisation has."""

from __future__ import annotations

import pytest

from importer.api import BUILT_IN_CATEGORIES
from importer.triage import categories
from importer.triage.actions import Action, CallFailed
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
    monkeypatch.setattr(categories, "PAGE_LIMIT", 3)
    assert find(serve().url) == set(BUILT_IN_CATEGORIES)


def test_where_they_are_not_listed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence before sending then goes by what every organisation has."""

    def refuse(client: TriageClient, **query: str) -> None:
        raise CallFailed(Action.REFUSE, "403")

    monkeypatch.setattr(TriageClient, "list_categories", refuse)
    assert find(serve().url) == BUILT_IN_CATEGORIES
