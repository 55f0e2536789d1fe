// One event of a session; every word of it is untrusted, and only ever text.
import { ChakraUI, React, html } from "../kit/html.js";
import { clock, commit, time } from "../kit/format.js";
import { Fold, Mono, Quiet, State } from "../kit/parts.js";
import { Code } from "../kit/facts.js";

const { Box, Flex, Text } = ChakraUI;

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const rest = ({ turn, ...payload }) => payload;

export const EventLine = React.memo(({ event, result, over }) => html`
  <${Flex} as="li" gap=${3} px=${2} py="3px" borderBottomWidth="1px" borderColor="border.muted" _last=${{ borderBottomWidth: 0 }} align="flex-start"
    data-testid="event" data-kind=${event.kind} data-seq=${event.seq}>
    <${Text} as="time" fontSize="xs" color="fg.muted" flexShrink=${0} w="4.2rem" pt="5px" fontVariantNumeric="tabular-nums" title=${time(event.at)}
      display=${{ base: "none", md: "block" }}>${clock(event.at)}<//>
    <${Box} minW=${0} flex="1" fontSize="sm"><${Told} event=${event} result=${result} over=${over} /><//>
  <//>`);

const Told = ({ event, result, over }) => {
  const { kind, payload } = event;
  if (kind === "text") return html`<${Text} whiteSpace="pre-wrap" overflowWrap="anywhere" py=${1}>${payload.text}<//>`;
  if (kind === "reasoning") {
    return html`<${Fold} title=${html`<${Quiet} fontStyle="italic">✦ reasoning<//>`} open=${(payload.text ?? "").length < 600}>
      <${Text} whiteSpace="pre-wrap" overflowWrap="anywhere" color="fg.muted" fontStyle="italic">${payload.text}<//>
    <//>`;
  }
  if (kind === "tool_call") return html`<${Called} payload=${payload} result=${result} over=${over} />`;
  return html`<${Noted} kind=${kind} payload=${payload} />`;
};

const Called = ({ payload, result, over }) => {
  const state = result ? (result.payload.ok === false ? "failed" : "done") : over ? "no answer" : "under way";
  return html`
    <${Fold} testid="tool"
      title=${html`<b>${payload.tool}</b> <${Code} color="fg.muted">${titleOf(payload)}<//> <${State} state=${state} />`}>
      <${Mono} maxH="16rem">${written(payload.input)}<//>
      ${result &&
      html`<${Quiet}>came back<//><${Mono} maxH="20rem" data-testid="tool-result">${written(result.payload.text ?? "")}<//>`}
    <//>`;
};

// the title repeats the tool's name
const titleOf = ({ tool, title = "" }) => (title.startsWith(`${tool} `) ? title.slice(tool.length + 1) : title === tool ? "" : title);

const SAYS = {
  started: ({ agent, version, model }) => `▶ ${[agent, version].filter(Boolean).join(" ")} begins with ${model}`,
  checkpoint: (payload) => `⚑ checkpoint ${commit(payload.commit)}`,
  denied: ({ tool, title, reason }) => `⊘ ${title || tool} was denied: ${reason}`,
  fallback: ({ model, next, reason }) => `↷ ${model} → ${next}: ${reason}`,
  waiting: ({ reason }) => `◔ waits: ${reason}`,
  error: ({ message }) => `✗ ${message}`,
  finished: ({ outcome, reason }) => `■ finished: ${outcome}${reason ? `, ${reason}` : ""}`,
};
const TONES = { error: "fg.error", denied: "fg.warning", fallback: "fg.warning", waiting: "fg.warning" };

const Noted = ({ kind, payload }) => {
  const words = SAYS[kind]?.(payload);
  if (words) return html`<${Text} color=${TONES[kind] ?? "fg.muted"} py=${1} overflowWrap="anywhere">${words}<//>`;
  return html`<${Fold} title=${html`<${Quiet}>${kind.replaceAll("_", " ")}<//>`}><${Mono}>${written(rest(payload))}<//><//>`;
};
