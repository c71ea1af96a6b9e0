"""The simplest files that somebody would type: all is created, or one question is asked whose line, pasted, does."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from importer.api import BUILT_IN_CATEGORIES
from tests.harness.running import Ended, Program

PLAINEST = {
    # name: lines of the file => severity status category of each issue, ? for what is asked
    "words.csv": "title,severity;Call drops,high;Echo on the line,minor => high todo Bug;low todo Bug",
    "own.csv": "title,severity,category,status;Call drops,urgent,Latency,Open;Echo,minor,bug,Fixed => critical todo Latency;low done Bug",
    "alone.csv": "title;Call drops => ? todo Bug",
    "two.csv": "title,description;Call drops,After ten seconds;Echo,Always => ? todo Bug;? todo Bug",
    "table.csv": "Title,Status;Call drops,Open;Echo,In Progress;Noise,Done => ? todo Bug;? in_progress Bug;? done Bug",
    "summary.csv": "summary,priority;Login fails,P1;Slow page,P3 => high todo Bug;low todo Bug",
    "tasks.csv": "Task,Priority,Done;Call back,High,yes;Write it down,Low,no => high done Bug;low todo Bug",
    "ids.csv": "ID,Bug,Severity,Owner;1,Call drops,Critical,Ann Meyer => critical todo Bug",
    "type.csv": "Issue,Type,Priority,Assignee;Call drops,defect,blocker,Ann => critical todo Bug",
    "names.csv": "name,priority,assignee;Call drops,high,Ann => high todo Bug",
    "refs.csv": "Ticket,Title,Priority;T-1,Call drops,high => high todo Bug",
    "one.jsonl": '{"title": "Call drops", "severity": "High"} => high todo Bug',
    "few.jsonl": '{"title": "Call drops"};{"title": "Echo"} => ? todo Bug;? todo Bug',
    "notes.jsonl": '{"id": 7, "title": "Echo", "notes": "Always", "priority": "normal", "status": "wip"} => medium in_progress Bug',
    "titel.csv": "Titel,Priorität;Anruf bricht ab,hoch;Echo,niedrig => high todo Bug;low todo Bug",
    "liste.csv": "Nr,Fehler,Priorität,Status;1,Anruf bricht ab,dringend,offen;2,Echo,mittel,erledigt => critical todo Bug;medium done Bug",
    "aufgaben.csv": "Aufgabe,Erledigt;Anruf prüfen,ja;Echo messen,nein => ? done Bug;? todo Bug",
    "fehler.jsonl": '{"titel": "Anruf bricht ab", "beschreibung": "Nach zehn Sekunden", "schweregrad": "schwer"} => high todo Bug',
    "titre.csv": "Titre,Priorité,Statut;Appel coupé,haute,ouvert;Écho,basse,terminé => high todo Bug;low done Bug",
    "anomalies.csv": "N°,Anomalie,Gravité,Responsable;4,Appel coupé,bloquante,Anne => critical todo Bug",
    "appels.jsonl": '{"titre": "Appel coupé", "description": "Après dix secondes"} => ? todo Bug',
    "titulo.csv": "Título,Prioridad,Estado;Llamada cortada,alta,pendiente;Eco,baja,cerrado => high todo Bug;low closed Bug",
    "incidencias.csv": "Incidencia,Descripción,Gravedad;Llamada cortada,A los diez segundos,crítica => critical todo Bug",
    "llamadas.jsonl": '{"titulo": "Llamada cortada", "prioridad": "urgente", "estado": "en curso"} => critical in_progress Bug',
    "件名.csv": "件名,状態,重要度;通話が切れる,未対応,緊急;エコー,完了,低 => critical todo Bug;low done Bug",
    "一覧.csv": "番号,問題,優先度,担当者;1,通話が切れる,高,田中 => high todo Bug",
    "noms.csv": "Nom,Urgence;Écho,haute => high todo Bug",
    "課題.jsonl": '{"タイトル": "通話が切れる", "説明": "十秒後", "ステータス": "対応中"} => ? in_progress Bug',
}  # fmt: skip
# ruff: noqa: E501 - a file is a line


@pytest.mark.parametrize("name", PLAINEST)
def test_a_plain_file(program: Program, name: str) -> None:
    """Its title is enough; only how severe its issues are is asked, once, and no new category is made."""
    text, _, expected = PLAINEST[name].partition(" => ")
    Path(name).write_text(text.replace(";", "\n") + "\n", encoding="utf-8")
    ended = program("run", name, "--sandbox", "--yes", "--out", "out")
    if "?" in expected:
        assert (ended.code, Path("out/results.csv").exists()) == (2, False), ended.err
        ended = paste(program, ended)
        expected = expected.replace("?", "medium")
    assert ended.code == 0, ended.err
    with program.own_sandbox() as sandbox:
        made = [f"{each['severity']} {each['status']} {each['category']}" for each in sandbox.issues()]
    assert sorted(made) == sorted(expected.split(";"))
    assert "permanent once created" not in ended.err
    assert all(each.split()[2] in BUILT_IN_CATEGORIES for each in made)


def paste(program: Program, ended: Ended) -> Ended:
    """Type the last line that was printed."""
    [line] = re.findall(r"triage-import (.+)", ended.err)
    return program(*shlex.split(line))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ID,Title,Status,Work type\n1,Echo,Open,Task\n", "Work type (category)"),
        ("ID,Title,Status,Workflow state,QA owner\n1,Echo,,Open,Ann\n", "Workflow state (status), QA owner (people)"),
        (
            "title,severity,status,Ticket ref,Long desc\nEcho,high,new,T-1,Always\n",
            "Ticket ref (key), Long desc (description)",
        ),
        ("No,Title,Customer tier\n1,Echo,High\n2,Noise,Low\n", "Customer tier (severity)"),
        (
            "ID,Title,Status,Priority\n1,Calls a person,Passed,High\n2,Hangs up,Failed,Low\n",
            "Status (results of tests)",
        ),
        ('{"id": 1, "title": "Echo", "status": "open", "ticket_kind": "Task"}\n', "ticket_kind (category)"),
    ],
)
def test_a_plain_list_gives_way_to_a_draft(program: Program, text: str, said: str) -> None:
    """Where a draft would use more columns: these are named, and the commands go on, to the draft or without it."""
    name = "a.jsonl" if text.startswith("{") else "a.csv"
    Path(name).write_text(text, encoding="utf-8")
    ended = program("validate", name)
    assert (ended.code, f"reads less than a draft would: {said}.\n" in ended.err) == (2, True), ended.err
    [line] = re.findall(r"triage-import (draft .+)", ended.err)
    drafted = program(*shlex.split(line))
    assert (drafted.code, "A preset knows" in drafted.err) == (0, False)
    [line] = re.findall(r"Next: triage-import (validate .+)", drafted.err)
    assert program(*shlex.split(line)).code == 0
    assert program("validate", name, "-m", "bug-list", "--severity", "low").code == 0


@pytest.mark.parametrize("name", ["comments", "notes"])
def test_a_discussion_in_a_plain_list(program: Program, name: str) -> None:
    """An array of objects is a comment for each, and no description of raw JSON; without a text it is named as lost."""
    said = [{"author": {"name": "Ann"}, "body": "Me too", "created": "2026-01-02"}, {"author": "Ben", "text": "Fixed?"}]
    rows = [{"id": 1, "title": "Echo", "severity": "low", name: said}, {"id": 2, "title": "Hum", "severity": "low"}]
    rows += [{"id": 3, "title": "Beep", "severity": "low", name: [{"said": "Lost"}]}]
    Path("plain.json").write_text(json.dumps(rows), encoding="utf-8")
    ended = program("run", "plain.json", "--sandbox", "--yes", "--json")
    with program.own_sandbox() as sandbox:
        issues = sandbox.issues()
        comments = [each["detail"] for each in sandbox.comments()]
    assert [text.partition("·")[0].strip() for text in comments] == ["Ann", "Ben"]
    assert not any("{" in text for text in (*comments, *(issue["description"] for issue in issues)))
    assert ended.summary["losses"]["dropped_columns"] == [f"{name}[].said"]
