"""`triage-import explain`: shows what one row becomes, field by field, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.answers import print_data
from importer.cli.console import Console
from importer.cli.option_types import FILE
from importer.cli.options import Command, takes
from importer.cli.terminal import printable
from importer.errors import ExitCode, UsageError
from importer.library.options import Input
from importer.phrases import shell_join

if TYPE_CHECKING:
    from importer.authoring.explain import Explanation, Trace
    from importer.records import Addition

LONGEST = 100


@click.command(cls=Command)
@click.argument("sources", nargs=-1, type=FILE, metavar="SOURCE...")
@click.argument("which", metavar="KEY|LINE")
@takes(Input)
def explain(options: Input, sources: tuple[str, ...], which: str) -> int:
    """Show what one row becomes, and why.

    For each field it shows the cell, the rule, its line in the mapping, and the result; then the issue as people will
    see it, the request body, and the additions. It uses no network.
    """
    from importer.authoring.explain import explain_rows
    from importer.cli.options import calling
    from importer.library.inputs import open_job, reading_of

    refuse_wrong_order(sources, which)
    with open_job(sources, calling(Console()), **reading_of(options)) as job:
        texts = ["\n".join(render(explanation)) for explanation in explain_rows(job, which)]
        lines = "\n\n".join(texts).split("\n")
        print_data("".join(f"{printable(line)}\n" for line in lines))
    return ExitCode.DONE


def refuse_wrong_order(sources: Sequence[str], row: str) -> None:
    """Make sure that files come first, and one row after them. Raises UsageError."""
    keys = [source for source in sources if not Path(source).exists()]
    if sources and not (keys and Path(row).is_file()):
        return
    existing = [source for source in sources if source not in keys]
    files = shell_join([*existing, row])
    key = shell_join(keys[:1]) or "2"
    order = "The file comes first, then the row" if keys else "It explains one row of a file, given by its key or line"
    raise UsageError(f"{order}.", hint=f"triage-import explain {files} {key}")


def render(explanation: Explanation) -> list[str]:
    """Format an explanation as lines of text."""
    from importer.codes import CODES

    place = f"{explanation.file_name}:{explanation.line}, row {explanation.record}"
    lines = [f"{explanation.key or '(no key)'}   {place}: {explanation.outcome}", ""]
    for trace in explanation.traces:
        lines += _render_trace(trace)
    if explanation.skip:
        reason = CODES.get(explanation.skip, "a rule of the mapping leaves it out.")
        lines.append(f"Skipped: {explanation.skip}: {reason}")
    for finding in explanation.findings:
        verdict = "Rejected" if finding.rejects else "Warning"
        lines.append(f"{verdict}: {finding.code}: {finding.message}")
        if finding.hint:
            lines.append(f"  {finding.hint}")
    if explanation.body is None:
        return [*lines, "", "Nothing would be sent."]
    lines += ["", "As people will see it:", f"  | {explanation.title}", "  | "]
    lines += (f"  | {line}" for line in explanation.description.split("\n"))
    lines += ["", "As it would be sent:", explanation.body.decode()]
    if explanation.additions:
        lines += ["", "Then it would get:"]
    lines += (f"  {addition.act} {_describe(addition)}" for addition in explanation.additions)
    return lines


def _describe(addition: Addition) -> str:
    """Describe an addition on one line: a relation, the texts that get numbers, or the body that is sent."""
    if addition.other:
        relation_type, _, _ = addition.name.partition("/")
        return f"{addition.key} {relation_type} {addition.other}"
    if addition.mentions and not addition.covers:
        return f"numbers in the description: {', '.join(mention.text for mention in addition.mentions)}"
    return _short(addition.body.decode())


def _render_trace(trace: Trace) -> list[str]:
    texts = [f"{name} = {_short(text)}" for name, text in trace.cells]
    cells = "; ".join(texts) or "none"
    return [
        trace.field,
        f"  cell    {cells}",
        f"  rule    {trace.reason}   ({trace.place})",
        f"  result  {_short(trace.result)}",
    ]


def _short(text: str) -> str:
    """Quote a text on one line, cut for the screen."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text):,} characters)"
    return repr(text)
