"""The draft's text: it loads whatever the source holds, and says what it is that it leaves open."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.authoring.draft.draft_yaml import write_mapping
from importer.mapping.reader import load_mapping, open_targets
from tests.harness.drafts import draft, save, write_json, write_table

ROWS = [
    {"Key": f"P-{n}", "Summary": f"It broke {n} times", "Priority": ("High", "Odd", "")[n % 3],
     "Status": ("Done", "Limbo")[n % 2], "Type": ("Bug", "Wish")[n % 2], "Due": "31.01.2024", "Owner": "Ann"}
    for n in range(12)
]  # fmt: skip


def text_of(path: Path) -> str:
    return write_mapping(draft(path), [path.name], "mapping.yaml", "values.csv", "mine", {})


def test_what_a_draft_says(tmp_path: Path) -> None:
    """Each line of it: what is known is decided with its reason, what isn't is open with a proposal."""
    text = text_of(write_table(tmp_path / "a.csv", ROWS))
    for line in (
        '  key: {column: "Key"} # its name says key; no value occurs twice',
        '  column: "Summary" # its name says title',
        '    "High": high # 4 rows; a known word',
        '    "Odd": "?" # 4 rows; proposal: medium, no evidence',
        "  missing: medium # 4 rows with an empty cell; nobody has ranked it",
        '    "Limbo": "?" # 6 rows; proposal: todo, no evidence',
        '    "Wish": Wish # 6 rows; as it is written',
        '    - "%d.%m.%Y"',
        '  "Owner": {column: "Owner"}',
        '#   "Due": footer. Filled, dates like %d.%m.%Y, 1 value; "31.01.2024"',
        "# or in the column `decision` of values.csv, which wins over this file.",
    ):
        assert line in text.splitlines()


def test_a_draft_loads_and_lists_what_is_open(tmp_path: Path) -> None:
    """Its open targets are those of the text, with their lines."""
    loaded = save(write_table(tmp_path / "a.csv", ROWS), tmp_path / "mine.yaml")
    lines = (tmp_path / "mine.yaml").read_text(encoding="utf-8").splitlines()
    assert [lines[found.line - 1].split("#")[0].strip() for found in open_targets(loaded)] == [
        '"Odd": "?"',
        '"Limbo": "?"',
    ]


def test_without_columns_there_are_defaults(tmp_path: Path) -> None:
    """Nothing but a title: status and category have theirs, the severity is open."""
    model = save(write_table(tmp_path / "a.csv", [{"Title": "It broke"}]), tmp_path / "mine.yaml").model
    assert (model.severity.missing, model.category.missing, model.status.missing) == ("?", "Bug", "todo")
    assert model.input.key.content


def test_a_closing_date_is_a_status(tmp_path: Path) -> None:
    """Without a status column what has a closing date is done, the rest is to do."""
    rows = [{"Title": f"It broke {n} times", "Closed at": "2024-01-01" if n else ""} for n in range(4)]
    status = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.status
    assert (status.rules[0].then, status.missing) == ("done", "todo")


def test_keys_that_are_not_everywhere_have_the_content_beside_them(tmp_path: Path) -> None:
    """A row without one is identified by what is in it."""
    rows = [{"ID": str(n) if n else "", "Title": f"It broke {n} times"} for n in range(9)]
    key = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.input.key
    assert (key.column, key.content) == ("ID", True)


def test_too_many_categories_are_kept_as_they_are(tmp_path: Path) -> None:
    """More than two hundred are not listed."""
    rows = [{"Title": f"It broke {n} times", "Category": f"c{n % 300}"} for n in range(900)]
    category = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.category
    assert category.keep_unknown
    assert not category.values


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
NASTY = st.one_of(
    TEXTS,
    st.sampled_from(
        ["x\n  evil: yes", '"', "'", "# no", "a: b", "{x}", "[y]", "&a", "*a", "!t", "%p", "@n", "`q`", "?", "- x", "~",
         "null", "\u2028z", "\u0085z", "/(/", "/a/", "\\", "\t", "\ufeff", "=1+1", "é" * 300, "\x1b[31m", "...", "---"]
    ),
)  # fmt: skip


@settings(max_examples=10)
@example(["", "", ""], ["", "", "\ufeff"])
@given(st.lists(NASTY, min_size=3, max_size=3), st.lists(NASTY, min_size=3, max_size=12))
def test_whatever_a_table_holds_the_draft_loads(headers: list[str], cells: list[str]) -> None:
    """Nothing in headers or cells can become YAML, or end a comment."""
    with TemporaryDirectory() as folder:
        names = dict.fromkeys(["Title", "Status", "Priority", "Type", *headers])
        rows = [{name: cells[(n + place) % len(cells)] for place, name in enumerate(names)} for n in range(len(cells))]
        rows += [{name: f"A title {n}" if name == "Title" else "Open" for name in names} for n in range(30)]
        model = save(write_table(Path(folder) / "a.csv", rows), Path(folder) / "mine.yaml").model
        assert model.title.column == "Title"


@settings(max_examples=10)
@given(st.dictionaries(NASTY, st.recursive(NASTY, lambda child: st.dictionaries(NASTY, child) | st.lists(child))))
def test_whatever_records_hold_the_draft_loads(record: dict[str, object]) -> None:
    """Whatever keys and values JSON records have, the drafted mapping loads."""
    with TemporaryDirectory() as folder:
        records = [{"title": f"It broke {n} times", "status": "Open", **record} for n in range(9)]
        records += [{"title": f"It broke again {n} times", "status": "Done"} for n in range(9)]
        save(write_json(Path(folder) / "a.json", records), Path(folder) / "mine.yaml")


def test_what_else_may_say_a_category(tmp_path: Path) -> None:
    """Words of titles and labels are proposals: counted, each with a title, and taken without the `#` alone."""
    titles = ("Transcript lacks a name", "It is slow", "Hello there", "Slow again")
    rows = [{"id": str(n), "title": title, "tags": ["bug", "x"] if n else []} for n, title in enumerate(titles)]
    path = write_json(tmp_path / "a.json", rows)
    text = text_of(path)
    assert (
        "# 3 of 4 titles contain a word for a category of Triage's own: Latency 2 (It is slow), Transcription 1 (T"
        in text
    )
    assert save(path, tmp_path / "mine.yaml").model.category.titles is None
    taken = (
        text.replace("  #titles: ", "  titles: ").replace("  #labels: ", "  labels: ").replace("decisions: ", "about: ")
    )
    (tmp_path / "taken.yaml").write_text(taken, encoding="utf-8")
    category = load_mapping(str(tmp_path / "taken.yaml")).model.category
    assert category.titles is not None
    assert category.titles.column == "title"
    assert category.labels is not None
    assert category.labels.path == "tags[]"


def test_objects_of_which_something_is_read(tmp_path: Path) -> None:
    """Their other leaves are lines of the footer, since `rest` takes whole objects; a comment's stay out of it."""
    rows = [
        {
            "id": f"P-{n}",
            "title": f"It broke {n} times",
            "assignee": {"name": "Ann", "team": f"Team {n}", "badge": {"no": "7"}},
            "comments": [{"body": f"Text {n}", "created_at": "2024-01-01", "likes": 3}],
            "customer": {"tier": "gold"},
        }
        for n in range(3)
    ]
    model = save(write_json(tmp_path / "a.json", rows), tmp_path / "mine.yaml").model
    assert {label: text.path for label, text in model.footer.items()} == {
        "Assignee": "assignee.name",
        "Assignee team": "assignee.team",
        "Assignee badge no": "assignee.badge.no",
    }
    assert model.created is None
