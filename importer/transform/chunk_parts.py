"""Issue parts: what the rows of a chunk say of their issues beside the create."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from importer.mapping.issue_parts import Bundling
from importer.mapping.model import Mapping as Model
from importer.records import Comment, Finding, IssueParts, Mention
from importer.transform.columns import Columns
from importer.transform.comments import Discussions, read_comments
from importer.transform.evidence import attach_flagged, read_evidence, read_flags
from importer.transform.groups import merge_sets
from importer.transform.prose import ColumnSanitizer, Prose
from importer.transform.references import References
from importer.transform.relations import FindKeys, read_relations
from importer.transform.row_keys import RowKeys


@dataclass(frozen=True)
class Found:
    """Row → the parts of its issue, rows without any absent; and the findings and discussions of the chunk."""

    parts: dict[int, IssueParts]
    findings: list[tuple[int, Finding]]
    discussions: Discussions = field(default_factory=Discussions)


@dataclass(frozen=True)
class PartsReader:
    """Reads what follows the issues of a source: evidence, flags, comments, relations, references.

    name_author  gives the name of the account that a comment has as its author
    """

    mapping: Model
    source_name: str
    references: References
    name_author: Callable[[str], str]
    find_keys: FindKeys

    def read(
        self, columns: Columns, keys: RowKeys, prose: Prose, bundlings: Sequence[Bundling], clean: ColumnSanitizer
    ) -> Found:
        """Read the parts of a chunk's issues. Of a group its first row has them.

        A flag's note that is too long is a comment also where the discussion is dropped.
        """
        mapping = self.mapping
        evidence, malformed = read_evidence(mapping.resource_links, columns)
        flagged = read_flags(mapping.flags, mapping.resource_links, columns, clean)
        evidence = attach_flagged(evidence, flagged.flags)
        relations, to_itself = read_relations(mapping.relations, columns, keys.full, self.source_name, self.find_keys)
        discussions = Discussions()
        if mapping.comments is not None:
            discussions = read_comments(mapping.comments, columns, columns.chunk.beside)
        discussed = {row: said for row, said in discussions.comments.items() if bundlings[row] != "drop"}
        comments = _merge(flagged.notes, discussed)
        if keys.groups is not None:
            evidence, relations = merge_sets(evidence, keys.groups), merge_sets(relations, keys.groups)
            comments = merge_sets(comments, keys.groups)
            flagged = flagged._replace(flags=merge_sets(flagged.flags, keys.groups))
        parts: dict[str, Mapping[int, Any]] = {
            "rest": prose.rests,
            "comments": _clean_comments(comments, clean, self.name_author),
            "evidence": evidence,
            "flags": flagged.flags,
            "relations": relations,
            "mentions": _find_mentions(self.references, prose.descriptions, keys.full) if mapping.references else {},
        }
        rows = sorted(set().union(*parts.values()))
        found = {
            row: IssueParts(**{name: tuple(has[row]) for name, has in parts.items() if row in has}) for row in rows
        }
        return Found(found, [*malformed, *flagged.findings, *to_itself, *discussions.findings], discussions)


def _find_mentions(
    references: References, descriptions: Sequence[str], keys: Sequence[str]
) -> dict[int, tuple[Mention, ...]]:
    """Row → the other issues that its description names."""
    found = (references.find(text, key) for text, key in zip(descriptions, keys, strict=True))
    return {row: mentions for row, mentions in enumerate(found) if mentions}


def _clean_comments(
    comments: Mapping[int, Sequence[Comment]], clean: ColumnSanitizer, name_author: Callable[[str], str]
) -> dict[int, list[Comment]]:
    """The comments with their texts, authors and dates sanitised."""
    rows = [row for row, said in comments.items() for _ in said]
    every = [comment for said in comments.values() for comment in said]
    texts = clean.column("comments", [comment.text for comment in every], rows)
    authors = clean.lines([name_author(comment.author) for comment in every])
    dates = clean.lines([comment.date for comment in every])
    cleaned: dict[int, list[Comment]] = {}
    for row, comment, author, date, text in zip(rows, every, authors, dates, texts, strict=True):
        cleaned.setdefault(row, []).append(comment._replace(author=author, date=date, text=text))
    return cleaned


def _merge(
    one: Mapping[int, tuple[Comment, ...]], other: Mapping[int, tuple[Comment, ...]]
) -> dict[int, tuple[Comment, ...]]:
    return {row: (*one.get(row, ()), *other.get(row, ())) for row in {**one, **other}}
