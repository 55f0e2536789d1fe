"""The tools of the `api` agent: five, confined to the work tree.

Their docstrings are what the model reads.
"""

from pathlib import Path

from bridle.agents.shell import execute

READ_LINES = 2000
LINE_CHARACTERS = 2000
SEARCH_SECONDS = 30.0
SHELL_SECONDS = 120.0
SHELL_SECONDS_MOST = 600.0


class Unusable(Exception):
    """A tool cannot do what it was asked; the message is for the model."""


class Toolbox:
    """File tools that cannot leave `workdir`, not even by a symbolic link, and a shell that starts there."""

    def __init__(self, workdir: Path) -> None:
        self._root = workdir.resolve()

    def read(self, path: str, offset: int = 1, limit: int = READ_LINES) -> str:
        """Read a text file, or `limit` lines of it from line `offset`; lines are numbered."""
        try:
            lines = self._file(path).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise Unusable(f"{path} is not a text file") from None
        chosen = lines[max(0, offset - 1) :][:limit]
        numbered = (
            f"{number}\t{line[:LINE_CHARACTERS]}" for number, line in enumerate(chosen, max(1, offset))
        )
        rest = len(lines) - max(0, offset - 1) - len(chosen)
        more = f"\n({rest} more lines)" if rest > 0 else ""
        return "\n".join(numbered) + more or "(empty)"

    async def search(self, pattern: str, path: str = ".") -> str:
        """Search files below `path` for an extended regular expression; an empty pattern lists the files."""
        place = self._inside(path).relative_to(self._root)
        option = "-lE" if not pattern else "-nE"
        where = [str(place)] if place.parts else []
        argv = ["grep", "-rI", option, "--exclude-dir=.git", "-e", pattern, "--", *where]
        code, found = await execute(argv, cwd=self._root, seconds=SEARCH_SECONDS)
        if code > 1:
            raise Unusable(found)
        return found.strip() or "(nothing found)"

    def edit(self, path: str, old: str, new: str) -> str:
        """Replace `old` by `new`; `old` must be in the file exactly once, white space included."""
        file = self._file(path)
        # as it is: read_text would turn every line end of the file into \n, and so change all of its lines
        text = file.read_bytes().decode()
        if "\r\n" in text and "\r\n" not in old:  # which `read` does not show
            old, new = (part.replace("\n", "\r\n") for part in (old, new))
        count = text.count(old) if old else 0
        if count != 1:
            what = "is not in" if count == 0 else f"is {count} times in"
            raise Unusable(f"`old` {what} {path}; read the file again and quote more of it")
        file.write_bytes(text.replace(old, new).encode())
        return f"{path} is changed"

    def write(self, path: str, content: str) -> str:
        """Write a whole file, new or not; folders are made."""
        file = self._inside(path)
        if file.is_dir():
            raise Unusable(f"{path} is a folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        return f"{path} is written"

    async def shell(self, command: str, timeout_seconds: float = SHELL_SECONDS) -> str:
        """Run a shell command in the repository's root; answers with its output and exit code."""
        seconds = min(timeout_seconds, SHELL_SECONDS_MOST)
        code, output = await execute(["/bin/sh", "-c", command], cwd=self._root, seconds=seconds)
        return f"{output}\n(exit code {code})".lstrip()

    def _file(self, path: str) -> Path:
        file = self._inside(path)
        if not file.is_file():
            raise Unusable(f"{path} is {'a folder' if file.is_dir() else 'not there'}")
        return file

    def _inside(self, path: str) -> Path:
        found = (self._root / path).resolve()
        if not found.is_relative_to(self._root):
            raise Unusable(f"{path} is outside the repository")
        return found
