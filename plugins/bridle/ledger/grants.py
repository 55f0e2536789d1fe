"""What tasks may do with the ledger: add to history and not rewrite it.

Not a part of the migrations: an administrator may have to make the role after them.
"""

from sqlalchemy import Connection, text

TASK_ROLE = "bridle_task"

# a task changes its own open rows' ends, counters and leases; never an event, a decision or a check
_GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bridle_task') THEN
        GRANT USAGE ON SCHEMA bridle TO bridle_task;
        GRANT SELECT ON bridle.alembic_version, bridle.budget_in_force, bridle.effect_history TO bridle_task;
        GRANT SELECT, INSERT ON
            bridle.artifact, bridle.bisect, bridle.bisect_probe, bridle.budget, bridle.bundle,
            bridle.check_run, bridle.claim, bridle.decision,
            bridle.effect, bridle.event, bridle.failure, bridle.issue_attempt, bridle.loop, bridle.loop_round,
            bridle.model_call, bridle.review, bridle.session, bridle.spec_task, bridle.transcript,
            bridle.watch
            TO bridle_task;
        GRANT SELECT ON bridle.run, bridle.spending TO bridle_task;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA bridle TO bridle_task;
        GRANT UPDATE ON
            bridle.budget, bridle.claim, bridle.effect, bridle.spec_task, bridle.transcript, bridle.watch
            TO bridle_task;
        -- model and provider: a model that does not answer gives way to the next of its chain
        GRANT UPDATE (model, provider, expires_at, checkpoint, closed_at, outcome, reason, summary, result,
                      session_ref, turns, commit, reported, transcript_ref, diff_ref)
            ON bridle.session TO bridle_task;
        GRANT UPDATE (answered_model, state, status, http_status, input_tokens, output_tokens,
                      cache_read_tokens, cache_write_tokens, reasoning_tokens, cost, currency, price_source,
                      price_version, latency_ms, first_byte_ms, settled_at)
            ON bridle.model_call TO bridle_task;
        GRANT UPDATE (at) ON bridle.artifact TO bridle_task;
        GRANT UPDATE (decision, by, feedback, answered_at) ON bridle.review TO bridle_task;
        GRANT UPDATE (state, reason, params, deadline, head_commit, closed_at) ON bridle.loop TO bridle_task;
        GRANT UPDATE (head_commit, decision, dispatched, delivered, checks, answer, verdict, reason, tokens,
                      cost_usd, closed_at)
            ON bridle.loop_round TO bridle_task;
        GRANT UPDATE (state, closed_at) ON bridle.issue_attempt TO bridle_task;
        GRANT UPDATE (repo, check_name, command, generation, state, commits, searched, repeated, good_commit,
                      commit, session_id, round, decision_id, flaky, why, closed_at)
            ON bridle.bisect TO bridle_task;
    END IF;
END $$;
"""


def grant_tasks(connection: Connection) -> None:
    """Give the role of tasks, when there is one, its rights; as often as one likes."""
    connection.execute(text(_GRANTS))
