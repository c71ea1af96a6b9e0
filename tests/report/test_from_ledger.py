"""The reports of a run on a disk that doesn't take all of them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.disks import may_mount, mounted
from tests.harness.running import Program, write_issues

__all__ = ["may_mount"]

ROOM = 12_288
"""Bytes that results.csv and losses.csv need, and that report.html is longer than."""


@pytest.mark.usefixtures("may_mount")
def test_a_disk_that_takes_the_results_and_not_the_page(program: Program, serve: Serve, tmp_path: Path) -> None:
    """The run says so, with exit code 3, and what writes its reports alone once there is room."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    with mounted(tmp_path / "disk") as disk:
        disk.fill(ROOM)
        out = disk.folder / "out"
        target = ("--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
        ended = program("run", "export.csv", "-m", "jira", *target, "--out", out)
        assert (ended.code, ended.outcomes()) == (ExitCode.STOPPED, {"created": 3})
        assert f"{out / 'report.html'} can't be written: No space left on device." in ended.err
        command = shlex.split(ended.summary["stopped_because"].partition("reports alone: ")[2])
        disk.make_room()
        assert program(*command[1:]).code == ExitCode.DONE
        assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["created"] == 3
