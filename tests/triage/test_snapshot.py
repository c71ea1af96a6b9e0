"""Who changed which field: what a person did is never taken for ours, nor ours for a person's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.api import ISSUE_FIELDS, PATCHABLE_FIELDS
from importer.records import Mention
from importer.transform.references import insert_numbers
from importer.triage.answers import FIELDS, Issue
from importer.triage.snapshot import (
    DESCRIPTION_KEPT,
    Snapshot,
    digest,
    find_ignored,
    is_gone,
    is_left_of,
    is_like,
    is_missing,
    pending_fields,
    record_pending_patch,
)
from tests.harness.rewriting import WAYS, rewrite

Values = Mapping[str, Any]
Store = Callable[[Values], Values]
MADE, LATER = "2026-11-24T10:00:00.000Z", "2026-11-24T11:00:00.000Z"
FIRST = dict.fromkeys(ISSUE_FIELDS, "a") | {"owner_id": None, "assignee_id": None, "source": "client"}


def trimmed(values: Values) -> Values:
    """Store texts as a target that trims them and ends lines with LF."""
    return {name: value and value.strip().replace("\r\n", "\n") for name, value in values.items()}


def renamed(values: Values) -> Values:
    """Store a category under its name in the catalogue, and all else as it is sent."""
    return {**values, "category": values["category"].strip().capitalize()}


stores = st.sampled_from((dict, trimmed, renamed))
texts = st.sampled_from(("a", "b", " a ", "b\r\nc", "b\nc\n", "Straße", "Strasse\u0301"))
people = st.one_of(st.none(), st.sampled_from(("u1", "u2")))
bodies = st.fixed_dictionaries(
    {name: people if name.endswith("_id") else texts for name in ISSUE_FIELDS if name != "source"}
    | {"source": st.sampled_from(("client", "manual"))}
)
edits = st.dictionaries(st.sampled_from(PATCHABLE_FIELDS), st.sampled_from(("theirs", "a", "b")), max_size=3)


def issue_of(values: Values, updated_at: str = MADE) -> Issue:
    fields = {name: values[name] for name in FIELDS}
    return Issue("id", "T-1", "org", values["description"], fields, MADE, updated_at, 0, 0, 0, False)


def body_of(values: Values) -> bytes:
    return orjson.dumps(values)


def changes_of(snapshot: Snapshot, body: bytes) -> dict[str, Any]:
    """Say what an update would want to write."""
    return {name: value for name, value in snapshot.changes(body).items() if name in PATCHABLE_FIELDS}


def edited_fields(before: Values, after: Values) -> set[str]:
    """Say which fields a person really changed."""
    return {name for name in ISSUE_FIELDS if not is_like(before[name], after[name])}


@given(bodies, stores)
def test_what_was_just_written_is_nobodys_edit(body: Values, store: Store) -> None:
    """However the target rewrites what it is sent: no change, no edit."""
    issue = issue_of(store(body))
    snapshot = Snapshot.take(issue, body_of(body))
    assert snapshot.changes(body_of(body)) == {}
    assert snapshot.edits(issue) == []


@given(bodies, bodies, edits, stores)
def test_a_person_s_change_is_never_patched(old: Values, new: Values, edit: Values, store: Store) -> None:
    """Each field that is to change is patched, is so already, or is a conflict, which only an edit makes."""
    stored = store(old)
    there = {**stored, **edit}
    snapshot = Snapshot.take(issue_of(stored), body_of(old))
    wanted = changes_of(snapshot, body_of(new))
    merged = snapshot.merge(issue_of(there, LATER), wanted)
    edited = edited_fields(stored, there)
    assert not edited.intersection(merged.patch)
    conflicts = {conflict.field for conflict in merged.conflicts}
    assert conflicts <= edited
    assert sorted([*merged.patch, *merged.already, *conflicts]) == sorted(wanted)
    assert all(is_like(there[name], value) for name, value in merged.already.items())


@given(bodies, bodies, edits, stores)
def test_an_update_ends(old: Values, new: Values, edit: Values, store: Store) -> None:
    """After it only conflicts are left to change, and only a person's edits stand out."""
    stored = store(old)
    there = {**stored, **edit}
    wanted = changes_between(stored, old, new)
    merged = Snapshot.take(issue_of(stored), body_of(old)).merge(issue_of(there, LATER), wanted)
    after = {**there, **{name: store({**there, **merged.patch})[name] for name in merged.patch}}
    issue = issue_of(after, LATER)
    snapshot = merged.snapshot.after_write(issue, {**merged.patch, **merged.already})
    conflicts = {conflict.field for conflict in merged.conflicts}
    assert changes_of(snapshot, body_of(new)).keys() == conflicts
    assert set(snapshot.edits(issue)) == edited_fields(stored, there) - merged.already.keys()
    again = snapshot.merge(issue, changes_of(snapshot, body_of(new)))
    assert (again.patch, again.already, {each.field for each in again.conflicts}) == ({}, {}, conflicts)


def changes_between(stored: Values, old: Values, new: Values) -> dict[str, Any]:
    """Say what an update of an issue that was made of one row wants for another."""
    return changes_of(Snapshot.take(issue_of(stored), body_of(old)), body_of(new))


@given(bodies, bodies, bodies, st.booleans(), st.booleans(), st.sampled_from((dict, trimmed)))
def test_writes_without_an_answer_are_nobody_s_edit(
    one: Values, two: Values, three: Values, first_done: bool, second_done: bool, store: Store
) -> None:
    """Two changes of unknown outcome after each other, each executed or not: a third meets no conflict."""
    there, at = store(one), MADE
    snapshot, pending = Snapshot.take(issue_of(there), body_of(one)), b""
    for row, done in ((two, first_done), (three, second_done)):
        wanted = {name: row[name] for name in PATCHABLE_FIELDS}
        merged = snapshot.merge(issue_of(there, at), wanted, pending)
        assert not merged.conflicts
        pending = record_pending_patch(snapshot, merged.snapshot, merged.patch, at)
        assert pending_fields(pending) == merged.patch.keys()
        if done:
            there = {**there, **{name: store({**there, **merged.patch})[name] for name in merged.patch}}
            at = LATER if merged.patch else at
    last = snapshot.merge(issue_of(there, at), {name: one[name] for name in PATCHABLE_FIELDS}, pending)
    assert not last.conflicts


def test_a_look_tells_whether_a_change_was_executed() -> None:
    """The memory after it has what is there, if that is ours, and a later edit of a person stands out."""
    snapshot = Snapshot.take(issue_of(FIRST), body_of(FIRST))
    pending = record_pending_patch(snapshot, snapshot, {"title": "b"}, MADE)
    executed = issue_of({**FIRST, "title": "b"}, LATER)
    learned = snapshot.merge(executed, {}, pending).snapshot
    assert learned.edits(executed) == []
    assert learned.edits(issue_of(FIRST, LATER)) == ["title"]
    not_executed = snapshot.merge(issue_of(FIRST), {}, pending).snapshot
    assert not_executed == snapshot


def test_conflicts_say_who_has_what() -> None:
    """Ours, theirs and new; of our own description only the digest is kept."""
    snapshot = Snapshot.take(issue_of(FIRST), body_of(FIRST))
    theirs = issue_of({**FIRST, "title": "theirs", "description": "their text", "owner_id": "u9"}, LATER)
    merged = snapshot.merge(theirs, {"title": "new", "description": "new text", "owner_id": "u1", "severity": "high"})
    assert [tuple(conflict) for conflict in merged.conflicts] == [
        ("title", "a", "theirs", "new"),
        ("description", DESCRIPTION_KEPT, "their text", "new text"),
        ("owner_id", "", "u9", "u1"),
    ]
    assert merged.patch == {"severity": "high"}


def test_an_issue_that_was_edited_before_we_saw_it() -> None:
    """An issue that was found late, with other fields than were sent: they are a person's."""
    there = {**FIRST, "title": "theirs", "severity": " a"}
    snapshot = Snapshot.take(issue_of(there, LATER), body_of(FIRST))
    assert snapshot.edits(issue_of(there, LATER)) == ["title"]
    assert [each.field for each in snapshot.merge(issue_of(there), {"title": "b", "severity": "b"}).conflicts] == [
        "title"
    ]


@pytest.mark.parametrize(("updated_at", "conflicts"), [(MADE, []), (LATER, ["title"])])
def test_an_issue_that_the_ledger_had_lost(updated_at: str, conflicts: list[str]) -> None:
    """If anybody changed it since it was made, nobody knows who: fields that are not as in its row are left alone."""
    there = issue_of({**FIRST, "title": "other"}, updated_at)
    snapshot = Snapshot.take(there).adopt(body_of(FIRST))
    assert snapshot.changes(body_of(FIRST)) == {"title": "a"}
    merged = snapshot.merge(there, {"title": "a", "severity": "b"})
    assert [each.field for each in merged.conflicts] == conflicts
    assert snapshot.edits(there) == conflicts


def test_narrowed_changes() -> None:
    """Only the fields that are asked for."""
    snapshot = Snapshot.take(issue_of(FIRST), body_of(FIRST))
    new = body_of({**FIRST, "title": "b", "status": "b", "source": "manual"})
    assert snapshot.changes(new) == {"title": "b", "status": "b", "source": "manual"}
    assert snapshot.changes(new, {"status"}) == {"status": "b"}


def test_gone_until_it_is_written_again() -> None:
    """A deleted issue is known as such, whatever its texts say; a write shows that it is there after all."""
    snapshot = Snapshot.take(issue_of({**FIRST, "title": '"gone":true'}), body_of(FIRST))
    assert not is_gone(snapshot.dump())
    once = snapshot.without_issue("one").without_issue("one")
    assert (is_missing(once.dump()), is_gone(once.dump())) == (True, False), "one run alone is not believed for good"
    gone = once.without_issue("two")
    assert is_gone(gone.dump())
    assert not is_missing(gone.after_write(issue_of(FIRST), {"title": "a"}).dump())


@given(bodies, stores, edits, st.booleans())
def test_the_ledger_gives_back_what_it_is_given(body: Values, store: Store, edit: Values, is_known: bool) -> None:
    """A snapshot is the same after it was written and read."""
    stored = store(body)
    snapshot = Snapshot.take(issue_of(stored), body_of(body) if is_known else None)
    for each in (
        snapshot,
        snapshot.adopt(body_of(body)),
        snapshot.after_write(issue_of({**stored, **edit}, LATER), edit).with_writes(list(edit)),
        snapshot.with_numbers(issue_of(stored), body["description"], ["T-1", "T-2"]).without_issue("one"),
    ):
        assert Snapshot.parse(each.dump()) == each


NAMES = ("T-45", "PROJ-1", "#45", "e")
NUMBERS = {"s:1": "T-1042", "s:2": "T-7"}


@given(
    st.lists(st.sampled_from((*NAMES, " ", " (T-9)", "(T-45)", "\u0301", "\n", "\r\n", ".", "(", ")")), max_size=12),
    st.permutations(NAMES),
    st.sampled_from((str, str.strip)),
)
def test_numbers_of_other_issues_are_no_difference(
    words: list[str], names: list[str], stored: Callable[[str], str]
) -> None:
    """Whatever is numbered in whatever text, and however the target trims it: the text is still the same."""
    text = "".join(words)
    mentions = [Mention(name, f"s:{place % 2 + 1}") for place, name in enumerate(names)]
    numbered = insert_numbers(text, mentions, NUMBERS, 10_000)
    for ours in (None, NUMBERS.values()):
        assert digest(stored(numbered), ours) == digest(stored(text), ours) == digest(text, ours)


def test_other_edits_beside_numbers_count() -> None:
    """A word more is an edit, and so is any number but the one that we put in; one in a title is never ours."""
    plain = {**FIRST, "description": "See D-2."}
    snapshot = Snapshot.take(issue_of(plain), body_of(plain))
    there = {**FIRST, "description": "See D-2 (T-1042)."}
    assert snapshot.edits(issue_of(there, LATER)) == ["description"], "nothing was put in yet"
    assert Snapshot.take(issue_of(plain)).edits(issue_of(there)) == [], "of one that was found nobody knows"
    snapshot = snapshot.with_numbers(issue_of(plain), "See D-2.", ["T-1042"])
    assert snapshot.is_as_it_was(issue_of(there, LATER), "")
    assert snapshot.changes(body_of(plain)) == {}
    assert snapshot.edits(issue_of(there, LATER)) == []
    assert snapshot.edits(issue_of({**there, "description": "See D-2 (T-1042) now."}, LATER)) == ["description"]
    assert snapshot.edits(issue_of({**there, "description": "See D-2 (T-4711)."}, LATER)) == ["description"]
    assert snapshot.edits(issue_of({**there, "title": "a (T-1042)"}, LATER)) == ["title"]


def test_our_own_comments_are_no_person_s_hand() -> None:
    """A change that was not executed is no edit of a person, though the issue's time has moved before it left."""
    snapshot = Snapshot.take(issue_of(FIRST), body_of(FIRST))
    pending = record_pending_patch(snapshot, snapshot, {"title": "b"}, LATER)
    assert snapshot.merge(issue_of(FIRST, LATER), {"title": "b"}, pending).patch == {"title": "b"}
    later_still = "2026-11-24T12:00:00.000Z"
    assert snapshot.merge(issue_of(FIRST, later_still), {"title": "b"}, pending).conflicts


@given(bodies, st.sets(st.sampled_from(ISSUE_FIELDS)), edits)
def test_what_an_answer_lacks(sent: Values, unanswered: set[str], edit: Values) -> None:
    """It counts as sent: only what differs from that later is an edit; and an answer without times is no change."""
    shown = {name: None if name in unanswered else value for name, value in sent.items()}
    answer = issue_of({**shown, "description": shown["description"] or ""}, updated_at="")
    snapshot = Snapshot.take(answer._replace(unanswered=frozenset(unanswered)), body_of(sent))
    assert not snapshot.edits(issue_of(sent))
    assert set(snapshot.edits(issue_of({**sent, **edit}))) == edited_fields(sent, {**sent, **edit})
    assert not Snapshot.take(answer).is_touched


@pytest.mark.parametrize("way", WAYS)
def test_a_text_that_is_stored_otherwise_was_not_ignored(way: str) -> None:
    """Sent again it is answered as it was before; another text that is answered so was ignored."""
    sent = {"title": "A title", "description": 'It\'s <b> & "so".  \n\n---\nImported from jira:PROJ-1'}
    stored = issue_of(FIRST | rewrite(sent, way))
    assert find_ignored(stored, stored, sent) == []
    assert find_ignored(stored, stored, {**sent, "description": "It was so."}) == ["description"]


TITLE = "The caller hears nothing after the transfer to the second line of the support desk in the north, week 12"


@pytest.mark.parametrize(
    ("sent", "shown", "is_left"),
    [
        ("", "", True),
        (TITLE, "", False),
        ("", TITLE, False),
        (TITLE, TITLE, True),
        (TITLE, TITLE[:90], True),
        (TITLE, TITLE[:90] + "…", True),
        (TITLE, TITLE[:90] + " [truncated]", True),
        (TITLE, TITLE[:60], False),  # so little may be that of many texts
        (TITLE, TITLE[:70] + " of quite another issue of the other team", False),
        (TITLE, f"Re: {TITLE}", False),
        (TITLE[:90], TITLE, True),  # of what was sent often only the beginning is known
        ("!!!", "???", False),  # no letters say nothing
        ("It's <b>", "It&#39;s &lt;b&gt;", True),
    ],
)
def test_what_is_left_of_a_text(sent: str, shown: str, is_left: bool) -> None:
    """A text is known by all of its letters, or by a long beginning, perhaps with a note that it was cut."""
    assert is_left_of(sent, shown) is is_left
