"""Examines a source in parts, in several processes; what comes of it is the same as in one, in the same order."""

from __future__ import annotations

import gc
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import IO, TYPE_CHECKING

from importer.check.chunk_counts import ChunkCounter
from importer.check.examine import Examined, examine, examine_chunk, transform_of
from importer.check.job import Job
from importer.check.part_rows import dump_joined, dump_without_rows
from importer.errors import ImporterError, WorkerLost
from importer.progress import Progress
from importer.scratch import Scratch, temporary_files
from importer.sources.csv import Severed
from importer.sources.csv_parts import Part, can_be_cut, cut_file, read_part
from importer.sources.source import Source, SourceFile
from importer.transform.transform import Transform

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

WORTHWHILE_BYTES = 64_000_000
"""A source of this size makes several processes start by default: one needs three to eight seconds for it."""
MOST_WORKERS = 4
"""Processes that are started by default, as what is left to this one takes a quarter of the time."""
AHEAD = 2
"""Parts in progress or done for each worker, so that none waits for its next one."""
LEFT_SECONDS = 10
"""So long the parts in progress may take after an error; an executor that has lost its machines never ends them."""
JOB = "job.pickle"


def choose_workers(job: Job, wanted: int | None) -> int:
    """Decide how many processes examine a source: as many as wanted, else by its size and the cores."""
    if wanted is not None:
        return wanted
    if job.source.total_bytes < WORTHWHILE_BYTES or find_obstacle(job):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def find_obstacle(job: Job) -> str:
    """Say why a source is read in one piece; nothing where it can be cut into parts."""
    if job.limit is not None:
        return "--limit reads only its first rows"
    if job.mapping.model.group:
        return "consecutive rows form one issue"
    if job.source.comments is not None:
        return "comments are joined from other files"
    whole = next((file.name for file in job.source.files if not can_be_cut(file)), "")
    return whole and f"{whole} is not plain CSV, in UTF-8 or an encoding of one byte a character"


@contextmanager
def open_executor(job: Job, progress: Progress) -> Iterator[Executor | None]:
    """Open what examines the parts of a source; None where one process reads all of it."""
    obstacle = find_obstacle(job) if job.workers > 1 else ""
    if obstacle:
        progress.say(f"One process reads the source: {obstacle}.")
    if job.workers == 1 or obstacle:
        yield None
        return
    if job.executor is not None:
        yield job.executor
        return
    from concurrent.futures import ProcessPoolExecutor

    from importer.check.worker_process import make_context

    with ProcessPoolExecutor(job.workers, make_context(), initializer=_begin_work) as executor:
        yield executor
        executor.shutdown(wait=False)  # idle by now, they end while the rest is done


def _begin_work() -> None:
    """Prepare a new process to end with the one that has started it, however that ends."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.join,), daemon=True).start()


def _end_after(wait: Callable[[], object]) -> None:
    wait()
    for folder in _folders:  # a process that was killed could not remove it
        rmtree(folder, ignore_errors=True)
    os._exit(1)


def examine_all(
    job: Job, executor: Executor | None, progress: Progress, *, with_rows: bool = True
) -> Iterator[Examined]:
    """Read a source once, chunk by chunk; with an executor in parts, as far as that goes.

    `with_rows`: somebody looks at every row; else rows of parts that are in order are read again where somebody does.
    """
    done = 0
    if executor is not None:
        try:
            for examined in _examine_parts(job, executor, with_rows):
                _, done = examined.span
                yield examined
                del examined  # as in `examine`
        except Severed:
            job.source.check_unchanged()
            progress.say(
                "One process reads the rest of the source: the quotes in its cells don't show where records end."
            )
        else:
            return
    yield from examine(job, done)


def _examine_parts(job: Job, executor: Executor, with_rows: bool) -> Iterator[Examined]:
    """Yield the chunks of the parts, in order; raises Severed at the first part that can't be read as one."""
    place, file, record = 0, 0, 1
    for part, chunks in _work(job, executor, with_rows):
        if part.file != file:
            file, record = part.file, 1
        job.source.reach(file, part.end)
        for examined in chunks:
            examined = examined.moved(place, record)
            place += len(examined.records.chunk)
            record += len(examined.records.chunk)
            yield examined
            del examined  # as in `examine`


def _work(job: Job, executor: Executor, with_rows: bool) -> Iterator[tuple[Part, Iterator[Examined]]]:
    """Have the parts examined, a few at a time, and yield what came of each, in order."""
    from concurrent.futures import wait

    waiting: deque[tuple[Part, Future[Path]]] = deque()
    parts = (part for number, file in enumerate(job.source.files) for part in cut_file(file, number))
    with _share(job) as shared:
        try:
            while True:
                while len(waiting) < AHEAD * job.workers and (part := next(parts, None)):
                    with _telling_losses(job):
                        waiting.append((part, _submit(executor, shared, part, with_rows)))
                if not waiting:
                    return
                part, future = waiting.popleft()
                with _telling_losses(job):
                    path = future.result()
                yield part, _take(path)
        finally:
            # Whoever is at work yet would write into a folder that is being removed, which then stays.
            wait([future for _, future in waiting if not future.cancel()], LEFT_SECONDS)


def _submit(executor: Executor, shared: Path, part: Part, with_rows: bool) -> Future[Path]:
    from importer.check.worker_process import starting

    with starting():  # the executor starts a process when there is work for it
        return executor.submit(examine_part, shared, part, with_rows)


@contextmanager
def _telling_losses(job: Job) -> Iterator[None]:
    """Raise WorkerLost for an executor that fails, whatever it raises: nobody else's `except` is meant for that."""
    from concurrent.futures import BrokenExecutor

    failures = OSError if job.executor is None else Exception
    try:
        yield
    except (ImporterError, Severed):
        raise
    except BrokenExecutor as error:
        raise _lost(
            "A process that checked a part of the source couldn't start or was killed, perhaps for lack of memory."
        ) from error
    except failures as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise _lost(f"A part of the source couldn't be checked in another process: {reason}.") from error


def _lost(message: str) -> WorkerLost:
    hint = "Nothing was sent. Run the same command again with --workers 1, which starts no other process."
    return WorkerLost(message, hint=hint)


def _take(path: Path) -> Iterator[Examined]:
    """Read the chunks in a file, and remove it."""
    with path.open("rb") as file:
        path.unlink()
        while file.peek(1):
            with _uncollected():
                examined: Examined = pickle.load(file)
            yield examined
            del examined


def examine_part(shared: Path, part: Part, with_rows: bool) -> Path:
    """Examine a part of a source, in any process that sees the same files; `shared` is what `_share` has made.

    The chunks come in a file of that folder: a pipe takes 64 KB at a time, and each time both ends wait for the other.
    It has a new name each time: a cluster that loses sight of a worker has its part examined once more, meanwhile.
    The first row has the place 0 and the record number 1. Raises Severed where the range can't be read as a part.
    """
    job, transform, counting = _prepare(shared)
    source = job.source.files[part.file]
    with _uncollected():
        with temporary_files():
            file = NamedTemporaryFile(dir=shared, delete=False)  # noqa: SIM115 - closed by the next block
        with file:
            for chunk in read_part(source, part, transform.refs):
                examined = _count(counting, examine_chunk(job, transform, chunk, 0))
                del chunk
                with temporary_files():
                    if with_rows or examined.fixed or examined.bodiless():
                        dump_joined(examined, file)
                    else:
                        dump_without_rows(examined, file, source, part)
                    file.flush()
                del examined
    return Path(file.name)


def _count(counting: ChunkCounter, examined: Examined) -> Examined:
    """Count what nobody needs to look at any more, and leave it out where it is text that bodies have as well."""
    counts, records = counting.count(examined), examined.records
    naming = {row for row, parts in records.parts.items() if parts.mentions}  # their numbers are put into the text
    if counting.searches_texts and counts.attachments:  # counted again if not all rows that have a body are sent
        linking = {attachment.key for attachment in counts.attachments}
        naming |= {row for row, key in enumerate(records.keys.full) if key in linking}
    descriptions = [text if row in naming else "" for row, text in enumerate(records.texts.descriptions)]
    texts = replace(records.texts, descriptions=descriptions, footers=())
    return replace(examined, counts=counts, records=replace(records, texts=texts))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles, which chunks don't have: it would go through them repeatedly."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


_folders = set[Path]()
"""What was shared with this process."""
_prepared = threading.local()
"""The job of the last part, and what examines with it, of each thread: SQLite's look-ups are of one thread alone."""


def _prepare(shared: Path) -> tuple[Job, Transform, ChunkCounter]:
    if getattr(_prepared, "shared", None) != shared:
        _folders.add(shared)
        with (shared / JOB).open("rb") as file:
            job = _JobReader(file, shared).load()
        _prepared.shared, _prepared.job = shared, (job, transform_of(job), ChunkCounter(job))
    ready: tuple[Job, Transform, ChunkCounter] = _prepared.job
    return ready


@contextmanager
def _share(job: Job) -> Iterator[Path]:
    """Write a job into a folder, its look-ups as files of their own; raises StorageFull if the disk takes no more."""
    # After an error others may still write there all the same, which is no reason to hide that error.
    with TemporaryDirectory(prefix="triage-import-", ignore_cleanup_errors=True) as name:
        folder, source = Path(name), Source(tuple(map(_absolute, job.source.files)), (), ExitStack())
        with temporary_files(), (folder / JOB).open("wb") as file:
            _JobWriter(file, folder).dump(replace(job, source=source, executor=None))
        yield folder


def _absolute(file: SourceFile) -> SourceFile:
    return replace(file, stored=file.stored._replace(path=file.stored.path.absolute()))


class _JobWriter(pickle.Pickler):
    """Pickles a job, with the number of a file in place of each look-up."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        super().__init__(file)
        self._folder = folder
        self._written = dict[int, str]()

    def persistent_id(self, thing: object) -> str | None:
        if not isinstance(thing, Scratch):
            return None
        if id(thing) not in self._written:
            name = self._written[id(thing)] = str(len(self._written))
            thing.write_to(self._folder / name)
        return self._written[id(thing)]


class _JobReader(pickle.Unpickler):
    """Reads a job that `_JobWriter` has written, and opens its look-ups."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        super().__init__(file)
        self._folder = folder

    def persistent_load(self, name: str) -> Scratch:
        return Scratch("", self._folder / name)
