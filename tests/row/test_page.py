"""The page that tells how a row becomes an issue lists what happens in a real one."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from importer.library.inputs import open_job
from importer.mapping.reads import collect_refs
from importer.row.issue import IssueMapper
from importer.row.people import find_no_name
from importer.row.relations import find_no_keys
from importer.transform.shown_people import ShownPeople

ROOT = Path(__file__).resolve().parents[2]
ROW = ROOT / "importer" / "row"
PAGE = ROW / "README.md"
DEPTH = 3
"""Levels of calls that are listed."""


def test_the_page_lists_the_steps_that_a_row_goes_through() -> None:
    """If it differs, put the new lines into the page."""
    _, _, behind = PAGE.read_text().partition("```text\n")
    assert behind.partition("```")[0].splitlines() == list_steps()


def list_steps() -> list[str]:
    """What `IssueMapper` calls for a row, in order, each once: by level, with the first line of its docstring."""
    with open_job([str(ROOT / "sample_data" / "jira.csv")], mapping="jira") as job:
        model = job.mapping.model
        source = next(iter(job.source.read(collect_refs(model), dates=model.input.dates)))
        shown = ShownPeople(model.people, job.people)
        mapper = IssueMapper(model, source.layout, job.source_name, shown, find_no_name, find_no_keys)
        rows = source.rows[:1]
        return _watch(lambda: mapper.map_rows(rows))


def _watch(work: Callable[[], Any]) -> list[str]:
    lines = dict[str, None]()
    depth = 0

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal depth
        code = frame.f_code
        if not code.co_filename.startswith(str(ROW)) or code.co_name.startswith("<"):
            return
        if event == "return":
            depth -= 1
        elif event == "call":
            depth += 1
            if depth <= DEPTH and ".<locals>." not in code.co_qualname:
                lines[_describe(frame, depth)] = None

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return list(lines)


def _describe(frame: FrameType, depth: int) -> str:
    code = frame.f_code
    name = f"{'  ' * (depth - 1)}{code.co_qualname}"
    owner = frame.f_locals.get("self")
    function = getattr(type(owner), code.co_name, None) if owner is not None else frame.f_globals.get(code.co_name)
    told = (inspect.getdoc(function) or "").partition("\n")[0] if function is not None else ""
    return f"{name:<42} {Path(code.co_filename).name:<20} {told}".rstrip()
