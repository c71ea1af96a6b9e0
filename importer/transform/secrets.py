"""Finds secrets in texts: keys, tokens, passwords in addresses, card numbers.

In the 43,684 texts of real exports it finds one secret, a real password in a URL.

The first patterns of tokens are those of detect-secrets 1.5 (Yelp, Apache-2.0), written out because its modules load an
HTTP client; a test holds that they are the same. These of its plugins are left out:
entropy, keyword and IP address   they take commit hashes, UUIDs and versions for secrets, which issues are full of
IBM, Cloudant, Softlayer          they take any 44 or 64 letters after `key:`
Artifactory                       it takes words that begin with `APA` to `APF`
basic auth and npm                their patterns are cubic and quadratic in the length of a line
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from importer.transform.scan import Scan


class Secret(NamedTuple):
    """The position of a secret in a text, and its kind in words that people know."""

    kind: str
    start: int
    end: int


OF_DETECT_SECRETS = {
    "aws.AWSKeyDetector": (
        "AWS key",
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}",
        r"(?i)aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?[\'\"]([0-9a-zA-Z/+]{40})[\'\"]",
    ),
    "azure_storage_key.AzureStorageKeyDetector": ("Azure storage key", r"AccountKey=[a-zA-Z0-9+\/=]{88}"),
    "discord.DiscordBotTokenDetector": (
        "Discord token",
        r"[MNO][a-zA-Z\d_-]{23,25}\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27}",
    ),
    "github_token.GitHubTokenDetector": ("GitHub token", r"(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9_]{36}"),
    "gitlab_token.GitLabTokenDetector": (
        "GitLab token",
        r"(glpat|gldt|glft|glsoat|glrt)-[A-Za-z0-9_\-]{20,50}(?!\w)",
        r"GR1348941[A-Za-z0-9_\-]{20,50}(?!\w)",
        r"glcbt-([0-9a-fA-F]{2}_)?[A-Za-z0-9_\-]{20,50}(?!\w)",
        r"glimt-[A-Za-z0-9_\-]{25}(?!\w)",
        r"glptt-[A-Za-z0-9_\-]{40}(?!\w)",
        r"glagent-[A-Za-z0-9_\-]{50,1024}(?!\w)",
        r"gloas-[A-Za-z0-9_\-]{64}(?!\w)",
    ),
    "jwt.JwtTokenDetector": ("JSON web token", r"eyJ[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+\.?[A-Za-z0-9-_.+/=]*?"),
    "mailchimp.MailchimpDetector": ("Mailchimp key", r"[0-9a-z]{32}-us[0-9]{1,2}"),
    "openai.OpenAIDetector": ("OpenAI key", r"sk-[A-Za-z0-9-_]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    "pypi_token.PypiTokenDetector": (
        "PyPI token",
        r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9-_]{70,}",
        r"pypi-AgENdGVzdC5weXBpLm9yZw[A-Za-z0-9-_]{70,}",
    ),
    "sendgrid.SendGridDetector": ("SendGrid key", r"SG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}"),
    "slack.SlackDetector": (
        "Slack token",
        r"(?i)xox(?:a|b|p|o|s|r)-(?:\d+-)+[a-z0-9]+",
        r"(?i)https://hooks\.slack\.com/services/T[a-zA-Z0-9_]+/B[a-zA-Z0-9_]+/[a-zA-Z0-9_]+",
    ),
    "square_oauth.SquareOAuthDetector": ("Square secret", r"sq0csp-[0-9A-Za-z\\\-_]{43}"),
    "stripe.StripeDetector": ("Stripe key", r"(?:r|s)k_live_[0-9a-zA-Z]{24}"),
    "telegram_token.TelegramBotTokenDetector": ("Telegram token", r"\d{8,10}:[0-9A-Za-z_-]{35}"),
    "twilio.TwilioKeyDetector": ("Twilio key", r"AC[a-z0-9]{32}", r"SK[a-z0-9]{32}"),
    "private_key.PrivateKeyDetector": (
        "private key",
        r"BEGIN DSA PRIVATE KEY",
        r"BEGIN EC PRIVATE KEY",
        r"BEGIN OPENSSH PRIVATE KEY",
        r"BEGIN PGP PRIVATE KEY BLOCK",
        r"BEGIN PRIVATE KEY",
        r"BEGIN RSA PRIVATE KEY",
        r"BEGIN SSH2 ENCRYPTED PRIVATE KEY",
        r"PuTTY-User-Key-File-2",
    ),
}
NEWER = (  # than that release; as their vendors' secret-scanning pages give them
    ("GitHub token", r"github_pat_\w{22,255}"),
    ("Google API key", r"AIza[\w-]{35}"),
    ("Anthropic key", r"sk-ant-[\w-]{20,200}"),
    ("OpenAI key", r"sk-proj-[\w-]{40,200}"),
    ("Hugging Face token", r"hf_[A-Za-z]{34}"),
    ("npm token", r"npm_[A-Za-z0-9]{36}"),
    ("Slack token", r"xapp-\d-[A-Z0-9]{6,20}-\d{6,20}-[a-z0-9]{20,100}"),
)
TOKENS = (*OF_DETECT_SECRETS.values(), *NEWER)
"""Name of a kind in words that people know, and its patterns."""

_URL_PASSWORD = re.compile(r"://[^\s:/@{}<>]{1,100}:([^\s/@{}<>]{1,100})@")
_PLACEHOLDERS = frozenset(("password", "passwd", "pass", "pwd", "pw", "secret", "token", "example", "changeme"))
_SEEMS_MASKED = re.compile(r"[*.xX]+|[$%\[].*")
_TAIL = re.compile(r"[\w-]*+")  # patterns name the least length of a token; the rest of the word is secret too
_KEY_BODY = re.compile(r"[^-\n]{0,40}-*+(?:\s*+[A-Za-z0-9+/=:,\\-]{16,})*+(?:\s*+[A-Za-z0-9+/=]+\s*+(?=-----END))?")
_KEY_END = re.compile(r"\s*-----END [A-Z0-9 ]{1,40}-----")
# A digit comes first, so that Python's `re` passes over all other signs at once.
_CARD = re.compile(r"[0-9](?<![\w.,#/=&?%+:-].)(?:[ -]?[0-9]){13,15}(?![\w/%-]|[.,][0-9])")
_CARD_ISSUERS = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Visa, Mastercard
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"  # Amex and others
)


def _end_of(pattern: str) -> str:
    """The part of a pattern behind what may be longer or shorter, without what must not follow: it is in each match.

    RE2 keeps a state for each number of signs that it may have seen, and is fast as long as these are few.
    """
    shortest = re.sub(r"(?:,\d+)?\}(?:\(\?!\\w\))?$", "}", pattern)
    return re.split(r"\{\d+,\d+\}\??", shortest)[-1]


_TOKEN_ENDS = [_end_of(pattern) for _, *patterns in TOKENS for pattern in patterns]
_MAY_HAVE_TOKENS = Scan(_TOKEN_ENDS)
SUSPICIOUS = (*_TOKEN_ENDS, r"://[^\s:/@{}<>]+:[^\s/@{}<>]+@", r"[0-9](?:[ -]?[0-9]){13}")
"""Patterns for a scan: each text that has a secret has a match of one."""
_SHOWN = 4
_LEAST_TO_SHOW = 16  # of a shorter secret nothing is shown: four letters of eight are half of it


def find_secrets(text: str) -> tuple[Secret, ...]:
    """The secrets of a text in order, without overlaps."""
    secrets: list[Secret] = []
    for secret in sorted(_find_any(text), key=lambda secret: (secret.start, -secret.end)):
        if not secrets or secret.start >= secrets[-1].end:
            secrets.append(secret)
    return tuple(secrets)


def mask(text: str, secrets: Sequence[Secret]) -> str:
    """Replace each secret by its kind, keeping at most its first four characters."""
    parts = list[str]()
    position = 0
    for kind, start, end in secrets:
        length = _SHOWN if end - start >= _LEAST_TO_SHOW else 0
        parts += [text[position : start + length], f"[secret masked: {kind}]"]
        position = end
    return "".join([*parts, text[position:]])


def _find_any(text: str) -> Iterator[Secret]:
    if _MAY_HAVE_TOKENS.find([text]):
        for kind, *patterns in TOKENS:
            for pattern in patterns:
                yield from _tokens(text, kind, _compile(pattern))
    if "://" in text and "@" in text:
        for match in _URL_PASSWORD.finditer(text):
            password = match[1]
            if password.lower() not in _PLACEHOLDERS and not _SEEMS_MASKED.fullmatch(password):
                yield Secret("password in a URL", *match.span(1))
    for match in _CARD.finditer(text):
        if _is_card(match[0]):
            yield Secret("card number", *match.span())


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of tokens when the first text may have one: most files never do."""
    return re.compile(pattern, re.MULTILINE | re.ASCII)


def _tokens(text: str, kind: str, pattern: re.Pattern[str]) -> Iterator[Secret]:
    for match in pattern.finditer(text):
        start, end = match.span()
        if kind == "AWS key" and pattern.groups:
            start, end = match.span(1)
        if kind == "private key":
            yield Secret(kind, start, _end_of_key(text, end))
        elif start == 0 or not text[start - 1].isalnum():  # else it is a part of something longer, a hash or an image
            tail = _TAIL.match(text, end)
            yield Secret(kind, start, tail.end() if tail else end)


def _end_of_key(text: str, position: int) -> int:
    """The end of a private key, which may be cut off or written on one line."""
    body = _KEY_BODY.match(text, position)
    end = body.end() if body else position
    closing = _KEY_END.match(text, end)
    return closing.end() if closing else end


def _is_card(text: str) -> bool:
    """Whether a number begins like a card issuer's and its check digit is right."""
    digits = text.replace(" ", "").replace("-", "")
    if not _CARD_ISSUERS.fullmatch(digits):
        return False
    total = sum(map(int, digits[-1::-2]))
    for digit in digits[-2::-2]:
        tens, ones = divmod(2 * int(digit), 10)
        total += tens + ones
    return total % 10 == 0
