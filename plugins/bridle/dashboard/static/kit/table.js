// Tables: numbers to the right, rows that a key opens.
import { ChakraUI, ReactRouterDOM, html } from "./html.js";

const { Box, Table } = ChakraUI;

// columns: [{name, title, of: (row) => what to show, right, wide}]; link: (row) => address
export const DataTable = ({ columns, rows, keyOf, link, testid, rowTestid }) => {
  const navigate = ReactRouterDOM.useNavigate();
  const open = (row) => link && navigate(link(row));
  const onKey = (row) => (event) => {
    if (event.key === "Enter" && event.target === event.currentTarget) open(row);
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (step && event.target === event.currentTarget) {
      event.preventDefault();
      event.currentTarget[step]?.focus();
    }
  };
  return html`
    <${Box} overflowX="auto" borderWidth="1px" borderColor="border.emphasized" borderRadius="md" data-testid=${testid}>
      <${Table.Root} size="sm" variant="line" interactive=${Boolean(link)}>
        <${Table.Header}>
          <${Table.Row} bg="bg.muted">
            ${columns.map(
              (column) => html`<${Table.ColumnHeader} key=${column.name} textAlign=${column.right ? "end" : "start"}
                whiteSpace="nowrap">${column.title ?? column.name}<//>`,
            )}
          <//>
        <//>
        <${Table.Body}>
          ${rows.map(
            (row) => html`
              <${Table.Row} key=${keyOf(row)} tabIndex=${link ? 0 : undefined} cursor=${link ? "pointer" : undefined}
                onKeyDown=${onKey(row)} data-testid=${rowTestid} data-key=${keyOf(row)}
                onClick=${(event) => !event.target.closest("a, button") && open(row)}>
                ${columns.map(
                  (column) => html`<${Table.Cell} key=${column.name} data-column=${column.name}
                    textAlign=${column.right ? "end" : "start"} verticalAlign="top"
                    fontVariantNumeric=${column.right ? "tabular-nums" : undefined}
                    whiteSpace=${column.wide ? "normal" : "nowrap"} minW=${column.wide ? "9rem" : undefined} maxW=${column.wide ? "26rem" : undefined}
                    overflowWrap="anywhere">${column.of(row)}<//>`,
                )}
              <//>`,
          )}
        <//>
      <//>
    <//>`;
};
