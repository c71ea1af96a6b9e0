"""Attachments keep their names and addresses in the footer."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from importer.mapping.issue_parts import Attachments
from tests.harness.making import mapping_of, records_of

FILE = "01/Jan/26;ann;a b.png;https://jira.example/7/a%20b.png"


@pytest.mark.parametrize(
    ("base", "line"),
    [
        ({}, "Attachments: a b.png https://jira.example/7/a%20b.png"),
        ({"base": "https://x.example/{name}"}, "Attachments: a b.png https://x.example/a%20b.png"),
    ],
)
def test_in_the_footer(base: dict[str, str], line: str) -> None:
    """Each with its address, or with that of a copy."""
    name = {"column": "Text", "pattern": "^(?:[^;]*;){2}(.+);", "to": r"\1"}
    files = {"name": name, "url": {"column": "Text", "pattern": "http.+"}, **base}
    rows = [("P-1", "One", FILE, "P1", "Open"), ("P-2", "Two", "", "P1", "Open")]
    records = records_of(mapping_of(description=None, attachments=files), rows)
    assert f"\n{line}\n" in records.texts.descriptions[0]
    assert "Attachments" not in records.texts.descriptions[1]


@pytest.mark.parametrize("wrong", [{}, {"name": "Text", "base": "https://x.example/"}])
def test_what_is_no_attachment(wrong: dict[str, str]) -> None:
    """Something must say which files, and where the name goes."""
    with pytest.raises(ValidationError, match=r"needs `name`|has no \{name\}"):
        Attachments.model_validate(wrong)
