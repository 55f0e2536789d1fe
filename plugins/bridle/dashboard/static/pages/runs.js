// All runs: filters are in the address, so a filtered list can be sent to somebody.
import { ChakraUI, html, useEffect, useRef, useState } from "../kit/html.js";
import { useApi, useKey, usePlace } from "../kit/use.js";
import { Empty, Loaded } from "../kit/parts.js";
import { RunTable } from "../parts/runs.js";

const { Button, Flex, Input, NativeSelect } = ChakraUI;

const STATES = ["queued", "running", "success", "failed"];

export default function Runs() {
  const [place, change] = usePlace();
  const [pages, setPages] = useState([]);
  const { q, dag_id, repo, loop_id, state, since, until } = place;
  const wanted = { q, dag_id, repo, loop_id, state, since, until };
  const key = JSON.stringify(wanted);
  useEffect(() => {
    setPages([]);
  }, [key]);
  const cursor = pages[pages.length - 1];
  const asked = useApi("runs", { ...wanted, cursor, limit: 50 }, cursor ? 0 : 5);
  const filter = (changes) => change(changes);
  return html`
    <${Filters} place=${place} filter=${filter} />
    <${Loaded} asked=${asked}>
      ${({ runs, next }) => html`
        ${runs.length === 0
          ? html`<${Empty} testid="no-runs">
              ${Object.values(wanted).some(Boolean) ? "No run is like that." : "No run has had a session yet."}<//>`
          : html`<${RunTable} runs=${runs} />`}
        <${Flex} gap=${2} mt=${3} justify="flex-end">
          ${cursor && html`<${Button} size="sm" variant="outline" onClick=${() => setPages(pages.slice(0, -1))}>← Newer<//>`}
          ${next && html`<${Button} size="sm" variant="outline" data-testid="older" onClick=${() => setPages([...pages, next])}>Older →<//>`}
        <//>`}
    <//>`;
}

const Filters = ({ place, filter }) => {
  const dags = useApi("costs", { by: "dag" });
  const repos = useApi("costs", { by: "repo" });
  const loops = useApi("loops", {});
  const names = (asked) => (asked.data?.rows ?? []).map((row) => row.name).filter(Boolean).sort();
  return html`
    <${Flex} gap=${2} mb=${4} wrap="wrap" role="search" aria-label="filter runs">
      <${Search} text=${place.q ?? ""} onText=${(q) => filter({ q })} />
      <${Choice} name="DAG" value=${place.dag_id} values=${names(dags)} onChoice=${(dag_id) => filter({ dag_id })} />
      <${Choice} name="repository" value=${place.repo} values=${names(repos)} onChoice=${(repo) => filter({ repo })} />
      <${Choice} name="loop" value=${place.loop_id} values=${(loops.data?.loops ?? []).map((loop) => loop.id)}
        labels=${Object.fromEntries((loops.data?.loops ?? []).map((loop) => [loop.id, loop.goal]))}
        onChoice=${(loop_id) => filter({ loop_id })} />
      <${Choice} name="state" value=${place.state} values=${STATES} onChoice=${(state) => filter({ state })} />
      <${Day} name="from" value=${place.since} onDay=${(since) => filter({ since })} />
      <${Day} name="before" value=${place.until} onDay=${(until) => filter({ until })} />
    <//>`;
};

const Search = ({ text, onText }) => {
  const [written, write] = useState(text);
  const field = useRef(null);
  useKey("/", () => field.current?.focus());
  useEffect(() => {
    const timer = setTimeout(() => written !== text && onText(written), 300);
    return () => clearTimeout(timer);
  }, [written]);
  return html`<${Input} ref=${field} size="sm" flex="1 1 12rem" type="search" value=${written} data-testid="search"
    placeholder="Search  ( / )" title="what runs are called, what they failed of, what sessions said" aria-label="search" onChange=${(event) => write(event.target.value)}
    onKeyDown=${(event) => event.key === "Escape" && (write(""), field.current.blur())} />`;
};

// What is chosen is among the choices, also when its list has not come yet or no longer names it.
const Choice = ({ name, value, values, labels = {}, onChoice }) => html`
  <${NativeSelect.Root} size="sm" w="auto" flex=${{ base: "1 1 8rem", md: "0 1 10rem" }}>
    <${NativeSelect.Field} aria-label=${name} data-testid="filter-${name}" value=${value ?? ""}
      onChange=${(event) => onChoice(event.target.value)}>
      <option value="">any ${name}</option>
      ${[...new Set([...values, ...(value ? [value] : [])])].map(
        (each) => html`<option key=${each} value=${each}>${labels[each] ? `${labels[each].slice(0, 60)} · ${each}` : each}</option>`,
      )}
    <//>
    <${NativeSelect.Indicator} />
  <//>`;

const Day = ({ name, value, onDay }) => html`
  <${Flex} align="center" gap=${1} fontSize="sm" color="fg.muted">
    <span title="midnight, UTC">${name}</span>
    <${Input} size="sm" w="9.5rem" type="date" aria-label=${name} value=${value?.slice(0, 10) ?? ""}
      onChange=${(event) => onDay(event.target.value && `${event.target.value}T00:00:00Z`)} />
  <//>`;
