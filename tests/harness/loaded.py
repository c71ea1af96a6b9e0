"""What a process has loaded before the program is forked from it: every command, and what is made at first use."""

from __future__ import annotations

import gc
import io
import os
import tempfile
import threading
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import click

from importer.cli.main import COMMANDS, cli, main
from tests.harness import compiled
from tests.harness.running import SAMPLES

MAPPING = "extends: jira\n"


def load_all() -> None:
    """Load every command and rehearse an import; afterwards the program starts in milliseconds here."""
    compiled.share()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads would be started again after each fork
    for name in COMMANDS:
        cli.get_command(click.Context(cli), name)
    sample, said = str(SAMPLES / "jira.csv"), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(said), redirect_stderr(said):
        os.environ["XDG_STATE_HOME"] = folder
        mapping = Path(folder) / "mine.yaml"
        mapping.write_text(MAPPING, encoding="utf-8")
        with suppress(SystemExit):
            main(["run", sample, "-m", str(mapping), "--sandbox", "--rate", "0", "--out", f"{folder}/out"])
    assert threading.active_count() == 1, "a fork would miss the other threads"
    gc.freeze()


load_all()
