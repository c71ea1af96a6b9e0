"""`triage-import mappings`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from importer.cli.mappings import mappings
from importer.errors import ExitCode, MappingError
from importer.mapping.presets import preset_names, preset_path


def run(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(mappings, arguments)


@pytest.mark.parametrize("arguments", [(), ("list",)])
def test_list_names_each_preset(arguments: tuple[str, ...]) -> None:
    """A line each; without a subcommand it is the list that comes."""
    result = run(*arguments)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(preset_names())


def test_show_prints_the_file_as_it_is() -> None:
    """It can be saved and changed."""
    path = preset_path("jira")
    assert path is not None
    assert run("show", "jira").stdout == path.read_text(encoding="utf-8")


def test_show_refuses_an_unknown_name_with_the_nearest() -> None:
    """The error is a sentence for the command line to show."""
    error = run("show", "jra").exception
    assert isinstance(error, MappingError)
    assert "did you mean `jira`?" in error.hint


def test_check_says_that_files_are_fine(tmp_path: Path) -> None:
    """A line for each file, with what it extends."""
    path = tmp_path / "mine.yaml"
    path.write_text("extends: jira\n", encoding="utf-8")
    result = run("check", "github", str(path))
    assert result.exit_code == 0
    assert result.stdout == f"github: fine\n{path}: fine (extends jira.yaml)\n"


def test_check_lists_all_problems_of_all_files(tmp_path: Path) -> None:
    """The exit code says that there are some; a file that is fine still says so."""
    paths = [tmp_path / name for name in ("a.yaml", "b.yaml")]
    paths[0].write_text("extends: jira\ntilte: A\nfoter: {}\n", encoding="utf-8")
    paths[1].write_text("a: [1\n", encoding="utf-8")
    result = run("check", "linear", *map(str, paths), str(tmp_path / "nothing.yaml"))
    assert result.exit_code == ExitCode.UNUSABLE
    assert result.stdout.startswith("linear: fine\n")
    for expected in (
        f"{paths[0]}:2:tilte: unknown key",
        f"{paths[0]}:3:foter: unknown key",
        f"{paths[1]}:1: is not YAML",
    ):
        assert expected in result.stdout
    assert "nothing.yaml" in result.stdout


def test_check_warns_of_lines_that_can_t_count(tmp_path: Path) -> None:
    """With file, line and key; the mapping can be used all the same, but it isn't called fine."""
    path = tmp_path / "mine.yaml"
    path.write_text("extends: jira\nstatus:\n  values:\n    /^Done$/: closed\n", encoding="utf-8")
    result = run("check", str(path))
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{path}:4:status.values./^Done$/: warning: is never reached: Done at jira.yaml:")
    assert "fine" not in result.stdout


def test_test_names_each_example_that_fails(tmp_path: Path) -> None:
    """With file, line, field, what it should be and what it is; then a line that sums up."""
    path = tmp_path / "mine.yaml"
    given = "{Issue key: P-1, Summary: Crash, Status: Done}"
    lines = ["extends: jira", "examples:"]
    for status in ("done", "todo"):
        lines += [f"  - given: {given}", "    expect:", f"      status: {status}"]
    path.write_text("\n".join(lines), encoding="utf-8")
    result = run("test", str(path))
    assert result.exit_code == ExitCode.PARTLY
    assert result.stdout == (
        f"{path}:8: example 2: status: expected 'todo', got 'done'\n{path}: 1 of 2 examples not as expected\n"
    )


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [
        ("extends: jira\nexamples: [{given: {Summary: A}, expect: {title: A}}]\n", 0, "1 example, all as expected"),
        ("extends: jira\n", 1, "nothing was tested: there are no `examples`"),
        ("extends: jira\ntilte: A\n", 2, ":2:tilte: unknown key"),
    ],
)
def test_test_ends_with_its_exit_code(tmp_path: Path, text: str, code: int, shown: str) -> None:
    """0 if all examples hold, 1 if there is none, 2 if the mapping can't be used; one that is worse counts."""
    good, path = tmp_path / "good.yaml", tmp_path / "mine.yaml"
    good.write_text("extends: jira\nexamples: [{given: {Summary: A}, expect: {title: A}}]\n", encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    result = run("test", str(path), str(good))
    assert (result.exit_code, shown in result.stdout) == (code, True)


def test_schema_is_json() -> None:
    """The schema goes to stdout, ready for a file."""
    assert json.loads(run("schema").stdout)["properties"]["extends"]


def test_help_loads_nothing_heavy() -> None:
    """Help must come at once, so libraries load when a command runs."""
    code = (
        "import sys\n"
        "from importer.cli.mappings import mappings\n"
        "mappings(['--help'], standalone_mode=False)\n"
        "heavy = {'pandas', 'httpx', 'pydantic', 'yaml', 'jmespath', 'sqlalchemy'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
