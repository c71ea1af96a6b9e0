"""Whether two versions of the program make the same of some 600 inputs: reports, exit codes, and what they say.

python -m tests.harness.corpus BEFORE AFTER                      compares two checkouts
python -m tests.harness.corpus BEFORE --keep FOLDER              keeps what one says, with its inputs
python -m tests.harness.corpus FOLDER AFTER --only '^shared/'    compares with what was kept, here some inputs

Each line that differs is printed, then a table of their kinds. BEFORE decides on the commands; AFTER gets the same.
Left out, as no two runs have them alike: how long a check took, what time it is, and the path of the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.harness.checkouts import Checkout, loaded
from tests.harness.corpus_inputs import Input, write_inputs
from tests.harness.differences import Difference, find_differences, show
from tests.harness.running import read_csv

T = TypeVar("T")
R = TypeVar("R")
SECONDS_EACH = 120.0
EXPLAINED = 3
"""Rows of an input that are explained, each with another outcome or code; of a damaged one it is one."""
VARYING = re.compile(
    r"""("elapsed_seconds":\ | <dt>Duration</dt><dd> | ^checked\ .*\ {3}\()  [\d.,]*\d (?:\ (?:s|min|h)\b[\d\ .a-z]*)?
    |   (begun\ at\ | they\ end\ at\ )                                \d{4}-\d\d-\d\d\ \d\d:\d\d
    |   ("started_at":\ | "ended_at":\ )                             "[^"]*"  """,
    re.VERBOSE | re.MULTILINE,
)
"""How long a check took, and when one would end that was begun now."""


class Said(NamedTuple):
    """All that a command has said and written: file → text; with `exit code`, `stdout` and `stderr`."""

    command: str
    words: list[str]
    files: dict[str, str]


class Session:
    """Commands of one version in a folder of their own that holds an input."""

    def __init__(self, checkout: Checkout, place: Path, source: Path) -> None:
        self._checkout, self._place = checkout, place
        self.folder = place / "work"
        shutil.copytree(source, self.folder)
        self._seen = self._read()

    def run(self, command: str, words: Sequence[str | Path]) -> Said:
        """Run a command; `command` is its name in this session."""
        out, err = self._place / "stdout", self._place / "stderr"
        code = self._checkout.start(list(map(str, words)), self.folder, out, err).wait(SECONDS_EACH)
        texts = self._read()
        files = {name: text for name, text in texts.items() if self._seen.get(name) != text}
        self._seen = texts
        files |= {"exit code": f"{code}", "stdout": self._text(out), "stderr": self._text(err)}
        return Said(command, list(map(str, words)), files)

    def _read(self) -> dict[str, str]:
        paths = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): self._text(path) for path in paths}

    def _text(self, path: Path) -> str:
        return path.read_bytes().decode("utf-8", "surrogateescape").replace(str(self.folder), "FOLDER")


def run_first(session: Session, given: Input) -> Iterator[Said]:
    """Run every command on an input, those behind the check on what it has written."""
    mapped = [*given.sources, *given.mapping, *given.options]
    yield session.run("validate", ["validate", *mapped, *given.checks, "--out", "checked"])
    rows = find_rows(session.folder / "checked" / "results.csv", given)
    for number, line in enumerate(rows, 1):
        yield session.run(f"explain {number}", ["explain", *given.sources, line, *given.mapping, *given.options])
    if not given.is_damaged or rows:
        yield session.run("users", ["users", *mapped, "-o", "users.csv"])
    yield session.run("draft", ["draft", *given.sources, *given.options, "-o", "draft.yaml"])
    for name, mapping in (("with the draft", "draft.yaml"), ("as suggested", "checked/suggested-mapping.yaml")):
        if (session.folder / mapping).exists() and not given.is_damaged:
            words = ["validate", *given.sources, *given.options, "-m", mapping, "--out", "checked again"]
            yield session.run(f"validate {name}", words)


def find_rows(results: Path, given: Input) -> list[str]:
    """Find the rows to be explained: the lines of the first with each outcome and code."""
    if not results.exists():
        return []
    lines = {(row["outcome"], row["code"]): row["line"] for row in reversed(read_csv(results))}
    return [*lines.values()][::-1][: 1 if given.is_damaged else EXPLAINED]


class Corpus:
    """Inputs, and what a version has said of each, in a folder: `inputs/NAME/` and `said/NAME.json`."""

    def __init__(self, folder: Path) -> None:
        self.inputs, self._said = folder / "inputs", folder / "said"

    def names(self) -> list[str]:
        paths = sorted(self._said.rglob("*.json"))
        return [str(path.relative_to(self._said)).removesuffix(".json") for path in paths]

    def load(self, name: str) -> list[Said]:
        """Load what was said of an input."""
        return [Said(*each) for each in json.loads(self._file(name).read_text(encoding="utf-8"))]

    def save(self, name: str, said: Iterable[Said]) -> None:
        """Save what was said of an input."""
        self._file(name).parent.mkdir(parents=True, exist_ok=True)
        self._file(name).write_text(json.dumps([*said]), encoding="utf-8")

    def _file(self, name: str) -> Path:
        return self._said / f"{name}.json"


@contextmanager
def opened(checkout: Checkout, source: Path) -> Iterator[Session]:
    with tempfile.TemporaryDirectory(prefix="corpus-") as place:
        yield Session(checkout, Path(place), source)


def record(checkout: Checkout, corpus: Corpus, given: Input) -> None:
    with opened(checkout, given.folder) as session:
        corpus.save(given.name, run_first(session, given))


def compare(checkout: Checkout, corpus: Corpus, name: str) -> list[Found]:
    """Let another version do the same with an input, and compare."""
    found = []
    with opened(checkout, corpus.inputs / name) as session:
        for before in corpus.load(name):
            after = session.run(before.command, before.words)
            for file in before.files | after.files:
                texts = [_without_time(each.files.get(file)) for each in (before, after)]
                if texts[0] != texts[1]:
                    found += [Found(name, before.command, file, each) for each in find_differences(file, *texts)]
    return found


def _without_time(text: str | None) -> str | None:
    return text and VARYING.sub(r"\1\2\g<3>0", text)


class Found(NamedTuple):
    """A difference, and where it is."""

    name: str
    command: str
    file: str
    difference: Difference

    def __str__(self) -> str:
        at, column, before, after = self.difference
        place = f"{self.name}: {self.command}: {self.file}:{at} {column}".rstrip()
        return f"{place}\n{show(before, after)}"

    def kind(self) -> tuple[str, ...]:
        """What it has in common with others."""
        command = self.command.partition(" ")[0]
        return command, Path(self.file).name, *self.difference.kind()


def table(found: Iterable[Found]) -> str:
    """The differences by their kinds: how many there are, in how many inputs, and the first of them."""
    kinds = defaultdict(list)
    for each in found:
        kinds[each.kind()].append(each.name)
    lines = ["\ndifferences  inputs  what"]
    for (command, file, name, before, after), names in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        what = f"{command}: {file} {name}".rstrip()
        lines.append(f"{len(names):11,} {len({*names}):7,}  {what}: {before} → {after}   ({names[0]})")
    return "\n".join(lines)


def run_all(work: Callable[[T], R], each: Sequence[T]) -> Iterator[R]:
    """Do work for each, as many at a time as there are cores, and give the results in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(work, each)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and compare; the exit code is 1 if something is different."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.corpus", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("before", type=Path, help="a checkout, or what --keep has kept of one")
    parser.add_argument("after", type=Path, nargs="?", help="a checkout")
    parser.add_argument("--only", default="", metavar="PATTERN", help="a regular expression for names of inputs")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what BEFORE says in a new folder")
    given = parser.parse_args(arguments)
    started, is_kept = time.monotonic(), (given.before / "said").is_dir()
    checkouts = [folder.resolve() for folder in (None if is_kept else given.before, given.after) if folder]
    with tempfile.TemporaryDirectory(prefix="corpus-") as place, loaded(*checkouts) as programs:
        folder = given.before if is_kept else given.keep or Path(place)
        corpus = Corpus(folder.resolve())
        if not is_kept:
            inputs = [*write_inputs(corpus.inputs, partial(re.search, given.only))]
            for _ in run_all(partial(record, programs[0], corpus), inputs):
                pass
        names = [name for name in corpus.names() if re.search(given.only, name)]
        found: list[Found] = []
        if given.after:
            for some in run_all(partial(compare, programs[-1], corpus), names):
                print(*some, sep="\n", end="\n" if some else "", flush=True)  # noqa: T201
                found += some
    print(table(found))  # noqa: T201
    print(f"{len(found):,} differences in {len(names):,} inputs, {time.monotonic() - started:.0f} s")  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
