"""`validate` of wide answers against the same answers a row: CPU by slope, and peak memory.

    python -m tests.benchmarks.answers [--calls 2000]

Both run in processes of their own, on N and on 4 N calls of twenty criteria, as a table and as JSON lines.
"""

from __future__ import annotations

import csv
import json
import random
import tempfile
from pathlib import Path
from statistics import median

import click

from tests.benchmarks.processes import ROUNDS, TIMES, measure

CRITERIA = [f"Criterion {number}" for number in range(20)]
WANTED, WANTED_GROWTH_MB = 1.5, 32
MAPPING = """
input: {{name: qa, key: {{template: "{call}/{name}"}}}}
title: {{template: "{name}: {agent}"}}
description: {note}
answer: {answer}
severity: {{value: medium}}
status: {{value: todo}}
category: {{value: Bug}}
{each}
"""
OF_TABLES = {"name": "_name", "answer": "_answer", "note": "_note"}
MAPPINGS = {
    "table": {"call": "{call}", "agent": "{agent}", **OF_TABLES},
    "lines": {"call": "{path:_record.call}", "agent": "{path:_record.agent}", "answer": "answer", "note": "note"},
}
EACH = {"table": "each: {columns: [/^Criterion/], note: next}", "lines": "each: {path: results}"}


def write_files(folder: Path, calls: int) -> None:
    """Write the same answers wide and long, as tables and as JSON lines."""
    draw = random.Random(1)
    with (
        (folder / f"table-wide-{calls}.csv").open("w", newline="") as wide,
        (folder / f"table-long-{calls}.csv").open("w", newline="") as long,
        (folder / f"lines-wide-{calls}.jsonl").open("w") as records,
        (folder / f"lines-long-{calls}.jsonl").open("w") as lines,
    ):
        wide_rows, long_rows = csv.writer(wide), csv.writer(long)
        wide_rows.writerow(["call", "agent", *(cell for name in CRITERIA for cell in (name, "Comment"))])
        long_rows.writerow(["call", "agent", *OF_TABLES.values()])
        for number in range(calls):
            call = {"call": f"c-{number}", "agent": f"Agent {number % 25}"}
            said = [draw.choice(["Yes", "Yes", "Yes", "No", "N/A"]) for _ in CRITERIA]
            notes = [f"Call {number} went wrong here, at some length" if answer == "No" else "" for answer in said]
            results = [
                {"name": name, "answer": answer, "note": note}
                for name, answer, note in zip(CRITERIA, said, notes, strict=True)
            ]
            pairs = zip(said, notes, strict=True)
            wide_rows.writerow([*call.values(), *(cell for pair in pairs for cell in pair)])
            long_rows.writerows([*call.values(), *result.values()] for result in results)
            records.write(json.dumps({**call, "results": results}) + "\n")
            lines.writelines(json.dumps({**result, "_record": call}) + "\n" for result in results)


def compare(folder: Path, kind: str, calls: int) -> bool:
    """Measure one format, print a line, and say whether it is as wanted."""
    end = {"table": "csv", "lines": "jsonl"}[kind]
    seconds: dict[tuple[str, int], list[float]] = {}
    peaks: dict[int, float] = {}
    for form in ("wide", "long"):
        each = EACH[kind] if form == "wide" else ""
        names = {"name": "name", **MAPPINGS[kind]}
        keys = {**names, "name": "{" + names["name"] + "}"}
        (folder / f"{form}.yaml").write_text(MAPPING.format(**keys, each=each))
    for _ in range(ROUNDS):
        for form in ("wide", "long"):
            for count in (calls, calls * TIMES):
                path, mapping = folder / f"{kind}-{form}-{count}.{end}", folder / f"{form}.yaml"
                options = ("--json", "--out", str(folder / "out"))
                spent, peak = measure("-m", "importer", "validate", str(path), "-m", str(mapping), *options)
                seconds.setdefault((form, count), []).append(spent)
                peaks[count] = max(peaks.get(count, 0.0), peak if form == "wide" else 0.0)
    rows = calls * (TIMES - 1) * len(CRITERIA)
    slopes = {
        form: (median(seconds[form, calls * TIMES]) - median(seconds[form, calls])) / rows * 1e6
        for form in ("wide", "long")
    }
    ratio, growth = slopes["wide"] / slopes["long"], peaks[calls * TIMES] - peaks[calls]
    click.echo(
        f"{kind} wide {slopes['wide']:.1f} µs an answer, long {slopes['long']:.1f}, ratio {ratio:.2f} "
        f"(wanted {WANTED}); {growth:+.0f} MB for {TIMES} times the calls"
    )
    return ratio <= WANTED and growth <= WANTED_GROWTH_MB


@click.command()
@click.option("--calls", default=2000, show_default=True)
def main(calls: int) -> None:
    """Measure both formats; exit code 1 if one is not as wanted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (calls, calls * TIMES):
            write_files(folder, count)
        good = [compare(folder, kind, calls) for kind in MAPPINGS]
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
