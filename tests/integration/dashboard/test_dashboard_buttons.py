"""Buttons are there for those whose click the API will not refuse, in a real browser."""

import pytest
from dash_browser import CHROMIUM, browser

ACTIONS = ("pause", "resume", "extend", "stop")
MAY = {
    "admin": {"running": {"pause", "extend", "stop"}, "paused": {"resume", "extend", "stop"}},
    "editor": {"running": {"pause", "extend", "stop"}, "paused": {"extend", "stop"}},
    "starter": {"running": set(), "paused": {"resume"}},
    "viewer": {"running": set(), "paused": set()},
}
"""User to state of a loop to what the user may do with it."""


@pytest.fixture(scope="module")
def loops(books, open_loop):
    """State to a loop in it."""
    loops = {state: open_loop(f"loop-{state}") for state in ("running", "paused")}
    books.ledger.set_loop_state(loops["paused"], "paused")
    return loops


@pytest.mark.parametrize("user", MAY)
def test_the_api_tells_what_a_user_may_do_with_a_loop(clients, loops, user):
    """In both directions: what it says may be done is not refused, and what it says may not is."""
    told = clients[user].get("/bridle/api/loop", params={"id": loops["paused"]}).json()
    assert told["may_act"] == ("extend" in MAY[user]["paused"])
    assert told["may_resume"] == ("resume" in MAY[user]["paused"])
    for action, may in (("extend", told["may_act"]), ("resume", told["may_resume"])):
        # nothing to extend by, and no rounds left to go on with: neither changes anything
        answer = clients[user].post(f"/bridle/api/loop/{action}", params={"id": loops["paused"]}, json={})
        assert (answer.status_code == 403) == (not may), answer.text


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("user", ["editor", "starter"])
def test_the_page_of_a_loop_has_the_buttons_that_its_user_may_use(clients, loops, user):
    with browser(clients[user]) as open_page:
        for state, loop in loops.items():
            page = open_page(f"loop&id={loop}")
            page.get_by_test_id("loop-goal").wait_for()
            shown = {action for action in ACTIONS if page.get_by_test_id(f"{action}-loop").count()}
            assert shown == MAY[user][state]
