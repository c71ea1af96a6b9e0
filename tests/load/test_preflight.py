"""Sources that are not ready, what a run says of its input, and user ids that are none of the organisation's."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from importer.check.job import Job
from importer.errors import KeyRefused, LimitPassed, SourceNotReady, UsageError
from importer.library.inputs import open_job
from importer.load.preflight import check_members, check_quiet, check_rows, describe_input, given_users
from importer.mapping.identities import Identity, Roster, RosterLine
from importer.triage.breaker import Breaker
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey, Target
from tests.conftest import Serve
from tests.harness.people import MAPPING, ROWS, job_of
from tests.harness.running import Answer, issue_row, serve_answers, write_csv


def job(path: Path, mapping: Path, **more: Any) -> Any:
    given = {"source_name": None, "encoding": None, "delimiter": None, "format": None, **more}
    return open_job((str(path),), mapping=str(mapping), **given)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "export.csv", map(issue_row, (1, 2)))


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Give a mapping whose source is a snapshot."""
    path = tmp_path / "snapshot.yaml"
    path.write_text("extends: jira\ninput: {kind: snapshot}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("age_seconds", "ready"), [(0, False), (59, False), (61, True), (-30, False), (-3600, True)])
def test_a_snapshot_that_was_just_written(source: Path, snapshot: Path, age_seconds: float, ready: bool) -> None:
    """Within a minute it may still grow; a time well ahead is that of another clock, and says nothing."""
    now = time.time()
    os.utime(source, (now, now - age_seconds))
    with job(source, snapshot) as opened:
        if ready:
            check_quiet(opened, now)
        else:
            with pytest.raises(SourceNotReady, match="a snapshot must be complete"):
                check_quiet(opened, now)


def test_a_delta_is_not_judged_by_its_age(source: Path) -> None:
    """It never was complete."""
    with job(source, Path("jira")) as opened:
        check_quiet(opened, time.time())


def test_too_few_rows() -> None:
    """As many as were asked for are enough."""
    check_rows(3, 3)
    with pytest.raises(LimitPassed, match="2 rows, but --min-rows requires 3"):
        check_rows(2, 3)


@pytest.mark.parametrize(("more", "whole"), [({}, True), ({"limit": 1}, False), ({"only": "PROJ-1"}, False)])
def test_what_a_run_says_of_its_input(source: Path, snapshot: Path, more: dict[str, Any], whole: bool) -> None:
    """Whether it was over the whole of a snapshot."""
    with job(source, snapshot, **more) as opened:
        assert describe_input(opened) == {"whole": whole, "snapshot": True, "mapping": "snapshot.yaml"}


def test_an_errors_file_is_no_whole_input(tmp_path: Path, snapshot: Path) -> None:
    """It holds the rows that were mended, and no others: nothing has vanished."""
    header = ("Issue key", "Summary", "import_row", "import_code", "import_field", "import_message", "import_hint")
    mended = write_csv(tmp_path / "errors.csv", [("PROJ-1", "Title", "a.csv:1", "", "", "", "")], header)
    with job(mended, snapshot) as opened:
        assert describe_input(opened)["whole"] is False


KIM = "5a9d0000-0000-4000-8000-000000000002"


def target_at(url: str) -> Target:
    return Target(url, url, ApiKey("org_canary"))


def check(job: Job, url: str, organisation: str = "") -> list[str]:
    calls = PacedCalls(Limiter(), Breaker())
    return asyncio.run(check_members(target_at(url), calls, organisation, job))


def lines(*ids: str) -> Roster:
    return Roster(tuple(RosterLine(Identity(f"Name {id_}"), id_, row) for row, id_ in enumerate(ids, 2)), "users.csv")


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
