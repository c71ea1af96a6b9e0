"""A Triage that was set back to an earlier state: nobody is told that what is missing is there."""

from __future__ import annotations

import httpx

from tests.conftest import Serve
from tests.harness.following import Nights, Row
from tests.harness.running import Program


def test_a_triage_that_was_set_back(program: Program, serve: Serve, short_waits: None) -> None:
    """What its list lacks is looked for and said; nobody is told that it is there. Without the ledger it is made."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    rows = [Row(f"D-{number}", ("one",)) for number in range(1, 7)]
    nights.run(rows[:4])
    nights.run(rows[:5])
    for key in ("D-4", "D-5"):  # as if its last hour had not been
        assert httpx.delete(nights.url(key), headers={"Authorization": "x"}).is_success
    ended = nights.run(rows)
    assert (ended.code, ended.outcomes()) == (1, {"created": 1, "unchanged": 3, "skipped": 2}), ended.err
    assert {key for key, (_, code) in nights.results().items() if code == "perhaps-gone"} == {"D-4", "D-5"}
    assert "doesn't list 2 issues that the ledger knows: T-" in ended.err
    assert any("restored to an earlier state" in warning for warning in ended.summary["warnings"])
    assert nights.run().outcomes() == {"unchanged": 4, "skipped": 2}, "the next one has found the same"
    for file in program.ledger.parent.glob("ledger.db*"):
        file.unlink()
    assert nights.run().outcomes() == {"created": 2, "unchanged": 4}
    assert nights.comments() == {row.key: ["one"] for row in rows}


def test_rebuilding_says_what_is_not_there(program: Program, serve: Serve, short_waits: None) -> None:
    """A row whose issue is in the ledger, and not in Triage, is planned: the next import looks for it once more."""
    nights = Nights(program, serve())
    rows = [Row("D-1"), Row("D-2")]
    nights.run(rows)
    assert httpx.delete(nights.url("D-1"), headers={"Authorization": "x"}).is_success
    rebuild = ("rebuild-ledger", *nights.command[1:6], "--json")
    assert program(*rebuild).outcomes() == {"planned": 1, "unchanged": 1}
    ended = nights.run()
    assert (ended.code, ended.outcomes()) == (1, {"unchanged": 1, "skipped": 1})
    assert nights.run().code == 0
    assert program(*rebuild).outcomes() == {"unchanged": 1, "skipped": 1}
