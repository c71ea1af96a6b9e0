"""Files as bytes."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError, SourceNotReady, UsageError, how_to_install
from importer.phrases import shell_quote
from importer.sources.files import StoredFile, digest_files, find_files, open_file


def find(*paths: Path | str) -> list[StoredFile]:
    """Find files that need no spool."""
    with ExitStack() as stack:
        return find_files([str(path) for path in paths], stack)


def read(path: Path) -> bytes:
    with open_file(StoredFile(path.name, path)) as opened:
        return opened.data.read()


def test_several_frames(tmp_path: Path) -> None:
    """Compressed files that were appended to one another are read to the end."""
    for compress in (gzip.compress, zstandard.compress):
        path = tmp_path / "issues"
        path.write_bytes(compress(b"a" * 10) + compress(b"b" * 10))
        assert read(path) == b"a" * 10 + b"b" * 10


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
@given(cut=st.integers(5, 4000))
def test_a_compressed_file_that_is_cut_off(
    tmp_path_factory: pytest.TempPathFactory, compress: object, cut: int
) -> None:
    """A compressed file without its end never passes for a shorter one."""
    assert callable(compress)
    path = tmp_path_factory.mktemp("cut") / "issues.csv.gz"
    whole = compress(bytes(hashlib.sha256(bytes([n])).digest()[n % 32] for n in range(256)) * 20)
    path.write_bytes(whole[: min(cut, len(whole) - 1)])
    with pytest.raises(SourceNotReady, match=r"issues\.csv\.gz ends in the middle of its compressed data"):
        read(path)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """It is spelled out where it is shown, and the file is read all the same."""
    path = tmp_path / os.fsdecode(b"bad\xff.csv")
    path.write_bytes(b"a,b\n")
    (file,) = find(path)
    assert (file.name, file.path.read_bytes()) == (f"{tmp_path}/bad\\xff.csv", b"a,b\n")
    with pytest.raises(SourceNotReady, match=r"none\\xff\.csv does not exist"):
        find(tmp_path / os.fsdecode(b"none\xff.csv"))


def test_damaged_compression(tmp_path: Path) -> None:
    """Damage inside is a sentence too."""
    for compressed in (gzip.compress(b"a" * 1000), zstandard.compress(b"a" * 1000)):
        path = tmp_path / "issues.gz"
        path.write_bytes(compressed[:4] + b"\xff" * 16 + compressed[20:])
        with pytest.raises(SourceError, match="is damaged"):
            read(path)


def test_without_the_zstd_library(tmp_path: Path) -> None:
    """Where zstandard is not installed, the error says how to install it."""
    path = tmp_path / "a.csv.zst"
    path.write_bytes(zstandard.compress(b"a\n1\n"))
    code = (
        "import sys; sys.modules['zstandard'] = None\n"
        "from importer.errors import SourceError; from importer.sources.survey import *\n"
        "try: open_source([sys.argv[1]], SourceOptions())\n"
        "except SourceError as error: print(error.hint)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == how_to_install("zstd")


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that isn't there may come yet."""
    for path in (tmp_path / "none.csv", tmp_path / "none" / "a.csv"):
        with pytest.raises(SourceNotReady, match="does not exist"):
            find(path)


def test_an_empty_file(tmp_path: Path) -> None:
    """A file of 0 bytes is not written yet."""
    (tmp_path / "a.csv").touch()
    with pytest.raises(SourceNotReady, match="is empty: 0 bytes"):
        find(tmp_path / "a.csv")


def test_a_directory(tmp_path: Path) -> None:
    """A directory is no source; its files are named as a shell reads them."""
    folder = tmp_path / "Ann's exports"
    folder.mkdir()
    with pytest.raises(SourceError, match="is a directory") as raised:
        find(folder)
    assert raised.value.hint == f"Name the files in it: {shell_quote(str(folder))}/*.csv"


def test_a_device() -> None:
    """What never ends fills no disk."""
    with pytest.raises(SourceError, match="/dev/zero is a device"):
        find(Path("/dev/zero"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """Missing permission is a sentence."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    path.chmod(0)
    with pytest.raises(SourceError, match="can't be read: Permission denied"):
        read(path)


def test_no_file_and_standard_input_twice() -> None:
    """What can't work is refused before anything is read."""
    for paths in ((), ("-", "-")):
        with pytest.raises(UsageError):
            find(*paths)


def test_closed_standard_input() -> None:
    """Without a standard input there is a sentence."""
    code = (
        "import sys; sys.stdin = None\n"
        "from importer.errors import UsageError; from importer.sources.survey import *\n"
        "try: open_source(['-'], SourceOptions())\n"
        "except UsageError as error: print(error.message)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "Standard input is closed."


def test_a_pipe_is_spooled(tmp_path: Path) -> None:
    """A pipe is kept in a private file without a name, which can be read twice and goes away."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a\n1\n",))
    writer.start()
    with ExitStack() as stack:
        [file] = find_files([str(pipe)], stack)
        writer.join()
        assert file.name == str(pipe)
        assert file.spooled
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        assert file.path.read_bytes() == b"a\n1\n"
    assert not file.path.exists()


def test_the_digest_is_over_stored_bytes(tmp_path: Path) -> None:
    """The digest is SHA-256 over the bytes of all files in order, compressed ones as they are."""
    contents = [gzip.compress(b"a\n1\n"), b"b\n2\n"]
    paths = [tmp_path / "1", tmp_path / "2"]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    assert digest_files(find(*paths)) == hashlib.sha256(b"".join(contents)).hexdigest()
