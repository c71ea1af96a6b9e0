"""Sanitises outgoing texts: no agent starts, nobody is pinged, no secret is sent unnoticed, no issue is marked twice.

Source: post/triage-issues-id-comments: a comment with `@norm` anywhere starts Norm, who is billed and can edit. How it
is matched is not said, so whatever anybody could read as `@norm` is taken for it: in any case, in letters of any width
or style or of other alphabets that look like these, with invisible characters or accents between them, as an entity of
HTML, behind markup that nobody sees (`@**norm**`), within a word or address. `%40norm` is left alone: nobody decodes
addresses before looking for a mention.

The `@` becomes `(at)`: a text without an at-sign has a mention in no reading, whatever is stripped from it or folded,
while `@` and an invisible break would be one again behind the first program that removes such characters.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from importer.records import Finding
from importer.transform.markers import MARKING, neutralise_markers
from importer.transform.scan import Scan
from importer.transform.secrets import SUSPICIOUS, find_secrets, mask

Treatment = Literal["defuse", "keep"]
Secrecy = Literal["warn", "mask", "refuse", "ignore"]
REPLACEMENT = "(at)"

_AMPERSAND = r"&(?:(?:amp|#0*+38(?!\d)|#x0*+26(?![\da-f]));?)*+"
_AT = re.compile(rf"[@﹫＠]|{_AMPERSAND}(?:commat|#0*+64(?!\d)|#x0*+40(?![\da-f]));?", re.IGNORECASE)
_AT_SIGNS = "@﹫＠&"
"""Only a text with one of these can match `_AT`."""
_RARE = Scan((*SUSPICIOUS, MARKING, "[﹫＠]"))
_SPELLED = re.compile(r"&(?=[#\w;]{0,40}&)")  # an entity whose own signs are entities: `&&#35;64;`
_ENTITY = re.compile(rf"{_AMPERSAND}((?:#\d{{1,7}}|#x[\da-f]{{1,6}}|[a-z][a-z\d]{{1,31}});?)", re.IGNORECASE)
# It begins with a sign, too: three blanks before a fence hold no mention.
_CODE = re.compile(
    r"[`~](?:(?:(?<=^.)|(?<=^ .)|(?<=^  .)|(?<=^   .))(?<=(.))(\1\1+)(?:[^\n]*+\n)+? {0,3}\1\2|(?<=`)[^`\n]+`)",
    re.MULTILINE,
)
# One sign is found far faster than one of two, and few texts have fences of tildes.
_CODE_IN_TICKS = re.compile(_CODE.pattern.replace("[`~]", "`", 1), re.MULTILINE)
# A sign of a mail address, of a symbol's version (`f@@GLIBC_2.2`), or of a web address (`?user=@ann`).
_NAME_BEFORE = re.compile(r"[\w.+%/-]@?\Z")
_ADDRESS_BEFORE = re.compile(r"[a-z]{2,10}://[^\s<>()\[\]\"'`|]*[=#?&:]\Z", re.IGNORECASE)
_ADDRESS_REACH = 300  # characters before an at-sign in which its web address begins
# `@https://…`, `@moz-extension://…` is how stack traces name a file, `@0x7ffe5f40` how debuggers write a pointer.
_ADDRESS = re.compile(r"[a-z][a-z\d+.-]{1,30}:(?://|file:)|0x[\da-f]{4,16}\b", re.IGNORECASE)
_MARKUP = re.compile(r"[*_~`\\\[]+|<!--.*?-->|</?[a-z][^<>]*>", re.IGNORECASE | re.DOTALL)
_MARKUP_REACH = 200  # characters behind an at-sign in which markup is looked for
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and signs that show nothing

# Unicode's confusables.txt for the four letters, as they are after NFKD and casefold; with the enclosed
# letters (🅝 🅽 🇳) that NFKD leaves alone, and the nearest look-alikes of other alphabets that the file doesn't have.
_LOOK_ALIKES = {
    letter_like: letter
    for letter, letters in {
        "n": "ոռпηνɴꓠⲛɲŋƞꞑᥒ🅝🅽🇳",
        "o": "оοօჿσᴏᴑꬽⲟဝ०੦૦௦౦೦൦๐໐၀۵০୦〇ଠഠⵔዐꓳ𐓪𐓂𑣈𑣗𐐬øɵө🅞🅾🇴",
        "r": "гᴦⲅꭇꭈꮁʀꭱꮢᖇꓣɾɼɽɍ🅡🆁🇷",
        "m": "мμϻᴍⲙꮇᗰᛖꓟɱ🅜🅼🇲",
    }.items()
    for letter_like in letters
}


class Sanitized(NamedTuple):
    """A sanitised text.

    secrets      the kinds of secrets that were found in it, each once
    neutralised  how many mentions and markers it had
    """

    text: str
    secrets: tuple[str, ...] = ()
    neutralised: int = 0


@dataclass(frozen=True, slots=True)
class Sanitizer:
    """The mapping's settings for every text that is sent.

    norm      for `@norm`
    mentions  for all other mentions
    secrets   for a text with a secret; only `mask` changes the text
    """

    norm: Treatment = "defuse"
    mentions: Treatment = "defuse"
    secrets: Secrecy = "warn"

    def clean(self, text: str) -> Sanitized:
        """Sanitise a complete text: mentions and secrets may cross the seam if something is joined to it later."""
        return self._clean_unmarked(neutralise_markers(text))

    def _clean_unmarked(self, text: str) -> Sanitized:
        secrets = () if self.secrets == "ignore" else find_secrets(text)
        if secrets and self.secrets == "mask":
            text = mask(text, secrets)
        kinds = dict.fromkeys(secret.kind for secret in secrets)
        return Sanitized(self._defuse(text), tuple(kinds))

    def _defuse(self, text: str) -> str:
        return neutralise_mentions(text, norm=self.norm == "defuse", mentions=self.mentions == "defuse")

    def is_harmless(self, texts: Sequence[str]) -> bool:
        """Whether `clean_all` changes nothing, and finds nothing."""
        joined = "\n".join(texts)
        if "@" in joined or "&" in joined:
            return False
        return not _RARE.is_in(joined)

    def clean_all(self, texts: Sequence[str]) -> list[Sanitized]:
        """Sanitise several texts: what is rare is searched for in all of them at once, and hardly any has it."""
        sanitized = list(map(Sanitized, texts))
        rare = _RARE.find(texts)
        for place, text in enumerate(texts):
            if place in rare:
                unmarked = neutralise_markers(text)
                cleaned, kinds, _ = self._clean_unmarked(unmarked)
                neutralised = int(unmarked != text)
            # The other at-signs are as rare as secrets; two searches for one sign are ten times as fast as for any.
            elif "@" in text or "&" in text:
                cleaned = self._defuse(text)
                kinds = ()
                neutralised = 0
            else:
                continue
            neutralised += cleaned.count(REPLACEMENT) - text.count(REPLACEMENT)
            sanitized[place] = Sanitized(cleaned, kinds, neutralised)
        return sanitized

    def findings(self, field: str, kinds: tuple[str, ...]) -> Iterator[Finding]:
        """A finding for each kind of secret in a field."""
        for kind in kinds:
            if self.secrets == "mask":
                yield Finding("secret-masked", field, f"{_article(kind)} was masked", value=kind, rejects=False)
            else:
                yield Finding(
                    "secret-found",
                    field,
                    f"{_article(kind)} is in the text",
                    "`secrets: mask` in the mapping masks it; if it is real, revoke it",
                    kind,
                    rejects=self.secrets == "refuse",
                )


def neutralise_mentions(text: str, *, norm: bool, mentions: bool) -> str:
    """Replace the `@` of mentions by `(at)`: of `@norm` in every disguise, and of all other names.

    Mail addresses, names in web addresses or Markdown code, and pointers are no mentions; `@norm` is one everywhere.
    """
    parts: list[str] = []
    position = 0
    if not norm and not mentions:
        return text
    codes = _find_code(text)
    code = (0, 0)
    for match, is_norm in _find_ats(text):
        if is_norm:
            is_one = norm
        elif is_one := mentions and _is_mention(text, match):
            while code[1] <= match.start():  # up to the first that ends behind the at-sign
                code = next(codes, (len(text), len(text)))
            is_one = match.start() < code[0]
        if is_one:
            parts += [text[position : match.start()], REPLACEMENT]
            position = match.end()
    if not parts:
        return text
    return "".join([*parts, text[position:]])


def _find_ats(text: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Whatever may be read as an at-sign, in order, and whether `norm` follows.

    Of one that is spelled by several entities only that of `@norm` is found, by its first ampersand.
    """
    for place in sorted(place for sign in _AT_SIGNS for place in _find_all(text, sign)):
        match = _AT.match(text, place)
        is_norm = match is not None and _is_norm(text, match.end())
        if not is_norm and (spelled := _SPELLED.match(text, place)) is not None:
            decoded = _unescape(text[place : place + _MARKUP_REACH])
            if _AT.match(decoded) and _is_norm(decoded, 1):
                match = spelled
                is_norm = True
        if match is not None:
            yield match, is_norm


def _find_all(text: str, sign: str) -> Iterator[int]:
    place = text.find(sign)
    while place >= 0:
        yield place
        place = text.find(sign, place + 1)


def _find_code(text: str) -> Iterator[tuple[int, int]]:
    """Where Markdown code begins and ends, in order."""
    pattern = _CODE if "~~~" in text else _CODE_IN_TICKS
    return (code.span() for code in pattern.finditer(text))


def _is_norm(text: str, position: int) -> bool:
    near = text[position : position + _MARKUP_REACH]
    if near[:1] in _NOT_NORM:
        return False
    if _begins_with_norm(text, position):
        return True
    return _begins_with_norm(_MARKUP.sub("", _unescape(near)), 0)


def _unescape(text: str) -> str:
    """Decode entities until nothing changes; each time the text gets shorter."""
    while "&" in text and (decoded := html.unescape(text)) != text:
        text = decoded
    return text


def _begins_with_norm(text: str, position: int) -> bool:
    letters = ""
    for letter in _letters(text, position):
        letters += letter
        if not "norm".startswith(letters[:4]):
            return False
        if len(letters) >= 4:
            return True
    return False


def _is_mention(text: str, at: re.Match[str]) -> bool:
    """Whether an at-sign that doesn't stand in code makes a name of what follows."""
    start = at.start()
    near = max(0, start - _ADDRESS_REACH)
    if _ADDRESS.match(text, at.end()) or _NAME_BEFORE.search(text, max(0, start - 2), start):
        return False
    if text.find("://", near, start) >= 0 and _ADDRESS_BEFORE.search(text, near, start):
        return False
    return next(_letters(text, at.end()), " ")[:1].isalnum()


def _letters(text: str, position: int) -> Iterator[str]:
    """The visible letters of a text from a position on, folded; one character may give several (№)."""
    while position < len(text):
        character = text[position]
        position += 1
        if character == "&" and (entity := _ENTITY.match(text, position - 1)) is not None:
            decoded = html.unescape(f"&{entity[1]}")
            if decoded != f"&{entity[1]}":
                character = decoded
                position = entity.end()
        for part in character:
            if folded := _fold(part):
                yield folded


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    """The letters that a character reads as, without case, style and accents; `""` if it is invisible."""
    if character.isspace() and character not in "\x1c\x1d\x1e\x1f\x85":
        return " "
    folded = unicodedata.normalize("NFKD", character).casefold()
    folded = unicodedata.normalize("NFKD", folded)
    visible = (part for part in folded if unicodedata.category(part)[0] not in "CM" and part not in _BLANK)
    return "".join(_LOOK_ALIKES.get(part, part) for part in visible)


_NOT_NORM = frozenset(sign for sign in map(chr, range(128)) if sign.isalnum() and _fold(sign) != "n")
"""Letters and digits that aren't one in any reading: behind most at-signs stands one of them."""


def _article(kind: str) -> str:
    article = "an" if kind[0] in "AEIOU" else "a"
    return f"{article} {kind}"
