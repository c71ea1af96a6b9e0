"""The answers of a probe, as the ledger keeps them, and what a run makes of them: limits, warnings, a refusal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import inf
from typing import TYPE_CHECKING, Any

from importer.errors import TargetDoubted
from importer.ledger.commands import source_command
from importer.load.keeping import Size, TargetKeeping
from importer.phrases import format_time
from importer.triage.actions import DAY_SECONDS
from importer.triage.assumptions import ASSUMPTIONS

if TYPE_CHECKING:
    from importer.ledger.store import Ledger
    from importer.load.context import Settings

PROBE = "probe"
KEPT = "probe_kept"
"""Names in what the ledger keeps of a target: the answers, and id → `updated_at` of issues that a probe has left."""
VALID_SECONDS = 90 * DAY_SECONDS
LAGS = 3
"""How often the longest lag that a probe has seen is waited for before an absence is believed."""

Observations = Mapping[str, tuple[bool | None, str]]
"""Id of an assumption → whether it is so, None if that wasn't seen; and what was seen."""


@dataclass(frozen=True)
class Answers:
    """What a probe has found out.

    at       when, in seconds since 1970
    rate     requests a second that were taken, None if none was answered with 429
    settle   seconds until everything was there
    kept     of descriptions and of comments: the longest that was stored whole, twice if longer ones are cut
    numbers  of the issues that were made
    """

    at: float
    organisation: str
    rate: float | None
    settle: float
    seen: Observations
    kept: Sequence[Sequence[Sequence[int]]]
    numbers: Sequence[str] = ()

    @property
    def otherwise(self) -> list[str]:
        """Ids of the assumptions that aren't so."""
        return [assumption.id for assumption in ASSUMPTIONS if self.seen.get(assumption.id, (None, ""))[0] is False]

    @property
    def refuses(self) -> list[str]:
        """What can't work, each in a sentence."""
        wrong = set(self.otherwise)
        fatal = [assumption for assumption in ASSUMPTIONS if assumption.refuses and wrong >= {*assumption.refuses}]
        sentences = list[str]()
        for assumption in fatal:
            _, text = self.seen[assumption.id]
            sentences.append(f"{assumption.assumed}: that isn't so ({text})")
        return sentences

    def keeping(self) -> TargetKeeping:
        """Return what the target keeps of texts, for a run to begin with."""
        keeping = TargetKeeping()
        for kind, (longest, limit) in zip((keeping.descriptions, keeping.comments), self.kept, strict=True):
            # An earlier version kept the highest of numbers where nothing was cut.
            kind.whole = Size(*longest)
            kind.cuts = bool(limit) and limit[0] < sys.maxsize
        return keeping

    def limit(self, settings: Settings) -> Settings:
        """Return a run's settings, slower and more patient if need be."""
        rate = min(settings.rate or inf, self.rate or inf)
        settle = max(settings.settle_seconds, LAGS * self.settle)
        return replace(settings, rate=settings.rate if rate == inf else rate, settle_seconds=settle)

    def warnings(self, command: str) -> Iterator[str]:
        """Yield that it is to be asked again, with the command, if these answers are old."""
        if time.time() - self.at > VALID_SECONDS:
            yield f"this organisation was probed on {format_time(self.at)}, more than 90 days ago; ask again: {command}"
        if self.rate is not None:
            yield f"at most {self.rate:.2g} requests a second, as the probe met a limit; to ask again: {command}"

    def contradictions(self, findings: Observations, command: str) -> Iterator[str]:
        """Yield what was so for the probe and isn't any more, with the command to ask again."""
        for name, (is_so, text) in findings.items():
            if is_so is False and self.seen.get(name, (None, ""))[0]:
                contradiction = (
                    f"{name}: {text}, and wasn't so on {format_time(self.at)}, when this organisation was probed"
                )
                yield f"warning: {contradiction}; ask again: {command}"

    def refuse(self, command: str) -> None:
        """Raise TargetDoubted if an import can't work."""
        if self.refuses:
            headline = f"The probe of {format_time(self.at)} found that an import can't work:"
            hint = f"Nothing was sent. If Triage has changed since, ask again: {command}"
            raise TargetDoubted("\n".join([headline, *self.refuses]), hint=hint)


def find_answers(ledger: Ledger, target: str, organisation: str = "") -> Answers | None:
    """Return the last answers of a target, or of its organisation at another URL; None if it was never probed."""
    contact = ledger.find_contact(target, organisation)
    document: dict[str, Any] | None = contact.get(PROBE)
    names = [field.name for field in fields(Answers)]
    if document is None or not document.keys() >= {*names}:
        return None
    return Answers(**{name: document[name] for name in names})  # earlier versions keep more


def probe_command(ledger: str, target: str) -> str:
    """Return the command that probes a target."""
    return source_command(ledger, target, "probe")
