// The first page: what runs, what waits, what failed, what it cost.
import { ChakraUI, html, useState } from "../kit/html.js";
import { useApi, useNow } from "../kit/use.js";
import { ago, compact, cost, count, dollars, many, percent } from "../kit/format.js";
import { Card, Empty, Figure, Go, Loaded, Section, to } from "../kit/parts.js";
import { Meter, StackedBars } from "../kit/chart.js";
import { RunTable } from "../parts/runs.js";
import { nearer } from "../parts/cap.js";

const { Box, Button, Flex, NativeSelect, SimpleGrid, Text } = ChakraUI;

const BY = { model: "model", role: "role", dag: "DAG" };

export default function Overview() {
  const [days, setDays] = useState(14);
  const asked = useApi("overview", { days }, 5);
  return html`<${Loaded} asked=${asked}>${(data) => html`<${Shown} data=${data} days=${days} setDays=${setDays} />`}<//>`;
}

const Shown = ({ data, days, setDays }) => html`
  <${Flex} gap=${3} wrap="wrap" mb=${6} data-testid="figures">
    <${Figure} name="Running" value=${counted(data.running)} testid="figure-running" made=${busy(data.running)} />
    <${Figure} name="Waiting for a human" value=${data.waiting.length} testid="figure-waiting"
      made=${data.waiting.length ? `the oldest asked ${ago(data.waiting[0].opened_at)}` : "nobody has to answer"} />
    <${Figure} name="Failed in 24 hours" value=${counted(data.failed)} testid="figure-failed"
      tone=${data.failed.length ? "fg.error" : undefined} made=${data.failed.length ? "see below" : "none"} />
    <${Today} spent=${data.spent_today} />
    <${Figure} name="Runs that succeeded" value=${percent(data.success_rate.value)} testid="figure-success"
      made="${count(data.success_rate.numerator)} of ${count(data.success_rate.denominator)} in ${days} days" />
    <${Figure} name="Rounds per task" testid="figure-rounds"
      value=${data.rounds_per_task.value === null ? "–" : data.rounds_per_task.value.toFixed(2)}
      made="${many(data.rounds_per_task.numerator, "round")}, ${many(data.rounds_per_task.denominator, "task")}" />
    <${Figure} name="Orchestration" value=${percent(data.orchestration_share.value)} testid="figure-orchestration"
      made="${compact(data.orchestration_share.numerator)} of ${compact(data.orchestration_share.denominator)} tokens" />
  <//>
  <${Waiting} waiting=${data.waiting} />
  ${data.running.length > 0 &&
  html`<${Section} title="Running" testid="running"><${RunTable} runs=${data.running} /><//>`}
  ${data.failed.length > 0 &&
  html`<${Section} title="Failed in 24 hours" testid="failed"><${RunTable} runs=${data.failed} /><//>`}
  <${Spending} data=${data} days=${days} setDays=${setDays} />
  <${Recent} />`;

// the API lists no more of them
const MOST = 50;
const counted = (runs) => (runs.length < MOST ? count(runs.length) : `${MOST} or more`);

const busy = (runs) => {
  const sessions = runs.reduce((total, run) => total + run.open_sessions, 0);
  return `${many(sessions, "session")} at work`;
};

const Today = ({ spent }) => {
  const cap = nearer({ ...spent, spent_usd: spent.counted_usd, spent_tokens: spent.counted_tokens });
  // who may not read every DAG is not told what all of them have spent
  const made = cap === null || spent.counted_usd === null
    ? `${compact(spent.totals.tokens)} tokens, ${many(spent.totals.calls, "call")}; ${cap ? `all DAGs together may use ${cap.most} a day` : "no daily cap"}`
    : html`<${Meter} part=${cap.part} whole=${cap.whole} label="spent today" /> ${cap.unit === "tokens" ? `${cap.spent} ` : ""}of ${cap.most} a day`;
  return html`<${Figure} name="Spent today (UTC)" value=${cost(spent.totals)} made=${made} testid="figure-today" />`;
};

const Waiting = ({ waiting }) => {
  const now = useNow(10);
  if (waiting.length === 0) return null;
  return html`
    <${Section} title="Waiting for a human" testid="waiting" aside=${html`<${Go} page="approvals">answer them<//>`}>
      <${Flex} direction="column" gap=${2}>
        ${waiting.slice(0, 5).map(
          (each) => html`<${Card} key=${`${each.dag_id}/${each.run_id}/${each.task_id}/${each.map_index}`}>
            <${Flex} justify="space-between" gap=${3} wrap="wrap">
              <${Text} fontWeight="medium" overflowWrap="anywhere">◔ ${each.subject}<//>
              <${Text} color="fg.muted" fontSize="sm">
                asked ${ago(each.opened_at, now)} by <${Go} page="run" params=${{ dag_id: each.dag_id, run_id: each.run_id }}>${each.dag_id}/${each.run_id}<//>
              <//>
            <//>
          <//>`,
        )}
      <//>
    <//>`;
};

const Spending = ({ data, days, setDays }) => {
  const [by, setBy] = useState("model");
  const every = daysSince(data.since, days);
  const points = data.series[by];
  const unknown = points.reduce((total, point) => total + point.unknown_calls, 0);
  return html`
    <${Section} title="Cost and tokens" testid="spending" aside=${html`<${Go} page="costs">all costs<//>`}>
      <${Flex} gap=${2} mb=${3} wrap="wrap" align="center">
        ${Object.entries(BY).map(
          ([name, title]) => html`<${Button} key=${name} size="xs" variant=${by === name ? "solid" : "outline"}
            aria-pressed=${by === name} data-testid="by-${name}" onClick=${() => setBy(name)}>by ${title}<//>`,
        )}
        <${NativeSelect.Root} size="xs" w="9rem">
          <${NativeSelect.Field} aria-label="time" value=${days} onChange=${(event) => setDays(Number(event.target.value))}>
            ${[7, 14, 30, 90].map((number) => html`<option key=${number} value=${number}>last ${number} days</option>`)}
          <//>
          <${NativeSelect.Indicator} />
        <//>
        ${unknown > 0 && html`<${Text} fontSize="sm" color="fg.warning">▲ ${many(unknown, "call")} of unknown cost not in it<//>`}
      <//>
      <${SimpleGrid} columns=${{ base: 1, lg: 2 }} gap=${4}>
        <${Card}>
          <${Text} fontSize="sm" fontWeight="medium">US dollars a day<//>
          <${StackedBars} testid="chart-cost" days=${every} tell=${(value) => dollars(String(value))}
            points=${points.map(({ day, name, known_usd, unknown_calls }) => ({ day, name, value: Number(known_usd), unknown: unknown_calls > 0 }))} />
        <//>
        <${Card}>
          <${Text} fontSize="sm" fontWeight="medium">Tokens a day<//>
          <${StackedBars} testid="chart-tokens" days=${every} tell=${compact}
            points=${points.map(({ day, name, tokens }) => ({ day, name, value: tokens }))} />
        <//>
      <//>
    <//>`;
};

const Recent = () => {
  const asked = useApi("runs", { limit: 10 }, 10);
  return html`
    <${Section} title="Newest runs" testid="recent" aside=${html`<${Go} page="runs">all runs<//>`}>
      <${Loaded} asked=${asked}>
        ${({ runs }) =>
          runs.length === 0
            ? html`<${Empty} testid="no-runs">
                No run has had a session yet. Trigger <b>issue_fix</b> in Airflow, or say
                <${Box} as="code" mx=${1}>bridle run issue-fix --repo … --issue …<//> in a terminal.<//>`
            : html`<${RunTable} runs=${runs} />`}
      <//>
    <//>`;
};

const daysSince = (since, days) => {
  const first = Date.parse(since);
  return Array.from({ length: days }, (_, index) => new Date(first + index * 86_400_000).toISOString().slice(0, 10));
};
