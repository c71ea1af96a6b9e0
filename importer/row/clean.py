"""Cleans the texts of issues before they are sent: whose names are shown, what must notify nobody, what is secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from importer.mapping.model import MappingModel
from importer.records import Finding
from importer.row.compiler import Compiler
from importer.row.people import FindName, name_mentions
from importer.row.remembered import Remembered
from importer.sources.source_rows import SourceRow
from importer.transform.file_addresses import FileAddresses
from importer.transform.sanitise import Sanitized, Sanitizer
from importer.transform.scan import find_core
from importer.transform.shown_people import ShownPeople


class Cleaner:
    """What a mapping says of names, mentions and secrets, ready for the texts of one file's rows.

    `line` sanitises a short line, such as a footer's, without noting its secrets; such lines come again and again.
    """

    def __init__(
        self, mapping: MappingModel, shown_people: ShownPeople, find_name: FindName, compiler: Compiler
    ) -> None:
        self._sanitizer = Sanitizer(mapping.norm, mapping.mentions, mapping.secrets)
        self._hides, self._shown = mapping.people.hides, shown_people
        self._mentions, self._find_name = mapping.people.mentions, find_name
        # What each mention has in it is found faster than the mention.
        self._mention_core = "" if self._mentions is None else find_core(self._mentions)
        self._files = FileAddresses(mapping.attachments)
        self._site = compiler.stripped(None if mapping.attachments is None else mapping.attachments.site)
        self.line = Remembered[str, str](self._clean_line).__getitem__

    def prepare(self, row: SourceRow, text: str) -> str:
        """Make addresses of files whole, put names for accounts, and show people as the mapping wants them."""
        if self._files:
            text = self._files.complete(text, lambda: self._site(row))
        if self._mentions is not None and self._mention_core in text:
            text = name_mentions(text, self._mentions, self._shown.roster, self._find_name)
        return self.prepare_line(text) if self._hides else text

    def is_harmless(self, texts: Sequence[str]) -> bool:
        """Whether prepared texts can be sent as they are: what is rare is searched for in all of them at once."""
        return self._sanitizer.is_harmless(texts)

    def sanitise(self, texts: Sequence[str]) -> list[Sanitized]:
        """Sanitise prepared texts."""
        return self._sanitizer.clean_all(texts)

    def findings(self, name: str, kinds: tuple[str, ...]) -> Iterator[Finding]:
        """A finding for each kind of secret in a field."""
        return self._sanitizer.findings(name, kinds)

    def prepare_line(self, text: str) -> str:
        """Show people in a short line as the mapping wants them."""
        return self._shown.clean([text])[0] if self._hides else text

    def _clean_line(self, text: str) -> str:
        (sanitized,) = self._sanitizer.clean_all([self.prepare_line(text)])
        return sanitized.text
