"""Keys that come again: who wins, what the others are told, and whether they are one issue."""

from __future__ import annotations

import json
import marshal
import os
import re
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.check.duplicates import UNDATED, DuplicateVerdict, KeySpool, Policy
from importer.records import Outcome
from tests.harness.running import SAMPLES, Ended, Program, read_csv, write_csv


class Entry(NamedTuple):
    """A row as the spool knows it."""

    key: str
    content: int
    date: datetime | None = None


ONE, TWO = 1, 2
DAYS = [None, *(datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2))]
ENTRIES = st.lists(
    st.builds(Entry, st.sampled_from("abc"), st.sampled_from([ONE, TWO]), st.sampled_from(DAYS)),
    max_size=12,
)
POLICIES: tuple[Policy, ...] = get_args(Policy)


def verdicts_of(policy: Policy, *entries: Entry, at_once: int = 4) -> Mapping[int, DuplicateVerdict]:
    """The verdicts over rows that begin at line 2 of one file, at place 0."""
    with KeySpool(policy, ["first.csv"], at_once) as spool:
        for place, entry in enumerate(entries):
            stamp = UNDATED if entry.date is None else entry.date.timestamp()
            spool.add([(entry.key, place, 0, place + 2, entry.content, stamp)])
        return spool.verdicts()


@given(ENTRIES, st.sampled_from(POLICIES))
def test_one_winner_a_key(entries: list[Entry], policy: Policy) -> None:
    """Whatever comes, each key has exactly one winner: the first, or the earliest of the newest."""
    losers = verdicts_of(policy, *entries)
    winners = [place for place in range(len(entries)) if place not in losers]
    assert sorted(entries[place].key for place in winners) == sorted({entry.key for entry in entries})
    for place in winners:
        rivals = [other for other, entry in enumerate(entries) if entry.key == entries[place].key]
        newest = max(rivals, key=lambda other: (entries[other].date or datetime.min.replace(tzinfo=UTC), -other))
        assert place == (newest if policy == "newest" else rivals[0])


@given(ENTRIES, st.sampled_from(POLICIES))
def test_what_losers_are_told(entries: list[Entry], policy: Policy) -> None:
    """Equal content is `same-as` under every policy; other content is what the policy says; the winner is named.

    The newest of several with one date, or without, is not known: they are rejected as without a policy.
    """
    losers = verdicts_of(policy, *entries)
    for place, verdict in losers.items():
        loser = entries[place]
        winner = next(n for n, entry in enumerate(entries) if entry.key == loser.key and n not in losers)
        same = loser.content == entries[winner].content
        tied = loser.date in (entries[winner].date, None)
        newest = "key-duplicate" if tied else "older-than"
        other_code = {"reject": "key-duplicate", "first": "duplicate-of", "newest": newest}[policy]
        assert verdict.finding.code == ("same-as" if same else other_code)
        rejected = verdict.finding.code == "key-duplicate"
        assert verdict.outcome is (Outcome.REJECTED if rejected else Outcome.SKIPPED)
        assert verdict.finding.rejects is (verdict.outcome is Outcome.REJECTED)
        assert f"first.csv:{winner + 2}" in verdict.finding.message


@given(ENTRIES, st.sampled_from(POLICIES), st.integers(1, 9))
def test_parts_do_not_matter(entries: list[Entry], policy: Policy, at_once: int) -> None:
    """Verdicts don't depend on how many keys are compared at once."""
    assert dict(verdicts_of(policy, *entries, at_once=100)) == dict(verdicts_of(policy, *entries, at_once=at_once))


def test_verdicts_are_a_mapping() -> None:
    """Verdicts are looked up by place, whatever the place; they are false where nothing came again."""
    verdicts = verdicts_of("first", Entry("a", ONE), Entry("b", ONE), Entry("a", TWO))
    assert verdicts
    assert len(verdicts) == 1
    assert list(verdicts) == [2]
    assert [verdicts.get(place) is not None for place in (-1, 0, 1, 2, 3)] == [False, False, False, True, False]
    assert not verdicts_of("first", Entry("a", ONE))


@pytest.mark.parametrize("policy", POLICIES)
def test_over_several_files(policy: Policy) -> None:
    """A row of another file is named with that file."""
    with KeySpool(policy, ["one.csv", "two.csv"]) as spool:
        spool.add([("a", 0, 1, 7, ONE, UNDATED), ("a", 1, 0, 2, ONE, UNDATED)])
        verdict = spool.verdicts()[1]
    assert verdict.finding.message == "same as two.csv:7"


def test_hint() -> None:
    """A rejected duplicate says what to do about it."""
    verdict = verdicts_of("reject", Entry("a", ONE), Entry("a", TWO))[1]
    assert verdict.finding.message == "this key occurs first in first.csv:2, with other content"
    assert "`duplicates: first`" in verdict.finding.hint


def test_same_date() -> None:
    """Of two rows with one date none is older: the second is rejected, not skipped in silence."""
    verdict = verdicts_of("newest", Entry("a", ONE, DAYS[1]), Entry("a", TWO, DAYS[1]))[1]
    assert (
        verdict.finding.message
        == "this key also occurs, with the same date or none, in first.csv:2, with other content"
    )
    assert "a later date" in verdict.finding.hint


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """A process that is killed leaves no file."""
    code = (
        "import os, signal; from importer.check.duplicates import KeySpool\n"
        "with KeySpool('first', ['f']) as spool:\n"
        "    spool.add([('a', 0, 0, 2, 1, 0.0)])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert result.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


def test_long_key() -> None:
    """A key may be longer than any that a person would write."""
    entry = Entry("é" * 40_000, ONE)
    assert list(verdicts_of("reject", entry, entry)) == [1]


def test_no_rows_are_read_for_each_part_of_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys come again, a row is read a few times: in each part of them, it would be the square."""
    reads, load = Counter[int](), marshal.load
    rows = 0

    def count(file: IO[bytes]) -> object:
        reads[rows] += 1
        return load(file)

    monkeypatch.setattr(marshal, "load", count)
    for rows in (200, 400):
        assert (
            len(verdicts_of("first", *(Entry(f"P-{place // 2}", place) for place in range(rows)), at_once=8))
            == rows // 2
        )
    assert reads[400] < 2.5 * reads[200]


def test_one_key_for_all_rows_takes_no_memory() -> None:
    """As where the mapping takes the project for the key: a verdict is all that is kept of a row."""
    rows = 20_000
    with KeySpool("newest", ["first.csv"]) as spool:
        for first in range(0, rows, 1000):
            spool.add([("P", place, 0, place + 2, place, float(place)) for place in range(first, first + 1000)])
        tracemalloc.start()
        try:
            assert len(spool.verdicts()) == rows - 1
            assert tracemalloc.get_traced_memory()[1] < 100 * rows
        finally:
            tracemalloc.stop()


HEADER = ("Repository", "ID", "Title", "Priority", "Status", "Type", "Updated")
TWO_PROJECTS = [
    ("a/x", "1", "Crash at start", "High", "Open", "Bug", "2026-01-01"),
    ("a/x", "2", "Slow answer", "Low", "Open", "Bug", "2026-01-02"),
    ("b/y", "1", "Other crash", "High", "Open", "Bug", "2026-01-03"),
    ("b/y", "2", "Wrong number", "Low", "Closed", "Bug", "2026-01-04"),
    ("b/y", "3", "Wrong name", "Low", "Closed", "Bug", "2026-01-04"),
]
EVENTS = [
    ("a/x", "1", "Crash at start", "High", status, "Bug", f"2026-01-0{day}")
    for day, status in enumerate(("Open", "In Progress", "Closed"), start=1)
] + [
    ("a/x", "2", "Slow answer", "Low", status, "Bug", day)
    for status, day in (("Open", "2026-01-03"), ("Closed", "2026-01-05"))
]
PLAIN = """\
input: {name: plain, key: ID}
title: Title
severity: {column: Priority}
status: {column: Status, values: {Open: todo}, words: all}
category: {column: Type, keep_unknown: true}
footer: {Repository: Repository, Updated: Updated}
"""


def check(program: Program, rows: Sequence[Sequence[str]], *options: str, header: Sequence[str] = HEADER) -> Ended:
    """Check a table, with a mapping of its own or the preset that knows it."""
    write_csv(program.folder / "issues.csv", rows, header)
    return program("validate", "issues.csv", "--json", *options)


def pasted(program: Program, ended: Ended, mapping: str) -> Ended:
    """The same check with the line that the refusal names put into a mapping."""
    found = re.search(r"the mapping [^`]*`(.*)`", ended.err)
    assert found, ended.err
    (program.folder / "mine.yaml").write_text(f"{mapping}{found[1]}\n", encoding="utf-8")
    return program("validate", "issues.csv", "-m", "mine.yaml", "--json")


def test_one_id_in_two_projects(program: Program) -> None:
    """A preset that takes a key's newest row loses no other issue's; the refusal's line makes all of them issues."""
    ended = check(program, TWO_PROJECTS)
    assert ended.outcomes() == {"planned": 3, "rejected": 2}
    assert "2 of 2 such rows have another title: other issues with the same id" in ended.err
    assert pasted(program, ended, "extends: bug-list\n").outcomes() == {"planned": 5}
    same_title = ("c/z", *TWO_PROJECTS[0][1:6], "2026-01-05")
    assert check(program, [*TWO_PROJECTS, same_title]).outcomes() == {"planned": 3, "rejected": 3}


CREATED = ("Created", "ID", "Title", "Priority", "Status", "Updated")
FIRST = ("1", "Login broken", "High", "Open", "2026-01-02")
SECOND = ("1", "500 on users", "High", "Open", "2026-01-09")
LAST = ("2026-01-05 09:14", "2", "Footer", "Low", "Open", "2026-01-03")


@pytest.mark.parametrize(
    ("preset", "header", "rows", "hint"),
    [
        ("bug-list", CREATED[1:], [FIRST, SECOND, LAST[1:]], "no column of a project"),
        ("bug-list", CREATED, [("", *FIRST), ("", *SECOND), LAST], "no column of a project"),
        ("bug-list", CREATED, [("2026-01-01", *FIRST), ("2026-01-01", *SECOND), LAST], "no column of a project"),
        ("bug-list", CREATED, [(LAST[0], *FIRST), (LAST[0], *SECOND), LAST], "no column of a project"),
        ("bug-list", CREATED, [("2026-01-01 08:13", *FIRST), ("2026-01-01 08:14", *SECOND)], "no column of a project"),
        ("bug-list", CREATED, [("2026-01-01 08:13", *FIRST), ("2026-01-01 08:13", *SECOND), LAST], ""),
        ("bug-list", ("URL", *CREATED[1:]), [("https://t/1", *FIRST), ("https://t/1", *SECOND)], ""),
        ("bug-list", CREATED[1:5], [FIRST[:4], SECOND[:4]], "no column of a project"),
        ("bug-list", CREATED[1:5], [FIRST[:4], (*FIRST[:3], "Closed")], "of the last change, if there is one"),
        (
            "github",
            ("repository", "number", "title", "state", "updated_at"),
            [("web", "1", "Login broken", "open", "2026-01-02"), ("api", "1", "500 on users", "open", "2026-01-09")],
            "two columns: `input: {key: {template: '{repository} {number}'}}`",
        ),
        (
            "github",
            ("repository", "issue_number", "issue_title", "issue_state", "updated_at"),
            [("a/x", "1", "Login broken", "open", "2026-01-02"), ("a/y", "1", "500 on users", "open", "2026-01-09")],
            "two columns: `input: {key: {template: '{repository} {issue_number}'}}`",
        ),
    ],
)
@pytest.mark.parametrize("files", [1, 2])
def test_another_title(
    program: Program, preset: str, header: Sequence[str], rows: list[tuple[str, ...]], hint: str, files: int
) -> None:
    """It is an edited one where a moment of creation or an address says so; else the row isn't lost, but rejected."""
    for name, some in (("a.csv", rows if files == 1 else rows[:1]), ("b.csv", rows[1:])):
        write_csv(program.folder / name, some, header)
    ended = program("validate", *["a.csv", "b.csv"][:files], "-m", preset, "--source-name", "some", "--json")
    assert ended.outcomes() == {"planned": len(rows) - 1, "rejected" if hint else "skipped": 1}
    assert hint in ended.err
    assert "a later date" not in ended.err


def test_one_key_for_two_issues(program: Program) -> None:
    """A number may be another project's, of the same source; a key that names its project is another site's."""
    for key, hint in (
        ("1", "by a mapping that names the project in each key, `input: {key: {template: 'PROJECT-{ID}'}}`, and under"),
        ("SHOP-1", "import those of each site by themselves, with a --source-name of its own"),
    ):
        ended = check(program, [(key, *FIRST[1:]), (key, *SECOND[1:])], header=CREATED[1:])
        assert ended.outcomes() == {"planned": 1, "rejected": 1}
        assert hint in ended.err
        assert ("under the same source name" in ended.err) is (key == "1")


def test_an_event_log(program: Program) -> None:
    """One issue in several states is its newest row, once the refusal's line is in the mapping."""
    (program.folder / "plain.yaml").write_text(PLAIN, encoding="utf-8")
    ended = check(program, EVENTS, "-m", "plain.yaml")
    assert ended.outcomes() == {"planned": 2, "rejected": 3}
    assert pasted(program, ended, PLAIN).outcomes() == {"planned": 2, "skipped": 3}
    results = read_csv(program.folder / "triage-import-check" / "results.csv")
    assert [row["outcome"] for row in results] == ["skipped", "skipped", "planned", "skipped", "planned"]


def test_one_edited_title_among_states(program: Program) -> None:
    """States of one issue are its newest row as always; the row with another title is what is asked about.

    A mapping of one's own that takes the newest row means that one.
    """
    edited = [*EVENTS, ("a/x", "2", "Slow answers", "Low", "Closed", "Bug", "2026-01-04")]
    assert check(program, edited).outcomes() == {"planned": 2, "skipped": 3, "rejected": 1}
    own = program.folder / "own.yaml"
    own.write_text(f"{PLAIN}duplicates: {{newest: Updated}}\n", encoding="utf-8")
    assert check(program, edited, "-m", "own.yaml").outcomes() == {"planned": 2, "skipped": 4}


def test_a_key_of_several_columns(program: Program) -> None:
    """It is no other project's: what a reviewer writes anew about a call is the same finding."""
    ended = program("validate", SAMPLES / "call-qa.csv", "--json")
    assert ended.outcomes() == {"planned": 7, "skipped": 2}, ended.err


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("rows", "line", "outcomes"),
    [(TWO_PROJECTS, "{template: ", {"planned": 5}), (EVENTS, "duplicates: {newest: ", {"planned": 2, "skipped": 3})],
    ids=["projects", "events"],
)
def test_a_draft_looks_at_contents(
    program: Program, rows: list[tuple[str, ...]], line: str, outcomes: dict[str, int], *, as_json: bool
) -> None:
    """It takes both columns for the key, or the newest row of each."""
    path = Path(write_csv(program.folder / "log.csv", rows, HEADER))
    if as_json:
        records = [dict(zip(HEADER, row, strict=True)) | {"Repository": {"name": row[0]}} for row in rows]
        path = program.folder / "log.json"
        path.write_text(json.dumps(records), encoding="utf-8")
    program("draft", path, "-o", "mine.yaml")
    assert line in (program.folder / "mine.yaml").read_text(encoding="utf-8")
    assert program("validate", path, "-m", "mine.yaml", "--json").outcomes() == outcomes


def test_a_row_for_each_comment(program: Program) -> None:
    """What a database joins is one issue with several comments, and not one row too many: both lines are named."""
    said = [("1", "seen"), ("1", "fixed"), ("2", ""), ("3", "again")]
    rows = [(key, f"Title {key}", "High", "Open", "Bug", text) for key, text in said]
    (program.folder / "mine.yaml").write_text(
        PLAIN.partition("footer")[0] + "description: comment_body\n", encoding="utf-8"
    )
    ended = check(program, rows, "-m", "mine.yaml", header=("ID", *HEADER[2:6], "comment_body"))
    assert ended.outcomes() == {"planned": 3, "rejected": 1}
    lines = re.findall(r"`([^`]*)`", ended.err.partition("has a comment of one issue")[2])[:2]
    (program.folder / "again.yaml").write_text("\n".join(["extends: mine.yaml", *lines]), encoding="utf-8")
    again = program("validate", "issues.csv", "-m", "again.yaml", "--json")
    assert (again.outcomes(), again.summary["forecast"]["comment"]) == ({"planned": 4}, 3)
