"""Commands that people are shown: pasted, each works on the ledger and the target that it speaks of."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

import httpx

from tests.conftest import Serve
from tests.harness.running import KEY, Program, issue_row, read_csv, write_csv

BOOK = "the ledgers/it's Ann's.db"


def find_command(said: str) -> str:
    """The last command in what was said."""
    return str(re.findall(r"triage-import [a-z].*", said)[-1])


def find_commands(folder: Path) -> list[list[str]]:
    """The commands on the page of a report, as words."""
    found = re.findall(r"<code>(triage-import [^<]*)</code>", (folder / "report.html").read_text(encoding="utf-8"))
    return [shlex.split(html.unescape(each)) for each in found]


def test_every_command_after_a_run(program: Program, serve: Serve) -> None:
    """On the pages of a run, a verification and an undo, in their results and in `runs`: all name their own ledger."""
    sandbox, book = serve(), program.folder / BOOK
    book.parent.mkdir()
    target = ("--api-url", sandbox.url, "--ledger", BOOK, "--yes", "--rate", "0", "--json")
    folders = []
    for priority in ("High", "Low", "Highest"):
        write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority)])
        ended = program("run", "export.csv", "-m", "jira", *target, "--on-change", "update", "--max-changes=100%")
        folders.append(Path(ended.summary["out"]))
    newest, second, first = program.runs("--ledger", BOOK)
    for run in (first, second):
        for command, more in (("verify", ()), ("undo", ()), ("undo", ("--close",))):
            out = f"{run['name']} {command} {''.join(more)}"
            if program(command, run["name"], *more, "--ledger", BOOK, "--rate", "0", "--out", out).code == 0:
                folders.append(Path(out))
    commands = [words for folder in folders for words in find_commands(folder)]
    commands += [shlex.split(each) for run in (newest, second, first) for each in run["can_be"].values()]
    (later,) = read_csv(Path(f"{second['name']} undo ") / "results.csv")
    said = find_command(later["message"])
    assert said in program("undo", second["name"], "--ledger", BOOK, "--rate", "0").err
    commands.append(shlex.split(said))
    assert {words[1] for words in commands} == {"verify", "repair", "undo", "report"}
    for words in commands:
        assert words[words.index("--ledger") + 1] == str(book)
        typed = [{"MAPPING": "jira", "NAME,...": "severity"}.get(word, word) for word in words[1:] if word != "--apply"]
        ended = program(*typed)
        assert ended.code in (0, 1), (typed, ended.err)


def test_what_settles_a_key(program: Program, serve: Serve) -> None:
    """The hint of a refusal names the ledger and the target, and can be pasted."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1)])
    there = ("--api-url", sandbox.url, "--ledger", BOOK)
    assert program("run", "export.csv", "-m", "jira", *there, "--yes", "--rate", "0").code == 0
    refused = program("settle", "jira:PROJ-7", "added", *there)
    assert shlex.split(find_command(refused.err)) == [
        *("triage-import", "settle", "jira:PROJ-7", "T-…", "--api-url", sandbox.url),
        *("--ledger", str(program.folder / BOOK)),
    ]
    by_hand = {"title": "By hand", "severity": "low", "category": "Bug"}
    made = httpx.post(f"{sandbox.url}/v1/triage/issues", json=by_hand, headers={"Authorization": KEY}).json()["data"]
    contradicted = program("settle", "jira:PROJ-1", made["triage_id"], *there)
    command = find_command(contradicted.err)
    assert "is in Triage." in program(*shlex.split(command)[1:]).err
