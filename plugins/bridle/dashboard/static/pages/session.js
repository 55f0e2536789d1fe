// One session: its transcript as it happens, its prompt, checks, changes and model calls.
import { ChakraUI, html, useState } from "../kit/html.js";
import { useApi, useNow } from "../kit/use.js";
import { post } from "../kit/api.js";
import { commit, compact, cost, count, duration, limit, many, step, time } from "../kit/format.js";
import { Card, Empty, Figure, Fold, Go, Loaded, Mono, Section, State } from "../kit/parts.js";
import { Confirm } from "../kit/confirm.js";
import { Code, Facts } from "../kit/facts.js";
import { CallTable } from "../parts/calls.js";
import { Checks } from "../parts/checks.js";
import { Files } from "../parts/diff.js";
import { Graders } from "../parts/graders.js";
import { said } from "../parts/runs.js";
import { modelsOf, tryOf } from "../parts/span.js";
import { Tokens } from "../parts/tokens.js";
import { Transcript } from "../parts/transcript.js";

const { Box, Flex, Heading, Text } = ChakraUI;

export default function Session({ id, within }) {
  const [open, setOpen] = useState(true);
  const asked = useApi("session", { id }, open ? 4 : 0);
  const goesOn = asked.data === undefined || asked.data.span.end === null;
  if (goesOn !== open) setOpen(goesOn);
  return html`<${Loaded} asked=${asked}>${(data) => html`<${Shown} data=${data} within=${within} reload=${asked.reload} />`}<//>`;
}

const Shown = ({ data, within, reload }) => html`
  <${Head} data=${data} within=${within} reload=${reload} />
  <${Figures} data=${data} />
  ${data.span.why && html`<${Card} mb=${6} data-testid="why"><b>↻ Why it began so.</b> ${data.span.why}<//>`}
  <${Section} title="Prompt" testid="prompt">
    <${Fold} title=${`as it was sent, ${count(data.prompt.length)} characters`}><${Mono} data-testid="prompt-text">${data.prompt}<//><//>
  <//>
  <${Section} title="Transcript" testid="transcript-section"><${Transcript} key=${data.id} id=${data.id} live=${data.span.end === null} /><//>
  ${data.result !== null &&
  html`<${Section} title="Answer" testid="result"><${Mono}>${JSON.stringify(data.result, null, 2)}<//><//>`}
  <${Section} title="Checks" testid="checks" aside="run by the harness, outside the session">
    ${data.checks.length
      ? html`<${Checks} checks=${data.checks} />`
      : html`<${Empty}>No check was run on this session's work${data.span.end ? "" : " yet"}.<//>`}
  <//>
  <${Section} title="Files changed" testid="files">
    ${data.files.length
      ? html`<${Files} files=${data.files} truncated=${data.diff_truncated} open=${data.files.length <= 3} />`
      : html`<${Empty}>${data.span.end ? "It changed no file." : "Told when it has ended."}<//>`}
  <//>
  <${Section} title="How it went" testid="graders" aside="counted from its rows, without a model"><${Graders} graders=${data.graders} /><//>
  <${Section} title="Model calls" testid="calls" aside="one row for each attempt">
    ${data.calls.length ? html`<${CallTable} calls=${data.calls} />` : html`<${Empty}>It has called no model (yet).<//>`}
  <//>
  <${Section} title="Particulars" testid="particulars"><${Particulars} data=${data} /><//>`;

const Head = ({ data, within, reload }) => {
  const { span } = data;
  const asked = data.calls[0]?.asked;
  return html`
    <${Flex} justify="space-between" align="flex-start" gap=${3} wrap="wrap" mb=${3}>
      <${Box} minW=${0}>
        <${Heading} as="h1" size=${within === "tab" ? "md" : "lg"} overflowWrap="anywhere" data-testid="session-title">
          ${data.role}, ${step(span.task_id, span.map_index)}, round ${span.round} <${State} state=${span.state} data-testid="session-state" />
        <//>
        <${Flex} columnGap=${3} rowGap=${1} wrap="wrap" fontSize="sm" color="fg.muted">
          <${Go} page="run" params=${{ dag_id: data.dag_id, run_id: data.run_id }} data-testid="its-run">${data.dag_id}/${data.run_id}<//>
          ${data.loop_id && html`<${Go} page="loop" params=${{ id: data.loop_id }}>round ${data.loop_round ?? "?"} of its loop<//>`}
          <span>${span.agent}, ${modelsOf(span)}</span>
          ${asked && asked !== span.model && html`<${Text} as="span" color="fg.warning" data-testid="fell-back">▲ in place of ${asked}<//>`}
        <//>
        ${span.end && span.detail && html`<${Text} mt=${1} fontSize="sm" overflowWrap="anywhere" whiteSpace="pre-wrap">${said(span.detail)}<//>`}
        ${within !== "tab" && data.siblings.length > 1 && html`<${Siblings} data=${data} />`}
      <//>
      ${data.may_stop &&
      html`<${Confirm} testid="stop-session" act=${() => post("session/stop", { id: data.id })} onDone=${reload}
        question=${`End this session? It ends within ten seconds, and its work so far is kept; the step then fails, and
          goes on from there when you clear it.`}>■ Stop<//>`}
    <//>`;
};

const Siblings = ({ data }) => html`
  <${Flex} gap=${3} mt=${2} wrap="wrap" fontSize="sm" role="group" aria-label="sessions of this step" data-testid="siblings">
    ${data.siblings.map((each, index) => {
      const words = html`${index + 1}. round ${each.round}, try ${each.try_number} <${State} state=${each.state} />`;
      return each.id === data.id
        ? html`<${Box} key=${each.id} fontWeight="semibold" aria-current="true">${words}<//>`
        : html`<${Go} key=${each.id} page="session" params=${{ id: each.id }}>${words}<//>`;
    })}
  <//>`;

const Figures = ({ data }) => {
  const { totals, span } = data;
  const { cost_usd, tokens, turns, minutes } = data.limits;
  const now = useNow(span.end ? 60 : 1);
  return html`
    <${Flex} gap=${3} wrap="wrap" mb=${3} data-testid="figures">
      <${Figure} name="Cost" testid="figure-cost" value=${cost(totals)}
        made="${totals.unknown_calls ? `${many(totals.unknown_calls, "call")} of unknown cost, ` : ""}${cost_usd ? `of at most ${limit(cost_usd)}` : "no limit in dollars"}" />
      <${Figure} name="Tokens" testid="figure-tokens" value=${compact(totals.tokens)}
        made=${tokens ? `of at most ${compact(tokens)}` : "no limit in tokens"} />
      <${Figure} name="Model calls" testid="figure-calls" value=${count(totals.calls)}
        made="${count(data.calls.filter((call) => !["ok", "under way"].includes(call.status)).length)} went wrong" />
      <${Figure} name="Turns" testid="figure-turns" value=${span.end ? count(data.turns) : "–"}
        made="${span.end ? "" : "told at its end, "}${turns ? `of at most ${turns}` : "no limit in turns"}" />
      <${Figure} name="Time" testid="figure-time" value=${duration((span.end ? Date.parse(span.end) : now) - Date.parse(span.start))}
        made=${minutes ? `of at most ${minutes} min` : "no limit in time"} />
    <//>
    <${Box} mb=${6}><${Tokens} totals=${totals} /><//>`;
};

const LIMITS = {
  cost_usd: limit,
  tokens: (number) => many(number, "token"),
  turns: (number) => many(number, "turn"),
  minutes: (number) => `${number} min`,
  idle_minutes: (number) => `${number} min without a sign of life`,
};

const Particulars = ({ data }) => {
  const { span } = data;
  const limits = Object.entries(data.limits).filter(([, value]) => value !== null);
  return html`<${Facts} facts=${[
    ["session", html`<${Code}>${data.id}<//>`],
    ["try", tryOf(span)],
    ["began", time(span.start)],
    ["ended", span.end ? time(span.end) : "not yet"],
    ["isolation", span.isolation],
    ["speaks", data.dialect],
    ["from commit", span.base_commit && html`<${Code}>${commit(span.base_commit)}<//>`],
    ["commit", span.commit && html`<${Code}>${commit(span.commit)}<//>`],
    ["prompt's digest", html`<${Code}>${data.prompt_digest}<//>`],
    ["limits", limits.map(([name, value]) => LIMITS[name]?.(value) ?? `${name.replaceAll("_", " ")} ${value}`).join(", ")],
  ]} />`;
};
