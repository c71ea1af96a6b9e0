"""Additions in the ledger: comments, evidence, flags, relations and reference numbers of a source's issues.

Each is an operation beside the create of its key, with a name of its own. Additions to an issue that was deleted since,
and perhaps created again, no longer count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Row, Select, and_, bindparam, exists, func, or_, select

from importer.codes import (
    ADDITION_UNPROVEN,
    DESCRIPTION_EDITED,
    EVIDENCE_MISSING,
    EVIDENCE_PENDING,
    GONE_AT_TARGET,
    NUMBERS_LEFT_OUT,
)
from importer.ledger.known_create import COLUMNS, WAS_FOUND, KnownCreate, as_known
from importer.ledger.schema import UNDECIDED, WAITS, State, found_issues, operations, runs, sources, targets
from importer.ledger.statements import PORTION, Transaction, find_in_portions
from importer.records import ADDITIONS, NEVER_TWICE, Act, AlreadyAdded, names_project

PAGE = 1000
_SETTLED = (Act.RECALL, Act.REOPEN)
"""Acts that are over once it was decided that nothing is to be done."""
CANDIDATES = 100
"""How many of the newest additions are tried, to find one whose other issue still exists."""
CREATES = operations.alias("creates")
OF_SOURCE = select(*COLUMNS).where(
    operations.c.source_id == bindparam("its_source"),
    operations.c.act == Act.CREATE,
    operations.c.state == State.DONE,
    operations.c.key.in_(PORTION),
)


def count_made(transaction: Transaction, run: str, act: Act) -> int:
    """Count the additions of a kind that a run has made, evidence that came with creates of its issues among them."""
    statement = select(func.count()).select_from(operations.join(runs, runs.c.id == operations.c.run_id))
    # The index has the acts of a source.
    statement = statement.where(operations.c.source_id == runs.c.source_id, runs.c.name == run)
    statement = statement.where(operations.c.act == act, operations.c.state == State.DONE)
    with transaction() as connection:
        return connection.scalar(statement) or 0


class Added(NamedTuple):
    """An addition that was sent, or that was to be sent and waits.

    name    distinguishes it from the others of its act and key; of a relation `type/key of the other issue`
    body    what was sent, while its outcome is unknown; of evidence that Triage doesn't know yet, and its flags, what
            is to be sent
    covers  of a comment: ids of the source's comments in it; of a `recall`: markers that its comments show, or what is
            known of occurrences; of a `refer`: the keys whose numbers it inserted; of a relation: the id of the issue
            that it leads to
    since   time of the intent, or of the end of its request while its outcome is unknown; seconds since 1970
    first   of evidence that Triage doesn't know yet: time of the first try; seconds since 1970
    sha     its `load.acts`; of a `refer`: SHA-256 of the create that the description comes from
    run_id  the last run that worked on it
    is_over whether that run is finished
    end     of a comment that was made: how it ends, see `triage.snapshot.find_end`
    """

    act: Act
    name: str
    state: State
    body: bytes
    covers: tuple[str, ...]
    since: float
    first: float
    sha: bytes
    code: str
    message: str
    run_id: int = 0
    is_over: bool = False
    end: str = ""

    @property
    def waits(self) -> bool:
        """Whether it is tried from the ledger until Triage knows the evidence: a body with an API key isn't kept."""
        return self.code == EVIDENCE_PENDING and bool(self.body)

    @property
    def is_settled(self) -> bool:
        """Whether it was decided that nothing is to be done, or that a person's change stays."""
        return self.state in (State.SAME, State.LEFT)

    @property
    def may_be_there(self) -> bool:
        """Whether a request for it may have reached Triage and been carried out, whatever the answer was."""
        if self.act not in NEVER_TWICE:
            return False
        if self.state is not State.LEFT:
            return self.state in (*UNDECIDED, State.REFUSED)
        return self.code in (GONE_AT_TARGET, ADDITION_UNPROVEN) or (self.act is Act.RELATION and bool(self.covers))


class AddedOperations:
    """Reads the additions of one source. See `Ledger.additions` and `Run.additions`."""

    def __init__(self, transaction: Transaction, target: str, source_id: int, run_id: int = 0) -> None:
        self._transaction, self._target = transaction, target
        self._source_id, self._run_id = source_id, run_id

    def of(self, keys: Iterable[str]) -> dict[str, list[Added]]:
        """Return the additions of these keys, unordered; keys without any are absent."""
        columns = operations.c
        statement = _present_additions(self._source_id)
        statement = statement.where(columns.act.in_(ADDITIONS), columns.key.in_(PORTION))
        additions: dict[str, list[Added]] = {}
        with self._transaction() as connection:
            for operation in find_in_portions(connection, statement, keys):
                additions.setdefault(operation.key, []).append(_decode(operation))
        return additions

    def places(self, keys: Iterable[str]) -> dict[str, KnownCreate]:
        """Return the creates of these keys that have an issue; keys without one are absent."""
        columns = operations.c
        # A create without an outcome, whose issue discovery saw.
        discovered = found_issues.c
        was_seen = exists().where(discovered.source_id == columns.source_id, discovered.issue_id == columns.issue_id)
        is_older = or_(columns.run_id != self._run_id, was_seen)
        statement = select(*COLUMNS, WAS_FOUND, is_older)
        statement = statement.where(columns.source_id == self._source_id, columns.act == Act.CREATE)
        statement = statement.where(columns.state == State.DONE, columns.key.in_(PORTION))
        with self._transaction() as connection:
            return {create.key: as_known(create) for create in find_in_portions(connection, statement, keys)}

    def elsewhere(self, keys: Iterable[str]) -> Mapping[str, Sequence[KnownCreate]]:
        """Return the creates that other sources of the target have of these keys, of those that name their project."""
        natives = {key: native for key in keys if names_project(native := key.partition(":")[2])}
        if not natives:  # as of nearly all portions
            return {}
        statement = select(sources.c.id, sources.c.name).join(targets)
        statement = statement.where(targets.c.url == self._target, sources.c.id != self._source_id)
        creates = defaultdict[str, list[KnownCreate]](list)
        with self._transaction() as connection:
            for source_id, name in connection.execute(statement).all():
                asked_keys = {f"{name}:{native}": key for key, native in natives.items()}
                for create in find_in_portions(connection, OF_SOURCE, asked_keys, its_source=source_id):
                    creates[asked_keys[create.key]].append(as_known(create))
        return creates

    def ends(self, keys: Iterable[str]) -> dict[str, KnownCreate]:
        """Return the creates of the issues that a relation or a mention of these keys means.

        Of a key without an issue it is that of another source, if it is the only one.
        """
        keys = list(keys)
        ends = self.places(keys)
        elsewhere = self.elsewhere(key for key in keys if key not in ends)
        for key, creates in elsewhere.items():
            if len(creates) == 1:
                ends[key] = creates[0]
        return ends

    def find_own(self) -> Iterator[tuple[str, Added]]:
        """Yield key and addition of all that the run has worked on last."""
        statement = _present_additions(self._source_id)
        statement = statement.where(operations.c.act.in_(ADDITIONS), operations.c.run_id == self._run_id)
        with self._transaction() as connection:
            for operation in connection.execute(statement, execution_options={"yield_per": PAGE}):
                yield operation.key, _decode(operation)

    def find_waiting(self) -> dict[str, list[Added]]:
        """Return key → what its issue lacks until Triage knows the evidence."""
        waiting: dict[str, list[Added]] = {}
        statement = _present_additions(self._source_id).where(WAITS)
        with self._transaction() as connection:
            for operation in connection.execute(statement):
                addition = _decode(operation)
                if addition.waits:
                    waiting.setdefault(operation.key, []).append(addition)
        return waiting

    def count_undecided(self) -> int:
        """Count the additions that the run has worked on, and of which nobody knows whether they were made."""
        columns = operations.c
        statement = select(func.count()).where(columns.source_id == self._source_id, columns.run_id == self._run_id)
        statement = statement.where(columns.act.in_(NEVER_TWICE))
        statement = statement.where(columns.state.in_(UNDECIDED))
        with self._transaction() as connection:
            return connection.scalar(statement) or 0

    def find_acknowledged(self, act: Act, before: float) -> tuple[str, bytes] | None:
        """Return one of the newest additions of a kind that Triage surely has, of those sent before a time.

        It is the id of its issue, and its fingerprint; None where there is none.
        """
        columns = operations.c
        newest = _present_additions(self._source_id)
        newest = newest.where(columns.act == act, columns.state == State.DONE, columns.since < before)
        newest = newest.order_by(columns.id.desc()).limit(CANDIDATES)
        with self._transaction() as connection:
            acknowledged = [(operation.issue_id, _decode(operation)) for operation in connection.execute(newest)]
        ends = self.ends(relation_targets(addition for _, addition in acknowledged))
        for issue_id, addition in acknowledged:
            if _leads(addition, ends):
                return issue_id, addition.sha
        return None

    def relation_ends(self) -> Iterator[tuple[str, bytes]]:
        """Yield the other issue's key and the fingerprint of each relation that was made, or perhaps made."""
        columns = operations.c
        may_be_there = or_(columns.state.in_((State.DONE, *UNDECIDED)), columns.code == ADDITION_UNPROVEN)
        statement = select(columns.name, columns.body_sha)
        statement = statement.where(columns.source_id == self._source_id, columns.act == Act.RELATION, may_be_there)
        with self._transaction() as connection:
            for name, sha in connection.execute(statement, execution_options={"yield_per": PAGE}):
                yield name.partition("/")[2], sha


def _present_additions(source_id: int) -> Select[Any]:
    """Select the operations of a source on the issues that its keys have now, not on those that they had."""
    addition, create = operations.c, CREATES.c
    is_of_key = and_(create.source_id == addition.source_id, create.key == addition.key, create.act == Act.CREATE)
    is_present = and_(create.issue_id == addition.issue_id, create.state == State.DONE)
    joined = operations.join(CREATES, is_of_key).join(runs, runs.c.id == addition.run_id)
    statement = select(operations, (runs.c.state == "finished").label("is_over")).select_from(joined)
    return statement.where(addition.source_id == source_id, is_present)


def _decode(operation: Row[Any]) -> Added:
    details = orjson.loads(operation.details or b"{}")
    return Added(
        Act(operation.act),
        operation.name,
        State(operation.state),
        details.get("body", "").encode(),
        tuple(details.get("covers", ())),
        operation.since,
        details.get("first", 0.0),
        operation.body_sha,
        operation.code,
        operation.message,
        operation.run_id,
        bool(operation.is_over),
        details.get("end", ""),
    )


def encode_details(covers: Iterable[str] = (), *, body: bytes = b"", first: float = 0.0, end: str = "") -> bytes | None:
    """Return the JSON of an addition's column `details`, None if there is nothing to keep. See `Added`."""
    details: Mapping[str, object] = {"covers": list(covers), "body": body.decode(), "first": first, "end": end}
    filled = {name: value for name, value in details.items() if value}
    return orjson.dumps(filled) if filled else None


def find_present(added: Iterable[Added], ends: Mapping[str, KnownCreate]) -> Iterator[Added]:
    """Yield the additions that Triage has acknowledged, but for relations that went with their other issue.

    `ends` are the relations' other issues, see `relation_targets`.
    """
    return (addition for addition in added if addition.state is State.DONE and _leads(addition, ends))


def find_already_added(added: Iterable[Added], ends: Mapping[str, KnownCreate]) -> AlreadyAdded:
    """Return the additions that need no sending: done, there already, or those that waited in vain for something.

    `ends` as in `find_present`.
    """
    names = set[tuple[Act, str]]()
    comment_ids, begun_ids = set[str](), set[str]()
    references = set[tuple[bytes, str]]()
    comments_are_over = True
    for addition in added:
        is_comment = addition.act is Act.COMMENT
        if _needs_no_sending(addition, ends):
            if addition.act is not Act.REFER:
                names.add((addition.act, addition.name))
            if is_comment or addition.act is Act.RECALL:
                comment_ids.update(addition.covers)
        if _is_referred(addition):
            references.update((addition.sha, key) for key in addition.covers)
        if is_comment and addition.state is State.DONE and not addition.is_over:
            begun_ids.update(addition.covers)
        if is_comment and not (addition.is_over and addition.state in (State.DONE, State.SAME)):
            comments_are_over = False
    begun = frozenset(begun_ids)
    return AlreadyAdded(frozenset(names), frozenset(comment_ids), frozenset(references), comments_are_over, begun=begun)


def _needs_no_sending(addition: Added, ends: Mapping[str, KnownCreate]) -> bool:
    if addition.state is State.DONE and _leads(addition, ends):
        return True
    if addition.code == EVIDENCE_MISSING:
        return True
    if addition.act is Act.COMMENT:
        return addition.state is State.SAME
    return addition.act in _SETTLED and addition.is_settled


def relation_targets(added: Iterable[Added]) -> Iterator[str]:
    """Yield the keys of the issues that these relations lead to."""
    return (addition.name.partition("/")[2] for addition in added if addition.act is Act.RELATION)


def _leads(added: Added, ends: Mapping[str, KnownCreate]) -> bool:
    """Whether a relation leads to the issue that its target key has now: after an undo it is another one, or none."""
    if added.act is not Act.RELATION or not added.covers:
        return True
    end = ends.get(added.name.partition("/")[2])
    return end is not None and end.issue_id in added.covers


def _is_referred(added: Added) -> bool:
    """Whether a description has its reference numbers, or stays as it is without them."""
    stays = added.code in (DESCRIPTION_EDITED, NUMBERS_LEFT_OUT)
    return added.act is Act.REFER and (added.state in (State.DONE, State.SAME) or stays)
