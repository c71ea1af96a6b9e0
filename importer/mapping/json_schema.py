"""The mapping's JSON Schema, for editors."""

from __future__ import annotations

from typing import Any

from importer.mapping.model import MappingModel

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
