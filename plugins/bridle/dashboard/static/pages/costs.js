// What it cost, by whatever one asks for; and how budgets are spent.
import { ChakraUI, html, useState } from "../kit/html.js";
import { useApi, usePlace } from "../kit/use.js";
import { address } from "../kit/api.js";
import { compact, cost, count, dollars, many, time } from "../kit/format.js";
import { Card, Empty, Fold, Loaded, Section } from "../kit/parts.js";
import { Growth, Meter } from "../kit/chart.js";
import { DataTable } from "../kit/table.js";
import { nearer } from "../parts/cap.js";

const { Box, Button, Flex, Input, Link, NativeSelect, Text } = ChakraUI;

const BY = ["repo", "role", "model", "dag", "user", "day", "agent"];
const TITLES = { repo: "repository", dag: "DAG" };
const NOBODY = { user: "nobody (a schedule)", repo: "without a repository" };

export default function Costs() {
  const [place, change] = usePlace();
  const by = BY.includes(place.by) ? place.by : "model";
  const span = { since: place.since, until: place.until };
  const asked = useApi("costs", { by, ...span }, 15);
  return html`
    <${Flex} gap=${2} mb=${4} wrap="wrap" align="center">
      ${BY.map(
        (each) => html`<${Button} key=${each} size="sm" variant=${each === by ? "solid" : "outline"} aria-pressed=${each === by}
          data-testid="by-${each}" onClick=${() => change({ by: each })}>by ${TITLES[each] ?? each}<//>`,
      )}
      ${["since", "until"].map(
        (name) => html`<${Flex} key=${name} align="center" gap=${1} fontSize="sm" color="fg.muted"><span title="a day, UTC">${name}</span>
          <${Input} size="sm" w="9.5rem" type="date" aria-label=${name} value=${place[name] ?? ""}
            onChange=${(event) => change({ [name]: event.target.value })} /><//>`,
      )}
      <${Link} href=${address("bridle/api/costs.csv", { by, ...span })} color="fg.info" fontSize="sm" data-testid="csv">CSV ↓<//>
    <//>
    <${Loaded} asked=${asked}>${(costs) => html`<${Shown} costs=${costs} by=${by} />`}<//>
    <${AsIf} span=${span} />
    <${Budgets} />`;
}

const Shown = ({ costs, by }) => {
  if (costs.rows.length === 0) return html`<${Empty} mb=${6}>No model was called in this time.<//>`;
  const most = Math.max(...costs.rows.map((row) => Number(row.totals.known_usd)));
  const title = TITLES[by] ?? by;
  const number = (name, title, of) => ({ name, title, right: true, of });
  const columns = [
    { name: "name", title: title[0].toUpperCase() + title.slice(1), wide: true, of: (row) => html`<${Text} as="span" fontWeight=${row.total ? "semibold" : undefined}>${row.name || NOBODY[by] || "none"}<//>` },
    number("cost", "Cost", (row) => html`<${Text} fontWeight="medium">${cost(row.totals)}<//>`),
    {
      name: "bar",
      title: "",
      of: (row) => row.total || cost(row.totals) === "unknown" ? "" : html`<${Box} w="8rem" pt="6px"><${Meter} part=${Number(row.totals.known_usd)} whole=${most * 1.3}
        label="share of the dearest" /><//>`,
    },
    number("tokens", "Tokens", (row) => count(row.totals.tokens)),
    number("input", "In", (row) => count(row.totals.input_tokens)),
    number("read", "Cache read", (row) => count(row.totals.cache_read_tokens)),
    number("write", "Cache write", (row) => count(row.totals.cache_write_tokens)),
    number("output", "Out", (row) => count(row.totals.output_tokens)),
    number("reasoning", "Reasoning", (row) => count(row.totals.reasoning_tokens)),
    number("calls", "Calls", (row) => count(row.totals.calls)),
    number("sessions", "Sessions", (row) => (row.total ? "" : count(row.sessions))),
    number("runs", "Runs", (row) => (row.total ? "" : count(row.runs))),
  ];
  const total = { name: "in all", totals: costs.total, total: true };
  return html`
    <${Section} title="By ${title}" testid="costs"
      aside=${costs.total.unknown_calls ? `▲ ${many(costs.total.unknown_calls, "call")} of unknown cost not in the dollars` : "every call has a price"}>
      <${DataTable} columns=${columns} rows=${[...costs.rows, total]} keyOf=${(row) => (row.total ? " total" : row.name)}
        testid="cost-table" rowTestid="cost-row" />
    <//>`;
};

const AsIf = ({ span }) => {
  const [model, choose] = useState("");
  const asked = useApi("costs/as-if", { ...span, model });
  return html`
    <${Section} title="On a single model" testid="as-if">
      <${Loaded} asked=${asked}>
        ${(data) => {
          if (!data.model) return html`<${Empty}>No price is known of any model used.<//>`;
          const paid = Number(data.known_usd);
          const other = data.as_if_usd === null ? null : Number(data.as_if_usd);
          return html`
            <${Flex} gap=${4} wrap="wrap" align="center">
              <${NativeSelect.Root} size="sm" w="auto">
                <${NativeSelect.Field} aria-label="model" value=${model || data.model} onChange=${(event) => choose(event.target.value)}>
                  ${data.models.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
                <//><${NativeSelect.Indicator} />
              <//>
              <${Text}>
                The same ${many(data.calls - data.unpriced_calls, "call")}, token by token, would have cost <b data-testid="as-if-usd">${dollars(data.as_if_usd)}</b>;
                <b> ${dollars(data.known_usd)}</b> were paid${other && !data.unknown_calls && !data.unpriced_calls ? `: ${Math.abs(Math.round(100 * (1 - paid / other)))} % ${paid <= other ? "less" : "more"}` : ""}.
              <//>
            <//>
            <${Text} fontSize="xs" color="fg.muted" mt=${1}>
              A comparison, no forecast: another model would have used other tokens.
              ${data.unpriced_calls > 0 && ` It lacks ${many(data.unpriced_calls, "call")} of unknown tokens.`}
              ${data.unknown_calls > 0 && ` What was paid lacks ${many(data.unknown_calls, "call")} of unknown cost.`}
            <//>`;
        }}
      <//>
    <//>`;
};

const Budgets = () => {
  const [pages, setPages] = useState([]);
  const cursor = pages[pages.length - 1];
  const asked = useApi("budgets", { cursor }, cursor ? 0 : 10);
  return html`
    <${Section} title="Budgets" testid="budgets" aside="open one to see how it was spent">
      <${Loaded} asked=${asked}>
        ${({ budgets, next }) => {
          const shown = budgets.filter((each) => !each.scope.includes("*"));
          if (shown.length === 0) return html`<${Empty}>Nothing is capped. Set <code>budgets</code> in roles.yaml, or <code>bridle budget</code>.<//>`;
          return html`
            ${shown.map((each) => html`<${BudgetCard} key=${each.scope} budget=${each} />`)}
            <${Flex} gap=${2} mt=${3} justify="flex-end">
              ${cursor && html`<${Button} size="sm" variant="outline" onClick=${() => setPages(pages.slice(0, -1))}>← Before<//>`}
              ${next && html`<${Button} size="sm" variant="outline" data-testid="more-budgets" onClick=${() => setPages([...pages, next])}>More →<//>`}
            <//>`;
        }}
      <//>
    <//>`;
};

export const BudgetCard = ({ budget }) => {
  const [open, setOpen] = useState(false);
  const cap = nearer(budget);
  return html`
    <${Card} mb=${2} pb=${1} data-testid="budget">
      <${Flex} justify="space-between" gap=${3} wrap="wrap" mb=${1}>
        <${Text} fontWeight="medium" overflowWrap="anywhere">${budget.scope}<//>
        <${Text} fontVariantNumeric="tabular-nums" fontSize="sm">
          ${cap ? `${cap.spent} of ${cap.most}` : `${dollars(budget.spent_usd)}, no cap`}
          ${budget.warned_at && ` · ▲ 80 % at ${time(budget.warned_at)}`} ${budget.stopped_by && ` · ■ stopped by ${budget.stopped_by}`}
        <//>
      <//>
      ${cap && html`<${Meter} part=${cap.part} whole=${cap.whole} label=${budget.scope} />`}
      <${Fold} title=${html`<${Text} as="span" fontSize="xs" color="fg.muted">how it was spent, ${many(budget.calls, "call")}${budget.capped_by ? `; cap by ${budget.capped_by}` : ""}<//>`}
        onToggle=${(event) => setOpen(event.target.open)}>
        ${open && html`<${BurnDown} scope=${budget.scope} />`}
      <//>
    <//>`;
};

const BurnDown = ({ scope }) => {
  const asked = useApi("budgets/burn-down", { scope });
  return html`<${Loaded} asked=${asked}>
    ${({ budget, points }) => {
      const hourly = budget.kind === "day";
      const name = (at) => (hourly ? at.slice(11, 16) : at.slice(0, 10));
      const cap = nearer(budget);
      const tokens = cap?.unit === "tokens";
      return html`<${Growth} testid="burn-down" tell=${(value) => (tokens ? `${compact(value)} tokens` : dollars(String(value)))} cap=${cap?.whole ?? null}
        points=${points.map((point) => ({ name: name(point.at), value: Number(tokens ? point.total_tokens : point.total_usd) }))} />`;
    }}
  <//>`;
};
