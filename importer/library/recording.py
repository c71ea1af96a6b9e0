"""Every start of an import, a repair or an undo is recorded, also one that ends before anything is read, and listed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from importer import __version__
from importer.codes import EVIDENCE_PENDING
from importer.errors import INTERRUPTED, ExitCode, ImporterError
from importer.library.shortage import find_shortage
from importer.phrases import amounts, clip, format_iso, readable
from importer.records import Outcome
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.ledger.overview import Note, Overview
    from importer.library.caller import Caller
    from importer.library.declared import Section
    from importer.report.summary import Summary

    Pair = tuple[Overview, Sequence[Overview]]
    """A run, and its repairs and undos."""


def summarise(error: Exception | KeyboardInterrupt) -> Summary:
    """Make the summary of what ended with an error."""
    match error:
        case KeyboardInterrupt():
            return summarise_end(ExitCode.INTERRUPTED, INTERRUPTED)
        case ImporterError():
            return summarise_end(error.exit_code, error.told)
        case _ if shortage := find_shortage(error):
            return summarise_end(shortage.exit_code, f"{shortage.message}\n{shortage.hint}")
    return summarise_end(ExitCode.STOPPED, describe_bug(error))


def summarise_end(code: int, because: str) -> Summary:
    """Make the summary of what ended before there was a run."""
    from importer.report.summary import Summary

    return Summary(run_id="", exit_code=int(code), rows=0, stopped_because=because, version=__version__)


def describe_bug(error: BaseException) -> str:
    """Describe a bug: where it is, and that nothing is lost by it."""
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__} in {frame.filename}:{frame.lineno}: {error}\n"
        "This is a bug in triage-import. What is done is recorded: the same command continues."
    )


SAID = ("dry_run", "sandbox", "apply")
"""Flags that are part of what was started."""
WHY_LIMIT = 200
FIGURES = ("new", "updated", "failed", "rejected", "waiting")


class Start:
    """The start of a command, from its beginning to its end.

    command      its name
    files        the sources, or the run that it is about
    given        its options by name: the ledger, the flags of SAID, `source_name`, `out`
    import_name  of the configuration file
    known        what else is recorded of it
    """

    def __init__(
        self, command: str, files: Sequence[str], given: Mapping[str, Any], import_name: str = "", **known: str
    ) -> None:
        from secrets import token_hex  # not for `--help`, which loads this module, too

        said = (f"--{flag.replace('_', '-')}" for flag in SAID if given.get(flag))
        self._place, self._began, self.at = given.get("ledger"), time.monotonic(), time.time()
        self._out, self.import_name = given.get("out"), import_name
        self._source_name = known.pop("source_name", "") or given.get("source_name") or ""
        self._id = token_hex(8)
        self._note(
            pid=os.getpid(),
            command=" ".join((command, *said)),
            import_name=import_name,
            files=json.dumps(list(map(readable, files)), ensure_ascii=False),
            source_name=self._source_name,
            **known,
        )

    def named(self, source_name: str) -> None:
        """Take the name of the source, once it is known."""
        self._source_name = source_name

    def end(self, summary: Summary, *, failed: bool = False) -> Summary:
        """Record how it ended, and return the summary with its times.

        Where it failed, the summary has no figures, and is written to `out`, as no report has it.
        """
        from importer.ledger.opening import open_ledger
        from importer.ledger.overview import read_notes

        source_name = summary.source_name or self._source_name
        if failed:
            from importer.report.summary import times

            summary = replace(summary, source_name=source_name, **times(self.at))
            self._write(summary)
        known = {"source_name": source_name, "run": summary.run_id}
        if not failed:
            known["figures"] = json.dumps(figures_of(asdict(summary)))
        is_taken_in = self._id not in read_notes(self._place)
        self._note(
            seconds=round(time.monotonic() - self._began, 3),
            exit_code=summary.exit_code,
            why=clip(_why(summary), WHY_LIMIT),
            **{name: value for name, value in known.items() if value},
        )
        if is_taken_in:  # by this process, which has opened the ledger to write: it takes in the end as well
            with suppress(ImporterError), open_ledger(self._place):
                pass
        return summary

    def _write(self, summary: Summary) -> None:
        from importer.report.folder import SUMMARY, ReportFolder

        if self._out is not None:
            folder = ReportFolder(self._out)
            with suppress(ImporterError):  # the error itself is said
                folder.prepare([SUMMARY])
                folder.write(SUMMARY, summary.as_text())

    def _note(self, **known: Any) -> None:
        from importer.ledger.overview import note_start

        masked = {name: redact(value) if isinstance(value, str) else value for name, value in known.items()}
        note_start(self._place, {"id": self._id, "started_at": self.at, **masked})


def figures_of(summary: Mapping[str, Any]) -> dict[str, int]:
    """Return the figures of a summary that are shown of a start."""
    waiting = summary.get("findings", {}).get(EVIDENCE_PENDING, 0)
    return dict(zip(FIGURES, (*(summary.get(name, 0) for name in ("created", *FIGURES[1:4])), waiting), strict=True))


def _why(summary: Summary) -> str:
    if summary.stopped_because or summary.same_as:
        return summary.stopped_because.partition("\n")[0] or f"nothing has changed since {summary.same_as}"
    return amounts((each.count, each.cause) for each in summary.notices)


def record(caller: Caller, files: Sequence[str], options: Section, work: Callable[[Caller], Summary]) -> Summary:
    """Carry out the work of a program's call, whose start and end are recorded."""
    start = Start(caller.command, files, vars(options))
    try:
        summary = work(replace(caller, named=start.named))
    except (Exception, KeyboardInterrupt) as error:
        start.end(summarise(error), failed=True)
        raise
    return start.end(summary)


FIELDS_ALONE = "fields"
"""Digest of an undo that leaves what the run has created."""
FINISHED, STILL_OPEN, RUNNING = "finished", "open", "running"
ENDED, NO_END = "ended", "did not end"
SHOWN = ("started_at", "command", "import_name", "seconds", "exit_code", "why")
SAME_COMMAND = "the same command"
COMMANDS: dict[str, tuple[str, ...]] = {
    "verified": ("verify",),
    "repaired": ("repair", "-m", "MAPPING", "--fields", "NAME,..."),
    "undone": ("undo",),
    "reported": ("report",),
}
"""What can be done about a run → the command that does it, and its options."""


def list_lines(starts: Sequence[Note], known: Mapping[str, Pair]) -> list[Note]:
    """Say of each start, and of each run whose start isn't recorded, how it ended; the newest comes first."""
    recorded, lines = {each["run"] for each in starts}, []
    every = [*starts, *(_as_start(run) for name, (run, _) in known.items() if name not in recorded)]
    for each in sorted(every, key=lambda each: -each["started_at"]):
        run = show(known[each["run"]]) if each["run"] in known else None
        its = {
            "state": ENDED if each["exit_code"] is not None else RUNNING if each["is_running"] else NO_END,
            "source_name": each["source_name"] or (run or each)["source_name"],
            "files": json.loads(each["files"]),
            "run": run,
        }
        figures = json.loads(each["figures"]) if each["figures"] else figures_of(run["counts"]) if run else {}
        lines.append({name: each[name] for name in SHOWN} | its | figures)
    return lines


def _as_start(overview: Overview) -> Note:
    run = overview.run
    is_over = run.ended_at is not None and not overview.is_running
    return {
        "command": "run" if run.kind == "import" else run.kind.value,
        "import_name": "",
        "seconds": run.ended_at - run.started_at if is_over and run.ended_at else None,
        "exit_code": run.exit_code if is_over else None,
        "why": run.summary.get("stopped_because", "").partition("\n")[0],
        "files": "[]",
        "figures": json.dumps(figures_of(run.summary)),
        "run": run.name,
        "is_running": overview.is_running,
        "source_name": run.source_name,
        "started_at": run.started_at,
    }


def with_undone(overviews: Sequence[Overview]) -> list[Pair]:
    """Pair each run with its repairs and undos, the oldest first; without undos of what it has done again since."""

    def counts(change: Overview, of: Overview) -> bool:
        return change.works_on == of.run.name and (change.run.kind != "undo" or change.attempt > of.attempt)

    return [(each, [other for other in reversed(overviews) if counts(other, each)]) for each in overviews]


def show(known: Pair) -> dict[str, Any]:
    """Make a run's JSON object; times are ISO 8601 in UTC."""
    overview, changes = known
    run = overview.run
    state = RUNNING if overview.is_running else STILL_OPEN if run.is_open else FINISHED
    counts = _counts(overview)
    changed_by = {kind: [each.run.name for each in changes if each.run.kind == kind] for kind in ("repair", "undo")}
    return {
        "name": run.name,
        "kind": run.kind.value,
        "works_on": overview.works_on,
        "target": run.target,
        "source_name": run.source_name,
        "state": state,
        "exit_code": run.exit_code if run.ended_at is not None else None,
        "attempts": run.attempts,
        "started_at": format_iso(run.started_at),
        "ended_at": format_iso(run.ended_at),
        "counts": counts,
        "repaired_by": changed_by["repair"],
        "undone_by": changed_by["undo"],
        "can_be": _can_be(overview, counts, is_undone=any(_has_undone(each, counts) for each in changes)),
        "out": str(run.out),
    }


def _counts(overview: Overview) -> dict[str, int]:
    """Return outcome → rows: of an ended run as it ended, of an open one as they are now; those that are 0 are absent.

    Of a repair or an undo that has ended it is verdict → issues.
    """
    run = overview.run
    if run.is_open:
        return {outcome.value: rows for outcome, rows in run.count().items() if rows}
    if overview.works_on:
        return dict(run.summary.get("findings", {}))
    return {outcome.value: run.summary[outcome] for outcome in Outcome if run.summary.get(outcome)}


def _has_undone(change: Overview, counts: dict[str, int]) -> bool:
    run = change.run
    takes_all = not counts.get("created") or run.options.get("digest") != FIELDS_ALONE
    return run.kind == "undo" and not run.is_open and run.exit_code == ExitCode.DONE and takes_all


def _can_be(overview: Overview, counts: dict[str, int], *, is_undone: bool) -> dict[str, str]:
    """Return what can be done about a run → the command."""
    run = overview.run
    is_import = run.kind == "import" and not run.options.get("pruned")
    has_written = is_import and bool(counts.get("created") or counts.get("updated"))
    is_possible = {
        "verified": has_written,
        "repaired": has_written and bool(run.options.get("refs")),  # of issues that recur it has no cells
        "undone": has_written and not is_undone,
        "reported": is_import,
    }
    commands = {"continued": SAME_COMMAND} if run.is_open and not overview.is_running else {}
    for what, (command, *options) in COMMANDS.items():
        if is_possible[what]:
            commands[what] = run.command(command, run.name, *options)
    if "undone" in commands and counts.get("created"):  # which stay without it
        commands["undone"] = run.command("undo", run.name, "--close")
    return commands
