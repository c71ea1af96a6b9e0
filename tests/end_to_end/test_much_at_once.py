"""What is not believed: a broken export, a dead one, another site with the same keys, another column for the key."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.harness.hostile import RunningSandbox
from tests.harness.running import HEADER, Ended, Program, issue_row, write_csv

Import = Callable[..., Ended]

pytestmark = pytest.mark.slow
NUMBERS = range(1, 31)


@pytest.fixture
def run(program: Program, sandbox: RunningSandbox) -> Import:
    """Give a scheduled import of rows."""

    def run(
        rows: Sequence[Sequence[str]], *options: str, header: Sequence[str] = HEADER, preset: str = "jira"
    ) -> Ended:
        source = write_csv(Path("export.csv"), rows, header)
        command = ("run", source, "-m", preset, "--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
        return program(*command, "--no-canary", "--out", "reports", *options)

    return run


def contents(sandbox: RunningSandbox) -> list[Any]:
    return sorted((issue["title"], issue["description"], issue["severity"]) for issue in sandbox.issues())


def assert_refused(ended: Ended, sandbox: RunningSandbox, before: list[Any], because: str) -> None:
    """Nothing was written, the exit code says so, and the sentence is on the screen and in the summary."""
    assert ended.code == ExitCode.DECIDE
    assert because in ended.summary["stopped_because"]
    assert f"Nothing was sent: {ended.summary['stopped_because']}" in ended.err
    assert contents(sandbox) == before
    assert Path("reports/results.csv").is_file()


@pytest.mark.parametrize("policy", ["update", "overwrite"])
def test_too_many_changes(run: Import, sandbox: RunningSandbox, policy: str) -> None:
    """More than 20 and more than a tenth: three samples, and the command that goes on anyway."""
    assert run(list(map(issue_row, NUMBERS))).code == ExitCode.DONE
    before = contents(sandbox)
    rows = [issue_row(number, "Low" if number <= 21 else "High") for number in NUMBERS]
    ended = run(rows, "--on-change", policy)
    assert_refused(ended, sandbox, before, "21 of 30 issues would change, but --max-changes allows 10%, at least 20.")
    assert ended.summary["stopped_because"].count('severity was "high", would be "low"') == 3
    assert run(rows, "--on-change", policy, "--max-changes", "5").code == ExitCode.DECIDE
    assert run(rows, "--on-change", "report").code == ExitCode.DONE, "nothing would be written"
    assert contents(sandbox) == before
    assert run(rows, "--on-change", policy, "--max-changes", "100%").code == ExitCode.DONE
    assert {issue["severity"] for issue in sandbox.issues()} == {"low", "high"}
    assert run(rows, "--on-change", policy).outcomes() == {"unchanged": 30}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda row: (*row[:1], row[1].upper(), *row[2:]), "title"),
        (lambda row: (*row[:5], row[5].replace("2025-12-31", "31/12/2025")), "description"),
    ],
    ids=["capitals", "dates"],
)
def test_a_column_in_another_form(
    run: Import, sandbox: RunningSandbox, change: Callable[[tuple[str, ...]], tuple[str, ...]], field: str
) -> None:
    """All twelve titles in capitals, all dates in another locale: fewer than 20, and yet not believed."""
    rows = [(*issue_row(number)[:5], f"Met on 2025-12-31, case {number}") for number in range(1, 13)]
    run(rows)
    before = contents(sandbox)
    ended = run([change(row) for row in rows], "--on-change", "update")
    assert_refused(ended, sandbox, before, f"The {field} would change in 12 of 12 issues: a column seems to have")
    again = run([change(row) for row in rows], "--on-change", "update", "--max-changes", "100%")
    assert again.outcomes() == {"updated": 12}


SITE = ("ID", "Work Item Type", "Title", "State", "Priority", "Description")
FIRST = [("4", "Bug", "Login fails on Safari", "New", "2", "Steps"), ("5", "Bug", "Slow search", "New", "2", "Slow")]
SECOND = [
    ("4", "Task", "Order new chairs", "New", "3", "Oak"),
    ("5", "Task", "Book the meeting room", "New", "3", "Big"),
    ("6", "Task", "Invite all guests", "New", "3", "By mail"),
]


@pytest.mark.parametrize("policy", ["update", "report", "skip"])
def test_another_site_with_the_same_ids(run: Import, sandbox: RunningSandbox, policy: str) -> None:
    """A second organisation's 4 and 5 are no changes of the first one's; the command that is shown keeps them apart."""
    assert run(FIRST, header=SITE, preset="azuredevops").outcomes() == {"created": 2}
    before = contents(sandbox)
    ended = run(SECOND, "--on-change", policy, header=SITE, preset="azuredevops")
    assert_refused(ended, sandbox, before, "Of 2 rows whose keys are in Triage, 2 have very different titles")
    assert 'azuredevops:4: title was "Login fails on Safari", would be "Order new chairs"' in ended.err
    named = re.search(r"the same command with (--source-name) (\S+)", ended.err)
    assert named is not None
    ended = run(SECOND, "--on-change", policy, *named.groups(), header=SITE, preset="azuredevops")
    assert ended.outcomes() == {"created": 3}
    assert len(contents(sandbox)) == 5


def test_another_project_of_the_same_site(run: Import, sandbox: RunningSandbox) -> None:
    """Its numbers are those of the first one's issues; named by the line that is shown, it is of the same source."""
    assert run(FIRST, header=SITE, preset="azuredevops").outcomes() == {"created": 2}
    ended = run(SECOND, header=SITE, preset="azuredevops")
    line = re.search(r"another project of the same tracker, .* under the same source name: `(.*)`", ended.err)
    assert line is not None, ended.err
    mapping = f"extends: azuredevops\n{line[1].replace('PROJECT', 'CHAIRS')}\n"
    Path("chairs.yaml").write_text(mapping, encoding="utf-8")
    assert run(SECOND, header=SITE, preset="chairs.yaml").outcomes() == {"created": 3}
    assert run(FIRST, header=SITE, preset="azuredevops").outcomes() == {"unchanged": 2}
    assert run(SECOND, header=SITE, preset="chairs.yaml").outcomes() == {"unchanged": 3}
    assert sum("azuredevops:CHAIRS-4" in issue["description"] for issue in sandbox.issues()) == 1


def test_keys_that_name_their_project(run: Import, sandbox: RunningSandbox) -> None:
    """Another project's keys are others, so the same ones are of another site: nothing is said of projects."""
    titles = ("Order new chairs", "Book the meeting room", "Invite all guests")
    run(list(map(issue_row, range(1, 4))))
    before = contents(sandbox)
    rows = [(*issue_row(number, title=title)[:-1], "Other") for number, title in enumerate(titles, 1)]
    ended = run(rows)
    assert_refused(ended, sandbox, before, "this looks like a different site with the same keys")
    assert "If it is a different site, give it its own name: the same command with --source-name jira-2" in ended.err
    assert "another project" not in ended.err


def test_another_site_and_a_lost_ledger(program: Program, run: Import, sandbox: RunningSandbox) -> None:
    """What discovery finds by its marker is compared as well."""
    run(FIRST, header=SITE, preset="azuredevops")
    before = contents(sandbox)
    program.lose_ledger()
    ended = run(SECOND, header=SITE, preset="azuredevops")
    assert_refused(ended, sandbox, before, "Of 2 rows whose keys are in Triage, 2 have very different titles")


def test_another_column_for_the_key(run: Import, sandbox: RunningSandbox) -> None:
    """The same rows under new keys would all be there twice; a run that is meant so goes on."""
    rows = [(*issue_row(number), f"uuid-{number}") for number in range(1, 6)]
    header = (*HEADER, "Guid")
    run(rows, header=header)
    before = contents(sandbox)
    Path("guid.yaml").write_text("extends: jira\ninput: {key: Guid}\n", encoding="utf-8")
    ended = run(rows, header=header, preset="guid.yaml")
    assert_refused(ended, sandbox, before, "5 rows would be created, with the content of rows that are in Triage under")
    assert "  jira:uuid-1 was jira:PROJ-1\n" in ended.err
    assert run(rows, "--max-changes", "100%", header=header, preset="guid.yaml").outcomes() == {"created": 5}


def test_another_export_with_other_keys(run: Import, sandbox: RunningSandbox) -> None:
    """Where the cells have changed with the keys, the titles tell."""
    run(list(map(issue_row, range(1, 11))))
    before = contents(sandbox)
    ended = run([(f"{1000 + number}", *issue_row(number)[1:]) for number in range(1, 11)])
    assert_refused(ended, sandbox, before, "10 rows would be created, with the titles of rows that are in Triage under")


def test_a_dry_run_says_the_same(run: Import, sandbox: RunningSandbox) -> None:
    """It ends as the run would end."""
    run(FIRST, header=SITE, preset="azuredevops")
    ended = run(SECOND, "--dry-run", header=SITE, preset="azuredevops")
    assert ended.code == ExitCode.DECIDE
    assert "--source-name azuredevops-2" in ended.summary["stopped_because"]


def test_on_a_terminal_the_question_shows_it(program: Program, run: Import, sandbox: RunningSandbox) -> None:
    """A person decides; only an explicit `--max-changes` decides for them."""
    run(FIRST, header=SITE, preset="azuredevops")
    source = write_csv(Path("export.csv"), SECOND, SITE)
    command = (
        "run",
        source,
        "-m",
        "azuredevops",
        "--api-url",
        sandbox.url,
        "--on-change",
        "update",
        "--no-canary",
    )
    with program.on_terminal(*command, "--max-changes", "50%") as terminal:
        assert terminal.end().code == ExitCode.DECIDE
    with program.on_terminal(*command) as terminal:
        terminal.read_until("Send them?")
        assert "warning: Of 2 rows whose keys are in Triage, 2 have very different titles" in terminal.shown
        terminal.type("y\n")
        assert terminal.end().code == ExitCode.DONE
    assert {issue["title"] for issue in sandbox.issues()} == {row[2] for row in SECOND}


OLD = (*issue_row(1), "2025-12-31")
DATED = (*HEADER, "Created")


def test_a_dead_export_job(program: Program, run: Import, sandbox: RunningSandbox) -> None:
    """A file of last week, or one that is copied anew with last week's rows, is not ready: exit code 6 each night."""
    fresh = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    allowed = ("--max-source-age", "36h")
    assert run([OLD, (*issue_row(2), fresh)], *allowed, header=DATED).outcomes() == {"created": 2}
    for more in ((), ("--dry-run",)):
        ended = run([OLD], *allowed, *more, header=DATED)
        assert ended.code == ExitCode.NOT_READY
        assert "The newest date in the source is 2025-12-31 00:00 UTC, " in ended.summary["stopped_because"]
    source = write_csv(Path("export.csv"), [(*issue_row(3), fresh)], DATED)
    week_ago = time.time() - 7 * 86_400
    os.utime(source, (week_ago, week_ago))
    command = ("run", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0", *allowed)
    ended = program(*command, source)
    assert ended.code == ExitCode.NOT_READY
    assert "was changed 7 days 0 h ago, but --max-source-age allows 36 h 0 min; nothing was sent." in ended.err
    assert len(contents(sandbox)) == 2
    piped = program.apart(*command, "-", stdin=source.read_bytes())
    assert piped.code == ExitCode.DONE, "of what is piped in only the dates count"
    assert len(contents(sandbox)) == 3
    undated = write_csv(Path("undated.csv"), [issue_row(4)])
    piped = program.apart(*command, "-", stdin=undated.read_bytes())
    assert piped.code == ExitCode.NOT_READY
    assert "The age of the source is unknown" in piped.err


NOTES = ("Ann 1/2/26: It burns.", "Bob 2/2/26: It still burns.")
WHOLE, TEXTS = "[Notes]", r"[{column: Notes, parse: '\w+ [\d/]+: (?P<text>[^|]+)(?:[|]|$)'}]"
AUTHORS = r"[{column: Notes, parse: '(?P<author>\w+) (?P<date>[\d/]+): (?P<text>[^|]+)(?:[|]|$)'}]"


@pytest.fixture
def annotate(program: Program, sandbox: RunningSandbox) -> Callable[..., Ended]:
    """Give an import of three issues with notes, by a mapping that reads their comments somehow."""

    def run(read: str, *options: str, notes: str = "|".join(NOTES)) -> Ended:
        mapping = (
            "input: {name: demo, key: Key}\ntitle: Title\nseverity: {value: low}\nstatus: {value: todo}\n"
            f"category: {{value: General}}\nrelations: [{{column: Blocks, type: blocks}}]\n{read}\n"
        )
        Path("demo.yaml").write_text(mapping, encoding="utf-8")
        rows = [(f"D-{number}", f"Title {number}", "D-1" if number > 1 else "", notes) for number in (1, 2, 3)]
        source = write_csv(Path("export.csv"), rows, ("Key", "Title", "Blocks", "Notes"))
        command = ("run", source, "-m", "demo.yaml", "--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
        return program(*command, "--no-canary", *options)

    return run


@pytest.mark.parametrize(("before", "now"), [(WHOLE, AUTHORS), (TEXTS, AUTHORS), (AUTHORS, TEXTS)])
def test_comments_that_are_read_otherwise(
    annotate: Callable[..., Ended], sandbox: RunningSandbox, before: str, now: str
) -> None:
    """Where the rows are as they were, the mapping alone has made other comments of them: each would be there twice."""
    annotate(f"comments: {{from: {before}}}")
    there = len(sandbox.comments())
    ended = annotate(f"comments: {{from: {now}}}")
    assert (ended.code, len(sandbox.comments())) == (ExitCode.DECIDE, there), ended.err
    assert "3 rows in Triage are unchanged, but their comments are read differently" in ended.summary["stopped_because"]
    assert annotate(f"comments: {{from: {before}}}").outcomes() == {"unchanged": 3}
    ended = annotate(f"comments: {{from: {now}}}", "--max-changes", "100%")
    assert (ended.code, len(sandbox.comments())) == (ExitCode.DONE, there + 6), ended.err


def test_a_table_of_new_comments_alone(program: Program, sandbox: RunningSandbox) -> None:
    """Comments beside the rows need not come again: that these are as they were says nothing of them."""
    mapping = (
        "input: {name: demo, key: Key}\ntitle: Title\nseverity: {value: low}\nstatus: {value: todo}\n"
        "category: {value: General}\ncomments: {from: [{beside: {key: Key, by: issue}, each: {text: said}}]}\n"
    )
    Path("demo.yaml").write_text(mapping, encoding="utf-8")
    write_csv(Path("export.csv"), [(f"D-{number}", f"Title {number}") for number in (1, 2, 3)], ("Key", "Title"))
    for night in (1, 2):
        said = [(f"D-{number}", f"Night {night}") for number in (1, 2, 3)]
        write_csv(Path("said.csv"), said, ("issue", "said"))
        command = ("run", "export.csv", "-m", "demo.yaml", "--comments", "said.csv", "--api-url", sandbox.url)
        ended = program(*command, "--yes", "--rate", "0", "--no-canary")
        assert (ended.code, len(sandbox.comments())) == (ExitCode.DONE, night * 3), ended.err


def test_comments_that_are_new(annotate: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """A mapping that has comments for the first time, and a source whose comments are others, are believed."""
    annotate("")
    assert annotate(f"comments: {{from: {AUTHORS}}}").code == ExitCode.DONE
    assert len(sandbox.comments()) == 6
    assert annotate(f"comments: {{from: {AUTHORS}}}", notes="Eve 3/2/26: Not any more.").code == ExitCode.DONE
    assert len(sandbox.comments()) == 9


def test_another_name_of_the_source(run: Import, sandbox: RunningSandbox) -> None:
    """The same rows under another name would be there twice, from a file that has them all or from one with a part."""
    assert run(list(map(issue_row, NUMBERS))).code == ExitCode.DONE
    before = contents(sandbox)
    refused = run(list(map(issue_row, NUMBERS)), "--source-name", "mine")
    assert_refused(
        refused, sandbox, before, "30 rows would be created, with the content of rows that are in Triage from"
    )
    assert refused.summary["stopped_because"].endswith(
        "To go on with that source: the same command with --source-name jira\n"
        "To create them again anyway: the same command with --max-changes 100%"
    )
    assert run(list(map(issue_row, range(29, 31))), "--source-name", "mine").code == ExitCode.DECIDE
    assert run(list(map(issue_row, range(31, 61))), "--source-name", "mine").outcomes() == {"created": 30}
    again = run(list(map(issue_row, NUMBERS)), "--source-name", "mine", "--max-changes", "100%")
    assert again.outcomes() == {"created": 30}
