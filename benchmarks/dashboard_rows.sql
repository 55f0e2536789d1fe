-- 10,000 runs and what belongs to them; see dashboard_rows.py. Names with a colon are numbers given there.

CREATE OR REPLACE FUNCTION pg_temp.id(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
            || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid $$;

SET session_replication_role = replica;

SET synchronous_commit = off;

CREATE TEMP TABLE r AS
SELECT n, CASE WHEN n % 20 < 12 THEN 'issue_fix' WHEN n % 20 < 17 THEN 'spec_routine' ELSE 'goal_loop' END dag_id,
    'manual__' || n run_id, now() - :days * interval '1 day' * (1 - n::float / :runs) AS at,
    CASE WHEN n % 20 >= 17 THEN 'loop-' || n / 100 END loop_id, n / 20 % 5 + 1 loop_round
FROM generate_series(1, :runs) n;

CREATE TEMP TABLE s AS
SELECT k, pg_temp.id(r.at + k % 1000 * interval '1 second', k) id, r.*, k % 5 + 1 step, 1 + k % 3 round,
    r.at + k % 1000 * interval '1 second' began
FROM generate_series(1, :sessions) k JOIN r ON r.n = CASE WHEN k % 50 = 0 THEN 1 ELSE 1 + k % :runs END;

CREATE INDEX ON s (k); ANALYZE r, s;

INSERT INTO bridle.session (id, dag_id, run_id, task_id, map_index, ti_id, try_number, generation, loop_id, loop_round, fence_key, fence_token, fence_holder, round, role, agent, model,
        provider, dialect, repo, base_commit, isolation, prompt_ref, prompt_digest, limits, opened_at, expires_at,
        closed_at, outcome, reason, summary, turns, diff_ref)
    SELECT id, dag_id, run_id, 'step_' || step, CASE WHEN n = 1 THEN k ELSE -1 END, k::text, 1 + k % 2, 0, loop_id,
        CASE WHEN loop_id IS NOT NULL THEN loop_round END, 'step', 1, 'h', round,
        (array['implementer', 'explorer', 'reviewer', 'classifier', 'orchestrator'])[step],
        (array['claude-code', 'codex', 'api'])[1 + k % 3], 'model-' || k % 6, 'anthropic', 'anthropic-messages',
        'repo-' || n % 12, repeat('a', 40), 'bubblewrap', 'sha256:prompt-' || k % 1000, 'd', '{"turns": 40}', began,
        began + interval '60 s', CASE WHEN k % 500 <> 7 THEN began + interval '4 min' END,
        CASE WHEN k % 500 <> 7 THEN (array['done', 'done', 'done', 'failed', 'limit'])[1 + k % 5] END, '',
        'Fixed the ' || (array['parser', 'login', 'cache', 'cart', 'index'])[1 + k % 5] || ' so that number ' || k
        || ' is kept; the word number' || k || ' is rare. ' || repeat('All of it was read and tested. ', 6), 5,
        CASE WHEN k % 4 = 0 THEN 'sha256:diff-' || k % 1000 END
    FROM s;

INSERT INTO bridle.artifact (digest, media_type, name, size, compressed, data)
    SELECT 'prompt-' || n, 'text/markdown', 'prompt', 9000, false, convert_to(repeat('word ', 1800), 'UTF8')
    FROM generate_series(0, 999) n
    UNION ALL SELECT 'diff-' || n, 'text/x-diff', 'diff', 3000, false, convert_to('diff --git a/a b/a
--- a/a
+++ b/a
'
        || '@@ -1,60 +1,60 @@
' || repeat('-old line of code
+new line of code
', 60), 'UTF8')
    FROM generate_series(0, 999) n;

INSERT INTO bridle.event (session_id, seq, at, kind, payload)
    SELECT id, seq, began + seq * interval '1 second',
        (array['tool_call', 'tool_result', 'text'])[1 + seq % 3],
        CASE seq % 3 WHEN 0 THEN jsonb_build_object('id', seq, 'tool', 'Read', 'input',
                jsonb_build_object('file_path', 'src/' || seq % 40 || '.py', 'limit', seq % 7))
            WHEN 1 THEN jsonb_build_object('id', seq, 'tool', 'Read', 'ok', seq % 9 <> 1, 'text', repeat('x', 300))
            ELSE jsonb_build_object('text', repeat('I read the file and think. ', 8)) END
    FROM s CROSS JOIN LATERAL generate_series(1, CASE WHEN k = 50 THEN :events / 50
        ELSE ((:events - :events / 50) / :sessions)::int END) seq;

INSERT INTO bridle.model_call (session_id, id, fence_token, scopes, dialect, provider, model, answered_model,
        estimated_tokens, estimated_usd, request_bytes, state, status, http_status, input_tokens, output_tokens,
        cache_read_tokens, cache_write_tokens, reasoning_tokens, cost, currency, price_source, latency_ms,
        first_byte_ms, reserved_at, settled_at)
    SELECT id, pg_temp.id(began + c * interval '9 s', k * 40 + c), 1, array['all'], 'anthropic-messages', 'anthropic',
        'model-' || k % 6, 'model-' || k % 6 || '-2026', 9000, 0.05, 20000 + c * 3000,
        CASE WHEN k % 500 = 7 AND c = 1 THEN 'reserved' ELSE 'settled' END, 'ok', 200,
        CASE WHEN (k + c) % 211 <> 0 THEN CASE WHEN k % 97 = 0 THEN 120000 ELSE 5000 + c * 800 END END,
        CASE WHEN (k + c) % 211 <> 0 THEN 300 + c END, CASE WHEN (k + c) % 211 <> 0 THEN 3000 END,
        CASE WHEN (k + c) % 211 <> 0 THEN 200 END, CASE WHEN (k + c) % 211 <> 0 THEN 40 END,
        CASE WHEN (k + c) % 97 <> 0 AND (k + c) % 211 <> 0 THEN 0.0123 END, 'USD', 'list', 4000, 600,
        began + c * interval '9 s', began + c * interval '9 s' + interval '4 s'
    FROM s CROSS JOIN LATERAL generate_series(1, (:calls / :sessions)::int) c;

INSERT INTO bridle.decision (id, dag_id, run_id, task_id, map_index, ti_id, try_number, generation, loop_id, loop_round, what, options, choice, why, confidence, by, at)
    SELECT pg_temp.id(at, n * 2 + d), dag_id, run_id, 'step_1', -1, n::text, 1, 0, loop_id, loop_round, 'label',
        '["bug", "feature"]', 'bug', 'It says so.', 0.9, 'model:classifier', at + d * interval '1 min'
    FROM r, generate_series(0, 1) d;

INSERT INTO bridle.check_run (id, dag_id, run_id, task_id, map_index, ti_id, try_number, generation, loop_id, loop_round, session_id, round, name, command, commit, exit_code, seconds, tail,
        timed_out, at)
    SELECT pg_temp.id(began + interval '5 min', k), dag_id, run_id, 'step_' || step, CASE WHEN n = 1 THEN k ELSE -1 END,
        k::text, 1, 0, loop_id, loop_round, id, round, 'tests', 'make test', repeat('b', 40), k % 2, 12.5,
        repeat('ok ', 200), false, began + interval '5 min' FROM s WHERE k % 2 = 0;

INSERT INTO bridle.review (id, dag_id, run_id, task_id, map_index, ti_id, try_number, generation, loop_id, loop_round, subject, commit, patch_hash, snapshot, opened_at, decision, by,
        answered_at)
    SELECT pg_temp.id(at, n), dag_id, run_id, 'approve', -1, n::text, 1, 0, loop_id, loop_round, 'Publish?',
        repeat('b', 40), 'h', jsonb_build_object('diff', 'sha256:diff-' || n % 1000), at,
        CASE WHEN n % 100 <> 0 THEN 'approve' END, 'human:ada', at + interval '1 hour' FROM r;

INSERT INTO bridle.effect (key, version, kind, target, state, dag_id, run_id, task_id, map_index, ti_id, try_number, generation, loop_id, loop_round, fence_key, fence_token, fence_holder,
        intended_at, done_at, receipt)
    SELECT kind || n, 'v', kind, 'repo', 'done', dag_id, run_id, 'publish', -1, n::text, 1, 0, loop_id, loop_round, 'k', 1,
        'h', at, at, '{"url": "https://forge.test/pull/1"}' FROM r, unnest(array['push', 'pull_request']) kind;

-- each run has also written to an object that another run has written to since
INSERT INTO bridle.effect_past (key, version, kind, target, state, dag_id, run_id, task_id, map_index, ti_id, try_number, generation, loop_id, loop_round, fence_key, fence_token,
        fence_holder, intended_at, done_at, receipt)
    SELECT kind || n / 2 * 2, 'v', kind, 'repo', 'done', dag_id, run_id, 'publish', -1, n::text, 1, 0, loop_id, loop_round, 'k', 1,
        'h', at, at, '{"url": "https://forge.test/pull/1"}' FROM r, unnest(array['push', 'pull_request']) kind;

INSERT INTO bridle.loop (id, dag_id, goal, state, opened_at, repo, params, base_commit, head_commit, branch)
    SELECT DISTINCT ON (loop_id) loop_id, 'goal_loop', 'Build number ' || n, 'done', at, 'repo-1', '{"max_rounds": 9}',
        repeat('a', 40), repeat('b', 40), 'b' FROM r WHERE loop_id IS NOT NULL ORDER BY loop_id, n;

INSERT INTO bridle.loop_round (loop_id, round, run_id, base_commit, decision, dispatched, delivered, checks,
        verdict, opened_at)
    SELECT DISTINCT ON (loop_id, loop_round) loop_id, loop_round, run_id, repeat('a', 40), '{"why": "because"}',
        '[{"title": "t", "prompt": "p"}]', '[{"status": "merged"}]', '[{"name": "tests", "passed": true}]', 'next', at
    FROM r WHERE loop_id IS NOT NULL ORDER BY loop_id, loop_round, n;

INSERT INTO bridle.budget (scope, cap_usd, cap_tokens, spent_usd, spent_tokens, calls, capped_by)
    SELECT 'run:' || dag_id || '/' || run_id, 5, NULL::bigint, 1, 40000, 40, 'roles.yaml' FROM r
    UNION ALL SELECT DISTINCT 'step:' || dag_id || '/' || run_id || '/step_' || step || CASE WHEN n = 1 THEN '/' || k
        ELSE '' END, NULL::numeric, 900000, 0.1, 9000, 9, 'roles.yaml' FROM s
    UNION ALL SELECT 'session:' || id, 2, NULL::bigint, 0.1, 9000, 5, NULL::text FROM s
    UNION ALL SELECT DISTINCT 'loop:' || loop_id, 20, NULL::bigint, 4, 200000, 200, 'params' FROM r
        WHERE loop_id IS NOT NULL
    UNION ALL SELECT 'day:' || to_char(d, 'YYYY-MM-DD'), NULL::numeric, NULL::bigint, 60, 3000000, 5000, NULL::text
        FROM generate_series(now() - :days * interval '1 day', now(), '1 day') d
    UNION ALL VALUES ('all', 9999, NULL::bigint, 6000, 900000000, 500000, 'human:ada'),
        ('day:*', 200, NULL::bigint, 0, 0, 0, 'roles.yaml');
