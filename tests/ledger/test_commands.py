"""Commands in what people are shown: they can be pasted, whatever ledger and target they are about."""

from __future__ import annotations

import pytest

from importer.api import DEFAULT_URL
from importer.ledger.commands import default_path, settle_command

LOCAL = "http://127.0.0.1:8899"


@pytest.mark.parametrize(
    ("ledger", "target", "options"),
    [
        ("", DEFAULT_URL, ""),
        ("", "sandbox:/state/sandbox.db", " --sandbox"),
        ("", LOCAL, f" --api-url {LOCAL}"),
        ("/our ledger.db", LOCAL, f" --api-url {LOCAL} --ledger '/our ledger.db'"),
    ],
    ids=["usual", "sandbox", "url", "both"],
)
def test_settle(ledger: str, target: str, options: str) -> None:
    """Target and ledger are named where they aren't the usual ones."""
    command = settle_command(ledger or str(default_path().resolve()), target, "jira:A 1", "T-7")
    assert command == f"triage-import settle 'jira:A 1' T-7{options}"
