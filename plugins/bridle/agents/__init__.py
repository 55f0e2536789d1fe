"""What drives a session: the real Claude Code, the real Codex, or a loop of our own over an API.

`base` is the contract. `launch` starts `runner` as a child process; `runner` runs one of the agents below. A
package adds its own with an entry point in the group `bridle.agents`.
"""

from importlib import import_module
from importlib.metadata import entry_points

from bridle.agents.base import Agent
from bridle.errors import ConfigError

AGENTS = {
    "api": "bridle.agents.api:ApiAgent",
    "claude-code": "bridle.agents.claude_code:ClaudeCodeAgent",
    "codex": "bridle.agents.codex:CodexAgent",
}
"""Name to `module:Class`."""


def find(name: str) -> str:
    """Where the agent called `name` is: `module:Class`.

    Raises:
        ConfigError: there is none of that name; the message lists those that exist.
    """
    if name in AGENTS:
        return AGENTS[name]
    known = {point.name: point.value for point in entry_points(group="bridle.agents")} | AGENTS
    if name not in known:
        raise ConfigError(f"agent {name!r} does not exist; roles.yaml can name: {', '.join(sorted(known))}")
    return known[name]


def get(name: str) -> type[Agent]:
    """The class of the agent called `name`.

    Raises:
        ConfigError: there is none of that name, or it cannot be imported.
    """
    place = find(name)
    module, _, attribute = place.partition(":")
    try:
        found: type[Agent] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"agent {name!r} cannot be loaded from {place}: {error}") from error
    return found
