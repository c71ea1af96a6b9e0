"""Renders the templates of the pages. Jinja2 is imported when a page is written, and its templates are read then."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.phrases import counted, escape_controls, format_duration
from importer.report.folder import ReportFolder

if TYPE_CHECKING:
    from jinja2 import Environment, Template

TEMPLATES = Path(__file__).with_name("templates")
CELL_SHOWN = 400
"""Characters of a text in the page."""
SCRIPTS = {"rehearsal.html": "board.js", "probe.html": ""}
"""The script of a template, behind page.js; the others have ROWS_SCRIPT."""
ROWS_SCRIPT = "rows.js"


def render(folder: ReportFolder, name: str, template: str, view: Mapping[str, Any]) -> None:
    """Write a page, piece by piece: a whole one is megabytes, several times."""
    scripts = filter(None, ("page.js", SCRIPTS.get(template, ROWS_SCRIPT)))
    script = mark_whole("".join(map(_read, scripts)))
    with folder.open(name) as file:
        file.writelines(load_template(template).generate(view, styles=mark_whole(_read("report.css")), script=script))


def load_template(name: str) -> Template:
    return _environment().get_template(name)


def lay_out_bar(numbers: Mapping[str, int]) -> list[tuple[str, int, float, float]]:
    """Return the parts of a bar: name, number, and beginning and width in percent; those of 0 are left out."""
    parts, begin, total = [], 0.0, sum(numbers.values())
    for name, number in numbers.items():
        if number:
            width = 100 * number / total
            parts.append((name, number, begin, width))
            begin += width
    return parts


def mark_whole(text: str) -> str:
    """Mark a text of our own: it is neither escaped nor cut."""
    from markupsafe import Markup

    return Markup(text)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
    from jinja2.bccache import Bucket

    class Compiled(FileSystemBytecodeCache):
        """Keeps the compiled template beside the compiled modules; where that can't be written, it is compiled anew."""

        def load_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):
                super().load_bytecode(bucket)

        def dump_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):
                super().dump_bytecode(bucket)

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=None if sys.dont_write_bytecode else Compiled(str(Path(__file__).with_name("__pycache__"))),
    )
    environment.filters |= {
        "number": "{:,}".format,
        "counted": counted,
        "hash": _hash_for_policy,
        "duration": format_duration,
        "whole_text": _whole_text,
    }
    return environment


@cache
def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _shown(value: Any) -> Any:
    """Cut a text of the source, and escape what would change the direction of writing."""
    if type(value) is not str or value.isprintable():
        return value if type(value) is not str or len(value) <= CELL_SHOWN else f"{value[:CELL_SHOWN]}…"
    return "\n".join(map(escape_controls, value[:CELL_SHOWN].split("\n")))


def _whole_text(text: str) -> str:
    from markupsafe import escape

    return escape("\n".join(map(escape_controls, text.split("\n"))))


def _hash_for_policy(text: str) -> str:
    """Return the source expression of the Content-Security-Policy that allows a script or a style sheet."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
