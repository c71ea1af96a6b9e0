"""What stands beside the records: which objects a mapping's comments come from, as the source knows them."""

from __future__ import annotations

from importer.mapping.model import Mapping
from importer.records import Annex


def collect_annexes(mapping: Mapping) -> dict[int, Annex]:
    """Place in `comments: from` → the objects that stand beside the records there."""
    sources = [] if mapping.comments is None else mapping.comments.from_
    return {
        place: Annex(spec.beside.in_ or "", spec.beside.by, spec.beside.when or "")
        for place, spec in enumerate(sources)
        if spec.beside is not None
    }
