// Small things that every page is made of.
import { ChakraUI, ReactRouterDOM, html } from "./html.js";
import { look } from "./states.js";

const { Badge, Box, Button, Flex, Heading, Link, Skeleton, Stack, Text } = ChakraUI;

export const HOME = "/plugin/bridle";

// An address within the nav app: links to it work from Airflow's other pages too.
export const to = (page, params = {}) => {
  const search = new URLSearchParams({ page });
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, value);
  }
  return `${HOME}?${search}`;
};

export const Go = ({ page, params, children, ...more }) => html`
  <${Link} asChild color="fg.info" ...${more}>
    <${ReactRouterDOM.Link} to=${to(page, params)}>${children}<//>
  <//>`;

export const Outside = ({ href, children }) => html`
  <${Link} href=${href} target="_blank" rel="noopener noreferrer" color="fg.info">${children} ↗<//>`;

export const State = ({ state, ...more }) => html`
  <${Badge} colorPalette=${look(state).palette} variant="surface" size="sm" whiteSpace="nowrap" ...${more}>
    <span aria-hidden="true">${look(state).sign}</span> ${state}
  <//>`;

// What is worth knowing, and not worth looking at first.
export const Quiet = ({ children, ...more }) => html`<${Text} as="span" fontSize="xs" color="fg.muted" ...${more}>${children}<//>`;

export const Section = ({ title, aside, children, testid, ...more }) => html`
  <${Box} as="section" data-testid=${testid} mb=${6} ...${more}>
    <${Flex} align="baseline" justify="space-between" gap=${3} wrap="wrap" mb=${2}>
      <${Heading} as="h2" size="md">${title}<//>
      ${aside && html`<${Box} color="fg.muted" fontSize="sm">${aside}<//>`}
    <//>
    ${children}
  <//>`;

export const Card = ({ children, ...more }) => html`
  <${Box} borderWidth="1px" borderColor="border.emphasized" borderRadius="md" bg="bg" p=${3} minW=${0} ...${more}>${children}<//>`;

// One number with its name, and what it is made of.
export const Figure = ({ name, value, made, testid, tone }) => html`
  <${Card} data-testid=${testid} flex="1 1 8.5rem">
    <${Text} color="fg.muted" fontSize="sm">${name}<//>
    <${Text} fontSize="xl" fontWeight="semibold" lineHeight="1.3" color=${tone} fontVariantNumeric="tabular-nums" data-part="value">
      ${value}
    <//>
    <${Text} color="fg.muted" fontSize="xs" data-part="made">${made}<//>
  <//>`;

export const Empty = ({ children, testid = "empty", ...more }) => html`
  <${Box} data-testid=${testid} borderWidth="1px" borderStyle="dashed" borderColor="border.emphasized" borderRadius="md" p=${6}
    color="fg.muted" textAlign="center" ...${more}>${children}<//>`;

export const Trouble = ({ error, onRetry, ...more }) => html`
  <${Box} role="alert" data-testid="trouble" borderWidth="1px" borderColor="border.error" bg="bg.error" color="fg.error"
    borderRadius="md" p=${3} mb=${4} ...${more}>
    <${Flex} direction=${{ base: "column", md: "row" }} justify="space-between" align=${{ base: "flex-start", md: "center" }} gap=${2}>
      <${Text} fontSize="sm" overflowWrap="anywhere" minW=${0}>✗ ${error.message}<//>
      ${onRetry && html`<${Button} size="xs" variant="outline" flexShrink=${0} onClick=${onRetry}>Try again<//>`}
    <//>
  <//>`;

// What to show while there is nothing, when there is trouble, and then the thing itself; what passes is said by Away.
export const Loaded = ({ asked, heights = [70, 220, 140], children }) => html`
  ${asked.error && html`<${Trouble} error=${asked.error} onRetry=${asked.reload} />`}
  ${asked.data === undefined && !asked.error && !asked.away &&
  html`<${Stack} data-testid="loading" gap=${3}>
    ${heights.map((height) => html`<${Skeleton} key=${height} height="${height}px" borderRadius="md" />`)}
  <//>`}
  ${asked.data !== undefined && children(asked.data)}`;

export const Mono = ({ children, ...more }) => html`
  <${Box} as="pre" fontFamily="mono" fontSize="xs" lineHeight="1.5" whiteSpace="pre-wrap" overflowWrap="anywhere"
    bg="bg.muted" borderRadius="md" p=${2} m=${0} maxH="24rem" overflow="auto" ...${more}>${children}<//>`;

// <details>: the browser's own, so keys and screen readers know it
export const Fold = ({ title, children, open, testid, ...more }) => html`
  <${Box} as="details" open=${open} data-testid=${testid} ...${more}>
    <${Box} as="summary" cursor="pointer" py=${1}>${title}<//>
    <${Box} pt=${1}>${children}<//>
  <//>`;
