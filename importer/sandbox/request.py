"""A request as endpoints get it, and the answer that they return, independent of the server; and pages of lists."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from importer.sandbox.body_rules import Refusal, Shape, bad_request, not_found, read_body
from importer.sandbox.storage import Store

Json = dict[str, Any]


class Answer(NamedTuple):
    """An endpoint's answer: the envelope's `data`, and the status."""

    data: object
    status: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A request, with the database that it works on."""

    store: Store
    path: Mapping[str, Any]
    query: QueryParams
    body: bytes

    def fields(self, shape: Shape) -> Json:
        """Return the known fields of the body as they are stored. Raises Refusal 400 if one breaks a rule."""
        return read_body(self.body, shape)

    def issue_number(self) -> int:
        """Return the number of the issue in the path. Raises Refusal 404 if there is none."""
        return self.number_of(self.path["id"])

    def number_of(self, issue_id: str) -> int:
        """Return the number of the issue with this id. Raises Refusal 404 if there is none."""
        number = self.store.number_or_none(issue_id)
        if number is None:
            raise not_found("Issue")
        return number

    def choice(self, name: str, values: Sequence[str], default: str) -> str:
        """Return a query parameter that must be one of `values`. Raises Refusal 400 if it is not."""
        value = self.query.get(name, default)
        if value not in values:
            raise bad_request(f"{name}: must be one of {', '.join(values)}")
        return value

    def limit(self) -> int:
        """Return the page size, 1 to 100, by default 50. Raises Refusal 400 for any other."""
        text = self.query.get("limit", "50")
        if not (text.isdecimal() and 1 <= int(text) <= 100):
            raise bad_request("limit: must be an integer from 1 to 100")
        return int(text)

    def cursor(self) -> str | None:
        """Return the last item of the previous page, None for the first page."""
        return self.query.get("cursor") or None


def page(rows: Sequence[sqlite3.Row], limit: int, show: Callable[[sqlite3.Row], Json], key: str = "id") -> Answer:
    """Return a page of `limit` items; one more row means that another page follows. The cursor is the last `key`."""
    items = [show(row) for row in rows[:limit]]
    return Answer({"items": items, "next_cursor": items[-1][key] if len(rows) > limit else None})


def bad_cursor() -> Refusal:
    """Return a 400 for a cursor that names no item, or one that was deleted."""
    return bad_request("cursor: not a cursor of this list")


def page_of(call: Call, rows: str, show: Callable[[sqlite3.Row], Json], *, newest_first: bool = False) -> Answer:
    """Return a page of what belongs to an issue, in the order of creation; `rows` selects it by the issue's number."""
    number, limit, cursor = call.issue_number(), call.limit(), call.cursor()
    condition, values = "true", [number]
    order, sign = ("DESC", "<") if newest_first else ("ASC", ">")
    if cursor is not None:
        last = call.store.row_or_none(f"SELECT seq FROM ({rows}) WHERE id = ?", number, cursor)
        if last is None:
            raise bad_cursor()
        condition = f"seq {sign} ?"
        values.append(last["seq"])
    sql = f"SELECT * FROM ({rows}) WHERE {condition} ORDER BY seq {order} LIMIT ?"
    return page(call.store.rows(sql, *values, limit + 1), limit, show)
