"""Import markers: words that identify what is ours, two in an issue's footer and one in the opening of a comment."""

from __future__ import annotations

import hashlib
import re
from itertools import product
from typing import NamedTuple

MARKER_NOTE = "(leave this line: it identifies the import)"
_WORDS = r"(tis[0-9a-f]{12}) (tir[0-9a-f]{20})\b"
_MARKER_LINE = re.compile("^" + _WORDS, re.MULTILINE)
_HIDDEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_UNSEEN = re.compile(f"[{_HIDDEN}]")
_LINE_TAG = re.compile(r"</?(?:br|p|div)\b[^>]*>")
_DASHES = r"(?:[-‒–—―]{2,}|[‒–—―])"  # what becomes of a rule
_FOOTER_WITHIN = re.compile(rf"\s{_DASHES}\s.*?\s" + _WORDS)

# Who and when, a sign between, and the marker. A target may write the sign in another way, or take UTF-8 for Latin-1.
_HEAD = r"(?:(?P<who>\S.*?)\s(?:[Ââ]?[^\w\s]+|&#?\w+;)\s+)?(?P<marker>tic[a-z2-7]{10})"
_EMPHASIS = "*_~"  # that a target puts around a line
_OPENING = re.compile(_HEAD)
_OPENING_WITHIN = re.compile(_HEAD.replace(".*?", ".{0,600}?") + rf"(?![^\s{_EMPHASIS}])")
_PART = re.compile(r"part (\d+) of (\d+)$")
_RULE = re.compile(rf"^[^\S\n]*{_DASHES}[^\S\n]*$", re.MULTILINE)
_RULE_WITHIN = re.compile(r"\s(?:[-‒–—―]{2,}|[—―])\s")
_BLANK_LINE = re.compile(r"\n\s*\n")
_QUOTES = (">", "&gt;", "<blockquote")

# The same words within a text that is sent, in every form that is recognised.
_GAP = f"[{_HIDDEN}]*"
_STEM, _DIGIT = rf"t{_GAP}i{_GAP}([sr])", rf"{_GAP}[\da-f]"
_MARKING = re.compile(f"(?ai){_STEM}(?=(?:{_DIGIT}){{12}})")
MARKING = f"(?i){_STEM}(?:{_DIGIT}){{20}}"
"""A pattern for a scan: without a record's marker, that of a source identifies nothing."""

PROBE_TITLE, PROBE_END = "triage-import probe", 60
"""How the title of an issue of `probe` begins, and characters in which the last line of its description ends."""
_PROBE_WORD = re.compile(r"tip[0-9a-f]{20}")
_PROBE = re.compile(f"{PROBE_TITLE} ({_PROBE_WORD.pattern}) - may be deleted")

_PAIRS = tuple(map("".join, product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)))
"""What ten bits are in base 32: Python's own `b32encode` takes 1.5 µs longer, a thirtieth of a row with a comment."""
COMMENT_MARKER_LENGTH = 13
"""Of the word that `comment_marker` gives."""


def source_marker(source_name: str) -> str:
    """The word in all issues of a source: `tis` and 12 hex digits of its name's SHA-256."""
    return "tis" + hex_digest(source_name)[:12]


def record_marker(key: str) -> str:
    """The word by which a record's issue is found in Triage: `tir` and 20 hex digits of its key's SHA-256."""
    return f"tir{hex_digest(key)[:20]}"


def find_marker(description: str) -> str:
    """The record marker in an issue's description, `""` if it has none.

    The last one counts: people may have quoted another issue above the footer. Text below it does no harm.
    """
    lines = find_marker_lines(description)
    return lines[-1][1] if lines else ""


def find_marker_lines(description: str) -> list[tuple[str, str]]:
    """All source and record markers in an issue's description: more than one if somebody has put another's there."""
    text = _restore(description)
    # Where a target has folded the whole text into one line, no line begins with a marker.
    lines = _MARKER_LINE.findall(text)
    if not lines and "\n" not in text:
        lines = _FOOTER_WITHIN.findall(text)
    return lines


def probe_title(marker: str) -> str:
    """The beginning of the title of an issue that `probe` makes; `marker` is `tip` and 20 hex digits."""
    return f"{PROBE_TITLE} {marker} - may be deleted"


def find_probe(title: str, description: str) -> str:
    """The marker of an issue that `probe` has made, `""` of any other: one that quotes it, or an import's.

    It is in the title and in the description's first line, as its last line may have been cut off.
    """
    match = _PROBE.match(title)
    is_ours = match is not None and match[1] in description.partition("\n")[0] and not find_marker(description)
    return match[1] if match is not None and is_ours else ""


def find_probe_end(description: str) -> str:
    """The marker in the last line of a description that `probe` has made, `""` where that line is lost."""
    markers = _PROBE_WORD.findall(_restore(description)[-PROBE_END:])
    return markers[-1] if markers else ""


def neutralise_markers(text: str) -> str:
    """Take apart the markers in a text of the source, as `tir-…`: it may quote what an earlier import has written."""
    return _MARKING.sub(lambda word: f"ti{word[1].lower()}-", text)


def _restore(text: str) -> str:
    """Undo what a target may have done to a text that hides markers: capitals, unseen signs, lines of HTML."""
    text = _UNSEEN.sub("", text.lower())
    return _LINE_TAG.sub("\n", text).strip()


def hex_digest(text: str) -> str:
    """SHA-256 of a text in hex digits."""
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


def short_digest(text: str) -> str:
    """16 hex digits that stand for a text among those of one issue or source."""
    return hex_digest(text)[:16]


class Opening(NamedTuple):
    """The opening line of a comment of ours: its marker, and which part of how many it opens."""

    marker: str
    part: int = 1
    total: int = 1


def comment_marker(key: str, stem: str) -> str:
    """The word in the opening line of a comment: `tic` and 10 of the 32 signs of base 32.

    `stem` names the comment, or a part of it, among those of a record's issue: see `addition_plan.stem_of`.
    """
    name = f"{key}\n{stem}".encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(name).digest()
    bits = int.from_bytes(digest[:7], "big") >> 6  # 50 of them: 10 signs
    return "tic" + "".join([_PAIRS[bits >> place & 1023] for place in (40, 30, 20, 10, 0)])


def find_openings(detail: str) -> list[Opening]:
    """The opening lines of a comment of ours, the first and those of the comments folded into it; [] of any other.

    A marker counts at the end of the first line, or of the first line below a rule. So what a person quotes is none.
    A target may have wrapped a long line, folded blank lines, or folded all into one line, and made a dash of the rule.
    """
    text = detail.replace("\r", "\n").strip()
    return _read_openings(text) or _read_openings(_restore(text))


def find_opening(detail: str) -> Opening | None:
    """The first opening line of a comment of ours: it identifies the comment. None of any other."""
    openings = find_openings(detail)
    return openings[0] if openings else None


def _read_openings(text: str) -> list[Opening]:
    is_one_line = "\n" not in text
    rule = _RULE_WITHIN if is_one_line else _RULE
    openings = [_read_opening(piece, is_one_line) for piece in rule.split(text)]
    if openings[0] is None:
        return []
    return [opening for opening in openings if opening is not None]


def _read_opening(piece: str, is_one_line: bool) -> Opening | None:
    paragraph = _BLANK_LINE.split(piece.strip(), maxsplit=1)[0]
    # What a person quotes of one of ours is the person's.
    if paragraph.startswith(_QUOTES):
        return None
    if is_one_line:
        match = _OPENING_WITHIN.match(paragraph)
    else:
        first_line = paragraph.partition("\n")[0].strip(f" {_EMPHASIS}")
        lines = (first_line, " ".join(paragraph.split()))
        match = next(filter(None, map(_OPENING.fullmatch, lines)), None)
    if match is None:
        return None
    part = _PART.search(match["who"] or "")
    if part is None:
        return Opening(match["marker"])
    return Opening(match["marker"], int(part[1]), int(part[2]))
