"""Whether two versions of the program do the same at a target that misbehaves, and kills them at the same places.

python -m tests.harness.twins BEFORE AFTER --seeds 20 [--first 1]

Each seed is two nights of a source with comments, evidence, flags, relations and numbers in texts, then `verify` and
`undo`. Each version has a target of its own, with the same clock. What befalls a request is drawn by its act, row and
attempt, never by its number among all, so that one that asks less meets the same. Compared are the bodies of all
writes, what became of each row, how commands ended, and what the target has at the end, which is also counted against
the source: each thing is there once. Requests are only counted. In seeds with an even number each request waits for the
one before, and some of them are met by SIGKILL; in the others eight are under way.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, zip_longest
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import NamedTuple

import httpx

from tests.harness.additions import HEADER, MAPPING, Drawn, ask_target, check_additions
from tests.harness.attempts import is_incomplete
from tests.harness.checkouts import Checkout, loaded
from tests.harness.differences import show
from tests.harness.doors import Door, serve_door
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.promises import Broken, Source, check_target
from tests.harness.running import read_csv, write_csv
from tests.harness.weather import draw_oddities

ISSUES = "/v1/triage/issues"
CREATE = f"POST {ISSUES}"
ROWS, MORE_ROWS, CHANGED, EDITED = 16, 4, 6, 3
MOST_ATTEMPTS = 60
SECONDS_EACH = 300.0
OF_WRITES = {"500 before": 4, "500 after": 4, "reset before": 3, "reset after": 3, "429": 3, "late": 3}
KILLS = {"killed before": 1, "killed after": 1, "killed once answered": 1}
OF_READS = {"500 before": 2, "reset before": 2}
"""What befalls a request → of a hundred so many. Before or after: before it is carried out, or after."""
TROUBLED = 4
"""A request that is made again so often is let alone."""
OWN = ("id", "org_id", "number", "triage_id")
"""What a target gives to each thing itself."""
FINISHED, REFUSED = (0, 1), 2
PROMISES = "broken promises"
AT_A_TIME = 8
RUN = ("--yes", "--max-rejected", "100%", "--max-changes", "100%", "--on-change", "update", "--settle-seconds", "1")


class Place(NamedTuple):
    """Where a request stands in an import, whatever came before: the `attempt`th, from 1, of an act for a row.

    `text` is what is added to the row's issue, without ids.
    """

    act: str
    row: str
    text: str
    attempt: int


class FatefulDoor(Door):
    """Passes requests on to a target, and lets befall each what its place says."""

    def __init__(self, target: str, seed: int) -> None:
        super().__init__(target)
        self._seed, self._dies = seed, seed % 2 == 0
        self._attempts, self._pids = Counter[tuple[str, str, str]](), SimpleQueue[int]()
        self._doomed = self._dead = False
        self._rows: dict[str, str] = {}
        self.writes: list[tuple[str, str, bytes]] = []
        self.requests, self.met = Counter[str](), Counter[str]()

    def admit(self, pid: int) -> None:
        """Say which process a kill is for."""
        self._pids.put(pid)

    def settle(self) -> None:
        """Carry out what is still late, after the end of a process."""
        with self._lock:
            self._carry_out_late()
            self._pids = SimpleQueue()
            self._doomed = self._dead = False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer a request, one at a time; None is a reset."""
        with self._lock:
            if self._dead or self._doomed:
                self._kill()
                return None
            self._carry_out_late()
            place = self._place(method, path, body)
            fate = self._draw(place, method)
            self.met[fate] += bool(fate)
            self.requests[place.act] += 1
            if method != "GET":
                self.writes.append((place.act, place.row, body))
            what, _, when = fate.partition(" ")
            if when == "before":
                return self._befall(what)
            if what == "429":
                return 429, b""

            def carry_out() -> tuple[int, bytes]:
                done = self._target.request(method, path, headers=headers, content=body)
                if place.act == CREATE and done.is_success:
                    self._rows[done.json()["data"]["id"]] = place.row
                return done.status_code, done.content

            if what == "late":
                self._plan.late = carry_out
                return 500, b""
            answer = carry_out()
            self._doomed = when == "once answered"
            return self._befall(what) if when == "after" else answer

    def _place(self, method: str, path: str, body: bytes) -> Place:
        """Tell by what a request says which row it is for, and by its text what is added to an issue."""
        address, _, query = path.partition("?")
        issue_id = address.removeprefix(ISSUES).strip("/").partition("/")[0]
        row, act = self._rows.get(issue_id, ""), f"{method} {address}"
        if row:
            act = act.replace(issue_id, "{id}")
        elif method == "GET":
            row = re.sub("cursor=[^&]*", "", query)
        elif act == CREATE:
            row = json.loads(body)["title"]
        text = self.normalise(body.decode()) if row and method == "POST" and act != CREATE else ""
        self._attempts[act, row, text] += 1
        return Place(act, row, text, self._attempts[act, row, text])

    def normalise(self, text: str) -> str:
        """Put the names of rows for ids, and nothing for the numbers of issues."""
        for issue_id, row in self._rows.items():
            text = text.replace(issue_id, row)
        return re.sub(r"\bT-\d+\b", "T-…", text)

    def _draw(self, place: Place, method: str) -> str:
        chances = OF_READS if method == "GET" else OF_WRITES | KILLS if self._dies else OF_WRITES
        if place.attempt > TROUBLED:
            return ""
        rest = 100 - sum(chances.values())
        [fate] = Random(f"{self._seed} {place}").choices([*chances, ""], [*chances.values(), rest])
        return fate

    def _befall(self, what: str) -> tuple[int, bytes] | None:
        if what == "killed":
            self._kill()
        return (500, b"") if what == "500" else None

    def _kill(self) -> None:
        if not self._dead:
            os.kill(self._pids.get(), signal.SIGKILL)
        self._dead = True  # whatever it had sent before goes nowhere


class Lived(NamedTuple):
    """What a version has done and left behind: kind of fact → lines, and more."""

    facts: dict[str, list[str]]
    requests: Counter[str]
    met: Counter[str]

    def story(self) -> str:
        """Tell in a few words what it went through."""
        kills = sum(times for fate, times in self.met.items() if fate in KILLS)
        broken = "".join(f"; broken: {' '.join(sentence.split())}" for sentence in self.facts[PROMISES])
        return f"{self.requests.total():,} requests, {self.met.total() - kills} faults, {kills} kills{broken}"


class Life:
    """One version at its own target: commands that are started again until they have come to their end."""

    def __init__(self, checkout: Checkout, folder: Path, sandbox: RunningSandbox, door: FatefulDoor, seed: int) -> None:
        self._checkout, self._folder, self._sandbox, self._door = checkout, folder, sandbox, door
        self._seed = seed
        self.facts: dict[str, list[str]] = {PROMISES: []}

    def live(self) -> None:
        """Let the nights pass, and take down the facts."""
        random = Random(self._seed)
        nights = draw_nights(random)
        (self._folder / "mine.yaml").write_text(MAPPING, encoding="utf-8")
        more = ("--no-canary",) if random.random() < 0.5 else ()
        for number, source in enumerate(nights, 1):
            write_csv(self._folder / "export.csv", source.rows, HEADER)
            self._run(f"night {number}", "run", "export.csv", "-m", "mine.yaml", *RUN, *more)
            try:
                target = ask_target(self._sandbox)
                check_target(target.issues, [row[1] for row in source.rows])
                check_additions(target, source)
            except Broken as broken:
                self.facts[PROMISES].append(f"night {number}: {self._door.normalise(str(broken))}")
            self.facts[f"target after night {number}"] = self._see_target()
            self._edit({row[1] for row in random.sample(source.rows, EDITED)})
        self._run("verify", "verify", "last")
        self._run("undo", "undo", "last", "--close", "--apply", "--yes")
        self.facts["target at the end"] = self._see_target()
        writes = (f"{act} {row}: {body.decode()}" for act, row, body in self._door.writes)
        self.facts["writes"] = [self._door.normalise(line) for line in writes]

    def _run(self, name: str, *words: str) -> None:
        """Run a command until it has finished."""
        reports = self._folder / name
        said = self._folder / "stdout", self._folder / "stderr"
        addressed = ["--api-url", self._door.url] if words[0] == "run" else []
        concurrency = ["--concurrency", "1" if self._seed % 2 == 0 else "8"] if words[0] != "verify" else []
        options = [*addressed, *concurrency, "--rate", "0", "--ledger", "ledger.db", "--json", "--out", name]
        codes = Counter[int | None]()
        while codes.total() < MOST_ATTEMPTS:
            started = self._checkout.start([*words, *options], self._folder, *said)
            self._door.admit(started.pid)
            code = started.wait(SECONDS_EACH)
            self._door.settle()
            codes[code] += 1
            if code in (None, REFUSED) or (code in FINISHED and (words[0] != "run" or not is_incomplete(reports))):
                break
        self.facts[f"end of {name}"] = [
            f"exit code {code}",
            *(said[1].read_text().split("\n") if code == REFUSED else []),
        ]
        for report in sorted(reports.glob("*.csv")):
            lines = map(json.dumps, read_csv(report))
            self.facts[f"{report.name} of {name}"] = [self._door.normalise(line) for line in lines]

    def _edit(self, titles: Collection[str]) -> None:
        """Let people change the status of some issues."""
        for issue in self._sandbox.issues():
            if issue["title"] in titles:
                address = f"{self._sandbox.url}{ISSUES}/{issue['id']}"
                httpx.patch(address, json={"status": "in_review"}, headers={"Authorization": "person"})

    def _see_target(self) -> list[str]:
        """Give all that is there without ids and times, what belongs to one issue with its place in order."""
        lines, target = list[str](), ask_target(self._sandbox)
        for kind in ("issues", "comments", "resources", "flags", "relations"):
            places = defaultdict[str, Iterator[int]](count)
            for thing in getattr(target, kind):
                place = next(places[thing["issue_id"]]) if "issue_id" in thing else ""
                shown = {name: it for name, it in thing.items() if name not in OWN and not name.endswith("_at")}
                lines.append(self._door.normalise(f"{kind} {place} {json.dumps(shown)}"))
        return lines


def draw_nights(random: Random) -> Iterator[Source]:
    """Draw a source and what it is the night after: some titles and texts are others, and some rows are new."""
    drawn, first, second = Drawn(random, ROWS, missing=0.05), Source(), Source()
    rows = [drawn.issue(number) for number in range(1, ROWS + MORE_ROWS + 1)]
    for row in rows[:ROWS]:
        first.add(row, "good")
    yield first
    changed = random.sample(rows[:ROWS], CHANGED)
    for row in rows:
        again = (row[0], f"{row[1]}, again", *row[2:5], f"{row[5]} And again.", *row[6:])
        second.add(again if row in changed else row, "good")
    yield second


def live(checkout: Checkout, seed: int) -> Lived:
    """Let a version live through what a seed has in store for it."""
    options = draw_oddities(Random(seed), HostileOptions(), 0.0)
    with tempfile.TemporaryDirectory(prefix="twins-") as folder, serve_in_thread(options) as sandbox:
        door = FatefulDoor(sandbox.url, seed)
        with serve_door(door):
            life = Life(checkout, Path(folder), sandbox, door, seed)
            life.live()
        return Lived(life.facts, door.requests, door.met)


def compare(before: Lived, after: Lived) -> Iterator[str]:
    """Show each fact that only one of them has."""
    for kind in before.facts | after.facts:
        ours, theirs = (Counter(lived.facts.get(kind, ())) for lived in (before, after))
        only = (sorted((one - other).elements()) for one, other in ((ours, theirs), (theirs, ours)))
        yield from (f"{kind}:\n{show(*both)}" for both in zip_longest(*only))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and compare; the exit code is 1 if something is different."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.twins", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("after", type=Path, help="a checkout")
    parser.add_argument("--seeds", type=int, default=20, help="how many; default: %(default)s")
    parser.add_argument("--first", type=int, default=1, help="the first of them; default: %(default)s")
    given = parser.parse_args(arguments)
    different, asked = 0, (Counter[str](), Counter[str]())
    with loaded(given.before.resolve(), given.after.resolve()) as checkouts, ThreadPoolExecutor(AT_A_TIME) as pool:
        seeds = range(given.first, given.first + given.seeds)
        lives = {seed: [pool.submit(live, checkout, seed) for checkout in checkouts] for seed in seeds}
        for seed, both in lives.items():
            before, after = (life.result() for life in both)
            found = [*compare(before, after)]
            different += bool(found)
            print(f"seed {seed}: {len(found)} differences")  # noqa: T201
            print(f"  before: {before.story()}\n  after:  {after.story()}")  # noqa: T201
            print(*found, sep="\n", end="\n" if found else "", flush=True)  # noqa: T201
            for counts, lived in zip(asked, (before, after), strict=True):
                counts.update(lived.requests)
    for act in sorted(asked[0] | asked[1]):
        print(f"{asked[0][act]:8,} before {asked[1][act]:8,} after   {act}")  # noqa: T201
    print(f"{different} of {given.seeds} seeds are different")  # noqa: T201
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
