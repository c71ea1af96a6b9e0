"""Sources whose rows say more than an issue holds, and what of that is at a target: each thing once, and in order.

What is to be there is read from the cells by rules of its own: nothing here asks the importer.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from importer.sandbox.body_rules import MISSING
from importer.sandbox.storage import Store
from tests.harness.hostile import RunningSandbox
from tests.harness.promises import Source, promise
from tests.harness.running import HEADER as ISSUE_HEADER
from tests.harness.sandbox_contents import all_comments, all_flags, all_issues, all_relations, all_resources
from tests.harness.unmarked import unmarked

COMMENTS = 5
"""Columns of comments."""
ADDED = ("Calls", "Flagged call", "Flag", "Note", "Turn", "Blocks", "Blocked by", "Relates")
HEADER = (*ISSUE_HEADER, *("Comment",) * COMMENTS, *ADDED)
MAPPING = r"""
input: {name: jira, key: Issue key}
title: Summary
description: Description
severity: {column: Priority, values: {High: high}}
status: {column: Status, values: {To Do: todo, Done: done}}
category: {column: Issue Type, keep_unknown: true}
comments:
  from: [{column: Comment, parse: '(?s)\A(?P<date>[^;]*);(?P<author>[^;]*);(?P<text>.*)\Z'}]
  open: separate
  closed: fold
resource_links: [{column: Calls, type: call, split: ","}]
flags: [{call: Flagged call, type: Flag, note: Note, message_index: Turn}]
relations:
  - {column: Blocks, type: blocks, split: ","}
  - {column: Blocked by, type: blocks, inverse: true, split: ","}
  - {column: Relates, type: related_to, split: ","}
references: [{pattern: 'PROJ-\d+'}]
"""
LISTS = ("Calls", "Blocks", "Blocked by", "Relates")
"""Columns whose cells hold several, with commas between."""
REWRITTEN = ("escape", "emoji", "trim", "polish")
"""Ways in which a target may rewrite texts, of which `_as_sent` knows how they were."""
NOBODY = "PROJ-0"
"""A key that no row has."""
TIGHT = 3_900
"""A comment of so many characters may have no room for numbers."""

_NAME = re.compile(r"(PROJ-\d+)(?: \((T-\d+)\))?")
_PART = re.compile(r"(.*) · part (\d+) of (\d+)")
_SEPARATOR = "\n\n---\n\n"


class Drawn:
    """Draws what rows say beside their issue: for `rows` rows, whose keys are PROJ-1 and so on.

    Of a relation both rows speak, or one of the two. `missing` is the share of calls that the sandbox doesn't know.
    """

    def __init__(self, random: Random, rows: int, *, missing: float = 0.1) -> None:
        self._random, self._rows, self._missing = random, rows, missing
        self._links: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        pairs = ((random.randint(1, rows), random.randint(1, rows)) for _ in range(rows // 2))
        for one, other in dict.fromkeys((min(pair), max(pair)) for pair in pairs if len(set(pair)) == 2):
            ends = [f"PROJ-{one}", f"PROJ-{other}"]
            random.shuffle(ends)
            columns = random.choice((("Blocks", "Blocked by"), ("Relates", "Relates")))
            for said in random.choice(((0, 1), (0, 1), (0,), (1,))):
                self._links[ends[said], columns[said]].append(ends[1 - said])

    def issue(self, number: int) -> tuple[str, ...]:
        """The cells of `HEADER` of a row, in order."""
        status, key = self._random.choice(("To Do", "To Do", "Done")), f"PROJ-{number}"
        return (key, f"Title {number}", "High", status, "Bug", self.text(), *self.cells(key))

    def text(self) -> str:
        """A text that may name other issues, one that there is not among them."""
        random, named = self._random, f"PROJ-{self._random.randint(1, self._rows)}"
        return random.choice(
            (
                "",
                f"as {named} says",
                f"{named}, and {NOBODY}; {named} again",
                f"not {NOBODY}",
                f'⚠ "<{named}> & don\'t"',
            )
        )

    def cells(self, key: str) -> tuple[str, ...]:
        """The cells of `HEADER` behind those of the issue."""
        comments = [self._comment() for _ in range(self._random.choice((0, 0, 1, 2, 3)))]
        if comments and self._random.random() < 0.3:
            comments.append(comments[-1])  # one person says the same twice
        links = (",".join(self._links[key, column]) for column in ("Blocks", "Blocked by", "Relates"))
        return (*comments, *("",) * (COMMENTS - len(comments)), *self._call(key), *links)

    def _comment(self) -> str:
        random = self._random
        author = random.choice(("Ann", "Bob"))
        date = f"{random.randint(1, 28)}/Mar/26 9:00 AM"
        if random.random() < 0.1:
            return f"{date};{author};{'A long story. ' * random.randint(300, 700)}The end."
        return (
            f"{date};{author};Saw it {random.choice(('once', 'twice'))} {self.text()} {'so ' * random.randint(1, 200)}."
        )

    def _call(self, key: str) -> tuple[str, str, str, str, str]:
        random = self._random
        calls = [
            f"{MISSING if random.random() < self._missing else 'call-'}{key}-{number}"
            for number in range(random.choice((0, 0, 1, 2)))
        ]
        if not calls or random.random() < 0.5:
            return ",".join(calls), "", "", "", ""
        return ",".join(calls), random.choice(calls), "Wrong Tone", random.choice(("", "Too loud")), "3"


@dataclass(frozen=True)
class Target:
    """What is at a target, as the API shows it, each in the order in which it was made."""

    issues: Sequence[dict[str, Any]]
    comments: Sequence[dict[str, Any]]
    resources: Sequence[dict[str, Any]]
    flags: Sequence[dict[str, Any]]
    relations: Sequence[dict[str, Any]]


def read_target(store: Store) -> Target:
    """What a sandbox that was stopped has kept, with texts as they were before it rewrote them."""
    issues, comments, flags = map(_as_sent, (all_issues(store), all_comments(store), all_flags(store)))
    return Target(issues, comments, all_resources(store), flags, all_relations(store))


def _as_sent(shown: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Undo what a target does to texts in one of REWRITTEN; only white space at the ends of lines is lost for good."""
    return [{name: _undo(it) if isinstance(it, str) else it for name, it in each.items()} for each in shown]


def _undo(text: str) -> str:
    text = html.unescape(text).replace("\r\n", "\n").replace("—", "---").replace("’", "'")
    return text.replace("“", '"').replace("”", '"').replace(":warning_sign:", "⚠")


def ask_target(sandbox: RunningSandbox) -> Target:
    """What a sandbox that runs has, with texts as they were before it rewrote them."""
    issues, comments, flags = map(_as_sent, (sandbox.issues(), sandbox.comments(), sandbox.flags()))
    return Target(issues, comments, sandbox.resources(), flags, sandbox.relations())


def check_additions(target: Target, source: Source, header: Sequence[str] = HEADER) -> None:
    """All that the good rows say is at the target, once: comments in order, with the new numbers. Raises Broken."""
    _Look(target, source, header).check()


class _Look:
    """A look at what hangs on the issues of a source; an issue is known by its title."""

    def __init__(self, target: Target, source: Source, header: Sequence[str]) -> None:
        self._target, self._header = target, header
        self._rows = {row[0]: row for row in source.good()}
        by_title = {issue["title"]: issue for issue in target.issues}
        self._issues = {key: by_title[row[1]] for key, row in self._rows.items() if row[1] in by_title}
        self._keys = {issue["id"]: key for key, issue in self._issues.items()}

    def _cells(self, key: str, name: str) -> list[str]:
        """The filled cells of a row's columns of this name, or what commas part in them."""
        cells = (cell for column, cell in zip(self._header, self._rows[key], strict=True) if column == name and cell)
        return [part for cell in cells for part in (cell.split(",") if name in LISTS else [cell])]

    def check(self) -> None:
        _compare("relation", self._wanted_relations(), self._relations())
        wanted = {(key, call) for key in self._issues for call in self._calls(key)}
        _compare("evidence", wanted, ((self._keys[it["issue_id"]], it["resource_id"]) for it in self._target.resources))
        _compare("flag", self._wanted_flags(), self._flags())
        comments = defaultdict(list)
        for comment in self._target.comments:
            comments[comment["issue_id"]].append(unmarked(comment["detail"]))
        for key, issue in self._issues.items():
            self._check_discussion(key, comments[issue["id"]])
            self._check_numbers(key, issue["description"])
            text = "".join(self._cells(key, "Description"))
            there = _squeeze(without_numbers(issue["description"]))
            quoted = re.sub(r"\b(ti[rs])(?=[0-9a-f]{12})", r"\1-", text)  # a marker that the source quotes
            promise(there.startswith(_squeeze(quoted)), "lost", f"the text of {key}: {text[:200]}")

    def _wanted_relations(self) -> Iterator[object]:
        said = set[object]()
        for key in self._issues:
            said |= {(key, "blocks", other) for other in self._cells(key, "Blocks") if other in self._issues}
            said |= {(other, "blocks", key) for other in self._cells(key, "Blocked by") if other in self._issues}
            said |= {frozenset((key, other)) for other in self._cells(key, "Relates") if other in self._issues}
        yield from said

    def _relations(self) -> Iterator[object]:
        for it in self._target.relations:
            owner, kind, other = self._keys[it["issue_id"]], it["relation_type"], self._keys[it["related_issue_id"]]
            yield (owner, kind, other) if kind == "blocks" else frozenset((owner, other))

    def _calls(self, key: str) -> Collection[str]:
        return {call for call in self._cells(key, "Calls") if not call.startswith(MISSING)}

    def _wanted_flags(self) -> Iterator[object]:
        for key in self._issues:
            for call in self._cells(key, "Flagged call"):
                if call in self._calls(key):
                    yield key, call, "wrong_tone", "".join(self._cells(key, "Note")), 3

    def _flags(self) -> Iterator[object]:
        for it in self._target.flags:
            yield self._keys[it["issue_id"]], it["call_id"], it["type"], it["note"], it["message_index"]

    def _check_discussion(self, key: str, details: Sequence[str]) -> None:
        for detail in details:
            self._check_numbers(key, detail, is_tight=len(detail) > TIGHT)
        wanted = []
        for cell in self._cells(key, "Comment"):
            date, author, text = cell.split(";", 2)
            wanted.append((f"{author} · {date}", _squeeze(text)))
        there = [(who, _squeeze(without_numbers(text))) for who, text in join_parts(details)]
        _compare(f"comment of {key}", Counter(wanted).elements(), there)
        promise(there == wanted, "disordered", f"the comments of {key} are {[text[:60] for _, text in there]}")

    def _check_numbers(self, key: str, text: str, *, is_tight: bool = False) -> None:
        """Behind the name of each other issue is its number, where there is one."""
        body = text.partition("---\nImported from ")[0]
        for name, number in _NAME.findall(body):
            wanted = "" if name == key else self._issues.get(name, {}).get("triage_id", "")
            promise(number == wanted or (is_tight and not number), "lost", f"{key} names {name} as {number!r}: {body}")


def join_parts(details: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Who said what, of comments that are folded or in parts; a part out of its place stands alone."""
    who, text, expected = "", "", 0
    for folded in details:
        for detail in folded.split(_SEPARATOR):
            opening, _, said = detail.partition("\n\n")
            part = _PART.fullmatch(opening)
            if part is None:
                yield opening, said
            elif part[1] == who and int(part[2]) == expected:
                text, expected = text + said, expected + 1
            else:
                who, text, expected = part[1], said, 2
            if part is not None and part[2] == part[3]:
                yield who, text
                who = ""


def _squeeze(text: str) -> str:
    """A text without white space: at the ends of lines and of parts, a target that trims takes it away."""
    return "".join(text.split())


def without_numbers(text: str) -> str:
    return _NAME.sub(r"\1", text)


def _compare(what: str, wanted: Iterable[object], there: Iterable[object]) -> None:
    expected, found = Counter(wanted), Counter(there)
    promise(not found - expected, "doubled", f"{what}: {_short(found - expected)}")
    promise(not expected - found, "lost", f"{what}: {_short(expected - found)}")


def _short(counted: Mapping[object, int]) -> str:
    return "; ".join(f"{times} × {str(it)[:200]}" for it, times in list(counted.items())[:5])
