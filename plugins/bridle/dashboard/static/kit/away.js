// What cannot be had just now, said once for the whole page, whichever of its parts has asked.
import { React, ChakraUI, html } from "./html.js";
import { time } from "./format.js";
import { Trouble } from "./parts.js";

const { Box } = ChakraUI;

const missing = new Map();
const listeners = new Set();
let told = [];

// who: one thing that asks; what: {error, at, reload}, `at` when it last had an answer; null: it has one
export function miss(who, what) {
  if (what === null && !missing.has(who)) return;
  if (what === null) missing.delete(who);
  else missing.set(who, what);
  told = [...missing.values()];
  for (const listener of listeners) listener();
}

const listen = (listener) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

// at the end of a page and always in sight: nothing that is read or written moves when it comes and goes
export const Away = () => {
  const all = React.useSyncExternalStore(listen, () => told);
  if (all.length === 0) return null;
  const words = [...new Set(all.map(({ error }) => error.message))].join(" ");
  const had = all.map(({ at }) => at).filter(Boolean);
  const kept = had.length ? ` What is shown is as of ${time(Math.min(...had))}.` : "";
  const error = new Error(`${words}${kept} This page asks again every few seconds, and goes on by itself.`);
  return html`<${Box} position="sticky" bottom=${2} zIndex="docked">
    <${Trouble} error=${error} onRetry=${() => all.forEach(({ reload }) => reload())} m=${0} boxShadow="md" />
  <//>`;
};
