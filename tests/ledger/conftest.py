"""Ledgers of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.ledger.opening import open_ledger
from importer.ledger.store import Ledger
from tests.harness.ledger_sending import NOON
from tests.harness.postgres import PostgresServer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a ledger in a folder that doesn't exist yet."""
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """Give the URL of a ledger that doesn't exist yet."""
    return postgres.make_ledger()


@pytest.fixture(params=["path", "url"])
def place(request: pytest.FixtureRequest) -> str | Path:
    """Give the place of a ledger that doesn't exist yet, of each kind."""
    place: str | Path = request.getfixturevalue(request.param)
    return place


@pytest.fixture
def ledger(place: str | Path) -> Iterator[Ledger]:
    """Give an open ledger in whose world it is noon."""
    with open_ledger(place, now=lambda: NOON) as opened:
        yield opened
