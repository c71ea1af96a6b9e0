"""Targets that keep less of a text than the reference says: nothing is doubled, no text is lost without a word."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from random import Random
from threading import Event
from typing import Literal, get_args

import orjson
import pytest

from tests.conftest import Serve
from tests.harness.doors import REFUSAL, Door, serve_door
from tests.harness.hostile import RunningSandbox
from tests.harness.running import LONG, WAIT_SECONDS, Ended, Program, read_csv, write_csv

pytestmark = pytest.mark.slow
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
    "emoji": ["📞🔇", "😀", "🎧📉", "🤖💬", "⏳🔁"],
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


def send(program: Program, door: Cutting, *options: str) -> Ended:
    """Import `issues.csv`."""
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    source = ("issues.csv", "-m", "mapping.yaml", "--api-url", door.url, "--yes", "--rate", "0", "--json")
    return program("run", *source, "--no-canary", "--settle-seconds", "1", "--out", "reports", *options)


def codes() -> dict[str, list[str]]:
    """Native key → the codes of its row."""
    rows = read_csv(Path("reports/results.csv"))
    return {row["key"].partition(":")[2]: row["code"].split("\n") for row in rows if row["code"]}


def long_rows(count: int, characters: int = 7_200) -> list[tuple[str, ...]]:
    """Rows with a long Cyrillic text each."""
    random = Random(1)
    texts = [draw_text(random, "cyrillic", characters) for _ in range(count)]
    return [(f"D-{number}", f"D-{number}", text, "Open", "", "", "") for number, text in enumerate(texts, 1)]


def test_a_target_that_keeps_ten_thousand_bytes(program: Program, serve: Serve) -> None:
    """The marker of a long text is put back at once, later ones are shortened, and all of each text is there."""
    sandbox, rows = serve(), long_rows(20)
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000}) as door:
        ended = send(program, door)
        assert (ended.code, ended.outcomes()) == (1, {"created": 20}), ended.err
        named = codes()
        assert list(named.values()) == [["text-cut"]], "the first one, which goes alone"
        check_texts(sandbox, rows, ())
        assert door.cuts == {"description": len(named)}
        verified = program("verify", "last", "--rate", "0", "--json", "--out", "verified")
        assert (verified.code, verified.summary["same"]) == (0, 20), verified.err
        again = send(program, door)
        assert (again.code, again.outcomes()) == (0, {"unchanged": 20}), again.err
        program.ledger.unlink()
        lost = send(program, door)
        assert not lost.outcomes().get("created"), lost.err
        check_texts(sandbox, rows, ())


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("shows", ["stored", "all", "little"])
def test_a_description_that_is_cut(program: Program, serve: Serve, shows: Shows, method: str) -> None:
    """By a create or by a PATCH, whatever the answers show: each marker is there, and all of each text."""
    sandbox, rows = serve(), long_rows(6)
    short = [(*row[:2], "Text", *row[3:]) for row in rows]
    with cutting(sandbox, {"description": 10_000}) as door:
        door.methods, door.shows = (method,), shows
        write_csv(Path("issues.csv"), short if method == "PATCH" else rows, HEADER)
        made = send(program, door)
        if method == "PATCH":
            assert (made.code, door.cuts) == (0, {}), made.err
            write_csv(Path("issues.csv"), rows, HEADER)
            made = send(program, door, "--on-change", "update", "--max-changes", "6")
        assert (made.code, door.cuts > Counter()) == (1, True), made.err
        assert set(map(tuple, codes().values())) == {("text-cut",)}
        check_texts(sandbox, rows, ())
        again = send(program, door)
        assert (again.code, again.outcomes()) == (0, {"unchanged": 6}), again.err
        program.ledger.unlink()
        assert not send(program, door).outcomes().get("created")


def test_numbers_that_have_no_room(program: Program, serve: Serve) -> None:
    """A description that the numbers of other issues make too long is there without them, and with its marker."""
    sandbox, rows = serve(), long_rows(3, 5_500)
    rows = [(*row[:2], f"{row[2]} D-1 D-2 D-3", *row[3:]) for row in rows]
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {}) as door:
        sent = max(len(text[0].encode()) for text in (send(program, door), texts_at(sandbox))[1].values())
    sandbox = serve()
    with cutting(sandbox, {"description": sent - 5}) as door:
        program.ledger.unlink()
        ended = send(program, door)
        assert ended.code == 1, ended.err
        check_texts(sandbox, rows, ())
        program.ledger.unlink()
        assert not send(program, door).outcomes().get("created")


def test_a_marker_that_can_t_be_put_back(program: Program, serve: Serve) -> None:
    """It is the first one's, which goes alone, and is named with how much is kept; the others are shortened before."""
    sandbox, rows = serve(), [*long_rows(20), *draw_rows(Random(1), 30, 0)]
    rows = [(f"D-{number}", f"D-{number}", *row[2:4], "", "", "") for number, row in enumerate(rows, 1)]
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000}) as door:
        door.refuses = ("PATCH",)
        ended = send(program, door, "--concurrency", "2", "--max-errors", "1")
        assert ended.code == 1, ended.err
        assert ended.outcomes() == {"created": 50}
        (named,) = [row for row in read_csv(Path("reports/results.csv")) if row["code"]]
        assert (named["code"], "bytes" in named["message"]) == ("marker-cut", True)
        assert door.cuts == {"description": 1}
        check_texts(sandbox, rows, codes())


def test_requests_of_ordinary_rows(program: Program, serve: Serve) -> None:
    """An import of ordinary texts takes a request for each, and what its end takes."""
    sandbox, rows = serve(), draw_rows(Random(1), 50, 0)
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000, "detail": 2_000}) as door:
        ended = send(program, door)
        assert (ended.code, not door.cuts) == (0, True), ended.err
        assert door.requests["GET"] <= 8
        assert door.requests["POST"] == 50 + len(sandbox.comments())


def test_requests_of_long_rows(program: Program, serve: Serve) -> None:
    """Only a text that is longer than any before is read back; what is sent again later is not."""
    sandbox, random = serve(), Random(1)
    lengths = [random.randint(5_100, 9_600) for _ in range(30)]
    rows = [
        (f"D-{number}", f"D-{number}", draw_text(random, "latin", length), "Open", "", "", "")
        for number, length in enumerate(lengths, 1)
    ]
    longest = sum(len(row[2]) == max(len(each[2]) for each in rows[:place]) for place, row in enumerate(rows, 1))
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {}) as door:
        ended = send(program, door, "--concurrency", "1")
        assert (ended.code, door.requests["POST"]) == (0, 30), ended.err
        assert longest < 8
        assert door.requests["GET"] <= 8 + longest


def test_a_cut_comment_whose_answer_is_lost(program: Program, serve: Serve) -> None:
    """It is known by its marker, and read: what is cut off it is named."""
    sandbox = serve()
    said = " ".join(f"word{number}" for number in range(400))
    write_csv(Path("issues.csv"), [("D-1", "D-1", "Text", "Open", f"Ann|{said}", "", "")], HEADER)
    door = Losing(sandbox.url, {"detail": 1_500}, "bytes")
    door.lost = "/comments"
    with serve_door(door):
        ended = send(program, door)
        assert (ended.code, codes()) == (1, {"D-1": ["text-cut"]}), ended.err
        assert len(sandbox.comments()) == 1


def test_verify_names_comments_that_lost_their_end(program: Program, serve: Serve) -> None:
    """Those whose answer showed it, and those that were cut later."""
    sandbox = serve()
    said = " ".join(f"word{number}" for number in range(400))
    rows = [(f"D-{number}", f"D-{number}", "Text", "Open", f"Ann|{said}", "", "") for number in range(1, 4)]
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"detail": 1_500}) as door:
        door.shows = "all"
        ended = send(program, door, "--concurrency", "1")
        assert (ended.code, codes()) == (1, {"D-1": ["text-cut"]}), ended.err
        verified = program("verify", "last", "--rate", "0", "--json", "--out", "verified")
        assert (verified.code, verified.summary["different"]) == (1, 1), verified.err
        assert verified.summary["fields"] == {"comment": 1}


class Meanwhile(Cutting):
    """Cuts D-2's comment while D-3's are sent in parts for which D-1's has told the length: less is kept than it told.

    D-1's answer waits until D-2's comment is there; D-2's, until D-3's is begun; that to D-3's, until D-2's is read.
    """

    def __init__(self, target: str, limits: dict[str, int], unit: Unit) -> None:
        super().__init__(target, limits, unit)
        self.sent, self.begun, self.read = Event(), Event(), Event()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        detail = orjson.loads(body).get("detail", "") if body else ""
        answer = super().answer(method, path, headers, body)
        if detail.startswith("Bob"):
            self.sent.set()
            assert self.begun.wait(WAIT_SECONDS)
        elif detail.startswith("Ann"):
            assert self.sent.wait(WAIT_SECONDS)
        elif detail.startswith("Kim · part 2 of"):
            self.begun.set()
            assert self.read.wait(WAIT_SECONDS)
        elif method == "GET" and path.partition("?")[0].endswith("/activity") and self.begun.is_set():
            self.read.set()
        return answer


def test_comments_that_are_begun_before_more_is_known(program: Program, serve: Serve) -> None:
    """What another comment's answer tells meanwhile doesn't change where the parts of one that is begun end."""
    sandbox, random = serve(), Random(1)
    ann, *kim = (draw_text(random, "cyrillic", length) for length in (2_000, 5_000, 3_000))
    notes = [[f"Ann|{ann}"], [f"Bob|{draw_text(random, 'latin', 1_600)}"], [f"Kim|{each}" for each in kim]]
    rows = [(f"D-{row}", f"D-{row}", "Text.", "Open", *[*each, "", ""][:3]) for row, each in enumerate(notes, 1)]
    write_csv(Path("issues.csv"), rows, HEADER)
    door = Meanwhile(sandbox.url, {"detail": 1_500}, "characters")
    with serve_door(door):
        send(program, door, "--concurrency", "2")
    assert door.read.is_set()
    assert codes() == {"D-1": ["text-cut"], "D-2": ["text-cut"]}
    check_texts(sandbox, rows, ("D-1", "D-2"))


class Ending(Cutting):
    """Refuses the key once the first part of a comment is there, where `ends` is set."""

    ends, is_over = True, False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        if self.ends and self.is_over:
            return 401, REFUSAL
        self.is_over |= b"Kim \xc2\xb7 part 1 of" in body
        return super().answer(method, path, headers, body)


def test_a_run_that_is_resumed_where_a_comment_is_begun(program: Program, serve: Serve) -> None:
    """It knows nothing of what the target keeps, and sends the other parts as the first attempt would have."""
    sandbox, random = serve(), Random(1)
    ann, kim = draw_text(random, "latin", 2_000), draw_text(random, "cyrillic", 1_400)
    rows = [
        (f"D-{row}", f"D-{row}", "Text.", "Open", said, "", "")
        for row, said in enumerate((f"Ann|{ann}", f"Kim|{kim}"), 1)
    ]
    write_csv(Path("issues.csv"), rows, HEADER)
    door = Ending(sandbox.url, {"detail": 1_500}, "characters")
    with serve_door(door):
        assert send(program, door, "--concurrency", "1").code not in (0, 1)
        assert door.is_over
        door.ends = False
        send(program, door, "--concurrency", "1")
    check_texts(sandbox, rows, ("D-1",))


LIMITS: list[tuple[Unit, int]] = [
    *(("bytes", limit) for limit in (9_000, 4_500, 1_500, 300)),
    *(("characters", limit) for limit in ((9_000, 4_500, 1_500, 300) if LONG else (1_500,))),
]


@pytest.mark.parametrize(("unit", "limit"), LIMITS)
@pytest.mark.parametrize("fields", [("description",), ("detail",), ("description", "detail")], ids="-".join)
@pytest.mark.parametrize("seed", [1, 2, 3] if LONG else [1])
def test_nothing_is_doubled(
    program: Program, serve: Serve, fields: tuple[str, ...], unit: Unit, limit: int, seed: int
) -> None:
    """Whatever is cut where, with the ledger or without: each cut is named, and other texts are there once."""
    sandbox, rows = serve(), draw_rows(Random(seed), 60, 20)
    write_csv(Path("issues.csv"), rows, HEADER)
    limits = {name: min(limit, 3_600) if name == "detail" else limit for name in fields}
    with cutting(sandbox, limits, unit) as door:
        ended = send(program, door)
        assert ended.code == 1 if door.cuts else ended.code == 0, ended.err
        named = codes()
        check_texts(sandbox, rows, named)
        assert len(named) >= bool(door.cuts)
        again = send(program, door)
        check_texts(sandbox, rows, named)
        assert not again.outcomes().get("created")
        program.ledger.unlink()
        send(program, door)
        check_texts(sandbox, rows, named | codes().keys())


class Losing(Cutting):
    """Makes the issue of each second title, and loses the answer: once for each title.

    lost  the end of the path of what is lost
    then  what happens after the first of them; `late` makes its issue only when its title comes again
    """

    then: Literal["goes on", "ends", "late"] = "goes on"
    lost = "/issues"

    def __init__(self, target: str, limits: dict[str, int], unit: Unit) -> None:
        super().__init__(target, limits, unit)
        self.titles, self.has_lost = dict[str, int](), False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        if self.then == "ends" and self.has_lost:
            return 401, REFUSAL
        if method != "POST" or not path.endswith(self.lost):
            return super().answer(method, path, headers, body)
        with self._lock:
            title, count = orjson.loads(body).get("title", ""), len(self.titles)
            loses = title not in self.titles and count % 2 == 0
            self.titles.setdefault(title, count)
            self.has_lost |= loses
            if self.then == "late":
                for _ in range(0 if loses and not count else 2 if title == next(iter(self.titles)) else 1):
                    answer = super().answer(method, path, headers, body)
                return (500, b"") if loses and not count else answer
            answer = super().answer(method, path, headers, body)
            return (500, b"") if loses else answer


def find_twins(sandbox: RunningSandbox) -> dict[str, list[str]]:
    """Title → the numbers of its issues, of each that is there more than once."""
    numbers = defaultdict[str, list[str]](list)
    for issue in sandbox.issues():
        numbers[issue["title"]].append(issue["triage_id"])
    return {title: its for title, its in numbers.items() if len(its) > 1}


def check_twins(sandbox: RunningSandbox, ended: Ended) -> None:
    """Each issue that is there twice is named, and the exit code says that something is."""
    for title, numbers in find_twins(sandbox).items():
        assert ended.code, f"{title} is there twice: {numbers}"
        assert all(number in ended.err + ended.out for number in numbers), f"{title}: {numbers} aren't named"


WAYS: list[tuple[Unit, int]] = [(unit, limit) for unit in get_args(Unit) for limit in (9_000, 4_500, 1_500, 300)]
SCRIPTS = ("cyrillic", "emoji", "latin")
LOST: list[tuple[Unit, int, str, int]] = [
    (unit, limit, script, concurrency)
    for place, (unit, limit) in enumerate(WAYS)
    for script in SCRIPTS
    for concurrency in (1, 8, 32)
    if LONG or (SCRIPTS.index(script), concurrency) == (place % 3, (1, 8, 32)[(place // 3 + place) % 3])
]


@pytest.mark.parametrize(("unit", "limit", "script", "concurrency"), LOST)
def test_lost_answers(program: Program, serve: Serve, unit: Unit, limit: int, script: str, concurrency: int) -> None:
    """Whatever is cut of issues whose creates had no answer, none is there twice, or each twin is named."""
    sandbox, random = serve(), Random(limit)
    texts = [draw_text(random, script, random.randint(40, 9_600)) for _ in range(24)]
    rows = [(f"D-{number}", f"Title {number}", text, "Open", "", "", "") for number, text in enumerate(texts, 1)]
    write_csv(Path("issues.csv"), rows, HEADER)
    door = Losing(sandbox.url, {"description": limit}, unit)
    with serve_door(door):
        for _ in range(2):
            ended = send(program, door, "--concurrency", str(concurrency))
            check_twins(sandbox, ended)
        assert (ended.code, ended.outcomes()) == (0, {"unchanged": 24}), ended.err
        program.lose_ledger()
        ended = send(program, door, "--concurrency", str(concurrency))
        check_twins(sandbox, ended)
        assert ended.outcomes().keys() <= {"unchanged", "changed"}, ended.err  # that goes on in comments: changed


@pytest.mark.parametrize("is_lost", [False, True], ids=["resumed", "lost ledger"])
def test_a_cut_issue_of_an_earlier_attempt(program: Program, serve: Serve, is_lost: bool) -> None:
    """An attempt that ended before it could look for its issue: the next one knows it by its title and beginning."""
    sandbox, rows = serve(), long_rows(5, 8_754)
    write_csv(Path("issues.csv"), rows, HEADER)
    door = Losing(sandbox.url, {"description": 10_000}, "bytes")
    door.then = "ends"
    with serve_door(door):
        assert send(program, door, "--concurrency", "1").code not in (0, 1)
        assert len(sandbox.issues()) == 1
        door.then = "goes on"
        if is_lost:
            program.lose_ledger()
        send(program, door, "--concurrency", "1")
        assert find_twins(sandbox) == {}
        assert len(sandbox.issues()) == 5


def test_a_cut_issue_that_comes_late(program: Program, serve: Serve) -> None:
    """One that Triage makes when nobody waits for it any more has no marker: the closing look names it."""
    sandbox, rows = serve(), long_rows(3, 8_754)
    write_csv(Path("issues.csv"), rows, HEADER)
    door = Losing(sandbox.url, {"description": 10_000}, "bytes")
    door.then = "late"
    with serve_door(door):
        ended = send(program, door, "--concurrency", "1")
        assert len(find_twins(sandbox)) == 1
        check_twins(sandbox, ended)
        assert "duplicate-in-triage" in codes()["D-1"]


def test_many_rows(program: Program, serve: Serve) -> None:
    """Of many rows some are long, into a target that keeps 10,000 bytes and comments of 3,000: each word is there."""
    sandbox, rows = serve(), draw_rows(Random(1), *((40_000, 300) if LONG else (2_000, 15)))
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000, "detail": 3_000}) as door:
        ended = send(program, door, "--concurrency", "32")
        assert (ended.code, ended.outcomes()) == (1, {"created": len(rows)}), ended.err
        assert door.cuts.keys() == {"description", "detail"}
        assert len(codes()) <= 4, "the first of each kind"
        check_texts(sandbox, rows, codes())
