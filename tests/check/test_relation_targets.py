"""What the issues that rows name turn out to be, and the cycles of those that block each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.check.relation_targets import ASKED_AT_ONCE, NODES_SHOWN, RelationTargets, SendableLinks, find_cycles
from importer.records import Finding, Mention, Relation
from importer.row.relations import relate
from tests.harness.running import WAIT_SECONDS

TYPES = ("related_to", "blocks", "duplicate_of")


class Told(NamedTuple):
    """What `find` told, read while it could be."""

    relations: int
    refers: int
    findings: list[tuple[int, Finding]]

    @property
    def codes(self) -> list[tuple[int, str, str]]:
        """(place, code, value) of each finding."""
        return [(place, finding.code, finding.value) for place, finding in self.findings]


def read(found: SendableLinks) -> Told:
    """Take along what is only readable while the ends are open."""
    return Told(found.relations, found.refers, found.findings.between(0, 1 << 40))


def told(
    rows: dict[str, bool],
    said: Collection[tuple[str, Relation]] = (),
    named: Collection[tuple[str, str]] = (),
    triage: Collection[str] = (),
    losers: Collection[int] = (),
    others: Mapping[str, int] | None = None,
) -> Told:
    """What is found where each of `rows` (native key → sendable) says and names these; a row's place is its number."""
    with RelationTargets() as ends:
        for key, is_sendable in rows.items():
            ends.add_keys(*([f"s:{key}"], []) if is_sendable else ([], [f"s:{key}"]))
        for place, key in enumerate(rows):
            relations = [relation for row, relation in said if row == key]
            mentions = [Mention(f"see {name}", f"s:{name}") for row, name in named if row == key]
            ends.add_links(place, f"s:{key}", relations, mentions)
        elsewhere = {f"s:{key}": count for key, count in (others or {}).items()}
        known = {f"s:{key}" for key in triage}
        return read(
            ends.find(known.intersection, losers, lambda keys: {key: elsewhere[key] for key in elsewhere.keys() & keys})
        )


def relation(one: str, kind: str, other: str) -> Relation:
    """A relation of native keys."""
    return relate(f"s:{one}", kind, f"s:{other}")


def test_each_standing() -> None:
    """An end is in the import, in Triage, rejected, or nowhere; a rejected row whose issue is in Triage is there."""
    said = [("A", relation("A", "blocks", other)) for other in "BCDEF"]
    found = told({"A": True, "B": True, "C": False, "D": False}, said, triage=["D", "E"])
    assert found.relations == 3
    assert found.codes == [(0, "relation-end-rejected", "C"), (0, "relation-end-missing", "F")]
    rejected, missing = (finding for _, finding in found.findings)
    assert rejected.message == "the issue blocks C, whose row is rejected"
    assert missing.message == "the issue blocks F, which is neither in this import nor in Triage"
    assert not rejected.rejects
    assert not missing.rejects


def test_the_far_end() -> None:
    """A relation is told from the side of the row that says it, whoever is its owner."""
    said = [
        ("A", relation("X", "blocks", "A")),
        ("A", relation("A", "duplicate_of", "X")),
        ("A", relation("X", "duplicate_of", "A")),
        ("A", relation("X", "related_to", "A")),
    ]
    messages = [finding.message for _, finding in told({"A": True}, said).findings]
    verbs = ("is blocked by", "is a duplicate of", "has as its duplicate", "is related to")
    assert messages == [f"the issue {verb} X, which is neither in this import nor in Triage" for verb in verbs]


def test_what_other_sources_have() -> None:
    """An issue that one of them has is an end, and owns nothing of this source; what this import knows comes first."""
    said = [
        ("A", relation("A", "blocks", "X")),
        ("A", relation("X", "blocks", "A")),
        ("A", relation("A", "blocks", "Y")),
        ("A", relation("Y", "duplicate_of", "A")),
        ("A", relation("A", "blocks", "B")),
        ("A", relation("A", "blocks", "C")),
        ("C", relation("C", "blocks", "A")),
    ]
    rows, others = {"A": True, "B": False, "C": True}, dict.fromkeys("BCX", 1) | {"Y": 2}
    found = told(rows, said, named=[("A", "X"), ("C", "Y")], others=others)
    assert (found.relations, found.refers) == (3, 1)
    assert [(code, value) for _, code, value in found.codes] == [
        ("relation-elsewhere", "X"),
        ("relation-ambiguous", "Y"),
        ("relation-ambiguous", "Y"),
        ("relation-end-rejected", "B"),
        ("relation-cycle", "A → C → A"),
    ]
    assert found.findings[0][1].message == "the issue is blocked by X, which another source has in Triage"


def test_said_from_both_sides() -> None:
    """A relation that both rows say is one request."""
    both = relation("A", "blocks", "B")
    assert told({"A": True, "B": True}, [("A", both), ("B", both)]).relations == 1


def test_refers() -> None:
    """An issue that names several others is one request, and what it names in vain is no finding."""
    rows = {"A": True, "B": True, "C": False}
    assert told(rows, named=[("A", "B"), ("A", "D"), ("A", "X"), ("B", "C"), ("B", "UTF-8")], triage=["D"]) == (
        0,
        1,
        [],
    )


def test_losers_say_nothing() -> None:
    """What a row says that loses against another with its key isn't counted, nor found to be wrong."""
    rows = {"A": True, "B": True}
    said = [("A", relation("A", "blocks", "B")), ("B", relation("B", "blocks", "X"))]
    named = [("A", "B"), ("B", "A")]
    assert told(rows, said, named, losers=[1]) == (1, 1, [])
    assert told(rows, said, named, losers=[0, 1]) == (0, 0, [])


def test_a_key_twice() -> None:
    """A key is sendable if one of its rows is."""
    with RelationTargets() as ends:
        ends.add_keys(["s:A", "s:B"], ["s:B", "s:B"])
        ends.add_links(0, "s:A", [relation("A", "blocks", "B")], [])
        assert read(ends.find(lambda keys: ())) == (1, 0, [])


def test_nothing_said() -> None:
    """Where nothing is said the ledger isn't asked, and there is nothing to find."""

    def never(keys: Collection[str]) -> Collection[str]:
        raise AssertionError(keys)

    with RelationTargets() as ends:
        ends.add_keys(["s:A"])
        ends.add_links(0, "s:A", [], [])
        found = ends.find(never)
        assert (found.relations, found.refers, len(found.findings)) == (0, 0, 0)
        assert found.findings.between(0, 9) == []


def test_the_ledger_is_asked_in_parts() -> None:
    """Each end that this import doesn't send is asked for once, never many at a time."""
    asked: list[list[str]] = []

    def in_triage(keys: Collection[str]) -> Collection[str]:
        asked.append(list(keys))
        return [key for key in keys if key.endswith("7")]

    count = 2 * ASKED_AT_ONCE + 3
    with RelationTargets() as ends:
        ends.add_keys(["s:A"])
        for place in range(count):
            ends.add_links(place, "s:A", [relation("A", "blocks", str(place))], [])
        found = ends.find(in_triage)
        assert [len(keys) for keys in asked] == [ASKED_AT_ONCE, ASKED_AT_ONCE, 3]
        assert {key for keys in asked for key in keys} == {f"s:{place}" for place in range(count)}
        assert found.relations == count // 10
        assert len(found.findings) == count - found.relations


def test_findings_of_a_chunk() -> None:
    """Findings are read chunk by chunk, in the order of their places."""
    with RelationTargets() as ends:
        for place in (5, 1, 3, 4):
            ends.add_links(place, f"s:{place}", [relation(str(place), "blocks", f"X{place}")], [])
        findings = ends.find(lambda keys: ()).findings
        assert [place for place, _ in findings.between(1, 4)] == [1, 3]
        assert [place for place, _ in findings.between(4, 9)] == [4, 5]
        assert len(findings) == 4


@pytest.mark.parametrize("native", ["half \ud83d", "nul \0", "nul"])
def test_keys_that_no_ledger_takes(native: str) -> None:
    """A key that can't be sent is missing, and no ledger is asked for it; the finding can be written."""
    asked: list[str] = []
    with RelationTargets() as ends:
        ends.add_keys(["s:A"])
        ends.add_links(0, "s:A", [relation("A", "blocks", native)], [Mention(native, f"s:{native}")])
        ((_, finding),) = read(ends.find(lambda keys: asked.extend(keys) or ())).findings  # type: ignore[func-returns-value]
    assert asked == (["s:nul"] if native == "nul" else [])
    assert finding.code == "relation-end-missing"
    assert finding.message.encode()


def test_cycle() -> None:
    """A cycle of `blocks` is one finding that names it, and all of it is sent; other relations make no cycle."""
    edges = [("A", "B"), ("B", "C"), ("C", "A"), ("C", "D")]
    said = [(one, relation(one, "blocks", other)) for one, other in edges]
    said.append(("D", relation("D", "duplicate_of", "A")))
    found = told(dict.fromkeys("ABCD", True), said)
    assert found.relations == 5
    assert found.codes == [(0, "relation-cycle", "A → B → C → A")]
    assert found.findings[0][1].message == "these block each other in a cycle: A → B → C → A"


def test_cycle_of_two_said_by_one_row() -> None:
    """An issue that blocks and is blocked by the same other one is in a cycle with it."""
    said = [("B", relation("B", "blocks", "A")), ("B", relation("A", "blocks", "B"))]
    assert [code for _, code, _ in told({"A": True, "B": True}, said).codes] == ["relation-cycle"]


def test_no_cycle_through_what_is_not_sent() -> None:
    """A cycle that a rejected row would close is none."""
    said = [("A", relation("A", "blocks", "B")), ("A", relation("B", "blocks", "A"))]
    assert {code for _, code, _ in told({"A": True, "B": False}, said).codes} == {"relation-end-rejected"}


def test_a_cycle_of_all() -> None:
    """A circle of 20,000 issues, more than any recursion takes, is found, and its finding names the first of them."""
    count = 20_000
    with RelationTargets() as ends:
        ends.add_keys(f"s:{place}" for place in range(count))
        for place in range(count):
            ends.add_links(place, f"s:{place}", [relation(str(place), "blocks", str((place + 1) % count))], [])
        ((place, finding),) = read(ends.find(lambda keys: ())).findings
    assert place == 0
    assert finding.value == "0 → 1 → 2 → 3 → 4 → 5 → 6 → 7 → … (20,000 issues) → 0"


KEYS = "ABCDEFG"
RELATIONS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(TYPES), st.sampled_from(KEYS), st.booleans()).filter(
        lambda one: one[0] != one[2]
    )
)
ROWS = st.dictionaries(st.sampled_from(KEYS), st.booleans())


@given(ROWS, RELATIONS, st.sets(st.sampled_from(KEYS)))
def test_every_relation_is_sent_or_found(
    rows: dict[str, bool], plain: list[tuple[str, str, str, bool]], triage: set[str]
) -> None:
    """Of what sendable rows say, each relation is counted once, or is a finding of each row that says it."""
    said = {
        (row, relation(other, kind, row) if inverse else relation(row, kind, other))
        for row, kind, other, inverse in plain
        if rows.get(row)
    }
    reachable = {f"s:{key}" for key in KEYS if rows.get(key) or key in triage}
    sent = {one for _, one in said if one.owner in reachable and one.other in reachable}
    found = told(rows, said, triage=triage)
    assert found.relations == len(sent)
    ends = [finding for _, finding in found.findings if finding.code != "relation-cycle"]
    assert len(ends) == sum(one not in sent for _, one in said)
    assert all((finding.code == "relation-end-rejected") == (finding.value in rows) for finding in ends)


def run_in(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run some code whose temporary files are in a folder."""
    many = "keys = [f's:{number}' for number in range(300_000)]\n"
    return subprocess.run(
        [sys.executable, "-c", f"from importer.check.relation_targets import RelationTargets\n{many}{code}"],
        env={**os.environ, "TMPDIR": str(folder), "SQLITE_TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """A process that is killed leaves no file."""
    result = run_in(
        tmp_path,
        "import os, signal\nwith RelationTargets() as ends:\n    ends.add_keys(keys)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)",
    )
    assert result.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


def test_full_disk(tmp_path: Path) -> None:
    """A disk that takes no more stops the run with a sentence, not with a traceback of SQLite's."""
    result = run_in(
        tmp_path,
        "import resource\n"
        "from importer.errors import StorageFull\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "with RelationTargets() as ends:\n"
        "    try:\n"
        "        ends.add_keys(keys)\n"
        "    except StorageFull as error:\n"
        "        print(error.message, '|', error.hint)\n",
    )
    assert result.stderr == ""
    assert result.stdout.startswith(f"{tmp_path} takes no more: ")
    assert "set TMPDIR" in result.stdout


NODES = st.integers(0, 7)
GRAPHS = st.dictionaries(NODES, st.lists(NODES, unique=True, max_size=4))


def is_acyclic(graph: dict[int, list[int]]) -> bool:
    """Whether a graph has no cycle, by the standard library."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return False
    return True


@given(GRAPHS)
def test_cycles_are_cycles(graph: dict[int, list[int]]) -> None:
    """Each cycle is one and comes once; without the steps that close them the graph has none."""
    cycles = [nodes for nodes, _ in find_cycles(graph, lambda node: graph.get(node, ()), limit=99)]
    closing = {(nodes[-1], nodes[0]) for nodes in cycles}
    assert len(closing) == len(cycles)
    for nodes in cycles:
        assert len(set(nodes)) == len(nodes)
        assert all(after in graph[node] for node, after in zip(nodes, [*nodes[1:], nodes[0]], strict=True))
    left = {node: [after for after in afters if (node, after) not in closing] for node, afters in graph.items()}
    assert is_acyclic(left)
    assert bool(cycles) is not is_acyclic(graph)


def test_long_cycles_are_not_written_out() -> None:
    """Of a long cycle the beginning and the length are given, so that many of them cost little."""
    chain = {node: [node + 1, 0] for node in range(1_000)}
    cycles = list(find_cycles([0], lambda node: chain.get(node, ())))
    assert cycles[0] == (list(range(NODES_SHOWN)), 1_000)
    assert len(cycles) == 1_000
