"""Kills a version of the program at twelve places of its work, and keeps what it leaves behind for later versions.

python -m tests.harness.killing CHECKOUT [PLACE ...]     needs PostgreSQL's programs

The version of a checkout is killed by SIGKILL when a request comes to the target, once with a ledger in SQLite and once
with one in PostgreSQL. See `tests.harness.left_behind` for what is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx

from tests.harness import mappings
from tests.harness.checkouts import Checkout, loaded
from tests.harness.doors import Door, serve_door
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.left_behind import (
    COMMAND,
    DUMP,
    FILE,
    FILES,
    FOLDER,
    KEPT,
    KINDS,
    PLACE,
    TARGET,
    UNDISTURBED,
    URL,
    Undisturbed,
    see,
)
from tests.harness.postgres import PostgresServer, find_program, schema_of, serve_postgres
from tests.harness.running import WAIT_SECONDS, Ended, write_csv

ISSUES = "/v1/triage/issues"
LIST, CREATE, CHANGE = f"GET {ISSUES}", f"POST {ISSUES}", f"PATCH {ISSUES}/{{id}}"
COMMENT, RELATE, FLAG = (f"{CREATE}/{{id}}/{what}" for what in ("comments", "relations", "flags"))
KILLED, FAILS = "killed", "500"
BEFORE, AFTER = "before", "after"
"""A request kills its sender, or is answered with 500, before or after it is carried out."""
Fates = Mapping[tuple[str, int], tuple[str, str]]
"""What befalls requests: by act and number among those of its act, from 1."""

ROWS, MORE_ROWS = 14, 16
STRANGERS = 130
"""Issues that other people have made: the list has them on several pages."""
Row = dict[str, str]
HEADER = (
    *("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", "Reporter", "Created"),
    *("Comment", "Comment", "Outward issue link (Blocks)"),
)
ASKED = ("--yes", "--json", "--rate", "0", "--ledger", PLACE, "--out", "out")
IMPORT = ("run", "export.csv", "--api-url", URL, *ASKED, "--settle-seconds", "1")
JIRA, MINE = ("-m", "jira"), ("-m", "mine.yaml")
ONE_BY_ONE = ("--no-canary", "--concurrency", "1")
AT_ONCE = ("--no-canary", "--concurrency", "4")
EVIDENCE = """
extends: jira
evidence_wait_days: 36500
resource_links: [{column: Calls, type: call, split: ","}]
flags: [{call: Calls, type: Flag, note: Note, message_index: Turn}]
"""
CALLS = ("Calls", "Flag", "Note", "Turn")
SEVERER = "extends: jira\nseverity: {values: {Medium: critical}}\n"
FINDINGS = f"""
input: {{name: findings, key: {{content: true}}}}
{mappings.FINDINGS.lstrip()}footer: {{Agent: agent}}
"""
FINDING = ("agent", "criterion", "call_id", "turn", "note", "severity", "date")


class FatalDoor(Door):
    """Passes requests on to a target, and lets some of them befall what `fates` says."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.fates: Fates = {}
        self._passed, self._pids, self._is_dead = Counter[str](), SimpleQueue[int](), False

    def lead_to(self, target: str) -> None:
        """Lead to another address."""
        self._target.close()
        self._target = httpx.Client(base_url=target, timeout=None)

    def expect(self, fates: Fates) -> None:
        """Count requests anew, for another process."""
        self.fates, self._passed, self._pids, self._is_dead = fates, Counter(), SimpleQueue(), False

    def admit(self, pid: int) -> None:
        """Say which process a kill is for."""
        self._pids.put(pid)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer a request, one at a time; None is a reset."""
        with self._lock:
            if self._is_dead:
                return None
            act = re.sub(rf"^({ISSUES})/[^/]+", r"\1/{id}", path.partition("?")[0])
            act = f"{method} {act}"
            self._passed[act] += 1
            what, when = self.fates.get((act, self._passed[act]), ("", ""))
            answer = None if when == BEFORE else self.pass_on(method, path, headers, body)
            if what == KILLED:
                self._is_dead = True
                os.kill(self._pids.get(), signal.SIGKILL)
            return (500, b"") if what == FAILS else answer


class Stage:
    """A folder with a ledger, before the door of a target; the version of a checkout works there."""

    sandbox: RunningSandbox

    def __init__(self, checkout: Checkout, folder: Path, ledger: str, door: FatalDoor) -> None:
        self._checkout, self._ledger, self._door = checkout, ledger, door
        self.folder, self.target = folder, folder.with_name(TARGET)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let the target run, and go on with what it has; calls that come late are known from the second time on."""
        with serve_in_thread(HostileOptions(db=self.target)) as self.sandbox:
            self._door.lead_to(self.sandbox.url)
            yield

    def write(self, rows: Iterable[Row], header: Sequence[str] = HEADER) -> None:
        """Write the source. A cell with a line feed is as many columns of one name."""
        lines = []
        for row in rows:
            cells = {name: row.get(name, "").split("\n") for name in header}
            lines.append(tuple(cells[name].pop(0) if cells[name] else "" for name in header))
        write_csv(self.folder / "export.csv", lines, header)

    def map(self, text: str) -> None:
        """Write a mapping of one's own."""
        (self.folder / "mine.yaml").write_text(text.lstrip(), encoding="utf-8")

    def fill(self) -> None:
        """Let other people make issues."""
        for number in range(STRANGERS):
            body = {"title": f"Stranger {number}", "description": "", "severity": "low", "category": "Bug"}
            self.act("POST", ISSUES, body)

    def act(self, method: str, path: str, body: Mapping[str, str]) -> None:
        """Let a person do something in Triage."""
        answer = httpx.request(method, f"{self.sandbox.url}{path}", json=body, headers={"Authorization": "person"})
        assert answer.is_success, answer.text

    def run(self, *words: str, fates: Fates | None = None) -> Ended:
        """Run a command to its end, or until it is killed."""
        self._door.expect(fates or {})
        out, err = self.folder / "stdout", self.folder / "stderr"
        words = tuple(word.replace(URL, self._door.url).replace(PLACE, self._ledger) for word in words)
        started = self._checkout.start(words, self.folder, out, err)
        self._door.admit(started.pid)
        code = started.wait(WAIT_SECONDS)
        ended = Ended(-1 if code is None else code, out.read_text(), err.read_text())
        for path in (out, err):
            path.unlink()
        return ended

    def finish(self, *words: str) -> Ended:
        """Run a command that has to come to a good end."""
        ended = self.run(*words)
        assert ended.code in (0, 1), ended
        return ended


def make_row(number: int) -> Row:
    """Make a row of an export of Jira: some have comments, block another, name another, or are done."""
    said = [f"{number:02}/Mar/26 9:00 AM;ann;Said of PROJ-{number}", f"{number:02}/Mar/26 9:30 AM;bob;Seen again"]
    return {
        "Issue key": f"PROJ-{number}",
        "Summary": f"Title {number}",
        "Priority": ("High", "Medium", "Low")[number % 3],
        "Status": "To Do" if number % 5 else "Done",
        "Issue Type": "Bug",
        "Description": f"Text {number}" if number % 4 else f"As PROJ-{number - 3} says",
        "Reporter": "Ann",
        "Created": f"{number:02}/Mar/26 8:00 AM",
        "Comment": "\n".join(said[: number % 3]),
        "Outward issue link (Blocks)": "" if number % 3 else f"PROJ-{number - 1}",
    }


def make_rows(*numbers: int) -> list[Row]:
    """Make the rows of these numbers."""
    return list(map(make_row, numbers))


FIRST, ALL = range(1, ROWS + 1), range(1, MORE_ROWS + 1)


def import_jira(stage: Stage) -> None:
    """Nothing has happened before."""
    stage.write(make_rows(*FIRST))


def import_after_a_loss(stage: Stage) -> None:
    """Most issues are in, with a ledger that was lost."""
    stage.fill()
    stage.write(make_rows(*FIRST))
    stage.finish(*IMPORT, *JIRA, *ONE_BY_ONE, "--ledger", "lost.db")
    stage.write(make_rows(*ALL))


def import_changes(stage: Stage) -> None:
    """The rows were imported, and half of them have changed since."""
    stage.write(make_rows(*FIRST))
    stage.finish(*IMPORT, *JIRA, *ONE_BY_ONE)
    changed = [make_row(number) | {"Summary": f"Title {number}, again", "Priority": "Highest"} for number in FIRST[::2]]
    stage.write([*changed, *make_rows(*FIRST[1::2], *ALL[ROWS:])])


def import_what_was_waited_for(stage: Stage) -> None:
    """The first row blocks one that was not in the file; now it is."""
    blocks = {"Outward issue link (Blocks)": f"PROJ-{ALL[-2]}"}
    stage.write([make_row(1) | blocks, *make_rows(*FIRST[1:])])
    stage.finish(*IMPORT, *JIRA, *ONE_BY_ONE)
    stage.write([make_row(1) | blocks, *make_rows(*ALL[1:])])


def import_evidence(stage: Stage) -> None:
    """Each row has a call; of two thirds of them Triage doesn't know yet."""
    stage.map(EVIDENCE)
    names = {number: f"{'late' if number % 3 else 'call'}-{number}" for number in FIRST}
    calls = [dict(zip(CALLS, (name, "Wrong Tone", f"At {number}", "3"), strict=True)) for number, name in names.items()]
    rows = [row | call for row, call in zip(make_rows(*FIRST), calls, strict=True)]
    stage.write(rows, (*HEADER, *CALLS))


def change_jira(stage: Stage) -> None:
    """The rows were imported; what is medium turns out to be critical."""
    import_jira(stage)
    stage.finish(*IMPORT, *JIRA, *ONE_BY_ONE)
    stage.map(SEVERER)


def findings(*nights: int) -> list[Row]:
    """Make the findings of some nights: three agents fail at two criteria, in calls of each night."""
    return [
        {
            "agent": agent,
            "criterion": criterion,
            "call_id": f"c{night}-{agent[0]}{number}",
            "turn": str(night),
            "note": f"Heard it in night {night}, {number}",
            "severity": "high" if night > 1 else "medium",
            "date": f"2099-01-0{night}T10:00:00Z",
        }
        for night in nights
        for agent in ("Ann", "Bob", "Cleo")
        for criterion in ("Greets", "Verifies")
        for number in (1, 2)
    ]


def import_findings(stage: Stage) -> None:
    """A night was imported; people have finished an issue, and the next night is worse."""
    stage.map(FINDINGS)
    stage.write(findings(1), FINDING)
    stage.finish(*IMPORT, *MINE, *ONE_BY_ONE, *NIGHTLY)
    done, *_ = stage.sandbox.issues()
    stage.act("PATCH", f"{ISSUES}/{done['id']}", {"status": "done"})
    stage.write(findings(1, 2), FINDING)


NIGHTLY = ("--on-change", "update", "--max-changes", "100%")
CHANGE_ALL = ("--apply", *ASKED, "--concurrency", "1")


class Place(NamedTuple):
    """A place of the work: what has happened before, what the process is doing, and what its requests meet."""

    before: Callable[[Stage], None]
    words: Sequence[str]
    fates: Fates


PLACES = {
    "discovery": Place(import_after_a_loss, (*IMPORT, *JIRA, *ONE_BY_ONE), {(LIST, 3): (KILLED, BEFORE)}),
    "intent": Place(import_jira, (*IMPORT, *JIRA, *ONE_BY_ONE), {(CREATE, 9): (KILLED, BEFORE)}),
    "canary": Place(import_jira, (*IMPORT, *JIRA), {(CREATE, 3): (KILLED, AFTER)}),
    "creates": Place(
        import_jira,
        (*IMPORT, *JIRA, *AT_ONCE),
        {(CREATE, 5): (FAILS, AFTER), (CREATE, 6): (FAILS, BEFORE), (CREATE, 10): (KILLED, AFTER)},
    ),
    "additions": Place(import_jira, (*IMPORT, *JIRA, *ONE_BY_ONE), {(COMMENT, 1): (KILLED, BEFORE)}),
    "comments": Place(
        import_jira,
        (*IMPORT, *JIRA, *AT_ONCE),
        {(COMMENT, 3): (FAILS, AFTER), (COMMENT, 4): (FAILS, BEFORE), (COMMENT, 6): (KILLED, AFTER)},
    ),
    "relation": Place(import_what_was_waited_for, (*IMPORT, *JIRA, *ONE_BY_ONE), {(RELATE, 1): (KILLED, BEFORE)}),
    "evidence": Place(import_evidence, (*IMPORT, *MINE, *ONE_BY_ONE), {(FLAG, 4): (KILLED, AFTER)}),
    "updates": Place(
        import_changes,
        (*IMPORT, *JIRA, *AT_ONCE, *NIGHTLY),
        {(CHANGE, 2): (FAILS, AFTER), (CHANGE, 3): (FAILS, BEFORE), (CHANGE, 5): (KILLED, AFTER)},
    ),
    "repair": Place(
        change_jira, ("repair", "last", *MINE, "--fields", "severity", *CHANGE_ALL), {(CHANGE, 3): (KILLED, AFTER)}
    ),
    "undo": Place(change_jira, ("undo", "last", "--close", *CHANGE_ALL), {(CHANGE, 5): (KILLED, AFTER)}),
    "findings": Place(import_findings, (*IMPORT, *MINE, *AT_ONCE, *NIGHTLY), {(COMMENT, 5): (KILLED, AFTER)}),
}


@contextmanager
def staging(checkout: Checkout, ledger: str) -> Iterator[Stage]:
    """Give a stage in a new folder."""
    door = FatalDoor("")
    with TemporaryDirectory(prefix="killed-") as name, serve_door(door):
        folder = Path(name, "work")
        folder.mkdir()
        yield Stage(checkout, folder, ledger, door)


def live_undisturbed(checkout: Checkout, place: Place) -> Undisturbed:
    """Let a version do its work twice, and see what comes of it."""
    with staging(checkout, FILES[0]) as stage:
        with stage.open():
            place.before(stage)
            outcomes = stage.finish(*place.words).outcomes()
        with stage.open():
            stage.finish(*place.words)
            return Undisturbed(outcomes, see(stage.sandbox))


def kill(checkout: Checkout, place: Place, kind: str, postgres: PostgresServer) -> Iterator[tuple[str, bytes]]:
    """Let a version come to its place, and yield the names and bytes of what it leaves behind."""
    ledger = FILES[0] if kind == FILE else postgres.make_ledger()
    with staging(checkout, ledger) as stage:
        with stage.open():
            place.before(stage)
            ended = stage.run(*place.words, fates=place.fates)
        assert ended.code == -signal.SIGKILL, f"it wasn't killed: {ended}"
        for source in filter(lambda path: path.suffix in (".csv", ".yaml"), stage.folder.iterdir()):
            yield f"{FOLDER}/{source.name}", source.read_bytes()
        yield f"{kind}/{TARGET}", stage.target.read_bytes()
        if kind == FILE:
            yield from ((f"{kind}/{name}", (stage.folder / name).read_bytes()) for name in FILES)
        else:
            yield f"{kind}/{DUMP}", dump_server(postgres, ledger).encode()


def dump_server(postgres: PostgresServer, ledger: str) -> str:
    """Return the statements that make a ledger in PostgreSQL, in whatever schema comes first."""
    schema = schema_of(ledger)
    options = ("--inserts", "--no-owner", "--no-privileges", f"--schema={schema}", "--dbname", postgres.dsn)
    dumped = subprocess.run([find_program("pg_dump"), *options], capture_output=True, check=True, text=True)
    text = re.sub(r"^(?:--|\\|SET |CREATE SCHEMA |SELECT pg_catalog.set_config).*\n|^\n", "", dumped.stdout, flags=re.M)
    return text.replace(f"{schema}.", "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, kill, and write what is left behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.killing", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkout", type=Path, help="of the version that is killed")
    parser.add_argument("places", nargs="*", default=PLACES, help=f"by default all: {', '.join(PLACES)}")
    given = parser.parse_args(arguments)
    KEPT.mkdir(exist_ok=True)
    with loaded(given.checkout.resolve()) as [checkout], serve_postgres() as postgres:
        for name in given.places:
            place = PLACES[name]
            undisturbed = live_undisturbed(checkout, place)
            kept = {COMMAND: json.dumps(place.words).encode(), UNDISTURBED: json.dumps(undisturbed, indent=1).encode()}
            for kind in KINDS:
                kept |= kill(checkout, place, kind, postgres)
            with zipfile.ZipFile(KEPT / f"{name}.zip", "w") as archive:
                for file, content in sorted(kept.items()):
                    archive.writestr(zipfile.ZipInfo(file), content, zipfile.ZIP_DEFLATED, compresslevel=9)
            print(name, undisturbed.outcomes)  # noqa: T201


if __name__ == "__main__":
    main()
