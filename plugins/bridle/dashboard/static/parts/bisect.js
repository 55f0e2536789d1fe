// "Which round went wrong?": a button, the search while it runs, and what it found.
import { ChakraUI, html, useState } from "../kit/html.js";
import { useApi, useNow } from "../kit/use.js";
import { post } from "../kit/api.js";
import { ago, commit, count, step, time } from "../kit/format.js";
import { Card, Fold, Go, Loaded, Section, State, Trouble } from "../kit/parts.js";

const { Badge, Box, Button, Flex, Link, NativeSelect, Text } = ChakraUI;

const BUSY = ["asked", "running"];
// how the search stands, and what came out of it
const SAYS = {
  asked: ["waiting", "It waits for a worker."],
  running: ["running", "A worker searches."],
  found: ["done", "One commit is to blame."],
  mixed: ["done", "It turned more than once; the last turn that was seen is told."],
  flaky: ["uncertain", "The check is flaky: no round can be blamed."],
  good: ["done", "It passes at the end."],
  bad: ["done", "It fails from the start to the end: no turn was seen."],
  failed: ["failed", "The search itself failed."],
  stopped: ["stopped", "Somebody stopped the search."],
  lost: ["lost", "The process that searched vanished."],
};

// on the page of a run run_id is given, on that of a loop only loop_id
export const Bisect = ({ dag_id, run_id, loop_id }) => {
  const [path, params] = run_id ? ["run/bisect", { dag_id, run_id }] : ["loop/bisect", { id: loop_id }];
  const [every, setEvery] = useState(0);
  const asked = useApi(path, params, every);
  const searches = asked.data?.searches ?? [];
  const busy = searches.some((search) => BUSY.includes(search.state));
  if (busy !== every > 0) setEvery(busy ? 2 : 0);
  return html`
    <${Section} title="Which round went wrong?" testid="bisect" aside="a check is run along the commits; no model is asked">
      <${Loaded} asked=${asked} heights=${[80]}>
        ${() => html`<${Card}>
          ${asked.data.may_search
            ? html`<${Start} path=${path} params=${params} checks=${asked.data.checks} busy=${busy} onStarted=${asked.reload} />`
            : html`<${Text} color="fg.muted" fontSize="sm">You have no right to start a search here.<//>`}
          ${searches.length === 0 && html`<${Text} mt=${2} color="fg.muted" fontSize="sm" data-testid="bisect-none">Nobody has searched yet.<//>`}
          ${searches.map((search, index) => html`<${Search} key=${search.id} search=${search} newest=${index === 0} />`)}
        <//>`}
      <//>
    <//>`;
};

const Start = ({ path, params, checks, busy, onStarted }) => {
  const [chosen, choose] = useState("");
  const [trouble, setTrouble] = useState(null);
  const [sending, setSending] = useState(false);
  const start = async () => {
    setSending(true);
    setTrouble(null);
    try {
      await post(path, params, { check: chosen || checks[0] });
      onStarted();
    } catch (error) {
      setTrouble(error);
    } finally {
      setSending(false);
    }
  };
  if (checks.length === 0) {
    return html`<${Text} color="fg.muted" fontSize="sm">Its repository is not in repositories.yaml, so there is no check to search with.<//>`;
  }
  return html`
    ${trouble && html`<${Trouble} error=${trouble} />`}
    <${Flex} gap=${2} align="center" wrap="wrap">
      <${NativeSelect.Root} size="sm" w="auto" flex="0 1 14rem">
        <${NativeSelect.Field} aria-label="check to search with" data-testid="bisect-check" value=${chosen || checks[0]}
          onChange=${(event) => choose(event.target.value)}>
          ${checks.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
        <//>
        <${NativeSelect.Indicator} />
      <//>
      <${Button} size="sm" variant="outline" data-testid="bisect-start" disabled=${busy || sending} onClick=${start}>
        ${busy ? "Searching…" : "Find the round that went wrong"}
      <//>
    <//>`;
};

const Search = ({ search, newest }) => {
  const now = useNow(5);
  const [look, words] = SAYS[search.state] ?? [search.state, ""];
  return html`
    <${Box} mt=${3} pt=${3} borderTopWidth="1px" borderColor="border" data-testid=${newest ? "bisect-newest" : "bisect-older"}>
      <${Flex} gap=${2} align="baseline" wrap="wrap" fontSize="sm">
        <${State} state=${look} /> <b data-testid="bisect-state">${words}</b>
        <${Text} as="span" color="fg.muted" title=${time(search.opened_at)}>
          ${search.check || search.command}, ${search.by.replace(/^human:/, "")}, ${ago(search.opened_at, now)}
        <//>
        ${!search.done_by_run.startsWith("by-hand-") && html`<${Log} search=${search} />`}
      <//>
      ${search.culprit && html`<${Blame} search=${search} />`}
      ${search.why && html`<${Text} mt=${2} fontSize="sm" overflowWrap="anywhere" data-testid="bisect-why">${search.why}<//>`}
      <${Progress} search=${search} />
    <//>`;
};

const Log = ({ search }) => {
  const at = `dags/${encodeURIComponent(search.done_by_dag)}/runs/${encodeURIComponent(search.done_by_run)}`;
  return html`<${Link} href=${new URL(at, document.baseURI).toString()} color="fg.info">its run and log<//>`;
};

const Blame = ({ search }) => {
  const { culprit, decision } = search;
  return html`
    <${Text} mt=${2} data-testid="bisect-blame">
      ${search.round === null ? "It" : `Round ${search.round}`} went wrong: commit${" "}
      <code title=${search.commit}>${commit(search.commit)}</code> of${" "}
      <${Go} page="session" params=${{ id: culprit.session_id }}>the session of ${step(culprit.task_id, culprit.map_index)}<//>${" in "}
      <${Go} page="run" params=${{ dag_id: culprit.dag_id, run_id: culprit.run_id }}>${culprit.run_id}<//>${decision
        ? html`, dispatched by decision <b>${decision.what}</b> = ${decision.choice} (${decision.by})`
        : ", whose dispatching decision is unknown"}.
    <//>`;
};

const Progress = ({ search }) => {
  const title = search.commits === null
    ? "No check has run yet"
    : `Checks run: ${count(search.probes.length)}, over ${count(search.commits)} commits`;
  if (search.probes.length === 0) return html`<${Text} mt=${1} color="fg.muted" fontSize="sm">${title}<//>`;
  return html`
    <${Fold} title=${html`<${Text} as="span" fontSize="sm" color="fg.muted">${title}<//>`} open=${BUSY.includes(search.state)} testid="bisect-probes" mt=${1}>
      ${search.probes.map((probe) => html`
        <${Flex} key=${probe.number} gap=${2} fontSize="sm" fontVariantNumeric="tabular-nums" align="baseline" data-testid="bisect-probe">
          <${Text} as="span" minW="1.5rem" textAlign="right" color="fg.muted">${probe.number}<//>
          <${State} state=${probe.passed ? "passed" : probe.timed_out ? "timed out" : "failed"} />
          <span>${probe.round === null ? "start" : `round ${probe.round}`}</span>
          <code title=${probe.commit}>${commit(probe.commit)}</code>
          <${Text} as="span" color="fg.muted">${probe.seconds.toFixed(1)} s<//>
          ${probe.again && html`<${Badge} size="sm" variant="outline">to make sure<//>`}
        <//>`)}
    <//>`;
};
