"""What comes along of the real exports: counted apart from the program, in the source and at the sandbox.

Each file is read by `tests.harness.told`, imported into a sandbox, and counted again there. A difference has a
cause, or is an error.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from importer.sandbox.organisation import CALLER_ID
from tests.end_to_end.exports import EXPORTS
from tests.harness.forked import Forked
from tests.harness.hostile import HostileOptions, serve_in_thread
from tests.harness.running import KEY, finish, read_csv
from tests.harness.told import READERS, Link, Told
from tests.harness.unmarked import unmarked

TRACKERS = ("jira", "github", "gitlab", "zendesk", "trello")
END_ABSENT = "the other issue is not in the file"
ROW_ABSENT = "the row is rejected"
ISSUE_ABSENT = "the issue is not in the file"
SEPARATOR = "\n\n---\n\n"
"""Between comments that are folded into one."""
_KEY = re.compile(r"^Imported from \w+:(.*)$", re.MULTILINE)
_FOOTER_PEOPLE = re.compile(r"^(?:Assignees?|Members): (.*)$", re.MULTILINE)
_NO_WORDS = re.compile(r"\[~[^\]]*\]|(?<=\w)\|[^!\]\n]*(?=!)|\{(?:quote|code|noformat|color)[^}]*\}")
"""Of Jira's markup what nobody sees: ids of accounts, the size of pictures, and names of blocks."""


class Figures(NamedTuple):
    """What a file says, and what is in the sandbox: issues, comments, links, people; the differences by cause.

    `people` are issues with somebody in the source, with them in the footer, and assigned to a user.
    """

    name: str
    issues: tuple[int, int]
    comments: tuple[int, int]
    links: tuple[int, int]
    people: tuple[int, int, int]
    causes: dict[str, Counter[str]]

    @property
    def unexplained(self) -> dict[str, int]:
        """The differences that have no cause."""
        pairs = {
            "issues": self.issues,
            "comments": self.comments,
            "links": self.links,
            "people": self.people[:2],
            "assigned": self.people[::2],
        }
        left = {what: pair[0] - pair[1] - self.causes.get(what, Counter()).total() for what, pair in pairs.items()}
        return {what: count for what, count in left.items() if count}


class Arrived(NamedTuple):
    """What is in the sandbox, by native key."""

    issues: dict[str, dict[str, Any]]
    details: dict[str, list[str]]
    links: Counter[Link]


def import_file(path: Path, folder: Path) -> Arrived:
    """Import a file as a person would, everybody in it being one user; what is in the sandbox then."""
    with serve_in_thread(HostileOptions()) as sandbox:
        environment = os.environ | {"BLAND_API_KEY": KEY, "XDG_STATE_HOME": str(folder / "state")}

        def run(*arguments: str) -> None:
            ended = finish(Forked(arguments, folder, environment))
            assert ended.code in (0, 1), ended.err

        beside = ["--comments", str(path)] if path.parent.name == "zendesk" else []
        run("users", str(path), *beside)
        users = folder / "users.csv"
        _fill_in(users)
        options = ["--api-url", sandbox.url, "--yes", "--rate", "0", "--max-rejected", "100%"]
        run("run", str(path), *beside, "--users", str(users), *options)
        return _look(sandbox.issues(), sandbox.comments(), sandbox.relations())


def _fill_in(users: Path) -> None:
    lines = read_csv(users)
    header = list(lines[0]) if lines else ["name", "triage_user_id"]
    with users.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows({**line, "triage_user_id": CALLER_ID} for line in lines)


def _look(issues: Iterable[Any], comments: Iterable[Any], relations: Iterable[Any]) -> Arrived:
    keys: dict[str, str] = {}
    by_key: dict[str, dict[str, Any]] = {}
    for issue in issues:
        found = _KEY.search(issue["description"])
        assert found is not None
        keys[issue["id"]] = found[1]
        by_key[found[1]] = issue
    details: dict[str, list[str]] = defaultdict(list)
    for comment in comments:
        if not comment["detail"].startswith("Description, part "):
            details[keys[comment["issue_id"]]].append(unmarked(comment["detail"]))
    ends = ((keys[one["issue_id"]], one["relation_type"], keys[one["related_issue_id"]]) for one in relations)
    return Arrived(by_key, details, Counter(ends))


def measure(path: Path, folder: Path) -> Figures:
    """Count a file here and in a sandbox."""
    name = str(path.relative_to(folder))
    told = list(READERS.get(name, READERS[path.parent.name])(path))
    with tempfile.TemporaryDirectory() as work:
        arrived = import_file(path, Path(work))
    causes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for issue in told:
        if not issue.is_there:
            causes["comments"][ISSUE_ABSENT] += len(issue.comments)
        elif issue.key not in arrived.issues:
            causes["issues"][ROW_ABSENT] += 1
            causes["comments"][ROW_ABSENT] += len(issue.comments)
            causes["people"][ROW_ABSENT] += bool(issue.assignee)
            causes["assigned"][ROW_ABSENT] += bool(issue.assignee)
    links = {link for issue in told for link in issue.links}
    keys = {issue.key for issue in told}
    for one, _, other in links:
        if not {one, other} <= keys:
            causes["links"][END_ABSENT] += 1
        elif not {one, other} <= arrived.issues.keys():
            causes["links"][ROW_ABSENT] += 1
    assert arrived.links.keys() <= links
    named = [issue for issue in told if issue.assignee]
    present = [issue for issue in named if issue.key in arrived.issues]
    return Figures(
        name,
        (sum(issue.is_there for issue in told), len(arrived.issues)),
        (sum(len(issue.comments) for issue in told), _count_comments(told, arrived)),
        (len(links), arrived.links.total()),
        (
            len(named),
            sum(_is_in_footer(issue, arrived.issues[issue.key]["description"]) for issue in present),
            sum(issue["assignee_id"] is not None for issue in arrived.issues.values()),
        ),
        {what: +whys for what, whys in causes.items() if +whys},
    )


def _is_in_footer(issue: Told, description: str) -> bool:
    found = _FOOTER_PEOPLE.search(description)
    return found is not None and issue.assignee in found[1]


def _count_comments(told: Iterable[Told], arrived: Arrived) -> int:
    """Count the comments of all issues by their opening lines. What the source says must stand in them, in order."""
    for issue in told:
        if issue.key in arrived.issues:
            _assert_in_order(issue, "\n\n".join(arrived.details.get(issue.key, ())))
    pieces = (piece for details in arrived.details.values() for one in details for piece in one.split(SEPARATOR))
    openings = (piece.partition("\n")[0] for piece in pieces)
    return sum(" · " in opening and not re.search(r" · part (?:[2-9]|1\d)", opening) for opening in openings)


def _assert_in_order(issue: Told, text: str) -> None:
    place = 0
    for date, said in issue.comments:
        opening = text.index(f" · {date}", place)
        place = opening + len(date)
        for word in re.findall(r"\w+", _NO_WORDS.sub(" ", said)):
            place = text.index(word, place) + len(word)


def files_of(folder: Path) -> list[Path]:
    """The files of the trackers that are counted, without one that has titles and descriptions alone."""
    paths = (path for tracker in TRACKERS for path in sorted((folder / tracker).iterdir()))
    return [path for path in paths if path.name != "gitlabhq__gitlabhq__csv_semicolon.csv"]


FILES = files_of(EXPORTS) if EXPORTS.is_dir() else []

pytestmark = [
    pytest.mark.slow(seconds=20),
    pytest.mark.skipif(not FILES, reason="The collection of real exports is not beside this clone."),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name[:20]}")
def test_comments_links_and_people(path: Path) -> None:
    """As many as the source has, each comment's words in order, or the difference has a cause."""
    assert measure(path, EXPORTS).unexplained == {}
