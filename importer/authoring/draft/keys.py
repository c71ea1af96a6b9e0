"""Which columns a draft may take as the key: by their names, in the languages that the program knows. Pure."""

from __future__ import annotations

import re
from functools import cache

from importer.authoring.draft.profile import Column
from importer.mapping.header_names import has, names_of, weigh, words_under
from importer.mapping.vocabulary import UNSPACED
from importer.phrases import tokens_of

SAYS_IT = 9
"""The weight of a name such as `Legacy ID`, `bug #` or `Ticket`, which the list of words doesn't have."""
NAMED_KEY = 12
"""The least weight of a header that is a usual name for keys, and doesn't merely end with one."""
_LOOKS_LIKE_AN_ID = re.compile(r"(?=\S*\d)[\w#№./:-]{1,64}")


def key_weight(column: Column, tokens: tuple[str, ...]) -> int:
    """How much the name of a column says that it is the key: 0 for none, and for ids of calls, people and the like."""
    words = _words(column, tokens)
    named = " ".join(words)
    if _call().search(named):  # a call is evidence of an issue, and no issue
        return 0
    weight = weigh(words, "key")
    if weight >= NAMED_KEY:
        return weight
    if any(has((word, word.removesuffix("s")), "other_things", "elsewhere") for word in words[:-1]):
        return 0
    if named in names_of("issues"):
        return SAYS_IT if column.share(_LOOKS_LIKE_AN_ID) == 1 else 0
    if not words or words[-1] in names_of("ids"):
        return max(weight, SAYS_IT) if words else 0
    ends = names_of("ids", "id_ends")
    if any(words[-1].endswith(end) and _is_issue(words[-1].removesuffix(end)) for end in ends):
        return SAYS_IT
    is_about = has(words[:1], "ids") and has(words[1:], "issues")  # `Número de caso`, but not `Number of calls`
    return max(weight, SAYS_IT) if is_about else 0


def looks_like_ids(column: Column) -> bool:
    """Whether all texts of a column are one word with a digit: `PROJ-12`, `00017`."""
    return column.share(_LOOKS_LIKE_AN_ID) == 1


def _words(column: Column, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name; `#` is one, and so is the beginning of `N° ticket`, as if it stood behind."""
    name = column.place.parts[-1]
    if begin := re.match(r"(?:[Nn][°º]|[#№])\s*(?=\w)", name):
        return (*tokens_of(name[begin.end() :]), "number")
    return (*tokens, "number") if re.search(r"[#№°º]\s*$", name) else tokens


def _is_issue(word: str) -> bool:
    """Whether the rest of a compound is an issue: `Vorgangs` of `Vorgangsnummer`, `ticket` of `ticketid`."""
    return has((word,), "issues") or (len(word) > 3 and has((word.removesuffix("s"),), "issues"))


@cache
def _call() -> re.Pattern[str]:
    """What makes a column that of ids of calls: words, which those of scripts without spaces may stand within."""
    words = words_under("names", "called")
    spaced = "|".join(word.replace("*", r"\w+") for word in words if not UNSPACED.search(word))
    return re.compile("|".join([rf"(?:^|\s)(?:{spaced})(?:\s|id|$)", *filter(UNSPACED.search, words)]))
