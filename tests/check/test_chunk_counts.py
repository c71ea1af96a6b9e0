"""Cells that are counted chunk by chunk, where each chunk was examined: the same as all at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from importer.check.chunk_counts import ChunkCounter
from importer.check.coverage.coverage import Coverage
from importer.check.examine import examine_chunk, transform_of
from importer.check.job import Job
from importer.check.observers.damage import DamageSigns
from importer.library.inputs import open_job
from importer.transform.shown_people import ShownPeople
from tests.harness.making import plan_of
from tests.harness.running import write_csv

HEADER = (
    "Issue key",
    "Summary",
    "Status",
    "Priority",
    "Created",
    "Updated",
    "Attachment",
    "Sparse",
    "ann@example.org",
    "Text",
)
ROWS = 60
MAPPING = """
extends: jira
input: {dates: ["%d/%m/%Y"]}
"""


def make_rows() -> list[list[str]]:
    """Rows with signs of damage; one of them can't be sent."""
    made = []
    for number in range(ROWS):
        title = "" if number == 7 else "#REF!" if number in (20, 40) else "Ã¼ber" if number > 50 else f"Issue {number}"
        created, updated = f"0{number % 9 + 1}/02/2025 10:00", "13/02/2025" if number == 45 else "01/02/2025"
        attached = f"https://example.org/{number}/a.png" if number % 10 == 0 else ""
        sparse = "one" if number in (33, 44) else "two" if number == 55 else ""
        text = "x" * 32_767 if number == 30 else "text"
        made.append([f"A-{number}", title, "Done", "High", created, updated, attached, sparse, "ann", text])
    return made


def found_in(job: Job, size: int, unsent: Collection[int], *, counted: bool) -> Sequence[object]:
    """What coverage and signs of damage say of a file in chunks; rows at the places `unsent` aren't sent, either."""
    model, files = job.mapping.model, job.source.files
    coverage, signs = Coverage(model, files, ShownPeople(model.people, job.people)), DamageSigns(model, files)
    transform, counting, first = transform_of(job), ChunkCounter(job), 0
    for chunk in job.source.chunks(transform.refs, size):
        examined = examine_chunk(job, transform, chunk, first)
        examined = replace(examined, counts=counting.count(examined)) if counted else examined
        plan = plan_of(examined)
        left_out = {*plan.left_out, *(place - first for place in unsent if first <= place < first + len(chunk))}
        for observer in (coverage, signs):
            observer.add(examined, plan._replace(left_out=left_out))
        first += len(chunk)
    return coverage.table(), coverage.as_json(), coverage.warnings(), [*signs.warnings()], list(coverage.attachments)


@pytest.mark.parametrize("unsent", [(), (3, 31, 32)], ids=["all are sent", "some lose against others"])
@pytest.mark.parametrize("hides", [False, True])
def test_chunks_add_up(tmp_path: Path, unsent: Collection[int], hides: bool) -> None:
    """Figures, samples and sentences don't depend on where a chunk was counted, nor on how long it is."""
    source = write_csv(tmp_path / "export.csv", make_rows(), HEADER)
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(MAPPING + ("people: {mails: mask}\n" if hides else ""), encoding="utf-8")
    with open_job([str(source)], mapping=str(mapping)) as job:
        whole = found_in(job, 100, unsent, counted=False)
        for size in (1, 7, 59):
            assert found_in(job, size, unsent, counted=True) == whole
            assert found_in(job, size, unsent, counted=False) == whole
    *_, signs, attachments = whole
    assert isinstance(signs, list)
    assert sum(what in " ".join(signs) for what in ("32,767", "error instead", "garbled", "both ways in Created")) == 4
    assert "Updated" not in " ".join(signs)
    assert attachments
