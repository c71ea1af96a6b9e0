"""A line, or a value of a JSON document, that never ends is refused while it is read."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.harness.running import PROGRAM, Program

MEGABYTE = 1_000_000
LONG = 100
"""Megabytes of a text of which a third is refused."""
MOST_MEGABYTES = 200
TABLE = "Issue key,Summary\nPROJ-1,ok\nPROJ-2,"
RECORDS = '{"key": "PROJ-1", "summary": "a"}\n{"key": "PROJ-2", "summary": "'
SHAPES = {
    "csv, a line": ("a.csv", TABLE, "x", "a.csv.gz:3: a line is longer than"),
    "csv, a header": ("a.csv", "", "x", "a.csv.gz:1: a line is longer than"),
    "csv, cells": ("a.csv", TABLE, "xxx,", "a.csv.gz:3: a line is longer than"),
    "csv, quoted": ("a.csv", f'{TABLE}"', "x", "a.csv.gz:3: a line is longer than"),
    "csv, quoted lines": ("a.csv", f'{TABLE}"', f"{'x' * 79}\n", "a.csv.gz:3: a quote is opened and never closed"),
    "jsonl": ("a.jsonl", RECORDS, "x", "a.jsonl.gz:2: a line is longer than"),
    "json": ("a.json", f"[{RECORDS.replace('}', '},', 1)}", "x", "a.json.gz:2: a value is longer than"),
    "json, beside": ("a.json", f'{{"issues": [{RECORDS[:33]}],\n"note": "', "x", "a.json.gz:2: a value is longer than"),
}


def pieces(before: str, part: str, encoding: str) -> Iterable[bytes]:
    """A text of LONG megabytes, in pieces."""
    yield before.encode(encoding)
    piece = (part * (MEGABYTE // len(part))).encode(encoding.removesuffix("-sig").replace("utf-16", "utf-16-le"))
    for _ in range(LONG):
        yield piece


MEASURE = """
import resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def check(file: Path) -> tuple[int, str, float]:
    """Check a file in a process of its own: its exit code, what it said, and its peak in megabytes."""
    # A small process between: what is started counts as large as whoever starts it, and tests grow large.
    command = [sys.executable, "-c", MEASURE, *PROGRAM, "validate", str(file), "-m", "jira"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr, float(ended.stdout.split()[-1]) / 1024


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "shape"), [*(("utf-8", shape) for shape in SHAPES), ("utf-16", "csv, a line"), ("utf-16", "json")]
)
def test_a_line_without_end(program: Program, encoding: str, shape: str) -> None:
    """It costs no more memory than any check, and the message says where it is."""
    name, before, part, message = SHAPES[shape]
    file = Path(f"{name}.gz")
    with gzip.open(file, "wb", compresslevel=1) as packed:
        packed.writelines(pieces(before, part, encoding))
    code, said, peak = check(file)
    assert (code, "Traceback" in said) == (ExitCode.UNUSABLE, False), said
    assert message in said
    assert peak < MOST_MEGABYTES


@pytest.mark.slow
def test_a_line_without_end_in_an_archive(program: Program) -> None:
    """Nor does it there."""
    with zipfile.ZipFile("a.zip", "w") as archive, archive.open("issues.csv", "w", force_zip64=True) as file:
        file.writelines(islice(pieces(TABLE, "x", "utf-8"), LONG // 2))
    code, said, peak = check(Path("a.zip"))
    assert code == ExitCode.UNUSABLE
    assert "a.zip/issues.csv:3: a line is longer than" in said
    assert peak < MOST_MEGABYTES
