"""Types of the mapping's scalars: texts with a check, and the JSON Schema that editors see for them.

Each check raises ValueError with a sentence that quotes the value.
"""

from __future__ import annotations

import re
import warnings
from datetime import UTC, date, datetime
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, ValidationInfo, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from importer.api import CATEGORY_LIMIT, count_units
from importer.mapping.json_paths import COPIES_LIMIT, count_copies, find_wrong_call
from importer.mapping.patterns import compile_pattern
from importer.phrases import clip

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(path:)?([^{}]+)\}")
"""In a template: an escaped brace, or a placeholder with a column's name or with `path:` and a JMESPath expression."""


OF_PRESET = {"of": "preset"}
"""The context in which a preset is validated: a test checks its patterns, paths and formats, which take 10 ms."""

SHOWN = 80
"""Characters of an expression or pattern that an error quotes."""


def _expression(value: str, info: ValidationInfo) -> str:
    if info.context == OF_PRESET:
        return value
    shown = clip(value, SHOWN)
    try:
        parsed = jmespath.compile(value).parsed
        copies, wrong = count_copies(parsed), find_wrong_call(parsed) if "(" in value else ""
    except RecursionError:
        raise ValueError(f"{shown!r} is nested too deeply") from None
    except JMESPathError as error:
        reason = str(error).partition("\n")[0].removeprefix("Invalid jmespath expression: ").rstrip(":")
        raise ValueError(f"{shown!r} is not a JMESPath expression: {reason[: 3 * SHOWN]}") from error
    if wrong:
        raise ValueError(f"{shown!r} can't be applied: {wrong}")
    if copies > COPIES_LIMIT:
        raise ValueError(f"{shown!r} makes {copies:,} copies of a value, more than {COPIES_LIMIT:,}")
    return value


def check_pattern(value: str, flags: int = 0) -> str:
    """Return the pattern, if it is a valid regular expression: one of `re`, whichever library searches for it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # `[[:alpha:]]` compiles, and means something else
            re.compile(value, flags)
        compile_pattern(value, flags)
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        raise ValueError(f"{clip(value, SHOWN)!r} is not a regular expression: {error}") from error
    return value


def _pattern(value: str, info: ValidationInfo) -> str:
    if not value:
        raise ValueError("is empty; write what to look for")
    return value if info.context == OF_PRESET else check_pattern(value)


def _template(value: str, info: ValidationInfo) -> str:
    for match in PLACEHOLDER.finditer(value):
        if match[1]:
            _expression(match[2], info)
        elif match[2] is not None and (not match[2].strip() or match[2].startswith("path:")):
            raise ValueError(f"the placeholder {match[0]} names nothing; write {{Column}} or {{path:expression}}")
    if re.search(r"[{}]", PLACEHOLDER.sub("", value)):
        raise ValueError("has an unmatched brace; write `{{` and `}}` for braces in the text")
    return value


def _day(value: str) -> str:
    try:
        date.fromisoformat(value if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else "")
    except ValueError as error:
        raise ValueError(f"{value!r} is not a date like 2024-01-31") from error
    return value


def _date_format(value: str, info: ValidationInfo) -> str:
    if info.context == OF_PRESET:
        return value
    sample = datetime(2023, 11, 25, tzinfo=UTC)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a format without year, refused below
            parsed = datetime.strptime(sample.strftime(value), value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a strptime date format, like %d/%b/%y %I:%M %p") from error
    if parsed.date() != sample.date():
        raise ValueError(f"{value!r} doesn't say day, month and year")
    return value


def _encoding(value: str) -> str:
    try:
        "a".encode(value)  # which `base64` and others that aren't of texts refuse
    except (LookupError, ValueError) as error:
        message = f"{value!r} is not an encoding that Python knows, like cp1252 or shift_jis"
        raise ValueError(message) from error
    return value


def _delimiter(value: str) -> str:
    if value != "tab" and (len(value) != 1 or value in '"\r\n'):
        raise ValueError(f"{value!r} is not a delimiter; write one character, or `tab`")
    return value


def _records(value: str) -> str:
    if not all(part == "*" or re.fullmatch(r"(?=.*\S)[^\[\]*|]+", part) for part in value.split(".")):
        raise ValueError(f"{value!r} is not a path of names with dots between them, like data.items")
    return value


def _label(value: str) -> str:
    if not value.strip() or re.search(r"[:\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", value):
        raise ValueError("is not a label: a label is one line of text without a colon")
    return value


def _category(value: str) -> str:
    if not value.strip() or count_units(value) > CATEGORY_LIMIT:
        raise ValueError(f"a category has 1 to {CATEGORY_LIMIT} characters")
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, value)
    return value


def _number(value: Any) -> Any:
    if isinstance(value, str):
        if not value.isdecimal():
            raise ValueError(f"{value!r} is not a whole number")
        return int(value)
    return value


def as_list(value: Any) -> Any:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


class OneOrMany:
    """Marks a list that may be written as a single item."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        return {"anyOf": [schema["items"], schema]}


# An editor reads `1` and `true` as other types than text; the loader takes all of them as they are written.
Scalar = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
Flag = Annotated[bool, BeforeValidator(_flag), Field(strict=True)]
Number = Annotated[int, BeforeValidator(_number), Field(ge=0)]
Path = Annotated[str, AfterValidator(_expression)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Template = Annotated[str, AfterValidator(_template)]
Encoding = Annotated[str, AfterValidator(_encoding)]
Delimiter = Annotated[str, AfterValidator(_delimiter)]
RecordsPath = Annotated[str, AfterValidator(_records)]
Label = Annotated[str, AfterValidator(_label)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
CategoryName = Annotated[
    str, AfterValidator(_category), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": CATEGORY_LIMIT})
]
Day = Annotated[str, AfterValidator(_day)]
Scalars = Annotated[list[Scalar], BeforeValidator(as_list), OneOrMany()]
