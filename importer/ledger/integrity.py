"""Whether a ledger's file is whole. It is read for that after an unclean end, and by `runs check`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from importer.errors import UsageError
from importer.ledger.schema import operations
from importer.ledger.store import Ledger


def check_file(connection: Connection, path: Path, table: str = operations.name) -> None:
    """Read what may have been sent from a file, or all of it if `table` is "".

    Raises:
        UsageError: it is damaged: operations that are lost in it would be sent again.
    """
    page_size = int(connection.exec_driver_sql("PRAGMA page_size").scalar() or 1)
    if path.stat().st_size % page_size:  # SQLite reads the missing rest of a page as zeros, even within a text
        raise damaged(path, "it ends in the middle of a page")
    try:
        answer = connection.exec_driver_sql(f"PRAGMA integrity_check{f'({table})' if table else ''}").scalar()
    except DatabaseError as error:  # the damage is where the check begins
        raise damaged(path, str(error.orig)) from error
    if answer != "ok":
        raise damaged(path, str(answer))


def check_ledger(ledger: Ledger) -> bool:
    """Read a whole ledger; returns whether there is a file to read, which PostgreSQL and an absent one don't have.

    Raises:
        UsageError: it is damaged.
    """
    path = Path(ledger.name)
    with ledger.transaction() as connection:
        if connection.dialect.name == "postgresql" or not path.exists():
            return False
        check_file(connection, path, table="")
    return True


def damaged(path: Path, why: str) -> UsageError:
    """Return the error for a damaged file."""
    hint = (
        f"Move {path} away and run the same command again: what is in Triage already is found there before anything is "
        "sent."
    )
    return UsageError(f"The ledger {path} is damaged: {why}.", hint=hint)
