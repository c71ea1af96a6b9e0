"""Reads Jira's wiki markup. Source: jira.atlassian.com, Text Formatting Notation Help.

Whatever may not be markup stays as it is written; so do `[~accountid:…]` and `[^file]`, which others
look for. jira2markdown 0.5, the library for it, reads 4 kB a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from importer.transform.formats.tree import DEPTH_LIMIT, Element, Node, lost
from importer.transform.scan import Scan

MACRO = re.compile(r"\{(code|noformat|quote|panel)(?::([^{}\n]*+))?+\}")
_PANEL_TITLE = re.compile(r"(?:^|\|)title=([^|]*)")
_LANGUAGE = re.compile(r"\A(?:language=)?([\w+#-]+)(?=\||\Z)")
# A blank line, or one that is more than text: its sign and what stands behind it, which in a row of a table is all.
# Before it, line ends of all kinds are made one.
_LINE = re.compile(
    r"""
    \n[^\S\n]*+(?:
      (?=\n|\Z)
    | (?=[*\#|hb-])
      ((?:[*\#]+|-)(?=[^\S\n]+\S) | (?:h[1-6]|bq)\.(?=[^\S\n]) | -{4,}(?=[^\S\n]*$) | (?=\|)(?!\|+[^\S\n]*$))
      [^\S\n]*(.*)
    )
    """,
    re.VERBOSE | re.MULTILINE,
)
_RARE_LINE_ENDS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_CELL = re.compile(r"\\\||\|\|?|\[[^\[\]\n]*+\]|![^!\n]*+!|\{\{[^{}\n]*+\}\}|[^|\[!{\\]+|.")
# Each begins with its sign, so that Python's `re` passes over all others at once.
_PIECES = {
    "\\": r"\\(?P<escaped>[{}\[\]*_+^~!|-]) | \\(?P<break>\\)(?=\s|\Z)",
    "{": r"\{\{(?P<mono>(?:[^{}\n]|[{}](?![{}]))++)\}\} | \{(?P<colour>color(?::[^{}\n]*+)?+)\}",
    "[": r"""
      \[(?P<label>[^\[\]\n|]*+)\|(?P<target>[^\[\]\n|]++)(?:\|[^\[\]\n]*+)?+\]
    | \[(?P<link>(?:https?://|ftp://|file:|mailto:|www\.)[^\[\]\s|]++)\]
    """,
    "!": r"!(?P<image>https?://[^\s!|]++|[^\s!|][^!|\n]*\.[a-zA-Z]{2,5})(?:\|[^!\n]*+)?+!",
    "*": r"\*(?<![\w*]\*)(?=[^\s*])(?P<strong>[^*\n]++)(?<!\s)\*(?![\w*])",
    "_": r"_(?<!\w_)(?=[^\s_])(?P<em>[^_\n]++)(?<!\s)_(?!\w)",
    "-": r"-(?<![\w-]-)(?=[^\s-])(?P<del>[^-\n]++)(?<!\s)-(?![\w-])",
    "+": r"\+(?<![\w+]\+)(?=[^\s+])(?P<u>[^+\n]++)(?<!\s)\+(?![\w+])",
}
"""The markup within a line, by the sign that it begins with."""
_IN_ADDRESS = re.compile(r""":(?:(?<=http:)|(?<=https:)|(?<=ftp:)|(?<=file:))//[^\s|\[\]{}<>"]++""")
"""An address, in which no sign is markup."""
SIGNS = "".join(sorted(_PIECES))


@cache
def _pieces(signs: str = SIGNS) -> re.Pattern[str]:
    """The pattern of the markup within a line that begins with one of these signs; of few it is found far faster."""
    return re.compile("|".join(map(_PIECES.__getitem__, signs)), re.VERBOSE)


_BREAKS = r"\n\r\v\f\x1c-\x1e\x{85}\x{2028}\x{2029}"
_BLANK = r"[\t\v\f\r \x1c-\x1f\x{85}\pZ]"
_MARK = r"[^\w{0}][{0}][^\s{0}](?:[^{0}\n]*[^\s{0}])?[{0}][^\w{0}]"
MARKED = Scan(
    (
        rf"[{_BREAKS}]{_BLANK}*(?:(?:[*#]+|h[1-6]\.|bq\.){_BLANK}|\||-{{4,}}{_BLANK}*[{_BREAKS}])",
        r"\{(?:\{|color|code|noformat|quote|panel)",
        r"\\[{}\[\]*_+^~!|\\-]",
        r"!(?:https?://[^\s!|]+|[^\s!|][^!|\n]*\.[a-zA-Z]{2,5})[|!]",
        r"\[(?:[^\[\]\n|]*\|[^\[\]\n|]+[|\]]|https?://|ftp://|file:|mailto:|www\.)",
        *map(_MARK.format, ("*", "_", "+", r"\-")),
    )
)
"""Finds the texts that may have markup: most have none, and of those the conversion would change no word.

Without it, a check of ordinary rows takes half as long again, and of real ones a quarter.
"""

_ADDRESS = re.compile(r"(?:https?://|ftp://|file:|mailto:|www\.)\S+\Z|#")


def read_jira(text: str) -> Element:
    """The tree of a text in Jira's wiki markup."""
    root = Element("body")
    opened = [("", root)]
    unclosed: set[str] = set()  # closers that were looked for to the end of the text, and aren't there
    position = start = 0
    while (match := MACRO.search(text, position)) is not None:
        name = match[1]
        options = match[2] or ""
        position = match.end()
        block = None
        end = position
        if name in ("code", "noformat"):
            closer = f"{{{name}}}"
            place = -1 if closer in unclosed else text.find(closer, position)
            if place < 0:
                unclosed.add(closer)
                continue
            block = _code(options, text[position:place])
            end = place + len(closer)
        elif len(opened) >= DEPTH_LIMIT and (options or opened[-1][0] != name):
            continue
        opened[-1][1].children += _lines(text[start : match.start()])
        if block is not None:
            opened[-1][1].children.append(block)
        elif opened[-1][0] == name and not options:
            opened.pop()
        else:
            quote = Element("blockquote", {}, _title(options))
            opened[-1][1].children.append(quote)
            opened.append((name, quote))
        position = start = end
    opened[-1][1].children += _lines(text[start:])
    return root


def _code(options: str, text: str) -> Element:
    language = _LANGUAGE.match(options)
    attrs = {"lang": language[1]} if language else {}
    code = Element("pre", attrs, [text.replace("\r\n", "\n")])
    title = _title(options)
    if not title:
        return code
    return Element("div", {}, [*title, code])


def _title(options: str) -> list[Node]:
    match = _PANEL_TITLE.search(options)
    title = match[1].strip() if match else ""
    if not title:
        return []
    return [Element("p", {}, [Element("strong", {}, [title])])]


def _lines(text: str) -> list[Node]:
    """The blocks of lines."""
    if any(map(text.__contains__, _RARE_LINE_ENDS)):
        text = "\n".join(("", *text.splitlines()))
    elif text:  # a `\n` before each line, as `_LINE` begins with one
        text = "\n" + text.removesuffix("\n")
    signs = [sign for sign in SIGNS if sign in text]
    first, *pieces = _LINE.split(text)
    blocks: list[Node] = []
    if first:
        blocks.append(Element("p", {}, _read_line(first, signs)))
    lists: list[tuple[str, Element]] = []  # the open lists: markers (`*#`) and elements, the outermost first
    for sign, line, behind in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        if sign == "-" or (sign and sign[0] in "*#"):
            item = _read_line(line + behind, signs)
            _add_item(blocks, lists, sign, item)
            continue
        if sign is not None:  # else it is a blank line
            _add_block(blocks, sign, line, signs)
        lists.clear()
        if behind:
            blocks.append(Element("p", {}, _read_line(behind, signs)))
    return blocks


def _add_block(blocks: list[Node], sign: str, line: str, signs: Sequence[str]) -> None:
    """Add the block for a line that is no item; a row of a table is added to the table before it."""
    if sign[:1] == "h":
        blocks.append(Element(sign[:2], {}, _read_line(line, signs)))
    elif sign[:1] == "b":
        blocks.append(Element("blockquote", {}, _read_line(line, signs)))
    elif sign:
        blocks.append(Element("hr"))
    else:
        last = blocks[-1] if blocks else None
        if not isinstance(last, Element) or last.tag != "table":
            last = Element("table")
            blocks.append(last)
        cells: list[Node] = [*_cells(line.rstrip(), signs)]
        last.children.append(Element("tr", {}, cells))


def _cells(line: str, signs: Sequence[str]) -> Iterator[Element]:
    tag = ""
    text = ""
    for token in _CELL.findall(line):
        if token not in ("|", "||"):
            text += token
            continue
        if tag:
            yield Element(tag, {}, _read_line(text.strip(), signs))
        tag = "th" if token == "||" else "td"
        text = ""
    if text.strip():
        yield Element(tag, {}, _read_line(text.strip(), signs))


def _read_line(text: str, signs: Sequence[str]) -> list[Node]:
    """Read a line, of whose text no other signs than these begin markup."""
    # Of most signs no markup begins in a line; what is looked for is found far faster if it begins with few.
    signs_here = "".join([sign for sign in signs if sign in text and _pieces(sign).search(text)])
    if not signs_here:
        return [text]
    return _read_inline(text, _pieces(signs_here))


def _add_item(blocks: list[Node], lists: list[tuple[str, Element]], marker: str, item: list[Node]) -> None:
    """Add an item at the depth of its marker: `*#` is a numbered list inside an item of a bulleted one."""
    if not lists or lists[-1][0] != marker:  # else it is beside the one before
        marker = marker[:DEPTH_LIMIT]
        while lists and not marker.startswith(lists[-1][0]):
            lists.pop()
        missing = range(len(lists), len(marker))
        within = blocks
        if lists and missing:
            within = _last_item(lists[-1][1]).children
        for depth in missing:
            tag = "ul" if marker[depth] in "*-" else "ol"
            opened = Element(tag, {}, [])
            within.append(opened)
            within = opened.children
            lists.append((marker[: depth + 1], opened))
    # An item that is nothing but text needs no element of its own until it gets a list within it.
    items = lists[-1][1].children
    if len(item) == 1:
        items.append(item[0])
    else:
        items.append(Element("li", {}, item))


def _last_item(items: Element) -> Element:
    """The element that a list within a list belongs to: the last item, or the list itself where it has none."""
    last = items.children[-1] if items.children else items
    if isinstance(last, str):
        last = items.children[-1] = Element("li", {}, [last])
    return last


def _read_inline(text: str, pattern: re.Pattern[str], depth: int = 0) -> list[Node]:
    nodes: list[Node] = []
    position = reached = 0
    while (match := pattern.search(text, reached)) is not None:
        reached = _end_of_address(text, reached, match.start())
        if not reached:
            nodes.append(text[position : match.start()])
            nodes += _inline(match, str(match.lastgroup), depth)
            position = reached = match.end()
    return [*nodes, text[position:]]


def _end_of_address(text: str, start: int, place: int) -> int:
    """The end of the address that a place is in, of those that begin behind `start`; 0 if it is in none."""
    for address in _IN_ADDRESS.finditer(text, start, place + 1):
        if address.end() > place:
            complete = _IN_ADDRESS.match(text, address.start())
            return complete.end() if complete else 0
    return 0


def _inline(match: re.Match[str], kind: str, depth: int) -> list[Node]:
    """The element for a piece of inline markup."""
    text = match[kind]
    if kind in ("strong", "em", "del", "u"):
        children: list[Node] = [text]
        if depth < DEPTH_LIMIT:
            children = _read_inline(text, _pieces(), depth + 1)
        return [Element(kind, {}, children)]
    if kind == "mono":
        return [Element("code", {}, [text])]
    if kind == "break":
        return [Element("br")]
    if kind == "colour":
        return [lost("colour")] if ":" in text else []
    if kind == "target":
        label = match["label"]
        if not _ADDRESS.match(text):
            return [match[0]]
        return [Element("a", {"href": text}, [label])]
    if kind == "link":
        return [Element("a", {"href": text}, [text.removeprefix("mailto:")])]
    if kind == "image":
        return _image(text)
    return [text]


def _image(name: str) -> list[Node]:
    """A picture; of an attachment the text knows the name alone."""
    if name.startswith("http"):
        return [Element("img", {"src": name})]
    return [lost(f"image {name}"), f"[image: {name}]"]
