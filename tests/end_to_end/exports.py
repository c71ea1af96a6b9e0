"""The collection of real exports, and what a check makes of each of its files."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from importer.codes import PRIVATE_UNDECIDED, RESTRICTED_UNDECIDED
from tests.harness.forked import Forked
from tests.harness.running import ROOT, finish, read_csv

EXPORTS = ROOT.parent / "shared" / "exports"
Validate = Callable[..., dict[str, Any]]
_ENTRY = re.compile(r"^### (\S+)\n(?:.*\n)*?- [\d,]+ bytes; ([\d,]+) rows;", re.MULTILINE)


ASKED = (RESTRICTED_UNDECIDED, PRIVATE_UNDECIDED)


class Figures(NamedTuple):
    """What a check without a mapping makes of a file.

    `titled` are the rows that have a title, or are skipped; `asked` those of which a person has to say who may read it.
    """

    name: str
    refusal: str
    recognised: str = ""
    rows: int = 0
    planned: int = 0
    skipped: int = 0
    titled: int = 0
    asked: int = 0
    codes: tuple[tuple[str, int], ...] = ()
    after: int = 0

    @property
    def share(self) -> float:
        """The share of the rows with a title that are valid, skipped by a named rule, or await a decision."""
        return (self.planned + self.skipped + self.asked) / self.titled if self.titled else 1.0


def counted_rows(folder: Path) -> dict[str, int]:
    """File → its rows, as the collection's own README counts them."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return {name: int(rows.replace(",", "")) for name, rows in _ENTRY.findall(text)}


def files_of(folder: Path) -> Iterator[Path]:
    """Every export of a collection."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".md")


def measure(path: Path, folder: Path, validate: Validate) -> Figures:
    """Check one file without a mapping, then with its suggestion."""
    name = str(path.relative_to(folder))
    with tempfile.TemporaryDirectory() as out:
        summary = validate(path, "--out", out)
        if not summary["out"]:
            return Figures(name, summary["stopped_because"].partition("\n")[0])
        results = read_csv(Path(out) / "results.csv")
        suggestion = summary["suggestion"]
        if suggestion:
            decide(Path(suggestion))
            summary_after = validate(path, "--out", f"{out}/after", "-m", suggestion)
        after = summary_after["planned"] if suggestion else summary["planned"]
    rejected = Counter(code for row in results if row["outcome"] == "rejected" for code in row["code"].split("\n"))
    untitled = sum("title-missing" in row["code"].split("\n") for row in results)
    return Figures(
        name,
        "",
        summary["recognised"],
        summary["rows"],
        summary["planned"],
        summary["skipped"],
        summary["rows"] - untitled,
        sum(row["code"] in ASKED for row in results if row["outcome"] == "rejected"),
        tuple(rejected.most_common()),
        after,
    )


def decide(suggestion: Path) -> None:
    """Let everything be sent of which a suggestion asks who may read it."""
    text = suggestion.read_text(encoding="utf-8")
    text = text.replace("{issues: '?'}", "{issues: send}").replace("{private: '?'}", "{private: keep}")
    suggestion.write_text(text, encoding="utf-8")


def validate_apart(path: Path, *options: str) -> dict[str, Any]:
    """Check a file in a process of its own; its summary."""
    ended = finish(Forked(["validate", path, *options, "--json"], Path.cwd(), os.environ))
    if "Traceback" in ended.err or "This is a bug" in ended.err:
        raise AssertionError(f"{path}: {ended.err}")
    return ended.summary
