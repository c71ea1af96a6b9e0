"""Two weeks of findings in four layouts, one mapping each, and a judge that shares no code with what it judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.doors import Turnstile, turnstile
from tests.harness.finding_judge import Judge
from tests.harness.finding_nights import CRITERIA, LAYOUTS, NIGHTS, People, Reviews
from tests.harness.hostile import HostileOptions, RunningSandbox, parse_fault, serve_in_thread
from tests.harness.running import SEED, Ended, Program

pytestmark = pytest.mark.slow(seconds=60)

COLUMNS = {  # layout → agent, call, criterion, answer, note, date, and what else tells an occurrence
    "wide": ("Agent", "Call ID", "_name", "_answer", "_note", "Date", ""),
    "long": ("agent", "call_id", "criterion", "result", "note", "date", "turn"),
    "lines": ("_record.agent", "_record.call_id", "criterion", "answer", "note", "_record.date", "turn"),
    "sheet": ("Agent", "Anruf", "Kriterium", "Ergebnis", "Bemerkung", "Datum", ""),
}
EACH = {
    "wide": "each: {columns: {from: Greets the caller, to: Says farewell}, note: '{name} Comment'}",
    "lines": "each: {path: results}",
}
READS = ("GET /v1/triage/issues", "GET /v1/triage/categories")
FINDINGS = ("occurrences_new", "occurrences_known", "occurrences_corrected", "on_deleted")
FAULTS = ("500-after:write@3%", "reset-before:write@3%", "429=0:write@3%", "reset-after:write@2%")


def mapping(layout: str) -> str:
    """Write the mapping of a layout as a user would."""
    agent, call, criterion, answer, note, date, turn = (
        f"{{path: {name}}}" if name.startswith("_record") else name for name in COLUMNS[layout]
    )
    template = "{path:_record.agent}" if layout == "lines" else f"{{{agent}}}"
    place = f", message_index: {turn}" if turn else ""
    return f"""
input: {{name: reviews, key: {{content: true}}}}
{EACH.get(layout, "")}
answer: {{column: {answer}, below: 80, inverted: [Caller interrupted, Echo on the line], criterion: {criterion}}}
group: [{agent}, {criterion}]
recurring: {{occurrence: [{call}{f", {turn}" if turn else ""}], finished: {{done: reopen, closed: add}}}}
title: {{template: '{{{criterion}}}: {template}'}}
description: {note}
created: {date}
severity: {{column: {criterion}, rules: [{{when: {{column: {criterion}, is: Verifies identity}}, then: critical}}],
  values: {{'/./': medium}}}}
status: {{value: todo}}
category: {{column: {criterion}, values: {{{", ".join(f"{name}: {each}" for name, (_, each) in CRITERIA.items())}}}}}
flags: [{{call: {call}, type: {criterion}, note: {note}{place}}}]
footer: {{Agent: {agent}}}
"""


class Nights:
    """A schedule: one line, one ledger, and a target that hears of calls a night late."""

    def __init__(self, program: Program, layout: str, door: Turnstile, port: int, *, is_hostile: bool) -> None:
        self.program, self.layout, self._is_hostile = program, layout, is_hostile
        self.reviews, self.judge = Reviews(SEED, layout, Path.cwd()), Judge()
        self.wrong: list[str] = []
        self.costs: list[tuple[int, int]] = []  # of each run: requests besides reading the list, and how many may be
        self.door, self._port, self._was_cut_off = door, port, False
        Path("mine.yaml").write_text(mapping(layout), encoding="utf-8")

    def pass_(self, night: int) -> None:
        """Let a night pass, and judge it; then people work."""
        faults = tuple(map(parse_fault, FAULTS)) if self._is_hostile else ()
        options = HostileOptions(db=Path("triage.db"), seed=SEED + night, faults=faults)
        with serve_in_thread(options, self._port) as sandbox:
            for files in self.reviews.deliver(night):
                before = _besides_the_list(sandbox)
                ended = self._run(night, *files)
                self.judge.took(files, night)
                asked = _besides_the_list(sandbox) - before
                allowed = 2 * self.judge.figures["occurrences_new"] + 6 * self.judge.touched(night)
                self.costs.append((asked, allowed))
                if asked > allowed and not self._is_hostile:
                    self.wrong.append(f"night {night}: {asked} requests, not {allowed}: {sandbox.requests()}")
                self.wrong += [f"night {night}: {each}" for each in self._compare(sandbox, ended, night)]
        with serve_in_thread(HostileOptions(db=Path("triage.db"), seed=SEED), self._port) as sandbox:
            self.judge.saw(People(SEED + night, sandbox.url).work(night, sandbox.issues()))

    def _run(self, night: int, *files: Path) -> Ended:
        line: tuple[str | Path, ...] = ("run", *files, "-m", "mine.yaml", "--api-url", self.door.url, "--yes", "--json")
        line += ("--on-change", "update", "--rate", "0", "--no-canary", "--settle-seconds", "0.2", "--out", "reports")
        self._was_cut_off = self._is_hostile and night % 3 == 0
        if self._was_cut_off:
            self.door.let(5 * night)
            self.door.kill(self.program.start(*line))
        ended = self.program(*line)
        for _ in range(4):
            if ended.code in (0, 1) or not self._is_hostile:
                break
            self._was_cut_off = True
            ended = self.program(*line)
        assert ended.code in (0, 1), ended
        return ended

    def _compare(self, sandbox: RunningSandbox, ended: Ended, night: int) -> Iterator[str]:
        kinds = ("issues", "comments", "flags", "resources")
        yield from self.judge.compare({kind: getattr(sandbox, kind)() for kind in kinds}, night)
        said = Counter[str](ended.summary["recurring"])
        wanted = self.judge.figures | Counter(evidence_waiting=self.judge.waiting(night))
        if self._was_cut_off:  # what the run before has done is known to this one
            said, wanted = (Counter(findings=sum(each[name] for name in FINDINGS)) for each in (said, wanted))
        if +said != +wanted:
            yield f"the figures say {+said - wanted} that isn't so, and not {wanted - said}"


def _besides_the_list(sandbox: RunningSandbox) -> int:
    return sum(times for name, times in sandbox.requests().items() if name not in READS)


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("is_hostile", [False, True], ids=["quiet", "faults"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_weeks(program: Program, layout: str, *, is_hostile: bool) -> None:
    """After each night the target has what the files, the people and the rules say, and the report says that, too."""
    with serve_in_thread(HostileOptions()) as sandbox:  # its port is that of all nights
        url, port = sandbox.url, int(sandbox.url.rpartition(":")[2])
    with turnstile(url, 0) as door:
        door.let()
        nights = Nights(program, layout, door, port, is_hostile=is_hostile)
        for night in range(1, NIGHTS + 1):
            nights.pass_(night)
            assert not nights.wrong, "\n".join(nights.wrong[:20])
    assert len(nights.judge.issues) > 50
