"""What sets Norm to work."""

from __future__ import annotations

import pytest

from importer.sandbox.agent import mentions_norm
from tests.sandbox.conftest import ISSUES, Api, MakeApi

CALL = {"resource_type": "call", "resource_id": "c"}


def dispatches(api: Api) -> int:
    """Count how often Norm was set to work."""
    times: int = api.store.row("SELECT count(*) AS times FROM dispatches")["times"]
    return times


@pytest.mark.parametrize(("detail", "times"), [("@norm look", 1), ("x@Norm.com @norm", 1), ("ask norm", 0)])
def test_norm_is_dispatched_once_by_a_comment(api: Api, detail: str, times: int) -> None:
    """A mention anywhere, in any case, is one dispatch; the text is kept as it is."""
    path = api.path()
    assert api.data("POST", f"{path}/comments", {"detail": detail}, expect=201)["detail"] == detail
    assert dispatches(api) == times
    assert (api.data("GET", path)["latest_agent_session"] is not None) == bool(times)


@pytest.mark.parametrize(
    "text",
    [
        "@norm",
        "`@NoRm`",
        "@normal",
        "\uff20\uff4e\uff4f\uff52\uff4d",  # full width
        "\ufe6b𝓷𝓸𝓻𝓶",  # a small @, mathematical letters
        "@ⓝⓞⓡⓜ",
        "@n\u00bar\u1d50",  # ordinal o, modifier m
        "@\u200bnorm",
        "@no\u00adrm",  # soft hyphen
        "@\u202enorm",
        "@n\ufe0form",
        "@n\u115for\U000e0061m",  # a filler, a tag
        "@n\u00f6rm",
        "@norm\u0301",
        "@\x07norm",
    ],
)
def test_disguise(text: str) -> None:
    """Whatever could be read as a mention by somebody is one."""
    assert mentions_norm(text)


@pytest.mark.parametrize("text", ["", "norm", "@ norm", "@\nnorm", "(at)norm", "@n.orm", "@nrom", "a@b.c norm"])
def test_no_mention(text: str) -> None:
    """What nobody reads as a mention is none."""
    assert not mentions_norm(text)


def test_norm_is_not_dispatched_by_an_issue(api: Api) -> None:
    """Only comments are said to set it to work."""
    path = api.path(title="@norm", description="@norm")
    api.data("PATCH", path, {"title": "@norm again"})
    api.data("POST", f"{path}/resources", CALL, expect=201)
    api.data("POST", f"{path}/flags", {"call_id": "c", "type": "t", "note": "@norm"}, expect=201)
    assert dispatches(api) == 0


def test_norm_everywhere(make_api: MakeApi) -> None:
    """Where all texts set it to work, each write of one does so once, and nothing else does."""
    api = make_api(norm_everywhere=True)
    paths = [api.path(), api.path(title="@norm"), api.path(title="@norm", description="@norm")]
    assert dispatches(api) == 2
    assert api.data("GET", paths[1])["latest_agent_session"] is not None
    api.data("PATCH", paths[0], {"description": "see @norm"})
    api.data("PATCH", paths[0], {"status": "done"})
    assert dispatches(api) == 3
    api.data("POST", f"{paths[0]}/resources", CALL, expect=201)
    api.data("POST", f"{paths[0]}/flags", {"call_id": "c", "type": "t", "note": "@norm"}, expect=201)
    api.data("POST", f"{paths[0]}/flags", {"call_id": "c", "type": "t"}, expect=201)
    assert dispatches(api) == 4


def test_mentions_share_a_session(api: Api) -> None:
    """A session is made only if there is none."""
    path = api.path()
    for _ in range(2):
        api.data("POST", f"{path}/comments", {"detail": "@norm"}, expect=201)
    kinds = [item["type"] for item in api.data("GET", f"{path}/activity")["items"]]
    assert kinds.count("session_started") == 1
    assert kinds.count("prompt") == dispatches(api) == 2


def test_session(api: Api) -> None:
    """A person can start one, which dispatches nothing; the issue shows it."""
    path = api.path()
    session = api.data("POST", f"{path}/agent-sessions", expect=201)
    assert session["agent_name"] == "Norm"
    assert api.data("GET", path)["latest_agent_session"] == session
    assert dispatches(api) == 0


def test_unknown_issue(api: Api) -> None:
    """No session is started on an issue that isn't there."""
    assert api.error("POST", f"{ISSUES}/none/agent-sessions") == (404, "not_found", "Issue not found")
