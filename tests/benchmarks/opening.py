"""How long report.html with 100,000 rows and rehearsal.html with 5,000 issues take to be written, opened and filtered.

Run it with `python -m tests.benchmarks.opening`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.records import Outcome, Row
from importer.report.folder import ReportFolder
from importer.report.page import PageDetails, write_pages
from importer.report.page_rows import PageRows
from importer.report.rehearsal import ISSUES_SHOWN, Rehearsed, write_rehearsal
from importer.report.summary import Summary
from tests.harness.browser import CHROMIUM, NO_CHROMIUM, chromium, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROWS, AT_ONCE = 100_000, 1000
TIMED = "() => {{ const begin = performance.now(); {what}; return performance.now() - begin; }}"
FILTER = (
    'const box = document.getElementById("search"); box.value = "p-999 title"; box.dispatchEvent(new Event("input"))'
)
SORT = 'document.querySelectorAll("#table thead button")[2].click()'


def make_rows(first: int) -> list[Row]:
    """Rows of a run, from the place `first` on."""
    texts = (
        f"The caller of line {n * 7919 % ROWS} hears nothing after the {n % 90}th transfer"
        for n in range(first, first + AT_ONCE)
    )
    return [
        Row(0, "f", n, n, f"jira:P-{n}", Outcome.CREATED, title=text, triage_id=f"T-{n}")
        for n, text in enumerate(texts, first)
    ]


def make_issue(number: int) -> dict[str, Any]:
    """An issue with six paragraphs and two comments, as a sandbox has it."""
    text = "\n\n".join(f"**Paragraph** {n} with a [link](https://a.example/{number}) and a few words" for n in range(6))
    made: dict[str, Any] = {
        "triage_id": f"T-{number}",
        "title": f"Title {number}",
        "description": text,
        "comments": [text[:200]] * 2,
    }
    made |= {"status": "todo", "severity": "high", "category": "Bug", "owner_id": None, "assignee_id": None}
    return made | {"origin": f"jira:P-{number}, f.csv line {number}", "resources": [], "flags": [], "relations": []}


def measure_rehearsal(browser: Browser, folder: Path) -> None:
    """Print the figures of rehearsal.html."""
    issues = [make_issue(number) for number in range(1001, 1001 + ISSUES_SHOWN)]
    begin = time.process_time()
    write_rehearsal(ReportFolder(folder), Rehearsed("r-1", "jira", issues, len(issues), {}))
    page = folder / "rehearsal.html"
    print(f"rehearsal: written in {time.process_time() - begin:.2f} s of CPU: {page.stat().st_size / 1e6:.1f} MB")  # noqa: T201
    begin = time.monotonic()
    opened = open_page(browser, page)
    print(f"rehearsal: opened in {time.monotonic() - begin:.2f} s (wanted: 3)")  # noqa: T201
    print(f"rehearsal: filtered in {opened.run(TIMED.format(what=FILTER)):.0f} ms (wanted: 200)")  # noqa: T201


def main() -> None:
    """Print the figures."""
    if CHROMIUM is None:
        sys.exit(f"Nothing was measured: {NO_CHROMIUM}")
    rows, writing = PageRows(), 0.0
    for first in range(0, ROWS, AT_ONCE):
        made = make_rows(first)
        begin = time.process_time()
        rows.add(made)
        writing += time.process_time() - begin
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        begin = time.process_time()
        write_pages(ReportFolder(Path(folder)), Summary("r-1", 0, ROWS, created=ROWS), rows, PageDetails())
        writing += time.process_time() - begin
        page = Path(folder) / "report.html"
        begin = time.monotonic()
        opened = open_page(browser, page)
        print(f"written in {writing:.2f} s of CPU: {page.stat().st_size / 1e6:.1f} MB")  # noqa: T201
        print(f"opened in {time.monotonic() - begin:.2f} s (wanted: 3)")  # noqa: T201
        print(f"filtered in {opened.run(TIMED.format(what=FILTER)):.0f} ms (wanted: 200)")  # noqa: T201
        print(f"sorted by title in {opened.run(TIMED.format(what=SORT)):.0f} ms")  # noqa: T201
        measure_rehearsal(browser, Path(folder))


if __name__ == "__main__":
    main()
