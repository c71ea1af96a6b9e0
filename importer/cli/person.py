"""The person who has typed a command: asked which of several presets a source is for, and shown what to type again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from importer.cli.answers import START
from importer.cli.options import typed_options
from importer.library.caller import Caller
from importer.library.declared import Section, declared

if TYPE_CHECKING:
    from importer.authoring.recognise import Match
    from importer.cli.console import Console


def arguments_of(options: Section, of: type[Section]) -> dict[str, Any]:
    """Those options of a command that a function of the library has, without those that nobody gave."""
    given = {name: getattr(options, name) for name in declared(of)}
    return {name: value for name, value in given.items() if value is not None}


def calling(console: Console, **hooks: Any) -> Caller:
    """Make the caller of the running command; `hooks` are other fields of it."""
    context = click.get_current_context()
    which = [*filter(None, [context.params.get("which")])]  # the row of `explain`

    def choose(matches: Sequence[Match]) -> Match:
        console.say("The files may be of several trackers:")
        console.say_all(f"  {match}" for match in matches)
        by_name = {match.preset: match for match in matches}
        return by_name[click.prompt("Which is it?", type=click.Choice(list(by_name)), err=True)]

    is_asked = sys.stdin.isatty() and sys.stderr.isatty()
    options = lambda: [*which, *typed_options()]  # noqa: E731
    if (start := context.meta.get(START)) is not None:
        hooks["named"] = start.named
    return Caller(console, context.info_name or "", options, choose=choose if is_asked else None, **hooks)
