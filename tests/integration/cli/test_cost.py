"""`bridle cost`: sums of the ledger's rows, and what the same tokens cost on one model."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bridle.cli import app
from bridle.gateway.price_list import PriceList
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, CallRequest, Price, StepKey, Usage
from bridle.ledger.store import Ledger
from bridle.testing.ledger import session_start

SMALL, LARGE = "anthropic:claude-haiku-4-5", "anthropic:claude-opus-4-5"
READ = Usage(100_000, 1_000, cache_read_tokens=80_000)
WRITTEN = Usage(20_000, 5_000)
PRICES = PriceList({})


def cost(url: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["cost", *words], env={"BRIDLE_LEDGER_URL": url})


def told(url: str, *words: str) -> Any:
    done = cost(url, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def book(ledger: Ledger, task: str, role: str, model: str, usage: Usage, amount: Decimal | None) -> None:
    """One session with one call."""
    attempt = Attempt(StepKey("issue_fix", "run", task), str(new_id()), 1, 0)
    fence = ledger.take_step(attempt)
    provider, _, name = model.partition(":")
    start = session_start(attempt, fence, role=role, model=name, provider=provider, repo="acme/widgets")
    session_id = ledger.open_session(start)
    call = ledger.reserve(CallRequest(session_id, fence, (), start.dialect, name, usage.total, amount, 0))
    ledger.settle(
        call,
        usage=usage,
        price=Price(amount, source="test"),
        status="ok",
        http_status=200,
        answered_model=name,
        latency_ms=1,
        first_byte_ms=1,
    )


@pytest.fixture
def booked(ledger: Ledger, ledger_url: str) -> str:
    """A ledger in which a small model has read and a large one has written; two calls of each."""
    for number in (1, 2):
        book(ledger, f"look_{number}", "explorer", SMALL, READ, PRICES.cost(SMALL, READ))
        book(ledger, f"fix_{number}", "implementer", LARGE, WRITTEN, PRICES.cost(LARGE, WRITTEN))
    return ledger_url


def test_cost_by_role_is_the_sum_of_the_calls(booked: str) -> None:
    found = told(booked, "--by", "role")
    assert [row["name"] for row in found["rows"]] == ["implementer", "explorer"], "the dearest first"
    explorer = found["rows"][1]
    assert (explorer["sessions"], explorer["calls"], explorer["input_tokens"]) == (2, 2, 200_000)
    assert explorer["cache_read_tokens"] == 160_000
    assert Decimal(explorer["known_usd"]) == 2 * (PRICES.cost(SMALL, READ) or 0)
    assert Decimal(found["total"]["known_usd"]) == sum(Decimal(row["known_usd"]) for row in found["rows"])


def test_the_comparison_is_with_the_dearest_model_used_and_can_be_checked_by_hand(booked: str) -> None:
    """Opus 4.5: 5 dollars in, 0.5 read from cache, 25 out, for a million tokens."""
    found = told(booked, "--by", "role")
    assert found["as_if_model"] == LARGE
    by_hand = 2 * (20_000 * 5 + 80_000 * Decimal("0.5") + 1_000 * 25) / Decimal(1_000_000)
    assert Decimal(found["rows"][1]["as_if_usd"]) == by_hand
    large = found["rows"][0]
    assert Decimal(large["as_if_usd"]) == Decimal(large["known_usd"])
    shown = cost(booked)
    assert "alone; what was paid is" in shown.stderr


def test_any_model_can_be_compared_with_and_an_unknown_one_is_an_error(booked: str) -> None:
    found = told(booked, "--as-if", SMALL)
    assert Decimal(found["total"]["as_if_usd"]) < Decimal(found["total"]["known_usd"])
    wrong = cost(booked, "--as-if", "anthropic:no-such-model")
    assert wrong.exit_code == 1
    assert "nobody knows what anthropic:no-such-model costs" in wrong.stderr


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("run", ["issue_fix/run"]),
        ("dag", ["issue_fix"]),
        ("repo", ["acme/widgets"]),
        ("agent", ["api"]),
        ("model", ["claude-opus-4-5", "claude-haiku-4-5"]),
        ("provider", ["anthropic"]),
    ],
)
def test_it_adds_up_by_whatever_is_asked(booked: str, by: str, names: list[str]) -> None:
    assert [row["name"] for row in told(booked, "--by", by)["rows"]] == names


def test_an_unknown_price_stands_beside_the_known_sum_and_is_never_zero(ledger: Ledger, booked: str) -> None:
    book(ledger, "odd", "explorer", "company:big", READ, None)
    found = told(booked, "--by", "role")
    explorer = next(row for row in found["rows"] if row["name"] == "explorer")
    assert explorer["unknown_calls"] == 1
    assert Decimal(explorer["known_usd"]) == 2 * (PRICES.cost(SMALL, READ) or 0)
    assert "+ unknown (1 calls)" in cost(booked, "--by", "role").stdout


def test_only_what_is_young_enough_counts(booked: str) -> None:
    assert told(booked, "--since", "1h")["total"]["calls"] == 4
    assert told(booked, "--since", "2999-01-01")["total"]["calls"] == 0
    wrong = cost(booked, "--since", "yesterday")
    assert (wrong.exit_code, "write a date such as" in wrong.stderr) == (1, True)


def test_a_spreadsheet_gets_the_same_rows(booked: str) -> None:
    rows = list(csv.DictReader(io.StringIO(cost(booked, "--by", "role", "--csv").stdout)))
    plain = told(booked, "--by", "role")["rows"]
    assert [row["known_usd"] for row in rows] == [row["known_usd"] for row in plain]
