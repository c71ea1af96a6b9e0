"""A quiet night: a file without rows is no alarm where somebody has said that there may be none."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.running import HEADER, Program, issue_row, write_csv
from tests.harness.workbooks import write_xlsx

EMPTY = {
    "night.csv": f"{','.join(HEADER)}\n",
    "night.json": "[]",
    "answer.json": '{"total": 0, "issues": []}',
    "night.jsonl": "\n\n",
}


@pytest.mark.parametrize("name", [*EMPTY, "night.xlsx"])
def test_no_rows(program: Program, serve: Serve, name: str) -> None:
    """It is said by an option or by the mapping, by whose kind alone, not by its default; the next night goes on."""
    sandbox = serve()
    Path("delta.yaml").write_text("extends: jira\ninput: {kind: delta}\n", encoding="utf-8")
    Path("snapshot.yaml").write_text("extends: jira\ninput: {kind: snapshot}\n", encoding="utf-8")
    run = ("--api-url", sandbox.url, "--yes", "--json", "--rate", "0", "--no-canary", "--on-change", "update")
    full = write_csv(Path("full.csv"), map(issue_row, (1, 2)))
    assert program("run", full, "-m", "jira", *run).outcomes() == {"created": 2}
    if name in EMPTY:
        Path(name).write_text(EMPTY[name], encoding="utf-8")
    else:
        write_xlsx(Path(name), {"Issues": [HEADER]})
    for mapping, more, code in (
        *(("jira", (), ExitCode.NOT_READY), ("jira", ("--min-rows", "1"), ExitCode.NOT_READY)),
        *(("jira", ("--min-rows", "0"), ExitCode.DONE), ("delta.yaml", (), ExitCode.DONE)),
        *(("delta.yaml", ("--strict",), ExitCode.DONE), ("snapshot.yaml", ("--min-rows", "0"), ExitCode.NOT_READY)),
    ):
        ended = program("run", name, "-m", mapping, *run, *more, "--out", "reports")
        assert ended.code == code, ended.err
        if code == ExitCode.DONE:
            assert (ended.summary["rows"], ended.outcomes()) == (0, {})
            assert "0 rows: nothing to do" in ended.err
    assert program("validate", name, "-m", "delta.yaml").code == ExitCode.DONE
    changed = write_csv(Path("full.csv"), [issue_row(1), issue_row(2, "Low")])
    assert program("run", changed, "-m", "jira", *run).outcomes() == {"unchanged": 1, "updated": 1}


@pytest.mark.parametrize("name", ["night.csv", "night.json", "night.jsonl", "night.jsonl.gz"])
def test_no_bytes(program: Program, name: str) -> None:
    """An export that has written nothing at all isn't a quiet night, whatever the format."""
    Path(name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    ended = program("run", name, "-m", "jira", "--sandbox", "--yes", "--min-rows", "0")
    assert (ended.code, "is empty" in ended.err) == (ExitCode.NOT_READY, True), ended.err
