// Who decided what, why, from which options; and what followed.
import { ChakraUI, html } from "../kit/html.js";
import { clock, percent, step, time, zoneName } from "../kit/format.js";
import { Card, Empty, Go, Quiet, State } from "../kit/parts.js";
import { said } from "./runs.js";

const { Badge, Box, Flex, Text } = ChakraUI;

const WHO = { rule: ["⚙", "gray"], policy: ["⚖", "gray"], model: ["✦", "purple"], human: ["☺", "orange"] };

const By = ({ by }) => {
  const [sign, palette] = WHO[by.split(":")[0]] ?? ["?", "gray"];
  return html`<${Badge} size="sm" variant="outline" colorPalette=${palette} data-testid="decided-by">
    <span aria-hidden="true">${sign}</span> ${by.replace(":", " ")}<//>`;
};

export const Decisions = ({ decisions, spans }) => {
  if (decisions.length === 0) return html`<${Empty} testid="no-decisions">Nothing had to be decided (yet): the workflow's own order was enough.<//>`;
  const states = new Map(spans.filter((span) => span.kind === "session").map((span) => [span.id, span.state]));
  return html`
    <${Card} as="ol" listStyleType="none" m=${0} data-testid="decisions">
      ${decisions.map(
        (each, index) => html`
          <${Box} as="li" key=${each.id} data-testid="decision" position="relative" ps=${6} pb=${index === decisions.length - 1 ? 0 : 4}>
            <${Box} position="absolute" left="3px" top="6px" bottom="-6px" borderStartWidth="2px" borderColor="border"
              display=${index === decisions.length - 1 ? "none" : "block"} aria-hidden="true" />
            <${Box} position="absolute" left="-1px" top="6px" w="10px" h="10px" borderRadius="full" bg="fg.muted" aria-hidden="true" />
            <${Flex} gap=${2} align="center" wrap="wrap">
              <${Text} as="span" fontWeight="medium">${each.what}<//><${Options} options=${each.options} choice=${each.choice} />
              <${By} by=${each.by} />
              ${each.confidence !== null && html`<${Text} as="span" fontSize="sm" color="fg.muted">sure to ${percent(each.confidence)}<//>`}
              <${Quiet} title=${time(each.at)}>
                ${clock(each.at)} ${zoneName()}, ${step(each.task_id, each.map_index)}${each.try_number > 1 ? `, try ${each.try_number}` : ""}
              <//>
            <//>
            ${each.why && html`<${Text} fontSize="sm" color="fg.muted" overflowWrap="anywhere" whiteSpace="pre-wrap">${said(each.why)}<//>`}
            ${each.dispatched.length > 0 &&
            html`<${Box} as="ul" listStyleType="none" mt=${1} aria-label="sessions that followed">
              ${each.dispatched.map(
                (session) => html`<${Flex} as="li" key=${session.id} gap=${2} align="center" wrap="wrap" fontSize="sm" py="1px">
                  <${Box} as="span" color="fg.muted" aria-hidden="true">└<//>
                  <${Go} page="session" params=${{ id: session.id }}>${step(session.task_id, session.map_index)}, round ${session.round}<//>
                  ${states.has(session.id) && html`<${State} state=${states.get(session.id)} />`}
                <//>`,
              )}
            <//>`}
          <//>`,
      )}
    <//>`;
};

// what was chosen is among them, or was no option at all
const Options = ({ options, choice }) => {
  const all = options.includes(choice) ? options : [...options, choice];
  return html`<${Flex} as="span" gap=${1} wrap="wrap">
    ${all.map((option) => {
      const chosen = option === choice;
      return html`<${Badge} key=${option} size="sm" data-chosen=${chosen} variant=${chosen ? "solid" : "outline"}
        colorPalette=${chosen ? "blue" : "gray"} opacity=${chosen ? 1 : 0.75} whiteSpace="normal" overflowWrap="anywhere"><span aria-hidden="true">${chosen ? "●" : "○"}</span> ${option}<//>`;
    })}
  <//>`;
};
