"""The table of all real exports: `python -m tests.end_to_end.exports [FOLDER]`.

For each file: as what it is recognised, its rows, how many are valid and skipped, the codes of the others, and how many
are valid with the suggested mapping as it stands; or the sentence with which it is refused.
"""

from __future__ import annotations

import os
import re
import sys
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

    def __str__(self) -> str:
        if self.refusal:
            return f"| {self.name} | refused: {self.refusal} | | | | | |"
        codes = ", ".join(f"{count:,} {code}" for code, count in self.codes)
        return (
            f"| {self.name} | {self.recognised} | {self.rows:,} | {self.planned:,} + {self.skipped:,} skipped "
            f"| {self.share:.1%} | {codes} | {self.after:,} |"
        )


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


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else EXPORTS
    expected = counted_rows(folder) if (folder / "README.md").is_file() else {}
    print("| file | recognised as | rows | valid | share | rejected by code | valid after the suggestion |")  # noqa: T201
    print("| --- | --- | --- | --- | --- | --- | --- |")  # noqa: T201
    for path in files_of(folder):
        figures = measure(path, folder, validate_apart)
        wrong = expected.get(figures.name, figures.rows) != figures.rows and not figures.refusal
        print(figures, f" ROWS, NOT {expected[figures.name]:,}" if wrong else "", sep="", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
