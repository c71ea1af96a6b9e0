"""Which of many texts have something rare in them, such as a secret or markup: one pass over all of them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from re import _constants, _parser  # type: ignore[attr-defined] # the only parser of Python's patterns there is
from typing import Any


class Scan:
    """Patterns that are looked for at once. A match lies within a line; it may have the line ends before and behind it.

    RE2 takes the same time for fifty patterns as for one, and for no text more than 3 ns a byte; `re` takes more for
    each pattern that doesn't begin with a certain sign. But RE2 can't look around, and its `\\w`, `\\d` and `\\s` are
    ASCII. So the patterns may find more than is meant: whoever acts on it looks again.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._pattern = "|".join(f"(?:{pattern})" for pattern in patterns)

    @cached_property
    def _search(self) -> Any:
        # Loaded with the first text: not by commands that look at none.
        import re2  # type: ignore[import-untyped]

        options = re2.Options()
        options.never_capture = True  # it takes several times as long to find the places of groups
        options.max_mem = 32 << 20  # with 8 MB real texts have too many states for it, and take five times as long
        options.log_errors = False  # it would tell everybody who looks at stderr if its memory is too small even so
        return re2.compile(self._pattern, options).search

    def is_in(self, text: str) -> bool:
        """Whether a text has a match of any pattern."""
        return self._search(f"\n{text}\n".encode("utf-8", "replace")) is not None

    def find(self, texts: Sequence[str]) -> list[int]:
        """The places of the texts that have a match of any pattern, in order."""
        if all(map(str.isascii, texts)):
            data, sizes = "\n".join(("", *texts, "")).encode(), map(len, texts)
        else:  # each by itself: joined, one emoji would make all of them four bytes a sign
            encoded = [text.encode("utf-8", "replace") for text in texts]
            data, sizes = b"\n".join((b"", *encoded, b"")), map(len, encoded)
        places = list[int]()
        ends = list[int]()
        match = self._search(data)
        while match is not None:
            ends = ends or [*accumulate((size + 1 for size in sizes), initial=1)]
            behind = bisect_right(ends, match.end() - 1)
            places.append(behind - 1)
            match = self._search(data, ends[behind] - 1)  # the rest of this text need not be looked at
        return places


@lru_cache
def find_core(pattern: str) -> str:
    """The core of a mapping's pattern: the longest literal text that each of its matches has; "" if there is none.

    RE2 doesn't know all that such a pattern may say. Without cores, a check of ordinary rows takes a sixth longer, and
    one of real texts a tenth.
    """
    runs = [""]

    def read(items: Iterable[tuple[Any, Any]]) -> None:
        for kind, value in items:
            if kind is _constants.LITERAL:
                runs[-1] += chr(value)
            elif kind is _constants.SUBPATTERN and not (value[1] or value[2]):  # without flags of its own
                read(value[3])
            elif kind not in (_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT):  # these have no width
                if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT) and value[0]:
                    read(value[2])
                runs.append("")

    parsed = _parser.parse(pattern)
    if not parsed.state.flags & re.IGNORECASE:
        read(parsed)
    return max(runs, key=len)
