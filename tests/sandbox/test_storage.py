"""The database file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from importer.sandbox.storage import SandboxError, Store
from tests.sandbox.conftest import ISSUES, Api


def test_file_is_one_sandbox_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first has the file."""
    path = tmp_path / "s.db"
    first = Store(path)
    with pytest.raises(SandboxError, match=r"s\.db is in use by another sandbox\. Stop that one, or"):
        Store(path)
    first.close()
    Store(path).close()


def test_same_file_is_the_same_organisation(tmp_path: Path) -> None:
    """Another file is another one."""
    organisations = []
    for name in ("a", "a", "b"):
        store = Store(tmp_path / name)
        organisations.append(store.org_id)
        store.close()
    assert organisations[0] == organisations[1] != organisations[2]


def test_something_else_is_refused(tmp_path: Path) -> None:
    """What isn't a sandbox's file is left as it is."""
    (tmp_path / "text").write_text("Not a database, but long enough to be taken for one. " * 20)
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE mine (x)")
    before = (tmp_path / "other.db").read_bytes()
    for name, problem in (
        ("text", "is not a SQLite file"),
        ("other.db", "is a database of something else"),
        (".", "is not a file"),
        ("no/where.db", "can't be opened"),
    ):
        with pytest.raises(SandboxError, match=problem):
            Store(tmp_path / name)
    assert (tmp_path / "other.db").read_bytes() == before


def test_another_version_is_refused(tmp_path: Path) -> None:
    """A file with other tables is not touched."""
    path = tmp_path / "s.db"
    store = Store(path)
    store.db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(SandboxError, match="another version"):
        Store(path)


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    """What fails half-way leaves nothing behind."""
    store = Store(tmp_path / "s.db")

    def fail() -> None:
        with store.writing():
            store.insert("dispatches", detail="x")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert store.rows("SELECT * FROM dispatches") == []
    store.close()


def test_full_disk_is_an_answer(api: Api) -> None:
    """What can't be stored is refused with a sentence, and the sandbox goes on."""
    pages = api.store.row("PRAGMA page_count")[0]
    api.store.db.execute(f"PRAGMA max_page_count = {pages + 1}")
    body = {"title": "t", "severity": "low", "category": "c", "description": "x" * 10_000}
    assert api.error("POST", ISSUES, body) == (
        500,
        "internal_error",
        "The sandbox's database can't be used: database or disk is full",
    )
    assert api.titles() == []
