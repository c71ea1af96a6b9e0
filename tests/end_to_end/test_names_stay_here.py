"""Where a mapping shows people by pseudonyms, no name of theirs leaves the source, wherever in it the name stands."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import subprocess
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.harness.documents import FENCED, Document
from tests.harness.running import ROOT, Program, read_csv, write_csv

HEADER = ("Key", "Title", "Text", "Priority", "State", "Kind", "Start", "Assignee", "Account", "Mail", "Reporter",
          "Comment", "Comment", "Area", "Attachment")  # fmt: skip
PACKED = re.compile(r'<script type="text/plain" id="[\w-]+">([^<]*)')
NAMES = ("Ann Meyer", "ANN MEYER", "ameyer", "ann@x.example", "Bobby", "Zoë Ünal", "Cy Orr", "Dee", "Meyer")
MAPPING = """\
input: {name: demo, key: Key}
title: Title
description: Text
severity: {column: Priority, values: {P1: high, Bobby: low}, missing: low}
status: {column: State, values: {Open: todo, Ann Meyer: in_progress}}
category: {column: Kind, keep_unknown: true}
assignee: {name: Assignee, account: Account, mail: Mail}
people: {show: pseudonym, mails: mask, known: [{name: Reporter}], unmatched: {open: nobody, closed: nobody}}
comments: {from: [{column: Comment, parse: '(?P<author>[^;]*);(?P<text>.*)'}]}
skip: [{name: later, when: {column: Start, after: 2030-01-01}}]
footer: {Area: Area, From: Reporter}
attachments: {name: Attachment}
"""
ROWS = [
    # key, title, text, priority, state, kind, start, assignee, account, mail, reporter, comments, area, attachment
    ("1", "Ask Ann Meyer", "ANN MEYER said so", "P1", "Open", "Bug", "", "Ann Meyer", "ameyer", "ann@x.example",
     "Bobby", "Bobby;Tell Zoë Ünal", "Ann Meyer;ping ann@x.example", "Bobby", "Ann Meyer.png"),
    ("2", "A status that is a name", "", "P1", "Bobby", "Bug", "", "Bobby", "", "", "Ann Meyer", "", "", "", ""),
    ("3", "Another one", "", "P1", "Waits for Ann Meyer", "Bug", "", "Zoë Ünal", "", "", "Bobby", "", "", "", ""),
    ("4", "A priority that is a name", "", "ameyer", "Open", "Bug", "", "", "", "", "Cy Orr", "", "", "", ""),
    ("5", "A category that is a name", "", "Bobby", "Ann Meyer", "Zoë Ünal", "", "Bobby", "", "", "", "", "", "", ""),
    ("6", "One name as a category", "", "P1", "Open", "Bobby", "", "Cy Orr", "", "", "", "", "", "", ""),
    ("7", "A name in place of a date", "", "P1", "Open", "Bug", "Bobby", "Dee", "", "", "", "", "", "", ""),
    ("8", "Bobby", "", "P1", "Open", "Bug", "Ann Meyer", "Dee", "", "", "", "", "", "", ""),
]  # fmt: skip


@pytest.fixture
def command(program: Program) -> tuple[str, ...]:
    """The source, its mapping, and users.csv with everybody whom it names."""
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    write_csv(Path("export.csv"), [(*row, "Zoë Ünal") for row in ROWS], (*HEADER, "Lost"))
    assert program("users", "export.csv", "-m", "m.yaml").code == 0
    return ("export.csv", "-m", "m.yaml", "--users", "users.csv")


def named(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Where a name stands, and which: of `(where, text)`."""
    return [(where, name) for where, text in texts for name in NAMES if name in text]


def reports(folder: Path) -> dict[str, str]:
    """All that a command has left, but for the rows that a person mends and gives back."""
    files = (path for path in folder.iterdir() if path.name != "errors.csv")
    return {path.name: as_text(path.read_bytes()) for path in files}


def cells(ledger: Path, *, with_raw: bool = False) -> Iterator[tuple[str, str]]:
    """Every cell of a ledger, those of the rows that errors.csv is written from again only `with_raw`."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as opened:
        for (table,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            found = opened.execute(f"SELECT * FROM {table}")
            names = [f"{table}.{column[0]}" for column in found.description]
            for row in found:
                for name, cell in zip(names, row, strict=True):
                    if with_raw or name != "rows.raw":
                        yield name, as_text(cell)


def as_text(cell: object) -> str:
    """A cell or a file, unpacked where it or a part of it is packed, with the signs that JSON has escaped."""
    if isinstance(cell, bytes):
        with suppress(zlib.error):
            cell = zlib.decompress(cell)
        assert isinstance(cell, bytes)
        cell = cell.decode("utf-8", "replace")
    text = PACKED.sub(lambda rows: zlib.decompress(b64decode(rows[1])).decode(), str(cell))
    return "\n".join([text, *(name for name in NAMES if json.dumps(name)[1:-1] in text)])


def test_a_check_names_nobody(program: Program, command: tuple[str, ...]) -> None:
    """Neither the reports nor the screen: values that are names are told without them, and proposed nowhere."""
    ended = program("validate", *command, "--out", "out")
    assert ended.code == 1
    written = reports(Path("out"))
    assert {"results.csv", "report.html", "summary.json", "planned.jsonl", "losses.csv"} <= set(written)
    assert '"Another one"' in written["report.html"]  # its rows were unpacked
    assert named(written.items()) == []
    assert named([("screen", ended.out + ended.err)]) == []
    assert "name people and reject rows: 5, in errors.csv alone" in written["summary.json"]
    assert "Person " in written["results.csv"]


def test_a_value_that_somebody_has_corrected_is_listed(program: Program, command: tuple[str, ...]) -> None:
    """It stands in the table that the person wrote, whatever became of the row, and is not counted as left out."""
    Path("mine.csv").write_text(
        "column,bad value,new value\nPriority,Bobby,P9\nState,Bobby,Nowhere\n", encoding="utf-8"
    )
    program("validate", *command, "--fixes", "mine.csv", "--out", "out")
    warnings = json.loads(Path("out/summary.json").read_text(encoding="utf-8"))["warnings"]
    [said] = [warning for warning in warnings if "name people and reject rows" in warning]
    listed = Path("out/fixes.csv").read_text(encoding="utf-8-sig")
    assert "State,Bobby," in listed
    assert "reject rows: 4, in errors.csv alone" in said


def test_nobody_is_shown(program: Program, command: tuple[str, ...]) -> None:
    """Neither names nor pseudonyms stand in the same places."""
    Path("m.yaml").write_text(MAPPING.replace("show: pseudonym", "show: none"), encoding="utf-8")
    ended = program("validate", *command, "--out", "out")
    assert ended.code == 1
    assert named(reports(Path("out")).items()) == []
    assert named([("screen", ended.out + ended.err)]) == []


def test_a_run_names_nobody(program: Program, command: tuple[str, ...]) -> None:
    """Neither its reports, the issues in Triage, the rehearsal, nor the ledger beside the rows that it gives back."""
    ended = program("run", *command, "--sandbox", "--yes", "--max-rejected", "100%", "--out", "out")
    assert ended.code == 1
    written = reports(Path("out"))
    assert "rehearsal.html" in written
    assert named(written.items()) == []
    assert named([("screen", ended.out + ended.err)]) == []
    assert named(cells(program.ledger)) == []
    assert named(cells(program.sandbox_file)) == []


def test_what_is_given_back_has_the_names(program: Program, command: tuple[str, ...]) -> None:
    """The rows to be mended are as they came; with the names in a mapping they arrive, and name nobody."""
    program("validate", *command, "--out", "out")
    assert "Bobby" in Path("out/errors.csv").read_text(encoding="utf-8-sig")
    more = MAPPING.replace("Open: todo", "Open: todo, Bobby: todo, Waits for Ann Meyer: todo")
    Path("m.yaml").write_text(more, encoding="utf-8")
    again = program("validate", *command, "--json", "--out", "more")
    assert again.summary["rejected"] == 3
    assert named(reports(Path("more")).items()) == []


RECIPE = Document(ROOT / "mappings" / "README.md").section("### Pseudonyms before an import")
SCRIPT, COMMANDS = (text for _, text in FENCED.findall(RECIPE))


def write_export(path: Path) -> None:
    """The rows, with texts that name Ann by other names, too, behind what JSON escapes."""
    rows = [(*row[:2], f"Sees\nAnn Meyer\u00a0and\u00a0annie. {row[2]}", *row[3:]) for row in ROWS]
    if path.suffix == ".csv":
        write_csv(path, rows, HEADER)
    else:
        path.write_text("".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in rows))


@pytest.mark.parametrize("export", ["export.csv", "export.jsonl"])
def test_pseudonyms_before_an_import(program: Program, export: str) -> None:
    """No name is left anywhere, in errors.csv and the ledger neither; rows end as they would with the names."""
    Path("mine.yaml").write_text(MAPPING.replace("show: pseudonym, ", ""), encoding="utf-8")
    write_export(Path(export))
    with_names = program("validate", export, "-m", "mine.yaml", "--json").summary
    Path("pseudonyms.py").write_text(SCRIPT, encoding="utf-8")
    users, make_key, replace, check = COMMANDS.replace("export.csv", export).splitlines()
    assert program(*shlex.split(users)[1:]).code == 0
    people = [{**line, "also": "Annie" * (line["name"] == "Ann Meyer")} for line in read_csv(Path("users.csv"))]
    write_csv(Path("users.csv"), [tuple(line.values()) for line in people], tuple(people[0]))
    subprocess.run(make_key, shell=True, check=True)
    subprocess.run([sys.executable, *shlex.split(replace)[1:]], check=True)
    assert program(*shlex.split(check)[1:], "--out", "check").code == 1
    more = ("--sandbox", "--yes", "--max-rejected", "100%", "--out", "out")
    ended = program("run", *shlex.split(check)[2:], *more)
    sent = json.loads(Path("out/summary.json").read_text(encoding="utf-8"))
    assert (sent["created"], sent["rejected"], sent["skipped"]) == (
        *(with_names[name] for name in ("planned", "rejected", "skipped")),
    )
    assert sent["rejected"] > 0
    for path in (*Path("check").iterdir(), *Path("out").iterdir(), *Path("pseudonymous").iterdir()):
        assert named([(path.name, as_text(path.read_bytes()))]) == []
        assert "annie" not in as_text(path.read_bytes()).lower()
    assert named([("screen", ended.out + ended.err)]) == []
    assert named(cells(program.ledger, with_raw=True)) == []
    assert named(cells(program.sandbox_file)) == []
