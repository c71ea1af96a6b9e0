"""Import markers: found again in whatever a description has become."""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transform.markers import (
    MARKER_NOTE,
    Opening,
    comment_marker,
    find_marker,
    find_marker_lines,
    find_opening,
    find_openings,
    find_probe,
    find_probe_end,
    probe_title,
    record_marker,
    source_marker,
)

LINE = f"{source_marker('demo')} {record_marker('demo:P-1')} {MARKER_NOTE}"
BOTH = (source_marker("demo"), record_marker("demo:P-1"))
OTHER = f"{source_marker('other')} {record_marker('other:P-2')} {MARKER_NOTE}"


PROBE = "tip0123456789abcdef0123"


def test_an_issue_of_a_probe() -> None:
    """It is known by its title and its first line, whatever became of the rest; no import takes it for its own."""
    title, text = f"{probe_title(PROBE)} and more", f"{PROBE} was made.\n\n{'Text ' * 30}\n\n---\n{PROBE} ends it"
    assert (find_probe(title, text), find_probe(title, text[:30]), find_marker(text)) == (PROBE, PROBE, "")
    assert (find_probe_end(text), find_probe_end(text[:120])) == (PROBE, "")
    assert find_probe_end(text.replace("\n", " ")) == PROBE


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (probe_title(PROBE), "What is this issue?"),
        (f"Re: {probe_title(PROBE)}", f"{PROBE} was made."),
        (probe_title(PROBE), f"{PROBE} was made.\n\n---\n{LINE}"),
        (probe_title(PROBE), f"Why is this here?\n{PROBE} was made."),
    ],
)
def test_what_only_quotes_a_probe(title: str, text: str) -> None:
    """An issue of a person's, or an import's, is none of a probe's: that would delete it."""
    assert find_probe(title, text) == ""


@given(st.text(), st.text())
def test_the_marker_of_a_comment(key: str, stem: str) -> None:
    """The beginning of a digest in base 32, as Python writes it: what it was in each earlier version."""
    digest = hashlib.sha256(f"{key}\n{stem}".encode("utf-8", "surrogatepass")).digest()
    assert comment_marker(key, stem) == f"tic{base64.b32encode(digest).decode()[:10].lower()}"


@given(st.text(), st.text())
def test_a_marker_for_everything(name: str, key: str) -> None:
    """Any name and key has one word, also where a cell holds half a character."""
    assert source_marker(name).isalnum()
    assert len(source_marker(name)) == 15
    assert len(record_marker(f"{key}\ud800")) == 23


@pytest.mark.parametrize(
    ("description", "found"),
    [
        (LINE, BOTH),
        (f"text\n\n---\nImported from demo:P-1\n{LINE}", BOTH),
        (f"{LINE}\nadded by a person", BOTH),
        (f"{OTHER}\n{LINE}", BOTH),
        (LINE.replace(MARKER_NOTE, ""), BOTH),
        (f"see {LINE}", ("", "")),
        (LINE.replace(" ", "\n", 1), ("", "")),
        (LINE[:30], ("", "")),
        ("", ("", "")),
    ],
)
def test_find_marker_lines(description: str, found: tuple[str, str]) -> None:
    """It is the last line that begins with both words; what a text quotes above, or within a line, is none."""
    assert find_marker_lines(description)[-1:] == ([found] if found[0] else [])
    assert find_marker(description) == found[1]


FOOTER = f"text\n\n---\nImported from demo:P-1\n{LINE}"


@pytest.mark.parametrize(
    "rewritten",
    [
        FOOTER.upper(),
        " ".join(FOOTER.split()),
        "<p>" + FOOTER.replace("\n\n", "</p><p>").replace("\n", "<br />") + "</p>",
        "\u200b".join(re.findall("(?s).{1,10}", FOOTER)),
        " ".join(f"see {OTHER} {FOOTER}".replace("---", "—").split()),
    ],
)
def test_a_footer_in_another_form(rewritten: str) -> None:
    """A target that folds lines, writes HTML or capitals, or puts unseen signs between still shows whose it is."""
    assert find_marker_lines(rewritten) == [BOTH]


WORD = comment_marker("demo:P-1", "abc/1")
OPENED = f"Ann Meyer · 2025-12-01 15:31 UTC · {WORD}"
LONG = f"{'Ann Meyer von und zu der langen Straße ' * 3}· {WORD}"


def test_a_marker_for_every_comment() -> None:
    """Thirteen letters and digits, another for each record, comment and part."""
    assert re.fullmatch("tic[a-z2-7]{10}", WORD)
    others = {
        comment_marker("demo:P-2", "abc/1"),
        comment_marker("demo:P-1", "abc/2"),
        comment_marker("demo:P-1", "/1"),
    }
    assert len(others | {WORD}) == 4


@pytest.mark.parametrize(
    "detail",
    [
        f"{OPENED}\n\ntext",
        f"{WORD}\n\ntext",
        f"{OPENED}\n\n{OPENED}",
        f"  {OPENED}  \r\n\r\ntext",
        f"{OPENED}\ntext",
        f"{OPENED} text on one line",
        f"{WORD} text on one line",
        OPENED.replace("·", "&middot;") + "\n\ntext",
        OPENED.replace("·", "*") + "\n\ntext",
        f"{OPENED}\n\ntext".encode().decode("latin-1"),
        f"**{OPENED}**\n\ntext",
        f"**{OPENED}** text on one line",
        textwrap.fill(LONG, 60) + "\n\ntext",
        f"{OPENED}\n\ntext".upper(),
        f"<p>{OPENED}</p><p>text</p>",
        f"{OPENED}<br /><br />text",
        "\u200b".join(re.findall("(?s).{1,10}", f"{OPENED}\n\ntext")),
    ],
)
def test_find_opening(detail: str) -> None:
    """It ends the opening line, however a target has wrapped, trimmed, folded or rewritten it."""
    assert find_opening(detail) == Opening(WORD)
    assert find_openings(detail) == [Opening(WORD)]


@pytest.mark.parametrize(
    "detail",
    [
        "",
        "text",
        f"see {WORD}",
        f"see {WORD}\n\ntext",
        f"> {OPENED}\n\ntext",
        f"&gt; {OPENED}\n\ntext",
        f"<blockquote>{OPENED}<br>text</blockquote>",
        f"I know.\n\n{OPENED}\n\ntext",
        f"I know.\n\n---\n\n{OPENED}\n\ntext",
        f"As {OPENED}, says\n\nno",
        f"{OPENED}x\n\ntext",
    ],
)
def test_what_is_no_opening(detail: str) -> None:
    """What stands elsewhere is quoted, and a comment that a person began is not ours."""
    assert find_opening(detail) is None


@pytest.mark.parametrize("rule", ["\n\n---\n\n", "\n---\n", "\r\n\r\n---\r\n\r\n", "\n\n—\n\n", "\n\n–-\n\n"])
def test_folded(rule: str) -> None:
    """Each opening line counts below a rule, with the part that it says; a rule in a text opens nothing."""
    other = comment_marker("demo:P-1", "def/2")
    detail = rule.join([f"{OPENED}\n\none", "text", f"Bob · part 2 of 3 · {other}\n\ntwo"])
    assert find_openings(detail) == [Opening(WORD), Opening(other, 2, 3)]
    assert find_openings(" ".join(detail.split())) == [Opening(WORD), Opening(other, 2, 3)]
