"""What is looked up for a check: names of accounts, keys behind other texts; and how often a source is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import importer.check.plan
from importer.check.examine import examine
from importer.check.job import Job
from importer.check.look_up import ASKED_AT_ONCE, look_up
from importer.mapping.edited_tables import read_fixes
from importer.mapping.reader import load_mapping
from importer.records import Addition
from importer.row.relations import find_no_keys
from importer.sources.source import Source, SourceOptions
from importer.sources.source_rows import SourceRows
from importer.sources.survey import open_source
from importer.transform.addition_plan import Due, plan_additions
from tests.harness import families
from tests.harness.families import MAPPING
from tests.harness.running import HEADER, Program, issue_row, write_csv

ROWS = 12


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts readings of a source, and rows whose additions are planned."""
    counted, read = Counter[str](), Source.read

    def count_reading(*arguments: Any, **named: Any) -> Iterator[SourceRows]:
        counted["readings"] += 1
        return read(*arguments, **named)

    def plan(issue: Due) -> list[Addition]:
        counted["plans"] += 1
        return plan_additions(issue)

    monkeypatch.setattr(Source, "read", count_reading)
    monkeypatch.setattr(importer.check.plan, "plan_additions", plan)
    return counted


def write_source(comment: str, *columns: str) -> Path:
    """Write an export with this comment in each row, and these columns beside it."""
    rows = ((*issue_row(number), comment, *([str(number)] * len(columns))) for number in range(ROWS))
    return write_csv(Path("export.csv"), rows, (*HEADER, "Comment", *columns))


SAID = "03/Mar/26 9:12 AM;5f1;a comment"
PEOPLE = ("Assignee", "Assignee Id")
PARENTS = ("Issue id", "Parent id")


@pytest.mark.parametrize(
    ("comment", "columns", "look_ups"),
    [
        ("a comment", PEOPLE, 0),
        (SAID, (), 0),
        (SAID, PEOPLE, 1),
        ("a comment", PARENTS, 1),
        (SAID, (*PEOPLE, *PARENTS), 1),
    ],
)
def test_readings(
    program: Program, counts: Counter[str], comment: str, columns: tuple[str, ...], look_ups: int
) -> None:
    """A check reads once, a run twice, and both once more where a row asks for a name or an alias.

    Each pass plans what is to be added to a row once. Once it is known that nothing has changed, nothing is read.
    """
    source = write_source(comment, *columns)
    assert program("validate", source, "-m", "jira").code == 0
    assert counts == {"readings": 1 + look_ups, "plans": ROWS}
    for passes in (2, 1, 0):
        counts.clear()
        assert program("run", source, "-m", "jira", "--sandbox", "--yes").code == 0
        assert counts == ({"readings": passes + look_ups, "plans": passes * ROWS} if passes else {})


FAMILY = [("A", "1", "", "B"), ("B", "2", "1", ""), ("C", "3", "2", ""), ("D", "4", "9", "")]


@contextmanager
def job_of(path: Path, mapping: str = MAPPING, **changes: Any) -> Iterator[Job]:
    """An import of this file."""
    (path.parent / "m.yaml").write_text(mapping, encoding="utf-8")
    with open_source([str(path)], SourceOptions()) as source:
        yield Job(source, load_mapping(str(path.parent / "m.yaml")), "demo", name_given=True, **changes)


@contextmanager
def job_of_rows(
    folder: Path,
    rows: Sequence[Sequence[str]],
    mapping: str = MAPPING,
    header: Sequence[str] = families.HEADER,
    **changes: Any,
) -> Iterator[Job]:
    with job_of(write_csv(folder / "export.csv", rows, header), mapping, **changes) as job:
        yield job


def test_keys_of_rows_that_are_named(tmp_path: Path) -> None:
    """Each text that some row names gets the key of the row that has it, wherever that stands; others are absent."""
    with job_of_rows(tmp_path, FAMILY, limit=1) as job, look_up(job) as found:
        assert found.find_keys(1, ["1", "2", "3", "9"]) == {"1": "A", "2": "B"}


def test_what_is_sent_has_the_key(tmp_path: Path) -> None:
    """The rows' relations are those of the keys; an id that no row has is taken for one."""
    with job_of_rows(tmp_path, FAMILY) as job, look_up(job) as found:
        (run,) = examine(found)
    relations = {row.place: [(one.owner, one.other) for one in row.issue.parts.relations] for row in run.rows}
    assert {place: pairs for place, pairs in relations.items() if pairs} == {
        0: [("demo:A", "demo:B")],
        1: [("demo:A", "demo:B")],
        2: [("demo:B", "demo:C")],
        3: [("demo:9", "demo:D")],
    }


def test_several_rows_with_the_text(tmp_path: Path) -> None:
    """Two rows of one key are one issue; two issues of one name are nobody for sure."""
    rows = [*FAMILY, ("A", "1", "", ""), ("E", "2", "", "")]
    with job_of_rows(tmp_path, rows) as job, look_up(job) as found:
        assert found.find_keys(1, ["1", "2"]) == {"1": "A", "2": ""}


def test_rows_without_key_or_text(tmp_path: Path) -> None:
    """They name nobody, and nobody names them; white space around a text doesn't count."""
    rows = [("", "1", "2", ""), ("B", " 2 ", " 1", ""), ("C", "", "2", "")]
    with job_of_rows(tmp_path, rows) as job, look_up(job) as found:
        assert found.find_keys(1, ["1", "2", ""]) == {"2": "B"}


@pytest.mark.parametrize("header", [("Key", "Other", "Parent", "Blocks"), ("Key", "Id", "Other", "Blocks")])
def test_source_that_cannot_have_them(tmp_path: Path, header: tuple[str, ...]) -> None:
    """A table without one of both columns isn't read."""
    with job_of_rows(tmp_path, FAMILY, header=header) as job:
        job.source.close()
        with look_up(job) as found:
            assert found.find_keys is find_no_keys


def test_mapping_without_them(tmp_path: Path) -> None:
    """Relations by key alone are looked up nowhere."""
    with job_of_rows(tmp_path, FAMILY, MAPPING.replace(", by: Id", "")) as job, look_up(job) as found:
        assert found.find_keys is find_no_keys


def test_records_of_json(tmp_path: Path) -> None:
    """Paths name rows as columns do."""
    path = tmp_path / "export.jsonl"
    path.write_text('{"key": "A", "id": 1}\n{"key": "B", "id": 2, "up": [{"id": 1}, {"id": 7}]}\n', encoding="utf-8")
    mapping = MAPPING.replace("Key", "key").replace("column: Parent", "path: 'up[].id'").replace("by: Id", "by: id")
    with job_of(path, mapping) as job, look_up(job) as found:
        assert found.find_keys(1, ["1", "2", "7"]) == {"1": "A"}


def test_groups_and_fixes(tmp_path: Path) -> None:
    """The key is that of the rows' group, and a corrected cell counts as it is corrected."""
    fixes = tmp_path / "fixes.csv"
    fixes.write_text("column,bad value,new value\nParent,one,1\n", encoding="utf-8")
    with (
        job_of_rows(
            tmp_path,
            [("A", "1", "", ""), ("B", "2", "one", "")],
            MAPPING + "group: [Key, Id]\n",
            fixes=read_fixes(fixes),
        ) as job,
        look_up(job) as found,
    ):
        assert found.find_keys(1, ["1", "one"]) == {"1": "A/1"}


def test_many_and_half_characters(tmp_path: Path) -> None:
    """As many texts as a run of rows has are asked for at once, whatever they are."""
    count = 2 * ASKED_AT_ONCE + 1
    rows = [(f"K{number}", f"i{number}", f"i{number + 1}", "") for number in range(count)]
    with job_of_rows(tmp_path, rows) as job, look_up(job) as found:
        assert found.find_keys(1, [f"i{number}" for number in range(count + 1)] + ["\ud800"]) == {
            f"i{number}": f"K{number}" for number in range(1, count)
        }


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("123"), st.sampled_from("1234")), min_size=1, max_size=8)
)
def test_what_is_known(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]) -> None:
    """A text that is named is known exactly if a row has it, and by one key exactly if all such rows have that."""
    folder = tmp_path_factory.mktemp("links")
    with job_of_rows(folder, [(*row, "") for row in rows]) as job, look_up(job) as looked_up:
        found = looked_up.find_keys(1, "1234")
    for text in "1234":
        keys = {key for key, own, _ in rows if own == text}
        if keys and any(parent == text for *_, parent in rows):
            assert found[text] == (keys.pop() if len(keys) == 1 else "")
        else:
            assert text not in found
