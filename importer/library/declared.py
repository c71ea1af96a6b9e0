"""Options declared once: a section is a frozen dataclass whose fields are options, and a command has several of them.

From a field come an argument of the library, click's option with its place in `--help`, its environment variable, its
name in the configuration file, and whether it decides what an import writes. The annotation says what values it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, dataclass_transform

_DECLARED = "declared"


class Declared(NamedTuple):
    """What a field's option is on the command line; `attributes` are click's, and `decides` as in `option`."""

    names: tuple[str, ...]
    variable: bool
    also: str
    decides: bool
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name where a command is shown that can be typed: the short one, if it has one."""
        return self.names[0]


def option(
    *names: str, default: Any = None, variable: bool = True, also: str = "", decides: bool = True, **attributes: Any
) -> Any:
    """Declare a field of a section as an option; `attributes` are click's.

    variable  whether an environment variable can give it: not what can do harm
    also      another variable, from before each option had one
    decides   whether it decides what an import writes, so that the same command with another value is another import
    """
    if not attributes.get("required"):
        attributes["default"] = default
    return field(default=default, metadata={_DECLARED: Declared(names, variable, also, decides, attributes)})


@dataclass_transform(frozen_default=True, eq_default=False)
@dataclass(frozen=True, eq=False, repr=False)
class Section:
    """Options that belong together; `title` stands above them in `--help`. A command's options inherit from several."""

    title: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        # Nobody compares or shows options, and what would do so takes two thirds of making a dataclass: of fifty.
        dataclass(frozen=True, eq=False, repr=False)(cls)


def declared(section: type[Section] | Section) -> dict[str, Declared]:
    """The options of a section: field → declaration. Fields that are no options have none."""
    return {each.name: each.metadata[_DECLARED] for each in fields(section) if _DECLARED in each.metadata}


def deciding(options: Section) -> str:
    """The values of the options that decide what an import writes, as one text to be compared."""
    return str(sorted((name, str(getattr(options, name))) for name, its in declared(options).items() if its.decides))
