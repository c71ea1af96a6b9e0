"""Records: keys, markers, texts with their footer, links, and the bodies that are sent."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.api import DESCRIPTION_LIMIT, TITLE_LIMIT, count_units
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_refs
from importer.records import NO_PARTS, Finding, Ref
from importer.row.decisions import is_empty
from importer.row.footer import GOES_ON
from importer.row.issue import Issue
from importer.row.issue_batch import IssueBatch, encode_body
from importer.row.transform import Transform
from importer.transform.aliases import content_key
from importer.transform.lengths import cut, is_longer
from importer.transform.markers import MARKER_NOTE, find_marker, record_marker, source_marker
from tests.harness.making import HEADER, SOURCE_NAME, findings_of, issues_of, json_rows_of, mapping_of, source_rows_of

ANY_TEXT = st.text(st.characters(codec=None), max_size=12)
LONG_TEXT = st.builds(str.__mul__, ANY_TEXT, st.sampled_from([1, 1, 20, 900, 9000]))
SHORTENING = mapping_of(
    title={"column": "Title", "too_long": "shorten"},
    description={"column": "Text", "too_long": "shorten"},
    footer={"Priority": "Priority", "Title": "Title"},
    category={"column": "Priority", "keep_unknown": "true", "missing": "General"},
    severity={"column": "Priority", "unknown": "low", "missing": "low"},
    status={"value": "todo"},
)


def bodies_of(mapping: MappingModel, batch: IssueBatch) -> dict[int, bytes]:
    """The bodies of all rows that nothing keeps from being sent."""
    findings = findings_of(mapping, batch)
    return {
        row: encode_body(issue)
        for row, issue in enumerate(batch.issues)
        if not issue.skip and not any(finding.rejects for finding in findings[row])
    }


def read(mapping: MappingModel, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> IssueBatch:
    """The issues of these rows, with what they were read from."""
    return Transform(mapping, SOURCE_NAME)(source_rows_of(header, rows))


def utf16_units(text: str) -> int:
    """Length in UTF-16 units, counted character by character."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def footer_of(issue: Issue) -> str:
    """Where the footer of a description begins, to its end."""
    return issue.description[issue.description.rindex("---\nImported from ") :]


def test_body(snapshot: SnapshotAssertion) -> None:
    """The exact text of a create, with all that a row can have."""
    mapping = mapping_of(
        owner_id={"value": "u-1"},
        assignee_id="Assignee",
        resource_links=[{"type": "call", "column": "Call"}],
        footer={"Reporter": "Reporter", "Labels": "Label", "Due": "Due"},
    )
    header = (*HEADER, "Assignee", "Call", "Reporter", "Label", "Label", "Due")
    row = ("P-1", "No tone", "Line 1\nLine 2 “é” 🎧", "P1", "Open", " u-2 ", "c-1", "Kim\nLee", "a, b", "ui", "")
    assert bodies_of(mapping, read(mapping, [row], header))[0].decode() == snapshot


def test_smallest_body(snapshot: SnapshotAssertion) -> None:
    """A row without text and people has only its footer as description, and none of the optional fields."""
    assert bodies_of(mapping_of(), read(mapping_of(), [("P 1", "Title", " \n", "P1", "Open")]))[0].decode() == snapshot


ROWS = st.lists(st.tuples(ANY_TEXT, LONG_TEXT, LONG_TEXT, ANY_TEXT, ANY_TEXT), max_size=6)


@settings(max_examples=60)
@given(ROWS, st.integers(1, 6))
def test_chunks_of_any_size(rows: Sequence[Sequence[str]], size: int) -> None:
    """A body is a function of row, mapping and source name: however the input is cut, it is the same bytes."""
    transform = Transform(SHORTENING, SOURCE_NAME)
    whole = bodies_of(transform.mapping, transform(source_rows_of(HEADER, rows)))
    parts: dict[int, bytes] = {}
    for first in range(0, len(rows), size):
        source_rows = source_rows_of(HEADER, rows[first : first + size], first=first + 1)
        parts |= {first + row: body for row, body in bodies_of(transform.mapping, transform(source_rows)).items()}
    assert parts == whole


def test_json_lists() -> None:
    """Lists of different lengths, which widen the columns of a whole run, leave the other bodies as they are."""
    mapping = mapping_of(
        input={"name": SOURCE_NAME, "key": "Key"},
        footer={"Labels": {"path": "labels"}},
        severity={"rules": [{"when": {"path": "labels", "is": "p1"}, "then": "high"}], "missing": "low"},
        status={"value": "todo"},
    )
    transform = Transform(mapping, SOURCE_NAME)
    lines = [
        '{"Key": 1, "Title": "a", "labels": ["x", "p1", "y"]}',
        '{"Key": 2, "Title": "b", "labels": []}',
        '{"Key": 3, "Title": "c", "labels": ["P1"]}',
    ]
    alone = [bodies_of(transform.mapping, transform(json_rows_of([line], transform.refs)))[0] for line in lines]
    assert list(bodies_of(transform.mapping, transform(json_rows_of(lines, transform.refs))).values()) == alone


@given(LONG_TEXT, LONG_TEXT, ANY_TEXT)
@example("🎧" * 101, "🎧" * 5000, "")
@example("a" + "🎧" * 100, "x" * 9_900 + "🎧" * 60, "b")
@example("t" * 12_000, "", "")
def test_limits_hold_whatever_the_text(title: str, text: str, priority: str) -> None:
    """What is sent never exceeds the limits in UTF-16 units, keeps its footer whole, opens with a full long title."""
    batch = read(SHORTENING, [("P-1", title, text, priority, "Open")])
    for row, body in bodies_of(SHORTENING, batch).items():
        sent = orjson.loads(body)
        assert 1 <= utf16_units(sent["title"]) <= TITLE_LIMIT
        assert utf16_units(sent["description"]) <= DESCRIPTION_LIMIT
        assert 1 <= utf16_units(sent["category"]) <= 64
        footer = footer_of(issues_of(SHORTENING, [("P-1", title, "", priority, "Open")])[0])
        assert sent["description"].endswith(footer)
        if any(cut_text.field == "title" for cut_text in batch.issues[row].shortened) and GOES_ON not in footer:
            full = footer.partition("Title: ")[2].partition("\n")[0]  # the footer has it on one line
            opening = " ".join(sent["description"].partition("\n\n")[0].split())
            assert f"Full title: {full}".startswith(opening)
            assert len(opening) == len(f"Full title: {full}") or "\n\n[… cut at import: " in sent["description"]
            assert sent["title"].endswith("…")


@given(st.text(st.characters(codec=None), max_size=40), st.sampled_from(["key", "title", "text", "category"]))
@example("x\ud800", "key")
@example("x\ud800", "title")
@example("x\ud800", "text")
@example("x\ud800", "category")
@example("x\x00", "text")
def test_half_characters_are_rejected(text: str, place: str) -> None:
    """A lone surrogate or a NUL anywhere rejects its row; it never crashes, and nothing else is rejected for it."""
    fields = {"key": "P-1", "title": "a", "text": "b", "category": "P1"} | {place: f"a{text}"}
    batch = read(SHORTENING, [(*fields.values(), "Open")])
    codes = {finding.code for finding in findings_of(SHORTENING, batch)[0]}
    wrong = any("\ud800" <= character <= "\udfff" for character in text)
    assert ("text-not-unicode" in codes) is wrong
    assert ("text-has-nul" in codes) is ("\0" in text and not wrong)
    assert list(bodies_of(SHORTENING, batch)) == ([] if wrong or "\0" in text else [0])


def test_shortened_title() -> None:
    """A long title is cut with an ellipsis; the whole of it opens the description; both are noted."""
    title = "word " * 50
    issues = issues_of(SHORTENING, [("P-1", title, "The text.", "P1", "Open")])
    assert issues[0].title == ("word " * 40).strip() + "…"
    assert issues[0].description.startswith(f"Full title: {title.strip()}\n\nThe text.\n\n---\nImported from demo:P-1")
    assert list(issues[0].shortened) == [("title", 249)]


def test_shortened_description() -> None:
    """A long description says where it was cut and how long it was, and has exactly the length that is allowed."""
    issues = issues_of(SHORTENING, [("P-1", "Title", "x" * 20_000, "P1", "Open")])
    (description,) = [issue.description for issue in issues]
    assert len(description) == DESCRIPTION_LIMIT
    assert "x\n\n[… cut at import: 20,000 characters in the source]\n\n---\nImported from" in description


def test_nothing_is_cut_unasked() -> None:
    """Without `too_long: shorten` a long text stays whole, for validate to reject."""
    issues = issues_of(mapping_of(), [("P-1", "t" * 201, "x" * 10_001, "P1", "Open")])
    assert len(issues[0].title) == 201
    assert issues[0].description.startswith("x" * 10_001 + "\n\n---")
    assert not issues[0].shortened


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (" \tOuter\u00a0", "Outer"),
        ("One\r\nTwo\n\nThree\tFour", "One Two Three Four"),
        ("Two  spaces", "Two  spaces"),
        ("\u200b", ""),
        ("\ufeffMarked\u200b", "\ufeffMarked\u200b"),
    ],
)
def test_title_is_one_line(title: str, expected: str) -> None:
    """A title is one line; only line breaks, tabs and outer white space are touched."""
    assert [issue.title for issue in issues_of(mapping_of(), [("P-1", title, "", "P1", "Open")])] == [expected]


def test_description_is_as_written() -> None:
    """A description keeps its line ends and its white space, control characters too."""
    text = "  a\r\n\tb\x1b\n\n"
    (issue,) = issues_of(mapping_of(), [("P-1", "T", text, "P1", "Open")])
    assert issue.description.startswith(f"{text}\n\n---\n")


def test_footer(snapshot: SnapshotAssertion) -> None:
    """The footer has a line for each filled label, each on one line, all cells of a column that repeats."""
    mapping = mapping_of(
        description=None,
        footer={
            "Link": {"template": "https://jira.example/browse/{Key}"},
            "Labels": "Label",
            "Due": "Due",
            "Absent": "Nowhere",
            "By": ["Author", "Reporter"],
        },
    )
    header = (*HEADER, "Label", "Label", "Label", "Due", "Author", "Reporter")
    row = ("P-1", "T", "", "P1", "Open", "with, comma", "", "two\nlines", " ", "", "Kim")
    assert issues_of(mapping, [row], header)[0].description == snapshot


def test_key() -> None:
    """A key is the source's name and the native key without outer white space; inner spaces belong to it."""
    issues = issues_of(mapping_of(), [(" AB 1 ", "T", "", "P1", "Open"), (" ", "T", "", "P1", "Open")])
    assert [issue.key.full for issue in issues] == ["demo:AB 1", ""]
    assert issues[0].key.marker == record_marker("demo:AB 1")


def test_local_key() -> None:
    """The local key stands in where the key is empty, and such rows are known."""
    mapping = mapping_of(input={"name": SOURCE_NAME, "key": "Key", "local_key": "Text"})
    rows = [("P-1", "T", "7", "", ""), ("", "T", "7", "", ""), ("", "T", "", "", "")]
    issues = issues_of(mapping, rows)
    assert [issue.key.full for issue in issues] == ["demo:P-1", "demo:7", ""]
    assert [issue.key.is_local for issue in issues] == [False, True, False]


def test_content_as_key() -> None:
    """Without keys the row's content is its identity; empty cells at the end don't count."""
    mapping = mapping_of(input={"name": SOURCE_NAME, "key": {"content": "true"}})
    rows = [("", "T", "", "P1", "Open"), ("", "T", "", "P1", "Open"), ("", "U", "", "", "")]
    one, same, other = (issue.key.full for issue in issues_of(mapping, rows))
    assert one == same != other
    assert content_key(["a", ""]) == content_key(["a"]) != content_key(["", "a"])


def test_find_marker() -> None:
    """The marker of an issue is that of the last footer line; what texts quote is none."""
    (issue,) = issues_of(mapping_of(), [("P-1", "T", "like tir00000000000000000000", "P1", "Open")])
    description = issue.description
    marker = record_marker("demo:P-1")
    quoting = f"tis000000000000 {record_marker('demo:P-2')} {MARKER_NOTE}\n"
    for text in (description, quoting + description, description + "\nadded", description.replace("\n", "\r\n")):
        assert find_marker(text) == marker
    for text in ("", "text", f"see {quoting}", marker, description[: description.index(marker) + 22]):
        assert find_marker(text) == ""


def test_markers() -> None:
    """Markers are two words of plain hex, the same for ever: issues of earlier runs are found by them."""
    assert source_marker(SOURCE_NAME) == "tis2a97516c354b"
    assert record_marker("demo:P-1") == "tir039f7275fec2cb330a35"
    assert source_marker("other") != source_marker(SOURCE_NAME)


def test_links() -> None:
    """Each filled cell is a link, several to a cell where the mapping splits them, each once, in order."""
    mapping = mapping_of(
        resource_links=[{"type": "call", "column": "Call", "split": ","}, {"type": "file", "column": "File"}]
    )
    header = (*HEADER, "Call", "Call", "File")
    rows = [
        ("P-1", "T", "", "P1", "Open", "c1, c2,,", "c2,c3", "a, b"),
        ("P-2", "T", "", "P1", "Open", "", " ", ""),
    ]
    issues = issues_of(mapping, rows, header)
    assert issues[0].parts.evidence == (("call", "c1"), ("call", "c2"), ("call", "c3"), ("file", "a, b"))
    assert issues[1].parts is NO_PARTS
    bodies = bodies_of(mapping, read(mapping, rows, header))
    first = {"resource_type": "call", "resource_id": "c1"}
    assert orjson.loads(bodies[0])["resource_links"][0] == first
    assert "resource_links" not in orjson.loads(bodies[1])


def test_skips() -> None:
    """The first rule that holds leaves a row out; rows without any content are left out first of all."""
    mapping = mapping_of(
        skip=[
            {"name": "closed", "when": {"column": "State", "is": "closed"}},
            {"name": "no-title", "when": {"column": "Title", "filled": "false"}},
        ]
    )
    rows = [("1", "", "", "", "Closed"), ("2", "", "", "", "Open"), ("3", "T", "", "", "Open"), ("", " ", "", "", "")]
    assert [issue.skip for issue in issues_of(mapping, rows)] == ["skip-closed", "skip-no-title", "", "row-empty"]


def test_rules_never_leave_out_a_defective_row() -> None:
    """A row that can't be read looks empty; it is rejected for that, never skipped by a rule."""
    mapping = mapping_of(skip=[{"name": "no-title", "when": {"column": "Title", "filled": "false"}}])
    blank = ("", "", "", "", "")
    source_rows = source_rows_of(HEADER, [blank, blank], defects={0: Finding("row-ragged", "", "ragged")})
    for row, raw in zip(source_rows.rows, (["a", "b"], ["c", "", "", "", ""]), strict=True):
        row.raw = raw
    batch = Transform(mapping, SOURCE_NAME)(source_rows)
    assert [issue.skip for issue in batch.issues] == ["", "skip-no-title"]


@pytest.mark.parametrize(
    ("raw", "empty"),
    [
        (["", " ", "\t"], True),
        ([], True),
        (["", "0"], False),
        ("{}", True),
        ('{ "a": null, "b": " ", "c\\"": [], "d": { } }', True),
        ('{"a": null, "b": 0}', False),
        ('{"a": false}', False),
        ('{"a": [null]}', False),
    ],
)
def test_is_empty(raw: list[str] | str, empty: bool) -> None:
    """A row without content: all cells blank, all values of a JSON object null or empty."""
    assert is_empty(raw) is empty


def test_newest_date_that_cannot_be_read() -> None:
    """A date by which rows of one key are compared matters only where there are several: it rejects none by itself."""
    issues = issues_of(mapping_of(duplicates={"newest": "Text"}), [("1", "T", "soon", "", ""), ("2", "T", "", "", "")])
    assert [(issue.newest, issue.row.unreadable) for issue in issues] == [(None, "")] * 2


def test_source_and_people() -> None:
    """Source, owner and assignee may come from columns; outer white space doesn't count."""
    mapping = mapping_of(source=["Text", {"value": "client"}], owner_id="Priority")
    rows = [("1", "T", " automated ", " u-1 ", "Open"), ("2", "T", "", "", "Open")]
    issues = issues_of(mapping, rows)
    assert [issue.texts["source"] for issue in issues] == ["automated", "client"]
    assert [issue.user_ids[0] for issue in issues] == ["u-1", ""]


def test_collect_refs() -> None:
    """A source is asked for every column and path that the mapping names anywhere, each once."""
    mapping = mapping_of(
        severity={"rules": [{"when": {"path": "labels[].name", "is": "x"}, "then": "low"}], "column": "Priority"},
        skip=[{"name": "old", "when": [{"column": "Closed", "filled": "true"}, {"column": "Key", "is": "x"}]}],
        footer={"Link": {"template": "{Key}/{path:a.b}"}},
        duplicates={"newest": "Updated"},
        evidence={"resolution": "Resolution"},
    )
    columns = {ref.name for ref in collect_refs(mapping) if ref.kind == "column"}
    assert columns == {"Key", "Title", "Text", "Priority", "State", "Closed", "Updated", "Resolution"}
    assert [ref for ref in collect_refs(mapping) if ref.kind == "path"] == [
        Ref("path", "labels[].name"),
        Ref("path", "a.b"),
    ]


@given(st.text(max_size=60), st.integers(0, 70))
def test_cut(text: str, units: int) -> None:
    """A cut text is the longest beginning that fits; no character is split."""
    short = cut(text, units)
    assert text.startswith(short)
    assert utf16_units(short) <= units
    assert short == text or utf16_units(text[: len(short) + 1]) > units


@given(st.text(st.characters(codec=None), max_size=30), st.integers(0, 40))
def test_count_units(text: str, limit: int) -> None:
    """Lengths are in UTF-16 units, for half characters too."""
    assert count_units(text) == utf16_units(text)
    assert is_longer(text, limit) is (utf16_units(text) > limit)
