"""Night after night: what `run` does about rows that changed, vanished, or were rejected before."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import turnstile
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import HEADER, Ended, Program, issue_row, read_csv, write_csv
from tests.harness.short_waits import SOON

Row = tuple[str, ...]

pytestmark = pytest.mark.slow
GET, PATCH = "GET /v1/triage/issues/{id}", "PATCH /v1/triage/issues/{id}"


class Nights:
    """One source, one target, and the same command every night."""

    def __init__(self, program: Program, sandbox: RunningSandbox, url: str = "") -> None:
        self.program, self.sandbox, self.url = program, sandbox, url or sandbox.url
        self.source = Path("export.csv")

    def run(self, *options: str, rows: list[Row] | None = None, mapping: str = "jira") -> Ended:
        """Let a night pass, with these rows if they are new."""
        if rows is not None:
            write_csv(self.source, rows)
            an_hour_ago = time.time() - 3600
            os.utime(self.source, (an_hour_ago, an_hour_ago))
        command = ("run", self.source, "-m", mapping, "--api-url", self.url, "--yes", "--json", "--rate", "0")
        return self.program(*command, "--max-rejected", "100%", "--out", "reports", *options)

    def edit(self, number: int, **fields: Any) -> None:
        """Let a person change an issue."""
        self._request("PATCH", number, json.dumps(fields).encode())

    def delete(self, number: int) -> None:
        """Let a person delete an issue."""
        self._request("DELETE", number, None)

    def _request(self, method: str, number: int, body: bytes | None) -> None:
        issue_id = self.issue(number)["id"]
        headers = {"Authorization": "somebody", "Content-Type": "application/json"}
        url = f"{self.sandbox.url}/v1/triage/issues/{issue_id}"
        urlopen(Request(url, body, headers, method=method)).close()

    def issue(self, number: int) -> dict[str, Any]:
        """Show the issue of a row."""
        marked = f"jira:PROJ-{number}\n"
        (found,) = [issue for issue in self.sandbox.issues() if marked in f"{issue['description']}\n"]
        return found

    def results(self) -> list[tuple[str, ...]]:
        return [(row["outcome"], row["code"]) for row in read_csv(Path("reports/results.csv"))]

    def writes(self) -> int:
        """Count the updates that were sent."""
        return self.sandbox.requests()[PATCH]


@pytest.fixture
def nights(program: Program, serve: Serve) -> Nights:
    """Give a target, and a source that was never imported."""
    return Nights(program, serve())


def rows(*numbers: int, **changes: str) -> list[Row]:
    """Make rows; `P2="Low"` is the priority of the second."""
    return [issue_row(number, changes.get(f"P{number}", "High"), changes.get(f"T{number}")) for number in numbers]


def test_nothing_new_costs_nothing(nights: Nights) -> None:
    """A second night over the same source sends no request but the first, which asks whose the target is."""
    nights.run(rows=rows(1, 2, 3))
    again = nights.run("--on-change", "update")
    assert (again.code, again.outcomes(), again.summary["requests"]) == (0, {"unchanged": 3}, 0)


def test_changed_rows_are_reported(nights: Nights) -> None:
    """By default: named with the fields that differ, as an outcome of its own, and exit code 0."""
    nights.run(rows=rows(1, 2))
    ended = nights.run(rows=rows(1, 2, P2="Low", T2="New"))
    assert (ended.code, ended.outcomes()) == (0, {"unchanged": 1, "changed": 1})
    _, changed = read_csv(Path("reports/results.csv"))
    assert (changed["code"], changed["triage_id"]) == ("changed", nights.issue(2)["triage_id"])
    assert changed["message"].endswith(" It differs in: title, severity.")
    assert nights.writes() == 0
    assert "changed: 1 × changed" in ended.err
    assert "2 rows: 1 unchanged, 1 changed" in ended.err


def test_changed_rows_are_counted_wherever_a_run_is_looked_at(nights: Nights, program: Program) -> None:
    """In `runs`, in `report`, and in the file that both of them come from."""
    nights.run(rows=rows(1, 2))
    nights.run(rows=rows(1, 2, T2="New"))
    (last, _) = program.runs()
    assert last["counts"] == {"unchanged": 1, "changed": 1}
    assert "counts       changed: 1\n" in program("runs", "show", "last").out
    again = program("report", "last", "--out", "again", "--json")
    assert again.outcomes() == {"unchanged": 1, "changed": 1}
    assert [row["outcome"] for row in read_csv(Path("again/results.csv"))] == ["unchanged", "changed"]


def test_changed_rows_are_updated(nights: Nights) -> None:
    """Only the fields that differ are written, and the next night finds nothing to do."""
    nights.run(rows=rows(1, 2))
    nights.edit(2, status="done")
    ended = nights.run("--on-change", "update", rows=rows(1, 2, P2="Low"))
    assert (ended.code, ended.outcomes()) == (0, {"updated": 1, "unchanged": 1})
    assert (nights.issue(2)["severity"], nights.issue(2)["status"]) == ("low", "done")
    before = nights.writes()
    assert nights.run("--on-change", "update").outcomes() == {"unchanged": 2}
    assert nights.writes() == before


def test_a_conflict_is_said_every_night(nights: Nights) -> None:
    """A person's change stays, is listed with ours, theirs and new, and the other fields follow the row."""
    nights.run(rows=rows(1, 2))
    nights.edit(2, title="=theirs")
    first = nights.run("--on-change", "update", rows=rows(1, 2, P2="Low", T2="New"))
    assert (first.code, first.outcomes()) == (1, {"updated": 1, "unchanged": 1})
    assert "1 issue changed in Triage, too, or perhaps: nothing was overwritten, see conflicts.csv" in first.err
    for _ in range(2):
        (conflict,) = read_csv(Path("reports/conflicts.csv"))
        assert conflict == {
            "key": "jira:PROJ-2",
            "triage_id": nights.issue(2)["triage_id"],
            "field": "title",
            "ours": "Title 2",
            "theirs": "'=theirs",
            "new": "New",
        }
        again = nights.run("--on-change", "update")
        assert (again.code, nights.results()) == (0, [("unchanged", ""), ("skipped", "conflict")])
        (notice,) = again.summary["notices"]
        assert (notice["cause"], notice["count"], notice["new"]) == ("conflict", 1, 0)
        assert notice["since"] == first.summary["notices"][0]["since"]
    assert nights.run("--on-change", "update", "--fail-on", "any").code == 1
    assert "jira: 1 issue changed in Triage, too, or perhaps" in nights.program("runs").out
    assert (nights.issue(2)["title"], nights.issue(2)["severity"]) == ("=theirs", "low")
    nights.edit(2, title="New")
    assert nights.run("--on-change", "update").outcomes() == {"unchanged": 2}
    assert not Path("reports/conflicts.csv").exists(), "what both sides share is no conflict"


def test_overwriting_on_purpose(nights: Nights) -> None:
    """`overwrite` writes what a person changed, too, but only what the row has changed."""
    nights.run(rows=rows(1))
    nights.edit(1, title="theirs", status="done")
    ended = nights.run("--on-change", "overwrite", rows=rows(1, T1="New"))
    assert (ended.code, ended.outcomes()) == (0, {"updated": 1})
    assert (nights.issue(1)["title"], nights.issue(1)["status"]) == ("New", "done")


def test_skipping(nights: Nights) -> None:
    """`skip` leaves them alone."""
    nights.run(rows=rows(1))
    assert nights.run("--on-change", "skip", rows=rows(1, T1="New")).outcomes() == {"changed": 1}
    assert nights.results() == [("changed", "changed")]


def test_only_some_fields(nights: Nights) -> None:
    """`--fields` narrows what counts as changed; the rest can follow later."""
    nights.run(rows=rows(1, 2))
    changed = rows(1, 2, P1="Low", T1="New", T2="New")
    ended = nights.run("--on-change", "update", "--fields", "severity,status", rows=changed)
    assert ended.outcomes() == {"updated": 1, "unchanged": 1}
    assert [nights.issue(number)["title"] for number in (1, 2)] == ["Title 1", "Title 2"]
    assert nights.run("--on-change", "update").outcomes() == {"updated": 2}
    assert [nights.issue(number)["title"] for number in (1, 2)] == ["New", "New"]


def test_a_field_that_there_is_not(nights: Nights) -> None:
    """A name that is no field is said before anything else."""
    ended = nights.run("--on-change", "update", "--fields", "priority", rows=rows(1))
    assert ended.code == ExitCode.UNUSABLE
    assert "--fields priority" in ended.err
    assert nights.sandbox.requests().total() == 0


def test_only_the_mapping_has_changed(nights: Nights) -> None:
    """That is one line with the count; an update of all these issues has to be asked for by name."""
    nights.run(rows=rows(1, 2, 3))
    Path("mine.yaml").write_text("extends: jira\nseverity: {values: {High: critical}}\n", encoding="utf-8")
    for options in ((), ("--on-change", "update")):
        ended = nights.run(*options, rows=rows(1, 2, 3, P3="Low"), mapping="mine.yaml")
        assert "changed: 2 × mapping-changed" in ended.err
        assert ended.summary["findings"]["mapping-changed"] == 2
    assert ended.outcomes() == {"updated": 1, "changed": 2}
    ended = nights.run("--on-change", "update", "--accept-mapping-change", mapping="mine.yaml")
    assert ended.outcomes() == {"updated": 2, "unchanged": 1}
    assert [nights.issue(number)["severity"] for number in (1, 2, 3)] == ["critical", "critical", "low"]


def test_the_source_can_t_be_changed(nights: Nights) -> None:
    """It is said, every night, and the other fields are updated."""
    nights.run(rows=rows(1, 2))
    Path("mine.yaml").write_text("extends: jira\nsource: {value: automated}\n", encoding="utf-8")
    for outcomes in ({"updated": 1, "unchanged": 1}, {"unchanged": 2}):
        command = ("--on-change", "update", "--accept-mapping-change")
        ended = nights.run(*command, rows=rows(1, 2, T1="New"), mapping="mine.yaml")
        assert (ended.code, ended.outcomes()) == (0, outcomes)
        assert [code for _, code in nights.results()] == ["source-fixed", "source-fixed"]
    assert nights.issue(1)["source"] == "client"


@pytest.mark.usefixtures("short_waits")
def test_deleted_in_triage(nights: Nights) -> None:
    """It is never made again and said every night; two nights look for it, and only when they agree it is decided."""
    nights.run(rows=rows(1, 2))
    nights.delete(2)
    for most, code, said in ((10, 1, "perhaps-gone"), (4, 0, "gone-at-target"), (0, 0, "gone-at-target")):
        before = nights.sandbox.requests()[GET]
        ended = nights.run("--on-change", "update", *SOON, rows=rows(1, 2, T2="New"))
        assert (ended.code, nights.results()) == (code, [("unchanged", ""), ("skipped", said)])
        assert ("the same command looks once more" in ended.err) is (code == 1)
        looks = nights.sandbox.requests()[GET] - before
        assert looks == 0 if most == 0 else 2 <= looks <= most
    assert len(nights.sandbox.issues()) == 1


@pytest.mark.parametrize(
    "fault", ["500-after", "500-before", "reset-after", "reset-before", "not-json", "429=0", "503=0"]
)
def test_updates_that_meet_faults(program: Program, serve: Serve, fault: str) -> None:
    """Each is in once, whatever its answer was, and a person's edit is not taken for one of ours."""
    nights = Nights(program, serve(faults=(parse_fault(f"{fault}:write@req=7"), parse_fault(f"{fault}:write@req=9"))))
    nights.run(rows=rows(*range(1, 6)))
    nights.edit(5, title="theirs")
    new = {f"T{number}": f"New {number}" for number in range(1, 6)}
    ended = nights.run("--on-change", "update", "--concurrency", "1", rows=rows(*range(1, 6), **new))
    assert (ended.code, ended.outcomes()) == (1, {"updated": 4, "skipped": 1})
    titles = [nights.issue(number)["title"] for number in range(1, 6)]
    assert titles == ["New 1", "New 2", "New 3", "New 4", "theirs"]
    assert nights.run("--on-change", "update").outcomes() == {"unchanged": 4, "skipped": 1}


def test_updates_that_are_killed(program: Program, serve: Serve) -> None:
    """Killed again and again while it updates, the run ends with every update in and no conflict that is none."""
    numbers = range(1, 31)
    sandbox = serve()
    with turnstile(sandbox.url, len(numbers)) as door:
        nights = Nights(program, sandbox, door.url)
        nights.run("--concurrency", "32", rows=rows(*numbers))
        new = {f"T{number}": f"New {number}" for number in numbers}
        write_csv(nights.source, rows(*numbers, **new))
        command = ["run", "export.csv", "-m", "jira", "--api-url", door.url, "--yes", "--json", "--rate", "0"]
        command += ["--on-change", "update", "--max-changes", "100%", "--out", "reports", "--concurrency", "4"]
        for _ in range(3):
            door.let(7)
            door.kill(program.start(*command))
        ended = program(*command)
    assert (ended.code, ended.outcomes()) == (0, {"updated": 30})
    assert not Path("reports/conflicts.csv").exists()
    assert [nights.issue(number)["title"] for number in numbers] == [f"New {number}" for number in numbers]
    assert nights.writes() <= 30 + 3 * 4, "only what was on its way is sent once more"


SNAPSHOT = "extends: jira\ninput: {kind: snapshot}\n"


def test_vanished_keys(nights: Nights) -> None:
    """Keys that a snapshot has lost are listed and counted; a part of it loses none, and nothing is done to them."""
    Path("snapshot.yaml").write_text(SNAPSHOT, encoding="utf-8")
    first = nights.run(rows=rows(1, 2, 3), mapping="snapshot.yaml")
    assert first.summary["vanished"] == 0
    part = nights.run("--limit", "1", rows=rows(1, 3), mapping="snapshot.yaml")
    assert part.summary["vanished"] == 0
    ended = nights.run(rows=rows(1, 3, 4), mapping="snapshot.yaml")
    assert (ended.code, ended.outcomes()) == (1, {"created": 1, "unchanged": 2})
    assert (ended.summary["vanished"], ended.summary["vanished_since"]) == (1, first.summary["run_id"])
    assert "1 key no longer in the source, but still in Triage: see vanished.csv" in ended.err
    issue = nights.issue(2)
    (line,) = read_csv(Path("reports/vanished.csv"))
    assert line == {"key": "jira:PROJ-2", "triage_id": issue["triage_id"], "issue_id": issue["id"]}
    stands = nights.run(mapping="snapshot.yaml")
    assert (stands.code, notice_of(stands)["count"], notice_of(stands)["new"]) == (0, 1, 0), "counted, and no news"
    assert len(read_csv(Path("reports/vanished.csv"))) == 1
    more = nights.run(rows=rows(1, 3), mapping="snapshot.yaml")
    assert (more.code, notice_of(more)["count"], notice_of(more)["new"]) == (1, 2, 1)
    assert notice_of(more)["since"] == notice_of(ended)["since"]
    assert notice_of(nights.run(rows=rows(1, 2, 3), mapping="snapshot.yaml"))["keys"] == ["jira:PROJ-4"]


def test_a_snapshot_with_few_of_the_keys(nights: Nights) -> None:
    """It is a delta, whatever the mapping says: nothing counts as vanished, and the next whole one is compared."""
    Path("snapshot.yaml").write_text(SNAPSHOT, encoding="utf-8")
    first = nights.run(rows=rows(1, 2, 3, 4, 5), mapping="snapshot.yaml")
    ended = nights.run(rows=rows(1, 2, 6), mapping="snapshot.yaml")
    assert (ended.code, ended.summary["vanished"]) == (0, 0)
    assert "warning: this is no snapshot: it has 2 of 5 keys that are in Triage, so none counts" in ended.err
    whole = nights.run(rows=rows(1, 2, 3, 4, 6), mapping="snapshot.yaml")
    assert (whole.summary["vanished"], whole.summary["vanished_since"]) == (1, first.summary["run_id"])
    assert "this is no snapshot" not in whole.err


def test_a_delta_loses_nothing(nights: Nights) -> None:
    """By default an export may hold only what is new."""
    nights.run(rows=rows(1, 2))
    ended = nights.run(rows=rows(3))
    assert ended.summary["vanished"] == 0
    assert not Path("reports/vanished.csv").exists()


def test_a_snapshot_that_was_just_written(nights: Nights) -> None:
    """Exit code 6, before the target hears of it."""
    Path("snapshot.yaml").write_text(SNAPSHOT, encoding="utf-8")
    write_csv(nights.source, rows(1))
    ended = nights.run(mapping="snapshot.yaml")
    assert ended.code == ExitCode.NOT_READY
    assert "a snapshot must be complete" in ended.err
    assert nights.sandbox.requests().total() == 0


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_too_few_rows(nights: Nights, more: tuple[str, ...]) -> None:
    """Exit code 7, and nothing is sent."""
    ended = nights.run("--min-rows", "3", *more, rows=rows(1, 2))
    assert ended.code == ExitCode.DECIDE
    assert "The source has 2 rows, but --min-rows requires 3; nothing was sent." in ended.err
    assert nights.sandbox.issues() == []
    assert nights.run("--min-rows", "2").outcomes() == {"created": 2}


def test_rejections_that_are_known(nights: Nights) -> None:
    """With `--yes` a row that is as bad as last night makes no exit code 1; it still is in errors.csv."""
    first = nights.run(rows=rows(1, 2, P2="Pressing"))
    assert (first.code, first.summary["known"]) == (1, 0)
    again = nights.run(rows=rows(3, 1, 2, P2="Pressing"))
    assert (again.code, again.summary["known"]) == (0, 1)
    assert again.outcomes() == {"created": 1, "unchanged": 1, "rejected": 1}
    assert "1 row rejected: results.csv says why. Since " in again.err
    assert [row["Issue key"] for row in read_csv(Path("reports/errors.csv"))] == ["PROJ-2"]
    other_value = nights.run(rows=rows(1, 2, P2="Whenever"))
    assert (other_value.code, other_value.summary["known"]) == (1, 0)
    assert nights.run("--fail-on", "any").code == ExitCode.PARTLY
    assert nights.run().code == ExitCode.DONE


def test_a_rehearsal_counts_every_rejection(program: Program) -> None:
    """Without `--yes` a person looks on: any rejected row is exit code 1, unless it is asked otherwise."""
    write_csv(Path("export.csv"), rows(1, 2, P2="Pressing"), HEADER)
    command = ("run", "export.csv", "-m", "jira", "--sandbox", "--json")
    assert [program(*command).code for _ in range(2)] == [1, 1]
    assert program(*command, "--fail-on", "new").code == ExitCode.DONE


def test_a_rejected_row_changes_nothing(program: Program, serve: Serve) -> None:
    """Of a key that comes twice only the row that stays counts, also where both are in one source_rows."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2)])
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
    program(*command, "--no-canary")
    write_csv(Path("export.csv"), [issue_row(1), issue_row(1, title="Rejected"), issue_row(2)])
    ended = program(*command, "--on-change", "update", "--max-rejected", "100%")
    assert ended.outcomes() == {"unchanged": 2, "rejected": 1}
    assert {issue["title"] for issue in sandbox.issues()} == {"Title 1", "Title 2"}


def test_the_original_of_a_corrected_row(nights: Nights) -> None:
    """Once errors.csv was mended and sent, the original says so, until it is rejected for another reason, or mended."""
    export = rows(1, 2, P2="Pressing")
    assert nights.run(rows=export).code == ExitCode.PARTLY
    mended = [{**row, "Priority": "Low"} for row in read_csv(Path("reports/errors.csv"))]
    write_csv(Path("export.csv"), [list(row.values()) for row in mended], list(mended[0]))
    corrected = nights.run()
    assert (corrected.code, corrected.outcomes()) == (0, {"created": 1})
    for _ in range(2):
        ended = nights.run("--fail-on", "any", rows=export)
        assert (ended.code, ended.outcomes()) == (0, {"unchanged": 1, "skipped": 1}), ended.err
        result = read_csv(Path("reports/results.csv"))[1]
        assert (result["code"], result["triage_id"]) == ("row-corrected", nights.issue(2)["triage_id"])
        assert result["message"].endswith(f"comes from the corrected row, imported in {corrected.summary['run_id']}")
        assert not list(Path("reports").glob("errors*.csv"))
    other = nights.run(rows=rows(1, 2, P2="Whenever"))
    assert (other.code, other.outcomes()) == (1, {"unchanged": 1, "rejected": 1})
    assert nights.run(rows=rows(1, 2, P2="Low")).outcomes() == {"unchanged": 2}


UPDATE = ("--on-change", "update")


def notice_of(ended: Ended) -> dict[str, Any]:
    (notice,) = ended.summary["notices"]
    return dict(notice)


def let_a_week_pass(program: Program) -> None:
    with sqlite3.connect(program.ledger) as ledger:
        ledger.execute("UPDATE runs SET started_at = started_at - 7 * 86400")


@pytest.fixture
def conflicted(nights: Nights) -> Nights:
    """Give nights of which the first has sent two issues, and the second has a conflict in one."""
    nights.run(rows=rows(1, 2))
    nights.edit(2, title="theirs")
    ended = nights.run(*UPDATE, rows=rows(1, 2, T2="New"))
    assert (ended.code, notice_of(ended)["new"]) == (1, 1)
    return nights


def test_what_stands_is_told_once_a_week_and_can_be_put_off(conflicted: Nights, program: Program) -> None:
    """The command that the notice names works as it stands; what is new is told all the same."""
    let_a_week_pass(program)
    weekly = conflicted.run(*UPDATE, "-q")
    assert (weekly.code, notice_of(weekly)["new"]) == (0, 0)
    assert weekly.err.startswith("1 issue changed in Triage, too, or perhaps: ")
    command = notice_of(weekly)["command"]
    assert f"  To put it off: {command}\n" in weekly.err
    assert command in Path("reports/report.html").read_text(encoding="utf-8")
    _, *words = shlex.split(command)
    put_off = program(*words)
    day = f"{date.today() + timedelta(days=7):%Y-%m-%d}"
    assert (put_off.code, f"is told again on {day}" in put_off.err) == (0, True)
    assert f", put off until {day}." in program("runs").out
    assert json.loads(program("runs", "--json").out)[0]["files"] == ["conflict", day]

    let_a_week_pass(program)
    quiet = conflicted.run(*UPDATE, "-q")
    assert (quiet.code, quiet.err) == (0, "")
    assert (notice_of(quiet)["count"], notice_of(quiet)["put_off"]) == (1, day)
    assert conflicted.run(*UPDATE, "--fail-on", "any").code == 0

    conflicted.edit(1, title="theirs, too")
    changed = conflicted.run(*UPDATE, "-q", rows=rows(1, 2, T1="New", T2="New"))
    assert (changed.code, notice_of(changed)["count"], notice_of(changed)["new"]) == (1, 2, 1)
    assert "  conflict jira:PROJ-1: " in changed.err
    assert "conflict jira:PROJ-2: " not in changed.err

    cause = words.index("conflict")
    assert program(*words[: cause + 1], "2026-01-01", *words[cause + 2 :]).code == 0
    assert conflicted.run(*UPDATE, "--fail-on", "any").code == 1


def test_a_conflict_in_another_field_is_news(conflicted: Nights) -> None:
    """The same field's is not, whatever the values are by now."""
    conflicted.edit(2, title="theirs again")
    assert conflicted.run(*UPDATE, rows=rows(1, 2, T2="Newer")).code == 0
    conflicted.edit(2, severity="critical")
    other = conflicted.run(*UPDATE, rows=rows(1, 2, T2="Newer", P2="Low"))
    assert (other.code, notice_of(other)["count"], notice_of(other)["new"]) == (1, 1, 1)
    assert conflicted.run(*UPDATE).code == 0
    conflicted.edit(2, title="Newer")
    assert conflicted.run(*UPDATE).code == 0, "there is less of it"


def test_what_stands_of_an_issue_that_tonight_s_file_lacks(conflicted: Nights) -> None:
    """A delta has only what has changed: the conflict of another issue stands, since the night on which it began."""
    since = notice_of(conflicted.run(*UPDATE))["since"]
    delta = conflicted.run(*UPDATE, rows=rows(1, P1="Low"))
    notice = notice_of(delta)
    assert (delta.code, notice["count"], notice["new"], notice["since"]) == (0, 1, 0, since)
    assert notice["keys"] == ["jira:PROJ-2"]
    back = conflicted.run(*UPDATE, rows=rows(2, T2="New"))
    assert (back.code, notice_of(back)["count"], notice_of(back)["new"]) == (0, 1, 0), "it was known all the time"
    conflicted.edit(2, title="New")
    assert conflicted.run(*UPDATE, rows=rows(2, T2="New")).summary["notices"] == []


def test_only_what_is_known_can_be_put_off(conflicted: Nights, program: Program) -> None:
    """A name that was mistyped is no source, and a word that is no reason none."""
    url = ("--api-url", conflicted.sandbox.url)
    assert program("sources", "put-off", "jiro", "conflict", "2030-01-15", *url).code == 2
    assert program("sources", "put-off", "jira", "conflicts", "2030-01-15", *url).code == 2
    assert program("sources", "put-off", "jira", "older-file-open", "2030-01-15", *url).code == 2
    assert program("sources", "put-off", "jira", "conflict", "soon", *url).code == 2
    assert notice_of(conflicted.run(*UPDATE))["put_off"] == ""
