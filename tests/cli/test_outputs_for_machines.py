"""What a start leaves for other programs: a log of JSON lines, metrics, and summary.json, also after an early error."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.running import KEY, Program, issue_row, read_csv, write_csv

OUTPUTS = ("--log-file", "log.jsonl", "--metrics-file", "figures.prom", "--out", "out", "--rate", "0", "--yes")


def read_log() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("log.jsonl").read_text("utf-8").splitlines()]


def read_metrics() -> dict[str, float]:
    """Read the metrics: name with labels → value."""
    lines = (line for line in Path("figures.prom").read_text().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_night(program: Program, serve: Serve) -> None:
    """Log, metrics, results and summary agree."""
    source = write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority="Odd"), issue_row(3, title=KEY)])
    ended = program("run", source, "-m", "jira", "--api-url", serve().url, "--max-rejected", "100%", *OUTPUTS, "-q")
    assert ended.code == ExitCode.PARTLY, ended.err
    log, results = read_log(), read_csv(Path("out/results.csv"))
    assert {"time", "level", "event", "message"} <= log[0].keys()
    needing = [(row["outcome"], row["key"], row["code"]) for row in results if row["outcome"] != "created"]
    *warned, notice = (line for line in log if line["level"] == "warning")
    assert [(line["event"], line["key"], line["code"]) for line in warned] == needing
    assert (notice["event"], notice["code"]) == ("notice", "rejected")
    assert (log[-1]["event"], log[-1]["code"], log[-1]["run"]) == (
        "end",
        1,
        json.loads(Path("out/summary.json").read_text())["run_id"],
    )
    assert KEY not in Path("log.jsonl").read_text()
    metrics = read_metrics()
    for outcome in {row["outcome"] for row in results}:
        found = metrics[f'triage_import_rows{{import="jira",outcome="{outcome}"}}']
        assert found == sum(row["outcome"] == outcome for row in results)
    assert metrics['triage_import_exit_code{import="jira"}'] == 1
    assert (
        0
        < metrics['triage_import_start_timestamp_seconds{import="jira"}']
        <= metrics['triage_import_end_timestamp_seconds{import="jira"}']
    )


@pytest.mark.parametrize("source", ["nowhere.csv", "empty.csv"])
def test_an_early_error(program: Program, serve: Serve, source: str) -> None:
    """It is in all three, with start, end and source."""
    Path("empty.csv").touch()
    ended = program("run", source, "-m", "jira", "--source-name", "qa", "--api-url", serve().url, *OUTPUTS)
    assert ended.code == ExitCode.NOT_READY
    summary = json.loads(Path("out/summary.json").read_text())
    assert (summary["exit_code"], summary["source_name"]) == (6, "qa")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", summary["started_at"])
    assert summary["started_at"] <= summary["ended_at"]
    assert read_log()[-1]["code"] == 6
    assert read_metrics()['triage_import_exit_code{import="qa"}'] == 6


def test_what_cannot_be_written(program: Program, serve: Serve) -> None:
    """A log that can't be opened stops the command before anything is sent; metrics stop nothing."""
    write_csv(Path("export.csv"), [issue_row(1)])
    command = ("run", "export.csv", "-m", "jira", "--api-url", serve().url, "--rate", "0", "--yes")
    ended = program(*command, "--log-file", "gone/log.jsonl")
    assert (ended.code, "--log-file gone/log.jsonl can't be written: No such file" in ended.err) == (
        ExitCode.STOPPED,
        True,
    )
    ended = program(*command, "--metrics-file", "gone/figures.prom")
    assert (ended.code, "warning: --metrics-file gone/figures.prom can't be written: " in ended.err) == (
        ExitCode.DONE,
        True,
    )


def test_nothing_in_a_file_controls_a_terminal(program: Program) -> None:
    """Neither an escape nor a mark of direction; what is given back to be imported has them as the source does."""
    title = "=1\x1b[31mRed\x9b2J \u202eLeft\u200f"
    rows = [issue_row(1, title=title), issue_row(2, title="＝1+1"), issue_row(3, title=title, priority="\x1b[2J?")]
    write_csv(Path("a.csv"), rows)
    command = ("run", "a.csv", "-m", "jira", "--sandbox", "--max-rejected", "100%")
    ended = program(*command, *OUTPUTS)
    assert ended.code == ExitCode.PARTLY, ended.err
    signs = set("\x1b\x9b\u202e\u200f")
    for name in ("out/results.csv", "log.jsonl"):
        assert not signs & set(Path(name).read_text(encoding="utf-8-sig")), name
    titles = {line["title"] for line in read_csv(Path("out/results.csv"))}
    assert titles == {"'=1\\u001b[31mRed\\u009b2J \\u202eLeft\\u200f", "'＝1+1"}
    (rejected,) = read_csv(Path("out/errors.csv"))
    assert rejected["Summary"] == f"'{title}"
