"""The pytest plugin that the package brings: its fixtures, which cost nothing until they are used."""

from bridle.testing.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
