"""The plan of the house holds: rooms and names."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from tests.end_to_end.mutations import MUTATIONS
from tests.harness.running import ROOT

PACKAGE, TESTS = ROOT / "importer", ROOT / "tests"
MOST_ENTRIES = 29
ONCE = {"run", "fixes", "people", "additions", "rules"}
FACES = {"cli", "report"}
"""Rooms whose files may have the name of what they show."""
DOORS: dict[str, set[str]] = {
    # As the table of doors in importer/README.md names it: the names that stand for it; `open w` opens a file to write.
    "deletes an issue": {"delete_issue"},
    "changes an issue": {"update_issue"},
    "believes that something isn't in Triage": {"Doubt", "find_unmarked"},
    "opens a file to be written, or replaces one": {
        *("open w", "write_text", "write_bytes", "mkstemp", "O_CREAT", "O_WRONLY", "copyfile", "write_to_textfile"),
    },
}
APART = ("end_to_end", "harness", "benchmarks")
"""Folders of tests that mirror no room."""


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def files(folder: Path) -> list[Path]:
    """All Python files below a folder."""
    return sorted(folder.rglob("*.py"))


def name_of(path: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Every name that a file imports while it runs, in functions too: `importer.records.Row` for what a module has."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imports_of(ast.Module(node.orelse, []))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from imports_of(node)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file, methods and inner ones too."""
    return (node for node in ast.walk(parsed(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def graph() -> dict[str, set[str]]:
    """Module → the modules of the package that it imports."""
    modules = {name_of(path): path for path in files(PACKAGE)}
    found: dict[str, set[str]] = {}
    for name, path in modules.items():
        wanted = set(imports_of(parsed(path)))
        found[name] = ({one for one in wanted if one in modules} | {one.rpartition(".")[0] for one in wanted}) & {
            other for other in modules if other != name
        }
    return found


def circle_in(edges: Mapping[str, set[str]]) -> list[str]:
    """A way from a node back to itself, or nothing."""
    done: set[str] = set()

    def follow(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for other in sorted(edges[node]):
            if found := follow(other, [*way, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(edges) if (found := follow(node, []))), [])


def test_tests_lie_in_the_folders_of_their_rooms() -> None:
    """What a room promises is tested in the folder of its name."""
    rooms = {path.parent.relative_to(TESTS) for path in files(TESTS) if path.name.startswith("test_")}
    assert [
        each for each in sorted(rooms) if each.parts and each.parts[0] not in APART and not (PACKAGE / each).is_dir()
    ] == []


def test_no_test_imports_another() -> None:
    """What two test files need is in the harness."""
    found = [
        (name_of(path), name)
        for path in files(TESTS)
        for name in imports_of(parsed(path))
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split(".")[:-1])
    ]
    assert not found


def test_private_modules_stay_in_their_room() -> None:
    """A module whose name begins with `_` is imported within its own package only."""
    strangers = [
        (name, imported)
        for name, others in graph().items()
        for imported in others
        for place, part in enumerate(imported.split("."))
        if part.startswith("_") and not name.startswith(".".join(imported.split(".")[:place]) + ".")
    ]
    assert not strangers


def test_private_names_stay_in_their_module() -> None:
    """A function whose name begins with `_` is nobody else's."""
    taken = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files(PACKAGE)
        for name in imports_of(parsed(path))
        if name.startswith("importer.") and name.rpartition(".")[2].startswith("_") and "__" not in name
    ]
    assert taken == []


def test_each_module_defines_something() -> None:
    """A file of imports alone is what a move has left behind."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    modules = [path for path in files(PACKAGE) if path.name not in ("__init__.py", "__main__.py")]
    empty = [path for path in modules if not any(isinstance(node, kinds) for node in parsed(path).body)]
    assert empty == []


def test_packages_are_empty() -> None:
    """A room's `__init__.py` has nothing in it: who imports one module loads no other."""
    rooms = [path for path in files(PACKAGE) if path.name == "__init__.py" and path.parent != PACKAGE]
    assert rooms
    assert not [name_of(path) for path in rooms if path.read_text(encoding="utf-8").strip()]


def test_no_circle() -> None:
    """No module imports, over others, itself, not even within functions."""
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in(graph()) == []


def test_few_things_lie_at_the_top() -> None:
    """The package's own folder is read at a glance."""
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_names_stand_once() -> None:
    """A file's name stands twice only where one is the other's command or report; some names never do."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in files(PACKAGE):
        if not path.name.startswith("__"):
            places[path.stem].append(PurePosixPath(path.relative_to(PACKAGE)).parts[0])
    twice = {name: rooms for name, rooms in places.items() if len(rooms) > 1}
    assert not {
        name: rooms
        for name, rooms in twice.items()
        if name in ONCE or len(set(rooms)) < len(rooms) or len([room for room in rooms if room not in FACES]) != 1
    }


def test_no_contract_has_a_hole() -> None:
    """The layers hold without exceptions between rooms; only libraries outside are let in where they belong."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert contracts
    holes = [
        ignored
        for contract in contracts
        for ignored in contract.get("ignore_imports", ())
        if all(end.strip().startswith("importer") for end in ignored.split("->"))
    ]
    assert not holes


def test_what_has_a_door_is_done_nowhere_else() -> None:
    """Each module that uses one of the names stands in the table of doors, and none stands there that doesn't."""
    table = (PACKAGE / "README.md").read_text(encoding="utf-8").partition("\n## Doors\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if "`" in line]
    modules = {path.relative_to(PACKAGE).as_posix(): path for path in files(PACKAGE)}
    used = {name: set(names_used(parsed(path))) for name, path in modules.items() if not name.startswith("sandbox/")}
    for what, names in DOORS.items():
        (only,) = (where for each, where in rows if each == what)
        assert {*re.findall("`([^`]+)`", only)} == {module for module, uses in used.items() if uses & names}, what
    assert len(rows) == len(DOORS)


def names_used(tree: ast.AST) -> Iterator[str]:
    """Every attribute and name that a file uses but doesn't define; `open w` of one that is opened to be written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "open":
            modes = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
            if any(isinstance(mode, str) and re.fullmatch("[wax]b?[+]?b?|rb?[+]b?", mode) for mode in modes):
                yield "open w"


def test_each_test_says_what_it_shows() -> None:
    """Every test begins with a sentence."""
    silent = [
        f"{name_of(path)}:{function.name}"
        for path in files(TESTS)
        if path.name.startswith("test_")
        for function in functions(path)
        if function.name.startswith("test_")
        if not _is_sentence(ast.get_docstring(function) or "")
    ]
    assert not silent


def _is_sentence(text: str) -> bool:
    return text[:1] != "" and not text[0].islower() and text.rstrip()[-1] in ".:!?`"


def test_the_table_of_safeguards_is_up_to_date() -> None:
    """What each mutation takes out stands where the table says, once."""
    counts = {each.safeguard: (ROOT / each.file).read_text(encoding="utf-8").count(each.code) for each in MUTATIONS}
    assert {safeguard: count for safeguard, count in counts.items() if count != 1} == {}


def test_what_the_integration_runs_is_there() -> None:
    """Each file and folder of tests that .ci/run names: pytest runs none of them where one is missing."""
    words = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split()
    files = list[str]()
    for word in filter(lambda each: each.startswith("tests/"), words):
        before, _, rest = word.partition("{")
        inner, _, after = rest.partition("}")
        files += [f"{before}{each}{after}" for each in inner.split(",")]
    assert len(files) > 10
    assert [file for file in files if not (ROOT / file).exists()] == []
