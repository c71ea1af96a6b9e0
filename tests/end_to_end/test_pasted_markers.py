"""Markers that prove nothing, and duplicates that are true: what the report tells leads to each issue once."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from importer.api import ISSUES_PATH
from importer.errors import ExitCode
from importer.transform.markers import MARKER_NOTE, find_marker_lines, record_marker, source_marker
from tests.conftest import Serve
from tests.harness.doors import Door, serve_door
from tests.harness.following import PERSON, Nights, Row
from tests.harness.running import Program, read_csv

ROWS = tuple(Row(f"D-{number}", ("one",)) for number in range(1, 7))
TWICE = {"D-3", "D-6"}


class Repeating(Door):
    """Carries every third create out twice, as long as it `repeats`."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.repeats, self._creates = True, 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, and answer as the last time that it was."""
        with self._lock:
            is_create = (method, path) == ("POST", ISSUES_PATH)
            self._creates += is_create
            if is_create and self.repeats and self._creates % 3 == 0:
                self._target.request(method, path, headers=headers, content=body)
            done = self._target.request(method, path, headers=headers, content=body)
        return done.status_code, done.content


def find_doubles() -> dict[str, tuple[str, str, str]]:
    """Give what the report says of each key with two issues: the ledger's own, the other, and the command."""
    form = r"\S+ has two issues, (T-\d+), which the ledger knows, and (T-\d+): .* (triage-import settle .*)"
    rows = read_csv(Path("reports/results.csv"))
    found = {row["key"][5:]: re.search(form, row["message"]) for row in rows if row["code"] == "duplicate-in-triage"}
    return {key: (match[1], match[2], match[3]) for key, match in found.items() if match}


def count_titles(nights: Nights) -> Counter[str]:
    return Counter(issue["title"] for issue in nights.sandbox.issues())


@pytest.mark.usefixtures("short_waits")
@pytest.mark.slow
def test_two_issues_and_what_the_report_says(program: Program, serve: Serve) -> None:
    """The numbers and the command lead to each issue once: one too many deleted, one kept because of its comment."""
    nights = Nights(program, serve())
    door = Repeating(nights.sandbox.url)
    with serve_door(door):
        options = ("--api-url", door.url, "--concurrency", "1")
        first = nights.run(ROWS, *options)
        assert (first.code, count_titles(nights)) == (
            ExitCode.PARTLY,
            {row.key: 1 + (row.key in TWICE) for row in ROWS},
        )
        door.repeats = False
        doubles, url = find_doubles(), f"{nights.sandbox.url}{ISSUES_PATH}"
        assert doubles.keys() == TWICE
        assert all(command in first.err for _, _, command in doubles.values())
        ids = {issue["triage_id"]: issue["id"] for issue in nights.sandbox.issues()}
        assert httpx.post(
            f"{url}/{ids[doubles['D-6'][1]]}/comments", json={"detail": "Mine."}, headers=PERSON
        ).is_success
        assert httpx.delete(f"{url}/{ids[doubles['D-3'][1]]}", headers=PERSON).is_success
        own, right, command = doubles["D-6"]
        words = [right if word == own else word for word in shlex.split(command)[1:]]
        assert program(*words, "--rate", "0").code == ExitCode.DONE
        assert httpx.delete(f"{url}/{ids[own]}", headers=PERSON).is_success
        last = nights.run(None, *options)
        assert (last.code, find_doubles(), nights.results()["D-6"][0]) == (ExitCode.DONE, {}, "updated"), last.err
    assert nights.comments() == {row.key: ["one"] for row in ROWS} | {"D-6": ["Mine.", "one"]}


UPDATE = ("--on-change", "update")
FIELDS = ("severity", "category", "description")


def footer(key: str, source: str = "demo") -> str:
    """Give the footer of a row's issue, as people copy it."""
    line = f"{source_marker(source)} {record_marker(f'{source}:{key}')} {MARKER_NOTE}"
    return f"---\nImported from {source}:{key}\n{line}"


class Pasted:
    """Three imported issues, an older one of a person's, and a ledger that is lost once somebody has pasted."""

    def __init__(self, program: Program, serve: Serve) -> None:
        self.program, self.nights = program, Nights(program, serve())
        self.make("Mine", "My own text")
        self.rows = [Row("D-1"), Row("D-2", ("two",)), Row("D-3", ("three",))]
        assert self.nights.run(self.rows).code == ExitCode.DONE

    def make(self, title: str, description: str, **fields: str) -> None:
        body = {"title": title, "severity": "low", "category": "General", "description": description, **fields}
        assert httpx.post(f"{self.nights.sandbox.url}{ISSUES_PATH}", json=body, headers=PERSON).is_success

    def paste(self, text: str, into: str) -> None:
        """Let a person paste a text under an issue."""
        self.nights.edit(into, description=f"{self.nights.issue(into)['description']}\n\n{text}")

    def lose(self) -> None:
        self.program.lose_ledger()

    def number(self, title: str) -> str:
        return str(self.nights.issue(title)["triage_id"])

    def commands(self) -> dict[str, list[str]]:
        rows = read_csv(Path("reports/results.csv"))
        return {row["key"][5:]: re.findall(r"triage-import settle .*", row["message"]) for row in rows}

    def type(self, command: str) -> None:
        ended = self.program(*shlex.split(command)[1:], "--rate", "0")
        assert ended.code == ExitCode.DONE, ended.err


@pytest.fixture
def pasted(program: Program, serve: Serve) -> Pasted:
    return Pasted(program, serve)


@pytest.mark.parametrize(
    "quote", [lambda text: text, lambda text: f"```\n{text}\n```", str.upper], ids=["", "code", "A"]
)
def test_a_footer_under_a_person_s_issue(pasted: Pasted, quote: Callable[[str], str]) -> None:
    """After a loss of the ledger its row is held until somebody has said which issue is the row's; others go on."""
    nights = pasted.nights
    pasted.paste(quote(footer("D-1")), into="Mine")
    pasted.lose()
    rows = [pasted.rows[0]._replace(state="Closed"), *pasted.rows[1:], Row("D-4")]
    runs = set()
    for _ in range(2):
        ended = nights.run(rows, *UPDATE)
        assert (ended.code, nights.results()["D-1"]) == (ExitCode.DECIDE, ("skipped", "marker-ambiguous")), ended.err
        assert "1 issue held back: markers in Triage" in ended.err
        runs.add(ended.summary["run_id"])
    assert len(runs) == 2, "each has finished: nothing but that row was left"
    assert sorted(issue["title"] for issue in nights.sandbox.issues()) == ["D-1", "D-2", "D-3", "D-4", "Mine"]
    assert (nights.issue("Mine")["status"], nights.issue("D-1")["status"]) == ("todo", "todo")
    wrong, right = pasted.commands()["D-1"]
    assert [shlex.split(each)[3] for each in (wrong, right)] == [pasted.number("Mine"), pasted.number("D-1")]
    pasted.type(right)
    for _ in range(2):
        ended = nights.run(rows, *UPDATE)
        assert ended.code == ExitCode.DONE, ended.err
    assert (nights.issue("Mine")["status"], nights.issue("D-1")["status"]) == ("todo", "done")
    assert nights.comments() == {"Mine": [], "D-1": [], "D-2": ["two"], "D-3": ["three"], "D-4": []}


@pytest.mark.parametrize("where", ["below", "above"])
def test_a_footer_under_another_row_s_issue(pasted: Pasted, where: str) -> None:
    """Both rows are held, whichever line is the last; one answer can be enough for both."""
    nights = pasted.nights
    if where == "below":
        pasted.paste(footer("D-1"), into="D-2")
    else:
        nights.edit("D-2", description=f"{footer('D-1')}\n\n{nights.issue('D-2')['description']}")
    pasted.lose()
    ended = nights.run(None, *UPDATE)
    held, commands = ("skipped", "marker-ambiguous"), pasted.commands()
    assert (ended.code, nights.results()) == (
        ExitCode.DECIDE,
        {"D-1": held, "D-2": held, "D-3": ("unchanged", "found-at-target")},
    ), ended.err
    numbers = {key: [shlex.split(each)[3] for each in its] for key, its in commands.items()}
    assert numbers == {"D-1": [pasted.number("D-1"), pasted.number("D-2")], "D-2": [pasted.number("D-2")], "D-3": []}
    for key in ("D-1", "D-2") if where == "above" else ("D-1",):
        pasted.type(commands[key][0])
    # What somebody has pasted is a conflict, which is news once: here the first run finds it as changed before.
    for code in (ExitCode.DONE, ExitCode.PARTLY) if where == "below" else (ExitCode.PARTLY, ExitCode.DONE):
        ended = nights.run(None, *UPDATE)
        assert (ended.code, ended.outcomes().get("created", 0)) == (code, 0), ended.err
    assert nights.run([*pasted.rows, Row("D-4")]).summary["duplicates"] == 0
    assert sorted(issue["title"] for issue in nights.sandbox.issues()) == ["D-1", "D-2", "D-3", "D-4", "Mine"]


def test_a_footer_of_another_source(pasted: Pasted) -> None:
    """Below our own it hides no issue: the row is held, and not created once more."""
    pasted.paste(footer("X-1", source="other"), into="D-1")
    pasted.lose()
    ended = pasted.nights.run(None, *UPDATE)
    assert (ended.code, pasted.nights.results()["D-1"]) == (ExitCode.DECIDE, ("skipped", "marker-ambiguous")), ended.err
    pasted.nights.edit("D-1", description=f"Text\n\n{footer('D-1')}")
    ended = pasted.nights.run(None, *UPDATE)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": 3}), "it has looked again"


def test_a_rebuilt_ledger_asks_as_well(pasted: Pasted) -> None:
    """`rebuild-ledger` takes in neither, and doesn't end with 0."""
    pasted.paste(footer("D-1"), into="Mine")
    pasted.lose()
    ended = pasted.program("rebuild-ledger", *pasted.nights.command[1:6], "--json")
    assert (ended.code, ended.outcomes()) == (ExitCode.DECIDE, {"unchanged": 2, "skipped": 1}), ended.err


def test_true_duplicates_after_a_loss(pasted: Pasted) -> None:
    """A create that was carried out twice: the ledger knew which one is the row's, and without it a person has to."""
    nights = pasted.nights
    issue = nights.issue("D-1")
    pasted.make("Twin", **{name: issue[name] for name in FIELDS})
    ended = nights.run([*pasted.rows, Row("D-4")])
    assert (ended.code, nights.results()["D-1"][1]) == (ExitCode.PARTLY, "duplicate-in-triage"), ended.err
    pasted.lose()
    ended = nights.run()
    assert (ended.code, nights.results()["D-1"][1]) == (ExitCode.DECIDE, "marker-ambiguous"), ended.err
    pasted.type(pasted.commands()["D-1"][0])
    ended = nights.run()
    assert (ended.code, ended.summary["duplicates"]) == (ExitCode.DONE, 1), ended.err


def test_texts_with_markers(program: Program, serve: Serve) -> None:
    """An export of issues that carry an import's footers makes issues with one marker each, in whatever disguise."""
    nights = Nights(program, serve())
    disguised = "\u200b".join(re.findall("(?s).{1,7}", footer("D-2").upper()))
    texts = [footer("D-2"), footer("X-9", "other"), f"<p>{footer('D-2').replace(chr(10), '<br>')}", disguised]
    rows = [Row(f"D-{number}", (f"said:\n\n{text}",), text=text) for number, text in enumerate(texts, 1)]
    ended = nights.run(rows)
    assert ended.code == ExitCode.DONE, ended.err
    assert "or import markers: 8, now written with (at), or as tir-…" in ended.err
    for issue in nights.sandbox.issues():
        assert [marker for _, marker in find_marker_lines(issue["description"])] == [
            record_marker(f"demo:{issue['title']}")
        ]
    assert f"tir-{record_marker('demo:D-2')[3:]}" in nights.issue("D-1")["description"], "people can still read it"
    assert all(said.count("tir-") == 1 for (said,) in nights.comments().values())
    program.ledger.unlink()
    assert nights.run().outcomes() == {"unchanged": 4}
    assert len(nights.sandbox.comments()) == 4
