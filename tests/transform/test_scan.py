"""One scan of many texts finds those that a search of each finds."""

from __future__ import annotations

import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from importer.transform.scan import Scan

PATTERNS = (r"1[a-b]", r"a{2,}", "é@", r"[^\w@]@[^\w@]", r"\n\s*b1")
TEXTS = st.lists(st.text(alphabet="ab1 \n@é٣\ud800\U0001f600", max_size=12), max_size=6)


@given(TEXTS, st.sets(st.sampled_from(PATTERNS), min_size=1))
def test_what_one_search_finds(texts: list[str], patterns: set[str]) -> None:
    """Each text that has a match is found, once and in order; a text begins and ends with a line end."""
    search = re.compile("|".join(patterns), re.ASCII).search
    assert Scan(patterns).find(texts) == [place for place, text in enumerate(texts) if search(f"\n{text}\n")]


def test_a_pattern_with_too_many_states() -> None:
    """Where the states of a pattern take too much memory it is searched for more slowly, and nobody is told."""
    program = (
        "import random; from importer.transform.scan import Scan; "
        "text = ''.join(random.Random(1).choices('abx', k=100_000)); "
        "print(Scan(['a[^y]{200}b[^y]{300}y', 'y']).find([text, 'y']))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[1]\n", "")
