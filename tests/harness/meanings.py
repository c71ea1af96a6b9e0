"""What people write for a status, a severity, nobody and an answer, in twelve languages, and what they mean by it.

Written down before the vocabulary, not from it.
"""

from __future__ import annotations

PHRASES = """\
status | en | todo | open; New; To Do; TODO; not_started; Not Started; notStarted; unstarted; Reopened; re-opened;
  Ready for dev; Ready to start; Selected for Development; Planned; Scheduled; Queued; Next up; Up Next; This Sprint;
  Submitted; Received; To be done; won't be done
status | en | backlog | Backlog; Icebox; Someday; Maybe later; Ideas; Parked; Parking lot; Deferred; Postponed; On
  ice; Unscheduled; Future; Wishlist; Not now; Untriaged
status | en | in_progress | In Progress; in-progress; inProgress; Doing; WIP; Started; Working on it; Under
  investigation; Investigating; Blocked; On Hold; Waiting for customer; Waiting on vendor; Pending info; Being worked
  on; Active; Coding; In development; Rework; Failed QA; Rejected by QA; QA failed; Sent back from review; Almost
  done; 80% done
status | en | in_review | In Review; Code Review; Ready for QA; In QA; Testing; UAT; deployed_in_uat; Deployed to
  staging; Pending review; Awaiting approval; Ready for release; To be verified; In acceptance; Ready to merge; Peer
  review; Waiting for deploy; Dev complete; Untested; Unverified; Resolved, not verified
status | en | done | Done; Completed; Complete; Finished; Fixed; Resolved; Solved; Released; Shipped; Deployed;
  Deployed to production; Live; Merged; Verified; Delivered; Fix released; In production; DONE ✅
status | en | closed | Closed; Won't Fix; wontfix; WONT_FIX; Won't do; Cancelled; canceled; Duplicate; Invalid;
  Rejected; Declined; Not a bug; By design; Cannot reproduce; cant_reproduce; Not reproducible; Obsolete; Abandoned;
  Archived; Works for me; Out of scope; Not planned; Closed as duplicate; Withdrawn
status | en | todo | Never started; no longer done; Not done; Nothing done; Anything but done
status | en | in_progress | Onhold; Workinprogress
status | en | in_review | InQA; Readyfortest; Codereview; Nottested
status | de | todo | Nichtbegonnen
status | fr | in_progress | Encours; Enattente
status | de | todo | Keineswegs fertig; Alles andere als fertig; Nicht mehr erledigt; Erledigt? Nein; Erledigt? Noch
  nicht; Weder behoben noch gelöst
status | fr | todo | Rien de fait; Pas du tout fini; Résolu ? Non
status | es | todo | Nada hecho; ¿Resuelto? No; Tampoco terminado
status | pt | todo | Nada feito; Resolvido? Não
status | it | todo | Niente di fatto; Risolto? No
status | de | todo | Offen; Neu; Zu erledigen; Nicht begonnen; Noch nicht gestartet; Geplant; Wieder geöffnet;
  Wiedereröffnet; Eingegangen; Nicht angefangen
status | de | backlog | zurückgestellt; Zurückgestellt; Aufgeschoben; Ideen; Irgendwann; Später; Vertagt; Geparkt
status | de | in_progress | In Arbeit; In Bearbeitung; Begonnen; Läuft; Blockiert; Wartet auf Kunde; Wartend;
  Pausiert; Zugewiesen; Fast fertig; Teilweise erledigt; In Umsetzung; Test fehlgeschlagen
status | de | in_review | In Prüfung; Im Test; Zur Abnahme; Wartet auf Freigabe; Zu prüfen; In Abnahme; Ungeprüft;
  Ungetestet; Review
status | de | done | Erledigt; Alles erledigt; Fertig; Behoben; Gelöst; Umgesetzt; Abgeschlossen; Ausgeliefert;
  Fertiggestellt
status | de | closed | Geschlossen; erfolgreich geschlossen; Abgelehnt; Verworfen; Abgebrochen; Storniert; Wird nicht
  behoben; Nicht reproduzierbar; Kein Fehler; Duplikat; Doppelt; Zurückgezogen; Hinfällig
status | fr | todo | Ouvert; Ouverte; Nouveau; À faire; A faire; Pas commencé; Non démarré; Planifié; Réouvert
status | fr | backlog | Reporté; Plus tard; Idées; Différé; En réserve
status | fr | in_progress | En cours; En attente; Commencé; Bloqué; Presque terminé; En cours de traitement; Suspendu;
  Démarré
status | fr | in_review | En revue; À valider; À tester; En recette; En validation; En test; Relecture
status | fr | done | Terminé; Résolu; Livré; Fini; Corrigé; Fait; Déployé; Réglé
status | fr | closed | Fermé; Clos; Clôturé; Rejeté; Refusé; Annulé; Abandonné; Doublon; Ne sera pas corrigé; Non
  reproductible
status | es | todo | Abierto; Nuevo; Por hacer; Pendiente; Sin empezar; No iniciado; Reabierto; Planificado; Sin
  iniciar
status | es | backlog | Aplazado; Pospuesto; Más adelante; Ideas futuras
status | es | in_progress | En curso; En progreso; En proceso; Haciendo; Bloqueado; En espera; Asignado; Casi
  terminado; Esperando al cliente
status | es | in_review | En revisión; En pruebas; Por validar; Por revisar; En validación
status | es | done | Hecho; Resuelto; Terminado; Completado; Listo; Finalizado; Corregido; Entregado; Solucionado
status | es | closed | Cerrado; Rechazado; Cancelado; Descartado; Duplicado; No se corregirá; Anulado; No
  reproducible; Inválido
status | pt | todo | Aberto; Novo; A fazer; Pendente; Não iniciado; Reaberto; Planejado
status | pt | backlog | Adiado; Mais tarde
status | pt | in_progress | Em andamento; Em progresso; Fazendo; Bloqueado; Aguardando cliente; Em espera; Quase
  pronto
status | pt | in_review | Em revisão; Em testes; Em homologação; Para validar
status | pt | done | Feito; Concluído; Resolvido; Pronto; Finalizado; Entregue; Corrigido
status | pt | closed | Fechado; Rejeitado; Cancelado; Descartado; Duplicado; Não será corrigido; Encerrado
status | it | todo | Aperto; Nuovo; Da fare; Non iniziato; Riaperto; Pianificato
status | it | backlog | Rimandato; Posticipato
status | it | in_progress | In corso; In lavorazione; In attesa; Bloccato; Quasi finito; Assegnato
status | it | in_review | In revisione; Da verificare; In collaudo; In test
status | it | done | Fatto; Risolto; Completato; Finito; Rilasciato; Consegnato
status | it | closed | Chiuso; Rifiutato; Annullato; Scartato; Duplicato; Non verrà corretto
status | nl | todo | Open; Nieuw; Te doen; Niet gestart; Gepland; Heropend
status | nl | backlog | Uitgesteld; Later
status | nl | in_progress | Bezig; In behandeling; In uitvoering; Wacht op klant; Geblokkeerd; Bijna klaar
status | nl | in_review | In review; Te testen; Ter goedkeuring; Nakijken
status | nl | done | Klaar; Opgelost; Afgerond; Voltooid; Gereed; Gedaan
status | nl | closed | Gesloten; Afgewezen; Geannuleerd; Dubbel; Wordt niet opgelost
status | pl | todo | Otwarte; Nowe; Do zrobienia; Nie rozpoczęte; Zaplanowane
status | pl | in_progress | W toku; W trakcie; Oczekuje; Zablokowane; Prawie gotowe
status | pl | in_review | Do sprawdzenia; W weryfikacji; W testach
status | pl | done | Zrobione; Gotowe; Zakończone; Rozwiązane; Wykonane
status | pl | closed | Zamknięte; Odrzucone; Anulowane; Duplikat
status | ru | todo | Открыт; Новая; Сделать; К выполнению; Не начато; Переоткрыт; Запланировано
status | ru | backlog | Отложено; Бэклог; Идеи
status | ru | in_progress | В работе; В процессе; Ожидает клиента; Заблокировано; Приостановлено; Назначено; Почти
  готово
status | ru | in_review | На проверке; Тестирование; На ревью; На согласовании; В тесте
status | ru | done | Готово; Сделано; Выполнено; Решено; Исправлено; Завершено
status | ru | closed | Закрыто; Отклонено; Отменено; Дубликат; Не будет исправлено; Не воспроизводится
status | zh | todo | 新建; 打开; 待处理; 未开始; 重新打开; 待办; 未着手
status | zh | backlog | 延期; 暂缓; 需求池; 推迟
status | zh | in_progress | 进行中; 处理中; 开发中; 阻塞; 挂起; 已分配; 基本完成
status | zh | in_review | 测试中; 待验证; 评审中; 待测试; 验收中; 待发布
status | zh | done | 已完成; 已解决; 完成; 已修复; 已发布; 已上线
status | zh | closed | 已关闭; 已拒绝; 取消; 重复; 不予处理; 无法重现; 已取消
status | ja | todo | 完了していない; 解決されていません; 未着手; 未対応; 新規; オープン; 着手前; やること; 再オープン
status | ja | backlog | バックログ; 延期; いつか; 見送り中
status | ja | in_progress | 進行中; 対応中; 作業中; 保留; 処理中; ほぼ完了; 調査中
status | ja | in_review | レビュー中; 確認待ち; テスト中; レビュー待ち; リリース待ち
status | ja | done | 完了; 対応済み; 解決済み; 修正済み; リリース済み
status | ja | closed | クローズ; 却下; 対応しない; 中止; 重複; 仕様通り; 再現不可
status | ko | todo | 할 일; 신규; 미착수; 열림; 시작 전
status | ko | in_progress | 진행 중; 처리 중; 보류; 작업 중; 거의 완료
status | ko | in_review | 검토 중; 테스트 중; 리뷰
status | ko | done | 완료; 해결됨; 처리 완료
status | ko | closed | 닫힘; 취소; 반려; 중복
severity | en | critical | Critical; Urgent; Blocker; Highest; Very high; Emergency; Immediate; Showstopper; ASAP; P0;
  Sev 0; S0; Fatal; drop everything
severity | en | high | High; Major; Important; Serious; Severe; P1; High priority; Must fix
severity | en | medium | Medium; Normal; Moderate; Average; Med; P2; Standard
severity | en | low | Low; Lowest; Minor; Trivial; Cosmetic; Nice to have; nonurgent; non-urgent; Not urgent;
  Non-critical; less important; Not important; unimportant; Very low; P4; not critical; No rush; low-priority; P3
severity | en | low | nothing urgent; no urgency; without urgency; P3 - Low; P4 - low priority
severity | en | critical | P0 - Critical; P1 - Critical; 1 - Urgent; Blocker (P1)
severity | en | medium | Sev 2 - Medium; P3 - Normal
severity | de | low | Keine Eile; keine Dringlichkeit
severity | fr | low | Aucune urgence; Sans urgence; Rien d'urgent
severity | fr | critical | le plus urgent; la plus critique
severity | es | low | Nada urgente; Sin urgencia; Ninguna urgencia
severity | pt | low | Nada urgente; Sem urgência; Nenhuma urgência
severity | it | low | Nessuna urgenza; Senza urgenza; niente di urgente
severity | de | critical | Kritisch; sehr hoch; Dringend; Sofort; Höchste; Blockierend; Blocker
severity | de | high | Hoch; Wichtig; Schwerwiegend
severity | de | medium | Mittel; Normal
severity | de | low | Niedrig; Gering; Nicht dringend; Unkritisch; Sehr niedrig; Nicht kritisch; weniger wichtig;
  Unwichtig; Kosmetisch
severity | fr | critical | La plus élevée; Critique; Urgent; Très haute; Très élevée; Bloquant; Immédiat
severity | fr | high | Haute; Élevée; Majeur; Important; Élevé
severity | fr | medium | Moyenne; Moyen; Normale; Modérée
severity | fr | low | Basse; Faible; Pas urgent; Mineur; Peu important; Non critique; La plus basse; Très faible
severity | es | critical | muy alta; Crítica; Urgente; Inmediata; Máxima; Bloqueante; La más alta
severity | es | high | Alta; Importante; Grave
severity | es | medium | Media; Normal; Moderada
severity | es | low | Baja; No urgente; Menor; Muy baja; Poco importante; No crítica; La más baja
severity | pt | critical | Crítica; Urgente; Muito alta; Imediata; Bloqueadora
severity | pt | high | Alta; Importante
severity | pt | medium | Média; Normal
severity | pt | low | Baixa; Não urgente; Pouco importante; Muito baixa
severity | it | critical | Critica; Urgente; Altissima; Molto alta; Bloccante
severity | it | high | Alta; Importante
severity | it | medium | Media; Normale
severity | it | low | Bassa; Non urgente; Minore; Molto bassa
severity | nl | critical | Kritiek; Urgent; Zeer hoog; Dringend; Blokkerend
severity | nl | high | Hoog; Belangrijk
severity | nl | medium | Gemiddeld; Normaal
severity | nl | low | Laag; Niet urgent; Niet belangrijk; Zeer laag
severity | ru | critical | Критический; Срочно; Очень высокий; Наивысший; Блокирующий; Немедленно
severity | ru | high | Высокий; Важно; Серьёзный
severity | ru | medium | Средний; Обычный; Нормальный
severity | ru | low | Низкий; Не срочно; Незначительный; Очень низкий; Неважно
severity | zh | critical | 紧急; 最高; 致命; 非常高
severity | zh | high | 高; 重要; 严重
severity | zh | medium | 中; 普通; 一般
severity | zh | low | 低; 不紧急; 不重要; 最低; 轻微
severity | ja | critical | 緊急; 最高; 至急; 致命的
severity | ja | high | 高; 重要; 重大
severity | ja | medium | 中; 通常; 普通
severity | ja | low | 低; 急ぎではない; 軽微; 最低; 緊急ではない
severity | ko | critical | 긴급; 매우 높음; 치명적
severity | ko | high | 높음; 중요
severity | ko | medium | 보통; 중간
severity | ko | low | 낮음; 긴급하지 않음; 사소함; 매우 낮음
person | en | nobody | Unassigned; None; n/a; N/A; TBD; -; nobody; No one; not assigned; unknown; (none); no assignee;
  To be determined; anyone
person | de | nobody | Nicht zugewiesen; Niemand; keiner; unbekannt; k. A.; nicht zugeordnet
person | fr | nobody | Non assigné; Personne; aucun; Non attribué; inconnu
person | es | nobody | Sin asignar; Nadie; ninguno; desconocido; No asignado
person | pt | nobody | Não atribuído; Ninguém; Sem responsável
person | ru | nobody | Не назначен; нет; никто
person | zh | nobody | 未分配; 无; 未指派
person | ja | nobody | 未割り当て; なし; 未定; 担当者なし
answer | en | passed | Yes; Pass; Passed; Met; OK; Compliant; true
answer | en | failed | No; Fail; Failed; Not met; false; Non-compliant; Did not pass; Not passed; Auto-fail
answer | en | not_applicable | n/a; N/A; Not applicable; NA; –; does not apply
answer | de | passed | Ja; bestanden; erfüllt
answer | de | failed | Nein; nicht bestanden; nicht erfüllt
answer | de | not_applicable | Entfällt; nicht zutreffend; trifft nicht zu
answer | es | passed | Sí; Cumple; aprobado
answer | es | failed | No; No cumple
answer | es | not_applicable | No aplica; N/A
answer | fr | passed | Oui; Conforme; réussi
answer | fr | failed | Non; Non conforme; échoué
answer | fr | not_applicable | Sans objet; Non applicable; s.o.
answer | pt | passed | Sim
answer | pt | failed | Não
answer | pt | not_applicable | Não se aplica
answer | ja | passed | はい; 合格
answer | ja | failed | いいえ; 不合格
answer | ja | not_applicable | 該当なし; 対象外
answer | zh | passed | 是; 通过; 合格
answer | zh | failed | 否; 未通过; 不合格
answer | zh | not_applicable | 不适用
"""
"""Field | language | meaning | phrases."""

REFUSALS = """\
severity | unblocking; Nicht hoch; Nonblocker?; not high; was critical now low; high (not critical); Critical (was
  low); medium to high; low/medium; P4 - Critical; anything but urgent; far from critical; nor urgent; urgent? no;
  critical: no; urgent? not really; by no means urgent; not at all critical; keineswegs kritisch; keinerlei
  dringende; Dringend? Nein; weder dringend noch kritisch; alles andere als dringend; Rien de critique; Ni urgent ni
  important; jamais critique; aucunement urgent; pas du tout urgent; plus urgent; critique ? non; Tampoco crítica; Ni
  urgente ni importante; nunca urgente; urgente: no; jamais urgente; urgente: não; nem urgente nem importante; mai
  urgente; per niente urgente; né urgente né importante; niets dringends; geenszins urgent; allerminst urgent; wcale
  pilne; bynajmniej krytyczny; nigdy pilne; отнюдь не срочный; ничего срочного; Критично? нет; inte alls akut;
  緊急ではありません; 緊急性なし; 紧急?不; 没有紧急; 不再紧急; 긴급 아님; 높음 아님
status | Fixed? no; Limbo; Zzz; Nowhere; No longer open; no longer in progress; no longer blocked; nicht mehr offen;
  nicht mehr in Arbeit; Plus ouvert; Plus en cours; n'est plus ouvert; Ya no abierto; ya no está en curso; não está
  mais aberto; já não está aberto; non più aperto; niet meer open; niet langer bezig; już nie otwarte; больше не
  открыт; not open; open? no; 不再进行中
"""
REFUSED = {
    field: tuple(listed.split("; "))
    for field, listed in (line.split(" | ") for line in REFUSALS.replace("\n  ", " ").strip().split("\n"))
}
"""What no word says surely: a question to a person."""


def phrases() -> list[tuple[str, str, str, list[str]]]:
    """Field, language, meaning, and the phrases that mean it."""
    lines = PHRASES.replace("\n  ", " ").strip().split("\n")
    cells = (line.split(" | ") for line in lines)
    return [(field, language, meaning, listed.split("; ")) for field, language, meaning, listed in cells]
