// Everything that took time in a run, on one time axis: a row for each step, a bar for each thing.
import { ChakraUI, html, useRef, useState } from "../kit/html.js";
import { useNow, useWidth } from "../kit/use.js";
import { duration, step } from "../kit/format.js";
import { Card } from "../kit/parts.js";
import { look } from "../kit/states.js";
import { axisOf } from "./axis.js";
import { SpanDetails } from "./span.js";

const { Box, Flex, Text } = ChakraUI;

const LANE = 24;
const NARROWEST = 18;
const NAME = { base: "auto", md: "12rem" };

// shape and filling say the kind, colour and sign the state
const SHAPES = {
  session: { borderRadius: "4px", borderWidth: "1px", bg: "colorPalette.subtle" },
  check: { borderRadius: "4px", borderWidth: "1px", borderStyle: "dashed", bg: "bg" },
  approval: { borderRadius: "999px", borderWidth: "1px", bg: "bg" },
  effect: { borderRadius: "0", borderWidth: "2px", bg: "bg" },
};

// a run may write to one object more than once
export const keyOf = (span) => `${span.kind} ${span.id}${span.kind === "effect" ? ` ${span.start}` : ""}`;

export const Waterfall = ({ spans }) => {
  const working = spans.some((span) => span.end === null);
  const now = useNow(working ? 2 : 60);
  const [opened, open] = useState(null);
  const box = useRef(null);
  const track = useRef(null);
  const pixels = useWidth(track);
  const axis = axisOf(spans, now, pixels);
  const shown = spans.find((span) => keyOf(span) === opened);
  const walk = (event) => {
    const bars = [...box.current.querySelectorAll("[data-bar]")];
    const here = bars.indexOf(event.target);
    if (event.key === "Escape") open(null);
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (here < 0 || !way) return;
    event.preventDefault();
    bars[(here + way + bars.length) % bars.length].focus();
  };
  return html`
    <${Card} p=${{ base: 2, md: 3 }} data-testid="waterfall">
      <${Legend} />
      <${Box} ref=${box} role="group" aria-label="everything that took time; arrow keys go from bar to bar, Enter opens one" onKeyDown=${walk}>
        <${Axis} axis=${axis} track=${track} />
        ${rowsOf(spans, now, axis, pixels).map(
          (row, index) => html`<${Row} key=${row.name} row=${row} axis=${axis} pixels=${pixels} now=${now} opened=${opened} first=${index === 0}
            onOpen=${(span) => open(keyOf(span) === opened ? null : keyOf(span))} />`,
        )}
      <//>
      ${shown && html`<${SpanDetails} key=${opened} span=${shown} spans=${spans} onClose=${() => open(null)} />`}
    <//>`;
};

const Axis = ({ axis, track }) => html`
  <${Flex} aria-hidden="true">
    <${Box} w=${NAME} flexShrink=${0} display=${{ base: "none", md: "block" }} />
    <${Box} ref=${track} position="relative" h="18px" flex="1" fontSize="xs" color="fg.muted" fontVariantNumeric="tabular-nums">
      ${axis.ticks.map(
        (tick) => html`<${Box} key=${tick.x} position="absolute" whiteSpace="nowrap" style=${{ left: `${tick.x}%` }}>${tick.label}<//>`,
      )}
    <//>
  <//>`;

const Row = ({ row, axis, pixels, now, opened, first, onOpen }) => html`
  <${Flex} direction=${{ base: "column", md: "row" }} borderTopWidth="1px" borderColor="border.muted" data-testid="waterfall-row"
    data-step=${row.name}>
    <${Text} w=${NAME} flexShrink=${0} fontSize="sm" pt="3px" pe=${2} overflowWrap="anywhere" lineHeight="1.35">${row.name}<//>
    <${Box} position="relative" flex=${{ base: "none", md: "1" }} style=${{ height: row.lanes.length * LANE + 4 }}>
      ${axis.ticks.map(
        (tick) => html`<${Box} key=${tick.x} position="absolute" top=${0} bottom=${0} borderStartWidth="1px" borderColor="border.muted"
          style=${{ left: `${tick.x}%` }} />`,
      )}
      ${axis.breaks.map(
        (cut) => html`<${Box} key=${`cut ${cut.x}`} position="absolute" top=${0} bottom=${0} bg="bg.muted" opacity=${0.7} title=${cut.label}
          style=${{ left: `${cut.x}%`, width: `${cut.width}%` }} />`,
      )}
      ${row.lanes.map((lane, number) =>
        lane.map((span, place) => html`<${Bar} key=${keyOf(span)} span=${span} axis=${axis} pixels=${pixels} now=${now} top=${number * LANE + 3}
          next=${lane[place + 1]} open=${opened === keyOf(span)}
          reached=${opened === null ? first && number === 0 && place === 0 : opened === keyOf(span)}
          onOpen=${onOpen} />`),
      )}
    <//>
  <//>`;

const Bar = ({ span, axis, pixels, now, top, next, open, reached, onOpen }) => {
  const start = Date.parse(span.start);
  const end = span.end ? Date.parse(span.end) : now;
  const left = axis.x(start);
  const width = axis.x(end) - left;
  const { palette, sign } = look(span.state);
  const words = [span.label, span.round > 1 && `round ${span.round}`, span.try_number > 1 && `try ${span.try_number}`].filter(Boolean).join(", ");
  const told = `${span.kind} ${words}, ${step(span.task_id, span.map_index)}: ${span.state}, ${duration(end - start)}`;
  // a short bar's words stand behind it where there is room
  const letters = 6.3 * words.length;
  const drawn = Math.max(NARROWEST, 0.01 * width * pixels);
  const room = ((next ? axis.x(Date.parse(next.start)) : 100) - left) * 0.01 * pixels - drawn;
  const beside = drawn < letters + 24 && room > letters + 12;
  return html`
    <${Flex} as="button" type="button" data-bar=${keyOf(span)} data-testid="bar" data-kind=${span.kind} data-state=${span.state}
      aria-label=${told} aria-expanded=${open} title=${told} tabIndex=${reached ? 0 : -1} onClick=${() => onOpen(span)}
      position="absolute" align="center" justify="flex-start" h="${LANE - 4}px" minW="${NARROWEST}px" px="3px" gap="4px" cursor="pointer" zIndex=${open ? 2 : 1}
      fontSize="xs" lineHeight="1" whiteSpace="nowrap" overflow=${beside ? "visible" : "hidden"}
      colorPalette=${palette} color="colorPalette.fg" borderColor="colorPalette.solid"
      ...${SHAPES[span.kind]} outlineOffset="1px" boxShadow=${open ? "0 0 0 2px var(--chakra-colors-color-palette-solid)" : undefined}
      style=${{ left: `min(${left}%, calc(100% - ${NARROWEST}px))`, width: `${Math.max(0, width)}%`, top }}>
      <span aria-hidden="true">${sign}</span>
      <${Box} as="span" aria-hidden="true" color=${beside ? "fg.muted" : undefined} ms=${beside ? "4px" : 0}
        style=${beside ? { position: "absolute", left: "100%" } : { overflow: "hidden", textOverflow: "ellipsis" }}>${words}<//>
    <//>`;
};

const Legend = () => html`
  <${Flex} gap=${4} wrap="wrap" fontSize="xs" color="fg.muted" mb=${1} aria-hidden="true">
    ${Object.entries(SHAPES).map(
      ([kind, shape]) => html`<${Flex} key=${kind} align="center" gap="6px">
        <${Box} w="22px" h="13px" colorPalette="gray" borderColor="fg.muted" ...${shape} />${kind === "effect" ? "outside write" : kind}<//>`,
    )}
    <${Flex} align="center" gap="6px"><${Box} w="22px" h="13px" bg="bg.muted" textAlign="center" lineHeight="0.9">⋯<//>squeezed: no work<//>
  <//>`;

// rows by step in the order of their beginning; what overlaps within one, as wide as it is drawn, gets a lane of its own
const rowsOf = (spans, now, axis, pixels) => {
  const rows = new Map();
  const place = (at) => 0.01 * axis.x(at) * pixels;
  const end = (span) => (span.end ? Date.parse(span.end) : now);
  const free = (last, start) => end(last) <= start && (!pixels || place(Date.parse(last.start)) + NARROWEST <= place(start));
  for (const span of spans) {
    const name = step(span.task_id, span.map_index);
    if (!rows.has(name)) rows.set(name, { name, lanes: [] });
    const { lanes } = rows.get(name);
    const start = Date.parse(span.start);
    const lane = lanes.find((each) => free(each[each.length - 1], start));
    if (lane) lane.push(span);
    else lanes.push([span]);
  }
  return [...rows.values()];
};
