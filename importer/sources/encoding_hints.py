"""Ranking encodings of undecodable bytes by how plausible the decoded text is. Used for hints in errors only."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from itertools import pairwise

LIKELY = 0.5
"""The share of plausible characters that an encoding needs to be proposed."""
SAMPLE_BYTES = 16 * 1024
SIGNS, SIGN_WEIGHT = range(0xA1, 0xA4), 0.9
WIDE_NULS = 4
WIDE_SHARE = 0.9
"""The least share of NULs in the upper two bytes of each four that means UTF-32."""

_LATIN_LETTER = r"[A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽž]"
_LATIN_WORD = re.compile(rf"{_LATIN_LETTER}+")
_TYPOGRAPHY = re.compile("[€‚„…‘’“”•–—™©®°£§«»´·ºª½¼²µ\u00a0]|(?<![A-Za-z])[¿¡]")
_SIGN_IN_WORD = re.compile(
    rf"(?<={_LATIN_LETTER})[€„…“”•™©®°£§«»´ºª½¼²µ](?={_LATIN_LETTER})|(?<=[A-Za-z])[‚„]|™(?={_LATIN_LETTER})|(?<!l)·(?!l)"
)
"""Signs that no text has there: what letters of DOS and of the Mac become."""
_LETTERS = re.compile(r"[^\W\d_]+")
_PLAIN_LETTER = re.compile("[A-Za-z]")
_CYRILLIC = frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁёІіЇїЄєҐґЎў")
_TURKISH = frozenset("çğıöşüÇĞİÖŞÜâîûÂÎÛ")
_TURKISH_ALONE = frozenset("ğışĞİŞ")
"""What only Turkish has there: all others are the same bytes in cp1252."""
_BALTIC = frozenset("ąčęėįšųūžĄČĘĖĮŠŲŪŽāēģīķļņĀĒĢĪĶĻŅõäöüÕÄÖÜ")
_HEBREW_INNER = re.compile("[ךםןףץ](?=[א-ת])")
"""Forms of letters that only end a word."""
_GREEK_ODD = re.compile(r"ς(?=\w)|σ(?!\w)|[ΐΰ]")
_THAI_ODD = re.compile(r"(?<![ก-ฮ็-์ัิ-ฺ])[ะัำา-ฺ็-์]|[เ-ไ](?![ก-ฮ])|(?<=[ก-ฮ])[๐-๙]|[๐-๙](?=[ก-ฮ])")
"""Vowels and tones without their consonant, and digits among letters."""
_CENTRAL = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽőűŐŰäöüÄÖÜßâăîșțşţ")


def _high(text: str) -> list[str]:
    return [character for character in text if character >= "\x80"]


def _turned(text: str) -> int:
    """Count non-ASCII capitals right after small letters, which real text hardly has."""
    return sum(second >= "\x80" and first.islower() and second.isupper() for first, second in pairwise(text))


def _latin(text: str) -> float:
    """Rate Western text: single accented letters among ASCII letters, and typographic signs."""
    usual = len(_TYPOGRAPHY.findall(text)) - _turned(text) - 2 * len(_SIGN_IN_WORD.findall(text))
    for word in _LATIN_WORD.findall(text):
        accents = len(_high(word))
        usual += accents if 2 * accents <= len(word) + 1 else 0
    return max(0, usual) / len(_high(text))


def _central(text: str) -> float:
    """Rate Polish, Czech, Hungarian and Romanian text: their letters among ASCII letters."""
    usual = sum(character in _CENTRAL for character in _high(text)) + len(_TYPOGRAPHY.findall(text))
    letters = re.sub(r"[^\x00-\x7f]", lambda match: "é" if match[0] in _CENTRAL else match[0], text)
    return 0.99 * min((usual - _turned(text)) / len(_high(text)), _latin(letters))


def _cyrillic(text: str) -> float:
    """Rate Cyrillic text: words without ASCII letters, and no capital after a small letter."""
    words = [word for word in _LETTERS.findall(text) if not _PLAIN_LETTER.search(word)]
    letters = sum(character in _CYRILLIC for character in "".join(words)) + text.count("№")
    return max(0, letters - 3 * _turned(text)) / len(_high(text))


def _turkish(text: str) -> float:
    """Rate Turkish text, which has letters that only Icelandic has in cp1252, with others that Turkish lacks."""
    if _TURKISH_ALONE.isdisjoint(text):
        return 0.0
    usual = sum(character in _TURKISH for character in _high(text)) + len(_TYPOGRAPHY.findall(text))
    return 1.01 * max(0, usual - _turned(text)) / len(_high(text))


def _baltic(text: str) -> float:
    """Rate Lithuanian, Latvian and Estonian text: their letters among ASCII letters."""
    usual = sum(character in _BALTIC for character in _high(text)) + len(_TYPOGRAPHY.findall(text))
    return 0.9 * max(0, usual - _turned(text)) / len(_high(text))


def _script(letters: str, odd: re.Pattern[str], weight: float) -> Callable[[str], float]:
    """Return a rating for text of one script: words without other letters, and none with what it never has."""
    own = re.compile(rf"(?<!\w)[{letters}]+(?!\w)")

    def rate(text: str) -> float:
        count = sum(map(len, own.findall(text)))
        return weight * max(0, count - 3 * (len(odd.findall(text)) + _turned(text))) / len(_high(text))

    return rate


def _by_bytes(encoding: str, letters: range, weight: float) -> Callable[[str], float]:
    """Return a rating for a two-byte encoding: characters whose first byte is in `letters` are common ones.

    Punctuation has the same first bytes in all of these encodings, so it weighs less.
    """

    def rate(text: str) -> float:
        firsts = [raw[0] for character in _high(text) if len(raw := _encode(character, encoding)) == 2]
        rated = sum(weight if first in letters else SIGN_WEIGHT if first in SIGNS else 0.0 for first in firsts)
        return rated / len(_high(text))

    return rate


def _encode(character: str, encoding: str) -> bytes:
    return character.encode(encoding, "ignore")


def _japanese(text: str) -> float:
    """Rate Japanese text, which has many kana; half-width kana are what other encodings look like."""
    characters = _high(text)
    kana = sum("\u3040" <= character <= "\u30ff" for character in characters)
    kanji = sum(b"\x88" <= _encode(character, "cp932")[:1] <= b"\x97" for character in characters if character >= "一")
    if not (kana or kanji):
        return 0.0
    signs = sum("\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uff5e" for character in characters)
    return (kana + signs + kanji * (1.0 if kana else 0.8)) / len(characters)


# GB 2312 and Big5 order characters by frequency, EUC-KR orders syllables by sound.
RATINGS: dict[str, Callable[[str], float]] = {
    "cp1255": _script("א-ת", _HEBREW_INNER, 1.0),  # before Cyrillic, which takes all of its letters
    "cp1253": _script("Ά-ώ", _GREEK_ODD, 1.0),
    "cp1256": _script("ء-ي٠-٩پچژگ", re.compile(r"ة(?=\w)|ى(?=\w)"), 0.99),
    "cp874": _script("ก-ฺเ-๛", _THAI_ODD, 1.0),
    "cp1254": _turkish,
    "cp1252": _latin,
    "cp1250": _central,
    "cp1251": _cyrillic,
    "koi8_r": _cyrillic,
    "cp866": lambda text: 0.98 * _cyrillic(text),
    "mac_roman": lambda text: 0.95 * _latin(text),
    "cp1257": _baltic,
    "cp850": lambda text: 0.94 * _latin(text),
    "shift_jis": _japanese,
    "cp932": _japanese,
    "euc_jp": _japanese,
    "euc_kr": _by_bytes("euc_kr", range(0xB0, 0xC9), 1.0),
    "cp949": _by_bytes("euc_kr", range(0xB0, 0xC9), 1.0),
    "gb18030": _by_bytes("gb2312", range(0xB0, 0xD8), 0.98),
    "big5": _by_bytes("big5", range(0xA4, 0xC7), 0.97),
}


def rank_encodings(sample: bytes, known: str = "") -> list[tuple[str, str]]:
    """Return the encodings in which these bytes look like text, likeliest first, each with the decoded text.

    `known` is an encoding to leave out. The sample's last character may be cut.
    """
    rated = []
    excluded = codecs.lookup(known or "utf-8").name.replace("-", "_")
    for encoding, rate in RATINGS.items():
        text = _decode(sample[:SAMPLE_BYTES], encoding)
        if text is None or encoding == excluded or not _high(text):
            continue
        rating = 0.0 if _has_controls(text) else rate(text)
        if rating >= LIKELY:
            rated.append((rating, encoding, text))
    rated.sort(key=lambda entry: -entry[0])  # of equals the first in RATINGS
    return [(encoding, text) for _, encoding, text in rated]


def _decode(sample: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeError:
        return None


def _has_controls(text: str) -> bool:
    return any("\x80" <= character <= "\x9f" for character in text)


def wide_encoding(head: bytes) -> str:
    """Return the UTF-16 or UTF-32 encoding that explains the NUL bytes, "" if none does."""
    if head.count(0) < WIDE_NULS:
        return ""
    nuls = [_share_of_nuls(head, place) for place in range(4)]
    if min(nuls[2:]) > WIDE_SHARE:
        encoding = "utf-32-le"
    elif min(nuls[:2]) > WIDE_SHARE:
        encoding = "utf-32-be"
    else:
        encoding = "utf-16-le" if nuls[1] + nuls[3] > nuls[0] + nuls[2] else "utf-16-be"
    text = _decode(head, encoding)
    return encoding if text is not None and not any(character < "\t" for character in text) else ""


def _share_of_nuls(head: bytes, place: int) -> float:
    part = head[place::4]
    return part.count(0) / len(part) if part else 0.0
