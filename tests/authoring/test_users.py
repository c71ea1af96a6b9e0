"""The people of a source, counted, and proposals of who they are."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from importer.authoring.users import CountedPeople, Someone, count_people, propose_users
from importer.check.examine import examine
from importer.check.job import Job
from importer.check.look_up import KNOWN_LIMIT, look_up
from importer.cli.console import Console
from importer.errors import UsageError
from importer.mapping.identities import Identity
from importer.mapping.reader import load_mapping
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from importer.triage.answers import Member
from tests.end_to_end.exports import EXPORTS
from tests.harness.people import MAPPING, ROWS, job_of

KNOWN = ("Assignee Id", "Creator Id", "Watchers Id")


def learn_names(job: Job, *accounts: str) -> list[str]:
    """What a look-up reading finds of the names of accounts."""
    with look_up(job) as found:
        return list(map(found.find_name, accounts))


def count(folder: Path, *rows: Sequence[str], mapping: str = MAPPING) -> CountedPeople:
    with job_of(folder, rows, mapping) as job:
        return count_people(job, Console())


def test_names_of_accounts(tmp_path: Path) -> None:
    """The most frequent of an account, then the first; of all rows and columns that name one beside it."""
    rows = [
        ("1", "Open", "", "A. Meyer", "5f1", "", ""),
        ("2", "Open", "", "Ann Meyer", "5f1", "Ben", "5f2"),
        ("3", "Gone", "", "", "5f3", "Ann Meyer", "5f1"),
        ("4", "Open", "", "Benjamin", "5f2", "", ""),
    ]
    with job_of(tmp_path, rows, limit=1) as job:
        assert learn_names(job, "5f1", "5f2", "5f3", "") == ["Ann Meyer", "Benjamin", "", ""]


def test_names_are_learned_only_for_mentions(tmp_path: Path) -> None:
    """The source is not read where no text would have one."""
    with job_of(tmp_path, ROWS, MAPPING.replace("mentions", "unmatched: {}\n  #")) as job:
        job.source.close()
        assert learn_names(job, "5f1") == [""]


def test_names_are_learned_for_authors(tmp_path: Path) -> None:
    """Where there are comments, their authors may be accounts: they get the names that the source has for these."""
    mapping = (
        MAPPING.replace("mentions", "unmatched: {}\n  #")
        + "comments: {from: [{column: Owner, parse: '(?P<author>.*);(?P<text>.*)'}]}\n"
    )
    rows = [("1", "Open", "5f1;Hello", "Ann Meyer", "5f1", "", ""), ("2", "Open", "5f9;Hello", "", "", "", "")]
    with job_of(tmp_path, rows, mapping) as job, look_up(job) as found:
        (run,) = examine(found)
    assert [row.issue.parts.comments[0].author for row in run.rows] == ["Ann Meyer", "5f9"]


def test_what_is_learned_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Beyond a limit no other people are learned; those who are known go on being counted."""
    rows = [(str(row), "Open", "", "", "", f"Name {row}", f"a{row}") for row in range(KNOWN_LIMIT + 2)]
    with job_of(tmp_path, [*rows, *[("x", "Open", "", "", "", "Zero", "a0")] * 2]) as job:
        names = learn_names(job, *(f"a{row}" for row in range(KNOWN_LIMIT + 2)))
    assert names == ["Name 0", *(f"Name {row}" for row in range(1, KNOWN_LIMIT)), "", ""]


def test_whose_issues_are_open(tmp_path: Path) -> None:
    """Done is closed, all else is open, rejected rows too; skipped rows count nothing, nor does being known."""
    counted = count(
        tmp_path,
        ("1", "Open", "", "Ann Meyer", "5f1", "Cy", "5f3"),
        ("2", "Done", "", "Ann Meyer", "5f1", "", ""),
        ("3", "What?", "Ben", "", "", "", ""),
        ("4", "Gone", "Ben", "", "", "", ""),
        ("5", "Open", "", "", "", "Cy", "5f3"),
    )
    assert counted.people == (Someone(Identity("Ann Meyer", "5f1"), 1, 1), Someone(Identity("Ben"), 1))
    assert (counted.open_issues, counted.open_with_somebody) == (3, 2)


def test_one_person_in_several_forms(tmp_path: Path) -> None:
    """The owner's name is that of the assignee's account, and such an issue is theirs once."""
    counted = count(
        tmp_path,
        ("1", "Open", "Ann Meyer", "Ann Meyer", "5f1", "", ""),
        ("2", "Open", "ann meyer", "", "", "", ""),
        ("3", "Open", "", "", "5f2", "Ben Ott", "5f2"),
    )
    assert counted.people == (Someone(Identity("Ann Meyer", "5f1"), 2), Someone(Identity("Ben Ott", "5f2"), 1))


def test_authors_of_comments(tmp_path: Path) -> None:
    """Each of their words is an account if a column has it as one, else a mail, else a name."""
    comments = r"""
comments: {from: [{column: State, parse: '^(?P<author>[^:]+): (?P<text>.+)$'}]}
"""
    counted = count(
        tmp_path,
        ("1", "5f1: a", "", "Ann Meyer", "5f1", "", ""),
        ("2", "ann meyer: b", "", "", "", "", ""),
        ("3", "cy@x.example: c", "", "", "", "", ""),
        mapping=MAPPING + comments,
    )
    assert counted.people == (
        Someone(Identity("Ann Meyer", "5f1"), 1, comments=2),
        Someone(Identity(mail="cy@x.example"), comments=1),
    )


def test_rows_that_are_one_issue(tmp_path: Path) -> None:
    """Count once, for the first whom they name, and are open if one of them is."""
    counted = count(
        tmp_path,
        ("1", "Done", "", "", "", "", ""),
        ("1", "Open", "", "Ann Meyer", "5f1", "", ""),
        ("1", "Done", "", "Ben Ott", "5f2", "", ""),
        mapping=MAPPING + "group: [Key]\n",
    )
    assert counted.people == (Someone(Identity("Ann Meyer", "5f1"), 1),)
    assert (counted.open_issues, counted.open_with_somebody) == (1, 1)


JIRA = r"""
input: {name: jira, key: Issue key}
title: Summary
severity: {value: low}
status: {column: Status Category, values: {To Do: todo, In Progress: in_progress, Done: done}}
category: {value: Bug}
assignee: {name: Assignee, account: Assignee Id}
people:
  mentions: '\[~accountid:([^\]]+)\]'
  known: [{name: Watchers, account: Watchers Id}, {name: Creator, account: Creator Id}]
"""


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="The collection of real exports is not beside this clone.")
@pytest.mark.parametrize("name", ["Maarten-DLVW__RAC22-SWDVT-1D_werkplaats-2-mvc-nohtyp__Jira.csv",
                                  "ericmedlock__planeso-jira-migration__Jira.csv"])  # fmt: skip
def test_people_of_real_exports(tmp_path: Path, name: str) -> None:
    """As many open and closed issues of each account as a plain loop counts, and a name for each account."""
    path = EXPORTS / "jira" / name
    (tmp_path / "m.yaml").write_text(JIRA, encoding="utf-8")
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    account, category = header.index("Assignee Id"), header.index("Status Category")
    expected = Counter((row[account], row[category] == "Done") for row in rows if row[account])
    ids = {row[place] for row in rows for place, head in enumerate(header) if head in KNOWN and row[place]}
    with open_source([str(path)], SourceOptions()) as source:
        job = Job(source, load_mapping(str(tmp_path / "m.yaml")), "jira", name_given=True)
        counted, names = count_people(job, Console()), learn_names(job, *ids)
    found = {(someone.who.account, False): someone.open_issues for someone in counted.people}
    found |= {(someone.who.account, True): someone.closed_issues for someone in counted.people}
    assert {key: issues for key, issues in found.items() if issues} == expected
    assert all(names)


def test_a_mapping_that_names_nobody(tmp_path: Path) -> None:
    """Is told which keys do."""
    nobody = "\n".join(line for line in MAPPING.splitlines() if not line.startswith(("owner", "assignee")))
    with pytest.raises(UsageError, match="names no people"):
        count(tmp_path, *ROWS, mapping=nobody)


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
