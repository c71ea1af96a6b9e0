"""`triage-import mappings`: lists and shows presets, checks and tests mapping files, prints their JSON Schema."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from importer.cli.answers import print_data
from importer.cli.option_types import MAPPING, PRESET
from importer.cli.terminal import as_table
from importer.errors import ExitCode, MappingError
from importer.phrases import counted

if TYPE_CHECKING:
    from importer.mapping.reader import LoadedMapping


@click.group(invoke_without_command=True)
@click.pass_context
def mappings(context: click.Context) -> None:
    """List or show presets; check or test mappings."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@mappings.command("list")
def list_command() -> None:
    """List the presets and what each one reads."""
    from importer.mapping.reader import list_presets

    for line in as_table([(preset.name, preset.about) for preset in list_presets()]):
        click.echo(line)


@mappings.command("show")
@click.argument("name", type=PRESET)
def show_command(name: str) -> None:
    """Print the YAML text of the preset NAME."""
    from importer.mapping.reader import preset_text

    print_data(preset_text(name))


@mappings.command("check")
@click.argument("files", type=MAPPING, metavar="FILE...", nargs=-1, required=True)
@click.pass_context
def check_command(context: click.Context, files: tuple[str, ...]) -> None:
    """List every problem of mappings, with file, line and key.

    A FILE may also be the name of a preset. Lines that can never have an effect are warnings. The exit code is 2 if
    there are errors, otherwise 0.
    """
    from importer.authoring.lint import lint

    usable = True
    for name in files:
        loaded = _load(name)
        usable = usable and loaded is not None
        if loaded is not None:
            warnings = lint(loaded)
            for warning in warnings:
                click.echo(str(replace(warning, message=f"warning: {warning.message}")))
            if not warnings:
                based_on = _based_on([path.name for path in loaded.files[1:]])
                click.echo(f"{name}: fine{based_on}")
    if not usable:
        context.exit(ExitCode.UNUSABLE)


@mappings.command("test")
@click.argument("files", type=MAPPING, metavar="NAME_OR_FILE...", nargs=-1, required=True)
@click.pass_context
def test_command(context: click.Context, files: tuple[str, ...]) -> None:
    """Run the `examples` of mappings.

    The exit code is 0 if all examples hold, 1 if one does not or a mapping has none, 2 if a mapping is invalid.
    """
    from importer.authoring.examples import try_examples

    code = ExitCode.DONE
    for name in files:
        loaded = _load(name)
        if loaded is None:
            code = ExitCode.UNUSABLE
            continue
        mismatches = try_examples(loaded)
        for mismatch in mismatches:
            click.echo(str(mismatch))
        total = len(loaded.model.examples)
        failed = len({mismatch.number for mismatch in mismatches})
        click.echo(f"{name}: {_sum_up(total, failed)}")
        if failed or not total:
            code = max(code, ExitCode.PARTLY)
    context.exit(code)


@mappings.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of mappings, for editors.

    With it in a file, `# yaml-language-server: $schema=mapping.schema.json` as first line of a mapping makes most
    editors check it and offer the keys.
    """
    import json

    from importer.mapping.model import mapping_schema

    print_data(json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n")


def _load(name: str) -> LoadedMapping | None:
    """Load a mapping; None if it has problems, which are printed."""
    from importer.mapping.reader import load_mapping

    try:
        return load_mapping(name)
    except MappingError as error:
        for problem in error.problems:
            click.echo(str(problem))
        return None


def _sum_up(total: int, failed: int) -> str:
    if not total:
        return "nothing was tested: there are no `examples`"
    examples = counted(total, "example")
    return f"{failed} of {examples} not as expected" if failed else f"{examples}, all as expected"


def _based_on(files: list[str]) -> str:
    return f" (extends {', '.join(files)})" if files else ""
