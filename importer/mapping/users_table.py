"""Reads users.csv, which has a line for each person of the source and says which Triage user that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from importer.errors import Problem, UsageError
from importer.mapping.edited_tables import EditedTable, read_table
from importer.mapping.identities import Identity, Roster, RosterLine

COUNTED = ("open_issues", "closed_issues", "comments")
USER = "triage_user_id"
PSEUDONYM = "pseudonym"
"""A column that is there if the mapping shows people by it."""
IDENTIFYING = ("name", "account", "mail")
COLUMNS = (*IDENTIFYING, *COUNTED, "proposal", USER)
_ROUNDED = re.compile(r"\d([.,]\d+)?[Ee]\+\d+")  # what spreadsheets make of a long number
_HINT = "`triage-import users SOURCE` writes this table; fill in `triage_user_id`, and don't change the header."


def identities(table: EditedTable) -> Iterator[Identity]:
    """The person of each row."""
    return (Identity(*(cells.get(name, "") for name in IDENTIFYING)) for _, cells in table.rows)


def read_users(path: Path) -> Roster:
    """Read a filled-in users.csv.

    Raises:
        UsageError: it can't be read, or some lines are wrong; all of them at once.
    """
    return make_roster(read_sheet(path), path)


def make_roster(table: EditedTable, path: Path) -> Roster:
    """Make a roster of a table that was read. Raises UsageError with every line that is wrong."""
    lines = [
        RosterLine(who, cells.get(USER, ""), number, cells.get(PSEUDONYM, ""))
        for who, (number, cells) in zip(identities(table), table.rows, strict=True)
    ]
    problems = list(_problems(lines, str(path)))
    if problems:
        raise _unusable(path, problems)
    return Roster(tuple(lines), str(path))


def _problems(lines: Iterable[RosterLine], file: str) -> Iterator[Problem]:
    first: dict[str | Identity, RosterLine] = {}
    for line in lines:
        if not line.user_id:
            continue
        if any(map(str.isspace, line.user_id)):
            message = f"{line.user_id!r} is not a user id: it contains a space"
            yield Problem(message, file, line.number, USER, "write only the id, without a name")
        elif _ROUNDED.fullmatch(line.who.account):
            hint = "write the table again, and import this column as text in the spreadsheet"
            yield Problem(
                f"{line.who.account!r} is a number that a spreadsheet has rounded", file, line.number, "account", hint
            )
        elif not line.who.shown:
            yield Problem(
                "has a user id, but doesn't say whose",
                file,
                line.number,
                "name",
                "fill in a name, an account or a mail",
            )
        else:
            other = first.setdefault(line.who.account or line.who, line)
            if other.user_id != line.user_id:
                message = f"{line.who.shown} is {line.user_id!r} here and {other.user_id!r} on line {other.number}"
                yield Problem(message, file, line.number, USER, "keep one of the two lines")


def read_sheet(path: Path) -> EditedTable:
    """Read a table as it is stored.

    Raises:
        UsageError: it can't be read, or its header is none of ours.
    """
    table = read_table(path, (USER,), (*IDENTIFYING, PSEUDONYM))
    problems = table.problems
    if not problems and set(IDENTIFYING).isdisjoint(table.header):
        problems = (Problem(f"the header needs one of {', '.join(IDENTIFYING)}", str(path), 1),)
    if problems:
        raise _unusable(path, problems)
    return table


def _unusable(path: Path, problems: Sequence[Problem]) -> UsageError:
    return UsageError(f"{path} can't be used as a users table.", hint=_HINT, problems=problems)
