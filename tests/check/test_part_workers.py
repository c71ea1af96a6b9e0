"""A check in parts: the same files as in one process, wherever the parts are examined and however many they are."""

from __future__ import annotations

import csv
import errno
import json
import os
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from importer.check import part_workers
from importer.check.job import Job
from importer.check.knowledge import NoLedger
from importer.check.part_workers import WORTHWHILE_BYTES, choose_workers, find_obstacle, open_executor
from importer.check.worker_process import starting
from importer.errors import StorageFull, WorkerLost
from importer.library.inputs import open_job
from importer.pipeline import run_check
from importer.progress import Unseen
from importer.sources import csv_parts
from tests.harness.running import Program, issue_row, wait_for, write_csv

TIMES = ("elapsed_seconds", "out", "suggestion", "started_at", "ended_at")
"""Figures of summary.json that are others with each run, or in each folder."""
NOT_COMPARED = ("report.html", "summary.html")
"""They have the rows compressed chunk by chunk."""
CALL = "Ask Ann Meyer, ann@example.com, +49 170 1234567."
HEADER = ("Summary", "Issue key", "Issue id", "Parent id", "Status", "Priority", "Updated", "Description", "Comment")


def write_dirty(path: Path, first: int, rows: int) -> str:
    """Write an export with all that may go wrong with a row, or between rows, and give its path."""
    draw = random.Random(first)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(first, first + rows):
            status, priority = (
                draw.choice(["To Do", "Done", "Odd", f"Odd {number % 7}"]),
                draw.choice(["High", "Low", "?"]),
            )
            title = draw.choice([f"Issue {number}", "", "Call\n@norm now", "Ã¼ber uns"])
            text = draw.choice(
                ['"quoted"\r\n\r\nlines, and more', f"see PROJ-{number + 40}", "AKIA" + "Q7" * 8, "#REF!", CALL]
            )
            key = draw.choice([f"PROJ-{number}", f"PROJ-{number}", f"PROJ-{number % 50}", ""])
            parent = draw.choice(["", str(number + 1), "9999"])
            comment = f"12/Sep/25 9:05 AM;acc{number % 5};said {number}"
            writer.writerow([title, key, number, parent, status, priority, "2025-09-12", text, comment])
            match number % 40:
                case 7:
                    writer.writerow(["Sprint 3", *[""] * 8])
                    writer.writerow(HEADER)
                case 13:
                    file.write('"never" closed,PROJ-1\n\nragged,PROJ-2,1\n')
    return str(path)


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[Job]:
    """The job of two dirty files."""
    paths = [write_dirty(folder / f"{number}.csv", number * 1000, 150) for number in (1, 2)]
    with open_job(paths, **{"mapping": "jira", **options}) as job:
        yield job


def files_of(job: Job, out: Path) -> dict[str, str]:
    """The files that a check leaves, by name."""
    run_check(job, NoLedger(), Unseen(), out)
    files = {path.name: path.read_text(encoding="utf-8") for path in out.iterdir() if path.name not in NOT_COMPARED}
    summary = json.loads(files["summary.json"])
    return files | {"summary.json": json.dumps({name: summary[name] for name in summary if name not in TIMES})}


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_parts, "PART_BYTES", 1500)


@pytest.mark.parametrize("workers", [2, 5])
def test_files_are_the_same_in_parts(tmp_path: Path, workers: int) -> None:
    """Any executor does: here one of threads."""
    with opened(tmp_path) as job, ThreadPoolExecutor(workers) as executor:
        assert not find_obstacle(job)
        whole = files_of(job, tmp_path / "whole")
        assert {"planned.jsonl", "results.csv", "errors.csv", "losses.csv", "fixes.csv"} <= whole.keys()
        parts = files_of(replace(job, workers=workers, executor=executor), tmp_path / "parts")
    assert parts == whole


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (lambda n: "" if n < 90 else ",same" if n < 200 else f",other {n}", "Odd,footer: Odd,210,100.0%,2,same,"),
        (lambda n: f"same,{f'other {n}' if n > 3 else ''}", "Odd,footer: Odd,596,100.0%,2,same,other 4"),
    ],
    ids=["filled in few rows", "two of one name"],
)
def test_samples_do_not_depend_on_chunks(tmp_path: Path, cells: Callable[[int], str], line: str) -> None:
    """Those of a column are the first different ones, row by row."""
    path = tmp_path / "odd.csv"
    rows = [f"A-{number},Fine,Done,High,{cells(number) or ','}\n" for number in range(300)]
    path.write_text("".join(["Issue key,Summary,Status,Priority,Odd,Odd\n", *rows]))
    with open_job([str(path)], mapping="jira") as job, ThreadPoolExecutor(2) as executor:
        whole = files_of(job, tmp_path / "whole")
        assert files_of(replace(job, workers=2, executor=executor), tmp_path / "parts") == whole
    assert f"{line}\n" in whole["losses.csv"]


def test_issues_that_are_shown(tmp_path: Path) -> None:
    """Their rows are read again: of parts that are in order none comes with its rows."""
    path = tmp_path / "fine.csv"
    rows = [f"A-{number},Fine {number},Done,{('High', 'Low')[number % 2]},text\n" for number in range(90)]
    path.write_text("".join(["Issue key,Summary,Status,Priority,Odd\n", *rows]))
    with open_job([str(path)], mapping="jira") as job, ThreadPoolExecutor(2) as executor:
        whole, _ = run_check(job, NoLedger(), Unseen(), tmp_path / "whole")
        parts, _ = run_check(replace(job, workers=2, executor=executor), NoLedger(), Unseen(), tmp_path / "parts")
    assert parts.issues == whole.issues
    assert [dict(issue.cells)["Issue key"] for issue in parts.issues] == ["A-0", "A-1"]


def test_what_no_cut_fits_is_read_on_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where quotes don't show where records end, one process goes on from there, which is said once."""
    plain, broken = ([f"A-{n},fine,x\n" for n in range(200)], [f'B-{n},fine,"two\nlines"\n' for n in range(200)])
    path = tmp_path / "inches.csv"
    path.write_text("".join(["Issue key,Summary,Description\n", *plain, 'A-0,5" wide,x\n', *broken]))
    said: list[str] = []
    monkeypatch.setattr(Unseen, "say", lambda self, text="": said.append(text))
    with open_job([str(path)], mapping="jira") as job, ThreadPoolExecutor(2) as executor:
        whole = files_of(job, tmp_path / "whole")
        assert files_of(replace(job, workers=2, executor=executor), tmp_path / "parts") == whole
    assert [text.partition(":")[0] for text in said] == ["One process reads the rest of the source"]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a part gives has no room; the error comes whole from another process."""

    def refuse(thing: object, file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(tmp_path) as job, ThreadPoolExecutor(2) as executor:
        monkeypatch.setattr(part_workers, "dump_joined", refuse)
        with pytest.raises(StorageFull, match="takes no more: No space left") as caught:
            run_check(replace(job, workers=2, executor=executor), NoLedger(), Unseen(), tmp_path / "out")
    assert "TMPDIR" in pickle.loads(pickle.dumps(caught.value)).hint


def test_some_sources_are_read_in_one_piece(tmp_path: Path) -> None:
    """Those that can't be cut, and those of which only the beginning is wanted; the sentence says why."""
    (tmp_path / "issues.jsonl").write_text('{"key": "A-1", "fields": {"summary": "One"}}\n')
    with open_job([str(tmp_path / "issues.jsonl")], mapping="jira") as job:
        assert find_obstacle(job).startswith(f"{tmp_path}/issues.jsonl is not plain CSV")
    with opened(tmp_path, limit=3) as job:
        assert find_obstacle(job).startswith("--limit")


def test_the_size_decides_how_many_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small source is not worth the start of a process, however many rows it has; who says a number gets it."""
    with opened(tmp_path) as job:
        assert (choose_workers(job, None), choose_workers(job, 3)) == (1, 3)
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(9), raising=False)
        monkeypatch.setattr(type(job.source), "total_bytes", WORTHWHILE_BYTES - 1)
        assert choose_workers(job, None) == 1
        monkeypatch.setattr(type(job.source), "total_bytes", WORTHWHILE_BYTES)
        assert choose_workers(job, None) == 4
        assert choose_workers(replace(job, limit=5), None) == 1


class Dying(Executor):
    """One process, which is killed in place of the third part."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, get_context("spawn"))
        self._asked = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._asked += 1
        return self._pool.submit(os._exit, 9) if self._asked == 3 else self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


@pytest.mark.slow  # 2 s
def test_a_worker_that_dies_ends_the_check(tmp_path: Path) -> None:
    """With a sentence and what to do; nothing is left in the temporary folder, and the same check works again."""
    with opened(tmp_path) as job, Dying() as executor:
        with pytest.raises(WorkerLost, match="was killed") as caught:
            run_check(replace(job, workers=2, executor=executor), NoLedger(), Unseen(), tmp_path / "out")
        assert "--workers 1" in caught.value.hint
        checked, _ = run_check(job, NoLedger(), Unseen(), tmp_path / "out")
        assert checked.tally.rows > 300


class Twice(ThreadPoolExecutor):
    """Examines each part once more while its first result waits to be taken."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have both done."""
        first, second = (super(Twice, self).submit(fn, *args, **kwargs) for _ in range(2))
        assert first.result() != second.result()
        return first


def test_a_part_that_is_examined_twice(tmp_path: Path) -> None:
    """As Dask does with the part of a worker that it has lost sight of: neither writes into the other's file."""
    with opened(tmp_path) as job, Twice(2) as executor:
        whole = files_of(job, tmp_path / "whole")
        assert files_of(replace(job, workers=2, executor=executor), tmp_path / "parts") == whole


class Failing(ThreadPoolExecutor):
    """Gives one future, or raises an error, in place of its third one."""

    def __init__(self, third: Future[Any] | None) -> None:
        super().__init__(2)
        self._third, self.given = third, list[Future[Any]]()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand it on, except the third, and take some time for it."""
        if len(self.given) == 2 and self._third is None:
            raise RuntimeError("it is shut down")
        future = super().submit(lambda: [time.sleep(0.05), fn(*args, **kwargs)][1])  # type: ignore[func-returns-value]
        self.given.append((len(self.given) == 2 and self._third) or future)
        return self.given[-1]


LOST, CANCELLED = Future[Any](), Future[Any]()
LOST.set_exception(ConnectionError("the worker is gone"))
CANCELLED.cancel()


@pytest.mark.parametrize(
    ("third", "sentence"),
    [
        (LOST, ": ConnectionError: the worker is gone."),
        (CANCELLED, ": CancelledError."),
        (None, ": RuntimeError: it is shut down."),
    ],
)
def test_an_executor_that_fails(tmp_path: Path, third: Future[Any] | None, sentence: str) -> None:
    """It is named, and no report that is being written; afterwards nobody writes into the temporary folder any more."""
    with opened(tmp_path) as job, Failing(third) as executor:
        with pytest.raises(WorkerLost, match="another process") as caught:
            run_check(replace(job, workers=2, executor=executor), NoLedger(), Unseen(), tmp_path / "out")
        assert all(future.done() for future in executor.given)
        assert caught.value.message.endswith(sentence)


HIDING = """
extends: jira
people: {show: pseudonym, mails: mask, phones: mask}
"""


@pytest.mark.slow  # 3 s
@pytest.mark.parametrize("mapping", ["extends: jira", HIDING], ids=["names", "pseudonyms"])
def test_files_are_the_same_with_processes(tmp_path: Path, mapping: str) -> None:
    """The program's own processes, which hide people alike."""
    (tmp_path / "mapping.yaml").write_text(mapping, encoding="utf-8")
    people = [("Ann Meyer", "acc1", "ann@example.com", ""), ("Bo", "acc2", "", "user_bo")]
    users = write_csv(tmp_path / "users.csv", people, ("name", "account", "mail", "triage_user_id"))
    with opened(tmp_path, mapping=str(tmp_path / "mapping.yaml"), users=users) as job:
        whole = files_of(job, tmp_path / "whole")
        assert ("Ann Meyer" in whole["planned.jsonl"]) == (mapping != HIDING)
        assert files_of(replace(job, workers=2), tmp_path / "parts") == whole


@pytest.mark.slow  # 5 s
def test_files_are_the_same_on_dask(tmp_path: Path) -> None:
    """Dask's executor takes the parts as they are: a cluster whose machines see the same files."""
    distributed = pytest.importorskip("distributed")
    with opened(tmp_path) as job:
        whole = files_of(job, tmp_path / "whole")
        with (
            distributed.LocalCluster(2, threads_per_worker=2, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            shared = replace(job, workers=2, executor=client.get_executor())
            assert files_of(shared, tmp_path / "parts") == whole


SLEEPING = """
import sys, time
from dataclasses import replace
from importer.check.part_workers import open_executor
from importer.library.inputs import open_job
from importer.progress import Unseen

with open_job(sys.argv[1:], mapping="jira") as job, open_executor(replace(job, workers=2), Unseen()) as executor:
    executor.submit(time.sleep, 600)
    print(*executor._processes, flush=True)
    time.sleep(600)
"""


@pytest.mark.slow  # 2 s
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """Also where that is killed in the middle, and can't tell them."""
    path = write_dirty(tmp_path / "1.csv", 1, 5)
    with subprocess.Popen([sys.executable, "-c", SLEEPING, path], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        (worker,) = map(int, started.stdout.readline().split())
        assert is_running(worker)
        started.kill()
    wait_for(lambda: not is_running(worker))


SIGNALLED = """
import os, signal, sys
from concurrent.futures import wait
from dataclasses import replace
from importer.check.part_workers import open_executor
from importer.check.worker_process import starting
from importer.errors import ENDING_SIGNALS
from importer.library.inputs import open_job
from importer.progress import Unseen

for number in ENDING_SIGNALS:
    signal.signal(number, lambda *_: None)
with open_job(sys.argv[1:], mapping="jira") as job, open_executor(replace(job, workers=2), Unseen()) as executor:
    with starting():
        begun = executor.submit(os.getpid)
    assert begun.result() != os.getpid()
    for number in ENDING_SIGNALS:
        os.killpg(0, number)
    with starting():
        print(executor.submit(abs, -1).result(), flush=True)
"""


@pytest.mark.slow  # 2 s
def test_a_signal_to_all_processes_is_for_the_first(tmp_path: Path) -> None:
    """As when a terminal is closed: the others live on until that one ends them; `types.py` beside them is no bar."""
    path = write_dirty(tmp_path / "1.csv", 1, 5)
    (tmp_path / "types.py").write_text("raise SystemExit(3)")
    ended = subprocess.run(
        [sys.executable, "-P", "-c", SIGNALLED, path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n", "")


@pytest.mark.slow  # 2 s
def test_a_process_that_ends_the_others(tmp_path: Path) -> None:
    """Where one is lost, the others are ended too, though they take no signal."""
    with opened(tmp_path) as job, open_executor(replace(job, workers=2), Unseen()) as executor:
        assert executor is not None
        with starting():
            # `concurrent.futures` watches a process from the next event on after its start, and here none would come.
            wait([executor.submit(time.sleep, 0.1) for _ in range(2)])
            sleeping, lost = executor.submit(time.sleep, 600), executor.submit(os._exit, 3)
        for future in (sleeping, lost):
            with pytest.raises(BrokenExecutor):
                future.result()


def is_running(process: int) -> bool:
    """Whether there is such a process, and more of it than its exit code."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow  # 4 s
def test_a_ledger_says_the_same_of_parts(program: Program) -> None:
    """`--workers` of a dry run: rows that are in Triage, changed since and new, as with one process."""
    write_csv(Path("export.csv"), map(issue_row, range(60)))
    Path("mine.yaml").write_text("extends: jira\nattachments: {texts: ['Text .[5-9]']}\n", encoding="utf-8")
    assert program("run", "export.csv", "-m", "mine.yaml", "--sandbox").code == 0
    write_csv(Path("export.csv"), (issue_row(number, title=f"Other {number}" * (number % 9)) for number in range(80)))
    check = ("run", "export.csv", "-m", "mine.yaml", "--sandbox", "--dry-run", "--max-changes", "100%", "--json")
    one, two = (program(*check, "--workers", count, "--out", f"by-{count}") for count in ("1", "2"))
    assert one.outcomes() == two.outcomes()
    assert len(one.outcomes()) > 2
    for name in ("results.csv", "losses.csv", "attachments.csv"):  # rows left as they are in Triage are not sent
        assert Path("by-1", name).read_bytes() == Path("by-2", name).read_bytes()
