"""Two weeks of findings in four layouts, and a judge that shares no code with what it judges.

The mapping of each is what a draft makes of its first night, with nothing done to it but decisions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle, product
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.harness.doors import Turnstile, turnstile
from tests.harness.finding_judge import Judge
from tests.harness.finding_nights import CRITERIA, LAYOUTS, NEW, NIGHTS, TWICE, People, Reviews
from tests.harness.hostile import HostileOptions, RunningSandbox, parse_fault, serve_in_thread
from tests.harness.running import LONG, SEED, Ended, Program, read_csv, write_csv

pytestmark = pytest.mark.slow(seconds=60)

DECISIONS = {  # what a draft leaves to a person, and what that person says
    "finished: {done: '?', closed: '?'}": "finished: {done: reopen, closed: add}",
    "below: 100": "below: 80",
    "inverted: []": "inverted: [Caller interrupted, Echo on the line]",
}
DECIDED = len(DECISIONS) + 17
"""So many decisions a draft needs, with a severity, and categories of the 16 criteria of which no word tells one."""
VALUES = {"": "medium"} | {name: category for name, (_, category) in CRITERIA.items()}
SAYS = {  # what a complaint is about → the key of a draft that says it
    **{name: name for name in ("title", "description", "severity", "category", "flags")},
    **{"status": "created", "calls": "resource_links", "issues": "group", "paragraphs": "group", "times": "group"},
    **{"note": "description", "figures": "answer", "requests": "group"},
}
GIVES_UP = 13
"""The night from which on no call is waited for."""
READS = ("GET /v1/triage/issues", "GET /v1/triage/categories")
GOOD = (ExitCode.DONE, ExitCode.PARTLY)
FAULTY = "faults"
WAYS = (FAULTY, "quiet")
FINDINGS = ("occurrences_new", "occurrences_known", "occurrences_corrected", "on_deleted")
FAULTS = ("500-after:write@3%", "reset-before:write@3%", "429=0:write@3%", "reset-after:write@2%")


def decide(mapping: Path) -> int:
    """Decide what a draft asks for, as a person does, and nothing else; count the decisions."""
    text = mapping.read_text("utf-8")
    for asked, said in DECISIONS.items():
        assert text.count(asked) + text.count(said) == 1, f"the draft doesn't ask for {said!r}: {text}"
        text = text.replace(asked, said)
    mapping.write_text(text, encoding="utf-8")
    table = read_csv(mapping.with_name("values.csv"))
    asked_for = [row for row in table if row["decision"] == "?"]
    for row in asked_for:
        row["decision"] = VALUES[row["value"]]
    write_csv(mapping.with_name("values.csv"), [tuple(row.values()) for row in table], tuple(table[0]))
    return len(DECISIONS) + len(asked_for)


def blame(draft: str, wrong: Sequence[str]) -> str:
    """What is wrong, and what the draft says of that."""
    keys = {key for word, key in SAYS.items() if any(word in each for each in wrong)}
    blocks = [block for block in draft.split("\n\n") if any(f"\n{block}".count(f"\n{key}:") for key in keys)]
    return "\n\n".join(("\n".join(wrong[:20]), "The draft says of it:", *blocks))


class Nights:
    """A schedule: one line, one ledger, and a target that hears of calls a night late."""

    def __init__(self, program: Program, layout: str, door: Turnstile, port: int, *, is_hostile: bool) -> None:
        self.program, self.layout, self._is_hostile = program, layout, is_hostile
        self.reviews, self.judge = Reviews(SEED, layout, Path.cwd()), Judge()
        self.wrong: list[str] = []
        self.door, self._port, self._was_cut_off = door, port, False
        self.mapping = Path("mine.yaml")

    def pass_(self, night: int) -> None:
        """Let a night pass, and judge it; then people work."""
        faults = tuple(map(parse_fault, FAULTS)) if self._is_hostile else ()
        options = HostileOptions(db=Path("triage.db"), seed=SEED + night, faults=faults)
        with serve_in_thread(options, self._port) as sandbox:
            for files in self.reviews.deliver(night):
                if not self.mapping.exists():
                    assert self.program("draft", *files, "-o", self.mapping).code == 0
                    assert decide(self.mapping) == DECIDED
                if night == GIVES_UP:
                    with self.mapping.open("a", encoding="utf-8") as file:
                        file.write("\nevidence_wait_days: 0\n")
                before = _besides_the_list(sandbox)
                ended = self._run(night, *files)
                undecided = CRITERIA.keys() - {row["value"] for row in read_csv(Path("values.csv"))}
                assert (ended.summary["rejected"] > 0) == (night == TWICE and NEW in undecided), ended
                if NEW in undecided and night == TWICE:
                    assert self.program("draft", *files, "--update", self.mapping).code == 0
                    assert decide(self.mapping) == len(DECISIONS) + 1
                self.judge.took(files, night, undecided, gives_up=night >= GIVES_UP)
                asked = _besides_the_list(sandbox) - before
                allowed = 2 * self.judge.figures["occurrences_new"] + 6 * len(self.judge.touched)
                if asked > allowed and not self._is_hostile:
                    self.wrong.append(f"night {night}: {asked} requests, not {allowed}: {sandbox.requests()}")
                self.wrong += [f"night {night}: {each}" for each in self._compare(sandbox, ended)]
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
            if ended.code in GOOD or not self._is_hostile:
                break
            self._was_cut_off = True
            ended = self.program(*line)
        assert ended.code in GOOD, ended
        return ended

    def _compare(self, sandbox: RunningSandbox, ended: Ended) -> Iterator[str]:
        kinds = ("issues", "comments", "flags", "resources")
        yield from self.judge.compare({kind: getattr(sandbox, kind)() for kind in kinds})
        said = Counter[str](ended.summary["recurring"])
        wanted = Counter(self.judge.figures)
        for each in (said, wanted):
            # A deletion is noticed when something is sent there, or while the issue is among the newest of the list:
            # what is on it is known until then, on slow machines longer.
            each["occurrences_known"] += each.pop("on_deleted", 0)
            if self._is_hostile:
                each.pop("evidence_waiting", 0)
        if self._was_cut_off:  # what the run before has done is known to this one
            said, wanted = (Counter(findings=sum(each[name] for name in FINDINGS)) for each in (said, wanted))
        if +said != +wanted:
            yield f"the figures say {+said - wanted} that isn't so, and not {wanted - said}"


def _besides_the_list(sandbox: RunningSandbox) -> int:
    return sum(times for name, times in sandbox.requests().items() if name not in READS)


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(("layout", "way"), [*product(LAYOUTS, WAYS)] if LONG else [*zip(LAYOUTS, cycle(WAYS))])
def test_two_weeks(program: Program, layout: str, way: str) -> None:
    """After each night the target has what the files, the people and the rules say, and the report says that, too."""
    with serve_in_thread(HostileOptions()) as sandbox:  # its port is that of all nights
        url, port = sandbox.url, int(sandbox.url.rpartition(":")[2])
    with turnstile(url, 0) as door:
        door.let()
        nights = Nights(program, layout, door, port, is_hostile=way == FAULTY)
        for night in range(1, NIGHTS + 1):
            nights.pass_(night)
            assert not nights.wrong, blame(nights.mapping.read_text("utf-8"), nights.wrong)
    assert len(nights.judge.issues) > 50
