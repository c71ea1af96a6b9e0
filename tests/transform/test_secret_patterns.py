"""The patterns of tokens are those of detect-secrets, to the letter."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from importer.transform.secret_patterns import OF_DETECT_SECRETS


@pytest.mark.parametrize("path", OF_DETECT_SECRETS)
def test_same_as_the_library(path: str) -> None:
    """Each plugin's patterns are written out as they are; those of its flags that change nothing are left out."""
    module, _, name = path.partition(".")
    theirs = getattr(import_module(f"detect_secrets.plugins.{module}"), name).denylist
    ours = [re.compile(pattern) for pattern in OF_DETECT_SECRETS[path][1:]]
    assert [pattern.pattern.removeprefix("(?i)") for pattern in ours] == [pattern.pattern for pattern in theirs]
    for own, other in zip(ours, theirs, strict=True):
        spaced = re.search(r"[\s#]", own.pattern) is not None
        assert own.flags == other.flags & ~(0 if spaced else re.VERBOSE)
