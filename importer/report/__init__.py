"""Reports: what a check or a run leaves in its folder."""

from importer.report.check import CheckFiles
from importer.report.errors import INCOMPLETE, ErrorFiles
from importer.report.folder import ReportFolder
from importer.report.planned import PlannedFile
from importer.report.results import ResultsFile
from importer.report.run import write_again, write_rows
from importer.report.summary import Summary

__all__ = [
    "INCOMPLETE",
    "CheckFiles",
    "ErrorFiles",
    "PlannedFile",
    "ReportFolder",
    "ResultsFile",
    "Summary",
    "write_again",
    "write_rows",
]
