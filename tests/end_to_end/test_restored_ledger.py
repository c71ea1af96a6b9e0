"""A ledger that is restored from a backup: what we have written since is ours, and what a person has written isn't."""

from __future__ import annotations

import shutil

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import Nights, Row
from tests.harness.running import Program

UPDATE = ("--on-change", "update")


class Backup:
    """A backup of the ledger's whole folder."""

    def __init__(self, program: Program) -> None:
        self._folder = program.ledger.parent
        shutil.copytree(self._folder, "backup")

    def restore(self) -> None:
        """Put it back."""
        shutil.rmtree(self._folder)
        shutil.copytree("backup", self._folder)


def test_numbers_that_we_have_put_in_since(program: Program, serve: Serve) -> None:
    """They make no text a person's: the next night finds it as its row makes it, and later ones go on updating it."""
    nights = Nights(program, serve())
    rows = [Row("D-1"), Row("D-2", text="As D-1 says"), Row("D-3", text="After D-4"), Row("D-5", text="By D-4")]
    nights.run(rows, *UPDATE)
    backup = Backup(program)
    rows[1] = rows[1]._replace(text="As D-1 and D-4 say", severity="P1")
    rows.append(Row("D-4"))
    assert nights.run(rows, *UPDATE).outcomes() == {"created": 1, "updated": 3, "unchanged": 1}
    nights.edit("D-5", description="Mine")
    backup.restore()
    ended = nights.run(None, *UPDATE)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": 5}), ended.err
    assert nights.results()["D-2"] == ("unchanged", ""), ended.err
    rows = [row._replace(text=f"{row.text}, too") for row in rows]
    ended = nights.run(rows, *UPDATE)
    assert ended.outcomes() == {"updated": 4, "skipped": 1}, ended.err
    assert nights.results()["D-5"] == ("skipped", "conflict\nnumbers-left-out")
    number = nights.issue("D-4")["triage_id"]
    texts = nights.everything()["texts"]
    assert texts["D-3"] == f"After D-4 ({number}), too"
    assert texts["D-2"].endswith(f" and D-4 ({number}) say, too")
    assert texts["D-5"] == "Mine"


@pytest.mark.parametrize("way", ["escape", "blanks"])
def test_a_target_that_stores_other_texts(program: Program, serve: Serve, way: str) -> None:
    """What it has made of our text is ours, too, each field by itself."""
    nights = Nights(program, serve(rewrite_texts=way))
    rows = [Row("D-1", text="a <b> &  c\n\nd"), Row("D-2", text="a <b> &  c\n\nd")]
    nights.run(rows, *UPDATE)
    backup = Backup(program)
    rows = [row._replace(text="<e> &  f\n\ng", severity="P1") for row in rows]
    assert nights.run(rows, *UPDATE).outcomes() == {"updated": 2}
    nights.edit("D-2", severity="medium")
    backup.restore()
    ended = nights.run(None, *UPDATE)
    assert nights.results() == {"D-1": ("unchanged", ""), "D-2": ("skipped", "conflict")}, ended.err
    rows = [row._replace(text="<h> &  i\n\nj") for row in rows]
    ended = nights.run(rows, *UPDATE)
    assert nights.results() == {"D-1": ("updated", ""), "D-2": ("updated", "conflict")}, ended.err
    assert {issue["description"][-400:].count("j") > 0 for issue in nights.sandbox.issues()} == {True}
    assert nights.issue("D-2")["severity"] == "medium"
