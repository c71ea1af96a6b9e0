"""A real Chromium that opens pages from disk, and notes whatever it complains about or wants to load."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Request

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_CHROMIUM = "there is no Chromium: apt-get install chromium"


@dataclass
class Opened:
    """A page that is open: `complaints` are errors, dialogs, refusals of its policy, and requests but for itself."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def count(self) -> str:
        """How many rows are shown, as the page says it."""
        return self.page.locator("#count").inner_text()

    def column(self, place: int) -> list[str]:
        """The cells of a column of the table that are drawn."""
        return self.page.locator(f"#table tbody tr:not(.space) td:nth-child({place})").all_inner_texts()

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium; without it the test is skipped."""
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, path: Path, *, width: int = 1280, scheme: Literal["dark", "light"] = "light") -> Opened:
    """Open a page from disk, and wait until its rows are there."""
    address = path.resolve().as_uri()
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = Opened(context.new_page())
    said, page = opened.complaints, opened.page

    def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    def note(request: Request) -> None:
        if request.url != address:
            said.append(request.url)

    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", dismiss)
    page.on("request", note)
    page.goto(address)
    page.wait_for_selector("html[data-rows], body:not(:has(.tools)), #count:not(:empty)", state="attached")
    return opened
