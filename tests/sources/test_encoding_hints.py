"""Which encoding undeclared bytes may have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.sources.encodings import rank_encodings, wide_encoding
from tests.harness.source_files import MakeSource

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
