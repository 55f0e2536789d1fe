"""Patches that must not be published. Each is made by real git out of a real work tree."""

import base64

import pytest

from bridle.config.repositories import PatchLimits
from bridle.guard.patch_policy import PatchPolicy
from bridle.guard.redact import Redactor
from bridle.testing.git_repository import plain_git

pytestmark = pytest.mark.attack

SECRET = "correct+horse+battery-7"
AWS = "AKIA" + "IOSFODNN7REALKEY"


def found(clone, *, redactor=None, **limits):
    policy = PatchPolicy.of(PatchLimits(**limits))
    return {
        (violation.path, violation.rule) for violation in policy.check(clone.diff(), redactor or Redactor())
    }


def write(clone, path, content="x\n"):
    place = clone.path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)


def test_an_ordinary_fix_passes(clone):
    write(clone, "src/calc.py", "def add(a, b):\n    return a + b\n")
    write(clone, "tests/test_calc.py", "from calc import add\n")
    write(clone, ".gitignore", "build/\n")
    (clone.path / "link.py").symlink_to("src/calc.py")
    (clone.path / "src" / "up").symlink_to("../README.md")
    assert found(clone) == set()


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        ".GitHub/workflows/ci.yml",
        "sub/.github/x",
        ".gitlab-ci.yml",
        ".circleci/config.yml",
        "Jenkinsfile",
        "ci/Jenkinsfile.release",
        "azure-pipelines.yml",
        "CLAUDE.md",
        "claude.md",
        "docs/AGENTS.md",
        ".claude/settings.json",
        ".codex/config.toml",
        ".cursor/rules/x.mdc",
        ".mcp.json",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        ".anything/x",
        ".gitmodules",
        "src/.gitattributes",
        ".pre-commit-config.yaml",
        ".npmrc",
    ],
)
def test_protected_paths_are_refused_until_they_are_allowed(clone, path):
    write(clone, path)
    assert found(clone) == {(path, "protected path")}
    assert found(clone, allow=(f"/{path}",)) == set()
    [violation] = PatchPolicy().check(clone.diff(), Redactor())
    assert path in str(violation)
    assert "patch.allow" in str(violation)


def test_a_protected_file_cannot_be_moved_away_or_deleted(user, workspace, repository):
    base = user.commit({"CODEOWNERS": "* @owner\n" * 20, ".github/ci.yml": "on: push\n" * 20})
    workspace.mirror(repository).fetch()
    with workspace.open(repository, base, "s") as clone:
        (clone.path / "CODEOWNERS").rename(clone.path / "owners.txt")
        (clone.path / ".github/ci.yml").unlink()
        assert found(clone) == {("CODEOWNERS", "protected path"), (".github/ci.yml", "protected path")}
        assert ("CODEOWNERS", "protected path") in found(clone, allow=("owners.txt",))


def test_paths_that_the_repository_protects_are_refused(clone):
    write(clone, "migrations/1.sql")
    assert found(clone, protect=("migrations/",)) == {("migrations/1.sql", "protected path")}


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../../outside",
        "src/../../outside",
        "..",
        "../../../x",
        ".git/config",
        ".GIT",
        "a\\..\\..\\b",
        "C:/x",
        "src/deep/../../../x",
    ],
)
def test_symlinks_that_lead_out_are_refused_whatever_is_allowed(clone, target):
    (clone.path / "link").symlink_to(target)
    assert found(clone, allow=("*",)) == {("link", "symlink")}


def test_a_submodule_is_refused(clone, mirror, base):
    write(clone, "a")
    sha = clone.commit("a")
    mirror.git("update-ref", "refs/bridle/x", sha)
    tree = mirror.git("ls-tree", sha) + f"160000 commit {base}\tmodule\n".encode()
    patch = mirror.diff(base, mirror.git("mktree", "--missing", stdin=tree).decode().strip())
    rules = {(violation.path, violation.rule) for violation in PatchPolicy().check(patch, Redactor())}
    assert rules == {("module", "submodule")}


def test_binaries_are_refused_unless_allowed_or_deleted(clone):
    write(clone, "tool", b"\x7fELF\x00\x00")
    (clone.path / "tool").chmod(0o755)
    write(clone, "src/calc.py", b"def add(a, b):\n    return a + b\n\x00")
    (clone.path / "src/data.bin").unlink()
    assert found(clone) == {("tool", "binary"), ("src/calc.py", "binary")}
    assert found(clone, allow=("tool",)) == {("src/calc.py", "binary")}


def test_a_script_may_become_executable(clone):
    write(clone, "run.sh", "#!/bin/sh\n")
    (clone.path / "run.sh").chmod(0o755)
    assert found(clone) == set()


@pytest.mark.parametrize(
    "hidden",
    [
        SECRET,
        base64.b64encode(f"token={SECRET}".encode()).decode(),
        SECRET.encode().hex(),
        SECRET.replace("+", "%2B"),
    ],
)
def test_known_secrets_are_refused_in_any_encoding_whatever_is_allowed(clone, hidden):
    write(clone, "src/config.txt", f"first\nvalue {hidden} end\n")
    redactor = Redactor([SECRET])
    assert found(clone, redactor=redactor, allow=("*",)) == {("src/config.txt", "secret")}
    [violation] = PatchPolicy().check(clone.diff(), redactor)
    assert "line 2" in violation.detail
    assert SECRET not in str(violation)


def test_known_secrets_are_refused_in_names_and_not_repeated(clone):
    write(clone, f"dir/{SECRET}.txt")
    [violation] = PatchPolicy().check(clone.diff(), Redactor([SECRET]))
    assert violation.rule == "secret"
    assert SECRET not in str(violation)


def test_what_looks_like_a_key_is_refused_until_its_path_is_allowed(clone):
    write(clone, "src/settings.py", f'KEY = "{AWS}"\n')
    assert found(clone) == {("src/settings.py", "secret")}
    assert found(clone, allow=("src/settings.py",)) == set()


def test_a_secret_that_a_patch_takes_out_is_no_reason_to_refuse_it(user, workspace, repository):
    base = user.commit({"src/settings.py": f'KEY = "{AWS}"\nOTHER = 1\n'})
    workspace.mirror(repository).fetch()
    with workspace.open(repository, base, "s") as clone:
        write(clone, "src/settings.py", "OTHER = 1\n")
        assert found(clone) == set()


def test_lines_that_read_in_another_order_than_they_run_are_refused(clone):
    write(clone, "src/auth.py", "if access != 'user\u202e \u2066# admin\u2069 \u2066':\n")
    assert found(clone) == {("src/auth.py", "hidden text")}


def test_names_with_invisible_characters_are_refused(clone):
    write(clone, "src/ca\u200blc.py")
    assert found(clone) == {("src/ca\u200blc.py", "name")}


@pytest.mark.parametrize(
    ("limit", "rule"),
    [({"max_files": 2}, "max_files"), ({"max_lines": 10}, "max_lines"), ({"max_bytes": 100}, "max_bytes")],
)
def test_a_patch_that_is_too_large_is_refused_and_the_setting_is_named(clone, limit, rule):
    for number in range(3):
        write(clone, f"src/f{number}.py", "x = 1\n" * 5)
    assert found(clone) == set()
    [violation] = PatchPolicy.of(PatchLimits(**limit)).check(clone.diff(), Redactor())
    assert violation.rule == rule
    assert f"patch.{rule}" in violation.detail


def test_content_that_poses_as_a_diff_is_read_as_content(clone):
    write(
        clone, "src/a.txt", f"--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n+{SECRET}\ndiff --git a/x b/x\n"
    )
    patch = clone.diff()
    assert {line.path for line in patch.added_lines} == {"src/a.txt"}
    assert [line.number for line in patch.added_lines] == [1, 2, 3, 4, 5]
    assert found(clone, redactor=Redactor([SECRET])) == {("src/a.txt", "secret")}


def test_a_file_that_turns_into_a_symlink_keeps_every_line_in_its_place(clone):
    (clone.path / "README.md").unlink()
    (clone.path / "README.md").symlink_to("src/calc.py")
    write(clone, "zzz.txt", "last\n")
    lines = [(line.path, line.number, line.text) for line in clone.diff().added_lines]
    assert lines == [("README.md", 1, "src/calc.py"), ("zzz.txt", 1, "last")]


def test_the_hash_of_a_patch_depends_on_content_and_mode_only(clone, workspace, repository, base):
    write(clone, "a", "1\n")
    first = clone.diff()
    plain_git(clone.path, "add", "--all")
    assert clone.diff().hash == first.hash
    with workspace.open(repository, base, "twin") as twin:
        write(twin, "a", "1\n")
        assert twin.diff().hash == first.hash
        (twin.path / "a").chmod(0o755)
        assert twin.diff().hash != first.hash
