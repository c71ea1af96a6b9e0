"""The recipes for schedules: each is run as far as it can be without a cluster."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.documents import DOCUMENTS
from tests.harness.running import KEY, SAMPLES, Program

(PAGE,) = [found for found in DOCUMENTS if found.name == "importer/cli/SCHEDULES.md"]
PROGRAM_PATH, CONFIG_PATH = "/opt/triage/bin/triage-import", "/etc/triage/triage-import.toml"


def blocks(language: str) -> list[str]:
    return [block.text for block in PAGE.blocks if block.language == language]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The page's configuration, with paths of this test."""
    (text,) = blocks("toml")
    for name in ("/var/lib/triage", "/run/secrets", "/srv/exports", "/etc/triage"):
        (tmp_path / name[1:]).mkdir(parents=True)
        text = text.replace(f'"{name}', f'"{tmp_path}{name}')
    path = tmp_path / CONFIG_PATH[1:]
    path.write_text(text.replace('max-source-age = "80h"', ""))
    (tmp_path / "etc/triage/qa.yaml").write_text("extends: jira\n")
    (tmp_path / "run/secrets/bland").write_text(KEY)
    shutil.copy(SAMPLES / "jira.csv", tmp_path / "srv/exports/qa-1.csv")
    return path


def test_the_configuration(program: Program, config: Path) -> None:
    """It has no problem."""
    ended = program("--config", config, "config", "check")
    assert (ended.code, ended.err) == (ExitCode.DONE, "")


def test_cron(serve: Serve, config: Path) -> None:
    """Its line, as cron runs it: nearly no environment, and no word of a good night."""
    text = "\n".join(blocks("crontab"))
    line, ping = (found.split(None, 5)[5] for found in text.splitlines() if found.startswith("15 2 "))
    assert ping.startswith(f"{line} && ")
    command = line.replace(PROGRAM_PATH, f"{sys.executable} -m importer").replace(CONFIG_PATH, str(config))
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TRIAGE_IMPORT_API_URL": serve().url}
    environment["TRIAGE_IMPORT_RATE"] = "0"
    for _ in range(2):
        ended = subprocess.run(
            ["/bin/sh", "-c", command], env=environment, cwd=SAMPLES.parent, capture_output=True, text=True
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (ExitCode.DONE, "", "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_systemd(tmp_path: Path) -> None:
    """The units are without a fault, as far as systemd can tell."""
    paths = []
    for text in blocks("ini"):
        path = tmp_path / re.findall(r"/etc/systemd/system/(\S+)", text)[0]
        path.write_text(text.replace(PROGRAM_PATH, "/bin/true"))
        paths.append(path)
    ended = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_codes_that_are_repeated() -> None:
    """The recipes and the program say the same of them."""
    repeated = {int(code) for code in ExitCode if code.may_be_repeated and code is not ExitCode.TIME_OVER}
    (units, dag, job) = ("\n".join(blocks("ini")), blocks("python")[0], blocks("yaml")[0])
    assert {*map(int, re.findall(r"RestartForceExitStatus=(.*)", units)[0].split())} == repeated
    assert {*map(int, re.findall(r"PASSES_BY_ITSELF = {(.*)}", dag)[0].split(","))} == repeated
    never = {*map(int, re.findall(r"RestartPreventExitStatus=(.*)", units)[0].split())}
    assert {*map(int, re.findall(r"values: \[(.*)\]", job)[0].split(","))} == never
    assert never | repeated == {*map(int, ExitCode)} - {ExitCode.DONE, ExitCode.INTERRUPTED}


def test_documents_of_yaml() -> None:
    """They can be read; two nights never meet, and nothing is root."""
    job, workflow = map(yaml.safe_load, blocks("yaml"))
    spec: Any = job["spec"]
    assert (job["apiVersion"], spec["concurrencyPolicy"]) == ("batch/v1", "Forbid")
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["restartPolicy"] == "Never", "podFailurePolicy needs it"
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert workflow["concurrency"]
    assert re.search(r"^USER 10001$", blocks("dockerfile")[0], re.MULTILINE)


def test_each_command_can_be_typed(program: Program, config: Path) -> None:
    """Its options are those of the program."""
    found = re.findall(r"triage-import(?: --config \S+)? (run [^\n&\"]+)", PAGE.text)
    assert len(found) == 7
    for words in map(shlex.split, found):
        ended = program("--config", config, "config", "show", *words)
        assert (ended.code, ended.err) == (ExitCode.DONE, ""), words


def test_the_dag(config: Path) -> None:
    """It is Python, and its command is that of the other recipes. Airflow's `dags test` is too large for this suite."""
    (dag,) = blocks("python")
    values = {ast.unparse(node.targets[0]): node.value for node in ast.parse(dag).body if isinstance(node, ast.Assign)}
    assert ast.literal_eval(values["COMMAND"]) == [PROGRAM_PATH, "--config", CONFIG_PATH, "run", "@nightly", "-q"]
