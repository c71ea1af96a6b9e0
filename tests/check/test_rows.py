"""Examine: every row of a source with exactly one outcome, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.check.duplicates import KeySpool, Policy
from importer.check.job import Job
from importer.check.knowledge import LedgerStatus, know_nothing
from importer.check.plan import plan_rows
from importer.check.rows import Examined, examine
from importer.check.rules import validate
from importer.mapping.reader import load_mapping
from importer.records import Finding, Outcome, Row
from importer.sources.source import Source, SourceOptions
from importer.sources.survey import open_source
from importer.transform.bodies import encode_bodies
from tests.harness.knowing import Knowing
from tests.harness.making import SOURCE_NAME, mapping_of, records_of

EXPORTS = Path(__file__).parents[3] / "shared" / "exports"
MAPPING = """\
input: {name: demo, key: Key}
title: Title
severity: {column: Priority, values: {P1: high}}
status: {value: todo}
category: {value: General}
skip: [{name: closed, when: {column: State, is: Closed}}]
"""
SOURCE = """\
Key,Title,Priority,State
A,One,P1,Open
B,,P9,Open
C,Three,P1,Closed
,,,
D,Four,P1
E,Five,P1,Open
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """The file `issues.csv`."""
    path = tmp_path / "issues.csv"
    path.write_text(SOURCE)
    return open_source([str(path)], SourceOptions())


def job_of(source: Source, folder: Path, *, limit: int | None = None, only: frozenset[str] | None = None) -> Job:
    """An import of a source with `MAPPING`."""
    path = folder / "mapping.yaml"
    path.write_text(MAPPING)
    return Job(source, load_mapping(str(path)), SOURCE_NAME, True, limit, only)


def all_rows(job: Job) -> list[Row]:
    """The rows of a source that no ledger knows."""
    return [row for examined in examine(job) for row in plan_rows(examined, {}, know_nothing).rows]


def test_outcomes(source: Source, tmp_path: Path) -> None:
    """Each row is planned, rejected with its findings and raw cells, or skipped with its reason."""
    rows = all_rows(job_of(source, tmp_path))
    assert [(row.key, row.line, row.outcome.value, row.codes) for row in rows] == [
        ("demo:A", 2, "planned", ()),
        ("demo:B", 3, "rejected", ("title-missing", "severity-unknown")),
        ("demo:C", 4, "skipped", ("skip-closed",)),
        ("", 5, "skipped", ("row-empty",)),
        ("", 6, "rejected", ("row-ragged",)),
        ("demo:E", 7, "planned", ()),
    ]
    assert [row.raw for row in rows if row.raw is not None] == [["B", "", "P9", "Open"], ["D", "Four", "P1"]]
    assert [message for row in rows[2:4] for message in row.messages] == [
        "Left out by the mapping's rule; skipped.",
        "All cells are empty; skipped.",
    ]


@pytest.mark.parametrize("limit", range(8))
def test_limit(source: Source, tmp_path: Path, limit: int) -> None:
    """`limit` is the first rows of the input, whatever becomes of them."""
    assert all_rows(job_of(source, tmp_path, limit=limit)) == all_rows(job_of(source, tmp_path))[:limit]


@pytest.mark.parametrize("only", [{"A", "B"}, {"demo:A", "demo:B"}])
def test_only(source: Source, tmp_path: Path, only: set[str]) -> None:
    """`only` names native or full keys; every other row is skipped, and so is none of them rejected."""
    rows = all_rows(job_of(source, tmp_path, only=frozenset(only)))
    assert [row.codes[-1:] for row in rows] == [
        (),
        ("severity-unknown",),
        ("skip-closed",),
        ("row-empty",),
        ("not-selected",),
        ("not-selected",),
    ]


def test_operation(source: Source, tmp_path: Path) -> None:
    """A row that would be sent has an operation with its body and marker; equal rows have equal digests."""
    (examined,) = examine(job_of(source, tmp_path))
    operation = examined.create(0)
    assert operation == plan_rows(examined, {}, know_nothing).operations[0]
    assert operation.content not in (b"", examined.create(5).content)
    assert (operation.key, operation.method, operation.path) == ("demo:A", "POST", "/v1/triage/issues")
    assert operation.marker in orjson.loads(operation.body)["description"]
    assert len(examined.digest(0)) == 16
    assert examined.digest(0) != examined.digest(5)
    assert examined.flowing() == [0, 1, 5]


def test_what_the_ledger_knows(source: Source, tmp_path: Path) -> None:
    """The ledger's outcome stands for a row that would be sent; a code of its own replaces the row's warnings."""
    note = Finding("changed", "", "It has changed.", rejects=False)
    known = {"demo:A": LedgerStatus(Outcome.UNCHANGED), "demo:E": LedgerStatus(Outcome.SKIPPED, note)}
    (examined,) = examine(job_of(source, tmp_path))
    rows, operations, _, _ = plan_rows(examined, {}, Knowing(known))
    assert not operations
    assert (rows[0].outcome, rows[0].codes) == (Outcome.UNCHANGED, ())
    assert (rows[5].outcome, rows[5].codes, len(rows[5].messages)) == (Outcome.SKIPPED, ("changed",), 1)


POLICIES: tuple[Policy, ...] = get_args(Policy)
CELL = st.sampled_from(["", " ", "a", "P1", "p1", "Open", "x\ud800", "t" * 201])
ROWS = st.lists(st.tuples(st.sampled_from(["", "A", "B", "C"]), CELL, CELL, CELL, CELL), max_size=8)


def examined_of(rows: Sequence[Sequence[str]]) -> Examined:
    """Rows as the first chunk of an input."""
    skip = [{"name": "open", "when": {"column": "State", "is": "a"}}]
    records = records_of(mapping_of(skip=skip, title={"column": "Title", "too_long": "shorten"}), rows)
    findings = validate(records, name_given=True)
    sendable = [row for row, skip in enumerate(records.skips) if not skip and not findings.rejects(row)]
    return Examined(0, records, findings, records.skips, encode_bodies(records, sendable))


@given(ROWS, st.sampled_from(POLICIES), st.booleans())
def test_every_row_has_exactly_one_outcome(rows: Sequence[Sequence[str]], policy: Policy, known: bool) -> None:
    """Planned rows have a body and a key of their own; all others have a reason, in four lists of one length."""
    examined = examined_of(rows)
    with KeySpool(policy, ["f"]) as spool:
        for place in examined.bodies:
            spool.add(place, 0, place + 2, examined.records.keys[place], examined.digest(place), None)
        verdicts = spool.verdicts()
    ledger = {"demo:A": LedgerStatus(Outcome.SKIPPED, Finding("changed", "", "", rejects=False))} if known else {}
    found, operations, _, _ = plan_rows(examined, verdicts, Knowing(ledger, asks=False))
    assert [found[place].outcome for place in operations] == [Outcome.PLANNED] * len(operations)
    assert [row.record for row in found] == [number + 1 for number in range(len(rows))]
    planned = [row.key for row in found if row.outcome is Outcome.PLANNED]
    assert len(planned) == len(set(planned))
    for place, row in enumerate(found):
        assert len(row.codes) == len(row.fields) == len(row.messages) == len(row.hints)
        if row.outcome is Outcome.PLANNED:
            assert place in examined.bodies
        else:
            assert row.outcome in (Outcome.SKIPPED, Outcome.REJECTED)
            assert row.codes
        assert (row.raw is not None) is (row.outcome is Outcome.REJECTED)


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="the collection of real exports is not here")
@pytest.mark.parametrize(
    ("pattern", "preset", "rows"),
    [
        ("jira/ericmedlock*.csv", "jira", 22),
        ("jira/Maarten-DLVW*.csv", "jira", 26),
        ("github/dlt-hub*duck.json", "github", None),
        ("linear/*linear-export.csv", "linear", 10),
    ],
)
def test_real_exports(pattern: str, preset: str, rows: int | None) -> None:
    """Each row of a real export has one outcome, and each rejected one says why and what to do."""
    (path,) = EXPORTS.glob(pattern)
    with open_source([str(path)], SourceOptions()) as source:
        found = all_rows(Job(source, load_mapping(preset), "acme", True))
    assert rows in (None, len(found))
    assert found
    for row in found:
        assert row.outcome is Outcome.PLANNED or row.codes
        assert row.outcome is not Outcome.REJECTED or all(row.hints)
