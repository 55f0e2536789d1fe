"""Which tools a session has."""

from bridle.agents.base import Access, SessionSpec
from bridle.errors import ConfigError

TOOLS: dict[Access, tuple[str, ...]] = {
    "none": (),
    "read": ("read", "search"),
    "write": ("read", "search", "edit", "write", "shell"),
}
"""Abstract tools by access level; a role may name fewer, or add `shell` to `read`."""


def tools_of(spec: SessionSpec) -> tuple[str, ...]:
    """The abstract tools of this session: of those that the role names, what its access level allows.

    Raises:
        ConfigError: the role names a tool that does not exist.
    """
    if not spec.tools or spec.access == "none":
        return TOOLS[spec.access]
    allowed = TOOLS[spec.access] + (("shell",) if spec.access == "read" else ())
    for tool in spec.tools:
        if tool not in TOOLS["write"]:
            raise ConfigError(
                f"tool {tool!r} in roles.yaml does not exist; there are: {', '.join(TOOLS['write'])}"
            )
    return tuple(tool for tool in spec.tools if tool in allowed)
