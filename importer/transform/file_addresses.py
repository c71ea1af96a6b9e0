"""Addresses of files in texts, as of a picture: made whole where they leave out the site, and found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from importer.mapping.issue_parts import Attachments
from importer.mapping.patterns import compile_pattern
from importer.transform.scan import find_core

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

    def complete(self, text: str, find_site: Callable[[], str]) -> str:
        """Put the site before addresses that begin with a slash; it is looked for only where there are any."""
        if self._site is None or not any(core in text for core in self._cores):
            return text
        site = find_site()

        def put_before(match: re.Match[str]) -> str:
            return site + match[0] if match[0].startswith("/") else match[0]

        for pattern in self._patterns:
            text = pattern.sub(put_before, text)
        return text

    def find(self, text: str) -> Iterator[str]:
        """The address of each file that a text links to, in order."""
        if any(core in text for core in self._cores):
            for pattern in self._patterns:
                yield from (match[0].rstrip(_NOT_OF_IT) for match in pattern.finditer(text))
