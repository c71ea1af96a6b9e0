"""A target that stores other texts than it was sent: what is ours is known by its marks all the same."""

from __future__ import annotations

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import Nights, Row
from tests.harness.hostile import parse_fault
from tests.harness.rewriting import WAYS
from tests.harness.running import Program

ROWS = (
    Row("D-1", ('a <b> & "c"', "it's  🎧 ﬁne \n\n---\n\n too", 'a <b> & "c"')),
    Row("D-2", ("one <i>", "two  &"), state="Closed", call="c-2", flag="Rude <!>", text="As D-1 <b>  says & 🎧"),
    Row("D-3", ("word & <b> 🎧 " * 400,), blocks="D-1"),
)


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("faults", [(), ("500-after:comment", "500-after:flag")], ids=["quiet", "unknown"])
def test_nothing_comes_twice(program: Program, serve: Serve, way: str, faults: tuple[str, ...]) -> None:
    """Comments of unknown outcome come once, nothing is missed or touched, and a lost ledger doubles none."""
    nights = Nights(program, serve(rewrite_texts=way, faults=tuple(map(parse_fault, faults))))
    first = nights.run(ROWS)
    assert (first.code, first.outcomes()) == (ExitCode.DONE, {"created": 3}), first.err
    before, writes = nights.comments(), nights.writes()
    number = nights.issue("D-1")["triage_id"]
    assert nights.issue("D-2")["description"].startswith(f"As D-1 ({number}) "), "escaped once, as it would be anyway"
    assert "amp;lt" not in nights.issue("D-2")["description"]
    assert {key: len(said) for key, said in before.items()} == {"D-1": 3, "D-2": 1, "D-3": 2}
    options = ("--rate", "0", "--json")
    verified = program("verify", "last", *options)
    assert verified.summary["fields"].keys() <= {"description"}, "which is not as it was sent, and says so"
    undo = program("undo", "last", "--delete", *options)
    assert undo.outcomes() == {"planned": 3}, undo.err
    program.ledger.unlink()
    again = nights.run()
    assert again.code == ExitCode.DONE, again.err
    assert (nights.comments(), nights.writes()) == (before, writes)
    assert len(nights.sandbox.flags()) == 1
