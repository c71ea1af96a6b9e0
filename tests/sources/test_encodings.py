"""Bytes → text."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError, SourceNotReady, UsageError
from importer.records import Ref
from importer.sources.encodings import check_encoding, choose_encoding, find_bad_bytes, rank_encodings, wide_encoding
from tests.harness.read_rows import raws_of
from tests.harness.source_files import MakeSource


def test_a_mark_is_stronger_than_the_option() -> None:
    """A byte order mark is evidence; the option is for files without one."""
    assert choose_encoding(b"\xef\xbb\xbfa", "cp1252") == "utf-8-sig"
    assert choose_encoding(b"a", "cp1252") == "cp1252"
    assert choose_encoding(b"a", None) == "utf-8"


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "utf-16-le"])
def test_the_option_names_the_encoding(make_source: MakeSource, encoding: str) -> None:
    """Other encodings are read where the user names them."""
    text = "a,b\nx,é\n" if encoding == "cp1252" else "a,b\nx,表\n"
    [source_rows] = make_source(text.encode(encoding), encoding=encoding).read([Ref("column", "b")])
    assert source_rows.column(1) == [text[-2]]


@pytest.mark.parametrize("name", ["utf-9", "", "base64", "rot13", "a\0"])
def test_what_is_no_encoding(name: str) -> None:
    """An unknown name is a usage error that shows a known one."""
    with pytest.raises(UsageError, match="is not an encoding") as raised:
        check_encoding(name)
    assert "--encoding cp1252" in raised.value.hint


def test_a_bad_byte_far_down(make_source: MakeSource) -> None:
    """A byte that is not valid is named by file, line and offset while runs are read, with the next thing to type."""
    before = "".join(f"{row},é\r\n" for row in range(60_000))
    content = f"a,b\r\n{before}".encode() + "x,caf\xe9 y\r\n".encode("cp1252")
    offset = f"{len(content) - 5:,}"
    source = make_source(content)
    with pytest.raises(SourceError, match=rf"issues\.csv:60002: the bytes e9 at byte {offset} ") as raised:
        list(source.read([]))
    assert raised.value.hint.startswith("Try --encoding cp1252")


@given(st.text(alphabet="aé\r\n", max_size=300), st.sampled_from([1, 2, 3]))
def test_the_place_of_a_bad_byte(text: str, block: int) -> None:
    """Line and offset are right wherever the bad byte is and however the file is cut into blocks."""
    good = text.encode()
    stream = iter([*(good[start : start + block] for start in range(0, len(good), block)), b"\xff"])
    line = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    error = find_bad_bytes("f", lambda: next(stream, b""), "utf-8")
    assert error.message.startswith(f"f:{line}: the bytes ff at byte {len(good):,} ")


@pytest.mark.parametrize(
    ("encoding", "bad"), [("utf-16-be", b"\xdc\x00"), ("utf-16-le", b"\x00\xdc"), ("shift_jis", b"\x81\xff")]
)
def test_bad_bytes_in_other_encodings(make_source: MakeSource, encoding: str, bad: bytes) -> None:
    """The line is right in every encoding, whichever block it is in."""
    mark = "" if encoding == "shift_jis" else "\ufeff"
    content = (mark + "a,b\n" + "表,示\n" * 20_000 + "x").encode(encoding) + bad + "\n".encode(encoding)
    option = encoding if encoding == "shift_jis" else None
    with pytest.raises(SourceError, match=r"issues\.csv:20002: the bytes"):
        list(make_source(content, encoding=option).read([]))


def test_a_bad_byte_in_a_compressed_file(make_source: MakeSource) -> None:
    """The offset counts the decompressed text."""
    with pytest.raises(
        SourceError, match=r"a\.csv\.gz:2: the bytes 81 at byte 2 of the text are not valid utf-8"
    ) as raised:
        make_source(gzip.compress(b"a\n\x81\n"), "a.csv.gz")
    assert "cp1252" not in raised.value.hint


def test_a_file_that_ends_inside_a_character(make_source: MakeSource) -> None:
    """Half a character at the end is rather a file that is still being written than another encoding."""
    with pytest.raises(SourceNotReady, match=r"ends in the middle of a character \(line 3, bytes e2 9c\)") as raised:
        make_source("a\nx\n✓".encode()[:-1])
    assert "its encoding isn't utf-8: name the right one with --encoding" in raised.value.hint


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff"), ("shift_jis", "")])
def test_half_a_character_far_down(make_source: MakeSource, encoding: str, mark: str) -> None:
    """A file that ends inside a character is found in every encoding, while runs are read."""
    content = (mark + "a,b\n" + "表,示\n" * 70_000 + "x,示").encode(encoding)[:-1]
    source = make_source(content, encoding=None if mark else encoding)
    with pytest.raises(SourceNotReady, match=r"in the middle of a character \(line 70,002"):
        list(source.read([]))


def test_a_binary_file(make_source: MakeSource) -> None:
    """NUL bytes in a file that can't be decoded mean that it is no text."""
    with pytest.raises(SourceError, match="is not text: it contains NUL bytes"):
        make_source(b"a" * 5000 + b"\n\0\xff\n")


def test_utf_16_without_its_mark(make_source: MakeSource) -> None:
    """Of an encoding that demands a byte order mark it is said that there is none, and how to name the byte order."""
    with pytest.raises(SourceError, match=r"has no byte order mark, which utf-16 requires") as refused:
        make_source("a,b\n1,2\n".encode("utf-16-be"), encoding="utf-16")
    assert refused.value.hint == "It seems to be utf-16-be without a byte order mark: --encoding utf-16-be"
    with pytest.raises(SourceError, match=r"has no byte order mark, which UTF32 requires") as refused:
        make_source(b"a,b\n1,2\n", encoding="UTF32")
    assert "with --encoding" in refused.value.hint


def test_utf_32_with_its_mark(make_source: MakeSource) -> None:
    """The mark of UTF-32, which begins as that of UTF-16 does, is known."""
    [source_rows] = make_source("größe,b\n✓,😀\n".encode("utf-32")).read([])
    assert raws_of(source_rows) == [["✓", "😀"]]


def test_one_line_in_another_encoding(make_source: MakeSource) -> None:
    """Where the rest of the file is UTF-8, the hint goes by the line that isn't."""
    content = "id,title\n1,größe\n".encode() + "2,prüfen\n".encode("cp1252") + "3,größe ✓\n".encode()
    with pytest.raises(SourceError, match=r"issues\.csv:3: the bytes fc") as raised:
        make_source(content).close()
    assert raised.value.hint.startswith("Try --encoding cp1252: the text then reads “2,prüfen”.")


TEXTS = [
    ("cp1252", "Größe,Überblick\ncafé à l'été, naïve résumé — “quoted”"),
    ("cp1252", "¿Qué pasó? Año español"),
    ("cp1252", "don’t"),
    ("mac_roman", "Größe,Überblick, café à l'été"),
    ("cp1250", "Příliš žluťoučký kůň,Błąd przy logowaniu"),
    ("cp1251", "Ошибка при входе,Высокий приоритет"),
    ("koi8_r", "Ошибка при входе,Высокий приоритет"),
    ("shift_jis", "障害対応,件名,優先度 高い"),
    ("shift_jis", "ログインできません"),
    ("cp932", "①ログイン,髙橋"),
    ("euc_jp", "ログインできません"),
    ("gb18030", "登录失败,优先级高,问题标题"),
    ("big5", "登入失敗,優先順序高,問題標題"),
    ("euc_kr", "로그인 실패,우선순위 높음"),
    ("cp949", "똠방각하 펲시"),
    ("cp1253", "Σφάλμα κατά το άνοιγμα,Υψηλή"),
    ("cp1254", "Dosya açılırken hata oluştu,Açık"),
    ("cp1255", "שגיאה בפתיחת קבצים,לא עובד"),
    ("cp1256", "خطأ في فتح الملفات,الأولوية"),
    ("cp874", "ข้อผิดพลาดในการเปิดไฟล์,สถานะ"),
    ("cp866", "Ошибка при входе,Высокий приоритет"),
    ("cp850", "Größe,Überblick, café à l'été"),
    ("cp1252", "Ísland þýðir það, já"),
]


@pytest.mark.parametrize(("encoding", "text"), TEXTS)
def test_the_hint_shows_the_text(make_source: MakeSource, encoding: str, text: str) -> None:
    """The error names the line, the hint the encoding and what the text would be; nothing is read by a guess."""
    content = f"id,title\n1,plain\n2,{text}\n".encode(encoding)
    with pytest.raises(SourceError, match=r"issues\.csv:3: the bytes .* are not valid utf-8") as raised:
        make_source(content).close()
    assert raised.value.hint.startswith(f"Try --encoding {encoding}: the text then reads “2,{text[:8]}")


@pytest.mark.parametrize("text", ["Nepavyksta prisijungti šįvakar", "Kļūda, atverot failus"])
def test_an_encoding_that_is_named_beside_another(text: str) -> None:
    """Baltic letters are French and Icelandic ones elsewhere: it comes behind them, and its text is shown."""
    assert ("cp1257", text) in rank_encodings(text.encode("cp1257"))[:3]


def test_the_encoding_that_failed_is_not_proposed() -> None:
    """What the user has said already is no candidate."""
    sample = "Größe".encode("cp1252")
    assert rank_encodings(sample)[0][0] == "cp1252"
    assert "cp1252" not in [encoding for encoding, _ in rank_encodings(sample, "windows-1252")]


@given(st.binary(max_size=200), st.sampled_from(["", "utf-8", "cp1252"]))
def test_any_bytes_can_be_asked(sample: bytes, known: str) -> None:
    """Whatever the bytes are, there is an answer, in which each text is what the encoding makes of them."""
    for encoding, text in rank_encodings(sample, known):
        assert sample.decode(encoding, "ignore").startswith(text)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["id,title\n1,x\n", "ид,тема\n1,да\n2,нет\n"])
def test_wide_characters(encoding: str, text: str) -> None:
    """The places of the NUL bytes say how wide a character is, and which byte comes first."""
    assert wide_encoding(text.encode(encoding)) == encoding


@pytest.mark.parametrize("head", [b"", b"a,b\n\xff\0", bytes(range(256)), b"\0\0\0\0\0\0\0\0"])
def test_what_is_not_wide(head: bytes) -> None:
    """Other bytes with NULs are no text."""
    assert wide_encoding(head) == ""
