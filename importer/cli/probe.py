"""`triage-import probe`: asks an organisation's Triage whether it does what this program assumes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer import __version__
from importer.cli.answers import answers_with_summary
from importer.cli.console import Console
from importer.cli.options import Command, Json, takes
from importer.cli.run_options import Unasked
from importer.errors import ExitCode, RunStopped
from importer.library.caller import NO
from importer.library.declared import Section, option
from importer.library.options import Expected, KeyFile, LedgerFile, Out, Paced, Place
from importer.library.targets import choose_rate, open_target
from importer.phrases import clip, counted, format_duration, format_iso

if TYPE_CHECKING:
    from importer.load.probe import Probe
    from importer.load.probed import Answers
    from importer.report.folder import ReportFolder

PAGE, DATA, OUT = "probe.html", "probe.json", Path("triage-import-probe")
LOCK = "triage-import probe"
"""As a source is locked in its organisation: two probes at a time would delete each other's issues."""
STATUS = {True: "as-assumed", False: "otherwise", None: "not-seen"}
ORDER = ("otherwise", "not-seen", "as-assumed")
PLAN = (
    "  Two closed issues, nobody's, in a category of Triage's own, with a comment each, are created, read back, changed"
)
DELETED, KEPT = " and deleted; only their numbers stay used.", "; they stay until the next probe, as --keep says."
LIMITS = "  At most 80 requests in two minutes. It starts no agent, notifies nobody and creates no category."
OTHER_WAYS = "--yes to send without asking, or --sandbox to rehearse"
PATIENCE = 60.0
"""Seconds for which a busy target is waited for before anything is asked."""
SHOWN = 160
"""Characters of what was seen, on the screen."""


# fmt: off
class Kept(Section):
    """Whether anything stays."""

    title = "Sending and limits"
    keep: bool = option("--keep", default=False, variable=False, configurable=False,
        help="Don't delete the issues, to look at them; the next probe does.")
# fmt: on


class ProbeOptions(Place, KeyFile, LedgerFile, Expected, Paced, Unasked, Kept, Out, Json):
    """The options of `probe`."""


@dataclass(frozen=True)
class ProbeSummary:
    """What a probe has seen: `exit_code`, and all that probe.json has."""

    exit_code: int
    document: dict[str, Any]

    def as_text(self) -> str:
        """The summary as JSON text."""
        document = {"exit_code": self.exit_code, **self.document}
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


@click.command(cls=Command)
@takes(ProbeOptions)
@answers_with_summary
def probe(options: ProbeOptions) -> ProbeSummary:
    """Ask Triage whether it does what this program assumes, before you import anything.

    Creates two issues, comments on them, changes one, reads them back in every way, and deletes them: at most 80
    requests in two minutes. The answers are kept in the ledger, and later runs use them. The report goes to
    ./triage-import-probe/.
    """
    from importer.cli.run_screen import requiring_terminal
    from importer.ledger.opening import open_ledger
    from importer.load.preflight import claim_source
    from importer.load.probe import run_probe
    from importer.report.folder import ReportFolder

    options.check_expected()
    is_asked = not (options.sandbox or options.yes)
    folder = ReportFolder(options.out or OUT)
    started = time.monotonic()
    console = Console(dated=True)
    with (
        console,
        requiring_terminal(console, asks=is_asked, ways=OTHER_WAYS) as ready,
        open_ledger(options.ledger) as book,
        open_target(options.sandbox, options.api_url, options.api_key_file) as target,
    ):
        ready()
        folder.prepare((PAGE, DATA))
        rate = choose_rate(options.rate, target.name)
        organisation = claim_source(target, book, LOCK, console.say, options.expect_org or "", patience=PATIENCE)
        console.say(f"Target {target.name}, organisation {organisation or 'unknown'}:")
        plan = PLAN + (KEPT if options.keep else DELETED)
        console.say_all([plan, LIMITS])
        if is_asked and not click.confirm("Probe it?", default=False, err=True):
            raise RunStopped(NO, hint="Nothing was sent.")
        answers, finished, requests = run_probe(target, book, organisation, rate, console.say, keep=options.keep)
    not_deleted = [] if options.keep else [*finished.created.values()]
    document = {
        "version": __version__,
        "target": target.name,
        "organisation": organisation,
        "at": format_iso(answers.at),
        "requests": requests,
        "elapsed_seconds": round(time.monotonic() - started, 1),
        "issues": answers.numbers,
        "left": not_deleted,
        "deleted": finished.deleted,
        "earlier": {"deleted": finished.earlier.deleted, "left": finished.earlier.left},
        "refuses": answers.refuses,
        "assumptions": [*describe(answers, finished)],
        "out": str(folder.path),
    }
    code = ExitCode.DONE
    if answers.refuses:
        code = ExitCode.DECIDE
    elif answers.otherwise or not_deleted:
        code = ExitCode.PARTLY
    summary = ProbeSummary(code, document)
    folder.write(DATA, summary.as_text())
    write_page(folder, document)
    console.say_all(describe_end(document, keep=options.keep))
    return summary


def describe(answers: Answers, finished: Probe) -> Iterator[dict[str, Any]]:
    """Yield what was seen of each assumption; of what is otherwise also the exchange that shows it."""
    from importer.triage.assumptions import ASSUMPTIONS

    for assumption in ASSUMPTIONS:
        unasked = "" if assumption.is_asked else assumption.asked
        is_so, observation = answers.seen.get(assumption.id, (None, unasked))
        line: dict[str, Any] = {
            "id": assumption.id,
            "status": STATUS[is_so],
            "assumed": assumption.assumed,
            "source": assumption.source,
            "seen": observation,
        }
        if is_so is False:
            line["follows"] = assumption.otherwise
            exchange = finished.shown.get(assumption.id)
            if exchange is not None:
                line["exchange"] = exchange.show(finished.ids)
        yield line


def write_page(folder: ReportFolder, document: Mapping[str, Any]) -> None:
    """Write probe.html."""
    from importer.report.rendering import lay_out_bar, render

    lines = sorted(document["assumptions"], key=lambda line: ORDER.index(line["status"]))
    counts = Counter(line["status"] for line in lines)
    earlier_issues = document["earlier"]
    facts = {name: document[name] for name in ("organisation", "at", "requests", "version")}
    if earlier_issues["deleted"]:
        facts["deleted of earlier probes"] = ", ".join(earlier_issues["deleted"])
    if earlier_issues["left"]:
        numbers = [f"{number} ({reason})" for number, reason in earlier_issues["left"].items()]
        facts["left of earlier probes"] = ", ".join(numbers)
    view = {
        "name": f"Probe of {document['target']}",
        "verdict": say_counts(counts),
        "stopped": "; ".join(document["refuses"]),
        "whole": True,
        "bar": lay_out_bar(counts),
        "total": len(lines),
        "noun": "assumption",
        "facts": facts,
        "lines": lines,
    }
    render(folder, PAGE, "probe.html", view)


def say_counts(counts: Mapping[str, int]) -> str:
    """Sum up in a sentence."""
    return f"{counts['as-assumed']} as assumed, {counts['otherwise']} otherwise, {counts['not-seen']} not seen"


def describe_end(document: Mapping[str, Any], *, keep: bool) -> Iterator[str]:
    """Yield what is otherwise and what follows, what stays, and where the report is."""
    lines = document["assumptions"]
    for line in lines:
        if line["status"] == "otherwise":
            yield f"otherwise: {line['id']}: {line['assumed']}"
            observation = clip(line["seen"], SHOWN)
            yield f"  seen: {observation}; what follows: {line['follows']}"
    unseen = ", ".join(line["id"] for line in lines if line["status"] == "not-seen")
    counts = Counter(line["status"] for line in lines)
    yield f"{say_counts(counts)} ({unseen})"
    for refusal in document["refuses"]:
        yield f"warning: {refusal}; no import is sent"
    numbers = ", ".join(document["issues"] if keep else document["deleted"])
    if document["left"]:
        yield f"warning: not deleted: {', '.join(document['left'])}. The next probe tries again."
    if numbers:
        fate = "stay until the next probe" if keep else "are deleted"
        yield f"{numbers} {fate}; their numbers stay used."
    took = format_duration(document["elapsed_seconds"])
    requests = counted(document["requests"], "request")
    yield f"{requests}, {took}. Report: {Path(document['out']) / PAGE}"
