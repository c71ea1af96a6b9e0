"""Nights of call reviews, in four layouts: calls and their answers, files that are late or there twice, and people.

An agent is weak in two criteria, so that most findings recur. What is drawn is the same for a seed, but for its layout.
A review that was changed stands in the file twice, the newer one first.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx

from tests.harness.workbooks import Cell, write_xlsx

LAYOUTS = ("wide", "long", "lines", "sheet")
NIGHTS = 14
CALLS = 8
MISSING, TWICE = 5, 8
"""The night whose file comes with the next one's, and the one that is delivered twice, with a criterion more."""
NEW = "Confirms the callback"
AGENTS = tuple(f"{name} {letter}." for letter in "ABCDE" for name in ("Ann", "Jürgen", "José", "Li", "Zoë"))
CRITERIA = {
    "Greets the caller": ("yes", "Dialogue"),
    "Verifies identity (auto-fail)": ("yes", "Dialogue"),
    "States the reason": ("yes", "Dialogue"),
    "Right language": ("yes", "Speech"),
    "Pronounces names": ("points", "Speech"),
    "Speaks clearly": ("points", "Speech"),
    "Transcript is right": ("percent", "Transcription"),
    "Understands numbers": ("points", "Transcription"),
    "Answers in time": ("percent", "Latency"),
    "Caller interrupted": ("inverted", "Latency"),
    "Right transfer": ("yes", "Routing"),
    "Offers a person": ("yes", "Routing"),
    "Looks up the order": ("yes", "Tools"),
    "Books the appointment": ("yes", "Tools"),
    "Sends the summary": ("yes", "Tools"),
    "Line stays up": ("yes", "Telephony"),
    "Echo on the line": ("inverted", "Telephony"),
    "Follows the script": ("points", "Bug"),
    "Ends politely": ("yes", "Dialogue"),
    "Says farewell": ("yes", "Dialogue"),
    NEW: ("yes", "Dialogue"),
}
WORDS = {  # language → failed, passed, not applicable, and a note
    "en": (("No", "fail"), ("Yes", "pass"), ("n/a",), 'It said "one moment", and then nothing'),
    "de": (("Nein", "nicht erfüllt"), ("Ja", "erfüllt"), ("Entfällt",), "Später; über zwei Minuten Stille"),
    "es": (("No", "No cumple"), ("Sí", "Cumple"), ("No aplica",), "¿Quién llama? Nadie preguntó"),
}
PERSON = {"Authorization": "person"}
MADE, LONG_AGO = datetime(2099, 1, 1, 9), datetime(2020, 1, 1, 9)  # a call after all that people do, and one before it
REVIEWED = datetime(2099, 2, 1)


class Answer(NamedTuple):
    """What somebody has said about a criterion of a call."""

    answer: str
    note: str
    turn: int
    is_fatal: bool = False


@dataclass
class Call:
    """A call, and its last review."""

    id: str
    agent: str
    language: str
    made: datetime
    reviewed: datetime
    answers: dict[str, Answer] = field(default_factory=dict)


class Deed(NamedTuple):
    """What a person has done: `done` and `closed` are statuses, the others fields, or a comment."""

    kind: str
    issue_id: str
    value: str = ""


class Reviews:
    """The reviews of all nights, and the files in which they are delivered."""

    def __init__(self, seed: int, layout: str, folder: Path) -> None:
        self._random, self._layout, self._folder = Random(f"{seed} findings"), layout, folder
        self._calls: list[Call] = []
        self._notes = 0
        self._late: list[Path] = []

    def deliver(self, night: int) -> list[list[Path]]:
        """Review tonight's calls, correct older reviews, and return the files of each run that can be started."""
        random = self._random
        fresh = [self._call(night, number) for number in range(CALLS)]
        changed = random.sample(self._calls, k=min(len(self._calls), 4))
        before = [replace(call, answers={**call.answers}) for call in changed]
        for call in changed:
            call.reviewed = REVIEWED + timedelta(days=night)
            for name in random.sample(sorted(call.answers), k=6):
                self._answer(call, name, 0.5)
        again = random.sample(self._calls[-CALLS:], k=min(len(self._calls), 3))
        again = [call for call in again if call not in changed]
        self._calls += fresh
        calls = self._calls if self._layout == "sheet" else [*again, *changed, *fresh]
        path = self._write(night, [*calls, *before[:2]])
        if night == MISSING:
            self._late.append(path)
            return []
        late, self._late = self._late, []
        files = [path] if self._layout == "sheet" else [*late, path]  # a sheet that grows has what was missing
        return [files] * (2 if night == TWICE else 1)

    def _call(self, night: int, number: int) -> Call:
        random = self._random
        agent = random.choice(AGENTS)
        made = LONG_AGO if random.random() < 0.1 else MADE
        late = "late-" if random.random() < 0.25 else ""
        language = list(WORDS)[AGENTS.index(agent) % 3]
        late = "missing-" if random.random() < 0.05 else late
        at = timedelta(days=night, minutes=number)
        call = Call(f"{late}c{night:02}n{number:02}", agent, language, made + at, REVIEWED + timedelta(days=night))
        who = AGENTS.index(agent)
        for place, name in enumerate(CRITERIA if night >= TWICE else [*CRITERIA][:-1]):
            is_first = (night, number, name) == (TWICE, 0, NEW)
            self._answer(call, name, 1 if is_first else 0.5 if place in (who % 20, (who + 7) % 20) else 0.03)
        return call

    def _answer(self, call: Call, name: str, fails_at: float) -> None:
        """Answer a criterion, which fails at these odds; an answer that changes keeps its turn."""
        random, (kind, _) = self._random, CRITERIA[name]
        failed, passed, not_applicable, phrase = WORDS[call.language]
        fails = random.random() < fails_at
        if random.random() < 0.05 and fails_at < 1:
            answer = random.choice((*not_applicable, ""))
            fails = False
        elif kind == "yes" or kind == "inverted":
            answer = random.choice(failed if fails is (kind == "yes") else passed)
        elif kind == "points":
            answer = random.choice(("3/5", "2/5") if fails else ("5/5",))
        else:
            answer = random.choice(("72 %", "72,5 %") if fails else ("95 %", "80 %"))
        self._notes += fails
        note = random.choice(("", f"{phrase} ({self._notes})", f"{phrase}:\n- twice\n- {self._notes}")) if fails else ""
        if self._notes % 40 == 0 and fails:
            note = " ".join(f"word{self._notes}x{number}" for number in range(600))
        turn = call.answers[name].turn if name in call.answers else random.randint(1, 30)
        is_fatal = fails and kind != "inverted" and self._notes % 6 == 1
        answer = "Auto-fail" if is_fatal and self._layout == "wide" else answer
        call.answers[name] = Answer(answer, note, turn, is_fatal)

    def _write(self, night: int, calls: Sequence[Call]) -> Path:
        suffix = {"lines": "jsonl", "sheet": "xlsx"}.get(self._layout, "csv")
        path = self._folder / f"night-{night:02}.{suffix}"
        match self._layout:
            case "wide":
                names = list(dict.fromkeys(name for call in calls for name in call.answers))
                criteria = [cell for name in sorted(names, key=[*CRITERIA].index) for cell in (name, f"{name} Comment")]
                wide: list[list[str]] = [["Call ID", "Agent", "Date", *criteria, "Reviewer", "Reviewed at"]]
                for call in calls:
                    cells = [cell for name in criteria[::2] for cell in call.answers.get(name, ("", ""))[:2]]
                    wide.append([call.id, call.agent, call.made.isoformat(), *cells, "QA", call.reviewed.isoformat()])
                _write_csv(path, wide)
            case "long":
                rows = [["call_id", "agent", "date", "reviewed_at", "criterion", "result", "note", "turn", "auto_fail"]]
                for call in calls:
                    what = [call.id, call.agent, call.made.isoformat(), call.reviewed.isoformat()]
                    rows += [
                        [*what, name, each.answer, each.note, str(each.turn), "yes" if each.is_fatal else "no"]
                        for name, each in call.answers.items()
                    ]
                _write_csv(path, rows)
            case "lines":
                records = [
                    {
                        **{"call_id": call.id, "agent": call.agent, "date": call.made.isoformat()},
                        "updated_at": call.reviewed.isoformat(),
                        "results": [
                            dict(zip(("criterion", "answer", "note", "turn", "auto_fail"), (name, *each), strict=True))
                            for name, each in call.answers.items()
                        ],
                    }
                    for call in calls
                ]
                path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
            case _:
                sheet: list[list[Cell]] = [
                    ["Nr", "Datum", "Agent", "Anruf", "Kriterium", "Ergebnis", "Bemerkung", "KO", "Geändert am"]
                ]
                for call in calls:
                    for name, each in call.answers.items():
                        row: list[Cell] = [call.made, call.agent, call.id, name, each.answer or None, each.note or None]
                        sheet.append([len(sheet), *row, "Ja" if each.is_fatal else None, call.reviewed])
                write_xlsx(path, {"Anrufe": sheet})
        return path


def _write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


class People:
    """They finish, edit and comment issues, and now and then delete one."""

    def __init__(self, seed: int, url: str) -> None:
        self._random, self._to = Random(f"{seed} people"), f"{url}/v1/triage/issues"

    def work(self, night: int, issues: Sequence[Mapping[str, Any]]) -> list[Deed]:
        """Do a day's work on what is there, and say what was done."""
        values = {
            **{"done": "done", "closed": "closed", "severity": self._random.choice(("low", "high"))},
            **{"title": f"Day {night}: it is that again", "description": f"What we know since day {night}."},
            "comment": f"I looked at it on day {night}.",
        }
        kinds, deeds = [*values, "done"], []
        issues = sorted(issues, key=lambda each: str(each["title"]))
        for issue, kind in zip(self._random.sample(issues, k=len(kinds)), kinds, strict=True):
            deeds.append(Deed(kind, issue["id"], values[kind]))
            url, name = f"{self._to}/{issue['id']}", "status" if kind in ("done", "closed") else kind
            comment, patch = ("POST", f"{url}/comments", {"detail": values[kind]}), ("PATCH", url, {name: values[kind]})
            method, to, body = comment if kind == "comment" else patch
            assert httpx.request(method, to, json=body, headers=PERSON).is_success
        if night % 5 == 0:
            gone = self._random.choice(deeds).issue_id
            assert httpx.delete(f"{self._to}/{gone}", headers=PERSON).is_success
            deeds.append(Deed("deleted", gone))
        return deeds
