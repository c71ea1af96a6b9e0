"""Real exports, read in place: every row is accounted for, and the suggestion brings nearly all of them in."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from importer.api import ISSUES_PATH
from tests.conftest import Serve
from tests.end_to_end.exports import EXPORTS, counted_rows, files_of, measure
from tests.harness.running import Ended, Program, read_csv

FILES = {
    "jira/ericmedlock__planeso-jira-migration__Jira.csv": ("jira", 22),
    "jira/Maarten-DLVW__RAC22-SWDVT-1D_werkplaats-2-mvc-nohtyp__Jira.csv": ("jira", 26),
    "github/dlt-hub__dlt__github.issues.load_page_5_duck.json": ("github", 100),
    "linear/semperos__shortcut-repl__linear-export.csv": ("linear", 10),
}
pytestmark = [
    pytest.mark.slow(seconds=20),
    pytest.mark.skipif(not EXPORTS.is_dir(), reason="The collection of real exports is not beside this clone."),
]


def run(program: Program, source: Path, mapping: str, out: str, *target: str) -> Ended:
    """Import a file, into the sandbox that the command starts unless `target` says otherwise."""
    options = ("--max-rejected", "100%", "--rate", "0", "--json", "--out", out)
    return program("run", source, "-m", mapping, *(target or ("--sandbox",)), *options)


def assert_accounted_for(ended: Ended, rows: int) -> None:
    """The outcomes add up to the rows, in the summary and in results.csv; each rejected row has a reason."""
    folder = Path(ended.summary["out"])
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8")) == ended.summary
    assert ended.summary["rows"] == sum(ended.outcomes().values()) == rows
    assert Counter(row["outcome"] for row in read_csv(folder / "results.csv")) == ended.outcomes()
    rejected = [row for row in read_csv(folder / "results.csv") if row["outcome"] == "rejected"]
    assert all(row["code"] and row["message"] and row["key"] for row in rejected)
    assert_hints(folder, len(rejected))


def assert_hints(folder: Path, rejected: int) -> None:
    """The errors file has a hint for each rejected row."""
    table, lines = folder / "errors.csv", folder / "errors.jsonl"
    if table.exists():
        hints = [row["import_hint"] for row in read_csv(table)]
    elif lines.exists():
        hints = [json.loads(line)["import_hint"] for line in lines.read_text(encoding="utf-8").splitlines()]
    else:
        hints = []
    assert len(hints) == rejected
    assert all(hints)


@pytest.mark.parametrize("name", FILES, ids=lambda name: name.rpartition("__")[2])
def test_a_real_export(program: Program, name: str) -> None:
    """With the preset, with its suggestion as it stands, and once more, which creates nothing."""
    preset, rows = FILES[name]
    source = EXPORTS / name
    first = run(program, source, preset, "first")
    assert_accounted_for(first, rows)
    mapping = first.summary["suggestion"] or preset
    undecided = [code for code in first.summary["findings"] if code.endswith("-undecided")]
    assert (mapping == preset) == (not (first.summary["rejected"] or undecided))

    second = run(program, source, mapping, "second")
    assert_accounted_for(second, rows)
    meant = rows - second.summary["skipped"]
    assert second.summary["created"] + second.summary["unchanged"] >= 0.95 * meant

    third = run(program, source, mapping, "third")
    assert_accounted_for(third, rows)
    assert third.summary["created"] == 0
    assert third.summary["unchanged"] == second.summary["created"] + second.summary["unchanged"]
    with program.own_sandbox() as sandbox:
        assert len(sandbox.issues()) == first.summary["created"] + second.summary["created"]


@pytest.mark.parametrize("name", FILES, ids=lambda name: name.rpartition("__")[2])
def test_what_is_planned_is_what_arrives(program: Program, serve: Serve, name: str) -> None:
    """The creates of a check are byte for byte those that the sandbox receives."""
    preset, _ = FILES[name]
    source = EXPORTS / name
    checked = program("validate", source, "-m", preset, "--json")
    mapping = checked.summary["suggestion"] or preset
    program("validate", source, "-m", mapping, "--out", "checked")
    lines = Path("checked/planned.jsonl").read_text(encoding="utf-8").splitlines()
    planned = [write for write in map(json.loads, lines) if write["path"] == ISSUES_PATH]
    sandbox = serve()
    run(program, source, mapping, "out", "--api-url", sandbox.url, "--yes", "--no-canary")
    assert sorted(write["body"].encode() for write in planned) == sorted(sandbox.create_bodies())


REFUSED = {
    "bugzilla/chaoss__grimoirelab-perceval__bugzilla_bugs_details.xml": "is XML",
    "front/estuary__connectors__snapshots__capture__capture.stdout.json": "It holds acmeCo/channels, acmeCo/conv",
    "gitlab/gitlabhq__gitlabhq__csv_semicolon.csv": "says how severe its issues are",
    "launchpad/jfoote__fuzzy-stack-hash-analysis__bugs.csv": "has no header",
    "redmine/redmine__redmine__import_crlf_with_newline_in_quoted_header.csv": "Its columns are plain_header",
    "sentry/estuary__connectors__snapshots__capture__stdout.json": "It holds acmeCo/Environments, acmeCo/Proj",
}
"""Files without issues or severities, or of a tracker without a preset, and what is said of them."""

UNSENDABLE = {
    "jira/apache__incubator-devlake___raw_jira_api_issues.csv": 1,
    "redmine/chaoss__grimoirelab-elk__redmine.json": 1,
}
"""Rows that stay rejected for what is in them: a NUL character; two ids, two descriptions and two histories."""

EVERY = [str(path.relative_to(EXPORTS)) for path in files_of(EXPORTS)] if EXPORTS.is_dir() else []


@pytest.mark.parametrize("name", EVERY)
def test_every_export_without_a_mapping(program: Program, name: str) -> None:
    """Recognised, as many rows as the collection counts, nearly all valid; all of them with the suggestion."""

    def validate(path: Path, *options: str) -> dict[str, Any]:
        ended = program("validate", path, *options, "--json")
        assert "bug in triage-import" not in ended.err
        return ended.summary

    figures = measure(EXPORTS / name, EXPORTS, validate)
    assert (name in REFUSED) == bool(figures.refusal)
    if figures.refusal:
        assert REFUSED[name] in figures.refusal
        return
    assert figures.recognised.split()[0] == name.partition("/")[0]
    assert figures.rows == counted_rows(EXPORTS)[name]
    assert figures.share + UNSENDABLE.get(name, 0) / figures.rows >= 0.95
    assert figures.after + figures.skipped == figures.titled - UNSENDABLE.get(name, 0)
