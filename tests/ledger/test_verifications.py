"""What a verification has found stays with its run, as long as no attempt works on it again."""

from __future__ import annotations

from importer.errors import ExitCode
from importer.ledger.store import Ledger
from tests.harness.ledger_sending import begin

FOUND = {"same": 2, "at": 1.5, "read_back": {"issue": {"sent": 2, "found": 2}}}


def test_it_is_there_until_the_run_goes_on(ledger: Ledger) -> None:
    """The newest counts; what another attempt has sent nobody has read back."""
    run = begin(ledger)
    run.finish(ExitCode.STOPPED, {})
    assert run.verification == {}
    for same in (1, 2):
        ledger.find_run(run.name).keep_verification({**FOUND, "same": same})
    kept = ledger.find_run(run.name)
    assert kept.verification.items() >= FOUND.items()
    assert kept.options.keys() >= run.options.keys()
    assert begin(ledger).verification == {}
    assert ledger.find_run(run.name).verification == {}
