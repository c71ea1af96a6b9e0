"""What a preset makes of made-up records: each issue with all that follows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from importer.check.coverage.attachments import read_texts
from importer.check.examine import examine
from importer.library.inputs import open_job
from importer.mapping.identities import Identity
from importer.records import IssueParts
from importer.transform.file_addresses import FileAddresses
from tests.harness.running import write_csv


class Brought(NamedTuple):
    """What is brought along of an issue. Keys are native, relations (owner, type, other), files (name, address)."""

    description: str
    comments: list[tuple[str, str, str]]
    private: list[bool]
    relations: list[tuple[str, str, str]]
    names: list[tuple[str, str]]
    assignee: Identity
    codes: list[str]
    files: list[tuple[str, str]]
    footer: list[str]


Bring = Callable[..., dict[str, Brought]]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Reads records, or rows below a header, with a preset; gives native key → what is brought along."""

    def read(preset: str, source: Any, comments: Any = None, source_name: str | None = None) -> dict[str, Brought]:
        path = _write(tmp_path / "source", source)
        beside = () if comments is None else (str(_write(tmp_path / "comments", comments)),)
        return _read(preset, path, beside, source_name)

    return read


def _write(path: Path, content: Any) -> Path:
    if isinstance(content, dict) or (content and isinstance(content[0], dict)):
        path = path.with_suffix(".json")
        path.write_text(json.dumps(content), encoding="utf-8")
        return path
    header, *rows = content
    return write_csv(path.with_suffix(".csv"), rows, header)


def _read(preset: str, path: Path, comments: Sequence[str], source_name: str | None) -> dict[str, Brought]:
    more = {"source_name": source_name, "encoding": None, "delimiter": None, "format": None}
    found: dict[str, Brought] = {}
    with open_job((str(path),), mapping=preset, comments=tuple(comments), **more) as job:
        model = job.mapping.model
        for run in examine(job):
            linked = list(read_texts(FileAddresses(model.attachments), run.rows))
            for row in run.rows:
                issue, key = row.issue, row.key
                codes = [finding.code for finding in row.findings]
                files = [(each.name, each.url) for each in linked if each.key == key]
                brought = _brought(issue.description, issue.parts, issue.people.named[1], codes, files)
                found.setdefault(_native(key), brought)  # of rows that are one issue, the first has all of it
    return found


def _brought(
    description: str, parts: IssueParts, assignee: Identity, codes: list[str], files: list[tuple[str, str]]
) -> Brought:
    text, _, footer = f"\n\n{description}".rpartition("\n\n---\n")
    return Brought(
        text.removeprefix("\n\n"),
        [(one.author, one.date, one.text) for one in parts.comments],
        [one.is_private for one in parts.comments],
        [(_native(one.owner), one.type, _native(one.other)) for one in parts.relations],
        [(mention.text, _native(mention.key)) for mention in parts.mentions],
        assignee,
        codes,
        files,
        footer.splitlines(),
    )


def _native(key: str) -> str:
    return key.partition(":")[2]
