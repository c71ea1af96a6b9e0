"""Formats figures, times, workloads and texts of a source for the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from importer.codes import OPEN
from importer.phrases import clip_counted, counted, escape_controls, format_duration
from importer.records import Act
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.check.observers.workload import Workload

TEXT_SHOWN = 200
SENTENCE_SHOWN = 600
"""Characters of a sentence of our own, whose end says what helps."""
LONG_SECONDS = 3600.0
WORTH_SAYING = 0.9
"""What folding comments would change is said where it leaves no more than this share of the requests."""
FASTER = 4
"""Of an import that takes longer than LONG_SECONDS it is said how long it takes at a rate so many times higher."""

ADDED = {
    Act.COMMENT: "comment",
    Act.EVIDENCE: "evidence link",
    Act.FLAG: "flag",
    Act.RELATION: "relation",
    Act.REFER: "numbered description",
}


def how_long(load: Workload, rate: float) -> str:
    """Say how long sending takes at so many requests a second; 0 is no limit."""
    return f"about {format_duration(load.requests / rate)} at this rate" if rate else "as fast as the target takes them"


def describe_additions(load: Workload) -> str:
    """List what is added to issues: `4 comments, 2 relations`; "" if there is nothing."""
    added = ((act, number) for act, number in load.operations.items() if act in ADDED and number)
    return ", ".join(counted(number, ADDED[act]) for act, number in added)


def describe_load(load: Workload, rate: float) -> Iterator[str]:
    """Yield sentences on additions and their requests, and on what folding comments or a higher rate would change.

    None where there are no additions. `rate` is in requests a second; with 0, no limit, no times are given.
    """
    added = describe_additions(load)
    if not added:
        return

    def hours(requests: int) -> str:
        return f", {format_duration(requests / rate)}" if rate else ""

    more = load.requests - load.issues
    yield f"Then {added}: {counted(more, 'request')}{hours(more)}."
    for open_, closed, requests in load.choices():
        if requests > WORTH_SAYING * load.requests:
            continue
        what = f"`comments: {{open: {open_}, closed: {closed}}}`"
        yield f"With {what} all of it is {counted(requests, 'request')}{hours(requests)}."
    if rate and load.requests / rate > LONG_SECONDS:
        faster = rate * FASTER
        yield f"At --rate {faster:g} all of it is {format_duration(load.requests / faster)}."


def describe_open(findings: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each reason for which something is neither done nor decided."""
    for code, sentence in OPEN.items():
        if number := findings.get(code):
            yield f"{counted(number, 'issue')} {sentence}"


def shorten(text: str, most: int = TEXT_SHOWN) -> str:
    """Cut a text of the source for the screen."""
    return clip_counted(text, most)


def printable(text: str) -> str:
    """Escape characters that would control a terminal, or change the direction of writing; redact the API key."""
    return escape_controls(redact(text))
