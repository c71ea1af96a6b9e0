"""Every start of an import, a repair or an undo is recorded, also one that ends before anything is read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from importer.codes import EVIDENCE_PENDING, OPEN
from importer.errors import ImporterError
from importer.library.ends import summarise
from importer.phrases import clip, readable
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.library.caller import Caller
    from importer.library.declared import Section
    from importer.report.summary import Summary

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
    numbers = {"rejected": summary.rejected, "failed": summary.failed, "unknown": summary.unknown}
    numbers |= {code: summary.findings.get(code, 0) for code in OPEN}
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)


def record(caller: Caller, files: Sequence[str], options: Section, work: Callable[[Caller], Summary]) -> Summary:
    """Carry out the work of a program's call, whose start and end are recorded."""
    start = Start(caller.command, files, vars(options))
    try:
        summary = work(replace(caller, named=start.named))
    except (Exception, KeyboardInterrupt) as error:
        start.end(summarise(error), failed=True)
        raise
    return start.end(summary)
