"""What comes along of the real exports: counted apart from the program, in the source and at the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.exports import EXPORTS
from tests.end_to_end.extras import files_of, measure

FILES = files_of(EXPORTS) if EXPORTS.is_dir() else []

pytestmark = [
    pytest.mark.slow(seconds=20),
    pytest.mark.skipif(not FILES, reason="The collection of real exports is not beside this clone."),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name[:20]}")
def test_comments_links_and_people(path: Path) -> None:
    """As many as the source has, each comment's words in order, or the difference has a cause."""
    assert measure(path, EXPORTS).unexplained == {}
