"""Names of statuses that have a word of the finished in them, and are not: `Almost done`, `50 % done`, `Pas fini`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from importer.mapping.patterns import compiled


def _any(*words: str) -> str:
    return "(?:" + "|".join(word for listed in words for word in listed.split()) + ")"


_DONE = _any(
    r"done finish\w* complet\w* fix\w* resol\w* solv\w* clos\w* releas\w* deploy\w* deliver\w* shipp\w* merg\w*",
    r"verif\w* implement\w* live ready approv\w* accept\w* cancel\w* archiv\w* publish\w* launch\w* perfect\w*",
    r"erledigt\w* fertig\w* abgeschlossen\w* behoben\w* gelöst\w* geschlossen\w* umgesetzt\w* ausgeliefert\w*",
    r"gemacht termin\w+ fini\w* résol\w* ferm[ée]\w* livr\w* fait\w* achev\w* clôtur\w* corrig\w* traité\w*",
    r"hech[oa]\w* acabad\w* cerrad\w* resuelt\w* solucionad\w* finalizad\w* entregad\w* list[oa]\w* conclu\w*",
    r"feit[oa]\w* fechad\w* resolvid\w* entreg\w* pront[oa]\w* encerrad\w* corrigid\w* fatt[oa]\w* finit\w*",
    r"chius\w* risolt\w* completat\w* rilasciat\w* consegnat\w* pront[oaie] klaar gedaan gereed afgerond",
    r"opgelost voltooid gesloten afgesloten opgeleverd af готов\w* сделан\w* выполнен\w* реш[её]н\w* закры\w*",
    r"заверш\w* исправл\w* закончен\w* выпущен\w* доделан\w* zrobion\w* gotow\w* zakończon\w* rozwiązan\w*",
    r"zamknięt\w* ukończon\w* naprawion\w* wykonan\w* klart? färdig\w* löst stängd lukket løst ferdig\w*",
    r"færdig\w* avsluttet valmis\w* bitti bitmi\w+ tamamlan\w* çözül\w* kapan\w* hotov\w* dokončen\w* vyřešen\w*",
    r"uzavřen\w*",
)
_NOT = _any(
    r"not never isn.?t aren.?t wasn.?t hasn.?t haven.?t non no un without lacking neither hardly barely nicht",
    r"nie niemals kein\w* un ohne kaum pas jamais sans sin nunca não nao nem sem mai senza niet nooit geen",
    r"zonder не нет ни nie bez inte ej ikke aldrig ne değil ei",
)
_PART = _any(
    r"almost nearly partly partially partial part half halfway mostly semi quasi somewhat incomplete unfinished",
    r"fast beinahe teilweise teils halb halbwegs grösstenteils nahezu unvollständig unfertig unerledigt ungelöst",
    r"presque partiellement partiel\w* moitié quasiment incomplet\w* inachevé\w* demi casi parcial\w* medias?",
    r"medio mitad inacabad\w* quase metade incompleto\w* inconcluíd\w* parzial\w* metà mezz[oa] incompiut\w*",
    r"incomplet[oaie] bijna deels gedeeltelijk grotendeels onvolledig onopgelost почти частичн\w* отчасти",
    r"наполовину полу\w+ недо\w+ незаверш\w+ нереш\w+ невыполн\w+ неготов\w* незакры\w+ несделан\w* prawie",
    r"częściowo częściow\w+ połow\w+ niezakończ\w+ nierozwiąz\w+ niedokończ\w+ nieukończ\w+ nästan delvis",
    r"неисправлен\w+ quarters? thirds?",
    r"halv\w* næsten nesten melkein osittain neredeyse kısmen yarı\w* téměř částečně tamamlanmad\w* çözülmed\w*",
)
_WAITS = _any(
    r"await\w* waiting waits? pending blocked hold needs? needed requires? required missing left remaining soon",
    r"expected planned scheduled due eta target\w* when until till unless once if except but tentativ\w*",
    r"supposedly allegedly maybe wartet? warten\w* ausstehend\w* bald offen\w* geplant\w* bis sobald wenn",
    r"attend\w* attente bientôt prévu\w* quand si jusqu\w* espera\w* pendiente\w* pronto cuando falta\w*",
    r"previst\w* aguarda\w* pendente\w* quando breve attesa presto previsto wacht\w* binnenkort zodra gepland",
    r"tot wanneer ожида\w+ жд[её]т скоро когда если до oczekuj\w+ czeka wkrótce gdy väntar snart venter bekl\w+",
    r"yakında",
)
_WILL = _any(
    r"to should must shall can could may might will would ought cannot need needs has have going ready zu",
    r"soll\w* muss müssen wird werden kann könnte à doit devrait peut sera por debe debería puede será a deve",
    r"deveria pode da dovrebbe può sarà te moet moeten zal kan wordt к на нужно надо должн\w* будет do należy",
    r"musi będzie ma att att",
)
_BASE = _any(
    r"do close finish complete fix resolve solve release deploy deliver ship merge verify implement cancel",
    r"archive publish erledigen schließen schliessen beheben lösen abschließen fertigstellen umsetzen terminer",
    r"finir fermer clore clôturer résoudre livrer faire achever hacer terminar cerrar resolver entregar acabar",
    r"completar concluir fechar fazer finalizar finire chiudere risolvere completare rilasciare consegnare doen",
    r"sluiten afronden oplossen afmaken voltooien сделать закрыть решить закрытию завершить исправить закрытие",
    r"выполнению zrobienia zamknięcia zakończenia rozwiązania",
)
_STAGE = _any(
    r"dev development code coding design analysis spec specification draft build qa testing tests? review",
    r"estimation planning grooming refinement investigation research diagnosis backend frontend implementation",
    r"triage entwicklung analyse konzept",
)

_ENDING = _any(
    r"clos\w*ing finishing finali[sz]ing completing resolving solving fixing shipping deploying releasing merging",
    r"delivering verifying archiving publishing launching implementing cancell?ing rejecting declining",
)
_ELSEWHERE = _any(r"tests? testing qa uat staging dev development preprod sandbox demo branch")

_SIGNS = re.compile(r"[\s_()\[\]{}:;,/|&\u2010-\u2015-]+")
_OPEN = "|".join(
    (
        rf"\b{_PART}\b",
        rf"\b{_WAITS}\b",
        rf"\b{_WILL}\s+(?:be\s+|être\s+|ser\s+|essere\s+|быть\s+)?(?:\w+\s+)?{_DONE}\b",
        rf"\b{_WILL}\s+(?:\w+\s+)?{_BASE}\b",
        rf"\b{_BASE}\s+(?:by|before|until|on|after|in|next|this|bis|avant|antes|entro|voor|до|do)\b",
        rf"\b{_ENDING}\b|\brequested\b|\bwird \w+gestellt\b",
        r"\b(?:just about|far from|kind of|sort of|next to|close to|working on|yet to|back to)\b",
        rf"\b{_DONE} ?ish\b|\b{_DONE}\s+(?:to|in|on|for|at)\s+(?:the\s+)?{_ELSEWHERE}\b",
        rf"\b\d+ \d+ {_DONE}\b|\b\d+\s+(?:out )?(?:of|von|sur|de|van|из)\s+\d+\b",
        r"\b\d{1,2}\s?(?:percent|prozent|pct|pour ?cent|por ciento)\b",
        r"\bno fix (?:yet|released|available)|\bfix(?:es)? ready|\b(?:en voie|en cours|in corso|bezig) ",
        r"\b(?:in|em|en) (?:chiusura|fechamento|cierre|abschluss)\b",
        rf"\b{_STAGE}\s+(?:is\s+|are\s+|ist\s+)?(?:done|complete[d]?|finished|fertig|abgeschlossen|erledigt|ok)\b",
        r"(?<![\d.])\d{1,2}(?:[.,]\d+)?\s?%",
        r"\?\s*$",
        r"\bun(?:finish|done|resol|solv|complet|clos|fix|releas|deliver|verif|approv|merg|archiv)",
        r"\bnot an? dup",
        r"\bre ?(?:open|do|work)",
        r"ほぼ|一部|部分|未|まだ|待ち|予定|していない|できていない|途中|もうすぐ|没|沒|尚|几乎|幾乎|差不多|即将|待|半|还差|[了成决決闭閉修复復]\s?中$|[了成]前$",
        r"미완|미해결|미처리|거의|부분|일부|대기|예정|아직|않|안\s|못|덜\s|절반|(?:완료|해결|종료|처리)\s?중$",
    )
)
_NEGATED = rf"\b{_NOT}\s+(?:\w+\s+){{0,2}}{_DONE}\b"
_SENT_BACK = (
    r"\b(?:reject|declin|refus|fail|return|bounc)\w*\s+(?:by|in|at|from|during)\s+(?:the\s+)?"
    r"(?:q\.?a\.?|test\w*|review\w*|uat|staging)\b|"
    r"\b(?:q\.?a\.?|test\w*|review\w*|uat)\s+(?:reject|declin|refus|fail)\w*"
)
_FOR_GOOD = (
    r"\b(?:won.?t|will not|wo not|cannot|can.?t|can not|not doing|do not (?:fix|do)|wird nicht|werden nicht|"
    r"ne sera pas|"
    r"no se (?:har|corregir|solucionar|resolver)\w+|não será|nao sera|non (?:verrà|sarà)|wordt niet|не будет|не будут|"
    r"nie będzie|no longer (?:needed|reproducible|relevant|valid|an? issue)|"
    r"not (?:an?(?! dup)|planned|applicable|reproducible|needed|required|possible)|"
    r"no (?:action|fix(?! (?:yet|released|available))|change|response|reply|repro)|as designed|by design)\b|"
    r"対応しない|修正しない|不予|不修|不会|하지 않을"
)


@lru_cache(maxsize=4096)
def is_unfinished(name: str) -> bool:
    """Whether the name of a status says that work goes on, though it may have a word of the finished in it."""
    text = _SIGNS.sub(" ", unicodedata.normalize("NFKC", name).casefold())
    if compiled(_FOR_GOOD).search(text):
        return False
    if compiled(_SENT_BACK).search(text) or compiled(_NEGATED).search(text):
        return True
    return compiled(_OPEN).search(text) is not None
