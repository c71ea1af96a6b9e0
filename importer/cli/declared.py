"""Click's options of a section: made of what `library.declared` says of its fields, and of their annotations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import click
import cloup
from annotated_types import Ge, Le

from importer.cli.completion import FILE, MAPPING
from importer.cli.numbers import DurationType, FiniteRange, IssueUrlType, RateType, RowLimitType
from importer.library.declared import Declared, Section, declared
from importer.library.row_limit import RowLimit

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Section)

VARIABLE = "TRIAGE_IMPORT_"
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


class Setting(cloup.Option):
    """An option of a section.

    `configurable` says whether it may stand in the configuration file.
    """

    def __init__(self, *names: Any, configurable: bool = True, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.configurable = configurable

    @property
    def key(self) -> str:
        """Its name in the configuration file: the long one."""
        return max(self.opts, key=len).strip("-")


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
    groups = dict[str, cloup.OptionGroup]()
    its, hints = declared(section), get_type_hints(section, include_extras=True)
    made = []
    for owner in dict.fromkeys(_bases(section)):
        title = vars(owner).get("title", "")
        group = groups.setdefault(title, cloup.OptionGroup(title)) if title else None
        for name in filter(its.__contains__, vars(owner).get("__annotations__", {})):
            attributes = _attributes(its[name], hints[name])
            made.append(click.option(*its.pop(name).names, name, cls=Setting, group=group, **attributes))
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
