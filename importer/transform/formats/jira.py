"""Reads Jira's wiki markup. Source: jira.atlassian.com, Text Formatting Notation Help.

Whatever may not be markup stays as it is written; so do `[~accountid:…]` and `[^file]`, which others
look for. jira2markdown 0.5, the library for it, reads 4 kB a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from importer.transform.formats.tree import DEPTH_LIMIT, Element, Node, lost

MACRO = re.compile(r"\{(code|noformat|quote|panel)(?::([^{}\n]*+))?+\}")
_PANEL_TITLE = re.compile(r"(?:^|\|)title=([^|]*)")
_LANGUAGE = re.compile(r"\A(?:language=)?([\w+#-]+)(?=\||\Z)")
_HEADING = re.compile(r"\s*h([1-6])\.\s+(.*)\Z")
_QUOTE = re.compile(r"\s*bq\.\s+(.*)\Z")
_RULE = re.compile(r"\s*-{4,}\s*\Z")
_ITEM = re.compile(r"\s*([*#]+|-)\s+(\S.*)\Z")
_LISTS, _BLOCKS = frozenset("*#-"), frozenset("hb-|")
"""The signs with which an item of a list begins, and any other line that is more than text."""
_CELL = re.compile(r"\\\||\|\|?|\[[^\[\]\n]*+\]|![^!\n]*+!|\{\{[^{}\n]*+\}\}|[^|\[!{\\]+|.")
# Each alternative begins with a literal sign, so that Python's `re` passes over all other signs, and over all other
# alternatives, at once.
INLINE = re.compile(
    r"""
      \\(?P<escaped>[{}\[\]*_+^~!|-])
    | \\(?P<break>\\)(?=\s|\Z)
    | :(?:(?<=http:)|(?<=https:)|(?<=ftp:)|(?<=file:))//[^\s|\[\]{}<>"]++  # an address, in which no sign is markup
    | \{\{(?P<mono>(?:[^{}\n]|[{}](?![{}]))++)\}\}
    | \{(?P<colour>color(?::[^{}\n]*+)?+\})
    | \[(?P<label>[^\[\]\n|]*+)\|(?P<target>[^\[\]\n|]++)(?:\|[^\[\]\n]*+)?+\]
    | \[(?P<link>(?:https?://|ftp://|file:|mailto:|www\.)[^\[\]\s|]++)\]
    | !(?P<image>https?://[^\s!|]++|[^\s!|][^!|\n]*\.[a-zA-Z]{2,5})(?:\|[^!\n]*+)?+!
    | \*(?<![\w*]\*)(?=\S)(?P<strong>[^*\n]*[^\s*])\*(?![\w*])
    | _(?<!\w_)(?=\S)(?P<em>[^_\n]*[^\s_])_(?!\w)
    | -(?<![\w-]-)(?=[^\s-])(?P<del>[^-\n]*[^\s-])-(?![\w-])
    | \+(?<![\w+]\+)(?=[^\s+])(?P<u>[^+\n]*[^\s+])\+(?![\w+])
    """,
    re.VERBOSE,
)
_ADDRESS = re.compile(r"(?:https?://|ftp://|file:|mailto:|www\.)\S+\Z|#")


def read_jira(text: str) -> Element:
    """The tree of a text in Jira's wiki markup."""
    root = Element("body")
    opened = [("", root)]
    unclosed: set[str] = set()  # closers that were looked for to the end of the text, and aren't there
    position = start = 0
    while (match := MACRO.search(text, position)) is not None:
        name, options = match[1], match[2] or ""
        position = match.end()
        block, end = None, position
        if name in ("code", "noformat"):
            closer = f"{{{name}}}"
            found = -1 if closer in unclosed else text.find(closer, position)
            if found < 0:
                unclosed.add(closer)
                continue
            block, end = _code(options, text[position:found]), found + len(closer)
        elif len(opened) >= DEPTH_LIMIT and (options or opened[-1][0] != name):
            continue
        opened[-1][1].children += _read_lines(text[start : match.start()])
        if block is not None:
            opened[-1][1].children.append(block)
        elif opened[-1][0] == name and not options:
            opened.pop()
        else:
            quote = Element("blockquote", {}, _title(options))
            opened[-1][1].children.append(quote)
            opened.append((name, quote))
        position = start = end
    opened[-1][1].children += _read_lines(text[start:])
    return root


def _code(options: str, text: str) -> Element:
    language = _LANGUAGE.match(options)
    code = Element("pre", {"lang": language[1]} if language else {}, [text.replace("\r\n", "\n")])
    title = _title(options)
    return Element("div", {}, [*title, code]) if title else code


def _title(options: str) -> list[Node]:
    title = _PANEL_TITLE.search(options)
    return [Element("p", {}, [Element("strong", {}, [title[1].strip()])])] if title and title[1].strip() else []


def _read_lines(text: str) -> list[Node]:
    """The blocks of a text that has no macros."""
    blocks: list[Node] = []
    lists: list[tuple[str, Element]] = []  # the open lists: markers (`*#`) and elements, the outermost first
    opened: Element | None = None  # the paragraph or item that a plain line goes on with
    lines: list[str] = []  # its lines so far, which are read as one when it ends

    def end() -> None:
        if opened is not None:
            opened.children += _read_inline("\n".join(lines))

    for line in text.splitlines():
        first = line.lstrip()[:1]
        if first in _LISTS and (item := _ITEM.match(line)) is not None:
            end()
            opened, lines = _add_item(blocks, lists, item[1]), [item[2]]
        elif not first:
            end()
            lists.clear()
            opened = None
        elif first in _BLOCKS and (block := _own_block(blocks, line, first)) is not None:
            end()
            lists.clear()
            opened = None
            if block not in blocks[-1:]:
                blocks.append(block)
        elif opened is None:
            opened, lines = Element("p"), [line]
            blocks.append(opened)
        else:
            lines.append(line)
    end()
    return blocks


def _own_block(blocks: list[Node], line: str, first: str) -> Element | None:
    """The block for a single line with this first sign; a row of a table is added to the table before it."""
    if first == "h":
        heading = _HEADING.match(line)
        return None if heading is None else Element(f"h{heading[1]}", {}, _read_inline(heading[2]))
    if first == "b":
        quote = _QUOTE.match(line)
        return None if quote is None else Element("blockquote", {}, _read_inline(quote[1]))
    if first == "-":
        return Element("hr") if _RULE.match(line) else None
    if line.strip().strip("|") == "":
        return None
    last = blocks[-1] if blocks else None
    table = last if isinstance(last, Element) and last.tag == "table" else Element("table")
    table.children.append(Element("tr", {}, list(_read_cells(line.strip()))))
    return table


def _read_cells(line: str) -> Iterator[Element]:
    tag, text = "", ""
    for token in _CELL.findall(line):
        if token not in ("|", "||"):
            text += token
            continue
        if tag:
            yield Element(tag, {}, _read_inline(text.strip()))
        tag, text = "th" if token == "||" else "td", ""
    if text.strip():
        yield Element(tag, {}, _read_inline(text.strip()))


def _add_item(blocks: list[Node], lists: list[tuple[str, Element]], marker: str) -> Element:
    """Add an empty item at the depth of its marker: `*#` is a numbered list inside an item of a bulleted one."""
    depth = min(len(marker), DEPTH_LIMIT)
    marker = marker[:depth]
    while lists and (len(lists) > depth or lists[-1][0] != marker[: len(lists)]):
        lists.pop()
    while len(lists) < depth:
        opened = Element("ul" if marker[len(lists)] in "*-" else "ol")
        if not lists:
            blocks.append(opened)
        else:
            siblings = lists[-1][1].children
            last = siblings[-1] if siblings else None
            (last.children if isinstance(last, Element) else siblings).append(opened)
        lists.append((marker[: len(lists) + 1], opened))
    item = Element("li")
    lists[-1][1].children.append(item)
    return item


def _read_inline(text: str, depth: int = 0) -> list[Node]:
    nodes: list[Node] = []
    position = 0
    for match in INLINE.finditer(text):
        if match.lastgroup is not None:
            nodes += [text[position : match.start()], *_inline(match, match.lastgroup, depth)]
            position = match.end()
    return [*nodes, text[position:]]


def _inline(match: re.Match[str], kind: str, depth: int) -> list[Node]:
    """The element for a piece of inline markup."""
    found = match[kind]
    if kind in ("strong", "em", "del", "u"):
        return [Element(kind, {}, _read_inline(found, depth + 1) if depth < DEPTH_LIMIT else [found])]
    if kind == "mono":
        return [Element("code", {}, [found])]
    if kind == "break":
        return [Element("br")]
    if kind == "colour":
        return [lost("colour")] if ":" in found else []
    if kind == "target":
        label = match["label"]
        return [Element("a", {"href": found}, [label])] if _ADDRESS.match(found) else [match[0]]
    if kind == "link":
        return [Element("a", {"href": found}, [found.removeprefix("mailto:")])]
    if kind == "image":
        return _image(found)
    return [found]


def _image(name: str) -> list[Node]:
    """A picture; of an attachment the text knows the name alone."""
    if name.startswith("http"):
        return [Element("img", {"src": name})]
    return [lost(f"image {name}"), f"[image: {name}]"]
