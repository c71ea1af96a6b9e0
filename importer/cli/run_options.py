"""The options of `triage-import run`: those of an import, and what is said on the screen."""

from __future__ import annotations

from typing import Any, Literal

import click
from click.core import ParameterSource

from importer.cli.options import Json, Verbose, arguments_of
from importer.errors import UsageError
from importer.library.declared import Section, option
from importer.library.deliveries import NEWEST
from importer.library.options import NewFile
from importer.library.run_options import RunOptions as ImportOptions


# fmt: off
class Unasked(Section):
    """Whether somebody is asked."""

    title = "Sending and limits"
    yes: bool = option("--yes", default=False, variable=False, configurable=False, help="Don't ask, for scripts.")


class Unwatched(Section):
    """What a scheduled import says, and where."""

    title = "Scheduled imports"
    quiet: bool = option("-q", "--quiet", default=False, decides=False,
        help="Print nothing as long as nobody is needed.")
    files: Literal["together", "each-once", "newest"] = option("--files", default="together", show_default=True,
        help="Whether the files are one source, or are imported each once, the oldest first: then "
        f"a newer one waits for an older one that isn't in yet, or with `{NEWEST}` doesn't.")
    log_file: NewFile | None = option("--log-file", metavar="FILE", decides=False,
        help="Also write a log of JSON lines, rotated at 10 MB.")
    metrics_file: NewFile | None = option("--metrics-file", metavar="FILE", decides=False,
        help="Write figures for node_exporter's textfile collector.")
# fmt: on


class RunOptions(ImportOptions, Unasked, Unwatched, Verbose, Json):
    """The options of `run`."""

    def __post_init__(self) -> None:
        """Raise UsageError for options that exclude each other."""
        if self.sandbox and _source_of("api_url") is ParameterSource.COMMANDLINE:
            raise UsageError("--sandbox and --api-url can't be used together.", hint="Take one of them.")
        if self.quiet and self.is_asked:
            raise UsageError("-q shows no question.", hint="Add --yes, or leave -q out.")
        if self.metrics_file is not None:
            from importer.report.summary import find_client

            find_client()

    @property
    def is_asked(self) -> bool:
        """Whether a person is asked before anything is sent."""
        return not (self.sandbox or self.yes or self.dry_run)

    @property
    def key_command(self) -> list[str]:
        """The words of the configuration's command that prints the API key. Raises UsageError if it isn't safe."""
        configuration, _, settings = click.get_current_context().find_root().obj or (None, "", {})
        return configuration.key_command(settings) if configuration is not None else []

    def arguments(self) -> dict[str, Any]:
        """The arguments of `importer.run`."""
        arguments = arguments_of(self, ImportOptions)
        if self.sandbox:  # the variable is meant for what goes to Triage
            arguments.pop("api_url", None)
        if self.yes:
            arguments["fail_on"] = self.fail_on or "new"
        return arguments


def _source_of(option: str) -> ParameterSource | None:
    """Where the value of an option is from: the command line, its variable, the configuration, or its default."""
    return click.get_current_context().get_parameter_source(option)
