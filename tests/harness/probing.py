"""Asks a target everything, as `probe` does, and gives what was seen."""

from __future__ import annotations

from collections.abc import Callable

from importer.load.preflight import find_organisation
from importer.load.probe import Probe
from importer.load.probe_calls import MOST_SECONDS
from importer.load.probed import Answers
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.paced import PacedCalls
from importer.triage.recorder import Recorder
from importer.triage.target import ApiKey, Target
from importer.triage.transport import AiohttpTransport, Timeouts

QUICK = (0.0, 0.6, 1.8)
"""When is looked, in seconds: what lags in tests lags less."""


def probe_target(
    url: str,
    *,
    rate: float = 0,
    keep: bool = False,
    answer_seconds: float = 30.0,
    spared_seconds: float = 0.0,
    seconds: float = MOST_SECONDS,
    say: Callable[[str], object] = lambda text: None,
) -> tuple[Answers, Probe, PacedCalls]:
    """Probe a target; the answers, what asked, and its calls. An answer is waited for so many seconds.

    Issues of other probes are spared that are so many seconds younger than its own.
    """
    key = ApiKey("org_rehearsal")
    calls = PacedCalls.at(rate, lambda text: None)

    async def ask() -> tuple[Answers, Probe, PacedCalls]:
        recorder = Recorder(AiohttpTransport(Timeouts(answer=answer_seconds)))
        organisation = await find_organisation(Target(url, url, key), lambda text: None)
        async with TriageClient(url, key, transport=recorder) as client:
            probe = Probe(
                client,
                calls,
                recorder,
                organisation,
                say=say,
                seconds=seconds,
                look_seconds=QUICK,
                spared_seconds=spared_seconds,
            )
            return await probe.ask(keep=keep), probe, calls

    return run_loop(ask())
