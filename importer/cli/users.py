"""`triage-import users`: writes users.csv, the people of a source, to be filled in with their Triage user ids."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from importer import __version__
from importer.cli.answers import answers_with_summary
from importer.cli.console import Console
from importer.cli.options import Command, Json, sources_argument, takes
from importer.errors import ExitCode
from importer.library.declared import option
from importer.library.options import KeyFile, NewFile, Place, Reading
from importer.library.targets import choose_rate, open_target
from importer.phrases import counted

if TYPE_CHECKING:
    from importer.authoring.users import CountedPeople
    from importer.triage.answers import Member


@dataclass(frozen=True, slots=True)
class UsersSummary:
    """The figures of a users table: lines, lines with a user id, open issues, and those with an owner or assignee."""

    exit_code: int
    people: int
    filled: int
    open_issues: int
    open_with_somebody: int
    out: str
    version: str = __version__

    def as_text(self) -> str:
        """The summary as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"


# fmt: off
class UsersOptions(Reading, Place, KeyFile, Json):
    """The options of `users`."""

    output: NewFile = option("-o", "--output", default=Path("users.csv"), show_default=True, metavar="FILE",
        help="The table; an existing one is updated and keeps what people have entered.")
    members: bool = option("--members", default=False,
        help="Ask Triage for the organisation's members and propose matches.")
    fill: bool = option("--fill", default=False,
        help="Like --members, and fill in those with the same mail address.")
# fmt: on

    makes_users: ClassVar = True


@click.command(cls=Command)
@sources_argument
@takes(UsersOptions)
@answers_with_summary
def users(options: UsersOptions, sources: tuple[str, ...]) -> UsersSummary:
    """List a source's people, to match them with Triage's users.

    Fill in their Triage user ids and give the table to `run` as --users users.csv. Without --members and --fill no
    connection is opened.
    """
    from importer.authoring.users import UsersFile, count_people, propose_users
    from importer.cli.options import calling
    from importer.library.inputs import open_job, reading_of
    from importer.mapping.edited_tables import USER

    output = options.output
    asks = options.members or options.fill
    table = UsersFile(output)
    with Console() as console, open_job(sources, calling(console), **reading_of(options)) as job:
        organisation_members = _read_members(options, console) if asks else ()
        if asks:
            list_members(organisation_members, console)
        counted = count_people(job, console)
        proposed = propose_users(counted.people, organisation_members, fill=options.fill)
        has_pseudonyms = job.mapping.model.people.show == "pseudonym"
        lines = table.update(proposed, pseudonyms=has_pseudonyms)
        summary = _summarise(counted, lines, output)
        _show(console, summary)
        fill_in = ""
        if summary.filled != summary.people:
            where = "" if asks else " (--members lists the ids)"
            fill_in = f"fill in `{USER}` in {output}{where}, then: "
        command = job.typed.repeat("validate", "--users", str(output))
        console.say(f"Next: {fill_in}{command}")
    return summary


def _read_members(options: UsersOptions, console: Console) -> Sequence[Member]:
    from importer.triage.actions import CallFailed, stop_of
    from importer.triage.event_loop import run_loop
    from importer.triage.organisation_lists import fetch_members
    from importer.triage.paced import PacedCalls

    with open_target(options.sandbox, options.api_url, options.api_key_file) as target:
        calls = PacedCalls.at(choose_rate(None, target.name), console.say)
        try:
            return run_loop(fetch_members(target, calls))
        except CallFailed as error:
            raise stop_of(error) from error


def list_members(members: Sequence[Member], console: Console) -> None:
    """List the members of the organisation with their ids, since nothing else tells these."""
    from importer.mapping.edited_tables import USER

    console.say(f"Members of the organisation, each with its {USER}: {len(members):,}")
    for member in sorted(members, key=lambda member: (member.name.casefold(), member.mail, member.user_id)):
        names = " · ".join(filter(None, (member.name, member.mail)))
        console.say(f"  {member.user_id}  {names}".rstrip())


def _summarise(counted: CountedPeople, lines: Sequence[Mapping[str, str]], output: Path) -> UsersSummary:
    from importer.mapping.edited_tables import USER

    filled = sum(bool(line.get(USER)) for line in lines)
    return UsersSummary(ExitCode.DONE, len(lines), filled, counted.open_issues, counted.open_with_somebody, str(output))


def _show(console: Console, summary: UsersSummary) -> None:
    from importer.mapping.edited_tables import USER

    people = counted(summary.people, "person", "people")
    console.say(f"{summary.out}: {people}, {summary.filled:,} with a {USER}.")
    somebody = summary.open_with_somebody
    issues = counted(summary.open_issues, "open issue")
    have = "has" if somebody == 1 else "have"
    console.say(f"{somebody:,} of {issues} {have} an owner or assignee.")
