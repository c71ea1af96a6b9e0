"""Names that have the word of a target in them, and say that it is not so: `Almost done`, `Not urgent`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from importer.api import FINISHED
from importer.mapping.patterns import compiled
from importer.mapping.unfinished import is_unfinished

URGENT = ("critical", "high")

_URGENT_WORDS = (
    r"(?:urgen|criti|cr[ií]ti|krit|block|severe|serious|emergenc|important|crash|data loss|showstop|dringend|wichtig|"
    r"eilig|grave|срочн|крит|важн|блок|авари|pilne|krytyczn|ważn|brådsk|viktig|kiire|acil|kritik)"
)
_DENIED = (
    r"\b(?:not|non|no|never|without|nicht|kein\w*|ohne|pas|peu|sans|sin|poco|não|nao|sem|pouco|senza|niet|geen|не|нет|"
    rf"без|nie|bez|inte|ikke|ej)\s+(?:\w+\s+)?{_URGENT_WORDS}"
    r"|\bun(?:urgent|critical|important|kritisch|wichtig)|\bне(?:сроч|крит|важ|блок)"
    r"|不(?:太)?(?:紧急|緊急|急|重要|严重|嚴重)|非(?:紧急|緊急|重要)|(?:緊急|重要|至急|深刻)(?:では?|じゃ)ない"
    r"|(?:긴급|중요|심각)하지\s?않"
)
_SIGNS = re.compile(r"[\s_()\[\]{}/|&\u2010-\u2015-]+")
"""Between words of one statement: behind a comma another one begins."""


def is_denied(field: str, target: str, name: str) -> bool:
    """Whether a name of a status or a severity says that this target is wrong."""
    if field == "status":
        return target in FINISHED and is_unfinished(name)
    return field == "severity" and target in URGENT and _is_not_urgent(name)


@lru_cache(maxsize=4096)
def _is_not_urgent(name: str) -> bool:
    return compiled(_DENIED).search(_SIGNS.sub(" ", unicodedata.normalize("NFKC", name).casefold())) is not None
