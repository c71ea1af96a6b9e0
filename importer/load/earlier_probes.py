"""What may be deleted of earlier probes: an issue that is still as its probe has made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from importer.api import DESCRIPTION_LIMIT, count_units
from importer.load.probe_texts import LATIN, MIXED, SHORT, count_bytes, long_text, long_title, odd_texts
from importer.transform.markers import PROBE_TITLE, find_probe, probe_title
from importer.triage.answers import Entry, Issue

FIELDS = {"severity": "low", "status": "closed", "source": "client"}
"""Of each issue of a probe, besides its category."""
COMMENT, RELATION, CREATED = "comment", "relation_added", "created"
"""Types of the entries that an issue's activity has from its probe. Source: get/triage-issues-id-activity."""


def why_left(issue: Issue, entries: Sequence[Entry], *, author: str = "", stamp: str | None = None) -> str:
    """Say why an issue of an earlier probe isn't deleted: somebody has touched it, or may have; "" if nobody has.

    author  whose issue it has to be; "" of one that this ledger has recorded
    stamp   its `updated_at` when its probe ended, if that was recorded; "" of one whose probe was interrupted, None of
            one that was found by its marker only
    """
    if issue.author_id != author and author:
        return "it has another author"
    changed = [name for name, value in FIELDS.items() if issue.fields[name] != value]
    changed += [name for name in ("owner_id", "assignee_id") if issue.fields[name]]
    if changed:
        return f"somebody has changed its {', '.join(changed)}"
    types = [entry.type for entry in entries]
    comments = [entry for entry in entries if entry.type == COMMENT]
    if types.count(COMMENT) > 1 or not all(each.detail.lstrip().startswith(PROBE_TITLE) for each in comments):
        return "somebody has commented on it"
    if issue.had_agent or issue.flag_count or issue.resource_count or issue.relation_count > 1:
        return "somebody has worked on it"
    if CREATED not in types or types.count(RELATION) > 1 or not {*types} <= {CREATED, COMMENT, RELATION}:
        return "its activity shows more than its probe did"
    if stamp:
        return "" if issue.updated_at == stamp else "somebody has changed it"
    is_cut = stamp is not None  # perhaps: of its own issues a ledger knows enough to delete them all the same
    marker = find_probe(issue.title, issue.description)
    is_whole = _is_of(issue.title, _titles(marker), is_cut) and _is_of(issue.description, _texts(marker), is_cut)
    return "" if marker and is_whole else "its text isn't the one that a probe writes"


def _titles(marker: str) -> Iterator[str]:
    """Yield the titles that a probe writes."""
    yield from (odd_texts(marker)[0], long_title(marker), probe_title(marker))


def _texts(marker: str) -> Iterator[str]:
    """Yield the descriptions that a probe writes."""
    yield odd_texts(marker)[1]
    yield long_text(marker, LATIN, DESCRIPTION_LIMIT)
    for limit, measure in ((DESCRIPTION_LIMIT, count_units), (DESCRIPTION_LIMIT, count_bytes), (SHORT, count_bytes)):
        yield long_text(marker, MIXED, limit, measure)


def _is_of(stored: str, texts: Iterator[str], is_cut: bool) -> bool:
    """Whether a text is one of these, or the beginning of one; white space doesn't count, as targets rewrite it."""
    packed = "".join(stored.split())
    sent = ["".join(text.split()) for text in texts]
    return packed in sent or (is_cut and any(text.startswith(packed) for text in sent))
