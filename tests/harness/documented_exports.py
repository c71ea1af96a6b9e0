"""Thirty exports of tools, for most of which there is no preset, written from their documentation, each with some dirt.

A table's header marks the key with `*`, the title with `^`, who owns or does it with `@`, comments with `#`. Behind `=>`
stands what a person would decide, written down before any draft was made: severity, status, category; `/` divides what
is as good. A category may also be the source's own word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

DIRT = ("preamble", "delimiter", "repeats", "nested", "markup", "language")
"""Lines above and below; other delimiters and encodings; rows twice and empty; JSON; HTML in texts; other languages."""


class Decided(NamedTuple):
    """What a person would decide of a row."""

    severity: frozenset[str]
    status: frozenset[str]
    category: frozenset[str]


class Documented(NamedTuple):
    """An export: its columns as they are marked, its rows, and what a person would decide of each."""

    tool: str
    dirt: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    decided: tuple[Decided, ...]

    def marked(self, sign: str) -> list[str]:
        return [name[1:] for name in self.header if name[0] == sign]

    @property
    def names(self) -> list[str]:
        """The columns as the file has them."""
        return [name.lstrip("*^@#") for name in self.header]

    def write(self, folder: Path) -> Path:
        """Write the file, with its dirt."""
        path = folder / f"{self.tool}.{'json' if self.dirt == 'nested' else 'csv'}"
        if self.dirt == "nested":
            records = [_nest(dict(zip(self.names, row, strict=True))) for row in self.rows]
            path.write_text(json.dumps({"data": records, "meta": {"count": len(records)}}, ensure_ascii=False), "utf-8")
            return path
        delimiter = {"delimiter": ";", "language": "\t"}.get(self.dirt, ",")
        lines = [delimiter.join(map(_quote, line)) for line in (self.names, *self.rows)]
        if self.dirt == "preamble":
            lines = [f"{self.tool} export", "As of 2026-03-01", "", *lines]
        if self.dirt == "repeats":
            lines += [lines[1], delimiter * (len(self.header) - 1)]
        path.write_bytes("\r\n".join(lines).encode("utf-16" if self.dirt == "language" else "utf-8-sig"))
        return path


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in ',;\t"\n') else cell


def _nest(cells: dict[str, str]) -> dict[str, Any]:
    """A record whose dotted columns are objects; `comments[]` holds `author: text`, divided by `;;`."""
    record: dict[str, Any] = {}
    for name, cell in cells.items():
        *outer, last = name.split(".")
        place = record
        for part in outer:
            place = place.setdefault(part, {})
        if last.endswith("[]"):
            said = (one.partition(":") for one in cell.split(";;") if one.strip())
            place[last[:-2]] = [{"author": {"name": who.strip()}, "body": text.strip()} for who, _, text in said]
        else:
            place[last] = cell or None
    return record


def documented_exports() -> Iterator[Documented]:
    for block in EXPORTS.strip().split("\n\n"):
        first, header, *rows = block.split("\n")
        tool, dirt = first.split()
        split = [row.rsplit("=>", 1) for row in rows]
        cells = tuple(tuple(_cells(row)) for row, _ in split)
        yield Documented(
            tool, dirt, tuple(_cells(header)), cells, tuple(_decided(said.split("|")) for _, said in split)
        )


def _cells(line: str) -> Sequence[str]:
    return [cell.strip().replace("\\n", "\n") for cell in line.split("|")]


def _decided(said: Sequence[str]) -> Decided:
    return Decided(*(frozenset(word.strip() for word in part.split("/")) for part in said))


# ruff: noqa: E501 - a row is a line
EXPORTS = r"""
salesforce preamble
*Case Number | ^Subject | Status | Priority | Type | @Case Owner | Date/Time Opened | Description
00001001 | Caller is cut off | New | High | Problem | Ann Meyer | 3/1/2026, 9:12 AM | Every call => high | todo/backlog | Bug
00001002 | Wants an invoice | Working | Low | Question | Ben Ott | 3/1/2026, 9:40 AM | Sent twice => low | in_progress | Question
00001003 | Line is dead | Escalated | High | Problem | Ann Meyer | 3/2/2026, 7:00 AM | => high | in_progress/todo | Bug
00001004 | Add a menu | Closed | Medium | Feature Request | | 3/2/2026, 8:00 AM | => medium | done/closed | Feature
00001005 | Music too loud | On Hold | Medium | Problem | Ben Ott | 3/2/2026, 8:30 AM | => medium | in_progress/todo | Bug

planner preamble
*Task ID | ^Task Name | Bucket Name | Progress | Priority | @Assigned To | Created Date | Completed Date | Description
kX1a | Record the greeting | Scripts | Not started | Important | Ann Meyer | 01/03/2026 | | Two voices => high | todo | Bug
kX2b | Test the transfer | Tests | In progress | Urgent | Ben Ott | 01/04/2026 | | => critical | in_progress | Bug
kX3c | Shorten the pause | Scripts | Completed | Medium | Ann Meyer | 01/05/2026 | 02/05/2026 | => medium | done | Bug
kX4d | Order headsets | Office | Not started | Low | | 01/06/2026 | | => low | todo | Bug

google-tracker preamble
*ISSUE_ID | PRIORITY | TYPE | STATUS | ^TITLE | @ASSIGNEE | CREATED_TIME (UTC)
300001 | P0 | BUG | ASSIGNED | Calls drop after a minute | ann@x.example | 2026-01-02 10:00:00 => critical | in_progress/todo | Bug
300002 | P1 | BUG | FIXED | Wrong time zone | ben@x.example | 2026-01-03 10:00:00 => high | done | Bug
300003 | P2 | FEATURE_REQUEST | NEW | Voicemail | | 2026-01-04 10:00:00 => medium | todo/backlog | Feature
300004 | P3 | BUG | WON'T FIX (OBSOLETE) | Old codec | ann@x.example | 2026-01-05 10:00:00 => low | closed | Bug
300005 | P4 | TASK | ACCEPTED | Tidy logs | ben@x.example | 2026-01-06 10:00:00 => low | in_progress/todo | Task/Bug

monorail preamble
*ID | Type | Status | Priority | Milestone | @Owner | ^Summary
101 | Bug | Untriaged | 1 | M-1 | ann@x.example | Crash on hold => high | backlog/todo | Bug
102 | Feature | Started | 2 | M-1 | ben@x.example | Add DTMF => medium | in_progress | Feature
103 | Bug | Fixed | 0 | M-2 | ann@x.example | Lost audio => critical | done | Bug
104 | Bug | WontFix | 3 | | | Old phones => low | closed | Bug

rootly preamble
*Sequential ID | ^Title | Severity | Status | Kind | Summary | Started At | Resolved At
41 | API is down | SEV0 | resolved | normal | All calls | 2026-01-02T10:00:00Z | 2026-01-02T11:00:00Z => critical | done | normal/Incident/Bug
42 | Slow dashboards | SEV2 | mitigated | normal | | 2026-01-03T10:00:00Z | => medium | in_review/in_progress/done | normal/Incident/Bug
43 | Wrong invoices | SEV1 | started | normal | | 2026-01-04T10:00:00Z | => critical/high | in_progress | normal/Incident/Bug
44 | False alarm | SEV3 | cancelled | normal | | 2026-01-05T10:00:00Z | => low/medium | closed | normal/Incident/Bug

hubspot delimiter
*Ticket ID | ^Ticket name | Ticket status | Priority | Category | @Ticket owner | Create date | Ticket description
9001 | Bot hangs up | New (Support Pipeline) | High | PRODUCT_ISSUE | Ann Meyer | 2026-01-02 10:00 | At once => high | todo | Bug
9002 | Invoice is wrong | Waiting on contact (Support Pipeline) | Medium | BILLING_ISSUE | Ben Ott | 2026-01-03 10:00 | => medium | in_progress | Billing
9003 | More voices | Waiting on us (Support Pipeline) | Low | FEATURE_REQUEST | | 2026-01-04 10:00 | => low | in_progress/todo | Feature
9004 | Thanks | Closed (Support Pipeline) | Low | GENERAL_INQUIRY | Ann Meyer | 2026-01-05 10:00 | => low | done/closed | General

helpscout delimiter
*Number | ^Subject | Status | @Assignee | Customer email | Mailbox | Tags | Created At
5501 | No answer | active | Ann Meyer | c1@x.example | Support | voice | 2026-01-02 10:00 => medium | todo/in_progress | Bug/Support
5502 | Refund | pending | Ben Ott | c2@x.example | Support | | 2026-01-03 10:00 => medium | in_progress/todo | Bug/Support
5503 | It works | closed | Ann Meyer | c3@x.example | Support | | 2026-01-04 10:00 => medium | done/closed | Bug/Support
5504 | Win money | spam | | c4@x.example | Support | | 2026-01-05 10:00 => medium | closed | Bug/Support

smartsheet delimiter
*Row ID | ^Task Name | Status | Priority | @Assigned To | % Complete | Due Date | #Comments
1 | Collect calls | Complete | High | Ann Meyer | 100% | 01/02/26 | Done in a day => high | done | Bug
2 | Label calls | In Progress | Medium | Ben Ott | 40% | 01/03/26 | => medium | in_progress | Bug
3 | Train the model | Not Started | Low | | 0% | 01/04/26 | => low | todo | Bug
4 | Buy a licence | On Hold | High | Ann Meyer | 10% | 01/05/26 | => high | in_progress/todo | Bug

osticket delimiter
*Ticket Number | Date Created | ^Subject | From | From Email | Priority | Department | Help Topic | Current Status | Closed Date | @Agent Assigned
100201 | 2026-01-02 | Cannot dial out | Cara | c@x.example | Emergency | Support | Report a Problem | Open | | Ann Meyer => critical | todo | Support/Bug
100202 | 2026-01-03 | Change my plan | Dan | d@x.example | Low | Sales | General Inquiry | Closed | 2026-01-04 | Ben Ott => low | done/closed | Sales/Bug
100203 | 2026-01-04 | Echo | Eve | e@x.example | Normal | Support | Report a Problem | Resolved | 2026-01-05 | Ann Meyer => medium | done | Support/Bug
100204 | 2026-01-05 | Price list | Flo | f@x.example | High | Sales | General Inquiry | Open | | => high | todo | Sales/Bug

spiceworks delimiter
*ID | ^Summary | Status | Priority | Category | @Assigned To | Creator | Created On | Closed On | Description
1 | Phone is silent | open | High | Hardware | Ann Meyer | Cara | 2026-01-02 | | No tone => high | todo | Hardware
2 | New account | closed | Low | Account | Ben Ott | Dan | 2026-01-03 | 2026-01-04 | => low | done/closed | Account
3 | Update the bot | open | Med | Software | | Eve | 2026-01-04 | | => medium | todo | Software
4 | Print queue | waiting | Low | Hardware | Ann Meyer | Flo | 2026-01-05 | | => low | in_progress/todo | Hardware

airtable repeats
*Bug ID | ^Bug name | Priority | Status | Type | @Assignee | Steps to reproduce | Attachments
1 | Loses the name | P0 | Not started | Bug | Ann Meyer | Call, say a name | a.png (https://dl.x.example/a.png) => critical | todo | Bug
2 | Says it twice | P1 | In progress | Bug | Ben Ott | | => high | in_progress | Bug
3 | Speaks Dutch | P2 | Completed | Feature | | | => medium | done | Feature
4 | Stops in mid-word | P3 | Needs review | Bug | Ann Meyer | | => low | in_review | Bug

rally repeats
*Formatted ID | ^Name | State | Severity | Priority | @Owner | Submitted By | Description
DE1 | Loses data | Submitted | Crash/Data Loss | Resolve Immediately | Ann Meyer | Cara | => critical | todo/backlog | Bug
DE2 | Wrong total | Open | Major Problem | High Attention | Ben Ott | Dan | => high | todo/in_progress | Bug
DE3 | Typo | Fixed | Cosmetic | Low | Ann Meyer | Eve | => low | done/in_review | Bug
DE4 | Slow start | Closed | Minor Problem | Normal | | Flo | => low/medium | done/closed | Bug
DE5 | Beeps | Closed Declined | Minor Problem | Low | | Flo | => low/medium | closed | Bug

fogbugz repeats
*Case | ^Title | Status | Priority | Category | @Assigned To | Opened By
11 | Dials twice | Active | 1 – Must Fix | Bug | Ann Meyer | Cara => critical | todo/in_progress | Bug
12 | Dark mode | Resolved (Implemented) | 3 – Must Fix | Feature | Ben Ott | Dan => medium/high | done | Feature
13 | How to record? | Closed (Responded) | 5 – Fix If Time | Inquiry | Ann Meyer | Eve => low | done/closed | Question
14 | Old button | Resolved (Won't Fix) | 6 – Fix If Time | Bug | | Flo => low | closed | Bug

zoho-desk repeats
*Ticket Id | ^Subject | Status (Ticket) | Priority (Ticket) | Classifications | @Ticket Owner | Created Time (Ticket) | Description
7001 | Call fails | Open | High | Problem | Ann Meyer | 2026-01-02 | => high | todo | Bug
7002 | Add a number | On Hold | Medium | Feature | Ben Ott | 2026-01-03 | => medium | in_progress/todo | Feature
7003 | Where is it? | Closed | Low | Question | | 2026-01-04 | => low | done/closed | Question
7004 | Angry caller | Escalated | High | Problem | Ann Meyer | 2026-01-05 | => high | in_progress/todo | Bug

targetprocess repeats
*ID | ^Name | Entity Type | State | Severity | Business Value | @Assignments | Create Date
301 | Hears nothing | Bug | Open | Blocking | Must Have | Ann Meyer | 2026-01-02 => critical | todo | Bug
302 | New voice | UserStory | In Progress | | Great | Ben Ott | 2026-01-03 => medium/high | in_progress | Feature
303 | Grey icon | Bug | Done | Small | Nice To Have | | 2026-01-04 => low | done | Bug
304 | Slow list | Bug | Planned | Normal | Average | Ann Meyer | 2026-01-05 => medium | todo | Bug

incident-io nested
id | *reference | ^name | summary | severity.name | incident_status.name | incident_status.category | incident_type.name | @incident_lead.name
01A | INC-1 | API is down | All calls failed | Critical | Closed | closed | Outage | Ann Meyer => critical | done/closed | Outage
01B | INC-2 | Slow answers | | Major | Investigating | active | Performance | Ben Ott => high | in_progress | Performance
01C | INC-3 | Odd voice | | Minor | Triage | triage | Performance | => low | backlog/todo | Performance
01D | INC-4 | No bills | | Major | Monitoring | active | Outage | Ann Meyer => high | in_review/in_progress | Outage

gitea nested
*number | ^title | body | state | @assignee.login | user.login | created_at | closed_at | #comments[]
1 | Crash at start | Just start it | open | ann | cara | 2026-01-02T10:00:00Z | | ann: Seen too;;ben: Fixed? => medium | todo | Bug
2 | Typo in help | Line 3 | closed | ben | dan | 2026-01-03T10:00:00Z | 2026-01-04T10:00:00Z | ben: Done => medium | done/closed | Bug
3 | Add a flag | --quiet | open | | eve | 2026-01-04T10:00:00Z | | => medium | todo | Bug

bitbucket nested
*id | ^title | content.raw | state | priority | kind | @assignee.display_name | reporter.display_name | created_on
1 | Loop | It loops | new | blocker | bug | Ann Meyer | Cara | 2026-01-02T10:00:00Z => critical | todo/backlog | Bug
2 | Faster | Please | on hold | minor | enhancement | Ben Ott | Dan | 2026-01-03T10:00:00Z => low | in_progress/todo | Feature
3 | Docs | | resolved | trivial | task | | Eve | 2026-01-04T10:00:00Z => low | done | Task/Bug
4 | Not ours | | invalid | major | bug | | Flo | 2026-01-05T10:00:00Z => high | closed | Bug

taiga nested
*ref | ^subject | description | status_extra_info.name | severity | priority | type | @assigned_to_extra_info.full_name_display | created_date
21 | Hangs | On hold music | New | Critical | High | Bug | Ann Meyer | 2026-01-02T10:00:00Z => critical | todo/backlog | Bug
22 | Ask twice | | In progress | Normal | Normal | Question | Ben Ott | 2026-01-03T10:00:00Z => medium | in_progress | Question
23 | Nicer | | Ready for test | Minor | Low | Enhancement | | 2026-01-04T10:00:00Z => low | in_review | Feature
24 | Later | | Postponed | Wishlist | Low | Enhancement | | 2026-01-05T10:00:00Z => low | backlog/in_progress/todo | Feature

sourceforge nested
*ticket_num | ^summary | description | status | custom_fields._priority | @assigned_to | reported_by | created_date | #comments[]
31 | Segfault | On exit | open | 9 | ann | cara | 2026-01-02 10:00:00 | cara: Any news? => critical/high/medium | todo | Bug
32 | Build fails | gcc 4 | closed-fixed | 5 | ben | dan | 2026-01-03 10:00:00 | => medium | done | Bug
33 | Port to VMS | | closed-wont-fix | 1 | | eve | 2026-01-04 10:00:00 | => low/critical/medium | closed | Bug
34 | Manual | | pending | 5 | ann | flo | 2026-01-05 10:00:00 | => medium | in_progress/todo | Bug

zoho-bugs markup
*Bug ID | ^Bug Title | Status | Severity | Classification | @Assigned To | Description
B-1 | Bot is mute | Open | Show stopper | Crash | Ann Meyer | <p>Call <b>it</b></p> => critical | todo | Crash
B-2 | Colour | To be tested | Minor | UI | Ben Ott | <ul><li>red</li><li>blue</li></ul> => low | in_review | UI
B-3 | Slow | In progress | Major | Performance | | <p>10 s</p> => high | in_progress | Performance
B-4 | Again | Reopened | Critical | Crash | Ann Meyer | <p>See B-1</p> => critical/high | todo/in_progress | Crash

servicedesk-plus markup
*Request ID | ^Subject | Request Status | Priority | Category | @Technician | Requester | Description
501 | Headset broken | Open | High | Hardware | Ann Meyer | Cara | <div>Left ear</div> => high | todo | Hardware
502 | VPN | Onhold | Medium | Network | Ben Ott | Dan | <div>Since <i>Monday</i></div> => medium | in_progress/todo | Network
503 | Licence | Closed | Low | Software | | Eve | <div>Done</div> => low | done/closed | Software
504 | Dial tone | Resolved | Normal | Telephony | Ann Meyer | Flo | <div>OK</div> => medium | done | Telephony

canny markup
*id | ^title | details | category | status | score | author name | created
60a1 | Export to CSV | <p>Please</p> | Reports | under review | 41 | Cara | 2026-01-02 => medium | backlog/in_review/todo | Reports
60a2 | Dark mode | <p>At <b>night</b></p> | UI | planned | 30 | Dan | 2026-01-03 => medium | todo | UI
60a3 | SSO | <p>SAML</p> | Security | complete | 12 | Eve | 2026-01-04 => medium | done | Security
60a4 | Fax | <p>No</p> | Channels | closed | 1 | Flo | 2026-01-05 => medium | closed/done | Channels

aha-ideas markup
*Idea reference # | ^Idea name | Idea description | Idea status | Idea categories | @Assigned to user | Created date
APP-I-1 | Callbacks | <p>Call <b>back</b></p> | Needs review | Voice | Ann Meyer | 2026-01-02 => medium | backlog/todo/in_review | Voice
APP-I-2 | Chat | <p>Text</p> | Future consideration | Text | Ben Ott | 2026-01-03 => medium | backlog | Text
APP-I-3 | Fax | <p>Paper</p> | Will not implement | Paper | | 2026-01-04 => medium | closed | Paper
APP-I-4 | Mail | <p>Post</p> | Shipped | Text | Ann Meyer | 2026-01-05 => medium | done | Text

samanage markup
*Number | ^Title | State | Priority | Category | @Assigned To | Requester | Description | Created At
801 | No dial tone | New | Critical | Telephony | Ann Meyer | Cara | <p>Dead <b>line</b></p> | 2026-01-02 => critical | todo/backlog | Telephony
802 | New phone | Assigned | None | Hardware | Ben Ott | Dan | <p>Soon</p> | 2026-01-03 => medium | in_progress/todo | Hardware
803 | Ring tone | Pending Assignment | Low | Telephony | | Eve | <p>Loud</p> | 2026-01-04 => low | todo/in_progress/backlog | Telephony
804 | Cable | Resolved | Medium | Hardware | Ann Meyer | Flo | <p>ok</p> | 2026-01-05 => medium | done | Hardware

openproject language
*ID | ^Thema | Typ | Status | Priorität | @Zugewiesen an | Beschreibung | Erstellt am
1 | Anruf bricht ab | Fehler | Neu | Hoch | Ann Meyer | Immer | 02.01.2026 => high | todo/backlog | Bug
2 | Neue Stimme | Funktion | In Bearbeitung | Normal | Ben Ott | | 03.01.2026 => medium | in_progress | Feature
3 | Tippfehler | Fehler | Geschlossen | Niedrig | | | 04.01.2026 => low | done/closed | Bug
4 | Leitung tot | Fehler | Zurückgestellt | Sofort | Ann Meyer | | 05.01.2026 => critical | backlog/in_progress/todo | Bug

glpi language
*ID | ^Titre | Statut | Priorité | Type | @Attribué à - Technicien | Date d'ouverture | Description
71 | Appel coupé | Nouveau | Très haute | Incident | Ann Meyer | 2026-01-02 | Toujours => critical/high | todo/backlog | Incident/Bug
72 | Nouvelle voix | En cours (Attribué) | Moyenne | Demande | Ben Ott | 2026-01-03 | => medium | in_progress | Demande/Feature
73 | Son faible | Résolu | Basse | Incident | | 2026-01-04 | => low | done | Incident/Bug
74 | Facture | En attente | Haute | Demande | Ann Meyer | 2026-01-05 | => high | in_progress/todo | Demande/Feature
75 | Merci | Clos | Basse | Demande | | 2026-01-06 | => low | done/closed | Demande/Feature

bitrix language
*ID | ^Название | Статус | Приоритет | Тип | @Ответственный | Описание | Дата создания
81 | Звонок обрывается | Новая | Высокий | Ошибка | Анна | Всегда | 02.01.2026 => high | todo/backlog | Bug
82 | Новый голос | Выполняется | Средний | Задача | Борис | | 03.01.2026 => medium | in_progress | Task/Bug
83 | Опечатка | Завершена | Низкий | Ошибка | | | 04.01.2026 => low | done | Bug
84 | Счёт | Отложена | Средний | Задача | Анна | | 05.01.2026 => medium | backlog/in_progress/todo | Task/Bug

hojo language
*番号 | ^件名 | 状態 | 優先度 | 種別 | @担当者 | 説明 | 作成日
91 | 通話が切れる | 未対応 | 高 | バグ | 田中 | 毎回 | 2026/01/02 => high | todo | Bug
92 | 新しい声 | 処理中 | 中 | 要望 | 鈴木 | | 2026/01/03 => medium | in_progress | Feature
93 | 誤字 | 完了 | 低 | バグ | | | 2026/01/04 => low | done/closed | Bug
94 | 請求書 | 保留 | 中 | タスク | 田中 | | 2026/01/05 => medium | in_progress/todo/backlog | Task/Bug

mantishub-es language
*Identificador | ^Resumen | Estado | Gravedad | Categoría | @Asignada a | Descripción | Fecha de envío
61 | Se corta la llamada | nueva | bloqueo | Voz | Ana | Siempre | 2026-01-02 => critical | todo/backlog | Voz
62 | Otra voz | asignada | menor | Voz | Luis | | 2026-01-03 => low | in_progress/todo | Voz
63 | Errata | resuelta | texto | Ayuda | | | 2026-01-04 => low | done | Ayuda
64 | Factura | cerrada | mayor | Pagos | Ana | | 2026-01-05 => high | done/closed | Pagos
"""
