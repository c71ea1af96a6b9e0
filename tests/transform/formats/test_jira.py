"""Jira's wiki markup and Textile."""

from __future__ import annotations

import pytest

from importer.mapping.texts import TextFormat
from importer.transform.formats.convert import Converted, convert


@pytest.mark.parametrize(
    ("wiki", "expected"),
    [
        ("h2. T *b*", "## T **b**"),
        ("a *b* _c_ -d- {{e}}", "a **b** *c* ~~d~~ `e`"),
        ("[t|https://x.org/a_b] [https://y.org]", "[t](https://x.org/a_b) https://y.org"),
        ("* a\n** b\n*# c\n# d", "- a\n  - b\n  1. c\n\n1. d"),
        ("||H||I||\n|a|[x|http://p.q]|", "| H | I |\n| --- | --- |\n| a | [x](http://p.q) |"),
        ("|a|b|\n|b \\| c|d|", "| a | b |\n| --- | --- |\n| b \\| c | d |"),
        ("{code:java|title=F.java}\nint *a*;\n{code}", "**F.java**\n\n```java\nint *a*;\n```"),
        ("{noformat}x _y_{noformat}", "```\nx _y_\n```"),
        ("{quote}\na\n{quote}\nb", "> a\n\nb"),
        ("{panel:title=N}\na\n{panel}", "> **N**\n>\n> a"),
        ("bq. a", "> a"),
        ("a\n----\nb", "a\n\n---\n\nb"),
        ("!https://i.org/p.png|width=3!", "[image](https://i.org/p.png)"),
        (r"\{a\} *b*", "{a} **b**"),
        ("[http://x.org]https://y.org", "http://x.org https://y.org"),
        ("*a* http://x.org/_b_?u=s3://y/*c* *d* s3://_e_", "**a** http://x.org/_b_?u=s3://y/*c* **d** s3://*e*"),
        ("_see http://x.org/a_ /_b_", "*see http://x.org/a* /*b*"),
    ],
)
def test_jira(wiki: str, expected: str) -> None:
    """Each piece of Jira's markup has its form in Markdown."""
    assert convert(wiki, "jira", "markdown") == Converted(expected, ())


@pytest.mark.parametrize(
    "plain",
    [
        "[~accountid:5b10] and [^log.txt] are for others to find",
        "rm -rf a-b -c, __init__.py, 2*3*4, a_b_c, {x}, {code} alone, [a|b], C++ and D++",
        "server\\share C:\\temp\\new -- dash --- and !important",
    ],
)
def test_jira_lookalikes(plain: str) -> None:
    """What only looks like markup stays."""
    assert convert(plain, "jira", "markdown") == Converted(plain, ())


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(end: str, last: bool) -> None:
    """A line is one whatever ends it, and the last one may have no end."""
    lines = end.join(["* one", "* two", "and *three*", "h2. Four"])
    assert convert(lines + end * last, "jira", "markdown").text == "- one\n- two\n  and **three**\n\n## Four"


def test_jira_drops() -> None:
    """A colour, and a picture that lies in Jira, are named."""
    converted = convert("{color:red}a{color} !s.png|thumbnail!", "jira", "markdown")
    assert converted == Converted("a [image: s.png]", ("colour", "image s.png"))


@pytest.mark.parametrize(
    ("textile", "expected"),
    [
        ('h2. T (c) "q" it\'s -- x', '## T (c) "q" it\'s -- x'),
        ("a *b* @c@ List<String>\nd & e", "a **b** `c` List<String>\nd & e"),
        ('"t":http://x.org/a_b', "[t](http://x.org/a_b)"),
        ("* a\n** b", "- a\n  - b"),
        ("<pre>\n *x* <b>\n</pre>", "```\n *x* <b>\n```"),
        ('<pre><code class="ruby">\na __b__\n\n# <p>\n</code></pre>', "```ruby\na __b__\n\n# <p>\n```"),
        ("* a\n<pre>\r\n*x*\r\n\r\n<i>\r\n</pre>\n* b", "- a\n\n  ```\n  *x*\n\n  <i>\n  ```\n- b"),
        ("|_. a|_. b|\n|c|d|", "| a | b |\n| --- | --- |\n| c | d |"),
    ],
)
def test_textile(textile: str, expected: str) -> None:
    """Textile loses its markup and keeps its letters as they were typed."""
    assert convert(textile, "textile", "markdown").text == expected


@pytest.mark.parametrize("form", ["jira", "textile"])
def test_plain_text_has_no_marks(form: TextFormat) -> None:
    """As plain text nothing is left of the marks."""
    assert convert("h2. T\n\na *b*", form, "text").text == "T\n\na b"


@pytest.mark.parametrize("text", ["- a\n- b := c", "- term := :=\n-", "* a\n- b := c =:"])
def test_definition_lists(text: str) -> None:
    """Redmine knows no definition lists, on which the library breaks."""
    assert "c" in convert(text + "\nc", "textile", "markdown").text


def test_textile_that_nobody_wrote() -> None:
    """A text with more marks than the library can take stays as it is, and that is told."""
    text = "*a " * 2_000
    assert convert(text, "textile", "markdown").text == text
    assert convert(text, "textile", "markdown").dropped
