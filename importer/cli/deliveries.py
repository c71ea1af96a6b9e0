"""Imports files each once: the oldest first, and a newer one only after those that it could overtake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from importer.cli.console import Console
from importer.errors import DecisionNeeded, ExitCode, ImporterError
from importer.library.deliveries import IS_IN, NEWEST, Delivery, may_meet, read_keys

if TYPE_CHECKING:
    from importer.cli.run_options import RunOptions
    from importer.ledger.overview import Note

STOPS_ALL = (ExitCode.STOPPED, ExitCode.LEDGER_IN_USE, ExitCode.TIME_OVER, ExitCode.INTERRUPTED)
"""Exit codes that the next file would end with, too."""
WORST = (130, 3, 7, 8, 2, 6, 5, 4, 1, 0)
"""Which exit code of several counts, the first of these."""


def deliver(options: RunOptions, due: Sequence[Delivery], carry_out: Carry) -> int:
    """Import files one after another; returns the exit code that counts."""
    console, codes, open_ = Console(quiet=options.quiet), list[int](), list[Delivery]()
    keys_of = cache(partial(read_keys, options))
    for each in due:
        first = options.files != NEWEST and next((other for other in open_ if may_meet(keys_of, other, each)), None)
        refusal = Waits(each, first) if first else None
        try:
            codes.append(carry_out(each, refusal))
        except ImporterError as error:
            console.speak()
            console.show_error(error)
            codes.append(int(error.exit_code))
        if codes[-1] not in IS_IN:
            open_.append(each)
        if codes[-1] in STOPS_ALL:
            break
    if open_:
        console.speak()
        console.say(f"Not in yet: {', '.join(each.name for each in open_)}. The same command tries the oldest first.")
    return min(codes, key=WORST.index)


Carry = Callable[[Delivery, ImporterError | None], int]
"""Imports a file, or only records the start of one that is refused."""


class Waits(DecisionNeeded):
    """A file could overtake an older one that isn't in yet."""

    def __init__(self, newer: Delivery, older: Delivery) -> None:
        super().__init__(
            f"{newer.name} waits for {older.name}, which isn't in yet: they have rows of the same issues.",
            hint=f"See above what {older.name} needs; the same command goes on. --files {NEWEST} doesn't wait.",
        )


def describe_open(starts: Sequence[Note]) -> Iterator[str]:
    """Yield the deliveries that are not in yet, with why, and what to type."""
    # By name: a file that was exported again takes the place of the one before.
    last = {(each["target"], each["source_name"], each["files"]): each for each in starts if each["digest"]}
    are_in = {(each["target"], each["source_name"], each["digest"]) for each in starts if each["exit_code"] in IS_IN}
    for (*its, _), each in last.items():
        if (*its, each["digest"]) not in are_in and not each["is_running"]:
            code = "it did not end" if each["exit_code"] is None else f"exit code {each['exit_code']}"
            again = f"triage-import run @{each['import_name']}" if each["import_name"] else "the same command"
            files = ", ".join(json.loads(each["files"]))
            yield f"Not in yet: {files}: {code}, {each['why'] or 'no reason is known'}; {again}"
