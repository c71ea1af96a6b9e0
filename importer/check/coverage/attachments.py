"""Attachments: files of the source's issues. The API takes none, so they are found and listed with their URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from importer.check.checked_row import CheckedRow
from importer.scratch import Scratch, as_bytes, as_text
from importer.transform.file_addresses import FileAddresses

_WORDS = re.compile(
    "attachment|anhang|anhänge|pièces? jointe|adjunto|anexo|allegat|bijlage|вложени|załącznik|příloh|添付|附件|첨부",
    re.IGNORECASE,
)
"""Words in the headers of columns that list attachments."""

_IN_CELL = re.compile(r"(?:(?<![^;\n])([^;\n]*);)?\s*(https?://[^\s;,\"<>]+)")
"""A URL, and the name before it in Jira's `date;author;name;url`."""
_FILE_NAME = re.compile(r"[^;,|\n]*\.\w{1,8}(?=\s*(?:[;,|\n]|\Z))")
_URL_KEYS = (
    "mapped_content_url",
    "content_url",
    "contentUrl",
    "content",
    "download_url",
    "attachment_url",
    "data_link",
    "url",
)
_NAME_KEYS = ("filename", "file_name", "fileName", "name", "title")


class Attachment(NamedTuple):
    """A file of the source: full key of its record, name and URL; `url` is "" where the source has none."""

    key: str
    name: str
    url: str


class AttachmentSpool:
    """Keeps the attachments of a source on disk: most exports have more of them than issues.

    Raises StorageFull if the temporary disk is full.
    """

    def __init__(self) -> None:
        self._scratch: Scratch | None = None

    def add(self, attachments: Sequence[Attachment]) -> None:
        if attachments and self._scratch is None:
            self._scratch = Scratch("CREATE TABLE kept (key BLOB, name BLOB, url BLOB);")
        if self._scratch is not None:
            rows = (tuple(map(as_bytes, attachment)) for attachment in attachments)
            self._scratch.write("INSERT INTO kept VALUES (?, ?, ?)", rows)

    def __iter__(self) -> Iterator[Attachment]:
        rows = () if self._scratch is None else self._scratch.rows("SELECT * FROM kept ORDER BY rowid")
        for row in rows:
            yield Attachment(*map(as_text, row))


def holds_attachments(column: str) -> bool:
    """Whether a column lists attachments, by its header or the last key of its path, GraphQL's `nodes` aside.

    Launchpad's `attachments_collection_link` is the address of a list, whether or not there is anything in it.
    """
    name = column.removesuffix(".nodes").rpartition(".")[2]
    return not name.endswith("_collection_link") and _WORDS.search(name) is not None


def read_cell(key: str, cell: str) -> Iterator[Attachment]:
    """Yield the attachments in a cell, by their URLs, or by file names where it has no URL."""
    has_url = False
    for name, url in _IN_CELL.findall(cell):
        has_url = True
        yield Attachment(key, name.strip() or _name_of(url), url)
    if not has_url:
        for name in _FILE_NAME.findall(cell):
            yield Attachment(key, name.strip(), "")


def read_object(key: str, value: Mapping[str, Any]) -> Iterator[Attachment]:
    """Yield the attachment that a JSON object describes, if it has a name or a URL."""
    urls = (text for text in _texts(value, _URL_KEYS) if text.startswith(("https://", "http://")))
    url = next(urls, "")
    name = next(_texts(value, _NAME_KEYS), "")
    if name and not url and (number := value.get("id")):  # all that tells versions of a file apart
        name = f"{name} (id {number})"
    if url or name:
        yield Attachment(key, name or _name_of(url), url)


def read_texts(addresses: FileAddresses, rows: Sequence[CheckedRow]) -> Iterator[Attachment]:
    """Yield the files that descriptions and comments of rows that aren't left out link to, each once for its row."""
    if not addresses:  # as of most mappings
        return
    for row in rows:
        if row.is_left_out:
            continue
        parts = row.issue.parts
        texts = [row.issue.description, *parts.rest, *(comment.text for comment in parts.comments)]
        for address in dict.fromkeys(address for text in texts for address in addresses.find(text)):
            yield Attachment(row.key, _name_of(address), address)


def _texts(value: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        text = value.get(key)
        if isinstance(text, str) and text:
            yield text


def _name_of(url: str) -> str:
    path = PurePosixPath(urlsplit(url).path)
    return unquote(path.name)
