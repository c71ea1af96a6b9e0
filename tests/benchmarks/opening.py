"""How long report.html takes to be written, opened, filtered and sorted in Chromium, with 100,000 rows.

Run it with `python -m tests.benchmarks.opening`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from importer.records import Outcome, Row
from importer.report.folder import ReportFolder
from importer.report.page import PageDetails, write_pages
from importer.report.page_rows import PageRows
from importer.report.summary import Summary
from tests.harness.browser import chromium, open_page

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


def main() -> None:
    """Print the figures."""
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


if __name__ == "__main__":
    main()
