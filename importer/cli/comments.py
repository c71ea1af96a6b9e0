"""`--comments`: files whose rows belong to the source's records, and whether a mapping asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
