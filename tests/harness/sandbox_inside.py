"""What no request can do to a sandbox: let its time pass, and forget."""

from __future__ import annotations

from tests.harness.hostile import RunningSandbox


def end_waits(sandbox: RunningSandbox) -> None:
    """Let all time pass that the sandbox waits for: what is late happens now, what hangs is dropped."""
    sandbox.ask(sandbox._gate.stop)


def make_old(sandbox: RunningSandbox) -> None:
    """Let all that is there have been there for years, so that whatever the lag is, it is seen."""

    def change() -> None:
        for table in ("issues", "events"):
            sandbox._store.db.execute(f"UPDATE {table} SET created_at = '2020-01-01T00:00:00.000Z'")

    sandbox.ask(change)


def forget_comment(sandbox: RunningSandbox, detail: str) -> None:
    """Let a comment be gone, for which the API has no way."""
    statement = "DELETE FROM events WHERE type = 'comment' AND detail LIKE '%' || ?"
    sandbox.ask(lambda: sandbox._store.db.execute(statement, (detail,)))
