"""Signs of a damaged export: said once, before anything is sent, with what to do."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from importer.check.check_pass import check
from importer.check.knowledge import NoLedger
from importer.check.observers.damage import find_rounded
from importer.progress import Unseen
from tests.harness.documents import DOCUMENTS
from tests.harness.people import job_of
from tests.harness.running import HEADER, Program, issue_row, write_csv, write_issues

MAPPING = """
input: {{name: demo, key: Key, dates: [{dates}]}}
title: Title
description: Text
severity: {{value: low}}
status: {{column: State, values: {{Open: todo}}, unknown: todo}}
category: {{value: General}}
footer: {{Created: Created}}
{more}
"""
COLUMNS = ("Key", "Title", "Text", "State", "Created")


def warnings_of(program: Program, *sources: Path, mapping: str = "jira", options: Sequence[str] = ()) -> list[str]:
    """What a check warns of; the screen says each of it, once."""
    ended = program("validate", *sources, "-m", mapping, "--json", "-v", *options)
    found: list[str] = ended.summary["warnings"]
    assert all(ended.err.count(f"warning: {warning}") == 1 for warning in found)
    others = ("rows become", "kept as text in the footer")
    return [warning for warning in found if not any(other in warning for other in others)]


def warnings_of_rows(
    program: Program, rows: Iterable[Sequence[str]], *, dates: str = "", more: str = "", options: Sequence[str] = ()
) -> list[str]:
    """What a check of rows of `COLUMNS` warns of."""
    Path("mine.yaml").write_text(MAPPING.format(dates=dates, more=more), encoding="utf-8")
    source = write_csv(Path("export.csv"), rows, COLUMNS)
    return warnings_of(program, source, mapping="mine.yaml", options=options)


def row(title: str = "Title", *, key: str = "A-1", text: str = "", state: str = "Open", created: str = "") -> list[str]:
    """A row of `COLUMNS`."""
    return [key, title, text, state, created]


@pytest.mark.parametrize(("rows", "limit"), [(500, "500"), (1000, "1,000")])
def test_a_single_full_file(program: Program, rows: int, limit: str) -> None:
    """A file that ends where exports are cut may lack the rest; one row less, and nothing is said."""
    (warning,) = warnings_of(program, write_issues(Path("export.csv"), rows))
    assert f"export.csv has exactly {limit} rows" in warning
    assert "in parts" in warning
    assert warnings_of(program, write_issues(Path("export.csv"), rows - 1)) == []


@pytest.mark.parametrize(
    ("sizes", "warns"),
    [
        ((500, 500, 12), False),
        ((500, 500), True),
        ((500, 501), False),
        ((12, 500), True),
    ],
)
def test_pages(program: Program, sizes: Sequence[int], warns: bool) -> None:
    """All pages but the last may be full, and a longer file shows that there is no such limit."""
    sources, first = [], 1
    for number, size in enumerate(sizes, start=1):
        rows = map(issue_row, range(first, first + size))
        sources.append(write_csv(Path(f"page-{number}.csv"), rows))
        first += size
    assert bool(warnings_of(program, *sources)) is warns


def test_the_last_page_is_found_by_its_number(program: Program) -> None:
    """A shell sorts page 10 before page 9, and a browser calls the first download `Jira.csv`."""
    full, rest = map(issue_row, range(1, 501)), map(issue_row, range(501, 520))
    pages = [write_csv(Path("page-10.csv"), rest), write_csv(Path("page-9.csv"), full)]
    assert warnings_of(program, *pages) == []
    pages[0].rename("Jira (1).csv")
    pages[1].rename("Jira.csv")
    assert warnings_of(program, Path("Jira (1).csv"), Path("Jira.csv")) == []


def test_full_files_that_are_meant_so(program: Program) -> None:
    """`--limit` reads a part, and an errors file has as many rows as were rejected."""
    source = write_issues(Path("export.csv"), 501)
    assert warnings_of(program, source, options=("--limit", "500")) == []
    write_csv(Path("bad.csv"), [issue_row(number, title="") for number in range(1, 501)])
    warnings_of(program, Path("bad.csv"))
    errors = Path("triage-import-check/errors.csv").rename("errors.csv")
    assert warnings_of(program, errors) == []


def test_a_cell_at_the_limit_of_a_spreadsheet(program: Program) -> None:
    """32,767 characters are a cut text; one less is a long one. Line ends and emoji count as a spreadsheet counts."""
    texts = ["x" * 32_767, "x" * 32_766, "x\r\n" + "x" * 32_765, "😀" + "x" * 32_765]
    (warning,) = warnings_of_rows(program, [row(key=f"A-{place}", text=text) for place, text in enumerate(texts)])
    assert warning.startswith("3 rows have a text of exactly 32,767 characters in Text (")
    assert "demo:A-0, export.csv:2" in warning
    assert "don't open the file in a spreadsheet" in warning


@pytest.mark.parametrize("key", ["1.2E+11", "1,2E+11", "1E+11", "1.23457e+15"])
def test_rounded_ids(program: Program, key: str) -> None:
    """A spreadsheet writes long ids so, in German with a comma."""
    (warning,) = warnings_of_rows(program, [row(key=key), row(key="A-1")])
    assert warning.startswith("1 row has a rounded number instead of an id in Key (")
    assert key in warning


@pytest.mark.parametrize("key", ["1E5", "12E+11", "PROJ-1.2E+11", "E+11"])
def test_ids_that_look_like_it(program: Program, key: str) -> None:
    """Ids with an E in them are ids; so are numbers in other columns."""
    assert warnings_of_rows(program, [row(title="1.2E+11", key=key)]) == []


GARBLED = {
    "é of cp1252": "Café".encode().decode("cp1252"),
    "quote": "don’t".encode().decode("cp1252"),
    "byte order mark": "\ufeffTitle".encode().decode("cp1252"),
    "space": "10\xa0km".encode().decode("cp1252"),
    "Ö at the beginning": "Öffnen".encode().decode("cp1252"),
    "Russian": "Ошибка".encode().decode("latin-1"),
    "Polish": "węzeł".encode().decode("cp1252"),
    "Greek": "σφάλμα".encode().decode("latin-1"),
    "Japanese": "日本語".encode().decode("latin-1"),
    "emoji": "🚀".encode().decode("latin-1"),
    "lost": "Caf�",
}


@pytest.mark.parametrize("text", GARBLED.values(), ids=GARBLED)
def test_garbled_letters(program: Program, text: str) -> None:
    """What reading in a wrong encoding leaves, in any script."""
    (warning,) = warnings_of_rows(program, [row(text), row("Fine", key="A-2")])
    assert warning.startswith("1 row has ")
    assert "in Title (" in warning
    assert "demo:A-1, export.csv:2" in warning


SOUND = [
    "Café, naïve, Übergröße, mañana, São Paulo, IRMÃ”, señor, ŁÓDŹ",
    "« CAFÉ» et « voilà…» et « été…» ; „Menü“, „TÜ“ und Straße",
    "Ärger mit Äpfeln “Ä”, Ångström, Århus, Öl; Ðuro, ÐÐ, Ísland",
    "Ошибка: «РС…» не работает, РСФСР, СССР",
    "日本語の課題、한국어 이슈, 中文问题 — Ελληνικά: Σφάλμα ΠΡΟΣΟΧΗ",
    "√2 ≤ ∞, 20 °C, ½ ‰, x‚y, 3 × 4 → 12, naïve – “quoted” ‘text’ … ™ €",
    "Vâng, â; crème brûlée ‒ forêt, hôpital; çava — ÎLE, ÂGE, À LA CARTE",
    "Việt Nam: Đã sửa lỗi; Türkçe: İŞLEM ÇOK; Română: ȘTIINȚĂ",
]


@pytest.mark.parametrize("text", SOUND)
def test_sound_letters(program: Program, text: str) -> None:
    """Texts in many languages, with the quotes that they end with, are no sign of anything."""
    assert warnings_of_rows(program, [row(text, text=text, state=text)]) == []


def test_garbled_rows_are_counted_once(program: Program) -> None:
    """A row whose title, description and value are garbled is one row, and its columns are named."""
    bad = "Café".encode().decode("cp1252")
    (warning,) = warnings_of_rows(program, [row(bad, text=f"{bad} {bad}", state=bad), row("x", text=bad, key="A-2")])
    assert warning.startswith("2 rows have letters that look garbled in Title, Text, State (")
    assert "UTF-8 read as cp1252" in warning
    assert "Export it again" in warning


def test_a_wrong_encoding_option(program: Program) -> None:
    """Where the file is read as something else than UTF-8, that is the likely cause."""
    (warning,) = warnings_of_rows(program, [row("Café")], options=("--encoding", "cp1252"))
    assert "leave out --encoding (or input.encoding)" in warning


def test_dates_that_are_read(program: Program) -> None:
    """Formats that allow both ways are a sign as long as no value decides; one format has decided."""
    rows = [row(key="A-1", created="01/02/2023"), row(key="A-1", title="Other", created="03/04/2023")]
    newest, both = "duplicates: {newest: Created}", "'%d/%m/%Y', '%m/%d/%Y'"
    (warning,) = warnings_of_rows(program, rows, dates=both, more=newest)
    assert "Keep only the right format in input.dates" in warning
    assert warnings_of_rows(program, [*rows, row(key="A-2", created="25/12/2023")], dates=both, more=newest) == []
    assert warnings_of_rows(program, [*rows, row(key="A-2", created="12/25/2023")], dates=both, more=newest) == [
        warning
    ]
    assert warnings_of_rows(program, rows, dates="'%d/%m/%Y'", more=newest) == []


def test_json_is_looked_at_too(program: Program) -> None:
    """The signs are those of texts, wherever they stand."""
    record = {"Key": 1.2e22, "Title": "Café".encode().decode("cp1252"), "Text": "", "State": "Open", "Created": None}
    Path("mine.yaml").write_text(MAPPING.format(dates="", more=""), encoding="utf-8")
    Path("export.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    found = warnings_of(program, Path("export.jsonl"), mapping="mine.yaml")
    assert [warning.partition(" in ")[0] for warning in found] == [
        "1 row has a rounded number instead of an id",
        "1 row has letters that look garbled",
    ]


def test_a_run_says_it_before_it_sends(program: Program) -> None:
    """The check of a run has the signs, and so has its summary."""
    rows = [("PROJ-1", "Café".encode().decode("cp1252"), "High", "To Do", "Bug", "")]
    write_csv(Path("export.csv"), rows, HEADER)
    ended = program("run", "export.csv", "-m", "jira", "--sandbox", "--json")
    assert ended.code == 0
    assert ended.err.index("look garbled") < ended.err.index("1 created")
    assert any("look garbled" in warning for warning in ended.summary["warnings"])


LONG = ("1204567890123450", "1204567890123460", "1204567890123470")
"""Of 16 digits, of which the last is lost."""


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["1.2E+11", "A-1"], [0]),
        ([*LONG, "A-1", "17"], [0, 1, 2]),
        (["900719925474099000", *LONG, "1.2E+15"], [0, 1, 2, 3, 4]),
        ([*LONG, "1204567890123456"], []),  # one that is whole: so are the others
        (LONG[:2], []),
        (["120456789012340"] * 5, []),
    ],
)
def test_what_became_of_long_ids(ids: Sequence[str], found: Sequence[int]) -> None:
    """It is found by the forms that programs write, and by nothing that a tracker writes."""
    assert sorted(find_rounded(ids)) == found


QUESTIONED = ("M?ller", "gr??er", "f?r", "k?nnen", "Stra?e, don?t")


def test_question_marks_for_letters(program: Program) -> None:
    """Five different words make a sign, and a letter that isn't ASCII shows that the file can have some."""
    rows = [row(key=f"A-{place}", text=f"Das ist {word}.") for place, word in enumerate(QUESTIONED)]
    (warning,) = warnings_of_rows(program, rows)
    assert warning.startswith("5 rows have question marks within words in Text ('Das ist M?ller.' in demo:A-0, ")
    assert warnings_of_rows(program, rows[:-1]) == []
    assert warnings_of_rows(program, [*rows, row("Größe", key="A-9")]) == []
    assert warnings_of_rows(program, [*rows, row("a – “b”", key="A-9")]) == [warning]
    assert warnings_of_rows(program, [*rows, *(row(key=f"B-{place}") for place in range(600))]) == []


@pytest.mark.parametrize(
    "text", ["/a?b=c https://x.io/{0}?y", "What?Then", "a{0}?b:c", "it{0}?.map(x)", "Why{0}??", "?{0}"]
)
def test_question_marks_that_are_meant(program: Program, text: str) -> None:
    """Addresses, code and sentences without a blank have none within a word."""
    words = ("one", "two", "three", "four", "five", "six")
    assert warnings_of_rows(program, [row(key=word, text=text.format(word)) for word in words]) == []


RULES = next(
    block.text
    for found in DOCUMENTS
    for block in found.blocks
    if block.language == "yaml" and "spreadsheet-error" in block.text
)
"""The rules that the documents give for keys and titles that a program has changed."""


def codes_of(program: Program, rows: Iterable[Sequence[str]], more: str) -> list[str]:
    """What a check says of each row of `COLUMNS`, which may have a rank behind them."""
    values = "severity: {column: Rank, values: {High: high}, missing: low}"
    mapping = MAPPING.format(dates="", more=more).replace("severity: {value: low}", values)
    Path("mine.yaml").write_text(mapping, encoding="utf-8")
    source = write_csv(Path("export.csv"), rows, (*COLUMNS, "Rank"))
    program("validate", source, "-m", "mine.yaml", "--json")
    with Path("triage-import-check/results.csv").open(encoding="utf-8-sig", newline="") as file:
        return [line["code"] for line in csv.DictReader(file)]


ERRORS = ("#REF!", "#NAME?", "#N/A", "#####", "#BEZUG!", "#¡DIV/0!", "#ССЫЛКА!", "Err:502")


@pytest.mark.parametrize("cell", ["12.0", "12-Mar", "Mar-45", "01. Sep", *ERRORS, "['a']"])
def test_cells_that_a_program_changed_are_rejected(program: Program, cell: str) -> None:
    """A key or title by the documents' rules; a value is unknown without any."""
    rows = [[*row(key=cell), ""], [*row(cell, key="A-2"), ""], [*row(key="A-3"), cell], [*row(key="A-4"), "High"]]
    is_key, is_title = cell != "['a']", cell in ERRORS
    refused = ["value-refused" if is_bad else "" for is_bad in (is_key, is_title)]
    assert codes_of(program, rows, RULES) == [*refused, "severity-unknown", ""]


def test_what_trackers_write_is_not_rejected(program: Program) -> None:
    """The same rules leave alone what only looks like it."""
    names = ("MAR-12", "SEP-3", "Mark-12", "1.10", "v1.0", "#1234", "# Heading", "See #REF!", "12")
    assert codes_of(program, [[*row(name, key=name), ""] for name in names], RULES) == [""] * len(names)


@pytest.mark.parametrize(
    ("rows", "more", "codes"),
    [
        ([row("One", key="#REF!"), row("Two", key="#REF!")], "", ["", "key-duplicate"]),
        (
            [row(created="46093")],
            "skip: [{name: old, when: {column: Created, before: 2020-01-01}}]",
            ["date-unreadable"],
        ),
        (
            [row("One", created="46093"), row("Two", created="2026-03-02")],
            "duplicates: {newest: Created}",
            ["key-duplicate", ""],
        ),
    ],
    ids=["keys", "a rule's date", "which row is newer"],
)
def test_what_decides_is_rejected_without_a_rule(
    program: Program, rows: Sequence[list[str]], more: str, codes: Sequence[str]
) -> None:
    """Another row with the same key is no part of the issue, and a date that can't be read decides nothing."""
    assert codes_of(program, [[*each, ""] for each in rows], more) == codes


def test_programs_words_for_nothing_are_empty_cells(program: Program) -> None:
    """No comment, title or description says only `nan`; a value is as it is written; none of them is lost."""
    written = ("nan", "None", "[]", "{}", "NaT", "<NA>", "NULL")
    text = MAPPING.format(dates="", more="comments: {open: separate, from: [{column: Said}]}\nassignee: {name: Who}")
    text = text.replace("severity: {value: low}", "severity: {column: Rank, values: {None: low}, missing: critical}")
    Path("mine.yaml").write_text(text, encoding="utf-8")
    rows = [(str(row), f"{word} again", word, word, word, "Open", "None") for row, word in enumerate(written)]
    rows += [("8", "None", "None of it works", "nan, twice", "Nan", "Open", "None")]
    write_csv(Path("f.csv"), rows, ("Key", "Title", "Text", "Said", "Who", "State", "Rank"))
    ended = program("validate", "f.csv", "-m", "mine.yaml", "--json")
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()
    bodies = [json.loads(json.loads(line)["body"]) for line in planned]
    assert [body["title"] for body in bodies] == [f"{word} again" for word in written]
    assert all(body["description"].startswith("---\nImported from demo:") for body in bodies)
    assert {body["severity"] for body in bodies} == {"low"}
    assert (len(bodies), ended.summary["rejected"]) == (len(written), 1)
    assert not Path("triage-import-check/losses.csv").exists()


MARKUP_MAPPING = """
input: {name: demo, key: Key}
title: Key
description: {column: Text%s}
severity: {value: low}
status: {value: todo}
category: {value: Bug}
"""
HTML, WIKI, PLAIN = "<p>It is <b>broken</b>.</p>", "h1. Broken\n{code}x{code}", "It is broken, 1 < 2."


def notices(folder: Path, texts: list[str], more: str = "") -> list[str]:
    rows = [(f"K-{number}", text) for number, text in enumerate(texts)]
    with job_of(folder, rows, MARKUP_MAPPING % more, ("Key", "Text")) as job:
        return check(job, NoLedger(), Unseen()).warnings


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([HTML, "", "<div>x</div>"], "description: 2 of 2 texts look like html and are sent as they are"),
        ([PLAIN, WIKI, PLAIN], "description: 1 of 3 texts looks like jira and is sent as it is"),
        ([HTML, *[PLAIN] * 5], ""),
        ([HTML] * 501, "description: 500 of the first 500 texts look like html and are sent as they are"),
        (["<details>x</details>", "<!-- hidden -->", "{not: wiki}", "[link](x)"], ""),
    ],
)
def test_markup_of_descriptions(tmp_path: Path, texts: list[str], said: str) -> None:
    """A fifth of the descriptions in HTML or wiki markup is said with the line that converts them; Markdown isn't."""
    found = [notice.partition(";")[0] for notice in notices(tmp_path, texts) if " sent as " in notice]
    assert found == ([said] if said else [])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            ["# Steps\n```\n# x\n```", WIKI, "[log](https://x.io)"],
            "2 of 3 texts look like markdown and are read as jira",
        ),
        ([WIKI, HTML], "1 of 2 texts looks like html and is read as jira"),
        ([WIKI, "[log|https://x.io] {code}x{code}"], ""),
    ],
)
def test_another_format_than_a_preset_reads(tmp_path: Path, texts: list[str], said: str) -> None:
    """A list with Jira's columns isn't always Jira's: its Markdown would be damaged."""
    found = [each.partition(";")[0] for each in notices(tmp_path, texts, ", format: jira") if "read as jira" in each]
    assert found == ([f"description: {said}"] if said else [])


def test_nothing_is_said_of_a_format(tmp_path: Path) -> None:
    """Where the mapping names the format, nothing is left raw."""
    assert not any(" sent as " in notice for notice in notices(tmp_path, [HTML], ", format: html"))
