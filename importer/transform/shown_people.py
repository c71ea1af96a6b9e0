"""How people are shown in what is sent and reported: by name or pseudonym, or not at all; and masks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from importer.mapping.identities import Identity, Roster, fold_word
from importer.mapping.issue_parts import People
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_persons
from importer.records import Finding, Ref

SOMEBODY = "somebody"
"""In place of whom no name may stand."""
LONGEST_NAME = 200
"""Characters of a text that may be a name and nothing else."""
MAIL, PHONE = "[mail address masked]", "[phone number masked]"

_MAIL = re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE = re.compile(
    r"(?<![\w.,/#=&?%@:-])(?:"
    r"(?:\+|00)[1-9](?:[ ().\-/]{0,2}\d){7,13}"  # of any country
    r"|\(\d{3}\) ?\d{3}[-. ]\d{4}|\d{3}[-. ]\d{3}[-. ]\d{4}"  # of North America
    r"|\(?0\d{2,4}\)?[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,3}"  # with a trunk prefix
    r")(?![\w/%-]|[.,]\d)"
)
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"(['\"])(.+?)\1")
"""A cell, as the message of a finding cites it."""
_PEOPLE_LABEL = re.compile(
    r"(?i)report|author|creat(?:or|ed by)|assign|owner|request|watch|follow|approv|review(?:er|ed by)|submit|caller|"
    r"\bby\b|contact|customer|user|lead|agent|mail|phone|participant|member|handler|\bcc\b"
)
"""Labels of footer lines that name people, whatever cells they are made of: one too many is masked rather than none."""


@dataclass(frozen=True)
class ShownPeople:
    """A mapping's settings for how people are shown. Names in texts are found by users.csv."""

    people: People
    roster: Roster

    @property
    def are_named(self) -> bool:
        """Whether names stay."""
        return self.people.show == "name"

    def show(self, person: Identity) -> str:
        """What is written in place of a person; "" for nobody, and for everybody if people aren't shown."""
        if self.are_named or not person.shown:
            return person.shown
        if self.people.show != "pseudonym":
            return ""
        return self.roster.pseudonym_of(person) or SOMEBODY

    def show_author(self, author: str) -> str:
        """The author of a comment (a name, an account or a mail address) as people are shown."""
        if self.are_named or not author.strip():
            return author
        return self.show(self._read(author))

    def show_cell(self, label: str, cell: str) -> str:
        """A footer line with its people as they are shown; commas or semicolons may stand between several."""
        if self.are_named or _PEOPLE_LABEL.search(label) is None:
            return self._clean(cell)
        authors = (self.show_author(part.strip()) for part in re.split(r"[,;]", cell))
        return ", ".join(filter(None, authors))

    def clean(self, texts: Sequence[str]) -> list[str]:
        """The texts with the names of users.csv, mail addresses and phone numbers as the mapping wants them."""
        if not self.people.hides:
            return list(texts)
        return [self._clean(text) for text in texts]

    def show_finding(self, finding: Finding) -> Finding:
        """A finding with the people in its message, hint and value as they are shown."""

        def clean_cited(cited: re.Match[str]) -> str:
            return f"{cited[1]}{self._clean(cited[2])}{cited[1]}"

        message = self._clean(_QUOTED.sub(clean_cited, finding.message))
        hint = self._clean(_QUOTED.sub(clean_cited, finding.hint))
        value = self._clean(finding.value)
        return replace(finding, message=message, hint=hint, value=value)

    def _read(self, text: str) -> Identity:
        # The surest first: a name may be that of several people.
        for person in (Identity(account=text), Identity(mail=text), Identity(name=text)):
            if self.roster.pseudonym_of(person) or self.roster.find(person):
                return person
        if _MAIL.fullmatch(text):
            return Identity(mail=text)
        return Identity(name=text)

    def _clean(self, text: str) -> str:
        if not self.are_named and self.roster.lines:
            name_shown = None
            if len(text) <= LONGEST_NAME:
                name_shown = self._wholes.get(fold_word(text))
            text = self._replace_names(text) if name_shown is None else name_shown
        if self.people.mails == "mask" and "@" in text:
            text = _MAIL.sub(MAIL, text)
        if self.people.phones == "mask":
            text = _PHONE.sub(PHONE, text)
        return text

    def _replace_names(self, text: str) -> str:
        parts = list[str]()
        position = 0
        lower = text.lower()
        if len(lower) != len(text):  # as of a Turkish capital I: places in it are others
            lower = text
        for word in _WORD.finditer(lower):
            # It is a part of the name that was replaced last.
            if word.start() < position:
                continue
            for name, name_shown in self._names.get(word[0], ()):
                end = word.start() + len(name)
                if lower.startswith(name, word.start()) and not text[end : end + 1].isalnum():
                    parts += [text[position : word.start()], name_shown]
                    position = end
                    break
        return "".join([*parts, text[position:]])

    @cached_property
    def _names(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """First word → names of two words or more and mail addresses that begin with it, lower case, longest first."""
        by_word = defaultdict[str, list[tuple[str, str]]](list)
        for line in self.roster.lines:
            for part in (line.who.name.lower(), line.who.mail.lower()):
                word = _WORD.match(part)
                if word is not None and len(_WORD.findall(part)) > 1:
                    name_shown = self.show(line.who) or SOMEBODY
                    by_word[word[0]].append((part, name_shown))
        for names in by_word.values():
            names.sort(key=lambda name: -len(name[0]))
        return by_word

    @cached_property
    def _wholes(self) -> Mapping[str, str]:
        """Folded name, mail address or account → what stands in its place. A bare number is an id of much else, too."""
        wholes = dict[str, str]()
        for line in reversed(self.roster.lines):
            for part in line.who:
                if part and not part.isdecimal():
                    wholes[fold_word(part)] = self.show(line.who) or SOMEBODY
        return wholes


def person_refs(mapping: MappingModel) -> frozenset[Ref]:
    """The columns and paths that name people."""
    refs = set[Ref]()
    for person in collect_persons(mapping):
        for text in person.texts:
            refs.update(text.refs)
    return frozenset(refs)
