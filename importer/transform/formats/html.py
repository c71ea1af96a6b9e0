"""Reads HTML. Nothing that a reader would see is lost: what isn't an HTML tag (`List<String>`) is text.

Libraries were measured first, on 100 kB of hostile text: markdownify 1.2 takes 37 s for a run of spaces and breaks at
1,000 levels, html-to-markdown 3.21 silently drops the text in unclosed tags, both drop `<String>`; html2text is GPL.
Python's own html.parser is quadratic in unclosed comments, and what it makes of an unclosed tag changed in a bug fix.
Here each `<` is looked at once.
"""

from __future__ import annotations

import html
import re

from importer.transform.formats.tree import BLOCKS, DEPTH_LIMIT, INLINE, VOID, Element, lost

_HIDDEN = frozenset(("script", "style", "template", "title"))  # a browser shows nothing of what is in them
_TAG = re.compile(
    r"<(/?)([a-zA-Z][\w:-]*+)"
    # a `<` in a quoted value is looked past for 999 characters only, which keeps 100 kB of `<a "` linear
    r"""((?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|"[^"]{0,999}"|'[^']{0,999}')*+)>"""
)
_MARK = re.compile(_TAG.pattern + r"|<!--|<(?:!doctype|\?xml|!\[(?:if|endif))[^<>]*+>", re.IGNORECASE)
_ATTR = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++)))?+""")
_ATTR_NAME = re.compile(r"[@:*#(\[]*[a-zA-Z_][\w:.)\]@-]*\Z")
_FOREIGN = re.compile(r"(?:o|v|w|st1):\w+\Z")  # Word's own elements: they carry no text of their own
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z][a-zA-Z\d]{1,31});")
_SPACE = re.compile(r"[ \t\r\n\f]+")

_KNOWN = BLOCKS | INLINE | _HIDDEN | {"head"}
_CLOSES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # a start tag ends what is open of the first, unless one of the second lies between
    "li": (frozenset(("li",)), frozenset(("ul", "ol"))),
    "dt": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "dd": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "td": (frozenset(("td", "th")), frozenset(("tr", "table"))),
    "th": (frozenset(("td", "th")), frozenset(("tr", "table"))),
    "tr": (frozenset(("tr",)), frozenset(("table",))),
    "option": (frozenset(("option",)), frozenset(("select",))),
}
_ENDS_PARAGRAPH = (frozenset(("p",)), BLOCKS - {"p"})
_ENCLOSING = frozenset(("td", "th", "table"))  # an end tag inside doesn't reach out of them


def read_html(text: str) -> Element | None:
    """The tree of an HTML text; None if it has no tag at all."""
    builder = _Builder(text)
    if _TAG.search(text) is None or not builder.has_tags():
        return None
    return builder.read()


def unescape(text: str) -> str:
    """Replace entities by their characters. Each needs its semicolon, since `?a=1&copy=2` is part of an address."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)


class _Builder:
    """Reads one text, tag by tag."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._root = Element("body")
        self._open = [self._root]
        self._unclosed: set[str] = set()  # what was looked for to the end of the text, and isn't there

    def has_tags(self) -> bool:
        """Whether anything in the text is a tag of HTML."""
        return any(_is_tag(match) for match in _TAG.finditer(self._text))

    def read(self) -> Element:
        position = 0
        while (match := _MARK.search(self._text, position)) is not None:
            self._add_text(self._text[position : match.start()])
            position = self._take(match)
        self._add_text(self._text[position:])
        return self._root

    def _take(self, match: re.Match[str]) -> int:
        """Add the element of a mark to the tree, and return where to read on."""
        name = (match[2] or "").lower()
        if match[0] == "<!--":
            return self._skip_to(re.compile("-->"), match)
        if not name or _FOREIGN.match(name):
            return match.end()
        if not _is_tag(match):
            self._add_text(match[0])
        elif match[1]:
            self._close(name)
        elif name in _HIDDEN:
            end = self._skip_to(re.compile(rf"</{name}\s*>", re.IGNORECASE), match)
            if name == "script" and end > match.end():
                self._open[-1].children.append(lost("script"))
            return end
        else:
            self._start(name, match[3])
        return match.end()

    def _skip_to(self, ending: re.Pattern[str], match: re.Match[str]) -> int:
        """The end of an element that isn't shown; if it is never closed, its opening mark is text."""
        if ending.pattern not in self._unclosed:
            closing = ending.search(self._text, match.end())
            if closing is not None:
                return closing.end()
            self._unclosed.add(ending.pattern)
        self._add_text(match[0])
        return match.end()

    def _add_text(self, text: str) -> None:
        if not text:
            return
        if not any(element.tag in ("pre", "textarea") for element in self._open):
            text = _SPACE.sub(" ", text)
        self._open[-1].children.append(unescape(text))

    def _start(self, name: str, attributes: str) -> None:
        if name in _CLOSES:
            self._end_implied(*_CLOSES[name])
        elif name in BLOCKS:
            self._end_implied(*_ENDS_PARAGRAPH)
        element = Element(name, read_attributes(attributes))
        self._open[-1].children.append(element)
        if name in VOID or attributes.endswith("/"):
            return
        if len(self._open) < DEPTH_LIMIT:
            self._open.append(element)

    def _end_implied(self, ended: frozenset[str], between: frozenset[str]) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            tag = self._open[depth].tag
            if tag in ended:
                del self._open[depth:]
                return
            if tag in between:
                return

    def _close(self, name: str) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            tag = self._open[depth].tag
            if tag == name:
                del self._open[depth:]
                return
            if tag in _ENCLOSING and name not in BLOCKS:
                return


def _is_tag(match: re.Match[str]) -> bool:
    """Whether a mark is an HTML tag, and not `<String>`, `<john@x.org>` or `a <b && c>`."""
    if match[2].lower() not in _KNOWN:
        return False
    attributes = _ATTR.finditer(match[3].rstrip("/"))
    return all(_ATTR_NAME.match(attribute[1]) for attribute in attributes)


def read_attributes(text: str) -> dict[str, str]:
    """The attributes of a tag by their names in lower case; the first of a name counts."""
    attributes: dict[str, str] = {}
    for name, double, single, bare in _ATTR.findall(text):
        value = unescape(double or single or bare)
        attributes.setdefault(name.lower(), value)
    return attributes
