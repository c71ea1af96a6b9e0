"""The storm: imports that are killed again and again while their target misbehaves; afterwards each row is in, once.

So is all that belongs to its issue: comments in their order, calls, flags, relations, and the numbers of other issues.

python -m tests.end_to_end.storm --kills 1000 --settle-seconds 30      many imports, killed at random moments
python -m tests.end_to_end.storm --black-box                           one large import, and what it cost in requests
python -m tests.end_to_end.storm --black-box --defaults --rows 200     the same at the program's own pace

Nothing but the command line, files, a sandbox on a real port, and SIGKILL. The same seed draws the same sources, faults
and waits; the machine's own pace does the rest.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

import click

from importer.sandbox.gate import Fault
from importer.sandbox.storage import Store
from importer.transform.markers import record_marker
from tests.harness.additions import HEADER, MAPPING, Drawn, Target, check_additions, read_target
from tests.harness.attempts import QUIET_SECONDS, Command, is_incomplete
from tests.harness.forked import Forked
from tests.harness.hostile import KINDS, HostileOptions, RunningSandbox, parse_fault, serve_in_thread
from tests.harness.promises import (
    FINISHED,
    Say,
    Source,
    Tally,
    check_end,
    check_results,
    check_target,
    check_verified,
    promise,
)
from tests.harness.running import write_csv
from tests.harness.weather import draw_oddities


def draw_source(random: Random, rows: int) -> Source:
    """A source with texts of any length, some of which quote other rows' markers, bad rows and repeated ones.

    Its rows have the cells of `additions.HEADER`.
    """
    # Each run asks again for calls that the sandbox doesn't know, and one that it refuses leaves the row incomplete: of
    # thirty, a target that refuses a tenth of all writes refuses some in nearly every run.
    source, drawn = Source(), Drawn(random, rows, missing=0.02)
    for number in range(1, rows + 1):
        text = drawn.text() + "word " * random.choice((0, 1, 15, 30, 200))
        if random.random() < 0.03:
            quoted = record_marker(f"jira:PROJ-{random.randint(1, rows)}")
            text += f"\n---\nImported from a copy\ntis{'0' * 12} {quoted} (leave this line)\n{text}"
        status = random.choice(("To Do", "To Do", "Done"))
        issue = (f"PROJ-{number}", f"Title {number}", "High", status, "Bug", text)
        row = (*issue, *drawn.cells(issue[0]))
        if random.random() < 0.01:
            source.add((*row[:2], "No such priority", *row[3:]), "rejected")
            continue
        source.add(row, "good")
        if random.random() < 0.01:
            source.add(row, "skipped")
    return source


@dataclass(frozen=True)
class Settings:
    """What a storm is like.

    kills            in all; a round has `kills_a_round` of them, or fewer if its import finishes before
    workers          rounds at a time
    settle_seconds   what the command is told; late commits come up to half of it late
    search_lag       seconds until the target's search finds an issue
    ledger           given to the command with the round's number for `{round}`; empty for a file of its own
    defaults         whether a black box runs at the program's own pace, with its canary
    """

    seed: int
    kills: int = 1000
    kills_a_round: int = 25
    rows: int = 300
    workers: int = 6
    settle_seconds: float = 30.0
    search_lag: float = 5.0
    ledger: str = ""
    defaults: bool = False

    def make_ledger(self, number: int) -> str:
        """The ledger of a round, as `--ledger` takes it."""
        return self.ledger.replace("{round}", str(number)) or "ledger.db"


def faults_of(chance: Callable[[str, str], float], settle_seconds: float, late_seconds: float) -> tuple[Fault, ...]:
    """Every kind of fault, of writes and of reads, each with the chance (in percent) that is wanted for it."""
    seconds = {"hang-after": min(2, settle_seconds / 2), "late-commit": late_seconds, "slow": 0.3, "429": 0}
    faults = []
    for kind, where in itertools.product(MISBEHAVIOUR, ("write", "read")):
        if where == "read" and kind in REFUSED_AFTER:  # a read that is refused does nothing that could be doubted
            continue
        length = f"={seconds.get(kind, 1):g}" if KINDS[kind] is not None else ""
        faults.append(parse_fault(f"{kind}{length}:{where}@{chance(kind, where):g}%"))
    return tuple(faults)


def draw_weather(random: Random, settings: Settings) -> HostileOptions:
    """A target's misbehaviour: a little of everything, more of one kind, often a storm of 429."""
    favourite = random.choice(MISBEHAVIOUR)

    def chance(kind: str, where: str) -> float:
        # Those 429 that have nothing to do with the pace make the importer crawl, and each 403 stops it: few of them.
        if kind in ("429", "403-after"):
            return 0.5
        return random.choice((0, 10) if kind == favourite else (0, 1, 3))

    late_seconds = random.uniform(0.1, 0.5) * settings.settle_seconds
    options = HostileOptions(
        faults=faults_of(chance, settings.settle_seconds, late_seconds),
        rate_limit=random.choice((None, None, 40.0)),
        cut_descriptions=random.random() < 0.5,
        search_lag=settings.search_lag,
        seed=random.randrange(10**6),
    )
    return draw_oddities(random, options, settings.settle_seconds)


@dataclass
class Round:
    """One import of a source into a misbehaving target, killed as often as wished, then finished and looked at.

    `verifies` is whether the program itself is to look at it, too.
    """

    name: str
    random: Random
    source: Source
    weather: HostileOptions
    ledger: str
    settle_seconds: float
    more: tuple[str, ...]
    reach_seconds: float
    verifies: bool = False

    def run(self, kills: int, tally: Tally) -> Counter[str]:
        """Run it and give the requests that it took by method and path; what was broken is in the tally."""
        with tempfile.TemporaryDirectory(prefix="storm-") as name:
            folder = Path(name)
            write_csv(folder / "export.csv", self.source.rows, HEADER)
            (folder / "mine.yaml").write_text(MAPPING, encoding="utf-8")
            with serve_in_thread(replace(self.weather, db=folder / "sandbox.db")) as sandbox:
                command = Command(folder, sandbox.url, self.ledger, self.settle_seconds, self.more, "mine.yaml")
                with tally.judging(self.name):
                    self._endure(command, sandbox, kills, tally)
                requests = sandbox.requests()
                if self.verifies:
                    with tally.judging(self.name):
                        check_verified(command.verify(), folder / "reports" / "results.csv")
            target = read_kept(folder / "sandbox.db")
            tally.count(rounds=1, issues=len(target.issues), comments=len(target.comments), requests=requests.total())
            with tally.judging(self.name):
                check_target(target.issues, [row[1] for row in self.source.good()])
                check_results(folder / "reports" / "results.csv", self.source, target.issues)
                check_additions(target, self.source)
        return requests

    def _endure(self, command: Command, sandbox: RunningSandbox, kills: int, tally: Tally) -> None:
        for _ in range(kills):
            before = sandbox.requests()
            ended = command.attempt(partial(self._wait, sandbox))
            if ended is None:
                tally.count(**{"kills": 1, f"kills {moment_of(sandbox.requests() - before, command.folder)}": 1})
            else:
                check_end(ended, len(self.source.rows))
                if ended.code in FINISHED and not is_incomplete(command.folder / "reports"):
                    return
        command.finish(len(self.source.rows), sandbox)

    def _wait(self, sandbox: RunningSandbox, process: Forked) -> None:
        """Wait for a moment after the start, the first request, or the first that creates, settles or adds."""
        origin = self.random.choice(("start", "request", "work", "work", "adding", "adding"))
        seconds = self.random.uniform(0, 1.0 if origin == "start" else self.reach_seconds)
        if self.random.random() < 0.15:
            seconds += self.random.expovariate(4 / self.settle_seconds)
        before, deadline = sandbox.requests(), time.monotonic() + QUIET_SECONDS
        while origin != "start" and process.poll() is None and time.monotonic() < deadline:
            seen = sandbox.requests() - before
            if seen and (origin == "request" or moment_of(seen) in ORIGINS[origin]):
                break
            time.sleep(0.01)
        process.wait(seconds)


CHECKING, SENDING, SETTLING, ADDING = "while checking", "while sending", "while settling", "while adding"
ORIGINS = {"work": (SENDING, SETTLING, ADDING), "adding": (ADDING,)}
"""What an attempt is at when a wait begins, where that isn't its first request."""


def moment_of(seen: Counter[str], folder: Path | None = None) -> str:
    """Say what an attempt was at, by its requests and reports."""
    if not seen:
        return "before any request"
    if any("/issues/{id}/" in request for request in seen):
        return ADDING
    if not seen["POST /v1/triage/issues"] and not seen["GET /v1/triage/issues"]:
        return CHECKING
    if folder is not None and (folder / "reports" / "results.csv").exists():
        return "while reporting"
    return SENDING if seen["POST /v1/triage/issues"] else SETTLING


def read_kept(database: Path) -> Target:
    """What a sandbox that was stopped has kept: its late commits are in it too."""
    with closing(Store(database)) as store:
        return read_target(store)


def run_storm(settings: Settings, say: Say) -> Tally:
    """Rounds until there were enough kills. What was broken is in the tally, with seed and round."""
    tally, numbers = Tally(say), itertools.count(1)

    def work() -> None:
        while tally.counts["kills"] < settings.kills:
            number = next(numbers)
            random = Random(f"{settings.seed} {number}")
            rate = random.choice((0, 60, 200))
            contact = () if random.random() < 0.25 else ("--no-canary",)
            import_ = Round(
                name=f"seed {settings.seed}, round {number}",
                random=random,
                source=draw_source(random, settings.rows),
                weather=draw_weather(random, settings),
                ledger=settings.make_ledger(number),
                settle_seconds=settings.settle_seconds,
                more=("--rate", f"{rate}", "--concurrency", random.choice(("1", "8", "32")), *contact),
                reach_seconds=0.5 + settings.rows / (rate or 300),
            )
            import_.run(settings.kills_a_round, tally)
            say(f"{import_.name}: {tally.counts['kills']:,} kills, {len(tally.broken)} broken promises")

    with ThreadPoolExecutor(settings.workers) as pool:
        for working in [pool.submit(work) for _ in range(settings.workers)]:
            working.result()
    return tally


MISBEHAVIOUR = tuple(kind for kind in KINDS if kind != "edit")
"""What a target does; an edit is a person's."""
REFUSED_AFTER = ("400-after", "403-after", "404-after", "409-after", "422-after")
UNKNOWNS = ("500-after@2%", "hang-after=2@2%", "reset-after@2%", "late-commit={late:g}@2%", "not-json@2%", "429=1@1%")
MOST_OVERHEAD = 1.4


def run_black_box(settings: Settings, say: Say) -> Tally:
    """One import with five kinds of unknown, and an undisturbed one; more than `MOST_OVERHEAD` breaks a promise too."""
    tally, random = Tally(say), Random(f"{settings.seed} black box")
    source = draw_source(random, settings.rows)
    faults = tuple(parse_fault(fault.format(late=settings.settle_seconds / 2)) for fault in UNKNOWNS)
    seen = []
    for kills, weather in ((0, HostileOptions()), (settings.kills, HostileOptions(faults=faults, seed=settings.seed))):
        import_ = Round(
            name=f"seed {settings.seed}, {kills} kills",
            random=random,
            source=source,
            weather=weather,
            ledger=settings.make_ledger(kills),
            settle_seconds=settings.settle_seconds,
            more=() if settings.defaults else ("--rate", "0", "--concurrency", "8", "--no-canary"),
            reach_seconds=30.0 if settings.defaults else 2.0,
            verifies=True,
        )
        seen.append(import_.run(kills, tally))
    undisturbed, disturbed = seen
    for path in sorted(disturbed):
        say(f"{path:40}{undisturbed[path]:>8,} undisturbed{disturbed[path]:>8,} disturbed")
    ratio = disturbed.total() / undisturbed.total()
    say(f"{ratio:.2f} times the requests of an undisturbed import")
    with tally.judging(f"seed {settings.seed}"):
        promise(ratio <= MOST_OVERHEAD, "wasteful", f"{ratio:.2f} times the requests")
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run a storm; the exit code is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.end_to_end.storm", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--black-box", action="store_true", help="one large import, and what it cost in requests")
    parser.add_argument("--defaults", action="store_true", help="with --black-box: at the program's own pace")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--kills", type=int, help="default: 1000; with --black-box: 50")
    parser.add_argument("--rows", type=int, help="of each import; default: 300; with --black-box: 5000")
    parser.add_argument("--workers", type=int, default=6, help="imports at a time; default: %(default)s")
    parser.add_argument("--settle-seconds", type=float, default=30.0, help="default: %(default)s")
    parser.add_argument("--search-lag", type=float, default=5.0, help="in seconds; default: %(default)s")
    parser.add_argument("--ledger", default="", help="postgresql://…, {round} in it is the round's number")
    given = parser.parse_args(arguments)
    settings = Settings(
        seed=given.seed,
        kills=given.kills or (50 if given.black_box else 1000),
        rows=given.rows or (5000 if given.black_box else 300),
        workers=given.workers,
        settle_seconds=given.settle_seconds,
        search_lag=given.search_lag,
        ledger=given.ledger,
        defaults=given.defaults,
    )
    click.echo(f"seed {settings.seed}")
    tally = (run_black_box if given.black_box else run_storm)(settings, click.echo)
    click.echo(tally.table("rounds", "kills", "issues", "comments", "requests"))
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
