"""A small import, killed by SIGKILL at every boundary and then run to its end: `python -m tests.end_to_end.sweep`.

It has everything that follows an issue: comments, a call, a flag, a relation, numbers in descriptions.
Boundaries are counted in an undisturbed run. Those of the program (commits, files) kill it from within, through hooks
of SQLAlchemy and Python; those of the network kill it from a door before the target, on real sockets. With
`--power-loss SEED` each kill is a power cut, too: what wasn't synced may be gone, see `tests.harness.power`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web

from tests.harness.additions import ADDED, MAPPING, ask_target, check_additions
from tests.harness.boundaries import AFTER_COMMIT, BEFORE_COMMIT, BEFORE_FILE, PASSED, Boundary, kill_at
from tests.harness.forked import Forked
from tests.harness.hostile import HostileOptions, RunningSandbox, parse_fault, serve_in_thread
from tests.harness.power import cut_power, lose_files, record_syncs
from tests.harness.promises import Broken, Source
from tests.harness.running import HEADER as ISSUE_HEADER
from tests.harness.running import KEY, Ended, finish, issue_row, read_csv, write_csv
from tests.harness.thirds import take_third
from tests.harness.weather import draw_oddities

BEFORE_REQUEST, BEFORE_ANSWER = "before a request is carried out", "carried out, before its answer"
AFTER_ANSWER = "after its answer"
KINDS = (BEFORE_COMMIT, AFTER_COMMIT, BEFORE_FILE, BEFORE_REQUEST, BEFORE_ANSWER, AFTER_ANSWER)

ROWS = 6
REFUSED = 6
"""The number of the row that Triage refuses."""
FAULTS = (
    "500-after:create@req=2",
    "late-commit=0.3:create@req=4",
    "500-after:comment@req=2",
    "late-commit=0.3:relation@req=1",
    "500-after:update@req=1",
)
SETTLE_SECONDS = 1.0
OPTIONS = (
    *("--yes", "--json", "--rate", "0", "--concurrency", "2", "--settle-seconds", f"{SETTLE_SECONDS:g}"),
    *("--fail-on", "any"),  # what is refused each time is looked at, too
)
AT_A_TIME = 16
"""Imports mostly wait, for issues that may still appear; so many of them keep two cores busy."""
KILLED = -signal.SIGKILL
TROUBLE = ("Traceback", "This is a bug")


class Door:
    """Passes requests on to a target, counts the boundaries of each, and kills an import at one of them."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session
        self.passed = Counter[str]()
        self._fatal: Boundary | None = None
        self._pid: asyncio.Queue[int] = asyncio.Queue()

    def kill_at(self, boundary: Boundary | None) -> None:
        """Kill the import that `admit` will name when it comes to this boundary."""
        self._fatal = boundary
        self._pid = asyncio.Queue()

    def admit(self, pid: int) -> None:
        """Say which process to kill."""
        self._pid.put_nowait(pid)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Pass a request on, and its answer back; at its boundary a request goes no further."""
        body = await request.read()
        gone = web.Response(status=503)
        if await self._kills(BEFORE_REQUEST):
            return gone
        async with self._session.request(
            request.method, self._url + request.raw_path, data=body, headers=request.headers
        ) as answered:
            content = await answered.read()
        if await self._kills(BEFORE_ANSWER):
            return gone
        answer = web.Response(status=answered.status, body=content, headers={"Content-Type": answered.content_type})
        with suppress(ConnectionError):  # killed meanwhile
            await answer.prepare(request)
            await answer.write_eof()
        await self._kills(AFTER_ANSWER)
        return answer

    async def _kills(self, kind: str) -> bool:
        self.passed[kind] += 1
        if self._fatal != (kind, self.passed[kind]):
            return False
        os.kill(await self._pid.get(), signal.SIGKILL)
        return True


@asynccontextmanager
async def opening_door(url: str) -> AsyncIterator[tuple[Door, str]]:
    """Put a door before a target; gives it with the URL to knock at."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:
        door = Door(url, session)
        server = web.Server(door)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        try:
            yield door, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        finally:
            listening.close()
            await server.shutdown()
            await listening.wait_closed()


@asynccontextmanager
async def serving(options: HostileOptions, port: int = 0) -> AsyncIterator[RunningSandbox]:
    """Run a sandbox; its end, which takes a moment, keeps nobody waiting."""
    running = serve_in_thread(options, port)
    sandbox = running.__enter__()
    try:
        yield sandbox
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


class Stage(NamedTuple):
    """A small import that can be run again and again, and the target before whose door it stands."""

    folder: Path
    command: Sequence[str | Path]
    sandbox: RunningSandbox
    door: Door
    source: Source
    rewrites: bool
    power_seed: int | None = None

    @property
    def out(self) -> Path:
        """Where the reports are."""
        return Path(self.command[self.command.index("--out") + 1])

    @property
    def ledger(self) -> Path:
        """Where the ledger is."""
        return Path(self.command[self.command.index("--ledger") + 1])

    async def run(self, boundary: Boundary | None = None) -> Ended:
        """Run the import, to its end or to a boundary where it is killed."""
        self.door.kill_at(boundary)
        synced = None
        if self.power_seed is not None:
            synced = self.ledger.parent, self.folder.with_name(f"{self.folder.name} synced")
        environment = os.environ | {"BLAND_API_KEY": KEY, "XDG_STATE_HOME": str(self.folder.parent)}
        started = Forked(self.command, self.folder, environment, first=partial(prepare, boundary, self.folder, synced))
        self.door.admit(started.pid)
        while started.poll() is None:  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.1)
        ended = finish(started)
        if ended.code == KILLED and synced is not None:
            chance = Random(f"{self.power_seed} {self.folder.name}")
            cut_power(*synced, chance)
            lose_files(self.out, chance)
        return ended

    def problems(self, ended: Ended) -> list[str]:
        """Say what is wrong after a run to the end."""
        found = list(find_problems(ended, self.out, self.sandbox.issues(), rewritten=self.rewrites))
        try:
            check_additions(ask_target(self.sandbox), self.source, HEADER)
        except Broken as broken:
            found.append(str(broken))
        return found


def prepare(boundary: Boundary | None, folder: Path, synced: tuple[Path, Path] | None) -> None:
    """Let this process count its boundaries and end at one, and copy what it syncs of a ledger's folder, if asked."""
    if synced is not None:
        record_syncs(*synced)
    kill_at(boundary, folder)


@asynccontextmanager
async def staging(
    folder: Path, *, ledger: Path | None = None, out: Path | None = None, power_seed: int | None = None
) -> AsyncIterator[Stage]:
    """Set up the small import in a new folder, with a target of its own. Ledger and reports are there by default.

    With a seed, whatever kills it cuts the power, too.
    """
    source = write_source(folder)
    faults = tuple(map(parse_fault, FAULTS))
    weather = draw_oddities(Random(folder.name), HostileOptions(faults=faults), SETTLE_SECONDS)
    async with serving(weather) as sandbox, opening_door(sandbox.url) as (door, url):
        places = ("--ledger", ledger or folder / "ledger" / "ledger.db", "--out", out or folder / "out")
        command = ("run", "export.csv", "-m", "mine.yaml", "--api-url", url, *places, *OPTIONS)
        yield Stage(folder, command, sandbox, door, source, weather.rewrite_texts is not None, power_seed)


HEADER = (*ISSUE_HEADER, "Comment", "Comment", *ADDED, "Reporter")
COMMENT = "1/Mar/26;Ann;As PROJ-2 says."
MORE: dict[int, dict[str, str]] = {
    1: {"Comment": COMMENT, "Calls": "c1", "Flagged call": "c1", "Flag": "Wrong Tone", "Turn": "3", "Blocks": "PROJ-2"},
    2: {"Description": "After PROJ-1.", "Blocked by": "PROJ-1"},
    3: {"Status": "Done", "Comment": COMMENT},
    REFUSED: {"Reporter": "missing-1"},
}
"""Row → more of its cells; every column of comments holds the same one."""


def write_source(folder: Path) -> Source:
    """Write an export with a row that Triage refuses, and its mapping, into a new folder."""
    folder.mkdir()
    source = Source()
    for number in range(1, ROWS + 1):
        cells = dict(zip(ISSUE_HEADER, issue_row(number), strict=True)) | MORE.get(number, {})
        source.add(tuple(cells.get(name, "") for name in HEADER), "failed" if number == REFUSED else "good")
    write_csv(folder / "export.csv", source.rows, HEADER)
    (folder / "mine.yaml").write_text(f"{MAPPING}owner_id: Reporter\n", encoding="utf-8")
    return source


class Case(NamedTuple):
    """What came of one boundary: how often each kind was passed, whether it was come to, and what is wrong after."""

    boundary: Boundary | None
    passed: Counter[str]
    killed: bool
    problems: list[str]


async def try_boundary(folder: Path, boundary: Boundary | None, power_seed: int | None = None) -> Case:
    """Run an import that is killed at a boundary, run it to its end, and look at what there is."""
    async with staging(folder, power_seed=power_seed) as stage:
        ended = await stage.run(boundary)
        passed = stage.door.passed + Counter(read_passed(folder))
        killed = ended.code == KILLED
        if killed:
            ended = await stage.run()
        return Case(boundary, passed, killed, stage.problems(ended))


def read_passed(folder: Path) -> list[str]:
    """The boundaries within the program that the last import in a folder passed, in order."""
    return (folder / PASSED).read_text(encoding="utf-8").splitlines()


def find_problems(
    ended: Ended, out: Path, issues: Sequence[dict[str, Any]], *, rewritten: bool = False
) -> Iterator[str]:
    """Say what is wrong after an import that was run to its end, at a target that may have rewritten its texts."""
    if ended.code != 1 or any(word in ended.err for word in TROUBLE):
        yield f"exit code {ended.code}: {ended.err}"
        return
    titles = Counter(issue["title"] for issue in issues)
    wanted = Counter(f"Title {number}" for number in range(1, ROWS + 1) if number != REFUSED)
    if titles != wanted:
        yield f"doubled at the target: {titles - wanted}, lost: {wanted - titles}"
    outcomes = ended.outcomes()
    # What a ledger that was lost had sent is unknown: where the target stores it otherwise, the row counts as changed.
    there = sum(
        outcomes.get(name, 0) for name in ("created", "updated", "unchanged", *(["changed"] if rewritten else []))
    )
    if (there, outcomes.get("failed"), sum(outcomes.values())) != (ROWS - 1, 1, ROWS):
        yield f"the outcomes are {outcomes}"
    named = {f"jira:{issue['title'].replace('Title ', 'PROJ-')}": (issue["id"], issue["triage_id"]) for issue in issues}
    results = read_csv(out / "results.csv")
    if [row["key"] for row in results] != [f"jira:PROJ-{number}" for number in range(1, ROWS + 1)]:
        yield f"results.csv has the rows {[row['key'] for row in results]}"
    for row in results:
        if (row["issue_id"], row["triage_id"]) != named.get(row["key"], ("", "")):
            yield f"results.csv names another issue than the target for {row}"
    if Counter(row["outcome"] for row in results) != outcomes:
        yield f"results.csv has other outcomes than the summary, {outcomes}: {results}"


async def sweep(folder: Path, power_seed: int | None = None, kinds: Sequence[str] = KINDS) -> list[Case]:
    """Count the boundaries of an undisturbed run, and try each of these kinds; the undisturbed run comes first."""
    undisturbed = await try_boundary(folder / "undisturbed", None)
    turns = asyncio.Semaphore(AT_A_TIME)

    async def take_turn(boundary: Boundary) -> Case:
        async with turns:
            return await try_boundary(folder / f"{boundary.kind} {boundary.number}", boundary, power_seed)

    boundaries = [
        boundary
        for kind in kinds
        for boundary in take_third([Boundary(kind, n) for n in range(1, undisturbed.passed[kind] + 1)])
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(take_turn(boundary)) for boundary in boundaries]
    return [undisturbed, *(task.result() for task in tasks)]


def table(cases: Sequence[Case]) -> str:
    """The boundaries by kind: how many there are, at how many the import was killed, after how many something is wrong.

    Commits are grouped by time, so that a run may end before it comes to the last ones.
    """
    lines = [f"{'boundary':34} {'tried':>6} {'killed':>6} {'wrong':>6}"]
    tried = [case for case in cases if case.boundary is not None]
    for kind in (*KINDS, ""):
        some = [case for case in tried if case.boundary is not None and case.boundary.kind.startswith(kind)]
        killed, wrong = sum(case.killed for case in some), sum(bool(case.problems) for case in some)
        lines.append(f"{kind or 'all':34} {len(some):6} {killed:6} {wrong:6}")
    wrong_ones = [f"{case.boundary}: {problem}" for case in cases for problem in case.problems]
    return "\n".join([*lines, *wrong_ones])


def main() -> None:
    """Sweep, print the table, and end with 1 if something is wrong."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--power-loss", type=int, metavar="SEED")
    seed, started = parser.parse_args().power_loss, time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        cases = asyncio.run(sweep(Path(name), seed))
    print(f"{table(cases)}\n{time.monotonic() - started:.0f} s")  # noqa: T201
    sys.exit(any(case.problems for case in cases))


if __name__ == "__main__":
    main()
