"""What the ledger knows of starts and runs, as objects for JSON: how each ended, and what can be done about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from importer.errors import ExitCode
from importer.ledger.overview import Note, Overview
from importer.library.recording import figures_of
from importer.phrases import format_iso
from importer.records import Outcome

Pair = tuple[Overview, Sequence[Overview]]
"""A run, and its repairs and undos."""
FIELDS_ALONE = "fields"
"""Digest of an undo that leaves what the run has created."""
FINISHED, OPEN, RUNNING = "finished", "open", "running"
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
    state = RUNNING if overview.is_running else OPEN if run.is_open else FINISHED
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
    is_possible = {
        "verified": is_import and bool(counts.get("created") or counts.get("updated")),
        "repaired": is_import and bool(counts.get("created") or counts.get("updated")),
        "undone": is_import and bool(counts.get("created") or counts.get("updated")) and not is_undone,
        "reported": is_import,
    }
    commands = {"continued": SAME_COMMAND} if run.is_open and not overview.is_running else {}
    for what, (command, *options) in COMMANDS.items():
        if is_possible[what]:
            commands[what] = run.command(command, run.name, *options)
    if "undone" in commands and counts.get("created"):  # which stay without it
        commands["undone"] = run.command("undo", run.name, "--close")
    return commands
