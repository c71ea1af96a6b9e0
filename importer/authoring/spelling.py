"""Finding the known name that a value spells differently. Careful: `-1` is not `P1`, `Not done` is not `Done`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import takewhile
from typing import NamedTuple

from importer.mapping.model import fold
from importer.mapping.vocabulary import is_turned

_LONGEST = 64
_RATIO = 0.85
_RANK = re.compile(r"(?:(?:p|prio|priority|sev|severity)(?:-|[\s_:]*))?(\d+)")
_NUMBER = re.compile(r"(?<!\w)[-+]\d+|\d+")


class Near(NamedTuple):
    """A known name near to a value, the target of that name, and a reason for doubt, if there is one."""

    name: str
    target: str
    doubt: str = ""


class Spellings:
    """The known names of a field, indexed to look up many values."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = {fold(name): Near(name, target) for name, target in targets.items()}
        self._bare: dict[str, set[Near]] = defaultdict(set)
        self._by_rank: dict[str, set[Near]] = defaultdict(set)
        self._by_initial: dict[str, list[str]] = defaultdict(list)
        for folded, near in self._targets.items():
            self._bare[_without_punctuation(folded)].add(near)
            self._by_initial[folded[:1]].append(folded)
            if rank := _RANK.fullmatch(folded):
                self._by_rank[rank[1]].add(near)

    def spelling(self, value: str) -> Near | None:
        """Return the name that a value spells with other punctuation, a typing error, or the same rank, else None.

        A bare number that equals only the rank of a name is in doubt: its scale may begin at the other end.
        """
        folded = fold(value)
        if not folded or len(folded) > _LONGEST:
            return None
        if folded in self._targets:
            return self._targets[folded]
        rank = _RANK.fullmatch(folded)
        if rank:
            near = _only(self._by_rank.get(rank[1], set()))
            return near._replace(doubt="if its numbers mean the same") if near and folded == rank[1] else near
        bare = {near for near in self._bare.get(_without_punctuation(folded), ()) if _same_numbers(folded, near)}
        return _only(bare) or _only(self._close(folded))

    def word_inside(self, value: str) -> Near | None:
        """Return the name that is one word of a value: `Done by vendor`; None if its words have several targets.

        Words before it put it in doubt: `Very high`, `Code done`.
        """
        words = re.findall(r"\w+", fold(value))
        if len(value) > _LONGEST or is_turned(value):
            return None
        known = [word for word in words if len(word) > 2 and word in self._targets]
        near = _only({self._targets[word] for word in known})
        before = " ".join(word for word in takewhile(lambda word: word not in known, words) if not word.isdigit())
        return near._replace(doubt=f'but for "{before}"') if near and before else near

    def _close(self, folded: str) -> set[Near]:
        # A typing error in the first letter is rare; `Unresolved` and `Inactive` are not.
        names = get_close_matches(folded, self._by_initial.get(folded[0], []), n=3, cutoff=_RATIO)
        found = [self._targets[name] for name in names]
        return {near for near in found if _same_numbers(folded, near)}


def _only(found: set[Near]) -> Near | None:
    """Return one of the names found, None unless all have the same target."""
    return min(found) if len({near.target for near in found}) == 1 else None


def _without_punctuation(folded: str) -> str:
    return re.sub(r"[\W_]+", "", folded) or folded


def _same_numbers(folded: str, near: Near) -> bool:
    return _NUMBER.findall(folded) == _NUMBER.findall(fold(near.name))
