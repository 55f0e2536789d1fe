// Tokens of model calls, split as they are priced.
import { ChakraUI, html } from "../kit/html.js";
import { count } from "../kit/format.js";
import { COLOURS } from "../kit/chart.js";

const { Box, Flex } = ChakraUI;

export const fresh = (totals) => totals.input_tokens - totals.cache_read_tokens - totals.cache_write_tokens;

export const Tokens = ({ totals, testid = "tokens" }) => {
  const parts = [
    ["input", fresh(totals), COLOURS[0]],
    ["read from cache", totals.cache_read_tokens, COLOURS[4]],
    ["written to cache", totals.cache_write_tokens, COLOURS[3]],
    ["output", totals.output_tokens, COLOURS[1]],
  ];
  return html`
    <${Box} data-testid=${testid}>
      ${totals.tokens > 0 &&
      html`<${Flex} h="8px" borderRadius="4px" overflow="hidden" mb=${2} gap="1px" aria-hidden="true">
        ${parts.map(([name, tokens, colour]) => tokens > 0 && html`<${Box} key=${name} style=${{ flex: tokens, background: colour }} />`)}
      <//>`}
      <${Flex} columnGap=${4} rowGap=${1} wrap="wrap" fontSize="sm" fontVariantNumeric="tabular-nums">
        ${parts.map(
          ([name, tokens, colour]) => html`<${Flex} key=${name} align="center" gap="6px">
            <${Box} w="9px" h="9px" borderRadius="2px" flexShrink=${0} style=${{ background: colour }} />
            <${Box} as="span" color="fg.muted">${name}<//><span data-part=${name}>${count(tokens)}</span>
          <//>`,
        )}
        ${totals.reasoning_tokens > 0 &&
        html`<${Box} as="span" color="fg.muted">of the output, reasoning <span data-part="reasoning">${count(totals.reasoning_tokens)}</span><//>`}
      <//>
    <//>`;
};
