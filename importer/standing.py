"""What the ledger makes of a row whose key is in Triage: nothing to do, changed since, or to be changed there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import orjson

from importer.client import issue_path
from importer.compare import COMPARED, PATCHABLE, find_changes
from importer.errors import UsageError
from importer.examine import Standing
from importer.ledger import FOUND_AT_TARGET, Decision, Found, Known, Ledger, Run, State
from importer.records import Act, Finding, Operation, Outcome
from importer.validate import CODES


class OnChange(StrEnum):
    """What happens to an issue whose row has changed since it was sent."""

    REPORT = "report"
    UPDATE = "update"
    OVERWRITE = "overwrite"
    SKIP = "skip"


@dataclass(frozen=True)
class ChangePolicy:
    """What to do about changed rows.

    fields          the only fields that are looked at
    accept_mapping  whether issues are updated of which only the mapping changed, and not the row
    """

    on_change: OnChange = OnChange.REPORT
    fields: frozenset[str] = frozenset(COMPARED)
    accept_mapping: bool = False


def read_fields(names: str | None) -> frozenset[str]:
    """Read `--fields`. Raises UsageError for a name that is no field."""
    if names is None:
        return frozenset(COMPARED)
    fields = frozenset(name.strip() for name in names.split(",") if name.strip())
    unknown = sorted(fields.difference(PATCHABLE))
    if unknown or not fields:
        raise UsageError(
            f"--fields {names}: there is no field {', '.join(unknown) or 'in it'} that can be changed.",
            hint=f"Fields are {', '.join(PATCHABLE)}.",
        )
    return fields


class Standings:
    """Asks a ledger about rows; it implements `examine.Ask`.

    With a `run`, issues that a look at the target has found are taken in as they come by.
    """

    def __init__(
        self, ledger: Ledger, target: str, source_name: str, policy: ChangePolicy, run: Run | None = None
    ) -> None:
        self._ledger, self._target, self._source_name = ledger, target, source_name
        self._policy, self._run = policy, run
        self._seen = ledger.seen(target, source_name)
        self._titles = {_fold(issue.title): issue.triage_id for issue in self._seen.unmarked()}
        self._any_found = self._seen.count() > 0

    def __call__(self, operations: Iterable[Operation]) -> Mapping[str, Standing]:
        """Say how these creates stand, by key; those that are to be made are left out."""
        creates = {operation.key: operation for operation in operations}
        known = self._ledger.find_known(self._target, self._source_name, creates)
        in_triage = {key: kept for key, kept in known.items() if kept.state is State.DONE}
        standings = {key: self._compare(creates[key], kept) for key, kept in in_triage.items()}
        if self._any_found or self._titles:
            standings |= self._look_up([create for key, create in creates.items() if key not in known])
        return standings

    def _compare(self, create: Operation, kept: Known) -> Standing:
        whole_sha = hashlib.sha256(create.body).digest()
        if kept.body_sha == whole_sha and not kept.pending:
            return Standing(Outcome.UNCHANGED)
        if self._policy.on_change is OnChange.SKIP:
            return Standing(Outcome.SKIPPED, _finding("changed", CODES["changed"]))
        changes = find_changes(kept.returned, create.body)
        wanted = {name: value for name, value in changes.items() if name in self._policy.fields}
        if not wanted and not kept.pending:
            return Standing(Outcome.UNCHANGED)
        only_mapping = bool(kept.content) and kept.content == create.content
        patch = {name: value for name, value in wanted.items() if name in PATCHABLE}
        updates = self._policy.on_change in (OnChange.UPDATE, OnChange.OVERWRITE)
        if updates and (patch or kept.pending) and (not only_mapping or self._policy.accept_mapping or kept.pending):
            change = create._replace(
                method="PATCH",
                path=issue_path(kept.issue_id),
                body=orjson.dumps(patch),
                act=Act.UPDATE,
                whole_sha=whole_sha if len(patch) == len(changes) else b"",
                issue_id=kept.issue_id,
                triage_id=kept.triage_id,
                returned=kept.returned,
                pending=kept.pending,
            )
            note = _finding("source-fixed", CODES["source-fixed"]) if "source" in wanted else None
            return Standing(Outcome.PLANNED, note, change)
        code = "mapping-changed" if only_mapping else "changed"
        return Standing(Outcome.SKIPPED, _finding(code, f"{CODES[code]} It differs in: {', '.join(wanted)}."))

    def _look_up(self, creates: list[Operation]) -> dict[str, Standing]:
        """Say of creates that no operation knows what a look at the target has seen of them."""
        found = self._seen.find(create.marker for create in creates)
        if self._run is not None and found:
            self._adopt([(create, found[create.marker]) for create in creates if create.marker in found])
        standings = {}
        for create in creates:
            issue = found.get(create.marker)
            if issue is not None:
                changes = find_changes(issue.returned, create.body)
                code = "found-changed" if changes else FOUND_AT_TARGET
                outcome = Outcome.SKIPPED if changes else Outcome.UNCHANGED
                message = f"{CODES[code]} It differs in: {', '.join(changes)}." if changes else CODES[code]
                standings[create.key] = Standing(outcome, _finding(code, message))
            elif self._titles:
                number = self._titles.get(_fold(orjson.loads(create.body)["title"]))
                if number is not None:
                    message = f"{number} has the same title and no marker; if it is this row's issue:"
                    hint = f"triage-import settle {create.key} {number}"
                    standings[create.key] = Standing(
                        Outcome.PLANNED, Finding("title-in-triage", "title", message, hint, rejects=False)
                    )
        return standings

    def _adopt(self, pairs: list[tuple[Operation, Found]]) -> None:
        """Write down whose the issues are; one that is not as the row says now counts as changed."""
        assert self._run is not None
        decisions, intents = [], []
        for create, issue in pairs:
            same = not find_changes(issue.returned, create.body)
            intents.append(create if same else create._replace(whole_sha=bytes(32), content=b""))
            decisions.append(
                Decision(
                    create.key,
                    State.DONE,
                    0,
                    issue_id=issue.issue_id,
                    triage_id=issue.triage_id,
                    returned=issue.returned,
                    code=FOUND_AT_TARGET,
                    message=CODES[FOUND_AT_TARGET],
                )
            )
        self._run.decide(decisions, intents)


def _finding(code: str, message: str) -> Finding:
    return Finding(code, "", message, rejects=False)


def _fold(title: str) -> str:
    return " ".join(title.casefold().split())
