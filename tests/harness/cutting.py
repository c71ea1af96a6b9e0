"""A target that keeps less of a text than the reference says, and what of a source is there all the same."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from random import Random
from typing import Literal

import orjson

from tests.harness.hostile import RunningSandbox
from tests.harness.machine import Door, serve_door

Unit = Literal["bytes", "characters"]
Shows = Literal["stored", "all", "little"]
TEXTS = ("description", "detail")
LITTLE = 60
HEADER = ("Key", "Title", "Text", "State", "Note", "Note", "Note")
MAPPING = r"""
input: {name: demo, key: Key}
title: Title
description: {column: Text, too_long: continue}
severity: {value: low}
status: {column: State, values: {Open: todo, Closed: done}}
category: {value: General}
references: [{pattern: 'D-\d+'}]
comments: {from: [{column: Note, parse: '(?s)\A(?P<author>[^|]*)\|(?P<text>.*)\Z'}], open: separate, closed: fold}
"""


def cut(text: str, limit: int, unit: Unit) -> str:
    """What is left of a text where so much is kept."""
    return text[:limit] if unit == "characters" else text.encode()[:limit].decode(errors="ignore")


class Cutting(Door):
    """Cuts the texts of `limits`, field → how much is kept, in what it passes on.

    methods  the requests whose texts are cut
    shows    what answers to these show of a text: what is stored, all that was sent, or only its beginning
    cuts     field → how many texts were cut
    """

    def __init__(self, target: str, limits: dict[str, int], unit: Unit) -> None:
        super().__init__(target)
        self.limits, self.unit = limits, unit
        self.methods: Sequence[str] = ("POST", "PATCH")
        self.shows: Shows = "stored"
        self.refuses: Sequence[str] = ()
        self.cuts = Counter[str]()
        self.requests = Counter[str]()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Cut, and carry out."""
        fields = orjson.loads(body) if body else {}
        self.requests[method] += 1
        if method in self.refuses:
            return 422, b'{"data": null, "errors": [{"error": "no", "message": "not this"}]}'
        texts = {name: text for name, text in fields.items() if name in TEXTS and text}
        kept = {name: cut(text, self.limits.get(name, len(text) * 4), self.unit) for name, text in texts.items()}
        if method in self.methods:
            self.cuts.update(name for name in kept if kept[name] != texts[name])
            body = orjson.dumps(fields | kept) if kept else body
        status, content = super().answer(method, path, headers, body) or (500, b"")
        if method != "GET" and self.shows != "stored" and status < 300 and texts:
            answered = orjson.loads(content)
            for name, text in texts.items():
                answered["data"][name] = text if self.shows == "all" else text[:LITTLE]
            content = orjson.dumps(answered)
        return status, content


@contextmanager
def cutting(sandbox: RunningSandbox, limits: dict[str, int], unit: Unit = "bytes") -> Iterator[Cutting]:
    """Put a target that cuts before a sandbox."""
    door = Cutting(sandbox.url, limits, unit)
    with serve_door(door):
        yield door


WORDS = {
    "latin": ["the", "caller", "heard", "nothing", "and", "hung", "up", "after", "a", "while"],
    "cyrillic": ["абонент", "ничего", "не", "слышал", "и", "положил", "трубку", "через", "минуту"],
    "wide": ["通話", "中に", "音声が", "途切れ", "😀", "相手の", "声が", "聞こえない"],
}


def draw_text(random: Random, script: str, characters: int) -> str:
    """A text of numbered words, so that each word of it is found again."""
    words, length = list[str](), 0
    while length < characters:
        word = f"{random.choice(WORDS[script])}{len(words)}"
        words.append(word + (".\n\n" if random.random() < 0.05 else ""))
        length += len(words[-1]) + 1
    return " ".join(words[:-1])


def draw_rows(random: Random, rows: int, long: int, most: int = 9_600) -> list[tuple[str, ...]]:
    """Rows of which `long` have long texts or comments, in any order."""
    drawn = []
    for number in range(1, rows + 1):
        is_long = number <= long
        script = random.choice(tuple(WORDS)) if is_long else "latin"
        text = draw_text(random, script, random.randint(most // 3, most) if is_long else random.randint(20, 200))
        said = [f"Ann|{draw_text(random, script, random.randint(1000, 9000) if is_long else 40)}" for _ in range(2)]
        said = said[: random.randint(0, 2)]
        drawn.append((f"D-{number}", f"D-{number}", text, random.choice(("Open", "Closed")), *[*said, "", "", ""][:3]))
    random.shuffle(drawn)
    return drawn


def texts_at(sandbox: RunningSandbox) -> dict[str, list[str]]:
    """Title → the description, and the comments in order, of the issues at the target. No title is there twice."""
    said = defaultdict[str, list[str]](list)
    for comment in sandbox.comments():
        said[comment["issue_id"]].append(comment["detail"])
    texts = {issue["title"]: [issue["description"], *said[issue["id"]]] for issue in sandbox.issues()}
    assert len(texts) == len(sandbox.issues()), "doubled"
    return texts


_WORDS = "|".join(map(re.escape, chain.from_iterable(WORDS.values())))
_DRAWN = re.compile(rf"(?<![^\W\d])(?:{_WORDS})[0-9]+")


def count_words(text: str) -> Counter[str]:
    """How often each word that `draw_text` has drawn is in a text."""
    return Counter(_DRAWN.findall(text))


def join_parts(description: str, *comments: str) -> str:
    """What an issue and its comments say together, without what an import adds."""
    said = (each.partition("\n\n")[2] for comment in comments for each in comment.split("\n\n---\n\n"))
    return "".join((re.split(r"\n\n(?:\[… goes on|---\n)", description)[0], *said))


def check_texts(sandbox: RunningSandbox, rows: Sequence[Sequence[str]], named: Collection[str]) -> None:
    """All words of the rows are there once; those that are named may lack some, or not be there."""
    there = texts_at(sandbox)
    for key, _, text, _, *notes in rows:
        wanted = count_words(" ".join([text, *(note.partition("|")[2] for note in notes)]))
        found = count_words(join_parts(*there.get(key, [""])))
        assert not found - wanted or key in named, f"{key} has twice: {found - wanted}"
        assert not wanted - found or key in named, f"{key} has lost: {wanted - found}"
