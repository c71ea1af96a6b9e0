"""Addresses of files in texts, as of a picture: made whole where they leave out the site, and found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from importer.mapping.issue_parts import Attachments
from importer.mapping.patterns import compile_pattern
from importer.transform.columns import Columns
from importer.transform.scan import find_core, find_texts

_NOT_OF_IT = ".,;:!?*_"
"""A sentence or markup may end behind an address."""


class FileAddresses:
    """Knows the files that texts link to, by the patterns of a mapping."""

    def __init__(self, spec: Attachments | None) -> None:
        texts = [] if spec is None else spec.texts
        self._site = None if spec is None else spec.site
        self._patterns = list(map(compile_pattern, texts))
        self._cores = list(dict.fromkeys(map(find_core, texts)))

    def __bool__(self) -> bool:
        """Whether a mapping has any patterns."""
        return bool(self._patterns)

    def complete(self, columns: Columns, texts: Sequence[str], rows: Sequence[int] | None) -> Sequence[str]:
        """Put the row's site before addresses that begin with a slash; a text is of its row, or of that in `rows`."""
        places = find_texts(self._cores, texts) if self._site is not None else ()
        if self._site is None or not places:  # as in nearly all chunks
            return texts
        sites, changed = columns.stripped(self._site), list(texts)
        for place in places:
            site = sites[place if rows is None else rows[place]]

            def put_before(match: re.Match[str], site: str = site) -> str:
                return site + match[0] if match[0].startswith("/") else match[0]

            for pattern in self._patterns:
                changed[place] = pattern.sub(put_before, changed[place])
        return changed

    def find(self, texts: Sequence[str]) -> Iterator[tuple[int, str]]:
        """(place, address) of each file that a text links to, in order."""
        for place in find_texts(self._cores, texts):
            for pattern in self._patterns:
                yield from ((place, match[0].rstrip(_NOT_OF_IT)) for match in pattern.finditer(texts[place]))
