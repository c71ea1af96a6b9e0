"""File → chunks of numbered rows: text as it is written, with record numbers and physical lines."""

from importer.sources.source import Source, SourceFile, SourceOptions, open_source

__all__ = ["Source", "SourceFile", "SourceOptions", "open_source"]
