"""The gate that a patch passes before anything is published."""

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Self

from bridle.config.repositories import PatchLimits
from bridle.guard.redact import Redactor
from bridle.guard.sanitize import is_invisible
from bridle.workspace.patch import GITLINK, SYMLINK, AddedLine, FileChange, Patch

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

PROTECTED = (
    ".*/",  # every folder with a dot: .github, .circleci, .claude, .codex, .cursor, .vscode …
    ".gitlab-ci.y*ml",
    ".travis.y*ml",
    ".drone.y*ml",
    "appveyor.y*ml",
    "azure-pipelines*.y*ml",
    "bitbucket-pipelines.y*ml",
    "Jenkinsfile*",
    "CLAUDE*.md",
    "AGENTS*.md",
    "GEMINI.md",
    ".mcp.json",
    ".cursorrules",
    ".windsurfrules",
    ".clinerules",
    "CODEOWNERS",
    ".gitmodules",
    ".gitattributes",
    ".pre-commit-config.y*ml",
    ".envrc",
    ".npmrc",
    ".pypirc",
    ".netrc",
)
"""What decides about agents, builds and reviews, wherever it lies; patterns as in .gitignore, in any case."""

_EXECUTABLE = "100755"
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@dataclass(frozen=True)
class Violation:
    """One reason why a patch may not be published."""

    path: str
    """Empty for the patch as a whole."""
    rule: str
    detail: str
    """What is wrong, and how to allow it where that is possible."""

    def __str__(self) -> str:
        return f"{self.path or 'the patch'}: {self.rule}: {self.detail}"


class PatchPolicy:
    """What agents may change in a repository; an unknown kind of change is refused."""

    def __init__(
        self,
        *,
        max_files: int = 60,
        max_lines: int = 2000,
        max_bytes: int = 400_000,
        protected: tuple[str, ...] = PROTECTED,
        allow: tuple[str, ...] = (),
    ) -> None:
        """
        Args:
            max_files: changed files.
            max_lines: added and deleted lines together.
            max_bytes: of the patch text, in UTF-8.
            protected: patterns as in .gitignore, in any case.
            allow: patterns as in .gitignore, in this case, of paths that the rules about single files leave
                alone. Known secrets, symlinks that lead out and the sizes are not among these rules.
        """
        self._max_files = max_files
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._protected = _patterns(pattern.casefold() for pattern in protected)
        self._allow = _patterns(allow)

    @classmethod
    def of(cls, limits: PatchLimits) -> Self:
        """The policy that repositories.yaml describes."""
        return cls(
            max_files=limits.max_files,
            max_lines=limits.max_lines,
            max_bytes=limits.max_bytes,
            protected=(*PROTECTED, *limits.protect),
            allow=limits.allow,
        )

    def check(self, patch: Patch, redactor: Redactor) -> list[Violation]:
        """Everything that is wrong with a patch; empty when it may be published.

        Args:
            patch: what would be published.
            redactor: knows the secrets that must not be in it.
        """
        violations = list(self._sizes(patch))
        for file in patch.files:
            violations += _lasting(file, redactor)
            if not self._allowed(file):
                violations += self._file(file)
        if len(patch.text.encode()) <= self._max_bytes:
            for path, lines in groupby(patch.added_lines, key=lambda line: line.path):
                violations += self._added(path, list(lines), redactor)
        return violations

    def _sizes(self, patch: Patch) -> Iterator[Violation]:
        stat, size = patch.stat, len(patch.text.encode())
        for rule, found, most in (
            ("max_files", stat.files, self._max_files),
            ("max_lines", stat.added + stat.deleted, self._max_lines),
            ("max_bytes", size, self._max_bytes),
        ):
            if found > most:
                yield Violation(
                    "", rule, f"{found}, over {most}; raise patch.{rule} in repositories.yaml to allow it"
                )

    def _file(self, file: FileChange) -> Iterator[Violation]:
        for path in (file.path, file.old_path):
            if path is not None and self._protected.match_file(path.casefold()):
                yield _violation(path, "protected path", "agents may not change it")
        if GITLINK in (file.mode, file.old_mode):
            yield _violation(file.path, "submodule", "a submodule would be added, moved or removed")
        if file.binary and file.status != "D":
            what = "an executable" if file.mode == _EXECUTABLE else "a file"
            yield _violation(file.path, "binary", f"{what} that no reviewer can read")
        if any(is_invisible(character) for character in file.path) or "\n" in file.path:
            yield _violation(file.path, "name", "the name has invisible characters")

    def _added(self, path: str, lines: list[AddedLine], redactor: Redactor) -> Iterator[Violation]:
        text = "\n".join(line.text for line in lines)
        if redactor.known(text) != text:
            where = _where(lines, redactor.known)
            yield Violation(path, "secret", f"{where} has a secret of this installation; take it out")
        if self._allow.match_file(path):
            return
        if redactor.known(text) == text and redactor.text(text) != text:
            yield _violation(
                path, "secret", f"{_where(lines, redactor.text)} looks like a password, key or token"
            )
        for line in lines:
            if _BIDI & set(line.text):
                yield _violation(
                    path, "hidden text", f"line {line.number} has characters that change the reading order"
                )
                break

    def _allowed(self, file: FileChange) -> bool:
        paths = [file.path] if file.old_path is None else [file.path, file.old_path]
        return all(self._allow.match_file(path) for path in paths)


def _lasting(file: FileChange, redactor: Redactor) -> Iterator[Violation]:
    """Rules that no list of allowed paths lifts."""
    if file.mode == SYMLINK and not _stays_inside(file.path, file.symlink_target or ""):
        yield Violation(
            file.path,
            "symlink",
            f"it leads to {file.symlink_target!r}, out of the repository; this cannot be allowed",
        )
    names = f"{file.path}\n{file.symlink_target or ''}"
    if redactor.known(names) != names:
        yield Violation(redactor.known(file.path), "secret", "its name has a secret of this installation")


def _stays_inside(path: str, target: str) -> bool:
    if not target or target.startswith("/") or "\\" in target or ":" in target.partition("/")[0]:
        return False
    parts = target.split("/")
    climbing = next((at for at, part in enumerate(parts) if part not in {"..", "."}), len(parts))
    if ".." in parts[climbing:]:  # through another symlink this may be anywhere
        return False
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return reached.split("/")[0] not in {"..", ".git"} and ".git" not in map(str.casefold, parts)


def _where(lines: list[AddedLine], clean: Callable[[str], str]) -> str:
    hit = next((line for line in lines if clean(line.text) != line.text), lines[0])
    return f"line {hit.number}"


def _violation(path: str, rule: str, what: str) -> Violation:
    return Violation(
        path, rule, f"{what}; add {path!r} to patch.allow of the repository in repositories.yaml to allow it"
    )


def _patterns(lines: Iterable[str]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)
