"""The cover: few rows that touch every mapped value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from importer.api import SEVERITIES, STATUSES
from importer.check.examine import Examined
from importer.check.knowledge import LedgerStatus
from importer.check.observers.samples import CANARY_LIMIT, CanarySample
from importer.check.plan import plan_rows
from importer.records import Outcome
from tests.harness.knowing import Knowing
from tests.harness.making import examined_of, mapping_of, plan_of

HEADER = ("Key", "Title", "Text", "Priority", "State", "Kind", "Owner", "Worker", "Call", "Note")
VALUES = ("severity", "status", "category")
Line = tuple[str, ...]


def line(number: int, **cells: str) -> Line:
    """A row of `HEADER`."""
    cells = {"Key": f"K-{number}", "Title": "T", "Priority": "low", "State": "todo", "Kind": "Bug"} | cells
    return tuple(cells.get(name, "") for name in HEADER)


def examine_lines(lines: Sequence[Line]) -> Examined:
    """What a chunk of rows becomes."""
    mapping = mapping_of(
        severity={"column": "Priority"},
        status={"column": "State"},
        category={"column": "Kind", "keep_unknown": True},
        owner_id="Owner",
        assignee_id="Worker",
        resource_links=[{"column": "Call", "type": "call"}],
        comments={"from": ["Note"], "open": "separate", "closed": "separate"},
    )
    return examined_of(mapping, lines, HEADER)


def cover(lines: Sequence[Line], limit: int = CANARY_LIMIT) -> tuple[str, ...]:
    """The native keys that are chosen."""
    found = CanarySample(limit)
    for start in range(0, len(lines), 7):
        examined = examine_lines(lines[start : start + 7])
        found.add(examined, plan_of(examined))
    return tuple(key.removeprefix("demo:") for key in found.keys)


def bodies(lines: Sequence[Line]) -> dict[str, Any]:
    """What is sent, by native key."""
    examined = examine_lines(lines)
    keys = examined.records.keys.full
    return {keys[row].removeprefix("demo:"): orjson.loads(body) for row, body in examined.bodies.items()}


def test_no_rows() -> None:
    """Nothing to send, nothing chosen."""
    assert cover([]) == ()


def test_rows_of_one_kind() -> None:
    """One is enough."""
    assert cover([line(number) for number in range(10, 100)]) == ("K-10",)


def test_what_is_covered() -> None:
    """Owner, assignee, links, markup, other alphabets, the longest texts, by bytes, too: each has its row."""
    others = {
        "Owner": "u1",
        "Worker": "u2",
        "Call": "c1",
        "Text": "a < b",
        "Title": "Größe",
        "Priority": "high",
    }
    lines = [line(number) for number in range(50)]
    lines += [line(50 + place, **{name: cell}) for place, (name, cell) in enumerate(others.items())]
    lines += [line(60, Title="T" * 150), line(61, Text="word " * 500), line(62)]
    lines += [line(63, Text="слово " * 400), line(64, Note="said " * 20), line(65, Note="said " * 30)]
    assert set(cover(lines)) >= {"K-50", "K-51", "K-52", "K-53", "K-55", "K-60", "K-61", "K-63", "K-65"}


def test_a_row_that_has_it_all_makes_others_needless() -> None:
    """The one with the most comes first; what it has needs no second row."""
    lines = [line(1, Owner="u"), line(2, Worker="u"), line(3, Owner="u", Worker="u", Call="c", Title="Größe & Co")]
    assert cover(lines)[0] == "K-3"
    assert len(cover(lines)) == 2, "and one with the longest description at the most"


def test_many_categories_give_way() -> None:
    """A free text as category fills what is left, and takes no severity's place."""
    lines = [line(number, Kind=f"Kind {number}") for number in range(500)]
    lines += [line(600 + place, Priority=name) for place, name in enumerate(SEVERITIES)]
    chosen = cover(lines)
    assert len(chosen) == CANARY_LIMIT
    assert {bodies(lines)[key]["severity"] for key in chosen} == set(SEVERITIES)


def test_only_rows_that_would_be_created() -> None:
    """Not those that are rejected, nor those that are in Triage already."""
    examined = examine_lines([line(1, Priority="none"), line(2, Priority="high"), line(3)])
    known = {"demo:K-2": LedgerStatus(Outcome.UNCHANGED)}
    found = CanarySample()
    found.add(examined, plan_rows(examined, {}, Knowing(known, asks=False)))
    assert found.keys == ("demo:K-3",)


@given(
    st.lists(
        st.tuples(st.sampled_from(SEVERITIES), st.sampled_from(STATUSES), st.sampled_from("ABCDE"), st.booleans()),
        max_size=60,
    )
)
def test_every_value_is_touched(drawn: list[tuple[str, str, str, bool]]) -> None:
    """Whatever the rows: each severity, status and category that is sent is among the chosen, and none comes twice."""
    lines = [
        line(number, Priority=severity, State=status, Kind=kind, Owner="u" if owned else "")
        for number, (severity, status, kind, owned) in enumerate(drawn)
    ]
    chosen, sent = cover(lines), bodies(lines)
    assert len(chosen) == len(set(chosen)) <= CANARY_LIMIT
    for name in VALUES:
        assert {sent[key][name] for key in chosen} == {body[name] for body in sent.values()}
    assert any("owner_id" in sent[key] for key in chosen) == any("owner_id" in body for body in sent.values())
