"""The mapping's model of all that follows an issue: comments, relations, references, flags, people."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from importer.api import NOTE_LIMIT, RelationType
from importer.mapping.identities import FINDING, NOBODY
from importer.mapping.scalars import Flag as Yes
from importer.mapping.scalars import Label, Number, Path, Pattern, RecordsPath, Scalar
from importer.mapping.texts import Conditions, Strict, Text, error_at

COMMENT_PARTS = ("author", "date", "text", "private", "id")
"""The named groups of a comment's `parse`."""

Bundling = Literal["separate", "fold", "drop"]


def _comment_pattern(value: str) -> str:
    groups = re.compile(value).groupindex
    strange = sorted(set(groups).difference(COMMENT_PARTS))
    if strange or "text" not in groups:
        named = f"has the unknown group {strange[0]!r}" if strange else "has no group `text`"
        raise ValueError(f"{named}; its groups are (?P<text>…)and, if you like, author, date, private, id")
    return value


def _mention_pattern(value: str) -> str:
    if not re.compile(value).groups:
        raise ValueError(r"has no group around the account: `\[~accountid:([^\]]+)\]`")
    return value


class Each(Strict):
    """Where a JSON object has the parts of a comment: JMESPath expressions into the object."""

    text: Path = Field(description="What it says.")
    author: Path | None = Field(None, description="Who wrote it.")
    date: Path | None = Field(None, description="When it was written.")
    private: Path | None = Field(None, description="True if it is private.")
    id: Path | None = Field(None, description="The source's own id of the comment.")


class Beside(Strict):
    """An array beside the records in the same JSON document, or the objects of `--comments FILE`."""

    in_: RecordsPath | None = Field(
        None, alias="in", description="The dotted path of the array; without it the rows of `--comments FILE`."
    )
    by: Path = Field(description="A JMESPath expression: the record that an object belongs to.")
    key: Text = Field(description="The record's text that it is compared with.")
    when: Path | None = Field(None, description="A JMESPath expression that is true of objects that are comments.")
    items: Path | None = Field(
        None, description="A JMESPath expression: the list of comments, if an object has several."
    )


class CommentSource(Text):
    """Where comments are: every filled cell of a column that repeats, an array of a JSON record, or `beside`."""

    parse: Annotated[Pattern, AfterValidator(_comment_pattern)] | None = Field(
        None,
        description="A regular expression whose groups `text`, `author`, `date`, `private`, `id` are the parts of a "
        "comment. Each match in a cell is a comment; a cell without a match is a single one.",
    )
    each: Each | None = Field(None, description="The parts of a comment that is a JSON object.")
    beside: Beside | None = Field(
        None, description="Comments that are stored apart from the records, instead of in a column."
    )
    lines: dict[Label, Text] | None = Field(
        None, min_length=1, description="Label → text, instead of a column: a comment with a line for each filled text."
    )

    def _may_be_empty(self) -> bool:
        return self.beside is not None or self.lines is not None

    @model_validator(mode="after")
    def _one_reading(self) -> Self:
        if self.parse is not None and self.each is not None:
            raise ValueError("has `parse` and `each`; use `parse` for cells of text, `each` for JSON")
        if self.beside is not None and (self._sources() or self.each is None):
            raise ValueError("`beside` needs `each`, and replaces a column or path: use one of them")
        if self.lines is not None and (self._sources() or self.each or self.parse or self.beside):
            raise ValueError("`lines` replaces a column or path: use one of them")
        return self


class Comments(Strict):
    """The discussion of an issue."""

    from_: list[CommentSource] = Field(
        [], alias="from", description="Where the comments are; all of these are read, and columns that `rest` adds."
    )
    open: Bundling = Field(
        "separate",
        description="For issues that are not done or closed: `separate` sends each comment by itself, `fold` joins "
        "them in order into as few as possible.",
    )
    closed: Bundling = Field("fold", description="The same for issues that are done or closed.")
    private: Literal["?", "keep", "drop"] = Field(
        "?",
        description="Private comments; kept ones are marked. `?`: their rows are rejected until you decide.",
    )


NAME_HERE = "{name}"
"""Where the file's name stands in the address of a copy."""


class Attachments(Strict):
    """Files of the source's issues, which stand in the footer: the API takes none."""

    name: Text | None = Field(None, description="The file's name; each cell of a column that repeats is one.")
    url: Text | None = Field(None, description="Its address, in the same order.")
    base: Scalar | None = Field(
        None, description="The address of your copy of it: `https://files.acme.example/{name}`, in place of `url`."
    )
    texts: list[Pattern] = Field(
        default_factory=list,
        description="Regular expressions: what they find in descriptions and comments is the address of a file.",
    )
    site: Text | None = Field(None, description="Put before such an address if it begins with a slash.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.name is None and self.url is None and not self.texts:
            raise ValueError("needs `name`, `url` or `texts`")
        if self.base is not None and NAME_HERE not in self.base:
            raise ValueError(f"`base` has no {NAME_HERE}, where the file's name goes")
        if self.base is not None and (other := re.search(r"\{[^{}]*\}", self.base.replace(NAME_HERE, ""))):
            raise error_at(("base",), f"{other[0]} would stay as it is", f"only {NAME_HERE} is filled in")
        if self.base is not None and self.name is None:
            hint = f"set `name` to the file's name, which replaces {NAME_HERE}"
            raise error_at(("base",), "has no effect without `name`", hint)
        return self


class Restricted(Strict):
    """Issues that not everybody may read in the source; Triage has no such thing."""

    level: Text = Field(description="Filled if not everybody may read the issue: who may, or what restricts it.")
    issues: Literal["?", "send", "skip"] = Field(
        "?", description="What to do with them. `?`: their rows are rejected until you decide."
    )


class Counter(Text):
    """A number that the source has of each issue."""

    less: Number = Field(0, description="How many to subtract, such as a description that is counted as a comment.")


class Counted(Strict):
    """What the source counts of an issue, whether the file has it or not."""

    comments: Counter | None = Field(None, description="How many comments it has.")
    attachments: Counter | None = Field(None, description="How many attachments it has.")


class Relation(Text):
    """Another issue that this one has to do with: each filled cell names it by its native key."""

    type: RelationType = Field(description="This issue's relation to the other one.")
    inverse: Yes = Field(False, description="`true`: the other issue has this relation to this one.")
    by: Text | None = Field(
        None, description="The text by which the other issue is named, if not by its key: `Issue id`."
    )
    split: str | None = Field(None, min_length=1, description="What separates several keys in one cell.")
    find: Pattern | None = Field(
        None, description="A regular expression: each match in a cell, or its group 1, is a key."
    )
    pairs: Yes = Field(False, description="`true`: the cells name both issues; the row's own key is ignored.")


class Reference(Strict):
    """How texts name other issues of the source: `PROJ-123`, `#45`, a URL."""

    pattern: Pattern = Field(description="A regular expression.")
    key: Scalar = Field(r"\g<0>", description=r"The native key of what it names, `\1` being its first group.")
    within: Pattern | None = Field(
        None,
        description="A regular expression: what it finds in the issue's own key is put before `key`, so that `#45` is "
        "one of the same project.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        try:
            re.sub(self.pattern, self.key, "")
        except (re.error, IndexError) as error:
            raise ValueError(f"`key` doesn't fit its pattern: {error}") from error
        return self


class FlagParts(Strict):
    """Where a JSON object has the parts of a flag: JMESPath expressions into the object."""

    call: Path = Field(description="The call's id.")
    type: Path = Field(description="What is flagged.")
    note: Path | None = Field(None, description="The note.")
    message_index: Path | None = Field(None, description="The turn of the call.")


class FlagSource(Text):
    """A JSON array of flags."""

    each: FlagParts = Field(description="The parts of a flag.")


class FlagRule(Strict):
    """A flag on a call that is attached to the issue. Source: post/triage-issues-id-flags."""

    from_: FlagSource | None = Field(
        None, alias="from", description="A JSON array of flags, in place of `call`, `type`, `note`, `message_index`."
    )
    call: Text | None = Field(None, description="The call's id; a row without one has no flag.")
    type: Text | None = Field(None, description="What is flagged: Triage makes lower_snake_case of it.")
    note: Text | None = Field(None, description=f"Up to {NOTE_LIMIT:,} characters.")
    message_index: Text | None = Field(None, description="The turn of the call, counted from `first_turn`.")
    first_turn: Literal["0", "1"] = Field("0", description="The number of the first turn in the source.")
    when: Conditions | None = Field(None, description="Conditions that must all hold.")

    @model_validator(mode="after")
    def _one_reading(self) -> Self:
        texts = [name for name in ("call", "type", "note", "message_index") if getattr(self, name) is not None]
        if self.from_ is not None and texts:
            raise ValueError(f"has `from` and `{texts[0]}`; a flag is read either from an array or from texts")
        if self.from_ is None and (self.call is None or self.type is None):
            raise ValueError("needs `call` and `type`, or `from`")
        return self


class Person(Strict):
    """Who it is, as the source says it: at least one of the three."""

    name: Text | None = Field(None, description="The name.")
    account: Text | None = Field(None, description="The source's id of the account.")
    mail: Text | None = Field(None, description="The mail address.")

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.name is None and self.account is None and self.mail is None:
            raise ValueError("needs a name, an account or an email address")
        return self

    @property
    def texts(self) -> list[Text]:
        """Those of the three that the mapping names."""
        return [text for text in (self.name, self.account, self.mail) if text is not None]


def _nobody_or_user(value: str) -> str:
    settings = (NOBODY, FINDING)
    if value in settings:
        return value
    near = get_close_matches(value.strip().casefold(), settings, n=1, cutoff=0.75)
    if near:  # else it would be sent as the id of a user
        raise ValueError(f"{value!r} is not a user id; did you mean `{near[0]}`?")
    if not value or any(map(str.isspace, value)):
        raise ValueError(f"{value!r} is neither {NOBODY} nor {FINDING} nor a user id, which has no spaces")
    return value


NobodyOrUser = Annotated[Scalar, AfterValidator(_nobody_or_user)]


class Unmatched(Strict):
    """What becomes of an owner or assignee without a `triage_user_id` in users.csv."""

    open: NobodyOrUser = Field("nobody", description="`nobody`, `finding` (the row is rejected) or a Triage user id.")
    closed: NobodyOrUser = Field("nobody", description="The same for issues that are done or closed.")


class People(Strict):
    """What the file itself says of people, and what becomes of those that nobody has named."""

    known: list[Person] = Field([], description="Columns that name a person in addition to the account.")
    mentions: Annotated[Pattern, AfterValidator(_mention_pattern)] | None = Field(
        None, description=r"How texts name an account, in its group 1: `\[~accountid:([^\]]+)\]` becomes `@Name`."
    )
    show: Literal["name", "pseudonym", "none"] = Field(
        "name", description="How people appear in what is sent and in reports; all but `name` need users.csv."
    )
    mails: Literal["keep", "mask"] = Field("keep", description="Mail addresses in texts.")
    phones: Literal["keep", "mask"] = Field("keep", description="Phone numbers in texts.")
    unmatched: Unmatched = Field(
        default_factory=Unmatched.model_construct, description="Owners and assignees that users.csv doesn't match."
    )

    @property
    def hides(self) -> bool:
        """Whether names, mail addresses or phone numbers are not to be seen."""
        return self.show != "name" or "mask" in (self.mails, self.phones)
