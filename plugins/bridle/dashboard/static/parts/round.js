// One round of a loop: what the orchestrator decided, what the workers delivered, what the criteria say, what it cost.
import { ChakraUI, html } from "../kit/html.js";
import { commit, compact, cost, count, dollars, duration, limit } from "../kit/format.js";
import { Card, Fold, Go, Mono, State } from "../kit/parts.js";
import { Meter } from "../kit/chart.js";
import { Code } from "../kit/facts.js";
import { Criteria } from "./checks.js";

const { Box, Flex, Heading, Text } = ChakraUI;

export const RoundCard = ({ round, loop, budget }) => html`
  <${Card} as="article" flex=${{ base: "none", md: "1 0 21rem" }} data-testid="round" data-round=${round.round}>
    <${Flex} justify="space-between" align="center" gap=${2} wrap="wrap" mb=${2}>
      <${Heading} as="h3" size="sm">Round ${round.round}<//>
      ${round.verdict ? html`<${State} state=${round.verdict} />` : html`<${State} state=${loop.state === "running" ? "running" : "open"} />`}
    <//>
    <${Text} fontSize="xs" color="fg.muted" mb=${2} overflowWrap="anywhere">
      <${Go} page="run" params=${{ dag_id: loop.dag_id, run_id: round.run_id }}>${round.run_id}<//>, ${took(round, loop)}
    <//>
    <${Part} title="Decision">
      <${Said}>${round.done && "✓ The orchestrator says that the goal is met. "}${round.why || "None yet."}<//>
    <//>
    <${Part} title="Workers (${round.workers.length})">
      ${round.workers.length === 0
        ? html`<${Said}>None were sent.<//>`
        : round.workers.map((worker, index) => html`<${Worker} key=${index} worker=${worker} />`)}
      ${round.postponed.length > 0 &&
      html`<${Text} fontSize="xs" color="fg.warning">▲ ${round.postponed.length} more tasks than a round takes were put off<//>`}
    <//>
    <${Part} title="Criteria">
      ${round.criteria.length ? html`<${Criteria} criteria=${round.criteria} />` : html`<${Said}>Not looked at yet.<//>`}
    <//>
    ${round.reason && html`<${Part} title="Verdict"><${Said}>${round.reason}<//><//>`}
    ${round.answer && html`<${Part} title="Human"><${Answer} round=${round} /><//>`}
    <${Part} title="Cost"><${Cost} round=${round} budget=${budget} /><//>
  <//>`;

const Said = ({ children, ...more }) => html`<${Text} fontSize="sm" overflowWrap="anywhere" ...${more}>${children}<//>`;

const Answer = ({ round }) => html`<${Said} data-testid="human">
  ☺ ${(round.answered_by ?? "").replace(/^human:/, "")}: <b>${round.answer}</b>${round.feedback && `: ${round.feedback}`}<//>`;

const Part = ({ title, children }) => html`
  <${Box} mb=${3}>
    <${Text} fontSize="xs" fontWeight="semibold" color="fg.muted" textTransform="uppercase" letterSpacing="0.03em" mb="2px">${title}<//>
    ${children}
  <//>`;

const Worker = ({ worker }) => html`
  <${Fold} testid="worker" data-status=${worker.status} fontSize="sm" borderTopWidth="1px" borderColor="border.muted"
    title=${html`<${State} state=${worker.status ?? "under way"} /> <${Box} as="span" overflowWrap="anywhere">${worker.title}<//>`}>
    ${worker.problem && html`<${Text} color="fg.error" overflowWrap="anywhere">✗ ${worker.problem}<//>`}
    <${Text} color="fg.muted" fontSize="xs">why: ${worker.why}<//>
    <${Mono} my=${1} maxH="12rem">${worker.prompt}<//>
    <${Text} fontSize="xs" overflowWrap="anywhere">accepted when: ${worker.acceptance}<//>
    <${Text} fontSize="xs">files: ${worker.files.map((path) => html`<${Code} key=${path} me=${2}>${path}<//>`)}<//>
    <${Text} fontSize="xs">
      ${worker.commit && html`commit <${Code}>${commit(worker.commit)}<//>${" "}`}
      ${worker.session_id && html`<${Go} page="session" params=${{ id: worker.session_id }}>its session<//>`}
    <//>
  <//>`;

const Cost = ({ round, budget }) => html`
  <${Text} fontSize="sm" fontVariantNumeric="tabular-nums">
    <b data-testid="round-cost">${cost(round.totals)}</b>, <span data-testid="round-tokens">${compact(round.totals.tokens)}</span> tokens
    (orchestration <span data-testid="round-orchestration">${count(round.orchestration_tokens)}</span>)
  <//>
  <${Text} fontSize="xs" color="fg.muted" mb=${1}>
    <span data-testid="round-cumulated">${dollars(round.cumulated_usd)}</span> since the beginning${budget?.cap_usd ? ` of ${limit(budget.cap_usd)}` : ""}
  <//>
  ${budget?.cap_usd &&
  html`<${Meter} part=${Number(round.cumulated_usd)} whole=${Number(budget.cap_usd)} label="spent after round ${round.round}" />`}`;

const took = (round, loop) => {
  if (!round.closed_at) return loop.closed_at ? "ended with its loop" : "under way";
  return duration(Date.parse(round.closed_at) - Date.parse(round.opened_at));
};
