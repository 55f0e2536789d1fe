// A list of runs.
import { ChakraUI, html } from "../kit/html.js";
import { useNow } from "../kit/use.js";
import { ago, compact, cost, time, webLink } from "../kit/format.js";
import { Go, Outside, State, to } from "../kit/parts.js";
import { DataTable } from "../kit/table.js";

const { Box, Text } = ChakraUI;

export const RunTable = ({ runs, testid = "runs" }) => {
  const now = useNow(10);
  const columns = [
    {
      name: "run",
      title: "Run",
      wide: true,
      of: (run) => html`
        <${Go} page="run" params=${{ dag_id: run.dag_id, run_id: run.run_id }} fontWeight="medium">${run.run_id}<//>
        <${Text} color="fg.muted" fontSize="xs">${run.dag_id}${run.round ? `, round ${run.round}` : ""}<//>`,
    },
    { name: "state", title: "State", of: (run) => (run.state ? html`<${State} state=${run.state} />` : html`<${Text} as="span" color="fg.muted" title="Airflow has no such run any more">forgotten<//>`) },
    {
      name: "repo",
      title: "Repository",
      of: (run) => html`${run.repo ?? "–"}${run.loop_id &&
      html`<${Box} fontSize="xs"><${Go} page="loop" params=${{ id: run.loop_id }}>loop<//><//>`}`,
    },
    { name: "began", title: "Began", of: (run) => html`<span title=${time(run.opened_at)}>${ago(run.opened_at, now)}</span>` },
    { name: "sessions", title: "Sessions", right: true, of: (run) => sessions(run) },
    { name: "tokens", title: "Tokens", right: true, of: (run) => compact(run.totals.tokens) },
    { name: "cost", title: "Cost", right: true, of: (run) => cost(run.totals) },
    { name: "pull", title: "Pull request", of: (run) => pull(run.pull_request) },
    {
      name: "summary",
      title: "Last said, or why it failed",
      wide: true,
      of: (run) => html`<${Text} color=${run.reason ? "fg.error" : "fg.muted"} fontSize="xs" lineClamp=${2} minW="12rem"
        title=${run.reason || undefined}>${run.reason ? `✗ ${said(run.reason)}` : said(run.summary)}<//>`,
    },
  ];
  return html`<${DataTable} columns=${columns} rows=${runs} testid=${testid} rowTestid="run-row"
    keyOf=${(run) => `${run.dag_id}/${run.run_id}`} link=${(run) => to("run", { dag_id: run.dag_id, run_id: run.run_id })} />`;
};

const sessions = (run) => (run.open_sessions ? `${run.sessions} (${run.open_sessions} at work)` : String(run.sessions));

export const pull = (url) => {
  if (!url) return "–";
  const name = `#${url.replace(/\.md$/, "").split("/").pop()}`;
  return webLink(url) ? html`<${Outside} href=${url}>${name}<//>` : html`<span title=${url}>${name}</span>`;
};

// a structured answer is JSON: its own summary says it better; which session is said beside it
export const said = (text) => {
  if (!text.startsWith("{")) return text.replace(/^session [0-9a-f-]{36}: /, "");
  try {
    const { summary, root_cause, why, label } = JSON.parse(text);
    return summary ?? root_cause ?? why ?? label ?? text;
  } catch {
    return text;
  }
};
