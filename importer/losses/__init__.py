"""Losses: what becomes of every filled cell of a source, and what of it Triage has no place for."""

from importer.losses.attachments import Attachment
from importer.losses.lines import Line
from importer.losses.losses import Losses, rare_categories

__all__ = ["Attachment", "Line", "Losses", "rare_categories"]
