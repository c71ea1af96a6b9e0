"""Discovery: what the ledger lost is found in Triage before anything is sent."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from importer.api import ISSUES_PATH
from importer.ledger.journal import Decision
from importer.ledger.opening import open_ledger
from importer.ledger.schema import State
from importer.ledger.store import Ledger, RunIdentity
from importer.load.discovery import Discovered, Discovery
from importer.progress import Progress, Unseen
from importer.records import Operation
from importer.transform.markers import record_marker, source_marker
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey
from tests.conftest import Serve
from tests.harness.doors import Door, gateway, serve_door, turnstile
from tests.harness.fake_triage import FakeTriage, make_issue
from tests.harness.following import Nights, Row
from tests.harness.hostile import RunningSandbox
from tests.harness.running import HEADER, Program, finish, issue_row, read_csv, write_csv, write_issues

TARGET = "https://t.example"
RUN = ("run", "export.csv", "-m", "jira", "--yes", "--json", "--rate", "0", "--no-canary")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.db") as opened:
        yield opened


def described(key: str, text: str = "A text.", source: str = "jira") -> str:
    return f"{text}\n\n---\nImported from {key}\n{source_marker(source)} {record_marker(key)} (leave this line)"


def look(triage: FakeTriage, ledger: Ledger, *, thorough: bool = False, shown: Progress | None = None) -> Discovered:
    """Look once for the source `jira`."""

    async def main() -> Discovered:
        async with TriageClient(TARGET, ApiKey("org_rehearsal"), transport=triage.transport) as client:
            seen = ledger.target_scan(TARGET, "jira", writable=True)
            discovery = Discovery(client, PacedCalls(Limiter(), Breaker()), seen, "jira", progress=shown)
            return await discovery.discover(thorough=thorough)

    return asyncio.run(main())


def run(program: Program, sandbox: RunningSandbox, *more: str) -> dict[str, int]:
    """Run the import and give its outcomes."""
    ended = program(*RUN, "--api-url", sandbox.url, *more)
    assert ended.code == 0, ended.err
    return ended.outcomes()


def assert_each_once(sandbox: RunningSandbox, count: int) -> None:
    assert Counter(issue["title"] for issue in sandbox.issues()) == {f"Title {n}": 1 for n in range(1, count + 1)}


@pytest.mark.parametrize("options", [{}, {"cut_descriptions": True}, {"search_lag": 3600.0}])
def test_a_lost_ledger_doubles_nothing(program: Program, serve: Serve, options: dict[str, object]) -> None:
    """The next run takes in what is there, whatever lists cut and however late the search is."""
    sandbox = serve(**options)
    write_issues(Path("export.csv"), 120)
    assert run(program, sandbox) == {"created": 120}
    program.lose_ledger()
    assert run(program, sandbox) == {"unchanged": 120}
    assert_each_once(sandbox, 120)
    assert run(program, sandbox) == {"unchanged": 120}


def test_an_older_copy_of_the_ledger(program: Program, serve: Serve) -> None:
    """What was sent after the copy was made is taken in; rows that are new are sent."""
    sandbox = serve()
    write_issues(Path("export.csv"), 10)
    run(program, sandbox)
    shutil.copy(program.ledger, "copy.db")
    write_issues(Path("export.csv"), 30)
    assert run(program, sandbox) == {"created": 20, "unchanged": 10}
    for file in program.ledger.parent.glob("ledger.db-*"):
        file.unlink()
    shutil.copy("copy.db", program.ledger)
    write_issues(Path("export.csv"), 31)
    assert run(program, sandbox) == {"created": 1, "unchanged": 30}
    assert_each_once(sandbox, 31)


def test_a_ledger_that_comes_back_with_its_side_file(program: Program, serve: Serve) -> None:
    """As from a backup of the whole folder: comments that were added since are taken in, not added once more."""
    sandbox, header = serve(), (*HEADER, "Comment")
    write_csv(Path("export.csv"), [(*issue_row(number), "first") for number in range(1, 4)], header)
    run(program, sandbox)
    folder = program.ledger.parent
    shutil.copytree(folder, "backup")
    more = [(*issue_row(number), "first", "second") for number in range(1, 4)]
    write_csv(Path("export.csv"), more, (*header, "Comment"))
    for _ in range(2):
        run(program, sandbox)
        assert sandbox.requests()["POST /v1/triage/issues/{id}/comments"] == 6
        shutil.rmtree(folder)
        shutil.copytree("backup", folder)


def test_a_hole_in_the_ledger(program: Program, serve: Serve) -> None:
    """A ledger behind its side file is not trusted: old issues are looked up, too, not only the newest."""
    sandbox = serve()
    write_issues(Path("export.csv"), 150)
    run(program, sandbox)
    with closing(sqlite3.connect(program.ledger)) as connection:
        connection.execute("DELETE FROM operations WHERE key = 'jira:PROJ-3'")
        connection.execute("UPDATE operations SET since = since + 86400")
        connection.execute("UPDATE stamp SET generation = generation - 1")
        connection.commit()
    assert run(program, sandbox) == {"unchanged": 150}
    assert_each_once(sandbox, 150)


def test_nothing_to_send_looks_at_nothing(program: Program, serve: Serve) -> None:
    """Rows that are done cost no request."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    run(program, sandbox)
    before = sandbox.requests().total()
    run(program, sandbox)
    assert sandbox.requests().total() - before == 1, "whose the target is"


def test_an_edited_issue_that_was_lost(program: Program, serve: Serve) -> None:
    """It is not made again, and its row says that it differs."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    run(program, sandbox)
    issue = sandbox.issues()[0]
    httpx.patch(f"{sandbox.url}/v1/triage/issues/{issue['id']}", json={"title": "Mine"}, headers={"Authorization": "x"})
    program.ledger.unlink()
    ended = program(*RUN, "--api-url", sandbox.url)
    assert ended.outcomes() == {"unchanged": 1, "changed": 1}
    assert ended.summary["findings"] == {"found-at-target": 1, "found-changed": 1}
    assert "1 row found with other values in Triage than in the source, left as they are: the next run" in ended.err
    assert len(sandbox.issues()) == 2


def test_an_issue_whose_marker_was_taken_away(program: Program, serve: Serve) -> None:
    """It is named by its title before anything is sent."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1, title="The printer burns"), issue_row(2)])
    run(program, sandbox)
    (burning,) = (issue for issue in sandbox.issues() if issue["title"] == "The printer burns")
    url = f"{sandbox.url}/v1/triage/issues/{burning['id']}"
    httpx.patch(url, json={"description": "put out"}, headers={"Authorization": "x"})
    program.ledger.unlink()
    ended = program(*RUN, "--api-url", sandbox.url, "--dry-run")
    assert ended.outcomes() == {"planned": 2}
    ended = program(*RUN, "--api-url", sandbox.url)
    assert f'{burning["triage_id"]} "the printer burns" has the same or a similar title and no marker' in ended.err
    assert f"triage-import settle jira:PROJ-1 {burning['triage_id']}" in ended.err


def test_a_late_double_is_named(ledger: Ledger) -> None:
    """Two issues of one key: the one that the ledger doesn't know is named beside its own."""
    triage = FakeTriage()
    triage.issues = [make_issue(1, described("jira:A")), make_issue(2, described("jira:A"))]
    assert look(triage, ledger)[:2] == (1, [])
    run = ledger.begin_run(RunIdentity(TARGET, "jira", "d", "m"))
    issue = triage.issues[0]
    done = Decision("jira:A", State.DONE, issue_id=issue["id"], triage_id=issue["triage_id"])
    run.decide([done], [Operation("jira:A", "POST", "/", b"{}", record_marker("jira:A"))])
    taken, duplicates, *_ = look(triage, ledger, thorough=True)
    assert taken == 0
    assert [str(duplicate).split(":")[0:2] for duplicate in duplicates] == [
        ["jira", "A has two issues, T-1001, which the ledger knows, and T-1002"]
    ]


def test_what_only_the_search_finds(ledger: Ledger) -> None:
    """What the list does not show any more, as an unsorted or broken one, is found by its source's marker."""
    triage = FakeTriage()
    hidden, shown = make_issue(1, described("jira:A")), make_issue(2, described("jira:B"))
    triage.issues, triage.unlisted = [hidden, shown], {hidden["id"]}
    assert look(triage, ledger).taken == 2


def test_whose_issue_it_is(ledger: Ledger) -> None:
    """Every marker of this source in a whole description counts: only a person can say which of several is its own."""
    triage = FakeTriage()
    triage.issues = [
        make_issue(1, described("jira:B", text=described("jira:A"))),
        make_issue(2, described("other:C", source="other")),
        make_issue(3, "no marker at all"),
        make_issue(4, described("jira:D", text=described("other:C", source="other"))),
        make_issue(5, described("other:C", text=described("jira:E"), source="other")),
    ]
    assert look(triage, ledger).taken == 3
    seen = ledger.target_scan(TARGET, "jira")
    keys = {record_marker(key): key for key in ("jira:A", "jira:B", "other:C", "jira:D", "jira:E")}
    alone = {keys[marker]: issue.marker == marker for marker, (issue,) in seen.find(keys).items() if marker in keys}
    assert alone == {"jira:A": False, "jira:B": False, "jira:D": True, "jira:E": False, "other:C": False}
    assert [issue.triage_id for issue in seen.unmarked()] == ["T-1003"]


def test_who_was_here_before_reads_no_further_than_needed(ledger: Ledger) -> None:
    """After a complete look only the pages since the newest known issue are read, by the target's own clock."""
    triage = FakeTriage()
    triage.issues = [make_issue(number, "old", at=1_000_000.0 + number) for number in range(1, 301)]
    look(triage, ledger)
    first, triage.reads = triage.reads, 0
    assert first > 3
    run = ledger.begin_run(RunIdentity(TARGET, "jira", "d", "m"))
    newest = triage.issues[-1]
    done = Decision("jira:A", State.DONE, issue_id=newest["id"], triage_id=newest["triage_id"])
    run.decide([done], [Operation("jira:A", "POST", "/", b"{}", record_marker("jira:A"))])
    triage.issues.append(make_issue(301, described("jira:B"), at=1_000_500.0))
    assert look(triage, ledger).taken == 1
    assert triage.reads < 70, "what is older than a minute before it is not read whole"


@pytest.mark.parametrize("text", ["short", "two\n\nparagraphs"])
def test_a_look_costs_a_request_for_a_hundred_issues(ledger: Ledger, text: str) -> None:
    """However short other people's issues are: a page has two probes at most."""
    triage = FakeTriage()
    triage.issues = [make_issue(number, f"{text} {number}") for number in range(1, 501)]
    triage.issues.append(make_issue(501, described("jira:A")))
    assert look(triage, ledger).taken == 1
    assert triage.reads <= 5 * 3 + 3


class Interrupting(Unseen):
    """Shows how far a look is, and presses Ctrl-C at some number of issues."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.reached: list[int] = []

    def reach(self, done: int) -> None:
        """Note it, and perhaps interrupt."""
        self.reached.append(done)
        if done == self.at:
            raise KeyboardInterrupt


def test_a_look_goes_on_where_it_was_left(ledger: Ledger) -> None:
    """After Ctrl-C the whole look reads what was made since, and goes on; it shows how far it is."""
    triage = FakeTriage()
    triage.issues = [make_issue(number, described(f"jira:{number}"), at=1e6 + 100 * number) for number in range(1, 601)]
    with pytest.raises(KeyboardInterrupt):
        look(triage, ledger, shown=Interrupting(at=500))
    triage.issues.append(make_issue(601, described("jira:new"), at=2e6))
    before, shown = triage.reads, Interrupting(at=0)
    assert look(triage, ledger, shown=shown).taken == 601
    assert triage.reads - before <= 5, "the first page, the last two, and probes"
    assert shown.reached == [100, 200, 300, 301], "page 5 was not kept yet, and moved by one"


@pytest.mark.parametrize("shows", [lambda text: text[:80], lambda text: text.split("\n\n")[0]])
def test_lists_that_cut(ledger: Ledger, shows: Callable[[str], str]) -> None:
    """Where a list cuts descriptions, after some length or paragraph, each issue is read by itself."""
    triage = FakeTriage()
    triage.issues = [make_issue(number, described(f"jira:{number}")) for number in range(1, 120)]
    triage.issues += [make_issue(number, f"{number}") for number in range(120, 240)]
    triage.shows, triage.searchable = shows, False
    assert look(triage, ledger).taken == 119
    assert triage.reads > 200, "those before the first that was seen to be cut, too"


class OnePage(Door):
    """Shows ten issues of each list and search, as if these were all."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Pass a request on, and cut what a list answers."""
        done = self._target.request(method, path, headers=headers, content=body)
        if method != "GET" or urlsplit(path).path != ISSUES_PATH:
            return done.status_code, done.content
        return 200, orjson.dumps({"data": {"items": done.json()["data"]["items"][:10], "next_cursor": None}})


def test_a_list_and_a_search_that_end_too_early(program: Program, serve: Serve) -> None:
    """After the ledger was lost nothing is made twice: rows are searched for once a few show that more is there."""
    sandbox = serve()
    rows = [Row(f"D-{number}", ("a comment",)) for number in range(1, 17)]
    door = OnePage(sandbox.url)
    with serve_door(door):
        nights, there = Nights(program, sandbox), ("--api-url", door.url)
        first = nights.run(rows, *there, "--concurrency", "1")  # D-1 to D-6 are the oldest, which nothing shows
        assert first.outcomes() == {"created": 16}
        program.ledger.unlink()
        assert program("rebuild-ledger", *nights.command[1:4], *there, "--json").outcomes() == {"unchanged": 16}
        program.ledger.unlink()
        for only in (("--only", "D-2,D-3"), ()):  # what a few rows have shown is not forgotten
            ended = nights.run(rows, *there, *only)
            assert ended.outcomes().get("created", 0) == 0, ended.err
            assert "is searched for by its own marker first" in ended.err
        for number in (17, 18):
            rows.append(Row(f"D-{number}", ("a comment",)))
            asked = sandbox.requests().total()
            assert nights.run(rows, *there).outcomes() == {"created": 1, "unchanged": number - 1}
    assert sandbox.requests().total() - asked < 10, "it trusts the list again, as no row was there that it didn't show"
    assert nights.comments() == {row.key: ["a comment"] for row in rows}


def test_a_list_without_descriptions_that_has_one_issue(ledger: Ledger) -> None:
    """As a single stranger in a closing scan, it is read by itself; a person's, that has none, tells nothing."""
    triage = FakeTriage()
    triage.shows = lambda text: ""
    triage.issues = [make_issue(1, "", at=1e6)]
    assert look(triage, ledger).taken == 0
    triage.issues = [make_issue(1, described("jira:1"), at=1e6)]
    assert look(triage, ledger).taken == 1


def test_what_was_deleted_since_it_was_seen(program: Program, serve: Serve) -> None:
    """Issues that a look saw and that nobody took in are looked up anew: those that are gone are made again."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    run(program, sandbox)
    program.ledger.unlink()
    write_csv(Path("export.csv"), [*map(issue_row, range(1, 4)), issue_row(4, title="")])
    assert program(*RUN, "--api-url", sandbox.url, "--max-rejected", "0").code == 7, "it has looked, and sent nothing"
    for issue in sandbox.issues():
        httpx.delete(f"{sandbox.url}/v1/triage/issues/{issue['id']}", headers={"Authorization": "x"})
    write_issues(Path("export.csv"), 3)
    assert run(program, sandbox) == {"created": 3}
    assert_each_once(sandbox, 3)


def test_the_same_organisation_under_another_address(program: Program, serve: Serve) -> None:
    """It is another target to the ledger, and its issues are found there all the same."""
    sandbox = serve()
    write_issues(Path("export.csv"), 5)
    run(program, sandbox)
    ended = program(*RUN, "--api-url", sandbox.url.replace("127.0.0.1", "localhost"))
    assert ended.outcomes() == {"unchanged": 5}, ended.err
    assert_each_once(sandbox, 5)


def test_a_link_to_the_ledger(program: Program, serve: Serve) -> None:
    """Whoever names it through a link works on the same file, with the same side files."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    run(program, sandbox)
    Path("link.db").symlink_to(program.ledger)
    assert run(program, sandbox, "--ledger", "link.db") == {"unchanged": 2}
    assert not Path("link.db.lock").exists()


def test_a_list_that_lacks_what_is_there(ledger: Ledger) -> None:
    """Only what was made after something that it shows should have been shown; what is there is found to be so."""
    triage = FakeTriage()
    triage.issues = [make_issue(number, described(f"jira:{number}"), at=1e6 + 1000 * number) for number in range(1, 6)]
    look(triage, ledger)
    run = ledger.begin_run(RunIdentity(TARGET, "jira", "d", "m"))
    for number, issue in enumerate(triage.issues, 1):
        create = Operation(f"jira:{number}", "POST", "/", b"{}", record_marker(f"jira:{number}"))
        done = Decision(create.key, State.DONE, issue_id=issue["id"], triage_id=issue["triage_id"], returned=b"{}")
        run.decide([done], [create])
    ledger.target_scan(TARGET, "jira", writable=True).complete()
    assert look(triage, ledger).lacking == []
    del triage.issues[2]
    assert look(triage, ledger, thorough=True).lacking == ["T-1003"]
    assert look(triage, ledger, thorough=True).lacking == [], "it is noted already"


IMPORT = (*RUN, "--out", "reports")
HEADERS = {"Authorization": "x"}
FIELDS = ("title", "severity", "category", "description")


def copy_issue(sandbox: RunningSandbox, number: int) -> str:
    """Make an issue once more, as another machine does; gives its number."""
    issue = next(issue for issue in sandbox.issues() if issue["title"] == f"Title {number}")
    body = {name: issue[name] for name in FIELDS}
    made = httpx.post(f"{sandbox.url}/v1/triage/issues", json=body, headers=HEADERS)
    return str(made.json()["data"]["triage_id"])


def delete_issue(sandbox: RunningSandbox, triage_id: str) -> None:
    issue_id = next(issue["id"] for issue in sandbox.issues() if issue["triage_id"] == triage_id)
    httpx.delete(f"{sandbox.url}/v1/triage/issues/{issue_id}", headers=HEADERS)


def test_two_machines_at_once(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two imports with two ledgers at the same time double issues: the one that ends last names each of them."""
    sandbox = serve()
    write_issues(Path("export.csv"), 6)
    with turnstile(sandbox.url, 2) as door:
        process = program.start(*IMPORT, "--concurrency", "1", "--api-url", door.url)
        door.hold(process)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other machine"))
        other = program(*IMPORT[:-1], "others", "--api-url", sandbox.url)
        assert (other.code, other.outcomes()) == (0, {"unchanged": 2, "created": 4})
        door.let()
        ended = finish(process)
    assert (ended.code, ended.outcomes()) == (1, {"created": 6}), ended.err
    assert ended.summary["findings"]["duplicate-in-triage"] == ended.summary["duplicates"] == 4
    assert "jira:PROJ-3 has two issues" in ended.err
    codes = {line["key"]: line["code"] for line in read_csv(Path("reports/results.csv"))}
    assert codes == {f"jira:PROJ-{number}": "duplicate-in-triage" if number > 2 else "" for number in range(1, 7)}


def test_exit_1_until_it_is_settled(program: Program, serve: Serve) -> None:
    """A double is named in each run, also one without anything to do, until a person names the right one."""
    sandbox, book = serve(), ("--ledger", "our ledger.db")
    write_issues(Path("export.csv"), 3)
    with turnstile(sandbox.url, 2) as door:
        process = program.start(*IMPORT, *book, "--concurrency", "1", "--api-url", door.url)
        door.hold(process)
        other = copy_issue(sandbox, 2)
        door.let()
        assert finish(process).code == 1
        own = next(issue["triage_id"] for issue in sandbox.issues() if issue["title"] == "Title 2")
        again = program(*IMPORT, *book, "--api-url", door.url)
        assert (again.code, again.outcomes()) == (1, {"unchanged": 3})
        command = f"triage-import settle jira:PROJ-2 {own} --api-url {door.url} --ledger '{Path(book[1]).absolute()}'"
        assert command in again.err
        assert command in read_csv(Path("reports/results.csv"))[1]["message"]
        said = program("settle", "jira:PROJ-2", other, "--api-url", door.url, *book)
        assert f"jira:PROJ-2 is {other}; you may delete its duplicate {own}" in said.err, said
        last = program(*IMPORT, *book, "--api-url", door.url)
        assert (last.code, last.summary["duplicates"]) == (0, 1), last.err
        line = read_csv(Path("reports/results.csv"))[1]
        assert (line["triage_id"], line["code"]) == (other, "")


def test_a_double_that_was_deleted(program: Program, serve: Serve) -> None:
    """The next run notices that it is gone, without anybody saying so."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    program(*IMPORT, "--api-url", sandbox.url)
    other = copy_issue(sandbox, 1)
    write_issues(Path("export.csv"), 3)
    assert program(*IMPORT, "--api-url", sandbox.url).code == 1
    delete_issue(sandbox, other)
    ended = program(*IMPORT, "--api-url", sandbox.url)
    assert (ended.code, ended.summary["duplicates"]) == (0, 0), ended.err


@pytest.mark.slow
def test_the_only_one_that_is_left(program: Program, serve: Serve) -> None:
    """A double of an issue that was deleted is no double: the command goes on with it, and none deletes it."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    run = (*IMPORT, "--on-change", "update", "--settle-seconds", "0.1", "--api-url", sandbox.url)
    program(*run)
    (own,) = [issue["triage_id"] for issue in sandbox.issues() if issue["title"] == "Title 1"]
    other = copy_issue(sandbox, 1)
    delete_issue(sandbox, own)
    rows = [issue_row(1, "Low"), issue_row(2)]
    for number in (2, 3, 4):  # deleted for good after some nights
        write_csv(Path("export.csv"), [*rows, *map(issue_row, range(3, number + 1))])
        ended = program(*run)
    assert f"{own}, the issue of jira:PROJ-1 that the ledger knows, is deleted in Triage" in ended.err
    assert "delete the one too many" not in ended.err
    command = f"triage-import settle jira:PROJ-1 {other}"
    assert (ended.code, command in ended.err) == (1, True), ended.err
    settled = program("settle", "jira:PROJ-1", other, "--api-url", sandbox.url)
    assert f"jira:PROJ-1 is {other}; {own} is deleted." in settled.err
    assert program(*run).outcomes() == {"updated": 1, "unchanged": 3}
    (left,) = [issue for issue in sandbox.issues() if issue["title"] == "Title 1"]
    assert (left["triage_id"], left["severity"]) == (other, "low")


def test_a_lost_ledger_says_what_it_cannot_know(program: Program, serve: Serve) -> None:
    """What somebody has deleted in Triage looks like a new row."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    program(*IMPORT, "--api-url", sandbox.url)
    delete_issue(sandbox, sandbox.issues()[0]["triage_id"])
    program.lose_ledger()
    ended = program(*IMPORT, "--api-url", sandbox.url)
    assert ended.outcomes() == {"created": 1, "unchanged": 1}
    assert "1 row has none there: if somebody has deleted any of them" in " ".join(ended.summary["warnings"])


def test_a_double_that_is_not_shown_for_a_moment(program: Program, serve: Serve) -> None:
    """One 404, even in the API's own form, doesn't make it forgotten."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    with gateway(sandbox.url) as door:
        run = (*IMPORT, "--api-url", door.url)
        program(*run)
        number = copy_issue(sandbox, 1)
        (double,) = [issue["id"] for issue in sandbox.issues() if issue["triage_id"] == number]
        write_issues(Path("export.csv"), 3)
        assert program(*run).code == 1
        door.begins, door.lasts, door.form = lambda method, path: path.endswith(double), 1.0, "own"
        ended = program(*run)
    assert (door.refused, ended.code, ended.summary["duplicates"]) == (1, 1, 1), ended.err


def test_what_the_ledger_does_not_know_at_all(program: Program, serve: Serve) -> None:
    """An issue of this source that was made meanwhile, of a row that isn't in the file, is named with its key."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    program(*IMPORT, "--api-url", sandbox.url)
    (line,) = [issue["description"] for issue in sandbox.issues() if issue["title"] == "Title 4"]
    write_csv(Path("export.csv"), map(issue_row, (1, 2, 3)))
    program.ledger.unlink()
    with turnstile(sandbox.url, 0) as door:
        for issue in sandbox.issues():
            delete_issue(sandbox, issue["triage_id"])
        process = program.start(*IMPORT, "--api-url", door.url)
        door.hold(process)
        body = {"title": "Title 4", "severity": "low", "category": "Bug", "description": line}
        httpx.post(f"{sandbox.url}/v1/triage/issues", json=body, headers=HEADERS)
        door.let()
        ended = finish(process)
        assert ended.code == 1
        (other,) = [issue["triage_id"] for issue in sandbox.issues() if issue["title"] == "Title 4"]
        assert f"triage-import settle jira:PROJ-4 {other}" in ended.err
        assert program("settle", "jira:PROJ-4", other, "--api-url", door.url).code == 0
        assert program(*IMPORT, "--api-url", door.url).code == 0


def test_after_a_kill(program: Program, serve: Serve) -> None:
    """The closing scan reads back to the oldest create that none has passed, also of an import that was killed."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    with turnstile(sandbox.url, 2) as door:
        process = program.start(*IMPORT, "--concurrency", "1", "--settle-seconds", "0.1", "--api-url", door.url)
        door.hold(process)
        copy_issue(sandbox, 1)
        door.kill(process)
        ended = program(*IMPORT, "--settle-seconds", "0.1", "--api-url", door.url)
        assert ended.code == 1
        assert "jira:PROJ-1 has two issues" in ended.err


def test_a_clean_import_costs_a_request_for_a_hundred_issues(program: Program, serve: Serve) -> None:
    """The closing scan passes over what the ledger knows; a run with nothing to do makes none."""
    sandbox = serve()
    write_issues(Path("export.csv"), 250)
    ended = program(*IMPORT, "--api-url", sandbox.url)
    asked = sandbox.requests()
    assert (ended.code, ended.summary["requests"]) == (0, asked.total() - 1), "the organisation is asked for before"
    assert asked["GET /v1/triage/issues/{id}"] == 0
    assert asked["GET /v1/triage/issues"] == 2 + 3, "search and list before, and three pages after"
    program(*IMPORT, "--api-url", sandbox.url)
    assert sandbox.requests().total() == asked.total() + 1
