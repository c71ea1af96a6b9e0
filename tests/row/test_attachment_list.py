"""Attachments keep their names and addresses in the footer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from importer.mapping.issue_parts import Attachments
from importer.row.attachment_list import AttachmentLister
from tests.harness.making import source_rows_of
from tests.harness.read_rows import rows_and_compiler

FILE = "01/Jan/26;ann;a b.png;https://jira.example/7/a%20b.png"
JIRA = {
    "name": {"column": "Text", "pattern": "^(?:[^;]*;){2}(.+);", "to": r"\1"},
    "url": {"column": "Text", "pattern": "http.+"},
}
COLUMNS = {"name": "File", "url": "Address"}
COPY = {"base": "https://x.example/{name}"}


def list_of(spec: dict[str, Any], header: Sequence[str], cells: Sequence[str]) -> str:
    (row,), compiler = rows_and_compiler(source_rows_of(header, [cells]))
    return AttachmentLister(Attachments.model_validate(spec), compiler).read(row)


@pytest.mark.parametrize(
    ("spec", "cells", "line"),
    [
        (JIRA, [FILE, ""], "a b.png https://jira.example/7/a%20b.png"),
        ({**JIRA, **COPY}, [FILE, ""], "a b.png https://x.example/a%20b.png"),
        (
            JIRA,
            [FILE, FILE.replace("a b", "c")],
            "a b.png https://jira.example/7/a%20b.png, c.png https://jira.example/7/a%20b.png",
        ),
        (JIRA, ["", " "], ""),
    ],
    ids=["address", "copy", "several", "none"],
)
def test_name_and_address(spec: dict[str, Any], cells: Sequence[str], line: str) -> None:
    """Each with its address, or with that of a copy."""
    assert list_of(spec, ["Text", "Text"], cells) == line


@pytest.mark.parametrize(
    ("spec", "cells", "line"),
    [
        (COLUMNS, [" a.png ", "b.png", "https://x/1"], "a.png https://x/1, b.png"),
        (COLUMNS, ["", "b.png", "https://x/a.png"], "a.png https://x/a.png, b.png"),
        (COLUMNS | COPY, ["", "", "https://x/a.png"], "a.png https://x.example/a.png"),
        ({"url": "Address"}, ["a.png", "", "https://x/1/"], "https://x/1/"),
    ],
    ids=["more names", "no name", "copy by address", "only addresses"],
)
def test_names_and_addresses_in_columns_of_their_own(spec: dict[str, Any], cells: Sequence[str], line: str) -> None:
    """They go together in their order, and a file may have more columns of the one than of the other."""
    assert list_of(spec, ["File", "File", "Address"], cells) == line


def test_a_file_without_such_columns() -> None:
    """It lists none."""
    assert list_of(COLUMNS, ["Title"], ["One"]) == ""


@pytest.mark.parametrize("wrong", [{}, {"name": "Text", "base": "https://x.example/"}])
def test_what_is_no_attachment(wrong: dict[str, str]) -> None:
    """Something must say which files, and where the name goes."""
    with pytest.raises(ValidationError, match=r"needs `name`|has no \{name\}"):
        Attachments.model_validate(wrong)
