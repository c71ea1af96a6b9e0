"""Objects beside the records, in the same document or in other files, and the records that they belong to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError, SourceNotReady, UsageError
from importer.mapping.reads import Annex
from importer.records import Ref, Table
from importer.sources.annexes import ANY_FILE, ASKED_AT_ONCE, AnnexObject, AnnexSpool, read_tables
from importer.sources.source import Source, SourceOptions
from importer.sources.source_rows import SourceRows
from importer.sources.survey import open_source, survey_files
from tests.harness.source_files import MakeSource

ACTIONS = Annex("actions", "data.card.id", "type == 'commentCard'")
ROWS = Annex("", "issue")
TRELLO = Path(__file__).parents[2].parent / "shared/exports/trello/nextcloud__deck__data-trelloJson.json"
BOARD = {
    "actions": [
        {"type": "commentCard", "data": {"card": {"id": "c2"}, "text": "last", "n": 1.50}},
        {"type": "createCard", "data": {"card": {"id": "c1"}}},
        5,
        {"type": "commentCard", "data": {"card": {"id": "c1"}, "text": "ü"}},
        {"type": "commentCard", "data": {"card": {"id": "c2"}, "text": "first"}},
    ],
    "cards": [{"id": "c1"}, {"id": "c2"}, {"id": "c3"}],
}


class Place:
    """A folder, and the sources that were opened in it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack

    def write(self, name: str, content: str | bytes) -> str:
        """Write a file and give its path."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def open(self, *paths: str, comments: tuple[str, ...] = (), records: str | None = None) -> Source:
        """Open a source that is closed at the test's end."""
        beside = self.stack.enter_context(open_source(comments, SourceOptions())) if comments else None
        with survey_files(paths, SourceOptions(records=records)) as survey:
            return self.stack.enter_context(survey.open(records, beside))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Open sources with files beside them."""
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


def find(source_rows: SourceRows, *texts: str) -> dict[str, list[object]]:
    """The objects under number 0, read."""
    return {text: [json.loads(each) for each in found] for text, found in source_rows.layout.beside[0](texts).items()}


def test_several_in_an_object(place: Place) -> None:
    """Where an answer has a list, its items are found; one that has none has nothing, and none is said to be lost."""
    answers = [
        {"id": 1, "notes": [{"n": 1}, ["x"]]},
        {"id": 2, "notes": None},
        {"id": 3},
        {"id": 1, "notes": [{"n": 2}]},
    ]
    said = place.write("said.jsonl", "\n".join(map(json.dumps, answers)))
    source = place.open(place.write("a.jsonl", '{"id": 1}\n{"id": 2}\n'), comments=(said,))
    [source_rows] = source.read([], annexes={0: Annex("", "id", items="notes")})
    assert find(source_rows, "1", "2") == {"1": [{"n": 1}, ["x"], {"n": 2}]}
    assert source.warnings() == []


def test_an_array_of_the_same_document(place: Place) -> None:
    """A board's comments are found by their card, in the board's order, whatever else its actions are."""
    board = place.write("board.json", json.dumps(BOARD))
    source = place.open(board, records="cards")
    runs = list(source.read([Ref("column", "id")], size=2, annexes={0: ACTIONS}))
    assert len(runs) == 2
    found = find(runs[0], "c2", "c1", "c3", "")
    assert {key: [each["data"]["text"] for each in some] for key, some in found.items()} == {  # type: ignore[index]
        "c2": ["last", "first"],
        "c1": ["ü"],
    }
    assert source.warnings() == []
    assert '"n":1.5' in runs[1].layout.beside[0](["c2"])["c2"][0]


def test_numbers_stay_as_written(place: Place) -> None:
    """A key of many digits, and an amount, are what the file says."""
    text = '{"cards": [{"id": 1}], "actions": [{"id": 12345678901234567890, "n": 1.50}]}'
    source = place.open(place.write("a.json", text), records="cards")
    [source_rows] = source.read([], annexes={0: Annex("actions", "id")})
    assert source_rows.layout.beside[0](["12345678901234567890"]) == {
        "12345678901234567890": ['{"id":12345678901234567890,"n":1.50}']
    }


def test_each_board_has_its_own(place: Place) -> None:
    """Two documents may use the same ids: an array belongs to the records of its own document."""
    paths = [
        place.write(f"{name}.json", json.dumps({"cards": [{"id": 1}], "notes": [{"id": 1, "text": name}]}))
        for name in "ab"
    ]
    runs = place.open(*paths, records="cards").read([], annexes={0: Annex("notes", "id")})
    assert [find(source_rows, "1") for source_rows in runs] == [{"1": [{"id": 1, "text": name}]} for name in "ab"]


def test_an_errors_file_with_its_board_beside_it(place: Place) -> None:
    """An errors file has the records alone; the board that it came from is given as a file of comments."""
    errors = place.write("errors.jsonl", '{"id": "c2"}\n')
    board = place.write("board.json", json.dumps(BOARD))
    beside = place.stack.enter_context(open_source([board], SourceOptions(records="actions")))
    with survey_files([errors], SourceOptions()) as survey:
        source = place.stack.enter_context(survey.open(comments=beside))
    none = Annex("actions", "data.card.id", "type == 'other'")
    [source_rows] = source.read([], annexes={0: ACTIONS, 1: none})
    assert len(find(source_rows, "c2")["c2"]) == 2
    assert source_rows.layout.beside[1](["c2"]) == {}


TABLE = 'Exported 2026\n\nissue;Author;Text;Text\n 1 ;Ann;;"a\nb"\n2;Bo;x;y\n1;Ann;c;\n'


@pytest.mark.parametrize(
    ("name", "content", "keys"),
    [
        ("c.csv", TABLE.encode("utf-16"), {"issue", "Author", "Text"}),
        ("c.jsonl", '{"issue":1,"Text":"a\\nb"}\n{"issue":2}\n{"issue":"1","Text":"c"}\n', {"issue", "Text"}),
        ("c.json", '{"data":[{"issue":1,"Text":"a\\nb"},{"issue":2},{"issue":"1","Text":"c"}]}', {"issue", "Text"}),
        (
            "c.json",
            '[{"node":{"issue":1,"Text":"a\\nb"}},{"node":{"issue":2}},{"node":{"issue":1,"Text":"c"}}]',
            {"issue", "Text"},
        ),
        (
            "raw.csv",
            'n,data\n1,"{""issue"":1,""Text"":""a\\nb""}"\n2,"{""issue"":1,""Text"":""c""}"\n',
            {"n", "data", "issue", "Text"},
        ),
    ],
)
def test_the_rows_of_another_file(place: Place, name: str, content: str | bytes, keys: set[str]) -> None:
    """The file is read as a source is: its encoding, delimiter, titles above and envelopes are found out.

    A table's row is header → cell; of headers that repeat the first filled one counts.
    """
    source = place.open(place.write("i.csv", "id\n1\n2\n"), comments=(place.write(name, content),))
    [source_rows] = source.read([], annexes={0: ROWS})
    first, second = find(source_rows, " 1", "2")[" 1"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["Text"], second["Text"], set(first)) == ("a\nb", "c", keys)


def test_several_files_in_order(place: Place) -> None:
    """The comments of several files are one list, whichever file their record is in."""
    first, second = place.write("1.csv", "issue,t\n1,a\n"), place.write("2.jsonl", '{"issue": 1, "t": "b"}\n')
    issues = [place.write(f"i{number}.csv", "id\n1\n") for number in range(2)]
    runs = place.open(*issues, comments=(first, second)).read([], annexes={0: ROWS})
    assert [[each["t"] for each in find(source_rows, "1")["1"]] for source_rows in runs] == [["a", "b"]] * 2  # type: ignore[index]


def test_a_changed_file_of_comments_is_a_changed_source(place: Place) -> None:
    """The digest counts them, and one that is still written is noticed."""
    issues, comments = place.write("i.csv", "id\n1\n"), place.write("c.csv", "issue,t\n1,a\n")
    alone = place.open(issues).digest()
    source = place.open(issues, comments=(comments,))
    before = source.digest()
    place.write("c.csv", "issue,t\n1,ab\n")
    assert len({alone, before, source.digest()}) == 3
    with pytest.raises(SourceNotReady, match=r"c\.csv changed"):
        source.check_unchanged()


def test_what_finds_no_row_is_said(place: Place) -> None:
    """Comments of no row, without a name and unreadable ones are counted; reading twice changes nothing."""
    lines = "1,a,\n9,b,\n8,c,\n9,d,\n,e,\n2,f\n"
    source = place.open(place.write("i.csv", "id\n1\n2\n"), comments=(place.write("c.csv", f"issue,t,u\n{lines}"),))
    for _ in range(2):
        for source_rows in source.read([], size=1, annexes={0: ROWS}):
            find(source_rows, "1", "2", "9 9")
    orphans, nameless, unusable = source.warnings()
    assert orphans == "comments that belong to no row: 3. The first names '9'"
    assert nameless == "comments that name no row: 1. `by: issue` finds nothing in them"
    assert unusable.startswith("comments that can't be read: 1. The first is ")
    assert ":7: The row has 2 cells" in unusable


def test_a_path_that_does_not_fit(place: Place) -> None:
    """An object to which the expression can't be applied is one that can't be read; the others are."""
    comments = place.write("c.jsonl", '{"issue": [1]}\n{"issue": null}\n')
    source = place.open(place.write("i.csv", "id\n1\n"), comments=(comments,))
    [source_rows] = source.read([], annexes={0: Annex("", "join('', issue[].to_string(@))")})
    assert find(source_rows, "1") == {"1": [{"issue": [1]}]}
    assert source.warnings()[0].startswith("comments that can't be read: 1.")


@pytest.mark.parametrize("annex", [Annex("", "key"), Annex("", "issue", "kind == 'note'")])
def test_a_file_without_what_is_asked_for(place: Place, annex: Annex) -> None:
    """A file of which nothing is a comment is the wrong one, or its columns have other names: they are listed."""
    source = place.open(place.write("i.csv", "id\n1\n"), comments=(place.write("c.csv", "issue,My text\n1,a\n"),))
    with pytest.raises(SourceError, match=r"c\.csv has no comments for this mapping") as caught:
        list(source.read([], annexes={0: annex}))
    assert "It has issue, My text." in caught.value.hint


def test_a_board_without_comments(place: Place) -> None:
    """An array that is empty, or not there, is nothing to complain of."""
    source = place.open(place.write("b.json", '{"cards": [{"id": 1}], "actions": []}'), records="cards")
    for array in ("actions", "none.at.all"):
        [source_rows] = source.read([], annexes={0: Annex(array, "id")})
        assert find(source_rows, "1") == {}
    assert source.warnings() == []


def test_nothing_asked_nothing_read(place: Place) -> None:
    """A source of which nobody wants comments doesn't look for any."""
    source = place.open(place.write("i.csv", "id\n1\n"), comments=(place.write("c.csv", "a,b\n1,2\n"),))
    [source_rows] = source.read([])
    assert source_rows.layout.beside == {}
    assert source.warnings() == []


def test_a_file_that_is_not_there(place: Place) -> None:
    """A comments file is missed as a source is."""
    with pytest.raises(SourceNotReady, match="does not exist"):
        place.open(place.write("i.csv", "id\n1\n"), comments=(str(place.folder / "none.csv"),))
    with pytest.raises(UsageError):
        place.open(place.write("i.csv", "id\n1\n"), comments=("-", "-"))


TEXT = st.text(st.characters(codec=None), max_size=3)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=30), st.lists(TEXT, max_size=10))
def test_every_object_is_found_once(objects: list[tuple[str, str]], asked: list[str]) -> None:
    """Whatever the keys are, half characters among them: each object is found under its key, or counted."""
    spool = AnnexSpool(
        ROWS, [AnnexObject(ANY_FILE, "c", 1, {"issue": key, "t": text}) for key, text in [("k", ""), *objects]]
    )
    names = {key.strip() for key, _ in objects if key.strip()}
    found = spool.finder(0)([*asked, *names, "k"])
    for name in names - {"k"}:
        texts = [json.loads(text)["t"] for text in found[name]]
        assert texts == [text for key, text in objects if key.strip() == name]
    assert not any(warning.startswith("comments that belong to no row") for warning in spool.warnings())
    spool.close()


def test_more_keys_than_one_question_takes() -> None:
    """A source_rows asks for thousands of keys at once."""
    count = 3 * ASKED_AT_ONCE + 1
    spool = AnnexSpool(ROWS, (AnnexObject(ANY_FILE, "c", 1, {"issue": str(number)}) for number in range(count)))
    assert len(spool.finder(0)([str(number) for number in range(2 * count)])) == count
    spool.close()


@pytest.mark.skipif(not TRELLO.exists(), reason=f"{TRELLO} is not there")
def test_a_real_board(place: Place) -> None:
    """Of a Trello board the actions of each card are as many as a plain reader counts."""
    board = json.loads(TRELLO.read_text(encoding="utf-8"))
    counted = Counter(action["data"].get("card", {}).get("id", "") for action in board["actions"])
    counted.pop("", None)
    source = place.open(str(TRELLO), records="cards")
    [source_rows] = source.read([], annexes={0: Annex("actions", "data.card.id")})
    found = source_rows.layout.beside[0]([card["id"] for card in board["cards"]])
    assert {key: len(texts) for key, texts in found.items()} == counted


LISTS = Table("lists", "id", "name")
LOOKED_UP = (
    '{"lists": [{"id": "l1", "name": "Doing"}, 5, {"id": 2.0, "name": null}, {"id": "l1", "name": "again"}, {"x": 1}],'
    ' "cards": [{"id": "c", "idList": "l1"}], "data": {"people": {"edges": [{"node": {"id": "p", "name": "Ann"}}]}}}'
)


def test_every_chunk_has_the_tables(make_source: MakeSource) -> None:
    """A table is read from the records' own document, wherever it stands; of an id that repeats the first counts."""
    people = Table("data.people.edges", "id", "name")
    absent = Table("none.lists", "id", "name")
    source = make_source(LOOKED_UP, "a.json", records="cards")
    [source_rows] = source.read([Ref("column", "id")], tables=[LISTS, people, absent])
    assert source_rows.layout.tables == {LISTS: {"l1": "Doing", "2.0": ""}, people: {"p": "Ann"}, absent: {}}


def test_two_tables_of_one_array(make_source: MakeSource) -> None:
    """One array can be looked up by several keys."""
    by_name = Table("lists", "name", "id")
    [source_rows] = make_source(LOOKED_UP, "a.json", records="cards").read([], tables=[LISTS, by_name])
    assert source_rows.layout.tables[by_name] == {"Doing": "l1", "": "2.0", "again": "l1"}


@pytest.mark.parametrize(("text", "name"), [('[{"id": 1}]', "a.json"), ('{"id": 1}', "a.jsonl"), ("id\n1\n", "a.csv")])
def test_other_files_have_none(make_source: MakeSource, text: str, name: str) -> None:
    """Where nothing stands beside the records, a table has no texts."""
    [source_rows] = make_source(text, name).read([], tables=[LISTS])
    assert not source_rows.layout.tables.get(LISTS)


def test_tables_of_several_pages(make_source: MakeSource) -> None:
    """Of documents in a series, each adds its own."""
    page = '{"users": [{"id": %d, "name": "%s"}], "issues": [{"id": 1}]}\n'
    source = make_source(page % (1, "a") + page % (2, "b"), "a.json", records="issues", format="json")
    users = Table("users", "id", "name")
    [source_rows] = source.read([], tables=[users])
    assert source_rows.layout.tables[users] == {"1": "a", "2": "b"}


def test_a_document_that_is_cut(make_source: MakeSource) -> None:
    """A table that is cut off is a source that isn't ready."""
    source = make_source('{"cards": [{"id": 1}], "lists": [{"id": 1, "na', "a.json", records="cards")
    with pytest.raises(SourceNotReady, match=r"a\.json ends inside its JSON document"):
        read_tables(source.files[0].stored, "utf-8", [LISTS])
