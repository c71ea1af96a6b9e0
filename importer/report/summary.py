"""summary.json: the figures of a check or a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from importer import __version__
from importer.authoring.suggest import FILE_NAME as SUGGESTION
from importer.authoring.suggest import suggest
from importer.check.check_pass import Checked, check
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.errors import ExitCode
from importer.progress import Progress
from importer.records import Outcome
from importer.report.bad_values import write_fixes
from importer.report.folder import ReportFolder, report_folder
from importer.report.tables import write_coverage

CHECK_FOLDER = "triage-import-check"


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
        losses={} if checked.losses is None else checked.losses.as_json(),
        version=__version__,
        **counts,
        **figures,
    )


def write_suggestion(job: Job, checked: Checked, folder: ReportFolder) -> Path | None:
    """Write what a person may decide: fixes.csv, and suggested-mapping.yaml if there is something to propose."""
    write_fixes(folder, checked.values)
    codes, model = checked.tally.by_code(), job.mapping.model
    counts = {"title": codes.get("title-too-long", 0), "description": codes.get("description-too-long", 0)}
    too_long = {
        name: rows
        for name, rows in counts.items()
        if rows and (spec := getattr(model, name)) is not None and spec.too_long == "reject"
    }
    if not (checked.unknowns or too_long):
        return None
    text = suggest(job.mapping, checked.unknowns, too_long, beside=folder.path)
    with folder.open(SUGGESTION) as file:
        file.write(text)
    return folder.file(SUGGESTION)


def run_check(
    job: Job,
    known: Knows,
    out: Path | None,
    progress: Progress,
    *,
    target: str = "",
    refusal: str = "",
    strict: bool = False,
) -> tuple[Checked, Summary]:
    """The check pass with all its reports: what `validate` does, and `run --dry-run`.

    `refusal` is why a run that was to send ends with its check; with `strict` a column that is lost is a reason.
    """
    folder = report_folder(job, out or Path(CHECK_FOLDER))
    checked = check(job, known, folder, progress)
    refusal = refusal or (checked.refusal if strict else "")
    if checked.losses is not None:
        write_coverage(folder, checked.losses)
    suggestion = write_suggestion(job, checked, folder)
    code = ExitCode.PARTLY if checked.rejected else ExitCode.DONE
    summary = summarise(
        job,
        checked,
        checked.tally.outcomes,
        ExitCode.UNUSABLE if refusal else code,
        run_id="",
        target=target,
        findings=checked.tally.by_code(),
        elapsed_seconds=round(checked.elapsed_seconds, 3),
        stopped_because=refusal,
        out=str(folder.path),
        suggestion=str(suggestion or ""),
    )
    with folder.open("summary.json") as file:
        summary.write(file)
    return checked, summary
