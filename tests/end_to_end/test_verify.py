"""`triage-import verify`, while a second client works on the same issues."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import PERSON, WHOLE, Nights
from tests.harness.hostile import HostileOptions, RunningSandbox, parse_fault, serve_in_thread
from tests.harness.running import (
    KEY,
    SAMPLES,
    Ended,
    Program,
    issue_row,
    read_csv,
    wait_for,
    write_csv,
    write_issues,
)
from tests.harness.sandbox_inside import forget_comment

pytestmark = pytest.mark.slow
ISSUE = "/v1/triage/issues/{id}"


def send(program: Program, sandbox: RunningSandbox, *more: str, code: int = 0) -> str:
    """Import export.csv; give the name of the run."""
    ended = program(
        "run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0", "--json", *more
    )
    assert ended.code == code, ended.err
    return str(ended.summary["run_id"])


def verify(program: Program, run: str = "last", *more: str) -> Ended:
    """Verify a run as fast as the target takes it."""
    return program("verify", run, "--rate", "0", "--json", *more)


def read_operations(ledger: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(ledger)) as connection:
        return [row for table in ("operations", "rows") for row in connection.execute(f"SELECT * FROM {table}")]


def read_back(ended: Ended) -> dict[str, tuple[int, int]]:
    """Of each kind how many were sent, and how many of these a verification has found."""
    return {kind: (of["sent"], of["found"]) for kind, of in ended.summary["read_back"].items()}


class SecondClient:
    """Somebody else, by title."""

    def __init__(self, sandbox: RunningSandbox, http: httpx.Client) -> None:
        self._sandbox, self._http = sandbox, http

    def find(self, title: str) -> dict[str, Any]:
        (issue,) = (issue for issue in self._sandbox.issues() if issue["title"] == title)
        return issue

    def edit(self, title: str, /, **changes: str | None) -> None:
        assert self._http.patch(f"/issues/{self.find(title)['id']}", json=changes).status_code == 200

    def delete(self, title: str) -> None:
        assert self._http.delete(f"/issues/{self.find(title)['id']}").status_code == 204

    def create(self, **body: Any) -> str:
        """Make an issue; give its number."""
        answer = self._http.post("/issues", json={"severity": "low", "category": "Bug", "status": "todo"} | body)
        return str(answer.json()["data"]["triage_id"])

    def detach(self, issue_id: str) -> None:
        """Take away all resources of an issue."""
        for link in self._http.get(f"/issues/{issue_id}/resources").json()["data"]["items"]:
            assert self._http.delete(f"/issues/{issue_id}/resources/{link['id']}").status_code == 204


Join = Callable[[RunningSandbox], SecondClient]


@pytest.fixture
def join() -> Iterator[Join]:
    """Return a function that makes a second client of a sandbox."""
    with ExitStack() as stack:

        def start(sandbox: RunningSandbox) -> SecondClient:
            url = f"{sandbox.url}/v1/triage"
            http = stack.enter_context(httpx.Client(base_url=url, headers={"Authorization": KEY}))
            return SecondClient(sandbox, http)

        yield start


def verdicts(folder: str | Path) -> list[tuple[str, ...]]:
    """Key, verdict, field, ours and theirs of each line that is not the same."""
    rows = read_csv(Path(folder) / "verify.csv")
    names = ("key", "verdict", "field", "ours", "theirs")
    return [tuple(row[name] for name in names) for row in rows if row["verdict"] != "same"]


def test_all_the_same_in_few_requests(program: Program, serve: Serve) -> None:
    """Pages of the list are enough; a report is left, and what the ledger knows of the issues stays as it is."""
    sandbox = serve()
    write_issues(Path("export.csv"), 150)
    run = send(program, sandbox)
    before, ledger = sandbox.requests(), read_operations(program.ledger)
    ended = verify(program)
    assert (ended.code, ended.summary["same"], ended.summary["run_id"]) == (0, 150, run)
    assert f"{run}: 150 issues read back: 150 the same\n" in ended.err
    asked = sandbox.requests() - before
    assert asked == Counter({"GET /v1/triage/issues": 4, "GET /v1/triage/categories": 1})
    folder = Path(f"triage-import-{run}-verify")
    rows = read_csv(folder / "verify.csv")
    assert [(row["key"], row["verdict"]) for row in rows] == [(f"jira:PROJ-{n}", "same") for n in range(1, 151)]
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8")) == ended.summary
    assert read_operations(program.ledger) == ledger


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("cut", [False, True], ids=["whole lists", "cut descriptions"])
def test_each_edit_is_named(program: Program, serve: Serve, join: Join, cut: bool) -> None:
    """Every field, what is gone, and a double; the line on the screen begins with the worst."""
    sandbox = serve(cut_descriptions=cut)
    write_issues(Path("export.csv"), 12)
    send(program, sandbox)
    other = join(sandbox)
    other.edit("Title 1", title='=HYPERLINK("http://x")')
    other.edit("Title 2", severity="low", status="done")
    other.edit("Title 3", category="Speech")
    other.edit("Title 4", owner_id="kim")
    other.edit("Title 5", assignee_id="kim")
    other.edit("Title 6", description="all new")
    other.delete("Title 7")
    double = other.create(title="Title 8 again", description=other.find("Title 8")["description"])
    own = other.find("Title 8")["triage_id"]
    writes = Counter({name: n for name, n in sandbox.requests().items() if not name.startswith("GET")})
    ended = verify(program, "last", "--out", "verified")
    assert ended.code == ExitCode.PARTLY
    assert verdicts("verified") == [
        ("jira:PROJ-1", "different", "title", "Title 1", '\'=HYPERLINK("http://x")'),
        ("jira:PROJ-2", "different", "severity", "high", "low"),
        ("jira:PROJ-2", "different", "status", "todo", "done"),
        ("jira:PROJ-3", "different", "category", "Bug", "Speech"),
        ("jira:PROJ-4", "different", "owner_id", "", "kim"),
        ("jira:PROJ-5", "different", "assignee_id", "", "kim"),
        ("jira:PROJ-6", "different", "description", "(kept as its digest only)", "all new"),
        ("jira:PROJ-7", "missing", "", "", ""),
        ("jira:PROJ-8", "stranger", "", own, ""),
    ]
    assert read_csv(Path("verified/verify.csv"))[-1]["triage_id"] == double
    counts = {name: ended.summary[name] for name in ("same", "different", "missing", "stranger", "unsettled")}
    assert counts == {"same": 5, "different": 6, "missing": 1, "stranger": 1, "unsettled": 0}
    assert "read back: 1 not in the ledger but with our marker (duplicates?), 1 missing, 6 different (" in ended.err
    after = Counter({name: n for name, n in sandbox.requests().items() if not name.startswith("GET")})
    assert after == writes, "verify changed something"


def test_what_cut_lists_hide_is_read_once(program: Program, serve: Serve) -> None:
    """Each issue is read by itself, and no other: that is all that such a target leaves."""
    sandbox = serve(cut_descriptions=True)
    write_issues(Path("export.csv"), 20)
    send(program, sandbox)
    before = sandbox.requests()
    assert verify(program).summary["same"] == 20
    assert (sandbox.requests() - before)[f"GET {ISSUE}"] == 20


def test_people_s_own_issues_are_no_strangers(program: Program, serve: Serve, join: Join) -> None:
    """One that quotes our marker is a person's; short ones of whole lists are not even read."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    send(program, sandbox)
    other = join(sandbox)
    marker_line = other.find("Title 2")["description"].splitlines()[-1]
    other.create(title="A quotation", description=f"Look at this one:\n> {marker_line}\nfor a long time {'.' * 400}")
    for number in range(5):
        other.create(title=f"Short {number}", description="words")
    before = sandbox.requests()
    ended = verify(program)
    assert (sandbox.requests() - before)[f"GET {ISSUE}"] == 1, "only the long one may go on"
    assert (ended.code, ended.summary["same"]) == (0, 3)


def test_other_runs_of_the_source_are_no_strangers(program: Program, serve: Serve) -> None:
    """Each run accounts for its own issues; those of the others are known."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    first = send(program, sandbox)
    write_issues(Path("export.csv"), 6)
    second = send(program, sandbox)
    assert [verify(program, run).summary["same"] for run in (first, second)] == [4, 2]
    assert verify(program, first).code == verify(program, second).code == 0


def test_issues_that_a_run_changed(program: Program, serve: Serve, join: Join) -> None:
    """They are verified with the run that changed them, against what it wrote; the rest is left to the first."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    first = send(program, sandbox)
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority="Low"), issue_row(3)])
    second = send(program, sandbox, "--on-change", "update")
    assert verify(program, second).summary["same"] == 1
    assert (verify(program, first).code, verify(program, first).summary["same"]) == (0, 3)
    join(sandbox).edit("Title 2", severity="high")
    ended = verify(program, second)
    assert verdicts(ended.summary["out"]) == [("jira:PROJ-2", "different", "severity", "low", "high")]


def test_a_row_that_is_not_settled_is_no_stranger(program: Program, serve: Serve) -> None:
    """After a kill the issue may be there without its ledger's knowledge: exit code 4, and the import settles it."""
    sandbox = serve(faults=(parse_fault("hang-after=3600:create@req=3"),))
    write_issues(Path("export.csv"), 3)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--concurrency", "1")
    process = program.start(*command, "--rate", "0")
    wait_for(lambda: len(sandbox.issues()) == 3)
    process.kill()
    ended = verify(program)
    assert ended.code == ExitCode.UNKNOWN
    assert verdicts(ended.summary["out"]) == [("jira:PROJ-3", "unsettled", "", "", "")]
    assert program(*command, "--rate", "0", "--settle-seconds", "1").code == 0
    assert (verify(program).code, verify(program).summary["same"]) == (0, 3)


def test_a_resource_that_is_gone(program: Program, serve: Serve, join: Join) -> None:
    """A call that was attached is part of what was sent; one that people add is not."""
    sandbox = serve()
    command = ("run", SAMPLES / "call-reviews.jsonl", "-m", SAMPLES / "call-reviews.yaml", "--api-url", sandbox.url)
    program(*command, "--yes", "--max-rejected", "100%", "--rate", "0")
    assert verify(program).code == 0
    linked = next(issue for issue in sandbox.issues() if issue["resource_count"])
    join(sandbox).detach(linked["id"])
    ended = verify(program)
    (line,) = verdicts(ended.summary["out"])
    assert line[1:] == ("different", "evidence", str(linked["resource_count"]), "0")


def test_another_organisation(program: Program) -> None:
    """With the key of another one, everything would be missing: that is said instead."""
    with serve_in_thread(HostileOptions()) as first:
        port = int(first.url.rpartition(":")[2])
        write_issues(Path("export.csv"), 2)
        send(program, first)
    with serve_in_thread(HostileOptions(), port):
        ended = verify(program)
    assert ended.code == ExitCode.DECIDE
    assert "this key belongs to" in ended.err
    assert not list(program.folder.glob("*-verify"))


def test_a_target_that_does_not_answer(program: Program, serve: Serve) -> None:
    """Exit code 3, with a sentence."""
    with serve_in_thread(HostileOptions()) as sandbox:
        write_issues(Path("export.csv"), 2)
        send(program, sandbox)
    ended = verify(program)
    assert (ended.code, ended.summary["exit_code"]) == (3, 3)
    assert "does not respond as expected" in ended.err


def test_a_key_that_is_refused(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 7, and no report that could be taken for a verdict."""
    sandbox = serve(api_key=KEY)
    write_issues(Path("export.csv"), 2)
    send(program, sandbox)
    monkeypatch.setenv("BLAND_API_KEY", "another-key")
    ended = verify(program)
    assert ended.code == ExitCode.DECIDE
    assert "Triage refuses the API key" in ended.err
    assert not list(program.folder.glob("*-verify"))


def test_a_run_that_did_nothing(program: Program, serve: Serve) -> None:
    """It says so, and names the last run of the source that did something."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    first = send(program, sandbox)
    second = send(program, sandbox)
    ended = verify(program)
    assert ended.code == 0
    assert (
        f"{second} created and changed nothing, so there is nothing to read back. "
        f"The last run that did something: triage-import verify {first} --rate 0 --json\n"
    ) in ended.err
    program("runs", "prune", "--keep", "1", "--apply")
    assert "The last run that did something" not in verify(program).err, "its rows were pruned"


def test_no_such_run(program: Program) -> None:
    """Exit code 2; a ledger that doesn't exist knows none."""
    ended = verify(program, "nightly")
    assert (ended.code, ended.summary["exit_code"]) == (2, 2)
    assert "No run 'nightly' in " in ended.err


def test_what_was_added_to_issues(program: Program, serve: Serve) -> None:
    """It is read back by kind, numbers in texts are no difference, and what people add isn't ours to miss."""
    nights = Nights(program, serve())
    nights.run(WHOLE)
    nights.post("D-1", "comments", detail="A person's")
    before = nights.sandbox.requests()
    ended = verify(program)
    assert (ended.code, ended.summary["same"]) == (0, 3), ended.err
    kept = {"issue": (3, 3), "comment": (4, 4), "evidence": (1, 1), "flag": (1, 1), "relation": (1, 1)}
    assert read_back(ended) == kept
    assert nights.sandbox.requests() - before == {
        "GET /v1/triage/categories": 1,
        "GET /v1/triage/issues": 2,
        f"GET {ISSUE}/activity": 3,
        f"GET {ISSUE}/resources": 1,
        f"GET {ISSUE}/flags": 1,
        f"GET {ISSUE}/relations": 1,
    }


def test_what_was_added_and_is_gone(program: Program, serve: Serve) -> None:
    """A comment, a flag and its call, a relation: each is named, with how many there were and how many are left."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    nights.run(WHOLE)
    for key, kind in (("D-2", "flags"), ("D-2", "resources"), ("D-1", "relations")):
        (there,) = httpx.get(f"{nights.url(key)}/{kind}", headers=PERSON).json()["data"]["items"]
        httpx.delete(f"{nights.url(key)}/{kind}/{there['id']}", headers=PERSON).raise_for_status()
    forget_comment(sandbox, "two")
    ended = verify(program)
    assert (ended.code, ended.summary["same"], ended.summary["different"]) == (ExitCode.PARTLY, 1, 2)
    assert verdicts(ended.summary["out"]) == [
        ("demo:D-1", "different", "comment", "2", "1"),
        ("demo:D-1", "different", "relation", "1", "0"),
        ("demo:D-2", "different", "evidence", "1", "0"),
        ("demo:D-2", "different", "flag", "1", "0"),
    ]
    left = {"issue": (3, 3), "comment": (4, 3), "evidence": (1, 0), "flag": (1, 0), "relation": (1, 0)}
    assert read_back(ended) == left


def test_a_comment_that_came_late_and_twice(program: Program, serve: Serve) -> None:
    """What Triage carried out after it was sent again is there twice: verify says so."""
    sandbox = serve()
    nights = Nights(program, sandbox)
    nights.run(WHOLE)
    activity = httpx.get(f"{nights.url('D-1')}/activity", headers=PERSON).json()["data"]["items"]
    detail = next(entry["detail"] for entry in activity if entry["type"] == "comment")
    nights.post("D-1", "comments", detail=detail)
    ended = verify(program)
    assert ended.code == ExitCode.PARTLY
    assert verdicts(ended.summary["out"]) == [("demo:D-1", "different", "comment", "2", "3")]
