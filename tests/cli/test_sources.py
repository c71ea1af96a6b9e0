"""`triage-import sources`: which there are, and a cut-over after which none is imported any more."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.running import Program, issue_row, write_csv, write_issues


def test_the_list(program: Program, serve: Serve) -> None:
    """By target, with the number of issues and the last run, for people and for scripts."""
    assert program("sources").out == f"No source yet in the ledger {program.ledger}.\n"
    assert not program.state.exists()
    url = serve().url
    write_issues(Path("export.csv"), 3)
    command = ("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--rate", "0", "--json")
    program(*command)
    name = program(*command).summary["run_id"]
    (known,) = json.loads(program("sources", "list", "--json").out)
    assert (known["target"], known["name"], known["issues"], known["imports"]) == (url, "jira", 3, 2)
    assert (known["last_run"], known["retired_at"]) == (name, None)
    assert json.loads(program("sources", "--json").out) == [known]
    assert json.loads(program("sources", "--json", "list").out) == [known]
    for words in (("--ledger", "other.db"), ("--ledger", "other.db", "list"), ("list", "--ledger", "other.db")):
        assert program("sources", *words).out == "No source yet in the ledger other.db.\n"
    refused = program("sources", "--ledger", "other.db", "retire", "jira", "--api-url", url)
    assert refused.code == ExitCode.UNUSABLE
    assert "other.db" in refused.err
    shown = program("sources").out
    assert f"jira → {url}\n  3 issues; 2 runs, the last {name} of 20" in shown


def test_last_month_s_crontab(program: Program, serve: Serve) -> None:
    """After the source is retired its old command changes nothing, and says how to take that back."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    command = ["run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0", "--json"]
    command += ["--on-change", "update"]
    assert program(*command).outcomes() == {"created": 3}
    retired = program("sources", "retire", "jira", "--api-url", sandbox.url)
    assert (retired.code, retired.out) == (0, "")
    assert ", retired 20" in program("sources", "list").out
    write_csv(Path("export.csv"), [issue_row(number, title=f"Newer {number}") for number in (1, 2, 3, 4)])
    before = sandbox.requests().total()
    for more in ((), ("--dry-run",)):
        refused = program(*command, *more)
        assert refused.code == ExitCode.UNUSABLE
        assert "Error: The source 'jira' was retired on 20" in refused.err
    assert sandbox.requests().total() == before
    words = shlex.split(refused.err.partition("If this import is meant: ")[2])
    assert words[:3] == ["triage-import", "sources", "resume"]
    assert program(*words[1:]).code == ExitCode.DONE
    assert program(*command, "--max-rejected", "100%").outcomes() == {"created": 1, "updated": 3}


def test_retiring_what_is_not_there(program: Program, serve: Serve) -> None:
    """Another target's source is another one: the slip is said, with what there is."""
    write_issues(Path("export.csv"), 1)
    program("run", "export.csv", "-m", "jira", "--sandbox")
    ended = program("sources", "retire", "jira")
    assert ended.code == ExitCode.UNUSABLE
    assert "knows no source 'jira' in https://api.bland.ai." in ended.err
    assert f"Known sources: jira in sandbox:{program.sandbox_file}. Choose the target with --sandbox or" in ended.err
    assert program("sources", "retire", "jira", "--sandbox").code == ExitCode.DONE
    assert program("run", "export.csv", "-m", "jira", "--sandbox").code == ExitCode.UNUSABLE
    assert "can be imported again" in program("sources", "resume", "jira", "--sandbox").err
    assert "was not retired" in program("sources", "resume", "jira", "--sandbox").err
