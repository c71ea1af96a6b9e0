"""losses.csv and attachments.csv: what becomes of each column, and the files that aren't moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
