"""Keys of issues: other keys that they had, and keys that are made of a row's content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from importer.transform.markers import hex_digest

Aliases = Mapping[str, str]
"""The key that an issue has in the source by now → the one that it had first, under which the ledger has it."""
NO_ALIASES: Aliases = {}

CONTENT_KEY = "row-"
"""How the native key of a row begins that is known by its content."""


def content_key(raw: Sequence[str] | str) -> str:
    """A native key for a row that has none: a hash of everything in it."""
    # Empty cells at the end of a row say nothing, and another program may leave them out.
    return CONTENT_KEY + hex_digest(raw if isinstance(raw, str) else "\x1f".join(raw).rstrip("\x1f"))[:20]
