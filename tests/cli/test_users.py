"""`triage-import users`: the table, proposals, and the words on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from importer.cli.users import users
from importer.errors import UsageError
from tests.conftest import Serve
from tests.harness.people import HEADER, MAPPING
from tests.harness.running import KEY, Program, read_csv, write_csv

MAILS = MAPPING.replace("account: Assignee Id", "mail: Assignee Id")
KIM = "5a9d0000-0000-4000-8000-000000000002"
ROWS = [
    ("1", "Done", "", "Kim S.", "KIM.shore@example.com", "", ""),
    ("2", "Open", "Alex Dune", "Kim S.", "kim.shore@example.com", "", ""),
    ("3", "Open", "Alex Dune", "", "", "", ""),
    ("4", "Open", "", "", "", "", ""),
]

pytestmark = pytest.mark.usefixtures("program")


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    """Run the command on these rows."""
    Path("m.yaml").write_text(MAILS, encoding="utf-8")
    write_csv(Path("export.csv"), ROWS, HEADER)
    return CliRunner().invoke(users, ["export.csv", "-m", "m.yaml", *arguments], env=env, catch_exceptions=True)


def test_without_a_connection() -> None:
    """The people with their counts, what there is to do next, and no key is needed."""
    ended = run(env={"BLAND_API_KEY": "", "TRIAGE_API_URL": "http://127.0.0.1:9"})
    assert ended.exception is None
    assert (
        "users.csv: 2 people, 0 with a triage_user_id.\n2 of 3 open issues have an owner or assignee." in ended.stderr
    )
    command = "triage-import validate export.csv -m m.yaml --users users.csv"
    assert f"Next: fill in `triage_user_id` in users.csv (--members lists the ids), then: {command}\n" in ended.stderr
    assert [(line["name"], line["open_issues"], line["closed_issues"]) for line in read_csv(Path("users.csv"))] == [
        ("Alex Dune", "2", "0"),
        ("Kim S.", "1", "1"),
    ]


def test_the_figures_as_json(serve: Serve) -> None:
    """With `--json` stdout has the figures of the table and nothing else; stderr says the same as without."""
    asked = run("--fill", "--api-url", serve().url, "--json")
    figures = json.loads(asked.stdout)
    assert figures.pop("version")
    assert figures == {
        "exit_code": 0,
        "people": 2,
        "filled": 1,
        "open_issues": 3,
        "open_with_somebody": 2,
        "out": "users.csv",
    }
    assert "users.csv: 2 people, 1 with a triage_user_id." in asked.stderr
    assert run().stdout == ""


def test_an_error_as_json(program: Program) -> None:
    """A source that isn't there is told on stdout too, as by every other command with `--json`."""
    ended = program("users", "none.csv", "-m", "jira", "--json")
    assert ended.code == ended.summary["exit_code"] == 6
    assert "none.csv does not exist." in ended.summary["stopped_because"]


def test_members_are_proposed(serve: Serve) -> None:
    """The same mail and the same name; nothing is filled in."""
    ended = run("--members", "--api-url", serve().url)
    assert ended.exception is None
    found = {line["name"]: (line["proposal"][-11:], line["triage_user_id"]) for line in read_csv(Path("users.csv"))}
    assert found == {"Kim S.": ("(same mail)", ""), "Alex Dune": ("(same name)", "")}
    assert "Members of the organisation, each with its triage_user_id: " in ended.stderr
    assert f"\n  {KIM}  " in ended.stderr  # nothing else tells the ids
    assert KEY not in ended.output


def test_members_are_filled_in(serve: Serve) -> None:
    """Those with the same mail, where nobody has put another id."""
    url = serve().url
    assert "1 with a triage_user_id" in run("--fill", "--api-url", url).stderr
    lines = read_csv(Path("users.csv"))
    assert [line["triage_user_id"] for line in lines] == ["", KIM]
    table = Path("users.csv")
    table.write_text(table.read_text(encoding="utf-8-sig").replace(f",{KIM}\n", ",u-mine\n"), encoding="utf-8")
    run("--fill", "--api-url", url)
    assert [line["triage_user_id"] for line in read_csv(table)] == ["", "u-mine"]


def test_a_table_that_can_not_be_read_is_not_written_over() -> None:
    """It is said before the source is read."""
    Path("users.csv").write_text("my notes\n", encoding="utf-8")
    ended = run()
    assert isinstance(ended.exception, UsageError)
    assert Path("users.csv").read_text(encoding="utf-8") == "my notes\n"


def test_users_of_a_check(program: Program) -> None:
    """`--users` is read before the source: a table that can't be used is a sentence."""
    Path("m.yaml").write_text(MAILS, encoding="utf-8")
    write_csv(Path("export.csv"), ROWS, HEADER)
    write_csv(Path("users.csv"), [("Kim", "u 1")], ("name", "triage_user_id"))
    ended = program("validate", "export.csv", "-m", "m.yaml", "--users", "users.csv")
    assert ended.code == 2
    assert "users.csv:2:triage_user_id: 'u 1' is not a user id" in ended.err


def test_other_users_are_another_meaning(program: Program) -> None:
    """The mapping's digest counts the table, as it counts fixes."""
    Path("m.yaml").write_text(MAILS, encoding="utf-8")
    write_csv(Path("export.csv"), ROWS, HEADER)
    write_csv(Path("users.csv"), [("Kim", "u-1")], ("name", "triage_user_id"))
    command = ("validate", "export.csv", "-m", "m.yaml", "--json")
    digests = {program(*command, *more).summary["mapping_sha256"] for more in ((), ("--users", "users.csv"))}
    assert len(digests) == 2


def test_pseudonyms_stay_here(program: Program) -> None:
    """The table has one for each person, and keeps it; a check needs the table, and no report of it has a name."""
    mapping = MAILS.replace("people:", "people:\n  show: pseudonym\n  mails: mask")
    Path("m.yaml").write_text(mapping, encoding="utf-8")
    write_csv(Path("export.csv"), ROWS[:2], HEADER)
    command = ("export.csv", "-m", "m.yaml")
    refused = program("validate", *command)
    assert refused.code == 2
    assert "triage-import users SOURCE -m m.yaml" in refused.err
    assert program("users", *command).code == 0
    names = {line["name"]: line["pseudonym"] for line in read_csv(Path("users.csv"))}
    assert set(names.values()) == {"Person 1", "Person 2"}
    write_csv(Path("export.csv"), [*ROWS, ("5", "Open", "Zoe Lux", "", "", "", "")], HEADER)
    assert program("users", *command).code == 0
    assert names.items() <= {line["name"]: line["pseudonym"] for line in read_csv(Path("users.csv"))}.items()
    assert program("validate", *command, "--users", "users.csv").code == 0
    reports = {path.name: path.read_text(encoding="utf-8") for path in Path("triage-import-check").iterdir()}
    assert {"planned.jsonl", "report.html", "results.csv", "summary.json"} <= set(reports)
    words = ("Dune", "Kim S", "shore", "Lux")
    assert [(name, word) for name, text in reports.items() for word in words if word in text] == []
