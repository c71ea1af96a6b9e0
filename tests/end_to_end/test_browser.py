"""The pages in a real Chromium: they are searched, filtered, sorted, copied from, printed, and run nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.records import Outcome, Row
from importer.report.folder import ReportFolder
from importer.report.page import PageDetails, write_pages
from importer.report.page_rows import PageRows
from importer.report.results import IssueUrl
from importer.report.summary import Summary
from tests.harness.browser import Opened, chromium, open_page
from tests.harness.running import SAMPLES, Program, finish, issue_row, write_csv

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow(seconds=75)

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=https://evil.example/x onerror=alert(2)>",
    "</script><script>alert(3)</script>",
    '"><svg onload=alert(4)>',
    "javascript:alert(5)",
    "\u202egnp.exe",
]
MANY = 100_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def checked(program: Program) -> Path:
    """Give the page of a check with much to decide."""
    rows = [issue_row(n, priority="High" if n % 3 else "Pressing") for n in range(1, 301)]
    program("validate", write_csv(Path("export.csv"), rows), "-m", "jira")
    return Path("triage-import-check/report.html")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the page of a run of 100,000 rows."""
    rows, folder = PageRows(), tmp_path_factory.mktemp("large")
    for first in range(0, MANY, 1000):
        made = range(first, first + 1000)
        rows.add(
            [Row(0, "f", n, n, f"k:P-{n}", Outcome.CREATED, title=f"Title {n * n}", triage_id=f"T-{n}") for n in made]
        )
    write_pages(ReportFolder(folder), Summary("r-1", 0, MANY, created=MANY), rows, PageDetails())
    return folder / "report.html"


def look_for_barriers(opened: Opened) -> list[tuple[str, str]]:
    """What axe-core finds: the rule, and the first element that breaks it."""
    opened.run(f"{files('axe_playwright_python').joinpath('axe.min.js').read_text(encoding='utf-8')}; 0")
    return [(each["id"], each["nodes"][0]["html"]) for each in opened.run("axe.run()")["violations"]]


def test_search_filter_and_sort(browser: Browser, checked: Path) -> None:
    """Words are looked for everywhere in a row, an outcome narrows it down, and each column sorts both ways."""
    opened = open_page(browser, checked)
    page = opened.page
    assert opened.count() == "300 of 300 rows"
    page.fill("#search", "title 29")
    assert opened.count() == "13 of 300 rows"
    page.select_option("#outcome", label="rejected")
    assert opened.count() == "4 of 300 rows"
    assert opened.column(2) == ["jira:PROJ-129", "jira:PROJ-291", "jira:PROJ-294", "jira:PROJ-297"]
    page.get_by_role("button", name="Key", exact=True).click()
    page.get_by_role("button", name="Key", exact=True).click()
    assert opened.column(2)[0] == "jira:PROJ-297"
    assert page.locator("#table th[aria-sort=descending]").inner_text().startswith("Key")
    assert opened.complaints == []


def test_the_number_of_an_issue_is_a_link(browser: Browser, tmp_path: Path) -> None:
    """Where the user has said what an issue's address looks like; nothing is loaded from it."""
    rows = PageRows(url=IssueUrl("https://t.example/#{number}?a&b"))
    rows.add([Row(0, "f", n, n, f"k:P-{n}", Outcome.CREATED, title="A", triage_id=f"T-{n}") for n in (1, 2, 3)])
    write_pages(ReportFolder(tmp_path), Summary("r-1", 0, 3, created=3), rows, PageDetails())
    opened = open_page(browser, tmp_path / "report.html")
    links = opened.page.locator("#table tbody a")
    assert links.all_inner_texts() == ["T-1", "T-2", "T-3"]
    assert links.first.get_attribute("href") == "https://t.example/#1?a&b"
    opened.page.fill("#search", "T-2")
    assert opened.count() == "1 of 3 rows"
    assert opened.complaints == []


def test_values_sort_by_their_number(browser: Browser, checked: Path) -> None:
    """A table of values sorts by rows as numbers, by the keyboard, too."""
    opened = open_page(browser, checked)
    table = opened.page.locator("section[aria-labelledby=became] table").first
    table.get_by_role("button", name="Rows").focus()
    opened.page.keyboard.press("Enter")
    assert table.locator("tbody td:nth-child(3)").all_inner_texts() == ["100", "200"]
    opened.page.keyboard.press("Enter")
    assert table.locator("tbody td:nth-child(3)").all_inner_texts() == ["200", "100"]


def test_copy(browser: Browser, checked: Path) -> None:
    """The button copies what is to be typed, and says so."""
    opened = open_page(browser, checked)
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = opened.page.locator("section[aria-labelledby=needs] table button.copy").first
    button.click()
    opened.page.get_by_text("Copied").wait_for()
    assert opened.run("navigator.clipboard.readText()") == 'severity: {values: {"Pressing": …}}'


def test_print(browser: Browser, checked: Path) -> None:
    """On paper there is a table of the rows that need somebody, in place of the window; it is a readable PDF."""
    opened = open_page(browser, checked)
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("#table").is_visible()
    assert opened.page.locator("table.printed").is_visible()
    assert opened.page.locator("table.printed tbody tr").count() == 100
    assert opened.page.pdf(format="A4").startswith(b"%PDF")


def test_nothing_empty_is_printed(browser: Browser, large: Path) -> None:
    """Where no row needs somebody, there is no heading of rows on paper."""
    opened = open_page(browser, large)
    heading = opened.page.locator("h2#rows")
    assert heading.is_visible()
    opened.page.emulate_media(media="print")
    assert not heading.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off(browser: Browser, checked: Path, width: int) -> None:
    """On a telephone, too, the page is as wide as the window: only tables scroll."""
    opened = open_page(browser, checked, width=width)
    assert opened.run("document.documentElement.scrollWidth") == width


def test_without_script(browser: Browser, checked: Path) -> None:
    """Where no script runs, the rows that need somebody are there all the same."""
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(checked.resolve().as_uri())
    assert page.locator("table.printed tbody tr").count() == 100
    assert page.locator("table.printed").is_visible()
    assert not page.locator("button.copy").first.is_visible()


def test_a_hostile_source_runs_nothing(browser: Browser, program: Program) -> None:
    """Nothing is loaded, no dialog opens, and the policy had nothing to refuse."""
    rows = [issue_row(n, title=title) for n, title in enumerate(HOSTILE, 1)]
    rows += [issue_row(50 + n, priority=value) for n, value in enumerate(HOSTILE, 1)]
    program("validate", write_csv(Path("export.csv"), rows), "-m", "jira")
    for name in ("report.html", "summary.html"):
        opened = open_page(browser, Path("triage-import-check") / name)
        opened.page.wait_for_timeout(300)
        assert opened.complaints == []
    opened = open_page(browser, Path("triage-import-check/report.html"))
    assert opened.column(3)[:5] == HOSTILE[:5]
    assert opened.column(3)[5] == r"\u202egnp.exe"


def test_a_hundred_thousand_rows(browser: Browser, large: Path) -> None:
    """They open and are filtered while somebody waits; the benchmark says how fast, here it is a wide bound."""
    opened = open_page(browser, large)
    assert opened.count() == "100,000 of 100,000 rows"
    assert len(opened.column(1)) < 100, "only what can be seen is drawn"
    took = opened.run(
        """() => { const box = document.getElementById("search"), begin = performance.now(); box.value = "p-99999";
        box.dispatchEvent(new Event("input")); return performance.now() - begin; }"""
    )
    assert opened.count() == "1 of 100,000 rows"
    assert took < 5000
    opened.page.fill("#search", "")
    opened.run('document.getElementById("table").scrollTop = 1e9')
    opened.page.get_by_text("k:P-99999").wait_for()


@pytest.fixture
def rehearsed(program: Program) -> Path:
    """Give the page of a rehearsal: issues of two severities, and hostile ones."""
    rows = [issue_row(n, priority="High" if n % 3 else "Low", title=f"Title {n}") for n in range(1, 71)]
    rows += [
        (*issue_row(70 + n, title=text)[:-1], f"{text}\n\n[go]({text})\n\n<{text}>")
        for n, text in enumerate(HOSTILE, 1)
    ]
    # In a process of its own: the browser's event loop runs in this one.
    # One at a time: several at once get their numbers in the order in which they arrive.
    command = ("run", write_csv(Path("export.csv"), rows), "-m", "jira", "--sandbox", "--concurrency", "1")
    finish(program.start(*command, "--out", "rehearsed"))
    return Path("rehearsed/rehearsal.html")


def test_rehearsal(browser: Browser, rehearsed: Path) -> None:
    """Board and list are filtered alike, an issue has a page with a way back, and a hostile one runs nothing."""
    opened = open_page(browser, rehearsed)
    page = opened.page
    assert opened.count() == "76 of 76 issues"
    assert page.locator("#board .column h2").all_inner_texts()[1] == "todo 76"
    assert page.locator("#board .card").count() == 50
    page.select_option("#severity", label="low")
    page.fill("#search", "t-103")
    assert opened.count() == "4 of 76 issues"
    assert page.locator("#board .card a").first.inner_text() == "T-1030 Title 30"
    page.get_by_role("button", name="Show as a list").click()
    assert not page.locator("#board").is_visible()
    assert page.locator("#list tbody tr:visible td:nth-child(2)").all_inner_texts()[0] == "Title 30"
    page.get_by_role("button", name="Number").click()
    page.get_by_role("button", name="Number").click()
    assert page.locator("#list tbody tr:visible td:first-child").all_inner_texts()[0] == "T-1039"
    page.get_by_role("link", name="T-1030").click()
    assert page.locator("#issue h2").inner_text() == "T-1030 Title 30"
    assert "export.csv line 31" in page.locator("#issue dl").inner_text()
    assert not page.locator("#list").is_visible()
    page.get_by_role("link", name="All issues").click()
    assert opened.count() == "4 of 76 issues", "filters stay"
    for number in range(1071, 1077):
        opened.run(f"location.hash = 'T-{number}'")
        page.locator("#issue h2", has_text=f"T-{number}").wait_for()
    page.wait_for_timeout(300)
    assert page.locator("#issue a[href*=script]").count() == 0
    assert opened.complaints == []


def test_a_rehearsal_is_for_everybody(browser: Browser, rehearsed: Path) -> None:
    """On a telephone, on paper, without a script, and to axe-core, which finds nothing in board, list and page."""
    for width in (1280, 390):
        opened = open_page(browser, rehearsed, width=width, scheme="dark" if width == 390 else "light")
        for at in ("#all", "#T-1001"):
            opened.run(f"location.hash = '{at}'")
            assert opened.run("document.documentElement.scrollWidth") == width
            assert look_for_barriers(opened) == []
    opened.page.get_by_role("link", name="All issues").click()
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#list tbody tr:visible").count() == 76
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(rehearsed.resolve().as_uri())
    assert page.locator("#list tbody tr:visible").count() == 76


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(browser: Browser, program: Program, scheme: str) -> None:
    """No violation is found by axe-core in a check with much to decide and in a run, light and dark."""
    for command in (("validate",), ("run", "--sandbox", "--max-rejected", "100%")):
        # In a process of its own: the browser's event loop runs in this one.
        finish(program.start(*command, SAMPLES / "undecided.csv", "-m", "jira", "--out", command[0]))
        for name in ("report.html", "summary.html"):
            opened = open_page(browser, Path(command[0]) / name, scheme="dark" if scheme == "dark" else "light")
            assert look_for_barriers(opened) == []


def test_what_is_done_about_a_run_is_for_everybody(browser: Browser, program: Program) -> None:
    """The pages of verify, undo and repair, and the run's own with what was read back, on a telephone, too."""
    better = Path("better.yaml")
    better.write_text("extends: jira\nseverity: {values: {High: critical}}\n", encoding="utf-8")
    commands = (
        ("run", str(SAMPLES / "jira.csv"), "-m", "jira", "--sandbox", "--issue-url", "https://t.example/{number}"),
        ("undo", "last", "--close"),
        ("repair", "last", "-m", str(better), "--fields", "severity"),
        ("verify", "last"),
    )
    for name, *rest in commands:
        # In a process of its own: the browser's event loop runs in this one.
        finish(program.start(name, *rest, "--out", name))
    for name, *_ in commands:
        for width in (1280, 390):
            opened = open_page(browser, Path(name) / "report.html", width=width)
            assert look_for_barriers(opened) == [], name
            assert opened.run("document.documentElement.scrollWidth") == width
            assert opened.complaints == []
