// Everything about one session, check, approval or outside write of a run.
import { ChakraUI, html, useEffect, useRef } from "../kit/html.js";
import { commit, cost, duration, step, time, webLink } from "../kit/format.js";
import { Go, Outside, State } from "../kit/parts.js";
import { Code, Facts } from "../kit/facts.js";
import { Tokens } from "./tokens.js";
import { said } from "./runs.js";

const { Box, Button, Flex, Heading, Text } = ChakraUI;

export const tryOf = (span) => `${span.try_number}${span.generation > 0 ? `, of at most ${span.generation + 1}` : ""}`;

export const modelsOf = (span) => {
  const others = span.answered_models.filter((name) => !span.model.endsWith(`:${name}`));
  return html`${span.model}${others.length > 0 && html`<${Text} as="span" color="fg.warning">${" "}▲ answered by ${others.join(", ")}<//>`}`;
};

const answered = (span) => (span.answered_models.length ? span.answered_models.join(", ") : "no model has answered yet");

export const SpanDetails = ({ span, spans, onClose }) => {
  const box = useRef(null);
  useEffect(() => {
    box.current?.scrollIntoView({ block: "nearest" }); // newer browsers answer with a promise, which React would call when this ends
  }, []);
  const before = spans.find((each) => each.kind === "session" && each.id === span.resumed_from);
  const facts = [
    ["step", step(span.task_id, span.map_index)],
    ["round", span.round],
    ["try", tryOf(span)],
    ["began", time(span.start)],
    ["took", span.end ? duration(Date.parse(span.end) - Date.parse(span.start)) : "it goes on"],
    ["agent", span.agent],
    ["model asked", span.model],
    ["model answered", span.model && answered(span)],
    ["isolation", span.isolation],
    ["from commit", span.base_commit && html`<${Code}>${commit(span.base_commit)}<//>`],
    ["commit", span.commit && html`<${Code}>${commit(span.commit)}<//>`],
    ["cost", span.totals && cost(span.totals)],
    ["tokens", span.totals && html`<${Tokens} totals=${span.totals} />`],
    [{ session: "said", check: "command", approval: "answer", effect: "where" }[span.kind],
      span.kind === "check" ? html`<${Code}>${span.detail}<//>` : said(span.detail)],
    ["why it began so", span.why],
    ["went on from", before && html`<${Go} page="session" params=${{ id: before.id }}>
      round ${before.round}, try ${before.try_number} (${before.state})<//>`],
    ["made", span.url && (webLink(span.url) ? html`<${Outside} href=${span.url}>${span.url}<//>` : span.url)],
  ];
  return html`
    <${Box} ref=${box} mt=${3} pt=${3} borderTopWidth="1px" borderColor="border" data-testid="span-details" role="region" aria-label="details">
      <${Flex} justify="space-between" align="center" gap=${3} wrap="wrap" mb=${2}>
        <${Heading} as="h3" size="sm" overflowWrap="anywhere">${span.kind}: ${span.label} <${State} state=${span.state} /><//>
        <${Flex} gap=${3} align="center">
          ${span.kind === "session" &&
          html`<${Go} page="session" params=${{ id: span.id }} fontSize="sm" data-testid="open-session">transcript, prompt, checks<//>`}
          <${Button} size="xs" variant="ghost" aria-label="close" onClick=${onClose}>✕<//>
        <//>
      <//>
      <${Facts} facts=${facts} />
    <//>`;
};
