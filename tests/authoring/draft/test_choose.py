"""Which column is taken for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from importer.authoring.draft.choose import Choice
from importer.errors import SourceError
from importer.phrases import tokens_of
from tests.harness.drafts import choose_from, write_json, write_table

ROLES = ("key", "title", "description", "severity", "status", "category")


def names(choice: Choice) -> dict[str, str]:
    """Role → column, where there is one."""
    return {role: pick.column.place.name for role in ROLES if (pick := getattr(choice, role))}


@pytest.mark.parametrize(
    "header",
    [
        ("Issue key", "Summary", "Description", "Priority", "Status", "Issue Type"),
        ("ID", "Subject", "Notes", "Severity", "State", "Tracker"),
        ("Schlüssel", "Zusammenfassung", "Beschreibung", "Priorität", "Status", "Vorgangstyp"),
        ("Clé", "Titre", "Description", "Priorité", "Statut", "Type"),
        ("Clave", "Asunto", "Descripción", "Prioridad", "Estado", "Tipo"),
        ("Ключ", "Тема", "Описание", "Приоритет", "Статус", "Тип"),
        ("キー", "件名", "説明", "優先度", "状態", "種別"),
        ("编号", "标题", "描述", "优先级", "状态", "类型"),
        ("bug_id", "short_desc", "long_description", "bug_severity", "bug_status", "component"),
        ("issueKey", "issueTitle", "body", "prio", "workflowState", "workItemType"),
    ],
)
def test_headers_of_many_languages(tmp_path: Path, header: tuple[str, ...]) -> None:
    """Six columns in another order, with dates and people between them, are found by what they are called."""
    rows = [
        {
            "Created": "2024-01-31",
            header[5]: "Bug",
            header[4]: ("Open", "Done")[number % 2],
            "Assignee name": f"Person {number}",
            header[3]: ("High", "Low")[number % 2],
            header[2]: f"A long text of what happened, number {number}",
            header[1]: f"It broke for the {number}th time",
            header[0]: f"P-{number}",
        }
        for number in range(20)
    ]
    assert names(choose_from(write_table(tmp_path / "a.csv", rows))) == dict(zip(ROLES, header, strict=True))


def test_nested_records(tmp_path: Path) -> None:
    """The name of an object is the value, and no title; its id, colour and dates are none of these."""
    records = [
        {
            "id": number,
            "fields": {"summary": f"It broke {number} times", "status": {"id": 3, "name": "Open", "color": "red"}},
            "assignee": {"name": f"Person {number}", "title": "Dr."},
            "priority": {"id": 1, "name": ("High", "Low")[number % 2]},
            "issueType": {"name": "Bug"},
            "statusChangedAt": "2024-01-01",
        }
        for number in range(9)
    ]
    choice = choose_from(write_json(tmp_path / "a.json", records))
    assert names(choice) == {
        "key": "id",
        "title": "fields.summary",
        "severity": "priority.name",
        "status": "fields.status.name",
        "category": "issueType.name",
    }
    assert "assignee.name" in [column.place.name for column in choice.footer]


def test_content_decides_between_columns_of_one_name(tmp_path: Path) -> None:
    """Of priority and severity the one whose texts are known words."""
    rows = [
        {"title": f"It broke {number} times", "priority": "--", "severity": ("major", "minor")[number % 2]}
        for number in range(9)
    ]
    assert names(choose_from(write_table(tmp_path / "a.csv", rows)))["severity"] == "severity"


def test_values_alone_can_say_it(tmp_path: Path) -> None:
    """A column with a name that says nothing, whose texts are all known statuses."""
    rows = [
        {"title": f"It broke {number} times", "zz": ("In Progress", "Done", "To Do")[number % 3]} for number in range(9)
    ]
    choice = choose_from(write_table(tmp_path / "a.csv", rows))
    assert choice.status is not None
    assert (choice.status.column.place.name, choice.status.reason) == ("zz", "by its values, not by its name")


def test_texts_alone_can_be_titles(tmp_path: Path) -> None:
    """Where no column is called so, short texts that differ are the titles."""
    rows = [{"aaa": f"It broke for the {number}th time", "bbb": "same every time"} for number in range(9)]
    choice = choose_from(write_table(tmp_path / "a.csv", rows))
    assert choice.title.column.place.name == "aaa"
    assert "by its values alone" in choice.title.reason


def test_no_title_is_an_error(tmp_path: Path) -> None:
    """It names the filled columns."""
    path = write_table(tmp_path / "a.csv", [{"Amount": "1", "Day": "2024-01-01", "Void": ""}] * 3)
    with pytest.raises(SourceError) as caught:
        choose_from(path)
    assert "'Amount', 'Day'." in caught.value.message
    assert "Void" not in caught.value.message


KEYS: list[tuple[dict[str, Any], str | None]] = [
    ({"Issue key": "P-{n}", "Issue id": "10{n}"}, "Issue key"),
    ({"id": "{n}", "issueKey": "P-{n}"}, "issueKey"),
    ({"Id": "same"}, None),
    ({"Project id": "{n}"}, None),
    *(
        ({name: "A-{n}"}, name)
        for name in (
            *(
                "ticket",
                "Bug",
                "Work Item",
                "task_id",
                "legacy_id",
                "Case No.",
                "bug #",
                "#",
                "№",
                "RefNo",
                "itemKey",
                "ticketid",
            ),
            *(
                "Vorgangsnummer",
                "Ticket-Nr.",
                "Aufgaben ID",
                "numéro de ticket",
                "Número de caso",
                "ID задачи",
                "номер заявки",
            ),
            *("チケット番号", "工单编号", "SR", "N° ticket", "Nº", "uid", "Incident Ref", "external_id", "S.No"),
        )
    ),
    *(
        ({name: "A-{n}"}, None)
        for name in (
            *(
                "call_id",
                "callId",
                "Call ID",
                "CallID",
                "Anruf-ID",
                "ID de llamada",
                "通話ID",
                "agent id",
                "conversation_id",
            ),
            *(
                "phone number",
                "Customer No",
                "Parent ID",
                "invoice_no",
                "Number of callers",
                "Code owner",
                "assignee_id",
            ),
        )
    ),
    ({"ticket": "How is it {n}"}, None),
    ({"call_id": "c-{n}", "bug": "{n}"}, "bug"),
    ({"Amount": "{n}"}, None),
]


@pytest.mark.parametrize(("cells", "key"), KEYS)
def test_keys(tmp_path: Path, cells: dict[str, str], key: str | None) -> None:
    """A key is called so, differs in every row, and is the issue's own; else the content is its identity."""
    rows = [
        {"title": f"It broke {n} times", **{name: cell.format(n=n) for name, cell in cells.items()}} for n in range(30)
    ]
    assert names(choose_from(write_table(tmp_path / "a.csv", rows))).get("key") == key


def test_a_section_gives_way_to_the_closing_date(tmp_path: Path) -> None:
    """Where a card lies doesn't say that it is done; a status does."""
    rows = [
        {"Name": f"It broke {n} times", "Section": "Ideas", "Completed At": "2024-01-01" if n % 2 else ""}
        for n in range(9)
    ]
    choice = choose_from(write_table(tmp_path / "a.csv", rows))
    assert choice.closing_rule is choice.closed is not None
    rows = [{"Status": "Open", **row} for row in rows]
    assert choose_from(write_table(tmp_path / "b.csv", rows)).closing_rule is None


def test_several_tags_in_a_cell_are_no_category(tmp_path: Path) -> None:
    """`a, b` would become a category of its own."""
    rows = [{"Name": f"It broke {n} times", "Tags": "a, b" if n % 2 else "a"} for n in range(9)]
    assert "category" not in names(choose_from(write_table(tmp_path / "a.csv", rows)))


def test_words_of_a_header() -> None:
    """Every way to write two words is the same two words."""
    assert {tokens_of(name) for name in ("issueType", "Issue Type", "issue_type", "issue-type", "ISSUE TYPE")} == {
        ("issue", "type")
    }


def test_a_title_that_most_rows_lack(tmp_path: Path) -> None:
    """A column that is called so and mostly empty gives way to one that has a title for each row."""
    rows = [
        {"Number": f"I {n}", "Brief description": f"Phone {n} is dead", "Request": "" if n else "No tone"}
        for n in range(6)
    ]
    assert names(choose_from(write_table(tmp_path / "a.csv", rows))) == {
        "key": "Number",
        "title": "Brief description",
        "description": "Request",
    }


def test_a_status_of_something_within(tmp_path: Path) -> None:
    """An object's object has a status of its own; the name of an issue's status may be as deep."""
    records = [
        {
            "name": f"It broke {n} times",
            "limits": {"attachments": {"perCard": {"status": "ok"}}},
            "fields": {"status": {"name": ("Open", "Done")[n % 2]}},
        }
        for n in range(9)
    ]
    assert names(choose_from(write_json(tmp_path / "a.json", records)))["status"] == "fields.status.name"
    for record in records:
        del record["fields"]
    assert "status" not in names(choose_from(write_json(tmp_path / "b.json", records)))


def test_a_name_that_comes_again_is_no_title(tmp_path: Path) -> None:
    """It is the customer's; what happened is the title."""
    rows = [{"Ref": f"I-{n}", "Name": f"Customer {n % 4}", "What happened": f"It broke {n} times"} for n in range(12)]
    assert names(choose_from(write_table(tmp_path / "a.csv", rows)))["title"] == "What happened"


@pytest.mark.parametrize("old", ["old_status", "from_status", "Previous status", "alter Status", "estado anterior"])
def test_what_the_status_was(tmp_path: Path, old: str) -> None:
    """In a log of changes the new one counts."""
    rows = [{"Title": f"It broke {n} times", old: "open", "new_status": ("closed", "open")[n % 2]} for n in range(6)]
    assert names(choose_from(write_table(tmp_path / "a.csv", rows)))["status"] == "new_status"


@pytest.mark.parametrize("header", ["Ticketstatus", "Bearbeitungsstand", "Auftragsstatus"])
def test_compounds(tmp_path: Path, header: str) -> None:
    """German writes two words as one."""
    rows = [{"Titel": f"Es ging {n} mal kaputt", header: ("offen", "erledigt")[n % 2]} for n in range(6)]
    assert names(choose_from(write_table(tmp_path / "a.csv", rows)))["status"] == header
