"""Start-up: the CPU time of `validate` on one row against that of `import pandas`.

    python -m tests.benchmarks.start [--times 5]

The commands run in turn, each in a process of its own; medians count. Wanted: at most 1.6 times `import pandas`.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import click

from tests.benchmarks.check import measure
from tests.benchmarks.source_files import make_ordinary, write_export

WANTED_RATIO = 1.6


@click.command()
@click.option("--times", default=5, show_default=True, help="How often each command is run.")
def main(times: int) -> None:
    """Compare short commands with `import pandas`."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "jira-1.csv", str(Path(folder) / "out")
        write_export(path, 1, make_ordinary)
        validate = ("-m", "importer", "validate", str(path), "--out", out)
        commands = {
            "import pandas": ("-c", "import pandas"),
            "validate, the preset recognised": validate,
            "validate -m jira": (*validate, "-m", "jira"),
            "--help": ("-m", "importer", "--help"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(times):
            for name, command in commands.items():
                seconds[name].append(measure(*command)[0])
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    ratios = {name: median / medians["import pandas"] for name, median in medians.items()}
    for name, ratio in ratios.items():
        click.echo(f"{name}: {medians[name]:.2f} s of CPU, {ratio:.2f} times `import pandas`")
    raise SystemExit(0 if max(ratios.values()) <= WANTED_RATIO else 1)


if __name__ == "__main__":
    main()
