"""One task of a spec file, and where in the file its mark is."""

import hashlib
import re
from dataclasses import dataclass

_PATH = re.compile(
    r"(?<![\w/.-])(?:[\w.-]+/)*[\w-]+\.[A-Za-z]\w{0,7}(?![\w/])|(?<![\w/.-])(?:[\w.-]+/)+[\w.-]+"
)
_DIGITS = 6


@dataclass(frozen=True)
class Task:
    """A task as one version of the file has it."""

    key: str
    """Stays the same when tasks are moved: the id in the file (`T012`, `1.2`), else made from the title."""
    title: str
    details: str
    """What stands below the title, without tasks of its own."""
    done: bool
    start: int
    """Byte at which the line with the mark begins; of prd.json, the story."""
    end: int
    """Byte after it, line end excluded."""
    mark: tuple[int, int]
    """Bytes that ticking replaces."""
    ticked: bytes
    """What it replaces them by."""
    digest: str
    """SHA-256 of the bytes from `start` to `end`."""
    line: int
    """From 1."""
    depends: tuple[str, ...] = ()
    """Keys of tasks that must be done before."""
    parallel: bool = False
    """May be worked on beside its neighbours in the same section."""
    priority: int | None = None
    """1 comes first; None: the order of the file decides."""
    commands: tuple[str, ...] = ()
    """Shell commands that the task names as its acceptance: text, to be run only where that is allowed."""
    children: tuple[str, ...] = ()
    """Keys of tasks nested below it: then it is done when they are."""
    section: str = ""
    """The headings above it."""
    held: bool = False
    """Its mark is neither open nor done (`[-]`, `[~]`): somebody else's business."""
    optional: bool = False
    """The file says that it may be left out."""

    @property
    def paths(self) -> frozenset[str]:
        """Files that its text names."""
        return frozenset(_PATH.findall(f"{self.title}\n{self.details}"))

    @property
    def headline(self) -> str:
        """Key and title; a key that is made of the title would only say it twice."""
        title = " ".join(self.title.split())
        return title if self.key == key_of(self.title) else f"{self.key}: {title}"

    @property
    def wording(self) -> str:
        """Digest of what is asked for, whatever its mark, its place and its white space."""
        return digest_of(" ".join(f"{self.title}\n{self.details}".split()).encode())


def digest_of(data: bytes) -> str:
    """SHA-256, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def key_of(title: str) -> str:
    """A key for a task without an id: readable, and the same wherever the task stands."""
    plain = " ".join(title.casefold().split())
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return f"{slug or 'task'}-{digest_of(plain.encode())[:_DIGITS]}"
