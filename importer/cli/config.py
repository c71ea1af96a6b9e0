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
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _are_reports(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    kinds = {key: type(setting) for key, setting in value.items()}
    return kinds == {"dir": str, "keep": int} and value["keep"] > 0


def _is_command(value: Any) -> bool:
    try:
        if isinstance(value, str):
            return len(shlex.split(value)) > 0
        return _are_texts(value)
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
        table_here = ""
        table = re.sub(r"[\s\"']", "", table)
        begins_key = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[([^\[\]]+)\]", line):
                table_here = re.sub(r"[\s\"']", "", header[1])
                if table_here == table and not key:
                    return number
            elif table_here == table and begins_key.match(line):
                return number
        return 0

    def table(self, name: str) -> dict[str, Any]:
        """Return the values of an import, those of `defaults` among them. Raises UsageError if there is none."""
        if name not in self.imports:
            imports = f"It has {listed(list(self.imports), 10)}." if self.imports else "It has none."
            hint = f"{imports} A file of this name is ./@{name}"
            raise UsageError(f"{self.path} has no import {name!r}.", hint=hint)
        return {**self.defaults, **self.imports[name]}

    def values(self, command: click.Command, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `settings` say of a command's options, by the names of its parameters; of a group by command."""
        values = dict[str, Any]()
        for key, option in _options(command).items():
            if key in settings:
                values[option.name or ""] = self._value(option, settings[key])
        if settings.get(UNATTENDED):
            values["yes"] = True
        if isinstance(command, click.Group):
            for name, part in command.commands.items():
                values[name] = self.values(part, settings)
        return values

    def _value(self, option: Setting, value: Any) -> Any:
        """Return a value as click takes it; paths are relative to the file."""
        if isinstance(value, list):
            parts = [self._value(option, part) for part in value]
            return parts if option.multiple else ",".join(map(str, parts))
        if not isinstance(value, str):
            return value
        is_path = isinstance(option.type, click.Path) or option.type is FILE
        if option.type is MAPPING:  # or the name of a preset
            is_path = "/" in value or value.endswith(MAPPING_SUFFIXES)
        return self.relative(value) if is_path else value

    def relative(self, name: str) -> str:
        """Return a path as it is from here: those in the file are relative to it."""
        if "://" in name or name == "-":
            return name
        path = self.path.parent / Path(name).expanduser()
        return os.path.relpath(path)

    def sources(self, name: str) -> list[str]:
        """Return the files of an import, each pattern replaced by those that it fits. Raises UsageError."""
        names = list[str]()
        for source in self.table(name).get(SOURCES, ()):
            path = Path(source).expanduser()
            folder = self.path.parent / path.anchor
            fitting = list[Path]()
            if any(map(source.count, "*?[")):
                pattern = str(path.relative_to(path.anchor))
                fitting = sorted(folder.glob(pattern))
            if fitting:
                names += [os.path.relpath(path) for path in fitting]
            else:
                names.append(self.relative(source))
        return names

    def key_command(self, settings: Mapping[str, Any]) -> list[str]:
        """Return the words of the command that prints the API key; none if there is none.

        Raises UsageError if somebody else could have written it.
        """
        command = settings.get(KEY_COMMAND, [])
        if command and not self._is_own(OTHERS_CAN_WRITE):
            hint = f"chmod go-w {shlex.quote(str(self.path))}"
            raise UsageError(f"{self.path} has an {KEY_COMMAND}, and others than you can write it.", hint=hint)
        if isinstance(command, str):
            return shlex.split(command)
        return list(map(str, command))

    def _is_own(self, forbidden: int) -> bool:
        status = self.path.stat()
        if status.st_mode & forbidden:
            return False
        return status.st_uid in (os.geteuid(), 0)

    def check(self, commands: Mapping[str, click.Command], *, files: bool = False) -> list[Problem]:
        """Return all that is wrong in the file, each with its line; with `files`, those that are not there, too."""
        every = dict[str, Setting]()
        for command in commands.values():
            every.update(_all_options(command))
        tables = {DEFAULTS: self.defaults}
        for name, table in self.imports.items():
            tables[f"{IMPORTS}.{name}"] = table
        problems = list[Problem]()
        for name, table in tables.items():
            problems += self._check_table(name, table, every)
        if files and not problems:
            for name, table in tables.items():
                problems += self._check_files(name, table, every)
        return problems

    def _check_files(self, table: str, values: Mapping[str, Any], every: Mapping[str, Setting]) -> Iterator[Problem]:
        for key in values.keys() & READ:
            value = self._value(every[key], values[key])
            paths = value if isinstance(value, list) else [value]
            for path in paths:
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
        is_text = isinstance(value, str | list)
        if option.is_flag is not isinstance(value, bool) or isinstance(value, dict):
            kind = "true or false" if option.is_flag else "a text or a number"
            return f"is {kind}, not {value!r}"
        if isinstance(option.type, Completed | click.Path | click.Choice) and not is_text:
            return f"is a text, not {value!r}"
        try:
            context = click.Context(click.Command(""))
            option.type_cast_value(context, self._value(option, value))
        except click.BadParameter as error:
            return error.message
        except (TypeError, OverflowError):
            return f"can't be {clip(repr(value), 80)}"
        return ""

    def _problem(self, table: str, key: str, message: str) -> Problem:
        place = ".".join(filter(None, [table, key]))
        return Problem(message, str(self.path), self.line(table, key), place)


def read_configuration(named: Path | None) -> Configuration | None:
    """Read the file that was named, or the one that is found from here upwards, at most to the home folder.

    Raises UsageError if it can't be read, or if one that was only found may be somebody else's.
    """
    path = named or _find()
    if path is None:
        return None
    import tomllib

    try:
        text = path.read_text("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        hint = "Name another file with --config."
        raise UsageError(f"{path} can't be read: {error.strerror}.", hint=hint) from error
    except (ValueError, RecursionError) as error:  # one of thousands of digits, and of brackets, is refused by Python
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{path} is not TOML: {reason}.", hint="https://toml.io says how it is written.") from error
    defaults = document.pop(DEFAULTS, {})
    imports = document.pop(IMPORTS, {})
    configuration = Configuration(path, text, defaults, imports)
    problems = list[Problem]()
    for key in document:
        problems.append(configuration._problem("", key, f"is neither [{DEFAULTS}] nor [{IMPORTS}.NAME]"))
    tables = {DEFAULTS: defaults, IMPORTS: imports}
    every = {**tables, **imports} if isinstance(imports, dict) else tables
    for name, table in every.items():
        if not isinstance(table, dict):
            table_around = "" if name in tables else IMPORTS
            problems.append(configuration._problem(table_around, name, f"is a table, not {table!r}"))
    if problems:
        raise UsageError(f"{path} can't be used.", problems=problems)
    if named is None and not configuration._is_own(stat.S_IWOTH):
        raise UsageError(f"{path} is not yours, or anybody can write it.", hint=f"To use it: --config {path}")
    return configuration


def _find() -> Path | None:
    try:
        working_folder = Path.cwd()
    except FileNotFoundError:  # it is gone, which is said with the first path
        return None
    for folder in (working_folder, *working_folder.parents):
        if (path := folder / NAME).is_file():
            return Path(os.path.relpath(path))
        if str(folder) == os.environ.get("HOME"):
            break
    return None


def _options(command: click.Command) -> dict[str, Setting]:
    """The options of a command that a file may set, by their names there."""
    options = _all_options(command, parts=False)
    return {key: option for key, option in options if option.configurable}


def _all_options(command: click.Command, *, parts: bool = True) -> Iterator[tuple[str, Setting]]:
    for option in command.params:
        if isinstance(option, Setting):
            yield option.key, option
    if parts and isinstance(command, click.Group):
        for part in command.commands.values():
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
    configuration = read_configuration(root.params["config"])
    named = list[str]()
    if command is not None and any(parameter.name == SOURCES for parameter in command.params):
        named = [word for word in words if word.startswith("@") and not Path(word).exists()]
    if configuration is None:
        if named:
            raise UsageError(f"There is no {NAME} here, nor in a folder above, that says what {named[0]} is.",
                             hint="Name one with --config FILE.")  # fmt: skip
        root.obj = None, "", {}
        return None, list(words)
    group = root.command
    assert isinstance(group, click.Group)
    commands = dict[str, click.Command]()
    for command_name in group.list_commands(root):
        if (subcommand := group.get_command(root, command_name)) is not None:
            commands[command_name] = subcommand
    if problems := configuration.check(commands, files=files):
        raise UsageError(f"{configuration.path} can't be used.", problems=problems)
    import_name = ""
    settings = dict(configuration.defaults)
    if named:
        import_name = named[0].removeprefix("@")
    if import_name:
        settings = configuration.table(import_name)
    root.obj = configuration, import_name, settings
    if command is not None:
        values = configuration.values(command, settings)
        root.default_map = {name: values}
        if REPORTS in settings and name == "run":
            from importer.report.folder import new_folder

            reports = Path(configuration.relative(settings[REPORTS]["dir"]))
            values["out"] = new_folder(reports, import_name)
    words_with_files = list[str]()
    for word in words:
        if word in named[:1]:
            words_with_files += configuration.sources(import_name)
        else:
            words_with_files.append(word)
    return configuration, words_with_files


def origin(context: click.Context, option: Setting, configuration: Configuration | None, name: str) -> str:
    """Say where the value of an option is from."""
    match context.get_parameter_source(option.name or ""):
        case ParameterSource.COMMANDLINE:
            return "command line"
        case ParameterSource.ENVIRONMENT:
            return next(variable for variable in option.envvar or () if variable in os.environ)
        case ParameterSource.DEFAULT_MAP if configuration is not None:
            other_keys = {"yes": [UNATTENDED], "out": [REPORTS, option.key]}
            keys = other_keys.get(option.name or "", [option.key])
            tables = [f"{IMPORTS}.{name}", DEFAULTS] if name else [DEFAULTS]
            for key in keys:
                for table in tables:
                    if line := configuration.line(table, key):
                        return f"{configuration.path}:{line}"
            return str(configuration.path)
    return "default"


@click.group()
def config() -> None:
    """Check a configuration file, or show where each value of an option is from."""


@config.command("check")
def check_command() -> int:
    """List every problem of the configuration file, with its line.

    The exit code is 2 if there are any, otherwise 0.
    """
    configuration, _ = configure(click.get_current_context().find_root(), files=True)
    if configuration is None:
        raise UsageError(f"There is no {NAME} here, nor in a folder above.", hint="Name one with --config FILE.")
    imports = counted(len(configuration.imports), "import")
    click.echo(f"{configuration.path} can be used: {imports}.")
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
    name, command, command_words = group.resolve_command(root, list(words or ("run",)))
    assert command is not None
    configuration, import_name, _ = root.obj or (None, "", {})
    if any(isinstance(parameter, click.Argument) and parameter.required for parameter in command.params):
        command_words = [*command_words, "SOURCE"]
    context = command.make_context(name, [*command_words], parent=root)
    table = list[tuple[str, str, str]]()
    for option in command.params:
        if isinstance(option, Setting):
            text = _shown(option, context.params[option.name or ""])
            table.append((option.opts[-1], text, origin(context, option, configuration, import_name)))
    lines = as_table(table)
    print_data("".join(f"{line}\n" for line in lines))
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
