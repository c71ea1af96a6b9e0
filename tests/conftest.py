"""The program in a folder of its own, and sandboxes on real ports."""

from __future__ import annotations

import gc
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from importer.triage import redaction
from tests.harness import compiled, plans
from tests.harness.brought import bring
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.mapping_files import problems, write
from tests.harness.postgres import postgres
from tests.harness.running import KEY, LONG, ROOT, WAIT_SECONDS, Program
from tests.harness.short_waits import short_waits
from tests.harness.source_files import make_source
from tests.harness.thirds import take_third

__all__ = ["bring", "make_source", "postgres", "problems", "short_waits", "write"]

hypothesis.settings.register_profile(  # neither time nor luck is a property of what is tested
    "shared machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=not LONG,
    max_examples=200 if LONG else 30,
)
hypothesis.settings.load_profile("shared machine")

# The tests' own requests are answered in this process, as late as a busy machine lets them be.
for function in (httpx.Client.__init__, httpx.get, httpx.post, httpx.put, httpx.patch, httpx.delete):
    if function.__kwdefaults__ is not None:
        function.__kwdefaults__["timeout"] = WAIT_SECONDS

# As a shell's `&` and `nohup` leave them, for all that is started here: what ignores a signal can't be ended by it.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


plans.watch()
compiled.share()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Fail the test that executes a statement which would take too long in a large ledger."""
    yield
    assert not (wrong := plans.take_wrong()), "\n\n".join(wrong)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file without slow tests where only those are wanted: eight workers would read all 270."""
    if config.option.markexpr != "slow" or not collection_path.match("test_*.py"):
        return None
    return "mark.slow" not in collection_path.read_text(encoding="utf-8") or None


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Look for garbage no more in what was collected, which stays until the end."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Look once for what nobody holds any more; pytest looks five times, through half a gigabyte in each worker."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest, each in a worker of its own, so that none of them is waited for alone at the end.

    Where only slow ones are run, workers get their share in one piece, and then steal from the end of each other's.
    """

    def seconds(item: pytest.Item) -> int:
        mark = item.get_closest_marker("slow")
        return 0 if mark is None else int(mark.kwargs.get("seconds", 0))

    if config.option.markexpr == "slow":
        items[:] = leave_thirds(items)
    items.sort(key=seconds, reverse=True)
    if config.option.markexpr == "slow":
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        items[:] = [item for first in reversed(range(workers)) for item in items[first::workers]]


def leave_thirds(items: list[pytest.Item]) -> list[pytest.Item]:
    """Leave each slow test, and of its cases those that `TRIAGE_TEST_THIRD` names."""
    cases = defaultdict[str, list[pytest.Item]](list)
    for item in sorted(items, key=lambda item: item.nodeid):
        cases[item.nodeid.partition("[")[0]].append(item)
    chosen = {item for items_of_test in cases.values() for item in take_third(items_of_test)}
    return [item for item in items if item in chosen]


Serve = Callable[..., RunningSandbox]


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the locks of sources out of the state folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Give the program, with a working folder, a state folder and an API key of its own."""
    folder, state = tmp_path / "work", tmp_path / "state"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("BLAND_API_KEY", KEY)
    monkeypatch.delenv("TRIAGE_API_URL", raising=False)
    monkeypatch.delenv("TRIAGE_ISSUE_URL", raising=False)
    monkeypatch.setattr(redaction, "_echoed", {})  # a process of its own has heard no echo
    running = Program(folder, state)
    yield running
    running.end()


@pytest.fixture(scope="session")
def end_later() -> Iterator[Callable[[ExitStack], None]]:
    """Return a function that ends sandboxes, which takes a fifth of a second each, while the next test runs."""
    ends: list[Future[None]] = []
    with ThreadPoolExecutor(1) as executor:
        yield lambda stack: ends.append(executor.submit(stack.close))
    for end in ends:
        end.result()


@pytest.fixture
def serve(end_later: Callable[[ExitStack], None]) -> Iterator[Serve]:
    """Return a function that starts a sandbox on a free port with the options that it is given."""
    stack = ExitStack()

    def start(**options: Any) -> RunningSandbox:
        return stack.enter_context(serve_in_thread(HostileOptions(**options)))

    yield start
    end_later(stack)


@pytest.fixture
def sandbox(serve: Serve) -> RunningSandbox:
    """Give a sandbox as it is by default."""
    return serve()
