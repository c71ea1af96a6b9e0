"""Counts how often a source is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from importer.check import check_pass
from importer.check.examine import RowRun, examine
from importer.check.job import Job
from importer.load import attempt


@contextmanager
def counted_readings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note each reading of the source, by whom."""
    seen = list[str]()

    def counted(name: str, job: Job) -> Iterator[RowRun]:
        seen.append(name)
        yield from examine(job)

    with monkeypatch.context() as patched:
        for module in (check_pass, attempt):
            patched.setattr(module, "examine", partial(counted, module.__name__))
        yield seen
