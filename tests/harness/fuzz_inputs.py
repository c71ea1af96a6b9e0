"""What damaged files are made of: real exports, mappings that fit them, and ways to damage bytes."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from tests.harness.running import SAMPLES
from tests.harness.workbooks import write_xlsx

SEED_BYTES = 48 * 1024
"""Of bigger files the first records are taken: what breaks a reader is not their number."""
ENDINGS = {".csv", ".json", ".jsonl"}
LETTERS = [
    *(b'"', b'""', b"'", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\n", b"\r\n", b",", b";", b"\t", b"|", b"\\"),
    *(b"{", b"}", b"[", b"]", b":", b"\\ud800", b"\\udc00", b"\\u0000", b"\xed\xa0\x80", b"\xc3", b"\x1f", b"\x85"),
    *("\u2028".encode(), "\ufffd".encode(), b"=1+1", b"1e999", b"-0", b"NaN", b"null", b"true", b"@norm", b"-" * 300),
    *(b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"x" * 40_000, "😀".encode() * 60, b"#REF!", b"1.2E+11"),
    *(b"import_row", b"import_raw", b"data", b"_stream", b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00"),
]

Draw = random.Random


class Stored(NamedTuple):
    """A file by its folder's name, its own and its bytes."""

    tracker: str
    name: str
    data: bytes


def load_seeds(folder: Path) -> list[Stored]:
    """The files to begin with: those of the collection, else the samples."""
    paths = sorted(path for path in (folder if folder.is_dir() else SAMPLES).rglob("*") if path.suffix in ENDINGS)
    return [Stored(path.parent.name, path.name, shrink(path)) for path in paths]


def shrink(path: Path) -> bytes:
    """A whole file, or of a big one its first records."""
    data = path.read_bytes()
    if len(data) <= SEED_BYTES:
        return data
    if path.suffix == ".json":
        with contextlib.suppress(ValueError):
            return json.dumps(_first_records(json.loads(data), len(data))).encode()
    return data[: data.rfind(b"\n", 0, SEED_BYTES) + 1] or data[:SEED_BYTES]


def _first_records(document: Any, size: int) -> Any:
    if isinstance(document, list):
        return document[: max(1, len(document) * SEED_BYTES // size)]
    if isinstance(document, dict):
        return {
            key: _first_records(value, size) if isinstance(value, list) else value for key, value in document.items()
        }
    return document


PATHS = ("labels[].name", "fields.priority.name", "data.id", "sum(a)", "to_array(x)[0]", "@", "*")


def generic_mapping(seed: Stored, draw: Draw) -> str:
    """A mapping for a file that no preset is for, by what stands in it; it uses all that a mapping can say."""
    names = [name for name in column_names(seed) if name.strip()] or ["x"]
    plain = [name for name in names if not set(name) & set("{}")] or ["x"]
    column = [{"column": draw.choice(names)} for _ in range(6)]
    path = draw.choice(PATHS)
    template = {"template": f"{{{draw.choice(plain)}}} - {{path:{path}}}", "too_long": "shorten"}
    old = [{"when": column[5] | {"before": "2021-01-01"}, "then": "done"}]
    mapping = {
        "input": {
            "name": "fuzz",
            "key": column[0] | {"content": "true"},
            "dates": ["%d/%b/%y %I:%M %p", "%d/%m/%Y", "%m/%d/%Y"],
        },
        "title": {"first": [column[1], column[2], {"value": "none"}], "too_long": draw.choice(["shorten", "reject"])},
        "description": draw.choice([template, column[2]]),
        "severity": column[3]
        | {"values": {"High": "high", "/^p[0-9]/": "low"}, "missing": "low"}
        | draw.choice([{"unknown": "low"}, {"fallback": column[4]}]),
        "status": {"first": [column[4], {"path": path}], "rules": old, "unknown": "todo", "missing": "todo"},
        "category": column[4] | draw.choice([{"keep_unknown": "true"}, {"unknown": "Other"}]) | {"missing": "General"},
        "resource_links": [column[3] | {"type": "call", "split": ";"}],
        "skip": [
            {"name": "old", "when": column[5] | {"after": "2999-01-01"}},
            {"name": "odd", "when": column[2] | {"matches": "zzz$"}},
        ],
        "footer": {"Date": column[5], "One": column[3], "Path": {"path": path}},
        "duplicates": draw.choice(["reject", "first", {"newest": column[5]}]),
    }
    return json.dumps(mapping, indent=1)  # JSON is YAML


ENDLESS: tuple[dict[str, Any], ...] = (
    *({"column": "x", "pattern": pattern} for pattern in ("(a+)+$", r"([\w ]+\s?)*!", "(.*)*x", "(a|a)*b", "(" * 3000)),
    *({"path": path} for path in ("|".join(["[@,@]"] * 30), "(" * 5000, "[" * 5000 + "]" * 5000, "a." * 3000 + "a")),
    {"template": "{" * 3000},
    {"first": [{"value": "x"}] * 3000},
)
"""Texts of a mapping that would never end, or take all memory."""


def damage_mapping(text: str, draw: Draw, seeds: Sequence[Stored]) -> str:
    """A mapping that somebody has broken: by a few bytes, by texts that explode, or by aliases that do."""
    if draw.random() < 0.3:
        names = "abcdefghi"
        levels = [f"{name}: &{name} [{f'*{before}, ' * 9}]" for before, name in pairwise(names)]
        return "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels, "title: *i", ""])
    if text.startswith("{") and draw.random() < 0.6:
        mapping = json.loads(text)
        mapping[draw.choice(["title", "description", "severity", "status", "category"])] = draw.choice(ENDLESS)
        return json.dumps(mapping, indent=1)
    return mutate(text.encode(), draw, seeds)[: 4 * SEED_BYTES].decode("utf-8", "surrogateescape") + "\n"


def column_names(seed: Stored) -> list[str]:
    """The header's cells, or the keys of the first record."""
    text = seed.data.decode("utf-8-sig", "replace")
    if seed.name.endswith(".csv"):
        return next(csv.reader(io.StringIO(text)), [])
    with contextlib.suppress(ValueError):
        found = json.JSONDecoder().raw_decode(text.lstrip())[0]
        while isinstance(found, list) and found:
            found = found[-1]
        return list(found) if isinstance(found, dict) else []
    return []


Mutation = Callable[[bytes, Draw, Sequence[Stored]], bytes]


def _place(data: bytes, draw: Draw) -> int:
    return draw.randrange(len(data) + 1)


def _slice(data: bytes, draw: Draw) -> tuple[int, int]:
    start = _place(data, draw)
    return start, min(len(data), start + draw.choice([1, 2, 5, 50, 500, 5000]))


def flip(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    place = _place(data, draw)
    return data[:place] + bytes([draw.randrange(256)]) + data[place + 1 :]


def cut_out(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Take a slice away."""
    start, end = _slice(data, draw)
    return data[:start] + data[end:]


def double(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    start, end = _slice(data, draw)
    return data[:end] + data[start:end] * draw.choice([1, 1, 2, 20]) + data[end:]


def swap(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Exchange two slices."""
    first, second = sorted([_slice(data, draw), _slice(data, draw)])
    if first[1] > second[0]:
        return data
    middle = data[first[1] : second[0]]
    return data[: first[0]] + data[slice(*second)] + middle + data[slice(*first)] + data[second[1] :]


def insert(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Put in something that means something to a reader."""
    place = _place(data, draw)
    return data[:place] + draw.choice(LETTERS) + data[place:]


def replace(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Replace one of the signs that give a file its structure, here or everywhere."""
    old, new = draw.choice([b'"', b",", b"\n", b":", b"{", b"}", b"]", b" "]), draw.choice(LETTERS[:28])
    place = data.find(old, _place(data, draw))
    if place < 0 or draw.random() < 0.1:
        return data.replace(old, new)[: 4 * SEED_BYTES]
    return data[:place] + new + data[place + 1 :]


def drop_lines(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Take a line out, repeat it, or put it elsewhere."""
    lines = data.split(b"\n")
    line = draw.choice(lines)
    if draw.random() < 0.5:
        lines.remove(line)
    if draw.random() < 0.7:
        lines.insert(draw.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def truncate(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """End too early."""
    return data[: _place(data, draw)]


def recode(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Write the text in another encoding."""
    encoding = draw.choice(["utf-16", "utf-16-le", "utf-8-sig", "cp1252", "shift_jis", "utf-32", "utf-7"])
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def garble(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Read the bytes in a wrong encoding and save them so."""
    return data.decode(draw.choice(["latin-1", "cp1251", "mac_roman"]), "replace").encode()


def compress(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Compress, and often damage what came out."""
    packed = draw.choice([_gzip, zstandard.ZstdCompressor().compress, _zip])(data)
    return draw.choice([truncate, flip, insert, double, lambda packed, *_: packed])(packed, draw, seeds)


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1)


def _zip(data: bytes) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("export.csv", data)
            archive.writestr("read me.txt", "Of our tracker.")
        return file.getvalue()


def tabulate(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Put the cells of a table, or the lines of any text, into a workbook, and often damage that."""
    text = data.decode("utf-8", "ignore")
    lines = [line.split(",") for line in text.splitlines()]
    with io.BytesIO() as file:
        write_xlsx(file, {"Issues": lines, "Notes": lines[: draw.randrange(2)]})
        return draw.choice([truncate, flip, insert, double, lambda packed, *_: packed])(file.getvalue(), draw, seeds)


def join(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Put two files together."""
    other = draw.choice(seeds).data
    return data + draw.choice([b"", b"\n"]) + other if draw.random() < 0.5 else truncate(data, draw, seeds) + other


VALUES: tuple[Any, ...] = (
    *(None, True, 0, -0.0, 1e22, 10**30, "", " ", [], {}, [[]], {"a": [1, "x", None]}, ["a", ["b"]], [{"name": "x"}]),
    *(
        "\0",
        "\ud800",
        "\u2028",
        "\x85",
        "a\r\nb",
        "x" * 40_000,
        "😀" * 150,
        "1.2E+11",
        "#REF!",
        "Ã©",
        "\ufffd",
        "@norm",
    ),
    *(
        "01/02/2023",
        "0001-01-01T00:00:00+14:00",
        "31/Dec/99 11:59 PM",
        "=1+1",
        '{"a": 1}',
        "tis000000000000 tir",
        "---",
    ),
)


def revalue(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Put a strange value into a sound file: in JSON at any depth, in CSV into a cell."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _recell(data, draw)
    parent, value = None, document
    while isinstance(value, (dict, list)) and value and (parent is None or draw.random() < 0.8):
        place = draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        parent, value = (value, place), value[place]
    if parent is not None:
        parent[0][parent[1]] = draw.choice(VALUES)
    return json.dumps(document).encode()


def _recell(data: bytes, draw: Draw) -> bytes:
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (ValueError, csv.Error):
        return data
    row = draw.choice(rows or [[]])
    if row:
        value = draw.choice(VALUES)
        row[draw.randrange(len(row))] = value if isinstance(value, str) else json.dumps(value)
    written = io.StringIO()
    csv.writer(written, lineterminator=draw.choice(["\n", "\r\n"])).writerows(rows)
    return written.getvalue().encode("utf-8", "surrogatepass")


MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    *((flip, 6), (cut_out, 6), (double, 5), (swap, 4), (insert, 10), (replace, 6), (drop_lines, 4), (revalue, 12)),
    *((truncate, 2), (recode, 1), (garble, 1), (compress, 1), (tabulate, 1), (join, 1)),
)


def mutate(data: bytes, draw: Draw, seeds: Sequence[Stored]) -> bytes:
    """Damage a file once or a few times."""
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        (chosen,) = draw.choices([mutation for mutation, _ in MUTATIONS], [weight for _, weight in MUTATIONS])
        data = chosen(data, draw, seeds)
    return data
