"""rehearsal.html: the issues of a sandbox as they will stand in Triage, as a board, a list and a page for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.api import SEVERITIES, STATUSES
from importer.phrases import counted, escape_controls
from importer.report.folder import REHEARSAL, ReportFolder
from importer.report.page_rows import PackedRows
from importer.report.rendering import lay_out_bar, load_template, mark_whole, render

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

ISSUES_SHOWN = 5_000
BEHIND = "{} are as an earlier rehearsal left them; `--on-change update --accept-mapping-change` updates them."


class Rehearsed(NamedTuple):
    """What a run has left in a sandbox.

    issues  the first ISSUES_SHOWN, each as the sandbox has it
    total   how many there are
    people  id of a user → name in the source
    behind  how many stand as an earlier rehearsal left them, and not as their rows say now
    """

    run: str
    source_name: str
    issues: Sequence[Mapping[str, Any]]
    total: int
    people: Mapping[str, str]
    behind: int = 0


def write_rehearsal(folder: ReportFolder, rehearsed: Rehearsed) -> None:
    """Write rehearsal.html."""
    article, packed, shown = load_template("issue.html"), PackedRows(), list[Mapping[str, Any]]()
    for issue in rehearsed.issues:
        if not packed.left:
            break
        owner, who = (issue["owner_id"] or "", issue["owner_id"] or issue["assignee_id"] or "")
        names, (key, _, place) = {"owner": owner, "who": who}, issue["origin"].partition("\n")
        issue = {**issue, "key": key, "origin": place}
        shown.append({**issue, **{name: rehearsed.people.get(id_, id_) or "nobody" for name, id_ in names.items()}})
        packed.add([(article.render(issue=shown[-1], people=rehearsed.people, markdown=render_markdown),)])
    statuses = Counter(issue["status"] for issue in shown)
    part = "" if len(shown) == rehearsed.total else f" The first {len(shown):,} are in this file, open ones first."
    view = {
        "name": f"Rehearsal {rehearsed.run}: {rehearsed.source_name}",
        "verdict": f"{counted(rehearsed.total, 'issue')} as they will be in Triage.{part}",
        "stopped": BEHIND.format(counted(rehearsed.behind, "issue")) if rehearsed.behind else "",
        "bar": lay_out_bar({status: statuses[status] for status in STATUSES}),
        "total": len(shown),
        "noun": "issue",
        "issues": shown,
        "severities": [each for each in SEVERITIES if any(issue["severity"] == each for issue in shown)],
        "statuses": STATUSES,
        "whole": True,
        "packed": map(mark_whole, packed.packed()),
    }
    render(folder, REHEARSAL, "rehearsal.html", view)


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
