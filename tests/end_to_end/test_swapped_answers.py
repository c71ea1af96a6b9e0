"""A gateway that swaps answers between requests: nobody's issue is changed or deleted, whatever is typed."""

from __future__ import annotations

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import WHOLE, Nights
from tests.harness.running import Program
from tests.harness.swapping import others, swapped

pytestmark = pytest.mark.slow
CREATE, COMMENT = "POST /v1/triage/issues", "POST /v1/triage/issues/ID/comments"


@pytest.mark.parametrize("seed", range(3))
def test_a_probe(program: Program, serve: Serve, seed: int) -> None:
    """It deletes its own issues alone, and names no other as deleted."""
    sandbox = serve()
    with swapped(sandbox, seed) as (door, people):
        for _ in range(3):
            ended = program("probe", "--api-url", door.url, "--yes", "--rate", "0", "--json", "--out", "probed")
            assert ended.code in (ExitCode.DONE, ExitCode.PARTLY), ended.err
            numbers = {issue["triage_id"] for issue in sandbox.issues()}
            assert numbers.isdisjoint(ended.summary["deleted"]), ended.err
    assert door.swapped[CREATE], door.swapped
    assert people.find_harm() == []
    assert others(sandbox) == []


@pytest.mark.parametrize("seed", range(3))
def test_an_import_and_its_way_back(program: Program, serve: Serve, seed: int) -> None:
    """Each row has its own issue, with all that belongs to it once, and an undo deletes these alone, if in two goes."""
    sandbox = serve()
    with swapped(sandbox, seed) as (door, people):
        nights = Nights(program, sandbox)
        options = ("--api-url", door.url, "--settle-seconds", "2")
        made = nights.run([*WHOLE, *(row._replace(key=f"E-{row.key}", blocks="") for row in WHOLE)], *options)
        if made.code != ExitCode.DONE:
            made = nights.run(None, *options)
        assert made.code == ExitCode.DONE, made.err
        assert sorted(others(sandbox)) == ["D-1", "D-2", "D-3", "E-D-1", "E-D-2", "E-D-3"]
        texts = nights.comments()
        assert texts["D-1"] == texts["E-D-1"] == ["one", "two"]
        ended = nights.run([row._replace(severity="P1") for row in WHOLE], *options, "--on-change", "update",
                           "--max-changes", "6")  # fmt: skip
        assert ended.code == ExitCode.DONE, ended.err
        for door.is_in_step in (False, True):
            left = len(others(sandbox))
            ended = program("undo", made.summary["run_id"], "--delete", "--apply", "--yes", "--expect", str(left),
                            "--rate", "0", "--json")  # fmt: skip
        assert not left or ended.code == ExitCode.DONE, ended.err
    assert {CREATE, COMMENT} <= {*door.swapped}
    assert people.find_harm() == []
    assert others(sandbox) == []
