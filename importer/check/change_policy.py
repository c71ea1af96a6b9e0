"""What to do about rows that have changed since they were sent: the options `--on-change`, `--fields` and the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from importer.api import ISSUE_FIELDS, PATCHABLE_FIELDS
from importer.errors import UsageError


class OnChange(StrEnum):
    """What happens to an issue whose row has changed since it was sent."""

    REPORT = "report"
    UPDATE = "update"
    OVERWRITE = "overwrite"
    SKIP = "skip"


@dataclass(frozen=True)
class ChangePolicy:
    """What to do about changed rows.

    on_change       what happens to their issues
    fields          the only fields that are compared
    accept_mapping  whether issues are updated of which only the mapping changed, and not the row
    """

    on_change: OnChange = OnChange.REPORT
    fields: frozenset[str] = frozenset(ISSUE_FIELDS)
    accept_mapping: bool = False


def read_fields(names: str | None) -> frozenset[str]:
    """Read `--fields`. Raises UsageError for a name that is no field."""
    if names is None:
        return frozenset(ISSUE_FIELDS)
    return frozenset(parse_fields(names, PATCHABLE_FIELDS, "changed", "."))


def parse_fields(names: str, known: Sequence[str], can_be: str, beside: str) -> tuple[str, ...]:
    """Parse field names with commas between them; `beside` ends the sentence that lists the known ones.

    Raises UsageError if one isn't known, or there is none.
    """
    fields = tuple(name.strip() for name in names.split(",") if name.strip())
    unknown = sorted(set(fields).difference(known))
    if unknown or not fields:
        raise UsageError(
            f"--fields {names}: there is no field {', '.join(unknown) or 'in it'} that can be {can_be}.",
            hint=f"Fields are {', '.join(known)}{beside}",
        )
    return fields
