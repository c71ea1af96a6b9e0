"""Other issues that texts name, and their numbers beside them."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.api import count_units
from importer.mapping.issue_parts import Reference
from importer.records import Mention
from importer.transform.footers import find_footer
from importer.transform.markers import MARKER_NOTE, record_marker, source_marker
from importer.transform.references import References, insert_numbers

LIMIT = 10_000
OWN = "s:OWN-1"
JIRA = [
    Reference.model_validate({"pattern": r"[A-Z]+-\d+"}),
    Reference.model_validate({"pattern": r"https://acme\.example/browse/([A-Z]+-\d+)", "key": r"\1"}),
]
GITHUB = [Reference.model_validate({"pattern": r"(?:^|\s|\()#(\d+)", "key": r"\1"})]
FOOTER = f"---\nImported from {OWN}\nParent: P-1\n{source_marker('s')} {record_marker(OWN)} {MARKER_NOTE}"
NUMBERS = {f"s:P-{number}": f"T-{1_000 + number}" for number in range(1, 100)} | {
    f"s:{number}": f"T-{2_000 + number}" for number in range(1, 100)
}


def named(text: str, specs: list[Reference] = JIRA) -> list[tuple[str, str]]:
    """What a text names: the text that does, and the native key."""
    return [(mention.text, mention.key.partition(":")[2]) for mention in find(text, specs)]


def find(text: str, specs: list[Reference]) -> tuple[Mention, ...]:
    """The issues that a text with or without a footer names."""
    return References(specs, "s").find(text[: find_footer(text)], OWN)


def numbered(text: str, specs: list[Reference] = JIRA, limit: int = LIMIT) -> str:
    return insert_numbers(text, find(text, specs), NUMBERS, limit)


def test_find() -> None:
    """Names are found as they stand, each once, in order; the issue itself is none."""
    assert named("P-2 and P-1, (P-2) OWN-1: see https://acme.example/browse/P-3.") == [
        ("P-2", "P-2"),
        ("P-1", "P-1"),
        ("https://acme.example/browse/P-3", "P-3"),
    ]


def test_nothing_named() -> None:
    """A text without names, and a mapping without references, name nothing."""
    assert named("see p-1 and P1") == []
    assert named("P-1", []) == []


def test_key_of_a_group() -> None:
    """The key is what the mapping makes of the match; white space that it took is not in the name."""
    assert named("#4\n#5 (#6", GITHUB) == [("#4", "4"), ("#5", "5"), ("(#6", "6")]
    empty = Reference.model_validate({"pattern": r"#(\d*)", "key": r"\1"})
    assert named("# and #1 ", [empty]) == [("#1", "1")]


def test_key_within_the_own() -> None:
    """A number means an issue of the same project, which the own key names; where that names none, it means nothing."""
    spec = Reference.model_validate({"pattern": r"#(\d+)", "key": r"#\1", "within": "^[^#]+"})
    references = References([spec], "s")
    assert references.find("#4, #5 and #7", "s:o/r#7") == (Mention("#4", "s:o/r#4"), Mention("#5", "s:o/r#5"))
    assert references.find("#4", "s:#7") == ()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "P-1x",
            "xP-1",
            "P-1-draft",
            "P-1_x",
            "P-1.0",
            "a-P-1",
            "`P-1`",
            "```\ngit log P-1\n```",
            "```\nP-1 without an end",
        ),
        *("https://acme.example/P-1", "https://a.example/x?y=P-1#P-2", "www.a.example/P-1"),
        '<a href="https://acme.example/browse/P-1">',
    ],
)
def test_names_nothing(text: str) -> None:
    """A part of a word, of an address or of code names nothing, and stays as it is."""
    assert named(text) == []
    assert insert_numbers(text, [Mention("P-1", "s:P-1")], NUMBERS, LIMIT) == text


@pytest.mark.parametrize("text", ["other/repo#1", "https://a.example/page#1", "&#1;", "a#1"])
def test_number_sign_that_names_nothing(text: str) -> None:
    """A `#1` of another repository, of an address or of HTML names nothing."""
    sloppy = Reference.model_validate({"pattern": r"#(\d+)", "key": r"\1"})
    assert named(text, [sloppy]) == []
    assert insert_numbers(text, [Mention("#1", "s:1")], NUMBERS, LIMIT) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P-1", "P-1 (T-1001)"),
        ("P-1, P-12 and P-1.", "P-1 (T-1001), P-12 (T-1012) and P-1 (T-1001)."),
        ("P-100 stays, P-1 doesn't", "P-100 stays, P-1 (T-1001) doesn't"),
        ("**P-1** _P-2_ P-3/P-4", "**P-1 (T-1001)** _P-2 (T-1002)_ P-3 (T-1003)/P-4 (T-1004)"),
        ("见P-1修复", "见P-1 (T-1001)修复"),
        ("P-1 (T-7) and P-1", "P-1 (T-7) and P-1 (T-1001)"),
        ("https://acme.example/browse/P-1.", "https://acme.example/browse/P-1 (T-1001)."),
        ("https://acme.example/browse/P-1?x=1#c, P-2", "https://acme.example/browse/P-1?x=1#c (T-1001), P-2 (T-1002)"),
        ("(https://acme.example/browse/P-1)", "(https://acme.example/browse/P-1 (T-1001))"),
        ("<https://acme.example/browse/P-1>", "<https://acme.example/browse/P-1> (T-1001)"),
        ("[it](https://acme.example/browse/P-1)", "[it](https://acme.example/browse/P-1) (T-1001)"),
        ('[it](https://acme.example/browse/P-1 "P-2")', '[it](https://acme.example/browse/P-1 "P-2") (T-1001)'),
        ("[P-1](https://acme.example/browse/P-1)!", "[P-1 (T-1001)](https://acme.example/browse/P-1)!"),
        ("[P-1 (T-7)](https://acme.example/browse/P-1)", "[P-1 (T-7)](https://acme.example/browse/P-1)"),
        ("[P-1](https://a.example/(x)/P-2) P-3", "[P-1 (T-1001)](https://a.example/(x)/P-2) P-3 (T-1003)"),
        ("`P-1` P-1 ```P-1``` P-1", "`P-1` P-1 (T-1001) ```P-1``` P-1 (T-1001)"),
        ("😀 P-1", "😀 P-1 (T-1001)"),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    """A number stands behind each whole name, behind an address and not within, and never twice."""
    assert numbered(text) == expected
    assert numbered(expected) == expected


def test_numbers_of_number_signs() -> None:
    """Names that begin with a sign, and names in brackets, have their number behind them."""
    assert numbered("#1\n#12 (#3)", GITHUB) == "#1 (T-2001)\n#12 (T-2012) (#3 (T-2003))"
    bracketed = [Reference.model_validate({"pattern": r"\[#(\d+)\]", "key": r"\1"})]
    assert numbered("fix[#1]it", bracketed) == "fix[#1] (T-2001)it"


def test_unknown_numbers() -> None:
    """A name without a number stays alone; what is known before it and behind it is not."""
    assert numbered("UTF-8 P-1 ISO-8859 P-2") == "UTF-8 P-1 (T-1001) ISO-8859 P-2 (T-1002)"
    assert insert_numbers("P-1", [Mention("P-1", "s:P-1")], {}, LIMIT) == "P-1"
    assert insert_numbers("P-1", [], NUMBERS, LIMIT) == "P-1"


def test_one_name_with_two_keys() -> None:
    """Where a text stands for two issues, the first that has a number counts."""
    mentions = [Mention("it", "s:X"), Mention("it", "s:P-1"), Mention("it", "s:P-2")]
    assert insert_numbers("it", mentions, NUMBERS, LIMIT) == "it (T-1001)"


def test_patterns_that_meet() -> None:
    """Where two patterns find names over each other, the longer of one beginning counts, then the earlier pattern."""
    longer = [Reference.model_validate({"pattern": p, "key": k}) for p, k in ((r"P-\d", "1"), (r"P-\d!", "2"))]
    assert named("P-1! P-2", longer) == [("P-1!", "2"), ("P-2", "1")]
    equal = [Reference.model_validate({"pattern": r"P-\d", "key": key}) for key in "12"]
    assert named("P-1", equal) == [("P-1", "1")]


def test_footer() -> None:
    """The footer of the import names nothing and stays as it is; a quoted line of it is text."""
    assert numbered(f"P-2\n\n{FOOTER}") == f"P-2 (T-1002)\n\n{FOOTER}"
    assert numbered(FOOTER) == FOOTER
    assert numbered("---\nImported from s:P-2\n") == "---\nImported from s:P-2 (T-1002)\n"
    assert numbered(f"{FOOTER}\n\nP-2\n\n{FOOTER}").endswith(f"P-2 (T-1002)\n\n{FOOTER}")


@pytest.mark.parametrize(("spare", "expected"), [(0, "P-1 é😀 P-2 P-3"), (8, "P-1 é😀 P-2 P-3"), (9, None), (26, None)])
def test_limit(spare: int, expected: str | None) -> None:
    """Numbers that a text has no room for are left out, from the end."""
    text = "P-1 é😀 P-2 P-3"
    result = numbered(text, limit=count_units(text) + spare)
    assert result == (expected or ("P-1 (T-1001) é😀 P-2 P-3" if spare == 9 else "P-1 (T-1001) é😀 P-2 (T-1002) P-3"))


MIXED = [Reference.model_validate({"pattern": r"P-\d+"}), JIRA[1], *GITHUB]  # a number T-1 is no name here
PIECES = st.sampled_from([
    "P-1", "P-12", "P-99", "#4", "x", "-", "_", " ", "\n", "(", ")", "[", "](", "<", ">", "`", "```", ".", '"', "é",
    " (T-1)", "https://acme.example/browse/", "https://", "/", "---\nImported from ", FOOTER,
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@given(TEXTS)
@example("[P-1](https://acme.example/browse/P-1)")
def test_what_is_found_is_numbered(text: str) -> None:
    """Find and insert agree: each issue that a text names gets its number, and a text that names none stays."""
    mentions = find(text, MIXED)
    numbers = {mention.key: f"T-{place}77777" for place, mention in enumerate(mentions, 1)}
    result = insert_numbers(text, mentions, numbers, LIMIT)
    assert all(f" ({number})" in result for number in numbers.values())
    assert bool(mentions) or result == text


@given(TEXTS, st.integers(0, 60))
def test_only_numbers_are_added(text: str, spare: int) -> None:
    """Without the numbers the text is what it was, and it keeps to its limit."""
    mentions = find(text, MIXED)
    numbers = {mention.key: f"T-{place}77777" for place, mention in enumerate(mentions, 1)}
    result = insert_numbers(text, mentions, numbers, len(text) + spare)
    assert count_units(result) <= len(text) + spare
    for number in numbers.values():
        result = result.replace(f" ({number})", "")
    assert result == text


RUNS = ("a", "`", "](", "(", ".", "https://", "---\nImported from ", " (T-1)", "[P-1](https://", "<a href=")


@pytest.mark.parametrize("opening", ["", "https://a.example/", "](https://a.example/", "```"])
@pytest.mark.parametrize("run", RUNS)
def test_strange_texts_take_no_time(opening: str, run: str) -> None:
    """No text makes finding slow, however long its runs are."""
    text = f"P-1 {opening}{run * (100_000 // len(run))} P-2"
    started = time.process_time()
    numbered(text)
    assert time.process_time() - started < 2
