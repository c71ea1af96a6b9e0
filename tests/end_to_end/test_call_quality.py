"""Findings of call reviews: rows of one review in one issue, its calls as evidence, flags where they went wrong."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pytest

from importer.api import ISSUE_FIELDS
from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import turnstile
from tests.harness.hostile import RunningSandbox
from tests.harness.running import SAMPLES, Ended, Program, read_csv, write_csv
from tests.harness.short_waits import SOON

pytestmark = pytest.mark.slow
HEADER = ("review_id", "call_id", "criterion", "note", "turn", "severity", "status")
SAMPLE = SAMPLES / "call-review.csv"
PENDING, MISSING = "evidence-pending", "evidence-missing"


def finding(review: str, call: str, criterion: str, turn: str = "", severity: str = "high") -> tuple[str, ...]:
    """A row of `HEADER`."""
    return (review, call, criterion, f"{criterion} fails", turn, severity, "open")


def review(number: int, call: str = "") -> list[tuple[str, ...]]:
    """Three criteria that one call failed."""
    call = call or f"c-{number}"
    return [finding(f"r-{number}", call, name, str(turn)) for turn, name in enumerate(("Greets", "Asks", "Ends"), 1)]


def write_findings(rows: Iterable[Sequence[str]]) -> Path:
    return write_csv(Path("findings.csv"), rows, HEADER)


def import_(
    program: Program, target: RunningSandbox | None, *options: str | Path, mapping: str = "call-review"
) -> Ended:
    """Import into a sandbox, or the command's own."""
    source = () if any(isinstance(option, Path) for option in options) else (Path("findings.csv"),)
    where = ("--sandbox",) if target is None else ("--api-url", target.url, "--yes", "--no-canary")
    how = ("--rate", "0", "--max-rejected", "100%", "--json")
    return program("run", *source, "-m", mapping, *where, *how, "--out", "reports", *options)


def results() -> list[dict[str, str]]:
    return read_csv(Path("reports/results.csv"))


def flags_by_issue(sandbox: RunningSandbox) -> dict[str, list[tuple[str, str, int]]]:
    """Title → call, type and message of each flag on the issue."""
    titles = {issue["id"]: issue["title"] for issue in sandbox.issues()}
    found: dict[str, list[tuple[str, str, int]]] = {title: [] for title in titles.values()}
    for flag in sandbox.flags():
        found[titles[flag["issue_id"]]].append((flag["call_id"], flag["type"], flag["message_index"]))
    return found


def calls_by_issue(sandbox: RunningSandbox) -> dict[str, list[str]]:
    """Title → the calls that are attached to the issue."""
    titles = {issue["id"]: issue["title"] for issue in sandbox.issues()}
    found: dict[str, list[str]] = {title: [] for title in titles.values()}
    for link in sandbox.resources():
        found[titles[link["issue_id"]]].append(link["resource_id"])
    return found


def edit(sandbox: RunningSandbox, **fields: str) -> None:
    """Let a person change the only issue."""
    (issue,) = sandbox.issues()
    url = f"{sandbox.url}/v1/triage/issues/{issue['id']}"
    assert httpx.patch(url, json=fields, headers={"Authorization": "person"}).is_success


def test_a_call_that_is_known_only_later(program: Program) -> None:
    """Its issue is there at once, its evidence and flags come with the second run, and the third has nothing to do."""
    mixed = [finding("r-3", "c-3", "Greets", "1"), finding("r-3", "late-3", "Asks", "2"), finding("r-3", "c-3", "Ends")]
    write_findings([*review(1), *review(2, "late-2"), *mixed])

    first = import_(program, None)
    assert (first.code, first.outcomes()) == (ExitCode.PARTLY, {"created": 9})
    with program.own_sandbox() as sandbox:
        titles = {issue["title"]: issue["id"] for issue in sandbox.issues()}
        assert titles.keys() == {"Review of call c-1", "Review of call late-2", "Review of call c-3"}
        known = [("c-1", "greets", 0), ("c-1", "asks", 1), ("c-1", "ends", 2)]
        assert flags_by_issue(sandbox)["Review of call c-1"] == known
        assert flags_by_issue(sandbox)["Review of call late-2"] == []
        assert flags_by_issue(sandbox)["Review of call c-3"] == [("c-3", "greets", 0), ("c-3", "ends", None)]
        assert calls_by_issue(sandbox) == {
            "Review of call c-1": ["c-1"],
            "Review of call late-2": [],
            "Review of call c-3": ["c-3"],
        }
    codes = {row["key"]: (row["code"], row["operations_planned"], row["operations_done"]) for row in results()[::3]}
    assert codes == {
        "call-review:r-1": ("", "4", "4"),
        "call-review:r-2": (f"{PENDING}\n{PENDING}", "4", "0"),
        "call-review:r-3": (f"{PENDING}\n{PENDING}", "5", "3"),
    }

    # The sandbox has been started since, by the look at it, and knows the call now.
    second = import_(program, None)
    assert (second.code, second.outcomes()) == (0, {"updated": 6, "unchanged": 3})
    with program.own_sandbox() as sandbox:
        assert len(sandbox.issues()) == 3
        late = [("late-2", "greets", 0), ("late-2", "asks", 1), ("late-2", "ends", 2)]
        assert flags_by_issue(sandbox)["Review of call late-2"] == late
        assert Counter(flags_by_issue(sandbox)["Review of call c-3"]) == Counter(
            [("c-3", "greets", 0), ("late-3", "asks", 1), ("c-3", "ends", None)]
        )
        assert len(sandbox.flags()) == 9
        assert len(sandbox.resources()) == 4
    assert [row["code"] for row in results()] == [""] * 9

    third = import_(program, None)
    assert (third.code, third.outcomes(), third.summary["requests"]) == (0, {"unchanged": 9}, 0)


def test_what_waits_is_tried_by_every_run(program: Program) -> None:
    """With a file a night: attached with its flags, once; exit 1 the first night, and once when it is given up."""

    def night(number: int, call: str = "", *options: str) -> tuple[int, dict[str, int], dict[str, int], int]:
        write_findings(review(number, call))
        ended = import_(program, None, "--yes", *options, mapping="mine.yaml")
        return ended.code, ended.outcomes(), ended.summary["additions"], ended.summary["requests"]

    mine = Path("mine.yaml")
    mine.write_text("extends: call-review\n", encoding="utf-8")
    assert night(1, "late-1")[:3] == (1, {"created": 3}, {})
    assert night(2, "missing-2")[:3] == (1, {"created": 3}, {"evidence": 1, "flag": 3}), "1 is known by now, 2 is new"
    assert night(3)[:3] == (0, {"created": 3}, {"flag": 3}), "what is known to wait is no news"
    with program.own_sandbox() as sandbox:
        flags, calls = flags_by_issue(sandbox), calls_by_issue(sandbox)
    its = [("late-1", "asks", 1), ("late-1", "ends", 2), ("late-1", "greets", 0)]
    assert sorted(flags["Review of call late-1"]) == its
    assert (calls["Review of call late-1"], calls["Review of call missing-2"]) == (["late-1"], [])
    for _ in range(2):
        assert night(3) == (0, {"unchanged": 3}, {}, 2), "the try, and whether the issue is there"
    assert night(3, "", "--only", "r-3")[3] == night(3, "", "--limit", "3")[3] == 0
    assert night(3, "", "--fail-on", "any")[0] == 1
    mine.write_text("extends: call-review\nevidence_wait_days: 0\n", encoding="utf-8")
    write_findings(review(3))
    given_up = import_(program, None, "--yes", mapping="mine.yaml")
    assert (given_up.code, given_up.outcomes(), given_up.summary["findings"]) == (1, {"unchanged": 3}, {MISSING: 1})
    (warning,) = (each for each in given_up.summary["warnings"] if "missing-2" in each)
    assert warning.startswith("No longer tried: call-review:r-2, T-")
    assert f"warning: {warning}" in given_up.err
    for _ in range(2):
        assert night(3) == (0, {"unchanged": 3}, {}, 0)
    again = import_(program, None, "--yes", mapping="mine.yaml")
    assert again.summary["same_as"], "nothing waits any more"


@pytest.mark.usefixtures("short_waits")
def test_an_issue_that_is_gone_waits_no_more(program: Program, serve: Serve) -> None:
    """Once two runs have found it deleted, its evidence costs no request."""
    sandbox = serve()
    write_findings(review(1, "missing-1"))
    import_(program, sandbox)
    delete_url = f"{sandbox.url}/v1/triage/issues/{sandbox.issues()[0]['id']}"
    assert httpx.delete(delete_url, headers={"Authorization": "person"}).is_success
    write_findings(review(2))
    codes = [import_(program, sandbox) for _ in range(4)]
    assert [ended.summary["findings"].get(PENDING, 0) for ended in codes] == [1, 0, 0, 0]
    assert codes[-1].summary["requests"] == 0
    assert codes[-1].summary["same_as"]


def test_a_note_that_waits_is_forgotten(program: Program, serve: Serve) -> None:
    """The ledger keeps the flag that waits for its call, but not what a person may have asked to be forgotten."""
    write_findings([("r-1", "missing-1", "Greets", "Cuts Ann Meyer off", "1", "high", "open")])
    import_(program, serve())
    assert b"Ann Meyer" in b"".join(each.read_bytes() for each in program.ledger.parent.glob("ledger.db*"))
    assert program("runs", "forget", "r-1", "--apply").code == 0
    assert b"Ann Meyer" not in b"".join(each.read_bytes() for each in program.ledger.parent.glob("ledger.db*"))


def test_none_of_many_calls_is_known(program: Program, serve: Serve) -> None:
    """Ten that are new to Triage: which column, which organisation? Fewer, or one that is known, may just be late."""
    sandbox = serve()
    write_findings([row for number in range(9) for row in review(number, f"missing-{number}")])
    assert "none of the" not in import_(program, sandbox).err
    write_findings([row for number in range(10, 21) for row in review(number, f"missing-{number}")])
    ended = import_(program, sandbox)
    assert ended.code == ExitCode.PARTLY
    hint = "Triage knows none of the 11 calls of this run (missing-10, missing-11, missing-12 and 8 more)"
    assert any(each.startswith(hint) for each in ended.summary["warnings"]), ended.summary["warnings"]
    write_findings([row for number in range(30, 42) for row in review(number, f"missing-{number}" * (number > 30))])
    assert "none of the" not in import_(program, sandbox).err


def test_answers_that_the_preset_does_not_know(program: Program, serve: Serve) -> None:
    """A pass or what doesn't apply, in each of its languages, is no finding; what is neither is asked."""
    answers = {
        "created": ["fail", "Nein", "no cumple", "Não", "3/5", "2 von 5"],
        "skipped": ["Pass", "Ja", "bestanden", "Sí", "Oui", "5/5", "Entfällt", "N/A", "não se aplica", "n.v.t.", ""],
        "rejected": ["100 %", "godkänd", "maybe"],
    }
    rows = [(f"c-{number}", "Greets", answer) for number, answer in enumerate(chain.from_iterable(answers.values()))]
    write_csv(Path("findings.csv"), rows, ("call_id", "criterion", "result"))
    sandbox = serve()
    ended = import_(program, sandbox, mapping="call-qa")
    assert ended.outcomes() == {how: len(its) for how, its in answers.items()}
    assert ended.summary["findings"] == {"answer-passed": 6, "answer-not-applicable": 5, "answer-unknown": 3}
    fixes = read_csv(Path("reports/fixes.csv"))
    assert {(row["column"], row["bad value"]) for row in fixes} == {("result", each) for each in answers["rejected"]}
    assert {issue["category"] for issue in sandbox.issues()} == {"Bug"}
    write_csv(Path("findings.csv"), [("c-99", "Greets", "Etiquette")], ("call_id", "criterion", "category"))
    assert import_(program, sandbox, mapping="call-qa").summary["findings"] == {"category-unknown": 1}


@pytest.mark.parametrize("mapping", ["call-qa", "call-review"])
def test_a_link_to_a_call_is_the_call(program: Program, serve: Serve, mapping: str) -> None:
    """Of an address of the dashboard the end of its path: in the key, the title, the evidence and the flag."""
    call, before = "0b8e5f0c-6a51-4c6b-9d0e-2f6f0a7d1c11", "https://app.bland.ai/dashboard/calls/"
    links = [f"{before}{call}", f" {before}{call}/?tab=log#t=3 ", call, "c/1 #2"]
    write_findings(finding(f"r-{number}", link, "A/B", str(number)) for number, link in enumerate(links))
    sandbox = serve()
    assert import_(program, sandbox, mapping=mapping).outcomes() == {"created": 4}
    expected = [call, call, call, "c/1 #2"]
    for its in ([each["resource_id"] for each in sandbox.resources()], [each["call_id"] for each in sandbox.flags()]):
        assert sorted(its) == expected
    if mapping == "call-qa":
        assert [row["key"] for row in results()] == [f"call-qa:{name}/A/B/{at}" for at, name in enumerate(expected)]
    else:
        assert sorted(issue["title"] for issue in sandbox.issues()) == [f"Review of call {name}" for name in expected]


def test_keys_around_the_findings_of_a_json_line(program: Program, serve: Serve) -> None:
    """The line's own keys are read with each of its findings, or listed as lost, also behind them, or said twice."""
    fails = [{"criterion": name, "note": "x", "result": "fail"} for name in ("Greets", "Asks")]
    lines = [
        {"call_id": "c-1", "agent": "Front", "results": fails, "tool": {"version": 3}},
        {"call_id": "c-2", "agent": "Front", "results": [{**fails[0], "agent": "Own"}], "batch": 7},
    ]
    Path("findings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    sandbox = serve()
    Path("mine.yaml").write_text("extends: call-qa\ninput: {records: results}\n", encoding="utf-8")
    for mapping, outcome in {"call-qa": "created", "mine.yaml": "unchanged"}.items():
        ended = import_(program, sandbox, Path("findings.jsonl"), mapping=mapping)
        assert (ended.code, ended.outcomes()) == (0, {outcome: 3}), ended.err
        assert [row["key"] for row in results()] == ["call-qa:c-1/Greets", "call-qa:c-1/Asks", "call-qa:c-2/Greets"]
        lost = {row["column"]: row["example"] for row in read_csv(Path("reports/losses.csv")) if not row["drop"]}
        assert lost == {"_line.agent": "Front", "batch": "7", "tool.version": "3"}
    agents = ["Agent: Own" if "c-2" in issue["description"] else "Agent: Front" for issue in sandbox.issues()]
    assert all(agent in issue["description"] for agent, issue in zip(agents, sandbox.issues(), strict=True))


def test_a_call_that_never_comes(program: Program, serve: Serve) -> None:
    """Exit 1 while it is waited for; after the wait it is given up, and costs neither exit code nor request."""
    write_findings([*review(1), *review(2, "missing-2")])
    sandbox = serve()
    assert import_(program, sandbox).code == ExitCode.PARTLY
    assert results()[3]["code"].split("\n")[0] == PENDING
    Path("mine.yaml").write_text("extends: call-review\nevidence_wait_days: 0\n", encoding="utf-8")

    given_up = import_(program, sandbox, mapping="mine.yaml")
    assert (given_up.code, given_up.outcomes()) == (ExitCode.PARTLY, {"unchanged": 6})
    assert results()[3]["code"].split("\n")[0] == MISSING
    requests = sandbox.requests().total()
    after = import_(program, sandbox, mapping="mine.yaml")
    assert (after.code, after.outcomes(), after.summary["requests"]) == (0, {"unchanged": 6}, 0)
    row = results()[3]
    assert (row["code"], row["operations_planned"], row["operations_done"]) == ("", "4", "0")
    assert sandbox.requests().total() - requests <= 2, "whose target it is, no more"


def test_one_issue_a_criterion(program: Program) -> None:
    """`call-qa` keeps its keys: each finding is an issue with the call and one flag; a time stands in the note."""
    rows = [row[1:] for row in (*review(1), *review(2, "late-2"), finding("", "c-3", "Waits", "0:42"))]
    write_csv(Path("findings.csv"), rows, HEADER[1:])
    first = import_(program, None, mapping="call-qa")
    assert (first.code, first.outcomes()) == (ExitCode.PARTLY, {"created": 7})
    keys = [row["key"] for row in results()]
    assert keys[0] == "call-qa:c-1/Greets/1"
    assert keys[-1] == "call-qa:c-3/Waits/0:42"
    with program.own_sandbox() as sandbox:
        assert len(sandbox.flags()) == len(sandbox.resources()) == 4
        (timed,) = [flag for flag in sandbox.flags() if flag["call_id"] == "c-3"]
        assert (timed["note"], timed["message_index"]) == ("at 0:42: Waits fails", None)
    assert import_(program, None, mapping="call-qa").outcomes() == {"updated": 3, "unchanged": 4}
    assert import_(program, None, mapping="call-qa").outcomes() == {"unchanged": 7}


def test_the_sample_is_recognised_and_adds_up(program: Program, serve: Serve) -> None:
    """Without `-m`: eight rows are three issues and two rows left out; the forecast counts issues and requests."""
    sandbox = serve()
    target = ("--api-url", sandbox.url, "--yes", "--no-canary", "--rate", "0", "--json", "--out", "reports")
    planned = program("run", SAMPLE, *target, "--dry-run").summary
    assert planned["recognised"].startswith("call-review reviews: 13 of 13")
    ended = program("run", SAMPLE, *target)
    assert (ended.code, ended.outcomes()) == (0, {"created": 6, "skipped": 2})
    assert planned["forecast"]["create"] == len(sandbox.issues()) == 3
    writes = sum(number for kind, number in sandbox.requests().items() if not kind.startswith("GET"))
    assert planned["forecast"]["requests"] - planned["forecast"]["looks"] == writes == 3 + 6
    issues = {row["key"]: row["triage_id"] for row in results() if row["triage_id"]}
    assert len(issues) == 3
    assert {(row["key"], row["triage_id"]) for row in results() if row["outcome"] == "created"} == set(issues.items())
    worst = {issue["title"]: (issue["severity"], issue["status"]) for issue in sandbox.issues()}
    assert worst["Review of call c-8a10"] == ("critical", "todo")
    assert worst["Review of call c-8a11"] == ("high", "in_progress")


def test_a_rejected_row_holds_its_issue_back(program: Program, serve: Serve) -> None:
    """All its rows stand in the errors file; mended and given back, they make the issue, once."""
    rows = [*review(1), *review(2), *review(3)]
    rows[4] = finding("r-2", "c-2", "Asks", "2", severity="dreadful")
    write_findings(rows)
    sandbox = serve()
    first = import_(program, sandbox)
    assert (first.code, first.outcomes()) == (1, {"created": 6, "rejected": 3})
    codes = [row["code"] for row in results()]
    assert codes == ["", "", "", "group-rejected", "severity-unknown", "group-rejected", "", "", ""]
    assert first.summary["findings"] == {"group-rejected": 2, "severity-unknown": 1}
    errors = Path("reports/errors.csv")
    assert len(read_csv(errors)) == 3
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace("dreadful", "low"), encoding="utf-8-sig")
    second = import_(program, sandbox, errors)
    assert (second.code, second.outcomes()) == (0, {"created": 3}), second.err
    assert len(sandbox.issues()) == len(sandbox.create_bodies()) == 3
    assert len(flags_by_issue(sandbox)["Review of call c-2"]) == 3
    again = import_(program, sandbox)
    assert (again.code, again.outcomes()) == (0, {"unchanged": 6, "skipped": 3}), "the first file has its bad cell"
    assert [row["code"] for row in results()] == [
        "",
        "",
        "",
        "row-corrected",
        "row-corrected",
        "row-corrected",
        "",
        "",
        "",
    ]


@pytest.mark.usefixtures("short_waits")
def test_an_issue_that_lacks_something_keeps_its_rows_together(program: Program, serve: Serve) -> None:
    """All its rows stand in the errors file, now and in a later report: given back, they are what the issue says."""
    rows = [*review(1), *review(2)]
    rows[1] = finding("r-1", "c-1", "???", "2")
    write_findings(rows)
    sandbox = serve()
    first = import_(program, sandbox)
    assert (first.code, first.outcomes(), first.summary["findings"]["incomplete"]) == (1, {"created": 6}, 1)
    assert [row["code"] for row in results()[:3]] == ["incomplete", "group-incomplete", "group-incomplete"]
    described = [issue["description"] for issue in sandbox.issues()]
    assert program("report", "last", "--out", "later").code == 0
    for errors in (Path("reports/errors.csv"), Path("later/errors.csv")):
        assert [row["criterion"] for row in read_csv(errors)] == ["Greets", "???", "Ends"]
        again = import_(program, sandbox, errors, "--on-change", "update", *SOON)
        assert (again.code, again.outcomes()) == (1, {"failed": 3})
    assert [issue["description"] for issue in sandbox.issues()] == described
    assert len(sandbox.flags()) == 5


@pytest.mark.parametrize("policy", ["update", "overwrite"])
def test_a_partial_file_takes_nothing_away(program: Program, serve: Serve, policy: str) -> None:
    """A later file with fewer rows of an issue changes nothing that the others say; all of them together do."""
    whole, sandbox = review(1), serve()
    write_findings([*whole, *review(2)])
    import_(program, sandbox)
    described = sorted(issue["description"] for issue in sandbox.issues())
    for _ in range(2):
        write_findings([whole[0], finding("r-1", "c-9", "Thanks", "7")])
        ended = import_(program, sandbox, "--on-change", policy)
        assert (ended.code, ended.outcomes()) == (0, {"changed": 2})
        assert sorted(issue["description"] for issue in sandbox.issues()) == described
        assert [row["code"] for row in results()] == ["group-partial"] * 2
        lacks = "the issue was written from 3 rows, of which the source lacks 2, or has them changed"
        assert results()[0]["message"] == lacks
    assert sum("c-9" in calls for calls in calls_by_issue(sandbox).values()) == 1, "new evidence is added all the same"
    write_findings([*whole, finding("r-1", "c-9", "Thanks", "7")])
    assert import_(program, sandbox, "--on-change", policy).outcomes() == {"updated": 4}
    assert sum("Thanks fails" in issue["description"] for issue in sandbox.issues()) == 1
    write_findings(whole)
    assert import_(program, sandbox, "--on-change", policy).outcomes() == {"changed": 3}, "it has four rows by now"
    Path("snapshot.yaml").write_text("extends: call-review\ninput: {kind: snapshot}\n", encoding="utf-8")
    an_hour_ago = time.time() - 3600
    os.utime("findings.csv", (an_hour_ago, an_hour_ago))
    ended = import_(program, sandbox, "--on-change", policy, mapping="snapshot.yaml")
    assert ended.outcomes() == {"updated": 3}, "a snapshot has all rows that there are"


def test_a_night_with_other_rows_of_an_issue_takes_nothing_away(program: Program, serve: Serve) -> None:
    """As many rows as before, or more, don't stand for those that are absent or edited; all of them and more do."""
    whole, sandbox, update = [finding("r-1", "c-1", "Greets", "1", "critical"), *review(1)[1:]], serve(), "--on-change"
    others = [finding("r-1", "c-1", name, turn, "low") for turn, name in zip("456789", "UVWXYZ", strict=True)]
    edited = [(*whole[0][:5], "low", "closed"), *whole[1:], *others]
    write_findings(whole)
    import_(program, sandbox)
    (before,) = sandbox.issues()
    for rows in (others[:3], others, [*whole[:2], *others], edited):
        write_findings(rows)
        ended = import_(program, sandbox, update, "update")
        assert (ended.code, ended.outcomes()) == (0, {"changed": len(rows)})
        assert {row["code"] for row in results()} == {"group-partial"}
        assert "set `input: {kind: snapshot}`" in ended.err
        (after,) = sandbox.issues()
        assert [after[name] for name in ISSUE_FIELDS] == [before[name] for name in ISSUE_FIELDS]
    edit(sandbox, severity="medium")
    write_findings([*whole, others[0]])
    assert import_(program, sandbox, update, "update").outcomes() == {"updated": 4}
    edit(sandbox, description="A person's.")
    write_findings([*whole, *others[:2]])
    assert import_(program, sandbox, update, "update").outcomes() == {"skipped": 5}, "a person's text is kept"
    write_findings(whole)
    assert import_(program, sandbox, update, "overwrite").outcomes() == {"changed": 3}, "the rows in it are known still"
    write_findings([*whole, *others[:3]])
    assert import_(program, sandbox, update, "overwrite").outcomes() == {"updated": 6}
    assert all(f"{row[2]} fails" in sandbox.issues()[0]["description"] for row in [*whole, *others[:3]])


def test_limit_and_only_take_whole_issues(program: Program, serve: Serve) -> None:
    """An issue that `--limit` begins is wanted whole; `--only` names it by the key that all its rows have."""
    write_findings([*review(1), *review(2), *review(3)])
    sandbox = serve()
    assert import_(program, sandbox, "--limit", "4").outcomes() == {"created": 6}
    assert import_(program, sandbox, "--only", "r-3").outcomes() == {"created": 3, "skipped": 6}
    assert import_(program, sandbox).outcomes() == {"unchanged": 9}
    assert [len(flags) for flags in flags_by_issue(sandbox).values()] == [3, 3, 3]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_cut_off_goes_on(program: Program, serve: Serve, ending: signal.Signals) -> None:
    """Killed or interrupted among issues and flags: each is there once after the next run, every row accounted for."""
    write_findings([row for number in range(1, 21) for row in review(number)])
    sandbox = serve()
    with turnstile(sandbox.url, 0) as door:
        command: tuple[str, ...] = (
            "run",
            "findings.csv",
            "-m",
            "call-review",
            "--api-url",
            door.url,
            "--yes",
            "--json",
        )
        command += ("--rate", "0", "--no-canary", "--settle-seconds", "0.2")
        for enough in (6, 24):
            door.let(enough)
            process = program.start(*command)
            if ending is signal.SIGINT:
                assert sum(door.interrupt(process).outcomes().values()) == 60
            else:
                door.kill(process)
        last = program(*command)
    assert last.code == 0, last.err
    assert sum(last.outcomes().values()) == 60
    assert len(sandbox.issues()) == len(sandbox.resources()) == 20
    assert all(len(set(flags)) == len(flags) == 3 for flags in flags_by_issue(sandbox).values())


def test_undo_takes_each_issue_back_once(program: Program, serve: Serve) -> None:
    """However many rows an issue has."""
    write_findings([*review(1), *review(2)])
    sandbox = serve()
    import_(program, sandbox)
    undone = program("undo", "last", "--close", "--apply", "--yes", "--json", "--rate", "0")
    assert undone.code == 0, undone.err
    assert [issue["status"] for issue in sandbox.issues()] == ["closed", "closed"]
    assert sandbox.requests()["PATCH /v1/triage/issues/{id}"] == 2


def test_rows_that_stand_apart(program: Program, serve: Serve) -> None:
    """The rows of a review that come again after others are rejected, all of them, and it says to sort."""
    write_findings([*review(1)[:1], *review(2), *review(1)[1:]])
    sandbox = serve()
    ended = import_(program, sandbox)
    assert (ended.code, ended.outcomes()) == (1, {"created": 4, "rejected": 2})
    assert ended.summary["findings"] == {"key-duplicate": 2}
    assert "2 × key-duplicate" in ended.err
    assert "sort the source by its `group` columns" in ended.err
    rows = [row for row in read_csv(Path("findings.csv")) if row["review_id"] == "r-1"]
    assert len(rows) == 3
    with Path("reports/errors.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["criterion"] for row in csv.DictReader(file)] == ["Asks", "Ends"]


def test_versions_that_differ_in_what_is_added(program: Program, serve: Serve) -> None:
    """Two rows of a key of which only the flag differs are not the same: nothing is left out in silence."""
    rows = [("c-1", "Greets", "Says no name", "2", "high"), ("c-1", "Greets", "Says no name", "2", "high")]
    write_csv(Path("findings.csv"), rows, ("call_id", "criterion", "note", "turn", "severity"))
    mapping = "extends: call-qa\nduplicates: reject\nflags: [{call: call_id, type: {template: '{criterion}{seen}'}}]\n"
    Path("mine.yaml").write_text(mapping, encoding="utf-8")
    sandbox = serve()
    assert import_(program, sandbox, mapping="mine.yaml").outcomes() == {"created": 1, "skipped": 1}
    others = [(*row, str(place)) for place, row in enumerate(rows)]
    write_csv(Path("findings.csv"), others, ("call_id", "criterion", "note", "turn", "severity", "seen"))
    assert import_(program, sandbox, mapping="mine.yaml").outcomes()["rejected"] == 1


def test_a_row_is_explained_with_its_issue(program: Program) -> None:
    """Whichever row is asked for: its own cells, and the issue that it is in."""
    write_findings([*review(1), *review(2)])
    bodies = [explained(program, line) for line in ("2", "4", "r-1")]
    assert bodies[0] == bodies[1] == bodies[2]
    assert "Ends: Ends fails" in bodies[0]["description"]


def explained(program: Program, which: str) -> dict[str, Any]:
    """The body that `explain` shows."""
    ended = program("explain", "findings.csv", which, "-m", "call-review")
    assert ended.code == 0, ended.err
    body: dict[str, Any] = json.loads(ended.out.partition("As it would be sent:\n")[2].partition("\n")[0])
    return body
