"""The pages of a list."""

from __future__ import annotations

import tracemalloc

import pytest

from importer.errors import TargetUnreachable
from importer.triage.pages import STALE_PAGES, SeenPages


def test_flat_memory() -> None:
    """A list of any length takes no more of it."""
    seen = SeenPages("issues")
    tracemalloc.start()
    for page in range(500):
        seen.note((f"issue-{page}-{number}" for number in range(100)), f"cursor-{page}")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 500_000


def test_pages_that_come_again() -> None:
    """A cursor that comes again, or a few pages in a row without anything new, mean that a list never ends."""
    seen = SeenPages("issues")
    for page in range(STALE_PAGES):
        seen.note(["a", f"{page // 2}"], f"cursor-{page}")
    with pytest.raises(TargetUnreachable, match="list of issues in Triage never ends"):
        seen.note(["b"], "cursor-0")
    seen = SeenPages("issues")
    seen.note(["a", "b"], "cursor-0")
    for page in range(1, STALE_PAGES):
        seen.note(["b", "a"], f"cursor-{page}")
    with pytest.raises(TargetUnreachable):
        seen.note(["b"], "cursor-9")
