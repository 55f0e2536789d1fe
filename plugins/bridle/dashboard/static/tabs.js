// The tabs on Airflow's own pages of a DAG run and of a task instance.
import { ChakraUI, html, useState } from "./kit/html.js";
import { useApi } from "./kit/use.js";
import { Away } from "./kit/away.js";
import { Empty, Loaded } from "./kit/parts.js";
import { Guard } from "./guard.js";
import Run from "./pages/run.js";
import Session from "./pages/session.js";

const { Box, Button, Flex } = ChakraUI;

export const RunTab = ({ dagId, runId }) => html`
  <${Guard}><${Box} p=${3} data-testid="bridle-run-tab"><${Run} dag_id=${dagId} run_id=${runId} within="tab" /><${Away} /><//><//>`;

export const SessionTab = ({ dagId, runId, taskId, mapIndex }) => {
  const map_index = /^-?\d+$/.test(String(mapIndex)) ? Number(mapIndex) : -1;
  const asked = useApi("sessions", { dag_id: dagId, run_id: runId, task_id: taskId, map_index }, 5);
  const [chosen, choose] = useState(null);
  return html`
    <${Guard}>
      <${Box} p=${3} data-testid="bridle-session-tab">
        <${Loaded} asked=${asked}>
          ${(sessions) => {
            if (sessions.length === 0) {
              return html`<${Empty}>This step has had no session: no agent has worked on it (yet).<//>`;
            }
            const shown = sessions.find((each) => each.id === chosen) ?? sessions[sessions.length - 1];
            return html`
              ${sessions.length > 1 &&
              html`<${Flex} gap=${2} mb=${3} wrap="wrap" role="group" aria-label="sessions of this step">
                ${sessions.map(
                  (each, index) => html`<${Button} key=${each.id} size="xs" onClick=${() => choose(each.id)}
                    variant=${each.id === shown.id ? "solid" : "outline"} aria-pressed=${each.id === shown.id}>
                    Session ${index + 1}, round ${each.round}
                  <//>`,
                )}
              <//>`}
              <${Session} id=${shown.id} key=${shown.id} within="tab" />`;
          }}
        <//>
        <${Away} />
      <//>
    <//>`;
};
