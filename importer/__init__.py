"""Moves issues out of other trackers into Triage."""

__version__ = "0.1.0"
