"""Targets and keys."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.triage.client import TriageClient
from importer.triage.target import ApiKey, normalise_target


@pytest.mark.parametrize(
    ("given_url", "normalised"),
    [
        ("https://api.bland.ai", "https://api.bland.ai"),
        ("HTTPS://API.Bland.AI:443/", "https://api.bland.ai"),
        ("https://gate.example:8443/bland//", "https://gate.example:8443/bland"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_one_form(given_url: str, normalised: str) -> None:
    """Spellings of one target become one, and stay it."""
    assert normalise_target(given_url) == normalised
    assert normalise_target(normalised) == normalised


@pytest.mark.parametrize(
    "url",
    [
        "http://api.bland.ai",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "ftp://api.bland.ai",
        "api.bland.ai",
        "https://user:secret@api.bland.ai",
        "https://user:secret@a..b",
        "https://user:secret@ho\u2100st",
        "https://api.bland.ai?x=1",
        "https://api.bland.ai:99999",
        "https://[::1",
        "https://a..b",
        f"https://{'a' * 64}.example",
        "https://xn--a.example",
        "https://bü cher.example",
        "",
    ],
)
def test_refused(url: str) -> None:
    """What would send the key in the open, or isn't a base URL, is refused with a hint; secrets are not repeated."""
    with pytest.raises(UsageError) as caught:
        normalise_target(url)
    assert "--api-url" in caught.value.hint
    assert "secret" not in caught.value.message


@given(st.sampled_from(["", "https://", "https://xn--", "http://127.0.0.1:"]), st.text(max_size=70))
def test_any_text(start: str, rest: str) -> None:
    """Whatever is typed leads to a target that a client can be made for, or to a sentence."""
    with suppress(UsageError):
        url = normalise_target(start + rest)
        assert url.startswith(("https://", "http://"))
        TriageClient(url, ApiKey("org_rehearsal"))
        yarl.URL(str(httpx.URL(url)), encoded=True)


@pytest.mark.parametrize("text", ["", "  ", "two words", "schlüssel", "line\nbreak", "any", "sandbox"])
def test_no_key(text: str) -> None:
    """What can't be a header's value is no key, nor what is in the middle of words; it isn't repeated."""
    with pytest.raises(UsageError) as caught:
        ApiKey(text)
    assert len(text) < 3 or text not in caught.value.message


def test_key_is_shown_to_nobody() -> None:
    """Neither repr nor str nor format gives the key."""
    key = ApiKey("org_canary\n")
    assert "canary" not in f"{key!r} {key} {[key]}"
    assert key.reveal() == "org_canary"
