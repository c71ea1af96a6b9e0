"""Files that people write."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from importer.mapping.yaml_tree import read_small


def test_as_it_is(tmp_path: Path) -> None:
    """A file is read whole, up to the limit."""
    (tmp_path / "a").write_bytes(b"\r\n\xff")
    assert read_small(tmp_path / "a", 3) == b"\r\n\xff"


@pytest.mark.parametrize("path", ["b", "/dev/zero"])
def test_too_large(tmp_path: Path, path: str) -> None:
    """What is larger, or never ends, is refused as the system refuses what is too large."""
    (tmp_path / "b").write_bytes(b"1234")
    with pytest.raises(OSError, match="File too large") as raised:
        read_small(tmp_path / path, 3)
    assert raised.value.errno == errno.EFBIG
