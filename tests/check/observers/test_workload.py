"""The forecast says how many requests an import takes, comments and all: to the request."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.api import COMMENT_LIMIT
from importer.check.observers.workload import Workload
from importer.records import Act
from tests.harness.additions import COMMENTS, HEADER, MAPPING, Drawn, ask_target, check_additions
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.promises import Source
from tests.harness.running import HEADER as ISSUE_HEADER
from tests.harness.running import KEY, Ended, Program, write_csv

LOOKS = ("GET /v1/triage/categories", "GET /v1/triage/issues")
"""What an import asks before it sends anything, and at its end, however much that is."""
LISTS = tuple(f"GET /v1/triage/issues/{{id}}/{name}" for name in ("activity", "flags", "relations"))
"""What it asks of an issue from an earlier run before it adds to it."""
BUNDLINGS = st.sampled_from(("separate", "fold", "drop"))


def count_long(sandbox: RunningSandbox) -> int:
    """Count comments that may have been read back, each if it was longer than those before: that isn't foreseen."""
    return sum(len(comment["detail"].encode()) > COMMENT_LIMIT // 2 for comment in sandbox.comments())


@contextmanager
def bench(folder: Path, mapping: str) -> Iterator[tuple[Program, RunningSandbox]]:
    """Give the program in a folder that has a mapping and a key, and a target that behaves well."""
    (folder / "mine.yaml").write_text(mapping, encoding="utf-8")
    (folder / "key").write_text(KEY, encoding="utf-8")
    with serve_in_thread(HostileOptions()) as sandbox:
        yield Program(folder, folder), sandbox


def send(program: Program, url: str, rows: list[tuple[str, ...]], *more: str) -> Ended:
    """Import rows, or say what it would take."""
    source = write_csv(program.folder / "export.csv", rows, HEADER)
    options = ("--api-key-file", program.folder / "key", "--ledger", program.folder / "ledger.db", "--json", "--yes")
    places = ("-m", program.folder / "mine.yaml", "--api-url", url, "--out", program.folder / "out")
    return program("run", source, *places, *options, "--rate", "0", "--no-canary", *more)


def earlier(row: tuple[str, ...]) -> tuple[str, ...]:
    """A row as it was before most of its comments."""
    first = len(ISSUE_HEADER) + 1
    return (*row[:first], *("",) * (COMMENTS - 1), *row[first + COMMENTS - 1 :])


@pytest.mark.slow(seconds=40)
@settings(max_examples=5)
@given(random=st.randoms(use_true_random=False), open_=BUNDLINGS, closed=BUNDLINGS)
def test_to_the_request(random: Random, open_: str, closed: str) -> None:
    """Of any source: of its first import, of the next one with more rows and comments, and of one with no more."""
    drawn = Drawn(random, 20, missing=0)
    rows = [drawn.issue(number) for number in range(1, 21)]
    first = [earlier(row) for row in random.sample(rows, 12)]
    mapping = MAPPING.replace("open: separate", f"open: {open_}").replace("closed: fold", f"closed: {closed}")
    with tempfile.TemporaryDirectory() as name, bench(Path(name), mapping) as (program, sandbox):
        for night in (first, rows, rows):
            before, long = sandbox.requests(), count_long(sandbox)
            foreseen = send(program, sandbox.url, night, "--dry-run").summary["forecast"]
            assert sandbox.requests() == before
            ended = send(program, sandbox.url, night)
            assert ended.code == 0, ended.err
            took = sandbox.requests() - before
            writes = sum(number for request, number in took.items() if request not in (*LOOKS, *LISTS))
            assert writes == foreseen["requests"] - foreseen.get("looks", 0), took
            read_back = took[LISTS[0]] + took[LISTS[1]] - foreseen.get("looks", 0) + 2 * ("create" in foreseen)
            assert 0 <= read_back <= count_long(sandbox) - long, took
            if "drop" not in (open_, closed) and night is first:
                check_additions(ask_target(sandbox), Source(night, ["good"] * len(night)))
        assert foreseen["requests"] == 0


def test_choices() -> None:
    """The other ways to send comments are offered with what the whole takes then; those that change nothing are not."""
    load = Workload(
        "separate",
        "fold",
        Counter({Act.CREATE: 10, Act.COMMENT: 15, Act.REFER: 2}),
        Counter({("open", "separate"): 9, ("open", "fold"): 4, ("closed", "separate"): 12, ("closed", "fold"): 6}),
    )
    assert (load.requests, load.issues, load.discussion) == (31, 12, 15)
    assert load.choices() == [("separate", "separate", 37), ("fold", "fold", 26)]


@pytest.mark.parametrize(("creates", "looks"), [(0, 0), (1, 2), (100, 2), (101, 3)])
def test_looks_are_foreseen(creates: int, looks: int) -> None:
    """What creates issues reads the list before, and at its end, a page for a hundred."""
    load = Workload(operations=Counter({Act.CREATE: creates}))
    assert (load.requests, load.issues, load.as_json().get("looks", 0)) == (creates + looks, creates + looks, looks)


def test_an_update_is_read_first() -> None:
    """It takes two requests, as do numbers in a description."""
    load = Workload(operations=Counter({Act.UPDATE: 3, Act.REFER: 1, Act.RELATION: 2}))
    assert (load.requests, load.issues) == (10, 6)
    assert load.as_json() == {"update": 3, "refer": 1, "relation": 2, "requests": 10}
