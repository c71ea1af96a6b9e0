"""Without `-m`: the preset that the files are for, said in a line; asked for where it isn't certain."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from importer.errors import UsageError

if TYPE_CHECKING:
    from importer.authoring.recognise import Match
    from importer.mapping.model import Mapping
    from importer.sources.survey import Sample


def find_preset(samples: Sequence[Sample]) -> Match:
    """The preset that the source is for. Raises SourceError where none fits, UsageError where several do."""
    from importer.authoring.export_forms import preset_shapes
    from importer.authoring.recognise import recognise

    matches = recognise(samples, preset_shapes())
    if len(matches) == 1:
        return matches[0]
    if sys.stdin.isatty() and sys.stderr.isatty():
        return _ask(matches)
    candidates = "".join(f"\n  {match}" for match in matches)
    raise UsageError(
        f"{matches[0].sample.file_name} may be of several trackers:{candidates}",
        hint=f"Say which: -m {matches[0].preset}",
    )


def find_array(samples: Sequence[Sample], mapping: Mapping) -> str | None:
    """Where a mapping's records are in a JSON object with several arrays, if one of its forms says so."""
    from importer.authoring.recognise import match_shapes

    matches = [match for sample in samples for match in match_shapes([sample], {"": mapping.recognise}) if match.fits]
    best = max((match.strength for match in matches), default=None)
    places = {match.sample.records for match in matches if match.strength == best}
    return places.pop() or None if len(places) == 1 else None  # of two that are as good, none is read in silence


def _ask(matches: Sequence[Match]) -> Match:
    click.echo("The files may be of several trackers:", err=True)
    for match in matches:
        click.echo(f"  {match}", err=True)
    by_name = {match.preset: match for match in matches}
    return by_name[click.prompt("Which is it?", type=click.Choice(list(by_name)), err=True)]
