"""A source is sent by one process at a time, whatever ledger that has, and under whatever URL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from importer.errors import ExitCode, LedgerInUse
from importer.ledger.opening import open_ledger, read_ledger
from importer.ledger.store import Ledger
from tests.conftest import Serve
from tests.harness.doors import turnstile
from tests.harness.postgres import PostgresServer
from tests.harness.running import Program, finish, write_issues

URL, OTHER_URL = "https://t.example", "https://t.example/v1"
ORGANISATION = "0b1a0000"
REPAIR = ("repair", "-m", "jira", "--fields", "severity")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a state folder that doesn't exist yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def both(state: Path, tmp_path: Path) -> Iterator[tuple[Ledger, Ledger]]:
    """Give two ledgers at once."""
    with open_ledger(tmp_path / "one.db") as one, open_ledger(tmp_path / "other.db") as other:
        yield one, other


def hold(ledger: Ledger, url: str, organisation: str = ORGANISATION, name: str = "jira") -> list[str]:
    """Lock a source; gives what is said."""
    said: list[str] = []
    assert ledger.locks is not None
    ledger.locks.hold(url, organisation, name, said.append)
    return said


@pytest.mark.parametrize(
    ("first", "second", "is_free"),
    [
        ((URL,), (URL,), False),
        ((URL,), (OTHER_URL,), False),
        ((URL, ""), (URL, ""), False),
        ((URL, ""), (URL,), False),
        ((URL,), (URL, ""), False),
        ((URL,), (URL, "another"), True),
        ((URL, ""), (OTHER_URL, ""), True),
        ((URL, ORGANISATION, "jira"), (URL, ORGANISATION, "jira-acme"), True),
    ],
)
def test_what_excludes_what(
    both: tuple[Ledger, Ledger], first: tuple[str, ...], second: tuple[str, ...], is_free: bool
) -> None:
    """The organisation counts, whatever its URL; where it isn't known, it may be any with that URL."""
    one, other = both
    assert hold(one, *first) == hold(one, *first) == []
    if is_free:
        assert hold(other, *second) == []
    else:
        says = rf"The source jira of https:.* is in use by process {os.getpid()}, started .*, with the ledger .*one\.db"
        with pytest.raises(LedgerInUse, match=says):
            hold(other, *second)


def test_waiting_for_another_ledger(state: Path, tmp_path: Path) -> None:
    """The time to wait is that of the ledger; a source is free again when the ledger is closed."""
    with open_ledger(tmp_path / "other.db", wait_seconds=60) as other, ThreadPoolExecutor(1) as pool:
        with open_ledger(tmp_path / "one.db") as one:
            hold(one, URL)
            waiting = pool.submit(hold, other, URL)
            assert not waiting.done()
        assert waiting.result() == []


def test_schemas_of_one_database(postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledgers in one database exclude each other where their machines share nothing else; each URL counts once."""
    with open_ledger(postgres.make_ledger()) as one, open_ledger(postgres.make_ledger()) as other:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a machine"))
        assert hold(one, URL) == hold(one, URL) == []
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
        with pytest.raises(LedgerInUse, match=rf"source jira of .* is in use by process {os.getpid()} on .*, started "):
            hold(other, OTHER_URL)
        assert hold(other, OTHER_URL, "another") == []
    with open_ledger(postgres.make_ledger()) as third:
        assert hold(third, OTHER_URL) == []


@pytest.mark.parametrize("home", ["", "file"])
def test_no_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """It says what is not looked at, and goes on."""
    (tmp_path / "file").touch()
    with open_ledger(tmp_path / "one.db") as one, open_ledger(tmp_path / "other.db") as other:
        monkeypatch.setenv("XDG_STATE_HOME", home and str(tmp_path / home))
        monkeypatch.setattr(Path, "home", lambda: Path(os.devnull))
        for ledger in (one, other):
            (said,) = hold(ledger, URL)
            assert "a second import of it with another ledger would not be noticed" in said
            assert "Set XDG_STATE_HOME" in said


def test_no_state_folder_beside_a_server(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's lock is enough."""
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    with open_ledger(postgres.make_ledger()) as ledger:
        assert hold(ledger, URL) == []


def test_reading_locks_nothing(tmp_path: Path) -> None:
    """A preview may be had beside an import."""
    with read_ledger(tmp_path / "one.db") as ledger:
        assert ledger.locks is None


def send_to(url: str, ledger: str, *more: str) -> tuple[str, ...]:
    """The command line of an import with this ledger."""
    return ("run", "export.csv", "-m", "jira", "--api-url", url, "--ledger", ledger, "--yes", "--rate", "0", *more)


def copies(ledger: Path) -> None:
    shutil.copy(ledger, "copy.db")
    os.link(ledger, "link.db")


def test_a_second_import_with_another_ledger(program: Program, serve: Serve) -> None:
    """New, a copy or a hard link, by another URL: it ends with 5, names the first one, and nothing comes twice."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    assert program(*send_to(sandbox.url, "first.db")).code == ExitCode.DONE
    copies(Path("first.db"))
    write_issues(Path("export.csv"), 40)
    with turnstile(sandbox.url, 2) as door:
        process = program.start(*send_to(door.url, "first.db"))
        door.hold(process)
        seconds = [
            *(program(*send_to(sandbox.url, ledger)) for ledger in ("new.db", "copy.db", "link.db")),
            program("undo", "last", "--close", "--apply", "--yes", "--ledger", "copy.db"),
            program(*REPAIR, "last", "--apply", "--yes", "--ledger", "copy.db"),
            program("settle", "jira:PROJ-1", "T-1001", "--api-url", sandbox.url, "--ledger", "copy.db"),
            program("rebuild-ledger", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--ledger", "copy.db"),
        ]
        previews = [
            program("undo", "last", "--close", "--ledger", "copy.db"),
            program("run", "export.csv", "-m", "jira", "--sandbox"),
        ]
        waiting = program.start(*send_to(sandbox.url, "new.db", "--wait", "10m", "--json"))
        door.let()
        first, waited = finish(process), finish(waiting)
    for second in seconds:
        assert second.code == ExitCode.LEDGER_IN_USE, second.err
        assert f"in use by process {process.pid}, started " in second.err
        assert f", with the ledger {program.folder / 'first.db'}." in second.err
        assert "--wait 10m" in second.err
    assert [preview.code for preview in previews] == [0, 0], previews
    assert first.code == ExitCode.DONE
    assert (waited.code, waited.outcomes()) == (0, {"unchanged": 40}), waited.err
    assert len(sandbox.issues()) == 40
