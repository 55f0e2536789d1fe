// Sessions as a table: who worked, on what, with which model, for how much.
import { ChakraUI, html } from "../kit/html.js";
import { commit, cost, count, duration, step } from "../kit/format.js";
import { Go, State, to } from "../kit/parts.js";
import { Code } from "../kit/facts.js";
import { DataTable } from "../kit/table.js";
import { fresh } from "./tokens.js";
import { modelsOf } from "./span.js";

const { Text } = ChakraUI;

export const SessionTable = ({ sessions, testid = "session-table" }) => {
  const number = (name, title, of) => ({ name, title, right: true, of });
  const columns = [
    {
      name: "step",
      title: "Step",
      of: (span) => html`<${Go} page="session" params=${{ id: span.id }} fontWeight="medium">${step(span.task_id, span.map_index)}<//>
        <${Text} color="fg.muted" fontSize="xs">${span.label}, round ${span.round}, try ${span.try_number}<//>`,
    },
    { name: "state", title: "Outcome", of: (span) => html`<${State} state=${span.state} /><${Text} color="fg.muted" fontSize="xs">${took(span)}<//>` },
    {
      name: "agent",
      title: "Agent, model",
      of: (span) => html`${span.agent}<${Text} color="fg.muted" fontSize="xs">${modelsOf(span)}<//>`,
    },
    number("input", "In", (span) => count(fresh(span.totals))),
    number("read", "Cache read", (span) => count(span.totals.cache_read_tokens)),
    number("write", "Cache write", (span) => count(span.totals.cache_write_tokens)),
    number("output", "Out", (span) => count(span.totals.output_tokens)),
    number("calls", "Calls", (span) => count(span.totals.calls)),
    number("cost", "Cost", (span) => cost(span.totals)),
    {
      name: "commit",
      title: "Commit",
      of: (span) => html`<${Code}>${commit(span.commit)}<//><${Text} color="fg.muted" fontSize="xs">${span.isolation}<//>`,
    },
    {
      name: "why",
      title: "Why it began so",
      wide: true,
      of: (span) => html`<${Text} fontSize="xs" color="fg.muted" minW=${span.why ? "14rem" : undefined}>${span.why || "afresh"}<//>`,
    },
  ];
  return html`<${DataTable} columns=${columns} rows=${sessions} testid=${testid} rowTestid="session-row" keyOf=${(span) => span.id}
    link=${(span) => to("session", { id: span.id })} />`;
};

const took = (span) => (span.end ? duration(Date.parse(span.end) - Date.parse(span.start)) : "it goes on");
