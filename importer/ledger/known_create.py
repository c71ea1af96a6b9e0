"""What the ledger knows of a create and of the issue that it made: whoever asks for one reads it in this form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, select

from importer.codes import FOUND_AT_TARGET
from importer.ledger.schema import UNDECIDED, State, operations, sources
from importer.records import Act

_STATES = {state.value: state for state in State}


class KnownCreate(NamedTuple):
    """A create, and what is known of its issue. What stands behind `born` is asked for where it is needed alone.

    body_sha    SHA-256 of the body that the issue stands for; of an undecided one, of the body that was sent
    content     digest of its rows, see `records.rows_in`
    returned    the issue's snapshot, see `triage.snapshot`
    since       when its answer came, or its last request ended while that is unknown; seconds since 1970, by our clock
    mark        the newest creation time that the target had shown before it was sent, by the target's clock; 0 if none
                is known
    dated       the date of the newest row that it stood for; 0 if none is known
    fixed_id    what `input.id` said of its row; "" if that isn't known
    born        when the source made the issue, in seconds since 1970; 0 if that isn't known
    was_found   whether discovery found its issue, or the ledger is an older copy: it may have been written since, and
                have additions unknown to the ledger
    is_older    whether it is from an earlier run, or discovery saw it first: another ledger may have added to it
    pending     an update of unknown outcome, as `record_pending_patch` wrote it; b"" if there is none
    is_leaving  whether a deletion may have been sent
    cells       JSON of the source cells of its value fields, for `repair`; None where they were forgotten
    sought      by what the issue of one without an outcome is known if its marker is cut off, see `absence.Sought`; b""
                where its marker was surely kept
    """

    key: str
    state: State = State.DONE
    issue_id: str = ""
    triage_id: str = ""
    marker: str = ""
    body_sha: bytes = b""
    content: bytes = b""
    returned: bytes = b""
    since: float = 0.0
    mark: float = 0.0
    attempts: int = 0
    dated: float = 0.0
    fixed_id: str = ""
    born: float = 0.0
    was_found: bool = False
    is_older: bool = False
    pending: bytes = b""
    is_leaving: bool = False
    cells: bytes | None = None
    sought: bytes = b""


COLUMNS = tuple(operations.c[name] for name in KnownCreate._fields[: KnownCreate._fields.index("was_found")])
_UNSURE_TO = select(sources.c.unsure_to).where(sources.c.id == operations.c.source_id).scalar_subquery()
WAS_FOUND = or_(operations.c.code == FOUND_AT_TARGET, operations.c.id <= _UNSURE_TO)
PENDING = operations.alias("pending")
IS_PENDING = and_(
    PENDING.c.source_id == operations.c.source_id,
    PENDING.c.key == operations.c.key,
    PENDING.c.act == Act.UPDATE,
    PENDING.c.state.in_(UNDECIDED),
)
"""Joins a create with an update of its issue whose outcome nobody knows; `details` is what it would write."""


def as_known(values: Sequence[Any], **fields: Any) -> KnownCreate:
    """Make a create of COLUMNS and what follows them."""
    return KnownCreate(values[0], _STATES[values[1]], *values[2:], **fields)
