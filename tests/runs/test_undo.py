"""Undo: what a run created goes away again, and nothing that people have had a hand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED, edit
from tests.harness.following import WHOLE, Nights
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, issue_row, read_csv, write_csv, write_issues

FAST = ("--rate", "0", "--json")
REPORT = Path("undone")


def send(program: Program, url: str, *more: str) -> Ended:
    return program("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", *FAST, *more)


def undo(program: Program, *more: str) -> Ended:
    run = next(iter(Path().glob("triage-import-*-1"))).name.removeprefix("triage-import-")
    return program("undo", run, "--out", str(REPORT), *FAST, *more)


def delete(program: Program, count: int, *more: str) -> Ended:
    """Delete what it created, in earnest."""
    return undo(program, "--delete", "--apply", "--yes", "--expect", str(count), *more)


def verdicts() -> Counter[str]:
    """Verdict → issues, of the report."""
    return Counter(line["verdict"] for line in read_csv(REPORT / "results.csv"))


def statuses(sandbox: RunningSandbox) -> Counter[str]:
    """Status → issues."""
    return Counter(issue["status"] for issue in sandbox.issues())


def test_closed_ones_count_as_imported(program: Program, serve: Serve) -> None:
    """The next import of the same file finds them unchanged, a second undo finds them closed; nothing reopens them."""
    sandbox = serve()
    write_issues(Path("export.csv"), 6)
    send(program, sandbox.url)
    assert undo(program, "--close", "--apply", "--yes").outcomes() == {"updated": 6}
    assert statuses(sandbox) == {"closed": 6}
    assert send(program, sandbox.url, "--on-change", "update", "--accept-mapping-change").outcomes() == {"unchanged": 6}
    again = undo(program, "--close", "--apply", "--yes")
    assert again.outcomes() == {"unchanged": 6}
    assert "created 6 issues: 6 closed already" in again.err
    assert verdicts() == {"closed-already": 6}

    write_csv(Path("export.csv"), [issue_row(number, title=f"Title {number}, new") for number in range(1, 7)])
    assert send(program, sandbox.url, "--on-change", "update").outcomes() == {"updated": 6}
    assert statuses(sandbox) == {"closed": 6}, "a row whose title changed says nothing of its status"
    assert undo(program, "--delete").outcomes() == {"planned": 6}, "and all of that was ours"


def test_only_what_the_run_created(program: Program, serve: Serve) -> None:
    """Is closed or deleted; what it updated is not, but gets its old values back; what it found there stays."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    send(program, sandbox.url)
    write_csv(Path("export.csv"), [issue_row(number, title=f"Title {number}, new") for number in range(3, 7)])
    ended = send(program, sandbox.url, "--on-change", "update")
    assert ended.outcomes() == {"created": 2, "updated": 2}
    second = program("undo", ended.summary["run_id"], "--delete", *FAST)
    assert second.outcomes() == {"planned": 4}
    assert "updated 2 issues: 2 will get all their old values back" in second.err
    assert "created 2 issues: 2 untouched (will be deleted)" in second.err
    assert delete(program, 4).outcomes() == {"updated": 4}, "the update was ours, too"
    assert {issue["title"] for issue in sandbox.issues()} == {"Title 5, new", "Title 6, new"}


def test_after_a_repair(program: Program, serve: Serve) -> None:
    """What we changed ourselves since is no person's edit, nor is the trace of it; one change more is."""
    sandbox = serve()
    write_issues(Path("export.csv"), 5)
    run = send(program, sandbox.url).summary["run_id"]
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    program("repair", run, "-m", "corrected.yaml", "--fields", "severity", "--apply", "--yes", *FAST)
    edit(sandbox, 2, severity="low")
    edit(sandbox, 2, severity="critical")
    ended = delete(program, 4)
    assert ended.outcomes() == {"updated": 4, "skipped": 1}
    (left,) = (line for line in read_csv(REPORT / "results.csv") if line["verdict"] == "touched")
    assert (left["key"], left["fields"]) == ("jira:PROJ-2", "severity")


def test_looked_at_again_right_before(program: Program, serve: Serve) -> None:
    """An edit between the preview and the answer survives."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    run = send(program, sandbox.url).summary["run_id"]
    with program.on_terminal("undo", run, "--delete", "--apply", "--rate", "0") as terminal:
        terminal.read_until("Type their number to confirm")
        edit(sandbox, 2, category="Latency")
        terminal.type("3\n")
        ended = terminal.end()
    assert ended.code == ExitCode.DONE
    assert "3 issues: 2 deleted, 1 touched" in ended.err
    assert [issue["title"] for issue in sandbox.issues()] == ["Title 2"]


@pytest.mark.parametrize("key", ["D-1", "D-2"])
def test_a_number_that_a_person_put_in(program: Program, serve: Serve, key: str) -> None:
    """Only those are ours that we put in; beside them, and where there are none, a person's number is an edit."""
    nights = Nights(program, serve())
    run = nights.run(WHOLE).summary["run_id"]
    first, _, rest = nights.issue(key)["description"].partition("\n")
    nights.edit(key, description=f"{first} (T-4711)\n{rest}")
    verified = program("verify", run, *FAST)
    assert verified.summary["fields"] == {"description": 1}
    ended = program("undo", run, "--delete", "--apply", "--yes", "--expect", "2", "--out", str(REPORT), *FAST)
    assert ended.outcomes() == {"updated": 2, "skipped": 1}, ended.err
    assert [issue["title"] for issue in nights.sandbox.issues()] == [key]


TOUCHES: Mapping[str, Callable[[Nights], object]] = {
    "": lambda nights: nights,
    "comment": lambda nights: nights.post("D-2", "comments", detail="I know more."),
    "resources": lambda nights: nights.post("D-2", "resources", resource_type="call", resource_id="c-9"),
    "flags": lambda nights: nights.post("D-2", "flags", call_id="c-2", type="rude", note="It was."),
    "relations": lambda nights: nights.post(
        "D-2", "relations", related_issue_id=nights.issue("D-3")["id"], relation_type="related_to"
    ),
    "description": lambda nights: nights.edit("D-2", description="Theirs"),
}


@pytest.mark.parametrize("trace", TOUCHES)
@pytest.mark.parametrize("how", ["--close", "--delete"])
def test_what_a_person_added_beside_it(program: Program, serve: Serve, trace: str, how: str) -> None:
    """One thing of a person's among ours keeps the issue, and is named; of a relation, that of either end.

    What the import added, numbers in texts among it, is nobody else's: without such a thing all may go.
    """
    nights = Nights(program, serve())
    run = nights.run(WHOLE).summary["run_id"]
    TOUCHES[trace](nights)
    kept = {"": 0, "relations": 2}.get(trace, 1)
    ended = program("undo", run, how, "--apply", "--yes", "--expect", str(3 - kept), "--out", str(REPORT), *FAST)
    assert (ended.code, ended.summary["updated"], ended.summary["skipped"]) == (ExitCode.DONE, 3 - kept, kept), (
        ended.err
    )
    touched = {line["key"]: line["fields"] for line in read_csv(REPORT / "results.csv") if line["verdict"] == "touched"}
    assert touched == dict.fromkeys(("demo:D-2", "demo:D-3")[:kept], trace)
    if not trace:
        assert nights.run().outcomes() == ({"unchanged": 3} if how == "--close" else {"created": 3})
