"""Opens the job of a command from its options: mapping read or recognised, tables read, source opened and matched."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from importer.authoring.recognise import Match, match_shapes, preset_shapes, recognise
from importer.check.headers import check_fit
from importer.check.job import Job
from importer.check.look_up import look_up
from importer.errors import MappingError, Problem, SourceError, UsageError
from importer.library.caller import PROGRAM, Caller
from importer.library.declared import declared
from importer.library.options import Input, Selection
from importer.mapping.edited_tables import Fixes, read_fixes, read_users
from importer.mapping.header_names import may_discuss
from importer.mapping.identities import Roster
from importer.mapping.model import UNDECIDED, MappingModel
from importer.mapping.model import Input as InputModel
from importer.mapping.patterns import SlowPattern
from importer.mapping.presets import is_shipped, preset_path
from importer.mapping.reader import LoadedMapping, load_mapping
from importer.mapping.reads import can_read, collect_annexes, collect_refs, with_rest
from importer.mapping.scorecards import Each
from importer.mapping.yaml_tree import read_small
from importer.phrases import shell_join
from importer.sources.command_line import ANY_SEVERITY, CommandLine
from importer.sources.json_outline import SAMPLED_RECORDS, dotted_names
from importer.sources.source import Source, SourceFile, SourceOptions, find_later_keys
from importer.sources.survey import Sample, open_source, survey_files


@contextmanager
def open_comments(paths: Sequence[str], mapping: LoadedMapping | None, encoding: str | None) -> Iterator[Source | None]:
    """Open the files of `--comments`, None if there are none; their format and delimiter are detected.

    Where the mapping reads comments from an array beside the records, the files are searched for that array; without a
    mapping, which is to be drafted, for any. Raises UsageError where the mapping reads no comments from files of their
    own, and what `open_source` raises.
    """
    if not paths:
        yield None
        return
    arrays = [annex.array for annex in collect_annexes(mapping.model).values()] if mapping is not None else [""]
    if mapping is not None and not arrays:
        raise UsageError(
            f"The mapping {mapping.name} reads no comments from --comments.",
            hint="Say in it how they are joined: `comments: {from: [{beside: {by: …, key: …}, each: {text: …}}]}`.",
        )
    with open_source(paths, SourceOptions(encoding=encoding, records=arrays[0] or None)) as source:
        yield source


def warn_of_absent(mapping: LoadedMapping, source: Source) -> Iterator[str]:
    """Warn of comments that won't be sent because the file that has them isn't given."""
    annexes = collect_annexes(mapping.model)
    if source.comments is not None or not annexes:
        return
    asked = [place for place, annex in annexes.items() if not annex.array]
    files = (mapping.place("comments", "from", place).file for place in asked)
    if not all(map(is_shipped, files)):  # a preset names all that there may be
        yield "comments: the mapping joins them from --comments FILE, which isn't given"
    returned = [file.name for file in source.files if file.errors_file]
    if returned and any(annex.array for annex in annexes.values()):
        yield f"comments: {returned[0]} has the records alone; give the export that it came from: --comments FILE"


def warn_of_beside(mapping: LoadedMapping, source: Source, samples: Sequence[Sample]) -> Iterator[str]:
    """Warn of arrays beside the records that are called as discussions are, and that the mapping doesn't read."""
    read = {annex.array for annex in collect_annexes(mapping.model).values()}
    for file in source.files:
        others = (each.records for each in samples if each.file_name == file.name and not each.within)
        for array in sorted({*others} - {file.array, "", *read}):
            if not file.is_table and file.array and may_discuss(array.rpartition(".")[2]):
                joined = f"{{beside: {{in: {array}, by: …, key: …}}, each: {{text: …}}}}"
                yield f"{file.name}: {array} beside {file.array} is not read; `comments: {{from: [{joined}]}}` joins it"


class InputOptions(Selection, Input):
    """The options of commands that read a source.

    makes_users     whether users.csv is only to be made
    may_be_empty    whether a source without rows is one
    accept_missing  columns that it may lack
    """

    makes_users: bool = False
    may_be_empty: bool = False
    accept_missing: tuple[str, ...] = ()

    def typed(self, sources: Sequence[str]) -> CommandLine:
        """These files and options, as they are typed."""
        found = list[tuple[str, str]]()
        for name, its in declared(self).items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool):
                found += [(its.name, str(one)) for one in (value if isinstance(value, tuple) else [value])]
        return CommandLine(tuple(sources), tuple(found))


def reading_of(options: object) -> dict[str, Any]:
    """Return those values of a command's options that `open_job` takes."""
    return {each.name: getattr(options, each.name) for each in fields(InputOptions) if hasattr(options, each.name)}


@contextmanager
def open_job(sources: Sequence[str], caller: Caller = PROGRAM, /, **options: Any) -> Iterator[Job]:
    """Load or recognise the mapping, read the tables, open the source, and check that they fit together.

    `options` are the fields of InputOptions; `caller` is told what was recognised, or asked. The source is open as long
    as the block runs.

    Raises:
        MappingError: the mapping can't be used.
        SourceError: the source can't be read, or the mapping doesn't fit it.
        UsageError: an option can't be used, or several presets fit the source and nobody can be asked.
    """
    refuse_presets(sources)
    given = InputOptions(**options)
    name, typed = given.source_name, given.typed(sources)
    mapping = load_mapping(given.mapping) if given.mapping is not None else None
    reading = choose_reading(given, mapping)
    table, roster = _read_tables(given.fixes, given.users)
    match: Match | None = None
    if mapping is not None and given.users is None and not given.makes_users:
        refuse_unknown_people(mapping)
    with survey_files(sources, reading) as survey:
        if mapping is None:
            survey.refuse_unreadable()
            match = find_preset(survey.samples, typed, caller)
            caller.progress.say(f"{match.sample.file_name}: {match}")
            mapping = load_mapping(match.preset)
        refuse_unfinished(mapping)
        records = reading.records or find_array(survey.samples, mapping.model)
        # The tables count as part of the mapping: with other ones it is another, see `attempt.begin_run`.
        mapping = replace(mapping, digest=roster.mark(table.mark(mapping.digest)))
        with open_comments(given.comments, mapping, reading.encoding) as beside, survey.open(records, beside) as source:
            samples = survey.samples
            if mapping.model.each is not None:
                samples = _unfold(source, mapping, mapping.model.each, samples)
            if match is not None and match.shape.last:
                from importer.authoring.draft.draft import give_way

                give_way(mapping, source, typed)
            mapping = replace(mapping, model=_with_rest(mapping.model, source, samples))
            if given.severity:
                mapping = with_severity(mapping, given.severity)
            elif not given.makes_users:
                ask_severity(mapping, source, samples, typed, caller)
            headers = [file.header if file.is_table else None for file in source.files]
            table.check_columns(collect_refs(mapping.model), headers)
            job = Job(
                source=source,
                mapping=mapping,
                source_name=mapping.model.input.name if name is None else check_source_name(name),
                name_given=name is not None or mapping.named_by_user,
                limit=given.limit,
                only=read_only_list(given.only),
                show=frozenset(key.strip() for key in (given.show or "").split(",") if key.strip()),
                fixes=table,
                people=roster,
                recognised=str(match or ""),
                typed=typed,
            )
            if not job.name_given:
                refuse_nameless(mapping.model, source, samples)
            job = replace(job, warnings=_compare(job, samples, given.accept_missing))
            # The spool of what is looked up must be there as long as the job is used.
            with _placing_slow_patterns(mapping), look_up(job) as complete:
                yield complete


def _read_tables(fixes: Path | None, users: Path | None) -> tuple[Fixes, Roster]:
    return Fixes() if fixes is None else read_fixes(fixes), Roster() if users is None else read_users(users)


def mapping_digest(given: Mapping[str, Any]) -> str:
    """Make the digest of the mapping with its tables that the options of an import name."""
    table, roster = _read_tables(given["fixes"], given["users"])
    return roster.mark(table.mark(load_mapping(given["mapping"]).digest))


def choose_reading(given: InputOptions, mapping: LoadedMapping | None, records: str | None = None) -> SourceOptions:
    """Return how to read the files: as the options say, otherwise as the mapping does."""
    said = SourceOptions() if mapping is None else mapping.model.input
    return SourceOptions(
        format=given.format or said.format,
        encoding=given.encoding or said.encoding,
        delimiter=given.delimiter or said.delimiter,
        skip_lines=said.skip_lines if given.skip_lines is None else given.skip_lines,
        records=records or said.records,
        may_be_empty=isinstance(said, InputModel)
        and (said.kind == "delta" or (given.may_be_empty and not said.is_snapshot)),
        answers=None if mapping is None or mapping.model.each is None else mapping.model.each.path,
    )


def _unfold(source: Source, mapping: LoadedMapping, each: Each, samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Make a row of each answer, and return the samples with the keys of these.

    Raises MappingError, with the line of the mapping, if a file lacks what it names.
    """
    try:
        source.unfold(each)
    except SourceError as error:
        place = mapping.place("each")
        raise MappingError(
            f"The mapping {mapping.name} doesn't fit the source.",
            problems=[Problem(error.message, place.file, place.line, "each", error.hint)],
        ) from error
    names = dict[tuple[str, str], frozenset[str]]()
    for number, file in enumerate(source.files):
        if not file.is_table:
            first = islice(source.records(number), SAMPLED_RECORDS)
            names[file.name, file.array] = frozenset(name for record in first for name in dotted_names(record))
    return tuple(each._replace(names=names.get((each.file_name, each.records), each.names)) for each in samples)


@contextmanager
def _placing_slow_patterns(mapping: LoadedMapping) -> Iterator[None]:
    """Name the line of a pattern that takes too long."""
    try:
        yield
    except SlowPattern as slow:
        place = mapping.tree.find(slow.pattern)
        where = [] if place is None else [Problem("has the pattern", place.file, place.line)]
        raise MappingError(slow.message, problems=where, hint=slow.hint) from slow


def refuse_open(job: Job) -> None:
    """Raise MappingError where the mapping has an undecided target (`?`), before any row is read."""
    from importer.mapping.reader import open_targets

    found = open_targets(job.mapping)
    if found:
        count, they = ("a target", "it is") if len(found) == 1 else (f"{len(found):,} targets", "they are")
        table = job.mapping.model.decisions
        raise MappingError(
            f"The mapping {job.mapping.name} leaves {count} undecided; nothing is sent until {they} decided.",
            problems=found,
            hint="Replace each `?`"
            + (f", in the mapping or in the column `decision` of {table}" if table else "")
            + "; on a terminal `triage-import draft` asks for them. Until then, a check rejects their rows.",
        )


def refuse_unfinished(mapping: LoadedMapping) -> None:
    """Raise MappingError where the mapping doesn't say what becomes of finished issues that recur."""
    recurring = mapping.model.recurring
    names = [] if recurring is None else [name for name, what in recurring.finished if what == UNDECIDED]
    if names:
        place, path = mapping.place("recurring"), "recurring.finished"
        what = " and ".join(f"`{name}`" for name in names)
        raise MappingError(
            f"The mapping {mapping.name} doesn't say what a new occurrence does to issues that are {what}.",
            problems=[Problem("is undecided", place.file, place.line, path, "`reopen` sets `todo`, `add` only adds")],
            hint="Put this below `recurring:` in place of its `finished`, or with other words:\n"
            "  finished: {done: reopen, closed: add}",
        )


def refuse_presets(sources: Sequence[str]) -> None:
    """Make sure that no preset stands where a file should. Raises UsageError."""
    for source in sources:
        if not Path(source).exists() and preset_path(source) is not None:
            others = shell_join(each for each in sources if each != source) or "SOURCE"
            raise UsageError(f"{source!r} is a preset, not a file.", hint=f"Name it as one: {others} -m {source}")


def _compare(job: Job, samples: Sequence[Sample], accepted: Collection[str]) -> tuple[str, ...]:
    """The warnings of what a mapping reads and a source lacks. Raises SourceError if they don't fit together."""
    try:
        absent = warn_of_absent(job.mapping, job.source)
        return (*check_fit(job, accepted), *absent, *warn_of_beside(job.mapping, job.source, samples))
    except SourceError as error:
        raise _naming_the_right_preset(error, samples, job) from error


def _naming_the_right_preset(error: SourceError, samples: Sequence[Sample], job: Job) -> SourceError:
    """Return the error of a mapping that doesn't fit, with the presets that do, if there are some."""
    mapping = job.mapping.name
    try:
        fitting = [match.preset for match in recognise(samples, preset_shapes()) if match.preset != mapping]
    except SourceError:
        return error
    if not fitting:
        return error
    hint = f"Its columns fit {' and '.join(fitting)}: {job.typed.repeat('validate', '-m', fitting[0])}"
    return SourceError(error.message, problems=error.problems, hint=hint)


def _with_rest(model: MappingModel, source: Source, samples: Sequence[Sample]) -> MappingModel:
    """The mapping with a place for the columns of all files."""
    names = dict.fromkeys(name for file in source.files for name in _columns_of(file, samples))
    if model.rest.json_ is not None:
        longer = {sample.file_name for sample in samples if sample.rows >= SAMPLED_RECORDS}
        unread = [place for place, file in enumerate(source.files) if file.name in longer and not file.is_table]
        names |= dict.fromkeys(find_later_keys(source, unread, names))
    return with_rest(model, names, is_table=all(file.is_table for file in source.files))


def _columns_of(file: SourceFile, samples: Sequence[Sample]) -> list[str]:
    """The columns of a file; of JSON the keys of its first records."""
    own = ""
    if file.format == "csv":
        if file.json_column is None:
            return list(map(str.strip, file.header))
        own = file.header[file.json_column].strip()
    found = (sample.names for sample in samples if sample.file_name == file.name and sample.records == file.array)
    return sorted({name for each in found for name in each if name != own})


def refuse_unknown_people(mapping: LoadedMapping) -> None:
    """Make sure that there is a users.csv where people aren't shown by name: it alone tells names in texts.

    Raises UsageError.
    """
    if mapping.model.people.show != "name":
        raise UsageError(
            f"The mapping {mapping.name} shows people as `{mapping.model.people.show}`, and only users.csv knows them.",
            hint=f"`triage-import users SOURCE -m {mapping.name}` writes it; give it with --users users.csv",
        )


def ask_severity(
    mapping: LoadedMapping, source: Source, samples: Sequence[Sample], typed: CommandLine, caller: Caller
) -> None:
    """Make sure that somebody says how severe issues are where no column of a plain list does. Raises UsageError."""
    spec = mapping.model.severity
    is_decided = spec.rules or spec.value or not is_shipped(mapping.place("severity", "missing").file)
    columns = ((_columns_of(file, samples), file.is_table) for file in source.files)
    if is_decided or not mapping.model.is_plain or any(can_read(spec, *each) for each in columns):
        return
    command = typed.repeat(caller.command, *caller.options(), *ANY_SEVERITY)
    raise UsageError(
        f"No column of {source.files[0].name} says how severe its issues are, and Triage has no default for that.",
        hint=f"Say it for all, as critical, high, medium or low: {command}",
    )


def with_severity(mapping: LoadedMapping, severity: str) -> LoadedMapping:
    """The mapping with a severity for the rows that say none; with another one it is another mapping."""
    decided = mapping.model.severity.model_copy(update={"missing": severity})
    digest = sha256(f"{mapping.digest} {severity}".encode()).hexdigest()
    return replace(mapping, model=mapping.model.model_copy(update={"severity": decided}), digest=digest)


def refuse_nameless(model: MappingModel, source: Source, samples: Sequence[Sample]) -> None:
    """Make sure that a source is named whose keys are all unique within one project only: each row would be rejected.

    Raises UsageError.
    """
    if model.input.local_key is None:
        return
    for file in source.files:
        names, is_table = _columns_of(file, samples), file.is_table
        if can_read(model.input.local_key, names, is_table) and not can_read(model.input.key, names, is_table):
            column = ", ".join(dict.fromkeys(ref.name for ref in model.input.local_key.refs if ref.name in names))
            raise UsageError(
                f"{file.name}: the keys in {column} are only unique within one project, and nothing says which it is.",
                hint=f"Name it: --source-name {model.input.name}-PROJECT, the same name each time.",
            )


def check_source_name(name: str) -> str:
    """Check the name of a source, the part of a key before the colon, and return it. Raises UsageError."""
    if not name.strip() or ":" in name or "\n" in name or name != name.strip():
        raise UsageError(
            f"--source-name {name!r} can't be part of a key.",
            hint="A name has no colon, no line break and no outer white space: --source-name jira-acme",
        )
    return name


def read_only_list(only: str | None) -> frozenset[str] | None:
    """Read the keys of `--only`: from a file, one a line, if there is one of that name, else a list with commas.

    Raises UsageError if the file can't be read, or there is no key.
    """
    if only is None:
        return None
    path = Path(only)
    try:
        lines = read_small(path).decode("utf-8-sig").splitlines() if path.is_file() else only.split(",")
    except UnicodeDecodeError as error:
        raise UsageError(f"--only {only}: the file is not UTF-8.", hint="Save it as text, one key per line.") from error
    except OSError as error:
        raise UsageError(f"--only {only}: {error.strerror}.", hint="Name keys, or a file with one per line.") from error
    keys = frozenset(key.strip() for key in lines if key.strip())
    if not keys:
        raise UsageError(
            f"--only {only} names no key.", hint="Name keys separated by commas, or a file with one per line."
        )
    return keys


def find_preset(samples: Sequence[Sample], typed: CommandLine, caller: Caller) -> Match:
    """Return the preset that fits the source; where several do, ask, if somebody can be asked.

    Raises:
        SourceError: none fits.
        UsageError: several do, and nobody can be asked.
    """
    matches = recognise(samples, preset_shapes(), typed)
    if len(matches) == 1:
        return matches[0]
    if caller.choose is not None:
        return caller.choose(matches)
    candidates = "".join(f"\n  {match}" for match in matches)
    raise UsageError(
        f"{matches[0].sample.file_name} may be of several trackers:{candidates}",
        hint=f"Say which: -m {matches[0].preset}",
    )


def find_array(samples: Sequence[Sample], mapping: MappingModel) -> str | None:
    """Find the array of a mapping's records in a JSON object with several, by the shapes of its `recognise`."""
    fitting = [match for sample in samples for match in match_shapes([sample], {"": mapping.recognise}) if match.fits]
    matches = [match for match in fitting if not match.sample.within] or fitting
    best = max((match.strength for match in matches), default=None)
    places = {match.sample.records for match in matches if match.strength == best}
    return places.pop() or None if len(places) == 1 else None  # of several that fit equally well none is chosen
