"""Secrets are found and masked; what issues are full of is none."""

from __future__ import annotations

import re
import time
from importlib import import_module
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.transform.scan import Scan
from importer.transform.secrets import OF_DETECT_SECRETS, SUSPICIOUS, TOKENS, Secret, find_secrets, mask
from tests.harness.markup_texts import texts_of_exports

A40 = "abcdefghij0123456789ABCDEFGHIJabcdefghij"
# put together here, so that no scanner of repositories takes this file for a leak
SECRETS = {
    "AWS key": "AKIA" + "IOSFODNN7EXAMPLA",
    "Azure storage key": "AccountKey=" + (A40 * 3)[:86] + "==",
    "GitHub token": "ghp_" + A40[:36],
    "GitLab token": "glpat-" + A40[:20],
    "JSON web token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + A40,
    "Mailchimp key": "0123456789abcdef0123456789abcdef" + "-us12",
    "OpenAI key": "sk-" + A40[:20] + "T3Blbk" + "FJ" + A40[:20],
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmc" + A40 * 2,
    "SendGrid key": "SG." + A40[:22] + "." + (A40 * 2)[:43],
    "Slack token": "xoxb-" + "123456789012-" + "abcdefghij",
    "Square secret": "sq0csp-" + (A40 * 2)[:43],
    "Stripe key": "sk_" + "live_" + A40,
    "Telegram token": "1234567890:" + A40[:35],
    "Discord token": "M" + A40[:23] + "." + A40[:6] + "." + A40[:27],
    "Twilio key": "SK" + "0123456789abcdef0123456789abcdef",
    "Google API key": "AIza" + A40[:35],
    "Anthropic key": "sk-ant-" + A40,
    "Hugging Face token": "hf_" + "abcdefghij" * 3 + "abcd",
    "npm token": "npm_" + A40[:36],
    "card number": "4111 1111 1111 1111",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_kinds(kind: str) -> None:
    """Each kind is found whole in a sentence, and masked so that it is found no more."""
    text = f"use {SECRETS[kind]} here"
    (secret,) = find_secrets(text)
    assert secret == Secret(kind, 4, 4 + len(SECRETS[kind]))
    masked = mask(text, (secret,))
    assert masked == f"use {SECRETS[kind][:4]}[secret masked: {kind}] here"
    assert find_secrets(masked) == ()


def test_private_key() -> None:
    """A private key goes with all its lines, be it whole or cut off."""
    body = "\n".join([A40 + "+/=="] * 3)
    head, end = "-----BEGIN RSA PRIVATE " + "KEY-----", "-----END RSA PRIVATE " + "KEY-----"
    for text in (f"a\n{head}\n{body}\n{end}\nb", f"a\n{head}\n{body}\nb"):
        masked = mask(text, find_secrets(text))
        assert masked == "a\n-----BEGI[secret masked: private key]\nb"


def test_password_in_a_url() -> None:
    """A short one is masked whole; a placeholder is none."""
    text = "postgresql://ann:s3cret@db.x.org/a and postgresql://user:password@host and http://a:***@b"
    assert mask(text, find_secrets(text)) == text.replace("s3cret", "[secret masked: password in a URL]")


@pytest.mark.parametrize(
    "text",
    [
        "commit 9b1c3a7e5d2f4a6b8c0d1e2f3a4b5c6d7e8f9a0b",
        "call 123e4567-e89b-12d3-a456-426614174000",
        "order 4111111111111112, ID4111111111111111, #4111111111111111, https://x.org/4111111111111111",
        "4111 1111 1111 1112, 1500000000000000, +49 30 1234567890123",
        "docker run image@sha256:0123456789abcdef, password: hunter2, 10.0.0.1",
    ],
)
def test_what_is_none(text: str) -> None:
    """Hashes, ids, addresses and other long numbers are no secrets."""
    assert find_secrets(text) == ()


def test_real_texts() -> None:
    """In the real exports nothing is found but what a person would call a secret."""
    found = {
        (secret.kind, text[secret.start : secret.end]) for text in texts_of_exports() for secret in find_secrets(text)
    }
    assert {kind for kind, _ in found} <= {"password in a URL"}
    assert len(found) <= 1


@pytest.mark.parametrize("path", OF_DETECT_SECRETS)
def test_same_as_the_library(path: str) -> None:
    """Each plugin's patterns are written out as they are; those of its flags that change nothing are left out."""
    module, _, name = path.partition(".")
    theirs = getattr(import_module(f"detect_secrets.plugins.{module}"), name).denylist
    ours = [re.compile(pattern) for pattern in OF_DETECT_SECRETS[path][1:]]
    assert [pattern.pattern.removeprefix("(?i)") for pattern in ours] == [pattern.pattern for pattern in theirs]
    for own, other in zip(ours, theirs, strict=True):
        spaced = re.search(r"[\s#]", own.pattern) is not None
        assert own.flags == other.flags & ~(0 if spaced else re.VERBOSE)


@given(st.text(), st.sampled_from(sorted(SECRETS)), st.text())
def test_only_the_secret_changes(before: str, kind: str, after: str) -> None:
    """What stands around a secret is left alone, and masks don't overlap."""
    text = f"{before} {SECRETS[kind]} {after}"
    secrets = find_secrets(text)
    assert all(one.end <= other.start for one, other in pairwise(secrets))
    masked = mask(text, secrets)
    assert masked.startswith(text[: secrets[0].start])
    assert masked.endswith(text[secrets[-1].end :])


@pytest.mark.parametrize("pattern", [pattern for _, *patterns in TOKENS for pattern in patterns])
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_suspects_of_a_pattern(pattern: str, data: st.DataObject) -> None:
    """Whatever a pattern matches is suspected if it is a secret."""
    assert_suspected(data.draw(st.from_regex(pattern)))


def test_a_key_of_short_runs_is_suspected() -> None:
    """`=`, `+` and `/` may stand anywhere in what the pattern of Azure's keys takes."""
    assert_suspected("AccountKey=" + "0000000000+/=" * 7)


@given(st.lists(st.sampled_from(["4", "٣", " ", "-", "41", "://a:", "b", "@", "aws key '", A40, "ſ", "'", ".", "\n"])))
def test_suspects(pieces: list[str]) -> None:
    """So is a card number, a password in a URL, and a key of AWS that its name alone gives away."""
    assert_suspected("".join(pieces))


def assert_suspected(text: str) -> None:
    """A text with a secret is among the suspects, between others that aren't."""
    suspects = Scan(SUSPICIOUS).find(["a", text, "b"])
    assert suspects == [1] if find_secrets(text) else suspects in ([], [1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "trick", ["eyJ", "eyJa.", "aws key ", "://a:", "4 ", "xoxb-1-", "glagent-", "PRIVATE KEY ", "//"]
)
def test_hostile_texts(trick: str) -> None:
    """100 kB of one trick don't hang."""
    start = time.process_time()
    find_secrets(trick * (100_000 // len(trick)) + "@")
    assert time.process_time() - start < 20
