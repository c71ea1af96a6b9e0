"""Reads Textile, which the library `textile` converts to HTML first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from urllib.parse import quote

from importer.transform.formats.html import read_html, unescape
from importer.transform.formats.tree import Element, Node

_CODE = re.compile(
    r"""<pre(?:\s[^<>]*)?>(?:\s*<code(?:\s[^<>]*?class="(?P<lang>[\w+\#-]+)[^<>]*)?[^<>]*>)?(?P<text>.*?)(?:</code>\s*)?</pre>""",
    re.DOTALL,
)
_MARK = re.compile(r"""(?<!\w)[*_+\-@%^~?\["!](?=\S)|<[!?]""")
_END_OF_ITEM_LINE = re.compile(r"(?<=.)(?<!</dd>|</dt>|</li>|<br/>)(?<!<br>)(?<!<br />)\n(?![#*;:\s|])", re.IGNORECASE)
MARKS_LIMIT = 1_500
"""In one paragraph. The library's time grows with their square: 30,000 take it 110 s, so many a quarter of a second."""


def read_textile(text: str) -> Element | None:
    """The tree of a text in Textile; None if nothing is left of it.

    What is between `<pre>` and `</pre>` the library doesn't see: it would read marks and tags in code as markup.

    Raises ValueError for one that the library breaks on, or that would keep it busy for minutes.
    """
    sign = next(sign for sign in map(chr, range(0xE000, 0xF900)) if sign not in text)  # of nobody's alphabet
    blocks: list[Node] = []

    def hold(match: re.Match[str]) -> str:
        code = match["text"].replace("\r\n", "\n")
        blocks.append(Element("pre", {"lang": match["lang"] or ""}, [code]))
        return f" {sign}{len(blocks) - 1}{sign} "

    end = text.rfind("</pre>") + len("</pre>")  # what is opened behind it would be looked for to the end each time
    text = _CODE.sub(hold, text[:end]) + text[end:]
    unclosed = text.count("<", text.rfind(">") + 1)  # for each the library looks for an end in all that is left
    if unclosed > MARKS_LIMIT or any(len(_MARK.findall(part)) > MARKS_LIMIT for part in text.split("\n\n")):
        raise ValueError("a paragraph has too many marks")
    parser = import_module("textile").Textile(html_type="html5")  # loaded by the first text that needs it
    parser.glyphs = str  # no typography: `"` would become a curly one, `--` a dash and `(c)` a sign
    parser.doBr = _break_lines
    parser.redcloth_list = str  # breaks on any line with a dash and another with `:=`; Redmine doesn't know such lists
    try:
        written = parser.parse(text)
        root = read_html(written)
    except Exception as error:  # the library raises what it happens to come upon
        raise ValueError("the library can't read it") from error
    if parser.uid in written or quote(parser.uid) in written:  # a random one: each run would have another text
        raise ValueError("the library has left its own marks in the text")
    if root is None and blocks:
        root = Element("body", {}, [unescape(written)])
    if root is not None and _put_back(root, re.compile(f"{sign}(\\d+){sign}"), blocks) < len(blocks):
        raise ValueError("the library has lost a block of code")
    return root


def _break_lines(item: re.Match[str]) -> str:
    """The library's own doBr, which takes the square of a line's length in a list: 7 s for 10,000 characters."""
    tag, attributes, content, end = item.groups()
    content = _END_OF_ITEM_LINE.sub("<br />", content)
    return f"<{tag}{attributes}>{content}{end}"


def _put_back(element: Element, place: re.Pattern[str], blocks: Sequence[Node]) -> int:
    """Put blocks where their numbers stand below an element; count them."""
    children: list[Node] = []
    count = 0
    for child in element.children:
        if isinstance(child, str):
            between = place.split(child)
            count += len(between) // 2
            for number, part in enumerate(between):
                if part:
                    children.append(blocks[int(part)] if number % 2 else part)
        else:
            count += _put_back(child, place, blocks)
            children.append(child)
    element.children = children
    return count
