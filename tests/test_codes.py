"""Codes: each that the program can give to a row is defined with its sentence, and each that is defined is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from importer import codes
from importer.codes import CODES, SKIP_PREFIX
from tests.harness.running import ROOT

PACKAGE = ROOT / "importer"
MAKERS = {"Finding", "LedgerStatus", "_finding", "_warning", "_skip", "_note"}
"""Functions and classes whose first argument is a code, if it is a text at all."""
NAMES = {
    name: value for name, value in vars(codes).items() if name.isupper() and isinstance(value, str) and value in CODES
}

TABLES = {
    name: value
    for name, value in vars(codes).items()
    if name.isupper() and isinstance(value, dict) and value is not CODES
}
"""Codes by the field that they are of."""


@cache
def modules() -> tuple[ast.Module, ...]:
    """All of the importer but the sandbox, which has codes of its own, and the definitions."""
    return tuple(
        ast.parse(path.read_text())
        for path in PACKAGE.rglob("*.py")
        if path.name != "codes.py" and PACKAGE / "sandbox" not in path.parents
    )


def given(tree: ast.AST) -> Iterator[ast.expr]:
    """What stands where a code is given: the first argument of its makers, and `code=`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in MAKERS and node.args:
                yield node.args[0]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")


def spelled(node: ast.AST) -> set[str]:
    """The codes that an expression spells out."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) and node.value else set()
    if isinstance(node, ast.IfExp):
        return spelled(node.body) | spelled(node.orelse)
    return {NAMES[node.id]} if isinstance(node, ast.Name) and node.id in NAMES else set()


def literals() -> set[object]:
    """What is written out where a code is given."""
    return {
        node.value
        for tree in modules()
        for found in given(tree)
        for node in ast.walk(found)
        if isinstance(node, ast.Constant)
    }


def test_each_code_that_is_given_is_defined() -> None:
    """A typing error would be a code without a sentence, in no document."""
    found = {code for tree in modules() for node in given(tree) for code in spelled(node)}
    assert found - CODES.keys() == set()
    assert len(found) > len(CODES) // 3, "the search has found next to nothing"


def test_each_code_that_is_defined_is_used() -> None:
    """None is left over from a finding that nobody makes any more."""
    used = {code for tree in modules() for node in ast.walk(tree) for code in spelled(node)}
    of_fields = {code for table in TABLES.values() for code in table.values()}
    assert CODES.keys() - used - of_fields == set()


def test_each_code_of_a_field_is_used() -> None:
    """A table of codes by field is read somewhere, and has nothing but codes."""
    names = {node.id for tree in modules() for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert TABLES.keys() - names == set()
    assert {code for table in TABLES.values() for code in table.values()} - CODES.keys() == set()


def test_no_code_is_composed() -> None:
    """Who searches the code for one finds where it is given."""
    written = [ast.unparse(node) for tree in modules() for node in given(tree) if isinstance(node, ast.JoinedStr)]
    assert [text for text in written if " " not in text] == []  # with a blank it is a sentence


def test_names_are_their_codes() -> None:
    """Who knows the code knows its name, and each code that has one is spelled by it alone."""
    assert {name: code for name, code in NAMES.items() if code != name.lower().replace("_", "-")} == {}
    assert literals().isdisjoint(NAMES.values())


def test_codes_of_skip_rules_are_told_from_the_others() -> None:
    """A mapping names them, so no code of the program may begin like one."""
    assert not any(code.startswith(SKIP_PREFIX) for code in CODES)
