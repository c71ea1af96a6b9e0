"""File → chunks of numbered rows: text as it is written, with record numbers and physical lines."""

from importer.sources.source import Source, SourceFile, SourceOptions
from importer.sources.survey import Sample, Survey, open_source, survey_files

__all__ = ["Sample", "Source", "SourceFile", "SourceOptions", "Survey", "open_source", "survey_files"]
