"""`triage-import`, which is `python -m importer`, too."""

import gc
import sys
from typing import NoReturn


def start() -> NoReturn:
    """Run the command line; it is loaded here, so that Ctrl-C ends it with a sentence while it is loaded, too."""
    # The start of a check leaves 120,000 objects, an import 210,000: to look for cycles in them takes 7 % of it.
    # Rows are tuples without cycles: to look for some takes 5 % of a check, and 20 % of one with comments.
    gc.set_threshold(300_000, 50, 100)
    try:
        from importer.cli.main import main

        main()
    except KeyboardInterrupt:
        exec("")  # as in `main`
        sys.stderr.write("Interrupted. The same command continues.\n")
        sys.exit(130)


if __name__ == "__main__":
    start()
