"""Without `-m`: the preset that the files are for, said in a line; asked for where it isn't certain."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
