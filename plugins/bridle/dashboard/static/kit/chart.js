// Charts by hand: few shapes, colours that the colour-blind can tell apart (Okabe and Ito, 2008), numbers on demand.
import { ChakraUI, html, useState } from "./html.js";

const { Box, Flex, Text } = ChakraUI;

export const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999"];

// points: [{day, name, value, unknown?}]; unknown: there is more that nobody knows; one bar for each day, one part for each name
export const StackedBars = ({ days, points, tell, testid, height = 150 }) => {
  const [over, setOver] = useState(null);
  const totals = new Map();
  for (const point of points) totals.set(point.name, (totals.get(point.name) ?? 0) + point.value);
  const unknown = new Set(points.filter((point) => point.unknown).map((point) => point.name));
  const whole = (name) => (unknown.has(name) ? (totals.get(name) ? `${tell(totals.get(name))} + unknown` : "unknown") : tell(totals.get(name) ?? 0));
  const names = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a));
  const shown = names.length > COLOURS.length ? [...names.slice(0, COLOURS.length - 1), "others"] : names;
  const colour = (name) => COLOURS[Math.max(0, shown.indexOf(shown.includes(name) ? name : "others"))];
  const of = (day) => points.filter((point) => point.day === day && point.value > 0);
  const sum = (day) => of(day).reduce((total, point) => total + point.value, 0);
  const most = Math.max(...days.map(sum), 0);
  const width = 100 / days.length;
  const bar = (day, index) => {
    let top = height;
    const parts = shown.flatMap((name) => {
      const value = of(day)
        .filter((point) => (shown.includes(point.name) ? point.name : "others") === name)
        .reduce((total, point) => total + point.value, 0);
      if (!value) return [];
      const size = Math.max(1, (value / most) * (height - 6));
      top -= size;
      return [html`<rect key=${name} x="${index * width + width * 0.14}%" width="${width * 0.72}%" y=${top} height=${size}
        fill=${colour(name)} opacity=${over === null || over === day ? 1 : 0.35} />`];
    });
    return html`
      <g key=${day} onMouseEnter=${() => setOver(day)} onMouseLeave=${() => setOver(null)}
        onFocus=${() => setOver(day)} onBlur=${() => setOver(null)} tabIndex=${sum(day) ? 0 : undefined} role="img"
        aria-label="${day}: ${tell(sum(day))}">
        <rect x="${index * width}%" width="${width}%" y=${0} height=${height} fill="transparent" />
        ${parts}
      </g>`;
  };
  if (most === 0) return html`<${Text} color="fg.muted" py=${8} textAlign="center" data-testid=${testid}>Nothing in this time.<//>`;
  return html`
    <${Box} data-testid=${testid}>
      <${Text} fontSize="xs" color="fg.muted" h="3em" lineHeight="1.5" lineClamp=${2} fontVariantNumeric="tabular-nums">
        ${over
          ? `${over}: ${tell(sum(over))} (${of(over).map((point) => `${point.name || "none"} ${tell(point.value)}`).join(", ")})`
          : `highest day ${tell(most)}`}
      <//>
      <svg width="100%" height=${height} role="group" style=${{ display: "block", overflow: "visible" }}>
        <line x1="0" x2="100%" y1=${height} y2=${height} stroke="currentColor" opacity="0.3" />
        ${days.map(bar)}
      </svg>
      <${Flex} justify="space-between" fontSize="xs" color="fg.muted" mt=${1}>
        <span>${days[0]}</span><span>${days[days.length - 1]}</span>
      <//>
      <${Legend} names=${shown} colour=${colour} tell=${whole} />
    <//>`;
};

const Legend = ({ names, colour, tell }) => html`
  <${Flex} wrap="wrap" columnGap=${4} rowGap=${1} mt=${2} fontSize="xs">
    ${names.map(
      (name) => html`<${Flex} key=${name} align="center" gap="6px">
        <${Box} w="10px" h="10px" borderRadius="2px" flexShrink=${0} style=${{ background: colour(name) }} />
        <span>${name || "none"}</span><${Box} as="span" color="fg.muted">${name === "others" ? "" : tell(name)}<//>
      <//>`,
    )}
  <//>`;

// A line that grows towards a cap.
export const Growth = ({ points, cap, tell, testid, height = 90 }) => {
  if (points.length === 0) return html`<${Text} color="fg.muted" fontSize="sm" data-testid=${testid}>Nothing spent yet.<//>`;
  const highest = Math.max(...points.map((point) => point.value));
  const capped = cap !== null && cap !== undefined;
  // a cap far above would press the line flat
  const near = capped && highest >= 0.15 * cap;
  const most = Math.max(near ? cap : 0, highest) || 1;
  const x = (index) => ((index + 1) / points.length) * 100;
  const y = (value) => height - (value / most) * (height - 8);
  const line = [`0,${height}`, ...points.map((point, index) => `${x(index)},${y(point.value)}`)].join(" ");
  return html`
    <${Box} data-testid=${testid}>
      <svg width="100%" height=${height} viewBox="0 0 100 ${height}" preserveAspectRatio="none" style=${{ display: "block" }}
        role="img" aria-label=${points.map((point) => `${point.name}: ${tell(point.value)}`).join(", ")}>
        <polygon points="${line} 100,${height}" fill=${COLOURS[0]} opacity="0.18" />
        <polyline points=${line} fill="none" stroke=${COLOURS[0]} strokeWidth="2" vectorEffect="non-scaling-stroke" />
        ${near &&
        html`<line x1="0" x2="100" y1=${y(cap)} y2=${y(cap)} stroke=${COLOURS[5]} strokeWidth="1.5" strokeDasharray="5 4"
          vectorEffect="non-scaling-stroke" />`}
      </svg>
      <${Flex} justify="space-between" gap=${3} fontSize="xs" color="fg.muted" fontVariantNumeric="tabular-nums">
        <${Box} as="span" whiteSpace="nowrap">${points[0].name}<//>
        <${Box} as="span" textAlign="center">${tell(points[points.length - 1].value)}${capped ? ` of ${tell(cap)}${near ? "" : ", which lies far above"}` : ", no cap"}<//>
        <${Box} as="span" whiteSpace="nowrap">${points[points.length - 1].name}<//>
      <//>
    <//>`;
};

// How much of a cap is spent.
export const Meter = ({ part, whole, label }) => {
  const share = whole > 0 ? Math.min(1, part / whole) : 0;
  const colour = share >= 1 ? COLOURS[5] : share >= 0.8 ? COLOURS[1] : COLOURS[0];
  return html`
    <${Box} role="meter" aria-label=${label} aria-valuenow=${Math.round(100 * share)} aria-valuemin=${0} aria-valuemax=${100}
      h="6px" borderRadius="3px" bg="bg.emphasized" overflow="hidden">
      <${Box} h="100%" style=${{ width: `${100 * share}%`, background: colour }} />
    <//>`;
};
