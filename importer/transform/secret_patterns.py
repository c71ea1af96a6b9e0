"""Patterns of keys and tokens.

The first group are those of detect-secrets 1.5 (Yelp, Apache-2.0), written out because its modules load an HTTP client;
a test holds that they are the same. These of its plugins are left out:
entropy, keyword and IP address   they take commit hashes, UUIDs and versions for secrets, which issues are full of
IBM, Cloudant, Softlayer          they take any 44 or 64 letters after `key:`
Artifactory                       it takes words that begin with `APA` to `APF`
basic auth and npm                their patterns are cubic and quadratic in the length of a line
"""

from __future__ import annotations

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
