"""The ledger: finds and begins runs, and knows every key, target and organisation of earlier ones."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Insert, Select, and_, bindparam, func, insert, or_, select, update
from sqlalchemy import Row as Selected

from importer.errors import TargetMismatch, UsageError
from importer.ledger.added import AddedOperations
from importer.ledger.commands import settle_command
from importer.ledger.database import Database
from importer.ledger.journal import Run
from importer.ledger.known_create import COLUMNS, WAS_FOUND, KnownCreate, as_known
from importer.ledger.lock import SourceLocks
from importer.ledger.results import thaw
from importer.ledger.schema import (
    HAS_FIXED_ID,
    UNDECIDED,
    RunKind,
    State,
    aliases,
    attempts,
    operations,
    runs,
    sources,
    starts,
    targets,
)
from importer.ledger.statements import PORTION, find_in_portions, find_source
from importer.ledger.target_scan import TargetScan
from importer.phrases import counted, readable
from importer.records import Act

OpenChanges = Mapping[str, tuple[bytes, bool]]
"""Key → the fields of an undecided update as JSON, b"" if there is none, and whether a deletion may have been sent."""
NO_CHANGE = (b"", False)


COUNTED = 50_000
"""Keys that are counted for the first line of a run: a night of which nothing is new has no time to count more."""


class Facts(NamedTuple):
    """Figures for the first line of a run.

    keys             those with a create, counted up to one more than COUNTED
    last_run         name of the last run, "" if there is none
    last_started_at  its start, 0 if there is none
    """

    keys: int
    last_run: str
    last_started_at: float

    @property
    def known(self) -> str:
        """How many keys are known, in words."""
        return f"more than {COUNTED:,} keys" if self.keys > COUNTED else counted(self.keys, "key")


class RunIdentity(NamedTuple):
    """What makes two attempts one run: an open run of the same identity is continued.

    source_digest   SHA-256 of the source's bytes; of a repair or an undo the name of the run that it changes
    mapping_digest  of what the mapping and the options say; of a repair or an undo the digest of its change set
    """

    target: str
    source_name: str
    source_digest: str
    mapping_digest: str
    kind: RunKind = RunKind.IMPORT


# Made once: to make them for each portion of keys takes as long as SQLite takes for a fifth of them.
CREATES = (
    operations.c.source_id == bindparam("its_source"),
    operations.c.act == Act.CREATE,
    operations.c.key.in_(PORTION),
)
KNOWN = select(*COLUMNS, WAS_FOUND).where(*CREATES)
OF_IDS = select(*COLUMNS).where(
    operations.c.source_id == bindparam("its_source"),
    operations.c.fixed_id.in_(PORTION),
    HAS_FIXED_ID,
    operations.c.act == Act.CREATE,
    operations.c.state == State.DONE,
)
STANDING = select(*COLUMNS).where(*CREATES, operations.c.state == State.DONE)


class Ledger:
    """An open ledger, made by `open_ledger` or `read_ledger`.

    name   its path or URL for display
    locks  of the sources that it is used for; None where it is only read
    start  id of the start of a command that this process is, "" if it is none that is recorded
    """

    def __init__(
        self, database: Database, now: Callable[[], float] = time.time, locks: SourceLocks | None = None
    ) -> None:
        self.name = database.name
        self.locks = locks
        self.start = ""
        self._database = database
        self.transaction, self.redact_with = database.transaction, database.redact_with
        self._now = now

    def read_facts(self, target: str, source_name: str) -> Facts:
        """Return the figures of a source in a target before a run begins."""
        with self.transaction() as connection:
            source_id = find_source(connection, target, source_name)
            # The index has all that is counted: to ask for their state, too, would read the whole table.
            creates = and_(operations.c.source_id == source_id, operations.c.act == Act.CREATE)
            counted_keys = select(operations.c.key).where(creates).limit(COUNTED + 1).subquery()
            keys = connection.scalar(select(func.count()).select_from(counted_keys)) or 0
            last = select(runs.c.name, runs.c.started_at).where(runs.c.source_id == source_id)
            last = last.order_by(runs.c.id.desc()).limit(1)
            name, started_at = connection.execute(last).one_or_none() or ("", 0.0)
            return Facts(keys, name, started_at)

    def find_known(
        self, target: str, source_name: str, keys: Iterable[str], changes: OpenChanges | None = None
    ) -> dict[str, KnownCreate]:
        """Return what is known of these keys; those that were never sent are absent.

        Whoever asks for one run of rows after the other gives what `find_open_changes` has found before all of them.
        """
        if changes is None:
            changes = self.find_open_changes(target, source_name)
        creates = {}
        with self.transaction() as connection:
            source_id = find_source(connection, target, source_name)
            for create in find_in_portions(connection, KNOWN, keys if source_id else (), its_source=source_id):
                pending, is_leaving = changes.get(create.key, NO_CHANGE)
                creates[create.key] = as_known(create, pending=pending, is_leaving=is_leaving)
        return creates

    def find_standing(self, target: str, source_name: str, keys: Iterable[str]) -> Iterator[KnownCreate]:
        """Yield what tells whether a row is unchanged, for those keys that have an issue: faster than `find_known`.

        It has the columns of a KnownCreate up to `dated`, without the time to make each anew.
        """
        with self.transaction() as connection:
            source_id = find_source(connection, target, source_name)
            yield from find_in_portions(connection, STANDING, keys if source_id else (), its_source=source_id)

    def find_by_fixed_ids(self, target: str, source_name: str, ids: Iterable[str]) -> Iterator[KnownCreate]:
        """Yield what is known of the issues with these ids, see `KnownCreate.fixed_id`."""
        with self.transaction() as connection:
            source_id = find_source(connection, target, source_name)
            yield from map(as_known, find_in_portions(connection, OF_IDS, ids, its_source=source_id))

    def knows_fixed_ids(self, target: str, source_name: str) -> bool:
        """Whether the id of any issue of a source is known."""
        with self.transaction() as connection:
            source_id = find_source(connection, target, source_name)
            ids = select(operations.c.fixed_id).where(operations.c.source_id == source_id, HAS_FIXED_ID)
            return connection.scalar(ids.limit(1)) is not None

    def read_aliases(self, target: str, source_name: str) -> dict[str, str]:
        """Return the keys that issues of a source have by now → those that they had first."""
        with self.transaction() as connection:
            of_source = select(aliases).where(aliases.c.source_id == find_source(connection, target, source_name))
            return {alias.key: alias.first for alias in connection.execute(of_source)}

    def find_open_changes(self, target: str, source_name: str) -> OpenChanges:
        """Return the updates and deletions of a source whose outcome nobody knows."""
        columns = operations.c
        is_open = and_(columns.act.in_((Act.UPDATE, Act.DELETE)), columns.state.in_(UNDECIDED))
        changes = dict[str, tuple[bytes, bool]]()
        with self.transaction() as connection:
            is_of_source = columns.source_id == find_source(connection, target, source_name)
            statement = select(columns.key, columns.act, columns.details).where(is_of_source, is_open)
            for key, act, details in connection.execute(statement):
                pending, is_leaving = changes.get(key, NO_CHANGE)
                changes[key] = (pending, True) if act == Act.DELETE else (details or b"", is_leaving)
        return changes

    def target_scan(self, target: str, source_name: str, *, writable: bool = False) -> TargetScan:
        """Return what discovery found of a source; `writable` registers the source, for whoever runs discovery."""
        take = _take_source if writable else find_source
        with self.transaction() as connection:
            source_id = take(connection, target, source_name)
        return TargetScan(self.transaction, source_id, partial(settle_command, self.name, target))

    def additions(self, target: str, source_name: str) -> AddedOperations:
        """Return the reader of a source's additions."""
        with self.transaction() as connection:
            return AddedOperations(self.transaction, target, find_source(connection, target, source_name))

    def find_contact(self, target: str, org_id: str = "") -> dict[str, Any]:
        """Return what canary and probe found out about a target, or its organisation at another URL; {} if none did."""
        with self.transaction() as connection:
            org_id = org_id or connection.scalar(select(targets.c.org_id).where(targets.c.url == target)) or ""
            has_url = targets.c.url == target
            is_same = or_(has_url, targets.c.org_id == org_id) if org_id else has_url
            statement = select(targets.c.contact).where(is_same, targets.c.contact.is_not(None))
            contacts = connection.scalars(statement.order_by(has_url)).all()  # its own counts most
        facts = dict[str, Any]()
        for contact in contacts:
            facts |= orjson.loads(contact)
        return facts

    def keep_contact(self, target: str, facts: Mapping[str, Any]) -> None:
        """Keep what a canary or a probe found out about a target, beside what the other did."""
        with self.transaction() as connection:
            is_target = targets.c.id == _take_target(connection, target)
            contact = connection.scalar(select(targets.c.contact).where(is_target))
            earlier_facts = orjson.loads(contact) if contact else {}
            values = {"contact": orjson.dumps({**earlier_facts, **facts})}
            connection.execute(update(targets).where(is_target).values(values))

    def check_org(self, target: str, org_id: str) -> None:
        """Compare the organisation of a target with the one it had first, and keep it; "" is not compared.

        Raises:
            TargetMismatch: it was another organisation before.
        """
        with self.transaction() as connection:
            first_org_id = connection.scalar(select(targets.c.org_id).where(targets.c.url == target))
            if org_id and not first_org_id and not self._database.is_read_only:
                target_id = _take_target(connection, target)
                connection.execute(update(targets).where(targets.c.id == target_id).values(org_id=org_id))
        if first_org_id and org_id and first_org_id != org_id:
            hint = "Use that organisation's key, or a ledger of its own for this one: --ledger PATH"
            raise TargetMismatch(f"{target} was organisation {first_org_id}; this key belongs to {org_id}.", hint=hint)

    def begin_run(
        self,
        identity: RunIdentity,
        *,
        out: Path | None = None,
        options: Mapping[str, Any] | None = None,
        goes_on: Callable[[Run], bool] = lambda _: False,
    ) -> Run:
        """Continue the open run of this identity under its name, or begin a new one.

        out      where its results go, by default `./triage-import-RUN/`, with a number behind it where another
                 ledger's run has taken that; a continued run keeps the one it had
        options  what a new run keeps as JSON, for the commands that work on it later
        goes_on  whether the last run of the same source is continued, too, though its mapping has another digest
        """
        target, source_name, source_digest, mapping_digest, kind = identity
        started_at = self._now()
        run = runs.c
        with self.transaction() as connection:
            source_id = _take_source(connection, target, source_name)
            open_run = select(run.id).where(run.source_id == source_id, run.source_digest == source_digest)
            open_run = open_run.where(run.kind == kind, run.mapping_digest == mapping_digest, run.state == "open")
            run_id = connection.scalar(open_run.order_by(run.id.desc()).limit(1))
            runs_of_source = _select_runs().where(run.source_id == source_id, run.kind == kind)
            last = connection.execute(runs_of_source.order_by(run.id.desc()).limit(1)).one_or_none()
        if run_id is None and last is not None and (last.state, last.source_digest) == ("open", source_digest):
            run_id = last.id if goes_on(self._as_run(last, 0)) else None
        with self.transaction() as connection:
            if run_id is None:
                subject = source_name if kind is RunKind.IMPORT else f"{source_name}-{kind}"
                name = _next_name(connection, subject, started_at)
                values = {
                    "name": name,
                    "source_id": source_id,
                    "kind": kind.value,
                    "source_digest": source_digest,
                    "mapping_digest": mapping_digest,
                    "out": _as_text(out or _free_folder(f"triage-import-{name}")),
                    "options": orjson.dumps(options or {}),
                    "state": "open",
                    "started_at": started_at,
                }
                run_id = _new_id(connection, insert(runs).values(values))
            else:
                # It is continued: what became of its rows follows from their operations again.
                thaw(connection, run_id)
                values = {"mapping_digest": mapping_digest}
                if out is not None:
                    values["out"] = _as_text(out)
                connection.execute(update(runs).where(run.id == run_id).values(values))
            attempt = insert(attempts).values(run_id=run_id, pid=os.getpid(), started_at=started_at)
            attempt_id = _new_id(connection, attempt)
            if self.start:  # so that it can be told of one that is killed, too
                run_name = select(run.name).where(run.id == run_id).scalar_subquery()
                connection.execute(update(starts).where(starts.c.id == self.start).values(run=run_name))
        return self._run(run.id == run_id, attempt_id)

    def move_reports(self, run: Run) -> None:
        """Let the results of a run go where they go by default, in place of the folder that it had."""
        out = _as_text(_free_folder(f"triage-import-{run.name}"))
        with self.transaction() as connection:
            connection.execute(update(runs).where(runs.c.name == run.name).values(out=out))
        run.out = Path(out)

    def find_run(self, name: str) -> Run:
        """Return the run of this name, or the newest import for `last`.

        Raises:
            UsageError: there is none; the hint lists the newest names.
        """
        with self.transaction() as connection:
            names = connection.scalars(select(runs.c.name).order_by(runs.c.id.desc())).all()
            run_name = name
            if name == "last":
                imports = select(runs.c.name).where(runs.c.kind == RunKind.IMPORT).order_by(runs.c.id.desc())
                run_name = connection.scalar(imports.limit(1)) or name
        if run_name not in names:
            hint = f"Known runs: {', '.join(names[:5])}" if names else "There is none yet."
            raise UsageError(f"No run {name!r} in {self.name}.", hint=hint)
        return self._run(runs.c.name == run_name, 0)

    def find_run_of(self, target: str, key: str) -> Run | None:
        """Return the run that last worked on a key's create, None if nothing was ever sent for it."""
        create = operations.c
        with self.transaction() as connection:
            source_id = find_source(connection, target, key.partition(":")[0])
            statement = select(create.run_id).where(create.source_id == source_id, create.key == key)
            run_id = connection.scalar(statement.where(create.act == Act.CREATE))
        return None if run_id is None else self._run(runs.c.id == run_id, 0)

    def list_runs(self) -> list[Run]:
        """Return all runs, the newest first, to read; `begin_run` continues one."""
        with self.transaction() as connection:
            stored_runs = connection.execute(_select_runs().order_by(runs.c.id.desc())).all()
        return [self._as_run(stored, 0) for stored in stored_runs]

    def _run(self, condition: Any, attempt_id: int) -> Run:
        with self.transaction() as connection:
            stored = connection.execute(_select_runs().where(condition)).one()
        return self._as_run(stored, attempt_id)

    def _as_run(self, stored: Selected[Any], attempt_id: int) -> Run:
        return Run(self._database, stored, attempt_id, self._now)


def _select_runs() -> Select[Any]:
    """Select runs with the joined columns that a Run reads."""
    attempt_count = select(func.count()).where(attempts.c.run_id == runs.c.id).scalar_subquery().label("attempts")
    target, source_name = targets.c.url.label("target"), sources.c.name.label("source_name")
    joined = runs.join(sources, sources.c.id == runs.c.source_id).join(targets)
    return select(runs, target, source_name, attempt_count).select_from(joined)


def _as_text(folder: Path) -> str:
    """The whole path of a folder, to be kept. Raises UsageError where it has bytes that are not UTF-8."""
    path = str(folder.resolve())
    if readable(path) != path:
        hint = "Name another folder with --out."
        raise UsageError(f"The folder {readable(path)} can't be used: its name is not UTF-8.", hint=hint)
    return path


def _free_folder(name: str) -> Path:
    folder, number = Path(name), 1
    while folder.exists():
        number += 1
        folder = Path(f"{name}-{number}")
    return folder


def _take_source(connection: Connection, target: str, name: str) -> int:
    if source_id := find_source(connection, target, name):
        return source_id
    target_id = _take_target(connection, target)
    return _new_id(connection, insert(sources).values(target_id=target_id, name=name))


def _take_target(connection: Connection, url: str) -> int:
    target_id = connection.scalar(select(targets.c.id).where(targets.c.url == url))
    return target_id if target_id is not None else _new_id(connection, insert(targets).values(url=url))


def _new_id(connection: Connection, statement: Insert) -> int:
    inserted = connection.execute(statement).inserted_primary_key
    assert inserted is not None  # every table here has an id
    return int(inserted[0])


def _next_name(connection: Connection, subject: str, started_at: float) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:40] or "import"
    prefix = f"{datetime.fromtimestamp(started_at):%Y-%m-%d}-{slug}-"
    statement = select(runs.c.name).where(runs.c.name.startswith(prefix, autoescape=True))
    suffixes = [name.removeprefix(prefix) for name in connection.scalars(statement)]
    numbers = [int(suffix) for suffix in suffixes if suffix.isdigit()]
    return f"{prefix}{max(numbers, default=0) + 1}"
