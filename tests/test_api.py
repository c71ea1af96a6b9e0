"""What is known of Triage's API: written once, with its source, and read as the sandbox reads it."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import get_args

import pytest

from importer import api, codes
from importer.mapping.model import MappingModel, key_of_holder
from importer.sandbox import body_rules
from tests.harness.running import ROOT

PACKAGE = ROOT / "importer"
MODULE = PACKAGE / "api.py"


def test_each_fact_names_its_page() -> None:
    """Constants are followed by a docstring, functions have one; both end with their source."""
    body = ast.parse(MODULE.read_text()).body
    documented = {
        name.id: ast.unparse(after)
        for before, after in pairwise(body)
        if isinstance(after, ast.Expr)
        for name in ast.walk(before)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    assert {"CATEGORY_LIMIT", "ISSUES_PATH", "STATUSES", "PATCHABLE_FIELDS"} <= documented.keys()
    assert [
        name for name, said in documented.items() if not re.search(r"Source: (get|post|patch)/[a-z_-]+", said)
    ] == []


def test_imports_nothing_of_ours() -> None:
    """It lies at the bottom."""
    assert "importer" not in {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(MODULE.read_text()))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
    }


@pytest.mark.parametrize("fact", ['"/v1/', '("done", "closed")', '"in_review", "done"', '"sms_conversation", "file"'])
def test_paths_and_names_stand_once(fact: str) -> None:
    """Of the whole importer only this module writes them. The sandbox is another program."""
    modules = (path for path in PACKAGE.rglob("*.py") if PACKAGE / "sandbox" not in path.parents)
    assert [path.relative_to(PACKAGE).as_posix() for path in modules if fact in path.read_text()] == ["api.py"]


@pytest.mark.parametrize(("text", "units"), [("", 0), ("abc", 3), ("é", 1), ("💥", 2), ("e\u0301", 2), ("\ud800", 1)])
def test_length_is_counted_in_units(text: str, units: int) -> None:
    """A character beyond the first 65,536 is two."""
    assert api.count_units(text) == units


def test_paths_of_an_issue() -> None:
    """An id is one part of a path, whatever is in it."""
    assert api.issue_path("a/b?c") == "/v1/triage/issues/a%2Fb%3Fc"
    assert api.issue_path("a", api.FLAGS) == "/v1/triage/issues/a/flags"
    assert api.members_path("o/1") == "/v1/orgs/o%2F1/members"


def test_sandbox_reads_the_reference_alike() -> None:
    """The two share no code, so that what one of them misread would differ here."""
    shape = body_rules.CREATE_ISSUE
    assert set(api.SEVERITIES) == set(body_rules.SEVERITIES)
    assert (api.STATUSES, api.SOURCES) == (body_rules.STATUSES, body_rules.SOURCES)
    assert get_args(api.ResourceType) == body_rules.RESOURCE_TYPES
    assert get_args(api.RelationType) == body_rules.RELATION_TYPES
    assert {*api.ISSUE_FIELDS, "resource_links"} == shape.checks.keys()
    patch_checks = body_rules.PATCH_ISSUE.checks
    assert set(api.PATCHABLE_FIELDS) == patch_checks.keys()
    assert {name for name, check in patch_checks.items() if not list(check(name, None))} == api.NULLABLE_FIELDS


def test_mapping_gives_each_field() -> None:
    """What a line of the table needs beside itself."""
    keys = {*api.ISSUE_FIELDS, *map(key_of_holder, api.PERSON_FIELDS)}
    assert keys <= MappingModel.model_fields.keys()
    assert [field.name for field in api.FIELDS if field.kind == "value"] == list(api.VALUE_FIELDS)
    assert [field.name for field in api.TEXT_FIELDS if field.names] == list(codes.INVALID_TEXTS)
    for table in (codes.VALUE_MISSING, codes.VALUE_UNKNOWN, codes.VALUE_UNDECIDED):
        assert list(table) == list(api.VALUE_FIELDS)


@pytest.mark.parametrize(
    ("shape", "field", "limit"),
    [
        (body_rules.CREATE_ISSUE, "title", api.TITLE_LIMIT),
        (body_rules.CREATE_ISSUE, "description", api.DESCRIPTION_LIMIT),
        (body_rules.CREATE_ISSUE, "category", api.CATEGORY_LIMIT),
        (body_rules.COMMENT, "detail", api.COMMENT_LIMIT),
        (body_rules.FLAG, "note", api.NOTE_LIMIT),
    ],
)
def test_limits_are_the_sandbox_s(shape: body_rules.Shape, field: str, limit: int) -> None:
    """A text of just that length passes, one unit more does not."""
    check = shape.checks[field]
    assert not list(check(field, "x" * limit))
    assert list(check(field, "x" * (limit - 1) + "💥"))
