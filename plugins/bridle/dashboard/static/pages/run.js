// One run: what it did when, who decided what, what was changed, what it cost; and what it waits with.
import { ChakraUI, ReactRouterDOM, html } from "../kit/html.js";
import { useApi, useNow } from "../kit/use.js";
import { post } from "../kit/api.js";
import { ago, compact, cost, count, duration, many, time } from "../kit/format.js";
import { Empty, Figure, Go, Loaded, Section, State } from "../kit/parts.js";
import { Confirm } from "../kit/confirm.js";
import { Bisect } from "../parts/bisect.js";
import { Changes } from "../parts/diff.js";
import { Decisions } from "../parts/decisions.js";
import { Failures } from "../parts/failures.js";
import { pull, said } from "../parts/runs.js";
import { SessionTable } from "../parts/sessions.js";
import { Tokens } from "../parts/tokens.js";
import { Waterfall } from "../parts/waterfall.js";
import { Approval } from "./approvals.js";
import { BudgetCard } from "./costs.js";

const { Box, Flex, Heading, Link, Text } = ChakraUI;

export default function Run({ dag_id, run_id, within }) {
  const key = { dag_id, run_id };
  const asked = useApi("run", key, 3);
  return html`<${Loaded} asked=${asked}>
    ${(data) => html`<${Shown} key=${`${dag_id}/${run_id}`} data=${data} of=${key} within=${within} reload=${asked.reload} />`}
  <//>`;
}

const Shown = ({ data, of, within, reload }) => {
  const { run, spans, failures, decisions, budgets, waiting } = data;
  const sessions = spans.filter((span) => span.kind === "session");
  return html`
    <${Head} data=${data} of=${of} within=${within} reload=${reload} />
    ${waiting.length > 0 &&
    html`<${Section} title="Waits for a human" testid="waiting">
      ${waiting.map((each) => html`<${Approval} key=${each.answer_path} asked=${each} onDone=${reload} />`)}
    <//>`}
    ${failures.length > 0 && html`<${Section} title="What failed" testid="failed"><${Failures} failures=${failures} /><//>`}
    ${spans.length === 0
      ? failures.length === 0 && html`<${Empty} testid="no-spans">
          The ledger knows of nothing in this run: no session, check, question or outside write (yet).<//>`
      : html`
        <${Section} title="What took time" testid="time" aside="open a bar for its details"><${Waterfall} spans=${spans} /><//>
        ${sessions.length > 0 &&
        html`<${Section} title="Sessions" testid="sessions" aside=${sessions.length < (run?.sessions ?? 0) ? `the newest ${count(sessions.length)} of ${count(run.sessions)}` : "open one for its transcript"}><${SessionTable} sessions=${sessions} /><//>`}
        <${Section} title="Decisions" testid="decided" aside="rule, policy, model or human"><${Decisions} decisions=${decisions} spans=${spans} /><//>
        <${Section} title="Changes" testid="changes"><${Diffs} of=${of} sessions=${sessions} /><//>
        <${Bisect} dag_id=${of.dag_id} run_id=${of.run_id} />`}
    ${budgets.length > 0 &&
    html`<${Section} title="Budgets" testid="budgets">${budgets.map((each) => html`<${BudgetCard} key=${each.scope} budget=${each} />`)}<//>`}`;
};

const Head = ({ data, of, within, reload }) => {
  const now = useNow(5);
  const { run, spans } = data;
  const sessions = spans.filter((span) => span.kind === "session");
  const working = sessions.filter((span) => span.end === null).length;
  const resumed = sessions.filter((span) => span.resumed_from !== null).length;
  const checks = spans.filter((span) => span.kind === "check");
  return html`
    <${Flex} justify="space-between" align="flex-start" gap=${3} wrap="wrap" mb=${3}>
      <${Box} minW=${0}>
        ${within !== "tab" && html`<${Heading} as="h1" size="lg" overflowWrap="anywhere" data-testid="run-title">${of.run_id}<//>`}
        <${Flex} columnGap=${3} rowGap=${1} wrap="wrap" align="center" fontSize="sm" color="fg.muted">
          ${run?.state && html`<${State} state=${run.state} />`}
          ${forgotten(run)
            ? html`<span data-testid="forgotten">${of.dag_id}; Airflow has no such run any more</span>`
            : within !== "tab" && html`<${InAirflow} of=${of} />`}
          ${run?.repo && html`<span>repository ${run.repo}</span>`}
          ${run?.loop_id && html`<${Go} page="loop" params=${{ id: run.loop_id }}>round ${run.round ?? "?"} of its loop<//>`}
          ${run?.pull_request && html`<span>pull request ${pull(run.pull_request)}</span>`}
          ${run && html`<span title=${time(run.opened_at)}>began ${ago(run.opened_at, now)}${run.user ? `, for ${run.user}` : ""}</span>`}
        <//>
        ${run?.summary && html`<${Text} mt=${1} fontSize="sm" overflowWrap="anywhere" lineClamp=${3}>${said(run.summary)}<//>`}
      <//>
      ${data.may_act && spans.length > 0 && html`<${Actions} data=${data} of=${of} reload=${reload} />`}
    <//>
    ${run &&
    html`<${Flex} gap=${3} wrap="wrap" mb=${3} data-testid="figures">
      <${Figure} name="Cost" testid="figure-cost" value=${cost(run.totals)}
        made="${many(run.totals.calls, "model call")}${run.totals.unknown_calls ? `, ${count(run.totals.unknown_calls)} of unknown cost` : ""}" />
      <${Figure} name="Tokens" testid="figure-tokens" value=${compact(run.totals.tokens)}
        made="${compact(run.totals.input_tokens)} in (${compact(run.totals.cache_read_tokens)} from cache), ${compact(run.totals.output_tokens)} out" />
      <${Figure} name="Sessions" testid="figure-sessions" value=${count(run.sessions)}
        made="${working ? `${working} at work` : "none at work"}${resumed ? `, ${resumed} resumed` : ""}" />
      <${Figure} name="Rounds" testid="figure-rounds" value=${count(rounds(sessions))}
        made="${many(new Set(sessions.map(stepOf)).size, "step")} with sessions" />
      <${Figure} name="Checks" testid="figure-checks" value=${count(checks.length)}
        made="${count(checks.filter((span) => span.state === "passed").length)} passed" />
      <${Figure} name="Time" testid="figure-time" value=${duration(Date.parse(working ? new Date(now) : run.last_at) - Date.parse(run.opened_at))}
        made="from its first session to its newest" />
    <//>
    <${Box} mb=${6}><${Tokens} totals=${run.totals} /><//>`}`;
};

// somebody has deleted it; what the ledger has never heard of may be there all the same
const forgotten = (run) => run !== null && run.state === null;
const stepOf = (span) => `${span.task_id} ${span.map_index}`;
// of each step, each round once, however often it was tried
const rounds = (sessions) => new Set(sessions.map((span) => `${stepOf(span)} ${span.round}`)).size;

const InAirflow = ({ of }) => html`
  <${Link} asChild color="fg.info">
    <${ReactRouterDOM.Link} to=${`/dags/${encodeURIComponent(of.dag_id)}/runs/${encodeURIComponent(of.run_id)}`}>${of.dag_id}, in Airflow<//>
  <//>`;

const Actions = ({ data, of, reload }) => {
  const stopped = data.budgets.find((each) => each.scope === `run:${of.dag_id}/${of.run_id}`)?.stopped_by;
  const ended = data.run?.state === "failed" && !stopped;
  const over = data.run?.state === "success" || ended || (forgotten(data.run) && data.run.open_sessions === 0);
  if (over) return null;
  return html`<${Flex} gap=${2} wrap="wrap" align="flex-start">
    ${stopped
      ? html`<${Text} fontSize="sm" color="fg.muted" alignSelf="center" data-testid="stopped-by">■ stopped by ${stopped}<//>
          <${Confirm} testid="resume-run" palette="blue" act=${() => post("run/resume", of)} onDone=${reload}
            question="Lift the stop? Steps that it ended go on from their checkpoints when you clear them in Airflow.">Resume<//>`
      : html`<${Confirm} testid="stop-run" act=${() => post("run/stop", of)} onDone=${reload}
          question=${`Stop this run? Its sessions end within seconds; no session, check or outside write of it begins
            any more. What was done so far is kept.`}>■ Stop<//>`}
  <//>`;
};

const Diffs = ({ of, sessions }) => {
  // asked for again when another session has ended
  const ended = sessions.filter((span) => span.end !== null).length;
  const asked = useApi("run/diff", { ...of, ended }, 0);
  return html`<${Loaded} asked=${asked}>${(diffs) => html`<${Changes} diffs=${diffs} />`}<//>`;
};
