"""Descriptions in a markup that would be sent as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.check.check_pass import check
from importer.check.knowledge import NoLedger
from importer.progress import Unseen
from tests.harness.people import job_of

MAPPING = """
input: {name: demo, key: Key}
title: Key
description: {column: Text%s}
severity: {value: low}
status: {value: todo}
category: {value: Bug}
"""
HTML, WIKI, PLAIN = "<p>It is <b>broken</b>.</p>", "h1. Broken\n{code}x{code}", "It is broken, 1 < 2."


def notices(folder: Path, texts: list[str], more: str = "") -> list[str]:
    rows = [(f"K-{number}", text) for number, text in enumerate(texts)]
    with job_of(folder, rows, MAPPING % more, ("Key", "Text")) as job:
        return check(job, NoLedger(), Unseen()).warnings


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([HTML, "", "<div>x</div>"], "description: 2 of 2 texts look like html and are sent as they are"),
        ([PLAIN, WIKI, PLAIN], "description: 1 of 3 texts looks like jira and is sent as it is"),
        ([HTML, *[PLAIN] * 5], ""),
        (["<details>x</details>", "<!-- hidden -->", "{not: wiki}", "[link](x)"], ""),
    ],
)
def test_markup_of_descriptions(tmp_path: Path, texts: list[str], said: str) -> None:
    """A fifth of the descriptions in HTML or wiki markup is said with the line that converts them; Markdown isn't."""
    found = [notice.partition(";")[0] for notice in notices(tmp_path, texts) if " sent as " in notice]
    assert found == ([said] if said else [])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            ["# Steps\n```\n# x\n```", WIKI, "[log](https://x.io)"],
            "2 of 3 texts look like markdown and are read as jira",
        ),
        ([WIKI, HTML], "1 of 2 texts looks like html and is read as jira"),
        ([WIKI, "[log|https://x.io] {code}x{code}"], ""),
    ],
)
def test_another_format_than_a_preset_reads(tmp_path: Path, texts: list[str], said: str) -> None:
    """A list with Jira's columns isn't always Jira's: its Markdown would be damaged."""
    found = [each.partition(";")[0] for each in notices(tmp_path, texts, ", format: jira") if "read as jira" in each]
    assert found == ([f"description: {said}"] if said else [])


def test_nothing_is_said_of_a_format(tmp_path: Path) -> None:
    """Where the mapping names the format, nothing is left raw."""
    assert not any(" sent as " in notice for notice in notices(tmp_path, [HTML], ", format: html"))
