"""Airflow's metrics as StatsD takes them: its lines have no place for tags, or one with few characters."""

import re

from bridle.telemetry.measures import Stats

_ODD = re.compile(r"[^A-Za-z0-9_.\-/]")
"""What Airflow refuses in a name, and with it in a tag that becomes part of one."""
_APART = re.compile(r"[./]")
"""What a store takes for the next level of a name."""


class Statsd:
    """Hands on to `stats` what StatsD can say."""

    def __init__(self, stats: Stats, *, tagged: bool) -> None:
        """
        Args:
            stats: Airflow's, with StatsD behind it.
            tagged: whether tags are sent; else their values become the end of the name, in their order:
                without, `bridle.call` would be one sum of every role and model.
        """
        self._stats = stats
        self._tagged = tagged

    def incr(self, stat: str, count: int, *, tags: dict[str, str]) -> None:
        """Count."""
        name, tags = self._said(stat, tags)
        self._stats.incr(name, count, tags=tags)

    def gauge(self, stat: str, value: float, *, tags: dict[str, str]) -> None:
        """Say how many there are."""
        name, tags = self._said(stat, tags)
        self._stats.gauge(name, value, tags=tags)

    def timing(self, stat: str, dt: float, *, tags: dict[str, str]) -> None:
        """Say how long it took, in milliseconds."""
        name, tags = self._said(stat, tags)
        self._stats.timing(name, dt, tags=tags)

    def _said(self, stat: str, tags: dict[str, str]) -> tuple[str, dict[str, str]]:
        values = {key: _ODD.sub("_", value) or "unknown" for key, value in tags.items()}
        if self._tagged:
            return stat, values
        return ".".join([stat, *(_APART.sub("_", value) for value in values.values())]), {}
