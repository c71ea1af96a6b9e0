"""The whole issue arrives: long texts put together again, no agent called, every issue named by its new number."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.api import COMMENT_LIMIT
from importer.records import AlreadyAdded, Comment, IssueParts, Mention
from importer.sandbox.agent import mentions_norm
from importer.transform.addition_plan import Due, plan_additions
from importer.transform.lengths import REST_LIMIT, split_text
from importer.transform.references import insert_numbers
from importer.transform.sanitise import Sanitizer
from tests.conftest import Serve
from tests.end_to_end.exports import EXPORTS
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, read_csv, write_csv
from tests.harness.text_pieces import put_together
from tests.harness.unmarked import unmarked

pytestmark = pytest.mark.slow
LONGEST = EXPORTS / "gitlab" / "meltano__sdk__gitlab_issues_api.ASSEMBLED.json"
PATCH = "PATCH /v1/triage/issues/{id}"
GOES_ON = "\n\n[… goes on in the comments]\n\n---\nImported from "
PART = re.compile(r"(?:Description, )?part (\d+) of (\d+)\n\n")

PLAIN = """
input: {name: made, key: Key}
title: Title
description: {column: Text, too_long: continue}
severity: {value: medium}
status: {value: todo}
category: {value: General}
comments:
  from: [{column: Comment, parse: '(?s)^(?P<author>[^|]*)\\|(?P<date>[^|]*)\\|(?P<text>.*)$'}]
"""
HEADER = ("Key", "Title", "Text", "Comment", "Comment")


def send(program: Program, sandbox: RunningSandbox, mapping: str, *options: str | Path) -> Ended:
    """Import `issues.csv`, or what the options name, by a mapping's text."""
    Path("mapping.yaml").write_text(mapping, encoding="utf-8")
    source = () if any(isinstance(option, Path) for option in options) else (Path("issues.csv"),)
    target = ("--api-url", sandbox.url, "--yes", "--no-canary", "--max-rejected", "100%", "--rate", "0")
    return program("run", *source, "-m", "mapping.yaml", *target, "--json", "--out", "reports", *options)


def comments_of(sandbox: RunningSandbox) -> dict[str, list[str]]:
    """Issue id → what its comments say, in order."""
    said: dict[str, list[str]] = {issue["id"]: [] for issue in sandbox.issues()}
    for comment in sandbox.comments():
        said[comment["issue_id"]].append(unmarked(comment["detail"]))
    return said


def parts_of(description: str, comments: list[str]) -> Iterator[str]:
    """The parts of a description as a reader finds them: in the issue, then in its comments."""
    first, mark, _ = description.partition(GOES_ON)
    yield first
    parts = [(match, comment) for comment in comments if (match := PART.match(comment))]
    assert bool(mark) == bool(parts)
    assert [(int(match[1]), int(match[2])) for match, _ in parts] == [
        (number, len(parts) + 1) for number in range(2, len(parts) + 2)
    ]
    yield from (comment[match.end() :] for match, comment in parts)


@pytest.mark.skipif(not LONGEST.is_file(), reason="the real exports are not beside this checkout")
def test_the_longest_description_of_the_real_exports_arrives_whole(program: Program, serve: Serve) -> None:
    """103,431 characters stand in the description and the comments, put together as they were."""
    record = max(json.loads(LONGEST.read_bytes()), key=lambda each: len(each["description"] or ""))
    assert len(record["description"]) == 103_431
    sandbox = serve()
    mapping = "extends: gitlab\ndescription: {too_long: continue}\nmentions: keep\nnorm: keep\nreferences: []\n"
    ended = send(program, sandbox, mapping, LONGEST, "--only", f"meltano/meltano#{record['iid']}")
    assert (ended.code, ended.summary["created"]) == (0, 1), ended.err
    (issue,) = sandbox.issues()
    parts = list(parts_of(issue["description"], comments_of(sandbox)[issue["id"]]))
    assert put_together(parts) == record["description"].rstrip()
    assert all(len(comment) <= 4_000 for comment in comments_of(sandbox)[issue["id"]])


def long_text(units: int) -> str:
    """A text of paragraphs, code, a table, long words and signs of two units."""
    blocks: list[str] = []
    while len("".join(blocks)) < units:
        number = len(blocks)
        blocks += [
            f"## Part {number}\n\n" + "The caller waits. " * 60 + "\n\n",
            "```python\n" + "".join(f"def turn_{line}(): return {line}\n" for line in range(90)) + "```\n\n",
            "🙂" * 700 + "\n\n",
            "x" * 3_000 + "\n   \n\n",
        ]
    return "".join(blocks).rstrip()


def test_a_description_that_is_cut_elsewhere_isnt_sent_again(program: Program, serve: Serve) -> None:
    """As by a mapping with one more line in its footers: until it is written, its parts stay as they are."""
    sandbox = serve()
    text = " ".join(f"Sentence {number} of some length that goes on." for number in range(100, 600))
    rows = [(f"K{end}", "Long", text[:end], "", "") for end in range(14_000, 18_100, 41)]  # one gets a part more
    write_csv(Path("issues.csv"), rows, HEADER)
    assert send(program, sandbox, PLAIN).code == 0
    before = comments_of(sandbox)
    ended = send(program, sandbox, f"{PLAIN}footer: {{Team: {{value: Telephony and everything else}}}}\n")
    assert (ended.code, ended.summary["changed"]) == (0, len(rows)), ended.err
    assert comments_of(sandbox) == before


@pytest.mark.parametrize("units", [9_000, 30_000, 80_000])
def test_a_long_description_arrives_whole(program: Program, serve: Serve, units: int) -> None:
    """What has no room in the description goes on in comments, in order, before those of the source."""
    text, sandbox = long_text(units), serve()
    write_csv(Path("issues.csv"), [("A", "Long", text, "Ann|2026-03-02|First.", "")], HEADER)
    assert send(program, sandbox, PLAIN).code == 0
    (issue,) = sandbox.issues()
    said = comments_of(sandbox)[issue["id"]]
    assert put_together(list(parts_of(issue["description"], said))) == text
    assert said[-1] == "Ann · 2026-03-02\n\nFirst."


DISGUISES = (
    "@norm", "@NORM", "@Normal", "x@norm.com", "`@norm`", "＠norm", "﹫ｎｏｒｍ", "@𝐧𝐨𝐫𝐦", "@n\u200borm",
    "@\u2060norm", "@n\u00ado\u0308rm", "@\u115fnorm", "@\x1cnorm", "@№rm", "@nοrm", "&#64;norm", "&commat;norm",
    "&amp;#x40;n&#111;rm", "[~accountid:42]", "https://medium.com/@norm",
)  # fmt: skip
CALLED = f"""{PLAIN}
people: {{mentions: '\\[~accountid:([^\\]]+)\\]', known: [{{account: Account, name: Name}}]}}
resource_links: [{{column: Call, type: call}}]
flags: [{{call: Call, type: Kind, note: Note}}]
footer: {{'@norm': Title, Reporter: Name}}
"""
WIDE = (*HEADER, "Account", "Name", "Call", "Kind", "Note")


def texts_of(sandbox: RunningSandbox) -> Iterator[str]:
    """Every text that has arrived."""
    for issue in sandbox.issues():
        yield from (issue["title"], issue["description"])
    yield from (comment["detail"] for comment in sandbox.comments())
    yield from (f"{flag['type']} {flag['note']}" for flag in sandbox.flags())


def test_no_text_calls_the_agent(program: Program, serve: Serve) -> None:
    """`@norm` in any disguise, in every field: nobody finds it, the harshest reader, who looks everywhere, included."""
    rows = [
        (f"K{place}", f"Title {called}", f"Text {called} text", f"{called}|{called}|Said {called}", f"{called}|1|So",
         "42", "Norm", f"c{place}", f"Kind {called}", f"Note {called}")
        for place, called in enumerate(DISGUISES)
    ]  # fmt: skip
    rows.append(("@norm-1", "Key", "t", "", "", "", "@norm", "", "", ""))
    write_csv(Path("issues.csv"), rows, WIDE)
    sandbox = serve(norm_everywhere=True)
    ended = send(program, sandbox, CALLED)
    assert (ended.code, ended.summary["created"]) == (0, len(rows)), ended.err
    assert len(sandbox.comments()) == 2 * len(DISGUISES)
    assert len(sandbox.flags()) == len(DISGUISES)
    assert sandbox.norm_dispatches() == 0
    for text in texts_of(sandbox):
        assert not mentions_norm(html.unescape(html.unescape(text))), text
    assert sum("(at)" in text for text in texts_of(sandbox)) > 3 * len(DISGUISES)


def test_no_seam_calls_the_agent(program: Program, serve: Serve) -> None:
    """Long texts that are parted around `@norm`, comments that are folded around it, notes that are full of it."""
    rows = []
    for place, shift in enumerate(range(-8, 4)):
        long = "x" * (9_700 + shift) + "@norm " + "y" * (3_960 + shift) + "@no" + "rm" * 3_000
        said = "z" * (3_980 + shift) + "@norm" + "z" * 500
        rows.append((f"A{place}", f"{'t' * (196 + shift)}@norm", long, f"Ann@|norm|{said}", "norm@|3|ends in @"))
    rows.append(("B", "Ends in @", "norm " * 3, "Ann|1|ends in @", "norm|2|norm begins"))
    rows.append(("C", "@@@@norm", "@norm " * 1_660, "@norm|@norm|" + "@norm " * 660, "||@norm"))
    write_csv(Path("issues.csv"), rows, HEADER)
    sandbox = serve(norm_everywhere=True)
    mapping = PLAIN.replace("title: Title", "title: {column: Title, too_long: shorten}") + "  open: fold\n"
    ended = send(program, sandbox, mapping)
    assert (ended.code, ended.summary["created"]) == (0, len(rows)), ended.err
    assert sandbox.norm_dispatches() == 0
    assert not [text for text in texts_of(sandbox) if mentions_norm(text)]


def test_a_note_that_grows_still_fits(program: Program, serve: Serve) -> None:
    """Defused, a note of 3,990 characters has more than Triage takes: it is cut, and a comment has all of it."""
    note = "@norm " * 665
    row = ("A", "Title", "Text", "", "", "", "", "c1", "Kind", note)
    write_csv(Path("issues.csv"), [row], WIDE)
    sandbox = serve(norm_everywhere=True)
    ended = send(program, sandbox, CALLED)
    assert ended.code == 0, ended.err
    (flag,), said = sandbox.flags(), "".join(comment["detail"] for comment in sandbox.comments())
    assert len(flag["note"]) <= 4_000
    assert said.count("(at)norm") == 665
    assert sandbox.norm_dispatches() == 0


def test_the_mapping_s_consent(program: Program, serve: Serve) -> None:
    """`norm: keep` sends what was asked for: the agent is called once by each comment that names it, and no more."""
    rows = [
        ("A", "Title", "Text", "Ann|1|@norm look at this", "Ann|2|nothing"),
        ("B", "Title", "Text", "Bob|1|@Norm and @bob", "Bob|2|(@norm)"),
        ("C", "@norm in the title", "@norm in the text", "", ""),
    ]
    write_csv(Path("issues.csv"), rows, HEADER)
    sandbox = serve()
    assert send(program, sandbox, f"{PLAIN}norm: keep\n").code == 0
    assert sandbox.norm_dispatches() == 3
    assert any("@Norm and (at)bob" in text for text in texts_of(sandbox))
    assert any(text == "@norm in the title" for text in texts_of(sandbox))
    assert send(program, sandbox, f"{PLAIN}norm: keep\n").summary["unchanged"] == 3
    assert sandbox.norm_dispatches() == 3


TOKENS = st.sampled_from(
    ["@", "no", "rm", "norm", "n", "orm", " ", "\n", "\n\n", "&", "#64;", "\u200b", "```\n", "```@\n", "T-1", "x" * 60]
)
MADE = st.lists(TOKENS, max_size=40).map("".join)


@given(st.lists(st.tuples(MADE, MADE, MADE), min_size=1, max_size=4), MADE, st.sampled_from([100, 150, REST_LIMIT]))
def test_nothing_that_is_joined_makes_a_mention(said: list[tuple[str, str, str]], description: str, room: int) -> None:
    """Texts that are harmless alone stay so: parted, opened, folded, and with numbers put in."""

    def clean(text: str) -> str:
        return Sanitizer().clean(text).text

    comments = [
        Comment(f"{place:016x}", clean(author), clean(date), clean(text))
        for place, (author, date, text) in enumerate(said)
    ]
    parts = IssueParts(rest=tuple(split_text(clean(description), room, room)), comments=tuple(comments))
    for bundling in ("separate", "fold"):
        for addition in plan_additions(Due("k", parts, bundling, AlreadyAdded()), lambda text, key: ()):
            detail = json.loads(addition.body)["detail"]
            numbered = insert_numbers(detail, (Mention("T-1", "b"),), {"b": "T-7"}, COMMENT_LIMIT)
            assert not mentions_norm(html.unescape(detail))
            assert not mentions_norm(html.unescape(numbered))


REFERRING = PLAIN + "references: [{pattern: '\\bPROJ-\\d+\\b'}]\n"


def referring_rows() -> list[tuple[str, ...]]:
    """Issues that name each other before and after they come, in sentences, code and addresses."""
    return [
        ("PROJ-1", "One", "See PROJ-2, and PROJ-9.\n\n`PROJ-2`\n```\nPROJ-2\n```\n", "Ann|1|After PROJ-3", ""),
        ("PROJ-2", "Two", "Like PROJ-1 and PROJ-3 (https://x.org/browse/PROJ-3).", "Bob|1|https://x.org/PROJ-1", ""),
        ("PROJ-3", "Three", "Nobody else: PROJ-3", "Cy|1|PROJ-1 PROJ-2", "Cy|2|[PROJ-2](https://x.org/PROJ-2)"),
        ("PROJ-4", "Four, not PROJ-1", "Nothing", "", ""),
    ]


def test_each_reference_gets_the_new_number(program: Program, serve: Serve) -> None:
    """Both directions, by one PATCH an issue at the most; code, addresses, footers and markers stay as they were."""
    write_csv(Path("issues.csv"), referring_rows(), HEADER)
    sandbox = serve()
    ended = send(program, sandbox, REFERRING)
    assert ended.code == 0, ended.err
    sent = {json.loads(body)["title"]: json.loads(body)["description"] for body in sandbox.create_bodies()}
    issues = {issue["title"]: issue for issue in sandbox.issues()}
    one, two, three = (issues[name]["triage_id"] for name in ("One", "Two", "Three"))
    texts = {name: issue["description"].partition("\n\n---\nImported from ")[0] for name, issue in issues.items()}
    assert texts == {
        "One": f"See PROJ-2 ({two}), and PROJ-9.\n\n`PROJ-2`\n```\nPROJ-2\n```\n",
        "Two": f"Like PROJ-1 ({one}) and PROJ-3 ({three}) (https://x.org/browse/PROJ-3).",
        "Three": "Nobody else: PROJ-3",
        "Four, not PROJ-1": "Nothing",
    }
    for name, issue in issues.items():
        assert issue["description"].partition("\n\n---\n")[2] == sent[name].partition("\n\n---\n")[2]
    said = comments_of(sandbox)
    assert said[issues["One"]["id"]] == [f"Ann · 1\n\nAfter PROJ-3 ({three})"]
    assert said[issues["Two"]["id"]] == ["Bob · 1\n\nhttps://x.org/PROJ-1"]
    assert said[issues["Three"]["id"]] == [
        f"Cy · 1\n\nPROJ-1 ({one}) PROJ-2 ({two})",
        f"Cy · 2\n\n[PROJ-2 ({two})](https://x.org/PROJ-2)",
    ]
    assert sandbox.requests()[PATCH] == 2, "one for each of the two descriptions that name others"
    again = send(program, sandbox, REFERRING)
    assert (again.code, again.outcomes(), sandbox.requests()[PATCH]) == (0, {"unchanged": 4}, 2)


def test_a_reference_to_what_comes_later(program: Program, serve: Serve) -> None:
    """It gets its number by the run that brings the other issue, unless a person has edited the description since."""
    rows, sandbox = referring_rows(), serve()
    write_csv(Path("issues.csv"), [rows[0], ("PROJ-5", "Five", "As PROJ-2 says.", "", "")], HEADER)
    first = send(program, sandbox, REFERRING)
    assert sandbox.requests()[PATCH] == 0, first.err
    edited = next(issue for issue in sandbox.issues() if issue["title"] == "One")
    edit(sandbox, edited["id"], description="A person's words on PROJ-2.")
    write_csv(Path("issues.csv"), [rows[0], ("PROJ-5", "Five", "As PROJ-2 says.", "", ""), rows[1]], HEADER)
    second = send(program, sandbox, REFERRING)
    issues = {issue["title"]: issue for issue in sandbox.issues()}
    assert issues["One"]["description"] == "A person's words on PROJ-2."
    assert issues["Five"]["description"].startswith(f"As PROJ-2 ({issues['Two']['triage_id']}) says.")
    assert second.code == 0, second.err
    codes = {row["key"]: row["code"] for row in read_csv(Path("reports/results.csv"))}
    assert "description-edited" in codes["made:PROJ-1"].split("\n")
    patches = sandbox.requests()[PATCH]
    assert patches == 1 + 2, "the person's, and one each for PROJ-5 and PROJ-2"
    assert send(program, sandbox, REFERRING).code == 0
    assert sandbox.requests()[PATCH] == patches


def edit(sandbox: RunningSandbox, issue_id: str, **fields: Any) -> None:
    """Let a person change an issue."""
    headers = {"Authorization": "somebody", "Content-Type": "application/json"}
    url = f"{sandbox.url}/v1/triage/issues/{issue_id}"
    urlopen(Request(url, json.dumps(fields).encode(), headers, method="PATCH")).close()


def test_every_sign_that_folds_to_an_at_is_known() -> None:
    """No other sign of Unicode becomes an at-sign where somebody folds the text."""
    found = {sign for sign in map(chr, range(0x110000)) if "@" in unicodedata.normalize("NFKD", sign)}
    assert found == {"@", "＠", "﹫"}
