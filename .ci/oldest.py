"""Prints the oldest versions that pyproject.toml allows of what the program itself needs, as constraints for pip."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = [each for name, needs in project["optional-dependencies"].items() if name != "test" for each in needs]
for requirement in (*project["dependencies"], *extras):
    found = re.match(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", requirement)
    if found is None:
        sys.exit(f"{requirement}: no oldest version")
    sys.stdout.write(f"{found[1]}=={found[2]}\n")
