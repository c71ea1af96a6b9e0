"""Transform: a chunk of rows becomes records, whole columns at a time. Pure: no I/O, no clock."""

from importer.transform.issue import Records, Transform, encode_bodies, encode_cells, value_refs
from importer.transform.markers import find_marker, find_marker_line, record_marker, source_marker
from importer.transform.prose import DESCRIPTION_LIMIT
from importer.transform.texts import Columns, is_filled
from importer.transform.values import VALUE_FIELDS, Mapped, Step, ValueMap, value_maps

__all__ = [
    "DESCRIPTION_LIMIT",
    "VALUE_FIELDS",
    "Columns",
    "Mapped",
    "Records",
    "Step",
    "Transform",
    "ValueMap",
    "encode_bodies",
    "encode_cells",
    "find_marker",
    "find_marker_line",
    "is_filled",
    "record_marker",
    "source_marker",
    "value_maps",
    "value_refs",
]
