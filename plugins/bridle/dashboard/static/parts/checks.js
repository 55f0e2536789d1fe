// What the harness found when it looked itself: checks of a session, criteria of a loop.
import { ChakraUI, html } from "../kit/html.js";
import { commit, count, duration, time } from "../kit/format.js";
import { Card, Fold, Mono, Quiet, State } from "../kit/parts.js";
import { Code } from "../kit/facts.js";

const { Box, Flex, Text } = ChakraUI;

export const stateOf = (check) => (check.exit_code === 0 ? "passed" : check.timed_out ? "timed out" : "failed");

export const Checks = ({ checks }) =>
  checks.map(
    (check) => html`
      <${Card} key=${check.id} mb=${2} data-testid="check" data-state=${stateOf(check)}>
        <${Flex} gap=${3} align="center" wrap="wrap">
          <${State} state=${stateOf(check)} /><b>${check.name}</b><${Code}>${check.command}<//>
          <${Quiet} title=${time(check.at)}>
            ${check.exit_code === null ? "no exit code" : `exit code ${check.exit_code}`}, ${duration(check.seconds * 1000)}
            ${check.commit && `, on commit ${commit(check.commit)}`}
          <//>
        <//>
        ${check.output.trim() && html`<${Output} text=${check.output} open=${check.exit_code !== 0} />`}
      <//>`,
  );

const Output = ({ text, open }) => html`<${Fold} title=${html`<${Quiet}>output<//>`} open=${open}><${Mono} maxH="20rem">${text}<//><//>`;

export const Criteria = ({ criteria }) =>
  criteria.map(
    (each) => html`
      <${Box} key=${each.name} mb=${1} data-testid="criterion" data-passed=${each.passed}>
        <${Flex} gap=${2} align="center" wrap="wrap" fontSize="sm">
          <${State} state=${each.passed ? "passed" : "failed"} /><b>${each.name}</b>
          ${each.passing.length + each.failing.length > 0 &&
          html`<${Quiet}>${count(each.passing.length)} of ${count(each.passing.length + each.failing.length)} pass<//>`}
        <//>
        ${each.failing.length > 0 &&
        html`<${Box} as="ul" listStyleType="none" ps=${3} fontSize="xs" color="fg.muted">
          ${each.failing.slice(0, 8).map((name) => html`<${Box} as="li" key=${name} overflowWrap="anywhere">✗ ${name}<//>`)}
          ${each.failing.length > 8 && html`<li>and ${count(each.failing.length - 8)} more</li>`}
        <//>`}
        ${each.doubt && html`<${Text} fontSize="xs" color="fg.warning">▲ ${each.doubt}<//>`}
        ${each.output.trim() && html`<${Output} text=${each.output} />`}
      <//>`,
  );
