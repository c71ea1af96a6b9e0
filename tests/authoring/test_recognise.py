"""Which preset a source is for: certain, a tie, or none, each with its evidence."""

from __future__ import annotations

import pytest

from importer.authoring.recognise import preset_shapes, recognise
from importer.errors import SourceError
from importer.mapping.model import Shape
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.sources.survey import Sample

JIRA = Shape.model_validate(
    {"name": "CSV", "needs": [["Issue key", "Clave de incidencia"]], "columns": ["Summary", "Status", "Priority"]}
)
LINEAR = Shape.model_validate({"name": "CSV", "needs": ["Team", "Cycle Number"], "columns": ["Title", "Status"]})
BOARD = Shape.model_validate({"name": "board", "needs": ["idList"], "columns": ["name"], "records": "cards"})
SHAPES = {"jira": [JIRA], "linear": [LINEAR], "trello": [BOARD]}


def sample(*names: str, file: str = "export.csv", records: str = "", envelope: str = "", stream: str = "") -> Sample:
    return Sample(file, "json" if records else "csv", records, envelope, stream, frozenset(names), 3)


def test_one_preset_fits() -> None:
    """The evidence is a line that a person can check."""
    [match] = recognise([sample("Issue key", "Summary", "Status", "Comment")], SHAPES)
    assert str(match) == "jira CSV: 3 of 4 expected columns"


def test_a_translated_header_counts() -> None:
    """Of several names of one column any is enough."""
    [match] = recognise([sample("Clave de incidencia", "Status")], SHAPES)
    assert match.preset == "jira"


def test_a_form_that_lacks_what_it_needs_is_no_match() -> None:
    """However many common columns there are; nor is it offered, where its mapping has no key in them."""
    with pytest.raises(SourceError) as caught:
        recognise([sample("Summary", "Status", "Priority")], SHAPES)
    assert "Nearest" not in caught.value.message
    assert "Its columns are Priority, Status, Summary." in caught.value.message
    assert "triage-import draft export.csv" in caught.value.hint


def test_too_little_is_no_match() -> None:
    """What it needs alone is not enough where most of the rest is absent."""
    with pytest.raises(SourceError):
        recognise([sample("Issue key")], SHAPES)


def test_a_tie_is_no_guess() -> None:
    """Two presets that fit nearly as well are both candidates, the stronger one first."""
    names = ("Issue key", "Summary", "Status", "Team", "Cycle Number", "Priority")
    assert [match.preset for match in recognise([sample(*names)], SHAPES)] == ["jira", "linear"]


def test_the_right_array_of_several() -> None:
    """A document's other arrays don't matter."""
    lists = sample("id", "name", records="lists")
    cards = sample("id", "name", "idList", records="cards", envelope="[stream, record] pairs")
    [match] = recognise([lists, cards], SHAPES)
    assert match.sample is cards
    assert str(match) == "trello board ([stream, record] pairs): 2 of 2 expected columns"


def test_changes_beside_the_issues_are_not_issues() -> None:
    """An archive of Bitbucket has its issues' changes in an array that looks like YouTrack's records of old."""
    logs = sample("issue", "field", "comment", "changed_from", "changed_to", "user", "created_on", records="logs")
    issues = sample("id", "title", "kind", "status", "priority", "content", "voters", "created_on", records="issues")
    [match] = recognise([logs, issues], preset_shapes())
    assert (match.preset, match.sample) == ("bitbucket", issues)
    with pytest.raises(SourceError):
        recognise([logs], preset_shapes())


def test_files_of_two_trackers() -> None:
    """They are told apart, each with its evidence."""
    samples = [sample("Issue key", "Summary"), sample("Team", "Cycle Number", "Title", file="other.csv")]
    with pytest.raises(SourceError, match=r"several trackers(.|\n)*export.csv: jira CSV(.|\n)*other.csv: linear CSV"):
        recognise(samples, SHAPES)


def test_a_file_that_fits_nothing_among_others_that_do() -> None:
    """It is named: it may be there by mistake."""
    samples = [sample("Issue key", "Summary"), sample("a", "b", file="other.csv")]
    with pytest.raises(SourceError, match=r"^other\.csv is not recognised") as raised:
        recognise(samples, SHAPES)
    assert "--skip-lines N" in raised.value.hint  # two cells may be a line above the header
    with pytest.raises(SourceError) as raised:
        recognise([sample("Basics", "State", "Dates", "Text")], SHAPES)
    assert "--skip-lines N" in raised.value.hint  # so may groups of columns that no preset reads


def test_streams_are_named() -> None:
    """A capture without issues says what it holds."""
    with pytest.raises(SourceError, match=r"It holds acme/projects, acme/teams; no preset reads issues"):
        recognise([sample("id", stream="acme/teams"), sample("id", stream="acme/projects")], SHAPES)


def test_shapes_are_read_as_the_presets_have_them() -> None:
    """The short way, past the loading of all presets, finds the same forms."""
    shapes = preset_shapes()
    assert set(shapes) <= set(preset_names())
    for name in preset_names():
        assert shapes.get(name, []) == load_mapping(name).model.recognise


def test_nothing_seen_is_a_sentence() -> None:
    """A file of which no line can be read has no columns to go by."""
    with pytest.raises(SourceError, match="Nothing in the source can be read"):
        recognise([], SHAPES)


def seen(header: str) -> Sample:
    return sample(*header.split(","))


@pytest.mark.parametrize(
    ("preset", "header"),
    [
        ("redmine", "#,Tracker,Status,Subject"),
        ("redmine", "#,Project,Tracker,Status,Priority,Subject,Assignee,Updated"),
        ("linear", "ID,Team,Title,Status,Priority"),
        ("linear", "ID,Team,Title,Description,Status,Estimate,Priority,Project ID,Project,Creator,Assignee,Labels"),
        ("github", "number,title,body,labels,state"),
        ("github", "html_url,title,body,state,comments"),
        ("github", "issue_url,issue_title,body"),
        ("jira", "key,summary,status,priority,description"),
        ("jira", "Key,Summary,Status"),
        ("jira", "issuekey,title,description,storypoint"),
        ("mantis", "Id,Project,Category,Severity,Status,Summary"),
        ("mantis", "id,summary,severity,status,reproducibility"),
        ("trac", "id,summary,status,type,priority,milestone,component"),
        ("trac", "Ticket,Summary,Component,Version,Severity,Owner"),
        ("trac", "id,summary,status,owner,type,priority"),
        ("zendesk", "Ticket ID,Ticket subject,Ticket status,Ticket priority,Requester name"),
        ("triage", "title,severity,category"),
        ("triage", "id,title,severity,category,description,status"),
        ("salesforce", "Case Number,Subject,Status,Priority,Account Name,Contact Name,Case Owner,Date/Time Opened,Age"),
        ("planner", "Task Name,Bucket Name,Progress,Due date,Is Recurring,Late,Checklist Items"),
        ("hubspot", "Ticket ID,Ticket name,Ticket status,Create date"),
        ("bug-list", "ID,Title,Status"),
        ("bug-list", "ID,Title,Status,Assignee,Project,Labels"),
        ("bug-list", "bug_id,title,status,severity,assigned_to,created_at"),
        ("bug-list", "S.No,Issue,Status,Owner,Remarks"),
        ("bug-list", "Issue ID,Type,Summary,Steps,Severity,Status,Owner,Comments,Env"),
        ("youtrack", "Issue Id,Summary,Type,Priority,State,Assignee"),
    ],
)
def test_everyday_layouts_of_few_columns(preset: str, header: str) -> None:
    """What people choose, and scripts write, is recognised without doubt."""
    assert [match.preset for match in recognise([seen(header)], preset_shapes())] == [preset]


COURSE = (
    "Ticket ID,Customer Name,Customer Email,Customer Age,Customer Gender,Product Purchased,Date of Purchase,"
    "Ticket Type,"
    "Ticket Subject,Ticket Description,Ticket Status,Resolution,Ticket Priority,Ticket Channel"
)


@pytest.mark.parametrize(
    "header",
    [
        COURSE,
        "Ticket Number,From,From Email,Department,Help Topic,SLA,Priority,Subject,Answered,Overdue",
        "ID,Title,Status,Temperature,Humidity,Pressure,Wind,Rain,Sun",
        "Ticket Subject,Ticket Priority,Ticket Status,Channel,Age,Gender",
        "plain,other,third",
    ],
)
def test_a_preset_that_reads_too_little_is_not_offered(header: str) -> None:
    """Where it would leave the key, the title or half of the columns nowhere; a draft is."""
    with pytest.raises(SourceError) as caught:
        recognise([seen(header)], preset_shapes())
    assert "triage-import draft" in caught.value.hint
    assert "-m " not in caught.value.hint
    assert "Nearest" not in caught.value.message


def test_the_nearest_is_the_one_that_reads_most() -> None:
    """Ranked by the share of the file's columns that it reads, which is said."""
    with pytest.raises(SourceError) as caught:
        recognise([seen("ID,Title,Project,Cycle,Creator,Estimate")], preset_shapes())
    assert "linear: reads 83% of the columns" in caught.value.message
    assert caught.value.hint.endswith("-m linear")


def test_a_form_that_counts_last() -> None:
    """It gives way to every other that fits, however few columns that names, and makes no tie with it."""
    names = ("ID", "Team", "Title", "Status", "Owner", "Created", "Type", "Priority")
    shapes = {"linear": [LINEAR_FEW], "bug-list": preset_shapes()["bug-list"]}
    assert [match.preset for match in recognise([sample(*names)], shapes)] == ["linear"]
    del shapes["linear"]
    assert [match.preset for match in recognise([sample(*names)], shapes)] == ["bug-list"]


LINEAR_FEW = Shape.model_validate({"name": "CSV", "needs": ["Team", "Title"]})


def test_an_array_within_records_gives_way() -> None:
    """What lies in the records of an array counts only where nothing beside it fits, and never as a plain list."""
    boards, items = sample("name", "items", records="boards"), sample("id", "idList", "name", records="boards.cards")
    [match] = recognise([boards, items._replace(within=True)], {"trello": [CARDS]})
    assert match.sample.records == "boards.cards"
    outer = sample("Issue key", "Summary", "Status", records="issues")
    [match] = recognise([outer, items._replace(within=True)], {"trello": [CARDS], "jira": [JIRA]})
    assert match.sample is outer
    parts = sample("id", "title", "status", records="boards.parts")._replace(within=True)
    with pytest.raises(SourceError, match=r"Its columns are items, name\."):
        recognise([boards, parts], {"bug-list": preset_shapes()["bug-list"]})


CARDS = Shape.model_validate({"name": "cards", "needs": ["idList", "name"]})


def test_a_preset_without_title_gives_way_to_a_plain_list() -> None:
    """`Issue key` alone says Jira; where Jira's title isn't there, a list of bugs that has one is no Jira."""
    names = ("Issue key", "Title", "State")
    assert [match.preset for match in recognise([sample(*names)], preset_shapes())] == ["bug-list"]
    [match] = recognise([sample("Issue key", "Summary", "Status")], preset_shapes())
    assert match.preset == "jira"
    assert [match.preset for match in recognise([sample("Issue key", "Status")], preset_shapes())] == ["jira"]
