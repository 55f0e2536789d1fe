// Pause, resume, extend and stop a loop.
import { ChakraUI, html, useState } from "../kit/html.js";
import { patchAirflow, post } from "../kit/api.js";
import { Confirm } from "../kit/confirm.js";
import { Trouble } from "../kit/parts.js";

const { Box, Button, Flex, Input, Text } = ChakraUI;

// the ledger ends the sessions; that the runs have failed is Airflow's to write down
const stop = async (id) => {
  const { dag_id, runs } = await post("loop/stop", { id });
  for (const run_id of runs) {
    await patchAirflow(`api/v2/dags/${encodeURIComponent(dag_id)}/dagRuns/${encodeURIComponent(run_id)}`, { state: "failed" });
  }
};

export const LoopActions = ({ loop, mayAct, mayResume, onDone }) => {
  const [extending, extend] = useState(false);
  if (loop.state === "done" || !(mayAct || mayResume)) return null;
  const done = () => {
    extend(false);
    onDone();
  };
  return html`
    <${Box}>
      <${Flex} gap=${2} wrap="wrap" align="flex-start" justify="flex-end">
        ${mayAct && loop.state === "running" &&
        html`<${Confirm} testid="pause-loop" palette="gray" act=${() => post("loop/pause", { id: loop.id })} onDone=${done}
          question="Pause this loop? The round under way goes on to its end; no further one begins.">‖ Pause<//>`}
        ${mayResume && loop.state !== "running" &&
        html`<${Confirm} testid="resume-loop" palette="blue" act=${() => post("loop/resume", { id: loop.id })} onDone=${done}
          question="Let this loop go on from where it was?">▶ Resume<//>`}
        ${mayAct &&
        html`<${Button} size="sm" variant="outline" aria-expanded=${extending} data-testid="extend-loop" onClick=${() => extend(!extending)}>+ Extend<//>`}
        ${mayAct && loop.state !== "stopped" &&
        html`<${Confirm} testid="stop-loop" act=${() => stop(loop.id)} onDone=${done}
          question=${`Stop this loop? Every session of the round under way ends within seconds, and its run is marked as
            failed. What was done so far is kept.`}>■ Stop<//>`}
      <//>
      ${extending && html`<${Extend} loop=${loop} onDone=${done} />`}
    <//>`;
};

const FIELDS = [["rounds", "more rounds", "1"], ["hours", "more hours", "0.5"], ["budget_usd", "more US dollars", "0.01"], ["tokens", "more tokens", "1"]];

const Extend = ({ loop, onDone }) => {
  const [more, setMore] = useState({});
  const [error, setError] = useState(null);
  const send = async (event) => {
    event.preventDefault();
    const filled = Object.entries(more).filter(([, text]) => text);
    const given = Object.fromEntries(filled.map(([name, text]) => [name, name === "budget_usd" ? text : Number(text)]));
    try {
      await post("loop/extend", { id: loop.id }, given);
      onDone();
    } catch (refused) {
      setError(refused);
    }
  };
  return html`
    <${Box} as="form" onSubmit=${send} mt=${3} data-testid="extend-form">
      ${error && html`<${Trouble} error=${error} />`}
      <${Flex} gap=${2} wrap="wrap" align="flex-end">
        ${FIELDS.map(
          ([name, title, step]) => html`<${Box} key=${name}>
            <${Text} as="label" htmlFor="extend-${name}" fontSize="xs" display="block">${title}<//>
            <${Input} id="extend-${name}" size="sm" w="8rem" type="number" min=${step} step=${step === "1" ? "1" : "any"} value=${more[name] ?? ""}
              data-testid="extend-${name}" onChange=${(event) => setMore({ ...more, [name]: event.target.value })} />
          <//>`,
        )}
        <${Button} size="sm" type="submit" colorPalette="blue" data-testid="extend-send" disabled=${!Object.values(more).some(Boolean)}>Give<//>
      <//>
    <//>`;
};
