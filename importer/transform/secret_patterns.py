"""Patterns of keys and tokens, each with hints: every text that it matches contains at least one of them.

The first group are those of detect-secrets 1.5 (Yelp, Apache-2.0), written out because its modules load an HTTP client;
a test holds that they are the same. These of its plugins are left out:
entropy, keyword and IP address   they take commit hashes, UUIDs and versions for secrets, which issues are full of
IBM, Cloudant, Softlayer          they take any 44 or 64 letters after `key:`
Artifactory                       it takes words that begin with `APA` to `APF`
basic auth and npm                their patterns are cubic and quadratic in the length of a line
"""

from __future__ import annotations

from typing import NamedTuple


class TokenKind(NamedTuple):
    """A kind of token in words that people know.

    Only a text with one of the hints can have one, and, where there is a core, only a text that this pattern is found
    in: it is a part of the others that begins with a sign, which is found ten times faster.
    """

    name: str
    hints: tuple[str, ...]
    patterns: tuple[str, ...]
    core: str = ""


def _kind(name: str, hints: tuple[str, ...], *patterns: str, core: str = "") -> TokenKind:
    return TokenKind(name, hints, patterns, core)


NAMES_OF_AWS = ("aws", "AWS")
"""One of these stands before each of AWS's second keys."""
OF_DETECT_SECRETS = {
    "aws.AWSKeyDetector": _kind(
        "AWS key",
        ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", *NAMES_OF_AWS),
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}",
        r"(?i)aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?[\'\"]([0-9a-zA-Z/+]{40})[\'\"]",
    ),
    "azure_storage_key.AzureStorageKeyDetector": _kind(
        "Azure storage key", ("AccountKey=",), r"AccountKey=[a-zA-Z0-9+\/=]{88}"
    ),
    "discord.DiscordBotTokenDetector": _kind(
        "Discord token",
        (".",),
        r"[MNO][a-zA-Z\d_-]{23,25}\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27}",
        core=r"\.[a-zA-Z\d_-]{6}\.",
    ),
    "github_token.GitHubTokenDetector": _kind(
        "GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9_]{36}"
    ),
    "gitlab_token.GitLabTokenDetector": _kind(
        "GitLab token",
        ("gl", "GR1348941"),
        r"(glpat|gldt|glft|glsoat|glrt)-[A-Za-z0-9_\-]{20,50}(?!\w)",
        r"GR1348941[A-Za-z0-9_\-]{20,50}(?!\w)",
        r"glcbt-([0-9a-fA-F]{2}_)?[A-Za-z0-9_\-]{20,50}(?!\w)",
        r"glimt-[A-Za-z0-9_\-]{25}(?!\w)",
        r"glptt-[A-Za-z0-9_\-]{40}(?!\w)",
        r"glagent-[A-Za-z0-9_\-]{50,1024}(?!\w)",
        r"gloas-[A-Za-z0-9_\-]{64}(?!\w)",
    ),
    "jwt.JwtTokenDetector": _kind(
        "JSON web token", ("eyJ",), r"eyJ[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+\.?[A-Za-z0-9-_.+/=]*?"
    ),
    "mailchimp.MailchimpDetector": _kind("Mailchimp key", ("-us",), r"[0-9a-z]{32}-us[0-9]{1,2}"),
    "openai.OpenAIDetector": _kind(
        "OpenAI key", ("T3BlbkFJ",), r"sk-[A-Za-z0-9-_]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"
    ),
    "pypi_token.PypiTokenDetector": _kind(
        "PyPI token",
        ("pypi-",),
        r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9-_]{70,}",
        r"pypi-AgENdGVzdC5weXBpLm9yZw[A-Za-z0-9-_]{70,}",
    ),
    "sendgrid.SendGridDetector": _kind("SendGrid key", ("SG.",), r"SG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}"),
    "slack.SlackDetector": _kind(
        "Slack token",
        ("xox", "hooks.slack.com"),
        r"(?i)xox(?:a|b|p|o|s|r)-(?:\d+-)+[a-z0-9]+",
        r"(?i)https://hooks\.slack\.com/services/T[a-zA-Z0-9_]+/B[a-zA-Z0-9_]+/[a-zA-Z0-9_]+",
    ),
    "square_oauth.SquareOAuthDetector": _kind("Square secret", ("sq0csp-",), r"sq0csp-[0-9A-Za-z\\\-_]{43}"),
    "stripe.StripeDetector": _kind("Stripe key", ("k_live_",), r"(?:r|s)k_live_[0-9a-zA-Z]{24}"),
    "telegram_token.TelegramBotTokenDetector": _kind(
        "Telegram token", (":",), r"\d{8,10}:[0-9A-Za-z_-]{35}", core=r":[0-9A-Za-z_-]{35}"
    ),
    "twilio.TwilioKeyDetector": _kind("Twilio key", ("AC", "SK"), r"AC[a-z0-9]{32}", r"SK[a-z0-9]{32}"),
    "private_key.PrivateKeyDetector": _kind(
        "private key",
        ("PRIVATE KEY", "PuTTY-User-Key-File-2"),
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
    _kind("GitHub token", ("github_pat_",), r"github_pat_\w{22,255}"),
    _kind("Google API key", ("AIza",), r"AIza[\w-]{35}"),
    _kind("Anthropic key", ("sk-ant-",), r"sk-ant-[\w-]{20,200}"),
    _kind("OpenAI key", ("sk-proj-",), r"sk-proj-[\w-]{40,200}"),
    _kind("Hugging Face token", ("hf_",), r"hf_[A-Za-z]{34}"),
    _kind("npm token", ("npm_",), r"npm_[A-Za-z0-9]{36}"),
    _kind("Slack token", ("xapp-",), r"xapp-\d-[A-Z0-9]{6,20}-\d{6,20}-[a-z0-9]{20,100}"),
)
TOKENS = (*OF_DETECT_SECRETS.values(), *NEWER)

LEAST_RUN = 25
"""So many letters, digits, `_` and `-` follow each other in every token, but in AWS's second and those of SHORT."""
SHORT = {
    **dict.fromkeys(("AKIA", "ASIA", "ABIA", "ACCA", "A3T"), "A"),
    **{"eyJ": "J", "xox": "x", "hooks.slack.com": "k", "sq0csp-": "q", "PRIVATE KEY": "Y"},
    **{"PuTTY-User-Key-File-2": "Y", "AccountKey=": "K"},
    **{"github_pat_": "_", "AIza": "z", "sk-ant-": "k", "sk-proj-": "j"},  # these may have letters of any script
}
"""Hints of the others, each with the sign in it that is rarest in texts, the last such one in it."""
