"""The program with one safeguard taken out, in a folder of its own, and tests that run on it there."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.harness.forked import forking
from tests.harness.running import ROOT

CODE = ("importer", "tests", "mappings", "sample_data", "pyproject.toml", "README.md")
PASSED, FAILED = 100, 101
"""Pytest's exit code for tests that ran and passed, or failed, and 100: what breaks before ends otherwise."""
WAIT_SECONDS = 3600.0
PRINTED, TEMPORARY = "printed", "temporary"


class Mutation(NamedTuple):
    """A safeguard: where it is, what is there, what stands in its place without it, and the test that guards it."""

    safeguard: str
    file: str
    code: str
    without: str
    test: str


def copy_program(folder: Path) -> None:
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)


@contextmanager
def mutated(mutation: Mutation, folder: Path) -> Iterator[None]:
    """Take a safeguard out of the program in a folder, and put it back."""
    file, whole = folder / mutation.file, ROOT / mutation.file
    file.write_text(whole.read_text(encoding="utf-8").replace(mutation.code, mutation.without), encoding="utf-8")
    yield
    shutil.copy2(whole, file)


def run_tests(folder: Path, *tests: str) -> tuple[int, str]:
    """Run tests on the program in a folder, in a process that has loaded its libraries: exit code, what it printed."""
    process = forking().Process(target=_run_pytest, args=(folder, tests))
    process.start()
    process.join(WAIT_SECONDS)
    process.kill()
    process.join()
    return process.exitcode or 0, (folder / PRINTED).read_text(encoding="utf-8")


def _run_pytest(folder: Path, tests: tuple[str, ...]) -> None:
    """Run tests of the program in this folder: what is loaded of another one is loaded again.

    Their temporary files are below it, too: pytest numbers the folders of a user, and looks over those of the workers.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] in ("importer", "tests")]:
        del sys.modules[name]
    os.chdir(folder)
    os.environ["PYTHONPATH"] = sys.path[0] = str(folder)
    sys.dont_write_bytecode = True  # the next safeguard may be in the same file
    printed = os.open(PRINTED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(printed, descriptor)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they are loaded already, and none of the tests needs them
    os.environ.pop("PYTEST_ADDOPTS", None)  # nor has any its options
    sys.exit(PASSED + pytest.main(["-q", "-x", "-p", "no:cacheprovider", f"--basetemp={folder / TEMPORARY}", *tests]))
