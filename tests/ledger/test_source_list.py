"""Which sources a ledger knows, and which are retired, in ledgers of each kind."""

from __future__ import annotations

import shlex
from itertools import pairwise

import pytest

from importer.api import DEFAULT_URL
from importer.errors import ExitCode, UsageError
from importer.ledger.journal import Decision
from importer.ledger.schema import RunKind, State
from importer.ledger.source_list import (
    KEYS_AT_ONCE,
    how_to_resume,
    list_names,
    list_sources,
    read_keys,
    refuse_retired,
    sample_issues,
    set_retired,
)
from importer.ledger.store import Ledger, RunIdentity
from tests.harness.ledger_sending import NOON, TARGET, begin, operation, send


def test_each_source_with_its_last_import(ledger: Ledger) -> None:
    """By target and name; a repair is no import, and a source that was only looked at has no run."""
    assert list_sources(ledger) == []
    first = ledger.begin_run(RunIdentity(TARGET, "b", "1", "m"))
    first.finish(ExitCode.DONE, {})
    last = ledger.begin_run(RunIdentity(TARGET, "b", "2", "m"))
    ledger.begin_run(RunIdentity(TARGET, "b", last.name, "m", RunKind.REPAIR))
    ledger.target_scan("sandbox:/tmp/s.db", "a", writable=True)
    found = [(each.target, each.name, each.imports, each.last_run) for each in list_sources(ledger)]
    assert found == sorted([(TARGET, "b", 2, last.name), ("sandbox:/tmp/s.db", "a", 0, "")])
    assert (list_names(ledger, TARGET), list_names(ledger, "https://elsewhere.example")) == (["b"], [])


@pytest.mark.parametrize("others", [0, 1, 2])
def test_a_sample_is_spread_over_all_issues(ledger: Ledger, others: int) -> None:
    """Whatever the ledger has between them: nothing, or issues of other sources by turns with these."""
    runs = [begin(ledger), *(begin(ledger, name=f"other-{other}") for other in range(others))]
    for number in range(60):
        for run in runs:
            send(run, f"k{number}")
    send(runs[0], "open", state=State.UNKNOWN)
    found = sample_issues(ledger, TARGET, "jira-acme", 6)
    places = [int(key[1:]) for key, _, _ in found.issues]
    assert (found.total, found.undecided, found.step) == (60, 1, 10)
    assert 5 <= len(places) <= 6
    assert max(after - before for before, after in pairwise([0, *places, 60])) <= 2 * found.step
    assert len(sample_issues(ledger, TARGET, "jira-acme", 60).issues) == 60


def test_all_keys_come_page_by_page(ledger: Ledger) -> None:
    """Each once, and none of another source."""
    assert list(read_keys(ledger, TARGET, "jira-acme")) == []
    keys = [f"k{number}" for number in range(KEYS_AT_ONCE + 1)]
    begin(ledger).decide([Decision(key, State.DONE, 1) for key in keys], map(operation, keys))
    send(begin(ledger, name="other"), "other")
    pages = list(read_keys(ledger, TARGET, "jira-acme"))
    assert [key for page in pages for key in page] == sorted(keys)
    assert [len(page) for page in pages] == [KEYS_AT_ONCE, 1]


def test_a_retired_source_refuses_until_it_is_resumed(ledger: Ledger) -> None:
    """In that target only, and the hint is the command that lifts it."""
    for target in (TARGET, "https://other.example"):
        ledger.target_scan(target, "jira", writable=True)
    refuse_retired(ledger, TARGET, "jira")
    assert set_retired(ledger, TARGET, "jira", NOON).retired_at is None
    with pytest.raises(UsageError, match=r"The source 'jira' was retired on \d{4}-\d\d-\d\d") as caught:
        refuse_retired(ledger, TARGET, "jira")
    assert caught.value.hint.endswith(how_to_resume(ledger, TARGET, "jira"))
    refuse_retired(ledger, "https://other.example", "jira")
    refuse_retired(ledger, TARGET, "github")
    assert set_retired(ledger, TARGET, "jira", None).retired_at == NOON
    refuse_retired(ledger, TARGET, "jira")


def test_a_name_that_is_not_known(ledger: Ledger) -> None:
    """It is refused, with those that there are: a slip would leave the schedule at work."""
    with pytest.raises(UsageError, match="knows no source 'jra'") as caught:
        set_retired(ledger, TARGET, "jra", NOON)
    assert caught.value.hint == "It knows no source yet."
    for number in range(7):
        ledger.target_scan(TARGET, f"s{number}", writable=True)
    with pytest.raises(UsageError) as caught:
        set_retired(ledger, TARGET, "jra", NOON)
    assert caught.value.hint.startswith(f"Known sources: s0 in {TARGET}, ")
    assert caught.value.hint.endswith(" and 2 more. Choose the target with --sandbox or --api-url URL.")


def test_the_command_can_be_typed_as_it_stands(ledger: Ledger) -> None:
    """A name with a blank is quoted; a sandbox is named by its option."""
    words = shlex.split(how_to_resume(ledger, "sandbox:/x/s.db", "jira acme"))
    assert words == ["triage-import", "sources", "resume", "jira acme", "--sandbox", "--ledger", ledger.name]
    words = shlex.split(begin(ledger, DEFAULT_URL).settle_command("jira:A 1", "T-7"))
    assert words == ["triage-import", "settle", "jira:A 1", "T-7", "--ledger", ledger.name], "the usual target isn't"
