"""`--comments`: which mappings take it, and what is said where it is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.cli.inputs import open_comments, warn_of_absent
from importer.errors import UsageError
from importer.mapping.reader import load_mapping
from importer.mapping.reads import collect_annexes
from importer.sources.source import SourceOptions
from importer.sources.survey import survey_files

MAPPING = """
input: {name: mine, key: id}
title: title
severity: {value: low}
status: {value: todo}
category: {value: General}
"""
NONE = ""
ROWS = "comments: {from: [Note, {beside: {by: issue, key: id}, each: {text: text}}]}\n"
BOARD = "comments: {from: [{beside: {in: actions, by: card, key: id}, each: {text: text}}]}\n"


class Read:
    """What reading an issue with the number 1 gives: the texts beside it by place, and the warnings."""

    def __init__(self, folder: Path, comments: str, issues: str, beside: str | None = None) -> None:
        (folder / "mine.yaml").write_text(MAPPING + comments)
        (folder / "issues").write_text(issues)
        (folder / "beside").write_text(beside or "")
        mapping = load_mapping(str(folder / "mine.yaml"))
        paths = [] if beside is None else [str(folder / "beside")]
        with (
            survey_files([str(folder / "issues")], SourceOptions()) as survey,
            open_comments(paths, mapping, None) as opened,
            survey.open(comments=opened) as source,
        ):
            [chunk] = source.chunks([], annexes=collect_annexes(mapping.model))
            self.texts = {
                place: [json.loads(text)["text"] for text in find(["1"]).get("1", ())]
                for place, find in chunk.beside.items()
            }
            self.warnings = list(warn_of_absent(mapping, source))


ISSUES = "id,title\n1,x\n"
RETURNED = (
    '[{"id": 1, "title": "x", "import_row": "a.json:1", "import_code": "title-missing", "import_field": "title", \
"import_message": "", "import_hint": ""}]'
)


def test_rows_of_another_file(tmp_path: Path) -> None:
    """They are found under their place in `comments: from`."""
    read = Read(tmp_path, ROWS, ISSUES, "issue;text\n1;a\n1;b\n")
    assert (read.texts, read.warnings) == ({1: ["a", "b"]}, [])


def test_the_file_is_not_given(tmp_path: Path) -> None:
    """A person's mapping that joins a file says that it has none."""
    read = Read(tmp_path, ROWS, ISSUES)
    assert read.texts == {1: []}
    assert read.warnings == ["comments: the mapping joins them from --comments FILE, which isn't given"]


def test_an_errors_file_is_without_its_board(tmp_path: Path) -> None:
    """An errors file has no comments beside it: the board that it came from is asked for, and taken."""
    read = Read(tmp_path, BOARD, RETURNED)
    assert read.texts == {0: []}
    [warning] = read.warnings
    assert warning.endswith("has the records alone; give the export that it came from: --comments FILE")
    board = json.dumps({"cards": [{"id": 1}], "lists": [{"id": 2}], "actions": [{"card": 1, "text": "a"}]})
    read = Read(tmp_path, BOARD, RETURNED, board)
    assert (read.texts, read.warnings) == ({0: ["a"]}, [])


def test_a_mapping_that_joins_nothing(tmp_path: Path) -> None:
    """A file that nobody would read is refused, with what the mapping needs to say."""
    with pytest.raises(UsageError, match="reads no comments from --comments") as caught:
        Read(tmp_path, NONE, ISSUES, ISSUES)
    assert "beside" in caught.value.hint
    assert Read(tmp_path, NONE, ISSUES).warnings == []
