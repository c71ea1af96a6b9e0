"""Finds which keys of a JSON record a JMESPath expression reads; arrays are passed through, as they have no keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jmespath

from importer.records import Ref

Chain = tuple[str | None, ...]
"""Keys from the record down, None for any key; it stands for all leaves below."""

DECIDING = ("contains", "starts_with", "ends_with", "sum", "avg", "abs", "ceil", "floor")
"""Functions whose result says something about their arguments, and doesn't contain them."""
IGNORING = ("type", "length", "keys")
"""Functions whose result doesn't depend on the texts in their arguments."""
BY_EXPRESSION = ("sort_by", "max_by", "min_by")
JOINING = ("join", "to_string")

_CHOOSING = (
    *("filter_projection", "index", "slice", "or_expression", "and_expression", "comparator", "not_expression"),
    "function_expression",
)
"""Kinds of nodes that pass on only some values, so that the keys alone don't tell what arrives."""


@dataclass(frozen=True, slots=True)
class KeysRead:
    """The keys of a record that an expression reads.

    taken    chains whose values are in the result
    decided  chains that only decide about the result
    whole    whether all values of the taken chains are in the result
    joined   whether the result has several values in one text
    """

    taken: tuple[Chain, ...]
    decided: tuple[Chain, ...] = ()
    whole: bool = True
    joined: bool = False


def read_ref(ref: Ref, parts: Sequence[str] = ()) -> KeysRead:
    """Find what a reference reads; with `parts`, what these JMESPath expressions read of its objects."""
    opening: KeysRead = KeysRead(((ref.name,),)) if ref.kind == "column" else read_path(ref.name)
    if not parts:
        return opening
    walker = _Walker()
    for part in parts:
        walker.taken += walker.read(jmespath.compile(part).parsed, opening.taken)
    # The reference's cell is JSON of whole objects, so that it can't tell what each part took of them.
    chains = tuple(dict.fromkeys(walker.taken))
    decided = (*opening.decided, *dict.fromkeys(walker.decided))
    return KeysRead(chains, decided)


@lru_cache(maxsize=4096)
def read_path(expression: str) -> KeysRead:
    walker = _Walker()
    parsed = jmespath.compile(expression).parsed
    values = walker.read(parsed, ((),))
    chains = tuple(dict.fromkeys((*values, *walker.taken)))
    decided = tuple(dict.fromkeys(walker.decided))
    return KeysRead(chains, decided, walker.whole, walker.joined)


class _Walker:
    """Walks down a parsed expression. `taken` are chains of values that went into new ones, so that no key leads on."""

    def __init__(self) -> None:
        self.taken: list[Chain] = []
        self.decided: list[Chain] = []
        self.whole = True
        self.joined = False

    def read(self, node: Mapping[str, Any], base: Sequence[Chain]) -> Sequence[Chain]:
        """Return the chains of a node's values; `base` are the chains of the value that it is applied to."""
        kind, children = node["type"], node["children"]
        self.whole &= kind not in _CHOOSING
        match kind:
            case "field":
                return [(*chain, node["value"]) for chain in base]
            case "value_projection":
                objects = self.read(children[0], base)
                return self.read(children[1], [(*chain, None) for chain in objects])
            case "filter_projection":
                items = self.read(children[0], base)
                self.decided += self.read(children[2], items)
                return self.read(children[1], items)
            case "comparator" | "not_expression":
                for child in children:
                    self.decided += self.read(child, base)
                return []
            case "and_expression":
                self.decided += self.read(children[0], base)
                return self.read(children[1], base)
            case "multi_select_dict":
                values = list[Chain]()
                for pair in children:
                    values += self.read(pair["children"][0], base)
                self.taken += values
                return []
            case "function_expression":
                return self._call(node["value"], children, base)
            case "identity" | "current" | "index" | "slice":
                return base
            case "literal":
                return []
            case "multi_select_list" | "or_expression":
                chains = list[Chain]()
                for child in children:
                    chains += self.read(child, base)
                return chains
            case _:  # subexpression, pipe, index_expression, flatten, projection: one after the other
                for child in children:
                    base = self.read(child, base)
                return base

    def _call(self, name: str, arguments: Sequence[Mapping[str, Any]], base: Sequence[Chain]) -> Sequence[Chain]:
        if name == "map":
            items = self.read(arguments[1], base)
            return self.read(arguments[0]["children"][0], items)
        if name in BY_EXPRESSION:
            items = self.read(arguments[0], base)
            self.decided += self.read(arguments[1]["children"][0], items)
            return items
        values = list[Chain]()
        for argument in arguments:
            values += self.read(argument, base)
        if name in DECIDING:
            self.decided += values
        if name in (*DECIDING, *IGNORING):
            return []
        if name in JOINING:
            self.joined = True
            self.taken += values
            return []
        if name == "values":
            return [(*chain, None) for chain in values]
        return values
