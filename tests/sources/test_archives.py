"""Zip archives as sources: which of their files is read, and what is refused."""

from __future__ import annotations

import codecs
import io
import stat
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import split

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.errors import ImporterError, SourceError, SourceNotReady
from importer.records import Ref
from importer.sources import archives
from importer.sources.archives import DIRECTORY_BYTES
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.read_rows import texts_of

ID = Ref("column", "id")
TABLE = b"id,title\n1,One\n2,Two\n"


def pack(path: Path, members: Mapping[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> str:
    """Write an archive; give its path."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


def read(*sources: str) -> dict[str, list[str]]:
    """File of the source → the ids in it."""
    with open_source(sources, SourceOptions()) as source:
        found: dict[str, list[str]] = {file.name: [] for file in source.files}
        for source_rows in source.read([ID]):
            found[source.files[source_rows.file].name] += texts_of(source_rows, ID)
        return found


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_the_only_export_is_read(tmp_path: Path) -> None:
    """Whatever lies beside it: pictures, what systems hide, folders, links, and paths that lead out of it."""
    members: dict[str | zipfile.ZipInfo, bytes] = {
        "My board/": b"",
        "My board/issues.csv": TABLE,
        "My board/picture.png": b"\x89PNG",
        "__MACOSX/My board/._issues.csv": b"\0\5\x16\7",
        ".hidden.csv": TABLE,
        "../../etc/cron.d/x.csv": TABLE,
        "/etc/y.csv": TABLE,
        link("z.csv"): b"/etc/passwd",
        "README.txt": b"Read me",
    }
    path = pack(tmp_path / "export.zip", members)
    assert read(path) == {f"{path}/My board/issues.csv": ["1", "2"]}
    assert read(f"{path}/README.txt".replace("README.txt", "My board/issues.csv")) == read(path)
    assert [each.name for each in tmp_path.iterdir()] == ["export.zip"]
    text = pack(tmp_path / "a.zip", {"issues.txt": TABLE})
    assert read(text) == {f"{text}/issues.txt": ["1", "2"]}


def test_of_several_the_command_names_them(tmp_path: Path) -> None:
    """Which has the issues is not guessed; what is to be typed reads all of them, as one source."""
    path = pack(tmp_path / "export.zip", {"a b.csv": TABLE, "c.json": b'[{"id": "3"}]'})
    with pytest.raises(SourceError, match=r"has 2 files that may be exports: a b\.csv, c\.json\.$") as raised:
        read(path)
    program, command, *sources = split(raised.value.hint.partition(": ")[2])
    assert (program, command) == ("triage-import", "validate")
    assert read(*sources) == {f"{path}/a b.csv": ["1", "2"], f"{path}/c.json": ["3"]}
    many = pack(tmp_path / "boards.zip", {f"{n}.csv": TABLE.replace(b"title", b"title %d" % n) for n in range(9)})
    with pytest.raises(SourceError) as raised:
        read(many)
    assert len(read(*split(raised.value.hint.partition(": ")[2])[2:])) == 9, "what is pasted leaves none out"


def test_several_of_one_kind_are_read(tmp_path: Path) -> None:
    """Pages of a table with one header, and boards with the same keys; of Notion's pair the one with all columns."""
    pages = pack(tmp_path / "pages.zip", {"1.csv": TABLE, "2.csv": codecs.BOM_UTF8 + TABLE, "read me.txt": b"x"})
    assert read(pages) == {f"{pages}/1.csv": ["1", "2"], f"{pages}/2.csv": ["1", "2"]}
    boards: dict[str | zipfile.ZipInfo, bytes] = {
        f"{name}.json": b'[{"id": "%s", "name": "x"}]' % name.encode() for name in "ab"
    }
    path = pack(tmp_path / "boards.zip", boards)
    assert read(path) == {f"{path}/a.json": ["a"], f"{path}/b.json": ["b"]}
    notion = pack(tmp_path / "notion.zip", {"Tasks 1a.csv": TABLE.replace(b"id", b"ID"), "Tasks 1a_all.csv": TABLE})
    assert read(notion) == {f"{notion}/Tasks 1a_all.csv": ["1", "2"]}
    with pytest.raises(SourceError, match="2 files that may be exports"):
        read(pack(tmp_path / "tables.zip", {"issues.json": b'[{"id": 1}]', "users.json": b'[{"login": "a"}]'}))


@pytest.mark.parametrize(
    ("members", "said", "hint"),
    [
        ({}, "no CSV, JSON or workbook in it. It holds nothing", "Export the issues as CSV or JSON"),
        ({"a.pdf": b"%PDF"}, "no CSV, JSON or workbook in it. It holds a.pdf", "Export the issues as CSV or JSON"),
        ({"Part-1.zip": b"PK"}, "It holds Part-1.zip", "unzip "),
        ({"issues.csv.gz": b"\x1f\x8b"}, "It holds issues.csv.gz", "unzip "),
        ({"issues": b"id\n1\n"}, "It holds issues", "export.zip/issues"),
        ({"big.csv": bytes(10**7)}, "would unpack from 0.0 MB to 10.0 MB", "unzip "),
    ],
    ids=["empty", "no export", "archives", "packed twice", "without extension", "bomb"],
)
def test_what_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    members: dict[str | zipfile.ZipInfo, bytes],
    said: str,
    hint: str,
) -> None:
    """An archive without an export, with archives in it, and one that would be ever so large."""
    monkeypatch.setattr(archives, "BOMB_BYTES", 10**7 - 1)
    path = pack(tmp_path / "export.zip", members)
    with pytest.raises(SourceError) as raised:
        read(path)
    assert said in raised.value.message
    assert hint in raised.value.hint


def test_a_name_that_is_not_in_it(tmp_path: Path) -> None:
    """It says what is; a file that is no archive has nothing in it."""
    path = pack(tmp_path / "export.zip", {"a.csv": TABLE})
    with pytest.raises(SourceError, match=r"with no b\.csv in it\. It holds a\.csv\.") as raised:
        read(f"{path}/b.csv")
    assert raised.value.hint.endswith(f": triage-import validate {path}/a.csv")
    Path(tmp_path, "a.csv").write_bytes(TABLE)
    for path_of_none in (f"{tmp_path}/a.csv/b.csv", "/dev/null/b.csv"):
        with pytest.raises(SourceNotReady, match="does not exist"):
            read(path_of_none)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.csv", TABLE)
    with pytest.raises(SourceError, match=r"has a\.csv twice"):
        read(path)


def test_encrypted_and_oddly_compressed(tmp_path: Path) -> None:
    """Both are refused before anything is read, with the command that unpacks them."""
    path = Path(pack(tmp_path / "export.zip", {"a.csv": TABLE}))
    data = path.read_bytes()
    place = data.rindex(b"PK\x01\x02")
    for offset, what in ((8, "is encrypted"), (10, r"can't be read here \(method 9\)")):
        damaged = bytearray(data)
        damaged[place + offset] = 9
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match=what) as raised:
            read(str(path))
        assert raised.value.hint == f"Unpack it and give the file: unzip {path}"


def test_too_many_files_to_list(tmp_path: Path) -> None:
    """The table of contents is held in memory: a huge one is refused by what the archive says of its size."""
    path = Path(pack(tmp_path / "export.zip", {"a.csv": TABLE}))
    data = bytearray(path.read_bytes())
    data[-10:-6] = (DIRECTORY_BYTES + 1).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(SourceError, match="has too many files"):
        read(str(path))


def sample() -> bytes:
    """An archive of one table."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", TABLE * 50)
        return file.getvalue()


@given(cut=st.integers(4, len(sample()) - 1))
def test_an_archive_that_is_cut_off(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Its table of contents is missing: it may still be written."""
    path = tmp_path_factory.mktemp("cut") / "export.zip"
    path.write_bytes(sample()[:cut])
    with pytest.raises(SourceNotReady, match="ends in the middle"):
        read(str(path))


@given(place=st.integers(4, len(sample()) - 1), byte=st.integers(0, 255))
@example(place=sample().rindex(b"PK\x01\x02") + 6, byte=255)  # a version that is not known
@example(place=sample().rindex(b"PK\x01\x02") + 46, byte=0)  # its name ends before it begins
@example(place=sample().rindex(b"PK\x05\x06") + 16, byte=255)  # where the table of contents begins
def test_a_damaged_archive(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    """It is read as it was, or refused with a sentence."""
    path = tmp_path_factory.mktemp("damaged") / "export.zip"
    data = bytearray(sample())
    data[place] = byte
    path.write_bytes(data)
    with suppress(ImporterError):
        assert [len(ids) for ids in read(str(path)).values()] == [149]


def test_the_digest_is_that_of_the_file_in_it(tmp_path: Path) -> None:
    """Two exports of one archive are two sources, and one that was packed again is the same."""
    paths = [pack(tmp_path / f"{number}.zip", {"a.csv": TABLE, "b.csv": TABLE[:-1]}, number) for number in (0, 8)]
    digests = []
    for source in [f"{path}/{name}.csv" for path in paths for name in "ab"]:
        with open_source([source], SourceOptions()) as opened:
            digests.append(opened.digest())
    assert digests[:2] == digests[2:]
    assert digests[0] != digests[1]
