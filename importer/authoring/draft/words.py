"""Names of columns in many languages, by field and weight; and words that change what a header means."""

from __future__ import annotations

import re

from importer.phrases import tokens_of

Weights = dict[str, int]


def _weigh(**words: str) -> Weights:
    """Return word → weight: `w9="status|bug status"` gives both the weight 9."""
    return {word: int(weight[1:]) for weight, listed in words.items() for word in listed.split("|")}


def names_of(words: str) -> frozenset[str]:
    """Return the words of `id|key|number`."""
    return frozenset(words.split("|"))


TITLE = _weigh(
    w10="summary|subject|title|headline|short description|short desc|brief description|one line description|issue title"
    "|kurzbeschreibung|description courte|descripción breve|descrizione breve|betreff|titel|zusammenfassung|titre"
    "|résumé|objet|sujet|asunto|título|titulo|resumen|resumo|assunto|oggetto|titolo|riepilogo|onderwerp|samenvatting"
    "|temat|tytuł|podsumowanie|тема|название|заголовок|başlık|konu|özet|件名|題名|タイトル|標題|标题|主题|主題|概要|要約"
    "|摘要|제목|요약|ämne|rubrik|otsikko|emne|název|předmět|όνομα|العنوان|judul|tiêu đề",
    w9="heading|what happened|überschrift|encabezado|intitulé|intestazione",
    w7="finding|symptom|observation"
    "|name|task name|item name|issue name|card name|naam|nombre|nome|nom|bezeichnung|aufgabe|nazwa|ad|名前|名称|이름",
    w5="to do|message|task|ticket|issue|card|story|item|what|problem|request",
)
DESCRIPTION = _weigh(
    w10="description|desc|body|long description|description content|issue body|beschreibung|descripción|descrição"
    "|descrizione|beschrijving|описание|opis|açıklama|説明|詳細|描述|说明|說明|설명|내용|beskrivning|kuvaus|beskrivelse|popis",
    w7="notes|note|details|detail|content|text|memo|steps|steps to reproduce|message|notizen|inhalt|notas|anmerkungen"
    "|contenu|contenido|内容|備考|long desc",
    w5="request|inquiry|anfrage|demande|langtext|langbeschreibung|texte|texto",
)
SEVERITY = _weigh(
    w10="priority|severity|bug severity|priorität|schweregrad|priorité|gravité|sévérité|prioridad|gravedad|severidad"
    "|prioridade|gravidade|severidade|priorità|gravità|prioriteit|ernst|приоритет|серьезность|серьёзность|priorytet"
    "|öncelik|önem|優先度|优先级|優先順位|優先順序|優先級|重要度|严重程度|严重性|緊急度|우선순위|심각도|중요도|prioritet"
    "|prioriteetti|priorita",
    w8="prio|pri|sev|urgency|criticality|importance|dringlichkeit|wichtigkeit|urgence|urgencia|urgência|urgenza|важность|срочность",
    w6="impact|auswirkung|impacto|impatto|level|risk",
)
STATUS = _weigh(
    w10="status|bug status|issue status|task status|statut|estado|stato|toestand|zustand|status name|статус|durum"
    "|ステータス"
    "|状態|状态|狀態|상태|tila|stav|tilstand|situação|état|etat|состояние|stan",
    w9="state|stage|workflow state|issue state|bearbeitungsstand|stand|sachstand|avancement",
    w5="phase|step|workflow|progress|section|column|list|lane|swimlane|bucket|section column|board column|spalte|状況",
    w3="completed|closed|done|resolved|is resolved|is closed|is completed|finished|erledigt|complete|fixed"
    "|is fixed|solved|behoben|gelöst|terminé|résolu|hecho|resuelto|feito|fatto|klaar"
    "|готово|решено|gotowe|完了|已完成|완료",
)
CATEGORY = _weigh(
    w10="issue type|work item type|work type|issuetype|task type|ticket type|story type|card type|tracker|vorgangstyp"
    "|type de ticket|tipo de incidencia|課題タイプ|问题类型|이슈 유형|тип задачи",
    w9="type|kind|typ|tipo|soort|тип|tür|種別|種類|タイプ|类型|類型|유형|tyyppi|typ zgłoszenia|art",
    w8="category|categories|classification|classifications"
    "|kategorie|catégorie|categoria|categoría|categorie|категория|kategoria|kategori|カテゴリ|カテゴリー|分类|分類|분류",
    w5="component|area|module|components|topic|komponente|subsystem",
    w3="tag|tags|label|labels|product|service|project|team",
)
KEY = _weigh(
    w12="issue key|key|work item key|vorgangsschlüssel|schlüssel|clé|clave|chave|chiave|sleutel|ключ|klucz|anahtar"
    "|課題キー|キー|问题关键字|이슈 키|clé de ticket|clave de incidencia",
    w9="identifier|identificador|identifiant|kennung|identyfikator|идентификатор|case|defect|formatted id"
    "|issue id|task id|ticket id|bug id|defect id|case id|incident id|story id|card id|ticket number"
    "|issue number|case number|incident number|ticket no|gid|wid",
    w8="id|number|nummer|no|nr|num|ref|reference|numéro|número|numero|номер|numer|番号|编号|編號|번호|tracking id|code",
    w4="uuid|guid|iid|display id|self link|url|html url|link|permalink|web url|short link",
)
RESOLUTION = _weigh(
    w10="resolution|lösung|résolution|resolución|resolução|решение|解決状況|解决结果|close reason|state reason"
)
CLOSED = _weigh(
    w10="closed at|completed at|resolved at|closed|resolved|completed|date closed|date completed|closed date"
    "|completed date"
    "|resolution date|finished at|done date|date done|date resolved|resolved date|ended at|closed on|resolved on"
    "|closed at utc"
    "|resolutiondate|erledigt|erledigt am|abgeschlossen am|gelöst am"
    "|geschlossen am|resuelta|resolvido|解決日|已解决|last resolved|date fix released",
)
CREATED = _weigh(
    w10="created|created at|created on|created date|created time|creation date|creation time|date created|opened"
    "|opened at|opened on|open date|date opened|reported|reported at|reported on|reported date|date reported|raised"
    "|raised at|raised on|date raised|submitted|submitted at|submitted on|date submitted|logged|logged on|erstellt"
    "|erstellt am|erstellungsdatum|angelegt am|eröffnet|gemeldet am|création|créé|créé le|date de création|creado"
    "|creada|fecha de creación|criado|criado em|data de criação|creato|creato il|aangemaakt|aangemaakt op|создано"
    "|дата создания|utworzono|data utworzenia|作成日|作成日時|登録日|起票日|起票日時|発生日|発生日時|受付日"
    "|创建时间|创建日期|建立日期|생성일|등록일",
    w7="timestamp|received|received at|received on|eingegangen|reçu le|recibido|date|datum"
    "|fecha|data|дата|日付|日期|날짜",
)
STATUS_CATEGORY = _weigh(w10="status category|state type|state category|statuscategory|status type")
PEOPLE = names_of(
    "assignee|assignees|assigned|reporter|author|creator|created-by|owner|opened-by|reported-by|requester"
    "|submitter|user|responsible|assign|member|members|watcher|qa|contact|sender|from|bearbeiter|autor|melder"
    "|ersteller|rapporteur|responsable|informador|assegnatario|segnalatore|исполнитель|автор|担当者|報告者|経办人|经办人|报告人"
)
COMMENT_WORDS = names_of(
    "comment|comments|discussion|replies|work notes|kommentar|kommentare|commentaire|commentaires|comentario"
    "|comentarios|comentários|commento|commenti|opmerkingen|комментарий|комментарии|コメント|评论|備註|댓글"
    "|journals|notes|remark|remarks|bemerkung|bemerkungen|remarque|remarques|observaciones|observações|osservazioni"
)
"""Names of columns and arrays of comments."""
DISCUSSIONS = COMMENT_WORDS | {"updates", "messages", "posts", "threads", "conversations", "annotations", "stories"}
"""Last words of the names of arrays that may hold comments: `incident_updates`."""
OTHER_THINGS = names_of(
    "project|user|assignee|reporter|author|creator|owner|team|board|sprint|company|customer|client|organization"
    "|org|first|last|file|host|app|service|cycle|product|parent|epic|milestone|version|group|account|contact"
    "|email|mail|member|list|module|repo|repository|tag|label|category|type|status|state|priority|severity|stage"
    "|filter|workspace|space|iteration|release|created|updated|closed|modified|due|start|end|completed|resolved"
    "|changed|time|color|icon|count|reason|url|avatar|projekt|projet|proyecto"
)
"""Words that make a following `name` or `id` that of something else than the issue."""
NOT_A_VALUE = names_of(
    "id|ids|url|urls|uri|href|date|at|on|time|color|colour|icon|iconurl|count|order|position|index|rank|number"
    "|avatar|reason|changed|updated|created|since|sla|history|by|node|gid|self|link|total|score|estimate|due"
    "|start|description"
)
"""Words that make a status, priority or type beside them something else than a value."""
WRAPPERS = names_of("fields|data|attributes|properties|issue|node|item|system|microsoft|vsts|bug|ticket|task|incident")
"""Keys that only wrap a record, or name the vendor of a field."""
LEAVES = (
    "name",
    "displayname",
    "display name",
    "value",
    "label",
    "title",
    "text",
    "string",
    "login",
    "web",
    "username",
)
"""Last keys that name an object; better ones first."""


def may_discuss(array: str) -> bool:
    """Whether an array's name says that there may be comments in it."""
    words = tokens_of(array)
    return " ".join(words) in DISCUSSIONS or words[-1:] in {(word,) for word in DISCUSSIONS}


_COMPOUND_ENDS = ("status", "titel", "beschreibung", "priorität", "kategorie")
"""Words that German puts behind another as one word: `Ticketstatus`, `Fehlerbeschreibung`."""


IS, ENDS, BEGINS = 4, 1, -1
"""What is added to the weight of a word where the header is that word, ends with it, or begins with it."""


def weigh(tokens: tuple[str, ...], words: Weights) -> int:
    """Return the weight of a header by these words, 0 if it has none of them."""
    best = 0
    joined = " ".join(tokens)
    for word, weight in words.items():
        own = tuple(re.findall(r"[^\W_]+", word))
        if joined == word or "".join(tokens) == word:
            best = max(best, weight + IS)
        elif tokens[-len(own) :] == own or (word in _COMPOUND_ENDS and tokens and tokens[-1].endswith(word)):
            best = max(best, weight + ENDS)
        elif tokens[: len(own)] == own or (not word.isascii() and len(own) == 1 and len(word) > 1 and word in joined):
            best = max(best, weight + BEGINS)
    return best
