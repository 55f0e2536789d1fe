// Model calls of a session, each attempt a row; what a provider did not say is unknown.
import { ChakraUI, html } from "../kit/html.js";
import { clock, count, dollars, duration, time, zoneName } from "../kit/format.js";
import { Quiet, State } from "../kit/parts.js";
import { DataTable } from "../kit/table.js";

const { Box, Text } = ChakraUI;

const number = (name, title, of) => ({ name, title, right: true, of });
const took = (milliseconds) => (milliseconds === null ? "–" : duration(milliseconds));

const columns = () => [
  { name: "at", title: `At (${zoneName()})`, of: (call) => html`<span title=${time(call.at)}>${clock(call.at)}</span>` },
  {
    name: "model",
    title: "Asked, answered",
    of: (call) => html`${call.asked}<${Text} color="fg.muted" fontSize="xs">${call.answered ?? "no answer"}<//>`,
  },
  {
    name: "status",
    title: "Status",
    of: (call) => html`<${State} state=${call.status === "ok" ? "done" : call.status} />
      ${call.http_status && call.http_status !== 200 && html` <${Quiet}>${call.http_status}<//>`}`,
  },
  number("input", "In, cache included", (call) => count(call.input_tokens)),
  number("read", "Cache read", (call) => count(call.cache_read_tokens)),
  number("write", "Cache write", (call) => count(call.cache_write_tokens)),
  number("output", "Out", (call) => count(call.output_tokens)),
  number("reasoning", "Reasoning", (call) => count(call.reasoning_tokens)),
  number("cost", "Cost", (call) => html`<span title=${call.price_source}>${dollars(call.cost_usd)}</span>`),
  number("bytes", "Request", (call) => `${count(Math.round(call.request_bytes / 1000))} kB`),
  number("first", "First byte", (call) => took(call.first_byte_ms)),
  number("took", "Took", (call) => took(call.latency_ms)),
];

export const CallTable = ({ calls }) => html`
  <${Box} maxH="30rem" overflowY="auto" tabIndex=${0} role="region" aria-label="model calls">
    <${DataTable} columns=${columns()} rows=${calls} testid="call-table" rowTestid="call-row" keyOf=${(call) => call.id} />
  <//>`;
