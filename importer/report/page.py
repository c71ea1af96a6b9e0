"""Writes report.html, which people open, and summary.html, which can be mailed: it has no text of the source.

Each is one file that loads nothing.
"""

from __future__ import annotations

import json
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from importer.api import VALUE_FIELDS
from importer.check.check_pass import Checked
from importer.check.job import Job
from importer.check.observers.causes import Cause, Weight
from importer.check.observers.people_named import Named, count_open
from importer.check.observers.samples import BeforeAfter
from importer.errors import ExitCode
from importer.ledger.commands import run_command, source_command
from importer.notices import describe_need
from importer.phrases import counted, format_duration, format_time
from importer.records import AttemptTimes, Outcome
from importer.report.flow_picture import draw_flow, read_flow
from importer.report.folder import ReportFolder
from importer.report.next_steps import NextStep, find_steps
from importer.report.page_rows import CAUSES_SHOWN, ROWS_SHOWN, PageRows
from importer.report.rendering import lay_out_bar, mark_whole, render
from importer.report.summary import STILL_RUNNING, Summary, add_up, count_needing, describe_verification
from importer.triage.redaction import redact

REPORT, MAILED = "report.html", "summary.html"
COLUMNS_SHOWN = PEOPLE_SHOWN = 200
CAUSES = {"causes": Weight.HELD, "left": Weight.OPEN, "notes": Weight.NOTED}
"""Lists of causes → what these mean for their rows."""
VALUES_MAILED = 200
"""Values of a field in summary.html."""

THERE = ("in Triage", "in the sandbox of this rehearsal")
ARRIVED = ("created", "updated", "unchanged", "changed")
MEANINGS = {
    "created": "this run created its issue",
    "updated": "this run changed its issue, or added something to it",
    "unchanged": "its issue is in Triage from an earlier run; nothing to do",
    "changed": "its issue is in Triage from an earlier run and differs from the row; left as it is",
    "skipped": "left out by a rule",
    "rejected": "not sent: a finding says why",
    "failed": "Triage refused it",
    "unknown": "sent, but it is not known yet whether it arrived; the next run settles it",
    "planned": "would be sent",
}


class Aim(NamedTuple):
    """Where a check reckons to send to, "" for nowhere, and how many requests a second; 0 is no limit."""

    target: str = ""
    rate: float = 0.0


NO_AIM = Aim()


@dataclass(frozen=True)
class PageDetails:
    """What a page shows beside its summary and rows; a run keeps it, as JSON, for the command `report`.

    files     names of the source's files
    losses    the first lines of losses.csv
    more      how many lines it has beside these
    people    fields of `Named`: the first of those whom the source names
    others    how many people there are beside these
    issues    fields of `BeforeAfter`
    commands  fields of `NextStep`: after a check what comes next
    rate      requests a second that a check reckons with; 0 is no limit
    organisation  of the target, of a run that could ask for it
    issue_url  the pattern of an issue's address, "" for none
    verified  figures of the last verification of a run, {} if there is none
    ledger    name of the ledger of a run
    """

    files: Sequence[str] = ()
    losses: Sequence[Sequence[str]] = ()
    more: int = 0
    people: Sequence[Sequence[Any]] = ()
    others: int = 0
    issues: Sequence[Sequence[Any]] = ()
    commands: Sequence[Sequence[str]] = ()
    rate: float = 0.0
    organisation: str = ""
    issue_url: str = ""
    verified: Mapping[str, Any] = field(default_factory=dict)
    ledger: str = ""


def collect_details(job: Job, checked: Checked, summary: Summary | None = None, rate: float = 0.0) -> PageDetails:
    """Collect the details of a check; with its summary what comes next, too."""
    lines = checked.coverage.table()
    people = checked.people
    return PageDetails(
        [file.name for file in job.source.files],
        lines[:COLUMNS_SHOWN],
        max(0, len(lines) - COLUMNS_SHOWN),
        list(map(tuple, people[:PEOPLE_SHOWN])),
        max(0, len(people) - PEOPLE_SHOWN),
        list(map(tuple, checked.issues)),
        [(step.why, step.before, step.command) for step in find_steps(job, summary)] if summary else [],
        rate,
        issue_url=job.issue_url,
    )


def pack_details(details: PageDetails) -> str:
    """Compress details for the ledger, which keeps them with each run."""
    return b64encode(zlib.compress(redact(json.dumps(asdict(details))).encode())).decode()


def unpack_details(packed: str) -> PageDetails:
    """Return the details of a run; none of one that has kept none."""
    kept = json.loads(zlib.decompress(b64decode(packed))) if packed else {}
    names = {each.name for each in fields(PageDetails)}  # a run of an earlier version may have kept others, too
    return PageDetails(**{name: value for name, value in kept.items() if name in names})


def write_pages(
    folder: ReportFolder, summary: Summary, rows: PageRows, details: PageDetails, attempts: Sequence[AttemptTimes] = ()
) -> None:
    """Write report.html and summary.html; a run that sends has attempts."""
    view = {**_view(summary, rows, details), "attempts": [*map(_describe_attempt, attempts)]}
    render(folder, REPORT, "report.html", {**view, "whole": True})
    by_code = {name: _first(rows.causes.kinds(weight)) for name, weight in CAUSES.items()}
    render(folder, MAILED, "report.html", {**view, **by_code, "whole": False})


def _describe_attempt(attempt: AttemptTimes) -> dict[str, Any]:
    began, ended, code = attempt
    if ended is None:
        said = {"ended": "not known", "took": "", "how": "unexpectedly, or still running", "is_cut_off": True}
    else:
        took, how = format_duration(ended - began), "" if code is None else ExitCode.of(code).how
        said = {"ended": format_time(ended), "took": took, "how": how, "is_cut_off": False}
    return {"began": format_time(began), **said}


def _view(summary: Summary, rows: PageRows, details: PageDetails) -> dict[str, Any]:
    flows = {name: read_flow(summary.value_flow.get(name, ())) for name in VALUE_FIELDS}
    undecided = sum(line.how == line.kind == "undecided" for flow in flows.values() for line in flow)
    people = [Named(*each) for each in details.people]
    verdict, needing_since = describe_verdict(summary, undecided), count_needing(details.verified)
    there = THERE[summary.is_rehearsal]
    kind = "Rehearsal" if summary.is_rehearsal else "Import" if summary.run_id else "Check of"
    meanings = MEANINGS | ({"planned": "still to be sent"} if summary.run_id else {})
    if needing_since:
        verdict += f" Read back since, {counted(needing_since, 'needs you', 'need you')}."
    return {
        "name": f"{kind} {summary.run_id or summary.source_name}",
        "stopped": _describe_stop(summary),
        "total": summary.rows,
        "noun": "row",
        "summary": summary,
        "details": details,
        "people": people,
        "without_user": count_open(people),
        "issues": [BeforeAfter(*each) for each in details.issues],
        "is_check": not summary.run_id,
        "there": there,
        "verdict": verdict,
        "needing_since": needing_since,
        "cost": _describe_cost(summary, details.rate),
        "bar": lay_out_bar(summary.outcomes()),
        "sums": add_up(summary, details.verified),
        "verified": describe_verification(details.verified) if details.verified else "",
        "rows": rows,
        "additions": (rows.additions_planned, rows.additions_done, rows.additions_failed),
        **{name: _first(rows.causes.all(weight)) for name, weight in CAUSES.items()},
        "passed_over": rows.passed_over.most_common(),
        "flows": {name: (flow, draw_flow(flow)) for name, flow in flows.items() if flow},
        "values_mailed": VALUES_MAILED,
        "packed": {kind: map(mark_whole, pieces) for kind, pieces in rows.packed().items()},
        "rows_shown": ROWS_SHOWN,
        "meanings": {outcome: said.replace("in Triage", there) for outcome, said in meanings.items()},
        "outcomes": [str(outcome) for outcome in Outcome],
        "undecided": undecided,
        "titles_command": source_command(details.ledger, summary.target, "report", "--source", summary.source_name),
        "steps": _find_steps_after(summary, details.ledger)
        if summary.run_id
        else [NextStep(*each) for each in details.commands],
    }


def _describe_cost(summary: Summary, rate: float) -> str:
    """Say how many requests it would take, and how long if it began now."""
    requests, now = summary.forecast.get("requests", 0), time.time()
    if not (requests and rate):
        return f"{requests:,}"
    until, seconds = format_time(now + requests / rate), format_duration(requests / rate)
    return f"{requests:,}, which is {seconds} at {rate:g} a second; begun at {format_time(now)}, they end at {until}"


def describe_verdict(summary: Summary, undecided: int = 0) -> str:
    """Say in a sentence what became of the rows, or would; `undecided` are values of a check, not rows."""
    arrived = sum(getattr(summary, name) for name in ARRIVED)
    if not summary.run_id:
        arrived += summary.planned
    there = THERE[summary.is_rehearsal]
    where = f"{'is' if arrived == 1 else 'are'} {there}" if summary.run_id else "would be in Triage"
    rest = [describe_need(summary.notices)]
    if undecided and not summary.run_id:
        open_ = f"{counted(undecided, 'value waits', 'values wait')} for a decision"
        rest = [*(rest if any(each.is_due for each in summary.notices) else []), open_]
    if summary.run_id and summary.planned:
        rest.insert(0, f"{counted(summary.planned, 'is', 'are')} still to be sent")
    if summary.skipped:
        rest.append(f"{counted(summary.skipped, 'is', 'are')} left out by a rule")
    return f"{arrived:,} of {counted(summary.rows, 'row')} {where}; {', '.join(rest)}."


def _describe_stop(summary: Summary) -> str:
    if not summary.stopped_because:
        return ""
    if not summary.run_id:
        return f"Nothing was sent: {summary.stopped_because}"
    if summary.stopped_because == STILL_RUNNING:
        return summary.stopped_because
    how = summary.how_on
    return f"Stopped: {summary.stopped_because}" + (f"\n{how[0].upper()}{how[1:]}." if how else "")


def _first(causes: Sequence[Cause]) -> tuple[Sequence[Cause], int]:
    """Return the first causes, and how many there are beside them."""
    return causes[:CAUSES_SHOWN], max(0, len(causes) - CAUSES_SHOWN)


def _find_steps_after(summary: Summary, ledger: str) -> list[NextStep]:
    name, way = summary.run_id, ["--close"] if summary.created else []
    fields = ",".join(VALUE_FIELDS)
    return [
        NextStep("Read everything back and compare", "", run_command(ledger, "verify", name)),
        NextStep(
            "Correct values with a better mapping",
            "",
            run_command(ledger, "repair", name, "-m", "MAPPING", "--fields", fields),
        ),
        NextStep("See what undoing this run would do", "", run_command(ledger, "undo", name, *way)),
        NextStep("Write these reports again", "", run_command(ledger, "report", name)),
    ]
