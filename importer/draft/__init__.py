"""Draft: a mapping for a source that no preset knows, with what was seen in it as comments."""
