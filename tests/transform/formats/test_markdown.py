"""Markdown without what nobody sees."""

from __future__ import annotations

import pytest

from importer.transform.formats.convert import convert, leave_out_hidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!-- Fill\nthis in -->\n\n### Steps\n\n<!-- one per line -->\n\n1. Call", "### Steps\n\n1. Call"),
        ("a <!-- b --> c", "a c"),
        ("```html\n<!-- kept -->\n```\n`<!-- too -->`", "```html\n<!-- kept -->\n```\n`<!-- too -->`"),
        ("a <!-- never closed", "a <!-- never closed"),
        ("a\n<!-- b -->  \nc <!-- never closed", "a\nc <!-- never closed"),
        ("```\n<!-- never closed code -->", "```\n<!-- never closed code -->"),
        ("\na\n\n\nb\n", "\na\n\n\nb\n"),
    ],
)
def test_comments_of_templates_are_left_out(text: str, shown: str) -> None:
    """In code they stay, and a text without any stays as it is."""
    assert leave_out_hidden(text) == convert(text, "markdown", "markdown").text == shown
