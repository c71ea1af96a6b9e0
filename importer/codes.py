"""The codes of findings and outcomes, each with its sentence.

A code that several modules write or compare has a name here; one that a single finding has is written where it is
made, and a test finds it there.
"""

from __future__ import annotations

from importer.api import CATEGORY_LIMIT, DESCRIPTION_LIMIT, TITLE_LIMIT

SKIP_PREFIX = "skip-"
"""Before the name of a skip rule of the mapping: the code of a row that it leaves out."""

ROW_RAGGED = "row-ragged"
KEY_DUPLICATE = "key-duplicate"
GROUP_REJECTED = "group-rejected"
FOUND_AT_TARGET = "found-at-target"
CONFLICT = "conflict"
GONE_AT_TARGET = "gone-at-target"
PERHAPS_GONE = "perhaps-gone"
MENDED = "mended"
EDITED_MEANWHILE = "edited-meanwhile"
TITLE_TOO_LONG = "title-too-long"
DESCRIPTION_TOO_LONG = "description-too-long"
FOOTER_CONTINUED = "footer-continued"
CATEGORY_TOO_LONG = "category-too-long"
INCOMPLETE = "incomplete"
GROUP_INCOMPLETE = "group-incomplete"
EVIDENCE_PENDING = "evidence-pending"
EVIDENCE_MISSING = "evidence-missing"
DESCRIPTION_EDITED = "description-edited"
COMMENT_EDITED = "comment-edited"
SOURCE_INVALID = "source-invalid"
DATE_UNREADABLE = "date-unreadable"
RESTRICTED_UNDECIDED = "restricted-undecided"
PRIVATE_UNDECIDED = "private-undecided"
RELATION_END_MISSING = "relation-end-missing"
RELATION_END_REJECTED = "relation-end-rejected"
ADDITION_UNPROVEN = "addition-unproven"
REFUSED = "refused"
DOUBLE_IN_TRIAGE = "double-in-triage"
GAVE_UP = "gave-up"
FATE_UNKNOWN = "fate-unknown"

CODES: dict[str, str] = {
    "row-empty": "All cells are empty; skipped.",
    "row-header": "The header again, or a title above it; skipped.",
    "row-footer": "A note below the table, such as who made the report; skipped.",
    ROW_RAGGED: "The row has more or fewer cells than the header.",
    "row-path-failed": "A JMESPath expression of the mapping can't be applied to the record.",
    "row-malformed": "The row can't be read as what the file claims to be.",
    "key-missing": "The row has no native key.",
    "key-needs-name": "The native key is only unique within one project, and nobody named the source.",
    KEY_DUPLICATE: "The key came before with other content.",
    GROUP_REJECTED: "Another row of the same issue is rejected, and the rows of an issue go together.",
    "group-partial": "The source has fewer rows of the issue than it was written from; it stays as it is.",
    "same-as": "The key came before with the same content; skipped.",
    "duplicate-of": "The key came before, and the mapping keeps the first; skipped.",
    "older-than": "The key comes again with a newer date, and the mapping keeps the newest; skipped.",
    "not-selected": "`--only` doesn't name the key; skipped.",
    "changed": "The issue is in Triage already, and its row has changed since; it stays as it is.",
    "mapping-changed": "The issue is in Triage already, and only the mapping has changed since; it stays as it is.",
    FOUND_AT_TARGET: "The issue was found in Triage by its marker; the ledger did not know it.",
    "found-changed": "The issue was found in Triage by its marker and is not as the row says now; it stays as it is.",
    "title-in-triage": "Triage has an issue with this title, without a marker: it may be this row's (warning).",
    "changed-meanwhile": "The issue was made by an earlier attempt as its row was then; the next run compares them.",
    MENDED: "The row is rejected as it is, and its issue is in Triage, from the corrected row; skipped.",
    "source-fixed": "Triage can't change the source of an issue; the other fields are updated (warning).",
    CONFLICT: "A person changed this field in Triage, or nobody can tell: the update left it alone; see conflicts.csv.",
    EDITED_MEANWHILE: "Another field was changed in Triage while the update was on its way; it stays so (warning).",
    "undo-open": "An undo may have deleted the issue: type the undo again to the end, then import; skipped.",
    GONE_AT_TARGET: "The issue was deleted in Triage, as two runs have found; it is not made again.",
    PERHAPS_GONE: "The issue is not in Triage; it only counts as deleted once the next run has found the same.",
    "title-missing": "The title is empty.",
    TITLE_TOO_LONG: f"The title has more than {TITLE_LIMIT} characters.",
    FOOTER_CONTINUED: "A text is too long for the footer; all of it is in a comment (warning).",
    "title-shortened": "The title was cut; the full title opens the description (warning).",
    DESCRIPTION_TOO_LONG: f"The description, footer included, has more than {DESCRIPTION_LIMIT:,} characters.",
    "description-shortened": "The description was cut (warning).",
    "severity-missing": "The severity is empty and the mapping has no default.",
    "severity-unknown": "The mapping doesn't know the severity; a warning where it names a value for the unknown.",
    "severity-undecided": "Nobody has decided what the severity becomes; a warning where a neutral value stands in.",
    "status-missing": "The status is empty and the mapping has no default.",
    "status-unknown": "The mapping doesn't know the status; a warning where it names a value for the unknown.",
    "status-undecided": "Nobody has decided what the status becomes; a warning where a neutral value stands in.",
    "category-missing": "The category is empty and the mapping has no default.",
    "category-unknown": "The mapping doesn't know the category; a warning where it names a value for the unknown.",
    "category-undecided": "Nobody has decided what the category becomes; a warning where a neutral value stands in.",
    CATEGORY_TOO_LONG: f"The category has more than {CATEGORY_LIMIT} characters.",
    INCOMPLETE: "The issue is in Triage without all that belongs to it; the next run sends the rest.",
    GROUP_INCOMPLETE: "The row's issue is in Triage without all that belongs to it, see its first row (warning).",
    EVIDENCE_PENDING: "Triage doesn't know a call, conversation or file yet; later runs try again (warning).",
    EVIDENCE_MISSING: "Triage never came to know a call, conversation or file; it is not tried again.",
    DESCRIPTION_EDITED: "Somebody changed the description in Triage: other issues' numbers are left out (warning).",
    SOURCE_INVALID: "The source is none of manual, automated, client.",
    "person-unmatched": "users.csv has no user for the owner or assignee; a warning unless `unmatched` says `finding`.",
    RESTRICTED_UNDECIDED: "Not everybody may read the issue in the source, and nobody has decided whether it is sent.",
    PRIVATE_UNDECIDED: "Comments are for the team alone, and nobody has decided whether they are sent.",
    DATE_UNREADABLE: "A date that a rule needs can't be read.",
    COMMENT_EDITED: "A comment was edited in the source; what is in Triage stays as it is (warning).",
    "comment-unreadable": "A comment is not the JSON that the mapping says; it is taken as it is (warning).",
    "text-not-unicode": "A text has half a character (a lone surrogate), which can't be sent.",
    "format-dropped": "Something of a text's markup could not be kept: a picture, a colour (warning).",
    "secret-found": "A text has a key, a token or a card number; a warning, or as the mapping says.",
    "secret-masked": "A key, a token or a card number in a text was masked (warning).",
    "text-has-nul": "A text has a NUL character, which databases refuse.",
    "evidence-malformed": "The id of a call, conversation or file isn't what `check` demands; not sent (warning).",
    "flag-call-malformed": "A flag's call isn't what `check` demands of the ids of calls; not sent (warning).",
    "flag-without-type": "A flag has a call and no type; not sent (warning).",
    "flag-turn-negative": "The turn of a flag is before the call's first; the note says it instead (warning).",
    "flag-note-shortened": "The note of a flag was cut; a comment has the whole note (warning).",
    "relation-to-itself": "The row names itself as another issue; not sent (warning).",
    "relation-ambiguous": "Several rows have the text that the row names another issue by; not sent (warning).",
    RELATION_END_MISSING: "Another issue that the row names is neither in this import nor in Triage (warning).",
    RELATION_END_REJECTED: "Another issue that the row names is rejected (warning).",
    "relation-cycle": "Issues block each other in a circle; that is sent as it is (warning).",
    ADDITION_UNPROVEN: "Triage shows neither this comment, flag or relation nor others that it has: see the message.",
    REFUSED: "Triage refused the issue; the message is its answer.",
    DOUBLE_IN_TRIAGE: "Triage has another issue with the row's marker, until `settle` names the right one (warning).",
    GAVE_UP: "Triage could not take the issue in all attempts; the next run tries again.",
    FATE_UNKNOWN: "Whether the issue arrived is not known yet; the next run finds out.",
}
"""Every code that a row can end with, beside `skip-NAME` for the mapping's own skip rules, with its sentence."""

OPEN = {
    INCOMPLETE: "in Triage without all that belongs to it: see results.csv; the same command sends the rest.",
    ADDITION_UNPROVEN: "with something of which Triage doesn't show whether it is there: each has its command in "
    "results.csv.",
    EVIDENCE_PENDING: "with a call, conversation or file that Triage doesn't know yet: see results.csv; later runs "
    "try again.",
    EVIDENCE_MISSING: "with a call, conversation or file that Triage never came to know: see results.csv.",
    DOUBLE_IN_TRIAGE: "in Triage twice, or made by somebody else with this import's marker: see results.csv.",
    PERHAPS_GONE: "not in Triage: the same command looks once more, and only then it counts as deleted.",
}
"""Codes of rows that are neither done nor decided, whatever their outcome → what is said of their issues."""
