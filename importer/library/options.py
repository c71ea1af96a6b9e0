"""The keyword arguments of the library: named like the options of the command line, and checked like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt
from typing_extensions import TypedDict

from importer.errors import Problem, UsageError
from importer.library.caller import Caller
from importer.library.row_limit import RowLimit
from importer.library.targets import LEAST_RATE
from importer.report.issue_urls import find_fault

Positive = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
Seconds = Annotated[float, Ge(0), Lt(inf)]
Rate = Literal[0] | Annotated[float, Ge(LEAST_RATE), Lt(inf)]
Connections = Annotated[int, Ge(1), Le(256)]
Limit = RowLimit | Natural | str


class InputArguments(TypedDict, total=False):
    """How a source is read, which of its rows, and where the reports go; see the command line's page."""

    mapping: str | Path
    source_name: str
    encoding: str
    delimiter: str
    skip_lines: Natural
    format: Literal["csv", "jsonl", "json"]
    fixes: Path | str
    comments: Sequence[str | Path]
    users: Path | str
    severity: Literal["critical", "high", "medium", "low"]
    limit: Positive
    only: str
    show: str
    strict: bool
    out: Path | str
    workers: Positive


class TargetArguments(TypedDict, total=False):
    """The ledger, the API key, and the pace, in requests a second; 0 is no limit."""

    ledger: Path | str
    api_key: str
    api_key_file: Path | str
    rate: Rate


class RunArguments(InputArguments, TargetArguments, total=False):
    """All of an import. `wait`, `settle_seconds`, `max_source_age` and `max_duration` are in seconds."""

    sandbox: bool
    api_url: str
    dry_run: bool
    wait: Seconds
    concurrency: Connections
    settle_seconds: Seconds
    max_rejected: Limit
    max_changes: Limit
    max_errors: Natural
    no_canary: bool
    order: Literal["source", "open-first", "oldest-first"]
    max_duration: Seconds
    expect_org: str
    on_change: Literal["report", "update", "overwrite", "skip"]
    fields: str
    accept_missing: Sequence[str]
    accept_mapping_change: bool
    min_rows: Natural
    max_source_age: Seconds
    fail_on: Literal["new", "any"]
    issue_url: str


class VerifyArguments(TargetArguments, total=False):
    """What a verification takes."""

    issue_url: str
    out: Path | str


class UndoArguments(TargetArguments, total=False):
    """What an undo takes."""

    concurrency: Connections
    out: Path | str


RENAMED = {"mapping": "mapping_name", "format": "format_", "wait": "wait_seconds"}
"""Arguments that have another name within, where these words mean something else."""
PATHS = ("fixes", "users", "out", "api_key_file")
LIMITS = ("max_rejected", "max_changes")


def read_arguments(kind: Any, given: Mapping[str, Any], caller: Caller | None) -> dict[str, Any]:
    """Return the arguments of a call as options; `key` is the API key, or the file that has it.

    Those of a program are checked; the command line has checked its own. Raises UsageError, which names all that are
    wrong, and shows no value of theirs.
    """
    checked = dict(given) if caller is not None else _check(kind, given)
    options = {RENAMED.get(name, name): value for name, value in checked.items() if value is not None}
    options |= {name: Path(options[name]) for name in PATHS if name in options}
    options |= {name: str(options[name]) for name in ("mapping_name", "ledger") if name in options}
    options |= {name: tuple(map(str, options[name])) for name in ("comments", "accept_missing") if name in options}
    file, text = options.pop("api_key_file", None), options.pop("api_key", None)
    options["key"] = file
    if text is not None:
        from importer.triage.target import ApiKey

        options["key"] = ApiKey(text, "api_key")
    return options


def _check(kind: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    kind.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    try:
        checked: dict[str, Any] = TypeAdapter(kind).validate_python(dict(given))
        checked |= {name: RowLimit.read(checked[name]) for name in LIMITS if name in checked}
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = [Problem(each["msg"], key=str(each["loc"][0])) for each in found]
        raise UsageError("Arguments can't be used.", problems=problems) from None
    except ValueError as error:
        raise UsageError(f"{error}.") from error
    if (url := checked.get("issue_url")) and (fault := find_fault(url)):
        raise UsageError(f"issue_url: {fault}.", hint="For example: https://HOST/issues/{number}")
    return checked
