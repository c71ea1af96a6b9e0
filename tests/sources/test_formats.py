"""Which format a file has."""

from __future__ import annotations

import pytest

from importer.errors import SourceError
from importer.sources.formats import Format, choose_format, refuse_foreign


@pytest.mark.parametrize(
    ("name", "sample", "found"),
    [
        ("a.csv", "[1", "csv"),
        ("a.TSV", "x", "csv"),
        ("a.txt.gz", "{", "csv"),
        ("a.ndjson", "{}", "jsonl"),
        ("a.jsonl.zst", "{}", "jsonl"),
        ("a.json", '{"a": 1}', "json"),
        ("a.json", '\n{"a": 1}\n\n{"a": 2}\n', "jsonl"),
        ("a.json", '{"a": "\0"}\n{"a": 2}\n', "jsonl"),
        ("a.json", '{"a": 1}\n', "json"),
        ("a.json", '{\n"a": {}\n}', "json"),
        ("a.json.gz", '{"a": 1}\n{"a": 2', "jsonl"),
        ("-", ' \n[{"a": 1}]', "json"),
        ("-", '{"a": 1}\n{"a": 2}', "jsonl"),
        ("-", "a,b", "csv"),
        ("export.2024", "a,b", "csv"),
    ],
)
def test_the_format_is_found(name: str, sample: str, found: Format) -> None:
    """The extension decides, below a compression's; else the first character; JSON lines are known in .json too."""
    assert choose_format(name, sample, None) == found


def test_the_option_decides() -> None:
    """What the user says is stronger than name and content."""
    assert choose_format("a.csv", '{"a": 1}', "jsonl") == "jsonl"


@pytest.mark.parametrize("sample", ["<?xml version", "  <!DOCTYPE html>", "<HTML>", "<table>", "<rss>"])
def test_markup_is_refused(sample: str) -> None:
    """A web page or XML under the name of a CSV says what it is and what to do."""
    with pytest.raises(SourceError, match=r"a\.csv is (XML|HTML)") as raised:
        choose_format("a.csv", sample, None)
    assert "Export the issues as CSV or JSON" in raised.value.hint


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"PK\x03\x04", "xlsx"), (b"\xd0\xcf\x11\xe0", "xls"), (b"%PDF-1.4", "PDF")],
)
def test_other_kinds_of_files_are_refused(head: bytes, what: str) -> None:
    """Workbooks, archives and documents say what they are."""
    with pytest.raises(SourceError, match=what) as raised:
        refuse_foreign("a.csv", head, None)
    assert "Export" in raised.value.hint


@pytest.mark.parametrize(
    "head",
    ["a,b\n1,2\n".encode("utf-16-le"), "ключ,тема\n1,да\n".encode("utf-16-be"), b"a,b\n\xff\0", b"a\0\0bc" * 500],
)
def test_binary_files_are_refused(head: bytes) -> None:
    """Many NUL bytes, or one in what is no UTF-8, are no text."""
    with pytest.raises(SourceError, match="not text") as raised:
        refuse_foreign("a.csv", head, None)
    assert "utf-16-le" in raised.value.hint


@pytest.mark.parametrize("head", [b"a,b\n1,\0\n", b"a,b\n" + b"1,\0" + b"x" * 100, "a,\0é".encode()[:-1]])
def test_a_few_nuls_are_text(head: bytes) -> None:
    """A few NUL bytes in valid UTF-8 are a matter of their rows, however short the file is."""
    refuse_foreign("a.csv", head, None)


@pytest.mark.parametrize(("head", "encoding"), [(b"a\0", "utf-16-le"), (b"\xff\xfea\0", None), (b"a,b", None)])
def test_text_is_accepted(head: bytes, encoding: str | None) -> None:
    """NUL bytes are fine where an encoding or a byte order mark explains them."""
    refuse_foreign("a.csv", head, encoding)
