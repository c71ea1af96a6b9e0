"""`python -m importer` is `triage-import`."""

from importer.cli.main import main

if __name__ == "__main__":
    main()
