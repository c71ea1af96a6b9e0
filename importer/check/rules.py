"""The rules that reject an issue or warn of it: an issue in, findings out, without any effect."""

from __future__ import annotations

from collections.abc import Iterator

from importer.api import DESCRIPTION_LIMIT, PERSON_FIELDS, TEXT_FIELDS, TITLE_LIMIT, count_units
from importer.codes import DATE_UNREADABLE, DESCRIPTION_TOO_LONG, INVALID_TEXTS, SHORTENED, TITLE_TOO_LONG
from importer.mapping.model import MappingModel
from importer.mapping.texts import Text
from importer.mapping.yaml_tree import as_source
from importer.records import NO_PARTS, Finding, IssueParts
from importer.row.compiler import Compiler
from importer.row.issue import Issue
from importer.transform.dates import FORMAT_HINT
from importer.transform.lengths import is_longer
from importer.transform.plain_text import is_filled

KEY_LIMIT = 1_000
"""How many bytes a key may have: two of them, as a relation has, fit into an index of PostgreSQL."""
_FIELDS_OF_PARTS = {"rest": "description", "mentions": "description", "occurrences": "recurring"}
"""Issue part → the field that its texts belong to, where that has another name."""
FILL_HINT = "fill it in the errors file, and give that file to `run`"
UNNAMED = Finding(
    "key-needs-name",
    "key",
    "this key is unique only within one project",
    "name the project: --source-name NAME, or `input: {name: NAME}` in your mapping",
)


class Rules:
    """The rules for the issues of one mapping.

    `name_given`: the source was named on the command line or in the user's mapping, which `input.local_key` demands.
    `compiler` reads what a row has, to say what could be its title.
    """

    def __init__(self, mapping: MappingModel, compiler: Compiler, *, name_given: bool) -> None:
        self._mapping, self._compiler, self._name_given = mapping, compiler, name_given

    def check(self, issue: Issue, *, follows: bool = False) -> list[Finding]:
        """The findings of an issue, in the order of its fields; a skipped one has none.

        A defective row has its defect and nothing else; a defect that doesn't reject is the reason why its row is
        skipped. Title and description of a row that `follows` another one of its issue are those of the first.
        """
        if issue.row.defect is not None:
            return [issue.row.defect] if issue.row.defect.rejects else []
        if issue.skip:
            return []
        findings = [*self._check_key(issue)]
        findings += self._check_title(issue)
        findings += _check_description(issue)
        findings += [step.fault for step in issue.steps if step.fault is not None]
        findings += _check_texts(issue)
        findings += issue.findings
        if issue.row.unreadable:
            message = f"the date {issue.row.unreadable!r} can't be read"
            findings.append(Finding(DATE_UNREADABLE, "date", message, FORMAT_HINT))
        findings += _check_characters(issue)
        if follows:
            return [finding for finding in findings if finding.field not in ("title", "description")]
        return findings

    def _check_key(self, issue: Issue) -> Iterator[Finding]:
        key = issue.key.full
        if not key:
            yield self._miss_key(issue)
        # No character takes more than four bytes: a short key need not be encoded.
        elif len(key) > KEY_LIMIT // 4 and (size := len(key.encode("utf-8", "surrogatepass"))) > KEY_LIMIT:
            message = f"the key, with the source's name, has {size:,} bytes, {KEY_LIMIT:,} allowed"
            yield Finding("key-too-long", "key", message, "let `input.key` name a column of short ids")
        elif issue.key.is_local and not self._name_given:
            yield UNNAMED

    def _miss_key(self, issue: Issue) -> Finding:
        empty = list[str]()
        for text in self._mapping.group:
            read = self._compiler.text(text)
            if not is_filled(read(issue.row)):
                empty.append(", ".join(ref.name for ref in text.refs))
        if empty:
            message = f"nothing in {', '.join(empty)}, which `group` names"
            return Finding("key-missing", "key", message, FILL_HINT)
        hint = "fill the key column, or set `input: {key: {content: true}}` in the mapping"
        return Finding("key-missing", "key", "no native key", hint)

    def _check_title(self, issue: Issue) -> Iterator[Finding]:
        if not issue.title:
            hint = FILL_HINT
            if line := self._title_from_description(issue):
                hint = f"`{line}` in the mapping, or in one that extends it, takes it from the description; or {hint}"
            yield Finding("title-missing", "title", "the title is empty", hint)
        elif is_longer(issue.title, TITLE_LIMIT):
            message = f"{count_units(issue.title)} characters, {TITLE_LIMIT} allowed"
            hint = "`title: {too_long: shorten}` in the mapping keeps the full title in the description"
            yield Finding(TITLE_TOO_LONG, "title", message, hint)
        yield from _shortened(issue, "title", "the full title opens the description")

    def _title_from_description(self, issue: Issue) -> str:
        """The line of a mapping that takes an empty title from the description; "" if that is empty, too."""
        described = self._mapping.description or Text(value="")
        filled = [ref for ref in described.refs if is_filled(self._compiler.column(ref)(issue.row))]
        if not filled:
            return ""
        present = self._compiler.present
        sources = [f"{{{as_source(ref)}}}" for ref in self._mapping.title.refs if ref in present]
        as_text = "" if described.format is None else f", format: {described.format}, as: text"
        sources.append(f"{{{as_source(filled[0])}, pattern: '\\S.*'{as_text}}}")
        return f"title: {{first: [{', '.join(sources)}], too_long: shorten}}"


def _check_description(issue: Issue) -> Iterator[Finding]:
    if is_longer(issue.description, DESCRIPTION_LIMIT):
        message = f"{count_units(issue.description):,} characters with its footer, {DESCRIPTION_LIMIT:,} allowed"
        hint = (
            "`description: {too_long: continue}` in the mapping lets the text go on in comments, `shorten` cuts it; "
            "where it does already, the footer or the full title alone is too long: name fewer columns under `footer`"
        )
        yield Finding(DESCRIPTION_TOO_LONG, "description", message, hint)
    yield from _shortened(issue, "description", "the rest is only in the source")


def _check_texts(issue: Issue) -> Iterator[Finding]:
    """A finding for each text that is none of the names that its field may have."""
    for field in TEXT_FIELDS:
        text = issue.texts[field.name]
        if field.names and text not in field.names:
            message = f"{field.name} {text!r} is not one of {', '.join(field.names)}"
            hint = f"map it, or write `{field.name}: {{value: {field.names[-1]}}}` in the mapping"
            yield Finding(INVALID_TEXTS[field.name], field.name, message, hint, text)


def _shortened(issue: Issue, name: str, where: str) -> Iterator[Finding]:
    for shortened in issue.shortened:
        if shortened.field == name:
            message = f"cut from {shortened.units:,} characters; {where}"
            yield Finding(SHORTENED[name], name, message, rejects=False)


def _check_characters(issue: Issue) -> Iterator[Finding]:
    """A finding for each field with a text that can't be sent."""
    texts = {
        "key": issue.key.full,
        "title": issue.title,
        "description": issue.description,
        "category": issue.category or "",
        **issue.texts,
        **dict(zip(PERSON_FIELDS, issue.user_ids, strict=True)),
    }
    if issue.parts is NO_PARTS and is_sound("".join(texts.values())):  # as nearly all
        return
    for name, text in _texts_of(issue.parts):
        texts[name] = texts.get(name, "") + text
    for name, text in texts.items():
        if not is_unicode(text):
            yield Finding("text-not-unicode", name, "half a character (a lone surrogate)", "correct the text")
        elif "\0" in text:
            hint = "delete it (\\u0000 in JSON); many of them mean a wrong --encoding"
            yield Finding("text-has-nul", name, "a NUL character", hint)


def _texts_of(parts: IssueParts) -> Iterator[tuple[str, str]]:
    """Yield the texts of each kind of issue part, with the field that they belong to."""
    for name, part in zip(parts._fields, parts, strict=True):
        yield _FIELDS_OF_PARTS.get(name, name), "".join(_walk_texts(part))


def _walk_texts(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from _walk_texts(item)


def is_sound(text: str) -> bool:
    """Whether a text can be sent: it has no half of a character, and no NUL."""
    return is_unicode(text) and "\0" not in text


def is_unicode(text: str) -> bool:
    """Whether a text can be encoded as UTF-8: it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
