// What Airflow loads: each of the plugin's apps is a function component under its name on globalThis.
// All three come from this one file, so it sets all three: the page keeps modules, and loads it only once.
import { html } from "./kit/html.js";
import { App } from "./app.js";
import { RunTab, SessionTab } from "./tabs.js";

globalThis["Bridle"] = () => html`<${App} />`;
globalThis["Bridle Run"] = (props) => html`<${RunTab} ...${props} />`;
globalThis["Bridle Session"] = (props) => html`<${SessionTab} ...${props} />`;
