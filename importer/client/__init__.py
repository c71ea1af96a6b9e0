"""One call of the Triage API → a typed answer, or one error that says what to do (only here: httpx and aiohttp)."""

from importer.client.actions import Action, CallFailed, Kind
from importer.client.answers import FIELDS, Attached, Entry, Flagged, Issue, Member, Page, Related
from importer.client.calls import ISSUES_PATH, TriageClient, issue_path
from importer.client.target import ApiKey, normalise_target
from importer.client.transport import AiohttpTransport, Timeouts

__all__ = [
    "FIELDS",
    "ISSUES_PATH",
    "Action",
    "AiohttpTransport",
    "ApiKey",
    "Attached",
    "CallFailed",
    "Entry",
    "Flagged",
    "Issue",
    "Kind",
    "Member",
    "Page",
    "Related",
    "Timeouts",
    "TriageClient",
    "issue_path",
    "normalise_target",
]
