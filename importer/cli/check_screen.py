"""What a check shows on a screen of 24 lines: values, warnings, causes, cost, and the one command to type next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
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
    content = _collect(checked, rate, is_asked=is_asked, names_new=names_new)
    if is_verbose:
        everything = dict.fromkeys(LISTS, EVERYTHING)
        return [*_describe(job, checked, content, everything), *below]
    width, height = size_of(stream)
    above = []
    if job.recognised:
        above.append(f"{job.source.files[0].name}: {job.recognised}")
    around = count_lines([*above, *below], width)
    room = max(LINES, height - AROUND) - around

    def fit(limits: Shown) -> list[str]:
        """Return the lines with so many items of each list, [] if there is no room for them."""
        lines = list(_describe(job, checked, content, limits))
        for is_cut in STAGES:
            fitting = [_cut(line, width) if is_cut(line) else line for line in lines]
            if count_lines(fitting, width) <= room:
                return fitting
        return []

    first = dict.fromkeys(LISTS, 1)
    first[REJECTED] = EVERYTHING
    fewest = dict(first)
    if checked.rejected:  # why they are is what has to be seen
        fewest |= dict.fromkeys((*VALUE_FIELDS, NOTES, LOAD), 0)
    for limits in (first, fewest):
        if lines := fit(limits):
            return [*_fill(lines, limits, fit, content.values), *below]
    *lines, counts = _describe(job, checked, content, fewest)
    cut = [line if line.startswith(WARNINGS) else _cut(line, width) for line in lines]
    return [*cut, counts, *below]


STAGES: tuple[Callable[[str], bool], ...] = (
    lambda line: False,
    lambda line: 0 < _indent(line) <= LIST_INDENT,
    lambda line: _indent(line) > 0,
    lambda line: _indent(line) > 0 or line.startswith(VALUE_FIELDS),
)
"""Which lines are cut: what is listed before less of it is shown, then hints, then titles of tables; sentences, which
may have a command, at last."""


def _collect(checked: Checked, rate: float, *, is_asked: bool, names_new: bool) -> ToShow:
    suspicious = set(checked.flow.suspicious_mappings())  # the tables of values show it, too
    warnings = sorted(checked.warnings, key=suspicious.__contains__)
    values = [_collect_values(checked.flow, name, names_new=names_new) for name in VALUE_FIELDS]
    sentences = [*describe_load(checked.workload, rate)]
    if is_asked:
        return ToShow(values, warnings, sentences[1:], "")
    requests = checked.workload.requests
    cost = ""
    if requests:
        hours = f", {format_duration(requests / rate)} at {rate:g} a second" if rate else ""
        cost = f"; {counted(requests, 'request')} in all{hours}"
    return ToShow(values, warnings, sentences, cost)


def describe_load(load: Workload, rate: float) -> Iterator[str]:
    """Yield sentences on additions and their requests, and on what folding comments or a higher rate would change.

    None where there are no additions. `rate` is in requests a second; with 0, no limit, no times are given.
    """
    added = describe_additions(load)
    if not added:
        return

    def hours(requests: int) -> str:
        return f", {format_duration(requests / rate)}" if rate else ""

    requests_added = load.requests - load.issues
    yield f"Then {added}: {counted(requests_added, 'request')}{hours(requests_added)}."
    for open_, closed, requests in load.choices():
        if requests > WORTH_SAYING * load.requests:
            continue
        setting = f"`comments: {{open: {open_}, closed: {closed}}}`"
        yield f"With {setting} all of it is {counted(requests, 'request')}{hours(requests)}."
    if rate and load.requests / rate > LONG_SECONDS:
        faster = rate * FASTER
        yield f"At --rate {faster:g} all of it is {format_duration(load.requests / faster)}."


def _collect_values(flow: ValueFlow, name: str, *, names_new: bool) -> FieldValues:
    from importer.check.observers.value_flow import new_categories

    kinds = list[str]()
    ranked: list[tuple[int, int, Stream]] = []
    for stream in flow.streams(name):
        kind = find_kind(stream.step.target, stream.how)
        kinds.append(kind)
        ranked.append((KINDS.index(kind), -stream.rows, stream))
    ranked.sort(key=itemgetter(0, 1))
    streams = [stream for _, _, stream in ranked]
    undecided = sum(kind in OPEN_KINDS for kind in kinds)
    new: Sequence[str] = ()
    if name == "category" and not names_new:
        new = new_categories(flow, BUILT_IN_CATEGORIES)
    return FieldValues(name, streams, undecided, new)


def _fill(
    lines: list[str], limits: dict[str, int], fit: Callable[[Shown], list[str]], values: Sequence[FieldValues]
) -> list[str]:
    """Show more where the screen has room: warnings, values that nobody has decided, then of each list in turn."""
    undecided: dict[str, int] = {field_values.field: field_values.undecided for field_values in values}

    def rank(name: str) -> tuple[bool, bool, int]:
        return name == WARNINGS, undecided.get(name, 0) > limits[name], -limits[name]

    growing = [name for name in limits if limits[name] < MOST_SHOWN]
    while growing:
        name = max(growing, key=rank)
        longer = fit({**limits, name: limits[name] + 1})
        if not longer or longer == lines or limits[name] == MOST_SHOWN:
            growing.remove(name)
        else:
            lines = longer
            limits[name] += 1
    return lines


def _indent(line: str) -> int:
    stripped = line.lstrip(" ")
    return len(line) - len(stripped)


def _cut(line: str, width: int) -> str:
    """Cut a line, but not within what is to be pasted, which stands between backticks."""
    if measure(line) <= width:
        return line
    widths = accumulate(map(measure, line[:width]))
    end = sum(reached < width for reached in widths)
    if line[:end].count("`") % 2:
        end = line.find("`", end) + 1 or len(line)
    if end < len(line):
        return f"{line[:end]}…"
    return line[:end]


def _describe(job: Job, checked: Checked, content: ToShow, limits: Shown) -> Iterator[str]:
    yield from _describe_causes(REJECTED, checked.tally, limits[REJECTED])
    for place, warning in enumerate(content.warnings[: limits[WARNINGS]]):
        number = "" if place else _of(len(content.warnings), limits[WARNINGS])
        yield f"warning{number}: {warning}"
    for values in content.values:
        yield from _describe_values(values, limits[values.field])
    yield from _describe_causes(NOTES, checked.tally, limits[NOTES])
    losses = list(_describe_losses(checked, limits[LOSSES]))
    yield from losses
    if losses and not _has_rest(job):
        name = job.mapping.name
        line = "`rest: footer`"
        advice = f"{line} in {name}"
        if preset_path(name) is not None:
            advice = f"a mapping with the lines `extends: {name}` and {line}"
        yield f"  to keep it in the footer: {advice}"
    passed_over = dict[str, list[str]]()
    for (outcome, code), rows in checked.tally.passed_over.most_common():
        codes = passed_over.setdefault(outcome, [])
        codes.append(f"{rows:,} × {code}")
    for name, codes in passed_over.items():
        yield f"{name}: {', '.join(codes)}"
    yield from content.load[: limits[LOAD]]
    counts = amounts((rows, outcome) for outcome, rows in checked.tally.outcomes.items())
    took = format_duration(checked.elapsed_seconds)
    yield f"checked {counted(checked.tally.rows, 'row')}: {counts or 'nothing to do'}   ({took}){content.cost}"


def _describe_values(values: FieldValues, limit: int) -> Iterator[str]:
    """Yield the values of a field as an aligned table."""
    name, streams, _, new = values
    first_streams = streams[:limit]
    if not first_streams:
        return
    sources = [clip(printable(stream.source), SOURCE_WIDTH) for stream in first_streams]
    source_width = max(map(measure, sources))
    target_width = max(measure(stream.target) for stream in first_streams)
    rows_width = max(len(f"{stream.rows:,}") for stream in first_streams)
    beside = []
    if limit < len(streams):
        beside.append(f"{len(sources)} of {len(streams):,}")
    if new:
        beside.append(f"not built into Triage, and permanent once created: {listed(new, limit)}")
    yield f"{name} ({'; '.join(beside)}):" if beside else f"{name}:"
    for source, stream in zip(sources, first_streams, strict=True):
        samples = ", ".join(stream.samples)
        way = f"{stream.rows:>{rows_width},}{stream.way}   {samples}"
        target = pad(stream.target, target_width)
        yield f"  {pad(source, source_width)} → {target}   {way}"


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
        causes = tally.causes.of_kind(weight, kind)
        first = causes[0]
        message = first.message
        if len(causes) > 1 and first.value:
            values = [f"{clip(cause.value, SOURCE_WIDTH)!r} {cause.rows:,}" for cause in causes]
            message = listed(values, VALUES_NAMED)
        elif kind.rows > 1 and not first.value and first.code in CODES:  # each of the rows has a message of its own
            message = _as_message(CODES[first.code])
        samples = ", ".join(sample.name for sample in first.samples[:SAMPLES])
        message = clip_counted(message, TEXT_SHOWN)
        yield f"  {kind.rows:,} × {first.code}: {message}   {samples}"
        if first.hint and (title == REJECTED or limit > 1):  # a warning's where there is room
            # One that quotes a long text of the source says what helps before it.
            length = TEXT_SHOWN if len(first.value) > TEXT_SHOWN else SENTENCE_SHOWN
            yield f"      {clip_counted(first.hint, length)}"


def _as_message(sentence: str) -> str:
    """Write a code's sentence as messages are written: without a capital, a full stop, or what it says of warnings."""
    sentence = sentence.removesuffix(".").removesuffix(" (warning)")
    message, _, _ = sentence.partition("; a warning ")
    if message.startswith("Triage"):
        return message
    return f"{message[0].lower()}{message[1:]}"


def _has_rest(job: Job) -> bool:
    """Whether the mapping says where the columns go that nothing else in it names."""
    remainder = job.mapping.model.rest
    for file in job.source.files:
        place = remainder.csv if file.is_table else remainder.json_
        if place is None:
            return False
    return True


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
        before = f"{step.before}, then: " if step.before else ""
        yield f"Next: {before}{step.command}"
