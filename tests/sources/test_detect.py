"""Which format a file has."""

from __future__ import annotations

import pytest

from importer.errors import SourceError, UsageError
from importer.records import Format
from importer.sources.detect import check_delimiter, choose_format, find_delimiter, refuse_foreign


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
        ("a.csv", ' [{"id": 1}]', "json"),
        ("a.csv", '[\n  {\n    "id": 1', "json"),
        ("a.txt", '{"id": 1}\n{"id": 2}\n', "jsonl"),
        ("a.csv", '[["s", {"id": 1}]]', "json"),
        ("-", '["s", {"id": 1}]\n["s", {"id": 2}]\n', "jsonl"),
        ("a.json", '[{"id": 1}]\n[{"id": 2}]\n', "json"),
        ("a.jsonl", '[\n{"id": 1},\n{"id": 2}\n]\n', "json"),
        ("a.csv", "[id],[title]", "csv"),
        ("a.csv", "{id},b", "csv"),
        ("a.csv", "title: x\nb: y\nc: z\n", "csv"),
        ("a.csv", "<3,b", "csv"),
        ("a.csv", "From,Subject\n", "csv"),
        ("a.csv", "-- a,b\n1,2\n", "csv"),
    ],
)
def test_the_format_is_found(name: str, sample: str, found: Format) -> None:
    """The extension decides, below a compression's; else the first character; JSON is known under any name."""
    assert choose_format(name, sample, None) == found


def test_the_option_decides() -> None:
    """What the user says is stronger than name and content."""
    assert choose_format("a.csv", '{"a": 1}', "jsonl") == "jsonl"


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("a.csv", "<table><tr><th>Key</th></tr></table>"),
        ("a.html", '<html xmlns:x="urn:schemas-microsoft-com:office:excel">'),
        ("a.xml", '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>'),
        ("a.xls", "<html><body><table>"),
    ],
)
def test_a_workbook_that_is_markup(name: str, sample: str) -> None:
    """Old trackers call a page, or Excel's XML, a workbook: a spreadsheet opens it."""
    with pytest.raises(SourceError, match=r"is (XML|HTML)") as raised:
        choose_format(name, sample, None)
    assert raised.value.hint.startswith("Open it in a spreadsheet, and save it as CSV or .xlsx.")


@pytest.mark.parametrize("name", ["a.csv", "a.json", "-"])
def test_a_pointer_in_place_of_the_file(name: str) -> None:
    """A repository that was fetched without its large files has what Git LFS needs to get them."""
    with pytest.raises(SourceError, match="is a Git LFS pointer") as raised:
        choose_format(name, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", None)
    assert raised.value.hint == "Get it with: git lfs pull"


@pytest.mark.parametrize("sample", ["<?xml version", "  <!DOCTYPE html>", "<HTML>", "<rss>"])
def test_markup_is_refused(sample: str) -> None:
    """A web page or XML under the name of a CSV says what it is and what to do."""
    with pytest.raises(SourceError, match=r"a\.csv is (XML|HTML)") as raised:
        choose_format("a.csv", sample, None)
    assert "Export the issues as CSV or JSON" in raised.value.hint


@pytest.mark.parametrize(
    ("name", "sample", "what"),
    [
        ("a.csv", "<head><title>Log in", "HTML"),
        ("a.csv", "<!-- a comment -->", "HTML or XML"),
        ("a.csv", '<svg width="1">', "HTML or XML"),
        ("a.csv", "\n<!DOCTYPE issues SYSTEM", "HTML or XML"),
        ("a.yaml", "- id: 1\n  title: x\n- id: 2\n", "YAML"),
        ("export", "issues:\r\n- id: 1\r\n  title: x\r\n", "YAML"),
        ("a.csv", "---\n- id: 1\n", "YAML"),
        ("a.sql", "-- MySQL dump 10.13\n--\n-- Host: x\n", "an SQL dump"),
        ("a.csv", "--\n-- PostgreSQL database dump\n--\n", "an SQL dump"),
        ("a.csv", "/*!40101 SET NAMES utf8 */;\nINSERT INTO issues VALUES (1);", "an SQL dump"),
        ("a.csv", "create table issues (id int);", "an SQL dump"),
        ("a.eml", "Return-Path: <a@b.c>\nReceived: from x\n\tby y\nSubject: s\n", "an email"),
        ("a.txt", "From: a@b.c\nSubject: s\n\ntext", "an email"),
    ],
)
def test_text_of_another_kind_is_refused(name: str, sample: str, what: str) -> None:
    """Text that is no table says what it is; where the user names a format, only markup is refused."""
    with pytest.raises(SourceError, match=rf"{name} is {what}\.") as raised:
        choose_format(name, sample, None)
    assert raised.value.hint.startswith("Export the issues as CSV or JSON")
    if "HTML" not in what:
        assert choose_format(name, sample, "csv") == "csv"


@pytest.mark.parametrize("sample", ["-- " * 50_000, "--\n" * 50_000, "/*" * 50_000, "Date: x\n" + " y\n" * 50_000])
def test_long_beginnings_are_read_once(sample: str) -> None:
    """No pattern goes back over what it has read."""
    assert choose_format("a.csv", sample, None) == "csv"


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"{\\rtf1\\ansi", "RTF"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\x89PNG\r\n", "picture"),
        (b"%PDF-1.4", "PDF"),
    ],
)
def test_other_kinds_of_files_are_refused(head: bytes, what: str) -> None:
    """Documents and databases say what they are."""
    with pytest.raises(SourceError, match=what) as raised:
        refuse_foreign("a.csv", head, None)
    assert raised.value.hint == "Export the issues as CSV or JSON and give that file."


@pytest.mark.parametrize(
    ("head", "what", "command"),
    [
        (b"BZh91AY", "bzip2", "bunzip2"),
        (b"\xfd7zXZ\0\0", "xz", "unxz"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive", "7z x"),
        (b"Rar!\x1a", "RAR archive", "unrar x"),
        (b"issues.csv" + bytes(247) + b"ustar", "tar archive", "tar -xf"),
        (b"PK\x03\x04", "workbook", "gunzip"),
        (b"\xd0\xcf\x11\xe0", "xls", "gunzip"),
        (b"\x1f\x8b\x08", "compressed twice", "gunzip"),
    ],
)
def test_what_is_packed_says_how_to_unpack_it(head: bytes, what: str, command: str) -> None:
    """The command can be pasted; what is piped in has no name."""
    with pytest.raises(SourceError, match=what) as raised:
        refuse_foreign("my issues.csv", head, None)
    assert raised.value.hint.endswith(f": {command} 'my issues.csv'")
    with pytest.raises(SourceError, match=what) as raised:
        refuse_foreign("-", head, None)
    assert raised.value.hint == "Unpack it and give the file with the issues"


@pytest.mark.parametrize("head", [b"a,b\n\xff\0", b"a\0\0bc" * 500])
def test_binary_files_are_refused(head: bytes) -> None:
    """Many NUL bytes, or one in what is no UTF-8, are no text."""
    with pytest.raises(SourceError, match="not text") as raised:
        refuse_foreign("a.csv", head, None)
    assert raised.value.hint == "Export the issues as CSV or JSON."


def test_japanese_as_in_mails() -> None:
    """Its bytes are valid UTF-8, and would be nonsense, unless the encoding is named; a terminal's colours are text."""
    head = "key,件名\n1,ログイン\n".encode("iso2022_jp")
    with pytest.raises(SourceError, match="is text in iso2022_jp") as raised:
        refuse_foreign("a.csv", head, None)
    assert raised.value.hint == "Name its encoding: --encoding iso2022_jp"
    refuse_foreign("a.csv", head, "iso2022_jp")
    refuse_foreign("a.csv", b"key,log\n1,\x1b[0m$B\x1b$B\n", None)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["a,b\n1,2\n", "ключ,тема\n1,да\n", "id,件名\n1,障害対応\n" * 50])
def test_wide_text_without_a_mark(encoding: str, text: str) -> None:
    """Text of two or four bytes a character says which of the four it is, and is not read unasked."""
    with pytest.raises(SourceError, match="not text") as raised:
        refuse_foreign("a.csv", text.encode(encoding), None)
    assert raised.value.hint.endswith(f"--encoding {encoding}")


@pytest.mark.parametrize("head", [b"a,b\n1,\0\n", b"a,b\n" + b"1,\0" + b"x" * 100, "a,\0é".encode()[:-1]])
def test_a_few_nuls_are_text(head: bytes) -> None:
    """A few NUL bytes in valid UTF-8 are a matter of their rows, however short the file is."""
    refuse_foreign("a.csv", head, None)


@pytest.mark.parametrize(("head", "encoding"), [(b"a\0", "utf-16-le"), (b"\xff\xfea\0", None), (b"a,b", None)])
def test_text_is_accepted(head: bytes, encoding: str | None) -> None:
    """NUL bytes are fine where an encoding or a byte order mark explains them."""
    refuse_foreign("a.csv", head, encoding)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("title;text\none, two;x\nthree;y\n", ";"),
        ("a\tb,c\n1\t2\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('a;b\n"x\ny;z";2\n', ";"),
        ("a,b;c\n1,2\n3\n4,5\n", ","),
        ("sep=^\na,b^c\n1,2^3\n", "^"),
        ('"sep=;"\r\na,b,c;d\r\n1,2,3;4\r\n', ";"),
        ("sep=,b\n1,2\n", ","),
    ],
)
def test_the_delimiter_is_found_by_structure(text: str, delimiter: str) -> None:
    """The delimiter is the one that gives rows of the header's width."""
    assert find_delimiter(text) == delimiter


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Id,Title,State,Comment,Task\n1,T,open\n2,U,open,x\n3,V,open\n", ","),
        ("Id;Title;State;Comment;Task\n1;T;open\n2;U;open;x,y\n3;V;open\n", ";"),
        ("Say what, when, and where\nAll good\nBad, too\nNo\n", ";"),
    ],
)
def test_rows_that_end_early(text: str, delimiter: str) -> None:
    """They are ragged, which is said of each; a header that is read as one cell says nothing. Prose is no table."""
    assert find_delimiter(text) == delimiter


def test_a_sample_that_is_cut() -> None:
    """A last row that is cut doesn't count."""
    assert find_delimiter('a;b\n1;2\n3;"fo') == ";"
    assert find_delimiter("a;b;c\n1,5;2") == ";"


@pytest.mark.parametrize(("option", "delimiter"), [("tab", "\t"), (";", ";"), ("^", "^")])
def test_the_delimiter_can_be_said(option: str, delimiter: str) -> None:
    """Any character is a delimiter, and tab has a name."""
    assert check_delimiter(option) == delimiter


@pytest.mark.parametrize("option", ["", ";;", '"', "\n"])
def test_what_is_no_delimiter(option: str) -> None:
    """Anything else says what to type."""
    with pytest.raises(UsageError, match="is not a delimiter"):
        check_delimiter(option)
