"""Finds patterns and expressions of a mapping that would never end, or take all memory, before they are used."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined] # no public name for what a pattern consists of
from typing import Any, NamedTuple

COPIES_LIMIT = 1_000
"""Copies of one value that a JMESPath expression may make: `[@,@]|[@,@]` makes four."""

MANY = 5
"""From so many repetitions on one is as good as endless: of 5 within 5 there are thousands in a text of a hundred."""

EMPTY_LIMIT = 20
"""So often a part that may be empty can be repeated: each time doubles the ways."""

CHAIN_LIMIT = 4
"""Repetitions of the same characters behind one another: the time grows with this power of the text's length."""

PLACES_LIMIT = 150
"""Of a repeated part with more places than this only the first are looked at: the time grows with their square."""

PAIRS_LIMIT = 2_000_000
"""Pairs of places that are looked at, half a second of them; a part with more is taken for endless."""

_REPEATED_GROUP = re.compile(r"\)[*+{]")
_REPEATED_TWICE = re.compile(r"[*+}]\??\)*(?:\((?:\?:)?)*(?=(?:\\.|\[[^\]]*\]|[^\\\[()])[*+?{])")
_SAMPLES = "aZ0_ \n\té한!"
"""Characters of each kind, beside those that a pattern names."""

_SINGLE = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_Items = list[tuple[Any, Any]]


@cache
def is_endless(pattern: str, flags: int = 0) -> bool:
    """Whether a pattern has a repetition that can divide the same text in ever so many ways.

    `(a+)+`, `(a|a)*`, `([\\w.]+\\.)+` and `a*a*a*a*` are such; possessive ones and atomic groups don't try again.
    """
    is_chain = len(_REPEATED_TWICE.findall(pattern)) >= CHAIN_LIMIT - 1
    if not is_chain and _REPEATED_GROUP.search(pattern) is None:  # as of nearly all patterns: they aren't parsed again
        return False
    parsed = _parser.parse(pattern, flags)
    named = "".join(dict.fromkeys(re.sub(r"[^\w\s.,;:/@#-]", "", pattern)))
    alphabet = _Alphabet(_SAMPLES + named.lower() + named.upper(), parsed.state.flags)
    return _has_endless(list(parsed), alphabet) or (is_chain and _has_chain(list(parsed), alphabet))


class _Alphabet:
    """Tells which of a few characters a part of a pattern takes."""

    def __init__(self, characters: str, flags: int) -> None:
        self._characters = characters
        self._flags = flags
        self._taken: dict[str, frozenset[str]] = {}

    def taken_by(self, code: Any, value: Any) -> frozenset[str]:
        """The characters that a literal, a class or a dot takes."""
        name = f"{code} {value}"
        if name not in self._taken:
            part = _parser.SubPattern(_parser.State(), [(code, value)])
            part.state.flags = self._flags
            pattern = _compiler.compile(part)
            more = chr(value) if code is sre.LITERAL else ""
            self._taken[name] = frozenset(one for one in self._characters + more if pattern.fullmatch(one))
        return self._taken[name]


def _has_endless(items: _Items, alphabet: _Alphabet) -> bool:
    for code, value in items:
        if code in _REPEATS and value[1] >= MANY and len(value[2]):
            is_counted = EMPTY_LIMIT <= value[1] < sre.MAXREPEAT
            if _Places(alphabet).divide(list(value[2])) or (is_counted and value[2].getwidth()[0] == 0):
                return True
        if any(_has_endless(list(body), alphabet) for body in _bodies(code, value)):
            return True
    return False


def _has_chain(items: _Items, alphabet: _Alphabet) -> bool:
    """Whether many repetitions of the same letters or digits follow each other, with nothing that must be between."""
    common, length = frozenset[str](), 0
    for code, value in _flatten(items):
        least, most, body = value if code in _REPEATS else (1, 1, ())
        one = list(_flatten(list(body)))
        if most >= MANY and len(one) == 1 and one[0][0] in _SINGLE:
            taken = frozenset(filter(str.isalnum, alphabet.taken_by(*one[0])))
            common, length = (common & taken, length + 1) if common & taken else (taken, 1)
            if length >= CHAIN_LIMIT and common:
                return True
        elif least:
            common, length = frozenset(), 0
    return any(_has_chain(list(body), alphabet) for code, value in items for body in _bodies(code, value))


def _flatten(items: _Items) -> Iterator[tuple[Any, Any]]:
    for code, value in items:
        if code is sre.SUBPATTERN:
            yield from _flatten(list(value[3]))
        else:
            yield code, value


def _bodies(code: Any, value: Any) -> list[Any]:
    if code in _REPEATS:
        return [value[2]]
    if code is sre.SUBPATTERN:
        return [value[3]]
    if code is sre.BRANCH:
        return list(value[1])
    if code in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if code is sre.GROUPREF_EXISTS:
        return [body for body in value[1:] if body is not None]
    return []


class _Span(NamedTuple):
    """A part of a pattern: the places that it begins and ends with, and in how many ways it can be empty."""

    first: list[int]
    last: list[int]
    empty: int


_EMPTY = _Span([], [], 1)


class _Places:
    """The places of a pattern where a character is taken, and which place can follow which: a Glushkov automaton.

    Two ways from one place to another, or two ways around that take the same text, double the ways with each round.
    """

    def __init__(self, alphabet: _Alphabet) -> None:
        self._alphabet = alphabet
        self._taken: list[frozenset[str]] = []
        self._next: list[list[int]] = []

    def divide(self, body: _Items) -> bool:
        """Whether a repetition of a body can divide one text in ever so many ways."""
        span = self._sequence(body)
        self._link(span.last, span.first)
        return self._has_two_edges() or self._has_two_ways()

    def _link(self, lasts: Sequence[int], firsts: Sequence[int]) -> None:
        for last in lasts:
            self._next[last] += firsts

    def _sequence(self, items: _Items) -> _Span:
        whole = _EMPTY
        for code, value in items:
            part = self._part(code, value)
            self._link(whole.last, part.first)
            first = whole.first + part.first * whole.empty
            whole = _Span(first, whole.last * part.empty + part.last, min(2, whole.empty * part.empty))
        return whole

    def _part(self, code: Any, value: Any) -> _Span:
        if code is sre.SUBPATTERN:
            return self._sequence(list(value[3]))
        if code is sre.BRANCH:
            parts = [self._sequence(list(body)) for body in value[1]]
            first = [place for part in parts for place in part.first]
            last = [place for part in parts for place in part.last]
            return _Span(first, last, min(2, sum(part.empty for part in parts)))  # `a|a` is parsed as `a(?:|)`
        if code in _REPEATS:
            least, most, body = value
            part = self._sequence(list(body))
            if most >= MANY:
                self._link(part.last, part.first)
            return part if least else part._replace(empty=max(1, part.empty))
        if code in _SINGLE and len(self._taken) < PLACES_LIMIT:
            self._taken.append(self._alphabet.taken_by(code, value))
            self._next.append([])
            place = len(self._taken) - 1
            return _Span([place], [place], 0)
        return _EMPTY  # an anchor, something that isn't looked at

    def _has_two_edges(self) -> bool:
        """Whether a place can follow another in two ways; all places of a repetition are on its way around."""
        return any(len(set(places)) < len(places) for places in self._next)

    def _has_two_ways(self) -> bool:
        """Whether two different ways lead from a place around to itself with the same text."""
        ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
        waiting = [(place, place) for place in range(len(self._taken))]
        before: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        count = 0
        while waiting:
            pair = waiting.pop()
            if pair in ways:
                continue
            count += len(self._next[pair[0]]) * len(self._next[pair[1]])
            if count > PAIRS_LIMIT:
                return True
            ways[pair] = [
                (one, other)
                for one in self._next[pair[0]]
                for other in self._next[pair[1]]
                if self._taken[one] & self._taken[other]
            ]
            for follower in ways[pair]:
                before[follower].append(pair)
            waiting += ways[pair]
        returns = {(place, place) for place in range(len(self._taken))}
        waiting = list(returns)
        while waiting:
            for pair in before[waiting.pop()]:
                if pair not in returns:
                    returns.add(pair)
                    waiting.append(pair)
        return any(one != other for one, other in returns)


def count_copies(node: Any) -> int:
    """How many copies of a value a parsed JMESPath expression makes at the most.

    Raises RecursionError if it is nested too deeply.
    """
    if not isinstance(node, dict):  # a place in a slice
        return 1
    kind, children = node["type"], node["children"]
    if kind in ("multi_select_list", "multi_select_dict", "function_expression"):
        return max(1, sum(count_copies(child) for child in children))
    copies = 1
    for child in children:
        copies *= count_copies(child)
    return copies
