"""What a word means: one vocabulary, in `mappings/shared/vocabulary.yaml`, for all that asks what people wrote."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from importer.api import FINISHED, SEVERITIES
from importer.mapping.presets import shared_path
from importer.mapping.yaml_tree import parse_shared
from importer.phrases import clip, listed

VOCABULARY = "vocabulary.yaml"
WHOLE = ("person", "answer", "category", "mark", "resolution")
"""Fields whose phrases are whole texts: a person's name may contain any word."""
TURNED = {"status": frozenset(FINISHED), "severity": frozenset(("critical", "high"))}
"""Field → what does harm if it isn't so: a word of `changes` takes it back."""

_NOTHING = "n a"
"""What a text of signs alone says: `-`."""
_LONGEST = 255
"""Characters of a text that is looked at: a longer one is prose."""
_NEAR = 3
"""So many words before another one `not` and `will` take it back."""
_CAPITALS = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z])")
_APOSTROPHES = re.compile("['’`´]")
_SIGNS = re.compile(r"[^\w%?,✓✔☑✅☐❌✗✘]+|_")
_COMMAS = re.compile(r"\s*[,;]\s*")
_ACCENTS = re.compile("[\u0300-\u036f]")
_LETTERS = str.maketrans({"ł": "l", "ı": "i", "đ": "d", "œ": "oe"})  # these don't decompose
UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Meaning(NamedTuple):
    """What a text means; `is_whole` says whether the words that decide it are all of the text."""

    target: str
    is_whole: bool


class _Phrase(NamedTuple):
    """A phrase of the vocabulary. `*` at the end of a word stands for any ending; a lower `rank` comes first."""

    words: tuple[str, ...]
    target: str
    rank: int
    language: str
    is_whole: bool


class _Found(NamedTuple):
    """A phrase in a text, from one of its words, or characters, up to another."""

    phrase: _Phrase
    start: int
    end: int

    @property
    def weight(self) -> tuple[bool, int, int, int]:
        """What decides between phrases: words before a code, the longest, one without `*`, the first meaning."""
        stars = "".join(self.phrase.words).count("*")
        return not self.has_code, self.end - self.start, -stars, -self.phrase.rank

    @property
    def has_code(self) -> bool:
        """Whether it is one like `P1`, whose severity differs from tracker to tracker."""
        return any(map(str.isdigit, "".join(self.phrase.words)))


def normalised(text: str) -> str:
    """Words in one form: no case, accents, signs or capitals within words; `wontFix` and `Won't fix` are `wont fix`."""
    spaced = _CAPITALS.sub(" ", unicodedata.normalize("NFKC", text))
    return _COMMAS.sub(" , ", _SIGNS.sub(" ", _bare(_APOSTROPHES.sub("", spaced.casefold())))).strip(" ,")


def _bare(text: str) -> str:
    """A text without accents: `й` is `и` as well."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text.translate(_LETTERS))))


@lru_cache(maxsize=8192)
def meaning(field: str, text: str, languages: frozenset[str] = frozenset()) -> Meaning | None:
    """What a text means as a value of a field, None if no word says it or another one takes that back.

    `languages` are codes such as `de`; without any, those of all are looked for.
    """
    words = normalised(text) or (_NOTHING if text.strip() else "")
    best = _best(field, words, languages)
    if best is None or (field in TURNED and text.startswith("{")):  # an object says more than one thing
        return None
    is_whole = best.end - best.start == len(_units(words, best))
    if is_whole:
        return Meaning(best.phrase.target, True)
    target = "" if field in WHOLE else _left_of(field, words, best)
    return Meaning(target, False) if target else None


def ends_of_scale(header: str) -> dict[int, bool]:
    """The numbers that a header explains, each with whether it is the least severe: `Severity (5 = worst)`."""
    explained = rf"\b([0-5])\s*(?:[=:–-]|(?:{_either('is')})\b)?\s*([^\W\d]+(?: [^\W\d]+)?)"
    ends = {int(number): meaning("severity", word) for number, word in re.findall(explained, header.casefold())}
    return {number: found.target == "low" for number, found in ends.items() if found}


@lru_cache(maxsize=8192)
def is_denied(field: str, target: str, text: str) -> bool:
    """Whether a text says that a target which would do harm is wrong: `Almost done`, `Not urgent`, `Rejected by QA`."""
    if target not in TURNED.get(field, ()):
        return False
    words = normalised(text)
    best = _best(field, words, frozenset())
    if best is None:
        end = len(words.split())
        return _left_of(field, words, _Found(_Phrase(("",), target, 0, "", is_whole=False), end, end)) != target
    is_whole = best.end - best.start == len(_units(words, best))
    if best.phrase.target not in TURNED[field]:
        return is_whole or len(best.phrase.words) > 1
    return not is_whole and _left_of(field, words, best) not in TURNED[field]


def _best(field: str, words: str, languages: frozenset[str]) -> _Found | None:
    if not words or len(words) > _LONGEST:
        return None
    found = [each for each in _find(field, words) if not languages or each.phrase.language in languages]
    return max(found, key=lambda each: each.weight, default=None)


def _left_of(field: str, words: str, found: _Found) -> str:
    """What is left of a meaning beside the other words of its text; "" if that can't be said."""
    target, can_turn = found.phrase.target, found.phrase.target in TURNED.get(field, ())
    units = _units(words, found)
    before, behind = units[: found.start], units[found.end :]
    if isinstance(before, str):
        is_denied = _has("not", before[-2:]) or _has("not", behind[:7])
        is_over = _has("longer", before)
        goes_on = _has("unfinished", before) or _has("unfinished", behind)
    else:
        said = before[len(before) - [*reversed(before), ","].index(",") :]  # behind a comma another statement begins
        answer = words.partition("?")[2].split()[:_NEAR]  # `urgent? no`; `critical: no`
        is_denied = _is_among("not", [*said[-_NEAR:], *answer, *behind[-1:]])
        is_over = _is_among("longer", [*said[-_NEAR:], *behind[-1:]])
        goes_on = (
            _is_among("unfinished", [*before, *behind])
            or _is_among("will", said[-_NEAR:])
            or _is_among("stage", [word for word in said if not _is_among("is", [word])][-1:])
            or (_is_among("at", behind[:1]) and _is_among("elsewhere", behind[1:3]))
            or _shares().search(words) is not None
        )
    if field == "severity" and (is_denied or _has_another(words, found)):
        return ""
    if is_denied and field == "status":  # `no longer open`: who knows what it is instead
        return "" if target in ("todo", "backlog") or (is_over and not can_turn) else "todo"
    return "in_progress" if goes_on and can_turn and field == "status" else target


def _has_another(words: str, found: _Found) -> bool:
    """Whether a text says two severities: `was critical, now low`; a code may be one rank off: `P1 - Critical`."""
    target = SEVERITIES.index(found.phrase.target)
    return any(
        (each.end <= found.start or each.start >= found.end)
        and abs(SEVERITIES.index(each.phrase.target) - target) > each.has_code
        for each in _find("severity", words)
        if isinstance(_units(words, each), str) == isinstance(_units(words, found), str)
    )


@cache
def _shares() -> re.Pattern[str]:
    """A part of the whole, or a question: `80 %`, `2 of 3`, `2/3 done`, `Done?`."""
    percent, of = _either("percent"), _either("of")
    return re.compile(rf"(?<![\d.])\d{{1,2}}(?: \d+)? ?(?:%|{percent})|^\d+ \d+ \w|\b\d+ (?:{of}) \d+|\? *$")


def _either(change: str) -> str:
    """The words of a change, as a pattern."""
    by_beginning, _ = _phrases("changes", change)
    return "|".join(" ".join(phrase.words) for phrases in by_beginning.values() for phrase in phrases)


def _units(words: str, found: _Found) -> list[str] | str:
    """What a phrase's places count: characters of a script without spaces, else words."""
    return words.replace(" ", "") if UNSPACED.search(found.phrase.words[0]) else words.split()


def _find(field: str, words: str) -> Iterator[_Found]:
    by_beginning, unspaced = _phrases(field)
    split = words.split()
    for start, word in enumerate(split):
        for phrase in by_beginning.get(word[:2], ()):
            end = start + len(phrase.words)
            fits = end <= len(split) and (not phrase.is_whole or end - start == len(split))
            if fits and all(map(_is_word, phrase.words, split[start:end])):
                yield _Found(phrase, start, end)
    if UNSPACED.search(words):
        bare = words.replace(" ", "")
        for phrase in unspaced:
            start = bare.find(phrase.words[0])
            if start >= 0:
                yield _Found(phrase, start, start + len(phrase.words[0]))


def _is_word(known: str, word: str) -> bool:
    return word.startswith(known[:-1]) if known[-1] == "*" else word == known


def _is_among(change: str, words: list[str] | str) -> bool:
    by_beginning, _ = _phrases("changes", change)
    return any(_is_word(phrase.words[0], word) for word in words for phrase in by_beginning.get(word[:2], ()))


def _has(change: str, text: list[str] | str) -> bool:
    _, unspaced = _phrases("changes", change)
    return any(phrase.words[0] in text for phrase in unspaced)


def is_turned(text: str) -> bool:
    """Whether a text has a word that changes what the word beside it says: `not`, `almost`, `to be`."""
    words = normalised(text).split()
    return any(_is_among(change, words) for change in ("not", "unfinished", "will"))


def known_languages() -> frozenset[str]:
    """The codes of the languages that words are known in."""
    return frozenset(code for group in _read().values() for languages in group.values() for code in languages)


@cache
def words_for_nothing() -> frozenset[str]:
    """What programs write in a cell that is empty, to the letter: `nan`, `None`, `[]`."""
    return frozenset(map(str.strip, words_of("cell")["nothing"]["en"].split(",")))


def words_of(field: str) -> Mapping[str, Mapping[str, str]]:
    """What stands in the file under a field: meaning → language → its phrases, separated by commas."""
    return _read()[field]


@cache
def _phrases(field: str, only: str = "") -> tuple[Mapping[str, tuple[_Phrase, ...]], tuple[_Phrase, ...]]:
    """The phrases of a field, or of one of its meanings: by how they begin, and those of scripts without spaces."""
    by_beginning: dict[str, list[_Phrase]] = {}
    unspaced: list[_Phrase] = []
    for rank, (target, languages) in enumerate(_read()[field].items()):
        for language, phrases in languages.items() if only in ("", target) else ():
            for text in phrases.split(","):
                words = tuple(_bare(text).strip(" =").split())
                phrase = _Phrase(words, target, rank, language, text.strip().startswith("="))
                if UNSPACED.search(text):
                    unspaced.append(phrase._replace(words=("".join(words),)))
                    continue
                joined = phrase._replace(words=("".join(words),), is_whole=True)  # `onhold`, `notstarted`
                for each in (phrase, joined) if len(words) > 1 else (phrase,):
                    by_beginning.setdefault(each.words[0][:2].rstrip("*"), []).append(each)
    return {begins: tuple(phrases) for begins, phrases in by_beginning.items()}, tuple(unspaced)


@cache
def digest_of_words() -> str:
    """SHA-256 of the vocabulary: what a mapping that reads it means."""
    return hashlib.sha256(shared_path(VOCABULARY).read_bytes()).hexdigest()


@cache
def _read() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    tree = parse_shared(VOCABULARY)
    return {
        field: {
            target: {language: str(words.value) for language, words in languages.keys.items()}
            for target, languages in group.keys.items()
        }
        for field, group in tree.keys.items()
    }


BY_TITLE = "a word of the title"
LOOKED_AT = 10_000
"""Titles that are counted, so that a proposal takes no longer however many rows there are."""
NAMES_SHOWN, SAMPLE_LENGTH = 8, 40
_LAST = "Bug"
"""The category whose words say the least: only where a title has no other's."""


def category_of(title: str) -> str:
    """The category that a title has a word of, "" if it has none."""
    for pattern, targets in _patterns():
        if found := pattern.search(title):
            return targets[(found.lastindex or 0) - 1]
    return ""


@cache
def _patterns() -> list[tuple[re.Pattern[str], list[str]]]:
    words = {target: _pattern(languages.values()) for target, languages in words_of("title").items()}
    groups = [[target for target in words if target != _LAST], [_LAST]]
    return [
        (re.compile("|".join(f"({words[target]})" for target in targets), re.IGNORECASE), targets) for targets in groups
    ]


def _pattern(listed: Iterable[str]) -> str:
    """A pattern of words, of which those of scripts without spaces may stand within others."""
    words = [word for each in listed for word in each.split(", ")]
    spaced = "|".join(word.replace("*", r"\w*") for word in words if not UNSPACED.search(word))
    return "|".join([rf"\b(?:{spaced})\b", *filter(UNSPACED.search, words)])


class TitleCount:
    """How many titles have a word of each category, with one of them as a sample; of the first `LOOKED_AT` alone."""

    def __init__(self) -> None:
        self.titles = 0
        self._counts: Counter[str] = Counter()
        self._samples: dict[str, str] = {}

    @property
    def is_full(self) -> bool:
        """Whether no more titles are counted."""
        return self.titles >= LOOKED_AT

    @property
    def found(self) -> int:
        """How many titles have such a word."""
        return self._counts.total()

    def add(self, title: str) -> None:
        """Count a title."""
        self.titles += 1
        if category := category_of(title):
            self._counts[category] += 1
            self._samples.setdefault(category, " ".join(title[: 4 * SAMPLE_LENGTH].split()))

    def __str__(self) -> str:
        share = f"{self.found:,} of {'the first ' if self.is_full else ''}{self.titles:,}"
        shown = [
            f"{name} {count:,} ({clip(self._samples[name], SAMPLE_LENGTH)})"
            for name, count in self._counts.most_common()
        ]
        return f"{share} titles contain a word for a category of Triage's own: {listed(shown, NAMES_SHOWN)}"
