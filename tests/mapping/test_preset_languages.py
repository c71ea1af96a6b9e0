"""What presets read in other languages. A private issue is found in every one: none of them is published by a word."""

from __future__ import annotations

import pytest

from importer.authoring.recognise import preset_shapes
from importer.codes import RESTRICTED_UNDECIDED
from importer.mapping.identities import Identity
from tests.harness.brought import Bring

# As Redmine's locales have them: the title's column, the private one's, yes, no
REDMINE = [
    ("الموضوع", "خاص", "نعم", "لا"),
    ("Mövzu", "Şəxsi", "Bəli", "Xeyr"),
    ("Заглавие", "Лична", "Да", "Не"),
    ("Tema", "Privat", "Si", "No"),
    ("Předmět", "Soukromý", "Ano", "Ne"),
    ("Emne", "Private", "Ja", "Nej"),
    ("Thema", "Privat", "Ja", "Nein"),
    ("Θέμα", "Private", "Ναι", "Όχι"),
    ("Subject", "Private", "Yes", "No"),
    ("Asunto", "Privada", "Sí", "No"),
    ("Teema", "Privaatne", "Jah", "Ei"),
    ("Gaia", "Pribatu", "Bai", "Ez"),
    ("موضوع", "محرمانه", "آری", "خیر"),
    ("Aihe", "Private", "Kyllä", "Ei"),
    ("Sujet", "Privée", "Oui", "Non"),
    ("Tema", "Privadas", "Si", "Non"),
    ("שם נושא", "Private", "כן", "לא"),
    ("Predmet", "Private", "Da", "Ne"),
    ("Tárgy", "Privát", "Igen", "Nem"),
    ("Perihal", "Private", "Ya", "Tidak"),
    ("Oggetto", "Privato", "Sì", "No"),
    ("題名", "プライベート", "はい", "いいえ"),
    ("제목", "비공개", "예", "아니오"),
    ("Tema", "Privatus", "Taip", "Ne"),
    ("Temats", "Private", "Jā", "Nē"),
    ("Наслов", "Private", "Да", "Не"),
    ("Гарчиг", "Private", "Тийм", "Үгүй"),
    ("Onderwerp", "Privé", "Ja", "Nee"),
    ("Emne", "Privat", "Ja", "Nei"),
    ("Temat", "Prywatne", "Tak", "Nie"),
    ("Título", "Privado", "Sim", "Não"),
    ("Assunto", "Privado", "Sim", "Não"),
    ("Subiect", "Private", "Da", "Nu"),
    ("Тема", "Частная", "Да", "Нет"),
    ("Predmet", "Súkromné", "Áno", "Nie"),
    ("Tema", "Zaseben", "Da", "Ne"),
    ("Subjekt", "Private", "Po", "Jo"),
    ("Predmet", "Privatno", "Da", "Ne"),
    ("Предмет", "Private", "Да", "Не"),
    ("Ämne", "Privat", "Ja", "Nej"),
    ("பொருள்", "தனியார்", "ஆம்", "இல்லை"),
    ("เรื่อง", "Private", "ใช่", "ไม่"),
    ("Konu", "Özel", "Evet", "Hayır"),
    ("Тема", "Приватна", "Так", "Ні"),
    ("Chủ đề", "Riêng tư", "Có", "Không"),
    ("主旨", "私人", "是", "否"),
    ("主题", "私有", "是", "否"),
]

# As Mantis's language files have them: the titles of summary, reproducibility and view status, public, private
MANTIS = [
    ("Samenvatting", "Herproduseerbaarheid", "Sigbaarheid", "public", "private"),
    ("ማጠቃለያ", "Reproducibility", "View Status", "public", "private"),
    ("ملخص", "القابلية لإعادة الإنتاج", "عرض الحالة", "علني", "خاص"),
    ("Resume", "Reproducibilidá", "Visibilidá", "públicu", "priváu"),
    ("Laburpena", "Erreproduzigarritasuna", "Ikuskatze Egoera", "publikoa", "pribatua"),
    ("Падсумаваньне", "Паўтараемасьць", "Паказаць статус", "публічны", "прыватны"),
    ("Diverradur", "Adproduusted", "Gwelet ar statud", "foran", "prevez"),
    ("Резюме", "Възпроизводимост", "Визуален статус", "публичен", "частен"),
    ("Resum", "Reproductibilitat", "Visibilitat", "públic", "privat"),
    ("摘要", "出现频率", "查看权限", "公开", "私有"),
    ("摘要", "出現頻率", "檢視狀態", "公開", "非公開"),
    ("Sažetak", "Učestalost", "Vidljivost", "public", "private"),
    ("Shrnutí", "Reprodukovatelnost", "Stav zobrazení", "veřejný", "soukromý"),
    ("Opsummering", "Reproducerbarhed", "Vis status", "offentlig", "privat"),
    ("Samenvatting", "Reproduceerbaarheid", "Zichtbaarheid", "openbaar", "intern"),
    ("Summary", "Reproducibility", "View Status", "public", "private"),
    ("Resumo", "Reproducibility", "Vidi Staton", "publika", "privata"),
    ("Kokkuvõte", "Korratavus", "Staatus", "avalik", "privaatne"),
    ("Yhteenveto", "Toistettavuus", "Tila", "julkinen", "yksityinen"),
    ("Résumé", "Reproductibilité", "Visibilité", "public", "privé"),
    ("Resumo", "Reproducibilidade", "Visibilidade", "público", "privado"),
    ("შეჯამება", "რეპროდუცირებლობა", "ხედვის სტატუსი", "საჯარო", "კერძო"),
    ("Zusammenfassung", "Reproduzierbar", "Sichtbarkeit", "öffentlich", "privat"),
    ("Περίληψη (μέχρι 64 χαρακτήρες)", "Επανεμφάνιση", "Προβολή Κατάστασης", "δημόσια", "ιδιωτική"),
    ("תקציר", "ניתן לשחזור", "הרשאת צפייה", "ציבורי", "מוגבל"),
    ("सारांश", "पुनरावृत्ति", "स्थिति देखें", "सार्वजनिक", "निजी"),
    ("Összefoglaló", "Reprodukálhatóság", "Láthatóság", "nyilvános", "privát"),
    ("Yfirlit", "Möguleg endurtekning", "Sjá stöðu", "almennt", "læst"),
    ("Summario", "Reproducibilitate", "Visibilitate", "public", "private"),
    ("Riassunto", "Riproducibilità", "Visibilità", "pubblico", "privato"),
    ("要約", "再現性", "公開設定", "公開", "非公開"),
    ("요약", "재발생 가능성", "공개/비공개", "공개", "비공개"),
    ("Īss apraksts", "Atkārtojamība", "Pieejas status", "publisks", "privāts"),
    ("Santrauka", "Pasikartojimas", "Peržiūrėti būseną", "viešas", "uždaras"),
    ("Resümmee", "Reproducibility", "Status weisen", "ëffentlech", "privat"),
    ("Краток опис", "Повикливост", "Видливост", "јавна", "лична"),
    ("Oppsummering", "Mulighet for å reprodusere", "Visningsstatus", "Offentlig", "Privat"),
    ("Samandrag", "Kan verta reprodusert", "View Status", "offentleg", "privat"),
    ("Resumit", "Reproductibilitat", "Afichar l'estat", "public", "privat"),
    ("خلاصه", "قابلیت اجرا دوباره", "نمایش وضعیت", "عمومی", "خصوصی"),
    ("Temat", "Powtarzalność", "Widoczność", "publiczny", "prywatny"),
    ("Resumo", "Reprodutibilidade", "Visibilidade", "público", "privado"),
    ("Resumo", "Frequência", "Visualização", "público", "privado"),
    ("Sumar", "Cât de des apare problema?", "Mod de afișare", "public", "privat"),
    ("Тема", "Воспроизводимость", "Видимость", "публичная", "приватная"),
    ("خلاصہ", "Reproducibility", "حیثیت ݙکھاؤ", "public", "private"),
    ("Кратак опис", "Понављање", "Преглед статуса", "јавно", "приватно"),
    ("Kratak opis", "Ponavljanje", "Pregled statusa", "javno", "privatno"),
    ("Summary", "Reproducibility", "View Status", "javna", "lična"),
    ("Zhrnutie", "Reprodukovateľnosť", "Zobraziť status", "verejný", "súkromný"),
    ("Povzetek", "Ponovljivost", "Zasebnost", "javno", "zasebno"),
    ("Resumen", "Reproducibilidad", "Visibilidad", "público", "privado"),
    ("Sammanfattning", "Upprepbarhet", "Visa status", "publik", "privat"),
    ("Zämmefassig", "Reproduzierbar", "Aazeigstatus", "effentlig", "privat"),
    ("Buod", "Kakayahang maigawa/magawaan ng sipi", "Tingnan ang Kalagayan", "pangmadla/publiko", "pansarili/pribado"),
    ("Özet", "Tekrarlanabilirlik", "Durumu Gör", "herkese açık", "özel"),
    ("Статистика", "Відтворюваність", "Рівень доступу", "спільна", "закрита"),
    ("خاکہ", "دوبارہ بنانا", "مقام دکھاو", "آزاد", "غیر آزاد"),
    ("Tóm tắt", "Khả năng tái sản xuất", "Xem trạng thái", "công cộng", "riêng tư"),
]


@pytest.mark.parametrize(("title", "private", "yes", "no"), REDMINE)
def test_redmine(bring: Bring, title: str, private: str, yes: str, no: str) -> None:
    """What says neither no nor nothing is private."""
    rows = [("#", title, private), ("1", "T", yes), ("2", "T", no), ("3", "T", ""), ("4", "T", "?")]
    found = bring("redmine", rows)
    assert [key for key, issue in found.items() if RESTRICTED_UNDECIDED in issue.codes] == ["1", "4"]


@pytest.mark.parametrize(("title", "often", "view", "public", "private"), MANTIS)
def test_mantis(bring: Bring, title: str, often: str, view: str, public: str, private: str) -> None:
    """What is neither public nor nothing is private."""
    rows = [("ID", title, often, view), *((str(n), "T", "1", cell) for n, cell in enumerate((public, private, "")))]
    found = bring("mantis", rows)
    assert [key for key, issue in found.items() if RESTRICTED_UNDECIDED in issue.codes] == ["1"]


def test_no_language_is_recognised_without_it() -> None:
    """A column that tells the language is in the tables above, with the private one that goes with it."""
    shapes = {name: next(shape.needs[-1] for shape in preset_shapes()[name]) for name in ("redmine", "mantis")}
    assert {title for title, *_ in REDMINE} >= set(shapes["redmine"])
    told = {name for _, often, view, *_ in MANTIS for name in (often, view)}
    assert set(shapes["mantis"]) - told == {"Date Submitted", "Product Version", "Fixed in Version", "Meldungsdatum"}


@pytest.mark.parametrize(
    ("key", "title", "level"),
    [
        ("Vorgangsschlüssel", "Zusammenfassung", "Sicherheitsstufe"),
        ("Clé de ticket", "Résumé", "Niveau de sécurité"),
        ("Clave de incidencia", "Resumen", "Nivel de seguridad"),
        ("Chave da item", "Resumo", "Nível de segurança"),
        ("Chiave ticket", "Riepilogo", "Livello di sicurezza"),
        ("Issuesleutel", "Samenvatting", "Beveiligingsniveau"),
        ("Klucz zgłoszenia", "Podsumowanie", "Poziom bezpieczeństwa"),
        ("Kayıt anahtarı", "Özet", "Güvenlik düzeyi"),
        ("Klíč požadavku", "Souhrn", "Úroveň zabezpečení"),
        ("Ärendenyckel", "Sammanfattning", "Säkerhetsnivå"),
        ("Sagsnøgle", "Opsummering", "Sikkerhedsniveau"),
        ("Saksnøkkel", "Sammendrag", "Sikkerhetsnivå"),
        ("課題キー", "要約", "セキュリティ レベル"),
        ("问题关键字", "概要", "安全级别"),
        ("議題金鑰", "摘要", "安全性等級"),
        ("이슈 키", "요약", "보안 수준"),
        ("Ключ задачи", "Тема", "Уровень безопасности"),
    ],
)
def test_jira(bring: Bring, key: str, title: str, level: str) -> None:
    """Whatever stands in its security level restricts an issue."""
    found = bring("jira", [(key, title, level), ("VO-1", "T", "Staff"), ("VO-2", "T", "")])
    assert [key for key, issue in found.items() if RESTRICTED_UNDECIDED in issue.codes] == ["VO-1"]


def test_redmine_relations_in_german(bring: Bring) -> None:
    """Its words say of which kind each is, and which way it points."""
    words = "Beziehung mit #2, Blockiert #3, Blockiert durch #6, Duplikat von #7, Vorgänger von (1 Tag) #8"
    found = bring("redmine", [("#", "Thema", "Zugehörige Tickets"), ("13", "T", words)])["13"]
    assert sorted(found.relations) == [
        ("13", "blocks", "3"),
        ("13", "duplicate_of", "7"),
        ("13", "related_to", "2"),
        ("13", "related_to", "8"),
        ("6", "blocks", "13"),
    ]


def test_jira_people_and_parents_in_german(bring: Bring) -> None:
    """Whose an account is, is said by columns with other names; so is a parent."""
    header = ["Zusammenfassung", "Vorgangsschlüssel", "Vorgangs-ID", "Status", "Zugewiesene Person"]
    header += ["ID der zugewiesenen Person", "Autor", "ID des Autors", "Übergeordnet", "Kommentar"]
    people = ["Ann Meyer", "5f1", "Ben", "5f2"]
    epic = ["Echo", "VO-1", "10001", "Fertig", *people, "", ""]
    task = ["Hall", "VO-2", "10002", "Fertig", *people, "10001", "05.Sep.25 7:24 AM;5f2;[~accountid:5f1] so"]
    found = bring("jira", [header, epic, task])["VO-2"]
    assert found.comments == [("Ben", "05.Sep.25 7:24 AM", "(at)Ann Meyer so")]
    assert found.relations == [("VO-1", "related_to", "VO-2")]
    assert found.assignee == Identity("Ann Meyer", "5f1")


def test_jira_links_in_french(bring: Bring) -> None:
    """The column is translated, the kind of the link is not."""
    header = ["Résumé", "Clé de ticket", "État", "Clé parent", "Lien de ticket sortant (Blocks)"]
    row = ["T", "VO-2", "Terminé", "VO-1", "VO-3", "VO-4"]
    found = bring("jira", [[*header, "Lien du ticket entrant (Duplicate)"], row])
    assert found["VO-2"].relations == [
        ("VO-1", "related_to", "VO-2"),
        ("VO-2", "blocks", "VO-3"),
        ("VO-4", "duplicate_of", "VO-2"),
    ]


def test_backlog_comments_in_japanese(bring: Bring) -> None:
    """Each numbered column is a comment."""
    header = ("キーID", "キー", "件名", "種別ID", "種別", "状態", "コメント1", "コメント2")
    found = bring("backlog", [header, ("1", "SHOP-4", "T", "7", "バグ", "完了", "一", "二")])["SHOP-4"]
    assert found.comments == [("", "", "一"), ("", "", "二")]
