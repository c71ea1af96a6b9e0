"""Drafts of scorecards: answers are found in columns, in arrays and in rows, and nothing is left open but decisions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.errors import ExitCode
from importer.mapping.model import Duplicates, MappingModel
from importer.mapping.reader import load_mapping
from importer.mapping.scorecards import ColumnRange
from importer.records import Ref
from tests.harness.drafts import draft, save, write_json, write_table
from tests.harness.running import Program, read_csv, write_csv

BASE = ("call_id", "agent", "Section")
CRITERIA = ("Greets", "Verifies identity (auto-fail)", "Response latency", "Says goodbye")
PLAIN = ("Greets", "Verifies identity", "Right transfer", "Says goodbye")
PLAIN_ANSWERS = [("Yes", "No", "N/A", "Yes"), ("Yes", "Yes", "No", "3/5")]
WHOLE_CALL = [*zip(PLAIN, PLAIN_ANSWERS[0], strict=True)]
ANSWERS = [("Yes", "No", "N/A", "Yes"), ("Yes", "Yes", "No", "3/5"), ("Ja", "Yes", "", "5/5")]


def write_wide(path: Path, note: str = "{name} Comment") -> Path:
    """Write a table with a column for each criterion, and one of notes behind each."""
    header = [*BASE, *(name for each in CRITERIA for name in (each, note.replace("{name}", each))), "Total"]
    rows = [
        [f"c-{number}", "Ann", "Sales", *(cell for answer in answers for cell in (answer, "Too late")), "67%"]
        for number, answers in enumerate(ANSWERS)
    ]
    return write_csv(path, rows, header)


def occurrences(mapping: MappingModel) -> tuple[list[str], list[str]]:
    """The columns of an issue, and those of an occurrence, of what lives for many nights."""
    assert mapping.recurring is not None
    return [text.refs[0].name for text in mapping.group], [text.refs[0].name for text in mapping.recurring.occurrence]


@pytest.mark.parametrize(
    ("header", "note"),
    [("{name} Comment", "{name} Comment"), ("Comment", "next"), ("Observaciones", "next"), ("In short", "next")],
)
def test_columns_of_answers(tmp_path: Path, header: str, note: str) -> None:
    """With their notes, whether these have names of their own or not; a sum in percent is no answer."""
    each = save(write_wide(tmp_path / "a.csv", header), tmp_path / "mine.yaml").model.each
    assert each is not None
    assert each.note == note
    assert isinstance(each.columns, ColumnRange)
    assert (each.columns.from_, each.columns.to, each.columns.before) == (CRITERIA[0], None, "Total")


@pytest.mark.parametrize(
    ("header", "cells", "said"),
    [
        ("Auto Fail (Y/N)", ("No", "Yes"), "Yes"),
        ("K.o.", ("", "x"), "x"),
        ("KO-Fehler", ("Pass", "Fail"), "Fail"),
        ("¿Hubo fallo automático?", ("", ""), "sí"),
        ("Faute éliminatoire", ("nein", "nein"), "sí"),
    ],
)
def test_what_fails_the_whole_call(tmp_path: Path, header: str, cells: tuple[str, str], said: str) -> None:
    """A column of its own is no criterion, and makes findings critical, also where no call of the file failed by it."""
    rows = [[f"c-{at}", "Ann", *PLAIN_ANSWERS[at], cell] for at, cell in enumerate(cells)]
    mapping = save(write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *PLAIN, header]), tmp_path / "m.yaml").model
    assert {*mapping.category.values} == {*PLAIN}
    [rule] = mapping.severity.rules
    [condition] = rule.when
    assert (condition.column, rule.then) == (header, "critical")
    assert {said, "ja"} <= {*(condition.is_ or ())}
    assert {"No", "nein", "Pass", "0"}.isdisjoint(condition.is_ or ())


@pytest.mark.parametrize(
    ("header", "total"),
    [
        *((name, "12/20") for name in ("Total score", "Summe", "Overall")),
        *((name, "Pass") for name in ("Result", "Gesamtergebnis", "Puntuación final")),
    ],
)
def test_what_a_whole_call_got(tmp_path: Path, header: str, total: str) -> None:
    """Is no criterion, wherever it stands; the draft names it, so that a person may decide otherwise."""
    rows = [[f"c-{at}", "Ann", *answers[:2], total, *answers[2:]] for at, answers in enumerate(PLAIN_ANSWERS)]
    table = write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *PLAIN[:2], header, *PLAIN[2:]])
    assert {*save(table, tmp_path / "m.yaml").model.category.values} == {*PLAIN}
    assert f'no criteria: "{header}".' in (tmp_path / "m.yaml").read_text("utf-8")


@pytest.mark.parametrize(("most", "is_criterion"), [(20, False), (10, True)])
def test_points_that_are_the_sum(tmp_path: Path, most: int, *, is_criterion: bool) -> None:
    """Of all others are no answer to a criterion, whatever their column is called."""
    rows = [["c-1", "Ann", *[f"{at}/5" for _ in PLAIN[1:]], f"{at}/{most}", f"{at}/5"] for at in range(3)]
    table = write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *PLAIN[1:], "Follows the script", PLAIN[0]])
    assert ("Follows the script" in save(table, tmp_path / "m.yaml").model.category.values) == is_criterion


@pytest.mark.parametrize("names", [("Comment", "Comment"), ("Comment", "Comment.1")])
def test_criteria_next_to_each_other(tmp_path: Path, names: tuple[str, str]) -> None:
    """Some have a note behind them, some another criterion, or what fails the call: that is no note.

    Where notes aren't called alike, nothing can say which is one, and they stay in the footer.
    """
    header = ["call_id", "agent", PLAIN[0], PLAIN[1], names[0], PLAIN[2], names[1], PLAIN[3], "Auto-fail"]
    rows = [["c-1", "Ann", "No", "No", "why", "Yes", "", "Yes", each] for each in ("Yes", "No")]
    mapping = save(write_csv(tmp_path / "a.csv", rows, header), tmp_path / "m.yaml").model
    assert {*mapping.category.values} == {*PLAIN}
    assert mapping.each is not None
    assert mapping.each.note == ("Comment" if names[0] == names[1] else None)
    assert len(mapping.severity.rules) == 1


def test_criteria_at_the_end(tmp_path: Path) -> None:
    """One that a later file has behind them is one of them, so that the draft names no last one.

    Nor does it where one behind them has no answers yet.
    """
    rows = [[f"c-{number}", "Ann", *answers, ""] for number, answers in enumerate(ANSWERS)]
    table = write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *CRITERIA, "Callback"])
    each = save(table, tmp_path / "mine.yaml").model.each
    assert each is not None
    assert isinstance(each.columns, ColumnRange)
    assert (each.columns.from_, each.columns.to, each.columns.before) == (CRITERIA[0], None, None)


def test_what_a_draft_of_a_scorecard_says(tmp_path: Path) -> None:
    """A title of criterion and agent, an issue of both, evidence, and no status from a section."""
    mapping = save(write_wide(tmp_path / "a.csv"), tmp_path / "mine.yaml").model
    assert mapping.title.template == "{_name}: {agent}"
    assert occurrences(mapping) == (["agent", "_name"], ["call_id"])
    assert mapping.recurring is not None
    assert (mapping.recurring.finished.done, mapping.recurring.finished.closed) == ("?", "?")
    assert mapping.recurring.severity == "raise"
    assert mapping.description is not None
    assert mapping.description.column == "_note"
    assert mapping.answer is not None
    assert mapping.answer.refs == (Ref("column", "_answer"),)
    assert [rule.then for rule in mapping.severity.rules] == ["critical"]
    assert (mapping.status.refs, mapping.status.missing) == ((), "todo")
    assert [link.column for link in mapping.resource_links] == ["call_id"]
    assert [flag.type.column for flag in mapping.flags if flag.type] == ["_name"]
    decided = {row["value"]: row["decision"] for row in read_csv(tmp_path / "values.csv") if row["field"] == "category"}
    assert decided == {**dict.fromkeys(CRITERIA, "?"), "Response latency": ""}
    assert mapping.category.values["Response latency"] == "Latency"


@pytest.mark.parametrize("is_document", [False, True])
def test_arrays_of_answers(tmp_path: Path, *, is_document: bool) -> None:
    """Within JSON lines, and within the records of a document; the call is that of the record."""
    calls = [
        {
            "call_id": f"c-{number}",
            "started_at": "2026-05-01T10:00:00Z",
            "agent": {"name": "Ann"},
            "results": [{"name": name, "answer": answer} for name, answer in zip(CRITERIA, answers, strict=True)],
        }
        for number, answers in enumerate(ANSWERS)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f"{json.dumps(call)}\n" for call in calls), encoding="utf-8")
    if is_document:
        path = write_json(tmp_path / "a.json", calls)
    mapping = save(path, tmp_path / "mine.yaml").model
    assert mapping.each is not None
    assert mapping.each.path == "results"
    assert mapping.answer is not None
    assert mapping.answer.column == "answer"
    assert occurrences(mapping) == (["_record.agent.name", "name"], ["_record.call_id"])
    assert (mapping.created and mapping.created.path, [*mapping.footer]) == (
        "_record.started_at",
        ["answer", "Agent", "started_at"],
    )


@pytest.mark.parametrize(("turns", "tell"), [(("", "0"), False), (("", "9"), True), (("0", "0"), True)])
def test_rows_that_are_answers(tmp_path: Path, turns: tuple[str, str], *, tell: bool) -> None:
    """A column of answers beside one of criteria; the answer is never the title.

    A turn tells occurrences apart only where each answer has one, or a call has two answers to a criterion that differ
    in it: a passed answer without one would withdraw nothing.
    """
    rows = [
        {"Call": f"c-{number}", "Agent": "Ann", "Question": name, "Result": answer, "Turn": str(number)}
        for number, answers in enumerate(ANSWERS)
        for name, answer in zip(CRITERIA, answers, strict=True)
    ]
    rows += [{**rows[0], "Turn": turn} for turn in turns]
    mapping = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model
    assert (mapping.each, mapping.title.template) == (None, "{Question}: {Agent}")
    assert mapping.answer is not None
    assert mapping.answer.column == "Result"
    assert mapping.answer.criterion is not None
    assert mapping.answer.criterion.column == "Question"
    assert occurrences(mapping) == (["Agent", "Question"], ["Call", "Turn"] if tell else ["Call"])
    assert [flag.message_index is not None for flag in mapping.flags] == [True]


def test_an_answer_that_nobody_knows(tmp_path: Path) -> None:
    """Among others a name, or criteria on both sides, say what it is: the check names it, and proposes for it."""
    header = ["call_id", "agent", CRITERIA[0], "Offers help", *CRITERIA[1:]]
    wide = write_csv(
        tmp_path / "a.csv", [["c-1", "Ann", "Yes", each, "No", "No", "Yes"] for each in ("No", "hm")], header
    )
    each = save(wide, tmp_path / "wide.yaml").model.each
    assert each is not None
    assert isinstance(each.columns, ColumnRange)
    rows = [{"Call": "c-1", "Question": "Greets", "Result": answer} for answer in ("Yes", "No", "hm")]
    answer = save(write_table(tmp_path / "b.csv", rows), tmp_path / "long.yaml").model.answer
    assert answer is not None
    assert answer.column == "Result"


def test_a_column_of_categories_decides(tmp_path: Path) -> None:
    """If it has Triage's own alone: any other would stay in the organisation for ever."""
    for number, (category, column) in enumerate({"Latency": "Category", "STT": "Question"}.items()):
        rows = [{"Call": "c-1", "Question": "Greets", "Result": "No", "Category": each} for each in (category, "Bug")]
        spec = save(write_table(tmp_path / f"{number}.csv", rows), tmp_path / f"{number}.yaml").model.category
        assert spec.column == column


@pytest.mark.parametrize(
    ("header", "is_call"),
    [(name, True) for name in ("Call ID", "ID de llamada", "Numéro d'appel", "Anrufnummer", "Codice della chiamata")]
    + [("Call type", False), ("Number of calls", False), ("Reviewer", False)],
)
def test_which_call_it_was(program: Program, header: str, *, is_call: bool) -> None:
    """Whatever its column is called; if none says it, the draft warns that findings aren't gathered."""
    rows = [["a" if at < 2 else "b", "Ann", *PLAIN_ANSWERS[at % 2]] for at in range(4)]
    drafted = program("draft", write_csv(Path("a.csv"), rows, [header, "agent", *PLAIN]), "-o", "m.yaml")
    mapping, said = load_mapping("m.yaml").model, "no column has the call's id"
    assert [link.column for link in mapping.resource_links] == [header] * is_call
    assert (drafted.code, mapping.recurring is not None) == (0, is_call)
    assert (said in drafted.err, said in Path("m.yaml").read_text("utf-8")) == (not is_call, not is_call)


@pytest.mark.parametrize(
    ("dates", "created", "newest"),
    [
        (("Reviewed at", "started_at"), "started_at", "Reviewed at"),
        (("Timestamp", "Geändert am"), "Timestamp", "Geändert am"),
        (("Timestamp",), "Timestamp", None),
        (("review date",), "review date", "review date"),
    ],
)
def test_when_the_call_was(tmp_path: Path, dates: tuple[str, ...], created: str, newest: str | None) -> None:
    """Not when it was reviewed, which says the newer of two answers, and only if nothing else the time of the call."""
    rows = [[f"c-{at}", "Ann", *["2026-05-01"] * len(dates), *each] for at, each in enumerate(PLAIN_ANSWERS)]
    table = write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *dates, *PLAIN])
    mapping = save(table, tmp_path / "m.yaml").model
    assert mapping.created is not None
    rule = mapping.duplicates
    assert (mapping.created.column, rule.newest.column if isinstance(rule, Duplicates) else None) == (created, newest)


@pytest.mark.parametrize(("first", "words"), [("mittel", ["all"]), ("ZZ", [])])
def test_severities_of_later_nights(tmp_path: Path, first: str, words: list[str]) -> None:
    """Are known by the words that have decided all of the first one's."""
    rows = [["c-1", "Ann", *PLAIN_ANSWERS[0], each] for each in (first, "niedrig", "")]
    table = write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *PLAIN, "Schweregrad"])
    assert save(table, tmp_path / "m.yaml").model.severity.words == words


@pytest.mark.parametrize("dated", [False, True])
def test_a_number_that_only_counts(program: Program, *, dated: bool) -> None:
    """In a sheet that begins again each week the same numbers are other calls, which a date tells apart."""
    header = ["Nr", *(["Date"] if dated else []), "Agent", *CRITERIA]
    date = ["2026-05-01"] if dated else []
    write_csv(Path("a.csv"), [[str(at), *date, "Ann", *each] for at, each in enumerate(ANSWERS, 1)], header)
    assert "Warning: Nr counts 1, 2, 3" in program("draft", "a.csv", "-o", "mine.yaml").err
    assert "# Nr counts 1, 2, 3" in Path("mine.yaml").read_text("utf-8")
    own = occurrences(load_mapping("mine.yaml").model)[1]
    assert own == (["Date", "Nr"] if dated else ["Nr"])
    write_wide(Path("b.csv"))
    assert "counts 1, 2, 3" not in program("draft", "b.csv", "-o", "other.yaml").err


def test_percentages_need_a_limit(tmp_path: Path) -> None:
    """Which somebody has to look at: until then all but the best is a finding."""
    rows = [[f"c-{at}", "Ann", *[f"{at}{number} %" for number in range(4)]] for at in range(1, 4)]
    mapping = save(write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *CRITERIA]), tmp_path / "mine.yaml").model
    assert mapping.answer is not None
    assert mapping.answer.below == 100


@pytest.mark.parametrize(("yes", "no"), [("TRUE", "FALSE"), ("WAHR", "FALSCH"), ("VRAI", "FAUX"), ("1/1", "0/1")])
def test_check_boxes(tmp_path: Path, yes: str, no: str) -> None:
    """They are answers where a column has calls, in whatever language a spreadsheet writes them."""
    rows = [["c-1", "Ann", yes, no, yes, yes], ["c-2", "Ann", no, yes, yes, yes]]
    assert draft(write_csv(tmp_path / "a.csv", rows, ["call_id", "agent", *PLAIN])).choice.card is not None


@pytest.mark.parametrize(
    "row",
    [
        {"Summary": "Call drops", "a": "yes", "b": "no", "c": "yes", "d": "no", "Text": "x", "Who": "Ann", "On": "1"},
        {"a": "true", "b": "false", "c": "true", "d": "false", "Summary": "Call drops"},
        {"Summary": "Call drops", "Passed": "yes", "Fixed": "no"},
    ],
)
def test_flags_of_issues_are_no_answers(tmp_path: Path, row: dict[str, str]) -> None:
    """Where there are titles and other columns, where all are true or false, or where they are few."""
    rows = [{**row, "Summary": f"Call {number} drops"} for number in range(9)]
    assert draft(write_table(tmp_path / "a.csv", rows)).choice.card is None


def test_calls_in_arrays_of_lines(program: Program) -> None:
    """The mapping reads what its draft has read: the array of calls in each line, and in each call that of answers."""
    results = [{"criterion": name, "answer": answer} for name, answer in WHOLE_CALL]
    lines = [{"agent": "Ann", "calls": [{"call_id": f"c-{at}", "results": results}]} for at in range(2)]
    Path("a.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    assert program("draft", "a.jsonl", "-o", "m.yaml").code == 0
    Path("m.yaml").write_text(Path("m.yaml").read_text("utf-8").replace("'?'", "add"), encoding="utf-8")
    checked = program("validate", "a.jsonl", "-m", "m.yaml", "--json", "--severity", "low")
    assert checked.summary["findings"].keys() == {"answer-passed", "answer-not-applicable", "category-undecided"}


def test_a_preset_that_comes_near_is_not_asked(program: Program) -> None:
    """It would make an issue of each answer: what is a scorecard is drafted as one, by whatever names."""
    header = ["call_id", "agent", "turn", "score", "result", "criterion", "answer", "comment"]
    rows = [["c-1", "Ann", str(at), "90", "Fail", name, answer, "why"] for at, (name, answer) in enumerate(WHOLE_CALL)]
    drafted = program("draft", write_csv(Path("a.csv"), rows, header), "-o", "mine.yaml")
    assert (drafted.code, "preset knows" in drafted.err) == (0, False), drafted.err
    mapping = load_mapping("mine.yaml").model
    assert occurrences(mapping) == (["agent", "criterion"], ["call_id", "turn"])
    assert (mapping.answer and mapping.answer.column, mapping.description and mapping.description.too_long) == (
        "answer",
        "continue",
    )


def test_a_draft_is_usable_once_it_is_decided(program: Program) -> None:
    """Only `?` stand between the first file and its import; a criterion of a later file is asked for, too."""
    write_wide(Path("night1.csv"))
    drafted = program("draft", "night1.csv", "-o", "mine.yaml")
    assert (drafted.code, "`finished` under `recurring` in mine.yaml is undecided" in drafted.err) == (0, True)
    assert "under `inverted` in mine.yaml" in drafted.err
    refused = program("validate", "night1.csv", "-m", "mine.yaml")
    lines = "finished: {done: reopen, closed: add}"
    assert (refused.code, lines in refused.err) == (ExitCode.UNUSABLE, True)
    text = Path("mine.yaml").read_text("utf-8")
    Path("mine.yaml").write_text(text.replace("finished: {done: '?', closed: '?'}", lines), encoding="utf-8")
    table = read_csv(Path("values.csv"))
    decided = {"severity": "medium", "category": "Bug"}
    rows = [{**row, "decision": row["decision"] and decided[row["field"]]} for row in table]
    write_table(Path("values.csv"), rows)
    ended = program("run", "night1.csv", "-m", "mine.yaml", "--sandbox", "--json", "--rate", "0", "--out", "reports")
    assert (ended.code, ended.outcomes()) == (0, {"created": 3, "skipped": 9})
    with program.own_sandbox() as sandbox:
        assert {issue["category"] for issue in sandbox.issues()} == {"Bug", "Latency"}
        assert {issue["severity"] for issue in sandbox.issues()} == {"critical", "medium"}

    header = ["call_id", "agent", "Section", "Greets", "Greets Comment", *CRITERIA[1:], "Offers help", "Total"]
    write_csv(Path("night2.csv"), [["c-9", "Ann", "Sales", "Yes", "", "Yes", "Yes", "Yes", "No", "80%"]], header)
    assert program("draft", "night2.csv", "--update", "mine.yaml").code == 0
    added = {row["value"]: row["decision"] for row in read_csv(Path("values.csv"))}
    assert added["Offers help"] == "?"
