"""Workbooks as sources: a sheet becomes CSV once, in a process of its own, which gives its memory back."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from importer.errors import SourceError, SourceNotReady, StorageFull, how_to_install
from importer.phrases import listed
from importer.sources.archives import NAMES_SHOWN, say_which

OLE_MAGIC = b"\xd0\xcf\x11\xe0"
"""How a workbook of the old kind, .xls, begins."""
MEMORY_BYTES = 2 * 1024**3
"""What the process may take; 200,000 rows of 12 columns take 300 MB."""

_PROGRAM = """\
import sys
sys.path.insert(0, sys.argv.pop(1))
import importer
del sys.path[0]
from importer.sources.sheet_rows import main
main()
"""
"""Runs with this very package, whichever one is installed; nothing else is taken from the folder that it is in."""
_FOLDER = str(Path(__file__).parents[2])
_AS_CSV = "Save the sheet as CSV, and give that file."


def convert_sheet(name: str, workbook: BinaryIO, wanted: str, spool: BinaryIO) -> tuple[str, tuple[str, ...]]:
    """Write a sheet to `spool` as CSV: `wanted`, else the only one that is visible and has rows.

    Return its name, and sentences about cells that may not have what a person sees. Both files are on disk, at their
    beginning; `name` is the workbook's.

    Raises SourceError if that is not clear or can't be read, SourceNotReady if it has no rows, StorageFull.
    """
    if find_spec("python_calamine") is None:
        raise SourceError(
            f"{name} is a workbook, which needs a library that is not installed.",
            hint=f"{how_to_install('excel')}\nOr save the sheet as CSV, and give that file.",
        )
    # Without -P, Python files in the present folder would be taken for its own modules.
    command = [sys.executable, "-P", "-c", _PROGRAM, _FOLDER, str(MEMORY_BYTES), wanted]
    done = subprocess.run(command, stdin=workbook, stdout=spool, stderr=subprocess.PIPE, check=False)
    said = done.stderr.decode("utf-8", "replace").splitlines()
    if done.returncode == 0:
        ending, texts = json.loads(said[-1])
    else:  # memory that can't be had ends it by a signal, what the library stumbles over by an exception
        ending, texts = "too-large" if done.returncode < 0 else "damaged", said[-1:]
    match ending:
        case "written":
            return texts[0], tuple(texts[1:])
        case "several" | "absent":
            what = f"no sheet {wanted}" if wanted else f"{len(texts):,} sheets with rows"
            raise SourceError(f"{name} has {what}: {listed(texts, NAMES_SHOWN)}.", hint=say_which(name, texts))
        case "empty":
            raise SourceNotReady(f"{name} has no visible rows.", hint="Export it again, or wait until it is written.")
        case "locked":
            raise SourceError(f"{name} is protected by a password.", hint=f"Open it and save it without one. {_AS_CSV}")
        case "disk-full":
            raise StorageFull(
                f"The sheet of {name} can't be stored: {''.join(texts)}.",
                hint="Set TMPDIR to a folder with enough space.",
            )
        case "damaged":
            raise SourceError(f"{name} can't be read as a workbook: {''.join(texts)}.", hint=_AS_CSV)
    raise SourceError(
        f"{name} needs more than {MEMORY_BYTES // 1024**3} GB of memory, because a sheet is read as a whole.",
        hint=_AS_CSV,
    )
