// All loops.
import { ChakraUI, html } from "../kit/html.js";
import { useApi, useNow, usePlace } from "../kit/use.js";
import { ago, compact, cost, count, time } from "../kit/format.js";
import { Empty, Go, Loaded, State, to } from "../kit/parts.js";
import { DataTable } from "../kit/table.js";

const { Box, Button, Flex, Text } = ChakraUI;

const STATES = ["running", "paused", "stopped", "done", "failed"];

const NONE = html`No goal has been pursued yet. Trigger <b>goal_loop</b> in Airflow, or say
  <${Box} as="code" mx=${1}>bridle goal "…" --repo … --done-when tests<//> in a terminal.`;

export default function Loops() {
  const [place, change] = usePlace();
  const asked = useApi("loops", { state: place.state }, 5);
  return html`
    <${Flex} gap=${2} mb=${4} wrap="wrap" role="group" aria-label="filter loops">
      ${["", ...STATES].map(
        (state) => html`<${Button} key=${state} size="sm" variant=${(place.state ?? "") === state ? "solid" : "outline"}
          aria-pressed=${(place.state ?? "") === state} data-testid="loops-${state || "all"}"
          onClick=${() => change({ state })}>${state || "all"}<//>`,
      )}
    <//>
    <${Loaded} asked=${asked}>
      ${({ loops }) =>
        loops.length === 0
          ? html`<${Empty} testid="no-loops">${place.state ? `No loop is ${place.state}.` : NONE}<//>`
          : html`<${LoopTable} loops=${loops} />`}
    <//>`;
}

const LoopTable = ({ loops }) => {
  const now = useNow(10);
  const columns = [
    {
      name: "goal",
      title: "Goal",
      wide: true,
      of: (loop) => html`
        <${Go} page="loop" params=${{ id: loop.id }} fontWeight="medium">
          <${Text} as="span" lineClamp=${2} minW=${{ base: "10rem", md: "14rem" }}>${loop.goal}<//>
        <//>
        <${Text} color="fg.muted" fontSize="xs">${loop.id}<//>`,
    },
    { name: "state", title: "State", of: (loop) => html`<${State} state=${loop.state} />` },
    { name: "rounds", title: "Rounds", right: true, of: (loop) => `${count(loop.rounds)}${loop.max_rounds ? ` of ${count(loop.max_rounds)}` : ""}` },
    { name: "repo", title: "Repository", of: (loop) => loop.repo },
    { name: "tokens", title: "Tokens", right: true, of: (loop) => compact(loop.totals.tokens) },
    { name: "cost", title: "Cost", right: true, of: (loop) => cost(loop.totals) },
    { name: "began", title: "Began", of: (loop) => html`<span title=${time(loop.opened_at)}>${ago(loop.opened_at, now)}</span>` },
    {
      name: "reason",
      title: "Why it is so",
      wide: true,
      of: (loop) => html`<${Text} color="fg.muted" fontSize="xs" lineClamp=${2} minW="10rem">${loop.reason}<//>`,
    },
  ];
  return html`<${DataTable} columns=${columns} rows=${loops} testid="loops" rowTestid="loop-row" keyOf=${(loop) => loop.id}
    link=${(loop) => to("loop", { id: loop.id })} />`;
};
