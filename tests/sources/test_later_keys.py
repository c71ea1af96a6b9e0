"""Keys that only later records of a JSON file have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.sources.source import KEYS_LIMIT, SourceOptions, find_later_keys
from importer.sources.survey import survey_files

KNOWN = {"id", "title", "customer", "customer.name"}
FIRST = {"id": 1, "title": "One", "customer": {"name": "Acme"}}


def later_keys(path: Path, records: Sequence[Any]) -> list[str]:
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    with survey_files([str(path)], SourceOptions()) as survey, survey.open() as source:
        return find_later_keys(source, [0], KNOWN)


def test_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Those within objects too, each once; what isn't a record is passed over."""
    late = {**FIRST, "estimate": 5, "customer": {"plan": {"name": "Pro"}}}
    records = [*[FIRST] * 120, late, [], {**late, "due": None}, late]
    assert later_keys(tmp_path / "a.jsonl", records) == [*("customer.plan", "customer.plan.name", "estimate", "due")]


def test_perhaps_the_keys_are_data(tmp_path: Path) -> None:
    """Then they have no end, and only the first ones are given."""
    records = [FIRST, *({**FIRST, "votes": {f"u{number}": 1}} for number in range(2 * KEYS_LIMIT))]
    found = later_keys(tmp_path / "a.jsonl", records)
    assert (len(found), found[:2]) == (KEYS_LIMIT, ["votes", "votes.u0"])


@pytest.mark.parametrize("wrap", [lambda record: {"node": record}, lambda record: ["issues", record]])
def test_wrapped_records(tmp_path: Path, wrap: Any) -> None:
    """They are opened as they are when they are read."""
    found = later_keys(tmp_path / "a.jsonl", [wrap(FIRST)] * 30 + [wrap({**FIRST, "late": 1})])
    assert "late" in found
    assert "node" not in found
