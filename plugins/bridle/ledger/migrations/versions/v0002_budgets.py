"""Budgets: caps of each day, warnings, and a call's reservation and settlement in one round trip each."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0002"
down_revision = "0001"

_TABLES = """
ALTER TABLE bridle.budget
    ADD COLUMN capped_by TEXT,
    ADD COLUMN generation INTEGER,
    ADD COLUMN warned_usd NUMERIC(20, 10),
    ADD COLUMN warned_tokens BIGINT,
    ADD COLUMN warned_at TIMESTAMPTZ;
ALTER TABLE bridle.model_call ADD COLUMN provider TEXT DEFAULT '' NOT NULL;

CREATE FUNCTION bridle.today() RETURNS TEXT LANGUAGE sql VOLATILE AS $$
    SELECT 'day:' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD')
$$;

-- whose cap a day has that has none of its own: `day:*/dag` for `day:2026-01-31/dag`
CREATE FUNCTION bridle.every_day(scope TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN scope LIKE 'day:____-__-__%' THEN 'day:*' || substr(scope, 15) END
$$;

CREATE VIEW bridle.budget_in_force AS
    SELECT b.scope, b.calls, b.stopped_by, b.stopped_at,
           coalesce(b.cap_usd, d.cap_usd) AS cap_usd, coalesce(b.cap_tokens, d.cap_tokens) AS cap_tokens,
           coalesce(b.capped_by, d.capped_by) AS capped_by,
           b.reserved_usd, b.reserved_tokens, b.spent_usd, b.spent_tokens,
           b.warned_usd, b.warned_tokens, b.warned_at
    FROM bridle.budget b LEFT JOIN bridle.budget d ON d.scope = bridle.every_day(b.scope);
"""

# locks in the order claim, session, model_call, budget (by scope), as everywhere
_RESERVE = """
CREATE FUNCTION bridle.reserve(
    p_session UUID, p_call UUID, p_key TEXT, p_token BIGINT, p_holder TEXT, p_scopes TEXT[], p_dialect TEXT,
    p_provider TEXT, p_model TEXT, p_tokens BIGINT, p_usd NUMERIC, p_bytes BIGINT
) RETURNS JSONB LANGUAGE plpgsql SET lock_timeout = '15s' AS $$
DECLARE
    v_dag TEXT;
    v_day TEXT := bridle.today();
    v_scopes TEXT[];
    v_refused JSONB;
    b RECORD;
BEGIN
    -- it would fit under every cap, and give budget back
    IF p_tokens < 0 OR p_usd < 0 THEN
        RETURN '{"refused": "negative"}';
    END IF;
    PERFORM FROM bridle.claim
        WHERE key = p_key AND token = p_token AND holder = p_holder
            AND coalesce(expires_at > clock_timestamp(), true)
        FOR SHARE;
    IF NOT FOUND THEN
        RETURN '{"refused": "session"}';
    END IF;
    SELECT dag_id INTO v_dag FROM bridle.session
        WHERE id = p_session AND fence_key = p_key AND fence_token = p_token AND closed_at IS NULL
        FOR SHARE;
    IF NOT FOUND THEN
        RETURN '{"refused": "session"}';
    END IF;
    v_scopes := array(
        SELECT DISTINCT s FROM unnest(p_scopes || v_day || (v_day || '/' || v_dag)) s ORDER BY s
    );
    INSERT INTO bridle.budget (scope) SELECT unnest(v_scopes) ON CONFLICT DO NOTHING;
    FOR b IN
        SELECT o.scope, o.stopped_by, o.capped_by,
               coalesce(o.cap_tokens, d.cap_tokens) AS cap_tokens, coalesce(o.cap_usd, d.cap_usd) AS cap_usd,
               o.spent_tokens + o.reserved_tokens AS tokens, o.spent_usd + o.reserved_usd AS usd
        FROM bridle.budget o LEFT JOIN bridle.budget d ON d.scope = bridle.every_day(o.scope)
        WHERE o.scope = ANY (v_scopes) ORDER BY o.scope FOR UPDATE OF o
    LOOP
        IF b.stopped_by IS NOT NULL THEN
            RETURN jsonb_build_object('refused', 'stopped', 'scope', b.scope, 'by', b.stopped_by);
        ELSIF v_refused IS NOT NULL THEN
            CONTINUE;
        ELSIF p_tokens > b.cap_tokens - b.tokens THEN
            v_refused := jsonb_build_object('refused', 'tokens', 'scope', b.scope, 'cap', b.cap_tokens,
                                            'left', b.cap_tokens - b.tokens, 'by', b.capped_by);
        ELSIF p_usd > b.cap_usd - b.usd THEN
            v_refused := jsonb_build_object('refused', 'usd', 'scope', b.scope, 'cap', b.cap_usd::text,
                                            'left', (b.cap_usd - b.usd)::text, 'by', b.capped_by);
        ELSIF b.cap_usd IS NOT NULL AND p_usd IS NULL AND b.cap_tokens IS NULL THEN
            v_refused := jsonb_build_object('refused', 'price', 'scope', b.scope, 'cap', b.cap_usd::text);
        END IF;
    END LOOP;
    -- asked again after a lost connection: the first one was heard, and is what the caps have no room beside;
    -- looked for under the locks of the rows, for which it may still have been waiting
    IF EXISTS (SELECT FROM bridle.model_call WHERE session_id = p_session AND id = p_call) THEN
        RETURN NULL;
    ELSIF v_refused IS NOT NULL THEN
        RETURN v_refused;
    END IF;
    UPDATE bridle.budget
        SET reserved_tokens = reserved_tokens + p_tokens, reserved_usd = reserved_usd + coalesce(p_usd, 0),
            calls = calls + 1
        WHERE scope = ANY (v_scopes);
    INSERT INTO bridle.model_call (session_id, id, fence_token, scopes, dialect, provider, model,
                                   estimated_tokens, estimated_usd, request_bytes)
        VALUES (p_session, p_call, p_token, v_scopes, p_dialect, p_provider, p_model, p_tokens, p_usd,
                p_bytes);
    RETURN NULL;
END $$;
"""

_SETTLE = """
CREATE FUNCTION bridle.settle(
    p_call UUID, p_status TEXT, p_http INTEGER, p_answered TEXT, p_input BIGINT, p_output BIGINT,
    p_cache_read BIGINT, p_cache_write BIGINT, p_reasoning BIGINT, p_cost NUMERIC, p_currency TEXT,
    p_source TEXT, p_version TEXT, p_latency INTEGER, p_first_byte INTEGER
) RETURNS JSONB LANGUAGE plpgsql SET lock_timeout = '15s' AS $$
DECLARE
    v_call bridle.model_call;
    v_tokens BIGINT;
    v_usd NUMERIC;
    v_held_tokens BIGINT := 0;
    v_held_usd NUMERIC := 0;
    v_warnings JSONB := '[]';
    b RECORD;
BEGIN
    SELECT * INTO v_call FROM bridle.model_call WHERE id = p_call FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF v_call.state = 'settled' THEN
        RETURN v_warnings;
    END IF;
    v_tokens := coalesce(p_input + p_output, v_call.estimated_tokens);
    v_usd := coalesce(p_cost, v_call.estimated_usd, 0);
    IF v_call.state = 'reserved' THEN
        v_held_tokens := v_call.estimated_tokens;
        v_held_usd := coalesce(v_call.estimated_usd, 0);
    ELSE  -- given up before: its estimate is spent already
        v_tokens := v_tokens - v_call.estimated_tokens;
        v_usd := v_usd - coalesce(v_call.estimated_usd, 0);
    END IF;
    PERFORM FROM bridle.budget WHERE scope = ANY (v_call.scopes) ORDER BY scope FOR UPDATE;
    UPDATE bridle.budget
        SET reserved_tokens = reserved_tokens - v_held_tokens, reserved_usd = reserved_usd - v_held_usd,
            spent_tokens = spent_tokens + v_tokens, spent_usd = spent_usd + v_usd
        WHERE scope = ANY (v_call.scopes);
    FOR b IN
        SELECT * FROM bridle.budget_in_force
        WHERE scope = ANY (v_call.scopes)
            AND (spent_usd >= 0.8 * cap_usd AND warned_usd IS DISTINCT FROM cap_usd
                OR spent_tokens >= 0.8 * cap_tokens AND warned_tokens IS DISTINCT FROM cap_tokens)
        ORDER BY scope
    LOOP
        UPDATE bridle.budget
            SET warned_usd = CASE WHEN b.spent_usd >= 0.8 * b.cap_usd THEN b.cap_usd ELSE warned_usd END,
                warned_tokens = CASE WHEN b.spent_tokens >= 0.8 * b.cap_tokens THEN b.cap_tokens
                                ELSE warned_tokens END,
                warned_at = clock_timestamp()
            WHERE scope = b.scope;
        v_warnings := v_warnings || jsonb_build_object(
            'scope', b.scope, 'spent_usd', b.spent_usd::text, 'cap_usd', b.cap_usd::text,
            'spent_tokens', b.spent_tokens, 'cap_tokens', b.cap_tokens);
    END LOOP;
    UPDATE bridle.model_call
        SET state = 'settled', status = p_status, http_status = p_http, answered_model = p_answered,
            input_tokens = p_input, output_tokens = p_output, cache_read_tokens = p_cache_read,
            cache_write_tokens = p_cache_write, reasoning_tokens = p_reasoning, cost = p_cost,
            currency = p_currency, price_source = p_source, price_version = p_version,
            latency_ms = p_latency, first_byte_ms = p_first_byte, settled_at = clock_timestamp()
        WHERE session_id = v_call.session_id AND id = p_call;
    RETURN v_warnings;
END $$;
"""


def upgrade() -> None:
    """Add what budgets need beside their table."""
    connection = op.get_bind()
    for statements in (_TABLES, _RESERVE, _SETTLE):
        connection.exec_driver_sql(statements, execution_options={"no_parameters": True})


downgrade = refuse
