"""Whether it adds up: what the source says, what is sent, what was read back."""

from __future__ import annotations

from importer.report.summary import Sum, Summary, add_up, count_needing, describe_verification

EVIDENCE = {"source_says": 0, "file_has": 9, "planned": 2, "sent": 7}
PEOPLE = {"people": 3, "matched": 1, "source_says": 0, "file_has": 8, "planned": 4, "sent": 2}
VERIFIED = {
    **{"at": 0.0, "same": 4, "different": 1, "missing": 1, "stranger": 0, "unsettled": 0},
    "read_back": {kind: {"sent": 6, "found": 5} for kind in ("issue", "assignment", "evidence", "flag")},
}


def test_of_a_run() -> None:
    """Of a continued run there is no less to be sent than was sent, where all its attempts are counted."""
    summary = Summary(
        "r", 3, 20, created=6, planned=4, unknown=1, counted={"evidence": EVIDENCE, "assignments": PEOPLE}
    )
    assert add_up(summary, {}) == [
        Sum("Issues, by their rows", None, 20, 11, 6),
        Sum("Calls, conversations and files", None, 9, 7, 7),
        Sum("Owners and assignees", None, 8, 4, 2, None, "3 people named, 1 with a user in Triage"),
    ]


def test_what_was_read_back() -> None:
    """Each kind has how many of how many were found, one too that the last attempt didn't send."""
    summary = Summary("r", 0, 6, created=6, counted={"evidence": EVIDENCE}, additions={"comment": 2})
    assert [(each.kind, each.read_back) for each in add_up(summary, VERIFIED)] == [
        ("Issues, by their rows", (5, 6)),
        ("Calls, conversations and files", (5, 6)),
        ("Requests for comments", None),
        ("Flags", (5, 6)),
    ]


def test_evidence_of_an_earlier_version() -> None:
    """Its summary has only what was attached to issues that were there."""
    (_, evidence) = add_up(Summary("r", 0, 6, updated=6, additions={"evidence": 2}, forecast={"evidence": 3}), {})
    assert evidence == Sum("Calls, conversations and files", None, None, 3, 2)


def test_a_verification_in_a_sentence() -> None:
    """When it was, what was found, and how many issues somebody has to look at."""
    said = describe_verification(VERIFIED)
    assert said.endswith(": 4 of 6 issues were as they were sent; 2 need you.")
    assert count_needing({}) == 0
    all_same = {**VERIFIED, "same": 6, "different": 0, "missing": 0}
    assert describe_verification(all_same).endswith(": 6 of 6 issues were as they were sent; nothing differed.")
    one = {**VERIFIED, "same": 1, "different": 1, "missing": 0, "stranger": 0, "unsettled": 0}
    assert describe_verification(one).endswith(": 1 of 2 issues was as it was sent; 1 needs you.")
