"""The values of a draft, and their table."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

import pytest

from importer.authoring.draft.values import Value, decide, new_table
from importer.authoring.proposals import Proposer
from importer.mapping.edited_tables import VALUE_COLUMNS, read_decisions
from importer.mapping.model import MappingModel
from importer.records import Unknown
from tests.harness.drafts import draft, save, write_table
from tests.harness.running import read_csv

ROWS = [
    {"Title": f"It broke {n} times", "Status": ("Done", "Limbo", "limbo ", "")[n % 4], "Priority": ("P1", "2")[n % 2],
     "Resolution": ("Fixed", "", "", "")[n % 4]}
    for n in range(16)
]  # fmt: skip


def values_of(path: Path, field: str) -> dict[str, Value]:
    return {value.value: value for value in draft(path).values if value.field == field}


def test_values_are_counted_as_a_mapping_compares_them(tmp_path: Path) -> None:
    """Case and outer white space don't count; the empty cell is a value; a sample is one of its rows."""
    values = values_of(write_table(tmp_path / "a.csv", ROWS), "status")
    assert {name: value.rows for name, value in values.items()} == {"Done": 4, "Limbo": 8, "": 4}
    assert values["Limbo"].sample == "It broke 1 times"


def test_open_rows_are_those_that_are_not_over(tmp_path: Path) -> None:
    """Of a severity's rows, those whose status is not done or closed."""
    values = values_of(write_table(tmp_path / "a.csv", ROWS), "severity")
    assert {name: (value.rows, value.open_rows) for name, value in values.items()} == {"P1": (8, 4), "2": (8, 8)}


def test_a_bare_number_is_open(tmp_path: Path) -> None:
    """Nobody knows where its scale begins: there is a proposal, and a person must take it."""
    value = values_of(write_table(tmp_path / "a.csv", ROWS), "severity")["2"]
    assert not value.decided
    assert decide(value, "low").proposal == "low"
    assert decide(value, "low").decided


def test_what_the_rows_say_decides(tmp_path: Path) -> None:
    """A status of no known word whose rows are all resolved is done."""
    rows = [{"Title": f"It broke {n} times", "Status": "Limbo", "Resolution": "Fixed"} for n in range(9)]
    value = values_of(write_table(tmp_path / "a.csv", rows), "status")["Limbo"]
    assert (value.proposal, value.reason, value.decided) == ("done", "resolution Fixed", True)


@pytest.mark.parametrize(
    ("field", "value", "target"),
    [
        ("status", "Zu erledigen", "todo"),
        ("status", "fixed", "done"),
        ("status", "triggered", "todo"),
        ("severity", "緊急", "critical"),
        ("severity", "wishlist", "low"),
    ],
)
def test_known_words(field: str, value: str, target: str) -> None:
    """Those of the preset in many languages, and those of other trackers."""
    proposal = Proposer().propose(Unknown(field, value, 1))  # type: ignore[arg-type] # a name of a field
    assert (proposal.target, proposal.neutral) == (target, False)


def test_a_mapping_s_own_words_come_first() -> None:
    """What a person has decided is known; what is open there is not."""
    mapping = MappingModel.model_validate(
        {
            "input": {"name": "a", "key": {"content": True}},
            "title": "T",
            "severity": {"missing": "low"},
            "status": {"column": "S", "values": {"Done": "closed", "Limbo": "?"}},
            "category": {"missing": "General"},
        }
    )
    speller = Proposer(mapping)
    assert speller.propose(Unknown("status", "done", 1)).target == "closed"
    assert speller.judge("status", ["Limbo", "Done"]) == 0.5


@pytest.mark.parametrize("header", ["Done", "Fixed?", "Erledigt", "is_closed", "¿Resuelta?", "Résolu ?", "Risolto"])
def test_a_mark_that_says_done(tmp_path: Path, header: str) -> None:
    """In a column that is called so, a cross or a yes is the end, and nothing or a no is work."""
    rows = [{"Issue": f"It broke {n} times", header: ("x", "", "yes", "no")[n % 4]} for n in range(8)]
    status = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.status
    assert ({**status.values, "": status.missing}) == {"x": "done", "yes": "done", "no": "todo", "": "todo"}


@pytest.mark.parametrize(
    ("numbers", "targets"),
    [
        ("123", ["high", "medium", "low"]),
        ("1245", ["critical", "high", "low", "low"]),
        ("0123", ["critical", "high", "medium", "low"]),
        ("12", ["medium", "medium"]),
    ],
)
def test_bare_numbers(tmp_path: Path, numbers: str, targets: list[str]) -> None:
    """From 0 or 1 on they are proposed as ranks, and stay open, as that may be the least; other scales are unknown."""
    rows = [{"Title": f"It broke {n} times", "Priority": numbers[n % len(numbers)]} for n in range(12)]
    values = draft(write_table(tmp_path / "a.csv", rows)).values
    found = {value.value: value for value in values if value.field == "severity"}
    assert [found[number].proposal for number in numbers] == targets
    assert not any(found[number].decided for number in numbers)


def test_letters_that_rank(tmp_path: Path) -> None:
    """H, M and L, and A to C, are what they are in most lists."""
    letters = "HMLABC"
    rows = [{"Title": f"It broke {n} times", "Priority": letters[n % 6]} for n in range(12)]
    severity = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.severity
    assert [severity.values[letter] for letter in letters] == ["high", "medium", "low"] * 2


@pytest.mark.parametrize(
    ("header", "targets"),
    [
        ("Severity (5 = worst)", ["low", "low", "medium", "high", "critical"]),
        ("Priority 1-5, 1 is highest", ["critical", "high", "medium", "low", "low"]),
        ("Priorität (1: niedrig, 4: hoch)", ["low", "medium", "high", "critical"]),
        ("Severity (0 = low)", ["low", "medium", "high", "critical"]),
    ],
)
def test_a_rank_follows_its_header(tmp_path: Path, header: str, targets: list[str]) -> None:
    """Where the header says what one end of the scale is, the numbers are decided."""
    numbers = [str(number + (0 if "0" in header else 1)) for number in range(len(targets))]
    rows = [{"Title": f"It broke {n} times", header: numbers[n % len(numbers)]} for n in range(12)]
    severity = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.severity
    assert [severity.values[number] for number in numbers] == targets


@pytest.mark.parametrize(
    ("header", "numbers", "targets"),
    [
        ("Prio (1 = hoch, 3 = niedrig)", "1234", ["high", "medium", "low", "?"]),
        ("Sev (4=critical..1=low)", "0145", ["?", "low", "critical", "?"]),
        ("Priority (1 highest, 3 lowest)", ["0", "3", "9", "12"], ["?", "low", "?", "?"]),
        ("Severity (5 = worst)", "015", ["?", "low", "critical"]),
    ],
)
def test_a_rank_beyond_its_header_is_asked(
    tmp_path: Path, header: str, numbers: Sequence[str], targets: list[str]
) -> None:
    """A number that the header's scale doesn't have is no value that anybody knows."""
    rows = [{"Title": f"It broke {n} times", header: numbers[n % len(numbers)]} for n in range(12)]
    severity = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.severity
    assert [severity.values[number] for number in numbers] == targets


@pytest.mark.parametrize("open_dated", [False, True])
def test_a_closing_date_that_open_rows_have(tmp_path: Path, *, open_dated: bool) -> None:
    """It says what an unknown status means only where the rows that are surely open have none."""
    states = ("Done", "Reading", "Doing") * 4
    dates = ("2026-01-02", "2026-01-03", "2026-01-04" if open_dated else "") * 4
    rows = [
        {"Title": f"It broke {n} times", "Status": state, "Closed at": date}
        for n, (state, date) in enumerate(zip(states, dates, strict=True))
    ]
    model = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model
    assert model.status.values == {"Done": "done", "Reading": "?" if open_dated else "done", "Doing": "in_progress"}
    assert (model.evidence.closed is None) is open_dated


@pytest.mark.parametrize("header", ["Relation Type", "Dependency type", "Type de lien", "Tipo de enlace"])
def test_a_type_of_link_is_no_category(tmp_path: Path, header: str) -> None:
    """It says what another issue is to this one."""
    rows = [{"Title": f"It broke {n} times", header: ("blocks", "relates to")[n % 2]} for n in range(8)]
    assert save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.category.column is None


def test_lists_as_python_prints_them_are_no_category(tmp_path: Path) -> None:
    """A draft doesn't make categories of them, nor of anything else that has one value in a cell."""
    rows = [{"Title": f"It broke {n} times", "Type": ("['bug']", "['ui', 'bug']")[n % 2]} for n in range(8)]
    assert save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.category.column is None


def test_open_values_come_first_and_cells_are_safe(tmp_path: Path) -> None:
    """`?` marks what is open; a formula gets its apostrophe; the table reads back as it was."""
    values = [
        Value("status", "Done", 9, 0, "P-1 x", "done", "a known word", True),
        Value("status", "=cmd()", 2, 1, "+P-2 x", "todo", "no evidence", False),
        Value("category", "", 1, 1, "@x", "General", "it has none", True),
    ]
    path = tmp_path / "values.csv"
    path.write_bytes(new_table(values))
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    lines = read_csv(path)
    assert tuple(lines[0]) == VALUE_COLUMNS
    assert [list(line.values()) for line in lines] == [
        ["status", "'=cmd()", "2", "1", "'+P-2 x", "todo", "?"],
        ["status", "Done", "9", "0", "P-1 x", "done", ""],
        ["category", "", "1", "1", "'@x", "General", ""],
    ]
    decisions, problems = read_decisions(path)
    assert not problems
    assert [(each.field, each.value, each.target) for each in decisions] == [
        ("status", "=cmd()", "?"),
        ("status", "Done", ""),
        ("category", "", ""),
    ]
