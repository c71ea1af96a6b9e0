"""Writes the reports of a check chunk by chunk: results.csv, the errors files, and planned.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from importer.check.examine import Examined
from importer.check.plan import Plan
from importer.report.error_files import PLAIN, Columns, ErrorFiles
from importer.report.folder import ReportFolder
from importer.report.page_rows import PageRows
from importer.report.planned import PlannedFile
from importer.report.results import ResultsFile


class CheckFiles:
    """The reports of one reading of the source; entering it removes those of the reading before."""

    def __init__(
        self, folder: ReportFolder, columns: Sequence[Columns], page: PageRows, form: tuple[str, str] = PLAIN
    ) -> None:
        self._folder, self._columns, self._page, self._form = folder, columns, page, form
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder, stack = self._folder, self._stack
        folder.prepare()  # a second reading replaces what the first has written
        self._results = ResultsFile(stack.enter_context(folder.open("results.csv")), self._page.url)
        self._planned = stack.enter_context(PlannedFile(stack.enter_context(folder.open_bytes("planned.jsonl"))))
        self._errors = stack.enter_context(ErrorFiles(folder, self._columns, self._form))
        self._page.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, examined: Examined, plan: Plan) -> None:
        """Append a chunk: its rows, the operations of those that would be sent, and the additions."""
        if plan.rows:
            self._results.write(plan.rows)
            self._errors.write(plan.rows)
            self._page.add(plan.rows)
        self._planned.write(plan.operations.values())
        self._planned.write_additions(plan.rows, plan.additions)
