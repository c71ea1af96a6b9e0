"""Options of commands: click's, made of what `library.declared` says of a section; and what was typed of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import click
from annotated_types import Ge, Le
from click.core import ParameterSource

from importer.cli.answers import HOLDS, START, TRIES_AGAIN
from importer.cli.option_types import FILE, MAPPING, DurationType, FiniteRange, IssueUrlType, RateType, RowLimitType
from importer.cli.terminal import can_ask
from importer.library.caller import Caller
from importer.library.declared import Declared, Section, declared, option
from importer.library.options import LedgerFile, RowLimit

if TYPE_CHECKING:
    from importer.authoring.recognise import Match
    from importer.cli.console import Console


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Section)

VARIABLE = "TRIAGE_IMPORT_"
OTHERS = "Other options"
NAMES_WIDTH = 28
"""Columns of the names of options in `--help`; what a longer one does stands below it."""
TYPES: dict[object, click.ParamType[Any]] = {
    Path: click.Path(path_type=Path),
    "folder": click.Path(file_okay=False, path_type=Path),
    "new-file": click.Path(dir_okay=False, path_type=Path),
    "file": FILE,
    "mapping": MAPPING,
    "rate": RateType(min=0),
    "duration": DurationType(),
    "issue-url": IssueUrlType(),
    RowLimit: RowLimitType(),
}
"""What an annotation, or the word in it, means on the command line."""


class Setting(click.Option):
    """An option of a section, whose title stands above it in `--help`.

    `configurable` says whether it may stand in the configuration file.
    """

    def __init__(self, *names: Any, title: str = "", configurable: bool = True, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.title, self.configurable = title, configurable

    @property
    def key(self) -> str:
        """Its name in the configuration file: the long one."""
        return max(self.opts, key=len).strip("-")


class Command(click.Command):
    """A command with sections: `--help` shows each under its title, their columns in one line."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of no section last."""
        titled: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            if isinstance(each, click.Option) and (shown := each.get_help_record(ctx)) is not None:
                titled.setdefault(getattr(each, "title", "") or OTHERS, []).append(shown)
        most = max(len(names) for rows in titled.values() for names, _ in rows if len(names) <= NAMES_WIDTH)
        for title in sorted(titled, key=OTHERS.__eq__):
            own = min(most, max(len(names) for names, _ in titled[title]))
            with formatter.section(title):
                formatter.write_dl(titled[title], most, most - own + 2)


def takes(section: type[S]) -> Callable[[Callable[Concatenate[S, P], R]], Callable[P, R]]:
    """Give a command the options of a section, which it gets as its first argument."""

    def decorate(command: Callable[Concatenate[S, P], R]) -> Callable[P, R]:
        names = declared(section)

        @functools.wraps(command)
        def filled(*arguments: P.args, **given: P.kwargs) -> R:
            values = {name: given.pop(name) for name in names}
            return command(section(**values), *arguments, **given)

        result: Callable[P, R] = filled
        for make in reversed(_options(section)):
            result = make(result)
        return result

    return decorate


def _options(section: type[Section]) -> list[Callable[[Any], Any]]:
    """The options of a section: those of its bases, in their order, and then its own."""
    its, hints = declared(section), get_type_hints(section, include_extras=True)
    made = []
    for owner in dict.fromkeys(_bases(section)):
        for name in filter(its.__contains__, vars(owner).get("__annotations__", {})):
            attributes = _attributes(its[name], hints[name])
            made.append(
                click.option(*its.pop(name).names, name, cls=Setting, title=vars(owner).get("title", ""), **attributes)
            )
    return made


def _attributes(option: Declared, hint: Any) -> dict[str, Any]:
    longest = max(option.names, key=len).strip("-").replace("-", "_")
    variables = [f"{VARIABLE}{longest.upper()}", *filter(None, [option.also])] if option.variable else None
    return {"envvar": variables, **_values(hint), **option.attributes}


def _values(hint: Any) -> dict[str, Any]:
    """What click is told of the values that an annotation allows; None is one where nobody gave any."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    if hint is bool:
        return {"is_flag": True}
    if get_origin(hint) is tuple:
        return {"multiple": True, **_values(get_args(hint)[0])}
    if get_origin(hint) is Literal:
        return {"type": click.Choice(get_args(hint))}
    if get_origin(hint) is not Annotated:
        return {"type": TYPES.get(hint, hint)}
    base, *marks = get_args(hint)
    if word := next((each for each in marks if isinstance(each, str)), ""):
        return {"type": TYPES[word]}
    least: Any = next((each.ge for each in marks if isinstance(each, Ge)), None)
    most: Any = next((each.le for each in marks if isinstance(each, Le)), None)
    return {"type": (click.IntRange if base is int else FiniteRange)(least, most)}


def _bases(section: type[Section]) -> Iterator[type[Section]]:
    """Yield what a section inherits from, in the order in which it says so, and then itself."""
    for base in section.__bases__:
        if issubclass(base, Section):
            yield from _bases(base)
    yield section


UNASKED = ("--apply", "--yes", "--expect")


# fmt: off
class Json(Section):
    """Whether stdout gets data."""

    title = "Selection and output"
    as_json: bool = option("--json", default=False, decides=False, help="Print the summary as JSON on stdout.")


class Verbose(Section):
    """How much is shown."""

    title = "Selection and output"
    verbose: bool = option("-v", "--verbose", default=False, decides=False,
        help="Show everything that the check finds, not only 24 lines.")


class Applied(Section):
    """Whether anything is done."""

    title = "What is done"
    apply: bool = option("--apply", default=False, variable=False, configurable=False,
        help="Do it, instead of only showing what would be done.")
# fmt: on


sources_argument = click.argument("sources", nargs=-1, type=FILE, required=True, metavar="SOURCE...")


def typed_options(without: Collection[str] = ()) -> list[str]:
    """Return the options of the running command as they were typed, for a command that can be pasted.

    What lets it change something unasked is left out, as is `without`, and the password in a ledger's URL.
    """
    from importer.ledger.opening import name_ledger

    context, words = click.get_current_context(), list[str]()
    for parameter in context.command.params:
        name = parameter.opts[0]
        is_typed = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if not isinstance(parameter, click.Option) or not is_typed or name in (*UNASKED, *without):
            continue
        value = context.params[parameter.name or ""]
        if name == "--ledger":
            value = name_ledger(value)
        for each in value if parameter.multiple else [value]:
            words += [name] if parameter.is_flag else [name, f"{each:g}" if isinstance(each, float) else str(each)]
    return words


def chosen_ledger(options: LedgerFile) -> str | None:
    """Return the ledger of a subcommand: `--ledger` is taken before its name, too."""
    parent = click.get_current_context().parent
    return options.ledger or (parent.params.get("ledger") if parent is not None else None)


def arguments_of(options: Section, of: type[Section]) -> dict[str, Any]:
    """Those options of a command that a function of the library has, without those that nobody gave."""
    given = {name: getattr(options, name) for name in declared(of)}
    return {name: value for name, value in given.items() if value is not None}


def calling(console: Console, **hooks: Any) -> Caller:
    """Make the caller of the running command; `hooks` are other fields of it."""
    context = click.get_current_context()
    which = [*filter(None, [context.params.get("which")])]  # the row of `explain`

    def choose(matches: Sequence[Match]) -> Match:
        console.say("The files may be of several trackers:")
        console.say_all(f"  {match}" for match in matches)
        by_name = {match.preset: match for match in matches}
        return by_name[click.prompt("Which is it?", type=click.Choice(list(by_name)), err=True)]

    options = lambda: [*which, *typed_options()]  # noqa: E731
    if (start := context.meta.get(START)) is not None:
        hooks["named"] = start.named
    hooks |= {"holds": context.meta.get(HOLDS, {}), "tries_again": context.meta.get(TRIES_AGAIN, False)}
    return Caller(console, context.info_name or "", options, choose=choose if can_ask() else None, **hooks)
