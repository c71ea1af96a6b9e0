"""References: finds the issues that a text names, and puts their new numbers behind the names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from importer.api import count_units
from importer.mapping.issue_parts import Reference
from importer.mapping.patterns import Searcher, compile_pattern
from importer.records import NUMBER_BESIDE, Mention
from importer.transform.aliases import NO_ALIASES, Aliases
from importer.transform.footers import find_footer
from importer.transform.scan import find_core

# A name is whole: PROJ-12 isn't in PROJ-123, PROJ-12-draft or XPROJ-12, GPL-3 not in GPL-3.0, nor #45 in a/b#45, &#45;.
# What stands in brackets of its own is whole by them. Letters of scripts without spaces may touch it.
_START = r"(?:(?<![0-9A-Za-z&])(?<![0-9A-Za-z][-_])|(?=[(\[{<]))"
_END = r"(?:(?![-_]?[0-9A-Za-z]|\.[0-9])|(?<=[)\]}>]))"
_AT_START, _AT_END = re.compile(_START), re.compile(_END)

# Code and HTML's addresses stay as they are. Other addresses are passed over as a whole, with the brackets of a
# Markdown link around them, so that a number stands behind and breaks nothing.
_PASSAGE = re.compile(
    r"""
    (?=[`\]<hsfw])(?:  # one of these begins each: tried first, it makes the search three times as fast
      (?P<closed> ```.*?(?:```|\Z) | `[^`\n]+` | \b(?:href|src)=(?:"[^"]*"|'[^']*') )
    | (?:(?P<link>\]\()|(?P<angle><))?
      (?P<address> (?:https?://|ftp://|www\.)
        (?: [^\s<>"`()\[\]{}|\\] | \([^\s<>"`()\[\]{}|\\]*\) )* (?<![.,;:!?'*_~]) )
      (?(link)(?:\s+"[^"\n]*")?\)) (?(angle)>)
    )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)

_Span = tuple[int, int]
"""Start and end of a name in a text."""


class References:
    """The mapping's patterns for names of issues, compiled for one source.

    A name inside an address, in code or in an import's footer is ignored; one that is a whole address counts.
    """

    def __init__(self, specs: Sequence[Reference], source_name: str, aliases: Aliases = NO_ALIASES) -> None:
        self._patterns = list[tuple[str, Searcher, str, Searcher | None]]()
        for spec in specs:
            core = find_core(spec.pattern)
            pattern = compile_pattern(spec.pattern)
            within = None if spec.within is None else compile_pattern(spec.within)
            self._patterns.append((core, pattern, spec.key, within))
        self._source_name = source_name
        self._aliases = aliases

    def find(self, text: str, own_key: str) -> tuple[Mention, ...]:
        """The issues that a text names without a number beside them, each once and in order; never `own_key`.

        Where matches overlap, the one that begins first counts, then the longer one, then the mapping's first pattern.
        """
        own_name = own_key.removeprefix(f"{self._source_name}:")
        names: dict[_Span, str] = {}  # span of each whole name → its native key, both without outer white space
        for core, pattern, key, within in self._patterns:
            if core not in text:
                continue
            # What completes names that are relative to the issue that has the text, like `#45`.
            home: str | None = ""
            if within is not None:
                home = _search(within, own_name)
            if home is None:
                continue
            for match in pattern.finditer(text):
                start, end = _trim(match)
                native = f"{home}{match.expand(key)}".strip()
                if not native or start >= end:
                    continue
                if _AT_START.match(text, start) and _AT_END.match(text, end):
                    names.setdefault((start, end), native)
        if not names:
            return ()
        spans = sorted(names, key=lambda span: (span[0], -span[1]))
        itself = self._aliases.get(own_key, own_key)
        mentions = dict[Mention, None]()
        for start, end, _ in _places(text, spans):
            full_key = f"{self._source_name}:{names[start, end]}"
            mention = Mention(text[start:end], self._aliases.get(full_key, full_key))
            if mention.key != itself:
                mentions[mention] = None
        return tuple(mentions)


def insert_numbers(text: str, mentions: Sequence[Mention], numbers: Mapping[str, str], limit: int) -> str:
    """The text with ` (T-1042)` behind each place that names an issue with a number, except where one is already.

    mentions  what `References.find` found in the text
    numbers   full key → number, `T-…`
    limit     UTF-16 units that the text may have; numbers that don't fit are left out, from the end
    """
    # Backwards, so that of two mentions with one text the first is kept.
    by_name = {mention.text: numbers[mention.key] for mention in reversed(mentions) if mention.key in numbers}
    if not by_name:
        return text
    # The longest first, as `PROJ-1` begins `PROJ-12`.
    longest_first = sorted(by_name, key=len, reverse=True)
    names = "|".join(map(re.escape, longest_first))
    body = text[: find_footer(text)]
    spans = (match.span() for match in re.finditer(f"{_START}(?:{names}){_END}", body))
    room = limit - count_units(text)
    parts = list[str]()
    position = 0
    for start, end, behind in _places(body, spans):
        number = f" ({by_name[body[start:end]]})"
        room -= count_units(number)
        if room < 0:
            break
        parts += (text[position:behind], number)
        position = behind
    return "".join((*parts, text[position:]))


def _places(text: str, spans: Iterable[_Span]) -> Iterator[tuple[int, int, int]]:
    """The (start, end, position for the number) of each name that takes a number, in order."""
    passages = _PASSAGE.finditer(text)
    passage = next(passages, None)
    reached = labelled = -1
    for start, end in spans:
        if start < reached:
            continue
        behind = end
        while passage is not None and passage.end() <= start:  # up to the first that isn't before the name
            passage = next(passages, None)
        if passage is not None and passage.start() < end:
            if passage["closed"] or start > passage.start("address") or passage.start() == labelled:
                continue
            behind = max(end, passage.end())
        numbered = NUMBER_BESIDE.match(text, behind)
        labelled = numbered.end() if numbered else behind  # a link whose label ends with a number needs no other
        reached = labelled + 1 if numbered else behind  # what is in a number, or touches it, is no name
        if not numbered:
            yield start, end, behind


def _search(pattern: Searcher, text: str) -> str | None:
    match = pattern.search(text)
    return None if match is None else match[0]


def _trim(match: re.Match[str]) -> _Span:
    """The span of a match without outer white space."""
    name = match[0].strip()
    blanks = len(match[0]) - len(match[0].lstrip())
    start = match.start() + blanks
    return start, start + len(name)
