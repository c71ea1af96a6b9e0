"""Several rows that are one issue: the first of them gets what all of them say."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from importer.api import SEVERITIES, STATUSES
from importer.records import NO_PARTS
from importer.transform.plain_text import is_filled

if TYPE_CHECKING:
    from importer.row.issue import Issue

Item = TypeVar("Item", bound=Hashable)


def merge_values(members: Sequence[Issue]) -> None:
    """Give the first row the worst severity and the least finished status of all."""
    first = members[0]
    first.severity = _first_in(SEVERITIES, [issue.severity for issue in members]) or first.severity
    first.status = _first_in(STATUSES, [issue.status for issue in members]) or first.status


def merge_people(members: Sequence[Issue]) -> None:
    """Give the first row the first owner and assignee of all."""
    first = members[0]
    ids_of_fields = zip(*(issue.user_ids for issue in members), strict=True)
    first.user_ids = [next(filter(is_filled, user_ids), user_ids[0]) for user_ids in ids_of_fields]


def merge_texts(members: Sequence[Issue]) -> None:
    """Give the first row the distinct texts of all as paragraphs; if their titles differ, each under its title."""
    first = members[0]
    if len({issue.title for issue in members}) > 1:
        paragraphs = [_under_title(issue) for issue in members]
    else:
        paragraphs = [issue.text for issue in members]
    first.text = "\n\n".join(dict.fromkeys(filter(is_filled, paragraphs)))


def merge_parts(members: Sequence[Issue]) -> None:
    """Give the first row what all of them have beside the create, each once, in order; the others have nothing left."""
    first, followers = members[0], members[1:]
    first.comments = _join(issue.comments for issue in members)
    first.discussed = sum(issue.discussed for issue in members)
    for issue in followers:
        first.parts = first.parts.joined(issue.parts)
        issue.parts = NO_PARTS
        issue.comments = ()
        issue.discussed = 0


def _under_title(issue: Issue) -> str:
    text = f"## {issue.title}\n\n{issue.text}" if issue.title else issue.text
    return text.rstrip()


def _first_in(order: Sequence[str], targets: Sequence[str | None]) -> str | None:
    """The target that comes first in an order, None if it has none of them."""
    return next((target for target in order if target in targets), None)


def _join(items: Iterable[Iterable[Item]]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(item for items_of_row in items for item in items_of_row))
