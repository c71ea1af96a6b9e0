"""The library: check a source, import it, verify a run, undo it. The command line calls the same functions.

None of them prints, exits, or asks on a terminal; handlers of signals stay as they are. They work in any thread, and in
one that runs an event loop, which waits meanwhile. Their hints name options: an argument has the same name.
`caller` is for the command line: whom it asks, and where it shows what a check has found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from importer.errors import ImporterError, Unusable, UsageError
from importer.ledger.lock import holding_folders
from importer.library.arguments import (
    InputArguments,
    RunArguments,
    UndoArguments,
    VerifyArguments,
    read_arguments,
)
from importer.library.caller import (
    YES,
    Caller,
    CheckView,
    Confirm,
    ConfirmUndo,
    Lines,
    Question,
    UndoQuestion,
    ask,
    check_confirm,
)
from importer.library.options import UndoOptions, ValidateOptions, VerifyOptions
from importer.library.recording import record
from importer.library.result import run_result, undo_result, verify_result
from importer.library.run_options import RunOptions
from importer.library.targets import DEFAULT_RATE, choose_rate, open_target, open_target_named, target_name
from importer.phrases import counted, format_time
from importer.progress import Unseen
from importer.triage.redaction import Secret, redact

if TYPE_CHECKING:
    from importer.check.check_pass import Checked
    from importer.check.job import Job
    from importer.ledger.store import Facts
    from importer.library.result import RunResult, UndoResult, VerifyResult
    from importer.load.questions import Destination
    from importer.load.read_back import Findings
    from importer.report.summary import Summary

Source = str | PathLike[str]
Tell = Callable[[str], object] | None


def validate(
    *sources: Source, progress: Tell = None, caller: Caller | None = None, **arguments: Unpack[InputArguments]
) -> RunResult:
    """Check every row of a source, and write what would be sent; no network and no ledger is used.

    The reports go to `out`, ./triage-import-check by default, which is replaced each time. `progress` is called with
    lines of text.

    >>> import importer
    >>> result = importer.validate("sample_data/jira.csv", mapping="jira")
    >>> result.exit_code, result.summary.rows, result.summary.planned
    (<ExitCode.DONE: 0>, 14, 12)
    >>> result.rows[0].key, str(result.rows[0].outcome)
    ('jira:VOICE-101', 'planned')
    >>> result.to_frame().groupby("outcome").size().to_dict()
    {'planned': 12, 'skipped': 2}

    Raises:
        UsageError: an argument can't be used, or several presets fit and none was named.
        MappingError: the mapping can't be used; `problems` has all that is wrong with it.
        SourceError: the source can't be read, or the mapping doesn't fit it.
        SourceNotReady: it is missing, empty, or still being written; retryable.
        RunStopped: a report can't be written; retryable.
    """
    from importer.check.knowledge import NoLedger
    from importer.library.inputs import open_job, reading_of
    from importer.pipeline.checking import run_check
    from importer.report.page import Aim

    with _called(caller, progress, "validate", arguments) as calling:
        options = read_arguments(ValidateOptions, arguments, caller)
        with open_job(_paths(sources), calling, **reading_of(options)) as job:

            def refuse(checked: Checked) -> ImporterError | None:
                return Unusable(checked.refusal) if options.strict and checked.refusal else None

            aim = Aim(rate=DEFAULT_RATE)
            checked, summary = run_check(job, NoLedger(), calling.progress, options.out, aim=aim, refuse=refuse)
            calling.show(CheckView(job, checked, DEFAULT_RATE, summary))
        return run_result(summary)


def run(
    *sources: Source,
    confirm: Confirm = None,
    progress: Tell = None,
    caller: Caller | None = None,
    **arguments: Unpack[RunArguments],
) -> RunResult:
    """Check every row of a source, ask, send, and report; the same call continues an import that stopped.

    confirm   is asked with a `Question` before anything is sent, and again after a canary: whether to go on.
              `YES` sends without a question, within the limits that `--yes` has. If it is omitted nothing is sent, and
              the exit code is 2.
    api_key   else it is read from `api_key_file`, or from the variable BLAND_API_KEY; it is masked wherever it appears
    sandbox   sends to a simulation within this process instead, which needs no key
    dry_run   checks against the ledger and sends nothing

    >>> import importer
    >>> first = importer.run("sample_data/jira.csv", mapping="jira", sandbox=True, confirm=importer.YES)
    >>> first.summary.created, first.summary.skipped
    (12, 2)
    >>> again = importer.run("sample_data/jira.csv", mapping="jira", sandbox=True, confirm=importer.YES)
    >>> again.summary.created, again.summary.unchanged
    (0, 12)

    What stops the import once it has begun is in the result, as `exit_code` and `summary.stopped_because`; Ctrl-C, too.

    Raises:
        UsageError, MappingError, SourceError, SourceNotReady: as `validate`; nothing was sent.
        LedgerInUse: another process, or thread, imports into the ledger or from the source; retryable.
        RunStopped: before anything was sent: the target can't be reached, or refuses the key.
    """
    from importer.library.inputs import open_job, reading_of

    with _called(caller, progress, "run", arguments) as calling:
        check_confirm(confirm)
        given = read_arguments(RunOptions, arguments, caller)
        options = replace(given, asks=confirm is not YES and not given.dry_run)
        names = _paths(sources)

        def work(calling: Caller) -> Summary:
            options.check()
            with open_job(names, calling, **reading_of(options)) as opened:
                job = replace(
                    opened,
                    max_age_seconds=options.max_source_age,
                    max_file_age_seconds=options.max_file_age,
                    issue_url=options.issue_url or "",
                    holds=calling.holds,
                    tries_again=calling.tries_again,
                )
                calling.named(job.source_name)
                calling.ready()
                return _dry_run(job, options, calling) if options.dry_run else _send(job, options, confirm, calling)

        return run_result(work(calling) if caller is not None else record(calling, names, options, work))


def verify(
    run: str = "last", *, progress: Tell = None, caller: Caller | None = None, **arguments: Unpack[VerifyArguments]
) -> VerifyResult:
    """Compare what a run sent with what is in Triage now; nothing is changed there.

    `run` is the name of an import, `summary.run_id`, or `last`. The rows are those of verify.csv: an issue has one for
    each field that differs. The report goes to `out`, by default beside that of the run.

    >>> import importer
    >>> sent = importer.run("sample_data/jira.csv", mapping="jira", sandbox=True, confirm=importer.YES)
    >>> result = importer.verify(sent.summary.run_id)
    >>> result.exit_code, result.summary.same, result.summary.missing
    (<ExitCode.DONE: 0>, 12, 0)

    Raises:
        UsageError: an argument can't be used, or there is no such run.
        RunStopped: the target can't be read, or a report can't be written.
    """
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import find_import, name_last_change, say_nothing_left
    from importer.library.past_runs import describe_verification, keep
    from importer.load.preflight import find_organisation
    from importer.runs.verify import verify_run
    from importer.triage.event_loop import run_loop

    with _called(caller, progress, "verify", arguments) as calling:
        given = read_arguments(VerifyOptions, arguments, caller)
        issue_url, say = given.issue_url or "", calling.progress.say
        with read_ledger(given.ledger) as book:
            found = find_import(book, run, "verify", calling.options()).run
            with open_target_named(found.target, given.key) as target:
                # With the key of another organisation all issues would seem to be missing.
                book.check_org(found.target, run_loop(find_organisation(target, say)))
                folder = given.out or found.folder_of("verify")
                rate = choose_rate(given.rate, found.target)
                summary = verify_run(found, target, rate, folder, calling.progress, issue_url)
            said = describe_verification(summary)
            if not said:
                last_change = name_last_change(book, found, "verify", calling.options())
                said = f"{say_nothing_left(book, found)}, so there is nothing to read back.{last_change}"
            say(said)
        keep(summary, found, given.ledger, calling.progress, issue_url)
        say(f"Report: {Path(summary.out) / 'report.html'}")
        return verify_result(summary)


def undo(
    run: str = "last",
    *,
    confirm: ConfirmUndo = None,
    progress: Tell = None,
    caller: Caller | None = None,
    **arguments: Unpack[UndoArguments],
) -> UndoResult:
    """Revert a run's updates, and close or delete its new issues, but for what people have changed since.

    Without `confirm` it only finds out what it would do. `confirm` is asked with an `UndoQuestion`; `YES` does it
    without a question, and for `delete` needs `expect`, the number of issues that are affected.

    >>> import importer
    >>> sent = importer.run("sample_data/jira.csv", mapping="jira", sandbox=True, confirm=importer.YES)
    >>> importer.undo(sent.summary.run_id, close=True).summary.planned  # one of the twelve is closed in the source
    11
    >>> done = importer.undo(sent.summary.run_id, close=True, confirm=lambda question: question.closes == 11)
    >>> done.summary.updated, done.exit_code
    (11, <ExitCode.DONE: 0>)

    Raises:
        UsageError: an argument can't be used, there is no such run, or no undo of it.
        LedgerInUse: another process, or thread, writes to the ledger; retryable.
        RunStopped: the target can't be read.
    """
    from importer.library.past_runs import take_back
    from importer.runs.change_set import UNTOUCHED
    from importer.runs.undo import CLOSE_ADVISED, Undo

    with _called(caller, progress, "undo", arguments) as calling:
        check_confirm(confirm)
        options = replace(read_arguments(UndoOptions, arguments, caller), apply=confirm is not None)
        close, delete, expect = options.close, options.delete, options.expect
        word = "close" if close else "delete" if delete else ""

        def decide(way: Any) -> str:
            """Compare with `expect`, then ask."""
            total = way.to_change + way.change_set.done_before
            if expect is not None and expect != total:
                return f"--expect says {counted(expect, 'issue')}, but {total:,} would be affected."
            removed = way.codes[UNTOUCHED]
            question = UndoQuestion(way.run.name, way.to_change - removed, removed * close, removed * delete)
            return ask(confirm, question) if way.to_change else ""

        def work(calling: Caller) -> Summary:
            if close and delete:
                raise UsageError("--close and --delete can't be used together.", hint=CLOSE_ADVISED)
            if delete and confirm is YES and expect is None:
                raise UsageError(
                    "--delete --yes needs --expect N: how many issues are to be changed or deleted.",
                    hint="Without --apply the command says how many there are.",
                )
            return take_back(run, options, lambda ledger, found: Undo(ledger, found, way=word), decide, calling)

        return undo_result(work(calling) if caller is not None else record(calling, [run], options, work))


def _paths(sources: Iterable[Source]) -> list[str]:
    """Return the paths as texts. Raises UsageError for anything else."""
    for each in sources:
        if not isinstance(each, str | PathLike) or "\0" in str(each):
            hint = "Several are passed one by one: run('a.csv', 'b.csv')"
            raise UsageError(f"A source is a path, and not a {type(each).__name__} such as {each!r}.", hint=hint)
    return [fspath(each) for each in sources]


@contextmanager
def _called(caller: Caller | None, tell: Tell, command: str, arguments: Any) -> Iterator[Caller]:
    """Give the caller, hold report folders as long as the call lasts, and keep the API key out of its error.

    What is called holds the API key from here on as what no traceback shows.
    """
    if arguments.get("api_key") is not None:
        arguments["api_key"] = Secret(str(arguments["api_key"]))
    try:
        with holding_folders():
            yield caller or Caller(Lines(tell) if tell else Unseen(), command)
    except ImporterError as error:
        error.message, error.hint = redact(error.message), redact(error.hint)
        error.problems = tuple(
            replace(each, message=redact(each.message), hint=redact(each.hint)) for each in error.problems
        )
        error.args = (error.told,)
        raise


def describe_opening(target: str, ledger: str, facts: Facts) -> str:
    """Say where a run goes, and what the ledger knows of its source."""
    last = f"last run {facts.last_run} of {format_time(facts.last_started_at)}" if facts.last_run else "no run yet"
    return f"Target {target}; ledger {ledger} knows {facts.known} of this source, {last}."


def _dry_run(job: Job, options: RunOptions, caller: Caller) -> Summary:
    """Check the source against the ledger, and send nothing."""
    from importer.check.history import LedgerHistory, with_last_run
    from importer.check.knowledge import policy_of
    from importer.ledger.opening import read_ledger
    from importer.ledger.source_list import refuse_retired
    from importer.load.preflight import check_rows
    from importer.pipeline.checking import run_check
    from importer.report.page import Aim

    name, progress = target_name(options.sandbox, options.api_url), caller.progress
    with read_ledger(options.ledger) as ledger:
        refuse_retired(ledger, name, job.source_name)
        progress.say(describe_opening(name, ledger.name, ledger.read_facts(name, job.source_name)))
        job = with_last_run(job, ledger, name)
        known = LedgerHistory(ledger, name, job.source_name, policy_of(options.changes(), job.mapping.model))
        aim = Aim(name, options.chosen_rate)
        checked, summary = run_check(job, known, progress, options.out, aim=aim, refuse=options.refusal)
        check_rows(checked.tally.rows, options.min_rows or 0)
    caller.show(CheckView(job, checked, options.chosen_rate))
    return summary


def _send(job: Job, options: RunOptions, confirm: Confirm, caller: Caller) -> Summary:
    """Check, ask and send: the whole import."""
    from importer.ledger.opening import open_ledger
    from importer.library.inputs import refuse_open
    from importer.library.past_runs import rehearse
    from importer.load.context import ImportContext
    from importer.load.questions import Questions
    from importer.pipeline.importing import run_import

    first: Question | None = None

    def decide(checked: Checked, destination: Destination, page: str) -> ImporterError | None:
        nonlocal first
        refusal, is_any = options.refusal_to_send(checked), bool(checked.workload.requests)
        asks = options.asks and is_any and not refusal
        doubts = options.doubts(checked) if asks else ()
        caller.show(CheckView(job, checked, destination.rate, None, destination, page, doubts, refusal, asks))
        if refusal or not asks:
            return refusal
        figures = checked.tally.rows, checked.rejected, checked.creates, checked.updates, checked.workload.requests
        where = destination.target, destination.organisation
        first = Question(*where, *figures, destination.rate, tuple(doubts), Path(page), left=checked.planned)
        return Unusable(answer) if (answer := ask(confirm, first)) else None

    def decide_rest(findings: Findings, left: int, way_back: str) -> str:
        for sentence in (found := tuple(findings.sentences())):
            caller.progress.say(sentence)
        if not (left and first):
            return ""
        return ask(confirm, first._replace(page=None, canary=found, left=left, way_back=way_back))

    refuse_open(job)  # before the ledger is locked and the target opened
    settings, questions = options.settings(), Questions(decide, decide_rest, options.asks)
    with open_ledger(options.ledger, wait_seconds=options.wait) as ledger:
        with open_target(options.sandbox, options.api_url, options.key, caller.key_command()) as target:
            facts = ledger.read_facts(target.name, job.source_name)
            caller.progress.say(describe_opening(target.name, ledger.name, facts))
            context = ImportContext(job, target, ledger, settings, caller.progress)
            summary = run_import(context, questions, options.out)
        if options.sandbox and summary.run_id:
            try:
                rehearse(ledger.find_run(summary.run_id), Path(summary.out))
            except ImporterError as error:  # the import is done all the same
                caller.progress.say(f"Error: {error.message}\n{error.hint}")
        return summary
