// One loop: its rounds side by side, what they cost, what a person may do with it.
import { ChakraUI, html } from "../kit/html.js";
import { useApi, useNow } from "../kit/use.js";
import { ago, commit, compact, cost, count, dollars, limit, many, percent, time } from "../kit/format.js";
import { Card, Empty, Figure, Go, Loaded, Section, State } from "../kit/parts.js";
import { Growth, Meter } from "../kit/chart.js";
import { Code, Facts } from "../kit/facts.js";
import { Bisect } from "../parts/bisect.js";
import { Criteria } from "../parts/checks.js";
import { LoopActions } from "../parts/loop_actions.js";
import { RoundCard } from "../parts/round.js";
import { Approval } from "./approvals.js";

const { Box, Flex, Heading, Text } = ChakraUI;

export default function Loop({ id }) {
  const asked = useApi("loop", { id }, 4);
  return html`<${Loaded} asked=${asked}>${(data) => html`<${Shown} data=${data} reload=${asked.reload} />`}<//>`;
}

const Shown = ({ data, reload }) => html`
  <${Head} data=${data} reload=${reload} />
  <${Figures} data=${data} />
  <${Waiting} data=${data} reload=${reload} />
  <${Section} title="Rounds" testid="rounds" aside="side by side; one DAG run each">
    ${data.rounds.length === 0
      ? html`<${Empty} testid="no-rounds">No round has begun yet.<//>`
      : html`
        <${Flex} gap=${3} direction=${{ base: "column", md: "row" }} overflowX="auto" pb=${2} tabIndex=${0} role="region" aria-label="rounds">
          ${data.rounds.map((round) => html`<${RoundCard} key=${round.round} round=${round} loop=${data.loop} budget=${data.budget} />`)}
        <//>`}
  <//>
  ${data.rounds.length > 0 && html`<${Bisect} dag_id=${data.loop.dag_id} loop_id=${data.loop.id} />`}
  ${data.rounds.length > 1 &&
  html`<${Section} title="Cost, added up" testid="cumulated">
    <${Card}>
      <${Growth} testid="loop-growth" tell=${(value) => dollars(String(value))} cap=${data.budget?.cap_usd == null ? null : Number(data.budget.cap_usd)}
        points=${data.rounds.map((round) => ({ name: `round ${round.round}`, value: Number(round.cumulated_usd) }))} />
    <//>
  <//>`}
  ${data.start.length > 0 &&
  html`<${Section} title="Before the first round" testid="start" aside="what the criteria said">
    <${Card}><${Criteria} criteria=${data.start} /><//>
  <//>`}
  <${Section} title="Particulars"><${Particulars} loop=${data.loop} /><//>`;

const Head = ({ data, reload }) => {
  const { loop } = data;
  const now = useNow(10);
  return html`
    <${Flex} justify="space-between" align="flex-start" gap=${3} wrap="wrap" mb=${4}>
      <${Box} minW=${0} flex="1 1 20rem">
        <${Heading} as="h1" size="lg" overflowWrap="anywhere" data-testid="loop-goal">${loop.goal}<//>
        <${Flex} columnGap=${3} rowGap=${1} wrap="wrap" align="center" fontSize="sm" color="fg.muted">
          <${State} state=${loop.state} data-testid="loop-state" />
          <span>repository ${loop.repo}</span>
          <${Go} page="runs" params=${{ loop_id: loop.id }}>its runs<//>
          <span title=${time(loop.opened_at)}>began ${ago(loop.opened_at, now)}</span>
        <//>
        ${loop.reason && html`<${Text} mt=${1} fontSize="sm" overflowWrap="anywhere" data-testid="loop-reason">${loop.reason}<//>`}
      <//>
      <${LoopActions} loop=${loop} mayAct=${data.may_act} mayResume=${data.may_resume} onDone=${reload} />
    <//>`;
};

const Figures = ({ data }) => {
  const { loop, rounds, budget } = data;
  const orchestration = rounds.reduce((total, round) => total + round.orchestration_tokens, 0);
  const workers = rounds.flatMap((round) => round.workers);
  const merged = workers.filter((worker) => worker.status === "merged").length;
  const cap = budget?.cap_usd ?? null;
  return html`
    <${Flex} gap=${3} wrap="wrap" mb=${6} data-testid="figures">
      <${Figure} name="Rounds" testid="figure-rounds" value=${count(loop.rounds)}
        made=${loop.max_rounds ? `of at most ${count(loop.max_rounds)}` : "no cap"} />
      <${Figure} name="Cost" testid="figure-cost" value=${cost(loop.totals)}
        made=${cap === null
          ? "no cap in dollars"
          : html`<${Meter} part=${Number(budget.spent_usd)} whole=${Number(cap)} label="spent of the loop's budget" /> of ${limit(cap)}`} />
      <${Figure} name="Tokens" testid="figure-tokens" value=${compact(loop.totals.tokens)} made="${many(loop.totals.calls, "model call")}" />
      <${Figure} name="Orchestration" testid="figure-orchestration" value=${percent(loop.totals.tokens ? orchestration / loop.totals.tokens : null)}
        made="${count(orchestration)} tokens of the orchestrator" />
      <${Figure} name="Workers" testid="figure-workers" value=${count(workers.length)} made="${count(merged)} merged" />
      ${loop.deadline && html`<${Figure} name="Deadline" value=${time(loop.deadline)} made="no round begins after it" />`}
    <//>`;
};

const Waiting = ({ data, reload }) => {
  const asked = useApi("approvals", {}, data.loop.state === "running" ? 4 : 0);
  const runs = new Set(data.rounds.map((round) => round.run_id));
  const mine = (asked.data?.approvals ?? []).filter((each) => each.dag_id === data.loop.dag_id && runs.has(each.run_id));
  if (mine.length === 0) return null;
  const done = () => {
    asked.reload();
    reload();
  };
  return html`<${Section} title="Waits for a human" testid="waiting">
    ${mine.map((each) => html`<${Approval} key=${each.answer_path} asked=${each} onDone=${done} />`)}
  <//>`;
};

const Particulars = ({ loop }) => html`<${Facts} facts=${[
  ["loop", html`<${Code}>${loop.id}<//>`],
  ["workflow", loop.dag_id],
  ["branch", html`<${Code}>${loop.branch}<//>`],
  ["from commit", html`<${Code}>${commit(loop.base_commit)}<//>`],
  ["newest commit", html`<${Code}>${commit(loop.head_commit)}<//>`],
  ["ended", loop.closed_at && time(loop.closed_at)],
]} />`;
