"""What people who look on see of runs, in ledgers of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import ExitCode, UsageError
from importer.ledger.opening import open_ledger, read_ledger
from importer.ledger.overview import find_import, list_overviews
from importer.ledger.schema import RunKind
from importer.ledger.store import RunIdentity
from tests.harness.ledger_sending import TARGET, begin


def states(place: str | Path) -> dict[str, bool]:
    with read_ledger(place) as ledger:
        return {overview.run.name: overview.is_running for overview in list_overviews(ledger)}


def test_a_run_is_running_while_its_process_holds_the_ledger(place: str | Path) -> None:
    """Not before, not after it has ended, nor once the ledger is free; and to look on disturbs nobody."""
    assert states(place) == {}
    with open_ledger(place) as ledger:
        ended = begin(ledger, digest="1")
        ended.finish(ExitCode.DONE, {})
        running = begin(ledger, digest="2")
        assert states(place) == {ended.name: False, running.name: True}
        assert list_overviews(ledger)[0].is_running, "who holds it may ask, too"
    assert states(place) == {ended.name: False, running.name: False}


def test_what_a_run_works_on(place: str | Path) -> None:
    """A repair or an undo works on an import; an import and a rebuild work on none, and only an import is found."""
    with open_ledger(place) as ledger:
        names = {
            kind: ledger.begin_run(RunIdentity(TARGET, "s", "the-import", "m", kind=kind)).name
            for kind in (RunKind.IMPORT, RunKind.REPAIR, RunKind.UNDO, RunKind.REBUILD)
        }
    with read_ledger(place) as ledger:
        works_on = {overview.run.kind: overview.works_on for overview in list_overviews(ledger)}
        assert works_on == {"import": "", "repair": "the-import", "undo": "the-import", "rebuild": ""}
        assert find_import(ledger, names[RunKind.IMPORT], "verify").run.name == names[RunKind.IMPORT]
        hints = {RunKind.REPAIR: "triage-import verify the-import", RunKind.REBUILD: "triage-import runs"}
        for kind, hint in hints.items():
            with pytest.raises(UsageError, match=f"is no import but (the|a) {kind}") as caught:
                find_import(ledger, names[kind], "verify")
            assert hint in caught.value.hint
