"""How old a source, or a date in it, may be."""

from __future__ import annotations

from collections.abc import Mapping

from importer.errors import SourceNotReady
from importer.phrases import format_duration

MAX_AGE, MAX_FILE = "--max-source-age", "--max-file-age"


def check_age(age_seconds: float, what: str, limits: Mapping[str, float | None]) -> None:
    """Raise SourceNotReady if something is older than one of the limits, each with the option that it is from."""
    for option, limit in limits.items():
        if limit is not None and age_seconds > limit:
            ago, allowed = format_duration(age_seconds), format_duration(limit)
            raise SourceNotReady(
                f"{what} {ago} ago, but {option} allows {allowed}; nothing was sent.",
                hint=f"Check that the export still runs; if the source is right, raise {option}.",
            )
