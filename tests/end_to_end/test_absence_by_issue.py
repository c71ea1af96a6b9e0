"""A column that an export leaves out protects what came from it, of issues that had something from it, and no more."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from importer.errors import ExitCode
from tests.harness.following import PERSON
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program

Rows = Sequence[Mapping[str, str]]


def issue(number: int, **cells: str) -> dict[str, str]:
    named = {"Issue key": f"P-{number}", "Summary": f"Title {number}", "Issue Type": "Bug", "Status": "Done"}
    return {**named, "Priority": "High", "Description": f"Text {number}", **cells}


def write(rows: Rows) -> str:
    with Path("export.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return "export.csv"


def description_of(sandbox: RunningSandbox, number: int) -> str:
    """Give the description of an issue."""
    return next(str(each["description"]) for each in sandbox.issues() if each["title"] == f"Title {number}")


@pytest.fixture
def night(program: Program, sandbox: RunningSandbox) -> Callable[..., Ended]:
    options = ("-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0", "--on-change", "update")
    return lambda rows, *more: program("run", write(rows), *options, "--no-canary", "--out", "reports", *more)


def test_an_edit_beside_a_column_that_jira_leaves_out(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """No issue of the delta has labels, and none ever had: Jira leaves the column out, and the edit arrives."""
    assert night([issue(1, Labels="late"), issue(2, Labels="")]).outcomes() == {"created": 2}
    ended = night([issue(2, Description="Edited")])
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 1}), ended.err
    assert "Edited" in description_of(sandbox, 2)


def test_an_edit_after_the_printed_command(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """Whoever obeys `--accept-missing` loses no edit of a text: the line alone stays."""
    assert night([issue(1, Environment="7"), issue(2, Environment="")]).outcomes() == {"created": 2}
    ended = night([issue(1, Description="Edited"), issue(2, Description="Edited")], "--accept-missing", "Environment")
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 2}), ended.err
    texts = [description_of(sandbox, number) for number in (1, 2)]
    assert all("Edited" in text for text in texts), texts
    assert ["Environment: 7" in text for text in texts] == [True, False]


def test_a_label_that_is_removed(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """Jira leaves out a repeated column that nothing fills: the line goes, but not where the list was cut by hand."""
    rows = [issue(1, Labels="late"), issue(2, Labels="late")]
    assert night(rows).outcomes() == {"created": 2}
    cut = [{name: cell for name, cell in issue(1).items() if name != "Description"}]
    ended = night(cut, "--accept-missing=Description")
    assert (ended.outcomes(), "Labels: late" in description_of(sandbox, 1)) == ({"unchanged": 1}, True), ended.err
    assert night([issue(2)]).outcomes() == {"updated": 1}
    assert "Labels" not in description_of(sandbox, 2)


def test_a_lost_permission(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """Blank descriptions stay where they are too many; other edits are made, and a command empties them."""
    rows = [issue(number) for number in range(1, 13)]
    assert night(rows).outcomes() == {"created": 12}
    blank = [{**row, "Description": "", "Priority": "Low"} for row in rows]
    for outcome in ("updated", "unchanged"):
        ended = night(blank, "--max-changes", "100%")
        assert ended.outcomes() == {outcome: 12}, ended.err
        assert ended.summary["findings"]["value-held"] == 12
    assert all("Text" in each["description"] and each["severity"] == "low" for each in sandbox.issues())
    assert night(blank, "--max-changes", "100%", "--empty", "description").outcomes() == {"updated": 12}
    assert not any("Text" in each["description"] for each in sandbox.issues())


def test_a_line_that_is_back_and_empty(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """The column is there again, without a value: now the line goes."""
    assert night([issue(1, Environment="7")]).outcomes() == {"created": 1}
    assert night([issue(1, Description="Edited")], "--accept-missing=Environment").outcomes() == {"updated": 1}
    assert night([issue(1, Description="Edited")]).outcomes() == {"unchanged": 1}
    assert night([issue(1, Description="Edited", Environment="")]).outcomes() == {"updated": 1}
    assert "Environment" not in description_of(sandbox, 1)


def test_columns_in_another_order(night: Callable[..., Ended]) -> None:
    """Lines of the footer in another order, and a blank at the end of a text, change nothing."""
    assert night([issue(1, Squad="Blue", Floor="2")]).outcomes() == {"created": 1}
    assert night([{**issue(1, Floor="2", Squad="Blue"), "Description": "Text 1 "}]).outcomes() == {"unchanged": 1}


def test_an_issue_of_an_earlier_version(program: Program, night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """Whose parts the ledger doesn't know: the line is there, and stays."""
    assert night([issue(1, Environment="7"), issue(2, Environment="")]).outcomes() == {"created": 2}
    with sqlite3.connect(program.ledger) as ledger:
        without = "CAST(json_remove(CAST(returned AS TEXT), '$.parts') AS BLOB)"
        ledger.execute(f"UPDATE operations SET returned = {without} WHERE returned IS NOT NULL")
    for outcome in ("updated", "unchanged"):
        edited = [issue(number, Description="Edited") for number in (1, 2)]
        assert night(edited, "--accept-missing=Environment").outcomes() == {outcome: 2}
    texts = [description_of(sandbox, number) for number in (1, 2)]
    assert ["Environment: 7" in text for text in texts] == [True, False]
    assert all("Edited" in text for text in texts)


def test_an_issue_that_a_person_edited(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """What stays is no reason to write over it: a conflict, as always."""
    assert night([issue(1, Environment="7")]).outcomes() == {"created": 1}
    (created,) = sandbox.issues()
    path = f"{sandbox.url}/v1/triage/issues/{created['id']}"
    assert httpx.patch(path, json={"description": "Mine"}, headers=PERSON).is_success
    ended = night([issue(1, Description="Edited", Priority="Low")], "--accept-missing=Environment")
    assert ended.outcomes() == {"updated": 1}, ended.err
    assert [(each["description"], each["severity"]) for each in sandbox.issues()] == [("Mine", "low")]


def test_numbers_beside_a_line_that_stays(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """The update of a description brings other issues' numbers again, whatever of the issue stays."""
    rows = [issue(1, Description="See VOICE-2", Environment="7"), issue(2, Environment="")]
    named = [{**row, "Issue key": f"VOICE-{number}"} for number, row in enumerate(rows, start=1)]
    assert night(named).outcomes() == {"created": 2}
    assert "See VOICE-2 (T-" in description_of(sandbox, 1)
    edited = [{name: cell for name, cell in row.items() if name != "Environment"} for row in named]
    edited[0]["Description"] = "Edited, see VOICE-2"
    for outcomes in ({"updated": 1, "unchanged": 1}, {"unchanged": 2}):
        ended = night(edited, "--accept-missing=Environment")
        assert ended.outcomes() == outcomes, ended.err
        text = description_of(sandbox, 1)
        assert "Edited, see VOICE-2 (T-" in text, text
        assert "Environment: 7" in text, text
        assert "numbers-left-out" not in ended.summary["findings"]


@pytest.mark.parametrize(
    ("issues", "others", "outcomes"),
    [
        pytest.param(
            24, 0, ({"updated": 5}, {"updated": 5}, {"unchanged": 5}, {"unchanged": 5}), id="a lost permission"
        ),
        pytest.param(60, 6, ({"updated": 5}, {"updated": 5}, {"updated": 5}, {"updated": 5}), id="people who tidy up"),
    ],
)
def test_a_few_each_night(
    night: Callable[..., Ended],
    sandbox: RunningSandbox,
    issues: int,
    others: int,
    outcomes: Sequence[Mapping[str, int]],
) -> None:
    """More than ten of a week, and more than half of those that there were: only then do they stay."""
    rows = [issue(number) for number in range(1, issues + 1)]
    assert night(rows).outcomes() == {"created": issues}
    for at, outcome in enumerate(outcomes):
        blank = [{**row, "Description": ""} for row in rows[5 * at :][:5]]
        ended = night([*blank, *rows[issues - others :]])
        assert Counter(ended.outcomes()) - Counter(unchanged=others) == outcome, ended.err
        assert ended.code == (ExitCode.PARTLY if "unchanged" in outcome else ExitCode.DONE)
    left = sum("Text" in each["description"] for each in sandbox.issues())
    assert left == issues - sum(outcome.get("updated", 0) for outcome in outcomes)


NEWER = {"Updated": "2025-02-01 09:00"}
ISSUES = [
    issue(number, Labels=f"late {number % 4}" if number % 2 else "late", Updated="2025-01-06") for number in range(70)
]


def retire(row: Mapping[str, str]) -> dict[str, str]:
    """Take away the label that all have."""
    return {**row, "Labels": row["Labels"][5:], **NEWER}


def lose(row: Mapping[str, str]) -> dict[str, str]:
    """Leave out what the exporting account may not read any more."""
    return {**row, "Description": ""}


def edit(row: Mapping[str, str]) -> dict[str, str]:
    return {**row, "Priority": "Low", **NEWER}


DELTA = [*(lose(edit(row)) for row in ISSUES[:24]), *map(edit, ISSUES[24:50])]


@pytest.mark.parametrize(
    ("rows", "refusal"),
    [
        pytest.param([*map(edit, ISSUES[:40]), *ISSUES[40:]], "", id="the end of a sprint"),
        pytest.param([*map(retire, ISSUES[:40]), *ISSUES[40:]], "", id="a label is retired"),
        pytest.param([*map(retire, ISSUES[:50])], "", id="a label is retired, in a delta"),
        pytest.param([*map(lose, ISSUES[:30]), *ISSUES[30:]], "30 of 70 issues would change, but", id="blank texts"),
        pytest.param(DELTA, "24 of 50 issues would change without a newer date, or lose a value", id="in a delta"),
    ],
)
def test_many_changes(night: Callable[..., Ended], rows: Rows, refusal: str) -> None:
    """What the source dates, somebody edited; but many different values that are blank now are a lost permission."""
    assert night(ISSUES).outcomes() == {"created": len(ISSUES)}
    ended = night(rows)
    assert ended.code == (ExitCode.DECIDE if refusal else ExitCode.DONE), ended.err
    assert refusal in ended.err
    if not refusal:
        assert ended.outcomes()["updated"] == sum("Updated" in row and row not in ISSUES for row in rows)


def test_a_few_each_night_of_one_project(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """Deltas of many projects, one of which the account may not read any more: more than half of its rows tell it."""

    def row(project: str, number: int, **cells: str) -> dict[str, str]:
        return {**issue(number, **cells), "Issue key": f"{project}-{number}"}

    assert night([row(project, number) for project in "AB" for number in range(40)]).outcomes() == {"created": 80}
    for at, outcome in enumerate(("updated", "updated", "unchanged", "unchanged")):
        lost = [row("A", number, Description="") for number in range(5 * at, 5 * at + 5)]
        assert night([*lost, *(row("B", number) for number in range(20))]).outcomes()[outcome] >= 5
    assert sum(each["description"].startswith("Text") for each in sandbox.issues()) == 70


def test_the_last_of_a_retired_label(night: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """It is a small file's only row, and goes: it is measured by the rows of the week, as are those before it."""
    assert night(ISSUES).outcomes() == {"created": len(ISSUES)}
    for rows in (range(0, 12), range(12, 24), range(24, 26)):
        assert night([retire(ISSUES[number]) for number in rows]).outcomes() == {"updated": len(rows)}
    assert night([retire(ISSUES[26])]).outcomes() == {"updated": 1}
    assert "Labels" not in description_of(sandbox, 26)


@pytest.mark.parametrize(
    ("old", "line"),
    [
        ("Priority", 'severity: {column: "Urgency"}'),
        ("Description", 'description: {column: "Urgency"}'),
        ("Squad", 'footer: {"Squad": {column: "Urgency"}}'),
    ],
)
def test_a_column_with_another_name(night: Callable[..., Ended], old: str, line: str) -> None:
    """A new column has the values: the mapping's line that reads it is shown, and works."""
    rows = [issue(number, Squad=f"Blue {number}", Room="1") for number in range(1, 4)]
    assert night(rows).outcomes() == {"created": 3}
    renamed = [{"Urgency" if name == old else name: cell for name, cell in row.items()} for row in rows]
    other = [{**{name: cell for name, cell in row.items() if name != "Urgency"}, "Colour": "Red"} for row in renamed]
    refused = night(renamed)
    assert refused.code == ExitCode.UNUSABLE, refused.err
    assert f"`{line}`" in refused.err, refused.err
    assert "Colour has" not in night(other).err
    Path("mine.yaml").write_text(f"extends: jira\n{line}\n", encoding="utf-8")
    assert "unchanged" in night(renamed, "-m", "mine.yaml").outcomes()
