"""A judge of findings night after night: it reads what was delivered, what people did, and what a target has.

It knows nothing of the program, nor of what made the files: only the rules, which it follows in its own way. An answer
is a finding if it is in `FAILED`, points below the maximum or below 80 %; `INVERTED` criteria ask for what is bad. Of
answers to the same the one that was reviewed last counts.
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

FAILED = {"no", "fail", "nein", "nicht erfüllt", "no cumple", "auto-fail"}
PASSED = {"yes", "pass", "ja", "erfüllt", "sí", "cumple"}
INVERTED = {"Caller interrupted", "Echo on the line"}
CRITICAL = {"Verifies identity (auto-fail)"}
EIGHT = {"Transcription", "Speech", "Dialogue", "Routing", "Tools", "Latency", "Telephony", "Bug"}
_MARK = re.compile(r"\b(?:tic|tir)[a-z2-7]{10}\b")
_GOES_ON = re.compile(r"part (?!1 )\d+ of \d+")
_LATER = re.compile(r"(?:Corrected|Withdrawn): ")
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

Pair = tuple[str, str]


class Row(NamedTuple):
    """An answer, as a file has it; `turn` is empty where the layout has none."""

    agent: str
    criterion: str
    call: str
    turn: str
    answer: str
    note: str
    is_old: bool
    reviewed: str
    auto_fail: object = ""

    @property
    def severity(self) -> str:
        is_critical = self.criterion in CRITICAL or self.answer == "Auto-fail" or self.auto_fail in ("yes", True, "Ja")
        return "critical" if is_critical else "medium"

    @property
    def fails(self) -> bool:
        answer = self.answer.strip().lower()
        if found := re.fullmatch(r"(\d+)/(\d+)", answer):
            return int(found[1]) < int(found[2])
        if answer.endswith("%"):
            return float(answer[:-1].replace(",", ".")) < 80
        return answer in (PASSED if self.criterion in INVERTED else FAILED)


def read(path: Path) -> Iterator[Row]:
    """Read a delivered file, whatever its layout."""
    if path.suffix == ".jsonl":
        for line in path.read_text("utf-8").splitlines():
            call = json.loads(line)
            for each in call["results"]:
                what = (call["agent"], each["criterion"], call["call_id"], str(each["turn"]))
                said = (each["answer"], each["note"], call["date"] < "2026", call["updated_at"])
                yield Row(*what, *said, each["auto_fail"])
        return
    if path.suffix == ".xlsx":
        for _, made, agent, call_id, criterion, answer, note, auto_fail, changed in list(_read_sheet(path))[1:]:
            yield Row(agent, criterion, call_id, "", answer, note, float(made) < 46_000, changed, auto_fail)
        return
    with path.open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            if "criterion" in cells:
                what = (cells["agent"], cells["criterion"], cells["call_id"], cells["turn"])
                said = (cells["result"], cells["note"], cells["date"] < "2026", cells["reviewed_at"])
                yield Row(*what, *said, cells["auto_fail"])
                continue
            for name in cells:
                if f"{name} Comment" in cells:
                    what = (cells["Agent"], name, cells["Call ID"], "")
                    said = (cells[name], cells[f"{name} Comment"], cells["Date"] < "2026", cells["Reviewed at"])
                    yield Row(*what, *said)


def _read_sheet(path: Path) -> Iterator[list[str]]:
    with zipfile.ZipFile(path) as archive:
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    for row in sheet.iter(f"{_SHEET}row"):
        cells = {str(cell.get("r")).rstrip("0123456789"): "".join(cell.itertext()) for cell in row}
        yield [cells.get(letter, "") for letter in "ABCDEFGHI"]


@dataclass
class Occurrence:
    """What was said of a finding last, and all that an issue's comments should have said of it."""

    row: Row
    told: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Issue:
    """An issue as it should be.

    comments  those that were there, by id; `persons` are texts that people wrote
    given_up  calls that aren't waited for any more
    lost      calls for which a deleted issue waits until a second run finds it deleted
    """

    id: str = ""
    triage_id: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    persons: list[str] = field(default_factory=list)
    is_severity_ours: bool = True
    is_deleted: bool = False
    occurrences: dict[tuple[str, str], Occurrence] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)


class Judge:
    """Follows the rules, and compares. What is wrong is told as sentences."""

    def __init__(self) -> None:
        self.issues: dict[Pair, Issue] = {}
        self._night, self._named = 0, dict[str, int]()  # call → the night in which a file named it first
        self.touched: set[Pair] = set()  # those of which the last run had something to say, or for which they waited
        self.figures: Counter[str] = Counter()

    def saw(self, deeds: Iterable[tuple[str, str, str]]) -> None:
        """Hear what people did: kind, the issue's id, and what they wrote."""
        by_id = {issue.id: issue for issue in self.issues.values()}
        for kind, id_, value in deeds:
            issue = by_id[id_]
            if kind == "deleted":
                issue.lost, issue.is_deleted = self._waited_for(issue), True
            elif kind == "comment":
                issue.persons.append(value)
            else:
                name = "status" if kind in ("done", "closed") else kind
                issue.is_severity_ours &= name != "severity" or issue.fields[name] == value
                issue.fields[name] = value

    def took(self, paths: Sequence[Path], night: int, but: Container[str] = (), *, gives_up: bool = False) -> None:
        """Hear which files a run took, and work out what it should have done.

        `but` are criteria whose findings it has to reject; a run that gives up waits for no call any more.
        """
        counts = self.figures = Counter[str]()
        self.touched = {pair for pair, issue in self.issues.items() if self._waited_for(issue)}
        self._night = night
        rows = sorted((row for path in paths for row in read(path)), key=lambda row: row.reviewed)
        by_pair: dict[Pair, list[Row]] = defaultdict(list)
        for row in {row[:4]: row for row in rows if row.criterion not in but}.values():
            by_pair[row.agent, row.criterion].append(row)
        for pair, its in by_pair.items():
            issue = self.issues.get(pair)
            if issue is not None and issue.is_deleted:
                counts["on_deleted"] += sum(row.fails for row in its)
                continue
            if issue is None:
                if not any(row.fails for row in its):
                    continue
                issue = self.issues[pair] = Issue()
                counts["issues_new"] += 1
            if self._take(issue, its, counts):
                self.touched.add(pair)
        for issue in self.issues.values():
            calls = self._waited_for(issue)
            counts["evidence_given_up" if gives_up else "evidence_waiting"] += len(calls)
            issue.given_up |= calls if gives_up else set()
            issue.lost = set()

    def _take(self, issue: Issue, rows: Sequence[Row], counts: Counter[str]) -> bool:
        told = sum(len(each.told) for each in issue.occurrences.values())
        new, again, withdrawn = [], [], 0
        for row in rows:
            there = issue.occurrences.get((row.call, row.turn))
            if there is None and row.fails:
                issue.occurrences[row.call, row.turn] = Occurrence(row, [("", row.note)])
                new.append(row)
            elif there is not None and row.fails:
                is_same = there.row.fails and there.row[4:6] == row[4:6]
                counts["occurrences_known" if is_same else "occurrences_corrected"] += 1
                if not is_same:
                    there.told.append(("Corrected: ", row.note))
                if not there.row.fails:
                    again.append(row)
                there.row = row
            elif there is not None:
                if there.row.fails:
                    there.told.append(("Withdrawn: ", row.note))
                    withdrawn += 1
                there.row = row
        worst = min((row.severity for row in rows if row.fails), default="medium")  # by their letters, critical first
        is_raised = issue.is_severity_ours and worst < issue.fields.setdefault("severity", "medium")
        issue.fields |= {"severity": worst} if is_raised else {}
        counts["occurrences_new"] += len(new)
        counts["occurrences_withdrawn"] += withdrawn
        counts["issues_without_findings"] += withdrawn > 0 and not any(
            each.row.fails for each in issue.occurrences.values()
        )
        for row in new:
            self._named.setdefault(row.call, self._night)
        counts["issues_recurred"] += bool(issue.id and new)
        if issue.id and (found := [*new, *again]):
            if issue.fields["status"] == "done" and not all(row.is_old for row in found):
                counts["reopened"] += 1
                issue.fields["status"] = "todo"
            elif issue.fields["status"] in ("done", "closed"):
                counts["added_to_closed"] += 1
        return is_raised or sum(len(each.told) for each in issue.occurrences.values()) > told

    def _waited_for(self, issue: Issue) -> set[str]:
        """The calls that an issue waits for after the last run: Triage knows late ones a night after it was asked."""
        calls = {call for call, _ in issue.occurrences} - issue.given_up
        late = {call for call in calls if call.startswith("late-") and self._named[call] == self._night}
        return issue.lost if issue.is_deleted else late | {call for call in calls if call.startswith("missing-")}

    def compare(self, target: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
        """Say what is wrong at a target, of which `issues`, `comments`, `flags` and `resources` are given."""
        shown = {each["id"]: each for each in target["issues"]}
        parts: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for kind in ("comments", "flags", "resources"):
            for each in target[kind]:
                parts[each["issue_id"]][kind].append(each)
        expected = {pair: issue for pair, issue in self.issues.items() if not issue.is_deleted}
        if len(shown) != len(expected):
            titles = Counter(each["title"] for each in shown.values())
            titles -= Counter(f"{criterion}: {agent}" for agent, criterion in expected)
            yield f"{len(shown)} issues, not {len(expected)}, besides {[*titles.elements()]}"
        for pair, issue in expected.items():
            if not issue.id:
                found = [each for each in shown.values() if each["title"] == f"{pair[1]}: {pair[0]}"]
                if len(found) != 1:
                    yield f"{pair} has {len(found)} issues"
                    continue
                issue.id, issue.triage_id = found[0]["id"], found[0]["triage_id"]
                issue.fields |= {name: found[0][name] for name in ("title", "description", "category")}
                issue.fields["status"] = "todo"
            if issue.id not in shown:
                yield f"{pair} is gone"
                continue
            for name, value in issue.fields.items():
                if shown[issue.id][name] != value:
                    yield f"{name} of {pair} is {shown[issue.id][name]!r}, not {value!r}"
            if issue.fields["category"] not in EIGHT:
                yield f"{pair} is of the category {issue.fields['category']}"
            yield from self._compare_parts(pair, issue, parts[issue.id])

    def _compare_parts(
        self, pair: Pair, issue: Issue, parts: Mapping[str, Sequence[Mapping[str, Any]]]
    ) -> Iterator[str]:
        comments = {each["id"]: each["detail"] for each in parts["comments"]}
        for id_, detail in issue.comments.items():
            if comments.get(id_) != detail:
                yield f"a comment of {pair} was {detail!r}, and is {comments.get(id_)!r}"
        issue.comments = comments
        texts = list(comments.values())
        for text in issue.persons:
            if texts.count(text) != issue.persons.count(text):
                yield f"{pair} has {texts.count(text)} times {text!r}"
        paragraphs = [
            part for text in texts if text not in issue.persons for part in _MARK.sub("", text).split("\n---\n")
        ]
        told = [(call, what) for (call, _), each in issue.occurrences.items() for what in each.told]
        heads = [part for part in paragraphs if not _GOES_ON.search(part)]
        if len(heads) != len(told):
            yield f"{pair} has {len(heads)} paragraphs of {len(told)}: {paragraphs}"
        for call, (kind, note) in told:
            its = [part for part in heads if call in part and (kind in part if kind else not _LATER.search(part))]
            wanted = sum(other == call and what[0] == kind for other, what in told)
            if len(its) != wanted:
                yield f"{call} is {len(its)} times in {pair} as {kind or 'new'!r}, not {wanted}: {its}"
            everything = " ".join(" ".join(paragraphs).split())
            if not all(word in everything for word in note.split()):
                yield f"a note of {call} in {pair} is lost: {note[:80]!r}"
        known = {call for call, _ in issue.occurrences} - issue.given_up - self._waited_for(issue)
        wanted_flags = Counter((call, _type(pair[1])) for call, _ in issue.occurrences if call in known)
        flags = Counter((each["call_id"], _type(each["type"])) for each in parts["flags"])
        if flags != wanted_flags:
            yield f"{pair} lacks the flags {wanted_flags - flags}, and has besides {flags - wanted_flags}"
        links = Counter(each["resource_id"] for each in parts["resources"])
        if links != Counter(known):
            yield f"{pair} lacks the calls {Counter(known) - links}, and has besides {links - Counter(known)}"


def _type(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
