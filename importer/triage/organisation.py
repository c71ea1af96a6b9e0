"""The target of a command: where it is, what the ledger calls it, whose it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from importer.errors import RunStopped, TargetUnreachable
from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls
from importer.triage.pacing import Breaker, Limiter
from importer.triage.target import ApiKey


@dataclass(frozen=True)
class Target:
    """Where issues go. `name` is what the ledger calls it: the normalised URL, or `sandbox:FILE`."""

    url: str
    name: str
    api_key: ApiKey


async def find_organisation(target: Target, say: Callable[[str], None]) -> str:
    """Ask the target whose it is: the first request. Where nothing answers, that is said at once."""
    async with TriageClient(target.url, target.api_key) as client:
        try:
            return await client.find_org_id()
        except CallFailed as error:
            if error.action is not Action.RETRY:
                raise error.as_stop() from error
            if not error.status:
                raise _unreachable(target, error) from error
            say(f"{target.url} is busy ({error.message}): waiting …")
        try:
            return await PacedCalls(Limiter(), Breaker()).call(client.find_org_id)
        except CallFailed as error:
            raise _unreachable(target, error) from error


def stop_of(error: CallFailed) -> RunStopped:
    """Make the error that ends a command whose look at the target failed."""
    if error.action is not Action.REFUSE:
        return error.as_stop()
    return TargetUnreachable(
        f"What is in Triage can't be read: {error.message}.",
        hint="Nothing is sent without a look first. Run the same command again once it can.",
    )


def _unreachable(target: Target, error: CallFailed) -> TargetUnreachable:
    return TargetUnreachable(
        f"{target.url} does not answer as it should: {error.message}.",
        hint="Nothing was sent. Check --api-url and the network, then run the same command again.",
    )
