// Page name in the address → component, which gets the rest of the address as its properties.
import Approvals from "./approvals.js";
import Costs from "./costs.js";
import Loop from "./loop.js";
import Loops from "./loops.js";
import Overview from "./overview.js";
import Run from "./run.js";
import Runs from "./runs.js";
import Session from "./session.js";

export const PAGES = {
  approvals: Approvals, costs: Costs, loop: Loop, loops: Loops, overview: Overview, run: Run, runs: Runs, session: Session,
};
