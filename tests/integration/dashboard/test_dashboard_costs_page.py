"""What the page of costs makes of what the API tells, in a real browser."""

from decimal import Decimal

import pytest
from dash_browser import CHROMIUM, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


def test_a_budget_in_tokens_is_drawn_in_tokens_and_one_model_is_compared_with_what_was_paid(
    admin, ask, books
):
    budgets = {budget["scope"]: budget for budget in ask("budgets")["budgets"]}
    capped = [scope for scope, it in budgets.items() if it["cap_tokens"] and it["cap_usd"] is None]
    scope = next(scope for scope in capped if budgets[scope]["spent_tokens"])
    (spent,) = books.sql(f"select spent_tokens, cap_tokens from bridle.budget where scope = '{scope}'")
    assert (spent["cap_tokens"], scope.split(":")[0]) == (900_000, "step")
    told = ask("costs/as-if")
    with browser(admin) as open_page:
        page = open_page("costs")
        card = page.get_by_test_id("budget").filter(has=page.get_by_text(scope, exact=True))
        assert f"{spent['spent_tokens']:,} of 900K tokens" in card.inner_text()
        card.get_by_text("how it was spent").click()
        card.get_by_test_id("burn-down").wait_for()
        burned = card.get_by_test_id("burn-down").inner_text()
        assert f"{spent['spent_tokens']:,} tokens of 900K tokens" in burned
        figure = page.get_by_test_id("as-if-usd").inner_text()
        assert Decimal(figure.lstrip("$").replace(",", "")) == round(Decimal(told["as_if_usd"]), 4)
        assert f"It lacks {told['unpriced_calls']} call" in page.get_by_test_id("as-if").inner_text()
