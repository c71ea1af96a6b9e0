"""The organisation's members: who of a source is one of them, and whether the user ids that were given are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from importer.check.rows import Job
from importer.errors import Problem, UsageError
from importer.mapping.users_table import USER, Someone
from importer.transform.people import FINDING, NOBODY, Directory, Identity
from importer.triage.actions import CallFailed
from importer.triage.answers import Member
from importer.triage.client import TriageClient
from importer.triage.organisation import Target, stop_of
from importer.triage.paced import PacedCalls

UNREADABLE = (403, 404)
"""What a key is told that may not see the members: then nobody can say who is one."""


async def read_members(target: Target, calls: PacedCalls, organisation: str = "") -> tuple[Member, ...]:
    """Read the members of an organisation; of all that the key's user belongs to where it isn't known.

    Source: get/org_list_self_memberships, get/org_members.

    Raises:
        CallFailed: the target doesn't give them.
        TargetUnreachable: it is plainly down.
    """
    async with TriageClient(target.url, target.api_key) as client:
        org_ids = (organisation,) if organisation else await calls.call(client.list_org_ids)
        members = [await calls.call(partial(client.list_members, org_id)) for org_id in org_ids]
    return tuple(member for organisation_members in members for member in organisation_members)


def propose_users(people: Iterable[Someone], members: Sequence[Member], *, fill: bool) -> list[Someone]:
    """Say of each person which member has the same mail, else the same name, if only one has.

    With `fill`, the same mail is an answer.
    """
    by_mail = Directory((Identity(mail=member.mail), member.user_id) for member in members)
    by_name = Directory((Identity(name=member.name), member.user_id) for member in members)
    return [_propose(someone, by_mail, by_name, fill) for someone in people]


def _propose(someone: Someone, by_mail: Directory[str], by_name: Directory[str], fill: bool) -> Someone:
    sure = by_mail.find(Identity(mail=someone.who.mail))
    if sure is not None:
        return replace(someone, proposal=f"{sure} (same mail)", user_id=sure if fill else "")
    likely = by_name.find(Identity(name=someone.who.name))
    return someone if likely is None else replace(someone, proposal=f"{likely} (same name)")


def given_users(job: Job) -> dict[str, Problem]:
    """Each user id that users.csv or the mapping itself gives, with what is to be said where it is none.

    Ids in the source's own cells are not among them: only reading it tells.
    """
    given: dict[str, Problem] = {}
    for line in job.people.lines:
        if line.user_id:
            _note(given, line.user_id, job.people.file, line.number, USER)
    model = job.mapping.model
    unmatched = model.people.unmatched
    constants: dict[tuple[str, ...], str | None] = {
        ("owner_id",): model.owner_id.value if model.owner_id else None,
        ("assignee_id",): model.assignee_id.value if model.assignee_id else None,
        ("people", "unmatched", "open"): unmatched.open,
        ("people", "unmatched", "closed"): unmatched.closed,
    }
    for path, user_id in constants.items():
        if user_id and user_id not in (NOBODY, FINDING):
            place = job.mapping.place(*path)
            _note(given, user_id, place.file, place.line, ".".join(path))
    return given


def _note(given: dict[str, Problem], user_id: str, file: str, line: int, key: str) -> None:
    given.setdefault(user_id, Problem(f"{user_id!r} is no member of the organisation", file, line, key))


async def check_members(target: Target, calls: PacedCalls, organisation: str, job: Job) -> list[str]:
    """Make sure that all user ids given are members; a warning where the key may not see who is. Empty: all is well.

    Raises:
        UsageError: some are not; all of them at once.
        RunStopped: the target can't be used.
    """
    given = given_users(job)
    if not given:
        return []
    try:
        members = await read_members(target, calls, organisation)
    except CallFailed as error:
        if error.status in UNREADABLE:
            return [f"the organisation's members can't be read ({error.message}): user ids are sent unchecked"]
        raise stop_of(error) from error
    known = {member.user_id for member in members}
    strangers = [problem for user_id, problem in given.items() if user_id not in known]
    if strangers:
        raise UsageError(
            "Some user ids are not those of members; nothing was sent.",
            problems=strangers,
            hint="`triage-import users SOURCE --members` puts the members' ids beside the people.",
        )
    return []
