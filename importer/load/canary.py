"""The canary: the first few issues sent to an organisation, read back to make sure that they can be found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice

from importer.check.observers.samples import CANARY_LIMIT
from importer.errors import TargetDoubted
from importer.ledger.commands import ABSENT
from importer.ledger.journal import Run
from importer.load.context import ImportContext
from importer.load.probed import find_answers, probe_command
from importer.load.read_back import NAMES_SHOWN, Findings, MadeIssue, read_back
from importer.phrases import listed
from importer.records import Outcome
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop

SendKeys = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Sends the creates of some keys that were not sent yet; returns the bodies of all of them, by key."""


class Canary:
    """The canary of a run: one issue, then those of the canary sample; both are read back before anything else is sent.

    Canary issues of an earlier attempt come first, and count.
    """

    def __init__(self, context: ImportContext, run: Run, chosen: Sequence[str]) -> None:
        self._context = context
        self._run = run
        # An earlier attempt may have ended within its canary: those issues are in, and are read back once more.
        made_keys = tuple(create.key for create in islice(run.written_creates(), CANARY_LIMIT))
        unsent_keys = [key for key in chosen if key not in made_keys]
        other_keys = unsent_keys[: CANARY_LIMIT - len(made_keys)]
        self._first = made_keys or other_keys[:1]
        self.keys = (*made_keys, *other_keys)

    @property
    def issues(self) -> int:
        """How many issues it has."""
        return len(self.keys)

    def make(self, send: SendKeys) -> Findings:
        """Send the canary, read it back, and keep the findings in the ledger.

        Raises:
            TargetDoubted: an issue can't be found again.
        """
        findings = self._try(self._first, send)
        if len(self.keys) > len(self._first):  # one alone first: if it can't be found again, no other is made
            findings = self._try(self.keys, send)
        if findings.issues:
            answers = find_answers(self._context.ledger, self._run.target, findings.organisation)
            if answers is not None:
                command = probe_command(self._context.ledger.name, self._run.target)
                doubts = tuple(answers.contradictions(findings.answers(), command))
                findings = replace(findings, doubts=doubts)
            self._context.ledger.check_org(self._run.target, findings.organisation)
            self._context.ledger.keep_contact(self._run.target, asdict(findings))
        return findings

    def _try(self, keys: Sequence[str], send: SendKeys) -> Findings:
        bodies = send(keys)
        made_issues = list[MadeIssue]()
        for create in self._run.written_creates():
            if create.key in bodies:
                body = bodies[create.key]
                made_issues.append(MadeIssue(create.key, create.issue_id, create.triage_id, create.marker, body))
        refusal = ""
        for row in self._run.results():
            if row.key in bodies and row.outcome is Outcome.FAILED:
                refusal = row.messages[-1]
                break

        async def read() -> Findings:
            target = self._context.target
            async with TriageClient(target.url, target.api_key) as client:
                return await read_back(client, self._context.calls, made_issues, refusal=refusal)

        findings = run_loop(read())
        if findings.gone:
            key = next(issue.key for issue in made_issues if issue.name in findings.gone)
            command = self._run.settle_command(key, ABSENT)
            raise TargetDoubted(
                f"Triage answered that it created {listed(findings.gone, NAMES_SHOWN)}, and now has no such"
                " issue. Nothing else is sent.",
                hint="If nobody deleted it, Triage loses issues: ask Bland before you send the others. If somebody "
                f"did, record it for each, and run the same command again: {command}",
            )
        if findings.twice:
            duplicates = listed(findings.twice, NAMES_SHOWN)
            raise TargetDoubted(
                f"What was sent once is in Triage twice: {duplicates} has the marker of another. Nothing else is sent.",
                hint="Something on the way to Triage may send requests twice, as a proxy that tries again: the other "
                "issues would be duplicated too. To skip this test: --no-canary.\n"
                f"{way_back(self._run)}; to be removed by hand: {duplicates}",
            )
        if findings.lost:
            sentences = "\n".join(findings.sentences())
            raise TargetDoubted(
                f"{listed(findings.lost, NAMES_SHOWN)} can't be found again in Triage, so a create without a"
                f" response could be executed twice.\n{sentences}",
                hint=f"To skip this test: --no-canary.\n{way_back(self._run)}",
            )
        return findings


def way_back(run: Run) -> str:
    """Return a line with the command that removes what a run created."""
    command = run.command("undo", run.name, "--delete")
    return f"To remove what was created: {command}"
