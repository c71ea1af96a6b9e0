"""`triage-import mappings`: the presets, and a check of your own mapping files."""

from __future__ import annotations

import click

from importer.cli.options import print_data
from importer.errors import ExitCode, MappingError


@click.group(invoke_without_command=True)
@click.pass_context
def mappings(context: click.Context) -> None:
    """List the presets, show one, check mapping files, or print the schema for your editor."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@mappings.command("list")
def list_command() -> None:
    """List the presets: name and what each one reads."""
    from importer.mapping.load import list_presets

    presets = list_presets()
    width = max(len(preset.name) for preset in presets)
    for preset in presets:
        click.echo(f"{preset.name:{width}}  {preset.about}")


@mappings.command("show")
@click.argument("name")
def show_command(name: str) -> None:
    """Print the YAML text of the preset NAME."""
    from importer.mapping.load import preset_text

    print_data(preset_text(name))


@mappings.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.pass_context
def check_command(context: click.Context, files: tuple[str, ...]) -> None:
    """List every problem of every mapping FILE (or preset), with file, line and key.

    Exit code 0 if there is none, 2 if there are some.
    """
    from importer.mapping.load import load_mapping

    usable = True
    for name in files:
        try:
            loaded = load_mapping(name)
        except MappingError as error:
            usable = False
            for problem in error.problems:
                click.echo(str(problem))
        else:
            click.echo(f"{name}: fine{_based_on([path.name for path in loaded.files[1:]])}")
    if not usable:
        context.exit(ExitCode.UNUSABLE)


@mappings.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of a mapping, for editors.

    With it in a file, `# yaml-language-server: $schema=mapping.schema.json` as first line of a mapping makes most
    editors check it and offer the keys.
    """
    import json

    from importer.mapping.schema import mapping_schema

    print_data(json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n")


def _based_on(files: list[str]) -> str:
    return f" (extends {', '.join(files)})" if files else ""
