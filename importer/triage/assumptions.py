"""What this program assumes of Triage: one table, which `probe` asks line by line and the document on loading shows.

Pages are below https://docs.bland.ai/api-v1/. The first request that `asked` names is the one whose answer shows it.
"""

from __future__ import annotations

from typing import NamedTuple


class Assumption(NamedTuple):
    """An assumption: its id, what is assumed, the page that says so, the requests that show it, and what follows.

    otherwise  what the program does where it isn't so
    refuses    ids of the assumptions of which none may be so for an import to be refused; () refuses none
    """

    id: str
    assumed: str
    source: str
    asked: str
    otherwise: str
    refuses: tuple[str, ...] = ()

    @property
    def is_asked(self) -> bool:
        """Whether `probe` can ask it."""
        return not self.asked.startswith(NOT_ASKED)


NOT_ASKED = "not asked: "
NOWHERE = "nowhere"
_CREATE, _LIST, _GET = "post/triage-issues", "get/triage-issues", "get/triage-issues-id"
_COMMENT, _PATCH = "post/triage-issues-id-comments", "patch/triage-issues-id"

# fmt: off
ASSUMPTIONS = (
    Assumption("title", "A title of 200 UTF-16 units is stored whole", f"{_CREATE}, which says characters",
        "`GET issue`: 200 units, in letters of 1 to 4 bytes", "what is cut is lost; `verify` names it"),
    Assumption("description", "A description of 10,000 UTF-16 units is stored whole",
        f"{_CREATE}, which says characters",
        "`GET issue`: 10,000 units of Latin letters, and of letters of 2 to 4 bytes",
        "later texts are divided accordingly, and go on in comments"),
    Assumption("comment", "A comment of 4,000 UTF-16 units is stored whole", f"{_COMMENT}, which says characters",
        "`GET activity`: 4,000 units, of both kinds", "later comments are sent in parts"),
    Assumption("signs", "`<`, `>` and `&` are stored as they are", NOWHERE, "`GET issue`: tags and entities",
        "texts are compared without them"),
    Assumption("fields", "Severity, status, category, source and nobody as owner are stored as sent", _CREATE,
        "`GET issue`", "the field is named after a canary, and by `verify`"),
    Assumption("marker", "The marker in a description's last line can be recognised in what is stored", NOWHERE,
        "`GET issue`", "nothing is imported: an issue couldn't be known again", refuses=("marker",)),
    Assumption("comment-marker", "So can the marker in a comment's first line", NOWHERE, "`GET activity`",
        "comments of unknown outcome are `addition-unproven`"),
    Assumption("once", "One POST makes one issue", NOWHERE, "`GET list`: for the marker of each",
        "nothing is imported: each issue would be there twice", refuses=("once",)),
    Assumption("list", "The list, by `created_at` and `desc`, is newest first and has a new issue", _LIST,
        "`GET list`", "the search decides; if it can't either, nothing is imported"),
    Assumption("pages", "A cursor leads to other issues, and the list ends", _LIST, "`GET list`: pages of one issue",
        "the run stops where a list never ends"),
    Assumption("search", "A search finds an issue by its marker", _LIST, "`GET search`",
        "the list decides; if it can't either, nothing is imported", refuses=("search", "list")),
    Assumption("search-at-once", "It does so at once", NOWHERE, "`GET search`: after 0, 3 and 10 s",
        "outcomes stay open for longer: `--settle-seconds` is raised to three times that"),
    Assumption("reads", "What was written is there for the next request", NOWHERE,
        "`GET issue`, and of its activity, right after each write", "as for the search"),
    Assumption("moved", "A change and a comment move `updated_at`", f"{_PATCH}, by an example",
        "`GET issue` after each", "`undo` takes an issue for untouched on which somebody has only commented"),
    Assumption("patch", "A PATCH of one field leaves the others", _PATCH, "`PATCH issue`: a description",
        "a field that changes is reported as `edited-meanwhile`"),
    Assumption("activity", "The activity has a comment, newest first", "get/triage-issues-id-activity",
        "`GET activity`", "a comment of unknown outcome may be added twice to an issue of more than 100 entries"),
    Assumption("answers", "Each request is answered, with a status and a body of the reference", "each page",
        "all requests",
        "what may have been done is looked for before it is sent again"),
    Assumption("rate", "So many requests a second are allowed as `--rate` says",
        f"{NOWHERE}: `org_rate_limit` has no unit",
        "all requests", "the limit is looked for, and a later run begins with it"),
    Assumption("delete", "A deleted issue is gone: by id, in the list, by search", "delete/triage-issues-id",
        "`DELETE issue`, then `GET list`", "`undo --delete` reports what is left"),
    Assumption("norm", "`(at)norm`, in which imports write the mention, starts no agent", f"{_COMMENT}, for `@norm`",
        "`GET activity`, after it stood in a title, a description and a comment", "nothing is imported",
        refuses=("norm",)),
    Assumption("evidence", "Attaching a call twice does no harm; a flag needs an attached call",
        "post/triage-issues-id-resources",
        f"{NOT_ASKED}it needs a call", "look at `resources` of the first issues"),
    Assumption("mail", "Creating an issue mails nobody", NOWHERE, f"{NOT_ASKED}it would need an owner",
        "ask an owner or assignee, if the mapping sets them"),
    Assumption("markdown", "Markdown in a description is shown as it is", NOWHERE, f"{NOT_ASKED}a person has to look",
        "look at one issue with a table or a code block, e.g. after `--keep`"),
)
# fmt: on
BY_ID = {assumption.id: assumption for assumption in ASSUMPTIONS}
