"""Figures of a start for node_exporter's textfile collector, which Prometheus reads."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType

from importer.errors import StorageFull, UsageError, how_to_install
from importer.report.summary import Summary


def find_client() -> ModuleType:
    """Return Prometheus' library. Raises UsageError where the extra is missing."""
    try:
        import prometheus_client
    except ImportError as error:
        raise UsageError("--metrics-file needs prometheus-client.", hint=how_to_install("metrics")) from error
    return prometheus_client


def write_metrics(path: Path, summary: Summary, name: str, started_at: float) -> None:
    """Write the figures of a start of an import, whole or not at all; `name` is the import's, or its source's.

    `started_at` is in seconds since 1970. Raises StorageFull where it can't be written.
    """
    client = find_client()
    registry = client.CollectorRegistry()

    def gauge(what: str, about: str, values: dict[str, float], label: str = "") -> None:
        found = client.Gauge(f"triage_import_{what}", about, ["import", *filter(None, [label])], registry=registry)
        for each, value in values.items():
            found.labels(*([name, each] if label else [name])).set(value)

    gauge("start_timestamp_seconds", "When the last start of the import began.", {"": started_at})
    gauge("end_timestamp_seconds", "When it ended.", {"": time.time()})
    gauge("exit_code", "How it ended, see the exit codes of triage-import.", {"": summary.exit_code})
    gauge("requests", "Requests that it made.", {"": summary.requests})
    gauge("rows", "Rows by outcome.", dict(summary.outcomes()), "outcome")
    gauge("findings", "Rows by code of a finding.", dict(summary.findings), "code")
    try:
        client.write_to_textfile(str(path), registry)
    except OSError as error:
        hint = "Name a file that can be written, in a folder that is there."
        raise StorageFull(f"--metrics-file {path}: {error.strerror}.", hint=hint) from error
