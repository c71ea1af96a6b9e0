"""The closing scan: after sending, reads the list back to the run's beginning, for unexpected issues.

They may come from two machines at once, from a create that was executed very late, or be older duplicates. An issue
with the source's marker that is not the ledger's own is reported until `settle` names the right issue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from importer.errors import INTERRUPTED, RunStopped
from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.ledger.target_scan import DuplicateIssue, Seen
from importer.load.attempt import Sent
from importer.load.context import ImportContext
from importer.load.discovery import note_discovered, run_discovery
from importer.phrases import counted
from importer.transform.markers import record_marker

DUPLICATES_SAID = 20
"""Most duplicates named on the screen and in the summary."""


def scan_back(context: ImportContext, run: Run, sent: Sent) -> Sent:
    """Run the closing scan if it is due: something was created since the last one, or a duplicate isn't settled.

    An error that stops it is in the result; then the command that continues scans.
    """
    if sent.stopped is not None or sent.interrupted:
        return sent
    try:
        _scan_back(context, run)
    except RunStopped as error:
        return replace(sent, stopped=error)
    except KeyboardInterrupt:
        return replace(sent, stopped=RunStopped(INTERRUPTED), interrupted=True)
    finally:
        context.progress.finish()
    return sent


def _scan_back(context: ImportContext, run: Run) -> None:
    seen = context.ledger.seen(context.target.name, context.job.source_name, writable=True)
    back_to = seen.unswept()
    if back_to is None and not seen.duplicates():
        return
    if run.find_undecided():  # the run goes on: its last attempt makes the scan, as far back
        return
    found = run_discovery(context, seen, lambda discovery: discovery.sweep(back_to))
    note_discovered(run, seen, found)
    seen.number_own()
    for sentence in _correct_ids(run, seen):
        context.progress.say(f"warning: {sentence}")
    seen.end_span()
    for sentence in name_duplicates(seen.duplicates()):
        context.progress.say(f"warning: {sentence}")


def _correct_ids(run: Run, seen: Seen) -> Iterator[str]:
    """Record the right ids of issues whose create was answered with another issue's; yield a sentence on each.

    Numbers are unique in an organisation: a second issue with the key's marker and its very number is its own.
    """
    wrong = {each.issue_id: each for each in seen.duplicates() if each.other == each.triage_id}
    for issue in chain.from_iterable(seen.find(record_marker(each.key) for each in wrong.values()).values()):
        if duplicate := wrong.get(issue.issue_id):
            at, number = issue.issue_id, issue.triage_id
            run.decide([Decision(duplicate.key, State.DONE, 0, issue_id=at, triage_id=number, returned=issue.returned)])
            yield (
                f"Triage answered the create of {duplicate.key} with the id of another issue, which may have got its "
                f"comments and links; its own is {duplicate.other}, and the next run sends to that."
            )


def name_duplicates(duplicates: list[DuplicateIssue]) -> list[str]:
    """Return a sentence for each of the first duplicates, and one for the others."""
    sentences = [str(duplicate) for duplicate in duplicates[:DUPLICATES_SAID]]
    rest = len(duplicates) - len(sentences)
    if rest:
        sentences.append(f"{counted(rest, 'more has', 'more have')} the marker of another issue: see results.csv.")
    return sentences
