"""The gate's parts: the grammar of faults, when they strike, and the token bucket."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sandbox import gate
from importer.sandbox.gate import WHERES, Fault, FaultPlan, TokenBucket
from importer.sandbox.storage import SandboxError
from tests.harness.hostile import KINDS, parse_fault

CREATE = ("POST", "/v1/triage/issues")


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("500-before@2%", Fault("500-before", chance=0.02)),
        ("500-after@req=7", Fault("500-after", request=7)),
        ("hang-after", Fault("hang-after", seconds=60)),
        ("late-commit=1.5@1%", Fault("late-commit", seconds=1.5, chance=0.01)),
        ("slow=0.2:all", Fault("slow", seconds=0.2, where="all")),
        ("429=3:read@50%", Fault("429", seconds=3, where="read", chance=0.5)),
        ("not-json:create@0.5%", Fault("not-json", where="create", chance=0.005)),
    ],
)
def test_fault_is_read(spec: str, fault: Fault) -> None:
    """Kind, seconds, where and when can each be given."""
    assert parse_fault(spec) == fault


@pytest.mark.parametrize(
    "spec",
    [
        "500-before",
        "hang",
        "",
        "429:patch",
        "429@sometimes",
        "429@101%",
        "429@req=0",
        "429=soon",
        "500-after=1",
        "429@",
    ],
)
def test_bad_fault_is_explained(spec: str) -> None:
    """A sentence says how faults are written, with every word that there is."""
    with pytest.raises(SandboxError) as caught:
        gate.parse_fault(spec)
    assert str(caught.value) == (
        f"The fault {spec!r} can't be used. Write KIND[=SECONDS][:WHERE][@WHEN], as in 500-after:create@req=7 or "
        "429=0.2:all@5%. KIND is one of 500-after, hang-after, 429 (500-after without SECONDS), WHERE one of create, "
        "update, comment, resource, flag, relation, write, read, all, WHEN a share like 2% or the number of a request "
        "like req=7."
    )


@given(st.sampled_from(sorted(KINDS)), st.sampled_from(WHERES), st.integers(0, 100), st.integers(0, 999))
def test_every_combination_is_read(kind: str, where: str, percent: int, request: int) -> None:
    """What the grammar allows is understood."""
    when = f"req={request}" if request else f"{percent}%"
    fault = parse_fault(f"{kind}:{where}@{when}")
    assert (fault.kind, fault.where, fault.request) == (kind, where, request)
    assert fault.chance == (1.0 if request else percent / 100)


@pytest.mark.parametrize(
    ("where", "covered"),
    [
        ("create", "C"),
        ("update", "U"),
        ("comment", "c"),
        ("resource", "r"),
        ("flag", "f"),
        ("relation", "l"),
        ("write", "CUcrflD"),
        ("read", "Gg"),
        ("all", "CUcrflDGg"),
    ],
)
def test_where(where: str, covered: str) -> None:
    """A fault has to do with one kind of write, with all writes, reads or all."""
    issue = f"{CREATE[1]}/1"
    requests = {
        "C": CREATE,
        "U": ("PATCH", issue),
        "c": ("POST", f"{issue}/comments"),
        "r": ("POST", f"{issue}/resources"),
        "f": ("POST", f"{issue}/flags"),
        "l": ("POST", f"{issue}/relations"),
        "D": ("DELETE", f"{issue}/flags/1"),
        "G": ("GET", CREATE[1]),
        "g": ("GET", f"{issue}/flags"),
    }
    assert [name for name, request in requests.items() if Fault("503", where=where).covers(*request)] == list(covered)


def test_a_number_counts_the_requests_that_where_covers() -> None:
    """Reads don't shift the number of a write."""
    plan = FaultPlan([Fault("503", request=2)], seed=0)
    requests = [CREATE, ("GET", CREATE[1]), CREATE, CREATE]
    assert [plan.choose(*request) is not None for request in requests] == [False, False, True, False]


def test_the_first_fault_that_strikes_counts() -> None:
    """The order of the options decides; the others count the request all the same."""
    plan = FaultPlan([Fault("503", request=1), Fault("429", request=1), Fault("slow", request=2)], seed=0)
    chosen = [plan.choose(*CREATE) for _ in range(3)]
    assert [fault.kind if fault else None for fault in chosen] == ["503", "slow", None]


@given(st.integers(), st.floats(0, 1))
def test_the_same_seed_gives_the_same_faults(seed: int, chance: float) -> None:
    """A rehearsal can be repeated, and another fault beside it doesn't shift it."""
    fault = Fault("503", chance=chance)
    alone, beside = FaultPlan([fault], seed), FaultPlan([fault, Fault("429", chance=0.5)], seed)
    first, second = ([plan.choose(*CREATE) == fault for _ in range(50)] for plan in (alone, beside))
    assert first == second


def test_chance_is_a_share() -> None:
    """2 % of many requests are about 2 %."""
    plan = FaultPlan([Fault("503", chance=0.02)], seed=1)
    assert 150 < sum(plan.choose(*CREATE) is not None for _ in range(10_000)) < 250


def test_one_second_is_worth_of_a_burst() -> None:
    """A rested bucket of 50/s gives 50 at once, then tells to wait a second."""
    bucket = TokenBucket(50, lambda: 0.0)
    assert [bucket.take() for _ in range(51)] == [0] * 50 + [1]


def test_slow_rates_name_longer_waits() -> None:
    """Below one request a second the wait is rounded up to whole seconds."""
    times = iter([0.0, 0.0, 0.0, 2.5, 4.0])
    bucket = TokenBucket(0.25, lambda: next(times))
    assert [bucket.take() for _ in range(4)] == [0, 4, 2, 0]


@given(st.floats(0.1, 500), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_never_more_than_rate_and_burst(rate: float, pauses: list[float]) -> None:
    """In any time the bucket lets no more through than its rate and one second's worth."""
    times = list(accumulate(pauses))
    clock = iter([0.0, *times])
    bucket = TokenBucket(rate, lambda: next(clock))
    passed = sum(bucket.take() == 0 for _ in times)
    assert passed <= max(1, rate) + rate * times[-1] + 1e-6


@given(st.floats(0.1, 500), st.integers(1, 600))
def test_the_wait_is_enough(rate: float, requests: int) -> None:
    """Who waits as long as it is told gets through."""
    time = 0.0
    bucket = TokenBucket(rate, lambda: time)
    for _ in range(requests):
        wait_seconds = bucket.take()
        if wait_seconds:
            time += wait_seconds
            assert bucket.take() == 0
