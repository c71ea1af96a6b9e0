"""A private issue is found in every language that a preset's CSV may come in: none of them is published by a word."""

from __future__ import annotations

import pytest

from importer.authoring.recognise import preset_shapes
from importer.codes import RESTRICTED_UNDECIDED
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


@pytest.mark.parametrize(("title", "private", "yes", "no"), REDMINE)
def test_redmine(bring: Bring, title: str, private: str, yes: str, no: str) -> None:
    """What says neither no nor nothing is private."""
    rows = [("#", title, private), ("1", "T", yes), ("2", "T", no), ("3", "T", ""), ("4", "T", "?")]
    found = bring("redmine", rows)
    assert [key for key, issue in found.items() if RESTRICTED_UNDECIDED in issue.codes] == ["1", "4"]


@pytest.mark.parametrize(("preset", "known"), [("redmine", REDMINE)])
def test_no_language_is_recognised_without_it(preset: str, known: list[tuple[str, ...]]) -> None:
    """A column that tells the language is in the table above, with the private one that goes with it."""
    [shape] = [shape for shape in preset_shapes()[preset] if shape.name == "CSV"]
    assert {title for title, *_ in known} >= set(shape.needs[-1])
