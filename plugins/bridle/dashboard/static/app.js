// The navigation entry: one app, whose page is named in the address.
import { ChakraUI, ReactRouterDOM, html } from "./kit/html.js";
import { usePlace } from "./kit/use.js";
import { Away } from "./kit/away.js";
import { Empty, HOME, to } from "./kit/parts.js";
import { Guard } from "./guard.js";
import { PAGES } from "./pages/index.js";

const { Box, Flex, Link } = ChakraUI;

const MENU = [["overview", "Overview"], ["runs", "Runs"], ["loops", "Loops"], ["costs", "Costs"], ["approvals", "Approvals"]];
const BELOW = { run: "runs", session: "runs", loop: "loops" };

export const App = () => {
  const [{ page = "overview", ...params }] = usePlace();
  const Page = PAGES[page] ?? Missing;
  return html`
    <${Box} p=${{ base: 2, md: 4 }} maxW="90rem" mx="auto" data-testid="bridle-app" data-page=${page} overflowX="clip">
      <${Flex} as="nav" aria-label="Bridle" gap=${{ base: 3, md: 5 }} fontSize=${{ base: "sm", md: "md" }} mb=${4} borderBottomWidth="1px" borderColor="border" overflowX="auto">
        ${MENU.map(([name, title]) => {
          const here = (BELOW[page] ?? page) === name;
          return html`
            <${Link} asChild key=${name} pb=${2} fontSize="inherit" color=${here ? "fg" : "fg.muted"} fontWeight=${here ? "semibold" : "normal"}
              borderBottomWidth="2px" borderColor=${here ? "blue.solid" : "transparent"} borderRadius=${0}
              aria-current=${here ? "page" : undefined} data-testid="menu-${name}">
              <${ReactRouterDOM.Link} to=${name === "overview" ? HOME : to(name)}>${title}<//>
            <//>`;
        })}
      <//>
      <${Guard} key=${JSON.stringify([page, params.id, params.run_id])}><${Page} page=${page} ...${params} /><//>
      <${Away} />
    <//>`;
};

const Missing = ({ page }) => html`<${Empty} testid="no-page">There is no page “${page}”. The menu above has them all.<//>`;
