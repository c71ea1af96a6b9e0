"""Rows with the keys of other issues: they are another project's of the same tracker, or of quite another list."""

from __future__ import annotations

from collections.abc import Iterable

from importer.mapping.model import MappingModel
from importer.mapping.yaml_tree import as_placeholder
from importer.records import Ref, names_project


def are_of_projects(native_keys: Iterable[str]) -> bool:
    """Whether keys name their projects, so that two issues with one key are of two sites."""
    return any(map(names_project, native_keys))


def line_of_project(model: MappingModel, names: Iterable[str]) -> str:
    """Return the mapping's line by which a key that is only a number names its project, too."""
    there = set(names)
    refs = [*model.input.key.refs, *(model.input.local_key.refs if model.input.local_key else ())]
    own = next((ref for ref in refs if ref.name in there), refs[0] if refs else Ref("column", "ID"))
    return f"`input: {{key: {{template: 'PROJECT-{as_placeholder(own)}'}}}}`"
