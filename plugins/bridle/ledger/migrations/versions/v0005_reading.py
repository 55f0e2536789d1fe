"""What the dashboard reads: runs and spending kept up to date by triggers, and indexes.

Sums over a million calls take too long for a page. So each call is counted when its row is written, in the
same transaction and by the database itself: the sums cannot say anything else than the rows, whoever writes.
"""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0005"
down_revision = "0004"

_RUNS = """
CREATE TABLE bridle.run (
    dag_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    repo TEXT,
    loop_id TEXT,
    loop_round INTEGER,
    opened_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL,
    sessions INTEGER NOT NULL,
    open_sessions INTEGER NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (dag_id, run_id)
);
CREATE INDEX run_opened ON bridle.run (opened_at DESC, dag_id DESC, run_id DESC);
CREATE INDEX run_loop ON bridle.run (loop_id) WHERE loop_id IS NOT NULL;

CREATE FUNCTION bridle.count_session() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    v_open INTEGER := (NEW.closed_at IS NULL)::INTEGER;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO bridle.run AS r
            VALUES (NEW.dag_id, NEW.run_id, NEW.repo, NEW.loop_id, NEW.loop_round, NEW.opened_at,
                    coalesce(NEW.closed_at, NEW.opened_at), 1, v_open, left(NEW.summary, 500))
            ON CONFLICT (dag_id, run_id) DO UPDATE SET
                repo = coalesce(r.repo, NEW.repo),
                loop_id = coalesce(r.loop_id, NEW.loop_id),
                loop_round = coalesce(r.loop_round, NEW.loop_round),
                opened_at = least(r.opened_at, NEW.opened_at),
                last_at = greatest(r.last_at, NEW.opened_at, NEW.closed_at),
                sessions = r.sessions + 1,
                open_sessions = r.open_sessions + v_open,
                summary = CASE WHEN NEW.summary = '' THEN r.summary ELSE left(NEW.summary, 500) END;
    ELSE
        UPDATE bridle.run r SET
                last_at = greatest(r.last_at, NEW.closed_at),
                open_sessions = r.open_sessions + v_open - (OLD.closed_at IS NULL)::INTEGER,
                summary = CASE WHEN NEW.summary = '' THEN r.summary ELSE left(NEW.summary, 500) END
            WHERE dag_id = NEW.dag_id AND run_id = NEW.run_id;
    END IF;
    RETURN NULL;
END $$;
"""

FILL_RUN = """
INSERT INTO bridle.run
    SELECT dag_id, run_id, (array_agg(repo ORDER BY id) FILTER (WHERE repo IS NOT NULL))[1],
           (array_agg(loop_id ORDER BY id) FILTER (WHERE loop_id IS NOT NULL))[1],
           (array_agg(loop_round ORDER BY id) FILTER (WHERE loop_round IS NOT NULL))[1], min(opened_at),
           max(coalesce(closed_at, opened_at)), count(*), count(*) FILTER (WHERE closed_at IS NULL),
           coalesce((array_agg(left(summary, 500) ORDER BY closed_at DESC)
                     FILTER (WHERE summary <> ''))[1], '')
    FROM bridle.session GROUP BY dag_id, run_id;
"""

_COUNT_SESSIONS = """
CREATE TRIGGER count_session AFTER INSERT ON bridle.session
    FOR EACH ROW EXECUTE FUNCTION bridle.count_session();
CREATE TRIGGER count_session_end AFTER UPDATE OF closed_at ON bridle.session
    FOR EACH ROW EXECUTE FUNCTION bridle.count_session();
"""

_SPENDING = """
CREATE TABLE bridle.spending (
    session_id UUID NOT NULL,
    day DATE NOT NULL,
    provider TEXT NOT NULL,
    asked TEXT NOT NULL,
    model TEXT NOT NULL,
    dag_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    role TEXT NOT NULL,
    agent TEXT NOT NULL,
    repo TEXT NOT NULL,
    calls BIGINT NOT NULL,
    unknown_calls BIGINT NOT NULL,
    unmeasured_calls BIGINT NOT NULL,
    cost NUMERIC(20, 10) NOT NULL,
    counted_usd NUMERIC(20, 10) NOT NULL,
    counted_tokens BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    PRIMARY KEY (session_id, day, provider, asked, model)
);
CREATE INDEX spending_day ON bridle.spending (day);
CREATE INDEX spending_run ON bridle.spending (dag_id, run_id);

-- what budgets have counted of a call: nothing while it is under way, its estimate where it is unknown
CREATE FUNCTION bridle.counted_usd(c bridle.model_call) RETURNS NUMERIC LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN c.state = 'reserved' THEN 0 ELSE coalesce(c.cost, c.estimated_usd, 0) END
$$;
CREATE FUNCTION bridle.counted_tokens(c bridle.model_call) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN c.state = 'reserved' THEN 0
                ELSE coalesce(c.input_tokens + c.output_tokens, c.estimated_tokens) END
$$;

CREATE FUNCTION bridle.count_call() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE bridle.spending SET
                calls = calls - 1,
                unknown_calls = unknown_calls - (OLD.cost IS NULL)::INTEGER,
                unmeasured_calls = unmeasured_calls - (OLD.input_tokens IS NULL)::INTEGER,
                cost = cost - coalesce(OLD.cost, 0),
                counted_usd = counted_usd - bridle.counted_usd(OLD),
                counted_tokens = counted_tokens - bridle.counted_tokens(OLD),
                input_tokens = input_tokens - coalesce(OLD.input_tokens, 0),
                output_tokens = output_tokens - coalesce(OLD.output_tokens, 0),
                cache_read_tokens = cache_read_tokens - coalesce(OLD.cache_read_tokens, 0),
                cache_write_tokens = cache_write_tokens - coalesce(OLD.cache_write_tokens, 0),
                reasoning_tokens = reasoning_tokens - coalesce(OLD.reasoning_tokens, 0)
            WHERE session_id = OLD.session_id
                AND day = (OLD.reserved_at AT TIME ZONE 'UTC')::DATE
                AND provider = OLD.provider AND asked = OLD.model
                AND model = coalesce(OLD.answered_model, OLD.model);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO bridle.spending AS s
            SELECT NEW.session_id, (NEW.reserved_at AT TIME ZONE 'UTC')::DATE, NEW.provider, NEW.model,
                   coalesce(NEW.answered_model, NEW.model), o.dag_id, o.run_id, o.role, o.agent,
                   coalesce(o.repo, ''), 1, (NEW.cost IS NULL)::INTEGER, (NEW.input_tokens IS NULL)::INTEGER,
                   coalesce(NEW.cost, 0), bridle.counted_usd(NEW), bridle.counted_tokens(NEW),
                   coalesce(NEW.input_tokens, 0), coalesce(NEW.output_tokens, 0),
                   coalesce(NEW.cache_read_tokens, 0), coalesce(NEW.cache_write_tokens, 0),
                   coalesce(NEW.reasoning_tokens, 0)
            FROM bridle.session o WHERE o.id = NEW.session_id
            ON CONFLICT (session_id, day, provider, asked, model) DO UPDATE SET
                calls = s.calls + 1,
                unknown_calls = s.unknown_calls + EXCLUDED.unknown_calls,
                unmeasured_calls = s.unmeasured_calls + EXCLUDED.unmeasured_calls,
                cost = s.cost + EXCLUDED.cost,
                counted_usd = s.counted_usd + EXCLUDED.counted_usd,
                counted_tokens = s.counted_tokens + EXCLUDED.counted_tokens,
                input_tokens = s.input_tokens + EXCLUDED.input_tokens,
                output_tokens = s.output_tokens + EXCLUDED.output_tokens,
                cache_read_tokens = s.cache_read_tokens + EXCLUDED.cache_read_tokens,
                cache_write_tokens = s.cache_write_tokens + EXCLUDED.cache_write_tokens,
                reasoning_tokens = s.reasoning_tokens + EXCLUDED.reasoning_tokens;
    END IF;
    -- another model has answered than was asked
    DELETE FROM bridle.spending WHERE session_id = coalesce(OLD.session_id, NEW.session_id) AND calls = 0;
    RETURN NULL;
END $$;
"""

FILL_SPENDING = """
INSERT INTO bridle.spending
    SELECT o.id, (c.reserved_at AT TIME ZONE 'UTC')::DATE, c.provider, c.model,
           coalesce(c.answered_model, c.model), o.dag_id, o.run_id, o.role, o.agent, coalesce(o.repo, ''),
           count(*), count(*) FILTER (WHERE c.cost IS NULL), count(*) FILTER (WHERE c.input_tokens IS NULL),
           coalesce(sum(c.cost), 0), sum(bridle.counted_usd(c)), sum(bridle.counted_tokens(c)),
           coalesce(sum(c.input_tokens), 0), coalesce(sum(c.output_tokens), 0),
           coalesce(sum(c.cache_read_tokens), 0), coalesce(sum(c.cache_write_tokens), 0),
           coalesce(sum(c.reasoning_tokens), 0)
    FROM bridle.model_call c JOIN bridle.session o ON o.id = c.session_id GROUP BY 1, 2, 3, 4, 5;
"""

_COUNT_CALLS = """
CREATE TRIGGER count_call AFTER INSERT OR UPDATE OR DELETE ON bridle.model_call
    FOR EACH ROW EXECUTE FUNCTION bridle.count_call();
"""

_INDEXES = """
ALTER TABLE bridle.session ADD COLUMN diff_ref TEXT;
CREATE INDEX model_call_reserved ON bridle.model_call (reserved_at);
CREATE INDEX model_call_large ON bridle.model_call (reserved_at) WHERE input_tokens > 100000;
CREATE INDEX session_opened ON bridle.session (opened_at);
CREATE INDEX budget_kind ON bridle.budget (split_part(scope, ':', 1), scope);
CREATE INDEX session_words ON bridle.session USING gin (to_tsvector('simple', left(summary, 4000)));
"""


def upgrade() -> None:
    """Two tables, filled with what there is, the triggers that keep them, indexes, and a session's diff."""
    connection = op.get_bind()
    for statements in (
        *(_RUNS, FILL_RUN, _COUNT_SESSIONS),
        *(_SPENDING, FILL_SPENDING, _COUNT_CALLS),
        _INDEXES,
    ):
        connection.exec_driver_sql(statements, execution_options={"no_parameters": True})


downgrade = refuse
