"""Options declared once: a section is a frozen dataclass whose fields are options, and a command has several of them.

From a field come click's option with its place in `--help`, its environment variable, its name in the configuration
file, and whether it decides what an import writes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

import click
import cloup

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Section")

VARIABLE = "TRIAGE_IMPORT_"
_SETTING = "setting"


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


@dataclass(frozen=True)
class Section:
    """Options that belong together; `title` stands above them in `--help`. A command's options inherit from several."""

    title: ClassVar[str] = ""


def option(
    *names: str,
    default: Any = None,
    variable: bool = True,
    also: str = "",
    decides: bool = True,
    **attributes: Any,
) -> Any:
    """Declare a field of a section as an option; `attributes` are click's.

    variable  whether an environment variable can give it: not what can do harm
    also      another variable, from before each option had one
    decides   whether it decides what an import writes, so that the same command with another value is another import
    """
    if attributes.get("multiple"):
        default = ()
    if attributes.get("is_flag"):
        default = False
    longest = max(names, key=len).strip("-").replace("-", "_")
    variables = [f"{VARIABLE}{longest.upper()}", *filter(None, [also])] if variable else None
    given = {"envvar": variables, **attributes} | ({} if attributes.get("required") else {"default": default})
    return field(default=default, metadata={_SETTING: (names, given), "decides": decides})


def takes(section: type[S]) -> Callable[[Callable[Concatenate[S, P], R]], Callable[P, R]]:
    """Give a command the options of a section, which it gets as its first argument."""

    def decorate(command: Callable[Concatenate[S, P], R]) -> Callable[P, R]:
        names = [each.name for each in fields(section)]

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
    settings = {each.name: each.metadata[_SETTING] for each in fields(section)}
    made = []
    for owner in dict.fromkeys(_bases(section)):
        title = vars(owner).get("title", "")
        group = groups.setdefault(title, cloup.OptionGroup(title)) if title else None
        for name in filter(settings.__contains__, vars(owner).get("__annotations__", {})):
            names, attributes = settings.pop(name)
            made.append(click.option(*names, name, cls=Setting, group=group, **attributes))
    return made


def _bases(section: type[Section]) -> Iterator[type[Section]]:
    """Yield what a section inherits from, in the order in which it says so, and then itself."""
    for base in section.__bases__:
        if issubclass(base, Section):
            yield from _bases(base)
    yield section


def deciding(options: Section) -> str:
    """The values of the options that decide what an import writes, as one text to be compared."""
    return str(sorted((each.name, getattr(options, each.name)) for each in fields(options) if each.metadata["decides"]))
