"""The first tables, and the role of tasks, which adds to history and does not rewrite it."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0001"
down_revision = None

_ATTEMPT = """dag_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    map_index INTEGER NOT NULL,
    ti_id TEXT NOT NULL,
    try_number INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    loop_id TEXT,
    loop_round INTEGER"""

_TABLES = f"""
CREATE TABLE bridle.loop (
    id TEXT NOT NULL,
    dag_id TEXT NOT NULL,
    goal TEXT DEFAULT '' NOT NULL,
    state TEXT DEFAULT 'running' NOT NULL,
    opened_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    closed_at TIMESTAMPTZ,
    PRIMARY KEY (id)
);
CREATE TABLE bridle.session (
    id UUID NOT NULL,
    {_ATTEMPT},
    fence_key TEXT NOT NULL,
    fence_token BIGINT NOT NULL,
    fence_holder TEXT NOT NULL,
    round INTEGER NOT NULL,
    role TEXT DEFAULT '' NOT NULL,
    agent TEXT DEFAULT '' NOT NULL,
    model TEXT DEFAULT '' NOT NULL,
    provider TEXT DEFAULT '' NOT NULL,
    dialect TEXT DEFAULT '' NOT NULL,
    repo TEXT,
    base_commit TEXT,
    isolation TEXT DEFAULT '' NOT NULL,
    prompt_ref TEXT NOT NULL,
    prompt_digest TEXT NOT NULL,
    limits JSONB NOT NULL,
    resumed_from UUID,
    opened_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    checkpoint TEXT,
    closed_at TIMESTAMPTZ,
    outcome TEXT,
    reason TEXT DEFAULT '' NOT NULL,
    summary TEXT DEFAULT '' NOT NULL,
    result JSONB,
    session_ref TEXT DEFAULT '' NOT NULL,
    turns INTEGER DEFAULT 0 NOT NULL,
    commit TEXT,
    reported JSONB DEFAULT '{{}}' NOT NULL,
    transcript_ref TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX session_open ON bridle.session (expires_at) WHERE closed_at IS NULL;
CREATE INDEX session_step ON bridle.session (dag_id, run_id, task_id, map_index);
CREATE TABLE bridle.event (
    session_id UUID NOT NULL,
    seq INTEGER NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    payload JSONB NOT NULL,
    PRIMARY KEY (session_id, seq)
) PARTITION BY RANGE (session_id);
CREATE TABLE bridle.event_default PARTITION OF bridle.event DEFAULT;
CREATE TABLE bridle.model_call (
    session_id UUID NOT NULL,
    id UUID NOT NULL,
    fence_token BIGINT NOT NULL,
    scopes TEXT[] NOT NULL,
    dialect TEXT NOT NULL,
    model TEXT NOT NULL,
    answered_model TEXT,
    estimated_tokens BIGINT NOT NULL,
    estimated_usd NUMERIC(20, 10),
    request_bytes BIGINT NOT NULL,
    state TEXT DEFAULT 'reserved' NOT NULL,
    status TEXT,
    http_status INTEGER,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_write_tokens BIGINT,
    reasoning_tokens BIGINT,
    cost NUMERIC(20, 10),
    currency TEXT DEFAULT '' NOT NULL,
    price_source TEXT DEFAULT '' NOT NULL,
    price_version TEXT DEFAULT '' NOT NULL,
    latency_ms INTEGER,
    first_byte_ms INTEGER,
    reserved_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    settled_at TIMESTAMPTZ,
    PRIMARY KEY (session_id, id)
) PARTITION BY RANGE (session_id);
CREATE TABLE bridle.model_call_default PARTITION OF bridle.model_call DEFAULT;
CREATE INDEX model_call_id ON bridle.model_call (id);
CREATE TABLE bridle.decision (
    id UUID NOT NULL,
    {_ATTEMPT},
    what TEXT NOT NULL,
    options JSONB NOT NULL,
    choice TEXT NOT NULL,
    why TEXT DEFAULT '' NOT NULL,
    confidence DOUBLE PRECISION,
    by TEXT NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX decision_run ON bridle.decision (dag_id, run_id);
CREATE TABLE bridle.check_run (
    id UUID NOT NULL,
    {_ATTEMPT},
    session_id UUID,
    round INTEGER NOT NULL,
    name TEXT NOT NULL,
    command TEXT NOT NULL,
    commit TEXT,
    exit_code INTEGER,
    seconds DOUBLE PRECISION NOT NULL,
    tail TEXT DEFAULT '' NOT NULL,
    artifact TEXT,
    timed_out BOOLEAN NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX check_run_step ON bridle.check_run (dag_id, run_id, task_id);
CREATE TABLE bridle.review (
    id UUID NOT NULL,
    {_ATTEMPT},
    subject TEXT NOT NULL,
    commit TEXT NOT NULL,
    patch_hash TEXT NOT NULL,
    snapshot JSONB NOT NULL,
    opened_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    decision TEXT,
    by TEXT,
    feedback TEXT DEFAULT '' NOT NULL,
    answered_at TIMESTAMPTZ,
    PRIMARY KEY (id)
);
CREATE INDEX review_run ON bridle.review (dag_id, run_id);
CREATE TABLE bridle.effect (
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL,
    {_ATTEMPT},
    fence_key TEXT NOT NULL,
    fence_token BIGINT NOT NULL,
    fence_holder TEXT NOT NULL,
    intended_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    done_at TIMESTAMPTZ,
    receipt JSONB,
    why TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (key)
);
CREATE INDEX effect_run ON bridle.effect (dag_id, run_id);
CREATE TABLE bridle.artifact (
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    size BIGINT NOT NULL,
    compressed BOOLEAN NOT NULL,
    data BYTEA NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE bridle.transcript (
    session_id UUID NOT NULL,
    compressed BOOLEAN NOT NULL,
    data BYTEA NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (session_id)
);
CREATE TABLE bridle.bundle (
    repo TEXT NOT NULL,
    sha TEXT NOT NULL,
    base_sha TEXT,
    data BYTEA NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (repo, sha)
);
CREATE TABLE bridle.budget (
    scope TEXT NOT NULL,
    cap_usd NUMERIC(20, 10),
    cap_tokens BIGINT,
    reserved_usd NUMERIC(20, 10) DEFAULT 0 NOT NULL,
    reserved_tokens BIGINT DEFAULT 0 NOT NULL,
    spent_usd NUMERIC(20, 10) DEFAULT 0 NOT NULL,
    spent_tokens BIGINT DEFAULT 0 NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    stopped_by TEXT,
    stopped_at TIMESTAMPTZ,
    PRIMARY KEY (scope)
);
CREATE TABLE bridle.claim (
    key TEXT NOT NULL,
    token BIGINT NOT NULL,
    holder TEXT NOT NULL,
    rank TEXT DEFAULT '' NOT NULL,
    expires_at TIMESTAMPTZ,
    PRIMARY KEY (key)
);
ALTER TABLE bridle.artifact ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE bridle.transcript ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE bridle.bundle ALTER COLUMN data SET STORAGE EXTERNAL;
"""

# what a task may change: its own open rows' ends, counters and leases; never an event, a decision, a check
_ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bridle_task') THEN
        CREATE ROLE bridle_task NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'may not create the role bridle_task; tasks then work as the owner of the tables';
END $$;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bridle_task') THEN
        GRANT USAGE ON SCHEMA bridle TO bridle_task;
        GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA bridle TO bridle_task;
        REVOKE INSERT ON bridle.alembic_version FROM bridle_task;
        GRANT UPDATE ON bridle.budget, bridle.claim, bridle.transcript TO bridle_task;
        GRANT UPDATE (state, closed_at) ON bridle.loop TO bridle_task;
        GRANT UPDATE (expires_at, checkpoint, closed_at, outcome, reason, summary, result, session_ref, turns,
                      commit, reported, transcript_ref)
            ON bridle.session TO bridle_task;
        GRANT UPDATE (answered_model, state, status, http_status, input_tokens, output_tokens,
                      cache_read_tokens, cache_write_tokens, reasoning_tokens, cost, currency, price_source,
                      price_version, latency_ms, first_byte_ms, settled_at)
            ON bridle.model_call TO bridle_task;
        GRANT UPDATE (decision, by, feedback, answered_at) ON bridle.review TO bridle_task;
        GRANT UPDATE ON bridle.effect TO bridle_task;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Create everything."""
    connection = op.get_bind()
    connection.exec_driver_sql(_TABLES, execution_options={"no_parameters": True})
    connection.exec_driver_sql(_ROLE, execution_options={"no_parameters": True})


downgrade = refuse
