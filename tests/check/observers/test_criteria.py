"""The criteria of a source: which are new to it, whoever reads it, and how many are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from importer.check.check_pass import check
from importer.check.history import with_last_run
from importer.check.job import Job
from importer.check.knowledge import NoLedger
from importer.check.observers.criteria import MOST, Criteria
from importer.errors import ExitCode
from importer.ledger.store import RunIdentity
from importer.library.inputs import open_job
from importer.progress import Unseen
from tests.harness.bench import TARGET, opened
from tests.harness.running import write_csv
from tests.harness.virtual_time import VirtualTime

MAPPING = """
input: {name: qa, key: {content: true}}
answer: {column: result, criterion: criterion}
title: criterion
severity: {value: low}
status: {value: todo}
category: {value: Bug}
"""

NOBODY: Mapping[str, str] = {}


@contextmanager
def answers_to(
    folder: Path, rows: Iterable[Sequence[str]], known: Mapping[str, str] = NOBODY, more: str = ""
) -> Iterator[Job]:
    """Open a source with these answers, of whose criteria earlier runs have had some; `more` is of its mapping."""
    (folder / "mine.yaml").write_text(MAPPING + more, encoding="utf-8")
    source = write_csv(folder / "night.csv", rows, ("call", "criterion", "result"))
    with open_job([str(source)], mapping=str(folder / "mine.yaml")) as job:
        yield replace(job, criteria=known)


def find_criteria(folder: Path, criteria: Iterable[str], known: Mapping[str, str] = NOBODY) -> Criteria:
    """Check a source with an answer to each criterion."""
    rows = [(f"c-{number}", name, "No") for number, name in enumerate(criteria)]
    with answers_to(folder, rows, known) as job:
        return check(job, NoLedger(), Unseen()).criteria


def test_new_ones(tmp_path: Path) -> None:
    """Case and white space make none, nor does what is absent tonight; there are none of a first run."""
    first = find_criteria(tmp_path, ["Greets", "Asks why", ""])
    assert (first.new, len(first.kept)) == ([], 2)
    later = find_criteria(tmp_path, ["greets ", "Ends\npolitely", "Ends  politely"], first.kept)
    assert (later.new, len(later.kept)) == (["Ends politely"], 3)
    assert find_criteria(tmp_path, ["Asks why", "Ends politely"], later.kept).new == []


def test_free_texts(tmp_path: Path) -> None:
    """Of a source with hundreds none is new, and no more are kept."""
    first = find_criteria(tmp_path, [f"It said {number}" for number in range(MOST + 100)])
    later = find_criteria(tmp_path, ["Another one"], first.kept)
    assert (len(first.kept), later.new, later.kept) == (MOST, [], first.kept)


def test_rows_that_wait_for_a_new_one_alone(tmp_path: Path) -> None:
    """They are excused where issues recur, but not one that lacks something else, nor where none recurs."""
    known = find_criteria(tmp_path, ["Greets"]).kept
    rows = [("c-1", "Asks", "hm"), ("", "Asks", "hm"), ("c-2", "Asks", "No"), ("c-3", "Greets", "hm")]
    recurs = "group: [call, criterion]\nrecurring: {occurrence: [call], finished: {done: add, closed: add}}\n"
    for more, excused in (("", 0), (recurs, 1)):
        with answers_to(tmp_path, rows, known, more) as job:
            assert check(job, NoLedger(), Unseen()).criteria.excused == excused


def test_an_import_that_is_broken_off(tmp_path: Path) -> None:
    """What it had is still new to the same command, which continues it."""
    with opened(tmp_path, VirtualTime()) as ledger, answers_to(tmp_path, [("c-1", "Greets", "No")]) as job:
        assert with_last_run(job, ledger, TARGET).criteria == {}
        for number in (1, 2):
            run = ledger.begin_run(
                RunIdentity(TARGET, "qa", f"{number}", "m"), options={"criteria": {f"{number}": "Greets"}}
            )
            if number == 1:
                run.finish(ExitCode.PARTLY, {})
        assert with_last_run(job, ledger, TARGET).criteria == {"1": "Greets"}
