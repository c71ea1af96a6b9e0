"""Names of statuses in ten languages that a person would call open or finished, written down before any rule."""

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
