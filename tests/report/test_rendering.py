"""Rendering of the pages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from importer.report.rendering import lay_out_bar
from tests.harness.running import ROOT, WAIT_SECONDS


def test_a_bar_adds_up() -> None:
    """Its parts lie side by side, and fill it; what is 0 is left out."""
    assert lay_out_bar({"created": 3, "failed": 0, "rejected": 1}) == [
        ("created", 3, 0.0, 75.0),
        ("rejected", 1, 75.0, 25.0),
    ]
    assert lay_out_bar({"created": 0}) == []


def test_compiled_templates_are_kept_where_that_can_be(tmp_path: Path) -> None:
    """Beside the compiled modules; where nothing can be written there, a page is written all the same."""
    copy = tmp_path / "importer"
    shutil.copytree(ROOT / "importer", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    (copy / "report" / "__pycache__").write_text("a file where the folder should be")
    sample = str(ROOT / "sample_data" / "jira.csv")
    for is_kept in (False, True):
        command = [sys.executable, "-m", "importer", "validate", sample, "--out", str(tmp_path / "out")]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "out" / "report.html").is_file()
        cache = copy / "report" / "__pycache__"
        assert any(cache.glob("__jinja2_*")) is is_kept
        if not is_kept:
            cache.unlink()
