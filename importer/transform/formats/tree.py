"""The tree that every markup is read into: HTML's elements, whatever the markup was."""

from __future__ import annotations

from dataclasses import dataclass, field

DEPTH_LIMIT = 50
"""Elements below this depth lie in the one above them: nothing is lost but their nesting, and no stack overflows."""

_BLOCKS = """
address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form
h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr ul
"""
_INLINE = """
a abbr acronym area audio b base bdi bdo big br button canvas cite code col colgroup data del dfn em embed font i iframe
img input ins kbd label link map mark meta meter nobr noscript object optgroup option output param picture progress q rb
rp rt ruby s samp select small source span strike strong sub sup svg textarea time track tt u var video wbr
"""
BLOCKS = frozenset(_BLOCKS.split())
INLINE = frozenset(_INLINE.split())
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
LOST = "lost"
"""An element that stands for what can't be kept; its attribute `name` says what it was."""


@dataclass(slots=True, eq=False)  # two elements are never the same one
class Element:
    """An element of HTML, or a `LOST` one; its texts are as they are to be read, without entities."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)


Node = Element | str


def lost(name: str) -> Element:
    """The element that marks where something was lost."""
    return Element(LOST, {"name": name})


def is_inline(node: Node) -> bool:
    """Whether a node is part of a line of text; an inline element around a block is not."""
    return isinstance(node, str) or (node.tag not in BLOCKS and all(map(is_inline, node.children)))


def raw_text(element: Element) -> str:
    """All text inside an element, unchanged, with line breaks."""
    return "".join(
        child if isinstance(child, str) else "\n" if child.tag == "br" else raw_text(child)
        for child in element.children
    )
