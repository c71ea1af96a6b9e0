"""The columns of a source, each with its use and its contents on one line of comment."""

from __future__ import annotations

from importer.authoring.draft.profile import Column, Profile
from importer.authoring.draft.values import clip_line
from importer.mapping.yaml_tree import quote
from importer.phrases import counted

SAMPLES_SHOWN = 3
SAMPLE_LENGTH = 40
COLUMN_LINES = 400
COLUMN_LENGTH = 120


def column_lines(profile: Profile, uses: dict[int, str]) -> list[str]:
    """Return comment lines, one for each column: its use and its contents."""
    lines = ["# The columns, with what is in them:"]
    for column in profile.columns[:COLUMN_LINES]:
        use = uses.get(column.number, "not used")
        lines.append(f"{column_line(column)}: {use}. {describe(column, profile.rows)}")
    more = len(profile.columns) - COLUMN_LINES
    if more > 0 or profile.left:
        lines.append(f"# … and {counted(max(more, 0) + profile.left, 'more column')}")
    return lines


def column_line(column: Column) -> str:
    """Return the beginning of the comment line of a column."""
    return f"#   {quote(clip_line(column.place.name, COLUMN_LENGTH))}"


def describe(column: Column, rows: int) -> str:
    """Return the contents of a column on one line: `98 % filled, 12 values; "Open", "Done"`."""
    if not column.filled:
        return "Empty"
    share = "filled" if column.filled >= rows else f"{max(1, int(100 * column.filled / rows))} % filled"
    many = f"over {column.distinct:,} values" if column.is_free and not column.is_unique else None
    texts = "all different" if column.is_unique and column.filled > 1 else many or counted(column.distinct, "value")
    form = column.date_format()
    kind = "dates" if form == "" else f"dates like {form}" if form else "numbers" if column.is_number else ""
    kind = "links" if column.is_link else "lists" if column.is_list else kind
    length = f"up to {counted(column.longest, 'character')}" if column.longest > SAMPLE_LENGTH else ""
    samples = [quote(clip_line(text, SAMPLE_LENGTH)) for text in list(column.samples)[:SAMPLES_SHOWN]]
    said = ", ".join(filter(None, (share, kind, texts, length)))
    return f"{said[:1].upper()}{said[1:]}; {', '.join(samples)}"
