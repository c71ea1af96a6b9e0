"""What a check shows on a screen of 24 lines: values, warnings, causes, cost, and the one command to type next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from importer.api import BUILT_IN_CATEGORIES, VALUE_FIELDS
from importer.cli.run_screen import describe_additions
from importer.cli.terminal import count_lines, measure, pad, printable, size_of
from importer.mapping.presets import preset_path
from importer.phrases import amounts, clip, clip_counted, counted, format_duration, listed
from importer.report.flow_picture import KINDS, find_kind

if TYPE_CHECKING:
    from importer.check.check_pass import Checked
    from importer.check.job import Job
    from importer.check.observers.causes import Tally
    from importer.check.observers.value_flow import Stream, ValueFlow
    from importer.check.observers.workload import Workload
    from importer.report.summary import Summary

LINES, AROUND = 22, 2
"""Lines of a check and what stands around it, command and prompt aside: they fit 24 lines. A higher screen has more."""
LIST_INDENT = 2
SOURCE_WIDTH, VALUES_NAMED, MOST_SHOWN, SAMPLES = 40, 3, 12, 2
EVERYTHING = 10_000
WARNINGS, NOTES, REJECTED, LOSSES, LOAD = "warning", "with a warning", "rejected, not sent", "lost columns", "load"
LISTS = (*VALUE_FIELDS, REJECTED, NOTES, WARNINGS, LOSSES, LOAD)
"""What a check lists: all causes of rejection, which may leave no room for values; warnings grow before the others."""
OPEN_KINDS = ("rejected", "undecided")

TEXT_SHOWN = 200
SENTENCE_SHOWN = 600
"""Characters of a sentence of our own, whose end says what helps."""
LONG_SECONDS = 3600.0
WORTH_SAYING = 0.9
"""What folding comments would change is said where it leaves no more than this share of the requests."""
FASTER = 4
"""Of an import that takes longer than LONG_SECONDS it is said how long it takes at a rate so many times higher."""

Shown = Mapping[str, int]
"""List → how many of its items are shown."""


class FieldValues(NamedTuple):
    """The values of a field: rejected and undecided ones first, then the most frequent.

    undecided  how many nobody has decided, rejected ones included
    new        categories that Triage doesn't have, each with its issues
    """

    field: str
    streams: Sequence[Stream]
    undecided: int
    new: Sequence[str]


class ToShow(NamedTuple):
    """What a check has to say that takes long to work out: how much of it is shown is tried many times.

    load, cost  additions and what would make them fewer; all requests, and how long they take
    """

    values: Sequence[FieldValues]
    warnings: Sequence[str]
    load: Sequence[str]
    cost: str


def describe_check(
    job: Job,
    checked: Checked,
    stream: IO[str],
    rate: float,
    below: Sequence[str],
    *,
    is_asked: bool = False,
    names_new: bool = False,
    is_verbose: bool = False,
) -> list[str]:
    """Return the lines of a check, as many as fit the screen that a stream is, or all, and those that follow, `below`.

    rate       requests a second; 0 is no limit
    is_asked   whether what follows is a question, which says itself what is sent, and how long that takes
    names_new  whether it says which categories are new
    """
    found = _collect(checked, rate, is_asked=is_asked, names_new=names_new)
    if is_verbose:
        return [*_describe(job, checked, found, dict.fromkeys(LISTS, EVERYTHING)), *below]
    width, height = size_of(stream)
    above = [f"{job.source.files[0].name}: {job.recognised}"] if job.recognised else []
    room = max(LINES, height - AROUND) - count_lines([*above, *below], width)

    def fit(shown: Shown) -> list[str]:
        """Return the lines with so many items of each list, [] if there is no room for them."""
        lines = list(_describe(job, checked, found, shown))
        for is_cut in STAGES:
            each = [_cut(line, width) if is_cut(line) else line for line in lines]
            if count_lines(each, width) <= room:
                return each
        return []

    first = dict.fromkeys(LISTS, 1) | {REJECTED: EVERYTHING}
    # Where rows are rejected, why they are is what has to be seen.
    least = first | dict.fromkeys((*VALUE_FIELDS, NOTES, LOAD) if checked.rejected else (), 0)
    for shown in (first, least):
        if lines := fit(shown):
            return [*_fill(lines, shown, fit, found.values), *below]
    *lines, counts = _describe(job, checked, found, least)
    return [*(line if line.startswith(WARNINGS) else _cut(line, width) for line in lines), counts, *below]


STAGES: tuple[Callable[[str], bool], ...] = (
    lambda line: False,
    lambda line: 0 < _indent(line) <= LIST_INDENT,
    lambda line: _indent(line) > 0,
    lambda line: _indent(line) > 0 or line.startswith(VALUE_FIELDS),
)
"""Which lines are cut: what is listed before less of it is shown, then hints, then titles of tables; sentences, which
may have a command, at last."""


def _collect(checked: Checked, rate: float, *, is_asked: bool, names_new: bool) -> ToShow:
    known = set(checked.flow.suspicious_mappings())  # the tables of values show it, too
    warnings = sorted(checked.warnings, key=known.__contains__)
    values = [_collect_values(checked.flow, name, names_new=names_new) for name in VALUE_FIELDS]
    added, *choices = [*describe_load(checked.workload, rate)] or [""]
    if is_asked:
        return ToShow(values, warnings, choices, "")
    requests = checked.workload.requests
    hours = f", {format_duration(requests / rate)} at {rate:g} a second" if rate else ""
    cost = f"; {counted(requests, 'request')} in all{hours}" if requests else ""
    return ToShow(values, warnings, [added, *choices] if added else [], cost)


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


def _collect_values(flow: ValueFlow, name: str, *, names_new: bool) -> FieldValues:
    from importer.check.observers.value_flow import new_categories

    kinds = [(find_kind(stream.step.target, stream.how), stream) for stream in flow.streams(name)]
    streams = [stream for _, stream in sorted(kinds, key=lambda each: (KINDS.index(each[0]), -each[1].rows))]
    undecided = sum(kind in OPEN_KINDS for kind, _ in kinds)
    new = new_categories(flow, BUILT_IN_CATEGORIES) if name == "category" and not names_new else []
    return FieldValues(name, streams, undecided, new)


def _fill(
    lines: list[str], shown: dict[str, int], fit: Callable[[Shown], list[str]], values: Sequence[FieldValues]
) -> list[str]:
    """Show more where the screen has room: warnings, values that nobody has decided, then of each list in turn."""
    undecided: dict[str, int] = {each.field: each.undecided for each in values}
    growing = [name for name in shown if shown[name] < MOST_SHOWN]
    while growing:
        name = max(growing, key=lambda each: (each == WARNINGS, undecided.get(each, 0) > shown[each], -shown[each]))
        longer = fit({**shown, name: shown[name] + 1})
        if not longer or longer == lines or shown[name] == MOST_SHOWN:
            growing.remove(name)
        else:
            lines, shown[name] = longer, shown[name] + 1
    return lines


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _cut(line: str, width: int) -> str:
    """Cut a line, but not within what is to be pasted, which stands between backticks."""
    if measure(line) <= width:
        return line
    shown = sum(reached < width for reached in accumulate(map(measure, line[:width])))
    if line[:shown].count("`") % 2:
        shown = line.find("`", shown) + 1 or len(line)
    return f"{line[:shown]}{'…' if shown < len(line) else ''}"


def _describe(job: Job, checked: Checked, found: ToShow, shown: Shown) -> Iterator[str]:
    yield from _describe_causes(REJECTED, checked.tally, shown[REJECTED])
    for place, warning in enumerate(found.warnings[: shown[WARNINGS]]):
        yield f"warning{'' if place else _of(len(found.warnings), shown[WARNINGS])}: {warning}"
    for values in found.values:
        yield from _describe_values(values, shown[values.field])
    yield from _describe_causes(NOTES, checked.tally, shown[NOTES])
    losses = list(_describe_losses(checked, shown[LOSSES]))
    yield from losses
    if losses and not _has_rest(job):
        name, line = job.mapping.name, "`rest: footer`"
        in_own = f"a mapping with the lines `extends: {name}` and {line}"
        yield f"  to keep it in the footer: {f'{line} in {name}' if preset_path(name) is None else in_own}"
    passed_over = dict[str, list[str]]()
    for (outcome, code), rows in checked.tally.passed_over.most_common():
        passed_over.setdefault(outcome, []).append(f"{rows:,} × {code}")
    yield from (f"{outcome}: {', '.join(codes)}" for outcome, codes in passed_over.items())
    yield from found.load[: shown[LOAD]]
    counts = amounts((rows, outcome) for outcome, rows in checked.tally.outcomes.items())
    took = format_duration(checked.elapsed_seconds)
    yield f"checked {counted(checked.tally.rows, 'row')}: {counts or 'nothing to do'}   ({took}){found.cost}"


def _describe_values(values: FieldValues, limit: int) -> Iterator[str]:
    """Yield the values of a field as an aligned table."""
    name, streams, _, new = values
    if not streams[:limit]:
        return
    shown = [(clip(printable(stream.source), SOURCE_WIDTH), stream) for stream in streams[:limit]]
    source_width = max(measure(source) for source, _ in shown)
    target_width = max(measure(stream.target) for _, stream in shown)
    rows_width = max(len(f"{stream.rows:,}") for _, stream in shown)
    beside = [f"{len(shown)} of {len(streams):,}"] if limit < len(streams) else []
    beside += [f"not built into Triage, and permanent once created: {listed(new, limit)}"] if new else []
    yield f"{name} ({'; '.join(beside)}):" if beside else f"{name}:"
    for source, stream in shown:
        way = f"{stream.rows:>{rows_width},}{stream.way}   {', '.join(stream.samples)}"
        yield f"  {pad(source, source_width)} → {pad(stream.target, target_width)}   {way}"


def _describe_causes(title: str, tally: Tally, limit: int) -> Iterator[str]:
    """Yield a line for each kind of finding, worst first, with its rows, its commonest values, and its hint once."""
    from importer.check.observers.causes import Weight
    from importer.codes import CODES

    weight = Weight.HELD if title == REJECTED else Weight.NOTED
    kinds = tally.causes.kinds(weight)
    if not kinds[:limit]:
        return
    yield f"{title}{_of(len(kinds), limit)}:"
    for kind in kinds[:limit]:
        first, *others = some = tally.causes.of_kind(weight, kind)
        message = first.message
        if others and first.value:
            message = listed([f"{clip(each.value, SOURCE_WIDTH)!r} {each.rows:,}" for each in some], VALUES_NAMED)
        elif kind.rows > 1 and not first.value and first.code in CODES:  # each of the rows has a message of its own
            message = _as_message(CODES[first.code])
        samples = ", ".join(sample.name for sample in first.samples[:SAMPLES])
        yield f"  {kind.rows:,} × {first.code}: {clip_counted(message, TEXT_SHOWN)}   {samples}"
        if first.hint and (title == REJECTED or limit > 1):  # a warning's where there is room
            # One that quotes a long text of the source says what helps before it.
            most = TEXT_SHOWN if len(first.value) > TEXT_SHOWN else SENTENCE_SHOWN
            yield f"      {clip_counted(first.hint, most)}"


def _as_message(sentence: str) -> str:
    """Write a code's sentence as messages are written: without a capital, a full stop, or what it says of warnings."""
    said = sentence.removesuffix(".").removesuffix(" (warning)").partition("; a warning ")[0]
    return said if said.startswith("Triage") else f"{said[0].lower()}{said[1:]}"


def _has_rest(job: Job) -> bool:
    """Whether the mapping says where the columns go that nothing else in it names."""
    rest = job.mapping.model.rest
    return all((rest.csv if file.is_table else rest.json_) is not None for file in job.source.files)


def _describe_losses(checked: Checked, limit: int) -> Iterator[str]:
    """Yield what goes nowhere: the first columns on one line, or each on its own where there is room."""
    lines = checked.coverage.show()
    if len(lines) <= limit + 1:
        yield from lines
        return
    columns = [line.column for line in checked.coverage.dropped()]
    where = ": losses.csv" if len(columns) > limit else ""
    yield f"{lines[0]} {listed(columns, limit)}{where}"


def _of(total: int, limit: int) -> str:
    """Return how many there are where not all are shown."""
    return f" ({limit} of {total:,})" if limit < total else ""


def describe_next(job: Job, summary: Summary) -> Iterator[str]:
    """Yield where the reports of a check are, and the one command that comes next."""
    from importer.report.next_steps import find_steps

    yield f"All of this, and every row: {Path(summary.out) / 'report.html'}"
    if summary.stopped_because:
        yield f"Nothing was sent: {summary.stopped_because}"
    if summary.rows and summary.skipped == summary.rows:
        yield "Nothing would be sent: rules skip every row, see results.csv."
    else:
        step = next(find_steps(job, summary))
        yield f"Next: {step.before}, then: {step.command}" if step.before else f"Next: {step.command}"
