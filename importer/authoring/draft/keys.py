"""Which columns a draft may take as the key: by their names, in the languages that the program knows. Pure."""

from __future__ import annotations

import re

from importer.authoring.draft.profile import Column
from importer.authoring.draft.words import KEY, OTHER_THINGS, names_of, weigh
from importer.phrases import tokens_of

SAYS_IT = 9
"""The weight of a name such as `Legacy ID`, `bug #` or `Ticket`, which the list of words doesn't have."""
_IDS = names_of(
    "id|ids|key|no|nr|num|number|ref|reference|code|identifier|uid|guid|uuid|nummer|kennung|schlüssel|numéro|identifiant"
    "|référence|clé|número|numero|identificador|referencia|clave|chave|chiave|codice|riferimento|sleutel|номер|ключ|ид"
    "|numer|klucz|numara|anahtar|番号|キー|编号|編號|번호|키"
)
_SUFFIXES = ("nummer", "nr", "kennung", "schlüssel", "kenmerk", "番号", "编号", "編號", "번호", "キー", "id")
"""How one word of German, Dutch or Japanese ends that has the thing in it: `Vorgangsnummer`."""
_ISSUES = names_of(
    "ticket|issue|bug|defect|task|case|incident|request|story|card|item|problem|finding|change|feature|cr|sr|wo|vorgang"
    "|aufgabe|fall|fehler|anfrage|störung|tâche|incidencia|caso|tarea|tarefa|chamado|demande|anomalie|bogue|segnalazione"
    "|melding|zaak|задачи|задача|заявки|заявка|обращения|zgłoszenia|課題|チケット|工单|缺陷|任务|事件|問題|이슈|작업"
)
_ISSUE_NAMES = frozenset({"work item", "user story", "work order", "service request", "pull request", "change request"})
_ELSEWHERE = OTHER_THINGS | names_of(
    "agent|pathway|session|conversation|message|thread|recording|batch|run|job|trace|phone|telephone|tel|mobile|fax|room"
    "|caller|device|asset|serial|order|invoice|purchase|po|part|line|page|build|model|zip|postal|tax|vat|employee|person"
    "|prompt|voice|location|site|store|transaction|payment|subscription|category|component|sprint|test|commit|branch"
    "|kunde|kunden|kundennummer|bestellung|rechnung|telefon|client|cliente|téléphone|teléfono|клиента|телефон"
)
_CALL = re.compile(
    r"(?:^|\s)(?:calls?|anrufe?s?|gesprächs?|appels?|llamadas?|chamadas?|chiamat[ae]|gesprek|звон\w+)(?:\s|id|$)"
)
_CALL_SIGNS = re.compile("通話|通话|呼叫|통화")
_LOOKS_LIKE_AN_ID = re.compile(r"(?=\S*\d)[\w#№./:-]{1,64}")


def key_weight(column: Column, tokens: tuple[str, ...]) -> int:
    """How much the name of a column says that it is the key: 0 for none, and for ids of calls, people and the like."""
    words = _words(column, tokens)
    named = " ".join(words)
    if _CALL.search(named) or _CALL_SIGNS.search(named):  # a call is evidence of an issue, and no issue
        return 0
    weight = weigh(words, KEY)
    if weight >= max(KEY.values()):
        return weight
    if any(word in _ELSEWHERE or word.removesuffix("s") in _ELSEWHERE for word in words[:-1]):
        return 0
    if named in _ISSUES or named in _ISSUE_NAMES:
        return SAYS_IT if column.share(_LOOKS_LIKE_AN_ID) == 1 else 0
    if not words or words[-1] in _IDS:
        return max(weight, SAYS_IT) if words else 0
    if any(words[-1].endswith(suffix) and _is_issue(words[-1].removesuffix(suffix)) for suffix in (*_SUFFIXES, *_IDS)):
        return SAYS_IT
    is_about = words[0] in _IDS and not _ISSUES.isdisjoint(words[1:])  # `Número de caso`, but not `Number of calls`
    return max(weight, SAYS_IT) if is_about else 0


def looks_like_ids(column: Column) -> bool:
    """Whether all texts of a column are one word with a digit: `PROJ-12`, `00017`."""
    return column.share(_LOOKS_LIKE_AN_ID) == 1


def _words(column: Column, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name; `#` is one, and so is the beginning of `N° ticket`, as if it stood behind."""
    name = column.place.parts[-1]
    if begin := re.match(r"(?:[Nn][°º]|[#№])\s*(?=\w)", name):
        return (*tokens_of(name[begin.end() :]), "number")
    return (*tokens, "number") if re.search(r"[#№°º]\s*$", name) else tokens


def _is_issue(word: str) -> bool:
    """Whether the rest of a compound is an issue: `Vorgangs` of `Vorgangsnummer`, `ticket` of `ticketid`."""
    return word in _ISSUES or (len(word) > 3 and word.removesuffix("s") in _ISSUES)
