"""The codes of findings and outcomes, each with its sentence.

A code that several modules write or compare has a name here; one that a single finding has is written where it is
made, and a test finds it there.
"""

from __future__ import annotations

from collections.abc import Mapping

from importer.api import CATEGORY_LIMIT, DESCRIPTION_LIMIT, TITLE_LIMIT

SKIP_PREFIX = "skip-"
"""Before the name of a skip rule of the mapping: the code of a row that it leaves out."""

ROW_RAGGED = "row-ragged"
NO_ANSWERS = "no-answers"
KEY_DUPLICATE = "key-duplicate"
GROUP_PARTIAL = "group-partial"
GROUP_REJECTED = "group-rejected"
FOUND_AT_TARGET = "found-at-target"
CONFLICT = "conflict"
GONE_AT_TARGET = "gone-at-target"
PERHAPS_GONE = "perhaps-gone"
IS_GONE = frozenset((GONE_AT_TARGET, PERHAPS_GONE))
ROW_CORRECTED = "row-corrected"
EDITED_MEANWHILE = "edited-meanwhile"
COLUMN_MISSING = "column-missing"
VALUE_HELD = "value-held"
REPAIR_KEPT = "repair-kept"
TITLE_TOO_LONG = "title-too-long"
DESCRIPTION_TOO_LONG = "description-too-long"
FOOTER_CONTINUED = "footer-continued"
CATEGORY_TOO_LONG = "category-too-long"
INCOMPLETE = "incomplete"
GROUP_INCOMPLETE = "group-incomplete"
EVIDENCE_PENDING = "evidence-pending"
EVIDENCE_MISSING = "evidence-missing"
DESCRIPTION_EDITED = "description-edited"
NUMBERS_LEFT_OUT = "numbers-left-out"
COMMENT_EDITED = "comment-edited"
ADDED_TO_FINISHED = "added-to-finished"
INVALID_TEXTS = {"source": "source-invalid"}
"""Field whose text may only be one of some names → the code of another text."""
VALUE_MISSING = {"severity": "severity-missing", "status": "status-missing", "category": "category-missing"}
"""Field whose values are mapped → the code of an empty one without a default."""
VALUE_UNKNOWN = {"severity": "severity-unknown", "status": "status-unknown", "category": "category-unknown"}
"""Likewise → the code of one that the mapping doesn't know."""
VALUE_UNDECIDED = {"severity": "severity-undecided", "status": "status-undecided", "category": "category-undecided"}
"""Likewise → the code of one that the mapping leaves to a person."""
SHORTENED = {"title": "title-shortened", "description": "description-shortened"}
DATE_UNREADABLE = "date-unreadable"
VALUE_REFUSED = "value-refused"
ANSWER_PASSED = "answer-passed"
ANSWER_NOT_APPLICABLE = "answer-not-applicable"
ANSWER_UNKNOWN = "answer-unknown"
CATEGORY_UNKNOWN = "category-unknown"
RESTRICTED_UNDECIDED = "restricted-undecided"
PRIVATE_UNDECIDED = "private-undecided"
UNDECIDED_CODES = {RESTRICTED_UNDECIDED, PRIVATE_UNDECIDED}
"""Those of which a person alone can say what becomes of them."""
RELATION_AMBIGUOUS = "relation-ambiguous"
RELATION_ELSEWHERE = "relation-elsewhere"
RELATION_END_MISSING = "relation-end-missing"
RELATION_END_REJECTED = "relation-end-rejected"
ADDITION_UNPROVEN = "addition-unproven"
REFUSED = "refused"
KEY_RESPELLED = "key-respelled"
MARKER_AMBIGUOUS = "marker-ambiguous"
KEY_TAKEN = "key-taken"
ISSUE_MOVED = "issue-moved"
MOVE_UNSURE = "move-unsure"
DUPLICATE_IN_TRIAGE = "duplicate-in-triage"
GAVE_UP = "gave-up"
NOT_SELECTED = "not-selected"
OLDER_FILE_OPEN = "older-file-open"
NEWER_FILE_IN = "newer-file-in"
OUTCOME_UNKNOWN = "outcome-unknown"
TEXT_CUT = "text-cut"
MARKER_CUT = "marker-cut"

CODES: dict[str, str] = {
    "row-empty": "All cells are empty; skipped.",
    "row-header": "The header again, or a title above it; skipped.",
    "row-footer": "A note below the table, such as the author of the report; skipped.",
    NO_ANSWERS: "The record has no array of answers where `each` looks for one, or an empty one; skipped.",
    ROW_RAGGED: "The row has more or fewer cells than the header.",
    "row-path-failed": "A JMESPath expression of the mapping can't be applied to the record.",
    "row-malformed": "The row isn't valid in the format of the file.",
    "key-missing": "The row has no native key.",
    "key-needs-name": "The native key is unique only within one project, and no source name is given.",
    "key-too-long": "The key, with the source's name, has more than 1,000 bytes.",
    KEY_DUPLICATE: "The key occurred before with other content.",
    KEY_RESPELLED: "The key of an issue that recurs is there in other capitals or blanks; the row waits.",
    GROUP_REJECTED: "Another row of the same issue is rejected; all rows of an issue are sent together.",
    GROUP_PARTIAL: "The source lacks rows that the issue was written from; the issue is left as it is.",
    "same-as": "The key occurred before with the same content; skipped.",
    "duplicate-of": "The key occurred before, and the mapping keeps the first row; skipped.",
    "older-than": "The key occurs again with a newer date, or its issue has a newer row; skipped.",
    NOT_SELECTED: "`--only` doesn't name the key; skipped.",
    OLDER_FILE_OPEN: "An older file with a row of the same issue isn't in yet; the row waits for it.",
    NEWER_FILE_IN: "A newer file with a row of the same issue is in already; skipped.",
    "changed": "The issue is in Triage already, and its row has changed; the issue is left as it is.",
    "mapping-changed": "The issue is in Triage already, and only the mapping has changed; it is left as it is.",
    FOUND_AT_TARGET: "The issue was found in Triage by its marker; the ledger did not know it.",
    "found-changed": "The issue was found in Triage by its marker and differs from the row; it is left as it is.",
    MARKER_AMBIGUOUS: "Its marker doesn't say for certain which issue is the row's; it waits for `settle`.",
    KEY_TAKEN: "The key is another issue's in Triage, by its id, or by title and date; the row waits for `settle`.",
    ISSUE_MOVED: "The source has given the issue a new key, as its id says; it is the issue it was (warning).",
    MOVE_UNSURE: "It may be an issue that Triage has under another key, by its id; the row waits.",
    "title-in-triage": "Triage has an issue with this title but no marker; it may be this row's (warning).",
    "changed-meanwhile": "An earlier attempt created the issue, and the row has changed; the next run compares them.",
    ROW_CORRECTED: "This row is rejected, but its corrected row has been imported; skipped.",
    "source-fixed": "Triage can't change the source of an issue; the other fields are updated (warning).",
    CONFLICT: "A person changed this field in Triage, or may have; it was not updated, see conflicts.csv.",
    EDITED_MEANWHILE: "Another field changed in Triage during the update; that change is kept (warning).",
    COLUMN_MISSING: "A value stays as it is in Triage, for the source lacks the column that it came from (warning).",
    VALUE_HELD: "A value stays as it is in Triage, for so many would be emptied at once (warning).",
    REPAIR_KEPT: "A value stays as a repair has corrected it; the mapping still gives the one before (warning).",
    "undo-open": "An undo may have deleted the issue: finish the undo, then import again; skipped.",
    GONE_AT_TARGET: "The issue was deleted in Triage, as two runs have confirmed; it is not created again.",
    PERHAPS_GONE: "The issue is not in Triage; it counts as deleted once the next run confirms it.",
    "title-missing": "The title is empty.",
    TITLE_TOO_LONG: f"The title has more than {TITLE_LIMIT} characters.",
    FOOTER_CONTINUED: "A text is too long for the footer; a comment has all of it (warning).",
    "title-shortened": "The title was shortened; the description begins with the full title (warning).",
    DESCRIPTION_TOO_LONG: f"The description, footer included, has more than {DESCRIPTION_LIMIT:,} characters.",
    "description-shortened": "The description was shortened (warning).",
    "severity-missing": "The severity is empty and the mapping has no default.",
    "severity-unknown": "The mapping doesn't know the severity; a warning if it has a value for unknown ones.",
    "severity-undecided": "The mapping leaves the severity undecided; a warning if a neutral value is used.",
    "status-missing": "The status is empty and the mapping has no default.",
    "status-unknown": "The mapping doesn't know the status; a warning if it has a value for unknown ones.",
    "status-undecided": "The mapping leaves the status undecided; a warning if a neutral value is used.",
    "category-missing": "The category is empty and the mapping has no default.",
    CATEGORY_UNKNOWN: "The mapping doesn't know the category; a warning if it has a value for unknown ones.",
    "category-undecided": "The mapping leaves the category undecided; a warning if a neutral value is used.",
    CATEGORY_TOO_LONG: f"The category has more than {CATEGORY_LIMIT} characters.",
    INCOMPLETE: "Comments or other additions of the issue are missing in Triage; the next run sends them.",
    GROUP_INCOMPLETE: "Additions of the row's issue are missing in Triage, see its first row (warning).",
    EVIDENCE_PENDING: "Triage doesn't know a call, conversation or file yet; later runs try again (warning).",
    EVIDENCE_MISSING: "Triage still doesn't know a call, conversation or file; runs no longer try to attach it.",
    DESCRIPTION_EDITED: "Somebody changed the description in Triage; other issues' numbers are not added (warning).",
    NUMBERS_LEFT_OUT: "The description in Triage isn't the row's; other issues' numbers are not added (warning).",
    ADDED_TO_FINISHED: "The issue is finished, and new occurrences were only added to it (warning).",
    "occurrence-empty": "The texts of `recurring: occurrence` are empty; the content is the occurrence (warning).",
    "occurrence-undated": "The date of an occurrence can't be read; it counts as made after any finishing (warning).",
    INVALID_TEXTS["source"]: "The source is not manual, automated or client.",
    "person-unmatched": "users.csv has no user for the owner or assignee; a warning unless `unmatched` says `finding`.",
    RESTRICTED_UNDECIDED: "The issue is restricted in the source, and the mapping doesn't decide whether to send it.",
    PRIVATE_UNDECIDED: "The issue has private comments, and the mapping doesn't decide whether to send them.",
    DATE_UNREADABLE: "A date that a rule needs can't be read.",
    VALUE_REFUSED: "A rule under `skip` with `reject: true` matches: a value that the mapping doesn't know.",
    ANSWER_PASSED: "The answer says that the criterion is met; skipped.",
    ANSWER_NOT_APPLICABLE: "The answer is empty, or says that the criterion doesn't apply; skipped.",
    ANSWER_UNKNOWN: "The mapping doesn't know whether the answer is a finding.",
    COMMENT_EDITED: "A comment was edited in the source; the one in Triage is left as it is (warning).",
    "comment-unreadable": "A comment is not the JSON that the mapping expects; it is used as plain text (warning).",
    "text-not-unicode": "A text contains half a character (a lone surrogate), which can't be sent.",
    "format-dropped": "Some markup could not be kept, such as a picture or a colour (warning).",
    "secret-found": "A text contains a key, token or card number; by default a warning, see `secrets`.",
    "secret-masked": "A key, token or card number in a text was masked (warning).",
    "text-has-nul": "A text contains a NUL character, which databases refuse.",
    "evidence-malformed": "An id of evidence is too long or doesn't match `check`; not sent (warning).",
    "flag-call-malformed": "The id of a flag's call is too long or doesn't match `check`; not sent (warning).",
    "flag-without-type": "A flag has a call but no type; not sent (warning).",
    "flag-turn-negative": "A flag's turn is before the call's first; it is put into the note instead (warning).",
    "flag-note-shortened": "The note of a flag was shortened; a comment has all of it (warning).",
    "relation-to-itself": "The row has a relation to itself; not sent (warning).",
    RELATION_AMBIGUOUS: "A relation's text fits several other rows, or issues of other sources; not sent (warning).",
    RELATION_ELSEWHERE: "The relation is said by another source's issue: a run of that source sends it (warning).",
    RELATION_END_MISSING: "An issue that the row refers to is neither in this import nor in Triage (warning).",
    RELATION_END_REJECTED: "An issue that the row refers to is rejected (warning).",
    "relation-cycle": "Issues block each other in a cycle, which is sent as it is (warning).",
    ADDITION_UNPROVEN: "Triage doesn't show whether it has this addition; the message says what to do.",
    REFUSED: "Triage refused the issue; the message is its response.",
    DUPLICATE_IN_TRIAGE: "Triage has a duplicate of the row's issue, until `settle` names the right one (warning).",
    GAVE_UP: "All attempts to send the issue failed; the next run tries again.",
    OUTCOME_UNKNOWN: "It is not known yet whether the issue arrived; the next run settles it.",
    TEXT_CUT: "Triage has cut a text; the message says how much it kept, and whether the rest is in comments.",
    MARKER_CUT: "Triage would cut the marker off a text, or has done so; the message says how much it keeps.",
}
"""Every code that a row can end with, beside `skip-NAME` for the mapping's own skip rules, with its sentence."""


def by_frequency(codes: Mapping[str, int]) -> dict[str, int]:
    """Code → rows, most frequent first, then by name; codes that no row has are left out."""
    return dict(sorted(((code, rows) for code, rows in codes.items() if rows), key=lambda each: (-each[1], each[0])))
