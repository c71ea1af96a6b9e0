"""Examples of mappings: those of all presets hold, and one that doesn't is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.authoring.examples import try_examples
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping

LEAST = 3
MAPPING = """\
input: {name: demo, key: {path: 'meta.id || Key'}, local_key: Number}
title: {column: Title, too_long: shorten}
description: Text
severity: {first: [Priority, {path: 'fields.flag'}], values: {P1: high, 'true': critical}, missing: low}
status: {column: idList, lookup: {in: lists, by: id, take: name}, values: {Doing: in_progress}, missing: todo}
category: {value: General, rules: [{when: {path: 'labels[].name', is: bug}, then: Bug}]}
skip: [{name: old, when: {column: Labels, is: old}}]
examples:
"""


def failures(tmp_path: Path, given: str, expect: str) -> list[str]:
    """What is not as one example of `MAPPING` says."""
    path = tmp_path / "mine.yaml"
    path.write_text(f"{MAPPING}  - given: {given}\n    expect: {expect}\n", encoding="utf-8")
    return [str(mismatch).removeprefix(f"{path}:10: example 1: ") for mismatch in try_examples(load_mapping(str(path)))]


@pytest.mark.parametrize("name", preset_names())
def test_presets_do_as_their_examples_say(name: str) -> None:
    """Each has some, and all of them hold."""
    loaded = load_mapping(name)
    assert len(loaded.model.examples) >= LEAST
    assert list(map(str, try_examples(loaded))) == []


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        (
            "{Key: A-1, Title: ' One ', Text: ''}",
            "{key: A-1, title: One, description: '', severity: low, status: todo}",
        ),
        ('{meta: {id: 7}, Text: "A\\n\\n---\\nB"}', '{key: 7, description: "A\\n\\n---\\nB\\n"}'),
        ("{Title: One, fields: {flag: true}, labels: [{name: x}, {name: bug}]}", "{severity: critical, category: Bug}"),
        ("{idList: 5, lists: [{id: 4, name: New}, {id: 5, name: Doing}]}", "{status: in_progress}"),
        ("{idList: 5, lists: [{id: 5, name: Doing}, {id: 5, name: New}, {name: Odd}]}", "{status: in_progress}"),
        ("{lists: [{name: Doing}]}", "{status: todo}"),
        ("{Key: A-1, Labels: [new, old]}", "{skip: old, code: skip-old}"),
        ("{Key: ''}", "{skip: row-empty}"),
        ("{Key: A-1, Priority: P9}", "{code: severity-unknown}"),
        ("{Number: 3, Title: One}", "{key: 3}"),
    ],
)
def test_examples_that_hold(tmp_path: Path, given: str, expect: str) -> None:
    """Rows of tables and records, lists, tables beside the records, rows that are left out or rejected."""
    assert failures(tmp_path, given, expect) == []


@pytest.mark.parametrize(
    ("given", "expect", "shown"),
    [
        ("{Title: One}", "{title: Two}", "title: expected 'Two', got 'One'"),
        ("{Title: One, Text: Three}", "{description: Two}", "description: expected 'Two', got 'Three'"),
        ("{Title: One}", "{skip: old}", "skip: expected 'old', got nothing"),
        ("{Labels: old}", "{title: One}", "skip: expected a row that stays, got skip-old: it is left out"),
        ("{Title: One}", "{code: status-unknown}", "code: expected 'status-unknown', got 'key-missing'"),
        ("{Key: A, Title: One}", "{code: status-unknown}", "code: expected 'status-unknown', got nothing"),
        (
            "{Key: A, Priority: P9}",
            "{severity: low}",
            "severity: expected 'low', got nothing (severity-unknown: the mapping doesn't know severity 'P9')",
        ),
    ],
)
def test_examples_that_don_t_hold(tmp_path: Path, given: str, expect: str, shown: str) -> None:
    """The field, what it should be, what it is, and why it is nothing."""
    assert failures(tmp_path, given, expect) == [shown]


def test_a_path_that_doesn_t_fit_is_a_code(tmp_path: Path) -> None:
    """As it is of a row of an export."""
    path = tmp_path / "mine.yaml"
    text = MAPPING.replace("column: Title", '''path: "join(',', Title)"''')
    path.write_text(f"{text}  - {{given: {{Title: 3}}, expect: {{code: row-path-failed}}}}\n", encoding="utf-8")
    assert try_examples(load_mapping(str(path))) == []
