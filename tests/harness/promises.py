"""What an import promises, whatever happens to it: to be looked at from outside, and counted where it is broken."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.errors import ExitCode
from importer.transform.markers import find_marker, record_marker
from tests.harness.running import Ended, read_csv

FINISHED = (ExitCode.DONE, ExitCode.PARTLY)
TO_BE_CONTINUED = (ExitCode.STOPPED, ExitCode.DECIDE, ExitCode.UNKNOWN)
Say = Callable[[str], None]

LATER = {"unchanged", "updated"}
"""What a run makes of good rows of which another one has made the issues: it may have had more to add to them."""

PROMISES = ("doubled", "lost", "disordered", "silent", "misreported")


class Broken(AssertionError):
    """A promise was not kept: `what` is one of `PROMISES`, or wasteful."""

    def __init__(self, what: str, sentence: str) -> None:
        super().__init__(f"{what}: {sentence}")
        self.what = what


def promise(kept: bool, what: str, sentence: object) -> None:
    """Raise Broken unless this promise was kept."""
    if not kept:
        raise Broken(what, str(sentence))


def check_end(ended: Ended, rows: int) -> None:
    """An end that the program chose says what has happened, and its counts add up. Raises Broken."""
    promise(ended.code in (*FINISHED, *TO_BE_CONTINUED), "silent", f"it ended with {ended.code}: {ended.err}")
    promise("Traceback" not in ended.err and ended.out != "", "silent", f"{ended}")
    summary, became = ended.summary, Counter(ended.outcomes())
    promise(summary["exit_code"] == ended.code, "misreported", f"exit code {ended.code}, summary {ended.out}")
    if not summary["run_id"]:  # stopped before it sent anything
        promise(bool(summary["stopped_because"]), "silent", ended.out)
        return
    promise(became.total() == summary["rows"] == rows, "misreported", f"of {rows} rows: {became}")
    open_ = became["planned"] + became["unknown"]
    findings = Counter(summary.get("findings", {}))
    bad = became["rejected"] + became["failed"] + findings["incomplete"]
    bad -= summary.get("known", 0)  # what the last run said of the same rows is no news
    lacking = any(
        findings[code] for code in ("addition-unproven", "evidence-missing", "duplicate-in-triage", "perhaps-gone")
    )
    # Of these only a run before knows what is news.
    news = any(notice["new"] for notice in summary.get("notices", ()) if notice["cause"] in ("conflict", "vanished"))
    means = {
        int(ExitCode.DONE): not (open_ or bad or lacking or news),
        int(ExitCode.PARTLY): not open_ and (bad > 0 or lacking or news or "evidence-pending" in findings),
        int(ExitCode.UNKNOWN): became["unknown"] > 0 or "incomplete" in findings,
        int(ExitCode.STOPPED): bool(summary["stopped_because"]),
        int(ExitCode.DECIDE): bool(summary["stopped_because"]) or "marker-ambiguous" in findings,
    }
    promise(means[ended.code], "misreported", f"exit code {ended.code} with {became}: {ended.err}")


@dataclass
class Source:
    """A source, and what is to become of each of its rows: `good`, `rejected` or `skipped`."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    fates: list[str] = field(default_factory=list)

    def add(self, row: tuple[str, ...], fate: str) -> None:
        self.rows.append(row)
        self.fates.append(fate)

    def good(self) -> list[tuple[str, ...]]:
        """The rows that become issues."""
        return [row for row, fate in zip(self.rows, self.fates, strict=True) if fate == "good"]


def check_target(issues: Sequence[dict[str, Any]], titles: Sequence[str]) -> None:
    """Each of these titles is at the target once, and nothing else is. Raises Broken."""
    found, wanted = Counter(issue["title"] for issue in issues), Counter(titles)
    doubled = {title: times for title, times in found.items() if times > 1}
    promise(not doubled, "doubled", doubled)
    promise(not wanted - found, "lost", wanted - found)
    promise(not found - wanted, "doubled", f"nobody asked for {found - wanted}")


def check_results(path: Path, source: Source, issues: Sequence[dict[str, Any]]) -> None:
    """results.csv has every row once, in order, and each one that is in names the issue with its marker.

    Nothing that belongs to it failed or is left to be sent.
    """
    by_number = {issue["triage_id"]: issue for issue in issues}
    results = read_csv(path)
    promise(len(results) == len(source.rows), "misreported", f"{len(results)} results of {len(source.rows)} rows")
    good = set[str]()
    for record, (row, fate, result) in enumerate(zip(source.rows, source.fates, results, strict=True), start=1):
        key = f"jira:{row[0]}"
        promise((result["record"], result["key"]) == (str(record), key), "misreported", f"{record}: {result}")
        if fate != "good":
            promise(result["outcome"] == fate, "misreported", f"{fate} row: {result}")
            continue
        good.add(result["outcome"])
        whole = result.get("operations_failed", "0") == "0" and "incomplete" not in result.get("code", "")
        promise(whole, "misreported", f"the issue is incomplete: {result}")
        issue = by_number.get(result["triage_id"], {"id": "", "title": "", "description": ""})
        its = (issue["id"], issue["title"], find_marker(issue["description"]))
        promise(its == (result["issue_id"], row[1], record_marker(key)), "misreported", f"{result} is {issue}")
    # A command that is killed after its run has finished is a new run the next time.
    promise(good == {"created"} or good <= LATER, "misreported", f"the good rows became {good}")


def check_verified(ended: Ended, results: Path) -> None:
    """The program finds every issue that its last run made as it was sent, and no others. Raises Broken."""
    promise(ended.code == ExitCode.DONE, "misreported", f"`verify` ended with {ended.code}: {ended.out}{ended.err}")
    made = sum(result["outcome"] == "created" for result in read_csv(results))
    promise(ended.summary["same"] == made, "misreported", f"`verify` saw {ended.summary['same']} of {made} issues")


class Tally:
    """What a storm has seen so far: its counts, and every broken promise, which is said at once."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.counts = Counter[str]()
        self.broken: list[str] = []
        self._lock = threading.Lock()

    def count(self, **more: int) -> None:
        with self._lock:
            self.counts.update(more)

    @contextmanager
    def judging(self, name: str) -> Iterator[None]:
        """Keep what breaks a promise, with the name of what did."""
        try:
            yield
        except Broken as broken:
            self.count(**{broken.what: 1})
            self.broken.append(f"{name}: {broken}")
            self._say(self.broken[-1])

    def table(self, *names: str) -> str:
        """The figures of these names, of each promise, and the moments of kills."""
        moments = sorted(name for name in self.counts if name.startswith("kills "))
        figures = [f"{name:24}{self.counts[name]:>10,}" for name in (*names, *moments, *PROMISES)]
        return "\n".join(figures)
