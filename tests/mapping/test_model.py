"""The mapping's model: short forms, checks, and what it reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from importer.mapping.issue_parts import Attachments, CommentSource, Unmatched
from importer.mapping.model import Category, Input, Key, Link, Severity, Skip, SourceText, Status, fold, mapping_schema
from importer.mapping.texts import Condition, LongText, Strict, Text, Title
from importer.records import Ref

RULE = {"when": {"column": "A", "is": "b"}, "then": "low"}
BESIDE = {"beside": {"by": "a", "key": "A"}, "each": {"text": "b"}}


def test_a_text_has_short_forms() -> None:
    """A name is a column, a list is the first filled of several texts."""
    assert Text.model_validate("Summary") == Text(column="Summary")
    assert Text.model_validate(["Summary", {"value": "x"}]) == Text(first=[Text(column="Summary"), Text(value="x")])


def test_a_text_knows_what_it_reads() -> None:
    """Columns and paths of all nested texts come in order, each once; escaped braces are no placeholders."""
    text = Text.model_validate(["A", {"template": "{{x}} {B} {path:a.b} {A}"}, {"path": "a.b"}])
    assert text.refs == (Ref("column", "A"), Ref("column", "B"), Ref("path", "a.b"))


@pytest.mark.parametrize(
    ("model", "value", "message"),
    [
        (Text, {}, "needs one of column"),
        (Text, {"column": "A", "value": "b"}, "has column and value"),
        (Text, {"column": "A", "to": "x"}, "`to` needs `pattern`"),
        (Text, {"column": "A", "as": "text"}, "has no effect without `format`"),
        (Text, {"column": "A", "pattern": ""}, "is empty; write what to look for"),
        (Text, {"path": "lenght(a)"}, "can't be applied: JMESPath has no function `lenght`"),
        (Text, {"path": "a[?contains(b)].c"}, "`contains` takes 2 values, not 1"),
        (Text, {"template": "{path:merge()}"}, "`merge` takes 1 value or more, not 0"),
        (Severity, {"rules": [RULE], "pattern": "a"}, "has no effect, because no text is named"),
        (CommentSource, {"lines": {"A": "B"}, "pattern": "a"}, "has no effect, because no text"),
        (CommentSource, {**BESIDE, "lookup": {"in": "a", "by": "b", "take": "c"}}, "has no effect, because no text"),
        (Condition, {"column": "A", "is": []}, "at least 1 item"),
        (Attachments, {"url": "A", "base": "https://acme.example/{name}"}, "has no effect without `name`"),
        (Attachments, {"name": "A", "base": "https://acme.example/{id}/{name}"}, "{id} would stay as it is"),
        (Unmatched, {"open": "Findings"}, "did you mean `finding`?"),
        (Unmatched, {"closed": "Ann Meyer"}, "a user id, which has no spaces"),
        (Unmatched, {"closed": ""}, "'' is neither nobody nor finding nor a user id"),
        (Input, {"name": "a", "key": "A", "encoding": "base64"}, "is not an encoding"),
        (Input, {"name": "a", "key": "A", "delimiter": "\n"}, "is not a delimiter"),
        (Text, {"column": "A", "pattern": "(a)", "to": r"\2"}, "`to` doesn't fit its pattern"),
        (Text, {"column": "A", "pattern": "("}, "not a regular expression"),
        (Text, {"column": "A", "pattern": "[[:alpha:]]"}, "not a regular expression: Possible nested set"),
        (Text, {"column": "A", "pattern": "a{99999999999}"}, "not a regular expression"),
        (Text, {"path": "a["}, "not a JMESPath expression"),
        (Title, {"value": " "}, "is empty, and an issue needs a title"),
        (Title, {"value": "x" * 201}, "has 201 characters, 200 allowed"),
        (Text, {"template": "{A"}, "an unmatched brace"),
        (Text, {"template": "{}"}, "an unmatched brace"),
        (Text, {"template": "{ }"}, "names nothing"),
        (Text, {"template": "{path:}"}, "names nothing"),
        (Text, {"template": "{path:a[}"}, "not a JMESPath expression"),
        (Condition, {"column": "A"}, "needs exactly one of is"),
        (Condition, {"column": "A", "is": "x", "filled": "true"}, "needs exactly one of is"),
        (Condition, {"column": "A", "before": "2024-02-30"}, "not a date like"),
        (Condition, {"column": "A", "filled": "yes"}, "valid boolean"),
        (Severity, {"column": "A", "values": {"/(/": "low"}}, "not a regular expression"),
        (Severity, {"value": "P1"}, "the constant 'P1' is not one of critical"),
        (Severity, {"column": "A", "values": {"P1": "low"}, "neutral": ["p1 ", "P9"]}, "'P9' is not in `values`"),
        (Severity, {"column": "A", "neutral": [""]}, "is the empty cell, and `missing` is not set"),
        (Status, {"value": "open"}, "the constant 'open' is not one of backlog"),
        (SourceText, {"value": "robot"}, "the constant 'robot' is not one of manual"),
        (Category, {"missing": "x" * 65}, "1 to 64 characters"),
        (Category, {"missing": "😀" * 33}, "1 to 64 characters"),
        (Category, {"missing": " "}, "1 to 64 characters"),
        (Category, {"value": "x" * 65}, "has 65 characters, 64 allowed"),
        (Category, {"value": "😀" * 33}, "has 66 characters, 64 allowed"),
        (Category, {"column": "A", "unknown": "B", "keep_unknown": "true"}, "can't be combined"),
        (Key, {"content": "false"}, "needs one of"),
        (Skip, {"name": "Old One", "when": {"column": "A", "filled": "true"}}, "pattern"),
        (Link, {"column": "A", "type": "email"}, "'call', 'sms_conversation' or 'file'"),
        (Input, {"name": "a:b", "key": "K"}, "pattern"),
        (Input, {"name": "a", "key": "K", "kind": "full"}, "'delta' or 'snapshot'"),
        (Input, {"name": "a", "key": "K", "encoding": "utf-99"}, "not an encoding that Python knows"),
        (Input, {"name": "a", "key": "K", "records": "a["}, "not a path of names"),
        (Input, {"name": "a", "key": "K", "records": "a..b"}, "not a path of names"),
        (Input, {"name": "a", "key": "K", "records": ""}, "not a path of names"),
        (Input, {"name": "a", "key": "K", "delimiter": ",,"}, "write one character"),
        (Input, {"name": "a", "key": "K", "dates": ["%Q"]}, "not a strptime date format"),
        (Input, {"name": "a", "key": "K", "dates": ["%H:%M"]}, "day, month and year"),
        (Input, {"name": "a", "key": "K", "dates": ["%d/%b"]}, "day, month and year"),
    ],
)
def test_what_makes_no_sense_is_refused(model: type[Strict], value: Any, message: str) -> None:
    """Each check names what is wrong."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    assert message in str(caught.value)


def test_flags_are_the_words_true_and_false() -> None:
    """A flag arrives as text; the two words of YAML 1.2 are taken, and nothing else."""
    assert Key.model_validate({"content": "true"}).content
    assert Key.model_validate({"content": "true", "column": "A"}).column == "A"
    assert Condition.model_validate({"column": "A", "filled": "false"}).filled is False


def test_a_source_is_a_snapshot_only_if_that_is_said() -> None:
    """What an export doesn't have has vanished only where the mapping says that each one holds everything."""
    assert not Input.model_validate({"name": "a", "key": "K"}).is_snapshot
    assert Input.model_validate({"name": "a", "key": "K", "kind": "snapshot"}).is_snapshot


def test_a_condition_stands_for_a_list_of_one() -> None:
    """`when` takes a condition or a list, `is` a text or a list."""
    skip = Skip.model_validate({"name": "old", "when": {"column": "A", "is": "x"}})
    assert skip.when == [Condition.model_validate({"column": "A", "is": ["x"]})]


def test_a_value_field_without_source_needs_another_way() -> None:
    """Rules or a default are enough; a value map alone reads nothing."""
    rule = {"when": {"column": "A", "filled": "true"}, "then": "low"}
    assert Severity.model_validate({"rules": [rule]}).refs == ()
    assert Severity.model_validate({"missing": "low"}).missing == "low"
    with pytest.raises(ValidationError, match="needs one of"):
        Severity.model_validate({"values": {"A": "low"}})


def test_undecided_values_are_compared_folded() -> None:
    """Case and outer white space of a neutral value don't count."""
    spec = Severity.model_validate(
        {"column": "A", "values": {"p3": "low", "/^q/": "low"}, "missing": "low", "neutral": [" P3 ", "", "Q7"]}
    )
    assert spec.undecided == {fold("p3"), "", "q7"}


def test_a_title_is_rejected_when_too_long_unless_said_otherwise() -> None:
    """Nothing is cut in silence."""
    assert LongText.model_validate("A").too_long == "reject"


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
