"""What every format promises: nothing that can be read is lost, plain text stays, nothing hangs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.texts import TextFormat
from importer.transform.formats.convert import Converted, convert, dropped_finding
from tests.harness.markup_texts import is_within, letters, texts_of_exports, visible_letters, words
from tests.harness.running import WAIT_SECONDS

FORMATS: tuple[TextFormat, ...] = get_args(TextFormat)
PLAIN = "First line, a < b && c > d, List<String> and <john@x.org>\n\n  indented snake_case_name 2*3*4 -1\nlast"
SECONDS = 20


@pytest.mark.parametrize("form", FORMATS)
def test_text_without_markup_stays(form: TextFormat) -> None:
    """A text in which nothing is markup stays byte for byte."""
    assert convert(PLAIN, form, "markdown") == Converted(PLAIN, ())


@pytest.mark.parametrize(
    ("text", "converted"),
    [
        (r"One\nTwo\r\n\nThree", "One\nTwo\n\nThree"),
        ("One\\nTwo\nThree", "One\\nTwo\nThree"),
        (r"C:\new\readme", r"C:\new\readme"),
        (r"\\server\new", r"\\server\new"),
    ],
)
def test_escaped_line_breaks(text: str, converted: str) -> None:
    """They become real ones, but for texts that have such already, and for paths."""
    assert convert(text, "escaped", "markdown").text == converted


def test_a_time_becomes_a_date() -> None:
    """Where the mapping says that a text is one: any ten digits may be an id."""
    assert convert("1772442840000", "time", "markdown").text == "2026-03-02 09:14 UTC"


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "time"])
@given(text=st.text(alphabet=st.characters(categories=("L", "N", "Zs"), exclude_characters="\x85"), max_size=60))
def test_letters_are_no_markup(form: TextFormat, text: str) -> None:
    """Letters, digits and spaces of any alphabet are left alone."""
    assert convert(text, form, "text") == Converted(text, ())


@pytest.mark.parametrize("form", FORMATS)
@given(text=st.text(alphabet="ab <>/&;*_-+[]{}()|!\\\"'=:#.h1p\n", max_size=80))
def test_no_text_breaks_a_reader(form: TextFormat, text: str) -> None:
    """Whatever somebody typed, there is an answer, and the same one again."""
    assert convert(text, form, "markdown") == convert(text, form, "markdown")


HOSTILE = {
    "one long line": "word " * 20_000,
    "spaces": "core" + " " * 100_000 + "core",
    "deep": "<div>" * 20_000,
    "deep quotes": "<blockquote>" * 8_000,
    "deep lists": "<ul><li>" * 12_000,
    "unclosed tags": "<b><i>" * 16_000,
    "unclosed comments": "<!--" * 25_000,
    "unclosed quotes": '<a "' * 25_000,
    "unclosed code tags": "<pre. " * 17_000,
    "long item": "* one\n* " + "word " * 20_000,
    "unclosed scripts": "<script>" * 12_000,
    "angle brackets": "<" * 100_000,
    "ampersands": "&" * 100_000,
    "unclosed links": "[a|" * 30_000,
    "unclosed code": "{{a" * 30_000,
    "macros": "{code:a}" * 12_000,
    "panels": "{quote:a}" * 11_000,
    "stars": "*a " * 33_000,
    "underscores": "_a " * 33_000,
    "pictures": "!a" * 50_000,
    "cells": "|a" * 50_000,
    "addresses": "https://a/_b_" * 4_000 + " https://" * 6_000,
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts(form: TextFormat, name: str) -> None:
    """100 kB of one trick neither hang nor break a reader, and what stands behind them is still there."""
    start = time.process_time()
    assert "core" in convert(HOSTILE[name] + "\ncore", form, "markdown").text
    assert time.process_time() - start < SECONDS


def test_real_html() -> None:
    """Every letter that a browser shows of the HTML in real exports is in the result, in order."""
    texts = [text for text in texts_of_exports() if re.search(r"</?(?:p|div|br|span|b|a|li)\b[^<>]*>", text)]
    assert len(texts) >= 30
    for text in texts:
        for as_ in ("markdown", "text"):
            assert is_within(visible_letters(text), letters(convert(text, "html", as_).text)), text


@pytest.mark.parametrize("form", ["jira", "textile"])
def test_real_texts_as_wiki_markup(form: TextFormat) -> None:
    """Of real texts, read as wiki markup whatever they are, no word is lost but those of the markup itself."""
    markup = re.compile(r"\{(?:code|noformat|quote|panel|color)[^{}\n]*\}|(?<=[|\]!])[^|\]!\n]*(?=[\]!])|\W+")
    texts = [text for text in texts_of_exports() if 100 < len(text) < 3_000 and "<" not in text][::9]
    assert len(texts) > 100
    lost = [
        text for text in texts if not is_within(words(markup.sub(" ", text)), words(convert(text, form, "text").text))
    ]
    assert not lost


def test_dropped_finding() -> None:
    """What was dropped is a warning that names each thing once."""
    finding = dropped_finding("description", ("colour", "image a.png", "colour"))
    assert (finding.code, finding.rejects) == ("format-dropped", False)
    assert finding.message == "not kept of the markup: colour, image a.png"


def test_the_library_is_loaded_by_the_first_text() -> None:
    """Who has no Textile doesn't load its library."""
    code = "import sys, importer.transform.formats.convert; print('textile' in sys.modules, 'nh3' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=WAIT_SECONDS
    )
    assert done.stdout.split() == ["False", "False"]
