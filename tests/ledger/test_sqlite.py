"""The ledger in a file: what the file system does to it. What both kinds promise is in test_ledger."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from importer.errors import ExitCode, StorageFull, UsageError
from importer.ledger import sqlite
from importer.ledger.opening import open_ledger, read_ledger
from importer.ledger.staleness import DIGITS, side_file
from importer.ledger.store import Ledger
from tests.harness.ledger_sending import TARGET, begin, send


def test_modes(path: Path) -> None:
    """Folder and files are for their owner alone."""
    with open_ledger(path):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_absent_ledger_is_not_made(path: Path) -> None:
    """A look leaves nothing behind."""
    with read_ledger(path):
        pass
    assert not path.parent.exists()


def test_a_stranger(tmp_path: Path) -> None:
    """A file that is no ledger is left alone."""
    stranger = tmp_path / "letters.txt"
    stranger.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(UsageError, match=r"letters\.txt is not a ledger"), open_ledger(stranger):
        pass
    assert stranger.read_text().startswith("Dear")


def test_a_stranger_of_the_same_kind(tmp_path: Path) -> None:
    """Another program's SQLite file is refused as it is, and nothing is left beside it."""
    stranger = tmp_path / "other.db"
    with closing(sqlite3.connect(stranger)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = stranger.read_bytes()
    with pytest.raises(UsageError, match=r"other\.db is not a ledger"), open_ledger(stranger):
        pass
    with pytest.raises(UsageError, match=r"other\.db is not a ledger"), read_ledger(stranger):
        pass
    assert stranger.read_bytes() == before
    assert list(tmp_path.iterdir()) == [stranger]


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    """A file with nothing in it is nobody's."""
    path.parent.mkdir()
    path.touch()
    with open_ledger(path) as ledger:
        assert ledger.read_facts(TARGET, "x").keys == 0


def test_a_kill_while_a_file_becomes_a_ledger(path: Path) -> None:
    """A journal that is left then is rolled back by whoever writes next, and hinders nobody who reads."""
    with open_ledger(path):
        pass  # it leaves its side file
    path.unlink()
    half = path.with_name("half.db")
    with closing(sqlite3.connect(half, isolation_level=None)) as connection:
        connection.executescript("CREATE TABLE filler (text TEXT); DROP TABLE filler; PRAGMA cache_size=1")
        connection.executescript("BEGIN; CREATE TABLE filler (text TEXT)")
        connection.executemany("INSERT INTO filler VALUES (?)", [("x" * 5000,)] * 50)
        for end in ("", "-journal"):  # as a killed process leaves them: some pages are in the file already
            shutil.copyfile(f"{half}{end}", f"{path}{end}")
    with read_ledger(path) as ledger:
        assert ledger.list_runs() == []
    with open_ledger(path) as ledger:
        assert ledger.list_runs() == []


@pytest.mark.parametrize("name", [".", "file/ledger.db", "n" * 300])
@pytest.mark.parametrize("open_", [open_ledger, read_ledger])
def test_a_place_that_cannot_be_used(
    tmp_path: Path, name: str, open_: Callable[[Path], AbstractContextManager[Ledger]]
) -> None:
    """A folder, or a place where no file can be, is a matter of usage: nothing was sent."""
    (tmp_path / "file").touch()
    if open_ is read_ledger and name.startswith("file/"):
        pytest.skip("What is not there is read as an empty ledger.")
    with pytest.raises(UsageError, match="can't be"), open_(tmp_path / name):
        pass


@pytest.mark.parametrize("name", ["C# notes/a.db", "what?mode=ro.db", "50%20.db", "100%25/a.db", "ü&:b.db"])
def test_a_path_is_no_part_of_a_url(tmp_path: Path, name: str) -> None:
    """What is written to a file is read from it, whatever a URL means by its name, and no other file is made."""
    path = tmp_path / "folder" / name
    with open_ledger(path) as ledger:
        send(begin(ledger), "jira:PROJ-1")
    for open_ in (read_ledger, open_ledger):
        with open_(path) as ledger:
            assert len(ledger.list_runs()) == 1
    there = {each.relative_to(path.parent).as_posix() for each in path.parent.rglob("*")}
    assert there <= {f"{path.name}{end}" for end in ("", "-wal", "-shm", ".lock", ".generation")}
    assert [each.name for each in (tmp_path / "folder").iterdir() if each.is_dir()] == name.split("/")[:-1]


@pytest.mark.parametrize("open_", [open_ledger, read_ledger])
@pytest.mark.parametrize("name", ["/dev/null", "pipe"])
def test_a_device(tmp_path: Path, name: str, open_: Callable[[Path], AbstractContextManager[Ledger]]) -> None:
    """Nobody waits for what a pipe says, or makes room in what keeps nothing."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="that is not a file"), open_(tmp_path / name):
        pass


@pytest.mark.parametrize("says", ["disk I/O error", "database or disk is full"])
def test_a_full_disk_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    """Where a ledger can't be opened for want of room, nobody is told to move it away."""
    with open_ledger(path):
        pass

    def fail(*_: object) -> int:
        raise OperationalError("", None, sqlite3.OperationalError(says))

    monkeypatch.setattr(sqlite, "read_version", fail)
    with pytest.raises(UsageError, match=f"can't be used: {says}") as caught, open_ledger(path):
        pass
    assert caught.value.hint.startswith("Make room")


@pytest.mark.skipif(os.geteuid() == 0, reason="Nothing is read-only for root.")
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_file_that_cannot_be_written(path: Path, mode: int) -> None:
    """A file without permissions is a matter of usage."""
    with open_ledger(path):
        pass
    path.chmod(mode)
    with pytest.raises(UsageError, match="Permission denied"), open_ledger(path):
        pass


NOBODY = 65_534


@contextmanager
def nobody_in(folder: Path) -> Iterator[None]:
    """Become somebody to whom all in a folder is read-only: for root nothing is."""
    others = [*folder.rglob("*"), folder]
    modes = {each: each.stat().st_mode for each in others}
    for each in others:
        each.chmod(0o555 if each.is_dir() else 0o444)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        for each, mode in modes.items():
            each.chmod(mode)


@pytest.mark.parametrize("has_wal", [False, True])
def test_a_folder_that_can_only_be_read(has_wal: bool) -> None:
    """A backup, or another user's ledger: it is read all the same, what is in its side file too; nothing is left."""
    with TemporaryDirectory() as name:  # `tmp_path` is below a folder that others can't enter
        path = Path(name) / "ledger.db"
        with open_ledger(path) as ledger:
            send(begin(ledger), "k1")
            if has_wal:
                (Path(name) / "backup").mkdir()
                for file in (path, path.with_name("ledger.db-wal")):
                    shutil.copyfile(file, Path(name) / "backup" / file.name)
        place = Path(name) / "backup" / "ledger.db" if has_wal else path
        with nobody_in(Path(name)), read_ledger(place) as ledger:
            assert ledger.find_known(TARGET, "jira-acme", ["k1"])
            assert not list(place.parent.glob("*-shm"))


@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_reading_leaves_nothing_that_blocks(path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    """What SQLite makes to read a file has its mode and the reader for its owner: the next import couldn't write it."""
    with open_ledger(path) as ledger:
        send(begin(ledger), "k1")
    path.chmod(mode)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner if mode == 0o444 else owner + 1)
    with read_ledger(path) as ledger:
        assert len(ledger.list_runs()) == 1
    assert sorted(each.name for each in path.parent.iterdir()) == LEFT


LEFT = ["ledger.db", "ledger.db.generation", "ledger.db.lock"]


def left_by_a_reader(path: Path) -> Path:
    """What a process leaves that reads a ledger while nobody may write it."""
    with open_ledger(path):
        pass
    left = path.with_name("ledger.db-shm")
    left.write_bytes(bytes(32_768))
    left.chmod(0o444)
    return left


def test_what_a_reader_has_left(path: Path) -> None:
    """Another program has read it: the next import may write again all the same."""
    left = left_by_a_reader(path)
    with open_ledger(path) as ledger:
        assert left.stat().st_mode & 0o777 == 0o600
        send(begin(ledger), "k1")


def test_what_another_user_has_left(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that blocks is named, and how to be rid of it."""
    left = left_by_a_reader(path)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "access", lambda *_: False)  # to root it is none
    with pytest.raises(UsageError, match=r"ledger\.db-shm can't be written: it belongs") as caught, open_ledger(path):
        pass
    assert f"rm -f {left}" in caught.value.hint


def put_a_folder(path: Path) -> None:
    """Put a folder in a ledger's place."""
    path.rename(path.with_name("other.db"))
    path.mkdir()


LOSSES: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "renamed": lambda path: path.rename(path.with_name("other.db")),
    "replaced": lambda path: copy_back(path),
    "a folder": put_a_folder,
    "emptied": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_a_file_that_is_lost_while_it_is_in_use(path: Path, lose: Callable[[Path], object]) -> None:
    """What is written to it would go nowhere: the next commit says so, and so does a run's end."""
    with open_ledger(path) as ledger:
        run = begin(ledger)
        send(run, "k1")
        lose(path)
        with pytest.raises(StorageFull, match="was deleted, moved, emptied or replaced") as caught:
            send(run, "k2")
        assert "by their markers" in caught.value.hint
        with pytest.raises(StorageFull, match="was deleted, moved, emptied or replaced"):
            run.finish(ExitCode.DONE, {})


def test_full_disk(path: Path) -> None:
    """A disk that is full ends the run with a sentence; so does every later intent."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=40")

    event.listen(Engine, "connect", limit)
    try:
        with open_ledger(path) as ledger:
            run = begin(ledger)
            for _ in range(2):
                with pytest.raises(StorageFull, match="full"):
                    send(run, *(f"k{number}" for number in range(1000)))
    finally:
        event.remove(Engine, "connect", limit)


def test_a_ledger_behind_its_side_file(path: Path) -> None:
    """An older copy is recognised: what its sources have in Triage is to be looked up again."""
    with open_ledger(path) as ledger:
        ledger.target_scan(TARGET, "jira", writable=True).complete()
        begin(ledger).decide([])
    with open_ledger(path) as ledger:
        assert ledger.target_scan(TARGET, "jira").is_complete()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE stamp SET generation = generation - 1")
        connection.commit()
    os.truncate(side_file(path), DIGITS)  # as after a kill: how the file was left isn't known
    with open_ledger(path) as ledger:
        assert not ledger.target_scan(TARGET, "jira").is_complete()


@contextmanager
def counting_checks() -> Iterator[list[str]]:
    """Give the list of integrity checks while the block runs."""
    checks = list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "integrity_check" in statement:
            checks.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield checks
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def leave_early(path: Path) -> None:
    with pytest.raises(StorageFull), open_ledger(path):
        raise StorageFull("full")


def copy_back(path: Path) -> None:
    """Put a copy in a ledger's place."""
    shutil.copyfile(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def test_a_copy_that_comes_back_with_its_side_file(path: Path) -> None:
    """As from a backup of the whole folder: nothing says how old it is, so that all is looked up again."""
    with open_ledger(path) as ledger:
        begin(ledger)
        ledger.target_scan(TARGET, "jira-acme", writable=True).complete()
    copy_back(path)
    with open_ledger(path) as ledger:
        assert not ledger.target_scan(TARGET, "jira-acme").is_complete()


@pytest.mark.parametrize(
    "change",
    [leave_early, copy_back, lambda path: os.truncate(path, path.stat().st_size + 4096), Path.touch],
    ids=["an error", "a copy", "another size", "another time"],
)
def test_it_is_checked_after_an_unclean_end(path: Path, change: Callable[[Path], object]) -> None:
    """Each opening after one that ended in order believes the file; after any other it is read for damage, once."""
    with open_ledger(path) as ledger:
        send(begin(ledger), "k1")
    with counting_checks() as checks:
        for _ in range(2):
            with open_ledger(path):
                pass
        assert checks == []
        change(path)
        for _ in range(2):
            with open_ledger(path):
                pass
        assert len(checks) == 1


def test_it_is_checked_after_a_kill(path: Path) -> None:
    """While a process has it open, nothing says that it ended in order."""
    with open_ledger(path) as ledger:
        send(begin(ledger), "k1")
        for file in path.parent.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, path.parent.parent / file.name)
    with counting_checks() as checks, open_ledger(path.parent.parent / path.name) as ledger:
        assert ledger.find_known(TARGET, "jira-acme", ["k1"])
    assert len(checks) == 1
