"""One scan of many texts finds those that a search of each finds."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.transform.scan import Scan, find_core

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


CORES = {
    r"[A-Z](?<![A-Z0-9_][A-Z])[A-Z0-9_]{1,30}-[1-9]\d{0,9}": "-",
    r"https?://[^\s/]+(?:/[^\s/]+)*?/browse/([A-Z]+-\d+)": "/browse/",
    r"(?:GH-|#)(\d+)": "",
    r"a(?:bc)+d|e": "",
    r"a(?:bc)+d": "abc",
    r"x*(?:yy)?z": "z",
    r"a(?i:b)c?": "a",
    r"[a-z]+\s?": "",
    r"(a|)b{0}": "",
}


@cache
def patterns_of_presets() -> list[str]:
    """The patterns of all presets' references; read when they are needed, not by each worker that collects tests."""
    return sorted({reference.pattern for name in preset_names() for reference in load_mapping(name).model.references})


@pytest.mark.parametrize("pattern", CORES)
def test_cores(pattern: str) -> None:
    """The longest literal text that must be there."""
    assert find_core(pattern) == CORES[pattern]


@settings(max_examples=600)
@given(data=st.data())
def test_core_of_matches(data: st.DataObject) -> None:
    """Whatever a pattern of a preset matches has its core."""
    pattern = data.draw(st.sampled_from([*CORES, *patterns_of_presets()]))
    text = data.draw(st.from_regex(pattern))
    assert re.search(pattern, text)
    assert find_core(pattern) in text
