"""Scorecards in a source to be drafted: which columns, or objects of an array, are answers, and of which call."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass
from operator import itemgetter

from importer.authoring.draft.column_scores import NAMED, SURE, header_tokens, score_key, score_title
from importer.authoring.draft.profile import Column, Profile
from importer.authoring.suggest import as_comment
from importer.errors import SourceError
from importer.mapping.header_names import has, leaves, names_of, weigh, words_under
from importer.mapping.model import fold
from importer.mapping.scorecards import ANSWER, NAME, NEXT, NOTE, RECORD, Answer, ColumnRange, Each
from importer.mapping.vocabulary import meaning
from importer.mapping.yaml_tree import as_placeholder, as_source, quote
from importer.phrases import listed, plain_name, tokens_of
from importer.row.verdicts import UNKNOWN, AnswerRule, number_in, points_in
from importer.sources.each import unfold_header
from importer.sources.source import JsonFile, Source, TableFile

LEAST_COLUMNS = 4
LEAST_COUNT = 3
TOTALS_SHOWN = 10
MOST = 0.5
"""The least share of answers where names, or columns on both sides, say that the others are some that nobody knows."""
OPEN_FINISHED = "finished: {done: '?', closed: '?'}"
"""What a new finding does to a finished issue, which no file says."""
_AUTO_FAIL = re.compile("(?i)auto[- ]?fail|zero[- ]tolerance|fatal")
"""What a criterion or answer says that fails the whole call; a draft adds the other names that it has seen."""
_TURN = {
    False: "Without the turn: an answer that passes later has none, and withdraws what failed before.",
    True: "Each answer has a turn here, or a call has several; one that passes without a turn withdraws nothing.",
}
_BUILT_IN = AnswerRule(Answer.model_validate({"column": ANSWER}))


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The columns of a source whose rows are answers.

    each       how these rows are made of its records; None if they are answers already
    record     the call, or what else tells one record from another
    totals     columns that rate whole records, and are no criteria
    has_turns  whether the turn tells the answers of a record to a criterion apart
    """

    each: Each | None
    record: Column | None
    criterion: Column
    answer: Column
    note: Column | None
    call: Column | None
    agent: Column | None
    turn: Column | None
    auto_fail: Column | None
    date: Column | None
    totals: Sequence[Column] = ()
    has_turns: bool = False

    @property
    def parts(self) -> list[Column]:
        """The columns that have a use of their own."""
        return [column for column in (self.criterion, self.answer, self.note, self.record, self.turn) if column]

    def title(self) -> str:
        return ": ".join(as_placeholder(each.place.ref) for each in (self.criterion, self.agent) if each)

    @property
    def recurs(self) -> bool:
        """Whether its findings are occurrences, as something tells the records apart."""
        return self.record is not None

    @property
    def warning(self) -> str:
        """What goes wrong if nothing tells records apart, only a running number, or no call's id; "" if nothing."""
        if self.record is None:
            said = "no column has the call's id, so each finding is an issue of its own, every night."
            return f"{said} Add one to the file."
        if not is_counted(self.record):
            link = f"{{{as_source(self.record.place.ref)}, type: call}}"
            flag = f"{{call: {{{as_source(self.record.place.ref)}}}, type: {{{as_source(self.criterion.place.ref)}}}}}"
            said = "no column is called like a call's id, so no call and no flag is added. If"
            more = f"{self.record.place.name} is it, add: resource_links: [{link}] and flags: [{flag}]"
            return f"{said} {more}" if self.call is None else ""
        said = f"{self.record.place.name} counts 1, 2, 3: in a sheet that starts again each week it names other calls"
        if self.date is not None:
            return f"{said}, which only {self.date.place.name} tells apart."
        return f"{said}, whose findings would be taken for known ones. Give each call a number or date of its own."

    def recurring_lines(self) -> list[str]:
        """The lines that make one issue of an agent and a criterion; a warning if nothing tells the records apart."""
        if not self.recurs:
            return [f"# {as_comment(self.warning)}"]
        dated = self.date if self.record is not None and is_counted(self.record) else None
        turn = self.turn if self.has_turns else None
        return [
            f"group: {_texts_yaml(self.agent, self.criterion)} # one issue, for as many nights as it is found",
            *([f"# {as_comment(self.warning)}"] if self.warning else []),
            "recurring: # each finding is an occurrence of its issue",
            f"  occurrence: {_texts_yaml(dated, self.record, turn)} # the same again adds nothing",
            *([f"  # {as_comment(_TURN[self.has_turns])}"] if self.turn else []),
            f"  {OPEN_FINISHED} # decide: `reopen` sets `todo`, `add` only adds",
            "  severity: raise # the worst of all occurrences; or `keep`",
        ]

    @property
    def has_percentages(self) -> bool:
        """Whether any answer is a number, so that somebody has to say from which one on it is good."""
        return _has_numbers(self.answer)

    def head_lines(self) -> Iterator[str]:
        """The lines that say where the answers are, and which are findings."""
        if self.each is not None:
            yield f"each: {_each_yaml(self.each)} # a row for each answer"
            if isinstance(self.each.columns, list):
                yield "# Other columns stand between: a criterion that a later file has must be added to this list."
        if self.totals:
            names = listed([quote(column.place.name) for column in self.totals], TOTALS_SHOWN)
            yield f"# Of the whole call, and no criteria: {as_comment(names)}. If one is, name it under `columns`."
        below = ", below: 100" if self.has_percentages else ""
        # Without it, `inverted` has nothing to compare with, and a criterion that a later file adds isn't noticed.
        named = "" if self.criterion.place.name == NAME else f", criterion: {{{as_source(self.criterion.place.ref)}}}"
        answer = f"{as_source(self.answer.place.ref)}{below}{named}"
        yield f"answer: {{{answer}, inverted: []}} # a row is a finding where it failed"
        yield "# `inverted`: the criteria that ask for what shouldn't be, such as an interruption; a `yes` is a finding"
        yield "# there, and so is any point."
        if self.has_percentages:
            yield "# Percentages are findings below 100; correct it if less is good enough."

    def severity_rules(self) -> Iterator[str]:
        """The rules for criteria that fail the whole call."""
        patterns = {column: _auto_fail_pattern(column.samples) for column in (self.criterion, self.answer)}
        found = {column.place.ref: f"matches: {quote(said)}" for column, said in patterns.items() if said}
        if self.auto_fail is not None:
            seen = {fold(text): text for text in self.auto_fail.samples if _fails_call(text)}
            said = {word: word for word in words_under("names", "affirmed")} | seen  # later nights may say it otherwise
            found[self.auto_fail.place.ref] = f"is: [{', '.join(map(quote, said.values()))}]"
        if found:
            yield "  rules: # it fails the whole call"
        for ref, test in found.items():
            yield f"    - {{when: {{{as_source(ref)}, {test}}}, then: critical}}"

    def evidence_lines(self) -> list[str]:
        """The lines that attach the call, and flag it."""
        if self.call is None:
            return []
        texts = {"call": self.call, "type": self.criterion, "note": self.note, "message_index": self.turn}
        flag = ", ".join(f"{key}: {{{as_source(each.place.ref)}}}" for key, each in texts.items() if each)
        return ["resource_links:", f"  - {{{as_source(self.call.place.ref)}, type: call}}", "flags:", f"  - {{{flag}}}"]


def _auto_fail_pattern(texts: Collection[str]) -> str:
    """A pattern for the names of auto-fail that these texts have, and for the usual ones; "" if they have none."""
    said = [f" {' '.join(tokens_of(text))} " for text in texts]
    names = [name for name in names_of("auto_fails") if any(f" {name} " in text for text in said)]
    if not names and not any(map(_AUTO_FAIL.search, texts)):
        return ""
    more = sorted(name.replace(" ", r"\W*") for name in names if _AUTO_FAIL.search(name) is None)
    return "|".join([_AUTO_FAIL.pattern, *(rf"\b{name}\b" for name in more)])


def _fails_call(text: str) -> bool:
    """Whether a text in an auto-fail column says that the call failed: there, `fail` is a yes, and `pass` a no."""
    mark = meaning("mark", text)
    return mark.target == "done" if mark is not None else _BUILT_IN.judge(text) == "failed"


def is_counted(column: Column) -> bool:
    """Whether a column counts its rows: 1, 2, 3."""
    numbers = [int(text) for text in column.samples if text.isdecimal()]
    return len(numbers) >= LEAST_COUNT and numbers == list(range(1, len(column.samples) + 1))


def find_each(source: Source, profile: Profile) -> Each | None:
    """Find the `each` that makes a row of each answer; None if answers are rows already, or there are none."""
    file = source.files[0]
    found = None
    if isinstance(file, TableFile) and file.is_table:
        found = _find_columns(file, profile)
    elif isinstance(file, JsonFile):
        array = next((path for path, column in _arrays(profile) if _holds_answers(column, within=True, least=MOST)), "")
        lines = file.array if file.are_lines and find_scorecard(profile, Each(path=file.array)) is not None else ""
        found = Each(path=array or lines) if array or lines else None
    if found is not None:
        try:
            source.unfold(found)
        except SourceError:  # another file hasn't the same columns
            return None
    return found


def find_scorecard(profile: Profile, each: Each | None, before: Profile | None = None) -> Scorecard | None:
    """Find the columns of a source's answers; None if its rows are none. `before` has the columns of its records."""
    columns = [column for column in profile.columns if column.filled]
    by_name = {column.place.name: column for column in columns}
    own = [column for column in columns if column.place.parts[0] != RECORD]
    if each is not None and each.columns is not None:
        criterion, answer, note = by_name.get(NAME), by_name.get(ANSWER), by_name.get(NOTE)
    else:
        answers = [column for column in own if has(_tokens(column), "answers") and _holds_answers(column, least=MOST)]
        # `answer` beside the `result` of the call
        answer = min(answers, key=lambda each: _is_total(each) or has(_tokens(each), "calls", "called"), default=None)
        groups = ("criteria", "criteria_names") if each is not None else ("criteria",)
        named = [column for group in groups for column in own if has(_tokens(column), group)]
        criterion = next((each for each in named if each is not answer and not each.is_number), None)
        note = next((each for each in own if has(_tokens(each), "remarks") and each is not answer), None)
    if criterion is None or answer is None:
        return None
    others = [column for column in columns if column not in (criterion, answer, note)]
    unused = [column for column in profile.columns if column in others or not column.filled]
    auto_fail = next(filter(_is_auto_fail, unused), None)
    totals = [column for column in others if column is not auto_fail and _holds_answers(column, least=MOST)]
    call = next((column for column in others if _names_call(column)), None)
    keys = (
        [(score_key(each, before.whole), each.place.name) for each in before.columns if each.filled] if before else ()
    )
    score, key = max(keys, key=itemgetter(0), default=(0.0, ""))
    agents = [column for column in others if has(_tokens(column), "agents")]
    dates = [column for column in others if _score_created(column)]
    return Scorecard(
        each,
        call or (None if score < SURE else by_name.get(key) or by_name.get(f"{RECORD}.{key}")),
        criterion,
        answer,
        note,
        call=call,
        agent=min(agents, key=lambda column: "id" in _tokens(column), default=None),
        turn=next((column for column in others if " ".join(_tokens(column)) in names_of("turns")), None),
        auto_fail=auto_fail,
        totals=totals if each is not None and each.columns else (),
        date=max(dates, key=_score_created, default=None),
    )


def _score_created(column: Column) -> float:
    """How likely a column is the date of the call: by its name, then any other date, then that of the review."""
    is_date = column.date_format() is not None and not any(part.endswith("[]") for part in column.place.parts)
    named = 1.0 if says_changed(column) else max(SURE, weigh(_tokens(column), "created"))
    return named if is_date else 0.0


def says_changed(column: Column) -> float:
    """How likely a column is the date of the review: `reviewed_at`; 0.0 if it may as well be that of the call."""
    weight = weigh(_tokens(column), "updated")
    is_sure = weight >= NAMED and weight > weigh(_tokens(column), "created") and column.date_format() is not None
    return float(weight) if is_sure else 0.0


def _tokens(column: Column) -> tuple[str, ...]:
    """The words that name a column, with those of the object whose name or id it is: `agent.name`."""
    if column.place.parts[0] != RECORD:
        return header_tokens(column)
    *_, within, last = ("", *column.place.parts[1:])
    words = tokens_of(last)
    return (*tokens_of(within), *words) if " ".join(words) in (*leaves(), "id") else words


def _holds_answers(column: Column, *, within: bool = False, least: float = 1) -> bool:
    """Whether at least this share of its texts are answers; `within` a list, a cell has all of a record's answers."""
    texts = [part for text in column.samples for part in (text.split(", ") if within else [text])]
    return bool(texts) and not column.is_free and sum(map(_is_answer, texts)) >= least * len(texts)


def _has_numbers(column: Column) -> bool:
    """Whether some of its texts are numbers or percentages, which are answers only with `below`."""
    return any(number_in(text) is not None for text in column.samples)


def _name(column: Column) -> str:
    return plain_name(column.place.name)


def _is_answer(text: str) -> bool:
    return _BUILT_IN.judge(text) != UNKNOWN or (text.endswith("%") and number_in(text) is not None)


def _find_columns(file: TableFile, profile: Profile) -> Each | None:
    """Find the criteria of a wide table; None if it has titles: then it is a tracker's, and has flags, not answers."""
    of_call = {_name(each) for each in profile.columns if _is_auto_fail(each) or _is_total(each)}
    own = [each for each in profile.columns if _name(each) not in of_call and not has(_tokens(each), "remarks")]
    every = list(filter(_holds_answers, own))
    found = [column for column in every if not _has_numbers(column)]
    found = found if len(found) >= LEAST_COLUMNS else every  # a percentage beside other answers is their sum
    sums = _find_sums(found)
    found = [column for column in found if column not in sums]
    of_call |= set(map(_name, sums))
    header, filled = list(map(plain_name, file.header)), [column for column in profile.columns if column.filled]
    names = set(map(_name, found))
    ordered = [name for name in header if name in names and header.count(name) == 1]
    others = [column for column in filled if column not in found and _name(column) not in of_call]
    has_title = any(score_title(column, profile.rows) >= SURE for column in others) and len(others) >= len(found)
    said = {text.casefold() for column in found for text in column.samples}
    are_flags = said <= {"true", "false"} and not any(map(_names_call, profile.columns))
    if len(ordered) < LEAST_COLUMNS or has_title or are_flags:
        return None
    no_criteria = of_call.union(_name(column) for column in filled if not _holds_answers(column, least=MOST))
    note = _find_note(header, ordered, of_call, set(map(_name, every)))
    ends: dict[str, str | None] = {"from": ordered[0], "to": ordered[-1]}
    try:
        unfolding = unfold_header(file.name, file.header, Each(columns=ColumnRange.model_validate(ends), note=note))
    except SourceError:  # one of them is another's note
        return None
    between = {each.name for each in unfolding.criteria} if unfolding else set()
    if unfolding is None or not between.issuperset(ordered) or between & no_criteria:
        return Each(columns=ordered, note=note)
    # Behind the last one may stand a criterion that has no answers yet, or in a later file a new one: both are read.
    last = max(max(one.answer, one.note or 0) for one in unfolding.criteria)
    ends_criteria = of_call.union(map(_name, filled), map(_name, filter(_is_of_call, profile.columns)))
    behind = next((name for name in header[last + 1 :] if name in ends_criteria), None)
    if behind is None or header.count(behind) == 1:
        ends |= {"to": None, "before": behind}
    return Each(columns=ColumnRange.model_validate(ends), note=note)


def _find_sums(columns: Sequence[Column]) -> list[Column]:
    """The columns whose maximum is the sum of all others' maxima, where all have points."""
    points = [[found[1] for text in column.samples if (found := points_in(text))] for column in columns]
    most = [max(found, default=0.0) for found in points]
    are_points = len(columns) > LEAST_COLUMNS and all(most)
    return [column for column, its in zip(columns, most, strict=True) if are_points and 2 * its == sum(most)]


def _find_note(header: Sequence[str], criteria: Sequence[str], of_call: Set[str], answers: Set[str]) -> str | None:
    """Find the note of criteria by its name or, behind half of them, by a header that repeats and holds no answers."""
    others = [name for name in header if name not in criteria]
    made = Counter(other.replace(name, "{name}") for name in criteria for other in others if name in other)
    template, times = next(iter(made.most_common(1)), ("", 0))
    behind = [header[at + 1] for at, name in enumerate(header[:-1]) if name in criteria]
    repeated = {name for name in behind if header.count(name) > 1} - answers
    notes = [name for name in behind if name not in criteria and (name in repeated or has(tokens_of(name), "remarks"))]
    if 2 * times > len(criteria):
        return template
    if 2 * len(notes) < len(criteria):
        return None
    if len({*notes}) == 1 and len(notes) < len(behind):  # behind the others stands something else
        return notes[0]
    return NEXT if of_call.isdisjoint(behind) else None


def _arrays(profile: Profile) -> Iterator[tuple[str, Column]]:
    """The path of each array of objects within the records, with each column of these that is called as answers are."""
    for column in profile.columns:
        *keys, last = column.place.parts
        path = ".".join(keys).removesuffix("[]")
        if keys and keys[-1].endswith("[]") and "[]" not in path and has(tokens_of(last), "answers"):
            yield path, column


def _names_call(column: Column) -> bool:
    """Whether its name is that of a call's id: `Call ID`, `ID de llamada`, `Anrufnummer`."""
    calls = names_of("calls", "called")
    stems = {word: [word.removesuffix(end) for end in names_of("id_ends")] for word in _tokens(column)}
    words = {next((stem for stem in stems[word] if stem in calls), word) for word in stems}
    return not words.isdisjoint(calls) and words <= calls | names_of("pointers", "ids", "particles", "addresses")


def _is_auto_fail(column: Column) -> bool:
    """Whether a column says by its name, whatever it has so far, that a whole call failed: `Auto-fail (Y/N)`."""
    words = [word for word in _tokens(column) if word not in names_of("around_auto_fails")]
    is_named = " ".join(words) in names_of("auto_fails")
    return is_named and all(_is_answer(text) or meaning("mark", text) is not None for text in column.samples)


def _is_of_call(column: Column) -> bool:
    """Whether a column is no criterion by its name, though it is empty so far: `General comment`, `Severity`."""
    words = _tokens(column)
    is_known = max(weigh(words, name) for name in ("created", "updated", "severity")) >= NAMED
    return is_known or _is_called_total(column) or (len(words) <= 2 and has(words, "remarks", "agents"))


def _is_total(column: Column) -> bool:
    """Whether a column of answers rates whole calls, by its name: `Total score`, `Gesamtergebnis`."""
    return _is_called_total(column) and _holds_answers(column, least=MOST)


def _is_called_total(column: Column) -> bool:
    words = set(_tokens(column))
    return has(words, "totals") and words <= names_of("totals", "around_totals", "called", "particles")


def _texts_yaml(*columns: Column | None) -> str:
    return f"[{', '.join(f'{{{as_source(column.place.ref)}}}' for column in columns if column)}]"


def _each_yaml(each: Each) -> str:
    if each.path is not None:
        return f"{{path: {quote(each.path)}}}"
    note = f", note: {quote(each.note)}" if each.note else ""
    if isinstance(each.columns, ColumnRange):
        ends = each.columns.model_dump(by_alias=True, exclude_none=True)
        return f"{{columns: {{{', '.join(f'{key}: {quote(name)}' for key, name in ends.items())}}}{note}}}"
    return f"{{columns: [{', '.join(map(quote, each.columns or ()))}]{note}}}"
