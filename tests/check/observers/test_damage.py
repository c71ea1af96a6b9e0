"""Signs of a damaged export: said once, before anything is sent, with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from importer.check.check_pass import check
from importer.check.knowledge import NoLedger
from importer.check.observers.damage import RULES
from importer.progress import Unseen
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


ERRORS = ("#REF!", "#NAME?", "########", "#BEZUG!", " #N/A ", "#NÉV?", "#¡DIV/0!", "#ССЫЛКА!", "#Н/Д", "Err:502")


@pytest.mark.parametrize("cell", ERRORS)
def test_errors_of_a_spreadsheet(program: Program, cell: str) -> None:
    """They stand where a text began with a sign that a spreadsheet calculates with."""
    (warning,) = warnings_of_rows(program, [row(cell), row("See #1234", key="A-2"), row("# Heading", key="A-3")])
    assert warning.startswith("1 row has a spreadsheet error instead of a text in Title (")


def test_dates_that_were_too_wide(program: Program) -> None:
    """A footer would show the signs of a narrow column for ever."""
    (warning,) = warnings_of_rows(program, [row(created="########"), row(key="A-2", created="2026-03-01")])
    assert warning.startswith("1 row has a spreadsheet error instead of a text in Created ('########' in demo:A-1, ")


@pytest.mark.parametrize(("created", "warns"), [("46093", 1), ("46093,4375", 1), ("46093.4375", 1), ("20260301", 0)])
def test_dates_that_are_numbers(program: Program, created: str, warns: int) -> None:
    """A spreadsheet counts days, and shows the number where it doesn't know that it is a date."""
    more = "created: Created"
    warnings = warnings_of_rows(program, [row(created=created), row("46093", key="A-2")], more=more)
    assert [warning[:62] for warning in warnings] == ["1 row has a spreadsheet's number instead of a date in Created "][
        :warns
    ]


@pytest.mark.parametrize("title", ["#Help!", "#1234!", "#a/b?", "Err: 502", "###"])
def test_titles_that_look_like_errors(program: Program, title: str) -> None:
    """Their words have small letters, or they are none."""
    assert warnings_of_rows(program, [row(title)]) == []


GARBLED = {
    "é of cp1252": "Café".encode().decode("cp1252"),
    "quote": "don’t".encode().decode("cp1252"),
    "byte order mark": "\ufeffTitle".encode().decode("cp1252"),
    "space": "10\xa0km".encode().decode("cp1252"),
    "Ö at the beginning": "Öffnen".encode().decode("cp1252"),
    "Russian": "Ошибка".encode().decode("latin-1"),
    "Russian by cp1251": "Ошибка".encode().decode("cp1251", "ignore"),
    "Polish": "węzeł".encode().decode("cp1252"),
    "Greek": "σφάλμα".encode().decode("latin-1"),
    "Japanese": "日本語".encode().decode("latin-1"),
    "Japanese by Shift JIS": "あいう".encode().decode("shift_jis", "ignore"),
    "emoji": "🚀".encode().decode("latin-1"),
    "Mac": "Café".encode().decode("mac_roman"),
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


def test_dates_that_are_copied(program: Program) -> None:
    """A column of the footer in which nothing tells day and month apart; one value that does is enough."""
    dates = ["01/02/2023", "03/04/2023 10:15", "05/05/2023", ""]
    rows = [row(key=f"A-{place}", created=date) for place, date in enumerate(dates)]
    (warning,) = warnings_of_rows(program, rows)
    assert warning.startswith("2 dates read both ways in Created (01/02/2023 in export.csv:2)")
    assert warnings_of_rows(program, [*rows, row(key="A-9", created="25/12/2023")]) == []
    assert warnings_of_rows(program, [*rows, row(key="A-9", created="soon")]) == []
    assert warnings_of_rows(program, rows, dates="'%d/%m/%Y', '%d/%m/%Y %H:%M'") == []


def test_dates_that_are_read(program: Program) -> None:
    """Formats that allow both ways are a sign as long as no value decides; one format has decided."""
    rows = [row(key="A-1", created="01/02/2023"), row(key="A-1", title="Other", created="03/04/2023")]
    newest, both = "duplicates: {newest: Created}", "'%d/%m/%Y', '%m/%d/%Y'"
    (warning,) = warnings_of_rows(program, rows, dates=both, more=newest)
    assert "Keep only the right format in input.dates" in warning
    assert warnings_of_rows(program, [*rows, row(key="A-2", created="12/25/2023")], dates=both, more=newest) == []
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


@pytest.mark.parametrize("cell", ["['bug', 'ui']", "{'name': 'Ann', 'id': None}", "[{'a': 1}]", "('x', 'y')"])
def test_cells_in_pythons_form_are_said(program: Program, cell: str) -> None:
    """They are sent as they are; what is JSON, or a text with a quote in it, is no sign."""
    rows = [
        ("PROJ-1", "a", "High", "To Do", "Bug", "['is' it] {'or': not}"),
        ("PROJ-2", '["b"]', "High", "To Do", "Bug", cell),
    ]
    write_csv(Path("export.csv"), rows, HEADER)
    ended = program("validate", "export.csv", "-m", "jira", "--json")
    said = "1 row has a list or dictionary as Python prints it, in Description"
    assert [warning.startswith(said) for warning in ended.summary["warnings"] if "Python" in warning] == [True]


WRITTEN = ("nan", "None", "[]", "{}", "NaT", "<NA>", "NULL")


def test_programs_words_for_nothing_are_empty_cells(program: Program) -> None:
    """No comment, title or description says only `nan`; a value is as it is written; what was done is said once."""
    text = MAPPING.format(dates="", more="comments: {open: separate, from: [{column: Said}]}\nassignee: {name: Who}")
    text = text.replace("severity: {value: low}", "severity: {column: Rank, values: {None: low}, missing: critical}")
    Path("mine.yaml").write_text(text, encoding="utf-8")
    rows = [(str(row), f"{word} again", word, word, word, "Open", "None") for row, word in enumerate(WRITTEN)]
    rows += [("8", "None", "None of it works", "nan, twice", "Nan", "Open", "None")]
    write_csv(Path("f.csv"), rows, ("Key", "Title", "Text", "Said", "Who", "State", "Rank"))
    ended = program("validate", "f.csv", "-m", "mine.yaml", "--json")
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()
    bodies = [json.loads(json.loads(line)["body"]) for line in planned]
    assert [body["title"] for body in bodies] == [f"{word} again" for word in WRITTEN]
    assert all(body["description"].startswith("---\nImported from demo:") for body in bodies)
    assert {body["severity"] for body in bodies} == {"low"}
    assert (len(bodies), ended.summary["rejected"]) == (len(WRITTEN), 1)
    said = "8 rows have a program's word for nothing in Title, Text, Who … ('nan' in demo:0, f.csv:2)"
    assert f"{said}: it is read as an empty cell." in ended.summary["warnings"]
    losses = Path("triage-import-check/losses.csv").read_text(encoding="utf-8-sig").splitlines()
    found = {tuple(line.split(",")[:3]) for line in losses if ",nothing," in line or ",dropped," in line}
    assert found == {(name, "nothing", "7") for name in ("Text", "Said", "Who")}


LONG = ("1204567890123450", "1204567890123460", "1204567890123470")
"""Of 16 digits, of which the last is lost."""


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["1.2E+11", "A-1"], {"approximate": [0]}),
        ([*LONG, "A-1", "17"], {"approximate": [0, 1, 2]}),
        (["900719925474099000", *LONG, "1.2E+15"], {"approximate": [0, 1, 2, 3, 4]}),
        ([*LONG, "1204567890123456"], {}),  # one that is whole: so are the others
        (LONG[:2], {}),
        (["120456789012340"] * 5, {}),
        (["12.0", "7", " 3.0 "], {"decimal": [0, 2]}),
        (["1.10", "2.01", "v1.0", "1.0.0"], {}),
        (["12-Mar", "Mar-45", "01. Sep", "MAR-13"], {"date": [0, 1, 2]}),
        (["MAR-12", "SEP-3", "DEC-99", "12-MAR", "Mark-12", "Marching-12"], {}),
    ],
)
def test_what_became_of_ids(ids: Sequence[str], found: dict[str, list[int]]) -> None:
    """Each kind is found by the forms that programs write, and by nothing that a tracker writes."""
    kinds = [name for name, rule in RULES.items() if rule.about == "ids"]
    assert {name: sorted(rows) for name in kinds if (rows := RULES[name].find(ids, ["\n".join(ids)]))} == found


def test_a_check_says_it(program: Program) -> None:
    """With the column, a sample, and what to do; once."""
    rows = [["1.0", "A", "12. Sep"], ["2.0", "B", ""]]
    source = write_csv(program.folder / "export.csv", rows, ("Id", "Title", "Owner"))
    mapping = program.folder / "mine.yaml"
    mapping.write_text(
        "input: {name: demo, key: Id}\ntitle: Title\ndescription: {value: ''}\nowner_id: Owner\n"
        "severity: {value: low}\nstatus: {value: todo}\ncategory: {value: Bug}\n",
        encoding="utf-8",
    )
    decimals, dates = program("validate", source, "-m", mapping, "--json").summary["warnings"][:2]
    assert decimals.startswith("1 row has a date instead of an id in Owner ('12. Sep' in demo:1.0, ")
    assert dates.startswith("2 rows have a decimal instead of an id in Id ('1.0' in demo:1.0, ")
    assert dates.endswith("don't open the file in a spreadsheet.")


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
