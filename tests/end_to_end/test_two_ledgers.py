"""Ledgers that know less than Triage has, or more: two in turn, a restored one, and a Triage that was set back."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from importer.errors import ExitCode
from importer.load.additions import PROBED
from importer.report.folder import NAMES
from tests.conftest import Serve
from tests.harness.doors import turnstile
from tests.harness.following import Nights, Row
from tests.harness.hostile import parse_fault
from tests.harness.running import Program, finish, write_issues


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
    program.lose_ledger()
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


HOSTS = ("127.0.0.1", "localhost")


@pytest.mark.parametrize("copied", ["the file alone", "with its side file", "none: two addresses"])
def test_two_memories_that_take_turns(program: Program, serve: Serve, copied: str) -> None:
    """As a ledger restored on a new machine, or used on two: what the other has added is taken in, night by night."""
    nights = Nights(program, serve())
    rows = [Row("D-1", ("one",), call="c-1"), Row("D-2", ("one",), blocks="D-1")]
    nights.run(rows)
    folder = program.ledger.parent
    shutil.copytree(folder, "other", ignore=shutil.ignore_patterns("*.generation" if "alone" in copied else ""))
    ways = [("--ledger", str(folder / "ledger.db")), ("--ledger", "other/ledger.db")]
    if "none" in copied:
        ways = [("--api-url", nights.sandbox.url.replace(HOSTS[0], host)) for host in HOSTS]
    for number, note in enumerate(("two", "three", "four")):
        rows = [row._replace(notes=(*row.notes, note)) for row in rows]
        rows[0] = rows[0]._replace(flag="rude", blocks="D-2" if number else "")
        for way in (ways, ways[::-1])[number % 2]:
            ended = nights.run(rows, *way)
            assert ended.code == 0, ended.err
    assert nights.comments() == {row.key: list(row.notes) for row in rows}
    there = nights.everything()
    assert there["relations"] == [("D-1", "blocks", "D-2"), ("D-2", "blocks", "D-1")]
    assert there["flags"] == [("D-1", "rude")]


def test_the_same_words_of_a_person(program: Program, serve: Serve) -> None:
    """Where nothing says that the ledger lacks anything, they are no sign that the source's comment is there."""
    nights = Nights(program, serve())
    nights.run([Row("D-1", ("one",))])
    nights.post("D-1", "comments", detail="Fixed.")
    assert nights.run([Row("D-1", ("one", "Fixed."))]).outcomes() == {"updated": 1}
    assert nights.comments() == {"D-1": ["one", "Fixed.", "Fixed."]}


def test_what_a_person_took_away_stops_nothing(program: Program, serve: Serve) -> None:
    """A comment that isn't shown any more makes no other one doubtful, where nothing speaks against the ledger."""
    nights = Nights(program, serve())
    nights.run([Row("D-1", ("one",)), Row("D-2", blocks="D-1")])
    url = f"{nights.url('D-2')}/relations"
    (relation,) = httpx.get(url, headers={"Authorization": "x"}).json()["data"]["items"]
    assert httpx.delete(f"{url}/{relation['id']}", headers={"Authorization": "x"}).is_success
    ended = nights.run([Row("D-1", ("one",)), Row("D-2", blocks="D-1"), Row("D-3")])
    assert ended.code == 0, ended.err
    ended = nights.run([Row("D-1", ("one",)), Row("D-2", blocks="D-3"), Row("D-3")])
    assert (ended.code, ended.outcomes()) == (0, {"updated": 1, "unchanged": 2}), ended.err
    assert nights.everything()["relations"] == [("D-2", "blocks", "D-3")]


def test_a_run_that_another_ledger_has_ended(program: Program, serve: Serve) -> None:
    """A run that was broken off between its comments, went on elsewhere, and goes on here: nothing is doubled."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:comment@req=3"),)))
    rows = [Row(f"D-{number}", ("one", "two"), blocks=f"D-{number - 1}") for number in range(1, 60)]
    broken = nights.run(rows, "--concurrency", "1")
    assert broken.code == 7, broken.err
    assert nights.run(rows, "--ledger", "other.db").code == 0
    ended = nights.run(rows)
    assert ended.code == 0, ended.err
    assert nights.comments() == {row.key: ["one", "two"] for row in rows}
    assert len(nights.sandbox.relations()) == 58


def test_a_run_that_another_ledger_has_ended_while_issues_were_made(program: Program, serve: Serve) -> None:
    """Only one create was on its way, so that nothing new shows that the other ledger went on: nothing is doubled."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:create@req=3"),)))
    rows = [Row(f"D-{number}", ("one",), call=f"c-{number}", flag="rude", blocks="D-1") for number in range(1, 4)]
    assert nights.run(rows, "--concurrency", "1").code == 7
    assert nights.run(rows, "--ledger", "other.db").code == 0
    before, writes = nights.everything(), nights.writes()
    ended = nights.run(rows)
    assert ended.code == 0, ended.err
    assert (nights.everything(), nights.writes()) == (before, writes)


def test_an_issue_of_unknown_outcome_that_another_ledger_went_on_with(program: Program, serve: Serve) -> None:
    """The row comes again with others, in another run: what the other ledger has added to its issue is taken in."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:create@req=2"),)))
    rows = [Row("D-1", ("one",)), Row("D-2", ("one",), blocks="D-1")]
    assert nights.run(rows, "--concurrency", "1").code == 7
    assert nights.run(rows, "--ledger", "other.db").code == 0
    ended = nights.run([*rows, Row("D-3", ("one",))])
    assert ended.code == 0, ended.err
    assert nights.comments() == {"D-1": ["one"], "D-2": ["one"], "D-3": ["one"]}
    assert nights.everything()["relations"] == [("D-2", "blocks", "D-1")]


def test_a_run_that_another_ledger_has_ended_behind_evidence_that_waits(program: Program, serve: Serve) -> None:
    """Where nothing was looked for, nothing was found: that is no reason to trust the ledger."""
    nights = Nights(program, serve(faults=(parse_fault("403-after:comment@req=3"),)))
    rows = [Row(f"D-{number}", call="late-1") for number in range(1, PROBED + 2)]
    rows += [Row(key, ("one", "two")) for key in ("D-97", "D-98", "D-99")]
    assert nights.run(rows, "--concurrency", "25").code == 7
    assert nights.run(rows, "--ledger", "other.db").code == 1
    assert nights.run(rows, "--concurrency", "1").code == 1
    assert [nights.comments()[row.key] for row in rows[-3:]] == [["one", "two"]] * 3


def test_two_machines_at_once_and_the_way_back(
    program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Undoing the run of one leaves each issue once, and the other goes on; shared issues have their comments twice."""
    nights = Nights(program, serve())
    rows = [
        Row(f"D-{number}", ("one", "two"), blocks=f"D-{number - 1}" if number > 1 else "") for number in range(1, 7)
    ]
    nights.write(rows)
    with turnstile(nights.sandbox.url, 2) as door:
        command = [door.url if part == nights.sandbox.url else part for part in nights.command]
        process = program.start(*command, "--concurrency", "1", "--out", "reports")
        door.hold(process)
        with monkeypatch.context() as other_machine:
            other_machine.setenv("XDG_STATE_HOME", str(tmp_path / "other machine"))
            other = nights.run(None, "--out", "others")
            assert other.outcomes() == {"updated": 2, "created": 4}, other.err
        door.let()
        ended = finish(process)
        assert (ended.code, ended.summary["duplicates"]) == (1, 4), ended.err
        verified = program("verify", "last", "--rate", "0", "--json")
        assert (verified.code, verified.summary["fields"]["comment"]) == (1, 2), verified.err
        with monkeypatch.context() as other_machine:
            other_machine.setenv("XDG_STATE_HOME", str(tmp_path / "other machine"))
            undone = program("undo", "last", "--delete", "--apply", "--yes", "--expect", "4", "--rate", "0", "--json")
            assert undone.outcomes() == {"updated": 4}, undone.err
        last = program(*command, "--out", "reports")
        assert (last.code, last.outcomes(), last.summary["duplicates"]) == (0, {"unchanged": 6}, 0), last.err
    there = nights.everything()
    assert there["issues"] == [row.key for row in rows]
    shared = {row.key for row in rows[:2]}  # made by one, found by the other, and both have added to them
    assert there["comments"] == {row.key: ["one", "two"] * (1 + (row.key in shared)) for row in rows}
    assert set(there["relations"]) == {(row.key, "blocks", row.blocks) for row in rows if row.blocks}


def test_two_imports_into_one_folder(program: Program, serve: Serve) -> None:
    """The second is refused, whatever command it is; the lock leaves no file, and nothing behind a crash."""
    write_issues(Path("export.csv"), 3)
    here = ("--out", "reports")
    with turnstile(serve().url, writes=0) as stile:
        sending = ("run", "export.csv", "-m", "jira", "--api-url", stile.url, "--yes", "--rate", "0", *here)
        first = program.start(*sending)
        stile.hold(first)
        second = ("--source-name", "other", "--ledger", "other.db", "--sandbox", "--yes")
        others = (
            ("run", "export.csv", "-m", "jira", *second, *here),
            ("validate", "export.csv", *here),
            ("run", "export.csv", "-m", "jira", *second, *here, "--dry-run"),
        )
        for command in others:
            ended = finish(program.start(*command))
            assert ended.code == ExitCode.LEDGER_IN_USE, ended
            assert "Another process writes its reports to " in ended.err
            assert "--out DIR" in ended.err
        report = finish(program.start("report", "last", *here))  # how far it has come
        assert report.code == ExitCode.DONE, report.err
        stile.kill(first)
        for command in others:
            assert finish(program.start(*command)).code == ExitCode.DONE
    assert {file.name for file in Path("reports").iterdir()} <= {*NAMES, "planned.jsonl"}
