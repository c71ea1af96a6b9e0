"""The ledger: what it remembers, for whom, and what survives."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from importer.errors import ExitCode, LedgerInUse, StorageFull, TargetMismatch, UsageError
from importer.ledger import Decision, Ledger, Run, State, default_path, open_ledger, read_ledger
from importer.records import Operation, Outcome, Row

NOON = 1_795_521_600.0  # 2026-11-24, at noon in UTC
TARGET = "https://t.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a ledger in a folder that doesn't exist yet."""
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """Give an open ledger in whose world it is noon."""
    with open_ledger(path, now=lambda: NOON) as opened:
        yield opened


def begin(ledger: Ledger, target: str = TARGET, name: str = "jira-acme", digest: str = "s1") -> Run:
    """Begin or continue a run."""
    return ledger.begin_run(target, name, digest, "m1")


def operation(key: str) -> Operation:
    """Make an operation of a key."""
    return Operation(key, "POST", "/v1/triage/issues", b"{}", "tir" + "0" * 20)


def row(record: int, outcome: Outcome = Outcome.PLANNED, key: str = "") -> Row:
    """Make a row with raw cells."""
    return Row(1, "a.csv", record, record + 1, key or f"k{record}", outcome, raw=("a", f"={record}"))


def send(run: Run, *keys: str, state: State = State.DONE) -> None:
    """Write intents and outcomes as a loader does."""

    async def main() -> None:
        async with run.sending(4):
            await asyncio.gather(*(run.intend(operation(key)) for key in keys))
            for key in keys:
                if state is not State.SENT:
                    run.record(Decision(key, state, 1, issue_id=f"id-{key}", triage_id=f"T-{key}", message="why"))

    asyncio.run(main())


def test_known_only_for_its_target_and_source(ledger: Ledger) -> None:
    """A key that is in one target is not known in another, nor for another source of the same target."""
    send(begin(ledger), "k1")
    assert ledger.find_known(TARGET, "jira-acme", ["k1", "k2"])["k1"].triage_id == "T-k1"
    assert ledger.find_known("sandbox:a.db", "jira-acme", ["k1"]) == {}
    assert ledger.find_known(TARGET, "jira-other", ["k1"]) == {}


def test_known_of_many_keys(ledger: Ledger) -> None:
    """More keys than a query takes are asked in several."""
    keys = [f"k{number}" for number in range(1203)]
    send(begin(ledger), *keys)
    assert set(ledger.find_known(TARGET, "jira-acme", [*keys, "other"])) == set(keys)


def test_facts(ledger: Ledger) -> None:
    """The facts count what is in and name the last run."""
    assert ledger.read_facts(TARGET, "jira-acme") == (0, "", 0.0)
    send(begin(ledger), "k1", "k2")
    send(begin(ledger), "k3", state=State.REFUSED)
    assert ledger.read_facts(TARGET, "jira-acme") == (2, "2026-11-24-jira-acme-1", NOON)


def test_run_names(ledger: Ledger) -> None:
    """A run's name is its date, the slug of its source and a counter; `last` is the newest."""
    names = [begin(ledger, digest="1"), begin(ledger, digest="2"), begin(ledger, name="Ökö & Co: X", digest="3")]
    assert [run.name for run in names] == [
        "2026-11-24-jira-acme-1",
        "2026-11-24-jira-acme-2",
        "2026-11-24-k-co-x-1",
    ]
    assert ledger.find_run("last").name == names[-1].name
    assert ledger.find_run("2026-11-24-jira-acme-1").out.name == "triage-import-2026-11-24-jira-acme-1"
    with pytest.raises(UsageError) as caught:
        ledger.find_run("2026-11-24-jira-9")
    assert "2026-11-24-jira-acme-2" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "continues"),
    [
        (ExitCode.DONE, False),
        (ExitCode.PARTLY, False),
        (ExitCode.STOPPED, True),
        (ExitCode.UNKNOWN, True),
        (ExitCode.INTERRUPTED, True),
    ],
)
def test_the_same_command_continues(ledger: Ledger, code: ExitCode, continues: bool) -> None:
    """A run stays open until it finishes with 0 or 1."""
    first = begin(ledger)
    first.finish(code, {"rows": 0})
    assert (begin(ledger).name == first.name) is continues


def test_organisation(ledger: Ledger) -> None:
    """The organisation first seen is kept; another one is refused, with both named."""
    ledger.check_org(TARGET, "org-1")
    ledger.check_org(TARGET, "org-1")
    ledger.check_org("sandbox:x", "org-2")
    ledger.check_org(TARGET, "")
    with pytest.raises(TargetMismatch, match=r"org-1.*org-2"):
        ledger.check_org(TARGET, "org-2")


def test_one_at_a_time(path: Path) -> None:
    """A second opening names the first; a look without a lock is free; the lock ends with its holder."""
    with open_ledger(path):
        with pytest.raises(LedgerInUse, match=r"process \d+, started \d{4}-"), open_ledger(path):
            pass
        with read_ledger(path) as reader:
            assert reader.find_known(TARGET, "x", ["k"]) == {}
    with open_ledger(path):
        pass


def test_modes(path: Path) -> None:
    """Folder and files are for their owner alone."""
    with open_ledger(path):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_absent_ledger_knows_nothing(path: Path) -> None:
    """A check without a ledger makes none."""
    with read_ledger(path) as reader:
        assert reader.read_facts(TARGET, "x").keys == 0
    assert not path.exists()


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


@pytest.mark.skipif(os.geteuid() == 0, reason="Nothing is read-only for root.")
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_file_that_cannot_be_written(path: Path, mode: int) -> None:
    """A file without permissions is a matter of usage."""
    with open_ledger(path):
        pass
    path.chmod(mode)
    with pytest.raises(UsageError, match="Permission denied"), open_ledger(path):
        pass


def test_default_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state directory is where the environment says."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_path() == Path("/state/triage-importer/ledger.db")


def test_results(ledger: Ledger) -> None:
    """Rows come in order of file and record, each with what became of it in this run."""
    run = begin(ledger)
    run.register([row(4), row(2), row(3), row(1), row(5), row(6, Outcome.REJECTED), row(7, Outcome.UNCHANGED)])
    send(run, "k1")
    send(run, "k2", state=State.REFUSED)
    send(run, "k3", state=State.UNKNOWN)
    send(run, "k4", state=State.SENT)
    results = list(run.results())
    assert [result.outcome for result in results] == [
        *(Outcome.CREATED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.PLANNED),
        *(Outcome.REJECTED, Outcome.UNCHANGED),
    ]
    assert (results[0].triage_id, results[0].attempts) == ("T-k1", 1)
    assert results[5].raw == ("a", "=6")
    assert {outcome: number for outcome, number in run.count().items() if number} == {
        Outcome.CREATED: 1,
        Outcome.FAILED: 1,
        Outcome.UNKNOWN: 2,
        Outcome.PLANNED: 1,
        Outcome.REJECTED: 1,
        Outcome.UNCHANGED: 1,
    }


def test_result_of_what_was_on_its_way(ledger: Ledger) -> None:
    """A row without an answer when the run ended says so, whatever an earlier attempt at it met."""
    run = begin(ledger)
    run.register([row(1), row(2)])
    send(run, "k2", state=State.REFUSED)
    send(run, "k1", "k2", state=State.SENT)
    for result, requests in zip(run.results(), (1, 2), strict=True):
        assert (result.outcome, result.codes, result.attempts) == (Outcome.UNKNOWN, ("fate-unknown",), requests)
        assert result.messages == ("it was on its way when the run ended",)


def test_issues_are_known_for_their_target(ledger: Ledger) -> None:
    """Numbers begin anew in each target: an issue is known by its id, to every source of its target."""
    send(begin(ledger), "k1")
    asked = {"id-k1": "T-k1", "id-other": "T-k1"}
    assert begin(ledger, name="other").find_issues(asked) == {"id-k1"}
    assert begin(ledger, target="sandbox:a").find_issues(asked) == set()


def test_results_of_a_continued_run(ledger: Ledger) -> None:
    """What an earlier attempt made counts as created by the run; rows registered again are there once."""
    run = begin(ledger)
    run.register([row(1), row(2)])
    send(run, "k1")
    again = begin(ledger)
    again.register([row(1, Outcome.UNCHANGED), row(2)])
    send(again, "k2")
    assert [result.outcome for result in again.results()] == [Outcome.CREATED, Outcome.CREATED]
    again.finish(ExitCode.DONE, {})
    assert [result.raw for result in again.results()] == [None, None]


def test_unchanged_in_a_later_run(ledger: Ledger) -> None:
    """A key that an earlier run made is unchanged, with its ids."""
    run = begin(ledger, digest="night 1")
    send(run, "k1")
    later = begin(ledger, digest="night 2")
    later.register([row(1, Outcome.UNCHANGED)])
    (result,) = later.results()
    assert (result.outcome, result.triage_id) == (Outcome.UNCHANGED, "T-k1")


def test_many_results_stream(ledger: Ledger) -> None:
    """More rows than a page holds come complete and in order."""
    run = begin(ledger)
    run.register(row(number) for number in range(1, 2502))
    assert [result.record for result in run.results()] == list(range(1, 2502))


def test_intents_survive_a_crash(path: Path) -> None:
    """An intent without an outcome is undecided for the next attempt, with its time."""
    with open_ledger(path, now=lambda: NOON) as ledger:
        send(begin(ledger), "k1", state=State.SENT)
    with open_ledger(path) as ledger:
        (undecided,) = begin(ledger).find_undecided()
    assert (undecided.key, undecided.since) == ("k1", NOON)


def test_intent_is_durable_before_it_returns(path: Path) -> None:
    """When `intend` returns, another connection sees it."""
    with open_ledger(path) as ledger:
        run = begin(ledger)

        async def main() -> set[str]:
            async with run.sending(8):
                await run.intend(operation("k1"))
                with read_ledger(path) as reader:
                    return set(reader.find_known(TARGET, "jira-acme", ["k1"]))

        assert asyncio.run(main()) == {"k1"}


def test_groups(ledger: Ledger) -> None:
    """Intents that come together are committed together."""
    run = begin(ledger)
    commits = 0
    with ledger.transaction() as connection:
        driver = connection.connection.driver_connection
    assert driver is not None

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    driver.set_trace_callback(count)
    send(run, *(f"k{number}" for number in range(64)))
    driver.set_trace_callback(None)
    assert commits <= 64 // 2 + 2


def test_full_disk(ledger: Ledger) -> None:
    """A disk that is full ends the run with a sentence; so does every later intent."""
    run = begin(ledger)
    with ledger.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
    with pytest.raises(StorageFull, match="full"):
        send(run, *(f"k{number}" for number in range(1000)))
