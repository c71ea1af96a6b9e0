"""The library's recipe for several processes: partitions of a file plan what a check of the whole file plans."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import importer
from tests.harness.documents import Document
from tests.harness.running import ROOT, WAIT_SECONDS, Program, issue_row, read_csv, write_csv

RECIPES = [block.text for block in Document(ROOT / "importer" / "library" / "README.md").blocks]
(RECIPE,) = [text for text in RECIPES if "ProcessPoolExecutor" in text]


def test_partitions_plan_the_same(program: Program) -> None:
    """Rows of one key are in one partition, so that duplicates are found there, and no row is lost."""
    rows = [*map(issue_row, range(40)), issue_row(7), issue_row(8, title="Another"), issue_row(41, priority="?")]
    write_csv(Path("export.csv"), rows)
    whole = importer.validate("export.csv", mapping="jira")
    Path("partitions.py").write_text(RECIPE, encoding="utf-8")
    command = [sys.executable, "partitions.py", "export.csv", "jira", "Issue key", "parts"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4), done.stderr
    planned = [line for path in Path("parts").glob("*/planned.jsonl") for line in path.read_text().splitlines()]
    assert sorted(planned) == sorted(Path("triage-import-check/planned.jsonl").read_text().splitlines())
    found = Counter(line["code"] for path in Path("parts").glob("*/results.csv") for line in read_csv(path))
    assert found == Counter("\n".join(row.codes) for row in whole.rows)
    assert len(found) == 4
    assert sum(int(line.split()[2]) for line in done.stdout.splitlines()) == whole.summary.planned
