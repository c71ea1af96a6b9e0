"""Drafts of thirty exports written from documentation: with every proposal taken, what a person would decide."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from importer.api import VALUE_FIELDS
from importer.authoring.draft.draft import look_at, make_draft, save_draft
from importer.authoring.draft.values import decide
from importer.check.examine import examine
from importer.library.inputs import open_job
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.documented_exports import DIRT, Documented, documented_exports
from tests.harness.drafts import SILENT

pytestmark = pytest.mark.slow(seconds=10)
SHARE = 0.9
"""Of the cells that must be as decided."""


class Drafted(NamedTuple):
    """What a draft makes of an export, beside what was decided.

    wrong  cells that are not as decided: tool, title, field, what they became
    """

    key: str
    title: str
    cells: int
    wrong: list[tuple[str, str, str, str]]
    people: bool
    comments: bool


def draft(export: Documented, folder: Path) -> Drafted:
    """Draft a mapping, take every proposal, and read the export with it."""
    path, out = export.write(folder), folder / f"{export.tool}.yaml"
    with open_source([str(path)], SourceOptions()) as source:
        seen = look_at(source, SILENT)
        made = make_draft(source, seen, SILENT, lambda values: [decide(value, value.proposal) for value in values])
        save_draft(made, source, out, {})
    pick = made.choice
    decided = dict(zip((row[_place(export, "^")] for row in export.rows), export.decided, strict=True))
    cells, comments = 0, False
    wrong: list[tuple[str, str, str, str]] = []
    with open_job([str(path)], mapping=str(out)) as job:
        for run in examine(job):
            comments |= any(row.issue.parts.comments for row in run.rows)
            for row in run.rows:
                issue, title = row.issue, row.issue.title
                person = decided.get(title)
                if issue.skip or person is None:
                    continue
                assert row.body or row.place >= len(export.rows), issue.findings
                raw = {cell.casefold() for cell in dict(zip(decided, export.rows, strict=True))[title]}
                for name, wanted in zip(VALUE_FIELDS, person, strict=True):
                    became = getattr(issue, name) or ""
                    cells += 1
                    if became not in wanted and not (name == "category" and became.casefold() in raw):
                        wrong.append((export.tool, title, name, became))
        people = job.mapping.model.assignee is not None
    key = pick.key.column.place.name if pick.key else ""
    return Drafted(key, pick.title.column.place.name, cells, wrong, people, comments)


def _place(export: Documented, sign: str) -> int:
    return next(place for place, name in enumerate(export.header) if name[0] == sign)


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Documented, Drafted]]:
    """All exports with what their drafts make of them."""
    folder = tmp_path_factory.mktemp("documented")
    return [(export, draft(export, folder)) for export in documented_exports()]


Drafts = list[tuple[Documented, Drafted]]


def test_there_are_thirty(drafts: Drafts) -> None:
    """Five with each kind of dirt."""
    assert sorted(export.dirt for export, _ in drafts) == sorted(DIRT * 5)


def test_keys_and_titles(drafts: Drafts) -> None:
    """In each the right column is the key, and the right one the title."""
    found = {export.tool: (each.key, each.title) for export, each in drafts}
    assert found == {export.tool: (export.marked("*")[0], export.marked("^")[0]) for export, _ in drafts}


def test_values(drafts: Drafts) -> None:
    """At least nine of ten severities, statuses and categories are as a person would decide."""
    wrong = [cell for _, each in drafts for cell in each.wrong]
    cells = sum(each.cells for _, each in drafts)
    assert len(wrong) <= (1 - SHARE) * cells, "\n".join(map(str, wrong))


def test_people_and_comments(drafts: Drafts) -> None:
    """They are used where there are any."""
    assert [export.tool for export, each in drafts if any(export.marked("@")) and not each.people] == []
    assert [export.tool for export, each in drafts if any(export.marked("#")) and not each.comments] == []
