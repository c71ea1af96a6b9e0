"""The mapping's model: what a YAML mapping may say. Scalars arrive as text, as they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, ValidationInfo, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from importer.api import (
    CATEGORY_LIMIT,
    DESCRIPTION_LIMIT,
    FIELDS,
    PERSON_FIELDS,
    SEVERITIES,
    SOURCES,
    STATUSES,
    TITLE_LIMIT,
    ResourceType,
    SeverityName,
    StatusName,
)
from importer.mapping.issue_parts import (
    Attachments,
    Comments,
    Counted,
    FlagRule,
    People,
    Person,
    Reference,
    Relation,
    Restricted,
)
from importer.mapping.patterns import is_pattern
from importer.mapping.recurrence import Recurring
from importer.mapping.scalars import (
    OF_PRESET,
    CategoryName,
    DateFormat,
    Delimiter,
    Encoding,
    Flag,
    Label,
    Number,
    Pattern,
    RecordsPath,
    Scalar,
    Scalars,
    check_pattern,
)
from importer.mapping.scorecards import NAME, Answer, Each
from importer.mapping.texts import Conditions, LongText, Strict, Text, Title, WhenAbsent, allow_short, error_at
from importer.mapping.vocabulary import known_languages
from importer.phrases import plain_name
from importer.records import Format


def fold(value: str) -> str:
    """Normalise a value for comparison: as it looks, in one case."""
    return plain_name(value).casefold()


def identity_of(name: str) -> str:
    """What two spellings of one source value have in common."""
    return name if is_pattern(name) else fold(name)


def exact_key(value: str) -> str:
    """The key of a value map that matches just this value, even one that looks like a pattern between slashes."""
    bare = value.strip()
    return rf"/(?s)\A{re.escape(bare)}\Z/" if is_pattern(bare) else value


class Shape(Strict):
    """One form of a tracker's export, by the columns that it has. A name is a header's cell or a JSON record's key.

    A key within an object is dotted: `fields.summary`. Of a list of names one is expected.
    """

    name: str = Field(min_length=1, description="What the form is called: `CSV`, `REST JSON`.")
    needs: list[Scalars] = Field(min_length=1, description="Names that it always has, and together no other form.")
    columns: list[Scalars] = Field([], description="Names that it usually has: at least half.")
    records: RecordsPath | None = Field(
        None, description="Where in a JSON object its records are, if it has other arrays too."
    )
    only: Flag = Field(False, description="`true`: it has no other columns.")
    last: Flag = Field(
        False, description="`true`: it counts only where no other form fits, and the mapping reads half of the columns."
    )


class Expected(Strict):
    """What a row of an example becomes; what isn't named isn't compared."""

    key: str | None = Field(None, description="The native key.")
    title: str | None = Field(None, description="The title.")
    description: str | None = Field(None, description="The description without its footer.")
    severity: SeverityName | None = Field(None, description="The severity.")
    status: StatusName | None = Field(None, description="The status.")
    category: str | None = Field(None, description="The category.")
    skip: str | None = Field(None, description="The name of the rule that leaves the row out.")
    code: str | None = Field(None, description="A code that the row is found to have: `status-unknown`.")


class Example(Strict):
    """A row and what it must become; `triage-import mappings test` tries it."""

    given: dict[str, Any] = Field(description="The row: header → cell, or the keys of a JSON record.")
    expect: Expected = Field(description="What it becomes.")


RestPlace = Literal["footer", "comment", "drop"]
SeverityTarget = Literal[SeverityName, "?"]
StatusTarget = Literal[StatusName, "?"]
Target = TypeVar("Target")

UNDECIDED = "?"
"""The target that a draft leaves open: `run` refuses until somebody has replaced it."""

TARGETS = {field.name: field.names for field in FIELDS if field.kind == "value"}
"""Value field → the names that Triage has for it; none for the category, which is free text."""


def _source_value(value: str, info: ValidationInfo) -> str:
    if is_pattern(value) and info.context != OF_PRESET:
        check_pattern(value[1:-1], re.IGNORECASE)
    return value


def _check_words(names: list[str]) -> list[str]:
    for name in names:
        if name != "all" and name not in known_languages():
            raise ValueError(f"{name!r} is neither `all` nor one of {', '.join(sorted(known_languages()))}")
    return names


Words = Annotated[Scalars, AfterValidator(_check_words)]
SourceValue = Annotated[str, AfterValidator(_source_value)]


def _check_constant(value: str | None, names: tuple[str, ...]) -> None:
    if value is not None and value not in names:
        raise ValueError(f"the constant {value!r} is not one of {', '.join(names)}")


class Rule(Strict, Generic[Target]):
    """If all conditions hold, the field becomes `then`."""

    name: str | None = Field(None, min_length=1, description="Its name in the value flow; its conditions if unset.")
    when: Conditions = Field(description="A condition, or a list of them that must all hold.")
    then: Target = Field(description="What the field becomes.")


class Skip(Strict):
    """Rows that are left out, counted by `name`. Several with one name are counted together."""

    name: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        description="Lower-case words joined by hyphens, such as `old-release`; the row's code is `skip-NAME`.",
    )
    when: Conditions = Field(description="A condition, or a list of them that must all hold.")
    reject: Flag = Field(
        False, description="`true`: such rows are rejected, with the value, unless another rule skips them."
    )


_NEUTRAL_HINT = "a neutral value needs a target: add one, or delete this line"


class Value(Text, Generic[Target]):
    """A field with a fixed set of values: rules in order, then the value map, then what is missing or unknown."""

    rules: list[Rule[Target]] = Field(
        [], description="Rules, tried in order before `values`; the first that matches wins."
    )
    values: dict[SourceValue, Target] = Field(
        {},
        description="Source value → target value. Upper and lower case, spaces and invisible characters don't count; "
        "`/…/` is a regular expression, tried in order after the exact values. `?` is not decided yet: `run` refuses.",
    )
    words: Words = Field(
        [],
        description="What words mean is asked after `values`: of `all` languages, or of these, such as `de`.",
    )
    stage: Text | None = Field(
        None,
        description="The tracker's own class of it, looked up in `values`: it decides where these don't have the text, "
        "and over `words` that say another one.",
    )
    fallback: Text | None = Field(
        None, description="Read if neither `values` nor `words` know the text; it is then looked up in both."
    )
    missing: Target | None = Field(None, description="What an empty cell becomes; without it the row is rejected.")
    unknown: Target | None = Field(
        None, description="What a value outside `values` becomes, with a warning; without it the row is rejected."
    )
    neutral: list[Scalar] = Field(
        [],
        description="Source values that nobody has decided yet (`''` is the empty cell): each of their rows gets a "
        "warning. Delete a line once you have decided.",
    )

    @model_validator(mode="after")
    def _neutral_is_mapped(self) -> Self:
        if not self.neutral:
            return self
        exact = {fold(name) for name in self.values if not is_pattern(name)}
        patterns = [re.compile(name[1:-1], re.IGNORECASE) for name in self.values if is_pattern(name)]
        for index, value in enumerate(self.neutral):
            if not fold(value):
                if self.missing is None:
                    raise error_at(("neutral", index), "is the empty cell, and `missing` is not set", _NEUTRAL_HINT)
            elif fold(value) not in exact and not any(pattern.search(value.strip()) for pattern in patterns):
                raise error_at(("neutral", index), f"{value!r} is not in `values`", _NEUTRAL_HINT)
        return self

    def _may_be_empty(self) -> bool:
        return bool(self.rules) or self.missing is not None

    @property
    def beside(self) -> dict[str, Text]:
        """The texts that are read beside the first, by their keys, in the order in which they decide."""
        return {key: text for key in ("stage", "fallback") if (text := getattr(self, key)) is not None}

    @property
    def languages(self) -> frozenset[str]:
        """Those of `words`, none for all."""
        return frozenset(self.words) - {"all"}

    @cached_property
    def undecided(self) -> frozenset[str]:
        """The values under `neutral`, folded: nobody has decided their targets."""
        return frozenset(map(fold, self.neutral))


class Severity(Value[SeverityTarget]):
    """The severity: critical, high, medium or low."""

    @model_validator(mode="after")
    def _known_constant(self) -> Self:
        _check_constant(self.value, SEVERITIES)
        return self


class Status(Value[StatusTarget]):
    """The status: backlog, todo, in_progress, in_review, done or closed."""

    @model_validator(mode="after")
    def _known_constant(self) -> Self:
        _check_constant(self.value, STATUSES)
        return self


class Category(Value[CategoryName]):
    """The category: free text of 1 to 64 characters."""

    labels: Text | None = Field(
        None, description="Labels, separated by commas: `bug`, `type: feature`, `docs` and the like come first."
    )
    titles: Text | None = Field(
        None,
        description="The title: if nothing else gives a category, a word in it may mean one of Triage's own, such as "
        "`latency`, `transcript`.",
    )
    keep_unknown: Flag = Field(
        False, description="`true`: a value outside `values` is taken as it is written, without a warning."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check_constant_length(CATEGORY_LIMIT)
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.keep_unknown and self.unknown is not None:
            hint = "add `keep_unknown: false` if the extended mapping says `true`"
            raise error_at(("unknown",), "can't be combined with `keep_unknown: true`", hint)
        return self


class SourceText(Text):
    """How the issue came to be: its text is one of manual, automated, client."""

    @model_validator(mode="after")
    def _known_constant(self) -> Self:
        _check_constant(self.value, SOURCES)
        return self


class Link(Text):
    """Evidence: each filled cell is the id of a call, an SMS conversation or a file."""

    type: ResourceType = Field(description="What the ids identify.")
    split: str | None = Field(None, min_length=1, description="What separates several ids in one cell.")
    find: Pattern | None = Field(
        None, description="A regular expression: each match in a cell, or its group 1, is an id."
    )
    check: Pattern | None = Field(
        None, description="A regular expression that a whole id must match; what doesn't is not sent, with a warning."
    )


class Key(Text):
    """What identifies a record within its source."""

    content: Flag = Field(
        False, description="`true`: if there is no text, or it is empty, the row's content is its key."
    )

    def _may_be_empty(self) -> bool:
        return self.content


class FixedId(Text):
    """What identifies a record for good, whatever becomes of its key."""

    site: Text | None = Field(
        None, description="The site that gave the id: ids of two sites are never compared. By default the source."
    )


class Input(Strict):
    """What the source is and how its records are told apart."""

    name: str = Field(
        pattern=r"^[^\s:]([^:\n]*[^\s:])?$",
        description="The source's name, part of every key; `--source-name` replaces it. It can't contain a colon.",
    )
    key: Key = Field(description="The native key.")
    local_key: Text | None = Field(
        None, description="Used if `key` is empty; unique only within a project, so you have to name the source."
    )
    id: FixedId | None = Field(
        None,
        description="An id that an issue keeps when its key changes; it is never alone a reason to write.",
    )
    kind: Literal["delta", "snapshot"] | None = Field(
        None,
        description="`snapshot`: each export holds all records, so that a key that it no longer has is named as "
        "vanished. `delta`: it may hold none, or only what has changed. By default nobody knows.",
    )
    partial: Literal["expected"] | None = Field(
        None, description="`expected`: it is known that the files are some of the pages of what the source says it has."
    )
    format: Format | None = Field(None, description="Detected from the file's name and content if unset.")
    encoding: Encoding | None = Field(None, description="Needed unless it is UTF-8, or UTF-16 with a byte order mark.")
    delimiter: Delimiter | None = Field(None, description="One character, or `tab`. Detected if unset.")
    skip_lines: Number | None = Field(
        None,
        description="How many lines to skip above the table of a CSV file. Titles are detected if unset.",
    )
    records: RecordsPath | None = Field(
        None, description="The path of the array of records in a JSON object: `data.items`; `*` for each key."
    )
    dates: list[DateFormat] = Field([], description="strptime formats, besides ISO 8601 and Unix times.")

    @property
    def is_snapshot(self) -> bool:
        """Whether each export holds all records."""
        return self.kind == "snapshot"


class EvidenceTexts(Strict):
    """What else a row says about its status: read only to propose a target for a status that `values` lacks."""

    resolution: Text | None = Field(None, description="How the issue ended: Fixed, Won't Do, Duplicate.")
    closed: Text | None = Field(None, description="When the issue ended.")


class Duplicates(Strict):
    """Which row stays where a key comes again with other content, in this import or a later one."""

    newest: Text = Field(description="The one with the latest date in this text.")


def _duplicates_tag(value: Any) -> str:
    return "~rule" if isinstance(value, dict | Duplicates) else "~word"


class OfEachForm(Strict):
    """A word for tables and one for JSON; written short, the same for both."""

    words: ClassVar[Sequence[str]]

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow the short form."""
        return allow_short(core_schema, handler, {"enum": list(cls.words)})

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"csv": value, "json": value} if isinstance(value, str) else value


class Rest(OfEachForm):
    """Where columns go that nothing else in the mapping names: lines of the footer, of a comment, or nowhere.

    Written short, `footer` is `{csv: footer, json: footer}`.
    """

    words: ClassVar[Sequence[str]] = get_args(RestPlace)
    csv: RestPlace | None = Field(None, description="Columns of tables.")
    json_: RestPlace | None = Field(None, alias="json", description="Keys of JSON records: of the first ones.")


class Absent(OfEachForm):
    """What a value is whose column or key the source has no more: it stays in Triage (`keep`), or is `empty`.

    Written short, `empty` is `{csv: empty, json: empty}`.
    """

    words: ClassVar[Sequence[str]] = get_args(WhenAbsent)
    csv: WhenAbsent | None = Field(None, description="Columns of tables.")
    json_: WhenAbsent | None = Field(None, alias="json", description="Keys of JSON records.")


def key_of_holder(field: str) -> str:
    """The key of a mapping that names the person of a field of the API: `owner` of `owner_id`."""
    return field.removesuffix("_id")


class MappingModel(Strict):
    """How rows become issues. `extends` is resolved when the file is loaded."""

    about: str = Field("", description="One sentence on what this mapping reads.")
    input: Input = Field(description="The source's name, and the key of its records.")
    title: Title = Field(description=f"1 to {TITLE_LIMIT} characters on one line: line breaks and tabs become a space.")
    description: LongText | None = Field(
        None, description=f"Up to {DESCRIPTION_LIMIT:,} characters, the footer included."
    )
    severity: Severity = Field(description="critical, high, medium or low.")
    status: Status = Field(description="backlog, todo, in_progress, in_review, done or closed.")
    category: Category = Field(description=f"Free text of 1 to {CATEGORY_LIMIT} characters.")
    source: SourceText = Field(
        default_factory=lambda: SourceText.model_construct(value="client"), description="manual, automated or client."
    )
    owner_id: Text | None = Field(None, description="Triage's user id of the accountable person.")
    assignee_id: Text | None = Field(None, description="Triage's user id of the person who works on it.")
    owner: Person | None = Field(None, description="The accountable person, as the source names them.")
    assignee: Person | None = Field(None, description="The person who works on it, as the source names them.")
    people: People = Field(default_factory=People.model_construct, description="How the source names people.")
    created: Text | None = Field(None, description="When the issue was created; `--order oldest-first` sorts by it.")
    each: Each | None = Field(None, description="One record, several rows: the answers of a scorecard.")
    answer: Answer | None = Field(None, description="Which answers of a scorecard are findings; others are left out.")
    group: list[Text] = Field(
        [],
        description="Rows that follow each other with the same texts here are one issue; the texts are its native key.",
    )
    recurring: Recurring | None = Field(
        None, description="The group lives for many nights: its rows stand anywhere, and each is an occurrence."
    )
    resource_links: list[Link] = Field([], description="Calls, SMS conversations and files.")
    evidence_wait_days: Number = Field(
        7, description="How long later runs try again to attach what Triage doesn't know yet."
    )
    flags: list[FlagRule] = Field([], description="Flags on the calls that are attached.")
    comments: Comments | None = Field(None, description="Comments; without this key none are sent.")
    restricted: Restricted | None = Field(None, description="Issues that not everybody may read in the source.")
    attachments: Attachments | None = Field(None, description="Attachments, which are listed in the footer.")
    counted: Counted = Field(
        default_factory=Counted.model_construct, description="How many comments and attachments there are."
    )
    relations: list[Relation] = Field([], description="Other issues of the source.")
    references: list[Reference] = Field(
        [], description="How texts name other issues: the new number is added after the old one."
    )
    skip: list[Skip] = Field([], description="Rules for rows to skip; the first that matches counts.")
    footer: dict[Label, Text] = Field(
        {},
        description="Label → text: lines of the footer, below source and key. Empty ones are left out. "
        "A label is one line without a colon.",
    )
    duplicates: Annotated[
        Annotated[Literal["reject", "first"], Tag("~word")] | Annotated[Duplicates, Tag("~rule")],
        Discriminator(_duplicates_tag),
    ] = Field(
        "reject",
        description="A key that occurs again with other content: `reject` it, or keep the `first` or `{newest: …}`.",
    )
    evidence: EvidenceTexts = Field(
        EvidenceTexts(), description="Columns that help to propose a target for an unknown status."
    )
    drop: list[Scalar] = Field(
        [], description="Columns that may be lost; any other that goes nowhere fails `--strict`."
    )
    rest: Rest = Field(
        default_factory=Rest.model_construct, description="What to do with each column that nothing else here names."
    )
    absent: Absent = Field(
        default_factory=Absent.model_construct,
        description="Whether what a column or key gave an issue is empty once the source has it no more.",
    )
    norm: Literal["defuse", "keep"] = Field(
        "defuse", description="`keep`: `@norm` in a text may start Triage's agent, which is billed and can edit."
    )
    mentions: Literal["defuse", "keep"] = Field("defuse", description="`keep`: other `@names` in texts stay mentions.")
    secrets: Literal["warn", "mask", "refuse", "ignore"] = Field(
        "warn", description="Keys, tokens and card numbers in texts: a warning, masked, or the row is rejected."
    )
    decisions: str | None = Field(
        None,
        min_length=1,
        description="A table such as `values.csv`: its filled `decision` cells override `values`.",
    )
    recognise: list[Shape] = Field([], description="The forms of export that this mapping is for.")
    examples: list[Example] = Field([], description="Rows and what they must become. Not inherited by `extends`.")

    @model_validator(mode="after")
    def _recurs_in_groups(self) -> Self:
        if self.recurring is not None and not self.group:
            raise error_at(("recurring",), "needs `group`", "name the columns of an issue: `group: [agent, criterion]`")
        return self

    @model_validator(mode="after")
    def _names_inverted(self) -> Self:
        criterion = None if self.answer is None else self.answer.criterion
        if not self._has_names and criterion is not None and criterion.column == NAME:
            hint = "name the column of the criterion: `criterion: …`"
            raise error_at(("answer", "inverted"), f"needs `criterion`, as only columns of `each` make {NAME}", hint)
        return self

    @property
    def _has_names(self) -> bool:
        """Whether headers become the criteria of rows."""
        return self.each is not None and self.each.columns is not None

    def text_of(self, field: str) -> Text | None:
        """The text that gives a field of the API; None where the mapping lacks it."""
        text: Text | None = getattr(self, field)
        return text

    @property
    def holders(self) -> dict[str, Person | None]:
        """Each field of the API that holds a user → the person as the source names them."""
        return {field: getattr(self, key_of_holder(field)) for field in PERSON_FIELDS}

    @property
    def criterion(self) -> Text | None:
        """The text of what a row answers, None where nothing says that."""
        if self.answer is not None and self.answer.criterion is not None:
            return self.answer.criterion
        return Text.model_validate({"column": NAME}) if self._has_names else None

    @property
    def is_plain(self) -> bool:
        """Whether it reads tables of no tracker: a column that one lacks is no sign that it is misread."""
        return any(shape.last for shape in self.recognise)


DIALECT = "https://json-schema.org/draft/2020-12/schema"


def mapping_schema() -> dict[str, Any]:
    """The JSON Schema of a mapping file, short forms and `extends` included.

    No key is required where files are merged, since it may come from the mapping that a file extends; `mappings check`
    knows what is missing.
    """
    schema = MappingModel.model_json_schema()
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "A preset's name, or the path of a mapping, relative to this file.",
    }
    for part in (schema, schema["$defs"]["Input"]):
        part.pop("required", None)
    return {"$schema": DIALECT, **schema, "title": "Mapping of triage-import"}
