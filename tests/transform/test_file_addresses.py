"""Files that texts link to: their addresses work outside the old tracker, and are found."""

from __future__ import annotations

from importer.check.coverage.attachments import Attachment, read_texts
from importer.mapping.issue_parts import Attachments
from importer.records import Outcome
from importer.transform.file_addresses import FileAddresses
from tests.harness.making import HEADER, issues_of, mapping_of, run_of

FILES = {
    "texts": [r"""(?:https?://[^\s()<>"']+)?/uploads/[0-9a-f]{4}/[^\s()<>"']+""", "https://cdn\\.example/[a-z]+"],
    "site": {"column": "Link", "pattern": "^(.+)/issues/", "to": r"\1"},
}
MAPPING = mapping_of(attachments=FILES, comments={"from": [{"column": "Comment"}]})
LINK = "https://x.example/a/b/issues/7"


def row(text: str, comment: str = "", link: str = LINK) -> tuple[str, ...]:
    """A row with a description, a comment and its address."""
    return ("P-1", "Title", text, "P1", "Open", link, comment)


def test_an_address_without_its_site() -> None:
    """The row's site is put before it, in comments too; a whole one stays, and so does one where no site is known."""
    picture = "![a](/uploads/00ff/a.png)"
    rows = [row(f"See {picture}", picture), row(f"https://y.example/c{picture[5:-1]}"), row(picture, link="")]
    issues = issues_of(MAPPING, rows, (*HEADER, "Link", "Comment"))
    one, two, three = (text.partition("\n\n---\n")[0] for text in [issue.description for issue in issues])
    assert one == "See ![a](https://x.example/a/b/uploads/00ff/a.png)"
    assert issues[0].parts.comments[0].text == "![a](https://x.example/a/b/uploads/00ff/a.png)"
    assert two == "https://y.example/c/uploads/00ff/a.png"
    assert three == picture


def test_files_are_listed() -> None:
    """Each once for its issue, by the last part of its address, without the sentence's end; but for rows left out."""
    rows = [
        row("See /uploads/00ff/a%20b.png. https://cdn.example/x", "/uploads/00ff/a%20b.png"),
        row("/uploads/00ff/c"),
    ]
    run = run_of(MAPPING, rows, (*HEADER, "Link", "Comment"))
    run.rows[1].outcome = Outcome.SKIPPED
    assert list(read_texts(FileAddresses(MAPPING.attachments), run.rows)) == [
        Attachment("demo:P-1", "a b.png", "https://x.example/a/b/uploads/00ff/a%20b.png"),
        Attachment("demo:P-1", "x", "https://cdn.example/x"),
    ]


def test_none_are_named() -> None:
    """Without patterns no text is searched."""
    files = FileAddresses(Attachments.model_validate({"name": "File"}))
    assert list(files.find("https://cdn.example/x")) == []
