"""The picture of the value flow."""

from __future__ import annotations

from itertools import pairwise

from importer.report.flow_picture import HEIGHT, VALUES_DRAWN, draw_flow, read_flow


def line(source: str, target: str | None, rows: int, how: str = "mapped") -> dict[str, object]:
    """A line of the value flow in summary.json."""
    return {"source": source, "target": target, "how": how, "rows": rows, "samples": [f"k:{source}"]}


def test_what_a_person_has_to_see_comes_first() -> None:
    """Rejected values, then undecided ones, then defaults, then the widest."""
    flows = read_flow(
        [
            line("High", "high", 90),
            line("Low", "low", 95),
            line("", "low", 3, "default"),
            line("Odd", "medium", 2, "unknown"),
            line("Sev-9", None, 1, "unknown"),
        ]
    )
    assert [(flow.source, flow.kind) for flow in flows] == [
        ("Sev-9", "rejected"),
        ("Odd", "undecided"),
        ("(empty)", "default"),
        ("Low", "mapped"),
        ("High", "mapped"),
    ]


def test_sixty_values_share_the_room() -> None:
    """The first ones have a band each, the others one for each target; all rows are drawn."""
    flows = read_flow([line(f"S{number:02}", ("todo", "done")[number % 2], 100 - number) for number in range(60)])
    picture = draw_flow(flows)
    assert len(picture.sources) == VALUES_DRAWN + 2
    assert [label.text for label in picture.sources[-2:]] == ["24 others", "24 others"]
    assert (
        sum(label.rows for label in picture.sources)
        == sum(label.rows for label in picture.targets)
        == sum(flow.rows for flow in flows)
    )
    assert {label.text for label in picture.targets} == {"todo", "done"}


def test_labels_do_not_overlap() -> None:
    """A value of one row among a million has the height of its label, and the picture grows for it."""
    picture = draw_flow(read_flow([line("Most", "todo", 1_000_000), *[line(f"One {n}", "done", 1) for n in range(9)]]))
    middles = [label.middle for label in picture.sources]
    assert all(later - earlier >= 18 for earlier, later in pairwise(middles))
    assert picture.height > HEIGHT


def test_nothing_to_draw() -> None:
    """Of no rows there is no picture, and no division by zero."""
    assert draw_flow([]).bands == []
