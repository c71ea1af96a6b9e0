"""Saving a draft: its files' names, and that nothing is overwritten."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from importer.authoring.draft.draft import source_name, write_new
from importer.errors import StorageFull, UsageError
from tests.harness.drafts import save, write_table

ROWS = [{"Title": f"It broke {n} times"} for n in range(3)]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("exports/Acme Jira.csv", "Acme Jira"),
        ("a.csv.gz", "a"),
        ("a.b.JSON", "a.b"),
        ("x: y\n.csv", "x y"),
        ("-", "import"),
        ("exports/Acme.xlsx/Sheet1", "Acme"),
        ("Acme.zip/issues.csv", "issues"),
        (".csv", "import"),
    ],
)
def test_a_source_is_called_by_its_file(file: str, name: str) -> None:
    """Without its end, and without what a key can't hold."""
    assert source_name(file) == name


def test_two_drafts_in_one_folder_have_two_tables(tmp_path: Path) -> None:
    """Both are called values.csv, the second in a folder of the mapping's name; what is there stays as it is."""
    source = write_table(tmp_path / "a.csv", ROWS)
    save(source, tmp_path / "one.yaml")
    assert save(source, tmp_path / "two.yaml").model.decisions == "two/values.csv"
    table = tmp_path / "three" / "values.csv"
    table.parent.mkdir()
    table.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"three/values\.csv exists already") as caught:
        save(source, tmp_path / "three.yaml")
    assert "--update" not in caught.value.hint, "which takes a mapping"
    assert not (tmp_path / "three.yaml").exists()
    assert table.read_text(encoding="utf-8") == "mine"
    assert save(source, tmp_path / "four").model.decisions == "four-values/values.csv"


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    """Else the same command would take it for a mapping that is there."""
    path, limits = tmp_path / "new.yaml", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageFull, match="File too large"):
            write_new(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not path.exists()
