"""The files that benchmarks check: Jira-like exports with made-up texts, with a comment a row, and with real texts."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

EXPORTS = Path(__file__).resolve().parents[3] / "shared" / "exports"
WORDS = (
    *("the", "call", "dropped", "when", "agent", "transferred", "customer", "to", "billing", "queue"),
    *("and", "audio", "was", "lost", "again", "after", "music"),
)
HEADER = [
    *("Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project key", "Project name", "Priority"),
    *("Resolution", "Assignee", "Reporter", "Created", "Updated", "Resolved", "Description"),
    *(["Labels"] * 3 + ["Comment"] * 2 + [f"Custom field ({number})" for number in range(20)]),
]
TITLES = frozenset(("title", "summary", "subject", "short_desc"))
TEXTS = frozenset(("description", "body", "text", "raw_text", "thetext", "__text__", "comment", "content"))
LONGEST = 20_000

Draw = random.Random
Texts = Callable[[Draw, int], tuple[str, str, str]]
"""Makes title, description and comment of the row with this number."""


def write_export(path: Path, rows: int, make: Texts) -> None:
    """Write a Jira-like export: a CSV of 40 columns, 20 of them empty, or JSON by its ending, without what is empty."""
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerows([HEADER, *_make_rows(rows, make)])
            return
        is_array = path.suffix == ".json"
        between = "["
        for row in _make_rows(rows, make):
            file.write((between if is_array else "") + json.dumps(_as_record(row), ensure_ascii=False) + "\n")
            between = ","
        file.write("]" if is_array else "")


def _make_rows(rows: int, make: Texts) -> Iterator[list[str]]:
    draw = Draw(rows)
    for number in range(rows):
        title, text, comment = make(draw, number)
        kind, status = draw.choice(["Bug", "Story", "Task"]), draw.choice(["To Do", "In Progress", "Done"])
        priority = draw.choice(["Highest", "High", "Medium", "Low"])
        yield (
            [title, f"PROJ-{number}", str(100_000 + number), kind, status, "PROJ", "Project", priority, "", "ann"]
            + ["bob", "12/Sep/25 9:05 AM", "12/Sep/25 9:05 AM", "", text, "one", "two", "", comment, ""]
            + [""] * 20
        )


def _as_record(row: list[str]) -> dict[str, str | list[str]]:
    """Name the cells of a row; those of one name are a list."""
    record: dict[str, str | list[str]] = {}
    for name, cell in zip(HEADER, row, strict=True):
        if not cell:
            continue
        before = record.get(name)
        record[name] = cell if before is None else [*([before] if isinstance(before, str) else before), cell]
    return record


def make_ordinary(draw: Draw, number: int) -> tuple[str, str, str]:
    """Descriptions of 300 characters, every tenth with newlines and quotes; no comments."""
    text = " ".join(draw.choices(WORDS, k=70))[:300]
    if number % 10 == 0:
        text = f'{text[:100]}\n"quoted" line\n{text[115:]}'
    return f"Issue {number} " + " ".join(draw.choices(WORDS, k=6)), text, ""


def make_dashed(draw: Draw, number: int) -> tuple[str, str, str]:
    """The same with a dash in each description, so that none is ASCII."""
    title, text, comment = make_ordinary(draw, number)
    return title, text.replace(" ", " – ", 1), comment


def make_discussed(draw: Draw, number: int) -> tuple[str, str, str]:
    """Ordinary rows with a comment each, as Jira writes them: date, account and text."""
    title, text, _ = make_ordinary(draw, number)
    return title, text, f"12/Sep/25 9:05 AM;acc{number % 50};{' '.join(draw.choices(WORDS, k=20))}"


def make_real(draw: Draw, number: int) -> tuple[str, str, str]:
    """Titles, descriptions and comments of real exports, one after the other; made-up ones where there are none."""
    titles, texts = _real_texts()
    comment = texts[(number * 7 + 3) % len(texts)]
    return titles[number % len(titles)], texts[number % len(texts)], f"12/Sep/25 9:05 AM;acc{number % 50};{comment}"


@cache
def _real_texts() -> tuple[list[str], list[str]]:
    return _find_texts(EXPORTS) if EXPORTS.is_dir() else _make_up(Draw(1))


def _find_texts(folder: Path) -> tuple[list[str], list[str]]:
    found: dict[str, list[str]] = {"titles": [], "texts": []}
    csv.field_size_limit(2**31 - 1)
    for path in sorted(folder.rglob("*")):
        for key, text in _read(path):
            name = key.strip().lower()
            kind = "titles" if name in TITLES else "texts" if name in TEXTS else ""
            if kind and text.strip():
                found[kind].append(" ".join(text.split())[:250] if kind == "titles" else text[:LONGEST])
    return list(dict.fromkeys(found["titles"])), list(dict.fromkeys(found["texts"]))


def _read(path: Path) -> Iterator[tuple[str, str]]:
    """Key and text of each text in a file: of its cells, and of the JSON in it."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            cells = chain.from_iterable(zip(header, row, strict=False) for row in rows)
            yield from chain.from_iterable(_walk(cell, name) for name, cell in cells)
    elif path.suffix == ".json":
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from chain.from_iterable(_walk(part, "") for part in (text.splitlines() if "\n{" in text else [text]))


def _walk(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        try:
            inner = json.loads(value) if value[:1] in ("{", "[") else value
        except ValueError:
            inner = value
        yield from [(key, inner)] if isinstance(inner, str) else _walk(inner, key)
    elif isinstance(value, list):
        yield from chain.from_iterable(_walk(item, key) for item in value)
    elif isinstance(value, dict):
        yield from chain.from_iterable(_walk(item, name) for name, item in value.items())


def _make_up(draw: Draw) -> tuple[list[str], list[str]]:
    """Texts as long as real ones, and as often with markup, mentions, addresses, keys of issues and secrets."""
    rare: Sequence[str] = (
        *("\n\n", "\n* ", "*loud*", "{code}x = 1{code}", "h2. Steps\n", "[docs|https://example.com/a]", "PROJ-12"),
        *("@ann", "a@example.com", "https://example.com/x?y=1", "ghp_" + "a1" * 18, "“quoted” – größer"),
    )
    titles = [" ".join(draw.choices(WORDS, k=draw.randrange(4, 14))) for _ in range(5000)]
    texts = []
    for _ in range(1500):
        words = draw.choices(WORDS, k=int(draw.expovariate(1 / 240)) + 5)
        for _ in range(len(words) // 60):
            words[draw.randrange(len(words))] = draw.choice(rare)
        texts.append(" ".join(words))
    return titles, texts
