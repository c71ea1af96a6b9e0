"""`triage-import`, which is `python -m importer`, too."""

import sys
from typing import NoReturn


def start() -> NoReturn:
    """Run the command line; it is loaded here, so that Ctrl-C ends it with a sentence while it is loaded, too."""
    try:
        from importer.cli.main import main

        main()
    except KeyboardInterrupt:
        exec("")  # as in `main`
        sys.stderr.write("Interrupted. The same command continues.\n")
        sys.exit(130)


if __name__ == "__main__":
    start()
