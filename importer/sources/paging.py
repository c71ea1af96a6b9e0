"""What the pages of an API's answer say of the records that they leave out, by the names in `shared/pages.yaml`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from importer.mapping.yaml_tree import parse_shared


class _Page(NamedTuple):
    """A page with its records. If they aren't all, it may count all; it may say by `key` whether other pages follow."""

    records: int
    total: int
    is_first: bool
    follows: bool | None
    key: str


class Pages:
    """Collects what answers say beside their arrays of records; `records` and `count` are what has come so far."""

    def __init__(self) -> None:
        self.records = self.count = 0
        self._pages: list[_Page] = []

    def add(self, said: Mapping[str, Any], records: int, *, has_inner: bool) -> None:
        """Add what an object says around so many records. If there are pages within it, it counts something else."""
        names = dict(_flatten(said))

        def find(kind: str, type_: type) -> Iterator[tuple[str, Any]]:
            return ((name, names[name]) for name in _names()[kind] if name in names and type(names[name]) is type_)

        def numbers(kind: str) -> list[tuple[str, int]]:
            texts = ((name, text) for name, text in find(kind, str) if text.isdecimal() and len(text) < 19)
            return [*find(kind, int), *((name, int(text)) for name, text in texts)]

        total = max((number for _, number in numbers("total") if number > records and not has_inner), default=0)
        pages = [(name, at < of) for name, of in numbers("pages") for _, at in numbers("page") if at]
        flags = [*find("follows", bool), *((name, not ends) for name, ends in find("ends", bool)), *pages]
        links = [(name, bool(link)) for type_ in (str, type(None)) for name, link in find("next", type_)]
        key, follows = next(iter([*flags, *links]), ("", None))
        if total or follows is not None:
            is_first = any(number == 0 for _, number in numbers("offset"))
            self._pages.append(_Page(records, total, is_first, follows, key))
            self.count += 1

    def left(self) -> tuple[int, str] | None:
        """How many records the pages say that there are, 0 if only a key says that others follow; None if they are all.

        They come in any order, are of several searches, and a total may grow meanwhile. Pages that together have as
        many records as they count are complete. Of the rest each search has one first page, and one that none follows.
        """
        by_total: defaultdict[int, list[_Page]] = defaultdict(list)
        for page in self._pages:
            by_total[page.total].append(page)
        for total, pages in [*by_total.items()]:
            if 0 < total <= sum(page.records for page in pages):
                del by_total[total]
        rest = [page for pages in by_total.values() for page in pages]
        counted = [page for page in rest if page.total]
        has, says = sum(page.records for page in counted), sum(page.total for page in counted if page.is_first)
        if has < (says := max([says, *by_total])):
            return self.records - has + says, ""
        following = [page.key for page in rest if page.follows]
        ended = any(page.follows is False for page in rest)
        return (0, following[-1]) if following and not ended else None


def _flatten(said: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in said.items():
        yield before + key, item
        if isinstance(item, dict):
            yield from _flatten(item, f"{before}{key}.")


@cache
def paging_keys() -> frozenset[str]:
    """Keys of an answer that only say of a page which it is, and keys of objects that do."""
    return frozenset(key for names in _names().values() for name in names for key in (name, name.partition(".")[0]))


@cache
def _names() -> Mapping[str, tuple[str, ...]]:
    kinds = parse_shared("pages.yaml").keys
    return {kind: tuple(str(node.value).split(", ")) for kind, node in kinds.items()}
