"""The figures of a check or a run: for summary.json, which `--json` prints, for Prometheus, and as sums that add up."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from importer import __version__
from importer.check.check_pass import Checked
from importer.check.job import Job
from importer.check.observers.completeness import ASSIGNMENTS, EVIDENCE, ISSUES
from importer.codes import INCOMPLETE
from importer.errors import ExitCode, UsageError, how_to_install
from importer.notices import Notice
from importer.outputs import METRICS, READABLE, replace
from importer.phrases import counted, format_iso, format_time
from importer.records import ADDITION_KINDS, SANDBOX_PREFIX, Act, Outcome


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a check or a run. Outcomes add up to `rows`; a check has `planned` for created and updated.

    Outcomes are those of the run; `additions`, `requests`, `retries`, `rate_limited` (answers 429), `elapsed_seconds`
    and `issues_per_second` those of this attempt. report/README.md says what each of them is.
    """

    run_id: str
    exit_code: int
    rows: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    changed: int = 0
    skipped: int = 0
    rejected: int = 0
    failed: int = 0
    unknown: int = 0
    planned: int = 0
    forecast: Mapping[str, int] = field(default_factory=dict)
    losses: Mapping[str, object] = field(default_factory=dict)
    counted: Mapping[str, object] = field(default_factory=dict)
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
    notices: tuple[Notice, ...] = ()
    duplicates: int = 0
    known: int = 0
    new: Sequence[Mapping[str, str]] = ()
    tells_known: bool = False
    recurring: Mapping[str, int] = field(default_factory=dict)
    vanished: int = 0
    vanished_since: str = ""
    same_as: str = ""
    repeats: int = 0
    source_age_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    value_flow: Mapping[str, object] = field(default_factory=dict)
    stopped_because: str = ""
    out: str = ""
    suggestion: str = ""
    errors: tuple[str, ...] = ()
    unknown_until: str = ""
    version: str = ""
    started_at: str = ""
    ended_at: str = ""

    @property
    def is_rehearsal(self) -> bool:
        return bool(self.run_id) and self.target.startswith(SANDBOX_PREFIX)

    @property
    def is_cut_short(self) -> bool:
        return bool(self.run_id and self.stopped_because)

    @property
    def how_on(self) -> str:
        """How a run that was cut short goes on, a sentence without its first capital; "" where its reason says so."""
        if "same command" in self.stopped_because:
            return ""
        return "once that is decided, " * (self.exit_code == ExitCode.DECIDE) + "the same command continues"

    @property
    def incomplete(self) -> int:
        """Issues that are in Triage without all of their additions."""
        return self.findings.get(INCOMPLETE, 0)

    def outcomes(self) -> dict[str, int]:
        return {outcome.value: getattr(self, outcome.value) for outcome in Outcome}

    def as_text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"


NOTHING_SENT: Mapping[str, int] = {}
STILL_RUNNING = "It is still running."
"""What `stopped_because` says of a run that has not stopped."""


def times(started: float) -> dict[str, Any]:
    """The fields of when something began, in seconds since 1970, that ends now."""
    return {"started_at": format_iso(started), "ended_at": format_iso(time.time())}


def summarise(
    job: Job,
    checked: Checked,
    outcomes: Mapping[Outcome, int],
    exit_code: ExitCode,
    sent: Mapping[str, int] = NOTHING_SENT,
    **figures: Any,
) -> Summary:
    """Make the summary of a check or a run; `figures` are the fields that only one of them has.

    `sent` has how many comments this attempt has sent, how much evidence its run, and how many owners and assignees
    are in the issues of that, see `Completeness` and `Assignments`.
    """
    counts: dict[str, Any] = {outcome.value: outcomes[outcome] for outcome in Outcome}
    return Summary(
        exit_code=int(exit_code),
        rows=sum(outcomes.values()),
        source_name=job.source_name,
        source_sha256=checked.digest,
        recognised=job.recognised,
        mapping=job.mapping.name,
        mapping_sha256=job.mapping.digest,
        warnings=tuple(checked.warnings),
        value_flow=checked.flow.as_json(),
        forecast=checked.workload.as_json(),
        losses=checked.coverage.as_json(),
        counted=_count_parts(checked, sent),
        version=__version__,
        **counts,
        **figures,
    )


def _count_parts(checked: Checked, sent: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Count what the source has of its issues' comments, attachments and people, and what of it is sent."""
    parts, assignments = checked.completeness.as_json(checked.coverage.named_attachments, sent), checked.assignments
    return parts | ({ASSIGNMENTS: assignments.as_json(sent.get(ASSIGNMENTS, 0))} if any(assignments) else {})


def find_client() -> ModuleType:
    """Return Prometheus' library. Raises UsageError where the extra is missing."""
    try:
        import prometheus_client
    except ImportError as error:
        raise UsageError("--metrics-file needs prometheus-client.", hint=how_to_install("metrics")) from error
    return prometheus_client


def write_metrics(path: Path, summary: Summary, name: str, started_at: float) -> None:
    """Write the figures of a start of an import, whole or not at all; `name` is the import's, or its source's.

    `started_at` is in seconds since 1970. Raises StorageFull where it can't be written.
    """
    client = find_client()
    registry = client.CollectorRegistry()

    def gauge(what: str, about: str, values: dict[str, float], label: str = "") -> None:
        found = client.Gauge(f"triage_import_{what}", about, ["import", *filter(None, [label])], registry=registry)
        for each, value in values.items():
            found.labels(*([name, each] if label else [name])).set(value)

    gauge("start_timestamp_seconds", "When the last start of the import began.", {"": started_at})
    gauge("end_timestamp_seconds", "When it ended.", {"": time.time()})
    gauge("exit_code", "How it ended, see the exit codes of triage-import.", {"": summary.exit_code})
    gauge("requests", "Requests that it made.", {"": summary.requests})
    gauge("rows", "Rows by outcome.", dict(summary.outcomes()), "outcome")
    gauge("findings", "Rows by code of a finding.", dict(summary.findings), "code")
    replace(path, client.generate_latest(registry), METRICS[0], READABLE)


ISSUE, ASSIGNMENT = "issue", "assignment"
ADDED_NAMES = {str(act): kind.heading for act, kind in ADDITION_KINDS.items() if kind.heading}
KINDS = {ISSUE: "Issues", ASSIGNMENT: "Owners and assignees", **ADDED_NAMES}
"""What is read back → its name on a page."""
ROWS = "Issues, by their rows"
"""Several rows may be one issue, and what is counted before a verification is rows."""
COUNTED_ACTS = {ASSIGNMENTS: ASSIGNMENT, EVIDENCE: str(Act.EVIDENCE)}
"""Kinds under `counted` whose figures are those of the whole run → what is read back of them."""
READ_BACK, AT = "read_back", "at"


class Sum(NamedTuple):
    """What a source has of a kind, and what became of it; None where nobody knows.

    note         what else there is to say of it
    read_back    how many a verification found, of how many it looked for
    """

    kind: str
    source_says: int | None
    file_has: int | None
    planned: int
    sent: int
    read_back: tuple[int, int] | None = None
    note: str = ""


def add_up(summary: Summary, verified: Mapping[str, Any]) -> list[Sum]:
    """Return the sums of a check or a run: of issues for the whole run, of what belongs to them as `summary` has it.

    `verified` are the figures of a verification, {} if there is none.
    """
    there = {kind: (each["found"], each["sent"]) for kind, each in verified.get(READ_BACK, {}).items()}
    arrived = summary.created + summary.updated
    to_send = arrived + summary.planned + summary.failed + summary.unknown
    every_kind: dict[str, Any] = dict(summary.counted)
    says = every_kind.pop(ISSUES, {}).get("source_says") or None
    sums = [Sum(ROWS, says, summary.rows, to_send, arrived, there.get(ISSUE))]
    for kind, figures in every_kind.items():
        says, has, planned, sent = (figures[name] for name in ("source_says", "file_has", "planned", "sent"))
        act, note = COUNTED_ACTS.get(kind, ""), ""
        if act:
            planned = max(planned, sent)  # of a continued run the last attempt has planned only what was left
        if kind == ASSIGNMENTS:
            people, matched = figures["people"], figures["matched"]
            note = f"{counted(people, 'person', 'people')} named, {matched:,} with a user in Triage"
        sums.append(Sum(KINDS.get(act, kind.capitalize()), says or None, has, planned, sent, there.get(act), note))
    for act, name in ADDED_NAMES.items():
        if act == str(Act.EVIDENCE) and EVIDENCE in every_kind:
            continue
        planned, sent, found = summary.forecast.get(act, 0), summary.additions.get(act, 0), there.get(act)
        if planned or sent or found:
            sums.append(Sum(name, None, None, planned, sent, found))
    return sums


def describe_verification(verified: Mapping[str, Any]) -> str:
    """Say when a run was read back, and what was found."""
    issues, others = verified["same"] + verified["different"] + verified["missing"], count_needing(verified)
    were = "was as it was" if verified["same"] == 1 else "were as they were"
    found = f"{verified['same']:,} of {counted(issues, 'issue')} {were} sent"
    rest = counted(others, "needs you", "need you") if others else "nothing differed"
    return f"Read back on {format_time(verified[AT])}: {found}; {rest}."


def count_needing(verified: Mapping[str, Any]) -> int:
    """Count the issues that a verification has found other than as sent, and those that may be duplicates."""
    return sum(verified.get(name, 0) for name in ("different", "missing", "stranger", "unsettled"))
