"""Words in titles that mean one of Triage's own categories."""

from __future__ import annotations

import pytest

from importer.api import BUILT_IN_CATEGORIES
from importer.mapping.vocabulary import LOOKED_AT, TitleCount, category_of, words_of


@pytest.mark.parametrize(
    ("title", "category"),
    [
        ("The transcript lacks the caller's name", "Transcription"),
        ("Transkription bricht ab", "Transcription"),
        ("Mispronounces street names", "Speech"),
        ("The conversation goes in circles", "Dialogue"),
        ("Warm transfer rings for ever", "Routing"),
        ("Webhook is called twice", "Tools"),
        ("Antwort kommt langsam", "Latency"),
        ("Calls drop after an hour", "Telephony"),
        ("電話がつながらない", "Telephony"),
        ("Crash on start", "Bug"),
        ("Bug: voicemail is taken for a person", "Telephony"),
        ("Invoice shows the wrong price", ""),
        ("Toolbar and slowdown of flags", ""),
        ("", ""),
    ],
)
def test_categories(title: str, category: str) -> None:
    """The first word decides, and a plain bug only where there is no other; parts of words say nothing."""
    assert category_of(title) == category


def test_words_are_triages_own() -> None:
    """Each has a category of the eight."""
    assert sorted(words_of("title")) == sorted(BUILT_IN_CATEGORIES)


def test_a_count_has_an_end() -> None:
    """It says of how many titles it is."""
    count = TitleCount()
    while not count.is_full:
        count.add("Slow")
    said = f"{LOOKED_AT:,} of the first {LOOKED_AT:,} titles contain a word for a category of Triage's own: "
    assert str(count) == f"{said}Latency 10,000 (Slow)"
