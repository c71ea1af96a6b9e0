"""What a run shows on the screen: its question, its outcomes, where the reports are, and what to type next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from importer.api import BUILT_IN_CATEGORIES
from importer.cli.terminal import can_ask
from importer.codes import GROUP_PARTIAL
from importer.errors import ExitCode, ImporterError, UsageError
from importer.notices import PLANNED, UNKNOWN
from importer.phrases import amounts, counted, format_duration, listed
from importer.records import ADDITION_KINDS, Act, Outcome

if TYPE_CHECKING:
    from importer.check.check_pass import Checked
    from importer.check.observers.workload import Workload
    from importer.cli.console import Console
    from importer.load.questions import Destination
    from importer.report.summary import Summary


OTHER_WAYS = "--yes to send without asking, --dry-run to send nothing, or --sandbox to rehearse"
CAUSES_ASKED, CATEGORIES_SHOWN = 3, 12
"""Causes of rejections that the question repeats, worst first; they are shown with their values above it."""


def how_long(load: Workload, rate: float) -> str:
    """Say how long sending takes at so many requests a second; 0 is no limit."""
    if not rate:
        return "as fast as the target takes them"
    return f"about {format_duration(load.requests / rate)} at this rate"


def describe_additions(load: Workload) -> str:
    """List what is added to issues: `4 comments, 2 relations`; "" if there is nothing."""
    parts = list[str]()
    for act, number in load.operations.items():
        # Whether an issue is finished is only seen then.
        noun = ADDITION_KINDS[act].noun if act in ADDITION_KINDS else ""
        if number and noun and act is not Act.REOPEN:
            parts.append(counted(number, noun))
    return ", ".join(parts)


def describe_question(checked: Checked, destination: Destination, page: str, doubts: Iterable[str]) -> Iterator[str]:
    """Yield the lines above the question; `page` is the report of the check, `doubts` speak against sending."""
    from importer.check.observers.causes import Weight
    from importer.check.observers.people_named import count_open

    yield ""
    yield from (f"warning: {doubt}" for doubt in doubts)
    yield f"Target {destination.target}, organisation {destination.organisation or 'unknown'}:"
    updates = f", {counted(checked.updates, 'issue')} to update" if checked.updates else ""
    time = how_long(checked.workload, destination.rate)
    yield f"  {counted(checked.creates, 'issue')} to create{updates}, {time}."
    if added := describe_additions(checked.workload):
        yield f"  Then {added}: {counted(checked.workload.requests, 'request')} in all."
    if without_user := count_open(checked.people):
        yield f"  {counted(without_user, 'open issue')} without a Triage user for the people in the source."
    if checked.sample and len(checked.sample) < checked.planned:
        yield f"  First {counted(len(checked.sample), 'issue')} as a canary, to be read back; then you are asked again."
    if checked.rejected:
        causes = checked.tally.causes.kinds(Weight.HELD)[:CAUSES_ASKED]
        reasons = ", ".join(f"{cause.rows:,} × {cause.code}" for cause in causes)
        yield f"  {counted(checked.rejected, 'row')} not to be sent: {reasons}."
    yield from describe_new_categories(checked, destination)
    yield f"  Every row and its planned outcome: {page}"


def describe_new_categories(checked: Checked, destination: Destination) -> Iterator[str]:
    """Yield which categories Triage doesn't have yet; it is asked only where some are none of its own."""
    from importer.check.observers.value_flow import new_categories

    if not new_categories(checked.flow, BUILT_IN_CATEGORIES):
        return
    if new := new_categories(checked.flow, destination.categories()):
        names = listed(new, CATEGORIES_SHOWN)
        yield f"  New categories, which Triage can't rename or delete later: {names}."


@contextmanager
def requiring_terminal(console: Console, *, asks: bool, ways: str = OTHER_WAYS) -> Iterator[Callable[[], None]]:
    """Give what is called once the source is open: it raises UsageError if there is to be a question and no terminal.

    An error before that is shown, too. `ways` are the options of the command that do without a question.
    """
    if not asks or can_ask():
        yield lambda: None
        return
    refusal = UsageError(
        "There is no terminal to ask for confirmation before sending.",
        hint=f"Add {ways}.",
    )

    def ready() -> None:
        raise refusal

    try:
        yield ready
    except ImporterError as error:
        if error is not refusal:
            console.show_error(error)
    raise refusal


OTHERWISE = "with other values in Triage than in the source, left as they are"


def describe_outcomes(summary: Summary) -> Iterator[str]:
    """Yield the outcomes of a run, its speed, and its additions."""
    names = {"rejected": "rejected (not sent)", "failed": "failed (Triage refused)"}
    counts = amounts((rows, names.get(name, name)) for name, rows in summary.outcomes().items())
    speed = f" at {summary.issues_per_second:,.1f} issues/s" if summary.created else ""
    took = f"   ({format_duration(summary.elapsed_seconds)}{speed})" if summary.elapsed_seconds else ""
    rows = counted(summary.rows, "row") + " rehearsed" * summary.is_rehearsal
    yield f"{rows}: {counts or 'nothing to do'}{took}"
    if summary.additions:
        added = (counted(number, ADDITION_KINDS[Act(act)].noun) for act, number in summary.additions.items())
        yield f"Added to issues: {', '.join(added)}."
    news = [row for row in summary.new if row["outcome"] != Outcome.REJECTED]
    yield from _describe_news(summary, news)


def _describe_news(summary: Summary, rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield the first rows that need somebody and didn't in the last run, each with its message."""
    from importer.report.from_ledger import NEWS_SHOWN  # loads the ledger, which a check does without

    outcomes = set[str]()
    for row in rows:
        outcomes.add(row["outcome"])
        message = "; ".join((row["message"] or row["code"]).splitlines())
        name = row["key"] or row["row"]
        yield f"  {row['outcome']} {name}: {message}"
    total = sum(notice.new for notice in summary.notices if notice.cause in outcomes)
    if len(rows) == NEWS_SHOWN and total > NEWS_SHOWN:
        yield f"  and {total - NEWS_SHOWN:,} more: results.csv"


def describe_quietly(summary: Summary) -> Iterator[str]:
    """Yield what a scheduler mails: nothing if nobody is needed; else what the code means, why, and what is new."""
    if summary.exit_code:
        sentence = ExitCode.of(summary.exit_code).sentence
        yield f"Exit code {summary.exit_code}: {sentence}"
        if summary.stopped_because:
            yield summary.stopped_because
        for warning in summary.warnings:
            yield f"warning: {warning}"
        yield from _describe_news(summary, summary.new)
    elif not summary.tells_known or not any(notice.is_due and not notice.put_off for notice in summary.notices):
        return
    for notice in summary.notices:
        yield from notice.lines
    yield describe_folder(summary)


def describe_folder(summary: Summary) -> str:
    """Say where the reports are: the page that has all of them, if it was written."""
    page = Path(summary.out) / "report.html"
    return f"Every row and its outcome: {page}" if page.is_file() else f"Reports: {summary.out}"


def describe_rehearsal(page: Path) -> Iterator[str]:
    """Yield where the page of a rehearsal is, and what comes next."""
    yield f"The issues as they will be in Triage: {page}"
    yield "If they are right, type the same command without --sandbox to send them."


def describe_end(summary: Summary) -> Iterator[str]:
    """Yield where the reports are, what waits for a person, why the run ended, and what to do next."""
    yield describe_folder(summary)
    yield from _describe_corrections(summary)
    rehearsal = Path(summary.out) / "rehearsal.html"
    if rehearsal.is_file():
        yield from describe_rehearsal(rehearsal)
    yield from _describe_changes(summary)
    if summary.is_cut_short:
        yield f"Stopped: {summary.stopped_because}"
        still_planned = "All rows were sent"
        if summary.planned:
            still_planned = f"{counted(summary.planned, 'row')} still to be sent"
        sentence = ": ".join(filter(None, (still_planned, summary.how_on)))
        yield f"{sentence}."
    elif summary.stopped_because:
        yield f"Nothing was sent: {summary.stopped_because}"
    for notice in summary.notices:
        if notice.cause not in (PLANNED, UNKNOWN):  # above, and below with the time at which it can be settled
            yield notice.line
    if summary.unknown:
        when = ""
        if summary.unknown_until:
            when = f" after {datetime.fromisoformat(summary.unknown_until):%H:%M:%S}"
        yield (
            f"The outcome of {counted(summary.unknown, 'row')} is not known yet: run the same command again{when} "
            "to settle it."
        )


def _describe_corrections(summary: Summary) -> Iterator[str]:
    """Yield the files that a person corrects, each with how it is given back."""
    folder = Path(summary.out)
    if summary.suggestion:
        yield f"Proposals for values that are unknown or undecided: check them, then use -m {summary.suggestion}"
    fixes = folder / "fixes.csv"
    if fixes.is_file():
        yield f"Values to correct: fill in the column `new value` of {fixes}, then use --fixes {fixes}"
    if summary.rejected or summary.failed:
        files = ", ".join(str(folder / name) for name in summary.errors or ("",))
        source = "those files" if len(summary.errors) > 1 else "that file"
        yield f"Rows to correct: {files}; then give the same command {source} as SOURCE."


def _describe_changes(summary: Summary) -> Iterator[str]:
    """Yield what differs from Triage, or from the last run."""
    if found_changed := summary.findings.get("found-changed", 0):
        yield (
            f"{counted(found_changed, 'row')} found {OTHERWISE}: the next run with --on-change update updates what no "
            "person can have changed there."
        )
    if partial := summary.findings.get(GROUP_PARTIAL, 0):
        yield (
            f"{counted(partial, 'row')} of issues that were written from others, too, which the source lacks or has "
            "changed: left as they are. If each export has all rows of its issues, set `input: {kind: snapshot}`."
        )
    if summary.changed > found_changed + partial:
        accept = " --accept-mapping-change" if summary.findings.get("mapping-changed") else ""
        rows = counted(summary.changed - found_changed - partial, "row")
        yield f"{rows} {OTHERWISE}: --on-change update{accept} updates what no person changed there."
    if summary.recurring:
        from importer.report.recurring import describe_recurring

        yield describe_recurring(summary.recurring)
