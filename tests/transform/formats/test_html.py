"""HTML as Markdown and as plain text."""

from __future__ import annotations

import pytest

from importer.transform.formats.convert import Converted, convert


def markdown_of(text: str) -> str:
    return convert(text, "html", "markdown").text


@pytest.mark.parametrize(
    ("html", "markdown", "plain"),
    [
        ("<p>a <b>b</b></p><p>c<br>d</p>", "a **b**\n\nc\nd", "a b\n\nc\nd"),
        ("<h2>T</h2>x", "## T\n\nx", "T\n\nx"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n  - b\n- c", "- a\n  - b\n- c"),
        ('<ol start="3"><li>a<li>b</ol>', "3. a\n4. b", "3. a\n4. b"),
        ("<pre>x\n  y</pre>", "```\nx\n  y\n```", "x\n  y"),
        ("<pre>```</pre>", "````\n```\n````", "```"),
        ("<code>a`b</code>", "``a`b``", "a`b"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b", "> a\n>\n> b"),
        ('<a href="http://x.org">t</a>', "[t](http://x.org)", "t (http://x.org)"),
        ('<a href="http://x.org/(a)">t</a>', "[t](<http://x.org/(a)>)", "t (http://x.org/(a))"),
        ('<a href="http://x.org">http://x.org</a>y', "http://x.org y", "http://x.org y"),
        ('<a href="mailto:a@x.org">a@x.org</a>', "a@x.org", "a@x.org"),
        ('<a href="http://x.org"><div>t</div></a>', "[t](http://x.org)", "t (http://x.org)"),
        ('<img src="http://x.org/p.png" alt="s">', "[image: s](http://x.org/p.png)", "[image: s] (http://x.org/p.png)"),
        ("<table><tr><th>A<th>B<tr><td>1|2<td>3</table>", "| A | B |\n| --- | --- |\n| 1\\|2 | 3 |", "A | B\n1|2 | 3"),
        ("<table><tr><td><p>page</p><td><table><tr><td>layout</table></table>", "page\n\nlayout", "page\n\nlayout"),
        ("10<sup>6</sup>", "10^6", "10^6"),
        ("<input type=checkbox checked>done", "[x] done", "[x] done"),
        ("<b>List<String></b>", "**List<String>**", "List<String>"),
        ("a &amp; b\n\n  c", "a & b\n\n  c", "a & b\n\n  c"),
        ("<p>?a=1&copy=2 &copy;</p>", "?a=1&copy=2 ©", "?a=1&copy=2 ©"),
        ("<p>a</p><!-- b --><style>p {}</style><o:p></o:p>", "a", "a"),
    ],
)
def test_elements(html: str, markdown: str, plain: str) -> None:
    """Each element has its form in Markdown and in plain text; addresses stay in both."""
    assert (markdown_of(html), convert(html, "html", "text").text) == (markdown, plain)


@pytest.mark.parametrize(
    ("html", "dropped"),
    [
        ("a<script>b</script>", ("script",)),
        ('<a href=" javascript:x()">a</a>', ("script in a link",)),
        ('<img src="data:image/png;base64,xx" alt="a">', ("embedded image",)),
        ('<p style="color: red">a</p>', ("colour",)),
        ("<table><tr><th>a<th>b<tr><td colspan=2>c</table>", ("merged table cells",)),
        ("a<svg><path/></svg>", ("drawing",)),
        ("<iframe></iframe>a", ("frame",)),
    ],
)
def test_what_is_dropped(html: str, dropped: tuple[str, ...]) -> None:
    """What neither form can hold is named."""
    assert convert(html, "html", "markdown").dropped == dropped


def test_unclosed_script_is_text() -> None:
    """A script that never ends hides nothing."""
    assert markdown_of("<p>the <script> tag</p>") == "the <script> tag"


def test_one_paragraph() -> None:
    """A text that is one paragraph comes out as its line."""
    assert convert("<p>Hello</p>", "html", "text") == Converted("Hello", ())
