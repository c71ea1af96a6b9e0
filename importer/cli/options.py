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
        self.title = title
        self.configurable = configurable

    @property
    def key(self) -> str:
        """Its name in the configuration file: the long one."""
        return max(self.opts, key=len).strip("-")


class Command(click.Command):
    """A command with sections: `--help` shows each under its title, their columns in one line."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of no section last."""
        titled: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if not isinstance(parameter, click.Option):
                continue
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "title", "") or OTHERS
                titled.setdefault(title, []).append(record)
        widths = [len(names) for rows in titled.values() for names, _ in rows]
        width = max(names_width for names_width in widths if names_width <= NAMES_WIDTH)
        for title in sorted(titled, key=OTHERS.__eq__):
            width_here = max(len(names) for names, _ in titled[title])
            width_here = min(width, width_here)
            with formatter.section(title):
                formatter.write_dl(titled[title], width, width - width_here + 2)


def takes(section: type[S]) -> Callable[[Callable[Concatenate[S, P], R]], Callable[P, R]]:
    """Give a command the options of a section, which it gets as its first argument."""

    def decorate(command: Callable[Concatenate[S, P], R]) -> Callable[P, R]:
        names = declared(section)

        @functools.wraps(command)
        def filled(*arguments: P.args, **keywords: P.kwargs) -> R:
            values = {name: keywords.pop(name) for name in names}
            return command(section(**values), *arguments, **keywords)

        result: Callable[P, R] = filled
        for make in reversed(_options(section)):
            result = make(result)
        return result

    return decorate


def _options(section: type[Section]) -> list[Callable[[Any], Any]]:
    """The options of a section: those of its bases, in their order, and then its own."""
    hints = get_type_hints(section, include_extras=True)
    declarations = declared(section)
    decorators = list[Callable[[Any], Any]]()
    for owner in dict.fromkeys(_bases(section)):
        title = vars(owner).get("title", "")
        for name in vars(owner).get("__annotations__", {}):
            if name not in declarations:
                continue
            declaration = declarations.pop(name)
            attributes = _attributes(declaration, hints[name])
            decorators.append(click.option(*declaration.names, name, cls=Setting, title=title, **attributes))
    return decorators


def _attributes(option: Declared, hint: Any) -> dict[str, Any]:
    longest = max(option.names, key=len).strip("-").replace("-", "_")
    variables = None
    if option.variable:
        variables = [f"{VARIABLE}{longest.upper()}", *filter(None, [option.also])]
    return {"envvar": variables, **_values(hint), **option.attributes}


def _values(hint: Any) -> dict[str, Any]:
    """What click is told of the values that an annotation allows; None is one where nobody gave any."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (choice for choice in get_args(hint) if choice is not NoneType)
    if hint is bool:
        return {"is_flag": True}
    if get_origin(hint) is tuple:
        return {"multiple": True, **_values(get_args(hint)[0])}
    if get_origin(hint) is Literal:
        return {"type": click.Choice(get_args(hint))}
    if get_origin(hint) is not Annotated:
        return {"type": TYPES.get(hint, hint)}
    base, *marks = get_args(hint)
    bounds = dict[str, Any]()
    for mark in marks:
        if isinstance(mark, str):
            return {"type": TYPES[mark]}
        if isinstance(mark, Ge):
            bounds.setdefault("min", mark.ge)
        if isinstance(mark, Le):
            bounds.setdefault("max", mark.le)
    number_range = click.IntRange if base is int else FiniteRange
    return {"type": number_range(**bounds)}


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

    context = click.get_current_context()
    words = list[str]()
    for parameter in context.command.params:
        name = parameter.opts[0]
        is_typed = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if not isinstance(parameter, click.Option) or not is_typed:
            continue
        if name in UNASKED or name in without:
            continue
        value = context.params[parameter.name or ""]
        if name == "--ledger":
            value = name_ledger(value)
        values = value if parameter.multiple else [value]
        for typed in values:
            words.append(name)
            if not parameter.is_flag:
                words.append(f"{typed:g}" if isinstance(typed, float) else str(typed))
    return words


def chosen_ledger(options: LedgerFile) -> str | None:
    """Return the ledger of a subcommand: `--ledger` is taken before its name, too."""
    parent = click.get_current_context().parent
    if options.ledger:
        return options.ledger
    return parent.params.get("ledger") if parent is not None else None


def arguments_of(options: Section, of: type[Section]) -> dict[str, Any]:
    """Those options of a command that a function of the library has, without those that nobody gave."""
    values = {name: getattr(options, name) for name in declared(of)}
    return {name: value for name, value in values.items() if value is not None}


def calling(console: Console, **hooks: Any) -> Caller:
    """Make the caller of the running command; `hooks` are other fields of it."""
    context = click.get_current_context()
    row = [*filter(None, [context.params.get("which")])]  # of `explain`

    def choose(matches: Sequence[Match]) -> Match:
        console.say("The files may be of several trackers:")
        console.say_all(f"  {match}" for match in matches)
        by_name = {match.preset: match for match in matches}
        preset = click.prompt("Which is it?", type=click.Choice(list(by_name)), err=True)
        return by_name[preset]

    options = lambda: [*row, *typed_options()]  # noqa: E731
    if (start := context.meta.get(START)) is not None:
        hooks["named"] = start.named
    hooks["holds"] = context.meta.get(HOLDS, {})
    hooks["tries_again"] = context.meta.get(TRIES_AGAIN, False)
    return Caller(console, context.info_name or "", options, choose=choose if can_ask() else None, **hooks)
