"""A Jira export in forty pages: headers that differ, edges that overlap, an issue that was edited between two pages."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.harness.running import LONG, Program, read_csv

pytestmark = pytest.mark.slow(seconds=40)

PAGES = 40
ROWS = 1_000 if LONG else 16
"""Rows a page; Jira's own limit is 1,000."""
EDITED_AFTER = 20
"""The page after which somebody edits the issue that is its last row."""
BEFORE, AFTER = "03/Mar/26 9:12 AM", "03/Mar/26 9:47 AM"
COLUMNS = ("Summary", "Issue key", "Issue Type", "Status", "Priority", "Reporter", "Created", "Updated", "Description")
NEWEST = "extends: jira\nduplicates: {newest: Updated}\n"


class Counts(NamedTuple):
    """What the pages hold."""

    rows: int
    issues: int
    overlaps: int
    edited: str


def expected(rows: int) -> Counts:
    """Each page but the last is full; the first row of each but the first is the last row of the page before."""
    total = (PAGES - 1) * rows + rows // 3
    return Counts(total, total - (PAGES - 1), PAGES - 1, f"PROJ-{EDITED_AFTER * (rows - 1) + 1}")


def write_pages(folder: Path, rows: int) -> list[Path]:
    """Write the forty files, in their order."""
    first, paths = 1, []
    for page in range(1, PAGES + 1):
        size = rows if page < PAGES else rows // 3
        path = folder / f"Jira page {page}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(page_lines(page, range(first, first + size)))
        first += size - 1
        paths.append(path)
    return paths


def page_lines(page: int, numbers: Sequence[int]) -> Iterator[list[str]]:
    """A page's header and rows: as many `Comment` columns as its issues need, and the fields that they have."""
    draw = random.Random(page)
    more = ["Comment"] * (1 + page % 4) + [f"Custom field ([CHART] Time {number})" for number in range(page % 5)]
    order = draw.sample(range(len(COLUMNS) + len(more)), len(COLUMNS) + len(more))
    header = [*COLUMNS, *more]
    yield [header[place] for place in order]
    for number in numbers:
        edited = page == EDITED_AFTER + 1 and number == numbers[0]
        cells = [*issue_cells(number, edited=edited), *more_cells(number, page, more)]
        yield [cells[place] for place in order]


def more_cells(number: int, page: int, names: Sequence[str]) -> list[str]:
    """The other cells of an issue's row: one comment, the same on every page, and fields that nothing reads."""
    comments = iter([f"03/Mar/26 9:12 AM;u-1;Said of {number}."])
    return [next(comments, "") if name == "Comment" else f"{name} {page}" for name in names]


def issue_cells(number: int, *, edited: bool) -> list[str]:
    """An issue's cells under `COLUMNS`."""
    title = f"Issue {number}" + (", now with steps" if edited else "")
    kind, priority = ("Bug", "Story", "Task")[number % 3], ("High", "Medium", "Low")[number % 3]
    status = "In Progress" if edited else "To Do"
    created = f"{datetime(2024, 1, 1) + timedelta(minutes=number):%d/%b/%y %I:%M %p}"
    text = f'Text {number}\nwith "quotes"; and more'
    return [title, f"PROJ-{number}", kind, status, priority, "Ines", created, AFTER if edited else BEFORE, text]


def test_the_pages_are_what_they_should_be(tmp_path: Path) -> None:
    """Forty files, no header twice in a row, and as many rows and keys as are counted on."""
    pages = [list(csv.reader(_lines(path))) for path in write_pages(tmp_path, ROWS)]
    keys = [[row[page[0].index("Issue key")] for row in page[1:]] for page in pages]
    assert len({tuple(page[0]) for page in pages}) == PAGES
    assert sum(map(len, keys)) == expected(ROWS).rows
    assert len(set().union(*keys)) == expected(ROWS).issues
    assert [page[-1] for page in keys[:-1]] == [page[0] for page in keys[1:]]
    assert keys[EDITED_AFTER][0] == expected(ROWS).edited


def _lines(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(file)


def test_two_contents_of_a_key(program: Program) -> None:
    """Each issue is created once; the edited row is rejected, if nobody has said which one counts."""
    counts, pages = expected(ROWS), write_pages(Path(), ROWS)
    Path("mine.yaml").write_text("extends: jira\nduplicates: reject\n", encoding="utf-8")
    first = program("run", *pages, "-m", "mine.yaml", "--sandbox", "--json", "--out", "first")
    skipped = counts.overlaps - 1
    assert first.outcomes() == {"created": counts.issues, "skipped": skipped, "rejected": 1}
    assert first.summary["rows"] == counts.rows
    assert {code: first.summary["findings"][code] for code in ("same-as", "key-duplicate")} == {
        "same-as": skipped,
        "key-duplicate": 1,
    }
    (rejected,) = read_csv(Path("first/errors.csv"))
    assert (rejected["Issue key"], rejected["import_code"]) == (counts.edited, "key-duplicate")
    assert f"Jira page {EDITED_AFTER}.csv" in rejected["import_message"]
    assert not any("exactly" in warning for warning in first.summary["warnings"])

    again = program("run", *pages, "-m", "mine.yaml", "--sandbox", "--json", "--out", "again")
    assert again.outcomes() == {"unchanged": counts.issues, "skipped": skipped, "rejected": 1}


def test_the_newer_one_stays(program: Program) -> None:
    """With a date that decides, the edited content is what arrives, and the order of the files doesn't matter."""
    counts, pages = expected(ROWS), write_pages(Path(), ROWS)
    Path("newest.yaml").write_text(NEWEST, encoding="utf-8")
    first = program("run", *reversed(pages), "-m", "newest.yaml", "--sandbox", "--json", "--out", "first")
    assert (first.code, first.outcomes()) == (0, {"created": counts.issues, "skipped": counts.overlaps})
    assert first.summary["findings"]["older-than"] == 1
    with program.own_sandbox() as sandbox:
        titles = [issue["title"] for issue in sandbox.issues()]
    number = counts.edited.removeprefix("PROJ-")
    assert len(titles) == counts.issues
    assert f"Issue {number}, now with steps" in titles
    assert f"Issue {number}" not in titles

    again = program("run", *pages, "-m", "newest.yaml", "--sandbox", "--json", "--out", "again")
    assert (again.code, again.outcomes()) == (0, {"unchanged": counts.issues, "skipped": counts.overlaps})
