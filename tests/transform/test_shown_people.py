"""How people are shown: by name or pseudonym, or not at all, wherever they stand; and masks."""

from __future__ import annotations

from typing import Any

import pytest

from importer.mapping.identities import Identity, Roster, RosterLine
from importer.mapping.issue_parts import People
from importer.row.transform import Transform
from importer.transform.shown_people import MAIL, PHONE, SOMEBODY, ShownPeople
from tests.harness.making import mapping_of, source_rows_of

ANN = Identity("Ann Meyer", "5f1", "ann@x.example")
ROSTER = Roster(
    (RosterLine(ANN, "u-ann", 2, "Person 7"), RosterLine(Identity("Ben Ott"), "", 3, "Person 2")), "users.csv"
)


def shown(**settings: str) -> ShownPeople:
    """The settings of a mapping, with a users.csv."""
    return ShownPeople(People.model_validate(settings), ROSTER)


@pytest.mark.parametrize(
    ("show", "known", "unknown", "text"),
    [
        ("name", "Ann Meyer", "Cy Orr", "Ann Meyer told Benjamin, ann@x.example"),
        ("pseudonym", "Person 7", SOMEBODY, "Person 7 told Benjamin, Person 7"),
        ("none", "", "", f"{SOMEBODY} told Benjamin, {SOMEBODY}"),
    ],
)
def test_who_is_shown(show: str, known: str, unknown: str, text: str) -> None:
    """A person of users.csv, one that it lacks, and names within texts."""
    people = shown(show=show)
    assert (people.show(ANN), people.show(Identity("Cy Orr"))) == (known, unknown)
    assert people.clean(["Ann Meyer told Benjamin, ann@x.example"]) == [text]


@pytest.mark.parametrize("show", ["pseudonym", "none"])
def test_no_name_is_left(show: str) -> None:
    """Neither in title, description and footer, nor in comments, findings and their authors."""
    header = ("Key", "Title", "Text", "Priority", "State", "Assignee", "Reporter", "Watchers", "Comment")
    mapping: dict[str, Any] = {
        "assignee": {"name": "Assignee"},
        "people": {"show": show, "unmatched": {"open": "finding"}},
        "footer": {"From": "Reporter", "Watchers": "Watchers", "State": "State"},
        "comments": {"from": [{"column": "Comment", "parse": "(?P<author>[^;]*);(?P<text>.*)"}]},
    }
    mapping["people"]["known"] = [{"name": "Reporter"}]
    row = (
        "P-1",
        "Ask Ann Meyer",
        "Ben Ott knows",
        "P1",
        "Open",
        "Cy Orr",
        "Di Poe",
        "Ed Ray, Flo Sue",
        "Gus Toy;Hi Ann Meyer",
    )
    issues = Transform(mapping_of(**mapping), "demo", ROSTER)(source_rows_of(header, [row])).issues
    said = [
        *[issue.title for issue in issues],
        *[issue.description for issue in issues],
        repr(issues[0].parts.comments),
        repr(issues[0].findings),
    ]
    surnames = ("Meyer", "Ott", "Orr", "Poe", "Ray", "Sue", "Toy")
    assert [name for name in surnames for text in said if name in text] == []
    assert "State: Open" in issues[0].description


@pytest.mark.parametrize(
    "text", ["+49 30 1234567", "(415) 555-0100", "415-555-0100", "0171 2345678", "+1.415.555.0100"]
)
def test_phone_numbers(text: str) -> None:
    """They are masked in a sentence, whichever country writes them."""
    assert shown(phones="mask").clean([f"Call {text}, please."]) == [f"Call {PHONE}, please."]


@pytest.mark.parametrize(
    "text",
    ["2026-01-02 10:00:00", "v1.2.3-4567", "PROJ-1234567", "192.168.100.200", "a1b2c3d4-1234-5678-9abc-123456789012",
     "1,234,567,890", "https://x.example/0171/2345678", "took 1500000 ms", "Error 0x80070005"],
)  # fmt: skip
def test_what_is_no_phone_number(text: str) -> None:
    """Dates, versions, ids and addresses stay."""
    assert shown(phones="mask").clean([text]) == [text]


def test_mail_addresses() -> None:
    """Masked wherever they stand; names in web addresses stay."""
    assert shown(mails="mask").clean(["To ann.m+x@mail.x.example: https://x.example/@ann"]) == [
        f"To {MAIL}: https://x.example/@ann"
    ]
