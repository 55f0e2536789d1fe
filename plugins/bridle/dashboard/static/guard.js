// A mistake in one of our pages says so, and leaves Airflow's page alone.
import { React, html } from "./kit/html.js";
import { Trouble } from "./kit/parts.js";

export class Guard extends React.Component {
  state = { error: null };

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    if (!this.state.error) return this.props.children;
    const error = new Error(`This page broke: ${this.state.error.message}. The ledger has everything; reload, or use the terminal.`);
    return html`<${Trouble} error=${error} onRetry=${() => this.setState({ error: null })} />`;
  }
}
