"""Renders Markdown of a source as HTML without its own tags or pictures; its links lead to pages and mail only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from importer.phrases import escape_controls
from importer.report.rendering import mark_whole

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

HARMLESS = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)


def render_markdown(text: str) -> str:
    """Return HTML, for a template that escapes everything else."""
    html = _parser().render(text.replace("\xa0", " "))
    return mark_whole("\n".join(escape_controls(line.expandtabs(4)) for line in html.split("\n")))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("js-default", {"html": False, "breaks": True})
    parser.validateLink = lambda url: HARMLESS.match(url) is not None  # type: ignore[method-assign]
    parser.add_render_rule("image", _as_link)
    parser.add_render_rule("heading_open", lambda *_: '<p class="heading">')  # the outline is the page's own
    parser.add_render_rule("heading_close", lambda *_: "</p>\n")
    return parser


def _as_link(renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    from markupsafe import Markup

    token = tokens[place]
    # As plain text: added to a Markup, the HTML before it would be escaped.
    return str(Markup('<a href="{}">{}</a>').format(token.attrGet("src") or "", token.content or "picture"))
