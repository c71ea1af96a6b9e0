"""The documents say what the program does, each thing in one place, and what they tell a reader to type works."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from importer.cli.config import KINDS
from importer.cli.main import COMMANDS, cli
from importer.codes import CODES
from importer.errors import ExitCode
from importer.library.targets import DEFAULT_RATE, SANDBOX_RATE
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.records import Outcome
from importer.report.folder import NAMES
from importer.report.results import COLUMNS
from importer.report.summary import Summary
from importer.spreadsheet import IMPORT_COLUMNS
from importer.triage.assumptions import ASSUMPTIONS
from tests.harness.documents import DOCUMENTS, Block, Document, code, document, tables
from tests.harness.running import ROOT, SAMPLES, Program
from tests.harness.shell import serve_shell

README = document("README.md")
REPORTS = document("importer/report/README.md").text
README_LIMIT = 15_000
SCREENS_LIMIT = 80
"""Lines of two screens: a longer document begins with a list of its contents."""
EXPECTED = """
README.md mappings/README.md importer/README.md importer/report/README.md importer/load/README.md
importer/runs/README.md importer/cli/README.md importer/cli/CUT-OVER.md importer/sandbox/README.md
importer/library/README.md importer/row/README.md tests/README.md
.github/CONTRIBUTING.md .github/SECURITY.md
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """The subcommands with their objects."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command


def options() -> Iterator[tuple[str, click.Option]]:
    """Each option with its command; the program's own too."""
    for name, command in (("triage-import", cli), *commands()):
        for option in command.params:
            if isinstance(option, click.Option):
                yield name, option
        if name in COMMANDS and isinstance(command, click.Group):  # its parts count as the command
            for part in command.commands.values():
                yield from ((name, option) for option in part.params if isinstance(option, click.Option))


def option_rows() -> Iterator[tuple[frozenset[str], list[str], str]]:
    """Of each row in a table of options: its spellings, the commands that have it, and the default."""
    for of, table in tables("option"):
        for row in table.rows:
            spellings = frozenset(name.split()[0] for name in code(row[0]))
            yield spellings, code(of or row[1]), row[-1]


def meanings(first: str) -> list[tuple[str, str]]:
    """First and second cell of each row in all tables whose first column is called so."""
    return [(row[0].strip("`"), row[1]) for _, table in tables(first) for row in table.rows]


def names(first: str) -> list[str]:
    """What is defined in all tables whose first column is called so."""
    return [name for _, table in tables(first) for row in table.rows for name in code(row[0])]


def shell_blocks() -> list[tuple[Document, Block]]:
    return [(found, block) for found in DOCUMENTS for block in found.blocks if block.language == "sh"]


def test_the_walk_finds_all_documents() -> None:
    """Each is where its code is."""
    assert set(EXPECTED.split()) <= {found.name for found in DOCUMENTS}


def test_every_command_is_defined_once() -> None:
    """In the table of commands, with its arguments."""
    expected, found = Counter[str](), Counter[str]()
    cells = [row[0].strip("`").split() for _, table in tables("command") for row in table.rows]
    for _, word, *rest in cells:
        is_group = isinstance(dict(commands()).get(word), click.Group)
        found.update([f"{word} {part}" for part in rest[0].split("|")] if is_group and rest else [word])
    for name, command in commands():
        if isinstance(command, click.Group):
            expected.update([name] if command.params else [])  # it does something by itself, too
            expected.update(f"{name} {part}" for part in command.commands)
            continue
        expected.update([name])
        words = next(cell for cell in cells if cell[1] == name)
        for argument in command.params:
            if isinstance(argument, click.Argument):
                assert (argument.metavar or str(argument.name).upper()) in words, (name, argument.name)
    assert found == expected


def test_every_option_is_defined_once() -> None:
    """In one row, which names the commands that have it and no other."""
    expected: dict[frozenset[str], set[str]] = {}
    for command, option in options():
        assert option.help, option.name
        expected.setdefault(frozenset(option.opts), set()).add(command)
    rows = list(option_rows())
    assert Counter(spellings for spellings, *_ in rows) == Counter(expected.keys())
    for spellings, of, _ in rows:
        assert Counter(of) == Counter(expected[spellings]), spellings


def test_every_choice_is_named() -> None:
    """What an option takes stands in its row, such as a new format of sources."""
    rows = {
        frozenset(spelling.split()[0] for spelling in code(row[0])): row
        for _, table in tables("option")
        for row in table.rows
    }
    for _, option in options():
        if isinstance(option.type, click.Choice):
            text = " ".join(rows[frozenset(option.opts)])
            assert not [choice for choice in option.type.choices if choice not in text], option.name


def test_every_option_has_its_variable() -> None:
    """One name for all commands; the documents list which options have none, as they can do harm."""
    every = {
        name: option for _, option in options() if (name := option.opts[-1]) not in ("--version", "--color", "--config")
    }
    own = {name for command, option in options() if command == "sandbox" for name in option.opts}
    without = {name for name, option in every.items() if not option.envvar} - own
    assert without == set(names("no variable"))
    for name, option in every.items():
        if option.envvar and name not in own:
            assert f"TRIAGE_IMPORT_{name.strip('-').replace('-', '_').upper()}" in option.envvar, name


def test_keys_of_the_configuration() -> None:
    """Those that are no options."""
    assert Counter(names("besides options")) == Counter([*KINDS])


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
    assert [last for spellings, _, last in option_rows() if spellings == frozenset(found.opts)] == [default]


def test_the_default_rate_is_that_of_the_program() -> None:
    """One for Triage, one for the sandbox."""
    (default,) = [last for spellings, _, last in option_rows() if "--rate" in spellings]
    assert default == f"{DEFAULT_RATE:g}; with `--sandbox` {SANDBOX_RATE:g}"


def test_exit_codes() -> None:
    """Each number once, with the sentence that `--help` has too, and whether a script may repeat the command."""
    assert meanings("exit code") == [(str(int(code)), code.sentence) for code in ExitCode]
    repeated = [row[0] for _, table in tables("exit code") for row in table.rows if row[2] == "yes"]
    assert repeated == [str(int(code)) for code in ExitCode if code.may_be_repeated]


def test_codes_of_findings() -> None:
    """All that a row can end with, each once, in the program's words and order."""
    assert meanings("code") == list(CODES.items())


def test_presets() -> None:
    """Each in one row."""
    assert Counter(names("preset")) == Counter(preset_names())
    assert f"The program comes with [{spell(len(preset_names()))}" in " ".join(
        document("mappings/README.md").text.split()
    )
    trackers = set(preset_names()) - {"triage", "bug-list", "call-qa", "call-review", "bland-evals", "jira-requests"}
    assert (
        f"presets for [{spell(len(trackers))} trackers, Triage's own fields, plain lists" in document("README.md").text
    )


def spell(number: int) -> str:
    tens, units = divmod(number, 10)
    names = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
    digits = ("", "-one", "-two", "-three", "-four", "-five", "-six", "-seven", "-eight", "-nine")
    return names[tens - 2] + digits[units]


def test_outcomes_and_reports() -> None:
    """Each outcome and report in one row, and every column of theirs is named."""
    assert Counter(names("outcome")) == Counter(outcome.value for outcome in Outcome)
    assert Counter(names("report")) == Counter([*NAMES, "verify.csv", "migration.csv", "probe.html", "probe.json"])
    for name in (*COLUMNS, *IMPORT_COLUMNS):
        assert f"`{name}`" in REPORTS, name


def test_assumptions() -> None:
    """Each line of the data in one row, word for word and in its order, and no other."""
    rows = [row for _, table in tables("assumption") for row in table.rows]
    assert rows == [(f"`{each.id}`", each.assumed, each.source, each.asked, each.otherwise) for each in ASSUMPTIONS]


def test_keys_of_the_summary() -> None:
    """Each is named; the nine outcomes are those of the table."""
    outcomes = {outcome.value for outcome in Outcome}
    for field in fields(Summary):
        assert f"`{field.name}`" in REPORTS or field.name in outcomes, field.name


def test_the_readme_is_read_in_five_minutes() -> None:
    """Its size, and its beginning: what it is, one way, and two commands."""
    assert len(README.text.encode()) <= README_LIMIT
    opening, _, _ = README.text.partition("```")
    assert "nothing is ever written back to the old tracker" in " ".join(opening.split())
    assert [block.language for block in README.blocks[:3]] == ["sh", "sh", "text"]


def test_the_first_command_needs_nothing_but_python() -> None:
    """An environment, an install, and the main job into the sandbox."""
    assert README.blocks[0].text.splitlines() == [
        "python3 -m venv .venv && .venv/bin/pip install --quiet '.[sandbox]'"
        " && .venv/bin/triage-import run sample_data/jira.csv -m jira --sandbox"
    ]


def test_the_second_command_runs_the_tests() -> None:
    """Their environment, then all tests but the slow ones."""
    (line,) = README.blocks[1].text.splitlines()
    assert re.fullmatch(r"python3 -m venv .+ -e '\.\[test\]' && \.venv/bin/python -m pytest -n 4 -m \"not slow\"", line)


def test_continuous_integration_types_both() -> None:
    """And the slow tests after them."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for number in (1, 2):
        assert re.search(rf"^block {number} \|[^|]*(?:\| )?bash -euo pipefail$", script, re.MULTILINE), number
    assert re.search(r"^\.venv/bin/python -m pytest .*-m slow$", script, re.MULTILINE)
    assert ".ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def test_tests_that_are_named_exist() -> None:
    """What a document says is shown by a test has that test."""
    named = {found for document in DOCUMENTS for found in re.findall(r"`(tests/[\w/.]+\.py)`", document.text)}
    assert named
    assert not [file for file in sorted(named) if not (ROOT / file).is_file()]


def test_the_picture_is_what_the_check_prints(program: Program) -> None:
    """Line by line, times aside."""
    command, _, shown = README.blocks[2].text.partition("\n")
    (program.folder / "sample_data").symlink_to(SAMPLES)
    ended = program(*command.removeprefix("$ triage-import ").split())
    assert ended.code == ExitCode.DONE
    assert _without_times(shown) == _without_times(ended.err + ended.out)


def _without_times(text: str) -> str:
    return re.sub(r"\b\d+\.\d+ s\b", "0.0 s", text)


@pytest.mark.parametrize("found", DOCUMENTS, ids=repr)
def test_links_lead_somewhere(found: Document) -> None:
    """To a file of the repository, and to a heading in it."""
    for link in found.links:
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (found.path.parent / path).resolve() if path else found.path
        assert target.exists(), f"{found}: {link}"
        assert target.is_relative_to(ROOT), f"{found}: {link}"
        if anchor:
            assert anchor in {name for _, name in Document(target).headings}, f"{found}: {link}"


@pytest.mark.parametrize("found", DOCUMENTS, ids=repr)
def test_long_documents_begin_with_their_contents(found: Document) -> None:
    """A list, or a line, with a link to each heading of the second rank, before the first of them."""
    if len(found.text.splitlines()) <= SCREENS_LIMIT:
        return
    opening = found.prose.partition("\n## ")[0]
    anchors = [anchor for rank, anchor in found.headings if rank == 2]
    listed = re.findall(r"(?:^- |^\*\*On this page:\*\* | ·\s)\[[^\]]+\]\(#([^)]+)\)", opening, re.MULTILINE)
    assert listed == anchors, found


@pytest.mark.parametrize("found", DOCUMENTS, ids=repr)
def test_files_that_they_name_exist(found: Document) -> None:
    """Samples, long proofs and benchmarks."""
    for path in re.findall(r"(?<![\w/])sample_data/\w[\w./-]*\w", found.text):
        assert (ROOT / path).is_file(), path
    for module in re.findall(r"python -m (tests\.[\w.]+\w)", found.text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


@pytest.mark.parametrize("found", DOCUMENTS, ids=repr)
def test_they_install_from_the_clone(found: Document) -> None:
    """The package is published nowhere, so that its name installs nothing."""
    assert "triage-importer[" not in found.text
    assert not re.search(r"pip install [^\n]*triage-importer", found.text)


def test_whole_mappings_can_be_used(tmp_path: Path) -> None:
    """The YAML blocks that begin with `extends`."""
    blocks = [block.text for found in DOCUMENTS for block in found.blocks if block.language == "yaml"]
    whole = [text for text in blocks if re.search(r"^extends:", text, re.MULTILINE)]
    assert whole
    for text in whole:
        file = tmp_path / "mapping.yaml"
        file.write_text(text, encoding="utf-8")
        load_mapping(str(file))


def test_what_needs_nothing_but_the_samples_is_run() -> None:
    """Only the two blocks that .ci/run types may say that it isn't."""
    left_out = [block for _, block in shell_blocks() if block.why_not_run and "sample_data" in block.text]
    assert left_out == [README.blocks[0]]


RUN = [(found.name, block.text) for found, block in shell_blocks() if not block.why_not_run]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "text"), RUN, ids=[f"{name}-{number}" for number, (name, _) in enumerate(RUN, 1)])
def test_shell_blocks_run(name: str, text: str, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a folder of its own that has the samples; every command in it ends with 0."""
    bin_folder = program.state / "bin"
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    shutil.copytree(SAMPLES, program.folder / "sample_data")
    printed = program.state / "printed.txt"  # no pipe: a sandbox that stays behind would hold it open
    with (
        serve_shell(bin_folder),
        printed.open("wb") as file,
        subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", text], stdout=file, stderr=file, start_new_session=True
        ) as block,
    ):
        try:
            block.wait(timeout=600)
        finally:
            with suppress(ProcessLookupError):  # nothing has stayed behind; a sandbox does where the block fails
                os.killpg(block.pid, signal.SIGKILL)
    assert block.returncode == 0, f"{name}\n{text}\n{printed.read_text()}"


def test_the_architecture_names_files_that_exist() -> None:
    """Each file and folder in its tables is there, so that a reader who looks for something finds it."""
    page = document("importer/README.md")
    names = {name for name in re.findall(r"`([a-z_./]+)`", page.text) if name.endswith(("/", ".py"))} - {"__init__.py"}
    assert len(names) > 40
    places = page.path.parent, ROOT
    assert [name for name in sorted(names) if not any((place / name).exists() for place in places)] == []
