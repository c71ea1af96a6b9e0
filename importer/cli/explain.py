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
        lines = "\n\n".join("\n".join(render(each)) for each in explain_rows(job, which)).split("\n")
        print_data("".join(f"{printable(line)}\n" for line in lines))
    return ExitCode.DONE


def refuse_wrong_order(sources: Sequence[str], which: str) -> None:
    """Make sure that files come first, and one row after them. Raises UsageError."""
    keys = [source for source in sources if not Path(source).exists()]
    if sources and not (keys and Path(which).is_file()):
        return
    files = shell_join([*(source for source in sources if source not in keys), which])
    what = "The file comes first, then the row" if keys else "It explains one row of a file, given by its key or line"
    raise UsageError(f"{what}.", hint=f"triage-import explain {files} {shell_join(keys[:1]) or '2'}")


def render(found: Explanation) -> list[str]:
    """Format an explanation as lines of text."""
    from importer.codes import CODES

    place = f"{found.file_name}:{found.line}, row {found.record}"
    lines = [f"{found.key or '(no key)'}   {place}: {found.outcome}", ""]
    for trace in found.traces:
        lines += _render_trace(trace)
    if found.skip:
        lines.append(f"Skipped: {found.skip}: {CODES.get(found.skip, 'a rule of the mapping leaves it out.')}")
    for finding in found.findings:
        lines.append(f"{'Rejected' if finding.rejects else 'Warning'}: {finding.code}: {finding.message}")
        if finding.hint:
            lines.append(f"  {finding.hint}")
    if found.body is None:
        return [*lines, "", "Nothing would be sent."]
    return [
        *lines,
        "",
        "As people will see it:",
        *(f"  | {line}" for line in (found.title, "", *found.description.split("\n"))),
        "",
        "As it would be sent:",
        found.body.decode(),
        *(["", "Then it would get:"] if found.additions else []),
        *(f"  {addition.act} {_describe(addition)}" for addition in found.additions),
    ]


def _describe(addition: Addition) -> str:
    """Describe an addition on one line: a relation, the texts that get numbers, or the body that is sent."""
    if addition.other:
        return f"{addition.key} {addition.name.partition('/')[0]} {addition.other}"
    if addition.mentions and not addition.covers:
        return f"numbers in the description: {', '.join(mention.text for mention in addition.mentions)}"
    return _short(addition.body.decode())


def _render_trace(trace: Trace) -> list[str]:
    cells = "; ".join(f"{name} = {_short(text)}" for name, text in trace.cells) or "none"
    return [
        trace.field,
        f"  cell    {cells}",
        f"  rule    {trace.reason}   ({trace.place})",
        f"  result  {_short(trace.result)}",
    ]


def _short(text: str) -> str:
    """Quote a text on one line, cut for the screen."""
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
    return repr(shown)
