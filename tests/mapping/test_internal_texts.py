"""What says that a text is for the team alone: by form and language, both ways."""

from __future__ import annotations

import pytest

from importer.mapping.header_names import find_flags, is_internal

NAMES = {
    "English": "Internal notes|internal_notes|InternalNotes|Work notes|work_notes|Comments and Work notes|Agent Notes"
    "|private_comment|Comments (internal)|Private notes|Notes - internal only|Staff notes|Internal team comments"
    "|Custom field (Internal notes)|Internal description|internal_notes[].body|fields.internal_comment|Not public notes"
    "|Internal comment 2|Notes for the team",
    "German": "Interne Notizen|Interner Kommentar|Interne Bemerkung|Arbeitsnotizen|Kommentar (intern)"
    "|Vertrauliche Notiz|Nicht öffentliche Kommentare|Interner Vermerk|Hinweise (nur intern)",
    "French": "Notes internes|Commentaires internes|Note privée|Notes de travail|Remarque interne",
    "Spanish": "Notas internas|Comentarios internos|Nota privada|Notas de trabajo|Observaciones internas",
    "Portuguese": "Notas internas|Comentários internos|Observações internas|Notas de trabalho|Nota privada",
    "Italian": "Note interne|Commenti interni|Nota privata|Osservazioni riservate|Note di lavoro",
    "Dutch": "Interne notities|Interne opmerkingen|Werknotities|Privé notitie|Opmerking (intern)",
    "Polish": "Notatki wewnętrzne|Komentarz wewnętrzny|Uwagi wewnętrzne|Prywatna notatka",
    "Russian": "Внутренние заметки|Внутренний комментарий|Служебные примечания|Комментарии (внутренние)",
    "Japanese": "社内メモ|社内コメント|内部備考|非公開コメント|作業メモ|社内用メモ|コメント(社内)",
    "Chinese": "内部备注|内部评论|內部備註|私有备注|工作注释|不公开评论|备注(内部)",
    "Korean": "내부 메모|내부 댓글|비공개 댓글|작업 노트|내부용 메모",
}
OTHER_NAMES = {
    "English": "Public notes|Notes|Release notes|Comments|Internal ID|Private Endpoint|Internal|Private"
    "|Internal priority|Internal reference|Internal note ID|Private comments count|work_notes_list"
    "|Non-internal comments|Internal error message|Internal server|Team|Agent|Comment by agent|Private key"
    "|Agent comment"
    "|Customer notes|Close notes|Notes 2|Patch notes|International notes|Internship|Additional comments"
    "|Worklog|Comments[?!internal]|Footnotes",
    "German": "Notizen|Öffentliche Notizen|Interne ID|Internet|Bemerkung|Privatkunde|Interne Priorität",
    "French": "Notes|Notes publiques|Note de version|Remarques|Référence interne|Numéro interne",
    "Spanish": "Notas|Notas públicas|Notas de la versión|Código interno|Cliente privado",
    "Portuguese": "Notas|Comentários|Código interno|Notas públicas",
    "Italian": "Note|Note pubbliche|Codice interno",
    "Dutch": "Notities|Opmerkingen|Intern nummer",
    "Polish": "Notatki|Uwagi|Numer wewnętrzny",
    "Russian": "Заметки|Комментарии|Внутренний номер|Публичные комментарии",
    "Japanese": "メモ|コメント|備考|公開コメント|社内番号|内部ID",
    "Chinese": "备注|评论|公开备注|内部编号",
    "Korean": "메모|댓글|공개 댓글|내부 번호",
}
ALONE = "Internal|PRIVATE|staff only|Intern|Nur intern|Interne|Interno|Privé|Wewnętrzne|Внутренние|社内|内部|내부"
NOT_ALONE = "Public|Issues|Comments|Notes|Sheet1|Internet|International|Customer|Öffentlich|Publique|公開|公开|공개"

FLAGS = [
    *[("private", yes) for yes in ("true", "TRUE", "1", "yes", "Administrators", "ja", "oui", "да", "はい")],
    *[(name, "true") for name in ("is_internal", "isInternal", "internal", "is_private", "isprivate", "private_notes")],
    *[
        (name, "true")
        for name in ("confidential", "hidden", "internalFlag", "ForTechsOnly", "invisibleForCaller", "_internal")
    ],
    *[("intern", "ja"), ("Privé", "oui"), ("interno", "sí"), ("внутренний", "да"), ("内部", "是"), ("社内", "はい")],
    *[
        (name, "false")
        for name in ("public", "is_public", "jsdPublic", "IsPublished", "visible_to_customer", "visible")
    ],
    *[
        ("public", "0"),
        ("IsVisibleForCustomer", "0"),
        ("showToRequester", "no"),
        ("öffentlich", "nein"),
        ("公開", "いいえ"),
    ],
    *[
        ("visibility", value)
        for value in ("internal", "private", "team", "InternalUsers", '{"type":"role","value":"Admins"}')
    ],
    *[
        ("view_state", "private"),
        ("Visible to", "Developers"),
        ("permittedGroup", "jira-users"),
        ("видимость", "команда"),
    ],
    *[
        ("type", value)
        for value in ("note", "work_note", "internal", "Internal note", "note-internal", "private", "whisper")
    ],
    *[
        ("part_type", "note"),
        ("channel", "internal-note"),
        ("kind", "NOTE"),
        ("comment_type", "private"),
        ("種別", "社内メモ"),
    ],
]
NO_FLAGS = [
    *[("private", no) for no in ("false", "False", "0", "no", "", "nein", "нет", "いいえ", "null")],
    *[(name, "false") for name in ("is_internal", "internal", "confidential", "private_notes", "hidden")],
    *[(name, "true") for name in ("public", "is_public", "jsdPublic", "IsPublished", "visible_to_customer")],
    *[("public", ""), ("is_public", "1"), ("公開", "はい"), ("öffentlich", "ja")],
    *[
        ("visibility", value)
        for value in ("public", "Public", "everyone", "", "{}", "AllUsers", "公開", "öffentlich", "[]")
    ],
    *[("visibility", '{"$type":"UnlimitedVisibility"}'), ("visibility", '{"identifier":"public"}')],
    *[
        ("type", value)
        for value in ("comment", "reply", "email", "public", "message", "DiscussionNote", "", "customer")
    ],
    *[
        ("component", "Private Endpoint"),
        ("internal_id", "7"),
        ("private_key", "x"),
        ("note", "Call back"),
        ("author", "agent"),
    ],
    *[
        ("is_private_endpoint", "true"),
        ("title", "Internal"),
        ("tags", "internal"),
        ("public_email", "0"),
        ("type_id", "note"),
    ],
]


@pytest.mark.parametrize("language", NAMES)
def test_names(language: str) -> None:
    """Of columns, sheets, files and headers."""
    assert [name for name in NAMES[language].split("|") if not is_internal(name)] == []
    assert [name for name in OTHER_NAMES[language].split("|") if is_internal(name)] == []


def test_names_that_say_no_more() -> None:
    """Of a sheet or a header, which are of texts; a column `Internal` may say yes and no."""
    assert [name for name in ALONE.split("|") if is_internal(name) or not is_internal(name, alone=True)] == []
    assert [name for name in NOT_ALONE.split("|") if is_internal(name, alone=True)] == []


def test_flags() -> None:
    """Of an element: yes and no, who may read it, and what kind of text it is."""
    assert [flag for flag in FLAGS if not is_internal(*flag)] == []
    assert [flag for flag in NO_FLAGS if is_internal(*flag)] == []
    assert find_flags(("id", "body", "is_internal", "type", "author", "public_email")) == ("is_internal", "type")


def test_labels_of_a_journal() -> None:
    """What a comment says of itself, whatever part of it does: whatever isn't known to be public is asked about."""
    inside = "true|1|Work notes|Arbeitsnotizen|Notes de travail|作業メモ|restricted|Role: Admins|Internal comments|Memo"
    outside = (
        "false|no|0|public|Additional comments|Comments|Kommentare|Zusätzliche Kommentare|Commentaires supplémentaires"
    )
    outside += "|Comentarios adicionales|追加コメント"
    assert [label for label in inside.split("|") if not is_internal("visibility", label)] == []
    assert [label for label in outside.split("|") if is_internal("visibility", label)] == []
