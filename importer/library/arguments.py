"""The keyword arguments of the library: named like the options of the command line, and checked like them.

The types are for whoever calls; what is checked is the annotation of the option, which `library.options` declares once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import TypedDict

from importer.api import SeverityName
from importer.errors import Problem, UsageError
from importer.library.caller import Caller
from importer.library.declared import Section
from importer.library.options import FailOn, OnChange, Order, RowLimit
from importer.library.targets import find_slow
from importer.records import Format
from importer.report.results import find_fault
from importer.triage.redaction import Secret, note_echo

S = TypeVar("S", bound=Section)
Limit = RowLimit | int | str


class InputArguments(TypedDict, total=False):
    """How a source is read, which of its rows, and where the reports go; see the command line's page."""

    mapping: str | Path
    source_name: str
    encoding: str
    delimiter: str
    skip_lines: int
    format: Format
    fixes: Path | str
    comments: Sequence[str | Path]
    users: Path | str
    severity: SeverityName
    limit: int
    only: str
    show: str
    strict: bool
    out: Path | str


class TargetArguments(TypedDict, total=False):
    """The ledger, the API key, and the pace, in requests a second; 0 is no limit."""

    ledger: Path | str
    api_key: str
    api_key_file: Path | str
    rate: float


class RunArguments(InputArguments, TargetArguments, total=False):
    """All of an import; its durations are in seconds."""

    sandbox: bool
    api_url: str
    dry_run: bool
    wait: float
    concurrency: int
    settle_seconds: float
    max_rejected: Limit
    max_changes: Limit
    max_errors: int
    no_canary: bool
    order: Order
    max_duration: float
    expect_org: str
    on_change: OnChange
    fields: str
    accept_missing: Sequence[str]
    empty: Sequence[str]
    accept_mapping_change: bool
    min_rows: int
    max_source_age: float
    max_file_age: float
    fail_on: FailOn
    issue_url: str


class VerifyArguments(TargetArguments, total=False):
    """What a verification takes."""

    issue_url: str
    out: Path | str


class UndoArguments(TargetArguments, total=False):
    """What an undo takes; `close` and `delete` are about issues that the run has created."""

    close: bool
    delete: bool
    expect: int
    concurrency: int
    out: Path | str


LIMITS = ("max_rejected", "max_changes")
FAULTS: dict[str, tuple[type, Callable[[Any], str]]] = {"issue_url": (str, find_fault), "rate": (float, find_slow)}
"""What an annotation can't say: argument → its type, and what finds why a value can't be used."""


def read_arguments(kind: type[S], given: Mapping[str, Any], caller: Caller | None) -> S:
    """Return the arguments of a call as options.

    Those of a program are checked; the command line has checked its own. Raises UsageError, which names all that are
    wrong, and shows no value of theirs.
    """
    if caller is not None:
        return kind(**given)
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    kind.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)  # type: ignore[attr-defined]
    said = {name: _plain(value) for name, value in given.items() if value is not None}
    if isinstance(secret := said.get("api_key"), Secret):
        note_echo(secret)  # before anything is shown or recorded
    problems, options = list[Problem](), None
    try:
        said |= {name: RowLimit.read(said[name]) for name in LIMITS if name in said}
        options = TypeAdapter(kind).validate_python(said)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems += [Problem(each["msg"], key=str(each["loc"][0])) for each in found]
    except ValueError as error:
        raise UsageError(f"{error}.") from error
    read = said if options is None else vars(options)
    faults = ((name, find(read[name])) for name, (type_, find) in FAULTS.items() if isinstance(read.get(name), type_))
    problems += [Problem(fault, key=name) for name, fault in faults if fault]
    if problems or options is None:
        raise UsageError("Arguments can't be used.", problems=problems) from None
    return options


def _plain(value: Any) -> Any:
    """Return a value with paths as texts."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return fspath(value) if isinstance(value, PathLike) else value
