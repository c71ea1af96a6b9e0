"""Proposals of users for people."""

from __future__ import annotations

from importer.authoring.users import Someone, propose_users
from importer.mapping.identities import Identity
from importer.triage.answers import Member

MEMBERS = (Member("u-1", "Ann Meyer", "Ann@x.example"), Member("u-2", "Jo Li", "jo@x"), Member("u-3", "Jo Li", "li@x"))


def test_proposals() -> None:
    """The same mail is sure and may be filled in, the same name is not, and one of two members is none."""
    mail, name = Someone(Identity("A. Meyer", mail="ann@X.example")), Someone(Identity("ann  meyer", "5f1"))
    two, stranger = Someone(Identity("Jo Li")), Someone(Identity("Cy", mail="cy@x"))
    proposed = propose_users([mail, name, two, stranger], MEMBERS, fill=False)
    assert [someone.proposal for someone in proposed] == ["u-1 (same mail)", "u-1 (same name)", "", ""]
    assert [someone.user_id for someone in proposed] == [""] * 4
    filled = propose_users([mail, name, two, stranger], MEMBERS, fill=True)
    assert [someone.user_id for someone in filled] == ["u-1", "", "", ""]
