"""SQL that SQLAlchemy has compiled for one ledger, for all later ones of this process and of those forked from it.

It keeps it for each engine, of which the program has one and the tests have thousands: a tenth of their CPU.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event


class Compiled(dict[Any, Any]):
    """What is compiled, by statement; engines of the same kind share it, as all of the program are configured alike."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_any_engine(key), value)

    def get(self, key: Any, default: Any = None) -> Any:
        """Give what was compiled of a statement, for whichever engine."""
        return super().get(_of_any_engine(key), default)


def _of_any_engine(key: Any) -> Any:
    dialect, *statement = key
    return type(dialect), *statement


_COMPILED = Compiled()


def share() -> None:
    """Share what is compiled from now on."""
    event.listen(Engine, "engine_connect", _connect)


def _connect(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED)
