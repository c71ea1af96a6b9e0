"""Decoding files without guessing: by a byte order mark, else as the user says, else as UTF-8.

Where that fails, the encodings are ranked by how plausible the text is that they give: for the hint in the error alone.
charset-normalizer found 18 of the 23 texts in test_encodings.py, and neither `Größe` nor `Ísland` in cp1252.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import BinaryIO, NamedTuple, TextIO

from importer.errors import SourceError, SourceNotReady, UsageError
from importer.sources.files import StoredFile, cut_off, open_file, still_written

# UTF-32 comes first, as its mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
USUAL = "cp1252"
"""The most frequent encoding of exports that are not UTF-8."""
ANY_ENCODING = "Name its encoding with --encoding, or export it as UTF-8."
OTHERS_SHOWN = 3
BEFORE_SHOWN, SHOWN = 15, 40
"""The characters of a text that a hint shows: those before the first non-ASCII one, and in all."""

BLOCK_BYTES = 64 * 1024


class OpenText(NamedTuple):
    """An open text file: `stored` tells how many stored bytes were read, `text` yields characters."""

    stored: BinaryIO
    text: TextIO


def check_encoding(name: str) -> None:
    """Raise UsageError if Python knows no text encoding of this name."""
    try:
        "a".encode(name)
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"{name!r} is not an encoding.", hint=f"Try for example --encoding {USUAL} or --encoding utf-8."
        ) from error


def choose_encoding(head: bytes, option: str | None) -> str:
    """Return the encoding of a file by its first bytes; a byte order mark overrides the option."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    return option or "utf-8"


@contextmanager
def open_text(file: StoredFile, encoding: str) -> Iterator[OpenText]:
    """Open a file as text; line ends are kept.

    Raises, now or while it is read, SourceError for bytes that are invalid in the encoding, SourceNotReady if the file
    ends inside a character.
    """
    with open_file(file) as (stored, data):
        try:
            yield OpenText(stored, io.TextIOWrapper(data, encoding=encoding, newline=""))
        except UnicodeError as error:
            with open_file(file) as (_, again):
                raise find_bad_bytes(file.name, lambda: again.read(BLOCK_BYTES), encoding) from error


def find_bad_bytes(name: str, read: Callable[[], bytes], encoding: str) -> SourceError | SourceNotReady:
    """Return the error that locates invalid bytes by line and offset, which the text reader doesn't know.

    `read` returns the next block of the file, b"" at its end.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    # Counts lines as the readers do: CR LF is one line end, even across blocks.
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line, offset = 1, 0
    while True:
        block = read()
        needs_mark = codecs.lookup(encoding).name in ("utf-16", "utf-32")  # which nothing but a mark gives an order
        if not offset and needs_mark and not block.startswith(tuple(BYTE_ORDER_MARKS)):
            message = f"{name} has no byte order mark, which {encoding} requires."
            return SourceError(message, hint=_suggest_wide(block) or ANY_ENCODING)
        waiting = decoder.getstate()[0]
        try:
            line += newlines.decode(decoder.decode(block, final=not block), final=not block).count("\n")
        except UnicodeDecodeError as error:
            if not block:
                half = error.object[error.start :].hex(" ")
                where = f"in the middle of a character (line {line:,}, bytes {half})"
                otherwise = f"its encoding isn't {error.encoding}: name the right one with --encoding."
                return cut_off(name, where, f"If it is complete, {otherwise}")
            good = block[: max(0, error.start - len(waiting))]  # the decoder still holds the waiting bytes
            line += newlines.decode(decoder.decode(good), final=True).count("\n")
            return _undecodable(name, encoding, line, offset - len(waiting) + error.start, error)
        except UnicodeError as error:
            return SourceError(f"{name}:{line}: is not {encoding}: {error}.")
        if not block:
            return still_written(name)
        offset += len(block)


def _suggest_wide(head: bytes) -> str:
    """Return a hint with the encoding that explains the NUL bytes, if one does."""
    encoding = wide_encoding(head)
    return f"It seems to be {encoding} without a byte order mark: --encoding {encoding}" if encoding else ""


def _undecodable(name: str, encoding: str, line: int, offset: int, error: UnicodeDecodeError) -> SourceError:
    sample = error.object
    if b"\0" in sample and not encoding.startswith(("utf-16", "utf-32")):
        return binary_file(name, sample)
    bad = sample[error.start : error.end].hex(" ")
    message = f"{name}:{line}: the bytes {bad} at byte {offset:,} of the text are not valid {encoding}."
    # From the beginning of the line, so that the sample begins with a whole character.
    return SourceError(message, hint=_suggest(sample[sample.rfind(b"\n", 0, error.start) + 1 :], encoding))


def _suggest(sample: bytes, encoding: str) -> str:
    """Return a hint with the likeliest encoding and the text in it, so that the user can see whether it is right."""
    # A file that mixes encodings: try the line alone.
    ranked = rank_encodings(sample, encoding) or rank_encodings(sample.partition(b"\n")[0], encoding)
    if not ranked:
        return ANY_ENCODING
    best, text = ranked[0]
    first = next(place for place, character in enumerate(text) if character >= "\x80")
    shown = " ".join(text[max(0, first - BEFORE_SHOWN) :][:SHOWN].split())
    others = ", ".join([name for name, other in ranked[1:] if other != text][:OTHERS_SHOWN])
    return f"Try --encoding {best}: the text then reads “{shown}”." + (
        f" If that is wrong: {others}." if others else ""
    )


def can_decode(sample: bytes, encoding: str) -> bool:
    """Whether bytes are valid in an encoding; the last character may be cut off."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeError:
        return False
    return True


def binary_file(name: str, head: bytes) -> SourceError:
    """Return the error for a file with NUL bytes; the hint names UTF-16 or UTF-32 if it is valid in that."""
    hint = _suggest_wide(head) or "Export the issues as CSV or JSON."
    return SourceError(f"{name} is not text: it contains NUL bytes.", hint=hint)


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
"""What only Turkish has there: all others are the same bytes in cp1252, where Icelandic has letters in these places."""
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


def _alphabet(letters: frozenset[str], weight: float, alone: frozenset[str] = frozenset()) -> Callable[[str], float]:
    """Return a rating for text of these letters among ASCII letters; it must have one of those that it has `alone`."""

    def rate(text: str) -> float:
        usual = sum(character in letters for character in _high(text)) + len(_TYPOGRAPHY.findall(text))
        return 0.0 if alone and alone.isdisjoint(text) else weight * max(0, usual - _turned(text)) / len(_high(text))

    return rate


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
    "cp1254": _alphabet(_TURKISH, 1.01, _TURKISH_ALONE),
    "cp1252": _latin,
    "cp1250": _central,
    "cp1251": _cyrillic,
    "koi8_r": _cyrillic,
    "cp866": lambda text: 0.98 * _cyrillic(text),
    "mac_roman": lambda text: 0.95 * _latin(text),
    "cp1257": _alphabet(_BALTIC, 0.9),  # Lithuanian, Latvian, Estonian
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
        has_controls = any("\x80" <= character <= "\x9f" for character in text)
        rating = 0.0 if has_controls else rate(text)
        if rating >= LIKELY:
            rated.append((rating, encoding, text))
    rated.sort(key=lambda entry: -entry[0])  # of equals the first in RATINGS
    return [(encoding, text) for _, encoding, text in rated]


def _decode(sample: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeError:
        return None


def wide_encoding(head: bytes) -> str:
    """Return the UTF-16 or UTF-32 encoding that explains the NUL bytes, "" if none does."""
    if head.count(0) < WIDE_NULS:
        return ""
    parts = [head[place::4] for place in range(4)]
    nuls = [part.count(0) / len(part) for part in parts]
    if min(nuls[2:]) > WIDE_SHARE:
        encoding = "utf-32-le"
    elif min(nuls[:2]) > WIDE_SHARE:
        encoding = "utf-32-be"
    else:
        encoding = "utf-16-le" if nuls[1] + nuls[3] > nuls[0] + nuls[2] else "utf-16-be"
    text = _decode(head, encoding)
    return encoding if text is not None and not any(character < "\t" for character in text) else ""
