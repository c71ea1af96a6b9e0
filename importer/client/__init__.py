"""One call of the Triage API → a typed answer, or one error that says what to do (only here: httpx and aiohttp)."""

from importer.client.actions import Action, CallFailed, Kind
from importer.client.calls import Issue, Page, TriageClient
from importer.client.target import ApiKey, normalise_target
from importer.client.transport import AiohttpTransport, Timeouts

__all__ = [
    "Action",
    "AiohttpTransport",
    "ApiKey",
    "CallFailed",
    "Issue",
    "Kind",
    "Page",
    "Timeouts",
    "TriageClient",
    "normalise_target",
]
