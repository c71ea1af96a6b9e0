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
    Assumption("white-space", "White space is stored as it is: runs, line ends, and at the ends", NOWHERE,
        "`GET issue`: blanks, tabs, CR LF", "its ends and line ends never count as a difference"),
    Assumption("emoji", "Emoji are stored as they are", NOWHERE, "`GET issue`: one, and a joined one",
        "they are left out where an end of a text is looked for"),
    Assumption("letters", "Letters, quotes and dashes are stored as they are, in no normal form", NOWHERE,
        "`GET issue`: a ligature, straight quotes, hyphens",
        "NFC never counts as a difference; another form does, in `verify`"),
    Assumption("fields", "Severity, status, category, source and nobody as owner are stored as sent", _CREATE,
        "`GET issue`", "the field is named after a canary, and by `verify`"),
    Assumption("marker", "The marker in a description's last line can be recognised in what is stored", NOWHERE,
        "`GET issue`", "nothing is imported: an issue couldn't be known again", refuses=("marker",)),
    Assumption("comment-marker", "So can the marker in a comment's first line", NOWHERE, "`GET activity`",
        "comments of unknown outcome are `addition-unproven`"),
    Assumption("once", "One POST makes one issue", NOWHERE, "`GET list`: for the marker of each",
        "nothing is imported: each issue would be there twice", refuses=("once",)),
    Assumption("twice", "The same POST, sent twice, makes two issues", f"{NOWHERE}: no idempotency key is documented",
        "`POST issue`, twice", "nothing: an import sends none twice unless it is absent"),
    Assumption("list", "The list of issues has a new issue", _LIST, "`GET list`, newest first",
        "the search decides; if it can't either, nothing is imported"),
    Assumption("order", "The list, by `created_at` and `desc`, is newest first", _LIST, "`GET list`",
        "the list proves no absence; the search decides"),
    Assumption("whole-items", "An item of the list has its whole description", NOWHERE, "`GET list`",
        "issues in question are read one by one"),
    Assumption("pages", "A cursor leads to other issues, and the list ends", _LIST, "`GET list`: pages of one issue",
        "the run stops where a list never ends"),
    Assumption("search", "A search finds an issue by its marker", _LIST, "`GET search`",
        "the list decides; if it can't either, nothing is imported", refuses=("search", "list")),
    Assumption("search-at-once", "It does so at once", NOWHERE, "`GET search`: after 0, 3 and 10 s",
        "outcomes stay open for longer: `--settle-seconds` is raised to three times that"),
    Assumption("reads", "What was written is there for the next request", NOWHERE,
        "`GET issue`, and of its activity and relations, right after each write", "as for the search"),
    Assumption("moved", "A change, a comment and a relation move `updated_at`", f"{_PATCH}, by an example",
        "`GET issue` after each", "`undo` takes an issue for untouched on which somebody has only commented"),
    Assumption("times", "Times are ISO 8601, with their zone", f"{_GET}, by an example", "`POST issue`",
        "UTC is assumed; if a time can't be read, the whole list is"),
    Assumption("ids", "An issue's id is written in the same way in all answers", NOWHERE,
        "`GET issue`, `POST issue`, `GET list`",
        "the case of a UUID never counts"),
    Assumption("numbers", "Its number, `T-1042`, is in the answer, and grows", f"{_CREATE}, by an example",
        "`POST issue`", "reports and references name the id instead"),
    Assumption("patch", "A PATCH of one field leaves the others", _PATCH, "`PATCH issue`: a description",
        "a field that changes is reported as `edited-meanwhile`"),
    Assumption("activity", "The activity has a comment, newest first", "get/triage-issues-id-activity",
        "`GET activity`", "no comment is sent again without proof that it isn't there"),
    Assumption("relation", "A relation is listed by both issues", "get/triage-issues-id-relations", "`GET relations`",
        "a relation of unknown outcome is `addition-unproven`"),
    Assumption("refusal", "A bad create is answered with 400, `bad_request`", f"{_PATCH}, for PATCH only",
        "`POST issue` without a severity", "nothing: any 4xx refuses the row"),
    Assumption("refused", "What is refused was not done", NOWHERE, "`POST issue` without a severity, then `GET list`",
        "each refused row is looked for, so nothing is made twice"),
    Assumption("limited", "After a 429 nothing was done", NOWHERE, "`POST issue`, if one is answered with 429",
        "each later 429 is looked for, too"),
    Assumption("absent", "An issue that isn't there is 404, with a list `errors`", _GET, "`GET issue` that was deleted",
        "such a 404 counts half, and the list is asked as well"),
    Assumption("answers", "Each request is answered, with a status and a body of the reference", "each page",
        "all requests",
        "what may have been done is looked for before it is sent again"),
    Assumption("rate", "So many requests a second are allowed as `--rate` says",
        f"{NOWHERE}: `org_rate_limit` has no unit",
        "all requests", "the limit is looked for, and a later run begins with it"),
    Assumption("rate-headers", "No header tells the limit", NOWHERE, "all requests",
        "nothing: none but `Retry-After` is read"),
    Assumption("delete", "A deleted issue is gone: by id, in the list, by search", "delete/triage-issues-id",
        "`DELETE issue`, then `GET list`", "`undo --delete` reports what is left"),
    Assumption("organisation", "Categories carry the organisation's id", "get/triage-categories", "`GET categories`",
        "it is unknown before the first issue whose key this is"),
    Assumption("author", "All issues of a key have one author", NOWHERE, "`GET issue`",
        "nothing: authors of the source are text in the footer"),
    Assumption("category-case", "Categories in another case are others", NOWHERE,
        "`GET filter`: a built-in category in small letters", "nothing: a mapping says which spelling is sent"),
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
BY_ID = {each.id: each for each in ASSUMPTIONS}
