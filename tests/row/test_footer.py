"""The footer: written below every description, and found again in whatever has become of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.codes import FOOTER_CONTINUED
from importer.mapping.identities import Identity, Roster, RosterLine
from importer.row.footer import GOES_ON, LINE_LIMIT, LINES_LIMIT
from importer.row.transform import Transform
from importer.transform.footers import find_footer
from importer.transform.markers import MARKER_NOTE, record_marker, source_marker
from importer.transform.plain_text import one_line
from tests.harness.making import HEADER, issues_of, mapping_of, source_rows_of

FOOTER = f"---\nImported from demo:P-1\nParent: P-7\n{source_marker('demo')} {record_marker('demo:P-1')} {MARKER_NOTE}"


@given(text=st.text(alphabet="a-\n :") | st.sampled_from(["---\nImported from ", "---\nImported from demo:P-9\n"]))
def test_what_stands_before_it(text: str) -> None:
    """It is found behind any text, also one that begins like it."""
    assert f"{text}\n\n{FOOTER}"[: find_footer(f"{text}\n\n{FOOTER}")] == f"{text}\n\n"


@pytest.mark.parametrize(
    "text", ["", "a", "---\nImported from demo:P-1\n", f"> {FOOTER}", FOOTER.replace("tir", "tix")]
)
def test_text_without_one(text: str) -> None:
    """A text that only looks a little like it has none: all of it is text."""
    assert find_footer(text) == len(text)


@pytest.mark.parametrize("key", ["P-1", ""])
def test_written_and_found(key: str) -> None:
    """What is written is found, also that of a row without a key, which is never sent."""
    issues = issues_of(mapping_of(footer={"Text": "Text"}), [(key, "Title", "said", "P1", "Open")])
    (description,) = [issue.description for issue in issues]
    assert description[: find_footer(description)] == "said\n\n"


@pytest.mark.parametrize(("text", "line"), [(" a\r\n\tb ", "a b"), ("", ""), ("a  b", "a b")])
def test_one_line(text: str, line: str) -> None:
    """Runs of white space are one space."""
    assert one_line(text) == line


def test_a_line_that_is_too_long_goes_on_in_a_comment() -> None:
    """It is cut, a warning names it, and the comment has all of it as it was, line breaks too."""
    text = "1\n" + "word " * 1_000
    issues = issues_of(mapping_of(footer={"Environment": "Text"}), [("P-1", "Title", text, "P1", "Open")])
    (line,) = (line for line in issues[0].description.splitlines() if line.startswith("Environment: "))
    assert line.endswith(GOES_ON)
    assert len(line) <= LINE_LIMIT
    assert [comment.text for comment in issues[0].parts.comments] == [f"Environment:\n\n{text}"]
    assert [(finding.code, finding.rejects) for finding in issues[0].findings] == [(FOOTER_CONTINUED, False)]
    assert "Environment" in issues[0].findings[0].message


def test_many_lines_are_shortened_longest_first() -> None:
    """What fits stays as it is; the comments of the others are the same ones when their texts change."""
    header = ("Key", "Title", *(f"C{number}" for number in range(12)))
    mapping = mapping_of(
        description={"value": "text"},
        severity={"value": "low"},
        status={"value": "todo"},
        footer={name: name for name in header[2:]},
    )
    cells = [f"{number} " * (40 * (number + 1)) for number in range(12)]
    before, after = (
        issues_of(mapping, [("P-1", "Title", *each)], header) for each in (cells, [f"{c}." for c in cells])
    )
    description = before[0].description
    assert len(description) < LINES_LIMIT + 1000
    assert "C0: 0 0" in description
    assert GOES_ON in description
    said = {comment.text.partition(":")[0] for comment in before[0].parts.comments}
    assert "C11" in said
    assert "C0" not in said
    assert [comment.id for comment in before[0].parts.comments] == [comment.id for comment in after[0].parts.comments]


@pytest.mark.parametrize(
    ("footer", "lines"),
    [
        ({}, ["Assignee: Ann Meyer"]),
        ({"Who": "Text"}, ["Who: Ann Meyer (QA)"]),
        ({"Other": "State"}, ["Assignee: Ann Meyer"]),
    ],
)
def test_who_is_not_matched_is_named(footer: dict[str, str], lines: list[str]) -> None:
    """By construction, once: whatever the mapping names, unless one of its lines has the name already."""
    mapping = mapping_of(footer=footer, assignee={"name": {"column": "Text", "pattern": "^[^(]+(?= )"}})
    issues = issues_of(mapping, [("P-1", "Title", "Ann Meyer (QA)", "P1", "Open"), ("P-2", "Title", "", "P1", "Open")])
    named = [line for line in issues[0].description.splitlines() if line.startswith(("Who", "Assignee"))]
    assert named == lines
    assert "Assignee" not in issues[1].description


@pytest.mark.parametrize(
    ("who", "text", "is_named"),
    [
        ({"account": "7"}, "2026-01-07", False),
        ({"account": "7"}, "7", False),  # who made the issue, or how many there are
        ({"name": "Ann"}, "Annual report", False),
        ({"name": "Ann"}, "Ben, Ann", True),
    ],
)
def test_another_line_that_seems_to_name_somebody(who: dict[str, str], text: str, is_named: bool) -> None:
    """A number in it is no account, and a part of a word is no name."""
    assignee = dict.fromkeys(who, "Who")
    mapping = mapping_of(assignee=assignee, footer={"Other": "Text"})
    header = ("Key", "Title", "Text", "Priority", "State", "Who")
    row = ("P-1", "Title", text, "P1", "Open", *who.values())
    (issue,) = issues_of(mapping, [row], header)
    assert ("Assignee: " not in issue.description) == is_named


def test_a_line_with_the_account_of_somebody_who_has_a_name() -> None:
    """Names nobody to a reader: `PHID-USER-pr5fcxy4xk5ofqsfqcfc`."""
    mapping = mapping_of(assignee={"name": "Text", "account": "Who"}, footer={"Owner": "Who"})
    header = ("Key", "Title", "Text", "Priority", "State", "Who")
    rows = [("P-1", "Title", "Ann Meyer", "P1", "Open", "u-9"), ("P-2", "Title", "", "P1", "Open", "u-9")]
    with_name, without = (issue.description for issue in issues_of(mapping, rows, header))
    assert "Owner: u-9\nAssignee: Ann Meyer\n" in with_name
    assert "Assignee" not in without


def test_who_is_matched_is_not_named() -> None:
    """Their user is the assignee; the name is in the footer where the mapping puts it."""
    roster = Roster((RosterLine(Identity("Ann Meyer"), "u-ann", 2),), "users.csv")
    transform = Transform(mapping_of(assignee="Text"), "demo", roster)
    issues = transform(source_rows_of(HEADER, [("P-1", "Title", "Ann Meyer", "P1", "Open")])).issues
    assert issues[0].user_ids == ("", "u-ann")
    assert "Assignee" not in issues[0].description


def test_the_link_to_the_old_tracker() -> None:
    """What stands in the line `Link`, as it is sent, where it is an address: the first of several."""
    token = "ghp_" + "a1B2" * 9
    texts = [
        "https://x.example/1",
        "http://x.example/2 http://x.example/3",
        "T-4",
        "",
        f"https://x.example/5?k={token}",
    ]
    rows = [(f"P-{number}", "Title", text, "P1", "Open") for number, text in enumerate(texts, start=1)]
    links = [issue.footer.link for issue in issues_of(mapping_of(footer={"Link": "Text"}, secrets="mask"), rows)]
    assert links[:4] == ["https://x.example/1", "http://x.example/2", "", ""]
    assert links[4].startswith("https://x.example/5")
    assert token not in links[4]
    assert not any(issue.footer.link for issue in issues_of(mapping_of(footer={"Text": "Text"}), rows))
