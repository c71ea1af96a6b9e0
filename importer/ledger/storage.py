"""What a disk, a server or a foreign file does to a ledger, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from importer.errors import StorageFull, UsageError


@contextmanager
def storage(name: str) -> Iterator[None]:
    """Turn what goes wrong with the ledger of this name into a sentence.

    Raises:
        StorageFull: it can't be read or written.
        UsageError: it is something else.
    """
    try:
        yield
    except OSError as error:
        raise StorageFull(f"The ledger {name} can't be written: {error.strerror}.", hint="Try --ledger PATH") from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        text = str(cause)
        if "not a database" in text or "no such table" in text:
            raise not_a_ledger(name) from error
        hint = "Make room or mend the permissions, then run the same command again; what is done is recorded."
        if "malformed" in text:
            hint = (
                "It is damaged. Move it away and run the same command again: what is in Triage already is found there "
                "before anything is sent."
            )
        raise StorageFull(f"The ledger {name} can't be used: {text}.", hint=hint) from error


def not_a_ledger(name: str) -> UsageError:
    """Make the error for a file or database that is something else."""
    return UsageError(f"{name} is not a ledger.", hint="Give another one: --ledger PATH")
