"""Mentions are defused in every disguise, and nothing else changes."""

from __future__ import annotations

import html
import random
import time
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transform.sanitise import Sanitized, Sanitizer, neutralise_mentions
from tests.harness.running import Program, write_csv

LETTERS = {
    "@": ["@", "＠", "﹫", "&#64;", "&#064", "&#x40;", "&commat;", "&amp;#64;", "&amp;amp;#x40;"],
    "n": ["n", "N", "ｎ", "Ｎ", "ⁿ", "𝐧", "ⓝ", "ñ", "ո", "&#110;", "&#x6E;", "&amp;#110;"],
    "o": ["o", "O", "ｏ", "Ｏ", "º", "𝕠", "ⓞ", "ö", "о", "ο", "&#111;"],
    "r": ["r", "R", "ｒ", "Ｒ", "ʳ", "𝓇", "ⓡ", "ř", "г", "&#114;"],
    "m": ["m", "M", "ｍ", "Ｍ", "ᵐ", "𝗺", "ⓜ", "ḿ", "м", "&#109;"],
}
UNSEEN = [
    "",
    "",
    "",
    "\u200b",
    "\u200d",
    "\u00ad",
    "\u202e",
    "\ufe0f",
    "\u0301",
    "\u034f",
    "\U000e0041",
    "\x00",
    "\u3164",
]
DISGUISES = st.tuples(*(st.tuples(st.sampled_from(LETTERS[x]), st.sampled_from(UNSEEN)) for x in "@norm")).map(
    lambda parts: "".join(letter + unseen for letter, unseen in parts)
)


def readings(text: str) -> list[str]:
    """A text as those may read it who decode, fold and strip: written anew here, with Python's means alone."""
    for _ in range(3):
        text = html.unescape(text)
    alphabets = str.maketrans("оοгмո", "oormn")
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).translate(alphabets)
    unseen = {"\u3164", "\u1160"}
    seen = [x for x in folded if x not in unseen and (x in "\n\t" or unicodedata.category(x)[0] not in "MC")]
    return [text.lower(), folded, "".join(seen)]


@given(before=st.text(max_size=8), disguise=DISGUISES, after=st.text(max_size=8))
def test_no_disguise_survives(before: str, disguise: str, after: str) -> None:
    """Whatever `@norm` wears, no reading of the result finds it; a second time changes nothing."""
    text = before + disguise + after
    for mentions in (False, True):
        neutralised = neutralise_mentions(text, norm=True, mentions=mentions)
        assert not [reading for reading in readings(neutralised) if "@norm" in reading]
        assert neutralise_mentions(neutralised, norm=True, mentions=mentions) == neutralised
    assert neutralise_mentions(text, norm=False, mentions=False) == text


@given(st.lists(st.sampled_from(["`", "``", "```", "~", "~~", "\n", " ", "    ", "@b", "@norm", "x"])).map("".join))
def test_code_without_tildes(text: str) -> None:
    """A text without a fence of tildes has the same code as before one that nobody closes."""
    if "~~~" not in text:
        assert neutralise_mentions(f"{text}\n\n~~~", norm=True, mentions=True) == (
            neutralise_mentions(text, norm=True, mentions=True) + "\n\n~~~"
        )


@given(st.text())
def test_no_at_sign_no_change(text: str) -> None:
    """A text without an at-sign in any form stays as it is."""
    plain = "".join(x for x in text if x not in "@＠﹫&")
    assert neutralise_mentions(plain, norm=True, mentions=True) == plain


@given(st.text(alphabet="@＠a.n o\n`~norm/:&#64;", max_size=60))
def test_nothing_else_changes(text: str) -> None:
    """Put back as it was, each `(at)` gives the text again; and a second time changes nothing."""
    neutralised = neutralise_mentions(text, norm=True, mentions=True)
    assert neutralise_mentions(neutralised, norm=True, mentions=True) == neutralised
    if "&" not in text and "＠" not in text:
        assert neutralised.replace("(at)", "@") == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@norm fix", "(at)norm fix"),
        ("@Normal x@norm.com", "(at)Normal x(at)norm.com"),
        ("`@norm` https://medium.com/@norm", "`(at)norm` https://medium.com/(at)norm"),
        ("@№rm", "(at)№rm"),
        ("@**norm** @<b>no</b>rm @[norm](x) @**no**w", "(at)**norm** (at)<b>no</b>rm (at)[norm](x) @**no**w"),
        ("@\u200bnorm", "(at)\u200bnorm"),
        ("@@norm", "@(at)norm"),
        ("@ann, @here", "(at)ann, (at)here"),
        ("ann@x.org https://medium.com/@ann f@https://x.org/a.js", "ann@x.org https://medium.com/@ann f@https://x.org/a.js"),
        ("`@Override`\n```\n@ann\n```\n@bob", "`@Override`\n```\n@ann\n```\n(at)bob"),
        ("@ norm, 5 @ 3, %40norm", "@ norm, 5 @ 3, %40norm"),
    ],
)  # fmt: skip
def test_examples(text: str, expected: str) -> None:
    """Mentions are defused; mail addresses, addresses of the web and code are none, except for `@norm`."""
    assert neutralise_mentions(text, norm=True, mentions=True) == expected


NO_MENTIONS = (
    *("std::map (this=@0x7fffffffd5a0, id=@0x1f40) at map.h:12", "pthread_cond_wait@@GLIBC_2.3.2 () from libc"),
    *("https://x.org/search?user=@ann&of=@bob", "run@moz-extension://a1/x.js:3", "g@webpack-internal:///./a.js"),
    *("@jar:file:///a.jar!/x.js", "<ann@x.org> mailto:bob@x.org git@github.com:a/b.git"),
)


def test_addresses_and_pointers_stay(program: Program) -> None:
    """What notifies nobody is sent as it is written, and what would is not, right beside it."""
    rows = [(f"P-{place}", text, "High", "To Do", "Bug", text) for place, text in enumerate(NO_MENTIONS)]
    rows.append(("P-99", "@0xann f(x)@@ann =@bob", "High", "To Do", "Bug", "https://x.org/ =@ann"))
    assert program("validate", write_csv(Path("export.csv"), rows), "-m", "jira").code == 0
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()
    assert "(at)" not in "".join(planned[:-1])
    assert "(at)0xann f(x)@(at)ann =(at)bob" in planned[-1]
    assert "https://x.org/ =(at)ann" in planned[-1]


ESCAPED_AGAIN = (
    *("&amp;#64;norm", "&amp;commat;norm", "&amp;amp;#x40;norm", "&#38;#64;norm", "&amp#64;norm", "&#x26;commat;norm"),
    *("&&#35;64;norm", "&#38;&#35;&#54;&#52;&#59;norm", "&amp;amp;commat&semi;norm", "&commat&semi;norm"),
    *("@&#38;#110;orm", "@&amp;#38;#110;orm", "@n&&#35;111;rm", "@&lt;b&gt;norm"),
)


def test_entities_that_are_escaped_again(program: Program) -> None:
    """Whoever decodes them, however often, finds no mention in what a check plans to send."""
    rows = [(f"P-{place}", f"a {text} b", "High", "To Do", "Bug", text) for place, text in enumerate(ESCAPED_AGAIN)]
    assert program("validate", write_csv(Path("export.csv"), rows), "-m", "jira").code == 0
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8")
    assert planned.count("(at)") == 2 * len(rows)
    while (decoded := html.unescape(planned)) != planned:
        planned = decoded
    assert "@" not in planned


@pytest.mark.parametrize("text", ["a &amp;amp; b", "&&norm", "&amp;&amp;norm", "&nbsp;&nbsp;norm", "?a=1&norm=2&#38;c"])
def test_other_entities_stay(text: str) -> None:
    """Without an at-sign behind them they are what the source says."""
    assert neutralise_mentions(text, norm=True, mentions=True) == text


def test_kept_by_the_mapping() -> None:
    """Either kind of mention can be kept alone."""
    assert neutralise_mentions("@norm @ann", norm=True, mentions=False) == "(at)norm @ann"
    assert neutralise_mentions("@norm @ann", norm=False, mentions=True) == "@norm (at)ann"


def test_clean() -> None:
    """What a mapping wants is done to a text, and the kinds of its secrets are told."""
    text = "@norm AKIAIOSFODNN7EXAMPLA"
    assert Sanitizer().clean(text) == Sanitized("(at)norm AKIAIOSFODNN7EXAMPLA", ("AWS key",))
    assert Sanitizer("keep", secrets="mask").clean(text) == Sanitized(
        "@norm AKIA[secret masked: AWS key]", ("AWS key",)
    )
    assert Sanitizer("keep", "keep", "ignore").clean(text) == Sanitized(text, ())


TEXTS = st.sampled_from(
    [
        *("", "plain", "@ann and @norm", "mail a@b.example", "(at)home", "card 4111 1111 1111 1111", "12345678901234"),
        *("AKIAIOSFODNN7EXAMPLA", "&#64;norm", "one\ntwo", "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq4"),
    ]
)


@given(texts=st.lists(TEXTS, max_size=8), secrets=st.sampled_from(["warn", "mask", "ignore"]))
def test_texts_are_cleaned_together_as_alone(texts: list[str], secrets: Literal["warn", "mask", "ignore"]) -> None:
    """Looking at many texts at once finds what looking at each finds, and counts the mentions."""
    harmless = Sanitizer(secrets=secrets)
    alone = [harmless.clean(text) for text in texts]
    together = harmless.clean_all(texts)
    assert [(each.text, each.secrets) for each in together] == [(each.text, each.secrets) for each in alone]
    mentions = [text.count("@") + text.count("&#64;") - text.count("a@b") for text in texts]
    assert [each.neutralised for each in together] == mentions
    if harmless.is_harmless(texts):
        assert [each.text for each in together] == texts


def test_findings() -> None:
    """A secret is a warning, and rejects its row where the mapping refuses it."""
    (warned,) = Sanitizer().findings("description", ("AWS key",))
    (refused,) = Sanitizer(secrets="refuse").findings("description", ("AWS key",))
    (masked,) = Sanitizer(secrets="mask").findings("description", ("AWS key",))
    assert [(finding.code, finding.rejects) for finding in (warned, refused, masked)] == [
        ("secret-found", False),
        ("secret-found", True),
        ("secret-masked", False),
    ]
    assert warned.message == "an AWS key is in the text"


@pytest.mark.parametrize(
    "trick", ["@", "@\u200b", "@&amp;", "@```\n", "`@a` ", "@n", "&amp;", "&&#35;64;", "@" + "\u200b" * 500]
)
def test_hostile_texts(trick: str) -> None:
    """30 kB of one trick are no work: where each sign looked at all behind it, they would take minutes."""
    start = time.process_time()
    neutralise_mentions(trick * (30_000 // len(trick)) + "@norm", norm=True, mentions=True)
    assert time.process_time() - start < 3


def test_usual_texts_are_fast() -> None:
    """A text without an at-sign is looked through once."""
    text = "".join(random.Random(1).choices("abcdefgh \n", k=1_000_000))
    start = time.process_time()
    assert neutralise_mentions(text, norm=True, mentions=True) is text
    assert time.process_time() - start < 2
