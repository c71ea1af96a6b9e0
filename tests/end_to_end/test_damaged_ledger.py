"""A ledger that is cut, zeroed, read-only or on a full disk doubles nothing, loses nothing and ends in a sentence."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, event

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.end_to_end.sweep import KILLED, TROUBLE, staging
from tests.harness.boundaries import AFTER_COMMIT, BEFORE_COMMIT, Boundary
from tests.harness.disks import Disk, may_mount, mounted
from tests.harness.running import LONG, SEED, Ended, Program, write_issues

__all__ = ["may_mount"]

pytestmark = pytest.mark.slow

PAGE = 4096
HALFWAY, NEARLY_DONE, NEVER = Boundary(AFTER_COMMIT, 7), Boundary(BEFORE_COMMIT, 12), None
"""Where the import is killed whose ledger is then damaged."""
CUTS = 8 if LONG else 5
"""Offsets tried of each kind of file."""

STOPS = (ExitCode.UNUSABLE, ExitCode.STOPPED)

Damage = Callable[[Path], None]
Trial = Callable[[Path], Coroutine[Any, Any, list[str]]]
"""Something done to the small import in a folder; gives what is wrong at its end."""


def wal_of(ledger: Path) -> Path:
    """SQLite's journal of what is not in the file itself yet."""
    return ledger.with_name(ledger.name + "-wal")


def fold_in_wal(ledger: Path) -> None:
    """Move everything into the file itself, as the last reader does."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not wal_of(ledger).exists()


def cut_wal(share: float) -> Damage:
    """Leave a share of the journal, to the byte."""

    def damage(ledger: Path) -> None:
        wal = wal_of(ledger)
        os.truncate(wal, int(wal.stat().st_size * share))

    return damage


def cut_file(share: float) -> Damage:
    """Leave a share of the file, to the byte."""

    def damage(ledger: Path) -> None:
        fold_in_wal(ledger)
        os.truncate(ledger, int(ledger.stat().st_size * share))

    return damage


def zero_page(share: float) -> Damage:

    def damage(ledger: Path) -> None:
        fold_in_wal(ledger)
        with ledger.open("r+b") as file:
            file.seek(int(ledger.stat().st_size // PAGE * share) * PAGE)
            file.write(bytes(PAGE))

    return damage


def damaged(boundary: Boundary | None, harm: Damage) -> Trial:
    """Kill an import, damage its ledger, and run it again as its messages say."""

    async def trial(folder: Path) -> list[str]:
        async with staging(folder) as stage:
            ended = await stage.run(boundary)
            assert ended.code == (ExitCode.PARTLY if boundary is None else KILLED), ended.err
            harm(stage.ledger)
            ended = await stage.run()
            if ended.code not in STOPS:
                return stage.problems(ended)
            said = [] if names_remedy(ended.err, stage.ledger) else [f"not what to do next: {ended.err}"]
            stage.ledger.unlink()
            return [*said, *stage.problems(await stage.run())]

    return trial


def names_remedy(text: str, ledger: Path) -> bool:
    """Whether a message is a sentence that says what to do with a ledger that can't be read."""
    remedies = (f"rm {ledger}", f"Move {ledger} away", "Move it away")
    return is_sentence(text) and str(ledger) in text and any(remedy in text for remedy in remedies)


def is_sentence(text: str) -> bool:
    """Whether a person can act on it."""
    return not any(word in text for word in TROUBLE)


def is_silent(ended: Ended, issues: int) -> bool:
    """Whether there are issues at the target of which a run that stopped says nothing."""
    outcomes = ended.outcomes()
    return issues > sum(outcomes.get(name, 0) for name in ("created", "unchanged", "unknown"))


def check(folder: Path, trials: Mapping[str, Trial]) -> None:
    """Make all trials at once, each in a folder of its name, and make sure that nothing is wrong after any."""

    async def make_trials() -> dict[str, list[str]]:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(trial(folder / name)) for name, trial in trials.items()}
        return {name: task.result() for name, task in tasks.items()}

    problems = [f"{name}: {problem}" for name, found in asyncio.run(make_trials()).items() for problem in found]
    assert not problems, "\n".join(problems)


@pytest.fixture
def shares() -> list[float]:
    """Where to damage a file: both ends and places by chance."""
    chance = Random(SEED)
    return [0.0, 0.999, *(chance.random() for _ in range(CUTS - 2))]


@pytest.mark.parametrize("boundary", [HALFWAY, NEARLY_DONE], ids=["halfway", "nearly done"])
def test_the_journal_of_a_killed_import_cut_anywhere(tmp_path: Path, shares: list[float], boundary: Boundary) -> None:
    """SQLite drops the tail of a damaged journal in silence; what was made after that is found at the target."""
    check(tmp_path, {f"at {share}": damaged(boundary, cut_wal(share)) for share in shares})


@pytest.mark.parametrize("boundary", [HALFWAY, NEVER], ids=["halfway", "finished"])
@pytest.mark.parametrize("harm", [cut_file, zero_page])
def test_a_damaged_file(
    tmp_path: Path, shares: list[float], boundary: Boundary | None, harm: Callable[[float], Damage]
) -> None:
    """Either it can be used, or a sentence says to remove it; then only what is missing is made."""
    check(tmp_path, {f"at {share}": damaged(boundary, harm(share)) for share in shares})


def on_disk(holds: str, harm: Callable[[Disk], None], mend: Callable[[Disk], None]) -> Trial:
    """Run an import whose ledger or reports are on a disk that is harmed, and again when it is mended."""

    async def trial(folder: Path) -> list[str]:
        with mounted(folder.with_name(f"{folder.name} disk")) as disk:
            places: dict[str, Any] = {holds: disk.folder / holds}
            async with staging(folder, **places) as stage:
                harm(disk)
                harmed = await stage.run()
                said = []
                if harmed.code not in (ExitCode.PARTLY, *STOPS) or not is_sentence(harmed.err):
                    said.append(f"no sentence, but {harmed.code}: {harmed.err}")
                elif is_silent(harmed, len(stage.sandbox.issues())):
                    said.append(f"nothing of the issues that were made: {harmed.err}")
                mend(disk)
                return [*said, *stage.problems(await stage.run())]

    return trial


def filled(free_pages: int) -> Callable[[Disk], None]:
    return lambda disk: disk.fill(free_pages * PAGE)


@pytest.mark.usefixtures("may_mount")
def test_a_full_disk_under_the_ledger(tmp_path: Path) -> None:
    """Wherever it fills up: a sentence and exit 2 or 3; once there is room the same command goes on."""
    pages = (0, 1, 2, 4, 8, 16, 24, 28, 32, 36, 40, 44, 48, 56, 64, 80, 96)
    trials = {f"{free} free pages": on_disk("ledger", filled(free), Disk.make_room) for free in pages}
    check(tmp_path, trials)


@pytest.mark.usefixtures("may_mount")
def test_a_full_disk_under_the_reports(tmp_path: Path) -> None:
    """The summary still says what was done; once there is room the same command writes the reports."""
    trials = {f"{free} free pages": on_disk("out", filled(free), Disk.make_room) for free in (0, 1, 2)}
    check(tmp_path, trials)


@pytest.mark.usefixtures("may_mount")
@pytest.mark.parametrize("holds", ["ledger", "out"])
def test_a_read_only_disk(tmp_path: Path, holds: str) -> None:
    """A sentence before anything is sent; once it can be written the same command sends everything."""
    check(tmp_path, {"read-only": on_disk(holds, Disk.forbid_writing, Disk.allow_writing)})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write what nobody may")
def test_a_read_only_file(program: Program, serve: Serve) -> None:
    """The file alone can't be written: a sentence before anything is sent."""
    sandbox = serve()
    command = ("run", write_issues(Path("a.csv"), 3), "-m", "jira", "--api-url", sandbox.url, "--yes", "--json")
    assert program(*command, "--limit", "1").code == ExitCode.DONE
    program.ledger.chmod(0o400)
    ended = program(*command)
    assert (ended.code, len(sandbox.issues())) == (ExitCode.UNUSABLE, 1)
    assert is_sentence(ended.err)
    assert str(program.ledger) in ended.err


INTERIOR_INDEX = 2
"""How SQLite marks a page that only leads to others; the last of those is named by its bytes 8 to 11."""


def zero_last_leaf(ledger: Path, index: str) -> None:
    """Zero the page of an index to which the next entries go."""
    with closing(sqlite3.connect(ledger)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (index,)).fetchone()
    with ledger.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        root = file.read(12)
        assert root[0] == INTERIOR_INDEX, "too few entries to have a leaf of their own"
        file.seek((int.from_bytes(root[8:]) - 1) * PAGE)
        file.write(bytes(PAGE))


def test_damage_where_outcomes_go_is_found_at_the_opening(program: Program, serve: Serve) -> None:
    """It would show only once issues are made and can't be recorded: so it is looked for before anything is sent."""
    sandbox = serve()
    command = ("-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0", "--source-name")
    assert program("run", write_issues(Path("old.csv"), 400), *command, "old").code == ExitCode.DONE
    zero_last_leaf(program.ledger, "operations_triage_id")
    ended = program("run", write_issues(Path("new.csv"), 3), *command, "new")
    assert (ended.code, len(sandbox.issues())) == (ExitCode.UNUSABLE, 400)
    assert names_remedy(ended.err, program.ledger)


@contextmanager
def malformed_after(commits: int) -> Iterator[None]:
    """Let SQLite say of every file, after so many commits to it, that it is damaged."""

    class Malformed(sqlite3.Connection):
        left = commits

        def commit(self) -> None:
            if self.in_transaction:
                self.left -= 1
                if self.left < 0:
                    raise sqlite3.DatabaseError("database disk image is malformed")
            super().commit()

    def connect(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        options["factory"] = Malformed

    event.listen(Engine, "do_connect", connect)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", connect)


def test_damage_that_shows_while_sending(program: Program, serve: Serve) -> None:
    """It stops with a sentence, and the issues that were made are accounted for, and not made again."""
    sandbox = serve()
    source = write_issues(Path("a.csv"), 8)
    command = ("run", source, "-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0")
    options = ("--concurrency", "2", "--settle-seconds", "1")
    for commits in count(1):
        with malformed_after(commits):
            ended = program(*command, *options)
        if ended.code == ExitCode.DONE:
            break
        assert ended.code in STOPS
        assert names_remedy(ended.err, program.ledger)
        assert not is_silent(ended, len(sandbox.issues()))
    assert commits > 3, "it has stopped before sending, while sending and after it"
    assert ended.outcomes() == {"created": 8}
    assert len(sandbox.issues()) == 8
