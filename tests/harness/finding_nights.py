"""Nights of call reviews, in four layouts: calls and their answers, files that are late or there twice, and people.

An agent is weak in two criteria, so that most findings recur. What is drawn is the same for a seed, but for its layout.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx

from tests.harness.workbooks import Cell, write_xlsx

LAYOUTS = ("wide", "long", "lines", "sheet")
NIGHTS = 14
CALLS = 12
MISSING, TWICE = 5, 8
"""The night whose file comes with the next one's, and the one that is delivered twice."""
AGENTS = tuple(f"{name} {letter}." for letter in "ABCDE" for name in ("Ann", "Jürgen", "José", "Li", "Zoë"))
CRITERIA = {
    "Greets the caller": ("yes", "Dialogue"),
    "Verifies identity": ("yes", "Dialogue"),
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
}
WORDS = {  # language → failed, passed, not applicable, and a note
    "en": (("No", "fail"), ("Yes", "pass"), ("n/a",), 'It said "one moment", and then nothing'),
    "de": (("Nein", "nicht erfüllt"), ("Ja", "erfüllt"), ("Entfällt",), "Später; über zwei Minuten Stille"),
    "es": (("No", "No cumple"), ("Sí", "Cumple"), ("No aplica",), "¿Quién llama? Nadie preguntó"),
}
PERSON = {"Authorization": "person"}
MADE, LONG_AGO = datetime(2099, 1, 1, 9), datetime(2020, 1, 1, 9)  # a call after all that people do, and one before it


class Answer(NamedTuple):
    """What somebody has said about a criterion of a call."""

    answer: str
    note: str
    turn: int


@dataclass
class Call:
    """A call that was reviewed."""

    id: str
    agent: str
    language: str
    made: datetime
    answers: dict[str, Answer] = field(default_factory=dict)


class Deed(NamedTuple):
    """What a person has done: `done` and `closed` are statuses, `description` and `severity` fields, or a comment."""

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
        self._named: set[str] = set()  # calls of the last file

    def deliver(self, night: int) -> list[list[Path]]:
        """Review tonight's calls, correct older reviews, and return the files of each run that can be started."""
        random = self._random
        # A review changes once in a run: rows of one occurrence that differ would be for `duplicates`.
        older = [call for call in self._calls[: -2 * CALLS] if call.id not in self._named]
        fresh = [self._call(night, number) for number in range(CALLS)]
        changed = random.sample(older, k=min(len(older), 4))
        for call in changed:
            for name in random.sample(sorted(call.answers), k=6):
                self._answer(call, name, calibrated=True)
        again = random.sample(self._calls[-CALLS:], k=min(len(self._calls), 3))
        again = [call for call in again if call not in changed]
        self._calls += fresh
        self._named = {call.id for call in (*again, *changed)}
        path = self._write(night, self._calls if self._layout == "sheet" else [*again, *changed, *fresh])
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
        call = Call(f"{late}c{night:02}n{number:02}", agent, language, made + timedelta(days=night, minutes=number))
        for name in CRITERIA:
            self._answer(call, name)
        return call

    def _answer(self, call: Call, name: str, *, calibrated: bool = False) -> None:
        """Answer a criterion; a calibrated answer keeps its turn, and fails as often as not."""
        random, (kind, _) = self._random, CRITERIA[name]
        place = list(CRITERIA).index(name)
        is_weak = place in (AGENTS.index(call.agent) % 20, (AGENTS.index(call.agent) + 7) % 20)
        failed, passed, not_applicable, phrase = WORDS[call.language]
        fails = random.random() < (0.5 if is_weak or calibrated else 0.03)
        if random.random() < 0.05:
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
        call.answers[name] = Answer(answer, note, turn)

    def _write(self, night: int, calls: Sequence[Call]) -> Path:
        suffix = {"lines": "jsonl", "sheet": "xlsx"}.get(self._layout, "csv")
        path = self._folder / f"night-{night:02}.{suffix}"
        match self._layout:
            case "wide":
                criteria = [cell for name in CRITERIA for cell in (name, f"{name} Comment")]
                wide: list[list[str]] = [["Call ID", "Agent", "Date", *criteria, "Reviewer"]]
                for call in calls:
                    cells = [cell for name in CRITERIA for cell in call.answers[name][:2]]
                    wide.append([call.id, call.agent, call.made.isoformat(), *cells, "QA"])
                _write_csv(path, wide)
            case "long":
                rows = [["call_id", "agent", "date", "criterion", "result", "note", "turn"]]
                for call in calls:
                    rows += [
                        [call.id, call.agent, call.made.isoformat(), name, each.answer, each.note, str(each.turn)]
                        for name, each in call.answers.items()
                    ]
                _write_csv(path, rows)
            case "lines":
                records = [
                    {
                        **{"call_id": call.id, "agent": call.agent, "date": call.made.isoformat()},
                        "results": [{"criterion": name, **each._asdict()} for name, each in call.answers.items()],
                    }
                    for call in calls
                ]
                path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
            case _:
                sheet: list[list[Cell]] = [["Nr", "Datum", "Agent", "Anruf", "Kriterium", "Ergebnis", "Bemerkung"]]
                for call in calls:
                    for name, each in call.answers.items():
                        row: list[Cell] = [call.made, call.agent, call.id, name, each.answer or None, each.note or None]
                        sheet.append([len(sheet), *row])
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
        deeds = []
        kinds = ["done", "done", "closed", "description", "severity", "comment", "comment"]
        for issue in self._random.sample(sorted(issues, key=lambda each: str(each["title"])), k=min(len(issues), 7)):
            deed = Deed(kinds.pop(), issue["id"])
            match deed.kind:
                case "done" | "closed":
                    deed = deed._replace(value=deed.kind)
                    self._change(deed, status=deed.value)
                case "severity":
                    deed = deed._replace(value=self._random.choice(("low", "high")))
                    self._change(deed, severity=deed.value)
                case "description":
                    deed = deed._replace(value=f"What we know since day {night}.")
                    self._change(deed, description=deed.value)
                case _:
                    deed = deed._replace(value=f"I looked at it on day {night}.")
                    body = {"detail": deed.value}
                    url = f"{self._to}/{deed.issue_id}/comments"
                    assert httpx.post(url, json=body, headers=PERSON).is_success
            deeds.append(deed)
        if night % 5 == 0:
            gone = self._random.choice(deeds).issue_id
            assert httpx.delete(f"{self._to}/{gone}", headers=PERSON).is_success
            deeds.append(Deed("deleted", gone))
        return deeds

    def _change(self, deed: Deed, **fields: str) -> None:
        assert httpx.patch(f"{self._to}/{deed.issue_id}", json=fields, headers=PERSON).is_success
