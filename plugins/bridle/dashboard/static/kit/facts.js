// Names with what they stand for; what is not there is left out.
import { ChakraUI, html } from "./html.js";

const { Box } = ChakraUI;

// facts: [[name, value, testid?]]
export const Facts = ({ facts, ...more }) => html`
  <${Box} as="dl" display="grid" gridTemplateColumns=${{ base: "minmax(5.5rem, auto) 1fr", md: "minmax(7rem, auto) 1fr" }}
    columnGap=${4} rowGap=${1} fontSize="sm" m=${0} ...${more}>
    ${facts
      .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
      .map(
        ([name, value, testid]) => html`
          <${Box} as="dt" key=${`${name} name`} color="fg.muted">${name}<//>
          <${Box} as="dd" key=${name} m=${0} minW=${0} overflowWrap="anywhere" data-testid=${testid}>${value}<//>`,
      )}
  <//>`;

export const Code = ({ children, ...more }) => html`
  <${Box} as="code" fontFamily="mono" fontSize="0.92em" overflowWrap="anywhere" ...${more}>${children}<//>`;
