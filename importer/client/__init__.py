"""One call of the Triage API → a typed answer, or one error that says what to do (only here: httpx and aiohttp)."""

from importer.client.actions import Action, CallFailed, Kind
from importer.client.calls import FIELDS, ISSUES_PATH, Entries, Entry, Issue, Page, TriageClient, issue_path
from importer.client.target import ApiKey, normalise_target
from importer.client.transport import AiohttpTransport, Timeouts

__all__ = [
    "FIELDS",
    "ISSUES_PATH",
    "Action",
    "AiohttpTransport",
    "ApiKey",
    "CallFailed",
    "Entries",
    "Entry",
    "Issue",
    "Kind",
    "Page",
    "Timeouts",
    "TriageClient",
    "issue_path",
    "normalise_target",
]
