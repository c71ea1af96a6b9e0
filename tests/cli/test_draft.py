"""`triage-import draft`, and what `run` says of a mapping that leaves something open."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.harness.running import SAMPLES, Program, read_csv, write_csv

MEASURED = """
import resource, sys
from importer.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
HEADER = ("Ref", "Betreff", "Priorität", "Status", "Art")
ROWS = [
    (f"T-{n}", f"Fehler Nummer {n}", ("Hoch", "Zzz")[n % 2], ("Offen", "Limbo")[n % 2], "Fehler") for n in range(12)
]


def test_names_with_spaces_can_be_pasted(program: Program) -> None:
    """The next command is quoted, on the screen and in the draft."""
    write_csv(Path("my export.csv"), ROWS, HEADER)
    command = "triage-import validate 'my export.csv' -m 'my mapping.yaml'"
    assert f"Next: {command}\n" in program("draft", "my export.csv", "-o", "my mapping.yaml").err
    assert f"# Then: {command}\n" in Path("my mapping.yaml").read_text(encoding="utf-8")


@pytest.fixture
def export(program: Program) -> Path:
    """An export that no preset knows."""
    return write_csv(Path("export.csv"), ROWS, HEADER)


def test_a_draft_is_written_beside_its_table(program: Program, export: Path) -> None:
    """`mapping.yaml` and `values.csv`, fine for `mappings check`; what is next is said on stderr."""
    ended = program("draft", export)
    assert (ended.code, ended.out) == (0, "")
    assert "2 values are undecided; `run` refuses to start until they are decided:" in ended.err
    assert "Next: triage-import validate export.csv -m mapping.yaml" in ended.err
    assert program("mappings", "check", "mapping.yaml").out == "mapping.yaml: fine\n"
    assert [line["value"] for line in read_csv(Path("values.csv")) if line["decision"] == "?"] == ["Zzz", "Limbo"]


def test_a_word_that_decides_is_said(program: Program) -> None:
    """As a check with a preset says it: what one word of a longer text means may be something else."""
    write_csv(Path("export.csv"), [("T-1", "Fehler", "Sehr dringend bitte", "Offen", "Fehler")], HEADER)
    said = program("draft", "export.csv").err
    assert "1 value is decided by one word, which somebody should check: 'Sehr dringend bitte' → critical\n" in said


def test_open_rows_are_rejected_and_run_refuses(program: Program, export: Path) -> None:
    """A check rejects them; a run ends at once, each open value with its line and its words."""
    program("draft", export, "-o", "mine.yaml")
    checked = program("validate", export, "-m", "mine.yaml", "--json")
    assert (checked.code, checked.outcomes()) == (1, {"planned": 6, "rejected": 6})
    assert checked.summary["findings"] == {"severity-undecided": 6, "status-undecided": 6}
    for options in (("--sandbox",), ("--yes", "--api-url", "http://127.0.0.1:9")):
        ended = program("run", export, "-m", "mine.yaml", "--json", *options)
        assert ended.code == ExitCode.UNUSABLE
        assert "The mapping mine.yaml leaves 2 targets undecided" in ended.err
        lines = Path("mine.yaml").read_text(encoding="utf-8").splitlines()
        line = next(number for number, line in enumerate(lines, start=1) if '"Limbo": "?"' in line)
        assert f"mine.yaml:{line}:status.values.Limbo: what 'Limbo' becomes is undecided" in ended.err
        assert "one of backlog, todo, in_progress, in_review, done, closed" in ended.err
        assert "the column `decision` of values.csv" in ended.err
    assert not program.ledger.exists()
    assert not program.sandbox_file.exists()
    assert program("run", export, "-m", "mine.yaml", "-n", "--json").code == ExitCode.PARTLY


def test_what_is_open_is_the_next_step(program: Program, export: Path) -> None:
    """A check of a draft asks for its decisions, and not for other rows; so does one that asks who may read issues."""
    program("draft", export, "-o", "mine.yaml")
    last = program("validate", export, "-m", "mine.yaml").out.splitlines()[-1]
    assert last == "Next: replace each `?` in mine.yaml, then: triage-import validate export.csv -m mine.yaml"
    text = Path("mine.yaml").read_text(encoding="utf-8")
    Path("mine.yaml").write_text(text.replace('"?" #', "medium #", 1).replace('"?" #', "todo #", 1), encoding="utf-8")
    last = program("validate", export, "-m", "mine.yaml").out.splitlines()[-1]
    assert last == "Next: triage-import run export.csv -m mine.yaml --sandbox"


def test_a_colleague_decides_in_the_table(program: Program, export: Path) -> None:
    """With its cells filled by a spreadsheet that likes semicolons, the run sends all rows."""
    program("draft", export, "-o", "mine.yaml")
    lines = read_csv(Path("values.csv"))
    for line in lines:
        line["decision"] = line["proposal"] if line["decision"] == "?" else ""
    with Path("values.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(lines)
    ended = program("run", export, "-m", "mine.yaml", "--sandbox", "--json")
    assert (ended.code, ended.outcomes()) == (0, {"created": 12})


def test_a_file_that_a_preset_knows(program: Program, export: Path) -> None:
    """It is named, with the command that reads the file as it is; of other files there is nothing to say."""
    ended = program("draft", SAMPLES / "jira.csv", "-o", "mine.yaml")
    assert "A preset knows this file, jira CSV: 10 of 10 expected columns" in ended.err
    command = f"triage-import validate {SAMPLES / 'jira.csv'} -m jira"
    assert command in ended.err
    assert program(*command.split()[1:]).code == 0
    assert "A preset knows" not in program("draft", export, "-o", "other.yaml").err


def test_nothing_is_overwritten(program: Program, export: Path) -> None:
    """An existing mapping is named with the command that adds to it; another draft gets a table of its own."""
    program("draft", export)
    before = Path("mapping.yaml").read_bytes(), Path("values.csv").read_bytes()
    ended = program("draft", export)
    assert ended.code == ExitCode.UNUSABLE
    assert "triage-import draft SOURCE --update mapping.yaml" in ended.err
    assert program("draft", export, "-o", "other.yaml").code == 0
    assert "other/values.csv" in Path("other.yaml").read_text(encoding="utf-8")
    assert Path("other/values.csv").exists()
    assert (Path("mapping.yaml").read_bytes(), Path("values.csv").read_bytes()) == before


def test_an_update_adds_what_is_new(program: Program, export: Path) -> None:
    """The first time it says that there is nothing; with a later export it names the values and columns."""
    program("draft", export)
    assert (
        "mapping.yaml knows all values and columns of export.csv; nothing was added."
        in program("draft", export, "--update", "mapping.yaml").err
    )
    later = write_csv(Path("later.csv"), [(*row[:3], "Nirgends", row[4], "x") for row in ROWS], (*HEADER, "Team"))
    ended = program("draft", later, "--update", "mapping.yaml")
    assert "mapping.yaml: 1 column is new: Team" in ended.err
    assert "values.csv: 1 value is new." in ended.err
    assert "status: 'Nirgends', 12 rows; proposal: todo" in ended.err
    assert program("draft", export, "-o", "a.yaml", "--update", "mapping.yaml").code == ExitCode.UNUSABLE


def test_a_preset_is_not_updated(program: Program, export: Path) -> None:
    """Presets stay as they are."""
    ended = program("draft", export, "--update", "jira")
    assert ended.code == ExitCode.UNUSABLE
    assert "jira is a preset" in ended.err


def test_without_a_title_it_ends(program: Program) -> None:
    """Exit code 2, the columns named, nothing written."""
    source = write_csv(Path("numbers.csv"), [("1", "2")], ("Amount", "Price"))
    ended = program("draft", source)
    assert ended.code == ExitCode.UNUSABLE
    assert "No column of numbers.csv can be the title" in ended.err
    assert "'Amount', 'Price'" in ended.err
    assert not Path("mapping.yaml").exists()


def test_how_the_file_is_read_is_kept(program: Program) -> None:
    """Encoding and delimiter of the command line stand in the mapping, so that the next command reads it too."""
    text = "\n".join("^".join(row) for row in [HEADER, *ROWS])
    Path("export.csv").write_bytes(text.encode("cp1252"))
    assert program("draft", "export.csv", "--encoding", "cp1252", "--delimiter", "^", "-o", "mine.yaml").code == 0
    assert program("validate", "export.csv", "-m", "mine.yaml", "--json").summary["rows"] == 12


def test_lines_above_the_table_are_left_out_by_every_command(program: Program) -> None:
    """The draft keeps how many; places are those of the file, and the rows to mend come back by the same command."""
    table = "\n".join(";".join(row) for row in [HEADER, *ROWS])
    Path("export.csv").write_text(f'The "best, of\nthem\n{table}\n', encoding="utf-8")
    assert program("draft", "export.csv", "--skip-lines", "2", "--delimiter", ";", "-o", "mine.yaml").code == 0
    command = ("-m", "mine.yaml", "--json", "--out", "reports")
    assert program("validate", "export.csv", *command).outcomes() == {"planned": 6, "rejected": 6}
    with Path("reports/errors.csv").open(encoding="utf-8-sig", newline="") as file:
        rejected = list(csv.DictReader(file, delimiter=";"))
    assert [row["import_row"] for row in rejected] == [f"export.csv row {row}" for row in range(2, 13, 2)]
    assert program("validate", "reports/errors.csv", *command[:3]).outcomes() == {"rejected": 6}


def test_records_are_found_where_they_are_said_to_be(program: Program) -> None:
    """Of several arrays in a JSON object the one that `--records` names; the mapping keeps it."""
    Path("a.json").write_text(
        json.dumps({"cards": [{"name": f"It broke {n} times"} for n in range(3)], "lists": [{"id": "1"}]}),
        encoding="utf-8",
    )
    assert program("draft", "a.json", "--records", "cards", "-o", "mine.yaml").code == 0
    assert 'records: "cards"' in Path("mine.yaml").read_text(encoding="utf-8")


def test_records_that_are_an_object(program: Program) -> None:
    """Their keys are the ids of issues: the draft says where they are by a path that a mapping may have."""
    issues = {f"VX-{number}": {"summary": f"Title {number}", "status": {"current": "open"}} for number in range(3)}
    Path("a.json").write_text(json.dumps({"export": {"issues": issues}}), encoding="utf-8")
    assert program("draft", "a.json", "--records", "export.issues.*", "-o", "mine.yaml").code == 0
    assert 'records: "export.issues.*"' in Path("mine.yaml").read_text(encoding="utf-8")
    assert program("validate", "a.json", "-m", "mine.yaml", "--json", "--severity", "low").outcomes() == {"planned": 3}


def test_on_a_terminal_it_asks(program: Program, export: Path) -> None:
    """Enter takes the proposal, a word takes that word, `?` leaves it open; a wrong word is asked again."""
    with program.on_terminal("draft", export) as terminal:
        terminal.read_until("severity becomes")
        terminal.type("urgent\n")
        terminal.read_until("is not one of")
        terminal.type("\n")
        terminal.read_until("status becomes")
        terminal.type("?\n")
        assert terminal.end().code == 0
    text = Path("mapping.yaml").read_text(encoding="utf-8")
    assert '"Zzz": medium' in text
    assert '"Limbo": "?"' in text


@pytest.mark.slow
def test_a_big_file_takes_little_memory(program: Program) -> None:
    """Thirty times the rows with long cells take nearly the same memory."""

    def peak(rows: int) -> int:
        source = write_csv(
            Path(f"{rows}.csv"),
            ((f"T-{n}", f"Fehler Nummer {n}", "Hoch", "Offen", f"{n}" + "x" * 2_000) for n in range(rows)),
            (*HEADER[:4], "Text"),
        )
        arguments = [sys.executable, "-c", MEASURED, "draft", str(source), "-o", f"{rows}.yaml"]
        return int(subprocess.run(arguments, capture_output=True, check=True).stdout)

    assert peak(15_000) < 1.2 * peak(500)


def test_several_arrays(program: Program) -> None:
    """The one that a preset knows is drafted; where none does, the option that says which is named."""
    issues = [{"id": n, "title": f"It broke {n} times", "status": "open"} for n in (1, 2)]
    others = [{"id": n, "label": f"Part {n}"} for n in (1, 2)]
    Path("db.json").write_text(json.dumps({"parts": others, "issues": issues}), encoding="utf-8")
    assert program("draft", "db.json", "-o", "mine.yaml").code == 0
    assert program("validate", "db.json", "-m", "mine.yaml", "--json").summary["rows"] == 2
    Path("other.json").write_text(json.dumps({"parts": others, "things": others}), encoding="utf-8")
    ended = program("draft", "other.json", "-o", "other.yaml")
    assert ended.code == ExitCode.UNUSABLE
    assert "--records parts" in ended.err


@pytest.mark.parametrize("name", ["fields.status.statusCategory.name", "Status Category"])
def test_a_category_of_statuses_is_evidence(program: Program, name: str) -> None:
    """Whether a path became the column's name or not, for a draft and for the preset; `Limbo` says nothing itself."""
    header = ("key", "fields.summary", "fields.status.name", "fields.priority.name", name)
    write_csv(
        Path("export.csv"), [("P-1", "One", "Limbo", "High", "Done"), ("P-2", "Two", "Zzz", "Low", "To Do")], header
    )
    assert "A preset knows this file, jira" in program("draft", "export.csv").err
    assert {line["value"]: line["proposal"] for line in read_csv(Path("values.csv")) if line["field"] == "status"} == {
        "Limbo": "done",
        "Zzz": "todo",
    }
    checked = program("validate", "export.csv", "-m", "jira", "--json")
    assert {each["source"]: each["target"] for each in checked.summary["value_flow"]["status"]} == {
        "Limbo": "done",
        "Zzz": "todo",
    }


def test_a_draft_of_a_known_tracker_has_its_words(program: Program) -> None:
    """What `Parked` and a bare number mean in general, the tracker's own values know better."""
    header = ("Number", "Short description", "Priority", "State", "Opened", "Assigned to")
    write_csv(
        Path("export.csv"), [("INC0010001", "It broke", "1", "Zurückgestellt", "2026-01-01 10:00:00", "")], header
    )
    assert "A preset knows this file, servicenow" in program("draft", "export.csv").err
    lines = {line["field"]: line for line in read_csv(Path("values.csv"))}
    assert (lines["severity"]["proposal"], lines["severity"]["decision"]) == ("critical", "")
    assert (lines["status"]["proposal"], lines["status"]["decision"]) == ("in_progress", "")


def test_a_severity_that_is_given_is_no_question(program: Program) -> None:
    """What `--severity` says of rows that have none is written into the mapping, as decided, and not proposed anew."""
    Path("s.csv").write_text("Title,Details\nCall drops,After ten\nEcho,Always\n", encoding="utf-8")
    ended = program("draft", "s.csv", "-o", "mine.yaml", "--severity", "high")
    assert "undecided" not in ended.err
    checked = program("validate", "s.csv", "-m", "mine.yaml", "--json")
    assert (checked.summary["planned"], '"?"' in Path("mine.yaml").read_text(encoding="utf-8")) == (2, False)
