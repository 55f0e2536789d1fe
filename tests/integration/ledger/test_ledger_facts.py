"""Reviews, decisions, artifacts, bundles, and what people read of it all."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from ledger_rows import STEP, make_attempt, make_call, make_start

from bridle.agents.base import Event, EventKind
from bridle.errors import ConfigError, ProviderDown, ReviewMismatch
from bridle.guard.redact import MARK
from bridle.ledger.queries import Queries
from bridle.ledger.records import Price, StepKey, Usage
from bridle.ledger.run_list import named_runs

RUN = STEP.run_scope


def ask(ledger, attempt, commit="a" * 40):
    return ledger.open_review(
        attempt, subject="Publish?", commit=commit, patch_hash="h", snapshot={"files": 2}
    )


def test_an_answer_is_kept_with_what_was_asked(ledger):
    review = ask(ledger, make_attempt())
    assert ledger.review(review).decision is None
    ledger.answer_review(review, decision="Approve", by="human:ada", feedback="nice")
    row = ledger.review(review)
    assert (row.id, row.by, row.decision, row.feedback) == (review, "human:ada", "approve", "nice")
    assert (row.commit, row.snapshot) == ("a" * 40, {"files": 2})


def test_the_reviews_of_a_run_come_in_order(ledger):
    first = ask(ledger, make_attempt())
    ledger.answer_review(first, decision="approve", by="human:ada")
    second = ask(ledger, make_attempt(2, generation=1))
    assert second != first
    ledger.answer_review(second, decision="reject", by="human:bob", feedback="no")
    found = ledger.reviews_of_run(STEP)
    assert [(row.id, row.decision) for row in found] == [(first, "approve"), (second, "reject")]
    assert ledger.reviews_of_run(replace(STEP, run_id="manual__2")) == []


def test_asking_again_in_a_retry_is_the_same_question(ledger):
    assert ask(ledger, make_attempt(1)) == ask(ledger, make_attempt(2))
    assert ask(ledger, make_attempt(3), commit="b" * 40) != ask(ledger, make_attempt(4))


def test_an_answer_is_given_once(ledger):
    review = ask(ledger, make_attempt())
    ledger.answer_review(review, decision="reject", by="human:ada")
    ledger.answer_review(review, decision="reject", by="human:ada")
    with pytest.raises(ReviewMismatch, match="answered reject by human:ada"):
        ledger.answer_review(review, decision="approve", by="human:bob")
    with pytest.raises(ConfigError, match="maybe"):
        ledger.answer_review(review, decision="maybe", by="human:bob")


def test_a_question_that_is_asked_anew_withdraws_the_one_before_and_no_newer_one(ledger):
    first = ask(ledger, make_attempt())
    other = ask(ledger, make_attempt(1, generation=3), commit="c" * 40)
    assert (ledger.review(first).decision, ledger.review(first).by) == ("withdrawn", "policy")
    ask(ledger, make_attempt(2), commit="b" * 40)
    assert ledger.review(other).decision is None
    assert ledger.waiting_reviews(STEP.dag_id) == 2


def test_a_withdrawn_question_can_still_be_answered_and_an_answered_one_not_withdrawn(ledger):
    """A person's answer may be on its way while the sweeper takes the run for ended."""
    review = ask(ledger, make_attempt())
    assert ledger.withdraw_review(review, "the run ended")
    assert not ledger.withdraw_review(review, "again")
    assert ledger.waiting_reviews(STEP.dag_id) == 0
    assert ledger.answer_review(review, decision="approve", by="human:ada", feedback="late")
    assert not ledger.withdraw_review(review, "the run ended")
    assert (ledger.review(review).decision, ledger.review(review).feedback) == ("approve", "late")


def test_an_artifact_comes_back_as_it_was_and_is_stored_once(ledger):
    noise = random.Random(7).randbytes(50_000)
    for data in (b"", b"text\n" * 10_000, noise, "é\n"):
        ref = ledger.put_artifact(data, "application/octet-stream")
        assert ref == ledger.put_artifact(data, "application/octet-stream")
        assert ref.startswith("sha256:")
        assert ledger.get_artifact(ref) == (data.encode() if isinstance(data, str) else data)


def test_an_artifact_is_redacted(ledger):
    ledger.redactor.add("known-secret")
    assert ledger.get_artifact(ledger.put_artifact("a known-secret b")) == f"a {MARK} b".encode()


def test_a_text_over_the_cap_keeps_both_ends_and_other_data_is_refused(ledger):
    text = "first line\n" + "é" * 50_000 + "\nlast line"
    kept = ledger.get_artifact(ledger.put_artifact(text, "text/plain", max_bytes=10_000))
    assert kept.startswith(b"first line")
    assert kept.endswith(b"last line")
    assert b"[cut: 100021 bytes in all]" in kept
    assert len(kept) <= 10_000
    with pytest.raises(ConfigError, match="the cap is 10"):
        ledger.put_artifact(b"x" * 11, "application/json", max_bytes=10)
    with pytest.raises(ConfigError, match="not in the ledger"):
        ledger.get_artifact("sha256:" + "0" * 64)


def test_bundles_come_in_the_order_in_which_git_takes_them(ledger):
    ledger.put_bundle("demo", "c3", "c2", b"3")
    ledger.put_bundle("demo", "c1", "upstream", b"1")
    ledger.put_bundle("demo", "c2", "c1", b"2")
    ledger.put_bundle("demo", "c2", "c1", b"again")
    ledger.put_bundle("demo", "fork", "c1", b"f")
    ledger.put_bundle("other", "c1", None, b"o")
    assert [(row.sha, row.data) for row in ledger.bundles_for("demo", "c3")] == [
        ("c1", b"1"),
        ("c2", b"2"),
        ("c3", b"3"),
    ]
    assert ledger.bundles_for("demo", "c3")[0].base_sha == "upstream"
    assert [row.sha for row in ledger.bundles_for("other", "c1")] == ["c1"]
    assert ledger.bundles_for("demo", "upstream") == []


@pytest.fixture
def books(ledger, ledger_url):
    """Two runs: one of two steps, one of a single call whose cost is unknown."""

    def spend(run, task, model, costs):
        attempt = make_attempt(step=StepKey("issue_fix", run, task))
        fence = ledger.take_step(attempt)
        session_id = ledger.open_session(make_start(attempt, fence, role=task, model=model))
        for cost in costs:
            ledger.settle(
                ledger.reserve(make_call(session_id, fence, model=model)),
                usage=Usage(100, 20, cache_read_tokens=50),
                price=Price(cost, source="test", version="1"),
                status="ok",
                http_status=200,
                answered_model=None,
                latency_ms=5,
                first_byte_ms=2,
            )
        ledger.record(session_id, [Event(kind=EventKind.STARTED)])
        ledger.close_session(session_id, outcome="done")
        ledger.decide(
            attempt,
            what="label",
            options=["bug"],
            choice="bug",
            why="!",
            confidence=0.9,
            by="model:classifier",
        )
        ledger.effect_intend(attempt, fence, f"{run}/{task}", "v", "comment", "demo#7")
        ask(ledger, attempt)
        return session_id

    ids = [
        spend("r1", "classify", "small", [Decimal("0.01")]),
        spend("r1", "implement", "large", [Decimal("0.20"), Decimal("0.30")]),
        spend("r2", "classify", "small", [None]),
    ]
    with Queries(ledger_url) as queries:
        yield ids, queries


def test_people_read_runs_steps_calls_and_costs(ledger, books):
    (classify, implement, unknown), queries = books
    keys = [("issue_fix", "r1"), ("issue_fix", "r2"), ("issue_fix", "r3")]
    second, first = queries.rows(named_runs(keys, limit=3))
    assert (first["run_id"], second["run_id"]) == ("r1", "r2")
    assert (first["sessions"], first["open_sessions"]) == (2, 0)
    spent = queries.totals_of_runs(keys)
    first, second = spent[keys[0]], spent[keys[1]]
    assert keys[2] not in spent
    assert first.cost_usd == Decimal("0.51")
    assert (second.cost_usd, second.unknown_calls) == (None, 1)
    assert first == ledger.session_totals("run:issue_fix/r1")

    steps = queries.run("issue_fix", "r1")
    assert [step.step.task_id for step in steps] == ["classify", "implement"]
    assert [step.totals.calls for step in steps] == [1, 2]
    assert [row.id for row in steps[1].sessions] == [implement]
    assert sum(step.totals.cost_usd for step in steps) == first.cost_usd

    calls = queries.calls(implement)
    assert [call.price.amount for call in calls] == [Decimal("0.20"), Decimal("0.30")]
    assert calls[0].usage == Usage(100, 20, cache_read_tokens=50)
    assert queries.calls(unknown)[0].price.amount is None
    assert [event.kind for event in queries.events(classify)] == ["started"]
    assert [row.choice for row in queries.decisions("issue_fix", "r1")] == ["bug", "bug"]
    assert len(queries.reviews(pending=True)) == 3
    assert len(queries.reviews("issue_fix", "r1")) == 2
    assert {row.key for row in queries.effects("issue_fix", "r1")} == {"r1/classify", "r1/implement"}
    assert [row.id for row in queries.sessions(limit=2)] == [unknown, implement]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("run", ["issue_fix/r1", "issue_fix/r2"]),
        ("step", ["issue_fix/implement", "issue_fix/classify"]),
        ("model", ["large", "small"]),
        ("role", ["implement", "classify"]),
        ("agent", ["api"]),
        ("repo", ["demo"]),
        ("provider", ["anthropic"]),
        ("day", [f"{datetime.now(UTC):%Y-%m-%d}"]),
    ],
)
def test_cost_adds_up_by_anything_and_every_call_counts_once(ledger, books, by, names):
    rows = books[1].cost(by)
    assert [row.name for row in rows] == names
    assert sum(row.totals.calls for row in rows) == ledger.session_totals("all").calls == 4
    assert books[1].cost(by, since=datetime.now(UTC) + timedelta(hours=1)) == []


def test_a_failure_is_kept_as_its_error_said_it_without_secrets_and_makes_its_run_known(ledger, books):
    attempt = make_attempt(2, step=replace(STEP, run_id="r9"))
    ledger.redactor.add("hunter2-hunter2")
    ledger.record_failure(attempt, ProviderDown("529 for hunter2-hunter2"))
    (row,) = books[1].failures(STEP.dag_id, "r9")
    assert (row.attempt, row.kind, row.retryable) == (attempt, "ProviderDown", True)
    assert row.reason == f"529 for {MARK}"
    (made,) = books[1].rows(named_runs([(STEP.dag_id, "r9")], limit=2))
    assert (made["sessions"], made["opened_at"]) == (0, row.at)


def test_totals_of_every_kind_of_scope_agree(ledger, books):
    classify = books[0][0]
    one = ledger.session_totals(classify)
    assert (one.calls, one.usage.total, one.cost_usd) == (1, 120, Decimal("0.01"))
    assert ledger.session_totals(f"session:{classify}") == one
    assert ledger.session_totals("step:issue_fix/r1/classify") == one
    assert ledger.session_totals(f"day:{datetime.now(UTC):%Y-%m-%d}") == ledger.session_totals("all")
    assert ledger.session_totals("run:issue_fix/none").cost_usd == 0
    assert ledger.session_totals("loop:none").calls == 0
    with pytest.raises(ConfigError, match="no scope"):
        ledger.session_totals("nonsense")


def test_cost_by_something_that_is_not_kept_says_what_is(books):
    with pytest.raises(ConfigError, match="run, dag, step, role"):
        books[1].cost("phase of the moon")


def test_a_step_finds_the_question_it_asked_last_in_its_generation(ledger):
    assert ledger.latest_review(make_attempt()) is None
    ask(ledger, make_attempt(1))
    newest = ask(ledger, make_attempt(2), commit="b" * 40)
    assert ledger.latest_review(make_attempt(3)).id == newest
    assert ledger.latest_review(make_attempt(4, generation=1)) is None


def test_all_questions_of_a_run_are_found_from_any_of_its_steps(ledger):
    other = StepKey(STEP.dag_id, STEP.run_id, "approve")
    ids = [ask(ledger, make_attempt()), ask(ledger, make_attempt(step=other))]
    ask(ledger, make_attempt(step=StepKey("issue_fix", "another", "approve")))
    assert [row.id for row in ledger.reviews_of_run(StepKey(STEP.dag_id, STEP.run_id, "publish"))] == ids
