"""Loading a mapping: the chain of files, all problems at once, places and the digest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import MappingError, Problem
from importer.mapping.reader import list_presets, load_mapping, preset_text
from importer.mapping.texts import Text

WriteMapping = Callable[..., str]
Problems = Callable[[str], list[Problem]]

COMPLETE = """\
input: {name: mine, key: Key}
title: Summary
severity: {column: Priority, values: {P1: high, P2: low}}
status: {value: todo}
category: {missing: General}
"""


def test_a_file_of_a_few_lines_extends_a_preset(write: WriteMapping) -> None:
    """What the file says wins, the preset says the rest."""
    loaded = load_mapping(
        write("""\
        extends: jira
        input: {name: jira-acme}
        severity:
          values: {P3: medium, Showstopper: critical}
        """)
    )
    assert loaded.model.input.name == "jira-acme"
    assert loaded.named_by_user
    assert loaded.model.severity.values["P3"] == "medium"
    assert loaded.model.severity.values["P4"] == "low"
    assert loaded.model.title.too_long == "shorten"
    assert [path.name for path in loaded.files] == ["mine.yaml", "jira.yaml"]


def test_a_place_is_in_the_file_that_won(write: WriteMapping) -> None:
    """Keys of the file and keys of the preset are found in their own files, what is nowhere at its parent."""
    path = write("extends: jira\nseverity:\n  values:\n    P3: medium\n")
    loaded = load_mapping(path)
    assert str(loaded.place("severity", "values", "P3")) == f"{path}:4"
    place = loaded.place("severity", "values", "P4")
    assert place.file == "jira.yaml"
    assert preset_text("jira").splitlines()[place.line - 1].strip() == "P4: low"
    assert loaded.place("severity", "unknown") == loaded.place("severity")


def test_a_path_under_extends_is_relative_to_its_file(write: WriteMapping, tmp_path: Path) -> None:
    """Chains lead from folder to folder, by relative or absolute path, and end at a preset."""
    (tmp_path / "below").mkdir()
    write("extends: jira\ninput: {name: base}\n", "base.yaml")
    write("extends: ../base.yaml\ntitle: Titel\n", "below/middle.yaml")
    loaded = load_mapping(write(f"extends: {tmp_path}/below/middle.yaml\n"))
    assert loaded.model.title.column == "Titel"
    assert len(loaded.files) == 4
    assert loaded.place("title").file.endswith("middle.yaml")


def test_the_name_is_the_users_only_if_a_file_of_theirs_says_it(write: WriteMapping) -> None:
    """The preset's own name is not one that tells two sites apart."""
    assert not load_mapping("jira").named_by_user
    assert not load_mapping(write("extends: jira\ninput: {dates: []}\n")).named_by_user
    assert load_mapping(write(COMPLETE)).named_by_user


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "mine.yaml"
    path.write_text(COMPLETE, encoding="utf-8-sig")
    assert load_mapping(str(path)).model.input.name == "mine"


SAME = """\
about: says the same
title: {column: Summary}
status: {value: todo}
severity: {column: Priority, values: {"p2 ": low, P1: high}, missing: high}
category: {missing: General, keep_unknown: false}
input: {key: {column: Key}, name: mine}
"""


def test_files_of_one_meaning_share_a_digest(write: WriteMapping) -> None:
    """Short forms, order of keys, case of values, defaults, and where a thing is written don't matter."""
    whole = load_mapping(write(COMPLETE.replace("{P1: high, P2: low}}", "{P1: high, P2: low}, missing: high}"))).digest
    assert load_mapping(write(SAME)).digest == whole
    write(COMPLETE, "base.yaml")
    assert load_mapping(write("extends: ./base.yaml\nseverity: {missing: high}\n")).digest == whole


@pytest.mark.parametrize(
    "change",
    [
        "severity: {values: {P1: critical}}",
        "severity: {neutral: [P1]}",
        "footer: {A: A}",
        "title: Title",
    ],
)
def test_another_meaning_has_another_digest(write: WriteMapping, change: str) -> None:
    """What is sent, or warned of, is part of the meaning."""
    write(COMPLETE, "base.yaml")
    digests = {load_mapping(write(f"extends: ./base.yaml\n{text}\n")).digest for text in (change, "about: x")}
    assert len(digests) == 2


def test_the_order_of_footer_lines_and_patterns_counts(write: WriteMapping) -> None:
    """They stand in the issue, and the first pattern wins."""
    for one, other in (("{A: A, B: B}", "{B: B, A: A}"),):
        assert (
            load_mapping(write(f"{COMPLETE}footer: {one}\n")).digest
            != load_mapping(write(f"{COMPLETE}footer: {other}\n")).digest
        )
    patterns = COMPLETE.replace("{P1: high, P2: low}", "{/a/: high, /b/: low}")
    turned = COMPLETE.replace("{P1: high, P2: low}", "{/b/: low, /a/: high}")
    assert load_mapping(write(patterns)).digest != load_mapping(write(turned)).digest


def test_every_problem_comes_in_one_pass(problems: Problems) -> None:
    """Problems of YAML, of single keys and of the whole come together, in the order of lines."""
    found = problems("""\
        extends: jira
        tilte: Summary
        title: {colum: Summary}
        description:
        severity:
          values:
            P9: hihg
            p9: low
            /[/: low
        skip:
          - {name: old, when: {column: Created, before: yesterday}}
        duplicates: {newst: Updated}
        """)
    assert [(problem.line, problem.key) for problem in found] == [
        (2, "tilte"),
        (3, "title.colum"),
        (4, "description"),
        (7, "severity.values.P9"),
        (8, "severity.values.p9"),
        (9, "severity.values./[/"),
        (11, "skip.0.when.before"),
        (12, "duplicates.newst"),
    ]
    assert found[0].message == "unknown key"
    assert found[0].hint == "did you mean `title`?"
    assert found[3].message == "'hihg' is not one of critical, high, medium, low, ?"
    assert found[3].hint == "did you mean `high`?"
    assert "'P9' on line 7 is the same" in found[4].message


def test_problems_of_a_base_stand_at_its_own_lines(write: WriteMapping) -> None:
    """Each file of the chain is checked, and named."""
    base = write("extends: jira\ntitle: {too_long: cut}\n", "base.yaml")
    mine = write("extends: base.yaml\nfoo: bar\n")
    with pytest.raises(MappingError) as caught:
        load_mapping(mine)
    assert {(problem.file, problem.line) for problem in caught.value.problems} == {(base, 2), (mine, 2)}


def test_what_is_missing_is_named_with_a_way_out(problems: Problems) -> None:
    """A file that extends nothing must say everything that has no default."""
    found = problems("title: Summary\n")
    assert [problem.key for problem in found] == ["input", "severity", "status", "category"]
    assert all("extends: jira" in problem.hint for problem in found)


def test_nothing_is_called_missing_while_the_base_cannot_be_read(problems: Problems) -> None:
    """The base may hold it; other problems of the file are still named."""
    found = problems("extends: jria\nfoo: bar\nseverity: {values: {A: low}}\n")
    assert [problem.key for problem in found] == ["extends", "foo"]
    assert found[0].hint.startswith("did you mean `jira`?")


def test_a_circle_is_refused_where_it_closes(write: WriteMapping) -> None:
    """The message shows the way around."""
    first = write("extends: second.yaml\n", "first.yaml")
    second = write("extends: first.yaml\n", "second.yaml")
    with pytest.raises(MappingError) as caught:
        load_mapping(first)
    assert len(caught.value.problems) == 1
    assert "extends itself: " in caught.value.problems[0].message
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == (second, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"- a\n", "holds no keys"),
        (b"just text\n", "holds no keys"),
        (b"a: \xe9\n", "is not UTF-8"),
        (b"a:\n\tb: c\n", "has a tab before a key or a value"),
        (b"extends: [jira]\n", "must be the name of a preset or a path"),
        (b"extends:\n", "is empty"),
        (b"extends: ''\n", "must be the name of a preset or a path"),
        (b"input: jira\n", "must be a group of keys, not 'jira'"),
        (b"extends: jira\nskip: {name: x}\n", "must be a list, not a group of keys"),
        (b"extends: jira\ninput: {name: [x]}\n", "must be a text, not a list"),
        (b"extends: jira\nstatus: {values: [x]}\n", "must be a group of keys, not a list"),
    ],
)
def test_a_file_that_is_no_mapping_gets_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    """Whatever the file is, the answer is a problem and not a traceback."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(MappingError) as caught:
        load_mapping(str(path))
    assert message in caught.value.problems[0].message


def test_a_colon_without_a_space_is_named(tmp_path: Path) -> None:
    """Where it is in every line, YAML takes the whole file for one text."""
    path = tmp_path / "mine.yaml"
    path.write_text("extends:jira\ntitle:Title\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_mapping(str(path))
    (problem,) = caught.value.problems
    assert problem.hint == "a key is followed by a colon and an ordinary space: `extends: jira`"


def test_what_is_not_there_gets_the_nearest_preset() -> None:
    """A name is that of a preset, a path that of a file; all presets are only named where none is near."""
    problems = []
    for name in ("suggested-mapping.yaml", "jirra", "nothing-like-it", "elsewhere/jira.yaml", "mine.yaml"):
        with pytest.raises(MappingError) as caught:
            load_mapping(name)
        problems.append((caught.value.problems[0].message, caught.value.problems[0].hint))
    assert problems[0][0] == "there is no file 'suggested-mapping.yaml'"
    assert problems[0][1] == "a check writes suggested-mapping.yaml only if there is something to decide"
    assert problems[1] == ("there is no preset 'jirra'", "did you mean `jira`?")
    assert problems[2][0] == "there is no preset 'nothing-like-it'"
    assert "github, gitlab, helpscout, hubspot" in problems[2][1]
    assert problems[3:] == [
        ("there is no file 'elsewhere/jira.yaml'", "the preset is called `jira`"),
        ("there is no file 'mine.yaml'", ""),
    ]


def test_a_file_that_is_extended_is_not_there(tmp_path: Path) -> None:
    """It is looked for beside the one that extends it, which is said."""
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_mapping(str(tmp_path / "mine.yaml"))
    assert caught.value.problems[0].hint == "a path under `extends` is relative to the mapping that names it"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, no name at all, and a name that no file can have."""
    for name in (str(tmp_path), "", "a\x00b"):
        with pytest.raises(MappingError) as caught:
            load_mapping(name)
        assert "can't be read" in caught.value.problems[0].message


def test_a_preset_is_read_once(write: WriteMapping) -> None:
    """It is a part of the program; a file is read anew each time, since people change it."""
    assert load_mapping("trello") is load_mapping("trello")
    path = write("extends: trello\nsource: manual\n")
    before = load_mapping(path)
    Path(path).write_text("extends: trello\nsource: qa\n", encoding="utf-8")
    assert load_mapping(path).digest != before.digest


def test_presets_are_listed_with_a_sentence() -> None:
    """Each preset says what it reads."""
    presets = list_presets()
    assert {"github", "jira", "linear"} <= {preset.name for preset in presets}
    assert all(preset.about for preset in presets)


def test_an_unknown_preset_names_the_nearest() -> None:
    """A typing error costs one look."""
    with pytest.raises(MappingError) as caught:
        preset_text("gihtub")
    assert caught.value.hint == "did you mean `github`?"


def test_constants_override_columns(write: WriteMapping) -> None:
    """An empty constant takes a footer line of the preset away."""
    loaded = load_mapping(write("extends: jira\nfooter: {Sprint: {value: ''}}\n"))
    assert loaded.model.footer["Sprint"] == Text(value="")
