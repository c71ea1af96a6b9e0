"""Ids that a program has changed on their way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from importer.check.observers.damage import RULES
from tests.harness.running import Program, write_csv

LONG = ("1204567890123450", "1204567890123460", "1204567890123470")
"""Of 16 digits, of which the last is lost."""


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["1.2E+11", "A-1"], {"approximate": [0]}),
        ([*LONG, "A-1", "17"], {"approximate": [0, 1, 2]}),
        (["900719925474099000", *LONG, "1.2E+15"], {"approximate": [0, 1, 2, 3, 4]}),
        ([*LONG, "1204567890123456"], {}),  # one that is whole: so are the others
        (LONG[:2], {}),
        (["120456789012340"] * 5, {}),
        (["12.0", "7", " 3.0 "], {"decimal": [0, 2]}),
        (["1.10", "2.01", "v1.0", "1.0.0"], {}),
        (["12-Mar", "Mar-45", "01. Sep", "MAR-13"], {"date": [0, 1, 2]}),
        (["MAR-12", "SEP-3", "DEC-99", "12-MAR", "Mark-12", "Marching-12"], {}),
    ],
)
def test_what_became_of_ids(ids: Sequence[str], found: dict[str, list[int]]) -> None:
    """Each kind is found by the forms that programs write, and by nothing that a tracker writes."""
    kinds = [name for name, rule in RULES.items() if rule.about == "ids"]
    assert {name: sorted(rows) for name in kinds if (rows := RULES[name].find(ids, ["\n".join(ids)]))} == found


def test_a_check_says_it(program: Program) -> None:
    """With the column, a sample, and what to do; once."""
    rows = [["1.0", "A", "12. Sep"], ["2.0", "B", ""]]
    source = write_csv(program.folder / "export.csv", rows, ("Id", "Title", "Owner"))
    mapping = program.folder / "mine.yaml"
    mapping.write_text(
        "input: {name: demo, key: Id}\ntitle: Title\ndescription: {value: ''}\nowner_id: Owner\n"
        "severity: {value: low}\nstatus: {value: todo}\ncategory: {value: Bug}\n",
        encoding="utf-8",
    )
    decimals, dates = program("validate", source, "-m", mapping, "--json").summary["warnings"][:2]
    assert decimals.startswith("1 row has a date instead of an id in Owner ('12. Sep' in demo:1.0, ")
    assert dates.startswith("2 rows have a decimal instead of an id in Id ('1.0' in demo:1.0, ")
    assert dates.endswith("don't open the file in a spreadsheet.")
