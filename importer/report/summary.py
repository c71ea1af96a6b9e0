"""summary.json: the figures of a check or a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from importer import __version__
from importer.check.check_pass import Checked
from importer.check.job import Job
from importer.errors import ExitCode
from importer.records import Outcome


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts add up: the outcomes to `rows`. In a check `planned` stands where created and updated would.

    `known` are the rejected rows that were rejected for the same reasons in the last run, `vanished` the issues whose
    keys the source had in the run `vanished_since` and doesn't have any more.
    `forecast` is what the check found to be done: operations by what they do, and `requests`; `losses` names the
    columns that go nowhere.
    `additions` (what was added to issues, by what it does), `requests`, `elapsed_seconds` and `issues_per_second` are
    those of this attempt, the outcomes those of the run.
    `unknown_until` is from when on the next run can decide the unknown rows. `findings` is code → rows; `value_flow` is
    described in `flow.ValueFlow.as_json`; hashes are SHA-256 in hex.
    """

    run_id: str
    exit_code: int
    rows: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    rejected: int = 0
    failed: int = 0
    unknown: int = 0
    planned: int = 0
    forecast: Mapping[str, int] = field(default_factory=dict)
    losses: Mapping[str, object] = field(default_factory=dict)
    additions: Mapping[str, int] = field(default_factory=dict)
    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    elapsed_seconds: float = 0.0
    issues_per_second: float = 0.0
    target: str = ""
    source_name: str = ""
    source_sha256: str = ""
    recognised: str = ""
    mapping: str = ""
    mapping_sha256: str = ""
    findings: Mapping[str, int] = field(default_factory=dict)
    known: int = 0
    vanished: int = 0
    vanished_since: str = ""
    warnings: tuple[str, ...] = ()
    value_flow: Mapping[str, object] = field(default_factory=dict)
    stopped_because: str = ""
    out: str = ""
    suggestion: str = ""
    unknown_until: str = ""
    version: str = ""

    @property
    def incomplete(self) -> int:
        """Issues that are in without all that belongs to them."""
        return self.findings.get("incomplete", 0)

    def outcomes(self) -> dict[str, int]:
        """Outcome → rows."""
        return {outcome.value: getattr(self, outcome.value) for outcome in Outcome}

    def as_text(self) -> str:
        """The summary as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"

    def write(self, file: IO[str]) -> None:
        """Write summary.json."""
        file.write(self.as_text())


def summarise(
    job: Job, checked: Checked, outcomes: Mapping[Outcome, int], exit_code: ExitCode, **figures: Any
) -> Summary:
    """The summary of a check or a run: what both know, and the figures that only one has."""
    counts: dict[str, Any] = {outcome.value: outcomes[outcome] for outcome in Outcome}
    return Summary(
        exit_code=int(exit_code),
        rows=sum(outcomes.values()),
        source_name=job.source_name,
        source_sha256=checked.digest,
        recognised=job.recognised,
        mapping=job.mapping.name,
        mapping_sha256=job.mapping.digest,
        warnings=(*job.warnings, *checked.warnings),
        value_flow=checked.flow.as_json(),
        forecast=checked.load.as_json(),
        losses={} if checked.coverage is None else checked.coverage.as_json(),
        version=__version__,
        **counts,
        **figures,
    )
