"""What one row becomes, and why; found by its key or by a line."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from importer.authoring.explain import Explanation, explain_rows
from importer.check.job import Job
from importer.errors import UsageError
from importer.library.inputs import open_job
from importer.sources.source_rows import CHARACTERS_TOGETHER
from tests.harness.running import HEADER, SAMPLES, issue_row, write_csv

ROWS = [issue_row(1), ("PROJ-2", "Two", "High", "To Do", "Bug", "first\nsecond\r\nthird"), issue_row(3)]


@contextmanager
def opened(*paths: Path, mapping: str = "jira") -> Iterator[Job]:
    """A job over some files."""
    names = tuple(map(str, paths))
    with open_job(names, mapping=mapping, source_name=None, encoding=None, delimiter=None, format=None) as job:
        yield job


def explain(path: Path, which: str, mapping: str = "jira") -> Explanation:
    with opened(path, mapping=mapping) as job:
        return explain_rows(job, which)[0]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Return a file whose second record takes lines 3 to 5."""
    return write_csv(tmp_path / "export.csv", ROWS)


@pytest.mark.parametrize("which", ["PROJ-2", "jira:PROJ-2", "3", "4", "5"])
def test_a_row_is_found(export: Path, which: str) -> None:
    """By its native key, its full key, and each line of a record of several."""
    found = explain(export, which)
    assert (found.key, found.record, found.line) == ("jira:PROJ-2", 2, 3)


def test_a_line_of_a_named_file(tmp_path: Path) -> None:
    """A bare line is one of the first file; FILE:LINE names another."""
    paths = [write_csv(tmp_path / name, [issue_row(number)]) for number, name in enumerate(("a.csv", "b.csv"), 1)]
    with opened(*paths) as job:
        assert explain_rows(job, "2")[0].key == "jira:PROJ-1"
        assert explain_rows(job, f"{paths[1]}:2")[0].key == "jira:PROJ-2"


@pytest.mark.parametrize("which", ["PROJ-9", "1", "7", "999", "0", "other.csv:2", "umbra:PROJ-2", ""])
def test_no_row(export: Path, which: str) -> None:
    """The header, a line after the end, another source's key: a sentence."""
    with pytest.raises(UsageError, match="No row has the key"):
        explain(export, which)


def test_blank_lines_belong_to_no_row(tmp_path: Path) -> None:
    """Between two records there may be some."""
    path = tmp_path / "export.csv"
    rows = [",".join(row) for row in (HEADER, issue_row(1), issue_row(2))]
    path.write_text("\n".join((rows[0], rows[1], "", rows[2])), encoding="utf-8")
    assert explain(path, "4").key == "jira:PROJ-2"
    with pytest.raises(UsageError):
        explain(path, "3")


def test_each_field_has_cell_rule_place_and_result(export: Path) -> None:
    """The columns that the file doesn't have are not shown."""
    traces = {trace.field: trace for trace in explain(export, "PROJ-2").traces}
    assert traces["key"].cells == (("Issue key", "PROJ-2"),)
    assert traces["severity"].cells == (("Priority", "High"),)
    assert traces["severity"].reason == "the value map has it"
    assert traces["severity"].result == "high"
    assert traces["source"].reason == "a constant"
    assert all(trace.place.startswith("jira.yaml:") for trace in traces.values())


def test_an_empty_cell(tmp_path: Path) -> None:
    """None of the mapping's many choices is filled, and only the one that the file has is shown."""
    path = write_csv(tmp_path / "export.csv", [("PROJ-1", "One", "High", "To Do", "Bug", "")])
    (trace,) = [trace for trace in explain(path, "2").traces if trace.field == "description"]
    assert (trace.cells, trace.reason) == ((("Description", ""),), "none of several is filled")


def test_the_body_is_what_would_be_sent(export: Path) -> None:
    """Title and description are those of the body."""
    found = explain(export, "3")
    assert found.body is not None
    body = json.loads(found.body)
    assert (body["title"], body["description"]) == (found.title, found.description)
    assert body["description"].startswith("first\nsecond")


def test_a_rejected_and_a_skipped_row(tmp_path: Path) -> None:
    """They have no body; the findings or the rule say why."""
    path = write_csv(tmp_path / "export.csv", [issue_row(1, priority="Whenever"), ("",) * len(HEADER)])
    rejected, skipped = explain(path, "2"), explain(path, "3")
    assert rejected.body is None
    assert [finding.code for finding in rejected.findings] == ["severity-unknown"]
    assert (skipped.body, skipped.skip) == (None, "row-empty")


MINE = """\
extends: jira
title: {template: '[{Issue key}] {Summary}'}
description: {column: Description, pattern: 'Text (.+)'}
category: {rules: [{name: loud, when: {column: Priority, is: high}, then: Loud}]}
owner_id: Reporter
resource_links: [{column: Calls, type: call, split: ';'}]
footer: {Reporter: Reporter}
"""


def test_ways_of_a_users_mapping(tmp_path: Path) -> None:
    """Templates, patterns, rules, people, links and the footer, each with the line in the user's file."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE, encoding="utf-8")
    path = write_csv(tmp_path / "export.csv", [(*issue_row(1), "ada", "c1;c2")], header=(*HEADER, "Reporter", "Calls"))
    traces = {trace.field: trace for trace in explain(path, "2", str(mine)).traces}
    shown = {name: (trace.reason, trace.result, trace.place.rpartition(":")[2]) for name, trace in traces.items()}
    assert shown["title"] == ("a template", "[PROJ-1] Title 1", "2")
    assert shown["description"] == ("as it is written, through a pattern", "Text 1", "3")
    assert shown["category"] == ("a rule holds", "Loud", "4")
    assert shown["owner_id"] == ("as it is written", "ada", "5")
    assert shown["resource_links"] == ("as it is written", "c1, c2", "6")
    assert shown["footer Reporter"] == ("as it is written", "ada", "7")


def test_a_json_record_of_several_lines(tmp_path: Path) -> None:
    """Each of its lines leads to it."""
    path = tmp_path / "export.json"
    records = [{"html_url": f"https://github.com/a/b/issues/{n}", "title": f"T{n}", "state": "open"} for n in (1, 2)]
    path.write_text(json.dumps(records, indent=1), encoding="utf-8")
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if '"T2"' in text)
    assert explain(path, str(line), "github").title == "T2"


def test_a_json_document_of_one_line(tmp_path: Path) -> None:
    """All its records are there: one of them is explained."""
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"html_url": f"https://x.test/{n}", "title": f"T{n}"} for n in range(600)]))
    with opened(path, mapping="github") as job:
        assert len(explain_rows(job, "1")) == 1


@pytest.mark.parametrize("which", ["2", "LAST"])
def test_memory_does_not_grow_with_the_chunks(tmp_path: Path, which: str) -> None:
    """However many chunks a file has, no more are held: one, and the next while it is read; wherever the row is."""
    peaks = []
    for chunks in (2, 6):
        text = "text " * (CHARACTERS_TOGETHER // 1_000)
        rows = [(f"P-{place}", "Title", "High", "To Do", "Bug", f"{place} {text}") for place in range(chunks * 200)]
        path = write_csv(tmp_path / f"{chunks}.csv", [*rows, ("LAST", *rows[0][1:])])
        explain(SAMPLES / "jira.csv", "2")  # what it needs besides is loaded
        tracemalloc.start()
        explain(path, which)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0], peaks
