"""Parts of a description: the text above the footer, and the lines of the footer, by their labels.

The ledger keeps a digest of each. By these a row is compared with its issue part by part, so that a part for which the
source has no column any more stays as the issue has it, and it alone.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b

from importer.transform.footers import find_footer

BYTES = 4
"""Of each digest: of four thousand million edits of a part one is taken for none."""
TEXT = ""
"""In place of a label: the text above the footer."""
ORIGIN = "---"
"""In place of a label: the line that names the issue's key in its source."""

Digests = Mapping[bytes, bytes]
"""Digest of a label → that of its lines; parts that are empty are absent."""


def find_parts(description: str) -> dict[str, str]:
    """Take a description apart: label → its lines in the footer, and TEXT and ORIGIN; empty ones are absent."""
    parts = dict[str, str]()
    start = find_footer(description)
    if text := description[:start].strip():
        parts[TEXT] = text
    if footer := description[start:].splitlines():
        parts[ORIGIN] = footer[1]
    for label, line in _lines(description[start:]):
        parts[label] = f"{parts[label]}\n{line}" if label in parts else line
    return parts


def digest_parts(description: str) -> Digests:
    """Return the digests of a description's parts."""
    return {digest_label(label): _digest(part) for label, part in find_parts(description).items()}


@lru_cache(maxsize=4096)
def digest_label(label: str) -> bytes:
    """Return the digest of a label."""
    return _digest(label)


def digest_line(label: str, text: str) -> bytes:
    """Return the digest of a part that has this text: a line with this label, or the text above the footer."""
    part = text if label == TEXT else f"{label}: {text}"
    return _digest(part)


def _digest(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=BYTES).digest()


def encode_parts(description: str) -> str:
    """Write the digests of a description's parts as one word."""
    digests = digest_parts(description)
    content = b"".join(label + part for label, part in digests.items())
    return b64encode(content).decode().rstrip("=")


def decode_parts(encoded: str) -> Digests:
    """Read what `encode_parts` wrote."""
    digests = b64decode(encoded + "=" * (-len(encoded) % 4))
    words = [digests[start : start + BYTES] for start in range(0, len(digests), BYTES)]
    return dict(zip(words[::2], words[1::2], strict=True))


def keep_parts(labels: Collection[str], new: str, old: str) -> str | None:
    """Return a new description with these parts of the old one, which is there; None if either has no footer.

    A line that is kept comes behind the one that it stands behind. A part that isn't there stays away.
    """
    ending = find_footer(old)
    start = find_footer(new)
    if ending == len(old) or start == len(new):
        return None
    labels_kept = find_parts(old).keys() & {*labels}
    text = old[:ending] if TEXT in labels_kept else new[:start]
    opening, *lines, end = new[start:].rstrip().splitlines()[1:]
    lines = [line for line in lines if line.partition(": ")[0] not in labels_kept]
    place = 0
    for label, line in _lines(old[ending:]):
        if label in labels_kept:
            lines.insert(place, line)
            place += 1
        else:
            places = [
                number for number, line_before in enumerate(lines, start=1) if line_before.startswith(f"{label}: ")
            ]
            place = max([place, *places])
    above = f"{text.rstrip()}\n\n" if text.strip() else ""
    return "\n".join([f"{above}---", opening, *lines, end])


def _lines(footer: str) -> Iterator[tuple[str, str]]:
    """Yield label and line of each that the mapping has put between the key and the marker."""
    for line in footer.rstrip().splitlines()[2:-1]:
        label, is_labelled, _ = line.partition(": ")
        if is_labelled:
            yield label, line
