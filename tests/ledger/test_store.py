"""The ledger: what it remembers, for whom, and what survives; in a file and in PostgreSQL."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Connection, Engine, event

from importer.errors import ExitCode, LedgerInUse, RunStopped, TargetMismatch, UsageError
from importer.ledger import store
from importer.ledger.journal import Decision
from importer.ledger.opening import open_ledger, read_ledger
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Outcome
from tests.harness.ledger_sending import NOON, TARGET, begin, operation, row, send


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
    """The facts count the keys that were sent, refused ones too, and name the last run."""
    assert ledger.read_facts(TARGET, "jira-acme") == (0, "", 0.0)
    send(begin(ledger), "k1", "k2")
    send(begin(ledger), "k3", state=State.REFUSED)
    assert ledger.read_facts(TARGET, "jira-acme") == (3, "2026-11-24-jira-acme-1", NOON)


def test_facts_of_many_keys(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many keys no more are counted than the first line of a run says, which is that there are more."""
    monkeypatch.setattr(store, "COUNTED", 2)
    send(begin(ledger), "k1", "k2")
    assert ledger.read_facts(TARGET, "jira-acme").known == "2 keys"
    send(begin(ledger), "k3", "k4")
    facts = ledger.read_facts(TARGET, "jira-acme")
    assert (facts.keys, facts.known) == (3, "more than 2 keys")


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


def test_the_folder_of_another_ledger_s_run(place: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ledgers give the same names: the reports of each stay, and a continued run keeps its folder."""
    monkeypatch.chdir(tmp_path)
    folders = []
    for each in (place, tmp_path / "other.db"):
        with open_ledger(each, now=lambda: NOON) as ledger:
            folders.append(begin(ledger).out)
            folders[-1].mkdir()
            assert begin(ledger).out == folders[-1]
    assert [folder.name for folder in folders] == [f"triage-import-2026-11-24-jira-acme-1{end}" for end in ("", "-2")]


def test_organisation(ledger: Ledger) -> None:
    """The organisation first seen is kept; another one is refused, with both named."""
    ledger.check_org(TARGET, "org-1")
    ledger.check_org(TARGET, "org-1")
    ledger.check_org("sandbox:x", "org-2")
    ledger.check_org(TARGET, "")
    with pytest.raises(TargetMismatch, match=r"org-1.*org-2"):
        ledger.check_org(TARGET, "org-2")


def test_what_was_found_out_about_a_target(ledger: Ledger) -> None:
    """What a canary and a probe have found stands side by side, for the organisation at any URL."""
    ledger.check_org(TARGET, "org-1")
    ledger.keep_contact(TARGET, {"issues": ["T-1"], "cut_at": 100})
    ledger.keep_contact(TARGET, {"probe": {"at": 1.0}, "cut_at": None})
    assert ledger.find_contact(TARGET) == {"issues": ["T-1"], "cut_at": None, "probe": {"at": 1.0}}
    assert ledger.find_contact("https://other.example") == {}
    assert ledger.find_contact("https://other.example", "org-1")["probe"] == {"at": 1.0}
    ledger.check_org("https://other.example", "org-1")
    ledger.keep_contact("https://other.example", {"probe": {"at": 2.0}})
    assert ledger.find_contact("https://other.example")["probe"] == {"at": 2.0}
    assert ledger.find_contact(TARGET)["probe"] == {"at": 1.0}


def test_one_at_a_time(place: str | Path) -> None:
    """A second opening names the first; a look without a lock is free; the lock ends with its holder."""
    with open_ledger(place):
        with pytest.raises(LedgerInUse, match=r"process \d+.*, started \d{4}-"), open_ledger(place):
            pass
        with read_ledger(place) as reader:
            assert reader.find_known(TARGET, "x", ["k"]) == {}
    with open_ledger(place):
        pass


def test_waiting_for_another(place: str | Path) -> None:
    """With a time to wait, the second one begins when the first has ended."""

    def wait() -> int:
        with open_ledger(place, wait_seconds=60) as second:
            return second.read_facts(TARGET, "jira-acme").keys

    with ThreadPoolExecutor(1) as pool:
        with open_ledger(place) as first:
            with pytest.raises(LedgerInUse), open_ledger(place, wait_seconds=0.01):
                pass
            waiting = pool.submit(wait)
            send(begin(first), "k1")
            assert not waiting.done()
        assert waiting.result() == 1


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
        assert (result.outcome, result.codes, result.attempts) == (Outcome.UNKNOWN, ("outcome-unknown",), requests)
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


def test_intents_survive_a_crash(place: str | Path) -> None:
    """An intent without an outcome is undecided for the next attempt, with its time."""
    with open_ledger(place, now=lambda: NOON) as ledger:
        send(begin(ledger), "k1", state=State.SENT)
    with open_ledger(place) as ledger:
        (undecided,) = begin(ledger).find_undecided()
    assert (undecided.key, undecided.since) == ("k1", NOON)


def test_intent_is_durable_before_it_returns(place: str | Path) -> None:
    """When `intend` returns, another connection sees it."""
    with open_ledger(place) as ledger:
        run = begin(ledger)

        async def main() -> set[str]:
            async with run.sending(8):
                await run.intend(operation("k1"))
                with read_ledger(place) as reader:
                    return set(reader.find_known(TARGET, "jira-acme", ["k1"]))

        assert asyncio.run(main()) == {"k1"}


def test_groups(ledger: Ledger) -> None:
    """Intents that come together are committed together."""
    run = begin(ledger)
    commits = 0

    def count(_connection: Connection) -> None:
        nonlocal commits
        commits += 1

    event.listen(Engine, "commit", count)
    try:
        send(run, *(f"k{number}" for number in range(64)))
    finally:
        event.remove(Engine, "commit", count)
    assert 0 < commits <= 64 // 2 + 2


def test_two_keys_of_one_issue(ledger: Ledger) -> None:
    """One of their answers is wrong, whether Triage says the issue's number or not: both are looked for again."""
    for number in ("T-7", ""):
        run = begin(ledger, name=f"jira{number}".lower())
        made = [operation("k1"), operation("k2")]
        run.decide([Decision("k1", State.DONE, issue_id="id-7", triage_id=number)], made)
        with pytest.raises(RunStopped, match="gave k1 and k2 the same issue"):
            run.decide([Decision("k2", State.DONE, issue_id="id-7", triage_id=number)])
        assert {each.key for each in run.find_undecided()} == {"k1", "k2"}


def test_titles_of_issues(ledger: Ledger) -> None:
    """Each key that has an issue has its title as it was last written; keys of other sources are not mixed up."""
    runs = {name: begin(ledger, name=name) for name in ("jira-acme", "jira-other")}
    for name, run in runs.items():
        returned = orjson.dumps({"title": f"One of {name}"})
        made = Decision("k1", State.DONE, issue_id=f"u-{name}", triage_id=f"T-{name}", returned=returned)
        run.decide([made], [operation("k1"), operation("k2")])
    for name, run in runs.items():
        assert run.find_titles(["k1", "k2", "k3"]) == {"k1": f"One of {name}"}


def test_a_verification_is_there_until_the_run_goes_on(ledger: Ledger) -> None:
    """The newest counts; what another attempt has sent nobody has read back."""
    run = begin(ledger)
    run.finish(ExitCode.STOPPED, {})
    assert run.verification == {}
    for same in (1, 2):
        ledger.find_run(run.name).keep_verification({"same": same})
    kept = ledger.find_run(run.name)
    assert kept.verification.items() >= {"same": 2}.items()
    assert kept.options.keys() >= run.options.keys()
    assert begin(ledger).verification == ledger.find_run(run.name).verification == {}
