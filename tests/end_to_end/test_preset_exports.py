"""Exports of tools whose presets were written from documentation: recognised, and read as a person would read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.check.examine import examine
from importer.library.inputs import open_job
from importer.mapping.presets import preset_names
from importer.mapping.reader import preset_text
from tests.harness.documented_exports import Documented, documented_exports
from tests.harness.preset_exports import EXPORTS, Issue, PresetExport

LISTS = ("google-tracker", "osticket", "spiceworks", "samanage")
OWN = [
    "salesforce",
    "planner",
    "rootly",
    "hubspot",
    "helpscout",
    "smartsheet",
    "airtable",
    "rally",
    "incident-io",
    "monorail",
]
WITH_PRESETS = {**dict(zip(OWN, OWN, strict=True)), **dict.fromkeys(LISTS, "bug-list")}
"""Of the exports for drafts those that a preset reads, with its name."""


def read(path: Path) -> tuple[str, dict[str, Issue], list[str]]:
    """The preset that is recognised, the issues that it makes by native key, and what is rejected."""
    issues: dict[str, Issue] = {}
    rejected: list[str] = []
    with open_job([str(path)]) as job:
        for run in examine(job):
            for row in run.rows:
                issue = row.issue
                if issue.skip:
                    continue
                if not row.body:
                    rejected.append(f"{issue.title}: {row.findings}")
                    continue
                issues[issue.key.full.partition(":")[2]] = Issue(
                    issue.title,
                    issue.severity or "",
                    issue.status or "",
                    issue.category or "",
                    issue.unmatched[1].shown,
                    tuple(comment.text for comment in issue.parts.comments),
                )
        return job.mapping.name, issues, rejected


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: f"{export.preset}, {export.form}")
def test_a_documented_export(export: PresetExport, tmp_path: Path) -> None:
    """Recognised without `-m`; each row becomes what a person would make of it, with its person and its comments."""
    path = tmp_path / export.file
    path.write_text(export.text, encoding="utf-8")
    assert read(path) == (export.preset, export.issues, [])


@pytest.mark.parametrize(
    "export", [each for each in documented_exports() if each.tool in WITH_PRESETS], ids=lambda export: export.tool
)
def test_with_dirt(export: Documented, tmp_path: Path) -> None:
    """What a draft reads with lines above it, other delimiters, repeated rows and nesting, the preset reads as well."""
    preset, issues, rejected = read(export.write(tmp_path))
    assert (preset, rejected) == (WITH_PRESETS[export.tool], [])
    key, title = (next(place for place, name in enumerate(export.header) if name[0] == sign) for sign in "*^")
    assert [(name, issue.title) for name, issue in issues.items()] == [(row[key], row[title]) for row in export.rows]
    for issue, row, decided in zip(issues.values(), export.rows, export.decided, strict=True):
        for became, wanted in zip((issue.severity, issue.status), decided[:2], strict=True):
            assert became in wanted, issue
        assert issue.category in decided.category or issue.category.casefold() in map(str.casefold, row), issue
    owners = {row[export.header.index(f"@{name}")] for name in export.marked("@") for row in export.rows} | {""}
    assert {issue.person for issue in issues.values()} <= owners


def test_every_preset_from_documentation_has_an_export() -> None:
    """Those that say of themselves that they are known from documentation alone are tried here."""
    known = {name for name in preset_names() if "documentation" in preset_text(name).split("about:")[0]}
    assert known <= {export.preset for export in EXPORTS}


API = (
    '{"issues": [{"key": "WEB-4", "self": "https://acme.example/jira/rest/api/2/issue/10004", '
    '"fields": {"summary": "Mute", "status": {"name": "Done"}, "priority": {"name": "High"}}}]}'
)
TABLE = (
    "issue_key,self,summary,status_name,priority_name,type\n"
    "WEB-4,https://acme.example/jira/rest/agile/1.0/issue/10004,Mute,Done,High,Bug\n"
)
EXPORT = "Issue key,Summary,Status,Priority\nWEB-4,Mute,Done,High\n"
OF_A_SITE = "extends: jira\nfooter:\n  Link: {template: 'https://acme.example/jira/browse/{Issue key}'}\n"


@pytest.mark.parametrize(
    ("name", "text", "mapping"),
    [("api.json", API, ""), ("table.csv", TABLE, ""), ("export.csv", EXPORT, OF_A_SITE)],
)
def test_where_an_issue_of_jira_was(name: str, text: str, mapping: str, tmp_path: Path) -> None:
    """Its page in Jira is known from the API's address of it, or from a mapping that names the site."""
    path, own = tmp_path / name, tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    own.write_text(mapping, encoding="utf-8")
    with open_job([str(path)], mapping=str(own) if mapping else "jira") as job:
        (run,) = examine(job)
    assert [row.issue.footer.link for row in run.rows] == ["https://acme.example/jira/browse/WEB-4"]
