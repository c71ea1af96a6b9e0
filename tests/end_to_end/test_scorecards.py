"""Scorecards: each answer of a call is a row with an outcome, and a finding where it failed."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, read_csv, write_csv

HEADER = ("call_id", "agent", "Greets", "Greets Comment", "Verifies identity", "Verifies identity Comment", "Score")
CALLS = [
    ("c-1", "Ann", "Yes", "", "No", "never asked", "50"),
    ("c-2", "Bob", "No", "no name", "", "", "0"),
    ("c-3", "Bob", "perhaps", "", "Yes", "", ""),
]
MAPPING = """
input: {name: qa, key: {template: "{call_id}/{_name}"}}
each: {columns: {from: Greets, to: Verifies identity}, note: '{name} Comment'}
title: {template: "{_name}: {agent}"}
description: _note
severity: {value: medium}
status: {value: todo}
category: {column: _answer, values: {No: Bug}}
skip:
  - {name: passed, when: {column: _answer, is: [Yes]}}
  - {name: empty, when: {column: _answer, filled: false}}
"""
IN_JSON = """
input: {name: qa, key: {template: "{path:_record.call_id}/{name}"}}
each: {path: results}
title: {template: "{name}: {path:_record.agent}"}
description: note
severity: {value: medium}
status: {value: todo}
category: {column: answer, values: {No: Bug}}
skip:
  - {name: passed, when: {column: answer, is: [Yes]}}
  - {name: empty, when: {column: answer, filled: false}}
rest: footer
"""


def write_wide(rows: Sequence[Sequence[str]] = CALLS, header: Sequence[str] = HEADER, name: str = "wide.csv") -> Path:
    """Write a table with a column for each criterion, and the mapping beside it."""
    Path("mine.yaml").write_text(MAPPING, encoding="utf-8")
    return write_csv(Path(name), rows, header)


def write_arrays() -> Path:
    """Write the same answers as an array in each record, and a mapping beside it."""
    Path("mine.yaml").write_text(IN_JSON, encoding="utf-8")
    with Path("calls.jsonl").open("w", encoding="utf-8") as file:
        for call, agent, greets, note, verifies, other, _ in CALLS:
            results = [
                {"name": "Greets", "answer": greets, "note": note},
                {"name": "Verifies identity", "answer": verifies, "note": other},
            ]
            file.write(json.dumps({"call_id": call, "agent": agent, "results": results}) + "\n")
    return Path("calls.jsonl")


def outcomes(folder: str = "triage-import-check") -> dict[str, str]:
    """Key → outcome, of each row."""
    return {row["key"].partition(":")[2]: row["outcome"] for row in read_csv(Path(folder) / "results.csv")}


def run(program: Program, source: Path, *options: str, out: str = "reports") -> Ended:
    """Import into the command's own sandbox."""
    return program(
        *("run", source, "-m", "mine.yaml", "--sandbox", "--json", "--rate", "0", "--out", out),
        *("--max-rejected", "100%", *options),
    )


ANSWERS = {
    "c-1/Greets": "skipped",
    "c-1/Verifies identity": "planned",
    "c-2/Greets": "planned",
    "c-2/Verifies identity": "skipped",
    "c-3/Greets": "rejected",
    "c-3/Verifies identity": "skipped",
}


@pytest.mark.parametrize("write", [write_wide, write_arrays])
def test_each_answer_has_an_outcome(program: Program, write: Callable[[], Path]) -> None:
    """Of a table and of JSON alike; what is to be corrected can be given back."""
    source = write()
    checked = program("validate", source, "-m", "mine.yaml", "--json")
    assert (checked.code, checked.outcomes()) == (ExitCode.PARTLY, {"skipped": 3, "rejected": 1, "planned": 2})
    assert outcomes() == ANSWERS

    ran = run(program, source)
    assert (ran.code, ran.outcomes()) == (ExitCode.PARTLY, {"created": 2, "skipped": 3, "rejected": 1})
    with program.own_sandbox() as sandbox:
        assert {issue["title"] for issue in sandbox.issues()} == {"Verifies identity: Ann", "Greets: Bob"}
        described = {issue["title"]: issue["description"] for issue in sandbox.issues()}
    assert described["Greets: Bob"].startswith("no name\n")

    [errors] = Path("reports").glob("errors.*")
    text = errors.read_text("utf-8-sig")
    Path(f"corrected{errors.suffix}").write_text(text.replace("perhaps", "No"), encoding="utf-8")
    again = run(program, Path(f"corrected{errors.suffix}"), out="again")
    assert (again.code, again.outcomes()) == (0, {"created": 1})
    assert outcomes("again") == {"c-3/Greets": "created"}


def test_rows_are_chosen_and_explained(program: Program) -> None:
    """By their keys, by how many, and by the line of their record."""
    source = write_wide()
    only = program("validate", source, "-m", "mine.yaml", "--json", "--only", "c-2/Greets")
    assert only.outcomes() == {"skipped": 5, "planned": 1}
    limited = program("validate", source, "-m", "mine.yaml", "--json", "--limit", "2")
    assert limited.outcomes() == {"skipped": 1, "planned": 1}
    explained = program("explain", source, "-m", "mine.yaml", "2")
    assert [line for line in explained.out.splitlines() if "wide.csv:2" in line] == [
        "qa:c-1/Greets   wide.csv:2, row 1: skipped",
        "qa:c-1/Verifies identity   wide.csv:2, row 2: planned",
    ]


def test_no_cell_is_left_out_of_account(program: Program) -> None:
    """A column that is the record's counts for each answer, and one that nothing reads is lost."""
    assert program("validate", write_wide(), "-m", "mine.yaml", "--strict").code == ExitCode.UNUSABLE
    lost = {line["column"]: int(line["lost_cells"]) for line in read_csv(Path("triage-import-check/losses.csv"))}
    assert lost == {"Score": 2}


def test_rest_has_what_stands_around_an_array(program: Program) -> None:
    """A key of the record is one of its own, though others beside it are read."""
    record = {"call_id": "c-1", "agent": {"name": "Ann", "team": "Blue"}, "date": "1 May"}
    results = [{"name": "Greets", "answer": "No", "weight": 2}]
    Path("calls.jsonl").write_text(json.dumps({**record, "results": results}) + "\n", encoding="utf-8")
    Path("mine.yaml").write_text(IN_JSON.replace("_record.agent", "_record.agent.name"), encoding="utf-8")
    program("validate", "calls.jsonl", "-m", "mine.yaml")
    [planned] = Path("triage-import-check/planned.jsonl").read_text("utf-8").splitlines()
    description = json.loads(json.loads(planned)["body"])["description"]
    assert "\ndate: 1 May\n" in description
    assert "\nweight: 2\n" in description
    lost = {line["column"] for line in read_csv(Path("triage-import-check/losses.csv")) if not line["drop"]}
    assert lost == {"_record.agent.team"}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (("call_id", "agent", "Greeting", "x", "Verifies identity", "y", "Score"), "no column 'Greets'"),
        (("call_id", "Greets", "Greets", "x", "Verifies identity", "y", "Score"), "'Greets'"),
    ],
)
def test_a_table_that_lacks_what_is_named(program: Program, header: Sequence[str], said: str) -> None:
    """The message has the header and the line of the mapping."""
    ended = program("validate", write_wide(header=header), "-m", "mine.yaml")
    assert ended.code == ExitCode.UNUSABLE
    assert said in ended.err
    assert "mine.yaml:3:each" in ended.err


@pytest.mark.parametrize(
    ("columns", "said"),
    [("to: Greets, before: Score", "one of `to` and `before`"), ("before: agent", "'agent', with which")],
)
def test_criteria_that_end_wrongly(program: Program, columns: str, said: str) -> None:
    """With two ends, or before they begin."""
    source = write_wide()
    Path("mine.yaml").write_text(MAPPING.replace("to: Verifies identity", columns), encoding="utf-8")
    ended = program("validate", source, "-m", "mine.yaml")
    assert (ended.code, said in ended.err) == (ExitCode.UNUSABLE, True), ended.err


KNOWN = {"Greets": "Yes", "Verifies identity": "No", "Asks why": "Yes", "Ends politely": "Yes"}


def write_night(number: int, layout: str, *calls: Mapping[str, str]) -> Path:
    """Write what was answered of the calls of a night, each by criterion; a table may have a column behind them."""
    named = {f"c-{number}-{place}": answers for place, answers in enumerate(calls)}
    path = Path(f"night{number}.csv")
    if layout in ("wide", "total"):
        header, behind = ("call_id", "agent", *calls[0]), () if layout == "wide" else ("Total",)
        rows = [(call, "Ann", *answers.values(), *("67%" for _ in behind)) for call, answers in named.items()]
        return write_csv(path, rows, (*header, *behind))
    if layout == "long":
        rows = [(call, "Ann", *answer) for call, answers in named.items() for answer in answers.items()]
        return write_csv(path, rows, ("call_id", "agent", "criterion", "result"))
    path = path.with_suffix(".jsonl")
    with path.open("w", encoding="utf-8") as file:
        for call, answers in named.items():
            results = [{"name": name, "answer": answer} for name, answer in answers.items()]
            file.write(json.dumps({"call_id": call, "agent": "Ann", "results": results}) + "\n")
    return path


def decide() -> None:
    """Decide all that a draft, or its update, leaves open."""
    text = Path("mine.yaml").read_text("utf-8")
    Path("mine.yaml").write_text(text.replace("done: '?', closed: '?'", "done: reopen, closed: add"), encoding="utf-8")
    decided = {"severity": "medium", "status": "todo", "category": "Bug"}
    table = read_csv(Path("values.csv"))
    for row in table:
        row["decision"] = row["decision"].replace("?", decided[row["field"]])
    write_csv(Path("values.csv"), [tuple(row.values()) for row in table], tuple(table[0]))


@pytest.mark.parametrize("layout", ["total", "long", "array"])
def test_a_criterion_that_no_earlier_file_had(program: Program, layout: str) -> None:
    """It is reported until somebody has decided it, also while it passes; its rows hold back no others.

    What to type delivers them. One that no column is any more is reported, too.
    """
    first = write_night(1, layout, *[KNOWN] * 3)
    assert program("draft", first, "-o", "mine.yaml").code == 0
    decide()
    passing, new = ([{**KNOWN, "Says goodbye": each} for each in answers] for answers in (["Yes"], ["No", "No", "hm"]))
    fewer = [{name: answer for name, answer in each.items() if name != "Asks why"} for each in new]
    sources = [first, *(write_night(at, layout, *calls) for at, calls in enumerate((passing, new, fewer), 2))]
    nights = [run(program, source, "--max-rejected", "1", out=f"night{at}") for at, source in enumerate(sources)]
    assert [night.code for night in nights] == [0, 0, ExitCode.PARTLY, ExitCode.PARTLY]
    assert nights[2].outcomes() == {"updated": 3, "skipped": 9, "rejected": 3}
    said = [[each for each in night.summary["warnings"] if "criterion" in each] for night in nights]
    gone = ["1 criterion of earlier files in no column: Asks why"] if layout == "total" else []
    assert [each[:-1] for each in said] == [[], [], [], gone]
    assert "1 new criterion: Says goodbye: give it a line in values.csv (`" in said[1][0]
    assert all("1 new criterion: Says goodbye. 3 of its rows are rejected: give it" in each[-1] for each in said[2:])

    command = said[1][0].split("`")[1]
    assert program(*shlex.split(command)[1:]).code == 0
    decide()
    [errors] = Path("night2").glob("errors.*")
    again = run(program, errors, out="again")
    assert again.outcomes() == {"created": 2, "rejected": 1}


@pytest.mark.parametrize(
    ("layout", "reads", "name"),
    [
        ("wide", "each: {columns: {from: Greets}}\nskip: [{name: passed, when: {column: _answer, is: Yes}}]", "_name"),
        ("long", "answer: {column: result, criterion: criterion}", "criterion"),
    ],
)
def test_criteria_of_some_rows(program: Program, layout: str, reads: str, name: str) -> None:
    """A run of a part knows not all of them; nor does its next one report the others. Nothing has to recur for that."""
    text = f"{reads}\ninput: {{name: qa, key: {{content: true}}}}\ntitle: {name}\nseverity: {{value: medium}}\n"
    Path("mine.yaml").write_text(f"{text}status: {{value: todo}}\ncategory: {{value: Bug}}\n", encoding="utf-8")
    first = write_night(1, layout, KNOWN)
    later = [write_night(number, layout, {**KNOWN, "Says goodbye": "Yes"}) for number in (2, 3)]
    nights = [run(program, first, "--limit", "2"), *(run(program, source) for source in (first, *later))]
    said = [[each for each in night.summary["warnings"] if "criterion" in each] for night in nights]
    assert said == [[], [], ["1 new criterion: Says goodbye"], []]


def test_the_keys_around_records_in_lines(program: Program) -> None:
    """`input.records` within JSON lines passes on what a line says of itself."""
    source = write_arrays()
    Path("mine.yaml").write_text(
        IN_JSON.replace("each: {path: results}", "")
        .replace("key:", "records: results, key:")
        .replace("path:_record.", ""),
        encoding="utf-8",
    )
    program("validate", source, "-m", "mine.yaml")
    assert Counter(outcomes()) == Counter(ANSWERS)


ANSWERED = """
input: {name: qa, key: {template: "{call_id}/{_name}"}}
each: {columns: {from: Greets, to: Verifies identity}, note: '{name} Comment'}
answer: {column: _answer, inverted: [Verifies identity]}
title: {template: "{_name}: {agent}"}
severity: {value: medium}
status: {value: todo}
category: {value: Bug}
"""


def test_answers_decide_what_is_a_finding(program: Program) -> None:
    """The others are left out by name, and what nobody knows is proposed: taken, the proposal decides it."""
    calls = [*CALLS, ("c-4", "Cy", "2 von 5", "", "3/5", "", ""), ("c-5", "Cy", "90 %", "", "Nein", "", "")]
    source = write_wide(calls)
    Path("mine.yaml").write_text(ANSWERED, encoding="utf-8")
    checked = program("validate", source, "-m", "mine.yaml", "--json")
    assert checked.outcomes() == {"skipped": 4, "rejected": 2, "planned": 4}
    found = {"answer-passed": 3, "answer-not-applicable": 1, "answer-unknown": 2}
    assert checked.summary["findings"] == found
    planned = {key for key, outcome in outcomes().items() if outcome == "planned"}
    assert planned == {"c-2/Greets", "c-3/Verifies identity", "c-4/Greets", "c-4/Verifies identity"}
    suggested = Path("triage-import-check/suggested-mapping.yaml")
    assert 'failed:\n    - "perhaps"  # 1 row, no word tells' in suggested.read_text("utf-8")
    assert "below: 100  # 1 row with numbers up to 90" in suggested.read_text("utf-8")
    again = program("validate", source, "-m", suggested, "--json")
    assert (again.code, again.outcomes()) == (0, {"skipped": 4, "planned": 6})
    explained = program("explain", source, "-m", "mine.yaml", "c-3/Verifies identity")
    assert "result  'failed'" in explained.out


@pytest.mark.parametrize("each", ["", "each: {path: results}"])
def test_inverted_criteria_have_a_name(program: Program, each: str) -> None:
    """Where no column names them, answers would be read the wrong way round."""
    source = write_wide(CALLS)
    text = ANSWERED.replace("each: {columns: {from: Greets, to: Verifies identity}, note: '{name} Comment'}", each)
    Path("mine.yaml").write_text(text, encoding="utf-8")
    ended = program("validate", source, "-m", "mine.yaml")
    assert (ended.code, "answer.inverted: needs `criterion`" in ended.err) == (ExitCode.UNUSABLE, True)


def test_a_table_without_the_answers(program: Program) -> None:
    """It isn't read as one of findings alone."""
    Path("mine.yaml").write_text(
        ANSWERED.replace("each:", "drop: [x] #").replace("inverted", "failed"), encoding="utf-8"
    )
    source = write_csv(Path("long.csv"), [("c-1", "Greets", "Ann")], ("call_id", "_name", "agent"))
    ended = program("validate", source, "-m", "mine.yaml")
    assert (ended.code, "'_answer'" in ended.err) == (ExitCode.UNUSABLE, True)


def verdict(number: int, **keys: Any) -> dict[str, Any]:
    """A verdict as Bland's API answers it."""
    return {
        "id": f"v-{number}",
        "org_id": "o-1",
        "eval_run_id": "r-1",
        "eval_run_call_result_id": "cr-1",
        "eval_run_agent_snapshot_id": "s-1",
        "eval_agent_id": "j-1",
        "eval_agent_version_id": "jv-1",
        "call_id": f"c-{number}",
        "selected_level_key": "fail",
        "selected_level_label": "Fail",
        "score_normalized_0_100": 20.0,
        "is_target_match": False,
        "is_insufficient_evidence": False,
        "confidence": 0.93,
        "reasoning_md": "**Never** asked for the number.",
        "evidence": [{"source": "audio", "speaker": None, "start_ms": 45200, "end_ms": 52100, "text": "I see."}],
        "failed": False,
        "failure_code": None,
        "failure_message": None,
        "billable_cost_usd": 0.02,
        "audit": {"prompt_version": "v3", "latency_ms": 1843},
        "created_at": "2026-05-27T10:00:48.000Z",
        **keys,
    }


NO_LEVEL = {"selected_level_key": None, "selected_level_label": None, "is_target_match": None}
VERDICTS = [
    verdict(1),
    verdict(2, is_target_match=True, selected_level_label="Pass"),
    verdict(3, **NO_LEVEL, is_insufficient_evidence=True),
    verdict(4, **NO_LEVEL, failed=True, failure_code="timeout"),
]


@pytest.mark.parametrize("nested", [False, True])
def test_evaluations_of_the_api(program: Program, *, nested: bool) -> None:
    """Both answers are recognised; what met its target, or can't be judged, is left out by name; nothing is lost."""
    call = {"id": "cr-1", "call_id": "c-1", "call_display_name": "Inbound", "call_started_at": "2026-05-20T13:45:00Z"}
    listed = [{**call, "status": "COMPLETE", "agent_results": VERDICTS}] if nested else VERDICTS
    answer = {"data": {"object": "list", "data": listed, "has_more": False, "next_cursor": None}, "errors": None}
    Path("answer.json").write_text(json.dumps(answer), encoding="utf-8")
    ended = program("run", "answer.json", "--sandbox", "--json", "--strict", "--rate", "0", "--out", "reports")
    assert (ended.code, ended.outcomes()) == (0, {"created": 1, "skipped": 3})
    assert ended.summary["findings"] == {
        "answer-passed": 1,
        "skip-insufficient-evidence": 1,
        "skip-scoring-failed": 1,
    }
    with program.own_sandbox() as sandbox:
        [issue] = sandbox.issues()
        assert issue["title"] == "Fail: **Never** asked for the number."
        assert "> unknown: I see." in issue["description"]
        assert ("Call name: Inbound" in issue["description"]) == nested
        assert [link["resource_id"] for link in sandbox.resources()] == ["c-1"]
        assert [flag["note"] for flag in sandbox.flags()] == [VERDICTS[0]["reasoning_md"]]


ARRAYS = IN_JSON.partition("skip:")[0] + "answer: {column: answer, criterion: name}\n"


@pytest.mark.parametrize(("old", "new"), [("results", "items"), ("answer", "verdict")])
def test_an_array_or_a_key_of_it_that_is_renamed(program: Program, sandbox: RunningSandbox, old: str, new: str) -> None:
    """No row would be a finding any more, night after night: a file of many says so, one of a few warns."""

    def night(first: int, last: int, *more: str, renamed: bool = True) -> Ended:
        calls = [
            {"call_id": f"c-{each}", "agent": "Ann", "results": [{"name": "Greets", "answer": "No", "note": "x"}]}
            for each in range(first, last)
        ]
        lines = "".join(f"{json.dumps(call)}\n" for call in calls)
        Path("calls.jsonl").write_text(lines.replace(f'"{old}":', f'"{new if renamed else old}":'), encoding="utf-8")
        options = ("-m", "mine.yaml", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0", "--out", "reports")
        return program("run", "calls.jsonl", *options, *more)

    Path("mine.yaml").write_text(ARRAYS, encoding="utf-8")
    assert night(0, 3, renamed=False).outcomes() == {"created": 3}
    assert night(3, 15).code == ExitCode.UNUSABLE
    assert f"calls.jsonl has no {old}, which the last run read." in night(3, 15).err
    few = night(3, 5)
    assert (few.code, few.outcomes()) == (ExitCode.DONE, {"skipped": 2})
    assert f"has no {old}, which" in str(few.summary["warnings"])
    assert night(3, 15, "--accept-missing", old).outcomes() == {"skipped": 12}
    assert night(3, 15).code == ExitCode.DONE
    assert night(3, 15, renamed=False).outcomes() == {"created": 12}
