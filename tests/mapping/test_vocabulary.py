"""One answer for a text everywhere: open work is never finished, and no word becomes its opposite."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from importer.api import BUILT_IN_CATEGORIES
from importer.api import FINISHED as ENDED
from importer.authoring.proposals import Proposer
from importer.mapping.patterns import is_pattern
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.mapping.vocabulary import LOOKED_AT, TURNED, TitleCount, category_of, is_denied, meaning, words_of
from importer.records import Unknown
from importer.row.value_maps import ValueMap
from tests.harness.meanings import FINISHED, OPEN, OPPOSITES, REFUSED, phrases

SEEN_WRONG: dict[str, dict[str, str | None]] = {
    "severity": {
        **dict.fromkeys(("La plus élevée", "sehr hoch", "muy alta"), "critical"),
        **dict.fromkeys(("less important", "nonurgent"), "low"),
        **dict.fromkeys(("Nicht hoch", "unblocking"), None),
    },
    "status": {
        **dict.fromkeys(("zurückgestellt", "Parked"), "backlog"),
        **dict.fromkeys(("Nicht reproduzierbar", "erfolgreich geschlossen"), "closed"),
        **dict.fromkeys(("Failed QA", "Rejected by QA"), "in_progress"),
        **dict.fromkeys(("Untested", "deployed_in_uat"), "in_review"),
        "not_started": "todo",
        '{"current":"open","previous":"closed"}': None,
    },
}
ONLY_WORDS: dict[str, Any] = {"values": {}, "rules": [], "words": ["all"], "fallback": None, "unknown": None}
SIDES = {"status": ENDED, "severity": TURNED["severity"]}


@cache
def proposer() -> Proposer:
    """What a draft knows."""
    return Proposer()


@pytest.mark.parametrize(("field", "language", "target", "texts"), phrases())
def test_what_people_write(field: str, language: str, target: str, texts: list[str]) -> None:
    """The same everywhere: asked directly, of its own language alone, by a mapping, and by a draft or a suggestion."""
    for languages in (frozenset[str](), frozenset((language,))):
        found = {text: meaning(field, text, languages) for text in texts}
        assert {text: each and each.target for text, each in found.items()} == dict.fromkeys(texts, target)
    if field in ("status", "severity"):
        values = ValueMap(field, getattr(load_mapping("datadog").model, field).model_copy(update=ONLY_WORDS))
        assert {text: values.resolve(text).target for text in texts} == dict.fromkeys(texts, target)
        proposals = {text: proposer().propose(Unknown(field, text, 1)) for text in texts}  # type: ignore[arg-type]
        assert {text: each.target for text, each in proposals.items()} == dict.fromkeys(texts, target)
        assert not any(each.neutral for each in proposals.values())


def _is_exact(path: tuple[str | int, ...]) -> bool:
    return path[1] == "values" and not is_pattern(str(path[2]))


@pytest.mark.parametrize("preset", preset_names())
def test_the_same_in_each_preset(preset: str) -> None:
    """What was seen to have several answers: in each preset that asks for words, and in what is proposed for it."""
    model = load_mapping(preset).model
    for field, answers in SEEN_WRONG.items():
        values = ValueMap(field, getattr(model, field))
        steps = {text: values.resolve(text) for text in answers}
        own = {text for text, step in steps.items() if step.how == "mapped" and _is_exact(step.path)}
        found = {text: step.target if step.how in ("mapped", "word") else None for text, step in steps.items()}
        differ = {text: target for text, target in found.items() if text not in own and target != answers[text]}
        assert not values.spec.words or differ == {}
        for proposed in (Proposer(model), proposer()):
            proposals = {text: proposed.propose(Unknown(field, text, 1)) for text in answers if text not in own}  # type: ignore[arg-type]
            assert {text: None if each.neutral else each.target for text, each in proposals.items()} == {
                text: target for text, target in answers.items() if text not in own
            }


@pytest.mark.parametrize("field", REFUSED)
def test_what_nobody_can_know(field: str) -> None:
    """No word says it, or another one takes it back: it is asked."""
    assert [text for text in REFUSED[field] if meaning(field, text)] == []


def test_there_are_enough_phrases() -> None:
    """Eight hundred, in a dozen languages."""
    assert sum(len(texts) for *_, texts in phrases()) > 800
    assert len({language for _, language, *_ in phrases()}) >= 10


def test_there_are_enough_names() -> None:
    """Three hundred of open work alone, and each once."""
    assert len(OPEN) >= 300
    assert len({*OPEN, *FINISHED}) == len(OPEN) + len(FINISHED)


def test_what_goes_on() -> None:
    """No name of open work means one of the finished."""
    assert [name for name in OPEN if (found := meaning("status", name)) and found.target in ENDED] == []


def test_what_has_ended() -> None:
    """And each of the others does, among them those that end with a negation: `Won't fix`, `Not a bug`."""
    assert [name for name in FINISHED if not (found := meaning("status", name)) or found.target not in ENDED] == []


@pytest.mark.parametrize("preset", preset_names())
def test_no_preset_ends_open_work(preset: str) -> None:
    """Whether by a table or by a pattern."""
    status = ValueMap("status", load_mapping(preset).model.status)
    assert {name: step.target for name in OPEN if (step := status.resolve(name)).target in ENDED} == {}


def test_no_draft_ends_open_work() -> None:
    """Nor does a suggestion."""
    proposals = {name: proposer().propose(Unknown("status", name, 1)) for name in OPEN}
    assert {name: found.target for name, found in proposals.items() if found.target in ENDED} == {}


@pytest.mark.parametrize(
    ("name", "target"),
    [("Building site", "in_progress"), ("Rejected by QA", "closed"), ("Site building", "in_progress")]
    + [(name, "in_progress") for name in ("Not in progress", "Not active", "Not yet in progress")],
)
def test_what_a_word_says_elsewhere(name: str, target: str) -> None:
    """A word that means something else beside others decides nothing."""
    found = {preset: ValueMap("status", load_mapping(preset).model.status).resolve(name) for preset in preset_names()}
    assert [preset for preset, step in found.items() if step.target == target] == []


def test_a_pattern_that_says_so_is_believed() -> None:
    """Where a person writes the very words, that is their decision."""
    model = load_mapping("trello").model
    status = model.status.model_copy(update={"values": {"/almost done/": "done", "/done/": "done"}})
    assert ValueMap("status", status).resolve("Almost done (B)").target == "done"
    assert ValueMap("status", status).resolve("Half done").target != "done"


def on_one_side(field: str, resolve: Callable[[str], str | None]) -> list[tuple[str, str]]:
    """The pairs of which both words are ended, or urgent."""
    return [pair for pair in OPPOSITES[field] if all(resolve(word) in SIDES[field] for word in pair)]


@pytest.mark.parametrize("field", OPPOSITES)
def test_there_are_many_pairs_and_none_twice(field: str) -> None:
    """The tests below would say little with few."""
    pairs = OPPOSITES[field]
    assert len(pairs) > 40
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("field", OPPOSITES)
def test_no_preset_takes_a_word_for_its_opposite(preset: str, field: str) -> None:
    """Whether by a table or by a pattern."""
    values = ValueMap(field, getattr(load_mapping(preset).model, field))
    assert on_one_side(field, lambda word: values.resolve(word).target) == []


@pytest.mark.parametrize("field", OPPOSITES)
def test_no_draft_takes_a_word_for_its_opposite(field: str) -> None:
    """Nor does a suggestion."""
    assert on_one_side(field, lambda word: proposer().propose(Unknown(field, word, 1)).target) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["Critical", "Urgent, no workaround", "No idea, but urgent", "Nicht wartbar, kritisch"]
)
def test_what_is_urgent(name: str) -> None:
    """A negation that is about something else denies nothing."""
    assert not is_denied("severity", "critical", name)
    assert not is_denied("severity", "low", "Not urgent")


def test_a_pattern_that_says_it_is_not_denied() -> None:
    """Where a person writes the very words, that is their decision."""
    model = load_mapping("trello").model
    severity = model.severity.model_copy(update={"values": {"/not urgent/": "high", "/urgent/": "critical"}})
    assert ValueMap("severity", severity).resolve("Not urgent at all").target == "high"
    assert ValueMap("severity", severity).resolve("Non-urgent").target != "critical"


@pytest.mark.parametrize(
    ("title", "category"),
    [
        ("The transcript lacks the caller's name", "Transcription"),
        ("Transkription bricht ab", "Transcription"),
        ("Mispronounces street names", "Speech"),
        ("The conversation goes in circles", "Dialogue"),
        ("Warm transfer rings for ever", "Routing"),
        ("Webhook is called twice", "Tools"),
        ("Antwort kommt langsam", "Latency"),
        ("Calls drop after an hour", "Telephony"),
        ("電話がつながらない", "Telephony"),
        ("Crash on start", "Bug"),
        ("Bug: voicemail is taken for a person", "Telephony"),
        ("Invoice shows the wrong price", ""),
        ("Toolbar and slowdown of flags", ""),
        ("", ""),
    ],
)
def test_categories(title: str, category: str) -> None:
    """The first word decides, and a plain bug only where there is no other; parts of words say nothing."""
    assert category_of(title) == category


def test_words_are_triages_own() -> None:
    """Each has a category of the eight."""
    assert sorted(words_of("title")) == sorted(BUILT_IN_CATEGORIES)


def test_a_count_has_an_end() -> None:
    """It says of how many titles it is."""
    count = TitleCount()
    while not count.is_full:
        count.add("Slow")
    said = f"{LOOKED_AT:,} of the first {LOOKED_AT:,} titles contain a word for a category of Triage's own: "
    assert str(count) == f"{said}Latency 10,000 (Slow)"
