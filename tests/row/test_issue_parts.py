"""What rows say of their issues beside the create, all of it together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from importer.records import NO_PARTS, Flag, IssueParts, Mention, Relation
from importer.row.issue import Issue
from tests.harness.making import HEADER, issues_of, mapping_of

MORE = ("Call", "Flag", "Note", "Comment", "Comment", "Blocks")
EVERYTHING: dict[str, Any] = {
    "resource_links": [{"type": "call", "column": "Call"}],
    "flags": [{"call": "Call", "type": "Flag", "note": "Note"}],
    "comments": {"from": [{"column": "Comment"}], "closed": "drop"},
    "relations": [{"column": "Blocks", "type": "blocks"}],
    "references": [{"pattern": r"P-\d+"}],
}


def read(*rows: tuple[str, ...], **changes: Any) -> Sequence[Issue]:
    """What a mapping that reads everything makes of rows of `HEADER` and `MORE`."""
    return issues_of(mapping_of(**EVERYTHING, **changes), rows, (*HEADER, *MORE))


def row(text: str = "", *more: str, key: str = "P-1", state: str = "Open") -> tuple[str, ...]:
    """A row with a description and the cells of `MORE`."""
    return (key, "Title", text, "P1", state, *more, *("",) * (len(MORE) - len(more)))


def test_everything() -> None:
    """Each part is read as its own rules say."""
    parts = read(row("See P-2, P-1.", "c1", "tone", "loud", "one", "two", "P-2"))[0].parts
    assert [comment.text for comment in parts.comments] == ["one", "two"]
    assert parts.evidence == (("call", "c1"),)
    assert parts.flags == (Flag("c1", "tone", "loud", None),)
    assert parts.relations == (Relation("demo:P-1", "blocks", "demo:P-2"),)
    assert parts.mentions == (Mention("P-2", "demo:P-2"),)


def test_nothing() -> None:
    """Rows that say nothing more have no parts."""
    assert [issue.parts for issue in read(row(), row("text", key="P-2"))] == [NO_PARTS] * 2


def test_a_warning_alone() -> None:
    """What is wrong with a part is said also where the row has none that can be sent."""
    links = [{"type": "call", "column": "Note", "check": "c[0-9]"}]
    changed = EVERYTHING | {"resource_links": links}
    (issue,) = issues_of(mapping_of(**changed), [row("", "n/a", "tone")], (*HEADER, *MORE))
    assert issue.parts == NO_PARTS
    assert [finding.code for finding in issue.findings] == ["flag-call-malformed"]


def test_comments_that_are_dropped() -> None:
    """Where the mapping drops the discussion it isn't read; a flag's note that is too long is a comment in any case."""
    note = "n" * 4_001
    issues = read(row("", "c1", "tone", note, "said", state="Closed"), row("", "", "", "", "said", key="P-2"))
    (whole_note,) = issues[0].parts.comments
    assert whole_note.text.endswith(note)
    assert [comment.text for comment in issues[1].parts.comments] == ["said"]


def test_no_agent_is_called() -> None:
    """Comments, their authors and the notes of flags are as harmless as every text."""
    said = {"from": [{"column": "Comment", "parse": r"(?P<author>[^:]*): (?P<text>.*)"}]}
    changed = EVERYTHING | {"comments": said}
    cells = row("", "c1", "tone", "ask @norm", "@norm: @Norm, fix it")
    parts = issues_of(mapping_of(**changed), [cells], (*HEADER, *MORE))[0].parts
    texts = [parts.flags[0].note, parts.comments[0].author, parts.comments[0].text]
    assert texts == ["ask (at)norm", "(at)norm", "(at)Norm, fix it"]


def test_a_group_says_all_once() -> None:
    """Of rows that are one issue the first has what all say, each thing once."""
    issues = read(
        row("", "c1", "tone", "", "one", "", "P-2"),
        row("", "c1", "speed", "", "one", "two", "P-2"),
        group=["Key"],
    )
    parts = issues[0].parts
    assert issues[1].parts is NO_PARTS
    assert parts.evidence == (("call", "c1"),)
    assert [flag.type for flag in parts.flags] == ["tone", "speed"]
    assert [comment.text for comment in parts.comments] == ["one", "two"]
    assert parts.relations == (Relation("demo:P-1", "blocks", "demo:P-2"),)


def test_mentions_are_of_what_is_sent() -> None:
    """What the description names is looked for in the text that is sent; what goes on in comments names by itself."""
    issues = read(row("word " * 2_500 + "P-2"), description={"column": "Text", "too_long": "continue"})
    assert issues[0].parts == IssueParts(rest=issues[0].parts.rest)
    assert issues[0].parts.rest[-1].endswith("P-2")
