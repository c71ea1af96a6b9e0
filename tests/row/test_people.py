"""People: who is the same person, which user that is, and mentions of accounts in texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.identities import Directory, Identity, Roster, RosterLine, number_people
from importer.mapping.issue_parts import People, Person, Unmatched
from importer.records import Finding
from importer.row.people import PeopleReader, PersonMap, PersonReader, find_no_name, name_mentions, person_maps
from importer.sources.source_rows import SourceRows
from importer.transform.shown_people import ShownPeople
from tests.harness.making import mapping_of, source_rows_of
from tests.harness.read_rows import rows_and_compiler

HEADER = ("Assignee", "Assignee Id", "Mail")
PERSON = Person.model_validate({"name": "Assignee", "account": "Assignee Id", "mail": "Mail"})
ANN = Identity("Ann Meyer", "5f1", "ann@x.example")
ROSTER = Roster((RosterLine(ANN, "u-ann", 2), RosterLine(Identity("Ben Ott", "5f2"), "", 3)), "users.csv")
MENTION = r"\[~accountid:([^\]]+)\]"


def identify(person: Person, *rows: tuple[str, str, str]) -> list[Identity]:
    """Who it is that each row names."""
    source_rows, compiler = rows_and_compiler(source_rows_of(HEADER, rows))
    return list(map(PersonReader(person, compiler).read, source_rows))


def identify_all(person: Person, source_rows: SourceRows) -> list[list[Identity]]:
    """Everybody whom each row names."""
    rows, compiler = rows_and_compiler(source_rows)
    return list(map(PersonReader(person, compiler).read_all, rows))


def assign(
    roster: Roster, unmatched: dict[str, str], *rows: tuple[str, str, str], **given: Any
) -> tuple[list[str], list[Finding | None]]:
    """What a person map makes of rows; their issues are open unless it is said otherwise."""
    person_map = PersonMap(
        "assignee_id", PERSON, Unmatched.model_validate(unmatched), roster, ShownPeople(People(), roster)
    )
    ids = given.get("ids", [""] * len(rows))
    statuses = given.get("statuses", ["todo"] * len(rows))
    settled = [person_map.resolve(*case) for case in zip(identify(PERSON, *rows), ids, statuses, strict=True)]
    return [user_id for user_id, _ in settled], [finding for _, finding in settled]


def test_who_is_left_to_be_matched() -> None:
    """Neither those of users.csv, nor where the source has a user id itself."""
    people = [ANN, Identity("Ben Ott", "5f2"), Identity("Ben Ott", "5f2"), Identity()]
    person_map = PersonMap("assignee_id", PERSON, Unmatched(), ROSTER, ShownPeople(People(), ROSTER))
    unmatched = list(map(person_map.find_unmatched, people, ["", "", "u-9", ""]))
    assert unmatched == [Identity(), people[1], Identity(), Identity()]


def test_who_is_left_without_users() -> None:
    """Everybody, but where the source has a user id itself."""
    person_map = PersonMap("assignee_id", PERSON, Unmatched(), Roster(), ShownPeople(People(), Roster()))
    assert list(map(person_map.find_unmatched, [ANN, ANN], ["", "u-9"])) == [ANN, Identity()]


@pytest.mark.parametrize(
    ("who", "user_id"),
    [
        (Identity("another name", "5f1", "other@x.example"), "u-ann"),
        (Identity("another name", "", " ANN@x.example "), "u-ann"),
        (Identity("another name", "5f9", "ann@x.example"), "u-ann"),
        (Identity("ann  MEYER"), "u-ann"),
        (Identity("Ann Meyer", "5f9"), ""),
        (Identity("Ann Meyer", "", "ann@private.example"), ""),
        (Identity("Ben Ott", "5f2"), ""),
        (Identity(), ""),
    ],
)
def test_account_then_mail_then_name(who: Identity, user_id: str) -> None:
    """The best that both sides have decides; a name of another account, or mail, is somebody else's."""
    assert ROSTER.find(who) == user_id


def test_a_name_or_mail_of_two_is_nobodys() -> None:
    """Unless both are the same user."""
    twins = [RosterLine(Identity("Jo Li", "1", "jo@x"), "u1"), RosterLine(Identity("Jo Li", "2", "jo@x"), "u2")]
    assert [Roster(tuple(twins)).find(who) for who in (Identity("Jo Li"), Identity(mail="jo@x"))] == ["", ""]
    one = Roster((twins[0], twins[1]._replace(user_id="u1")))
    assert [one.find(who) for who in (Identity("Jo Li"), Identity(mail="jo@x"))] == ["u1", "u1"]


def test_other_people_are_another_meaning() -> None:
    """Their order and line numbers are none, and no people are no change."""
    assert Roster().mark("abc") == "abc"
    other_order = Roster(tuple(line._replace(number=9) for line in reversed(ROSTER.lines)))
    assert other_order.mark("abc") == ROSTER.mark("abc") != "abc"
    assert Roster((ROSTER.lines[0]._replace(user_id="u2"), ROSTER.lines[1])).mark("abc") != ROSTER.mark("abc")


def test_identify() -> None:
    """Each part on one line; what the mapping doesn't name is empty."""
    rows = ((" Ann\n Meyer ", "5f1", ""), ("", "", ""), ("Unassigned", "5f2", ""))
    assert identify(PERSON, *rows) == [Identity("Ann Meyer", "5f1"), Identity(), Identity("", "5f2")]
    assert identify(Person.model_validate("Assignee"), *rows)[0] == Identity("Ann Meyer")


def test_everybody_whom_columns_name_that_repeat() -> None:
    """Name and account in pairs; where one of them is missing, only the first is certain."""
    person = Person.model_validate({"name": "Watchers", "account": "Watchers Id"})
    header, row = ("Watchers", "Watchers", "Watchers Id", "Watchers Id"), ("Ann", "Ben", "5f1", "5f2")
    source_rows = source_rows_of(header, [row, ("Cy", "", "5f3", "")])
    assert identify_all(person, source_rows) == [
        [Identity("Ann", "5f1"), Identity("Ben", "5f2")],
        [Identity("Cy", "5f3"), Identity()],
    ]
    assert identify_all(person, source_rows_of(header[:3], [row[:3]])) == [[Identity("Ann", "5f1")]]
    assert identify_all(person, source_rows_of(("Other",), [("x",)])) == [[]]
    alone = Person.model_validate({"name": "Watchers"})
    assert identify_all(alone, source_rows_of(header, [row])) == [[Identity("Ann"), Identity("Ben")]]


def test_lost_markup_is_told_of_each_row() -> None:
    """Also where the people whom the cells name are known by then."""
    mapping = mapping_of(owner={"name": {"column": "Owner", "format": "jira"}})
    source_rows = source_rows_of(["Owner"], [["Ann"], ["{color:red}Ben{color}"], ["{color:red}Ben{color}"]])
    reader, rows = PeopleReader(mapping, source_rows.layout, ShownPeople(People(), Roster())), source_rows.rows
    assert [reader.read(row).named[0].name for row in rows] == ["Ann", "Ben", "Ben"]
    assert [row.dropped for row in rows] == [None, {"colour": 1}, {"colour": 1}]


def test_assigned() -> None:
    """Who is in users.csv gets the user; ids that the source has itself stay, whoever it names."""
    rows = [("Ann Meyer", "", ""), ("Ann Meyer", "", ""), ("", "", "")]
    assert assign(ROSTER, {}, *rows, ids=["", "u-given", ""]) == (["u-ann", "u-given", ""], [None] * 3)
    assert assign(Roster(), {"open": "finding"}, rows[0], ids=["u-given"]) == (["u-given"], [None])


def test_nobody_is_put_there_and_it_is_said() -> None:
    """Only where there is a users.csv that could have said more."""
    ids, (finding, nothing) = assign(ROSTER, {}, ("Ben Ott", "5f2", ""), ("", "", ""))
    assert (ids, nothing) == (["", ""], None)
    assert finding is not None
    assert (finding.code, finding.value, finding.rejects) == ("person-unmatched", "Ben Ott (open)", False)
    assert assign(Roster(), {}, ("Ben Ott", "5f2", "")) == ([""], [None])


def test_unmatched_as_the_mapping_says() -> None:
    """Of open issues a finding, of closed ones somebody who stands in, which is said too."""
    unmatched = {"open": "finding", "closed": "u-archive"}
    statuses = ["todo", "done", "closed", None]
    ids, noted = assign(Roster(), unmatched, *[("", "", "ben@x.example")] * 4, statuses=statuses)
    findings = [finding for finding in noted if finding is not None]
    assert ids == ["", "u-archive", "u-archive", ""]
    assert [finding.rejects for finding in findings] == [True, False, False, True]
    assert findings[1].message == "users.csv has no user for ben@x.example: their closed issues get u-archive"
    assert findings[1].value != findings[0].value
    assert findings[0].hint.startswith("`triage-import users SOURCE` writes users.csv")
    _, (finding,) = assign(ROSTER, unmatched, ("", "", "ben@x.example"))
    assert finding is not None
    assert finding.hint == "give them a triage_user_id in the file of --users, then run the same command again"


def test_person_maps() -> None:
    """One for each person that the mapping names."""
    assert person_maps(mapping_of(), ROSTER) == {}
    maps = person_maps(mapping_of(owner="Owner", assignee={"mail": "Mail"}), ROSTER)
    assert [(field, made.field) for field, made in maps.items()] == [
        (name, name) for name in ("owner_id", "assignee_id")
    ]


def test_mentions_get_names() -> None:
    """Those of users.csv, then those of the source; unknown accounts stay as they are."""
    texts = ["nobody", "[~accountid:5f1] asks [~accountid:5f3] and [~accountid:5f4]", ""]
    find_name = {"5f1": "ann.meyer", "5f3": "Cy", "5f4": ""}.__getitem__
    assert [name_mentions(text, MENTION, ROSTER, find_name) for text in texts] == [
        "nobody",
        "@Ann Meyer asks @Cy and [~accountid:5f4]",
        "",
    ]


def test_an_optional_group_that_matches_nothing() -> None:
    """Names nobody."""
    assert name_mentions("[~]", r"\[~(\w+)?\]", ROSTER, find_no_name) == "[~]"


def test_a_mention_needs_a_group() -> None:
    """Else nothing says which part is the account."""
    with pytest.raises(ValueError, match="no group around the account"):
        People.model_validate({"mentions": "@acme"})


def test_one_person_has_one_number() -> None:
    """By account, else mail, else name; a name that two accounts have is a third person's."""
    same = [ANN, Identity("A. Meyer", "5f1"), Identity("", "", "Ann@x.example"), Identity("ann meyer")]
    numbers = number_people([*reversed(same), Identity("Jo", "1"), Identity("Jo", "2"), Identity("Jo")])
    assert len({numbers[who] for who in same}) == 1
    assert len(set(numbers.values())) == 4


IDENTITIES = st.builds(Identity, st.sampled_from(["", "Jo", "JO ", "Cy"]), st.sampled_from(["", "1", "2"]),
                       st.sampled_from(["", "j@x", "J@X", "c@x"]))  # fmt: skip


@given(st.lists(IDENTITIES, unique=True))
def test_numbers_keep_accounts_apart(identities: list[Identity]) -> None:
    """Everybody has one number, from 0 without gaps; equal accounts share it, different ones never do."""
    numbers = number_people(identities)
    assert set(numbers) == {who for who in identities if who.shown}
    assert set(numbers.values()) == set(range(len(set(numbers.values()))))
    accounts = {(who.account, number) for who, number in numbers.items() if who.account}
    assert len(accounts) == len({account for account, _ in accounts}) == len({number for _, number in accounts})


@given(st.lists(st.tuples(IDENTITIES, st.integers(1, 3))), IDENTITIES)
def test_who_is_found_is_one_of_them(people: list[tuple[Identity, int]], who: Identity) -> None:
    """By something that both have; nobody finds nobody."""
    found = Directory(people).find(who)
    if found is not None:
        assert any(
            found == value
            and (
                who.account == other.account != ""
                or who.mail.lower() == other.mail.lower() != ""
                or who.name.strip().lower() == other.name.strip().lower() != ""
            )
            for other, value in people
        )
