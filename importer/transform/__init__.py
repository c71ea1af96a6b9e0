"""Transform: a chunk of rows becomes records, whole columns at a time. Pure: no I/O, no clock."""

from importer.transform.issue import Records, Transform, encode_bodies
from importer.transform.texts import Columns, is_filled
from importer.transform.values import VALUE_FIELDS, Mapped, Step

__all__ = ["VALUE_FIELDS", "Columns", "Mapped", "Records", "Step", "Transform", "encode_bodies", "is_filled"]
