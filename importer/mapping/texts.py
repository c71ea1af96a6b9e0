"""The mapping's model of texts, which say where in a row a text comes from, and of conditions on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from importer.api import TITLE_LIMIT, count_units
from importer.mapping.introspect import fields_with_models
from importer.mapping.scalars import (
    PLACEHOLDER,
    Day,
    Flag,
    OneOrMany,
    Path,
    Pattern,
    RecordsPath,
    Scalar,
    Scalars,
    Template,
    as_list,
)
from importer.records import Ref

TextFormat = Literal["markdown", "html", "jira", "textile", "adf", "escaped", "time"]
"""Markup that a text can be converted from; `jira` is Jira's wiki markup, `adf` the tree of the Cloud's API.

Of `markdown` only the HTML comments are left out. `time` is a Unix time, which becomes a date.
"""
AsText = Literal["markdown", "text"]
WhenAbsent = Literal["keep", "empty"]
"""What a value is whose column or key a source has no more: as it was, or empty."""

TEXT_SOURCES = ("column", "path", "first", "template", "value")
"""Keys of which a text has exactly one; an override with one of them drops the others (see `merge`)."""


def sources_message(named: list[str]) -> str:
    """The message for a text that names several sources."""
    return f"has {' and '.join(named)}; a text has one of {', '.join(TEXT_SOURCES)}"


KeyPath = tuple[str | int, ...]
"""Keys and item numbers from the top of a mapping to a value."""


def error_at(path: KeyPath, message: str, hint: str) -> PydanticCustomError:
    """A validation error at a key below the model that is being validated."""
    return PydanticCustomError("error_at", "{message}", {"path": path, "message": message, "hint": hint})


def allow_short(
    core_schema: CoreSchema, handler: GetJsonSchemaHandler, *forms: Mapping[str, object]
) -> JsonSchemaValue:
    """The JSON schema of a model that has short forms beside its group of keys."""
    reference = handler(core_schema)
    definition = handler.resolve_ref_schema(reference)
    spelled_out = dict(definition)
    definition.clear()
    definition["anyOf"] = [spelled_out, *forms]
    return reference


class Strict(BaseModel):
    """A node of the mapping: unknown keys are refused. Built when it is used: most are used as parts of another one."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Lookup(Strict):
    """A table that stands beside the records in the same JSON document: Trello's lists."""

    in_: RecordsPath = Field(alias="in", description="Where the table is: the dotted path of an array of objects.")
    by: Scalar = Field(description="The key of its objects that the text is compared with.")
    take: Scalar = Field(description="The key of the object found that the text becomes.")


class Text(Strict):
    """Where a text comes from: exactly one of `column`, `path`, `first`, `template`, `value`.

    Written short: `Summary` is `{column: Summary}`, `[Summary, Title]` is `{first: [Summary, Title]}`.
    """

    column: Scalar | None = Field(None, description="A column by its header; in JSON a top-level key. Case counts.")
    path: Path | None = Field(None, description="A JMESPath expression into a JSON record.")
    first: list[Text] | None = Field(None, min_length=1, description="The first of these that is filled.")
    template: Template | None = Field(
        None, description="Text with `{Column}` and `{path:expression}` in it; `{{` is a brace."
    )
    value: Scalar | None = Field(None, description="A constant.")
    pattern: Pattern | None = Field(
        None,
        description="A regular expression searched in the text, or in each cell of a column that repeats.",
    )
    to: Scalar | None = Field(
        None, description=r"What the match becomes, `\1` being its first group; the whole match by default."
    )
    lookup: Lookup | None = Field(
        None, description="Looks the text up in a table beside the records; one that isn't there becomes empty."
    )

    format: TextFormat | None = Field(None, description="The markup that it is in; without it nothing is converted.")
    as_: AsText = Field("markdown", alias="as", description="What a text with a `format` becomes.")
    absent: WhenAbsent | None = Field(
        None, description="What it is where the source has none of its columns any more, see the mapping's `absent`."
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow the short forms: a column's name, or a list of texts."""
        return allow_short(
            core_schema,
            handler,
            {"type": "string", "description": "A column by its header."},
            {"type": "array", "minItems": 1, "description": "Columns or texts: the first that is filled."},
        )

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"column": value}
        if isinstance(value, list):
            return {"first": value}
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        named = self._sources()
        if len(named) > 1:
            raise ValueError(sources_message(named))
        if not named and not self._may_be_empty():
            raise PydanticCustomError("missing_source", "needs one of {names}", {"names": ", ".join(TEXT_SOURCES)})
        return self

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        idle = [name for name in ("pattern", "to", "lookup") if getattr(self, name) is not None]
        if idle and not self._sources():
            hint = f"also name a text, with one of {', '.join(TEXT_SOURCES)}, or delete it"
            raise error_at((idle[0],), "has no effect, because no text is named", hint)
        if "as_" in self.model_fields_set and self.format is None:
            raise error_at(("as",), "has no effect without `format`", "name the markup under `format`, or delete this")
        return self

    @model_validator(mode="after")
    def _replacement(self) -> Self:
        if self.to is None:
            return self
        if self.pattern is None:
            raise ValueError("`to` needs `pattern`")
        try:
            re.sub(self.pattern, self.to, "")  # groups are checked even where nothing matches
        except (re.error, IndexError) as error:
            raise ValueError(f"`to` doesn't fit its pattern: {error}") from error
        return self

    def _sources(self) -> list[str]:
        return [name for name in TEXT_SOURCES if getattr(self, name) is not None]

    def _may_be_empty(self) -> bool:
        return False

    def _check_constant_length(self, limit: int) -> None:
        """Raise an error if it is a constant with more characters than Triage takes, so that no row could be sent."""
        length = count_units((self.value or "").strip())
        if length > limit and self.is_unchanged:
            raise error_at(("value",), f"has {length:,} characters, {limit:,} allowed", "write a shorter text")

    @cached_property
    def refs(self) -> tuple[Ref, ...]:
        """Every column and path that this text reads, in order."""
        return tuple(dict.fromkeys(self._refs()))

    @property
    def is_plain(self) -> bool:
        """Whether it is the text of a column or path as it is."""
        return (self.column is not None or self.path is not None) and self.is_unchanged

    @property
    def is_unchanged(self) -> bool:
        """Whether it stays as it was read: no pattern, table or markup makes another text of it."""
        return self.pattern is None and self.lookup is None and self.format is None

    def may_be_in(self, present: Set[Ref]) -> bool:
        """Whether it isn't just the text of a column or path that a file doesn't have; `present` are those it has."""
        if self.column is not None:
            return Ref("column", self.column) in present
        return self.path is None or Ref("path", self.path) in present

    def choices_in(self, present: Set[Ref]) -> list[Text]:
        """Those of `first` that may be in a file: a preset names dozens of columns of which a file has one."""
        return [choice for choice in self.first or () if choice.may_be_in(present)]

    def _refs(self) -> Iterator[Ref]:
        if self.column is not None:
            yield Ref("column", self.column)
        if self.path is not None:
            yield Ref("path", self.path)
        for text in self.first or ():
            yield from text.refs
        for match in PLACEHOLDER.finditer(self.template or ""):
            if match[2] is not None:
                yield Ref("path" if match[1] else "column", match[2])


class LongText(Text):
    """A description."""

    too_long: Literal["reject", "shorten", "continue"] = Field(
        "reject",
        description="What happens to a text over Triage's limit: `continue` lets it go on in comments, nothing lost.",
    )


class Title(Text):
    """The title: an issue can't be without one."""

    too_long: Literal["reject", "shorten"] = Field("reject", description="What happens to a text over Triage's limit.")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if self.value is not None and not self.value.strip():
            raise error_at(("value",), "is empty, and an issue needs a title", "write a text, or name a column")
        if self.too_long == "reject":
            self._check_constant_length(TITLE_LIMIT)
        return self


class Condition(Text):
    """A text and one test of it. A column that repeats fulfils the condition if one of its cells does."""

    is_: Scalars | None = Field(
        None,
        alias="is",
        min_length=1,
        description="One of these; upper and lower case, spaces and invisible characters don't count.",
    )
    matches: Pattern | None = Field(None, description="A regular expression that is found in it.")
    filled: Flag | None = Field(None, description="`true`: it is filled; `false`: it is empty.")
    before: Day | None = Field(None, description="A date, YYYY-MM-DD: the text is an earlier date.")
    after: Day | None = Field(None, description="A date, YYYY-MM-DD: the text is that date or a later one.")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [name for name in ("is_", "matches", "filled", "before", "after") if getattr(self, name) is not None]
        if len(tests) != 1:
            raise ValueError("needs exactly one of is, matches, filled, before, after")
        return self


Conditions = Annotated[list[Condition], BeforeValidator(as_list), OneOrMany(), Field(min_length=1)]


def walk_texts(node: Any, path: KeyPath = (), *, choices: bool) -> Iterator[tuple[KeyPath, Text]]:
    """Every text of a mapping, or of a part of it, with its path. With `choices`, the texts under `first` too."""
    if isinstance(node, Text):
        yield path, node
    parts: Iterable[tuple[str | int, Any]] = ()
    if isinstance(node, list):
        parts = enumerate(node)
    elif isinstance(node, dict):
        parts = node.items()
    elif isinstance(node, BaseModel):
        fields, names = type(node).model_fields, fields_with_models(type(node))
        parts = ((fields[name].alias or name, getattr(node, name)) for name in names if choices or name != "first")
    for part, child in parts:
        if isinstance(child, BaseModel) or (child and isinstance(child, list | dict)):
            yield from walk_texts(child, (*path, part), choices=choices)
