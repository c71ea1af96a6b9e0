"""The configuration file: values of options, and imports by name, which `@NAME` stands for; `triage-import config`."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from importer.cli.answers import print_data
from importer.cli.option_types import FILE, MAPPING, MAPPING_SUFFIXES, Completed
from importer.cli.options import Setting
from importer.cli.terminal import as_table
from importer.errors import ExitCode, Problem, UsageError
from importer.mapping.presets import preset_path
from importer.phrases import clip, counted, listed

NAME = "triage-import.toml"
DEFAULTS, IMPORTS = "defaults", "imports"
SOURCES, UNATTENDED, KEY_COMMAND, REPORTS = "sources", "unattended", "api-key-command", "reports"


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_reports(value: Any) -> bool:
    kinds = {key: type(each) for key, each in value.items()} if isinstance(value, dict) else {}
    return kinds == {"dir": str, "keep": int} and value["keep"] > 0


def _is_command(value: Any) -> bool:
    try:
        return _are_texts(value) or (isinstance(value, str) and len(shlex.split(value)) > 0)
    except ValueError:  # a quote that is never closed
        return False


KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    SOURCES: ("a list of files", _are_texts),
    UNATTENDED: ("true or false", lambda value: isinstance(value, bool)),
    KEY_COMMAND: ("a command with each quote closed, or a list of its words", _is_command),
    REPORTS: ('{dir = "FOLDER", keep = N}', _are_reports),
}
"""Keys that are no options → what they are, in words, and whether a value of TOML is that."""
OF_AN_IMPORT = (SOURCES, UNATTENDED, REPORTS)
READ = {"mapping", "fixes", "comments", "users", "api-key-file"}
"""Options that name files which have to be there."""
OTHERS_CAN_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Configuration:
    """A configuration file as it is written; keys are the long names of options."""

    path: Path
    text: str
    defaults: Mapping[str, Any]
    imports: Mapping[str, Mapping[str, Any]]

    def line(self, table: str, key: str) -> int:
        """Return the line of a key, or without one that of its table; 0 if it isn't a line of its own."""
        here, table = "", re.sub(r"[\s\"']", "", table)
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[([^\[\]]+)\]", line):
                here = re.sub(r"[\s\"']", "", header[1])
                if here == table and not key:
                    return number
            elif here == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        return 0

    def table(self, name: str) -> dict[str, Any]:
        """Return the values of an import, those of `defaults` among them. Raises UsageError if there is none."""
        if name not in self.imports:
            there = f"It has {listed(list(self.imports), 10)}." if self.imports else "It has none."
            raise UsageError(f"{self.path} has no import {name!r}.", hint=f"{there} A file of this name is ./@{name}")
        return {**self.defaults, **self.imports[name]}

    def values(self, command: click.Command, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `given` says of a command's options, by the names of its parameters; of a group by command."""
        said = {
            option.name: self._value(option, given[key]) for key, option in _options(command).items() if key in given
        }
        if given.get(UNATTENDED):
            said["yes"] = True
        if isinstance(command, click.Group):
            said |= {name: self.values(part, given) for name, part in command.commands.items()}
        return said

    def _value(self, option: Setting, value: Any) -> Any:
        """Return a value as click takes it; paths are relative to the file."""
        if isinstance(value, list):
            each = [self._value(option, one) for one in value]
            return each if option.multiple else ",".join(map(str, each))
        is_path = isinstance(option.type, click.Path) or option.type is FILE
        is_path = is_path or (option.type is MAPPING and ("/" in str(value) or str(value).endswith(MAPPING_SUFFIXES)))
        return self.relative(str(value)) if is_path and isinstance(value, str) else value

    def relative(self, name: str) -> str:
        """Return a path as it is from here: those in the file are relative to it."""
        return name if "://" in name or name == "-" else os.path.relpath(self.path.parent / Path(name).expanduser())

    def sources(self, name: str) -> list[str]:
        """Return the files of an import, each pattern replaced by those that it fits. Raises UsageError."""
        found = list[str]()
        for each in self.table(name).get(SOURCES, ()):
            path = Path(each).expanduser()
            folder, pattern = self.path.parent / path.anchor, str(path.relative_to(path.anchor))
            fitting = sorted(folder.glob(pattern)) if any(map(each.count, "*?[")) else []
            found += [os.path.relpath(one) for one in fitting] or [self.relative(each)]
        return found

    def key_command(self, given: Mapping[str, Any]) -> list[str]:
        """Return the words of the command that prints the API key; none if there is none.

        Raises UsageError if somebody else could have written it.
        """
        command = given.get(KEY_COMMAND, [])
        if command and not self._is_own(OTHERS_CAN_WRITE):
            hint = f"chmod go-w {shlex.quote(str(self.path))}"
            raise UsageError(f"{self.path} has an {KEY_COMMAND}, and others than you can write it.", hint=hint)
        return shlex.split(command) if isinstance(command, str) else list(map(str, command))

    def _is_own(self, forbidden: int) -> bool:
        about = self.path.stat()
        return about.st_uid in (os.geteuid(), 0) and not about.st_mode & forbidden

    def check(self, commands: Mapping[str, click.Command], *, files: bool = False) -> list[Problem]:
        """Return all that is wrong in the file, each with its line; with `files`, those that are not there, too."""
        every = {key: option for command in commands.values() for key, option in _all_options(command)}
        tables = {DEFAULTS: self.defaults} | {f"{IMPORTS}.{name}": table for name, table in self.imports.items()}
        problems = [each for name, table in tables.items() for each in self._check_table(name, table, every)]
        if files and not problems:
            problems = [each for name, table in tables.items() for each in self._check_files(name, table, every)]
        return problems

    def _check_files(self, table: str, values: Mapping[str, Any], every: Mapping[str, Setting]) -> Iterator[Problem]:
        for key in values.keys() & READ:
            value = self._value(every[key], values[key])
            for path in value if isinstance(value, list) else [value]:
                if not Path(path).exists() and preset_path(path) is None:
                    yield self._problem(table, key, f"{path} isn't there")

    def _check_table(self, table: str, values: Mapping[str, Any], every: Mapping[str, Setting]) -> Iterator[Problem]:
        for key, value in values.items():
            if key in KINDS and not (table == DEFAULTS and key in OF_AN_IMPORT):
                words, fits = KINDS[key]
                if not fits(value):
                    yield self._problem(table, key, f"is {words}, not {value!r}")
            elif key in KINDS:
                yield self._problem(table, key, f"belongs to an import: [{IMPORTS}.NAME]")
            elif (option := every.get(key)) is None:
                yield self._problem(table, key, f"is no option{_near(key, every)}")
            elif key == "out" and REPORTS in values:
                yield self._problem(table, key, f"is said by `{REPORTS}` already")
            elif key == "yes":
                yield self._problem(table, key, f"can't stand in a file; of an import say `{UNATTENDED} = true`")
            elif not option.configurable:
                yield self._problem(table, key, "can do harm where nobody looks, and has to be typed")
            elif fault := self._fault(option, value):
                yield self._problem(table, key, fault)
        if table != DEFAULTS and SOURCES not in values:
            yield self._problem(table, "", f"has no `{SOURCES}`: the files to be imported")

    def _fault(self, option: Setting, value: Any) -> str:
        """Say why an option can't have a value; "" if it can."""
        if option.is_flag is not isinstance(value, bool) or isinstance(value, dict):
            return f"is {'true or false' if option.is_flag else 'a text or a number'}, not {value!r}"
        if isinstance(option.type, Completed | click.Path | click.Choice) and not isinstance(value, str | list):
            return f"is a text, not {value!r}"
        try:
            option.type_cast_value(click.Context(click.Command("")), self._value(option, value))
        except (click.BadParameter, TypeError, OverflowError) as error:
            return error.message if isinstance(error, click.BadParameter) else f"can't be {clip(repr(value), 80)}"
        return ""

    def _problem(self, table: str, key: str, message: str) -> Problem:
        return Problem(message, str(self.path), self.line(table, key), ".".join(filter(None, [table, key])))


def read_configuration(given: Path | None) -> Configuration | None:
    """Read the file that was named, or the one that is found from here upwards, at most to the home folder.

    Raises UsageError if it can't be read, or if one that was only found may be somebody else's.
    """
    path = given or _find()
    if path is None:
        return None
    import tomllib

    try:
        text = path.read_text("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.", hint="Name another file with --config.") from error
    except (ValueError, RecursionError) as error:  # one of thousands of digits, and of brackets, is refused by Python
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{path} is not TOML: {why}.", hint="https://toml.io says how it is written.") from error
    tables = {DEFAULTS: document.pop(DEFAULTS, {}), IMPORTS: document.pop(IMPORTS, {})}
    found = Configuration(path, text, tables[DEFAULTS], tables[IMPORTS])
    problems = [found._problem("", key, f"is neither [{DEFAULTS}] nor [{IMPORTS}.NAME]") for key in document]
    for name, table in {**tables, **tables[IMPORTS]}.items() if isinstance(tables[IMPORTS], dict) else tables.items():
        if not isinstance(table, dict):
            problems.append(found._problem(IMPORTS if name not in tables else "", name, f"is a table, not {table!r}"))
    if problems:
        raise UsageError(f"{path} can't be used.", problems=problems)
    if given is None and not found._is_own(stat.S_IWOTH):
        raise UsageError(f"{path} is not yours, or anybody can write it.", hint=f"To use it: --config {path}")
    return found


def _find() -> Path | None:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it is gone, which is said with the first path
        return None
    for folder in (here, *here.parents):
        if (path := folder / NAME).is_file():
            return Path(os.path.relpath(path))
        if str(folder) == os.environ.get("HOME"):
            break
    return None


def _options(command: click.Command) -> dict[str, Setting]:
    """The options of a command that a file may set, by their names there."""
    return {key: option for key, option in _all_options(command, parts=False) if option.configurable}


def _all_options(command: click.Command, *, parts: bool = True) -> Iterator[tuple[str, Setting]]:
    for option in command.params:
        if isinstance(option, Setting):
            yield option.key, option
    for part in command.commands.values() if parts and isinstance(command, click.Group) else ():
        yield from _all_options(part)


def _near(key: str, every: Mapping[str, Setting]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, every, 1)
    return f"; is it {near[0]}?" if near else ""


def configure(
    root: click.Context,
    name: str = "",
    command: click.Command | None = None,
    words: Sequence[str] = (),
    *,
    files: bool = False,
) -> tuple[Configuration | None, list[str]]:
    """Give a command what the configuration file says of its options; `@NAME` among its words becomes files.

    The root context's `obj` is the file, the name of the import, and what the file says.

    Raises:
        UsageError: the file can't be used, or it has no import of the name.
    """
    found = read_configuration(root.params["config"])
    asked = [word for word in words if word.startswith("@") and not Path(word).exists()]
    asked = asked if command is not None and any(each.name == SOURCES for each in command.params) else []
    if found is None:
        if asked:
            raise UsageError(f"There is no {NAME} here, nor in a folder above, that says what {asked[0]} is.",
                             hint="Name one with --config FILE.")  # fmt: skip
        root.obj = None, "", {}
        return None, list(words)
    group = root.command
    assert isinstance(group, click.Group)
    every = ((each, group.get_command(root, each)) for each in group.list_commands(root))
    if problems := found.check({each: its for each, its in every if its is not None}, files=files):
        raise UsageError(f"{found.path} can't be used.", problems=problems)
    which = asked[0].removeprefix("@") if asked else ""
    given = found.table(which) if which else dict(found.defaults)
    root.obj = found, which, given
    if command is not None:
        root.default_map = {name: (values := found.values(command, given))}
        if REPORTS in given and name == "run":
            from importer.report.folder import new_folder

            values["out"] = new_folder(Path(found.relative(given[REPORTS]["dir"])), which)
    places = [found.sources(which) if word in asked[:1] else [word] for word in words]
    return found, [word for each in places for word in each]


def origin(context: click.Context, option: Setting, configuration: Configuration | None, name: str) -> str:
    """Say where the value of an option is from."""
    match context.get_parameter_source(option.name or ""):
        case ParameterSource.COMMANDLINE:
            return "command line"
        case ParameterSource.ENVIRONMENT:
            return next(each for each in option.envvar or () if each in os.environ)
        case ParameterSource.DEFAULT_MAP if configuration is not None:
            keys = {"yes": [UNATTENDED], "out": [REPORTS, option.key]}.get(option.name or "", [option.key])
            tables = [f"{IMPORTS}.{name}", DEFAULTS] if name else [DEFAULTS]
            line = next(filter(None, (configuration.line(table, key) for key in keys for table in tables)), 0)
            return f"{configuration.path}:{line}" if line else str(configuration.path)
    return "default"


@click.group()
def config() -> None:
    """Check a configuration file, or show where each value of an option is from."""


@config.command("check")
def check_command() -> int:
    """List every problem of the configuration file, with its line.

    The exit code is 2 if there are any, otherwise 0.
    """
    found, _ = configure(click.get_current_context().find_root(), files=True)
    if found is None:
        raise UsageError(f"There is no {NAME} here, nor in a folder above.", hint="Name one with --config FILE.")
    click.echo(f"{found.path} can be used: {counted(len(found.imports), 'import')}.")
    return ExitCode.DONE


@config.command("show", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="COMMAND...")
def show_command(words: tuple[str, ...]) -> int:
    """Show each option of a command as it would be: its value, and where that is from.

    COMMAND is typed as it would be, such as `run @nightly --rate 2`; without one it is `run`.
    """
    root = click.get_current_context().find_root()
    group = root.command
    assert isinstance(group, click.Group)
    name, command, rest = group.resolve_command(root, list(words or ("run",)))
    assert command is not None
    found, which, _ = root.obj or (None, "", {})
    takes_files = any(isinstance(each, click.Argument) and each.required for each in command.params)
    context = command.make_context(name, [*rest, *["SOURCE"] * takes_files], parent=root)
    options = [each for each in command.params if isinstance(each, Setting)]
    values = (_shown(each, context.params[each.name or ""]) for each in options)
    origins = (origin(context, each, found, which) for each in options)
    table = list(zip((each.opts[-1] for each in options), values, origins, strict=True))
    print_data("".join(f"{line}\n" for line in as_table(table)))
    return ExitCode.DONE


def _shown(option: Setting, value: object) -> str:
    from importer.ledger.opening import name_ledger

    match value:
        case None | ():
            return "-"
        case bool():
            return "true" if value else "false"
        case tuple() | list():
            return ", ".join(map(str, value))
    return name_ledger(str(value)) if option.name == "ledger" else str(value)
