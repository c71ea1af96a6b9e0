"""Words of statuses and severities with their opposites, in many languages, written down before any rule."""

from __future__ import annotations


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (pair.partition("/") for pair in text.strip().replace("\n", "|").split("|"))
    return tuple((one, other) for one, _, other in pairs)


OPPOSITES = {
    "status": _pairs(
        """\
Resolved/Unresolved|Solved/Unsolved|Fixed/Unfixed|Complete/Incomplete|Completed/Not completed|Closed/Open
Closed/Not closed|Closed/Reopened|Done/To do|Done/Not done|Done/Undone|Finished/Unfinished|Released/Unreleased
Deployed/Not deployed|Verified/Unverified|Merged/Unmerged|Delivered/Undelivered|Cancelled/Active|Inactive/Active
Archived/Unarchived|Invalid/Valid|Duplicate/Not a duplicate|Obsolete/Current|Abandoned/Ongoing
Shipped/Not shipped|Implemented/Not implemented|Passed/Failed|Expired/Pending|Removed/Added|Dropped/Planned
Not planned/Planned|Won't fix/Will fix|Won't do/Will do|Cannot reproduce/Reproduced|Stopped/Started|Ended/Begun
Live/Not live|Erledigt/Unerledigt|Erledigt/Zu erledigen|Gelöst/Ungelöst|Behoben/Nicht behoben|Geschlossen/Offen
Abgeschlossen/Nicht abgeschlossen|Fertig/Unfertig|Abgelehnt/Angenommen|Résolu/Non résolu|Fermé/Ouvert
Terminé/À terminer|Refusé/Accepté|Resuelto/No resuelto|Cerrado/Abierto|Hecho/Por hacer|Terminado/Sin terminar
Resolvido/Não resolvido|Fechado/Aberto|Feito/A fazer|Risolto/Non risolto|Chiuso/Aperto|Fatto/Da fare
Opgelost/Onopgelost|Gesloten/Open|Klaar/Niet klaar|Решено/Не решено|Решено/Нерешено|Закрыто/Открыто
Готово/Не готово|Исправлено/Неисправлено|Выполнено/К выполнению|Gotowe/Nie gotowe|Zamknięte/Otwarte|完了/未完了
解決/未解決|対応済/未対応|完成/未完成|已解决/未解决|关闭/打开|关闭/未关闭|완료/미완료|해결/미해결|종료/진행
"""
    ),
    "severity": _pairs(
        """\
Urgent/Not urgent|Critical/Non-critical|Critical/Not critical|Important/Unimportant|Important/Not important
High/Low|Highest/Lowest|Major/Minor|Blocker/Trivial|Severe/Mild|Very high/Very low|Blocking/Non-blocking
Urgent/Non-urgent|Severe/Not severe|Serious/Not serious|Emergency/No emergency|Dringend/Nicht dringend
Kritisch/Unkritisch|Wichtig/Unwichtig|Hoch/Niedrig|Urgent/Pas urgent|Critique/Non critique|Élevée/Faible
Haute/Basse|Urgente/No urgente|Crítico/No crítico|Alta/Baja|Alta/Baixa|Alta/Bassa|Срочно/Не срочно
Срочно/Несрочно|Важно/Неважно|Критично/Некритично|Высокий/Низкий|高/低|紧急/不紧急|緊急/緊急でない|重要/不重要|重要/重要でない|높음/낮음
긴급/긴급하지 않음|Showstopper/Cosmetic|Data loss/No data loss|Crash/No crash
"""
    ),
}
"""Field → pairs: the first ends an issue, or is urgent; the second isn't."""
