"""The JSON Schema that editors use."""

from __future__ import annotations

import json
from typing import Any

from importer.mapping.model import mapping_schema

SCHEMA = mapping_schema()


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][name]
    return found


def test_the_schema_names_itself() -> None:
    """Editors show the title and need the dialect."""
    assert SCHEMA["$schema"].startswith("https://json-schema.org/")
    assert SCHEMA["title"]
    json.dumps(SCHEMA)


def test_short_forms_are_valid() -> None:
    """A text may be a name or a list wherever a text stands."""
    for name in ("Text", "Title", "LongText", "Severity", "Status", "Category", "Key"):
        forms = definition(name)["anyOf"]
        assert [form["type"] for form in forms] == ["object", "string", "array"]


def test_one_condition_may_stand_for_a_list() -> None:
    """`when` and `is` take one or many."""
    assert definition("Skip")["properties"]["when"]["anyOf"][0] == {"$ref": "#/$defs/Condition"}


def test_nothing_is_required_where_files_are_merged() -> None:
    """A file of one line that extends a preset is whole."""
    assert "extends" in SCHEMA["properties"]
    assert "required" not in SCHEMA
    assert "required" not in definition("Input")


def test_unknown_keys_are_flagged() -> None:
    """A misspelled key is the commonest mistake."""
    assert SCHEMA["additionalProperties"] is False
    assert definition("Text")["anyOf"][0]["additionalProperties"] is False


def test_every_key_is_described() -> None:
    """An editor shows the description while one types."""
    groups = [SCHEMA, *SCHEMA["$defs"].values()]
    parts = [group.get("anyOf", [group])[0] for group in groups]
    missing = [key for part in parts for key, value in part.get("properties", {}).items() if "description" not in value]
    assert missing == []
