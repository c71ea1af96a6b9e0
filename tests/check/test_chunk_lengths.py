"""A check of a file in short runs: its reports are those of one long source_rows."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from importer.sources import csv as reader
from tests.harness.running import Program

OWN = ("elapsed_seconds", "out", "suggestion", "started_at", "ended_at")
"""Figures of summary.json that are others with each run, or in each folder."""
NOT_COMPARED = ("report.html", "summary.html")
"""They have the rows compressed run by run."""
HEADER = (
    *("Summary", "Issue key", "Issue id", "Parent id", "Status", "Priority", "Created", "Description", "Comment"),
    *("Odd", "Odd", "Attachment"),
)
TEXTS = ('"quoted"\r\n\r\nlines, and more', "see PROJ-{}", "AKIA" + "Q7" * 8, "gone \ufffd")
ROWS = 150


def write_dirty(path: Path) -> None:
    """An export with all that may go wrong with a row, or between rows."""
    draw = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(ROWS):
            status = draw.choice(["To Do", "Done", "Odd", f"Odd {number % 7}"])
            title = draw.choice([f"Issue {number}", "", "Call\n@norm now", "Ã¼ber uns"])
            text = draw.choice(TEXTS).format(number + 40)
            key = draw.choice([f"PROJ-{number}", f"PROJ-{number}", f"PROJ-{number % 50}", ""])
            parent, priority = draw.choice(["", str(number + 1), "9999"]), draw.choice(["High", "Low", "?"])
            comment = f"12/Sep/25 9:05 AM;acc{number % 5};said {number}"
            created = "13/02/2025" if number == ROWS - 5 else f"0{number % 9 + 1}/02/2025 10:00"
            odd = ("", "") if number < 90 else ("", "same") if number < 120 else ("", f"other {number}")
            attached = f"https://example.org/{number}/a.png" if number % 10 == 0 else ""
            writer.writerow([title, key, number, parent, status, priority, created, text, comment, *odd, attached])
            match number % 40:
                case 7:
                    writer.writerow(["Sprint 3", *[""] * (len(HEADER) - 1)])
                    writer.writerow(HEADER)
                case 13:
                    file.write('"never" closed,PROJ-1\n\nragged,PROJ-2,1\n')


def check(program: Program, out: str, *options: str) -> dict[str, str]:
    """The reports of a check, by name."""
    assert program("validate", "export.csv", "-m", "mine.yaml", *options, "--out", out).code == 1
    files = {path.name: path.read_text(encoding="utf-8") for path in Path(out).iterdir()}
    summary = json.loads(files["summary.json"])
    files["summary.json"] = json.dumps({name: summary[name] for name in summary if name not in OWN})
    return {name: text for name, text in files.items() if name not in NOT_COMPARED}


@pytest.mark.parametrize("more", ["", "people: {mails: mask}\n"], ids=["names", "masks"])
def test_reports_do_not_depend_on_the_chunks(program: Program, monkeypatch: pytest.MonkeyPatch, more: str) -> None:
    """Rows, figures, samples and sentences are the same, wherever a run of rows ends."""
    write_dirty(Path("export.csv"))
    mapping = f'extends: jira\ninput: {{dates: ["%d/%m/%Y"]}}\nrest: {{csv: drop}}\n{more}'
    Path("mine.yaml").write_text(mapping, encoding="utf-8")
    whole = check(program, "whole")
    assert {"planned.jsonl", "results.csv", "errors.csv", "losses.csv", "attachments.csv", "fixes.csv"} <= whole.keys()
    warnings = " ".join(json.loads(whole["summary.json"])["warnings"])
    assert all(what in warnings for what in ("letters that are lost", "garbled")), warnings
    for rows in (1, 7, 59):
        with monkeypatch.context() as patched:
            patched.setattr(reader, "CELLS_TOGETHER", rows * len(HEADER))
            assert check(program, f"by-{rows}") == whole
