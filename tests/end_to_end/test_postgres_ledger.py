"""Whole imports with a ledger in PostgreSQL."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import turnstile
from tests.harness.postgres import GUARDED_PASSWORD, PostgresServer, postgres, schema_of
from tests.harness.running import Program, finish, read_csv, write_csv, write_issues

__all__ = ["postgres"]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """Give the URL of a ledger that doesn't exist yet."""
    return postgres.make_ledger()


def import_to(target: str, url: str, *more: str) -> tuple[str, ...]:
    """The command line of an import with this ledger."""
    sending = ("--api-url", target, "--yes", "--json", "--settle-seconds", "1")
    return ("run", "export.csv", "-m", "jira", "--ledger", url, *sending, *more)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_the_server_is_restarted(postgres: PostgresServer, url: str, program: Program, serve: Serve, mode: str) -> None:
    """In the middle of a run: it stops at once, and the same command continues, each key once."""
    if not postgres.is_private:
        pytest.skip("Somebody else's server is not restarted.")
    sandbox = serve()
    write_issues(Path("export.csv"), 60)
    with turnstile(sandbox.url, 10) as door:
        process = program.start(*import_to(door.url, url, "--rate", "0"))
        door.hold(process)
        postgres.restart(mode)
        door.let()
        first = finish(process)
        issues = len(sandbox.issues())
        second = program(*import_to(door.url, url, "--rate", "0"))
    assert first.code == ExitCode.STOPPED, first.err
    assert "The connection to the ledger postgresql://" in first.err
    assert "the connection is closed" not in first.err, "the first cause is said"
    assert "Traceback" not in first.err
    assert issues < 60
    assert (second.code, second.outcomes()) == (0, {"created": 60}), second.err
    assert Counter(issue["title"] for issue in sandbox.issues()) == {f"Title {number}": 1 for number in range(1, 61)}


def test_an_import_shows_the_password_nowhere(
    postgres: PostgresServer, url: str, program: Program, serve: Serve
) -> None:
    """Not on the screen, in no report, not in the ledger itself."""
    if not postgres.is_private:
        pytest.skip("The role `guarded` is in a private server alone.")
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    postgres.execute(f"GRANT ALL ON SCHEMA {schema_of(url)} TO guarded")
    url = url.replace("postgres@", f"guarded:{quote(GUARDED_PASSWORD, safe='')}@")
    ended = program(*import_to(sandbox.url, url, "--rate", "0"))
    assert ended.outcomes() == {"created": 3}, ended.err
    assert "ledger postgresql://guarded@" in ended.err
    files = [file.read_bytes() for file in program.folder.rglob("*") if file.is_file()]
    tables = postgres.execute(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema_of(url)}'")
    kept = [postgres.execute(f"SELECT * FROM {schema_of(url)}.{table}") for (table,) in tables]
    assert len(files) > 1
    assert len(kept) > 5
    shown = f"{ended.out}{ended.err}{files}{kept}"
    assert GUARDED_PASSWORD not in shown
    assert quote(GUARDED_PASSWORD, safe="") not in shown


def test_a_proposed_command_finds_the_ledger(
    postgres: PostgresServer, url: str, program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the ledger as it was given, the schema too, but without the password."""
    if not postgres.is_private:
        pytest.skip("The role `guarded` is in a private server alone.")
    postgres.execute(f"GRANT ALL ON SCHEMA {schema_of(url)} TO guarded")
    secret = url.replace("postgres@", f"guarded:{quote(GUARDED_PASSWORD, safe='')}@")
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    program(*import_to(sandbox.url, secret, "--rate", "0"))
    write_issues(Path("export.csv"), 2)
    program(*import_to(sandbox.url, secret, "--rate", "0"))
    (newest, *_) = program.runs("--ledger", secret)
    proposals = [
        newest["can_be"]["reported"],
        *re.findall("triage-import verify .*", program("verify", "last", "--ledger", secret).err),
        program("--ledger", secret, "runs").err,
        program(f"--ledger={secret}", "runs").err,
    ]
    assert not [text for text in proposals if quote(GUARDED_PASSWORD, safe="") in text or GUARDED_PASSWORD in text]
    assert "is checked with the server's own pg_amcheck" in program("runs", "check", "--ledger", secret).err
    monkeypatch.setenv("PGPASSWORD", GUARDED_PASSWORD)
    for proposal in proposals[:2]:
        ended = program(*shlex.split(proposal)[1:])
        assert ended.code == 0, f"{proposal}\n{ended.err}"


MAPPING = """
input: {name: long, key: Issue key}
title: Summary
severity: {value: high}
status: {value: todo}
category: {value: Bug}
resource_links: [{column: Call, type: call}]
relations: [{column: Blocks, type: blocks}]
"""


def test_the_longest_keys(url: str, program: Program, serve: Serve) -> None:
    """The server's indices hold them, with another key or an id beside them; a longer one is rejected."""
    sandbox = serve()
    Path("mine.yaml").write_text(MAPPING, encoding="utf-8")
    longest, other, longer = (Random(length).randbytes(length).hex()[:length] for length in (995, 994, 996))
    call = "".join(chr(0x4E00 + Random("call").randrange(20_000)) for _ in range(300))
    rows = [(longest, "One", call, other), (other, "Two", call, longest), (longer, "Three", call, longest)]
    write_csv(Path("export.csv"), rows, ("Issue key", "Summary", "Call", "Blocks"))
    importing = ("run", "export.csv", "-m", "mine.yaml", "--ledger", url, "--api-url", sandbox.url, "--rate", "0")
    ended = program(*importing, "--yes", "--max-rejected", "1", "--json")
    assert (ended.code, ended.outcomes()) == (1, {"created": 2, "rejected": 1}), ended.err
    assert ended.summary["findings"]["key-too-long"] == 1
    assert ended.summary["additions"] == {"relation": 2}


ODD = """
input: {name: odd, key: key}
title: title
severity: {value: high}
status: {value: todo}
category: {value: Bug}
comments: {from: [{column: comment}]}
footer: {Other: other}
"""
ODD_NAMES = ("key", "title", "comment", "other")


def test_two_at_once(postgres: PostgresServer, url: str, program: Program, serve: Serve) -> None:
    """The second one is told who holds the ledger; a killed holder holds nothing."""
    sandbox = serve()
    write_issues(Path("export.csv"), 40)
    with turnstile(sandbox.url, 3) as door:
        process = program.start(*import_to(door.url, url, "--rate", "0"))
        door.hold(process)
        second = program(*import_to(sandbox.url, url))
        assert second.code == ExitCode.LEDGER_IN_USE, second.err
        assert f"is in use by process {process.pid} on " in second.err
        door.kill(process)
        third = program(*import_to(door.url, url, "--rate", "0"))
    assert (third.code, third.outcomes()) == (0, {"created": 40}), third.err


@pytest.mark.parametrize(
    ("where", "kind"), [("key", "csv"), ("title", "jsonl"), ("comment", "csv"), ("other", "jsonl")]
)
def test_nul_stops_no_run(url: str, program: Program, serve: Serve, where: str, kind: str) -> None:
    """PostgreSQL stores none in a text: a row that has one is rejected, again in the next run, and the others are sent.

    A ledger in a file says the same of it.
    """
    sandbox = serve()
    Path("mine.yaml").write_text(ODD, encoding="utf-8")
    rows = [[f"{name} {number}" for name in ODD_NAMES] for number in range(3)]
    rows[1][ODD_NAMES.index(where)] += "\0"
    source = write_csv(Path("export.csv"), rows, ODD_NAMES)
    if kind == "jsonl":
        source = Path("export.jsonl")
        records = (json.dumps(dict(zip(ODD_NAMES, row, strict=True))) for row in rows)
        source.write_text("\n".join(records), encoding="utf-8")
    sending = ("--api-url", sandbox.url, "--yes", "--rate", "0", "--json", "--no-canary", "--max-rejected", "100%")
    command = ("run", source, "-m", "mine.yaml", *sending, "--out", "reports", "--ledger")
    first, second = program(*command, url), program(*command, url)
    assert (first.code, first.outcomes()) == (ExitCode.PARTLY, {"created": 2, "rejected": 1}), first.err
    assert second.outcomes() == {"unchanged": 2, "rejected": 1}, second.err
    (rejected,) = (row for row in read_csv(Path("reports/results.csv")) if row["outcome"] == "rejected")
    assert set(rejected["code"].splitlines()) == {"text-has-nul"}
    assert program("report", "last", "--ledger", url, "--out", "reports", "--json").outcomes() == second.outcomes()
    assert program(*command, "ledger.db").summary["findings"]["text-has-nul"] == 1
