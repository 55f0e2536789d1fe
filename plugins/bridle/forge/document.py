"""Files of the local forge: a head of YAML between `---` lines, then text."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bridle.errors import IssueError


@dataclass(frozen=True)
class Document:
    """One file."""

    head: Mapping[str, Any]
    body: str

    @classmethod
    def read(cls, path: Path) -> "Document":
        """Read a Markdown file with front matter, or a YAML file whose key `body` is the text.

        Raises:
            IssueError: it is not such a file; the message has path and reason.
        """
        try:
            text = path.read_text(encoding="utf-8")
            if path.suffix in {".yaml", ".yml"}:
                head, body = yaml.safe_load(text), ""
            elif text.startswith("---\n"):
                above, _, body = text.removeprefix("---\n").partition("\n---\n")
                head = yaml.safe_load(above)
            else:
                head, body = {}, text
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise IssueError(f"{path}: cannot be read: {error}") from error
        if not isinstance(head, dict):
            raise IssueError(
                f"{path}: must begin with a mapping (title, author, labels, …) between `---` lines"
            )
        return cls(head, str(head.pop("body", body)).strip("\n"))

    def write(self, path: Path) -> None:
        """Put the file in place whole or not at all, even when this process is killed meanwhile."""
        head = yaml.safe_dump(dict(self.head), sort_keys=False, allow_unicode=True, width=110)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"---\n{head}---\n{self.body.strip()}\n")
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).chmod(0o644)
        Path(fresh).replace(path)
