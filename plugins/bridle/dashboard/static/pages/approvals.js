// What waits for a human, to be answered here: by Airflow's own API, with the user's own rights.
import { ChakraUI, html, useState } from "../kit/html.js";
import { useApi, useNow } from "../kit/use.js";
import { patchAirflow } from "../kit/api.js";
import { ago, commit, step, time } from "../kit/format.js";
import { Card, Empty, Fold, Go, Loaded, Mono, Trouble } from "../kit/parts.js";
import { DiffView } from "../parts/diff.js";

const { Box, Button, Flex, Heading, Text, Textarea } = ChakraUI;

export default function Approvals() {
  const asked = useApi("approvals", {}, 4);
  const [answered, setAnswered] = useState([]);
  const done = (words) => {
    setAnswered((before) => [words, ...before].slice(0, 5));
    asked.reload();
  };
  return html`
    ${answered.map((words, index) => html`<${Text} key=${index} role="status" data-testid="answered" mb=${2}>✓ ${words}<//>`)}
    <${Loaded} asked=${asked}>
      ${({ approvals }) =>
        approvals.length === 0
          ? html`<${Empty} testid="no-approvals">Nothing waits for a human.<//>`
          : approvals.map((each) => html`<${Approval} key=${each.answer_path} asked=${each} onDone=${done} />`)}
    <//>`;
}

export const Approval = ({ asked, onDone }) => {
  const now = useNow(5);
  const [values, setValues] = useState(() => Object.fromEntries(Object.entries(asked.params).map(([name, given]) => [name, start(given)])));
  const [sending, setSending] = useState(null);
  const [error, setError] = useState(null);
  const answer = async (option) => {
    setSending(option);
    setError(null);
    try {
      await patchAirflow(asked.answer_path, { chosen_options: [option], params_input: { ...values, ...asked.filled } });
      onDone(`${option}: ${asked.subject}`);
    } catch (refused) {
      setError(refused.status === 409 ? new Error("Somebody has answered it meanwhile.") : refused);
      setSending(null);
    }
  };
  const [text, patch] = split(asked.body);
  return html`
    <${Card} as="article" mb=${4} p=${4} data-testid="approval" data-run=${asked.run_id}>
      <${Flex} justify="space-between" gap=${3} wrap="wrap">
        <${Heading} as="h2" size="md" overflowWrap="anywhere">◔ ${asked.subject}<//>
        <${Text} color="fg.muted" fontSize="sm" title=${time(asked.opened_at)}>asked ${ago(asked.opened_at, now)}<//>
      <//>
      <${Text} fontSize="sm" color="fg.muted" mb=${2}>
        <${Go} page="run" params=${{ dag_id: asked.dag_id, run_id: asked.run_id }}>${asked.dag_id}/${asked.run_id}<//>
        , ${step(asked.task_id, asked.map_index)}${asked.commit && `, commit ${commit(asked.commit)}`}
        ${asked.assignees.length > 0 && `, for ${asked.assignees.join(", ")}`}
      <//>
      <${Mono} maxH="16rem">${text}<//>
      ${patch && html`<${Fold} title="What it changes" open=${true} mt=${2}><${DiffView} text=${patch} /><//>`}
      ${Object.entries(asked.params).map(
        ([name, given]) => html`<${Box} key=${name} mt=${3}>
          <${Text} as="label" htmlFor="${asked.answer_path}-${name}" fontSize="sm">${given?.description ?? name}<//>
          <${Textarea} id="${asked.answer_path}-${name}" size="sm" rows=${2} value=${values[name] ?? ""} disabled=${!asked.may_answer} data-testid="param-${name}"
            onChange=${(event) => setValues({ ...values, [name]: event.target.value })} />
        <//>`,
      )}
      ${error && html`<${Box} mt=${3}><${Trouble} error=${error} /><//>`}
      <${Flex} gap=${2} mt=${3} wrap="wrap">
        ${asked.options.map(
          (option, index) => html`<${Button} key=${option} size="sm" variant=${index === 0 ? "solid" : "outline"}
            colorPalette=${index === 0 ? "blue" : "gray"} loading=${sending === option} disabled=${!asked.may_answer || sending !== null}
            data-testid="answer-${option}" onClick=${() => answer(option)}>${option}<//>`,
        )}
        ${!asked.may_answer && html`<${Text} fontSize="sm" color="fg.muted" alignSelf="center">You may look at it, and not answer.<//>`}
      <//>
    <//>`;
};

// a parameter is its value, or an object that describes it
const start = (given) => (given !== null && typeof given === "object" && "value" in given ? given.value ?? "" : given ?? "");

// the harness puts a short patch at the end of the question, in a fence
const split = (body) => {
  const found = body.match(/\n(`{3,})diff\n([\s\S]*?)\n\1(?:\n|$)/);
  if (!found) return [body, null];
  return [(body.slice(0, found.index) + body.slice(found.index + found[0].length)).trim(), found[2]];
};
