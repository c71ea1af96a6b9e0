"""The canary sample: the few rows that together touch every mapped value, which a canary sends before all others."""

from __future__ import annotations

from typing import Any

import orjson

from importer.check.examine import Examined
from importer.check.plan import Plan
from importer.records import Act

CANARY_LIMIT = 21
"""Issues of a canary: one alone, then up to twenty."""

LONGEST = ("title", "description", "description in bytes", "comment")
"""Of what a target may keep less than is sent: the row with the most of each is among them."""

Trait = tuple[str, str]
"""A property that creates are sampled by: a field and its value, or a kind of text and ""."""


class CanarySample:
    """Chooses, in the check pass, few creates that together have every trait: a greedy set cover.

    Only the first row of each trait is kept, and no more categories than can be chosen, so that memory stays flat.
    """

    def __init__(self, limit: int = CANARY_LIMIT) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget all rows: the source is read again."""
        self._candidates: dict[str, frozenset[Trait]] = {}
        self._seen: set[Trait] = set()
        self._categories = 0
        self._longest = {name: (0, "", frozenset[Trait]()) for name in LONGEST}

    def add(self, examined: Examined, plan: Plan) -> None:
        """Add the rows of a chunk that would be created as candidates."""
        for place, body in examined.bodies.items():
            if plan.rows.is_new(place):
                said = (len(each.body) for each in plan.additions.get(place, ()) if each.act is Act.COMMENT)
                self._add(plan.rows.columns["key"][place], orjson.loads(body), max(said, default=0))

    def _add(self, key: str, body: dict[str, Any], comment: int) -> None:
        traits = _traits_of(body)
        new = traits - self._seen
        if new and (self._categories < self._limit or any(name != "category" for name, _ in new)):
            self._candidates[key] = traits
            self._seen |= new
            self._categories += any(name == "category" for name, _ in new)
        text = body["description"]
        for name, length in zip(LONGEST, (len(body["title"]), len(text), len(text.encode()), comment), strict=True):
            if length > self._longest[name][0]:
                self._longest[name] = (length, key, traits)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the chosen rows, the one with the most traits first. Categories give way to everything else."""
        candidates = dict(self._candidates)
        for name, (_, key, traits) in self._longest.items():
            if key:
                candidates[key] = candidates.get(key, traits) | {(f"longest {name}", "")}
        missing = frozenset[Trait]().union(*candidates.values())
        chosen = list[str]()

        def worth(key: str) -> tuple[int, int]:
            new = candidates[key] & missing
            return sum(name != "category" for name, _ in new), len(new)

        # Greedy: the row with the most missing traits comes next.
        while missing and len(chosen) < self._limit:
            chosen.append(max(candidates, key=worth))
            missing -= candidates[chosen[-1]]
        return tuple(chosen)


def _traits_of(body: dict[str, Any]) -> frozenset[Trait]:
    text = body["title"] + body["description"]
    kinds = {
        "owner": "owner_id" in body,
        "assignee": "assignee_id" in body,
        "links": "resource_links" in body,
        "non-ASCII text": not text.isascii(),
        "markup": any(sign in text for sign in "<>&"),
    }
    values = ((name, body[name]) for name in ("severity", "status", "category", "source"))
    return frozenset([*values, *((kind, "") for kind, has in kinds.items() if has)])
