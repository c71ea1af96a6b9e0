"""Attachments in cells and objects."""

from __future__ import annotations

import pytest

from importer.check.coverage.attachments import Attachment, holds_attachments, read_cell, read_object

JIRA = "12/Sep/25 9:05 AM;ann;log of call.txt;https://x.test/secure/attachment/7/log.txt"


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (JIRA, [("log of call.txt", "https://x.test/secure/attachment/7/log.txt")]),
        (
            "https://x.test/a%20b.png, https://x.test/c.png",
            [("a b.png", "https://x.test/a%20b.png"), ("c.png", "https://x.test/c.png")],
        ),
        ("one.png; two.log", [("one.png", ""), ("two.log", "")]),
        ("3", []),
        ("true", []),
    ],
)
def test_cells(cell: str, found: list[tuple[str, str]]) -> None:
    """URLs with their names, else names of files; a number of attachments is none."""
    assert list(read_cell("k", cell)) == [Attachment("k", *one) for one in found]


def test_objects() -> None:
    """The file's own URL, not that of the API's resource; without one the name alone."""
    zendesk = {"url": "https://x.test/api/7", "content_url": "https://x.test/f.pdf", "file_name": "f.pdf", "size": 1}
    assert list(read_object("k", zendesk)) == [Attachment("k", "f.pdf", "https://x.test/f.pdf")]
    assert list(read_object("k", {"url": "https://x.test/f.pdf"})) == [Attachment("k", "f.pdf", "https://x.test/f.pdf")]
    assert list(read_object("k", {"filename": "f.pdf", "content": "redacted"})) == [Attachment("k", "f.pdf", "")]
    assert list(read_object("k", {"filename": "f.pdf", "id": 7})) == [Attachment("k", "f.pdf (id 7)", "")]
    launchpad = {"title": "f.txt", "data_link": "https://x.test/1/data", "self_link": "https://x.test/1"}
    assert list(read_object("k", launchpad)) == [Attachment("k", "f.txt", "https://x.test/1/data")]
    assert list(read_object("k", {"count": 3})) == []


def test_columns() -> None:
    """By the header, in the languages of exports, or the last key of a path."""
    assert all(map(holds_attachments, ["Attachment", "Anhang", "Pièce jointe", "fields.attachment", "添付ファイル"]))
    assert holds_attachments("attachments.nodes")
    assert not any(
        map(holds_attachments, ["Summary", "attachments[].url", "attachments_collection_link", "labels.nodes"])
    )
