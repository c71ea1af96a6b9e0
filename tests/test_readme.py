"""The README says what the program does: commands, options, exit codes, codes, keys, reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import click
import pytest

from importer.cli.main import COMMANDS, cli
from importer.cli.target import DEFAULT_RATE, SANDBOX_RATE
from importer.codes import CODES
from importer.errors import ExitCode
from importer.records import Outcome
from importer.report.folder import NAMES
from importer.report.results import COLUMNS
from importer.report.summary import Summary
from importer.spreadsheet import IMPORT_COLUMNS
from tests.running import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text below a heading, up to the next one of its rank or above."""
    level, _, _ = title.partition(" ")
    found = re.search(rf"^{re.escape(title)}$(.*?)(?=^#{{1,{len(level)}}} |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def table(text: str) -> dict[str, str]:
    """First cell → second cell of the tables in a text, without back-quotes."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|(?: .*\|)?$", text, re.MULTILINE)
    return {name.strip("`"): meaning for name, meaning in rows}


def commands() -> Iterator[tuple[str, click.Command]]:
    """The subcommands with their objects."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command


def blocks() -> list[str]:
    """The blocks of shell commands."""
    return re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_every_command_is_named() -> None:
    """In the table of commands, with its arguments."""
    for name, _ in commands():
        assert f"| `triage-import {name}" in section("## Commands")


def test_every_option_is_explained() -> None:
    """In the README, in the table of its command."""
    where = {
        "sandbox": "## Sandbox",
        **dict.fromkeys(("verify", "runs", "report"), "### Looking at what ran"),
        **dict.fromkeys(("repair", "undo"), "## The way back"),
        "draft": "### Drafting a mapping",
        "users": "### People",
    }
    for name, command in commands():
        text = section(where.get(name, "### Options of `run`"))
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, option.name
                assert any(f"`{form}" in text for form in option.opts), (name, option.opts)


@pytest.mark.parametrize(
    ("option", "default"),
    [("concurrency", "8"), ("settle_seconds", "30"), ("max_errors", "100")],
)
def test_defaults_are_those_of_the_program(option: str, default: str) -> None:
    """The last column of the table."""
    run = dict(commands())["run"]
    (found,) = [parameter for parameter in run.params if parameter.name == option]
    value: Any = found.default
    assert f"{value:g}" == default
    assert re.search(rf"^\| `--{option.replace('_', '-')} N` \|.*\| {default} \|$", README, re.MULTILINE)


def test_the_default_rate_is_that_of_the_program() -> None:
    """One for Triage, one for the sandbox."""
    assert f"| {DEFAULT_RATE:g}; with `--sandbox` {SANDBOX_RATE:g} |" in README


def test_exit_codes() -> None:
    """Each number with the sentence that `--help` has too."""
    assert table(section("### Exit codes")) | {"code": "meaning", "---": "---"} == {
        "code": "meaning",
        "---": "---",
        **{str(int(code)): code.sentence for code in ExitCode},
    }


def test_codes_of_findings() -> None:
    """All that a row can end with, in the program's words and order."""
    rows = [f"| `{code}` | {sentence} |" for code, sentence in CODES.items()]
    assert "\n".join(["| code | meaning |", "| --- | --- |", *rows]) in section("### Codes")


def test_outcomes_and_reports() -> None:
    """Each outcome, report, column and key."""
    reports = section("## Reports")
    for name in (*Outcome, *NAMES, *COLUMNS, *IMPORT_COLUMNS):
        assert f"`{name}`" in reports, name


def test_keys_of_the_summary() -> None:
    """Each is named; the eight outcomes are those of the table."""
    outcomes = {outcome.value for outcome in Outcome}
    for field in fields(Summary):
        assert f"`{field.name}`" in section("## Reports") or field.name in outcomes, field.name


def test_the_first_block_needs_nothing_but_python() -> None:
    """An environment, an install, and the main job into the sandbox."""
    assert blocks()[0].splitlines() == [
        "python3 -m venv .venv",
        ".venv/bin/pip install --quiet '.[sandbox]'",
        ".venv/bin/triage-import run sample_data/jira.csv -m jira --sandbox",
    ]


def test_the_second_block_passes_the_tests() -> None:
    """Their environment, then the tests: .ci/run tells them apart by the word pytest."""
    install, run = blocks()[1].splitlines()
    assert "pytest" not in install
    assert "pytest" in run
    assert "block 2 | grep pytest" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    """Each link within the page has its heading."""
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors


def test_files_that_it_names_exist() -> None:
    """Samples and benchmarks."""
    for path in re.findall(r"\bsample_data/[\w./-]+", README):
        assert (ROOT / path).is_file(), path
    for module in re.findall(r"python -m (tests\.[\w.]+)", README):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
