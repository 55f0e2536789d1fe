// Tries of a run's steps that failed, each with what its error says.
import { ChakraUI, html } from "../kit/html.js";
import { clock, step, time, zoneName } from "../kit/format.js";
import { Card } from "../kit/parts.js";
import { said } from "./runs.js";

const { Box, Flex, Text } = ChakraUI;

export const Failures = ({ failures }) => html`
  <${Card} as="ul" listStyleType="none" m=${0} data-testid="failures">
    ${failures.map(
      (each, index) => html`<${Box} as="li" key=${index} data-testid="failure" pt=${index ? 3 : 0} colorPalette="red">
        <${Flex} gap=${2} align="baseline" wrap="wrap">
          <${Text} as="span" fontWeight="medium" color="colorPalette.fg"><span aria-hidden="true">✗ </span>${step(each.task_id, each.map_index)}<//>
          <${Text} as="span" fontSize="sm" color="fg.muted" title=${time(each.at)}>
            try ${each.try_number}, ${clock(each.at)} ${zoneName()}, ${each.kind}${each.retryable ? "; Airflow tries again" : ""}
          <//>
        <//>
        <${Text} fontSize="sm" overflowWrap="anywhere" whiteSpace="pre-wrap">${said(each.reason)}<//>
      <//>`,
    )}
  <//>`;
