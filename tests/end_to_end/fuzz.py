"""Damaged files of every kind: the check of each ends in a sentence or accounts for every row.

    python -m tests.end_to_end.fuzz --minutes 10 [--seed N] [--folder ../shared/exports]

takes real exports, damages their bytes, or those of a mapping, and checks them in this process. Wanted: no exception
but an ImporterError, no hang, at most 400 MB at any time, and rows = outcomes = lines of results.csv. What fails is
made smaller, kept in a folder, and named with the command that shows it.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, takewhile
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import click

from importer.api import ISSUES_PATH
from importer.cli.main import cli
from importer.cli.validate import validate
from importer.errors import ImporterError
from importer.spreadsheet import escape_signs
from tests.harness.fuzz_inputs import Draw, Stored, damage_mapping, generic_mapping, load_seeds, mutate
from tests.harness.running import ROOT

EXPORTS = ROOT.parent / "shared" / "exports"
PRESETS = {path.stem for path in (ROOT / "mappings").glob("*.yaml")}
SECONDS_EACH = 60.0
MINIMISING_SECONDS = 20.0
MOST_MB = 400
"""Of this process, the files to begin with among it, and of each that reads a workbook."""
TOO_MUCH = "takes too much memory"
OPTIONS = (
    *(("--encoding", name) for name in ("cp1252", "utf-16", "utf-16-le", "shift_jis", "utf-7", "latin-1", "cp037")),
    *(("--delimiter", name) for name in (";", "tab", " ", "a")),
    *(("--skip-lines", number) for number in ("1", "5")),
    *(("--format", name) for name in ("csv", "json", "jsonl")),
    *(("--limit", number) for number in ("1", "3")),
)


class Trial(NamedTuple):
    """What one check gets."""

    files: tuple[Stored, ...]
    mapping: str
    options: tuple[str, ...]

    def arguments(self, folder: Path) -> list[str]:
        """Write the files; what comes behind `triage-import`."""
        sources = []
        for number, file in enumerate(self.files):
            path = folder / f"{number}-{file.name}"
            path.write_bytes(file.data)
            sources.append(str(path))
        mapping = self.mapping
        if "\n" in mapping:  # a text, no preset's name
            (folder / "mapping.yaml").write_text(mapping, encoding="utf-8", errors="surrogateescape")
            mapping = str(folder / "mapping.yaml")
        return ["validate", *sources, *(("-m", mapping) if mapping else ()), *self.options]


class Failed(NamedTuple):
    """What is wrong, and what is shown of it."""

    what: str
    shown: str


class TooSlow(BaseException):
    """The check of one file took longer than it may."""


def draw_trial(seeds: Sequence[Stored], draw: Draw) -> Trial:
    """One damaged file, sometimes two, with a mapping that fits what it was, or with a damaged one."""
    seed = draw.choice(seeds)
    files = [seed._replace(data=mutate(seed.data, draw, seeds))]
    if draw.random() < 0.1:
        files.append(draw.choice(seeds)._replace(tracker=seed.tracker))
    if draw.random() < 0.05:
        files[0] = files[0]._replace(name=files[0].name + draw.choice([".txt", ".json", ".csv", ".gz", ".jsonl"]))
    recognised = not any(option.name == "mapping" and option.required for option in validate.params)
    mapping = generic_mapping(seed, draw)
    if seed.tracker in PRESETS and draw.random() < 0.6:
        mapping = seed.tracker
    if recognised and draw.random() < 0.3:
        mapping = ""
    if draw.random() < 0.1:
        mapping = damage_mapping(_mapping_text(mapping or seed.tracker, seed, draw), draw, seeds)
    return Trial(tuple(files), mapping, draw.choice(OPTIONS) if draw.random() < 0.15 else ())


def _mapping_text(mapping: str, seed: Stored, draw: Draw) -> str:
    if mapping in PRESETS:
        return (ROOT / "mappings" / f"{mapping}.yaml").read_text(encoding="utf-8")
    return mapping if "\n" in mapping else generic_mapping(seed, draw)


def run_trial(trial: Trial) -> tuple[Failed | None, str]:
    """Check the files of a trial: what is wrong with that, if anything, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="triage-fuzz-") as name:
        folder = Path(name)
        out, talk = io.StringIO(), io.StringIO()
        arguments = [*trial.arguments(folder), "--json", "--out", str(folder / "out")]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(talk), _bounded(SECONDS_EACH):
                cli.main(arguments, prog_name="triage-import", standalone_mode=False)
        except ImporterError as error:
            wrong = "" if error.message else "an error without a message"
            return (Failed(wrong, "") if wrong else None), type(error).__name__
        except click.ClickException as error:
            return None, type(error).__name__
        except TooSlow as error:
            return Failed("hangs", _last_frames(error)), "hangs"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            frame = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
            return Failed(what, _last_frames(error)), what
        wrong = find_wrong(folder / "out", json.loads(out.getvalue()))
        return (Failed(wrong, talk.getvalue()) if wrong else None), "checked"


def _last_frames(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)[-6:])


@contextlib.contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    def strike(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def find_wrong(out: Path, summary: dict[str, Any]) -> str:
    """What doesn't add up in the reports of a check, `""` if all does."""
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        results = list(csv.DictReader(file, strict=True))
    outcomes = {name: summary[name] for name in ("planned", "skipped", "rejected") if summary[name]}
    writes = [json.loads(line) for line in (out / "planned.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    planned = [write for write in writes if write["path"] == ISSUES_PATH]
    if summary["rows"] != sum(outcomes.values()) or summary["rows"] != len(results):
        return f"{summary['rows']} rows, {outcomes}, {len(results)} lines in results.csv"
    if Counter(row["outcome"] for row in results) != outcomes:
        return "results.csv and the summary differ"
    # Several rows may be one issue.
    planned_keys = dict.fromkeys(row["key"] for row in results if row["outcome"] == "planned")
    if [*planned_keys] != [escape_signs(write["key"]) for write in planned]:
        return "results.csv and planned.jsonl differ"
    if len({write["key"] for write in planned}) != len(planned):
        return "a key is planned twice"
    if any(not row["key"] for row in results if row["outcome"] == "planned"):
        return "a row without a key is planned"
    return "" if json.loads((out / "summary.json").read_text(encoding="utf-8")) == summary else "summary.json differs"


Run = Callable[[Trial], tuple[Failed | None, str]]


def minimise(trial: Trial, what: str, run: Run = run_trial) -> Trial:
    """Take away what isn't needed to fail in the same way."""
    deadline = time.monotonic() + MINIMISING_SECONDS
    size = max(len(file.data) for file in trial.files)
    while size and time.monotonic() < deadline:
        for number in range(len(trial.files)):
            place = 0
            while place < len(trial.files[number].data) and time.monotonic() < deadline:
                smaller = _without(trial, number, place, place + size)
                failed, _ = run(smaller)
                if failed is not None and failed.what == what:
                    trial = smaller
                else:
                    place += size
        size //= 2
    return trial


def _without(trial: Trial, number: int, start: int, end: int) -> Trial:
    files = list(trial.files)
    files[number] = files[number]._replace(data=files[number].data[:start] + files[number].data[end:])
    return trial._replace(files=tuple(files))


def peak_mb() -> int:
    """The most memory that this process, or one that it has waited for, has had."""
    kilobytes = 1024 if sys.platform == "darwin" else 1
    usages = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usages) // kilobytes // 1024


def fuzz(
    seeds: Sequence[Stored], seed: int, numbers: Iterable[int], most_mb: int | None = None, run: Run = run_trial
) -> tuple[Counter[str], list[tuple[Trial, Failed]]]:
    """Try damaged files, one for each number: how they ended, and the first of each failure.

    most_mb  the memory that this process may take; the trial that exceeds it has failed
    """
    endings = Counter[str]()
    failures: dict[str, tuple[Trial, Failed]] = {}
    for number in numbers:
        trial = draw_trial(seeds, Draw(f"{seed}-{number}"))
        failed, ending = run(trial)
        endings[ending] += 1
        if failed is None and most_mb is not None and peak_mb() > most_mb:
            failed = Failed(TOO_MUCH, f"{peak_mb()} MB")
        if failed is not None:
            failures.setdefault(failed.what, (trial, failed))
    return endings, list(failures.values())


def keep(trial: Trial, failed: Failed) -> str:
    """Keep what failed, made small; the command that shows it."""
    folder = Path(tempfile.mkdtemp(prefix="triage-fuzz-kept-"))
    small = trial if failed.what in ("hangs", TOO_MUCH) else minimise(trial, failed.what)
    return "triage-import " + " ".join(small.arguments(folder))


@click.command()
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--seed", default=None, type=int, help="Of the damage; drawn and printed if unset.")
@click.option("--folder", default=EXPORTS, type=click.Path(path_type=Path), help="Where the files are.")
def main(minutes: float, seed: int | None, folder: Path) -> None:
    """Check damaged files."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    seeds = load_seeds(folder)
    click.echo(f"seed {seed}, {len(seeds)} files")
    deadline = time.monotonic() + minutes * 60
    endings, failures = fuzz(seeds, seed, takewhile(lambda _: time.monotonic() < deadline, count()), MOST_MB)
    for ending, times in endings.most_common():
        click.echo(f"{times:8,} {ending}")
    click.echo(f"at most {peak_mb()} MB")
    for trial, failed in failures:
        click.echo(f"\n{failed.what}\n{failed.shown}\n{keep(trial, failed)}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
