"""The organisation's members: proposals, and user ids that are none of theirs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from importer.authoring.users import Someone, propose_users
from importer.check.job import Job
from importer.errors import KeyRefused, UsageError
from importer.load.preflight import check_members, given_users
from importer.mapping.identities import Identity, Line, Roster
from importer.triage.answers import Member
from importer.triage.breaker import Breaker
from importer.triage.limiter import Limiter
from importer.triage.members import read_members
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey, Target
from tests.authoring.test_users import MAPPING, ROWS, job_of
from tests.conftest import Serve
from tests.harness.running import Answer, serve_answers

MEMBERS = (Member("u-1", "Ann Meyer", "Ann@x.example"), Member("u-2", "Jo Li", "jo@x"), Member("u-3", "Jo Li", "li@x"))
KIM = "5a9d0000-0000-4000-8000-000000000002"


def target_at(url: str) -> Target:
    """A target on this machine."""
    return Target(url, url, ApiKey("canary"))


def check(job: Job, url: str, organisation: str = "") -> list[str]:
    """Check the ids that a job gives."""
    calls = PacedCalls(Limiter(), Breaker())
    return asyncio.run(check_members(target_at(url), calls, organisation, job))


def lines(*ids: str) -> Roster:
    """A users.csv with these ids."""
    return Roster(tuple(Line(Identity(f"Name {id_}"), id_, row) for row, id_ in enumerate(ids, 2)), "users.csv")


def test_proposals() -> None:
    """The same mail is sure and may be filled in, the same name is not, and one of two members is none."""
    mail, name = Someone(Identity("A. Meyer", mail="ann@X.example")), Someone(Identity("ann  meyer", "5f1"))
    two, stranger = Someone(Identity("Jo Li")), Someone(Identity("Cy", mail="cy@x"))
    proposed = propose_users([mail, name, two, stranger], MEMBERS, fill=False)
    assert [someone.proposal for someone in proposed] == ["u-1 (same mail)", "u-1 (same name)", "", ""]
    assert [someone.user_id for someone in proposed] == [""] * 4
    filled = propose_users([mail, name, two, stranger], MEMBERS, fill=True)
    assert [someone.user_id for someone in filled] == ["u-1", "", "", ""]


def test_members_of_a_real_sandbox(serve: Serve) -> None:
    """Of all organisations of the key's user, where nobody says which."""
    sandbox = serve()
    found = asyncio.run(read_members(target_at(sandbox.url), PacedCalls(Limiter(), Breaker())))
    assert Member(KIM, "Kim Shore", "kim.shore@example.com") in found


def test_ids_that_are_members(serve: Serve, tmp_path: Path) -> None:
    """Nothing to say; without ids nothing is asked."""
    with job_of(tmp_path, ROWS, people=lines(KIM, "")) as job:
        assert check(job, serve().url) == []
    with job_of(tmp_path, ROWS, people=lines("")) as job:
        assert check(job, "http://127.0.0.1:9") == []


def test_ids_that_are_no_members(serve: Serve, tmp_path: Path) -> None:
    """All at once, with the lines of users.csv and of the mapping; `nobody` and `finding` are no ids."""
    mapping = MAPPING.replace("people:", "people:\n  unmatched: {open: finding, closed: u-archive}")
    mapping += "owner_id: {value: u-boss}\n"
    with job_of(tmp_path, ROWS, mapping, people=lines("u-1", KIM, "u-1", "u-2")) as job:
        assert list(given_users(job)) == ["u-1", KIM, "u-2", "u-boss", "u-archive"]
        with pytest.raises(UsageError, match="nothing was sent") as caught:
            check(job, serve().url)
    found = [(Path(problem.file).name, problem.line, problem.key) for problem in caught.value.problems]
    assert found[:2] == [("users.csv", 2, "triage_user_id"), ("users.csv", 5, "triage_user_id")]
    assert [(file, key) for file, _, key in found[2:]] == [
        ("m.yaml", "owner_id"),
        ("m.yaml", "people.unmatched.closed"),
    ]
    assert all(line > 1 for _, line, _ in found)


def refuse(status: int) -> Answer:
    """A target that says who it is, and refuses its members."""
    document: Any = {"data": None, "errors": [{"error": "no", "message": "not for this key"}]}
    return lambda method, path, headers: (status, document)


@pytest.mark.parametrize("status", [403, 404])
def test_members_that_the_key_may_not_see(tmp_path: Path, status: int) -> None:
    """A warning: nobody can say whose ids they are."""
    with serve_answers(refuse(status)) as url, job_of(tmp_path, ROWS, people=lines("u-1")) as job:
        (warning,) = check(job, url, "org-1")
    assert "can't be read" in warning
    assert "not for this key" in warning


def test_a_key_that_is_refused(tmp_path: Path) -> None:
    """Ends the run: everything else would be refused too."""
    with (
        serve_answers(refuse(401)) as url,
        job_of(tmp_path, ROWS, people=lines("u-1")) as job,
        pytest.raises(KeyRefused),
    ):
        check(job, url)
