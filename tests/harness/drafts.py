"""Sources for the tests of drafts, and what a draft makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from importer.authoring.draft.choose import Choice, choose
from importer.authoring.draft.draft import look_at, make_draft, save_draft
from importer.authoring.draft.draft_yaml import Draft
from importer.authoring.draft.profile import Profile, profile_source
from importer.authoring.proposals import Proposer
from importer.mapping.reader import LoadedMapping, load_mapping
from importer.progress import Unseen
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.running import write_csv

SILENT = Unseen()


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write a CSV file whose columns are the keys of its first row."""
    return write_csv(path, [tuple(row.values()) for row in rows], tuple(rows[0]))


def write_json(path: Path, records: Iterable[Any]) -> Path:
    path.write_text(json.dumps(list(records), ensure_ascii=False), encoding="utf-8")
    return path


def profile(path: Path) -> Profile:
    with open_source([str(path)], SourceOptions()) as source:
        return profile_source(source, SILENT)


def choose_from(path: Path) -> Choice:
    """What is chosen from a file."""
    return choose(profile(path), Proposer().judge, path.name)


def draft(path: Path) -> Draft:
    """What a draft says of a file, nobody being asked."""
    with open_source([str(path)], SourceOptions()) as source:
        return make_draft(source, look_at(source, SILENT), SILENT, lambda values: values)


def save(path: Path, out: Path) -> LoadedMapping:
    with open_source([str(path)], SourceOptions()) as source:
        made = make_draft(source, look_at(source, SILENT), SILENT, lambda values: values)
        save_draft(made, source, out, {})
    return load_mapping(str(out))
