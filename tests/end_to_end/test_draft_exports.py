"""Drafts of real exports, read in place: they load, and with their proposals taken nearly all rows are valid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness.running import ROOT, Program, read_csv

EXPORTS = ROOT.parent / "shared" / "exports"
FILES = {
    "asana/chrisputnam9__Asana-to-ClickUp__Asana-Sample.csv": "Name",
    "backlog/faros-ai__airbyte-connectors__issues.json": "summary",
    "bugzilla/botwithfeelings__FedoraBugCrawler__buglist.csv": "short_desc",
    "clickup/chrisputnam9__Asana-to-ClickUp__ClickUp-Sample.csv": "Task Name",
    "github/aasimkhan30__vscode-mssql-issues__microsoft-vscode-mssql-all-issues.json": "title",
    "github/dlt-hub__dlt__github.issues.load_page_5_duck.json": "title",
    "gitlab/gitlabhq__gitlabhq__csv_gitlab_export.csv": "Title",
    "jira/Maarten-DLVW__RAC22-SWDVT-1D_werkplaats-2-mvc-nohtyp__Jira.csv": "Summary",
    "jira/apache__incubator-devlake___raw_jira_api_issues.csv": "fields.summary",
    "jira/ericmedlock__planeso-jira-migration__Jira.csv": "Summary",
    "linear/semperos__shortcut-repl__linear-export.csv": "Title",
    "notion/Yoshinobu-Ishizaki__notionganttchart__notion.csv": "Name",
    "opsgenie/faros-ai__airbyte-connectors__incidents.json": "message",
    "tapd/apache__incubator-devlake___raw_tapd_api_bugs.csv": "Bug.title",
    "trello/apache__incubator-devlake___raw_trello_cards.csv": "name",
    "youtrack/testmate-dev__youtrack-csv-importer__TMD_MDP_features.csv": "Summary",
    "zentao/apache__incubator-devlake___raw_zentao_api_bugs.csv": "title",
}
VALID_SHARE = 0.95
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not EXPORTS.is_dir(), reason="The collection of real exports is not beside this clone."),
]


def take_proposals(table: Path) -> None:
    """Decide each open value of a table as it is proposed."""
    lines = read_csv(table)
    decided = [{**line, "decision": line["proposal"] if line["decision"] == "?" else ""} for line in lines]
    table.write_text("\n".join(["field,value,decision", *(_line(line) for line in decided)]) + "\n", encoding="utf-8")


def _line(line: dict[str, str]) -> str:
    return ",".join('"' + line[name].replace('"', '""') + '"' for name in ("field", "value", "decision"))


@pytest.mark.parametrize("name", FILES, ids=lambda name: f"{name.partition('/')[0]}-{name.rpartition('_')[2]}")
def test_a_draft_of_a_real_export(program: Program, name: str) -> None:
    """The draft loads, its title is the right column, and 95 of 100 rows that have a title are valid."""
    source = EXPORTS / name
    drafted = program("draft", source, "-o", "draft.yaml")
    assert (drafted.code, drafted.out) == (0, "")
    assert f"       title  {FILES[name]} (" in drafted.err
    assert program("mappings", "check", "draft.yaml").out == "draft.yaml: fine\n"
    take_proposals(Path("values.csv"))
    checked = program("validate", source, "-m", "draft.yaml", "--json").summary
    untitled = checked["findings"].get("title-missing", 0)
    assert checked["planned"] >= VALID_SHARE * (checked["rows"] - checked["skipped"] - untitled)
    assert not [code for code in checked["findings"] if code.endswith(("-undecided", "-unknown"))]
    assert json.loads((Path(checked["out"]) / "summary.json").read_text(encoding="utf-8"))["rows"] == checked["rows"]
