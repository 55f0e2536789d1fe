// What happened in a session as it happens: what was said, what was called, what came back.
import { ChakraUI, html, useEffect, useMemo, useRef, useState } from "../kit/html.js";
import { useStream } from "../kit/stream.js";
import { count, many, zoneName } from "../kit/format.js";
import { Empty } from "../kit/parts.js";
import { EventLine } from "./event.js";

const { Box, Button, Flex, Text } = ChakraUI;

const MOST = 300;
const KINDS = { all: null, said: ["text", "reasoning"], tools: ["tool_call", "tool_result", "denied"] };
const TOLD = { connecting: "◔ connecting", live: "▶ live", lost: "↯ connection lost, trying again", paused: "‖ paused", ended: "✓ ended" };

// live: it goes on, so its end is what one wants to see
const nothing = (only, state, events) => {
  if (state !== "ended") return `Nothing ${only === "all" ? "has happened" : "of that kind"} yet.`;
  return events.length ? "Nothing of that kind." : "None of its events is kept: it had none, or they have grown too old.";
};

export const Transcript = ({ id, live }) => {
  const { events, state } = useStream(id);
  const [only, setOnly] = useState("all");
  const [most, setMost] = useState(MOST);
  const [following, follow] = useState(live);
  const box = useRef(null);
  const lines = useMemo(() => paired(events), [events]);
  const wanted = lines.filter(({ event }) => !KINDS[only] || KINDS[only].includes(event.kind));
  const shown = wanted.slice(-most);
  useEffect(() => {
    if (following) box.current.scrollTop = box.current.scrollHeight;
  }, [events.length, following, only]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (state !== "ended") follow(scrollHeight - scrollTop - clientHeight < 40);
  };
  return html`
    <${Box}>
      <${Flex} gap=${2} mb=${2} wrap="wrap" align="center">
        ${Object.keys(KINDS).map(
          (name) => html`<${Button} key=${name} size="xs" variant=${only === name ? "solid" : "outline"} aria-pressed=${only === name}
            data-testid="only-${name}" onClick=${() => setOnly(name)}>${name}<//>`,
        )}
        ${state !== "ended" &&
        html`<${Button} size="xs" variant=${following ? "solid" : "outline"} aria-pressed=${following} data-testid="follow"
          onClick=${() => follow(!following)}>follow<//>`}
        <${Text} fontSize="sm" color="fg.muted" role="status" data-testid="stream-state" data-state=${state}>
          ${TOLD[state]}, ${many(events.length, "event")}, times in ${zoneName()}<//>
      <//>
      ${wanted.length > most &&
      html`<${Button} size="xs" variant="outline" mb=${2} onClick=${() => setMost(most + 1000)}>${count(wanted.length - most)} earlier ones<//>`}
      <${Box} ref=${box} as="ol" listStyleType="none" m=${0} data-testid="transcript" borderWidth=${shown.length ? "1px" : 0}
        borderColor="border.emphasized" borderRadius="md" maxH="min(44rem, 80vh)" overflowY="auto" tabIndex=${0} aria-label="transcript"
        onScroll=${scrolled}>
        ${shown.map(({ event, result }) => html`<${EventLine} key=${event.seq} event=${event} result=${result} over=${state === "ended"} />`)}
      <//>
      ${shown.length === 0 && state !== "connecting" &&
      html`<${Empty} testid="no-events">${nothing(only, state, events)}<//>`}
    <//>`;
};

// a call and what came back are one line
const paired = (events) => {
  const results = new Map();
  const calls = new Set();
  for (const event of events) {
    if (event.kind === "tool_result" && event.payload.id) results.set(event.payload.id, event);
    if (event.kind === "tool_call" && event.payload.id) calls.add(event.payload.id);
  }
  return events
    .filter((event) => event.kind !== "usage" && !(event.kind === "tool_result" && calls.has(event.payload.id)))
    .map((event) => ({ event, result: event.kind === "tool_call" ? results.get(event.payload.id) : undefined }));
};
