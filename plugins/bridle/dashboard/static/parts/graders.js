// Numbers that say how a session went, each with what it was made of.
import { ChakraUI, html } from "../kit/html.js";
import { count, percent } from "../kit/format.js";
import { Figure } from "../kit/parts.js";

const { Flex } = ChakraUI;

const TITLES = {
  loops: "Loops", context_growth: "Context growth", working_set_rebuild_factor: "Context read again", tool_success_rate: "Tools that worked",
};
const SHARES = new Set(["loops", "tool_success_rate"]);

export const Graders = ({ graders }) => html`
  <${Flex} gap=${3} wrap="wrap">
    ${graders.map(
      (each) => html`<${Figure} key=${each.name} name=${TITLES[each.name] ?? each.name} testid="grader-${each.name}"
        value=${each.value === null ? "–" : SHARES.has(each.name) ? percent(each.value) : `× ${each.value.toFixed(2)}`}
        made="${count(each.numerator)} ${SHARES.has(each.name) ? "of" : "to"} ${count(each.denominator)}: ${each.meaning}" />`,
    )}
  <//>`;
