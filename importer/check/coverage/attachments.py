"""Attachments: files that hang on issues of the source. The API takes none, so they are listed with their URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from importer.scratch import Scratch

_WORDS = re.compile(
    "attachment|anhang|anhänge|pièces? jointe|adjunto|anexo|allegat|bijlage|вложени|załącznik|příloh|添付|附件|첨부",
    re.IGNORECASE,
)
"""What columns of attachments are called."""

_IN_CELL = re.compile(r"(?:(?<![^;\n])([^;\n]*);)?\s*(https?://[^\s;,\"<>]+)")
"""A URL, and what stands before it in Jira's `date;author;name;url`."""
_FILE_NAME = re.compile(r"[^;,|\n]*\.\w{1,8}(?=\s*(?:[;,|\n]|\Z))")
_URL_KEYS = ("mapped_content_url", "content_url", "contentUrl", "content", "download_url", "attachment_url", "url")
_NAME_KEYS = ("filename", "file_name", "fileName", "name", "title")


class Attachment(NamedTuple):
    """A file: the key of its record, its name and where it is; `url` is "" where the source doesn't say."""

    key: str
    name: str
    url: str


class Kept:
    """The attachments of a source, on disk: most exports have more of them than issues.

    Raises StorageFull if it takes no more.
    """

    def __init__(self) -> None:
        self._scratch: Scratch | None = None

    def add(self, attachments: Sequence[Attachment]) -> None:
        """Take those of a chunk."""
        if attachments and self._scratch is None:
            self._scratch = Scratch("CREATE TABLE kept (key BLOB, name BLOB, url BLOB);")
        if self._scratch is not None:
            texts = ([text.encode("utf-8", "surrogatepass") for text in each] for each in attachments)
            self._scratch.write("INSERT INTO kept VALUES (?, ?, ?)", texts)

    def __iter__(self) -> Iterator[Attachment]:
        """Give all, in the order of the source."""
        rows = () if self._scratch is None else self._scratch.rows("SELECT * FROM kept ORDER BY rowid")
        for row in rows:
            yield Attachment(*(text.decode("utf-8", "surrogatepass") for text in row))


def holds_attachments(column: str) -> bool:
    """Whether a column is one of attachments, by its header or the last key of its path, GraphQL's `nodes` aside."""
    return _WORDS.search(column.removesuffix(".nodes").rpartition(".")[2]) is not None


def read_cell(key: str, cell: str) -> Iterator[Attachment]:
    """The attachments that a cell has URLs of, or else names of files."""
    found = [Attachment(key, name.strip() or _name_of(url), url) for name, url in _IN_CELL.findall(cell)]
    yield from found or (Attachment(key, name.strip(), "") for name in _FILE_NAME.findall(cell))


def read_object(key: str, value: Mapping[str, Any]) -> Iterator[Attachment]:
    """The attachment that a JSON object is, if it has a name or a URL."""
    urls = (text for text in _texts(value, _URL_KEYS) if text.startswith(("https://", "http://")))
    url, name = next(urls, ""), next(_texts(value, _NAME_KEYS), "")
    if url or name:
        yield Attachment(key, name or _name_of(url), url)


def _texts(value: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    return (text for key in keys if isinstance(text := value.get(key), str) and text)


def _name_of(url: str) -> str:
    return unquote(PurePosixPath(urlsplit(url).path).name)
