"""Converts HTML, wiki markup, Atlassian's document format, Textile, escapes and Unix times to Markdown or text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from importer.mapping.texts import AsText, TextFormat
from importer.records import Finding
from importer.transform.dates import show_epoch
from importer.transform.formats.adf import read_adf
from importer.transform.formats.html import read_html, unescape
from importer.transform.formats.jira import MARKED, read_jira
from importer.transform.formats.textile import read_textile
from importer.transform.formats.tree import Element
from importer.transform.formats.write import write

_READERS: dict[TextFormat, Callable[[str], Element | None]] = {
    "html": read_html,
    "jira": read_jira,
    "textile": read_textile,
    "adf": read_adf,
}

_BREAK = re.compile(r"\\r\\n|\\n|\\r")
_PATH = re.compile(r"[A-Za-z]:\\|\\\\")

_SIGNS = "#*_|[{<"
"""What a conversion takes away, or puts there: texts that have not as many of one have other words."""


class Converted(NamedTuple):
    """A converted text, and the parts of its markup that were lost: their names in order, once for each loss."""

    text: str
    dropped: tuple[str, ...] = ()


def convert(text: str, format: TextFormat, as_: AsText) -> Converted:
    """Convert a text in `format` to Markdown or plain text.

    A text whose words the conversion doesn't change stays as it is, byte for byte; so does one that isn't in `format`,
    and one that can't be read, which `dropped` says.
    """
    if not text or text.isspace():
        return Converted(text)
    if format == "markdown":
        return Converted(leave_out_hidden(text))
    if format == "time":
        return Converted(show_epoch(text))
    if format == "escaped":
        return Converted(_break_lines(text))
    try:
        root = _READERS[format](text)
    except ValueError:
        return Converted(text, ("the whole markup, which can't be read: the text is as it was",))
    if root is None:
        return Converted(unescape(text) if format == "html" else text)
    written, dropped = write(root, markdown=as_ == "markdown")
    # Signs are counted before words are taken apart: it is faster, and tells most of the texts that have changed.
    is_alike = not dropped and all(written.count(sign) == text.count(sign) for sign in _SIGNS)
    if is_alike and written.split() == text.split():
        return Converted(text)
    return Converted(written, tuple(Counter(dropped).elements()) if dropped else ())


def is_marked(text: str, format: TextFormat) -> bool:
    """Whether a text may have anything to convert: most texts in Jira's markup have nothing of it."""
    return format != "jira" or MARKED.is_in(text)


def _break_lines(text: str) -> str:
    """Put line breaks where `\\n` stands; a text that has real ones, or a path of Windows, is left as it is."""
    return text if "\n" in text or _PATH.search(text) else _BREAK.sub("\n", text)


def dropped_finding(field: str, dropped: Iterable[str]) -> Finding:
    """The warning that a conversion lost something."""
    names = ", ".join(dict.fromkeys(dropped))
    return Finding("format-dropped", field, f"not kept of the markup: {names}", rejects=False)


_HIDDEN = re.compile(
    r"(?P<code>^ {0,3}(?P<fence>`{3,}|~{3,}).*?(?:^ {0,3}(?P=fence)|\Z)|`[^`\n]+`)"
    r"|(?<![ \t])[ \t]*+<!--(?:.*?-->(?:[ \t]*+\n)?|(?P<unclosed>.*\Z))",
    re.MULTILINE | re.DOTALL,
)
"""What is unclosed goes to the end of the text, so that nobody looks there again."""
_GAP = re.compile(r"\n(?:[ \t]*\n){2,}")


def leave_out_hidden(text: str) -> str:
    """The text without its HTML comments; in code they are no comments."""
    if "<!--" not in text:
        return text
    visible = _HIDDEN.sub(lambda match: match[0] if match["code"] or match["unclosed"] is not None else "", text)
    return text if visible == text else _GAP.sub("\n\n", visible).strip("\n")
