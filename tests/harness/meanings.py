"""What people write for a status, a severity, nobody and an answer, in twelve languages, and what they mean by it.

Written down before the vocabulary, not from it.
"""

from __future__ import annotations

OPEN = tuple(
    """\
Almost done|Nearly finished|Partially done|Partly resolved|Half done|50% done|90 % complete|Unfinished|Never done
Should be done|To be released|Resolved - awaiting deploy|Complete by Friday|Not done|Not yet done|Not fully resolved
Never fixed|Isn't fixed|Not closed|Unresolved|Uncompleted|To be closed|Must be finished|Needs to be fixed
Will be done|Can be closed|Ready to close|To close|Close by Monday|Fix by Friday|Finish before launch|Done?
Fixed, pending release|Done, waiting for QA|Closed pending verification|Resolved (needs testing)|Mostly done
Semi-done|Done except docs|Done but not tested|Dev done|Code complete|Development completed|Design done|QA done
Testing complete|Review done|Reopened|Re-opened after fix|Done soon|Expected done|Planned release, not released
Until done|When done|Done if approved|Incomplete|Incompletely fixed|Partial fix released|Almost closed|Half-finished
Not implemented|Not merged|Not shipped|Not ready|Not live|No longer to be done soon|Awaiting completed form
Blocked, was done|To do, then done|Ready for done check|Fix to be verified|99% resolved|Rejected by QA
Rejected in review|Failed in testing|Returned from UAT|Declined by reviewer|Nicht fertig|Noch nicht erledigt
Fast fertig|Teilweise erledigt|Halb fertig|Unerledigt|Unvollständig gelöst|Zu erledigen|Wird bald geschlossen
Soll geschlossen werden|Muss erledigt werden|Fertig bis Freitag|Wartet auf Abschluss, erledigt|Beinahe abgeschlossen
Nie behoben|Größtenteils erledigt|Entwicklung abgeschlossen|Behoben, wartet auf Freigabe|Kaum erledigt|Ungelöst
Nahezu fertig|Pas fini|Pas encore terminé|Presque terminé|Partiellement résolu|À moitié fini|À terminer|À clôturer
Doit être terminé|Résolu, en attente de livraison|Bientôt terminé|Incomplet|Jamais résolu|Non résolu
Sans être terminé|Quasiment fini|Inachevé|Non terminé|Terminé ?|Sera livré|À livrer avant lundi|No terminado
Sin terminar|Aún no resuelto|Casi terminado|Parcialmente resuelto|A medias terminado|Por cerrar|Por terminar
Nunca resuelto|Debe ser cerrado|Resuelto, pendiente de entrega|Casi listo|No hecho|Incompleto|Pendiente de cerrar
No está listo|Terminado 80%|Hecho a medias|Não concluído|Ainda não resolvido|Quase pronto|Parcialmente feito
Por concluir|A fechar|Nunca resolvido|Sem concluir|Deve ser fechado|Resolvido, aguardando entrega|Não feito
Quase concluído|Metade feito|Incompleto ainda|A ser resolvido|Non risolto|Non ancora finito|Quasi finito
Parzialmente risolto|Da chiudere|Da completare|Mai risolto|Senza essere chiuso|Risolto, in attesa di rilascio
Deve essere chiuso|Non fatto|Quasi pronto|A metà fatto|Incompiuto|Sarà rilasciato|Niet klaar|Nog niet klaar
Bijna klaar|Deels opgelost|Gedeeltelijk afgerond|Half af|Te sluiten|Nooit opgelost|Klaar, wacht op release
Moet afgerond worden|Onopgelost|Niet opgelost|Binnenkort klaar|Grotendeels gereed|Zal gesloten worden|Не сделано
Не готово|Ещё не решено|Почти готово|Частично решено|Наполовину выполнено|Недоделано|Незавершено|Не закрыто
К закрытию|Решено, ожидает релиза|Скоро готово|Должно быть закрыто|Не исправлено|Нерешено|Нужно закрыть
Будет выполнено|Никогда не решено|Nie zrobione|Jeszcze nie gotowe|Prawie gotowe|Częściowo rozwiązane|Do zamknięcia
Nierozwiązane|Niezakończone|Rozwiązane, oczekuje na wdrożenie|Nie zamknięte|Do zrobienia|Wkrótce gotowe
Niedokończone|未完成|未解決|ほぼ完了|一部完了|対応未完了|完了待ち|完了予定|まだ完了していない|部分完了|リリース待ち(修正済)|途中まで完了|未対応|尚未完成|没完成|部分完成|几乎完成|待关闭|即将完成
未关闭|完成一半|差不多完成|待发布
미완료|거의 완료|부분 완료|완료 대기|완료 예정|아직 완료 안 됨|완료되지 않음
미해결|일부 해결|해결 못함|Inte klar|Nästan klar|Delvis löst
Ikke færdig|Næsten færdig|Delvis løst|Ikke ferdig|Nesten ferdig|Ej klar|Ikke løst|Halvferdig|Tamamlanmadı
Neredeyse bitti|Kısmen tamamlandı|Çözüldü, bekliyor|Yakında tamamlanacak|Not tested, fixed?
Done by Monday? No, not done|To be merged|Ready for release|Needs to be closed|Release planned|Fix expected
Waiting for fix to be released|Resolved but not verified|Blocked: fixed upstream|Done, remaining: docs
Scheduled to be shipped|Hasn't been fixed|Haven't finished|Was not delivered|Unfixed|Unverified|Unmerged
Not (yet) closed|Fixing, 30% done|Should be closed|May be resolved|Might be fixed|Could be closed|Shall be delivered
Going to be fixed|Deliver by 3 May|Resolve before launch|Merge after review|Release next sprint|Rework of done items
Redo finished part|Until resolved|Once done|If fixed|Noch offen, nicht behoben|Kann geschlossen werden
Zur Abnahme, unfertig|Bald erledigt|Fertig, warten auf Kunde|Pas résolu|Pas encore livré|Casi resuelto
Doit être livré|Pendiente, no resuelto|Quase resolvido|Non chiuso|Nog te sluiten|Nog niet opgelost|Почти решено
Ожидает закрытия|Nie gotowe|Prawie zakończone|Just about done|Kind of done|Sort of fixed|Far from done
Working on getting it done|Yet to be resolved|Done-ish|Doneish|Done 3 of 5|2/3 done|95 percent done|90 Prozent erledigt
Three quarters done|Closing|Finalizing|Finalising|Resolving|Completing|Shipping|Releasing|Merging|Verifying|Cancelling
Rejecting|Cancel requested|Close requested|Review rejected|QA failed, was fixed|Rejected, back to dev|Released to QA
Deployed to test|Fixed on staging|Fixed in branch|Fixed in dev|No fix released|No fix available yet|Fix ready
Неисправлено|Невыполнено|En voie de résolution|En cours de clôture|In chiusura|Em fechamento|En cierre
Bezig met afronden|In Abschluss|Wird fertiggestellt|完成中|解决中|关闭中|完了前|완료중|해결 중|종료 중
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
"""Work goes on, though most have a word of the finished in them."""

FINISHED = tuple(
    """\
Done|Closed|Resolved|Fixed|Completed|Complete|Finished|Verified|Released|Deployed to production|Shipped|Merged
Delivered|Solved|Fixed in 2.0|Resolved by vendor|Done by vendor|Completed without issues|Done & dusted
Closed - fixed|Live|Closed by customer|100% done|100 % complete|Won't fix|Will not fix|Won't do|Cancelled|Canceled
Rejected|Duplicate|Invalid|Not a bug|Not planned|Not applicable|Not reproducible|Cannot reproduce|Closed (no action)
Closed as duplicate|Obsolete|Declined|Abandoned|Archived|Closed: won't fix|Released to customers
Deployed to customers|Released on Monday|Fixed in 3.1.2|Fixed in build 1204|No fix
Closed without reply|Erledigt|Fertig|Abgeschlossen|Behoben|Gelöst|Geschlossen|Wird nicht behoben|Abgelehnt|Verworfen
Terminé|Fini|Résolu|Livré|Fermé|Rejeté|Annulé|Hecho|Terminado|Resuelto|Cerrado|Finalizado|Rechazado|Cancelado
Concluído|Feito|Resolvido|Fechado|Rejeitado|Fatto|Risolto|Chiuso|Completato|Annullato|Klaar|Afgerond|Opgelost
Voltooid|Gesloten|Geannuleerd|Готово|Сделано|Решено|Закрыто|Выполнено|Отклонено|Отменено|Gotowe|Zrobione|Zakończone
Rozwiązane|Zamknięte|完了|解決済み|クローズ|却下|対応済|已完成|已解决|已关闭|取消|重复|완료|해결|종료|취소|Klar|Färdig|Løst|Lukket|Ferdig|Tamamlandı
Hotovo
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
"""The issue has ended, done or not."""


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
answer | en | failed | No; Fail; Failed; Not met; false; Non-compliant; Did not pass; Not passed
answer | en | partly | Auto-fail; Partially met
answer | de | partly | teilweise; Teilweise erfüllt
answer | en | not_applicable | n/a; N/A; Not applicable; NA; –; does not apply
answer | de | passed | Ja; bestanden; erfüllt
answer | de | failed | Nein; nicht bestanden; nicht erfüllt
answer | de | not_applicable | Entfällt; nicht zutreffend
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
