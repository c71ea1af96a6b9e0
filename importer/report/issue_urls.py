"""The address of an issue in a browser: Triage's reference names none, so that the user says what it looks like."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlsplit

NUMBER, ID = "{number}", "{id}"


class IssueUrl(NamedTuple):
    """The pattern of an address, "" for none: `{number}` is 1001 of T-1001, `{id}` the issue's own long id."""

    pattern: str = ""

    def of(self, triage_id: str, issue_id: str) -> str:
        """Return the address of an issue, "" where there is no pattern or no issue."""
        if not self.pattern or not triage_id:
            return ""
        number = quote(triage_id.rpartition("-")[2], safe="")
        return self.pattern.replace(NUMBER, number).replace(ID, quote(issue_id, safe=""))


NO_URL = IssueUrl()


def find_fault(pattern: str) -> str:
    """Say why no address can be made of a pattern; "" where one can."""
    try:
        parts = urlsplit(pattern)
    except ValueError as error:
        return f"it is no address: {error}"
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return "it doesn't begin with https:// and a host"
    if not pattern.isprintable() or " " in pattern:
        return "it has a space or an invisible character"
    rest = pattern.replace(NUMBER, "").replace(ID, "")
    if rest == pattern:
        return "it has no {number}, for the number of an issue, and no {id}, for its id"
    return "" if "{" not in rest and "}" not in rest else "it has braces besides {number} and {id}"
