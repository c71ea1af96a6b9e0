"""Writes a tree as Markdown or plain text.

Characters that mean something in Markdown are not escaped: nobody says that Triage renders Markdown, and
`snake\\_case` would be found by no search. Pictures become links, so that nobody's browser fetches them unasked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from importer.transform.formats.tree import BLOCKS, LOST, Element, Node, is_inline, raw_text

_MARKS = {
    "b": "**", "strong": "**", "i": "*", "em": "*", "del": "~~", "s": "~~", "strike": "~~",
}  # fmt: skip
_CODE = frozenset(("code", "tt", "kbd", "samp"))
_PLAYED = {"audio": "audio", "video": "video", "iframe": "frame", "embed": "embedded", "object": "embedded"}
_FIELDS = frozenset(("text", "number", "date", "email", "search", "tel", "url", ""))
_UNSAFE = re.compile(r"[\x00-\x20]*+(?:javascript|vbscript|data)\s*+:", re.IGNORECASE)
_UNREACHABLE = re.compile(r"(?:data|cid|blob|about)\s*:", re.IGNORECASE)
_COLOUR = re.compile(r"(?:^|;)\s*(?:background(?:-color)?|color)\s*:", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_ITEM = re.compile(r"- |\d+\. ")
_UNFIT = re.compile(r"[\s()<>]")  # for an address in parentheses


def write(root: Element, *, markdown: bool) -> tuple[str, list[str]]:
    """The text of a tree, and the names of what was lost, once for each loss."""
    writer = _Writer(markdown)
    blocks = writer.blocks(root.children)
    return "\n\n".join(blocks), writer.dropped


class _Writer:
    """Writes one tree and remembers what it drops."""

    def __init__(self, markdown: bool) -> None:
        self._markdown = markdown
        self._marks: list[str] = []
        self.dropped: list[str] = []

    def blocks(self, nodes: Sequence[Node]) -> list[str]:
        """The blocks of text that nodes are, without empty ones; neighbouring inline nodes are one paragraph."""
        if len(nodes) == 1 and isinstance(nodes[0], str):  # as of most paragraphs and items
            return _paragraph(nodes[0])
        blocks: list[str] = []
        run: list[Node] = []
        for node in nodes:
            if isinstance(node, str) or (node.tag not in BLOCKS and is_inline(node)):
                run.append(node)
                continue
            if run:
                blocks += _paragraph(self._inline(run))
                run = []
            blocks += self._block(node)
        if run:
            blocks += _paragraph(self._inline(run))
        return blocks

    def _block(self, element: Element) -> list[str]:
        tag = element.tag
        children = element.children
        if element.attrs:
            self._note_colour(element)
        if tag == "p":
            return self.blocks(children)
        if tag in ("ul", "ol"):
            return self._list(element)
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            text = _one_line(" ".join(self.blocks(children)))
            if text and self._markdown:
                text = f"{'#' * int(tag[1])} {text}"
            return [text] if text else []
        if tag == "pre":
            return self._preformatted(element)
        if tag == "table":
            return self._table(element)
        if tag == "blockquote":
            text = "\n\n".join(self.blocks(children))
            return [_indent(text, "> ", "> ")] if text else []
        if tag == "hr":
            return ["---"]
        if tag == "a":  # around a block
            label = _one_line(" ".join(self.blocks(children)))
            return [self._link(element, label)]
        return self.blocks(children)

    def _preformatted(self, element: Element) -> list[str]:
        text = raw_text(element).removeprefix("\n").rstrip()
        if not text or not self._markdown:
            return [text] if text else []
        fence = "`" * max(3, _longest_run(text) + 1)
        language = element.attrs.get("lang", "")
        return [f"{fence}{language}\n{text}\n{fence}"]

    def _list(self, element: Element) -> list[str]:
        start = element.attrs.get("start", "")
        number = 1
        if start and re.fullmatch(r"\d{1,9}", start):
            number = int(start)
        is_numbered = element.tag == "ol"
        lines: list[str] = []
        for child in element.children:
            if isinstance(child, str):  # as most are
                blocks = _paragraph(child)
            elif child.tag in ("ul", "ol"):
                blocks = self._block(child)
                if blocks and lines:  # some put it beside its item
                    lines.append(_indent(blocks[0], "  ", "  "))
                    continue
            else:
                children = child.children if child.tag == "li" else [child]
                blocks = self.blocks(children)
            if not blocks:
                continue
            marker = f"{number}. " if is_numbered else "- "
            number += 1
            text = blocks[0] if len(blocks) == 1 else _join_item(blocks)
            lines.append(_indent(text, marker))
        return ["\n".join(lines)] if lines else []

    def _table(self, element: Element) -> list[str]:
        rows = _rows_of(element)
        captions = list[str]()
        for child in _direct(element, "caption"):
            captions += self.blocks(child.children)
        if not _is_data(rows):
            for row in rows:
                for cell in row:
                    captions += self.blocks(cell.children)
            return captions
        joint = " <br> " if self._markdown else " / "
        texts = []
        for row in rows:
            cells = []
            for cell in row:
                self._note_colour(cell, "table cell colour")
                if cell.attrs.get("colspan", "1") != "1" or cell.attrs.get("rowspan", "1") != "1":
                    self.dropped.append("merged table cells")
                blocks = "\n".join(self.blocks(cell.children))
                text = joint.join(filter(None, blocks.split("\n")))
                if self._markdown:
                    text = text.replace("|", "\\|")
                cells.append(text)
            texts.append(cells)
        width = max(map(len, texts))
        lines = []
        for cells in texts:
            missing = [""] * (width - len(cells))
            lines.append(" | ".join(cells + missing))
        if self._markdown:
            head, *body = [f"| {line} |" for line in lines]
            lines = [head, "|" + " --- |" * width, *body]
        return [*captions, "\n".join(map(str.rstrip, lines))]

    def _inline(self, nodes: Sequence[Node]) -> str:
        if len(nodes) == 1 and isinstance(nodes[0], str):
            return nodes[0]
        parts: list[str] = []
        address = ""
        for node in nodes:
            part = node if isinstance(node, str) else self._inline_element(node)
            if address and parts[-1] == address and part[:1].isalnum():
                parts.append(" ")  # what touches a link would become a part of its address
            parts.append(part)
            address = node.attrs.get("href", "") if isinstance(node, Element) else ""
        return "".join(parts)

    def _inline_element(self, element: Element) -> str:
        tag = element.tag
        if tag == "br" and not element.attrs:
            return "\n"
        self._note_colour(element)
        if tag == LOST:
            self.dropped.append(element.attrs["name"])
            return ""
        if tag == "br":
            return "\n"
        if tag == "img":
            return self._image(element)
        if tag == "input":
            return self._field(element)
        if tag in _PLAYED:
            return self._played(element)
        if tag == "svg":
            self.dropped.append("drawing")
            return ""
        if tag in _CODE:
            if self._markdown:
                return self._code(raw_text(element))
            return self._inline(element.children)
        if tag in _MARKS and self._markdown:
            return self._marked(_MARKS[tag], element)
        text = self._inline(element.children)
        if tag == "a":
            return self._link(element, text)
        if tag == "sup" and text.strip():
            return f"^{text}"  # 10⁶ is not 106
        return f'"{text}"' if tag == "q" else text

    def _marked(self, mark: str, element: Element) -> str:
        if mark in self._marks:
            return self._inline(element.children)
        self._marks.append(mark)
        text = self._inline(element.children)
        self._marks.pop()
        inner = text.strip()
        if not inner or "\n" in inner:  # a mark doesn't reach over a line break everywhere
            return text
        before, _, after = text.partition(inner)
        return f"{before}{mark}{inner}{mark}{after}"

    def _code(self, text: str) -> str:
        if not text.strip() or "\n" in text:
            return text
        ticks = "`" * (_longest_run(text) + 1)
        room = " " if text[0] == "`" or text[-1] == "`" else ""
        return f"{ticks}{room}{text}{room}{ticks}"

    def _link(self, element: Element, label: str) -> str:
        address = element.attrs.get("href", "").strip()
        if not address or address.startswith("#"):
            return label
        if _UNSAFE.match(address):
            self.dropped.append("script in a link")
            return label
        return self._linked(label, address)

    def _linked(self, label: str, address: str) -> str:
        text = _one_line(label)
        if not text:
            return address
        if text in (address, address.removeprefix("mailto:"), address.removeprefix("tel:")):
            return label
        linked = f"{text} ({address})"
        if self._markdown:
            linked = f"[{text}]({_target(address)})"
        blanks_before = len(label) - len(label.lstrip())
        before = label[:blanks_before]
        after = label[len(label.rstrip()) :]
        return before + linked + after

    def _image(self, element: Element) -> str:
        alt = _one_line(element.attrs.get("alt", ""))
        address = element.attrs.get("src", "").strip()
        label = f"image: {alt}" if alt else "image"
        if not address or _UNREACHABLE.match(address):
            self.dropped.append("embedded image" if address else "image")
            return f"[{label}]" if alt or address else ""
        if self._markdown:
            return f"[{label}]({_target(address)})"
        return f"[{label}] ({address})"

    def _played(self, element: Element) -> str:
        sources = [child.attrs.get("src", "") for child in element.children if isinstance(child, Element)]
        address = element.attrs.get("src") or element.attrs.get("data") or next(filter(None, sources), "")
        if not address or _UNSAFE.match(address):
            self.dropped.append(_PLAYED[element.tag])
            return self._inline(element.children)
        return self._linked(_PLAYED[element.tag], address)

    def _field(self, element: Element) -> str:
        kind = element.attrs.get("type", "").lower()
        if kind in ("checkbox", "radio"):
            return "[x] " if "checked" in element.attrs else "[ ] "
        return element.attrs.get("value", "") if kind in _FIELDS else ""

    def _note_colour(self, element: Element, name: str = "colour") -> None:
        attrs = element.attrs
        if not attrs:
            return
        if "color" in attrs or "bgcolor" in attrs or _COLOUR.search(attrs.get("style", "")):
            self.dropped.append(name)


def _direct(element: Element, tag: str) -> list[Element]:
    return [child for child in element.children if isinstance(child, Element) and child.tag == tag]


def _rows_of(table: Element) -> list[list[Element]]:
    """The cells of each row of a table; content outside of all cells becomes a row of its own."""
    rows: list[list[Element]] = []
    for child in table.children:
        if isinstance(child, str):
            if child.strip():
                rows.append([Element("td", {}, [child])])
        elif child.tag in ("thead", "tbody", "tfoot"):
            rows += _rows_of(child)
        elif child.tag == "tr":
            cells = [cell for cell in child.children if not isinstance(cell, str) or cell.strip()]
            rows.append(list(map(_as_cell, cells)))
        elif child.tag not in ("caption", "col", "colgroup"):
            rows.append([_as_cell(child)])
    return [row for row in rows if row]


def _as_cell(node: Node) -> Element:
    if isinstance(node, Element) and node.tag in ("td", "th"):
        return node
    return Element("td", {}, [node])


def _is_data(rows: Sequence[Sequence[Element]]) -> bool:
    """Whether a table holds data, and isn't only the layout of a mail."""
    cells = [cell for row in rows for cell in row]
    if any(_holds(cell, ("table", "pre", "h1", "h2", "h3")) for cell in cells):
        return False
    columns = max(map(len, rows), default=0)
    if columns <= 1:
        return False
    return len(rows) > 1 or any(cell.tag == "th" for cell in cells)


def _holds(element: Element, tags: tuple[str, ...]) -> bool:
    for child in element.children:
        if not isinstance(child, Element):
            continue
        if child.tag in tags or _holds(child, tags):
            return True
    return False


def _paragraph(text: str) -> list[str]:
    text = text.strip()
    if "\n" in text:
        text = "\n".join(map(str.strip, text.split("\n")))
    return [text] if text else []


def _join_item(blocks: Sequence[str]) -> str:
    """Join the blocks of a list item: a nested list follows at once, anything else after a blank line."""
    parts = [blocks[0]]
    for block in blocks[1:]:
        parts.append("\n" if _ITEM.match(block) else "\n\n")
        parts.append(block)
    return "".join(parts)


def _indent(text: str, first: str, further: str = "") -> str:
    """Put `first` before the first line, and `further`, or as many spaces, before the others."""
    if "\n" not in text:
        return (first + text).rstrip()
    further = further or " " * len(first)
    text = first + text.replace("\n", "\n" + further)
    return "\n".join(map(str.rstrip, text.split("\n")))


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _target(address: str) -> str:
    """An address escaped for the parentheses of a Markdown link."""
    if not _UNFIT.search(address):
        return address
    address = _one_line(address).replace("<", "%3C").replace(">", "%3E")
    return f"<{address}>"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
