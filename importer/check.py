"""The check pass: every row read and judged, everything counted, nothing sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from importer import __version__
from importer.cover import Cover
from importer.damage import DamageSigns
from importer.duplicates import KeySpool, Policy, Verdict
from importer.errors import ExitCode, UsageError
from importer.examine import Ask, Examined, Job, Standing, examine, judge
from importer.flow import ValueFlow
from importer.mapping.model import Duplicates
from importer.mapping.proposal import Unknown
from importer.mapping.suggest import FILE_NAME as SUGGESTION
from importer.mapping.suggest import suggest
from importer.records import Operation, Outcome, Row
from importer.report import CheckFiles, ReportFolder, Summary
from importer.report.fixes import Corrections, filled_in, write_fixes
from importer.tally import Tally
from importer.unknowns import Unknowns

CHECK_FOLDER = "triage-import-check"
NAMES_SHOWN = 5
NAMELESS = "rows without a key of their own: {rows:,}. Their content is the key: an edited one comes again as another"


class Progress(Protocol):
    """What shows a person how far the work is; units are rows or bytes."""

    def say(self, text: str = "") -> None: ...  # noqa: D102
    def start(self, what: str, total: int, unit: str) -> None: ...  # noqa: D102
    def reach(self, done: int) -> None: ...  # noqa: D102
    def figures(self, text: str) -> None: ...  # noqa: D102
    def finish(self) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class Checked:
    """What the check pass found out.

    absent  keys of `--only` that no row has
    digest  SHA-256 of the source, in hex
    cover   keys of few creates that touch every mapped value, if they were wanted
    damage  signs that the export was damaged before it came here
    values  the lines of fixes.csv: what rejects rows
    nameless  rows to be sent whose key is their content
    """

    tally: Tally
    flow: ValueFlow
    unknowns: Sequence[Unknown]
    verdicts: Mapping[int, Verdict]
    absent: tuple[str, ...]
    digest: str
    elapsed_seconds: float
    cover: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    values: Sequence[Sequence[str]] = ()
    nameless: int = 0

    @property
    def warnings(self) -> list[str]:
        """What looks legal and wrong: of the export itself, in the value flow, and of the keys that were named."""
        absent = [f"--only: no row has {_listed(self.absent)}"] if self.absent else []
        nameless = [NAMELESS.format(rows=self.nameless)] if self.nameless else []
        return [*self.damage, *nameless, *self.flow.smells(), *absent]

    @property
    def planned(self) -> int:
        """Rows that a send pass would create or update."""
        return self.tally.outcomes[Outcome.PLANNED]

    @property
    def updates(self) -> int:
        """Rows that a send pass would update."""
        return self.tally.updates

    @property
    def rejected(self) -> int:
        """Rows that would not be sent."""
        return self.tally.outcomes[Outcome.REJECTED]


def check(job: Job, known: Ask, folder: ReportFolder | None, progress: Progress, cover: Cover | None = None) -> Checked:
    """Read every row and find out all that can be known without sending; with `folder`, write the reports.

    With `cover`, choose the creates of a first contact.

    Keys that come again are only known at the end: where there are any, the source is read a second time with them.
    Raises UsageError where `--only` names no key that there is.
    """
    started = time.monotonic()
    with KeySpool(_policy(job), [file.name for file in job.source.files]) as spool:
        keys = _Keys(job, spool)
        signs = DamageSigns(job.mapping.model, job.source.files, whole=job.limit is None)
        tally, flow, unknowns, corrections = _read(job, {}, known, folder, progress, keys, cover, signs)
        verdicts = spool.verdicts()
    if job.only and len(keys.absent) == len(job.only):
        raise _nothing_selected(job)
    if verdicts:
        tally, flow, unknowns, corrections = _read(job, verdicts, known, folder, progress, None, cover)
    if corrections.sentence:
        progress.say(corrections.sentence)
    absent, digest = tuple(sorted(keys.absent)), job.source.digest()
    job.source.check_unchanged()
    elapsed, chosen = time.monotonic() - started, cover.keys if cover else ()
    damage, values = tuple(signs.warnings()), corrections.lines()
    found = unknowns.as_list()
    return Checked(
        tally, flow, found, verdicts, absent, digest, elapsed, chosen, damage, values, nameless=keys.nameless
    )


class _Keys:
    """What the first reading finds out of keys: which come again, and which of `--only` no row has."""

    def __init__(self, job: Job, spool: KeySpool) -> None:
        self._spool = spool
        self._prefix = len(job.source_name) + 1
        self.absent = set(job.only or ())
        self.nameless = 0

    def add(self, examined: Examined) -> None:
        chunk, records = examined.records.chunk, examined.records
        self.nameless += len(records.nameless & examined.bodies.keys())
        for place in examined.bodies:
            date = None if records.newest is None else records.newest[place]
            digest = examined.digest(place)
            self._spool.add(examined.first + place, chunk.file, chunk.lines[place], records.keys[place], digest, date)
        if self.absent:
            self.absent.difference_update(records.keys, (key[self._prefix :] for key in records.keys))


def _nothing_selected(job: Job) -> UsageError:
    limited = f"the first {job.limit:,} rows" if job.limit else "the source"
    return UsageError(
        f"--only names no key that {limited} has: {_listed(sorted(job.only or ()))}.",
        hint="A key is what results.csv of `validate` shows, with or without the source's name: PROJ-1.",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"{', '.join(names[:NAMES_SHOWN])}{more}"


def _read(
    job: Job,
    verdicts: Mapping[int, Verdict],
    known: Ask,
    folder: ReportFolder | None,
    progress: Progress,
    keys: _Keys | None,
    cover: Cover | None,
    signs: DamageSigns | None = None,
) -> tuple[Tally, ValueFlow, Unknowns, Corrections]:
    tally, flow, unknowns, corrections = (
        Tally(),
        ValueFlow(),
        Unknowns(job.mapping.model.evidence, job.mapping.model.status.fallback),
        Corrections(job.mapping.model, job.fixes),
    )
    headers = [file.header for file in job.source.files]
    if cover is not None:
        cover.clear()
    progress.start("checking", job.source.total_bytes, "B")
    with CheckFiles(folder, headers) if folder else nullcontext() as files:
        for examined in examine(job):
            rows, operations, notes = judge(examined, verdicts, known)
            _count(tally, examined, rows, verdicts)
            for place, note in notes.items():
                tally.find(note, rows[place].key)
            flow.add(examined.records, examined.flowing())
            unknowns.add(examined)
            corrections.add(examined, rows)
            if keys is not None:
                keys.add(examined)
            if signs is not None:
                signs.add(examined)
            if cover is not None:
                cover.add(examined, rows)
            if files is not None:
                files.write(rows, operations.values())
            progress.reach(job.source.bytes_read)
    progress.finish()
    return tally, flow, unknowns, corrections


def _count(tally: Tally, examined: Examined, rows: Sequence[Row], verdicts: Mapping[int, Verdict]) -> None:
    for place, row in enumerate(rows):
        tally.add(row)
        verdict = verdicts.get(examined.first + place)
        if verdict is not None and row.outcome is Outcome.REJECTED:
            tally.find(verdict.finding, row.key)
    for place, found in examined.findings.by_row.items():
        if rows[place].outcome is not Outcome.SKIPPED:
            for finding in found:
                tally.find(finding, rows[place].key)


def _policy(job: Job) -> Policy:
    duplicates = job.mapping.model.duplicates
    return "newest" if isinstance(duplicates, Duplicates) else duplicates


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
        version=__version__,
        **counts,
        **figures,
    )


def run_check(
    job: Job, known: Ask, out: Path | None, progress: Progress, *, target: str = "", refusal: str = ""
) -> tuple[Checked, Summary]:
    """The check pass with all its reports: what `validate` does, and `run --dry-run`.

    `refusal` is why a run that was to send ends with its check.
    """
    folder = report_folder(job, out or Path(CHECK_FOLDER))
    checked = check(job, known, folder, progress)
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


def know_nothing(operations: Iterable[Operation]) -> Mapping[str, Standing]:
    """What there is to know without a ledger."""
    return {}


def report_folder(job: Job, path: Path) -> ReportFolder:
    """A folder for reports that spares the files which this import reads."""
    files = [*(Path(file.name) for file in job.source.files), *job.mapping.files, *filled_in(path, job.fixes)]
    return ReportFolder(path, files if job.fixes.path is None else [*files, job.fixes.path])


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
